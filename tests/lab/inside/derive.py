# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inside of every host of the scenario file, derived from what the outside of it shows, so that the two never disagree."""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import dataclass, field, replace

from ..domain.realm import LAB, REALMS, Realm
from ..domain.settings import Settings
from ..messages import Account, Windows
from . import faults, profiles
from .blobs import thumbprint
from .model import Certificate, Clock, FirewallProfile, FirewallRule, Inside, Listener, Mapping, Netlogon, Plugin, Shell

if t.TYPE_CHECKING:
    from ..scenario import Host

HTTP, HTTPS = 5985, 5986
HTTPS_RULE = "{2C6A7C3B-7F2E-4B8E-9C61-53A9B7D0E986}"
MSV = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0"
UAC = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
HTTP_PARAMETERS = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters"
NEGLIGIBLE = 300.0
"""Seconds by which a clock may be off and still be kept by its domain."""
ADMINS_ONLY = "O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
NOBODY = "O:NSG:BAD:P(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
CHANNELS = {"disabled": 1787, "missing": 1787, "stale": 5}
"""State of the computer account to what Netlogon says of the channel; that a disabled account shows as 1787 is [inferred]."""
OPEN_SHELLS = 5
LISTENING = ("wsman", "mute", "reset", "http_sys_404", "http_sys_503")


def invented_sid(realm: Realm, name: str) -> str:
    """The SID of an account, or of the domain, where there is no directory that has one."""
    return profiles.hashed_sid(realm.flat) + (f"-{1000 + sum(map(ord, name)) % 9000}" if name else "")


@dataclass(frozen=True)
class Material:
    """What the lab knows besides: certificates and SIDs."""

    leaf: bytes = b""
    """The certificate of the TLS ports, DER; empty where there is none."""
    roots: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    sid: t.Callable[[Realm, str], str] = invented_sid
    """The SID of a domain account; with name "" that of the domain itself."""
    client_issuer: str = ""
    """Thumbprint of the authority of client certificates."""
    spare: bytes = b""
    """A good certificate that the host has besides, DER; empty where it has none."""
    settings: Settings = field(default_factory=Settings)
    """What is wrong with the whole domain LAB.TEST."""


def inside_of(host: Host, windows: Windows, material: Material = Material()) -> Inside:
    """The inside of one host: a fresh Windows, then what its scenario says, then its `inside` keys."""
    given = dict(host.inside)
    realm = host.domain
    domain_sid = material.sid(realm, "") if realm else ""
    inside = profiles.fresh(
        given.pop("profile", "server2022"), language=given.pop("language", "en"), computer=windows.computer, domain=realm.flat if realm else "",
        dns_domain=realm.dns if realm else "", domain_sid=domain_sid,
    )
    inside = replace(inside, addresses=(host.address,), netlogon=_netlogon(host, material))
    inside = replace(inside, clock=_clock(windows, realm, material), tickets=_tickets(inside, realm))
    inside = _listeners(inside, host, windows, material)
    inside = replace(inside, config=_config(windows), values=_values(windows), mappings=_mappings(host, windows, material))
    inside = _rights(inside, host, windows, material)
    if material.spare:
        inside = replace(inside, stores={**inside.stores, "My": (*inside.stores.get("My", ()), Certificate(material.spare, key=True))})
    inside = replace(inside, root_sddl={"admins_only": ADMINS_ONLY, "nobody": NOBODY}.get(windows.root_sddl, inside.root_sddl))
    inside = replace(inside, plugins=tuple(_plugin(one, windows) if "powershell" in one.name.lower() else one for one in inside.plugins))
    return overridden(inside, given, host.user if host.account else "LAB\\operator")


def _plugin(plugin: Plugin, windows: Windows) -> Plugin:
    """A session configuration of PowerShell: on or off, and who may open it."""
    return replace(plugin, enabled=windows.plugin_enabled, sddl=ADMINS_ONLY if windows.powershell_for == "administrators" else plugin.sddl)


def overridden(inside: Inside, given: t.Mapping[str, t.Any], user: str) -> Inside:
    """The words of `faults`, one after the other, then the fields themselves."""
    rest = dict(given)
    for word in rest.pop("faults", ()):
        inside = faults.apply(word, inside, user)
    return faults.fields(inside, rest)


def _netlogon(host: Host, material: Material) -> Netlogon:
    """[inferred] A controller that DNS does not name, or that does not answer over LDAP, is not found, and then the channel has nobody at its other end."""
    if host.domain is None:
        return Netlogon(1717, 1355)
    if host.domain == LAB and (material.settings.ldap != "up" or material.settings.srv != "good"):
        return Netlogon(1311, 1355, "")
    return Netlogon(CHANNELS.get(str(host.directory.get("computer", "good")), 0), 0, host.domain.fqdn)


