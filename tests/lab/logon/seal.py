# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message encryption ([MS-WSMV] 2.2.9.1)."""

from __future__ import annotations

import re
import struct

import spnego

PROTOCOLS = {
    "negotiate": "application/HTTP-SPNEGO-session-encrypted",
    "kerberos": "application/HTTP-Kerberos-session-encrypted",
    "credssp": "application/HTTP-CredSSP-session-encrypted",
}
PLAIN = "application/soap+xml;charset=UTF-8"
CHUNK = 16384
"""CredSSP seals in records of TLS ([MS-WSMV] 2.2.9.1.3)."""


def unseal(context: spnego.ContextProxy, body: bytes) -> bytes:
    """The plain message; raises ValueError where the body is not such a multipart."""
    parts = re.split(rb"--\s*Encrypted Boundary(?:--)?\r\n", body)[1:]
    pairs = [parts[at : at + 2] for at in range(0, len(parts) - 1, 2)]
    if not pairs:
        raise ValueError("not a sealed message")
    return b"".join(_open(context, sealed) for _about, sealed in pairs)


def _open(context: spnego.ContextProxy, part: bytes) -> bytes:
    # The part headers carry a tab or none, as the client likes (recorded both ways).
    sealed = re.split(rb"application/octet-stream\r\n", part, maxsplit=1)[-1]
    length = struct.unpack("<i", sealed[:4])[0]
    return context.unwrap_winrm(sealed[4 : 4 + length], sealed[4 + length :])


def seal(context: spnego.ContextProxy, message: bytes, scheme: str, tabs: bool = True) -> tuple[str, bytes]:
    """Content type and body of a sealed message; with tabs, for pypsrp and pywinrm strip only that form."""
    protocol, tab = PROTOCOLS[scheme], "\t" if tabs else ""
    chunks = [message[at : at + CHUNK] for at in range(0, len(message), CHUNK)] if scheme == "credssp" else [message]
    kind = "x-multi-encrypted" if len(chunks) > 1 else "encrypted"
    body = b""
    for chunk in chunks:
        wrapped = context.wrap_winrm(chunk)
        head = (
            f"--Encrypted Boundary\r\n{tab}Content-Type: {protocol}\r\n"
            f"{tab}OriginalContent: type={PLAIN};Length={len(chunk) + wrapped.padding_length}\r\n"
            f"--Encrypted Boundary\r\n{tab}Content-Type: application/octet-stream\r\n"
        ).encode("ascii")
        body += head + struct.pack("<i", len(wrapped.header)) + wrapped.header + wrapped.data
    return f'multipart/{kind};protocol="{protocol}";boundary="Encrypted Boundary"', body + b"--Encrypted Boundary--\r\n"
