# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One TLS service: does the client's own handshake succeed, and if not, which of chain, dates and name is at fault?"""

from __future__ import annotations

import os
import socket
import ssl
import typing as t
import warnings
from dataclasses import replace
from functools import lru_cache

from ..evidence.base import Known, Unknown
from ..evidence.endpoint import CertificateEvidence, TlsEvidence, VerifyEvidence
from ..target import Target, is_address
from ..trust import TrustStore, context_for, store_for, system_store
from .certificate import covers, parse_certificate
from .deadline import Deadline, translate
from .revocation import revocation_of

Connect = t.Callable[[], socket.socket]

NAME_MISMATCH, ADDRESS_MISMATCH = 62, 64
AFTER_NAME = (9, 10)
"""OpenSSL looks at the dates last (crypto/x509/x509_vfy.c, verify_chain): with these the name was already found good."""
UNTRUSTED = (2, 18, 19, 20, 21)
VERSIONS = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1")
_BY_NAME = {"TLSv1.3": ssl.TLSVersion.TLSv1_3, "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.1": ssl.TLSVersion.TLSv1_1, "TLSv1": ssl.TLSVersion.TLSv1}


def look(
    connect: Connect, server_name: str, *, target: Target, deadline: Deadline, thorough: bool, revocation: bool,
) -> tuple[TlsEvidence, ssl.SSLSocket | None]:
    """Handshake as the inventory's connection would; closer looks only where that fails.

    `connect` gives a fresh connected socket. Returns what was seen and, after a finished handshake, the stream to go on with.
    Raises OSError only where `connect` does.
    """
    visit = _Visit(connect, server_name, store_for(target, os.environ), deadline)
    seen, stream, ders = visit.run()
    if thorough and stream is not None:
        seen = replace(seen, versions=visit.versions())
    if revocation and stream is not None:
        seen = replace(seen, revocation=revocation_of(ders, deadline))
    return seen, stream


def chain_of(connect: Connect, server_name: str, deadline: Deadline) -> tuple[bytes, ...]:
    """The certificates that a host presents, as DER, leaf first, whatever they are worth; none where there is no handshake."""
    try:
        sock = connect()
        sock.settimeout(max(0.001, deadline.left()))
        with _bare("TLSv1", "TLSv1.3").wrap_socket(sock, server_hostname=server_name.partition("%")[0].rstrip(".")) as stream:
            return tuple(presented(stream))
    except (OSError, ValueError):
        # The endpoint has told why by now; here there is only nothing to compare with.
        return ()


def warm_up() -> None:
    """Do one handshake in memory, so that Ansible's forks inherit an initialised library, and build the contexts they share."""
    _bare("TLSv1", "TLSv1.3")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = _bare("TLSv1", "TLSv1.3").wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        half.do_handshake()
    except ssl.SSLWantReadError:
        # The ClientHello with its key shares was made, and that is what costs.
        outgoing.read()


