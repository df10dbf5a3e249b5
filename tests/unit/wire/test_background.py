# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is left behind when it takes too long: its value, its error, or that it is late."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.wire.background import Background, Late

PATIENCE = 10


def failing() -> int:
    raise ConnectionError("nobody there")


def timed_out() -> int:
    raise TimeoutError("by itself")


def test_what_the_work_returns_comes_back() -> None:
    work = Background(lambda: 7)
    assert (work.wait(PATIENCE), work.result(PATIENCE), work.done) == (7, 7, True)


def test_an_error_is_told_or_raised_as_it_was() -> None:
    work = Background(failing)
    assert work.wait(PATIENCE) == Unknown("the probe failed: ConnectionError: nobody there")
    with pytest.raises(ConnectionError, match="nobody there"):
        work.result(PATIENCE)


def test_a_time_out_of_the_work_is_an_error_of_its_own() -> None:
    work = Background(timed_out)
    assert work.wait(PATIENCE) == Unknown("the probe failed: TimeoutError: by itself")
    with pytest.raises(TimeoutError, match="by itself") as error:
        work.result(PATIENCE)
    assert not isinstance(error.value, Late)


def test_whoever_stops_waiting_goes_on_and_may_come_back() -> None:
    go = threading.Event()
    work = Background(lambda: go.wait(PATIENCE))
    late = work.wait(0.01)
    assert isinstance(late, Unknown)
    assert late.unknown.startswith("no answer within ")
    with pytest.raises(Late, match="no answer within"):
        work.result(0)
    assert not work.done
    go.set()
    assert work.wait(PATIENCE) is True
