# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not fit between listeners, filters, HTTP.sys and the host's addresses."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..evidence.base import Known, Unknown
from ..evidence.host import POLICY, BindingEvidence, ConfigEvidence, ListenerEvidence, ProblemEvidence, ReservationEvidence, SettingEvidence
from . import httpsys
from .addresses import Address, address_of, inside, ranges, reachable
from .material import Circumstances

WILDCARDS = frozenset(("0.0.0.0", "::"))
LONGEST = 200
USUAL_PORTS = frozenset((5985, 5986))


@dataclass(frozen=True)
class View:
    """Everything that is compared."""

    listeners: tuple[ListenerEvidence, ...]
    addresses: Known[tuple[str, ...]]
    settings: Known[ConfigEvidence]
    listen_only: Known[tuple[str, ...]]
    bindings: Known[tuple[BindingEvidence, ...]]
    reservations: Known[tuple[ReservationEvidence, ...]]
    """All, not only WinRM's."""
    circumstances: Circumstances
    bound_known: bool = True
    """False where the listeners come from the registry, which does not say what they are bound to."""
    bindings_whole: bool = True
    """False where only the usual ones were asked for."""

    @property
    def enabled(self) -> tuple[ListenerEvidence, ...]:
        """Those that may listen."""
        return tuple(one for one in self.listeners if one.enabled)


def problems(view: View) -> tuple[ProblemEvidence, ...]:
    """Everything that does not fit, the most telling first."""
    if not view.listeners:
        return (ProblemEvidence("no_listener", "WinRM has no listener: nothing answers on the network."),)
    found = [*_ports(view), *_states(view), *_filters(view), *_left_out(view)]
    for listener in view.enabled:
        if listener.transport == "HTTPS":
            found += _bound(view, listener)
        found += _reserved(view, listener)
    return tuple(dict.fromkeys(found))


def short(text: str) -> str:
    """As much of a text as a sentence bears."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def path_of(url: str) -> str:
    """The first part of a URL's path, in lower case."""
    return url.partition("://")[2].partition("/")[2].partition("/")[0].lower()


def _ports(view: View) -> t.Iterator[ProblemEvidence]:
    port, transport = view.circumstances.port, view.circumstances.scheme.upper()
    on_port = [one for one in view.enabled if one.port == port]
    if any(one.transport == transport for one in on_port):
        return
    there = ", ".join(f"{one.transport} on {one.port}" for one in view.enabled) or "none that is enabled"
    other = f"Port {port} is served with {on_port[0].transport}, not {transport}" if on_port else f"No enabled listener serves port {port}"
    yield ProblemEvidence("none_for_port", f"{other}; the host has {there}.", str(port))


def _states(view: View) -> t.Iterator[ProblemEvidence]:
    for one in view.listeners:
        if not one.enabled:
            yield ProblemEvidence("disabled", f"The listener {one.key} on port {one.port} is disabled.", one.key)
        elif view.bound_known and not one.listening_on:
            yield ProblemEvidence("deaf", f"The listener {one.key} on port {one.port} is bound to no address: nobody reaches it.", one.key)


def _filters(view: View) -> t.Iterator[ProblemEvidence]:
    for version in (4, 6):
        setting = _filter(view, version)
        if setting is not None and ranges(setting.value, version) is None:
            want = f"no list of ranges of IPv{version} addresses (low-high, separated by commas), nor *"
            yield ProblemEvidence("bad_filter", f"{_whose(setting)} is {short(setting.value)!r}, which is {want}.", f"IPv{version}Filter")


def _left_out(view: View) -> t.Iterator[ProblemEvidence]:
    """Own addresses that clients may call and that nothing listens on."""
    known = () if isinstance(view.addresses, Unknown) else view.addresses
    for address in (one for text in known if (one := address_of(text)) is not None and reachable(one)):
        why = _by_list(view, address) or _by_filter(view, address) or _by_listener(view, address)
        if why:
            yield ProblemEvidence("address_left_out", why, str(address))


def _by_list(view: View, address: Address) -> str:
    only = () if isinstance(view.listen_only, Unknown) else view.listen_only
    listed = {address_of(text) for text in only}
    if not only or address in listed or any(one is not None and one.is_unspecified and one.version == address.version for one in listed):
        return ""
    return f"HTTP.sys listens on {short(', '.join(only))} only (netsh http show iplisten), not on {address}."


def _by_filter(view: View, address: Address) -> str:
    """Filters decide for listeners on all addresses; what such a listener is bound to has passed them."""
    if _heard(view, address) or not any(one.address == "*" for one in view.enabled):
        return ""
    setting = _filter(view, address.version)
    parsed = ranges(setting.value, address.version) if setting else None
    if setting is None or parsed is None or inside(address, parsed):
        return ""
    value = f"is {short(setting.value)}" if setting.value else "is empty"
    return f"{_whose(setting)} {value} and leaves out {address}: WinRM does not listen there."


