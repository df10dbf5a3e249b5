# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A visit to scripted hosts on the loopback: what is asked, what is left out, and what comes home."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import time
import typing as t
from email.utils import formatdate

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect import endpoint
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import (
    ChallengeEvidence,
    EndpointEvidence,
    HttpEvidence,
    IdentityEvidence,
    NameEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.fit import RESULT_LIMIT, fit, size
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.modules import endpoint_info

messages = pytest.importorskip("spnego._ntlm_raw.messages")

NET = f"127.{77 + os.getpid() % 100}.{os.getpid() // 100 % 250}"
"""The tests need port 5985 itself: addresses of their own, for another run may be under way on this machine."""

IDENTITY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><i:IdentifyResponse xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/'
    'wsmanidentity.xsd"><i:ProductVendor>Microsoft Corporation</i:ProductVendor><i:ProductVersion>OS: 0.0.0 SP: 0.0 Stack: 3.0</i:ProductVersion>'
    "</i:IdentifyResponse></s:Body></s:Envelope>"
)


def http_reply(status: int, *headers: str, body: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status} ", "Server: Microsoft-HTTPAPI/2.0", f"Date: {formatdate(usegmt=True)}", *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def challenge() -> str:
    info = messages.TargetInfo()
    info[messages.AvId.nb_computer_name] = info[messages.AvId.nb_domain_name] = "WEB01"
    info[messages.AvId.timestamp] = messages.FileTime.now()
    packed = messages.Challenge(flags=0xE28A8235, server_challenge=b"12345678", target_name="WEB01", target_info=info, version=messages.Version(10, 0, 20348))
    return base64.b64encode(packed.pack()).decode()


def windows(head: str) -> bytes:
    """A workgroup host with Negotiate and Basic, as recorded: the first 401 closes, the second leg does not."""
    if "WSMANIDENTIFY: unauthenticated" in head:
        return http_reply(200, "Content-Type: application/soap+xml;charset=UTF-8", body=IDENTITY)
    if "Authorization: Negotiate " in head:
        return http_reply(401, f"WWW-Authenticate: Negotiate {challenge()}")
    return http_reply(401, "WWW-Authenticate: Negotiate", 'WWW-Authenticate: Basic realm="WSMAN"', "Connection: close")


class Host:
    """A host whose replies a function makes; it remembers what it was asked."""

    def __init__(self, answer: t.Callable[[str], bytes], place: tuple[str, int] = (f"{NET}.1", 0), hang_up_after: int = 99) -> None:
        self.answer, self.hang_up_after = answer, hang_up_after
        self.listener = socket.create_server(place)
        self.port = self.listener.getsockname()[1]
        self.asked: list[str] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_error: object) -> None:
        # close() alone leaves the thread waiting in accept(), and with it the socket.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as reader:
            for number in range(self.hang_up_after):
                head = ""
                while not head.endswith("\r\n\r\n"):
                    line = reader.readline().decode()
                    if not line:
                        return
                    self.connections += number == 0 and not head
                    head += line
                reader.read(int(head.lower().partition("content-length:")[2].split()[0]))
                self.asked.append(head)
                reply = self.answer(head)
                sock.sendall(reply)
                if b"Connection: close" in reply:
                    return


def visit(host: str, port: int, *, thorough: bool = False, timeout: float = 10.0, **more: t.Any) -> EndpointEvidence:
    target = from_params({"host": host, "port": port, "scheme": "http", **more})
    return endpoint.observe(target, timeout=timeout, connect_timeout=0.5, thorough=thorough, revocation=False)


def silent_listener(address: str, port: int) -> tuple[socket.socket, list[socket.socket]]:
    """A listener with a full queue: Linux drops further SYNs, so the port looks filtered."""
    listener = socket.create_server((address, port), backlog=0)
    held = [socket.socket() for _turn in range(3)]
    for sock in held:
        sock.setblocking(False)
        sock.connect_ex((address, port))
    return listener, held


