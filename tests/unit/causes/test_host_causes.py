# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the causes make of a host's inside: every rule, beside those that look like it from outside."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all, leading
from ansible_collections.winrm.doctor.plugins.module_utils.causes.listening import set_on
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import CertificateEvidence, TlsEvidence, VerifyEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    ChannelEvidence,
    HostEvidence,
    LimitsEvidence,
    ListenersEvidence,
    NetworkEvidence,
    ProfileEvidence,
    RightEvidence,
    ServiceEvidence,
    StoredCertificateEvidence,
    TimeEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import LegEvidence, TokenEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, TROUBLE, UNKNOWN, Finding
from ansible_collections.winrm.doctor.plugins.module_utils.report.brief import brief
from cases import ADDRESS, CERTIFICATE, HTTP_SYS, NOW, TLS, attempt, case, door, foreign, leg, logon, rung
from domain_cases import domain, kerberos, refused_ticket
from domain_cases import host as domain_host
from host_cases import (
    BINDING,
    HTTP,
    HTTPS,
    MAPPING,
    MEMBER,
    ROOT,
    RULE_TLS,
    SCHANNEL,
    STORED,
    WORKGROUP,
    access,
    certificates,
    config,
    denied,
    firewall,
    inside,
    listeners,
    passage,
    policy,
    problem,
    rescued,
    seen,
    shut,
    winrm_policy,
)

NO_LISTENER = listeners(HTTP)
LEFT_OUT = problem("address_left_out", ADDRESS, "IPv4Filter is 192.0.2.99 and leaves out 192.0.2.10: WinRM does not listen there.")
STOPPED = (ServiceEvidence("WinRM", "stopped", "manual", exit_code=5),)
PUBLIC = {"networks": (NetworkEvidence("Ethernet", "public", "Network 2"),)}
PROVEN = {"proven": True, "proven_by": "web02"}
LOCAL = {"kind": "local", "account": "WEB01\\svc", "mechanism": "ntlm"}
RECEIVING = "RestrictReceivingNTLMTraffic"
OTHER_THUMBPRINT = "EF" * 20


def blocked(**changes: t.Any) -> t.Any:
    return firewall(passage("blocked", profile=changes.pop("profile", "domain"), **changes.pop("way", {})), **changes)


def tls_failed(failure: str = "reset", detail: str = "") -> dict[str, t.Any]:
    nothing = {"identify": None, "identity": None, "anonymous": None, "schemes": (), "challenge": None, "clocks": ()}
    return {"doors": (door(tls=TlsEvidence(failure=failure, detail=detail), **nothing),)}


def broken() -> t.Any:
    return attempt("not_tried", used=False, reason="not_reached", rungs=())


def fault(name: str, code: int) -> t.Any:
    return attempt("accepted", rung("identify"), rung(name, code=code))


def with_problems(*problems: t.Any, **changes: t.Any) -> ListenersEvidence:
    return listeners(problems=problems, **changes)


def client_logon(**changes: t.Any) -> Case:
    """A refused client certificate."""
    own = CertificateEvidence("CN=svc", "CN=Example CA", "02", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "12" * 20, upns=("svc@lab.test",))
    made = attempt("refused", method="certificate", mechanism="", binding="", account="", kind="local", used=False)
    tls12 = (door(tls=replace(TLS, version="TLSv1.2")),)
    on = {"config": config(Service__Auth__Certificate="true"), "mappings": (MAPPING,), **changes}
    return seen(rescued(**on), made, auth=("certificate",), certificate=own, doors=tls12)


def big_token(size: int, status: int = 400) -> t.Any:
    made = LegEvidence("an empty POST", replace(leg(status).reply), TokenEvidence("kerberos_ap_req", size))
    return attempt("broken", mechanism="kerberos", method="kerberos", used=False, rungs=(rung("authenticate", "failed", made),))


