# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stand-in Windows is inside, in the words of administrators; WMI, the registry and commands all show this one state."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

RegistryData = t.Union[str, int, bytes, t.Tuple[str, ...]]
RegistryValue = t.Tuple[str, RegistryData]
"""Kind, such as REG_DWORD, and data."""


@dataclass(frozen=True)
class Listener:
    """One listener of winrm/config/listener."""

    transport: str = "HTTP"
    address: str = "*"
    port: int = 5985
    hostname: str = ""
    enabled: bool = True
    url_prefix: str = "wsman"
    thumbprint: str = ""
    listening_on: tuple[str, ...] = ()
    source: str = ""
    """"GPO", "Compatibility" or ""."""


@dataclass(frozen=True)
class Service:
    """One Windows service."""

    state: str = "Running"
    start_mode: str = "Auto"
    """As Win32_Service spells it: Auto, Manual, Disabled, Boot, System."""
    delayed: bool = False
    exit_code: int = 0
    account: str = "NT AUTHORITY\\NetworkService"
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class FirewallRule:
    """An inbound rule; the registry has it as one string ([MS-GPFAS] 2.2.2), WMI as an object with filters."""

    id: str
    name: str = ""
    enabled: bool = True
    action: str = "Allow"
    """Allow, Block, ByPass."""
    protocol: int = 6
    ports: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    """Domain, Private, Public; empty: all."""
    remote: tuple[str, ...] = ()
    program: str = "System"
    policy: bool = False
    more: tuple[str, ...] = ()
    """Further `Key=Value` parts as the registry spells them."""


@dataclass(frozen=True)
class FirewallProfile:
    """One profile; None: not configured there."""

    on: bool = True
    inbound_allow: bool = False
    no_exceptions: bool = False
    policy_on: bool | None = None
    policy_inbound_allow: bool | None = None
    policy_local_rules: bool | None = None


@dataclass(frozen=True)
class Certificate:
    """A certificate in a store."""

    der: bytes = field(repr=False)
    key: bool = False
    friendly_name: str = ""


@dataclass(frozen=True)
class Plugin:
    """A WS-Management plugin and the descriptor of its resource."""

    name: str
    resource: str
    sddl: str
    enabled: bool = True


@dataclass(frozen=True)
class Shell:
    """A shell that somebody left open."""

    owner: str
    resource: str = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
    client: str = "192.0.2.77"


@dataclass(frozen=True)
class Mapping:
    """A client certificate mapping."""

    uri: str
    subject: str
    issuer: str
    user: str
    enabled: bool = True


@dataclass(frozen=True)
class Ticket:
    """A Kerberos ticket of the machine account."""

    client: str
    server: str
    encryption: str = "AES-256-CTS-HMAC-SHA1-96"


@dataclass(frozen=True)
class Clock:
    """w32time."""

    type: str = "NT5DS"
    servers: tuple[str, ...] = ()
    source: str = ""
    """Where it has its time from now; "" for the local CMOS clock."""
    synchronised: bool = True
    offset: float = 0.0
    """Seconds ahead of its domain controller."""
    controller: float = 0.0
    """Seconds that the domain controller is ahead of the lab."""


@dataclass(frozen=True)
class Netlogon:
    """Its secure channel, and whether it finds a domain controller: Win32 codes, 0 is good."""

    channel: int = 0
    located: int = 0
    controller: str = ""


@dataclass(frozen=True)
class Inside:
    """Everything inside one host."""

    profile: str = "server2022"
    """server2019, server2022, server2025, windows10, windows11."""
    language: str = "en"
    """en or de: of the texts that commands print."""
    computer: str = "WEB01"
    domain: str = ""
    """NetBIOS name of its domain; "" in a workgroup."""
    dns_domain: str = ""
    addresses: tuple[str, ...] = ()
    config: t.Mapping[str, str] = field(default_factory=dict)
    """Path to value, `Service/Auth/Basic: "true"`, where it is not the default."""
    policy_config: t.Mapping[str, str] = field(default_factory=dict)
    """The same for what Group Policy owns."""
    listeners: tuple[Listener, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    services: t.Mapping[str, Service] = field(default_factory=dict)
    profiles: t.Mapping[str, FirewallProfile] = field(default_factory=dict)
    """Domain, Private, Public."""
    rules: tuple[FirewallRule, ...] = ()
    networks: tuple[tuple[str, str], ...] = (("Ethernet", "Domain"),)
    """Interface and category: Domain, Private or Public."""
    stores: t.Mapping[str, tuple[Certificate, ...]] = field(default_factory=dict)
    """`My`, `Root`, `CA`, `AuthRoot`, `Disallowed`; `policy/Root`, `enterprise/Root` and so on."""
    bindings: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """`0.0.0.0:5986` to thumbprint and application GUID."""
    reservations: t.Mapping[str, str] = field(default_factory=dict)
    """URL to SDDL."""
    listen_only: tuple[str, ...] = ()
    values: t.Mapping[tuple[str, str], RegistryValue] = field(default_factory=dict)
    """Further registry values by key and name: policies, LSA, Schannel and so on."""
    groups: t.Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    """SID to name and members, each with name (`LAB\\svc`) and SID."""
    rights: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`SeNetworkLogonRight` to SIDs."""
    accounts: t.Mapping[str, str] = field(default_factory=dict)
    """Accounts that may come, as the host spells them (`LAB\\svc`, `WEB01\\rescue`), to their SIDs: members of groups, and others."""
    root_sddl: str = ""
    plugins: tuple[Plugin, ...] = ()
    netlogon: Netlogon = field(default_factory=Netlogon)
    clock: Clock = field(default_factory=Clock)
    shells: tuple[Shell, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    forbidden: tuple[str, ...] = ()
    """Resources that even an administrator is refused here: `config`, `config/listener`, `config/service/certmapping`, `shell`, `cmd`, `wmi`, `wmi/root/cimv2`,
    `wmi/root/standardcimv2`, `wmi/root/default`, `registry:HKLM\\...`, `command:nltest` and so on."""
    manner: t.Mapping[str, str] = field(default_factory=dict)
    """How it tells things where sources disagree or nobody knows; `wmi.MANNERS` names the choices."""
    slow: t.Mapping[str, float] = field(default_factory=dict)
    """Resource or `command:NAME` to seconds that its answer takes; negative: it never comes, the connection ends."""
