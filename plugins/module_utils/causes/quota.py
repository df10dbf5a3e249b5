# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shells, processes, memory: quotas of the service."""

from __future__ import annotations

from .cause import Cause
from .undecided import evaluate

CAUSE = Cause(
    "quota",
    "A WinRM quota is used up",
    1,
    ("logon", "host"),
    "On the host: winrm get winrm/config/winrs, MaxShellsPerUser; winrm enumerate shell lists what is open.",
    evaluate,
)
