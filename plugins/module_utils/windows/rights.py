# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may log on over the network, and who may not: the two rights that come before every descriptor.

`secedit /export` writes what is in force into a file, the only form it has; the file lies in the temporary folder of the account that reads and is deleted
in the same line. Nothing of the host's configuration is changed. Where secedit is refused, the policy's own record tells what Group Policy sets.
"""

from __future__ import annotations

import re
import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.host import DEFAULT, LOCAL, POLICY, RightEvidence
from . import groups
from .material import Circumstances, Command, Material, Query, Said
from .sids import ADMINISTRATORS, AUTHENTICATED, EVERYONE, USERS, is_sid

NETWORK_LOGON, DENY_NETWORK_LOGON = "SeNetworkLogonRight", "SeDenyNetworkLogonRight"
RIGHTS = (NETWORK_LOGON, DENY_NETWORK_LOGON)
EXPORT, RECORD = "access:rights", "access:rsop"
SECTION = "[privilege rights]"
MOST = 500
BACKUP, CONTROLLERS, OLD_SYSTEMS = "S-1-5-32-551", "S-1-5-9", "S-1-5-32-554"
USUAL = {
    NETWORK_LOGON: (
        frozenset((EVERYONE, ADMINISTRATORS, USERS, BACKUP)),
        frozenset((EVERYONE, ADMINISTRATORS, AUTHENTICATED, CONTROLLERS, OLD_SYSTEMS)),
    ),
    DENY_NETWORK_LOGON: (frozenset(),),
}
"""What nobody has changed: members and workgroups, controllers ([DOC] security policy settings reference). On some hosts Guest is denied."""
GUEST_RID = "-501"
_LINE = re.compile(r"\s*(Se\w+)\s*=(.*)", re.IGNORECASE)


def command(circumstances: Circumstances) -> Command:
    """The export; the name of its file is of this moment, so that two readers do not meet."""
    file = f"%TEMP%\\winrm-doctor-{int(circumstances.at * 1000) % 10**12}.inf"
    return Command(EXPORT, f'secedit /export /areas USER_RIGHTS /cfg "{file}" /quiet & type "{file}" & del /q "{file}"')


def record_query() -> Query:
    """What Group Policy sets of them."""
    wanted = " or ".join(f'UserRight="{right}"' for right in RIGHTS)
    return Query(RECORD, f"select UserRight, AccountList, Precedence from RSOP_UserPrivilegeRight where {wanted}", "root/rsop/computer")


def read(material: Material) -> tuple[RightEvidence, ...]:
    """Both rights; by the export where there is one, else by the record of policies."""
    known = groups.resolved(material)
    exported = exported_rights(material)
    if not isinstance(exported, Unknown):
        # What nobody has is left out of the export.
        told = {right: _resolved(exported.get(right, ()), known) for right in RIGHTS}
        return tuple(RightEvidence(right, told[right], _source(right, told[right])) for right in RIGHTS)
    recorded = _recorded(material)
    if isinstance(recorded, Unknown):
        return tuple(RightEvidence(right, exported) for right in RIGHTS)
    nobody = Unknown("no policy sets it; what the host itself sets could not be read")
    return tuple(
        RightEvidence(right, _resolved(recorded[right], known), POLICY) if right in recorded else RightEvidence(right, nobody) for right in RIGHTS
    )


def nameless(material: Material) -> tuple[str, ...]:
    """Holders that stand by a name without a domain, of which no SID is known."""
    exported, known = exported_rights(material), groups.resolved(material)
    told = {} if isinstance(exported, Unknown) else exported
    return tuple(one for those in told.values() for one in _resolved(those, known) if not is_sid(one) and "\\" not in one)


def _resolved(holders: tuple[str, ...], known: t.Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """The same with SIDs in place of the names that are known."""
    parts = ((one, one.rpartition("\\")) for one in holders)
    return tuple(dict.fromkeys(one if is_sid(one) else known.get(groups.folded(domain, name), one) for one, (domain, _slash, name) in parts))


def exported_rights(material: Material) -> Known[dict[str, tuple[str, ...]]]:
    """Right to holders from what `type` showed."""
    said = material.said(EXPORT)
    if isinstance(said, Unknown):
        return said
    found = parse(said.text)
    return found if found is not None else Unknown(_why(said))


def parse(text: str) -> dict[str, tuple[str, ...]] | None:
    """The section of rights: `Name = *SID,*SID,name`; None where there is no such section, which means that nothing was exported."""
    # A file in UTF-16 that was not recognised as such comes with a zero after every letter.
    lines = text.replace("\0", "").replace("\ufeff", "").splitlines()
    start = next((place for place, line in enumerate(lines) if line.strip().lower().endswith(SECTION)), None)
    if start is None:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for line in lines[start + 1 :]:
        if line.strip().startswith("["):
            break
        match = _LINE.match(line)
        right = next((one for one in RIGHTS if match and one.lower() == match[1].lower()), None)
        if match and right:
            found[right] = _holders(match[2].split(","))
    return found


def _holders(parts: t.Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_holder(part.strip().strip('"')) for part in parts if part.strip()))[:MOST]


def _holder(text: str) -> str:
    bare = text.removeprefix("*")
    return bare.upper() if is_sid(bare) else text


def _recorded(material: Material) -> Known[dict[str, tuple[str, ...]]]:
    """The record of Group Policy ([MS-GPSB]); of several policies the one with precedence 1 is in force."""
    rows = material.query(RECORD)
    if isinstance(rows, Unknown):
        return rows
    found: dict[str, tuple[str, ...]] = {}
    for row in sorted(rows, key=lambda one: one.number("Precedence") or 1, reverse=True):
        right = next((one for one in RIGHTS if one.lower() == row.get("UserRight").lower()), None)
        if right:
            found[right] = _holders(row.texts("AccountList"))
    return found


def _source(right: str, holders: tuple[str, ...]) -> str:
    own = right == DENY_NETWORK_LOGON and len(holders) == 1 and is_sid(holders[0]) and holders[0].endswith(GUEST_RID)
    return DEFAULT if own or frozenset(holders) in USUAL[right] else LOCAL


def _why(said: Said) -> str:
    return f"secedit exported nothing (exit code {said.code})" if said.code else "secedit exported nothing; it needs an administrator"
