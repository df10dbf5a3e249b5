# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows machine that cannot log on to a host: what the two together lack."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes import pairs, whose
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import OwnerEvidence, SpnEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import VerifyEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ChainEvidence, ChannelEvidence, ClientEvidence, HostEvidence, TimeEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.finding import LIKELY, POSSIBLE, TROUBLE, Finding
from ansible_collections.winrm.doctor.plugins.module_utils.report.brief import brief
from cases import ADDRESS, NOW, TLS, attempt, door, logon
from domain_cases import HOST, SERVICE, domain, spn
from host_cases import MEMBER, WORKGROUP, certificates, config, inside, pair, policy, winrm_policy

SENDING, LEVEL = "RestrictSendingNTLMTraffic", "LmCompatibilityLevel"
UNTRUSTED = ChainEvidence("untrusted_root", "its root is in no Root store", ("CN=web01.example.com", "CN=Example CA"), ("presented", "presented"))
SELF_SIGNED = replace(UNTRUSTED, subjects=("CN=web01.example.com",))
ALL = (door("http", schemes=("Negotiate", "Basic", "CredSSP")),)
DELEGATION = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\CredentialsDelegation"


def trusting(*names: str, **changes: t.Any) -> HostEvidence:
    """A client that lets NTLM go to these hosts."""
    return inside(client=ClientEvidence((), names), domain=WORKGROUP, **changes)


def client(source: str = "local", /, **settings: str) -> HostEvidence:
    """A client with these settings, read from the client's part alone."""
    told = tuple(one for one in config(source, **{f"Client__{name}": value for name, value in settings.items()}).settings if one.path.startswith("Client/"))
    return inside(client=ClientEvidence(told, ()), config=Unknown("access denied"))


