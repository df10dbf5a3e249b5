# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry as reg.exe prints it, in whatever language."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Known, Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED
from ansible_collections.winrm.doctor.plugins.module_utils.windows import batch, reg_query
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Key, Said
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value

WSMAN = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN"
FULL = WSMAN.replace("HKLM", "HKEY_LOCAL_MACHINE")
ABSENT = "\r\nFEHLER: Der angegebene Registrierungsschlüssel bzw. Wert wurde nicht gefunden.\r\n"
REFUSED = "\r\nFEHLER: Zugriff verweigert\r\n"
GERMAN, WORKS = Said(1, ABSENT), Said(0, "HKEY_LOCAL_MACHINE\\SOFTWARE")
ENGLISH = "ERROR: The system was unable to find the specified registry key or value.\r\n"


def read(keys: t.Sequence[Key], *texts: Known[Said] | None, control: Known[Said] = GERMAN, root: Known[Said] = WORKS) -> Registry:
    """The answers to the planned queries in order; None: that one never came."""
    _control, _root, *queries = reg_query.commands(keys)
    said: dict[str, Known[Said]] = {"reg:control": control, "reg:root": root}
    said.update({command.id: answer for command, answer in zip(queries, texts, strict=True) if answer is not None})
    return reg_query.registry(keys, said)


def one(*lines: str) -> Registry:
    return read((Key(WSMAN),), Said(0, "\r\n".join(("", FULL, *lines, "", ""))))


@pytest.mark.parametrize(("line", "expected"), [
    ("    Port    REG_DWORD    0x1761", Value("Port", "REG_DWORD", 5985)),
    ("    Size    REG_QWORD    0x100000000", Value("Size", "REG_QWORD", 1 << 32)),
    ("    hostname    REG_SZ    ", Value("hostname", "REG_SZ", "")),
    ("    hostname    REG_SZ", Value("hostname", "REG_SZ", "")),
    ("    hostname    REG_SZ    web01    lab", Value("hostname", "REG_SZ", "web01    lab")),
    ("    host    name    REG_SZ    web01", Value("host    name", "REG_SZ", "web01")),
    ("    a    REG_SZ      b", Value("a", "REG_SZ", "  b")),
    ("    a    REG_SZ    type    REG_DWORD    0x1", Value("a", "REG_SZ", "type    REG_DWORD    0x1")),
    ("    (Standard)    REG_SZ    x", Value("", "REG_SZ", "x")),
    ("    (既定)    REG_SZ    x", Value("", "REG_SZ", "x")),
    ("    <NO NAME>    REG_SZ    x", Value("", "REG_SZ", "x")),
    ("    DllName    REG_EXPAND_SZ    %windir%\\x.dll", Value("DllName", "REG_EXPAND_SZ", "%windir%\\x.dll")),
    ("    List    REG_MULTI_SZ    a\\0b c\\0d", Value("List", "REG_MULTI_SZ", ("a", "b c", "d"))),
    ("    List    REG_MULTI_SZ    a\\0", Value("List", "REG_MULTI_SZ", ("a",))),
    ("    List    REG_MULTI_SZ    ", Value("List", "REG_MULTI_SZ", ())),
    ("    Blob    REG_BINARY    00FF1a", Value("Blob", "REG_BINARY", b"\x00\xff\x1a")),
    ("    Blob    REG_BINARY    ", Value("Blob", "REG_BINARY", b"")),
    ("    Nothing    REG_NONE    ", Value("Nothing", "REG_NONE", b"")),
    ("    Odd    0xffff0012    00ff", Value("Odd", "0xffff0012", b"\x00\xff")),
    ("    Broken    REG_DWORD    zwei", Value("Broken", "REG_DWORD", "zwei")),
    ("    Broken    REG_BINARY    0x", Value("Broken", "REG_BINARY", "0x")),
])
def test_a_printed_value_is_read_by_its_type(line: str, expected: Value) -> None:
    assert one(line).values(WSMAN.lower()) == (expected,)


def test_a_value_with_line_breaks_is_whole_and_ends_where_the_next_begins() -> None:
    xml = ("<PlugInConfiguration", '    Name="x">', "", "</PlugInConfiguration>")
    found = one(f"    ConfigXML    REG_SZ    {xml[0]}", *xml[1:], "    Port    REG_DWORD    0x1", "", f"{FULL}\\Plugin", "    a    REG_SZ    b")
    assert found.text(WSMAN, "configxml") == "\n".join(xml)
    assert found.number(WSMAN, "Port") == 1
    assert found.text(f"{WSMAN}\\Plugin", "a") == "b"
    assert found.subkeys(WSMAN) == ("Plugin",)


