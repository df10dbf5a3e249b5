# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Windows Firewall makes of WinRM's ports, told from the registry."""

from __future__ import annotations

import random
import re
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Known, Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED, FirewallEvidence, NetworkEvidence, PassageEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.windows import batch, firewall, reg_query
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import NOT_READ, Circumstances, Material, Said
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object

HERE = Circumstances(at=0, host="203.0.113.7", port=5985, scheme="http", came_from="192.0.2.5")
POLICY_PUBLIC = f"{firewall.POLICIES}\\PublicProfile"
ALLOW = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5985|App=System|Name=Let in|"
BLOCK = ALLOW.replace("Allow", "Block").replace("Let in", "Keep out")
OFF = ALLOW.replace("TRUE", "FALSE")
SCOPED = ALLOW + "RA4=LocalSubnet|RA6=LocalSubnet|"
BYPASS = "v2.31|Action=ByPass|Active=TRUE|Dir=In|Protocol=6|LPort=5985|Security=Authenticate|RMauth=O:LSD:(A;;CC;;;S-1-5-21-1)|Name=Trusted|"
Values = t.Mapping[str, t.Union[str, int, t.Tuple[str, ...]]]


def row(**values: t.Any) -> Object:
    body = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return Object(parse(f"<XmlFragment>{body}</XmlFragment>".encode(), 100_000))


def registry(keys: t.Mapping[str, Values], unknown: t.Mapping[str, str] | None = None) -> Registry:
    kinds = {int: "REG_DWORD", str: "REG_SZ", tuple: "REG_MULTI_SZ"}
    found = {key.lower(): tuple(Value(name, kinds[type(data)], data) for name, data in values.items()) for key, values in keys.items()}
    return Registry(found, {key.lower(): key for key in keys}, dict(unknown or {}))


def look(
    *rules: str, policy_rules: t.Sequence[str] = (), public: Values | None = None, more: t.Mapping[str, Values] | None = None,
    networks: Known[tuple[Object, ...]] | None = None, unknown: t.Mapping[str, str] | None = None, here: Circumstances = HERE, service: str = "",
) -> Known[FirewallEvidence]:
    keys: dict[str, Values] = {
        f"{firewall.STORE}\\DomainProfile": {"EnableFirewall": 1}, f"{firewall.STORE}\\StandardProfile": {"EnableFirewall": 1},
        f"{firewall.STORE}\\PublicProfile": {"EnableFirewall": 1, **(public or {})},
        f"{firewall.STORE}\\FirewallRules": {f"r{number}": text for number, text in enumerate(rules)}, **(more or {}),
    }
    if policy_rules:
        keys[f"{firewall.POLICIES}\\FirewallRules"] = {f"p{number}": text for number, text in enumerate(policy_rules)}
    rows = (row(Name="Net", InterfaceAlias="Ethernet", NetworkCategory=0),) if networks is None else networks
    queries: dict[str, Known[tuple[Object, ...]]] = {firewall.NETWORKS.id: rows}
    commands: dict[str, Known[Said]] = {"sc:mpssvc": Said(0, f"TYPE : 30 WIN32\r\n        STATE : {service}\r\n")} if service else {}
    return firewall.evidence(Material(registry=registry(keys, unknown), queries=queries, commands=commands), here)


def public(found: Known[FirewallEvidence], port: int = 5985) -> PassageEvidence:
    """The only passage of the profile that is in force."""
    assert isinstance(found, FirewallEvidence)
    (passage,) = found.passage(port)
    return passage


