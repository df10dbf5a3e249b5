# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry by WMI's StdRegProv, one call for a value. It answers with HTTP 200 whatever happens: what counts is ReturnValue."""

from __future__ import annotations

import typing as t

from ..evidence.logon import FaultEvidence
from .client import Client, Faulted, Lost
from .objects import Object

PLACES = ("wmi/root/default/StdRegProv", "wmi/root/cimv2/StdRegProv")
"""The first was recorded; the second has it too since Vista, according to Microsoft's documentation."""
NO_CLASS = frozenset((0x80338000, 0x80041002, 0x80041010, 0x8004100E, 0x8033801A))
"""No such resource; WMI: not found, invalid class, invalid namespace; a filter that names no class."""
HIVES = {
    "HKCR": 0x80000000, "HKCU": 0x80000001, "HKLM": 0x80000002, "HKU": 0x80000003, "HKCC": 0x80000005, "HKEY_CLASSES_ROOT": 0x80000000,
    "HKEY_CURRENT_USER": 0x80000001, "HKEY_LOCAL_MACHINE": 0x80000002, "HKEY_USERS": 0x80000003, "HKEY_CURRENT_CONFIG": 0x80000005,
}
KINDS = {0: "REG_NONE", 1: "REG_SZ", 2: "REG_EXPAND_SZ", 3: "REG_BINARY", 4: "REG_DWORD", 7: "REG_MULTI_SZ", 11: "REG_QWORD"}
METHODS = {
    "REG_SZ": "GetStringValue", "REG_EXPAND_SZ": "GetExpandedStringValue", "REG_DWORD": "GetDWORDValue", "REG_QWORD": "GetQWORDValue",
    "REG_MULTI_SZ": "GetMultiStringValue",
}
"""Everything else is asked for as bytes."""
NOT_FOUND = frozenset((2, 0x80070002, 0x80041002))
Data = t.Union[str, int, bytes, t.Tuple[str, ...]]


class StdRegProv:
    """Keys in full, such as HKLM\\SOFTWARE. None: it is not there. What may not be read raises Faulted with `denied`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._place = PLACES[0]
        self._proven = False
        self._types: dict[str, dict[str, int] | None] = {}

    def subkeys(self, key: str) -> tuple[str, ...] | None:
        """Names of the keys right below."""
        found = self._call("EnumKey", key)
        return _raw(found, "sNames") if found else None

    def values(self, key: str) -> tuple[tuple[str, int], ...] | None:
        """Name and type number of the values right under a key; the default value's name is ""."""
        low = key.lower()
        if low not in self._types:
            found = self._call("EnumValues", key)
            self._types[low] = self._listed(found) if found else None
        listed = self._types[low]
        return None if listed is None else tuple(listed.items())

    def value(self, key: str, name: str) -> tuple[str, Data] | None:
        """Kind and data of one value; strings as str, DWORD and QWORD as int, MULTI_SZ as a tuple, everything else as bytes."""
        kind = next((number for known, number in self.values(key) or () if known.lower() == name.lower()), None)
        if kind is None:
            return None
        word = KINDS.get(kind, "REG_BINARY")
        found = self._call(METHODS.get(word, "GetBinaryValue"), key, name)
        return (word, _data(found, word)) if found else None

    def _listed(self, found: Object) -> dict[str, int]:
        names, types = _raw(found, "sNames"), found.texts("Types")
        if len(names) != len(types) or not all(text.isdecimal() for text in types):
            raise Lost("malformed", f"EnumValues: {len(names)} names came with {len(types)} types", self.client.last)
        return {name: int(text) for name, text in zip(names, types, strict=True)}

    def _call(self, method: str, key: str, name: str | None = None) -> Object | None:
        """The method's output, None where the key or value is not there; raises WsmanError."""
        hive, _slash, path = key.partition("\\")
        parameters = {"hDefKey": str(HIVES[hive.upper()]), "sSubKeyName": path.rstrip("\\")}
        if name is not None:
            parameters["sValueName"] = name
        found = self._invoke(method, parameters)
        code = found.number("ReturnValue")
        if code is None:
            raise Lost("malformed", f"{method}: the answer has no ReturnValue", self.client.last)
        code &= 0xFFFFFFFF
        if code in NOT_FOUND:
            return None
        if code:
            raise Faulted(FaultEvidence(code, shape="wmi"), f"{method} of {key}", self.client.last)
        return found

    def _invoke(self, method: str, parameters: dict[str, str]) -> Object:
        try:
            found = self.client.invoke(self._place, method, parameters)
        except Faulted as error:
            if self._proven or error.denied or not _no_class(error.fault):
                raise
            self._place = PLACES[1]
            found = self.client.invoke(self._place, method, parameters)
        self._proven = True
        return found


def _no_class(fault: FaultEvidence) -> bool:
    return fault.code in NO_CLASS or fault.subcode == "DestinationUnreachable"


def _data(found: Object, kind: str) -> Data:
    """The data of a value that is there; nil and absent are both what is empty."""
    try:
        if kind in ("REG_DWORD", "REG_QWORD"):
            return int(found.get("uValue"))
        if kind == "REG_MULTI_SZ":
            return _raw(found, "sValue")
        if kind in METHODS:
            return next(iter(_raw(found, "sValue")), "")
        # One element for each byte, in decimal.
        return bytes(int(text) for text in found.texts("uValue"))
    except ValueError as error:
        raise Lost("malformed", f"a value of type {kind} came as something else") from error


def _raw(found: Object, name: str) -> tuple[str, ...]:
    """Texts to the letter: blanks at the ends of a name or string belong to it."""
    return tuple(child.node.text for child in found.each(name) if not child.nil)
