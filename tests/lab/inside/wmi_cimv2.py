# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classes of root/cimv2 that a stand-in has. Properties of Win32_Service as recorded by txwinrm; those of the others as Microsoft documents them."""

from __future__ import annotations

import datetime
import time
import typing as t

from ..messages import Windows
from .manners import manner
from .model import Inside, Service
from .profiles import PRODUCTS, hashed_sid, rights
from .wql import Reference, Row, Value


class Host(t.NamedTuple):
    """What a class has its rows from."""

    inside: Inside
    windows: Windows
    active: bool = False
    """Whether the request's option PolicyStore asks for the firewall as it works, policy and all."""


class Kind(t.NamedTuple):
    """A class: its name, its keys, where its rows come from."""

    name: str
    keys: tuple[str, ...]
    rows: t.Callable[[Host], t.Iterable[Row]]
    singleton: bool = False


DRIVERS = ("http", "mpsdrv", "tcpip", "mrxsmb20", "srv2", "bowser", "ksecdd", "afd")
"""Kernel drivers; Win32_SystemDriver has them, Win32_Service does not."""
SYSTEM: t.Mapping[str, Value] = {"SystemCreationClassName": "Win32_ComputerSystem"}


def now(host: Host) -> datetime.datetime:
    """The stand-in's clock, in UTC."""
    return datetime.datetime.fromtimestamp(time.time() + host.windows.clock_offset, datetime.timezone.utc)


def services(host: Host) -> t.Iterator[Row]:
    """Win32_Service: everything that is no driver."""
    for name, service in host.inside.services.items():
        if name.lower() not in DRIVERS:
            row = {**_service(host, name, service), "AcceptPause": False, "CheckPoint": 0, "CreationClassName": "Win32_Service", "WaitHint": 0}
            row |= {"ProcessId": 1000 + len(name) if service.state == "Running" else 0, "StartName": service.account}
            row |= {"PathName": "C:\\Windows\\System32\\svchost.exe -k NetworkService -p", "ServiceType": "Share Process"}
            if manner(host.inside, "delayed") == "present":
                row["DelayedAutoStart"] = service.delayed
            yield row


def drivers(host: Host) -> t.Iterator[Row]:
    """Win32_SystemDriver; those of old versions have the account "", those of new ones NULL [inferred]."""
    for name, service in host.inside.services.items():
        if name.lower() in DRIVERS:
            row = {**_service(host, name, service), "AcceptPause": False, "CreationClassName": "Win32_SystemDriver", "StartName": service.account or None}
            yield row | {"PathName": f"C:\\Windows\\system32\\drivers\\{name.lower()}.sys", "ServiceType": "Kernel Driver"}


def _service(host: Host, name: str, service: Service) -> dict[str, Value]:
    return {
        **SYSTEM, "Name": name, "Caption": name, "DisplayName": name, "Description": name, "DesktopInteract": False, "ErrorControl": "Normal",
        "ExitCode": service.exit_code, "InstallDate": None, "ServiceSpecificExitCode": 0, "Started": service.state == "Running",
        "AcceptStop": service.state == "Running", "StartMode": service.start_mode, "State": service.state, "Status": "OK",
        "SystemName": host.inside.computer, "TagId": 0,
    }


def operating_system(host: Host) -> t.Iterator[Row]:
    """Win32_OperatingSystem: its caption says the edition in full; ProductType 1 is a client, 3 a server."""
    product = PRODUCTS[host.inside.profile]
    clock = now(host)
    caption = product.name.replace("Windows 10", "Windows 11") if host.inside.profile == "windows11" else product.name
    yield {
        "BootDevice": "\\Device\\HarddiskVolume1", "BuildNumber": str(product.build), "BuildType": "Multiprocessor Free", "Caption": f"Microsoft {caption}",
        "CSDVersion": None, "CodeSet": "1252", "CountryCode": "49" if host.inside.language == "de" else "1", "CreationClassName": "Win32_OperatingSystem",
        "CSCreationClassName": "Win32_ComputerSystem", "CSName": host.inside.computer, "CurrentTimeZone": 0,
        "InstallDate": datetime.datetime(2024, 3, 1, 9, 12, 40),
        "LastBootUpTime": clock - datetime.timedelta(days=3, hours=2), "LocalDateTime": clock, "Locale": "0407" if host.inside.language == "de" else "0409",
        "Manufacturer": "Microsoft Corporation", "MUILanguages": ("de-DE",) if host.inside.language == "de" else ("en-US",),
        "Name": f"Microsoft {caption}|C:\\Windows|\\Device\\Harddisk0\\Partition2", "OSArchitecture": "64-bit",
        "OSLanguage": 1031 if host.inside.language == "de" else 1033, "OperatingSystemSKU": 7 if product.server else 48, "Primary": True,
        "ProductType": 3 if product.server else 1, "ServicePackMajorVersion": 0, "ServicePackMinorVersion": 0, "Status": "OK",
        "SystemDirectory": "C:\\Windows\\system32", "SystemDrive": "C:", "Version": f"10.0.{product.build}", "WindowsDirectory": "C:\\Windows",
    }


