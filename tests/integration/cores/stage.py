# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collection of one echoing module under several names, around the repository's own action code, and one playbook run over it."""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from surroundings import surroundings

from .build import Core

REPOSITORY = Path(__file__).resolve().parents[3]
PARTS = Path(__file__).resolve().parent / "parts"
MODULES = ("echo", "echo_probe", "echo_control", "echo_report")
ACTION = """from ansible_collections.winrm.doctor.plugins.modules import {name}
from ansible_collections.winrm.doctor.plugins.plugin_utils.controller_action import ControllerAction


class ActionModule(ControllerAction):
    module = {name}
"""


@dataclass(frozen=True)
class Run:
    """What one ansible-playbook printed and what its tasks returned."""

    code: int
    output: str
    results: list[dict[str, t.Any]]

    def result(self, task: str, host: str) -> dict[str, t.Any]:
        """The result of one task for one host."""
        found = [line["result"] for line in self.results if line["task"] == task and line["host"] == host]
        assert found, f"no result of {task!r} for {host} in\n{self.output[-4000:]}"
        return found[-1]

    def status(self, task: str, host: str) -> str:
        """`ok`, `failed`, `unreachable` or `skipped`."""
        return next(line["status"] for line in self.results if line["task"] == task and line["host"] == host)


def stage_collection(folder: Path) -> Path:
    """Make `folder/ansible_collections/winrm/doctor`; returns what belongs on ANSIBLE_COLLECTIONS_PATH."""
    root = folder / "ansible_collections" / "winrm" / "doctor"
    for part in ("modules", "action"):
        (root / "plugins" / part).mkdir(parents=True)
    for part in ("plugin_utils", "module_utils", "doc_fragments"):
        (root / "plugins" / part).symlink_to(REPOSITORY / "plugins" / part)
    for name in MODULES:
        shutil.copy(PARTS / "echo.py", root / "plugins" / "modules" / f"{name}.py")
        (root / "plugins" / "action" / f"{name}.py").write_text(ACTION.format(name=name), encoding="utf-8")
    shutil.copy(REPOSITORY / "galaxy.yml", root)
    (root / "meta").mkdir()
    groups = json.dumps({"requires_ansible": ">=2.16.0", "action_groups": {"doctor": list(MODULES)}})
    (root / "meta" / "runtime.yml").write_text(groups, encoding="utf-8")
    for part in ("connection_plugins", "callback_plugins"):
        shutil.copytree(PARTS / part, folder / part)
    return folder


def run_playbook(core: Core, folder: Path, inventory: str, playbook: str, *arguments: str, environment: dict[str, str] | None = None) -> Run:
    """Run a playbook (YAML text) over an inventory (YAML text) with one core, in a HOME and working folder of its own."""
    (folder / "inventory.yml").write_text(inventory, encoding="utf-8")
    (folder / "play.yml").write_text(playbook, encoding="utf-8")
    dump = folder / "results.jsonl"
    dump.unlink(missing_ok=True)
    settings = {
        **surroundings(HOME=str(folder), PATH=f"{core.bin}:/usr/bin:/bin", DUMP_RESULTS=str(dump)), "ANSIBLE_COLLECTIONS_PATH": str(folder),
        "ANSIBLE_FORKS": "4", "ANSIBLE_CALLBACKS_ENABLED": "dump", "ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_INJECT_FACT_VARS": "0",
        **(environment or {}),
    }
    command = [str(core.bin / "ansible-playbook"), "-i", "inventory.yml", "play.yml", *arguments]
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, check=False)
    results = [json.loads(line) for line in dump.read_text(encoding="utf-8").splitlines()] if dump.exists() else []
    return Run(done.returncode, done.stdout + done.stderr, results)
