# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management envelopes in and out. Shapes follow [MS-WSMV] and DSP0226, and what was recorded from real hosts."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "wsmid": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
    "ps": "http://schemas.microsoft.com/powershell",
}
ANONYMOUS = f"{NS['a']}/role/anonymous"
FAULT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
DECLARED = "".join(f' xmlns:{name}="{NS[name]}"' for name in ("s", "a", "x", "w", "rsp", "p"))


class Fault(Exception):
    """A request the service refuses: SOAP code, subcode, text, the WSMan code, and the shape of the detail: wsman, wmi or none."""

    def __init__(self, code: str, subcode: str, text: str, number: int, shape: str = "wsman") -> None:
        super().__init__(text)
        self.code, self.subcode, self.text, self.number, self.shape = code, subcode, text, number, shape


@dataclass(frozen=True)
class Message:
    """What the service reads of a request."""

    action: str = ""
    id: str = ""
    resource: str = ""
    selectors: dict[str, str] = field(default_factory=dict)
    body: ET.Element = field(default_factory=lambda: ET.Element("none"))

    def find(self, path: str) -> ET.Element | None:
        """An element of the body, by a path with the prefixes of NS."""
        return self.body.find(path, NS)

    @property
    def identifies(self) -> bool:
        """True for an Identify (DSP0226 11)."""
        return self.find("wsmid:Identify") is not None


def read(data: bytes) -> Message:
    """A request; raises a Fault where it is not an envelope."""
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise Fault("s:Sender", "w:SchemaValidationError", "The XML is not valid.", 2150858817) from error
    header, body = root.find("s:Header", NS), root.find("s:Body", NS)
    if body is None:
        raise Fault("s:Sender", "w:SchemaValidationError", "The envelope has no body.", 2150858817)
    text = {name: (header.findtext(name, "", NS) if header is not None else "") or "" for name in ("a:Action", "a:MessageID", "w:ResourceURI")}
    selectors = {item.get("Name", ""): item.text or "" for item in (header.iter(f"{{{NS['w']}}}Selector") if header is not None else ())}
    return Message(text["a:Action"].strip(), text["a:MessageID"].strip(), text["w:ResourceURI"].strip(), selectors, body)


def reply(request: Message, action: str, body: str) -> bytes:
    """An answer; RelatesTo repeats the MessageID to the letter."""
    return (
        f'<s:Envelope xml:lang="en-US"{DECLARED}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ANONYMOUS}</a:To><a:RelatesTo>{escape(request.id)}</a:RelatesTo>"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault(request: Message, error: Fault, machine: str) -> bytes:
    """A fault: with Microsoft's detail ([MS-WSMV] 2.2.4.43), the code in decimal, the text with a trailing space; or as CIM providers have it."""
    detail = _wmi_error(error) if error.shape == "wmi" else "" if error.shape == "none" else (
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{error.number}" Machine={quoteattr(machine)}>'
        f"<f:Message>{escape(error.text)} </f:Message></f:WSManFault>"
    )
    return reply(
        request, FAULT,
        f"<s:Fault><s:Code><s:Value>{error.code}</s:Value><s:Subcode><s:Value>{error.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(error.text)} </s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>',
    )


def _wmi_error(error: Fault) -> str:
    """MSFT_WmiError (recorded from real hosts): the code in decimal and again as HRESULT."""
    space = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/standardcimv2/MSFT_WmiError"
    return (
        f'<p:MSFT_WmiError b:IsCIM_Error="true" xmlns:p="{space}" xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd">'
        f"<p:error_Code>{error.number}</p:error_Code><p:error_Type>HRESULT</p:error_Type><p:Message>{escape(error.text)} </p:Message>"
        f"<p:MessageID>HRESULT {error.number:#010x}</p:MessageID></p:MSFT_WmiError>"
    )


def identity(build: tuple[int, int, int] | None, profiles: tuple[str, ...] = ()) -> bytes:
    """An IdentifyResponse: zeros for a stranger, version and security profiles for whoever has logged on (recorded from real hosts)."""
    version = f"OS: {'.'.join(map(str, build))} SP: 0.0" if build else "OS: 0.0.0 SP: 0.0"
    names = "".join(f"<wsmid:SecurityProfileName>{NS['w'][:-len('.xsd')]}/secprofile/{name}</wsmid:SecurityProfileName>" for name in profiles)
    security = f"<wsmid:SecurityProfiles>{names}</wsmid:SecurityProfiles>" if names else ""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{NS["s"]}"><s:Header/><s:Body><wsmid:IdentifyResponse xmlns:wsmid="{NS["wsmid"]}">'
        f"<wsmid:ProtocolVersion>{NS['w']}</wsmid:ProtocolVersion><wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        f"<wsmid:ProductVersion>{version} Stack: 3.0</wsmid:ProductVersion>{security}</wsmid:IdentifyResponse></s:Body></s:Envelope>"
    ).encode()
