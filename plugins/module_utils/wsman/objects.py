# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One object as WS-Management shows it: an instance of a WMI class, a row of a query, an element of winrm/config."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..safe_xml import NIL, Node

MOST_DIGITS = 20
"""Of a 64-bit number with its sign."""
_DATE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z?$")


@dataclass(frozen=True)
class Object:
    """Wraps the element. Properties are children, found by local name; upper and lower case are the same, as in WMI and in config bodies."""

    node: Node

    @property
    def name(self) -> str:
        """Local name of the element: the class, or XmlFragment."""
        return self.node.name

    def attribute(self, name: str) -> str:
        """An attribute of the element by local name, or ""."""
        return next((value for key, value in self.node.attributes.items() if key.lower() == name.lower()), "")

    def each(self, name: str) -> tuple[Object, ...]:
        """Every child of this name: an array is the element repeated, so that one item looks like a scalar."""
        return tuple(Object(child) for child in self.node.children if child.name.lower() == name.lower())

    def one(self, name: str) -> Object | None:
        """The first child of this name."""
        return next(iter(self.each(name)), None)

    @property
    def nil(self) -> bool:
        """Whether xsi:nil says that there is no value."""
        return any(key.rpartition(" ")[2] == NIL.rpartition(" ")[2] and value.strip() in ("true", "1") for key, value in self.node.attributes.items())

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of an array; none where it is absent or nil."""
        return tuple(child.text for child in self.each(name) if not child.nil)

    @property
    def text(self) -> str:
        """The element's own text without outer white space; that of a date is inside its only child."""
        inner = self.node.children[0] if len(self.node.children) == 1 and not self.node.text.strip() else self.node
        return (inner.text if not inner.children else self.node.text).strip()

    def get(self, name: str) -> str:
        """The text of a property, "" where it is absent, nil or empty."""
        return next(iter(self.texts(name)), "")

    def number(self, name: str) -> int | None:
        """A whole number of at most 64 bits; None where there is none."""
        text = self.get(name)
        try:
            return int(text) if len(text) <= MOST_DIGITS else None
        except ValueError:
            return None

    def flag(self, name: str) -> bool | None:
        """true or false; None where there is neither."""
        return {"true": True, "1": True, "false": False, "0": False}.get(self.get(name).lower())

    def moment(self, name: str) -> str | None:
        """A date as ISO 8601 in UTC; WinRM writes them so (recorded). None where there is none."""
        found = _DATE.match(self.get(name))
        return f"{found[1]}Z" if found else None

    def __iter__(self) -> t.Iterator[Object]:
        """The children."""
        return iter(tuple(Object(child) for child in self.node.children))
