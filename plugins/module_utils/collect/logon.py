# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging on: the inventory's own way first, then what would tell its trouble apart, as far as the attempt book allows; the KDC before every host."""

from __future__ import annotations

import contextlib
import socket
import time
import typing as t
from dataclasses import dataclass, field, replace
from functools import partial

from .. import deps
from ..account import DOMAIN, EITHER, Account, account_of, in_domain
from ..domain import Domain
from ..errors import DoctorError
from ..evidence import answers
from ..evidence.base import Unknown
from ..evidence.directory import AS, KerberosStep
from ..evidence.endpoint import OPEN, UNREACHABLE, DoorEvidence, EndpointEvidence
from ..evidence.endpoint import REFUSED as PORT_REFUSED
from ..evidence.logon import ACCEPTED, BROKEN, PASSED, REFUSED, RUNGS, AttemptEvidence, LocalFailure, LogonEvidence
from ..target import Target, alternate, same_account
from ..wire import identify, ntlm, seal, tokens
from ..wire.deadline import Deadline
from ..wire.methods import OMITTED, SENT
from ..wsman.transport import rehearse
from . import client_certificate, kdc, room
from .attempt import Attempt, Guest, Way, carries_binding, seals
from .attempts import BOOK, Book
from .endpoint import GIVEN_UP

STANDARD_PORT = {"http": 5985, "https": 5986}
SHARE = 0.6
"""Of the time left, what the inventory's own way may take: the others need some too."""
KDC_SHARE = 0.5
"""Of the time left, what asking the KDC before the host may take."""
ACCOUNT_BLOCKED = ("refused_before", "refused_by_kdc", "no_room", "in_doubt", "no_book", "busy")
HOLD_EVERYWHERE = ("refused_by_kdc", "no_room")
"""Of these, the ones that say the same of every host."""


@dataclass(frozen=True)
class Plan:
    """What to try. None means: what the inventory has, then what the endpoint offers."""

    methods: tuple[str, ...] | None = None
    transports: tuple[str, ...] | None = None
    rungs: tuple[str, ...] = RUNGS
    further: tuple[str, ...] = ()
    """Rungs climbed only where one of `rungs` was not passed."""
    bindings: tuple[str, ...] | None = None
    limit: int = 1
    """Failed or unanswered uses of its password that an account may have in one run."""
    alternates: tuple[tuple[str, Target], ...] = ()
    thorough: bool = True
    """Try every way, not only those that explain a failure of the own one."""
    domain: Domain = field(default_factory=Domain)
    """Where it names an account that reads the directory, the counter is looked at before an unproven password is used."""
    guest: Guest | None = None
    """Who is shown the logons that the host accepts, until it has seen enough."""


def observe(
    target: Target, seen: EndpointEvidence, *, timeout: float, plan: Plan, book: Book = BOOK, now: t.Callable[[], float] = time.time,
) -> LogonEvidence:
    """Log on to the host that `seen` describes, for at most `timeout` seconds. Never raises for anything a host does."""
    return _Visit(target, seen, Deadline(timeout), plan, book).run(now())


def from_params(params: t.Mapping[str, t.Any], target: Target) -> dict[str, t.Any]:
    """The part of a plan that every module takes from its options (`argspec.logon_options`); raises DoctorError."""
    if params["attempts"] < 1:
        raise DoctorError(f"The option attempts is {params['attempts']}", expected="a whole number from 1 on", value=params["attempts"])
    ways = tuple(alternate(target, given, number) for number, given in enumerate(params.get("alternate_logons") or (), 1))
    return {"limit": params["attempts"], "alternates": ways}


