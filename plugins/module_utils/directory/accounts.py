# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's account as the directory has it: may it log on, and if not, why not."""

from __future__ import annotations

import time
import typing as t

from ..account import rid
from ..evidence.base import Known, Unknown
from ..evidence.directory import AccountEvidence, PolicyEvidence
from .entries import Entry, escape
from .notation import DAY, dns_of_dn, moment_of, seconds_of, sid_text

DISABLED, LOCKED, NO_EXPIRY, SMARTCARD, NO_DELEGATION, DES_ONLY, NO_PREAUTH, EXPIRED = (
    0x2, 0x10, 0x10000, 0x40000, 0x100000, 0x200000, 0x400000, 0x800000
)
"""userAccountControl's bits ([MS-ADTS] 2.2.16); LOCKED and EXPIRED are true only in msDS-User-Account-Control-Computed (3.1.1.4.5.17)."""
PROTECTED_USERS = 525
"""RID of the group whose members log on by Kerberos with AES alone ([MS-DTYP] 2.4.2.4, PROTECTED_USERS)."""
COMPUTED = "msDS-User-Account-Control-Computed"
EXPIRY = "msDS-UserPasswordExpiryTimeComputed"
ATTRIBUTES = (
    "objectClass", "objectSid", "sAMAccountName", "userPrincipalName", "userAccountControl", COMPUTED, EXPIRY, "lockoutTime", "pwdLastSet", "accountExpires",
    "logonHours", "userWorkstations", "msDS-SupportedEncryptionTypes", "servicePrincipalName", "msDS-ResultantPSO",
)
COUNTERS = ("badPwdCount", "badPasswordTime", "lockoutTime", COMPUTED)
"""Each controller keeps the first two for itself; all failures are repeated at the PDC emulator."""
IN_CHAIN = "1.2.840.113556.1.4.1941"
"""LDAP_MATCHING_RULE_TRANSITIVE_EVAL ([MS-ADTS] 3.1.1.3.4.4.3): a search that follows nested groups."""
WEEK_HOURS = 168
MOST_SPNS = 24
MOST_WORKSTATIONS = 40


def finder(username: str, *, implicit: bool = True) -> str:
    """The filter that finds an account by a name as users write it: DOMAIN\\user, user@suffix or user.

    `implicit`: the suffix is the name of the domain that is searched. Elsewhere a namesake would be found.
    """
    name = username.strip()
    if "\\" in name:
        name = name.partition("\\")[2]
    term = f"(sAMAccountName={escape(name)})"
    if "@" in name:
        term = f"(userPrincipalName={escape(name)})"
        if implicit:
            # An implicit UPN, sAMAccountName@domain, stands in no attribute ([MS-ADTS] 5.1.1.1.1).
            term = f"(|{term}(sAMAccountName={escape(name.rpartition('@')[0])}))"
    return f"(&(objectClass=user){term})"


def choose(entries: t.Iterable[Entry], username: str) -> Entry | None:
    """The account that `username` means among those found: an explicit UPN comes before an implicit one."""
    found = list(entries)
    if "@" in username:
        asked = username.strip().lower()
        found.sort(key=lambda entry: entry.text("userPrincipalName").lower() != asked)
    return found[0] if found else None


def read_account(
    entry: Entry, *, now: float, policy: Known[PolicyEvidence], counters: Known[Entry], counted_at: str, groups: Known[tuple[str, ...]],
    group_sids: Known[tuple[str, ...]], protected: Known[bool],
) -> AccountEvidence:
    """All of it. `now`: the controller's time, seconds since 1970; `counters`: the same object at the PDC emulator, with COUNTERS."""
    control = entry.number("userAccountControl") or 0
    set_at, must_change = seconds_of(entry.number("pwdLastSet")), _must_change(entry, control)
    ends = seconds_of(entry.number("accountExpires"))
    password_ends = _password_ends(entry, control, set_at, policy)
    # The lock may not have been replicated to the controller that was asked.
    lock = counters if isinstance(counters, Entry) and counters.number("lockoutTime") is not None else entry
    locked = _locked(entry, lock, now, policy)
    return AccountEvidence(
        name=entry.text("sAMAccountName"), dn=entry.dn, domain=dns_of_dn(entry.dn), upn=entry.text("userPrincipalName"),
        sid=entry.sid("objectSid"), token_sids=group_sids, enabled=not control & DISABLED, locked=locked,
        locked_since=moment_of(seconds_of(lock.number("lockoutTime"))) if locked is True else None,
        bad_passwords=counters if isinstance(counters, Unknown) else _count(counters), bad_passwords_at=counted_at,
        last_bad_password=None if isinstance(counters, Unknown) else moment_of(seconds_of(counters.number("badPasswordTime"))),
        policy=policy, password_set=moment_of(set_at), must_change=must_change,
        password_expired=not must_change and _password_expired(entry, password_ends, now), password_expires=moment_of(password_ends),
        expires=moment_of(ends), expired=ends is not None and ends <= now, logon_hours=hours_allow(entry.data("logonHours"), now),
        workstations=workstations(entry.text("userWorkstations")), protected_user=protected, smartcard_required=bool(control & SMARTCARD),
        no_delegation=bool(control & NO_DELEGATION), no_preauth=bool(control & NO_PREAUTH), des_only=bool(control & DES_ONLY), groups=groups,
        group_count=group_sids if isinstance(group_sids, Unknown) else len(group_sids),
        encryption_types=entry.number("msDS-SupportedEncryptionTypes"), spns=entry.texts("servicePrincipalName")[:MOST_SPNS],
    )


