# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows host says of itself once it lets somebody in: everything that a WinRM logon depends on."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Known, Unknown
from .endpoint import CertificateEvidence, RevocationEvidence

SUBSETS = (
    "config", "listeners", "service", "firewall", "certificates", "mappings", "policy", "access", "domain", "time", "client", "limits", "tickets",
)
POLICY, LOCAL, DEFAULT = "policy", "local", "default"
"""Where a value comes from: Group Policy, somebody's hand on the host, Windows itself."""
ENTERPRISE = "enterprise"
"""A certificate store that Active Directory fills."""
DENIED = "access denied"
"""The reason of everything that the account may not read; which resources those are stands once, in `HostEvidence.denied`."""
NOT_GATHERED = Unknown("not gathered")
DOMAIN, PRIVATE, PUBLIC = "domain", "private", "public"
"""Profiles of the firewall."""
OPEN, NARROWED, BLOCKED = "open", "narrowed", "blocked"
"""What the firewall does with a connection: lets everybody in, only some addresses, nobody."""
ALLOWED, REFUSED = "allowed", "refused"


@dataclass(frozen=True)
class SettingEvidence:
    """One value of winrm/config."""

    path: str
    """`Service/Auth/Basic`: element names as Windows spells them, without the root Config."""
    value: str
    """As Windows writes it: `true`, `5985`, `*`."""
    default: str | None = None
    """The value of a host that nobody has configured; None where it is not known."""
    source: str = LOCAL
    """`policy` where the element says so (attribute Source="GPO"), `default` where it is the default, else `local`."""


@dataclass(frozen=True)
class ConfigEvidence:
    """winrm/config as a whole ([MS-WSMV] 2.2.5.3)."""

    settings: tuple[SettingEvidence, ...] = ()

    def setting(self, path: str) -> SettingEvidence | None:
        """The setting of this path; upper and lower case are the same."""
        return next((one for one in self.settings if one.path.lower() == path.lower()), None)

    def value(self, path: str) -> str | None:
        """Its value, None where the host has no such setting."""
        found = self.setting(path)
        return found.value if found else None


@dataclass(frozen=True)
class ListenerEvidence:
    """One listener ([MS-WSMV] 2.2.4.19), beside what it needs."""

    address: str
    """`*`, `IP:192.0.2.10` or `MAC:00-15-5D-00-00-01`."""
    transport: str
    """`HTTP` or `HTTPS`."""
    port: int
    hostname: str = ""
    enabled: bool = True
    url_prefix: str = "wsman"
    thumbprint: str = ""
    """Upper-case hex without blanks; empty for HTTP."""
    listening_on: tuple[str, ...] = ()
    """The addresses that it is bound to now."""
    source: str = LOCAL
    """`policy`, `compatibility` (ports 80 and 443) or `local`."""

    @property
    def key(self) -> str:
        """What tells it from others, as Windows writes it: `*+HTTPS`."""
        return f"{self.address}+{self.transport}"


@dataclass(frozen=True)
class BindingEvidence:
    """A certificate that HTTP.sys presents on an address and port."""

    endpoint: str
    """`0.0.0.0:5986`, `[::]:5986` or `name:5986`."""
    thumbprint: str
    application: str = ""
    """GUID of the owner in lower case, in braces."""
    store: str = ""


@dataclass(frozen=True)
class ReservationEvidence:
    """A URL that HTTP.sys keeps for some accounts."""

    url: str
    sddl: str = ""


@dataclass(frozen=True)
class ProblemEvidence:
    """Something that was compared and does not fit: a word for rules, a sentence for people."""

    kind: str
    means: str
    subject: str = ""
    """What it is about: a listener `*+HTTPS`, a thumbprint, an address, a setting."""


