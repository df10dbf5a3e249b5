# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domains of a forest by both of their names, and which of them a user name means."""

from __future__ import annotations

import typing as t

from .ldap import Ldap

FILTER = "(&(objectClass=crossRef)(systemFlags:1.2.840.113556.1.4.803:=2))"
"""A crossRef with FLAG_CR_NTDS_DOMAIN stands for a domain ([MS-ADTS] 6.1.1.2.1.1)."""

Domains = t.Mapping[str, str]
"""DNS name -> NetBIOS name, both in lower case."""


def domains(ldap: Ldap) -> dict[str, str]:
    """All domains of the forest; raises LdapError and LdapUnreachable."""
    base = f"CN=Partitions,{ldap.root().text('configurationNamingContext')}"
    return {entry.text("dnsRoot").lower(): entry.text("nETBIOSName").lower() for entry in ldap.search(base, FILTER, ("dnsRoot", "nETBIOSName"), scope="one")}


def said_in(username: str) -> str:
    """What a user name has in front of the backslash or behind the "@", in lower case."""
    name = username.strip().lower()
    front, slash, _user = name.partition("\\")
    return front if slash else name.rpartition("@")[2] if "@" in name else ""


def called(name: str, known: Domains) -> str:
    """The DNS name of the forest's domain that has this name as either of its two, or ""."""
    if name in known:
        return name
    return next((dns for dns, netbios in known.items() if name and netbios == name), "")


def is_of(username: str, domain: str, known: Domains) -> bool:
    """Whether a user name, as it is written, means an account of this domain. A bare one is taken for that.

    An implicit UPN ends in the domain's own name ([MS-ADTS] 5.1.1.1.1), so behind any other suffix the part before the "@" is no sAMAccountName of it.
    """
    said = said_in(username)
    if not said or said == domain:
        return True
    home = called(said, known)
    # Where the forest's list cannot be read, a NetBIOS name nearly always is the first label, cut at 15 characters ([MS-NBTE] 2.2.1).
    return home == domain if home or known.get(domain) else said == domain.partition(".")[0][:15]
