# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes that name a cause: a Kerberos error, an NTSTATUS, a fault of WS-Management. The tables say how strongly."""

from __future__ import annotations

import typing as t

from ..evidence.case import Case
from ..evidence.logon import AttemptEvidence, RungEvidence
from ..explain_code import fault_entry, kerberos_entry, named, status_entry
from ..explain_lookup import Entry
from ..finding import CONFIRMED, LIKELY, POSSIBLE, Fact, Finding, Remedy
from . import logons
from .outside import where

VERDICT = {"strong": CONFIRMED, "medium": LIKELY, "weak": POSSIBLE}
"""A code that names one cause and was read from the host or the KDC itself is as good as proof (facts: decision table)."""

MODIFIED = "KRB_AP_ERR_MODIFIED"
"""The ticket was made for another key. Wrong owner of the SPN, a stale machine password and an address of another host all end in it (facts: pairs)."""


class Coded(t.NamedTuple):
    """One code, and where it came from."""

    code: int
    entry: Entry
    fact: Fact


def codes(case: Case) -> list[Coded]:
    """Every code that the own way brought and that is known."""
    attempt = logons.own(case)
    if attempt is None:
        return []
    found = []
    code = logons.code_of(attempt)
    if code is not None:
        entry = kerberos_entry(code) if code < 256 else status_entry(code)
        if entry:
            found.append(Coded(code, entry, logons.fact(case, attempt)))
    for _attempt, rung, fault in logons.faults(case):
        entry = fault_entry(fault.code)
        if entry and fault.code is not None:
            found.append(Coded(fault.code, entry, _fault_fact(case, attempt, rung)))
    return found


def findings(case: Case, cause: str, *, next_check: str = "", remedies: tuple[Remedy, ...] = (), weight: int = 80) -> list[Finding]:
    """One finding for each code that points at `cause`; tied with the causes that it points at as strongly."""
    found = []
    for coded in codes(case):
        strengths = dict(coded.entry.causes)
        if cause not in strengths:
            continue
        rivals = tuple(other for other, strength in coded.entry.causes if other != cause and strength == strengths[cause])
        if coded.entry.symbol == MODIFIED:
            rivals = tuple(other for other, _strength in coded.entry.causes if other != cause)
        verdict = VERDICT[strengths[cause]]
        if rivals and verdict == CONFIRMED:
            verdict = LIKELY
        found.append(
            Finding(
                cause, _rule(coded.entry), verdict, f"{_who(coded)} {coded.entry.meaning}", (coded.fact,), next_check=next_check, remedies=remedies,
                tied_with=rivals, weight=weight if strengths[cause] == "strong" else weight - 20,
            )
        )
    return found


def _rule(entry: Entry) -> str:
    """`STATUS_ACCOUNT_DISABLED` as `account_disabled`."""
    name = entry.symbol.lower()
    for prefix in ("status_", "error_wsman_", "error_", "kdc_err_", "krb_ap_err_", "krb5_", "sec_e_"):
        name = name.removeprefix(prefix)
    return name


def _who(coded: Coded) -> str:
    return f"The answer says {named(coded.code, coded.entry)}."


def _fault_fact(case: Case, attempt: AttemptEvidence, rung: RungEvidence) -> Fact:
    return Fact(f"{rung.name}: {rung.means}", f"{where(case.target, port=attempt.port)}, {attempt.method} over {attempt.scheme}", "logon")
