# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry by `reg query`: which commands to run, and what their output tells, whatever the language of the host.

Keys begin in the first column with HKEY_, values with four blanks; between name, type and data stand four blanks too. Only the name of the default value
and the error texts are translated. Errors all have exit code 1, so their texts are compared with that of a key which cannot exist.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from ..evidence.base import Known, Unknown
from ..evidence.host import DENIED
from .material import Command, Key, Said
from .registry import Data, Registry, Value

CONTROL, ROOT = "reg:control", "reg:root"
CONTROL_KEY = "HKLM\\3f1b7c52-0d1e-4b8a-9f55-6f0a5e3d9c41"
"""A key that exists nowhere: how the host speaks of those that are absent. It stands right below the root, where nobody is refused, whatever else is."""
HIVES = {
    "HKEY_LOCAL_MACHINE": "HKLM", "HKEY_USERS": "HKU", "HKEY_CURRENT_USER": "HKCU", "HKEY_CLASSES_ROOT": "HKCR", "HKEY_CURRENT_CONFIG": "HKCC",
}
NO_CONTROL = "the host did not show how it speaks of keys that are absent"
NO_REG = "reg query does not work on the host"
CUT_OFF = "the host stopped in the middle of its answer"
LONGEST_NUMBER = 40
"""Characters of a number with the blanks around it; the longest is a QWORD's 0xffffffffffffffff."""
NUMBERS = frozenset(("REG_DWORD", "REG_DWORD_LITTLE_ENDIAN", "REG_DWORD_BIG_ENDIAN", "REG_QWORD", "REG_QWORD_LITTLE_ENDIAN"))
TEXTS = frozenset(("REG_SZ", "REG_EXPAND_SZ", "REG_MULTI_SZ", "REG_LINK"))
_HEADER = re.compile(r"^(HKEY_[A-Z_]+)((?:\\.*)?)$")
_VALUE = re.compile(r"^ {4}(.*?) {4}(REG_[A-Z_]+)(?: {1,4}(.*))?$")
# A type that reg.exe has no word for is shown as its number.
_NUMBERED = re.compile(r"^ {4}(.+?) {4}(0x[0-9a-fA-F]{1,8}) {4}([0-9A-Fa-f]*)$")
# Output that goes through text mode twice has its line ends doubled. What looks behind keeps a host that sends nothing else from being looked at for hours.
_BREAK = re.compile(r"(?<!\r)\r+\n")
_ROOT = re.compile(r"^\s*<([\w.:-]+)")
_DEFAULT = re.compile(r"^(?:\(.*\)|<NO NAME>)$")


def commands(keys: t.Sequence[Key]) -> tuple[Command, ...]:
    """One query for each key that no other covers, and two for control; nothing for no keys."""
    planned = plan(keys)
    if not planned:
        return ()
    control = (Command(CONTROL, f'reg query "{CONTROL_KEY}"'), Command(ROOT, "reg query HKLM"))
    return (*control, *(Command(_id(key), _line(key)) for key in planned))


def plan(keys: t.Iterable[Key]) -> tuple[Key, ...]:
    """The keys to query: wishes for the same key are one, and what comes with another query needs none of its own.

    What is to be seen of a key alone, and what is to be left out of it, are two queries: no filter of findstr can say both.
    """
    merged: dict[tuple[str, str], Key] = {}
    for key in keys:
        key = replace(key, path=key.path.rstrip("\\"))
        place = key.path.lower(), _kind(key)
        merged[place] = _both(merged[place], key) if place in merged else key
    return tuple(key for key in merged.values() if not any(_covers(other, key) for other in merged.values()))


