# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `lab`: run a command inside the lab, or keep the lab up, or look at its scenarios."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import signal
import sys
import tempfile
import typing as t
from dataclasses import replace
from pathlib import Path

from . import inventory, names, namespace
from .domain import template
from .domain.forest import Forest, password
from .domain.settings import Settings
from .domain.template import DomainError
from .scenario import Host, ScenarioError, World, bench, world, worlds
from .server import Lab

USER = "LAB\\operator"


def main(arguments: list[str] | None = None) -> int:
    """Exit code: that of the command that ran, 0, or 2 for a mistake in the scenario file."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(given)
    try:
        if options.action in SHOWN:
            SHOWN[options.action](options)
            return 0
        whole = chosen(options)
    except ScenarioError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    hosts = whole.hosts
    if not options.plain and not namespace.inside():
        opener = namespace.prefix()
        if opener:
            namespace.enter([sys.argv[0], *given], opener)
        print("lab: no network namespace can be had here, so the lab uses plain loopback.", file=sys.stderr)
    by_name = namespace.inside()
    if by_name:
        namespace.settle()
    else:
        left = [host.name for host in hosts if host.needs_dns and not host.needs_ad]
        hosts = [host for host in hosts if not host.needs_dns or host.needs_ad]
        if left:
            print(f"lab: left out, for they need the lab's own DNS: {', '.join(left)}.", file=sys.stderr)
        hosts = [unprivileged(host) for host in hosts]
    settings = whole.settings if wants_domain(hosts, options, by_name) else None
    if settings is None:
        hosts = without_domain(hosts, options, by_name)
    return asyncio.run(stay(hosts, options.command if options.action == "run" else None, by_name, settings))


def show_check(options: argparse.Namespace) -> None:
    """That the scenario files are good; raises ScenarioError."""
    hosts, others = chosen(options).hosts, [host for one in worlds().values() for host in one.hosts]
    healthy = sum(host.healthy for host in hosts)
    print(f"{len(hosts)} hosts, {healthy} of them healthy, and {len(others)} in {len(worlds())} worlds of their own: the scenario files are good.")


def show_hosts(options: argparse.Namespace) -> None:
    """What is wrong with whom."""
    for host in chosen(options).hosts:
        print(f"{host.name:12} {host.address:14} {', '.join(host.causes) or 'healthy':34} {host.wrong}")


def show_worlds(options: argparse.Namespace) -> None:
    """What is wrong with which domain."""
    for name, one in worlds().items():
        print(f"{name:16} {', '.join(host.name for host in one.hosts):34} {one.wrong}")


SHOWN: dict[str, t.Callable[[argparse.Namespace], None]] = {"check": show_check, "hosts": show_hosts, "worlds": show_worlds}


def wants_domain(hosts: list[Host], options: argparse.Namespace, by_name: bool) -> bool:
    """Whether Active Directory is wanted, and can be had."""
    wanted = not options.no_domain and (options.domain or any(host.needs_ad for host in hosts))
    return wanted and by_name and not template.lacking()


def without_domain(hosts: list[Host], options: argparse.Namespace, by_name: bool) -> list[Host]:
    """The hosts that make sense without Active Directory; one sentence says what is not shown thereby."""
    kept = [host for host in hosts if not host.needs_ad]
    why = "as --no-domain asks"
    if not options.no_domain:
        why = f"for {template.lacking()} is not installed here" if by_name else "for there is no network namespace to run it in"
    if len(kept) < len(hosts) or options.domain:
        shown = {cause for host in kept for cause in host.causes}
        gone = sorted({cause for host in hosts for cause in host.causes} - shown)
        tail = f" and the causes {', '.join(gone)}" if gone else ""
        print(f"lab: without the lab's domain, {why}, {len(hosts) - len(kept)} hosts are left out{tail}.", file=sys.stderr)
    return kept


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="lab", description="A network of broken Windows hosts on this machine.")
    made.add_argument("--file", type=Path, help="another scenario file")
    made.add_argument("--only", help="names of hosts, separated by commas")
    made.add_argument("--world", help="a world in which something is wrong with the domain itself, in place of the scenarios")
    made.add_argument("--bench", type=int, metavar="N", help="N healthy hosts for each connection instead of the scenarios")
    domain = made.add_mutually_exclusive_group()
    domain.add_argument("--domain", action="store_true", help="start Active Directory even where no chosen host needs it")
    domain.add_argument("--no-domain", action="store_true", help="no Active Directory; hosts that need it are left out")
    made.add_argument("--ways", default="winrm,psrp", help="which of winrm, psrp and kerberos --bench makes hosts for (default: %(default)s)")
    made.add_argument("--plain", action="store_true", help="no network namespace")
    actions = made.add_subparsers(dest="action", required=True)
    actions.add_parser("up", help="keep the lab up until Ctrl-C")
    actions.add_parser("hosts", help="list the scenarios")
    actions.add_parser("worlds", help="list the worlds")
    actions.add_parser("check", help="check the scenario files")
    run = actions.add_parser("run", help="run a command inside the lab: lab run -- COMMAND")
    run.add_argument("command", nargs=argparse.REMAINDER)
    return made


def chosen(options: argparse.Namespace) -> World:
    """The world asked for, with the hosts asked for; raises ScenarioError."""
    if options.bench:
        whole = World(bench(options.bench, options.ways.split(",")))
    else:
        whole = named(options.world) if options.world else world(options.file) if options.file else world()
    if not options.only:
        return whole
    wanted = options.only.split(",")
    known = {host.name: host for host in whole.hosts}
    if stray := [name for name in wanted if name not in known]:
        raise ScenarioError(f"there is no host {stray[0]!r}; there are {', '.join(known)}")
    return replace(whole, hosts=[known[name] for name in wanted])


def named(name: str) -> World:
    """One of the worlds; raises ScenarioError."""
    known = worlds()
    if name not in known:
        raise ScenarioError(f"there is no world {name!r}; there are {', '.join(known)}")
    return known[name]


def unprivileged(host: Host) -> Host:
    """The same host without the ports that only root may listen on, where we are not root."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii")) if os.geteuid() else 0
    return replace(host, ports={port: service for port, service in host.ports.items() if port >= lowest})


