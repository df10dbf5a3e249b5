# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry value by value, where no command may be run."""

from __future__ import annotations

import typing as t

from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED
from ansible_collections.winrm.doctor.plugins.module_utils.windows import firewall, policy, reg_fallback
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Key
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Value
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import WsmanError

LSA = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa"
HERE = Circumstances(at=0, host="web01", port=5985, scheme="http")


class Refused(WsmanError):
    denied = True


class Host:
    """A registry in a dictionary; keys in `refused` may not be read, at `dies` the connection ends."""

    def __init__(self, keys: t.Mapping[str, t.Mapping[str, tuple[str, t.Any]]], refused: t.Sequence[str] = (), dies: str = "-") -> None:
        self.keys, self.refused, self.dies = {key.lower(): values for key, values in keys.items()}, [key.lower() for key in refused], dies.lower()
        self.asked: list[str] = []

    def values(self, key: str) -> tuple[tuple[str, int], ...] | None:
        self.asked.append(key)
        if key.lower() in self.refused:
            raise Refused("no")
        if key.lower() == self.dies:
            raise WsmanError("the host closed the connection")
        found = self.keys.get(key.lower())
        return None if found is None else tuple((name, 4) for name in found)

    def value(self, key: str, name: str) -> tuple[str, t.Any] | None:
        self.asked.append(f"{key}:{name}")
        return self.keys[key.lower()].get(name)


LEVEL = {"LmCompatibilityLevel": ("REG_DWORD", 5), "Other": ("REG_SZ", "x")}


def test_only_values_that_are_wanted_and_there_are_asked_for() -> None:
    host = Host({LSA: LEVEL, f"{LSA}\\MSV1_0": {"Names": ("REG_MULTI_SZ", ["a", "b"])}})
    found = reg_fallback.read(host, (Key(LSA, values=("LmCompatibilityLevel", "ForceGuest", "MSV1_0\\Names")), Key("HKLM\\Absent", values=("a",))))
    assert host.asked == [LSA, f"{LSA}:LmCompatibilityLevel", f"{LSA}\\MSV1_0", f"{LSA}\\MSV1_0:Names", "HKLM\\Absent"]
    assert found.values(LSA) == (Value("LmCompatibilityLevel", "REG_DWORD", 5),)
    assert found.strings(f"{LSA}\\MSV1_0", "names") == ("a", "b")
    assert not found.has("HKLM\\Absent")
    assert found.why("HKLM\\Absent") is None


def test_a_key_that_names_no_values_stays_unknown_unless_another_wish_does() -> None:
    found = reg_fallback.read(Host({LSA: LEVEL}), (Key(LSA), Key("HKLM\\Big", contains=("x",)), Key(LSA, values=("LmCompatibilityLevel",))))
    assert found.why("HKLM\\Big\\Below") == reg_fallback.TOO_MUCH
    assert found.number(LSA, "LmCompatibilityLevel") == 5
    assert found.why(LSA) is None


def test_a_refusal_costs_one_key() -> None:
    keys = (Key("HKLM\\A", values=("a",)), Key(LSA, values=("LmCompatibilityLevel",)))
    found = reg_fallback.read(Host({"HKLM\\A": {}, LSA: LEVEL}, refused=["HKLM\\A"]), keys)
    assert found.why("HKLM\\A") == DENIED
    assert found.number(LSA, "LmCompatibilityLevel") == 5


def test_a_connection_that_ends_keeps_what_was_read() -> None:
    keys = tuple(Key(path, values=("LmCompatibilityLevel",)) for path in (LSA, "HKLM\\A", "HKLM\\B"))
    host = Host({LSA: LEVEL, "HKLM\\B": LEVEL}, dies="HKLM\\A")
    found = reg_fallback.read(host, keys)
    assert found.number(LSA, "LmCompatibilityLevel") == 5
    assert found.why("HKLM\\A") == found.why("HKLM\\B") == "the host closed the connection"
    assert "HKLM\\B" not in host.asked


def test_nothing_is_asked_once_the_time_is_used_up() -> None:
    host = Host({LSA: LEVEL})
    assert reg_fallback.read(host, (Key(LSA, values=("LmCompatibilityLevel",)),), enough=lambda: True).why(LSA) == reg_fallback.NO_TIME
    assert host.asked == []


def test_a_diagnosis_asks_for_what_decides_and_no_key_in_part() -> None:
    many = dict.fromkeys(("a", "b", "c", "d"), ("REG_DWORD", 1))
    keys = tuple(Key(path, values=("a", "b", "c", "d")) for path in ("HKLM\\A", "HKLM\\B", "HKLM\\C", LSA))
    host = Host({"HKLM\\A": many, "HKLM\\B": many, "HKLM\\C": {}, LSA: many})
    found = reg_fallback.read(host, keys, most=12)
    assert len(host.asked) == 12
    assert host.asked[0] == LSA
    assert (found.number(LSA, "d"), found.number("HKLM\\A", "d"), found.has("HKLM\\C")) == (1, 1, True)
    assert (found.has("HKLM\\B"), found.why("HKLM\\B")) == (False, reg_fallback.TOO_MANY.format(12))


def test_rules_of_the_firewall_count_as_unread_and_its_profiles_as_read() -> None:
    found = reg_fallback.read(Host({f"{firewall.STORE}\\PublicProfile": {"EnableFirewall": ("REG_DWORD", 0)}}), firewall.needs(HERE).keys)
    assert found.why(f"{firewall.STORE}\\FirewallRules") == found.why(f"{firewall.POLICIES}\\FirewallRules") == reg_fallback.TOO_MUCH
    assert found.why(f"{firewall.STORE}\\PublicProfile") is None
    assert found.why(f"{firewall.POLICIES}\\PublicProfile") is None


def test_policies_cost_a_bearable_number_of_questions() -> None:
    host = Host({})
    reg_fallback.read(host, policy.needs(HERE).keys)
    assert len(host.asked) < 20
