# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states in which an account is refused, by name: what KDC, host and LDAP say of it, and what stands in the directory."""

from __future__ import annotations

import time
import typing as t

from .. import commands
from ..evidence.base import Unknown, seconds
from ..evidence.case import Case
from ..evidence.directory import GRANTED, REFUSED, AccountEvidence, BindEvidence, PolicyEvidence
from ..evidence.logon import ACCEPTED, NOT_TRIED, AttemptEvidence
from ..evidence.logon import REFUSED as HOST_REFUSED
from ..finding import CONFIRMED, LIKELY, POSSIBLE, Fact, Finding, Remedy
from . import directories, logons, outside

DISABLED, LOCKED, EXPIRED = "account_disabled", "account_locked_out", "account_expired"
MUST_CHANGE, PASSWORD_EXPIRED, WRONG, NO_SUCH = "password_must_change", "password_expired", "wrong_password", "no_such_user"
HOURS, WORKSTATIONS, SMARTCARD, RESTRICTED, REVOKED, POLICY = "logon_hours", "workstations", "smartcard_required", "restricted", "revoked", "policy"
BY_STATUS = {
    0xC0000064: NO_SUCH, 0xC000006A: WRONG, 0xC000006E: RESTRICTED, 0xC000006F: HOURS, 0xC0000070: WORKSTATIONS, 0xC0000071: PASSWORD_EXPIRED,
    0xC0000072: DISABLED, 0xC0000193: EXPIRED, 0xC0000224: MUST_CHANGE, 0xC0000234: LOCKED, 0xC00002FA: SMARTCARD,
}
"""NTSTATUS, as CredSSP and KERB-EXT-ERROR carry it ([MS-APDS] 3.1.5 names which state leads to which)."""
BY_KERBEROS = {1: EXPIRED, 6: NO_SUCH, 12: POLICY, 18: REVOKED, 23: PASSWORD_EXPIRED, 24: WRONG}
"""[RFC 4120] 7.5.9. 18 stands for disabled, locked, expired and the wrong hour alike, 23 for an expired and an unchanged password ([MS-KILE] 3.3.5.6.3)."""
UNKNOWN_USER = 6
BY_WIN32 = {
    0x525: NO_SUCH, 0x52E: WRONG, 0x52F: RESTRICTED, 0x530: HOURS, 0x531: WORKSTATIONS, 0x532: PASSWORD_EXPIRED, 0x533: DISABLED, 0x701: EXPIRED,
    0x773: MUST_CHANGE, 0x775: LOCKED,
}
"""The `data` of a refused LDAP bind [from memory; they are Win32 numbers], so by itself never more than likely."""
SPOKEN_FOR = frozenset((*BY_STATUS, *BY_KERBEROS))
"""The numbers that these findings speak for, so that no other rule of the same cause repeats them."""
ORDER = (DISABLED, LOCKED, EXPIRED, MUST_CHANGE, PASSWORD_EXPIRED, HOURS, WORKSTATIONS, SMARTCARD, NO_SUCH, WRONG, REVOKED)
STANDS_FOR = {
    REVOKED: (DISABLED, LOCKED, EXPIRED, HOURS), PASSWORD_EXPIRED: (MUST_CHANGE, PASSWORD_EXPIRED), POLICY: (WORKSTATIONS, HOURS, SMARTCARD),
    # Active Directory gives such an account a password that nobody knows, and Samba answers so for any (measured).
    WRONG: (SMARTCARD,),
}
"""What a code may mean that stands for several states."""
CHECK = "Get-ADUser {name} -Properties Enabled,LockedOut,AccountExpirationDate,PasswordExpired,logonHours,LogonWorkstations"
DECIDES = (
    "The account's state in the directory: run winrm.doctor.diagnose or directory_info with domain_username and domain_password of another account "
    "(the playbook: troubleshoot_domain_username and troubleshoot_domain_password)."
)
READS = (
    "The directory would tell: run winrm.doctor.diagnose or directory_info with domain_username and domain_password of an account that may read it "
    "(the playbook: troubleshoot_domain_username and troubleshoot_domain_password)."
)
Told = t.Tuple[str, Fact, str]
"""A state, who said so, and how strongly: a verdict."""


