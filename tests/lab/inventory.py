# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab tells its guests: an Ansible inventory, and the truth about every host."""

from __future__ import annotations

import json
import secrets
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .scenario import Host

CERTIFICATE_VARIABLES = {
    "psrp": ("ansible_psrp_certificate_pem", "ansible_psrp_certificate_key_pem"), "winrm": ("ansible_winrm_cert_pem", "ansible_winrm_cert_key_pem"),
}


@dataclass(frozen=True)
class Secrets:
    """What the inventory may know: the shared account, the accounts of single hosts, client certificates and their keys."""

    user: str
    password: str = field(repr=False)
    own: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    """Host to the password of its own account."""
    pairs: t.Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
    rescue: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Host to the accounts of its further ways in, with their passwords."""
    users: t.Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    """Realm and name of the hosts' own accounts to their passwords."""

    def variables(self, host: Host) -> dict[str, t.Any]:
        """What a host has otherwise than all."""
        found: dict[str, t.Any] = {"ansible_user": host.spelled(self.user.rpartition("\\")[2])} if host.kerberos else {}
        if host.account:
            found = {"ansible_user": host.user, "ansible_password": self.own[host.name]}
        if host.wrong_password:
            found["ansible_password"] = secrets.token_urlsafe(12)
        if host.name in self.pairs:
            names = CERTIFICATE_VARIABLES[host.vars["ansible_connection"]]
            found.update(zip(names, map(str, self.pairs[host.name]), strict=True))
        if host.alternate:
            found["troubleshoot_alternate_logons"] = [self._way(host, way) for way in host.alternate]
        return found

    def _way(self, host: Host, way: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """A further way in; without an account it is the inventory's own."""
        found = {key: value for key, value in way.items() if key != "account"}
        account = way.get("account")
        if account == "shared":
            name = self.user.rpartition("\\")[2]
            return {**found, "username": host.spelled(name) if host.domain else f"{host.computer}\\{name}", "password": self.password}
        if isinstance(account, dict):
            return {**found, "username": f"{host.computer}\\{account['name']}", "password": self.rescue[host.name][account["name"]]}
        if "kerberos" in way.get("auth", ()) and host.account_domain:
            return {**found, "username": f"{host.account['name']}@{host.account_domain.name}", "password": self.own[host.name]}
        own = (host.user, self.own[host.name]) if host.account else (host.spelled(self.user.rpartition("\\")[2]), self.password)
        return {**found, "username": own[0], "password": own[1]}


def invented(user: str, hosts: t.Sequence[Host], password: t.Callable[[], str]) -> Secrets:
    """Passwords made anew; a domain account that several hosts have has one."""
    users = {key: password() for key in dict.fromkeys(host.account_key for host in hosts if host.account)}
    rescue = {
        host.name: {way["account"]["name"]: password() for way in host.alternate if isinstance(way.get("account"), dict)} for host in hosts if host.alternate
    }
    return Secrets(user, password(), {host.name: users[host.account_key] for host in hosts if host.account}, rescue=rescue, users=users)


def inventory(hosts: t.Iterable[Host], known: Secrets, bundle: Path, by_name: bool, reader: tuple[str, str] | None = None) -> dict[str, t.Any]:
    """Groups healthy and broken, one for each cause, and for the bench one for each connection."""
    groups: dict[str, dict[str, t.Any]] = {}
    everybody = {}
    for host in hosts:
        everybody[host.name] = {"ansible_host": host.called if by_name else host.address, **known.variables(host), **host.vars}
        names = ["healthy" if host.healthy else "broken", *(f"cause_{cause}" for cause in host.causes)]
        if host.healthy and host.name[-3:].isdigit():
            names.append(f"bench_{host.name[:-3]}")
        for name in names:
            groups.setdefault(name, {"hosts": {}})["hosts"][host.name] = {}
    common = {
        "ansible_user": known.user, "ansible_password": known.password, "ansible_winrm_ca_trust_path": str(bundle), "ansible_psrp_ca_cert": str(bundle),
        "ansible_winrm_operation_timeout_sec": 10, "ansible_winrm_read_timeout_sec": 20, "ansible_psrp_connection_timeout": 5,
        # The connection winrm runs kinit with next to no environment.
        "ansible_winrm_kinit_env_vars": ["KRB5_CONFIG"],
    }
    if reader:
        # Whoever is refused cannot read why: the directory is read with an account that works.
        common["troubleshoot_domain_username"], common["troubleshoot_domain_password"] = reader
    return {"all": {"vars": common, "hosts": everybody, "children": groups}}


def write(
    folder: Path, hosts: t.Sequence[Host], known: Secrets, bundle: Path, by_name: bool, reader: tuple[str, str] | None = None,
) -> dict[str, str]:
    """Write both files; returns the environment that names them. `reader`: name and password of an account that reads the directory."""
    where, truth = folder / "inventory.yml", folder / "truth.json"
    where.write_text(yaml.safe_dump(inventory(hosts, known, bundle, by_name, reader), sort_keys=False), encoding="utf-8")
    about = {host.name: {"wrong": host.wrong, "causes": list(host.causes), "healthy": host.healthy} for host in hosts}
    truth.write_text(json.dumps(about, indent=1), encoding="utf-8")
    return {
        "WINRM_DOCTOR_LAB_DIR": str(folder), "WINRM_DOCTOR_LAB_INVENTORY": str(where), "WINRM_DOCTOR_LAB_TRUTH": str(truth),
        "WINRM_DOCTOR_LAB_CA": str(bundle), "ANSIBLE_INVENTORY": str(where),
    }
