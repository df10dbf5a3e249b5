# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain, clock and tickets, as nltest, w32tm and klist tell them in several languages."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    DENIED,
    ChannelEvidence,
    HostTicketEvidence,
    HostTicketsEvidence,
    MembershipEvidence,
    TimeEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.windows import domain, services, system, tickets, times
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Material, Said
from host_material import NOW, here, registry, row, said

GOOD = """Flags: 30 HAS_IP  HAS_TIMESERV
Trusted DC Name \\\\dc1.lab.test
Trusted DC Connection Status Status = 0 0x0 NERR_Success
The command completed successfully
"""
BROKEN = "Flags: 0\nTrusted DC Name\nTrusted DC Connection Status Status = {0} 0x{0:x} ERROR_X\nThe command completed successfully\n"
FOUND = """           DC: \\\\dc1.lab.test
      Address: \\\\192.0.2.10
     Dom Guid: 4f1b1e9c-8f4c-4f3c-9b1a-2f3f0c7c1d11
     Dom Name: lab.test
        Flags: PDC GC DS LDAP KDC TIMESERV
The command completed successfully
"""
NOT_FOUND = "Getting DC name failed: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN\n"


def member(**more: t.Any) -> object:
    values = {"Name": "WEB01", "Domain": "lab.test", "PartOfDomain": "true", "DomainRole": 3, "Workgroup": None, **more}
    return row(**values)


def joined(channel: Said | Unknown, located: Said | Unknown, **more: t.Any) -> MembershipEvidence:
    material = Material(queries={"membership": (member(**more),)}, commands={domain.CHANNEL: channel, domain.LOCATOR: located})  # type: ignore[dict-item]
    found = domain.evidence(material, here())
    assert isinstance(found, MembershipEvidence)
    return found


def test_a_member_with_a_sound_channel() -> None:
    assert joined(said(GOOD), said(FOUND)) == MembershipEvidence(
        True, 3, "lab.test", "WEB01", ChannelEvidence(0, "dc1.lab.test"), ChannelEvidence(0, "dc1.lab.test", "192.0.2.10"),
    )


@pytest.mark.parametrize(("text", "code"), [
    (BROKEN.format(1311), 1311), ("I_NetLogonControl failed: Status = 1722 0x6ba RPC_S_SERVER_UNAVAILABLE\n", 1722),
    (GOOD.replace("The command", "Trust Verification Status = 1787 0x6fb X\nThe command"), 1787),
    ("Verbindungsstatus = 1789 0x6fd ERROR_TRUSTED_RELATIONSHIP_FAILURE\n", 1789), ("Status = 4000000000 0xee6b2800 X", 4000000000),
])
def test_the_worst_code_wins_whatever_the_last_line_says(text: str, code: int) -> None:
    found = joined(said(text), said(FOUND)).secure_channel
    assert isinstance(found, ChannelEvidence)
    assert found.code == code


def test_a_known_code_is_explained() -> None:
    found = joined(said(BROKEN.format(1311)), said(NOT_FOUND, 1355))
    assert isinstance(found.secure_channel, ChannelEvidence)
    assert "domain controller" in found.secure_channel.means
    assert isinstance(found.controller, ChannelEvidence)
    assert found.controller.code == 1355


@pytest.mark.parametrize(("answer", "expected"), [
    (said("nltest is not recognized", 9009), Unknown("nltest ended with exit code 9009 and told no status")),
    (said("", None), Unknown("nltest did not end in time")), (Unknown("not read"), Unknown("not read")), (Unknown(DENIED), Unknown(DENIED)),
    (said("I_NetLogonControl failed: Status = 5 0x5 ERROR_ACCESS_DENIED", 5), Unknown(DENIED)),
    (said("Flags: 0\r\nTrusted DC Name \r\nTrusted DC Connection Status Status = 5 0x5 ERROR_ACCESS_DENIED\r\nThe command completed successfully"),
     ChannelEvidence(5, "", "", domain.STALE)),
    (said("Status = " + "9" * 5000), Unknown("nltest ended with exit code 0 and told no status")),
])
def test_no_answer_is_unknown_with_its_reason(answer: Said | Unknown, expected: Unknown) -> None:
    assert joined(answer, said(FOUND)).secure_channel == expected


