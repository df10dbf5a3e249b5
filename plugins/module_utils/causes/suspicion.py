# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refusal without a reason leaves open: the causes that end in the same 401, less those that something speaks against."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.logon import REFUSED, AttemptEvidence
from ..finding import CONFIRMED
from . import accounts, directories, logons, membership


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
    possible = {
        "credentials": not proven(case),
        "permissions": not here,
        "channel_binding": bound and not here and not _both_bindings_refused(case),
        "ntlm_blocked": ntlm and not any(other.mechanism == "ntlm" for other in (*here, *logons.by_others(case))),
        "domain_trust": attempt.kind != "local" and attempt.mechanism != "kerberos" and attempt.method != "certificate" and not here,
        "service_config": attempt.method == "basic" and attempt.kind == "domain",
    }
    if any(other.binding == attempt.binding and other.mechanism == attempt.mechanism for other in logons.by_others(case)):
        # Another account came in by the very same way: the way is good.
        possible.update(channel_binding=False, ntlm_blocked=False)
    return tuple(cause for cause, fits in possible.items() if fits)


def tied(case: Case, cause: str) -> tuple[str, ...]:
    """The other suspects."""
    return tuple(other for other in suspects(case) if other != cause)


def _both_bindings_refused(case: Case) -> bool:
    return {"sent", "omitted"} <= {attempt.binding for attempt in logons.attempts(case) if attempt.outcome == REFUSED}
