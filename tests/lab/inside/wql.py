# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of WQL that a reader of a host needs (Microsoft's documentation "WQL (SQL for WMI)"): select, from, where; nothing that joins or waits."""

from __future__ import annotations

import datetime
import operator
import re
import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A property that names another instance: class, and key properties in their order."""

    kind: str
    keys: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """The object path without host and namespace, as WMI writes it."""
        return f"{self.kind}." + ",".join(f'{name}="{value}"' for name, value in self.keys)


Value = t.Union[str, int, bool, None, t.Tuple[str, ...], t.Tuple[int, ...], datetime.datetime, Reference]
Row = t.Mapping[str, Value]
Test = t.Callable[[t.Mapping[str, Value]], bool]


class Invalid(ValueError):
    """A query that this WMI does not understand."""


@dataclass(frozen=True)
class Query:
    """A select: its class, its columns (none: all), and which rows it wants."""

    kind: str
    columns: tuple[str, ...]
    wanted: Test


TOKEN = re.compile(r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+)|(?P<word>\w+)|(?P<sign><=|>=|<>|!=|[=<>(),*]))""")
COMPARED: t.Mapping[str, t.Callable[[t.Any, t.Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}


def parse(query: str) -> Query:
    """A query; raises Invalid."""
    return _Parser(query).query()


def lowered(row: Row) -> dict[str, Value]:
    """A row by names in lower case, as a test wants it."""
    return {name.lower(): value for name, value in row.items()}


class _Parser:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, query: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at, query = 0, query.rstrip().rstrip(";").rstrip()
        while at < len(query):
            found = TOKEN.match(query, at)
            if found is None or found.lastgroup is None:
                raise Invalid(query)
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self.whole, self.at = query, 0

    def _peek(self) -> str:
        return self.tokens[self.at][1].lower() if self.at < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str:
        """The next token if it is one of these, else ""."""
        if self._peek() in wanted and self._peek():
            self.at += 1
            return self.tokens[self.at - 1][1].lower()
        return ""

    def _must(self, wanted: str) -> None:
        if not self._take(wanted):
            raise Invalid(self.whole)

    def _next(self, *kinds: str) -> tuple[str, str]:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] not in kinds:
            raise Invalid(self.whole)
        self.at += 1
        return self.tokens[self.at - 1]

    def query(self) -> Query:
        self._must("select")
        columns: list[str] = []
        if not self._take("*"):
            columns.append(self._next("word")[1])
            while self._take(","):
                columns.append(self._next("word")[1])
        self._must("from")
        kind = self._next("word")[1]
        wanted: Test = self._either() if self._take("where") else lambda _row: True
        if self.at != len(self.tokens):
            raise Invalid(self.whole)
        return Query(kind, tuple(columns), wanted)

    def _either(self) -> Test:
        first = self._both()
        if not self._take("or"):
            return first
        second = self._either()
        return lambda row: first(row) or second(row)

    def _both(self) -> Test:
        first = self._single()
        if not self._take("and"):
            return first
        second = self._both()
        return lambda row: first(row) and second(row)

    def _single(self) -> Test:
        if self._take("not"):
            inner = self._single()
            return lambda row: not inner(row)
        if self._take("("):
            inside = self._either()
            self._must(")")
            return inside
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._next("word")[1].lower()
        if self._take("like"):
            pattern = like(_text(self._next("text")[1]))
            return lambda row: isinstance(_of(row, name), str) and pattern.fullmatch(str(_of(row, name))) is not None
        if self._take("is"):
            negated = bool(self._take("not"))
            self._must("null")
            return lambda row: (_of(row, name) is None) is not negated
        sign = self._next("sign")[1]
        if sign not in COMPARED:
            raise Invalid(self.whole)
        kind, text = self._next("text", "number", "word")
        if kind == "word" and text.lower() not in ("true", "false", "null"):
            raise Invalid(self.whole)
        literal = _text(text) if kind == "text" else text.lower()
        return lambda row: _compare(_of(row, name), COMPARED[sign], literal, sign)


def _of(row: t.Mapping[str, Value], name: str) -> Value:
    if name not in row:
        raise Invalid(f"there is no property {name}")
    return row[name]


def _text(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _compare(value: Value, compare: t.Callable[[t.Any, t.Any], bool], literal: str, sign: str) -> bool:
    """A property with what stands in the query: texts without case, numbers as numbers, references by what they name; NULL equals only NULL."""
    if value is None or literal == "null":
        return compare(value is None, literal == "null") if sign in ("=", "<>", "!=") else False
    if isinstance(value, bool):
        return compare(value, literal.lower() in ("true", "1"))
    if isinstance(value, int):
        return literal.lstrip("-").isdecimal() and compare(value, int(literal))
    if isinstance(value, Reference):
        return compare(same_path(value.path), same_path(literal))
    if isinstance(value, datetime.datetime):
        return compare(value.strftime("%Y%m%d%H%M%S"), literal[:14])
    if isinstance(value, tuple):
        raise Invalid("an array cannot be compared")
    return compare(value.lower(), literal.lower())


def same_path(path: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """An object path in a form that compares: without host and namespace, keys in any order and with either quotation mark."""
    kind, _dot, keys = re.sub(r"^(?:\\\\[^\\]+\\)?(?:[\w\\/]+:)?", "", path).partition(".")
    return kind.lower(), frozenset((name.lower(), value.lower()) for name, _quote, value in re.findall(r"(\w+)=([\"'])(.*?)\2", keys))


def like(pattern: str) -> re.Pattern[str]:
    """LIKE: `%`, `_`, `[a-f]`, `[^a-f]`; upper and lower case are the same."""
    parts = []
    for piece in re.findall(r"\[\^?[^\]]+\]|.", pattern, re.DOTALL):
        if len(piece) > 1:
            inner = piece[1:-1]
            negated, inner = ("^", inner[1:]) if inner.startswith("^") else ("", inner)
            parts.append("[" + negated + re.sub(r"([^\w-])", r"\\\1", inner) + "]")
        else:
            parts.append({"%": ".*", "_": "."}.get(piece, re.escape(piece)))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
