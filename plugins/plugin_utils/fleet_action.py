# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of actions that look at the whole play: they gather what tasks registered for every host, and speak once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import typing as t

from ansible.utils.display import Display
from ansible_collections.winrm.doctor.plugins.module_utils.report import fleet
from ansible_collections.winrm.doctor.plugins.module_utils.report.console import screen

from .controller_action import ControllerAction
from .options import check_options
from .plain import plain
from .scrub import Hidden


def nameless_file() -> int:
    """Descriptor of an empty file without a name, which forks inherit."""
    handle, name = tempfile.mkstemp(prefix="winrm-doctor-")
    os.unlink(name)
    return handle


# One for all of Ansible's forks: the strategy "free" runs the task for every host, and only one of them may speak.
_SPOKEN = nameless_file()
KEY_BYTES = 32


class FleetAction(ControllerAction):
    """Runs `module.run` with `results` filled from a registered variable of every host, and prints the screen."""

    def answer(self, task_vars: dict[str, t.Any], hidden: Hidden) -> dict[str, t.Any]:
        self._hide(hidden, task_vars)
        given = {name: value for name, value in plain(self._task.args).items() if value is not None}
        params, _secrets = check_options(self.module.argument_spec(), given, {})
        batch, gone = self._hosts(task_vars)
        results = params["results"] if params["results"] is not None else registered(task_vars, params["variable"], batch)
        pending = [name for name, result in results.items() if result is None and name not in gone]
        if pending and not self._lockstep():
            return {"changed": False, "msg": f"Waiting for {len(pending)} of {len(results)} hosts; the last one reports."}
        fresh = self._unspoken(results)
        if not fresh:
            return {"changed": False, "msg": "Another host of this batch has reported."}
        results = {name: result for name, result in results.items() if name in fresh}
        if params["screen"] != "none":
            # First, for a file that cannot be written must not cost the screen.
            self._show(hidden, results, params["screen"] == "full")
        return t.cast("dict[str, t.Any]", self.module.run({**params, "results": results}, bool(self._task.check_mode)))

    def _lockstep(self) -> bool:
        """False under a strategy that lets hosts run ahead, where run_once means nothing and others may still come."""
        play = getattr(getattr(self._task, "_parent", None), "_play", None)
        return not str(getattr(play, "strategy", "")).endswith(("free", "host_pinned"))

    def _hosts(self, task_vars: dict[str, t.Any]) -> tuple[list[str], set[str]]:
        """The hosts of this batch, and those that have left the play. Failed hosts count as left, in this batch and in earlier ones."""
        everybody = plain(task_vars.get("ansible_play_hosts_all") or [])
        # Both leave out hosts that failed; a batch that is empty for that reason must not count as the whole play.
        active = set(plain(task_vars.get("ansible_play_hosts", everybody)))
        batch = set(plain(task_vars.get("ansible_play_batch", everybody)))
        gone = set(everybody) - active
        names = [name for name in everybody if name in batch or name in gone]
        return names, gone

    def _unspoken(self, names: t.Iterable[str]) -> set[str]:
        """The hosts that this task has not reported yet; they count as reported from now on."""
        keys = {name: hashlib.sha256(repr((self._task._uuid, name)).encode()).digest() for name in names}
        fcntl.lockf(_SPOKEN, fcntl.LOCK_EX)
        try:
            size = os.fstat(_SPOKEN).st_size
            known = os.pread(_SPOKEN, size, 0)
            spoken = {known[at : at + KEY_BYTES] for at in range(0, size, KEY_BYTES)}
            fresh = {name for name, key in keys.items() if key not in spoken}
            os.pwrite(_SPOKEN, b"".join(keys[name] for name in sorted(fresh)), size)
            return fresh
        finally:
            fcntl.lockf(_SPOKEN, fcntl.LOCK_UN)

    def _show(self, hidden: Hidden, results: t.Mapping[str, t.Any], full: bool) -> None:
        clean = t.cast("dict[str, t.Any]", hidden.scrub(dict(results)))
        hosts = {name: fleet.entry(result, "") for name, result in sorted(clean.items())}
        undecided = [{item["cause"]: item for item in result.get("unknown", ())} for result in clean.values() if result and "findings" in result]
        common = [item for cause, item in undecided[0].items() if all(cause in other for other in undecided)] if undecided else []
        width = min(shutil.get_terminal_size((100, 24)).columns, 120)
        Display().display("\n" + screen(hosts, common, fleet.hints(clean), width=width, full=full) + "\n")


def registered(task_vars: dict[str, t.Any], variable: str, hosts: t.Sequence[str]) -> dict[str, t.Any]:
    """What a task registered for each host; None where there is nothing. Reads without templating, which 1000 hosts would feel."""
    hostvars = task_vars["hostvars"]
    found = {}
    for name in hosts:
        known = hostvars.raw_get(name) if hasattr(hostvars, "raw_get") else hostvars[name]
        value = known.get(variable) if isinstance(known, t.Mapping) else None
        found[name] = plain(value) if isinstance(value, t.Mapping) else None
    return found
