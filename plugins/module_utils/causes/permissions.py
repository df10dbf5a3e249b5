# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account may do after the logon."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.logon import PASSED, AttemptEvidence, RungEvidence
from ..explain_code import fault_entry
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, Finding, Remedy
from . import accounts, coded, directories, logons, membership, suspicion, trusts
from .cause import Cause

ACCESS_DENIED = (5, 0x80070005)
POLICY = 12
"""KDC_ERR_POLICY."""
SHELLS_OFF = 0x803381AC
BY_HAND = "On the host: winrm get winrm/config/service (RootSDDL), groups Administrators and Remote Management Users, Security 4624 followed by WinRM 192."
GROUPS = Remedy(
    "Make the account a member of Remote Management Users (PowerShell) or Administrators (everything)",
    "Add-LocalGroupMember -SID S-1-5-32-580 -Member ACCOUNT",
    "medium",
)
FILTERED = Remedy(
    "A local administrator other than the built-in one comes with a filtered token over the network: use a domain account, or the built-in Administrator",
    "LocalAccountTokenFilterPolicy = 1 under HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System lifts that for every local account",
    "high",
)


def evaluate(case: Case, now: float) -> list[Finding]:
    """Fault 5 comes after a logon; a 401 may be the same refusal in other words, for sources disagree."""
    attempt = logons.own(case)
    if attempt is None:
        return _by_code(case)
    refused = [(rung, fault) for _attempt, rung, fault in logons.faults(case) if fault.code in ACCESS_DENIED]
    if refused:
        return [_denied(case, attempt, refused[0][0])]
    if off := next((rung for _attempt, rung, fault in logons.faults(case) if fault.code == SHELLS_OFF), None):
        return [_shells_off(case, attempt, off)]
    named = _by_code(case)
    if named:
        return named
    if "permissions" in suspicion.suspects(case):
        return [_suspect(case, attempt)]
    if logons.works(case):
        against = tuple(logons.rung_fact(case, attempt, rung) for rung in attempt.rungs[-1:])
        return [Finding("permissions", "allowed", RULED_OUT, "The account may do what its connection needs.", against=against)]
    return []


def _denied(case: Case, attempt: AttemptEvidence, rung: RungEvidence) -> Finding:
    allowed = [other for other in attempt.rungs if other.status == PASSED and other.name in logons.SHELLS]
    facts = tuple(logons.rung_fact(case, attempt, other) for other in (rung, *allowed))
    accepted = logons.fact(case, attempt)
    if allowed and rung.name in logons.SHELLS:
        other = allowed[0].name
        connection = "psrp" if other == "powershell" else "winrm"
        return Finding(
            "permissions",
            f"{rung.name}_refused",
            CONFIRMED,
            f"The account may not open {logons.SHELLS[rung.name]}, which the connection {case.target.connection} needs; {logons.SHELLS[other]} it may.",
            (accepted, *facts),
            next_check=BY_HAND,
            remedies=(Remedy("Use the connection whose shell the account may open", f"ansible_connection: {connection}"), GROUPS),
            weight=76,
        )
    rule = "shell_refused" if rung.name in logons.SHELLS else "access_denied"
    what = f"may not open {logons.SHELLS[rung.name]}" if rung.name in logons.SHELLS else "may not use WinRM"
    return Finding(
        "permissions",
        rule,
        CONFIRMED,
        f"Name and password are right, but the account {what}: it lacks a group, its token is filtered by UAC, or a security descriptor refuses it.",
        (accepted, *facts),
        next_check=f"{BY_HAND} {_fork(attempt)}",
        remedies=(GROUPS, *((FILTERED,) if attempt.kind != "domain" else ())),
        weight=76,
    )


def _by_code(case: Case) -> list[Finding]:
    """What names a want of rights, unless the account or the computer has a state that explains it better."""
    if accounts.findings(case) or membership.findings(case) or directories.of(trusts.findings(case), "domain_trust"):
        return []
    named = coded.findings(case, "permissions", besides=(POLICY,), next_check=BY_HAND, remedies=(GROUPS,), weight=74)
    said = coded.said(case, POLICY)
    if named or said is None:
        return named
    # The one code stands for logon restrictions of the account, authentication policies and selective authentication ([MS-KILE] 3.3.5.6, 3.3.5.7).
    return [
        Finding(
            "permissions", "policy", directories.at_most(LIKELY, said.ceiling),
            "A policy of the KDC refuses the request: computers that the account may log on from, an authentication policy, or selective authentication.",
            said.facts, next_check=f"{accounts.DECIDES} By hand: {accounts.CHECK.format(name='NAME')}; Security 4768 on the domain controller.", weight=74,
        )
    ]


def _shells_off(case: Case, attempt: AttemptEvidence, rung: RungEvidence) -> Finding:
    entry = fault_entry(SHELLS_OFF)
    return Finding(
        "permissions",
        "remote_shells_off",
        CONFIRMED,
        f"The host lets the account in, but allows nobody a remote shell: {entry.meaning if entry else ''}",
        (logons.fact(case, attempt), logons.rung_fact(case, attempt, rung)),
        next_check='On the host: winrm get winrm/config/winrs. Source="GPO" there means that the policy "Allow Remote Shell Access" decides.',
        remedies=(Remedy("Allow remote shells", "Set-Item WSMan:\\localhost\\Shell\\AllowRemoteShellAccess $true", "medium"),),
        weight=76,
    )


def _suspect(case: Case, attempt: AttemptEvidence) -> Finding:
    proof = suspicion.proven(case)
    alone = suspicion.suspects(case) == ("permissions",)
    known = f" The password is right: {proof} accepted it." if proof else ""
    return Finding(
        "permissions",
        "refused_here" if proof else "refused",
        LIKELY if alone else POSSIBLE,
        f"The host may refuse {attempt.account} for want of a right: group, UAC-filtered token or RootSDDL end in the same 401.{known}",
        logons.tries(case),
        next_check=f"{BY_HAND} {_fork(attempt)}",
        remedies=(GROUPS, *((FILTERED,) if attempt.kind != "domain" else ())),
        tied_with=suspicion.tied(case, "permissions"),
        weight=63 if proof else 60,
    )


def _fork(attempt: AttemptEvidence) -> str:
    """What splits the rights that may be missing."""
    if attempt.kind == "domain":
        return "A logon with another administrator tells the account from the host."
    return "A member of Administrators that is local and not the built-in one: its token is filtered. No member: the group is missing."


CAUSE = Cause("permissions", "The account may log on, but not use WinRM", 2, ("logon", "host"), BY_HAND, evaluate)
