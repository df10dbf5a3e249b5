# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows looks like inside when nobody has configured it, by version, as a member of a domain and in a workgroup.

What no source tells is marked [inferred]; facts about WinRM itself stand in `docs/known-unknowns.md` and in the places cited.
"""

from __future__ import annotations

import hashlib
import struct
import typing as t
from dataclasses import dataclass, replace

from .model import FirewallProfile, FirewallRule, Inside, Listener, Netlogon, Plugin, Service, Ticket
from .noise import INBOUND

ROOT_SDDL = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
"""As recorded from pristine hosts of Server 2012 R2 and newer."""
PLUGIN_SDDL = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;IU)(A;;GA;;;RM)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
EVENT_SDDL = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;ER)S:P(AU;FA;GA;;;WD)(AU;SA;GWGX;;;WD)"
ADMINISTRATORS, USERS, GUESTS, BACKUP, EVERYONE = "S-1-5-32-544", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-551", "S-1-1-0"
REMOTE_MANAGEMENT, EVENT_READERS = "S-1-5-32-580", "S-1-5-32-573"
WINRM_APPLICATION = "{afebb9ad-9b97-4a91-9ab5-daf4d59122f6}"
"""The application id of WinRM's own bindings (Chef's cookbook windows, Microsoft's documentation)."""
WINRM_SID = "S-1-5-80-569256582-2953403351-2909559716-1301513147-412116970"
WECSVC_SID = "S-1-5-80-4059739203-877974739-1245631912-527174227-2996563517"
WSMAN_ACL = f"D:(A;;GX;;;{WINRM_SID})(A;;GX;;;{WECSVC_SID})"
"""`netsh http show urlacl` of many public scripts; NT SERVICE\\WinRM and NT SERVICE\\Wecsvc."""
DE = "de"


@dataclass(frozen=True)
class Product:
    """One version of Windows."""

    name: str
    build: int
    revision: int
    version: str
    server: bool
    edition: str
    rules: str
    """Schema version in front of the firewall's rules. v2.33 was seen on Windows 11, v2.31 in exports of Server 2022; the others are [inferred]."""
    scoped: bool = True
    """True: the plain rule is for public networks and the local subnet, beside -NoScope (seen on Windows 11); False: -PUBLIC is (seen on servers)."""


PRODUCTS = {
    "windows10": Product("Windows 10 Pro", 19045, 5011, "22H2", False, "Professional", "v2.31"),
    # The registry of Windows 11 still says "Windows 10"; only the build tells (Microsoft Q&A, many reports).
    "windows11": Product("Windows 10 Pro", 26100, 2033, "24H2", False, "Professional", "v2.33"),
    "server2019": Product("Windows Server 2019 Standard", 17763, 6414, "1809", True, "ServerStandard", "v2.29", False),
    "server2022": Product("Windows Server 2022 Standard", 20348, 2762, "21H2", True, "ServerStandard", "v2.31", False),
    # [inferred] That Server 2025 names its rules as Windows 11 does.
    "server2025": Product("Windows Server 2025 Standard", 26100, 2033, "24H2", True, "ServerStandard", "v2.33"),
}
GROUPS = {
    ADMINISTRATORS: ("Administrators", "Administratoren"), USERS: ("Users", "Benutzer"), GUESTS: ("Guests", "Gäste"),
    "S-1-5-32-547": ("Power Users", "Hauptbenutzer"), BACKUP: ("Backup Operators", "Sicherungs-Operatoren"),
    "S-1-5-32-555": ("Remote Desktop Users", "Remotedesktopbenutzer"), "S-1-5-32-558": ("Performance Monitor Users", "Systemmonitorbenutzer"),
    "S-1-5-32-562": ("Distributed COM Users", "Distributed COM-Benutzer"), "S-1-5-32-568": ("IIS_IUSRS", "IIS_IUSRS"),
    EVENT_READERS: ("Event Log Readers", "Ereignisprotokollleser"), REMOTE_MANAGEMENT: ("Remote Management Users", "Remoteverwaltungsbenutzer"),
}
"""SID to English and German name ([MS-DTYP] 2.4.2.4 has the SIDs)."""
NAMES = {
    "domain_admins": ("Domain Admins", "Domänen-Admins"), "domain_users": ("Domain Users", "Domänen-Benutzer"), "guest": ("Guest", "Gast"),
}
"""The built-in Administrator has one name in both languages. A domain's groups have the names of the language it was made in; here that of the host."""
SYSTEM = "LocalSystem"
LOCAL_SERVICE = "NT AUTHORITY\\LocalService"
NEVER_STARTED = 1077
"""ERROR_SERVICE_NEVER_STARTED: the exit code of a service that was not started since the machine was."""


