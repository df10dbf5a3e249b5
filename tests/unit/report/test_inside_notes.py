# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inside in a result: what is noted of it, how much of it is told."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.fit import size
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    ChannelEvidence,
    GroupEvidence,
    HostEvidence,
    LimitsEvidence,
    MemberEvidence,
    ProfileEvidence,
    ReservationEvidence,
    RightEvidence,
    RuleEvidence,
    ServiceEvidence,
    SettingEvidence,
    ShellEvidence,
    StoredCertificateEvidence,
    TimeEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.report import inside_notes
from ansible_collections.winrm.doctor.plugins.module_utils.report.notes import notes
from ansible_collections.winrm.doctor.plugins.module_utils.report.result import LIMIT, result_of
from cases import CERTIFICATE, NOW, attempt
from cases import case as outside_case
from domain_cases import domain, kerberos
from domain_cases import host as domain_host
from host_cases import (
    HTTP,
    HTTPS,
    MEMBER,
    STORED,
    WORKGROUP,
    access,
    certificates,
    config,
    denied,
    firewall,
    inside,
    listeners,
    pair,
    passage,
    policy,
    problem,
    rescued,
    seen,
    shut,
)

OTHER = "EF" * 20


def of_certificates(*kinds: tuple[str, str, str]) -> HostEvidence:
    return inside(certificates=certificates(problems=tuple(problem(*one) for one in kinds)))


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        pytest.param(
            seen(rescued()), "The host's inside was read by the alternate logon rescue (rescue, ntlm over http).", id="way",
        ),
        pytest.param(
            seen(denied()),
            "LAB\\svc may not read the inside (winrm/config, WMI root/cimv2, cmd (WinRS)): an administrator of the host may, as one of alternate_logons for "
            "instance.",
            id="denied",
        ),
        pytest.param(seen(Unknown("the time was used up")), "The host's inside was not read: the time was used up.", id="no time"),
        pytest.param(
            pair(Unknown("admin01.lab.test does not answer on TCP 5986")),
            "The client side of admin01 was not read: admin01.lab.test does not answer on TCP 5986. So its logon is not judged. See what keeps this control "
            "node out: ansible admin01 -m winrm.doctor.diagnose. Let the inventory log on to admin01 as one of its administrators.", id="client",
        ),
        pytest.param(
            pair(denied()),
            "The client side of admin01 was not read: its account in the inventory may not read it (winrm/config, WMI root/cimv2, cmd (WinRS)). So its logon "
            "is not judged. Let the inventory log on to admin01 as one of its administrators.", id="client denied",
        ),
        pytest.param(
            pair(inside(denied=("registry HKLM\\SAM",))),
            "The client side of admin01 was read (LAB\\svc, negotiate over https). Its logon is judged by how the two are set up; it was not tried. Not read "
            "there, for which another account is needed: registry HKLM\\SAM.", id="client in part",
        ),
        pytest.param(
            replace(pair(), client_name="WEB01"),
            "WEB01 is the host itself, so there is no pair to judge: client_host is to name the machine from which somebody logs on.", id="client is the host",
        ),
        pytest.param(
            seen(of_certificates(("expiring", OTHER, "The certificate of the service expires on 2026-04-20, in 11 days."))),
            "The certificate of the service expires on 2026-04-20, in 11 days.", id="expiring",
        ),
        pytest.param(
            seen(of_certificates(("root_misplaced", OTHER, "Root holds CN=Sub."), ("root_misplaced", "AA" * 20, "Root holds CN=Other."))),
            "Root holds CN=Sub (2 of them).", id="misplaced",
        ),
        pytest.param(
            seen(inside(service=(ServiceEvidence("WinRM", "running", "manual"),))),
            "The WinRM service runs, but starts by hand only: after a restart of the host nobody may answer. Set-Service WinRM -StartupType Automatic.",
            id="start mode",
        ),
        pytest.param(
            seen(inside(listeners=listeners(problems=(problem("bad_filter", "IPv6Filter", "IPv6Filter is 'x', which is no list."),)))),
            "IPv6Filter is 'x', which is no list.", id="filter",
        ),
        pytest.param(
            seen(inside(config=config(Service__AllowUnencrypted="true"))),
            "The host takes messages that are not encrypted (AllowUnencrypted is true): over HTTP everybody on the way may read them.", id="plain",
        ),
        pytest.param(
            seen(inside(firewall=firewall(passage("narrowed", admits=True, remote=("192.0.2.0/24",))))),
            "The host's firewall lets TCP 5986 in on the domain profile from 192.0.2.0/24 alone.", id="narrowed",
        ),
        pytest.param(
            seen(inside(firewall=firewall(profiles=(ProfileEvidence("domain", False), ProfileEvidence("public", False))))),
            "The host's firewall is switched off in the domain and public profiles.", id="firewall off",
        ),
        pytest.param(
            seen(inside(limits=LimitsEvidence(problems=(problem("small_quota", "Winrs/MaxShellsPerUser", "MaxShellsPerUser is 2, 30 by default."),)))),
            "MaxShellsPerUser is 2, 30 by default.", id="quota",
        ),
        pytest.param(
            seen(inside(domain=replace(MEMBER, secure_channel=ChannelEvidence(1786)))),
            "The host's secure channel to lab.test has the status 1786 (ERROR_NO_TRUST_LSA_SECRET): The host has no machine password for its domain. This "
            "logon works all the same, those that the host has checked by its domain do not. See first: nltest /sc_query:lab.test, every line with Status = "
            "(it only asks; /sc_verify sets the channel up anew, which may mend it). Repair the secure channel, on the host as a local administrator: "
            "Test-ComputerSecureChannel -Repair -Credential lab.test\\admin Or: netdom resetpwd /server:dc1.lab.test /userd:lab.test\\admin /passwordd:*.",
            id="channel",
        ),
        pytest.param(
            seen(inside(domain=replace(MEMBER, controller=ChannelEvidence(1355)))),
            "The host finds no domain controller of lab.test: status 1355 (ERROR_NO_SUCH_DOMAIN): The domain does not exist or cannot be contacted; on "
            "a domain controller asked about its own domain this is expected. Logons that need one will fail. Let the host find and reach a domain controller: "
            "its DNS servers, and ports 53, 88, 135, 389 and 445 to them: nltest /dsgetdc:lab.test /force; Resolve-DnsName "
            "_ldap._tcp.dc._msdcs.lab.test -Type SRV.",
            id="controller",
        ),
        pytest.param(
            seen(inside(denied=("winrm/shell",))),
            "LAB\\svc may not read a part of the inside (winrm/shell); the rest was read, and what that part would tell is unknown.", id="denied in part",
        ),
        pytest.param(
            seen(inside(firewall=firewall(profiles=tuple(ProfileEvidence(name, False) for name in ("domain", "private", "public"))))),
            "The host's firewall is switched off in the domain, private and public profiles.", id="firewall off everywhere",
        ),
        pytest.param(
            seen(inside(time=TimeEvidence("NoSync", service="stopped", controller_offset=400.0))),
            "The host's clock may drift: the time service w32time is stopped, the time service is told to follow nobody (Type NoSync).", id="time service",
        ),
        pytest.param(
            seen(inside(time=TimeEvidence("NT5DS", service="running", controller_offset=-400.0))),
            "The host measures -400 s to its domain controller: Kerberos fails between the two, though this logon works.", id="clock",
        ),
        pytest.param(
            seen(inside(policy=policy(("HKLM\\KEY", "SupportedEncryptionTypes", "4")))),
            "The host's policy allows Kerberos no AES (SupportedEncryptionTypes is 4), which stops working where RC4 is switched off.", id="RC4",
        ),
    ],
)
def test_note(whole: Case, words: str) -> None:
    assert words in notes(whole, NOW)