def findings(case: Case) -> list[Finding]:
    """One finding for each state that is known to stop the account; [] where none is, or where the account logs on all the same."""
    attempt = logons.own(case)
    if (attempt is not None and attempt.outcome == ACCEPTED) or case.target.auth == ("certificate",):
        return []
    form = _name_form(case, attempt)
    if form is not None:
        return [form]
    known = directories.account(case)
    told, seen = _told(case, attempt), _seen(case, known) if known else _missing(case, attempt)
    resolved = _resolved(told, seen)
    found = []
    for state in ORDER:
        says = [one for one in resolved if one[0] == state]
        if says or state in seen:
            found.append(_finding(case, attempt, known, state, says, seen.get(state)))
    protected = _protected(case, attempt, known, [one for one in told if one[0] == RESTRICTED])
    return [finding for finding in (*found, protected) if finding is not None]


def explains(case: Case) -> bool:
    """Whether one of them explains a refusal for good, so that nothing else need be suspected of it."""
    return any(finding.verdict in (CONFIRMED, LIKELY) for finding in findings(case))


def _resolved(told: t.Sequence[Told], seen: t.Mapping[str, Fact]) -> list[Told]:
    """A code that stands for several states, taken for the one that something else names; a policy that nothing names is another cause's business."""
    named = [*seen, *(state for state, _fact, _strength in told)]
    found = []
    for state, fact, strength in told:
        meant = next((one for one in STANDS_FOR.get(state, ()) if one in seen), None) or next((one for one in STANDS_FOR.get(state, ()) if one in named), state)
        if meant not in (POLICY, RESTRICTED):
            found.append((meant, fact, strength))
    return found


def _told(case: Case, attempt: AttemptEvidence | None) -> list[Told]:
    found: list[Told] = []
    for made in logons.attempts(case):
        code = logons.code_of(made) if made.own and made.outcome != NOT_TRIED else None
        if code is None or (code == UNKNOWN_USER and "\\" in made.account):
            # A down-level name is read by Kerberos as something else: that says nothing about the account.
            continue
        state = BY_KERBEROS.get(code) if code < 256 else BY_STATUS.get(code)
        if state:
            found.append((state, logons.fact(case, made), CONFIRMED))
    mine = directories.mine(case)
    known = any(asked.step.outcome == GRANTED for asked in mine)
    for asked in mine:
        # Of several realms that may hold the account, or of two forms of its name, one that knows it is enough.
        if asked.step.outcome == REFUSED and not (known and asked.step.code == UNKNOWN_USER):
            state = BY_STATUS.get(asked.step.status or 0) or BY_KERBEROS.get(asked.step.code or 0)
            if state:
                found.append((state, directories.step_fact(asked), CONFIRMED))
    return found + [_bind(bind) for bind in _binds(case)]


def _binds(case: Case) -> t.Iterator[BindEvidence]:
    seen = directories.directory(case)
    name = directories.user_of(case.target.username or "")
    for bind in seen.binds if seen else ():
        if bind.outcome == REFUSED and bind.data in BY_WIN32 and name and directories.user_of(bind.account) == name:
            yield bind


def _bind(bind: BindEvidence) -> Told:
    return BY_WIN32[bind.data or 0], Fact(bind.means, f"LDAP at {bind.controller}:{bind.port}", "directory"), LIKELY


def _seen(case: Case, account: AccountEvidence) -> dict[str, Fact]:
    """The states that stand in the directory."""
    stands = {
        DISABLED: "userAccountControl says that the account is disabled" if not account.enabled else "",
        LOCKED: _locked(account) if account.locked is True else "",
        EXPIRED: f"accountExpires is {moment(account.expires)}" if account.expired else "",
        MUST_CHANGE: "pwdLastSet is 0: the password must be changed at the next logon" if account.must_change else "",
        PASSWORD_EXPIRED: _expired(account) if account.password_expired and not account.must_change else "",
        HOURS: "logonHours does not allow this hour" if account.logon_hours is False else "",
        WORKSTATIONS: _stations(case, account),
        SMARTCARD: "userAccountControl demands a smart card, so a password is refused" if account.smartcard_required else "",
    }
    return {state: directories.read_fact(case, said, account.dn) for state, said in stands.items() if said}


def _missing(case: Case, attempt: AttemptEvidence | None) -> dict[str, Fact]:
    """That the directory has no such account; a name without a domain may still be the host's, and what a KDC knows lies in another domain of the forest."""
    if not directories.account_missing(case) or (attempt is not None and attempt.kind != "domain"):
        return {}
    if any(asked.step.outcome == GRANTED for asked in directories.mine(case)):
        return {}
    return {NO_SUCH: directories.read_fact(case, f"there is no account {directories.user_of(case.target.username or '')}")}


