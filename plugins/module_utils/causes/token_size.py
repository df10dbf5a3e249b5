# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of accounts in many groups."""

from __future__ import annotations

from .cause import Cause
from .undecided import evaluate

CAUSE = Cause(
    "token_size",
    "The Kerberos token is too large for the HTTP driver",
    2,
    ("directory", "logon"),
    "HTTP 400 'Request Too Long' after the logon; count the groups of the account: whoami /groups.",
    evaluate,
)
