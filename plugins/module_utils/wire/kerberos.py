# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos' messages inside a GSS token ([RFC 4121] 4.1, [RFC 4120] 5.5 and 5.9): what stands in the clear; and what its errors say."""

from __future__ import annotations

import datetime
import typing as t

from ..codes.kerberos import MIT_BASE
from ..evidence.logon import TokenEvidence
from ..explain_code import kerberos_entry
from .http import printable
from .spnego import Element, dotted, read_element

OIDS = ("1.2.840.113554.1.2.2", "1.2.840.48018.1.2.2", "1.2.840.113554.1.2.2.3")
"""Kerberos, Microsoft's spelling of it ([MS-SPNG] 3.1.5.2), and user-to-user."""
AP_REQ, AP_REP, KRB_ERROR = 0x6E, 0x6F, 0x7E
"""[APPLICATION 14], [15] and [30]."""
TOK_IDS = {b"\x01\x00": AP_REQ, b"\x02\x00": AP_REP, b"\x03\x00": KRB_ERROR}
ENCRYPTION = {17: "AES128", 18: "AES256", 19: "AES128-SHA256", 20: "AES256-SHA384", 23: "RC4", 3: "DES", 1: "DES"}


BEYOND_THE_PASSWORD = (7, 14, 27, 37, 68)
"""Errors that count against nobody: the KDC looked at the clock, the realm or the encryption types first ([RFC 4120] 3.1.3), or it had accepted
the password before it refused a ticket for the service."""
LIBRARY, AFTER_THE_KDC = 128, (210, 223)
"""MIT's own codes start at 128: no KDC found, no realm, no ticket cache. The two KRB5_PREAUTH_FAILED and KRB5_GET_IN_TKT_LOOP come after a KDC's answer."""


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
        "kerberos_error", code=int.from_bytes(parts[6].value[:4], "big", signed=True), text=text, service=service_name(parts.get(9), parts.get(10)),
        server_time=_time(parts.get(4)),
    )


def _request(parts: dict[int, Element]) -> TokenEvidence:
    """[RFC 4120] 5.5.1: ticket [3]."""
    if 3 not in parts:
        raise ValueError("the AP-REQ has no ticket")
    service, kind = _ticket(parts[3])
    text = "" if kind is None else f"ticket encrypted with {ENCRYPTION.get(kind, 'encryption type')} ({kind})"
    return TokenEvidence("kerberos_ap_req", text=text, service=service)


def ticket_encryption(data: bytes) -> str:
    """The encryption of a ticket, or of the ticket inside an AP-REQ's GSS token, by name; "" where it cannot be read."""
    try:
        if data[:1] == b"\x60":
            outer = read_element(data, 0)
            message = outer.value[read_element(outer.value, 0).end + 2 :]
            _name, kind = _ticket(fields(read_element(read_element(message, 0).value, 0))[3])
        else:
            # `_ticket` expects the element as it lies in a field: [APPLICATION 1] around a SEQUENCE.
            _name, kind = _ticket(read_element(data, 0))
    except (ValueError, KeyError):
        return ""
    return "" if kind is None else ENCRYPTION.get(kind, f"type {kind}")


def _ticket(element: Element) -> tuple[str, int | None]:
    """Service and encryption type of a Ticket, which is [APPLICATION 1] { realm [1], sname [2], enc-part [3] } ([RFC 4120] 5.3)."""
    ticket = fields(read_element(element.value, 0))
    number = fields(ticket[3]).get(0) if 3 in ticket else None
    return service_name(ticket.get(1), ticket.get(2)), int.from_bytes(number.value[:4], "big", signed=True) if number else None


def service_name(realm: Element | None, name: Element | None) -> str:
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


def counts_for_nobody(code: int | None) -> bool:
    """Whether an error says that no password was judged."""
    return code is not None and (code in BEYOND_THE_PASSWORD or (code >= LIBRARY and code not in AFTER_THE_KDC))


def names_credentials(code: int | None) -> bool:
    """Whether an error says that name, password or account are refused."""
    entry = kerberos_entry(code)
    return entry is not None and "credentials" in dict(entry.causes)


def chain(error: BaseException | None) -> t.Iterator[BaseException]:
    """An error and what lies below it, pyspnego's `base_error` included."""
    seen: list[BaseException] = []
    while error is not None and error not in seen and len(seen) < 8:
        seen.append(error)
        yield error
        error = getattr(error, "base_error", None) or error.__cause__ or error.__context__


def code_of(error: BaseException) -> int | None:
    """The protocol's number inside krb5's err_code or gssapi's min_code, which is the same unsigned; MIT's own numbers from 128 on."""
    for part in chain(error):
        for name in ("err_code", "min_code"):
            value = getattr(part, name, None)
            if isinstance(value, int):
                number = (value & 0xFFFFFFFF) - (MIT_BASE & 0xFFFFFFFF)
                if 0 <= number < 256:
                    return number
    return None
