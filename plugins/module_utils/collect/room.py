# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the account's own lockout policy leaves room for a wrong password: read before an unproven one is used, where somebody else may read the directory.

The attempt book is one run's; the counter at the PDC emulator knows of the runs before it, and of everybody else.
"""

from __future__ import annotations

import math
import time
import typing as t

from ..account import Account, account_of
from ..domain import Domain
from ..evidence.base import Unknown, seconds
from ..evidence.directory import AccountEvidence, DirectoryEvidence, PolicyEvidence
from ..evidence.endpoint import EndpointEvidence
from ..target import Target
from ..wire.deadline import Deadline
from . import directory
from .attempts import Book

PATIENCE, CONNECT = 2.5, 1.0
"""Seconds for the whole look and for one connection: all workers with this account wait meanwhile, under the lock of its permit."""
SHARE = 0.5
"""Of the time left, what the look may take: the proof needs some too."""
MINUTE = 60.0


def reads(domain: Domain, account: Account, limit: int) -> bool:
    """Whether there is somebody to read with: another than the account itself. Whoever allows two failures has looked at the threshold, so nobody else does."""
    if limit > 1 or not domain.username:
        return False
    # The book locks by the user's name: a namesake's password would be asked for under the lock that is held.
    return account_of(domain.username, "", None).user != account.user


def look(
    target: Target, domain: Domain, seen: EndpointEvidence | None, book: Book, deadline: Deadline, *, environ: t.Mapping[str, str] | None = None,
    now: t.Callable[[], float] = time.time,
) -> str:
    """Why the target's password may not be used, in a sentence; "" where it may, or where the counter or the policy cannot be read."""
    plan = directory.Plan(frozenset(("controllers", "account")), connect_timeout=CONNECT, thorough=False)
    timeout = min(PATIENCE, deadline.left() * SHARE)
    found = directory.observe(target, domain, seen, timeout=timeout, plan=plan, book=book, environ=environ, now=now)
    if isinstance(found.account, Unknown) or found.account is None:
        return ""
    return full(found.account, now() + _offset(found, found.account.domain))


def _offset(found: DirectoryEvidence, domain: str) -> float:
    """Seconds that the domain's clock is ahead of ours, by the sharpest measurement."""
    clocks = [clock for one in found.controllers if one.domain == domain for clock in one.clocks]
    return min(clocks, key=lambda clock: clock.uncertainty).offset if clocks else 0.0


def full(account: AccountEvidence, now: float) -> str:
    """That one more wrong password would lock the account, in a sentence; "" where it would not, or where that is not known. `now`: the domain's time."""
    count, policy = account.bad_passwords, account.policy
    if isinstance(count, Unknown) or isinstance(policy, Unknown) or account.locked is True or not policy.lockout_threshold:
        # Nothing more is counted against an account that is locked, and the KDC names that state.
        return ""
    ends = _ends(account, policy)
    if ends is not None and ends <= now:
        count = 0
    if count + 1 < policy.lockout_threshold:
        return ""
    within = f" within {policy.observation_minutes:g} minutes" if policy.observation_minutes else ""
    doubt = "" if policy.sure else " (unless a password settings object is in force in its place, which the account that reads may not see)"
    return (
        f"Not tried: badPwdCount of {account.name} is {count} at {account.bad_passwords_at or 'the PDC emulator'}, and the policy \"{policy.name}\" locks at "
        f"{policy.lockout_threshold}{within}{doubt}; one more wrong password would lock the account. {_way_out(ends if count else None, now)}"
    )


def _ends(account: AccountEvidence, policy: PolicyEvidence) -> float | None:
    """When the counter starts anew, seconds since 1970; None where that is not known."""
    if not account.last_bad_password or not policy.observation_minutes:
        return None
    return seconds(account.last_bad_password) + policy.observation_minutes * MINUTE


def _way_out(ends: float | None, now: float) -> str:
    if ends is None:
        return "Prove the password elsewhere, or set attempts to 2."
    # What is left of a minute is waited for, too.
    until = math.ceil(ends / MINUTE) * MINUTE
    day, today = (time.strftime("%Y-%m-%d ", time.gmtime(moment)) for moment in (until, now))
    return f"Wait until {'' if day == today else day}{time.strftime('%H:%M', time.gmtime(until))} UTC, prove the password elsewhere, or set attempts to 2."
