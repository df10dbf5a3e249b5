# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ways into a host were tried, and why the alternate ones among them did not get in."""

from __future__ import annotations

from ..evidence.logon import ACCEPTED, NOT_TRIED, AttemptEvidence, LogonEvidence

NOT_TRIED_YET = "Not tried: "


def ways(seen: LogonEvidence) -> list[dict[str, str]]:
    """Every attempt in one row, in the order in which they were made: the way's name, "" for the inventory's, its account and method, and how it ended."""
    return [
        {"name": one.way, "account": one.account, "method": f"{one.method} over {one.scheme}", "outcome": one.outcome, "means": one.means}
        for one in seen.attempts
    ]


def kept_out(seen: LogonEvidence) -> tuple[str, ...]:
    """One clause for each alternate logon that did not get in: who, and why; of several methods the last that was tried tells."""
    found: dict[str, list[AttemptEvidence]] = {}
    for one in seen.attempts:
        if one.way:
            found.setdefault(one.way, []).append(one)
    return tuple(_clause(_telling(made)) for made in found.values() if all(one.outcome != ACCEPTED for one in made))


def _telling(made: list[AttemptEvidence]) -> AttemptEvidence:
    return next((one for one in reversed(made) if one.outcome != NOT_TRIED), made[0])


def _clause(one: AttemptEvidence) -> str:
    """`boss (LAB\\admin): not tried, the KDC of LAB.TEST refuses admin@LAB.TEST`."""
    account = f" ({one.account})" if one.account and one.account != one.way else ""
    means = one.means.rstrip(".")
    said = f"not tried, {means[len(NOT_TRIED_YET) :]}" if means.startswith(NOT_TRIED_YET) else f"{means[:1].lower()}{means[1:]}"
    return f"{one.way}{account}: {said}"
