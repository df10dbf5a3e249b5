# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`reg query`: the form of its output is what `reg` of Windows 10 and newer prints; Wine's reg and many public logs agree."""

from __future__ import annotations

import re
import typing as t

from .calling import Call, Result
from .languages import text
from .model import RegistryValue
from .registry import Hive, full_key, hive

CLOSED = ("hkey_local_machine\\sam\\sam", "hkey_local_machine\\security")
"""Nobody but SYSTEM opens these."""
ROOTS = {"hklm": "HKEY_LOCAL_MACHINE", "hkcu": "HKEY_CURRENT_USER", "hkcr": "HKEY_CLASSES_ROOT", "hku": "HKEY_USERS", "hkcc": "HKEY_CURRENT_CONFIG"}


def reg(call: Call) -> Result:
    """`reg query KEY [/v NAME | /ve] [/s]`; nothing else, for nothing is changed here."""
    words = [word for word in call.arguments if not word.lower().startswith("/reg:")]
    if len(words) < 2 or words[0].lower() != "query":
        return Result(1, err=text(call.inside, "reg_syntax"))
    root, slash, rest = words[1].strip("\\").partition("\\")
    key = f"{ROOTS.get(root.lower(), root)}{slash}{rest}"
    if key.partition("\\")[0].upper() not in ROOTS.values():
        return Result(1, err=text(call.inside, "reg_bad_key"))
    options = [word.lower() for word in words[2:]]
    stray = [word for word in options if word.startswith("/") and word not in ("/s", "/v", "/ve", "/z")]
    if stray:
        return Result(1, err=text(call.inside, "reg_syntax"))
    if denied(call, key):
        return Result(1, err=text(call.inside, "reg_denied"))
    registry = hive(call.inside)
    if not registry.has(key):
        return Result(1, err=text(call.inside, "reg_missing"))
    name = "" if "/ve" in options else next((words[at + 3] for at, word in enumerate(options[:-1]) if word == "/v"), None)
    if name is not None:
        return _value(call, registry, key, name, "/s" in options)
    return _whole(call, registry, key, "/s" in options)


def denied(call: Call, key: str) -> bool:
    """Whether the key may not be opened."""
    low = key.lower()
    closed = [*CLOSED, *(full_key(one[9:]).lower() for one in call.inside.forbidden if one.startswith("registry:"))]
    return any(low == one or low.startswith(f"{one}\\") for one in closed)


def _value(call: Call, registry: Hive, key: str, name: str, deep: bool) -> Result:
    shown, found = [], 0
    for under in _keys(call, registry, key) if deep else (key,):
        values = {one: value for one, value in registry.values(under).items() if one.lower() == name.lower()}
        if not values and name == "" and not deep:
            shown.append(f"\r\n{under}\r\n    {text(call.inside, 'reg_default')}    REG_SZ    {text(call.inside, 'reg_unset')}\r\n\r\n")
            return Result(0, "".join(shown))
        if values:
            found += 1
            shown.append(f"\r\n{under}\r\n{''.join(_line(call, one, value) for one, value in values.items())}")
    if not deep:
        return Result(0, f"{''.join(shown)}\r\n") if found else Result(1, err=text(call.inside, "reg_missing"))
    shown.append(f"\r\n{text(call.inside, 'reg_end', found)}")
    return Result(0 if found else 1, "".join(shown))


def _whole(call: Call, registry: Hive, key: str, deep: bool) -> Result:
    """A blank line, the key, its values; with /s all keys below it, else their names behind it.

    [inferred] Whether a key without values is shown with /s: `inside.manner["reg.empty"]` is "shown" or, by default, "hidden".
    """
    shown: list[str] = []
    if not deep:
        values = registry.values(key)
        head = f"\r\n{key}\r\n{''.join(_line(call, name, value) for name, value in values.items())}" if values else ""
        names = "".join(f"{key}\\{name}\r\n" for name in registry.subkeys(key))
        return Result(0, f"{head}\r\n{names}")
    refused: list[str] = []
    empty = call.inside.manner.get("reg.empty") == "shown"
    for under in _keys(call, registry, key, refused):
        values = registry.values(under)
        if values or empty:
            shown.append(f"\r\n{under}\r\n{''.join(_line(call, name, value) for name, value in values.items())}")
    shown.append("\r\n")
    # [inferred] A key below that may not be opened is told on standard error, and the rest still comes, with the exit code of success.
    return Result(0, "".join(shown), text(call.inside, "reg_denied") * len(refused))


def _keys(call: Call, registry: Hive, key: str, refused: list[str] | None = None) -> t.Iterator[str]:
    """The key and all below it, as the caller and then the host spell them."""
    if denied(call, key):
        if refused is not None:
            refused.append(key)
        return
    yield key
    for name in registry.subkeys(key):
        yield from _keys(call, registry, f"{key}\\{name}", refused)


def _line(call: Call, name: str, value: RegistryValue) -> str:
    shown = name or text(call.inside, "reg_default")
    return f"    {shown}    {value[0]}    {data_text(value)}\r\n"


def data_text(value: RegistryValue) -> str:
    """Data as reg prints them: numbers in hex, bytes as hex digits, strings of a list with \\0 between them."""
    data = value[1]
    if isinstance(data, int):
        return f"0x{data:x}"
    if isinstance(data, bytes):
        return data.hex().upper()
    if isinstance(data, tuple):
        return "\\0".join(data)
    return re.sub(r"\r?\n", "\r\n", data)
