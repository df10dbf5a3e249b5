# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a host over one logon: Get, Enumerate and Pull, Invoke. What comes back is bounded, and what failed is told in one sentence."""

from __future__ import annotations

import collections
import contextlib
import typing as t
from dataclasses import replace

from ..evidence.base import Unknown
from ..evidence.endpoint import IdentityEvidence
from ..evidence.logon import FaultEvidence, LegEvidence
from ..safe_xml import Node, XmlError, parse
from ..wire import identify
from ..wire.channel import REPLY
from ..wire.deadline import Deadline, WireError, WireTimeout, unanswered
from ..wire.http import printable
from ..wire.session import Answer, Session
from . import envelope
from .envelope import Pairs, Parameters
from .faults import TIMED_OUT, fault_means, is_denial, parse_fault, reply_means, with_fault
from .objects import Object

ELEMENTS = 60_000
"""Elements of one page: 500 KB of the shortest ones that occur, bytes of a binary value, are some 20,000."""
OPERATION = 60.0
"""Seconds of OperationTimeout, where there is as much time ([MS-WSMV] 3.2.4.1.2); hosts take their MaxTimeoutms, 60 s by default, for more."""
SPARE = 1.0
"""Seconds that the host's own time-out comes before ours, so that it is the host that says so."""
MOST_PAGES, MOST_EMPTY, MOST_BYTES = 200, 3, 8 * 1024 * 1024
"""What an enumeration may bring: pages, empty ones in a row, bytes. Windows fills its pages, so that a few do."""
KEPT = 8
LATE = "the host had no answer within the time that it was given"
ENUMERATION = envelope.NAMESPACES["n"]
WHY = {"closed": "closed", "reset": "reset", "timeout": "timeout", "too_large": "too_large", "not_http": "malformed"}


class WsmanError(Exception):
    """A question without the answer that was asked for."""

    denied = False
    """Whether the account may not ask this."""

    def __init__(self, sentence: str, answer: Answer | None = None) -> None:
        self.sentence, self.answer = sentence, answer
        super().__init__(sentence)


class Faulted(WsmanError):
    """The host answered with a fault."""

    def __init__(self, fault: FaultEvidence, what: str = "", answer: Answer | None = None) -> None:
        self.fault, self.denied = fault, is_denial(fault)
        # That this is normal is true of a command's output alone, and there somebody asks again.
        means = LATE if fault.code == TIMED_OUT else fault_means(fault).rstrip(".")
        super().__init__(f"{what}: {means}" if what else means, answer)


class Lost(WsmanError):
    """No answer that can be used. `why`: closed, reset, timeout, too_large, malformed, undecryptable, status."""

    def __init__(self, why: str, sentence: str, answer: Answer | None = None, *, denied: bool = False) -> None:
        self.why, self.denied = why, denied
        super().__init__(sentence, answer)


class Enumeration(t.NamedTuple):
    """Items that were read, and what kept the rest from being read."""

    items: tuple[Object, ...]
    error: WsmanError | None = None


