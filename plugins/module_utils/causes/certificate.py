# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of the HTTPS listener, as the inventory's connection would judge it."""

from __future__ import annotations

import time
from dataclasses import replace

from ..evidence.base import Known, Unknown, seconds
from ..evidence.case import Case
from ..evidence.endpoint import CertificateEvidence, TlsEvidence, VerifyEvidence
from ..finding import CONFIRMED, LIKELY, RULED_OUT, Fact, Finding, Remedy
from ..target import is_address
from . import client_certificate, inside, outside, stores
from .cause import Cause

SERVER_AUTH = ("1.3.6.1.5.5.7.3.1", "2.5.29.37.0")
"""id-kp-serverAuth and anyExtendedKeyUsage ([RFC 5280] 4.2.1.12)."""
NOT_YET, EXPIRED, SELF_SIGNED, ROOT_UNKNOWN, ISSUER_UNKNOWN, LEAF_ALONE, REVOKED, PURPOSE, NAME, ADDRESS = 9, 10, 18, 19, 20, 21, 23, 26, 62, 64
WEAK = (66, 67, 68)
UNTRUSTED = (2, SELF_SIGNED, ROOT_UNKNOWN, ISSUER_UNKNOWN, LEAF_ALONE)
"""X509_V_ERR numbers (OpenSSL, x509_vfy.h)."""
REPLACE = Remedy(
    "Give the HTTPS listener a fitting certificate from your own authority",
    "Set-Item WSMan:\\localhost\\Listener\\LISTENER\\CertificateThumbprint THUMBPRINT",
    "medium",
)


def evaluate(case: Case, now: float) -> list[Finding]:
    """Chain, dates and name are judged apart, because OpenSSL stops at the first error and hides the others."""
    target = case.target
    if target.auth == ("certificate",) and target.scheme == "http":
        return [_needs_https(case)]
    if client := client_certificate.evaluate(case, now):
        return client
    seen = outside.tls(case)
    if target.scheme != "https":
        return [] if seen and not seen.failure else [_not_used(case)]
    opened = outside.door(case)
    if seen is None or opened is None or opened.scheme != "https":
        return []
    if seen.failure:
        inside_found = stores.handshake(case, seen, now)
        return [inside_found] if inside_found else _failed(case, seen, opened.address)
    if not target.validate_certs:
        unchecked = Fact("the inventory switches certificate checks off", "inventory", "controller")
        return [
            Finding(
                "certificate",
                "not_checked",
                RULED_OUT,
                "The connection does not check the certificate, so none of its faults stops a logon.",
                against=(unchecked,),
            )
        ]
    found = [finding for finding in (_chain(case, seen, now), _name(case, seen), _revoked(case, seen)) if finding]
    if found:
        return _with_inside(case, seen, found, now)
    if _code(seen.chain_verify) == 0 and _code(seen.name_verify) == 0:
        good = Fact(f"chain, dates and name {seen.verified_name or target.host} verify", outside.where(target, opened.address), "endpoint")
        return [Finding("certificate", "verified", RULED_OUT, "The certificate is good for this connection.", against=(good,))]
    return []


def _with_inside(case: Case, seen: TlsEvidence, found: list[Finding], now: float) -> list[Finding]:
    """What is wrong with the certificate that is presented; before it, that it is not the listener's; and which one of the host's would do."""
    better = stores.replace_with(case, now) if inside.listeners(case) or stores.fitting(case, now) else REPLACE
    found = [replace(finding, remedies=tuple(better if remedy == REPLACE else remedy for remedy in finding.remedies)) for finding in found]
    own = leaf(seen)
    wrong = stores.differing(case, own.thumbprint) if own else None
    return [wrong, *found] if wrong else found


def leaf(seen: TlsEvidence) -> CertificateEvidence | None:
    """The host's own certificate."""
    return None if isinstance(seen.chain, Unknown) or not seen.chain else seen.chain[0]


def _code(verdict: Known[VerifyEvidence] | None) -> int | None:
    return None if verdict is None or isinstance(verdict, Unknown) else verdict.code


def _facts(case: Case, seen: TlsEvidence, said: str, verdict: Known[VerifyEvidence] | None) -> tuple[Fact, ...]:
    """What the certificate says, and what OpenSSL says of it."""
    opened = outside.door(case)
    place = outside.where(case.target, opened.address if opened else "")
    facts: tuple[Fact, ...] = (Fact(said, place, "endpoint"),)
    if verdict is not None and not isinstance(verdict, Unknown):
        store = f" with the trust store {verdict.store}" if verdict.store else ""
        facts += (Fact(f'OpenSSL refuses it{store}: error {verdict.code}, "{verdict.text}"', place, "endpoint"),)
    return facts


