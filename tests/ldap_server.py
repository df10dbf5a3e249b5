# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An LDAP server that says what a test wants, byte for byte, on real sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.winrm.doctor.plugins.module_utils.wire.ldap import message_size
from ansible_collections.winrm.doctor.plugins.module_utils.wire.spnego import element, read_element

BIND_RESPONSE, SEARCH_ENTRY, SEARCH_DONE, MODIFY_RESPONSE, SEARCH_REFERENCE, EXTENDED_RESPONSE = 0x61, 0x64, 0x65, 0x67, 0x73, 0x78
BIND, UNBIND, SEARCH, MODIFY, EXTENDED = 0x60, 0x42, 0x63, 0x66, 0x77
PAGED = b"1.2.840.113556.1.4.319"
Seal = t.Any


def integer(number: int, tag: int = 0x02) -> bytes:
    """INTEGER or ENUMERATED."""
    return element(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def text(value: str | bytes, tag: int = 0x04) -> bytes:
    """OCTET STRING."""
    return element(tag, value.encode() if isinstance(value, str) else value)


def message(number: int, tag: int, *parts: bytes, controls: bytes = b"") -> bytes:
    """One LDAPMessage."""
    return element(0x30, integer(number) + element(tag, b"".join(parts)) + (element(0xA0, controls) if controls else b""))


def result(code: int, words: str = "") -> bytes:
    """The parts of an LDAPResult."""
    return integer(code, 0x0A) + text("") + text(words)


def entry(number: int, dn: str, **attributes: t.Sequence[str | bytes]) -> bytes:
    """A SearchResultEntry."""
    listed = b"".join(
        element(0x30, text(name) + element(0x31, b"".join(text(value) for value in values))) for name, values in attributes.items()
    )
    return message(number, SEARCH_ENTRY, text(dn), element(0x30, listed))


def done(number: int, code: int = 0, words: str = "", cookie: bytes | None = None) -> bytes:
    """A SearchResultDone, with a page's cookie where there is one."""
    control = b"" if cookie is None else element(0x30, text(PAGED) + text(element(0x30, integer(0) + text(cookie))))
    return message(number, SEARCH_DONE, result(code, words), controls=control)


@dataclass
class Request:
    """What the client asked."""

    number: int
    operation: int
    body: bytes
    raw: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.buffer = sock, bytearray()
        self.seal: Seal = None

    def read(self) -> Request:
        """The next request; raises EOFError where the client has gone."""
        while True:
            size = message_size(self.buffer)
            if size is not None and len(self.buffer) >= size:
                raw = bytes(self.buffer[:size])
                del self.buffer[:size]
                body = read_element(raw, 0).value
                number = read_element(body, 0)
                operation = read_element(body, number.end)
                return Request(int.from_bytes(number.value, "big"), operation.tag, operation.value, raw)
            self.buffer.extend(self._more())

    def _more(self) -> bytes:
        if self.seal is None:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            return data
        return t.cast(bytes, self.seal.unwrap(self._exactly(int.from_bytes(self._exactly(4), "big"))).data)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            some = self.sock.recv(count - len(data))
            if not some:
                raise EOFError
            data += some
        return data

    def send(self, *messages: bytes) -> None:
        """Send messages, together, sealed where a logon has agreed on it."""
        data = b"".join(messages)
        if self.seal is not None:
            wrapped = self.seal.wrap(data, encrypt=True).data
            data = len(wrapped).to_bytes(4, "big") + wrapped
        self.sock.sendall(data)

    def secure(self, context: ssl.SSLContext) -> None:
        """Shake hands."""
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def wait(self) -> None:
        """Say nothing until the client goes."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                continue

    def drip(self, data: bytes) -> None:
        """One byte after the other, slowly."""
        for byte in data:
            self.sock.sendall(bytes([byte]))
            time.sleep(0.05)


Script = t.Callable[[Peer], None]


class Server:
    """Plays a script with everybody who connects; `errors` are those of the script, `connections` its count."""

    def __init__(self, script: Script) -> None:
        self.script, self.connections = script, 0
        self.errors: list[BaseException] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        # close() alone leaves the thread waiting in accept(), and with it the socket.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _address = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._play, args=(Peer(sock),), daemon=True).start()

    def _play(self, peer: Peer) -> None:
        try:
            self.script(peer)
        except (EOFError, OSError):
            # The client went, as it may.
            return
        except BaseException as error:
            self.errors.append(error)
        finally:
            peer.sock.close()
