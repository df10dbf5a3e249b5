# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user would carry after a logon over the network: its SIDs, and what UAC takes from them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..account import ANY_DOMAIN, EITHER, account_of, rid
from ..account import LOCAL as OF_THE_HOST
from ..evidence.base import Known, Unknown
from ..evidence.endpoint import ChallengeEvidence
from ..evidence.host import GroupEvidence, MemberEvidence
from . import system
from .groups import MOST_MEMBERS, escaped, folded, is_name, own_accounts, who_am_i
from .material import Circumstances, Key, Material, Query
from .registry import Registry
from .sddl import Token
from .sids import (
    ADMINISTRATORS,
    AUTHENTICATED,
    EVERYONE,
    INTERACTIVE,
    LOCAL_ACCOUNT,
    LOCAL_ADMINISTRATOR,
    NETWORK,
    NO_USERS,
    NOT_OVER_NETWORK,
    NTLM,
    ORGANIZATION,
    domain_of,
    is_sid,
)

USER = "access:user"
SYSTEM_POLICIES = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
FULL, BUILT_IN, UAC = "LocalAccountTokenFilterPolicy", "FilterAdministratorToken", "EnableLUA"
BUILT_IN_RID = 500
FILTERED = frozenset((ADMINISTRATORS, "S-1-5-32-547", "S-1-5-32-548", "S-1-5-32-549", "S-1-5-32-550", "S-1-5-32-551", "S-1-5-32-556", "S-1-5-32-569"))
"""Groups that UAC leaves for denying alone; of the others that it knows of, none stands in WinRM's descriptors [MEM]."""
HIGH_LABEL = 0x3000
"""S-1-16-12288: the integrity of a token with all its rights ([MS-DTYP] 2.4.2.4, ML_HIGH)."""
LABEL = "S-1-16-"


@dataclass(frozen=True)
class Identity:
    """Who the inventory's user is on this host."""

    name: str
    """Without its domain."""
    domains: frozenset[str] = frozenset()
    """How its domain, or the host for a local account, may be called; in lower case. Empty where nobody tells."""
    local: Known[bool] = Unknown("no user is named")
    sid: str = ""
    groups: tuple[str, ...] = ()
    """SIDs of groups that a directory, or the host for its own session, tells for certain."""
    complete: tuple[str, ...] = ()
    """Beginnings of SIDs of which `groups` has all; "" where it has everything."""
    free: bool = False
    """Whether it is written with a suffix that belongs to no known domain, so that its name is not known for certain."""
    high: bool | None = None
    """Of the reader's own token: whether it has all rights of an administrator."""


def key() -> Key:
    """The values that decide whether UAC filters."""
    return Key(SYSTEM_POLICIES, deep=False, values=(FULL, BUILT_IN, UAC))


def user_query(circumstances: Circumstances) -> Query | None:
    """The local account of this name, unless the user cannot be one."""
    name = bare(circumstances.user)
    if not is_name(name) or _kind(circumstances) not in (OF_THE_HOST, EITHER):
        return None
    return Query(USER, f'select Domain, Name, SID from Win32_UserAccount where {own_accounts(circumstances.netbios_computer)} and Name="{escaped(name)}"')


def bare(user: str) -> str:
    """The name without its domain."""
    name = user.strip()
    return name.partition("\\")[2] if "\\" in name else name.rpartition("@")[0] if "@" in name else name


