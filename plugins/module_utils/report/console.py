# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen: what is wrong with each host, how that is known, and what to do, for somebody at three in the morning."""

from __future__ import annotations

import textwrap
import typing as t

from ..causes.whose import ALONE
from .fleet import CLEAR, FAILED, MISSING, TROUBLE, UNPROVEN, Hosts

GROUP = 8
"""So many hosts may share one explanation before they are told together."""
COMMAND = 8
"""Indentation of a line that holds a command or a setting."""
Finding = t.Mapping[str, t.Any]


def screen(hosts: Hosts, unknown: t.Sequence[Finding], hints: t.Sequence[str], *, width: int = 100, full: bool = True) -> str:
    """All hosts as text of at most `width` columns; `unknown` are the causes nobody could decide, `full` adds evidence and remedies."""
    lines = [_headline(hosts), "=" * min(width, len(_headline(hosts)))]
    # Told once, whatever number of hosts that client was judged for.
    lines += ["", *clients] if (clients := [f"Client: {note}" for note in dict.fromkeys(map(_of_client, hosts.values())) if note]) else []
    for names in _groups(hosts):
        lines += ["", *_host(hosts, names, full)]
    lines += _rest(hosts)
    lines += ["", *(f"Note: {hint}" for hint in hints)] if hints else []
    if full and unknown:
        lines += ["", "Not decided from here, for any host:", *(f"  - {_undecided(item)}" for item in unknown)]
    return "\n".join(wrapped for line in lines for wrapped in _wrap(_clean(line), width))


def _of_client(host: t.Mapping[str, t.Any]) -> str:
    """What the judgement of the machine that is named as the client rests on."""
    return str((host.get("client_host") or {}).get("note") or "")


def _notes(host: t.Mapping[str, t.Any]) -> list[str]:
    return [note for note in host.get("notes", ()) if note != _of_client(host)]


def _called(name: str, host: t.Mapping[str, t.Any]) -> str:
    """The host, or the pair."""
    client = (host.get("client_host") or {}).get("name")
    return f"{client} -> {name}" if client and client.lower() != name.lower() else name


def _headline(hosts: Hosts) -> str:
    count = {status: sum(1 for host in hosts.values() if host["status"] == status) for status in (TROUBLE, CLEAR, UNPROVEN, FAILED, MISSING)}
    total = len(hosts)
    said = [f"{count[TROUBLE]} in trouble", f"{count[CLEAR]} with nothing wrong seen"]
    if count[UNPROVEN]:
        said.append(f"{count[UNPROVEN]} not proven")
    if left := count[FAILED] + count[MISSING]:
        said.append(f"{left} not diagnosed")
    return f"WINRM DOCTOR: {total} host{'s' if total != 1 else ''}, {', '.join(said)}"


def _groups(hosts: Hosts) -> list[list[str]]:
    """Hosts in trouble; those that share all their findings stand together once they are many, so that none is left out."""
    alike: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for name, host in hosts.items():
        if host["status"] == TROUBLE:
            alike.setdefault(tuple((item["cause"], item["rule"], item["verdict"]) for item in host["findings"]), []).append(name)
    groups = [group for names in alike.values() for group in ([names] if len(names) > GROUP else [[name] for name in names])]
    return sorted(groups)


def _host(hosts: Hosts, names: list[str], full: bool) -> list[str]:
    host = hosts[names[0]]
    first, others = host["findings"][0], host["findings"][1:]
    tied = [item for item in others if item["cause"] in first.get("tied_with", ())]
    called = [_called(name, hosts[name]) for name in names]
    lines = [f"{called[0]}  {_way(host)}"] if len(names) == 1 else [f"{len(names)} hosts alike: {', '.join(called)}", f"  as {called[0]}  {_way(host)}"]
    if host.get("client_host") and first["summary"].startswith(ALONE):
        lines.append(f"  {_clear(host, works=bool(host.get('logon_works'))).partition(';')[0].rstrip(':')}.")
    lines.append(f"  {first['verdict'].upper()}  {first['cause']}: {first['summary']}")
    lines += [f"  OR        {item['cause']}: {item['summary']}" for item in tied]
    unseen = [cause for cause in first.get("tied_with", ()) if cause not in {item["cause"] for item in tied}]
    if unseen:
        lines.append(f"  OR        {', '.join(unseen)}: not to be told apart from here")
    if full:
        lines += _details(first, tied)
    for item in others:
        if item not in tied:
            lines.append(f"  also {item['verdict']}  {item['cause']}: {item['summary']}")
            lines += [f"    {fact['seen']}" for fact in item.get("because", ())[:1]] if full else []
            lines += [f"    do: {_remedy(remedy)}" for remedy in item.get("remedies", ())[:1]] if full else []
    lines += [f"  note: {note}" for note in _notes(host)] if full else []
    return lines


