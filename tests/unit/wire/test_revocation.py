# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSP and CRL answers of a small authority over real HTTP; an answer that nobody signed counts for nothing."""

from __future__ import annotations

import datetime
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import RevocationEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ansible_collections.winrm.doctor.plugins.module_utils.wire.revocation import revocation_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DER = serialization.Encoding.DER
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
    """Signs one leaf, and answers for it."""

    def __init__(self, ways: tuple[str, ...], revoked: bool = False, forged: bool = False, stale: bool = False) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.signer = ec.generate_private_key(ec.SECP256R1()) if forged else self.key
        self.revoked, self.since = revoked, NOW - (20 * DAY if stale else DAY)
        self.answers: dict[str, bytes] = {}
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = authority.answers.get(self.path)
                self.send_response(200 if body else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_words: object) -> None:
                """Keep the tests' output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.root, self.leaf = self._certificate("Root", None), self._certificate("leaf", url, ways)
        self.answers = {"/ocsp": self._ocsp(), "/crl": self._crl()}

    def chain(self) -> list[bytes]:
        return [self.leaf.public_bytes(DER), self.root.public_bytes(DER)]

    def _certificate(self, name: str, url: str | None, ways: tuple[str, ...] = (), key: ec.EllipticCurvePrivateKey | None = None) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name("Root")).public_key((key or self.key).public_key())
            .serial_number(7 if url else 1).not_valid_before(NOW - 30 * DAY).not_valid_after(NOW + 30 * DAY)
        )
        if "ocsp" in ways:
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(f"{url}/ocsp"))
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        if "crl" in ways:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{url}/crl")], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return builder.sign(key or self.key, hashes.SHA256())

    def _ocsp(self) -> bytes:
        status = ocsp.OCSPCertStatus.REVOKED if self.revoked else ocsp.OCSPCertStatus.GOOD
        when = NOW - 2 * DAY if self.revoked else None
        builder = ocsp.OCSPResponseBuilder().add_response(
            self.leaf, self.root, hashes.SHA1(), status, self.since, self.since + 5 * DAY, when, None,
        ).responder_id(ocsp.OCSPResponderEncoding.NAME, self._certificate("Root", None, key=self.signer))
        return builder.sign(self.signer, hashes.SHA256()).public_bytes(DER)

    def _crl(self) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(_name("Root")).last_update(self.since).next_update(self.since + 5 * DAY)
        if self.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(7).revocation_date(NOW - 2 * DAY).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.signer, hashes.SHA256()).public_bytes(DER)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def ask(*ways: str, **faults: t.Any) -> tuple[t.Any, ...]:
    authority = Authority(ways, **faults)
    try:
        return revocation_of(authority.chain(), Deadline(10))
    finally:
        authority.server.shutdown()
        authority.server.server_close()


@pytest.mark.parametrize("way", ["ocsp", "crl"])
@pytest.mark.parametrize("revoked", [True, False])
def test_answer_is_read(way: str, revoked: bool) -> None:
    (seen,) = ask(way, revoked=revoked)
    assert isinstance(seen, RevocationEvidence)
    assert (seen.status, seen.way) == ("revoked" if revoked else "good", way.upper())
    assert (seen.revoked_at is not None) is revoked


@pytest.mark.parametrize("way", ["ocsp", "crl"])
@pytest.mark.parametrize("fault", ["forged", "stale"])
def test_answer_that_proves_nothing_is_unknown(way: str, fault: str) -> None:
    (seen,) = ask(way, **{fault: True})
    assert isinstance(seen, Unknown)
    assert seen.unknown.startswith(f"{way.upper()} at http://127.0.0.1:")


def test_crl_is_asked_where_ocsp_does_not_answer() -> None:
    authority = Authority(("ocsp", "crl"), revoked=True)
    del authority.answers["/ocsp"]
    first, second = revocation_of(authority.chain(), Deadline(10))
    authority.server.shutdown()
    authority.server.server_close()
    assert isinstance(first, Unknown)
    assert "HTTP 404" in first.unknown
    assert isinstance(second, RevocationEvidence)
    assert second.status == "revoked"


def test_leaf_alone_or_without_addresses_is_unknown() -> None:
    (silent,) = ask()
    assert silent == Unknown("the certificate names neither OCSP nor a CRL")
    (alone,) = revocation_of(Authority(("ocsp",)).chain()[:1], Deadline(1))
    assert isinstance(alone, Unknown)
    assert "sends no issuer" in alone.unknown


def by_delegate(*, issuer_too: bool = False, meant: bool = True, valid: bool = True, foreign: bool = False) -> t.Any:
    """What is made of an answer that a delegate of the authority signed, or the authority itself with its own certificate added."""
    authority = Authority(("ocsp",))
    key = authority.key if issuer_too else ec.generate_private_key(ec.SECP256R1())
    ends = NOW + DAY if valid else NOW - 2 * DAY
    builder = (
        x509.CertificateBuilder().subject_name(_name("Responder")).issuer_name(_name("Root")).public_key(key.public_key())
        .serial_number(9).not_valid_before(NOW - 9 * DAY).not_valid_after(ends)
    )
    if meant:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
    delegate = authority.root if issuer_too else builder.sign(key if foreign else authority.key, hashes.SHA256())
    response = ocsp.OCSPResponseBuilder().add_response(
        authority.leaf, authority.root, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, NOW - DAY, NOW + DAY, None, None,
    ).responder_id(ocsp.OCSPResponderEncoding.NAME, delegate).certificates([delegate])
    authority.answers["/ocsp"] = response.sign(key, hashes.SHA256()).public_bytes(DER)
    try:
        (seen,) = revocation_of(authority.chain(), Deadline(10))
    finally:
        authority.server.shutdown()
        authority.server.server_close()
    return seen


@pytest.mark.parametrize("issuer_too", [True, False], ids=["the authority, its own certificate added", "a delegate"])
def test_answer_of_the_authority_or_of_its_delegate_counts(issuer_too: bool) -> None:
    seen = by_delegate(issuer_too=issuer_too)
    assert isinstance(seen, RevocationEvidence)
    assert seen.status == "good"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [({"meant": False}, "is not meant for OCSP"), ({"valid": False}, "the responder's certificate is valid from"), ({"foreign": True}, "InvalidSignature")],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_delegate_that_may_not_answer_proves_nothing(fault: dict[str, bool], reason: str) -> None:
    seen = by_delegate(**fault)
    assert isinstance(seen, Unknown)
    assert reason in seen.unknown


def test_issuer_that_cannot_be_read_is_unknown() -> None:
    authority = Authority(("ocsp",))
    authority.server.shutdown()
    authority.server.server_close()
    (seen,) = revocation_of([authority.chain()[0], b"\x30\0"], Deadline(1))
    assert isinstance(seen, Unknown)
    assert seen.unknown.startswith("revocation was not asked: the issuer cannot be read")
