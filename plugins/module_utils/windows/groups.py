# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local groups that WinRM's descriptors name, by SID for their names are translated, and who is in them.

What a SID is called here is told by the session of an administrator, who belongs to Administrators, else by the object Win32_SID of that key. Then one query
for each group: conditions that name several are nowhere recorded. Win32_GroupUser tells members as references: an endpoint reference ([MS-WSMV]
3.1.4.1.9, selectors Domain and Name) or the text of an object path; which of them a host sends is not recorded [INF], so both are read.
"""

from __future__ import annotations

import re
import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.host import GroupEvidence, MemberEvidence
from ..wsman.objects import Object
from .material import NOT_READ, Command, Get, Material, Query, Said
from .sids import ADMINISTRATORS, EVENT_LOG_READERS, NAMES, REMOTE_MANAGEMENT, is_sid

GROUPS = (ADMINISTRATORS, REMOTE_MANAGEMENT, EVENT_LOG_READERS)
NAMED, MEMBERS, RESOLVED, ACCOUNTS, WHOAMI, NET = "access:group:", "access:members:", "access:sid:", "access:accounts", "access:whoami", "access:net:"
"""All but two are beginnings: of the SID of a group, or of the name of a member."""
ENGLISH = {ADMINISTRATORS: "Administrators", REMOTE_MANAGEMENT: "Remote Management Users"}
"""Names to try where WMI does not tell them: right on every English Windows."""
MOST_MEMBERS, MOST_ASKED, MOST_RESOLVED = 500, 20, 6
SYSTEM = "system"
"""Kind of INTERACTIVE and its like, here alone: Windows writes the computer's name as their domain (Microsoft's documentation of Win32_SystemAccount)."""
KINDS = {"win32_useraccount": "user", "win32_group": "group", "win32_systemaccount": SYSTEM}
_IN_ENGLISH = {(domain.casefold(), name.casefold()): sid for sid, whole in NAMES.items() for domain, _slash, name in (whole.rpartition("\\"),)}
_IN_ENGLISH |= {("nt authority", name): sid for (domain, name), sid in _IN_ENGLISH.items() if not domain and sid.startswith("S-1-5-")}
_SAM_FORBIDS = re.compile(r'["/\\\[\]:;|=,+*?<>\x00-\x1f\x7f]')
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


def names_wanted(material: Material, *, thorough: bool = True) -> tuple[Get, ...]:
    """What these groups are called here, where the reader's session does not tell."""
    missing = [sid for sid in wanted(thorough) if sid not in names(material) and f"{NAMED}{sid}" not in material.queries]
    return tuple(Get(f"{NAMED}{sid}", "wmi/root/cimv2/Win32_SID", (("SID", sid),)) for sid in missing)


def wanted(thorough: bool) -> tuple[str, ...]:
    """SIDs of the groups that are looked into; readers of logs are let in by nothing of WinRM's own."""
    return GROUPS if thorough else (ADMINISTRATORS, REMOTE_MANAGEMENT)


def members_queries(material: Material, computer: str, *, thorough: bool = True) -> tuple[Query, ...]:
    """Who belongs to them: with both keys of a group the provider looks at no other [INF]."""
    if not is_name(computer):
        return ()
    named = {sid: name for sid, name in names(material).items() if sid in wanted(thorough) and is_name(name)}
    return tuple(
        Query(f"{MEMBERS}{sid}", f'select * from Win32_GroupUser where GroupComponent="{_path(computer, name)}"')
        for sid, name in named.items() if f"{MEMBERS}{sid}" not in material.queries
    )


def sids_wanted(material: Material, computer: str, home: str = "") -> tuple[Get, ...]:
    """Groups of domains that belong to them, one by one, to learn their SIDs; a query would have Windows list the domain [MEM]. The host's own domain first."""
    strange = [(domain, name) for domain, name in _strange(material, computer) if is_name(domain) and is_name(name)]
    found = {folded(*one): one for one in sorted(strange, key=lambda one: one[0].casefold() != home.casefold())}
    asked = sum(id.startswith(RESOLVED) for id in material.queries)
    gets = (Get(_id_of(*one), "wmi/root/cimv2/Win32_Group", (("Domain", one[0]), ("Name", one[1]))) for one in found.values())
    return tuple(get for get in gets if get.id not in material.queries)[: max(0, MOST_RESOLVED - asked)]


def _id_of(domain: str, name: str) -> str:
    return f"{RESOLVED}{domain}\\{name}".casefold()


def _strange(material: Material, computer: str) -> list[Name]:
    """Members of other domains that may be groups and of which no SID is known: as WMI tells them, or where it does not as net, which lists users alike."""
    known = resolved(material)
    found: list[Name] = []
    for sid in GROUPS:
        members = _members(material, sid)
        if isinstance(members, Unknown) and _is_to_come(material, computer, sid):
            continue
        if isinstance(members, Unknown):
            listed = _by_net(material, sid, members)
            told = [one.name.partition("\\") for one in listed] if not isinstance(listed, Unknown) else []
            found += [(domain, name) for domain, slash, name in told if slash]
        else:
            found += [(domain, name) for domain, name, kind in members if kind == "group"]
    return [(domain, name) for domain, name in found if domain.casefold() != computer.casefold() and folded(domain, name) not in known]


