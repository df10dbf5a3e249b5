# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cmd.exe: enough of its grammar to run what clients send in one compound line, with the traps that the real one has.

`start` gives the output as it comes, `run` all of it at once. Phases and precedence follow the description of cmd's parser that Stack Overflow's question
4094699 collects, and Microsoft's page on cmd: percent signs first, then quotes, carets and operators, delayed expansion last and for each command.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .calling import Call, Result
from .commands import find
from .languages import text
from .model import Inside

DEEPEST = 20
"""Parentheses in parentheses, cmd in cmd in cmd: no further."""
LONGEST = 8191
"""Characters of a line (Microsoft's KB830473)."""
SPECIAL = "&<>()@^|"
BUILT_IN = ("echo", "rem", "set", "setlocal", "endlocal", "type", "ver", "del", "erase", "cd")
"""Commands of cmd itself, which take no time."""


class Chunk(t.NamedTuple):
    """A piece of output. Wait `delay` seconds before it; a negative one: nothing comes any more, and the connection ends."""

    delay: float
    data: bytes
    stream: str = "stdout"


@dataclass
class Simple:
    """One command as it stands between operators; `redirections` are pairs of handle and target."""

    text: str
    redirections: list[tuple[int, str, bool]] = field(default_factory=list)
    """Handle, target (`&1`, a file), whether it is appended."""


@dataclass
class Block:
    """Commands in parentheses."""

    body: Node
    redirections: list[tuple[int, str, bool]] = field(default_factory=list)


@dataclass
class Pair:
    """Two parts with an operator between them: `&`, `&&`, `||` or `|`."""

    operator: str
    left: Node
    right: Node


Node = t.Union[Simple, Block, Pair, None]


class Unexpected(Exception):
    """cmd's "was unexpected at this time", with what was."""


class Parser:
    """One line, percent signs already expanded."""

    LEVELS = ("&", "||", "&&", "|")
    """Operators, the loosest first."""

    def __init__(self, line: str) -> None:
        self.line, self.at, self.depth = line, 0, 0

    def parse(self) -> Node:
        """The whole line."""
        found = self._level(0)
        if self.at < len(self.line):
            raise Unexpected(self.line[self.at])
        return found

    def _operator(self) -> str:
        for operator in ("&&", "||", "&", "|"):
            if self.line.startswith(operator, self.at):
                return operator
        return ""

    def _level(self, level: int) -> Node:
        if level == len(self.LEVELS):
            return self._command()
        left = self._level(level + 1)
        while self._operator() == self.LEVELS[level]:
            if left is None:
                raise Unexpected(self.LEVELS[level])
            self.at += len(self.LEVELS[level])
            right = self._level(level + 1)
            if right is None and self.LEVELS[level] != "&":
                raise Unexpected(self._operator() or self.LEVELS[level])
            left = Pair(self.LEVELS[level], left, right)
        return left

    def _command(self) -> Node:
        while self.at < len(self.line) and self.line[self.at] in " \t,;=@":
            self.at += 1
        if self.line.startswith("(", self.at):
            return self._block()
        found = Simple("")
        self._words(found)
        return found if found.text.strip() or found.redirections else None

    def _block(self) -> Block:
        self.at += 1
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unexpected("(")
        body = self._level(0)
        if not self.line.startswith(")", self.at):
            raise Unexpected(self.line[self.at : self.at + 1] or ")")
        self.at += 1
        self.depth -= 1
        rest = Simple("")
        self._words(rest)
        if rest.text.strip():
            raise Unexpected(rest.text.split()[0])
        return Block(body, rest.redirections)

    def _words(self, into: Simple) -> None:
        quoted = False
        text: list[str] = []
        while self.at < len(self.line):
            char = self.line[self.at]
            if char == '"':
                quoted = not quoted
            elif quoted:
                pass
            elif char == "^":
                self.at += 1
                char = self.line[self.at] if self.at < len(self.line) else ""
            elif char in "&|" or (char == ")" and self.depth):
                break
            elif char in "<>":
                handle = 0 if char == "<" else 1
                if text and text[-1].isdigit() and (len(text) == 1 or text[-2] in " \t\""):
                    handle = int(text.pop())
                self._redirection(into, handle)
                continue
            text.append(char)
            self.at += 1
        into.text = "".join(text)

    def _redirection(self, into: Simple, handle: int) -> None:
        self.at += 1
        appended = self.line.startswith(">", self.at)
        self.at += appended
        found = re.compile(r'\s*(&\d|"[^"]*"|[^\s&|<>()"]+)').match(self.line, self.at)
        if found is None:
            raise Unexpected(self.line[self.at : self.at + 1] or ">")
        self.at = found.end()
        into.redirections.append((handle, found[1].strip('"'), appended))


