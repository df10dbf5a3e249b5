# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes that a conversation brought, whose family is known: no guessing needed."""

from __future__ import annotations

from .explain_lookup import Entry, by_number, by_value32


def fault_entry(code: int | None) -> Entry | None:
    """A WSManFault's code: WSMan's own, an HRESULT, or a bare Win32 number (5, 87)."""
    if code is None:
        return None
    return by_number("Win32", code) if code < 0x10000 else by_value32(code)


def kerberos_entry(code: int | None) -> Entry | None:
    """A KRB-ERROR's or KDC's number ([RFC 4120] 7.5.9), or one of MIT's library beyond 127."""
    if code is None:
        return None
    return by_number("Kerberos", code) or by_value32(0x100000000 - 1765328384 + code)


def status_entry(code: int | None) -> Entry | None:
    """An NTSTATUS."""
    return None if code is None else by_number("NTSTATUS", code) or by_value32(code)


def named(code: int, entry: Entry | None) -> str:
    """Such as `0x803381A5 (ERROR_WSMAN_QUOTA_MAX_SHELLS)`; small numbers in decimal."""
    number = str(code) if code < 0x10000 else f"{code:#010X}".replace("0X", "0x")
    return f"{number} ({entry.symbol})" if entry else number