def hashed_sid(*names: str) -> str:
    """A SID of a machine or a domain that is always the same for the same names."""
    digest = hashlib.sha256("\\".join(names).lower().encode()).digest()
    return "S-1-5-21-" + "-".join(str(number) for number in struct.unpack("<3I", digest[:12]))


def name(word: str, language: str) -> str:
    """The name of something built in."""
    return NAMES[word][language == DE]


def fresh(
    profile: str = "server2022", *, language: str = "en", computer: str = "WEB01", domain: str = "", dns_domain: str = "", domain_sid: str = "",
) -> Inside:
    """A host right after it was set up, or joined its domain. Servers have WinRM running and reachable from private networks, clients have it off."""
    product = PRODUCTS[profile]
    machine = hashed_sid(computer)
    member = bool(domain)
    return Inside(
        profile=profile, language=language, computer=computer, domain=domain, dns_domain=dns_domain,
        listeners=(Listener(listening_on=()),) if product.server else (),
        services=services(product, member),
        profiles={"Domain": FirewallProfile(), "Private": FirewallProfile(), "Public": FirewallProfile()},
        rules=(*winrm_rules(product), *other_rules(product)),
        networks=(("Ethernet", "Domain" if member else "Private" if not product.server else "Public"),),
        reservations={"http://+:5985/wsman/": WSMAN_ACL, "https://+:5986/wsman/": WSMAN_ACL, "http://+:47001/wsman/": WSMAN_ACL, **OTHER_RESERVATIONS},
        groups=groups(language, computer, machine, domain, domain_sid or hashed_sid(domain)),
        rights=rights(product, machine),
        root_sddl=ROOT_SDDL,
        plugins=PLUGINS,
        netlogon=Netlogon(controller=f"dc1.{dns_domain}" if member else ""),
        tickets=tickets(computer, dns_domain) if member else (),
    )


def services(product: Product, member: bool) -> dict[str, Service]:
    """WinRM, what it depends on, what logons need, and some more. Start modes as Microsoft's service lists have them."""
    server = product.server
    never = Service("Stopped", "Manual", exit_code=NEVER_STARTED, account=SYSTEM)
    off = Service("Stopped", "Manual", exit_code=NEVER_STARTED, depends_on=("RPCSS", "HTTP"))
    idle = Service("Stopped", "Manual", exit_code=NEVER_STARTED, account=LOCAL_SERVICE)
    return {
        "WinRM": Service("Running", "Auto", True, depends_on=("RPCSS", "HTTP")) if server else off,
        "HTTP": Service("Running", "Manual", account=""),
        "RpcSs": Service("Running", "Auto", depends_on=("RpcEptMapper", "DcomLaunch")),
        "RpcEptMapper": Service("Running", "Auto"),
        "DcomLaunch": Service("Running", "Auto", account=SYSTEM),
        "BFE": Service("Running", "Auto", account=LOCAL_SERVICE, depends_on=("RpcSs",)),
        "mpssvc": Service("Running", "Auto", account=LOCAL_SERVICE, depends_on=("mpsdrv", "bfe")),
        "W32Time": Service("Running", "Auto", account=LOCAL_SERVICE) if member else idle,
        "Netlogon": Service("Running", "Auto", account=SYSTEM, depends_on=("LanmanWorkstation",)) if member else never,
        "LanmanWorkstation": Service("Running", "Auto", depends_on=("Bowser", "MRxSmb20", "NSI")),
        "LanmanServer": Service("Running", "Auto", account=SYSTEM, depends_on=("SamSS", "Srv2")),
        "SamSs": Service("Running", "Auto", account=SYSTEM, depends_on=("RPCSS",)),
        "Dnscache": Service("Running", "Auto", depends_on=("nsi",)),
        "EventLog": Service("Running", "Auto", account=LOCAL_SERVICE),
        "Winmgmt": Service("Running", "Auto", account=SYSTEM, depends_on=("RPCSS",)),
        "CryptSvc": Service("Running", "Auto", depends_on=("RpcSs",)),
        "KeyIso": Service("Running", "Manual", account=SYSTEM, depends_on=("RpcSs",)),
        "gpsvc": Service("Running", "Auto", account=SYSTEM, depends_on=("RPCSS", "Mup")),
        "NlaSvc": Service("Running", "Auto", depends_on=("NSI", "RpcSs", "TcpIp", "Dhcp", "Eventlog")),
        "TermService": Service("Running" if server else "Stopped", "Manual", exit_code=0 if server else NEVER_STARTED, depends_on=("RPCSS",)),
        "Wecsvc": Service("Stopped", "Manual", exit_code=NEVER_STARTED, depends_on=("HTTP", "Eventlog")),
    }


