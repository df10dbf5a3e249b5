# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all evidence has in common: `Unknown`, and the way to JSON and back.

Evidence is made of frozen dataclasses whose fields are builtin scalars, tuples, other
evidence, or `Unknown`. Times are ISO 8601 strings in UTC ending in `Z`, durations are seconds.
"""

from __future__ import annotations

import calendar
import dataclasses
import functools
import time
import types
import typing as t
from types import NoneType

T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Unknown:
    """Something that could not be observed, and why. Never means "ok"."""

    unknown: str


Known = t.Union[T, Unknown]


LONGEST = 8192
"""Characters of one text: security descriptors and lists of trusted hosts are seldom a tenth of it."""


def seconds(moment: str) -> float:
    """`2026-04-08T22:48:00Z` as seconds since 1970."""
    return float(calendar.timegm(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")))


def encode(value: t.Any, *, brief: bool = False) -> t.Any:
    """Evidence as plain JSON types; fields that are None or an empty tuple are left out, but stay where their absence would mean something else.

    `brief` leaves out empty texts and False too, where decoding brings them back.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: encode(item, brief=brief) for field, item in pairs if not _goes_without_saying(field, item, brief)}
    if isinstance(value, (list, tuple)):
        return [encode(item, brief=brief) for item in value]
    return value


def presentable(value: T) -> T:
    """The same evidence, every text of it fit to be shown: no character that steers a terminal or turns a line around, and bounded."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        changed = {name: new for name, item in pairs if (new := presentable(item)) is not item}
        return dataclasses.replace(value, **changed) if changed else value
    if isinstance(value, tuple):
        items = tuple(presentable(item) for item in value)
        same = all(new is item for new, item in zip(items, value, strict=True))
        return value if same else t.cast(T, items)
    return t.cast(T, _shown(value)) if isinstance(value, str) else value


def _shown(text: str) -> str:
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else " " if char.isspace() else "." for char in cut)


def _goes_without_saying(field: dataclasses.Field[t.Any], item: t.Any, brief: bool) -> bool:
    usual = brief and (item == "" == field.default or item is field.default is False)
    return (item is None and field.default in (None, dataclasses.MISSING)) or (item == () and field.default in ((), dataclasses.MISSING)) or usual


def decode(kind: t.Any, data: t.Any) -> t.Any:
    """The inverse of `encode`: builds an object of type `kind`; raises ValueError where `data` does not fit."""
    origin = t.get_origin(kind)
    if kind is t.Any:
        return data
    if origin in (t.Union, types.UnionType):
        return _decode_union(t.get_args(kind), data)
    if origin is tuple:
        if not isinstance(data, (list, tuple)):
            raise ValueError(f"expected a list, got {type(data).__name__}")
        arguments = t.get_args(kind)
        kinds = [arguments[0]] * len(data) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(data):
            raise ValueError(f"expected {len(kinds)} items, got {len(data)}")
        return tuple(decode(item_kind, item) for item_kind, item in zip(kinds, data, strict=True))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if (kind is NoneType and data is None) or (isinstance(kind, type) and isinstance(data, kind) and not (kind is int and isinstance(data, bool))):
        return data
    raise ValueError(f"expected {getattr(kind, '__name__', kind)}, got {data!r:.80}")


def _decode_union(kinds: tuple[t.Any, ...], data: t.Any) -> t.Any:
    if isinstance(data, dict) and set(data) == {"unknown"} and Unknown in kinds:
        return Unknown(data["unknown"])
    for kind in kinds:
        if kind is not Unknown:
            try:
                return decode(kind, data)
            except ValueError as error:
                last = error
    raise last


@functools.cache
def _hints(kind: type) -> dict[str, t.Any]:
    """The types of its fields, compiled once: they are written as text."""
    return t.get_type_hints(kind)


def _decode_dataclass(kind: type, data: t.Any) -> t.Any:
    if not isinstance(data, dict):
        raise ValueError(f"expected an object for {kind.__name__}, got {type(data).__name__}")
    hints = _hints(kind)
    names = {field.name for field in dataclasses.fields(kind)}
    if stray := sorted(set(data) - names):
        raise ValueError(f"{kind.__name__} has no field {', '.join(stray)}")
    absent = {field.name: _nothing(hints[field.name]) for field in dataclasses.fields(kind) if field.name not in data and field.default is dataclasses.MISSING}
    try:
        return kind(**{name: decode(hints[name], item) for name, item in data.items()}, **{name: one for name, one in absent.items() if one != Ellipsis})
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _nothing(hint: t.Any) -> t.Any:
    """What `encode` leaves out of a field of this type that has no default; Ellipsis where it leaves out nothing."""
    if NoneType in t.get_args(hint):
        return None
    return () if t.get_origin(hint) is tuple else Ellipsis
