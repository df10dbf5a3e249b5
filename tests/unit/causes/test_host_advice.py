# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is advised once the inside is known: what can be pasted, what comes first, and what would be in vain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import VerifyEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ChannelEvidence, FirewallEvidence, ProfileEvidence, RuleEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.finding import TROUBLE, Finding
from ansible_collections.winrm.doctor.plugins.module_utils.report.notes import notes
from cases import CERTIFICATE, NOW, TLS, attempt, door, rung
from host_cases import HTTP, MEMBER, RULE_TLS, STORED, access, certificates, denied, firewall, inside, listeners, passage, rescued, seen, shut

HERE = "192.0.2.9"


def first(case: Case) -> Finding:
    return next(finding for finding in evaluate_all(case, NOW) if finding.verdict in TROUBLE)


def blocked(*rules: RuleEvidence, **profile: bool) -> FirewallEvidence:
    return firewall(passage("blocked"), rules=rules, profiles=(ProfileEvidence("domain", source="policy", **profile),), came_from=HERE)


ROOT_ALONE = access("cmd", "No entry of RootSDDL allows LAB\\svc to open a command shell (GX).")
BY_CMD = attempt("accepted", rung("identify"), rung("cmd", code=5), rung("powershell"))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(seen(inside(access=ROOT_ALONE, way="rescue"), BY_CMD, connection="winrm"), id="RootSDDL, as another way shows"),
        pytest.param(seen(inside(access=access("cmd"), way="rescue"), BY_CMD, connection="winrm"), id="cmd's own descriptor"),
        pytest.param(seen(inside(access=access("cmd")), attempt("accepted", rung("identify"), rung("cmd", code=5)), connection="winrm"), id="by the gates"),
        pytest.param(seen(denied(), BY_CMD, connection="winrm"), id="nobody looked inside"),
    ],
)
def test_who_may_open_powershell_alone_is_told_so_first_and_that_cmd_is_for_administrators(case: Case) -> None:
    found = first(case)
    assert found.remedies[0].how == "ansible_connection: psrp"
    assert found.remedies[1].how == "Add-LocalGroupMember -SID S-1-5-32-544 -Member 'LAB\\svc'"
    assert "580" not in " ".join(one.how for one in found.remedies)


def test_refusal_of_another_account_speaks_for_the_host() -> None:
    other = attempt("refused", way="rescue", own=False, account="LAB\\operator")
    found = next(one for one in evaluate_all(seen(denied(), attempt("refused"), more=(other,)), NOW) if one.cause == "permissions")
    assert "LAB\\operator was refused as well: that speaks for the host" in found.next_check
    assert "A logon with another administrator" not in found.next_check
    assert "RootSDDL" in found.remedies[0].how
    alone = next(one for one in evaluate_all(seen(denied(), attempt("refused")), NOW) if one.cause == "permissions")
    assert "A logon with another administrator tells the account from the host." in alone.next_check


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ((RULE_TLS,), "and the rule for TCP 5986 is such a one."), ((), "and no policy has a rule that lets TCP 5986 in."),
        ((RuleEvidence("own", ports=("5986",), enabled=False),), "and no policy has a rule that lets TCP 5986 in."),
        ((RuleEvidence("own", ports=("5986",), profiles=("public",)),), "and no policy has a rule that lets TCP 5986 in."),
    ],
)
def test_rule_is_made_in_policy_where_policy_disregards_those_of_the_host(rules: tuple[RuleEvidence, ...], words: str) -> None:
    found = first(shut(rescued(firewall=blocked(*rules, local_rules=False))))
    assert (found.cause, found.rule) == ("firewall", "not_merged")
    assert found.summary.endswith(f"to disregard rules made on the host (AllowLocalPolicyMerge is 0), {words}")
    assert found.remedies[0].do.startswith(f"Create the inbound rule for TCP 5986 from {HERE} in the Group Policy object, not on the host: in Group Policy")
    assert not [one for one in found.remedies if "NetFirewallRule" in one.how]


def test_rule_of_policy_for_another_profile_is_widened_there() -> None:
    found = first(shut(rescued(firewall=blocked(RuleEvidence("gpo", ports=("5986",), profiles=("public",), source="policy"), local_rules=False))))
    assert found.rule == "wrong_profile"
    assert "in Group Policy" in found.remedies[0].do


def test_rule_names_the_address_that_the_look_inside_came_from() -> None:
    assert f"-RemoteAddress {HERE} " in first(shut(rescued(firewall=blocked()))).remedies[0].how
    assert "-RemoteAddress CONTROL_NODE " in first(shut(rescued(firewall=firewall(passage("blocked"), rules=())))).remedies[0].how


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x803381DD, ('"Allow remote server management through WinRM"', "Enable-PSRemoting -Force", "winrm quickconfig", "At the host itself")),
        (0x803381E3, ("-AccessMode Remote",)),
    ],
)
def test_switch_that_a_fault_names_is_advised(code: int, words: tuple[str, ...]) -> None:
    off = dict.fromkeys(("config", "policy", "service", "firewall", "access"), Unknown("winrm/config: Fault 0x803381DD"))
    case = seen(inside(**off), attempt("accepted", rung("identify"), rung("powershell", code=code)))
    found = first(case)
    said = " ".join((found.next_check, *(f"{one.do} {one.how}" for one in found.remedies)))
    assert not [word for word in words if word not in said], said
    assert "The host's inside was not read, although a logon got in: winrm/config: Fault 0x803381DD." in notes(case, NOW)


def test_listener_is_created_with_the_certificate_that_fits() -> None:
    own = replace(STORED, used_by=())
    case = shut(rescued(listeners=listeners(HTTP), certificates=certificates(own)), state="refused")
    assert f"-CertificateThumbPrint {own.certificate.thumbprint} " in first(case).remedies[0].how
    late = rescued(listeners=listeners(HTTP), certificates=certificates(replace(own, days_left=-3.0)))
    assert "-CertificateThumbPrint THUMBPRINT " in first(shut(late, "refused")).remedies[0].how


def test_listener_that_needs_another_certificate_is_named_and_so_is_who_is_to_be_mapped() -> None:
    tls = replace(TLS, chain_verify=VerifyEvidence(10), chain=(replace(CERTIFICATE, not_after="2026-02-01T00:00:00Z"),))
    own = attempt("not_tried", reason="not_reached", used=False, rungs=())
    found = next(one for one in evaluate_all(seen(rescued(), own, doors=(door(tls=tls),)), NOW) if one.rule == "expired")
    assert "-SelectorSet @{Address='*';Transport='HTTPS'}" in found.remedies[0].how
    client = replace(CERTIFICATE, eku=None, upns=("svc@lab.test",))
    refused = seen(Unknown("nobody"), attempt("refused", method="certificate", kind="local"), auth=("certificate",), certificate=client)
    assert "-Subject svc@lab.test " in next(one for one in evaluate_all(refused, NOW) if one.cause == "certificate").remedies[0].how


@pytest.mark.parametrize(("domain", "said"), [("lab.test", "-Credential lab.test\\admin"), ("x;calc", "-Credential DOMAIN\\admin")])
def test_domain_stands_in_commands_where_it_is_a_name(domain: str, said: str) -> None:
    broken = replace(MEMBER, domain=domain, secure_channel=ChannelEvidence(1786))
    found = first(seen(rescued(domain=broken), attempt("refused")))
    assert said in found.remedies[0].how
    assert "nltest /sc_query:" in found.next_check
    assert not [one for one in found.remedies if "calc" in one.how]
