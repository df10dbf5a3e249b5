# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the host: its name, its address, the route."""

from __future__ import annotations

from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.endpoint import FILTERED, OPEN, UNREACHABLE, DoorEvidence, HttpEvidence, NameEvidence, TlsEvidence
from ..evidence.logon import BROKEN
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, TROUBLE, Fact, Finding, Remedy
from . import directories, inside, kdcs, keys, logons, outside, stores, trusts
from .cause import Cause

PING_OTHERS = "Ask a neighbour: does another host of the same subnet answer from here, and does this host answer from its own subnet?"


def evaluate(case: Case, now: float) -> list[Finding]:
    """The host's own way; and where the inventory demands Kerberos, the way to a KDC, and whether the name leads to the right host."""
    beyond = [finding for found in (kdcs.findings(case), trusts.findings(case), keys.findings(case)) for finding in directories.of(found, "network")]
    # What only acquits the way to the host is no word on the others.
    return [*beyond, *(finding for finding in _way(case) if finding.verdict in TROUBLE or not beyond)]


def _way(case: Case) -> list[Finding]:
    """Name resolution, then routes, then silence."""
    seen = outside.endpoint(case)
    if seen is None:
        return []
    if not isinstance(seen.names, Unknown) and not seen.names.is_address:
        found = _name(case, seen.names)
        if found:
            return [found]
    state = outside.state(case)
    if state == UNREACHABLE:
        return [_no_route(case)]
    if state == FILTERED and not outside.other_ports(case, OPEN, "refused"):
        return _other_way(case) or [_silent(case)]
    if state != OPEN:
        return []
    opened = outside.door(case)
    if opened is None:
        return []
    failures = _no_word(opened)
    if failures:
        if failures != {"timeout"} and stores.lacks_certificate(case):
            # The inside says what cuts the handshake.
            return []
        return [_mute_finding(case, opened) if failures == {"timeout"} else _cut(case, opened)]
    if broken := _broken_logon(case):
        return [broken]
    reached = Fact(f"TCP {case.target.port} accepts connections and answers", outside.where(case.target), "endpoint")
    return [Finding("network", "reached", RULED_OUT, "The network carries requests to the host and replies back.", against=(reached,))]


def _name(case: Case, names: NameEvidence) -> Finding | None:
    host = case.target.host
    hosts_fix = Remedy(f"Correct the name in the inventory, or the DNS record of {host}", f"getent ahosts {host}; dig {host}")
    if names.no_such_name:
        said = (Fact(f'both the system resolver and the name servers say that "{host}" does not exist', "name resolution", "endpoint"),)
        return Finding("network", "no_such_name", CONFIRMED, f'The name "{host}" does not exist in DNS.', said, remedies=(hosts_fix,), weight=99)
    if isinstance(names.system, Unknown) or not names.system:
        reason = names.system.unknown if isinstance(names.system, Unknown) else "no address came back"
        facts: tuple[Fact, ...] = (Fact(f"the system resolver does not resolve {host}: {reason}", "getaddrinfo", "endpoint"),)
        if not isinstance(names.dns, Unknown) and names.dns:
            facts += (Fact(f"the name servers know it as {', '.join(names.dns)}", "DNS", "endpoint"),)
        return Finding(
            "network",
            "name_unresolved",
            LIKELY,
            f'This control node cannot resolve "{host}".',
            facts,
            next_check="Ask another resolver for the name, and compare /etc/nsswitch.conf and /etc/resolv.conf with a control node that works.",
            remedies=(hosts_fix,),
            weight=98,
        )
    return None


def _no_route(case: Case) -> Finding:
    ports = outside.ports(case)
    by_kernel = all("ENETUNREACH" in port.detail for port in ports)
    facts = tuple(outside.port_fact(case, port) for port in ports)
    return Finding(
        "network",
        "no_route",
        CONFIRMED if by_kernel else LIKELY,
        f"There is no route from this control node to {case.target.host}.",
        facts,
        next_check="ip route get ADDRESS on the control node; traceroute shows the last router that answers.",
        remedies=(Remedy("Repair the route, the VPN or the subnet mask between control node and host", "ip route get ADDRESS"),),
        tied_with=() if by_kernel else ("firewall",),
        weight=96,
    )


