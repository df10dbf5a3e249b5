# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at the domain in one line."""

from __future__ import annotations

import typing as t

from ..evidence.base import Unknown
from ..evidence.directory import AS, FAILED, GRANTED, NO_SUCH_ACCOUNT, NOT_ASKED_FOR, NOT_READ, REFUSED, TGS, AccountEvidence, DirectoryEvidence, KerberosStep

UNASKED = (NOT_READ, NOT_ASKED_FOR)


def sentence(name: str, seen: DirectoryEvidence) -> str:
    """What an administrator wants to know first: may the account log on, and who owns the SPN that is asked for."""
    parts = [part for part in (_account(seen), _ticket(seen), _spn(seen)) if part]
    if parts:
        # What an option names comes first where it was not asked: the rest is another's answer.
        return f"{name}: {'; '.join((*seen.passed_over, *parts))}."
    # A question that nobody asked explains nothing.
    read = [part for part in (seen.account, seen.computer, seen.trusts, seen.duplicates, seen.forecast, seen.matches) if part not in UNASKED]
    if why := next((part.unknown for part in read if isinstance(part, Unknown)), None):
        return f"{name}: {why.rstrip('.')}."
    found = [f"{len(part)} {one if len(part) == 1 else more}" for part, one, more in _lists(seen)]
    asked = "the domain was asked" if name.lower() == seen.domain else f"the domain {seen.domain} was asked"
    return f"{name}: {''.join(f'{one}; ' for one in seen.passed_over)}{asked}{': ' if found else ''}{', '.join(found)}."


def _lists(seen: DirectoryEvidence) -> t.Iterator[tuple[tuple[t.Any, ...], str, str]]:
    """What was found, and how one and several of it are called."""
    named = (
        (seen.duplicates, "duplicate SPN", "duplicate SPNs"), (seen.matches, "matching SPN", "matching SPNs"),
        (seen.forecast, "account that needs more than AES", "accounts that need more than AES"), (seen.trusts, "trust", "trusts"),
    )
    for part, one, more in named:
        if not isinstance(part, Unknown):
            yield part, one, more


def obstacles(account: AccountEvidence) -> tuple[str, ...]:
    """Everything about the account that keeps it from logging on now."""
    said = (
        (not account.enabled, "is disabled"), (account.locked is True, "is locked out"), (account.expired, "has expired"),
        (account.must_change, "must change its password first"), (account.password_expired, "has an expired password"),
        (account.logon_hours is False, "may not log on at this hour"), (account.smartcard_required, "needs a smart card"),
    )
    return tuple(words for holds, words in said if holds)


def _account(seen: DirectoryEvidence) -> str:
    account = seen.account
    if account == NO_SUCH_ACCOUNT:
        return f"{seen.domain} has no such account"
    if isinstance(account, Unknown):
        return ""
    found = obstacles(account)
    refused = {step.asked_for.partition("@")[0].lower() for step in seen.steps if step.name == AS and step.outcome == REFUSED}
    if not found and account.name.lower() in refused:
        # The directory has nothing against the account, yet the KDC has: what the KDC says is the answer.
        return ""
    limit = f", but only from {', '.join(account.workstations[:3])}" if account.workstations else ""
    who = f"{account.name} of {account.domain}" if account.domain not in ("", seen.domain) else account.name
    return f"{who} {' and '.join(found)}" if found else f"{who} may log on{limit}"


def _ticket(seen: DirectoryEvidence) -> str:
    """Why there is no ticket-granting ticket, for the account itself or for the one that reads."""
    refused = next((step for step in seen.steps if step.name == AS and step.outcome == REFUSED), None)
    asked = refused or _last(step for step in seen.steps if step.name == AS and step.outcome in (GRANTED, FAILED))
    if asked is None or asked.outcome == GRANTED:
        return ""
    return asked.means.rstrip(".")


def _spn(seen: DirectoryEvidence) -> str:
    own = next((one for one in seen.spns if one.own), None)
    if own and not isinstance(own.owners, Unknown):
        owners = " and ".join(owner.name for owner in own.owners)
        step = _last(step for step in seen.steps if step.name == TGS and step.own and step.outcome == REFUSED)
        refused = f"; {step.means.rstrip('.')}" if step else ""
        if owners:
            return f"{own.spn} belongs to {owners}{refused}"
        covered = " and ".join(owner.name for owner in own.covered_by)
        return f"{own.spn} is covered by HOST of {covered}" if covered else f"nobody{f' in {own.only_in}' if own.only_in else ''} carries {own.spn}"
    step = _last(step for step in seen.steps if step.name == TGS and step.own and step.outcome in (GRANTED, REFUSED))
    return step.means.rstrip(".") if step else ""


def _last(steps: t.Iterable[KerberosStep]) -> KerberosStep | None:
    return next(iter(reversed(list(steps))), None)