def test_a_domain_controller_has_no_channel_with_its_own_domain() -> None:
    found = joined(said(BROKEN.format(1355)), said(FOUND), DomainRole=5)
    assert (found.role, found.secure_channel) == (5, domain.OWN_DOMAIN)
    kept = joined(said(BROKEN.format(1311)), said(FOUND), DomainRole=4)
    assert isinstance(kept.secure_channel, ChannelEvidence)


def test_a_workgroup_has_neither() -> None:
    found = joined(said(BROKEN.format(1717)), said(NOT_FOUND, 1355), DomainRole=2, PartOfDomain="false", Domain="WORKGROUP")
    assert found == MembershipEvidence(False, 2, "WORKGROUP", "WEB01", domain.NO_MEMBER, domain.NO_MEMBER)


@pytest.mark.parametrize(("keys", "commands", "circumstances", "expected"), [
    ({}, {}, {"domain": "lab.test"}, (True, None)), ({}, {domain.CHANNEL: said(GOOD)}, {}, (True, None)),
    ({system.OPTIONS: {"ProductType": "WinNT"}}, {}, {"netbios_computer": "PC01"}, (False, 0)),
    ({system.OPTIONS: {"ProductType": "LanmanNT"}}, {}, {}, (True, 4)), ({system.OPTIONS: {"ProductType": "ServerNT"}}, {}, {"domain": "lab.test"}, (True, 3)),
    ({domain.TCPIP: {"Domain": "lab.test"}}, {}, {}, (True, None)), ({domain.TCPIP: {"Hostname": "web01"}}, {}, {}, (False, None)),
])
def test_membership_without_wmi(keys: dict[str, t.Any], commands: dict[str, t.Any], circumstances: dict[str, str], expected: tuple[bool, int | None]) -> None:
    found = domain.evidence(Material(registry=registry(keys), commands=commands, queries={"membership": Unknown(DENIED)}), here(**circumstances))
    assert isinstance(found, MembershipEvidence)
    assert (found.member, found.role) == expected


def test_membership_that_nobody_tells_is_unknown() -> None:
    assert domain.evidence(Material(queries={"membership": Unknown(DENIED)}), here()) == Unknown(DENIED)


@pytest.mark.parametrize(("circumstances", "expected"), [
    ({"domain": "lab.test", "netbios_domain": "LAB"}, ["nltest /sc_query:lab.test", "nltest /dsgetdc:lab.test"]),
    ({"domain": "lab.test & del", "netbios_domain": "LAB"}, ["nltest /sc_query:LAB", "nltest /dsgetdc:LAB"]),
    ({"domain": 'a"b', "netbios_domain": "%X%"}, []), ({"netbios_computer": "WEB01"}, []), ({}, ["nltest /query", "nltest /dsgetdc:"]),
])
def test_only_safe_names_reach_a_command_line(circumstances: dict[str, str], expected: list[str]) -> None:
    assert [command.line for command in domain.needs(here(**circumstances)).commands] == expected
    assert not [one for one in times.needs(here(**circumstances)).commands if "&" in one.line or '"' in one.line or "%" in one.line]


ENGLISH = """Leap Indicator: 0(no warning)
Stratum: 4 (secondary reference - syncd by (S)NTP)
Precision: -23 (119.209ns per tick)
Root Delay: 0.0312500s
Root Dispersion: 0.0498722s
ReferenceId: 0xC000020A (source IP:  192.0.2.10)
Last Successful Sync Time: 1/15/2027 7:53:20 AM
Source: dc1.lab.test
Poll Interval: 10 (1024s)

"""
VERBOSE = """Phase Offset: -0.0000013s
ClockRate: 0.0156250s
State Machine: 2 (Sync)
Time Source Flags: 3 (Authenticated Hardware )
Server Role: 0 (None)
Last Sync Error: 0 (The command completed successfully.)
Time since Last Good Sync Time: 100.7344985s
"""
GERMAN = """Sprungindikator: 0(keine Warnung)
Stratum: 4 (Sekundärreferenz - synchr. über (S)NTP)
Präzision: -23 (119.209ns pro Tick)
Stammverzögerung: 0.0312500s
Stammabweichung: 0.0498722s
Referenz-ID: 0xC000020A (Quell-IP:  192.0.2.10)
Letzte erfolgr. Synchronisierungszeit: 15.01.2027 08:53:20
Quelle: dc1.lab.test
Abrufintervall: 10 (1024s)

"""
FRENCH = GERMAN.replace("Stratum:", "Couche :").replace("Quelle:", "Source :")
UNSYNCHRONISED = """Leap Indicator: 3(not synchronized)
Stratum: 0 (unspecified)
Precision: -23 (119.209ns per tick)
Root Delay: 0.0000000s
Root Dispersion: 0.0000000s
ReferenceId: 0x00000000 (unspecified)
Last Successful Sync Time: unspecified
Source: Local CMOS Clock
Poll Interval: 10 (1024s)
"""
STOPPED = Unknown("the time service does not run")
FREE = ENGLISH.replace("0xC000020A", "0x4C4F434C").replace("Stratum: 4", "Stratum: 1")