def computer_system(host: Host) -> t.Iterator[Row]:
    """Win32_ComputerSystem: outside a domain, Domain says the workgroup."""
    inside, server = host.inside, PRODUCTS[host.inside.profile].server
    member = bool(inside.domain)
    yield {
        "BootupState": "Normal boot", "Caption": inside.computer, "CreationClassName": "Win32_ComputerSystem", "Description": "AT/AT COMPATIBLE",
        "DNSHostName": inside.computer.lower(), "Domain": inside.dns_domain or inside.domain if member else "WORKGROUP",
        "DomainRole": (2 if server else 0) + int(member), "InstallDate": None, "Manufacturer": "QEMU", "Model": "Standard PC", "Name": inside.computer,
        "PartOfDomain": member, "PrimaryOwnerName": "Windows User", "Status": "OK", "SystemType": "x64-based PC",
        "UserName": None, "Workgroup": None if member else "WORKGROUP",
    }


def adapters(host: Host) -> t.Iterator[Row]:
    """Win32_NetworkAdapterConfiguration: the first card has all addresses, the rest are bare, as virtual adapters of every Windows are."""
    inside = host.inside
    for number, (name, _category) in enumerate(inside.networks or (("Ethernet", ""),)):
        addresses = inside.addresses if not number else ()
        yield _adapter(number + 1, f"Microsoft Hyper-V Network Adapter #{number + 1} ({name})", addresses, inside.dns_domain or None)
    yield _adapter(0, "WAN Miniport (IP)", (), None, False)


def _adapter(index: int, description: str, addresses: tuple[str, ...], domain: str | None, on: bool = True) -> Row:
    return {
        "Caption": f"[{index:08d}] {description}", "Description": description, "DHCPEnabled": False, "DNSDomain": domain,
        "DNSServerSearchOrder": ("192.0.2.53",) if on else None, "DefaultIPGateway": ("192.0.2.1",) if on else None,
        "Index": index, "InterfaceIndex": index + 4,
        "IPAddress": addresses or None, "IPEnabled": on, "IPSubnet": tuple("64" if ":" in address else "255.255.255.0" for address in addresses) or None,
        "MACAddress": f"00:15:5D:00:01:{index:02X}" if on else None, "ServiceName": "netvsc" if on else "NdisWan",
        "SettingID": f"{{{index:08X}-0000-4000-8000-000000000000}}", "WINSPrimaryServer": None,
    }


def groups(host: Host) -> t.Iterator[Row]:
    """Win32_Group: local ones, whose Domain is the computer; of the domain only those that are members of one."""
    for sid, (name, _those) in host.inside.groups.items():
        yield _account(host, host.inside.computer, name, sid, True) | {"SIDType": 4}
    for domain, name, sid in _members(host):
        if _what(host, domain, name, sid) == "Win32_Group" and sid not in host.inside.groups:
            yield _account(host, domain, name, sid, domain.lower() == host.inside.computer.lower()) | {"SIDType": 2}


def users(host: Host) -> t.Iterator[Row]:
    """Win32_UserAccount: those that a group names, the built-in ones among them, and the accounts of the host itself."""
    known = {sid: (*_split(whole), sid) for whole, sid in host.inside.accounts.items()}
    for domain, name, sid in {**{one[2]: one for one in _members(host)}, **known}.values():
        if _what(host, domain, name, sid) == "Win32_UserAccount":
            local = domain.lower() == host.inside.computer.lower()
            yield _account(host, domain, name, sid, local) | {
                "AccountType": 512, "Disabled": sid.endswith("-501"), "FullName": "", "Lockout": False, "PasswordChangeable": True,
                "PasswordExpires": True, "PasswordRequired": True, "SIDType": 1,
            }


def sids(host: Host) -> t.Iterator[Row]:
    """Win32_SID, which its key alone reaches: Windows lists none of them (known from its users; what it says of one that has no name is [inferred])."""
    builtin = "VORDEFINIERT" if host.inside.language == "de" else "BUILTIN"
    known = {sid: (builtin, name) for sid, (name, _those) in host.inside.groups.items()} | {sid: (domain, name) for domain, name, sid in _members(host)}
    for sid, (domain, name) in known.items():
        yield {"AccountName": name, "BinaryRepresentation": (1,), "ReferencedDomainName": domain, "SID": sid, "SidLength": 28}


