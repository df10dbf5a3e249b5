# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that misbehave, for the tests of whoever has to bear them."""

from __future__ import annotations

import socket
import struct
import threading
import typing as t

Play = t.Callable[[socket.socket], None]


class Hostile:
    """A server that plays one act on every connection, until the test is over."""

    def __init__(self, act: Play, address: str = "127.77.9.1") -> None:
        self.act = act
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Hostile:
        return self

    def __exit__(self, *_error: object) -> None:
        # close() alone leaves the thread waiting in accept(), and with it the socket.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self._open:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _peer = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._play, args=(sock,), daemon=True).start()

    def _play(self, sock: socket.socket) -> None:
        try:
            self.act(sock)
        except OSError:
            pass  # The probe hung up, which is its right.
        finally:
            sock.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def receive(sock: socket.socket) -> tuple[bytes, bytes]:
    """One request, head and body; ConnectionError at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            raise ConnectionError
        data += part
    head, _separator, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length:")[2].split()[0])
    while len(body) < size:
        body += sock.recv(65536)
    return head, body


def listen(sock: socket.socket) -> bytes:
    """One request; its head."""
    return receive(sock)[0]
