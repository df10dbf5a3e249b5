# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos encryption types of client, account and host."""

from __future__ import annotations

from ..evidence.case import Case
from ..finding import Finding
from . import coded
from .cause import Cause

BY_HAND = "Compare msDS-SupportedEncryptionTypes of the host with permitted_enctypes of krb5.conf; on the domain controller Security 4769, code 0xE."


def evaluate(case: Case, now: float) -> list[Finding]:
    """The KDC or the host names it."""
    return coded.findings(case, "encryption_types", next_check=BY_HAND, weight=75)


CAUSE = Cause("encryption_types", "No Kerberos encryption type in common", 2, ("logon", "directory"), BY_HAND, evaluate)
