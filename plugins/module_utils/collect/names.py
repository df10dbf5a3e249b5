# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host's name resolves, asked in both ways at once: the system's, and the name servers' own."""

from __future__ import annotations

import socket
import typing as t
from dataclasses import dataclass
from functools import partial

from .. import deps
from ..evidence.base import Known, Unknown
from ..evidence.endpoint import NameEvidence, ReverseName
from ..target import is_address
from ..wire.background import Background
from ..wire.deadline import Deadline
from ..wire.http import printable

NAMES_LIMIT = 8
NOT_COMPARED = Unknown("not asked, as the system's answer led to a host where nothing was wrong")
PATIENCE = 0.25
"""Seconds that the system resolver is given before DNS is asked beside it."""
# getaddrinfo's two ways of saying that a name has no address; EAI_AGAIN and EAI_FAIL are failures of the servers.
NO_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5))


@dataclass(frozen=True)
class Forward:
    """One way's answer: addresses (empty: it says there are none), the canonical name, and whether it denied the name."""

    addresses: Known[tuple[str, ...]]
    canonical: str | None = None
    denied: bool = False


class Names:
    """One host's resolution under way. `addresses` waits for the first usable answer, `evidence` for all of it."""

    def __init__(self, host: str, lifetime: float, compare: bool = True) -> None:
        self.host = host
        self.lifetime = lifetime
        self.is_address = is_address(host)
        self._system: Background[Forward] | None = None
        self._dns: Background[Forward] | None = None
        self.only_in_dns = False
        """True when `addresses` had to take DNS's because the system gave none."""
        self._reverse: list[tuple[str, Background[Known[tuple[str, ...]]], Background[Known[tuple[str, ...]]]]] = []
        if not self.is_address:
            self._system = Background(partial(ask_system, host))
            if compare:
                self.ask_name_servers()

    def ask_name_servers(self) -> None:
        """Ask DNS too, if that was not done yet; two queries and a thread cost more than all else a healthy host needs."""
        if not self.is_address and self._dns is None:
            self._dns = Background(partial(ask_dns, self.host, self.lifetime))

    def addresses(self, seconds: float) -> tuple[str, ...]:
        """Where to connect to: the system's addresses, or DNS's where the system has none within `seconds`."""
        if self.is_address:
            return (self.host,)
        system = _forward(self._system, min(seconds, PATIENCE))
        if isinstance(system.addresses, Unknown) or not system.addresses:
            self.ask_name_servers()
            system = _forward(self._system, seconds)
        if not isinstance(system.addresses, Unknown) and system.addresses:
            return system.addresses
        direct = _forward(self._dns, min(seconds, self.lifetime))
        self.only_in_dns = not isinstance(direct.addresses, Unknown) and bool(direct.addresses)
        return () if isinstance(direct.addresses, Unknown) else direct.addresses

    def ask_reverse(self, addresses: t.Sequence[str]) -> None:
        """Start asking for the names of addresses, both ways."""
        for address in addresses:
            system, dns = partial(reverse_system, address), partial(reverse_dns, address, self.lifetime)
            self._reverse.append((address, Background(system), Background(dns)))

    def evidence(self, deadline: Deadline) -> NameEvidence:
        """Everything that is known by the deadline."""
        reverse = tuple(ReverseName(address, system.wait(deadline.left()), dns.wait(deadline.left())) for address, system, dns in self._reverse)
        if self.is_address:
            return NameEvidence(self.host, is_address=True, system=(self.host,), reverse=reverse)
        system, direct = _forward(self._system, deadline.left()), _forward(self._dns, deadline.left())
        canonical = direct.canonical or system.canonical
        if canonical and canonical.lower() == self.host.lower().rstrip("."):
            canonical = None
        compared = NOT_COMPARED if self._dns is None else direct.addresses
        return NameEvidence(
            self.host, system=system.addresses, dns=compared, canonical=canonical, reverse=reverse, no_such_name=system.denied and direct.denied,
        )


