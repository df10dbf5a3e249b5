# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the authority withdrawn the certificate? OCSP first, then the CRL, over plain HTTP as both are meant to be ([RFC 6960], [RFC 5280])."""

from __future__ import annotations

import http.client
import typing as t
from datetime import datetime, timezone
from urllib.parse import urlsplit

from .. import deps
from ..evidence.base import Known, Unknown
from ..evidence.endpoint import RevocationEvidence
from ..target import is_address
from .certificate import parse_certificate
from .deadline import Deadline, DeadlineSocket, WireError, translate
from .tcp import connect

BUDGET = 1024 * 1024
"""Bytes of one answer; large authorities publish larger lists, which are then unknown."""


def revocation_of(ders: list[bytes], deadline: Deadline) -> tuple[Known[RevocationEvidence], ...]:
    """What the authority says of the leaf; the issuer must come with it. Never raises."""
    if reason := deps.missing("cryptography"):
        return (Unknown(reason),)
    seen = parse_certificate(ders[0]) if ders else Unknown("no certificate was presented")
    if isinstance(seen, Unknown):
        return (seen,)
    if len(ders) < 2:
        return (Unknown("revocation was not asked: the host sends no issuer, without which no answer can be checked"),)
    above = parse_certificate(ders[1])
    if isinstance(above, Unknown):
        return (Unknown(f"revocation was not asked: the issuer cannot be read: {above.unknown}"),)
    leaf, issuer = (deps.x509.load_der_x509_certificate(der) for der in ders[:2])
    if not seen.ocsp and not seen.crl:
        return (Unknown("the certificate names neither OCSP nor a CRL"),)
    answers: list[Known[RevocationEvidence]] = []
    for way, urls, ask in (("OCSP", seen.ocsp, _ocsp), ("CRL", seen.crl, _crl)):
        for url in urls[:2]:
            try:
                answers.append(ask(leaf, issuer, url, deadline))
            except (WireError, OSError, ValueError, TypeError, http.client.HTTPException, deps.invalid_signature, *deps.certificate_errors) as error:
                answers.append(Unknown(f"{way} at {url}: {str(error) or type(error).__name__}"[:200]))
            if isinstance(answers[-1], RevocationEvidence):
                return tuple(answers)
    return tuple(answers)


def _ocsp(leaf: t.Any, issuer: t.Any, url: str, deadline: Deadline) -> RevocationEvidence:
    request = deps.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, deps.hashes.SHA1()).build()
    body = _fetch(url, deadline, request.public_bytes(deps.serialization.Encoding.DER), "application/ocsp-request")
    answer = deps.ocsp.load_der_ocsp_response(body)
    if answer.response_status != deps.ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"the responder says {answer.response_status.name.lower()}")
    if answer.serial_number != leaf.serial_number:
        raise ValueError("the answer is about another certificate")
    _check_signature(answer, issuer)
    _check_times(*(_utc(answer, name) for name in ("this_update", "next_update")))
    status = answer.certificate_status.name.lower()
    return RevocationEvidence(status, "OCSP", url, _moment(_utc(answer, "revocation_time")) if status == "revoked" else None)


def _check_signature(answer: t.Any, issuer: t.Any) -> None:
    """Signed by the issuer, or by a responder whose certificate the issuer signed ([RFC 6960] 4.2.2.2)."""
    # An authority that signs itself may add its own certificate.
    delegates = [certificate for certificate in answer.certificates[:4] if certificate != issuer]
    if delegates and not _signed_by(answer, issuer):
        _check_delegate(delegates[0], issuer)
        signer = delegates[0]
    else:
        signer = issuer
    if not _signed_by(answer, signer):
        raise ValueError("the answer is not signed by the certificate's issuer, nor on its behalf")


def _check_delegate(certificate: t.Any, issuer: t.Any) -> None:
    certificate.verify_directly_issued_by(issuer)
    try:
        usage = certificate.extensions.get_extension_for_class(deps.x509.ExtendedKeyUsage).value
    except deps.x509.ExtensionNotFound:
        usage = ()
    if deps.x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
        raise ValueError("the responder's certificate is not meant for OCSP")
    _check_times(certificate.not_valid_before_utc, certificate.not_valid_after_utc, "responder's certificate")


def _signed_by(answer: t.Any, signer: t.Any) -> bool:
    key, hashed = signer.public_key(), answer.signature_hash_algorithm
    try:
        if isinstance(key, deps.rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, deps.padding.PKCS1v15(), hashed)
        elif isinstance(key, deps.ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, deps.ec.ECDSA(hashed))
        else:
            raise ValueError(f"the answer is signed with {type(key).__name__}, which is not read here")
    except deps.invalid_signature:
        return False
    return True


def _crl(leaf: t.Any, issuer: t.Any, url: str, deadline: Deadline) -> RevocationEvidence:
    body = _fetch(url, deadline)
    listed = deps.x509.load_pem_x509_crl(body) if body.lstrip().startswith(b"-----") else deps.x509.load_der_x509_crl(body)
    if not listed.is_signature_valid(issuer.public_key()):
        raise ValueError("the list is not signed by the certificate's issuer")
    _check_times(listed.last_update_utc, listed.next_update_utc)
    entry = listed.get_revoked_certificate_by_serial_number(leaf.serial_number)
    if entry is None:
        return RevocationEvidence("good", "CRL", url)
    return RevocationEvidence("revoked", "CRL", url, _moment(entry.revocation_date_utc))


def _utc(answer: t.Any, name: str) -> t.Any:
    """A moment of an OCSP answer; cryptography has them with a time zone since 43."""
    if hasattr(answer, f"{name}_utc"):
        return getattr(answer, f"{name}_utc")
    moment = getattr(answer, name)
    return moment and moment.replace(tzinfo=timezone.utc)


def _check_times(since: datetime, until: datetime | None, what: str = "answer") -> None:
    now = datetime.now(timezone.utc)
    if since > now or (until and until < now):
        raise ValueError(f"the {what} is valid from {_moment(since)} to {_moment(until) or 'an unknown time'}, not now")


def _moment(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _resolve(host: str, limit: Deadline) -> str:
    """An address of the responder, by DNS: the system's resolver has no time-out."""
    if is_address(host):
        return host
    if reason := deps.missing("dnspython"):
        raise ValueError(reason)
    try:
        return str(deps.dns_resolver.resolve(host, "A", lifetime=max(0.1, limit.left()), search=True)[0])
    except deps.dns_exception.DNSException as error:
        raise ValueError(f"{host} does not resolve: {error}") from error


def _fetch(url: str, deadline: Deadline, body: bytes | None = None, kind: str = "") -> bytes:
    """GET or POST over plain HTTP; no redirect is followed. Raises WireError, OSError, HTTPException or ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("only http addresses are asked")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    limit = deadline.sooner(min(5.0, deadline.left() * 0.5))
    sock = connect(_resolve(parts.hostname, limit), parts.port or 80, limit.left())
    stream = DeadlineSocket(sock, limit, BUDGET + 65536)
    try:
        lines = [f"{'POST' if body is not None else 'GET'} {path} HTTP/1.0", f"Host: {parts.hostname}", "Connection: close"]
        if body is not None:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + (body or b""))
        reply = http.client.HTTPResponse(t.cast(t.Any, stream))
        reply.begin()
        read = reply.read(BUDGET + 1)
    except OSError as error:
        raise translate(error, limit) from error
    finally:
        stream.close()
    if reply.status != 200:
        raise ValueError(f"HTTP {reply.status}")
    if len(read) > BUDGET:
        raise ValueError(f"the answer is larger than {BUDGET} bytes")
    return read
