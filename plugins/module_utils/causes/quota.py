# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shells, processes, memory: quotas of the service."""

from __future__ import annotations

from dataclasses import replace

from ..evidence.case import Case
from ..evidence.host import POLICY, SettingEvidence
from ..evidence.logon import ACCEPTED, DENIED, AttemptEvidence
from ..finding import CONFIRMED, LIKELY, RULED_OUT, Fact, Finding, Remedy
from . import coded, directories, inside, logons, owned
from .cause import Cause

BY_HAND = "On the host: winrm get winrm/config/winrs, MaxShellsPerUser; winrm enumerate shell lists what is open."
REMEDIES = (
    Remedy("Close the shells that nobody uses any more", "Get-WSManInstance shell -Enumerate shows them; Restart-Service WinRM closes all", "medium"),
    Remedy("Or raise the quota", "Set-Item WSMan:\\localhost\\Shell\\MaxShellsPerUser 50", "medium"),
)


def evaluate(case: Case, now: float) -> list[Finding]:
    """A fault names the quota; a shell that opened acquits."""
    named = coded.findings(case, "quota", next_check=BY_HAND, remedies=REMEDIES, weight=76)
    if named:
        return [_explained(case, finding) for finding in named]
    if full := _full(case):
        return [full]
    attempt = logons.own(case)
    if attempt is not None and logons.works(case):
        against = tuple(logons.rung_fact(case, attempt, rung) for rung in attempt.rungs[-1:])
        return [Finding("quota", "room_left", RULED_OUT, "The shell that the connection needs was opened.", against=against)]
    return []


SHELLS = "Winrs/MaxShellsPerUser"
QUOTAS = (SHELLS, "Winrs/MaxConcurrentUsers", "Winrs/MaxProcessesPerShell", "Winrs/MaxMemoryPerShellMB", "Service/MaxConcurrentOperationsPerUser")


def _explained(case: Case, finding: Finding) -> Finding:
    """A fault that names a quota, with what the host has open and allows."""
    facts = _facts(case)
    owner = next((one for one in _quotas(case) if one.source == POLICY and one.path == SHELLS), None)
    remedies = finding.remedies
    if owner is not None:
        remedies = (REMEDIES[0], owned.change(inside.host(case), owner, "Or raise the quota", ""))
    limit = next((one for one in _quotas(case) if one.path == SHELLS), None)
    summary = finding.summary
    if limit is not None and finding.rule == "quota_max_shells":
        summary = f"The account has as many shells open as the host allows: {SHELLS} is {limit.value}."
    return replace(finding, summary=summary, because=(*finding.because, *facts), remedies=remedies)


def _full(case: Case) -> Finding | None:
    """As many shells as the quota allows, and one more is refused: by whatever words."""
    seen, attempt = inside.limits(case), logons.own(case)
    used_up = tuple(one for one in inside.of_kind(seen.problems, "shells_used_up") if _concerns(one.subject, attempt)) if seen else ()
    if not used_up or attempt is None or attempt.outcome != ACCEPTED or logons.works(case):
        return None
    rung = next((rung for rung in attempt.rungs if rung.status == DENIED and rung.name in logons.SHELLS), None)
    if rung is None or any(fault.code in (5, 0x80070005) for _attempt, _rung, fault in logons.faults(case)):
        return None
    because = (logons.rung_fact(case, attempt, rung), *inside.problem_facts(case, used_up), *_facts(case))
    return Finding(
        "quota", "shells_used_up", directories.at_most(LIKELY, inside.ceiling(case) or CONFIRMED),
        f"The host opens no further shell: {used_up[0].means}", because, next_check=BY_HAND,
        remedies=REMEDIES, weight=75,
    )


def _concerns(subject: str, attempt: AttemptEvidence | None) -> bool:
    """Whether it is the account's own quota, or the one on users, which stops everybody new."""
    return subject.startswith("Winrs/") or (attempt is not None and directories.user_of(subject) == directories.user_of(attempt.account))


def _quotas(case: Case) -> list[SettingEvidence]:
    found = (inside.setting(case, path) for path in QUOTAS)
    return [one for one in found if one is not None]


def _facts(case: Case) -> tuple[Fact, ...]:
    seen = inside.limits(case)
    count = inside.known(seen.own_shells) if seen else None
    opened = (inside.fact(case, f"the account that read it has {count} other shell{'s' if count != 1 else ''} open"),) if count is not None else ()
    narrow = [one for one in _quotas(case) if one.path == SHELLS or (one.default is not None and one.value != one.default)]
    return (*opened, *(inside.setting_fact(case, one) for one in narrow))


CAUSE = Cause("quota", "A WinRM quota is used up", 1, ("logon", "host"), BY_HAND, evaluate)
