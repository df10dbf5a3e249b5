# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos tickets on this control node: what a cache holds, getting them for an account, and purging them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t
from dataclasses import dataclass, field
from functools import partial

from .. import deps
from ..account import ANY_DOMAIN, DOMAIN, Account
from ..directory import caches
from ..directory.caches import CacheEvidence
from ..directory.locate import suffix
from ..directory.spns import parse, same
from ..directory.tickets import Tickets, is_enterprise, principal_of, realm_of, spelled
from ..errors import DoctorError
from ..evidence.base import Unknown, seconds
from ..evidence.directory import FAILED, GRANTED, REFUSED, TGS, KerberosStep
from ..wire.background import Background
from ..wire.deadline import Deadline
from .attempt import not_told
from .attempts import BOOK, TICK, Book
from .kdc import fill
from .krb5conf import read_profile

LISTED, PRESENT, ABSENT = "listed", "present", "absent"
DEFAULT = "default"
"""The word for the user's default cache."""
PURGE_WARNING = (
    "{cache} is the default ticket cache of this user: every other program that uses it, an ansible-playbook with Kerberos in another window among them, "
    "has lost its tickets and needs a new kinit."
)
REMEDIES = {
    6: "Correct ansible_user in the inventory or the option username, or set domain to the account's domain",
    23: "Change the password, as with kpasswd, and set the new one in the inventory",
    24: "Correct ansible_password in the inventory, or the option password",
    37: "Set the clock of this control node, or that of the KDC",
}
"""KDC_ERR_C_PRINCIPAL_UNKNOWN, KDC_ERR_KEY_EXPIRED, KDC_ERR_PREAUTH_FAILED, KRB_AP_ERR_SKEW: what to do about the account that asks."""
ASK_ABOUT_ACCOUNT = "Ask winrm.doctor.directory_info about the account, with domain_username and domain_password of another one"
ASK_ABOUT_SPN = "winrm.doctor.directory_info with spn_patterns {spn} tells who carries it, and winrm.doctor.spn registers it"
GRACE = 2.0
T = t.TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    state: str
    cache: str | None = None
    username: str = ""
    password: str | None = field(default=None, repr=False)
    domain: str = ""
    host: str = ""
    spns: tuple[str, ...] = ()
    min_lifetime: float = 0.0
    """Seconds that a ticket-granting ticket must still be good for."""
    force: bool = False
    limit: int = 1


@dataclass(frozen=True)
class Outcome:
    """What was found and done."""

    cache: str
    before: CacheEvidence | None
    after: CacheEvidence | None
    principal: str = ""
    changed: bool = False
    steps: tuple[KerberosStep, ...] = ()
    missing: tuple[str, ...] = ()
    """What was, or in check mode would be, asked for."""
    others: tuple[CacheEvidence, ...] = ()
    warnings: tuple[str, ...] = ()


def manage(
    wanted: Wanted, *, timeout: float, check_mode: bool = False, book: Book = BOOK, environ: t.Mapping[str, str] | None = None,
    now: t.Callable[[], float] = time.time,
) -> Outcome:
    """List, get or purge tickets; raises DoctorError."""
    if None in (deps.krb5, deps.gssapi):
        raise DoctorError(
            "The Python libraries krb5 and gssapi, which ticket caches need, cannot be imported on this control node", expected="both of them",
            do="Install MIT Kerberos' headers (libkrb5-dev or krb5-devel) and pip install krb5 gssapi, or pypsrp[kerberos], which brings them",
        )
    work = _Work(wanted, Deadline(timeout), check_mode, book, environ, now)
    # The KDC is given up in time further down; what is left is a cache that a daemon keeps.
    return in_time({LISTED: work.listed, PRESENT: work.present, ABSENT: work.absent}[wanted.state], timeout + GRACE, "The ticket cache")


def in_time(work: t.Callable[[], T], patience: float, who: str) -> T:
    """Runs what has no time-out of its own in a thread that may be left behind; raises DoctorError where it takes too long."""

    def guarded() -> T | DoctorError:
        try:
            return work()
        except DoctorError as error:
            return error

    answer = Background(guarded).wait(patience)
    if isinstance(answer, Unknown):
        raise DoctorError(f"{who} did not answer: {answer.unknown}", do="Check the daemon that keeps it, or raise timeout")
    if isinstance(answer, DoctorError):
        raise answer
    return answer