@pytest.mark.parametrize(("text", "language"), [(ABSENT, ABSENT), (ENGLISH, ENGLISH), ("  " + ENGLISH.replace("\r", ""), ENGLISH)])
def test_an_absent_key_is_told_by_comparing_with_one_that_cannot_exist(text: str, language: str) -> None:
    found = read((Key(WSMAN),), Said(1, text), control=Said(1, language))
    assert not found.has(WSMAN)
    assert found.why(WSMAN) is None


def test_another_error_text_is_a_refusal_for_all_below() -> None:
    found = read((Key(WSMAN),), Said(1, REFUSED))
    assert found.why(WSMAN) == found.why(f"{WSMAN}\\Service") == DENIED


def test_without_the_control_question_an_error_stays_unknown() -> None:
    assert read((Key(WSMAN),), Said(1, ABSENT), control=Unknown("too late")).why(WSMAN) == reg_query.NO_CONTROL


def test_a_reg_that_policy_forbids_does_not_make_every_key_absent() -> None:
    forbidden = Said(1, "ERROR: Registry editing has been disabled by your administrator.")
    assert read((Key(WSMAN),), forbidden, control=forbidden, root=forbidden).why(WSMAN) == reg_query.NO_REG


@pytest.mark.parametrize("code", [5, 9009, -1073741502])
def test_a_reg_that_does_not_start_is_no_refusal(code: int) -> None:
    assert str(code) in (read((Key(WSMAN),), Said(code, "'reg' is not recognized")).why(WSMAN) or "")


def test_a_key_without_anything_in_it_is_there() -> None:
    found = read((Key(WSMAN),), Said(0, "\r\n"))
    assert found.has(WSMAN)
    assert found.values(WSMAN) == ()
    assert found.why(WSMAN) is None


def test_a_filter_that_lets_nothing_through_is_an_empty_key() -> None:
    found = read((Key(WSMAN, contains=("5985",)),), Said(1, ""))
    assert found.has(WSMAN)
    assert found.why(WSMAN) is None


def test_an_answer_that_breaks_off_keeps_the_keys_before_and_doubts_the_last() -> None:
    text = f"\r\n{FULL}\\Client\r\n    a    REG_DWORD    0x1\r\n\r\n{FULL}\\Service\r\n    b    REG_DWORD    0x1\r\n    c    REG"
    found = read((Key(WSMAN),), Said(None, text))
    assert found.number(f"{WSMAN}\\Client", "a") == 1
    assert found.why(f"{WSMAN}\\Client") is None
    assert found.why(f"{WSMAN}\\Service") == found.why(f"{WSMAN}\\WinRS") == found.why(WSMAN) == reg_query.CUT_OFF


def test_one_key_below_that_may_not_be_read_costs_only_itself() -> None:
    text = f"\r\n{FULL}\\Client\r\n    a    REG_SZ    x\r\n\r\n{FULL}\\Secret\r\n{REFUSED}"
    found = read((Key(WSMAN),), Said(1, text))
    assert found.text(f"{WSMAN}\\Client", "a") == "x"
    assert found.why(f"{WSMAN}\\Client") is None
    assert found.why(f"{WSMAN}\\Secret") == DENIED


def test_an_error_text_is_not_taken_into_the_value_before_it() -> None:
    assert read((Key(WSMAN),), Said(1, f"\r\n{FULL}\r\n    a    REG_SZ    x\r\n{REFUSED}")).text(WSMAN, "a") == "x"


def test_an_answer_that_never_came_is_unknown_with_its_reason() -> None:
    keys = (Key(WSMAN), Key("HKLM\\SYSTEM\\X"))
    found = read(keys, Unknown("access denied"), Said(1, ABSENT))
    assert found.why(WSMAN) == "access denied"
    assert found.why("hklm\\system\\x") is None


def test_what_lies_below_a_key_read_as_a_whole_needs_no_query_of_its_own() -> None:
    keys = (Key(f"{WSMAN}\\Service", deep=False), Key(f"{WSMAN}\\"), Key(f"{WSMAN.upper()}\\Client", contains=("x",)), Key(f"{WSMAN}2"))
    assert [key.path for key in reg_query.plan(keys)] == [WSMAN, f"{WSMAN}2"]