# case, the first finding as (cause, rule, verdict); the causes that must be ruled out beside it
TABLE: list[t.Any] = [
    # The tie of silence: firewall, stopped, no listener, address left out.
    pytest.param(shut(rescued(listeners=NO_LISTENER)), ("service_config", "no_listener", CONFIRMED), ("firewall",), id="no listener for the port"),
    pytest.param(shut(rescued(listeners=ListenersEvidence())), ("service_config", "no_listener", CONFIRMED), ("firewall",), id="no listener at all"),
    pytest.param(
        shut(rescued(listeners=listeners(HTTP, replace(HTTPS, enabled=False)))), ("service_config", "listener_disabled", CONFIRMED), ("firewall",),
        id="listener switched off",
    ),
    pytest.param(
        shut(rescued(listeners=listeners(HTTP, replace(HTTPS, transport="HTTP")))), ("service_config", "no_listener", CONFIRMED), ("firewall",),
        id="the port has the other protocol",
    ),
    pytest.param(
        shut(rescued(listeners=listeners(HTTP, replace(HTTPS, listening_on=()), problems=(problem("deaf", "*+HTTPS"),)))),
        ("service_config", "deaf", CONFIRMED), ("firewall",), id="deaf listener",
    ),
    pytest.param(
        shut(rescued(listeners=with_problems(LEFT_OUT))), ("service_config", "address_left_out", CONFIRMED), ("firewall",), id="address left out",
    ),
    pytest.param(
        shut(rescued(listeners=with_problems(LEFT_OUT, listen_only=("192.0.2.99",)))), ("service_config", "address_left_out", CONFIRMED), ("firewall",),
        id="HTTP.sys' list",
    ),
    pytest.param(shut(rescued(service=STOPPED)), ("service_config", "stopped", CONFIRMED), ("firewall",), id="stopped"),
    pytest.param(
        shut(rescued(service=(ServiceEvidence("WinRM", "stopped", "disabled"),))), ("service_config", "service_disabled", CONFIRMED), ("firewall",),
        id="service disabled",
    ),
    pytest.param(
        shut(rescued(config=config("policy", Service__AllowRemoteAccess="false"))), ("service_config", "remote_access_off", CONFIRMED), ("firewall",),
        id="remote access off",
    ),
    pytest.param(shut(rescued(firewall=blocked(rules=()))), ("firewall", "no_rule", CONFIRMED), ("service_config",), id="no rule"),
    pytest.param(
        shut(rescued(firewall=blocked(rules=(replace(RULE_TLS, enabled=False),)))), ("firewall", "rule_disabled", CONFIRMED), ("service_config",),
        id="rule off",
    ),
    pytest.param(
        shut(rescued(firewall=blocked(way={"rules": ("stop",)}, rules=(RULE_TLS, replace(RULE_TLS, id="stop", action="block"))))),
        ("firewall", "block_rule", CONFIRMED), ("service_config",), id="block rule",
    ),
    pytest.param(
        shut(rescued(firewall=blocked(profile="public", **PUBLIC))), ("firewall", "wrong_profile", CONFIRMED), ("service_config",), id="public network",
    ),
    pytest.param(
        shut(rescued(firewall=firewall(passage("narrowed", admits=False, remote=("LocalSubnet",), rules=(RULE_TLS.id,))))),
        ("firewall", "narrowed", CONFIRMED), ("service_config",), id="local subnet alone",
    ),
    pytest.param(
        shut(rescued(firewall=firewall(passage("narrowed", admits=Unknown("no address"), remote=("LocalSubnet",), rules=(RULE_TLS.id,))))),
        ("firewall", "narrowed", LIKELY), ("service_config",), id="narrowed, and nobody knows to whom",
    ),
    pytest.param(
        shut(rescued(firewall=blocked(profiles=(ProfileEvidence("domain", local_rules=False, source="policy"),)))), ("firewall", "not_merged", CONFIRMED),
        ("service_config",), id="local rules disregarded",
    ),
    pytest.param(
        shut(rescued(firewall=blocked(profiles=(ProfileEvidence("domain", no_exceptions=True),)))), ("firewall", "no_exceptions", CONFIRMED),
        ("service_config",),
        id="no exceptions",
    ),
    pytest.param(
        shut(rescued(firewall=blocked(rules=(), way={"active": Unknown("denied")}))), ("firewall", "no_rule", LIKELY), ("service_config",),
        id="blocked in a profile that may not be in force",
    ),
    pytest.param(
        shut(rescued(firewall=firewall(passage(), passage("blocked", profile="public"), rules=()))), ("firewall", "no_rule", LIKELY), ("service_config",),
        id="two networks, one open",
    ),
    pytest.param(shut(), ("firewall", "between", LIKELY), ("service_config",), id="a firewall of the network"),
    pytest.param(shut(rescued(firewall=Unknown("denied"))), ("firewall", "dropped", LIKELY), ("service_config",), id="it listens, the firewall was not read"),
    pytest.param(shut(rescued(listeners=Unknown("denied"))), ("service_config", "no_listener", LIKELY), ("firewall",), id="let in, and no listener was read"),
    pytest.param(
        shut(rescued(listeners=NO_LISTENER), also={}), ("service_config", "no_listener", CONFIRMED), ("firewall", "network"),
        id="silent everywhere, but seen inside",
    ),
    pytest.param(shut(rescued(listeners=NO_LISTENER), "refused"), ("service_config", "no_listener", CONFIRMED), ("firewall",), id="refused, no listener"),
    pytest.param(shut(state="refused", also={}), ("service_config", "refused_elsewhere", POSSIBLE), ("firewall",), id="refused, although it listens"),
    pytest.param(
        shut(rescued(listeners=NO_LISTENER, firewall=blocked(rules=()))), ("service_config", "no_listener", CONFIRMED), (), id="neither listener nor rule",
    ),
    # What answers is configured otherwise.
    pytest.param(
        seen(rescued(config=config(Service__Auth__Negotiate="false", Service__Auth__Kerberos="false")), broken(), doors=(door(schemes=("Basic",)),)),
        ("service_config", "scheme_not_offered", CONFIRMED), (), id="methods off",
    ),
    pytest.param(
        seen(rescued(), broken(), auth=("basic",), doors=(door(schemes=("Negotiate",)),)), ("service_config", "scheme_not_offered", CONFIRMED), (),
        id="Basic off",
    ),
    pytest.param(
        seen(rescued(), broken(), auth=("credssp",), doors=(door(schemes=("Negotiate",)),)), ("service_config", "scheme_not_offered", CONFIRMED), (),
        id="CredSSP off",
    ),
    pytest.param(
        seen(
            rescued(config=Unknown("denied"), policy=(winrm_policy("AllowNegotiate", "0"), winrm_policy("AllowKerberos", "0"))), broken(),
            doors=(door(schemes=("Basic",)),),
        ),
        ("service_config", "scheme_not_offered", CONFIRMED), (), id="methods off by policy, config not readable",
    ),
    pytest.param(
        seen(rescued(listeners=listeners(replace(HTTPS, url_prefix="manage"))), broken(), doors=(foreign(404, HTTP_SYS, scheme="https", tls=TLS),)),
        ("service_config", "url_prefix", CONFIRMED), (), id="other prefix",
    ),
    pytest.param(
        seen(
            rescued(listeners=with_problems(problem("reservation_missing", "https://+:5986/wsman/"))), broken(),
            doors=(foreign(503, HTTP_SYS, scheme="https", tls=TLS),),
        ),
        ("service_config", "not_attached", LIKELY), (), id="reservation missing",
    ),
    pytest.param(
        seen(rescued(policy=policy((f"{SCHANNEL}\\TLS 1.2\\Server", "Enabled", "0"))), broken(), **tls_failed("alert", "TLSV1_ALERT_INTERNAL_ERROR")),
        ("service_config", "tls_version", CONFIRMED), (), id="TLS 1.2 off",
    ),
    pytest.param(
        seen(access_off := rescued(access=replace(access(), descriptors=(replace(access().descriptors[0], enabled=False),))), fault("powershell", 0x803381E3)),
        ("service_config", "plugin_disabled", CONFIRMED), (), id="plugin off, and the fault says so",
    ),
    pytest.param(seen(access_off, fault("powershell", 0x80338041)), ("service_config", "plugin_disabled", LIKELY), (), id="plugin off, another fault"),
    # Certificates.
    pytest.param(
        seen(rescued(listeners=with_problems(problem("not_bound", "*+HTTPS"))), broken(), **tls_failed()), ("certificate", "not_bound", CONFIRMED), (),
        id="not bound",
    ),
    pytest.param(
        seen(
            rescued(listeners=with_problems(problem("not_bound", "*+HTTPS")), certificates=certificates(
                problems=(problem("listener_certificate_missing", CERTIFICATE.thumbprint),),
            )), broken(), **tls_failed("closed"),
        ),
        ("certificate", "listener_certificate_missing", CONFIRMED), (), id="certificate gone",
    ),
    pytest.param(
        seen(rescued(certificates=certificates(problems=(problem("no_key", CERTIFICATE.thumbprint),))), broken(), **tls_failed()),
        ("certificate", "no_key", CONFIRMED), (), id="no private key",
    ),
    pytest.param(
        seen(rescued(listeners=with_problems(problem("no_thumbprint", "*+HTTPS"))), broken(), **tls_failed()), ("certificate", "no_thumbprint", CONFIRMED), (),
        id="no thumbprint",
    ),
    pytest.param(
        seen(
            rescued(listeners=listeners(
                HTTP, replace(HTTPS, thumbprint=OTHER_THUMBPRINT), problems=(problem("binding_differs", "*+HTTPS"),),
            )), broken(), doors=(door(tls=replace(TLS, name_verify=VerifyEvidence(62, "mismatch"))),),
        ),
        ("certificate", "binding_differs", CONFIRMED), (), id="another certificate is bound",
    ),
    pytest.param(
        seen(
            rescued(listeners=with_problems(problem("foreign_binding", "*+HTTPS"), bindings=(replace(BINDING, thumbprint=OTHER_THUMBPRINT),))), broken(),
            doors=(door(tls=replace(
                TLS, chain=(replace(CERTIFICATE, thumbprint=OTHER_THUMBPRINT),), chain_verify=VerifyEvidence(20, "unable to get issuer"),
            )),),
        ),
        ("certificate", "foreign_binding", CONFIRMED), (), id="another application's binding",
    ),
    pytest.param(client_logon(config=config()), ("certificate", "client_auth_off", CONFIRMED), (), id="certificate logon off"),
    pytest.param(client_logon(mappings=()), ("certificate", "client_unmapped", CONFIRMED), (), id="nothing mapped"),
    pytest.param(
        client_logon(mappings=(replace(MAPPING, subject="other@lab.test"),)), ("certificate", "client_unmapped", CONFIRMED), (), id="another user is mapped",
    ),
    pytest.param(client_logon(mappings=(replace(MAPPING, enabled=False),)), ("certificate", "client_mapping_off", CONFIRMED), (), id="mapping off"),
    pytest.param(
        client_logon(certificates=certificates(problems=(problem("mapping_issuer_missing", "CD" * 20),))),
        ("certificate", "client_issuer_missing", CONFIRMED), (),
        id="authority of the client unknown",
    ),
    pytest.param(
        client_logon(certificates=certificates(problems=(problem("root_misplaced", "99" * 20),))), ("certificate", "root_misplaced", LIKELY), (),
        id="no root in Root",
    ),
    pytest.param(client_logon(), ("certificate", "client_mapped_account", LIKELY), (), id="mapped, on, refused"),
    pytest.param(
        client_logon(mappings=(replace(MAPPING, subject="*@lab.test"),)), ("certificate", "client_mapped_account", LIKELY), (), id="mapped by a pattern",
    ),
    # Rights: every gate, and what else ends in the same 401.
    pytest.param(
        seen(rescued(access=access("network_logon", "SeDenyNetworkLogonRight names S-1-5-114.")), attempt("refused", **LOCAL, **PROVEN)),
        ("permissions", "network_logon_denied", CONFIRMED), (), id="network logon denied",
    ),
    pytest.param(
        seen(rescued(access=access("powershell", ROOT)), attempt("refused", **LOCAL, **PROVEN)), ("permissions", "root_refused", CONFIRMED), (),
        id="RootSDDL, password proven",
    ),
    pytest.param(
        seen(rescued(access=access("powershell", ROOT)), attempt("refused", **LOCAL)), ("permissions", "root_refused", LIKELY), (), id="RootSDDL, bare 401",
    ),
    pytest.param(
        seen(rescued(access=access("powershell", ROOT, filtered=True)), attempt("refused", **LOCAL)), ("permissions", "filtered", LIKELY), (),
        id="filtered token",
    ),
    pytest.param(
        seen(inside(access=access("powershell", ROOT, filtered=True)), fault("identify", 5)), ("permissions", "filtered", CONFIRMED), (),
        id="filtered token, fault 5",
    ),
    pytest.param(
        seen(inside(access=access("powershell")), fault("powershell", 5)), ("permissions", "powershell_refused", CONFIRMED), (),
        id="plugin's descriptor, fault 5",
    ),
    pytest.param(
        seen(inside(access=access("cmd", ROOT)), attempt("accepted", rung("identify"), rung("cmd", code=5)), connection="winrm"),
        ("permissions", "root_refused", CONFIRMED), (),
        id="cmd's gate",
    ),
    pytest.param(seen(inside(), fault("powershell", 5)), ("permissions", "shell_refused", CONFIRMED), (), id="fault 5 although every gate is open"),
    pytest.param(
        seen(inside(config=config("policy", Winrs__AllowRemoteShellAccess="false")), fault("powershell", 0x803381AC)),
        ("permissions", "remote_shells_off", CONFIRMED), (), id="remote shells off",
    ),
    pytest.param(
        seen(rescued(access=access("powershell", ROOT)), attempt("not_tried", reason="no_password", used=False, rungs=(), kind="local")),
        ("credentials", "missing", CONFIRMED), (), id="no password, and a gate besides",
    ),
    # NTLM.
    pytest.param(
        seen(rescued(policy=policy((RECEIVING, "2"))), attempt("refused", **LOCAL)), ("ntlm_blocked", "policy", CONFIRMED), ("permissions",),
        id="NTLM denied to all",
    ),
    pytest.param(
        seen(rescued(policy=policy((RECEIVING, "2"))), attempt("refused", used=False, **LOCAL), auth=("ntlm",), doors=(
            door(challenge=Unknown("no challenge came")),
        )), ("ntlm_blocked", "policy", CONFIRMED), (), id="NTLM denied to all, and no challenge comes",
    ),
    pytest.param(
        seen(rescued(policy=policy((RECEIVING, "2"))), attempt("refused", **LOCAL), more=(attempt(way="rescue", own=False, **LOCAL),)),
        ("credentials", "refused", LIKELY), ("ntlm_blocked",), id="NTLM denied to all, and yet somebody came in by it",
    ),
    pytest.param(
        seen(rescued(policy=policy((RECEIVING, "1"))), attempt("refused"), more=(attempt(way="rescue", own=False, **LOCAL),)),
        ("ntlm_blocked", "policy", CONFIRMED), ("permissions",), id="NTLM denied to domain accounts, a local one came in",
    ),
    pytest.param(
        seen(rescued(policy=policy((RECEIVING, "1"))), attempt("refused", **LOCAL)), ("credentials", "refused", LIKELY), ("ntlm_blocked", "permissions"),
        id="NTLM denied to domain accounts alone",
    ),
    pytest.param(
        seen(rescued(policy=policy(("RestrictNTLMInDomain", "7")), domain=replace(MEMBER, role=5)), attempt("refused")), ("ntlm_blocked", "policy", LIKELY),
        ("permissions",), id="domain controller denies NTLM in its domain",
    ),
    pytest.param(
        seen(rescued(policy=policy((RECEIVING, "2"))), attempt("refused", rungs=(rung("authenticate", "denied", leg(
            401, token=TokenEvidence("credssp"), answer=TokenEvidence("credssp", code=0xC0000418),
        )),))), ("ntlm_blocked", "ntlm_blocked", CONFIRMED), (), id="NTLM denied, and CredSSP says so",
    ),
    # Everything else that ends in a 401.
    pytest.param(
        seen(rescued(), attempt("refused", **LOCAL)), ("credentials", "refused", LIKELY), ("permissions", "ntlm_blocked"), id="nothing inside: password",
    ),
    pytest.param(
        seen(rescued(config=config(Service__Auth__CbtHardeningLevel="Strict")), attempt("refused", binding="omitted", **LOCAL)),
        ("channel_binding", "strict", CONFIRMED), ("permissions", "ntlm_blocked"), id="strict, and no token",
    ),
    pytest.param(
        seen(rescued(listeners=listeners(bindings=(replace(BINDING, thumbprint=OTHER_THUMBPRINT),))), attempt("refused", **LOCAL)),
        ("channel_binding", "intercepted", LIKELY), ("permissions", "ntlm_blocked"), id="another certificate than the host's",
    ),
    # The domain.
    pytest.param(
        seen(rescued(domain=replace(MEMBER, secure_channel=ChannelEvidence(1786))), attempt("refused")), ("domain_trust", "secure_channel", CONFIRMED),
        ("permissions",), id="broken channel",
    ),
    pytest.param(
        seen(rescued(domain=replace(MEMBER, controller=ChannelEvidence(1355), secure_channel=ChannelEvidence(1311))), attempt("refused")),
        ("domain_trust", "no_controller", LIKELY), ("permissions",), id="no controller found",
    ),
    pytest.param(seen(rescued(domain=WORKGROUP), attempt("refused")), ("domain_trust", "workgroup", CONFIRMED), ("permissions",), id="workgroup"),
    # Clocks.
    pytest.param(
        replace(
            domain_host(kerberos("refused", 37)),
            host=rescued(time=TimeEvidence("NoSync", (), "stopped", "Local CMOS Clock", synchronised=False, controller="dc1", controller_offset=900.0)),
        ),
        ("time_skew", "host_clock", CONFIRMED), (), id="host's clock, and the code",
    ),
    # Sizes and quotas.
    pytest.param(
        seen(rescued(limits=LimitsEvidence(4096)), big_token(6000)), ("token_size", "too_large", CONFIRMED), (), id="header line too short for the token",
    ),
    pytest.param(
        seen(inside(limits=LimitsEvidence(own_shells=2, problems=(problem("shells_used_up", "lab\\SVC", "lab\\SVC has 2 shells open."),))), fault(
            "powershell", 0x80338041,
        )), ("quota", "shells_used_up", LIKELY), (), id="shells used up, another fault",
    ),
    pytest.param(
        seen(inside(config=config("policy", Winrs__MaxShellsPerUser="2"), limits=LimitsEvidence(own_shells=2)), fault("powershell", 0x803381A5)),
        ("quota", "quota_max_shells", CONFIRMED), (), id="shells used up, and the fault says so",
    ),
    pytest.param(
        seen(
            inside(config=config("policy", Service__AllowUnencrypted="false")),
            attempt("accepted", rung("identify", "denied", leg(500)), method="basic", mechanism="", binding="", sealed=False, scheme="http", port=5985), "http",
            auth=("basic",), doors=(door("http", schemes=("Basic",)),), connection="winrm",
        ),
        ("message_encryption", "plain_refused", CONFIRMED), (), id="plain messages refused",
    ),
    pytest.param(
        replace(
            domain_host(kerberos("broken", 14), directory=domain(steps=refused_ticket(14))),
            host=rescued(policy=policy(("HKLM\\POLICY\\Kerberos\\Parameters", "SupportedEncryptionTypes", "4"))),
        ),
        ("encryption_types", "host_policy", LIKELY), (), id="host allows RC4 alone",
    ),
]