Target = t.Union[str, t.List[str]]
"""Where output goes: `stdout` and `stderr` of the command line, a buffer, or "" for nowhere."""


@dataclass
class Process:
    """One cmd.exe: its variables and whether exclamation marks mean something. Files are those of the host's %TEMP%."""

    call: Call
    delayed: bool = False
    codepage: str = "utf-8"
    depth: int = 0
    code: int = 0
    """ERRORLEVEL."""
    left: bool = False
    """`exit` was called."""

    def line(self, line: str, out: Target = "stdout", err: Target = "stderr", given: str = "") -> t.Iterator[Chunk]:
        """Run one line; afterwards `code` is its exit code."""
        if len(line) > LONGEST:
            yield from self._say(err, text(self.call.inside, "too_long"))
            self.code = 1
            return
        try:
            parsed = Parser(self._percent(line)).parse()
        except Unexpected as error:
            yield from self._say(err, text(self.call.inside, "unexpected", error))
            self.code = 255
            return
        if parsed is not None:
            yield from self._node(parsed, out, err, given)

    def _percent(self, line: str) -> str:
        """What is not set stays as it is, as everywhere outside of batch files."""
        return re.sub(r"%([^%\s]+)%", lambda found: str(self._variable(found[1], found[0])), line)

    def _variable(self, name: str, otherwise: str) -> str:
        if name.lower() == "errorlevel" and "errorlevel" not in self.call.variables:
            return str(self.code)
        return self.call.variables.get(name.lower(), otherwise)

    def _exclamation(self, line: str) -> str:
        """Carets count once more where there is an exclamation mark; one that is left alone goes."""
        if "!" not in line:
            return line
        return re.sub(r"\^(.)|!([^!]*)!|!", lambda found: found[1] or (self._variable(found[2], "") if found[2] else ""), line)

    def _node(self, node: Node, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        """Run a part; returns what && and || look at."""
        if isinstance(node, Pair) and node.operator == "&":
            return (yield from self._sequence(node, out, err, given))
        if isinstance(node, Pair):
            return (yield from (self._pipe if node.operator == "|" else self._pair)(node, out, err, given))
        if isinstance(node, Block):
            return (yield from self._block(node, out, err, given))
        if isinstance(node, Simple):
            return (yield from self._simple(node, out, err, given))
        return 0

    def _sequence(self, node: Pair, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        """One after the other; a long line is no deep one."""
        parts: list[Node] = []
        first: Node = node
        while isinstance(first, Pair) and first.operator == "&":
            parts.append(first.right)
            first = first.left
        code = 0
        for part in (first, *reversed(parts)):
            if part is not None and not self.left:
                code = yield from self._node(part, out, err, given)
        return code

    def _pair(self, node: Pair, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        code = yield from self._node(node.left, out, err, given)
        if self.left or node.right is None or (node.operator == "&&" and code) or (node.operator == "||" and not code):
            return code
        return (yield from self._node(node.right, out, err, given))

    def _pipe(self, node: Pair, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        """Both sides run in a cmd of their own, which knows no delayed expansion: `!errorlevel!` stays as it is there."""
        buffer: list[str] = []
        left, right = Process(self.call, False, self.codepage, self.depth), Process(self.call, False, self.codepage, self.depth)
        yield from left._node(node.left, buffer, err, given)
        code = yield from right._node(node.right, out, err, "".join(buffer))
        self.code = right.code
        return code

    def _block(self, node: Block, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        files: list[tuple[str, list[str], bool]] = []
        out, err, given = self._targets(node.redirections, out, err, given, files)
        code = yield from self._node(node.body, out, err, given)
        self._keep(files)
        return code

    def _simple(self, node: Simple, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        line = self._exclamation(node.text) if self.delayed else node.text
        files: list[tuple[str, list[str], bool]] = []
        missing = next((name for handle, name, _more in node.redirections if handle == 0 and self.call.files.get(self.call.path(name)) is None), "")
        if missing and missing.lower() != "nul":
            yield from self._say(err, text(self.call.inside, "no_file"))
            self.code = 1
            return 1
        out, err, given = self._targets(node.redirections, out, err, given, files)
        code = yield from self._command(line, out, err, given)
        self._keep(files)
        return code

    def _targets(
        self, redirections: t.Iterable[tuple[int, str, bool]], out: Target, err: Target, given: str, files: list[tuple[str, list[str], bool]],
    ) -> tuple[Target, Target, str]:
        """Left to right: `>file 2>&1` and `2>&1 >file` are not the same."""
        targets: dict[int, Target] = {1: out, 2: err}
        for handle, name, appended in redirections:
            if handle == 0:
                given = (self.call.files.get(self.call.path(name)) or b"").decode("utf-8", "replace")
            elif name.startswith("&"):
                targets[handle] = targets.get(int(name[1:]), "")
            elif name.lower() == "nul":
                targets[handle] = ""
            else:
                buffer: list[str] = []
                files.append((self.call.path(name), buffer, appended))
                targets[handle] = buffer
        return targets[1], targets[2], given

    def _keep(self, files: t.Iterable[tuple[str, list[str], bool]]) -> None:
        for name, buffer, appended in files:
            before = self.call.files.get(name, b"") if appended else b""
            self.call.files[name] = before + "".join(buffer).encode(self.codepage, "replace")

    def _say(self, target: Target, said: str) -> t.Iterator[Chunk]:
        if isinstance(target, list):
            target.append(said)
        elif target and said:
            yield Chunk(0.0, said.encode(self.codepage, "replace"), target)

    def _command(self, line: str, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        found = re.match(r'\s*(?:"([^"]+)"|([^\s"/,;=+.\[\]:]+(?:[\\:][^\s"/,;=+\[\]]*)?(?:\.[A-Za-z0-9]+)?))', line)
        if found is None:
            return 0
        name, rest = found[1] or found[2], line[found.end() :]
        short = re.sub(r"\.exe$", "", name.rpartition("\\")[2].lower())
        if short == "cmd":
            return (yield from self._child(rest, out, err, given))
        if short == "exit":
            self.left = True
            number = re.search(r"-?\d+", rest)
            self.code = int(number[0]) if number else self.code
            return self.code
        seconds = self.call.inside.slow.get(f"command:{short}", 0.0 if short in BUILT_IN else self.call.pace)
        if seconds:
            yield Chunk(seconds, b"")
            if seconds < 0:
                self.left = True
                return 1
        result = self._program(name, short, rest, given)
        yield from self._say(out, result.out)
        yield from self._say(err, result.err)
        self.code = self.code if result.keeps else result.code
        return result.code

    def _program(self, name: str, short: str, rest: str, given: str) -> Result:
        if f"command:{short}" in self.call.inside.forbidden:
            # [inferred] What cmd makes of a program that it may not start.
            return Result(5, err=text(self.call.inside, "access_denied_plain"))
        program = find(short)
        if program is None:
            return Result(9009, err=text(self.call.inside, "not_recognized", name))
        return program(self.call.of(rest, given))

    def _child(self, rest: str, out: Target, err: Target, given: str) -> t.Generator[Chunk, None, int]:
        """`cmd /v:on /c "..."`: the first and the last quote go, unless there are just two and nothing special between them."""
        found = re.match(r"((?:\s*/(?!c\b|k\b|r\b)[a-z]+(?::\w+)?)*)\s*/[ckr]\s*(.*)$", rest, re.IGNORECASE | re.DOTALL)
        if found is None or self.depth >= DEEPEST:
            return 0
        options, line = found[1].lower().split(), found[2]
        plain = line.count('"') == 2 and not any(char in line for char in SPECIAL) and find(line.split('"')[1].strip().lower()) is not None
        if line.startswith('"') and ("/s" in options or not plain):
            last = line.rindex('"')
            line = line[1:last] + line[last + 1 :] if last else line[1:]
        child = Process(self.call.child(), "/v:on" in options or "/v" in options, self.codepage, self.depth + 1)
        yield from child.line(line, out, err, given)
        self.code = child.code
        return child.code


class Running:
    """A command line that runs: iterate over its chunks, then look at `code`."""

    def __init__(self, line: str, call: Call, codepage: str, given: str) -> None:
        self.process = Process(call, codepage=codepage)
        self._chunks = self.process.line(line, given=given)

    def __iter__(self) -> t.Iterator[Chunk]:
        return self._chunks

    @property
    def code(self) -> int:
        """The exit code, once nothing more comes."""
        return self.process.code


CODEPAGES = {65001: "utf-8", 437: "cp437", 850: "cp850", 1252: "cp1252"}


def start(
    line: str, inside: Inside, account: t.Any, user: str, *, files: dict[str, bytes] | None = None, given: bytes = b"", codepage: int = 65001,
    pace: float = 0.0,
) -> Running:
    """What WinRS does with a command line: cmd /c. `files` are those of the host's %TEMP%, by full path in lower case; pass the same for all its shells.

    `account` is a messages.Account, `user` what the caller is called, `pace` the seconds that each program takes. Never blocks: it is
    for the reader of the chunks to wait where one has a delay.
    """
    call = Call(inside, account, user, files if files is not None else {}, pace=pace)
    return Running(line, call, CODEPAGES.get(codepage, "cp850"), given.decode("utf-8", "replace"))


def run(line: str, inside: Inside, account: t.Any, user: str, **more: t.Any) -> tuple[int, bytes]:
    """Exit code and all output, standard error included, without any delay."""
    running = start(line, inside, account, user, **more)
    output = b"".join(chunk.data for chunk in running)
    return running.code, output
