# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rungs above the logon: what may the account do, asked from the cheapest question to the dearest."""

from __future__ import annotations

import typing as t

from .. import deps
from ..evidence.logon import DENIED, FAILED, PASSED, SKIPPED, LegEvidence, RungEvidence
from ..wire.session import Answer, Session
from ..wsman.client import Client, Lost, WsmanError
from ..wsman.faults import reply_means
from ..wsman.shell import Shell
from ..wsman.transport import psrp_client

KEPT_LEGS = 3


class Ladder:
    """Climbs on a session that is logged on. Where the host closes the connection between two questions it logs on again, once for each."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.client = Client(session)
        self._climb: dict[str, t.Callable[[], RungEvidence]] = {
            "identify": self._identify, "config": self._config, "cmd": self._cmd, "powershell": self._powershell,
        }

    def rung(self, name: str) -> RungEvidence:
        """One question; never raises for anything a host does."""
        try:
            return self._climb[name]()
        except WsmanError as error:
            return self._refused(name, error)

    def _identify(self) -> RungEvidence:
        seen = self.client.identify()
        return self._passed("identify", f"WinRM says who it is: {seen.product_version}.")

    def _config(self) -> RungEvidence:
        seen = self.client.get("config")
        if seen.name != "Config":
            raise Lost("malformed", f"the answer is {seen.name}, not Config", self.client.last)
        return self._passed("config", "The account may read winrm/config, as administrators may.")

    def _cmd(self) -> RungEvidence:
        with Shell(self.client) as shell:
            pass
        means = "A cmd shell opens and closes."
        if shell.deleted is None or shell.deleted.leg.reply.status != 200:
            means = "A cmd shell opens; deleting it failed, so it stays until its idle time-out, a minute where the host takes that."
        return RungEvidence("cmd", PASSED, means, tuple(answer.leg for answer in (shell.created, shell.deleted) if answer))

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

    def _passed(self, name: str, means: str) -> RungEvidence:
        return RungEvidence(name, PASSED, means, (t.cast(Answer, self.client.last).leg,))

    def _refused(self, name: str, error: WsmanError) -> RungEvidence:
        answer = error.answer
        if answer is None:
            return RungEvidence(name, FAILED, f"The connection was gone: {error.__cause__ or error}.")
        if answer.lost:
            return RungEvidence(name, FAILED, f"The answer could not be decrypted: {answer.lost}.", (answer.leg,))
        return RungEvidence(name, *verdict(answer.leg, encrypted=self.session.sealed), (answer.leg,))


def verdict(leg: LegEvidence, *, encrypted: bool) -> tuple[str, str]:
    """Status and meaning of a reply that is not what was asked for; `encrypted`: whether the question was."""
    return FAILED if leg.reply.failure else DENIED, reply_means(leg, encrypted=encrypted)


def _ends(legs: tuple[LegEvidence, ...]) -> tuple[LegEvidence, ...]:
    """The first leg and the last ones: what lies between is the session's own traffic."""
    return legs if len(legs) <= KEPT_LEGS else (legs[0], *legs[-(KEPT_LEGS - 1) :])
