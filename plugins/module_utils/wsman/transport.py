# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pypsrp's WSMan, and with it WinRS and RunspacePool, on a logon of ours: they see a transport with `send` and `close`."""

from __future__ import annotations

import contextlib
import typing as t

from .. import deps
from ..evidence.logon import LegEvidence
from ..wire.deadline import WireError
from ..wire.session import Session
from .faults import with_fault


class LogonTransport:
    """Hands pypsrp's messages to a session and keeps a leg for each."""

    def __init__(self, session: Session) -> None:
        self.session: t.Any = None
        """pypsrp looks for a requests session here, and there is none."""
        self.endpoint = session.channel.url
        self.legs: list[LegEvidence] = []
        self._logon = session

    def send(self, message: bytes, *, retries_on_read_timeout: int = 0, timeout: float | None = None) -> bytes:
        """The answer; raises what pypsrp's own transport raises. The session's deadline bounds the wait, so nothing is ever sent twice."""
        try:
            answer = self._logon.ask(message, f"message {len(self.legs) + 1} of a PowerShell session")
        except WireError as error:
            raise deps.pypsrp_errors.WinRMTransportError("http", 0, str(error)) from error
        self.legs.append(with_fault(answer).leg)
        status = answer.leg.reply.status
        if answer.lost or answer.leg.reply.failure or status != 200:
            text = answer.lost or answer.leg.reply.detail or answer.message.decode("utf-8", "replace")
            raise deps.pypsrp_errors.WinRMTransportError("http", status or 0, text)
        return answer.message

    def close(self) -> None:
        """Leave the logon open: it belongs to whoever made it."""


def psrp_client(session: Session, host: str, seconds: float) -> t.Any:
    """A pypsrp WSMan whose messages travel on `session`; `seconds` is its OperationTimeout."""
    wait = max(1, int(seconds))
    # Name and password are never used: the logon is there already.
    client = deps.wsman_client(host, operation_timeout=wait, read_timeout=wait + 10, username="-", password="-", auth="ntlm", ssl=False)
    client.transport = LogonTransport(session)
    return client


class _Nobody:
    """A transport that reaches nobody."""

    session: t.Any = None
    endpoint = "http://localhost/wsman"

    def send(self, message: bytes, *, retries_on_read_timeout: int = 0, timeout: float | None = None) -> bytes:
        """Raise as pypsrp's own transport does."""
        raise deps.pypsrp_errors.WinRMTransportError("http", 0, "nobody")

    def close(self) -> None:
        """Nothing is open."""


def rehearse() -> None:
    """Let pypsrp prepare a session that goes nowhere: what it loads and builds once is then inherited by every fork."""
    client = deps.wsman_client("localhost", username="-", password="-", auth="ntlm", ssl=False)
    client.transport = _Nobody()
    with contextlib.suppress(deps.pypsrp_errors.WinRMTransportError):
        deps.runspace_pool(client).open()
