# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks too far apart for Kerberos."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.endpoint import ClockEvidence
from ..finding import LIKELY, POSSIBLE, UNKNOWN, Fact, Finding, Remedy
from . import coded, logons, outside
from .cause import Cause

TOLERANCE = 300.0
"""Seconds; the default of Kerberos, of Active Directory's policy and of MIT's clockskew ([RFC 4120] 1.6)."""

NAMES = {"ntlm": "the timestamp of its NTLM challenge", "http_date": "the Date header of its reply"}


def evaluate(case: Case, now: float) -> list[Finding]:
    """What a logon's codes name, else what is seen from outside."""
    return coded.findings(case, "time_skew", next_check=CAUSE.by_hand) or _outside(case, now)


def _outside(case: Case, now: float) -> list[Finding]:
    """Host against control node; the domain controller's clock is another vantage point's business."""
    opened = outside.door(case)
    clocks = opened.clocks if opened else ()
    if opened is None or not clocks:
        return []
    best = min(clocks, key=lambda clock: clock.uncertainty)
    facts = tuple(Fact(said(clock), outside.where(case.target, opened.address), "endpoint") for clock in clocks)
    if abs(best.offset) - best.uncertainty <= TOLERANCE:
        agrees = "The host's clock agrees with this control node's; the domain controller's clock has not been compared."
        return [Finding("time_skew", "agrees", UNKNOWN, agrees, against=facts, next_check="w32tm /stripchart /computer:DC /samples:3 /dataonly on the host.")]
    ahead = "ahead of" if best.offset > 0 else "behind"
    works = logons.works(case)
    kerberos = {"kerberos", "negotiate"}.intersection(case.target.auth) and not works
    masked = " The logon works all the same, with NTLM, which does not mind." if works else ""
    return [
        Finding(
            "time_skew",
            "offset",
            LIKELY if kerberos else POSSIBLE,
            f"The host's clock is {duration(abs(best.offset))} {ahead} this control node's; Kerberos tolerates 5 minutes.{masked}",
            facts,
            next_check="Which of the two is wrong? Compare each with a domain controller: w32tm /stripchart /computer:DC /samples:3; chronyc tracking.",
            remedies=(
                Remedy(
                    "Point the host's time service at its domain and let it resynchronise",
                    "w32tm /config /syncfromflags:domhier /update; w32tm /resync",
                    "medium",
                ),
            ),
            weight=60,
        )
    ]


def said(clock: ClockEvidence) -> str:
    """One clock reading in words."""
    return f"{NAMES.get(clock.source, clock.source)} differs by {clock.offset:+.1f} s (give or take {max(clock.uncertainty, 0.1):.1f} s)"


def duration(seconds: float) -> str:
    """`15 minutes`, `2 hours 3 minutes`, `40 seconds`, `3 days`."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} seconds"
    if minutes < 120:
        return f"{minutes} minutes"
    if minutes < 2880:
        return f"{minutes // 60} hours {minutes % 60} minutes" if minutes % 60 else f"{minutes // 60} hours"
    return f"{minutes // 1440} days"


CAUSE = Cause(
    "time_skew",
    "The clocks disagree",
    2,
    ("endpoint", "directory", "host"),
    "w32tm /stripchart /computer:DC /samples:3 /dataonly on the host, chronyc tracking on the control node.",
    evaluate,
)