@pytest.mark.parametrize("whole", [seen(), outside_case(), replace(outside_case(), host=Unknown("not asked: the logon works"))])
def test_well_inside_needs_no_note(whole: Case) -> None:
    assert [sentence for rule in inside_notes.RULES for sentence in rule(whole, NOW)] == []


def test_channel_that_finds_no_controller_is_not_to_be_repaired() -> None:
    said = " ".join(notes(seen(inside(domain=replace(MEMBER, secure_channel=ChannelEvidence(1311)))), NOW))
    assert "1311 (ERROR_NO_LOGON_SERVERS)" in said
    assert "reach a domain controller" in said
    assert "-Repair" not in said


def test_workgroup_may_do_without_a_time_service() -> None:
    assert not [one for one in notes(seen(inside(domain=WORKGROUP, time=TimeEvidence(service="stopped"))), NOW) if "drift" in one]


def test_certificate_that_the_outside_tells_of_is_not_told_twice() -> None:
    whole = seen(of_certificates(("expiring", CERTIFICATE.thumbprint, "The certificate of the listener *+HTTPS expires soon.")))
    assert [sentence for sentence in notes(whole, NOW) if "expires soon" in sentence] == []


def test_nobody_got_in_needs_no_note() -> None:
    assert notes(seen(Unknown("nobody could log on to the host"), attempt("refused")), NOW) == []


