# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every cause file says about itself."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..evidence.case import Case
from ..finding import Finding


@dataclass(frozen=True)
class Cause:
    """One cause: its metadata and its pure rule.

    `evaluate(case, now)` returns what the evidence supports, at most one finding per rule; an empty list
    means that nothing speaks for or against: the catalogue then reports it as unknown. `now` is the control node's time in seconds since 1970.
    """

    id: str
    title: str
    method: int
    """Of the five methods the one that treats it."""
    vantage: tuple[str, ...]
    """Vantage points that can decide it, cheapest first."""
    by_hand: str
    """What an administrator can do today to decide it."""
    evaluate: t.Callable[[Case, float], list[Finding]]

    @property
    def docs(self) -> str:
        """Path of its page."""
        return f"docs/causes/{self.id}.md"
