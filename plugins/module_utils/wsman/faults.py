# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SOAP faults of WinRM in all their shapes; what decides is the code, for texts are localised."""

from __future__ import annotations

import re
from dataclasses import replace

from ..evidence.logon import FaultEvidence, LegEvidence
from ..explain_code import fault_entry, named
from ..safe_xml import Node, XmlError, parse
from ..wire.channel import REPLY
from ..wire.http import printable
from ..wire.session import Answer

ACCESS_DENIED = frozenset((5, 0x80070005, 0x80338104, 0x80338105, 0x80338106, 0x80041003))
"""Win32's number, and the same as HRESULT: both were recorded; WMI's three refusals by way of WinRM, and WMI's own WBEM_E_ACCESS_DENIED."""
TIMED_OUT = 0x80338029
"""Nothing happened within the OperationTimeout: the recorded clients ask again, and [MS-WSMV] 3.1.4.14 wants it so of Receive."""
CIM_DENIED = "2"
"""CIM_ERR_ACCESS_DENIED (DSP0200 5.2)."""
PLAIN_REFUSED = (401, 500)
"""Empty answers to an unencrypted message while AllowUnencrypted is false: 401 was recorded from a real host, 500 is what client projects report."""
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
    told = re.search(r"HRESULT\s+(0x[0-9a-fA-F]{1,8})", detail.first_text("MessageID"))
    if told:
        return int(told[1], 16)
    # A provider that gives nothing but the status of CIM: what stands for access denied is told as Win32's number for the same.
    return 5 if detail.first_text("CIMStatusCode") == CIM_DENIED else code


def _number(text: str) -> int | None:
    """Decimal, signed or not, or hexadecimal, as unsigned 32 bits."""
    try:
        return int(text.strip(), 0) & 0xFFFFFFFF
    except ValueError:
        return None


def with_fault(answer: Answer) -> Answer:
    """The answer with its fault read, where it is one."""
    if answer.leg.reply.status in (None, 200) or not answer.message:
        return answer
    try:
        fault = parse_fault(parse(answer.message, REPLY))
    except XmlError:
        return answer
    return replace(answer, leg=replace(answer.leg, fault=fault))


def is_denial(fault: FaultEvidence) -> bool:
    """Whether the account may not do what was asked: by code, and by subcode where there is no code."""
    return fault.code in ACCESS_DENIED or (fault.code is None and fault.subcode == "AccessDenied")


def fault_means(fault: FaultEvidence) -> str:
    """A fault in one sentence: code first, for the text may be in any language."""
    if fault.code in ACCESS_DENIED:
        return f"Fault {named(fault.code or 5, fault_entry(fault.code))}: logged on, but not allowed to do this."
    if fault.code is None:
        return f"A fault without a code: {fault.subcode or 'no subcode'}{f', {fault.text!r}' if fault.text else ''}."
    entry = fault_entry(fault.code)
    return f"Fault {named(fault.code, entry)}: {entry.meaning if entry else fault.text or 'no text'}"


def reply_means(leg: LegEvidence, *, encrypted: bool) -> str:
    """A reply that is not what was asked for, in one sentence; `encrypted`: whether the question was."""
    reply, fault = leg.reply, leg.fault
    if reply.failure:
        return f"No answer: {reply.failure}{f' ({reply.detail})' if reply.detail else ''}."
    if fault is not None:
        return fault_means(fault)
    if reply.status in PLAIN_REFUSED and not reply.body_bytes and not encrypted:
        return f"HTTP {reply.status} without a body to an unencrypted message: the host wants messages encrypted."
    if reply.status == 401:
        return "HTTP 401 on a connection that was logged on: the host has forgotten the logon, or forbids what was asked."
    if reply.status == 400:
        return "HTTP 400: the connection has lost its logon, or the request is not understood."
    return f"HTTP {reply.status}, which is not an answer of WS-Management."
