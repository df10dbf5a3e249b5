# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a host's inside over one logon: what is wanted, as far as the account may and the host answers. What was read before a failure is kept."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, field, replace

from ..evidence.base import Known, Unknown
from ..evidence.host import DENIED
from ..windows import batch, reg_fallback, reg_query
from ..windows.material import Command, Get, Key, Material, Needs, Query, Said
from ..windows.registry import Registry
from ..wire.deadline import Deadline, WireError
from ..wsman.client import Client, Enumeration, Faulted, Lost, WsmanError
from ..wsman.faults import TIMED_OUT
from ..wsman.objects import Object
from ..wsman.shell import TOO_LATE, Shell
from ..wsman.stdregprov import StdRegProv

SHARE = 0.5
"""Of the time left, what one question may take: a slow one must not cost the others their answer."""
LEAST = 1.0
"""Seconds that a question gets at least, as long as there are any."""
SHARE_OF_COMMANDS = 0.7
"""Of the time left, what the commands may take where queries follow: a domain that does not answer holds up the last of them for half a minute."""
SHARE_OF_REST = 0.8
"""Of the time left after the queries, what commands may take that are not over then; the rest is for what a first round shows to be of interest."""
LATE = "{program} had not answered after {seconds} s"
BEHIND = "the host did not get to it: {late}"
MOST_LOST = 2
"""Answers lost one after the other, after which the host counts as gone."""
MOST_BYTES = 16 * 1024 * 1024
"""What a host may say in all, however often it is logged on to: a look at a server of many certificates and firewall rules brings some 2 MB."""
TOO_MUCH = f"the host said more than {MOST_BYTES} bytes"
MOST_TOLD = 40
"""Refused keys of the registry that are listed."""
GONE = "the host stopped answering: {why}"
NO_TIME = "the time was used up"
CONFIG, CMD, REGISTRY, WMI = "winrm/config", "cmd (WinRS)", "registry", "WMI "
REGISTRY_BY_WMI, CIMV2 = f"{WMI}root/default", f"{WMI}root/cimv2"
MOST_SINGLE, MOST_PATIENT = 15, 200
"""Questions about single values of the registry: in a diagnosis, which is to cost a host little, and otherwise."""
NOTHING_RAN = Unknown("a shell opened, and cmd.exe ran nothing in it, as where the policy DisableCMD forbids that")
T = t.TypeVar("T")


def together(needs: t.Iterable[Needs]) -> Needs:
    """What several subsets want, each thing once."""
    wanted = list(needs)

    def once(kind: str) -> t.Any:
        return tuple(dict.fromkeys(item for one in wanted for item in getattr(one, kind)))

    return Needs(any(one.config for one in wanted), once("resources"), once("keys"), once("commands"), once("queries"), once("gets"))


