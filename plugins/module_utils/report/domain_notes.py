# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the domain deserves a word although it stops no logon today."""

from __future__ import annotations

import typing as t

from ..causes import accounts, directories, etypes, kdcs, keys, logons
from ..causes.token_size import NEAR_LIMIT
from ..evidence.base import Unknown, seconds
from ..evidence.case import Case
from ..evidence.directory import AS, GRANTED, NO_SUCH_ACCOUNT, NOT_ASKED_FOR, NOT_READ, REFUSED, PolicyEvidence
from ..evidence.logon import ACCEPTED
from .fleet import NOTEWORTHY

PASSWORD_SOON, ACCOUNT_SOON = 14 * 86400, 30 * 86400
"""Seconds; what ends sooner gets a note."""
IN_THE_PLAYBOOK = " (the playbook: troubleshoot_domain_username, troubleshoot_domain_password)"
"""Options of the modules are variables of the role under another name."""
MANY_GROUPS = 100
TOKEN_BASE, TOKEN_EACH = 1200, 40
"""Bytes: TokenSize = 1200 + 40 d + 8 s with d domain-local and foreign groups and s others (KB327825); here every group is counted as the dear kind."""


def _unread(case: Case, now: float) -> t.Iterator[str]:
    """Whoever named an account to read with, or whose directory is silent, would else take it that nothing was to be read."""
    seen = directories.directory(case)
    if seen is None or not isinstance(seen.computer, Unknown) or seen.computer in (NOT_READ, NOT_ASKED_FOR, NO_SUCH_ACCOUNT):
        return
    own = {asked.step.asked_for for asked in directories.mine(case)}
    refused = [asked.step for asked in directories.steps(case, AS) if asked.step.outcome == REFUSED]
    reader = next((step for step in refused if step.asked_for not in own), None)
    if reader is not None:
        correct = f"Correct domain_username or domain_password{IN_THE_PLAYBOOK}."
        yield f"The directory was not read, for the account that was named to read with is refused: {reader.means} {correct}"
    elif not refused:
        why = seen.computer.unknown.rstrip(".")
        yield f"The directory was not read: {why}{IN_THE_PLAYBOOK if 'domain_username' in why else ''}."


def _state(case: Case, now: float) -> t.Iterator[str]:
    """A state of the account that does not keep it from logging on here, which is odd enough to be told."""
    known = directories.account(case)
    attempt = logons.own(case)
    if known is None or attempt is None or attempt.outcome != ACCEPTED:
        return
    odd = {
        "disabled": not known.enabled, "locked out": known.locked is True, "expired": known.expired, "outside its logon hours": known.logon_hours is False,
        "to change its password": known.must_change, "bearing an expired password": known.password_expired,
    }
    for word in (word for word, true in odd.items() if true):
        yield f"The directory has the account {known.name} as {word}, yet the host accepts it: another of that name, or a controller that lags behind?"


def _ends(case: Case, now: float) -> t.Iterator[str]:
    known = directories.account(case)
    if known is None:
        return
    for what, moment, soon in (("The password of", known.password_expires, PASSWORD_SOON), ("The account", known.expires, ACCOUNT_SOON)):
        left = seconds(moment) - now if moment else -1.0
        if 0 < left < soon:
            yield f"{what} {known.name} expires on {moment[:10] if moment else ''}, in {_days(left)}."