def _details(first: Finding, tied: t.Sequence[Finding]) -> list[str]:
    lines = ["  How it is known"]
    lines += [f"    - {fact['seen']} ({fact['where']})" for fact in first.get("because", ())]
    remedies = [remedy for item in (first, *tied) for remedy in item.get("remedies", ())]
    if remedies:
        lines.append("  What to do")
        for remedy in remedies:
            lines.append(f"    - {_risky(remedy)}")
            lines += [f"{' ' * COMMAND}{remedy['how']}"] if remedy.get("how") else []
    if first.get("next_check"):
        lines += [f"  {'What would decide it' if tied or first['verdict'] != 'confirmed' else 'To see it yourself'}", f"    {first['next_check']}"]
    return [*lines, f"  More: {first['docs']}"] if first.get("docs") else lines


def _risky(remedy: t.Mapping[str, t.Any]) -> str:
    return remedy["do"] if remedy.get("risk", "low") == "low" else f"{remedy['do']} (risk: {remedy['risk']})"


def _remedy(remedy: t.Mapping[str, t.Any]) -> str:
    return f"{_risky(remedy)}: {remedy['how']}" if remedy.get("how") else _risky(remedy)


def _way(host: t.Mapping[str, t.Any]) -> str:
    target = host.get("target") or {}
    if not target:
        return ""
    address = f"[{target['host']}]" if ":" in target["host"] else target["host"]
    parts = (f"{target['scheme']}://{address}:{target['port']}", target.get("connection"), "/".join(target.get("auth", ())))
    return f"({', '.join(part for part in parts if part)})"


def _rest(hosts: Hosts) -> list[str]:
    """Hosts without trouble, and those without a diagnosis."""
    lines: list[str] = []
    clear = [name for name, host in hosts.items() if host["status"] == CLEAR]
    titles: dict[str, list[str]] = {}
    # In this order.
    for wanted in (True, False):
        for name in clear:
            if bool(hosts[name].get("logon_works")) is wanted:
                titles.setdefault(_clear(hosts[name], works=wanted), []).append(name)
    for title, names in titles.items():
        lines += ["", f"{title} {', '.join(_called(name, hosts[name]) for name in names)}"]
        lines += [f"  {name}: {note}" for name in names for note in _notes(hosts[name])]
    unproven = {name: host["msg"].partition("is not known. ")[2] or host["msg"] for name, host in hosts.items() if host["status"] == UNPROVEN}
    if unproven:
        lines += ["", "Nothing wrong seen from outside, but whether the logon works is not known:"]
        for reason in dict.fromkeys(unproven.values()):
            lines.append(f"  {', '.join(name for name, said in unproven.items() if said == reason)}: {reason}")
    for status, title in ((FAILED, "Could not be diagnosed:"), (MISSING, "Without a diagnosis:")):
        names = [name for name, host in hosts.items() if host["status"] == status]
        if names:
            lines += ["", title, *(f"  {name}: {hosts[name]['msg']}" for name in names)]
    return lines


def _clear(host: t.Mapping[str, t.Any], *, works: bool) -> str:
    """What is to be said of hosts without trouble; where a client is named, its logon is the one that is judged."""
    client = host.get("client_host") or {}
    if client.get("read"):
        own = "this control node's own logon works" if works else "this control node tried no logon of its own"
        return f"Nothing speaks against the logon as both are set up, which was not tried; {own}:"
    if client.get("name") and client["name"] != (host.get("target") or {}).get("name"):
        return f"The logon of the client was not judged; this control node's own logon {'works' if works else 'was not tried'}:"
    return "The logon works:" if works else "Nothing wrong seen from outside; no logon was tried:"


def _undecided(item: Finding) -> str:
    vantage = item.get("vantage", ())
    tell = f" ({' or '.join(vantage)} would tell)" if vantage else ""
    return f"{item['cause']}{tell}. By hand: {item['by_hand']}"


def _clean(line: str) -> str:
    """Nothing that a host sent may steer the terminal."""
    return "".join(char if char.isprintable() else "?" for char in line)


def _wrap(line: str, width: int) -> list[str]:
    indent = len(line) - len(line.lstrip(" "))
    if indent == COMMAND:
        # A command is there to be copied, in one piece.
        return [line]
    hang = " " * (indent + (2 if line.lstrip().startswith("- ") else 4 if indent < 4 else 0))
    return textwrap.wrap(line, max(width, 40), subsequent_indent=hang, break_long_words=False, break_on_hyphens=False) or [""]
