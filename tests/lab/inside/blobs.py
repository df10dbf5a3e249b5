# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binary values of the registry: certificates as a store keeps them, security descriptors, GUIDs."""

from __future__ import annotations

import hashlib
import re
import struct
import typing as t
import uuid

SHA1, KEY_PROVIDER, FRIENDLY_NAME, CERTIFICATE = 3, 2, 11, 32
"""Property ids ([MS-GPEF] 2.2.1.1.1; wincrypt.h CERT_*_PROP_ID)."""
ALIASES = {
    "WD": "S-1-1-0", "CO": "S-1-3-0", "IU": "S-1-5-4", "NU": "S-1-5-2", "AU": "S-1-5-11", "SY": "S-1-5-18", "LS": "S-1-5-19", "NS": "S-1-5-20",
    "BA": "S-1-5-32-544", "BU": "S-1-5-32-545", "BG": "S-1-5-32-546", "ER": "S-1-5-32-573", "RM": "S-1-5-32-580",
}
"""SDDL's words for SIDs ([MS-DTYP] 2.5.1.1)."""
RIGHTS = {
    "GA": 0x10000000, "GX": 0x20000000, "GW": 0x40000000, "GR": 0x80000000, "RC": 0x20000, "SD": 0x10000, "WD": 0x40000, "WO": 0x80000, "CC": 0x1, "DC": 0x2,
    "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
}
ACE_KINDS = {"A": 0, "D": 1, "AU": 2}
SELF_RELATIVE, DACL_PRESENT, SACL_PRESENT, DACL_PROTECTED = 0x8000, 0x4, 0x10, 0x1000
"""Control bits of a security descriptor ([MS-DTYP] 2.4.6)."""


def thumbprint(der: bytes) -> str:
    """SHA-1 in upper-case hex, as Windows names certificates."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def stored(der: bytes, key: bool = False, friendly_name: str = "") -> bytes:
    """The value `Blob` of a certificate in a store: properties, each with id, 1, length and data; the certificate itself comes last ([MS-GPEF] 2.2.1.1.1)."""
    properties = [(SHA1, hashlib.sha1(der, usedforsecurity=False).digest())]
    if key:
        properties.append((KEY_PROVIDER, _key_provider(f"te-{hashlib.sha256(der).hexdigest()[:36]}", "Microsoft Software Key Storage Provider")))
    if friendly_name:
        properties.append((FRIENDLY_NAME, _wide(friendly_name)))
    properties.append((CERTIFICATE, der))
    return b"".join(struct.pack("<III", id, 1, len(data)) + data for id, data in properties)


def _key_provider(container: str, provider: str) -> bytes:
    """CRYPT_KEY_PROV_INFO with offsets in place of pointers ([MS-GPEF] 2.2.1.1.1.1.1): a key of CNG (provider type 0) of the machine (flag 0x20)."""
    first, second = _wide(container), _wide(provider)
    return struct.pack("<IIIIIII", 28, 28 + len(first), 0, 0x20, 0, 28 + len(first) + len(second), 0) + first + second


def _wide(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le")


def guid(text: str) -> bytes:
    """A GUID as it lies in memory."""
    return uuid.UUID(text).bytes_le


def sid(text: str) -> bytes:
    """A SID ([MS-DTYP] 2.4.2.2), given in full or as SDDL's word."""
    parts = ALIASES.get(text, text).split("-")
    subs = [int(part) for part in parts[3:]]
    return struct.pack("<BB", 1, len(subs)) + int(parts[2]).to_bytes(6, "big") + struct.pack(f"<{len(subs)}I", *subs)


def descriptor(sddl: str) -> bytes:
    """A self-relative security descriptor ([MS-DTYP] 2.4.6); of SDDL only what reservations and WinRM's descriptors use."""
    found = re.fullmatch(r"(?:O:(\w+?))?(?:G:(\w+?))?(?:D:(P?)((?:\([^)]*\))*))?(?:S:P?((?:\([^)]*\))*))?", sddl)
    if found is None:
        raise ValueError(f"not understood: {sddl}")
    owner, group, protected, dacl, sacl = found.groups()
    parts = (sid(owner) if owner else b"", sid(group) if group else b"", _acl(sacl) if sacl else b"", _acl(dacl) if dacl is not None else b"")
    control = SELF_RELATIVE | (SACL_PRESENT if sacl else 0) | (DACL_PRESENT if dacl is not None else 0) | (DACL_PROTECTED if protected else 0)
    at, offsets = 20, []
    for part in parts:
        offsets.append(at if part else 0)
        at += len(part)
    return struct.pack("<BBHIIII", 1, 0, control, *offsets) + b"".join(parts)


def _acl(text: str) -> bytes:
    aces = [_ace(item.split(";")) for item in re.findall(r"\(([^)]*)\)", text)]
    body = b"".join(aces)
    return struct.pack("<BBHHH", 2, 0, 8 + len(body), len(aces), 0) + body


def _ace(fields: t.Sequence[str]) -> bytes:
    kind, flags, rights, _object, _inherited, who = fields
    mask = int(rights, 16) if rights.startswith("0x") else sum(RIGHTS[rights[at : at + 2]] for at in range(0, len(rights), 2))
    audits = sum({"SA": 0x40, "FA": 0x80}.get(flags[at : at + 2], 0) for at in range(0, len(flags), 2))
    body = struct.pack("<I", mask) + sid(who)
    return struct.pack("<BBH", ACE_KINDS[kind], audits, 4 + len(body)) + body