@pytest.mark.parametrize(("rules", "outcome", "deciding"), [
    ((), "blocked", ()),
    ((ALLOW,), "open", ("r0",)),
    ((ALLOW, BLOCK), "blocked", ("r1",)),
    ((OFF,), "blocked", ("r0",)),
    ((OFF, BLOCK), "blocked", ("r1",)),
    ((ALLOW.replace("|App", "|Profile=Public|App"),), "open", ("r0",)),
    ((ALLOW.replace("|App", "|Profile=Domain|Profile=Private|App"),), "blocked", ("r0",)),
    ((ALLOW.replace("LPort=5985", "LPort2_10=5000-6000"),), "open", ("r0",)),
    (("v2.31|Action=Allow|Active=TRUE|Dir=In|Name=Everything|",), "open", ("r0",)),
    (("v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|Name=All TCP|", ALLOW), "blocked", ("r0",)),
    ((ALLOW.replace("LPort=5985", "LPort=RPC"),), "blocked", ()),
    ((ALLOW.replace("App=System", "App=C:\\x.exe"),), "blocked", ("r0",)),
    ((BLOCK.replace("App=System", "App=C:\\x.exe"), ALLOW), "open", ("r1",)),
    ((SCOPED,), "narrowed", ("r0",)),
    ((SCOPED, ALLOW), "open", ("r1",)),
    ((BYPASS,), "narrowed", ("r0",)),
    ((BLOCK, BYPASS), "narrowed", ("r0", "r1")),
    ((ALLOW, BLOCK + "RA4=198.51.100.0/24|"), "narrowed", ("r0", "r1")),
    (("rubbish", "v2.10|", ALLOW), "open", ("r2",)),
])
def test_rules_decide_by_what_they_say(rules: tuple[str, ...], outcome: str, deciding: tuple[str, ...]) -> None:
    passage = public(look(*rules))
    assert (passage.outcome, passage.rules) == (outcome, deciding)


@pytest.mark.parametrize(("rules", "admits"), [
    ((ALLOW + "RA4=192.0.2.0/255.255.255.0|",), True), ((ALLOW + "RA4=198.51.100.0/24|",), False),
    ((ALLOW + "RA4=198.51.100.0/24|", ALLOW + "RA4=192.0.2.5|"), True), ((ALLOW, BLOCK + "RA4=192.0.2.5|"), False), ((ALLOW, BLOCK + "RA4=192.0.2.6|"), True),
    ((ALLOW + "RA4=192.0.2.0/24|", BLOCK + "RA4=192.0.2.5|"), False),
])
def test_a_narrow_way_tells_whether_the_control_node_fits(rules: tuple[str, ...], admits: bool) -> None:
    assert public(look(*rules)).admits is admits


@pytest.mark.parametrize("rules", [(SCOPED,), (BYPASS,), (ALLOW, BLOCK + "RA42=IntrAnet|"), (ALLOW + "IFType=Lan|",)])
def test_a_narrow_way_that_only_the_host_can_judge_stays_unknown(rules: tuple[str, ...]) -> None:
    assert isinstance(public(look(*rules)).admits, Unknown)


def test_the_local_subnet_is_told_by_the_hosts_adapters() -> None:
    adapter = {f"{firewall.INTERFACES}\\{{1}}": {"DhcpIPAddress": "192.0.2.7", "DhcpSubnetMask": "255.255.255.0", "IPAddress": ("0.0.0.0",), "SubnetMask": ()}}
    assert public(look(SCOPED, more=adapter)).admits is True
    other = {f"{firewall.INTERFACES}\\{{1}}": {"IPAddress": ("198.51.100.7",), "SubnetMask": ("255.255.255.0",)}}
    assert public(look(SCOPED, more=other)).admits is False


@pytest.mark.parametrize(("ours", "policy", "outcome"), [
    ({"EnableFirewall": 0}, {}, "open"), ({"EnableFirewall": 1}, {"EnableFirewall": 0}, "open"), ({"EnableFirewall": 0}, {"EnableFirewall": 1}, "blocked"),
    ({"DefaultInboundAction": 0}, {}, "open"), ({"DefaultInboundAction": 0}, {"DefaultInboundAction": 1}, "blocked"),
    ({"DefaultInboundAction": 1}, {"DefaultInboundAction": 0}, "open"),
])
def test_policy_wins_over_the_hosts_own_settings(ours: Values, policy: Values, outcome: str) -> None:
    assert public(look(public=ours, more={POLICY_PUBLIC: policy} if policy else None)).outcome == outcome


