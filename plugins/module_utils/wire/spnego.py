# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough SPNEGO (RFC 4178) to see what both sides offer, and to find the message inside."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .ntlm import SIGNATURE

SEQUENCE, ENUMERATED, OID, OCTET_STRING = 0x30, 0x0A, 0x06, 0x04
APPLICATION, NEG_TOKEN_RESP = 0x60, 0xA1
STATES = {0: "accept-completed", 1: "accept-incomplete", 2: "reject", 3: "request-mic"}
NTLM_MECH = "1.3.6.1.4.1.311.2.2.10"
SPNEGO_OID = "1.3.6.1.5.5.2"
MECHANISMS = {
    "1.2.840.113554.1.2.2": "kerberos", "1.2.840.48018.1.2.2": "kerberos", "1.2.840.113554.1.2.2.3": "kerberos user-to-user", NTLM_MECH: "ntlm",
    "1.3.6.1.4.1.311.2.2.30": "negoex",
}
"""[MS-SPNG] 1.9; the second is Microsoft's own spelling of Kerberos."""
MOST_MECHANISMS = 12


@dataclass(frozen=True)
class Answer:
    """A NegTokenResp, or a bare NTLM message (`wrapped` is False)."""

    token: bytes = b""
    state: str = ""
    mech: str = ""
    wrapped: bool = True


@dataclass(frozen=True)
class Start:
    """A NegTokenInit."""

    mechanisms: tuple[str, ...] = ()
    token: bytes = b""


class Element(t.NamedTuple):
    """One DER element and where the next one starts."""

    tag: int
    value: bytes
    end: int


def unwrap(data: bytes) -> Answer:
    """The answer inside a Negotiate token; ValueError with the offset where it is neither SPNEGO nor NTLM."""
    if data.startswith(SIGNATURE):
        return Answer(data, wrapped=False, mech=NTLM_MECH)
    outer = read_element(data, 0)
    if outer.tag == APPLICATION:
        raise ValueError("the host sent a NegTokenInit of its own instead of an answer")
    if outer.tag != NEG_TOKEN_RESP:
        raise ValueError(f"neither SPNEGO nor NTLM: the token starts with {data[:1].hex()}")
    body = read_element(outer.value, 0)
    if body.tag != SEQUENCE:
        raise ValueError(f"NegTokenResp: tag {body.tag:#04x} instead of a SEQUENCE at offset {outer.end - len(outer.value)}")
    token, state, mech = b"", "", ""
    at = 0
    while at < len(body.value):
        part = read_element(body.value, at)
        inner = read_element(part.value, 0)
        if (part.tag, inner.tag) == (0xA0, ENUMERATED):
            state = STATES.get(int.from_bytes(inner.value[:4], "big"), "unknown")
        elif (part.tag, inner.tag) == (0xA1, OID):
            mech = dotted(inner.value)
        elif (part.tag, inner.tag) == (0xA2, OCTET_STRING):
            token = inner.value
        at = part.end
    return Answer(token, state, mech)


def read_init(data: bytes) -> Start:
    """The client's first token, or a server's NegTokenInit2 ([MS-SPNG] 2.2.1); ValueError with the offset where it is malformed."""
    outer = read_element(data, 0)
    named = read_element(outer.value, 0)
    if outer.tag != APPLICATION or named.tag != OID or dotted(named.value) != SPNEGO_OID:
        raise ValueError("the token is no NegTokenInit of SPNEGO")
    choice = read_element(outer.value, named.end)
    body = read_element(choice.value, 0)
    if choice.tag != 0xA0 or body.tag != SEQUENCE:
        raise ValueError(f"NegTokenInit: tags {choice.tag:#04x} and {body.tag:#04x} instead of 0xa0 and a SEQUENCE")
    names: list[str] = []
    token = b""
    at = 0
    while at < len(body.value):
        part = read_element(body.value, at)
        inner = read_element(part.value, 0)
        if part.tag == 0xA0:
            names = _mechanisms(inner.value)
        elif (part.tag, inner.tag) == (0xA2, OCTET_STRING):
            token = inner.value
        at = part.end
    return Start(tuple(names), token)


def _mechanisms(data: bytes) -> list[str]:
    names: list[str] = []
    at = 0
    while at < len(data) and len(names) < MOST_MECHANISMS:
        item = read_element(data, at)
        name = mechanism(dotted(item.value))
        if name not in names:
            names.append(name)
        at = item.end
    return names


def mechanism(oid: str) -> str:
    """A mechanism by name, or by number where it is not known."""
    return MECHANISMS.get(oid, oid)


def read_element(data: bytes, at: int) -> Element:
    """The DER element at an offset; ValueError where it does not fit in `data`."""
    if at + 2 > len(data):
        raise ValueError(f"DER element cut off at offset {at}")
    tag, size, start = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or start + count > len(data):
            raise ValueError(f"DER length malformed at offset {at + 1}")
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + size > len(data):
        raise ValueError(f"DER element at offset {at} claims {size} bytes, {len(data) - start} are left")
    return Element(tag, data[start : start + size], start + size)


def dotted(value: bytes) -> str:
    """An OBJECT IDENTIFIER's content as dotted numbers."""
    if not value or value[-1] & 0x80 or len(value) > 64:
        raise ValueError("malformed OBJECT IDENTIFIER")
    numbers: list[int] = []
    number = 0
    for byte in value:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def build_init(mechanism: str, token: bytes) -> bytes:
    """A NegTokenInit ([RFC 4178] 4.2.1) that offers one mechanism and brings its first token along."""
    offered = element(0xA0, element(SEQUENCE, _oid(mechanism)))
    body = element(0xA0, element(SEQUENCE, offered + element(0xA2, element(OCTET_STRING, token))))
    return element(APPLICATION, _oid(SPNEGO_OID) + body)


def element(tag: int, value: bytes) -> bytes:
    """One DER element."""
    size = len(value)
    if size < 0x80:
        return bytes([tag, size]) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def _oid(name: str) -> bytes:
    first, second, *rest = (int(part) for part in name.split("."))
    coded = bytearray([first * 40 + second])
    for number in rest:
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.insert(0, number & 0x7F | 0x80)
        coded.extend(septets)
    return element(OID, bytes(coded))
