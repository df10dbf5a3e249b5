# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many commands in one line for one WinRS shell, and what each of them said.

A line costs the same few round trips whatever it holds, so commands travel together:

    cmd /v:on /c "echo #TOKEN#&reg query "HKLM\\A B" /s 2>&1&echo #TOKEN#0#!errorlevel!&nltest ... 2>&1&echo #TOKEN#1#!errorlevel!"

What reads this line, in turn:

1. WinRS runs `cmd /c LINE`, or `cmd /c "LINE"` (sources show both). `cmd /?` says what becomes of quotes: where the text after /c begins with a quote, and
   is not just the quoted name of a program, the first and the last quote of the line are dropped. LINE begins with a letter, so both forms leave LINE.
2. That outer cmd parses LINE. It knows no nesting: every quote switches quoting on or off. From the quote after `/c` all is quoted, hence `&`, `|` and
   `>` mean nothing to it, up to the quote that *opens* a quoted part for the inner cmd; such a part is unquoted for the outer one. Special characters in
   there are escaped with a caret, which the outer cmd takes away (`quoted`).
   It also replaces `%NAME%`: one lone percent sign would swallow the beginning of the next variable, so that commands may hold pairs only.
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
TOKEN = 6
NOT_REACHED = Unknown("the host did not get to this command")
LOST = Unknown("what it said cannot be told from what came after it")
UNFIT = Unknown("this command cannot be run: it holds a quote or percent sign without its partner, an exclamation mark or a line break, or is too long")
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
        length = len(_framed(command, 9999, "0" * TOKEN)) + len("&")
        if not groups or length > room:
            groups.append([])
            room = LONGEST - len(START) - len(END) - len("echo ##&") - TOKEN
        groups[-1].append(command)
        room -= length
    if groups:
        groups[0] += [command for command in commands if not is_fit(command)]
    return tuple((_line(group), tuple(group)) for group in groups)


def split(text: str, commands: t.Sequence[Command]) -> dict[str, Known[Said]]:
    """What each of a line's commands said, by id; `commands` are those that came with the line, in the same order.

    Where the host died or turned slow, the command that was running keeps what it said so far, without an exit code. Where one marker got lost among
    other output, nobody knows what of that was whose: its command is unknown, and the next one's text holds both. What comes before the first marker, or in
    its place, is said by something else: a policy (DisableCMD) has cmd print a sentence and end.
    """
    mark = token(commands)
    begin = re.search(rf"#{mark}#[ \t]*(?:\r?\n|\Z)", text)
    place = begin.end() if begin else None
    said: dict[str, Known[Said]] = {}
    left = [(number, command) for number, command in enumerate(commands) if is_fit(command)]
    for found in _ends(text, mark):
        number = int(found[1])
        while left and left[0][0] < number:
            said[left.pop(0)[1].id] = LOST
        if left and left[0][0] == number:
            said[left.pop(0)[1].id] = LOST if place is None else Said(int(found[2]), text[place : found.start()])
            place = found.end()
    if left and place is not None and text[place:].strip():
        said[left.pop(0)[1].id] = Said(None, text[place:])
    return {command.id: said.get(command.id, NOT_REACHED if is_fit(command) else UNFIT) for command in commands}


def token(commands: t.Iterable[Command]) -> str:
    """What the markers of these commands carry. It follows from them, so that `split` needs nothing besides; no output holds it by chance."""
    whole = "\0".join(f"{command.id}\0{command.line}" for command in commands)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:TOKEN]


def is_fit(command: Command) -> bool:
    """Whether a command can stand in a line without changing what its neighbours mean."""
    line = command.line
    plain = line.isprintable() and "!" not in line and line.count('"') % 2 == line.count("%") % 2 == 0 and bool(line.strip())
    return plain and len(_framed(command, 9999, "0" * TOKEN)) < LONGEST - 100


def quoted(inner: str) -> str:
    """`inner` for the place between the quotes of `cmd /c "..."`: carets where the outer cmd is not inside quotes (see above)."""
    parts = inner.split('"')
    return '"'.join("".join(f"^{one}" if one in _SPECIAL else one for one in part) if number % 2 else part for number, part in enumerate(parts))


def _line(group: t.Sequence[Command]) -> str:
    mark = token(group)
    framed = (_framed(command, number, mark) for number, command in enumerate(group) if is_fit(command))
    return START + "&".join((f"echo #{mark}#", *framed)) + END


def _framed(command: Command, number: int, mark: str) -> str:
    """The command before its marker, with standard error in its place among the output; length as it is sent."""
    # Redirection binds to one command of a pipeline; around a block it holds for all.
    body = f"({command.line}) 2>&1" if any(one in command.line for one in "|&") else f"{command.line} 2>&1"
    return f"{quoted(body)}&echo #{mark}#{number}#!errorlevel!"


def _ends(text: str, mark: str) -> t.Iterator[re.Match[str]]:
    """Markers at ends of lines: a command line that is shown as a whole (a list of processes) goes on after them, and has no number for an exit code.

    They need not begin a line: some programs end their output without a line break.
    """
    return re.finditer(rf"#{mark}#(\d{{1,4}})#(-?\d{{1,10}})[ \t]*(?:\r?\n|\Z)", text)
