# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped playbook where something is wrong with the domain itself: its KDC, its DNS records, its clock, its trusts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from judged import complaint, row
from lab.scenario import worlds
from needs import DOMAIN, command
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
PLAYBOOK = REPOSITORY / "playbooks" / "diagnose-winrm.yml"
WORLDS = worlds()

pytestmark = [*DOMAIN, command("faketime", "faketime")]


@pytest.mark.parametrize("name", WORLDS)
def test_a_fault_of_the_domain_is_told_and_nobody_else_is_accused(tmp_path: Path, name: str, matrix: list[tuple[str, ...]]) -> None:
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_HOME=str(tmp_path / "home"), ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    playbook = ["ansible-playbook", "-f", "5", str(PLAYBOOK), "-e", "troubleshoot_report_path=report.json"]
    done = subprocess.run(
        [sys.executable, str(LAB), "--world", name, "run", "--", *playbook], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    seen: dict[str, t.Any] = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["hosts"]
    matrix += [row(host, seen[host.name]) for host in WORLDS[name].hosts]
    assert [words for host in WORLDS[name].hosts if (words := complaint(host, seen[host.name]))] == []
