# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CredSSP's tokens: TLS records from outside ([MS-CSSP] 3.1.5), a TSRequest inside (2.2.1)."""

from __future__ import annotations

import typing as t

from ..evidence.logon import TokenEvidence
from .spnego import OCTET_STRING, SEQUENCE, read_element

RECORDS = {0x14: "change cipher spec", 0x15: "alert", 0x16: "handshake", 0x17: "application data"}
MOST_RECORDS = 32


class TsRequest(t.NamedTuple):
    """A TSRequest, without what is encrypted in it."""

    version: int
    nego_tokens: tuple[bytes, ...] = ()
    auth_info: bool = False
    pub_key_auth: bool = False
    error_code: int | None = None
    """An NTSTATUS, unsigned."""
    client_nonce: bool = False


def describe(token: bytes) -> TokenEvidence:
    """A token as it stands in the header; ValueError where it is neither TLS nor a TSRequest."""
    if token[:1] and token[0] in RECORDS and token[1:2] == b"\x03":
        return TokenEvidence("credssp_tls", text=", ".join(_records(token)))
    request = parse_ts_request(token)
    parts = [
        f"version {request.version}", *(["negoTokens"] if request.nego_tokens else []), *(["authInfo"] if request.auth_info else []),
        *(["pubKeyAuth"] if request.pub_key_auth else []),
    ]
    return TokenEvidence("credssp", code=request.error_code, text=", ".join(parts))


def _records(token: bytes) -> list[str]:
    """The TLS records ([RFC 8446] 5.1), each kind named once in a row."""
    names: list[str] = []
    at = 0
    while at < len(token) and len(names) < MOST_RECORDS:
        if at + 5 > len(token):
            raise ValueError(f"a TLS record is cut off at offset {at}")
        kind, size = token[at], int.from_bytes(token[at + 3 : at + 5], "big")
        if kind not in RECORDS or at + 5 + size > len(token):
            raise ValueError(f"no TLS record at offset {at}")
        name = RECORDS[kind]
        if kind == 0x15 and size == 2:
            name = f"alert {token[at + 6]}"
        if names[-1:] != [name]:
            names.append(name)
        at += 5 + size
    return names


def parse_ts_request(data: bytes) -> TsRequest:
    """The decrypted request or answer; ValueError with the offset where it is malformed."""
    outer = read_element(data, 0)
    if outer.tag != SEQUENCE:
        raise ValueError(f"a TSRequest starts with a SEQUENCE, not with {data[:1].hex()}")
    found: dict[int, t.Any] = {}
    at = 0
    while at < len(outer.value):
        part = read_element(outer.value, at)
        if part.tag & 0xE0 == 0xA0:
            found[part.tag & 0x1F] = read_element(part.value, 0)
        at = part.end
    if 0 not in found:
        raise ValueError("the TSRequest has no version")
    code = int.from_bytes(found[4].value[-4:], "big") if 4 in found else None
    tokens = _nego_tokens(found[1].value) if 1 in found else ()
    return TsRequest(int.from_bytes(found[0].value[:4], "big"), tokens, 2 in found, 3 in found, code, 5 in found)


def _nego_tokens(data: bytes) -> tuple[bytes, ...]:
    """NegoData: SEQUENCE OF SEQUENCE { negoToken [0] OCTET STRING }."""
    tokens: list[bytes] = []
    at = 0
    while at < len(data) and len(tokens) < 8:
        item = read_element(data, at)
        part = read_element(read_element(item.value, 0).value, 0)
        if part.tag == OCTET_STRING:
            tokens.append(part.value)
        at = item.end
    return tuple(tokens)
