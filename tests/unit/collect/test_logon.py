# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a logon is tried, and what is told of it where nothing is wrong."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect import attempt, logon
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import EndpointEvidence, NameEvidence, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import AttemptEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import alternate, from_params

ONE, OTHER = "192.0.2.10", "192.0.2.11"
HURRIED = "given up after 0.05 s, as port 5985 answers"


def row(port: int, state: str, address: str = ONE, detail: str = "") -> PortEvidence:
    return PortEvidence(address, port, state, 0.0, detail)


@pytest.mark.parametrize(
    ("rows", "address"),
    [
        pytest.param((row(5985, "open"), row(5986, "filtered"), row(5986, "open", OTHER)), OTHER, id="open on another address"),
        pytest.param((row(5985, "open"), row(5986, "filtered", detail="ETIMEDOUT")), "", id="silent"),
        pytest.param((row(5985, "open"), row(5986, "refused")), "", id="refused"),
        pytest.param((row(5985, "open"), row(5986, "filtered", detail=HURRIED)), ONE, id="nobody waited for it"),
        pytest.param((row(5985, "open"), row(5986, "refused"), row(5986, "filtered", OTHER, HURRIED)), ONE, id="nobody waited for one of two"),
        pytest.param((row(5985, "filtered"), row(445, "open", OTHER)), OTHER, id="not looked at"),
        pytest.param((row(5985, "filtered"),), "", id="nothing is open"),
        pytest.param((), "", id="nothing was looked at"),
    ],
)
def test_a_port_that_is_shut_is_not_tried_over_another_ones_address(rows: tuple[PortEvidence, ...], address: str) -> None:
    assert logon.address_for(EndpointEvidence("", "", Unknown("x"), ports=rows), 5986) == address


NAMES = NameEvidence("nosuch.lab.test", system=Unknown("EAI_NONAME"), dns=(), no_such_name=True)


@pytest.mark.parametrize(
    ("names", "rows", "why"),
    [
        (NAMES, (), "the name nosuch.lab.test does not exist"),
        (replace(NAMES, no_such_name=False), (), "the name nosuch.lab.test has no address (EAI_NONAME)"),
        (replace(NAMES, no_such_name=False, system=()), (), "the name nosuch.lab.test has no address"),
        (replace(NAMES, no_such_name=False, system=(ONE,)), (), "port 5985 does not answer"),
        (NameEvidence(ONE, is_address=True), (), "port 5985 does not answer"),
        (Unknown("x"), (row(5985, "filtered"),), "port 5985 does not answer"),
        (Unknown("x"), (row(5985, "refused"),), "port 5985 refuses connections"),
        (Unknown("x"), (row(5985, "refused"), row(5985, "filtered", OTHER)), "port 5985 does not answer"),
        (Unknown("x"), (row(5985, "unreachable", detail="EHOSTUNREACH"),), "port 5985 cannot be reached (EHOSTUNREACH)"),
    ],
)
def test_why_a_port_is_not_to_be_had_is_what_the_endpoint_says(names: t.Any, rows: tuple[PortEvidence, ...], why: str) -> None:
    seen = EndpointEvidence("", "", names, ports=rows)
    target = from_params({"host": "nosuch.lab.test", "port": 5985, "username": ".\\u", "password": "p", "auth": ["ntlm"]})
    found = logon.observe(target, seen, timeout=5, plan=logon.Plan(thorough=False), book=Book(os.getppid()))
    assert (found.attempts[0].reason, found.attempts[0].means) == ("not_reached", f"Not tried: {why}.")


def test_shut_port_costs_no_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a connect")

    monkeypatch.setattr(attempt, "Channel", never)
    seen = EndpointEvidence("", "", Unknown("x"), ports=(row(5985, "filtered", detail="ETIMEDOUT"), row(445, "open")))
    target = from_params({"host": "app03", "port": 5985, "username": ".\\u", "password": "p", "auth": ["ntlm"], "inventory_name": "app03"})
    found = logon.observe(target, seen, timeout=5, plan=logon.Plan(thorough=False), book=Book(os.getppid()))
    assert [(one.outcome, one.reason, one.means) for one in found.attempts][:1] == [("not_tried", "not_reached", "Not tried: port 5985 does not answer.")]


def test_an_alternate_way_of_the_inventorys_account_says_what_holds_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused is the account: another port does not give its password another turn."""
    target = from_params({"host": "app03", "port": 5985, "username": ".\\u", "password": "p", "auth": ["ntlm"], "inventory_name": "app03"})
    runs: list[str] = []

    def refused(self: attempt.Attempt) -> AttemptEvidence:
        runs.append(self.way.name)
        self.spent = True
        return self._evidence("refused", "No.", used=True)

    monkeypatch.setattr(attempt.Attempt, "run", refused)
    ways = (alternate(target, {"port": 15985, "name": "other port"}, 1), alternate(target, {"username": ".\\v", "password": "q"}, 2))
    seen = EndpointEvidence("", "", Unknown("x"), ports=(row(5985, "open"),))
    found = logon.observe(target, seen, timeout=5, plan=logon.Plan(thorough=False, alternates=ways), book=Book(os.getppid()))
    assert runs == ["", ".\\v over ntlm"]
    assert [(one.way, one.outcome, one.same_account, one.account) for one in found.attempts] == [
        ("", "refused", False, ".\\u"), ("other port", "not_tried", True, ".\\u"), (".\\v over ntlm", "refused", False, ".\\v"),
    ]
