# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts whose inside refuses, lies, stammers, stalls or dies while it is read: what was read is kept, the rest says why, and it ends in time."""

from __future__ import annotations

import functools
import json
import os
import random
import re
import socket
import time
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.account import account_of
from ansible_collections.winrm.doctor.plugins.module_utils.collect import host, logon
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.collect.inside import CMD, CONFIG, MOST_BYTES, TOO_MUCH, together
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import EndpointEvidence, HttpEvidence, NameEvidence, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    DENIED,
    SUBSETS,
    ChannelEvidence,
    HostEvidence,
    LimitsEvidence,
    MembershipEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import ACCEPTED, LegEvidence, LogonEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.windows import reg_query
from ansible_collections.winrm.doctor.plugins.module_utils.wire.channel import REPLY
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, WireReset
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import MOST_AGAIN, Answer
from ansible_collections.winrm.doctor.plugins.modules import host_info
from cases import CHALLENGE, NOW, door
from host_material import here
from hostile import Hostile
from lab.framing import frame
from lab.inside.model import Inside
from lab.logon import converse
from lab.logon.journal import Journal
from lab.messages import Account, Response, Windows
from mutations import MUTATIONS, said, said_otherwise, saying
from scripted import Wire
from test_logon_hostile import read_request
from visits import ACCOUNT, PASSWORD, Twist, Visited, between, inside, is_sound, look, read, short, unknowns

SLACK = 5.0
"""Seconds that a loaded machine may add to a deadline."""
NEEDS = together(FILE.needs(here(user=ACCOUNT, netbios_domain="LAB")) for FILE in host.FILES.values())
KEYS = tuple(dict.fromkeys(key.path for key in reg_query.plan(NEEDS.keys)))
PROGRAMS = tuple(sorted({command.line.split()[0].lower() for command in NEEDS.commands}))
DOORS = {
    "config": (CONFIG, {"mappings"}), "config/listener": (f"{CONFIG}/listener", set()),
    "config/service/certmapping": (f"{CONFIG}/service/certmapping", {"mappings"}), "shell": ("winrm/shell", {"limits.shells", "limits.own_shells"}),
    "wmi/root/cimv2": ("WMI root/cimv2", {"listeners.addresses"}), "wmi/root/standardcimv2": ("WMI root/StandardCimv2", {"firewall.networks"}),
    "cmd": (CMD, {"tickets", "time.source", "domain.secure_channel"}),
}
"""What is refused: how it is told, and what is `access denied` for it."""
MANNERS: dict[str, dict[str, t.Any]] = {
    "code 5": {}, "an HRESULT": {"manner": {"denied": "hresult"}}, "an error of WMI": {"manner": {"denied": "wmi"}},
    "WMI's own code": {"manner": {"wmi_denied": "provider"}}, "WMI that refuses the connection": {"manner": {"wmi_denied": "connect"}},
    "German": {"language": "de"},
}


@functools.cache
def usual(language: str = "en") -> frozenset[tuple[str, str]]:
    """What is unknown of a host that hides nothing."""
    return frozenset(unknowns(look(Visited(inside(language=language)))))


def lost(evidence: HostEvidence, language: str = "en") -> dict[str, str]:
    """What is unknown because of what a test did."""
    return dict(set(unknowns(evidence)) - usual(language))


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("closed", DOORS)
def test_a_door_that_is_shut_is_told_once_and_costs_only_what_lies_behind_it(closed: str, manner: str) -> None:
    told, behind = DOORS[closed]
    visited = Visited(inside(forbidden=(closed,), **MANNERS[manner]))
    evidence = look(visited)
    gone = lost(evidence, "de" if manner == "German" else "en")
    assert evidence.denied == (told,)
    assert behind <= {where for where, why in gone.items() if why == DENIED}
    # Commands have no other way but the shell; everything else has one, or is a part of its subset.
    whole = {"tickets", "certificates"} if closed == "cmd" else {name for name in behind if "." not in name}
    assert read(evidence) == {"system", *SUBSETS} - whole
    assert evidence.gaps == ()
    assert visited.open_shells == 0
    is_sound(evidence)


