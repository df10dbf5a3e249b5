# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts' diagnoses as one report: what a file keeps, what counts as a change, what the fleet as a whole tells."""

from __future__ import annotations

import json
import statistics
import typing as t

FORMAT = 1
TROUBLE, CLEAR, UNPROVEN, FAILED, MISSING = "trouble", "clear", "unproven", "failed", "missing"
"""`unproven`: nothing wrong was seen, but a logon that was to be tried could not be."""
SAME_CLOCK = 30.0
"""Seconds within which two hosts' offsets count as one."""
NOTEWORTHY = 60.0
"""Seconds of clock offset; less is everyday drift."""
Hosts = t.Dict[str, t.Dict[str, t.Any]]


def entry(result: t.Mapping[str, t.Any] | None, now: str) -> dict[str, t.Any]:
    """One host's place in the report, from what its task registered (None: nothing)."""
    if result is None:
        return {"status": MISSING, "seen_at": now, "msg": "No diagnosis was made: the host had left the play before, or the task never ran for it."}
    if result.get("skipped"):
        return {"status": MISSING, "seen_at": now, "msg": f"No diagnosis was made: {result.get('skip_reason') or 'the task was skipped for this host'}."}
    if "findings" not in result:
        return {"status": FAILED, "seen_at": now, "msg": str(result.get("msg") or "The task failed without a message.")}
    kept = {name: result[name] for name in ("msg", "target", "findings", "notes", "client_host") if result.get(name)}
    decided = {name: [item["cause"] for item in result.get(name, ())] for name in ("ruled_out", "unknown")}
    status = TROUBLE if result["findings"] else UNPROVEN if result.get("logon_works") is False else CLEAR
    seen = {"status": status, "seen_at": now, **kept, **decided}
    if "logon_works" in result:
        seen["logon_works"] = result["logon_works"]
    if result["findings"]:
        seen["evidence"] = result.get("evidence", {})
    return seen


def essence(host: t.Mapping[str, t.Any]) -> list[t.Any]:
    """What makes two reports of a host the same: its status and its findings, not the times or the wording."""
    return [host["status"], *sorted([item["cause"], item["rule"], item["verdict"]] for item in host.get("findings", ()))]


def merge(old: Hosts, new: Hosts) -> Hosts:
    """The new entries over the old ones; a host whose essence is the same keeps its old entry, and hosts not asked this time stay.

    A host without a diagnosis takes none away: what was known of it stays, with the time when it was seen.
    """
    merged = dict(old)
    for name, host in new.items():
        if name not in old or (host["status"] != MISSING and essence(old[name]) != essence(host)):
            merged[name] = host
    return dict(sorted(merged.items()))


def summary(hosts: Hosts) -> dict[str, t.Any]:
    """Counts by status and, of the hosts in trouble, by the cause of the first finding."""
    statuses = [host["status"] for host in hosts.values()]
    causes = [host["findings"][0]["cause"] for host in hosts.values() if host["status"] == TROUBLE]
    return {
        "hosts": {status: statuses.count(status) for status in (TROUBLE, CLEAR, UNPROVEN, FAILED, MISSING)},
        "causes": {cause: causes.count(cause) for cause in sorted(set(causes))},
    }


def document(hosts: Hosts, now: str) -> dict[str, t.Any]:
    """The whole file."""
    return {"format": FORMAT, "generator": "winrm.doctor", "generated_at": now, "summary": summary(hosts), "hosts": hosts}


def parse(text: str) -> Hosts:
    """The hosts of a file written before; raises ValueError where it is something else."""
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("generator") != "winrm.doctor" or data.get("format") != FORMAT or not isinstance(data.get("hosts"), dict):
        raise ValueError("it is no report of winrm.doctor in the format of this version")
    return t.cast(Hosts, data["hosts"])


def hints(results: t.Mapping[str, t.Mapping[str, t.Any] | None]) -> list[str]:
    """What only the fleet as a whole can tell."""
    known = {name: result for name, result in results.items() if result}
    return [*_clocks(known), *_accounts(known)]


def _clocks(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    offsets = [offset for offset in (_offset(result) for result in results.values()) if offset is not None]
    if len(offsets) < 3:
        return []
    middle = statistics.median(offsets)
    alike = [offset for offset in offsets if abs(offset - middle) <= SAME_CLOCK]
    if abs(middle) < NOTEWORTHY or len(alike) * 2 <= len(offsets):
        return []
    return [f"{len(alike)} of {len(offsets)} hosts differ from this control node by about {middle:+.0f} s: suspect this control node's own clock first."]


def _accounts(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """A domain account that one host refuses and others accept is not refused for its password, which one host alone cannot know."""
    outcomes: dict[str, dict[str, list[str]]] = {}
    spelt: dict[str, str] = {}
    for name, result in results.items():
        for attempt in ((result.get("evidence") or {}).get("logon") or {}).get("attempts", ()):
            if attempt.get("own") and attempt.get("used") and attempt.get("kind") == "domain":
                account = str(attempt.get("account", ""))
                spelt.setdefault(account.lower(), account)
                outcomes.setdefault(account.lower(), {}).setdefault(attempt["outcome"], []).append(name)
    said = []
    for account, ends in sorted(outcomes.items()):
        refused, accepted = ends.get("refused", []), ends.get("accepted", [])
        if refused and accepted:
            said.append(
                f"The account {spelt[account]} is refused by {', '.join(refused[:5])} but accepted by {len(accepted)} other host(s), such as {accepted[0]}. "
                "If they have the same password in the inventory, look at the refusing host, not at the password."
            )
    return said


def _offset(result: t.Mapping[str, t.Any]) -> float | None:
    """The sharpest clock offset that a host's evidence holds."""
    seen = (result.get("evidence") or {}).get("endpoint") or {}
    clocks = [clock for door in seen.get("doors", ()) for clock in door.get("clocks", ())]
    return float(min(clocks, key=lambda clock: float(clock["uncertainty"]))["offset"]) if clocks else None
