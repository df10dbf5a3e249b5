# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twelve behaviours that a faithful stand-in must show, as far as a logon meets them; profiles where sources disagree.

Left for the part that looks inside the host: partial Put and policy-owned settings (of 7), WMI (8), and the port 47001, which no stranger reaches (12).
"""

from __future__ import annotations

import base64
import re
import socket
import typing as t
import xml.etree.ElementTree as ET

import pytest
import spnego
from lab.logon import converse
from lab.messages import Account, Conversation, Request, Response, Windows
from lab.server import stuff
from pypsrp.encryption import WinRMEncryption

PASSWORD = "a-password-of-the-lab"
SOAP = "application/soap+xml;charset=UTF-8"
S = "http://www.w3.org/2003/05/soap-envelope"
IDENTIFY = (
    f'<s:Envelope xmlns:s="{S}" xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
).encode()


def windows(**settings: t.Any) -> Windows:
    accounts = {"admin": Account(PASSWORD), "user": Account(PASSWORD, groups="remote_management_users"), "local": Account(PASSWORD, local=True)}
    return Windows("WEB01", "LAB", "lab.test", accounts=accounts, **settings)


def post(to: Conversation, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return to.answer(Request("POST", "/wsman", {"host": "web01.lab.test:5985", "content-length": str(len(body)), **named}, body))


def header(response: Response, name: str) -> list[str]:
    return [value for key, value in response.headers if key.lower() == name.lower()]


class Client:
    """A logon by pyspnego and sealing by pypsrp: nothing of ours."""

    def __init__(self, kind: Windows, user: str = "LAB\\admin", password: str = PASSWORD) -> None:
        self.to = converse(kind, certificate=None)
        self.context = spnego.client(user, password, protocol="negotiate", hostname="web01", options=spnego.NegotiateOptions.wrapping_winrm)
        token = self.context.step()
        while token:
            self.last = post(self.to, authorization="Negotiate " + base64.b64encode(token).decode())
            back = [value.split()[1] for value in header(self.last, "WWW-Authenticate") if " " in value]
            token = self.context.step(base64.b64decode(back[0])) if back else None
        self.sealing = WinRMEncryption(self.context, WinRMEncryption.SPNEGO)

    def ask(self, message: bytes) -> tuple[int, ET.Element]:
        kind, body = self.sealing.wrap_message(message)
        reply = post(self.to, body, content_type=f"{kind}")
        plain = self.sealing.unwrap_message(reply.body, "Encrypted Boundary")
        return reply.status, ET.fromstring(plain)


def envelope(action: str, resource: str, body: str = "", selectors: str = "") -> bytes:
    return (
        f'<s:Envelope xmlns:s="{S}" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
        f'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid.odd</a:MessageID>'
        f"<w:ResourceURI>{resource}</w:ResourceURI>{selectors}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


TRANSFER, MS = "http://schemas.xmlsoap.org/ws/2004/09/transfer", "http://schemas.microsoft.com/wbem/wsman/1"
GET = envelope(f"{TRANSFER}/Get", f"{MS}/config")
CREATE = envelope(f"{TRANSFER}/Create", f"{MS}/windows/shell/cmd", "<rsp:Shell><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>")


def text(root: ET.Element, name: str) -> str:
    return next((element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == name), "")


def find(root: ET.Element, name: str) -> ET.Element:
    return next(element for element in root.iter() if element.tag.rpartition("}")[2] == name)


def test_1_identify_tells_strangers_nothing_and_members_all() -> None:
    stranger = ET.fromstring(post(converse(windows(), certificate=None), IDENTIFY, wsmanidentify="unauthenticated", content_type=SOAP).body)
    assert text(stranger, "ProductVersion") == "OS: 0.0.0 SP: 0.0 Stack: 3.0"
    assert text(stranger, "SecurityProfileName") == ""
    _status, known = Client(windows()).ask(IDENTIFY)
    assert text(known, "ProductVersion") == "OS: 10.0.20348 SP: 0.0 Stack: 3.0"
    assert text(known, "SecurityProfileName").endswith("http/spnego-kerberos")


@pytest.mark.parametrize("reason", ["", "Unauthorized"])
def test_2_refusal_is_empty_with_one_line_for_each_scheme(reason: str) -> None:
    refused = post(converse(windows(reason=reason, schemes=("Negotiate", "Basic", "CredSSP")), certificate=None))
    assert (refused.status, refused.reason, refused.body, refused.close) == (401, reason, b"", True)
    assert header(refused, "WWW-Authenticate") == ["Negotiate", 'Basic realm="WSMAN"', "CredSSP"]
    assert header(refused, "Server") == ["Microsoft-HTTPAPI/2.0"]


def test_3_other_methods_contents_and_paths() -> None:
    to = converse(windows(), certificate=None)
    got = to.answer(Request("GET", "/wsman"))
    assert (got.status, header(got, "Allow")) == (405, ["POST"])
    assert to.answer(Request("POST", "/other")).status == 404
    client = Client(windows(allow_unencrypted=True))
    assert post(client.to, b"x", content_type="text/plain").status == 415


def test_4_logon_is_bound_to_its_connection() -> None:
    client = Client(windows())
    assert client.last.status == 200
    assert client.ask(GET)[0] == 200
    kind, body = client.sealing.wrap_message(GET)
    fresh = post(converse(windows(), certificate=None), body, content_type=f"{kind}")
    assert (fresh.status, fresh.body, fresh.close) == (400, b"", True)


@pytest.mark.parametrize("status", [401, 500])
def test_5_message_in_the_clear_is_refused(status: int) -> None:
    client = Client(windows(plain_refused_as=status))
    refused = post(client.to, GET, content_type=SOAP)
    assert (refused.status, refused.body) == (status, b"")


@pytest.mark.parametrize("shape", ["wsman", "wmi"])
def test_6_faults_carry_a_decimal_code_the_client_s_name_and_a_trailing_blank(shape: str) -> None:
    status, root = Client(windows(quota="shells", faults=shape)).ask(CREATE)
    assert status == 500
    assert text(root, "Text").endswith(" ")
    if shape == "wsman":
        assert find(root, "WSManFault").attrib == {"Code": "2150859173", "Machine": "web01.lab.test"}
    else:
        assert text(root, "error_Code") == "2150859173"
        assert text(find(root, "MSFT_WmiError"), "MessageID") == "HRESULT 0x803381a5"


def test_7_configuration_is_in_its_own_namespace_with_the_prefix_cfg() -> None:
    client = Client(windows(cbt="strict"))
    kind, body = client.sealing.wrap_message(GET)
    plain = client.sealing.unwrap_message(post(client.to, body, content_type=f"{kind}").body, "Encrypted Boundary")
    assert f'<cfg:Config xmlns:cfg="{MS}/config"'.encode() in plain
    assert b"<cfg:CbtHardeningLevel>Strict</cfg:CbtHardeningLevel>" in plain
    assert b"uuid.odd</a:RelatesTo>" in plain, "the MessageID comes back to the letter"


def test_9_shell_runs_a_command_and_is_deleted_with_an_empty_body() -> None:
    client = Client(windows())
    _status, created = client.ask(CREATE)
    shell = next(element.text or "" for element in created.iter() if element.attrib.get("Name") == "ShellId")
    chosen = f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>'
    resource, act = f"{MS}/windows/shell/cmd", f"{MS}/windows/shell"
    _status, started = client.ask(envelope(f"{act}/Command", resource, "<rsp:CommandLine><rsp:Command>hostname</rsp:Command></rsp:CommandLine>", chosen))
    wanted = f'<rsp:Receive><rsp:DesiredStream CommandId="{text(started, "CommandId")}">stdout stderr</rsp:DesiredStream></rsp:Receive>'
    _status, received = client.ask(envelope(f"{act}/Receive", resource, wanted, chosen))
    assert base64.b64decode(text(received, "Stream")) == b"WEB01\r\n"
    assert text(received, "ExitCode") == "0"
    _status, silent = client.ask(envelope(f"{act}/Command", resource, "<rsp:CommandLine><rsp:Command>pause</rsp:Command></rsp:CommandLine>", chosen))
    status, timed_out = client.ask(envelope(f"{act}/Receive", resource, wanted.replace(text(started, "CommandId"), text(silent, "CommandId")), chosen))
    assert (status, find(timed_out, "WSManFault").attrib["Code"]) == (500, "2150858793")
    status, deleted = client.ask(envelope(f"{TRANSFER}/Delete", resource, "", chosen))
    assert (status, len(find(deleted, "Body"))) == (200, 0)


@pytest.mark.parametrize(("settings", "code"), [({}, "5"), ({"access_denied": "hresult"}, "2147942405")])
def test_10_want_of_a_right_comes_as_a_fault_after_the_logon(settings: dict[str, str], code: str) -> None:
    client = Client(windows(**settings), "LAB\\user")
    assert client.last.status == 200
    status, root = client.ask(CREATE)
    assert (status, find(root, "WSManFault").attrib["Code"]) == (500, code)


def test_10_or_as_a_401_that_looks_like_a_wrong_password() -> None:
    denied, wrong = Client(windows(root_sddl="nobody", denied_as="401")).last, Client(windows(), password="wrong").last
    assert (denied.status, denied.body, header(denied, "WWW-Authenticate")) == (wrong.status, wrong.body, header(wrong, "WWW-Authenticate"))


def test_11_port_that_nobody_listens_on_is_silent() -> None:
    held = stuff("127.77.9.11", 5985)
    with socket.socket() as sock:
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.connect(("127.77.9.11", 5985))
    for each in held:
        each.close()


@pytest.mark.parametrize("tabs", [True, False])
def test_part_headers_come_with_the_tab_or_without(tabs: bool) -> None:
    client = Client(windows(tabs=tabs))
    kind, body = client.sealing.wrap_message(GET)
    reply = post(client.to, body, content_type=f"{kind}")
    assert bool(re.search(rb"\r\n\tContent-Type", reply.body)) is tabs


@pytest.mark.parametrize(
    ("user", "password", "settings", "status"),
    [
        ("LAB\\admin", PASSWORD, {}, 200), ("admin@lab.test", PASSWORD, {}, 200), ("ADMIN", PASSWORD, {}, 200), ("LAB\\local", PASSWORD, {}, 401),
        ("WEB01\\local", PASSWORD, {}, 200), ("LAB\\admin", "wrong", {}, 401), ("LAB\\nobody", PASSWORD, {}, 401),
        ("LAB\\admin", PASSWORD, {"ntlm": "deny"}, 401),
    ],
)
def test_accounts_are_known_by_every_spelling(user: str, password: str, settings: dict[str, str], status: int) -> None:
    assert Client(windows(**settings), user, password).last.status == status
