# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cause concludes: a verdict with its evidence, and what to do about it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

CONFIRMED, LIKELY, POSSIBLE, UNKNOWN, RULED_OUT = "confirmed", "likely", "possible", "unknown", "ruled_out"
VERDICTS = (CONFIRMED, LIKELY, POSSIBLE, UNKNOWN, RULED_OUT)
"""Strongest first."""
TROUBLE = (CONFIRMED, LIKELY, POSSIBLE)


@dataclass(frozen=True)
class Fact:
    """One observation, quoted: what was seen, where, from which vantage point."""

    seen: str
    where: str
    vantage: str


@dataclass(frozen=True)
class Remedy:
    """One thing to do: a sentence, and the command or task that does it; `risk` is low, medium or high."""

    do: str
    how: str = ""
    risk: str = "low"


@dataclass(frozen=True)
class Finding:
    """One rule's conclusion about one host."""

    cause: str
    rule: str
    """Which of the cause's rules spoke, such as `expired`; stable, for filters and tests."""
    verdict: str
    summary: str
    """One sentence that says what is wrong, for a tired reader."""
    because: tuple[Fact, ...] = ()
    against: tuple[Fact, ...] = ()
    next_check: str = ""
    """What would split the best candidates, or decide an unknown."""
    remedies: tuple[Remedy, ...] = ()
    tied_with: tuple[str, ...] = ()
    """Causes that the evidence so far cannot tell from this one."""
    weight: int = 50
    """Among equal verdicts: how close to the root, 0-100; what stops everything after it weighs more."""


def rank(findings: t.Iterable[Finding]) -> list[Finding]:
    """Strongest verdict first, then weight, then cause and rule so that two runs agree."""
    return sorted(findings, key=lambda f: (VERDICTS.index(f.verdict), -f.weight, f.cause, f.rule))
