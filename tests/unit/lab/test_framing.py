# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's HTTP: what it reads, what it refuses, what it sends."""

from __future__ import annotations

import asyncio

import pytest
from lab.framing import BODY_LIMIT, frame, read_request
from lab.messages import Request, Response
from lab.namespace import names_by_dns
from lab.strangers import RESPONSES, Fixed


def read(data: bytes) -> list[Request]:
    """All requests in these bytes."""

    async def everything() -> list[Request]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        found = []
        while request := await read_request(reader):
            found.append(request)
        return found

    return asyncio.run(everything())


def test_requests_on_one_connection_are_told_apart() -> None:
    first, second = read(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /a?b HTTP/1.1\r\nWSMANIDENTIFY:  yes \r\n\r\n")
    assert (first.method, first.path, first.body) == ("POST", "/wsman", b"abc")
    assert (second.method, second.path, second.body, second.headers["wsmanidentify"]) == ("GET", "/a?b", b"", "yes")


def test_chunks_become_one_body() -> None:
    (request,) = read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n")
    assert request.body == b"abc0123456789"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x16\x03\x01\x02\x00", "this is no request line"),
        (b"HELLO\r\n\r\n", "this is no request line"),
        (b"POST / HTTP/1.1\r\nHost", "the request broke off"),
        (b"POST / HTTP/1.1\r\nX: " + b"a" * 70000, "the request's head is too long"),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), "the body is too long"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "the body is too long"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", "the body is too long"),
    ],
)
def test_nonsense_is_refused(data: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{error}$"):
        read(data)


def test_response_keeps_its_order_of_headers_and_may_lack_a_reason() -> None:
    response = Response(401, (("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "Kerberos"), ("Server", "s")), b"ab", close=True)
    assert frame(response) == (
        b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: Kerberos\r\nServer: s\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"
    )


@pytest.mark.parametrize(("name", "length"), [("http_sys_404", 315), ("http_sys_503", 326)])
def test_pages_of_the_http_driver_are_as_long_as_real_ones(name: str, length: int) -> None:
    response = Fixed(RESPONSES[name]).answer(Request("POST", "/wsman"))
    assert len(response.body) == length
    assert [header for header, _value in response.headers] == ["Content-Type", "Server", "Date"]


def test_names_come_from_dns_alone() -> None:
    assert names_by_dns("passwd: files\nhosts:  files resolve [!UNAVAIL=return] dns\nnetworks: files\n") == "passwd: files\nhosts: files dns\nnetworks: files\n"
    assert names_by_dns("passwd: files\n") == "passwd: files\n"
