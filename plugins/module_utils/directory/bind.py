# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A logon to LDAP: which method, in which order, and what came of it in words. A password that was judged is never sent again."""

from __future__ import annotations

import typing as t

from .. import deps
from ..evidence.directory import FAILED, GRANTED, NOT_TRIED, REFUSED, BindEvidence
from ..target import is_address
from ..wire.background import Background, Late
from ..wire.deadline import Deadline
from . import refusal
from .binding import AUTO, KERBEROS, MECHANISM, NTLM, SIMPLE, Credentials, Exchange, KerberosExchange, LogonError, NtlmExchange
from .conversation import PLAIN, SEALED, Conversation
from .entries import Entry
from .notation import dns_of_dn
from .refusal import LdapError
from .tickets import Tickets, principal_of, realm_of

MOST_LEGS = 8
"""Tokens of one logon; Kerberos takes one or two, NTLM two."""
WORDS = {KERBEROS: "Kerberos", NTLM: "NTLM", SIMPLE: "name and password"}
INSIDE = {"sealed": "Every message is encrypted by the logon itself.", "ldaps": "The connection is TLS.", "start_tls": "The connection is TLS."}
INSTEAD = {
    refusal.STRONG_AUTH: (
        " This server takes Kerberos and NTLM only with signing, which does not go together with TLS (Samba before 4.20 is like that)."
        " Set ldap_transport to sealed, or ldap_auth to simple."
    ),
    refusal.UNWILLING: " This server does not take such a logon inside TLS. Set ldap_transport to sealed, or ldap_auth to simple.",
}
"""What to do about a refusal that means the kind of logon inside TLS, not the account."""
JUDGING = (0x525, 0x52E, 0x52F, 0x530, 0x531, 0x532, 0x533, 0x701, 0x773, 0x775)
"""Active Directory's codes that say something of the account or its password (winerror.h; [MS-ADTS] 5.1.1.1)."""
INVALID_PARAMETER = 0x57
"""What Samba says of pyspnego's NTLM without signing, whose session key it does not take: it had accepted the password."""


