# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows Firewall, as far as it decides about WinRM's ports: profiles, rules and policy as the registry has them ([MS-GPFAS] 2.2.2 and 2.2.3), merged as
[MS-FASP] 2.2.38 says, and what follows for each port in each profile.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..evidence.base import Known, Unknown
from ..evidence.host import (
    BLOCKED,
    DOMAIN,
    LOCAL,
    NARROWED,
    OPEN,
    POLICY,
    PRIVATE,
    PUBLIC,
    FirewallEvidence,
    NetworkEvidence,
    PassageEvidence,
    ProfileEvidence,
    RuleEvidence,
)
from . import firewall_rules as rules
from . import services
from .material import NOT_READ, Circumstances, Key, Material, Needs, Query
from .registry import Registry

STORE = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy"
MANAGED = f"{STORE}\\Mdm"
"""[MEM] What device management (Intune) set."""
POLICIES = "HKLM\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"
RULES = "FirewallRules"
INTERFACES = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces"
LISTENERS = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Listener"
STORED_AS = {DOMAIN: "DomainProfile", PRIVATE: "StandardProfile", PUBLIC: "PublicProfile"}
"""The host's own settings: what is called Private now was Standard before Vista."""
POLICY_AS = {DOMAIN: "DomainProfile", PRIVATE: "PrivateProfile", PUBLIC: "PublicProfile"}
OLD_POLICY = "StandardProfile"
SETTINGS = ("EnableFirewall", "DoNotAllowExceptions", "DefaultInboundAction", "AllowLocalPolicyMerge")
CATEGORIES = {0: PUBLIC, 1: PRIVATE, 2: DOMAIN}
"""MSFT_NetConnectionProfile.NetworkCategory."""
NETWORKS = Query("firewall_networks", "SELECT Name,InterfaceAlias,NetworkCategory FROM MSFT_NetConnectionProfile", "root/StandardCimv2")
SERVICE = "MpsSvc"
OUTGOING = "Dir=Out"
OTHERS = (OUTGOING, "Protocol=1", "Protocol=41", "Protocol=47", "Protocol=58", "App=[^Ss]", "AppPkgId=")
"""What marks a rule that cannot decide about a port of HTTP.sys, whose program is System: outgoing, UDP (17), ICMP, tunnels, other programs (a path begins
with a percent sign or a drive), app packages. Of some 500 rules of a server a tenth is left. A rule is never chosen by its name."""
USUAL_PORTS = (5985, 5986)
MOST_RULES, MOST_ADDRESSES, MOST_PORTS = 60, 40, 20
NAMED = 3
"""Rules that one sentence names."""


def needs(circumstances: Circumstances) -> Needs:
    """Profiles and rules from the registry, and which networks are connected."""
    ours = tuple(Key(f"{STORE}\\{name}", deep=False, values=SETTINGS) for name in STORED_AS.values())
    names = (*POLICY_AS.values(), OLD_POLICY)
    ports = dict.fromkeys((*USUAL_PORTS, circumstances.port))
    keys = (
        *ours, Key(f"{STORE}\\{RULES}", deep=False, without=OTHERS),
        # Rules for the ports that name another program: they let nobody in, but whoever made them believes so.
        Key(f"{STORE}\\{RULES}", deep=False, contains=tuple(f"LPort={port}" for port in ports)), Key(MANAGED),
        Key(POLICIES, without=(OUTGOING,), values=tuple(f"{name}\\{setting}" for name in names for setting in SETTINGS)),
        # Covered by the one before; where values are asked one by one, it says that the rules were not read.
        Key(f"{POLICIES}\\{RULES}", without=(OUTGOING,)), Key(INTERFACES, contains=("IPAddress", "SubnetMask")),
    )
    return Needs(keys=(*keys, services.key_of(SERVICE)), commands=(services.command_of(SERVICE),), queries=(NETWORKS,))