def test_everything_denied_is_one_note() -> None:
    assert len([sentence for sentence in notes(seen(denied()), NOW) if "may not" in sentence]) == 1


def fat() -> HostEvidence:
    """A busy server: hundreds of rules, certificates and groups."""
    many = tuple(RuleEvidence(f"rule-{number}", "x" * 60, ports=(str(5000 + number),), remote=("192.0.2.0/24",) * 8) for number in range(300))
    own = tuple(replace(STORED, used_by=(), certificate=replace(CERTIFICATE, thumbprint=f"{number:040x}", dns_names=("a.test",) * 9)) for number in range(40))
    above = tuple(StoredCertificateEvidence("Root", replace(CERTIFICATE, subject=f"CN=Root {number}")) for number in range(60))
    members = tuple(MemberEvidence(f"LAB\\user{number}", f"S-1-5-21-1-2-3-{number}") for number in range(200))
    settings = tuple(SettingEvidence(f"Plugin/Setting{number}", "x" * 100, "y") for number in range(100))
    return inside(
        config=replace(config(), settings=(*config().settings, *settings)), firewall=firewall(rules=many), certificates=certificates(STORED, *own, *above),
        listeners=listeners(HTTP, HTTPS, reservations=tuple(ReservationEvidence(f"http://+:{number}/wsman/", "D:" + "x" * 200) for number in range(30))),
        access=replace(access(), groups=(GroupEvidence("S-1-5-32-544", "Administrators", members),), sids=tuple(one.sid for one in members),
                       rights=(RightEvidence("SeNetworkLogonRight", tuple(one.sid for one in members)),)),
        limits=LimitsEvidence(shells=tuple(ShellEvidence(f"LAB\\user{number}", "x" * 80) for number in range(100)), own_shells=0),
        service=tuple(ServiceEvidence(name, "running", "auto", account="LocalSystem", depends_on=("RPCSS",) * 9) for name in ("WinRM", "HTTP", "RPCSS", "BFE")),
        policy=(*policy(), *(replace(policy()[0], name=f"Value{number}", means="x" * 80) for number in range(150))),
    )


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(seen(fat()), id="works"), pytest.param(pair(fat(), fat()), id="pair"),
        pytest.param(shut(replace(fat(), way="rescue", firewall=firewall(passage("blocked"), rules=(
            RuleEvidence("a", ports=("5986",), enabled=False), *(RuleEvidence(f"b{number}", "x" * 60, ports=("5986",)) for number in range(100)),
        )))), id="blocked"),
        pytest.param(replace(domain_host(kerberos(), directory=domain()), host=fat()), id="with a domain"),
    ],
)
def test_busy_host_fits_without_a_cut(whole: Case) -> None:
    result = result_of(whole, NOW, "never")
    assert size(result) <= LIMIT
    assert "cut short" not in json.dumps(result)


def test_result_tells_of_inside_and_client() -> None:
    evidence = result_of(pair(), NOW, "never")["evidence"]
    assert (evidence["host"]["domain"]["domain"], evidence["client"]["client"]["trusted_hosts"]) == ("lab.test", [])
    alone = result_of(seen(), NOW, "never")["evidence"]
    assert "client" not in alone
    assert result_of(outside_case(), NOW, "never")["evidence"]["host"] == {"unknown": "this vantage point was not asked"}


def test_undecided_cause_asks_for_the_inside_only_once() -> None:
    def asked(whole: Case) -> t.Any:
        return next(item["vantage"] for item in result_of(whole, NOW, "never")["unknown"] if item["cause"] == "permissions")

    assert asked(outside_case()) == ["logon", "host"]
    assert asked(replace(outside_case(), host=denied())) == ["logon"]
