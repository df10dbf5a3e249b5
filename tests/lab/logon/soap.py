# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management envelopes in and out. Shapes follow [MS-WSMV] and DSP0226, and what was recorded from real hosts."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "wsmid": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
    "ps": "http://schemas.microsoft.com/powershell",
}
ANONYMOUS = f"{NS['a']}/role/anonymous"
MS = "http://schemas.microsoft.com/wbem/wsman/1"
FAULT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ADDRESSING_FAULT, ENUMERATION_FAULT = f"{NS['a']}/fault", f"{NS['n']}/fault"
DECLARED = "".join(f' xmlns:{name}="{NS[name]}"' for name in ("s", "a", "x", "w", "rsp", "p"))
ENUMERATED = "".join(f' xmlns:{name}="{NS[name]}"' for name in ("s", "a", "n", "w", "rsp", "p"))
"""The prefixes of an answer about an enumeration (recorded: s, a, n, w; with rsp and p where it enumerates shells)."""
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"


class Fault(Exception):
    """A request the service refuses: SOAP code, subcode, text, the WSMan code, and the shape of the detail: wsman, wmi or none."""

    def __init__(
        self, code: str, subcode: str, text: str, number: int, shape: str = "wsman", action: str = FAULT, provider: str = "", extended: str = "",
    ) -> None:
        super().__init__(text)
        self.code, self.subcode, self.text, self.number, self.shape = code, subcode, text, number, shape
        self.action, self.provider, self.extended = action, provider, extended
        """Action of the answer by family; what the WMI provider says itself; its extended status as XML."""


@dataclass(frozen=True)
class Message:
    """What the service reads of a request."""

    action: str = ""
    id: str = ""
    resource: str = ""
    selectors: dict[str, str] = field(default_factory=dict)
    body: ET.Element = field(default_factory=lambda: ET.Element("none"))
    options: dict[str, str] = field(default_factory=dict)
    timeout: float = 0.0
    """OperationTimeout in seconds; 0 where the client named none."""
    most_bytes: int = 0
    """MaxEnvelopeSize; 0 where the client named none."""

    def find(self, path: str) -> ET.Element | None:
        """An element of the body, by a path with the prefixes of NS."""
        return self.body.find(path, NS)

    @property
    def identifies(self) -> bool:
        """True for an Identify (DSP0226 11)."""
        return self.find("wsmid:Identify") is not None

    @property
    def verb(self) -> str:
        """The last part of the action: Get, Enumerate, Pull, Create, a method of a class."""
        return self.action.rpartition("/")[2]

    @property
    def name(self) -> str:
        """What follows http://schemas.microsoft.com/wbem/wsman/1/ in the resource, such as config/listener; the resource itself where it starts otherwise."""
        path = self.resource.partition("?")[0].rstrip("/")
        return path[len(MS) + 1 :] if path.lower().startswith(f"{MS}/") else path


def read(data: bytes) -> Message:
    """A request; raises a Fault where it is not an envelope."""
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise Fault("s:Sender", "w:SchemaValidationError", "The XML is not valid.", 2150858817) from error
    header, body = root.find("s:Header", NS), root.find("s:Body", NS)
    if body is None:
        raise Fault("s:Sender", "w:SchemaValidationError", "The envelope has no body.", 2150858817)
    header = header if header is not None else ET.Element("none")
    text = {name: (header.findtext(name, "", NS) or "").strip() for name in ("a:Action", "a:MessageID", "w:ResourceURI", "w:OperationTimeout")}
    selectors, options = ({item.get("Name", ""): item.text or "" for item in header.iter(f"{{{NS['w']}}}{name}")} for name in ("Selector", "Option"))
    size = (header.findtext("w:MaxEnvelopeSize", "", NS) or "").strip()
    return Message(
        text["a:Action"], text["a:MessageID"], text["w:ResourceURI"], selectors, body, options, seconds(text["w:OperationTimeout"]),
        int(size) if size.isdecimal() else 0,
    )