def _account(host: Host, domain: str, name: str, sid: str, local: bool) -> dict[str, Value]:
    return {
        "Caption": f"{domain}\\{name}", "Description": "", "Domain": domain, "InstallDate": None, "LocalAccount": local, "Name": name, "SID": sid,
        "Status": "OK",
    }


def _split(whole: str) -> tuple[str, str]:
    domain, _slash, name = whole.rpartition("\\")
    return domain, name


def _members(host: Host) -> list[tuple[str, str, str]]:
    """Domain, name and SID of everybody who is in a local group, once each."""
    found = {}
    for _name, members in host.inside.groups.values():
        for whole, sid in members:
            found[sid] = (*_split(whole), sid)
    return list(found.values())


def _what(host: Host, domain: str, name: str, sid: str) -> str:
    """The class of a member: well-known SIDs are system accounts; relative ids of groups in the domain as [MS-ADTS] and Windows give them."""
    if not sid.startswith("S-1-5-21-"):
        return "Win32_Group" if sid.startswith("S-1-5-32-") else "Win32_SystemAccount"
    if sid in host.inside.accounts.values():
        return "Win32_UserAccount"
    relative = sid.rpartition("-")[2]
    if relative in ("512", "513", "514", "515", "516", "517", "518", "519", "520", "525", "526", "527") or sid in host.inside.groups:
        return "Win32_Group"
    return "Win32_Group" if any(word in name.lower() for word in ("admins", "group", "gruppe", "operators", "users")) else "Win32_UserAccount"


def memberships(host: Host) -> t.Iterator[Row]:
    """Win32_GroupUser. A member whose SID finds no name is not there [inferred], which is why it cannot prove that somebody is no member."""
    computer = host.inside.computer
    for _sid, (group, members) in host.inside.groups.items():
        for whole, sid in members:
            domain, name = _split(whole)
            if not name or name.startswith("S-1-"):
                continue
            known = domain if sid.startswith("S-1-5-21-") else computer
            yield {
                "GroupComponent": Reference("Win32_Group", (("Domain", computer), ("Name", group))),
                "PartComponent": Reference(_what(host, domain, name, sid), (("Domain", known), ("Name", name))),
            }


def policy_rights(host: Host) -> t.Iterator[Row]:
    """RSOP_UserPrivilegeRight of root/rsop/computer: rights that are not the default of a member of a domain were set by a policy [inferred]."""
    inside = host.inside
    if not inside.domain:
        return
    usual = rights(PRODUCTS[inside.profile], hashed_sid(inside.computer))
    known = {sid: f"BUILTIN\\{name}" for sid, (name, _those) in inside.groups.items()} | {sid: f"{domain}\\{name}" for domain, name, sid in _members(host)}
    for right, sids in inside.rights.items():
        if tuple(sids) != tuple(usual.get(right, ())):
            sid_list = manner(inside, "account_list") == "sids"
            yield {
                "AccountList": tuple(f"*{sid}" if sid_list else known.get(sid, sid) for sid in sids), "creationTime": datetime.datetime(2024, 3, 1, 9, 30),
                "GPOID": "CN={31B2F340-016D-11D2-945F-00C04FB984F9},CN=Policies,CN=System", "id": f"{{{sum(map(ord, right)):08X}}}", "name": "",
                "precedence": 1, "SOMID": "", "UserRight": right,
            }


def utc_time(host: Host) -> t.Iterator[Row]:
    """Win32_UTCTime: a singleton without dates; its milliseconds are always NULL (Microsoft's documentation)."""
    clock = now(host)
    yield {
        "Day": clock.day, "DayOfWeek": clock.isoweekday() % 7, "Hour": clock.hour, "Milliseconds": None, "Minute": clock.minute, "Month": clock.month,
        "Quarter": (clock.month + 2) // 3, "Second": clock.second, "WeekInMonth": (clock.day + 6) // 7, "Year": clock.year,
    }


POLICY_KINDS = (Kind("RSOP_UserPrivilegeRight", ("UserRight", "precedence"), policy_rights),)
KINDS = (
    Kind("Win32_Service", ("Name",), services), Kind("Win32_SystemDriver", ("Name",), drivers),
    Kind("Win32_OperatingSystem", ("Name",), operating_system, True), Kind("Win32_ComputerSystem", ("Name",), computer_system),
    Kind("Win32_NetworkAdapterConfiguration", ("Index",), adapters), Kind("Win32_Group", ("Domain", "Name"), groups),
    Kind("Win32_UserAccount", ("Domain", "Name"), users), Kind("Win32_SID", ("SID",), sids),
    Kind("Win32_GroupUser", ("GroupComponent", "PartComponent"), memberships),
    Kind("Win32_UTCTime", (), utc_time, True),
)
