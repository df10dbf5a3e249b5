# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry value by value, where the host runs no command: the names that a wish for a key lists are asked one by one."""

from __future__ import annotations

import typing as t

from ..evidence.host import DENIED
from ..wsman.client import Lost, WsmanError
from .material import Key
from .registry import Data, Registry, Value

TOO_MUCH = "no command may be run on the host, and value by value this key is too much"
NO_TIME = "the time was used up"
TOO_MANY = "no command may be run on the host, and a diagnosis asks for {} single values"
_WINRM, _LSA = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa"
FIRST = tuple(key.lower() for key in (
    f"{_WINRM}\\Service", _LSA, f"{_LSA}\\MSV1_0", "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System",
    "HKLM\\SYSTEM\\CurrentControlSet\\Services\\W32Time\\Parameters", f"{_WINRM}\\Service\\WinRS", f"{_WINRM}\\Client",
))
"""Keys by which most causes decide: what these say is told by nothing but the registry."""


class Provider(t.Protocol):
    """StdRegProv, as far as it is used here. None: the key or value is not there. What may not be read raises WsmanError with `denied`."""

    def values(self, key: str) -> tuple[tuple[str, int], ...] | None:
        """Name and type of the values right under a key."""

    def value(self, key: str, name: str) -> tuple[str, t.Any] | None:
        """Kind, such as REG_DWORD, and data of one value."""


class _TooMany(Exception):
    """A key would need more questions than are left."""


class _Found:
    """What was read so far, and how many questions are left."""

    def __init__(self, most: int) -> None:
        self.left = most
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


def read(provider: Provider, keys: t.Iterable[Key], *, enough: t.Callable[[], bool] = lambda: False, most: int = 1000) -> Registry:
    """What the keys' `values` name. Keys that name none stay unknown, and so does what `enough` (no time left), the number of questions or a lost connection
    leaves out; keys that decide most come first."""
    found = _Found(most)
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
    stopped, answered = "", False
    order = {key: number for number, key in enumerate(FIRST)}
    for path, names in sorted(wanted.values(), key=lambda one: order.get(one[0].lower(), len(order))):
        stopped = stopped or (NO_TIME if enough() else "")
        if stopped:
            found.lost(path, stopped)
            continue
        try:
            _read(provider, path, names, found)
            answered = True
        except _TooMany:
            found.lost(path, TOO_MANY.format(most))
        except WsmanError as error:
            if not answered and _of_the_provider(error):
                raise
            answered = True
            # A refusal concerns this key alone; with anything else the rest would fail alike.
            found.lost(path, DENIED if error.denied else error.sentence)
            stopped = "" if error.denied else error.sentence
    return Registry(found.keys, found.spelled, found.unknown)


def _read(provider: Provider, path: str, names: list[str], found: _Found) -> None:
    """First which values there are: most are not, and the others then cost one question each."""
    if not found.left:
        raise _TooMany
    found.left -= 1
    there = provider.values(path)
    if there is None:
        return
    present = {name.lower() for name, _kind in there}
    wanted = [one for one in names if one.lower() in present]
    if len(wanted) > found.left:
        # A key that is read in part would look as if it had nothing else.
        raise _TooMany
    found.left -= len(wanted)
    found.has(path, None)
    for name in wanted:
        answer = provider.value(path, name)
        if answer is not None:
            found.has(path, Value(name, answer[0], _data(answer[1])))


def _of_the_provider(error: WsmanError) -> bool:
    """Whether it is the namespace that is shut, as a fault says, or nobody who answers; of one key the provider tells in an answer that succeeds."""
    return (error.answer is not None and error.answer.leg.reply.status != 200) or (isinstance(error, Lost) and error.why != "malformed")


def _place(path: str, value: str) -> tuple[str, str]:
    """`Sub\\Key\\Name` below a key as the full key and the name."""
    below, _slash, name = value.rpartition("\\")
    return f"{path.rstrip(chr(92))}\\{below}".rstrip("\\"), name


def _data(data: t.Any) -> Data:
    if isinstance(data, (list, tuple)):
        return tuple(str(one) for one in data)
    return data if isinstance(data, (str, int, bytes)) else str(data)