def _other_way(case: Case) -> list[Finding]:
    """Somebody got in by another way, so the host is alive and the network leads to it."""
    against = tuple(logons.fact(case, way) for way in logons.by_others(case))
    if not against and inside.host(case) is None:
        return []
    against = against or (inside.fact(case, "somebody was let in"),)
    return [Finding("network", "reached", RULED_OUT, "The network leads to the host: an alternate logon got in.", against=against)]


def _silent(case: Case) -> Finding:
    seen = outside.endpoint(case)
    facts = tuple(outside.port_fact(case, port) for port in (seen.ports if seen else ()) if port.state == FILTERED)
    return Finding(
        "network",
        "silent",
        POSSIBLE,
        f"{case.target.host} answers on no port asked: it is switched off, elsewhere, or filtered altogether.",
        facts,
        next_check=PING_OTHERS,
        remedies=(
            Remedy(
                "Check that the host runs and that its address is the one in the inventory", "Look at its console or hypervisor; compare its ipconfig with DNS"
            ),
        ),
        tied_with=("firewall",),
        weight=90,
    )


def _no_word(opened: DoorEvidence) -> set[str]:
    """How every question failed, where it was by silence or a cut alone; empty as soon as a byte of sense came back."""
    asked = (opened.tls, opened.identify, opened.anonymous)
    seen = [answer for answer in asked if isinstance(answer, (HttpEvidence, TlsEvidence))]
    failures = {answer.failure or "" for answer in seen}
    return {failure for failure in failures if failure} if failures and failures <= {"timeout", "reset", "closed"} else set()


def _broken_logon(case: Case) -> Finding | None:
    """Questions get their answers, but a logon, which lives in one connection, does not come to its end."""
    attempt = logons.own(case)
    if attempt is None or attempt.outcome != BROKEN:
        return None
    last = next((rung.legs[-1] for rung in attempt.rungs[:1] if rung.legs), None)
    if attempt.failure and attempt.failure.step == "keep_alive":
        rule, verdict = "no_keep_alive", LIKELY
        summary = "Something closes the connection in the middle of the logon; NTLM and Negotiate need one connection from the first message to the last."
    elif last is not None and last.reply.failure in ("closed", "reset", "timeout"):
        rule, verdict = "cut_in_logon", POSSIBLE
        summary = f"The connection ends in the middle of the logon ({last.reply.failure}), although questions without credentials are answered."
    else:
        return None
    return Finding(
        "network",
        rule,
        verdict,
        summary,
        (logons.fact(case, attempt),),
        next_check="Log on from the host's own subnet: if that works, a proxy, load balancer or inspection device in between ends the connection.",
        remedies=(Remedy("Let the connection pass the device in between as it is, with keep-alive, or go around it"),),
        tied_with=("service_config",) if verdict == POSSIBLE else (),
        weight=72,
    )


def _cut(case: Case, opened: DoorEvidence) -> Finding:
    place = outside.where(case.target, opened.address)
    return Finding(
        "network",
        "cut",
        POSSIBLE,
        f"{place} accepts the connection and cuts it before any answer: a device in between may do that.",
        (Fact("the TCP connection opens and is cut without an answer", place, "endpoint"),),
        next_check="Ask from the host's own subnet (delegate winrm.doctor.endpoint_info to a machine there): answered there, something in between cuts.",
        tied_with=("certificate",) if case.target.scheme == "https" else ("service_config",),
        weight=70,
    )


def _mute_finding(case: Case, opened: DoorEvidence) -> Finding:
    place = outside.where(case.target, opened.address)
    return Finding(
        "network",
        "mute",
        POSSIBLE,
        f"{place} accepts the connection, then says nothing.",
        (Fact("the TCP connection opens but no byte of an answer comes within the deadline", place, "endpoint"),),
        next_check="Ask from the host's own subnet: answered there, something in between swallows traffic (MTU); silent there too, the host hangs.",
        remedies=(Remedy("Look for an MTU or inspection problem on the path", f"ping -M do -s 1400 {case.target.host}"),),
        tied_with=("service_config",),
        weight=80,
    )


CAUSE = Cause(
    "network",
    "The network does not carry the request",
    1,
    ("endpoint", "directory"),
    "Resolve the name and connect to the port from the control node: getent ahosts HOST; nc -vz HOST 5986.",
    evaluate,
)
