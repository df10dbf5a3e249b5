# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""X.509 certificates as evidence, and whether one covers a name."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import typing as t

from .. import deps
from ..evidence.base import Known, Unknown
from ..evidence.endpoint import CertificateEvidence

MOST_NAMES = 20
LONGEST = 253
"""Characters of one name; the longest DNS name."""
# What OpenSSL takes for a wildcard, and what it lets the star stand for (crypto/x509/v3_utl.c, valid_star and wildcard_match).
WILDCARD = re.compile(r"\*(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?){2,}")
STARRED = re.compile(r"[a-z0-9-]+")


UPN = "1.3.6.1.4.1.311.20.2.3"


def parse_certificate(der: bytes, most: int | None = MOST_NAMES) -> Known[CertificateEvidence]:
    """One DER certificate with at most so many names; Unknown with the reason where it cannot be read."""
    if reason := deps.missing("cryptography"):
        return Unknown(reason)
    try:
        return _parse(deps.x509.load_der_x509_certificate(der), der, most)
    except (ValueError, TypeError, OverflowError, *deps.certificate_errors) as error:
        return Unknown(f"the certificate is malformed: {error}"[:200])


def _parse(read: t.Any, der: bytes, most: int | None) -> CertificateEvidence:
    names = _extension(read, "SubjectAlternativeName")
    usage = _extension(read, "ExtendedKeyUsage")
    basic = _extension(read, "BasicConstraints")
    common = read.subject.get_attributes_for_oid(deps.x509.oid.NameOID.COMMON_NAME)
    kind, bits = _key(read)
    return CertificateEvidence(
        subject=_short(read.subject.rfc4514_string()),
        issuer=_short(read.issuer.rfc4514_string()),
        serial=f"{read.serial_number:X}",
        not_before=read.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        not_after=read.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        thumbprint=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        dns_names=tuple(_short(name) for name in names.get_values_for_type(deps.x509.DNSName)[:most]) if names else (),
        addresses=tuple(str(address) for address in names.get_values_for_type(deps.x509.IPAddress)[:most]) if names else (),
        upns=_upns(names, most) if names else (),
        common_name=_short(str(common[0].value)) if common else None,
        eku=tuple(use.dotted_string for use in usage)[:MOST_NAMES] if usage is not None else None,
        key=kind,
        key_bits=bits,
        signature=_signature(read),
        is_ca=bool(basic and basic.ca),
        self_signed=read.subject == read.issuer and _signed_itself(read),
        bytes=len(der),
        **_addresses(read),
    )


def _upns(names: t.Any, most: int | None) -> tuple[str, ...]:
    """The otherNames that hold a user principal name: a UTF8String (szOID_NT_PRINCIPAL_NAME)."""
    values = [name.value for name in names.get_values_for_type(deps.x509.OtherName) if name.type_id.dotted_string == UPN]
    return tuple(_short(value[2:].decode("utf-8", "replace")) for value in values[:most] if value[:1] == b"\x0c" and len(value) < 128)


def _extension(read: t.Any, name: str) -> t.Any:
    try:
        return read.extensions.get_extension_for_class(getattr(deps.x509, name)).value
    except deps.x509.ExtensionNotFound:
        return None


def _key(read: t.Any) -> tuple[str, int]:
    try:
        key = read.public_key()
    except (ValueError, deps.unsupported_algorithm):
        return "unknown", 0
    bits = int(getattr(key, "key_size", 0))
    curve = getattr(getattr(key, "curve", None), "name", "")
    name = type(key).__name__.removesuffix("PublicKey").lstrip("_")
    return (f"EC {curve}", bits) if curve else (f"{name} {bits}" if bits else name, bits)


def _signature(read: t.Any) -> str:
    try:
        hashed = read.signature_hash_algorithm
    except deps.unsupported_algorithm:
        hashed = None
    return hashed.name if hashed else str(read.signature_algorithm_oid.dotted_string)


def _signed_itself(read: t.Any) -> bool:
    try:
        read.verify_directly_issued_by(read)
    except deps.invalid_signature:
        return False
    except (ValueError, TypeError, deps.unsupported_algorithm):
        # An algorithm too old, or too new, to verify: then equal names must do, as for OpenSSL.
        return True
    return True


def _addresses(read: t.Any) -> dict[str, tuple[str, ...]]:
    """URLs for the issuer's certificate, OCSP and CRL."""
    access = _extension(read, "AuthorityInformationAccess") or ()
    points = _extension(read, "CRLDistributionPoints") or ()
    oids = deps.x509.oid.AuthorityInformationAccessOID
    return {
        "aia": _urls(entry.access_location for entry in access if entry.access_method == oids.CA_ISSUERS),
        "ocsp": _urls(entry.access_location for entry in access if entry.access_method == oids.OCSP),
        "crl": _urls(name for point in points for name in point.full_name or ()),
    }


def _urls(names: t.Iterable[t.Any]) -> tuple[str, ...]:
    return tuple(_short(name.value) for name in names if isinstance(name, deps.x509.UniformResourceIdentifier))[:4]


def _short(text: str) -> str:
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable if len(printable) <= LONGEST else printable[: LONGEST - 1] + "…"


def covers(certificate: CertificateEvidence, name: str) -> bool:
    """Whether its subject alternative names cover a host name or address ([RFC 9525] 6.3: a `*` stands for one whole leftmost label)."""
    try:
        wanted = str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        wanted = _ascii(name.lower().rstrip("."))
        return any(_matches(pattern.lower(), wanted) for pattern in certificate.dns_names)
    return wanted in certificate.addresses


def _ascii(name: str) -> str:
    """The form in which ssl asks for an international name, and a certificate carries it."""
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return name


def _matches(pattern: str, name: str) -> bool:
    if pattern == name:
        return True
    first, _dot, rest = name.partition(".")
    return bool(WILDCARD.fullmatch(pattern)) and pattern[2:] == rest and bool(STARRED.fullmatch(first))
