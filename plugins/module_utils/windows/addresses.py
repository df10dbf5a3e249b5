# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own addresses, and the ranges that WinRM's filters name."""

from __future__ import annotations

import ipaddress
import typing as t

from ..evidence.base import Known, Unknown
from .material import Circumstances, Key, Material, Query

Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Range = t.Tuple[Address, Address]
INTERFACES = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces"
KEY = Key(INTERFACES, contains=("IPAddress", "EnableDHCP"))
QUERY = Query("addresses", "select IPAddress from Win32_NetworkAdapterConfiguration where IPEnabled = TRUE")
NOT_TOLD = Unknown("the host did not tell its addresses")
EVERYTHING = "*"
MOST = 1000
"""Addresses of one host that are told; web servers of many names have some hundred."""


def address_of(text: str) -> Address | None:
    """An address without its zone; None where it is none."""
    try:
        return ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None


def own(material: Material, circumstances: Circumstances, heard: t.Iterable[str] = ()) -> Known[tuple[str, ...]]:
    """The host's addresses: of WMI, else of the registry together with those that listeners are bound to (`heard`)."""
    rows = material.query(QUERY.id)
    if not isinstance(rows, Unknown) and (told := _sorted(text for row in rows for text in row.texts("IPAddress"))):
        return told
    # The registry knows no addresses of version 6 that come from routers, and keeps static ones of adapters that are gone.
    guessed = _sorted((*_of_registry(material), *heard, *((circumstances.host,) if address_of(circumstances.host) else ())))
    return guessed or (rows if isinstance(rows, Unknown) and rows.unknown != "not read" else NOT_TOLD)


def ranges(text: str, version: int) -> tuple[Range, ...] | None:
    """The ranges of an IPv4Filter or IPv6Filter: `a-b`, separated by commas; None where it is malformed. An asterisk makes the others moot."""
    found: list[Range] = []
    for part in (one.strip() for one in text.replace(";", ",").split(",")):
        if not part:
            continue
        if part == EVERYTHING:
            return (_ALL[version],)
        low, dash, high = part.partition("-")
        first, last = address_of(low), address_of(high if dash else low)
        if first is None or last is None or first.version != version or not _ordered(first, last):
            return None
        found.append((first, last))
    return tuple(found)


def inside(address: Address, where: t.Iterable[Range]) -> bool:
    """Whether one of the ranges holds the address."""
    return any(_ordered(low, address) and _ordered(address, high) for low, high in where)


def reachable(address: Address) -> bool:
    """Whether others may call it: neither loopback nor link-local."""
    return not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast)


def _ordered(one: Address, other: Address) -> bool:
    return one.version == other.version and int(one) <= int(other)


def _of_registry(material: Material) -> t.Iterator[str]:
    registry = material.registry
    for name in registry.subkeys(INTERFACES):
        key = f"{INTERFACES}\\{name}"
        if registry.number(key, "EnableDHCP"):
            yield registry.text(key, "DhcpIPAddress") or ""
        else:
            yield from registry.strings(key, "IPAddress") or ()


def _sorted(texts: t.Iterable[str]) -> tuple[str, ...]:
    """Real addresses, once each, without zone, version 4 first."""
    found = {address for text in texts if (address := address_of(text)) is not None and not address.is_unspecified}
    return tuple(str(one) for one in sorted(found, key=lambda one: (one.version, int(one))))[:MOST]


_ALL: dict[int, Range] = {
    4: (ipaddress.IPv4Address(0), ipaddress.IPv4Address(2**32 - 1)), 6: (ipaddress.IPv6Address(0), ipaddress.IPv6Address(2**128 - 1)),
}
