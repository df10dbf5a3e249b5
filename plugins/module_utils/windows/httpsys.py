# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP.sys, the driver that listens for WinRM: its list of addresses, its reservations of URLs, its certificates.

Its registry holds all that `netsh http` shows, without words; what netsh says is read where the registry may not be, by numbers and URLs alone.
"""

from __future__ import annotations

import re
import struct
import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.host import BindingEvidence, ReservationEvidence
from .material import Command, Key, Material, Said

PARAMETERS = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters"
URLS = f"{PARAMETERS}\\UrlAclInfo"
BINDINGS = tuple(f"{PARAMETERS}\\{name}" for name in ("SslBindingInfo", "SslSniBindingInfo", "SslCcsBindingInfo"))
"""By address, by name, by central store ([MEM] for the last two)."""
WINRM = "{afebb9ad-9b97-4a91-9ab5-daf4d59122f6}"
"""Under this identity WinRM binds certificates."""
WINRM_SID = "S-1-5-80-569256582-2953403351-2909559716-1301513147-412116970"
"""NT SERVICE\\WinRM: SHA-1 of the name WINRM, as every service's SID."""
ADMITTING = frozenset((WINRM_SID, "S-1-5-80-0", "S-1-5-20", "S-1-5-6", "S-1-5-11", "S-1-1-0", "S-1-5-32-545"))
"""SIDs that the token of WinRM carries, which runs as NetworkService: itself, all services, NetworkService, SERVICE, Authenticated Users, Everyone, Users."""
_USUAL = ("http://+:5985/wsman/", "https://+:5986/wsman/", "http://+:47001/wsman/")
KEY = Key(PARAMETERS, values=(
    "ListenOnlyList", "MaxFieldLength", "MaxRequestBytes", *(f"UrlAclInfo\\{url}" for url in _USUAL),
    *(f"SslBindingInfo\\{address}:5986\\{name}" for address in ("0.0.0.0", "[::]") for name in ("SslCertHash", "AppId", "SslCertStoreName")),
))
CERTIFICATES, RESERVED, LISTEN = (Command(f"netsh:{what}", f"netsh http show {what}") for what in ("sslcert", "urlacl", "iplisten"))
COMMANDS = (CERTIFICATES, RESERVED, LISTEN)
MOST = 1000
"""Bindings that are looked at; a web server of many names has some hundred."""
_HASH = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{40}(?![0-9A-Fa-f])")
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
# Address and port, or name and port, at the end of a line: "    IP:port                      : 0.0.0.0:5986".
_ENDPOINT = re.compile(r":\s+(\[[0-9A-Fa-f:.%]+\]:\d{1,5}|[A-Za-z0-9_.*-]+:\d{1,5})\s*$")
_URL = re.compile(r"\bhttps?://\S+")
_SDDL = re.compile(r"(?<![A-Za-z])D:[A-Z]{0,8}(?:\([^\s()]*\))+")
_ADDRESS = re.compile(r"^\s+([0-9A-Fa-f:.%]{0,60}[:.][0-9A-Fa-f:.%]{1,60})\s*$")
_GENERIC = ((0x10000000, "GA"), (0x20000000, "GX"), (0x40000000, "GW"), (0x80000000, "GR"))


def whole(material: Material) -> bool:
    """Whether keys that nobody named would have been seen: not where every command was refused, and the registry was asked value by value."""
    return not material.commands or any(isinstance(one, Said) for one in material.commands.values())


def listen_only(material: Material) -> Known[tuple[str, ...]]:
    """The addresses that HTTP.sys listens on; none: all."""
    registry = material.registry
    if registry.has(PARAMETERS):
        return tuple(part for one in registry.strings(PARAMETERS, "ListenOnlyList") or () for part in one.replace(",", " ").split())
    said = _said(material, LISTEN)
    if isinstance(said, Unknown):
        return _reason(material, PARAMETERS, said)
    return tuple(found[1] for line in said.text.splitlines() if (found := _ADDRESS.match(line)))


def reservations(material: Material) -> Known[tuple[ReservationEvidence, ...]]:
    """Reservations of every URL."""
    registry = material.registry
    if registry.has(URLS):
        return tuple(
            ReservationEvidence(value.name, dacl(value.data) if isinstance(value.data, bytes) else "") for value in registry.values(URLS) if "://" in value.name
        )
    said = _said(material, RESERVED)
    return _reason(material, URLS, said) if isinstance(said, Unknown) else _spoken_reservations(said.text)


def bindings(material: Material) -> Known[tuple[BindingEvidence, ...]]:
    """The certificates that HTTP.sys presents, by address and port or by name and port."""
    registry = material.registry
    found = tuple(_binding(material, f"{root}\\{endpoint}", endpoint) for root in BINDINGS for endpoint in registry.subkeys(root)[:MOST])
    if found or (registry.has(PARAMETERS) and registry.why(BINDINGS[0]) is None and whole(material)):
        return found
    said = _said(material, CERTIFICATES)
    return _reason(material, BINDINGS[0], said) if isinstance(said, Unknown) else _spoken_bindings(said.text)