def test_healthy_host_costs_three_requests_on_two_connections() -> None:
    with Host(windows) as host:
        seen = visit(f"{NET}.1", host.port)
    (door,) = seen.doors
    assert door.identity == IdentityEvidence("Microsoft Corporation", "OS: 0.0.0 SP: 0.0 Stack: 3.0")
    assert door.schemes == ("Negotiate", "Basic")
    assert isinstance(door.challenge, ChallengeEvidence)
    assert (door.challenge.netbios_computer, door.challenge.membership) == ("WEB01", "workgroup")
    assert [clock.source for clock in door.clocks] == ["http_date", "ntlm"]
    assert all(abs(clock.offset) <= clock.uncertainty + 0.05 for clock in door.clocks)
    assert (len(host.asked), host.connections) == (3, 2)
    assert sorted({port.port for port in seen.ports}) == sorted({5985, 5986, host.port})
    assert isinstance(seen.names, NameEvidence)
    assert seen.names.reverse == ()
    assert decode(EndpointEvidence, json.loads(json.dumps(encode(seen)))) == seen


def test_silent_other_port_is_not_waited_for_and_says_so() -> None:
    silent, held = silent_listener(f"{NET}.2", 5986)
    with silent, Host(windows, (f"{NET}.2", 5985)):
        target = from_params({"host": f"{NET}.2", "port": 5985})
        seen = endpoint.observe(target, timeout=60, connect_timeout=50, thorough=False, revocation=False)
    for sock in held:
        sock.close()
    states = [(port.port, port.state, port.detail) for port in seen.ports]
    assert states == [(5985, "open", ""), (5986, "filtered", "given up after 0.05 s, as port 5985 answers")]


def test_closed_wanted_port_leads_to_the_witnesses_and_the_other_door() -> None:
    with Host(windows, (f"{NET}.3", 5985)):
        seen = visit(f"{NET}.3", 5986, scheme="https")
    assert [port.port for port in seen.ports] == [5986, 80, 443, 445, 3389, 5985]
    assert seen.ports[0].state == "refused"
    (door,) = seen.doors
    assert (door.port, door.scheme, door.expected) == (5985, "http", "http")
    assert isinstance(door.identity, IdentityEvidence)


def test_trouble_at_the_wanted_port_opens_the_other_door_too() -> None:
    with Host(lambda _head: http_reply(404), (f"{NET}.4", 0)) as strange, Host(windows, (f"{NET}.4", 5985)):
        seen = visit(f"{NET}.4", strange.port)
    assert [door.port for door in seen.doors] == [strange.port, 5985]
    assert isinstance(seen.doors[0].anonymous, HttpEvidence)
    assert seen.doors[0].anonymous.status == 404
    assert seen.doors[0].schemes == ()
    assert seen.doors[0].challenge is None


def test_thorough_visit_speaks_to_every_door() -> None:
    with Host(windows, (f"{NET}.5", 0)) as wanted, Host(windows, (f"{NET}.5", 5985)):
        seen = visit(f"{NET}.5", wanted.port, thorough=True)
    assert {door.port for door in seen.doors} == {wanted.port, 5985}
    assert [port.port for port in seen.ports if port.state == "open"] == [wanted.port, 5985]
    assert isinstance(seen.names, NameEvidence)
    assert [reverse.address for reverse in seen.names.reverse] == [f"{NET}.5"]


def test_connection_that_was_closed_between_two_requests_is_no_failure() -> None:
    with Host(windows, hang_up_after=1) as host:
        (door,) = visit(f"{NET}.1", host.port).doors
    assert door.schemes == ("Negotiate", "Basic")
    assert isinstance(door.challenge, ChallengeEvidence)


def test_redirect_is_recorded_and_never_followed() -> None:
    with Host(lambda _head: http_reply(302, "Location: /login")) as host:
        (door,) = visit(f"{NET}.1", host.port).doors
    assert isinstance(door.identify, HttpEvidence)
    assert ("Location", "/login") in door.identify.headers
    assert len(host.asked) == 2
    assert all(head.startswith("POST /wsman ") for head in host.asked)


def test_challenge_is_asked_for_only_where_negotiate_is_offered() -> None:
    with Host(lambda head: windows(head) if "WSMANIDENTIFY" in head else http_reply(401, "WWW-Authenticate: Kerberos")) as host:
        (door,) = visit(f"{NET}.1", host.port).doors
    assert (door.schemes, door.challenge, len(host.asked)) == (("Kerberos",), None, 2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http_reply(401, "WWW-Authenticate: Negotiate"), "the host answered NTLM's first message with HTTP 401 and no challenge"),
        (http_reply(401, "WWW-Authenticate: Negotiate !!!!"), "and no challenge"),
        (http_reply(401, "WWW-Authenticate: Negotiate AAA"), "the challenge is malformed: Incorrect padding"),
        (http_reply(401, "WWW-Authenticate: Negotiate oQcwBaADCgEC"), "the host's SPNEGO answer carries no challenge (state reject)"),
        (b"HTTP/1.1 401 \r\nContent-Le", "the question failed: closed, closed in the middle of the headers"),
    ],
)
def test_missing_or_malformed_challenge_is_unknown_with_its_reason(answer: bytes, reason: str) -> None:
    with Host(lambda head: answer if "Authorization" in head else windows(head), hang_up_after=1) as host:
        (door,) = visit(f"{NET}.1", host.port).doors
    assert isinstance(door.challenge, Unknown)
    assert reason in door.challenge.unknown


