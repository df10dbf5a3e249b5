# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough SPNEGO (RFC 4178) to find the NTLM message in a host's answer."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .ntlm import SIGNATURE

SEQUENCE, ENUMERATED, OID, OCTET_STRING = 0x30, 0x0A, 0x06, 0x04
APPLICATION, NEG_TOKEN_RESP = 0x60, 0xA1
STATES = {0: "accept-completed", 1: "accept-incomplete", 2: "reject", 3: "request-mic"}
NTLM_MECH = "1.3.6.1.4.1.311.2.2.10"


@dataclass(frozen=True)
class Answer:
    """A NegTokenResp, or a bare NTLM message (`wrapped` is False)."""

    token: bytes = b""
    state: str = ""
    mech: str = ""
    wrapped: bool = True


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