def test_wishes_for_one_key_are_one_query() -> None:
    assert reg_query.plan((Key(WSMAN, contains=("a",)), Key(WSMAN, contains=("b", "a")))) == (Key(WSMAN, contains=("a", "b")),)
    assert reg_query.plan((Key(WSMAN, contains=("a",)), Key(WSMAN))) == (Key(WSMAN),)
    shallow = (Key(WSMAN, deep=False), Key(f"{WSMAN}\\Service"))
    assert reg_query.plan(shallow) == shallow


def test_wishes_that_no_filter_can_join_are_two_queries_of_one_key() -> None:
    keys = (Key(WSMAN, contains=("a",)), Key(WSMAN, without=("b",)), Key(WSMAN, deep=False))
    assert reg_query.plan(keys) == keys
    assert len({command.id for command in reg_query.commands(keys)}) == 5
    found = read(keys, Said(0, f"{FULL}\r\n    a    REG_SZ    1\r\n"), Said(0, f"{FULL}\r\n    c    REG_SZ    2\r\n"), Unknown("too late"))
    assert [value.name for value in found.values(WSMAN)] == ["a", "c"]
    assert found.why(WSMAN) == "too late"


def test_a_filter_keeps_the_lines_of_keys_and_every_command_fits_into_a_batch() -> None:
    commands = reg_query.commands((Key("HKLM\\A", contains=("LPort=5985", "end\\")), Key("HKLM\\B", deep=False)))
    assert [one.line for one in commands[2:]] == [
        'reg query "HKLM\\A" /s | findstr /i /l /c:"HKEY_" /c:"LPort=5985" /c:"end\\\\"', 'reg query "HKLM\\B"',
    ]
    assert all(batch.is_fit(command) for command in commands)


def test_what_is_left_out_is_named_by_expressions() -> None:
    (command,) = reg_query.commands((Key("HKLM\\A", deep=False, without=("Dir=Out", "App=[^Ss]")),))[2:]
    assert command.line == 'reg query "HKLM\\A" | findstr /i /r /v /c:"Dir=Out" /c:"App=[^Ss]"'
    both = reg_query.plan((Key("HKLM\\A", without=("a", "b")), Key("HKLM\\A\\B", without=("a", "b", "c")), Key("HKLM\\A\\C")))
    assert [key.path for key in both] == ["HKLM\\A", "HKLM\\A\\C"]


def test_no_keys_need_no_commands() -> None:
    assert reg_query.commands(()) == ()
    assert reg_query.registry((), {}) == Registry()


def test_two_answers_that_show_the_same_key_are_joined() -> None:
    keys = (Key(WSMAN, contains=("a",)), Key(f"{WSMAN}\\Service", deep=False))
    found = read(keys, Said(0, f"{FULL}\\Service\r\n    a    REG_SZ    1\r\n"), Said(0, f"{FULL}\\Service\r\n    A    REG_SZ    1\r\n    b    REG_SZ    2\r\n"))
    assert [value.name for value in found.values(f"{WSMAN}\\service")] == ["a", "b"]


def test_an_error_text_behind_a_whole_value_is_not_part_of_it_even_where_all_went_well() -> None:
    text = f"\r\n{FULL}\r\n    ConfigXML    REG_SZ    <A x=\"1\">\r\n\r\n</A>\r\n\r\n{REFUSED}"
    assert read((Key(WSMAN),), Said(0, text)).text(WSMAN, "ConfigXML") == '<A x="1">\n\n</A>'
    assert read((Key(WSMAN),), Said(0, f"\r\n{FULL}\r\n    a    REG_SZ    x\r\n\r\n{REFUSED}")).text(WSMAN, "a") == "x"


def test_any_text_is_taken_without_an_error() -> None:
    for text in ("\x00" * 9, "    " * 999, f"{FULL}\r\n" * 3, "    a    REG_SZ    b", f"{FULL}\r\n    a    REG_DWORD    {'9' * 9999}", "HKEY_\\"):
        for code in (None, 0, 1, 5):
            read((Key(WSMAN), Key(f"{WSMAN}2", contains=("x",))), Said(code, text), Said(code, text))


def test_what_a_filter_leaves_out_is_not_taken_as_absent() -> None:
    key = Key("HKLM\\SOFTWARE\\Rules", deep=False, without=("Dir=Out",))
    text = "FINDSTR: Line 3 is too long.\r\n\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Rules\r\n    one    REG_SZ    v2.10|\r\n"
    found = read((key,), Said(0, text))
    assert found.text(key.path, "one") == "v2.10|"
    assert found.why(key.path) == "the host left out a part: findstr: line 3 is too long."