def hours_allow(hours: bytes, now: float) -> Known[bool]:
    """Whether logonHours allow a logon at this hour: one bit for each hour of the week in UTC, from Sunday midnight, the lowest bit of a byte first."""
    if not hours:
        return True
    if len(hours) * 8 != WEEK_HOURS:
        return Unknown(f"logonHours has {len(hours)} bytes instead of {WEEK_HOURS // 8}")
    moment = time.gmtime(now)
    hour = (moment.tm_wday + 1) % 7 * 24 + moment.tm_hour
    return bool(hours[hour // 8] >> hour % 8 & 1)


def workstations(text: str) -> tuple[str, ...]:
    """userWorkstations: computer names separated by commas ([MS-SAMR] 3.1.1.6)."""
    return tuple(name.strip() for name in text.split(",") if name.strip())[:MOST_WORKSTATIONS]


def sids(entry: Entry) -> tuple[str, ...]:
    """tokenGroups: every group of the account, nested ones included."""
    return tuple(filter(None, (sid_text(value) for value in entry.attributes.get("tokengroups", ()))))


def in_protected_users(group_sids: t.Iterable[str], own_sid: str) -> bool:
    """Whether the group Protected Users of the account's own domain is among its groups."""
    domain = own_sid.rpartition("-")[0]
    return any(rid(sid) == PROTECTED_USERS and sid.rpartition("-")[0] == domain for sid in group_sids)


def _count(counters: Entry) -> Known[int]:
    # An account that never failed has no counter on this controller.
    return counters.number("badPwdCount") or 0


def _locked(entry: Entry, lock: Entry, now: float, policy: Known[PolicyEvidence]) -> Known[bool]:
    since = seconds_of(lock.number("lockoutTime"))
    if since is None:
        return False
    computed = lock.number(COMPUTED)
    if computed is not None:
        # The controller knows the policy that is in force, also where this account may not read it ([MS-ADTS] 3.1.1.4.5.17).
        return bool(computed & LOCKED)
    if isinstance(policy, PolicyEvidence) and policy.sure:
        return policy.lockout_minutes is None or now < since + policy.lockout_minutes * 60
    if (elsewhere := entry.number(COMPUTED)) is not None:
        return bool(elsewhere & LOCKED)
    why = policy.unknown if isinstance(policy, Unknown) else "this account may not read whether a policy of its own is in force"
    return Unknown(f"lockoutTime is set, but how long a lock lasts is not known: {why}")


def _must_change(entry: Entry, control: int) -> bool:
    """pwdLastSet 0 means so, unless the password never expires ([MS-ADTS] 3.1.1.4.5.17)."""
    return entry.number("pwdLastSet") == 0 and not control & (NO_EXPIRY | SMARTCARD)


def _password_ends(entry: Entry, control: int, set_at: float | None, policy: Known[PolicyEvidence]) -> float | None:
    if entry.number(EXPIRY) is not None:
        return seconds_of(entry.number(EXPIRY))
    if control & (NO_EXPIRY | SMARTCARD) or set_at is None or isinstance(policy, Unknown) or policy.max_password_days is None:
        return None
    return set_at + policy.max_password_days * DAY


def _password_expired(entry: Entry, ends: float | None, now: float) -> bool:
    computed = entry.number(COMPUTED)
    return bool(computed & EXPIRED) if computed is not None else ends is not None and ends <= now
