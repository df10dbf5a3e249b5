# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that misbehave in the middle of a logon, at every leg: each visit ends in time, tells what it saw, and leaves the attempt book right."""

from __future__ import annotations

import base64
import json
import os
import socket
import time
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.account import account_of
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all
from ansible_collections.winrm.doctor.plugins.module_utils.collect import logon
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import EndpointEvidence, HttpEvidence, NameEvidence, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import ACCEPTED, BROKEN, NOT_TRIED, REFUSED, LogonEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.finding import CONFIRMED, LIKELY
from ansible_collections.winrm.doctor.plugins.module_utils.target import Target, from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import ntlm
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from cases import CHALLENGE, NOW, door
from hostile import Hostile, receive, reset
from lab.framing import frame
from lab.logon import converse
from lab.messages import Account, Request, Windows

TIMEOUT, SLACK = 1.0, 5.0
"""Seconds; the second is what a loaded machine may add."""
PASSWORD = "hunter2-correct-horse"
HOST = Windows("HOSTILE", "LAB", "lab.test", schemes=("Negotiate", "Basic", "CredSSP"), accounts={"svc": Account(PASSWORD)})
Act = t.Callable[[socket.socket, bytes], None]


def read_request(sock: socket.socket) -> Request:
    """One HTTP request as the stand-in reads it."""
    head, body = receive(sock)
    start, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
    method, path, _version = start.split(" ")
    return Request(method, path, headers, body)


def misbehaving(leg: int, act: Act, windows: Windows = HOST) -> t.Callable[[socket.socket], None]:
    """A stand-in Windows that answers as it should until the request of this number."""

    def serve(sock: socket.socket) -> None:
        conversation = converse(windows, certificate=None)
        number = 0
        while True:
            request = read_request(sock)
            number += 1
            reply = frame(conversation.answer(request))
            if number == leg:
                act(sock, reply)
                return
            sock.sendall(reply)

    return serve


def silent(sock: socket.socket, reply: bytes) -> None:
    while sock.recv(4096):
        pass


def close(sock: socket.socket, reply: bytes) -> None:
    sock.close()


def cut(sock: socket.socket, reply: bytes) -> None:
    reset(sock)