def _by_listener(view: View, address: Address) -> str:
    """Listeners bound to single addresses are somebody's decision; only the address that is called matters then."""
    called = address_of(view.circumstances.host) == address
    single = bool(view.enabled) and all(one.address.upper().startswith("IP:") for one in view.enabled)
    return f"Every enabled listener is bound to another address than {address}." if called and single and not _heard(view, address) else ""


def _heard(view: View, address: Address) -> bool:
    bound = {address_of(text) for one in view.enabled for text in one.listening_on}
    return address in bound or any(address_of(one.address[3:]) == address for one in view.enabled if one.address.upper().startswith("IP:"))


def _bound(view: View, listener: ListenerEvidence) -> t.Iterator[ProblemEvidence]:
    """An HTTPS listener against the certificates that HTTP.sys presents on its port."""
    name, thumbprint = listener.key, listener.thumbprint
    if not thumbprint and listener.source == "compatibility" and not isinstance(view.settings, Unknown):
        # The listener on port 443 takes the service's own certificate.
        thumbprint = (view.settings.value("Service/CertificateThumbprint") or "").replace(" ", "").upper()
    if not thumbprint:
        yield ProblemEvidence("no_thumbprint", f"The listener {name} names no certificate.", name)
    if isinstance(view.bindings, Unknown):
        return
    here = [one for one in view.bindings if _serves(one, listener, view)]
    if view.bindings_whole and not any(_host_of(one) in WILDCARDS or address_of(_host_of(one)) is not None for one in here):
        yield ProblemEvidence("not_bound", f"HTTP.sys has no certificate for port {listener.port}: TLS with the listener {name} fails.", name)
    if foreign := [one for one in here if one.application and one.application != httpsys.WINRM]:
        yield ProblemEvidence(
            "foreign_binding", f"The certificate of {_endpoints(foreign)} belongs to another application ({foreign[0].application}), not to WinRM.", name,
        )
    if differing := [one for one in here if thumbprint and one.thumbprint and one.thumbprint != thumbprint]:
        yield ProblemEvidence(
            "binding_differs",
            f"HTTP.sys presents the certificate {differing[0].thumbprint} on {_endpoints(differing)}; the listener {name} names {thumbprint}.", name,
        )


def _serves(binding: BindingEvidence, listener: ListenerEvidence, view: View) -> bool:
    """Whether HTTP.sys may present it to clients of the listener."""
    if binding.endpoint.rpartition(":")[2] != str(listener.port):
        return False
    host = _host_of(binding)
    address = address_of(host)
    if host in WILDCARDS:
        return True
    if address is None:
        return bool(host) and host.lower() in (listener.hostname.lower(), view.circumstances.host.lower())
    single = address_of(listener.address[3:]) if listener.address.upper().startswith("IP:") else None
    known = () if isinstance(view.addresses, Unknown) else view.addresses
    return address == single if single is not None else str(address) in known


def _host_of(binding: BindingEvidence) -> str:
    return binding.endpoint.rpartition(":")[0].strip("[]")


def _endpoints(bindings: t.Iterable[BindingEvidence]) -> str:
    return ", ".join(one.endpoint for one in bindings)


def _reserved(view: View, listener: ListenerEvidence) -> t.Iterator[ProblemEvidence]:
    """[INF] Windows reserves the usual ports when it is set up; whether it needs a reservation on others is not known, so its absence there is no problem."""
    if isinstance(view.reservations, Unknown) or not view.reservations:
        return
    start = f"{listener.transport.lower()}://"
    mine = [
        one for one in view.reservations
        if one.url.lower().startswith(start) and _port_of(one.url) == str(listener.port) and path_of(one.url) in ("", listener.url_prefix.strip("/").lower())
    ]
    url = f"{start}+:{listener.port}/{listener.url_prefix.strip('/')}/"
    if not mine:
        if listener.port in USUAL_PORTS and listener.url_prefix.lower() == "wsman":
            yield ProblemEvidence("reservation_missing", f"HTTP.sys keeps no reservation of {url} for WinRM.", url)
        return
    exact = [one for one in mine if path_of(one.url)] or mine
    if all(one.sddl and not httpsys.admits(one.sddl) for one in exact):
        url, sddl = exact[0].url, short(exact[0].sddl)
        yield ProblemEvidence("reservation_wrong", f"The reservation of {url} does not admit NT SERVICE\\WinRM ({sddl}).", url)


def _port_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition(":")[2]


def _filter(view: View, version: int) -> SettingEvidence | None:
    return None if isinstance(view.settings, Unknown) else view.settings.setting(f"Service/IPv{version}Filter")


def _whose(setting: SettingEvidence) -> str:
    name = setting.path.rpartition("/")[2]
    return f"Group Policy's {name}" if setting.source == POLICY else name