def allow_many_files() -> None:
    """400 hosts are some 5000 sockets; the usual soft limit is 1024, and nobody needs a right to raise it to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def stay(hosts: list[Host], command: list[str] | None, by_name: bool, settings: Settings | None) -> int:
    """Start everything, run the command (or wait for Ctrl-C), stop everything."""
    signals = Signals()
    allow_many_files()
    with tempfile.TemporaryDirectory(prefix="winrm-doctor-lab-") as name:
        folder = Path(name)
        known = inventory.invented(USER, hosts, password)
        forest = Forest(hosts, folder, settings, (USER.rpartition("\\")[2], known.password), known.users) if settings else None
        lab = Lab(hosts, folder, known, forest.keytab if forest else lambda _host: "", forest.sid if forest else None, settings)
        try:
            await start(lab, forest, hosts, by_name)
            written = inventory.write(folder, hosts, lab.secrets, lab.pki.bundle, by_name, forest.reader if forest else None)
            environment = {**os.environ, **written, **(forest.environment() if forest else {})}
            environment.pop(namespace.MARK, None)
            return await (run(command, environment, signals) if command is not None else wait(environment, signals))
        except StartError as error:
            print(f"lab: {error}", file=sys.stderr)
            return 1
        finally:
            await lab.close()
            if forest:
                await forest.stop()


class StartError(Exception):
    """Why the lab cannot start: one sentence."""


async def start(lab: Lab, forest: Forest | None, hosts: list[Host], by_name: bool) -> None:
    """Hosts, directory and names; raises StartError."""
    try:
        await lab.start()
        if by_name:
            await names.serve({**names.records(hosts), **(forest.records() if forest else {})})
        if forest:
            await forest.start(lab.pki)
    except OSError as error:
        raise StartError(f"{error.strerror or error}. Is another lab running, or WinRM itself, on these ports?") from error
    except DomainError as error:
        raise StartError(f"{error}. --no-domain starts the lab without Active Directory.") from error


class Signals:
    """SIGINT and SIGTERM, taken before there is anything to leave behind."""

    def __init__(self) -> None:
        self.number = 0
        self.came = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.take, number)

    def take(self, number: int) -> None:
        """Remember the first; pass SIGTERM on to the command, which SIGINT reaches by the terminal."""
        self.number = self.number or number
        self.came.set()
        if self.process and number == signal.SIGTERM:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()


async def run(command: list[str], environment: dict[str, str], signals: Signals) -> int:
    """The command's exit code; SIGTERM is passed on, SIGINT reaches it by the terminal."""
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        print("lab: which command? lab run -- COMMAND", file=sys.stderr)
        return 2
    # One turn of the loop, so that a signal which came while everything started is seen.
    await asyncio.sleep(0)
    if signals.number:
        return 128 + signals.number
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environment)
    except OSError as error:
        print(f"lab: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    signals.process = process
    if signals.number:
        # It came while the command was being started, which may or may not have got it.
        signals.take(signal.SIGTERM)
    code = await process.wait()
    return 128 - code if code < 0 else code


async def wait(environment: dict[str, str], signals: Signals) -> int:
    """Until Ctrl-C or SIGTERM."""
    for name in sorted(environment):
        if name.startswith(("WINRM_DOCTOR_LAB_", "KRB5_CONFIG")):
            print(f"{name}={environment[name]}", flush=True)
    await signals.came.wait()
    return 0