def ask_system(host: str) -> Forward:
    """getaddrinfo, as every client of this machine uses it; blocks as long as the system likes."""
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except socket.gaierror as error:
        if error.errno in NO_NAME:
            return Forward((), denied=True)
        return Forward(Unknown(f"{_gai_symbol(error.errno)}: {error.strerror}"))
    except (OSError, ValueError) as error:
        return Forward(Unknown(f"not a name that can be asked for: {printable(str(error), 120)}"))
    canonical = next((row[3] for row in rows if row[3]), None)
    # Without dots it is the hosts file's or the search list's business, not an alias.
    return Forward(tuple(dict.fromkeys(_with_scope(row[4]) for row in rows)), canonical if canonical and "." in canonical else None)


def ask_dns(host: str, lifetime: float) -> Forward:
    """A and AAAA records from the name servers of resolv.conf, its search list applied as the system does."""
    absent = deps.missing("dnspython")
    if absent:
        return Forward(Unknown(absent))
    found: list[str] = []
    canonical = None
    try:
        resolver = deps.dns_resolver.get_default_resolver()
        for kind in ("A", "AAAA"):
            try:
                answer = resolver.resolve(host, kind, lifetime=lifetime, search=True)
            except deps.dns_resolver.NoAnswer:
                continue
            canonical = canonical or answer.canonical_name.to_text(omit_final_dot=True)
            found += [row.address for row in answer]
    except deps.dns_resolver.NXDOMAIN:
        return Forward((), denied=True)
    except (deps.dns_exception.DNSException, OSError, ValueError) as error:
        if not found:
            return Forward(Unknown(f"{type(error).__name__}: {printable(str(error), 160)}"))
    return Forward(tuple(dict.fromkeys(found))[:NAMES_LIMIT], canonical)


def reverse_system(address: str) -> Known[tuple[str, ...]]:
    """Names of an address by the system; () where it says there is none."""
    try:
        name, aliases, _addresses = socket.gethostbyaddr(address)
    except (socket.herror, socket.gaierror) as error:
        # h_errno: 1 HOST_NOT_FOUND, 4 NO_DATA; 2 TRY_AGAIN and 3 NO_RECOVERY are failures of the servers.
        if error.errno in (1, 4, *NO_NAME):
            return ()
        return Unknown(printable(str(error.strerror), 120))
    except (OSError, ValueError) as error:
        return Unknown(printable(str(error), 120))
    return tuple(dict.fromkeys(printable(one, 255) for one in (name, *aliases)))[:NAMES_LIMIT]


def of_both_families(addresses: t.Sequence[str]) -> tuple[str, ...]:
    """The first address, and the first of the other family: one of the two may lead nowhere from here."""
    other = next((one for one in addresses if (":" in one) != (":" in addresses[0])), None)
    return (*addresses[:1], *([other] if other else []))


def reverse_dns(address: str, lifetime: float) -> Known[tuple[str, ...]]:
    """PTR records of an address; () where the name servers say there are none."""
    absent = deps.missing("dnspython")
    if absent:
        return Unknown(absent)
    try:
        name = deps.dns_reversename.from_address(address.partition("%")[0])
        answer = deps.dns_resolver.get_default_resolver().resolve(name, "PTR", lifetime=lifetime)
    except (deps.dns_resolver.NXDOMAIN, deps.dns_resolver.NoAnswer):
        return ()
    except (deps.dns_exception.DNSException, OSError, ValueError) as error:
        return Unknown(f"{type(error).__name__}: {printable(str(error), 160)}")
    return tuple(printable(row.target.to_text(omit_final_dot=True), 255) for row in answer)[:NAMES_LIMIT]


def _forward(asked: Background[Forward] | None, seconds: float) -> Forward:
    if asked is None:
        return Forward(())
    answer = asked.wait(seconds)
    return Forward(answer) if isinstance(answer, Unknown) else answer


def _with_scope(where: t.Any) -> str:
    """The address of a getaddrinfo row; glibc writes the scope id into it only sometimes."""
    address = str(where[0])
    return f"{address}%{where[3]}" if len(where) == 4 and where[3] and "%" not in address else address


def _gai_symbol(number: int | None) -> str:
    return next((name for name in dir(socket) if name.startswith("EAI_") and getattr(socket, name) == number), f"gaierror {number}")
