# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading doors: did anything speak HTTP there, was it WinRM, and what did it say of itself?"""

from __future__ import annotations

from .base import Unknown
from .endpoint import ChallengeEvidence, ClockEvidence, DoorEvidence, EndpointEvidence, HttpEvidence

HTTP_SYS = "microsoft-httpapi"
"""Server header of HTTP.sys, which answers for WinRM (recorded from real hosts)."""


def replies(opened: DoorEvidence) -> tuple[HttpEvidence, ...]:
    """The HTTP replies read there, those that failed left out."""
    asked = (opened.anonymous, opened.identify)
    return tuple(reply for reply in asked if isinstance(reply, HttpEvidence) and reply.failure is None and reply.status is not None)


def speaks_http(opened: DoorEvidence) -> bool:
    """True when at least one HTTP reply came."""
    return bool(replies(opened))


def header(reply: HttpEvidence, name: str) -> str:
    """First value of a header, or ""."""
    return next((value for key, value in reply.headers if key.lower() == name.lower()), "")


def vendor(opened: DoorEvidence) -> str | None:
    """ProductVendor of the Identify answer, if there was one."""
    return None if opened.identity is None or isinstance(opened.identity, Unknown) else opened.identity.vendor


def by_http_sys(opened: DoorEvidence) -> bool:
    """True when Windows' own HTTP driver signs an answer."""
    return any(HTTP_SYS in header(reply, "Server").lower() for reply in replies(opened))


def unsigned(opened: DoorEvidence) -> bool:
    """True when no answer names its server: HTTP.sys leaves the header out where the registry value DisableServerHeader says so."""
    return bool(replies(opened)) and not any(header(reply, "Server") for reply in replies(opened))


def is_winrm(opened: DoorEvidence) -> bool:
    """True when WinRM itself answered: Microsoft's Identify, or a 401 with WinRM's schemes that HTTP.sys or nobody signed."""
    known = vendor(opened)
    if known is not None:
        return "microsoft" in known.lower()
    return (
        (by_http_sys(opened) or unsigned(opened))
        and 401 in statuses(opened)
        and any(scheme.lower() in ("negotiate", "kerberos", "credssp", "basic") for scheme in opened.schemes)
    )


def statuses(opened: DoorEvidence) -> set[int]:
    """HTTP statuses seen there."""
    return {reply.status for reply in replies(opened) if reply.status is not None}


def clock_of(seen: EndpointEvidence | None) -> ClockEvidence | None:
    """The sharpest reading of the host's clock, whichever door it came from."""
    clocks = [clock for door in seen.doors for clock in door.clocks] if seen else []
    return min(clocks, key=lambda clock: clock.uncertainty) if clocks else None


def challenge_of(seen: EndpointEvidence | None) -> ChallengeEvidence | None:
    """The NTLM challenge in which the host names itself and its domain, whichever door it came from."""
    return next((door.challenge for door in seen.doors if isinstance(door.challenge, ChallengeEvidence)), None) if seen else None
