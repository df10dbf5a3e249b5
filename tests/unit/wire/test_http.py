# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP replies over a socket pair, and the challenges of WWW-Authenticate."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, DeadlineSocket, WireTimeout, WireTooLarge
from ansible_collections.winrm.doctor.plugins.module_utils.wire.http import Offer, Reply, build_request, exchange, parse_www_authenticate, printable

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
REQUEST = build_request("POST", "web01:5985", "/wsman")


def answered(data: bytes, *, closes: bool = True, seconds: float = 2.0) -> Reply:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        if closes:
            theirs.shutdown(socket.SHUT_WR)
        return exchange(DeadlineSocket(ours, Deadline(seconds)), REQUEST)


def recorded(name: str) -> list[bytes]:
    """The replies of a recorded listing, comments left out."""
    parts = [[line for line in part.splitlines() if not line.startswith("#")] for part in (CAPTURES / name).read_text().split("\n\n")]
    return ["\r\n".join([*lines, "", ""]).encode() for lines in parts if lines]


@needs_captures
def test_recorded_401_with_credssp() -> None:
    (data,) = recorded("http-401-credssp.http.txt")
    reply = answered(data)
    assert (reply.seen.status, reply.seen.reason, reply.seen.failure) == (401, "Unauthorized", None)
    offers = [offer for line in reply.authenticate for offer in parse_www_authenticate(line)]
    assert offers == [Offer("Negotiate"), Offer("Basic", parameters=(("realm", "WSMAN"),)), Offer("CredSSP")]
    assert ("Server", "Microsoft-HTTPAPI/2.0") in reply.seen.headers
    assert reply.date == "Wed, 08 Apr 2026 22:48:00 GMT"
    assert not reply.reusable


@needs_captures
def test_recorded_405_401_and_415() -> None:
    replies = [answered(data) for data in recorded("http-405-401-415.http.txt")]
    assert [(reply.seen.status, reply.seen.reason) for reply in replies] == [(405, ""), (401, ""), (415, "")]
    assert ("Allow", "POST") in replies[0].seen.headers
    assert replies[2].reusable


def test_keep_alive_reply_leaves_the_connection_usable() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = DeadlineSocket(ours, Deadline(2.0))
        for body in (b"one", b"two"):
            theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Other: y\r\n\r\n" + body)
            reply = exchange(stream, REQUEST)
            assert (reply.body, reply.reusable, reply.seen.headers) == (body, True, ())
        assert theirs.recv(9999).count(b"POST /wsman HTTP/1.1\r\nHost: web01:5985\r\n") == 2


def test_chunked_body_is_read() -> None:
    reply = answered(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", closes=False)
    assert (reply.body, reply.seen.failure) == (b"abc", None)


@pytest.mark.parametrize(
    ("data", "failure", "detail"),
    [
        (b"", "closed", "closed without an answer"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "not_http", "TLS answered, alert 70"),
        (b"\x15\x03\x01", "not_http", "TLS answered"),
        (b"\x16\x03\x03\x00\x7a\x02", "not_http", "TLS answered"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not_http", "the answer starts with b'SSH-2.0-OpenSSH_'"),
        (b"HTTP/1.1 abc\r\n\r\n", "not_http", "HTTP/1.1 abc"),
        (b"HTTP/1.1 200 OK\r\nServ", "closed", "closed in the middle of the headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "closed", "closed after 3 of 10 bytes of the body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "closed", ""),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, "too_large", "got more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000, "too_large", "got more than 65536 bytes when reading header line"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"b" * 70_000, "too_large", "the body is longer than 65536 bytes"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "too_large", "the host sent more than was asked for"),
    ],
)
def test_broken_replies_are_named(data: bytes, failure: str, detail: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for side in (ours, theirs):
            side.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2_000_000)
        theirs.settimeout(1)
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        reply = exchange(DeadlineSocket(ours, Deadline(2.0)), REQUEST)
    assert reply.seen.failure == failure
    assert detail in reply.seen.detail
    assert not reply.reusable
    assert len(reply.body) <= 65536


def test_silence_is_a_timeout() -> None:
    reply = answered(b"HTTP/1.1 200", closes=False, seconds=0.2)
    assert (reply.seen.failure, reply.seen.detail) == ("timeout", "no answer within 0.2 s")


def test_body_that_breaks_off_keeps_status_and_start() -> None:
    reply = answered(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 99\r\n\r\nhello \x00\x1b[31m", closes=False, seconds=0.2)
    assert (reply.seen.status, reply.seen.failure, reply.seen.headers) == (200, "timeout", (("Server", "x"),))
    assert reply.seen.body_start == "hello ..[31m"


def test_budget_of_a_connection_is_not_exceeded() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 100)
        stream = DeadlineSocket(ours, Deadline(2.0), budget=64)
        assert stream.recv_into(bytearray(1000)) == 64
        with pytest.raises(WireTooLarge):
            stream.recv_into(bytearray(1000))


def test_passed_deadline_stops_before_reading() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        with pytest.raises(WireTimeout):
            DeadlineSocket(ours, Deadline(0.0)).recv_into(bytearray(1))


def test_sooner_deadline_never_outlives_its_parent() -> None:
    parent = Deadline(0.5)
    assert parent.sooner(60).end <= parent.end + 0.01
    assert parent.sooner(0.1).end < parent.end


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("Negotiate", [Offer("Negotiate")]),
        ("Negotiate, Kerberos,CredSSP", [Offer("Negotiate"), Offer("Kerberos"), Offer("CredSSP")]),
        ('nEGOTIATE, bAsIc realm="a, b"', [Offer("nEGOTIATE"), Offer("bAsIc", parameters=(("realm", "a, b"),))]),
        ("Negotiate TlRMTVNTUAAC/+a==", [Offer("Negotiate", "TlRMTVNTUAAC/+a==")]),
        ("Negotiate YII=, Basic realm=WSMAN", [Offer("Negotiate", "YII="), Offer("Basic", parameters=(("realm", "WSMAN"),))]),
        (
            'Digest realm="x", nonce="a\\"b" , qop=auth, Basic realm = "y"',
            [Offer("Digest", parameters=(("realm", "x"), ("nonce", 'a"b'), ("qop", "auth"))), Offer("Basic", parameters=(("realm", "y"),))],
        ),
        ('Basic realm="never closed', [Offer("Basic", parameters=(("realm", "never closed"),))]),
        (",, ,Negotiate,,", [Offer("Negotiate")]),
        ("", []),
        ("\x00\x01 ?, Basic", [Offer("Basic")]),
    ],
)
def test_challenges_of_one_line(line: str, offers: list[Offer]) -> None:
    assert list(parse_www_authenticate(line)) == offers


def test_long_hostile_line_is_parsed_in_linear_time() -> None:
    for unit in ("a ", "a=", 'a="', "a=\\", "= ", "a  ,", "=="):
        assert len(parse_www_authenticate(unit * 20_000)) <= 40_000


def test_printable_text_is_bounded() -> None:
    assert printable("a\r\nb\x07" + "c" * 900, 10) == "a b.cccccc"