class Client:
    """Rides on a session that is logged on; the host may close the connection between two questions, then the session logs on again.

    `deadline` may be exchanged at any time; the sooner of it and the session's own holds.
    """

    def __init__(self, session: Session, *, deadline: Deadline | None = None) -> None:
        self.session, self.deadline = session, deadline
        self.sent = self.received = 0
        """Bytes of messages: before they are sealed, after they are unsealed."""
        self.legs: collections.deque[LegEvidence] = collections.deque(maxlen=KEPT)
        """The last few."""
        self.last: Answer | None = None
        """The answer to the last question, None where there was none."""
        self._before = session.requests

    @property
    def requests(self) -> int:
        """HTTP requests that the session has sent since this client rides on it, further logons included."""
        return self.session.requests - self._before

    @property
    def url(self) -> str:
        """Where messages go."""
        return self.session.channel.url

    @property
    def left(self) -> float:
        """Seconds that are left for a question."""
        ends = (self.deadline, self.session.channel.deadline)
        return min(one.left() for one in ends if one is not None)

    def identify(self) -> IdentityEvidence:
        """Who the host says it is (DSP0226 11)."""
        what = "Identify"
        seen = identify.identity_of(self.ask(identify.BODY, what, repeatable=True))
        if isinstance(seen, Unknown):
            raise Lost("malformed", f"{what}: {seen.unknown}", self.last)
        return seen

    def get(self, resource: str, selectors: Pairs | None = None) -> Object:
        """The one object that a resource and its selectors name."""
        uri = envelope.resource_uri(resource)
        what = f"Get {envelope.short_name(uri)}"
        return Object(_first(self.ask(self.message(f"{envelope.TRANSFER}/Get", uri, selectors=selectors), what, repeatable=True), what, self.last))

    def enumerate(self, resource: str, *, wql: str = "", selectors: Pairs | None = None, most: int = 5000) -> Enumeration:
        """All objects of a resource, those of a query, or those whose keys are `selectors`; what was read before a failure is kept."""
        uri = envelope.resource_uri(resource)
        asked = f" ({_shown(wql)})" if wql else ""
        walk = _Walk(self, uri, f"Enumerate {envelope.short_name(uri)}{asked}", most)
        try:
            walk.run(envelope.enumerate_body(wql=wql, selectors=selectors))
        except WsmanError as error:
            return Enumeration(tuple(walk.items), error)
        return Enumeration(tuple(walk.items))

    def invoke(self, resource: str, method: str, parameters: Parameters | None = None, selectors: Pairs | None = None) -> Object:
        """METHOD_OUTPUT; its ReturnValue may stand anywhere in it. Never asked twice: what a method does is not known here."""
        uri = envelope.resource_uri(resource)
        what = f"{method} of {envelope.short_name(uri)}"
        body = envelope.input_body(uri, method, parameters or {})
        found = _first(self.ask(self.message(f"{uri}/{method}", uri, body=body, selectors=selectors), what), what, self.last)
        if found.name.lower() != f"{method}_OUTPUT".lower():
            raise Lost("malformed", f"{what}: the answer is {_shown(found.name)}, not {method}_OUTPUT", self.last)
        return Object(found)

    def message(
        self, action: str, uri: str, *, body: str = "", selectors: Pairs | None = None, options: Pairs | None = None, seconds: float = OPERATION,
    ) -> bytes:
        """An envelope whose OperationTimeout fits into the time left."""
        wait = min(seconds, self.left - SPARE)
        return envelope.request(action, uri, self.url, body=body, selectors=selectors, options=options, seconds=wait)

    def ask(self, message: bytes, what: str, *, repeatable: bool = False) -> Node:
        """The body of the answer; raises Faulted or Lost. `what` names the question in sentences, `repeatable` says that it changes nothing."""
        try:
            answer = self.exchange(message, what, repeatable=repeatable)
        except WireError as error:
            raise Lost(WHY.get(error.kind, "closed"), f"{what}: the connection was gone: {error}") from error
        leg = answer.leg
        if answer.lost:
            raise Lost("undecryptable", f"{what}: the answer could not be decrypted: {answer.lost}", answer)
        if leg.fault is not None and not leg.reply.failure:
            raise Faulted(leg.fault, what, answer)
        if leg.reply.failure or leg.reply.status != 200:
            raise self._lost(what, answer)
        try:
            root = parse(answer.message, REPLY, ELEMENTS)
        except XmlError as error:
            raise Lost("malformed", f"{what}: the answer is not to be read: {_shown(str(error))}", answer) from error
        body = next((child for child in root.children if child.name == "Body"), None)
        if root.name != "Envelope" or body is None:
            raise Lost("malformed", f"{what}: the answer is XML with the root element {_shown(root.name)}, not an envelope with a body", answer)
        fault = parse_fault(body) if any(child.name == "Fault" for child in body.children) else None
        if fault is not None:
            # DSP0226 wants HTTP 500 with it; what it says counts all the same.
            raise Faulted(fault, what, replace(answer, leg=replace(leg, fault=fault)))
        return body

    def exchange(self, message: bytes, what: str, *, repeatable: bool = False) -> Answer:
        """The answer as it came, with its fault read; raises WireError where no connection is to be had."""
        self.last = None
        if self.left <= 0:
            # A socket without time would lose the connection.
            raise WireTimeout(unanswered(0))
        with self._until():
            answer = self._once(message, what)
            if repeatable and _cut(answer) and self.left > 0:
                # An idle connection may be closed at any time ([RFC 9112] 9.3.1), and questions change nothing.
                self.session.again()
                answer = self._once(message, what)
        return answer

    def release(self, uri: str, context: str) -> None:
        """Give back an enumeration that is not read to its end; whether that works does not matter, for the host forgets it by itself."""
        if self.session.channel.open and self.left > SPARE:
            with contextlib.suppress(WsmanError):
                self.ask(self.message(f"{ENUMERATION}/Release", uri, body=envelope.release_body(context)), "Release")

    def _once(self, message: bytes, what: str) -> Answer:
        self.sent += len(message)
        answer = with_fault(self.session.ask(message, what))
        self.received += len(answer.message)
        self.legs.append(answer.leg)
        self.last = answer
        return answer

    def _until(self) -> contextlib.AbstractContextManager[None]:
        channel = self.session.channel
        if self.deadline is None or self.deadline.end >= channel.deadline.end:
            return contextlib.nullcontext()
        return channel.until(self.deadline)

    def _lost(self, what: str, answer: Answer) -> Lost:
        """Of a reply without a usable message. A 401 to an encrypted one is how some hosts say that the account may not do this (a profile in the facts)."""
        reply, safe = answer.leg.reply, self.session.sealed or self.url.startswith("https:")
        why = WHY.get(reply.failure, "closed") if reply.failure else "status"
        sentence = f"{what}: {reply_means(answer.leg, encrypted=self.session.sealed)}".rstrip(".")
        return Lost(why, sentence, answer, denied=why == "status" and reply.status == 401 and safe)


