# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inside of the lab's Windows as one connection sees it: who may, how long it takes, commands whose output comes bit by bit."""

from __future__ import annotations

import asyncio
import base64
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from lab import framing
from lab.inside import profiles
from lab.inside.model import Inside
from lab.logon import converse, shells
from lab.messages import Account, Request, Response, Windows

SHELL, TRANSFER = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell", "http://schemas.xmlsoap.org/ws/2004/09/transfer"
MS = "http://schemas.microsoft.com/wbem/wsman/1"
ENUMERATE = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate"
HEAD = {"host": "web01:5985", "content-type": "application/soap+xml;charset=UTF-8"}


class Host:
    """A connection on which Basic may carry plain messages."""

    def __init__(self, computer: str, groups: str = "administrators", **changed: t.Any) -> None:
        inside = replace(profiles.fresh(computer=computer), **changed)
        accounts = {"user": Account("secret", groups=groups, local=True)}
        self.windows = Windows(computer, schemes=("Basic",), accounts=accounts, allow_unencrypted=True, inside=inside)
        self.to = converse(self.windows, certificate=None)

    def ask(self, action: str, resource: str, body: str = "", selectors: str = "", timeout: str = "") -> Response:
        names = f'<w:SelectorSet><w:Selector Name="ShellId">{selectors}</w:Selector></w:SelectorSet>' if selectors else ""
        wait = f"<w:OperationTimeout>{timeout}</w:OperationTimeout>" if timeout else ""
        envelope = (
            '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            f'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="{SHELL}"><s:Header><a:Action>{action}</a:Action>'
            f"<a:MessageID>uuid:1</a:MessageID><w:ResourceURI>{MS}/{resource}</w:ResourceURI>{wait}{names}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        ).encode()
        return self.to.answer(Request("POST", "/wsman", {**HEAD, "authorization": "Basic " + base64.b64encode(b"user:secret").decode()}, envelope))

    def open(self) -> str:
        made = self.ask(f"{TRANSFER}/Create", "windows/shell/cmd", "<rsp:Shell><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>")
        assert made.status == 200, made.body
        return text(made, "ShellId")

    def start(self, shell: str, line: str) -> str:
        body = f"<rsp:CommandLine><rsp:Command>{line}</rsp:Command></rsp:CommandLine>"
        return text(self.ask(f"{SHELL}/Command", "windows/shell/cmd", body, shell), "CommandId")

    def receive(self, shell: str, command: str, timeout: str = "PT60S") -> Response:
        body = f'<rsp:Receive><rsp:DesiredStream CommandId="{command}">stdout stderr</rsp:DesiredStream></rsp:Receive>'
        return self.ask(f"{SHELL}/Receive", "windows/shell/cmd", body, shell, timeout)


def named(response: Response, name: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(response.body).iter() if element.tag.rpartition("}")[2] == name]


def text(response: Response, name: str) -> str:
    return next((element.text or "" for element in named(response, name)), "")


def output(response: Response) -> str:
    return b"".join(base64.b64decode(element.text or "") for element in named(response, "Stream")).decode()


def code(response: Response) -> int:
    return int(next((element.get("Code", "0") for element in named(response, "WSManFault")), "0"))


def test_config_of_the_inside_is_what_a_get_brings() -> None:
    found = Host("IN01", config={"Service/MaxConnections": "7"}).ask(f"{TRANSFER}/Get", "config")
    assert (found.status, text(found, "MaxConnections"), found.delay) == (200, "7", 0.0)


def test_a_remote_management_user_is_refused_but_may_list_shells_of_its_own() -> None:
    host = Host("IN02", groups="remote_management_users")
    assert code(host.ask(f"{TRANSFER}/Get", "config")) == 5
    assert code(host.ask(f"{TRANSFER}/Create", "windows/shell/cmd", "<rsp:Shell/>")) == 5
    assert host.ask(ENUMERATE, "windows/shell", "").status == 200


def test_a_shell_that_is_open_is_listed() -> None:
    host = Host("IN03")
    shell = host.open()
    body = '<n:Enumerate xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"><w:OptimizeEnumeration/></n:Enumerate>'
    listed = host.ask(ENUMERATE, "windows/shell", body)
    assert text(listed, "ShellId") == shell
    assert text(listed, "ResourceUri").endswith("/windows/shell/cmd")


def test_a_shell_that_is_idle_is_forgotten_after_the_time_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(shells.time, "monotonic", lambda: now[0])
    host = Host("IN12")
    short = text(host.ask(f"{TRANSFER}/Create", "windows/shell/cmd", "<rsp:Shell><rsp:IdleTimeOut>PT60S</rsp:IdleTimeOut></rsp:Shell>"), "ShellId")
    usual = host.open()
    now[0] = 59.0
    assert host.start(short, "hostname")
    now[0] = 100.0
    listed = host.ask(ENUMERATE, "windows/shell", "")
    assert {element.text for element in named(host.ask(f"{TRANSFER}/Create", "windows/shell/cmd", "<rsp:Shell/>"), "IdleTimeOut")} == {"PT7200.000S"}
    assert listed.status == 200
    now[0] = 120.0
    assert code(host.ask(f"{SHELL}/Command", "windows/shell/cmd", "<rsp:CommandLine/>", short)) == 2150858843
    assert host.start(usual, "hostname")


@pytest.mark.parametrize(("manner", "asked"), [("taken", "PT59S"), ("refused", "PT60S")])
def test_an_idle_time_may_be_refused(manner: str, asked: str) -> None:
    host = Host("IN13", manner={"idle": manner})
    body = f"<rsp:Shell><rsp:IdleTimeOut>{asked}</rsp:IdleTimeOut></rsp:Shell>"
    assert code(host.ask(f"{TRANSFER}/Create", "windows/shell/cmd", body)) == 2150859250
    assert host.open()


def test_cmd_can_be_closed_while_the_rest_is_open() -> None:
    host = Host("IN04", forbidden=("cmd",))
    assert code(host.ask(f"{TRANSFER}/Create", "windows/shell/cmd", "<rsp:Shell/>")) == 5
    assert host.ask(f"{TRANSFER}/Get", "config").status == 200


def test_an_answer_takes_its_time_and_never_longer_than_the_client_waits() -> None:
    host = Host("IN05", slow={"config": 30.0})
    assert host.ask(f"{TRANSFER}/Get", "config").delay == 30.0
    patient = host.ask(f"{TRANSFER}/Get", "config", timeout="PT1M0S")
    assert (patient.status, patient.delay) == (200, 30.0)
    hurried = host.ask(f"{TRANSFER}/Get", "config", timeout="PT5.000S")
    assert (hurried.status, code(hurried), hurried.delay) == (500, 2150858793, 5.0)


def test_an_answer_that_never_comes_ends_the_connection() -> None:
    assert Host("IN06", slow={"config": -1.0}).ask(f"{TRANSFER}/Get", "config").delay < 0


def test_output_of_a_command_comes_bit_by_bit_when_one_is_slow() -> None:
    host = Host("IN07", slow={"command:nltest": 25.0}, manner={"output": "at_once"})
    shell = host.open()
    command = host.start(shell, "hostname &amp; nltest /sc_query:x")
    first = host.receive(shell, command)
    assert (output(first), first.delay) == ("IN07\r\n", 0.0)
    assert named(first, "CommandState")[0].get("State", "").endswith("/Running")
    later = host.receive(shell, command, "PT20S")
    assert (code(later), later.delay) == (2150858793, 20.0)
    last = host.receive(shell, command, "PT20S")
    assert last.status == 200
    assert 0 < last.delay <= 5.0
    assert text(last, "ExitCode")


@pytest.mark.parametrize("manner", ["as_it_comes", "slow"])
def test_output_is_what_there_is_and_the_first_of_it_is_waited_for(manner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr(shells.time, "monotonic", lambda: seconds[0])
    pace, host = shells.PACE[manner], Host("IN11", manner={"output": manner})
    shell = host.open()
    command = host.start(shell, "&amp;".join(["hostname", "echo and"] * 5))
    first = host.receive(shell, command)
    assert (output(first), first.delay) == ("IN11\r\nand\r\n", pace)
    seconds[0] = pace * 3.5
    gathered = host.receive(shell, command)
    assert (output(gathered), gathered.delay) == ("IN11\r\nand\r\n" * 2, 0.0)
    seconds[0] = pace * 100
    assert output(last := host.receive(shell, command)) == "IN11\r\nand\r\n" * 2
    assert text(last, "ExitCode")


def test_output_that_comes_at_once_comes_in_one_answer() -> None:
    host = Host("IN12", manner={"output": "at_once"})
    shell = host.open()
    whole = host.receive(shell, host.start(shell, "hostname &amp; hostname"))
    assert (output(whole), whole.delay) == ("IN12\r\nIN12\r\n", 0.0)
    assert text(whole, "ExitCode")


def test_a_command_that_never_ends_loses_the_connection_after_what_came_before() -> None:
    host = Host("IN08", slow={"command:nltest": -1.0})
    shell = host.open()
    command = host.start(shell, "hostname &amp; nltest /sc_query:x")
    assert output(host.receive(shell, command)) == "IN08\r\n"
    assert host.receive(shell, command).delay < 0


def test_scripts_still_go_to_the_toy() -> None:
    host = Host("IN09")
    shell = host.open()
    script = base64.b64encode("win_ping".encode("utf-16-le")).decode()
    found = host.receive(shell, host.start(shell, f"PowerShell -NoProfile -EncodedCommand {script}"))
    assert '"ping": "pong"' in output(found)


class Fixed:
    """Answers in the same way whatever it is asked."""

    def __init__(self, response: Response) -> None:
        self.response = response

    def answer(self, _request: Request) -> Response:
        return self.response


@pytest.mark.parametrize(("delay", "expected"), [(0.0, b"HTTP/1.1 200"), (0.01, b"HTTP/1.1 200"), (-1.0, b"")])
def test_the_network_side_waits_or_hangs_up(delay: float, expected: bytes) -> None:
    async def run() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        said = await reader.read()
        writer.close()
        server.close()
        await server.wait_closed()
        return said

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await framing.converse(reader, writer, Fixed(Response(200, close=True, delay=delay)))
        writer.close()

    assert asyncio.run(run())[:12] == expected


def test_the_inside_is_not_printed_with_its_host() -> None:
    assert "Inside" not in repr(Host("IN10").windows)
    assert isinstance(Host("IN10").windows.inside, Inside)
