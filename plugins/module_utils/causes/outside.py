# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the endpoint's evidence: the questions several causes ask of it."""

from __future__ import annotations

from ..evidence.answers import header, replies, speaks_http
from ..evidence.base import Unknown
from ..evidence.case import Case, TargetEvidence
from ..evidence.endpoint import FILTERED, OPEN, REFUSED, UNREACHABLE, DoorEvidence, EndpointEvidence, HttpEvidence, PortEvidence, TlsEvidence
from ..finding import Fact

WINRM_PORTS = (5985, 5986)

# Which scheme of the 401 each Ansible connection can answer. pywinrm's Kerberos reads only "Negotiate"
# (winrm/vendor/requests_kerberos), pypsrp sends its token under whichever of the two the server offers.
SCHEMES_FOR = {
    ("winrm", "kerberos"): ("negotiate",),
    ("winrm", "ntlm"): ("negotiate", "ntlm"),
    ("psrp", "kerberos"): ("kerberos", "negotiate"),
    ("psrp", "ntlm"): ("ntlm", "negotiate"),
    ("psrp", "negotiate"): ("negotiate", "kerberos"),
}


def endpoint(case: Case) -> EndpointEvidence | None:
    """The endpoint's evidence, if this vantage point was asked."""
    return None if isinstance(case.endpoint, Unknown) else case.endpoint


def ports(case: Case, number: int | None = None) -> tuple[PortEvidence, ...]:
    """Connects to one port number on every address; by default to the inventory's port."""
    seen = endpoint(case)
    wanted = case.target.port if number is None else number
    return tuple(port for port in seen.ports if port.port == wanted) if seen else ()


def state(case: Case, number: int | None = None) -> str | None:
    """The best state any address shows for a port; None when it was not asked."""
    states = {port.state for port in ports(case, number)}
    return next((known for known in (OPEN, REFUSED, FILTERED, UNREACHABLE) if known in states), None)


def other_ports(case: Case, *states: str) -> tuple[PortEvidence, ...]:
    """Ports beside the inventory's that are in one of these states."""
    seen = endpoint(case)
    return tuple(p for p in seen.ports if p.port != case.target.port and p.state in states) if seen else ()


def door(case: Case) -> DoorEvidence | None:
    """What was spoken at the inventory's port, at the first address that let itself be spoken to."""
    seen = endpoint(case)
    doors = [d for d in seen.doors if d.port == case.target.port] if seen else []
    return next((d for d in doors if speaks_http(d)), doors[0] if doors else None)


def tls(case: Case) -> TlsEvidence | None:
    """The TLS side of the inventory's port."""
    opened = door(case)
    return None if opened is None or opened.tls is None or isinstance(opened.tls, Unknown) else opened.tls


def missing_schemes(case: Case, opened: DoorEvidence) -> tuple[str, ...]:
    """Of the inventory's methods, those that no offered scheme can carry; () where at least one can."""
    offered = {scheme.lower() for scheme in opened.schemes}
    missing = []
    for method in case.target.auth:
        if method == "certificate":
            return ()
        wanted = SCHEMES_FOR.get((case.target.connection, method), (method,))
        if offered.intersection(wanted):
            return ()
        missing.append(method)
    return tuple(missing)


def where(target: TargetEvidence, address: str = "", port: int | None = None) -> str:
    """`web01 [10.0.0.5]:5986`, as facts name a place."""
    number = target.port if port is None else port
    if address and address != target.host:
        return f"{target.host} [{address}]:{number}"
    return f"[{target.host}]:{number}" if ":" in target.host else f"{target.host}:{number}"


def port_fact(case: Case, port: PortEvidence) -> Fact:
    """One connect, quoted."""
    how = {
        OPEN: f"TCP {port.port} accepts connections",
        REFUSED: f"TCP {port.port} refuses connections (RST)",
        FILTERED: f"TCP {port.port} gives no answer within {port.seconds:.1f} s",
        UNREACHABLE: f"TCP {port.port} cannot be reached ({port.detail or 'no route'})",
    }
    return Fact(how.get(port.state, f"TCP {port.port}: {port.state}"), where(case.target, port.address, port.port), "endpoint")


def reply_fact(case: Case, opened: DoorEvidence, reply: HttpEvidence, question: str) -> Fact:
    """One HTTP reply, quoted."""
    server = header(reply, "Server")
    signed = f'Server "{server}"' if server else "without a Server header"
    verb = "are" if " and " in question else "is"
    return Fact(f"{question} {verb} answered with HTTP {reply.status}, {signed}", where(case.target, opened.address, opened.port), "endpoint")


def reply_facts(case: Case, opened: DoorEvidence) -> tuple[Fact, ...]:
    """The replies to both questions; one sentence where they agree."""
    asked = ((opened.identify, "the anonymous Identify"), (opened.anonymous, "an empty POST"))
    known = [(reply, question) for reply, question in asked if isinstance(reply, HttpEvidence) and reply in replies(opened)]
    if len({(reply.status, header(reply, "Server")) for reply, _question in known}) == 1:
        return (reply_fact(case, opened, known[0][0], " and ".join(question for _reply, question in known)),)
    return tuple(reply_fact(case, opened, reply, question) for reply, question in known)


def offer_fact(case: Case, opened: DoorEvidence) -> Fact:
    """The 401's schemes, quoted."""
    offered = ", ".join(opened.schemes) or "no scheme at all"
    return Fact(f"the 401 to a request without credentials offers {offered}", where(case.target, opened.address, opened.port), "endpoint")


def setting(target: TargetEvidence, *, psrp: str, winrm: str) -> str:
    """The inventory line for the connection in use."""
    return psrp if target.connection == "psrp" else winrm