def _days(left: float) -> str:
    days = int(left // 86400)
    return "less than a day" if not days else "1 day" if days == 1 else f"{days} days"


def _counter(case: Case, now: float) -> t.Iterator[str]:
    """One more failure, and nobody logs on any more."""
    known = directories.account(case)
    if known is None or not isinstance(known.policy, PolicyEvidence) or isinstance(known.bad_passwords, Unknown) or known.locked is True:
        return
    if known.last_bad_password and seconds(known.last_bad_password) + known.policy.observation_minutes * 60 < now:
        # The number stands until the next logon, but the next failure starts anew ([MS-SAMR] 3.1.5.14.6).
        return
    threshold = known.policy.lockout_threshold
    if threshold and known.bad_passwords >= max(1, threshold - 1):
        sure = "is" if known.policy.sure else "may be"
        yield f"The account {known.name} {sure} one failed logon from being locked: {accounts.counted(known)}."


def _habits(case: Case, now: float) -> t.Iterator[str]:
    known = directories.account(case)
    if known is None:
        return
    if known.no_preauth:
        yield f"The account {known.name} needs no Kerberos pre-authentication, so anybody may ask for material to guess its password from."
    if known.protected_user is True and logons.works(case):
        yield f"{known.name} is a member of Protected Users: it has neither NTLM nor delegation to fall back on."
    if isinstance(known.group_count, int) and known.group_count > MANY_GROUPS:
        size = TOKEN_BASE + TOKEN_EACH * known.group_count
        near = ", which comes near what HTTP takes for one header line" if size >= NEAR_LIMIT else ""
        yield f"The account {known.name} is in {known.group_count} groups; its Kerberos token may take {size} bytes{near}."


def _rc4(case: Case, now: float) -> t.Iterator[str]:
    """Tickets made with RC4 work until somebody switches it off."""
    granted = [asked.step for asked in directories.own_tickets(case) if asked.step.outcome == GRANTED and "RC4" in asked.step.ticket_encryption.upper()]
    if granted:
        yield f"The ticket for {granted[0].asked_for} is encrypted with RC4, which stops working where only AES is accepted."


def _computer(case: Case, now: float) -> t.Iterator[str]:
    named = directories.computer(case)
    if named is None:
        return
    if named.password_days is not None and named.password_days > keys.STALE_DAYS:
        yield f"The machine password of {named.name} is {named.password_days:.0f} days old; Windows changes it every 30 days where it reaches its domain."
    if not named.enabled and logons.works(case):
        yield f"The computer account {named.name} is disabled, and the logon works all the same: tickets and channels that exist go on for a while."


def _spns(case: Case, now: float) -> t.Iterator[str]:
    """What is wrong with names that this connection does not ask for, or does without."""
    seen = directories.directory(case)
    own = directories.own_spn(case).lower()
    doubles = seen.duplicates if seen is not None and not isinstance(seen.duplicates, Unknown) else ()
    listed = {one.spn.lower(): one for one in (*doubles, *(seen.spns if seen else ())) if not isinstance(one.owners, Unknown) and len(one.owners) > 1}
    for one in listed.values():
        owners = () if isinstance(one.owners, Unknown) else one.owners
        if one.spn.lower() != own or logons.works(case):
            yield f"The SPN {one.spn} has {len(owners)} owners, {' and '.join(owner.name for owner in owners)}: no Kerberos client gets a ticket for it."
    if "negotiate" in case.target.auth and logons.works(case) and directories.carriers(case, directories.own_spn(case)) == ():
        yield f"Nobody carries {directories.own_spn(case)}, so negotiate falls back to NTLM here; where NTLM is blocked it would fail."


def _kdc(case: Case, now: float) -> t.Iterator[str]:
    """Under negotiate nobody misses a KDC until NTLM is blocked."""
    if "negotiate" in case.target.auth and directories.stake(case) == "" and (lost := kdcs.silence_of_steps(case)):
        yield f"No KDC answers this control node, so negotiate has NTLM alone: {lost}"


def _clocks(case: Case, now: float) -> t.Iterator[str]:
    seen = directories.directory(case)
    read = [(min(one.clocks, key=lambda clock: clock.uncertainty), one.name or one.address) for one in (seen.controllers if seen else ()) if one.clocks]
    if len(read) > 1:
        (low, first), (high, last) = min(read, key=lambda pair: pair[0].offset), max(read, key=lambda pair: pair[0].offset)
        if high.offset - low.offset - high.uncertainty - low.uncertainty > NOTEWORTHY:
            yield f"The clocks of the domain controllers {first} and {last} are {high.offset - low.offset:.0f} s apart."


def _realm(case: Case, now: float) -> t.Iterator[str]:
    """kinit, which the connection winrm runs, takes the realm as it is typed (measured with MIT 1.20); psrp's library lets the KDC correct it."""
    suffix = (case.target.username or "").partition("@")[2]
    if case.target.connection == "winrm" and "kerberos" in case.target.auth and suffix != suffix.upper():
        yield f"The realm of {case.target.username} is not in upper case; kinit, which the connection winrm runs, may refuse that."


def _client(case: Case, now: float) -> t.Iterator[str]:
    for name in etypes.CLIENT_SETTINGS:
        value = directories.setting(case, name)
        if value and "aes" not in etypes.families(value):
            yield f"krb5.conf sets {name} = {value}, which leaves out AES."


RULES = (_unread, _state, _ends, _counter, _habits, _rc4, _computer, _spns, _kdc, _clocks, _realm, _client)
