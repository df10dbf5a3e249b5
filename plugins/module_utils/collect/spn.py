# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeing to an account's SPNs: find it, look through the forest, plan, write, read again, and ask the KDC."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace
from functools import partial

from .. import deps
from ..directory import locate, partitions, spn_changes, spns
from ..directory.ldap import Ldap
from ..directory.notation import dns_of_dn
from ..directory.refusal import LdapError, LdapUnreachable
from ..directory.spn_plan import ABSENT, EXACT, PRESENT, Holder, Plan, Wish, make_plan
from ..directory.tickets import Tickets
from ..domain import Domain
from ..errors import DoctorError
from ..evidence.base import Known, Unknown
from ..evidence.directory import AS, FAILED, GRANTED, NOT_TRIED, TGS, KerberosStep, SpnEvidence
from ..target import Target
from ..wire.background import Background
from ..wire.deadline import Deadline
from .attempts import BOOK, Book
from .controllers import KERBEROS, Seen, list_controllers, look_at
from .krb5conf import read_profile
from .reader import PORTS, Reader
from .sites import Site, Sites
from .ticket import account_in

MOST_TICKETS = 8
"""SPNs that a ticket is asked for as a proof."""
UNKNOWN_SPN = (7, 8)
"""KDC_ERR_S_PRINCIPAL_UNKNOWN and KDC_ERR_PRINCIPAL_NOT_UNIQUE: what a controller says that has not heard of a change yet."""
RECOVERY = 10.0
"""Seconds, beyond the time that was given, to look at a change that broke off."""
AS_WISHED = {
    PRESENT: "it carries these SPNs", ABSENT: "it carries none of these SPNs", EXACT: "of these service classes it carries the wished SPNs and no others",
}
UNCHECKED = "Whether another account of the forest carries these SPNs is not known: {why}"


@dataclass(frozen=True)
class Request:
    """Whose SPNs, and who writes them."""

    wished: Wish
    domain: Domain
    target: Target | None = None
    account: str = ""
    """sAMAccountName, DN or UPN; "" for the computer account of the target."""
    limit: int = 1


@dataclass(frozen=True)
class Change:
    """One account before and after, `after` read again, or in check mode foreseen."""

    before: Holder
    after: Holder


@dataclass(frozen=True)
class Outcome:
    """What was found and done."""

    domain: str
    controller: str
    plan: Plan
    changes: tuple[Change, ...]
    """The account itself, then those that lost an SPN to it."""
    seen: tuple[SpnEvidence, ...] = ()
    checked: Known[str] = ""
    """How far owners were looked for: `forest`, or why not."""
    verified: bool | None = None
    """None where there was nothing to verify."""
    proofs: tuple[KerberosStep, ...] = ()
    notes: tuple[str, ...] = ()


def manage(
    request: Request, *, timeout: float, connect_timeout: float, check_mode: bool = False, book: Book = BOOK, environ: t.Mapping[str, str] | None = None,
    now: t.Callable[[], float] = time.time,
) -> Outcome:
    """See to it; raises DoctorError, and then nothing is changed unless it says so."""
    if absent := deps.missing("sansldap"):
        raise DoctorError(
            f"{absent}. A directory cannot be asked without it", expected="sansldap on this control node", do="Install it with pip install sansldap",
        )
    with Tickets() as tickets:
        try:
            return _Work(request, Deadline(timeout), connect_timeout, check_mode, book, environ, now, tickets).run()
        except LdapUnreachable as error:
            raise DoctorError(f"The directory could not be read to the end: {error.text}", do="Nothing was changed; run the task again") from error
        except LdapError as error:
            raise DoctorError(f"The directory could not be read to the end: {error.sentence}", do="Nothing was changed") from error


