# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look into the lab's Windows without any wire: its conversation answers in this process, and a test may change what it says on the way."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import typing as t
from dataclasses import replace

from ansible_collections.winrm.doctor.plugins.module_utils.collect import host
from ansible_collections.winrm.doctor.plugins.module_utils.evidence import base
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Known, Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import HttpEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import SUBSETS, HostEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import ACCEPTED, AttemptEvidence, LegEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, WireError
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import Answer, Session
from host_material import here
from lab.inside import profiles
from lab.inside.model import Inside
from lab.logon import converse
from lab.messages import Account, Request, Windows
from scripted import Wire

PASSWORD = "a-password-of-the-lab"
ACCOUNT = "LAB\\svc"
BASIC = "Basic " + base64.b64encode(f"svc:{PASSWORD}".encode()).decode()
HEAD = {"host": "web01:5985", "content-type": "application/soap+xml;charset=UTF-8", "authorization": BASIC}
_NUMBERS = itertools.count()
Said = t.Union[Answer, WireError]
Twist = t.Callable[[int, bytes, int, bytes], "tuple[int, bytes] | str | WireError"]
"""Number of the request, its message, the status and message of the answer: what comes instead, `scripted.Reply` has the same shapes."""


def inside(**changed: t.Any) -> Inside:
    """A member of a domain that nobody has configured; each has a name of its own, for the lab keeps shells by it."""
    manner = {"output": "at_once", **changed.pop("manner", {})}
    return replace(profiles.fresh(computer=f"VIS{next(_NUMBERS)}", domain="LAB", dns_domain="lab.test"), manner=manner, **changed)


def as_it_is(_number: int, _asked: bytes, status: int, message: bytes) -> tuple[int, bytes]:
    """The twist that is none."""
    return status, message


class Visited:
    """What the client needs of a session, on a conversation of the lab; a connection that was lost is there again with the next question."""

    def __init__(self, state: Inside, twist: Twist = as_it_is, *, groups: str = "administrators", seconds: float = 30.0, **more: t.Any) -> None:
        accounts = {"svc": Account(PASSWORD, groups=groups, local=True)}
        self.windows = Windows(
            state.computer, "LAB", "lab.test", schemes=("Basic",), accounts=accounts, allow_unencrypted=True, inside=state, **more,
        )
        self.conversation = converse(self.windows, certificate=None)
        self.twist, self.sealed = twist, True
        self.channel = Wire(seconds, "http://web01:5985/wsman")
        self.channel.local_address = "192.0.2.5"  # type: ignore[attr-defined]
        self.requests = 0
        self.asked: list[bytes] = []
        self.answers: list[tuple[int, bytes]] = []

    def ask(self, message: bytes, what: str) -> Answer:
        """One question."""
        self.requests += 1
        self.asked.append(message)
        response = self.conversation.answer(Request("POST", "/wsman", HEAD, message))
        self.answers.append((response.status, response.body))
        late = response.delay < 0 or response.delay > self.channel.deadline.left()
        said = ("closed" if response.delay < 0 else "timeout") if late else self.twist(self.requests, message, response.status, response.body)
        if isinstance(said, WireError):
            raise said
        if isinstance(said, str):
            return Answer(LegEvidence(what, HttpEvidence(failure=said)))
        status, body = said
        return Answer(LegEvidence(what, HttpEvidence(status=status, body_bytes=len(body)), sealed=self.sealed), body)

    def again(self) -> None:
        """The connection is there with the next question anyway."""

    @property
    def open_shells(self) -> int:
        """Shells that were opened and not deleted."""
        return len(t.cast(t.Any, self.conversation).shells.open)

    def asks(self) -> list[str]:
        """Each question's action and resource, short."""
        return [short(message) for message in self.asked]


def short(message: bytes) -> str:
    """A question in two words, such as `Get config`."""
    action, resource = (between(message, f'<{tag} s:mustUnderstand="true">', "</") for tag in ("a:Action", "w:ResourceURI"))
    return f"{action.rpartition('/')[2]} {resource.partition('/wsman/1/')[2]}"


def between(message: bytes, start: str, end: str) -> str:
    """What stands between two texts."""
    return message.decode("utf-8", "replace").partition(start)[2].partition(end)[0]


def look(visited: Visited, subsets: t.Iterable[str] = SUBSETS, *, seconds: float = 30.0, **about: t.Any) -> HostEvidence:
    """One visit with everything that may be asked."""
    known = {"user": ACCOUNT, "netbios_domain": "LAB", "domain": "lab.test", "netbios_computer": visited.windows.computer, **about}
    guest = host.Look(here(**known), subsets)
    guest.visit(t.cast(Session, visited), AttemptEvidence("ntlm", "http", 5985, ACCEPTED, "in", own=True, account=ACCOUNT), Deadline(seconds))
    found = guest.found
    assert isinstance(found, HostEvidence)
    return found


def is_sound(evidence: HostEvidence) -> None:
    """What holds whatever a host says: it goes to JSON and back unchanged, texts are bounded, and nothing in them steers a terminal."""
    encoded = base.encode(evidence)
    text = json.dumps(encoded, allow_nan=False)
    assert base.decode(HostEvidence, json.loads(text)) == evidence
    for where, one in texts(evidence, "host"):
        assert len(one) <= base.LONGEST, where
        one.encode()
        assert one.isprintable(), (where, one[:200])


def texts(value: t.Any, where: str) -> t.Iterator[tuple[str, str]]:
    """Every text in evidence, and where it stands."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name), f"{where}.{field.name}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from texts(item, f"{where}[{number}]")
    elif isinstance(value, str):
        yield where, value


def unknowns(value: t.Any, where: str = "") -> t.Iterator[tuple[str, str]]:
    """Everything that is unknown, and why."""
    if isinstance(value, Unknown):
        yield where, value.unknown
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from unknowns(getattr(value, field.name), f"{where}.{field.name}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from unknowns(item, f"{where}[{number}]")


def read(evidence: HostEvidence) -> set[str]:
    """Subsets that were read."""
    return {name for name in ("system", *SUBSETS) if not isinstance(t.cast(Known[t.Any], getattr(evidence, name)), Unknown)}
