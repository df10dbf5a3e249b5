# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""winrm/config: every setting with its default, and who set it."""

from __future__ import annotations

import typing as t

from ..codes.config_defaults import DEFAULTS, OWNED, POLICIES, STORE, STORED, defaults_of, spelled
from ..evidence.base import Known, Unknown
from ..evidence.host import DEFAULT, LOCAL, POLICY, ConfigEvidence, SettingEvidence
from ..wsman.objects import Object
from . import system
from .material import Circumstances, Key, Material, Needs
from .registry import Registry

MOST_SETTINGS, DEEPEST = 500, 8
NOT_CONFIG = Unknown("the host answered with something that is not winrm/config")
KEYS = (
    Key(f"{STORE}\\Service", deep=False, values=tuple(name for key, name in STORED.values() if key == "Service")),
    Key(f"{STORE}\\Client", deep=False, values=tuple(name for key, name in STORED.values() if key == "Client")),
    Key(POLICIES, values=(*(f"{key}\\{name}" for key, name in OWNED.values()), "Client\\TrustedHosts", "Service\\CBTHardeningLevelStatus")),
)


def needs(circumstances: Circumstances) -> Needs:
    """winrm/config itself; the registry answers for those who may not read it."""
    return Needs(config=True, keys=(*KEYS, *system.KEYS))


def evidence(material: Material, circumstances: Circumstances) -> Known[ConfigEvidence]:
    """The whole tree, or what the registry shows of it."""
    build = system.build_of(material)
    whole = material.config
    if isinstance(whole, Unknown):
        part = _from_registry(material.registry, build)
        return ConfigEvidence(part) if part else whole
    settings = tuple(_settings(whole, build)) if whole.name.lower() == "config" else ()
    return ConfigEvidence(settings) if settings else NOT_CONFIG


def truth(value: str) -> bool | None:
    """A setting's value as true or false."""
    return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())


def _settings(root: Object, build: str) -> list[SettingEvidence]:
    """Every leaf, in document order; a path that comes twice counts once."""
    found: dict[str, SettingEvidence] = {}
    for path, leaf in _leaves(root, "", 0):
        if len(found) >= MOST_SETTINGS:
            break
        found.setdefault(path.lower(), _setting(path, leaf.text, leaf.attribute("Source"), build))
    return list(found.values())


def _leaves(parent: Object, above: str, depth: int) -> t.Iterator[tuple[str, Object]]:
    for child in parent:
        path = f"{above}{child.name}"
        if not child.node.children:
            yield path, child
        elif depth < DEEPEST:
            yield from _leaves(child, f"{path}/", depth + 1)


def _setting(path: str, value: str, mark: str, build: str) -> SettingEvidence:
    defaults = defaults_of(path, build)
    match = next((one for one in defaults if _same(one, value)), None)
    # Only "GPO" is known for single settings; another mark would be news, and no hand on the host writes marks.
    source = POLICY if mark else DEFAULT if match is not None else LOCAL
    return SettingEvidence(spelled(path), value, match if match is not None else next(iter(defaults), None), source)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.strip().lower()


def _from_registry(registry: Registry, build: str) -> tuple[SettingEvidence, ...]:
    """What the keys say; a setting that stands nowhere has its default, where that is the same in all versions."""
    found = [_registry_setting(registry, path, build) for path in DEFAULTS] if registry.has(STORE) or any(registry.has(key.path) for key in KEYS) else []
    return tuple(one for one in found if one is not None)


def _registry_setting(registry: Registry, path: str, build: str) -> SettingEvidence | None:
    defaults = defaults_of(path, build)
    first = next(iter(defaults), None)
    flag = first in ("true", "false")
    if (owned := _owned(registry, path, flag)) is not None:
        return SettingEvidence(path, owned, first, POLICY)
    key, name = STORED.get(path, ("", ""))
    if not name or not registry.has(f"{STORE}\\{key}"):
        return None
    text = registry.text(f"{STORE}\\{key}", name)
    if text is not None:
        return _setting(path, _worded(text, flag), "", build)
    # A value that is set but of a kind that cannot be read is no default.
    settled = len(defaults) == 1 and registry.value(f"{STORE}\\{key}", name) is None
    return SettingEvidence(path, str(first), first, DEFAULT) if settled else None


def _owned(registry: Registry, path: str, flag: bool) -> str | None:
    """The value that Group Policy gives, None where it gives none."""
    key, name = OWNED.get(path, ("", ""))
    where = f"{POLICIES}\\{key}"
    text = registry.text(where, name) if name else None
    # The policy of automatic listeners owns both filters as a pair: an empty one listens on nothing.
    if name in ("IPv4Filter", "IPv6Filter") and registry.number(where, "AllowAutoConfig") is not None:
        return (text or "") if registry.number(where, "AllowAutoConfig") else None
    if name == "TrustedHostsList" and registry.number(where, "TrustedHosts") == 0:
        return ""
    return None if text is None else _worded(text, flag)


def _worded(text: str, flag: bool) -> str:
    """The registry's 0 and 1 in the words of winrm/config."""
    return {"0": "false", "1": "true"}.get(text, text) if flag else text
