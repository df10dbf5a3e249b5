# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One logon: may it be tried, what came of it, and the ladder above it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .. import deps
from ..account import Account
from ..evidence import answers
from ..evidence.base import Unknown
from ..evidence.endpoint import DoorEvidence, HttpEvidence, TlsEvidence
from ..evidence.logon import ACCEPTED, BROKEN, DENIED, FAILED, NOT_TRIED, PASSED, REFUSED, AttemptEvidence, LocalFailure, RungEvidence
from ..explain_code import kerberos_entry, named, status_entry
from ..target import Target
from ..wire import methods
from ..wire.background import Background
from ..wire.channel import Channel
from ..wire.deadline import Deadline
from ..wire.kdc import coded
from ..wire.kerberos import counts_for_nobody, names_credentials
from ..wire.methods import SEALING, TICKETS
from ..wire.session import Session
from .attempts import Book, Permit
from .ladder import Ladder

BINDABLE = ("negotiate", "kerberos", "ntlm")
SCHEMES = {
    "negotiate": ("negotiate", "kerberos"), "kerberos": ("kerberos", "negotiate"), "ntlm": ("negotiate", "ntlm"), "basic": ("basic",),
    "credssp": ("credssp",),
}
"""Which offered scheme carries each method."""
NOT_TOLD = {
    "refused_by_kdc": "Not tried: {where} refuses the account, which holds for every host.",
    "no_room": "Not tried: one more wrong password would lock the account.",
    "refused_before": "Not tried: the same account was refused on {where}, and a second refusal may lock it. That says nothing about this host.",
    "in_doubt": "Not tried: on {where} the same account's password was sent and no answer came, so it counts as a refusal.",
    "no_book": "Not tried: this process does not share the book of attempts with others, so nobody could tell when the account is about to be locked.",
    "ambiguous": "Not tried: a name without a domain may be the host's own account, so no KDC gets its password.",
    "busy": "Not tried: another host was still trying the same account when the time was up.",
}


GUEST_SHARE = 0.95
"""Of the time left, what a guest may take: closing what it opened needs some too."""


class Limits(t.Protocol):
    """What an attempt needs of the plan."""

    @property
    def rungs(self) -> tuple[str, ...]:
        """Rungs to climb."""

    @property
    def further(self) -> tuple[str, ...]:
        """Rungs to climb where one of those was not passed."""

    @property
    def limit(self) -> int:
        """Failed or unanswered uses of a password that an account may have."""

    @property
    def thorough(self) -> bool:
        """Whether every way is tried, also where the own one works."""

    @property
    def guest(self) -> Guest | None:
        """Who is shown every logon that a host accepts."""


class Guest(t.Protocol):
    """Somebody who has questions to a host once a logon works."""

    requests: int

    @property
    def satisfied(self) -> bool:
        """Whether no further logon is of interest."""

    def visit(self, session: Session, way: AttemptEvidence, deadline: Deadline) -> None:
        """Ask; never raises for anything a host does."""


@dataclass(frozen=True)
class Way:
    """One way in."""

    target: Target
    method: str
    scheme: str
    port: int
    binding: str
    sealed: bool
    own: bool = False
    name: str = ""
    same_account: bool = False
    """True for an alternate logon with the inventory's account."""
    asked: bool = False
    """True when the user named this method: then it may be one that is never tried unasked."""


def carries_binding(method: str, scheme: str) -> bool:
    """Whether a logon can be bound to TLS at all."""
    return scheme == "https" and method in BINDABLE


def seals(target: Target, method: str, scheme: str) -> bool:
    """Whether the inventory's connection would encrypt messages itself."""
    if method not in SEALING or target.message_encryption == "never":
        return False
    return scheme == "http" or target.message_encryption == "always"


