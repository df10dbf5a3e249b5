# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WMI through WS-Management ([MS-WSMV] 2.2.4.44 on; shapes recorded by txwinrm from Server 2008 R2 and 2012): Get, Enumerate, queries, StdRegProv."""

from __future__ import annotations

import datetime
import typing as t
from xml.sax.saxutils import escape

from ..logon.soap import ADDRESSING_FAULT, ANONYMOUS, CIM, ENUMERATION_FAULT, MS, NS, XSI, Fault, Message, reply
from . import enumeration, manners, stdregprov, wmi_cimv2, wmi_firewall, wql
from .manners import manner
from .model import Inside
from .wmi_cimv2 import Host, Kind
from .wql import Reference, Row, Value

MANNERS = manners.MANNERS
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTORS = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
KINDS: t.Mapping[tuple[str, str], Kind] = {
    (namespace, kind.name.lower()): kind
    for namespace, kinds in (("root/cimv2", wmi_cimv2.KINDS), ("root/standardcimv2", wmi_firewall.KINDS), ("root/rsop/computer", wmi_cimv2.POLICY_KINDS))
    for kind in kinds
}
SPELLED = {"root/cimv2": "root/cimv2", "root/standardcimv2": "root/StandardCimv2", "root/default": "root/default", "root/rsop/computer": "root/rsop/computer"}
NO_FILTER = "The data source could not process the filter. The filter might be missing or it might be invalid. Change the filter and try the request again. "
NO_CLASS = "The specified class does not exist in the given namespace."
NO_QUERY = "The WS-Management service cannot process the request. The WQL query is invalid."


def target(request: Message) -> tuple[str, str]:
    """Namespace in lower case, such as root/cimv2, and class: that of the query where the resource names none."""
    namespace, _slash, kind = request.name[len("wmi/") :].rpartition("/")
    if kind == "*":
        try:
            kind = wql.parse(_filter(request)[1]).kind
        except wql.Invalid:
            kind = "*"
    return namespace.lower(), kind


def answer(request: Message, host: Host) -> bytes:
    """One request to a resource below wmi/; raises a Fault."""
    namespace, kind = target(request)
    if kind.lower() == "stdregprov":
        return stdregprov.answer(request, host.inside, namespace)
    if request.verb in ("Enumerate", "Pull", "Release"):
        return enumeration.answer(request, host.inside, lambda: _items(request, host, namespace), one_first=True)
    if request.verb == "Get":
        return reply(request, f"{NS['x']}/GetResponse", _instance(request, host, namespace, kind))
    # This stand-in changes nothing.
    raise Fault("s:Sender", "a:ActionNotSupported", "The action is not supported by the service.", 2150858771, action=ADDRESSING_FAULT)


def _filter(request: Message) -> tuple[str, str]:
    """Dialect and text of the filter, in either of its two elements (DSP0226 8.3)."""
    found = request.find("n:Enumerate/w:Filter")
    found = found if found is not None else request.find("n:Enumerate/n:Filter")
    return ("", "") if found is None else (found.get("Dialect", WQL), found.text or "")


def _items(request: Message, host: Host, namespace: str) -> list[str]:
    dialect, text = _filter(request)
    named = request.name.rpartition("/")[2]
    if namespace not in SPELLED:
        # WBEM_E_INVALID_NAMESPACE as WinRM's catalogue has it [inferred: the code of an unknown resource].
        raise _unknown("The namespace that is specified in the resource URI does not exist.")
    if dialect == SELECTORS:
        pairs = {item.get("Name", "").lower(): item.text or "" for item in request.body.iter(f"{{{NS['w']}}}Selector")}
        query = wql.Query(named, (), lambda row: all(str(row.get(name) or "").lower() == value.lower() for name, value in pairs.items()))
    elif text:
        query = _parsed(text)
    else:
        query = wql.Query(named, (), lambda _row: True)
    kind = KINDS.get((namespace, query.kind.lower()))
    if kind is None:
        raise _refused(NO_CLASS, text)
    return [render(row, kind, namespace, host, query.columns) for row in _rows(query, kind, host, text)]


def _parsed(text: str) -> wql.Query:
    try:
        return wql.parse(text)
    except wql.Invalid as error:
        raise _refused(NO_QUERY, text) from error


def _rows(query: wql.Query, kind: Kind, host: Host, text: str) -> list[Row]:
    try:
        rows = [row for row in kind.rows(host) if query.wanted(wql.lowered(row))]
    except wql.Invalid as error:
        raise _refused(NO_QUERY, text) from error
    missing = {column.lower() for column in query.columns} - {name.lower() for row in rows[:1] for name in row}
    if rows and missing:
        # WBEM_E_INVALID_QUERY [inferred that it comes as the same fault].
        raise _refused(NO_QUERY, text)
    return rows


