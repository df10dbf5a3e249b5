# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis costs per host, beside the smallest thing Ansible can do with a Windows host: same lab, same forks, same run.

Run by `make bench`, inside the lab. Every figure is the median of interleaved rounds, less the same round's empty play, divided
by the number of hosts; what counts are the ratios, for the machine's speed is in both their parts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from dataclasses import dataclass, replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
AIM = 0.7
"""Of win_ping's CPU; what a look at the endpoint and one logon should stay under."""
WHOLE_AIM, MOST_REQUESTS = 2.0, 30
"""Of win_ping's CPU, and HTTP requests for each host: what a diagnosis from all five vantage points should stay under."""

PLAY = """- name: "{name}"
  hosts: all
  gather_facts: false
  tasks:
    - name: "{name}"
      {task}
"""
TASKS = {
    "empty play": "ansible.builtin.meta: noop",
    "raw: hostname": "ansible.builtin.raw: hostname",
    "win_ping": "ansible.windows.win_ping:",
    "one logon": "winrm.doctor.logon_info: {rungs: [authenticate]}",
}
ONE_LOGON = "one logon"
"""A look at the endpoint, then the handshake and nothing more."""
DIAGNOSE = "diagnose"


@dataclass(frozen=True)
class Cost:
    """Seconds of one run: CPU of the whole process tree, and wall."""

    cpu: float
    wall: float
    requests: float = 0.0


def counted(hosts: str) -> int:
    """HTTP requests that hosts of a group have answered so far: the lab writes a line when a connection ends."""
    tally = Path(os.environ["WINRM_DOCTOR_LAB_DIR"]) / "requests.tsv"
    lines = tally.read_text(encoding="utf-8").splitlines() if tally.exists() else []
    group = hosts.removeprefix("bench_")
    return sum(int(count) for name, count in (line.split("\t")[:2] for line in lines) if name.startswith(group))


def run(command: list[str], folder: Path) -> Cost:
    """Run a playbook; its output is shown only if it fails."""
    log = folder / "output.txt"
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{log.read_text(encoding='utf-8')[-3000:]}")
    return Cost(used.ru_utime + used.ru_stime, time.monotonic() - began)


def commands(folder: Path, hosts: str, forks: int) -> dict[str, list[str]]:
    """The playbooks to compare, over `hosts`."""
    found = {}
    for name, task in TASKS.items():
        book = folder / f"{name.partition(':')[0].replace(' ', '_')}.yml"
        book.write_text(PLAY.format(name=name, task=task), encoding="utf-8")
        found[name] = ["ansible-playbook", "-f", str(forks), "-l", hosts, str(book)]
    found[DIAGNOSE] = ["ansible-playbook", "-f", str(forks), "-l", hosts, str(REPOSITORY / "playbooks" / "diagnose-winrm.yml")]
    return found


def measure(hosts: str, number: int, forks: int, rounds: int) -> dict[str, Cost]:
    """Net cost per host and playbook, in seconds."""
    with tempfile.TemporaryDirectory() as name:
        books = commands(Path(name), hosts, forks)
        seen: dict[str, list[Cost]] = {book: [] for book in books}
        for turn in range(rounds):
            order = list(books)
            # Another first one each round, so that no playbook always runs on the warm or the throttled machine.
            for book in order[turn % len(order) :] + order[: turn % len(order)]:
                before = counted(hosts)
                cost = run(books[book], Path(name))
                seen[book].append(replace(cost, requests=counted(hosts) - before))
    empty = "empty play"
    net = {}
    for book in books:
        pairs = list(zip(seen[book], seen[empty], strict=True))
        net[book] = Cost(
            statistics.median(cost.cpu - base.cpu for cost, base in pairs) / number, statistics.median(cost.wall - base.wall for cost, base in pairs) / number,
            statistics.median(cost.requests for cost, _base in pairs) / number,
        )
    return {book: cost for book, cost in net.items() if book != empty}


def rows(connection: str, number: int, costs: t.Mapping[str, Cost]) -> t.Iterator[str]:
    """The table's lines for one way to log on and number of hosts."""
    ping = costs["win_ping"]
    for book, cost in costs.items():
        ratios = f"{cost.cpu / ping.cpu:8.2f} {cost.wall / ping.wall:8.2f}"
        yield f"{connection:8} {number:5} {book:14} {cost.cpu * 1000:9.1f} {cost.wall * 1000:9.1f} {ratios} {cost.requests:8.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, required=True, help="how many hosts the lab has for each connection")
    parser.add_argument("--ways", default="winrm,psrp,kerberos", help="groups of hosts to measure")
    parser.add_argument("--forks", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"Per host, with {options.forks} forks, an empty play taken off; the median of {options.rounds} rounds.")
    print(f"{'way':8} {'hosts':>5} {'playbook':14} {'CPU ms':>9} {'wall ms':>9} {'CPU/ping':>8} {'wall/ping':>9} {'requests':>8}", flush=True)
    worst = whole = most = 0.0
    for connection in options.ways.split(","):
        costs = measure(f"bench_{connection}", options.hosts, options.forks, options.rounds)
        worst = max(worst, costs[ONE_LOGON].cpu / costs["win_ping"].cpu)
        whole = max(whole, costs[DIAGNOSE].cpu / costs["win_ping"].cpu)
        most = max(most, costs[DIAGNOSE].requests)
        for line in rows(connection, options.hosts, costs):
            print(line, flush=True)
    print(f"The endpoint and one logon cost at most {worst:.2f} of a win_ping's CPU; the aim is {AIM:.2f}.")
    print(f"A diagnosis from all five vantage points costs {whole:.2f} and {most:.0f} requests; the aim is {WHOLE_AIM:.1f} and {MOST_REQUESTS}.", flush=True)


if __name__ == "__main__":
    main()