@pytest.mark.parametrize(
    "closed", ["Get config", "Enumerate config/listener", "Enumerate windows/shell", "Create windows/shell/cmd", "Enumerate wmi/root/cimv2/*"],
)
def test_a_door_that_is_shut_with_401_is_shut_too(closed: str) -> None:
    """A host that forgets the logon with each refusal: an empty 401 in mid-session."""
    evidence = look(Visited(inside(), lambda _number, asked, status, message: (401, b"") if short(asked) == closed else (status, message)))
    assert len(evidence.denied) == 1
    assert len(read(evidence)) >= len(SUBSETS) - 2
    is_sound(evidence)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_refused_is_named_and_no_other(key: str) -> None:
    evidence = look(Visited(inside(forbidden=(f"registry:{key}",))))
    assert evidence.denied == (f"registry {key}",)
    assert read(evidence) >= {"system", *SUBSETS} - {"firewall"}
    is_sound(evidence)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_may_not_run_costs_its_own_answer(program: str) -> None:
    evidence = look(Visited(inside(forbidden=(f"command:{program}",))))
    assert read(evidence) == {"system", *SUBSETS}
    assert evidence.denied == ()
    is_sound(evidence)


@pytest.mark.parametrize("manner", MANNERS)
def test_a_remote_management_user_hears_one_sentence_with_one_list(manner: str) -> None:
    visited = Visited(inside(**MANNERS[manner]), groups="remote_management_users")
    evidence = look(visited)
    assert {CONFIG, CMD, "WMI root/cimv2"} <= set(evidence.denied)
    assert len(set(evidence.denied)) == len(evidence.denied)
    assert read(evidence) <= {"domain", "limits"}
    # Each shut door was asked once.
    assert visited.requests < 12
    target = from_params({"host": "web01", "inventory_name": "web01", "port": 5985, "scheme": "http"})
    sentence = host_info._sentence(target, evidence, LogonEvidence("2026-04-08T22:48:00Z", "here"))
    assert sentence.count("may read nothing of the inside") == sentence.count(CONFIG) == 1
    is_sound(evidence)


def test_without_any_door_nothing_is_left_but_the_reason() -> None:
    evidence = look(Visited(inside(forbidden=("config", "config/listener", "config/service/certmapping", "shell", "cmd", "wmi"))))
    assert {why for where, why in unknowns(evidence) if where in ("config", "service", "firewall", "policy", "listeners")} == {DENIED}
    is_sound(evidence)


# What hosts say that is nonsense.


def key_of(message: bytes) -> str:
    """A question without what is by chance in it."""
    return short(message) + between(message, "<s:Body>", "</s:Body>").replace(between(message, "<n:EnumerationContext>", "<"), "").partition("CommandId")[0]


@functools.cache
def recorded(profile: str, language: str, member: bool) -> dict[str, bytes]:
    """Every answer of a whole look."""
    names = {} if member else {"domain": "", "dns_domain": ""}
    visited = Visited(inside(profile=profile, language=language, **names))
    look(visited)
    return {key_of(asked): message for asked, (_status, message) in zip(visited.asked, visited.answers, strict=True)}


RECORDINGS = (("server2022", "en", True), ("windows11", "de", True), ("server2019", "en", False))


class Replayed:
    """A session that answers what was recorded, some of it changed by chance."""

    def __init__(self, answers: t.Mapping[str, bytes], chance: random.Random, share: float, kinds: t.Sequence[t.Any] = MUTATIONS) -> None:
        self.answers, self.chance, self.share, self.kinds = answers, chance, share, kinds
        self.windows = Windows("WEB01")
        self.sealed = True
        self.channel = Wire(30.0, "http://web01:5985/wsman")
        self.channel.local_address = "192.0.2.5"  # type: ignore[attr-defined]
        self.requests = self.changed = 0

    def ask(self, message: bytes, what: str) -> Answer:
        """One question."""
        self.requests += 1
        others, status = tuple(self.answers.values()), 200
        body = self.answers.get(key_of(message)) or self.chance.choice(others)
        if self.chance.random() < self.share:
            self.changed += 1
            body = self.chance.choice(self.kinds)(self.chance, body, others)
            status = self.chance.choice((200, 200, 200, 200, 200, 200, 500, 401))
        return Answer(LegEvidence(what, HttpEvidence(status=status, body_bytes=len(body)), sealed=True), body)

    def again(self) -> None:
        """The connection is always there."""


