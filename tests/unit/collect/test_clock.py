# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock offsets with their uncertainty."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect.clock import from_challenge, from_http_date
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ClockEvidence

NOON = 1775648880.0  # 2026-04-08 11:48:00 UTC


@pytest.mark.parametrize(
    ("date", "now", "waited", "offset", "uncertainty"),
    [
        pytest.param("Wed, 08 Apr 2026 11:48:00 GMT", NOON + 0.5, 0.0, 0.0, 0.5, id="the fraction cut off is half a second on average"),
        pytest.param("Wed, 08 Apr 2026 11:48:00 GMT", NOON + 1.5, 2.0, 0.0, 1.5, id="half of the round trip either way"),
        pytest.param("Wed, 08 Apr 2026 11:58:00 GMT", NOON + 0.5, 0.2, 600.1, 0.6, id="ten minutes ahead"),
        pytest.param("Wed, 08 Apr 2026 13:48:00 +0200", NOON + 0.5, 0.0, 0.0, 0.5, id="another zone"),
        pytest.param("Wed, 08 Apr 2026 11:48:00 -0000", NOON + 0.5, 0.0, 0.0, 0.5, id="no zone means GMT"),
        pytest.param("Wednesday, 08-Apr-26 11:48:00 GMT", NOON + 0.5, 0.0, 0.0, 0.5, id="the form of RFC 850"),
    ],
)
def test_http_date(date: str, now: float, waited: float, offset: float, uncertainty: float) -> None:
    assert from_http_date(date, now, waited) == ClockEvidence("http_date", offset, uncertainty)


@pytest.mark.parametrize("date", ["", "soon", "<date>", "Wed, 99 Apr 2026 11:48:00 GMT", "Wed, 08 Apr 99999 11:48:00 GMT", "0 0 0 0 0"])
def test_nonsense_is_no_clock(date: str) -> None:
    assert from_http_date(date, NOON, 0.0) is None


def test_challenge_is_as_sharp_as_its_round_trip() -> None:
    assert from_challenge("2026-04-08T11:47:55.250000Z", NOON, 0.01) == ClockEvidence("ntlm", -4.745, 0.005)
    assert from_challenge("2026-04-08", NOON, 0.01) is None