def seconds(duration: str) -> float:
    """Of an xs:duration what clients send: PT20S, PT60.000S, PT1M30S; anything else is 0."""
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", duration)
    return sum(float(part or 0) * factor for part, factor in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0.0


def reply(request: Message, action: str, body: str, declared: str = DECLARED) -> bytes:
    """An answer; RelatesTo repeats the MessageID to the letter."""
    return (
        f'<s:Envelope xml:lang="en-US"{declared}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ANONYMOUS}</a:To><a:RelatesTo>{escape(request.id)}</a:RelatesTo>"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault(request: Message, error: Fault, machine: str) -> bytes:
    """A fault: with Microsoft's detail ([MS-WSMV] 2.2.4.43), the code in decimal, the text with a trailing space; or as CIM providers have it."""
    detail = {"wmi": _wmi_error, "none": lambda _error: ""}.get(error.shape, lambda error: _wsman_fault(error, machine))(error)
    declared = ENUMERATED if error.action == ENUMERATION_FAULT else DECLARED
    return reply(
        request, error.action,
        f"<s:Fault><s:Code><s:Value>{error.code}</s:Value><s:Subcode><s:Value>{error.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(error.text)} </s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>', declared,
    )


def _wsman_fault(error: Fault, machine: str) -> str:
    """With the WMI provider's own words inside, where it is the one that refused (recorded: winrb's soap_fault_v2)."""
    space = 'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
    message = f"{escape(error.text)} "
    if error.provider:
        message = (
            f'<f:ProviderFault provider="WMI Provider" path="%systemroot%\\system32\\WsmWmiPl.dll"><f:WSManFault {space} Code="{error.number}" '
            f"Machine={quoteattr(machine)}><f:Message>{escape(error.provider)} </f:Message></f:WSManFault>{error.extended}</f:ProviderFault>"
        )
    return f'<f:WSManFault {space} Code="{error.number}" Machine={quoteattr(machine)}><f:Message>{message}</f:Message></f:WSManFault>'


def _wmi_error(error: Fault) -> str:
    """MSFT_WmiError (recorded: winrb's wmi_error_v2, pywinrm's): the code in decimal and again as HRESULT. CIM status 2 is access denied (DSP0200)."""
    text = f"{escape(error.text)} "
    status = 2 if error.number in (5, 2147942405, 2150859012, 2150859013, 2150859014) else 27
    fields = (
        ("CIMStatusCode", "UnsignedInt", str(status)), ("CIMStatusCodeDescription", "String", None), ("ErrorSource", "String", None),
        ("ErrorSourceFormat", "UnsignedShort", "0"), ("ErrorType", "UnsignedShort", "0"), ("Message", "String", text),
        ("MessageID", "String", f"HRESULT {error.number:#010x}"), ("OtherErrorSourceFormat", "String", None), ("OtherErrorType", "String", None),
        ("OwningEntity", "String", None), ("PerceivedSeverity", "UnsignedShort", "0"), ("ProbableCause", "UnsignedShort", "0"),
        ("ProbableCauseDescription", "String", None), ("error_Category", "UnsignedInt", "30"), ("error_Code", "UnsignedInt", str(error.number)),
        ("error_Type", "String", "HRESULT"), ("error_WindowsErrorMessage", "String", text),
    )
    inner = "".join(
        f'<p:{name} xsi:type="cim:cim{kind}" xsi:nil="true"/>' if value is None else f'<p:{name} xsi:type="cim:cim{kind}">{value}</p:{name}>'
        for name, kind, value in fields
    )
    return (
        f'<p:MSFT_WmiError b:IsCIM_Error="true" xmlns:xsi="{XSI}" xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" '
        f'xmlns:p="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError" xmlns:cim="{CIM}" xsi:type="p:MSFT_WmiError_Type">{inner}</p:MSFT_WmiError>'
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