def _chain(case: Case, seen: TlsEvidence, now: float) -> Finding | None:
    code = _code(seen.chain_verify)
    if not code:
        return None
    if code in UNTRUSTED:
        # Known to the system's store: then the control node looks into the wrong one, and that is another cause.
        return None if _code(seen.system_verify) == 0 else _untrusted(case, seen, code)
    own = leaf(seen)
    if code in (EXPIRED, NOT_YET):
        return _dates(case, seen, own, code, now)
    if code in (PURPOSE, *WEAK):
        return _unfit(case, seen, own, code)
    text = seen.chain_verify.text if isinstance(seen.chain_verify, VerifyEvidence) else ""
    return Finding(
        "certificate",
        "refused",
        LIKELY,
        f"The client refuses the certificate: {text or f'OpenSSL error {code}'}.",
        _facts(case, seen, _presented(own), seen.chain_verify),
        next_check=_look(case),
        remedies=(REPLACE,),
        weight=76,
    )


def _presented(own: CertificateEvidence | None) -> str:
    if own is None:
        return "the host presents a certificate that could not be read"
    return f"the host presents {own.subject or '(no subject)'}, thumbprint {own.thumbprint}"


def _look(case: Case) -> str:
    name = "" if is_address(case.target.host) else f" -servername {case.target.host}"
    return f"openssl s_client -connect {outside.where(case.target)}{name} -showcerts </dev/null"


def _dates(case: Case, seen: TlsEvidence, own: CertificateEvidence | None, code: int, now: float) -> Finding:
    rule, word = ("expired", "expired") if code == EXPIRED else ("not_yet_valid", "is not valid yet")
    chain = seen.chain if not isinstance(seen.chain, Unknown) else ()
    late = [c for c in chain if (seconds(c.not_after) < now if code == EXPIRED else seconds(c.not_before) > now)]
    culprit = late[0] if late else own
    whose = "The host's certificate" if culprit is own else f"The authority's certificate {culprit.subject}" if culprit else "The certificate"
    if not culprit:
        return Finding("certificate", rule, LIKELY, f"{whose} {word}.", _facts(case, seen, _presented(None), seen.chain_verify), remedies=(REPLACE,), weight=78)
    moment = culprit.not_after if code == EXPIRED else culprit.not_before
    summary = f"{whose} expired on {moment[:10]}." if code == EXPIRED else f"{whose} is valid only from {moment[:10]} on."
    here = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    said = f"{culprit.subject} is valid from {culprit.not_before} to {culprit.not_after}; this control node's time is {here}"
    # Judged by our clock: if the host's clock disagrees and would make the dates fit, ours may be the wrong one.
    opened = outside.door(case)
    offset = min((c for c in opened.clocks), key=lambda c: c.uncertainty).offset if opened and opened.clocks else 0.0
    fits = abs(offset) > 300 and seconds(culprit.not_before) <= now + offset <= seconds(culprit.not_after)
    return Finding(
        "certificate",
        rule,
        LIKELY if fits or not late else CONFIRMED,
        summary,
        _facts(case, seen, said, seen.chain_verify),
        next_check="The host's clock would make the dates fit: first find out which clock is right." if fits else _look(case),
        remedies=(REPLACE,),
        tied_with=("time_skew",) if fits else (),
        weight=78,
    )


def _untrusted(case: Case, seen: TlsEvidence, code: int) -> Finding:
    own = leaf(seen)
    chain = seen.chain if not isinstance(seen.chain, Unknown) else ()
    last = chain[-1] if chain else None
    trust = Remedy(
        "Trust the authority on the control node",
        outside.setting(case.target, psrp="ansible_psrp_ca_cert: /path/ca.pem", winrm="ansible_winrm_ca_trust_path: /path/ca.pem"),
    )
    remedies: tuple[Remedy, ...]
    if code == SELF_SIGNED or (own and own.self_signed):
        rule, summary, remedies = "self_signed", "The host's certificate is self-signed, and this control node does not trust it.", (trust, REPLACE)
    elif code == ROOT_UNKNOWN or len(chain) > 1:
        name = (last.subject if last and last.self_signed else last.issuer if last else "") or "the authority"
        rule, summary, remedies = "unknown_root", f"The certificate comes from {name}, which this control node does not trust.", (trust,)
    else:
        issuer = own.issuer if own else "its issuer"
        rule = "incomplete_chain"
        summary = f"The host sends its certificate alone, and this control node does not know its issuer, {issuer}."
        send = Remedy("If the issuer is an intermediate: put it into the host's store CA, so that Windows sends it along", "certutil -addstore CA FILE")
        remedies = (trust, send)
    said = f"{_presented(own)}, issued by {own.issuer}" if own else _presented(own)
    if chain:
        said += f"; {len(chain)} certificate{'s' if len(chain) > 1 else ''} presented"
    return Finding(
        "certificate",
        rule,
        CONFIRMED if own else LIKELY,
        summary,
        _facts(case, seen, said, seen.chain_verify),
        next_check=_look(case),
        remedies=remedies,
        weight=77,
    )


