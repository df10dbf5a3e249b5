# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence as a diagnosis tells it: without what decides nothing there. The modules for one vantage point tell all of it."""

from __future__ import annotations

from dataclasses import replace

from ..evidence.answers import is_winrm
from ..evidence.base import Known, Unknown
from ..evidence.case import Case
from ..evidence.directory import GRANTED, BindEvidence, DirectoryEvidence, DomainControllerEvidence, KerberosStep, RootEvidence, SpnEvidence
from ..evidence.endpoint import OPEN, ChallengeEvidence, DoorEvidence, EndpointEvidence, HttpEvidence, IdentityEvidence, TlsEvidence, VerifyEvidence
from ..evidence.logon import ACCEPTED, PASSED, AttemptEvidence, LogonEvidence, RungEvidence
from . import brief_host

KDC, LDAP = 88, 389
TOLD_ELSEWHERE = ("date", "connection", "content-length", "keep-alive")
"""Headers that say nothing, or what another field says."""
CLASSES = ("http", "wsman")
"""Service classes that a connection may be told to ask for."""


def brief(case: Case) -> Case:
    """The same case to every cause, but for what the inside shows that is as it always is: findings quote it where it decides."""
    return replace(
        case, endpoint=_endpoint(case.endpoint, case.target.port), logon=_logon(case.logon), directory=_directory(case.directory, case.logon),
        host=brief_host.of_host(case.host, case.target), client=brief_host.of_client(case.client),
    )


def _endpoint(seen: Known[EndpointEvidence], port: int) -> Known[EndpointEvidence]:
    """The inventory's door; of others that are WinRM's too, what they offer."""
    if isinstance(seen, Unknown):
        return seen
    told = any(door.port == port and isinstance(door.challenge, ChallengeEvidence) for door in seen.doors)
    return replace(seen, doors=tuple(_other(_door(door)) if told and door.port != port and is_winrm(door) else _door(door) for door in seen.doors))


def _other(door: DoorEvidence) -> DoorEvidence:
    """Another way into the same WinRM: who it is was told at the first."""
    tls = door.tls
    if isinstance(tls, TlsEvidence) and not isinstance(tls.chain, Unknown):
        tls = replace(tls, chain=tls.chain[:1])
    return replace(door, tls=tls, challenge=None, clocks=())


def _door(door: DoorEvidence) -> DoorEvidence:
    """What Identify brought is told in fields already, and so are most headers."""
    identify, anonymous = door.identify, door.anonymous
    if isinstance(door.identity, IdentityEvidence) and isinstance(identify, HttpEvidence):
        identify = replace(identify, headers=(), body_start="")
    if isinstance(anonymous, HttpEvidence):
        anonymous = replace(anonymous, headers=tuple(one for one in anonymous.headers if one[0].lower() not in TOLD_ELSEWHERE))
    return replace(door, identify=identify, anonymous=anonymous, tls=_tls(door.tls))


def _tls(seen: Known[TlsEvidence] | None) -> Known[TlsEvidence] | None:
    """A chain that verifies need not be told beyond its leaf."""
    if not isinstance(seen, TlsEvidence) or isinstance(seen.chain, Unknown) or not isinstance(seen.chain_verify, VerifyEvidence) or seen.chain_verify.code:
        return seen
    return replace(seen, chain=seen.chain[:1])


def _logon(seen: Known[LogonEvidence]) -> Known[LogonEvidence]:
    return seen if isinstance(seen, Unknown) else replace(seen, attempts=tuple(map(_attempt, seen.attempts)))


def _attempt(attempt: AttemptEvidence) -> AttemptEvidence:
    """Requests and replies of the logon itself, and of what failed; of another way that works, that it does."""
    telling = attempt.own or attempt.outcome != ACCEPTED
    return replace(attempt, rungs=tuple(_rung(rung, first=number == 0 and telling) for number, rung in enumerate(attempt.rungs)))


def _rung(rung: RungEvidence, *, first: bool) -> RungEvidence:
    if rung.status == PASSED and not first:
        return replace(rung, legs=())
    return replace(rung, legs=tuple(replace(leg, reply=_told(leg.reply)) if leg.fault or rung.status == PASSED else leg for leg in rung.legs))


def _told(reply: HttpEvidence) -> HttpEvidence:
    """A reply whose meaning stands in fields of its own: without its text."""
    return replace(reply, headers=(), body_start="")


def _directory(seen: Known[DirectoryEvidence], logon: Known[LogonEvidence]) -> Known[DirectoryEvidence]:
    if isinstance(seen, Unknown):
        return seen
    told = set() if isinstance(logon, Unknown) else {_asked(step) for step in logon.kdc if step.outcome == GRANTED}
    controllers = tuple(_controller(one, first=one is seen.controllers[0]) for one in seen.controllers)
    # What the KDC granted before the logon, and again to whoever read the directory, is told once.
    steps = tuple(step for step in seen.steps if _asked(step) not in told)
    return replace(seen, controllers=controllers, steps=steps, binds=_binds(seen.binds), spns=_spns(seen.spns))


def _asked(step: KerberosStep) -> tuple[str, str, str, str]:
    return step.name, step.asked_for, step.outcome, step.realm


def _controller(seen: DomainControllerEvidence, *, first: bool) -> DomainControllerEvidence:
    """Where the KDC answers, other open ports say nothing; nor does a second, coarser look at the clock."""
    answers = any(port.port == KDC and port.state == OPEN for port in seen.ports)
    told = (KDC, LDAP) if first else (KDC,)
    ports = tuple(port for port in seen.ports if not answers or port.port in told or port.state != OPEN)
    clocks = tuple(sorted(seen.clocks, key=lambda clock: clock.uncertainty)[:1])
    root = replace(seen.root, configuration_context="", root_domain_context="", sasl=()) if isinstance(seen.root, RootEvidence) else seen.root
    return replace(seen, ports=ports, clocks=clocks, root=root)


def _binds(seen: tuple[BindEvidence, ...]) -> tuple[BindEvidence, ...]:
    """Every refusal, but one success of each account."""
    first = {bind.account: bind for bind in reversed(seen) if bind.outcome == GRANTED}
    return tuple(bind for bind in seen if bind.outcome != GRANTED or first[bind.account] is bind)


def _spns(seen: tuple[SpnEvidence, ...]) -> tuple[SpnEvidence, ...]:
    """Where somebody carries the own SPN: that one, the other one that a connection may ask for, and what is double."""
    own = next((one for one in seen if one.own), None)
    if own is None or own.owners == ():
        return seen
    return tuple(one for one in seen if one.own or _is_double(one) or _may_be_asked_for(one.spn, own.spn))


def _is_double(one: SpnEvidence) -> bool:
    return not isinstance(one.owners, Unknown) and len(one.owners) > 1


def _may_be_asked_for(spn: str, own: str) -> bool:
    service, _slash, host = spn.lower().partition("/")
    return service in CLASSES and host == own.lower().partition("/")[2]
