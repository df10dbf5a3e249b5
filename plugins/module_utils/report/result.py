# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis as a task's result: plain, ranked, small."""

from __future__ import annotations

import typing as t

from ..causes import logons, pairs, whose
from ..causes.catalogue import BY_ID, evaluate_all, leading, undecided_by
from ..evidence.base import encode
from ..evidence.case import NOT_ASKED, Case
from ..evidence.fit import fit, size
from ..finding import CONFIRMED, LIKELY, RULED_OUT, TROUBLE, UNKNOWN, Finding
from .brief import brief
from .notes import notes

LIMIT = 19_500
"""Bytes of JSON for one host's whole result."""
MOST_AGAINST = 2
"""Facts that are told of a cause that is ruled out."""
REACHES = {"never": (), "confirmed": (CONFIRMED,), "likely": (CONFIRMED, LIKELY)}
"""Verdicts that let the task fail."""


def result_of(case: Case, now: float, fail_on: str) -> dict[str, t.Any]:
    """All that the task returns for one host. `now`: seconds since 1970; `fail_on`: a key of REACHES."""
    findings = evaluate_all(case, now)
    troubles = [finding for finding in findings if finding.verdict in TROUBLE]
    result: dict[str, t.Any] = {
        "changed": False,
        "msg": sentence(case, findings),
        "target": encode(case.target),
        "trouble": bool(troubles),
        "findings": [described(finding) for finding in troubles],
        "ruled_out": [_brief(finding) for finding in findings if finding.verdict == RULED_OUT],
        "unknown": [_undecided(case, finding) for finding in findings if finding.verdict == UNKNOWN],
        "notes": notes(case, now),
        **({} if logons.logon(case) is None else {"logon_works": logons.works(case)}),
        "fail_on_reached": any(finding.verdict in REACHES[fail_on] for finding in troubles),
    }
    if case.client_name:
        result["client_host"] = {"name": case.client_name, "read": whose.is_read(case), "note": whose.story(case)}
    if result["fail_on_reached"]:
        result["failed"] = True
    told = brief(case)
    points = ("controller", "endpoint", "logon", "directory", "host", *(("client",) if case.client != NOT_ASKED else ()))
    evidence = {name: encode(getattr(told, name), brief=True) for name in points}
    for kept in (1, 0):
        # Each says why in its summary; what was seen stands in the evidence, which is to stay whole.
        if size(evidence) > LIMIT - size(result):
            for acquitted in result["ruled_out"]:
                del acquitted["against"][kept:]
    result["evidence"] = fit(evidence, LIMIT - size(result))
    return result


def sentence(case: Case, findings: list[Finding]) -> str:
    """The diagnosis in one line."""
    first = leading(findings)
    if not first:
        return f"{whose.arrow(case)}: {_without_trouble(case)}"
    tied = [finding.cause for finding in first[1:]]
    others = f" Not to be told from {' or '.join(tied)} from here." if tied else ""
    # What is this control node's alone says nothing of the logon that was asked about.
    about = f"{_about_client(case)} " if pairs.judged(case) and whose.is_alone(case, first[0]) else ""
    return f"{whose.arrow(case)}: {about}{first[0].cause} ({first[0].verdict}): {first[0].summary}{others}"


def _without_trouble(case: Case) -> str:
    attempt, about = logons.own(case), _about_client(case)
    if about:
        own = "" if attempt is None else "This control node's own logon works." if logons.works(case) else ""
        if own or attempt is None:
            return f"{about} {own}".rstrip()
        return f"{about} This control node's own logon shows nothing wrong from outside, but whether it works is not known. {attempt.means}"
    if attempt is None:
        return "nothing wrong seen from outside. No logon was tried."
    if logons.works(case):
        return f"the logon works. {attempt.means}"
    return f"nothing wrong seen from outside, but whether the logon works is not known. {attempt.means}"


def _about_client(case: Case) -> str:
    """What is said of a named client's logon that nothing speaks against; "" where none is named."""
    if not pairs.judged(case):
        return ""
    if not whose.is_read(case):
        return f"the logon from {case.client_name} is not judged, for its side was not read."
    return f"as the two are set up, nothing speaks against the logon from {case.client_name}, which was not tried."


def described(finding: Finding) -> dict[str, t.Any]:
    """One finding with its cause's title, method and page; the weight stays inside."""
    cause = BY_ID[finding.cause]
    plain = encode(finding)
    del plain["weight"]
    return {"title": cause.title, "method": cause.method, "docs": cause.docs, **{name: value for name, value in plain.items() if value != ""}}


def _brief(finding: Finding) -> dict[str, t.Any]:
    return {"cause": finding.cause, "title": BY_ID[finding.cause].title, "summary": finding.summary, "against": encode(finding.against[:MOST_AGAINST])}


def _undecided(case: Case, finding: Finding) -> dict[str, t.Any]:
    cause = BY_ID[finding.cause]
    facts = {"against": encode(finding.against)} if finding.against else {}
    others, _left_out = undecided_by(cause, case)
    return {"cause": cause.id, "title": cause.title, "summary": finding.summary, **facts, "vantage": list(others), "by_hand": cause.by_hand}
