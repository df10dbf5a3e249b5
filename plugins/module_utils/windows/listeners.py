# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners, and all that decides where they listen."""

from __future__ import annotations

import re

from ..codes.config_defaults import POLICIES, STORE
from ..evidence.base import Known, Unknown
from ..evidence.host import LOCAL, NOT_GATHERED, POLICY, ConfigEvidence, ListenerEvidence, ListenersEvidence
from ..wsman.objects import Object
from . import addresses, config, httpsys
from .listener_problems import View, path_of, problems
from .material import Circumstances, Key, Material, Needs
from .registry import Registry

RESOURCE = "config/listener"
STORED = f"{STORE}\\Listener"
_NAMES = ("Port", "uriprefix", "hostname", "certThumbprint", "enabled")
KEY = Key(STORED, values=tuple(f"*+{transport}\\{name}" for transport in ("HTTP", "HTTPS") for name in _NAMES))
PORTS = {"HTTP": 5985, "HTTPS": 5986}
COMPATIBILITY = "compatibility"
MOST = 200
_SOURCES = {"gpo": POLICY, "compatibility": COMPATIBILITY}


def needs(circumstances: Circumstances) -> Needs:
    """The listeners and their filters, HTTP.sys' registry, and the host's addresses; netsh besides where thoroughness counts."""
    filters = config.needs(circumstances)
    thorough = circumstances.thorough
    return Needs(
        config=True, resources=(RESOURCE,), keys=(*filters.keys, KEY, httpsys.KEY, addresses.KEY),
        commands=httpsys.COMMANDS if thorough else (), queries=(addresses.QUERY,) if thorough else (),
    )


def evidence(material: Material, circumstances: Circumstances) -> Known[ListenersEvidence]:
    """What listens where, and what of it does not fit."""
    items = material.resource(RESOURCE)
    stored = isinstance(items, Unknown)
    found = _from_registry(material.registry) if isinstance(items, Unknown) else tuple(_listener(item) for item in items[:MOST])
    if isinstance(items, Unknown) and not found and not (found == () and httpsys.whole(material)):
        return items
    listeners = found or ()
    settings = config.evidence(material, circumstances)
    reserved = httpsys.reservations(material)
    view = View(
        listeners, addresses.own(material, circumstances, (one for item in listeners for one in item.listening_on)), settings, httpsys.listen_only(material),
        httpsys.bindings(material), reserved, circumstances, bound_known=not stored, bindings_whole=httpsys.whole(material),
    )
    return ListenersEvidence(
        listeners, view.addresses, _filter(settings, "IPv4Filter"), _filter(settings, "IPv6Filter"), view.listen_only, view.bindings,
        reserved if isinstance(reserved, Unknown) else tuple(one for one in reserved if path_of(one.url) == "wsman"), problems(view),
    )


def thumbprint_of(text: str) -> str:
    """A thumbprint as certificates are named here: upper-case hex; what people paste holds blanks and invisible marks."""
    return re.sub(r"[^0-9A-Fa-f]", "", text).upper()


def _listener(item: Object) -> ListenerEvidence:
    transport = item.get("Transport").upper() or "HTTP"
    mark = (item.attribute("Source") or next((child.attribute("Source") for child in item if child.attribute("Source")), "")).lower()
    bound = tuple(part for text in item.texts("ListeningOn") for part in re.split(r"[,\s]+", text) if part)
    return ListenerEvidence(
        item.get("Address") or "*", transport, item.number("Port") or PORTS.get(transport, 0), item.get("Hostname"), item.flag("Enabled") is not False,
        item.get("URLPrefix") or "wsman", thumbprint_of(item.get("CertificateThumbprint")), bound, _SOURCES.get(mark, LOCAL),
    )


def _from_registry(registry: Registry) -> tuple[ListenerEvidence, ...] | None:
    """The listeners that are stored, and the one that policy makes; None where the store could not be read."""
    if registry.why(STORED) is not None or not (registry.has(STORED) or registry.has(f"{STORE}\\Service")):
        return None
    found = [_stored(registry, name) for name in registry.subkeys(STORED)[:MOST] if "+" in name]
    if registry.number(f"{POLICIES}\\Service", "AllowAutoConfig") and not any((one.address, one.transport) == ("*", "HTTP") for one in found):
        found.append(ListenerEvidence("*", "HTTP", PORTS["HTTP"], source=POLICY))
    return tuple(found)


def _stored(registry: Registry, name: str) -> ListenerEvidence:
    key = f"{STORED}\\{name}"
    address, _plus, transport = name.rpartition("+")
    enabled = registry.number(key, "enabled")
    return ListenerEvidence(
        address, transport.upper(), registry.number(key, "Port") or PORTS.get(transport.upper(), 0), registry.text(key, "hostname") or "", enabled != 0,
        registry.text(key, "uriprefix") or "wsman", thumbprint_of(registry.text(key, "certThumbprint") or ""),
    )


def _filter(settings: Known[ConfigEvidence], name: str) -> Known[str]:
    if isinstance(settings, Unknown):
        return settings
    value = settings.value(f"Service/{name}")
    return NOT_GATHERED if value is None else value
