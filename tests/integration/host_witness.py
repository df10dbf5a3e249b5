# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another reader of a host's inside: envelopes written by hand, carried by pywinrm, pypsrp or curl. It shares no code with what it bears witness of.

Run inside the lab: `host_witness.py RESULTS HOST...`, where RESULTS has what host_info returned for each; writes HOST.witness beside it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import typing as t
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path
from xml.sax.saxutils import escape

import yaml
from pypsrp.exceptions import WinRMTransportError as Refused
from pypsrp.wsman import WSMan
from winrm.exceptions import WinRMTransportError
from winrm.protocol import Protocol

MS = "http://schemas.microsoft.com/wbem/wsman/1/"
TRANSFER, ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/transfer/", "http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
SHELL = MS + "windows/shell"
ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"><s:Header><a:To>{to}</a:To>
<a:ReplyTo><a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>
<a:Action s:mustUnderstand="true">{action}</a:Action><a:MessageID>uuid:{id}</a:MessageID><w:ResourceURI s:mustUnderstand="true">{uri}</w:ResourceURI>
<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize><w:OperationTimeout>PT20S</w:OperationTimeout>{more}</s:Header><s:Body>{body}</s:Body>
</s:Envelope>"""
ENUMERATE = "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>20</w:MaxElements>{filter}</n:Enumerate>"
PULL = "<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>20</n:MaxElements></n:Pull>"
OPEN = "<r:Shell xmlns:r='{ns}'><r:InputStreams>stdin</r:InputStreams><r:OutputStreams>stdout stderr</r:OutputStreams></r:Shell>"
RUN = "<r:CommandLine xmlns:r='{ns}'><r:Command>{command}</r:Command></r:CommandLine>"
RECEIVE = "<r:Receive xmlns:r='{ns}'><r:DesiredStream CommandId='{id}'>stdout stderr</r:DesiredStream></r:Receive>"
HKLM = "2147483650"
KINDS = {"1": "String", "2": "ExpandedString", "3": "Binary", "4": "DWORD", "7": "MultiString", "11": "QWORD"}
RULES = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"
MY = "HKLM\\SOFTWARE\\Microsoft\\SystemCertificates\\MY\\Certificates"
QUERIES = {
    "services": ("root/cimv2", "select Name,State,StartMode,DelayedAutoStart,ExitCode,StartName from Win32_Service"),
    "computer": ("root/cimv2", "select Name,Domain,DomainRole,PartOfDomain from Win32_ComputerSystem"),
    "system": ("root/cimv2", "select Caption,Version,ProductType from Win32_OperatingSystem"),
    "networks": ("root/standardcimv2", "select InterfaceAlias,NetworkCategory from MSFT_NetConnectionProfile"),
    "groups": ("root/cimv2", "select Name,SID from Win32_Group where LocalAccount=True"),
}
COMMANDS = {
    "rules": f'reg query "{RULES}"', "certificates": f'reg query "{MY}"', "channel": "nltest /sc_query:%USERDNSDOMAIN%",
    "type": 'reg query "HKLM\\SYSTEM\\CurrentControlSet\\Services\\W32Time\\Parameters" /v Type',
    "source": "w32tm /query /source", "sslcert": "netsh http show sslcert", "urlacl": "netsh http show urlacl", "iplisten": "netsh http show iplisten",
    "who": "whoami",
}


class Fault(Exception):
    """The code of the fault that came in place of an answer."""


class Reader:
    """`send` takes an envelope and gives what came back, a fault too."""

    def __init__(self, send: t.Callable[[bytes], bytes]) -> None:
        self.send = send

    def ask(self, action: str, uri: str, body: str = "", more: str = "") -> ET.Element:
        """The answer's body; raises Fault."""
        envelope = ENVELOPE.format(to="http://localhost/wsman", action=action, id=uuid.uuid4(), uri=uri, more=more, body=body)
        root = ET.fromstring(self.send(envelope.encode()))
        found = next(one for one in root if one.tag.endswith("}Body"))
        if len(found) and found[0].tag.endswith("}Fault"):
            raise Fault(next((one.get("Code", "") for one in found.iter() if one.tag.endswith("}WSManFault")), "no code"))
        return found

    def get(self, resource: str) -> ET.Element:
        """One instance."""
        return self.ask(TRANSFER + "Get", MS + resource)[0]

    def rows(self, resource: str, wql: str = "") -> list[ET.Element]:
        """All of them, however many pages that takes."""
        chosen = f'<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">{escape(wql)}</w:Filter>' if wql else ""
        page = self.ask(ENUMERATION + "Enumerate", MS + resource, ENUMERATE.format(filter=chosen))
        found: list[ET.Element] = []
        while True:
            found += [item for items in page.iter() if items.tag.endswith("}Items") for item in items]
            if any(one.tag.endswith("}EndOfSequence") for one in page.iter()):
                return found
            context = next(one.text or "" for one in page.iter() if one.tag.endswith("}EnumerationContext"))
            page = self.ask(ENUMERATION + "Pull", MS + resource, PULL.format(context=escape(context)))

    def registry(self, path: str, name: str) -> list[str] | None:
        """A value by StdRegProv, None where there is none."""
        key = path.partition("\\")[2]
        listed = self._provider("EnumValues", hDefKey=HKLM, sSubKeyName=key)
        kinds = {one.lower(): kind for one, kind in zip(listed.get("sNames", []), listed.get("Types", []), strict=True)}
        if listed["ReturnValue"] != ["0"] or name.lower() not in kinds:
            return None
        kind = KINDS[kinds[name.lower()]]
        value = self._provider(f"Get{kind}Value", hDefKey=HKLM, sSubKeyName=key, sValueName=name)
        return value.get("uValue", value.get("sValue", []))

    def _provider(self, method: str, **given: str) -> dict[str, list[str]]:
        uri = MS + "wmi/root/default/StdRegProv"
        body = "".join(f"<p:{name}>{escape(value)}</p:{name}>" for name, value in given.items())
        return fields(self.ask(f"{uri}/{method}", uri, f'<p:{method}_INPUT xmlns:p="{uri}">{body}</p:{method}_INPUT>')[0])

    def commands(self, lines: t.Mapping[str, str]) -> dict[str, list[t.Any]]:
        """Each in one shell: exit code and what it printed."""
        options = '<w:OptionSet><w:Option Name="WINRS_NOPROFILE">TRUE</w:Option><w:Option Name="WINRS_CODEPAGE">65001</w:Option></w:OptionSet>'
        opened = self.ask(TRANSFER + "Create", SHELL + "/cmd", OPEN.format(ns=SHELL), options)
        number = next(one.text for one in opened.iter() if one.get("Name") == "ShellId" or one.tag.endswith("}ShellId"))
        chosen = f'<w:SelectorSet><w:Selector Name="ShellId">{number}</w:Selector></w:SelectorSet>'
        found = {}
        for name, line in lines.items():
            started = self.ask(SHELL + "/Command", SHELL + "/cmd", RUN.format(ns=SHELL, command=escape(line)), chosen)
            command = next(one.text or "" for one in started.iter() if one.tag.endswith("}CommandId"))
            found[name] = self._output(command, chosen)
        self.ask(TRANSFER + "Delete", SHELL + "/cmd", "", chosen)
        return found

    def _output(self, command: str, chosen: str) -> list[t.Any]:
        text = b""
        while True:
            page = self.ask(SHELL + "/Receive", SHELL + "/cmd", RECEIVE.format(ns=SHELL, id=command), chosen)
            text += b"".join(base64.b64decode(one.text or "") for one in page.iter() if one.tag.endswith("}Stream"))
            code = [one.text for one in page.iter() if one.tag.endswith("}ExitCode")]
            if code:
                return [int(code[0] or -1), text.decode("utf-8", "replace")]