# case, the one trouble as (cause, rule, verdict), words
TABLE: list[t.Any] = [
    pytest.param(
        pair(trusting()), ("service_config", "client_trusted_hosts", LIKELY),
        ("On admin01 TrustedHosts lacks web01.example.com, which NTLM over HTTP needs there, and admin01 belongs to no domain.", "-UseSSL", "never *"),
        id="workgroup client",
    ),
    pytest.param(
        pair(inside(), host=ADDRESS), ("service_config", "client_trusted_hosts", LIKELY), ("never by address", f"called by its address {ADDRESS}"),
        id="by address",
    ),
    pytest.param(
        pair(inside(), inside(domain=WORKGROUP)), ("service_config", "client_trusted_hosts", LIKELY), ("the host belongs to no domain",), id="workgroup host",
    ),
    pytest.param(
        pair(inside(domain=WORKGROUP, client=ClientEvidence((), ()), config=config("policy", Client__TrustedHosts=""))),
        ("service_config", "client_trusted_hosts", LIKELY), ('in Group Policy, setting "Trusted Hosts"',), id="TrustedHosts of policy",
    ),
    pytest.param(pair(trusting(), scheme="https"), ("service_config", "client_trusted_hosts", POSSIBLE), (), id="over HTTPS, if the client does the same"),
    pytest.param(
        pair(client(Auth__Negotiate="false", Auth__Kerberos="false")), ("service_config", "client_method_off", LIKELY),
        ("On admin01 the client may not use Negotiate or Kerberos", "Client\\Auth\\Negotiate $true"), id="methods off",
    ),
    pytest.param(
        pair(trusting("web01*", config=config(Client__Auth__Negotiate="false"))), ("service_config", "client_method_off", LIKELY), ("may not use Negotiate:",),
        id="Negotiate off, and nothing but NTLM",
    ),
    pytest.param(
        pair(
            inside(client=Unknown("access denied"), config=Unknown("access denied"), policy=(winrm_policy("AllowBasic", "0", side="Client"),)), auth=("basic",),
            scheme="https", doors=(door(schemes=("Basic",)),),
        ),
        ("service_config", "client_method_off", LIKELY), ('setting "Allow Basic authentication"',), id="Basic off by policy",
    ),
    pytest.param(pair(client(), auth=("credssp",), doors=ALL), ("service_config", "client_method_off", LIKELY), ("may not use CredSSP",), id="CredSSP off"),
    pytest.param(
        pair(
            inside(config=config(Client__Auth__CredSSP="true"), client=Unknown("denied"), policy=policy((DELEGATION, "AllowFreshCredentials", "0"))),
            auth=("credssp",), doors=ALL,
        ),
        ("service_config", "client_delegation", LIKELY), ("hand credentials on to web01.example.com", "wsman/web01.example.com"), id="no delegation",
    ),
    pytest.param(
        pair(client(), auth=("basic",), doors=ALL, connection="winrm"), ("message_encryption", "client_refuses_plain", LIKELY),
        ("On admin01 the client refuses to send messages",),
        id="plain refused",
    ),
    pytest.param(
        pair(trusting("*", policy=policy((SENDING, "2")))), ("ntlm_blocked", "client_sending", LIKELY), ("On admin01 policy refuses all NTLM that goes out",),
        id="sending",
    ),
    pytest.param(
        pair(trusting("*", policy=policy((LEVEL, "1"))), inside(policy=policy((LEVEL, "5")))), ("ntlm_blocked", "client_level", LIKELY),
        ("sends only LM or NTLMv1 (level 1), which the host refuses (level 5)",), id="levels",
    ),
    pytest.param(
        pair(trusting("*"), inside(policy=policy(("RestrictReceivingNTLMTraffic", "2")))), ("ntlm_blocked", "client_has_ntlm_alone", LIKELY),
        ("Between admin01 and the host there is only NTLM",), id="the host refuses NTLM",
    ),
    pytest.param(
        pair(inside(certificates=certificates(automatic_roots=False, presented=UNTRUSTED)), scheme="https"), ("certificate", "client_distrusts", LIKELY),
        ("admin01 does not trust the certificate that the host presents: its root is in no Root store", "into Root on admin01"), id="authority missing",
    ),
    pytest.param(
        pair(inside(certificates=certificates(automatic_roots=True, presented=UNTRUSTED)), scheme="https"), ("certificate", "client_distrusts", POSSIBLE), (),
        id="authority may come by itself",
    ),
    pytest.param(
        pair(inside(certificates=certificates(automatic_roots=True, presented=SELF_SIGNED)), scheme="https"), ("certificate", "client_distrusts", LIKELY), (),
        id="self-signed never comes",
    ),
    pytest.param(
        pair(inside(time=TimeEvidence("NT5DS", offset=400.0, uncertainty=1.0))), ("time_skew", "client_clock", LIKELY),
        ("The clock of admin01 is 7 minutes ahead of the host's",), id="clocks",
    ),
    pytest.param(
        pair(inside(time=TimeEvidence("NT5DS", offset=-400.0)), inside(time=Unknown("denied"))), ("time_skew", "client_clock", LIKELY), ("behind the host's",),
        id="clocks, the host's from outside",
    ),
    pytest.param(
        pair(trusting("*"), auth=("kerberos",)), ("domain_trust", "client_workgroup", LIKELY), ("between admin01 and the host there is none",),
        id="Kerberos without a domain",
    ),
    pytest.param(
        pair(inside(domain=replace(MEMBER, controller=ChannelEvidence(1355, means="ERROR_NO_SUCH_DOMAIN")))), ("domain_trust", "client_no_controller", LIKELY),
        ("admin01 finds no domain controller of lab.test", "status 1355, ERROR_NO_SUCH_DOMAIN"), id="no controller",
    ),
]


def troubles(case: Case) -> list[Finding]:
    return [finding for finding in evaluate_all(case, NOW) if finding.verdict in TROUBLE]


@pytest.mark.parametrize(("case", "expected", "words"), TABLE)
def test_pair(case: Case, expected: tuple[str, str, str], words: tuple[str, ...]) -> None:
    [found] = troubles(case)
    assert (found.cause, found.rule, found.verdict) == expected
    said = " ".join((found.summary, *(fact.seen for fact in found.because), *(f"{one.do} {one.how}" for one in found.remedies)))
    assert not [word for word in words if word not in said], said
    assert any(fact.vantage == "client" and fact.where == "inside admin01" for fact in found.because) or expected[1] == "client_has_ntlm_alone"


