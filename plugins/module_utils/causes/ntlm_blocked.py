# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM refused by policy."""

from __future__ import annotations

from ..evidence import answers
from ..evidence.base import Unknown
from ..evidence.case import Case
from ..finding import POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import outside
from .cause import Cause


def evaluate(case: Case, now: float) -> list[Finding]:
    """A challenge proves that the host speaks NTLM, not that its policy lets an account through; so it rules nothing out."""
    if not {"ntlm", "negotiate", "credssp"}.intersection(case.target.auth):
        methods = ", ".join(case.target.auth)
        fact = Fact(f"the inventory logs on with {methods}", "inventory", "controller")
        return [Finding("ntlm_blocked", "not_used", RULED_OUT, f"No NTLM takes part: the inventory logs on with {methods}.", against=(fact,))]
    opened = outside.door(case)
    if opened is None or not answers.is_winrm(opened) or not isinstance(opened.challenge, Unknown) or "question failed" in opened.challenge.unknown:
        return []
    facts = (outside.offer_fact(case, opened), Fact(opened.challenge.unknown, outside.where(case.target, opened.address), "endpoint"))
    instead = outside.setting(case.target, psrp="ansible_psrp_auth: kerberos", winrm="ansible_winrm_transport: kerberos")
    # [inferred] Where Windows refuses NTLM by policy is not documented: at the last message, as is thought, or already here.
    return [
        Finding(
            "ntlm_blocked",
            "no_challenge",
            POSSIBLE,
            "The host offers Negotiate, yet answers NTLM's first message without a challenge.",
            facts,
            next_check="On the host: the log Microsoft-Windows-NTLM/Operational, ids 4001 to 4003; secpol.msc, Network security: Restrict NTLM.",
            remedies=(Remedy("Log on with Kerberos instead", instead),),
            weight=55,
        )
    ]


CAUSE = Cause(
    "ntlm_blocked",
    "NTLM is blocked by policy",
    2,
    ("logon", "host"),
    "Get-WinEvent -LogName Microsoft-Windows-NTLM/Operational; HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0 RestrictReceivingNTLMTraffic.",
    evaluate,
)
