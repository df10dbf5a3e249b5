# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in can execute: a handful of commands, for there is no PowerShell."""

from __future__ import annotations

import re

from ..messages import Windows

PING = b'{"changed": false, "ping": "pong"}'


class Toy:
    """Recognises a command by its text; anything else fails as an unknown command does."""

    def __init__(self, windows: Windows, user: str) -> None:
        self.windows, self.user = windows, user

    def run(self, script: str, given: bytes | str = b"") -> tuple[int, bytes]:
        """Exit code and standard output."""
        text = script + (given.decode("utf-8", "replace") if isinstance(given, bytes) else given)
        if "win_ping" in text:
            return 0, PING
        words = re.findall(r"[\w.-]+", script.lower())
        if "hostname" in words:
            return 0, f"{self.windows.computer}\r\n".encode()
        if "whoami" in words:
            return 0, f"{self.user.lower()}\r\n".encode()
        if words[:1] == ["echo"]:
            return 0, script.partition(" ")[2].encode() + b"\r\n"
        return 1, b""
