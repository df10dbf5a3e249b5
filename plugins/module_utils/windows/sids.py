# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security identifiers that are the same on every Windows ([MS-DTYP] 2.4.2.4), and their two-letter words in SDDL ([MS-DTYP] 2.5.1.1)."""

from __future__ import annotations

import re

from ..account import rid

EVERYONE, OWNER_RIGHTS, NETWORK, INTERACTIVE, AUTHENTICATED, ORGANIZATION = "S-1-1-0", "S-1-3-4", "S-1-5-2", "S-1-5-4", "S-1-5-11", "S-1-5-15"
LOCAL_ACCOUNT, LOCAL_ADMINISTRATOR, NTLM = "S-1-5-113", "S-1-5-114", "S-1-5-64-10"
ADMINISTRATORS, USERS, GUESTS, EVENT_LOG_READERS, REMOTE_MANAGEMENT = "S-1-5-32-544", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-573", "S-1-5-32-580"
ALIASES = {
    "WD": EVERYONE, "CO": "S-1-3-0", "CG": "S-1-3-1", "OW": OWNER_RIGHTS, "NU": NETWORK, "IU": INTERACTIVE, "SU": "S-1-5-6", "AN": "S-1-5-7",
    "ED": "S-1-5-9", "PS": "S-1-5-10", "AU": AUTHENTICATED, "RC": "S-1-5-12", "SY": "S-1-5-18", "LS": "S-1-5-19", "NS": "S-1-5-20", "BA": ADMINISTRATORS,
    "BU": USERS, "BG": GUESTS, "PU": "S-1-5-32-547", "AO": "S-1-5-32-548", "SO": "S-1-5-32-549", "PO": "S-1-5-32-550", "BO": "S-1-5-32-551",
    "RE": "S-1-5-32-552", "RU": "S-1-5-32-554", "RD": "S-1-5-32-555", "NO": "S-1-5-32-556", "MU": "S-1-5-32-558", "LU": "S-1-5-32-559",
    "IS": "S-1-5-32-568", "CY": "S-1-5-32-569", "ER": EVENT_LOG_READERS, "CD": "S-1-5-32-574", "RA": "S-1-5-32-575", "ES": "S-1-5-32-576",
    "MS": "S-1-5-32-577", "HA": "S-1-5-32-578", "AA": "S-1-5-32-579", "RM": REMOTE_MANAGEMENT, "WR": "S-1-5-33", "UD": "S-1-5-84-0-0-0-0-0",
    "AC": "S-1-15-2-1", "LW": "S-1-16-4096", "ME": "S-1-16-8192", "MP": "S-1-16-8448", "HI": "S-1-16-12288", "SI": "S-1-16-16384", "AS": "S-1-18-1",
    "SS": "S-1-18-2",
}
RELATIVE = {
    "LA": (True, 500), "LG": (True, 501), "RO": (False, 498), "DA": (False, 512), "DU": (False, 513), "DG": (False, 514), "DC": (False, 515),
    "DD": (False, 516), "CA": (False, 517), "SA": (False, 518), "EA": (False, 519), "PA": (False, 520), "CN": (False, 522), "AP": (False, 525),
    "KA": (False, 526), "EK": (False, 527), "RS": (False, 553),
}
"""Whether it is the machine's own or the domain's, and the last number."""
NAMES = {
    EVERYONE: "Everyone", "S-1-3-0": "CREATOR OWNER", "S-1-3-1": "CREATOR GROUP", OWNER_RIGHTS: "OWNER RIGHTS", "S-1-5-1": "DIALUP", NETWORK: "NETWORK",
    "S-1-5-3": "BATCH", INTERACTIVE: "INTERACTIVE", "S-1-5-6": "SERVICE", "S-1-5-7": "ANONYMOUS LOGON", "S-1-5-9": "ENTERPRISE DOMAIN CONTROLLERS",
    "S-1-5-10": "SELF", AUTHENTICATED: "Authenticated Users", "S-1-5-12": "RESTRICTED", ORGANIZATION: "This Organization", "S-1-5-18": "SYSTEM",
    "S-1-5-19": "LOCAL SERVICE", "S-1-5-20": "NETWORK SERVICE", ADMINISTRATORS: "BUILTIN\\Administrators", USERS: "BUILTIN\\Users",
    GUESTS: "BUILTIN\\Guests", "S-1-5-32-547": "BUILTIN\\Power Users", "S-1-5-32-551": "BUILTIN\\Backup Operators",
    "S-1-5-32-555": "BUILTIN\\Remote Desktop Users", EVENT_LOG_READERS: "BUILTIN\\Event Log Readers", REMOTE_MANAGEMENT: "BUILTIN\\Remote Management Users",
    LOCAL_ACCOUNT: "Local account", LOCAL_ADMINISTRATOR: "Local account and member of Administrators group", NTLM: "NTLM Authentication",
}
DOMAIN_NAMES = {
    500: "Administrator", 501: "Guest", 512: "Domain Admins", 513: "Domain Users", 514: "Domain Guests", 515: "Domain Computers", 516: "Domain Controllers",
    518: "Schema Admins", 519: "Enterprise Admins",
}
NOT_OVER_NETWORK = frozenset((
    "S-1-5-1", "S-1-5-3", INTERACTIVE, "S-1-5-6", "S-1-5-7", "S-1-5-8", "S-1-5-9", "S-1-5-10", "S-1-5-12", "S-1-5-13", "S-1-5-14", "S-1-5-17", "S-1-5-18",
    "S-1-5-19", "S-1-5-20", "S-1-5-33", "S-1-2-0", "S-1-2-1", "S-1-3-0", "S-1-3-1", "S-1-3-2", "S-1-3-3", "S-1-0-0",
))
"""What no user's network logon carries: other kinds of logon, services, placeholders."""
NO_USERS = ("S-1-5-80-", "S-1-5-82-", "S-1-5-83-", "S-1-5-84-", "S-1-5-90-", "S-1-5-96-", "S-1-15-")
"""Beginnings of SIDs of services, pools, virtual machines and app packages."""
_SID = re.compile(r"S-1-\d{1,15}(?:-\d{1,10}){1,15}", re.IGNORECASE)


def is_sid(text: str) -> bool:
    """Whether it is a SID as text."""
    return _SID.fullmatch(text) is not None


def domain_of(sid: str) -> str:
    """The SID of the domain or computer that an account belongs to; "" for one that belongs to none."""
    return sid.rpartition("-")[0] if sid.startswith("S-1-5-21-") and sid.count("-") > 4 else ""


def name_of(sid: str) -> str:
    """The English name where Windows itself has given one, else the SID."""
    if sid in NAMES:
        return NAMES[sid]
    number = rid(sid)
    known = DOMAIN_NAMES.get(number) if number is not None and (sid.startswith("*-") or domain_of(sid)) else None
    return f"{known} ({sid})" if known and not sid.startswith("*-") else known or sid