def warm_up() -> None:
    """What every logon needs, done once before Ansible forks: an NTLM logon to nobody, which makes every library on the way load and initialise its parts."""
    if not deps.missing("pyspnego"):
        options = deps.spnego.NegotiateOptions.wrapping_winrm
        context = deps.spnego.client("u", "p", hostname="localhost", service="HTTP", protocol="ntlm", options=options)
        tokens.describe("Negotiate", context.step())
        # Cryptography that refuses NTLM's parts (FIPS) is what each logon reports.
        with contextlib.suppress(Exception):
            tokens.describe("Negotiate", context.step(ntlm.challenge_message()))
            kind, body = seal.seal(context, identify.BODY, "negotiate")
            # Sealed for the other side, so it does not open here; the way there is what is rehearsed.
            seal.unseal(context, kind, body)
        account_of("u", "localhost", None)
    if not deps.missing("pypsrp"):
        rehearse()


class _Block(t.NamedTuple):
    """Why an account is not used any more."""

    why: str
    reason: str = "refused_before"
    failure: LocalFailure | None = None


class _Visit:
    def __init__(self, target: Target, seen: EndpointEvidence, deadline: Deadline, plan: Plan, book: Book) -> None:
        self.target, self.seen, self.deadline, self.plan, self.book = target, seen, deadline, plan, book
        self.attempts: list[AttemptEvidence] = []
        self.gaps: list[str] = []
        self.blocked: dict[str, _Block] = {}
        self.requests = 0
        self.kdc: list[KerberosStep] = []
        self.asked: list[tuple[Account, str | None]] = []

    def run(self, at: float) -> LogonEvidence:
        for way in self._own():
            self._try(way)
        own_is_well = any(attempt.enough_for(self.target.connection) for attempt in self.attempts if attempt.own)
        if self.plan.thorough or not own_is_well:
            for way in self._others():
                self._try(way)
        for name, target in self.plan.alternates:
            # An account that gets in but may not read the inside leaves the guest unsatisfied.
            if self.plan.thorough or not own_is_well or (self.plan.guest is not None and not self.plan.guest.satisfied):
                self._alternate(name, target)
        pair = client_certificate.read(self.target) if "certificate" in self.target.auth else None
        return LogonEvidence(
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), vantage=socket.gethostname(), attempts=tuple(self.attempts), client_certificate=pair,
            gaps=tuple(Unknown(gap) for gap in self.gaps), requests=self.requests, kdc=tuple(self.kdc),
            seconds=round(self.deadline.seconds - self.deadline.left(), 3),
        )

    def _own(self) -> t.Iterator[Way]:
        """The ways that were asked for, or the first that the inventory would take."""
        methods = self.plan.methods or (self.target.auth if self.plan.thorough else self.target.auth[:1])
        for scheme in self.plan.transports or (self.target.scheme,):
            for method in methods:
                own = method in self.target.auth and scheme == self.target.scheme
                yield from self._openly(self.target, method, scheme, own=own, name="", beside=methods)

    def _openly(self, target: Target, method: str, scheme: str, *, own: bool, name: str, beside: t.Sequence[str]) -> t.Iterator[Way]:
        """The ways of a method; before negotiate Kerberos by itself, which a client would try first, and would hide where it fails ([MS-SPNG] 1.3.1)."""
        if method == "negotiate" and "kerberos" not in beside and deps.speaks_kerberos() and self._account(target).kind == DOMAIN:
            yield from self._ways(target, "kerberos", scheme, own=own, name=name)
            last = self.attempts[-1] if self.attempts else None
            if last and last.outcome == ACCEPTED and not self.plan.thorough:
                return
            if last and last.method == "kerberos" and last.mechanism == "kerberos" and last.outcome != ACCEPTED:
                # Once it has a ticket a client falls back no more, whatever the host makes of it: NTLM then only tells what is wrong.
                yield from self._ways(target, "ntlm", scheme, own=False, name=name)
                return
        yield from self._ways(target, method, scheme, own=own, name=name)

    def _ways(self, target: Target, method: str, scheme: str, *, own: bool, name: str = "") -> t.Iterator[Way]:
        port = target.port if scheme == target.scheme else STANDARD_PORT[scheme]
        usual = (SENT if target.send_cbt else OMITTED) if carries_binding(method, scheme) else ""
        bindings = self.plan.bindings if self.plan.bindings and usual else (usual,)
        for binding in bindings:
            asked = method in (self.plan.methods or ())
            yield Way(target, method, scheme, port, binding, seals(target, method, scheme), own=own and binding == usual, name=name, asked=asked)

    def _others(self) -> t.Iterator[Way]:
        """What tells the own way's trouble apart: one thing changed at a time. The inventory's account only."""
        if self.plan.methods or not self.attempts:
            return
        first = self.attempts[-1]
        way, *_bindings = self._ways(self.target, first.method, self.target.scheme, own=False)
        if first.outcome == REFUSED and first.binding and not self.plan.bindings:
            yield replace(way, binding=OMITTED if first.binding == SENT else SENT)
        if first.outcome == ACCEPTED and _plain_was_refused(first) and self.target.message_encryption == "never":
            yield replace(way, sealed=True)
        tried = {part for attempt in self.attempts for part in (attempt.method, attempt.mechanism)}
        for method in (*self.target.auth[1:], *offered_methods(self._door(way), self.target, self._account(self.target).kind)):
            if method not in tried and not self._same_mechanism(method):
                tried.add(method)
                yield from self._ways(self._as_kerberos_spells(method), method, self.target.scheme, own=False)
        if not self.plan.transports:
            yield from self._other_transport(way)

    def _as_kerberos_spells(self, method: str) -> Target:
        """The target, its user named as the KDC names it: Kerberos' libraries take DOMAIN\\user for a name of its own, which no KDC knows."""
        known = next((step.got for step in self.kdc if step.name == AS and step.got), "")
        return replace(self.target, username=known) if method == "kerberos" and known and "\\" in (self.target.username or "") else self.target

    def _same_mechanism(self, method: str) -> bool:
        return any(attempt.mechanism == method and attempt.outcome == ACCEPTED for attempt in self.attempts)

    def _other_transport(self, way: Way) -> t.Iterator[Way]:
        """The same over the other of http and https, where that door was found open and is WinRM's."""
        scheme = "https" if way.scheme == "http" else "http"
        door = next((door for door in self.seen.doors if door.scheme == scheme and door.port != way.port and answers.is_winrm(door)), None)
        if door is not None:
            for other in self._ways(self.target, way.method, scheme, own=False):
                yield replace(other, port=door.port)

    def _alternate(self, name: str, target: Target) -> None:
        for method in target.auth:
            for way in self._openly(target, method, target.scheme, own=False, name=name, beside=target.auth):
                self._try(replace(way, same_account=same_account(target, self.target)))

    def _account(self, target: Target, method: str = "") -> Account:
        account = account_of(target.username or "", target.host, answers.challenge_of(self.seen))
        if method == "kerberos" and account.kind == EITHER and deps.speaks_kerberos():
            # Kerberos knows no local accounts: a bare name is the default realm's.
            return in_domain(account, kdc.default_realm())
        return account

    def _door(self, way: Way) -> DoorEvidence | None:
        """The conversation that the endpoint had there."""
        found = [door for door in self.seen.doors if door.port == way.port]
        return next((door for door in found if answers.speaks_http(door)), found[0] if found else None)

    def _attempt(self, way: Way, account: Account) -> Attempt:
        door = self._door(way)
        address = door.address if door else address_for(self.seen, way.port)
        why = unreached(self.seen, way.port)
        return Attempt(way, door, address, account, self.book, self.plan, self._share(way), self.deadline, why)

    def _share(self, way: Way) -> Deadline:
        return self.deadline.sooner(self.deadline.left() * (SHARE if way.own else 0.9))

    def _ask_kdc(self, target: Target, account: Account) -> None:
        """Before a host sees the password: the KDC, whose answer holds for all of them."""
        if (account, target.password) not in self.asked:
            self.asked.append((account, target.password))
            deadline = self.deadline.sooner(self.deadline.left() * KDC_SHARE)
            look = partial(room.look, target, self.plan.domain, self.seen, self.book) if room.reads(self.plan.domain, account, self.plan.limit) else None
            self.kdc += kdc.ask_first(target, account, answers.challenge_of(self.seen), self.book, deadline, limit=self.plan.limit, room=look)

    def _try(self, way: Way) -> None:
        account = self._account(way.target, way.method)
        # What was refused is the account, whatever the way is called.
        key = f"{'' if way.same_account else way.name} {account.user}"
        block = self.blocked.get(key)
        if block and (way.own or (way.name and all(one.way != way.name for one in self.attempts))):
            self.attempts.append(self._attempt(way, account).skipped(block.reason, block.why, block.failure))
            return
        if block:
            whose = f" of {way.name}" if way.name else ""
            gap = f"Other ways{whose} with the account {way.target.username} were not tried: {block.why.removeprefix('Not tried: ')}"
            if gap not in self.gaps:
                self.gaps.append(gap)
            return
        if self.deadline.passed:
            by = f"{way.name} by {way.method}" if way.name else way.method
            self.gaps.append(f"{by} over {way.scheme} was not tried: the time was used up.")
            return
        attempt = self._attempt(way, account)
        if attempt.sends_password:
            self._ask_kdc(way.target, account)
            attempt.deadline = self._share(way)
        evidence = attempt.run()
        self.requests += attempt.requests
        self.attempts.append(evidence)
        if evidence.reason in ACCOUNT_BLOCKED:
            kept = evidence.reason if evidence.reason in HOLD_EVERYWHERE else "refused_before"
            self.blocked[key] = _Block(evidence.means, kept, evidence.failure)
        elif evidence.outcome in (REFUSED, BROKEN) and attempt.spent and self.plan.limit <= 1:
            self.blocked[key] = _Block("Not tried: one refusal or lost answer is all that may be risked without locking the account.")