class Logon:
    """Run it once; `tried` tells afterwards what was tried."""

    def __init__(self, talk: Conversation, credentials: Credentials, root: t.Callable[[], Entry]) -> None:
        self.talk, self.credentials, self.root = talk, credentials, root
        self.tried: tuple[BindEvidence, ...] = ()
        self._go_on = False
        """Whether another method may be tried: nobody has judged the password."""
        self._used = False
        """Whether something was sent on this connection, so that the next method needs a new one."""
        self._wants_signing = False

    def run(self) -> BindEvidence:
        """Try the method that was asked for, or under `auto` one after the other; raises LdapUnreachable."""
        wanted = self.credentials.method
        if self.talk.transport == PLAIN:
            return self._tell(wanted, NOT_TRIED, "Not tried: without encryption nobody logs on here.")
        for method in self._methods() if wanted == AUTO else (wanted,):
            if method == NTLM and self._wants_signing and wanted == AUTO:
                # NTLM without signing would be refused like Kerberos without signing.
                continue
            if self._used:
                self.talk.open()
            self._go_on, self._used = False, False
            seen = {KERBEROS: self._kerberos, NTLM: self._ntlm, SIMPLE: self._simple}[method]()
            if not self._go_on:
                break
        return seen

    def _methods(self) -> tuple[str, ...]:
        if not self.credentials.password:
            return (KERBEROS,)
        # Whoever the certificate does not prove must not be handed the password unasked.
        proven = self.talk.is_tls and self.talk.domain.validate_certs
        return (KERBEROS, NTLM, SIMPLE) if proven else (KERBEROS, NTLM)

    @property
    def _host(self) -> str:
        """The controller's name for Kerberos: an address has no SPN, so its own word is taken."""
        return (self._root("dnsHostName").lower() if is_address(self.talk.name) else "") or self.talk.name

    @property
    def _domain(self) -> str:
        return self.talk.domain.name or dns_of_dn(self._root("defaultNamingContext"))

    def _root(self, name: str) -> str:
        """What the server says of itself, if it does."""
        try:
            return self.root().text(name)
        except LdapError:
            return ""

    def _full_name(self) -> str:
        """The name in a form that a simple logon takes ([MS-ADTS] 5.1.1.1.1): no bare name, and no DNS name in front of a backslash."""
        name = self.credentials.username
        domain, slash, user = name.partition("\\")
        if slash and "." in domain:
            return f"{user}@{domain}"
        return name if "@" in name or "\\" in name or "=" in name or not self._domain else f"{name}@{self._domain}"

    def _kerberos(self) -> BindEvidence:
        if not deps.speaks_kerberos():
            self._go_on = True
            return self._tell(KERBEROS, NOT_TRIED, "Not tried: the Python libraries gssapi and krb5, which Kerberos needs, cannot be imported.")
        # A KDC that says nothing must leave time for another method.
        deadline = self.talk.deadline.sooner(self.talk.deadline.left() / 2)
        with Tickets() as tickets:
            cache = self.credentials.cache
            if cache is None and self.credentials.password:
                refused = self._ticket(tickets, self.credentials.password, deadline)
                if refused:
                    return refused
                cache = tickets.cache
            try:
                exchange = self._exchange(cache, deadline)
            except (LogonError, Late) as error:
                self._go_on = True
                return self._tell(KERBEROS, FAILED, f"{error.text if isinstance(error, LogonError) else 'The ticket cache did not answer in time'}.")
            return self._sasl(KERBEROS, exchange)

    def _exchange(self, cache: str | None, deadline: Deadline) -> Exchange:
        """The start of a Kerberos logon; whoever keeps the tickets (KCM, SSSD) may be slow to give them."""
        host, seal, certificate = self._host, self.talk.transport == SEALED, self.talk.certificate
        return Background(lambda: KerberosExchange(host, cache, seal=seal, certificate=certificate, deadline=deadline)).result(deadline.left())

    def _ticket(self, tickets: Tickets, password: str, deadline: Deadline) -> BindEvidence | None:
        """A ticket-granting ticket for the password; the evidence where there is none."""
        name = self.credentials.username
        # The same name in another domain is another person, on whom the password would count: a flat name must fit.
        realm = realm_of(name, dns_domain=self._domain) if "\\" in name else self._domain
        principal = principal_of(name, realm) if realm else ""
        if not principal:
            self._go_on = True
            return self._tell(KERBEROS, NOT_TRIED, f"Not tried: nothing tells the Kerberos realm of {name}. Write the user name as user@DOMAIN.")
        try:
            step = Background(lambda: tickets.acquire(principal, password)).result(deadline.left())
        except Late:
            return self._tell(KERBEROS, FAILED, f"No ticket-granting ticket for {principal}: no KDC answered in time.{self._in_doubt}")
        if step.outcome == GRANTED:
            return None
        self._go_on = not step.used
        return self._tell(KERBEROS, step.outcome, f"{step.means}{self._in_doubt if step.used and step.outcome == FAILED else ''}")

    @property
    def _in_doubt(self) -> str:
        """Why nothing follows a KDC that fell silent: it may have judged the password before, and what is in doubt counts."""
        if self.credentials.method != AUTO:
            return ""
        return " NTLM was not tried, for the KDC may have judged the password before it fell silent. Set ldap_auth to ntlm where no KDC is within reach."

    def _ntlm(self) -> BindEvidence:
        if not self.credentials.password:
            return self._tell(NTLM, NOT_TRIED, "Not tried: NTLM needs a password, and there is none.")
        try:
            exchange = NtlmExchange(
                self._host, self.credentials.username, self.credentials.password, seal=self.talk.transport == SEALED, certificate=self.talk.certificate,
            )
        except LogonError as error:
            self._go_on = True
            return self._tell(NTLM, FAILED, f"{error.text}.")
        return self._sasl(NTLM, exchange)

    def _simple(self) -> BindEvidence:
        if not self.talk.is_tls:
            return self._tell(SIMPLE, NOT_TRIED, "Not tried: outside TLS the password would travel readable. Set ldap_transport to ldaps.")
        if not self.credentials.password or not self.credentials.username:
            # [RFC 4513] 5.1.2: a name without a password is accepted as nobody.
            return self._tell(SIMPLE, NOT_TRIED, "Not tried: a simple logon needs a name and a password.")
        self._used = True
        error = self.talk.bind_simple(self._full_name(), self.credentials.password)
        return self._judge(SIMPLE, error, self._full_name())

    def _sasl(self, method: str, exchange: Exchange) -> BindEvidence:
        """Token after token until the server is content, and sealed from then on."""
        answer: bytes | None = None
        for _leg in range(MOST_LEGS):
            try:
                token = exchange.step(answer)
            except LogonError as error:
                # A missing service ticket says nothing of the password; but who failed to prove himself by Kerberos gets no NTLM to guess from.
                self._go_on = answer is None or method != KERBEROS
                return self._tell(method, FAILED, f"{error.text}.", exchange.account)
            if token is None:
                break
            self._used = True
            refused, answer = self.talk.bind_sasl(MECHANISM, token)
            if refused is None:
                return self._granted(method, exchange, answer)
            if refused.code != refusal.IN_PROGRESS:
                return self._judge(method, refused, exchange.account)
        return self._tell(method, FAILED, f"{self.talk.where} never came to an end with the {WORDS[method]} logon.", exchange.account)

    def _granted(self, method: str, exchange: Exchange, answer: bytes | None) -> BindEvidence:
        """The server says yes; whether it is the server has to be seen first, and whether it will encrypt."""
        try:
            if not exchange.complete:
                exchange.step(answer or b"")
        except LogonError as error:
            return self._tell(method, FAILED, f"{error.text}. The logon is not believed.", exchange.account)
        if not exchange.complete:
            return self._tell(method, FAILED, f"{self.talk.where} accepted the logon without proving who it is.", exchange.account)
        if self.talk.transport == SEALED:
            if not exchange.encrypts:
                return self._tell(method, FAILED, f"{self.talk.where} accepted the logon but would not encrypt.", exchange.account)
            self.talk.seal(exchange)
        return self._judge(method, None, exchange.account)

    def _judge(self, method: str, error: LdapError | None, account: str) -> BindEvidence:
        if error is None:
            return self._tell(method, GRANTED, f"Logged on with {WORDS[method]}. {INSIDE[self.talk.transport]}", account)
        # Who brings a ticket has been believed by a KDC, so only a code that names the account speaks of it; of NTLM and a simple logon any refusal may.
        unclear = error.code == refusal.INVALID_CREDENTIALS and method != KERBEROS and error.data != INVALID_PARAMETER
        self._go_on = error.data not in (*JUDGING, refusal.BAD_BINDINGS) and not unclear
        self._wants_signing = error.code == refusal.STRONG_AUTH and self.talk.is_tls
        hint = INSTEAD.get(error.code, "") if self.talk.is_tls and method != SIMPLE else ""
        if error.data == INVALID_PARAMETER and method == NTLM:
            hint = " Samba does not take NTLM inside TLS from this client. Set ldap_transport to sealed."
        elif error.data == refusal.BAD_BINDINGS:
            hint = " Something between here and the controller may have opened the TLS connection."
        return self._tell(method, REFUSED, f"{self.talk.where} refused the logon with {WORDS[method]}: {error.sentence}{hint}", account, error)

    def _tell(self, method: str, outcome: str, means: str, account: str = "", error: LdapError | None = None) -> BindEvidence:
        seen = BindEvidence(
            self.talk.name, self.talk.port, method, self.talk.transport, outcome, means, account or self.credentials.username,
            error.code if error else None, error.data if error else None,
        )
        self.tried += (seen,)
        return seen
