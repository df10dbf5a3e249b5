# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of a module one after the other in one lab, and after each what an independent program sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
ACCOUNTS = "(lookup('file', lookup('env', 'WINRM_DOCTOR_LAB_ACCOUNTS')) | from_json)['LAB.TEST']"


class Step(t.NamedTuple):
    """One task. `host`: on which host of the lab, or on which ones at once, separated by commas; `witness`: a shell line to run afterwards."""

    module: str
    arguments: dict[str, t.Any]
    host: str = "web01"
    check: bool = False
    witness: str = ""


class Seen(t.NamedTuple):
    """What became of a step."""

    result: dict[str, t.Any]
    witness: str
    others: tuple[dict[str, t.Any], ...] = ()
    """What became of it on the other hosts."""

    def lines(self) -> list[str]:
        """What the witness printed."""
        return self.witness.splitlines()


def password(account: str) -> str:
    """A template for the password of an account of the lab's domain."""
    return f"{{{{ {ACCOUNTS}['{account}'] }}}}"


def run_steps(folder: Path, lab: t.Sequence[str], steps: t.Mapping[str, Step]) -> dict[str, Seen]:
    """Run them in order, in one lab and one run of Ansible; a step that fails does not end it."""
    tasks: list[dict[str, t.Any]] = []
    for name, step in steps.items():
        only = f"inventory_hostname in {step.host.split(',')}"
        tasks.append({
            "name": name, f"winrm.doctor.{step.module}": step.arguments, "register": f"r_{name}", "ignore_errors": True, "check_mode": step.check,
            "diff": True, "when": only,
        })
        if step.witness:
            tasks.append({
                "ansible.builtin.shell": step.witness, "delegate_to": "localhost", "register": f"w_{name}", "when": only, "check_mode": False,
                "ignore_errors": True,
            })
    hosts = list(dict.fromkeys(host for step in steps.values() for host in step.host.split(",")))
    kept = "{{ {'host': inventory_hostname, 'seen': vars | dict2items | selectattr('key', 'match', '^[rw]_') | items2dict} | to_json }}"
    tasks.append({"ansible.builtin.copy": {"content": kept, "dest": f"{folder}/{{{{ inventory_hostname }}}}.json", "mode": "0600"}, "delegate_to": "localhost"})
    (folder / "steps.yml").write_text(yaml.safe_dump([{"hosts": hosts, "gather_facts": False, "tasks": tasks}], sort_keys=False), encoding="utf-8")
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_HOME=str(folder / "home"), ANSIBLE_DEPRECATION_WARNINGS="0", TMPDIR=str(folder), XDG_RUNTIME_DIR="",
    )
    command = "ansible-playbook -i $WINRM_DOCTOR_LAB_INVENTORY -e ansible_python_interpreter=auto_silent steps.yml > output 2>&1; :"
    subprocess.run(
        [sys.executable, str(LAB), "--domain", *lab, "run", "--", "sh", "-c", command], cwd=folder, env=environment, check=True, timeout=420,
    )
    output = (folder / "output").read_text(encoding="utf-8")
    assert all((folder / f"{host}.json").exists() for host in hosts), output[-3000:]
    kept_by = {host: json.loads((folder / f"{host}.json").read_text(encoding="utf-8"))["seen"] for host in hosts}
    found = {}
    for name, step in steps.items():
        first, *others = step.host.split(",")
        known = kept_by[first]
        found[name] = Seen(known[f"r_{name}"], known.get(f"w_{name}", {}).get("stdout", ""), tuple(kept_by[other][f"r_{name}"] for other in others))
    return found