def _locked(account: AccountEvidence) -> str:
    """When, why and until when."""
    said = f"since {moment(account.locked_since)}" if account.locked_since else "lockoutTime is set"
    policy = account.policy if isinstance(account.policy, PolicyEvidence) else None
    if policy is None or not policy.sure:
        return f"{said}; {counted(account)}" if policy else said
    until = ", until somebody unlocks it"
    if policy.lockout_minutes is not None:
        end = seconds(account.locked_since) + policy.lockout_minutes * 60 if account.locked_since else None
        until = f", until {stamp(end)}" if end else f", for {policy.lockout_minutes:g} minutes"
    return f"{said}{until}; {counted(account)}"


def counted(account: AccountEvidence) -> str:
    """`badPwdCount is 2 at dc1 (last at 2026-04-08 22:40 UTC); the policy "X" locks at 3 within 30 minutes`."""
    count = "unknown" if isinstance(account.bad_passwords, Unknown) else str(account.bad_passwords)
    where = f" at {account.bad_passwords_at}" if account.bad_passwords_at else ""
    last = f" (last at {moment(account.last_bad_password)})" if account.bad_passwords and account.last_bad_password else ""
    said = f"badPwdCount is {count}{where}{last}"
    policy = account.policy
    if isinstance(policy, Unknown):
        return said
    hidden = "" if policy.sure else ", unless a password settings object that may not be read says otherwise"
    if not policy.lockout_threshold:
        return f'{said}; the policy "{policy.name}" locks nobody{hidden}'
    return f'{said}; the policy "{policy.name}" locks at {policy.lockout_threshold} within {policy.observation_minutes:g} minutes{hidden}'


def _expired(account: AccountEvidence) -> str:
    when = f" on {moment(account.password_expires)}" if account.password_expires else ""
    return f"the password, set {moment(account.password_set)}, expired{when}" if account.password_set else f"the password expired{when}"


def _stations(case: Case, account: AccountEvidence) -> str:
    """Whether this control node is shut out. Checked by NTLM, which names the client's computer ([MS-APDS] 3.1.5), and by some KDCs."""
    here = _here(case)
    if not account.workstations or not ntlm(case) or here in {name.partition(".")[0].lower() for name in account.workstations}:
        return ""
    return f"userWorkstations allows {', '.join(account.workstations)} alone, and this control node is {here or 'none of them'}"


def _here(case: Case) -> str:
    """This control node's short name, in lower case."""
    seen = logons.logon(case) or directories.directory(case)
    return (seen.vantage if seen else "").partition(".")[0].lower()


def ntlm(case: Case) -> bool:
    """Whether the own way is NTLM, or will be."""
    attempt = logons.own(case)
    if attempt is not None and attempt.outcome != NOT_TRIED:
        return "ntlm" in (attempt.mechanism, attempt.method) or attempt.method == "credssp"
    return bool({"ntlm", "credssp"}.intersection(case.target.auth)) and "kerberos" not in case.target.auth


def _finding(
    case: Case, attempt: AttemptEvidence | None, account: AccountEvidence | None, state: str, told: t.Sequence[Told], stands: Fact | None,
) -> Finding:
    proof = directories.proof(case)
    verdict = CONFIRMED if stands or any(strength == CONFIRMED for _state, _fact, strength in told) else LIKELY
    against: tuple[Fact, ...] = ()
    tried = attempt if attempt is not None and attempt.outcome == HOST_REFUSED and attempt.used else None
    if not told and state in (WORKSTATIONS, SMARTCARD, NO_SUCH):
        verdict = POSSIBLE if state == WORKSTATIONS and tried is None else LIKELY
    elif not told and proof is not None:
        # Two controllers that have not replicated yet, or a state that changed between two questions.
        verdict, against = POSSIBLE, (directories.step_fact(proof),)
    if attempt is not None and attempt.kind == "either" and attempt.method in ("ntlm", "basic", "credssp"):
        # A bare name may be the host's own account, which no directory knows.
        verdict = directories.at_most(verdict, LIKELY)
    heard = [fact for _state, fact, _strength in told] or ([logons.fact(case, tried)] if tried else [])
    facts = directories.merged(*heard, *([stands] if stands else []))
    name = account.name if account else case.target.username or "the account"
    return Finding(
        "credentials", state, verdict, _summary(case, state, name, account, stands), facts, against, next_check=_check(state, name, account),
        remedies=_widen(case, name, account) if state == WORKSTATIONS else (remedy(state, name),), weight=80,
    )


