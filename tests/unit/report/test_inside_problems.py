# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not fit inside one host, in one list."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import SUBSETS, ChannelEvidence, GateEvidence, HostEvidence, ServiceEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.report.inside_problems import problems
from host_cases import MEMBER, WORKGROUP, access, certificates, firewall, inside, listeners, passage, problem

HEALTHY = inside()
TIME = HEALTHY.time
GOOD = ServiceEvidence("WinRM", "running", "auto")


def kinds(seen: HostEvidence, port: int = 5986) -> list[tuple[str, str]]:
    found = problems(seen, port)
    assert all(one["means"].endswith(".") and not one["means"].endswith("..") for one in found)
    return [(one["subset"], one["kind"]) for one in found]


def test_a_healthy_host_has_none() -> None:
    assert kinds(HEALTHY) == []


@pytest.mark.parametrize(("changes", "expected"), [
    ({"listeners": listeners(problems=(problem("deaf", "*+HTTP", "It is bound to no address."),))}, ("listeners", "deaf")),
    ({"certificates": certificates(problems=(problem("expired", "AB", "It expired"),))}, ("certificates", "expired")),
    ({"service": (replace(GOOD, start_mode="manual"),)}, ("service", "start_mode")),
    ({"service": (GOOD, ServiceEvidence("RpcSs", "stop_pending", "auto"))}, ("service", "not_running")),
    ({"firewall": firewall(passage("blocked", why="No rule lets it in."))}, ("firewall", "blocked")),
    ({"firewall": firewall(passage("narrowed", why="Only from there.", admits=False))}, ("firewall", "narrowed")),
    ({"access": replace(access(), gates=(GateEvidence("connection", "refused", "RootSDDL refuses."),))}, ("access", "refused")),
    ({"domain": replace(MEMBER, secure_channel=ChannelEvidence(1787, "", "", "The domain has no account for the host."))}, ("domain", "secure_channel")),
    ({"domain": replace(MEMBER, controller=ChannelEvidence(1355))}, ("domain", "controller")),
    ({"time": replace(TIME, synchronised=False)}, ("time", "not_synchronised")),
])
def test_what_does_not_fit_is_told_once(changes: dict[str, object], expected: tuple[str, str]) -> None:
    assert kinds(replace(HEALTHY, **changes)) == [expected]


@pytest.mark.parametrize("changes", [
    {"firewall": firewall(passage("blocked", port=5985))}, {"firewall": firewall(passage("blocked", active=Unknown("not told")))},
    {"firewall": firewall(passage("narrowed", admits=Unknown("not told")))}, {"firewall": firewall(passage("narrowed", admits=True))},
    {"time": replace(TIME, synchronised=False), "domain": WORKGROUP}, {"service": (replace(GOOD, state=""),)},
    {"service": (GOOD, ServiceEvidence("W32Time", "stopped", "manual"))},
])
def test_what_is_not_known_or_does_not_matter_is_no_problem(changes: dict[str, object]) -> None:
    assert kinds(replace(HEALTHY, **changes)) == []


def test_a_host_that_may_not_be_read_has_none() -> None:
    assert kinds(replace(HEALTHY, **dict.fromkeys(SUBSETS, Unknown("access denied")))) == []