@pytest.mark.parametrize(("case", "expected", "words"), TABLE)
def test_diagnosis_comes_to_the_same_from_what_it_tells(case: Case, expected: tuple[str, str, str], words: tuple[str, ...]) -> None:
    told = brief(case)
    assert decode(HostEvidence, json.loads(json.dumps(encode(told.client, brief=True)))) == told.client
    assert evaluate_all(told, NOW) == evaluate_all(case, NOW)


HEALTHY: list[t.Any] = [
    pytest.param(pair(), id="two members of a domain, Kerberos"),
    pytest.param(pair(trusting("web01.example.com")), id="trusted by name"),
    pytest.param(pair(trusting("*.EXAMPLE.com")), id="trusted by pattern"),
    pytest.param(pair(trusting("<local>"), host="web01"), id="trusted as local"),
    pytest.param(pair(trusting("192.0.2.*"), host=ADDRESS), id="trusted by address"),
    pytest.param(pair(inside(policy=policy((SENDING, "2")))), id="NTLM is not needed"),
    pytest.param(pair(trusting("*", policy=policy((SENDING, "1")))), id="NTLM is only audited"),
    pytest.param(pair(trusting("*", policy=policy((SENDING, "2"), ("ClientAllowedNTLMServers", "db01,web01.example.com")))), id="excepted"),
    pytest.param(pair(trusting("*"), inside(policy=policy((LEVEL, "5")))), id="level by default"),
    pytest.param(pair(client(Auth__Kerberos="false")), id="Negotiate is left"),
    pytest.param(pair(inside(certificates=certificates(presented=UNTRUSTED))), id="no TLS"),
    pytest.param(pair(inside(certificates=certificates(presented=replace(UNTRUSTED, outcome="undecided"))), scheme="https"), id="chain undecided"),
    pytest.param(pair(inside(certificates=certificates(presented=replace(UNTRUSTED, outcome="trusted"))), scheme="https"), id="chain trusted"),
    pytest.param(pair(trusting("*", time=TimeEvidence(offset=4000.0))), id="NTLM minds no clock"),
    pytest.param(pair(inside(time=TimeEvidence(offset=299.0, uncertainty=1.0))), id="clocks near enough"),
    pytest.param(pair(Unknown("nobody could log on to the host")), id="nobody got in"),
    pytest.param(
        pair(inside(**dict.fromkeys(("config", "client", "policy", "certificates", "domain", "time"), Unknown("access denied")))), id="nothing could be read",
    ),
    pytest.param(
        pair(inside(client=ClientEvidence((), ()), domain=Unknown("access denied"))), id="not known whether Kerberos is possible",
    ),
]


@pytest.mark.parametrize("case", HEALTHY)
def test_pair_without_trouble(case: Case) -> None:
    assert troubles(case) == []


@pytest.mark.parametrize(
    ("patterns", "host", "covered"),
    [
        (("*",), "web01", True), (("web*",), "WEB01.example.com", True), (("web01",), "web01.example.com", False), (("<local>",), "web01.example.com", False),
        (("[2001:db8::7]",), "2001:db8::7", True), (("<local>",), "2001:db8::7", False), ((" web01 ",), "web01", True), (("",), "web01", False),
        ((), "web01", False),
        (("web[01]",), "web0", False),
    ],
)
def test_trusted_hosts(patterns: tuple[str, ...], host: str, covered: bool) -> None:
    assert pairs.trusts(patterns, host) is covered


def by_kerberos(*owners: OwnerEvidence, covered: tuple[OwnerEvidence, ...] = (), scheme: str = "http", **others: t.Any) -> Case:
    """A host whose connection asks for WSMAN, and what the directory says of the HTTP that a Windows client asks for."""
    known = domain(spns=(spn(HOST, name="WSMAN/web01.example.com"), SpnEvidence("HTTP/web01.example.com", owners, covered)))
    return pair(inside(), inside(), scheme, directory=known, **others)


