# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's clock as the inside shows it: its offset to a domain controller, and where it has its time from."""

from __future__ import annotations

import typing as t

from ..evidence.case import Case
from ..evidence.host import TimeEvidence
from ..finding import Fact, Remedy
from . import inside

DOMAIN_TIME = "NT5DS"
RESYNC = Remedy(
    "Point the host's time service at its domain and let it resynchronise", "w32tm /config /syncfromflags:domhier /update; w32tm /resync", "medium",
)


class Offset(t.NamedTuple):
    """The host against a domain controller, as the host itself measures it: seconds, positive where the host is ahead."""

    seconds: float
    facts: tuple[Fact, ...]


def to_controller(case: Case) -> Offset | None:
    """What the host measures; None where it was not asked or got no answer."""
    seen = inside.clock(case)
    offset = inside.known(seen.controller_offset) if seen else None
    if seen is None or offset is None:
        return None
    said = f"the host measures {offset:+.1f} s between its clock and that of {seen.controller or 'its domain controller'}"
    return Offset(offset, (inside.fact(case, said), *why(case)))


def why(case: Case) -> tuple[Fact, ...]:
    """What is wrong with the host's source of time, quoted; () where nothing is."""
    seen = inside.clock(case)
    told = faults(seen) if seen else []
    if seen is not None and told and (source := inside.known(seen.source)):
        told.append(f"its source of time is {source}")
    return tuple(inside.fact(case, said) for said in told)


def faults(seen: TimeEvidence) -> list[str]:
    """What keeps a clock from being set, in words."""
    told = []
    if seen.service and seen.service not in ("running", "start_pending"):
        told.append(f"the time service w32time is {seen.service}")
    if seen.type == "NoSync":
        told.append("the time service is told to follow nobody (Type NoSync)")
    if inside.known(seen.synchronised) is False:
        told.append("the clock is not synchronised")
    return told


def remedy(case: Case) -> Remedy:
    """What sets the clock right, by what is wrong with it; RESYNC where that is not known."""
    seen = inside.clock(case)
    if seen is None:
        return RESYNC
    member = inside.domain(case)
    if seen.service and seen.service not in ("running", "start_pending"):
        how = "Set-Service w32time -StartupType Automatic; Start-Service w32time; w32tm /resync"
        return Remedy("Start the time service and let it resynchronise", how, "low")
    if member is not None and not member.member:
        return Remedy("Give the host a source of time", "w32tm /config /manualpeerlist:NTP_SERVER /syncfromflags:manual /update; w32tm /resync", "medium")
    if seen.type and seen.type != DOMAIN_TIME and seen.servers:
        return Remedy(
            f"Correct the host's source of time, which is {', '.join(seen.servers[:3])}, or let it follow its domain",
            "w32tm /config /syncfromflags:domhier /update; w32tm /resync", "medium",
        )
    return RESYNC
