# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains and their controllers for one look: which domain is the account's, which is the host's, and who answers there."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from functools import partial

from ..directory import locate
from ..directory.locate import Named
from ..directory.notation import dns_of_dn
from ..domain import Domain
from ..evidence.base import Known, Unknown
from ..evidence.directory import RootEvidence
from ..evidence.endpoint import ChallengeEvidence
from ..target import Target
from ..wire.background import Background
from ..wire.deadline import Deadline
from .controllers import Listing, Seen, at_home, list_controllers, look_at
from .krb5conf import Profile
from .reader import PORTS

CONTROLLER = "controller"
"""What names a domain where the user names a controller only."""
MOST_DOMAINS, MOST_NAMED = 5, 4
PATIENCE = 2.0
"""Seconds for the name servers at most: several domains are asked for at once."""


@dataclass
class Site:
    """One domain and those of its controllers that were looked at."""

    domain: str
    listing: Listing
    seen: list[Seen] = field(default_factory=list)
    spelt: str = ""
    """The domain as the user wrote it, or ""."""

    @property
    def shown(self) -> str:
        """Its name for people to read."""
        return self.spelt or self.domain

    def why_silent(self, port: int) -> str:
        """Why nobody can be asked at this port."""
        if not self.domain and not self.seen:
            return "no domain is known: neither the options nor the user name, the host or krb5.conf name one"
        if not self.seen:
            records = self.listing.records
            dns = f"DNS could not be asked for them ({records.unknown})" if isinstance(records, Unknown) else "DNS has no SRV records for them"
            short = "" if "." in self.domain else f"; {self.shown} may not be its whole DNS name"
            return f"no controller of {self.shown} is known: {dns}, and krb5.conf names no KDC{short}"
        reached = [one for one in self.seen if one.evidence.address]
        if not reached:
            return f"the names of the controllers of {self.shown} do not resolve: {some([one.evidence.name for one in self.seen])}"
        tried = [one for one in reached if any(seen.port == port for seen in one.evidence.ports)] or reached
        of_all = f" (of {len(self.seen)} known)" if len(self.seen) > len(tried) else ""
        return f"no controller of {self.shown} answers on port {port}: {some([one.evidence.name for one in tried])}{of_all}"


def some(names: t.Sequence[str]) -> str:
    """The first few by name, and how many more there are."""
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


