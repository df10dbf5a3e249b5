# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of commands run by the stand-in's cmd.exe: the registry that is read is the one that is there, in every language, and refusals are no absence."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Known, Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED, FirewallEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import batch, firewall, policy, reg_query
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Command, Key, Material, Said
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry
from lab.inside import cmd
from lab.inside.model import FirewallProfile, FirewallRule, Inside
from lab.messages import Account

HERE = Circumstances(at=0, host="192.0.2.7", port=5985, scheme="http", came_from="192.0.2.5")
POLICY = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM\\Service"
SCOPED = FirewallRule("WINRM-HTTP-In-TCP-PUBLIC", ports=("5985",), profiles=("Public",), remote=("LocalSubnet",))
WIDE = FirewallRule("WINRM-HTTP-In-TCP", ports=("5985",), profiles=("Domain", "Private"))
ADDRESSES = ("192.0.2.7",)
ADMIN = Account("Secret-4711")


def say(inside: Inside, commands: t.Sequence[Command]) -> dict[str, Known[Said]]:
    """What a host says to these commands in as many lines as it takes."""
    said: dict[str, Known[Said]] = {}
    for line, members in batch.lines(commands):
        _code, output = cmd.run(line, inside, ADMIN, "LAB\\admin")
        said.update(batch.split(output.decode(), members))
    return said


def read(inside: Inside, keys: t.Sequence[Key]) -> Registry:
    return reg_query.registry(keys, say(inside, reg_query.commands(keys)))


def look(inside: Inside) -> dict[str, str]:
    """Outcome of port 5985 in every profile."""
    found = firewall.evidence(Material(registry=read(inside, firewall.needs(HERE).keys)), HERE)
    assert isinstance(found, FirewallEvidence)
    return {one.profile: one.outcome for one in found.passage(5985)}


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_firewall_of_a_stand_in_is_read_whole(language: str) -> None:
    inside = Inside(language=language, rules=(SCOPED, WIDE), addresses=ADDRESSES)
    assert look(inside) == {"domain": "open", "private": "open", "public": "narrowed"}
    assert look(dataclasses.replace(inside, rules=())) == dict.fromkeys(("domain", "private", "public"), "blocked")
    off = {"Private": FirewallProfile(on=False), "Public": FirewallProfile(policy_on=False), "Domain": FirewallProfile(policy_local_rules=False)}
    assert look(dataclasses.replace(inside, profiles=off)) == {"domain": "blocked", "private": "open", "public": "open"}
    block = FirewallRule("{1}", "Keep out", action="Block", policy=True)
    assert look(dataclasses.replace(inside, rules=(WIDE, block))) == dict.fromkeys(("domain", "private", "public"), "blocked")


def test_a_rule_for_the_wrong_program_is_named_but_lets_nobody_in() -> None:
    wrong = FirewallRule("{1}", "For the service", ports=("5985",), program="%SystemRoot%\\system32\\svchost.exe", more=("Svc=WinRM",))
    registry = read(Inside(rules=(wrong,)), firewall.needs(HERE).keys)
    found = firewall.evidence(Material(registry=registry), HERE)
    assert isinstance(found, FirewallEvidence)
    assert {one.outcome for one in found.passage(5985)} == {"blocked"}
    assert all('"For the service" is for another program than System' in one.why for one in found.passage(5985))


def test_of_the_many_rules_of_a_host_few_travel() -> None:
    inside = Inside(rules=(SCOPED, WIDE))
    said = say(inside, reg_query.commands(firewall.needs(HERE).keys))
    texts = {id: one.text for id, one in said.items() if isinstance(one, Said)}
    rules = next(text for id, text in texts.items() if id.endswith("firewallpolicy\\firewallrules:rest"))
    assert "Dir=Out" not in rules
    assert "LPort=5985" in rules
    assert sum(map(len, texts.values())) < 40_000


@pytest.mark.parametrize("language", ["en", "de"])
def test_policies_of_a_stand_in_are_read_and_absence_is_no_refusal(language: str) -> None:
    inside = Inside(language=language, policy_config={"Service/Auth/Negotiate": "false", "Service/IPv4Filter": "*"})
    registry = read(inside, policy.needs(HERE).keys)
    found = policy.evidence(Material(registry=registry), HERE)
    assert not isinstance(found, Unknown)
    values = {one.name: one.value for one in found}
    assert (values["AllowNegotiate"], values["AllowAutoConfig"], values["IPv4Filter"]) == ("0", "1", "*")
    assert set(registry.unknown.values()) <= {DENIED}
    assert registry.why(policy.policies.DELEGATION) is None
    assert not registry.has(policy.policies.DELEGATION)


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_key_that_may_not_be_read_is_denied(language: str) -> None:
    inside = Inside(language=language, forbidden=(f"registry:{policy.policies.LSA}",))
    registry = read(inside, policy.needs(HERE).keys)
    assert registry.why(policy.policies.LSA) == DENIED
    assert registry.why(POLICY) is None


def test_every_character_of_a_command_arrives_through_two_shells() -> None:
    commands = (
        Command("first", 'reg query "HKLM\\SOFTWARE\\No such key" /s | findstr /i /l /c:"a|b" /c:"x & y" /c:"(z)" /c:"^[^Ss]"'),
        Command("second", "reg query HKLM"), Command("third", "no-such-program"),
    )
    said = say(Inside(), commands)
    assert all(isinstance(one, Said) for one in said.values())
    first, second, third = (t.cast(Said, said[one.id]) for one in commands)
    assert (first.code, second.code) == (1, 0)
    assert "HKEY_LOCAL_MACHINE\\SOFTWARE" in second.text
    assert third.code == 9009
    assert "no-such-program" in third.text
