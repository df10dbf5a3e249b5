# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that set service principal names right, as remedies propose them."""

from __future__ import annotations

from .. import commands
from ..evidence.case import Case

BY_SOMEBODY = "with domain_username and domain_password of somebody who may: the inventory's account seldom may"
"""Without them the task writes as the inventory's account."""


def add(case: Case, spn: str, account: str = "") -> str:
    """Registers an SPN."""
    return _task(case, f"{_whose(account)}spns={commands.spn(spn)} state=present")


def take(case: Case, account: str, *spns: str) -> str:
    """Takes SPNs from an account."""
    return _task(case, f"{_whose(account)}spns={','.join(map(commands.spn, spns))} state=absent")


def move(case: Case, spn: str) -> str:
    """Moves an SPN to the host's computer account."""
    return _task(case, f"spns={commands.spn(spn)} state=present force_move=true")


def _whose(account: str) -> str:
    return f"account={commands.word(account)} " if account else ""


def _task(case: Case, options: str) -> str:
    return f'ansible {case.target.name} -m winrm.doctor.spn -a "{options}"'
