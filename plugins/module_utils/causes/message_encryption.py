# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption of messages over HTTP."""

from __future__ import annotations

from .cause import Cause
from .undecided import evaluate

CAUSE = Cause(
    "message_encryption",
    "The host insists on message encryption",
    2,
    ("logon", "host"),
    "On the host: winrm get winrm/config/service, AllowUnencrypted. Basic over HTTP works only with true.",
    evaluate,
)
