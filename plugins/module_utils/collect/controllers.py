# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's controllers: who names them, which of their ports answer, what their clocks say, what they tell anybody."""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial

from ..directory import locate
from ..directory.entries import Entry
from ..directory.ldap import Ldap
from ..directory.refusal import LdapError, LdapUnreachable
from ..domain import Domain
from ..evidence.base import Known, Unknown
from ..evidence.directory import FAILED, DomainControllerEvidence, KerberosStep, RootEvidence
from ..evidence.endpoint import OPEN, ClockEvidence, PortEvidence
from ..wire import kdc
from ..wire.background import Background
from ..wire.deadline import Deadline
from ..wire.tcp import sweep
from . import clock
from .krb5conf import Profile
from .names import Names

KERBEROS, LDAP, LDAPS, CATALOGUE, PASSWORD = 88, 389, 636, 3268, 464
PORTS = (KERBEROS, LDAP, LDAPS, CATALOGUE, PASSWORD)
MOST, MOST_SWEPT = 4, 16
"""Controllers that are looked at, and those of which it is found out whether they answer: most sites of a large forest may be out of reach from here. The
others are named only."""
NOBODY = "winrm-doctor-nobody"
"""Asked for where no account is known: every answer of a KDC has its time."""
GRACE = 0.5


@dataclass(frozen=True)
class Listing:
    """The controllers of a domain by name."""

    domain: str
    found: tuple[locate.Found, ...]
    records: Known[tuple[locate.Place, ...]]
    """SRV records."""


@dataclass(frozen=True)
class Seen:
    """One controller that was looked at."""

    evidence: DomainControllerEvidence
    probe: KerberosStep | None = None

    @property
    def offset(self) -> float:
        """Seconds that its clock is ahead of ours, by the sharpest measurement; 0 where there is none."""
        clocks = self.evidence.clocks
        return min(clocks, key=lambda seen: seen.uncertainty).offset if clocks else 0.0

    def opens(self, port: int) -> bool:
        """Whether this port answered."""
        return any(seen.port == port and seen.state == OPEN for seen in self.evidence.ports)


def list_controllers(domain: str, options: t.Sequence[str], profile: Profile, lifetime: float) -> Listing:
    """Everybody whom option, DNS or krb5.conf names."""
    records = locate.srv(locate.CONTROLLERS.format(domain), lifetime) if domain else ()
    realm = next((name for name in profile.names("realms") if name.lower() == domain), "")
    kdcs = profile.all("realms", realm, "kdc") if realm else ()
    return Listing(domain, locate.merge(options, () if isinstance(records, Unknown) else records, kdcs), records)


def look_at(listing: Listing, domain: Domain, user: str, deadline: Deadline, connect_timeout: float, now: t.Callable[[], float] = time.time) -> list[Seen]:
    """The first few of them that answer, looked at side by side; the rest by name. `user`: whom the KDCs are asked for, or ""."""
    visit = _Visit(listing, domain, user, deadline, connect_timeout, now)
    return visit.run()


@dataclass
class _Controller:
    """One of them on the way."""

    name: str
    by: tuple[str, ...]
    address: str = ""
    ports: list[PortEvidence] = field(default_factory=list)
    clocks: list[ClockEvidence] = field(default_factory=list)
    root: Known[RootEvidence] | None = None
    probe: KerberosStep | None = None


