# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of a stand-in Windows, derived from its one state: everything there that WinRM depends on, among a realistic amount of the rest.

Only what differs from the default stands under WSMAN (a pristine host's was recorded). Names of values follow Microsoft's ADMX files, [MS-GPFAS] and exports;
what no source shows is marked [inferred].
"""

from __future__ import annotations

import functools
import typing as t
import uuid
import weakref
from dataclasses import dataclass

from . import blobs
from .firewall_strings import rule_text
from .model import FirewallProfile, Inside, Plugin, RegistryValue
from .noise import OUTBOUND, roots
from .profiles import PRODUCTS, ROOT_SDDL, Product
from .registry_names import DWORD, POLICY_NAMES, STORE_NAMES, SZ, TEXT_POLICIES

Tree = dict[str, dict[str, RegistryValue]]
HKLM = "HKEY_LOCAL_MACHINE"
WSMAN = f"{HKLM}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN"
POLICIES = f"{HKLM}\\SOFTWARE\\Policies\\Microsoft"
WINRM_POLICY = f"{POLICIES}\\Windows\\WinRM"
SERVICES = f"{HKLM}\\SYSTEM\\CurrentControlSet\\Services"
CONTROL = f"{HKLM}\\SYSTEM\\CurrentControlSet\\Control"
FIREWALL = f"{SERVICES}\\SharedAccess\\Parameters\\FirewallPolicy"
FIREWALL_POLICY = f"{POLICIES}\\WindowsFirewall"
HTTP = f"{SERVICES}\\HTTP\\Parameters"
CURRENT_VERSION = f"{HKLM}\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
STORES = {"": f"{HKLM}\\SOFTWARE\\Microsoft\\SystemCertificates", "policy": f"{POLICIES}\\SystemCertificates"}
STORES["enterprise"] = f"{HKLM}\\SOFTWARE\\Microsoft\\EnterpriseCertificates"
SPELLED = {"my": "MY", "root": "ROOT", "ca": "CA", "authroot": "AuthRoot", "disallowed": "Disallowed"}
"""How the key of a store of the machine is written; below policy and enterprise it is Root and CA."""
START = {"Boot": 0, "System": 1, "Auto": 2, "Manual": 3, "Disabled": 4}
CATEGORY = {"Public": 0, "Private": 1, "Domain": 2}
PROFILE_KEYS = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "PublicProfile"}
POLICY_PROFILE_KEYS = {"Domain": "DomainProfile", "Private": "PrivateProfile", "Public": "PublicProfile"}
"""[MS-GPFAS] 2.2.3 has PrivateProfile below Policies; on the host itself it is StandardProfile."""
CACHED = 64
LIST = bytes(range(256)) * 256
"""As long as a small list of roots; real ones are longer."""

EXPAND, MULTI, BINARY = "REG_EXPAND_SZ", "REG_MULTI_SZ", "REG_BINARY"


@dataclass(frozen=True)
class Hive:
    """A tree with what looking things up needs."""

    tree: Tree
    spelled: t.Mapping[str, str]
    """Lower case to the key as it is written; parents too."""
    children: t.Mapping[str, tuple[str, ...]]
    """Key to the names of the keys right below, as they are written and in Windows' order."""

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key.lower() in self.spelled

    def values(self, key: str) -> dict[str, RegistryValue]:
        """The values right under a key, by name as it is written."""
        return self.tree.get(self.spelled.get(key.lower(), ""), {})

    def subkeys(self, key: str) -> tuple[str, ...]:
        """Names of the keys right below."""
        return self.children.get(key.lower(), ())


_known: dict[int, tuple[weakref.ref[Inside], Hive]] = {}


def hive(inside: Inside) -> Hive:
    """The registry of one host, made once for each state."""
    found = _known.get(id(inside))
    if found and found[0]() is inside:
        return found[1]
    while len(_known) >= CACHED:
        del _known[next(iter(_known))]
    made = _indexed(_made(inside))
    _known[id(inside)] = (weakref.ref(inside), made)
    return made


def tree(inside: Inside) -> Tree:
    """Full keys, `HKEY_LOCAL_MACHINE\\...`, to values by name; the default value's name is "". Keys that only have keys below them are left out."""
    return hive(inside).tree


def _indexed(whole: Tree) -> Hive:
    spelled: dict[str, str] = {}
    children: dict[str, dict[str, str]] = {}
    for key in whole:
        while key and key.lower() not in spelled:
            spelled[key.lower()] = key
            parent, _slash, name = key.rpartition("\\")
            if parent:
                children.setdefault(parent.lower(), {})[name.lower()] = name
            key = parent
    # A registry lists keys by name, values by the order in which they were made.
    return Hive(whole, spelled, {key: tuple(names[name] for name in sorted(names)) for key, names in children.items()})


def _made(inside: Inside) -> Tree:
    whole: Tree = {}

    def put(key: str, name: str, kind: str, data: str | int | bytes | tuple[str, ...]) -> None:
        whole.setdefault(key, {})[name] = (kind, data)

    for part in (_system, _services, _winrm, _policy, _http, _firewall, _certificates, _logon, _networks):
        part(inside, put)
    for key, values in _empty().items():
        whole.setdefault(key, dict(values))
    _override(whole, inside.values)
    return whole


Put = t.Callable[[str, str, str, t.Union[str, int, bytes, t.Tuple[str, ...]]], None]


def _override(whole: Tree, values: t.Mapping[tuple[str, str], RegistryValue]) -> None:
    """Further values, under whatever spelling; kind "" takes a value away."""
    if not values:
        return
    spelled = {key.lower(): key for key in whole}
    for (given, name), value in values.items():
        full = full_key(given)
        under = whole.setdefault(spelled.setdefault(full.lower(), full), {})
        under.pop(next((known for known in under if known.lower() == name.lower()), ""), None)
        if value[0]:
            under[name] = value


def full_key(key: str) -> str:
    """`HKLM\\...` as the registry itself writes it."""
    return f"{HKLM}{key[4:]}" if key[:5].upper() == "HKLM\\" else key


def _system(inside: Inside, put: Put) -> None:
    product: Product = PRODUCTS[inside.profile]
    put(CURRENT_VERSION, "ProductName", SZ, product.name)
    put(CURRENT_VERSION, "EditionID", SZ, product.edition)
    put(CURRENT_VERSION, "InstallationType", SZ, "Server" if product.server else "Client")
    put(CURRENT_VERSION, "CurrentVersion", SZ, "6.3")
    put(CURRENT_VERSION, "CurrentBuild", SZ, str(product.build))
    put(CURRENT_VERSION, "CurrentBuildNumber", SZ, str(product.build))
    put(CURRENT_VERSION, "CurrentMajorVersionNumber", DWORD, 10)
    put(CURRENT_VERSION, "CurrentMinorVersionNumber", DWORD, 0)
    put(CURRENT_VERSION, "UBR", DWORD, product.revision)
    put(CURRENT_VERSION, "ReleaseId", SZ, product.version if product.version.isdigit() else "2009")
    if not product.version.isdigit():
        put(CURRENT_VERSION, "DisplayVersion", SZ, product.version)
    put(f"{CONTROL}\\ProductOptions", "ProductType", SZ, "ServerNT" if product.server else "WinNT")
    for kind in ("ActiveComputerName", "ComputerName"):
        put(f"{CONTROL}\\ComputerName\\{kind}", "", SZ, "mnmsrvc")
        put(f"{CONTROL}\\ComputerName\\{kind}", "ComputerName", SZ, inside.computer)
    put(f"{CONTROL}\\Nls\\Language", "InstallLanguage", SZ, "0407" if inside.language == "de" else "0409")
    put(f"{CONTROL}\\Nls\\Language", "Default", SZ, "0407" if inside.language == "de" else "0409")
    tcpip = f"{SERVICES}\\Tcpip\\Parameters"
    for name, value in (("Hostname", inside.computer.lower()), ("Domain", inside.dns_domain)):
        put(tcpip, name, SZ, value)
        put(tcpip, f"NV {name}", SZ, value)
    put(tcpip, "SyncDomainWithMembership", DWORD, 1)
    put(tcpip, "SearchList", SZ, "")
    card = f"{tcpip}\\Interfaces\\{{{uuid.uuid5(uuid.NAMESPACE_DNS, inside.computer)}}}"
    put(card, "EnableDHCP", DWORD, 0)
    put(card, "IPAddress", MULTI, tuple(one for one in inside.addresses if ":" not in one))
    put(card, "Domain", SZ, "")


def _services(inside: Inside, put: Put) -> None:
    for name, service in inside.services.items():
        key = f"{SERVICES}\\{name}"
        driver = not service.account
        put(key, "DisplayName", SZ, f"@%SystemRoot%\\system32\\{DISPLAY.get(name, f'{name.lower()}.dll')},-101")
        put(key, "ErrorControl", DWORD, 1)
        put(key, "ImagePath", EXPAND, "system32\\drivers\\HTTP.sys" if driver else f"%SystemRoot%\\System32\\svchost.exe -k {_group(service.account)} -p")
        put(key, "Start", DWORD, START[service.start_mode])
        put(key, "Type", DWORD, 1 if driver else 0x20)
        if service.account:
            put(key, "ObjectName", SZ, service.account)
        if service.depends_on:
            put(key, "DependOnService", MULTI, service.depends_on)
        if service.delayed:
            put(key, "DelayedAutostart", DWORD, 1)


DISPLAY = {"WinRM": "wsmsvc.dll", "W32Time": "w32time.dll", "Netlogon": "netlogon.dll", "mpssvc": "FirewallAPI.dll", "BFE": "bfe.dll", "RpcSs": "rpcss.dll"}


def _group(account: str) -> str:
    return {"LocalSystem": "netsvcs", "NT AUTHORITY\\LocalService": "LocalServiceNoNetwork"}.get(account, "NetworkService")


def _data(kind: str, value: str) -> str | int:
    if kind == SZ:
        return value
    return {"true": 1, "false": 0}.get(value.lower(), int(value) if value.isdigit() else 0)


def _winrm(inside: Inside, put: Put) -> None:
    """WSMAN: listeners, plugins, mappings, and settings that are not the default."""
    put(WSMAN, "StackVersion", SZ, "2.0")
    put(WSMAN, "ServiceStackVersion", SZ, "3.0")
    put(WSMAN, "UpdatedConfig", SZ, str(uuid.uuid5(uuid.NAMESPACE_DNS, inside.computer)).upper())
    for path, value in inside.config.items():
        if path in STORE_NAMES:
            under, name, kind = STORE_NAMES[path]
            put(f"{WSMAN}\\{under}".rstrip("\\"), name, kind, _data(kind, value))
    if inside.root_sddl and inside.root_sddl != ROOT_SDDL:
        put(f"{WSMAN}\\Service", "rootSDDL", SZ, inside.root_sddl)
    for one in inside.listeners:
        if one.source:
            # Listeners of policy and of compatibility are made anew at each start [inferred].
            continue
        key = f"{WSMAN}\\Listener\\{one.address}+{one.transport}"
        put(key, "Port", DWORD, one.port)
        for name, text, usual in (("uriprefix", one.url_prefix, "wsman"), ("hostname", one.hostname, ""), ("certThumbprint", one.thumbprint, "")):
            if text != usual:
                put(key, name, SZ, text)
        if not one.enabled:
            put(key, "enabled", DWORD, 0)
    for plugin in inside.plugins:
        put(f"{WSMAN}\\Plugin\\{plugin.name}", "ConfigXML", SZ, plugin_xml(plugin))
    for number, mapping in enumerate(inside.mappings):
        # [inferred] How the key of a mapping is named; its values carry the names of [MS-WSMV] 2.2.4.4.
        key = f"{WSMAN}\\CertMapping\\{number + 1}"
        for name, text in (("URI", mapping.uri), ("Subject", mapping.subject), ("Issuer", mapping.issuer), ("UserName", mapping.user)):
            put(key, name, SZ, text)
        put(key, "enabled", DWORD, int(mapping.enabled))


def plugin_xml(plugin: Plugin) -> str:
    """The configuration of a plugin as the registry keeps it (the form of a pristine host's WMI Provider)."""
    file = {"WMI Provider": "WsmWmiPl.dll", "Event Forwarding Plugin": "wevtfwd.dll"}.get(plugin.name, "pwrshplugin.dll")
    shell = file == "pwrshplugin.dll"
    kinds = ("Shell",) if shell else ("Subscribe",) if "EventLog" in plugin.resource else ("Identify", "Get", "Put", "Invoke", "Create", "Delete", "Enumerate")
    filtered = ' SupportsFiltering="true"'
    capabilities = "".join(f'<Capability Type="{kind}"{filtered if kind in ("Subscribe", "Enumerate") else ""}/>' for kind in kinds)
    start = '<InitializationParameters><Param Name="PSVersion" Value="5.1"/></InitializationParameters>' if shell else ""
    exact = str(shell).lower()
    # Those that come with Windows are written over several lines, those that PowerShell registers in one [inferred].
    fold = "" if shell else "\r\n    "
    return (
        '<PlugInConfiguration xmlns="http://schemas.microsoft.com/wbem/wsman/1/config/PluginConfiguration" '
        f'{fold}Name="{plugin.name}" Filename="%windir%\\system32\\{file}" SDKVersion="{2 if shell else 1}" XmlRenderingType="text" '
        f'{fold}Enabled="{str(plugin.enabled).lower()}" Architecture="64" UseSharedProcess="false" ProcessIdleTimeoutSec="0" RunAsUser="" RunAsPassword="" '
        f'AutoRestart="false" OutputBufferingMode="Block">{start}{fold}<Resources>{fold}<Resource ResourceUri="{plugin.resource}" SupportsOptions="true" '
        f'ExactMatch="{exact}"><Security Uri="{plugin.resource}" ExactMatch="{exact}" Sddl="{plugin.sddl}"/>{capabilities}</Resource>{fold}</Resources>'
        f"{fold[:2]}</PlugInConfiguration>"
    )


def _policy(inside: Inside, put: Put) -> None:
    for path, value in inside.policy_config.items():
        if path in TEXT_POLICIES:
            under, switch, name = TEXT_POLICIES[path]
            put(f"{WINRM_POLICY}\\{under}", switch, DWORD, 1)
            put(f"{WINRM_POLICY}\\{under}", name, SZ, value)
        elif path in POLICY_NAMES:
            under, name = POLICY_NAMES[path]
            put(f"{WINRM_POLICY}\\{under}", name, DWORD, _data(DWORD, value))


def _http(inside: Inside, put: Put) -> None:
    """HTTP.sys: names of the values of a binding are those of its configuration service."""
    for endpoint, (thumbprint, application) in inside.bindings.items():
        key = f"{HTTP}\\SslBindingInfo\\{endpoint}"
        put(key, "AppId", BINARY, blobs.guid(application))
        put(key, "SslCertHash", BINARY, bytes.fromhex(thumbprint))
        put(key, "SslCertStoreName", SZ, "MY")
        for name in ("DefaultFlags", "DefaultSslCertCheckMode", "DefaultSslRevocationFreshnessTime", "DefaultSslRevocationUrlRetrievalTimeout"):
            put(key, name, DWORD, 0)
    for url, sddl in inside.reservations.items():
        put(f"{HTTP}\\UrlAclInfo", url, BINARY, blobs.descriptor(sddl))
    if inside.listen_only:
        put(HTTP, "ListenOnlyList", MULTI, inside.listen_only)


def _firewall(inside: Inside, put: Put) -> None:
    version = PRODUCTS[inside.profile].rules
    for name, profile in inside.profiles.items():
        _firewall_profile(name, profile, put)
    for rule in inside.rules:
        put(f"{FIREWALL_POLICY if rule.policy else FIREWALL}\\FirewallRules", rule.id, SZ, rule_text(rule, version))
    for id, text in OUTBOUND.items():
        put(f"{FIREWALL}\\FirewallRules", id, SZ, f"{version}|{text}")
    if any(rule.policy for rule in inside.rules):
        put(FIREWALL_POLICY, "PolicyVersion", DWORD, 0x200 + int(version.partition(".")[2]))


def _firewall_profile(name: str, profile: FirewallProfile, put: Put) -> None:
    """[MS-GPFAS] 2.2.3: DefaultInboundAction 0 lets in, 1 blocks."""
    key, policy = f"{FIREWALL}\\{PROFILE_KEYS[name]}", f"{FIREWALL_POLICY}\\{POLICY_PROFILE_KEYS[name]}"
    put(key, "EnableFirewall", DWORD, int(profile.on))
    put(key, "DisableNotifications", DWORD, 0)
    if profile.inbound_allow:
        put(key, "DefaultInboundAction", DWORD, 0)
    if profile.no_exceptions:
        put(key, "DoNotAllowExceptions", DWORD, 1)
    if profile.policy_on is not None:
        put(policy, "EnableFirewall", DWORD, int(profile.policy_on))
    if profile.policy_inbound_allow is not None:
        put(policy, "DefaultInboundAction", DWORD, int(not profile.policy_inbound_allow))
    if profile.policy_local_rules is not None:
        put(policy, "AllowLocalPolicyMerge", DWORD, int(profile.policy_local_rules))


def _certificates(inside: Inside, put: Put) -> None:
    for store, certificates in inside.stores.items():
        place, _slash, name = store.rpartition("/")
        key = f"{STORES[place]}\\{name if place else SPELLED.get(name.lower(), name)}\\Certificates"
        for one in certificates:
            put(f"{key}\\{blobs.thumbprint(one.der)}", "Blob", BINARY, blobs.stored(one.der, one.key, one.friendly_name))
    update = f"{STORES['']}\\AuthRoot\\AutoUpdate"
    for name in ("EncodedCtl", "DisallowedCertEncodedCtl"):
        # Microsoft's signed lists of roots: whoever reads the whole store reads them too.
        put(update, name, BINARY, LIST)
    for store, ders in roots().items():
        for der, blob in ders:
            put(f"{STORES['']}\\{SPELLED[store]}\\Certificates\\{blobs.thumbprint(der)}", "Blob", BINARY, blob)


def _logon(inside: Inside, put: Put) -> None:
    """LSA, NTLM, UAC, Netlogon, time: values that a fresh host has."""
    lsa, time = f"{CONTROL}\\Lsa", f"{SERVICES}\\W32Time"
    for name, number in (("LimitBlankPasswordUse", 1), ("restrictanonymous", 0), ("restrictanonymoussam", 1), ("NoLmHash", 1), ("forceguest", 0),
                         ("everyoneincludesanonymous", 0), ("disabledomaincreds", 0), ("SecureBoot", 1)):
        put(lsa, name, DWORD, number)
    put(lsa, "Security Packages", MULTI, ("",))
    put(lsa, "Authentication Packages", MULTI, ("msv1_0",))
    for name in ("NtlmMinClientSec", "NtlmMinServerSec"):
        put(f"{lsa}\\MSV1_0", name, DWORD, 0x20000000)
    put(f"{lsa}\\MSV1_0", "Auth132", SZ, "IISSUBA")
    system = f"{HKLM}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
    for name, number in (("ConsentPromptBehaviorAdmin", 5), ("ConsentPromptBehaviorUser", 3), ("EnableLUA", 1), ("FilterAdministratorToken", 0),
                         ("PromptOnSecureDesktop", 1), ("EnableVirtualization", 1)):
        put(system, name, DWORD, number)
    netlogon = f"{SERVICES}\\Netlogon\\Parameters"
    for name, number in (("DisablePasswordChange", 0), ("MaximumPasswordAge", 30), ("RequireSignOrSeal", 1), ("RequireStrongKey", 1), ("SealSecureChannel", 1),
                         ("SignSecureChannel", 1), ("Update", 0)):
        put(netlogon, name, DWORD, number)
    put(f"{time}\\Parameters", "ServiceDll", EXPAND, "%systemroot%\\system32\\w32time.dll")
    put(f"{time}\\Parameters", "NtpServer", SZ, " ".join(inside.clock.servers) or "time.windows.com,0x8")
    put(f"{time}\\Parameters", "Type", SZ, inside.clock.type)
    for name, number in (("MaxPosPhaseCorrection", 0xFFFFFFFF), ("MaxNegPhaseCorrection", 0xFFFFFFFF), ("MinPollInterval", 6), ("MaxPollInterval", 10)):
        put(f"{time}\\Config", name, DWORD, number)
    for provider, on in (("NtpClient", 1), ("NtpServer", 0)):
        put(f"{time}\\TimeProviders\\{provider}", "Enabled", DWORD, on)
    put(f"{CONTROL}\\SecurityProviders\\SCHANNEL", "EventLogging", DWORD, 1)


def _networks(inside: Inside, put: Put) -> None:
    """Networks that the host has ever been in: the list does not say which it is in now."""
    key = f"{CURRENT_VERSION}\\NetworkList\\Profiles"
    for name, category in inside.networks:
        under = f"{key}\\{{{str(uuid.uuid5(uuid.NAMESPACE_DNS, inside.computer + name)).upper()}}}"
        put(under, "ProfileName", SZ, inside.dns_domain if category == "Domain" else "Network")
        put(under, "Description", SZ, name)
        put(under, "Managed", DWORD, int(category == "Domain"))
        put(under, "Category", DWORD, CATEGORY[category])


@functools.cache
def _empty() -> Tree:
    """Keys that every Windows has, even where nothing is in them."""
    stores = [f"{STORES['']}\\{name}" for name in ("MY", "ROOT", "CA", "AuthRoot", "Disallowed", "TrustedPeople", "trust")]
    stores += [f"{STORES[place]}\\{name}" for place in ("policy", "enterprise") for name in ("Root", "CA", "Disallowed", "Trust")]
    found: Tree = {f"{store}\\{kind}": {} for store in stores for kind in ("Certificates", "CRLs", "CTLs")}
    found |= {f"{WSMAN}\\{name}": {} for name in ("CertMapping", "Client", "Listener", "Plugin", "SafeClientList", "Service", "WinRS")}
    protocols = f"{CONTROL}\\SecurityProviders\\SCHANNEL\\Protocols"
    return found | {protocols: {}, f"{CONTROL}\\Lsa\\Kerberos": {}, f"{HTTP}\\SslBindingInfo": {}, f"{HTTP}\\UrlAclInfo": {}}
