# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attempt book: written before, shared by all workers, silent about passwords."""

from __future__ import annotations

import json
import os
import signal
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.account import Account, account_of
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import BOOK, Book
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from cases import CHALLENGE

SVC = account_of("LAB\\svc", "web01", CHALLENGE)
OTHER = account_of("LAB\\other", "web01", CHALLENGE)
LOCAL = account_of(".\\svc", "web01", CHALLENGE)


@pytest.fixture
def book() -> Book:
    return Book(os.getppid())


def ask(
    book: Book, account: Account = SVC, password: str = "secret", *, where: str = "web01", end: str = "", limit: int = 1, seconds: float = 2,
) -> tuple[t.Any, ...]:
    """One permit, ended as told; what it was."""
    with book.permit(account, password, where=where, limit=limit, deadline=Deadline(seconds)) as permit:
        if permit.granted and end:
            getattr(permit, end)()
        return permit.granted, permit.proven, permit.reason, permit.where


def in_child(work: t.Callable[[], t.Any]) -> t.Any:
    """What `work` returns in a forked process; None where it was killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    os.waitpid(pid, 0)
    return json.loads(told) if told else None


def test_accepted_password_is_used_freely(book: Book) -> None:
    assert ask(book, end="accepted") == (True, False, "", "")
    for _turn in range(3):
        assert ask(book, where="web02") == (True, True, "", "web01")


def test_refused_password_is_not_tried_again(book: Book) -> None:
    ask(book, end="refused")
    assert ask(book, where="web02") == (False, False, "refused_before", "web01")
    assert ask(book, password="another one") == (False, False, "refused_before", "web01"), "the lockout counter counts every wrong password"
    assert ask(book, OTHER)[0]
    assert ask(book, LOCAL)[0]


def test_use_without_an_answer_counts(book: Book) -> None:
    ask(book)
    assert ask(book, where="web02") == (False, False, "in_doubt", "web01")


def test_use_that_was_not_made_does_not_count(book: Book) -> None:
    ask(book, end="withdrawn")
    assert ask(book)[0]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_limit_is_kept(book: Book, limit: int) -> None:
    assert [ask(book, end="refused", limit=limit)[0] for _turn in range(limit + 2)] == [True] * limit + [False] * 2


def test_proof_of_one_password_proves_no_other(book: Book) -> None:
    ask(book, end="accepted")
    assert ask(book, password="another", end="refused") == (True, False, "", "")
    assert ask(book, password="a third")[2] == "refused_before"
    assert ask(book)[1], "what was accepted stays good"


def test_bare_name_counts_as_local_and_as_domain(book: Book) -> None:
    ask(book, account_of("svc", "web01", CHALLENGE), end="refused")
    assert not ask(book, SVC)[0]
    assert not ask(book, LOCAL)[0]


def test_bare_name_that_a_host_let_in_is_never_shown_to_a_kdc(book: Book) -> None:
    """It may be the host's own account, and the KDC would judge the password for the domain's."""
    either = account_of("svc", "web01", CHALLENGE)
    ask(book, either, end="accepted")
    with book.permit(either, "secret", where="the KDC of LAB.TEST", limit=1, deadline=Deadline(1), kdc=True) as permit:
        assert (permit.granted, permit.reason) == (False, "ambiguous")


def test_workers_share_the_book() -> None:
    book = Book(os.getpid())
    assert in_child(lambda: ask(book, end="refused")) == [True, False, "", ""]
    assert in_child(lambda: ask(book, where="web02")) == [False, False, "refused_before", "web01"]


def test_killed_worker_leaves_its_use_in_doubt_and_no_lock() -> None:
    book = Book(os.getpid())

    def die() -> None:
        with book.permit(SVC, "secret", where="web01", limit=1, deadline=Deadline(2)):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(die) is None
    assert in_child(lambda: ask(book, where="web02")) == [False, False, "in_doubt", "web01"]


def test_others_wait_for_the_first_outcome() -> None:
    book = Book(os.getpid())
    ready, go = os.pipe(), os.pipe()
    first = os.fork()
    if not first:
        with book.permit(SVC, "secret", where="web01", limit=1, deadline=Deadline(5)) as permit:
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            permit.accepted()
        os._exit(0)
    os.read(ready[0], 1)
    assert in_child(lambda: ask(book, where="web02", seconds=0.2)) == [False, False, "busy", ""]
    assert in_child(lambda: ask(book, OTHER, where="web02"))[0], "another account does not wait"
    os.write(go[1], b"x")
    assert in_child(lambda: ask(book, where="web03", seconds=5)) == [True, True, "", "web01"]
    os.waitpid(first, 0)


def test_many_workers_at_once_make_one_attempt() -> None:
    book = Book(os.getpid())
    reading, writing = os.pipe()
    children = []
    for number in range(20):
        pid = os.fork()
        if not pid:
            told = ask(book, where=f"web{number:02}", end="refused", seconds=20)
            os.write(writing, b"1" if told[0] else b"0")
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    assert sorted(os.read(reading, 100).decode()) == ["0"] * 19 + ["1"]


def test_book_that_was_not_inherited_permits_nothing() -> None:
    assert ask(Book(os.getpid())) == (False, False, "no_book", "")
    assert ask(BOOK)[2] == "no_book", "this process is the one that made it"


def test_no_password_stands_in_the_book(book: Book) -> None:
    ask(book, password="hunter2-correct-horse")
    text = os.pread(book._file, 10_000, 0)
    assert b'"svc"' in text
    assert b"hunter2" not in text


def test_book_has_no_name(book: Book) -> None:
    assert "deleted" in os.readlink(f"/proc/self/fd/{book._file}")


def test_line_that_is_being_written_is_not_read(book: Book) -> None:
    ask(book, end="refused")
    os.pwrite(book._file, b'{"number": 9, "user": "svc", "sta', os.fstat(book._file).st_size)
    assert ask(book)[2] == "refused_before"
    assert ask(book, OTHER, end="refused")[0]
    assert ask(book, OTHER)[2] == "refused_before", "what is written after a line that broke off is read"
