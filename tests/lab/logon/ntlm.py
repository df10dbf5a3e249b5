# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTLM acceptor: pyspnego's own, told which host it is and whose passwords it knows."""

from __future__ import annotations

import datetime
import os
import typing as t
from unittest import mock

import spnego
import spnego._ntlm as implementation
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego._ntlm_raw.crypto import ntowfv1
from spnego._ntlm_raw.messages import Authenticate, AvId, Challenge, FileTime, Negotiate, NegotiateFlags, NTClientChallengeV2, TargetInfo, Version
from spnego.channel_bindings import GssChannelBindings

from ..messages import BAD_BINDINGS, NO_SUCH_USER, NTLM_BLOCKED, STATES, WRONG_PASSWORD, Account, Windows
from .journal import Journal

FILE_OF_PASSWORDS = mock.patch.object(implementation, "_get_credential_file", return_value="lab")
"""pyspnego refuses to accept without the name of such a file."""


class Acceptor(implementation.NTLMProxy):
    """NTLM as one host of the lab speaks it. pyspnego's acceptor knows one host and one file of passwords for the whole process."""

    windows: Windows
    journal: Journal
    method = "ntlm"
    user = ""
    account: Account | None = None

    def _step_accept_negotiate(self, token: bytes) -> bytes:
        """[MS-NLMP] 3.2.5.1.1, with this host's names, clock and build."""
        windows = self.windows
        if windows.ntlm == "deny_challenge":
            raise refused(NTLM_BLOCKED)
        negotiate = Negotiate.unpack(token)
        flags = negotiate.flags | NegotiateFlags.request_target | NegotiateFlags.ntlm | NegotiateFlags.always_sign | NegotiateFlags.target_info
        flags |= NegotiateFlags.target_type_domain if windows.domain else NegotiateFlags.target_type_server
        if flags & NegotiateFlags.unicode:
            flags &= ~NegotiateFlags.oem
        if flags & NegotiateFlags.extended_session_security:
            flags &= ~NegotiateFlags.lm_key
        info = TargetInfo()
        info[AvId.nb_domain_name] = windows.domain or windows.computer
        info[AvId.nb_computer_name] = windows.computer
        # A host of a workgroup names itself as its domain ([MS-NLMP] 2.2.2.1, recorded from real hosts).
        info[AvId.dns_domain_name] = windows.dns_domain or windows.computer.lower()
        info[AvId.dns_computer_name] = f"{windows.computer.lower()}.{windows.dns_domain}" if windows.dns_domain else windows.computer.lower()
        if windows.dns_domain:
            info[AvId.dns_tree_name] = windows.dns_domain
        info[AvId.timestamp] = FileTime.now() + datetime.timedelta(seconds=windows.clock_offset)
        version = {"version": Version(*windows.build)} if flags & NegotiateFlags.version else {}
        challenge = Challenge(flags, os.urandom(8), target_name=windows.domain or windows.computer, target_info=info, **version)
        self._temp_negotiate, self._temp_challenge = negotiate, challenge
        return t.cast(bytes, challenge.pack())

    def _step_accept_authenticate(self, token: bytes, channel_bindings: GssChannelBindings | None) -> None:
        """[MS-NLMP] 3.2.5.1.2, then what this host's policy and the account's state say; every refusal carries its NTSTATUS."""
        given = Authenticate.unpack(token)
        self.user = "\\".join(filter(None, (given.domain_name, given.user_name)))
        try:
            self._check(token, channel_bindings)
        except spnego.exceptions.SpnegoError as error:
            self.journal.note(self.windows.computer, self.user, self.method, f"refused {error.nt_status:#010x}")
            raise
        self.journal.note(self.windows.computer, self.user, self.method, "accepted")

    def _check(self, token: bytes, channel_bindings: GssChannelBindings | None) -> None:
        windows = self.windows
        if windows.ntlm in ("deny", "deny_challenge"):
            raise refused(NTLM_BLOCKED)
        if windows.cbt == "none" or (windows.cbt == "relaxed" and channel_bindings and not _sends_bindings(token)):
            channel_bindings = None
        try:
            with mock.patch.object(implementation, "_get_credential", self._lookup), FILE_OF_PASSWORDS:
                super()._step_accept_authenticate(token, channel_bindings)
        except spnego.exceptions.BadBindingsError as error:
            raise refused(BAD_BINDINGS) from error
        except spnego.exceptions.SpnegoError as error:
            raise refused(NO_SUCH_USER if self.account is None else WRONG_PASSWORD) from error
        account = self.account
        if windows.ntlm == "deny_domain" and account is not None and not account.local:
            raise refused(NTLM_BLOCKED)
        if account is not None and STATES[account.state]:
            raise refused(STATES[account.state])

    def _lookup(self, store: t.Any, domain: str | None = None, username: str | None = None) -> tuple[str | None, str | None, bytes, bytes]:
        self.account = account_of(self.windows, username or "", domain)
        if self.account is None:
            raise refused(NO_SUCH_USER)
        return domain, username, b"\x00" * 16, ntowfv1(self.account.password)


def refused(status: int) -> spnego.exceptions.SpnegoError:
    """A logon that this host refuses; CredSSP tells the client the status, the others do not."""
    error = spnego.exceptions.InvalidCredentialError(context_msg=f"NTSTATUS {status:#010x}")
    # What the property nt_status reads; pyspnego's metaclass allows no subclass of its errors.
    error._SSPI_CODE = status
    return error


def account_of(windows: Windows, username: str, domain: str | None = None) -> Account | None:
    """The account that a name means here: `name`, `DOMAIN\\name` and `name@realm` are one, in any case; a local one knows only its computer.

    The accounts of a trusted realm stand under name@REALM; the first label of that serves as NetBIOS name.
    """
    given, _slash, rest = username.rpartition("\\")
    user, _at, realm = rest.partition("@")
    where = (domain or given or realm).lower()
    known = {name.lower(): account for name, account in windows.accounts.items()}
    for name, account in known.items():
        there, _at, trusted = name.partition("@")
        if trusted and there == user.lower() and where in (trusted, trusted.partition(".")[0]):
            return account
    found = known.get(user.lower())
    if found is None or windows.domain is None or not where:
        return found
    here = where in (windows.computer.lower(), ".")
    return found if here == found.local else None


def acceptor_for(windows: Windows, bindings: GssChannelBindings | None, journal: Journal, method: str = "ntlm") -> Acceptor:
    """NTLM alone."""
    with FILE_OF_PASSWORDS:
        acceptor = Acceptor(None, None, None, None, channel_bindings=bindings, usage="accept")
    acceptor.windows, acceptor.journal, acceptor.method = windows, journal, method
    return acceptor


def bindings_of(certificate: bytes | None, terminated: bool) -> GssChannelBindings | None:
    """tls-server-end-point ([RFC 5929] 4.1): the hash of the certificate's signature, SHA-256 for MD5 and SHA-1; of another one behind a TLS device."""
    if certificate is None:
        return None
    if terminated:
        return GssChannelBindings(application_data=b"tls-server-end-point:" + bytes(range(32)))
    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())


def _sends_bindings(token: bytes) -> bool:
    response = Authenticate.unpack(token).nt_challenge_response
    if not response or len(response) <= 24:
        return False
    return AvId.channel_bindings in NTClientChallengeV2.unpack(response[16:]).av_pairs
