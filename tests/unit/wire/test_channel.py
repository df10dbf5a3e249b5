# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection whose deadline is exchanged for a while."""

from __future__ import annotations

import socket
import threading
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import http
from ansible_collections.winrm.doctor.plugins.module_utils.wire.channel import Channel
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline


@pytest.fixture
def port() -> t.Iterator[int]:
    """A host that answers the first request and is silent at the second."""
    server = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        with server.accept()[0] as peer:
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n")
            done.wait(60)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    done.set()
    thread.join()
    server.close()


def test_sooner_deadline_holds_for_an_open_connection_and_goes_again(port: int) -> None:
    target = from_params({"host": "127.0.0.1", "port": port, "scheme": "http"})
    channel = Channel(target, "127.0.0.1", port, "http", Deadline(60))
    own = channel.deadline
    try:
        channel.dial()
        with channel.until(Deadline(30)):
            assert channel.post(()).seen.status == 200
        assert channel.deadline is own
        assert channel.open
        with channel.until(Deadline(0.2)):
            reply = channel.post(())
        assert (reply.seen.failure, channel.open, channel.deadline) == ("timeout", False, own)
    finally:
        channel.close()


def test_conversation_that_was_interrupted_is_not_gone_on_with(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    channel = Channel(from_params({"host": "127.0.0.1", "port": port, "scheme": "http"}), "127.0.0.1", port, "http", Deadline(60))
    channel.dial()
    monkeypatch.setattr(http, "exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        channel.post(())
    assert not channel.open
