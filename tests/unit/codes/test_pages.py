# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation pages beside the tables: every cause has one, links lead somewhere, codes exist."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.codes.advice import CAUSE_ADVICE
from ansible_collections.winrm.doctor.plugins.module_utils.explain import explain
from ansible_collections.winrm.doctor.plugins.module_utils.explain_lookup import FAMILIES, by_value32

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs"
CAUSE_PAGES = sorted((DOCS / "causes").glob("*.md"))
SECTIONS = ["What users see", "How winrm.doctor tells it", "Be sure by hand", "Fix", "Easily confused with"]


def test_there_is_one_page_for_every_cause():
    assert {page.stem for page in CAUSE_PAGES} == set(CAUSE_ADVICE)


@pytest.mark.parametrize("page", CAUSE_PAGES, ids=lambda page: page.stem)
def test_a_cause_page_has_its_title_and_sections_in_order(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem}: ")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS


def test_links_lead_to_pages():
    for page in DOCS.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if not link.startswith("http"):
                assert (page.parent / link).is_file(), f"{page.name}: {link}"


def test_codes_named_on_the_pages_are_in_the_tables():
    for page in CAUSE_PAGES:
        for code in re.findall(r"`(0x[08C][0-9A-Fa-f]{7})`", page.read_text(encoding="utf-8")):
            assert by_value32(int(code, 16)), f"{page.name}: {code}"


def test_every_explanation_points_to_a_page_that_exists():
    for family, entries in FAMILIES.items():
        for number in entries:
            result = explain(f"event {number}" if family == "Event" else number)
            assert (DOCS.parent / result["docs"]).is_file(), (family, number)