def replayed(answers: t.Mapping[str, bytes], seed: object, share: float, kinds: t.Sequence[t.Any] = MUTATIONS) -> Replayed:
    """One look at answers that are changed by chance; what must hold, holds."""
    session = Replayed(answers, random.Random(f"{seed}"), share, kinds)
    is_sound(look(t.cast(Visited, session)))
    return session


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: "-".join(map(str, one)))
@pytest.mark.parametrize(("share", "turns"), [(0.12, 25), (0.5, 50), (1.0, 50)])
def test_answers_that_are_malformed_by_chance_harm_nothing(recording: tuple[str, str, bool], share: float, turns: int) -> None:
    """Some three thousand answers in all, each changed in one of thirteen ways."""
    sessions = [replayed(recorded(*recording), f"{share} {turn}", share) for turn in range(turns)]
    assert sum(one.changed for one in sessions) > turns


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: "-".join(map(str, one)))
def test_output_of_commands_that_is_malformed_by_chance_harms_nothing(recording: tuple[str, str, bool]) -> None:
    answers = recorded(*recording)
    for turn in range(60):
        replayed(answers, turn, 0.0 if turn == 0 else 1.0, (output_only,))


def output_only(chance: random.Random, message: bytes, others: t.Sequence[bytes]) -> bytes:
    """Changed where it is the output of commands."""
    return said_otherwise(chance, message, others) if said(message) else message