def evidence(material: Material, circumstances: Circumstances) -> Known[FirewallEvidence]:
    """What the firewall makes of WinRM's ports, in every profile; Unknown where not one profile could be read."""
    registry = material.registry
    if not registry.keys and not registry.unknown:
        # Nobody asked for anything: then nothing is absent.
        return NOT_READ
    profiles = [_profile(registry, name) for name in STORED_AS]
    known = tuple(one for one in profiles if isinstance(one, ProfileEvidence))
    if not known:
        return next(one for one in profiles if isinstance(one, Unknown))
    mpssvc, networks = services.service(material, SERVICE), _networks(material)
    service = mpssvc.state if mpssvc else ""
    ports = ports_of(material, circumstances)
    all_rules = _rules(registry)
    missing = registry.why(f"{STORE}\\{RULES}"), registry.why(f"{POLICIES}\\{RULES}")
    decider = Decider(all_rules, circumstances.came_from, circumstances.host, _subnets(material), *missing)
    passages = (decider.passage(port, profile, service) for port in ports for profile in known)
    return FirewallEvidence(
        service, known, networks, _telling(all_rules, ports),
        tuple(replace(one, active=_active(networks, one.profile)) for one in passages if one is not None), circumstances.came_from,
    )


def ports_of(material: Material, circumstances: Circumstances) -> tuple[int, ...]:
    """WinRM's usual ports, the inventory's, and those of the host's listeners."""
    listed = material.resource("config/listener")
    told = [row.number("Port") for row in listed] if not isinstance(listed, Unknown) else []
    stored = [material.registry.number(f"{LISTENERS}\\{name}", "Port") for name in material.registry.subkeys(LISTENERS)]
    found = (*USUAL_PORTS, circumstances.port, *told, *stored)
    return tuple(dict.fromkeys(port for port in found if port is not None and 0 < port < 65536))[:MOST_PORTS]


