# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of Windows Firewall as strings of the registry, and whom they concern."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import RuleEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import firewall_rules as rules

HTTP = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|{}LPort=5985|App=System|Name=@FirewallAPI.dll,-30253|Desc=x|"
SUBNETS = (ipaddress.ip_network("192.0.2.0/24"),)


def rule(more: str = "", start: str = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|") -> RuleEvidence:
    found = rules.parse_rule("id", start + more, "local")
    assert found is not None
    return found


def test_the_rule_of_a_windows_server_is_read_whole() -> None:
    assert rules.parse_rule("WINRM-HTTP-In-TCP-PUBLIC", HTTP.format("Profile=Public|") + "RA4=LocalSubnet|RA6=LocalSubnet|", "local") == RuleEvidence(
        "WINRM-HTTP-In-TCP-PUBLIC", "@FirewallAPI.dll,-30253", profiles=("public",), ports=("5985",), remote=("LocalSubnet",), program="System",
    )


@pytest.mark.parametrize("text", [
    "", "x", "|", "Action=Allow|Active=TRUE|Dir=In|", "v2.10|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|", "v2.10|Active=TRUE|Dir=In|Protocol=6|",
    "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=5985|", "v2.10|Action=Perhaps|Active=TRUE|Dir=In|", "v2.10|Action=Allow|Active=TRUE|",
])
def test_what_cannot_concern_an_incoming_tcp_connection_is_left_out(text: str) -> None:
    assert rules.parse_rule("id", text, "local") is None


def test_a_rule_without_the_word_active_is_off_and_one_without_profiles_holds_in_all() -> None:
    found = rule(start="V2.0|Action=Allow|dir=in|")
    assert not found.enabled
    assert found.profiles == ("domain", "private", "public")


def test_a_rule_for_an_unknown_profile_holds_in_none_of_ours() -> None:
    assert rule("Profile=Tunnel|").profiles == ()


@pytest.mark.parametrize(("ports", "expected"), [
    ("", True), ("LPort=5985|", True), ("LPort=5986|", False), ("LPort=80|LPort=5985|", True), ("LPort2_10=5000-6000|", True), ("LPort2_10=1-66|", False),
    ("LPort2_10=1-66|LPort2_10=5985-5986|", True), ("LPort=RPC|", False), ("LPort=RPC-EPMap|", False), ("LPort2_10=IPHTTPSIn|", False),
    ("LPort2_29=TcpCDPSvc|", False), ("LPort=5000-6000|", True), ("LPort=*|", True), ("LPort=|", True), ("LPort=x-y|", False),
])
def test_ports_ranges_and_words(ports: str, expected: bool) -> None:
    assert rules.has_port(rule(ports), 5985) is expected


@pytest.mark.parametrize(("fields", "expected"), [
    ("", True), ("App=System|", True), ("App=SYSTEM|", True), ("App=%SystemRoot%\\system32\\svchost.exe|Svc=WinRM|", False),
    ("App=%SystemRoot%\\system32\\svchost.exe|", False), ("Svc=WinRM|", False), ("AppPkgId=S-1-15-2-1|", False),
])
def test_only_rules_for_system_or_no_program_concern_the_kernels_listener(fields: str, expected: bool) -> None:
    assert rules.concerns_kernel(rule(fields)) is expected


@pytest.mark.parametrize(("fields", "expected"), [
    ("RA4=192.0.2.0/255.255.255.0|", ("192.0.2.0/24",)), ("RA4=192.0.2.1|RA4=192.0.2.7-192.0.2.9|", ("192.0.2.1", "192.0.2.7-192.0.2.9")),
    ("RA6=fe80::/64|RA4=LocalSubnet|RA6=LocalSubnet|", ("LocalSubnet", "fe80::/64")), ("RA42=IntrAnet|RA62=IntrAnet|", ("IntrAnet",)),
    ("RA4=*|", ()), ("RA4=999.1.1.1/8|", ("999.1.1.1/8",)),
])
def test_addresses_are_read_in_every_spelling(fields: str, expected: tuple[str, ...]) -> None:
    assert rule(fields).remote == expected


@pytest.mark.parametrize(("fields", "peer", "expected"), [
    ("", "192.0.2.5", True), ("", "", True),
    ("RA4=192.0.2.0/255.255.255.0|", "192.0.2.5", True), ("RA4=192.0.2.0/24|", "::ffff:192.0.2.5", True), ("RA4=198.51.100.0/24|", "192.0.2.5", False),
    ("RA4=192.0.2.1-192.0.2.9|", "192.0.2.5", True), ("RA4=192.0.2.6-192.0.2.9|", "192.0.2.5", False), ("RA4=192.0.2.5|", "192.0.2.5", True),
    ("RA6=2001:db8::/32|", "2001:db8::1", True), ("RA6=2001:db8::1-2001:db8::ff|", "2001:db8::7", True), ("RA6=2001:db8::/32|", "192.0.2.5", False),
    ("RA4=LocalSubnet|", "192.0.2.5", True), ("RA4=LocalSubnet|", "198.51.100.1", False), ("RA6=LocalSubnet|", "fe80::1%eth0", True),
    ("RA4=198.51.100.0/24|RA4=LocalSubnet|", "192.0.2.5", True), ("LA4=203.0.113.1|", "192.0.2.5", False), ("LA4=203.0.113.7|", "192.0.2.5", True),
])
def test_whether_a_peer_is_meant_is_told_where_it_is_certain(fields: str, peer: str, expected: bool) -> None:
    assert rules.admits(rule(fields), peer, "203.0.113.7", SUBNETS) is expected


@pytest.mark.parametrize(("fields", "peer", "host"), [
    ("RA4=192.0.2.0/24|", "", "h"), ("RA42=IntrAnet|", "192.0.2.5", "h"), ("RA4=DNS|", "192.0.2.5", "h"), ("RA6=LocalSubnet|", "2001:db8::1", "h"),
    ("LA4=203.0.113.7|", "192.0.2.5", "web01.lab.test"), ("IFType=Wireless|", "192.0.2.5", "h"), ("Security=Authenticate|", "192.0.2.5", "h"),
    ("RUAuth=O:LSD:(A;;CC;;;S-1-5-32-544)|", "192.0.2.5", "h"), ("RPort=1024|", "192.0.2.5", "h"), ("RA4=nonsense|", "192.0.2.5", "h"),
])
def test_what_only_the_host_knows_stays_unknown(fields: str, peer: str, host: str) -> None:
    assert isinstance(rules.admits(rule(fields), peer, host, SUBNETS), Unknown)


@pytest.mark.parametrize("field", ["Platform=2:6:1", "Platform2=GTEQ"])
def test_a_rule_for_some_versions_of_windows_is_in_doubt(field: str) -> None:
    found = rule(f"LPort=5985|{field}|App=System|")
    assert found.narrowed_by == ("versions of Windows",)
    assert not rules.is_plain(found)
    assert rules.admits(found, "192.0.2.5", "192.0.2.7", SUBNETS) == Unknown("the rule is narrowed by versions of Windows")


def test_a_certain_no_wins_over_a_doubt() -> None:
    assert rules.admits(rule("RA4=198.51.100.0/24|IFType=Lan|"), "192.0.2.5", "h", SUBNETS) is False


@pytest.mark.parametrize(("text", "expected"), [
    ("5985:TCP:*:enabled:WinRM", RuleEvidence("x", "WinRM", profiles=("domain",), ports=("5985",), source="policy")),
    ("5985:tcp:192.0.2.0/255.255.255.0,LocalSubnet:Disabled:a:b",
     RuleEvidence("x", "a:b", False, profiles=("domain",), ports=("5985",), remote=("192.0.2.0/24", "LocalSubnet"), source="policy")),
    ("5985:UDP:*:enabled:WinRM", None), ("", None), ("x:TCP", None),
])
def test_exceptions_of_the_older_policy_are_rules_too(text: str, expected: RuleEvidence | None) -> None:
    assert rules.parse_port_exception("x", text, ("domain",), "policy") == expected


def test_a_name_that_is_a_reference_is_not_shown() -> None:
    assert rules.label(rule("Name=@FirewallAPI.dll,-30253|")) == '"id"'
    assert rules.label(rule("Name=Let WinRM in|")) == '"Let WinRM in"'