@pytest.mark.parametrize(
    ("case", "rule", "verdict", "words"),
    [
        (by_kerberos(), "client_spn_missing", LIKELY, "Nobody carries HTTP/web01.example.com, nor HOST for it, which admin01 asks Kerberos for."),
        (by_kerberos(scheme="https"), "client_spn_missing", POSSIBLE, "klist get HTTP/web01.example.com"),
        (by_kerberos(SERVICE), "client_spn_owner", LIKELY, "belongs to the user svc-web: the host cannot read tickets for it."),
        (by_kerberos(HOST, SERVICE), "client_spn_double", LIKELY, "the computer WEB01$ and the user svc-web carry HTTP/web01.example.com"),
    ],
)
def test_windows_client_asks_for_http(case: Case, rule: str, verdict: str, words: str) -> None:
    [found] = troubles(case)
    assert (found.cause, found.rule, found.verdict) == ("spn", rule, verdict)
    assert words in f"{found.summary} {found.next_check}"
    assert found.remedies[0].how.startswith("ansible web01 -m winrm.doctor.spn")


@pytest.mark.parametrize("case", [by_kerberos(HOST), by_kerberos(covered=(HOST,)), by_kerberos(host=ADDRESS)])
def test_name_that_the_host_answers_for_is_no_trouble_of_the_pair(case: Case) -> None:
    assert not [finding for finding in troubles(case) if finding.cause == "spn"]


def test_what_fits_is_told_of_the_pair() -> None:
    told = replace(UNTRUSTED, outcome="trusted")
    case = by_kerberos(covered=(HOST,), scheme="https")
    case = replace(case, client=inside(certificates=certificates(presented=told)))
    assert whose.well(case) == (
        "as a Windows client it asks Kerberos for HTTP/web01.example.com, for which the computer WEB01$ answers",
        "by its own stores it trusts the authority of the certificate that the host presents",
    )
    open_case = replace(case, client=inside(certificates=certificates(presented=replace(UNTRUSTED, outcome="undecided", why="Not all were read."))))
    assert whose.well(open_case)[1] == "whether it trusts the certificate that the host presents is not decided (Not all were read)"
    assert whose.well(pair(Unknown("dead"))) == ()
    assert whose.well(replace(by_kerberos(covered=(HOST,)), client=client(Auth__Negotiate="false", Auth__Kerberos="false"))) == ()


def unknown_here(client: HostEvidence) -> Case:
    """A host whose certificate this control node does not trust."""
    tls = replace(TLS, chain_verify=VerifyEvidence(19, "self-signed certificate in certificate chain"))
    case = pair(client, scheme="https", doors=(door(tls=tls),))
    return replace(case, logon=logon(attempt("not_tried", reason="not_reached", used=False, rungs=())))


def test_trust_of_this_control_node_is_not_the_clients() -> None:
    [own] = troubles(unknown_here(inside(certificates=certificates(presented=replace(UNTRUSTED, outcome="trusted")))))
    assert own.summary.startswith("Of this control node alone: The certificate comes from ")
    first, second = troubles(unknown_here(inside(certificates=certificates(automatic_roots=False, presented=UNTRUSTED))))
    assert (first.rule, second.rule) == ("client_distrusts", "unknown_root")


def test_what_stops_everybody_offers_what_helps_the_client_first() -> None:
    tls = replace(TLS, name_verify=VerifyEvidence(62, "hostname mismatch"))
    case = pair(scheme="https", doors=(door(tls=tls),), host="web02.example.com")
    [found] = [one for one in troubles(case) if one.rule == "name_mismatch"]
    assert "Listener" in found.remedies[0].how
    assert found.remedies[-1].do.startswith("Of this control node's inventory, not of the client: connect by a name of the certificate")


def test_client_that_is_the_host_makes_no_pair() -> None:
    case = replace(pair(trusting()), client_name="WEB01")
    assert troubles(case) == []
    assert whose.arrow(case) == "web01"
    assert whose.arrow(pair()) == "admin01 -> web01"


def test_every_rule_of_the_pair_is_known_by_name() -> None:
    assert {expected[1] for expected in (one.values[1] for one in TABLE)} <= set(pairs.OWN_RULES)
