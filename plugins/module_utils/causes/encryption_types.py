# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos encryption types of client, account and host."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.directory import AS, GRANTED
from ..evidence.host import POLICY
from ..finding import LIKELY, RULED_OUT, Finding, Remedy
from . import coded, directories, etypes, inside, owned
from .cause import Cause
from .etypes import BY_HAND


def evaluate(case: Case, now: float) -> list[Finding]:
    """The KDC or the host names it; the directory and krb5.conf tell whose it is."""
    judged = directories.of(etypes.findings(case), "encryption_types")
    return judged or _host_policy(case) or coded.findings(case, "encryption_types", next_check=BY_HAND, weight=75) or _agreed(case)


SUPPORTED = "SupportedEncryptionTypes"
SETTING = "Network security: Configure encryption types allowed for Kerberos"


def _host_policy(case: Case) -> list[Finding]:
    """The KDC found no type in common, and the host's own policy leaves out AES: its account says the same as soon as it has registered itself so."""
    found, said = inside.policy(inside.host(case), SUPPORTED), coded.said(case, etypes.NO_COMMON_TYPE)
    bits = inside.number(found.value) if found is not None else None
    if found is None or said is None or not bits or bits & etypes.AES or not inside.ceiling(case):
        return []
    name = found.setting or SETTING
    remedy = owned.in_policy(name, "Allow AES128 and AES256 on the host")
    if found.source != POLICY:
        remedy = Remedy("Allow AES128 and AES256 on the host", f"secpol.msc, Local Policies, Security Options: {name}", "medium")
    return [Finding(
        "encryption_types", "host_policy", directories.at_most(LIKELY, said.ceiling),
        f"The host's policy allows Kerberos no AES ({SUPPORTED} is {found.value}).",
        (*said.facts, inside.policy_fact(case, found)), next_check=BY_HAND, remedies=(remedy,), weight=77,
    )]


def _agreed(case: Case) -> list[Finding]:
    """Both tickets were made, so a type was found for both."""
    first = next((asked for asked in directories.mine(case) if asked.step.name == AS and asked.step.outcome == GRANTED), None)
    ticket = next((asked for asked in directories.own_tickets(case) if asked.step.outcome == GRANTED), None)
    if first is None or ticket is None:
        return []
    against = (directories.step_fact(first), directories.step_fact(ticket))
    how = f" ({ticket.step.ticket_encryption})" if ticket.step.ticket_encryption else ""
    return [Finding("encryption_types", "agreed", RULED_OUT, f"Control node, KDC and the host's account agree on an encryption type{how}.", against=against)]


CAUSE = Cause("encryption_types", "No Kerberos encryption type in common", 2, ("logon", "directory"), BY_HAND, evaluate)
