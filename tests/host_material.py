# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Material for tests of windows/: what a host said, in few words."""

from __future__ import annotations

import typing as t

from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Said
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Data, Registry, Value
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object

NOW = 1_800_000_000.0


def here(**more: t.Any) -> Circumstances:
    """A look at web01 by its HTTP listener."""
    return Circumstances(**{"at": NOW, "host": "web01.lab.test", "port": 5985, "scheme": "http", **more})


def element(text: str) -> Object:
    """One object of its XML; the prefix x is declared."""
    name = text[1:].split(">")[0].split(" ")[0].rstrip("/")
    return Object(parse(text.replace(f"<{name}", f'<{name} xmlns:cfg="urn:cfg" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', 1).encode(), 10**7))


def row(name: str = "XmlFragment", **values: object) -> Object:
    """A row of a query or an item: several values make an array, None is nil."""
    def one(key: str, value: object) -> str:
        return f'<{key} xsi:nil="true"/>' if value is None else f"<{key}>{value}</{key}>"

    inner = "".join(one(key, part) for key, value in values.items() for part in (value if isinstance(value, (list, tuple)) else (value,)))
    return element(f"<{name}>{inner}</{name}>")


def registry(keys: t.Mapping[str, t.Mapping[str, Data]], unknown: t.Mapping[str, str] | None = None) -> Registry:
    """Keys to names to data; kinds follow from the data."""
    kinds: dict[type, str] = {int: "REG_DWORD", str: "REG_SZ", tuple: "REG_MULTI_SZ", bytes: "REG_BINARY"}
    values = {key.lower(): tuple(Value(name, kinds[type(data)], data) for name, data in those.items()) for key, those in keys.items()}
    return Registry(values, {key.lower(): key for key in keys}, {key.lower(): why for key, why in (unknown or {}).items()})


def said(text: str = "", code: int | None = 0) -> Said:
    """What a command said, with the line ends of Windows."""
    return Said(code, text.replace("\n", "\r\n"))
