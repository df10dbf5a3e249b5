# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep of many connects."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import FILTERED, OPEN, REFUSED, UNREACHABLE
from ansible_collections.winrm.doctor.plugins.module_utils.wire.tcp import Sweep, any_open, connect, sweep


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """A listener whose queue is full: Linux drops further SYNs, which is what a filtered port looks like."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = []
    for _turn in range(3):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        held.append(sock)
    return listener, held


def drain(sweep: Sweep) -> dict[int, tuple[str, str]]:
    found = {}
    while sweep.pending:
        for seen, sock in sweep.collect():
            found[seen.port] = (seen.state, seen.detail)
            if sock:
                sock.close()
    return found


def test_open_refused_and_silent_ports_are_told_apart() -> None:
    silent, held = full_listener()
    with silent, socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as gone:
        opened, refused, filtered = server.getsockname()[1], gone.getsockname()[1], silent.getsockname()[1]
        gone.close()
        with Sweep([("127.0.0.1", port) for port in (opened, refused, filtered)], 0.4) as sweep:
            found = drain(sweep)
    for sock in held:
        sock.close()
    assert found == {opened: (OPEN, ""), refused: (REFUSED, "ECONNREFUSED"), filtered: (FILTERED, "ETIMEDOUT")}


def test_open_port_is_handed_out_before_the_silent_one_is_given_up() -> None:
    silent, held = full_listener()
    with silent, socket.create_server(("127.0.0.1", 0)) as server:
        filtered = silent.getsockname()[1]
        with Sweep([("127.0.0.1", filtered), ("127.0.0.1", server.getsockname()[1])], 30) as sweep:
            (first,) = sweep.collect()
            assert first.seen.state == OPEN
            assert first.sock is not None
            first.sock.close()
            assert sweep.waiting == (("127.0.0.1", filtered),)
            assert sweep.collect(0.01) == []
            sweep.shorten(0.1, "given up")
            (second,) = sweep.collect()
            assert (second.seen.state, second.seen.detail) == (FILTERED, "given up")
            assert not sweep.pending
    for sock in held:
        sock.close()


def test_shorten_never_lengthens() -> None:
    silent, held = full_listener()
    with silent, Sweep([silent.getsockname()], 0.05) as sweep:
        sweep.shorten(60, "too long")
        (only,) = sweep.collect()
        assert only.seen.detail == "ETIMEDOUT"
    for sock in held:
        sock.close()


def test_address_without_a_route_is_unreachable() -> None:
    # 255.255.255.255 is refused by the kernel itself, whatever the machine's routes are.
    with Sweep([("255.255.255.255", 5985), ("not an address", 5985)], 1.0) as sweep:
        states = {seen.address: (seen.state, seen.detail) for seen, _sock in sweep.collect()}
    assert states["not an address"] == (UNREACHABLE, "not an address")
    state, detail = states["255.255.255.255"]
    assert state == UNREACHABLE
    assert detail in ("ENETUNREACH", "EACCES", "EHOSTUNREACH")


def test_leaving_a_sweep_closes_what_nobody_took() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Sweep([server.getsockname()], 5):
            accepted, _peer = server.accept()
        with accepted:
            accepted.settimeout(5)
            assert accepted.recv(1) == b""


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_connect_reaches_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server, connect("::1", server.getsockname()[1], 5) as sock:
        assert sock.getpeername()[0] == "::1"


def test_silent_places_are_not_waited_for_once_somebody_answers() -> None:
    silent, held = full_listener()
    with silent, socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as gone:
        places = [("127.0.0.1", one.getsockname()[1]) for one in (silent, gone, server)]
        gone.close()
        began = time.monotonic()
        found = {seen.port: seen.state for seen in sweep(places, 20, any_open)}
        assert time.monotonic() - began < 10
        assert found == {places[1][1]: REFUSED, places[2][1]: OPEN}
        assert {seen.state for seen in sweep(places[:2], 0.2, any_open)} == {REFUSED, FILTERED}
    for sock in held:
        sock.close()
