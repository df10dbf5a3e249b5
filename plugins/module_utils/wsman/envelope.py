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
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
}
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
CONFIG = "http://schemas.microsoft.com/wbem/wsman/1/config"
CMD = f"{NAMESPACES['rsp']}/cmd"
_DECLARED = "".join(f' xmlns:{prefix}="{name}"' for prefix, name in NAMESPACES.items())
_ANONYMOUS = f"{NAMESPACES['a']}/role/anonymous"
Pairs = t.Mapping[str, str]


def request(action: str, resource: str, to: str, *, body: str = "", selectors: Pairs | None = None, options: Pairs | None = None, seconds: float = 20) -> bytes:
    """One envelope. `to` is the URL asked, `body` XML with the prefixes of NAMESPACES, `seconds` the OperationTimeout ([MS-WSMV] 2.2.4.26)."""
    headers = (
        f'<a:Action s:mustUnderstand="true">{escape(action)}</a:Action>'
        '<p:DataLocale s:mustUnderstand="false" xml:lang="en-US"/><w:Locale s:mustUnderstand="false" xml:lang="en-US"/>'
        '<w:MaxEnvelopeSize s:mustUnderstand="true">153600</w:MaxEnvelopeSize>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<w:OperationTimeout>PT{max(1, int(seconds))}S</w:OperationTimeout>"
        f'<a:ReplyTo><a:Address s:mustUnderstand="true">{_ANONYMOUS}</a:Address></a:ReplyTo>'
        f'<w:ResourceURI s:mustUnderstand="true">{escape(resource)}</w:ResourceURI>'
        f"<a:To>{escape(to)}</a:To>{_set('OptionSet', 'Option', options)}{_set('SelectorSet', 'Selector', selectors)}"
    )
    return f"<s:Envelope{_DECLARED}><s:Header>{headers}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def get_config(to: str) -> bytes:
    """Get of the whole winrm/config ([MS-WSMV] 4.2.1 prints the same)."""
    return request(f"{TRANSFER}/Get", CONFIG, to)


def create_cmd_shell(to: str) -> bytes:
    """A cmd shell without a profile ([MS-WSMV] 2.2.4.37; recorded)."""
    body = "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"
    return request(f"{TRANSFER}/Create", CMD, to, body=body, options={"WINRS_NOPROFILE": "TRUE"})


def delete_shell(to: str, resource: str, shell_id: str) -> bytes:
    """Delete a shell of any kind."""
    return request(f"{TRANSFER}/Delete", resource, to, selectors={"ShellId": shell_id})


def _set(outer: str, inner: str, values: Pairs | None) -> str:
    if not values:
        return ""
    return f"<w:{outer}>" + "".join(f"<w:{inner} Name={quoteattr(name)}>{escape(value)}</w:{inner}>" for name, value in values.items()) + f"</w:{outer}>"
