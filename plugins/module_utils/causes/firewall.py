# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter between the control node and the WinRM port."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.endpoint import FILTERED, OPEN, REFUSED, UNREACHABLE
from ..finding import POSSIBLE, RULED_OUT, TROUBLE, Fact, Finding, Remedy
from . import directories, kdcs, outside
from .cause import Cause

STEALTH = "Windows Firewall hides the reset of ports nobody listens on (stealth mode), so stopped service, missing listener and filter look alike from here."


def evaluate(case: Case, now: float) -> list[Finding]:
    """The way to the host, and where the inventory demands Kerberos the one to a KDC."""
    beyond = directories.of(kdcs.findings(case), "firewall")
    return [*beyond, *(finding for finding in _way(case) if finding.verdict in TROUBLE or not beyond)]


def _way(case: Case) -> list[Finding]:
    """Silence points here, but never here alone."""
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
    facts = tuple(outside.port_fact(case, port) for port in outside.ports(case))
    alive = outside.other_ports(case, OPEN, REFUSED)
    if not alive:
        return [_finding(case, "silent", "A firewall may drop everything this control node sends.", facts, ("network",))]
    facts += tuple(outside.port_fact(case, port) for port in alive)
    return [_finding(case, "dropped", f"TCP {case.target.port} is silent although the host is alive: a firewall may drop it.", facts, ("service_config",))]


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
            Remedy(
                f"Allow TCP {port} inbound for the control node's address, on the network profile in use",
                f"New-NetFirewallRule -DisplayName 'WinRM {port}' -Direction Inbound -Protocol TCP -LocalPort {port} -RemoteAddress CONTROL_NODE -Action Allow",
                "medium",
            ),
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
