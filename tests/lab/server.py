# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts of the lab in one asyncio process, each on its own loopback address."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import typing as t
import warnings
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from . import framing, strangers
from .domain.realm import LAB, Realm
from .domain.settings import Settings
from .inside import derive
from .inside.blobs import thumbprint
from .inventory import Secrets
from .logon import converse
from .logon.journal import Counted, Journal, Tally
from .messages import Account, Conversation, Windows
from .pki import Authority, ClientPair, Pki
from .scenario import Host

Sids = t.Callable[[Realm, str], str]
"""The SID of a domain's account, and with an empty name of the domain itself."""


class Lab:
    """Start it, use it, close it."""

    def __init__(
        self, hosts: t.Sequence[Host], folder: Path, known: Secrets, keytabs: t.Callable[[Host], str] = lambda _host: "", sids: Sids | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.hosts, self._keytabs, self._sids, self._settings = hosts, keytabs, sids, settings or Settings()
        self._leaves: dict[str, bytes] = {}
        self._known: dict[str, Windows] = {}
        self.pki = Pki(folder)
        self.journal, self._tally = Journal(folder / "attempts.jsonl"), Tally(folder / "requests.tsv")
        pairs = {host.name: self.pki.issue_client(host) for host in hosts if host.client_certificate}
        self.secrets = replace(known, pairs={name: (pair.certificate, pair.key) for name, pair in pairs.items()})
        self.kinds = {host.name: self._kind(host, pairs.get(host.name)) for host in hosts}
        self._servers: list[asyncio.Server] = []
        self._stuffed: list[socket.socket] = []
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen everywhere; raises OSError where a port is taken."""
        for host in self.hosts:
            secured = self._tls(host)
            for port, service in host.ports.items():
                if service == "refused":
                    continue
                if service == "silent":
                    self._stuffed += stuff(host.address, port)
                    continue
                context, certificate = secured if secured and port in host.secure and service not in strangers.WORDLESS else (None, None)
                serve = functools.partial(self._serve, host, service, certificate)
                self._servers.append(await asyncio.start_server(serve, host.address, port, ssl=context, backlog=512, reuse_address=True))

    async def close(self) -> None:
        """Stop listening and hang up."""
        for server in self._servers:
            server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        for sock in self._stuffed:
            sock.close()

    async def _serve(self, host: Host, service: str, certificate: bytes | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            if service in strangers.WORDLESS:
                await strangers.WORDLESS[service](reader, writer)
            else:
                await self._converse(host, Counted(self._conversation(host, service, certificate, _client(writer))), reader, writer)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            # The client hung up: nobody is left to be told.
            writer.transport.abort()
        finally:
            self._connections.discard(writer)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                writer.close()

    async def _converse(self, host: Host, conversation: Counted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await framing.converse(reader, writer, conversation)
        finally:
            self._tally.over(host.name, conversation.count)

    def _kind(self, host: Host, pair: ClientPair | None) -> Windows:
        name = self.secrets.user.rpartition("\\")[2]
        # A host of the trusted domain knows the account as that of another realm.
        name = name if host.domain in (None, LAB) else f"{name}@{LAB.name}"
        shared = {name: Account(self.secrets.password, local=host.domain is None)}
        accounts = {**shared, **host.own_account(self.secrets.own.get(host.name, "")), **host.rescuers(self.secrets.rescue.get(host.name, {}))}
        mapped = {}
        if pair and host.client_certificate not in ("unmapped", "mapping_off", "misplaced"):
            mapped[pair.thumbprint] = "gone" if host.client_certificate == "stale" else host.account["name"]
        return host.kind(accounts, mapped, self._keytabs(host))

    def _conversation(self, host: Host, service: str, certificate: bytes | None, client: bytes | None) -> Conversation:
        if service == "wsman":
            return converse(self.windows(host), certificate=certificate, client=client, journal=self.journal)
        if service == "openwsman":
            return strangers.Openwsman()
        return strangers.Fixed(strangers.RESPONSES[service], host.windows.get("clock_offset", 0.0))

    def windows(self, host: Host) -> Windows:
        """The Windows that answers for a host, with its inside: derived when somebody comes, for most hosts of a run are asked nothing."""
        if host.name not in self._known:
            self._known[host.name] = replace(self.kinds[host.name], inside=derive.inside_of(host, self.kinds[host.name], self._material(host)))
        return self._known[host.name]

    def _material(self, host: Host) -> derive.Material:
        """Certificates as a member of this lab has them: what it presents, and the authorities that it trusts, the stranger's where its own is from there."""
        if derive.needs_leaf(host) and host.name not in self._leaves:
            self._leaves[host.name] = self.pki.issue(host)[1]
        faults, pki = set(host.certificate), self.pki
        roots = (pki.root, pki.stranger) if "unknown_root" in faults else (pki.root,)
        given: dict[str, t.Any] = {"sid": self._sids} if self._sids else {}
        if host.spare:
            given["spare"] = self.pki.spare(host)
        return derive.Material(
            self._leaves.get(host.name, b""), tuple(map(_der, roots)), () if "unsent_intermediate" in faults else (_der(pki.intermediate),),
            client_issuer=thumbprint(_der(pki.root)), settings=self._settings, **given,
        )

    def _tls(self, host: Host) -> tuple[ssl.SSLContext, bytes] | None:
        """The host's TLS context and its leaf's DER; None where no port of it needs one."""
        if not any(port in host.secure and service not in ("refused", "silent", *strangers.WORDLESS) for port, service in host.ports.items()):
            return None
        path, leaf = self.pki.issue(host)
        self._leaves[host.name] = leaf
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if "weak_key" in host.certificate or host.tls:
            context.set_ciphers("ALL:@SECLEVEL=0")
        if host.tls:
            with warnings.catch_warnings():
                # An old Windows is what is played here.
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion[host.tls.replace(".", "_")]
        context.load_cert_chain(path)
        if host.client_certificate:
            self._ask_for_client(host, context)
        return context, leaf

    def _ask_for_client(self, host: Host, context: ssl.SSLContext) -> None:
        """[inferred] With TLS 1.3 Windows would have to ask after the handshake, which WinRM is said not to do; so there it does not ask."""
        if host.client_certificate == "tls13":
            return
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.pki.bundle)


def _der(authority: Authority) -> bytes:
    return authority.certificate.public_bytes(Encoding.DER)


def _client(writer: asyncio.StreamWriter) -> bytes | None:
    """The client's certificate as DER, if it showed one."""
    secure = writer.get_extra_info("ssl_object")
    return secure.getpeercert(binary_form=True) if secure else None


def stuff(address: str, port: int) -> list[socket.socket]:
    """A port that stays silent: nobody accepts, and its queue is full, so that Linux drops every further SYN."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(0)
    held = [listener]
    for _turn in range(2):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((address, port))
        held.append(client)
    return held
