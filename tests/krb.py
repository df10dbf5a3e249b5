# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A KDC that says what a test wants: Kerberos' messages built from nothing but [RFC 4120], and an act for `hostile.Hostile`."""

from __future__ import annotations

import socket
import typing as t

from hostile import Play


def der(tag: int, *parts: bytes) -> bytes:
    value = b"".join(parts)
    if len(value) < 128:
        return bytes([tag, len(value)]) + value
    size = len(value).to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 + len(size)]) + size + value


def integer(number: int) -> bytes:
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def text(value: str) -> bytes:
    return der(0x1B, value.encode())


def name(kind: int, *labels: str) -> bytes:
    return der(0x30, der(0xA0, integer(kind)), der(0xA1, der(0x30, *map(text, labels))))


def padata(kind: int, value: bytes) -> bytes:
    return der(0x30, der(0xA1, integer(kind)), der(0xA2, der(4, value)))


def etype_info2(*entries: tuple[int, str], params: bytes = b"") -> bytes:
    more = [der(0xA2, der(4, params))] if params else []
    items = [der(0x30, der(0xA0, integer(kind)), *([der(0xA1, text(salt))] if salt else []), *more) for kind, salt in entries]
    return padata(19, der(0x30, *items))


def method_data(*items: bytes) -> bytes:
    return der(0x30, *items)


def extended(status: int) -> bytes:
    """KERB-ERROR-DATA with a KERB-EXT-ERROR ([MS-KILE] 2.2.1 and 2.2.2)."""
    return padata(3, status.to_bytes(4, "little") + bytes(4) + b"\x01\0\0\0")


def error(code: int, *, e_data: bytes = b"", realm: str = "LAB.TEST", crealm: str = "", stime: str = "20260408224800Z", susec: int = 250_000) -> bytes:
    """A KRB-ERROR ([RFC 4120] 5.9.1)."""
    parts = [der(0xA0, integer(5)), der(0xA1, integer(30)), der(0xA4, der(0x18, stime.encode())), der(0xA5, integer(susec)), der(0xA6, integer(code))]
    parts += [der(0xA7, text(crealm)), der(0xA8, name(1, "svc"))] if crealm else []
    parts += [der(0xA9, text(realm)), der(0xAA, name(2, "krbtgt", realm))]
    parts += [der(0xAC, der(4, e_data))] if e_data else []
    return der(0x7E, der(0x30, *parts))


def reply(kind: int = 18, realm: str = "LAB.TEST", cipher: bytes = b"x" * 200) -> bytes:
    """An AS-REP ([RFC 4120] 5.4.2), with sealed parts that nobody can open unless `cipher` is better."""
    sealed = der(0x30, der(0xA0, integer(kind)), der(0xA2, der(4, b"x" * 200)))
    ticket = der(0x61, der(0x30, der(0xA0, integer(5)), der(0xA1, text(realm)), der(0xA2, name(2, "krbtgt", realm)), der(0xA3, sealed)))
    part = der(0x30, der(0xA0, integer(kind)), der(0xA2, der(4, cipher)))
    parts = [der(0xA0, integer(5)), der(0xA1, integer(11)), der(0xA3, text(realm)), der(0xA4, name(1, "svc")), der(0xA5, ticket), der(0xA6, part)]
    return der(0x6B, der(0x30, *parts))


def reply_part(nonce: int, tag: int = 0x79) -> bytes:
    """An EncASRepPart as far as a client looks at it: its key [0] and nonce [2]."""
    return der(tag, der(0x30, der(0xA0, der(0x30)), der(0xA1, der(0x30)), der(0xA2, integer(nonce))))


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def request(sock: socket.socket) -> bytes:
    """One message of a client, without its length; ConnectionError at the end."""
    data = b""
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
        part = sock.recv(65536)
        if not part:
            raise ConnectionError
        data += part
    return data[4:]


def answering(*messages: bytes, seen: list[bytes] | None = None) -> Play:
    """An act: each connection gets the next message, the last one over and over."""
    left = list(messages)

    def act(sock: socket.socket) -> None:
        asked = request(sock)
        if seen is not None:
            seen.append(asked)
        sock.sendall(framed(left.pop(0) if len(left) > 1 else left[0]))

    return act


def raw(data: bytes, *, then: t.Callable[[socket.socket], object] | None = None) -> Play:
    """An act: the request is read, then these bytes are sent as they are."""

    def act(sock: socket.socket) -> None:
        request(sock)
        sock.sendall(data)
        if then:
            then(sock)

    return act