class Attempt:
    """`run` it once. `spent` tells afterwards whether it counts against the account."""

    def __init__(
        self, way: Way, door: DoorEvidence | None, address: str, account: Account, book: Book, plan: Limits, deadline: Deadline,
        whole: Deadline | None = None, unreached: str = "",
    ) -> None:
        self.way, self.door, self.address, self.account = way, door, address, account
        self.book, self.plan, self.deadline = book, plan, deadline
        self.unreached = unreached
        """Why there is no address, where the endpoint tells."""
        self.whole = whole or deadline
        """When the visit ends, other ways included."""
        self.lets_in = False
        self.session: Session | None = None
        self.spent = False
        self.of_guest = 0

    @property
    def requests(self) -> int:
        """HTTP requests sent, those of a guest left out."""
        return self.session.requests - self.of_guest if self.session else 0

    def run(self) -> AttemptEvidence:
        """The whole of it; never raises for anything a host does."""
        why = self._hindrance()
        if why:
            return self._evidence(NOT_TRIED, why[1], reason=why[0])
        password = self.way.target.password
        if self.way.method == "certificate" or (self.way.method in TICKETS and not password):
            return self._timed(Permit(True))
        with self.book.permit(
            self.account, password or "", where=self.way.target.name, limit=self.plan.limit, deadline=self.deadline.sooner(self.deadline.left() * 0.7),
        ) as permit:
            if permit.reason == "refused_before" and permit.where == self.way.target.name:
                return self._evidence(REFUSED, "This host refused the same account earlier in this run, so it was not tried again.", permit, used=True)
            if not permit.granted:
                return self._evidence(NOT_TRIED, not_told(permit), reason=permit.reason, failure=kdc_failure(permit))
            return self._timed(permit)

    @property
    def sends_password(self) -> bool:
        """Whether `run` would send something that depends on a password."""
        return self.way.method != "certificate" and self.way.target.password is not None and self._hindrance() is None

    def skipped(self, reason: str, means: str, failure: LocalFailure | None = None) -> AttemptEvidence:
        """What is told of it instead of running it."""
        return self._evidence(NOT_TRIED, means, reason=reason, failure=failure)

    def _timed(self, permit: Permit) -> AttemptEvidence:
        """Kerberos asks the KDC through a library without a time-out, so it runs where it can be left behind."""
        if self.way.method not in TICKETS or not deps.speaks_kerberos():
            return self._log_on(permit)
        work = Background(lambda: self._log_on(permit))
        answer = work.wait(self.deadline.left() + 0.5)
        if isinstance(answer, Unknown) and self.lets_in:
            # It is the guest that still reads, and it ends by itself.
            answer = work.wait(self.whole.left() + 0.5)
        if isinstance(answer, Unknown):
            self.spent = permit.counts
            failure = LocalFailure("kdc", answer.unknown)
            return self._evidence(BROKEN, f"The logon did not end in time: {answer.unknown}.", permit, failure=failure)
        return answer

    def _hindrance(self) -> tuple[str, str] | None:
        """Why nothing may be sent: a word and a sentence."""
        way, door = self.way, self.door
        if way.method == "certificate" and way.scheme == "http":
            return "unsafe", "Not tried: a client certificate needs TLS, and this way is plain HTTP."
        if not self.address:
            return "not_reached", f"Not tried: {self.unreached or f'port {way.port} does not answer'}."
        if door is not None and (stopped := self._at_the_door(door)):
            return stopped
        if way.method not in ("certificate", *TICKETS) and way.target.password is None:
            return "no_password", "Not tried: the inventory has no password for this account."
        if way.method != "certificate" and way.target.password is not None and not way.target.username:
            return "no_password", "Not tried: the inventory has a password but no user name."
        if way.method not in ("basic", "certificate") and (why := deps.missing("pyspnego")):
            return "no_library", f"Not tried: {why}."
        if way.method == "kerberos" and not deps.speaks_kerberos():
            return "no_library", "Not tried: the Python libraries gssapi and krb5, which Kerberos needs, are not installed here."
        return None

    def _at_the_door(self, door: DoorEvidence) -> tuple[str, str] | None:
        way = self.way
        if door.scheme != way.scheme or (isinstance(door.tls, TlsEvidence) and door.tls.failure):
            return "not_reached", f"Not tried: port {way.port} does not speak {way.scheme} as it should."
        anonymous = door.anonymous
        if not isinstance(anonymous, HttpEvidence) or anonymous.status != 401:
            # A host that answers 200 to everybody proves nothing about a password, and one that answers 404 has no WinRM.
            said = f"HTTP {anonymous.status}" if isinstance(anonymous, HttpEvidence) and anonymous.status else "no answer"
            return "not_reached", f"Not tried: a request without credentials gets {said} there instead of 401."
        if not answers.is_winrm(door) and way.method in ("basic", "credssp"):
            return "unsafe", f"Not tried: what answers does not look like WinRM, and {way.method} would hand it the password."
        offered = {scheme.lower() for scheme in door.schemes}
        if way.method in SCHEMES and not offered.intersection(SCHEMES[way.method]):
            return "not_offered", f"Not tried: the host offers {', '.join(door.schemes) or 'no scheme'}, which cannot carry {way.method}."
        if way.method == "basic" and way.scheme == "http" and not (way.own or way.name or way.asked):
            return "unsafe", "Not tried: Basic over plain HTTP sends the password readable."
        return None

    def _log_on(self, permit: Permit) -> AttemptEvidence:
        way = self.way
        offered = self.door.schemes if self.door else ()
        channel = Channel(way.target, self.address, way.port, way.scheme, self.deadline, client_certificate=way.method == "certificate")
        session = self.session = Session(
            channel, lambda der: methods.method_for(way.method, way.target, der, way.binding, offered, once=not permit.proven), name=way.method,
            sealed=way.sealed,
        )
        try:
            outcome = session.log_on()
            rungs = [self._first_rung(session, outcome)]
            ladder = Ladder(session)
            wanted = [name for name in self.plan.rungs if name != "authenticate"] if outcome == ACCEPTED else []
            if wanted[:1] == ["identify"]:
                # Asked before the book is told: a sealed answer proves that the host knows the password too.
                rungs.append(ladder.rung(wanted.pop(0)))
            settle(permit, session, outcome, rungs)
            self.spent = permit.counts
            rungs += [ladder.rung(name) for name in wanted]
            if outcome == ACCEPTED and any(rung.status != PASSED for rung in rungs):
                rungs += [ladder.rung(name) for name in self.plan.further if all(rung.name != name for rung in rungs)]
            evidence = self._evidence(outcome, self._means(session, outcome), permit, failure=session.failure, rungs=tuple(rungs))
            self._let_in(session, evidence)
            if session.turned:
                # Whoever else has this account in mind must know that its password is not what it was.
                permit.refused()
                self.spent = permit.counts
            return evidence
        finally:
            session.close()

    def _let_in(self, session: Session, evidence: AttemptEvidence) -> None:
        """Show the logon to the guest: with all the time that is left where no other way will be tried, else with some for whoever comes after."""
        guest = self.plan.guest
        mute = any(rung.name == "identify" and rung.status == FAILED for rung in evidence.rungs)
        if guest is None or guest.satisfied or evidence.outcome != ACCEPTED or mute:
            return
        before = session.requests
        last = not self.plan.thorough and evidence.own and evidence.enough_for(self.way.target.connection)
        ends = self.whole if last else self.deadline
        self.lets_in = True
        with session.channel.until(ends):
            guest.visit(session, evidence, ends.sooner(ends.left() * GUEST_SHARE))
        self.of_guest = session.requests - before

    def _first_rung(self, session: Session, outcome: str) -> RungEvidence:
        status = {ACCEPTED: PASSED, REFUSED: DENIED}.get(outcome, FAILED)
        return RungEvidence("authenticate", status, self._means(session, outcome), tuple(session.legs))

    def _means(self, session: Session, outcome: str) -> str:
        way = f"{self.way.method}{f' ({session.mechanism})' if session.mechanism not in ('', self.way.method) else ''}"
        if outcome == ACCEPTED:
            return f"The host accepted the logon with {way}."
        last = session.legs[-1] if session.legs else None
        if outcome == REFUSED:
            said = code_sentence(session)
            if said:
                return f"The host refused the logon with {way}: {said}"
            status = last.reply.status if last else None
            if self.way.method == "certificate":
                return f"The host refused the client certificate: HTTP {status}, without a reason."
            if not session.used:
                return f"The host answered the first message of {way} with HTTP {status} and nothing to go on with; no password was tried."
            return f"The host refused the logon with {way}: HTTP {status}, without a reason."
        if session.failure and session.failure.step in ("keep_alive", "connect", "tls"):
            return f"The logon with {way} could not be finished: {local_sentence(session.failure)}"
        if session.failure:
            return f"The logon with {way} failed on this side ({session.failure.step}): {local_sentence(session.failure)}"
        if last and last.reply.failure:
            detail = f", {last.reply.detail}" if last.reply.detail else ""
            return f"The connection failed in the middle of the logon with {way}: {last.reply.failure}{detail}."
        return f"The host answered the logon with {way} with HTTP {last.reply.status if last else None}."

    def _evidence(self, outcome: str, means: str, permit: Permit | None = None, **more: t.Any) -> AttemptEvidence:
        way, session = self.way, self.session
        more.setdefault("used", bool(session and session.used))
        return AttemptEvidence(
            method=way.method, scheme=way.scheme, port=way.port, outcome=outcome, means=means, own=way.own, way=way.name, same_account=way.same_account,
            account=way.target.username or "", kind=self.account.kind if self.account.user else "",
            mechanism=session.mechanism if session else "", binding=way.binding, sealed=way.sealed,
            proven=bool(permit and permit.proven), proven_by=permit.where if permit and permit.proven else "", **more,
        )


