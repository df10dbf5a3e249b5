# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may open which shell on a host of the lab."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from lab.inside import profiles
from lab.inside.model import Shell
from lab.logon.rights import check
from lab.logon.soap import Fault, Message
from lab.messages import Account, Windows

CMD = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
POWERSHELL = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
ADMIN, USER = Account("x"), Account("x", groups="remote_management_users")
ACCOUNTS = {"admin": ADMIN, "user": USER}
FULL = replace(profiles.fresh(), shells=(Shell("LAB\\user"),))


@pytest.mark.parametrize(
    ("windows", "account", "resource", "code"),
    [
        ({}, USER, POWERSHELL, None),
        ({}, USER, CMD, 5),
        ({"powershell_for": "administrators"}, USER, POWERSHELL, 5),
        ({"powershell_for": "administrators"}, ADMIN, POWERSHELL, None),
        ({"plugin_enabled": False}, ADMIN, POWERSHELL, 2150859235),
        ({"plugin_enabled": False}, ADMIN, CMD, None),
        ({"quota": "shells", "inside": FULL}, USER, POWERSHELL, 2150859173),
        ({"quota": "shells", "inside": FULL}, ADMIN, POWERSHELL, None),
        ({"quota": "plugin_shells", "inside": FULL}, ADMIN, POWERSHELL, 2150859236),
    ],
)
def test_shell_is_opened_or_refused(windows: dict[str, t.Any], account: Account, resource: str, code: int | None) -> None:
    host = Windows("WEB01", "LAB", "lab.test", accounts=ACCOUNTS, **windows)
    create = Message("http://schemas.xmlsoap.org/ws/2004/09/transfer/Create", resource=resource)
    if code is None:
        check(host, account, create)
        return
    with pytest.raises(Fault) as refused:
        check(host, account, create)
    assert refused.value.number == code