@dataclass(frozen=True)
class ListenersEvidence:
    """Listeners, and what decides where they listen."""

    listeners: tuple[ListenerEvidence, ...] = ()
    addresses: Known[tuple[str, ...]] = NOT_GATHERED
    """The host's own addresses."""
    ipv4_filter: Known[str] = NOT_GATHERED
    ipv6_filter: Known[str] = NOT_GATHERED
    listen_only: Known[tuple[str, ...]] = NOT_GATHERED
    """HTTP.sys' list of addresses to listen on (`netsh http show iplisten`); empty: all."""
    bindings: Known[tuple[BindingEvidence, ...]] = NOT_GATHERED
    reservations: Known[tuple[ReservationEvidence, ...]] = NOT_GATHERED
    """Those whose path is wsman."""
    problems: tuple[ProblemEvidence, ...] = ()
    """Kinds: `no_listener`, `none_for_port` (subject: the port asked for), `disabled`, `deaf` (bound to no address), `address_left_out` (by filter or list),
    `not_bound` (HTTPS without a binding), `binding_differs` (HTTP.sys presents another certificate than the listener names), `foreign_binding` (owned by
    another application), `no_thumbprint`, `bad_filter`, `reservation_missing`, `reservation_wrong`."""


@dataclass(frozen=True)
class ServiceEvidence:
    """One Windows service."""

    name: str
    state: str
    """`running`, `stopped`, `paused`, `start_pending`, `stop_pending`; `missing` where there is no such service;
    "" where only its registry could be read."""
    start_mode: str = ""
    """`auto`, `manual`, `disabled`, `boot`, `system`."""
    delayed: bool | None = None
    exit_code: int | None = None
    account: str = ""
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleEvidence:
    """One inbound rule of Windows Firewall that bears on WinRM's ports."""

    id: str
    name: str = ""
    """Its name as stored, which may be a reference such as @FirewallAPI.dll,-30253."""
    enabled: bool = True
    action: str = "allow"
    """`allow`, `block` or `bypass` (allow if secure, whatever the block rules say)."""
    profiles: tuple[str, ...] = (DOMAIN, PRIVATE, PUBLIC)
    ports: tuple[str, ...] = ()
    """Local ports: `5985`, `5000-6000`, or a word such as `RPC`; empty: any."""
    remote: tuple[str, ...] = ()
    """Remote addresses: `192.0.2.0/24`, `192.0.2.1-192.0.2.9`, `LocalSubnet`; empty: any."""
    local: tuple[str, ...] = ()
    """Local addresses; empty: any."""
    program: str = ""
    source: str = LOCAL
    """`local` or `policy`."""
    narrowed_by: tuple[str, ...] = ()
    """What else narrows it: `users`, `computers`, `interfaces`, `security`, `service`."""


@dataclass(frozen=True)
class ProfileEvidence:
    """One profile of Windows Firewall, policy and local settings together."""

    name: str
    on: bool = True
    inbound: str = "block"
    """What happens where no rule speaks: `block` or `allow`."""
    no_exceptions: bool = False
    """True: every rule that allows is disregarded ("block all incoming connections")."""
    local_rules: bool = True
    """False: policy disregards the rules made on the host."""
    source: str = LOCAL
    """Who says whether it is on: `policy`, `local`."""


@dataclass(frozen=True)
class NetworkEvidence:
    """A network that the host is connected to."""

    interface: str
    category: str
    """`domain`, `private` or `public`: the profile in force there."""
    name: str = ""


@dataclass(frozen=True)
class PassageEvidence:
    """What the firewall makes of a connection to one port in one profile."""

    port: int
    profile: str
    outcome: str
    """`open`, `narrowed` or `blocked`."""
    why: str
    """One sentence that names the rule or setting."""
    active: Known[bool] = True
    """Whether a network of the host has this profile now."""
    remote: tuple[str, ...] = ()
    """`narrowed`: the addresses that may come."""
    admits: Known[bool] | None = None
    """`narrowed`: whether the control node is among them; None where it is not narrowed."""
    rules: tuple[str, ...] = ()
    """Ids of the rules that decide."""


@dataclass(frozen=True)
class FirewallEvidence:
    """Windows Firewall, as far as it decides about WinRM."""

    service: str = ""
    """State of the service mpssvc; "" where it is not known."""
    profiles: tuple[ProfileEvidence, ...] = ()
    networks: Known[tuple[NetworkEvidence, ...]] = NOT_GATHERED
    rules: tuple[RuleEvidence, ...] = ()
    passages: tuple[PassageEvidence, ...] = ()
    came_from: str = ""
    """The address that this control node has towards the host, by which `admits` was judged; behind address translation the host sees another one."""

    def passage(self, port: int) -> tuple[PassageEvidence, ...]:
        """What happens on this port, in the profiles that may be in force."""
        return tuple(one for one in self.passages if one.port == port and one.active is not False)