def registry(keys: t.Sequence[Key], said: t.Mapping[str, Known[Said]]) -> Registry:
    """What the answers tell of these keys. What was read before a failure is kept."""
    planned = plan(keys)
    answers = {key: said.get(_id(key), Unknown("not read")) for key in planned}
    parsed = {key: parse(answer.text) for key, answer in answers.items() if isinstance(answer, Said)}
    works = _works(said.get(ROOT), parsed.values())
    absent = _absent(said.get(CONTROL))
    refusals = {page.stray for page in parsed.values() if page.stray and not page.keys and page.stray != absent}
    values: dict[str, tuple[Value, ...]] = {}
    spelled: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for key in planned:
        answer = answers[key]
        if isinstance(answer, Unknown):
            unknown[key.path.lower()] = answer.unknown
            spelled.setdefault(key.path.lower(), key.path)
            continue
        page = parsed[key]
        unknown.update(_unknown(key, answer, page, absent, works, refusals))
        found = {**({key.path: ()} if _exists(key, answer, page) else {}), **page.keys}
        for path, those in found.items():
            values[path.lower()] = _joined(values.get(path.lower(), ()), those)
            spelled.setdefault(path.lower(), path)
        spelled.setdefault(key.path.lower(), key.path)
    return Registry(values, spelled, unknown)


@dataclass
class Page:
    """One answer of reg query."""

    keys: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    """Paths begin with HKLM."""
    stray: str = ""
    """What is neither key nor value: an error text."""
    last: str = ""
    """The key that was printed last."""


def parse(text: str) -> Page:
    """Keys and values of an answer. A line that is neither goes on with the text value before it: values may hold line breaks.

    An empty line ends a value, for error texts come behind one; but one of XML (the configuration of a plugin) goes on until its root is closed.
    """
    page = Page()
    stray: list[str] = []
    pending: _Pending | None = None
    found: dict[str, list[Value]] = {}
    for line in _BREAK.sub("\n", text).split("\n"):
        header, value = _HEADER.match(line), _VALUE.match(line) or _NUMBERED.match(line)
        if header or value or (pending and pending.is_over(line)):
            _flush(found, page.last, pending)
            pending = None
        if header:
            page.last = HIVES.get(header[1], header[1]) + header[2].rstrip()
            found.setdefault(page.last, [])
        elif value and page.last:
            root = _ROOT.match(value[3] or "")
            pending = _Pending(value[1], value[2], [value[3] or ""], root[1] if root else "")
        elif pending:
            pending.parts.append(line)
        elif line.strip():
            stray.append(line)
    _flush(found, page.last, pending)
    page.keys = {path: tuple(values) for path, values in found.items()}
    page.stray = _plain("\n".join(stray))
    return page


def value_of(name: str, kind: str, text: str) -> Value:
    """One value from its printed data; data that does not fit its type stays text."""
    name = "" if _DEFAULT.match(name) else name
    data: Data = text
    if kind in NUMBERS:
        data = _number(text)
    elif kind == "REG_MULTI_SZ":
        # Strings are separated by a backslash and a zero; whether one stands after the last differs.
        parts = text.strip().split("\\0")
        while parts and not parts[-1]:
            parts.pop()
        data = tuple(parts)
    elif kind not in TEXTS:
        data = _bytes(text)
    return Value(name, kind, data)


class _Pending(t.NamedTuple):
    name: str
    kind: str
    parts: list[str]
    root: str
    """Of XML, the name of its root; "" else."""

    def is_over(self, line: str) -> bool:
        """Whether this line is no part of the value any more."""
        if not self.root:
            return self.kind not in TEXTS or not line.strip()
        return self.parts[-1].rstrip().endswith((f"</{self.root}>", "/>") if len(self.parts) == 1 else f"</{self.root}>")


def _flush(found: dict[str, list[Value]], key: str, pending: _Pending | None) -> None:
    if pending:
        # The empty lines after the last value separate keys.
        found[key].append(value_of(pending.name, pending.kind, "\n".join(pending.parts).rstrip("\n")))


def _number(text: str) -> Data:
    try:
        return int(text.strip(), 0) if len(text) < LONGEST_NUMBER else text
    except ValueError:
        return text


def _bytes(text: str) -> Data:
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        return text


def _id(key: Key) -> str:
    return f"reg:{key.path.lower()}{_kind(key)}"


def _kind(key: Key) -> str:
    return ":some" if key.contains else ":rest" if key.without else ""


