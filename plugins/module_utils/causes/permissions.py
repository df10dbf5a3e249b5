# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account may do after the logon."""

from __future__ import annotations

from dataclasses import replace

from ..evidence.case import Case
from ..evidence.logon import ACCEPTED, NOT_TRIED, OWN_SHELL, PASSED, REFUSED, AttemptEvidence, RungEvidence
from ..explain_code import fault_entry
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import accounts, coded, directories, gates, inside, logons, membership, owned, suspicion, trusts
from .cause import Cause

ACCESS_DENIED = (5, 0x80070005)
POLICY = 12
"""KDC_ERR_POLICY."""
SHELLS_OFF = 0x803381AC
BY_HAND = "On the host: winrm get winrm/config/service (RootSDDL), groups Administrators and Remote Management Users, Security 4624 followed by WinRM 192."
GROUPS, FILTERED = gates.GROUPS, gates.FILTERED
SHELL_ACCESS = "Winrs/AllowRemoteShellAccess"
FOR_ALL = Remedy(
    "Look first at what refuses more than one account: RootSDDL, and who may log on over the network",
    "winrm get winrm/config/service (RootSDDL; winrm configSDDL default shows it in a window); secpol.msc, Local Policies, User Rights Assignment",
)


def evaluate(case: Case, now: float) -> list[Finding]:
    """Fault 5 comes after a logon; a 401 may be the same refusal in other words, for sources disagree."""
    attempt, gate = logons.own(case), gates.finding(case)
    if attempt is None:
        return _by_code(case) or ([gate] if gate else [])
    refused = [(rung, fault) for _attempt, rung, fault in logons.faults(case) if fault.code in ACCESS_DENIED]
    if refused:
        return [_with_gate(_denied(case, attempt, refused[0][0]), gate, gates.allows(case))]
    if off := next((rung for _attempt, rung, fault in logons.faults(case) if fault.code == SHELLS_OFF), None):
        return [_shells_off(case, attempt, off)]
    named = _by_code(case)
    if named:
        return [_with_gate(named[0], gate, ()), *named[1:]]
    if "permissions" in suspicion.suspects(case):
        return [gate or _suspect(case, attempt)]
    if gate is not None and attempt.outcome == NOT_TRIED:
        return [gate]
    if logons.works(case):
        against = tuple(logons.rung_fact(case, attempt, rung) for rung in attempt.rungs[-1:])
        return [Finding("permissions", "allowed", RULED_OUT, "The account may do what its connection needs.", against=against)]
    return []


def _with_gate(found: Finding, gate: Finding | None, allowed: tuple[Fact, ...]) -> Finding:
    """What the host said, and the gate that says why; where every gate should let the account in, that is told against it."""
    if gate is None:
        return replace(found, against=(*found.against, *allowed))
    # What does without a change on the host comes first.
    elsewhere = (gates.other_shell("cmd"), gates.other_shell("powershell"))
    remedies = tuple(dict.fromkeys((*(one for one in found.remedies if one in elsewhere), *gate.remedies)))
    because = directories.merged(*gate.because, *found.because)
    return replace(gate, verdict=directories.at_most(found.verdict, CONFIRMED), because=because, remedies=remedies, weight=max(gate.weight, found.weight))


def _denied(case: Case, attempt: AttemptEvidence, rung: RungEvidence) -> Finding:
    allowed = [other for other in attempt.rungs if other.status == PASSED and other.name in logons.SHELLS]
    facts = tuple(logons.rung_fact(case, attempt, other) for other in (rung, *allowed))
    accepted = logons.fact(case, attempt)
    if allowed and rung.name in logons.SHELLS:
        other = allowed[0].name
        return Finding(
            "permissions",
            f"{rung.name}_refused",
            CONFIRMED,
            f"The account may not open {logons.SHELLS[rung.name]}, which the connection {case.target.connection} needs; {logons.SHELLS[other]} it may.",
            (accepted, *facts),
            next_check=BY_HAND,
            remedies=(gates.other_shell(rung.name), gates.group_for(case, attempt.account, rung.name)),
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
        next_check=f"{BY_HAND} {_fork(case, attempt)}",
        remedies=(gates.group_for(case, attempt.account, rung.name), *((FILTERED,) if attempt.kind != "domain" else ())),
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
    entry, found = fault_entry(SHELLS_OFF), inside.setting(case, SHELL_ACCESS)
    how = "Set-Item WSMan:\\localhost\\Shell\\AllowRemoteShellAccess $true"
    remedy = owned.change(inside.host(case), found, "Allow remote shells", how) if found else Remedy("Allow remote shells", how, "medium")
    return Finding(
        "permissions",
        "remote_shells_off",
        CONFIRMED,
        f"The host lets the account in, but allows nobody a remote shell: {entry.meaning if entry else ''}",
        (logons.fact(case, attempt), logons.rung_fact(case, attempt, rung), *((inside.setting_fact(case, found),) if found else ())),
        next_check='On the host: winrm get winrm/config/winrs. Source="GPO" there means that the policy "Allow Remote Shell Access" decides.',
        remedies=(remedy,),
        weight=76,
    )


def _suspect(case: Case, attempt: AttemptEvidence) -> Finding:
    proof = suspicion.proven(case)
    alone = suspicion.suspects(case) == ("permissions",)
    known = f" The password is right: {proof} accepted it." if proof else ""
    groups = gates.group_for(case, attempt.account, OWN_SHELL.get(case.target.connection, "powershell"))
    for_all = (FOR_ALL,) if _others_refused(case, attempt) else ()
    return Finding(
        "permissions",
        "refused_here" if proof else "refused",
        LIKELY if alone else POSSIBLE,
        f"The host may refuse {attempt.account} for want of a right: group, UAC-filtered token or RootSDDL end in the same 401.{known}",
        logons.tries(case),
        next_check=f"{BY_HAND} {_fork(case, attempt)}",
        remedies=(*for_all, groups, *((FILTERED,) if attempt.kind != "domain" else ())),
        tied_with=suspicion.tied(case, "permissions"),
        weight=63 if proof else 60,
    )


def _others_refused(case: Case, attempt: AttemptEvidence) -> tuple[AttemptEvidence, ...]:
    """Logons by other accounts that the host refused as well, where it let none in."""
    seen = logons.logon(case)
    if seen is None or any(one.outcome == ACCEPTED for one in seen.attempts):
        return ()
    return tuple(one for one in seen.attempts if one.way and one.outcome == REFUSED and one.account.lower() != attempt.account.lower())


def _fork(case: Case, attempt: AttemptEvidence) -> str:
    """What splits the rights that may be missing."""
    if others := _others_refused(case, attempt):
        named = " and ".join(dict.fromkeys(one.account or one.way for one in others))
        return (
            f"{named} was refused as well: that speaks for the host, which refuses many (RootSDDL, the right to log on over the network, its bond with the "
            "domain), rather than for this one account."
        )
    if attempt.kind == "domain":
        return "A logon with another administrator tells the account from the host."
    return "A member of Administrators that is local and not the built-in one: its token is filtered. No member: the group is missing."


CAUSE = Cause("permissions", "The account may log on, but not use WinRM", 2, ("logon", "host"), BY_HAND, evaluate)
