# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of a stranger as a small tree: bounded, without document types or entities, compared by local names."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from xml.parsers import expat

DEPTH_LIMIT, ELEMENT_LIMIT = 32, 20_000
"""For a single answer; who reads pages of lists passes a higher number of elements."""
NIL = "http://www.w3.org/2001/XMLSchema-instance nil"


class XmlError(ValueError):
    """XML that is malformed, or well-formed but not to be read."""


@dataclass(slots=True)
class Node:
    """One element. Names are local: stacks disagree about prefixes, and some about namespaces."""

    name: str
    namespace: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def walk(self) -> t.Iterator[Node]:
        """This element and all below it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, name: str) -> Node | None:
        """The first element of this local name, this one included."""
        return next((node for node in self.walk() if node.name == name), None)

    def all(self, name: str) -> list[Node]:
        """Every element of this local name."""
        return [node for node in self.walk() if node.name == name]

    def first_text(self, name: str) -> str:
        """Text of the first element of this name, without outer white space, or ""."""
        found = self.find(name)
        return found.text.strip() if found else ""


class _Builder:
    def __init__(self, most: int) -> None:
        self.root: Node | None = None
        self.open: list[Node] = []
        self.pieces: list[list[str]] = []
        self.count, self.most = 0, most

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _space, local = name.rpartition(" ")
        self.count += 1
        if len(self.open) >= DEPTH_LIMIT:
            raise XmlError(f"its elements are nested deeper than {DEPTH_LIMIT}")
        if self.count > self.most:
            raise XmlError(f"it has more than {self.most} elements")
        node = Node(local, namespace, {key.rpartition(" ")[2]: value for key, value in attributes.items()})
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node
        self.open.append(node)
        self.pieces.append([])

    def characters(self, data: str) -> None:
        if self.open:
            self.pieces[-1].append(data)

    def end(self, _name: str) -> None:
        # Joined once: text in many pieces between many elements would else be copied over and over.
        self.open.pop().text = "".join(self.pieces.pop())


def _refuse(*_arguments: object) -> t.NoReturn:
    raise XmlError("it has a document type or entity declaration, which SOAP forbids")


def parse(data: bytes, limit: int, elements: int = ELEMENT_LIMIT) -> Node:
    """The root element; raises XmlError. `limit`: bytes, `elements`: how many there may be. Declarations are refused before any entity is expanded."""
    if len(data) > limit:
        raise XmlError(f"it is longer than {limit} bytes")
    builder = _Builder(elements)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except XmlError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise XmlError(f"it is not XML: {error}") from error
    if builder.root is None:
        raise XmlError("it has no element")
    return builder.root