def not_told(permit: Permit) -> str:
    """Why a password may not be used, in a sentence."""
    if permit.reason in ("asked", "no_room") and permit.step:
        return permit.step.means
    if permit.reason == "in_doubt" and permit.step:
        return f"Not tried: the same account's password was sent to {permit.where} and no usable answer came, so it counts as a refusal."
    if permit.reason == "refused_before" and permit.step:
        return f"Not tried: {permit.where} refused another password of the same account, and a second refusal may lock it."
    if permit.reason == "refused_by_kdc" and permit.step:
        said = coded(permit.step.code, permit.step.status)
        place = permit.step.controller
        # Nobody authenticates a KDC's error ([RFC 4120] 5.9.1), so whoever reads this has to know which machine it was.
        fair = f" If {place} is no domain controller of yours, correct krb5.conf or DNS and run again." if place else ""
        return f"Not tried: {permit.where}{f' at {place}' if place else ''} refuses {permit.step.asked_for}, which holds for every host: {said}{fair}"
    return NOT_TOLD[permit.reason].format(where=permit.where or "another host")


def kdc_failure(permit: Permit) -> LocalFailure | None:
    """The KDC's refusal, where that is why."""
    step = permit.step
    return LocalFailure("kdc", step.means, step.code) if permit.reason == "refused_by_kdc" and step else None


