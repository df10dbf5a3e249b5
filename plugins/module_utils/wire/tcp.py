# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many TCP connects at once in one thread."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
import typing as t

from ..evidence.endpoint import FILTERED, OPEN, REFUSED, UNREACHABLE, PortEvidence

# A reset during the handshake is ECONNREFUSED; ECONNRESET means that it was finished and then cut.
STATES = {0: OPEN, errno.ECONNRESET: OPEN, errno.ECONNREFUSED: REFUSED, errno.ETIMEDOUT: FILTERED}
HASTE = 0.15
"""Seconds: what is as near as the first that answers answers within them."""
IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)


class Connect(t.NamedTuple):
    """One finished connect; `sock` is there where the port is open and still connected, non-blocking, and belongs to the reader."""

    seen: PortEvidence
    sock: socket.socket | None


def socket_address(address: str, port: int) -> tuple[socket.AddressFamily, t.Any]:
    """Family and address tuple of a literal address, scope id included; asks no name server."""
    family, _type, _proto, _name, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]
    return family, where


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """One blocking connect to a literal address; raises OSError."""
    family, where = socket_address(address, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(max(0.001, seconds))
        sock.connect(where)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


class Sweep:
    """Concurrent connects to many places; `collect` hands out what has become known.

    The kernel carries the connects on between two calls. Use it as a context manager: leaving it gives the rest up.
    """

    def __init__(self, places: t.Sequence[tuple[str, int]], seconds: float) -> None:
        self.began = time.monotonic()
        self.end = self.began + seconds
        self.why_end = "ETIMEDOUT"
        self._selector = selectors.DefaultSelector()
        self._pending: dict[socket.socket, tuple[str, int]] = {}
        self._ready: list[Connect] = []
        for address, port in places:
            self._start(address, port)

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *_error: object) -> None:
        for sock in list(self._pending):
            self._forget(sock).close()
        for done in self._ready:
            if done.sock:
                done.sock.close()
        self._selector.close()

    @property
    def pending(self) -> bool:
        """True while something may still come."""
        return bool(self._pending or self._ready)

    @property
    def waiting(self) -> tuple[tuple[str, int], ...]:
        """The places that have not answered yet."""
        return tuple(self._pending.values())

    def shorten(self, seconds: float, why: str) -> None:
        """Wait until `seconds` after the start at most; `why` becomes the detail of ports that did not answer until then."""
        if self.began + seconds < self.end:
            self.end, self.why_end = self.began + seconds, why

    def collect(self, seconds: float | None = None) -> list[Connect]:
        """What becomes known within `seconds` (default: the whole time left); returns early with the first news."""
        stop = self.end if seconds is None else min(self.end, time.monotonic() + seconds)
        while self._pending and not self._ready:
            left = stop - time.monotonic()
            for key, _events in self._selector.select(max(0.0, left)):
                sock = t.cast(socket.socket, key.fileobj)
                self._finish(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            if left <= 0:
                break
        if not self._ready and time.monotonic() >= self.end:
            for sock in list(self._pending):
                place = self._pending[sock]
                self._forget(sock).close()
                self._note(*place, FILTERED, self.why_end)
        ready, self._ready = self._ready, []
        return ready

    def _start(self, address: str, port: int) -> None:
        try:
            family, where = socket_address(address, port)
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._note(address, port, UNREACHABLE, "not an address" if isinstance(error, socket.gaierror) else _symbol(error.errno))
            return
        sock.setblocking(False)
        code = sock.connect_ex(where)
        self._pending[sock] = (address, port)
        self._selector.register(sock, selectors.EVENT_WRITE)
        if code not in IN_PROGRESS:
            self._finish(sock, code)

    def _finish(self, sock: socket.socket, code: int) -> None:
        address, port = self._pending[sock]
        self._forget(sock)
        if code == 0:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._note(address, port, OPEN, "", sock)
            return
        sock.close()
        self._note(address, port, STATES.get(code, UNREACHABLE), _symbol(code))

    def _forget(self, sock: socket.socket) -> socket.socket:
        del self._pending[sock]
        self._selector.unregister(sock)
        return sock

    def _note(self, address: str, port: int, state: str, detail: str, sock: socket.socket | None = None) -> None:
        seconds = round(time.monotonic() - self.began, 4)
        self._ready.append(Connect(PortEvidence(address, port, state, seconds, detail), sock))


def sweep(
    places: t.Sequence[tuple[str, int]], seconds: float, enough: t.Callable[[t.Sequence[PortEvidence]], bool] = lambda _seen: False,
) -> list[PortEvidence]:
    """What became of connects to many places, which are hung up on. Once `enough` says so, those that answer just as fast are waited for, and no others."""
    found: list[PortEvidence] = []
    stop: float | None = None
    with Sweep(places, seconds) as sweeping:
        while sweeping.pending and (stop is None or time.monotonic() < stop):
            for seen, sock in sweeping.collect(None if stop is None else stop - time.monotonic()):
                found.append(seen)
                if sock:
                    sock.close()
            if stop is None and enough(found):
                stop = time.monotonic() + HASTE
    return found


def any_open(seen: t.Sequence[PortEvidence]) -> bool:
    """Whether anybody accepts connections."""
    return any(port.state == OPEN for port in seen)


def _symbol(code: int | None) -> str:
    return errno.errorcode.get(code or 0, os.strerror(code or 0))
