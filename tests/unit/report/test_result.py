# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's result: the sentence, the lists, the notes, the size."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import (
    ClockEvidence,
    EndpointEvidence,
    HttpEvidence,
    NameEvidence,
    PortEvidence,
    ReverseName,
    VerifyEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.report.brief import brief
from ansible_collections.winrm.doctor.plugins.module_utils.report.notes import notes
from ansible_collections.winrm.doctor.plugins.module_utils.report.result import result_of
from cases import ADDRESS, CERTIFICATE, CHALLENGE, NOW, TLS, case, door, silent


def test_healthy_host_in_one_sentence() -> None:
    result = result_of(case(), NOW, "likely")
    assert result["msg"] == "web01: nothing wrong seen from outside. No logon was tried."
    assert (result["trouble"], result["findings"], result["fail_on_reached"]) == (False, [], False)
    assert "failed" not in result


def test_tied_causes_stand_in_the_sentence() -> None:
    result = result_of(silent(also={445: "open"}), NOW, "likely")
    assert result["msg"] == (
        "web01: firewall (possible): TCP 5986 is silent although the host is alive: a firewall may drop it. Windows has no built-in rule for 5986. "
        "Not to be told from service_config from here."
    )
    assert not result["fail_on_reached"], "a possible cause reaches no threshold"


@pytest.mark.parametrize(("fail_on", "reached"), [("never", False), ("confirmed", False), ("likely", True)])
def test_fail_on(fail_on: str, reached: bool) -> None:
    result = result_of(silent("refused"), NOW, fail_on)
    assert result["findings"][0]["verdict"] == "likely"
    assert (result["fail_on_reached"], result.get("failed", False)) == (reached, reached)


def test_finding_carries_what_a_report_needs() -> None:
    found = result_of(silent("refused"), NOW, "never")["findings"][0]
    assert set(found) >= {"cause", "title", "method", "docs", "rule", "verdict", "summary", "because", "next_check", "remedies"}
    assert found["because"][0] == {"seen": "TCP 5986 refuses connections (RST)", "where": "web01.example.com [192.0.2.10]:5986", "vantage": "endpoint"}


def test_lists_hold_every_cause_once() -> None:
    result = result_of(case(), NOW, "never")
    named = [finding["cause"] for part in ("findings", "ruled_out", "unknown") for finding in result[part]]
    assert len(named) == len(set(named)) == 17


def test_evidence_comes_back_from_the_result() -> None:
    seen = case()
    result = json.loads(json.dumps(result_of(seen, NOW, "never")))
    assert decode(EndpointEvidence, result["evidence"]["endpoint"]) == brief(seen).endpoint


def test_result_stays_small_whatever_the_host_says() -> None:
    names = tuple(f"{number:04d}." + "x" * 200 for number in range(300))
    loud = door(tls=replace(TLS, chain=(replace(CERTIFICATE, dns_names=names),) * 8), schemes=("Negotiate", *names[:10]))
    assert len(json.dumps(result_of(case(doors=(loud,)), NOW, "never"))) < 20_000


@pytest.mark.parametrize(("names", "facts", "whole"), [(10, 1, True), (203, 0, True), (300, 0, False)])
def test_facts_that_acquit_go_before_evidence_is_cut(names: int, facts: int, whole: bool) -> None:
    loud = door(tls=replace(TLS, chain=(replace(CERTIFICATE, dns_names=tuple(f"{number:04d}.{'x' * 50}" for number in range(names))),)))
    result = result_of(case(doors=(loud,)), NOW, "never")
    assert max(len(acquitted["against"]) for acquitted in result["ruled_out"]) == facts
    assert ("gaps" not in result["evidence"]) == whole


def near(days: float) -> Case:
    return case(doors=(door(tls=replace(TLS, chain=(replace(CERTIFICATE, not_after="2026-04-20T00:00:00Z"),))),))


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param(near(11), "The host's certificate ends on 2026-04-20, in 11 days.", id="certificate ends"),
        pytest.param(
            case(doors=(door(tls=replace(TLS, chain_verify=VerifyEvidence(10, "certificate has expired"))),), validate_certs=False),
            "The inventory ignores what is wrong with the certificate: certificate has expired.",
            id="ignored fault",
        ),
        pytest.param(
            case(doors=(door(clocks=(ClockEvidence("ntlm", -120.0, 0.01),)),)),
            "The host's clock is 120 s behind this control node's; Kerberos gives up at 300 s.",
            id="drift",
        ),
        pytest.param(
            case(doors=(door(anonymous=HttpEvidence(status=401, headers=(("Server", "nginx"), ("Via", "1.1 lb01")))),)),
            "WinRM answers, but through 1.1 lb01, nginx: something stands in between, and over HTTPS that breaks channel binding.",
            id="reverse proxy",
        ),
        pytest.param(case(proxy="proxy01"), "The inventory sends the connection through the proxy proxy01; the probe went to the host directly.", id="proxy"),
        pytest.param(
            case(names=NameEvidence("web01.example.com", system=(ADDRESS,), canonical="srv7.example.com")),
            "web01.example.com is an alias of srv7.example.com; Kerberos needs an SPN for the name that the client asks for.",
            id="alias",
        ),
        pytest.param(
            case(names=NameEvidence("web01.example.com", system=(ADDRESS,), dns=("192.0.2.99",))),
            "For web01.example.com this control node's resolver says 192.0.2.10, the name servers say 192.0.2.99: a hosts file, or a stale record?",
            id="two answers",
        ),
        pytest.param(
            case(names=NameEvidence("web01.example.com", system=(ADDRESS,), reverse=(ReverseName(ADDRESS, ("srv7.example.com",)),))),
            "The reverse name of 192.0.2.10 is srv7.example.com, not web01.example.com; a client with rdns = true asks Kerberos for that name.",
            id="reverse name",
        ),
        pytest.param(
            case(doors=(door(challenge=replace(CHALLENGE, membership="workgroup")),), username="LAB\\admin"),
            "The account LAB\\admin belongs to a domain, but the host WEB01 seems to be in a workgroup, where only its local accounts exist.",
            id="domain account on a workgroup host",
        ),
    ],
)
def test_note(seen: Case, words: str) -> None:
    assert words in notes(seen, NOW)


def test_dead_second_address_is_a_note() -> None:
    seen = case()
    assert isinstance(seen.endpoint, EndpointEvidence)
    ports = (*seen.endpoint.ports, PortEvidence("2001:db8::7", 5986, "filtered", 3.0))
    assert notes(replace(seen, endpoint=replace(seen.endpoint, ports=ports)), NOW) == [
        "web01.example.com has addresses that do not answer: 2001:db8::7. Clients that try them first wait."
    ]


@pytest.mark.parametrize("account", ["admin", ".\\admin", "WEB01\\admin", "web01\\admin"])
def test_local_account_of_a_workgroup_host_needs_no_note(account: str) -> None:
    assert notes(case(doors=(door(challenge=replace(CHALLENGE, membership="workgroup")),), username=account), NOW) == []


def test_nothing_seen_gives_no_note() -> None:
    assert notes(Case(case().target, controller=Unknown("not asked"), endpoint=Unknown("not asked")), NOW) == []


@pytest.mark.parametrize("host", ["web01", "WEB01.example.com", "web01.other.example"])
def test_reverse_name_of_the_same_host_needs_no_note(host: str) -> None:
    names = NameEvidence("web01.example.com", system=(ADDRESS,), dns=(ADDRESS,), reverse=(ReverseName(ADDRESS, (host,)),))
    assert notes(case(names=names), NOW) == []