@dataclass
class Reading:
    """One visit's reading. `read` may be called again for what a first round has shown to be of interest."""

    client: Client
    deadline: Deadline
    denied: list[str] = field(default_factory=list)
    """Resources that the account may not read."""
    gaps: list[str] = field(default_factory=list)
    gone: str = ""
    """Why nothing more is asked."""
    lost: int = 0
    shut: dict[str, str] = field(default_factory=dict)
    """Doors that are known to be closed, such as a WMI namespace, and why."""
    shell: t.Callable[[Client], Shell] = Shell
    provider: t.Callable[[Client], reg_fallback.Provider] = StdRegProv
    thrifty: bool = False
    """Whether only a few single values of the registry are asked for where no command may be run."""

    def read(self, needs: Needs) -> Material:
        """Everything that is wanted; never raises for anything a host does."""
        config = self._config() if needs.config else Unknown("not wanted")
        resources = {name: self._rows(name, _door_of(name)) for name in needs.resources}
        # Before the queries: WMI that hangs is a usual ailment of hosts, and must not cost the registry its time. A command that is slow meanwhile goes on.
        commands = (*reg_query.commands(needs.keys), *needs.commands)
        with self._batch(commands) as run:
            run.go_on(SHARE_OF_COMMANDS if needs.questions else 1.0)
            queries = {one.id: self._query(one) for one in needs.questions}
            run.go_on(SHARE_OF_REST)
        said = run.told()
        registry = self._noted(self._registry(needs.keys, said))
        return Material(config, resources, queries, registry, said)

    def more(self, material: Material, needs: Needs) -> Material:
        """The same material with a second round's queries."""
        queries = {one.id: self._query(one) for one in needs.questions if one.id not in material.queries}
        return replace(material, queries={**material.queries, **queries})

    def _config(self) -> Known[Object]:
        return self._ask(CONFIG, lambda: self.client.get("config"))

    def _rows(self, resource: str, door: str) -> Known[tuple[Object, ...]]:
        return self._enumerate(door, "windows/shell" if resource == "shell" else resource)

    def _query(self, query: Query | Get) -> Known[tuple[Object, ...]]:
        if isinstance(query, Get):
            namespace = query.resource.removeprefix("wmi/").rpartition("/")[0]
            return self._ask(f"{WMI}{namespace}", lambda: (self.client.get(query.resource, dict(query.selectors)),))
        return self._enumerate(f"{WMI}{query.namespace}", f"wmi/{query.namespace}/*", query.wql)

    def _enumerate(self, door: str, resource: str, wql: str = "") -> Known[tuple[Object, ...]]:
        seen = self._ask(door, lambda: _something(self.client.enumerate(resource, wql=wql)))
        if isinstance(seen, Unknown):
            return seen
        if seen.error is not None:
            self.gaps.append(f"{resource} was read in part: {self._failed(door, seen.error).unknown}.")
        return tuple(seen.items)

    def _ask(self, door: str, question: t.Callable[[], T]) -> Known[T]:
        """One question at a door, unless it is known to be shut."""
        if self.client.received > MOST_BYTES:
            self.gone = self.gone or TOO_MUCH
        if why := self.gone or self.shut.get(door) or (self.shut.get(CONFIG) if door.startswith(CONFIG) else None):
            return Unknown(why)
        if self.deadline.passed:
            return Unknown(NO_TIME)
        self.client.deadline = self._share()
        try:
            answer = question()
        except WsmanError as error:
            return self._failed(door, error)
        except WireError as error:
            return self._failed(door, Lost("closed", str(error)))
        self.lost = 0
        return answer

    def _share(self) -> Deadline:
        return self.deadline.sooner(max(LEAST, self.deadline.left() * SHARE))

    def _failed(self, door: str, error: WsmanError) -> Unknown:
        """What a failure means for this door, and for all others."""
        if error.denied:
            self.lost = 0
            return self._shut(door)
        if door.startswith(WMI) and _is_late(error):
            # A namespace that is busy with one query, or hangs, would cost every further one half of the time that is left.
            self.shut[door] = error.sentence
        if isinstance(error, Lost) and error.why != "malformed":
            self.lost += 1
            if self.lost >= MOST_LOST:
                self.gone = GONE.format(why=error.sentence)
        else:
            self.lost = 0
        return Unknown(error.sentence)

    def _shut(self, door: str) -> Unknown:
        self.shut[door] = DENIED
        if door not in self.denied:
            self.denied.append(door)
        return Unknown(DENIED)

    def _registry(self, keys: tuple[Key, ...], said: dict[str, Known[Said]]) -> Registry:
        """By what commands said; where none ran (no shell opens, a quota is used up, a policy has cmd run nothing), value by value."""
        if keys and not self.gone and all(isinstance(one, Unknown) for one in said.values()):
            return self._fallback(keys)
        return reg_query.registry(keys, said) if keys else Registry()

    @contextlib.contextmanager
    def _batch(self, commands: tuple[Command, ...]) -> t.Iterator[_Batch]:
        """Commands in a shell of their own, which is gone afterwards, whatever happens meanwhile."""
        opened = self._ask(CMD, lambda: self.shell(self.client).__enter__()) if commands else Unknown(NO_TIME)
        run = _Batch(self, commands, None if isinstance(opened, Unknown) else opened, opened if isinstance(opened, Unknown) else Unknown(NO_TIME))
        try:
            yield run
        finally:
            run.close()

    def _fallback(self, keys: tuple[Key, ...]) -> Registry:
        """What can be asked value by value, for as long as there is time for it. Whoever is refused the configuration and WMI is refused this too."""
        if DENIED == self.shut.get(CONFIG) == self.shut.get(CIMV2):
            return Registry(unknown={"hklm": DENIED})
        most = MOST_SINGLE if self.thrifty else MOST_PATIENT
        found = self._ask(REGISTRY_BY_WMI, lambda: reg_fallback.read(self.provider(self.client), keys, enough=lambda: self.deadline.passed, most=most))
        return Registry(unknown={"hklm": found.unknown}) if isinstance(found, Unknown) else found

    def _noted(self, registry: Registry) -> Registry:
        """The same; keys that are refused are told, those below such a one with it. Where all of it is refused, the door it was asked at is told already."""
        refused = {key for key, why in registry.unknown.items() if why == DENIED and key != "hklm"}
        told = [key for key in registry.unknown if key in refused and not _is_below(key, refused)]
        self.denied += [f"{REGISTRY} {registry.spelled.get(key, key)}" for key in told[:MOST_TOLD]]
        return registry


