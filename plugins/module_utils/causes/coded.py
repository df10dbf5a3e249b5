# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes that name a cause: a Kerberos error, an NTSTATUS, a fault of WS-Management. The tables say how strongly."""

from __future__ import annotations

import typing as t

from ..evidence.case import Case
from ..evidence.directory import REFUSED as STEP_REFUSED
from ..evidence.logon import ACCEPTED, NOT_TRIED, AttemptEvidence, RungEvidence
from ..explain_code import fault_entry, kerberos_entry, named, status_entry
from ..explain_lookup import Entry
from ..finding import CONFIRMED, LIKELY, POSSIBLE, Fact, Finding, Remedy
from . import directories, joined, logons
from .outside import where

VERDICT = {"strong": CONFIRMED, "medium": LIKELY, "weak": POSSIBLE}
"""A code that names one cause and was read from the host or the KDC itself is as good as proof (facts: decision table)."""

MODIFIED = "KRB_AP_ERR_MODIFIED"
"""The ticket was made for another key. Wrong owner of the SPN, a stale machine password and an address of another host all end in it (facts: pairs)."""

LIBRARY = 128
"""MIT's own codes start here: they tell of this machine, not of a KDC."""
C_UNKNOWN = 6
"""The KDC does not know the user, which says nothing where Kerberos read DOMAIN\\user as another name."""


class Coded(t.NamedTuple):
    """One code, and where it came from."""

    code: int
    entry: Entry
    facts: tuple[Fact, ...]
    ceiling: str = CONFIRMED
    """The strongest verdict that it may lead to here."""


def codes(case: Case) -> list[Coded]:
    """Every code that is known and that stands in the own way's path, each once, whoever said it."""
    found: dict[tuple[str, str], Coded] = {}
    for coded in (*_of_attempts(case), *_of_steps(case), *_of_faults(case)):
        before = found.get(coded.entry.key)
        found[coded.entry.key] = before._replace(facts=directories.merged(*before.facts, *coded.facts)) if before else coded
    return list(found.values())


def _of_attempts(case: Case) -> t.Iterator[Coded]:
    attempt = logons.own(case)
    for made in (attempt, *_hidden(case, attempt)) if attempt is not None else ():
        code = logons.code_of(made)
        if code is not None and (entry := kerberos_entry(code) if code < 256 else status_entry(code)):
            yield Coded(code, entry, (logons.fact(case, made),))


def _hidden(case: Case, attempt: AttemptEvidence | None) -> t.Iterator[AttemptEvidence]:
    """Kerberos' part of `negotiate`, of which a client tells nothing: what a KDC or the host said counts, what only this machine's library says does not."""
    if attempt is None or attempt.outcome == ACCEPTED:
        return
    for made in logons.attempts(case):
        code = logons.code_of(made) if made.own and made is not attempt and made.outcome != NOT_TRIED else None
        if code is not None and code < LIBRARY and not (code == C_UNKNOWN and "\\" in made.account):
            yield made


def _of_steps(case: Case) -> t.Iterator[Coded]:
    """What a KDC said when it was asked step by step, where the own way needs that ticket."""
    ceiling = directories.stake(case)
    for asked in (*directories.mine(case), *directories.own_tickets(case)) if ceiling else ():
        entry = kerberos_entry(asked.step.code) if asked.step.outcome == STEP_REFUSED else None
        if entry and asked.step.code is not None and asked.step.code < LIBRARY:
            yield Coded(asked.step.code, entry, (directories.step_fact(asked),), ceiling)


def _of_faults(case: Case) -> t.Iterator[Coded]:
    for attempt, rung, fault in logons.faults(case):
        entry = fault_entry(fault.code)
        if entry and fault.code is not None:
            yield Coded(fault.code, entry, (_fault_fact(case, attempt, rung),))


def said(case: Case, *wanted: int) -> Coded | None:
    """The first of these codes that was said."""
    return next((coded for coded in codes(case) if coded.code in wanted), None)


def findings(
    case: Case, cause: str, *, besides: t.Collection[int] = (), next_check: str = "", remedies: tuple[Remedy, ...] = (), weight: int = 80,
) -> list[Finding]:
    """One finding for each code that points at `cause`, those left out that another rule spoke for; tied with the causes that it points at as strongly."""
    found = []
    for coded in codes(case):
        strengths = dict(coded.entry.causes)
        if cause not in strengths or coded.code in besides:
            continue
        rivals = tuple(other for other, strength in coded.entry.causes if other != cause and strength == strengths[cause])
        if coded.entry.symbol == MODIFIED:
            rivals = tuple(other for other, _strength in coded.entry.causes if other != cause)
            if joined.finding(case) is not None and cause != joined.BLAMED:
                # The inside says that it is the machine's own password.
                continue
            if joined.sound(case):
                if cause == joined.BLAMED:
                    continue
                rivals = tuple(other for other in rivals if other != joined.BLAMED)
        verdict = directories.at_most(VERDICT[strengths[cause]], coded.ceiling)
        if rivals and verdict == CONFIRMED:
            verdict = LIKELY
        found.append(
            Finding(
                cause, _rule(coded.entry), verdict, f"{_who(coded)} {coded.entry.meaning}", coded.facts, next_check=next_check, remedies=remedies,
                tied_with=rivals, weight=weight if strengths[cause] == "strong" else weight - 20,
            )
        )
    return found


def _rule(entry: Entry) -> str:
    """`STATUS_ACCOUNT_DISABLED` as `account_disabled`."""
    name = entry.symbol.lower()
    for prefix in ("status_", "error_wsman_", "error_", "kdc_err_", "krb_ap_err_", "krb5_", "sec_e_"):
        name = name.removeprefix(prefix)
    return name


def _who(coded: Coded) -> str:
    return f"The answer says {named(coded.code, coded.entry)}."


def _fault_fact(case: Case, attempt: AttemptEvidence, rung: RungEvidence) -> Fact:
    return Fact(f"{rung.name}: {rung.means}", f"{where(case.target, port=attempt.port)}, {attempt.method} over {attempt.scheme}", "logon")


def heard(said: Coded | None) -> tuple[Fact, ...]:
    """What a code rests on, where one was said."""
    return said.facts if said is not None else ()


def strength(case: Case, said: Coded | None) -> str:
    """Two kinds of evidence, the KDC's answer and what the directory holds, or the directory alone."""
    return directories.at_most(CONFIRMED if said is not None else LIKELY, directories.stake(case))