class _Work:
    def __init__(
        self, request: Request, deadline: Deadline, connect_timeout: float, check_mode: bool, book: Book, environ: t.Mapping[str, str] | None,
        now: t.Callable[[], float], tickets: Tickets,
    ) -> None:
        self.request, self.wished, self.deadline, self.check_mode, self.now = request, request.wished, deadline, check_mode, now
        self.connect_timeout, self.book, self.profile, self.tickets = connect_timeout, book, read_profile(environ), tickets
        target, domain = request.target, request.domain
        self.username = domain.username or (target.username if target else None) or ""
        self.password = domain.password if domain.username else (target.password if target else None)
        self.domain = replace(domain, name=domain.name or self._named_by(request.account))
        self.why_no_tickets = "There is no ticket-granting ticket to ask with."
        self._opened: list[Ldap] = []

    def _named_by(self, account: str) -> str:
        """The domain in an account's name, where it is certain: a UPN's suffix may be any text ([MS-ADTS] 5.1.1.1.1)."""
        if spn_changes.is_dn(account):
            return dns_of_dn(account)
        return locate.of_user(account, None, "", [name.lower() for name in self.profile.names("realms")]) if "\\" in account else ""

    def run(self) -> Outcome:
        try:
            return self._run()
        finally:
            for ldap in self._opened:
                ldap.close()

    def _run(self) -> Outcome:
        site, reader = self._reader()
        ldap = self._open(site, reader)
        holder = self._holder(ldap, site.domain)
        mapped = spns.mappings(ldap)
        catalogue = self._catalogue(ldap, site, reader) if self.wished.spns and self.wished.state != ABSENT else ldap
        texts = tuple(spn.text for spn in self.wished.spns)
        seen = spns.seen_spns(ldap if isinstance(catalogue, Unknown) else catalogue, texts, mapped)
        plan = make_plan(holder, self.wished, seen, mapped)
        if isinstance(catalogue, Unknown) and plan.add:
            raise DoctorError(
                f"{', '.join(plan.add)} is not added to {holder.owner.name}: {UNCHECKED.format(why=catalogue.unknown)}", do="Name a global catalogue in "
                "domain_controllers, or see that ports 3268 and 3269 of one can be reached", expected="a global catalogue to ask", value=plan.add,
            )
        before = [holder, *self._losers(ldap, plan)]
        after = [self._foreseen(one, plan) for one in before] if self.check_mode or not plan.changed else self._write(ldap, site, reader, before, plan)
        verified, proofs = (None, ()) if self.check_mode or not plan.changed else self._verify(after, plan)
        notes = plan.notes + ((f"{UNCHECKED.format(why=catalogue.unknown)}.",) if isinstance(catalogue, Unknown) else ())
        return Outcome(
            site.domain, ldap.name, plan, tuple(map(Change, before, after)), seen, catalogue if isinstance(catalogue, Unknown) else "forest", verified, proofs,
            notes,
        )

    def _reader(self) -> tuple[Site, Reader]:
        """The domain to write to, and who writes; no ticket is asked for before a controller was found."""
        target = replace(self.request.target, username=self.username) if self.request.target else None
        self.sites = sites = Sites(
            target, self.domain, None, self.profile, user="", deadline=self.deadline, connect_timeout=self.connect_timeout, now=self.now,
        )
        site = sites[sites.chosen.name if self.request.account or self.domain.name else sites.of_host]
        if self.domain.controllers:
            # Whoever names controllers wants to write to these and no others.
            site.seen = [seen for seen in site.seen if locate.BY_OPTION in seen.evidence.found_by]
        port = PORTS[self.domain.transport]
        if not any(seen.opens(port) or (port not in _numbers(seen) and seen.evidence.address) for seen in site.seen):
            raise DoctorError(
                f"The directory cannot be asked: {site.why_silent(port)}", expected=f"a domain controller that answers on port {port}",
                do="Set domain and domain_controllers", value=site.domain or None,
            )
        realm = locate.of_user(self.username, None, "", [name.lower() for name in self.profile.names("realms")]) or site.domain
        reader = Reader(
            self.username, self.password, account_in(self.username, site.domain), self.domain, self.book, self.request.limit, self.profile,
            self.tickets,
        )
        if self._kdc_is_silent(site, realm):
            means = f"Kerberos was left out: no controller of {realm} answers on port {KERBEROS}."
            reader.step = KerberosStep(AS, self.username, NOT_TRIED, means, realm=realm.upper())
        else:
            reader.get_ticket(realm.upper(), self.deadline.sooner(self.deadline.left() * 0.5))
        if reader.step:
            self.why_no_tickets = reader.step.means
        return site, reader

    def _kdc_is_silent(self, site: Site, realm: str) -> bool:
        """Whether Kerberos would only put the password in doubt, while NTLM can do without it."""
        return self.password is not None and self.domain.auth != "kerberos" and realm == site.domain and not any(seen.opens(KERBEROS) for seen in site.seen)

    def _open(self, site: Site, reader: Reader) -> Ldap:
        """A connection to the first controller that lets the account in."""
        whys = list(self.sites.gaps)
        if reader.refused and reader.step:
            whys.append(reader.step.means)
        for seen in [] if reader.refused else site.seen:
            if not seen.evidence.address or seen.evidence.domain not in ("", site.domain):
                continue
            ldap = reader.open(seen, site.domain, self.deadline)
            if not isinstance(ldap, Unknown):
                self._opened.append(ldap)
                return ldap
            whys.append(ldap.unknown if seen.evidence.name in ldap.unknown else f"{seen.evidence.name}: {ldap.unknown}")
            if reader.hindrance():
                break
        do = "Check domain_username and domain_password" if reader.hindrance() else "Check domain, domain_controllers and ldap_transport"
        raise DoctorError(
            f"No logon to the directory of {site.domain} as {self.username or 'the owner of the default ticket cache'}: {' '.join(whys)}",
            expected="an account of the domain and its password, or a ticket in the cache", do=do, value=site.domain,
        )

    def _holder(self, ldap: Ldap, domain: str) -> Holder:
        if self.request.account:
            return spn_changes.find_account(ldap, self.request.account, domain)
        if self.request.target is None:
            raise DoctorError("There is no host and no account", expected="account, or a host of the inventory", do="Set account")
        return spn_changes.find_host(ldap, self.request.target.host, domain)

    def _catalogue(self, ldap: Ldap, site: Site, reader: Reader) -> Known[Ldap]:
        """A connection that sees the whole forest, or why there is none."""
        domains = tuple(sorted(partitions.domains(ldap)))
        if domains == (site.domain,):
            # The domain is the forest, and this controller has all of it, without the catalogue's delay.
            return ldap
        whys = []
        for seen in (*site.seen, *self._catalogues(ldap, site)):
            if not seen.evidence.address:
                continue
            found = reader.open(seen, "", self.deadline.sooner(self.deadline.left() * 0.6), catalogue=True)
            if not isinstance(found, Unknown):
                self._opened.append(found)
                return found
            whys.append(found.unknown)
        forest = f"the forest has {len(domains)} domains ({', '.join(domains)})" if domains else "the domains of the forest cannot be read"
        return Unknown(f"{forest}, and no global catalogue could be asked: {' '.join(whys) or 'none is known'}".rstrip("."))

    def _catalogues(self, ldap: Ldap, site: Site) -> t.Iterator[Seen]:
        """Global catalogues that DNS names, asked for only when those of the domain did not do."""
        forest = dns_of_dn(ldap.root().text("rootDomainNamingContext"))
        if not forest or self.domain.controllers:
            return
        records = locate.srv(locate.CATALOGUES.format(forest), min(2.0, self.deadline.left() * 0.2))
        names = [place.name for place in records] if not isinstance(records, Unknown) else []
        known = {seen.evidence.name.lower() for seen in site.seen}
        more = [name for name in names if name not in known]
        if more:
            listing = replace(list_controllers("", more, self.profile, 0.0), domain="")
            yield from look_at(listing, self.domain, "", self.deadline.sooner(self.deadline.left() * 0.3), self.connect_timeout, self.now)

    def _losers(self, ldap: Ldap, plan: Plan) -> list[Holder]:
        """The accounts that an SPN is taken from, as they are."""
        return [spn_changes.reread(ldap, dn) for dn in dict.fromkeys(move.owner.dn for move in plan.moves)]

    def _foreseen(self, holder: Holder, plan: Plan) -> Holder:
        if holder.spns == plan.before and not any(move.owner.dn == holder.owner.dn for move in plan.moves):
            return replace(holder, spns=plan.after)
        gone = {move.spn.lower() for move in plan.moves if move.owner.dn == holder.owner.dn}
        return replace(holder, spns=tuple(spn for spn in holder.spns if spn.lower() not in gone))

    def _write(self, ldap: Ldap, site: Site, reader: Reader, before: list[Holder], plan: Plan) -> list[Holder]:
        who = self.username or "the owner of the ticket cache"
        writer = spn_changes.Writer(ldap, lambda: self._again(site, reader), who)
        first = writer.apply(before[0], plan)
        return [first, *(writer.read(one.owner.dn) for one in before[1:])]

    def _again(self, site: Site, reader: Reader) -> Ldap:
        """Another connection, with time enough to see what became of a change, and to undo it."""
        self.deadline = Deadline(max(self.deadline.left(), RECOVERY))
        return self._open(site, reader)

    def _verify(self, after: list[Holder], plan: Plan) -> tuple[bool, tuple[KerberosStep, ...]]:
        """Whether the account is as planned, and whether the KDC gives tickets. A ticket that is not to be had does not undo what was written."""
        now = {spn.lower() for spn in after[0].spns}
        read = all(spn.lower() in now for spn in plan.add) and not any(spn.lower() in now for spn in plan.remove)
        proofs = tuple(self._proof(spn) for spn in dict.fromkeys((*plan.add, *(move.spn for move in plan.moves))))[:MOST_TICKETS]
        return read and all(proof.outcome == GRANTED for proof in proofs), proofs

    def _proof(self, spn: str) -> KerberosStep:
        if not self.tickets.cache:
            return KerberosStep(TGS, spn, NOT_TRIED, f"No ticket was asked for {spn}. {self.why_no_tickets}")
        answer = Background(partial(self.tickets.ticket, spn)).wait(self.deadline.left() + 0.3)
        return KerberosStep(TGS, spn, FAILED, f"The KDC gave no answer about {spn}: {answer.unknown}.") if isinstance(answer, Unknown) else answer