class Decider:
    """Decides about ports; holds what is the same for all of them. `*_missing`: why rules of the host, or of policy, could not be read."""

    def __init__(
        self, known: t.Sequence[RuleEvidence], peer: str, host: str, subnets: rules.Networks,
        local_missing: str | None = None, policy_missing: str | None = None,
    ) -> None:
        self.rules = known
        self.peer, self.host, self.subnets = peer, host, subnets
        self.local_missing, self.policy_missing = local_missing, policy_missing

    def passage(self, port: int, profile: ProfileEvidence, service: str = "") -> PassageEvidence | None:
        """What becomes of a connection; None where nobody can tell, as where rules that may decide could not be read. Order: [MS-FASP] 2.2.38, 2.2.34."""
        if service == "stopped":
            # Microsoft says of that only that it is not supported; Windows of 2008 then blocked what comes in [MEM].
            return None
        where = f"in the {profile.name} profile"
        if not profile.on:
            by = " by policy" if profile.source == POLICY else ""
            return PassageEvidence(port, profile.name, OPEN, f"The firewall is switched off {where}{by}.")
        if profile.no_exceptions:
            why = f"Whatever the rules say, all incoming connections are blocked {where} (DoNotAllowExceptions)."
            return PassageEvidence(port, profile.name, BLOCKED, why)
        mine = [one for one in self.rules if one.enabled and self._holds(one, port, profile)]
        block = [one for one in mine if one.action == "block"]
        allow = [one for one in mine if one.action == "allow"]
        bypass = [one for one in mine if one.action == "bypass"]
        if any(rules.is_plain(one) for one in block):
            return self._blocked_by([one for one in block if rules.is_plain(one)], bypass, port, profile.name)
        if self.policy_missing or (self.local_missing and profile.local_rules):
            return None
        if not allow and not bypass and profile.inbound == "block":
            return PassageEvidence(port, profile.name, BLOCKED, self._nobody(port, profile), rules=_ids(self._almost(port, profile)))
        return self._through([*allow, *bypass], block, port, profile)

    def _holds(self, rule: RuleEvidence, port: int, profile: ProfileEvidence) -> bool:
        """Whether a rule is in force for this port in this profile."""
        ours = rule.source == POLICY or profile.local_rules
        return ours and profile.name in rule.profiles and rules.has_port(rule, port) and rules.concerns_kernel(rule)

    def _blocked_by(self, block: list[RuleEvidence], bypass: list[RuleEvidence], port: int, profile: str) -> PassageEvidence:
        why = f"{_the_rules(block)} {_verb(block, 'block')} TCP port {port} in the {profile} profile."
        if not bypass:
            return PassageEvidence(port, profile, BLOCKED, why, rules=_ids(block))
        why = f"{why[:-1]}, except for what IPsec has authenticated ({_names(bypass)})."
        return PassageEvidence(port, profile, NARROWED, why, remote=_remote(bypass), admits=self._admitted(bypass, []), rules=_ids([*block, *bypass]))

    def _through(self, allow: list[RuleEvidence], block: list[RuleEvidence], port: int, profile: ProfileEvidence) -> PassageEvidence:
        """Some rule, or the default, lets somebody in, and no rule blocks everybody."""
        plain = [one for one in allow if rules.is_plain(one)]
        everybody = bool(plain) or profile.inbound == "allow"
        deciding = plain or ([] if everybody else allow)
        if everybody:
            who = _the_rules(plain) if plain else f"The default of the {profile.name} profile"
            why = f"{who} {_verb(plain, 'let') if plain else 'lets'} TCP port {port} in from everywhere in the {profile.name} profile"
        else:
            narrow = ", ".join(_remote(allow)[:8]) or "some peers"
            words = sorted({word for one in allow for word in one.narrowed_by} | ({"local addresses"} if any(one.local for one in allow) else set()))
            more = f" (narrowed by {', '.join(words)})" if words else ""
            why = f"{_the_rules(allow)} {_verb(allow, 'let')} TCP port {port} in from {narrow} only{more}, in the {profile.name} profile"
        if block:
            kept = ", ".join(_remote(block)[:8]) or "some peers"
            why += f"; the {_the_rules(block)[4:]} {_verb(block, 'keep')} {kept} out"
        if everybody and not block:
            return PassageEvidence(port, profile.name, OPEN, f"{why}.", rules=_ids(deciding))
        admits = self._admitted([] if everybody else allow, block)
        remote = () if everybody else _remote(allow)
        return PassageEvidence(port, profile.name, NARROWED, f"{why}.", remote=remote, admits=admits, rules=_ids([*deciding, *block]))

    def _admitted(self, allow: list[RuleEvidence], block: list[RuleEvidence]) -> Known[bool]:
        """Whether the control node may come; no rule that allows: everybody may."""
        let_in = rules.either(rules.admits(one, self.peer, self.host, self.subnets) for one in allow) if allow else True
        kept_out = rules.either(rules.admits(one, self.peer, self.host, self.subnets) for one in block)
        if kept_out is True or let_in is False:
            return False
        return let_in if isinstance(let_in, Unknown) else Unknown(kept_out.unknown) if isinstance(kept_out, Unknown) else True

    def _almost(self, port: int, profile: ProfileEvidence) -> list[RuleEvidence]:
        """Rules that name the port and would let it in, were it not for one thing."""
        named = [one for one in self.rules if one.action == "allow" and rules.names_port(one, port)]
        return [one for one in named if not (one.enabled and self._holds(one, port, profile))]

    def _nobody(self, port: int, profile: ProfileEvidence) -> str:
        """No rule lets the port in; and what comes closest."""
        hints = []
        almost = self._almost(port, profile)
        reasons = (
            ("{} {} switched off", [one for one in almost if not one.enabled]),
            ("{} {} disregarded, because policy does not merge rules of the host", [one for one in almost if one.source != POLICY and not profile.local_rules]),
            ("{} {} for other profiles", [one for one in almost if one.enabled and profile.name not in one.profiles]),
            ("{} {} for another program than System, which is who listens there", [one for one in almost if not rules.concerns_kernel(one)]),
        )
        for text, those in reasons:
            if those:
                hints.append(text.format(_the_rules(those), "is" if len(those) == 1 else "are"))
        more = "".join(f" {hint}." for hint in hints)
        return f"No rule in force lets TCP port {port} in, and what no rule lets in is blocked in the {profile.name} profile.{more}"


def _profile(registry: Registry, name: str) -> Known[ProfileEvidence]:
    """One profile. Whether it is on, and the default: policy wins where it says so. Block all: on wins. Local rules: only policy decides."""
    ours, old = f"{STORE}\\{STORED_AS[name]}", f"{POLICIES}\\{OLD_POLICY}"
    newer = any(_has_any(registry, f"{POLICIES}\\{POLICY_AS[one]}") for one in (PRIVATE, PUBLIC))
    from_old = name != DOMAIN and not newer
    policies = (old if from_old else f"{POLICIES}\\{POLICY_AS[name]}", f"{MANAGED}\\{POLICY_AS[name]}", f"{MANAGED}\\{STORED_AS[name]}")

    def policy(setting: str) -> int | None:
        return next((value for value in (registry.number(key, setting) for key in policies) if value is not None), None)

    said = policy("EnableFirewall")
    reason = registry.why(policies[0]) or (registry.why(ours) if said is None else None)
    if reason:
        return Unknown(reason)
    on = registry.number(ours, "EnableFirewall") if said is None else said
    # The older form of policy has neither a default nor a word on local rules ([MS-GPFAS] 2.2.3.13, 2.2.3.17).
    default, merge = (None, None) if from_old else (policy("DefaultInboundAction"), policy("AllowLocalPolicyMerge"))
    default = registry.number(ours, "DefaultInboundAction") if default is None else default
    shielded = policy("DoNotAllowExceptions"), registry.number(ours, "DoNotAllowExceptions")
    return ProfileEvidence(name, on != 0, "allow" if default == 0 else "block", 1 in shielded, merge != 0, LOCAL if said is None else POLICY)


