# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks too far apart for Kerberos."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..evidence.case import Case
from ..evidence.endpoint import ClockEvidence
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, UNKNOWN, Fact, Finding, Remedy
from . import coded, directories, host_clock, logons, outside
from .cause import Cause

TOLERANCE = 300.0
"""Seconds; the default of Kerberos, of Active Directory's policy and of MIT's clockskew ([RFC 4120] 1.6)."""

NAMES = {
    "ntlm": "the timestamp of its NTLM challenge", "http_date": "the Date header of its reply", "kdc": "the time in its Kerberos error",
    "ldap": "currentTime of its rootDSE",
}


CHECK = "w32tm /stripchart /computer:DC /samples:3 /dataonly on the host, chronyc tracking on the control node."
AT_THE_DC = Remedy(
    "Give the PDC emulator of the domain a reliable source of time; the other controllers follow it",
    "w32tm /config /manualpeerlist:NTP_SERVER /syncfromflags:manual /update on the PDC emulator", "medium",
)
HERE = Remedy("Let the control node follow the domain's source of time", "chronyc tracking; timedatectl timesync-status")


class Reading(t.NamedTuple):
    """One machine's clock against this control node's, and what was read of it."""

    offset: float
    uncertainty: float
    facts: tuple[Fact, ...]


def evaluate(case: Case, now: float) -> list[Finding]:
    """Three clocks where the domain's is known too, else what a logon's codes name, else what is seen from outside."""
    host, domain = _host(case), domain_clock(case)
    if seen := _inside(case, domain):
        return seen
    if host is not None and domain is not None:
        return _three(case, host, domain)
    named = coded.findings(case, "time_skew", next_check=CHECK)
    if domain is not None and abs(domain.offset) - domain.uncertainty > TOLERANCE:
        return named or [_domain_alone(case, domain)]
    return named or _outside(case)


def _inside(case: Case, domain: Reading | None) -> list[Finding]:
    """The host's own measurement against a domain controller: the two clocks that Kerberos compares there."""
    between = host_clock.to_controller(case)
    if between is None:
        return []
    codes = coded.findings(case, "time_skew", next_check=CHECK)
    if abs(between.seconds) <= TOLERANCE:
        if codes:
            return [replace(finding, verdict=LIKELY, against=between.facts) if finding.verdict == CONFIRMED else finding for finding in codes]
        if domain is not None and _host(case) is not None:
            return []
        summary = "The host's clock agrees with its domain controller's, as the host measures it."
        return [Finding("time_skew", "agrees", RULED_OUT, summary, against=between.facts)]
    ahead = "ahead of" if between.seconds > 0 else "behind"
    of_domain = domain is not None and abs(domain.offset) - domain.uncertainty > TOLERANCE
    if logons.works(case):
        # NTLM does not mind; what the outside shows of it is told there, and a note tells the rest.
        return []
    heard = tuple(fact for finding in codes for fact in finding.because)
    return [Finding(
        "time_skew", "domain_clock" if of_domain else "host_clock", CONFIRMED if codes else LIKELY if directories.stake(case) else POSSIBLE,
        f"The host's clock is {duration(abs(between.seconds))} {ahead} its domain controller's; Kerberos tolerates 5 minutes.",
        (*heard, *between.facts), next_check=CHECK, remedies=(AT_THE_DC if of_domain else host_clock.remedy(case),), weight=82,
    )]


def _host(case: Case) -> Reading | None:
    opened = outside.door(case)
    if opened is None or not opened.clocks:
        return None
    best = min(opened.clocks, key=lambda clock: clock.uncertainty)
    return Reading(best.offset, best.uncertainty, tuple(Fact(said(clock), outside.where(case.target, opened.address), "endpoint") for clock in opened.clocks))


