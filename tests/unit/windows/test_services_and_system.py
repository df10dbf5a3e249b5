# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services by WMI, by registry and by `sc query`; and which Windows it is."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED, ServiceEvidence, SystemEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.windows import services, system
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Material
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from host_material import here, registry, row, said

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
ROOT = services.ROOT
ENGLISH = """
SERVICE_NAME: WinRM
        TYPE               : 30  WIN32
        STATE              : {}  {}
                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)
        WIN32_EXIT_CODE    : {}  (0x0)
        SERVICE_EXIT_CODE  : 0  (0x0)
        CHECKPOINT         : 0x0
        WAIT_HINT          : 0x0
"""
GERMAN = ENGLISH.replace("TYPE ", "TYP  ").replace("STATE ", "STATUS").replace("EXIT_CODE ", "BEENDIGUNGSCODE").replace("STOPPABLE", "BEENDBAR")
WINRM = {"Start": 2, "DelayedAutostart": 1, "ObjectName": "NT AUTHORITY\\NetworkService", "DependOnService": ("RPCSS", "HTTP")}
MISSING = "[SC] EnumQueryServicesStatus:OpenService FEHLER 1060:\n\nDer angegebene Dienst ist kein installierter Dienst.\n"


def of(material: Material) -> dict[str, ServiceEvidence]:
    found = services.evidence(material, here())
    assert isinstance(found, tuple)
    return {one.name: one for one in found}


def test_registry_and_sc_tell_a_whole_service() -> None:
    found = of(Material(registry=registry({f"{ROOT}\\WinRM": WINRM}), commands={"sc:winrm": said(GERMAN.format(4, "RUNNING", 0))}))
    assert found["WinRM"] == ServiceEvidence("WinRM", "running", "auto", True, 0, "NT AUTHORITY\\NetworkService", ("RPCSS", "HTTP"))
    assert next(iter(found)) == "WinRM"


@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
@pytest.mark.parametrize(("number", "word", "code", "expected"), [
    (1, "STOPPED", 1077, ("stopped", 1077)), (2, "START_PENDING", 0, ("start_pending", 0)), (3, "STOP_PENDING", 0, ("stop_pending", 0)),
    (4, "RUNNING", 0, ("running", 0)), (7, "ANGEHALTEN", 1066, ("paused", 1066)),
])
def test_sc_is_read_by_its_numbers(text: str, number: int, word: str, code: int, expected: tuple[str, int]) -> None:
    one = services.service(Material(commands={"sc:netlogon": said(text.format(number, word, code))}), "Netlogon")
    assert one is not None
    assert (one.state, one.exit_code) == expected


@pytest.mark.parametrize("text", ["", "garbage", "A: 1\nB: 99999999\n", "A: x\nB: y\n", "SERVICE_NAME: x\n" * 1000, "A: 1\nB: 9"])
def test_output_that_tells_no_state_is_not_known(text: str) -> None:
    assert services.service(Material(commands={"sc:netlogon": said(text)}), "Netlogon") is None


def test_wmi_wins_and_a_driver_is_not_among_its_services() -> None:
    rows = (row("Win32_Service", Name="WINRM", State="Stopped", StartMode="Manual", StartName="LocalSystem", ExitCode=1066, DelayedAutoStart="false"),)
    found = of(Material(queries={"services": rows}, registry=registry({f"{ROOT}\\WinRM": WINRM, f"{ROOT}\\HTTP": {"Start": 3}})))
    assert found["WinRM"] == ServiceEvidence("WinRM", "stopped", "manual", False, 1066, "LocalSystem", ("RPCSS", "HTTP"))
    assert found["HTTP"] == ServiceEvidence("HTTP", "running", "manual"), "WinRM answered, and depends on it"


def test_a_service_that_is_not_there_is_missing() -> None:
    assert of(Material(commands={"sc:netlogon": said(MISSING, 1060), "sc:winrm": said(ENGLISH.format(4, "", 0))}))["Netlogon"].state == "missing"
    gap = of(Material(registry=registry({f"{ROOT}\\WinRM": WINRM})))
    assert gap["Netlogon"].state == "missing"


