# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows user name means to Kerberos."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory import tickets


@pytest.mark.parametrize(
    ("username", "realm", "principal", "shown"),
    [
        ("alice", "LAB.TEST", "alice@LAB.TEST", "alice@LAB.TEST"),
        ("LAB\\alice", "lab.test", "alice@LAB.TEST", "alice@LAB.TEST"),
        ("lab.test\\alice", "", "alice@LAB.TEST", "alice@LAB.TEST"),
        ("LAB\\alice", "", "", ""),
        ("alice@LAB.TEST", "LAB.TEST", "alice@LAB.TEST", "alice@LAB.TEST"),
        ("alice@lab.test", "LAB.TEST", "alice@LAB.TEST", "alice@LAB.TEST"),
        ("alice@lab.test", "", "alice@LAB.TEST", "alice@LAB.TEST"),
        ("alice@corp.example", "LAB.TEST", "alice@corp.example@LAB.TEST", "alice@corp.example"),
        ("alice", "", "", ""),
        ("", "LAB.TEST", "", ""),
        ("HOST$", "LAB.TEST", "HOST$@LAB.TEST", "HOST$@LAB.TEST"),
        ("odd/name@corp.example", "LAB.TEST", "odd\\/name@corp.example@LAB.TEST", "odd/name@corp.example"),
    ],
)
def test_principal_of_a_user_name(username: str, realm: str, principal: str, shown: str) -> None:
    found = tickets.principal_of(username, realm)
    assert found == principal
    if found:
        assert tickets.spelled(found) == shown
        assert tickets.is_enterprise(found) is ("corp" in username)


def test_escapes_are_undone() -> None:
    for name in ("plain", "a/b", "a\\b", "a\\/b", "\\\\"):
        assert tickets.unescaped(tickets.escaped(name)) == name


@pytest.mark.parametrize(
    ("username", "known", "realms"),
    [
        ("LAB\\alice", {"dns_domain": "lab.test", "netbios_domain": "LAB"}, ("LAB.TEST",)),
        ("lab\\alice", {"dns_domain": "corp.example", "netbios_domain": "LAB", "realms": ("LAB.TEST",)}, ("CORP.EXAMPLE",)),
        ("OTHER\\carol", {"dns_domain": "lab.test", "netbios_domain": "LAB", "realms": ("OTHER.TEST",)}, ("OTHER.TEST",)),
        ("OTHER\\carol", {"dns_domain": "lab.test", "netbios_domain": "LAB"}, ()),
        ("lab.test\\alice", {}, ("LAB.TEST",)),
        ("alice@lab.test", {"dns_domain": "lab.test", "netbios_domain": "LAB"}, ("LAB.TEST",)),
        ("alice@corp.example", {"dns_domain": "lab.test", "netbios_domain": "LAB"}, ("CORP.EXAMPLE", "LAB.TEST")),
        ("alice@LAB", {"dns_domain": "lab.test"}, ("LAB.TEST",)),
        ("alice", {"default_realm": "LAB.TEST"}, ("LAB.TEST",)),
        ("alice", {}, ()),
    ],
)
def test_realms_that_may_hold_an_account(username: str, known: dict[str, t.Any], realms: tuple[str, ...]) -> None:
    assert tickets.realms_of(username, **known) == realms
    assert tickets.realm_of(username, **known) == (realms[0] if realms else "")
