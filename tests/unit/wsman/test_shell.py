# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A WinRS shell against scripted and recorded conversations: what is said comes whole, and the shell goes on every path."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, WireError
from ansible_collections.winrm.doctor.plugins.module_utils.wsman import shell as module
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import Faulted, Lost
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.shell import Output, Shell
from scripted import CREATED, DELETED, STARTED, TIMED_OUT, Reply, Scripted, client, envelope, fault, heard

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
SIGNALLED = envelope("<rsp:SignalResponse/>")
QUIET = fault(TIMED_OUT, "w:TimedOut")


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a shell waited, of which nothing passes."""
    seconds: list[float] = []
    monkeypatch.setattr(module.time, "sleep", seconds.append)
    return seconds


def run(*script: Reply, line: str = "echo hi", **more: t.Any) -> tuple[Output, Scripted, Shell]:
    talk, session = client(CREATED, *script, **more)
    with Shell(talk) as shell:
        said = shell.run(line)
    return said, session, shell


def test_line_is_run_and_the_shell_deleted() -> None:
    said, session, shell = run(STARTED, heard(("stdout", b"hi\r\n"), done=0), DELETED, line='echo "a" & b')
    assert said == Output(0, "hi\r\n", None, True)
    assert session.actions == ["Create", "Command", "Receive", "Delete"]
    assert session.asked[1].first_text("Command") == 'echo "a" & b'
    assert {node.attributes["Name"]: node.text for node in session.asked[0].all("Option")} == {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": "65001"}
    assert all(node.find("Selector").text == "SHELL-1" for node in session.asked[1:])  # type: ignore[union-attr]
    assert shell.deleted is not None


def test_shell_that_nobody_deletes_is_to_be_forgotten_after_a_minute() -> None:
    _said, session, _shell = run(STARTED, heard(done=0), DELETED)
    shell = session.asked[0].find("Shell")
    assert shell is not None
    # In the order of the schema ([MS-WSMV] 2.2.4.37).
    assert [(child.name, child.text) for child in shell.children] == [
        ("IdleTimeOut", "PT60S"), ("InputStreams", "stdin"), ("OutputStreams", "stdout stderr"),
    ]


@pytest.mark.parametrize("number", module.NO_SUCH_IDLE)
def test_host_that_does_not_take_the_idle_time_is_asked_without_it(number: int) -> None:
    talk, session = client(fault(number, "w:InvalidParameter"), CREATED, DELETED)
    with Shell(talk) as shell:
        assert shell.id == "SHELL-1"
    assert session.actions == ["Create", "Create", "Delete"]
    assert [node.first_text("IdleTimeOut") for node in session.asked[:2]] == ["PT60S", ""]
    talk, session = client(fault(number), fault(number))
    with pytest.raises(Faulted), Shell(talk):
        raise AssertionError("it is not open")
    assert session.requests == 2


def test_streams_come_together_in_order_and_characters_are_not_cut() -> None:
    euro = "€".encode()
    said, _session, _shell = run(
        STARTED, heard(("stdout", b"a" + euro[:1]), ("stderr", b"[" + euro[:2])), heard(("stdout", euro[1:]), ("stderr", euro[2:] + b"]")),
        heard(("stdout", b"\xff\xc3"), done=1), DELETED,
    )
    assert said == Output(1, "a[€€]\ufffd\ufffd", None, True)


def test_quiet_host_is_asked_again() -> None:
    said, session, _shell = run(STARTED, heard(("stdout", b"a")), QUIET, QUIET, heard(), heard(("stdout", b"b"), done=0), DELETED)
    assert said == Output(0, "ab", None, True)
    assert session.actions.count("Receive") == 5


def test_little_is_followed_by_a_pause_and_much_by_the_next_question(waited: list[float]) -> None:
    little, much = heard(("stdout", b"a")), heard(("stdout", b"a" * module.LITTLE))
    said, _session, _shell = run(STARTED, little, little, little, little, much, QUIET, little, heard(("stdout", b"b"), done=0), DELETED)
    assert said.ended
    assert waited == [0.1, 0.2, 0.4, 0.4, 0.1]


def test_a_command_that_ends_at_once_costs_no_pause(waited: list[float]) -> None:
    run(STARTED, heard(("stdout", b"a"), done=0), DELETED)
    assert waited == []


def test_no_pause_takes_the_time_of_the_next_question(waited: list[float]) -> None:
    run(STARTED, heard(("stdout", b"a")), heard(done=0), DELETED, seconds=0.5)
    assert waited == []
    run(STARTED, heard(("stdout", b"a")), heard(done=0), DELETED, seconds=1.05)
    assert all(0 < seconds < 0.1 for seconds in waited)


def test_command_that_is_slow_goes_on_where_only_time_ran_out() -> None:
    talk, session = client(CREATED, STARTED, heard(("stdout", b"a\xe2\x82")), QUIET, heard(("stdout", b"\xac")), heard(done=7), DELETED, seconds=1.4)
    with Shell(talk) as shell:
        first = shell.run("nltest")
        assert (first.text, first.ended, first.goes_on) == ("a", False, True)
        assert shell.go_on() == Output(7, "a€", None, True)
        assert shell.go_on() == Output()
    assert session.actions == ["Create", "Command", *["Receive"] * 4, "Delete"]


def test_command_that_is_slow_is_ended_before_the_next() -> None:
    talk, session = client(CREATED, STARTED, QUIET, SIGNALLED, STARTED, heard(("stdout", b"b"), done=0), DELETED, seconds=1.4)
    with Shell(talk) as shell:
        assert shell.run("nltest").goes_on
        assert shell.run("hostname").text == "b"
    assert session.actions == ["Create", "Command", "Receive", "Signal", "Command", "Receive", "Delete"]


def test_what_belongs_to_another_command_is_left_out() -> None:
    said, _session, _shell = run(STARTED, heard(("stdout", b"other"), done=3, command="CMD-2"), heard(("stdout", b"mine"), done=0), DELETED)
    assert said == Output(0, "mine", None, True)


def test_second_line_gives_back_the_first() -> None:
    talk, session = client(CREATED, STARTED, heard(done=0), SIGNALLED, STARTED, heard(("stdout", b"2"), done=0), DELETED)
    with Shell(talk) as shell:
        shell.run("one")
        assert shell.run("two").text == "2"
    assert session.actions == ["Create", "Command", "Receive", "Signal", "Command", "Receive", "Delete"]
    assert session.asked[3].first_text("Code").endswith("/signal/terminate")


@pytest.mark.parametrize(
    "created",
    [
        envelope('<x:ResourceCreated><w:SelectorSet><w:Selector Name="ShellId">S</w:Selector></w:SelectorSet></x:ResourceCreated>'),
        envelope('<x:ResourceCreated><w:Selector Name="shellid"> S </w:Selector></x:ResourceCreated><rsp:Shell><rsp:ShellId>S</rsp:ShellId></rsp:Shell>'),
        envelope("<rsp:Shell><rsp:ShellId>S</rsp:ShellId></rsp:Shell>"),
    ],
)
def test_forms_of_a_new_shell(created: bytes) -> None:
    talk, session = client(created, DELETED)
    with Shell(talk) as shell:
        assert shell.id == "S"
    assert session.asked[1].first_text("Selector") == "S"


@pytest.mark.parametrize(("reply", "kind"), [(fault(5, "w:AccessDenied"), Faulted), ((500, b""), Lost), ("timeout", Lost), (envelope("<x/>"), Lost)])
def test_shell_that_does_not_open_raises(reply: Reply, kind: type[Exception]) -> None:
    talk, session = client(reply)
    with pytest.raises(kind), Shell(talk):
        raise AssertionError("it is not open")
    assert session.requests == 1


@pytest.mark.parametrize(
    ("answers", "text", "why"),
    [
        ((heard(("stdout", b"so far")), "timeout"), "so far", "timeout"),
        ((heard(("stdout", b"so far")), "closed"), "so far", "closed"),
        ((heard(("stdout", b"so far")), WireError("gone")), "so far", "closed"),
        ((heard(("stdout", b"so far")), heard()[:-20]), "so far", "malformed"),
        ((heard(("stdout", b"so far")), envelope("<x/>")), "so far", "malformed"),
        ((heard(("stdout", b"so far"), ("stdout", b"x")).replace(b">eA==<", b">!!!<"),), "so far", "malformed"),
        ((heard(("stdout", b"so far")), (400, b"")), "so far", "status"),
    ],
)
def test_what_was_said_before_a_failure_is_kept(answers: tuple[Reply, ...], text: str, why: str) -> None:
    said, session, _shell = run(STARTED, *answers, SIGNALLED, DELETED)
    assert (said.text, said.code, said.ended) == (text, None, False)
    assert isinstance(said.error, Lost)
    assert said.error.why == why
    assert session.actions[-2:] == ["Signal", "Delete"]


@pytest.mark.parametrize("reply", [fault(5), fault(2150859174), (400, b""), envelope("<rsp:CommandResponse/>")])
def test_command_that_does_not_start(reply: Reply) -> None:
    said, session, _shell = run(reply, DELETED)
    assert said.error is not None
    assert (said.text, said.ended) == ("", False)
    assert session.actions == ["Create", "Command", "Delete"]


def test_shell_is_deleted_where_the_caller_fails() -> None:
    talk, session = client(CREATED, DELETED)
    with pytest.raises(ZeroDivisionError), Shell(talk):
        raise ZeroDivisionError
    assert session.actions == ["Create", "Delete"]


@pytest.mark.parametrize("reply", [fault(2150858843), "timeout", WireError("gone"), (500, b""), b"<x>"])
def test_deletion_that_fails_raises_nothing(reply: Reply) -> None:
    talk, _session = client(CREATED, reply)
    with Shell(talk) as shell:
        pass
    assert (shell.deleted is None) is isinstance(reply, WireError)


def test_shell_is_deleted_also_when_the_time_for_commands_is_up() -> None:
    talk, session = client(CREATED, STARTED, DELETED)
    with Shell(talk) as shell:
        said = shell.run("ping", deadline=Deadline(0))
        assert isinstance(said.error, Lost)
        assert said.error.why == "timeout"
        talk.deadline = Deadline(0)
    assert session.actions == ["Create", "Delete"]
    assert talk.deadline is not None
    assert talk.deadline.passed


def test_deadline_of_a_line_goes_with_it() -> None:
    talk, session = client(CREATED, STARTED, heard(done=0), DELETED)
    talk.deadline = mine = Deadline(20)
    with Shell(talk) as shell:
        shell.run("x", deadline=Deadline(4))
        assert talk.deadline is mine
    assert int(session.asked[2].first_text("OperationTimeout")[2:-1]) <= 3


@pytest.mark.parametrize(("reply", "why"), [(QUIET, "malformed"), (heard(), "malformed"), (heard(("stdout", b"x" * 100)), "too_large")])
def test_endless_command_ends(reply: Reply, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OUTPUT", 10_000)
    talk, session = client(CREATED, STARTED, reply, forever=True)
    with Shell(talk) as shell:
        said = shell.run("yes")
    assert isinstance(said.error, Lost)
    assert said.error.why == why
    assert session.actions[-2:] == ["Signal", "Delete"]
    assert session.requests < 120


@pytest.mark.parametrize(("word", "code"), [("0", 0), ("-1073741510", -1073741510), ("3221225786", 3221225786), ("", None), ("many", None)])
def test_exit_codes(word: str, code: int | None) -> None:
    said, _session, _shell = run(STARTED, heard(done=word), DELETED)
    assert (said.code, said.ended) == (code, True)


def capture(name: str) -> Reply:
    body = (CAPTURES / name).read_bytes()
    return (500, body) if "fault" in name else body


STANDARD = ("standard-00-response-CreateResponse", "standard-01-response-CommandResponse", "standard-02-response-ReceiveResponse")
SLOW = (
    "optimeout-00-response-CreateResponse", "optimeout-01-response-CommandResponse", "optimeout-02-response-ReceiveResponse",
    "optimeout-03-response-fault", "optimeout-04-response-fault", "optimeout-05-response-ReceiveResponse",
)


@needs_captures
@pytest.mark.parametrize(
    ("names", "text"), [((*STANDARD, "standard-04-response-DeleteResponse"), "hi\r\n"), ((*SLOW, "standard-04-response-DeleteResponse"), "hi\nhi again\n")],
    ids=["standard", "optimeout"],
)
def test_recorded_conversation(names: tuple[str, ...], text: str) -> None:
    talk, session = client(*(capture(f"winrs-{name}.xml") for name in names))
    with Shell(talk) as shell:
        assert shell.run("echo hi") == Output(0, text, None, True)
    assert not session.script
    assert shell.deleted is not None
    assert shell.deleted.leg.reply.status == 200


@needs_captures
def test_recorded_answers_to_two_lines() -> None:
    again = (*STANDARD, "standard-03-response-SignalResponse", *STANDARD[1:], "standard-04-response-DeleteResponse")
    talk, session = client(*(capture(f"winrs-{name}.xml") for name in again))
    with Shell(talk) as shell:
        assert shell.run("echo hi").text == shell.run("echo hi").text == "hi\r\n"
    assert not session.script


@needs_captures
@pytest.mark.parametrize("name", ["winrb-open_shell_v1.xml", "winrb-open_shell_v2.xml"])
def test_recorded_shells_of_older_hosts(name: str) -> None:
    talk, session = client(capture(name), DELETED)
    with Shell(talk) as shell:
        assert len(shell.id) >= 36
    assert session.asked[1].first_text("Selector").encode() in (CAPTURES / name).read_bytes()
