# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet: what counts as a change, what a file keeps, what only many hosts together tell."""

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.report import fleet
from ansible_collections.winrm.doctor.plugins.module_utils.report.result import result_of
from ansible_collections.winrm.doctor.plugins.module_utils.report.store import keep
from cases import NOW, case, silent

NOON, LATER = "2026-04-08T12:00:00Z", "2026-04-09T12:00:00Z"
CLEAR = result_of(case(), NOW, "never")
REFUSED = result_of(silent("refused"), NOW, "never")
SILENT = result_of(silent(also={445: "open"}), NOW, "never")


def hosts(when: str = NOON, **results: t.Any) -> fleet.Hosts:
    return {name: fleet.entry(result, when) for name, result in results.items()}


def test_entries() -> None:
    seen = hosts(a=CLEAR, b=REFUSED, c={"failed": True, "msg": "no such option"}, d=None, e={"skipped": True})
    assert [host["status"] for host in seen.values()] == ["clear", "trouble", "failed", "missing", "missing"]
    assert seen["c"]["msg"] == "no such option"
    assert seen["e"]["msg"] == "No diagnosis was made: the task was skipped for this host."
    assert "evidence" in seen["b"]
    assert "evidence" not in seen["a"], "a healthy host's evidence would only make the file large"


def test_summary_counts_hosts_and_first_causes() -> None:
    told = fleet.summary(hosts(a=CLEAR, b=REFUSED, c=SILENT, d=None))
    assert told == {"hosts": {"trouble": 2, "clear": 1, "unproven": 0, "failed": 0, "missing": 1}, "causes": {"firewall": 1, "service_config": 1}}


def test_file_is_written_once_and_then_only_on_change(tmp_path: Path) -> None:
    path = str(tmp_path / "report.json")
    assert keep(path, hosts(a=CLEAR, b=REFUSED), NOON, False)["changed"] is True
    written = (tmp_path / "report.json").read_bytes()
    assert keep(path, hosts(LATER, a=CLEAR, b=REFUSED), LATER, False)["changed"] is False
    assert (tmp_path / "report.json").read_bytes() == written
    changed = keep(path, hosts(LATER, b=SILENT), LATER, False)
    assert changed["changed"] is True
    assert changed["diff"]["before"] == "a: clear\nb: service_config/refused likely\n"
    assert changed["diff"]["after"] == "a: clear\nb: firewall/dropped possible; service_config/silent possible\n"
    kept = json.loads((tmp_path / "report.json").read_text())["hosts"]
    assert (kept["a"]["seen_at"], kept["b"]["seen_at"]) == (NOON, LATER), "a host that was not asked keeps its own time"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"], "nothing is left behind"


def test_host_without_a_diagnosis_takes_none_away(tmp_path: Path) -> None:
    path = str(tmp_path / "report.json")
    keep(path, hosts(a=REFUSED), NOON, False)
    assert keep(path, hosts(LATER, a=None), LATER, False)["changed"] is False
    assert keep(path, hosts(LATER, a={"failed": True, "msg": "no"}), LATER, False)["changed"] is True, "a failed diagnosis is news"


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    assert keep(str(tmp_path / "report.json"), hosts(a=CLEAR), NOON, True)["changed"] is True
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"generator": "winrm.doctor", "format": 99, "hosts": {}}', "nonsense"])
def test_foreign_file_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(DoctorError, match="Move it away, or name another file"):
        keep(str(tmp_path / "report.json"), hosts(a=CLEAR), NOON, False)
    assert (tmp_path / "report.json").read_text() == text


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DoctorError, match=f"Create {tmp_path}/nowhere, or name another file"):
        keep(f"{tmp_path}/nowhere/report.json", hosts(a=CLEAR), NOON, False)


def clocked(offset: float) -> dict[str, t.Any]:
    return {"findings": [], "evidence": {"endpoint": {"doors": [{"clocks": [{"source": "ntlm", "offset": offset, "uncertainty": 0.1}]}]}}}


@pytest.mark.parametrize(
    ("offsets", "told"),
    [((900, 905, 890, 0), True), ((900, 905), False), ((900, 0, 0, 1), False), ((1, 2, 3), False), ((900, -900, 300), False)],
)
def test_offset_that_most_hosts_share_points_to_this_machine(offsets: tuple[float, ...], told: bool) -> None:
    found = fleet.hints({f"host{number}": clocked(float(offset)) for number, offset in enumerate(offsets)})
    assert bool(found) is told
    if told:
        assert "suspect this control node's own clock first" in found[0]
