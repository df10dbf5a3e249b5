# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a domain's many controllers are looked at."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect import controllers
from ansible_collections.winrm.doctor.plugins.module_utils.collect.controllers import Listing, Seen
from ansible_collections.winrm.doctor.plugins.module_utils.collect.sites import Site
from ansible_collections.winrm.doctor.plugins.module_utils.directory import locate
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import FILTERED, OPEN, REFUSED, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline

State = t.Callable[[str, int], str]


def look(monkeypatch: pytest.MonkeyPatch, count: int, state: State) -> tuple[list[Seen], list[str], list[int]]:
    """What is seen of 10.9.0.1 and its fellows, whom anybody talked to, and how many connects each sweep made."""
    talked: list[str] = []
    sweeps: list[int] = []

    def sweep(places: t.Sequence[tuple[str, int]], _seconds: float, _enough: t.Any) -> list[PortEvidence]:
        sweeps.append(len(places))
        return [PortEvidence(address, port, state(address, port), 0.1) for address, port in places]

    monkeypatch.setattr(controllers, "sweep", sweep)
    monkeypatch.setattr(controllers._Visit, "_talk", lambda visit, controller: talked.append(controller.address))
    found = tuple(locate.Found(f"10.9.0.{number}", ("dns",)) for number in range(1, count + 1))
    return controllers.look_at(Listing("lab.test", found, ()), Domain(), "svc", Deadline(5), 1.0), talked, sweeps


def far(*near: int) -> State:
    """Everybody is out of reach but these."""
    return lambda address, _port: OPEN if int(address.rpartition(".")[2]) in near else FILTERED


@pytest.mark.parametrize(
    ("count", "near", "expected"),
    [
        (3, (1, 2, 3), [1, 2, 3]), (4, (4,), [4]), (12, (7, 9), [7, 9]), (12, tuple(range(1, 13)), [1, 2, 3, 4]), (12, (2, 3, 10, 11, 12), [2, 3, 10, 11]),
        (30, (16, 20), [16]), (12, (), []),
    ],
)
def test_controllers_that_answer_are_looked_at(monkeypatch: pytest.MonkeyPatch, count: int, near: tuple[int, ...], expected: list[int]) -> None:
    seen, talked, sweeps = look(monkeypatch, count, far(*near))
    assert sorted(talked, key=lambda address: int(address.rpartition(".")[2])) == [f"10.9.0.{number}" for number in expected]
    assert len(seen) == count
    assert sum(sweeps) <= 16 * 2 + 4 * 3, "no more than anybody would notice"
    for one in seen:
        assert one.opens(3268) is (one.evidence.address in talked)


def test_those_that_answer_come_before_those_that_are_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _talked, _sweeps = look(monkeypatch, 12, far(7, 9))
    assert [one.evidence.name for one in seen if one.opens(389)] == ["10.9.0.7", "10.9.0.9"]
    site = Site("lab.test", Listing("lab.test", (), ()), seen)
    why = "no controller of lab.test answers on port 636: 10.9.0.1, 10.9.0.2, 10.9.0.7, 10.9.0.9 (of 12 known)"
    assert site.why_silent(636) == why, "those of which that port was tried"


def test_controller_that_has_both_ports_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    _seen, talked, _sweeps = look(monkeypatch, 6, lambda address, port: OPEN if port == 88 or address in ("10.9.0.5", "10.9.0.6") else REFUSED)
    assert {"10.9.0.5", "10.9.0.6"} < set(talked)
