# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to the directories of one look, each opened when it is first needed: a controller, the global catalogue, the PDC emulator."""

from __future__ import annotations

import typing as t
from functools import partial

from ..directory.entries import Entry
from ..directory.ldap import Ldap
from ..directory.locate import CATALOGUES, PDC, srv
from ..directory.notation import dns_of_dn
from ..directory.spns import GLOBAL_CATALOG_PORTS
from ..evidence.base import Known, Unknown
from ..evidence.directory import DomainControllerEvidence
from ..wire.deadline import Deadline
from .controllers import Seen
from .names import Names
from .reader import CATALOGUE_PORTS, PORTS, Reader
from .reading import Directory, asked
from .sites import Site

NO_READER = "there is no account to read with: set domain_username and domain_password"
SHARE = 0.6
"""Of the time left, what one logon may take."""


class Connections:
    """As one reader. `gaps`: what could be seen in part only."""

    def __init__(self, reader: Reader | None, transport: str, deadline: Deadline, connect_timeout: float, now: t.Callable[[], float]) -> None:
        self.reader, self.transport, self.deadline, self.connect_timeout, self.now = reader, transport, deadline, connect_timeout, now
        self._opened: dict[tuple[str, bool], Known[Ldap]] = {}
        self._directories: dict[str, Known[Directory]] = {}
        self._widest: dict[str, Known[Ldap]] = {}
        self._gaps: list[str] = []

    @property
    def gaps(self) -> list[str]:
        """What a limit cut short, or what had to do without the whole forest."""
        return [*self._gaps, *(gap for one in self._directories.values() if isinstance(one, Directory) for gap in one.gaps)]

    def close(self) -> None:
        """Hang up everywhere."""
        for ldap in self._opened.values():
            if isinstance(ldap, Ldap):
                ldap.close()

    def _open(self, site: Site, *, catalogue: bool = False) -> Known[Ldap]:
        """A connection to a controller of this domain on which somebody has logged on."""
        key = (site.domain, catalogue)
        if key not in self._opened:
            self._opened[key] = self._connect(site, catalogue)
        return self._opened[key]

    def _connect(self, site: Site, catalogue: bool) -> Known[Ldap]:
        if self.reader is None:
            return Unknown(NO_READER)
        if why := self.reader.hindrance():
            return Unknown(why)
        port = (CATALOGUE_PORTS if catalogue else PORTS)[self.transport]
        looked = {seen.port for one in site.seen for seen in one.evidence.ports}
        reached = [one for one in site.seen if one.evidence.address and (port not in looked or one.opens(port))]
        answer: Known[Ldap] = Unknown(site.why_silent(port))
        for one in reached:
            answer = self._log_on(one, site.domain, catalogue=catalogue)
            if isinstance(answer, Ldap):
                break
        return answer

    def directory(self, site: Site) -> Known[Directory]:
        """The domain, ready to be asked."""
        if site.domain not in self._directories:
            ldap = self._open(site)
            if isinstance(ldap, Unknown):
                self._directories[site.domain] = ldap
            else:
                offset = next((seen.offset for seen in site.seen if seen.evidence.address == ldap.address), 0.0)
                self._directories[site.domain] = asked(partial(Directory, ldap, self.now() + offset))
        return self._directories[site.domain]

    def catalogue(self, site: Site) -> Known[Ldap]:
        """A connection that sees the whole forest."""
        ldap = self._open(site, catalogue=True)
        directory = self.directory(site)
        if isinstance(ldap, Ldap) or isinstance(directory, Unknown):
            return ldap
        forest = dns_of_dn(directory.ldap.root().text("rootDomainNamingContext"))
        records = srv(CATALOGUES.format(forest), min(2.0, self.connect_timeout)) if forest else ()
        known = {seen.evidence.name for seen in site.seen}
        for place in () if isinstance(records, Unknown) else [place for place in records if place.name not in known][:1]:
            other = self._elsewhere(place.name, forest)
            if isinstance(other, Seen):
                ldap = self._opened[site.domain, True] = self._log_on(other, forest, catalogue=True)
        return ldap

    def _log_on(self, seen: Seen, home: str, *, catalogue: bool = False) -> Known[Ldap]:
        if self.reader is None:
            return Unknown(NO_READER)
        answer = self.reader.open(seen, home, self.deadline.sooner(max(1.0, self.deadline.left() * SHARE)), catalogue=catalogue)
        if isinstance(answer, Ldap):
            # From here on the whole of what is left may be used.
            answer.deadline = self.deadline
        return answer

    def _elsewhere(self, name: str, home: str) -> Known[Seen]:
        """A controller that was not looked at, by name."""
        patience = min(self.connect_timeout, self.deadline.left() * 0.3)
        address = next(iter(Names(name, patience, compare=False).addresses(patience)), "")
        if not address:
            return Unknown(f"the name {name} does not resolve")
        return Seen(DomainControllerEvidence(name=name, address=address, domain=home))

    def widest(self, site: Site) -> Known[Ldap]:
        """The forest where a global catalogue answers, else the domain, with a gap that says so."""
        if site.domain not in self._widest:
            self._widest[site.domain] = self._see_most(site)
        return self._widest[site.domain]

    def _see_most(self, site: Site) -> Known[Ldap]:
        ldap = self.catalogue(site)
        if isinstance(ldap, Ldap):
            return ldap
        directory = self.directory(site)
        if isinstance(directory, Unknown):
            return directory
        if tuple(directory.domains()) == (directory.domain,):
            # The domain is the forest.
            return directory.ldap
        self._gaps.append(f"Owners of SPNs were looked for in {site.domain} alone, not in the whole forest: {ldap.unknown.rstrip('.')}.")
        return directory.ldap

    def only_in(self, site: Site) -> str:
        """The domain of several that `widest` sees alone, or ""."""
        ldap, directory = self.widest(site), self.directory(site)
        if isinstance(ldap, Unknown) or isinstance(directory, Unknown) or ldap.port in GLOBAL_CATALOG_PORTS:
            return ""
        return "" if tuple(directory.domains()) == (directory.domain,) else directory.domain

    def pdc(self, directory: Directory, site: Site) -> str:
        """The PDC emulator by name: as the directory says, else as DNS does."""
        name = directory.pdc()
        if isinstance(name, str):
            return name
        records = srv(PDC.format(site.domain), min(2.0, self.connect_timeout))
        return "" if isinstance(records, Unknown) or not records else records[0].name

    def counters(self, directory: Directory, site: Site, pdc: str, dn: str) -> Known[Entry]:
        """What the PDC emulator has counted for an account."""
        here = directory.ldap
        if pdc in (here.name.lower(), here.root().text("dnsHostName").lower()):
            return directory.counters(dn)
        seen: Known[Seen] = next((one for one in site.seen if _is_called(one, pdc)), None) or self._elsewhere(pdc, site.domain)
        ldap = seen if isinstance(seen, Unknown) else self._log_on(seen, site.domain)
        if isinstance(ldap, Unknown):
            return Unknown(f"the PDC emulator {pdc}, which keeps the counter, cannot be asked: {ldap.unknown}")
        with ldap:
            other = asked(lambda: Directory(ldap, directory.now))
            return other if isinstance(other, Unknown) else other.counters(dn)


def _is_called(seen: Seen, name: str) -> bool:
    root = seen.evidence.root
    said = root.dns_host_name if root is not None and not isinstance(root, Unknown) else ""
    return bool(seen.evidence.address) and name in (seen.evidence.name, said)
