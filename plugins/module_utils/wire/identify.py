# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management Identify: the one question WinRM answers to strangers (DSP0226 clause 11)."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from xml.parsers import expat

from ..evidence.base import Known, Unknown
from ..evidence.endpoint import IdentityEvidence
from .http import printable

NAMESPACE = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
BODY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:wsmid="' + NAMESPACE + '">'
    "<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
).encode()
HEADERS = (("Content-Type", "application/soap+xml;charset=UTF-8"), ("WSMANIDENTIFY", "unauthenticated"))

SIZE_LIMIT, DEPTH_LIMIT, TEXT_LIMIT, PROFILE_LIMIT = 64 * 1024, 32, 200, 16
LEAVES = ("ProductVendor", "ProductVersion", "ProtocolVersion", "SecurityProfileName")


class _Refused(ValueError):
    """XML that is well-formed, but not to be read."""


@dataclass
class _Reader:
    """Collects the text of the wanted leaves, whatever their namespace (stacks disagree about it)."""

    path: list[str] = field(default_factory=list)
    found: dict[str, list[str]] = field(default_factory=dict)
    root: str = ""
    answered: bool = False
    fault: bool = False
    text: str | None = None

    def start(self, name: str, _attributes: object) -> None:
        local = name.rpartition(" ")[2]
        self.root = self.root or local
        self.path.append(local)
        if len(self.path) > DEPTH_LIMIT:
            raise _Refused(f"its elements are nested deeper than {DEPTH_LIMIT}")
        self.answered = self.answered or local == "IdentifyResponse"
        self.fault = self.fault or local == "Fault"
        self.text = "" if local in LEAVES and "IdentifyResponse" in self.path else None

    def characters(self, data: str) -> None:
        if self.text is not None and len(self.text) < TEXT_LIMIT * 4:
            self.text += data

    def end(self, _name: str) -> None:
        local = self.path.pop()
        if self.text is not None and local in LEAVES:
            values = self.found.setdefault(local, [])
            if len(values) < PROFILE_LIMIT:
                values.append(printable(self.text, TEXT_LIMIT))
        self.text = None

    def one(self, name: str) -> str:
        return self.found.get(name, [""])[0]


def _refuse_dtd(*_arguments: object) -> t.NoReturn:
    raise _Refused("it has a document type or entity declaration, which SOAP forbids")


def parse_identify(body: bytes) -> Known[IdentityEvidence]:
    """The identity in a reply's body, or why there is none. Declarations are refused before any entity is expanded."""
    if len(body) > SIZE_LIMIT:
        return Unknown(f"the answer is longer than {SIZE_LIMIT} bytes")
    if not body.strip():
        return Unknown("the answer is empty")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.EntityDeclHandler = _refuse_dtd
    try:
        parser.Parse(body, True)
    except _Refused as error:
        return Unknown(f"the answer is XML that is not read: {error}")
    except (expat.ExpatError, ValueError, LookupError) as error:
        return Unknown(f"the answer is not XML: {printable(str(error), 100)}")
    if not reader.answered:
        what = "a SOAP fault" if reader.fault else f"XML with the root element {printable(reader.root, 60)}"
        return Unknown(f"the answer is {what}, not an IdentifyResponse")
    profiles = tuple(reader.found.get("SecurityProfileName", ()))
    return IdentityEvidence(reader.one("ProductVendor"), reader.one("ProductVersion"), reader.one("ProtocolVersion"), profiles)
