# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab tells its guests: an Ansible inventory, and the truth about every host."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import yaml

from .scenario import Host


def inventory(hosts: t.Iterable[Host], user: str, password: str, bundle: Path, by_name: bool) -> dict[str, t.Any]:
    """Groups healthy and broken, one for each cause, and for the bench one for each connection."""
    groups: dict[str, dict[str, t.Any]] = {}
    everybody = {}
    for host in hosts:
        everybody[host.name] = {"ansible_host": host.fqdn if by_name else host.address, **host.vars}
        names = ["healthy" if host.healthy else "broken", *(f"cause_{cause}" for cause in host.causes)]
        if host.healthy and host.name[-3:].isdigit():
            names.append(f"bench_{host.vars['ansible_connection']}")
        for name in names:
            groups.setdefault(name, {"hosts": {}})["hosts"][host.name] = {}
    common = {
        "ansible_user": user, "ansible_password": password, "ansible_winrm_ca_trust_path": str(bundle), "ansible_psrp_ca_cert": str(bundle),
        "ansible_winrm_operation_timeout_sec": 10, "ansible_winrm_read_timeout_sec": 20, "ansible_psrp_connection_timeout": 5,
    }
    return {"all": {"vars": common, "hosts": everybody, "children": groups}}


def write(folder: Path, hosts: t.Sequence[Host], user: str, password: str, bundle: Path, by_name: bool) -> dict[str, str]:
    """Write both files; returns the environment that names them."""
    where, truth = folder / "inventory.yml", folder / "truth.json"
    where.write_text(yaml.safe_dump(inventory(hosts, user, password, bundle, by_name), sort_keys=False), encoding="utf-8")
    known = {host.name: {"wrong": host.wrong, "causes": list(host.causes), "healthy": host.healthy} for host in hosts}
    truth.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return {
        "WINRM_DOCTOR_LAB_DIR": str(folder), "WINRM_DOCTOR_LAB_INVENTORY": str(where), "WINRM_DOCTOR_LAB_TRUTH": str(truth),
        "WINRM_DOCTOR_LAB_CA": str(bundle), "ANSIBLE_INVENTORY": str(where),
    }
