# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A logon and what is asked on it: every leg kept, with its headers and its tokens decoded."""

from __future__ import annotations

import base64
import binascii
import typing as t
from dataclasses import dataclass, replace

from ..evidence.endpoint import HttpEvidence
from ..evidence.logon import ACCEPTED, BROKEN, REFUSED, LegEvidence, LocalFailure, TokenEvidence
from . import http, seal, tokens
from .channel import CertificateFileError, Channel, TlsRefused
from .deadline import WireError
from .methods import MUTUAL, LogonFailure, Method

MOST_LEGS = 12
"""NTLM needs two legs, Kerberos one or two, CredSSP about six."""
WHITE_SPACE = 30
PASSWORD_TOKENS = ("basic", "ntlm_authenticate", "kerberos_ap_req")
MOST_AGAIN = 30
"""Further logons of one session: a host may close the connection after each of some twenty questions, but not for ever."""
LOGGED_ON = (200, 415, 500)
"""Statuses that only come after the logon: a service's answer, its complaint about the content, its fault (recorded from real hosts)."""


@dataclass(frozen=True)
class Answer:
    """A reply to a message: what may be kept of it, and the message inside, unsealed where it was sealed."""

    leg: LegEvidence
    message: bytes = b""
    lost: str = ""
    """Why the reply could not be unsealed."""


