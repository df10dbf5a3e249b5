# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refusal without a reason leaves open: the causes that end in the same 401, less those that something speaks against."""

from __future__ import annotations

import typing as t

from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.logon import REFUSED, AttemptEvidence
from ..finding import CONFIRMED
from . import accounts, decided, directories, logons, membership, ntlm_policy


def refusal(case: Case) -> AttemptEvidence | None:
    """The own way, where the host looked at the password (or its proof) and said no without giving a reason."""
    attempt = logons.own(case)
    if attempt is None or attempt.outcome != REFUSED or not attempt.used or logons.code_of(attempt) is not None:
        return None
    return attempt


def proven(case: Case) -> str:
    """Who accepted the inventory's password: a host's name, a way into this one, or "" where nobody did."""
    for made in logons.attempts(case):
        if made.proven:
            return made.proven_by or "another host of this run"
    other = next((attempt for attempt in logons.accepted(case) if attempt.method != "certificate"), None)
    if other:
        return f"this host, with {logons.way_of(other)}"
    attempt, kdc = logons.own(case), directories.proof(case)
    # A bare name may mean the host's own account, of which a KDC knows nothing; with Kerberos it cannot.
    ours = attempt is None or attempt.kind == "domain" or attempt.mechanism == "kerberos"
    return f"the KDC of {kdc.step.realm or 'its domain'}" if kdc and ours else ""


def may_lack_ntlm(case: Case) -> bool:
    """Whether the account itself may be kept from NTLM: userWorkstations and Protected Users look like a policy of the host until the directory is read."""
    attempt, known = refusal(case), directories.account(case)
    if attempt is None or attempt.kind == "local" or attempt.mechanism != "ntlm" or (known is not None and not isinstance(known.protected_user, Unknown)):
        return False
    by_ticket = any(way.mechanism == "kerberos" for way in logons.accepted(case))
    elsewhere = any(made.proven for made in logons.attempts(case))
    by_kdc = attempt.kind == "domain" and directories.proof(case) is not None and not elsewhere
    return not _ticket_refused(case) and (by_ticket or by_kdc)


def _ticket_refused(case: Case) -> bool:
    """Whether the host refused the account's ticket without a reason as well: what concerns NTLM alone explains only half of that."""
    made = logons.attempts(case)
    return any(one.outcome == REFUSED and one.used and one.mechanism == "kerberos" and logons.code_of(one) is None for one in made)


def _by_tickets_alone(case: Case, here: t.Sequence[AttemptEvidence]) -> bool:
    """A host reads tickets by itself, and has NTLM checked by its domain, which it may not do with an account that is disabled: unread, nobody knows."""
    return all(way.mechanism == "kerberos" for way in here) and directories.computer(case) is None


def suspects(case: Case) -> tuple[str, ...]:
    """The causes that explain a refusal without a reason, those left out that another attempt speaks against.

    A wrong password, a right that is missing, NTLM or a channel binding that policy refuses, and a broken trust all end in the same 401.
    """
    attempt = refusal(case)
    if attempt is None or attempt.method == "certificate" or accounts.explains(case):
        return ()
    if any(finding.verdict == CONFIRMED for finding in membership.findings(case)):
        return ()
    bound = attempt.binding != ""
    ntlm = "ntlm" in (attempt.mechanism, attempt.method) or attempt.method == "credssp"
    here = [other for other in logons.accepted(case) if other is not attempt]
    if bound and any(other.scheme == "https" and other.method == attempt.method and other.binding != attempt.binding for other in here):
        return ("channel_binding",)
    if bound and any(other.scheme == "http" and other.mechanism == attempt.mechanism for other in here):
        return ("channel_binding",)
    # A policy that refuses NTLM to domain accounts lets local ones through.
    others = () if ntlm_policy.blocks(case) else logons.by_others(case)
    possible = {
        "credentials": not proven(case) or may_lack_ntlm(case),
        "permissions": not here,
        "channel_binding": bound and not here and not _both_bindings_refused(case),
        "ntlm_blocked": ntlm and not any(other.mechanism == "ntlm" for other in (*here, *others)) and not _ticket_refused(case),
        "domain_trust": attempt.kind != "local" and attempt.mechanism != "kerberos" and (not here or _by_tickets_alone(case, here)),
        "service_config": attempt.method == "basic" and attempt.kind == "domain",
    }
    if any(other.binding == attempt.binding and other.mechanism == attempt.mechanism for other in logons.by_others(case)):
        # Another account came in by the very same way: the way is good.
        possible.update(channel_binding=False)
        possible["ntlm_blocked"] = possible["ntlm_blocked"] and not others
    return _by_inside(case, tuple(cause for cause, fits in possible.items() if fits))


def _by_inside(case: Case, fitting: tuple[str, ...]) -> tuple[str, ...]:
    """Those that the inside convicts, else those that it does not acquit."""
    guilty = decided.convicted(case)
    acquitted = decided.acquitted(case)
    return tuple(cause for cause in fitting if cause in guilty) or tuple(cause for cause in fitting if cause not in acquitted) or fitting


def tied(case: Case, cause: str) -> tuple[str, ...]:
    """The other suspects."""
    return tuple(other for other in suspects(case) if other != cause)


def _both_bindings_refused(case: Case) -> bool:
    return {"sent", "omitted"} <= {attempt.binding for attempt in logons.attempts(case) if attempt.outcome == REFUSED}
