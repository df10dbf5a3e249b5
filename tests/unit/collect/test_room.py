# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether one more wrong password would lock the account: what is read, and what it comes to."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.account import account_of
from ansible_collections.winrm.doctor.plugins.module_utils.collect import directory, room
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Known, Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import (
    NO_SUCH_ACCOUNT,
    AccountEvidence,
    DirectoryEvidence,
    DomainControllerEvidence,
    PolicyEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ClockEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from cases import CHALLENGE

NOON = 1_772_366_400.0
"""2026-03-01T12:00:00Z."""
POLICY = PolicyEvidence("Default Domain Policy", 3, lockout_minutes=30, observation_minutes=30)
SERVICES = replace(POLICY, name="Services", lockout_threshold=10)
USER = AccountEvidence(
    "user07", "CN=user07", domain="lab.test", bad_passwords=2, bad_passwords_at="dc1.lab.test", last_bad_password="2026-03-01T11:50:10Z", policy=POLICY,
)
READER = Domain(username="reader@lab.test", password="r")


def test_sentence_says_what_was_read_and_what_to_do() -> None:
    assert room.full(USER, NOON) == (
        'Not tried: badPwdCount of user07 is 2 at dc1.lab.test, and the policy "Default Domain Policy" locks at 3 within 30 minutes; one more wrong password '
        "would lock the account. Wait until 12:21 UTC, prove the password elsewhere, or set attempts to 2."
    )


@pytest.mark.parametrize(
    ("seen", "allowed"),
    [
        pytest.param({}, False, id="one from the threshold"),
        pytest.param({"bad_passwords": 1}, True, id="two from the threshold"),
        pytest.param({"bad_passwords": 0, "last_bad_password": None}, True, id="never failed"),
        pytest.param({"bad_passwords": 5}, False, id="beyond a threshold that was lowered"),
        pytest.param({"policy": replace(POLICY, lockout_threshold=0)}, True, id="nobody is locked"),
        pytest.param({"policy": replace(POLICY, lockout_threshold=1), "bad_passwords": 0}, False, id="the first one locks"),
        pytest.param({"last_bad_password": "2026-03-01T11:30:00Z"}, True, id="the window has passed"),
        pytest.param({"last_bad_password": "2026-03-01T11:30:01Z"}, False, id="the window has nearly passed"),
        pytest.param({"last_bad_password": "2026-03-01T11:00:00Z", "policy": replace(POLICY, observation_minutes=0)}, False, id="the window is not told"),
        pytest.param({"last_bad_password": None}, False, id="the time is not told"),
        pytest.param({"policy": SERVICES}, True, id="a policy of its own leaves room"),
        pytest.param({"policy": SERVICES, "bad_passwords": 9}, False, id="a policy of its own leaves none"),
        pytest.param({"policy": replace(POLICY, sure=False)}, False, id="a policy of its own may be hidden"),
        pytest.param({"locked": True, "bad_passwords": 3}, True, id="locked already, which the KDC will say"),
        pytest.param({"locked": Unknown("x")}, False, id="whether it is locked is not known"),
        pytest.param({"bad_passwords": Unknown("x")}, True, id="the counter cannot be read"),
        pytest.param({"policy": Unknown("x")}, True, id="the policy cannot be read"),
    ],
)
def test_password_is_used_where_two_more_failures_do_no_harm(seen: dict[str, t.Any], allowed: bool) -> None:
    assert (room.full(replace(USER, **seen), NOON) == "") == allowed


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"last_bad_password": "2026-03-01T11:59:00Z", "policy": replace(POLICY, observation_minutes=1440)}, "Wait until 2026-03-02 11:59 UTC, prove"),
        ({"last_bad_password": None}, "would lock the account. Prove the password elsewhere, or set attempts to 2."),
        ({"policy": replace(POLICY, lockout_threshold=1), "bad_passwords": 0}, "one more wrong password would lock the account. Prove"),
        ({"policy": replace(POLICY, sure=False)}, "(unless a password settings object is in force in its place, which the account that reads may not see)"),
        ({"bad_passwords_at": ""}, "is 2 at the PDC emulator"),
        ({"policy": replace(POLICY, observation_minutes=0.5)}, "locks at 3 within 0.5 minutes"),
    ],
)
def test_sentence_fits_the_case(seen: dict[str, t.Any], words: str) -> None:
    assert words in room.full(replace(USER, **seen), NOON - 600)


@pytest.mark.parametrize(
    ("domain", "username", "limit", "reads"),
    [
        (READER, "LAB\\svc", 1, True),
        (replace(READER, password=None), "LAB\\svc", 1, True),
        (READER, "LAB\\svc", 2, False),
        (Domain(), "LAB\\svc", 1, False),
        (READER, "lab\\Reader", 1, False),
        (replace(READER, username="OTHER\\svc"), "svc@lab.test", 1, False),
    ],
    ids=["another account", "its ticket", "two failures are allowed", "nobody", "the same account", "a namesake, under the same lock"],
)
def test_who_reads(domain: Domain, username: str, limit: int, reads: bool) -> None:
    assert room.reads(domain, account_of(username, "web01", CHALLENGE), limit) == reads


@pytest.mark.parametrize(
    ("account", "ahead", "allowed"),
    [
        (USER, 0.0, False),
        (USER, 1300.0, True),
        (replace(USER, bad_passwords=1), 0.0, True),
        (Unknown("dc1 refused the connection"), 0.0, True),
        (NO_SUCH_ACCOUNT, 0.0, True),
    ],
    ids=["no room", "by the domain's clock the window has passed", "room", "not read", "not found"],
)
def test_look_is_short_and_goes_by_the_domains_clock(
    monkeypatch: pytest.MonkeyPatch, account: Known[AccountEvidence], ahead: float, allowed: bool,
) -> None:
    asked: list[t.Any] = []

    def observe(target: t.Any, domain: Domain, seen: t.Any, *, timeout: float, plan: directory.Plan, **_more: t.Any) -> DirectoryEvidence:
        asked.append((domain, timeout <= 3, plan.subsets, plan.limit))
        clocks = (ClockEvidence("kdc", ahead, 0.1), ClockEvidence("ldap", ahead + 5000, 0.5))
        there = DomainControllerEvidence("dc1.lab.test", clocks=clocks, domain="lab.test")
        return DirectoryEvidence("", "", "lab.test", account=account, controllers=(there,))

    monkeypatch.setattr(directory, "observe", observe)
    target = from_params({"host": "web01", "username": "user07@lab.test", "password": "wrong"})
    said = room.look(target, READER, None, Book(os.getppid()), Deadline(60), now=lambda: NOON)
    assert (said == "") == allowed
    assert asked == [(READER, True, frozenset(("controllers", "account")), 1)]