def _summary(case: Case, state: str, name: str, account: AccountEvidence | None, stands: Fact | None) -> str:
    where = f" of {account.domain}" if account and account.domain else ""
    detail = f": {stands.seen}" if stands else ""
    asked = sorted({asked.step.realm for asked in directories.mine(case) if asked.step.outcome == REFUSED and asked.step.realm})
    place = f" in {' or '.join(asked)}" if asked else " where it was looked for"
    # [unknown for Active Directory] Samba refuses any password of an account that needs a smart card so, whose own is known to nobody.
    counter = f"; {counted(account)}." if account else f".{' On some controllers an account that needs a smart card ends so too.' if _by_kdc(case) else ''}"
    return {
        DISABLED: f"The account {name}{where} is disabled.",
        LOCKED: f"The account {name}{where} is locked out{detail}.",
        EXPIRED: f"The account {name}{where} has expired{detail}.",
        MUST_CHANGE: f"The password of {name}{where} must be changed before the next logon.",
        PASSWORD_EXPIRED: f"The password of {name}{where} has expired{detail}." if account else f"The password of {name} has expired or must be changed.",
        HOURS: f"The account {name}{where} may not log on at this hour.",
        WORKSTATIONS: f"The account {name}{where} may log on from certain computers only{detail}.",
        SMARTCARD: f"The account {name}{where} may log on with a smart card only, not with a password.",
        NO_SUCH: f"There is no account {name}{place}.",
        WRONG: f"The password of {name}{where} is wrong{counter}",
        REVOKED: f"The KDC refuses {name} as revoked: the account is disabled, locked out, expired, or outside its logon hours. One code means all four.",
    }[state]


def _by_kdc(case: Case) -> bool:
    """Whether a KDC called the password wrong: no account of the host's own needs a smart card."""
    said = [asked.step.code for asked in directories.mine(case)] + [logons.code_of(made) for made in logons.attempts(case) if made.own]
    return any(code is not None and BY_KERBEROS.get(code) == WRONG for code in said)


def _check(state: str, name: str, account: AccountEvidence | None) -> str:
    if state == REVOKED or (state == PASSWORD_EXPIRED and account is None):
        return f"{DECIDES} By hand: {CHECK.format(name=commands.word(directories.user_of(name)))}"
    if state in (WRONG, NO_SUCH):
        return "One attempt, never a loop: kinit USER@REALM names the reason."
    return CHECK.format(name=commands.word(directories.user_of(name)))


def remedy(state: str, name: str) -> Remedy:
    """What to do about a state."""
    user = commands.word(directories.user_of(name))
    return {
        DISABLED: Remedy("Enable the account, once you know why it was disabled", f"Enable-ADAccount {user} / Enable-LocalUser {user}", "medium"),
        LOCKED: Remedy("Find what still uses an old password, then unlock the account", f"Unlock-ADAccount {user}", "medium"),
        EXPIRED: Remedy("Extend the account's expiry date", f"Clear-ADAccountExpiration {user} / Set-LocalUser {user} -AccountNeverExpires", "medium"),
        PASSWORD_EXPIRED: Remedy("Give the account a new password, in the domain and in the vault", f"Set-ADAccountPassword {user} -Reset", "medium"),
        MUST_CHANGE: Remedy("Log on interactively once and change the password, then write it into the vault"),
        HOURS: Remedy("Widen the account's logon hours, or run at a time that they allow", "ADUC: Account, Logon Hours", "medium"),
        SMARTCARD: Remedy("Use a service account that may log on with a password", f"Set-ADUser {user} -SmartcardLogonRequired $false", "medium"),
        WRONG: Remedy("Correct the password in the inventory or the vault, and try it once", "ansible_password"),
        NO_SUCH: Remedy("Correct the name, or the domain in front of it: ansible_user"),
        REVOKED: Remedy("Find out which of the four it is, then enable, unlock or extend the account", CHECK.format(name=user)),
    }.get(state, Remedy("Correct name or password in the inventory or the vault, once you know that they are wrong"))


def _widen(case: Case, name: str, account: AccountEvidence | None) -> tuple[Remedy, ...]:
    """The list first: whether a KDC enforces it against a client that names no computer differs (12, KDC_ERR_POLICY, where it does)."""
    listed = ",".join((*map(commands.word, account.workstations), _here(case).upper() or "NAME")) if account and account.workstations else "NAME,NAME"
    how = outside.setting(case.target, psrp="ansible_psrp_auth: kerberos", winrm="ansible_winrm_transport: kerberos")
    set_list = f"Set-ADUser {commands.word(directories.user_of(name))} -LogonWorkstations '{listed}'"
    return (
        Remedy("Add the control node to the computers that the account may log on from; the command sets the whole list", set_list, "medium"),
        Remedy("Or use a service account without such a list", "ansible_user and ansible_password"),
        *((Remedy("Or try Kerberos, by the host's DNS name: some KDCs enforce the list too", how),) if ntlm(case) else ()),
    )


