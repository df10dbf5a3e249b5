# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The security contexts of a logon to LDAP: Kerberos and NTLM under GSS-SPNEGO, token in, token out."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, field

from .. import deps
from ..wire.background import Background, Late
from ..wire.deadline import Deadline
from ..wire.kdc import coded
from ..wire.kerberos import OIDS, code_of
from ..wire.methods import SENT, channel_binding, failure
from ..wire.spnego import build_init, unwrap

MECHANISM = "GSS-SPNEGO"
"""SASL mechanism of Active Directory and Samba ([MS-ADTS] 5.1.1.1.2). Its security layer follows from the context's flags: nothing is negotiated after it."""
NO_SIGNING = "1.2.752.43.13.29"
"""GSS_KRB5_CRED_NO_CI_FLAGS_X (MIT krb5 1.16): no signing is asked for, which Active Directory refuses inside TLS ([MS-ADTS] 5.1.1.1.2)."""
AUTO, KERBEROS, NTLM, SIMPLE = "auto", "kerberos", "ntlm", "simple"


@dataclass(frozen=True)
class Credentials:
    """Who logs on. `cache` names a ticket cache such as MEMORY:...; with neither password nor cache the default ticket cache is used."""

    username: str = ""
    password: str | None = field(default=None, repr=False)
    method: str = AUTO
    cache: str | None = None


class LogonError(Exception):
    """A step of the logon that failed on this side."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Exchange(t.Protocol):
    """One logon under GSS-SPNEGO, which is the Seal of what follows it."""

    account: str
    """Who logs on, as the security context has it."""

    @property
    def complete(self) -> bool:
        """True when both sides are sure of each other."""

    @property
    def encrypts(self) -> bool:
        """Whether the context can encrypt."""

    def step(self, answer: bytes | None) -> bytes | None:
        """The next token; raises LogonError."""

    def wrap(self, data: bytes) -> bytes:
        """Encrypt a message."""

    def unwrap(self, data: bytes) -> bytes:
        """Decrypt a message; raises ValueError."""


class KerberosExchange:
    """Kerberos through gssapi itself: pyspnego would ask for a host's name as DNS rewrites it, where this asks for the controller as it is called."""

    def __init__(self, host: str, cache: str | None, *, seal: bool, certificate: bytes | None, deadline: Deadline) -> None:
        self._deadline, self.asked_for, self.account = deadline, f"ldap/{host}", ""
        gssapi = deps.gssapi
        flags = gssapi.RequirementFlag
        wanted = flags.mutual_authentication
        if seal:
            wanted |= flags.integrity | flags.confidentiality | flags.out_of_sequence_detection
        try:
            credentials = gssapi.Credentials(usage="initiate", mechs=[gssapi.MechType.kerberos], **({"store": {"ccache": cache}} if cache else {}))
            self.account = str(credentials.name)
            if not seal:
                leave_out_signing(credentials)
            bindings = gssapi.raw.ChannelBindings(application_data=channel_binding(certificate, SENT)) if certificate else None
            # The empty realm lets the KDC say where the controller belongs ([RFC 6806] 8); krb5.conf's domain_realm still comes first.
            name = gssapi.Name(f"{self.asked_for}@", gssapi.NameType.kerberos_principal)
            self._context = gssapi.SecurityContext(
                name=name, creds=credentials, usage="initiate", mech=gssapi.MechType.kerberos, flags=wanted, channel_bindings=bindings,
            )
        except gssapi.exceptions.GSSError as error:
            raise kerberos_failure(error, "There is no usable Kerberos ticket") from error

    @property
    def complete(self) -> bool:
        """True once the controller has proven that it knows its key."""
        return bool(self._context.complete)

    @property
    def encrypts(self) -> bool:
        """Whether both sides agreed on encryption."""
        return bool(self._context.actual_flags & deps.gssapi.RequirementFlag.confidentiality)

    def step(self, answer: bytes | None) -> bytes | None:
        """The first step asks the KDC, which has no time-out of its own."""
        token = None
        if answer is not None:
            try:
                token = unwrap(answer).token or None
            except ValueError as error:
                raise LogonError(f"The controller's answer to the Kerberos ticket cannot be read: {error}") from error
        try:
            out = Background(lambda: self._context.step(token)).result(self._deadline.left())
        except deps.gssapi.exceptions.GSSError as error:
            doing = f"Kerberos gave no ticket for {self.asked_for}" if answer is None else "The controller did not prove by Kerberos who it is"
            raise kerberos_failure(error, doing) from error
        except Late as error:
            raise LogonError(f"Kerberos gave no ticket for {self.asked_for}: no KDC answered in time") from error
        if answer is None and out:
            return build_init(OIDS[0], t.cast(bytes, out))
        return t.cast("bytes | None", out) or None

    def wrap(self, data: bytes) -> bytes:
        """[RFC 4121] 4.2.6.2, sealed."""
        return t.cast(bytes, self._context.wrap(data, True).message)

    def unwrap(self, data: bytes) -> bytes:
        """The same backwards."""
        try:
            opened = self._context.unwrap(data)
        except deps.gssapi.exceptions.GSSError as error:
            raise ValueError(f"a sealed message that does not open: {error.maj_code:#x}") from error
        if not opened.encrypted:
            raise ValueError("a message that is signed but not encrypted")
        return t.cast(bytes, opened.message)