@pytest.mark.parametrize(("ours", "policy"), [({"DoNotAllowExceptions": 1}, {}), ({"DoNotAllowExceptions": 0}, {"DoNotAllowExceptions": 1})])
def test_block_all_wins_wherever_it_is_set(ours: Values, policy: Values) -> None:
    passage = public(look(ALLOW, public=ours, more={POLICY_PUBLIC: policy}))
    assert passage.outcome == "blocked"
    assert "all incoming connections are blocked" in passage.why


def test_rules_of_the_host_are_disregarded_where_policy_says_so() -> None:
    alone = {POLICY_PUBLIC: {"AllowLocalPolicyMerge": 0}}
    passage = public(look(ALLOW, more=alone))
    assert passage.outcome == "blocked"
    assert "disregarded" in passage.why
    assert public(look(BLOCK, policy_rules=[ALLOW], more=alone)).outcome == "open"


def test_a_rule_of_policy_counts_like_one_of_the_host() -> None:
    found = look(ALLOW, policy_rules=[BLOCK])
    assert public(found).rules == ("p0",)
    assert '"Keep out" (policy) blocks TCP port 5985' in public(found).why


def test_the_older_policy_holds_for_private_and_public_unless_a_newer_one_is_there() -> None:
    old = {f"{firewall.POLICIES}\\StandardProfile": {"EnableFirewall": 0}}
    assert public(look(more=old)).outcome == "open"
    assert public(look(more={**old, f"{firewall.POLICIES}\\PrivateProfile": {"EnableFirewall": 1}})).outcome == "blocked"


def test_port_exceptions_of_the_older_policy_let_in() -> None:
    listed = {f"{firewall.POLICIES}\\StandardProfile\\GloballyOpenPorts\\List": {"5985:TCP": "5985:TCP:192.0.2.0/24:enabled:x"}}
    passage = public(look(more=listed))
    assert (passage.outcome, passage.admits) == ("narrowed", True)


@pytest.mark.parametrize("rules", [(), (ALLOW,), (BLOCK,)])
def test_what_a_service_that_does_not_run_lets_in_is_undecided(rules: tuple[str, ...]) -> None:
    found = look(*rules, service="1  STOPPED")
    assert isinstance(found, FirewallEvidence)
    assert (found.service, found.passages) == ("stopped", ())
    assert found.profiles


@pytest.mark.parametrize(("rules", "words"), [
    ((OFF,), '"Let in" is switched off'), ((ALLOW.replace("|App", "|Profile=Domain|App"),), '"Let in" is for other profiles'),
    ((ALLOW.replace("App=System", "App=C:\\x.exe"),), "for another program than System"), ((OFF, OFF, OFF, OFF), "and 1 more are switched off"),
])
def test_what_comes_closest_to_letting_in_is_named(rules: tuple[str, ...], words: str) -> None:
    assert words in public(look(*rules)).why


def test_every_profile_that_is_in_force_is_judged() -> None:
    rows = (row(InterfaceAlias="A", NetworkCategory=2, Name="lab.test"), row(InterfaceAlias="B", NetworkCategory=0, Name="x"), row(NetworkCategory=9))
    found = look(ALLOW.replace("|App", "|Profile=Domain|App"), networks=rows)
    assert isinstance(found, FirewallEvidence)
    assert {one.profile: one.outcome for one in found.passage(5985)} == {"domain": "open", "public": "blocked"}
    assert found.networks == (NetworkEvidence("A", "domain", "lab.test"), NetworkEvidence("B", "public", "x"))


@pytest.mark.parametrize("networks", [Unknown(DENIED), ()])
def test_without_the_networks_every_profile_may_be_in_force(networks: Known[tuple[Object, ...]]) -> None:
    found = look(ALLOW, networks=networks)
    assert isinstance(found, FirewallEvidence)
    assert [one.profile for one in found.passage(5985)] == ["domain", "private", "public"]
    assert all(isinstance(one.active, Unknown) for one in found.passages)


def test_the_inventorys_port_and_those_of_listeners_are_judged_too() -> None:
    here = Circumstances(at=0, host="h", port=8443, scheme="https")
    found = look(more={f"{firewall.LISTENERS}\\*+HTTP": {"Port": 47001}, f"{firewall.LISTENERS}\\*+HTTPS": {"Port": 99999}}, here=here)
    assert isinstance(found, FirewallEvidence)
    assert {one.port for one in found.passages} == {5985, 5986, 8443, 47001}