class _Walk:
    """One enumeration, page after page. Windows gives a new context with every page; the end counts more than a context that comes with it."""

    def __init__(self, client: Client, uri: str, what: str, most: int) -> None:
        self.client, self.uri, self.what, self.most = client, uri, what, most
        self.items: list[Object] = []
        self.empty = 0

    def run(self, body: str) -> None:
        """Read until the end, or raise."""
        client, began = self.client, self.client.received
        page = client.ask(client.message(f"{ENUMERATION}/Enumerate", self.uri, body=body), self.what, repeatable=True)
        context = self._taken(page, "EnumerateResponse")
        for _page in range(MOST_PAGES):
            if not context:
                return
            if client.received - began > MOST_BYTES:
                self._stop(context, "too_large", f"more than {MOST_BYTES} bytes")
            context = self._taken(self._pull(context), "PullResponse")
        if context:
            self._stop(context, "too_large", f"no end after {MOST_PAGES} pages")

    def _pull(self, context: str) -> Node:
        """The next page. Pull is not repeated ([WS-Enumeration] 3.2: the context may be used up), but where the host says that time was too short, none was."""
        for _turn in range(MOST_EMPTY):
            try:
                message = self.client.message(f"{ENUMERATION}/Pull", self.uri, body=envelope.pull_body(context))
                return self.client.ask(message, self.what)
            except Faulted as error:
                if error.fault.code != TIMED_OUT or self.client.left <= SPARE:
                    raise
        return self._stop(context, "timeout", "the host asks for more time again and again")

    def _taken(self, body: Node, name: str) -> str:
        """Keep a page's items; returns the next context, "" at the end."""
        page = _first(body, self.what, self.client.last)
        if page.name != name:
            raise Lost("malformed", f"{self.what}: the answer is {_shown(page.name)}, not {name}", self.client.last)
        inside = {child.name: child for child in reversed(page.children)}
        items = [Object(_bare(node)) for node in inside["Items"].children] if "Items" in inside else []
        room = max(0, self.most - len(self.items))
        self.items += items[:room]
        more = inside.get("EnumerationContext")
        context = more.text.strip() if more is not None and "EndOfSequence" not in inside else ""
        if len(items) > room:
            self._stop(context, "too_large", f"more than {self.most} items")
        self.empty = 0 if items else self.empty + 1
        if context and self.empty > MOST_EMPTY:
            self._stop(context, "malformed", f"{self.empty} pages in a row have no item and no end")
        return context

    def _stop(self, context: str, why: str, text: str) -> t.NoReturn:
        if context:
            self.client.release(self.uri, context)
        raise Lost(why, f"{self.what}: {text}")


def _bare(node: Node) -> Node:
    """The object of an item that carries its address beside it (EnumerateObjectAndEPR, DSP0226 8.7)."""
    if node.name == "Item" and any(child.name == "EndpointReference" for child in node.children):
        return next((child for child in node.children if child.name != "EndpointReference"), node)
    return node


def _first(body: Node, what: str, answer: Answer | None) -> Node:
    if not body.children:
        raise Lost("malformed", f"{what}: the answer's body is empty", answer)
    return body.children[0]


def _cut(answer: Answer) -> bool:
    return answer.leg.reply.status is None and answer.leg.reply.failure in ("closed", "reset")


def _shown(text: str) -> str:
    return printable(text, 120)
