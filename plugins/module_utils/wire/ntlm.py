# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM's messages ([MS-NLMP] 2.2.1): enough to be told who the host is, and to tell what a client sent."""

from __future__ import annotations

import datetime
import struct

from ..evidence.endpoint import ChallengeEvidence
from ..evidence.logon import TokenEvidence
from .http import printable

SIGNATURE = b"NTLMSSP\x00"

# [MS-NLMP] 2.2.2.5
UNICODE, OEM, REQUEST_TARGET, SIGN, SEAL = 0x1, 0x2, 0x4, 0x10, 0x20
NTLM, ALWAYS_SIGN, TARGET_TYPE_DOMAIN, TARGET_TYPE_SERVER = 0x200, 0x8000, 0x10000, 0x20000
EXTENDED_SESSION_SECURITY, TARGET_INFO, VERSION = 0x80000, 0x800000, 0x2000000
KEY_128, KEY_EXCHANGE, KEY_56 = 0x20000000, 0x40000000, 0x80000000
ASKED = (
    UNICODE | REQUEST_TARGET | SIGN | SEAL | NTLM | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY | TARGET_INFO | VERSION | KEY_128 | KEY_EXCHANGE | KEY_56
)

# [MS-NLMP] 2.2.2.1
AV_EOL, AV_TIMESTAMP, AV_CHANNEL_BINDINGS = 0, 7, 10
AV_NAMES = {1: "netbios_computer", 2: "netbios_domain", 3: "dns_computer", 4: "dns_domain", 5: "dns_forest"}

FILETIME_EPOCH = datetime.datetime(1601, 1, 1, tzinfo=datetime.timezone.utc)
HEADER = struct.Struct("<8sIHHIIQQ")
NAME_LIMIT = 255


def negotiate_message() -> bytes:
    """A NEGOTIATE_MESSAGE that names nobody and asks for the host's TargetInfo and version."""
    no_domain = no_workstation = struct.pack("<HHI", 0, 0, 40)
    version = struct.pack("<BBH3xB", 10, 0, 0, 15)
    return SIGNATURE + struct.pack("<II", 1, ASKED) + no_domain + no_workstation + version


def challenge_message() -> bytes:
    """A CHALLENGE_MESSAGE of nobody, to rehearse a logon with."""
    flags = ASKED & ~VERSION
    info = struct.pack("<HH", AV_EOL, 0)
    return SIGNATURE + struct.pack("<IHHII8s8xHHI", 2, 0, 0, 48, flags, b"\0" * 8, len(info), len(info), 48) + info


def parse_challenge(message: bytes, wrapped: bool = False) -> ChallengeEvidence:
    """What a CHALLENGE_MESSAGE tells; ValueError with the offset where it is malformed."""
    if len(message) < 32:
        raise ValueError(f"CHALLENGE_MESSAGE ends at offset {len(message)}, before the server challenge at 24 is complete")
    signature, kind, size, _most, offset, flags, _challenge, _reserved = HEADER.unpack(message.ljust(40, b"\0")[:40])
    if signature != SIGNATURE or kind != 2:
        raise ValueError("not a CHALLENGE_MESSAGE: signature or type is wrong at offset 0")
    encoding = "utf-16-le" if flags & UNICODE else "latin-1"
    target = _text(_field(message, "TargetName", size, offset), encoding, "TargetName", offset)
    names: dict[str, str] = {}
    timestamp = None
    if len(message) >= 48 and flags & TARGET_INFO:
        size, _most, offset = struct.unpack_from("<HHI", message, 40)
        names, timestamp = _target_info(_field(message, "TargetInfo", size, offset), offset)
    return ChallengeEvidence(
        target_name=target, **names, os_build=_build(message, flags), timestamp=timestamp, wrapped=wrapped, membership=_membership(flags, names),
    )


def describe(message: bytes) -> TokenEvidence:
    """Any of the three messages, without its responses and keys; ValueError with the offset where it is malformed."""
    kind = int.from_bytes(message[8:12], "little") if len(message) >= 12 else 0
    if kind == 1:
        return TokenEvidence("ntlm_negotiate")
    if kind == 2:
        seen = parse_challenge(message)
        return TokenEvidence("ntlm_challenge", text=seen.dns_computer or seen.netbios_computer or seen.target_name, server_time=seen.timestamp)
    if kind == 3:
        return _authenticate(message)
    raise ValueError(f"an NTLM message of type {kind}; known are 1 to 3")


