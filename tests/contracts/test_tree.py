# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the tree as a whole: licences, roles, playbooks, versions, no trace of the machine it was written on."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LICENCE = (
    "# Copyright (c) 2026 the winrm.doctor contributors\n"
    "# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)\n"
    "# SPDX-License-Identifier: GPL-3.0-or-later\n"
)
# Written so that this file does not match itself.
MACHINE = re.compile(r"(?<![\w.$}])/(?:wor[k]|roo[t]|hom[e]/\w+|tmp/tool[s])/")


def tracked() -> list[Path]:
    """The files of the working tree that git knows or would add."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def load(path: str) -> t.Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_every_python_file_names_its_licence() -> None:
    sources = [path for path in tracked() if path.suffix == ".py" and path.read_bytes()]
    assert len(sources) > 50
    assert [path for path in sources if not path.read_text(encoding="utf-8").startswith(LICENCE)] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in tracked()}
    assert {path: found.group() for path, text in texts.items() if (found := MACHINE.search(text))} == {}


@pytest.mark.parametrize("text", ["cd /wor" + "k/main", "'/roo" + "t/.cache'", "/hom" + "e/jane/x"])
def test_a_path_of_one_machine_is_noticed(text: str) -> None:
    assert MACHINE.search(text)


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir()))
def test_role_defaults_are_those_of_the_argument_specs(role: str) -> None:
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    options = {name: words for spec in specs.values() for name, words in spec["options"].items()}
    assert {name: words["default"] for name, words in options.items() if "default" in words} == load(f"roles/{role}/defaults/main.yml")
    assert [name for name in options if not name.startswith(f"{role}_")] == []


def test_the_playbook_is_the_same_under_both_names() -> None:
    assert load("playbooks/diagnose-winrm.yml") == load("playbooks/diagnose_winrm.yml")


def test_versions_agree() -> None:
    version = load("galaxy.yml")["version"]
    assert f'\nversion = "{version}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert version in load("changelogs/changelog.yaml")["releases"]


def requirements(path: str) -> dict[str, str]:
    """Distribution -> its line, comment included."""
    lines = [line for line in (ROOT / path).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {re.split(r"[<>=~ ;]", line)[0]: line for line in lines}


@pytest.mark.parametrize("path", ["requirements.txt", "requirements-kerberos.txt"])
def test_every_runtime_requirement_has_a_lower_bound_and_a_reason(path: str) -> None:
    assert [line for line in requirements(path).values() if not re.fullmatch(r"[\w-]+>=[\d.]+  # \w.{10,}", line)] == []


def test_what_is_tested_is_pinned_and_covers_the_runtime() -> None:
    pins = requirements("tests/requirements.txt")
    assert [line for line in pins.values() if "==" not in line] == []
    assert set(requirements("requirements.txt")) <= set(pins)
