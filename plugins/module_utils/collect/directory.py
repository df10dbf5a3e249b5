# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domain says of one host and its account: controllers, Kerberos step by step, then the directory. Nothing here is changed."""

from __future__ import annotations

import contextlib
import socket
import time
import typing as t
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial

from .. import deps
from ..account import DOMAIN, EITHER, LOCAL, account_of, in_domain
from ..directory import spns
from ..directory.computers import is_name_of
from ..directory.locate import of_challenge, of_user
from ..directory.tickets import Tickets
from ..domain import Domain
from ..errors import DoctorError
from ..evidence.answers import challenge_of
from ..evidence.base import Known, Unknown
from ..evidence.directory import (
    GRANTED,
    NOT_ASKED_FOR,
    NOT_TRIED,
    TGS,
    AccountEvidence,
    ComputerEvidence,
    DirectoryEvidence,
    DomainControllerEvidence,
    KerberosStep,
    SpnEvidence,
)
from ..evidence.endpoint import OPEN, EndpointEvidence
from ..target import Target, is_address
from ..wire import kdc
from ..wire.background import Background
from ..wire.deadline import Deadline
from ..wire.http import printable
from ..wire.methods import TICKETS
from ..wire.tcp import any_open, sweep
from . import endpoint
from . import kdc as kdcs
from .attempts import BOOK, Book
from .connections import Connections
from .krb5conf import read_profile
from .reader import Reader
from .reading import MOST_LISTED, asked, duplicates_in, matching, owners_of
from .sites import Site, Sites
from .whereabouts import find_account

SUBSETS = ("controllers", "kerberos", "account", "computer", "spns", "duplicates", "trusts", "forecast")
USUAL = ("controllers", "kerberos", "account", "computer", "spns", "trusts")
"""Those that cost the same however large the domain is."""
NO_PDC = Unknown("it is not known which controller is the PDC emulator, which keeps the counter")
MOST_STEPS, MOST_TOLD = 20, 4
LONGEST = 1000
"""Characters of one text."""
SHARE = 0.4
"""Of the time there is, what looking at the host itself may take."""


@dataclass(frozen=True)
class Plan:
    """What to look for."""

    subsets: frozenset[str] = frozenset(USUAL)
    patterns: tuple[str, ...] = ()
    """SPNs to search for, with asterisks."""
    limit: int = 1
    """Failed or unanswered uses of its password that an account may have in one run."""
    connect_timeout: float = 3.0
    thorough: bool = True
    """Ask for tickets for every name of the host, not only where the connection's own one is refused, and for the names of the account's groups."""


def observe(
    target: Target | None, domain: Domain, seen: EndpointEvidence | None = None, *, timeout: float, plan: Plan | None = None, book: Book = BOOK,
    environ: t.Mapping[str, str] | None = None, now: t.Callable[[], float] = time.time,
) -> DirectoryEvidence:
    """Ask the domain of a host (None: a domain alone) for at most `timeout` seconds. Never raises for anything a domain does."""
    with contextlib.ExitStack() as held:
        return _Visit(target, domain, seen, Deadline(timeout), plan or Plan(), book, environ, now, held).run()


def look(target: Target | None, domain: Domain, plan: Plan, *, timeout: float) -> DirectoryEvidence:
    """`observe`, after a look at the host for the names that it gives itself."""
    if target is None:
        return observe(None, domain, timeout=timeout, plan=plan)
    seen = endpoint.observe(target, timeout=timeout * SHARE, connect_timeout=plan.connect_timeout, thorough=False, revocation=False)
    return observe(target, domain, seen, timeout=max(1.0, timeout - seen.seconds), plan=plan)


def plan_from_params(params: t.Mapping[str, t.Any]) -> Plan:
    """A Plan from validated options; raises DoctorError."""
    subsets, patterns = params.get("gather_subset"), tuple(dict.fromkeys(params.get("spn_patterns") or ()))
    if subsets == []:
        raise DoctorError("The option gather_subset is empty", expected=f"at least one of {', '.join(SUBSETS)}, or no such option")
    if params["attempts"] < 1:
        raise DoctorError(f"The option attempts is {params['attempts']}", expected="a whole number from 1 on", value=params["attempts"])
    if blank := [pattern for pattern in patterns if "/" not in pattern and pattern != "*"]:
        raise DoctorError(f"The option spn_patterns has {blank[0]!r}", expected="class/name with asterisks, such as HTTP/* or */web01*", value=blank[0])
    return Plan(frozenset(USUAL if subsets is None else subsets), patterns, params["attempts"], params["connect_timeout"])