def first(case: Case) -> Finding:
    return evaluate_all(case, NOW)[0]


def of(case: Case, cause: str) -> Finding:
    return next(finding for finding in evaluate_all(case, NOW) if finding.cause == cause)


@pytest.mark.parametrize(("case", "expected", "acquitted"), TABLE)
def test_first_finding(case: Case, expected: tuple[str, str, str], acquitted: tuple[str, ...]) -> None:
    found = first(case)
    assert (found.cause, found.rule, found.verdict) == expected
    verdicts = {finding.cause: finding.verdict for finding in evaluate_all(case, NOW)}
    assert {cause: verdicts[cause] for cause in acquitted} == dict.fromkeys(acquitted, RULED_OUT)
    assert any(fact.vantage == "host" for fact in (*found.because, *found.against)) or found.rule in ("missing",)


@pytest.mark.parametrize(("case", "expected", "acquitted"), TABLE)
def test_diagnosis_comes_to_the_same_from_what_it_tells(case: Case, expected: tuple[str, str, str], acquitted: tuple[str, ...]) -> None:
    told = brief(case)
    back = decode(HostEvidence, json.loads(json.dumps(encode(told.host, brief=True))))
    assert back == told.host, "what is left out comes back"
    assert judged(told) == judged(case)


def judged(case: Case) -> list[tuple[str, ...]]:
    """Every trouble. What acquits the other causes is quoted with them, and need not be told a second time."""
    return [(one.cause, one.rule, one.verdict, one.summary, *one.tied_with) for one in evaluate_all(case, NOW) if one.verdict in TROUBLE]