def account_in(username: str, domain: str) -> Account:
    """The account of the attempt book that a name means to the controllers of `domain`, which is known, not guessed; a bare name is one of that domain's.

    Any other suffix may be anybody's ([MS-ADTS] 5.1.1.1.1), and any other NetBIOS name may still be this domain's: such an account is nobody for certain.
    """
    name, own = username.strip().lower(), _names(domain)
    front, slash, user = name.partition("\\")
    if not slash and "@" not in name:
        return Account(name, DOMAIN, own or frozenset((ANY_DOMAIN,)))
    if not slash:
        user, _at, front = name.rpartition("@")
    if front in own:
        return Account(user, DOMAIN, own)
    return Account(user, DOMAIN, _names(front) if slash and "." in front else frozenset((front, ANY_DOMAIN)))


def _names(domain: str) -> frozenset[str]:
    """Both names of a domain: NetBIOS names have 15 characters at most ([MS-NBTE] 2.2.1), and nearly always are the first label."""
    name = domain.strip(".").lower()
    return frozenset({name, name.partition(".")[0][:15]} - {""})


class _Work:
    def __init__(
        self, wanted: Wanted, deadline: Deadline, check_mode: bool, book: Book, environ: t.Mapping[str, str] | None, now: t.Callable[[], float],
    ) -> None:
        self.wanted, self.deadline, self.check_mode, self.book, self.environ, self.now = wanted, deadline, check_mode, book, environ, now

    def listed(self) -> Outcome:
        """What the cache holds; without a name it is the default one."""
        name = caches.resolved(None) if self.wanted.cache in (None, DEFAULT) else self._name("")
        found = caches.read(name, self.now())
        return Outcome(name, found, found, principal=found.principal if found else "", others=caches.collection(name, self.now()))

    def present(self) -> Outcome:
        """A ticket-granting ticket that is good for long enough, and tickets for services."""
        principal = self._principal()
        name = self._name(principal)
        before = caches.read(name, self.now())
        missing = self._missing(before, principal)
        if self.check_mode or not missing:
            return Outcome(name, before, before, spelled(principal), bool(missing), missing=missing)
        with self._alone(name):
            # Another worker may have got them while this one waited for its turn.
            before = caches.read(name, self.now())
            missing = self._missing(before, principal)
            if not missing:
                return Outcome(name, before, before, spelled(principal))
            steps = self._get(before, name, principal, missing)
        after = caches.read(name, self.now())
        return Outcome(name, before, after, spelled(principal), True, steps, missing, warnings=self._too_short(after))

    def _too_short(self, held: CacheEvidence | None) -> tuple[str, ...]:
        """That the KDC's tickets never live as long as they should."""
        granting = held.granting() if held else None
        if granting is None or seconds(granting.ends) >= self.now() + self.wanted.min_lifetime:
            return ()
        return (f"The KDC gives tickets until {granting.ends} at most, which is sooner than min_lifetime asks for, so every run gets a new one.",)

    def absent(self) -> Outcome:
        """No such cache any more."""
        name = self._name(self._principal() if self.wanted.cache is None else "")
        before = caches.read(name, self.now())
        is_default = name == caches.resolved(None)
        if before and is_default and not self.wanted.force:
            raise DoctorError(
                f"{name} is the default ticket cache of this user, and holds tickets of {before.principal}", expected="a cache of one's own, or force",
                do="Purging it takes the tickets from every other program of this user; set force to true if that is what you want", value=name,
            )
        if before and not self.check_mode:
            caches.destroy(name)
        after = before if before and self.check_mode else caches.read(name, self.now())
        warnings = (PURGE_WARNING.format(cache=name),) if before and is_default and not self.check_mode else ()
        return Outcome(name, before, after, before.principal if before else "", before is not None, warnings=warnings)

    def _principal(self) -> str:
        if not self.wanted.username:
            raise DoctorError("There is no account to get tickets for", expected="a user name of a domain", do="Set username, or ansible_user in the inventory")
        principal = principal_of(self.wanted.username, self._realm())
        if not principal:
            raise DoctorError(
                f"The realm of {self.wanted.username} is not known: neither the user name, nor the host's name, nor krb5.conf tells it",
                expected="a name such as alice@EXAMPLE.COM, or the option domain", do="Set domain", value=self.wanted.username,
            )
        return principal

    def _realm(self) -> str:
        profile = read_profile(self.environ)
        if self.wanted.domain:
            return self.wanted.domain.upper()
        return realm_of(
            self.wanted.username, dns_domain=suffix(self.wanted.host) if self.wanted.host else "",
            default_realm=profile.first("libdefaults", "default_realm") or "", realms=profile.names("realms"),
        )

    def _name(self, principal: str) -> str:
        if self.wanted.cache is None:
            return caches.private_name(principal)
        name = caches.resolved(None if self.wanted.cache == DEFAULT else self.wanted.cache)
        if name.startswith("MEMORY:"):
            raise DoctorError(
                f"The cache {name} would vanish with this task", expected="a cache that outlives a process, such as FILE:/tmp/krb5cc_1000", value=name,
            )
        return name

    def _missing(self, held: CacheEvidence | None, principal: str) -> tuple[str, ...]:
        """What has to be asked for; raises DoctorError where the cache is another principal's."""
        if held and self.wanted.cache is not None and not same_client(held.principal, principal):
            if not self.wanted.force:
                raise DoctorError(
                    f"The ticket cache {held.cache} holds tickets of {held.principal}, which {spelled(principal)} would replace", expected="a cache of its own",
                    do="Leave cache out, name another one, or set force to true", value=held.cache,
                )
            held = None
        granting = held.granting() if held else None
        spns = tuple(parse(spn).text for spn in self.wanted.spns)
        if held is None or granting is None or seconds(granting.ends) < self.now() + self.wanted.min_lifetime:
            return (f"krbtgt/{principal.rpartition('@')[2]}", *spns)
        good = [ticket.service.partition("@")[0] for ticket in held.tickets if not ticket.expired]
        return tuple(spn for spn in spns if not any(same(spn, one) for one in good))

    def _get(self, before: CacheEvidence | None, name: str, principal: str, missing: tuple[str, ...]) -> tuple[KerberosStep, ...]:
        """Ask the KDC and fill the cache; nothing is written unless all of it was granted."""
        renew = missing[0].startswith("krbtgt/")
        with Tickets() as tickets:
            steps = [self._first(tickets, principal) if renew else tickets.adopt(name)]
            for spn in missing[1 if renew else 0 :]:
                if steps[-1].outcome == GRANTED:
                    steps.append(self._patiently(partial(tickets.ticket, spn), spn))
            if refused := next((step for step in steps if step.outcome != GRANTED), None):
                raise DoctorError(
                    f"{refused.means}{f' {name} was left as it was' if before else ''}", expected="tickets from the KDC",
                    do=remedy(refused), value=refused.asked_for,
                )
            caches.write((tickets.cache,) if renew else (name, tickets.cache), name)
        return tuple(steps)

    def _first(self, tickets: Tickets, principal: str) -> KerberosStep:
        if self.wanted.password is None:
            raise DoctorError(
                f"There is no password to get a ticket for {spelled(principal)} with", expected="the password of the account",
                do="Set password, or ansible_password in the inventory", value=spelled(principal),
            )
        account = account_in(self.wanted.username, self._known_domain(principal))
        step, permit = fill(
            tickets, self.wanted.username, principal, self.wanted.password, account, self.book, self.deadline, limit=self.wanted.limit,
            profile=read_profile(self.environ),
        )
        if step is None:
            raise DoctorError(
                f"No ticket for {spelled(principal)}. {not_told(permit)}", expected="a password that was not refused in this run",
                do="Make sure of the password, and start another run, which counts anew", value=spelled(principal),
            )
        return step

    def _known_domain(self, principal: str) -> str:
        """The realm that is asked, where somebody has named it: what stands behind the "@" is not enough."""
        realm, profile, name = principal.rpartition("@")[2].lower(), read_profile(self.environ), self.wanted.username
        named = (self.wanted.domain, profile.first("libdefaults", "default_realm") or "", *profile.names("realms"))
        # A NetBIOS name only leads to a realm by a guess.
        guessed = "\\" in name and not self.wanted.domain
        return realm if not guessed and ("@" not in name or realm in {one.lower() for one in named}) else ""

    def _patiently(self, work: t.Callable[[], KerberosStep], spn: str) -> KerberosStep:
        """What the KDC says, as long as there is time."""
        answer = Background(work).wait(self.deadline.left())
        if not isinstance(answer, Unknown):
            return answer
        return KerberosStep(TGS, spn, FAILED, f"No ticket for {spn}: the KDC did not answer in time ({answer.unknown}).")

    @contextlib.contextmanager
    def _alone(self, name: str) -> t.Iterator[None]:
        """One worker at a time, so that a hundred hosts do not get the same ticket a hundred times. Only for a folder of ours."""
        if self.wanted.cache is not None:
            yield
            return
        folder = os.open(caches.make_folder(), os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._lock(folder)
            # Whoever had the lock before may have taken the folder away, being empty.
            caches.make_folder()
            yield
        finally:
            with contextlib.suppress(OSError):
                os.rmdir(caches.folder_path())
            os.close(folder)

    def _lock(self, folder: int) -> None:
        until = self.deadline.sooner(self.deadline.left() * 0.7)
        while not until.passed:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(TICK)
            except OSError:
                # A file system without locks: two workers may then ask twice, and the last one's tickets stay.
                return
            else:
                return


def remedy(step: KerberosStep) -> str:
    """What to do about a ticket that was not granted."""
    if step.outcome != REFUSED:
        return "Check krb5.conf, and that the KDC can be reached"
    usual = ASK_ABOUT_SPN.format(spn=step.asked_for) if step.name == TGS else ASK_ABOUT_ACCOUNT
    return REMEDIES.get(step.code or 0, usual)


def same_client(held: str, asked: str) -> bool:
    """Whether a cache of `held` is the one of the principal `asked`, in the text that libkrb5 reads."""
    if is_enterprise(asked):
        user, _at, _suffix = spelled(asked).partition("@")
        return held.rpartition("@")[2] == asked.rpartition("@")[2] and same(held.rpartition("@")[0], user)
    return same(held, asked)


def sentence(outcome: Outcome, state: str, check_mode: bool) -> str:
    """The outcome in one line."""
    if state == ABSENT:
        what = "would be destroyed" if check_mode else "was destroyed"
        return f"{outcome.cache} {what}; it held tickets of {outcome.principal}." if outcome.changed else f"{outcome.cache} is not there."
    if outcome.changed and check_mode:
        return f"{outcome.principal}: the KDC would be asked for {', '.join(outcome.missing)}, for {outcome.cache}."
    held = outcome.after
    if held is None:
        return f"There is no ticket cache {outcome.cache}."
    granting = held.granting()
    if granting is None:
        return f"{held.principal}: {outcome.cache} has {_counted(len(held.tickets), 'ticket')}, but no ticket-granting ticket."
    good = "ended at" if granting.expired else "is good until"
    return f"{held.principal}: {outcome.cache} {good} {granting.ends}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def difference(outcome: Outcome, state: str, check_mode: bool) -> dict[str, str]:
    """The cache before and after, without times, which nobody can foresee."""
    after = outcome.after
    lines = _lines(after)
    if check_mode and outcome.changed:
        lines = [] if state == ABSENT else _foreseen(outcome)
    return {"before_header": outcome.cache, "after_header": outcome.cache, "before": _joined(_lines(outcome.before)), "after": _joined(lines)}


def _lines(held: CacheEvidence | None) -> list[str]:
    if held is None:
        return []
    services = {ticket.service: f"{ticket.service}{' (expired)' if ticket.expired else ''}" for ticket in held.tickets}
    return [held.principal, *sorted(services.values())]


def _foreseen(outcome: Outcome) -> list[str]:
    """What the cache will hold if the KDC grants everything."""
    realm = outcome.principal.rpartition("@")[2]
    renew = outcome.missing[0].startswith("krbtgt/")
    kept = [] if renew or outcome.before is None else _lines(outcome.before)[1:]
    wanted = [f"{service}@{realm}" if service.startswith("krbtgt/") else service for service in outcome.missing]
    return [outcome.principal, *sorted({*kept, *wanted})]


def _joined(lines: t.Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
