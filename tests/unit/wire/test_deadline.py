# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a time that was too short is told."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, DeadlineSocket, WireTimeout, translate, unanswered


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (30, "no answer within 30.0 s"), (0.1, "no answer within 0.1 s"), (0.04, "no answer within 0.040 s"), (0.001, "no answer within 0.001 s"),
        (0.0004, "there was no time left to wait for an answer"), (0.0, "there was no time left to wait for an answer"),
    ],
)
def test_no_time_is_not_called_silence(seconds: float, said: str) -> None:
    assert unanswered(seconds) == said
    assert str(translate(TimeoutError(), Deadline(seconds))) == said


def test_nothing_is_read_when_no_time_is_left() -> None:
    one, other = socket.socketpair()
    with one, other:
        other.sendall(b"x")
        with pytest.raises(WireTimeout, match="there was no time left"):
            DeadlineSocket(one, Deadline(0)).recv_into(bytearray(1))
