# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in can execute: what its cmd knows, and a handful of other commands, for there is no PowerShell."""

from __future__ import annotations

import re
import typing as t

from ..inside import cmd
from ..messages import Account, Windows

PING = b'{"changed": false, "ping": "pong"}'


class Toy:
    """Recognises a command by its text; anything else fails as an unknown command does."""

    def __init__(self, windows: Windows, user: str, account: Account | None = None, files: dict[str, bytes] | None = None) -> None:
        self.windows, self.user, self.account = windows, user, account or Account("")
        self.files: dict[str, bytes] = files if files is not None else {}

    def command(self, line: str, given: bytes = b"", codepage: int = 65001) -> t.Iterator[cmd.Chunk | int]:
        """A command line of WinRS: its output as it comes, at last its exit code. What waits is for the reader to wait."""
        if self.windows.inside is None or "win_ping" in line or b"win_ping" in given or re.match(r"\s*powershell", line, re.IGNORECASE):
            code, output = self.run(line, given)
            yield from (cmd.Chunk(0.0, output), code)
            return
        running = cmd.start(line, self.windows.inside, self.account, self.user, files=self.files, given=given, codepage=codepage)
        yield from running
        yield running.code

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
