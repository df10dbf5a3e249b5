# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate stores as the registry holds them: `...\\STORE\\Certificates\\THUMBPRINT` with one value, Blob.

A blob is properties one after the other, the certificate among them ([MS-GPEF] 2.2.1.1.1, [MS-BPAU] 2.2.2; CertSerializeCertificateStoreElement writes the
same form, as Wine's crypt32/serialize.c shows): number, 1, length, data; each number has four bytes, the least significant first.
"""

from __future__ import annotations

import hashlib
import struct
import typing as t
from dataclasses import dataclass, field

from ..evidence.host import ENTERPRISE, LOCAL, POLICY, StoreEvidence
from .registry import Registry

SYSTEM = "HKLM\\SOFTWARE\\Microsoft\\SystemCertificates"
SHARED = "HKLM\\SOFTWARE\\Microsoft\\EnterpriseCertificates"
"""Stores that Active Directory fills."""
RULED = "HKLM\\SOFTWARE\\Policies\\Microsoft\\SystemCertificates"
"""Stores that Group Policy fills."""
KEY_PROV_INFO, ENHKEY_USAGE, FRIENDLY_NAME, CERTIFICATE, CRL, CTL = 2, 9, 11, 32, 33, 34
"""Numbers of properties (wincrypt.h, CERT_..._PROP_ID; those of [MS-GPEF] are the same)."""
PRESENTED = "presented"
"""Not a store: what another host sent."""
LONGEST_NAME = 100
SEQUENCE, INTEGER, OID, VERSION = 0x30, 0x02, 0x06, 0xA0


class Outline(t.NamedTuple):
    """What tells certificates apart and ties them together, as DER: cheap to read, where a store has hundreds and a chain needs three."""

    serial: bytes
    issuer: bytes
    subject: bytes

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer. Windows compares names byte by byte (CertCompareCertificateName)."""
        return self.issuer == self.subject


class Element(t.NamedTuple):
    """What a blob holds."""

    der: bytes
    key: bool = False
    friendly_name: str = ""
    uses: tuple[str, ...] | None = None
    """Uses that somebody has narrowed it to in the store; None: none is named there."""


@dataclass(frozen=True)
class Stored:
    """A certificate in a store."""

    store: str
    source: str
    thumbprint: str
    der: bytes = field(repr=False)
    outline: Outline = field(repr=False)
    key: bool = False
    friendly_name: str = ""
    uses: tuple[str, ...] | None = None

    @property
    def where(self) -> str:
        """`Root`, or `Root (policy)`."""
        return place_name(self.store, self.source)


class Place(t.NamedTuple):
    """A store in the registry."""

    name: str
    source: str
    key: str

    @property
    def where(self) -> str:
        """As in `Stored`."""
        return place_name(self.name, self.source)


MY = Place("My", LOCAL, f"{SYSTEM}\\MY")
ROOT = Place("Root", LOCAL, f"{SYSTEM}\\ROOT")
CA = Place("CA", LOCAL, f"{SYSTEM}\\CA")
AUTH_ROOT = Place("AuthRoot", LOCAL, f"{SYSTEM}\\AuthRoot")
DISALLOWED = Place("Disallowed", LOCAL, f"{SYSTEM}\\Disallowed")
TRUSTED_PEOPLE = Place("TrustedPeople", LOCAL, f"{SYSTEM}\\TrustedPeople")
FILLED = tuple(
    Place(name, source, f"{above}\\{name}")
    for source, above in ((POLICY, RULED), (ENTERPRISE, SHARED))
    for name in ("Root", "CA", "Disallowed", "TrustedPeople", "NTAuth")
)
"""Stores that come from elsewhere. Windows shows each as one with the local store of that name (physical stores .GroupPolicy and .Enterprise)."""


@dataclass(frozen=True)
class Contents:
    """What was read of the stores."""

    stored: tuple[Stored, ...] = ()
    stores: tuple[StoreEvidence, ...] = ()
    names: t.Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Thumbprints by place (`Disallowed (policy)`), by the names of the keys: those whose blob was not read, or cannot be, are among them."""
    unread: t.Mapping[str, str] = field(default_factory=dict)
    """Places that could not be read, and why."""

    def of(self, *names: str) -> tuple[Stored, ...]:
        """The certificates in the stores of these names, wherever they come from."""
        return tuple(one for one in self.stored if one.store in names)

    def named(self, name: str) -> frozenset[str]:
        """Thumbprints in all stores of a name."""
        return frozenset().union(*(those for place, those in self.names.items() if place.partition(" ")[0] == name))


def place_name(store: str, source: str) -> str:
    """`Root` for what lies on the host itself, else `Root (policy)`."""
    return store if source == LOCAL else f"{store} ({source})"


def read(registry: Registry, places: t.Iterable[Place], bare: t.Container[Place] = ()) -> Contents:
    """Every certificate of these stores; of the `bare` ones only the names of the keys were read. Stores that come from elsewhere are told where they exist."""
    stored: list[Stored] = []
    stores: list[StoreEvidence] = []
    names: dict[str, frozenset[str]] = {}
    unread: dict[str, str] = {}
    for place in places:
        below = f"{place.key}\\Certificates"
        reason = registry.why(below)
        keys = registry.subkeys(below)
        if reason is not None and not keys:
            unread[place.where] = reason
            continue
        if not keys and place in FILLED:
            continue
        found = () if place in bare else tuple(_stored(place, registry.data(f"{below}\\{key}", "Blob")) for key in keys)
        readable = [one for one in found if one]
        stored += readable
        names[place.where] = frozenset(key.upper() for key in keys) | {one.thumbprint for one in readable}
        lists = sum(len(registry.subkeys(f"{place.key}\\{kind}")) for kind in ("CRLs", "CTLs"))
        stores.append(StoreEvidence(place.name, place.source, len(keys), len(found) - len(readable), lists))
        if reason is not None:
            unread[place.where] = reason
    return Contents(tuple(stored), tuple(stores), names, unread)


def _stored(place: Place, blob: bytes | None) -> Stored | None:
    held = element(blob) if blob else None
    seen = outline(held.der) if held else None
    if held is None or seen is None:
        return None
    thumbprint = hashlib.sha1(held.der, usedforsecurity=False).hexdigest().upper()
    return Stored(place.name, place.source, thumbprint, held.der, seen, held.key, held.friendly_name, held.uses)


def loose(der: bytes) -> Stored | None:
    """A certificate that lies in no store, but was presented by somebody; None where the bytes are none."""
    seen = outline(der)
    return Stored(PRESENTED, LOCAL, hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(), der, seen) if seen else None


def element(blob: bytes) -> Element | None:
    """What a blob holds; None where it holds no whole certificate."""
    found = properties(blob)
    if not found.get(CERTIFICATE):
        return None
    uses = oids(found[ENHKEY_USAGE]) if ENHKEY_USAGE in found else None
    return Element(found[CERTIFICATE], bool(found.get(KEY_PROV_INFO)), _text(found.get(FRIENDLY_NAME, b"")), uses)


def properties(blob: bytes) -> dict[int, bytes]:
    """Properties by number, up to where the blob ends or makes no sense."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 12 <= len(blob):
        # The second number is always 1; nothing here depends on it.
        number, _reserved, length = struct.unpack_from("<III", blob, at)
        at += 12
        if number == 0 or at + length > len(blob):
            break
        found.setdefault(number, blob[at : at + length])
        at += length
    return found


def _text(data: bytes) -> str:
    """UTF-16 that ends with a zero."""
    text = data.decode("utf-16-le", "replace").partition("\0")[0]
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable if len(printable) <= LONGEST_NAME else printable[: LONGEST_NAME - 1] + "…"


def outline(der: bytes) -> Outline | None:
    """Serial number and names of a certificate ([RFC 5280] 4.1); None where the bytes are none."""
    try:
        inside, _end = _open(der, 0, SEQUENCE)
        at, end = _open(der, inside, SEQUENCE)
        if der[at] == VERSION:
            at = _after(der, at)
        serial_at, serial_end = _open(der, at, INTEGER)
        # Signature algorithm, issuer, validity, subject.
        issuer_at = _after(der, serial_end, SEQUENCE)
        validity_at = _after(der, issuer_at, SEQUENCE)
        subject_at = _after(der, validity_at, SEQUENCE)
        subject_end = _after(der, subject_at, SEQUENCE)
    except (IndexError, ValueError):
        return None
    return Outline(der[serial_at:serial_end], der[issuer_at:validity_at], der[subject_at:subject_end]) if subject_end <= end else None


def _open(der: bytes, at: int, tag: int | None = None) -> tuple[int, int]:
    """Where the content of an element begins and ends. Raises IndexError or ValueError."""
    if tag is not None and der[at] != tag:
        raise ValueError(f"tag {der[at]:#x} where {tag:#x} was expected")
    length, start = der[at + 1], at + 2
    if length > 0x7F:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise ValueError("a length of this form is none in DER")
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if start + length > len(der):
        raise ValueError("an element is longer than what holds it")
    return start, start + length


def _after(der: bytes, at: int, tag: int | None = None) -> int:
    return _open(der, at, tag)[1]


def oids(der: bytes) -> tuple[str, ...] | None:
    """The dotted forms of a SEQUENCE OF OBJECT IDENTIFIER; None where it is none."""
    found: list[str] = []
    try:
        at, end = _open(der, 0, SEQUENCE)
        while at < end:
            start, at = _open(der, at, OID)
            found.append(_dotted(der[start:at]))
    except (IndexError, ValueError):
        return None
    return tuple(found)


def _dotted(data: bytes) -> str:
    numbers: list[int] = []
    number = 0
    for byte in data[:32]:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        raise ValueError("an empty object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(str(one) for one in (first, numbers[0] - 40 * first, *numbers[1:]))
