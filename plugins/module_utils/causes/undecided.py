# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of causes that nothing seen without credentials speaks for or against."""

from __future__ import annotations

from ..evidence.case import Case
from ..finding import Finding


def evaluate(case: Case, now: float) -> list[Finding]:
    """Nothing: the catalogue reports the cause as unknown, with the vantage point that would tell."""
    return []
