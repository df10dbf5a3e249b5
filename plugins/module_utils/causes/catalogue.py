# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every cause, and the judgement over all of them."""

from __future__ import annotations

from ..evidence.case import NOT_ASKED, Case
from ..evidence.logon import ACCEPTED, NOT_TRIED, PASSED
from ..finding import POSSIBLE, RULED_OUT, TROUBLE, UNKNOWN, Finding, rank
from . import (
    certificate,
    channel_binding,
    control_node,
    credentials,
    decided,
    domain_trust,
    encryption_types,
    firewall,
    impostor,
    inside,
    logons,
    message_encryption,
    network,
    ntlm_blocked,
    pairs,
    permissions,
    quota,
    service_config,
    spn,
    time_skew,
    token_size,
    whose,
)
from .cause import Cause

CAUSES: tuple[Cause, ...] = tuple(
    module.CAUSE
    for module in (
        credentials,
        spn,
        certificate,
        ntlm_blocked,
        network,
        time_skew,
        firewall,
        service_config,
        domain_trust,
        permissions,
        encryption_types,
        channel_binding,
        message_encryption,
        impostor,
        token_size,
        quota,
        control_node,
    )
)
"""The ten causes, then those that users meet with the same symptom."""
BY_ID = {cause.id: cause for cause in CAUSES}


def evaluate_all(case: Case, now: float) -> list[Finding]:
    """Every cause's findings, strongest first; a cause that nothing speaks for or against is `unknown`. `now`: seconds since 1970.

    Where a client is named, what is wrong between the two comes before all else.
    """
    findings = [finding for cause in CAUSES for finding in _judged(cause, case, now)]
    if not any(finding.verdict in TROUBLE for finding in findings) and (odd := _unexplained(case)):
        findings = [odd, *(finding for finding in findings if finding.cause != odd.cause)]
    return whose.sorted_for_client(case, rank(findings))


def _judged(cause: Cause, case: Case, now: float) -> list[Finding]:
    """What a cause says of the host, and of the Windows machine that is its client; else what acquits it, else that nobody knows."""
    of_pair, of_host = pairs.findings(case, cause.id), cause.evaluate(case, now)
    if of_pair:
        return [*of_pair, *(finding for finding in of_host if finding.verdict in TROUBLE)]
    return of_host or _cleared(cause, case) or [_unknown(cause, case)]


def leading(findings: list[Finding]) -> list[Finding]:
    """The strongest finding of trouble and those it is tied with; [] where nothing is wrong."""
    troubles = [finding for finding in findings if finding.verdict in TROUBLE]
    return [finding for finding in troubles if finding is troubles[0] or finding.cause in troubles[0].tied_with]


def _unexplained(case: Case) -> Finding | None:
    """A logon that fails for a reason no rule knows is trouble all the same."""
    attempt = logons.own(case)
    if attempt is None or attempt.outcome == NOT_TRIED or logons.works(case):
        return None
    facts = [logons.fact(case, attempt)]
    if attempt.outcome == ACCEPTED:
        facts += [logons.rung_fact(case, attempt, rung) for rung in attempt.rungs if rung.status != PASSED]
    return Finding(
        "service_config", "unexplained", POSSIBLE, f"The logon fails, and no rule knows this failure: {facts[-1].seen}", tuple(facts),
        next_check="winrm.doctor.logon_info shows every request and reply; look at the host's logs WinRM/Operational and System at that time.",
    )


CLEARED = {
    "permissions": "Every gate on the way lets the account in, as far as the inside shows.",
    "domain_trust": "The host's secure channel to its domain is well.",
    "ntlm_blocked": "No policy of the host keeps this account from NTLM.",
    "channel_binding": "The host takes the logon as it is bound.",
}


def _cleared(cause: Cause, case: Case) -> list[Finding]:
    against = decided.acquitted(case).get(cause.id, ())
    return [Finding(cause.id, "inside", RULED_OUT, CLEARED[cause.id], against=against)] if against else []


def undecided_by(cause: Cause, case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Vantage points that would decide a cause and were not asked, and for what reasons others did not: left out, shut, or denied."""
    others, left_out = case.missing(cause.vantage)
    if "host" in cause.vantage and case.host != NOT_ASKED:
        others = tuple(name for name in others if name != "host")
        left_out += inside.shut(case)
    return others, left_out


def _unknown(cause: Cause, case: Case) -> Finding:
    others, left_out = undecided_by(cause, case)
    tell = [f"the vantage point {' or '.join(others)} would tell"] if others else []
    summary = f"Not decided; {', and '.join((*tell, *left_out))}." if others or left_out else "What was seen does not decide it."
    return Finding(cause.id, "undecided", UNKNOWN, summary, next_check=cause.by_hand, weight=0)
