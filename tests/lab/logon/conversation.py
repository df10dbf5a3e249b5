# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to the stand-in Windows: who is it, may it, and what does it want."""

from __future__ import annotations

import email.utils
import time
from dataclasses import replace

import spnego

from ..inside import resources
from ..messages import Request, Response, Windows
from . import rights, seal, soap
from .authenticate import Answer, Authenticator, Caller
from .config import config
from .journal import Journal
from .shells import Late, Shells, quiet

Headers = list[tuple[str, str]]
TOO_LONG = (
    b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">\r\n<HTML><HEAD><TITLE>Bad Request</TITLE>\r\n'
    b'<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>\r\n<BODY><h2>Bad Request - Request Too Long</h2>\r\n'
    b"<hr><p>HTTP Error 400. The size of the request headers is too long.</p>\r\n</BODY></HTML>\r\n"
)
"""HTTP.sys' own page, as Microsoft's article on Kerberos tokens and IIS quotes it (KB820129)."""


class WindowsConversation:
    """Authentication is bound to the connection ([MS-WSMV] 3.1.4.1.30); Basic and certificates are asked for each time."""

    def __init__(self, windows: Windows, certificate: bytes | None, client: bytes | None, shells: Shells, journal: Journal) -> None:
        self.windows, self.shells = windows, shells
        self.secure = certificate is not None
        self.authenticator = Authenticator(windows, certificate, client, journal)
        self.caller: Caller | None = None
        self.answered = 0

    def answer(self, request: Request) -> Response:
        """One request; the order of the checks is HTTP.sys first, then WinRM."""
        self.answered += 1
        if any(len(name) + len(value) > self.windows.max_token for name, value in request.headers.items()):
            return self._plain(400, [("Content-Type", "text/html; charset=us-ascii")], TOO_LONG, close=True)
        path = request.path.partition("?")[0].strip("/")
        if path != self.windows.url_prefix:
            return self._plain(404, close=True)
        if request.method != "POST":
            return self._plain(405, [("Allow", "POST")])
        if request.headers.get("wsmanidentify", "").lower() == "unauthenticated":
            return self._plain(200, [("Content-Type", seal.PLAIN)], soap.identity(None))
        offered = request.headers.get("authorization", "")
        token: Headers = []
        if offered:
            answer = self._authenticate(offered)
            token = [("WWW-Authenticate", answer.token)] if answer.token else []
            if answer.going_on:
                return self._plain(401, token, close=self.windows.challenge_closes)
            if answer.caller is None:
                return self._unauthorized()
            self.caller = answer.caller
            if self.windows.denied_as == "401" and not rights.may_enter(self.windows, self.caller.account):
                return self._unauthorized()
        if self.caller is None:
            if request.headers.get("content-type", "").startswith("multipart/encrypted"):
                # Sealed for a logon that this connection knows nothing of (ansible winrm.py; win32 documentation).
                return self._plain(400, close=True)
            return self._unauthorized()
        caller = self.caller
        response = self._serve(request, caller, token)
        if caller.scheme in ("basic", "certificate"):
            self.caller = None
        return response

    def _authenticate(self, offered: str) -> Answer:
        if self.caller is not None:
            # A header on a connection that is logged on starts anew.
            self.authenticator.forget()
            self.caller = None
        return self.authenticator.answer(offered)

    def _plain(self, status: int, headers: Headers | None = None, body: bytes = b"", close: bool = False) -> Response:
        date = email.utils.formatdate(time.time() + self.windows.clock_offset, usegmt=True)
        over = bool(self.windows.closes_after) and self.answered >= self.windows.closes_after
        whole = (*(headers or []), ("Server", self.windows.server), ("Date", date))
        return Response(status, whole, body, self.windows.reason, close or over)

    def _unauthorized(self) -> Response:
        """Empty body, one line for each scheme, and the connection is closed (recorded from real hosts)."""
        lines = [("WWW-Authenticate", 'Basic realm="WSMAN"' if scheme == "Basic" else scheme) for scheme in self.windows.schemes]
        self.authenticator.forget()
        self.caller = None
        return self._plain(401, lines, close=True)

    def _serve(self, request: Request, caller: Caller, token: Headers) -> Response:
        if not request.body:
            return self._plain(200, token)
        kind = request.headers.get("content-type", "")
        sealed = kind.startswith("multipart/")
        if not sealed and not self.secure and not self.windows.allow_unencrypted:
            return self._refuse_plain(token)
        if not sealed and not kind.startswith("application/soap+xml"):
            return self._plain(415, token)
        if sealed and caller.context is None:
            return self._plain(400, token, close=True)
        try:
            body = seal.unseal(caller.context, request.body) if sealed and caller.context else request.body
        except (ValueError, spnego.exceptions.SpnegoError):
            return self._plain(400, token, close=True)
        status, message, delay = self._wsman(body, caller, request.headers.get("host", self.windows.computer).partition(":")[0])
        content = seal.PLAIN
        if sealed and caller.context:
            content, message = seal.seal(caller.context, message, caller.scheme, self.windows.tabs)
        return replace(self._plain(status, [*token, ("Content-Type", content)], message), delay=delay)

    def _refuse_plain(self, token: Headers) -> Response:
        """Reported by several client projects as 500 with an empty body; one recording shows 401 instead."""
        return self._unauthorized() if self.windows.plain_refused_as == 401 else self._plain(self.windows.plain_refused_as, token)

    def _wsman(self, body: bytes, caller: Caller, machine: str) -> tuple[int, bytes, float]:
        """Status, message, and the seconds that it takes: no longer than the client's OperationTimeout, then a fault comes instead ([MS-WSMV] 3.1.4.14)."""
        request, delay = soap.Message(), 0.0
        try:
            request = soap.read(body)
            if request.identifies:
                return 200, soap.identity(self.windows.build, self._profiles()), 0.0
            rights.check(self.windows, caller.account, request)
            delay = resources.wait(request, self.windows)
            if 0 < request.timeout < delay:
                delay = request.timeout
                raise quiet()
            return (200, *self._answer(request, caller, delay))
        except Late as error:
            return 500, soap.fault(request, quiet(), machine), error.seconds
        except soap.Fault as error:
            return 500, soap.fault(request, error, machine), delay

    def _answer(self, request: soap.Message, caller: Caller, delay: float) -> tuple[bytes, float]:
        if resources.answers(request, self.windows):
            return resources.answer(request, self.windows, caller.account, lambda: self.shells.listed(caller.user, caller.account)), delay
        if request.resource.endswith("/config"):
            return soap.reply(request, f"{soap.NS['x']}/GetResponse", config(self.windows)), delay
        message, longer = self.shells.answer(request, caller.user, caller.account)
        return message, -1.0 if min(delay, longer) < 0 else delay + longer

    def _profiles(self) -> tuple[str, ...]:
        """[MS-WSMV] 2.2.4.16: by the transport in use and the methods that are on."""
        way = "https" if self.secure else "http"
        basic = (f"{way}/basic",) if "Basic" in self.windows.schemes else ()
        spnego_on = (f"{way}/spnego-kerberos",) if {"Negotiate", "Kerberos"}.intersection(self.windows.schemes) else ()
        return (*basic, *spnego_on, *(("https/mutual",) if self.windows.certificate_auth and self.secure else ()))