def half(sock: socket.socket, reply: bytes) -> None:
    sock.sendall(reply[: len(reply) // 2])
    sock.close()


def trickle(sock: socket.socket, reply: bytes) -> None:
    for byte in reply:
        sock.send(bytes([byte]))
        time.sleep(0.05)


def endless_headers(sock: socket.socket, reply: bytes) -> None:
    sock.sendall(b"HTTP/1.1 401 \r\n")
    while True:
        sock.sendall(b"X-A: " + b"y" * 60_000 + b"\r\n")


def huge(sock: socket.socket, reply: bytes) -> None:
    sock.sendall(b"HTTP/1.1 200 \r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        sock.sendall(b"x" * 65536)


def lying_length(sock: socket.socket, reply: bytes) -> None:
    sock.sendall(reply.replace(b"Content-Length: ", b"Content-Length: 9"))
    silent(sock, b"")


def says(status: int, *headers: str, body: bytes = b"") -> Act:
    """One reply of another kind."""

    def act(sock: socket.socket, reply: bytes) -> None:
        lines = [f"HTTP/1.1 {status} ", *headers, f"Content-Length: {len(body)}", "", ""]
        sock.sendall("\r\n".join(lines).encode() + body)

    return act


def token(data: bytes, status: int = 401) -> Act:
    return says(status, f"WWW-Authenticate: Negotiate {base64.b64encode(data).decode()}")


BOMB = b'<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>'
SOAP = "Content-Type: application/soap+xml;charset=UTF-8"
SEALED = 'Content-Type: multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
PART = b"--Encrypted Boundary\r\n\tContent-Type: x\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
CHALLENGE_2 = ntlm.challenge_message()
ACTS: dict[str, Act] = {
    "silent": silent, "closes": close, "resets": cut, "half a reply": half, "trickles": trickle, "endless headers": endless_headers, "huge body": huge,
    "lies about the length": lying_length, "garbage": lambda sock, reply: sock.sendall(bytes(range(256)) * 40),
    "TLS alert": lambda sock, reply: sock.sendall(b"\x15\x03\x03\x00\x02\x02\x46"), "HTTP/0.9": lambda sock, reply: sock.sendall(b"<html>hello</html>"),
    "redirect": says(302, "Location: http://elsewhere/"), "proxy": says(407, "Proxy-Authenticate: Basic"),
    "page": says(200, "Content-Type: text/html", body=b"<html>hi</html>"),
    "unavailable": says(503), "bare 401": says(401), "token that is not Base64": says(401, "WWW-Authenticate: Negotiate ***"), "empty token": token(b""),
    "large token": token(b"\xa1" * 40_000), "reject": token(bytes.fromhex("a1073005a0030a0102")), "challenge again": token(CHALLENGE_2),
    "challenge cut short": token(CHALLENGE_2[:30]), "challenge with absurd offsets": token(CHALLENGE_2[:40] + b"\xff" * 16),
    "kind 3": token(b"NTLMSSP\0\x03\0\0\0" + b"\0" * 80),
    "Kerberos error": token(bytes.fromhex("7e1a3018a003020105a10302011ea603020125a9061b044c41422e")),
    "bomb": says(500, SOAP, body=BOMB), "plain fault": says(500, SOAP, body=b"<a><Fault><WSManFault Code='99999999999999'/></Fault></a>"),
    "deep": says(200, SOAP, body=b"<a>" * 5000), "wide": says(200, SOAP, body=b"<a>" + b"<b/>" * 100_000 + b"</a>"),
    "sealed nothing": says(200, SEALED), "sealed rubbish": says(200, SEALED, body=PART + b"\x10\0\0\0" + b"x" * 40 + b"--Encrypted Boundary--\r\n"),
    "sealed with a negative signature": says(200, SEALED, body=PART + b"\xff\xff\xff\xff" + b"x" * 40 + b"--Encrypted Boundary--\r\n"),
    "no ShellId": says(200, SOAP, body=b"<Envelope><Body><ResourceCreated/></Body></Envelope>"),
    "ShellId of a megabyte": says(200, SOAP, body=b"<Envelope><ShellId>" + b"A" * 1_000_000 + b"</ShellId></Envelope>"),
}
# NTLM over HTTP: 1 and 2 are the handshake, 3 Identify, 4 and 5 a shell made and deleted, 6 on PowerShell.
LEGS = (1, 2, 3, 4, 6)


def visit(port: int, method: str = "ntlm", **more: t.Any) -> tuple[LogonEvidence, Book, Target, EndpointEvidence]:
    """One logon at a server on this port, whose endpoint looked healthy."""
    way = {"host": "127.77.9.1", "inventory_name": "hostile01", "port": port, "scheme": "http", "auth": [method]}
    target = from_params({**way, "username": "LAB\\svc", "password": PASSWORD, **more})
    opened = replace(door("http"), address="127.77.9.1", port=port, schemes=HOST.schemes, challenge=CHALLENGE)
    seen = EndpointEvidence(
        at="2026-04-08T22:48:00Z", vantage="here", names=NameEvidence("127.77.9.1", is_address=True), ports=(PortEvidence("127.77.9.1", port, "open", 0.0),),
        doors=(opened,),
    )
    book = Book(os.getppid())
    plan = logon.Plan(rungs=("authenticate", "identify", "cmd", "powershell"), thorough=False)
    return logon.observe(target, seen, timeout=TIMEOUT, plan=plan, book=book, now=lambda: NOW), book, target, seen


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", ACTS)
def test_logon_bears_it(name: str, leg: int) -> None:
    with Hostile(misbehaving(leg, ACTS[name])) as server:
        began = time.monotonic()
        found, book, target, seen = visit(server.port)
        assert time.monotonic() - began < TIMEOUT + SLACK
    own = found.attempts[0]
    assert own.outcome in (ACCEPTED, REFUSED, BROKEN)
    assert own.outcome == ACCEPTED or leg <= 2
    assert own.means.endswith(".")
    text = json.dumps(encode(found))
    assert PASSWORD not in text
    assert base64.b64encode(PASSWORD.encode()).decode() not in text
    assert len(text) < 100_000
    for finding in evaluate_all(Case(target.evidence(), endpoint=seen, logon=found), NOW):
        assert finding.cause != "credentials" or finding.verdict not in (CONFIRMED, LIKELY)
    with book.permit(account_of("LAB\\svc", "127.77.9.1", CHALLENGE), PASSWORD, where="other", limit=1, deadline=Deadline(1)) as permit:
        if own.outcome == ACCEPTED:
            assert permit.proven or permit.reason == "in_doubt", "an answer that cannot be unsealed proves nothing"
        else:
            assert permit.granted is not own.used
            assert permit.reason == ("" if not own.used else "refused_before" if own.outcome == REFUSED else "in_doubt")


@pytest.mark.parametrize("leg", [1, 2])
@pytest.mark.parametrize("name", ["silent", "closes", "challenge again", "Kerberos error", "page"])
@pytest.mark.parametrize("method", ["negotiate", "basic", "credssp"])
def test_every_method_bears_it(method: str, name: str, leg: int) -> None:
    with Hostile(misbehaving(leg, ACTS[name])) as server:
        began = time.monotonic()
        found, _book, _target, _seen = visit(server.port, method)
        assert time.monotonic() - began < TIMEOUT + SLACK
    assert found.attempts[0].outcome != NOT_TRIED
    assert PASSWORD not in json.dumps(encode(found))


def test_password_is_not_handed_to_what_is_not_winrm() -> None:
    with Hostile(misbehaving(1, close)) as server:
        params = {"host": "127.77.9.1", "port": server.port, "scheme": "http", "auth": ["basic"], "username": "svc", "password": PASSWORD}
        stranger = replace(door("http"), address="127.77.9.1", port=server.port, schemes=("Basic",), identity=None)
        stranger = replace(stranger, anonymous=HttpEvidence(401, headers=(("Server", "nginx"),)), identify=HttpEvidence(401, headers=(("Server", "nginx"),)))
        seen = EndpointEvidence("", "here", NameEvidence("127.77.9.1", is_address=True), (PortEvidence("127.77.9.1", server.port, "open", 0.0),), (stranger,))
        found = logon.observe(from_params(params), seen, timeout=TIMEOUT, plan=logon.Plan(), book=Book(os.getppid()))
        assert (found.attempts[0].outcome, found.attempts[0].reason) == (NOT_TRIED, "unsafe")
        assert server.connections == 0


def test_certificate_that_does_not_verify_gets_no_password() -> None:
    """The handshake fails before anything is sent, so the book counts nothing."""
    with Hostile(misbehaving(1, close)) as server:
        opened = replace(door(), address="127.77.9.1", port=server.port)
        target = from_params({"host": "127.77.9.1", "port": server.port, "scheme": "https", "auth": ["ntlm"], "username": "LAB\\svc", "password": PASSWORD})
        seen = EndpointEvidence("", "here", NameEvidence("127.77.9.1", is_address=True), (PortEvidence("127.77.9.1", server.port, "open", 0.0),), (opened,))
        book = Book(os.getppid())
        found = logon.observe(target, seen, timeout=TIMEOUT, plan=logon.Plan(thorough=False), book=book)
    assert (found.attempts[0].outcome, found.attempts[0].used) == (BROKEN, False)
    with book.permit(account_of("LAB\\svc", "127.77.9.1", CHALLENGE), PASSWORD, where="other", limit=1, deadline=Deadline(1)) as permit:
        assert permit.granted
