# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every cause has its file, its page, its place in the catalogue, and a host in the lab that suffers from it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import BY_ID, CAUSES

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "plugins" / "module_utils" / "causes"
PACKAGE = "ansible_collections.winrm.doctor.plugins.module_utils.causes"
DEFINING = sorted(path.stem for path in FOLDER.glob("*.py") if re.search(r"^CAUSE\b", path.read_text(encoding="utf-8"), re.MULTILINE))
VANTAGE_POINTS = {"controller", "endpoint", "directory", "logon", "host"}


@pytest.mark.parametrize("name", DEFINING)
def test_a_cause_stands_in_the_catalogue_under_the_name_of_its_file(name: str) -> None:
    cause = importlib.import_module(f"{PACKAGE}.{name}").CAUSE
    assert BY_ID.get(name) is cause
    assert cause.method in range(1, 6)
    assert cause.vantage
    assert set(cause.vantage) <= VANTAGE_POINTS
    assert cause.by_hand.strip()


def test_the_catalogue_has_nothing_else() -> None:
    assert sorted(cause.id for cause in CAUSES) == DEFINING


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_a_cause_has_its_page(cause) -> None:
    page = (ROOT / cause.docs).read_text(encoding="utf-8")
    assert page.startswith("# ")
    assert cause.id in page or cause.title in page


def test_no_page_is_left_over() -> None:
    assert sorted(path.stem for path in (ROOT / "docs" / "causes").glob("*.md")) == DEFINING


def causes_in_the_lab() -> set[str]:
    """Those of its hosts, and of the worlds in which something is wrong with domain or control node."""
    scenarios, worlds = (yaml.safe_load((ROOT / "tests" / "lab" / name).read_text(encoding="utf-8")) for name in ("scenarios.yml", "worlds.yml"))
    hosts = [*scenarios["hosts"].values(), *(host for world in worlds["worlds"].values() for host in world["hosts"].values())]
    return {cause for host in hosts for cause in host.get("causes", ())}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_a_cause_that_can_be_decided_has_a_host_in_the_lab(cause) -> None:
    assert cause.id in causes_in_the_lab()


def test_the_lab_knows_no_other_causes() -> None:
    assert causes_in_the_lab() <= set(BY_ID)
