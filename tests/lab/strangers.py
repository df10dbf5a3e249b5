# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else may answer on a WinRM port: other web servers, proxies, other services. Shapes as these programs are known to send them."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import socket
import struct
import time
import typing as t
from dataclasses import replace

from .messages import Request, Response

PAGE = (("Content-Type", "text/html"),)
OPENWSMAN = (
    b'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    b'xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body><wsmid:IdentifyResponse>'
    b"<wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>"
    b"<wsmid:ProductVendor>Openwsman Project</wsmid:ProductVendor><wsmid:ProductVersion>2.7.2</wsmid:ProductVersion>"
    b"</wsmid:IdentifyResponse></s:Body></s:Envelope>"
)


def _page(status: int, reason: str, server: str, *headers: tuple[str, str]) -> Response:
    body = f"<html><head><title>{status} {reason}</title></head><body><h1>{status} {reason}</h1></body></html>".encode()
    return Response(status, (("Server", server), *PAGE, *headers), body, reason, close=True)


def _http_sys(status: int, reason: str, sentence: str) -> Response:
    """Windows' HTTP driver's own page, as real hosts send it: 315 bytes for 404, 326 for 503."""
    body = (
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">\r\n'
        f"<HTML><HEAD><TITLE>{reason}</TITLE>\r\n"
        '<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>\r\n'
        f"<BODY><h2>{reason}</h2>\r\n<hr><p>HTTP Error {status}. {sentence}</p>\r\n</BODY></HTML>\r\n"
    )
    headers = (("Content-Type", "text/html; charset=us-ascii"), ("Server", "Microsoft-HTTPAPI/2.0"))
    return Response(status, headers, body.encode("ascii"), reason, close=True)


RESPONSES: dict[str, Response] = {
    "nginx": _page(200, "OK", "nginx/1.22.1"),
    "iis": _page(404, "Not Found", "Microsoft-IIS/10.0", ("X-Powered-By", "ASP.NET")),
    "redirect": Response(302, (("Server", "BigIP"), ("Location", "https://portal.lab.test/login")), b"", "Found", close=True),
    "proxy": _page(407, "Proxy Authentication Required", "squid/5.7", ("Proxy-Authenticate", 'Basic realm="proxy"'), ("Via", "1.1 proxy01 (squid/5.7)")),
    "http_sys_404": _http_sys(404, "Not Found", "The requested resource is not found."),
    "http_sys_503": _http_sys(503, "Service Unavailable", "The service is unavailable."),
}


class Fixed:
    """Says the same to everybody, and what time it is ([RFC 9110] 6.6.1)."""

    def __init__(self, response: Response, clock_offset: float = 0.0) -> None:
        self.response, self.clock_offset = response, clock_offset

    def answer(self, request: Request) -> Response:
        date = email.utils.formatdate(time.time() + self.clock_offset, usegmt=True)
        return replace(self.response, headers=(*self.response.headers, ("Date", date)))


class Openwsman:
    """A WS-Management service that is not Windows: it names itself, and offers Basic (openwsman's defaults)."""

    def answer(self, request: Request) -> Response:
        if "wsmanidentify" in request.headers or b"Identify" in request.body:
            return Response(200, (("Server", "Openwsman/2.7.2"), ("Content-Type", "application/soap+xml;charset=UTF-8")), OPENWSMAN, "OK")
        return Response(401, (("Server", "Openwsman/2.7.2"), ("WWW-Authenticate", 'Basic realm="OPENWSMAN"')), b"", "Unauthorized", close=True)


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, then never says a word."""
    await reader.read()


async def open_port(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts and hangs up as soon as the other side speaks: 445 and 3389 of a living host."""
    with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
        await asyncio.wait_for(reader.read(1), 30)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cuts the connection at the first byte, as Schannel without a certificate does."""
    with contextlib.suppress(ConnectionError):
        await reader.read(1)
    sock = t.cast(socket.socket, writer.get_extra_info("socket"))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks first, and not HTTP ([RFC 4253] 4.2)."""
    writer.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    await writer.drain()
    with contextlib.suppress(ConnectionError):
        await reader.read(1024)
    writer.write(b"Invalid SSH identification string.\r\n")


WORDLESS = {"mute": mute, "open": open_port, "reset": reset, "ssh": ssh}