def address_for(seen: EndpointEvidence, port: int) -> str:
    """Where to try a port that nobody spoke to: where it is open; "" where it was found shut; where another one is open if nobody waited for its answer."""
    rows = [row for row in seen.ports if row.port == port]
    shut = bool(rows) and not any(row.detail.startswith(GIVEN_UP) for row in rows)
    opened = [row.address for row in rows if row.state == OPEN] or [row.address for row in seen.ports if row.state == OPEN and not shut]
    return next(iter(opened), "")


def unreached(seen: EndpointEvidence, port: int) -> str:
    """Why a port is not to be had, as the endpoint shows it: the name, else the port itself."""
    rows = [row for row in seen.ports if row.port == port]
    if not seen.ports and not isinstance(seen.names, Unknown) and not seen.names.is_address:
        names = seen.names
        if names.no_such_name:
            return f"the name {names.asked} does not exist"
        if not names.system or isinstance(names.system, Unknown):
            told = names.system.unknown.rstrip(".") if isinstance(names.system, Unknown) else ""
            return f"the name {names.asked} has no address{f' ({told})' if told else ''}"
    state = rows[0] if rows and all(row.state == rows[0].state for row in rows) else None
    if state is not None and state.state == PORT_REFUSED:
        return f"port {port} refuses connections"
    if state is not None and state.state == UNREACHABLE:
        return f"port {port} cannot be reached{f' ({state.detail})' if state.detail else ''}"
    return f"port {port} does not answer"


def offered_methods(door: DoorEvidence | None, target: Target, kind: str) -> tuple[str, ...]:
    """Methods that the 401 offers and that may be tried unasked: never Basic where nobody verifies who gets the password, never CredSSP, which hands it over.

    `kind` is the account's: a local one is unknown to every KDC.
    """
    offered = {scheme.lower() for scheme in door.schemes} if door else set()
    methods = []
    if offered & {"negotiate", "kerberos"} and deps.speaks_kerberos() and kind == DOMAIN:
        methods.append("kerberos")
    if "negotiate" in offered:
        methods.append("ntlm")
    if "basic" in offered and target.scheme == "https" and target.validate_certs:
        methods.append("basic")
    return tuple(methods)


def _plain_was_refused(attempt: AttemptEvidence) -> bool:
    rung = attempt.rung("identify")
    return not attempt.sealed and attempt.scheme == "http" and rung is not None and rung.status != PASSED