def domain_clock(case: Case) -> Reading | None:
    """The sharpest reading of a domain controller; of several, the middle one, for one may be wrong by itself, which is a note."""
    seen = directories.directory(case)
    read = [(min(one.clocks, key=lambda clock: clock.uncertainty), one) for one in (seen.controllers if seen else ()) if one.clocks]
    if not read:
        return None
    clock, controller = sorted(read, key=lambda pair: pair[0].offset)[(len(read) - 1) // 2]
    where = f"domain controller {controller.name or controller.address}"
    return Reading(clock.offset, clock.uncertainty, (Fact(said(clock), where, "directory"),))


def _three(case: Case, host: Reading, domain: Reading) -> list[Finding]:
    """Host, domain controller and control node: who stands alone is wrong."""
    facts, codes = (*host.facts, *domain.facts), coded.findings(case, "time_skew", next_check=CHECK)
    between = host.offset - domain.offset
    apart = abs(between) - host.uncertainty - domain.uncertainty > TOLERANCE
    off_host, off_domain = (abs(one.offset) - one.uncertainty > TOLERANCE for one in (host, domain))
    if not apart and not codes:
        if off_host and off_domain:
            return _control_node(case, domain, facts)
        summary = "The clocks of host and domain controller agree, and Kerberos compares those two."
        return [Finding("time_skew", "agrees", RULED_OUT, summary, against=facts)]
    if not apart:
        # The codes say otherwise than the clocks that were read: the host may have been set right in between, or another controller is meant.
        return [replace(finding, verdict=LIKELY, against=facts) if finding.verdict == CONFIRMED else finding for finding in codes]
    if off_domain and not off_host:
        rule, wrong, remedy = "domain_clock", "the domain controller's, for host and control node agree", AT_THE_DC
    elif off_host and not off_domain:
        rule, wrong, remedy = "host_clock", "the host's, for domain controller and control node agree", host_clock.remedy(case)
        facts = (*facts, *host_clock.why(case))
    else:
        rule, wrong, remedy = "clocks_apart", "not certain, for no two of the three agree", host_clock.remedy(case)
    summary = (
        f"The host's clock is {duration(abs(between))} {'ahead of' if between > 0 else 'behind'} the domain controller's; Kerberos tolerates 5 minutes. "
        f"Whose is wrong: {wrong}."
    )
    works = logons.works(case)
    heard = tuple(fact for finding in codes for fact in finding.because)
    verdict = CONFIRMED if codes else LIKELY if directories.stake(case) else POSSIBLE
    if works:
        summary += " The logon works all the same, with NTLM, which does not mind."
    return [Finding("time_skew", rule, verdict, summary, (*heard, *facts), next_check=CHECK, remedies=(remedy,), weight=81 if codes else 66)]


def _control_node(case: Case, domain: Reading, facts: tuple[Fact, ...]) -> list[Finding]:
    """Host and domain agree, this machine does not: MIT follows the KDC's clock unless it is told not to (kdc_timesync; measured)."""
    follows = directories.setting(case, "kdc_timesync") not in ("0", "false", "no")
    if follows or not directories.stake(case):
        summary = "Host and domain controller agree; this control node is off, which Kerberos here makes up for (kdc_timesync)."
        return [Finding("time_skew", "agrees", RULED_OUT, summary, against=facts)]
    summary = f"This control node's clock is {duration(abs(domain.offset))} {'behind' if domain.offset > 0 else 'ahead of'} host and domain controller, "
    fact = Fact("kdc_timesync is off", "krb5.conf", "controller")
    return [Finding(
        "time_skew", "control_node_clock", directories.at_most(LIKELY, directories.stake(case)), summary + "and krb5.conf forbids to make up for it.",
        (*facts, fact), next_check=CHECK, remedies=(HERE, Remedy("Or let Kerberos follow the KDC's clock", "[libdefaults] kdc_timesync = 1")), weight=66,
    )]


def _domain_alone(case: Case, domain: Reading) -> Finding:
    """The host's clock is not known."""
    return Finding(
        "time_skew", "domain_clock", directories.at_most(POSSIBLE, directories.stake(case) or POSSIBLE),
        f"The domain controller's clock is {duration(abs(domain.offset))} {'ahead of' if domain.offset > 0 else 'behind'} this control node's; "
        "which of the two is wrong, and how the host's stands, is not known.",
        domain.facts, next_check=CHECK, remedies=(AT_THE_DC, HERE), weight=58,
    )


def _outside(case: Case) -> list[Finding]:
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
            (*facts, *host_clock.why(case)),
            next_check="Which of the two is wrong? Compare each with a domain controller: w32tm /stripchart /computer:DC /samples:3; chronyc tracking.",
            remedies=(host_clock.remedy(case),),
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
    CHECK,
    evaluate,
)
