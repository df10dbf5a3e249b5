# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session without a wire: a script says what the host answers, and what it was asked is kept."""

from __future__ import annotations

import base64
import contextlib
import typing as t

from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import HttpEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import LegEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import Node, parse
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, WireError
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import Answer, Session
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import Client
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.envelope import NAMESPACES

SPACES = "".join(f' xmlns:{name}="{value}"' for name, value in NAMESPACES.items()) + ' xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer"'
TIMED_OUT = 2150858793
Reply = t.Union[bytes, "tuple[int, bytes]", str, WireError]
"""A message with HTTP 200, one with a status, the word for a failure of the wire, or what no connection raises."""


def envelope(body: str, space: str = SPACES) -> bytes:
    return f"<s:Envelope{space}><s:Header/><s:Body>{body}</s:Body></s:Envelope>".encode()


def fault(code: int | str, subcode: str = "w:InternalError", text: str = "nein") -> tuple[int, bytes]:
    return 500, envelope(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code><s:Reason><s:Text>{text} </s:Text></s:Reason>"
        f'<s:Detail><f:WSManFault xmlns:f="f" Code="{code}" Machine="host"><f:Message>{text} </f:Message></f:WSManFault></s:Detail></s:Fault>',
    )


def first_page(items: str = "", context: str = "", end: bool = False) -> bytes:
    """An EnumerateResponse: items and the end stand in the namespace of WS-Management (recorded)."""
    inner = f"<n:EnumerationContext>{context}</n:EnumerationContext>" + (f"<w:Items>{items}</w:Items>" if items else "") + ("<w:EndOfSequence/>" if end else "")
    return envelope(f"<n:EnumerateResponse>{inner}</n:EnumerateResponse>")


def page(items: str = "", context: str = "", end: bool = False) -> bytes:
    """A PullResponse: everything stands in the namespace of WS-Enumeration (recorded)."""
    more, last = f"<n:EnumerationContext>{context}</n:EnumerationContext>" if context else "", "<n:EndOfSequence/>" if end else ""
    return envelope(f"<n:PullResponse>{more}<n:Items>{items}</n:Items>{last}</n:PullResponse>")


def output(method: str, inner: str = "", code: int | str = 0) -> bytes:
    return envelope(
        f'<q:{method}_OUTPUT xmlns:q="c" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{inner}<q:ReturnValue>{code}</q:ReturnValue>'
        f"</q:{method}_OUTPUT>",
    )


CREATED = envelope('<x:ResourceCreated><w:SelectorSet><w:Selector Name="ShellId">SHELL-1</w:Selector></w:SelectorSet></x:ResourceCreated>')
STARTED = envelope("<rsp:CommandResponse><rsp:CommandId>CMD-1</rsp:CommandId></rsp:CommandResponse>")
DELETED = envelope("")


def heard(*pieces: tuple[str, bytes], done: int | str | None = None, command: str = "CMD-1") -> bytes:
    """A ReceiveResponse: pieces as (stream, bytes), `done` an exit code."""
    streams = "".join(f'<rsp:Stream Name="{name}" CommandId="{command}">{base64.b64encode(data).decode()}</rsp:Stream>' for name, data in pieces)
    word = "Running" if done is None else "Done"
    code = "" if done is None else f"<rsp:ExitCode>{done}</rsp:ExitCode>"
    state = f'<rsp:CommandState CommandId="{command}" State="{NAMESPACES["rsp"]}/CommandState/{word}">{code}</rsp:CommandState>'
    return envelope(f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>")


class Wire:
    """What the client uses of a channel."""

    def __init__(self, seconds: float, url: str) -> None:
        self.url, self.deadline, self.open = url, Deadline(seconds), True
        self.held: list[Deadline] = []

    @contextlib.contextmanager
    def until(self, deadline: Deadline) -> t.Iterator[None]:
        self.held.append(deadline)
        before, self.deadline = self.deadline, deadline
        try:
            yield
        finally:
            self.deadline = before


class Scripted:
    """Answers one reply after the other; the last one again and again where `forever`."""

    def __init__(self, *script: Reply, forever: bool = False, sealed: bool = True, seconds: float = 30.0, url: str = "http://host:5985/wsman") -> None:
        self.script, self.forever, self.sealed = list(script), forever, sealed
        self.channel = Wire(seconds, url)
        self.requests = self.logons = 0
        self.asked: list[Node] = []
        self.messages: list[bytes] = []
        self.what: list[str] = []

    def ask(self, message: bytes, what: str) -> Answer:
        self.requests += 1
        self.messages.append(message)
        self.asked.append(parse(message, 1_000_000))
        self.what.append(what)
        if not self.script:
            raise AssertionError(f"nothing was to be asked any more, but {what}")
        reply = self.script[0] if self.forever and len(self.script) == 1 else self.script.pop(0)
        if isinstance(reply, WireError):
            raise reply
        if isinstance(reply, str):
            lost = reply.startswith("unsealed")
            return Answer(LegEvidence(what, HttpEvidence(status=200 if lost else None, failure=None if lost else reply)), lost=reply if lost else "")
        status, body = reply if isinstance(reply, tuple) else (200, reply)
        return Answer(LegEvidence(what, HttpEvidence(status=status, body_bytes=len(body)), sealed=self.sealed), body)

    def again(self) -> None:
        self.logons += 1

    @property
    def actions(self) -> list[str]:
        """The last word of each action, or the first element of a body that has none."""
        return [node.first_text("Action").rpartition("/")[2] or "Identify" for node in self.asked]


def client(*script: Reply, **more: t.Any) -> tuple[Client, Scripted]:
    """A client on a scripted session."""
    session = Scripted(*script, **more)
    return Client(t.cast(Session, session)), session
