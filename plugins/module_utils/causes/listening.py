# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether WinRM listens on the inventory's port, as the inside shows it: service, listener, filters, HTTP.sys."""

from __future__ import annotations

import typing as t

from ..evidence.case import Case
from ..evidence.endpoint import OPEN
from ..evidence.host import POLICY, ListenerEvidence, ProblemEvidence, SettingEvidence
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, fitting_certificates, inside, outside, owned

RUNNING, DISABLED = "running", "disabled"
NOT_SURE = ("start_pending",)
"""A service that is about to run."""
FILTERS = ("Service/IPv4Filter", "Service/IPv6Filter")
START = Remedy("Start the service, and let it start with Windows", "Set-Service WinRM -StartupType Automatic; Start-Service WinRM", "low")
WIDE = "the host's address; an empty one listens nowhere, * everywhere"
IPLISTEN = Remedy(
    "Take the list away, or add the address; whatever else uses HTTP on this host, such as IIS, listens by the same list",
    "netsh http show iplisten; netsh http add iplisten ipaddress=ADDRESS; then Restart-Service WinRM", "high",
)


def findings(case: Case) -> list[Finding]:
    """Why nothing answers on the port, at most one; [] where the port answers, where WinRM listens, or where that was not read."""
    if not inside.ceiling(case) or outside.state(case) == OPEN:
        return []
    found = _service(case) or _remote_access(case) or _listener(case) or _address(case)
    return [found] if found else []


def listens(case: Case) -> bool | None:
    """Whether WinRM listens where the inventory connects to; None where the inside does not tell."""
    seen = inside.listeners(case)
    if seen is None:
        return None
    if _service(case) or _remote_access(case) or _listener(case) or _address(case):
        return False
    return any(one.listening_on for one in _mine(case)) or None


def facts(case: Case) -> tuple[Fact, ...]:
    """That it listens, quoted."""
    running = inside.service(inside.host(case))
    told = [inside.fact(case, f"the service WinRM is {running.state}")] if running else []
    return (*told, *(inside.fact(case, _described(one)) for one in _mine(case)))


def _mine(case: Case) -> list[ListenerEvidence]:
    """The listeners that serve the inventory's port and protocol."""
    seen = inside.listeners(case)
    listed = seen.listeners if seen else ()
    return [one for one in listed if one.enabled and one.port == case.target.port and one.transport.lower() == case.target.scheme]


def _described(one: ListenerEvidence) -> str:
    where = f"listening on {', '.join(one.listening_on[:6])}" if one.listening_on else "enabled" if one.enabled else "disabled"
    return f"the listener {one.key} has port {one.port}, {where}"


def _finding(case: Case, rule: str, summary: str, because: tuple[Fact, ...], *remedies: Remedy, ceiling: str = CONFIRMED) -> Finding:
    verdict = directories.at_most(inside.ceiling(case) or LIKELY, ceiling)
    ports = tuple(outside.port_fact(case, port) for port in outside.ports(case))
    return Finding(
        "service_config", rule, verdict, summary, (*because, *ports), next_check="On the host: winrm enumerate winrm/config/listener; Get-Service WinRM.",
        remedies=remedies, weight=91,
    )


def _service(case: Case) -> Finding | None:
    running = inside.service(inside.host(case))
    if running is None or running.state == RUNNING or running.state in NOT_SURE:
        return None
    code = f", with the exit code {running.exit_code}" if running.exit_code else ""
    fact = inside.fact(case, f"the service WinRM is {running.state}, its start mode {running.start_mode or 'not known'}{code}")
    if running.start_mode == DISABLED:
        return _finding(case, "service_disabled", "The WinRM service is disabled, so nothing listens.", (fact,), START)
    return _finding(case, "stopped", f"The WinRM service is {running.state.replace('_', ' ')}, so nothing listens.", (fact,), START)


def _remote_access(case: Case) -> Finding | None:
    found = inside.setting(case, "Service/AllowRemoteAccess")
    if found is None or inside.is_on(found) is not False:
        return None
    remedy = owned.change(
        inside.host(case), found, "Let WinRM take requests from other machines", "winrm quickconfig (AllowRemoteAccess itself can only be read)",
    )
    return _finding(
        case, "remote_access_off", "WinRM takes no requests from other machines (AllowRemoteAccess is false), whatever listeners there are.",
        (inside.setting_fact(case, found),), remedy,
    )


