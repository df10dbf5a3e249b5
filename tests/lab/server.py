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
from pathlib import Path

from . import framing, strangers
from .logon import converse
from .messages import Conversation
from .pki import Pki
from .scenario import Host


class Lab:
    """Start it, use it, close it."""

    def __init__(self, hosts: t.Sequence[Host], folder: Path, accounts: t.Mapping[str, str]) -> None:
        self.hosts, self.accounts = hosts, accounts
        self.pki = Pki(folder)
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
                await framing.converse(reader, writer, self._conversation(host, service, certificate))
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            # The client hung up: nobody is left to be told.
            writer.transport.abort()
        finally:
            self._connections.discard(writer)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                writer.close()

    def _conversation(self, host: Host, service: str, certificate: bytes | None) -> Conversation:
        if service == "wsman":
            return converse(host.kind(self.accounts), certificate=certificate)
        if service == "openwsman":
            return strangers.Openwsman()
        return strangers.Fixed(strangers.RESPONSES[service], host.windows.get("clock_offset", 0.0))

    def _tls(self, host: Host) -> tuple[ssl.SSLContext, bytes] | None:
        """The host's TLS context and its leaf's DER; None where no port of it needs one."""
        if not any(port in host.secure and service not in ("refused", "silent", *strangers.WORDLESS) for port, service in host.ports.items()):
            return None
        path, leaf = self.pki.issue(host)
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
        return context, leaf


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