def _authenticate(message: bytes) -> TokenEvidence:
    """[MS-NLMP] 2.2.1.3: LmChallengeResponse, NtChallengeResponse, DomainName, UserName, Workstation, key, flags."""
    if len(message) < 64:
        raise ValueError(f"AUTHENTICATE_MESSAGE ends at offset {len(message)}, before its fields at 12 to 63 are complete")
    fields = [struct.unpack_from("<HHI", message, at) for at in (20, 28, 36)]
    response, domain, user = (_field(message, name, size, at) for name, (size, _most, at) in zip(("response", "DomainName", "UserName"), fields, strict=True))
    encoding = "utf-16-le" if struct.unpack_from("<I", message, 60)[0] & UNICODE else "latin-1"
    name = "\\".join(filter(None, (_text(domain, encoding, "DomainName", fields[1][2]), _text(user, encoding, "UserName", fields[2][2]))))
    if len(response) <= 24:
        return TokenEvidence("ntlm_authenticate", text="NTLMv1" if response else "anonymous", user=name, channel_binding=False)
    # NTLMv2_CLIENT_CHALLENGE follows the proof of 16 bytes; its AV pairs start at 28 (2.2.2.7).
    return TokenEvidence("ntlm_authenticate", text="NTLMv2", user=name, channel_binding=_has_binding(response[44:]))


def _has_binding(pairs: bytes) -> bool:
    """MsvAvChannelBindings, and not the sixteen zeros that stand for none ([MS-NLMP] 2.2.2.1)."""
    at = 0
    while at + 4 <= len(pairs):
        kind, size = struct.unpack_from("<HH", pairs, at)
        if kind == AV_EOL:
            break
        if kind == AV_CHANNEL_BINDINGS:
            return any(pairs[at + 4 : at + 4 + size])
        at += 4 + size
    return False


def filetime_to_iso(ticks: int) -> str:
    """100 ns since 1601 as ISO 8601 in UTC; ValueError outside the years 1601 to 9999."""
    try:
        moment = FILETIME_EPOCH + datetime.timedelta(microseconds=ticks // 10)
    except OverflowError as error:
        raise ValueError(f"the time {ticks:#x} is after the year 9999") from error
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _field(message: bytes, name: str, size: int, offset: int) -> bytes:
    if size and not 32 <= offset <= offset + size <= len(message):
        raise ValueError(f"CHALLENGE_MESSAGE: {name} lies at offset {offset} to {offset + size}, but the message has {len(message)} bytes")
    return message[offset : offset + size] if size else b""


def _text(data: bytes, encoding: str, name: str, offset: int) -> str:
    try:
        return printable(data.decode(encoding), NAME_LIMIT)
    except UnicodeDecodeError as error:
        raise ValueError(f"CHALLENGE_MESSAGE: {name} is not {encoding} at offset {offset + error.start}") from error


def _target_info(data: bytes, base: int) -> tuple[dict[str, str], str | None]:
    """AV pairs up to MsvAvEOL; a list that ends without one is taken as it is (some stacks leave it out)."""
    names: dict[str, str] = {}
    timestamp = None
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise ValueError(f"CHALLENGE_MESSAGE: an AV pair at offset {base + at} is cut off")
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == AV_EOL:
            break
        value = data[at + 4 : at + 4 + size]
        if len(value) < size:
            raise ValueError(f"CHALLENGE_MESSAGE: the AV pair {kind} at offset {base + at} claims {size} bytes, {len(value)} are left")
        if kind in AV_NAMES:
            names[AV_NAMES[kind]] = _text(value, "utf-16-le", f"AV pair {kind}", base + at + 4)
        elif kind == AV_TIMESTAMP:
            if size != 8:
                raise ValueError(f"CHALLENGE_MESSAGE: MsvAvTimestamp at offset {base + at} has {size} bytes instead of 8")
            timestamp = filetime_to_iso(struct.unpack("<Q", value)[0])
        at += 4 + size
    return names, timestamp


def _build(message: bytes, flags: int) -> str:
    if not flags & VERSION or len(message) < 56:
        return ""
    major, minor, build = struct.unpack_from("<BBH", message, 48)
    return f"{major}.{minor}.{build}" if major else ""


def _membership(flags: int, names: dict[str, str]) -> str:
    """A host outside any domain names itself as its domain, and has no forest ([MS-NLMP] 2.2.2.1, 3.2.5.1.1)."""
    if names.get("dns_forest") or flags & TARGET_TYPE_DOMAIN:
        return "domain"
    computer, domain = names.get("netbios_computer", ""), names.get("netbios_domain", "")
    if not computer or not domain:
        return ""
    return "workgroup" if computer.lower() == domain.lower() else "domain"
