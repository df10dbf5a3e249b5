# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deadline and one byte budget for everything that is read from a host."""

from __future__ import annotations

import io
import socket
import ssl
import time
import typing as t

BUDGET = 256 * 1024
"""Bytes that one connection may bring: some replies with 64 KiB of headers and body."""


class WireError(Exception):
    """A conversation that ended early; `kind` is the word that evidence uses for it."""

    kind = "error"


class WireTimeout(WireError):
    """The deadline passed."""

    kind = "timeout"


class WireTooLarge(WireError):
    """The peer sent more than the budget."""

    kind = "too_large"


class WireClosed(WireError):
    """The peer closed the connection in the middle of a conversation."""

    kind = "closed"


class WireReset(WireError):
    """The peer, or something between, reset the connection."""

    kind = "reset"


class Deadline:
    """A point in time that several steps share."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then, never negative."""
        return max(0.0, self.end - time.monotonic())

    def sooner(self, seconds: float) -> Deadline:
        """A deadline in so many seconds, but never later than this one."""
        return Deadline(min(seconds, self.left()))

    @property
    def passed(self) -> bool:
        """True when no time is left."""
        return self.left() <= 0


def unanswered(seconds: float) -> str:
    """That no answer came within so many seconds, in words; where there was hardly any time, the peer is not to blame."""
    if seconds < 0.001:
        return "there was no time left to wait for an answer"
    return f"no answer within {seconds:.{1 if seconds >= 0.1 else 3}f} s"


def translate(error: OSError, deadline: Deadline) -> WireError:
    """A socket's or TLS library's error as one of ours."""
    if isinstance(error, TimeoutError):
        return WireTimeout(unanswered(deadline.seconds))
    if isinstance(error, ssl.SSLError):
        if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return WireClosed("closed inside TLS")
        return WireError(error.reason or str(error))
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return WireReset("reset by the peer")
    return WireError(error.strerror or str(error))


class DeadlineSocket:
    """A connected socket whose every read and write honours one deadline and one byte budget.

    It offers what http.client needs of a socket; the deadline may be exchanged between two requests.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, budget: int = BUDGET) -> None:
        self.sock = sock
        self.deadline = deadline
        self.budget = budget
        self.ended = False
        """True once the peer has closed its side."""

    def _arm(self) -> None:
        left = self.deadline.left()
        if left <= 0:
            raise WireTimeout(unanswered(self.deadline.seconds))
        self.sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        """Send everything, or raise a WireError."""
        self._arm()
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise translate(error, self.deadline) from error

    def recv_into(self, buffer: t.Any) -> int:
        """Read what is there, at least one byte; 0 at the end."""
        if self.budget <= 0:
            raise WireTooLarge("the host sent more than was asked for")
        self._arm()
        view = memoryview(buffer)[: self.budget]
        try:
            count = self.sock.recv_into(view)
        except OSError as error:
            raise translate(error, self.deadline) from error
        self.budget -= count
        self.ended = self.ended or count == 0
        return count

    def makefile(self, mode: str, *arguments: t.Any) -> io.BufferedReader:
        """A buffered reader on top; closing it leaves the socket open."""
        return io.BufferedReader(_Raw(self), 8192)

    def close(self) -> None:
        """Close the socket; whatever the peer still sends is refused."""
        self.sock.close()


class _Raw(io.RawIOBase):
    def __init__(self, stream: DeadlineSocket) -> None:
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        return self.stream.recv_into(buffer)
