# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ways are tried, in which order, and what the book is told: with a stand-in host, and a KDC that is played."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.account import account_of
from ansible_collections.winrm.doctor.plugins.module_utils.causes import logons
from ansible_collections.winrm.doctor.plugins.module_utils.collect import logon
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import EndpointEvidence, NameEvidence, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import LogonEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import Target, from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import methods
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ansible_collections.winrm.doctor.plugins.module_utils.wire.methods import LogonFailure
from cases import CHALLENGE, NOW, door
from hostile import Hostile
from lab.messages import Account, Windows
from test_logon_hostile import misbehaving, silent

PASSWORD = "a-password-of-the-lab"
HOST = Windows("WEB01", "LAB", "lab.test", accounts={"svc": Account(PASSWORD)})
USUAL = logon.Plan(thorough=False)


def visit(port: int, book: Book, *, windows: Windows = HOST, plan: logon.Plan = USUAL, **way: t.Any) -> tuple[LogonEvidence, Target]:
    given = {"host": "127.77.9.1", "inventory_name": "web01", "port": port, "scheme": "http", "auth": ["negotiate"]}
    target = from_params({**given, "username": "LAB\\svc", "password": PASSWORD, **way})
    opened = replace(door("http"), address="127.77.9.1", port=port, schemes=windows.schemes, challenge=CHALLENGE)
    ports = (PortEvidence("127.77.9.1", port, "open", 0.0),)
    seen = EndpointEvidence("2026-04-08T22:48:00Z", "here", NameEvidence("127.77.9.1", is_address=True), ports, (opened,))
    return logon.observe(target, seen, timeout=5, plan=plan, book=book, now=lambda: NOW), target


def again(book: Book) -> tuple[bool, bool, str]:
    """What the book says to the next host."""
    with book.permit(account_of("LAB\\svc", "web02", CHALLENGE), PASSWORD, where="web02", limit=1, deadline=Deadline(1)) as permit:
        return permit.granted, permit.proven, permit.reason


@pytest.fixture
def book() -> Book:
    return Book(os.getppid())


@pytest.fixture(autouse=True)
def no_kdc_to_ask_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "krb5.conf").write_text("[libdefaults]\n dns_lookup_kdc = false\n", encoding="utf-8")
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))


@pytest.fixture
def kdc(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[int], None]:
    """Kerberos at hand, and a KDC that answers with an error."""

    def answers(code: int) -> None:
        made = methods.method_for

        def method_for(method: str, *arguments: t.Any, **more: t.Any) -> methods.Method:
            if method == "kerberos":
                raise LogonFailure("kdc", "the KDC's words", code)
            return made(method, *arguments, **more)

        monkeypatch.setattr(deps, "speaks_kerberos", lambda: True)
        monkeypatch.setattr(methods, "method_for", method_for)

    return answers


def test_refusal_after_the_fallback_is_what_counts(book: Book, kdc: t.Callable[[int], None]) -> None:
    kdc(224)
    with Hostile(misbehaving(0, silent, HOST)) as server:
        found, target = visit(server.port, book, password="wrong")
    assert [(way.method, way.outcome) for way in found.attempts] == [("kerberos", "broken"), ("negotiate", "refused")]
    assert logons.own(Case(target.evidence(), logon=found)) is found.attempts[1]
    assert again(book) == (False, False, "refused_before")


def test_healthy_host_costs_one_logon(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "speaks_kerberos", lambda: False)
    with Hostile(misbehaving(0, silent, HOST)) as server:
        found, _target = visit(server.port, book)
    assert [(way.method, way.mechanism, way.outcome, way.own) for way in found.attempts] == [("negotiate", "ntlm", "accepted", True)]
    assert again(book) == (True, True, "")


@pytest.mark.parametrize("code", [7, 156, 37, 224], ids=["no SPN", "no KDC", "clock", "no realm"])
def test_kerberos_is_tried_openly_before_what_negotiate_falls_back_to(book: Book, kdc: t.Callable[[int], None], code: int) -> None:
    kdc(code)
    with Hostile(misbehaving(0, silent, HOST)) as server:
        found, target = visit(server.port, book)
    assert [(way.method, way.outcome) for way in found.attempts] == [("kerberos", "broken"), ("negotiate", "accepted")]
    assert found.attempts[0].failure is not None
    assert found.attempts[0].failure.code == code
    own = logons.own(Case(target.evidence(), logon=found))
    assert own is found.attempts[1], "the connection would have come in by NTLM"
    assert again(book) == (True, True, "")


def test_password_that_the_kdc_refused_is_not_tried_at_the_host(book: Book, kdc: t.Callable[[int], None]) -> None:
    kdc(24)
    with Hostile(misbehaving(0, silent, HOST)) as server:
        found, _target = visit(server.port, book)
        assert server.connections <= 1, "none for NTLM"
    assert [(way.method, way.outcome, way.used) for way in found.attempts] == [("kerberos", "broken", True), ("negotiate", "not_tried", False)]
    assert again(book) == (False, False, "refused_before")


def test_without_kerberos_at_hand_it_is_not_tried_unasked(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "speaks_kerberos", lambda: False)
    with Hostile(misbehaving(0, silent, HOST)) as server:
        found, _target = visit(server.port, book, plan=logon.Plan())
    assert [way.method for way in found.attempts] == ["negotiate"]


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ({"password": None, "auth": ["ntlm"]}, "no_password"), ({"username": None}, "no_password"), ({"auth": ["credssp"]}, "not_offered"),
        ({"auth": ["certificate"]}, "unsafe"), ({"auth": ["kerberos"]}, "no_library"),
    ],
)
def test_what_cannot_be_tried_says_why(book: Book, monkeypatch: pytest.MonkeyPatch, way: dict[str, t.Any], reason: str) -> None:
    monkeypatch.setattr(deps, "speaks_kerberos", lambda: False)
    with Hostile(misbehaving(0, silent, HOST)) as server:
        found, _target = visit(server.port, book, **way)
    assert (found.attempts[0].outcome, found.attempts[0].reason) == ("not_tried", reason)
    assert found.attempts[0].means.startswith("Not tried: ")
    assert again(book)[0]


def test_after_one_refusal_nothing_else_is_tried_with_the_account(book: Book) -> None:
    windows = replace(HOST, schemes=("Negotiate", "Basic"))
    with Hostile(misbehaving(0, silent, windows)) as server:
        found, _target = visit(server.port, book, windows=windows, password="wrong", auth=["ntlm", "basic"], plan=logon.Plan())
    assert [(way.method, way.outcome) for way in found.attempts] == [("ntlm", "refused"), ("basic", "not_tried")]