def fields(element: ET.Element) -> dict[str, list[str]]:
    """Children by name; each may come several times."""
    found: dict[str, list[str]] = {}
    for child in element:
        found.setdefault(child.tag.rpartition("}")[2], []).append((child.text or "").strip())
    return found


def tree(element: ET.Element, path: str = "") -> dict[str, list[str]]:
    """Leaves of a configuration by path: text and the attribute Source."""
    found: dict[str, list[str]] = {}
    for child in element:
        name = f"{path}{child.tag.rpartition('}')[2]}"
        source = next((value for key, value in child.attrib.items() if key.rpartition("}")[2] == "Source"), "")
        found.update(tree(child, f"{name}/") if len(child) else {name: [(child.text or "").strip(), source]})
    return found


def carrier(host: dict[str, t.Any]) -> t.Callable[[bytes], bytes]:
    """What carries envelopes to a host of the inventory: curl for Basic, pywinrm for NTLM, pypsrp for all else."""
    port, secure = host["ansible_port"], host["ansible_port"] == 5986
    auth = host.get("ansible_psrp_auth") or host.get("ansible_winrm_transport", "ntlm")
    url = f"{'https' if secure else 'http'}://{host['ansible_host']}:{port}/wsman"
    if auth == "basic":
        return lambda message: by_curl(url, host, message)
    if auth == "ntlm":
        known = {"username": host["ansible_user"], "password": host["ansible_password"], "ca_trust_path": host["ansible_psrp_ca_cert"]}
        protocol = Protocol(url, transport="ntlm", message_encryption="auto", **known)
        return lambda message: by_pywinrm(protocol, message)
    known = {"certificate_pem": host.get("ansible_psrp_certificate_pem"), "certificate_key_pem": host.get("ansible_psrp_certificate_key_pem")}
    known = known if auth == "certificate" else {"username": host["ansible_user"], "password": host["ansible_password"]}
    wsman = WSMan(host["ansible_host"], port=port, ssl=secure, auth=auth, cert_validation=host["ansible_psrp_ca_cert"], negotiate_service="WSMAN", **known)
    return lambda message: by_pypsrp(wsman, message)