def _unfit(case: Case, seen: TlsEvidence, own: CertificateEvidence | None, code: int) -> Finding:
    if code == PURPOSE:
        named = own is not None and own.eku is not None and not set(SERVER_AUTH).intersection(own.eku)
        uses = ", ".join(own.eku or ()) if own else ""
        return Finding(
            "certificate",
            "wrong_eku",
            CONFIRMED if named else LIKELY,
            "The certificate is not meant for servers: its extended key usage lacks Server Authentication.",
            _facts(case, seen, f"extended key usage: {uses or 'not read'} (1.3.6.1.5.5.7.3.1 is wanted)", seen.chain_verify),
            next_check=_look(case),
            remedies=(REPLACE,),
            weight=76,
        )
    made = f"key {own.key}, signature {own.signature}" if own else "key or signature"
    return Finding(
        "certificate",
        "weak_key",
        CONFIRMED if own else LIKELY,
        "The certificate's key or signature is too weak for this control node's OpenSSL.",
        _facts(case, seen, made, seen.chain_verify),
        next_check=_look(case),
        remedies=(REPLACE,),
        weight=76,
    )


def _name(case: Case, seen: TlsEvidence) -> Finding | None:
    code = _code(seen.name_verify)
    if not code:
        return None
    own = leaf(seen)
    asked = seen.verified_name or case.target.host
    names = (*own.dns_names, *own.addresses) if own else ()
    if names:
        said = f"the certificate is issued for {', '.join(names[:8])}{' and others' if len(names) > 8 else ''}"
    else:
        common = own.common_name if own else "unknown"
        said = f"the certificate has no subject alternative name, and clients no longer read the common name ({common}; [RFC 9525])"
    remedies: tuple[Remedy, ...] = (REPLACE,)
    better = next((name for name in names if "*" not in name and not is_address(name)), "")
    if better:
        remedies = (Remedy(f"Connect by a name of the certificate, if it leads to this host: ansible_host: {better}"), REPLACE)
    return Finding(
        "certificate",
        "name_mismatch",
        CONFIRMED if own else LIKELY,
        f"The certificate does not cover {asked}, the name the inventory connects to.",
        _facts(case, seen, said, seen.name_verify),
        next_check=_look(case),
        remedies=remedies,
        weight=74,
    )


def _revoked(case: Case, seen: TlsEvidence) -> Finding | None:
    answers = [answer for answer in seen.revocation if not isinstance(answer, Unknown) and answer.status == "revoked"]
    if not answers and _code(seen.chain_verify) != REVOKED:
        return None
    facts = tuple(Fact(f"{answer.way} says revoked (since {answer.revoked_at or 'an unknown time'})", answer.url, "endpoint") for answer in answers)
    return Finding(
        "certificate",
        "revoked",
        CONFIRMED if answers else LIKELY,
        "The certificate has been revoked.",
        facts,
        next_check=_look(case),
        remedies=(REPLACE,),
        weight=77,
    )


def _failed(case: Case, seen: TlsEvidence, address: str) -> list[Finding]:
    """No handshake: only a weak key or a cut without an answer points to the certificate."""
    place = outside.where(case.target, address)
    if any(word in seen.detail for word in ("KEY_TOO_SMALL", "MD_TOO_WEAK")):
        return [_unfit(case, seen, leaf(seen), WEAK[0])]
    if seen.failure not in ("reset", "closed") or seen.legacy_versions:
        return []
    fact = Fact(f"the connection is cut right after TLS's first message ({seen.failure}), before any certificate is shown", place, "endpoint")
    return [
        Finding(
            "certificate",
            "none_bound",
            LIKELY,
            "The HTTPS listener has no usable certificate, or a device cuts TLS on the way.",
            (fact,),
            next_check="On the host: winrm enumerate winrm/config/listener (CertificateThumbprint), netsh http show sslcert, and System log, source Schannel.",
            remedies=(REPLACE,),
            tied_with=("network",),
            weight=76,
        )
    ]


def _needs_https(case: Case) -> Finding:
    fact = Fact(f"auth is certificate, scheme is http, port {case.target.port}", "inventory", "controller")
    return Finding(
        "certificate",
        "client_certificate_needs_https",
        LIKELY,
        "The inventory logs on with a client certificate over plain HTTP, where there is no TLS to carry it.",
        (fact,),
        remedies=(Remedy("Use https: ansible_port: 5986"),),
        weight=80,
    )


def _not_used(case: Case) -> Finding:
    fact = Fact(f"the inventory connects by plain HTTP, port {case.target.port}", "inventory", "controller")
    return Finding("certificate", "not_used", RULED_OUT, "No certificate takes part: the connection is plain HTTP.", against=(fact,))


CAUSE = Cause(
    "certificate",
    "The TLS certificate is refused",
    4,
    ("endpoint", "logon", "host"),
    "openssl s_client -connect HOST:5986 -showcerts; certutil -verify -urlfetch FILE on a Windows client.",
    evaluate,
)
