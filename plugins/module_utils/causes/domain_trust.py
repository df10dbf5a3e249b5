# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's membership in its domain, and trusts between domains."""

from __future__ import annotations

from dataclasses import replace

from ..evidence.case import Case
from ..evidence.endpoint import ChallengeEvidence
from ..finding import LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import coded, directories, joined, kdcs, keys, logons, membership, outside, suspicion, trusts
from .cause import Cause

BY_ELIMINATION = ("stale_password",)
"""Rules that the inside confirms or weakens."""


def evaluate(case: Case, now: float) -> list[Finding]:
    """What KDC, directory and host say together, else what a logon's codes name, else what is seen from outside."""
    judged = membership.findings(case) or directories.of(trusts.findings(case), "domain_trust") or directories.of(keys.findings(case), "domain_trust")
    if bond := joined.finding(case):
        return [_with_codes(case, bond), *(finding for finding in judged if finding.rule not in BY_ELIMINATION)]
    if judged:
        return [_against(case, finding) for finding in judged]
    spoken_for = (*(keys.WRONG_KEY if keys.findings(case) else ()), *kdcs.spoken_for(case))
    named = coded.findings(case, "domain_trust", besides=spoken_for, next_check=CAUSE.by_hand)
    if named or "domain_trust" not in suspicion.suspects(case):
        return named or _outside(case) or _asked(case)
    return [
        Finding(
            "domain_trust",
            "suspected",
            POSSIBLE,
            "The host may be unable to have the domain account checked: a broken secure channel, a disabled computer account and an unreachable domain "
            "controller end in the same 401.",
            logons.tries(case),
            next_check=CAUSE.by_hand,
            remedies=(Remedy("Repair the secure channel, if the check says that it is broken", "Test-ComputerSecureChannel -Repair", "high"),),
            tied_with=suspicion.tied(case, "domain_trust"),
            weight=52,
        )
    ]


def _with_codes(case: Case, bond: Finding) -> Finding:
    """What the host itself says, and what it said to the logon."""
    heard = [fact for finding in coded.findings(case, "domain_trust") for fact in finding.because]
    return replace(bond, because=directories.merged(*bond.because, *heard))


def _against(case: Case, finding: Finding) -> Finding:
    """A machine password taken for old by elimination, although the host's own channel is well: that was its state when somebody last used it."""
    sound = joined.sound(case) if finding.rule in BY_ELIMINATION else ()
    return replace(finding, verdict=directories.at_most(finding.verdict, POSSIBLE), against=(*finding.against, *sound)) if sound else finding


def _asked(case: Case) -> list[Finding]:
    """A host that let a domain account in has read its ticket, or has had its NTLM answer checked by a domain controller."""
    way = next((way for way in logons.accepted(case) if way.kind == "domain" and way.mechanism in ("kerberos", "ntlm")), None)
    if way is None:
        return []
    return [Finding("domain_trust", "asked", RULED_OUT, "The host has a domain account checked by its domain.", against=(logons.fact(case, way),))]


def _outside(case: Case) -> list[Finding]:
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
    "On the host: Test-ComputerSecureChannel -Verbose; nltest /sc_query:DOMAIN.",
    evaluate,
)