def clock(status: Said | Unknown, **more: t.Any) -> TimeEvidence:
    found = times.evidence(Material(commands={times.STATUS.id: status, **more.pop("commands", {})}), here(**more))  # type: ignore[dict-item]
    assert isinstance(found, TimeEvidence)
    return found


@pytest.mark.parametrize(("text", "expected"), [
    (ENGLISH, ("dc1.lab.test", "1/15/2027 7:53:20 AM", True)), (GERMAN, ("dc1.lab.test", "15.01.2027 08:53:20", True)),
    (FRENCH, ("dc1.lab.test", "15.01.2027 08:53:20", True)), (ENGLISH + VERBOSE, ("dc1.lab.test", "2027-01-15T07:58:20Z", True)),
    (UNSYNCHRONISED, ("Local CMOS Clock", times.NEVER, False)), (FREE, ("dc1.lab.test", "1/15/2027 7:53:20 AM", False)),
])
def test_the_status_is_read_by_its_order(text: str, expected: tuple[str, object, bool]) -> None:
    found = clock(said(text))
    assert (found.source, found.last_sync, found.synchronised) == expected


@pytest.mark.parametrize(("answer", "source", "synchronised"), [
    (said("Der folgende Fehler ist aufgetreten: Der Dienst wurde nicht gestartet. (0x80070426)\n", -2147023834), STOPPED, False),
    (said("Access is denied. (0x80070005)\n", 5), Unknown(DENIED), Unknown(DENIED)),
    (said("Fehler (0x800706BA)", 1), Unknown("w32tm failed with 0x800706BA"), Unknown("w32tm failed with 0x800706BA")),
    (said("nonsense", 0), Unknown("w32tm ended with exit code 0"), Unknown("w32tm ended with exit code 0")),
])
def test_a_failure_is_told_by_its_number(answer: Said, source: object, synchronised: object) -> None:
    found = clock(answer, commands={services.command_of("W32Time").id: said("A: 20\nB: 1  STOPPED\nC: 0 (0x0)\n")})
    assert (found.source, found.synchronised, found.service) == (source, synchronised, "stopped")


def test_the_source_is_asked_for_by_itself_too() -> None:
    assert clock(said("", 1), commands={times.SOURCE.id: said("dc1.lab.test \n")}).source == "dc1.lab.test"


@pytest.mark.parametrize(("text", "expected"), [
    ("Tracking lab.test [192.0.2.10:123].\nCollecting 1 samples.\nThe current time is 1/1/2027 10:37:19 AM.\n10:37:19, +01.0620337s\n", -1.0620337),
    ("lab.test wird verfolgt [192.0.2.10:123].\nEs ist 01.01.2027 10:37:19.\n10:37:19, -00,6800000s\n", 0.68),
    ("Tracking lab.test [192.0.2.10:123].\n10:37:19 d:+00.0009765s o:-00.6800000s  [      *      ]\n", 0.68),
    ("Tracking lab.test [192.0.2.10:123].\n10:37:19, +600.0000001s\n10:37:21, +00.0000000s\n", 0.0),
    ("Tracking lab.test [192.0.2.10:123].\n10:37:19, error: 0x800705B4\n", Unknown("the domain controller did not answer the host's question for the time")),
    ("Tracking lab.test [192.0.2.10:123].\n", Unknown("w32tm ended with exit code 0 and told no offset")),
])
def test_the_offset_to_a_controller_has_the_sign_of_the_host(text: str, expected: object) -> None:
    found = clock(said(ENGLISH), domain="lab.test", commands={times.CHART: said(text)})
    assert (found.controller, found.controller_offset) == ("192.0.2.10", expected)


