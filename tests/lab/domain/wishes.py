# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a realm's directory shall hold, as the JSON that populate.py reads: pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .realm import LAB, Realm

if t.TYPE_CHECKING:
    from ..scenario import Host

Json = dict[str, t.Any]
CLASSES = ("HOST", "WSMAN", "RestrictedKrbHost", "TERMSRV")
"""What a Windows server registers of itself once WinRM and Remote Desktop run."""
LOGON_CLASSES = ("WSMAN", "HTTP")
"""What psrp and winrm ask tickets for."""
MISPLACED = {"wrong_owner": LOGON_CLASSES, "duplicate": LOGON_CLASSES, "http_owner": ("HTTP",)}
"""Keys of `directory` that name a user account, and the classes of SPNs that it carries."""
ALL_TYPES, RC4 = 28, 4
"""msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7): RC4 and AES, or RC4 alone."""
POLICY = {"threshold": 3, "minutes": 30}
"""The domain's lockout policy."""
SETTINGS: Json = {"name": "Services", "threshold": 10, "minutes": 60, "days": 365, "accounts": ["service"]}
"""A password settings object: another policy for one account."""
ROLES: dict[str, str] = {"admin": "Domain Admins", "reader": "", "spnwriter": "", "service": ""}
"""The accounts that every realm has, and a group of each. `spnwriter` may write the SPNs of the servers and nothing else."""
GROUPS: list[Json] = [{"name": "Web Operators", "groups": ["Server Team"]}, {"name": "Server Team", "groups": []}]
"""Groups within groups: the shared account is a member of the first."""


@dataclass(frozen=True)
class Passwords:
    """Passwords by name: of the roles and Administrator, and of the users that scenarios ask for. They stand in no argument and no environment."""

    roles: t.Mapping[str, str] = field(repr=False)
    users: t.Mapping[tuple[str, str], str] = field(repr=False)
    """Key: realm as the scenario file names it, and user."""
    spare: t.Callable[[], str] = field(repr=False)
    """A password that nobody needs to know."""


def wishes(realm: Realm, hosts: t.Iterable[Host], shared: tuple[str, str] | None, known: Passwords) -> Json:
    """All but trusts; `shared` is name and password of the account that all hosts share."""
    members = [host for host in hosts if host.domain is not None]
    users = [_user(realm, name, known.roles[name], groups=[group] if group else []) for name, group in ROLES.items()]
    if shared:
        users.append(_user(realm, shared[0], shared[1], groups=["Web Operators"]))
    users += _own_accounts(realm, members, known)
    users += _owners(realm, members, known)
    return {
        "controller": {"name": realm.controller.upper(), "fqdn": realm.fqdn, "domain": realm.dns, "flat": realm.flat},
        "administrator": known.roles["Administrator"], "policy": POLICY, "settings": [SETTINGS], "delegated": "spnwriter", "groups": GROUPS, "users": users,
        "computers": [_computer(host) for host in members if host.domain == realm and host.directory.get("computer") != "missing"],
        "misplaced": [{"account": name, "spns": carried} for name, carried in _wrongly_owned(realm, members)], "trusts": [],
    }


def spns(host: Host) -> list[str]:
    """The SPNs of the host's own computer account."""
    given = host.directory.get("spns", "good")
    if isinstance(given, list):
        return [str(spn) for spn in given]
    if given == "missing":
        return []
    left_out = ("WSMAN",) if given == "only_host" or "wrong_owner" in host.directory else ()
    names = (host.computer,) if given == "short_only" else (host.computer, f"{host.computer.lower()}.{host.dns_suffix}")
    return [f"{kind}/{name}" for kind in CLASSES if kind not in left_out for name in names]


def _user(realm: Realm, name: str, password: str, **more: t.Any) -> Json:
    usual = {"state": "ok", "groups": [], "encryption": 0}
    return {**usual, "name": name, "password": password, "upn": f"{name}@{realm.dns}", **more}


def _own_accounts(realm: Realm, members: t.Iterable[Host], known: Passwords) -> list[Json]:
    """The domain accounts of single hosts; several hosts may share one."""
    found: dict[str, Json] = {}
    for host in members:
        account = host.account
        if not account or host.account_domain != realm or account.get("state") == "unknown":
            continue
        name, state = account["name"], account.get("state", "ok")
        rc4 = account.get("encryption") == "rc4"
        groups = ["Protected Users"] if state == "protected" else []
        more = {"state": "ok" if state in ("protected", "no_network_logon", "no_trust") else state, "groups": groups, "encryption": RC4 if rc4 else 0}
        found.setdefault(name, _user(realm, name, known.users[host.account_key], **more))
    return list(found.values())


def _owners(realm: Realm, members: t.Iterable[Host], known: Passwords) -> list[Json]:
    """User accounts that carry a host's SPNs, wrongly."""
    return [_user(realm, name, known.spare()) for name in dict.fromkeys(name for name, _spns in _wrongly_owned(realm, members))]


def _wrongly_owned(realm: Realm, members: t.Iterable[Host]) -> list[tuple[str, list[str]]]:
    """User accounts, and the SPNs of a host that each carries."""
    found = []
    for host in members:
        names = (host.computer, f"{host.computer.lower()}.{host.dns_suffix}")
        for key, classes in MISPLACED.items():
            if host.domain == realm and key in host.directory:
                found.append((host.directory[key], [f"{kind}/{name}" for kind in classes for name in names]))
    return found


def _computer(host: Host) -> Json:
    wrong = host.directory
    return {
        "name": host.computer, "fqdn": f"{host.computer.lower()}.{host.dns_suffix}", "spns": spns(host),
        "stale": wrong.get("computer") == "stale", "enabled": wrong.get("computer") != "disabled",
        "encryption": RC4 if wrong.get("encryption") == "rc4" else ALL_TYPES, "password_days": wrong.get("password_days", 12),
    }


def secrets_file(realms: t.Mapping[str, Realm], shared: tuple[str, str], known: Passwords) -> Json:
    """What tests of the directory read from the lab's private file: names and passwords by realm."""
    found: Json = {}
    for realm in realms.values():
        names = {name: known.roles[name] for name in ("Administrator", *ROLES)}
        found[realm.name] = {**names, **({shared[0]: shared[1]} if realm == LAB else {})}
    for (kind, name), password in known.users.items():
        if kind in realms:
            found[realms[kind].name][name] = password
    return found
