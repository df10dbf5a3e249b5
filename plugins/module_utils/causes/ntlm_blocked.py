# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM refused by policy."""

from __future__ import annotations

from dataclasses import replace

from ..evidence import answers
from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.logon import NOT_TRIED, AttemptEvidence
from ..finding import LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import accounts, coded, inside, logons, ntlm_policy, outside, suspicion
from .cause import Cause

CHECK = "On the host: the log Microsoft-Windows-NTLM/Operational, ids 4001 to 4003; secpol.msc, Network security: Restrict NTLM."


def evaluate(case: Case, now: float) -> list[Finding]:
    """A challenge proves that the host speaks NTLM, not that its policy lets an account through; only a logon does."""
    if not {"ntlm", "negotiate", "credssp"}.intersection(case.target.auth):
        methods = ", ".join(case.target.auth)
        fact = Fact(f"the inventory logs on with {methods}", "inventory", "controller")
        return [Finding("ntlm_blocked", "not_used", RULED_OUT, f"No NTLM takes part: the inventory logs on with {methods}.", against=(fact,))]
    if any(finding.rule == "protected_user" for finding in accounts.findings(case)):
        # The domain refuses NTLM to this one account, whatever any policy says.
        return []
    named = coded.findings(case, "ntlm_blocked", next_check=CHECK, remedies=_instead(case), weight=75)
    blocking = ntlm_policy.blocks(case)
    if named:
        return [replace(one, because=(*one.because, inside.policy_fact(case, blocking))) for one in named] if blocking else named
    others = () if blocking else logons.by_others(case)
    passed = next((way for way in (*logons.accepted(case), *others) if way.mechanism == "ntlm"), None)
    if passed is not None:
        return [Finding("ntlm_blocked", "accepted", RULED_OUT, "The host accepts NTLM.", against=(logons.fact(case, passed),))]
    attempt = logons.own(case)
    if attempt is not None and "ntlm_blocked" in suspicion.suspects(case):
        return [ntlm_policy.finding(case, _instead(case)) or _refused(case, attempt)]
    untried = attempt is None or attempt.outcome == NOT_TRIED
    unanswered = _no_challenge(case)
    ntlm_alone = untried and set(case.target.auth) == {"ntlm"}
    policy = ntlm_policy.finding(case, _instead(case), unanswered[0].because if unanswered else ()) if ntlm_alone or unanswered else None
    return [policy] if policy else unanswered


def _refused(case: Case, attempt: AttemptEvidence) -> Finding:
    """NTLM fails; whether another method works for the same account tells how much that says."""
    other = next((way for way in logons.accepted(case) if way.mechanism != "ntlm"), None)
    tied = suspicion.tied(case, "ntlm_blocked")
    if other is not None:
        seems = "seems to" if not tied else "may"
        summary = f"The host accepts the account with {other.method}, but refuses it with NTLM: policy {seems} block NTLM here."
    else:
        summary = "NTLM may be blocked by policy, on the host or in its domain; that ends in the same 401."
    return Finding(
        "ntlm_blocked",
        "other_method_works" if other else "suspected",
        LIKELY if other and not tied else POSSIBLE,
        summary,
        logons.tries(case),
        next_check=f"{accounts.DECIDES} {CHECK}" if suspicion.may_lack_ntlm(case) else CHECK,
        remedies=_instead(case),
        tied_with=tied,
        weight=70 if other else 54,
    )


def _instead(case: Case) -> tuple[Remedy, ...]:
    attempt = logons.own(case)
    if attempt is not None and attempt.kind == "local":
        return (Remedy("Log on with a domain account and Kerberos instead: a local account has nothing but NTLM and Basic"),)
    how = outside.setting(case.target, psrp="ansible_psrp_auth: kerberos", winrm="ansible_winrm_transport: kerberos")
    return (Remedy("Log on with Kerberos instead", how),)


def _no_challenge(case: Case) -> list[Finding]:
    opened = outside.door(case)
    if opened is None or not answers.is_winrm(opened) or not isinstance(opened.challenge, Unknown) or "question failed" in opened.challenge.unknown:
        return []
    facts: tuple[Fact, ...] = (outside.offer_fact(case, opened), Fact(opened.challenge.unknown, outside.where(case.target, opened.address), "endpoint"))
    other = next((way for way in logons.accepted(case) if way.mechanism != "ntlm" and way.method != "certificate"), None)
    if other is not None:
        facts += (logons.fact(case, other),)
    # [inferred] Where Windows refuses NTLM by policy is not documented: at the last message, as is thought, or already here.
    return [
        Finding(
            "ntlm_blocked",
            "no_challenge",
            LIKELY if other else POSSIBLE,
            "The host offers Negotiate, yet answers NTLM's first message without a challenge."
            + (f" With {other.method} it accepts the account: policy seems to block NTLM here." if other else ""),
            facts,
            next_check=CHECK,
            remedies=_instead(case),
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