class _Visit:
    def __init__(
        self, listing: Listing, domain: Domain, user: str, deadline: Deadline, connect_timeout: float, now: t.Callable[[], float],
    ) -> None:
        self.listing, self.domain, self.user, self.now = listing, domain, user, now
        self.deadline, self.connect_timeout = deadline, connect_timeout

    def run(self) -> list[Seen]:
        known, rest = self._resolve(self.listing.found)
        first, others = self._nearest(known)
        talks = [(controller, Background(partial(self._talk, controller))) for controller in first if any(port.state == OPEN for port in controller.ports)]
        for _controller, talk in talks:
            talk.wait(self.deadline.left() + GRACE)
        seen = [Seen(self._evidence(controller), controller.probe) for controller in (*first, *others)]
        return [*seen, *(Seen(DomainControllerEvidence(name=one.name, found_by=one.by, domain=self.listing.domain)) for one in rest)]

    def _evidence(self, controller: _Controller) -> DomainControllerEvidence:
        return DomainControllerEvidence(
            name=controller.name, address=controller.address, found_by=controller.by,
            ports=tuple(sorted(controller.ports, key=lambda seen: PORTS.index(seen.port))), clocks=tuple(controller.clocks), root=controller.root,
            domain=self.listing.domain,
        )

    def _resolve(self, found: t.Sequence[locate.Found]) -> tuple[list[_Controller], list[locate.Found]]:
        """Addresses of those that may be swept; two names of one machine count once, and a name stands for its address."""
        patience = self.deadline.sooner(min(self.connect_timeout, self.deadline.left() * 0.3))
        asked = [(one, Names(one.name, patience.left(), compare=False)) for one in found[:MOST_SWEPT]]
        chosen: dict[str, _Controller] = {}
        lost: list[_Controller] = []
        for one, names in asked:
            address = next(iter(names.addresses(patience.left())), "")
            if not address:
                lost.append(_Controller(one.name, one.by))
            elif address in chosen:
                known = chosen[address]
                known.by = tuple(dict.fromkeys((*known.by, *one.by)))
                known.name = one.name if known.name == address else known.name
            else:
                chosen[address] = _Controller(one.name, one.by, address)
        return [*chosen.values(), *lost], list(found[MOST_SWEPT:])

    def _nearest(self, known: list[_Controller]) -> tuple[list[_Controller], list[_Controller]]:
        """Those to look at, all of their ports known, and the others: where there are more than can be looked at, the first that answer."""
        if len(known) <= MOST:
            self._sweep(known, PORTS)
            return known, []
        needed = (KERBEROS, LDAP)

        def enough(seen: t.Sequence[PortEvidence]) -> bool:
            opened = Counter(port.address for port in seen if port.state == OPEN)
            return sum(count == len(needed) for count in opened.values()) >= MOST

        self._sweep(known, needed, enough)
        best = sorted(known, key=lambda controller: -sum(port.state == OPEN for port in controller.ports))
        first = [controller for controller in known if controller in best[:MOST]]
        self._sweep(first, [port for port in PORTS if port not in needed])
        return first, [controller for controller in known if controller not in first]

    def _sweep(
        self, controllers: t.Sequence[_Controller], ports: t.Sequence[int], enough: t.Callable[[t.Sequence[PortEvidence]], bool] = lambda _seen: False,
    ) -> None:
        by_address = {controller.address: controller for controller in controllers if controller.address}
        places = [(address, port) for address in by_address for port in ports]
        for seen in sweep(places, min(self.connect_timeout, self.deadline.left() * 0.5), enough):
            by_address[seen.address].ports.append(seen)

    def _talk(self, controller: _Controller) -> None:
        """What it tells without a password. May be left behind, so that each answer is kept as soon as it is there."""
        opened = {seen.port for seen in controller.ports if seen.state == OPEN}
        deadline = self.deadline.sooner(max(self.connect_timeout, self.deadline.left() * 0.5))
        if LDAP in opened:
            # Both at once: a silent LDAP server must not hide what the KDC says.
            asking = Background(partial(self._read_root, controller, deadline))
            self._ask_kdc(controller, opened, deadline)
            asking.wait(deadline.left() + GRACE)
        else:
            self._ask_kdc(controller, opened, deadline)

    def _ask_kdc(self, controller: _Controller, opened: set[int], deadline: Deadline) -> None:
        if KERBEROS not in opened or not self.listing.domain:
            return
        seen = kdc.look(controller.address, self.listing.domain.upper(), self.user or NOBODY, deadline, KERBEROS, now=self.now)
        if self.user or seen.step.outcome == FAILED:
            controller.probe = seen.step
        if seen.clock:
            controller.clocks.append(seen.clock)

    def _read_root(self, controller: _Controller, deadline: Deadline) -> None:
        ldap = Ldap(controller.address, controller.name, port=LDAP, transport="plain", deadline=deadline, domain=self.domain)
        try:
            ldap.connect()
            began = time.monotonic()
            entry = ldap.root()
            waited, arrived = time.monotonic() - began, self.now()
        except LdapUnreachable as error:
            controller.root = Unknown(error.text)
            return
        except LdapError as error:
            controller.root = Unknown(error.sentence)
            return
        finally:
            ldap.close()
        controller.root = root_evidence(entry)
        current = entry.moment("currentTime")
        if current and (seen := clock.from_root(current, arrived, waited)):
            controller.clocks.append(seen)


def root_evidence(entry: Entry) -> RootEvidence:
    """A rootDSE."""
    return RootEvidence(
        dns_host_name=entry.text("dnsHostName").lower(), default_context=entry.text("defaultNamingContext"),
        configuration_context=entry.text("configurationNamingContext"), root_domain_context=entry.text("rootDomainNamingContext"),
        domain_level=entry.number("domainFunctionality"), global_catalog=entry.flag("isGlobalCatalogReady"), sasl=entry.texts("supportedSASLMechanisms")[:8],
    )


def at_home(seen: Seen, domain: str) -> Seen:
    """The same, with the domain that it turned out to serve."""
    return replace(seen, evidence=replace(seen.evidence, domain=domain))
