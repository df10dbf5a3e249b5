# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTLM and SPNEGO acceptor: pyspnego's own, told which host it is and whose passwords it knows."""

from __future__ import annotations

import datetime
import os
import typing as t
from unittest import mock

import spnego
import spnego._ntlm as implementation
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego._context import GSSMech
from spnego._negotiate import NegotiateProxy
from spnego._ntlm_raw.crypto import ntowfv1
from spnego._ntlm_raw.messages import Authenticate, AvId, Challenge, FileTime, Negotiate, NegotiateFlags, NTClientChallengeV2, TargetInfo, Version
from spnego.channel_bindings import GssChannelBindings

from ..messages import Windows

FILE_OF_PASSWORDS = mock.patch.object(implementation, "_get_credential_file", return_value="lab")
"""pyspnego refuses to accept without the name of such a file."""


class Acceptor(implementation.NTLMProxy):
    """NTLM as one host of the lab speaks it. pyspnego's acceptor knows one host and one file of passwords for the whole process."""

    windows: Windows

    def _step_accept_negotiate(self, token: bytes) -> bytes:
        """[MS-NLMP] 3.2.5.1.1, with this host's names, clock and build."""
        windows = self.windows
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
        """CbtHardeningLevel Relaxed: a wrong token is refused, a missing one is not."""
        if channel_bindings and not _sends_bindings(token):
            channel_bindings = None
        with mock.patch.object(implementation, "_get_credential", self._lookup), FILE_OF_PASSWORDS:
            super()._step_accept_authenticate(token, channel_bindings)

    def _lookup(self, store: t.Any, domain: str | None = None, username: str | None = None) -> tuple[str | None, str | None, bytes, bytes]:
        password = password_of(self.windows, username or "", domain)
        if password is None:
            raise spnego.exceptions.InvalidCredentialError(context_msg="STATUS_NO_SUCH_USER")
        return domain, username, b"\x00" * 16, ntowfv1(password)


def password_of(windows: Windows, username: str, domain: str | None = None) -> str | None:
    """An account's password: `name`, `DOMAIN\\name` and `name@realm` are one, in any case."""
    name = username.rpartition("\\")[2].partition("@")[0].lower()
    return next((password for known, password in windows.accounts.items() if known.lower() == name), None)


def accept(windows: Windows, first_token: bytes, bindings: GssChannelBindings | None) -> spnego.ContextProxy:
    """A context for a client's first token, raw NTLM or SPNEGO."""
    with FILE_OF_PASSWORDS:
        acceptor = Acceptor(None, None, None, None, channel_bindings=bindings, usage="accept")
    acceptor.windows = windows
    if first_token.startswith(b"NTLMSSP\x00"):
        return acceptor
    return NegotiateProxy(
        None, None, None, None, channel_bindings=bindings, usage="accept", _negotiate_contexts={GSSMech.ntlm: acceptor},
    )


def bindings_of(certificate: bytes | None) -> GssChannelBindings | None:
    """tls-server-end-point ([RFC 5929] 4.1): the hash of the certificate's signature, SHA-256 for MD5 and SHA-1."""
    if certificate is None:
        return None
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
