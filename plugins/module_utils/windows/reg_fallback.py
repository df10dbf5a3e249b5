# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry value by value, where the host runs no command: the names that a wish for a key lists are asked one by one."""

from __future__ import annotations

import typing as t

from ..evidence.host import DENIED
from ..wsman.client import WsmanError
from .material import Key
from .registry import Data, Registry, Value

TOO_MUCH = "no command may be run on the host, and value by value this key is too much"
NO_TIME = "the time was used up"


class Provider(t.Protocol):
    """StdRegProv, as far as it is used here. None: the key or value is not there. What may not be read raises WsmanError with `denied`."""

    def values(self, key: str) -> tuple[tuple[str, int], ...] | None:
        """Name and type of the values right under a key."""

    def value(self, key: str, name: str) -> tuple[str, t.Any] | None:
        """Kind, such as REG_DWORD, and data of one value."""


class _Found:
    """What was read so far."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[Value, ...]] = {}
        self.spelled: dict[str, str] = {}
        self.unknown: dict[str, str] = {}

    def lost(self, key: str, why: str) -> None:
        """This key stays unknown."""
        self.unknown.setdefault(key.lower(), why)
        self.spelled.setdefault(key.lower(), key)

    def has(self, key: str, value: Value | None) -> None:
        """The key is there, and perhaps this value."""
        known = self.keys.get(key.lower(), ())
        more = () if value is None or any(value.name.lower() == one.name.lower() for one in known) else (value,)
        self.keys[key.lower()] = (*known, *more)
        self.spelled.setdefault(key.lower(), key)


def read(provider: Provider, keys: t.Iterable[Key], *, enough: t.Callable[[], bool] = lambda: False) -> Registry:
    """What the keys' `values` name. Keys that name none stay unknown, and so does what `enough` (no time left) or a lost connection leaves out."""
    found = _Found()
    wanted: dict[str, tuple[str, list[str]]] = {}
    for key in keys:
        if not key.values:
            found.lost(key.path.rstrip("\\"), TOO_MUCH)
        for path, name in map(_place, [key.path] * len(key.values), key.values):
            names = wanted.setdefault(path.lower(), (path, []))[1]
            if name.lower() not in map(str.lower, names):
                names.append(name)
    # A key that another wish names values of is not unknown as a whole.
    for path in wanted:
        found.unknown.pop(path, None)
    stopped = ""
    for path, names in wanted.values():
        stopped = stopped or (NO_TIME if enough() else "")
        if stopped:
            found.lost(path, stopped)
            continue
        try:
            _read(provider, path, names, found)
        except WsmanError as error:
            if error.denied and not found.keys and _of_the_provider(error):
                raise
            # A refusal concerns this key alone; with anything else the rest would fail alike.
            found.lost(path, DENIED if error.denied else error.sentence)
            stopped = "" if error.denied else error.sentence
    return Registry(found.keys, found.spelled, found.unknown)


def _read(provider: Provider, path: str, names: list[str], found: _Found) -> None:
    """First which values there are: most are not, and the others then cost one question each."""
    there = provider.values(path)
    if there is None:
        return
    found.has(path, None)
    present = {name.lower() for name, _kind in there}
    for name in (one for one in names if one.lower() in present):
        answer = provider.value(path, name)
        if answer is not None:
            found.has(path, Value(name, answer[0], _data(answer[1])))


def _of_the_provider(error: WsmanError) -> bool:
    """Whether it is the namespace that is shut, as a fault says, and not one key, of which the provider tells in an answer that succeeds."""
    return error.answer is not None and error.answer.leg.reply.status != 200


def _place(path: str, value: str) -> tuple[str, str]:
    """`Sub\\Key\\Name` below a key as the full key and the name."""
    below, _, name = value.rpartition("\\")
    return f"{path.rstrip(chr(92))}\\{below}".rstrip("\\"), name


def _data(data: t.Any) -> Data:
    if isinstance(data, (list, tuple)):
        return tuple(str(one) for one in data)
    return data if isinstance(data, (str, int, bytes)) else str(data)
