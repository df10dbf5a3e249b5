# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's name server: forward and reverse, and a firm no for everybody else."""

from __future__ import annotations

import asyncio
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


class NameServer(asyncio.DatagramProtocol):
    """Authoritative for the lab over UDP."""

    def __init__(self, hosts: t.Iterable[Host]) -> None:
        self.forward: dict[str, tuple[str, ...]] = {}
        self.reverse: dict[str, str] = {}
        for host in hosts:
            addresses = (host.address,) if host.dns is None else host.dns
            if addresses:
                self.forward[f"{host.fqdn}."] = addresses
            self.reverse[str(dns.reversename.from_address(host.address))] = f"{host.fqdn}."

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = t.cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: t.Any) -> None:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        self.transport.sendto(self.answer(query).to_wire(), addr)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """One answer: the records, an empty one for another type of a known name, or NXDOMAIN."""
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name = str(question.name).lower()
        if name in self.reverse:
            if question.rdtype == dns.rdatatype.PTR:
                reply.answer.append(dns.rrset.from_text(question.name, TTL, "IN", "PTR", self.reverse[name]))
        elif name in self.forward:
            wanted = ":" if question.rdtype == dns.rdatatype.AAAA else "."
            found = [address for address in self.forward[name] if wanted in address]
            if found and question.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                reply.answer.append(dns.rrset.from_text_list(question.name, TTL, "IN", question.rdtype, found))
        elif name != f"{DOMAIN}.":
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


async def serve(hosts: t.Iterable[Host]) -> asyncio.BaseTransport:
    """Listen on ADDRESS, port 53; raises OSError where that is not allowed."""
    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.create_datagram_endpoint(lambda: NameServer(hosts), local_addr=(ADDRESS, 53))
    return transport
