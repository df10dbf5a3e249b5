# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not fit inside a host, in one list: for whoever reads one host by itself. Which of it stops a logon is what a diagnosis says."""

from __future__ import annotations

import typing as t

from ..evidence.base import Unknown
from ..evidence.host import BLOCKED, NARROWED, REFUSED, ChannelEvidence, HostEvidence

NEEDED = ("winrm", "rpcss", "http")
"""Services without which nobody gets in."""
Problem = t.Dict[str, str]


def problems(seen: HostEvidence, port: int) -> list[Problem]:
    """Each with the subset that shows it, a word for rules, and a sentence. `port`: the one that clients come to."""
    return [problem for rule in RULES for problem in rule(seen, port)]


def _compared(seen: HostEvidence, port: int) -> t.Iterator[Problem]:
    """What the subsets have compared themselves."""
    for subset in ("listeners", "certificates", "limits"):
        evidence = getattr(seen, subset)
        if not isinstance(evidence, Unknown):
            yield from (_problem(subset, one.kind, one.means, one.subject) for one in evidence.problems)


def _services(seen: HostEvidence, port: int) -> t.Iterator[Problem]:
    for one in () if isinstance(seen.service, Unknown) else seen.service:
        if one.name.lower() in NEEDED and one.state not in ("running", ""):
            yield _problem("service", "not_running", f"The service {one.name} is {one.state.replace('_', ' ')}", one.name)
        elif one.name.lower() == "winrm" and one.start_mode in ("manual", "disabled"):
            yield _problem("service", "start_mode", f"WinRM runs, but its start mode is {one.start_mode}: after a restart nobody may answer", one.name)


def _firewall(seen: HostEvidence, port: int) -> t.Iterator[Problem]:
    for one in () if isinstance(seen.firewall, Unknown) else seen.firewall.passage(port):
        if one.active is True and (one.outcome == BLOCKED or (one.outcome == NARROWED and one.admits is False)):
            yield _problem("firewall", one.outcome, one.why, str(port))


def _gates(seen: HostEvidence, port: int) -> t.Iterator[Problem]:
    """The connection's gate stands for those that it is made of."""
    gate = None if isinstance(seen.access, Unknown) else seen.access.gate("connection")
    if gate is not None and gate.outcome == REFUSED:
        yield _problem("access", "refused", gate.why, "connection")


def _domain(seen: HostEvidence, port: int) -> t.Iterator[Problem]:
    if isinstance(seen.domain, Unknown):
        return
    told = (("secure_channel", "secure channel", seen.domain.secure_channel), ("controller", "search for a domain controller", seen.domain.controller))
    for kind, name, answer in told:
        if isinstance(answer, ChannelEvidence) and answer.code:
            means = f": {answer.means}" if answer.means else ""
            yield _problem("domain", kind, f"The {name} of {seen.domain.domain or 'its domain'} ends with status {answer.code}{means}")


def _time(seen: HostEvidence, port: int) -> t.Iterator[Problem]:
    """A host in a workgroup may do without."""
    member = not isinstance(seen.domain, Unknown) and seen.domain.member
    if not isinstance(seen.time, Unknown) and seen.time.synchronised is False and member:
        yield _problem("time", "not_synchronised", "The clock is not synchronised")


def _problem(subset: str, kind: str, means: str, subject: str = "") -> Problem:
    return {"subset": subset, "kind": kind, "means": f"{means.rstrip('.')}.", "subject": subject}


RULES = (_compared, _services, _firewall, _gates, _domain, _time)
