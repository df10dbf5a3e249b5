# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's inside, read on the first logon that lets one in."""

from __future__ import annotations

import socket
import time
import typing as t
from dataclasses import replace

from ..evidence import answers
from ..evidence.base import Known, Unknown, presentable
from ..evidence.endpoint import EndpointEvidence, TlsEvidence
from ..evidence.host import DENIED, SUBSETS, AccessEvidence, HostEvidence
from ..evidence.logon import AttemptEvidence
from ..target import Target
from ..windows import access, certificates, client, config, domain, firewall, limits, listeners, mappings, policy, services, system, tickets, times
from ..windows.material import Circumstances, Material, Needs
from ..wire.deadline import Deadline
from ..wire.revocation import revocation_of
from ..wire.session import Session
from ..wire.tcp import connect
from ..wire.tls import chain_of
from ..wsman.client import Client
from .inside import CIMV2, CMD, CONFIG, REGISTRY_BY_WMI, Reading, together

NOBODY_GOT_IN = Unknown("nobody could log on to the host")
ROUNDS = 3
"""How often a round may show what to ask in the next: names of groups, their members, the SIDs of members."""


class Subset(t.Protocol):
    """One file of windows/: what it wants, and what it makes of it."""

    def needs(self, circumstances: Circumstances) -> Needs:
        """What is to be read."""

    def evidence(self, material: Material, circumstances: Circumstances) -> Known[t.Any]:
        """What it means."""


FILES: dict[str, Subset] = {
    "system": system, "config": config, "listeners": listeners, "service": services, "firewall": firewall, "certificates": certificates,
    "mappings": mappings, "policy": policy, "access": access, "domain": domain, "time": times, "client": client, "limits": limits, "tickets": tickets,
}
"""Field of HostEvidence to the file that fills it; `system` is no subset, it is always told."""
DECIDING = ("config", "listeners", "service", "firewall", "certificates", "policy", "access", "domain", "time", "limits")
"""What a diagnosis asks: the subsets that causes decide by."""
FOR_CERTIFICATES = (*DECIDING, "mappings")
"""The same where the inventory logs on with a client certificate."""
OF_A_CLIENT = ("config", "service", "certificates", "policy", "domain", "time", "client")
"""The same of a Windows machine that is the client."""


class Look:
    """A guest of logons: `visit` it with each that the host accepts, until it is `satisfied`."""

    def __init__(self, circumstances: Circumstances, subsets: t.Iterable[str]) -> None:
        self.circumstances = circumstances
        self.subsets = tuple(name for name in SUBSETS if name in set(subsets))
        self.requests = 0
        self._best: HostEvidence | None = None
        self._material, self._here = Material(), circumstances

    @property
    def satisfied(self) -> bool:
        """True once something was read, and the doors that only administrators pass stood open."""
        return self._best is not None and _read(self._best, self.subsets) > 0 and not {CONFIG, CMD}.intersection(self._best.denied)

    @property
    def found(self) -> Known[HostEvidence]:
        """What was read by the way that showed most."""
        return self._best or NOBODY_GOT_IN

    def visit(self, session: Session, way: AttemptEvidence, deadline: Deadline) -> None:
        """Read everything over this logon."""
        began, at = deadline.left(), time.time()
        talk = Client(session, deadline=deadline)
        here = replace(self.circumstances, came_from=session.channel.local_address or self.circumstances.came_from, reader=way.account)
        reading = Reading(talk, deadline, thrifty=not here.thorough)
        # Whoever is inside by the inventory's own way needs no judgement of who may come in.
        moot = {"access"} if not here.thorough and way.own and way.enough_for(here.connection) else set()
        names = ("system", *(name for name in self.subsets if name not in moot))
        material = reading.read(together(FILES[name].needs(here) for name in names))
        if "access" in names:
            material = deepened(reading, material, here)
        told = {name: FILES[name].evidence(material, here) for name in names}
        if "certificates" in names:
            # The authorities are asked from here, not by the host.
            asked = {one.thumbprint: revocation_of(list(one.ders), deadline) for one in certificates.to_ask(material, here)}
            told["certificates"] = certificates.answered(told["certificates"], asked)
        self.requests += talk.requests
        evidence = presentable(HostEvidence(
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), vantage=socket.gethostname(), way=way.way, account=way.account, method=way.method,
            scheme=way.scheme, port=way.port, denied=tuple(dict.fromkeys(reading.denied)), gaps=tuple(Unknown(gap) for gap in dict.fromkeys(reading.gaps)),
            requests=talk.requests, sent=talk.sent, received=talk.received, seconds=round(began - deadline.left(), 3), **told,
        ))
        if self._best is None or _read(evidence, names) > _read(self._best, names):
            self._best, self._material, self._here = evidence, material, here

    def knows_user_by(self, sids: tuple[str, ...]) -> None:
        """Judge the user's access once more, now that the directory has told its SIDs."""
        if self._best is not None and isinstance(self._best.access, AccessEvidence) and sids:
            self._best = replace(self._best, access=presentable(access.evidence(self._material, replace(self._here, user_sids=sids))))


def deepened(reading: Reading, material: Material, here: Circumstances) -> Material:
    """The material with what it leads to; hosts whose groups have names in another language show only in the last round who their members are."""
    for _round in range(ROUNDS):
        wanted = access.more(material, here)
        if not wanted.questions:
            break
        material = reading.more(material, wanted)
    return material


def circumstances_of(target: Target, seen: EndpointEvidence | None, *, at: float, **more: t.Any) -> Circumstances:
    """What the inventory and the endpoint tell that the inside is compared with."""
    challenge = answers.challenge_of(seen)
    clock = answers.clock_of(seen)
    of_domain = challenge if challenge and challenge.membership != "workgroup" else None
    known = {
        "domain": (of_domain.dns_domain or "") if of_domain else "", "netbios_domain": (of_domain.netbios_domain or "") if of_domain else "",
        "netbios_computer": (challenge.netbios_computer or "") if challenge else "",
        "offset": clock.offset if clock else None, "uncertainty": clock.uncertainty if clock else 0.0, **more,
    }
    return Circumstances(
        at=at, host=target.host, port=target.port, scheme=target.scheme, user=target.username or "", connection=target.connection,
        **known,
    )


def presented_by(target: Target, seen: EndpointEvidence, seconds: float) -> tuple[bytes, ...]:
    """The certificates that a host presents where the inventory's way is HTTPS, as DER, leaf first."""
    door = next((door for door in seen.doors if door.scheme == "https" and door.port == target.port and isinstance(door.tls, TlsEvidence)), None)
    if door is None:
        return ()
    deadline = Deadline(seconds)
    return chain_of(lambda: connect(door.address, door.port, deadline.left()), target.host, deadline)


def _read(evidence: HostEvidence, names: t.Iterable[str]) -> int:
    """How many subsets were read."""
    return sum(not isinstance(getattr(evidence, name), Unknown) for name in names)


def denied_everywhere(evidence: HostEvidence) -> bool:
    """Whether the account may read nothing of the inside: a Remote Management User sees its own shells, and the challenge tells of the domain."""
    # Without any of these there is no registry either, in which most of it stands.
    if {CONFIG, CMD} <= set(evidence.denied) and {CIMV2, REGISTRY_BY_WMI}.intersection(evidence.denied):
        return True
    asked = [getattr(evidence, name) for name in SUBSETS]
    return any(isinstance(one, Unknown) and one.unknown == DENIED for one in asked) and all(isinstance(one, Unknown) for one in asked)
