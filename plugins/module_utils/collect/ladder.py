# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rungs above the logon: what may the account do, asked from the cheapest question to the dearest."""

from __future__ import annotations

import typing as t

from .. import deps
from ..evidence.base import Unknown
from ..evidence.logon import DENIED, FAILED, PASSED, SKIPPED, FaultEvidence, LegEvidence, RungEvidence
from ..explain_code import fault_entry, named
from ..safe_xml import Node, XmlError, parse
from ..wire import identify
from ..wire.channel import BUDGET
from ..wire.deadline import WireError
from ..wire.session import Answer, Session
from ..wsman import envelope
from ..wsman.faults import ACCESS_DENIED
from ..wsman.transport import psrp_client, with_fault

PLAIN_REFUSED = (401, 500)
"""Empty answers to an unencrypted message while AllowUnencrypted is false: 401 was recorded from a real host, 500 is what client projects report."""
KEPT_LEGS = 3


class Ladder:
    """Climbs on a session that is logged on. Where the host closes the connection between two questions it logs on again, once for each."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._climb: dict[str, t.Callable[[], RungEvidence]] = {
            "identify": self._identify, "config": self._config, "cmd": self._cmd, "powershell": self._powershell,
        }

    def rung(self, name: str) -> RungEvidence:
        """One question; never raises for anything a host does."""
        try:
            return self._climb[name]()
        except WireError as error:
            return RungEvidence(name, FAILED, f"The connection was gone: {error}.")

    def _ask(self, message: bytes, what: str, *, repeatable: bool) -> Answer:
        answer = with_fault(self.session.ask(message, what))
        lost = answer.leg.reply.status is None and answer.leg.reply.failure in ("closed", "reset")
        if lost and repeatable:
            # An idle connection may be closed at any time ([RFC 9112] 9.3.1), and these questions change nothing.
            self.session.again()
            answer = with_fault(self.session.ask(message, what))
        return answer

    def _identify(self) -> RungEvidence:
        answer = self._ask(identify.BODY, "Identify", repeatable=True)
        root = _tree(answer)
        if answer.leg.reply.status == 200 and root is not None:
            seen = identify.identity_of(root)
            if not isinstance(seen, Unknown):
                return _rung("identify", PASSED, f"WinRM says who it is: {seen.product_version}.", answer)
        return self._refused("identify", answer)

    def _config(self) -> RungEvidence:
        answer = self._ask(envelope.get_config(self.session.channel.url), "Get winrm/config", repeatable=True)
        root = _tree(answer)
        if answer.leg.reply.status == 200 and root is not None and root.find("Config"):
            return _rung("config", PASSED, "The account may read winrm/config, as administrators may.", answer)
        return self._refused("config", answer)

    def _cmd(self) -> RungEvidence:
        url = self.session.channel.url
        answer = self._ask(envelope.create_cmd_shell(url), "Create a cmd shell", repeatable=False)
        root = _tree(answer)
        shell = shell_id(root) if answer.leg.reply.status == 200 and root is not None else ""
        if not shell:
            return self._refused("cmd", answer)
        gone = self._ask(envelope.delete_shell(url, envelope.CMD, shell), "Delete the cmd shell", repeatable=False)
        means = "A cmd shell opens and closes."
        if gone.leg.reply.status != 200:
            means = "A cmd shell opens; deleting it failed, so it stays until its idle time-out (two hours by default)."
        return RungEvidence("cmd", PASSED, means, (answer.leg, gone.leg))

    def _powershell(self) -> RungEvidence:
        if why := deps.missing("pypsrp"):
            return RungEvidence("powershell", SKIPPED, f"{why}.")
        channel = self.session.channel
        client = psrp_client(self.session, channel.target.host, channel.deadline.left())
        pool = deps.runspace_pool(client)
        error = ""
        try:
            pool.open()
            pool.close()
        except Exception as failed:
            # pypsrp raises a dozen types; what happened stands in the legs, and the text is for what they do not show.
            error = f"{type(failed).__name__}: {failed}"[:200]
        legs = tuple(client.transport.legs)
        if not error:
            return RungEvidence("powershell", PASSED, "A PowerShell session opens and closes.", _ends(legs))
        bad = next((leg for leg in legs if leg.reply.status != 200), None)
        if bad is None:
            return RungEvidence("powershell", FAILED, f"The PowerShell session failed on this side: {error}.", _ends(legs))
        return RungEvidence("powershell", *verdict(bad, encrypted=self.session.sealed), _ends(legs))

    def _refused(self, name: str, answer: Answer) -> RungEvidence:
        if answer.lost:
            return _rung(name, FAILED, f"The answer could not be decrypted: {answer.lost}.", answer)
        return RungEvidence(name, *verdict(answer.leg, encrypted=self.session.sealed), (answer.leg,))


def verdict(leg: LegEvidence, *, encrypted: bool) -> tuple[str, str]:
    """Status and meaning of a reply that is not what was asked for; `encrypted`: whether the question was."""
    reply, fault = leg.reply, leg.fault
    if reply.failure:
        return FAILED, f"No answer: {reply.failure}{f' ({reply.detail})' if reply.detail else ''}."
    if fault is not None:
        return DENIED, fault_means(fault)
    if reply.status in PLAIN_REFUSED and not reply.body_bytes and not encrypted:
        return DENIED, f"HTTP {reply.status} without a body to an unencrypted message: the host wants messages encrypted."
    if reply.status == 401:
        return DENIED, "HTTP 401 on a connection that was logged on: the host has forgotten the logon, or forbids what was asked."
    if reply.status == 400:
        return DENIED, "HTTP 400: the connection has lost its logon, or the request is not understood."
    return DENIED, f"HTTP {reply.status}, which is not an answer of WS-Management."


def fault_means(fault: FaultEvidence) -> str:
    """A fault in one sentence: code first, for the text may be in any language."""
    if fault.code in ACCESS_DENIED:
        return f"Fault {named(fault.code or 5, fault_entry(fault.code))}: logged on, but not allowed to do this."
    if fault.code is None:
        return f"A fault without a code: {fault.subcode or 'no subcode'}{f', {fault.text!r}' if fault.text else ''}."
    entry = fault_entry(fault.code)
    return f"Fault {named(fault.code, entry)}: {entry.meaning if entry else fault.text or 'no text'}"


def shell_id(root: Node) -> str:
    """The ShellId of a Create's answer: a selector in every version, an element besides since Windows 8 ([MS-WSMV] 2.2.4.37)."""
    named_so = (node.text.strip() for node in root.all("Selector") if node.attributes.get("Name", "").lower() == "shellid")
    return next((text for text in named_so if text), "") or root.first_text("ShellId")


def _tree(answer: Answer) -> Node | None:
    try:
        return parse(answer.message, BUDGET) if answer.message else None
    except XmlError:
        return None


def _rung(name: str, status: str, means: str, answer: Answer) -> RungEvidence:
    return RungEvidence(name, status, means, (answer.leg,))


def _ends(legs: tuple[LegEvidence, ...]) -> tuple[LegEvidence, ...]:
    """The first leg and the last ones: what lies between is the session's own traffic."""
    return legs if len(legs) <= KEPT_LEGS else (legs[0], *legs[-(KEPT_LEGS - 1) :])
