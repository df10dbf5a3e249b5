# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of each authentication method: token in, token out. No socket in here, except that Kerberos asks the KDC."""

from __future__ import annotations

import abc
import base64
import typing as t

from .. import deps
from ..target import Target
from .initial import Cache, initial_ticket
from .kerberos import chain, code_of

MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
"""How a request says that the TLS client certificate is meant ([MS-WSMV] 3.1.4.1.30.3, DSP0226 C.4)."""
SEALING = ("negotiate", "kerberos", "ntlm", "credssp")
"""Methods that can encrypt messages."""
TICKETS = ("negotiate", "kerberos")
"""Methods that may do without a password: the ticket cache has what they need."""
SENT, OMITTED, WRONG = "sent", "omitted", "wrong"


class LogonFailure(Exception):
    """A step that failed on this side. `step` is a word of evidence.logon.LocalFailure; `code` a Kerberos protocol code or an NTSTATUS."""

    def __init__(self, step: str, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.step, self.text, self.code = step, text, code


class Method(abc.ABC):
    """One logon. `scheme` goes in front of the token in the Authorization header."""

    scheme = ""
    complete = False
    context: t.Any = None
    """The security context that seals messages; None for methods that cannot."""

    @abc.abstractmethod
    def step(self, answer: bytes | None) -> bytes | None:
        """The next token for the host's `answer` (None at first), None when there is nothing more to say; raises LogonFailure."""

    def header(self, token: bytes) -> str:
        """The Authorization header for a token."""
        return f"{self.scheme} {base64.b64encode(token).decode()}"

    def again(self) -> str:
        """The Authorization header of later requests; "" where the connection remembers the logon."""
        return ""

    def forget(self) -> None:  # noqa: B027
        """Let go of what was kept for this logon."""


class Basic(Method):
    """RFC 7617, in UTF-8: name and password with every request."""

    scheme = "Basic"

    def __init__(self, username: str, password: str) -> None:
        self._token = f"{username}:{password}".encode()

    def step(self, answer: bytes | None) -> bytes | None:
        """The same each time; it is never refused for the moment only."""
        if answer is not None or self.complete:
            return None
        self.complete = True
        return self._token

    def again(self) -> str:
        """The same."""
        return self.header(self._token)


class Certificate(Method):
    """The TLS client certificate, named by the header."""

    scheme = MUTUAL

    def step(self, answer: bytes | None) -> bytes | None:
        """No token: TLS has said who it is."""
        if self.complete:
            return None
        self.complete = True
        return b""

    def header(self, token: bytes) -> str:
        """The header alone."""
        return self.scheme

    def again(self) -> str:
        """The same."""
        return self.scheme


class Security(Method):
    """NTLM, Kerberos, Negotiate and CredSSP, spoken by pyspnego."""

    def __init__(self, protocol: str, scheme: str, context: t.Any, cache: Cache | None = None) -> None:
        self.protocol, self.scheme, self.context = protocol, scheme, context
        self._cache = cache

    @property
    def complete(self) -> bool:  # type: ignore[override]
        """True when the context needs no more tokens."""
        return bool(self.context.complete)

    @property
    def stage(self) -> str:
        """What CredSSP is busy with, in pyspnego's words."""
        return str(self.context.get_extra_info("auth_stage", "")) if self.protocol == "credssp" else ""

    def step(self, answer: bytes | None) -> bytes | None:
        """One step of the context."""
        try:
            return t.cast("bytes | None", self.context.step(answer))
        except Exception as error:
            # pyspnego lets the errors of gssapi, krb5, cryptography and ssl through: all of them mean that this step failed.
            raise failure(error, self.protocol) from error

    def forget(self) -> None:
        """Empty the ticket cache."""
        if self._cache:
            self._cache.destroy()


def method_for(method: str, target: Target, certificate: bytes | None, binding: str, offered: t.Sequence[str], *, once: bool = False) -> Method:
    """The client's side of `method`; `certificate` is the host's (DER), `binding` one of SENT, OMITTED, WRONG. Raises LogonFailure.

    `once`: the password may be judged one time only, by one KDC or by the host.
    """
    if method == "certificate":
        return Certificate()
    if method == "basic":
        return Basic(target.username or "", target.password or "")
    if why := deps.missing("pyspnego"):
        raise LogonFailure("library", why)
    if method == "kerberos" and not deps.speaks_kerberos():
        raise LogonFailure("library", "The Python libraries gssapi and krb5, which Kerberos needs, cannot be imported")
    # pyspnego's negotiate asks the KDC first and says nothing of its refusal; with Kerberos at hand that is an attempt of its own, so NTLM is left here.
    protocol = "ntlm" if method == "negotiate" and deps.speaks_kerberos() and target.password else method
    options: dict[str, t.Any] = {}
    if certificate and binding in (SENT, WRONG) and method != "credssp":
        options["channel_bindings"] = deps.channel_bindings(application_data=channel_binding(certificate, binding))
    cache = None
    try:
        who: tuple[t.Any, ...] = (target.username, target.password)
        if once and protocol == "kerberos" and target.username and target.password is not None:
            # What pyspnego does with a password, but for the repeat at the primary KDC; the name is read as it reads it.
            _credential, cache = initial_ticket(target.username, target.password)
            who = (deps.spnego.KerberosCCache(cache.name),)
        place = {"hostname": target.spn_hostname or target.host, "service": target.service}
        if method == "credssp":
            plain = deps.spnego.NegotiateOptions.none
            if once and deps.speaks_kerberos() and target.password is not None:
                # What CredSSP carries inside is negotiate, which shows the password to KDCs and then, by NTLM, to the host: NTLM alone shows it once.
                options["credssp_negotiate_context"] = deps.spnego.client(*who, **place, protocol="ntlm", options=plain)
            context = deps.spnego.client(*who, **place, protocol=protocol, options=plain, **options)
        else:
            context = deps.spnego.client(*who, **place, protocol=protocol, options=deps.spnego.NegotiateOptions.wrapping_winrm, **options)
    except Exception as error:
        if cache:
            cache.destroy()
        raise failure(error, method) from error
    return Security(protocol, _scheme(protocol, offered), context, cache)


def channel_binding(certificate: bytes, binding: str) -> bytes:
    """tls-server-end-point ([RFC 5929] 4.1): the hash of the certificate's own signature, SHA-256 in place of MD5 and SHA-1."""
    algorithm = None
    try:
        algorithm = deps.x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, *deps.certificate_errors):
        # The clients fall back to SHA-256 for a certificate that cannot be read.
        algorithm = None
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = deps.hashes.SHA256()
    digest = deps.hashes.Hash(algorithm)
    digest.update(certificate if binding == SENT else b"another certificate")
    return b"tls-server-end-point:" + t.cast(bytes, digest.finalize())


def _scheme(method: str, offered: t.Sequence[str]) -> str:
    """Windows knows no scheme NTLM: it travels under Negotiate. Kerberos goes under its own name where that is all there is."""
    known = {scheme.lower() for scheme in offered}
    if method == "credssp":
        return "CredSSP"
    return "Kerberos" if method in ("kerberos", "negotiate") and "kerberos" in known and "negotiate" not in known else "Negotiate"


def failure(error: BaseException, protocol: str) -> LogonFailure:
    """An error of pyspnego or of what lies below it, with the number that says what it means."""
    number = code_of(error)
    text = f"{type(error).__name__}: {error}"[:300]
    if number is not None:
        step = "credential" if type(error).__name__ == "NoCredentialError" or number in (141, 195) else "kdc"
        return LogonFailure(step, text, number)
    status = _status(error)
    if status is not None:
        return LogonFailure("token", text, status)
    return LogonFailure("credential" if "Credential" in type(error).__name__ else "token", text)


def _status(error: BaseException) -> int | None:
    """The NTSTATUS that CredSSP answered with ([MS-CSSP] 2.2.1, errorCode)."""
    for part in chain(error):
        value = getattr(part, "winerror", None)
        if isinstance(value, int):
            return value & 0xFFFFFFFF
    return None
