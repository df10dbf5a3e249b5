# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of a host's inside, whatever the host says."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence import base
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    ConfigEvidence,
    HostEvidence,
    PolicyValueEvidence,
    RuleEvidence,
    SettingEvidence,
    SystemEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.windows import httpsys, reg_query, times
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry


def test_evidence_comes_back_from_json_as_it_was() -> None:
    unset = PolicyValueEvidence("HKLM\\A", "b", None, "Nothing.")
    nowhere = RuleEvidence("R", profiles=())
    for one, kind in ((unset, PolicyValueEvidence), (nowhere, RuleEvidence)):
        assert base.decode(kind, base.encode(one)) == one
        assert base.decode(kind, base.encode(one, brief=True)) == one


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web01", "web01"), ("a\tb\r\nc", "a b  c"), ("\x1b[31mred", ".[31mred"), ("\u202eevil", ".evil"), ("\u00a0\u2028", "  "), ("é 中", "é 中"),
        ("x" * base.LONGEST, "x" * base.LONGEST), ("x" * 100_000, "x" * (base.LONGEST - 1) + "…"),
    ],
)
def test_texts_of_a_host_are_fit_to_be_shown(text: str, shown: str) -> None:
    raw = HostEvidence("now", "here", config=ConfigEvidence((SettingEvidence("a", text), SettingEvidence("b", "ok"))), system=Unknown(text))
    made = base.presentable(raw)
    assert isinstance(made.config, ConfigEvidence)
    assert (made.config.settings[0].value, made.system) == (shown, Unknown(shown))
    assert made.config.settings[1] is t.cast(ConfigEvidence, raw.config).settings[1]


def test_evidence_that_is_fit_to_be_shown_stays_the_same_object() -> None:
    usual = HostEvidence("now", "here", system=SystemEvidence(name="WEB01"))
    assert base.presentable(usual) is usual


def takes(work: t.Callable[[], object]) -> float:
    """Seconds of this process: the least of three turns."""
    turns = []
    for _turn in range(3):
        began = time.process_time()
        work()
        turns.append(time.process_time() - began)
    return min(turns)


@pytest.mark.parametrize(
    ("work", "piece"),
    [
        (reg_query.parse, "\r"), (reg_query.parse, "\r\n"),
        (lambda text: reg_query.parse(f"HKEY_LOCAL_MACHINE\\A\n    a    REG_SZ    {text}" + "\nx" * len(text)), " "),
        (times._SAMPLE.findall, "\n"), (times._SAMPLE.findall, " \n"), (httpsys._SDDL.findall, "D:("),
        (lambda text: httpsys._ADDRESS.match(f" {text}g"), ":"),
    ],
)
def test_time_grows_with_the_length_of_what_a_host_says_and_not_with_its_square(work: t.Callable[[str], object], piece: str) -> None:
    """A hundred times the text takes a hundred times as long, or ten thousand times; the line is drawn between."""
    short, long = piece * (2000 // len(piece)), piece * (200_000 // len(piece))
    assert takes(lambda: work(long)) <= 100 * 20 * max(takes(lambda: work(short)), 1e-5)


def test_many_keys_are_looked_through_once() -> None:
    def asks(count: int) -> t.Callable[[], object]:
        keys: dict[str, tuple[t.Any, ...]] = {f"hklm\\a\\k{number}\\x": () for number in range(count)}
        made = Registry(keys, {key: key.upper() for key in keys}, {f"hklm\\b\\{number}": "gone" for number in range(count)})
        return lambda: (made.subkeys("HKLM\\A"), [made.why(f"HKLM\\B\\{number}\\below") for number in range(count)])

    assert takes(asks(10_000)) <= 100 * 20 * max(takes(asks(100)), 1e-5)
    assert Registry({"hklm\\a\\k\\x": ()}, {"hklm\\a\\k\\x": "HKLM\\A\\K\\X"}).subkeys("hklm\\a") == ("K",)


@pytest.mark.parametrize("text", ["0x" + "F" * 5000, "9" * 4299, "0x" + "f" * 41])
def test_a_number_without_end_stays_text(text: str) -> None:
    assert reg_query.value_of("a", "REG_DWORD", text).data == text
    assert Registry({"hklm\\a": (reg_query.value_of("a", "REG_DWORD", text),)}).text("HKLM\\A", "a") == text
