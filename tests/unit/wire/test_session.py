# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further logons on a session whose host closes its connections."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import HttpEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import ACCEPTED
from ansible_collections.winrm.doctor.plugins.module_utils.wire import http
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import WireClosed, WireError
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import MOST_AGAIN, Session


class Basic:
    """The client's side of a method that sends its password at once."""

    scheme, complete, context, stage = "Basic", True, None, ""

    def step(self, _token: bytes | None) -> bytes | None:
        return b"user:password"

    def header(self, _token: bytes) -> str:
        return "Basic eA=="

    def again(self) -> str:
        return ""

    def forget(self) -> None:
        """Nothing is kept."""


class Line:
    """A connection that closes after every answer; `says` are the statuses of logons, None where no connection is to be had."""

    url, local_address = "http://host:5985/wsman", ""

    def __init__(self, *says: int | None) -> None:
        self.says = list(says)
        self.open = False
        self.logons = 0

    def dial(self) -> None:
        if self.says[0] is None:
            self.says.pop(0)
            raise WireClosed("nobody is there")
        self.open = True

    def certificate(self) -> None:
        """Plain HTTP has none."""

    def post(self, headers: tuple[tuple[str, str], ...], _body: bytes = b"") -> http.Reply:
        self.open = False
        if headers[0][0] != "Authorization":
            return http.Reply(HttpEvidence(status=200), b"answer")
        self.logons += 1
        return http.Reply(HttpEvidence(status=self.says[0] if len(self.says) == 1 else self.says.pop(0)))


def session(*says: int | None) -> tuple[Session, Line]:
    line = Line(*says)
    made = Session(t.cast(t.Any, line), lambda _der: t.cast(t.Any, Basic()), name="basic", sealed=False)
    assert made.log_on() == ACCEPTED
    line.open = True
    return made, line


def test_a_host_that_closes_its_connections_is_logged_on_to_again() -> None:
    one, line = session(200)
    assert [one.ask(b"question", "Ask").message for _turn in range(4)] == [b"answer"] * 4
    assert (line.logons, one.further) == (4, 3)


def test_a_password_that_stops_being_accepted_is_sent_once_more_and_never_again() -> None:
    one, line = session(200, 401)
    one.ask(b"question", "Ask")
    for _turn in range(5):
        with pytest.raises(WireError, match="second logon was not accepted"):
            one.ask(b"question", "Ask")
    assert line.logons == 2
    assert one.turned
    assert one.used


def test_a_logon_that_got_no_answer_is_not_repeated_either_but_says_nothing_of_the_password() -> None:
    one, line = session(200, 503)
    one.ask(b"question", "Ask")
    for _turn in range(3):
        with pytest.raises(WireError):
            one.ask(b"question", "Ask")
    assert (line.logons, one.turned) == (2, False)


def test_a_connection_that_is_not_to_be_had_costs_no_password() -> None:
    one, line = session(200, None, 200)
    one.ask(b"question", "Ask")
    with pytest.raises(WireError):
        one.ask(b"question", "Ask")
    assert one.ask(b"question", "Ask").message == b"answer"
    assert line.logons == 2


def test_logons_are_not_without_end() -> None:
    one, line = session(200)
    for _turn in range(MOST_AGAIN + 1):
        one.ask(b"question", "Ask")
    for _turn in range(3):
        with pytest.raises(WireError, match="more than"):
            one.ask(b"question", "Ask")
    assert line.logons == MOST_AGAIN + 1
