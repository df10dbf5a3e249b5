# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's registry and commands, read as a host's are: both sides follow the same sources without knowing each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    LOCAL,
    POLICY,
    BindingEvidence,
    ChannelEvidence,
    ConfigEvidence,
    HostTicketsEvidence,
    LimitsEvidence,
    ListenerEvidence,
    ListenersEvidence,
    MappingEvidence,
    MembershipEvidence,
    ServiceEvidence,
    SettingEvidence,
    SystemEvidence,
    TimeEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.windows import (
    batch,
    config,
    domain,
    httpsys,
    limits,
    listeners,
    mappings,
    reg_query,
    services,
    system,
    tickets,
    times,
)
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Command, Key, Material
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from host_material import here
from lab.inside import cmd, manners
from lab.inside import config as stand_in
from lab.inside.model import Clock, Inside, Listener, Mapping, Netlogon, Service
from lab.inside.profiles import fresh
from lab.messages import Account, Windows

THUMB = "0123456789ABCDEF0123456789ABCDEF01234567"


ADMINISTRATOR = Account("")


def look(inside: Inside, circumstances: Circumstances) -> Material:
    """What the registry and the commands of all these subsets say."""
    wanted = [one.needs(circumstances) for one in (domain, listeners, services, system, tickets, times)]
    keys: tuple[Key, ...] = tuple(dict.fromkeys(key for one in wanted for key in one.keys))
    commands: tuple[Command, ...] = tuple(dict.fromkeys((*reg_query.commands(keys), *(command for one in wanted for command in one.commands))))
    said = {}
    for line, group in batch.lines(commands):
        _code, output = cmd.run(line, inside, ADMINISTRATOR, "LAB\\admin")
        said.update(batch.split(output.decode("utf-8"), group))
    return Material(config=Unknown("not asked"), resources={"config/listener": Unknown("not asked")}, registry=reg_query.registry(keys, said), commands=said)


def member(language: str, **more: object) -> Inside:
    inside = fresh("server2022", language=language, domain="LAB", dns_domain="lab.test")
    listener = (Listener(), Listener("HTTPS", port=5986, thumbprint=THUMB, hostname="web01.lab.test"))
    binding = {"0.0.0.0:5986": (THUMB, httpsys.WINRM), "web01.lab.test:443": ("A" * 40, "{4dc3e181-e14b-4a21-b022-59fc669b0914}")}
    return replace(inside, **{"listeners": listener, "bindings": binding, "listen_only": ("192.0.2.1",), **more})


AT_HOME = here(domain="lab.test", netbios_domain="LAB", netbios_computer="WEB01")


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_sound_member_is_understood_in_every_language(language: str) -> None:
    seen = look(member(language, clock=Clock(source="dc1.lab.test", offset=2.5)), AT_HOME)
    told = services.evidence(seen, AT_HOME)
    assert isinstance(told, tuple)
    assert told[0] == ServiceEvidence("WinRM", "running", "auto", True, 0, "NT AUTHORITY\\NetworkService", ("RPCSS", "HTTP"))
    assert {one.state for one in told} == {"running"}
    assert system.evidence(seen, AT_HOME) == SystemEvidence("WEB01", "Windows Server 2022 Standard", "10.0.20348", True)
    joined, clock, cached = (part.evidence(seen, AT_HOME) for part in (domain, times, tickets))
    assert isinstance(joined, MembershipEvidence)
    assert isinstance(joined.secure_channel, ChannelEvidence)
    assert isinstance(joined.controller, ChannelEvidence)
    assert (joined.member, joined.role, joined.secure_channel.code, joined.controller.controller) == (True, 3, 0, "dc1.lab.test")
    assert isinstance(clock, TimeEvidence)
    assert (clock.type, clock.service, clock.source, clock.synchronised, clock.controller_offset) == ("NT5DS", "running", "dc1.lab.test", True, 2.5)
    assert isinstance(cached, HostTicketsEvidence)
    assert {one.logon for one in cached.tickets} == {"machine"}
    assert cached.codes == ("0xc000005f", "1312")


@pytest.mark.parametrize("language", ["en", "de"])
def test_netsh_and_the_registry_of_http_sys_say_the_same(language: str) -> None:
    seen = look(member(language), AT_HOME)
    spoken = Material(commands=seen.commands)
    assert httpsys.listen_only(seen) == httpsys.listen_only(spoken) == ("192.0.2.1",)
    by_registry, by_netsh = httpsys.bindings(seen), httpsys.bindings(spoken)
    assert isinstance(by_registry, tuple)
    assert isinstance(by_netsh, tuple)
    assert {replace(one, store="") for one in by_registry} == set(by_netsh)
    assert BindingEvidence("0.0.0.0:5986", THUMB, httpsys.WINRM) in by_netsh
    reserved, told = httpsys.reservations(seen), httpsys.reservations(spoken)
    assert isinstance(reserved, tuple)
    assert isinstance(told, tuple)
    assert {one.url for one in reserved} == {one.url for one in told}
    assert all(httpsys.admits(one.sddl) for one in (*reserved, *told) if "wsman" in one.url)


