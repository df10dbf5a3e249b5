# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's membership in its domain, and trusts between domains."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.endpoint import ChallengeEvidence
from ..finding import LIKELY, POSSIBLE, Fact, Finding, Remedy
from . import coded, logons, outside
from .cause import Cause


def evaluate(case: Case, now: float) -> list[Finding]:
    """What a logon's codes name, else what is seen from outside."""
    named = coded.findings(case, "domain_trust", next_check=CAUSE.by_hand)
    if named or "domain_trust" not in logons.suspects(case):
        return named or _outside(case, now)
    return [
        Finding(
            "domain_trust",
            "suspected",
            POSSIBLE,
            "The host may be unable to have the domain account checked: a broken secure channel or an unreachable domain controller end in the same 401.",
            logons.tries(case),
            next_check=CAUSE.by_hand,
            remedies=(Remedy("Repair the secure channel, if the check says that it is broken", "Test-ComputerSecureChannel -Repair", "high"),),
            tied_with=logons.tied(case, "domain_trust"),
            weight=52,
        )
    ]


def _outside(case: Case, now: float) -> list[Finding]:
    """From outside only this much: a host of a workgroup has no domain to ask."""
    opened = outside.door(case)
    seen = opened.challenge if opened else None
    if opened is None or not isinstance(seen, ChallengeEvidence) or seen.membership != "workgroup" or case.target.auth != ("kerberos",):
        return []
    place = outside.where(case.target, opened.address)
    facts = (
        Fact(f"the NTLM challenge names the computer {seen.netbios_computer} as its own domain, as hosts of a workgroup do", place, "endpoint"),
        Fact("the inventory logs on with kerberos alone", "inventory", "controller"),
    )
    return [
        Finding(
            "domain_trust",
            "workgroup",
            LIKELY,
            "The inventory demands Kerberos, but the host seems to belong to no domain.",
            facts,
            next_check="On the host: (Get-CimInstance Win32_ComputerSystem).PartOfDomain.",
            remedies=(
                Remedy(
                    "Log on with a local account over NTLM", outside.setting(case.target, psrp="ansible_psrp_auth: ntlm", winrm="ansible_winrm_transport: ntlm")
                ),
                Remedy("Or join the host to its domain", "Add-Computer -DomainName DOMAIN -Restart", "high"),
            ),
            weight=66,
        )
    ]


CAUSE = Cause(
    "domain_trust",
    "The host's trust with its domain, or between domains, is broken",
    2,
    ("logon", "directory", "host"),
    "On the host: Test-ComputerSecureChannel -Verbose; nltest /sc_verify:DOMAIN.",
    evaluate,
)
