# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role where hosts fail, leave or cannot be resolved: the report still comes, tells each host once, and forgets nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cores.build import WANTED, Core, core_environments, why_missing
from cores.stage import PARTS, REPOSITORY, Run, run_playbook

QUICK = ("-e", "troubleshoot_timeout=4", "-e", "troubleshoot_connect_timeout=1", "-e", "troubleshoot_screen=summary")
REPORT = ("-e", "troubleshoot_report_path=report.json")
HOSTS = ("h1", "h2", "h3", "h4")


@pytest.fixture(scope="module", params=[wanted.spec for wanted in WANTED])
def core(request: pytest.FixtureRequest) -> Core:
    found = {environment.spec: environment for environment in core_environments()}
    if request.param not in found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why_missing(request.param))
    return found[request.param]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "ansible_collections" / "winrm"
    root.mkdir(parents=True)
    (root / "doctor").symlink_to(REPOSITORY)
    shutil.copytree(PARTS / "callback_plugins", tmp_path / "callback_plugins")
    return tmp_path


def inventory(**extra: dict[str, str]) -> str:
    """Four hosts that refuse connections; `extra` by host."""
    common = {"ansible_connection": "psrp", "ansible_user": "u", "ansible_password": "no-password-of-anybody", "ansible_port": 5985}
    hosts = {name: {"ansible_host": f"127.83.7.{number}", **extra.get(name, {})} for number, name in enumerate((*HOSTS, *(extra.keys() - set(HOSTS))), 1)}
    return json.dumps({"all": {"vars": common, "hosts": hosts}})


def playbook(*before: dict[str, t.Any], **keywords: t.Any) -> str:
    role = {"name": "Troubleshoot", "ansible.builtin.import_role": {"name": "winrm.doctor.troubleshoot", "rolespec_validate": False}}
    return json.dumps([{"hosts": "all", "gather_facts": False, **keywords, "tasks": [*before, role]}])


def headlines(run: Run) -> list[str]:
    return re.findall(r"WINRM DOCTOR: (.*)", run.output)


def statuses(folder: Path) -> dict[str, str]:
    hosts = json.loads((folder / "report.json").read_text(encoding="utf-8"))["hosts"]
    return {name: host["status"] for name, host in hosts.items()}


def test_failed_batch_leaves_hosts_of_later_batches_alone(core: Core, folder: Path) -> None:
    run_playbook(core, folder, inventory(), playbook(), *QUICK, *REPORT)
    assert statuses(folder) == dict.fromkeys(HOSTS, "trouble")
    run = run_playbook(core, folder, inventory(), playbook(serial=2), *QUICK, *REPORT, "-e", "troubleshoot_fail_on=likely")
    assert run.code == 2
    assert headlines(run) == ["2 hosts, 2 in trouble, 0 with nothing wrong seen"]
    assert statuses(folder) == dict.fromkeys(HOSTS, "trouble"), "what nobody looked at again stays as it was"


def test_host_that_left_is_told_once_and_keeps_what_was_known(core: Core, folder: Path) -> None:
    run_playbook(core, folder, inventory(), playbook(), *QUICK, *REPORT)
    leave = {"name": "Leave", "ansible.builtin.fail": {"msg": "no"}, "when": "inventory_hostname == 'h1'"}
    run = run_playbook(core, folder, inventory(), playbook(leave, serial=2), *QUICK, *REPORT)
    assert headlines(run) == [
        "2 hosts, 1 in trouble, 0 with nothing wrong seen, 1 not diagnosed",
        "2 hosts, 2 in trouble, 0 with nothing wrong seen",
    ]
    assert statuses(folder) == dict.fromkeys(HOSTS, "trouble")


def test_host_that_cannot_be_resolved_ends_neither_report_nor_play(core: Core, folder: Path) -> None:
    variables = ("ansible_connection", "ansible_host", "ansible_port", "ansible_user")
    unresolved = {name: {variable: "{{ nowhere_defined }}"} for name, variable in zip(HOSTS, variables, strict=True)}
    broken = inventory(**unresolved, h5={"ansible_host": "127.83.7.5"})
    # The first batches hold one broken host each; in the last one the broken host comes first.
    run = run_playbook(core, folder, broken, playbook(serial=[1, 1, 1, 2]), *QUICK, "-e", "troubleshoot_report_path=")
    assert run.code == 0, run.output[-3000:]
    alone = "1 host, 0 in trouble, 0 with nothing wrong seen, 1 not diagnosed"
    assert headlines(run) == [alone, alone, alone, "2 hosts, 1 in trouble, 0 with nothing wrong seen, 1 not diagnosed"]
    told = run.output.split("Could not be diagnosed:")[1:]
    assert ["nowhere_defined" in part[:400] for part in told] == [True] * 4


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_failing_hosts_are_reported_once(core: Core, folder: Path, strategy: str) -> None:
    run = run_playbook(core, folder, inventory(), playbook(strategy=strategy), *QUICK, "-e", "troubleshoot_fail_on=likely", "-e", "troubleshoot_report_path=")
    assert run.code == 2
    assert headlines(run) == ["4 hosts, 4 in trouble, 0 with nothing wrong seen"]
    assert len(re.findall(r"^h\d .*failed=1 ", run.output.partition("PLAY RECAP")[2], re.MULTILINE)) == 4


def test_host_costs_one_task(core: Core, folder: Path) -> None:
    run = run_playbook(core, folder, inventory(), playbook(), *QUICK, "-e", "troubleshoot_report_path=")
    done = [line["host"] for line in run.results]
    assert len(done) == len(HOSTS) + 1, "one task for each host, and one report"