def _numbers(seen: Seen) -> set[int]:
    return {port.port for port in seen.evidence.ports}


def sentence(outcome: Outcome, state: str, check_mode: bool) -> str:
    """What was done, or would be, in one line."""
    plan, name = outcome.plan, outcome.changes[0].before.owner.name
    if not plan.changed:
        return f"{name} already is as wished: {AS_WISHED[state]}."
    moved = [f"{move.spn} from {move.owner.name}" for move in plan.moves]
    done = [(what, ", ".join(items)) for what, items in (("moved here", moved), ("added", _added(plan)), ("removed", plan.remove)) if items]
    if check_mode:
        return f"{name}: {'; '.join(f'{items} would be {what}' for what, items in done)}."
    proof = "" if outcome.verified is None else f" {_proven(outcome)}"
    return f"{name}: {'; '.join(f'{what} {items}' for what, items in done)}.{proof}"


def _added(plan: Plan) -> list[str]:
    moved = {move.spn.lower() for move in plan.moves}
    return [spn for spn in plan.add if spn.lower() not in moved]


def _proven(outcome: Outcome) -> str:
    if outcome.verified:
        return "Reading again shows it, and the KDC gives tickets." if outcome.proofs else "Reading again shows it."
    failed = next((proof for proof in outcome.proofs if proof.outcome != GRANTED), None)
    if failed is None:
        return "Not verified: reading again does not show it."
    # libkrb5 chooses the KDC that is asked, which need not be the controller that was written to.
    late = " The KDC that was asked may not have it yet." if failed.code in UNKNOWN_SPN else ""
    return f"Not verified: {failed.means}{late}"
