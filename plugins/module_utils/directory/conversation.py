# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One conversation with one LDAP server: connect, TLS, question and answer, all under one deadline and one byte budget."""

from __future__ import annotations

import os
import ssl
import typing as t
from contextlib import contextmanager

from .. import deps, trust
from ..domain import Domain
from ..wire import ldap as wire
from ..wire.deadline import Deadline, DeadlineSocket, WireClosed, WireError
from ..wire.tcp import connect
from . import refusal
from .entries import Entry, Ranged, sort_attributes
from .refusal import LdapError, LdapUnreachable

SEALED, LDAPS, START_TLS, PLAIN = "sealed", "ldaps", "start_tls", "plain"
OWN_IDS = 0x40000000
"""Ids of the requests that sansldap does not count."""
SCOPES = {"base": 0, "one": 1, "sub": 2}
NAME_CODES, CHAIN_CODES = (62, 64), (2, 18, 19, 20, 21)
"""What OpenSSL calls another name, and an authority that it does not know (x509_vfy.h)."""


class Page(t.NamedTuple):
    """What one search request brought; `result` is the refusal, if any."""

    entries: tuple[tuple[Entry, tuple[Ranged, ...]], ...]
    cookie: bytes
    result: LdapError | None


class Conversation:
    """Questions are asked one at a time; every failure of the connection raises LdapUnreachable and ends it."""

    def __init__(self, address: str, name: str, port: int, transport: str, deadline: Deadline, domain: Domain) -> None:
        self.address, self.name, self.port, self.transport, self.domain = address, name or address, port, transport, domain
        self._deadline = deadline
        self._stream: wire.Stream | None = None
        self._session: t.Any = None
        self._answered = False
        self._own_ids = OWN_IDS

    @property
    def where(self) -> str:
        """Name and address, for sentences."""
        return f"{self.name} ({self.address})" if self.name != self.address else self.name

    @property
    def deadline(self) -> Deadline:
        """Until when everything must be done; may be exchanged between two questions."""
        return self._deadline

    @deadline.setter
    def deadline(self, deadline: Deadline) -> None:
        self._deadline = deadline
        if self._stream:
            self._stream.sock.deadline = deadline

    @property
    def is_tls(self) -> bool:
        """Whether the transport is TLS."""
        return self.transport in (LDAPS, START_TLS)

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate as DER; None without TLS."""
        sock = self._stream.sock.sock if self._stream else None
        return sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None

    def open(self) -> None:
        """Connect, and begin TLS where the transport says so."""
        for library in ("sansldap", "pyspnego"):
            if why := deps.missing(library):
                raise LdapUnreachable("library", f"{why}.")
        self.close()
        try:
            sock = connect(self.address, self.port, self._deadline.left())
        except OSError as error:
            raise self._no_connection(error) from error
        self._answered = False
        self._stream, self._session = wire.Stream(DeadlineSocket(sock, self._deadline, wire.BUDGET)), deps.sansldap.LDAPClient()
        try:
            if self.transport == START_TLS:
                self._start_tls()
            if self.is_tls:
                self._shake_hands()
        except BaseException:
            self._drop()
            raise

    def close(self) -> None:
        """Say good-bye and hang up."""
        if self._stream:
            try:
                self._stream.sock.deadline = self._deadline.sooner(1.0)
                self._stream.send(wire.build_unbind(self._own_ids + 1))
            except WireError:
                # Whoever is not listening needs no good-bye.
                self._answered = False
        self._drop()

    def bind_simple(self, name: str, password: str) -> LdapError | None:
        """One simple bind: the refusal, or None."""
        return self._bind(lambda session: session.bind_simple(name, password))[0]

    def bind_sasl(self, mechanism: str, token: bytes) -> tuple[LdapError | None, bytes | None]:
        """One leg of a SASL logon: the refusal (or saslBindInProgress), and the server's token."""
        return self._bind(lambda session: session.bind_sasl(mechanism, cred=token))

    def seal(self, seal: wire.Seal) -> None:
        """From now on every message is encrypted."""
        if not self._open_stream().idle:
            raise self._confused("something came behind the answer to the logon")
        self._open_stream().seal = seal

    def search(self, base: str, filter: str, attributes: t.Sequence[str], scope: str, page: int, cookie: bytes, most: int) -> Page:
        """One search request; `page` 0 asks for everything at once. At most `most` entries are kept. Raises ValueError for a malformed filter."""
        asked = deps.sansldap
        controls = [asked.PagedResultControl(True, page, cookie)] if page else []
        parsed = asked.LDAPFilter.from_string(filter)
        seconds = int(self._deadline.left()) + 1
        number = self._ask(lambda session: session.search_request(
            base, scope=SCOPES[scope], time_limit=seconds, filter=parsed, attributes=list(attributes), controls=controls,
        ))
        found: list[tuple[Entry, tuple[Ranged, ...]]] = []
        while True:
            answer = self._answer(number)
            if isinstance(answer, asked.SearchResultEntry):
                if len(found) < most:
                    values, more = sort_attributes((one.name, one.values) for one in answer.attributes)
                    found.append((Entry(answer.object_name, values), more))
            elif isinstance(answer, asked.SearchResultDone):
                following = next((control.cookie for control in answer.controls if isinstance(control, asked.PagedResultControl)), b"")
                return Page(tuple(found), following, _error_of(answer.result))
            elif not isinstance(answer, asked.SearchResultReference):
                raise self._confused(f"{type(answer).__name__} in answer to a search")

    def modify(self, dn: str, changes: t.Sequence[wire.Change]) -> LdapError | None:
        """Change one object: the refusal, or None."""
        self._own_ids += 1
        self._send(wire.build_modify(self._own_ids, dn, changes))
        message, header = self._receive()
        if header != (self._own_ids, wire.MODIFY_RESPONSE):
            raise self._confused(f"message {header.message_id}, operation {header.operation:#x}, in answer to a change")
        with self._reading():
            code, text = wire.read_result(message)
        return LdapError(code, text, doing=f"The change of {dn}") if code else None

    def _bind(self, request: t.Callable[[t.Any], int]) -> tuple[LdapError | None, bytes | None]:
        answer = self._answer(self._ask(request))
        if not isinstance(answer, deps.sansldap.BindResponse):
            raise self._confused(f"{type(answer).__name__} in answer to a logon")
        return _error_of(answer.result), answer.server_sasl_creds

    def _ask(self, request: t.Callable[[t.Any], int]) -> int:
        """Send what sansldap makes of a request; its id."""
        self._open_stream()
        number = request(self._session)
        self._send(self._session.data_to_send())
        return number

    def _answer(self, number: int) -> t.Any:
        """The next message that answers the request of this id."""
        message, header = self._receive()
        if header.message_id != number:
            raise self._confused(f"message {header.message_id}, where an answer to message {number} was due")
        with self._reading():
            # A message is whole when it comes here: whatever sansldap still waits for will never come.
            answers = self._session.receive(message)
            if len(answers) != 1:
                raise wire.WireNotLdap("a message whose parts are longer than itself")
        return answers[0]

    @contextmanager
    def _reading(self) -> t.Iterator[None]:
        try:
            yield
        except wire.WireNotLdap as error:
            raise self._broken(error) from error
        except deps.sansldap.ProtocolError as error:
            raise self._confused(str(error)) from error

    def _receive(self) -> tuple[bytes, wire.Header]:
        """The next whole message; a notice of disconnection ends the conversation."""
        try:
            message = self._open_stream().message()
            header = wire.read_header(message)
            if header == (0, wire.EXTENDED_RESPONSE):
                # [RFC 4511] 4.4.1, the only message that nobody asked for.
                notice = LdapError(*wire.read_result(message))
                raise WireClosed(f"it gave notice of disconnection. {notice.sentence}")
        except WireError as error:
            raise self._broken(error) from error
        self._answered = True
        return message, header

    def _send(self, data: bytes) -> None:
        try:
            self._open_stream().send(data)
        except WireError as error:
            raise self._broken(error) from error

    def _open_stream(self) -> wire.Stream:
        if self._stream is None:
            raise refusal.unreachable("closed", self.where, "the connection is closed already")
        return self._stream

    def _broken(self, error: WireError) -> LdapUnreachable:
        answered = self._answered or bool(self._stream and self._stream.received)
        self._drop()
        return refusal.broken(error, f"{self.where}, port {self.port},", answered=answered)

    def _confused(self, detail: str) -> LdapUnreachable:
        return self._broken(wire.WireNotLdap(detail))

    def _drop(self) -> None:
        if self._stream:
            self._stream.sock.close()
        self._stream = self._session = None

    def _no_connection(self, error: OSError) -> LdapUnreachable:
        place = f"{self.where}, port {self.port},"
        if isinstance(error, TimeoutError):
            return refusal.unreachable("silent", place)
        if isinstance(error, ConnectionRefusedError):
            return refusal.unreachable("refused", place)
        return refusal.unreachable("unreachable", place, error.strerror or str(error))

    def _start_tls(self) -> None:
        answer = self._answer(self._ask(lambda session: session.extended_request(deps.sansldap.ExtendedOperations.LDAP_START_TLS.value)))
        if not isinstance(answer, deps.sansldap.ExtendedResponse):
            raise self._confused(f"{type(answer).__name__} in answer to StartTLS")
        result = _error_of(answer.result)
        if result is not None:
            raise self._no_tls(f"the server refused StartTLS. {result.sentence} Without a certificate a domain controller has no TLS")
        if not self._open_stream().idle:
            # What was slipped in before TLS must not be taken for an answer inside TLS.
            raise self._confused("something came behind the answer to StartTLS")

    def _shake_hands(self) -> None:
        sock = self._open_stream().sock
        try:
            context = self._context()
        except OSError as error:
            raise self._no_tls(f"the trust store {self.domain.ca_path or 'of the system'} cannot be read: {error.strerror or error}") from error
        try:
            sock.sock.settimeout(max(0.001, self._deadline.left()))
            secure = context.wrap_socket(sock.sock, server_hostname=self.name.partition("%")[0].rstrip("."))
        except (OSError, ValueError) as error:
            raise self._no_tls(self._handshake(error)) from error
        self._answered = True
        self._stream = wire.Stream(DeadlineSocket(secure, self._deadline, wire.BUDGET))

    def _context(self) -> ssl.SSLContext:
        if not self.domain.validate_certs:
            return trust.blind_context()
        path = self.domain.ca_path or trust.system_store()
        return trust.context_for(trust.TrustStore(path, "ldap_ca_path" if self.domain.ca_path else "system", os.path.isdir(path or "")), True)

    def _no_tls(self, detail: str) -> LdapUnreachable:
        self._drop()
        return refusal.unreachable("tls", f"{self.where}, port {self.port}", detail)

    def _handshake(self, error: Exception) -> str:
        """Why the handshake failed, and what to do."""
        if isinstance(error, ssl.SSLCertVerificationError):
            said = f"its certificate does not verify: {error.verify_message} ({error.verify_code})"
            if error.verify_code in NAME_CODES:
                return f"{said}. Name the controller as its certificate does, in domain_controllers"
            if error.verify_code in CHAIN_CODES:
                return f"{said}. Set ldap_ca_path to the certificates of the domain's authority"
            return said
        if isinstance(error, TimeoutError):
            return f"the handshake was not finished within {self._deadline.seconds:.1f} s"
        if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)):
            return "the server ended the handshake. A domain controller without a certificate does that"
        return f"the handshake failed: {getattr(error, 'reason', None) or getattr(error, 'strerror', None) or error}"


def _error_of(result: t.Any) -> LdapError | None:
    """A refusal, or None for success. sansldap gives a code that it does not know the number 0, so only the enumeration's value counts."""
    code = int(result.result_code.value)
    return LdapError(code, result.diagnostics_message) if code else None