def warm_up() -> None:
    """Do once what every later look needs, so that Ansible's forks inherit it."""
    kdc.build_as_req("LAB.TEST", "nobody", nonce=1)
    read_profile()
    spns.parse_mappings(spns.DEFAULT_MAPPINGS)
    if deps.speaks_kerberos():
        # Without a usable krb5.conf each look says so itself.
        with contextlib.suppress(deps.krb5.Krb5Error):
            deps.krb5.init_context()


class _Visit:
    def __init__(
        self, target: Target | None, domain: Domain, seen: EndpointEvidence | None, deadline: Deadline, plan: Plan, book: Book,
        environ: t.Mapping[str, str] | None, now: t.Callable[[], float], held: contextlib.ExitStack,
    ) -> None:
        self.target, self.domain, self.deadline, self.plan, self.book, self.now, self.held = target, domain, deadline, plan, book, now, held
        self.at, self.challenge, self.profile = now(), challenge_of(seen), read_profile(environ)
        self.gaps: list[str] = []
        self.steps: list[KerberosStep] = []
        self.own = self._reader(target.username or "", target.password, of_host=True) if target and (target.username or self._takes_tickets()) else None
        self.reader = self._reader(domain.username or "", domain.password, of_host=False) if domain.username or not target else self.own
        self.sites = Sites(
            target, domain, self.challenge, self.profile, user=self._user(), deadline=deadline.sooner(deadline.seconds * 0.6),
            connect_timeout=plan.connect_timeout, now=now,
        )
        self.connections = Connections(self.reader, domain.transport, deadline, plan.connect_timeout, now)

    def _takes_tickets(self) -> bool:
        return self.target is not None and bool(set(self.target.auth) & set(TICKETS))

    def _reader(self, username: str, password: str | None, *, of_host: bool) -> Reader:
        """`of_host`: the account is the inventory's, so a bare name may be the host's own; one named for the directory lives there."""
        explained = of_host or "\\" in username or "@" in username
        account = account_of(username, self.target.host if self.target and of_host else "", self.challenge if explained else None)
        if account.kind == EITHER and not of_host:
            account = replace(account, kind=DOMAIN, computer="")
        elif account.kind == EITHER and self._only_tickets():
            # Kerberos knows no local accounts: a bare name is the default realm's.
            account = in_domain(account, self.profile.first("libdefaults", "default_realm") or "")
        kept, said = self.held.enter_context(Tickets()), of_challenge(self.challenge) if of_host and not self._only_tickets() else ""
        return Reader(username, password, account, self.domain, self.book, self.plan.limit, self.profile, kept, said)

    def _only_tickets(self) -> bool:
        return self.target is not None and self.target.auth == ("kerberos",)

    def _user(self) -> str:
        """Whom the KDCs are asked for without a password: the account of the inventory, in the form that Kerberos has it."""
        who = self.own or self.reader
        if who is None or who.account.kind == LOCAL:
            return ""
        name = who.username.strip()
        return name.partition("\\")[2] if "\\" in name else name

    def run(self) -> DirectoryEvidence:
        """Look, and tell."""
        began = time.monotonic()
        home, host = self.sites[self.sites.of_account], self.sites[self.sites.of_host]
        self.sites[self.sites.chosen.name]
        self._probes(home)
        self._tickets(home, host)
        account, pdc = self._account(home) if "account" in self.plan.subsets else (NOT_ASKED_FOR, "")
        computer, other = self._computers(host) if "computer" in self.plan.subsets else (NOT_ASKED_FOR, None)
        found = self._spns(host) if "spns" in self.plan.subsets else ()
        evidence = DirectoryEvidence(
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.at)), vantage=socket.gethostname(), domain=self.sites.chosen.name,
            domain_from=self.sites.chosen.by, host_domain=host.domain if host.domain != self.sites.chosen.name else "", srv=self._srv(), pdc=pdc,
            controllers=self._controllers(), account=account, computer=computer, other_computer=other, spns=found, passed_over=self.sites.passed_over,
            duplicates=self._duplicates(host, found), matches=self._matches(host), trusts=self._trusts(), forecast=self._forecast(),
        )
        gaps = [*self.sites.gaps, *self.gaps, *self.connections.gaps]
        self.connections.close()
        whole = replace(
            evidence, steps=tuple(self.steps), binds=self._binds(), gaps=tuple(Unknown(gap) for gap in dict.fromkeys(gaps)),
            seconds=round(time.monotonic() - began, 3),
        )
        return t.cast(DirectoryEvidence, shown(whole))

    def _srv(self) -> Known[tuple[str, ...]]:
        records = self.sites.records
        return records if isinstance(records, Unknown) else tuple(place.name for place in records)

    def _controllers(self) -> tuple[DomainControllerEvidence, ...]:
        if "controllers" not in self.plan.subsets:
            return ()
        return tuple(seen.evidence for site in self.sites.visited for seen in site.seen)

    def _binds(self) -> tuple[t.Any, ...]:
        readers = {id(reader): reader for reader in (self.own, self.reader) if reader}
        return tuple(bind for reader in readers.values() for bind in reader.binds)

    def _probes(self, home: Site) -> None:
        """What the KDCs said without a password: the first answer, and every one that differs from it."""
        told: list[tuple[str, int | None]] = []
        for seen in home.seen:
            if seen.probe and (seen.probe.outcome, seen.probe.code) not in told:
                told.append((seen.probe.outcome, seen.probe.code))
                self.steps.append(seen.probe)

    def _tickets(self, home: Site, host: Site) -> None:
        """A ticket-granting ticket for the inventory's account and for the one that reads, then tickets for what the inventory's connection asks for."""
        others = [self.reader] if self.reader and self.reader is not self.own else []
        for reader in (*([self.own] if self.own and ("kerberos" in self.plan.subsets or self.own is self.reader) else []), *others):
            if self._may_ask(reader):
                realm = self._realm(reader, home)
                deadline = self.deadline.sooner(max(1.0, self.deadline.left() * 0.4))
                self.steps.append(reader.get_ticket(realm, deadline, self._silence(realm) if reader.password is not None else ""))
        if "kerberos" in self.plan.subsets and self.target:
            self._service_tickets(self.target, host)

    def _realm(self, reader: Reader, home: Site) -> str:
        """Where an account's ticket-granting ticket is asked for. A bare name is the default realm's to Kerberos, whatever the host thinks of it."""
        default = self.profile.first("libdefaults", "default_realm") or ""
        if reader is self.own:
            bare = "\\" not in reader.username and "@" not in reader.username
            return default if bare and default else home.domain.upper()
        named = of_user(reader.username, self.challenge, "", [name.lower() for name in self.profile.names("realms")])
        return (named or self.sites.chosen.name).upper()

    def _silence(self, realm: str) -> str:
        """That no KDC answers which Kerberos' library would ask, or "" where one does, or where the library itself will say so at once."""
        found = kdcs.find(realm, self.profile, self.deadline.sooner(kdcs.PATIENCE))
        if found.proxied or not found.places:
            return ""
        seen = {(port.address, port.port): port.state for site in self.sites.visited for one in site.seen for port in one.evidence.ports}
        others = [place for place in found.places if place not in seen]
        if any(seen.get(place) == OPEN for place in found.places):
            return ""
        answers = sweep(others, min(self.plan.connect_timeout, self.deadline.left() * 0.3), any_open)
        if any_open(answers):
            return ""
        seen.update({(port.address, port.port): port.state for port in answers})
        told = ", ".join(f"{address} port {port} ({seen[address, port]})" for address, port in found.places[:MOST_TOLD])
        told += f" and {len(found.places) - MOST_TOLD} more" if len(found.places) > MOST_TOLD else ""
        return f"No KDC of the realm {realm} answers: {told}."

    def _may_ask(self, reader: Reader) -> bool:
        """Whether a KDC may be asked with this account: not for one that is local, nor with a password that may belong to a local namesake."""
        return reader.account.kind == DOMAIN or (reader.account.kind == EITHER and reader.password is None)

    def _service_tickets(self, target: Target, host: Site) -> None:
        reader = next((one for one in (self.own, self.reader) if one and one.tickets.cache), None)
        own = own_spn(target)
        if reader is None:
            self.steps.append(KerberosStep(TGS, own, NOT_TRIED, "Not tried: there is no ticket-granting ticket to ask with.", own=True))
            return
        wanted = [own, *(name for name in self._names(target, host) if not spns.same(name, own))][:MOST_STEPS]
        found: list[KerberosStep] = []
        work = Background(partial(_ask_for, reader.tickets, wanted, found, self.plan.thorough))
        work.wait(self.deadline.left() * 0.5)
        answered = tuple(found)
        if not answered:
            self.gaps.append(f"Kerberos' library gave no answer about {own} in time.")
        elif not work.done:
            self.gaps.append(f"Kerberos was asked for {len({step.asked_for for step in answered})} of {len(wanted)} names; then the time was used up.")
        borrowed = "" if reader is self.own else f" Asked with a ticket of {reader.username or reader.tickets.client}."
        self.steps += [replace(step, own=step.asked_for == own and number == 0, means=f"{step.means}{borrowed}") for number, step in enumerate(answered)]

    def _names(self, target: Target, host: Site) -> tuple[str, ...]:
        """Every SPN that a client of this host may ask for, by its name in the inventory and by the one it has for itself."""
        asked_for = spns.siblings(target.spn_hostname or target.host, host.domain)
        called = spns.siblings(self.challenge.dns_computer if self.challenge else "", host.domain)
        own = own_spn(target)
        return tuple({name.lower(): name for name in (*asked_for, *called) if self.plan.thorough or spns.is_near(name, own)}.values())

    def _account(self, site: Site) -> tuple[Known[AccountEvidence], str]:
        """The account of the inventory, or the one that reads where there is no host; and the PDC emulator."""
        who = self.own or self.reader
        if who is None or not who.username:
            return Unknown("no account is named"), ""
        if who.account.kind == LOCAL:
            return Unknown(f"{who.username} is an account of the host, not of a domain"), ""
        site, entry = find_account(who.username, site, self.sites, self.connections)
        directory = self.connections.directory(site)
        if isinstance(directory, Unknown):
            return entry if isinstance(entry, Unknown) else directory, ""
        pdc = self.connections.pdc(directory, site)
        if isinstance(entry, Unknown):
            return entry, pdc
        counters = self.connections.counters(directory, site, pdc, entry.dn) if pdc else NO_PDC
        found = asked(lambda: directory.account(entry, counters, pdc, thorough=self.plan.thorough))
        return found, pdc

    def _computers(self, site: Site) -> tuple[Known[ComputerEvidence], ComputerEvidence | None]:
        """The account of the host as the inventory calls it, and that of the host that answers there, where it is another one."""
        if self.target is None:
            return NOT_ASKED_FOR, None
        directory = self.connections.directory(site)
        if isinstance(directory, Unknown):
            return directory, None
        said = self.challenge if self.challenge and self.challenge.membership != "workgroup" else None
        called = [name for name in (said.dns_computer if said else "",) if name]
        netbios = said.netbios_computer if said else ""
        if is_address(self.target.host):
            return directory.computer(called, netbios), None
        found = directory.computer([self.target.host, *([f"{self.target.host}.{site.domain}"] if "." not in self.target.host and site.domain else [])])
        if not called or (isinstance(found, ComputerEvidence) and is_name_of(found, called[0])):
            return found, None
        answering = directory.computer(called, netbios)
        same = isinstance(found, ComputerEvidence) and isinstance(answering, ComputerEvidence) and found.dn == answering.dn
        return found, answering if isinstance(answering, ComputerEvidence) and not same else None

    def _spns(self, site: Site) -> tuple[SpnEvidence, ...]:
        """Who owns what the inventory's connection asks for, and its siblings."""
        if self.target is None:
            return ()
        own = own_spn(self.target)
        wanted = tuple({name.lower(): name for name in (*self._names(self.target, site), own)}.values())
        wanted = (own, *(name for name in wanted if not spns.same(name, own)))
        ldap = self.connections.widest(site)
        if isinstance(ldap, Unknown):
            return tuple(SpnEvidence(name, ldap, own=name == own) for name in wanted[:1])
        directory = self.connections.directory(site)
        mapped = spns.parse_mappings(spns.DEFAULT_MAPPINGS) if isinstance(directory, Unknown) else directory.mappings()
        found, only_in = owners_of(ldap, wanted, own, mapped), self.connections.only_in(site)
        if isinstance(found, Unknown):
            return tuple(SpnEvidence(name, found, own=name == own) for name in wanted[:1])
        return tuple(replace(one, only_in=only_in) for one in found)

    def _duplicates(self, site: Site, found: tuple[SpnEvidence, ...]) -> Known[tuple[SpnEvidence, ...]]:
        """Those of the whole forest on request, else those among the host's own."""
        if "duplicates" in self.plan.subsets:
            ldap = self.connections.widest(site)
            return ldap if isinstance(ldap, Unknown) else self._listed(duplicates_in(ldap), "duplicate SPNs")
        unread = next((one.owners for one in found if isinstance(one.owners, Unknown)), None)
        if unread or not found:
            return unread or NOT_ASKED_FOR
        return tuple(one for one in found if not isinstance(one.owners, Unknown) and len(one.owners) > 1)

    def _matches(self, site: Site) -> Known[tuple[SpnEvidence, ...]]:
        if not self.plan.patterns:
            return NOT_ASKED_FOR
        ldap = self.connections.widest(site)
        if isinstance(ldap, Unknown):
            return ldap
        matches: dict[str, SpnEvidence] = {}
        for pattern in self.plan.patterns:
            found = matching(ldap, pattern)
            if isinstance(found, Unknown):
                return found
            matches.update({spn.lower(): SpnEvidence(spn, owners) for spn, owners in found.items()})
        return self._listed(tuple(matches[spn] for spn in sorted(matches)), "matching SPNs")

    def _trusts(self) -> Known[tuple[t.Any, ...]]:
        if "trusts" not in self.plan.subsets:
            return NOT_ASKED_FOR
        directory = self.connections.directory(self.sites[self.sites.chosen.name])
        return directory if isinstance(directory, Unknown) else directory.trusts()

    def _forecast(self) -> Known[tuple[t.Any, ...]]:
        if "forecast" not in self.plan.subsets:
            return NOT_ASKED_FOR
        directory = self.connections.directory(self.sites[self.sites.chosen.name])
        return directory if isinstance(directory, Unknown) else self._listed(directory.forecast(), "accounts of the forecast")

    def _listed(self, found: Known[tuple[t.Any, ...]], what: str) -> Known[tuple[t.Any, ...]]:
        """At most so many as a result can carry."""
        if isinstance(found, Unknown) or len(found) <= MOST_LISTED:
            return found
        self.gaps.append(f"Of {len(found)} {what} the first {MOST_LISTED} are told.")
        return found[:MOST_LISTED]


