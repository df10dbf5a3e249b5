# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One open port, spoken to: TLS where it is expected, Identify, the 401, an NTLM challenge."""

from __future__ import annotations

import base64
import binascii
import socket
import ssl
import time
import typing as t
from dataclasses import replace

from ..evidence.base import Known, Unknown
from ..evidence.endpoint import ChallengeEvidence, ClockEvidence, DoorEvidence, HttpEvidence, IdentityEvidence, TlsEvidence
from ..target import Target
from ..wire import http, identify, ntlm, spnego, tls
from ..wire.deadline import Deadline, DeadlineSocket, WireError, translate
from ..wire.tcp import connect
from . import clock

TLS_PORTS = (443, 5986)
# What a plain service makes of a ClientHello, and a TLS service of a POST: worth asking in the other protocol.
NOT_TLS = ("not_tls", "closed", "reset", "timeout")
NOT_PLAIN = ("not_http", "closed", "reset")


class Door:
    """One conversation. `visit` may run in a thread that is left behind: `evidence` is what is known at any time."""

    def __init__(self, address: str, port: int, expected: str, target: Target, deadline: Deadline, *, thorough: bool, revocation: bool,
                 first: socket.socket | None = None, now: t.Callable[[], float] = time.time) -> None:
        self.target, self.deadline = target, deadline
        self.thorough, self.revocation, self.now = thorough, revocation, now
        self.evidence = DoorEvidence(address, port, expected, expected)
        self._first = first
        self._stream: DeadlineSocket | None = None
        self._secure: ssl.SSLSocket | None = None
        self._session: ssl.SSLSession | None = None
        self._clocks: dict[str, ClockEvidence] = {}

    def visit(self) -> DoorEvidence:
        """Ask everything there is to ask; whatever the host does, this returns by the deadline."""
        try:
            if self.evidence.expected == "https":
                self._visit_https()
            else:
                self._visit_http()
        finally:
            self._hang_up()
            if self._first:
                self._first.close()
        return self.evidence

    @property
    def healthy(self) -> bool:
        """True when WinRM answered every question as a client would wish, TLS included."""
        seen = self.evidence
        if seen.scheme != seen.expected or (seen.tls is not None and not _good_tls(seen.tls, self.target.validate_certs)):
            return False
        identified = isinstance(seen.identify, HttpEvidence) and isinstance(seen.identity, IdentityEvidence)
        return identified and bool(seen.schemes)

    def _note(self, **changes: t.Any) -> None:
        self.evidence = replace(self.evidence, **changes)

    def _visit_https(self) -> None:
        failure = self._look()
        if failure is None:
            self._talk()
            return
        if failure not in NOT_TLS:
            return
        self._note(scheme="http")
        reply = self._ask(identify.HEADERS, identify.BODY, share=0.5)
        if reply.seen.status is None or reply.seen.status == 400:
            # Neither: or a TLS service that says in plain words that it wants TLS.
            self._note(scheme="https")
            return
        self._identified(reply)
        self._talk(identified=True)

    def _visit_http(self) -> None:
        reply = self._ask(identify.HEADERS, identify.BODY, share=0.4)
        self._identified(reply)
        if reply.seen.failure in NOT_PLAIN or reply.seen.status == 400:
            self._hang_up()
            self._note(scheme="https")
            if self._look() is None:
                self._talk()
                return
            if reply.seen.detail.startswith(http.TLS_ANSWERED) or not self._tls_failed((*NOT_TLS, "error")):
                return
            # The other protocol does not fit either, so nothing is learnt from having tried it.
            self._note(scheme="http", tls=None)
        self._talk(identified=True)

    def _look(self) -> str | None:
        """Handshake; None when a stream is ready for HTTP, else the failure's word."""
        deadline = self.deadline.sooner(self.deadline.left() * 0.6)
        try:
            seen, stream = tls.look(
                lambda: self._socket(deadline), self.target.host, target=self.target, deadline=deadline, thorough=self.thorough, revocation=self.revocation,
            )
        except WireError as error:
            self._note(tls=TlsEvidence(failure=error.kind if error.kind != "not_http" else "error", detail=str(error)))
            return error.kind
        except OSError as error:
            known = translate(error, deadline)
            self._note(tls=TlsEvidence(failure=known.kind, detail=str(known)))
            return known.kind
        self._note(tls=seen)
        if stream is None:
            return seen.failure or "error"
        self._secure = t.cast(ssl.SSLSocket, getattr(stream, "sock", stream))
        self._stream = DeadlineSocket(self._secure, self.deadline)
        return None

    def _tls_failed(self, ways: tuple[str, ...]) -> bool:
        seen = self.evidence.tls
        return not isinstance(seen, TlsEvidence) or seen.failure in ways

    def _talk(self, identified: bool = False) -> None:
        """The questions after the connection is known to carry HTTP."""
        if not identified:
            self._identified(self._ask(identify.HEADERS, identify.BODY, share=0.4))
        reply = self._ask(share=0.6)
        offers = [offer.scheme for line in reply.authenticate for offer in http.parse_www_authenticate(line)]
        self._note(anonymous=reply.seen, schemes=tuple(dict.fromkeys(http.printable(offer, 40) for offer in offers))[:12])
        if reply.seen.failure is None and any(offer.lower() == "negotiate" for offer in offers):
            token = base64.b64encode(ntlm.negotiate_message()).decode()
            self._note(challenge=self._challenged(self._ask((("Authorization", f"Negotiate {token}"),))))

    def _identified(self, reply: http.Reply) -> None:
        self._note(identify=reply.seen)
        if reply.seen.failure is None and reply.seen.status == 200:
            self._note(identity=identify.parse_identify(reply.body))

    def _challenged(self, reply: http.Reply) -> Known[ChallengeEvidence]:
        if reply.seen.failure:
            return Unknown(f"the question failed: {reply.seen.failure}, {reply.seen.detail}")
        offers = [offer for line in reply.authenticate for offer in http.parse_www_authenticate(line)]
        token = next((offer.token for offer in offers if offer.scheme.lower() == "negotiate" and offer.token), "")
        if not token:
            return Unknown(f"the host answered NTLM's first message with HTTP {reply.seen.status} and no challenge")
        try:
            answer = spnego.unwrap(base64.b64decode(token, validate=True))
            if not answer.token:
                return Unknown(f"the host's SPNEGO answer carries no challenge (state {answer.state or 'not given'})")
            challenge = ntlm.parse_challenge(answer.token, answer.wrapped)
        except (ValueError, binascii.Error) as error:
            return Unknown(f"the challenge is malformed: {error}")
        if challenge.timestamp:
            self._clock(clock.from_challenge(challenge.timestamp, reply.at(self.now), reply.waited))
        return challenge

    def _clock(self, seen: ClockEvidence | None) -> None:
        """Keep the sharpest measurement of each source."""
        known = self._clocks.get(seen.source) if seen else None
        if seen and (known is None or seen.uncertainty < known.uncertainty):
            self._clocks[seen.source] = seen
            self._note(clocks=tuple(self._clocks[source] for source in sorted(self._clocks)))

    def _ask(self, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"", share: float = 1.0) -> http.Reply:
        """One POST, on the connection at hand or on a fresh one; `share` of the time left is the most it may take."""
        deadline = self.deadline.sooner(self.deadline.left() * share)
        reused = self._stream is not None
        reply = self._exchange(deadline, self._request(headers, body))
        if reused and reply.seen.status is None and reply.seen.failure in ("closed", "reset"):
            # The host may close an idle connection at any time (RFC 9112 9.3.1), so this says nothing yet.
            reply = self._exchange(deadline, self._request(headers, body))
        if reply.date and reply.seen.failure is None:
            self._clock(clock.from_http_date(reply.date, reply.at(self.now), reply.waited))
        return reply

    def _exchange(self, deadline: Deadline, request: bytes) -> http.Reply:
        try:
            self._stream = self._stream or self._dial(deadline)
        except WireError as error:
            return http.Reply(HttpEvidence(failure=error.kind, detail=f"while connecting: {error}"))
        self._stream.deadline = deadline
        reply = http.exchange(self._stream, request)
        if not reply.reusable:
            self._hang_up()
        return reply

    def _request(self, headers: tuple[tuple[str, str], ...], body: bytes) -> bytes:
        return http.build_request("POST", http.authority(self.target.host, self.evidence.port), http.target_path(self.target.path), headers, body)

    def _dial(self, deadline: Deadline) -> DeadlineSocket:
        """A fresh connection in the protocol that is being spoken."""
        try:
            sock = self._socket(deadline)
        except OSError as error:
            raise translate(error, deadline) from error
        if self.evidence.scheme == "http" or self._secure is None:
            return DeadlineSocket(sock, self.deadline)
        known = self._secure
        try:
            sock.settimeout(max(0.001, deadline.left()))
            secure = known.context.wrap_socket(sock, server_hostname=known.server_hostname, session=self._session)
        except (OSError, ValueError) as error:
            sock.close()
            raise (translate(error, deadline) if isinstance(error, OSError) else WireError(str(error))) from error
        return DeadlineSocket(secure, self.deadline)

    def _socket(self, deadline: Deadline) -> socket.socket:
        """The sweep's connection the first time, then new ones; raises OSError."""
        if self._first:
            sock, self._first = self._first, None
            sock.settimeout(max(0.001, deadline.left()))
            return sock
        return connect(self.evidence.address, self.evidence.port, deadline.left())

    def _hang_up(self) -> None:
        if self._stream:
            if isinstance(self._stream.sock, ssl.SSLSocket):
                # TLS 1.3 tickets come with the first data; a resumed handshake spares both sides the key exchange.
                self._session = self._stream.sock.session
            self._stream.close()
            self._stream = None


def expected_scheme(port: int, target: Target) -> str:
    """What a port should speak: the inventory's scheme on its port, else the port's habit."""
    if port == target.port:
        return target.scheme
    return "https" if port in TLS_PORTS else "http"


def _good_tls(seen: Known[TlsEvidence], validate: bool) -> bool:
    if isinstance(seen, Unknown) or seen.failure:
        return False
    verdicts = (seen.chain_verify, seen.name_verify) if validate else ()
    return all(verdict is not None and not isinstance(verdict, Unknown) and verdict.code == 0 for verdict in verdicts)
