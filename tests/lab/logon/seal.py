# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message encryption ([MS-WSMV] 2.2.9.1)."""

from __future__ import annotations

import re
import struct

import spnego

PROTOCOLS = {"negotiate": "application/HTTP-SPNEGO-session-encrypted", "kerberos": "application/HTTP-Kerberos-session-encrypted"}
PLAIN = "application/soap+xml;charset=UTF-8"


def unseal(context: spnego.ContextProxy, body: bytes) -> bytes:
    """The plain message; raises ValueError where the body is not such a multipart."""
    parts = re.split(rb"--\s*Encrypted Boundary\r\n", body)
    if len(parts) < 3:
        raise ValueError("not a sealed message")
    # The part headers carry a tab or none, as the client likes (recorded both ways).
    sealed = re.split(rb"application/octet-stream\r\n", parts[2], maxsplit=1)[-1]
    sealed = re.sub(rb"--\s*Encrypted Boundary--\r\n$", b"", sealed)
    length = struct.unpack("<i", sealed[:4])[0]
    return context.unwrap_winrm(sealed[4 : 4 + length], sealed[4 + length :])


def seal(context: spnego.ContextProxy, message: bytes, scheme: str) -> tuple[str, bytes]:
    """Content type and body of a sealed message; with tabs, for pypsrp and pywinrm strip only that form."""
    protocol = PROTOCOLS[scheme]
    wrapped = context.wrap_winrm(message)
    head = (
        f"--Encrypted Boundary\r\n\tContent-Type: {protocol}\r\n"
        f"\tOriginalContent: type={PLAIN};Length={len(message) + wrapped.padding_length}\r\n"
        "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    ).encode("ascii")
    body = head + struct.pack("<i", len(wrapped.header)) + wrapped.header + wrapped.data + b"--Encrypted Boundary--\r\n"
    return f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"', body