def _line(key: Key) -> str:
    """/l: literally; /i also avoids findstr's fault with several literal texts of different lengths. Lines of keys must stay."""
    parts = [f'reg query "{key.path}"' + (" /s" if key.deep else "")]
    if key.without:
        parts.append("findstr /i /r /v " + _texts(key.without))
    if key.contains:
        parts.append("findstr /i /l " + _texts(("HKEY_", *key.contains)))
    return " | ".join(parts)


def _filtered(key: Key) -> bool:
    return bool(key.contains or key.without)


def _texts(texts: t.Iterable[str]) -> str:
    return " ".join(f'/c:"{_literal(one)}"' for one in texts)


def _literal(text: str) -> str:
    """For findstr, to which a backslash before a quote is an escape."""
    return text + "\\" * (len(text) - len(text.rstrip("\\")))


def _covers(other: Key, key: Key) -> bool:
    """Whether all that is wanted of a key comes with the answer for another."""
    same = other.path.lower() == key.path.lower()
    reaches = (other.deep or not key.deep) if same else (other.deep and key.path.lower().startswith(f"{other.path.lower()}\\"))
    wanted = not other.contains or (bool(key.contains) and set(key.contains) <= set(other.contains))
    return other != key and reaches and wanted and set(other.without) <= set(key.without)


def _both(one: Key, other: Key) -> Key:
    """One key for both wishes: what either wants to see comes."""
    contains = tuple(dict.fromkeys((*one.contains, *other.contains))) if one.contains and other.contains else ()
    without = tuple(text for text in one.without if text in other.without)
    return Key(one.path, one.deep or other.deep, contains, without, tuple(dict.fromkeys((*one.values, *other.values))))


def _joined(one: tuple[Value, ...], other: tuple[Value, ...]) -> tuple[Value, ...]:
    known = {value.name.lower() for value in one}
    return (*one, *(value for value in other if value.name.lower() not in known))


def _exists(key: Key, answer: Said, page: Page) -> bool:
    """reg query prints nothing of a key without values and keys below it; behind a filter the exit code is findstr's, 1 where nothing matched."""
    return bool(page.keys) or (not page.stray and (answer.code == 0 or (answer.code == 1 and _filtered(key))))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _absent(control: Known[Said] | None) -> str:
    """The text by which the host speaks of an absent key; "" where it is not known."""
    if control is None or isinstance(control, Unknown) or control.code in (None, 0):
        return ""
    return _plain(control.text)


def _works(root: Known[Said] | None, pages: t.Iterable[Page]) -> bool:
    """Whether reg.exe tells of keys at all: policy may forbid it, with the same text whatever the key."""
    if any(page.keys for page in pages):
        return True
    return root is None or isinstance(root, Unknown) or root.code == 0


def _unknown(key: Key, answer: Said, page: Page, absent: str, works: bool, refusals: set[str]) -> dict[str, str]:
    """What an answer leaves open, by key in lower case."""
    path = key.path.lower()
    if answer.code is None:
        # The key that came last may be incomplete.
        return {path: CUT_OFF, **({page.last.lower(): CUT_OFF} if page.last else {})}
    if page.keys:
        if page.stray and _filtered(key):
            # reg.exe speaks past the filter of a part that it may not read, findstr of a line that is too long for it (8191), which it leaves out.
            return {path: f"the host left out a part: {page.stray[:200]}"}
        told = page.stray and (answer.code != 0 or page.stray in refusals) and key.deep
        return dict.fromkeys(_hollow(page), DENIED) if told else {}
    if _exists(key, answer, page):
        return {}
    if not works:
        return {path: NO_REG}
    # Behind a filter the exit code is findstr's, which tells nothing of reg.exe.
    if (answer.code != 1 and not _filtered(key)) or not page.stray:
        return {path: f"reg query ended with exit code {answer.code}" + ("" if page.stray else " and without a word")}
    if not absent:
        return {path: NO_CONTROL}
    return {} if page.stray == absent else {path: DENIED}


def _hollow(page: Page) -> t.Iterator[str]:
    """Keys without anything in them, in an answer that holds an error: [INF] one below that may not be read is named, and nothing of it shown."""
    parents = {path.lower().rpartition("\\")[0] for path in page.keys}
    return (path.lower() for path, values in page.keys.items() if not values and path.lower() not in parents)
