# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter between the control node and the WinRM port."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.endpoint import FILTERED, OPEN, REFUSED, UNREACHABLE
from ..finding import LIKELY, POSSIBLE, RULED_OUT, TROUBLE, Fact, Finding, Remedy
from . import directories, inside, kdcs, listening, logons, outside, passages
from .cause import Cause

STEALTH = "Windows Firewall hides the reset of ports nobody listens on (stealth mode), so stopped service, missing listener and filter look alike from here."


def evaluate(case: Case, now: float) -> list[Finding]:
    """The way to the host, and where the inventory demands Kerberos the one to a KDC."""
    beyond = directories.of(kdcs.findings(case), "firewall")
    return [*beyond, *(finding for finding in _way(case) if finding.verdict in TROUBLE or not beyond)]


def _way(case: Case) -> list[Finding]:
    """Silence points here, but never here alone, unless the inside was seen by another way."""
    state = outside.state(case)
    place = outside.where(case.target)
    if state == OPEN:
        return [
            Finding(
                "firewall",
                "open",
                RULED_OUT,
                "No firewall stops the connection from this control node.",
                against=(Fact("the TCP handshake completes", place, "endpoint"),),
            )
        ]
    if state == REFUSED:
        fact = Fact("the connection is refused at once; a Windows Firewall that filters stays silent", place, "endpoint")
        return [Finding("firewall", "refused", RULED_OUT, "The host's own firewall lets the connection through.", against=(fact,))]
    if state == UNREACHABLE and not all("ENETUNREACH" in port.detail for port in outside.ports(case)):
        facts = tuple(outside.port_fact(case, port) for port in outside.ports(case))
        return [_finding(case, "prohibited", "A router on the way may reject the traffic.", facts, ("network",))]
    if state != FILTERED:
        return []
    if seen := _inside(case):
        return seen
    facts = tuple(outside.port_fact(case, port) for port in outside.ports(case))
    alive = outside.other_ports(case, OPEN, REFUSED)
    got_in = tuple(logons.fact(case, way) for way in logons.by_others(case))
    if not alive and not got_in:
        return [_finding(case, "silent", "A firewall may drop everything this control node sends.", facts, ("network",))]
    facts += (*(outside.port_fact(case, port) for port in alive), *got_in)
    if listening.listens(case) is False:
        return []
    return [_finding(case, "dropped", f"TCP {case.target.port} is silent although the host is alive: a firewall may drop it.", facts, ("service_config",))]


def _inside(case: Case) -> list[Finding]:
    """What the host's own firewall does, where that was read; else what is left once it is known whether WinRM listens."""
    passage, listens = passages.judged(case), listening.listens(case)
    silence = tuple(outside.port_fact(case, port) for port in outside.ports(case))
    if passage is not None and passage.lets is not True:
        ceiling = inside.ceiling(case) if passage.lets is False and passage.sure else LIKELY if passage.lets is False or listens else POSSIBLE
        verdict = directories.at_most(ceiling or POSSIBLE, inside.ceiling(case) or POSSIBLE)
        tied = ("service_config",) if verdict == POSSIBLE and listens is None else ()
        return [Finding(
            "firewall", passage.rule, verdict, passage.summary, (*passage.facts, *silence), next_check=passages.CHECK, remedies=passage.remedies,
            tied_with=tied, weight=89,
        )]
    if listens is False or (passage is not None and listens is None):
        # Where nothing listens, silence needs no filter; what the filter would do is told as far as it was read.
        return [Finding("firewall", "lets", RULED_OUT, passage.summary, against=passage.facts)] if passage is not None else []
    if listens is not True:
        return []
    heard = listening.facts(case)
    if passage is None:
        summary = f"WinRM listens on TCP {case.target.port}, and yet the port is silent from here: a firewall drops it, on the host or on the way."
        return [Finding(
            "firewall", "dropped", LIKELY, summary, (*heard, *silence), next_check=passages.CHECK, remedies=(passages.allow(case),), weight=89,
        )]
    summary = f"WinRM listens on TCP {case.target.port} and the host's own firewall lets it in: something on the way from this control node drops it."
    return [Finding(
        "firewall", "between", LIKELY, summary, (*heard, *passage.facts, *silence),
        next_check="Ask from the host's own subnet: delegate winrm.doctor.endpoint_info to a machine there. Answered there, a firewall of the network is it.",
        remedies=(Remedy(f"Open TCP {case.target.port} from the control node to the host in the network's own firewalls"),), weight=89,
    )]


def _finding(case: Case, rule: str, summary: str, facts: tuple[Fact, ...], tied: tuple[str, ...]) -> Finding:
    port = case.target.port
    builtin = " Windows has no built-in rule for 5986." if port == 5986 else ""
    return Finding(
        "firewall",
        rule,
        POSSIBLE,
        summary + builtin,
        facts,
        next_check=f"{STEALTH} On the host: Test-NetConnection -ComputerName localhost -Port {port}. Open: a firewall; closed: service or listener.",
        remedies=(
            passages.allow(case),
        ),
        tied_with=tied,
        weight=85,
    )


CAUSE = Cause(
    "firewall",
    "A firewall drops the connection",
    1,
    ("endpoint", "host"),
    "On the host: Get-NetFirewallPortFilter | Where-Object LocalPort -in 5985,5986 | Get-NetFirewallRule; compare profile and remote address.",
    evaluate,
)