def test_output_may_end_after_any_line() -> None:
    answers = recorded(*RECORDINGS[0])
    asked, message = next((key, one) for key, one in answers.items() if said(one))
    lines = said(message).splitlines(keepends=True)
    cuts = range(0, len(lines), max(1, len(lines) // 60))
    whole = read_of({**answers, asked: message})
    for cut in cuts:
        assert read_of({**answers, asked: saying(message, b"".join(lines[:cut]))}) <= whole


def read_of(answers: t.Mapping[str, bytes]) -> set[str]:
    evidence = look(t.cast(Visited, Replayed(answers, random.Random(0), 0.0)))
    is_sound(evidence)
    return read(evidence)


@pytest.mark.parametrize(
    "piece", [b"\r", b"\n", b"\r\n", b" ", b"    a    REG_SZ    b\r\n", b"HKEY_LOCAL_MACHINE\\a\\b\r\n", b"(", b"<a>", b"\xff", b"a : b\r\n", b"D:("],
)
def test_output_without_end_takes_no_time_without_end(piece: bytes) -> None:
    """As much as one answer may bring, of every kind that has ever made an expression search for hours; the deadline is the measure."""
    answers = recorded(*RECORDINGS[0])
    asked, message = next((key, one) for key, one in answers.items() if said(one))
    first, *rest = said(message).split(b"\r\n")
    marks = [line for line in rest if line.startswith(b"#")]
    filling = piece * (REPLY // 2 // max(1, len(marks)) // len(piece))
    output = first + b"\r\n" + b"".join(filling + b"\r\n" + mark + b"\r\n" for mark in marks)
    began = time.process_time()
    read_of({**answers, asked: saying(message, output)})
    assert time.process_time() - began < 30.0 + SLACK


def test_a_host_that_says_too_much_is_asked_no_more_and_its_shell_deleted() -> None:
    padding = b"<!--" + b"x" * (REPLY - 200_000) + b"-->"
    visited = Visited(inside(), lambda _number, _asked, status, message: (status, message.replace(b"<s:Body>", b"<s:Body>" + padding, 1)))
    evidence = look(visited)
    assert evidence.received <= MOST_BYTES + 4 * REPLY
    assert TOO_MUCH in {why for _where, why in unknowns(evidence)}
    assert visited.open_shells == 0
    is_sound(evidence)


@pytest.mark.parametrize("more", [(), ("cmd",)], ids=["by commands", "value by value"])
def test_a_registry_that_is_denied_as_a_whole_is_no_empty_one(more: tuple[str, ...]) -> None:
    evidence = look(Visited(inside(forbidden=("registry:HKLM\\SOFTWARE", "registry:HKLM\\SYSTEM", *more))))
    assert (evidence.policy, evidence.firewall) == (Unknown(DENIED), Unknown(DENIED))
    assert isinstance(evidence.certificates, Unknown)
    assert isinstance(evidence.limits, LimitsEvidence)
    assert (evidence.limits.max_field_length, evidence.limits.max_request_bytes) == (Unknown(DENIED), Unknown(DENIED))
    assert any(one.startswith("registry HKLM\\SYSTEM") for one in evidence.denied)


# Hosts that turn slow, or die.


def from_number(number: int, what: t.Any) -> Twist:
    """Nothing but `what` from a request on."""
    return lambda count, _asked, status, message: what if count >= number else (status, message)


def at_number(number: int, what: t.Any) -> Twist:
    """`what` in place of one answer."""
    return lambda count, _asked, status, message: what if count == number else (status, message)


@functools.cache
def questions() -> tuple[str, ...]:
    """What a whole look asks."""
    visited = Visited(inside())
    look(visited)
    return tuple(visited.asks())


STEPS = range(1, len(questions()) + 1)


@pytest.mark.parametrize("what", ["closed", "reset", "timeout", WireReset("reset by the peer")], ids=str)
@pytest.mark.parametrize("step", STEPS)
def test_a_host_that_dies_at_any_step_leaves_what_was_read(step: int, what: t.Any) -> None:
    visited = Visited(inside(), from_number(step, what))
    evidence = look(visited)
    # A question is repeated at most once, the shell is to be deleted, and after two losses nothing more is asked.
    assert visited.requests <= step + 6
    assert (len(read(evidence)) > 0) == (step > 1) or step <= 3
    assert all(why for _where, why in unknowns(evidence))
    is_sound(evidence)


@pytest.mark.parametrize("what", ["closed", "reset", "timeout", "too_large", (503, b""), (400, b""), (200, b""), (200, b"<a/>"), WireReset("reset")], ids=str)
@pytest.mark.parametrize("step", STEPS)
def test_an_answer_that_is_lost_costs_no_other(step: int, what: t.Any) -> None:
    visited = Visited(inside(), at_number(step, what))
    evidence = look(visited)
    question = questions()[step - 1]
    about_commands = "shell/cmd" in question and "Delete" not in question
    unread = {"system", *SUBSETS} - read(evidence)
    assert unread <= ({"tickets", "certificates", "policy", "domain", "time", "service", "firewall"} if about_commands else {"mappings"})
    # A shell that was opened is deleted, unless it is the request for that which was lost on its way.
    assert visited.open_shells == (1 if question.startswith("Create") else 0)
    is_sound(evidence)


def test_what_was_told_before_an_end_is_read_and_the_rest_is_a_gap() -> None:
    pulls = [number for number, question in enumerate(questions(), 1) if question.startswith("Pull")]
    assert pulls
    for number in pulls:
        evidence = look(Visited(inside(), at_number(number, "closed")))
        assert any("read in part" in gap.unknown for gap in evidence.gaps)


@pytest.mark.parametrize(
    "slow",
    [
        *({name: seconds} for name in (*DOORS, "wmi") for seconds in (-1.0, 900.0)),
        *({f"command:{name}": seconds} for name in ("reg", "netsh", "nltest", "w32tm", "klist") for seconds in (-1.0, 900.0)),
    ],
    ids=str,
)
def test_a_resource_that_never_answers_costs_no_other(slow: dict[str, float]) -> None:
    visited = Visited(inside(slow=slow))
    evidence = look(visited)
    by_shell = "cmd" in slow or any(name.startswith("command:") for name in slow)
    kept = {"config", "listeners", "limits", "access"} if by_shell else {"system", "service", "policy", "firewall", "certificates", "domain", "time", "tickets"}
    assert read(evidence) >= kept
    # Where the answer to Create is lost, nobody knows what the shell is called.
    assert visited.open_shells == (1 if slow.get("cmd", 0.0) < 0 else 0)
    is_sound(evidence)


# The same over a wire, where time passes.


class Standing:
    """A stand-in on a socket: a conversation for each connection; `cut` ends all of it after so many bytes, `change` happens before a request."""

    def __init__(self, windows: Windows, journal: Journal, *, cut: int = 0, deaf: int = 0, change: t.Mapping[int, Windows] | None = None) -> None:
        self.windows, self.journal, self.cut, self.deaf, self.change = windows, journal, cut, deaf, change or {}
        self.sent = self.requests = 0

    def __call__(self, sock: socket.socket) -> None:
        conversation = t.cast(t.Any, converse(self.windows, certificate=None, journal=self.journal))
        while True:
            request = read_request(sock)
            self.requests += 1
            if self.requests in self.change:
                self.windows = self.change[self.requests]
                conversation.windows = conversation.authenticator.windows = self.windows
            if not self._says(sock, conversation.answer(request)):
                return

    def _says(self, sock: socket.socket, response: Response) -> bool:
        """Send it; False where the connection ends."""
        if self.deaf and self.requests >= self.deaf:
            while sock.recv(4096):
                pass
            return False
        if response.delay < 0:
            return False
        time.sleep(min(response.delay, 30.0))
        data = frame(response)
        data = data[: max(0, self.cut - self.sent)] if self.cut else data
        self.sent += len(data)
        sock.sendall(data)
        return not response.close and not (self.cut and self.sent >= self.cut)


class Seen(t.NamedTuple):
    """What came of a visit over a wire."""

    found: HostEvidence | Unknown
    tried: t.Any
    seconds: float
    uses: list[str]
    """How each use of the password ended."""
    standing: Standing


def over_the_wire(state: Inside, path: Path, *, timeout: float = 4.0, book: Book | None = None, **more: t.Any) -> Seen:
    windows = Windows(state.computer, "LAB", "lab.test", accounts={"svc": Account(PASSWORD)}, inside=state, closes_after=more.pop("closes_after", 0))
    journal = path / "journal"
    change = {number: replace(windows, **changed) for number, changed in more.pop("change", {}).items()}
    standing = Standing(windows, Journal(journal), change=change, **more)
    with Hostile(standing) as hostile:
        given = {"host": "127.77.9.1", "inventory_name": "web01", "port": hostile.port, "scheme": "http", "auth": ["ntlm"], "username": ACCOUNT}
        target = from_params({**given, "password": PASSWORD})
        opened = replace(door("http"), address="127.77.9.1", port=hostile.port, schemes=windows.schemes, challenge=CHALLENGE)
        ports = (PortEvidence("127.77.9.1", hostile.port, "open", 0.0),)
        endpoint = EndpointEvidence("2026-04-08T22:48:00Z", "here", NameEvidence("127.77.9.1", is_address=True), ports, (opened,))
        guest = host.Look(here(user=ACCOUNT, netbios_domain="LAB", port=hostile.port), SUBSETS)
        plan = logon.Plan(rungs=("authenticate", "identify"), thorough=False, guest=guest)
        began = time.monotonic()
        tried = logon.observe(target, endpoint, timeout=timeout, plan=plan, book=book or Book(os.getppid()), now=lambda: NOW)
        seconds = time.monotonic() - began
    uses = [json.loads(line)["ended"] for line in journal.read_text().splitlines()] if journal.exists() else []
    return Seen(guest.found, tried, seconds, uses, standing)


@pytest.fixture(autouse=True)
def no_kdc_to_ask_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "krb5.conf").write_text("[libdefaults]\n dns_lookup_kdc = false\n", encoding="utf-8")
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))