def test_host_header_names_the_inventorys_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint.Names, "addresses", lambda self, seconds: (f"{NET}.1",))
    with Host(windows) as host:
        visit("bücher.invalid", host.port, path="ws man")
    assert f"Host: xn--bcher-kva.invalid:{host.port}\r\n" in host.asked[0]
    assert host.asked[0].startswith("POST /ws%20man HTTP/1.1\r\n")


def test_name_without_an_address_ends_the_visit_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint.Names, "addresses", lambda self, seconds: ())
    seen = visit("nowhere.invalid", 5985, timeout=2.0)
    assert (seen.ports, seen.doors) == ((), ())


def test_proxy_of_the_inventory_is_a_gap_without_its_password() -> None:
    with Host(windows) as host:
        seen = visit(f"{NET}.1", host.port, proxy="http://u:hunter2@proxy.lab.test:3128")
    assert Unknown("The inventory sets the proxy proxy.lab.test; the probe went to the host directly.") in seen.gaps
    assert "hunter2" not in json.dumps(encode(seen))


def test_at_most_four_addresses_of_both_families_in_the_resolvers_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (f"{NET}.1", f"{NET}.6", f"{NET}.7", f"{NET}.8", f"{NET}.9", "::1")
    monkeypatch.setattr(endpoint.Names, "addresses", lambda self, seconds: found)
    with Host(windows) as host:
        seen = visit("many.invalid", host.port)
    assert [port.address for port in seen.ports if port.port == host.port] == [f"{NET}.1", f"{NET}.6", f"{NET}.7", "::1"]
    assert any("Of 6 addresses only" in gap.unknown for gap in seen.gaps)
    assert [door.address for door in seen.doors] == [f"{NET}.1"]


def test_slow_clock_is_measured() -> None:
    with Host(windows) as host:
        target = from_params({"host": f"{NET}.1", "port": host.port, "scheme": "http"})
        seen = endpoint.observe(target, timeout=10, connect_timeout=1, thorough=False, revocation=False, now=lambda: time.time() - 900)
    offsets = {clock.source: clock.offset for clock in seen.doors[0].clocks}
    assert offsets["ntlm"] == pytest.approx(900, abs=1)
    assert offsets["http_date"] == pytest.approx(900, abs=2)


def test_module_returns_plain_json_without_secrets() -> None:
    with Host(windows) as host:
        params = {"host": f"{NET}.1", "port": host.port, "scheme": "http", "password": "hunter2", "username": "u", "timeout": 5.0, "connect_timeout": 0.5,
                  "revocation": False, "thorough": False}
        result = endpoint_info.run(params, True)
    assert result["changed"] is False
    assert result["target"]["port"] == host.port
    assert result["endpoint"]["doors"][0]["schemes"] == ["Negotiate", "Basic"]
    assert "hunter2" not in json.dumps(result)


@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
def test_time_without_length_is_refused(name: str) -> None:
    params = {"host": f"{NET}.1", "timeout": 5.0, "connect_timeout": 1.0, "revocation": False, "thorough": False, name: 0.0}
    with pytest.raises(DoctorError) as caught:
        endpoint_info.run(params, False)
    assert caught.value.sentence == f"The option {name} is 0.0. Expected: a number of seconds greater than zero."


def test_overlong_evidence_is_cut_until_it_fits_and_still_decodes() -> None:
    with Host(lambda _head: http_reply(401, *[f"WWW-Authenticate: Scheme{n}{'x' * 900}" for n in range(60)], "Via: " + "ü" * 5000)) as host:
        seen = encode(visit(f"{NET}.1", host.port))
    seen["doors"] = seen["doors"] * 8
    assert size(seen) > RESULT_LIMIT
    cut = fit(seen)
    assert size(cut) <= RESULT_LIMIT
    assert decode(EndpointEvidence, cut).gaps[-1].unknown.startswith("What was seen is too long")
    assert fit(cut) is cut