class _Batch:
    """Commands in one shell: as far as they got, and how they go on. Without a shell, why there is none."""

    def __init__(self, reading: Reading, commands: tuple[Command, ...], shell: Shell | None, why: Unknown) -> None:
        self.reading, self.commands, self.shell, self.why = reading, commands, shell, why
        self.lines = list(batch.lines(commands)) if shell else []
        """Those that are not over."""
        self.runs = False
        """Whether the first of them has begun."""
        self.said: dict[str, Known[Said]] = {}

    def go_on(self, share: float) -> None:
        """Run what is left, for at most this share of the time; whatever does not run on needs its shell no more."""
        reading = self.reading
        ends = reading.deadline.sooner(max(LEAST, reading.deadline.left() * share))
        while self.lines and not (reading.gone or ends.passed or reading.deadline.passed):
            # Commands wait for others: the line may take what is left but for closing the shell.
            reading.client.deadline = reading.deadline.sooner(max(LEAST, ends.left() - LEAST))
            if self.runs and reading.client.deadline.left() <= TOO_LATE:
                break
            if self._line(reading.client.deadline):
                return
        self.close()

    def _line(self, deadline: Deadline) -> bool:
        """One line, or the rest of it; True where it still runs."""
        shell, (line, members) = t.cast(Shell, self.shell), self.lines[0]
        output = shell.go_on(deadline=deadline) if self.runs else shell.run(line, deadline=deadline)
        self.said.update(batch.split(output.text, members))
        self.runs = output.goes_on
        if output.goes_on:
            self.why = self._late(members, output.silent)
            return True
        self.lines.pop(0)
        if output.error is not None:
            self.why = self.reading._failed(CMD, output.error)
        elif all(isinstance(one, Unknown) for one in self.said.values()):
            self.why = NOTHING_RAN
        else:
            self.why = Unknown(NO_TIME)
            return False
        self.lines.clear()
        return False

    def _late(self, members: t.Sequence[Command], silent: float) -> Unknown:
        """Note which command it is that the others wait for; returns why those have no answer."""
        for command in members:
            one = self.said[command.id]
            if one == batch.NOT_REACHED or (isinstance(one, Said) and one.code is None):
                late = LATE.format(program=command.program, seconds=max(1, round(silent)))
                self.said[command.id] = one if isinstance(one, Said) else Unknown(late)
                return Unknown(BEHIND.format(late=late))
        return Unknown(NO_TIME)

    def told(self) -> dict[str, Known[Said]]:
        """What every command said; those that were not reached are Unknown."""
        reached = {name: self.why if one == batch.NOT_REACHED else one for name, one in self.said.items()}
        return {command.id: reached.get(command.id, self.why) for command in self.commands}

    def close(self) -> None:
        """Delete the shell."""
        if self.shell is not None:
            shell, self.shell, self.lines = self.shell, None, []
            self.reading.client.deadline = Deadline(max(LEAST, self.reading.deadline.left()))
            shell.__exit__(None, None, None)


def _something(seen: Enumeration) -> Enumeration:
    """An enumeration that brought at least a part; raises what kept it from it."""
    if seen.error is not None and not seen.items:
        raise seen.error
    return seen


def _is_below(key: str, others: t.Collection[str]) -> bool:
    """Whether one of the others is above this key."""
    while key := key.rpartition("\\")[0]:
        if key in others:
            return True
    return False


def _is_late(error: WsmanError) -> bool:
    """Whether it is time that ran out, as the host says or as we do."""
    return error.why == "timeout" if isinstance(error, Lost) else isinstance(error, Faulted) and error.fault.code == TIMED_OUT


def _door_of(resource: str) -> str:
    """Who may not read winrm/config is not asked for its parts, for one descriptor guards them all ([MS-WSMV] 2.2.4.33); their names begin with its own."""
    return f"winrm/{resource}"