def _clock(windows: Windows, realm: Realm | None, material: Material) -> Clock:
    """A clock that is far off from its controller's is not kept by anybody."""
    controller = float(material.settings.clock) if realm == LAB else 0.0
    offset = windows.clock_offset - controller
    kept = abs(offset) < NEGLIGIBLE
    if realm is None:
        return Clock("NTP", ("time.windows.com,0x8",), "", kept, offset)
    return Clock("NT5DS", (), realm.fqdn if kept else "", kept, offset, controller)


def _tickets(inside: Inside, realm: Realm | None) -> tuple[t.Any, ...]:
    return tuple(replace(one, server=one.server.replace("dc1.", f"{realm.controller}.")) for one in inside.tickets) if realm else ()


def closed_ports(host: Host) -> frozenset[int]:
    """Ports that only the firewall keeps silent: those of a host whose trouble that is, or may be."""
    wanted = host.vars.get("ansible_port", HTTPS)
    silent = frozenset(port for port in (HTTP, HTTPS) if host.ports.get(port) == "silent")
    return silent & {wanted} if "firewall" in host.causes else frozenset()


def listened(host: Host) -> tuple[int, ...]:
    """Ports that have a listener."""
    closed = closed_ports(host)
    return tuple(port for port, service in host.ports.items() if (service in LISTENING and port not in (80, 443)) or port in closed)


def needs_leaf(host: Host) -> bool:
    """Whether it has a certificate for TLS."""
    return any(port in host.secure for port in listened(host)) or bool(_told_of_https(host))


def _told_of_https(host: Host) -> list[int]:
    """Ports of listeners for HTTPS that the scenario itself names, and that nothing outside shows."""
    return [one.get("port", HTTPS) for one in host.inside.get("listeners", ()) if one.get("transport") == "HTTPS"]


def _listeners(inside: Inside, host: Host, windows: Windows, material: Material) -> Inside:
    """What lives on a port, and whether that is silent or refuses, to listeners, service and rules.

    A silent 5985 of a host whose trouble is the firewall has a listener behind a rule that is off; a refusing port means that Windows Firewall is off.
    """
    refusing = {port for port in (HTTP, HTTPS) if host.ports.get(port) == "refused"}
    closed = closed_ports(host)
    found: list[Listener] = []
    for port in listened(host):
        secure = port in host.secure
        thumb = thumbprint(material.leaf) if secure and material.leaf else ""
        prefix = f"{windows.url_prefix}-old" if host.ports[port] == "http_sys_404" else windows.url_prefix
        on = (host.address, "127.0.0.1", "::1")
        name = host.fqdn if secure else ""
        transport = "HTTPS" if secure else "HTTP"
        # Two of the same transport differ by address, which together are the listener's key.
        address = f"IP:{host.address}" if any(one.transport == transport for one in found) else "*"
        found.append(Listener(transport, address, port, name, True, prefix, thumb, on if address == "*" else on[:1]))
    inside = replace(inside, listeners=tuple(found))
    if refusing == {HTTP, HTTPS}:
        stopped = replace(inside.services["WinRM"], state="Stopped", exit_code=0)
        inside = replace(inside, services={**inside.services, "WinRM": stopped}, listeners=(Listener(listening_on=()),))
    if refusing:
        inside = replace(inside, profiles={name: FirewallProfile(on=False) for name in inside.profiles})
    rules = tuple(replace(rule, enabled=rule.enabled and HTTP not in closed) if "5985" in rule.ports else rule for rule in inside.rules)
    if any(one.port == HTTPS for one in found) and HTTPS not in closed:
        more = FirewallRule(HTTPS_RULE, "Windows Remote Management (HTTPS-In)", ports=("5986",))
        rules = (*rules, more)
    odd = sorted({one.port for one in found} - {HTTP, HTTPS})
    rules = (*rules, *(FirewallRule(f"{{{uuid.uuid5(uuid.NAMESPACE_DNS, str(port))}}}", f"WinRM {port}", ports=(str(port),)) for port in odd))
    return _certified(replace(inside, rules=rules), host, material)


def _certified(inside: Inside, host: Host, material: Material) -> Inside:
    """Stores and bindings. A port that cuts TLS has a listener with a thumbprint and no binding."""
    stores = {"Root": tuple(Certificate(one) for one in material.roots), "CA": tuple(Certificate(one) for one in material.intermediates)}
    if not material.leaf:
        return replace(inside, stores=stores)
    thumb = thumbprint(material.leaf)
    ports = [one.port for one in inside.listeners if one.thumbprint and host.ports.get(one.port) != "reset"]
    bound = {f"0.0.0.0:{port}": (thumb, profiles.WINRM_APPLICATION) for port in (*ports, *_told_of_https(host))}
    return replace(inside, stores={"My": (Certificate(material.leaf, key=True),), **stores}, bindings=bound)


