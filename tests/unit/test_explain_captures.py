# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of real Windows hosts, where the recorded messages lie at hand."""

from __future__ import annotations

import os
import pathlib
import re

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.explain import explain

CAPTURES = pathlib.Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "captures")
pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no recorded messages at hand")
CODE = re.compile(r'(?:WSManFault\b[^>]*?\bCode="|error_Code>)(\d+)')


def test_every_recorded_fault_is_explained_by_its_own_code():
    seen = 0
    for path in sorted(CAPTURES.glob("*.xml")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if match := CODE.search(text):
            result = explain(text)
            codes = [result["code"], *[item["code"] for item in result["also"]]]
            assert int(match[1]) in [code["unsigned"] for code in codes], path.name
            seen += 1
    assert seen >= 5
