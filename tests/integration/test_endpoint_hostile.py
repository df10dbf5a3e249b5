# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile and broken hosts: each visit ends within its deadline, says clearly what it saw, and stays small."""

from __future__ import annotations

import base64
import gc
import json
import socket
import threading
import time
import tracemalloc
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect import endpoint
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import DoorEvidence, EndpointEvidence, HttpEvidence, TlsEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.fit import fit, size
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire.tcp import connect
from hostile import Hostile, Play, listen, reset

TIMEOUT = 2.0
SLACK = 4.0
"""Seconds a loaded machine may add."""
MEMORY = 8 * 1024 * 1024


def silence(sock: socket.socket) -> None:
    while sock.recv(4096):
        pass


def one_byte_a_second(sock: socket.socket) -> None:
    listen(sock)
    for byte in b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\n" * 100:
        sock.send(bytes([byte]))
        time.sleep(1.0)


def huge_body(sock: socket.socket) -> None:
    listen(sock)
    sock.sendall(b"HTTP/1.1 200 \r\nContent-Type: application/soap+xml\r\nContent-Length: 1000000000\r\n\r\n")
    for _turn in range(20_000):
        sock.sendall(b"x" * 50_000)


def endless_body(sock: socket.socket) -> None:
    listen(sock)
    sock.sendall(b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        sock.sendall(b"1\r\nx\r\n" * 5000)


def endless_headers(sock: socket.socket) -> None:
    listen(sock)
    sock.sendall(b"HTTP/1.1 401 \r\n")
    while True:
        sock.sendall(b"X-A: " + b"y" * 60_000 + b"\r\n")


def endless_header_line(sock: socket.socket) -> None:
    listen(sock)
    sock.sendall(b"HTTP/1.1 401 \r\nX-A: ")
    while True:
        sock.sendall(b"y" * 60_000)


def endless_continue(sock: socket.socket) -> None:
    listen(sock)
    while True:
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def garbage(sock: socket.socket) -> None:
    sock.recv(4096)
    sock.sendall(bytes(range(256)) * 40)


def tls_alert(sock: socket.socket) -> None:
    sock.recv(4096)
    sock.sendall(b"\x15\x03\x03\x00\x02\x02\x46")


def reset_in_handshake(sock: socket.socket) -> None:
    sock.recv(4096)
    sock.sendall(b"\x16\x03\x03\x00\x7a\x02\x00")
    time.sleep(0.1)
    reset(sock)


def stall_in_handshake(sock: socket.socket) -> None:
    sock.recv(4096)
    sock.sendall(b"\x16\x03\x03\x00\x7a\x02\x00")
    silence(sock)


def says(reply: bytes) -> Play:
    """The same reply to every request, for ever."""

    def act(sock: socket.socket) -> None:
        while True:
            listen(sock)
            sock.sendall(reply)

    return act


def soap(body: bytes, kind: bytes = b"application/soap+xml") -> Play:
    return says(b"HTTP/1.1 200 \r\nContent-Type: " + kind + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def reset_after_accept(sock: socket.socket) -> None:
    reset(sock)


def reset_after_request(sock: socket.socket) -> None:
    listen(sock)
    reset(sock)


def reset_in_headers(sock: socket.socket) -> None:
    listen(sock)
    sock.sendall(b"HTTP/1.1 401 \r\nWWW-Auth")
    time.sleep(0.1)
    reset(sock)


def reset_in_body(sock: socket.socket) -> None:
    listen(sock)
    sock.sendall(b"HTTP/1.1 200 \r\nContent-Length: 500\r\n\r\n<s:Envelope")
    time.sleep(0.1)
    reset(sock)


def empty_reply(sock: socket.socket) -> None:
    listen(sock)


def visit(port: int, scheme: str = "http", *, thorough: bool = False) -> EndpointEvidence:
    """One visit that must end in time, stay small in memory and in its result."""
    target = from_params({"host": "127.77.9.1", "port": port, "scheme": scheme})
    tracemalloc.start()
    began = time.monotonic()
    try:
        seen = endpoint.observe(target, timeout=TIMEOUT, connect_timeout=0.5, thorough=thorough, revocation=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < TIMEOUT + SLACK
    assert peak < MEMORY
    assert size(fit(encode(seen))) < 20_000
    assert json.dumps(encode(seen))
    return seen


def door_of(act: Play, scheme: str = "http", *, thorough: bool = False) -> tuple[DoorEvidence, Hostile]:
    with Hostile(act) as host:
        seen = visit(host.port, scheme, thorough=thorough)
    return next(door for door in seen.doors if door.port == host.port), host


def probe_sockets() -> int:
    """Connections of this process towards the hostile hosts' address, on the asking side."""
    gc.collect()
    count = 0
    for item in gc.get_objects():
        if isinstance(item, socket.socket) and item.fileno() >= 0:
            try:
                count += item.getpeername()[0] == "127.77.9.1"
            except OSError:
                continue
    return count


LAUGHS = b"<!DOCTYPE lolz [" + b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10 if level else b"lol" * 10) for level in range(10)
) + b"]><lolz>&l9;</lolz>"


@pytest.mark.parametrize("thorough", [False, True], ids=["triage", "thorough"])
@pytest.mark.parametrize(
    ("act", "status", "failure", "detail"),
    [
        pytest.param(silence, None, "timeout", "no answer within", id="silence"),
        pytest.param(one_byte_a_second, None, "timeout", "no answer within", id="one byte a second"),
        pytest.param(huge_body, 200, "too_large", "the body is longer than 65536 bytes", id="1 GB body"),
        pytest.param(endless_body, 200, "too_large", "the ", id="endless body in tiny chunks"),
        pytest.param(endless_headers, None, "too_large", "the host sent more", id="endless headers"),
        pytest.param(endless_header_line, None, "too_large", "got more than 65536 bytes", id="endless header line"),
        pytest.param(endless_continue, None, "too_large", "the host sent more", id="100 Continue for ever"),
        pytest.param(garbage, None, "not_http", "the answer starts with", id="garbage"),
        pytest.param(reset_after_accept, None, "reset", "reset by the peer", id="reset after accept"),
        pytest.param(reset_after_request, None, "reset", "reset by the peer", id="reset after the request"),
        pytest.param(reset_in_headers, None, "reset", "reset by the peer", id="reset in the headers"),
        pytest.param(reset_in_body, 200, "reset", "reset by the peer", id="reset in the body"),
        pytest.param(empty_reply, None, "closed", "closed without an answer", id="empty reply"),
    ],
)
def test_host_without_a_whole_reply(act: Play, status: int | None, failure: str, detail: str, thorough: bool) -> None:
    door, _host = door_of(act, thorough=thorough)
    seen = door.identify
    assert isinstance(seen, HttpEvidence)
    assert (seen.status, seen.failure) == (status, failure)
    assert detail in seen.detail
    assert door.identity is None
    assert door.schemes == ()
    assert door.challenge is None


@pytest.mark.parametrize("act", [silence, one_byte_a_second, huge_body, reset_in_body])
def test_no_thread_and_no_socket_outlives_the_visit(act: Play) -> None:
    target = from_params({"host": "127.77.9.1", "port": 1, "scheme": "http"})
    endpoint.observe(target, timeout=1.0, connect_timeout=0.5, thorough=True, revocation=False)
    threads, before = set(threading.enumerate()), probe_sockets()
    with Hostile(act) as host:
        target = from_params({"host": "127.77.9.1", "port": host.port, "scheme": "http"})
        endpoint.observe(target, timeout=1.0, connect_timeout=0.5, thorough=False, revocation=False)
        left = [thread for thread in threading.enumerate() if thread not in threads and thread.name.startswith("winrm.doctor")]
        for thread in left:
            thread.join(SLACK)
        assert not [thread for thread in left if thread.is_alive()]
        assert probe_sockets() <= before
        with connect("127.77.9.1", host.port, 1.0):
            assert probe_sockets() == before + 1  # So the count does see one.


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param(soap(LAUGHS), "document type or entity declaration", id="billion laughs"),
        pytest.param(soap(b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'), "document type or entity declaration", id="external entity"),
        pytest.param(soap(LAUGHS.decode().encode("utf-16")), "document type or entity declaration", id="entities in UTF-16"),
        pytest.param(soap(b"<a>" * 20_000), "nested deeper", id="endless nesting"),
        pytest.param(soap(b"<html><body>It works!</body></html>", b"text/html"), "XML with the root element html", id="wrong content type"),
        pytest.param(soap(b"\x00\xff\xfe" * 100, b"image/png"), "not XML", id="not even text"),
        pytest.param(soap(b""), "empty", id="nothing"),
    ],
)
def test_identify_answered_with_something_else(act: Play, reason: str) -> None:
    door, _host = door_of(act)
    assert isinstance(door.identity, Unknown)
    assert reason in door.identity.unknown
    assert isinstance(door.identify, HttpEvidence)
    assert door.identify.status == 200


def test_redirect_loop_is_one_redirect() -> None:
    door, host = door_of(says(b"HTTP/1.1 301 Moved\r\nLocation: http://127.77.9.1/wsman\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(door.anonymous, HttpEvidence)
    assert ("Location", "http://127.77.9.1/wsman") in door.anonymous.headers
    assert host.connections == 1


def test_401_for_ever_ends_after_three_questions() -> None:
    asked: list[bytes] = []

    def act(sock: socket.socket) -> None:
        while True:
            asked.append(listen(sock))
            sock.sendall(b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n")

    door, _host = door_of(act)
    assert len(asked) == 3
    assert door.schemes == ("Negotiate",)
    assert door.challenge == Unknown("the host answered NTLM's first message with HTTP 401 and no challenge")


HEAD = b"NTLMSSP\0\x02\0\0\0"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param(b"", "no challenge", id="empty"),
        pytest.param(b"NTLMSSP\0", "ends at offset 8", id="cut off"),
        pytest.param(HEAD + b"\xff" * 60, "TargetName lies at offset", id="offsets outside"),
        pytest.param(HEAD + bytes(8) + b"\1\2\x80\0" + bytes(16) + b"\xff\xff\xff\xff\x30\0\0\0", "TargetInfo lies at offset", id="overlong list"),
        pytest.param(HEAD + bytes(8) + b"\1\2\x80\0" + bytes(16) + b"\4\0\4\0\x30\0\0\0" + b"\1\0\xff\xff", "claims 65535 bytes", id="overlong pair"),
        pytest.param(HEAD + b"\3\0\3\0\x30\0\0\0\1\0\0\0" + bytes(24) + b"abc", "is not utf-16-le", id="half a character"),
        pytest.param(b"NTLMSSP\0\x03\0\0\0" + bytes(60), "signature or type is wrong", id="another message"),
        pytest.param(b"\xa1\x84\xff\xff\xff\xff", "claims 4294967295 bytes", id="overlong SPNEGO"),
        pytest.param(b"\xa1\x81" * 2000, "DER length malformed at offset 1", id="nested nonsense"),
        pytest.param(b"\x60\x05\x06\x03\x2b\x06\x01", "NegTokenInit of its own", id="SPNEGO the wrong way round"),
    ],
)
def test_malformed_challenge_is_unknown(token: bytes, reason: str) -> None:
    line = b"WWW-Authenticate: Negotiate " + base64.b64encode(token)
    offer = b"WWW-Authenticate: Negotiate"

    def act(sock: socket.socket) -> None:
        while True:
            answer = line if b"Authorization: " in listen(sock) else offer
            sock.sendall(b"HTTP/1.1 401 \r\n" + answer + b"\r\nContent-Length: 0\r\n\r\n")

    door, _host = door_of(act)
    assert isinstance(door.challenge, Unknown)
    assert reason in door.challenge.unknown


@pytest.mark.parametrize("thorough", [False, True], ids=["triage", "thorough"])
@pytest.mark.parametrize(
    ("act", "failures"),
    [
        pytest.param(silence, {"timeout"}, id="silence"),
        pytest.param(garbage, {"not_tls", "error"}, id="garbage"),
        pytest.param(tls_alert, {"alert"}, id="alert"),
        pytest.param(reset_after_accept, {"reset", "closed"}, id="reset after accept"),
        pytest.param(reset_in_handshake, {"reset", "closed"}, id="reset in the handshake"),
        pytest.param(stall_in_handshake, {"timeout"}, id="stall in the handshake"),
        pytest.param(lambda sock: sock.recv(64), {"reset", "closed"}, id="closed in the handshake"),
    ],
)
def test_port_that_should_speak_tls(act: t.Callable[[socket.socket], t.Any], failures: set[str], thorough: bool) -> None:
    door, _host = door_of(act, "https", thorough=thorough)
    assert isinstance(door.tls, TlsEvidence)
    assert door.tls.failure in failures
    assert (door.scheme, door.expected) == ("https", "https")
    assert door.identity is None


def test_tls_alert_to_a_plain_question_points_to_tls() -> None:
    door, _host = door_of(tls_alert)
    assert isinstance(door.tls, TlsEvidence)
    assert door.tls.failure == "alert"
    assert (door.scheme, door.expected) == ("https", "http")
    assert isinstance(door.identify, HttpEvidence)
    assert (door.identify.failure, door.identify.detail) == ("not_http", "TLS answered, alert 70")


def test_plain_service_on_the_tls_port_is_recognised() -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    offer = b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"

    def act(sock: socket.socket) -> None:
        if sock.recv(1, socket.MSG_PEEK) == b"\x16":
            sock.recv(4096)
            sock.sendall(refusal)
            return
        says(offer)(sock)

    door, _host = door_of(act, "https")
    assert isinstance(door.tls, TlsEvidence)
    assert door.tls.failure == "not_tls"
    assert (door.scheme, door.expected, door.schemes) == ("http", "https", ("Negotiate",))