def _protected(case: Case, attempt: AttemptEvidence | None, account: AccountEvidence | None, told: t.Sequence[Told]) -> Finding | None:
    """Members of Protected Users get neither NTLM nor CredSSP's delegation nor RC4, whatever the host's policy ([MS-APDS] 3.1.5, [MS-KILE] 3.3.5.6)."""
    if account is None or account.protected_user is not True or not ntlm(case):
        return None
    refused = attempt is not None and attempt.outcome == HOST_REFUSED
    fallback = "negotiate" in case.target.auth and not told
    facts = (directories.read_fact(case, f"{account.name} is a member of Protected Users", account.dn), *(fact for _state, fact, _strength in told))
    if refused and attempt is not None and not told:
        facts += (logons.fact(case, attempt),)
    how = outside.setting(case.target, psrp="ansible_psrp_auth: kerberos", winrm="ansible_winrm_transport: kerberos")
    return Finding(
        "credentials",
        "protected_user",
        CONFIRMED if told or (refused and not fallback) else LIKELY,
        f"{account.name} is a member of Protected Users, which the domain lets log on with Kerberos alone; this logon is NTLM.",
        facts,
        next_check=f"Get-ADGroupMember 'Protected Users'; kinit {account.name}@{(account.domain or 'REALM').upper()} works while NTLM does not.",
        remedies=(Remedy("Log on with Kerberos, by the host's DNS name", how), Remedy("Or use a service account outside of that group")),
        weight=79,
    )


def _name_form(case: Case, attempt: AttemptEvidence | None) -> Finding | None:
    """A name that Kerberos reads in another way than the domain means it."""
    typed, account = case.target.username or "", directories.account(case)
    if attempt is None or not {"\\", "@"}.intersection(typed):
        return None
    unknown = [made for made in logons.attempts(case) if made.own and made.method == "kerberos" and logons.code_of(made) in (6, 154)]
    if not unknown or (attempt.method != "kerberos" and not directories.demands_kerberos(case)):
        return None
    mine = directories.mine(case)
    granted = max((asked for asked in mine if asked.step.outcome == GRANTED), key=lambda asked: bool(asked.step.got), default=None)
    # The ticket has the name as the domain has it; what was asked for may have been another way to write it.
    right = (granted.step.got or granted.step.asked_for) if granted else f"{account.name}@{account.domain.upper()}" if account and "." in account.domain else ""
    if not right and any(asked.step.outcome == REFUSED for asked in mine):
        # Asked for in the right form, and refused: it is not the form.
        return None
    supposed = right or _supposed(case, typed)
    if "\\" in typed:
        if logons.code_of(unknown[0]) != UNKNOWN_USER:
            return None
        user, short = directories.user_of(typed), typed.partition("\\")[0]
        reads = f"Kerberos reads {typed} as the name of a principal, not as the user {user} of the domain {short}"
    elif not supposed or supposed.lower() == typed.lower():
        return None
    else:
        reads = f"No KDC knows {typed}: what stands behind the @ is no realm"
    facts = [logons.fact(case, unknown[0])]
    if granted:
        facts.append(directories.step_fact(granted))
    if account:
        facts.append(directories.read_fact(case, f"the account {account.name} exists" + (f", its UPN is {account.upn}" if account.upn else ""), account.dn))
    use = supposed or f"{directories.user_of(typed)}@REALM"
    return Finding(
        "credentials",
        "name_form",
        CONFIRMED if right else LIKELY,
        f"{reads}; {'the domain knows the account as' if right else 'write it as'} {use}.",
        tuple(facts),
        next_check=f"kinit {use}: the KDC asks for the password where it knows the name.",
        remedies=(Remedy("Write the name as user@REALM, the realm in upper case", f"ansible_user: {use}"),),
        weight=80,
    )


def _supposed(case: Case, typed: str) -> str:
    """The same name in the realm that the host gives as the long form of the domain in front of the backslash or behind the @; "" where it is another."""
    here = directories.answering(case)
    domain = typed.partition("\\")[0] if "\\" in typed else typed.rpartition("@")[2]
    known = here is not None and here.dns_domain and domain.lower() == here.netbios_domain.lower()
    return f"{directories.user_of(typed)}@{here.dns_domain.upper()}" if here and known else ""


def moment(text: str | None) -> str:
    """`2026-04-08T22:48:00Z` as `2026-04-08 22:48 UTC`."""
    return f"{text[:10]} {text[11:16]} UTC" if text else "an unknown time"


def stamp(at: float) -> str:
    """Seconds since 1970 in the same form."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
