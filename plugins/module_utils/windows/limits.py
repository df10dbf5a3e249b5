# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bounds requests: sizes that HTTP.sys takes, quotas, and shells that are open."""

from __future__ import annotations

import typing as t

from ..codes.config_defaults import DEFAULTS, DEPRECATED, defaults_of
from ..evidence.base import Known, Unknown
from ..evidence.host import DENIED, ConfigEvidence, LimitsEvidence, ProblemEvidence, SettingEvidence, ShellEvidence
from ..wsman.objects import Object
from . import config, httpsys, system
from .material import Circumstances, Material, Needs

RESOURCE = "shell"
QUOTAS = tuple(
    path for path, defaults in DEFAULTS.items() if path.rpartition("/")[2].startswith(("Max", "IdleTimeout", "EnumerationTimeout")) and defaults[0].isdigit()
    and path not in DEPRECATED
)
NO_LESS = frozenset(("MaxTimeoutms", "Winrs/IdleTimeout", "Winrs/MaxShellRunTime", "Service/EnumerationTimeoutms", "Service/MaxPacketRetrievalTimeSeconds"))
"""Times, of which a shorter one is no lack of room."""
USUAL_HEADER = 16384
"""Bytes of a header field, and of a request's line and headers, that HTTP.sys takes unless told otherwise."""
MOST = 5000


def needs(circumstances: Circumstances) -> Needs:
    """Quotas, HTTP.sys' parameters, and the list of shells."""
    settings = config.needs(circumstances)
    return Needs(True, (RESOURCE,), (*settings.keys, httpsys.KEY))


def evidence(material: Material, circumstances: Circumstances) -> Known[LimitsEvidence]:
    """Sizes, quotas, shells, and which of them are short."""
    settings, shells = config.evidence(material, circumstances), _shells(material)
    sizes = tuple(_size(material, name) for name in ("MaxFieldLength", "MaxRequestBytes"))
    reasons = [one for one in (settings, shells, *sizes) if isinstance(one, Unknown)]
    if len(reasons) == 4:
        return Unknown(DENIED) if Unknown(DENIED) in reasons else reasons[0]
    quotas = _quotas(settings)
    reader = circumstances.reader or circumstances.user
    own: Known[int] = shells if isinstance(shells, Unknown) else sum(_same(one.owner, reader) and not one.own for one in shells)
    known = () if isinstance(quotas, Unknown) else quotas
    problems = (*_tokens(*sizes), *_small(known, system.build_of(material)), *_used_up(known, shells))
    return LimitsEvidence(sizes[0], sizes[1], quotas, shells, own, problems)


def number_of(value: str) -> int | None:
    """A quota as a number; None for what is none, or absurdly long."""
    return int(value) if value.isdecimal() and value.isascii() and len(value) < 20 else None


def _size(material: Material, name: str) -> Known[int]:
    registry = material.registry
    if not registry.has(httpsys.PARAMETERS):
        return Unknown(registry.why(httpsys.PARAMETERS) or "not read")
    value = registry.number(httpsys.PARAMETERS, name)
    return USUAL_HEADER if value is None else value


def _quotas(settings: Known[ConfigEvidence]) -> Known[tuple[SettingEvidence, ...]]:
    known = {path.lower() for path in QUOTAS}
    return settings if isinstance(settings, Unknown) else tuple(one for one in settings.settings if one.path.lower() in known)


def _shells(material: Material) -> Known[tuple[ShellEvidence, ...]]:
    items = material.resource(RESOURCE)
    return items if isinstance(items, Unknown) else tuple(_shell(one) for one in items[:MOST])


def _shell(item: Object) -> ShellEvidence:
    """[MS-WSMV] 2.2.4.36; the list is read before this look opens a shell of its own."""
    return ShellEvidence(item.get("Owner"), item.get("ResourceUri"), item.get("ClientIP"), item.get("ShellRunTime"), item.get("ShellInactivity"))


def _same(owner: str, user: str) -> bool:
    """Whether `HOST\\name`, `name` and `name@domain` may be one account."""
    return bool(user) and _bare(owner) == _bare(user)


def _bare(account: str) -> str:
    return account.rpartition("\\")[2].partition("@")[0].strip().lower()


def _tokens(field: Known[int], whole: Known[int]) -> t.Iterator[ProblemEvidence]:
    for name, size in (("MaxFieldLength", field), ("MaxRequestBytes", whole)):
        if isinstance(size, int) and size < USUAL_HEADER:
            yield ProblemEvidence("small_token", f"HTTP.sys takes {size} bytes ({name}), fewer than the usual {USUAL_HEADER}: large tickets are refused.", name)


def _small(quotas: tuple[SettingEvidence, ...], build: str) -> t.Iterator[ProblemEvidence]:
    """Quotas below what any version of this kind has untouched."""
    for one in quotas:
        least = min((int(value) for value in defaults_of(one.path, build) if value.isdigit()), default=0)
        now = number_of(one.value)
        if now is not None and now < least and one.path not in NO_LESS:
            yield ProblemEvidence("small_quota", f"{one.path} is {now}, below {least}, the least that any Windows of its kind has by itself.", one.path)


def _used_up(quotas: tuple[SettingEvidence, ...], shells: Known[tuple[ShellEvidence, ...]]) -> t.Iterator[ProblemEvidence]:
    if isinstance(shells, Unknown):
        return
    # By whatever case the name was given in; shells whose owner the host does not name may be everybody's.
    owners: dict[str, list[str]] = {}
    for owner in (shell.owner.strip() for shell in shells):
        if _bare(owner):
            owners.setdefault(owner.lower(), []).append(owner)
    most = {one.path.rpartition("/")[2].lower(): number for one in quotas if (number := number_of(one.value)) is not None}
    for owner, *others in owners.values():
        count = 1 + len(others)
        if count >= most.get("maxshellsperuser", count + 1):
            yield ProblemEvidence("shells_used_up", f"{owner} has {count} shells open; Winrs/MaxShellsPerUser allows no more.", owner)
    if len(owners) >= most.get("maxconcurrentusers", len(owners) + 1):
        yield ProblemEvidence("shells_used_up", f"{len(owners)} users have shells open; Winrs/MaxConcurrentUsers allows no more.", "Winrs/MaxConcurrentUsers")