@pytest.mark.parametrize(("case", "expected", "acquitted"), TABLE)
def test_decided_causes_are_tied_with_nobody(case: Case, expected: tuple[str, str, str], acquitted: tuple[str, ...]) -> None:
    findings = evaluate_all(case, NOW)
    assert [finding.cause for finding in leading(findings)] == [expected[0]]
    troubles = {finding.cause for finding in findings if finding.verdict in TROUBLE}
    for finding in findings:
        assert set(finding.tied_with) <= troubles, f"{finding.rule} is tied with a cause that is no trouble"


def told(finding: Finding) -> str:
    """Everything a finding says."""
    facts = (f"{fact.seen} [{fact.where}]" for fact in (*finding.because, *finding.against))
    return " | ".join((finding.summary, *facts, *(f"{one.do}: {one.how}" for one in finding.remedies)))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        pytest.param(
            shut(rescued(config=config("policy", Service__IPv4Filter="192.0.2.99-192.0.2.99"), listeners=with_problems(LEFT_OUT))),
            (
                "WinRM does not listen on 192.0.2.10", "leaves out 192.0.2.10", 'which the policy "Allow remote server management through WinRM" decides',
                'in Group Policy, setting "Allow remote server management through WinRM"', "a change on the host itself is refused or undone",
                "inside web01, read by the alternate logon rescue", "TCP 5986 gives no answer",
            ),
            id="a filter of policy",
        ),
        pytest.param(
            shut(rescued(config=config(Service__IPv4Filter="192.0.2.99-192.0.2.99"), listeners=with_problems(LEFT_OUT))),
            ("Set-Item WSMan:\\localhost\\Service\\IPv4Filter *", "where * is the default"), id="a filter made by hand",
        ),
        pytest.param(shut(rescued(listeners=with_problems(LEFT_OUT, listen_only=("192.0.2.99",)))), ("netsh http show iplisten",), id="HTTP.sys' list"),
        pytest.param(
            seen(
                rescued(
                    config=config("policy", Service__Auth__Basic="false"), policy=(winrm_policy("AllowBasic", "0", "Basic-Authentifizierung zulassen"),),
                ),
                broken(), auth=("basic",), doors=(door(schemes=("Negotiate",)),),
            ),
            ('switched off on this host by the policy "Basic-Authentifizierung zulassen"', "offers Negotiate", "in Group Policy"),
            id="the policy as it was read",
        ),
        pytest.param(
            seen(rescued(), broken(), auth=("basic",), doors=(door(schemes=("Negotiate",)),)),
            ("Set-Item WSMan:\\localhost\\Service\\Auth\\Basic $true",), id="method off by default",
        ),
        pytest.param(
            shut(rescued(firewall=blocked(way={"rules": ("stop",)}, rules=(replace(RULE_TLS, id="stop", action="block", source="policy"),)))),
            ('The rule "WinRM HTTPS" (stop)', 'setting "Windows Defender Firewall with Advanced Security, Inbound Rules"'), id="a rule of policy blocks",
        ),
        pytest.param(
            shut(rescued(firewall=blocked(profile="public", **PUBLIC))),
            ("The network Network 2 is public", "on domain and private alone", "Set-NetConnectionProfile -InterfaceAlias 'Ethernet' -NetworkCategory Private"),
            id="a public network",
        ),
        pytest.param(
            shut(rescued(firewall=firewall(passage("narrowed", admits=False, remote=("LocalSubnet",), rules=(RULE_TLS.id,))))),
            ("from LocalSubnet alone, and this control node is not among them", "Set-NetFirewallRule -Name 'winrm-https' -RemoteAddress CONTROL_NODE"),
            id="narrowed",
        ),
        pytest.param(
            seen(
                rescued(access=access("network_logon", "S-1-5-114 is denied.", rights=(RightEvidence("SeDenyNetworkLogonRight", ("S-1-5-114",), "policy"),))),
                attempt("refused", **LOCAL, **PROVEN),
            ),
            ("may not log on to this host over the network: S-1-5-114 is denied", '"Deny access to this computer from the network"'),
            id="a right that policy denies",
        ),
        pytest.param(
            seen(inside(config=config("policy", Winrs__AllowRemoteShellAccess="false")), fault("powershell", 0x803381AC)),
            ('in Group Policy, setting "Allow Remote Shell Access"',), id="shells off by policy",
        ),
        pytest.param(
            seen(inside(config=config("policy", Winrs__MaxShellsPerUser="2"), limits=LimitsEvidence(own_shells=2)), fault("powershell", 0x803381A5)),
            ("has 2 other shells open", "Winrs/MaxShellsPerUser = 2", 'setting "Specify maximum number of remote shells per user"'), id="quota of policy",
        ),
        pytest.param(
            seen(rescued(policy=policy((RECEIVING, "2"))), attempt("refused", **LOCAL)),
            ("refuses NTLM to all accounts (RestrictReceivingNTLMTraffic is 2)", '"Network security: Restrict NTLM: Incoming NTLM traffic"'),
            id="NTLM's policy",
        ),
        pytest.param(
            seen(rescued(), attempt("refused", **LOCAL)), ("powershell: BUILTIN\\Administrators", "CbtHardeningLevel = Relaxed"), id="what acquits the others",
        ),
        pytest.param(
            seen(rescued(domain=replace(MEMBER, secure_channel=ChannelEvidence(1786, means="ERROR_NO_TRUST_LSA_SECRET"))), attempt("refused")),
            ("nltest /sc_query says status 1786 (ERROR_NO_TRUST_LSA_SECRET): The host has no machine password", "It was refused"), id="the channel, quoted",
        ),
        pytest.param(
            seen(
                rescued(certificates=certificates(
                    STORED, StoredCertificateEvidence("My", replace(CERTIFICATE, thumbprint=OTHER_THUMBPRINT, not_after="2027-03-01T00:00:00Z"), key=True),
                )),
                broken(), doors=(door(tls=replace(TLS, chain=(replace(CERTIFICATE, not_after="2026-02-01T00:00:00Z"),), chain_verify=VerifyEvidence(10))),),
            ),
            ("the certificate that the host has already: CN=web01.example.com, until 2027-03-01", f"-ValueSet @{{CertificateThumbprint='{OTHER_THUMBPRINT}'}}"),
            id="a certificate that would do",
        ),
        pytest.param(
            replace(
                domain_host(kerberos("refused", 37)),
                host=rescued(time=TimeEvidence("NoSync", (), "stopped", "Local CMOS Clock", synchronised=False, controller="dc1", controller_offset=900.0)),
            ),
            ("15 minutes ahead of its domain controller's", "w32time is stopped", "Local CMOS Clock", "Start-Service w32time"), id="why the clock is wrong",
        ),
        pytest.param(seen(rescued(limits=LimitsEvidence(4096)), big_token(6000)), ("MaxFieldLength is 4096 bytes, and the token takes 8000",), id="header"),
        pytest.param(client_logon(), ("svc@lab.test is mapped to the account svc-local", "password may have changed"), id="mapped account"),
    ],
)
def test_finding_says(case: Case, words: tuple[str, ...]) -> None:
    said = told(first(case))
    assert not [word for word in words if word not in said], said