class NtlmExchange:
    """NTLM by pyspnego, without SPNEGO around it: Windows takes bare NTLM wherever it takes SPNEGO, and so needs no mechListMIC."""

    def __init__(self, host: str, username: str, password: str, *, seal: bool, certificate: bytes | None) -> None:
        self.account = username
        request = deps.spnego.ContextReq
        wanted = request.integrity | request.confidentiality | request.sequence_detect if seal else request.no_integrity
        bindings = deps.channel_bindings(application_data=channel_binding(certificate, SENT)) if certificate else None
        try:
            self._context = deps.spnego.client(
                username, password, hostname=host, service="ldap", protocol="ntlm", context_req=wanted, channel_bindings=bindings,
            )
        except Exception as error:
            # pyspnego lets the errors of what lies below it through.
            raise LogonError(f"NTLM cannot be used here: {failure(error, NTLM).text}") from error

    @property
    def complete(self) -> bool:
        """True once the last token is made; that the server accepts it is told by its answer."""
        return bool(self._context.complete)

    @property
    def encrypts(self) -> bool:
        """Whether both sides agreed on encryption."""
        return bool(self._context.context_attr & deps.spnego.ContextReq.confidentiality)

    def step(self, answer: bytes | None) -> bytes | None:
        """NEGOTIATE, then AUTHENTICATE."""
        try:
            return t.cast("bytes | None", self._context.step(answer))
        except Exception as error:
            raise LogonError(f"The controller's NTLM challenge cannot be answered: {failure(error, NTLM).text}") from error

    def wrap(self, data: bytes) -> bytes:
        """[MS-NLMP] 3.4.3."""
        return t.cast(bytes, self._context.wrap(data, encrypt=True).data)

    def unwrap(self, data: bytes) -> bytes:
        """The same backwards."""
        try:
            return t.cast(bytes, self._context.unwrap(data).data)
        except Exception as error:
            raise ValueError(f"a sealed message that does not open: {type(error).__name__}") from error


def leave_out_signing(credentials: t.Any) -> None:
    """So that a logon inside TLS asks for none. Where the library cannot, the server's refusal tells."""
    gssapi = deps.gssapi
    with contextlib.suppress(gssapi.exceptions.GSSError, AttributeError):
        gssapi.raw.set_cred_option(gssapi.OID.from_int_seq(NO_SIGNING), credentials)


def kerberos_failure(error: BaseException, doing: str) -> LogonError:
    """A refusal of Kerberos' libraries or of the KDC as a sentence with its number."""
    code = code_of(error)
    return LogonError(f"{doing}: {coded(code) if code is not None else type(error).__name__}".rstrip("."))
