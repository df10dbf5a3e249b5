# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many commands in one line: what two cmd.exe make of its quotes, and whose output is whose."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.windows import batch
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Command, Said

SPECIAL = "&|<>^()"
QUERY = Command("query", 'reg query "HKLM\\SOFTWARE\\A B" /s')
PIPE = Command("pipe", 'reg query "HKLM\\SOFTWARE\\A B" /s | findstr /i /l /c:"HKEY_" /c:"a|b" /c:"x & y"')
NLTEST = Command("nltest", "nltest /sc_query:LAB", slow=True)
TIME = Command("time", "w32tm /query /status")
THREE = (QUERY, PIPE, NLTEST)


def stripped(text: str) -> str:
    """What `cmd /c TEXT` runs (`cmd /?`), where it is not a program's quoted name."""
    if not text.startswith('"'):
        return text
    last = text.rindex('"')
    return text[1:last] + text[last + 1 :]


def outer(text: str) -> str:
    """A cmd's parse of a line that must be one single command: carets are taken away, and no special character stands outside quotes."""
    inside, place, result = False, 0, ""
    while place < len(text):
        one = text[place]
        if one == '"':
            inside = not inside
        elif one == "^" and not inside:
            place += 1
            one = text[place]
        else:
            assert inside or one not in SPECIAL, f"{one} at {place} would mean something to the outer cmd: {text}"
        result += one
        place += 1
    return result


def steps(text: str) -> list[str]:
    """What stands between the unquoted, unbracketed `&` of a line."""
    inside, depth, parts = False, 0, [""]
    for place, one in enumerate(text):
        inside ^= one == '"'
        depth += (one == "(") - (one == ")") if not inside else 0
        if one == "&" and not inside and not depth and text[place - 1] != ">":
            parts.append("")
        else:
            parts[-1] += one
    return [part.strip() for part in parts]


@pytest.mark.parametrize("shell", ["{}", '"{}"'], ids=["bare", "quoted"])
def test_two_shells_leave_every_command_as_it_was(shell: str) -> None:
    ((line, members),) = batch.lines(THREE)
    first = outer(stripped(shell.format(line)))
    assert first.startswith('cmd /v:on /c "')
    ran = steps(stripped(first.removeprefix("cmd /v:on /c ")))
    assert ran[1::2] == [f"{QUERY.line} 2>&1", f"({PIPE.line}) 2>&1", f"{NLTEST.line} 2>&1"]
    assert [part.rpartition("#")[2] for part in ran[2::2]] == ["!errorlevel!"] * 3
    assert members == THREE


def test_commands_that_wait_for_others_come_last() -> None:
    ((_line, members),) = batch.lines((NLTEST, QUERY, TIME))
    assert [one.id for one in members] == ["query", "time", "nltest"]


def test_no_line_grows_longer_than_cmd_takes() -> None:
    many = [Command(str(number), f'reg query "HKLM\\{"K" * 150}\\{number}" /s') for number in range(100)]
    groups = batch.lines(many)
    assert len(groups) > 2
    assert all(len(line) < 7000 for line, _members in groups)
    assert [one for _line, members in groups for one in members] == many


@pytest.mark.parametrize("line", ['reg query "A', "echo !x!", "a\nb", "", "x" * 7000, "type %"])
def test_a_command_that_would_spoil_the_line_is_not_in_it_and_unknown(line: str) -> None:
    ((whole, members),) = batch.lines((QUERY, Command("bad", line)))
    assert not line or line not in whole
    assert isinstance(batch.split("", members)["bad"], Unknown)


def test_nothing_is_run_for_no_commands() -> None:
    assert batch.lines(()) == ()


def output(*parts: tuple[str, int | None], members: tuple[Command, ...] = THREE, end: str = "\r\n") -> str:
    """As a host prints it: text and exit code of each command, None for an end that never came."""
    mark = batch.token(members)
    return f"#{mark}# {end}" + "".join(said + ("" if code is None else f"#{mark}#{number}#{code} {end}") for number, (said, code) in enumerate(parts))


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_each_command_gets_its_own_output_and_exit_code(end: str) -> None:
    text = output((f"one{end}", 0), ("", 1), (f"Status = 1722{end}no line end", -2147023838), end=end)
    assert batch.split(text, THREE) == {
        "query": Said(0, f"one{end}"), "pipe": Said(1, ""), "nltest": Said(-2147023838, f"Status = 1722{end}no line end"),
    }


def test_what_was_said_before_the_host_died_is_kept() -> None:
    said = batch.split(output(("one\r\n", 0), ("half a l", None)), THREE)
    assert said["query"] == Said(0, "one\r\n")
    assert said["pipe"] == Said(None, "half a l")
    assert said["nltest"] == batch.NOT_REACHED


def test_an_end_that_got_lost_leaves_its_command_unknown_and_nothing_else() -> None:
    said = batch.split(output(("one\r\n", 0), ("two\r\n", None), ("three\r\n", 0)), THREE)
    assert said["query"] == Said(0, "one\r\n")
    assert said["pipe"] == batch.LOST
    assert said["nltest"] == Said(0, "two\r\nthree\r\n")


def test_a_begin_that_got_lost_costs_the_first_command_alone() -> None:
    text = output(("one\r\n", 0), ("two\r\n", 1), ("three\r\n", 0)).replace("# \r\none", " \r\none")
    assert batch.split(text, THREE) == {"query": batch.LOST, "pipe": Said(1, "two\r\n"), "nltest": Said(0, "three\r\n")}


@pytest.mark.parametrize("text", ["The command prompt has been disabled by your administrator.\r\n\r\n", "Press any key to continue . . . ", "#123456#\r\nx"])
def test_what_is_said_in_place_of_the_first_marker_is_no_commands_output(text: str) -> None:
    assert set(batch.split(text, THREE).values()) == {batch.NOT_REACHED}


def test_what_comes_before_the_first_command_is_not_its_output() -> None:
    text = "Welcome, says AutoRun\r\n" + output(("one\r\n", 0), ("two\r\n", 1), ("three\r\n", 0))
    assert batch.split(text, THREE)["query"] == Said(0, "one\r\n")


def test_a_host_that_says_nothing_leaves_every_command_unknown() -> None:
    assert set(batch.split("", THREE).values()) == {batch.NOT_REACHED}
    assert set(batch.split(output(members=THREE), THREE).values()) == {batch.NOT_REACHED}


def test_the_line_itself_among_the_output_is_no_marker() -> None:
    ((line, members),) = batch.lines(THREE)
    assert batch.split(output((f"cmd.exe {line}\r\n", 0), ("two", 0), ("three", 0)), members)["query"] == Said(0, f"cmd.exe {line}\r\n")


def test_markers_of_another_line_are_text() -> None:
    other = output(("x", 0), members=(TIME,))
    assert batch.split(output((other, 0), ("two", 0), ("three", 0)), THREE)["query"] == Said(0, other)
