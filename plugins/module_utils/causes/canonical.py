# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name that Kerberos' library asks for in place of the one in the inventory: krb5.conf's dns_canonicalize_hostname and rdns."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.controller import ControllerEvidence
from ..evidence.directory import GRANTED
from ..evidence.endpoint import NameEvidence
from ..evidence.logon import REFUSED
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, logons, outside


def findings(case: Case) -> list[Finding]:
    """At most one: krb5.conf lets the library put another name in place of the one that was typed, and with that one it does not work."""
    step = next((asked for asked in directories.own_tickets(case) if asked.step.sent), None)
    if step is None or not directories.stake(case) or not _another(step.step.sent, step.step.asked_for):
        return []
    here = case.controller.host if isinstance(case.controller, ControllerEvidence) else "control node"
    asked_for, sent = step.step.asked_for, step.step.sent.partition("@")[0]
    exact = next((asked for asked in directories.own_tickets(case) if not asked.step.sent and asked.step.outcome == GRANTED), None)
    carried = exact is not None or bool(directories.carriers(case, asked_for))
    if step.step.outcome == GRANTED and not _refused_by_host(case):
        return []
    by_reverse = directories.setting(case, "rdns").lower() not in ("false", "no", "0", "off") and not _is_canonical_name(case, sent.partition("/")[2])
    option = "rdns = false" if by_reverse else "dns_canonicalize_hostname = false"
    why = "reverse DNS (rdns is on)" if by_reverse else "DNS (dns_canonicalize_hostname is on)"
    facts: tuple[Fact, ...] = (directories.step_fact(step), Fact(f"Kerberos' library asks for {sent} in place of {asked_for}", here, "controller"))
    if exact is not None:
        facts += (directories.step_fact(exact),)
    found = Finding(
        "control_node",
        "reverse_dns" if by_reverse else "canonical_name",
        directories.at_most(CONFIRMED if carried else LIKELY, directories.stake(case)),
        f"On this control node {why} turns {asked_for} into {sent}, and the ticket is asked for that name.",
        facts,
        next_check=f"KRB5_TRACE=/dev/stderr kvno -S {asked_for.replace('/', ' ')} shows the name that is asked for; getent hosts ADDRESS.",
        remedies=(
            Remedy("Keep Kerberos to the name that is typed: krb5.conf of the control node", f"[libdefaults] {option}"),
            Remedy("Or correct the PTR record of the host's address" if by_reverse else "Or connect by the host's canonical name"),
        ),
        weight=83,
    )
    return [found]


def _another(sent: str, asked_for: str) -> bool:
    return sent.partition("@")[0].lower() != asked_for.lower()


def _refused_by_host(case: Case) -> bool:
    attempt = logons.own(case)
    return attempt is not None and attempt.outcome == REFUSED and "kerberos" in (attempt.method, attempt.mechanism)


def _is_canonical_name(case: Case, host: str) -> bool:
    """Whether it is where the CNAME leads; else only reverse DNS can have brought that name."""
    opened = outside.endpoint(case)
    names = opened.names if opened else None
    return isinstance(names, NameEvidence) and (names.canonical or "").lower() == host.lower()