SICK = inside(
    config=config("policy", Service__Auth__Negotiate="false", Service__AllowRemoteAccess="false", Service__Auth__CbtHardeningLevel="Strict"),
    listeners=listeners(problems=tuple(problem(kind, "*+HTTPS") for kind in ("deaf", "not_bound", "binding_differs", "none_for_port"))),
    service=STOPPED, firewall=blocked(rules=()), certificates=certificates(problems=tuple(
        problem(kind, CERTIFICATE.thumbprint) for kind in ("expired", "no_key", "root_misplaced", "listener_certificate_missing", "chain")
    )),
    policy=policy((RECEIVING, "2"), ("LmCompatibilityLevel", "5"), (f"{SCHANNEL}\\TLS 1.2\\Server", "Enabled", "0")),
    access=access("powershell", ROOT, filtered=True),
    domain=replace(MEMBER, secure_channel=ChannelEvidence(1786), controller=ChannelEvidence(1355)),
    time=TimeEvidence("NoSync", (), "stopped", synchronised=False, offset=900.0, controller_offset=900.0),
    limits=LimitsEvidence(4096, problems=(problem("shells_used_up"), problem("small_quota"))),
)


@pytest.mark.parametrize("host", [inside(), SICK, denied(), Unknown("nobody could log on to the host")], ids=["well", "sick", "denied", "not seen"])
def test_logon_that_works_is_no_trouble_whatever_the_inside_shows(host: t.Any) -> None:
    for whole in (seen(host), seen(host, attempt(**LOCAL)), replace(domain_host(kerberos()), host=host)):
        assert [finding.rule for finding in evaluate_all(whole, NOW) if finding.verdict in TROUBLE] == []