@lru_cache(maxsize=8)
def _bare(lowest: str, highest: str) -> ssl.SSLContext:
    """A context that verifies nothing and takes weak keys and old versions: it only looks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    # Hosts that never learnt secure renegotiation ([RFC 5746]); the constant has a name from Python 3.12 on.
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    with warnings.catch_warnings():
        # Python calls TLS 1.0 and 1.1 deprecated; that a host has nothing better is what is to be found out.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _BY_NAME[lowest]
        context.maximum_version = _BY_NAME[highest]
    return context


class _Visit:
    def __init__(self, connect: Connect, name: str, store: TrustStore, deadline: Deadline) -> None:
        # urllib3 drops the final dot of an absolute name too: no certificate has it.
        self.connect, self.name, self.store, self.deadline = connect, name.partition("%")[0].rstrip("."), store, deadline

    def run(self) -> tuple[TlsEvidence, ssl.SSLSocket | None, list[bytes]]:
        try:
            context = context_for(self.store, True)
        except OSError as error:
            return self._without_store(error)
        try:
            stream = self._handshake(context)
        except ssl.SSLCertVerificationError as error:
            return self._refused(error)
        except OSError as error:
            return self._failed(error)
        ders = presented(stream)
        good = VerifyEvidence(0, "ok", self.store.path or "system")
        # The second verdict says nothing of a store: a name needs none.
        return replace(self._described(stream, ders), chain_verify=good, name_verify=VerifyEvidence(0, "ok")), stream, verified(stream) or ders

    def _handshake(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        sock = self.connect()
        try:
            sock.settimeout(max(0.001, self.deadline.left()))
            return context.wrap_socket(sock, server_hostname=self.name)
        except OSError:
            # First, for a refused certificate is a ValueError too.
            sock.close()
            raise
        except ValueError as error:
            sock.close()
            raise OSError(0, f"the name {self.name!r} cannot be asked for: {error}") from error

    def _described(self, stream: ssl.SSLSocket, ders: list[bytes]) -> TlsEvidence:
        cipher = stream.cipher()
        return TlsEvidence(version=stream.version(), cipher=cipher[0] if cipher else None, chain=_chain(ders), verified_name=self.name)

    def _verdict(self, store: TrustStore) -> Known[VerifyEvidence]:
        """Chain and dates alone, against one store."""
        try:
            context = context_for(store, False)
        except OSError as error:
            return Unknown(f"the trust store {store.path} cannot be read: {error.strerror or error}")
        try:
            self._handshake(context).close()
        except ssl.SSLCertVerificationError as error:
            return _verify(error, store)
        except OSError as error:
            return Unknown(f"the second handshake failed: {translate(error, self.deadline)}")
        return VerifyEvidence(0, "ok", store.path or "system")

    def _refused(self, error: ssl.SSLCertVerificationError) -> tuple[TlsEvidence, ssl.SSLSocket | None, list[bytes]]:
        """The client would refuse the certificate: read it all the same, and judge chain and name apart."""
        seen, stream, ders = self._look_only()
        by_name = error.verify_code in (NAME_MISMATCH, ADDRESS_MISMATCH)
        chain_verify = self._verdict(self.store) if by_name else _verify(error, self.store)
        name_verify = VerifyEvidence(error.verify_code, error.verify_message) if by_name else self._name(ders, error)
        seen = replace(seen, chain_verify=chain_verify, name_verify=name_verify)
        system = system_store()
        untrusted = isinstance(chain_verify, VerifyEvidence) and chain_verify.code in UNTRUSTED
        if untrusted and system and system != self.store.path:
            seen = replace(seen, system_verify=self._verdict(TrustStore(system, "system", os.path.isdir(system))))
        return seen, stream, ders

    def _name(self, ders: list[bytes], error: ssl.SSLCertVerificationError | None) -> Known[VerifyEvidence]:
        """The name alone, where OpenSSL stopped before it came to the name."""
        if error is not None and error.verify_code in AFTER_NAME:
            return VerifyEvidence(0, "ok")
        leaf = parse_certificate(ders[0], most=None) if ders else Unknown("no certificate was presented")
        if isinstance(leaf, Unknown):
            return leaf
        if covers(leaf, self.name):
            return VerifyEvidence(0, "ok")
        code = ADDRESS_MISMATCH if is_address(self.name) else NAME_MISMATCH
        return VerifyEvidence(code, "IP address mismatch" if code == ADDRESS_MISMATCH else "hostname mismatch")

    def _look_only(self) -> tuple[TlsEvidence, ssl.SSLSocket | None, list[bytes]]:
        try:
            stream = self._handshake(_bare("TLSv1", "TLSv1.3"))
        except OSError as error:
            kind, detail = _failure(error, self.deadline)
            return TlsEvidence(failure=kind, detail=detail), None, []
        ders = presented(stream)
        return self._described(stream, ders), stream, ders

    def _without_store(self, error: OSError) -> tuple[TlsEvidence, ssl.SSLSocket | None, list[bytes]]:
        reason = Unknown(f"the trust store {self.store.path} (chosen by {self.store.chosen_by}) cannot be read: {error.strerror or error}")
        seen, stream, ders = self._look_only()
        return replace(seen, chain_verify=reason, name_verify=self._name(ders, None)), stream, ders

    def _failed(self, error: OSError) -> tuple[TlsEvidence, ssl.SSLSocket | None, list[bytes]]:
        """No handshake; where the library or the host objected to the terms, ask again on any terms."""
        kind, detail = _failure(error, self.deadline)
        failed = TlsEvidence(failure=kind, detail=detail)
        # Schannel without a common version may cut the connection instead of saying so.
        if kind not in ("alert", "error", "closed", "reset") or self.deadline.passed:
            return failed, None, []
        again, stream, _ders = self._look_only()
        if stream is None:
            return failed, None, []
        stream.close()
        return replace(failed, legacy_versions=(again.version,) if again.version else (), chain=again.chain), None, []

    def versions(self) -> tuple[str, ...]:
        """Every version that finishes a handshake, newest first."""
        found = []
        for version in VERSIONS:
            if self.deadline.left() < 0.2:
                break
            try:
                self._handshake(_bare(version, version)).close()
            except OSError:
                continue
            found.append(version)
        return tuple(found)


def presented(stream: ssl.SSLSocket) -> list[bytes]:
    """The chain as the host sent it, leaf first, as DER; the leaf alone on Pythons that do not show the rest."""
    read = _ask_chain(stream, "get_unverified_chain")
    if read is not None:
        return read
    leaf = stream.getpeercert(binary_form=True)
    return [leaf] if leaf else []


def verified(stream: ssl.SSLSocket) -> list[bytes]:
    """The chain that OpenSSL built up to the trust store, so with the issuer that a host may leave out; empty where there is none."""
    return _ask_chain(stream, "get_verified_chain") or []


def _ask_chain(stream: ssl.SSLSocket, name: str) -> list[bytes] | None:
    getter = getattr(stream, name, None)
    if getter is not None:
        return [bytes(der) for der in getter()]
    # Python 3.10 to 3.12 have it below the public class only.
    below = getattr(getattr(stream, "_sslobj", None), name, None)
    if below is None:
        return None
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in below() or ()]


def _chain(ders: list[bytes]) -> Known[tuple[CertificateEvidence, ...]]:
    parsed = [parse_certificate(der) for der in ders[:8]]
    read = tuple(certificate for certificate in parsed if isinstance(certificate, CertificateEvidence))
    if len(read) < len(parsed):
        return next(reason for reason in parsed if isinstance(reason, Unknown))
    return read


def _verify(error: ssl.SSLCertVerificationError, store: TrustStore) -> VerifyEvidence:
    return VerifyEvidence(error.verify_code, error.verify_message, store.path or "system")


def _failure(error: OSError, deadline: Deadline) -> tuple[str, str]:
    """The word that evidence uses for a failed handshake, and the library's reason."""
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "BAD_RECORD_TYPE"):
            return "not_tls", reason
        if "EXCESSIVE_MESSAGE_SIZE" in reason or "TOO_LARGE" in reason or "TOO_LONG" in reason:
            return "too_large", reason
        if "ALERT" in reason:
            return "alert", reason
    known = translate(error, deadline)
    return known.kind, str(known)
