# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's account in its domain."""

from __future__ import annotations

import typing as t

from ..evidence.directory import ComputerEvidence
from ..target import is_address
from .accounts import DISABLED, MOST_SPNS
from .entries import Entry, escape
from .notation import DAY, moment_of, seconds_of

ATTRIBUTES = (
    "objectClass", "sAMAccountName", "userAccountControl", "dNSHostName", "pwdLastSet", "msDS-SupportedEncryptionTypes", "operatingSystem",
    "operatingSystemVersion", "servicePrincipalName",
)


def finder(names: t.Iterable[str], netbios: str = "") -> str:
    """The filter that finds a host's account; "" where the names are none. `names` are the host's DNS names; an address is no name."""
    terms = [f"({attribute}={escape(value)})" for attribute, value in _wanted(names, netbios)]
    return f"(&(objectClass=computer)(|{''.join(terms)}))" if terms else ""


def choose(entries: t.Iterable[Entry], names: t.Iterable[str], netbios: str = "") -> tuple[Entry, str] | None:
    """The account that most surely is the host's among those found, and the attribute that led to it."""
    found = list(entries)
    for attribute, value in _wanted(names, netbios):
        for entry in sorted(found, key=lambda one: one.dn.lower()):
            if value.lower() in (one.lower() for one in entry.texts(attribute)):
                return entry, attribute
    return None


def _wanted(names: t.Iterable[str], netbios: str) -> list[tuple[str, str]]:
    """Attributes and values that lead to the account, the surest first."""
    known = [name.strip().rstrip(".").lower() for name in names]
    known = [name for name in dict.fromkeys(known) if name and not is_address(name)]
    shorts = dict.fromkeys(name.partition(".")[0] for name in [*([netbios.lower()] if netbios else []), *known])
    return [
        *(("dNSHostName", name) for name in known if "." in name),
        *(("servicePrincipalName", f"HOST/{name}") for name in known),
        # NetBIOS names have 15 characters at most, and sAMAccountName is that name and a dollar sign.
        *(("sAMAccountName", f"{name[:15]}$") for name in shorts),
        # Last, for it is registered by hand: under another name than its own WinRM is found by this alone. HTTP may be any web service's.
        *(("servicePrincipalName", f"WSMAN/{name}") for name in known),
    ]


def read_computer(entry: Entry, *, now: float, found_by: str = "") -> ComputerEvidence:
    """An entry that was found with ATTRIBUTES. `now`: the controller's time, seconds since 1970."""
    control = entry.number("userAccountControl") or 0
    set_at = seconds_of(entry.number("pwdLastSet"))
    system = " ".join(filter(None, (entry.text("operatingSystem"), entry.text("operatingSystemVersion"))))
    return ComputerEvidence(
        name=entry.text("sAMAccountName"), dn=entry.dn, enabled=not control & DISABLED, dns_host_name=entry.text("dNSHostName"),
        password_set=moment_of(set_at), password_days=None if set_at is None else round(max(0.0, now - set_at) / DAY, 1),
        encryption_types=entry.number("msDS-SupportedEncryptionTypes"), operating_system=system, spns=entry.texts("servicePrincipalName")[:MOST_SPNS],
        found_by=found_by,
    )


def is_name_of(computer: ComputerEvidence, name: str) -> bool:
    """Whether an account belongs to the host of this name: by its DNS name, or by the short one where either has no more."""
    asked = name.strip().rstrip(".").lower()
    own = {computer.dns_host_name.lower(), computer.name.lower().rstrip("$")}
    if asked in own:
        return True
    short = asked.partition(".")[0][:15]
    return short == computer.name.lower().rstrip("$") and ("." not in asked or not computer.dns_host_name)