def by_curl(url: str, host: dict[str, t.Any], message: bytes) -> bytes:
    """The password goes by standard input, not by the command line."""
    settings = f'user = "{host["ansible_user"]}:{host["ansible_password"]}"\ncacert = "{host["ansible_psrp_ca_cert"]}"\nurl = "{url}"\n'
    body = Path(f"envelope-{os.getpid()}.xml")
    body.write_bytes(message)
    asked = ["curl", "-s", "-K", "-", "--basic", "-H", "Content-Type: application/soap+xml;charset=UTF-8", "--data-binary", f"@{body}"]
    try:
        return subprocess.run(asked, input=settings.encode(), capture_output=True, check=True, timeout=60).stdout
    finally:
        body.unlink()


def by_pywinrm(protocol: Protocol, message: bytes) -> bytes:
    """A fault is an answer too."""
    try:
        return t.cast(bytes, protocol.transport.send_message(message.decode()))
    except WinRMTransportError as error:
        return error.response_text.encode() if isinstance(error.response_text, str) else bytes(error.response_text)


def by_pypsrp(wsman: WSMan, message: bytes) -> bytes:
    """The same."""
    try:
        return wsman.transport.send(message)
    except Refused as error:
        return error.response_text.encode()


def guarded(question: t.Callable[[], t.Any]) -> t.Any:
    """The answer, or the fault's code."""
    try:
        return question()
    except Fault as fault:
        return {"fault": str(fault)}


def members(reader: Reader, groups: t.Any) -> dict[str, t.Any]:
    """The members that `net localgroup` prints for each group that matters, by SID: what stands between the line of dashes and the last line."""
    wanted = {row["SID"][0]: row["Name"][0] for row in groups if row["SID"][0] in ("S-1-5-32-544", "S-1-5-32-580", "S-1-5-32-573")}
    said = reader.commands({sid: f'net localgroup "{name}"' for sid, name in wanted.items()})
    return {sid: re.split(r"-{20,}", text)[1].split("\r\n")[1:-2] for sid, (_code, text) in said.items()}


def witness(host: dict[str, t.Any], told: dict[str, t.Any]) -> dict[str, t.Any]:
    """Everything that can be read of a host."""
    reader = Reader(carrier(host))
    found: dict[str, t.Any] = {
        "config": guarded(lambda: tree(reader.get("config"))),
        "listeners": guarded(lambda: [fields(one) for one in reader.rows("config/listener")]),
        "mappings": guarded(lambda: [fields(one) for one in reader.rows("config/service/certmapping")]),
        "shells": guarded(lambda: [fields(one) for one in reader.rows("windows/shell")]),
    }
    for name, (namespace, wql) in QUERIES.items():
        found[name] = guarded(lambda asked=(f"wmi/{namespace}/*", wql): [fields(one) for one in reader.rows(*asked)])
    asked = told.get("policy", []) if isinstance(told.get("policy"), list) else []
    found["registry"] = guarded(lambda: [[one["key"], one["name"], reader.registry(one["key"], one["name"])] for one in asked])
    found["commands"] = guarded(lambda: reader.commands(COMMANDS))
    found["members"] = guarded(lambda: members(reader, found["groups"])) if isinstance(found["groups"], list) else {}
    return found


def main(results: Path, names: list[str]) -> None:
    """One file for each host."""
    known = yaml.safe_load(Path(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]).read_text(encoding="utf-8"))["all"]
    for name in names:
        host = {**known["vars"], **known["hosts"][name]}
        told = json.loads((results / name).read_text(encoding="utf-8")).get("host", {})
        if told.get("way"):
            other = host["troubleshoot_alternate_logons"][0]
            host |= {"ansible_user": other["username"], "ansible_password": other["password"], "ansible_port": other["port"], "ansible_psrp_auth": "ntlm"}
        (results / f"{name}.witness").write_text(json.dumps(witness(host, told), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
