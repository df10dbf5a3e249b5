# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command of the stand-in is given, and what it gives back."""

from __future__ import annotations

import functools
import re
import typing as t
from dataclasses import dataclass, field, replace

from .model import Inside


@dataclass(frozen=True)
class Result:
    """What a command ends with. Lines end as Windows ends them."""

    code: int = 0
    out: str = ""
    err: str = ""
    keeps: bool = False
    """True: ERRORLEVEL stays as it was, as after `echo`."""


@dataclass(frozen=True)
class Call:
    """One call: the host, who calls, the rest of the command line, standard input. Files are those of %TEMP%, by path in lower case."""

    inside: Inside
    account: t.Any
    """A messages.Account."""
    user: str
    files: dict[str, bytes]
    raw: str = ""
    given: str = ""
    changed: dict[str, str] = field(default_factory=dict)
    """Variables that `set` made."""
    pace: float = 0.0
    """Seconds that each program takes."""

    @functools.cached_property
    def arguments(self) -> tuple[str, ...]:
        """As the C runtime splits them: a backslash before a quote makes it an ordinary character."""
        return tuple(split(self.raw))

    @property
    def name(self) -> str:
        """The user's name without domain or realm."""
        return self.user.rpartition("\\")[2].partition("@")[0]

    @property
    def home(self) -> str:
        """The user's profile."""
        return f"C:\\Users\\{self.name}"

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables by name in lower case."""
        temp = f"{self.home}\\AppData\\Local\\Temp"
        return {
            "temp": temp, "tmp": temp, "computername": self.inside.computer, "username": self.name, "userprofile": self.home, "cd": self.home,
            "userdomain": self.inside.computer if self.account.local else self.inside.domain, "systemroot": "C:\\Windows", "windir": "C:\\Windows",
            "comspec": "C:\\Windows\\system32\\cmd.exe", "systemdrive": "C:", "os": "Windows_NT", "path": "C:\\Windows\\system32;C:\\Windows",
            "random": "4711", **self.changed,
        }

    def of(self, raw: str, given: str) -> Call:
        """The call of a command in this process; variables that it sets stay set."""
        return replace(self, raw=raw, given=given)

    def child(self) -> Call:
        """For a cmd of its own, whose variables end with it."""
        return replace(self, changed=dict(self.changed))

    def path(self, name: str) -> str:
        """A file's full path in lower case."""
        plain = name.strip().strip('"').replace("/", "\\").lower()
        return plain if re.match(r"[a-z]:\\", plain) else f"{self.home.lower()}\\{plain}"

    def option(self, name: str) -> str | None:
        """The value of `/name:value`, or of `/name value`; None where it is not given."""
        for at, one in enumerate(self.arguments):
            low = one.lower()
            if low.startswith(f"/{name}:"):
                return one[len(name) + 2 :]
            if low == f"/{name}":
                return self.arguments[at + 1] if at + 1 < len(self.arguments) else ""
        return None

    def has(self, name: str) -> bool:
        """Whether the switch `/name` is given."""
        return any(one.lower() == f"/{name}" or one.lower() == f"-{name}" for one in self.arguments)


def split(raw: str) -> list[str]:
    """A command line's words."""
    words: list[str] = []
    word, quoted, started, at = "", False, False, 0
    while at < len(raw):
        char = raw[at]
        slashes = len(raw[at:]) - len(raw[at:].lstrip("\\"))
        if slashes and raw[at + slashes : at + slashes + 1] == '"':
            word += "\\" * (slashes // 2)
            at += slashes
            if slashes % 2:
                word += '"'
                at += 1
            started = True
            continue
        if char == '"':
            quoted, started = not quoted, True
        elif char in " \t" and not quoted:
            if started:
                words.append(word)
            word, started = "", False
        else:
            word, started = word + char, True
        at += 1
    return [*words, word] if started else words


def lines(*said: str) -> str:
    """Lines as Windows ends them."""
    return "".join(f"{line}\r\n" for line in said)