def winrm_rules(product: Product) -> tuple[FirewallRule, ...]:
    """The built-in rules of WinRM. Which name means "public, local subnet" differs; there is none for 5986. Forms and numbers: registry exports."""
    about = ("Desc=@FirewallAPI.dll,-30256", "EmbedCtxt=@FirewallAPI.dll,-30267")
    compat = ("Desc=@FirewallAPI.dll,-35002", "EmbedCtxt=@FirewallAPI.dll,-30252")
    plain, other = ("WINRM-HTTP-In-TCP", "WINRM-HTTP-In-TCP-PUBLIC") if not product.scoped else ("WINRM-HTTP-In-TCP-NoScope", "WINRM-HTTP-In-TCP")
    title, old = "@FirewallAPI.dll,-30253", "@FirewallAPI.dll,-35001"
    return (
        FirewallRule(plain, title, product.server, ports=("5985",), profiles=("Domain", "Private"), more=about),
        FirewallRule(other, title, product.server, ports=("5985",), profiles=("Public",), remote=("LocalSubnet",), more=about),
        FirewallRule("WINRM-HTTP-Compat-In-TCP-NoScope", old, False, ports=("80",), profiles=("Domain",), more=compat),
        FirewallRule("WINRM-HTTP-Compat-In-TCP", old, False, ports=("80",), profiles=("Private", "Public"), remote=("LocalSubnet",), more=compat),
    )


def other_rules(product: Product) -> tuple[FirewallRule, ...]:
    """Rules that have nothing to do with WinRM: those above, and some of them a second time for other networks, as Windows has them with -NoScope."""
    found: list[FirewallRule] = []
    for number, (id, protocol, ports, program, service, on) in enumerate(INBOUND):
        more = ((f"Svc={service}",) if service else ()) + (f"Desc=@FirewallAPI.dll,-{28000 + number}", "EmbedCtxt=@FirewallAPI.dll,-28000")
        narrow = id.startswith(("NETDIS", "RemoteSvcAdmin", "RemoteTask", "RemoteFwAdmin", "RemoteEventLogSvc", "WMI"))
        profiles = ("Private", "Public") if narrow else ()
        remote = ("LocalSubnet",) if narrow else ()
        found.append(FirewallRule(id, f"@FirewallAPI.dll,-{27000 + number}", on, "Allow", protocol, ports, profiles, remote, program, more=more))
        if narrow:
            found.append(replace(found[-1], id=f"{id}-NoScope", profiles=("Domain",), remote=()))
    if not product.server:
        found.append(FirewallRule("{5B1B7E43-6C2B-4D2A-9D3A-0C3E55A9F1A1}", "Microsoft Edge (mDNS-In)", True, "Allow", 17, ("5353",), (), (), "msedge.exe"))
    return tuple(found)


