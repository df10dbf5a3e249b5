# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SOAP faults of WinRM in all their shapes; what decides is the code, for texts are localised."""

from __future__ import annotations

import re

from ..evidence.logon import FaultEvidence
from ..safe_xml import Node
from ..wire.http import printable

ACCESS_DENIED = frozenset((5, 0x80070005))
"""Win32's number, and the same as HRESULT: both were recorded."""
TEXT_LIMIT = 300


def parse_fault(root: Node) -> FaultEvidence | None:
    """The fault of an envelope, None where there is none.

    Shapes: a WSManFault in the detail ([MS-WSMV] 2.2.4.43); an MSFT_WmiError with `error_Code` and an HRESULT in `MessageID` (recorded from CIM
    providers, and for quotas); a fault without any detail (s:MustUnderstand, DSP0226 14.6).
    """
    fault = root.find("Fault")
    if fault is None:
        return None
    subcode = fault.find("Subcode")
    subcode_name = subcode.first_text("Value").rpartition(":")[2] if subcode else fault.first_text("Value").rpartition(":")[2]
    reason = printable(fault.first_text("Text"), TEXT_LIMIT)
    detail = fault.find("WSManFault")
    if detail is not None:
        return _wsman(detail, subcode_name, reason)
    detail = fault.find("MSFT_WmiError")
    if detail is not None:
        return FaultEvidence(_wmi_code(detail), subcode_name, printable(detail.first_text("Message"), TEXT_LIMIT) or reason, shape="wmi")
    return FaultEvidence(None, subcode_name, reason)


def _wsman(detail: Node, subcode: str, reason: str) -> FaultEvidence:
    provider = detail.find("ProviderFault")
    message = detail.find("Message")
    text = printable(message.text, TEXT_LIMIT) if message else ""
    if not text and provider is not None:
        text = printable(" ".join(node.text for node in provider.walk()), TEXT_LIMIT)
    return FaultEvidence(
        _number(detail.attributes.get("Code", "")), subcode, text or reason, printable(detail.attributes.get("Machine", ""), 255),
        printable(provider.attributes.get("provider", ""), 80) if provider is not None else "", "wsman",
    )


def _wmi_code(detail: Node) -> int | None:
    code = _number(detail.first_text("error_Code"))
    if code:
        return code
    named = re.search(r"HRESULT\s+(0x[0-9a-fA-F]{1,8})", detail.first_text("MessageID"))
    return int(named[1], 16) if named else code


def _number(text: str) -> int | None:
    """Decimal, signed or not, or hexadecimal, as unsigned 32 bits."""
    try:
        return int(text.strip(), 0) & 0xFFFFFFFF
    except ValueError:
        return None
