# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote shells of one host: WinRS ([MS-WSMV] 3.1.4.10 on) and, for PowerShell's resource, PSRP."""

from __future__ import annotations

import base64
import re
import time
import typing as t
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from ..inside import cmd, resources
from ..inside.manners import manner
from ..messages import Account, Windows
from .psrp import PowerShell
from .soap import NS, Fault, Message, reply, seconds
from .toy import Toy

SHELL = NS["rsp"]
DONE = f"{SHELL}/CommandState/Done"
PACE = {"as_it_comes": 0.002, "at_once": 0.0, "slow": 0.02}
"""Seconds that a program takes, by manner."""
LEAST_IDLE = 60.0


def ticks() -> float:
    """The clock of the shells; it is looked up each time, so that a test may set it."""
    return time.monotonic()


@dataclass
class Command:
    """A command line, what was sent to its standard input, and, once it was asked for output, what runs."""

    line: str
    input: bytes = b""
    running: cmd.Running | None = None
    chunks: t.Iterator[cmd.Chunk] = field(default_factory=lambda: iter(()))
    waiting: cmd.Chunk | None = None
    """Output that was not there yet."""
    began: float = field(default_factory=ticks)
    ready: float = 0.0
    """When, in seconds since then, the output was or will be there that was taken last."""
    told: float = 0.0
    """When the last answer about it is sent."""


@dataclass
class Shell:
    """One cmd shell, or one PowerShell runspace pool."""

    commands: dict[str, Command] = field(default_factory=dict)
    power: PowerShell | None = None
    resource: str = ""
    owner: str = ""
    codepage: int = 437
    idle: float = 7200.0
    """Seconds without a request after which it is gone."""
    used: float = 0.0
    """When the last answer about it was sent."""