def _config(windows: Windows) -> dict[str, str]:
    """What is not the default."""
    member = windows.domain is not None
    on = {
        "Service/Auth/Basic": ("Basic" in windows.schemes, False), "Service/Auth/CredSSP": ("CredSSP" in windows.schemes, False),
        "Service/Auth/Negotiate": ("Negotiate" in windows.schemes, True),
        # A host without a domain does not offer Kerberos whatever its setting.
        "Service/Auth/Kerberos": ("Kerberos" in windows.schemes or not member, True),
        "Service/Auth/Certificate": (windows.certificate_auth, False), "Service/AllowUnencrypted": (windows.allow_unencrypted, False),
        "Service/AllowRemoteAccess": (windows.remote_access, True), "Winrs/AllowRemoteShellAccess": (windows.remote_shell_access, True),
    }
    found = {path: str(value).lower() for path, (value, default) in on.items() if value != default}
    if windows.cbt != "relaxed":
        found["Service/Auth/CbtHardeningLevel"] = windows.cbt.capitalize()
    if windows.quota in ("shells", "plugin_shells"):
        found["Winrs/MaxShellsPerUser"] = str(OPEN_SHELLS)
    return found


def _values(windows: Windows) -> dict[tuple[str, str], tuple[str, t.Any]]:
    found: dict[tuple[str, str], tuple[str, t.Any]] = {}
    if windows.ntlm != "allow":
        found[MSV, "RestrictReceivingNTLMTraffic"] = ("REG_DWORD", 1 if windows.ntlm == "deny_domain" else 2)
    if windows.max_token != 16384:
        found[HTTP_PARAMETERS, "MaxFieldLength"] = ("REG_DWORD", windows.max_token)
    local = [one for one in windows.accounts.values() if one.local and one.groups == "administrators"]
    if local and not any(one.filtered for one in local):
        # Else no local administrator but the built-in one could do anything over the network.
        found[UAC, "LocalAccountTokenFilterPolicy"] = ("REG_DWORD", 1)
    return found


def _mappings(host: Host, windows: Windows, material: Material) -> tuple[Mapping, ...]:
    users = dict.fromkeys(windows.client_certificates.values())
    found = tuple(Mapping("*", f"{host.account.get('name', user)}@localhost", material.client_issuer, user) for user in users)
    if host.client_certificate in ("mapping_off", "misplaced"):
        user = host.account["name"]
        found = (*found, Mapping("*", f"{user}@localhost", material.client_issuer, user, host.client_certificate == "misplaced"))
    return found


GROUP_OF = {"administrators": profiles.ADMINISTRATORS, "remote_management_users": profiles.REMOTE_MANAGEMENT}


def _rights(inside: Inside, host: Host, windows: Windows, material: Material) -> Inside:
    """Groups by the accounts; the denied right; shells that are open."""
    groups, rights, accounts = dict(inside.groups), dict(inside.rights), dict[str, str]()
    for spelled, account in windows.accounts.items():
        name, sid = _identity(spelled, account, host, windows, material)
        accounts[name] = sid
        group = GROUP_OF.get(account.groups)
        if group:
            known, members = groups[group]
            groups[group] = (known, (*members, (name, sid)))
        if account.state == "no_network_logon":
            rights["SeDenyNetworkLogonRight"] = (*rights["SeDenyNetworkLogonRight"], sid)
    shells: tuple[Shell, ...] = ()
    if windows.quota in ("shells", "plugin_shells"):
        mine = [one for one in windows.accounts.items() if one[0].partition("@")[0] == host.account.get("name")]
        owner = _identity(*(mine or list(windows.accounts.items()))[0], host, windows, material)[0]
        shells = tuple(Shell(owner) for _turn in range(OPEN_SHELLS))
    return replace(inside, groups=groups, rights=rights, accounts=accounts, shells=shells)


def _identity(spelled: str, account: Account, host: Host, windows: Windows, material: Material) -> tuple[str, str]:
    """An account's name as the host writes it, and its SID."""
    name, _at, foreign = spelled.partition("@")
    realm = next((one for one in REALMS.values() if one.name == foreign), host.domain)
    if account.local or realm is None:
        return f"{windows.computer}\\{name}", f"{profiles.hashed_sid(windows.computer)}-{1001 + sum(map(ord, name)) % 1000}"
    return f"{realm.flat}\\{name}", material.sid(realm, name)
