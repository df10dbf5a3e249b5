# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam between the lab's network side and its stand-in Windows: HTTP messages, and what kind of Windows answers."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One HTTP request, read whole; header names in lower case."""

    method: str
    path: str
    headers: t.Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """One HTTP response. The network side adds Content-Length; `Server` and `Date` stand in `headers` like any other."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str = ""
    close: bool = False
    """Close the connection after this response."""


@dataclass(frozen=True)
class Windows:
    """What kind of Windows answers: its names, its clock, its accounts, how its WinRM service is configured."""

    computer: str
    """NetBIOS name, such as WEB01."""
    domain: str | None = None
    """NetBIOS name of its domain; None in a workgroup."""
    dns_domain: str | None = None
    build: tuple[int, int, int] = (10, 0, 20348)
    clock_offset: float = 0.0
    """Seconds its clock is ahead of this machine's."""
    schemes: tuple[str, ...] = ("Negotiate", "Kerberos")
    """The WWW-Authenticate lines of its 401, in its order."""
    accounts: t.Mapping[str, str] = field(default_factory=dict)
    """User name to password."""
    allow_unencrypted: bool = False
    url_prefix: str = "wsman"
    server: str = "Microsoft-HTTPAPI/2.0"


class Conversation(t.Protocol):
    """The answers on one TCP connection, whose authentication is bound to it."""

    def answer(self, request: Request) -> Response:
        """Answer one request; quick, or run in a thread by the caller."""
