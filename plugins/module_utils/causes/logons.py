# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the logon's evidence: the questions several causes ask of it."""

from __future__ import annotations

from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.logon import ACCEPTED, DENIED, NOT_TRIED, OWN_SHELL, AttemptEvidence, FaultEvidence, LogonEvidence, RungEvidence
from ..finding import Fact
from . import outside

SHELLS = {"cmd": "a cmd shell (WinRS)", "powershell": "a PowerShell session"}


def logon(case: Case) -> LogonEvidence | None:
    """The logon's evidence, if this vantage point was asked."""
    return None if isinstance(case.logon, Unknown) else case.logon


def attempts(case: Case) -> tuple[AttemptEvidence, ...]:
    """What was tried, or not, with the inventory's account."""
    seen = logon(case)
    return tuple(attempt for attempt in seen.attempts if not attempt.way or attempt.same_account) if seen else ()


def own(case: Case) -> AttemptEvidence | None:
    """The inventory's own way: where its connection would try several, the one that was accepted, else the last that was tried, as its own error would be."""
    mine = [attempt for attempt in attempts(case) if attempt.own]
    made = [attempt for attempt in mine if attempt.outcome != NOT_TRIED]
    return next((attempt for attempt in mine if attempt.outcome == ACCEPTED), made[-1] if made else next(iter(mine), None))


def accepted(case: Case) -> tuple[AttemptEvidence, ...]:
    """The ways in which the host let the inventory's account in."""
    return tuple(attempt for attempt in attempts(case) if attempt.outcome == ACCEPTED)


def by_others(case: Case) -> tuple[AttemptEvidence, ...]:
    """The alternate logons that the host accepted."""
    seen = logon(case)
    return tuple(attempt for attempt in seen.attempts if attempt.way and attempt.outcome == ACCEPTED) if seen else ()


def works(case: Case) -> bool:
    """True when the inventory's own way got as far as its connection needs: logged on, answered, and with its shell."""
    attempt = own(case)
    return attempt is not None and attempt.enough_for(case.target.connection)


def not_tried(case: Case) -> AttemptEvidence | None:
    """The own way, where it was not tried."""
    attempt = own(case)
    return attempt if attempt is not None and attempt.outcome == NOT_TRIED else None


def code_of(attempt: AttemptEvidence) -> int | None:
    """The Kerberos error or NTSTATUS that came with a refusal."""
    for rung in attempt.rungs[:1]:
        for leg in reversed(rung.legs):
            if leg.answer is not None and leg.answer.code is not None:
                return leg.answer.code
    return attempt.failure.code if attempt.failure else None


def denied(attempt: AttemptEvidence, *names: str) -> tuple[RungEvidence, ...]:
    """The rungs among `names` that the host denied."""
    return tuple(rung for rung in attempt.rungs if rung.status == DENIED and (not names or rung.name in names))


def fault(rung: RungEvidence) -> FaultEvidence | None:
    """The fault that a rung ended with."""
    return next((leg.fault for leg in reversed(rung.legs) if leg.fault is not None), None)


def faults(case: Case) -> tuple[tuple[AttemptEvidence, RungEvidence, FaultEvidence], ...]:
    """Every fault of the own way that is in its connection's way: those of the other shell and of winrm/config are not."""
    attempt = own(case)
    if attempt is None:
        return ()
    needed = ("authenticate", "identify", OWN_SHELL.get(case.target.connection, "powershell"))
    found = ((attempt, rung, fault(rung)) for rung in attempt.rungs if rung.name in needed)
    return tuple((attempt, rung, seen) for attempt, rung, seen in found if seen is not None)


def fact(case: Case, attempt: AttemptEvidence) -> Fact:
    """One attempt, quoted."""
    account = f"{attempt.account}: " if attempt.account else ""
    way = f"alternate logon {attempt.way}, " if attempt.way else ""
    return Fact(f"{way}{account}{attempt.means}", f"{outside.where(case.target, port=attempt.port)}, {way_of(attempt)}", "logon")


def rung_fact(case: Case, attempt: AttemptEvidence, rung: RungEvidence) -> Fact:
    """One rung, quoted."""
    what = {"authenticate": "the logon", "identify": "Identify", "config": "reading winrm/config", **SHELLS}[rung.name]
    return Fact(f"{what}: {rung.means}", f"{outside.where(case.target, port=attempt.port)}, {way_of(attempt)}", "logon")


def tries(case: Case) -> tuple[Fact, ...]:
    """Every attempt that was made, quoted, the own one first."""
    seen = logon(case)
    made = [attempt for attempt in seen.attempts if attempt.outcome != NOT_TRIED] if seen else []
    return tuple(fact(case, attempt) for attempt in made)


def way_of(attempt: AttemptEvidence) -> str:
    """`ntlm over https without channel binding`."""
    binding = {"omitted": " without channel binding", "wrong": " with a wrong channel binding"}.get(attempt.binding, "")
    return f"{attempt.method} over {attempt.scheme}{binding}"