def identify(material: Material, circumstances: Circumstances) -> Identity:
    """What is known of the user: from the directory, from the host's own accounts, and from the reader's session where it is the same one."""
    name, kind = bare(circumstances.user), _kind(circumstances)
    if not name:
        return Identity("")
    rows = material.query(USER)
    found = "" if isinstance(rows, Unknown) else next((one.get("SID").upper() for one in rows if folded("", one.get("Name")) == folded("", name)), "")
    found = found if is_sid(found) else ""
    told = tuple(sid.upper() for sid in circumstances.user_sids if is_sid(sid))
    local: Known[bool] = kind == OF_THE_HOST
    if kind == EITHER:
        # Of a bare name Windows takes its own account first, where it has one [INF].
        local = True if found else False if not isinstance(rows, Unknown) else Unknown(f"{name} may be an account of the host or of its domain")
    if local is True:
        return _own_session(Identity(name, _names_of_host(material, circumstances), True, found), material)
    home, domains = domain_of(told[0]) if told else "", _names_of_domain(circumstances)
    known = Identity(
        name, domains, local, told[0] if told else "", told[1:], (f"{home}-",) if home and len(told) > 1 else (),
        free=_is_free(circumstances),
    )
    return _own_session(known, material)


def filtered(identity: Identity, administrator: bool | None, registry: Registry) -> Known[bool]:
    """Whether UAC takes the administrator's rights over the network. Accounts of a domain keep them ([DOC] User Account Control and remote restrictions)."""
    if identity.high is True or identity.local is False or administrator is False:
        return False
    if identity.high is False and administrator:
        return True
    why = registry.why(SYSTEM_POLICIES)
    if why is None and (registry.number(SYSTEM_POLICIES, FULL) == 1 or registry.number(SYSTEM_POLICIES, UAC) == 0):
        return False
    if isinstance(identity.local, Unknown):
        return identity.local
    if administrator is None:
        return Unknown("whether the account is a member of Administrators is not known")
    if why is not None:
        return Unknown(f"the values {FULL} and {BUILT_IN} could not be read: {why}")
    if not identity.sid:
        return Unknown("the account's SID is not known, which tells whether it is the built-in Administrator")
    return registry.number(SYSTEM_POLICIES, BUILT_IN) == 1 if rid(identity.sid) == BUILT_IN_RID else True


def is_member(group: GroupEvidence, identity: Identity) -> bool | None:
    """Whether the user belongs to a local group, by itself or by one of its groups; None where that is not known."""
    if group.sid in identity.groups:
        return True
    if "" in identity.complete:
        return False
    if isinstance(group.members, Unknown):
        return None
    answers = [_is(member, identity) for member in group.members]
    if True in answers:
        return True
    # What is longer was not read to its end.
    return None if None in answers or len(answers) >= MOST_MEMBERS else False


def token(identity: Identity, groups: t.Sequence[GroupEvidence], filtered: Known[bool]) -> Token:
    """The SIDs. What hangs on whether the token is filtered is neither held nor absent where that is not known."""
    held = {EVERYONE, NETWORK, AUTHENTICATED, ORGANIZATION, *identity.groups} | ({identity.sid} if identity.sid else set())
    absent = set(NOT_OVER_NETWORK) - held
    memberships = {group.sid: is_member(group, identity) for group in groups}
    held |= {sid for sid, member in memberships.items() if member}
    absent |= {sid for sid, member in memberships.items() if member is False}
    administrator = memberships.get(ADMINISTRATORS)
    if identity.local is True:
        # Windows Server 2012 R2 and later, or KB2871997. A local account logs on by NTLM.
        held |= {LOCAL_ACCOUNT, NTLM} | ({LOCAL_ADMINISTRATOR} if administrator else set())
        absent |= {LOCAL_ADMINISTRATOR} if administrator is False else set()
    elif identity.local is False:
        absent |= {LOCAL_ACCOUNT, LOCAL_ADMINISTRATOR}
    taken = held & (FILTERED | {LOCAL_ADMINISTRATOR})
    if isinstance(filtered, Unknown):
        held -= taken
    deny_only = frozenset(taken) if filtered is True else frozenset()
    # No group of a domain holds an account of a host.
    outside = ("*-",) if identity.local is True and identity.sid else ()
    return Token(frozenset(held) - deny_only, deny_only, frozenset(absent), (*identity.complete, *outside, *NO_USERS))