@dataclass(frozen=True)
class ChainEvidence:
    """A certificate's chain, built from the host's own stores without any network."""

    outcome: str
    """`trusted`, `incomplete` (an issuer is in no store), `untrusted_root` (its end is self-signed and in no Root store), `expired`, `not_yet_valid` (one above
    the leaf), `disallowed`, `bad_signature`, `not_a_ca`; `undecided` where a store that could complete it was not read."""
    why: str
    subjects: tuple[str, ...] = ()
    """Leaf first."""
    stores: tuple[str, ...] = ()
    """Where each was found: `My`, `CA`, `Root (policy)`."""


@dataclass(frozen=True)
class StoredCertificateEvidence:
    """A certificate in a store of the local machine."""

    store: str
    """`My`, `Root`, `CA`, `AuthRoot`, `Disallowed`, `TrustedPeople` or another name."""
    certificate: CertificateEvidence
    source: str = LOCAL
    """`local`, `policy` or `enterprise`."""
    key: bool | None = None
    """Whether a private key is referenced; that the key is there and usable is not looked at."""
    friendly_name: str = ""
    used_by: tuple[str, ...] = ()
    """Listeners that name it: `*+HTTPS`; `service` where winrm/config/service does (CredSSP, compatibility)."""
    chain: ChainEvidence | None = None
    days_left: float = 0.0
    """Until it expires; negative: since."""
    revocation: tuple[Known[RevocationEvidence], ...] = ()


@dataclass(frozen=True)
class StoreEvidence:
    """One store as a whole."""

    name: str
    source: str = LOCAL
    count: int = 0
    unreadable: int = 0
    """Entries that could not be decoded."""
    lists: int = 0
    """Revocation and trust lists beside them, as far as they came along; they are not looked at."""


@dataclass(frozen=True)
class CertificatesEvidence:
    """The machine's certificates: all of My; of the others those that belong to a chain or to a problem."""

    stores: tuple[StoreEvidence, ...] = ()
    certificates: tuple[StoredCertificateEvidence, ...] = ()
    automatic_roots: Known[bool] = NOT_GATHERED
    """Whether Windows fetches a missing root by itself from Microsoft's list; then an absent root may still come."""
    problems: tuple[ProblemEvidence, ...] = ()
    """Subject: the thumbprint. Kinds: `listener_certificate_missing`, `no_key`, `expired`, `not_yet_valid`, `expiring`, `no_server_auth`, `name_mismatch`,
    `chain` (it does not end in a trusted root), `disallowed`, `root_misplaced` (Root holds what is not self-signed: with it Schannel fails client
    certificates), `intermediate_misplaced` (CA holds a self-signed one that a chain ends in), `weak_key`, `weak_signature`, `too_large` (above 16 KiB),
    `revoked`, `mapping_issuer_missing` (the authority of a certificate mapping is in no Root or CA store).

    What is about a certificate of My is told only where a listener or the service uses it; dates and weakness also of the authorities above it."""
    gaps: tuple[Unknown, ...] = ()
    """Stores that were not read, or only in part."""
    presented: ChainEvidence | None = None
    """Of a host that is the client: what it would make of the certificate that the other host presents, dates of the leaf and its name left out."""

    def of(self, thumbprint: str) -> StoredCertificateEvidence | None:
        """The certificate of My with this thumbprint."""
        return next((one for one in self.certificates if one.store == "My" and one.certificate.thumbprint == thumbprint.upper()), None)


@dataclass(frozen=True)
class MappingEvidence:
    """A client certificate's way to a local account ([MS-WSMV] 2.2.4.4)."""

    uri: str
    subject: str
    issuer: str
    """Thumbprint of the authority."""
    user: str
    enabled: bool = True


@dataclass(frozen=True)
class PolicyValueEvidence:
    """A registry value that bears on WinRM logons, set or not."""

    key: str
    """Such as `HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM\\Service`."""
    name: str
    value: str | None
    """As text, several strings separated by commas; None where it is not set."""
    means: str
    """What that does, in one sentence."""
    area: str = ""
    """`winrm_service`, `winrm_client`, `winrs`, `ntlm`, `lsa`, `kerberos`, `schannel`, `uac`, `delegation`, `http`."""
    source: str = LOCAL
    """`policy` for keys that only Group Policy writes, `default` where it is not set."""
    setting: str = ""
    """The policy's name in the editor, in English; "" where there is none."""