def test_stored_listeners_are_those_of_the_host() -> None:
    found = listeners.evidence(look(member("en"), AT_HOME), AT_HOME)
    assert isinstance(found, ListenersEvidence)
    assert [(one.address, one.transport, one.port, one.thumbprint) for one in found.listeners] == [("*", "HTTP", 5985, ""), ("*", "HTTPS", 5986, THUMB)]


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_host_in_trouble_is_understood_in_every_language(language: str) -> None:
    inside = member(language, netlogon=Netlogon(channel=1311, located=1355))
    stopped = replace(inside, services={**inside.services, "W32Time": Service("Stopped", "Disabled", exit_code=1077)})
    seen = look(stopped, AT_HOME)
    joined, clock = domain.evidence(seen, AT_HOME), times.evidence(seen, AT_HOME)
    assert isinstance(joined, MembershipEvidence)
    assert isinstance(joined.secure_channel, ChannelEvidence)
    assert isinstance(joined.controller, ChannelEvidence)
    assert (joined.secure_channel.code, joined.controller.code) == (1311, 1355)
    assert isinstance(clock, TimeEvidence)
    assert (clock.service, clock.synchronised) == ("stopped", False)
    assert clock.controller_offset == Unknown("the domain controller did not answer the host's question for the time")


def test_a_client_in_a_workgroup_is_understood() -> None:
    alone = here(netbios_computer="PC01")
    seen = look(fresh("windows11", language="de", computer="PC01"), alone)
    assert system.evidence(seen, alone) == SystemEvidence("PC01", "Windows 11 Pro", "10.0.26100", False)
    joined = domain.evidence(seen, alone)
    assert isinstance(joined, MembershipEvidence)
    assert (joined.member, joined.role, joined.secure_channel) == (False, 0, domain.NO_MEMBER)
    told = services.evidence(seen, alone)
    assert isinstance(told, tuple)
    assert {one.name: one.state for one in told}["WinRM"] == "stopped"


@pytest.mark.parametrize("case", manners.MANNERS["config_case"].choices)
@pytest.mark.parametrize("prefix", manners.MANNERS["config_prefix"].choices)
def test_configuration_is_understood_in_every_spelling(case: str, prefix: str) -> None:
    inside = member(
        "en", manner={"config_case": case, "config_prefix": prefix}, policy_config={"Service/IPv4Filter": "*"}, config={"Winrs/MaxShellsPerUser": "3"},
        mappings=(Mapping("*", "svc@lab.test", "AB" * 20, "svc", False),), listeners=(Listener("HTTPS", port=5986, thumbprint=THUMB, source="GPO"),),
    )
    whole = stand_in.element(inside, Windows("WEB01"), "")
    assert whole
    seen = Material(
        object_of(whole), {
            listeners.RESOURCE: tuple(object_of(stand_in.listener(inside, one)) for one in inside.listeners),
            mappings.RESOURCE: tuple(object_of(stand_in.mapping(inside, one)) for one in inside.mappings),
        },
    )
    told, heard = config.evidence(seen, AT_HOME), listeners.evidence(seen, AT_HOME)
    assert isinstance(told, ConfigEvidence)
    assert told.setting("Service/IPv4Filter") == SettingEvidence("Service/IPv4Filter", "*", "*", POLICY)
    assert told.setting("Winrs/MaxShellsPerUser") == SettingEvidence("Winrs/MaxShellsPerUser", "3", "2147483647", LOCAL)
    assert isinstance(heard, ListenersEvidence)
    assert heard.listeners == (ListenerEvidence("*", "HTTPS", 5986, thumbprint=THUMB, source=POLICY),)
    assert mappings.evidence(seen, AT_HOME) == (MappingEvidence("*", "svc@lab.test", "AB" * 20, "svc", False),)
    short = limits.evidence(seen, AT_HOME)
    assert isinstance(short, LimitsEvidence)
    assert [(one.kind, one.subject) for one in short.problems] == [("small_quota", "Winrs/MaxShellsPerUser")]


def object_of(text: str) -> Object:
    return Object(parse(text.encode(), 10**6))
