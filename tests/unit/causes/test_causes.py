# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each cause concludes from what was seen, and how far it dares to go."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes import outside
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import CAUSES, evaluate_all, leading
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.controller import (
    ControllerEvidence,
    KerberosEvidence,
    LibraryEvidence,
    ProxyEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import (
    ClockEvidence,
    EndpointEvidence,
    HttpEvidence,
    IdentityEvidence,
    NameEvidence,
    PortEvidence,
    RevocationEvidence,
    TlsEvidence,
    VerifyEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.finding import CONFIRMED, TROUBLE, Finding
from cases import ADDRESS, CERTIFICATE, CHALLENGE, HTTP_SYS, LIBRARIES, NOW, TLS, broken, case, door, foreign, silent


def refused(code: int, text: str = "refused") -> VerifyEvidence:
    return VerifyEvidence(code, text, "/bundle.pem")


def with_tls(**changes: t.Any) -> Case:
    return case(doors=(door(tls=replace(TLS, **changes)),))


def no_handshake(failure: str, **changes: t.Any) -> Case:
    nothing = {"identify": None, "identity": None, "anonymous": None, "schemes": (), "challenge": None, "clocks": ()}
    return case(doors=(door(tls=TlsEvidence(failure=failure, **changes), **nothing),))


def control(**changes: t.Any) -> ControllerEvidence:
    return replace(ControllerEvidence(at="2026-04-08T22:48:00Z", host="control01", python="3.12.1", platform="Linux", libraries=LIBRARIES), **changes)


EXPIRED = replace(CERTIFICATE, not_after="2026-02-01T00:00:00Z")
FUTURE = replace(CERTIFICATE, not_before="2026-09-01T00:00:00Z", not_after="2027-09-01T00:00:00Z")
SELF = replace(CERTIFICATE, issuer=CERTIFICATE.subject, self_signed=True)
ROOT = replace(CERTIFICATE, subject="CN=Example CA", issuer="CN=Example CA", self_signed=True, is_ca=True)
SKEWED = (ClockEvidence("ntlm", 1200.0, 0.01), ClockEvidence("http_date", 1200.4, 1.0))

# case, the first finding as (cause, rule, verdict), causes it is tied with
TABLE: list[t.Any] = [
    pytest.param(case("http", doors=(foreign(404),)), ("service_config", "url_prefix", "possible"), ("impostor",), id="404 of nobody"),
    pytest.param(case("http", doors=(foreign(503),)), ("service_config", "not_attached", "possible"), ("impostor",), id="503 of nobody"),
    pytest.param(case("http", doors=(foreign(200),)), ("impostor", "other_server", "likely"), (), id="200 of nobody"),
    pytest.param(silent("refused"), ("service_config", "refused", "likely"), (), id="refused"),
    pytest.param(silent("refused", also={5985: "open"}), ("service_config", "no_listener", "likely"), (), id="refused, other listener"),
    pytest.param(silent("refused", also={445: "filtered"}), ("service_config", "refused", "likely"), (), id="refused, others silent"),
    pytest.param(silent(also={445: "open"}), ("firewall", "dropped", "possible"), ("service_config",), id="silent, alive"),
    pytest.param(silent(also={5985: "open"}), ("service_config", "no_listener", "possible"), ("firewall",), id="silent, other listener"),
    pytest.param(silent(also={445: "filtered", 3389: "filtered"}), ("network", "silent", "possible"), ("firewall",), id="all silent"),
    pytest.param(silent("unreachable"), ("network", "no_route", "likely"), ("firewall",), id="unreachable"),
    pytest.param(case(ports={}, doors=(), names=NameEvidence("web01", no_such_name=True)), ("network", "no_such_name", "confirmed"), (), id="no such name"),
    pytest.param(
        case(ports={}, doors=(), names=NameEvidence("web01", system=Unknown("EAI_AGAIN"), dns=(ADDRESS,))),
        ("network", "name_unresolved", "likely"),
        (),
        id="resolver fails",
    ),
    pytest.param(case("http", doors=(broken("timeout"),)), ("network", "mute", "possible"), ("service_config",), id="mute"),
    pytest.param(case("http", doors=(broken("reset"),)), ("service_config", "mute", "possible"), ("network",), id="cut"),
    pytest.param(no_handshake("timeout"), ("network", "mute", "possible"), ("service_config",), id="mute in TLS"),
    pytest.param(no_handshake("reset"), ("certificate", "none_bound", "likely"), ("network",), id="reset in TLS"),
    pytest.param(
        no_handshake("alert", detail="TLSV1_ALERT_PROTOCOL_VERSION", legacy_versions=("TLSv1",)),
        ("service_config", "tls_version", "confirmed"),
        (),
        id="old TLS",
    ),
    pytest.param(
        no_handshake("alert", detail="SSLV3_ALERT_HANDSHAKE_FAILURE"), ("service_config", "tls_version", "possible"), ("certificate",), id="no common TLS"
    ),
    pytest.param(
        no_handshake("error", detail="EE_KEY_TOO_SMALL", chain=(CERTIFICATE,)), ("certificate", "weak_key", "confirmed"), (), id="weak key, no handshake"
    ),
    pytest.param(
        case(doors=(door("https", scheme="http", tls=TlsEvidence(failure="not_tls")),)),
        ("service_config", "wrong_protocol", "confirmed"),
        (),
        id="http on 5986",
    ),
    pytest.param(case("http", doors=(door("http", scheme="https", tls=TLS),)), ("service_config", "wrong_protocol", "confirmed"), (), id="https on 5985"),
    pytest.param(case("http", doors=(foreign(404, HTTP_SYS),)), ("service_config", "url_prefix", "likely"), (), id="404 of HTTP.sys"),
    pytest.param(case("http", doors=(foreign(503, HTTP_SYS),)), ("service_config", "not_attached", "likely"), (), id="503 of HTTP.sys"),
    pytest.param(case("http", doors=(foreign(400, HTTP_SYS),)), ("service_config", "unexpected_status", "possible"), ("impostor",), id="400 of HTTP.sys"),
    pytest.param(case("http", doors=(door("http", schemes=("Basic",)),)), ("service_config", "scheme_not_offered", "likely"), (), id="Basic only"),
    pytest.param(
        case("http", doors=(door("http", schemes=("Kerberos",)),), connection="winrm", auth=("kerberos",)),
        ("service_config", "scheme_not_offered", "likely"),
        (),
        id="pywinrm reads Negotiate only",
    ),
    pytest.param(with_tls(chain_verify=refused(10), chain=(EXPIRED,)), ("certificate", "expired", "confirmed"), (), id="expired"),
    pytest.param(with_tls(chain_verify=refused(10)), ("certificate", "expired", "likely"), (), id="expired, says OpenSSL alone"),
    pytest.param(with_tls(chain_verify=refused(9), chain=(FUTURE,)), ("certificate", "not_yet_valid", "confirmed"), (), id="not yet valid"),
    pytest.param(with_tls(chain_verify=refused(18), chain=(SELF,)), ("certificate", "self_signed", "confirmed"), (), id="self-signed"),
    pytest.param(with_tls(chain_verify=refused(19), chain=(CERTIFICATE, ROOT)), ("certificate", "unknown_root", "confirmed"), (), id="unknown root"),
    pytest.param(with_tls(chain_verify=refused(20)), ("certificate", "incomplete_chain", "confirmed"), (), id="leaf alone"),
    pytest.param(
        with_tls(chain_verify=refused(20), system_verify=VerifyEvidence(0, "ok", "/system.pem")),
        ("control_node", "trust_store", "confirmed"),
        (),
        id="wrong bundle",
    ),
    pytest.param(with_tls(name_verify=refused(62)), ("certificate", "name_mismatch", "confirmed"), (), id="name"),
    pytest.param(
        with_tls(chain_verify=refused(26), chain=(replace(CERTIFICATE, eku=("1.3.6.1.5.5.7.3.2",)),)), ("certificate", "wrong_eku", "confirmed"), (), id="EKU"
    ),
    pytest.param(with_tls(chain_verify=refused(66)), ("certificate", "weak_key", "confirmed"), (), id="weak key"),
    pytest.param(with_tls(revocation=(RevocationEvidence("revoked", "OCSP", "http://ca/ocsp"),)), ("certificate", "revoked", "confirmed"), (), id="revoked"),
    pytest.param(case("http", auth=("certificate",)), ("certificate", "client_certificate_needs_https", "likely"), (), id="client certificate over http"),
    pytest.param(case("http", doors=(door("http", clocks=SKEWED),), auth=("kerberos",)), ("time_skew", "offset", "likely"), (), id="skew, kerberos"),
    pytest.param(case("http", doors=(door("http", clocks=SKEWED),), auth=("ntlm",)), ("time_skew", "offset", "possible"), (), id="skew, ntlm"),
    pytest.param(
        case("http", doors=(door("http", identity=IdentityEvidence("Openwsman Project", "2.7")),)),
        ("impostor", "other_vendor", "likely"),
        (),
        id="other vendor",
    ),
    pytest.param(
        case("http", doors=(foreign(200, ("Server", "Openwsman"), identity=IdentityEvidence("Openwsman Project", "2.7")),)),
        ("impostor", "other_vendor", "confirmed"),
        (),
        id="other vendor and server",
    ),
    pytest.param(case("http", doors=(foreign(200, ("Server", "nginx")),)), ("impostor", "other_server", "likely"), (), id="nginx"),
    pytest.param(case("http", doors=(foreign(404, ("Server", "Microsoft-IIS/10.0")),)), ("impostor", "other_server", "likely"), (), id="IIS"),
    pytest.param(case("http", doors=(foreign(302, ("Location", "https://login")),)), ("impostor", "redirect", "likely"), (), id="redirect"),
    pytest.param(case("http", doors=(foreign(407, ("Proxy-Authenticate", "Basic")),)), ("impostor", "proxy", "likely"), (), id="proxy"),
    pytest.param(case("http", doors=(broken("not_http", "SSH-2.0"),)), ("impostor", "not_http", "likely"), (), id="ssh"),
    pytest.param(
        case("http", doors=(foreign(401, ("Server", "nginx"), schemes=("Negotiate",)),)),
        ("impostor", "odd_server", "possible"),
        (),
        id="behind a reverse proxy",
    ),
    pytest.param(
        case(controller=control(libraries=(LibraryEvidence("pypsrp", error="No module named 'pypsrp'"),))),
        ("control_node", "missing_library", "confirmed"),
        (),
        id="no pypsrp",
    ),
    pytest.param(
        case(controller=control(proxy=ProxyEvidence(captures=True, proxy="http://proxy:3128"))), ("control_node", "proxy", "likely"), (), id="captured"
    ),
    pytest.param(
        case("http", auth=("kerberos",), controller=control(kerberos=KerberosEvidence(("/etc/krb5.conf",), "line 3: no equals sign"))),
        ("control_node", "krb5_conf", "likely"),
        (),
        id="krb5.conf",
    ),
    pytest.param(case("http", host=ADDRESS, auth=("kerberos",)), ("spn", "address", "likely"), (), id="kerberos to an address"),
    pytest.param(
        case("http", auth=("kerberos",), doors=(door("http", challenge=replace(CHALLENGE, membership="workgroup")),)),
        ("domain_trust", "workgroup", "likely"),
        (),
        id="kerberos to a workgroup",
    ),
    pytest.param(
        case("http", doors=(door("http", challenge=Unknown("HTTP 401 and no challenge")),)), ("ntlm_blocked", "no_challenge", "possible"), (), id="no challenge"
    ),
]


def troubles(seen: Case) -> list[Finding]:
    return [finding for finding in evaluate_all(seen, NOW) if finding.verdict in TROUBLE]


@pytest.mark.parametrize(("seen", "first", "tied"), TABLE)
def test_first_finding(seen: Case, first: tuple[str, str, str], tied: tuple[str, ...]) -> None:
    found = troubles(seen)
    assert (found[0].cause, found[0].rule, found[0].verdict) == first
    assert found[0].tied_with == tied
    assert found[0].because, "a finding quotes what was seen"
    assert found[0].remedies or found[0].next_check
    assert {finding.cause for finding in leading(found)} == {first[0], *tied} & {finding.cause for finding in found}


@pytest.mark.parametrize(("seen", "first", "tied"), TABLE)
def test_ties_are_mutual(seen: Case, first: tuple[str, str, str], tied: tuple[str, ...]) -> None:
    found = troubles(seen)
    by_cause = {finding.cause: finding for finding in found}
    ruled_out = {finding.cause for finding in evaluate_all(seen, NOW) if finding.verdict == "ruled_out"}
    assert not ruled_out & set(tied), "a cause that is ruled out cannot be tied"
    for name in set(tied) & set(by_cause):
        assert first[0] in by_cause[name].tied_with, f"{name} does not know that it is tied with {first[0]}"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("way", [("psrp", ("negotiate",)), ("psrp", ("kerberos",)), ("winrm", ("ntlm",)), ("winrm", ("kerberos",)), ("psrp", ("ntlm",))])
def test_healthy_host_gets_no_finding(scheme: str, way: tuple[str, tuple[str, ...]]) -> None:
    assert troubles(case(scheme, connection=way[0], auth=way[1])) == []


def test_every_cause_is_judged_once_at_least() -> None:
    judged = {finding.cause for finding in evaluate_all(case(), NOW)}
    assert judged == {cause.id for cause in CAUSES}


def test_nothing_asked_leaves_everything_unknown_or_settled_by_the_inventory() -> None:
    seen = Case(case().target)
    assert troubles(seen) == []
    assert {f.cause for f in evaluate_all(seen, NOW) if f.verdict == "ruled_out"} == set()


def test_undecided_cause_names_the_vantage_point_and_the_check_by_hand() -> None:
    found = next(finding for finding in evaluate_all(case(), NOW) if finding.cause == "credentials")
    assert found.summary == "Not decided; the vantage point logon or directory would tell."
    assert "kinit" in found.next_check


def test_wrong_clock_of_the_control_node_is_not_blamed_on_the_certificate() -> None:
    clocks = (ClockEvidence("ntlm", -80 * 86400.0, 0.01),)
    found = troubles(case(doors=(door(tls=replace(TLS, chain=(EXPIRED,), chain_verify=refused(10)), clocks=clocks),), auth=("kerberos",)))
    assert (found[0].verdict, found[0].tied_with) == ("likely", ("time_skew",))


def test_two_faults_of_one_certificate_are_both_told() -> None:
    found = troubles(with_tls(chain_verify=refused(10), chain=(EXPIRED,), name_verify=refused(62)))
    assert [(finding.rule, finding.verdict) for finding in found] == [("expired", CONFIRMED), ("name_mismatch", CONFIRMED)]


def test_unchecked_certificate_stops_nothing() -> None:
    seen = case(doors=(door(tls=replace(TLS, chain_verify=refused(10), chain=(EXPIRED,))),), validate_certs=False)
    assert troubles(seen) == []


def test_plain_password_methods_need_no_spn() -> None:
    verdicts = {finding.cause: finding.verdict for finding in evaluate_all(case(auth=("basic",), doors=(door(schemes=("Basic",)),)), NOW)}
    assert verdicts["spn"] == verdicts["ntlm_blocked"] == "ruled_out"


def test_silence_is_never_confirmed() -> None:
    for seen in (silent(), silent(also={445: "open"}), silent("unreachable"), case("http", doors=(broken("timeout"),))):
        assert all(finding.verdict != CONFIRMED for finding in troubles(seen))


def test_reply_that_broke_off_is_not_read() -> None:
    half = HttpEvidence(status=404, headers=(HTTP_SYS,), failure="timeout")
    found = troubles(case("http", doors=(broken("timeout", identify=half, anonymous=half),)))
    assert "url_prefix" not in {finding.rule for finding in found}


def test_hardened_host_without_a_server_header_is_still_winrm() -> None:
    bare = HttpEvidence(status=401, headers=(("WWW-Authenticate", "Negotiate"),))
    for identity in (None, door("http").identity):
        seen = door("http", identify=replace(bare, status=200 if identity else 401), identity=identity, anonymous=bare)
        assert troubles(case("http", doors=(seen,))) == []
    missing = door("http", identify=bare, identity=None, anonymous=bare, schemes=("Basic",))
    assert [finding.rule for finding in troubles(case("http", doors=(missing,)))] == ["scheme_not_offered"]


def test_working_host_with_a_dead_address_gets_no_finding() -> None:
    seen = case("http")
    assert isinstance(seen.endpoint, EndpointEvidence)
    for state in ("filtered", "unreachable"):
        ports = (PortEvidence("2001:db8::7", 5985, state, 3.0), *seen.endpoint.ports)
        assert troubles(replace(seen, endpoint=replace(seen.endpoint, ports=ports))) == []


def test_place_is_named_as_a_client_would_write_it() -> None:
    assert outside.where(case().target, ADDRESS) == "web01.example.com [192.0.2.10]:5986"
    assert outside.where(case(host="2001:db8::7").target, "2001:db8::7") == "[2001:db8::7]:5986"


def test_offered_method_that_needs_least_is_proposed() -> None:
    found = troubles(case("http", auth=("basic",), message_encryption="never", doors=(door("http"),)))
    assert (found[0].rule, found[0].remedies[0].how) == ("scheme_not_offered", "ansible_psrp_auth: negotiate")