@dataclass(frozen=True)
class MemberEvidence:
    """A member of a local group."""

    name: str
    """`LAB\\svc`."""
    sid: str = ""
    kind: str = ""
    """`user`, `group` or "" where it is not known."""


@dataclass(frozen=True)
class GroupEvidence:
    """A local group, known by its SID: names are localised."""

    sid: str
    name: str = ""
    members: Known[tuple[MemberEvidence, ...]] = ()


@dataclass(frozen=True)
class RightEvidence:
    """A logon right and who has it."""

    name: str
    """`SeNetworkLogonRight` or `SeDenyNetworkLogonRight`."""
    holders: Known[tuple[str, ...]] = ()
    """SIDs, or names where the host tells no SID."""
    source: str = LOCAL


@dataclass(frozen=True)
class DescriptorEvidence:
    """A security descriptor on the way in."""

    where: str
    """`RootSDDL`, or a plugin's name such as `microsoft.powershell`."""
    sddl: str
    enabled: bool = True
    """A plugin may be switched off."""
    resource: str = ""
    """URI that the plugin's descriptor guards."""


@dataclass(frozen=True)
class GateEvidence:
    """One gate on the way in, and what it says to the user as a network logon."""

    gate: str
    """`network_logon`, `root` (reading winrm/config), `powershell`, `cmd`, `wmi`, and `connection`: what the inventory's connection needs of them."""
    outcome: Known[str]
    """`allowed` or `refused`."""
    why: str
    """One sentence that names the entry or group that decides."""


@dataclass(frozen=True)
class AccessEvidence:
    """Who may come in, and whether the user of the inventory may."""

    user: str = ""
    sid: str = ""
    local: Known[bool] = NOT_GATHERED
    filtered: Known[bool] = NOT_GATHERED
    """Whether UAC takes the administrator's rights from the user's token over the network."""
    sids: Known[tuple[str, ...]] = NOT_GATHERED
    """SIDs that the user's network token would carry, as far as they are known."""
    groups: tuple[GroupEvidence, ...] = ()
    rights: tuple[RightEvidence, ...] = ()
    descriptors: tuple[DescriptorEvidence, ...] = ()
    gates: tuple[GateEvidence, ...] = ()

    def gate(self, name: str) -> GateEvidence | None:
        """The gate of this name."""
        return next((one for one in self.gates if one.gate == name), None)


@dataclass(frozen=True)
class ChannelEvidence:
    """An answer of Netlogon: 0 is good, else a Win32 code such as 1722."""

    code: int
    controller: str = ""
    address: str = ""
    means: str = ""


@dataclass(frozen=True)
class MembershipEvidence:
    """The host and its domain."""

    member: bool
    role: int | None = None
    """Win32_ComputerSystem.DomainRole: 0 standalone workstation, 1 member workstation, 2 standalone server, 3 member server, 4 and 5 domain controller."""
    domain: str = ""
    """DNS or NetBIOS name of the domain, or the workgroup's name."""
    computer: str = ""
    secure_channel: Known[ChannelEvidence] = NOT_GATHERED
    """`nltest /sc_query`."""
    controller: Known[ChannelEvidence] = NOT_GATHERED
    """`nltest /dsgetdc`: whether the host finds a domain controller."""


@dataclass(frozen=True)
class TimeEvidence:
    """The host's clock and where it has its time from. Offsets are seconds; positive: the host is ahead."""

    type: str = ""
    """`NT5DS` (the domain), `NTP`, `NoSync`, `AllSync`."""
    servers: tuple[str, ...] = ()
    service: str = ""
    """State of the service w32time."""
    source: Known[str] = NOT_GATHERED
    """Where it has its time from now."""
    last_sync: Known[str] = NOT_GATHERED
    synchronised: Known[bool] = NOT_GATHERED
    offset: Known[float] = NOT_GATHERED
    """To this control node."""
    uncertainty: float = 0.0
    controller: str = ""
    """The domain controller, which is the KDC, that it was compared with."""
    controller_offset: Known[float] = NOT_GATHERED
    """To that controller, as the host itself measures it."""