def test_rules_that_were_not_read_decide_nothing() -> None:
    rules_key = f"{firewall.STORE}\\FirewallRules".lower()
    found = look(unknown={rules_key: "too much"})
    assert isinstance(found, FirewallEvidence)
    assert found.passages == ()
    assert public(look(unknown={rules_key: "too much"}, public={"EnableFirewall": 0})).outcome == "open"
    assert public(look(unknown={rules_key: "too much"}, policy_rules=[BLOCK])).outcome == "blocked"
    alone = {POLICY_PUBLIC: {"AllowLocalPolicyMerge": 0}}
    assert public(look(unknown={rules_key: "too much"}, policy_rules=[ALLOW], more=alone)).outcome == "open"


def test_a_registry_that_may_not_be_read_is_unknown_for_that_reason() -> None:
    assert firewall.evidence(Material(registry=Registry(unknown={"hklm": DENIED})), HERE) == Unknown(DENIED)
    assert firewall.evidence(Material(), HERE) == NOT_READ


@pytest.mark.parametrize("seed", range(20))
def test_whatever_rules_a_host_tells_its_firewall_is_judged(seed: int) -> None:
    dice = random.Random(seed)
    words = [*ALLOW.split("|"), *BLOCK.split("|"), *BYPASS.split("|")]
    words += [
        "RA4=", "RA4=1.2.3.4/99", "LA6=::/0", "LPort=-", "RA6=::-1.2.3.4", "Profile=", "IF=", "=", "\u00b2", "LPort=\u00b2", "LPort2_10=9-1", "RA42=x-y",
        f"LPort={'9' * 5000}", "Name=" + "x" * 9999, "Protocol=256", "Protocol=x",
    ]
    rules = ["|".join(["v2.31", *dice.choices(words, k=dice.randrange(12))]) for _turn in range(200)]
    found = look(*rules, policy_rules=rules[:20])
    assert isinstance(found, FirewallEvidence)
    assert {one.outcome for one in found.passages} <= {"open", "narrowed", "blocked"}
    assert len(str(encode(found))) < 200_000


def test_rules_that_bear_on_the_ports_are_shown_and_no_others() -> None:
    found = look(ALLOW, OFF, ALLOW.replace("5985", "445"), "v2.31|Action=Allow|Active=FALSE|Dir=In|Name=Any but off|")
    assert isinstance(found, FirewallEvidence)
    assert [one.id for one in found.rules] == ["r0", "r1"]


def test_evidence_survives_the_way_to_json_and_back() -> None:
    found = look(SCOPED, policy_rules=[BLOCK + "RA4=198.51.100.0/24|"], networks=Unknown("x"))
    assert decode(FirewallEvidence, encode(found)) == found


def test_what_is_asked_fits_into_a_batch_and_leaves_no_deciding_rule_out() -> None:
    wanted = firewall.needs(HERE)
    commands = reg_query.commands(wanted.keys)
    assert all(batch.is_fit(command) for command in commands)
    for text in (ALLOW, BLOCK, OFF, SCOPED, BYPASS, "v2.31|Action=Block|Active=TRUE|Dir=In|Name=All|"):
        assert not any(re.search(other, f"    id    REG_SZ    {text}", re.IGNORECASE) for other in firewall.OTHERS)
    for text in (ALLOW.replace("=In|", "=Out|"), ALLOW.replace("Protocol=6", "Protocol=17"), ALLOW.replace("App=System", "App=%SystemRoot%\\x.exe")):
        assert any(re.search(other, text, re.IGNORECASE) for other in firewall.OTHERS)


def test_a_host_with_listeners_without_end_is_asked_about_some_of_their_ports() -> None:
    keys = {f"{firewall.LISTENERS}\\*+HTTP{number}".lower(): (Value("Port", "REG_DWORD", number),) for number in range(1, 2000)}
    assert len(firewall.ports_of(Material(registry=Registry(keys)), Circumstances(at=0, host="web01", port=5985, scheme="http"))) == firewall.MOST_PORTS
