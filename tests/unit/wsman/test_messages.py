# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in every shape, those of real hosts included; requests as real hosts were sent them."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import FaultEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import XmlError, parse
from ansible_collections.winrm.doctor.plugins.module_utils.wsman import envelope
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.faults import is_denial, parse_fault
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.shell import OPTIONS, shell_id

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
        ("<p:MSFT_WmiError><p:CIMStatusCode>2</p:CIMStatusCode></p:MSFT_WmiError>", FaultEvidence(5, "AccessDenied", "Zugriff verweigert", shape="wmi")),
        ("<p:MSFT_WmiError><p:CIMStatusCode>6</p:CIMStatusCode></p:MSFT_WmiError>", FaultEvidence(None, "AccessDenied", "Zugriff verweigert", shape="wmi")),
        ("", FaultEvidence(None, "AccessDenied", "Zugriff verweigert")),
    ],
)
def test_shapes_of_a_fault(detail: str, expected: FaultEvidence) -> None:
    assert parse_fault(parse(fault(detail), LIMIT)) == expected


@pytest.mark.parametrize(
    ("seen", "denied"),
    [
        (FaultEvidence(5), True), (FaultEvidence(0x80070005), True), (FaultEvidence(0x80338104), True), (FaultEvidence(0x80338105), True),
        (FaultEvidence(0x80338106), True), (FaultEvidence(0x80041003), True), (FaultEvidence(None, "AccessDenied"), True),
        (FaultEvidence(2150859173, "AccessDenied"), False), (FaultEvidence(87), False), (FaultEvidence(None, "QuotaLimit"), False), (FaultEvidence(), False),
    ],
)
def test_which_faults_are_denials(seen: FaultEvidence, denied: bool) -> None:
    assert is_denial(seen) is denied


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


OURS = ("MessageID", "}To", "SelectorSet", "SessionId", "OperationTimeout", "MaxEnvelopeSize", "OptionSet")
"""What differs from message to message, or is set to what Windows' own client sends."""
TO = "https://web01:5986/wsman"


def headers(message: bytes) -> dict[str, tuple[str | None, str]]:
    """Each header to its mustUnderstand and its text."""
    said = {}
    for element in ET.fromstring(message)[0]:
        must = next((value for key, value in element.attrib.items() if key.endswith("mustUnderstand")), None)
        said[element.tag] = ("" if element.tag.endswith("OptionSet") else must, "" if element.tag.endswith(OURS) else "".join(element.itertext()))
    return {name: value for name, value in said.items() if not name.endswith("SessionId")}


def body(message: bytes) -> list[tuple[str, dict[str, str], str]]:
    """Elements of the body: name, attributes, text; what names one shell or command is left out."""
    found = next(element for element in ET.fromstring(message) if element.tag.endswith("Body"))
    return [(one.tag, dict.fromkeys(one.attrib, ""), (one.text or "").strip()) for one in found.iter()][1:]


def shell_message(verb: str, inner: str, options: dict[str, str] | None = None) -> bytes:
    return envelope.request(f"{envelope.NAMESPACES['rsp']}/{verb}", envelope.CMD, TO, body=inner, selectors={"ShellId": "ID"}, options=options)


@needs_captures
@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("config-get-00-request-Get.xml", envelope.request(f"{envelope.TRANSFER}/Get", envelope.resource_uri("config"), TO)),
        ("winrs-standard-00-request-Create.xml", envelope.request(f"{envelope.TRANSFER}/Create", envelope.CMD, TO, body=envelope.shell_body())),
        ("winrs-standard-02-request-Receive.xml", shell_message("Receive", envelope.receive_body("C"), {"WSMAN_CMDSHELL_OPTION_KEEPALIVE": "TRUE"})),
        ("winrs-standard-03-request-Signal.xml", shell_message("Signal", envelope.signal_body("C", f"{envelope.NAMESPACES['rsp']}/signal/ctrl_c"))),
        ("winrs-standard-04-request-Delete.xml", envelope.request(f"{envelope.TRANSFER}/Delete", envelope.CMD, TO, selectors={"ShellId": "ID"})),
    ],
)
def test_requests_are_what_real_hosts_were_sent(name: str, ours: bytes) -> None:
    recorded = (CAPTURES / name).read_bytes()
    assert headers(ours) == headers(recorded)
    assert body(ours) == body(recorded)


def test_request_asks_for_as_much_as_windows_own_client_does() -> None:
    made = parse(envelope.request("a", "r", TO, options=OPTIONS, seconds=60), LIMIT)
    assert (made.first_text("MaxEnvelopeSize"), made.first_text("OperationTimeout")) == ("512000", "PT60S")
    assert {node.attributes["Name"]: node.text for node in made.all("Option")} == {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": "65001"}


@pytest.mark.parametrize(
    ("name", "uri", "short"),
    [
        ("config", "http://schemas.microsoft.com/wbem/wsman/1/config", "winrm/config"),
        ("config/listener", "http://schemas.microsoft.com/wbem/wsman/1/config/listener", "winrm/config/listener"),
        ("wmi/root/cimv2/*", "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*", "wmi/root/cimv2/*"),
        ("http://example/x", "http://example/x", "http://example/x"),
    ],
)
def test_names_of_resources(name: str, uri: str, short: str) -> None:
    assert (envelope.resource_uri(name), envelope.short_name(uri)) == (uri, short)


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


def test_page_of_a_list_may_have_more_elements_than_an_answer() -> None:
    page = b"<a>" + b"<b/>" * 30_000 + b"</a>"
    assert len(parse(page, LIMIT, 60_000).children) == 30_000
    with pytest.raises(XmlError, match="more than 60000 elements"):
        parse(b"<a>" + b"<b/>" * 60_000 + b"</a>", LIMIT, 60_000)


def test_text_between_elements_is_kept_in_order() -> None:
    tree = parse("<a>x<b>y</b>zä<![CDATA[<&]]>&#x41;</a>".encode(), LIMIT)
    assert (tree.text, tree.children[0].text) == ("xzä<&A", "y")