def dacl(descriptor: bytes) -> str:
    """The DACL of a self-relative security descriptor in SDDL ([MS-DTYP] 2.4.6); "" where there is none or it is damaged."""
    try:
        _revision, _zero, _control, _owner, _group, _sacl, start = struct.unpack_from("<BBHIIII", descriptor)
        if not start:
            return ""
        _revision, _zero, size, count, _zero = struct.unpack_from("<BBHHH", descriptor, start)
        acl = descriptor[start : start + size]
        return "D:" + "".join(_aces(acl, count))
    except (struct.error, ValueError):
        return ""


def admits(sddl: str) -> bool:
    """Whether the descriptor lets WinRM register the URL: an entry for one of its SIDs that allows GX or GA. Aliases of SDDL count as what they stand for."""
    aliases = {"NS": "S-1-5-20", "SU": "S-1-5-6", "AU": "S-1-5-11", "WD": "S-1-1-0", "BU": "S-1-5-32-545"}
    for entry in re.findall(r"\(([^()]*)\)", sddl):
        parts = entry.split(";")
        if len(parts) >= 6 and parts[0].upper() == "A" and re.search(r"GX|GA|0x", parts[2], re.IGNORECASE):
            sid = parts[5].strip().upper()
            if aliases.get(sid, sid) in ADMITTING:
                return True
    return False


def _aces(acl: bytes, count: int) -> t.Iterator[str]:
    at = 8
    for _number in range(count):
        kind, _flags, size, mask = struct.unpack_from("<BBHI", acl, at)
        if size < 8 or at + size > len(acl):
            raise ValueError("an entry is longer than its list")
        if kind in (0, 1):
            yield f"({'AD'[kind]};;{_rights(mask)};;;{_sid(acl[at + 8 : at + size])})"
        at += size


def _rights(mask: int) -> str:
    """[INF] HTTP.sys keeps generic rights as they were given: GX to register, GW to delegate."""
    words = "".join(word for bit, word in _GENERIC if mask & bit)
    rest = mask & 0x0FFFFFFF
    return f"{mask:#x}" if rest or not words else words


def _sid(data: bytes) -> str:
    """[MS-DTYP] 2.4.2."""
    revision, count = struct.unpack_from("<BB", data)
    authority = int.from_bytes(data[2:8], "big")
    return "-".join(map(str, ("S", revision, authority, *struct.unpack_from(f"<{count}I", data, 8))))


def _binding(material: Material, key: str, endpoint: str) -> BindingEvidence:
    registry = material.registry
    thumb, application = registry.data(key, "SslCertHash") or b"", registry.data(key, "AppId") or b""
    return BindingEvidence(endpoint, thumb.hex().upper(), _guid(application), registry.text(key, "SslCertStoreName") or "")


def _guid(data: bytes) -> str:
    """Sixteen bytes as Windows writes a GUID: three parts with the least byte first."""
    if len(data) != 16:
        return ""
    first, second, third = struct.unpack_from("<IHH", data)
    return f"{{{first:08x}-{second:04x}-{third:04x}-{data[8:10].hex()}-{data[10:].hex()}}}"


def _said(material: Material, command: Command) -> Known[Said]:
    said = material.said(command.id)
    return said if isinstance(said, Unknown) or said.code == 0 else Unknown(f"netsh ended with exit code {said.code}")


def _reason(material: Material, key: str, said: Unknown) -> Unknown:
    return Unknown(material.registry.why(key) or said.unknown)


def _spoken_bindings(text: str) -> tuple[BindingEvidence, ...]:
    """`netsh http show sslcert`: an endpoint begins a block; the first 40 digits after it are its hash, the first GUID its owner."""
    found: list[BindingEvidence] = []
    for line in text.splitlines():
        if endpoint := _ENDPOINT.search(line):
            found.append(BindingEvidence(endpoint[1], ""))
        elif found:
            endpoint_now, thumb, owner = found[-1].endpoint, _HASH.search(line), _GUID.search(line)
            if owner and not found[-1].application:
                found[-1] = BindingEvidence(endpoint_now, found[-1].thumbprint, owner[0].lower())
            elif thumb and not found[-1].thumbprint:
                found[-1] = BindingEvidence(endpoint_now, thumb[0].upper(), found[-1].application)
    return tuple(one for one in found if one.thumbprint or one.application)


def _spoken_reservations(text: str) -> tuple[ReservationEvidence, ...]:
    """`netsh http show urlacl`: a URL begins a block; below it stands SDDL."""
    found: list[ReservationEvidence] = []
    for line in text.splitlines():
        if url := _URL.search(line):
            found.append(ReservationEvidence(url[0]))
        elif found and (sddl := _SDDL.search(line)):
            found[-1] = ReservationEvidence(found[-1].url, sddl[0])
    return tuple(found)
