# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request and its reply over a given connection, every useful part of the reply kept."""

from __future__ import annotations

import http.client
import io
import re
import time
import typing as t
from dataclasses import dataclass, replace
from urllib.parse import quote

from ..evidence.endpoint import HttpEvidence
from .deadline import DeadlineSocket, WireClosed, WireError, WireTooLarge

BODY_LIMIT = 64 * 1024
KEPT_HEADERS = frozenset(
    ("server", "www-authenticate", "proxy-authenticate", "date", "via", "location", "allow", "content-type", "connection"),
)
MOST_HEADERS, LONGEST_HEADER = 24, 240
AGENT = "winrm.doctor"
TLS_ANSWERED = "TLS answered"
"""How the detail of a `not_http` failure starts where the bytes were TLS records."""


@dataclass(frozen=True)
class Reply:
    """One reply: what may be shown of it, and what its parsers need."""

    seen: HttpEvidence
    body: bytes = b""
    authenticate: tuple[str, ...] = ()
    """WWW-Authenticate lines, uncut."""
    date: str = ""
    reusable: bool = False
    """True when the connection may carry another request."""
    waited: float = 0.0
    """Seconds from the request's last byte to the reply's first."""
    arrived: float = 0.0
    """When the first byte came, on the monotonic clock."""

    def at(self, now: t.Callable[[], float]) -> float:
        """When the first byte came, on the clock `now`, which is read here."""
        return now() - (time.monotonic() - self.arrived)


class Offer(t.NamedTuple):
    """One challenge of a WWW-Authenticate line."""

    scheme: str
    token: str = ""
    parameters: tuple[tuple[str, str], ...] = ()


class _NotHttp(WireError):
    kind = "not_http"


