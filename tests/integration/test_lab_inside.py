# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pypsrp and pywinrm, which nobody here wrote, read the inside of the lab's Windows: configuration, listeners, WMI, registry, commands."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
import winrm
from lab import framing
from lab.inside import profiles
from lab.inside.model import Inside, Listener
from lab.logon import converse
from lab.messages import Account, Windows
from pypsrp.exceptions import WSManFaultError
from pypsrp.shell import Process, WinRS
from pypsrp.wsman import NAMESPACES, OptionSet, SelectorSet, WSMan

PASSWORD = "a-password-of-the-lab"
MS, N, W = "http://schemas.microsoft.com/wbem/wsman/1", NAMESPACES["wsen"], NAMESPACES["wsman"]


def inside(**changed: t.Any) -> Inside:
    return replace(profiles.fresh(computer="READ01", domain="LAB", dns_domain="lab.test"), **changed)


@contextlib.contextmanager
def serving(windows: Windows) -> t.Iterator[int]:
    """The host on a port of its own; the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await framing.converse(reader, writer, converse(windows, certificate=None))
        writer.close()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def client(state: Inside, groups: str = "administrators") -> t.Iterator[WSMan]:
    """pypsrp, logged on by NTLM, its messages sealed."""
    windows = Windows(state.computer, "LAB", "lab.test", accounts={"admin": Account(PASSWORD, groups=groups)}, inside=state)
    with serving(windows) as port, WSMan("127.0.0.1", port=port, ssl=False, auth="ntlm", username="LAB\\admin", password=PASSWORD) as wsman:
        yield wsman


def enumeration(wql: str = "") -> ET.Element:
    body = ET.Element(f"{{{N}}}Enumerate")
    ET.SubElement(body, f"{{{W}}}OptimizeEnumeration")
    ET.SubElement(body, f"{{{W}}}MaxElements").text = "50"
    if wql:
        ET.SubElement(body, f"{{{W}}}Filter", Dialect=f"{MS}/WQL").text = wql
    return body


def everything(wsman: WSMan, resource: str, wql: str = "", options: OptionSet | None = None) -> list[ET.Element]:
    """All items of an enumeration, however many pages it has."""
    page = wsman.enumerate(f"{MS}/{resource}", enumeration(wql), option_set=options)[0]
    found: list[ET.Element] = []
    while True:
        found += [item for items in page if items.tag.endswith("}Items") for item in items]
        if any(child.tag.endswith("}EndOfSequence") for child in page):
            return found
        pull = ET.Element(f"{{{N}}}Pull")
        ET.SubElement(pull, f"{{{N}}}EnumerationContext").text = page.findtext(f"{{{N}}}EnumerationContext")
        ET.SubElement(pull, f"{{{N}}}MaxElements").text = "6"
        page = wsman.pull(f"{MS}/{resource}", pull)[0]


def fields(element: ET.Element) -> dict[str, str]:
    return {child.tag.rpartition("}")[2]: child.text or "" for child in element}


def test_pypsrp_reads_the_configuration_by_the_prefix_that_it_knows() -> None:
    with client(inside(config={"MaxEnvelopeSizekb": "700"})) as wsman:
        config = wsman.get_server_config()
        assert config.findtext("cfg:Config/cfg:Service/cfg:Auth/cfg:Kerberos", namespaces=NAMESPACES) == "true"
        wsman.update_max_payload_size()
        assert wsman.max_envelope_size == 700 * 1024


def test_pypsrp_reads_listeners() -> None:
    listeners = (Listener(listening_on=("192.0.2.1", "::1")), Listener("HTTPS", port=5986, hostname="read01.lab.test", thumbprint="AB" * 20))
    with client(inside(listeners=listeners)) as wsman:
        assert [fields(one)["Port"] for one in everything(wsman, "config/listener")] == ["5985", "5986"]
        selectors = SelectorSet()
        selectors.add_option("Address", "*")
        selectors.add_option("Transport", "HTTPS")
        one = wsman.get(f"{MS}/config/listener", selector_set=selectors)[0]
        assert (fields(one)["Hostname"], fields(one)["CertificateThumbprint"]) == ("read01.lab.test", "AB" * 20)


def test_pypsrp_reads_services_over_several_pages() -> None:
    state = inside()
    with client(state) as wsman:
        services = everything(wsman, "wmi/root/cimv2/*", "select * from Win32_Service")
        assert {fields(one)["Name"] for one in services} == set(state.services) - {"HTTP"}
        (row,) = everything(wsman, "wmi/root/cimv2/*", "select Name, State from Win32_Service where Name='WinRM' and StartMode<>'Manual'")
        assert (row.tag, fields(row)) == (f"{{{W}}}XmlFragment", {"Name": "WinRM", "State": "Running"})


def test_pypsrp_reads_the_registry() -> None:
    with client(inside()) as wsman:
        uri = f"{MS}/wmi/root/default/StdRegProv"
        body = ET.Element(f"{{{uri}}}GetDWORDValue_INPUT")
        for name, value in (("hDefKey", "2147483650"), ("sSubKeyName", "SYSTEM\\CurrentControlSet\\Control\\Lsa"), ("sValueName", "NoLmHash")):
            ET.SubElement(body, f"{{{uri}}}{name}").text = value
        answer = wsman.invoke(f"{uri}/GetDWORDValue", uri, body)
        output = answer.find(f".//{{{uri}}}GetDWORDValue_OUTPUT")
        assert output is not None
        assert fields(output) == {"uValue": "1", "ReturnValue": "0"}


def test_pypsrp_understands_what_is_refused() -> None:
    with client(inside(), groups="remote_management_users") as wsman:
        with pytest.raises(WSManFaultError) as caught:
            wsman.get_server_config()
        assert (caught.value.code, caught.value.machine) == (5, "127.0.0.1")
    with client(inside()) as wsman:
        with pytest.raises(WSManFaultError) as caught:
            everything(wsman, "wmi/root/cimv2/*", "select * from Win32_Nothing")
        assert (caught.value.code, caught.value.provider) == (2150858778, "WMI Provider")


def test_pypsrp_runs_commands_and_sees_its_shell_in_the_list() -> None:
    with client(inside()) as wsman, WinRS(wsman) as shell:
        process = Process(shell, "hostname")
        process.invoke()
        assert (process.stdout.decode().strip(), process.rc) == ("READ01", 0)
        assert shell.id in [fields(one)["ShellId"] for one in everything(wsman, "windows/shell")]


def test_pywinrm_waits_for_a_slow_command() -> None:
    windows = Windows("READ02", "LAB", "lab.test", accounts={"admin": Account(PASSWORD)}, inside=inside(slow={"command:hostname": 2.5}))
    with serving(windows) as port:
        session = winrm.Session(
            f"http://127.0.0.1:{port}/wsman", auth=("LAB\\admin", PASSWORD), transport="ntlm", operation_timeout_sec=1, read_timeout_sec=5,
        )
        done = session.run_cmd("echo first & hostname")
        assert (done.status_code, done.std_out.decode().split()) == (0, ["first", "READ01"])