OTHER_RESERVATIONS = {
    "http://+:80/Temporary_Listen_Addresses/": "D:(A;;GX;;;WD)",
    "http://+:80/116B50EB-ECE2-41ac-8429-9F9E963361B7/": "D:(A;;GX;;;NS)",
    "https://+:443/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/": "D:(A;;GX;;;SY)",
    "http://*:2869/": "D:(A;;GX;;;LS)",
    "http://*:5357/": "D:(A;;GX;;;BU)(A;;GX;;;LS)",
    "https://*:5358/": "D:(A;;GX;;;BU)(A;;GX;;;LS)",
    "http://+:10247/apps/": "D:(A;;GX;;;WD)",
}
"""URLs of a pristine Windows (its System log, HttpEvent 114)."""
URI = "http://schemas.microsoft.com/wbem/wsman/1"
PLUGINS = (
    Plugin("Event Forwarding Plugin", f"{URI}/windows/EventLog", EVENT_SDDL),
    Plugin("Microsoft.PowerShell", "http://schemas.microsoft.com/powershell/Microsoft.PowerShell", PLUGIN_SDDL),
    Plugin("Microsoft.PowerShell.Workflow", "http://schemas.microsoft.com/powershell/Microsoft.PowerShell.Workflow", PLUGIN_SDDL),
    Plugin("Microsoft.PowerShell32", "http://schemas.microsoft.com/powershell/Microsoft.PowerShell32", PLUGIN_SDDL),
    Plugin("WMI Provider", f"{URI}/wmi", PLUGIN_SDDL),
)


def groups(language: str, computer: str, machine: str, domain: str, domain_sid: str) -> dict[str, tuple[str, tuple[tuple[str, str], ...]]]:
    """The built-in local groups and their members."""
    admins: list[tuple[str, str]] = [(f"{computer}\\Administrator", f"{machine}-500")]
    users = [("NT AUTHORITY\\INTERACTIVE", "S-1-5-4"), ("NT AUTHORITY\\Authenticated Users", "S-1-5-11")]
    if domain:
        admins.append((f"{domain}\\{name('domain_admins', language)}", f"{domain_sid}-512"))
        users.append((f"{domain}\\{name('domain_users', language)}", f"{domain_sid}-513"))
    members = {ADMINISTRATORS: tuple(admins), USERS: tuple(users), GUESTS: ((f"{computer}\\{name('guest', language)}", f"{machine}-501"),)}
    return {known: (names[language == DE], members.get(known, ())) for known, names in GROUPS.items()}


def rights(product: Product, machine: str) -> dict[str, tuple[str, ...]]:
    """User rights of a member; a domain controller has others. Defaults of Microsoft's documentation of each right."""
    return {
        "SeNetworkLogonRight": (EVERYONE, ADMINISTRATORS, USERS, BACKUP),
        "SeDenyNetworkLogonRight": () if product.server else (f"{machine}-501",),
        "SeInteractiveLogonRight": (ADMINISTRATORS, USERS, BACKUP) if product.server else (f"{machine}-501", ADMINISTRATORS, USERS, BACKUP),
        "SeDenyInteractiveLogonRight": () if product.server else (f"{machine}-501",),
        "SeRemoteInteractiveLogonRight": (ADMINISTRATORS, "S-1-5-32-555"),
        "SeBatchLogonRight": (ADMINISTRATORS, BACKUP, "S-1-5-32-559"),
        "SeServiceLogonRight": ("S-1-5-80-0",),
        "SeBackupPrivilege": (ADMINISTRATORS, BACKUP),
        "SeDebugPrivilege": (ADMINISTRATORS,),
        "SeImpersonatePrivilege": ("S-1-5-19", "S-1-5-20", ADMINISTRATORS, "S-1-5-6"),
    }


def tickets(computer: str, dns_domain: str) -> tuple[Ticket, ...]:
    """What the machine account of a member usually has."""
    realm = dns_domain.upper()
    client = f"{computer.lower()}$ @ {realm}"
    services: t.Iterable[str] = (f"krbtgt/{realm}", f"cifs/dc1.{dns_domain}/{dns_domain}", f"ldap/dc1.{dns_domain}/{dns_domain}", f"{computer}$")
    return tuple(Ticket(client, f"{service} @ {realm}") for service in services)