def build_request(method: str, host: str, path: str, headers: t.Iterable[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """An HTTP/1.1 request as bytes; `host` is the Host header's value, `path` starts with a slash."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {AGENT}", f"Content-Length: {len(body)}", "Connection: Keep-Alive"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def authority(host: str, port: int) -> str:
    """`host:port` as the Host header and URLs have it: an IPv6 address in brackets and without its scope, other alphabets as IDNA."""
    bare = host.partition("%")[0]
    shown = f"[{bare}]" if ":" in bare else bare.encode("idna").decode() if not bare.isascii() else bare
    return f"{shown}:{port}"


def target_path(path: str) -> str:
    """The request line's path."""
    return "/" + quote(path, safe="/?=&%~:@!$'()*+,;")


def exchange(stream: DeadlineSocket, request: bytes, method: str = "POST", limit: int = BODY_LIMIT) -> Reply:
    """Send one request and read its reply of at most `limit` bytes; a failure is told in `seen`, never raised.

    A reply that broke off after its headers keeps its status beside the failure.
    """
    began = time.monotonic()
    response = http.client.HTTPResponse(t.cast(t.Any, stream), method=method)
    body = io.BytesIO()
    reply = Reply(HttpEvidence())
    failure: str | None = None
    detail = ""
    try:
        stream.sendall(request)
        sent = time.monotonic()
        _expect_http(response.fp)
        arrived = time.monotonic()
        response.begin()
        reply = replace(_head(response), waited=arrived - sent, arrived=arrived)
        if stream.ended:
            # http.client takes the end of the stream for the end of the headers.
            raise WireClosed("closed in the middle of the headers")
        _read_body(response, body, limit)
    except WireError as error:
        failure, detail = error.kind, str(error)
    except (http.client.HTTPException, ValueError) as error:
        failure, detail = _why(error), printable(str(error) or type(error).__name__, 120)
    finally:
        response.close()
    data = body.getvalue()
    seen = replace(
        reply.seen, failure=failure, detail=detail, seconds=round(time.monotonic() - began, 4),
        body_start=printable(_words(data[:1600]), 200), body_bytes=len(data),
    )
    return replace(reply, seen=seen, body=data, reusable=reply.reusable and failure is None)


def _words(data: bytes) -> str:
    """The start of a body; of a web page only what a reader would see, for its declarations are long and say nothing."""
    text = data.decode("utf-8", "replace")
    return re.sub(r"<[^>]*>", " ", text) if re.match(r"\s*<(!doctype\s+html|html)\b", text, re.IGNORECASE) else text


def _why(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "closed"
    # "got more than 100 headers" is a plain HTTPException.
    return "too_large" if isinstance(error, http.client.LineTooLong) or "more than" in str(error) else "not_http"


def _expect_http(reader: io.BufferedReader) -> None:
    """Raise unless the first bytes may start an HTTP reply: what speaks another protocol need not end its line."""
    start = reader.peek(1)[:16]
    if not start:
        raise WireClosed("closed without an answer")
    if start[:1] in (b"\x15", b"\x16") and start[1:2] == b"\x03":
        raise _NotHttp(TLS_ANSWERED + (f", alert {start[6]}" if start[:1] == b"\x15" and len(start) > 6 else ""))
    if not b"HTTP/".startswith(start[:5].upper()):
        raise _NotHttp(f"the answer starts with {start!r}")


def _head(response: http.client.HTTPResponse) -> Reply:
    headers = [(name, str(value).strip()) for name, value in response.headers.items()]
    kept = tuple((name[:60], printable(value, LONGEST_HEADER)) for name, value in headers if name.lower() in KEPT_HEADERS)
    return Reply(
        HttpEvidence(status=response.status, reason=printable(response.reason, 60), headers=kept[:MOST_HEADERS]),
        authenticate=tuple(value for name, value in headers if name.lower() == "www-authenticate"),
        date=next((value for name, value in headers if name.lower() == "date"), ""),
        reusable=not response.will_close,
    )


def _read_body(response: http.client.HTTPResponse, body: io.BytesIO, limit: int) -> None:
    """Read up to `limit`; read1 keeps what came before the connection broke.

    Not every Python's read1 counts `length` down, hence the count here.
    """
    total = response.length
    while total is None or body.tell() < total:
        part = response.read1(8192 if total is None else min(8192, total - body.tell()))
        if not part:
            if total is not None:
                raise WireClosed(f"closed after {body.tell()} of {total} bytes of the body")
            return
        body.write(part)
        if body.tell() > limit:
            body.truncate(limit)
            raise WireTooLarge(f"the body is longer than {limit} bytes")


def printable(text: str, most: int) -> str:
    """Text of a stranger, fit to be shown: white space folded, what cannot be printed as dots, not longer than `most`."""
    folded = " ".join(text[: most * 4].split())
    if folded.isprintable():
        return folded[:most]
    return "".join(char if char.isprintable() else "." for char in folded)[:most]


_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TOKEN68 = re.compile(r" +([A-Za-z0-9\-._~+/]+=*)(?=\s*(?:,|$))")
_PARAMETER = re.compile(r"\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)(?:\"|$)|([^\s,\"]+))")


def parse_www_authenticate(line: str) -> tuple[Offer, ...]:
    """The challenges of one WWW-Authenticate line, in order (RFC 9110 11.6.1: several may share a line)."""
    offers: list[Offer] = []
    at = 0
    while at < len(line):
        if line[at] in ", \t":
            at += 1
            continue
        parameter = _PARAMETER.match(line, at)
        if parameter and offers:
            name, quoted, bare = parameter.groups()
            value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            offers[-1] = offers[-1]._replace(parameters=(*offers[-1].parameters, (name.lower(), value)))
            at = parameter.end()
            continue
        scheme = _TOKEN.match(line, at)
        if not scheme:
            at = _next_comma(line, at)
            continue
        token = _TOKEN68.match(line, scheme.end())
        offers.append(Offer(scheme.group(), token.group(1) if token else ""))
        at = (token or scheme).end()
    return tuple(offers)


def _next_comma(line: str, at: int) -> int:
    comma = line.find(",", at)
    return len(line) if comma < 0 else comma