def test_registry_and_endpoint_tell_the_rest() -> None:
    material = Material(registry=registry({times.PARAMETERS: {"Type": "NTP", "NtpServer": "a.test,0x9 b.test,0x1"}}))
    found = times.evidence(material, here(offset=2.5, uncertainty=0.5))
    assert isinstance(found, TimeEvidence)
    assert (found.type, found.servers, found.offset, found.uncertainty) == ("NTP", ("a.test", "b.test"), 2.5, 0.5)
    assert found.source == Unknown("not read")


@pytest.mark.parametrize(("material", "expected"), [
    (Material(), times.NOT_TOLD), (Material(registry=registry({}, {"HKLM\\SYSTEM": DENIED})), Unknown(DENIED)),
    (Material(commands={times.STATUS.id: Unknown(DENIED)}), Unknown(DENIED)), (Material(commands={times.STATUS.id: Unknown("lost")}), Unknown("lost")),
])
def test_a_clock_that_nobody_tells_of_is_unknown(material: Material, expected: Unknown) -> None:
    assert times.evidence(material, here(at=NOW, offset=1.0)) == expected


NO_SESSION = """
Aktuelle Anmelde-ID ist 0:0x1ae296c
Fehler beim Aufrufen der API LsaCallAuthenticationPackage (ShowTickets-Teilstatus): 1312

klist ist fehlgeschlagen mit 0xc000005f/-1073741729: Eine angegebene Anmeldesitzung ist nicht vorhanden.
"""
CACHED = """
Current LogonId is 0:0x1ae2961c
Targeted LogonId is 0:0x3e7

Cached Tickets: (2)

#0>\tClient: web01$ @ LAB.TEST
\tServer: krbtgt/LAB.TEST @ LAB.TEST
\tKerbTicket Encryption Type: AES-256-CTS-HMAC-SHA1-96
\tTicket Flags 0x40e10000 -> forwardable
\tStart Time: 1/15/2027 7:53:20 (local)

#1>\tClient: web01$ @ LAB.TEST
\tServer: ldap/dc1.lab.test/lab.test @ LAB.TEST
\tKerbTicket (Verschlüsselungstyp): RSADSI RC4-HMAC(NT)
\tTicket Flags 0x80090311 ->
"""


def test_tickets_are_read_by_structure_and_failures_by_number() -> None:
    found = tickets.evidence(Material(commands={tickets.OWN.id: said(NO_SESSION, 1), tickets.MACHINE.id: said(CACHED)}), here())
    assert found == HostTicketsEvidence((
        HostTicketEvidence("web01$@LAB.TEST", "krbtgt/LAB.TEST@LAB.TEST", "AES-256-CTS-HMAC-SHA1-96", "machine"),
        HostTicketEvidence("web01$@LAB.TEST", "ldap/dc1.lab.test/lab.test@LAB.TEST", "RSADSI RC4-HMAC(NT)", "machine"),
    ), ("0xc000005f", "1312"))


@pytest.mark.parametrize("text", ["", "#0>", "#0> Client: x\n", "#0>\tClient: a @ B\n", "#0>" * 5000, "#0>\tClient: a@b\n#1>\tServer: c@d\n", "@\n" * 100])
def test_malformed_tickets_are_none(text: str) -> None:
    found = tickets.evidence(Material(commands={tickets.MACHINE.id: said(text)}), here())
    assert found == HostTicketsEvidence()


def test_a_refusal_is_a_number_and_silence_is_unknown() -> None:
    assert tickets.evidence(Material(commands={tickets.MACHINE.id: said("failed with 0xC0000061/-1073741727", 1)}), here()) == HostTicketsEvidence(
        (), ("0xc0000061",),
    )
    assert tickets.evidence(Material(commands={tickets.MACHINE.id: said("nothing", 9009)}), here()) == HostTicketsEvidence((), ("9009",))
    assert tickets.evidence(Material(commands={tickets.OWN.id: Unknown(DENIED), tickets.MACHINE.id: Unknown("lost")}), here()) == Unknown(DENIED)
