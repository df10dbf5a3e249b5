# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to the stand-in Windows: who is it, may it, and what does it want."""

from __future__ import annotations

import base64
import binascii
import email.utils
import time

import spnego

from ..messages import Request, Response, Windows
from . import ntlm, seal, soap
from .config import config
from .shells import Shells

Headers = list[tuple[str, str]]


class WindowsConversation:
    """Authentication is bound to the connection ([MS-WSMV] 3.1.4.1.30); Basic is asked for each time."""

    def __init__(self, windows: Windows, certificate: bytes | None, shells: Shells) -> None:
        self.windows, self.shells = windows, shells
        self.secure = certificate is not None
        self.bindings = ntlm.bindings_of(certificate)
        self.context: spnego.ContextProxy | None = None
        self.scheme = ""
        self.user = ""

    def answer(self, request: Request) -> Response:
        """One request; the order of the checks is HTTP.sys first, then WinRM."""
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
            refused, token = self._authenticate(offered)
            if refused:
                return refused
        if not self.user:
            return self._unauthorized()
        answer = self._serve(request, token)
        if self.scheme == "basic":
            self.user = ""
        return answer

    def _plain(self, status: int, headers: Headers | None = None, body: bytes = b"", close: bool = False) -> Response:
        date = email.utils.formatdate(time.time() + self.windows.clock_offset, usegmt=True)
        return Response(status, (*(headers or []), ("Server", self.windows.server), ("Date", date)), body, close=close)

    def _unauthorized(self) -> Response:
        """Empty body, one line for each scheme, and the connection is closed (recorded from real hosts)."""
        lines = [("WWW-Authenticate", 'Basic realm="WSMAN"' if scheme == "Basic" else scheme) for scheme in self.windows.schemes]
        self.context, self.user = None, ""
        return self._plain(401, lines, close=True)

    def _authenticate(self, offered: str) -> tuple[Response | None, Headers]:
        scheme, _space, value = offered.partition(" ")
        scheme = scheme.lower()
        known = {name.lower() for name in self.windows.schemes}
        if scheme not in known:
            return self._unauthorized(), []
        try:
            data = base64.b64decode(value.strip(), validate=True)
        except binascii.Error:
            return self._unauthorized(), []
        if scheme == "basic":
            name, _colon, password = data.decode("utf-8", "replace").partition(":")
            if not password or ntlm.password_of(self.windows, name) != password:
                return self._unauthorized(), []
            self.user, self.scheme = name, scheme
            return None, []
        if scheme != "negotiate":
            # No KDC in this part of the lab: a Kerberos ticket cannot be real.
            return self._unauthorized(), []
        return self._negotiate(data)

    def _negotiate(self, data: bytes) -> tuple[Response | None, Headers]:
        if self.context is None or self.user:
            self.user, self.scheme = "", "negotiate"
            self.context = ntlm.accept(self.windows, data, self.bindings)
        try:
            answer = self.context.step(data)
        except (spnego.exceptions.SpnegoError, ValueError, KeyError):
            return self._unauthorized(), []
        token = [("WWW-Authenticate", "Negotiate " + base64.b64encode(answer).decode())] if answer else []
        if not self.context.complete:
            return (self._plain(401, token) if token else self._unauthorized()), []
        self.user = self.context.client_principal or "unknown"
        return None, token

    def _serve(self, request: Request, token: Headers) -> Response:
        if not request.body:
            return self._plain(200, token)
        kind = request.headers.get("content-type", "")
        sealed = kind.startswith("multipart/encrypted")
        if not sealed and not self.secure and not self.windows.allow_unencrypted:
            # Reported by several client projects as 500 with an empty body; one recording shows 401 instead.
            return self._plain(500, token)
        if not sealed and not kind.startswith("application/soap+xml"):
            return self._plain(415, token)
        try:
            body = seal.unseal(self.context, request.body) if sealed and self.context else request.body
        except (ValueError, spnego.exceptions.SpnegoError):
            return self._plain(400, token, close=True)
        status, message = self._wsman(body)
        content = seal.PLAIN
        if sealed and self.context:
            content, message = seal.seal(self.context, message, self.scheme)
        return self._plain(status, [*token, ("Content-Type", content)], message)

    def _wsman(self, body: bytes) -> tuple[int, bytes]:
        request = soap.Message()
        try:
            request = soap.read(body)
            if request.identifies:
                return 200, soap.identity(self.windows.build, self._profiles())
            if request.resource.endswith("/config"):
                return 200, soap.reply(request, f"{soap.NS['x']}/GetResponse", config(self.windows))
            return 200, self.shells.answer(request, self.user)
        except soap.Fault as error:
            return 500, soap.fault(request, error, self.windows.computer)

    def _profiles(self) -> tuple[str, ...]:
        """[MS-WSMV] 2.2.4.16: by the transport in use and the methods that are on."""
        way = "https" if self.secure else "http"
        basic = (f"{way}/basic",) if "Basic" in self.windows.schemes else ()
        return (*basic, f"{way}/spnego-kerberos") if {"Negotiate", "Kerberos"}.intersection(self.windows.schemes) else basic
