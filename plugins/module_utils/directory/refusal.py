# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an LDAP server says no, and how it says nothing."""

from __future__ import annotations

import re

from ..codes.ldap import DIRECTORY_CODES, RESULTS
from ..codes.shape import Row
from ..explain_lookup import by_number, by_value32
from ..wire.deadline import WireError
from ..wire.http import printable

LONGEST_TEXT = 300
NAMES: dict[int, Row] = {row[0]: row for row in RESULTS}
CODES: dict[int, Row] = {row[0]: row for row in DIRECTORY_CODES}
OPERATIONS, TIME_LIMIT, SIZE_LIMIT, STRONG_AUTH, REFERRAL, ADMIN_LIMIT, IN_PROGRESS = 1, 3, 4, 8, 10, 11, 14
CONSTRAINT, NO_SUCH_OBJECT, INVALID_CREDENTIALS, NO_RIGHTS, UNAVAILABLE, UNWILLING = 19, 32, 49, 50, 52, 53
BAD_BINDINGS = 0x80090346
_DATA = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")
_LEADING = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{8}):")


class LdapError(Exception):
    """The server said no. `code` and `name` are LDAP's resultCode, `data` the code of Active Directory in its diagnostic message, or None."""

    def __init__(self, code: int, text: str = "", *, doing: str = "") -> None:
        self.code = code
        self.name = result_name(code)
        self.text = printable(text.rstrip("\0"), LONGEST_TEXT)
        self.data = data_of(text)
        self.doing = doing
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """What was refused, what that means, and the server's own words."""
        front = f"{self.doing} failed. " if self.doing else ""
        return f"{front}{refusal(self.code, self.data)}{f' The server says: {self.text}' if self.text else ''}"


class LdapUnreachable(Exception):
    """No conversation. `why` is refused, silent, unreachable, tls, closed, not_ldap, too_large, timeout or library."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(text)
        self.why, self.text = why, text


def result_name(code: int) -> str:
    """LDAP's name of a resultCode."""
    return NAMES[code][1] if code in NAMES else f"result {code}"


def data_of(text: str) -> int | None:
    """The code in a diagnostic message: `data 52e`, else the number that it starts with (`000021C7: ...`)."""
    found = _DATA.search(text)
    if found and int(found[1], 16):
        return int(found[1], 16)
    leading = _LEADING.match(text)
    return int(leading[1], 16) or None if leading else None


def refusal(code: int, data: int | None) -> str:
    """One or two sentences: LDAP's result and what Active Directory's code adds."""
    general = NAMES[code][3] if code in NAMES else "The server refused for a reason that is not known here."
    known = _meaning(data)
    if known:
        return f"{result_name(code)} ({code}), {known}"
    number = "" if data is None else f" with the code {data:#x}"
    return f"{result_name(code)} ({code}){number}: {general}"


def _meaning(data: int | None) -> str:
    if data is None:
        return ""
    if data in CODES:
        _number, symbol, _causes, meaning = CODES[data]
    else:
        entry = by_number("Win32", data) if data < 0x10000 else by_value32(data)
        if entry is None:
            return ""
        symbol, meaning = entry.symbol, entry.meaning
    return f"{symbol} ({data:#x}): {meaning}"


REACHED = {
    "refused": "{where} refused the connection: nothing listens there, or a firewall rejects it.",
    "silent": "{where} does not answer: a firewall drops it, or the machine is down.",
    "unreachable": "{where} cannot be reached: {detail}.",
    "timeout": "{where} answered and then fell silent: {detail}.",
    "closed": "{where} ended the conversation: {detail}.",
    "not_ldap": "What answers at {where} does not speak LDAP as expected: {detail}.",
    "too_large": "{where} sent more than was asked for: {detail}.",
    "tls": "No TLS with {where}: {detail}.",
}
"""Sentences for `why`."""


def unreachable(why: str, where: str, detail: str = "") -> LdapUnreachable:
    """The error for a `why` of REACHED."""
    return LdapUnreachable(why, REACHED[why].format(where=where, detail=printable(detail, LONGEST_TEXT).rstrip(".")))


def broken(error: WireError, where: str, *, answered: bool) -> LdapUnreachable:
    """A conversation that ended early. `answered`: whether the server had said anything before."""
    why = {"reset": "closed", "error": "closed", "timeout": "timeout" if answered else "silent"}.get(error.kind, error.kind)
    detail = {"closed inside TLS": "it closed the connection", "closed": "it closed the connection"}.get(str(error), str(error))
    if why == "silent":
        return LdapUnreachable("silent", f"{where} takes the connection and says nothing: {detail}.")
    return unreachable(why, where, detail)
