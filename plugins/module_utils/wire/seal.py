# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message encryption: the multipart that carries sealed messages over plain HTTP ([MS-WSMV] 2.2.9.1)."""

from __future__ import annotations

import re
import struct
import typing as t
from functools import lru_cache

BOUNDARY = "Encrypted Boundary"
PLAIN = "application/soap+xml;charset=UTF-8"
PROTOCOLS = {
    "negotiate": "application/HTTP-SPNEGO-session-encrypted",
    "kerberos": "application/HTTP-Kerberos-session-encrypted",
    "credssp": "application/HTTP-CredSSP-session-encrypted",
}
"""By the scheme of the Authorization header, in lower case."""
CHUNK = 16 * 1024
"""CredSSP seals with TLS, whose records hold no more ([MS-WSMV] 2.2.9.1.3)."""


class Wrapped(t.Protocol):
    """What a security context makes of a message (pyspnego's WinRMWrapResult)."""

    header: bytes
    data: bytes
    padding_length: int


class Context(t.Protocol):
    """The two calls of a pyspnego context that sealing needs."""

    def wrap_winrm(self, data: bytes) -> Wrapped:
        """Seal."""

    def unwrap_winrm(self, header: bytes, data: bytes) -> bytes:
        """Unseal; raises where the message was not sealed by the other side of this context."""


def seal(context: Context, message: bytes, scheme: str) -> tuple[str, bytes]:
    """Content-Type and body of a sealed message."""
    protocol = PROTOCOLS[scheme]
    parts = [message[at : at + CHUNK] for at in range(0, len(message), CHUNK)] if scheme == "credssp" else [message]
    kind = "multipart/x-multi-encrypted" if len(parts) > 1 else "multipart/encrypted"
    body = b"".join(_part(context, part, protocol) for part in parts)
    return f'{kind};protocol="{protocol}";boundary="{BOUNDARY}"', body + f"--{BOUNDARY}--\r\n".encode()


def _part(context: Context, message: bytes, protocol: str) -> bytes:
    wrapped = context.wrap_winrm(message)
    # The tab before each part header is what pypsrp and pywinrm have been sending to Windows for years; the specification prints none.
    head = (
        f"--{BOUNDARY}\r\n\tContent-Type: {protocol}\r\n\tOriginalContent: type={PLAIN};Length={len(message) + wrapped.padding_length}\r\n"
        f"--{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n"
    )
    return head.encode() + struct.pack("<i", len(wrapped.header)) + wrapped.header + wrapped.data


def unseal(context: Context, content_type: str, body: bytes) -> bytes:
    """The plain message of a sealed reply; ValueError where the body is no such multipart. What the context raises goes through.

    Hosts differ: part headers with and without a tab (both were recorded), blanks after the dashes, one pair of parts or several.
    """
    named = re.search(r'boundary="?([^";]+)', content_type, re.IGNORECASE)
    boundary = (named[1].strip() if named else BOUNDARY).encode("latin-1", "replace")
    parts = [piece for piece in _delimiter(boundary).split(body) if piece.strip()]
    if len(parts) < 2 or len(parts) % 2:
        raise ValueError(f"the sealed reply has {len(parts)} parts; expected pairs of a description and data")
    return b"".join(_open(context, parts[at], parts[at + 1]) for at in range(0, len(parts), 2))


@lru_cache(maxsize=4)
def _delimiter(boundary: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"--[ \t]*" + re.escape(boundary) + rb"(?:--)?[ \t]*(?:\r\n|$)")


def _open(context: Context, about: bytes, part: bytes) -> bytes:
    found = re.match(rb"[\t ]*Content-Type:[^\r\n]*octet-stream[^\r\n]*\r\n(?:\r\n)?", part, re.IGNORECASE)
    if not found:
        raise ValueError("the second part of a sealed reply is not application/octet-stream")
    data = part[found.end() :]
    if len(data) < 4:
        raise ValueError("the sealed data ends before the length of its signature")
    size = struct.unpack("<i", data[:4])[0]
    if not 0 < size <= len(data) - 4:
        raise ValueError(f"the signature claims {size} bytes, {len(data) - 4} are left")
    sealed = data[4 + size :]
    length = re.search(rb"Length=(\d+)", about)
    if length and len(sealed) == int(length[1]) + 2 and sealed.endswith(b"\r\n"):
        # A line break before the boundary, as MIME has it and the specification's example does not.
        sealed = sealed[:-2]
    return context.unwrap_winrm(data[4 : 4 + size], sealed)