def test_a_key_that_could_not_be_read_is_no_missing_service() -> None:
    found = of(Material(registry=registry({f"{ROOT}\\WinRM": WINRM}, {f"{ROOT}\\Netlogon": DENIED})))
    assert "Netlogon" not in found


@pytest.mark.parametrize("material", [
    Material(queries={"services": Unknown(DENIED)}), Material(registry=registry({}, {"HKLM": DENIED})),
    Material(commands={"sc:winrm": said("[SC] OpenSCManager FAILED 5:\n\nAccess is denied.\n", 5)}), Material(commands={"sc:winrm": Unknown(DENIED)}),
])
def test_denied_stays_denied(material: Material) -> None:
    assert services.evidence(material, here()) == Unknown(DENIED)


def test_nothing_read_is_not_denied() -> None:
    assert services.evidence(Material(), here()) == services.NOT_TOLD


def test_wmi_is_asked_only_where_thoroughness_counts() -> None:
    assert [len(services.needs(here(thorough=thorough)).queries) for thorough in (False, True)] == [0, 1]
    assert all("!" not in command.line for command in services.needs(here()).commands)


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
def test_recorded_services_are_read() -> None:
    node = parse((CAPTURES / "txwinrm-data-server_2012-Win32_Service_star_003.xml").read_bytes(), 10**7)
    rows = tuple(Object(one) for one in node.walk() if one.name == "Win32_Service")
    names = {one.get("Name").lower() for one in rows}
    found = of(Material(queries={"services": rows}))
    assert len(rows) > 10
    assert all(found[name].state in ("running", "stopped") for name in services.NAMES if name.lower() in names)


NEW = {"ProductName": "Windows Server 2022 Standard", "CurrentBuildNumber": "20348", "CurrentMajorVersionNumber": 10, "CurrentMinorVersionNumber": 0}
ELEVEN = {**NEW, "ProductName": "Windows 10 Pro", "CurrentBuildNumber": "22631", "CurrentVersion": "6.3"}
OLD = {"ProductName": "Windows Server 2012 R2 Standard", "CurrentBuildNumber": "9600", "CurrentVersion": "6.3", "InstallationType": "Server Core"}


@pytest.mark.parametrize(("version", "kind", "expected"), [
    (NEW, "ServerNT", SystemEvidence("WEB01", "Windows Server 2022 Standard", "10.0.20348", True)),
    (NEW, "LanmanNT", SystemEvidence("WEB01", "Windows Server 2022 Standard", "10.0.20348", True)),
    (ELEVEN, "WinNT", SystemEvidence("WEB01", "Windows 11 Pro", "10.0.22631", False)), (OLD, "", SystemEvidence(
        "WEB01", "Windows Server 2012 R2 Standard", "6.3.9600", True)),
    ({"CurrentBuildNumber": "x" * 99, "ProductName": "Windows"}, "", SystemEvidence("WEB01", "Windows", "", None)),
])
def test_the_registry_says_which_windows_it_is(version: dict[str, t.Any], kind: str, expected: SystemEvidence) -> None:
    keys = {system.VERSION: version, system.NAME: {"ComputerName": "WEB01"}, **({system.OPTIONS: {"ProductType": kind}} if kind else {})}
    assert system.evidence(Material(registry=registry(keys)), here()) == expected


def test_wmi_says_it_too() -> None:
    rows = (row(CSName="WEB01", Caption="Microsoft Windows Server 2025 Datacenter ", Version="10.0.26100", ProductType="2"),)
    material = Material(queries={"system": rows})
    assert system.evidence(material, here()) == SystemEvidence("WEB01", "Windows Server 2025 Datacenter", "10.0.26100", True)
    assert system.controller_of(material) is True


def test_an_unknown_windows_is_unknown_with_its_reason() -> None:
    assert system.evidence(Material(), here()) == system.NOT_TOLD
    assert system.evidence(Material(queries={"system": Unknown(DENIED)}), here()) == Unknown(DENIED)
    assert system.evidence(Material(registry=registry({}, {"HKLM\\SOFTWARE": DENIED})), here()) == Unknown(DENIED)