class Shells:
    """All shells of a host, by ShellId."""

    def __init__(self, windows: Windows, clock: t.Callable[[], float] = ticks) -> None:
        self.windows, self.clock = windows, clock
        self.open: dict[str, Shell] = {}
        self.files: dict[str, bytes] = {}
        """%TEMP%, by full path in lower case."""

    def listed(self, user: str, account: Account) -> list[str]:
        """The shells that somebody may see, as elements: an administrator all, others their own."""
        self._forget()
        seen = {id: shell for id, shell in self.open.items() if account.administrator or shell.owner == user}
        return [resources.shell_element(id, shell.resource, shell.owner, "127.0.0.1", idle=shell.idle) for id, shell in seen.items()]

    def _forget(self) -> None:
        """Those that were idle for too long ([MS-WSMV] 3.1.4.1.31.5)."""
        now = self.clock()
        self.open = {id: shell for id, shell in self.open.items() if now - shell.used <= shell.idle}

    def answer(self, request: Message, user: str, account: Account) -> tuple[bytes, float]:
        """One request about shells, and the seconds that its answer takes; raises a Fault."""
        self._forget()
        try:
            message, delay = self._answer(request, user, account)
        except Late as error:
            self._use(request, error.seconds)
            raise
        self._use(request, delay)
        return message, delay

    def _use(self, request: Message, delay: float) -> None:
        """The time that the answer takes is not idle."""
        shell = self.open.get(request.selectors.get("ShellId", "").upper())
        if shell is not None:
            shell.used = self.clock() + max(0.0, delay)

    def _answer(self, request: Message, user: str, account: Account) -> tuple[bytes, float]:
        verb = request.verb
        if verb == "Create":
            return self._create(request, user), 0.0
        shell = self.open.get(request.selectors.get("ShellId", "").upper())
        if shell is None:
            raise Fault("s:Sender", "w:InvalidSelectors", "The request contained invalid selectors for the resource.", 2150858843)
        if verb == "Delete":
            del self.open[request.selectors["ShellId"].upper()]
            return reply(request, f"{NS['x']}/DeleteResponse", ""), 0.0
        if verb == "Receive":
            body, delay = self._receive(request, shell, user, account)
            return reply(request, f"{SHELL}/ReceiveResponse", body), delay
        action = {"Command": self._command, "Send": self._send, "Signal": self._signal}.get(verb)
        if action is None:
            raise Fault("s:Sender", "w:ActionNotSupported", "The action is not supported by the service.", 2150858752)
        return reply(request, f"{SHELL}/{verb}Response", action(request, shell, user)), 0.0

    def _create(self, request: Message, user: str) -> bytes:
        asked = request.find("rsp:Shell")
        id = ((asked.get("ShellId") if asked is not None else None) or str(uuid.uuid4())).upper()
        codepage = request.options.get("WINRS_CODEPAGE", "")
        idle = self._idle(asked.findtext("rsp:IdleTimeOut", "", NS) if asked is not None else "")
        shell = self.open[id] = Shell(
            resource=request.resource, owner=user, codepage=int(codepage) if codepage.isdecimal() else 437, idle=idle, used=self.clock(),
        )
        creation = request.find(".//ps:creationXml")
        if request.resource.startswith("http://schemas.microsoft.com/powershell/") and creation is not None:
            shell.power = PowerShell(Toy(self.windows, user))
            shell.power.receive(base64.b64decode(creation.text or ""), None)
        body = (
            f"<x:ResourceCreated><a:Address>http://{self.windows.computer}:5985/wsman</a:Address><a:ReferenceParameters><w:ResourceURI>"
            f'{escape(request.resource)}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{id}</rsp:ShellId><rsp:ResourceUri>{escape(request.resource)}</rsp:ResourceUri>"
            f"<rsp:Owner>{escape(user)}</rsp:Owner><rsp:ClientIP>127.0.0.1</rsp:ClientIP><rsp:IdleTimeOut>PT{idle:.3f}S</rsp:IdleTimeOut>"
            f"<rsp:InputStreams>{'stdin pr' if shell.power else 'stdin'}</rsp:InputStreams>"
            f"<rsp:OutputStreams>{'stdout' if shell.power else 'stdout stderr'}</rsp:OutputStreams></rsp:Shell>"
        )
        return reply(request, f"{NS['x']}/CreateResponse", body)

    def _idle(self, asked: str) -> float:
        """Seconds; the least is a minute ([MS-WSMV] 2.2.4.23, IdleTimeoutms)."""
        if not asked:
            return 7200.0
        wanted = seconds(asked)
        if wanted < LEAST_IDLE or (self.windows.inside is not None and manner(self.windows.inside, "idle") == "refused"):
            raise Fault("s:Sender", "w:InvalidParameter", "The idle time-out of the shell is out of bounds.", 2150859250)
        return wanted

    def _command(self, request: Message, shell: Shell, user: str) -> str:
        line = request.find("rsp:CommandLine")
        if line is None:
            raise Fault("s:Sender", "w:SchemaValidationError", "The command line is missing.", 2150858817)
        id = (line.get("CommandId") or str(uuid.uuid4())).upper()
        arguments = [item.text or "" for item in line.findall("rsp:Arguments", NS)]
        if shell.power:
            shell.power.start(uuid.UUID(id), base64.b64decode(arguments[0]))
        else:
            shell.commands[id] = Command(" ".join([line.findtext("rsp:Command", "", NS), *arguments]).strip())
        return f"<rsp:CommandResponse><rsp:CommandId>{id}</rsp:CommandId></rsp:CommandResponse>"

    def _send(self, request: Message, shell: Shell, user: str) -> str:
        for stream in request.body.iter(f"{{{SHELL}}}Stream"):
            data, id = base64.b64decode(stream.text or ""), (stream.get("CommandId") or "").upper()
            if shell.power:
                shell.power.receive(data, uuid.UUID(id) if id else None)
            elif id in shell.commands:
                shell.commands[id].input += data
        return "<rsp:SendResponse/>"

    def _receive(self, request: Message, shell: Shell, user: str, account: Account) -> tuple[str, float]:
        wanted = request.find(".//rsp:DesiredStream")
        id = ((wanted.get("CommandId") if wanted is not None else None) or "").upper()
        if shell.power:
            return self._received(shell.power, id), 0.0
        command = shell.commands.get(id)
        if command is None:
            raise Fault("s:Sender", "w:InvalidSelectors", "The command was not found in the shell.", 2150858843)
        if command.line == "pause":
            raise quiet()
        script = _decoded(command.line)
        if self.windows.inside is not None and script == command.line:
            return self._streamed(request, id, shell, command, user, account)
        del shell.commands[id]
        status, output = Toy(self.windows, user).run(script, command.input)
        return _done([cmd.Chunk(0.0, output)], id, status), 0.0

    def _streamed(self, request: Message, id: str, shell: Shell, command: Command, user: str, account: Account) -> tuple[str, float]:
        """What there is of a command's output, or the first of it once there is any; where that takes longer than the client waits, it is told so and asks
        again (recorded: winrs-optimeout)."""
        if command.running is None and self.windows.inside is not None:
            pace = PACE[manner(self.windows.inside, "output")]
            more: dict[str, t.Any] = {"files": self.files, "given": command.input, "codepage": shell.codepage, "pace": pace}
            command.running = cmd.start(command.line, self.windows.inside, account, user, **more)
            command.chunks = iter(command.running)
        # Answers are sent later than they are made; who asks again has seen the last one.
        now = until = max(time.monotonic() - command.began, command.told)
        found: list[cmd.Chunk] = []
        while (chunk := command.waiting or next(command.chunks, None)) is not None:
            command.waiting = None
            if chunk.delay < 0 and not found:
                return "", -1.0
            command.ready += max(0.0, chunk.delay)
            if found and (chunk.delay < 0 or command.ready > until):
                command.waiting = chunk._replace(delay=min(0.0, chunk.delay))
                command.told = until
                return _running(found, id), until - now
            if 0 < request.timeout < command.ready - now:
                command.waiting = chunk._replace(delay=0.0)
                command.told = now + request.timeout
                raise Late(request.timeout)
            until = max(until, command.ready)
            found += [chunk] if chunk.data else []
        del shell.commands[id]
        return _done(found, id, command.running.code if command.running else 1), until - now

    def _received(self, power: PowerShell, id: str) -> str:
        fragments = power.output(uuid.UUID(id) if id else None)
        if not fragments:
            raise quiet()
        about = f' CommandId="{id}"' if id else ""
        body = "".join(f'<rsp:Stream Name="stdout"{about}>{base64.b64encode(data).decode()}</rsp:Stream>' for data in fragments)
        state = f'<rsp:CommandState CommandId="{id}" State="{DONE}"></rsp:CommandState>' if id else ""
        return f"<rsp:ReceiveResponse>{body}{state}</rsp:ReceiveResponse>"

    def _signal(self, request: Message, shell: Shell, user: str) -> str:
        signal = request.find("rsp:Signal")
        if isinstance(signal, ET.Element):
            shell.commands.pop((signal.get("CommandId") or "").upper(), None)
        return "<rsp:SignalResponse/>"


