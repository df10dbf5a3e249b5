# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Active Directory's own notations: security identifiers, times, durations, names of domains."""

from __future__ import annotations

import re
import time

TICKS = 10_000_000
"""Of 100 ns in a second: FILETIME's unit ([MS-DTYP] 2.3.3)."""
EPOCH = 11_644_473_600
"""Seconds from 1601 to 1970."""
NEVER = 0x7FFFFFFFFFFFFFFF
DAY = 86400.0


def sid_text(data: bytes) -> str:
    """A SID as S-1-5-21-...; "" where the bytes are none ([MS-DTYP] 2.4.2.2)."""
    if len(data) < 8 or data[0] != 1 or len(data) != 8 + 4 * data[1] or data[1] > 15:
        return ""
    parts = [int.from_bytes(data[at : at + 4], "little") for at in range(8, len(data), 4)]
    return "-".join(["S-1", str(int.from_bytes(data[2:8], "big")), *map(str, parts)])


def sid_bytes(text: str) -> bytes:
    """The inverse of `sid_text`; raises ValueError."""
    mark, revision, authority, *parts = text.split("-")
    if (mark, revision) != ("S", "1") or len(parts) > 15:
        raise ValueError(f"not a SID: {text[:80]!r}")
    return bytes([1, len(parts)]) + int(authority).to_bytes(6, "big") + b"".join(int(part).to_bytes(4, "little") for part in parts)


def domain_of_sid(sid: str) -> str:
    """The SID without its last number; "" for one that belongs to no domain."""
    return sid.rpartition("-")[0] if sid.startswith("S-1-5-21-") else ""


def seconds_of(filetime: int | None) -> float | None:
    """A FILETIME as seconds since 1970; None for the values that mean "never" or "not yet"."""
    if filetime is None or filetime <= 0 or filetime >= NEVER:
        return None
    return filetime / TICKS - EPOCH


def moment_of(seconds: float | None) -> str | None:
    """Seconds since 1970 as 2026-04-08T22:48:00Z; None also for what no calendar holds."""
    if seconds is None or not -EPOCH <= seconds < 253_402_300_800:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def duration(delta: int | None) -> float | None:
    """A policy's duration in seconds; it is stored negative, and the smallest number, or 0, means without an end ([MS-SAMR] 3.1.1.5)."""
    if not delta or delta <= -NEVER or delta >= NEVER:
        return None
    return abs(delta) / TICKS


def dns_of_dn(dn: str) -> str:
    """The DNS name of a domain: that of its DC= parts, as in DC=lab,DC=test."""
    parts = re.findall(r"(?:^|,)\s*DC=((?:[^,\\]|\\.)*)", dn, re.IGNORECASE)
    return ".".join(part.strip().lower() for part in parts)


def dn_of_dns(name: str) -> str:
    """The distinguished name of a domain's head, as every domain but the oddest has it."""
    return ",".join(f"DC={label}" for label in name.split(".") if label)


def parent_dn(dn: str) -> str:
    """The DN of what holds an object."""
    return re.sub(r"^(?:[^,\\]|\\.)*,", "", dn, count=1) if "," in dn else ""


def common_name(dn: str) -> str:
    """The first value of a DN, unescaped: `Long passwords` for CN=Long passwords,CN=..."""
    first = re.match(r"[^=]+=((?:[^,\\]|\\.)*)", dn)
    return re.sub(r"\\(.)", r"\1", first[1]) if first else ""
