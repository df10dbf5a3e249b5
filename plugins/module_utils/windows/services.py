# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service WinRM, what it depends on, and what logons need besides."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from ..evidence.base import Known, Unknown
from ..evidence.host import DENIED, ServiceEvidence
from ..wsman.objects import Object
from .material import Circumstances, Command, Key, Material, Needs, Query, Said

NAMES = ("WinRM", "RpcSs", "HTTP", "MpsSvc", "W32Time", "Netlogon", "EventLog", "CryptSvc")
ANSWERING = frozenset(("winrm", "rpcss", "http"))
"""Those that run for certain while WinRM answers: the service, and what it depends on."""
ROOT = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
# HTTP is a driver, which Win32_Service does not show.
QUERY = Query("services", "select * from Win32_Service where " + " or ".join(f"Name = '{name}'" for name in NAMES if name != "HTTP"))
NO_SUCH_SERVICE, REFUSED = 1060, 5
NOT_TOLD = Unknown("the host did not tell its services")
_VALUES = ("Start", "DelayedAutostart", "DependOnService", "ObjectName")
_STATES = {1: "stopped", 2: "start_pending", 3: "stop_pending", 4: "running", 5: "start_pending", 6: "stop_pending", 7: "paused"}
_WORDS = {
    "running": "running", "stopped": "stopped", "paused": "paused", "start pending": "start_pending", "stop pending": "stop_pending",
    "continue pending": "start_pending", "pause pending": "stop_pending",
}
_STARTS = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
# "        STATE              : 4  RUNNING": words are translated, their order and the numbers are not.
_NUMBERED = re.compile(r"^[^:\n]+:\s*([0-9a-fA-F]+)(?=\s|$)", re.MULTILINE)
_EXIT = re.compile(r":\s*(\d+)\s*\(0x[0-9a-fA-F]+\)")


def key_of(name: str) -> Key:
    """The service's own key. Value by value only that of WinRM is worth its requests; WMI tells the others."""
    return Key(f"{ROOT}\\{name}", deep=False, values=_VALUES if name == NAMES[0] else ())


def command_of(name: str) -> Command:
    """The question for its state."""
    return Command(f"sc:{name.lower()}", f"sc query {name}")


def needs(circumstances: Circumstances) -> Needs:
    """Registry and `sc query`, which cost no request of their own; WMI where thoroughness counts."""
    queries = (QUERY,) if circumstances.thorough else ()
    return Needs(keys=tuple(key_of(name) for name in NAMES), commands=tuple(command_of(name) for name in NAMES), queries=queries)


def evidence(material: Material, circumstances: Circumstances) -> Known[tuple[ServiceEvidence, ...]]:
    """Each service as far as it is known; WinRM first."""
    found = tuple(one for one in (service(material, name) for name in NAMES) if one is not None)
    if not any(_told(one) for one in found):
        return _why(material)
    return tuple(_answering(one) for one in found)


def service(material: Material, name: str) -> ServiceEvidence | None:
    """One service; its state is "" where only its registry is known; None where nothing is."""
    row, said = _row(material, name), material.said(command_of(name).id)
    key = f"{ROOT}\\{name}"
    registry = _from_registry(material, name) if material.registry.has(key) else None
    status = None if isinstance(said, Unknown) else _status(said)
    if row is None and registry is None and status is None:
        return ServiceEvidence(name, "missing") if _absent(material, name) else None
    known = registry or ServiceEvidence(name, "")
    if status:
        known = replace(known, state=status[0], exit_code=status[1])
    if row is None:
        return known
    delayed = row.flag("DelayedAutoStart")
    return replace(
        known, state=_WORDS.get(row.get("State").lower(), known.state), start_mode=_mode(row.get("StartMode")) or known.start_mode,
        delayed=known.delayed if delayed is None else delayed, exit_code=known.exit_code if row.number("ExitCode") is None else row.number("ExitCode"),
        account=row.get("StartName") or known.account,
    )


def state_of(material: Material, name: str) -> str:
    """The state alone, "" where it is not known."""
    found = service(material, name)
    return _answering(found).state if found else ""


def _told(one: ServiceEvidence) -> bool:
    return bool(one.state or one.start_mode or one.account)


def _answering(one: ServiceEvidence) -> ServiceEvidence:
    """What was read came through WinRM: it runs, whoever could not see that."""
    return replace(one, state="running") if not one.state and one.name.lower() in ANSWERING else one


def _row(material: Material, name: str) -> Object | None:
    rows = material.query(QUERY.id)
    return None if isinstance(rows, Unknown) else next((row for row in rows if row.get("Name").lower() == name.lower()), None)


def _mode(word: str) -> str:
    """`Auto` of WMI, or `Automatic` of its methods."""
    low = word.lower()
    return "auto" if low == "automatic" else low if low in _STARTS.values() else ""


def _from_registry(material: Material, name: str) -> ServiceEvidence:
    key, registry = f"{ROOT}\\{name}", material.registry
    start, delayed = registry.number(key, "Start"), registry.number(key, "DelayedAutostart")
    return ServiceEvidence(
        name, "", start_mode=_STARTS.get(-1 if start is None else start, ""), delayed=bool(delayed) if start == 2 else None,
        account=registry.text(key, "ObjectName") or "", depends_on=tuple(one for one in registry.strings(key, "DependOnService") or () if one),
    )


def _status(said: Said) -> tuple[str, int | None] | None:
    """State and exit code of `sc query`; None where it tells none."""
    if said.code:
        return None
    # Kind (hexadecimal), state, exit code, the service's own exit code, check point, wait hint.
    numbers = _NUMBERED.findall(said.text)
    state = _STATES.get(int(numbers[1]), "") if len(numbers) > 1 and numbers[1].isdigit() and len(numbers[1]) < 4 else ""
    code = _EXIT.search(said.text)
    return (state, int(code[1]) if code and len(code[1]) < 11 else None) if state else None


def _absent(material: Material, name: str) -> bool:
    """Whether the host says that there is no such service: by number, or by the gap among keys that were read."""
    said = material.said(command_of(name).id)
    if not isinstance(said, Unknown):
        return said.code == NO_SUCH_SERVICE
    others: t.Iterable[str] = (f"{ROOT}\\{one}" for one in NAMES if one != name)
    return material.registry.why(f"{ROOT}\\{name}") is None and any(material.registry.has(key) for key in others)


def _why(material: Material) -> Unknown:
    said = material.said(command_of(NAMES[0]).id)
    reasons = (material.query(QUERY.id), said, Unknown(material.registry.why(f"{ROOT}\\{NAMES[0]}") or ""))
    refused = isinstance(said, Said) and said.code == REFUSED
    return Unknown(DENIED) if refused or Unknown(DENIED) in reasons else NOT_TOLD