def shown(value: t.Any) -> t.Any:
    """Evidence whose texts are fit to be shown: names in a directory are what their owners like, and a server may not be one."""
    if isinstance(value, str):
        return printable(value, LONGEST)
    if isinstance(value, tuple):
        return tuple(shown(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: shown(getattr(value, field.name)) for field in fields(value)})
    return value


def own_spn(target: Target) -> str:
    """The SPN that the inventory's connection asks for."""
    return f"{target.service}/{target.spn_hostname or target.host}"


def _ask_for(tickets: Tickets, wanted: t.Sequence[str], found: list[KerberosStep], thorough: bool) -> None:
    """Ticket after ticket, each told as soon as it is known; the first as the connection's own client asks, and as it stands where that is another name."""
    for number, name in enumerate(wanted):
        found.append(tickets.ticket(name, as_client=number == 0))
        if number == 0 and _stands_for_another(found[0]):
            found.append(tickets.ticket(name))
        if not thorough and found[0].outcome == GRANTED:
            return


def _stands_for_another(step: KerberosStep) -> bool:
    """Whether krb5.conf had the client ask for another name, or, in vain, at another realm than its own KDC would say."""
    name, _at, realm = step.sent.partition("@")
    return not spns.same(name, step.asked_for) or (step.outcome != GRANTED and realm not in ("", step.realm))