class Sites:
    """Every domain that matters for one host and its account, looked at once."""

    def __init__(
        self, target: Target | None, domain: Domain, challenge: ChallengeEvidence | None, profile: Profile, *, user: str, deadline: Deadline,
        connect_timeout: float, now: t.Callable[[], float],
    ) -> None:
        self.target, self.domain, self.challenge, self.profile = target, domain, challenge, profile
        self.user, self.deadline, self.connect_timeout, self.now = user, deadline, connect_timeout, now
        self.gaps: list[str] = []
        self._sites: dict[str, Site] = {}
        self._host = target.host if target else ""
        self._username = (target.username if target else None) or domain.username or ""
        self._realms = [name.lower() for name in profile.names("realms")]
        self._by_controller = self._ask_controllers()
        self._listings = self._list()
        self.chosen = self._choose()

    def _ask_controllers(self) -> Named | None:
        """The domain of a controller that was named without one."""
        if not self.domain.controllers or self.domain.name:
            return None
        site = Site("", list_controllers("", self.domain.controllers, self.profile, 0.0))
        site.seen = look_at(site.listing, self.domain, "", self.deadline, self.connect_timeout, self.now)
        for seen in site.seen:
            root = seen.evidence.root
            if isinstance(root, RootEvidence) and (name := dns_of_dn(root.default_context)):
                return Named(name, CONTROLLER)
        return None

    def _list(self) -> dict[str, tuple[Named, Listing]]:
        """Every domain that something names, with its controllers."""
        named = locate.domains(
            option=self.domain.name or (self._by_controller.name if self._by_controller else ""), username=self._username, challenge=self.challenge,
            host=self._host, default_realm=self.profile.first("libdefaults", "default_realm") or "", realms=self._realms,
        )
        if self._by_controller:
            named = (self._by_controller, *named[1:])
        lifetime = self._lifetime()
        asked = []
        for number, one in enumerate(named[:MOST_DOMAINS]):
            options = self.domain.controllers if number == 0 else ()
            asked.append((one, options, Background(partial(list_controllers, one.name, options, self.profile, lifetime))))
        listings = {}
        for one, options, work in asked:
            answer = work.wait(lifetime + 0.5)
            unheard = Listing(one.name, locate.merge(options, (), ()), answer) if isinstance(answer, Unknown) else answer
            listings[one.name] = (one, unheard)
        return listings

    def _choose(self) -> Named:
        """The domain to ask: the one that was named for certain, else the first that has controllers."""
        named = [one for one, _listing in self._listings.values()]
        certain = next((one for one in named if one.by in (locate.OPTION, CONTROLLER)), None)
        return certain or next((one for one in named if self._listings[one.name][1].found), None) or next(iter(named), Named("", ""))

    def _known(self, name: str) -> str:
        """`name` where it is a domain with controllers, else the chosen one."""
        return name if name in self._listings and self._listings[name][1].found else self.chosen.name

    @property
    def of_account(self) -> str:
        """The domain where the account of the inventory is looked for."""
        return self._known(locate.of_user(self._username, self.challenge, self._host, self._realms))

    @property
    def of_host(self) -> str:
        """The domain where the host's account is looked for: the one it says it is a member of, else that of its name."""
        return self._known(locate.of_challenge(self.challenge) or locate.suffix(self._host))

    def __getitem__(self, name: str) -> Site:
        """A domain whose controllers have been looked at."""
        if name not in self._sites:
            listing = self._listings[name][1] if name in self._listings else self._look_up(name)
            site = self._sites[name] = Site(name, listing, spelt=self.domain.spelt if name == self.domain.name else "")
            if listing.found:
                site.seen = look_at(listing, self.domain, self._asked_for(name), self.deadline, self.connect_timeout, self.now)
                site.seen = [self._checked(seen, name) for seen in site.seen]
            elif name:
                why = site.why_silent(0)
                self.gaps.append(f"{why[0].upper()}{why[1:]}.")
        return self._sites[name]

    def _lifetime(self) -> float:
        """Seconds that DNS may take now."""
        return min(PATIENCE, self.connect_timeout, max(0.1, self.deadline.left() * 0.3))

    def _look_up(self, name: str) -> Listing:
        """The controllers of a domain that nothing named before the directory did."""
        return list_controllers(name, (), self.profile, self._lifetime()) if name else Listing(name, (), Unknown("not asked"))

    @property
    def visited(self) -> tuple[Site, ...]:
        """The domains that were looked at, in that order."""
        return tuple(self._sites.values())

    @property
    def passed_over(self) -> tuple[str, ...]:
        """What the options name and nobody could ask, without the final stop; whoever reads must not take another domain's answers for those of this one."""
        port = PORTS[self.domain.transport]
        answering = [(one, seen) for one in self.visited for seen in one.seen if seen.opens(port)]
        site = self._sites.get(self.domain.name) if self.domain.name else None
        lost = (site.why_silent(port),) if site and answering and all(one is not site for one, _seen in answering) else ()
        named = [seen for one in self.visited for seen in one.seen if locate.BY_OPTION in seen.evidence.found_by]
        asked = [seen for _one, seen in answering]
        if not named or not asked or any(seen.opens(port) for seen in named):
            return lost
        names = some([seen.evidence.name for seen in named])
        verb = "does" if len(named) == 1 else "do"
        return (*lost, f"{names}, which domain_controllers names, {verb} not answer on port {port}, so {asked[0].evidence.name} was asked")

    @property
    def records(self) -> Known[tuple[locate.Place, ...]]:
        """The SRV records of the chosen domain."""
        return self._listings[self.chosen.name][1].records if self.chosen.name in self._listings else Unknown("no domain is known")

    def _asked_for(self, name: str) -> str:
        """Whom the KDCs of this domain are asked for: the account, where it belongs there."""
        return self.user if name == self.of_account else ""

    def _checked(self, seen: Seen, name: str) -> Seen:
        root = seen.evidence.root
        serves = dns_of_dn(root.default_context) if isinstance(root, RootEvidence) else ""
        if serves and serves != name:
            self.gaps.append(f"{seen.evidence.name} was taken for a controller of {name}, but says that it serves {serves}.")
            return at_home(seen, serves)
        return seen
