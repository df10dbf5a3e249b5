# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Channel binding between TLS and logon."""

from __future__ import annotations

from .cause import Cause
from .undecided import evaluate

CAUSE = Cause(
    "channel_binding",
    "The host insists on channel binding tokens",
    2,
    ("logon", "host"),
    "On the host: winrm get winrm/config/service/auth, CbtHardeningLevel. Does a device between unpack TLS?",
    evaluate,
)