def _listener(case: Case) -> Finding | None:
    """No listener that serves the port, or only one that is switched off."""
    seen = inside.listeners(case)
    if seen is None or _mine(case):
        return None
    port, transport = case.target.port, case.target.scheme.upper()
    described = tuple(inside.fact(case, _described(one)) for one in seen.listeners)
    off = [one for one in seen.listeners if not one.enabled and one.port == port and one.transport == transport]
    if off:
        how = set_on(off[0], "Enabled", "true")
        return _finding(case, "listener_disabled", f"The listener for TCP {port} is switched off.", described, Remedy("Switch the listener on", how, "low"))
    if not seen.listeners:
        return _finding(
            case, "no_listener", "WinRM has no listener at all: it answers nobody from outside.", (inside.fact(case, "there is no listener"),),
            create(case),
        )
    there = [one for one in seen.listeners if one.port == port and one.enabled]
    if there:
        return _finding(
            case, "no_listener", f"TCP {port} is the port of a listener for {there[0].transport}, and the inventory says {transport}.", described,
            Remedy(f"Let the inventory say {there[0].transport.lower()}, or give the host a listener for {transport} on another port"),
        )
    enabled = [one for one in seen.listeners if one.enabled]
    move = (Remedy(f"Or let the inventory use {enabled[0].transport} on port {enabled[0].port}", f"ansible_port: {enabled[0].port}"),) if enabled else ()
    return _finding(case, "no_listener", f"WinRM has no listener for {transport} on TCP {port}.", described, create(case), *move)


def set_on(one: ListenerEvidence, name: str, value: str) -> str:
    """The command that changes a listener, for PowerShell; what a host calls itself stays inside its quotes."""
    address, transport, wanted = (text.replace("'", "''") for text in (one.address, one.transport, value))
    return f"Set-WSManInstance winrm/config/Listener -SelectorSet @{{Address='{address}';Transport='{transport}'}} -ValueSet @{{{name}='{wanted}'}}"


def create(case: Case) -> Remedy:
    """The command that makes a listener, with a certificate that the host has, where one fits."""
    if case.target.scheme == "https":
        named = f"-CertificateThumbPrint {fitting_certificates.thumbprint(case)}"
        how = f"New-Item -Path WSMan:\\localhost\\Listener -Transport HTTPS -Address * {named} -Force"
        return Remedy("Create a listener for HTTPS, with a certificate for the host's name", how, "medium")
    return Remedy("Create a listener for HTTP", "winrm create winrm/config/Listener?Address=*+Transport=HTTP", "medium")


def _address(case: Case) -> Finding | None:
    """A listener that is bound to no address, or not to the one that is called."""
    seen = inside.listeners(case)
    mine = _mine(case)
    if seen is None or not mine:
        return None
    labels = {one.key for one in mine}
    deaf = [one for one in inside.of_kind(seen.problems, "deaf") if one.subject in labels]
    called = {port.address for port in outside.ports(case)} or {case.target.host}
    left_out = [one for one in inside.of_kind(seen.problems, "address_left_out") if one.subject in called]
    # One address that answers is enough for a client.
    unheard = bool(left_out) and called <= {one.subject for one in left_out}
    if len(deaf) < len(labels) and not unheard:
        return None
    bad = inside.of_kind(seen.problems, "bad_filter")
    because = (*inside.problem_facts(case, (*deaf, *left_out, *bad)), *_filter_facts(case))
    if unheard:
        summary = f"WinRM does not listen on {' and '.join(sorted(called))}, the address that the inventory leads to."
        return _finding(case, "address_left_out", summary, because, *_widen(case, left_out))
    return _finding(case, "deaf", f"The listener for TCP {case.target.port} is bound to no address, so nobody reaches it.", because, *_widen(case, bad))


def _filter_facts(case: Case) -> tuple[Fact, ...]:
    found = [one for one in (inside.setting(case, path) for path in FILTERS) if one is not None and one.value != "*"]
    seen = inside.listeners(case)
    only = inside.known(seen.listen_only) if seen else None
    listed: tuple[Fact, ...] = (inside.fact(case, f"HTTP.sys listens on {', '.join(only)} alone (netsh http show iplisten)"),) if only else ()
    return (*(inside.setting_fact(case, one) for one in found), *listed)


def _widen(case: Case, problems: t.Sequence[ProblemEvidence]) -> t.Iterator[Remedy]:
    """Filter, list, or neither."""
    told = False
    by_policy: list[SettingEvidence] = []
    for path in FILTERS:
        found = inside.setting(case, path)
        if found is None or found.value == "*" or not (found.source == POLICY or found.value != found.default):
            continue
        told = True
        if found.source == POLICY:
            by_policy.append(found)
        else:
            name = path.rpartition("/")[2]
            yield Remedy(f"Let {name} take in {WIDE}", f"Set-Item WSMan:\\localhost\\Service\\{name} *", "medium")
    if by_policy:
        # One policy has both.
        names = " and ".join(one.path.rpartition("/")[2] for one in by_policy)
        yield owned.change(inside.host(case), by_policy[0], f"Let {names} take in {WIDE}", "")
    seen = inside.listeners(case)
    only = inside.known(seen.listen_only) if seen else None
    if only:
        told = True
        yield IPLISTEN
    if not told:
        why = f": {problems[0].means}" if problems else ""
        yield Remedy(f"Give the host a listener for all addresses{why}", "winrm create winrm/config/Listener?Address=*+Transport=HTTP", "medium")
