# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of every kind, and certificate stores in a registry, for tests: written from the specification, apart from the lab's own."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import struct
import typing as t
from dataclasses import dataclass

from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric import padding as padding_of
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
STORES = "HKLM\\SOFTWARE\\Microsoft\\SystemCertificates"
SHARED = "HKLM\\SOFTWARE\\Microsoft\\EnterpriseCertificates"
RULED = "HKLM\\SOFTWARE\\Policies\\Microsoft\\SystemCertificates"
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
Key = t.Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        """As stores hold it."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """As OpenSSL wants it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def thumbprint(self) -> str:
        """As Windows writes it."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()


@functools.cache
def key_of(name: str, bits: int = 0) -> Key:
    """A key by name: the same name is the same key. Elliptic unless `bits` asks for RSA."""
    return rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())


def make(
    name: str, issuer: Made | None = None, *, ca: bool | None = None, days: tuple[float, float] = (-10, 300), key: str = "", bits: int = 0,
    names: t.Sequence[str] = (), uses: t.Sequence[x509.ObjectIdentifier] | None = None, digest: hashes.HashAlgorithm | None = None,
    path_length: int | None = None, may_sign: bool = True, padding: int = 0, ids: bool = True, aia: str = "", ocsp: str = "",
) -> Made:
    """A certificate; without issuer it signs itself. `days` are its dates from now; `ids` adds key identifiers; `padding` makes it large."""
    own = key_of(key or name, bits)
    signer = issuer.key if issuer else own
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(issuer.certificate.subject if issuer else named(name))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if ca:
        builder = builder.add_extension(x509.KeyUsage(True, False, False, False, False, may_sign, True, False, False), critical=True)
    if ids:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    if uses is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), critical=False)
    if padding:
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x04\x00" + bytes(padding)), critical=False)
    ways = [(AuthorityInformationAccessOID.CA_ISSUERS, aia), (AuthorityInformationAccessOID.OCSP, ocsp)]
    if any(url for _way, url in ways):
        access = [x509.AccessDescription(way, x509.UniformResourceIdentifier(url)) for way, url in ways if url]
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    return Made(builder.sign(signer, digest or hashes.SHA256()), own)


def signed_with_sha1(made: Made, issuer: Made) -> Made:
    """The same certificate as authorities signed it before 2016; the library signs none so any more. RSA only."""
    new, old = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    der = made.der.replace(new, old)
    signer = t.cast(rsa.RSAPrivateKey, issuer.key)
    signature = signer.sign(x509.load_der_x509_certificate(der).tbs_certificate_bytes, padding_of.PKCS1v15(), hashes.SHA1())
    return Made(x509.load_der_x509_certificate(der[: -len(signature)] + signature), made.key)


def named(name: str) -> x509.Name:
    """A distinguished name with a common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def entry(number: int, data: bytes, reserved: int = 1) -> bytes:
    """One property of a blob ([MS-GPEF] 2.2.1.1.1.1)."""
    return struct.pack("<III", number, reserved, len(data)) + data


def blob(made: Made | bytes, *, key: bool = False, friendly_name: str = "", more: bytes = b"") -> bytes:
    """A certificate as the registry holds it: properties, then the certificate."""
    der = made if isinstance(made, bytes) else made.der
    container = "te-WebServer-\0".encode("utf-16-le")
    provider = "Microsoft Software Key Storage Provider\0".encode("utf-16-le")
    # [MS-GPEF] KEY_PROV_INFO: offsets of both names, provider type, flags, two reserved, key specification, names.
    info = struct.pack("<7I", 28, 28 + len(container), 0, 0x20, 0, 0, 0) + container + provider
    found = entry(3, bytes(20)) + (entry(2, info) if key else b"")
    found += entry(11, (friendly_name + "\0").encode("utf-16-le")) if friendly_name else b""
    return found + more + entry(32, der)


def registry(
    stores: t.Mapping[str, t.Sequence[Made | bytes]], more: t.Mapping[str, tuple[Value, ...]] | None = None, unknown: t.Mapping[str, str] | None = None,
) -> Registry:
    """Stores by key, `STORES\\MY`; certificates of a store MY have a key. Bytes are a blob as it stands, under a name of zeros."""
    keys: dict[str, tuple[Value, ...]] = {}
    for key, held in stores.items():
        keys[f"{key}\\Certificates"] = ()
        for number, one in enumerate(held):
            name = one.thumbprint if isinstance(one, Made) else f"{number:040X}"
            data = blob(one, key=key.upper().endswith("\\MY")) if isinstance(one, Made) else one
            keys[f"{key}\\Certificates\\{name}"] = (Value("Blob", "REG_BINARY", data),)
    keys.update(more or {})
    return Registry({key.lower(): values for key, values in keys.items()}, {key.lower(): key for key in keys}, unknown or {})