def test_over_a_wire_everything_is_read_on_one_logon(tmp_path: Path) -> None:
    seen = over_the_wire(inside(), tmp_path, timeout=30.0)
    assert isinstance(seen.found, HostEvidence)
    assert read(seen.found) == {"system", *SUBSETS}
    assert seen.uses == ["accepted"]


@pytest.mark.parametrize("part", [0.05, 0.3, 0.7, 0.95])
def test_a_connection_that_is_cut_in_the_middle_of_an_answer_leaves_what_came_before(tmp_path: Path, part: float) -> None:
    state = inside()
    whole = over_the_wire(state, tmp_path, timeout=30.0).standing.sent
    seen = over_the_wire(state, tmp_path, timeout=30.0, cut=int(whole * part))
    assert seen.seconds < 30.0 + SLACK
    if isinstance(seen.found, HostEvidence):
        is_sound(seen.found)
        assert all(why for _where, why in unknowns(seen.found))


@pytest.mark.parametrize("deaf", [5, 9, 14])
def test_a_host_that_falls_silent_is_left_in_time(tmp_path: Path, deaf: int) -> None:
    seen = over_the_wire(inside(), tmp_path, timeout=2.0, deaf=deaf)
    assert seen.seconds <= 2.0 + SLACK
    assert isinstance(seen.found, HostEvidence)
    is_sound(seen.found)
    assert seen.uses == ["accepted"]


