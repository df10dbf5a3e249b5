# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keytab files, as MIT Kerberos reads them (its documentation, "Keytab file format", version 0x0502)."""

from __future__ import annotations

import os
import struct
import time
import typing as t
from pathlib import Path

NT_PRINCIPAL = 1


def keytab(principal: str, version: int, keys: t.Mapping[int, bytes]) -> bytes:
    """One entry for each encryption type; `principal` is NAME@REALM."""
    name, _at, realm = principal.partition("@")
    return b"\x05\x02" + b"".join(_entry(name, realm, version, kind, key) for kind, key in keys.items())


def _entry(name: str, realm: str, version: int, kind: int, key: bytes) -> bytes:
    components = name.split("/")
    head = struct.pack(">H", len(components)) + b"".join(_counted(part.encode()) for part in (realm, *components))
    body = head + struct.pack(">IIB", NT_PRINCIPAL, int(time.time()), version & 0xFF) + struct.pack(">H", kind) + _counted(key) + struct.pack(">I", version)
    return struct.pack(">i", len(body)) + body


def _counted(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def write(path: Path, data: bytes) -> None:
    """A file for nobody else's eyes."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
