# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many commands in one line for one WinRS shell, and what each of them said.

A line costs the same few round trips whatever it holds, so commands travel together:

    cmd /v:on /c "echo ::TOKEN:0:begin & reg query "HKLM\\A B" /s 2>&1 & echo ::TOKEN:0:end:!errorlevel! & echo ::TOKEN:1:begin & ..."

What reads this line, in turn:

1. WinRS runs `cmd /c LINE`, or `cmd /c "LINE"` (sources show both). `cmd /?` says what becomes of quotes: where the text after /c begins with a quote, and
   is not just the quoted name of a program, the first and the last quote of the line are dropped. LINE begins with a letter, so both forms leave LINE.
2. That outer cmd parses LINE. It knows no nesting: every quote switches quoting on or off. From the quote after `/c` all is quoted, hence `&`, `|` and
   `>` mean nothing to it, up to the quote that *opens* a quoted part for the inner cmd; such a part is unquoted for the outer one. Special characters in
   there are escaped with a caret, which the outer cmd takes away (`quoted`).
3. The inner cmd gets `"..."` after its /c and drops the first and the last quote: there is a `&`, which makes it a command, not a program's name. It runs
   with delayed expansion, so that `!errorlevel!` is read when its turn comes; `%errorlevel%` would be replaced before the first command runs.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from ..evidence.base import Known, Unknown
from .material import Command, Said

LONGEST = 7000
"""Characters of a line; cmd.exe takes 8191."""
NOT_REACHED = Unknown("the host did not get to this command")
UNFIT = Unknown("this command cannot be run: it holds a quote without its partner, an exclamation mark or a line break, or is too long")
START, END = 'cmd /v:on /c "', '"'
_SPECIAL = frozenset("&|<>^()")
Group = t.Tuple[str, t.Tuple[Command, ...]]


def lines(commands: t.Sequence[Command]) -> tuple[Group, ...]:
    """Lines to run one after the other in a shell, each with the commands it holds; those that wait for others come last.

    A command that cannot be run belongs to the first line without standing in it, so that `split` says so.
    """
    fit = [command for command in sorted(commands, key=lambda one: one.slow) if is_fit(command)]
    groups: list[list[Command]] = []
    room = 0
    for command in fit:
        length = len(_framed(command, 9999, "0" * 8)) + len(" & ")
        if not groups or length > room:
            groups.append([])
            room = LONGEST - len(START) - len(END)
        groups[-1].append(command)
        room -= length
    if groups:
        groups[0] += [command for command in commands if not is_fit(command)]
    return tuple((_line(group), tuple(group)) for group in groups)


def split(text: str, commands: t.Sequence[Command]) -> dict[str, Known[Said]]:
    """What each of a line's commands said, by id; `commands` are those that came with the line, in the same order.

    A command whose end marker never came (the host died or turned slow) keeps what it said so far, without an exit code. Text that stands between two
    commands, such as a late line of standard error, belongs to none.
    """
    found = _markers(text, token(commands))
    said: dict[str, Known[Said]] = {}
    for number, command in enumerate(commands):
        said[command.id] = _said(text, found, number) if is_fit(command) else UNFIT
    return said


def token(commands: t.Iterable[Command]) -> str:
    """What the markers of these commands carry. It follows from them, so that `split` needs nothing besides; no output holds it by chance."""
    whole = "\0".join(f"{command.id}\0{command.line}" for command in commands)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def is_fit(command: Command) -> bool:
    """Whether a command can stand in a line without changing what its neighbours mean."""
    line = command.line
    plain = line.isprintable() and "!" not in line and line.count('"') % 2 == 0 and bool(line.strip())
    return plain and len(_framed(command, 9999, "0" * 8)) < LONGEST - len(START) - len(END)


def quoted(inner: str) -> str:
    """`inner` for the place between the quotes of `cmd /c "..."`: carets where the outer cmd is not inside quotes (see above)."""
    parts = inner.split('"')
    return '"'.join("".join(f"^{one}" if one in _SPECIAL else one for one in part) if number % 2 else part for number, part in enumerate(parts))


def _line(group: t.Sequence[Command]) -> str:
    mark = token(group)
    framed = (_framed(command, number, mark) for number, command in enumerate(group) if is_fit(command))
    return START + " & ".join(framed) + END


def _framed(command: Command, number: int, mark: str) -> str:
    """The command between its markers, with standard error in its place among the output; length as it is sent."""
    # Redirection binds to one command of a pipeline; around a block it holds for all.
    body = f"({command.line}) 2>&1" if any(one in command.line for one in "|&") else f"{command.line} 2>&1"
    return f"echo ::{mark}:{number}:begin & {quoted(body)} & echo ::{mark}:{number}:end:!errorlevel!"


class _Marker(t.NamedTuple):
    start: int
    end: int
    number: int
    code: int | None
    """None: it begins."""


def _markers(text: str, mark: str) -> list[_Marker]:
    """Markers at ends of lines: a command line that is shown as a whole (a list of processes) goes on after them, or has no number for an exit code.

    They need not begin a line: some programs end their output without a line break.
    """
    pattern = re.compile(rf"::{mark}:(\d{{1,4}}):(?:begin|end:(-?\d{{1,10}}))[ \t]*(?:\r?\n|\Z)")
    return [_Marker(one.start(), one.end(), int(one[1]), None if one[2] is None else int(one[2])) for one in pattern.finditer(text)]


def _said(text: str, found: t.Sequence[_Marker], number: int) -> Known[Said]:
    """From a command's begin to its end, or to whatever marker comes next where the end got lost."""
    mine = next((place for place, one in enumerate(found) if one.number == number), None)
    if mine is None:
        return NOT_REACHED
    first = found[mine]
    if first.code is not None:
        # The begin got lost, as when standard error was written into it.
        return Said(first.code, text[found[mine - 1].end if mine else 0 : first.start])
    after = found[mine + 1] if mine + 1 < len(found) else None
    if after is None:
        return Said(None, text[first.end :])
    return Said(after.code if after.number == number else None, text[first.end : after.start])
