# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is it? The schemes of the Authorization header, each with what it needs of one connection."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
import typing as t
from dataclasses import dataclass

import spnego
from spnego._credssp import CredSSPProxy

from ..messages import Account, Windows
from . import ntlm
from .journal import Journal
from .negotiate import Negotiator, negotiator

MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
"""[MS-WSMV] 3.1.4.1.30.3: the request means the TLS client certificate."""

SCHEMES = {"negotiate": "Negotiate", "kerberos": "Kerberos", "credssp": "CredSSP"}
"""Those with tokens, as HTTP.sys spells them."""
INITIAL = b"\x60"
"""How an initial token starts ([RFC 2743] 3.1): with it a handshake begins anew."""


@dataclass(frozen=True)
class Caller:
    """Who has logged on, how, and with what context."""

    user: str
    account: Account
    scheme: str
    context: spnego.ContextProxy | None = None


class Answer(t.NamedTuple):
    """What comes of one Authorization header: a caller, or a token to go on with, or neither."""

    caller: Caller | None = None
    token: str = ""
    going_on: bool = False


REFUSED = Answer()


class Authenticator:
    """One connection's authentication: its contexts live as long as it does."""

    def __init__(self, windows: Windows, certificate: bytes | None, client: bytes | None, journal: Journal) -> None:
        self.windows, self.client, self.journal = windows, client, journal
        self.bindings = ntlm.bindings_of(certificate, windows.tls_terminated)
        self.contexts: dict[str, tuple[spnego.ContextProxy, Negotiator]] = {}

    def answer(self, header: str) -> Answer:
        """One Authorization header."""
        scheme, _space, value = header.partition(" ")
        if scheme == MUTUAL:
            return self._certificate()
        name = scheme.lower()
        if name not in {known.lower() for known in self.windows.schemes}:
            return REFUSED
        try:
            data = base64.b64decode(value.strip(), validate=True)
        except binascii.Error:
            return REFUSED
        if name == "basic":
            return self._basic(data)
        return self._security(name, data) if name in SCHEMES else REFUSED

    def forget(self) -> None:
        """Nobody is logged on any more."""
        self.contexts.clear()

    def _basic(self, data: bytes) -> Answer:
        """Local accounts alone (documentation of win32 WinRM, "Authentication for Remote Connections")."""
        name, _colon, password = data.decode("utf-8", "replace").partition(":")
        account = ntlm.account_of(self.windows, name)
        good = account is not None and account.local and account.state == "ok" and account.password == password
        self.journal.note(self.windows.computer, name, "basic", "accepted" if good else "refused")
        return Answer(Caller(name, account, "basic")) if good and account else REFUSED

    def _certificate(self) -> Answer:
        thumbprint = hashlib.sha1(self.client, usedforsecurity=False).hexdigest().upper() if self.client else ""
        name = self.windows.client_certificates.get(thumbprint, "") if self.windows.certificate_auth else ""
        account = self.windows.accounts.get(name)
        self.journal.note(self.windows.computer, name or "(nobody)", "certificate", "accepted" if account else "refused")
        return Answer(Caller(name, account, "certificate")) if account else REFUSED

    def _security(self, name: str, data: bytes) -> Answer:
        if name not in self.contexts or data.startswith(INITIAL):
            self.contexts[name] = self._context(name)
        context, inner = self.contexts[name]
        try:
            token = context.step(data)
        except (spnego.exceptions.SpnegoError, ValueError, KeyError, struct.error):
            # The last three are what pyspnego lets through where a token is nonsense.
            return REFUSED
        shown = f"{SCHEMES[name]} {base64.b64encode(token).decode()}" if token else ""
        acceptor = inner.acceptor
        if not context.complete or acceptor is None:
            # A KRB-ERROR goes this way too: the client may try again on the same connection, with the host's time ([MS-KILE] 3.4.5).
            return Answer(None, shown, bool(shown))
        account = acceptor.account
        return Answer(Caller(acceptor.user, account, name, context), shown) if account else REFUSED

    def _context(self, name: str) -> tuple[spnego.ContextProxy, Negotiator]:
        if name == "credssp":
            inner = negotiator(self.windows, None, self.journal, name)
            return CredSSPProxy(usage="accept", credssp_negotiate_context=inner), inner
        inner = negotiator(self.windows, self.bindings, self.journal, name)
        return inner, inner
