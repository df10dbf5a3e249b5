# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management requests as bytes: the headers pypsrp sends, which Windows is known to accept (recorded exchanges)."""

from __future__ import annotations

import typing as t
import uuid
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
}
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
MICROSOFT = "http://schemas.microsoft.com/wbem/wsman/1"
CMD = f"{NAMESPACES['rsp']}/cmd"
WQL = f"{MICROSOFT}/WQL"
SELECTOR_FILTER = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
TERMINATE = f"{NAMESPACES['rsp']}/signal/terminate"
LARGEST = 512_000
"""MaxEnvelopeSize: what Windows sends by default since 2012, 500 KB; a host that is set to less takes its own limit instead ([MS-WSMV] 3.1.4.1.7)."""
PAGE = 32_000
"""MaxElements: MaxBatchItems of a host that nobody has configured; a page ends where the envelope is full anyway."""
_DECLARED = "".join(f' xmlns:{prefix}="{name}"' for prefix, name in NAMESPACES.items())
_ANONYMOUS = f"{NAMESPACES['a']}/role/anonymous"
Pairs = t.Mapping[str, str]
Parameters = t.Mapping[str, t.Union[str, t.Sequence[str]]]


def request(action: str, resource: str, to: str, *, body: str = "", selectors: Pairs | None = None, options: Pairs | None = None, seconds: float = 20) -> bytes:
    """One envelope. `to` is the URL asked, `body` XML with the prefixes of NAMESPACES, `seconds` the OperationTimeout ([MS-WSMV] 2.2.4.26)."""
    headers = (
        f'<a:Action s:mustUnderstand="true">{escape(action)}</a:Action>'
        '<p:DataLocale s:mustUnderstand="false" xml:lang="en-US"/><w:Locale s:mustUnderstand="false" xml:lang="en-US"/>'
        f'<w:MaxEnvelopeSize s:mustUnderstand="true">{LARGEST}</w:MaxEnvelopeSize>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<w:OperationTimeout>PT{max(1, int(seconds))}S</w:OperationTimeout>"
        f'<a:ReplyTo><a:Address s:mustUnderstand="true">{_ANONYMOUS}</a:Address></a:ReplyTo>'
        f'<w:ResourceURI s:mustUnderstand="true">{escape(resource)}</w:ResourceURI>'
        f"<a:To>{escape(to)}</a:To>{_set('OptionSet', 'Option', options)}{_set('SelectorSet', 'Selector', selectors)}"
    )
    return f"<s:Envelope{_DECLARED}><s:Header>{headers}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def resource_uri(name: str) -> str:
    """The whole URI; `name` may be what follows http://schemas.microsoft.com/wbem/wsman/1/, as in config/listener or wmi/root/cimv2/Win32_Service."""
    return name if "://" in name else f"{MICROSOFT}/{name}"


def short_name(resource: str) -> str:
    """A resource as people know it: winrm/config, wmi/root/cimv2/Win32_Service."""
    rest = resource[len(MICROSOFT) + 1 :] if resource.startswith(f"{MICROSOFT}/") else resource
    return f"winrm/{rest}" if rest.split("/")[0] == "config" else rest


def enumerate_body(*, wql: str = "", selectors: Pairs | None = None) -> str:
    """An optimised Enumerate, as the recorded ones: the first answer may bring items (DSP0226 8.2.3)."""
    asked = ""
    if wql:
        asked = f'<w:Filter Dialect="{WQL}">{escape(wql)}</w:Filter>'
    elif selectors:
        asked = f'<w:Filter Dialect="{SELECTOR_FILTER}">{_set("SelectorSet", "Selector", selectors)}</w:Filter>'
    return f"<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>{PAGE}</w:MaxElements>{asked}</n:Enumerate>"


def pull_body(context: str) -> str:
    """The next page ([WS-Enumeration] 3.2)."""
    return f"<n:Pull><n:EnumerationContext>{escape(context)}</n:EnumerationContext><n:MaxElements>{PAGE}</n:MaxElements></n:Pull>"


def release_body(context: str) -> str:
    """No more pages are wanted ([WS-Enumeration] 3.5)."""
    return f"<n:Release><n:EnumerationContext>{escape(context)}</n:EnumerationContext></n:Release>"


def input_body(resource: str, method: str, parameters: Parameters) -> str:
    """A method's input, as [MS-WSMV] 4 prints it: METHOD_INPUT in the namespace of the class; an array is its element repeated."""
    each = [(name, value) for name, values in parameters.items() for value in ((values,) if isinstance(values, str) else values)]
    inner = "".join(f"<p:{name}>{escape(value)}</p:{name}>" for name, value in each)
    return f"<p:{method}_INPUT xmlns:p={quoteattr(resource)}>{inner}</p:{method}_INPUT>"


def shell_body(idle: int = 0) -> str:
    """A shell as it was recorded, in the order of [MS-WSMV] 2.2.4.37's schema; where `idle` is set, the host forgets it after so many seconds without use."""
    forgotten = f"<rsp:IdleTimeOut>PT{idle}S</rsp:IdleTimeOut>" if idle else ""
    return f"<rsp:Shell>{forgotten}<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"


def command_body(line: str) -> str:
    """A command line to run ([MS-WSMV] 2.2.4.7); with WINRS_SKIP_CMD_SHELL=FALSE it is cmd.exe that reads it."""
    return f"<rsp:CommandLine><rsp:Command>{escape(line)}</rsp:Command></rsp:CommandLine>"


def receive_body(command: str) -> str:
    """More of a command's output ([MS-WSMV] 3.1.4.14)."""
    return f"<rsp:Receive><rsp:DesiredStream CommandId={quoteattr(command)}>stdout stderr</rsp:DesiredStream></rsp:Receive>"


def signal_body(command: str, code: str = TERMINATE) -> str:
    """End a command, or give back what one that has ended still holds ([MS-WSMV] 3.1.4.12)."""
    return f"<rsp:Signal CommandId={quoteattr(command)}><rsp:Code>{code}</rsp:Code></rsp:Signal>"


def _set(outer: str, inner: str, values: Pairs | None) -> str:
    if not values:
        return ""
    return f"<w:{outer}>" + "".join(f"<w:{inner} Name={quoteattr(name)}>{escape(value)}</w:{inner}>" for name, value in values.items()) + f"</w:{outer}>"
