# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in every shape, those of real hosts included; requests as real hosts were sent them."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect.ladder import shell_id
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import FaultEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import XmlError, parse
from ansible_collections.winrm.doctor.plugins.module_utils.wsman import envelope
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.faults import parse_fault

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
LIMIT = 1_000_000


def fault(detail: str = "", subcode: str = "w:AccessDenied") -> bytes:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="w" xmlns:f="f" xmlns:p="p"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value>'
        f"<s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code><s:Reason><s:Text>Zugriff verweigert </s:Text></s:Reason>"
        f"<s:Detail>{detail}</s:Detail></s:Fault></s:Body></s:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ('<f:WSManFault Code="5" Machine="web01"><f:Message>Nein </f:Message></f:WSManFault>', FaultEvidence(5, "AccessDenied", "Nein", "web01", "", "wsman")),
        ('<f:WSManFault Code="2150859173" Machine=""/>', FaultEvidence(2150859173, "AccessDenied", "Zugriff verweigert", "", "", "wsman")),
        ('<f:WSManFault Code="-2144108123"/>', FaultEvidence(2150859173, "AccessDenied", "Zugriff verweigert", "", "", "wsman")),
        ('<f:WSManFault Code="0x803381A5"/>', FaultEvidence(2150859173, "AccessDenied", "Zugriff verweigert", "", "", "wsman")),
        ('<f:WSManFault Code="many"/>', FaultEvidence(None, "AccessDenied", "Zugriff verweigert", "", "", "wsman")),
        ("<p:MSFT_WmiError><p:error_Code>2150859173</p:error_Code></p:MSFT_WmiError>",
         FaultEvidence(2150859173, "AccessDenied", "Zugriff verweigert", shape="wmi")),
        ("<p:MSFT_WmiError><p:MessageID>HRESULT 0x803381a5</p:MessageID><p:Message>M</p:Message></p:MSFT_WmiError>",
         FaultEvidence(2150859173, "AccessDenied", "M", shape="wmi")),
        ("", FaultEvidence(None, "AccessDenied", "Zugriff verweigert")),
    ],
)
def test_shapes_of_a_fault(detail: str, expected: FaultEvidence) -> None:
    assert parse_fault(parse(fault(detail), LIMIT)) == expected


def test_answer_without_a_fault_is_none() -> None:
    assert parse_fault(parse(b"<a><b/></a>", LIMIT)) is None


RECORDED = {
    "pypsrp-fault-0.xml": (None, "none"), "psrp-fault-header-03-response-fault.xml": (2150858767, "wsman"), "winrb-wmi_error_v2.xml": (2150859173, "wmi"),
    "winrb-soap_fault_v2.xml": (2150858778, "wsman"), "winrs-optimeout-03-response-fault.xml": (2150858793, "wsman"),
}


@needs_captures
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_fault(name: str) -> None:
    seen = parse_fault(parse((CAPTURES / name).read_bytes(), LIMIT))
    assert seen is not None
    assert (seen.code, seen.shape) == RECORDED[name]


@needs_captures
def test_every_recorded_fault_is_read() -> None:
    for path in sorted(CAPTURES.glob("*fault*.xml")):
        if "request" not in path.name:
            seen = parse_fault(parse(path.read_bytes(), LIMIT))
            assert seen is not None, path.name
            assert seen.subcode or seen.code, path.name
            assert seen.text or b"Reason" not in path.read_bytes(), path.name


@needs_captures
@pytest.mark.parametrize("name", ["winrb-open_shell_v1.xml", "winrb-open_shell_v2.xml", "winrs-standard-00-response-CreateResponse.xml"])
def test_shell_id_of_recorded_answers(name: str) -> None:
    body = (CAPTURES / name).read_bytes()
    found = shell_id(parse(body, LIMIT))
    assert len(found) >= 32
    assert found.encode() in body


def headers(message: bytes) -> dict[str, tuple[str | None, str]]:
    """Local name of each header to its mustUnderstand and its text; what differs from message to message is left out."""
    header = ET.fromstring(message)[0]
    said = {}
    for element in header:
        name = element.tag
        inner = next(iter(element.itertext()), "") if not len(element) else "".join(element.itertext())
        must = next((value for key, value in element.attrib.items() if key.endswith("mustUnderstand")), None)
        said[name] = (must, "" if name.endswith(("MessageID", "}To", "SelectorSet", "SessionId")) else inner)
    return {name: value for name, value in said.items() if not name.endswith("SessionId")}


@needs_captures
@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("config-get-00-request-Get.xml", envelope.get_config("https://web01:5986/wsman")),
        ("winrs-standard-04-request-Delete.xml", envelope.delete_shell("https://web01:5986/wsman", envelope.CMD, "ID")),
    ],
)
def test_requests_have_the_headers_that_real_hosts_were_sent(name: str, ours: bytes) -> None:
    assert headers(ours) == headers((CAPTURES / name).read_bytes())


@needs_captures
def test_shell_is_asked_for_as_it_was_recorded() -> None:
    ours, recorded = parse(envelope.create_cmd_shell("x"), LIMIT), parse((CAPTURES / "winrs-standard-00-request-Create.xml").read_bytes(), LIMIT)
    for name in ("Action", "ResourceURI", "InputStreams", "OutputStreams"):
        assert ours.first_text(name) == recorded.first_text(name)


def test_values_of_a_request_are_escaped() -> None:
    made = envelope.request("a<b", "r&s", "http://[::1]:5985/x?<", selectors={'"q"': "<v>"}, options={"o": "&"})
    tree = parse(made, LIMIT)
    assert (tree.first_text("Action"), tree.first_text("ResourceURI"), tree.first_text("To")) == ("a<b", "r&s", "http://[::1]:5985/x?<")
    assert tree.find("Selector").attributes["Name"] == '"q"'  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "data", [b"", b"<a>", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', b"<a>" * 40 + b"</a>" * 40, b"<a>" + b"<b/>" * 30_000 + b"</a>", b"x" * (LIMIT + 1)],
    ids=range(6),
)
def test_xml_that_is_not_to_be_read(data: bytes) -> None:
    with pytest.raises(XmlError):
        parse(data, LIMIT)
