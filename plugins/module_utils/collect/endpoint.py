# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a host from the network, without credentials: names, ports, then the doors that are open."""

from __future__ import annotations

import contextlib
import socket
import time
import typing as t
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .. import deps, trust
from ..errors import DoctorError
from ..evidence.base import Known, Unknown
from ..evidence.endpoint import OPEN, EndpointEvidence, NameEvidence, PortEvidence
from ..target import Target, is_ipv6
from ..wire import identify, tls
from ..wire.background import Background
from ..wire.deadline import Deadline
from ..wire.tcp import Sweep
from . import clock
from .doors import Door, expected_scheme
from .names import Names

WINRM_PORTS = (5985, 5986)
COMPATIBILITY_PORTS = (80, 443)
WITNESS_PORTS = (445, 3389)
"""Ports that tell a dead host from a filter."""
MOST_ADDRESSES, MOST_DOORS = 4, 8

OTHER_PORT_WAIT = 1.2
"""Seconds for the other ports once the wanted one answers: long enough for one repeated SYN (after 1 s, RFC 6298)."""
HEALTHY_WAIT = 0.05
"""The same once nothing is wrong: what may still come decides nothing."""
GIVEN_UP = "given up"
"""How the detail of a port begins whose answer nobody waited for."""
TICK = 0.05
GRACE = 0.5


def observe(
    target: Target, *, timeout: float, connect_timeout: float, thorough: bool, revocation: bool, now: t.Callable[[], float] = time.time,
) -> EndpointEvidence:
    """Look at one host for at most `timeout` seconds. Never raises for anything a host does.

    `thorough` looks at every port and door; without it the wanted port alone is spoken to, unless something is wrong there.
    """
    return _Visit(target, Deadline(timeout), connect_timeout, thorough, revocation, now).run()


def check_times(timeout: float, connect_timeout: float) -> None:
    """Raises DoctorError for times (seconds) that leave no room to look."""
    for name, value in (("timeout", timeout), ("connect_timeout", connect_timeout)):
        if not 0 < value < float("inf"):
            raise DoctorError(f"The option {name} is {value}", expected="a number of seconds greater than zero", value=value)


def warm_up() -> None:
    """Do once what every later visit needs, so that Ansible's forks inherit it: resolv.conf read, lazy imports done, libraries initialised."""
    if not deps.missing("dnspython"):
        # Without a usable resolv.conf each visit says so itself.
        with contextlib.suppress(deps.dns_exception.DNSException, OSError):
            deps.dns_resolver.get_default_resolver()
    tls.warm_up()
    trust.warm_up()
    identify.parse_identify(identify.BODY)
    "a".encode("idna")
    clock.from_http_date("Thu, 01 Jan 1970 00:00:00 GMT", 0.0, 0.0)
    clock.from_challenge("1970-01-01T00:00:00.000000Z", 0.0, 0.0)


