# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's diagnosis beside the truth about it."""

from __future__ import annotations

import typing as t

from lab.scenario import Host

Seen = t.Mapping[str, t.Any]


def leading(seen: Seen) -> set[str]:
    """The first cause and those it is tied with."""
    first = next(iter(seen.get("findings", ())), None)
    return {first["cause"], *first.get("tied_with", ())} if first else set()


def told(seen: Seen) -> set[str]:
    """Every cause that a finding names, ties included."""
    return leading(seen) | {finding["cause"] for finding in seen.get("findings", ())}


def confirmed(seen: Seen) -> set[str]:
    """The causes that are said to be certain."""
    return {finding["cause"] for finding in seen.get("findings", ()) if finding["verdict"] == "confirmed"}


def complaint(host: Host, seen: Seen) -> str:
    """What is wrong with the diagnosis, or ""."""
    if host.healthy:
        return "" if seen["status"] == "clear" else f"{host.name} is healthy, and gets: {seen['msg']}"
    if seen["status"] != "trouble" or not leading(seen) & set(host.causes):
        return f"{host.wrong} But first: {seen['msg']}"
    if untold := set(host.causes) - told(seen):
        return f"{host.wrong} Not told: {untold}"
    if wrong := confirmed(seen) - set(host.causes):
        return f"{host.wrong} Confirmed all the same: {wrong}"
    return ""


def row(host: Host, seen: Seen) -> tuple[str, ...]:
    """A line of the matrix."""
    first = next(iter(seen.get("findings", ())), None)
    cause = " or ".join((first["cause"], *first.get("tied_with", ()))) if first else "none"
    return host.name, host.wrong, ", ".join(host.causes) or "none", cause, first["verdict"] if first else ""