class Session:
    """Log on once, then ask. `make` gives the method's client side once the connection, and so the host's certificate, is there."""

    def __init__(self, channel: Channel, make: t.Callable[[bytes | None], Method], *, name: str, sealed: bool) -> None:
        self.channel, self.make, self.name, self.sealed = channel, make, name, sealed
        self.legs: list[LegEvidence] = []
        self.requests = 0
        self.failure: LocalFailure | None = None
        self.used = False
        """True once something was sent that depends on the password: from then on a refusal counts against the account."""
        self.further = 0
        """Logons after the first."""
        self.barred = ""
        """Why there is no further logon: a password that is not accepted any more is sent once, however much is still to be asked."""
        self.turned = False
        """True once the host has refused what it accepted before."""
        self._method: Method | None = None
        self._raw = http.Reply(HttpEvidence())

    @property
    def mechanism(self) -> str:
        """What negotiate came to."""
        kinds = {leg.token.kind for leg in self.legs if leg.token}
        if "ntlm_authenticate" in kinds or "ntlm_negotiate" in kinds:
            return "ntlm"
        return "kerberos" if "kerberos_ap_req" in kinds else ""

    def log_on(self) -> str:
        """Connect and go through the handshake; returns ACCEPTED, REFUSED or BROKEN, and leaves the rest in the attributes."""
        try:
            self.channel.dial()
            # The KDC sees the password before the host sees a ticket: already while the context is made.
            self.used = self.name == "kerberos"
            self._forget()
            self._method = self.make(self.channel.certificate())
            token = self._method.step(None)
        except TlsRefused as error:
            return self._break("tls", str(error))
        except CertificateFileError as error:
            return self._break("certificate_file", str(error))
        except WireError as error:
            return self._break("connect", str(error))
        except LogonFailure as error:
            self.used = self.used and error.step != "library"
            return self._break(error.step, error.text, error.code)
        return self._converse(self._method, token)

    def _converse(self, method: Method, token: bytes | None) -> str:
        for _turn in range(MOST_LEGS):
            if token is None:
                return self._break("token", "the handshake ended without an answer that settles it")
            leg = self._leg(method, token)
            status, answer = leg.reply.status, self._answered(method)
            if leg.reply.failure:
                return BROKEN
            if status in LOGGED_ON:
                return self._let_in(method, answer) if self._proved(method) else BROKEN
            if status != 401:
                return REFUSED if status == 403 else BROKEN
            if answer is None:
                return REFUSED
            if not self.channel.open:
                # NTLM lives in its connection: a client that goes on elsewhere starts anew, and fails.
                return self._break("keep_alive", "the connection was closed after the host's challenge, and a logon cannot go on over another one")
            try:
                token = method.step(answer)
            except LogonFailure as error:
                self.failure = LocalFailure(error.step, error.text, error.code)
                return REFUSED if self.used else BROKEN
        return self._break("token", f"no end after {MOST_LEGS} legs")

    def _proved(self, method: Method) -> bool:
        """Whether the handshake got as far as a proof: what says yes before that is no WinRM."""
        return method.complete if self.name in ("credssp", "certificate") else self.used

    def _let_in(self, method: Method, answer: bytes | None) -> str:
        if answer and not method.complete:
            try:
                method.step(answer)
            except LogonFailure as error:
                # The host accepted us, but did not prove who it is.
                self.failure = LocalFailure(error.step, error.text, error.code)
        return ACCEPTED

    def _leg(self, method: Method, token: bytes) -> LegEvidence:
        scheme = method.scheme
        sent = TokenEvidence("certificate") if scheme == MUTUAL else tokens.describe(scheme, token)
        if sent.kind in PASSWORD_TOKENS or getattr(method, "stage", "") not in ("", "TLS Handshake", "Authentication 1"):
            self.used = True
        reply = self._post((("Authorization", method.header(token)),))
        self._raw = reply
        leg = LegEvidence("an empty POST", shown(reply), sent, self._described(scheme, reply))
        self.legs.append(leg)
        return leg

    def _answered(self, method: Method) -> bytes | None:
        """The host's token, None where it sent none."""
        offers = [offer for line in self._raw.authenticate for offer in http.parse_www_authenticate(line)]
        mine = [offer.token for offer in offers if offer.scheme.lower() == method.scheme.lower()]
        found = next((token for token in mine if token), None)
        if found is None:
            return None
        try:
            return base64.b64decode(found, validate=True)
        except (binascii.Error, ValueError):
            return None

    def _described(self, scheme: str, reply: http.Reply) -> TokenEvidence | None:
        for line in reply.authenticate:
            for offer in http.parse_www_authenticate(line):
                if offer.scheme.lower() == scheme.lower() and offer.token:
                    try:
                        return tokens.describe(offer.scheme, base64.b64decode(offer.token, validate=True))
                    except (binascii.Error, ValueError):
                        return TokenEvidence("unreadable", text="the token is not Base64")
        return None

    def ask(self, message: bytes, what: str) -> Answer:
        """One message on the logon, on a new one where the host has closed the connection since; WireError where that is refused."""
        if not self.channel.open:
            self.again()
        method = t.cast(Method, self._method)
        body, kind = message, seal.PLAIN
        if self.sealed:
            kind, body = self._seal(method, message)
        headers: tuple[tuple[str, str], ...] = (("Content-Type", kind),)
        if again := method.again():
            headers = (("Authorization", again), *headers)
        reply = self._post(headers, body)
        leg = LegEvidence(what, shown(reply), sealed=self.sealed)
        content = next((value for name, value in reply.seen.headers if name.lower() == "content-type"), "")
        if not content.lower().startswith("multipart/"):
            return Answer(leg, reply.body)
        if method.context is None:
            return Answer(leg, lost="the reply is encrypted, which this logon cannot be")
        try:
            return Answer(replace(leg, reply=replace(leg.reply, body_start="")), seal.unseal(method.context, content, reply.body))
        except Exception as error:
            # pyspnego lets the errors of the libraries below through; each says that the reply is not sealed by this logon's other side.
            return Answer(leg, lost=f"{type(error).__name__}: {error}"[:200])

    def _seal(self, method: Method, message: bytes) -> tuple[str, bytes]:
        try:
            return seal.seal(method.context, message, method.scheme.lower())
        except Exception as error:
            # Such as a context whose host did not prove itself, or a closed TLS of CredSSP's own.
            raise WireError(f"the message cannot be encrypted: {type(error).__name__}: {error}"[:200]) from error

    def again(self) -> None:
        """Log on once more, with a password that the host has accepted; raises WireError."""
        if self.barred:
            raise WireError(self.barred)
        self.further += 1
        if self.further > MOST_AGAIN:
            raise WireError(f"the host had closed it more than {MOST_AGAIN} times")
        legs, used = self.legs, self.used
        self.legs, self.used = [], False
        outcome = self.log_on()
        spent, self.legs, self.used = self.used, legs, used or self.used
        if outcome != ACCEPTED:
            why = "the host had closed it, and a second logon was not accepted"
            self.barred, self.turned = why if spent else "", outcome == REFUSED and spent
            raise WireError(why)

    def close(self) -> None:
        """Hang up."""
        self.channel.close()
        self._forget()

    def _forget(self) -> None:
        if self._method:
            self._method.forget()

    def _post(self, headers: tuple[tuple[str, str], ...], body: bytes = b"") -> http.Reply:
        self.requests += 1
        return self.channel.post(headers, body)

    def _break(self, step: str, text: str, code: int | None = None) -> str:
        self.failure = LocalFailure(step, text, code)
        return BROKEN


def shown(reply: http.Reply) -> HttpEvidence:
    """What may be kept of a reply: WWW-Authenticate without its tokens, which are decoded beside it."""
    headers = []
    for name, value in reply.seen.headers:
        if name.lower() == "www-authenticate":
            scheme, blank, token = value.partition(" ")
            value = f"{scheme} …" if blank and len(token) > WHITE_SPACE else value
        headers.append((name, value))
    return replace(reply.seen, headers=tuple(headers))