def test_cut_that_the_inside_explains_accuses_no_device_in_between() -> None:
    cut = seen(rescued(listeners=with_problems(problem("not_bound", "*+HTTPS"))), broken(), **tls_failed())
    assert [finding.cause for finding in evaluate_all(cut, NOW) if finding.verdict in TROUBLE] == ["certificate"]
    silent = seen(rescued(listeners=with_problems(problem("not_bound", "*+HTTPS"))), broken(), **tls_failed("timeout"))
    assert of(silent, "network").rule == "mute"


@pytest.mark.parametrize(
    ("user", "sid", "member"),
    [("LAB\\o'hara", "S-1-5-21-1-2-3-9", "'LAB\\o''hara'"), ("svc@lab.test", "S-1-5-21-1-2-3-9", "S-1-5-21-1-2-3-9"), ("svc@lab.test", "", "'svc@lab.test'")],
)
def test_group_is_advised_with_the_account_s_own_name(user: str, sid: str, member: str) -> None:
    told = replace(access("powershell", "No entry allows it."), user=user, sid=sid, sids=("S-1-1-0",))
    found = first(seen(rescued(access=told), attempt("refused", **PROVEN)))
    assert "may log on, but not open a PowerShell session: it is a member neither of Administrators nor of Remote Management Users." in found.summary
    assert found.remedies[0].how == f"Add-LocalGroupMember -SID S-1-5-32-580 -Member {member}"