def _streams(chunks: t.Sequence[cmd.Chunk], id: str) -> str:
    return "".join(
        f'<rsp:Stream Name="{chunk.stream}" CommandId="{id}">{base64.b64encode(chunk.data).decode()}</rsp:Stream>' for chunk in chunks if chunk.data
    )


def _running(chunks: t.Sequence[cmd.Chunk], id: str) -> str:
    """Output so far (recorded: winrs-optimeout-02)."""
    state = f'<rsp:CommandState CommandId="{id}" State="{SHELL}/CommandState/Running"></rsp:CommandState>'
    return f"<rsp:ReceiveResponse>{_streams(chunks, id)}{state}</rsp:ReceiveResponse>"


def _done(chunks: t.Sequence[cmd.Chunk], id: str, status: int) -> str:
    """The rest of the output, its end, and the exit code (recorded: winrs-standard-02)."""
    ends = "".join(f'<rsp:Stream Name="{name}" CommandId="{id}" End="true"></rsp:Stream>' for name in ("stdout", "stderr"))
    state = f'<rsp:CommandState CommandId="{id}" State="{DONE}"><rsp:ExitCode>{status}</rsp:ExitCode></rsp:CommandState>'
    return f"<rsp:ReceiveResponse>{_streams(chunks, id)}{ends}{state}</rsp:ReceiveResponse>"


class Late(Exception):
    """Nothing to say before the client's OperationTimeout, which is told after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def quiet() -> Fault:
    """Nothing to say yet: the client asks again ([MS-WSMV] 3.1.4.14)."""
    text = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout."
    return Fault("s:Receiver", "w:TimedOut", text, 2150858793)


def _decoded(line: str) -> str:
    """The script inside `PowerShell -EncodedCommand ...`, else the line itself."""
    found = re.search(r"-EncodedCommand\s+(\S+)", line, re.IGNORECASE)
    return base64.b64decode(found[1]).decode("utf-16-le", "replace") if found else line
