# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates that the inventory's user passes on the way in, and the one that refuses: the logon right, then the descriptor that guards its shell."""

from __future__ import annotations

from dataclasses import replace

from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.host import ALLOWED, POLICY, REFUSED, AccessEvidence, GateEvidence
from ..evidence.logon import ACCEPTED, OWN_SHELL
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, inside, logons, owned

ACCESS_DENIED = (5, 0x80070005)
NETWORK_LOGON, ROOT_SDDL, PLUGIN = "network_logon", "RootSDDL", "microsoft.powershell"
SHELLS = "Winrs/AllowRemoteShellAccess"
CHECK = "On the host: winrm get winrm/config/service (RootSDDL), Get-LocalGroupMember -SID S-1-5-32-580 and S-1-5-32-544, secpol.msc."
RIGHTS_CHECK = "On the host: secpol.msc, Local Policies, User Rights Assignment; Security 4625 at the time of the logon, with 0xC000015B."
"""STATUS_LOGON_TYPE_NOT_GRANTED ([MS-ERREF] 2.3.1)."""
ADMINISTRATORS, REMOTE_MANAGEMENT = "S-1-5-32-544", "S-1-5-32-580"
"""[MS-DTYP] 2.4.2.4."""
GROUPS = Remedy(
    "Make the account a member of Remote Management Users (PowerShell) or Administrators (everything)",
    f"Add-LocalGroupMember -SID {REMOTE_MANAGEMENT} -Member ACCOUNT",
    "medium",
)
FOR_CMD = Remedy(
    "Make the account a member of Administrators, for whom alone cmd is; psrp needs Remote Management Users only",
    f"Add-LocalGroupMember -SID {ADMINISTRATORS} -Member ACCOUNT",
    "medium",
)
FILTERED = Remedy(
    "A local administrator other than the built-in one comes with a filtered token over the network: use a domain account, or the built-in Administrator",
    "LocalAccountTokenFilterPolicy = 1 under HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System lifts that for every local account",
    "high",
)
ADMIT_BY_ROOT = Remedy(
    "Or let RootSDDL admit the account; a wrong one locks everybody out", "winrm configSDDL default shows it in a window; winrm get winrm/config/service",
    "medium",
)
ADMIT_BY_PLUGIN = Remedy(
    "Or let the session configuration admit the account", "Set-PSSessionConfiguration -Name Microsoft.PowerShell -ShowSecurityDescriptorUI", "medium",
)
LOGON_RIGHTS = {
    "SeNetworkLogonRight": "Access this computer from the network", "SeDenyNetworkLogonRight": "Deny access to this computer from the network",
}
"""Logon rights by their name in the editor, where policies set them nearly always."""


def finding(case: Case) -> Finding | None:
    """The first gate that refuses the user; None where none does, where that was not read, or where the logon works all the same."""
    access, gate = _of_user(case), _refusing(case)
    limit = inside.ceiling(case)
    if access is None or gate is None or not limit:
        return None
    said = _heard(case)
    # Without the host's own word a wrong password may come first, and what the user's token holds is reckoned, not seen.
    verdict = directories.at_most(limit, CONFIRMED if said or _proven(case) else LIKELY)
    user = access.user or case.target.username or "the user"
    rule, summary, remedies = _told(case, access, gate, user)
    return Finding(
        "permissions", rule, verdict, summary, (inside.fact(case, f"{gate.gate}: {gate.why}"), *_membership(case, access), *said),
        next_check=RIGHTS_CHECK if gate.gate == NETWORK_LOGON else CHECK,
        remedies=remedies, weight=78,
    )


def allows(case: Case) -> tuple[Fact, ...]:
    """That every gate the connection needs lets the user in, quoted; () where one does not, or is not known."""
    access = _of_user(case)
    found = [access.gate(name) for name in needed(case)] if access else []
    if not found or any(gate is None or gate.outcome != ALLOWED for gate in found):
        return ()
    return tuple(inside.fact(case, f"{gate.gate}: {gate.why}") for gate in found if gate is not None)


def needed(case: Case) -> tuple[str, ...]:
    """The gates on the way, outermost first. Reading winrm/config, which RootSDDL guards, is none of them: a Remote Management User may not, and works."""
    return (NETWORK_LOGON, OWN_SHELL.get(case.target.connection, "powershell"))


def _of_user(case: Case) -> AccessEvidence | None:
    """What was reckoned for the inventory's user; a certificate stands for another one."""
    seen = inside.access(case)
    return None if seen is None or case.target.auth == ("certificate",) else seen


def _refusing(case: Case) -> GateEvidence | None:
    access, attempt = _of_user(case), logons.own(case)
    for name in needed(case):
        gate = access.gate(name) if access else None
        if gate is None or isinstance(gate.outcome, Unknown) or gate.outcome != REFUSED:
            continue
        if name == NETWORK_LOGON and attempt is not None and attempt.outcome == ACCEPTED:
            # The host let the account in: then it has the right, whatever was reckoned.
            continue
        if name == "powershell" and access is not None and any(one.where.lower() == PLUGIN and not one.enabled for one in access.descriptors):
            # The plugin is switched off for everybody, which is another cause's business.
            continue
        return gate
    return None