@pytest.mark.parametrize("slow", [{"config": 20.0}, {"wmi": 20.0}, {"command:nltest": 20.0}, {"command:reg": 20.0}, {"command:reg": -1.0}], ids=str)
def test_a_host_that_is_slow_is_left_in_time_and_its_shell_deleted(tmp_path: Path, slow: dict[str, float]) -> None:
    state = inside(slow=slow)
    seen = over_the_wire(state, tmp_path, timeout=4.0)
    assert seen.seconds <= 4.0 + SLACK
    assert isinstance(seen.found, HostEvidence)
    assert "limits" in read(seen.found)
    assert t.cast(t.Any, converse(Windows(state.computer), certificate=None)).shells.open == {}
    assert set(seen.uses) == {"accepted"}


def test_a_command_that_is_slow_is_waited_for_as_long_as_the_look_has_time(tmp_path: Path) -> None:
    seen = over_the_wire(inside(slow={"command:nltest": 3.0}), tmp_path, timeout=12.0)
    assert isinstance(seen.found, HostEvidence)
    assert isinstance(seen.found.domain, MembershipEvidence)
    assert isinstance(seen.found.domain.secure_channel, ChannelEvidence)
    assert isinstance(seen.found.domain.controller, ChannelEvidence)


def test_a_command_that_is_too_slow_is_named(tmp_path: Path) -> None:
    seen = over_the_wire(inside(slow={"command:nltest": 60.0}), tmp_path, timeout=5.0)
    assert isinstance(seen.found, HostEvidence)
    assert isinstance(seen.found.domain, MembershipEvidence)
    told = seen.found.domain.secure_channel
    assert isinstance(told, Unknown)
    assert re.fullmatch(r"nltest had not answered after \d+ s", told.unknown)
    assert isinstance(seen.found.tickets, Unknown)
    assert seen.found.tickets.unknown == f"the host did not get to it: {told.unknown}"


def test_a_host_that_closes_after_every_few_answers_is_read_all_the_same(tmp_path: Path) -> None:
    seen = over_the_wire(inside(), tmp_path, timeout=30.0, closes_after=6)
    assert isinstance(seen.found, HostEvidence)
    assert read(seen.found) == {"system", *SUBSETS}
    assert 1 < len(seen.uses) <= MOST_AGAIN + 1
    assert set(seen.uses) == {"accepted"}


@pytest.mark.parametrize("step", [7, 12, 18])
def test_a_password_that_is_changed_meanwhile_is_used_once_more_and_the_book_hears_of_it(tmp_path: Path, step: int) -> None:
    book = Book(os.getppid())
    seen = over_the_wire(
        inside(), tmp_path, timeout=30.0, closes_after=6, book=book, change={step: {"accounts": {"svc": Account("another-password")}}},
    )
    assert seen.uses.count("accepted") >= 1
    assert len([use for use in seen.uses if use != "accepted"]) == 1
    assert seen.tried.attempts[0].outcome == ACCEPTED
    with book.permit(account_of(ACCOUNT, "web02", CHALLENGE), PASSWORD, where="web02", limit=1, deadline=Deadline(1)) as permit:
        assert (permit.granted, permit.reason) == (False, "refused_before")