def settle(permit: Permit, session: Session, outcome: str, rungs: t.Sequence[RungEvidence]) -> None:
    """Tell the book how it ended; what is not told stays in doubt."""
    kdc = session.failure.code if session.failure and session.failure.step == "kdc" else None
    if (not session.used and outcome != ACCEPTED) or counts_for_nobody(kdc):
        permit.withdrawn()
    elif names_credentials(kdc) or outcome == REFUSED:
        permit.refused()
    elif outcome == ACCEPTED and not any(rung.name == "identify" and rung.status == FAILED for rung in rungs):
        permit.accepted()


def code_sentence(session: Session) -> str:
    """What a Kerberos error or an NTSTATUS in the host's answer says."""
    answer = next((leg.answer for leg in reversed(session.legs) if leg.answer and leg.answer.code is not None), None)
    if answer is not None and answer.code is not None:
        entry = kerberos_entry(answer.code) if answer.kind == "kerberos_error" else status_entry(answer.code)
        return f"{named(answer.code, entry)}{f': {entry.meaning}' if entry else '.'}"
    if session.failure and session.failure.code is not None:
        return local_sentence(session.failure)
    return ""


def local_sentence(failure: LocalFailure) -> str:
    """A failure of this side, its number explained where it has one."""
    entry = None
    if failure.code is not None:
        entry = kerberos_entry(failure.code) if failure.code < 256 else status_entry(failure.code)
    if entry and failure.code is not None:
        return f"{named(failure.code, entry)}: {entry.meaning}"
    return f"{failure.text.rstrip('.')}."
