# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code tables as one catalogue: what a number, a symbol or a sentence means. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .codes.events import EVENTS
from .codes.http import HTTP
from .codes.kerberos import KERBEROS, MIT_BASE, MIT_KRB5
from .codes.ntstatus import NTSTATUS
from .codes.posix import ERRNO, GETADDRINFO
from .codes.sentences_client import CLIENT_SENTENCES, Sentence
from .codes.sentences_system import KERBEROS_SENTENCES, PYTHON_SENTENCES, WINDOWS_SENTENCES
from .codes.shape import Row
from .codes.sspi import SSPI
from .codes.tls import TLS_ALERTS, X509_VERIFY
from .codes.win32 import WIN32
from .codes.winhttp import WINHTTP
from .codes.wsman import WSMAN, WSMAN_GROUPS
from .codes.wsman_symbols import WSMAN_SYMBOLS

Causes = tuple[tuple[str, str], ...]
MASK = 0xFFFFFFFF
WIDE = ("WSMan", "NTSTATUS", "HRESULT", "MIT krb5")
"""Families of 32-bit codes, which are written with eight hex digits."""
LABEL_3603 = 3603


@dataclass(frozen=True)
class Entry:
    """One thing that can be explained. `number` is unsigned for the 32-bit families; None for a sentence."""

    family: str
    symbol: str
    causes: Causes
    meaning: str
    number: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Two entries with one key are the same explanation."""
        return (self.family, self.symbol)


EVENT_3603 = Entry(
    "Event", "3603", (),
    "A label, not an event that WinRM writes: no published manifest of Microsoft-Windows-WinRM (Windows 7 to Windows 11) has an event 3603. "
    "People use it for 'WinRM logon failed'; finding none of it proves nothing.",
    LABEL_3603,
)


def parse_causes(text: str) -> Causes:
    """`spn=strong network=weak` as pairs."""
    return tuple((cause, strength) for cause, _separator, strength in (pair.partition("=") for pair in text.split()))


def _entries(family: str, rows: t.Iterable[Row]) -> dict[int, Entry]:
    return {number & MASK if family in WIDE else number: Entry(family, symbol, parse_causes(causes), meaning, number & MASK if family in WIDE else number)
            for number, symbol, causes, meaning in rows}


def _wsman() -> dict[int, Entry]:
    known = _entries("WSMan", WSMAN)
    for number, symbol in WSMAN_SYMBOLS.items():
        if number not in known:
            meaning = next((text for piece, text in WSMAN_GROUPS if piece in symbol), "A fault of WS-Management of which only the name is known here.")
            known[number] = Entry("WSMan", symbol, (), meaning, number)
    return known


FAMILIES: dict[str, dict[int, Entry]] = {
    "WSMan": _wsman(),
    "NTSTATUS": _entries("NTSTATUS", NTSTATUS),
    "HRESULT": _entries("HRESULT", SSPI),
    "MIT krb5": _entries("MIT krb5", MIT_KRB5),
    "HTTP": _entries("HTTP", HTTP),
    "Win32": _entries("Win32", WIN32),
    "WinHTTP": _entries("WinHTTP", WINHTTP),
    "Kerberos": _entries("Kerberos", KERBEROS),
    "Event": {number: Entry("Event", f"{log} {number}", parse_causes(causes), f"{meaning} Written by: {side}.", number)
              for number, log, side, causes, meaning in EVENTS} | {LABEL_3603: EVENT_3603},
    "errno": _entries("errno", ERRNO),
    "getaddrinfo": _entries("getaddrinfo", GETADDRINFO),
    "X509": _entries("X509", X509_VERIFY),
    "TLS alert": _entries("TLS alert", TLS_ALERTS),
}
SMALL = ("HTTP", "Win32", "WinHTTP", "Kerberos", "Event", "errno", "getaddrinfo", "X509", "TLS alert")
"""Families of small numbers, the likeliest reading in WinRM's company first."""


def by_number(family: str, number: int) -> Entry | None:
    """The entry of one family; 32-bit numbers may be signed."""
    return FAMILIES[family].get(number & MASK if family in WIDE else number)


def by_value32(value: int) -> Entry | None:
    """The entry of a 32-bit code in signed or unsigned form: each has one family only."""
    value &= MASK
    for family in WIDE:
        if entry := FAMILIES[family].get(value):
            return entry
    minor = value - (MIT_BASE & MASK)
    if 0 <= minor < 128:
        return FAMILIES["Kerberos"].get(minor)
    # HRESULT_FROM_WIN32 ([MS-ERREF] 2.1.2): 0x8007 and the Win32 number.
    if value >> 16 == 0x8007 and (entry := FAMILIES["Win32"].get(value & 0xFFFF)):
        return replace(entry, family="HRESULT", number=value)
    return None


def by_small(number: int, prefer: str = "") -> list[Entry]:
    """All readings of a small number; the family `prefer` first."""
    order = sorted(SMALL, key=lambda family: family != prefer)
    return [entry for family in order if (entry := FAMILIES[family].get(number))]


def guess_family(value: int) -> str:
    """The family a 32-bit code belongs to by its first bits, where the tables do not have it; else empty."""
    value &= MASK
    if 0 <= value - (MIT_BASE & MASK) < 128:
        return "Kerberos"
    if 128 <= value - (MIT_BASE & MASK) < 256:
        return "MIT krb5"
    if value >> 28 == 0xC:
        return "NTSTATUS"
    return "HRESULT" if value >> 28 == 0x8 else ""


# MIT and Windows write the same Kerberos names with other heads.
_HEADS = ("ERROR_WSMAN_", "ERROR_WINHTTP_", "ERROR_", "STATUS_", "SEC_E_", "CERT_E_", "CRYPT_E_", "X509_V_ERR_")


def _symbols() -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for family, entries in FAMILIES.items():
        for entry in entries.values():
            if family in ("Event", "HTTP"):
                continue
            symbol = entry.symbol.upper()
            names = [symbol] + [symbol.removeprefix(head) for head in _HEADS if symbol.startswith(head)]
            if family == "Kerberos":
                names += [f"KRB5{symbol}", symbol.replace("KDC_ERR_", "KRB5KDC_ERR_"), symbol.replace("KRB_AP_ERR_", "KRB5KRB_AP_ERR_"),
                          symbol.replace("KDC_ERR_", "").replace("KRB_AP_ERR_", "").replace("KRB_ERR_", "")]
            if family == "X509":
                names.append(f"X509_V_ERR_{symbol}")
            for name in dict.fromkeys(names):
                found.setdefault(name, []).append(entry)
    return found


SYMBOLS = _symbols()


def by_symbol(token: str) -> list[Entry]:
    """All entries of a symbol, with or without its head; a full name comes before a shortened one."""
    name = token.strip().upper()
    return sorted(SYMBOLS.get(name, ()), key=lambda entry: (entry.symbol.upper() != name or entry.family == "TLS alert", entry.family == "TLS alert"))


def _sentence(row: Sentence) -> tuple[str, Entry]:
    text, label, causes, meaning = row
    family, _separator, number = label.partition(":")
    if number:
        entry = by_number(family, int(number, 0))
        if entry is None:
            raise ValueError(f"the sentence {text!r} points to {label}, which no table has")
        return text, entry
    return text, Entry("message", label, parse_causes(causes), meaning)


SENTENCES: tuple[tuple[str, Entry], ...] = tuple(
    _sentence(row) for row in (*CLIENT_SENTENCES, *PYTHON_SENTENCES, *KERBEROS_SENTENCES, *WINDOWS_SENTENCES)
)
