# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cmd shell on the host, WinRS: lines in, what they say out ([MS-WSMV] 3.1.4.10 to 3.1.4.14; whole conversations were recorded)."""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import time
import types
import typing as t

from ..safe_xml import Node
from ..wire.deadline import Deadline
from ..wire.session import Answer
from . import envelope
from .client import OPERATION, SPARE, Client, Faulted, Lost, WsmanError
from .faults import TIMED_OUT

ACTION = envelope.NAMESPACES["rsp"]
OPTIONS = {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": "65001"}
"""No profile is loaded, and output comes as UTF-8, as far as programs heed the code page of their console."""
RUN = {"WINRS_CONSOLEMODE_STDIN": "TRUE", "WINRS_SKIP_CMD_SHELL": "FALSE"}
KEEP_ALIVE = {"WSMAN_CMDSHELL_OPTION_KEEPALIVE": "TRUE"}
MOST_OUTPUT = 4 * 1024 * 1024
"""Bytes that one line may say."""
MOST_ANSWERS, MOST_SILENT = 2000, 60
"""Receives for one line, and those in a row that bring nothing; a host waits up to the OperationTimeout before it says so."""
STREAMS = ("stdout", "stderr")
QUIET = 20.0
"""Seconds after which a host that has nothing to tell says so: what was recorded, and soon enough for a connection not to look idle."""
LITTLE, PAUSES = 4096, (0.1, 0.2, 0.4)
"""Bytes of output below which an answer is followed by a pause, and the seconds of one pause after the other.

A host answers as soon as there is any output, while the command still runs (recorded: winrs-optimeout-02), so that a line of sixty commands could take as
many questions. Where little came, more is about to: it may gather meanwhile. After much the next question follows at once, for how much a host keeps for
nobody is not known, and a pipe that is full halts the command that writes into it [INF]."""
IDLE = 60
"""Seconds without use after which the host may forget a shell that nobody deletes any more, because this run was killed: the least that Windows takes
([MS-WSMV] 2.2.4.23, IdleTimeoutms). While somebody asks for a command's output every 20 s no shell is idle."""
NO_SUCH_IDLE = (0x803381F2, 0x8033803A, 0x80338041, 0x8033800C)
"""ERROR_WINRS_IDLETIMEOUT_OUTOFBOUNDS; [INF] what else a host could say that does not take the element: INVALID_PARAMETER, SCHEMA_VALIDATION_ERROR,
UNSUPPORTED_TIMEOUT."""
TOO_LATE = SPARE + 0.5
"""Seconds left in which a question is not worth asking: a host waits a second at least, and its answer has to come before our own time is up."""
CLOSING = 5.0
"""Seconds for deleting a shell, also where the time for its commands is used up."""


class Output(t.NamedTuple):
    """What a line said: standard output and error as they came."""

    code: int | None = None
    """Exit code; None where the line did not end, or the host told none."""
    text: str = ""
    error: WsmanError | None = None
    """What kept the rest from being read."""
    ended: bool = False
    goes_on: bool = False
    """True where only time ran out: the line still runs, and `go_on` asks for the rest."""
    silent: float = 0.0
    """Seconds for which nothing had come then."""


class Shell:
    """Open in a `with` statement: it is deleted on every path, and that this failed is told by `deleted`, never raised."""

    def __init__(self, client: Client, *, pause: t.Callable[[float], None] | None = None) -> None:
        self.client, self.pause = client, pause or time.sleep
        self.id = ""
        self.created: Answer | None = None
        self.deleted: Answer | None = None
        """The answer to Delete; None before, and where none came."""
        self._used = ""
        """A command that has ended and still holds something."""
        self._running: tuple[str, _Heard] | None = None
        """A command that had not ended when its time was up."""

    def __enter__(self) -> Shell:
        """Create it; raises WsmanError."""
        what = "Create a cmd shell"
        try:
            body = self._create(what, IDLE)
        except Faulted as error:
            if error.fault.code not in NO_SUCH_IDLE:
                raise
            body = self._create(what)
        self.created = self.client.last
        self.id = shell_id(body)
        if not self.id:
            raise Lost("malformed", f"{what}: the answer names no shell", self.client.last)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        """Delete it; whatever still runs in it ends ([MS-WSMV] 3.1.4.5.4)."""
        if not self.id:
            return
        before, self.client.deadline = self.client.deadline, Deadline(CLOSING)
        try:
            self.client.ask(self._message(f"{envelope.TRANSFER}/Delete"), "Delete the cmd shell")
        except WsmanError:
            # What came instead of an answer is kept below, for whoever wants to tell that a shell is left.
            pass
        finally:
            self.id, self.deleted, self.client.deadline = "", self.client.last, before

    def _create(self, what: str, idle: int = 0) -> Node:
        return self.client.ask(self._message(f"{envelope.TRANSFER}/Create", envelope.shell_body(idle), OPTIONS), what)

    def run(self, line: str, *, deadline: Deadline | None = None) -> Output:
        """Run a line by cmd.exe and wait until it ends; what it said before a failure is kept. `deadline`: sooner than the client's."""
        with self._until(deadline):
            try:
                self._give_back()
                command = self._start(line)
            except WsmanError as error:
                return Output(error=error)
            return self._listen(command, _Heard())

    def go_on(self, *, deadline: Deadline | None = None) -> Output:
        """Wait on for a line that had not ended when its time was up; the output is all of it."""
        if self._running is None:
            return Output()
        command, heard = self._running
        self._running = None
        with self._until(deadline):
            return self._listen(command, heard)

    @contextlib.contextmanager
    def _until(self, deadline: Deadline | None) -> t.Iterator[None]:
        before = self.client.deadline
        if deadline is not None and (before is None or deadline.end < before.end):
            self.client.deadline = deadline
        try:
            yield
        finally:
            self.client.deadline = before

    def _listen(self, command: str, heard: _Heard) -> Output:
        try:
            while not heard.ended:
                self._receive(command, heard)
        except WsmanError as error:
            if isinstance(error, Faulted) and error.fault.code == TIMED_OUT:
                # The host answers; it is the command that does not end. Deleting the shell ends it.
                self._running = command, heard
                return Output(heard.code, heard.so_far(), error, goes_on=True, silent=time.monotonic() - heard.last)
            self._abandon(command)
            return Output(heard.code, heard.text(), error, heard.ended)
        self._used = command
        return Output(heard.code, heard.text(), None, True)

    def _start(self, line: str) -> str:
        what = "Run a command"
        body = self.client.ask(self._message(f"{ACTION}/Command", envelope.command_body(line), RUN), what)
        command = body.first_text("CommandId")
        if not command:
            raise Lost("malformed", f"{what}: the answer names no command", self.client.last)
        return command

    def _receive(self, command: str, heard: _Heard) -> None:
        what = "Receive a command's output"
        try:
            body = self.client.ask(self._message(f"{ACTION}/Receive", envelope.receive_body(command), KEEP_ALIVE, QUIET), what)
        except Faulted as error:
            if error.fault.code != TIMED_OUT or self.client.left <= TOO_LATE:
                raise
            heard.nothing(what)
            return
        answer = body.find("ReceiveResponse")
        if answer is None:
            raise Lost("malformed", f"{what}: the answer is no ReceiveResponse", self.client.last)
        before = heard.bytes
        heard.take(answer, command, what)
        heard.pauses = 0 if heard.bytes - before >= LITTLE else heard.pauses + 1
        if heard.pauses and not heard.ended:
            self._wait(PAUSES[min(heard.pauses, len(PAUSES)) - 1])

    def _wait(self, seconds: float) -> None:
        """Let output gather, as long as there is time to ask for it afterwards."""
        seconds = min(seconds, self.client.left - SPARE)
        if seconds > 0:
            self.pause(seconds)

    def _give_back(self) -> None:
        """Between two commands, as [MS-WSMV] 3.1.4.14 has it; after the last one the shell itself is deleted."""
        if self._running is not None:
            self._used, self._running = self._running[0], None
        if self._used:
            self._signal(self._used)
            self._used = ""

    def _abandon(self, command: str) -> None:
        """End what nobody waits for, so that it does not run beside the next; Delete would do so too."""
        if self.client.session.channel.open and self.client.left > SPARE:
            with contextlib.suppress(WsmanError):
                self._signal(command)

    def _signal(self, command: str) -> None:
        self.client.ask(self._message(f"{ACTION}/Signal", envelope.signal_body(command)), "Signal the end of a command")

    def _message(self, action: str, body: str = "", options: envelope.Pairs | None = None, seconds: float = OPERATION) -> bytes:
        selectors = {"ShellId": self.id} if self.id else None
        return self.client.message(action, envelope.CMD, body=body, selectors=selectors, options=options, seconds=seconds)


class _Heard:
    """Output as it comes in. A character may be cut between two pieces of one stream, hence a decoder for each."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self.decoders = {name: decoder("replace") for name in STREAMS}
        self.pieces: list[str] = []
        self.bytes = self.answers = self.silent = self.pauses = 0
        self.code: int | None = None
        self.ended = False
        self.last = time.monotonic()
        """When something came, at first: when the command began."""

    def so_far(self) -> str:
        """What came until now, but for a character of which a part is missing."""
        return "".join(self.pieces)

    def text(self) -> str:
        """All of it."""
        return "".join(self.pieces) + "".join(decoder.decode(b"", final=True) for decoder in self.decoders.values())

    def nothing(self, what: str) -> None:
        """The host had nothing to say yet."""
        self.silent += 1
        if self.silent > MOST_SILENT:
            raise Lost("malformed", f"{what}: {self.silent} answers in a row brought nothing")

    def take(self, answer: Node, command: str, what: str) -> None:
        """One answer: pieces of both streams in their order, and whether the command has ended."""
        self.answers += 1
        before = self.bytes
        for stream in (child for child in answer.children if child.name == "Stream" and _mine(child, command)):
            self._piece(stream, what)
        state = next((child for child in answer.children if child.name == "CommandState" and _mine(child, command)), None)
        if state is not None and state.attributes.get("State", "").rpartition("/")[2].lower() == "done":
            self.ended = True
            self.code = _exit_code(state.first_text("ExitCode"))
        if self.bytes > before or self.ended:
            self.silent, self.last = 0, time.monotonic()
        else:
            self.nothing(what)
        if not self.ended and self.answers >= MOST_ANSWERS:
            raise Lost("too_large", f"{what}: no end after {MOST_ANSWERS} answers")

    def _piece(self, stream: Node, what: str) -> None:
        try:
            data = base64.b64decode("".join(stream.text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Lost("malformed", f"{what}: a piece of it is not Base64") from error
        self.bytes += len(data)
        if self.bytes > MOST_OUTPUT:
            raise Lost("too_large", f"{what}: more than {MOST_OUTPUT} bytes")
        name = stream.attributes.get("Name", "").lower()
        if name in self.decoders:
            self.pieces.append(self.decoders[name].decode(data))


def shell_id(root: Node) -> str:
    """The ShellId of a Create's answer: a selector in every version, an element besides since Windows 8 ([MS-WSMV] 2.2.4.37)."""
    named_so = (node.text.strip() for node in root.all("Selector") if node.attributes.get("Name", "").lower() == "shellid")
    return next((text for text in named_so if text), "") or root.first_text("ShellId")


def _mine(node: Node, command: str) -> bool:
    """Whether a piece belongs to the command; one that names none does."""
    return node.attributes.get("CommandId", command).strip().lower() == command.lower()


def _exit_code(text: str) -> int | None:
    """Windows writes it in decimal; a negative one may come with its sign or without."""
    try:
        return int(text)
    except ValueError:
        return None