def test_command_keeps_what_a_host_calls_itself_in_its_quotes() -> None:
    assert set_on(replace(HTTPS, address="*'; rm"), "Enabled", "true").endswith("@{Address='*''; rm';Transport='HTTPS'} -ValueSet @{Enabled='true'}")


def test_value_that_nobody_ran_into_is_no_more_than_likely() -> None:
    untried = attempt("not_tried", used=False, reason="refused_before", rungs=())
    found = first(seen(rescued(policy=policy((RECEIVING, "2"))), untried, auth=("ntlm",)))
    assert (found.cause, found.rule, found.verdict) == ("ntlm_blocked", "policy", LIKELY)


@pytest.mark.parametrize("name", ["config", "listeners", "service", "firewall", "certificates", "mappings", "policy", "access", "domain", "time", "limits"])
def test_part_that_was_not_read_convicts_nobody(name: str) -> None:
    """Without it the outside's findings stand, or others of the inside; and nothing breaks."""
    for whole, _expected, _acquitted in (entry.values for entry in TABLE):
        gap = replace(whole, host=replace(whole.host, **{name: Unknown("access denied")}))
        assert any(finding.verdict in TROUBLE for finding in evaluate_all(gap, NOW))


def test_unknown_names_the_inside_only_where_nobody_looked() -> None:
    asked = of(seen(Unknown("nobody could log on to the host"), broken()), "permissions")
    assert asked.summary == "Not decided; the host's inside was not read: nobody could log on to the host."
    unasked = of(case(logon=logon(broken())), "permissions")
    assert unasked.summary == "Not decided; the vantage point host would tell."


