# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in command lines that somebody pastes."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import commands


@pytest.mark.parametrize("name", ["WEB01$", "svc-web", "svc_web.prod", "müller", "svc@lab.test"])
def test_plain_name_stays(name: str) -> None:
    assert commands.word(name) == name


@pytest.mark.parametrize("name", ["x state=absent spns=HOST/dc1", "a b", "a=b", 'a"b', "a'b", "$(reboot)", "WEB$HOME", "`x`", "a;b", "a\nb", "-Force", ""])
def test_what_could_be_more_than_a_name_is_left_out(name: str) -> None:
    assert commands.word(name) == "NAME"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("WSMAN/web01.lab.test", "WSMAN/web01.lab.test"), ("MSSQLSvc/db:1433", "MSSQLSvc/db:1433"), ("ldap/dc1/lab.test", "ldap/dc1/lab.test"),
        ("HTTP/x state=absent", "CLASS/HOST"), ("HTTP/$(x)", "CLASS/HOST"), ("-P/x", "CLASS/HOST"), ("x", "CLASS/HOST"),
    ],
)
def test_spn_in_a_command_line(text: str, shown: str) -> None:
    assert commands.spn(text) == shown
