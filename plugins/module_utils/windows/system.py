# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Windows it is."""

from __future__ import annotations

import re

from ..evidence.base import Known, Unknown
from ..evidence.host import DENIED, SystemEvidence
from .material import Circumstances, Key, Material, Needs, Query

VERSION = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
NAME = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ActiveComputerName"
OPTIONS = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ProductOptions"
# Without the filter the product key's digits would come too.
_VERSION_VALUES = ("ProductName", "CurrentBuild", "CurrentMajorVersionNumber", "CurrentMinorVersionNumber", "InstallationType", "CurrentVersion")
KEYS = (
    Key(VERSION, deep=False, contains=_VERSION_VALUES, values=(*_VERSION_VALUES, "CurrentBuildNumber")),
    Key(NAME, deep=False, values=("ComputerName",)),
    Key(OPTIONS, deep=False, values=("ProductType",)),
)
QUERY = Query("system", "select CSName, Caption, Version, ProductType from Win32_OperatingSystem")
NOT_TOLD = Unknown("the host did not say which Windows it is")
WINDOWS_11 = 22000
"""The first build of Windows 11, whose registry still says Windows 10 (documented by many, not by Microsoft)."""
_BUILD = re.compile(r"\d+(\.\d+){1,3}")


def needs(circumstances: Circumstances) -> Needs:
    """Registry; WMI besides where thoroughness counts, for hosts that run no command."""
    return Needs(keys=KEYS, queries=(QUERY,) if circumstances.thorough else ())


def evidence(material: Material, circumstances: Circumstances) -> Known[SystemEvidence]:
    """Name, product, build, and whether it is a server."""
    name = name_of(material, circumstances)
    product, build, server = _product(material), build_of(material), server_of(material)
    if not (product or build) and server is None:
        return _why(material)
    return SystemEvidence(name, product, build, server)


def name_of(material: Material, circumstances: Circumstances) -> str:
    """The host's NetBIOS name; "" where nobody tells."""
    row = material.row(QUERY.id)
    return material.registry.text(NAME, "ComputerName") or (row.get("CSName") if row else "") or circumstances.netbios_computer


def build_of(material: Material) -> str:
    """Such as `10.0.20348`, from whatever was read; "" where nothing was."""
    registry = material.registry
    number = registry.text(VERSION, "CurrentBuildNumber") or registry.text(VERSION, "CurrentBuild")
    major, minor = registry.number(VERSION, "CurrentMajorVersionNumber"), registry.number(VERSION, "CurrentMinorVersionNumber")
    # CurrentVersion stayed at 6.3 with Windows 10, which is why there are two more values.
    start = f"{major}.{minor or 0}" if major is not None else registry.text(VERSION, "CurrentVersion")
    row = material.row(QUERY.id)
    whole = f"{start}.{number}" if start and number else row.get("Version") if row else ""
    return whole if _BUILD.fullmatch(whole) else ""


def server_of(material: Material) -> bool | None:
    """Whether it is a server, domain controllers included."""
    kind = (material.registry.text(OPTIONS, "ProductType") or "").lower()
    row = material.row(QUERY.id)
    number = {"winnt": 1, "servernt": 3, "lanmannt": 2}.get(kind) or (row.number("ProductType") if row else None)
    if number is None:
        installed = (material.registry.text(VERSION, "InstallationType") or "").lower()
        return None if not installed else installed.startswith("server")
    return number != 1


def controller_of(material: Material) -> bool | None:
    """Whether it is a domain controller."""
    kind = (material.registry.text(OPTIONS, "ProductType") or "").lower()
    row = material.row(QUERY.id)
    number = row.number("ProductType") if row else None
    return kind == "lanmannt" if kind else None if number is None else number == 2


def _product(material: Material) -> str:
    row = material.row(QUERY.id)
    if row and row.get("Caption"):
        # "Microsoft Windows Server 2022 Standard": the registry leaves the maker out.
        return row.get("Caption").removeprefix("Microsoft ").strip()
    name = (material.registry.text(VERSION, "ProductName") or "").strip()
    build = (material.registry.text(VERSION, "CurrentBuildNumber") or "").strip()
    if name.startswith("Windows 10") and build.isdigit() and int(build) >= WINDOWS_11 and server_of(material) is not True:
        return f"Windows 11{name.removeprefix('Windows 10')}"
    return name


def _why(material: Material) -> Unknown:
    reasons = [reason for reason in (material.registry.why(VERSION), material.query(QUERY.id)) if reason]
    denied = any(reason in (DENIED, Unknown(DENIED)) for reason in reasons)
    return Unknown(DENIED) if denied else NOT_TOLD