def _is(member: MemberEvidence, identity: Identity) -> bool | None:
    """Whether a member of a group is the user or one of its groups."""
    held = {identity.sid, *identity.groups} - {""}
    if member.sid and (member.sid in held or member.sid in (EVERYONE, AUTHENTICATED, NETWORK, ORGANIZATION)):
        return True
    if member.sid and identity.sid and (member.sid in NOT_OVER_NETWORK or any(member.sid.startswith(start) for start in identity.complete)):
        return False
    domain, slash, name = member.name.rpartition("\\")
    if member.kind == "user" or (not member.kind and not slash):
        # net localgroup tells the host's own accounts without a domain, and a local group holds no other local group.
        return _is_called(domain if slash else None, name, member.sid, identity)
    if member.kind == "" and _is_called(domain, name, member.sid, identity):
        return True
    if identity.local is True and member.kind == "group" and identity.domains and domain.lower() not in identity.domains:
        # A group of a domain holds no account of a host.
        return False
    return None


def _is_called(domain: str | None, name: str, sid: str, identity: Identity) -> bool | None:
    """Whether a user that is told by name is this one. `domain` None: it is the host's."""
    if sid and identity.sid:
        return sid == identity.sid
    if folded("", name) != folded("", identity.name):
        # A user principal name with a free suffix need not begin with the account's name ([MS-ADTS] 5.1.1.1.1).
        return None if identity.free else False
    if domain is None:
        return identity.local if isinstance(identity.local, bool) else None
    if domain.lower() in identity.domains:
        return True
    return None if identity.free or not identity.domains else False


def _own_session(identity: Identity, material: Material) -> Identity:
    """The same with the SIDs of the reader's own session, where the reader is this user: then nothing is left to guess."""
    first, found = who_am_i(material)
    sid = found.get(folded(*first), "") if first else ""
    if first is None or not sid:
        return identity
    called = folded("", first[1]) == folded("", identity.name) and first[0].lower() in identity.domains
    if not (identity.sid == sid if identity.sid else called):
        return identity
    held = tuple(dict.fromkeys(one for one in found.values() if one != sid))
    if INTERACTIVE in held or NETWORK not in held:
        # CredSSP brings another kind of logon.
        return replace(identity, sid=sid)
    label = max((rid(one) or 0 for one in held if one.startswith(LABEL)), default=None)
    groups = tuple(one for one in held if not one.startswith(LABEL))
    return replace(identity, sid=sid, groups=groups, complete=("",), high=label >= HIGH_LABEL if label is not None else None)


def _challenge(circumstances: Circumstances) -> ChallengeEvidence:
    return ChallengeEvidence(
        "", netbios_computer=circumstances.netbios_computer, netbios_domain=circumstances.netbios_domain, dns_domain=circumstances.domain,
        membership="domain" if circumstances.domain or circumstances.netbios_domain else "workgroup" if circumstances.netbios_computer else "",
    )


def _kind(circumstances: Circumstances) -> str:
    return account_of(circumstances.user, circumstances.host, _challenge(circumstances)).kind


def _names_of_host(material: Material, circumstances: Circumstances) -> frozenset[str]:
    return frozenset(name.lower() for name in (circumstances.netbios_computer, system.name_of(material, circumstances)) if name)


def _names_of_domain(circumstances: Circumstances) -> frozenset[str]:
    """The names that may stand before the backslash of the user's domain."""
    account = account_of(circumstances.user, circumstances.host, _challenge(circumstances))
    if ANY_DOMAIN not in account.domains:
        return account.domains
    suffix = circumstances.user.rpartition("@")[2].lower() if "@" in circumstances.user else ""
    if suffix:
        # Most suffixes are the domain's DNS name, whose first label most NetBIOS names are.
        return frozenset((suffix, suffix.partition(".")[0][:15]))
    return frozenset((circumstances.netbios_domain.lower(), circumstances.domain.lower())) - {""}


def _is_free(circumstances: Circumstances) -> bool:
    """Whether the suffix may be anybody's."""
    account = account_of(circumstances.user, circumstances.host, _challenge(circumstances))
    return "@" in circumstances.user and ANY_DOMAIN in account.domains
