# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 as HTTP.sys frames it: requests read whole, responses with an empty reason phrase (recorded from real hosts)."""

from __future__ import annotations

import asyncio

from .messages import Conversation, Request, Response

BODY_LIMIT = 4 * 1024 * 1024


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, None at the end; raises ValueError for what is no HTTP."""
    try:
        first = await reader.readexactly(1)
        if not first.isalpha():
            # HTTP.sys refuses nonsense such as a ClientHello at once.
            raise ValueError("this is no request line")
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise ValueError("the request broke off") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise ValueError("the request's head is too long") from error
    start, *lines = head.decode("latin-1").split("\r\n")
    parts = start.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/"):
        raise ValueError("this is no request line")
    headers = {name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    return Request(parts[0], parts[1], headers, await _body(reader, headers))


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            if len(body) + size > BODY_LIMIT:
                raise ValueError("the body is too long")
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body
    size = int(headers.get("content-length") or 0)
    if not 0 <= size <= BODY_LIMIT:
        raise ValueError("the body is too long")
    return await reader.readexactly(size)


def frame(response: Response) -> bytes:
    """A response as bytes; Content-Length and, where it closes, Connection are added."""
    headers = [*response.headers, ("Content-Length", str(len(response.body)))]
    if response.close:
        headers.append(("Connection", "close"))
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + response.body


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, conversation: Conversation) -> None:
    """Answer request after request until either side has enough."""
    while True:
        try:
            request = await read_request(reader)
        except (ValueError, asyncio.IncompleteReadError):
            # HTTP.sys answers nonsense itself, in words like these.
            writer.write(frame(Response(400, (("Content-Type", "text/html; charset=us-ascii"), ("Server", "Microsoft-HTTPAPI/2.0")), b"", "Bad Request", True)))
            await writer.drain()
            return
        if request is None:
            return
        response = conversation.answer(request)
        if response.delay < 0:
            return
        if response.delay:
            await asyncio.sleep(response.delay)
        writer.write(frame(response))
        await writer.drain()
        if response.close:
            return
