# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos encryption types of client, account and host."""

from __future__ import annotations

from .cause import Cause
from .undecided import evaluate

CAUSE = Cause(
    "encryption_types",
    "No Kerberos encryption type in common",
    2,
    ("directory",),
    "Compare msDS-SupportedEncryptionTypes of the host with permitted_enctypes of krb5.conf; on the domain controller Security 4769, code 0xE.",
    evaluate,
)
