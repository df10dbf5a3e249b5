# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account name, password, state of the account: only a logon or the directory tells."""

from __future__ import annotations

from .cause import Cause
from .undecided import evaluate

CAUSE = Cause(
    "credentials",
    "Name, password or state of the account is refused",
    2,
    ("directory", "logon"),
    "One attempt, never a loop: kinit USER@REALM names the reason; on the host read Security 4625, SubStatus first.",
    evaluate,
)
