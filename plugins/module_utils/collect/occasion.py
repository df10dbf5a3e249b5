# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the domain can say anything that matters for a host: asking it costs time, and healthy hosts need none of it."""

from __future__ import annotations

from ..account import LOCAL, account_of
from ..domain import Domain
from ..evidence.answers import challenge_of, clock_of
from ..evidence.base import Unknown
from ..evidence.directory import REFUSED
from ..evidence.endpoint import OPEN, EndpointEvidence
from ..evidence.logon import LogonEvidence
from ..target import Target
from ..wire import kerberos

TOLERANCE = 300.0
"""Seconds that Kerberos lets clocks differ."""
SPELLING = (6, 68)
"""Unknown user and wrong realm: where the logon works, Kerberos was only told the name in a form that it does not know, such as DOMAIN\\user."""


def not_worth_asking(target: Target, domain: Domain, seen: EndpointEvidence | None, logon: LogonEvidence | None, *, pair: bool = False) -> Unknown | None:
    """Why the domain can say nothing that matters for this host, or None where it may.

    `logon`: None where no logon was asked for. `pair`: another machine's logon is asked about, of which a logon from here that works says nothing.
    """
    challenge = challenge_of(seen)
    account = account_of(target.username or "", target.host, challenge)
    if challenge and challenge.membership == "workgroup" and not domain.name:
        return Unknown("not asked: the host says that it belongs to no domain")
    if account.kind == LOCAL and target.username and not domain.username:
        return Unknown("not asked: the account is one of the host's own")
    if set(target.auth) <= {"certificate"} and not domain.username:
        return Unknown("not asked: the inventory logs on with a client certificate")
    if logon is None or seen is None:
        return None
    if not any(port.state == OPEN for port in seen.ports):
        return Unknown("not asked: no port of the host answers, and the domain cannot say why")
    works = any(attempt.own and attempt.enough_for(target.connection) for attempt in logon.attempts)
    if works and not pair and not _kerberos_failed(logon) and not _clocks_differ(seen):
        return Unknown("not asked: the logon works")
    return None


def _kerberos_failed(logon: LogonEvidence) -> bool:
    """Whether a KDC or the host said no to Kerberos; a control node that knows no KDC is no trouble of the domain's."""
    codes = [step.code for step in logon.kdc if step.outcome == REFUSED]
    codes += [attempt.failure.code for attempt in logon.attempts if attempt.failure and attempt.method == "kerberos"]
    answers = [leg.answer for attempt in logon.attempts for rung in attempt.rungs for leg in rung.legs]
    codes += [answer.code for answer in answers if answer and answer.kind == "kerberos_error"]
    return any(code is not None and code < kerberos.LIBRARY and code not in SPELLING for code in codes)


def _clocks_differ(seen: EndpointEvidence) -> bool:
    clock = clock_of(seen)
    return clock is not None and abs(clock.offset) > TOLERANCE