def _refused(said: str, text: str) -> Fault:
    """The fault of a query that WMI does not take, with its extended status (recorded: winrb's soap_fault_v2)."""
    extended = (
        f'<f:ExtendedError><p:__ExtendedStatus xmlns:xsi="{XSI}" xmlns:p="{MS}/wmi/root/cimv2/__ExtendedStatus" xmlns:cim="{CIM}" '
        f'xsi:type="p:__ExtendedStatus_Type"><p:Description xsi:nil="true"/><p:Operation>ExecQuery</p:Operation>'
        f'<p:ParameterInfo>{escape(text)}</p:ParameterInfo><p:ProviderName>WinMgmt</p:ProviderName><p:StatusCode xsi:nil="true"/></p:__ExtendedStatus>'
        "</f:ExtendedError>"
    )
    return Fault("s:Sender", "n:CannotProcessFilter", NO_FILTER, 2150858778, action=ENUMERATION_FAULT, provider=said, extended=extended)


def _unknown(said: str) -> Fault:
    """No such instance, class or namespace: the family is that of the service's own map of codes; the provider's words around it are [inferred]."""
    text = "The WS-Management service cannot process the request. The service cannot find the resource identified by the resource URI and selectors."
    return Fault("s:Sender", "a:DestinationUnreachable", text, 2150858752, action=ADDRESSING_FAULT, provider=said)


def _instance(request: Message, host: Host, namespace: str, name: str) -> str:
    kind = KINDS.get((namespace, name.lower()))
    if kind is None:
        raise _unknown(NO_CLASS)
    keys = {key.lower(): value for key, value in request.selectors.items() if key.lower() != "__cimnamespace"}
    if not keys and not kind.singleton:
        text = "The WMI class is not a singleton; its keys must be given as selectors."
        raise Fault("s:Sender", "w:InvalidSelectors", text, 2150859002)
    unknown = keys.keys() - {key.lower() for key in kind.keys}
    if unknown:
        text = "The WS-Management service cannot process the request because the request contained invalid selectors for the resource."
        raise Fault("s:Sender", "w:InvalidSelectors", text, 2150858843, provider=f"{', '.join(sorted(unknown))} is no key of {kind.name}.")
    for row in kind.rows(host):
        low = wql.lowered(row)
        if all(str(low.get(key) or "").lower() == value.lower() for key, value in keys.items()):
            return render(row, kind, namespace, host, ())
    raise _unknown("The object was not found.")


def render(row: Row, kind: Kind, namespace: str, host: Host, columns: t.Sequence[str]) -> str:
    """One item: a typed object with its properties in order of the alphabet, or, for a list of columns, a fragment without any namespace."""
    wanted = {column.lower() for column in columns}
    names = sorted((name for name in row if not wanted or name.lower() in wanted), key=str.lower)
    if columns and manner(host.inside, "rows") == "fragment":
        inner = "".join(_property(name, row[name], host.inside, "", "") for name in names)
        return f'<w:XmlFragment xmlns:xsi="{XSI}">{inner}</w:XmlFragment>'
    spelled = namespace if manner(host.inside, "namespace") == "lower" else SPELLED[namespace]
    space = f"{MS}/wmi/{spelled}/{kind.name}"
    inner = "".join(_property(name, row[name], host.inside, "p:", "cim:") for name in names)
    return f'<p:{kind.name} xmlns:xsi="{XSI}" xmlns:p="{space}" xmlns:cim="{CIM}" xsi:type="p:{kind.name}_Type">{inner}</p:{kind.name}>'


def _property(name: str, value: Value, inside: Inside, prefix: str, cim: str) -> str:
    """NULL is nil, an array repeats its element (an empty one is not there at all [inferred]), a date is an element of its own, in UTC."""
    whole = f"{prefix}{name}"
    if value is None:
        return f'<{whole} xsi:nil="true"/>' if manner(inside, "null") == "nil" else ""
    if isinstance(value, tuple):
        return "".join(f"<{whole}>{escape(str(item))}</{whole}>" for item in value)
    if isinstance(value, bool):
        return f"<{whole}>{str(value).lower()}</{whole}>"
    if isinstance(value, datetime.datetime):
        fraction = f".{value.microsecond // 1000:03d}" if manner(inside, "dates") == "fraction" else ""
        return f"<{whole}><{cim}Datetime>{value:%Y-%m-%dT%H:%M:%S}{fraction}Z</{cim}Datetime></{whole}>"
    if isinstance(value, Reference):
        return _reference(whole, value, inside, prefix)
    return f"<{whole}>{escape(str(value))}</{whole}>"


def _reference(whole: str, value: Reference, inside: Inside, prefix: str) -> str:
    """An endpoint reference (recorded from Windows and other stacks); as a fragment's text a path [inferred]."""
    if manner(inside, "references") == "path" or not prefix:
        return f"<{whole}>{escape(f'//{inside.computer}/root/cimv2:' + value.path)}</{whole}>"
    selectors = "".join(f'<w:Selector Name="{name}">{escape(text)}</w:Selector>' for name, text in value.keys)
    return (
        f'<{whole} xmlns:a="{NS["a"]}" xmlns:w="{NS["w"]}"><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters>'
        f"<w:ResourceURI>{MS}/wmi/root/cimv2/{value.kind}</w:ResourceURI><w:SelectorSet>{selectors}</w:SelectorSet></a:ReferenceParameters></{whole}>"
    )
