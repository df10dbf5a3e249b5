# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a search brings: attributes as bytes, and as what they mean."""

from __future__ import annotations

import calendar
import re
import time
import typing as t
import uuid
from dataclasses import dataclass, field

from .notation import moment_of, seconds_of, sid_text

GENERALIZED = re.compile(r"(\d{14})(?:[.,]\d+)?(?:Z|([+-]\d{4}))")
"""YYYYMMDDHHMMSS.0Z, as Active Directory writes it ([MS-ADTS] 3.1.1.2.2.2.9)."""
RANGE = re.compile(r"(.+);range=(\d+)-(\d+|\*)", re.IGNORECASE)
"""How a server hands out a part of a large attribute ([MS-ADTS] 3.1.1.3.1.3.3)."""


@dataclass(frozen=True)
class Entry:
    """One object. Names of attributes are in lower case; what is not there, or not readable for this account, is empty."""

    dn: str
    attributes: t.Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    partial: tuple[str, ...] = ()
    """Attributes that have more values than were fetched."""

    def data(self, name: str) -> bytes:
        """The first value; b"" where there is none."""
        values = self.attributes.get(name.lower(), ())
        return values[0] if values else b""

    def texts(self, name: str) -> tuple[str, ...]:
        """All values as text."""
        return tuple(value.decode("utf-8", "replace") for value in self.attributes.get(name.lower(), ()))

    def text(self, name: str) -> str:
        """The first value as text; "" where there is none."""
        return self.data(name).decode("utf-8", "replace")

    def number(self, name: str) -> int | None:
        """An integer, enumeration, duration or FILETIME; None where there is none."""
        try:
            return int(self.data(name))
        except ValueError:
            return None

    def flag(self, name: str) -> bool | None:
        """A Boolean ([RFC 4517] 3.3.3: TRUE or FALSE); None where there is none."""
        return {"TRUE": True, "FALSE": False}.get(self.text(name).upper())

    def moment(self, name: str) -> str | None:
        """A FILETIME or generalizedTime as 2026-04-08T22:48:00Z; None where there is none, and for what means "never" or "not yet"."""
        text = self.text(name)
        if GENERALIZED.fullmatch(text):
            return generalized(text)
        return moment_of(seconds_of(self.number(name)))

    def sid(self, name: str) -> str:
        """A security identifier as S-1-5-21-...; "" where there is none."""
        return sid_text(self.data(name))

    def guid(self, name: str) -> str:
        """A GUID in the usual notation; "" where there is none."""
        data = self.data(name)
        return str(uuid.UUID(bytes_le=data)) if len(data) == 16 else ""


def generalized(text: str) -> str | None:
    """`20260408224800.0Z` as 2026-04-08T22:48:00Z; None where it is none ([RFC 4517] 3.3.13)."""
    match = GENERALIZED.fullmatch(text)
    if match is None:
        return None
    try:
        seconds = calendar.timegm(time.strptime(match[1], "%Y%m%d%H%M%S"))
    except ValueError:
        return None
    if match[2]:
        sign = -1 if match[2][0] == "-" else 1
        seconds -= sign * (int(match[2][1:3]) * 3600 + int(match[2][3:5]) * 60)
    return moment_of(float(seconds))


class Ranged(t.NamedTuple):
    """An attribute of which a part came."""

    name: str
    first: int
    """Index of its first value."""
    following: int | None
    """Index of the value after its last; None where that was the last."""


def sort_attributes(pairs: t.Iterable[tuple[str, t.Sequence[bytes]]]) -> tuple[dict[str, tuple[bytes, ...]], tuple[Ranged, ...]]:
    """Attributes by name in lower case, options such as `;range=0-1499` taken off, and those of which more is to be had."""
    found: dict[str, tuple[bytes, ...]] = {}
    more: list[Ranged] = []
    for description, values in pairs:
        match = RANGE.fullmatch(description)
        name = (match[1] if match else description.partition(";")[0]).lower()
        # A ranged attribute comes twice: without values under its own name, and with the part.
        found[name] = found.get(name, ()) + tuple(values)
        if match:
            more.append(Ranged(name, int(match[2]), None if match[3] == "*" else int(match[3]) + 1))
    return found, tuple(more)


def escape(value: str | bytes) -> str:
    """A value fit to stand in a filter ([RFC 4515] 3); bytes become \\xx throughout."""
    if isinstance(value, bytes):
        return "".join(f"\\{byte:02x}" for byte in value)
    return "".join(f"\\{ord(char):02x}" if char in "\\*()\0" else char for char in value)