@dataclass
class _Visit:
    target: Target
    deadline: Deadline
    connect_timeout: float
    thorough: bool
    revocation: bool
    now: t.Callable[[], float]
    addresses: tuple[str, ...] = ()
    ports: list[PortEvidence] = field(default_factory=list)
    sockets: dict[tuple[str, int], socket.socket | None] = field(default_factory=dict)
    doors: list[tuple[Door, Background[t.Any]]] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def run(self) -> EndpointEvidence:
        began, at = time.monotonic(), self.now()
        target = self.target
        if target.proxy:
            self.gaps.append(f"The inventory sets the proxy {urlsplit(target.proxy).hostname or '(unreadable)'}; the probe went to the host directly.")
        patience = min(self.deadline.seconds * 0.5, 10.0)
        names = Names(target.host, min(patience, max(self.connect_timeout, 1.0)), compare=self.thorough)
        self._choose(names.addresses(patience))
        if names.only_in_dns:
            self.gaps.append("The system resolver gave no address, so those from DNS were looked at.")
        try:
            if self.addresses:
                self._first_look()
                self._second_look(names)
            self._wait_for_doors()
        finally:
            for sock in self.sockets.values():
                if sock:
                    sock.close()
        return EndpointEvidence(
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), vantage=socket.gethostname(), names=self._names(names),
            ports=self._ordered(), doors=tuple(door.evidence for door, _work in self.doors),
            gaps=tuple(Unknown(gap) for gap in self.gaps), seconds=round(time.monotonic() - began, 3),
        )

    @property
    def healthy(self) -> bool:
        """True when the wanted port answers on the first address as it should."""
        wanted = [(door, work) for door, work in self.doors if door.evidence.port == self.target.port]
        return bool(wanted) and all(work.done and door.healthy for door, work in wanted)

    def _choose(self, found: t.Sequence[str]) -> None:
        """At most four addresses, both families among them, in the resolver's order."""
        kept: list[str] = []
        for family in (True, False):
            kept += [address for address in found if is_ipv6(address) is family][:2]
        kept += [address for address in found if address not in kept]
        self.addresses = tuple(address for address in found if address in kept[:MOST_ADDRESSES])
        if len(found) > len(self.addresses):
            self.gaps.append(f"Of {len(found)} addresses only {', '.join(self.addresses)} were looked at.")

    def _first_look(self) -> None:
        """Connect to the WinRM ports, and speak to the wanted one as soon as it opens."""
        wanted = self.target.port
        numbers = [wanted, *(port for port in WINRM_PORTS if port != wanted)]
        if self.thorough:
            numbers += [port for port in (*COMPATIBILITY_PORTS, *WITNESS_PORTS) if port not in numbers]
        with Sweep([(address, port) for port in numbers for address in self.addresses], min(self.connect_timeout, self.deadline.left())) as sweep:
            while sweep.pending:
                self._take(sweep.collect(TICK if self.doors and not self.thorough else None))
                if not self.doors:
                    self._knock(wanted)
                if self.doors and not self.thorough:
                    unimportant = self.healthy and all(port != wanted for _address, port in sweep.waiting)
                    wait = HEALTHY_WAIT if unimportant else OTHER_PORT_WAIT
                    sweep.shorten(wait, f"{GIVEN_UP} after {wait} s, as port {wanted} answers")

    def _second_look(self, names: Names) -> None:
        """Ask further where the first look found something wrong, or where everything is to be known."""
        wanted_open = bool(self.doors)
        if wanted_open and not self.thorough:
            self.doors[0][1].wait(self.deadline.left())
            if self.healthy:
                self.gaps.append("Nothing was wrong at the wanted port, so DNS, reverse names, other doors and the ports 80, 443, 445 and 3389 were left out.")
                return
        names.ask_name_servers()
        names.ask_reverse(self.addresses)
        if not self.thorough and not wanted_open:
            known = {(seen.address, seen.port) for seen in self.ports}
            places = [(address, port) for port in (*COMPATIBILITY_PORTS, *WITNESS_PORTS) for address in self.addresses if (address, port) not in known]
            with Sweep(places, min(self.connect_timeout, self.deadline.left())) as sweep:
                while sweep.pending:
                    self._take(sweep.collect())
        for port in (*WINRM_PORTS, *(COMPATIBILITY_PORTS if self.thorough else ())):
            if port != self.target.port:
                self._knock(port)
        if self.thorough:
            self._knock(self.target.port, every_address=True)

    def _take(self, found: t.Iterable[t.Any]) -> None:
        for seen, sock in found:
            self.ports.append(seen)
            if seen.state == OPEN:
                self.sockets[seen.address, seen.port] = sock

    def _knock(self, port: int, every_address: bool = False) -> None:
        """Start a conversation at the first address where this port is open, or at every one."""
        spoken = {(door.evidence.address, door.evidence.port) for door, _work in self.doors}
        places = [(address, port) for address in self.addresses if (address, port) in self.sockets]
        for place in places if every_address else places[:1]:
            if place in spoken:
                continue
            if len(self.doors) >= MOST_DOORS:
                self.gaps.append(f"{place[0]} port {place[1]} is open but was not spoken to: {MOST_DOORS} doors are the most for one visit.")
                continue
            self._open(*place)

    def _open(self, address: str, port: int) -> None:
        # The wanted port's trouble must leave time to look at the others.
        share = 0.6 if port == self.target.port and not self.thorough else 0.95
        door = Door(
            address, port, expected_scheme(port, self.target), self.target, self.deadline.sooner(self.deadline.left() * share),
            thorough=self.thorough, revocation=self.revocation, first=self.sockets.pop((address, port)), now=self.now,
        )
        self.doors.append((door, Background(door.visit)))

    def _wait_for_doors(self) -> None:
        for door, work in self.doors:
            # A door ends by its own deadline; the grace is for a busy machine.
            answer = work.wait(self.deadline.left() + GRACE)
            if isinstance(answer, Unknown):
                self.gaps.append(f"The conversation with {door.evidence.address} port {door.evidence.port} was left unfinished: {answer.unknown}.")

    def _names(self, names: Names) -> Known[NameEvidence]:
        patience = HEALTHY_WAIT if self.healthy else min(self.deadline.left() + GRACE, self.connect_timeout)
        return names.evidence(Deadline(patience))

    def _ordered(self) -> tuple[PortEvidence, ...]:
        """The wanted port first, then by number; addresses in the resolver's order."""
        known = sorted(self.ports, key=lambda seen: (seen.port != self.target.port, seen.port, self.addresses.index(seen.address)))
        return tuple(known)
