# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encoded evidence that stays under a size, whatever a strange host sent."""

from __future__ import annotations

import json
import typing as t

RESULT_LIMIT = 18_000
"""Bytes of JSON for one host's evidence; leaves room for the rest of a result under 20 KB."""
STEPS = ((2000, 32), (1000, 16), (400, 12), (400, 8), (160, 8), (80, 8), (60, 4), (40, 2), (40, 1))
"""Longest text and most items of a list, one after the other until it fits: long lists go first, they say the least for their size."""


def fit(evidence: dict[str, t.Any], limit: int = RESULT_LIMIT) -> dict[str, t.Any]:
    """The same evidence with long texts and long lists cut until it fits; a gap tells that it was cut."""
    if size(evidence) <= limit:
        return evidence
    gap = {"unknown": "What was seen is too long for a result; texts and lists in here are cut short."}
    cut = evidence
    for longest, most in STEPS:
        cut = _cut(evidence, longest, most)
        cut["gaps"] = [*cut.get("gaps", []), gap]
        if size(cut) <= limit:
            break
    return cut


def size(value: t.Any) -> int:
    """Bytes as JSON."""
    return len(json.dumps(value))


def _cut(value: t.Any, longest: int, most: int) -> t.Any:
    if isinstance(value, dict):
        return {name: _cut(item, longest, most) for name, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, longest, most) for item in value[:most]]
    if isinstance(value, str) and len(value) > longest:
        return value[: longest - 1] + "…"
    return value
