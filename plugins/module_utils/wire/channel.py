# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One TCP connection that a logon is bound to, with the TLS that the inventory's connection would use."""

from __future__ import annotations

import contextlib
import os
import ssl
import typing as t

from .. import trust
from ..target import Target
from . import http
from .deadline import Deadline, DeadlineSocket, WireError, translate
from .tcp import connect

BUDGET = 16 * 1024 * 1024
"""Bytes one connection may bring: a PowerShell session's start is some 50 KB, a look at the whole inside of a host some 2 MB, more where it has many
certificates or firewall rules."""
REPLY = 4 * 1024 * 1024
"""Bytes one reply may bring. Windows holds itself to the client's MaxEnvelopeSize (500 KB, [MS-WSMV] 3.1.4.1.7) before it seals."""


class TlsRefused(WireError):
    """The connection would not go on: the certificate does not verify, or there is no handshake."""

    kind = "tls"


class CertificateFileError(Exception):
    """The client certificate or its key cannot be used; the text names the file."""


class Channel:
    """Open it, post on it, close it. `replies` counts what came back."""

    def __init__(self, target: Target, address: str, port: int, scheme: str, deadline: Deadline, *, client_certificate: bool = False) -> None:
        self.target, self.address, self.port, self.scheme, self.deadline = target, address, port, scheme, deadline
        self.client_certificate = client_certificate
        self.replies = 0
        self._stream: DeadlineSocket | None = None

    @property
    def url(self) -> str:
        """Where requests go, as addressing headers name it."""
        return f"{self.scheme}://{http.authority(self.target.host, self.port)}/{self.target.path}"

    @property
    def open(self) -> bool:
        """True while the connection may carry another request."""
        return self._stream is not None

    @property
    def local_address(self) -> str:
        """This machine's address on the connection, "" while there is none."""
        try:
            return str(self._stream.sock.getsockname()[0]) if self._stream else ""
        except OSError:
            return ""

    @contextlib.contextmanager
    def until(self, deadline: Deadline) -> t.Iterator[None]:
        """Hold everything that happens meanwhile to another deadline, a new connection included."""
        before = self.deadline
        self._keep(deadline)
        try:
            yield
        finally:
            self._keep(before)

    def _keep(self, deadline: Deadline) -> None:
        self.deadline = deadline
        if self._stream is not None:
            self._stream.deadline = deadline

    def dial(self) -> None:
        """Connect, and shake hands where the scheme says so; raises WireError, or CertificateFileError."""
        self.close()
        context = self._context() if self.scheme == "https" else None
        try:
            sock = connect(self.address, self.port, self.deadline.left())
        except OSError as error:
            raise translate(error, self.deadline) from error
        self.replies = 0
        if context is None:
            self._stream = DeadlineSocket(sock, self.deadline, BUDGET)
            return
        try:
            sock.settimeout(max(0.001, self.deadline.left()))
            secure = context.wrap_socket(sock, server_hostname=self.target.host.partition("%")[0].rstrip("."))
        except (OSError, ValueError) as error:
            sock.close()
            if isinstance(error, ssl.SSLError):
                raise TlsRefused(getattr(error, "verify_message", "") or error.reason or str(error)) from error
            raise (translate(error, self.deadline) if isinstance(error, OSError) else TlsRefused(str(error))) from error
        self._stream = DeadlineSocket(secure, self.deadline, BUDGET)

    def certificate(self) -> bytes | None:
        """The host's certificate as DER; None without TLS."""
        secure = self._stream.sock if self._stream else None
        return secure.getpeercert(binary_form=True) if isinstance(secure, ssl.SSLSocket) else None

    @property
    def tls_version(self) -> str:
        """Such as TLSv1.3; empty without TLS."""
        secure = self._stream.sock if self._stream else None
        return (secure.version() or "") if isinstance(secure, ssl.SSLSocket) else ""

    def post(self, headers: tuple[tuple[str, str], ...], body: bytes = b"") -> http.Reply:
        """One POST; `open` tells whether the connection lives on. A failure is told in the reply."""
        if self._stream is None:
            raise WireError("the connection is closed")
        request = http.build_request("POST", http.authority(self.target.host, self.port), http.target_path(self.target.path), headers, body)
        try:
            reply = http.exchange(self._stream, request, limit=REPLY)
        except BaseException:
            # Such as Ctrl-C: what is still to come on this connection would be taken for the answer to the next question.
            self.close()
            raise
        if reply.seen.status is not None:
            self.replies += 1
        if not reply.reusable:
            self.close()
        return reply

    def close(self) -> None:
        """Hang up."""
        if self._stream:
            self._stream.close()
            self._stream = None

    def _context(self) -> ssl.SSLContext:
        store = trust.store_for(self.target, os.environ)
        try:
            if not self.client_certificate:
                return trust.context_for(store, True) if self.target.validate_certs else trust.blind_context()
            context = trust.load(store) if self.target.validate_certs else trust.blind()
        except OSError as error:
            raise TlsRefused(f"the trust store {store.path} cannot be read: {error.strerror or error}") from error
        # Windows asks for the certificate late where TLS 1.3 is spoken; clients that do not say so are never asked ([RFC 8446] 4.2.6).
        context.post_handshake_auth = True
        _load_pair(context, self.target)
        return context


def _load_pair(context: ssl.SSLContext, target: Target) -> None:
    if not target.client_cert:
        raise CertificateFileError("the inventory names no client certificate")
    for path in filter(None, (target.client_cert, target.client_key)):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise CertificateFileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        # An empty password instead of OpenSSL's question on the terminal.
        context.load_cert_chain(target.client_cert, target.client_key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        files = target.client_cert if not target.client_key else f"{target.client_cert} and {target.client_key}"
        raise CertificateFileError(f"{files} cannot be used: {reason}") from error
