# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos' messages inside a GSS token ([RFC 4121] 4.1, [RFC 4120] 5.5 and 5.9): what stands in the clear."""

from __future__ import annotations

import datetime

from ..evidence.logon import TokenEvidence
from .http import printable
from .spnego import Element, dotted, read_element

OIDS = ("1.2.840.113554.1.2.2", "1.2.840.48018.1.2.2", "1.2.840.113554.1.2.2.3")
"""Kerberos, Microsoft's spelling of it ([MS-SPNG] 3.1.5.2), and user-to-user."""
AP_REQ, AP_REP, KRB_ERROR = 0x6E, 0x6F, 0x7E
"""[APPLICATION 14], [15] and [30]."""
TOK_IDS = {b"\x01\x00": AP_REQ, b"\x02\x00": AP_REP, b"\x03\x00": KRB_ERROR}
ENCRYPTION = {17: "AES128", 18: "AES256", 19: "AES128-SHA256", 20: "AES256-SHA384", 23: "RC4", 3: "DES", 1: "DES"}


def is_kerberos(token: bytes) -> bool:
    """True for a GSS token of Kerberos, or for its bare message, which some stacks send."""
    if token[:1] and token[0] in (AP_REQ, AP_REP, KRB_ERROR):
        return True
    if token[:1] != b"\x60":
        return False
    try:
        return _mechanism(token) in OIDS
    except ValueError:
        return False


def describe(token: bytes) -> TokenEvidence:
    """Which message it is and what it tells; ValueError with the offset where it is malformed."""
    kind, message = token[0], token
    if kind == 0x60:
        outer = read_element(token, 0)
        rest = outer.value[read_element(outer.value, 0).end :]
        known = TOK_IDS.get(rest[:2])
        if known is None:
            raise ValueError(f"the Kerberos token has the unknown type {rest[:2].hex() or 'nothing'}")
        kind, message = known, rest[2:]
    if kind == AP_REP:
        return TokenEvidence("kerberos_ap_rep")
    body = read_element(read_element(message, 0).value, 0)
    parts = fields(body)
    return _error(parts) if kind == KRB_ERROR else _request(parts)


def _mechanism(token: bytes) -> str:
    inner = read_element(read_element(token, 0).value, 0)
    return dotted(inner.value) if inner.tag == 0x06 else ""


def fields(sequence: Element) -> dict[int, Element]:
    """The context-tagged fields of a SEQUENCE, each with the element inside it."""
    found: dict[int, Element] = {}
    at = 0
    while at < len(sequence.value):
        part = read_element(sequence.value, at)
        if part.tag & 0xE0 == 0xA0:
            found[part.tag & 0x1F] = read_element(part.value, 0)
        at = part.end
    return found


def _error(parts: dict[int, Element]) -> TokenEvidence:
    """[RFC 4120] 5.9.1: stime [4], error-code [6], realm [9], sname [10], e-text [11]."""
    if 6 not in parts:
        raise ValueError("the KRB-ERROR has no error-code")
    text = printable(parts[11].value.decode("utf-8", "replace"), 120) if 11 in parts else ""
    return TokenEvidence(
        "kerberos_error", code=int.from_bytes(parts[6].value[:4], "big", signed=True), text=text, service=_service(parts.get(9), parts.get(10)),
        server_time=_time(parts.get(4)),
    )


def _request(parts: dict[int, Element]) -> TokenEvidence:
    """[RFC 4120] 5.5.1: ticket [3], which is [APPLICATION 1] { realm [1], sname [2], enc-part [3] }."""
    if 3 not in parts:
        raise ValueError("the AP-REQ has no ticket")
    ticket = fields(read_element(parts[3].value, 0))
    text = ""
    if 3 in ticket:
        number = fields(ticket[3]).get(0)
        if number:
            kind = int.from_bytes(number.value[:4], "big", signed=True)
            text = f"ticket encrypted with {ENCRYPTION.get(kind, 'encryption type')} ({kind})"
    return TokenEvidence("kerberos_ap_req", text=text, service=_service(ticket.get(1), ticket.get(2)))


def _service(realm: Element | None, name: Element | None) -> str:
    """PrincipalName { name-type [0], name-string [1] SEQUENCE OF GeneralString } and realm as HTTP/web01@REALM."""
    if name is None:
        return ""
    strings = fields(name).get(1)
    labels: list[str] = []
    at = 0
    while strings is not None and at < len(strings.value) and len(labels) < 8:
        label = read_element(strings.value, at)
        labels.append(label.value.decode("utf-8", "replace"))
        at = label.end
    where = f"@{realm.value.decode('utf-8', 'replace')}" if realm is not None else ""
    return printable("/".join(labels) + where, 300)


def _time(element: Element | None) -> str | None:
    if element is None:
        return None
    try:
        moment = datetime.datetime.strptime(element.value.decode("ascii"), "%Y%m%d%H%M%SZ")
    except ValueError:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
