# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shells, processes, memory: quotas of the service."""

from __future__ import annotations

from ..evidence.case import Case
from ..finding import RULED_OUT, Finding, Remedy
from . import coded, logons
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
        return named
    attempt = logons.own(case)
    if attempt is not None and logons.works(case):
        against = tuple(logons.rung_fact(case, attempt, rung) for rung in attempt.rungs[-1:])
        return [Finding("quota", "room_left", RULED_OUT, "The shell that the connection needs was opened.", against=against)]
    return []


CAUSE = Cause("quota", "A WinRM quota is used up", 1, ("logon", "host"), BY_HAND, evaluate)
