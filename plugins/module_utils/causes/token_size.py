# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of accounts in many groups."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.logon import ACCEPTED, LegEvidence
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import inside, logons, outside
from .cause import Cause

BY_HAND = "HTTP 400 'Request Too Long' after the logon; count the groups of the account: whoami /groups."
TOO_LARGE = (400, 413, 431)
NEAR_LIMIT = 10_000
"""Bytes of a token whose Base64 comes near HTTP.sys' default of 16,384 for one header line (MaxFieldLength, KB820129)."""
REMEDIES = (
    Remedy("Take the account out of groups that it does not need, or use a service account in few groups"),
    Remedy(
        "Or let the HTTP driver take larger headers, then restart the host",
        "MaxFieldLength and MaxRequestBytes = 65534 under HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters",
        "medium",
    ),
)


def evaluate(case: Case, now: float) -> list[Finding]:
    """The HTTP driver refuses the request that carries the token, before WinRM sees it."""
    attempt = logons.own(case)
    if attempt is None:
        return []
    if attempt.outcome == ACCEPTED:
        return [Finding("token_size", "accepted", RULED_OUT, "The token was accepted.", against=(logons.fact(case, attempt),))]
    leg = next((leg for rung in attempt.rungs[:1] for leg in rung.legs if leg.token and leg.reply.status in TOO_LARGE), None)
    if leg is None or leg.token is None:
        return []
    named, large = "too long" in leg.reply.body_start.lower(), leg.token.bytes >= NEAR_LIMIT
    limit = _limit(case)
    header = (leg.token.bytes + 2) // 3 * 4
    over = limit is not None and header > limit
    if limit is not None and not over and not named and not large:
        # The host itself says that it takes headers of this size.
        return []
    if not over and not named and not large and leg.reply.status == 400 and leg.token.bytes < NEAR_LIMIT // 4:
        # A small token cannot be too large; the 400 has another reason.
        return []
    return [
        Finding(
            "token_size",
            "too_large",
            CONFIRMED if over or (named and large) else LIKELY if named or large else POSSIBLE,
            f"The token of {attempt.account or 'the account'} is too large for the host's HTTP driver: {leg.token.bytes} bytes before Base64.",
            (logons.fact(case, attempt), _quoted(case, leg), *_limit_fact(case, header)),
            next_check=BY_HAND,
            remedies=REMEDIES,
            weight=78,
        )
    ]


def _limit(case: Case) -> int | None:
    """The longest header line that the host's HTTP driver takes."""
    seen = inside.limits(case)
    return inside.known(seen.max_field_length) if seen else None


def _limit_fact(case: Case, header: int) -> tuple[Fact, ...]:
    limit = _limit(case)
    said = f"MaxFieldLength is {limit} bytes, and the token takes {header} as Base64"
    return (inside.fact(case, said),) if limit is not None else ()


def _quoted(case: Case, leg: LegEvidence) -> Fact:
    said = f', "{leg.reply.body_start[:80]}"' if leg.reply.body_start else ""
    return Fact(f"HTTP {leg.reply.status}{said}", outside.where(case.target), "logon")


CAUSE = Cause("token_size", "The Kerberos token is too large for the HTTP driver", 2, ("logon", "directory"), BY_HAND, evaluate)