def _has_any(registry: Registry, key: str) -> bool:
    """Whether the key is there, or at least something below it."""
    return registry.has(key) or bool(registry.subkeys(key))


def _rules(registry: Registry) -> tuple[RuleEvidence, ...]:
    """Every rule that may concern a TCP port, from the host, from policy and from device management."""
    stores = ((f"{STORE}\\{RULES}", LOCAL), (f"{POLICIES}\\{RULES}", POLICY), (f"{MANAGED}\\{RULES}", POLICY))
    read = [
        rules.parse_rule(value.name, value.data, source) for key, source in stores for value in registry.values(key) if isinstance(value.data, str)
    ]
    for stored, profiles in (("DomainProfile", (DOMAIN,)), (OLD_POLICY, (PRIVATE, PUBLIC))):
        for value in registry.values(f"{POLICIES}\\{stored}\\GloballyOpenPorts\\List"):
            if isinstance(value.data, str):
                read.append(rules.parse_port_exception(value.name, value.data, profiles, POLICY))
    return tuple(one for one in read if one is not None)


def _telling(known: t.Iterable[RuleEvidence], ports: t.Sequence[int]) -> tuple[RuleEvidence, ...]:
    """The rules to show: those that decide, and those that name one of the ports, be they switched off."""
    named = [one for one in known if any(rules.names_port(one, port) for port in ports)]
    general = [one for one in known if not one.ports and one.enabled and rules.concerns_kernel(one)]
    shown = dict.fromkeys([*named, *general])
    most = MOST_ADDRESSES
    return tuple(replace(one, remote=one.remote[:most], local=one.local[:most], ports=one.ports[:most]) for one in list(shown)[:MOST_RULES])


def _networks(material: Material) -> Known[tuple[NetworkEvidence, ...]]:
    rows = material.query(NETWORKS.id)
    if isinstance(rows, Unknown):
        return rows
    found = [
        NetworkEvidence(row.get("InterfaceAlias")[:80], CATEGORIES[category], row.get("Name")[:80])
        for row in rows if (category := row.number("NetworkCategory")) in CATEGORIES
    ]
    return tuple(found) or Unknown("the host named no network that it is connected to")


def _active(networks: Known[tuple[NetworkEvidence, ...]], profile: str) -> Known[bool]:
    return networks if isinstance(networks, Unknown) else any(one.category == profile for one in networks)


def _subnets(material: Material) -> rules.Networks:
    """The networks of the host's adapters, from the registry and from whatever query told of addresses and masks."""
    registry = material.registry
    found: list[tuple[str, str]] = []
    for name in registry.subkeys(INTERFACES):
        key = f"{INTERFACES}\\{name}"
        for addresses, masks in (("IPAddress", "SubnetMask"), ("DhcpIPAddress", "DhcpSubnetMask")):
            found += zip(registry.strings(key, addresses) or (), registry.strings(key, masks) or (), strict=False)
    for rows in material.queries.values():
        for row in () if isinstance(rows, Unknown) else rows:
            found += zip(row.texts("IPAddress"), row.texts("IPSubnet"), strict=False)
    return tuple(dict.fromkeys(one for pair in found for one in rules.network(*pair)))


def _the_rules(those: t.Sequence[RuleEvidence]) -> str:
    return f"The {'rule' if len(those) == 1 else 'rules'} {_names(those)}"


def _names(those: t.Sequence[RuleEvidence]) -> str:
    rest = len(those) - NAMED
    return ", ".join(rules.label(one) for one in those[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _verb(those: t.Sequence[RuleEvidence], word: str) -> str:
    return f"{word}s" if len(those) == 1 else word


def _ids(those: t.Iterable[RuleEvidence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.id for one in those))[:MOST_RULES]


def _remote(those: t.Iterable[RuleEvidence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for one in those for address in one.remote))[:MOST_ADDRESSES]
