# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account may do after the logon."""

from __future__ import annotations

from .cause import Cause
from .undecided import evaluate

CAUSE = Cause(
    "permissions",
    "The account may log on, but not use WinRM",
    2,
    ("logon", "host"),
    "On the host: winrm get winrm/config/service (RootSDDL), groups Administrators and Remote Management Users, Security 4624 followed by WinRM 192.",
    evaluate,
)