def _told(case: Case, access: AccessEvidence, gate: GateEvidence, user: str) -> tuple[str, str, tuple[Remedy, ...]]:
    why = gate.why.rstrip(".")
    if access.sid:
        # A right that was given to the account itself is told by its SID.
        why = why.replace(access.sid, user)
    if gate.gate == NETWORK_LOGON:
        return "network_logon_denied", f"{user} may not log on to this host over the network: {why}.", _logon_right(access)
    if access.filtered is True:
        summary = f"UAC takes the administrator's rights from {user} over the network, and without them WinRM refuses it: {why}."
        groups = _groups(access, user, "powershell")
        return "filtered", summary, (FILTERED, groups if gate.gate == "powershell" else replace(groups, do=f"{groups.do}, and use the connection psrp"))
    off = inside.setting(case, SHELLS)
    if gate.gate == "cmd" and off is not None and inside.is_on(off) is False:
        how = "Set-Item WSMan:\\localhost\\Shell\\AllowRemoteShellAccess $true"
        return "remote_shells_off", "The host allows nobody a remote shell.", (owned.change(inside.host(case), off, "Allow remote shells", how),)
    if ROOT_SDDL in gate.why:
        what = logons.SHELLS.get(gate.gate, "")
        summary = f"RootSDDL, the descriptor of WinRM itself, refuses {user}{f' {what}' if what else ''}: {why}."
        return "root_refused", summary, (*_other_shell(access, gate), _groups(access, user, gate.gate), ADMIT_BY_ROOT)
    shell = logons.SHELLS.get(gate.gate, gate.gate)
    groups = _groups(access, user, gate.gate)
    remedies = (groups, ADMIT_BY_PLUGIN) if gate.gate == "powershell" else (*_other_shell(access, gate), groups)
    return f"{gate.gate}_refused", f"{user} may log on, but not open {shell}: {_no_member(access, gate.gate) or why}.", remedies


def other_shell(gate: str) -> Remedy:
    """What does without a change on the host, where one shell is refused and the other one is not."""
    return Remedy("Use the connection whose shell the account may open", f"ansible_connection: {'psrp' if gate == 'cmd' else 'winrm'}")


def _other_shell(access: AccessEvidence, gate: GateEvidence) -> tuple[Remedy, ...]:
    other = access.gate("powershell" if gate.gate == "cmd" else "cmd")
    return (other_shell(gate.gate),) if other is not None and other.outcome == ALLOWED and gate.gate in logons.SHELLS else ()


def group_for(case: Case, account: str, gate: str = "powershell") -> Remedy:
    """The group that opens a shell to the account, by what is known of it without a look inside."""
    access, listed = inside.access(case), directories.account(case)
    return _group(account, (access.sid if access else "") or (listed.sid if listed else ""), gate)


def _groups(access: AccessEvidence, user: str, gate: str) -> Remedy:
    return _group(user, access.sid, gate)


def _group(user: str, sid: str, gate: str) -> Remedy:
    """cmd is for administrators alone."""
    # A user principal name is none that every host takes there.
    member = sid if "@" in user and sid else _quoted(user) if user else "ACCOUNT"
    wanted = FOR_CMD if gate == "cmd" else GROUPS
    return replace(wanted, how=wanted.how.replace("ACCOUNT", member))


def _quoted(user: str) -> str:
    """For PowerShell: a name may hold blanks and much else."""
    return "'" + user.replace("'", "''") + "'"


def _no_member(access: AccessEvidence, gate: str) -> str:
    """That the account is in none of the groups that are usually let in, "" where it is in one, or where that is not known."""
    sids = inside.known(access.sids)
    usual = (ADMINISTRATORS, REMOTE_MANAGEMENT) if gate == "powershell" else (ADMINISTRATORS,)
    if not sids or set(usual).intersection(sids):
        return ""
    return "it is a member neither of Administrators nor of Remote Management Users" if len(usual) > 1 else "it is no member of Administrators"


def _logon_right(access: AccessEvidence) -> tuple[Remedy, ...]:
    """By policy or by hand, in the editor of rights."""
    denied = next((one for one in access.rights if one.name == "SeDenyNetworkLogonRight"), None)
    name = LOGON_RIGHTS["SeDenyNetworkLogonRight" if denied and denied.holders else "SeNetworkLogonRight"]
    do = f'Change the user right "{name}" for the account or its group, or use an account that has it'
    if any(one.source == POLICY for one in access.rights):
        return (owned.in_policy(name, do, "high"),)
    return (Remedy(do, "secpol.msc, Local Policies, User Rights Assignment", "high"),)


def _membership(case: Case, access: AccessEvidence) -> tuple[Fact, ...]:
    if access.filtered is True:
        return (inside.fact(case, "LocalAccountTokenFilterPolicy is not 1, and the account is a local administrator other than the built-in one"),)
    return ()


def _heard(case: Case) -> tuple[Fact, ...]:
    """The host's own refusal of rights."""
    return tuple(logons.rung_fact(case, attempt, rung) for attempt, rung, fault in logons.faults(case) if fault.code in ACCESS_DENIED)[:1]


def _proven(case: Case) -> bool:
    """Whether somebody has accepted the password, so that a refusal means something else."""
    return any(made.proven or made.outcome == ACCEPTED for made in logons.attempts(case)) or directories.proof(case) is not None
