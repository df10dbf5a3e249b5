# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's name server: forward and reverse, and a firm no for everybody else."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import typing as t

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from .scenario import DOMAIN, Host

ADDRESS = "127.66.0.53"
TTL = 60
UDP_LIMIT = 1232
"""What resolvers ask for since DNS Flag Day 2020; longer answers are cut, and asked for again over TCP."""
Records = t.Mapping[tuple[str, str], t.Sequence[str]]
"""Name in lower case with its final dot, and type, to the records' text."""


def records(hosts: t.Iterable[Host]) -> dict[tuple[str, str], list[str]]:
    """What the hosts have in DNS: addresses, aliases, and the way back."""
    found: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        addresses = (host.address,) if host.dns is None else host.dns
        names = {f"{host.fqdn}.", f"{host.computer.lower()}.{host.dns_suffix}."} if host.domain else {f"{host.fqdn}."}
        for name in names:
            for address in addresses:
                found.setdefault((name, "AAAA" if ":" in address else "A"), []).append(address)
        if host.alias:
            found[f"{host.called}.", "CNAME"] = [f"{host.fqdn}."]
        found[str(dns.reversename.from_address(host.address)), "PTR"] = [f"{host.reverse}." if host.reverse else f"{host.fqdn}."]
    return found


class NameServer(asyncio.DatagramProtocol):
    """Authoritative for the lab."""

    def __init__(self, known: Records) -> None:
        self.known = known
        self.names = {name for name, _kind in known} | {f"{DOMAIN}."}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = t.cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: t.Any) -> None:
        with contextlib.suppress(dns.exception.DNSException):
            reply = self.answer(dns.message.from_wire(data))
            wire = reply.to_wire()
            if len(wire) > UDP_LIMIT:
                reply.flags |= dns.flags.TC
                reply.answer.clear()
                wire = reply.to_wire()
            self.transport.sendto(wire, addr)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Over TCP: each message behind its length ([RFC 1035] 4.2.2)."""
        with contextlib.suppress(dns.exception.DNSException, asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = struct.unpack(">H", await reader.readexactly(2))[0]
                wire = self.answer(dns.message.from_wire(await reader.readexactly(size))).to_wire()
                writer.write(struct.pack(">H", len(wire)) + wire)
                await writer.drain()
        writer.close()

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """One answer: the records, an empty one for another type of a known name, or NXDOMAIN."""
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name, kind = str(question.name).lower(), dns.rdatatype.to_text(question.rdtype)
        shown = question.name
        if (name, "CNAME") in self.known and kind != "CNAME":
            chain = dns.rrset.from_text_list(shown, TTL, "IN", "CNAME", self.known[name, "CNAME"])
            reply.answer.append(chain)
            shown = chain[0].target
            name = str(shown).lower()
        if (name, kind) in self.known:
            reply.answer.append(dns.rrset.from_text_list(shown, TTL, "IN", kind, self.known[name, kind]))
        elif name not in self.names and not any(known.endswith(f".{name}") for known in self.names):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


async def serve(known: Records) -> tuple[asyncio.BaseTransport, asyncio.Server]:
    """Listen on ADDRESS, port 53, over UDP and TCP; raises OSError where that is not allowed."""
    server = NameServer(known)
    transport, _protocol = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=(ADDRESS, 53))
    return transport, await asyncio.start_server(server.stream, ADDRESS, 53)
