# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StdRegProv's reading methods (Microsoft's documentation; EnumKey's answer recorded by Openwsman): refusals come as ReturnValue under HTTP 200."""

from __future__ import annotations

import typing as t
from xml.sax.saxutils import escape

from ..logon.soap import ADDRESSING_FAULT, CIM, MS, XSI, Fault, Message, reply
from . import registry
from .manners import manner
from .model import Inside, RegistryValue

HIVES = {"2147483650": "HKEY_LOCAL_MACHINE", "2147483649": "HKEY_CURRENT_USER", "2147483651": "HKEY_USERS", "2147483648": "HKEY_CLASSES_ROOT"}
TYPES = {"REG_NONE": 0, "REG_SZ": 1, "REG_EXPAND_SZ": 2, "REG_BINARY": 3, "REG_DWORD": 4, "REG_MULTI_SZ": 7, "REG_QWORD": 11}
GETTERS = {
    "GetStringValue": ("REG_SZ", "sValue"), "GetExpandedStringValue": ("REG_EXPAND_SZ", "sValue"), "GetMultiStringValue": ("REG_MULTI_SZ", "sValue"),
    "GetDWORDValue": ("REG_DWORD", "uValue"), "GetQWORDValue": ("REG_QWORD", "uValue"), "GetBinaryValue": ("REG_BINARY", "uValue"),
}
FOUND, MISSING, DENIED, INVALID, MISMATCH = 0, 2, 5, 2147749896, 2147749893
"""Return values: Win32 codes, and WBEM_E_INVALID_PARAMETER and WBEM_E_TYPE_MISMATCH for a value of another type than was asked for [inferred]."""
Out = list[tuple[str, "str | None"]]


def answer(request: Message, inside: Inside, namespace: str) -> bytes:
    """One method; raises a Fault where this namespace has no such class, or the class no such method."""
    has = {"root/default": ("default", "both"), "root/cimv2": ("cimv2", "both")}.get(namespace, ())
    if manner(inside, "registry_class") not in has:
        text = "The WS-Management service cannot process the request. The service cannot find the resource identified by the resource URI and selectors."
        said = "The specified class does not exist in the given namespace."
        raise Fault("s:Sender", "a:DestinationUnreachable", text, 2150858752, action=ADDRESSING_FAULT, provider=said)
    given = {item.tag.rpartition("}")[2].lower(): item.text or "" for item in next(iter(request.body), ())}
    method = next((name for name in ("EnumKey", "EnumValues", *GETTERS) if name.lower() == request.verb.lower()), "")
    if not method:
        raise Fault("s:Sender", "a:ActionNotSupported", "The action is not supported by the service.", 2150858771, action=ADDRESSING_FAULT)
    code, out = _read(inside, method, given)
    return reply(request, f"{request.resource}/{method}Response", _output(inside, namespace, method, code, out))


def _read(inside: Inside, method: str, given: t.Mapping[str, str]) -> tuple[int, Out]:
    hive = HIVES.get(given.get("hdefkey") or "2147483650")
    if hive is None:
        return INVALID, []
    key = f"{hive}\\{given.get('ssubkeyname', '')}".rstrip("\\")
    if refused(inside, key):
        return DENIED, []
    known = registry.hive(inside)
    if not known.has(key):
        return MISSING, []
    values = known.values(key)
    if method == "EnumKey":
        return FOUND, [("sNames", name) for name in known.subkeys(key)]
    if method == "EnumValues":
        # An array that runs beside the other: first all names, then all types.
        return FOUND, [*(("sNames", name) for name in values), *(("Types", str(TYPES.get(kind, 0))) for kind, _data in values.values())]
    name = given.get("svaluename", "")
    value = next((value for known_name, value in values.items() if known_name.lower() == name.lower()), None)
    kind, parameter = GETTERS[method]
    if value is None:
        return (MISSING, [(parameter, None)])
    if value[0] != kind and (kind, value[0]) not in (("REG_EXPAND_SZ", "REG_SZ"), ("REG_SZ", "REG_EXPAND_SZ")):
        return MISMATCH, [(parameter, None)]
    return FOUND, [(parameter, text) for text in _texts(value)]


def refused(inside: Inside, key: str) -> bool:
    """Whether `Inside.forbidden` closes this key, or one above it."""
    for entry in inside.forbidden:
        if entry.lower().startswith("registry:"):
            closed = registry.full_key(entry.partition(":")[2]).rstrip("\\").lower()
            if key.lower() == closed or key.lower().startswith(f"{closed}\\"):
                return True
    return False


def _texts(value: RegistryValue) -> tuple[str, ...]:
    """One element for each string or byte, in decimal."""
    data = value[1]
    if isinstance(data, bytes):
        return tuple(map(str, data))
    return data if isinstance(data, tuple) else (str(data),)


def _output(inside: Inside, namespace: str, method: str, code: int, out: Out) -> str:
    absent = manner(inside, "null") == "absent"
    inner = "".join(
        "" if text is None and absent else f'<p:{name} xsi:nil="true"/>' if text is None else f"<p:{name}>{escape(text)}</p:{name}>" for name, text in out
    )
    returned = f"<p:ReturnValue>{code}</p:ReturnValue>"
    inner = returned + inner if manner(inside, "return_value") == "first" else inner + returned
    space = f"{MS}/wmi/{namespace}/StdRegProv"
    return f'<p:{method}_OUTPUT xmlns:xsi="{XSI}" xmlns:p="{space}" xmlns:cim="{CIM}">{inner}</p:{method}_OUTPUT>'
