# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates read, and the names they cover."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import CertificateEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.wire.certificate import covers, parse_certificate
from cases import CERTIFICATE
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier
from lab.pki import Pki
from lab.scenario import Host


@pytest.mark.parametrize(
    ("names", "asked", "covered"),
    [
        (("web01.example.com",), "web01.example.com", True),
        (("web01.example.com",), "WEB01.Example.Com.", True),
        (("web01.example.com",), "web01", False),
        (("*.example.com",), "web01.example.com", True),
        (("*.example.com",), "a.b.example.com", False),
        (("*.example.com",), "example.com", False),
        (("*.com",), "example.com", False),
        (("w*.example.com",), "web01.example.com", False),
        ((), "web01.example.com", False),
        (("192.0.2.10",), "192.0.2.10", False),
    ],
)
def test_name(names: tuple[str, ...], asked: str, covered: bool) -> None:
    assert covers(replace(CERTIFICATE, dns_names=names), asked) is covered


def test_address_needs_an_address() -> None:
    certificate = replace(CERTIFICATE, addresses=("192.0.2.10", "2001:db8::7"))
    assert covers(certificate, "192.0.2.10")
    assert covers(certificate, "2001:DB8:0::7")
    assert not covers(certificate, "192.0.2.11")


def test_fields_of_a_real_certificate(tmp_path: Path) -> None:
    _path, der = Pki(tmp_path).issue(Host("web01", "127.0.0.7", "x"))
    seen = parse_certificate(der)
    assert isinstance(seen, CertificateEvidence)
    assert (seen.subject, seen.issuer, seen.common_name) == ("CN=web01.lab.test", "CN=Lab Issuing CA", "web01.lab.test")
    assert (seen.dns_names, seen.addresses, seen.eku) == (("web01.lab.test",), ("127.0.0.7",), ("1.3.6.1.5.5.7.3.1",))
    assert (seen.key, seen.key_bits, seen.signature) == ("EC secp256r1", 256, "sha256")
    assert (seen.is_ca, seen.self_signed, seen.bytes) == (False, False, len(der))
    assert len(seen.thumbprint) == 40
    assert seen.thumbprint == seen.thumbprint.upper()


def test_self_signed_certificate_is_recognised(tmp_path: Path) -> None:
    _path, der = Pki(tmp_path).issue(Host("web01", "127.0.0.7", "x", certificate=("self_signed",)))
    seen = parse_certificate(der)
    assert isinstance(seen, CertificateEvidence)
    assert seen.self_signed


@pytest.mark.parametrize("der", [b"", b"\x30\x03\x02\x01\x01", b"\x00" * 4000])
def test_garbage_is_unknown_with_a_reason(der: bytes) -> None:
    seen = parse_certificate(der)
    assert isinstance(seen, Unknown)
    assert seen.unknown.startswith("the certificate is malformed")


DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
NOW = datetime.datetime.now(datetime.timezone.utc)
KEY = ec.generate_private_key(ec.SECP256R1())


def made(*extensions: x509.ExtensionType, signer: ec.EllipticCurvePrivateKey = KEY) -> x509.Certificate:
    """A certificate that names itself as its issuer."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web01")])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key()).serial_number(5)
        .not_valid_before(NOW - datetime.timedelta(days=1)).not_valid_after(NOW + datetime.timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


def raw(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), value)


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        pytest.param(made(raw("2.5.29.17", b"\x30\x04\xa3\x02\x05\x00")).public_bytes(DER), "x400Address", id="a kind of name that is not read"),
        pytest.param(
            made(raw("1.2.3.4", b"\5\0"), raw("1.2.3.5", b"\5\0")).public_bytes(DER).replace(b"\6\3\x2a\3\5", b"\6\3\x2a\3\4"),
            "Duplicate", id="the same extension twice",
        ),
        pytest.param(made().public_bytes(DER).replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\5", 1), "version", id="version 6"),
    ],
)
def test_certificate_that_the_library_objects_to_is_unknown(der: bytes, reason: str) -> None:
    seen = parse_certificate(der)
    assert isinstance(seen, Unknown)
    assert reason in seen.unknown


def test_unknown_signature_algorithm_is_named_by_its_number() -> None:
    known, other = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037e")
    seen = parse_certificate(made().public_bytes(DER).replace(known, other))
    assert isinstance(seen, CertificateEvidence)
    assert seen.signature == "1.2.840.10045.4.3.126"


def test_own_name_as_issuer_is_not_yet_self_signed() -> None:
    seen = parse_certificate(made(signer=ec.generate_private_key(ec.SECP256R1())).public_bytes(DER))
    assert isinstance(seen, CertificateEvidence)
    assert not seen.self_signed


def test_names_beyond_the_shown_ones_can_be_asked_for() -> None:
    many = x509.SubjectAlternativeName([x509.DNSName(f"a{number}.example.com") for number in range(30)])
    shown, every = (parse_certificate(made(many).public_bytes(DER), most) for most in (20, None))
    assert isinstance(shown, CertificateEvidence)
    assert isinstance(every, CertificateEvidence)
    assert (len(shown.dns_names), len(every.dns_names)) == (20, 30)


def test_too_old_library_is_a_sentence_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(deps._TOO_OLD, "cryptography", "999")
    seen = parse_certificate(made().public_bytes(DER))
    assert isinstance(seen, Unknown)
    assert seen.unknown.startswith("The Python library cryptography is too old: version 999 or newer is needed, ")


def openssl_covers(pattern: str, name: str, folder: Path) -> bool:
    """The verdict of OpenSSL, in a handshake in memory whose only open question is the name."""
    certificate = made(x509.SubjectAlternativeName([x509.DNSName(pattern)]))
    secret = KEY.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "leaf.pem").write_bytes(secret + certificate.public_bytes(PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "leaf.pem")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.hostname_checks_common_name = False
    client.load_verify_locations(folder / "leaf.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asking, answering, asking):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            if error.verify_code != 62:
                raise
            return False
    return True


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("web01.example.com", "web01.example.com"),
        ("WEB01.Example.com", "web01.example.COM"),
        ("web01.example.com", "web02.example.com"),
        ("web_01.example.com", "web_01.example.com"),
        ("*.example.com", "web01.example.com"),
        ("*.example.com", "web_01.example.com"),
        ("*.exam_ple.com", "web01.exam_ple.com"),
        ("*.example.com", "a.b.example.com"),
        ("*.example.com", "xn--mller-kva.example.com"),
        ("*.com", "example.com"),
        ("w*.example.com", "web01.example.com"),
        ("web01.*.com", "web01.example.com"),
        ("web01.example.com.", "web01.example.com"),
        ("xn--mller-kva.example.com", "müller.example.com"),
    ],
)
def test_name_is_judged_as_openssl_does(pattern: str, name: str, tmp_path: Path) -> None:
    assert covers(replace(CERTIFICATE, dns_names=(pattern,)), name) is openssl_covers(pattern, name, tmp_path)