def test_unknown_says_what_may_not_be_read() -> None:
    found = of(seen(denied(), broken()), "permissions")
    assert (found.verdict, found.summary) == (
        UNKNOWN, "Not decided; the account may not read the inside (winrm/config, WMI root/cimv2, cmd (WinRS)).",
    )


def test_inside_that_says_nothing_leaves_the_tie_of_the_outside() -> None:
    findings = evaluate_all(shut(denied(way="rescue"), also={445: "open"}), NOW)
    assert {finding.cause for finding in leading(findings)} == {"firewall", "service_config"}


@pytest.mark.parametrize(
    ("bond", "verdict"), [(replace(MEMBER, secure_channel=ChannelEvidence(1786)), CONFIRMED), (MEMBER, POSSIBLE)], ids=["broken", "well"],
)
def test_secure_channel_decides_about_an_old_machine_password(bond: t.Any, verdict: str) -> None:
    """A ticket that the host cannot read: three causes from outside, one where the host's own channel tells."""
    found = of(replace(domain_host(kerberos("refused", 41), directory=domain()), host=rescued(domain=bond)), "domain_trust")
    assert (found.rule, found.verdict) == ("secure_channel" if verdict == CONFIRMED else "stale_password", verdict)


def test_ticket_without_a_directory_is_told_apart_by_the_channel() -> None:
    broken_channel = replace(domain_host(kerberos("refused", 41)), host=rescued(domain=replace(MEMBER, secure_channel=ChannelEvidence(5))))
    assert [(one.cause, one.verdict) for one in evaluate_all(broken_channel, NOW) if one.verdict in TROUBLE] == [("domain_trust", CONFIRMED)]
    well = replace(domain_host(kerberos("refused", 41)), host=rescued())
    assert "domain_trust" not in {one.cause for one in evaluate_all(well, NOW) if one.verdict in TROUBLE}


def test_domain_controller_needs_no_channel_to_itself() -> None:
    here = rescued(domain=replace(MEMBER, role=5, secure_channel=ChannelEvidence(1355)))
    assert "domain_trust" not in {one.cause for one in evaluate_all(seen(here, attempt("refused")), NOW) if one.verdict in TROUBLE}


def test_local_account_asks_no_domain() -> None:
    here = rescued(domain=replace(MEMBER, secure_channel=ChannelEvidence(1786)))
    assert first(seen(here, attempt("refused", **LOCAL))).cause == "credentials"


def test_password_that_is_known_to_be_right_leaves_the_domain_controllers() -> None:
    """Every gate, the channel and the binding are good: what is left is a policy of the domain, which no host shows."""
    found = first(seen(rescued(), attempt("refused", proven=True)))
    assert (found.cause, found.verdict) == ("ntlm_blocked", POSSIBLE)


def test_what_the_host_offers_goes_before_what_stood_in_its_settings() -> None:
    off = rescued(config=config(Service__Auth__Negotiate="false", Service__Auth__Kerberos="false"))
    assert of(seen(off, attempt("refused", **LOCAL)), "service_config").verdict == RULED_OUT


def test_remote_management_user_may_not_read_the_settings_and_works() -> None:
    found = of(seen(rescued(access=access("root", "RootSDDL allows him nothing.")), attempt("refused", **LOCAL)), "permissions")
    assert (found.rule, found.verdict) == ("inside", RULED_OUT)


def test_shells_that_are_off_for_all_are_no_want_of_a_group() -> None:
    off = rescued(access=access("cmd"), config=config("policy", Winrs__AllowRemoteShellAccess="false"))
    found = of(seen(off, attempt("accepted", rung("identify"), rung("cmd", code=5)), connection="winrm"), "permissions")
    assert (found.rule, found.verdict, found.remedies[0].do.partition(":")[0]) == ("remote_shells_off", CONFIRMED, "Allow remote shells")


def test_plugin_that_is_off_for_all_is_no_want_of_a_right() -> None:
    off = replace(access("powershell", "The plugin is switched off."), descriptors=(replace(access().descriptors[0], enabled=False),))
    troubles = [one.rule for one in evaluate_all(seen(inside(access=off), fault("powershell", 0x803381E3)), NOW) if one.verdict in TROUBLE]
    assert troubles == ["plugin_disabled"]


def test_clock_that_the_host_finds_right_acquits() -> None:
    found = of(seen(inside(), attempt(method="kerberos", mechanism="kerberos")), "time_skew")
    assert (found.verdict, found.rule) == (RULED_OUT, "agrees")


def test_small_token_is_no_trouble_of_a_driver_that_takes_it() -> None:
    assert of(seen(rescued(), big_token(3000)), "token_size").verdict != POSSIBLE


def test_shells_of_others_use_up_nobody_elses_quota() -> None:
    busy = inside(limits=LimitsEvidence(own_shells=0, problems=(problem("shells_used_up", "LAB\\other", "LAB\\other has 2 shells open."),)))
    assert of(seen(busy, fault("powershell", 0x80338041)), "quota").verdict not in TROUBLE


def test_presented_certificate_that_is_the_listeners_is_not_called_another_one() -> None:
    expired = (door(tls=replace(TLS, chain=(replace(CERTIFICATE, not_after="2026-02-01T00:00:00Z"),), chain_verify=VerifyEvidence(10))),)
    rules = [one.rule for one in evaluate_all(seen(rescued(), broken(), doors=expired), NOW) if one.cause == "certificate"]
    assert rules == ["expired"]
