# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops working once KDC and hosts accept AES alone, as far as the directory tells."""

from __future__ import annotations

import typing as t

from ..evidence.directory import ForecastEvidence
from .accounts import DES_ONLY, DISABLED
from .entries import Entry
from .notation import moment_of, seconds_of
from .spns import owner_of

AES = 0x18 | 0xC0
"""AES128 and AES256 in msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7), with SHA-1 and with SHA-2."""
NAMES = ((0x1, "DES"), (0x2, "DES"), (0x4, "RC4"), (0x8, "AES128"), (0x10, "AES256"), (0x40, "AES128-SHA256"), (0x80, "AES256-SHA384"))
TICKETS = 0x7 | AES
"""The types that a ticket is encrypted with; the other bits are features such as FAST and claims, or speak of session keys."""
DOWNLEVEL = 1
"""trustType of Windows NT domains, which have no Kerberos ([MS-ADTS] 6.1.6.7.15)."""
TYPES = "msDS-SupportedEncryptionTypes"
ATTRIBUTES = ("objectClass", "sAMAccountName", "userAccountControl", TYPES, "pwdLastSet", "operatingSystem", "trustPartner", "trustType", "whenCreated")
ANY_BIT, ALL_BITS = "1.2.840.113556.1.4.804", "1.2.840.113556.1.4.803"
"""LDAP_MATCHING_RULE_BIT_OR and _AND ([MS-ADTS] 3.1.1.3.4.4)."""
READ_ONLY_CONTROLLERS = 521
"""RID of a group that a domain has since its first controller of Windows Server 2008, the first that made AES keys when a password was set."""
OLD_SYSTEMS = ("Windows 2000", "Windows XP", "Windows Server 2003")
"""They know no AES ([MS-KILE] 3.3.1.1, product behaviour note 43)."""
ENABLED = f"(!(userAccountControl:{ALL_BITS}:={DISABLED}))"


def declared() -> str:
    """Accounts that say they take other encryption than AES only, and trusts that do not say they take AES."""
    lacks = f"(!({TYPES}:{ANY_BIT}:={AES}))"
    few = f"({TYPES}:{ANY_BIT}:={TICKETS}){lacks}"
    des = f"(userAccountControl:{ALL_BITS}:={DES_ONLY})"
    return f"(|(&(objectClass=user){ENABLED}{few})(&(objectClass=trustedDomain){lacks})(&(objectClass=user){ENABLED}{des}))"


def old_systems() -> str:
    """Computers whose Windows knows no AES, whatever their account says."""
    return f"(&(objectClass=computer){ENABLED}(|{''.join(f'(operatingSystem={name}*)' for name in OLD_SYSTEMS)}))"


def old_passwords(since: int) -> str:
    """Users whose password was set before `since` (a FILETIME)."""
    return f"(&(objectClass=user){ENABLED}(pwdLastSet>=1)(pwdLastSet<={since}))"


def read(entry: Entry, aes_since: int | None = None) -> ForecastEvidence | None:
    """Why one of the accounts found stops working, or None where it does not. `aes_since`: FILETIME from which passwords got AES keys."""
    trust = entry.text("trustPartner")
    name, kind = (trust.lower(), "trust") if trust else (entry.text("sAMAccountName"), owner_of(entry).kind)
    types, control = entry.number(TYPES), entry.number("userAccountControl") or 0
    if control & DES_ONLY:
        return ForecastEvidence(name, kind, "userAccountControl limits it to DES.")
    if types and types & TICKETS and not types & AES:
        return ForecastEvidence(name, kind, f"{TYPES} is {types}: {' and '.join(named(types))}, no AES.")
    if trust and not (types or 0) & AES and entry.number("trustType") != DOWNLEVEL:
        why = f"{TYPES} names no encryption type, so its tickets are encrypted with RC4, unless both sides' controllers take such a trust for one with AES."
        return ForecastEvidence(name, kind, why, sure=False)
    system = entry.text("operatingSystem")
    if system.startswith(OLD_SYSTEMS):
        return ForecastEvidence(name, kind, f"It runs {system}, which knows no AES.")
    set_at, made = entry.number("pwdLastSet"), entry.moment("whenCreated")
    # An account that is younger than that got its password later too, whatever it claims: a copy from elsewhere.
    if aes_since and set_at and set_at < aes_since and (made is None or made < str(moment_of(seconds_of(aes_since)))):
        since, then = (str(moment_of(seconds_of(value)))[:10] for value in (aes_since, set_at))
        why = f"Its password was set on {then}, before the domain could make AES keys (from {since} on): it may have none until the password is set again."
        return ForecastEvidence(name, kind, why, sure=False)
    return None


def named(types: int) -> tuple[str, ...]:
    """Encryption types in words, each once."""
    return tuple(dict.fromkeys(name for bit, name in NAMES if types & bit))


def without_repeats(found: t.Iterable[ForecastEvidence | None]) -> tuple[ForecastEvidence, ...]:
    """Each account once, with its surest reason first, in the order of names."""
    best: dict[tuple[str, str], ForecastEvidence] = {}
    for one in found:
        if one and ((one.name.lower(), one.kind) not in best or (one.sure and not best[one.name.lower(), one.kind].sure)):
            best[one.name.lower(), one.kind] = one
    return tuple(sorted(best.values(), key=lambda one: (not one.sure, one.kind, one.name.lower())))