@dataclass(frozen=True)
class ClientEvidence:
    """The host as a client of others."""

    settings: tuple[SettingEvidence, ...] = ()
    """The part Client of winrm/config; paths as there."""
    trusted_hosts: Known[tuple[str, ...]] = NOT_GATHERED
    policy: Known[tuple[PolicyValueEvidence, ...]] = ()

    def value(self, path: str) -> str | None:
        """The setting `Client/...` of this path."""
        return next((one.value for one in self.settings if one.path.lower() == path.lower()), None)


@dataclass(frozen=True)
class ShellEvidence:
    """A shell that is open ([MS-WSMV] 2.2.4.36)."""

    owner: str
    resource: str = ""
    client: str = ""
    run_time: str = ""
    idle: str = ""
    own: bool = False
    """True for the one that this look itself opened."""


@dataclass(frozen=True)
class LimitsEvidence:
    """What bounds requests. Sizes are bytes."""

    max_field_length: Known[int] = 16384
    max_request_bytes: Known[int] = 16384
    quotas: Known[tuple[SettingEvidence, ...]] = ()
    shells: Known[tuple[ShellEvidence, ...]] = NOT_GATHERED
    own_shells: Known[int] = NOT_GATHERED
    """Shells of the user who reads, the own one left out."""
    problems: tuple[ProblemEvidence, ...] = ()
    """Kinds: `shells_used_up`, `small_token` (MaxFieldLength below the default), `small_quota` (a quota below the default; subject: the setting)."""


@dataclass(frozen=True)
class HostTicketEvidence:
    """A Kerberos ticket that the host holds."""

    client: str
    server: str
    encryption: str = ""
    logon: str = ""
    """`own` (the session that reads) or `machine` (the host's own account)."""


@dataclass(frozen=True)
class HostTicketsEvidence:
    """`klist` on the host."""

    tickets: tuple[HostTicketEvidence, ...] = ()
    codes: tuple[str, ...] = ()
    """Failures by number; 0xc000005f in a session of WinRM is how it should be."""


@dataclass(frozen=True)
class SystemEvidence:
    """Which Windows it is."""

    name: str = ""
    """Computer name."""
    product: str = ""
    """Such as Windows Server 2022 Standard, as the host spells it."""
    build: str = ""
    """Such as 10.0.20348."""
    server: bool | None = None


@dataclass(frozen=True)
class HostEvidence:
    """One look from inside."""

    at: str
    vantage: str
    way: str = ""
    """The name of the alternate logon that it came by; empty: the inventory's own way."""
    account: str = ""
    method: str = ""
    scheme: str = ""
    port: int = 0
    system: Known[SystemEvidence] = NOT_GATHERED
    config: Known[ConfigEvidence] = NOT_GATHERED
    listeners: Known[ListenersEvidence] = NOT_GATHERED
    service: Known[tuple[ServiceEvidence, ...]] = NOT_GATHERED
    """WinRM first, then what it depends on and what logons need."""
    firewall: Known[FirewallEvidence] = NOT_GATHERED
    certificates: Known[CertificatesEvidence] = NOT_GATHERED
    mappings: Known[tuple[MappingEvidence, ...]] = NOT_GATHERED
    policy: Known[tuple[PolicyValueEvidence, ...]] = NOT_GATHERED
    access: Known[AccessEvidence] = NOT_GATHERED
    domain: Known[MembershipEvidence] = NOT_GATHERED
    time: Known[TimeEvidence] = NOT_GATHERED
    client: Known[ClientEvidence] = NOT_GATHERED
    limits: Known[LimitsEvidence] = NOT_GATHERED
    tickets: Known[HostTicketsEvidence] = NOT_GATHERED
    denied: tuple[str, ...] = ()
    """Resources that the account may not read: `winrm/config`, `WMI root/cimv2`, `cmd`, `registry HKLM\\...`."""
    gaps: tuple[Unknown, ...] = ()
    requests: int = 0
    """HTTP requests sent after the logon."""
    sent: int = 0
    received: int = 0
    """Bytes of messages, before encryption and after decryption."""
    seconds: float = 0.0

    def policy_value(self, name: str, key_end: str = "") -> PolicyValueEvidence | None:
        """The registry value of this name, where `key_end` is given below a key that ends so; upper and lower case are the same."""
        known = () if isinstance(self.policy, Unknown) else self.policy
        return next((one for one in known if one.name.lower() == name.lower() and one.key.lower().endswith(key_end.lower())), None)