def _is_to_come(material: Material, computer: str, sid: str) -> bool:
    """Whether a further round brings the members of a group."""
    queries = material.queries
    return is_name(computer) and f"{MEMBERS}{sid}" not in queries and not isinstance(queries.get(f"{NAMED}{sid}"), Unknown)


def names(material: Material) -> dict[str, str]:
    """SID to the name here, without a domain: that of the host."""
    told = {sid: name for _domain, name, sid, _is_user in _session(material) if sid in GROUPS}
    rows = {sid: row.get("AccountName") for sid in GROUPS for row in _rows(material, f"{NAMED}{sid}")[:1]}
    return {sid: name for sid in GROUPS if (name := told.get(sid) or rows.get(sid) or "").strip()}


def read(material: Material) -> tuple[GroupEvidence, ...]:
    """Each group with its members, as far as they were told."""
    named, known = names(material), resolved(material)
    found: list[GroupEvidence] = []
    for sid in GROUPS:
        members = _members(material, sid)
        if isinstance(members, Unknown):
            found.append(GroupEvidence(sid, named.get(sid) or ENGLISH.get(sid, ""), _by_net(material, sid, members)))
        else:
            told = tuple(_told(one, known) for one in members)
            found.append(GroupEvidence(sid, named.get(sid, ""), (*told, *_nameless(material, sid))))
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
    sid = known.get(folded("" if kind == SYSTEM else domain, name), "")
    if kind == SYSTEM:
        return MemberEvidence(f"{domain}\\{name}", "" if sid.startswith("S-1-5-21-") else sid, "group")
    return MemberEvidence(f"{domain}\\{name}" if domain else name, name.upper() if is_sid(name) else sid, kind)


def resolved(material: Material) -> dict[tuple[str, str], str]:
    """Domain and name, folded, to SIDs, from all that was read. What stands without a domain has the domain ""."""
    rows = [(row.get("Domain"), row.get("Name"), row.get("SID").upper()) for id in material.queries if id.startswith(RESOLVED) for row in _rows(material, id)]
    own = [(row.get("Domain"), row.get("Name"), row.get("SID").upper()) for row in _rows(material, ACCOUNTS)]
    bare = [("", name, sid) for _domain, name, sid in own] + [("", name, sid) for sid, name in names(material).items()]
    # Well-known ones are called the same wherever they stand, and by whichever domain.
    system = [("", name, sid) for _domain, name, sid, _is_user in _session(material) if name.strip() and not sid.startswith(("S-1-5-21-", "S-1-16-"))]
    told = {folded(domain, name): sid for domain, name, sid in (*system, *bare, *rows, *own) if is_sid(sid)}
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


def _members(material: Material, sid: str) -> Known[list[Member]]:
    """Domain, name and kind of each member of a group."""
    rows = material.query(f"{MEMBERS}{sid}")
    if isinstance(rows, Unknown):
        return rows if rows != NOT_READ else _unnamed(material, sid)
    found: list[Member] = []
    for row in rows[:MOST_MEMBERS]:
        member = reference(row.one("PartComponent"))
        if member is None:
            return Unknown("a member came in a form that is not known here")
        found.append((member[1], member[2], KINDS.get(member[0].lower(), "")))
    return found


def _unnamed(material: Material, sid: str) -> Unknown:
    """Why nobody asked for a group's members: its name is not known, as a rule because WMI is closed."""
    row = material.query(f"{NAMED}{sid}")
    return row if isinstance(row, Unknown) else NOT_READ


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
    """Whose session reads, and the SIDs of its account and groups by name."""
    first: Name | None = None
    found: dict[tuple[str, str], str] = {}
    for domain, name, sid, is_user in _session(material):
        if first is None and is_user:
            first = (domain, name)
        # Groups whose name nobody can tell now (a domain that does not answer) have none here.
        found.setdefault(folded(domain, name) if name.strip() else ("", sid.casefold()), sid)
    return first, found


def _session(material: Material) -> tuple[tuple[str, str, str, bool], ...]:
    """`whoami /user /groups /fo csv /nh`, rows of quoted fields: domain, name, SID, and whether it is the user's row, which has no more than that."""
    said = material.said(WHOAMI)
    found: list[tuple[str, str, str, bool]] = []
    for line in said.text.splitlines()[:2000] if isinstance(said, Said) else ():
        fields = re.findall(r'"([^"]*)"', line)
        sid = next((field.upper() for field in fields[1:] if is_sid(field)), "")
        if sid:
            domain, slash, name = fields[0].partition("\\")
            found.append((domain if slash else "", name if slash else domain, sid, len(fields) == 2))
    return tuple(found)


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
