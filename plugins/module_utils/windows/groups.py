# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local groups that WinRM's descriptors name, by SID for their names are translated, and who is in them.

Two rounds of WQL: which name has which SID here, then who belongs to those names. Win32_GroupUser tells members as references: an endpoint reference
([MS-WSMV] 3.1.4.1.9, selectors Domain and Name) or the text of an object path; which of them a host sends is not recorded [INF], so both are read.
"""

from __future__ import annotations

import re
import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.host import GroupEvidence, MemberEvidence
from ..wsman.objects import Object
from .material import Command, Material, Query, Said
from .sids import ADMINISTRATORS, EVENT_LOG_READERS, NAMES, REMOTE_MANAGEMENT, is_sid

GROUPS = (ADMINISTRATORS, REMOTE_MANAGEMENT, EVENT_LOG_READERS)
NAMED, MEMBERS, RESOLVED, ACCOUNTS, WHOAMI, NET = "access:groups", "access:members", "access:sids", "access:accounts", "access:whoami", "access:net:"
ENGLISH = {ADMINISTRATORS: "Administrators", REMOTE_MANAGEMENT: "Remote Management Users"}
"""Names to try where WMI does not tell them: right on every English Windows."""
MOST_MEMBERS, MOST_ASKED = 500, 20
KINDS = {"win32_useraccount": "user", "win32_group": "group", "win32_systemaccount": "group"}
_IN_ENGLISH = {(domain.casefold(), name.casefold()): sid for sid, whole in NAMES.items() for domain, _slash, name in (whole.rpartition("\\"),)}
_IN_ENGLISH |= {("nt authority", name): sid for (domain, name), sid in _IN_ENGLISH.items() if not domain and sid.startswith("S-1-5-")}
_SAM_FORBIDS = re.compile(r'["/\\\[\]:;|=,+*?<>\x00-\x1f\x7f]')
_PATH = re.compile(r"(?:.*[:/\\])?(\w+)\.(.+)", re.DOTALL)
_KEY = re.compile(r"""(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
Name = t.Tuple[str, str]
"""Domain or computer, and name; as the host spells them."""
Member = t.Tuple[str, str, str]
"""Domain, name and kind."""


def commands() -> tuple[Command, ...]:
    """Who reads, with the SIDs of its groups; and a second way to the members, in case that WMI is closed."""
    # They have a domain controller name the members and groups that are the domain's.
    nets = (Command(f"{NET}{sid}", f'net localgroup "{name}"', slow=True) for sid, name in ENGLISH.items())
    return (Command(WHOAMI, "whoami /user /groups /fo csv /nh", slow=True), *nets)


def names_query(computer: str = "") -> Query:
    """What these groups are called here. LocalAccount and the domain keep Windows from listing the groups of the whole domain [INF]."""
    wanted = " or ".join(f'SID="{sid}"' for sid in GROUPS)
    here = f' and Domain="{escaped(computer)}"' if is_name(computer) else ""
    return Query(NAMED, f"select Domain, Name, SID from Win32_Group where LocalAccount=TRUE{here} and ({wanted})")


def members_query(material: Material) -> Query | None:
    """Who belongs to them, in one question: the provider takes the groups from the condition, and looks at no others [INF]."""
    named = names(material)
    if isinstance(named, Unknown) or not named:
        return None
    wanted = " or ".join(f'GroupComponent="{_path(*name)}"' for name in named.values() if is_name(name[0]) and is_name(name[1]))
    return Query(MEMBERS, f"select * from Win32_GroupUser where {wanted}") if wanted else None


def sids_query(material: Material, home: str = "") -> Query | None:
    """The SIDs of groups of a domain that belong to them: one domain, its groups by name, for anything wider has Windows list the domain [MEM]."""
    strange = [(domain, name) for domain, name in _strange(material) if is_name(domain) and is_name(name)]
    domain = next((one for one, _name in strange if home and one.lower() == home.lower()), strange[0][0] if strange else "")
    wanted = tuple(dict.fromkeys(name for where, name in strange if where == domain))[:MOST_ASKED]
    if not wanted:
        return None
    either = " or ".join(f'Name="{escaped(name)}"' for name in wanted)
    return Query(RESOLVED, f'select Domain, Name, SID from Win32_Group where Domain="{escaped(domain)}" and ({either})')


def _strange(material: Material) -> list[Name]:
    """Members of other domains that may be groups and of which no SID is known: as WMI tells them, or before it was asked as net does."""
    members, known = _members(material), resolved(material)
    own = {row.get("Domain").lower() for row in _rows(material, NAMED)}
    if isinstance(members, Unknown):
        listed = [_by_net(material, sid, members) for sid in ENGLISH]
        told = [one.name.partition("\\") for those in listed if not isinstance(those, Unknown) for one in those]
        names = [(domain, name) for domain, slash, name in told if slash]
    else:
        names = [(domain, name) for those in members.values() for domain, name, kind in those if kind == "group"]
    return [(domain, name) for domain, name in names if domain.lower() not in own and folded(domain, name) not in known]


def names(material: Material) -> Known[dict[str, Name]]:
    """SID to the name here; groups that this Windows does not have are missing."""
    rows = material.query(NAMED)
    if isinstance(rows, Unknown):
        return rows
    found = {sid: (row.get("Domain"), row.get("Name")) for row in rows for sid in (row.get("SID").upper(),) if sid in GROUPS and row.get("Name")}
    # A domain controller has no accounts of its own, and answers with nothing.
    return found or Unknown("WMI names no local group, as on domain controllers")


def read(material: Material) -> tuple[GroupEvidence, ...]:
    """Each group with its members, as far as they were told."""
    named, members, known = names(material), _members(material), resolved(material)
    if isinstance(named, Unknown):
        return tuple(GroupEvidence(sid, ENGLISH.get(sid, ""), _by_net(material, sid, named)) for sid in GROUPS)
    found: list[GroupEvidence] = []
    for sid, name in named.items():
        if isinstance(members, Unknown):
            found.append(GroupEvidence(sid, name[1], _by_net(material, sid, members)))
        else:
            told = tuple(_told(one, known) for one in members.get(folded(*name), ()))
            found.append(GroupEvidence(sid, name[1], (*told, *_nameless(material, sid))))
    return tuple(found)


def _nameless(material: Material, sid: str) -> tuple[MemberEvidence, ...]:
    """Members whose SID finds no name: WMI leaves them out [INF], while net shows the SID."""
    listed = _by_net(material, sid, Unknown(""))
    return () if isinstance(listed, Unknown) else tuple(one for one in listed if is_sid(one.name))


def _by_net(material: Material, sid: str, otherwise: Unknown) -> Known[tuple[MemberEvidence, ...]]:
    """Members as `net localgroup` lists them, which does not tell users from groups."""
    said = material.said(f"{NET}{sid}")
    if isinstance(said, Unknown) or said.code != 0:
        return otherwise
    split = [(domain, name) if slash else ("", domain) for domain, slash, name in (one.partition("\\") for one in parse_net(said.text))]
    return tuple(_told((domain, name, ""), resolved(material)) for domain, name in split)


def _told(member: Member, known: t.Mapping[tuple[str, str], str]) -> MemberEvidence:
    domain, name, kind = member
    return MemberEvidence(f"{domain}\\{name}" if domain else name, name.upper() if is_sid(name) else known.get(folded(domain, name), ""), kind)


def resolved(material: Material) -> dict[tuple[str, str], str]:
    """Domain and name, folded, to SIDs, from all that was read. What stands without a domain has the domain ""."""
    rows = [row for query in (NAMED, RESOLVED, ACCOUNTS) for row in _rows(material, query)]
    found = {folded(row.get("Domain"), row.get("Name")): row.get("SID").upper() for row in rows}
    bare = {folded("", row.get("Name")): row.get("SID").upper() for query in (NAMED, ACCOUNTS) for row in _rows(material, query)}
    told = {name: sid for name, sid in {**bare, **found}.items() if is_sid(sid)}
    return {**_IN_ENGLISH, **told, **who_am_i(material)[1]}


def own_accounts(computer: str) -> str:
    """The condition for accounts of the host. With both keys it names one instance, which Windows looks up ([DOC] Win32_UserAccount); LocalAccount alone may
    have it list the domain first (known from inventory agents: glpi-agent issues 232, 360, 379)."""
    return f'Domain="{escaped(computer)}"' if is_name(computer) else "LocalAccount=TRUE"


def accounts_query(holders: t.Iterable[str], computer: str = "") -> Query | None:
    """Which of these names without a domain, as secedit writes what belongs to the host, are users: the others are groups."""
    wanted = tuple(dict.fromkeys(holder for holder in holders if is_name(holder)))[:MOST_ASKED]
    if not wanted:
        return None
    either = " or ".join(f'Name="{escaped(name)}"' for name in wanted)
    return Query(ACCOUNTS, f"select Domain, Name, SID from Win32_UserAccount where {own_accounts(computer)} and ({either})")


def other_users(material: Material) -> frozenset[str]:
    """SIDs of accounts of the host that were told."""
    return frozenset(row.get("SID").upper() for row in _rows(material, ACCOUNTS))


def _rows(material: Material, query: str) -> tuple[Object, ...]:
    rows = material.query(query)
    return () if isinstance(rows, Unknown) else rows


def _members(material: Material) -> Known[dict[tuple[str, str], list[Member]]]:
    """Group, in lower case, to the domain, name and kind of each member."""
    rows = material.query(MEMBERS)
    if isinstance(rows, Unknown):
        return rows
    found: dict[tuple[str, str], list[Member]] = {}
    for row in rows:
        group, member = reference(row.one("GroupComponent")), reference(row.one("PartComponent"))
        if group is None or member is None:
            return Unknown("a member came in a form that is not known here")
        those = found.setdefault(folded(group[1], group[2]), [])
        if len(those) < MOST_MEMBERS:
            those.append((member[1], member[2], KINDS.get(member[0].lower(), "")))
    return found


def reference(told: Object | None) -> tuple[str, str, str] | None:
    """Class, domain and name that a reference points to; None where it is none."""
    if told is None:
        return None
    nodes = list(told.node.walk())
    selectors = {
        value.lower(): (node.text or "").strip() for node in nodes if node.name.lower() == "selector"
        for key, value in node.attributes.items() if key.lower() == "name"
    }
    if "name" in selectors:
        uri = next((node.text.strip() for node in nodes if node.name.lower() == "resourceuri"), "")
        return uri.rstrip("/").rpartition("/")[2].partition("?")[0], selectors.get("domain", ""), selectors["name"]
    return path(next((node.text.strip() for node in nodes if node.text.strip()), ""))


def path(text: str) -> tuple[str, str, str] | None:
    """`\\\\HOST\\root\\cimv2:Win32_UserAccount.Domain="LAB",Name="svc"`: class, domain and name; None where it is no such path."""
    found = re.search(r"""(\w+)\.(\w+\s*=\s*["'].*)""", text[:2000], re.DOTALL)
    if found is None:
        return None
    keys = {key.lower(): re.sub(r"\\(.)", r"\1", double or single) for key, double, single in _KEY.findall(found[2])}
    return (found[1], keys.get("domain", ""), keys["name"]) if keys.get("name") else None


def parse_net(text: str) -> tuple[str, ...]:
    """Members from `net localgroup NAME`: the lines between the dashed line and the last one, which says that all went well, in whatever language."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    dashes = next((place for place, line in enumerate(lines) if len(line) > 20 and not line.strip("-")), None)
    if dashes is None:
        return ()
    rest = [line.strip() for line in lines[dashes + 1 :] if line.strip()]
    return tuple(rest[:-1])[:MOST_MEMBERS]


def who_am_i(material: Material) -> tuple[Name | None, dict[tuple[str, str], str]]:
    """Whose session reads, and the SIDs of its account and groups by name: `whoami /user /groups /fo csv /nh`, rows of quoted fields."""
    said = material.said(WHOAMI)
    if not isinstance(said, Said):
        return None, {}
    first: Name | None = None
    found: dict[tuple[str, str], str] = {}
    for line in said.text.splitlines()[:2000]:
        fields = re.findall(r'"([^"]*)"', line)
        sid = next((field.upper() for field in fields[1:] if is_sid(field)), "")
        if not sid:
            continue
        domain, slash, name = fields[0].partition("\\")
        who = (domain, name) if slash else ("", domain)
        if first is None and len(fields) == 2:
            first = who
        # Groups whose name nobody can tell now (a domain that does not answer) have none here.
        found.setdefault(folded(*who) if who[1].strip() else ("", sid.casefold()), sid)
    return first, found


def folded(domain: str, name: str) -> tuple[str, str]:
    """A name for comparing."""
    return domain.casefold(), name.casefold()


def is_name(text: str) -> bool:
    """Whether Windows would take it for the name of an account ([MS-SAMR] 3.1.1.8.4)."""
    return bool(text.strip()) and len(text) <= 256 and not _SAM_FORBIDS.search(text)


def escaped(text: str) -> str:
    """Text fit for a WQL string in double quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _path(domain: str, name: str) -> str:
    """The key of a group inside a WQL string; with single quotes, as it is written everywhere, unless the name has one (Lecteurs des journaux d'événements)."""
    if "'" in name or "'" in domain:
        return f'Win32_Group.Domain=\\"{escaped(domain)}\\",Name=\\"{escaped(name)}\\"'
    return f"Win32_Group.Domain='{escaped(domain)}',Name='{escaped(name)}'"
