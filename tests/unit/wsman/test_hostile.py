# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers broken in every place: whatever comes, it is an answer or one of our errors."""

from __future__ import annotations

import random
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import ELEMENTS, Client, Enumeration, WsmanError
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.shell import Shell
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.stdregprov import StdRegProv
from scripted import CREATED, DELETED, STARTED, client, envelope, fault, first_page, heard, output, page

ROW = (
    '<q:Thing xmlns:q="q" xmlns:i="i"><q:Name>one</q:Name><q:None i:nil="true"/>'
    '<q:When><c:Datetime xmlns:c="c">2024-01-01T00:00:00Z</c:Datetime></q:When></q:Thing>'
)


def run(talk: Client) -> t.Any:
    with Shell(talk) as shell:
        return shell.run("x")


def value(talk: Client) -> t.Any:
    return StdRegProv(talk).value("HKLM\\A", "N")


CONVERSATIONS: dict[str, tuple[t.Callable[[Client], t.Any], tuple[t.Any, ...]]] = {
    "get": (lambda talk: talk.get("config"), (envelope("<c:Config xmlns:c='c'><c:A>1</c:A></c:Config>"),)),
    "enumerate": (lambda talk: talk.enumerate("x"), (first_page(ROW, "c1"), page(ROW * 2, "c2"), page(ROW, "c3", end=True))),
    "shell": (run, (CREATED, STARTED, heard(("stdout", b"a"), ("stderr", b"b")), heard(done=0), DELETED)),
    "registry": (value, (output("EnumValues", "<q:sNames>N</q:sNames><q:Types>3</q:Types>"), output("GetBinaryValue", "<q:uValue>1</q:uValue>"))),
    "fault": (lambda talk: talk.get("config"), (fault(5, "w:AccessDenied"),)),
}


def told(ask: t.Callable[[Client], t.Any], talk: Client) -> str:
    """What an error of ours says, "" where there is none; every other error goes through."""
    try:
        ask(talk)
    except WsmanError as error:
        return error.sentence
    return ""


def broken(body: bytes, chance: random.Random) -> bytes:
    """The same, cut off, with a piece left out, twice, or of other bytes."""
    at, length = chance.randrange(len(body)), chance.choice((1, 1, 4, 30, 200))
    piece, rest = body[at : at + length], body[at + length :]
    return chance.choice((
        body[:at], body[:at] + rest, body[:at] + piece + piece + rest, body[:at] + chance.randbytes(len(piece)) + rest,
        body.replace(b"Response", b"Respond"), body.replace(piece or b"-", b""), body[at:], body.upper(), body.replace(b">", b" nil='true'>", 1),
    ))


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_broken_conversation_is_an_answer_or_an_error_of_ours(name: str) -> None:
    ask, script = CONVERSATIONS[name]
    chance = random.Random(name)
    for _turn in range(300):
        replies = [reply if isinstance(reply, bytes) else reply[1] for reply in script]
        at = chance.randrange(len(replies))
        replies[at] = broken(replies[at], chance)
        statuses = [chance.choice((200, 200, 200, 500, 204, 401)) if number == at else 200 for number in range(len(replies))]
        talk, session = client(*zip(statuses, replies, strict=True), DELETED, forever=True)
        sentence = told(ask, talk)
        assert sentence.isprintable()
        assert len(sentence) < 700
        assert session.requests < 80


def test_enumeration_never_raises_for_what_a_host_sends() -> None:
    chance = random.Random(1)
    for _turn in range(300):
        talk, _session = client(broken(first_page(ROW, "c1"), chance), broken(page(ROW, "c2"), chance), broken(page(ROW, end=True), chance), forever=True)
        assert isinstance(talk.enumerate("x", most=50), Enumeration)


@pytest.mark.parametrize(
    "body",
    [
        b"<s>" + b"x<b/>" * 59_000 + b"</s>",
        b"<s>" + b"&#65;<!---->" * 300_000 + b"</s>",
        b"<s " + b" ".join(b"a%d='1'" % number for number in range(200_000)) + b"/>",
        b"<s>" + b"<![CDATA[x]]>" * 250_000 + b"</s>",
        b"<s>" + b"A" * 3_900_000 + b"</s>",
    ],
    ids=["text between elements", "characters and comments", "attributes", "sections", "one long text"],
)
def test_large_answer_is_read(body: bytes) -> None:
    """What reads it must not take longer than in proportion: copying the text with every piece would take minutes."""
    assert parse(body, 4 * 1024 * 1024, ELEMENTS).name == "s"
