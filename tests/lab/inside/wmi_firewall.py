# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall and the networks as root/StandardCimv2 shows them (Microsoft's documentation of each class; lists of Get-NetFirewallRule in public logs).

Without the option PolicyStore the local store answers; with ActiveStore what policy adds is there too [inferred that the option does it over WS-Management].
"""

from __future__ import annotations

import typing as t

from .model import FirewallRule
from .wmi_cimv2 import Host, Kind
from .wql import Row, Value

ACTIONS = {"Allow": 2, "ByPass": 3, "Block": 4}
PROFILES = {"Domain": 1, "Private": 2, "Public": 4}
PROTOCOLS = {6: "TCP", 17: "UDP", 1: "ICMPv4", 58: "ICMPv6", 256: "Any"}
NO = 2
"""False in MSFT_NetFirewallRule.Enabled, whose True is 1; in a profile's GpoBoolean False is 0, True 1, "not configured" 2."""
EMPTY: t.Mapping[str, Value] = dict.fromkeys(("Caption", "Description", "InstallDate", "Name", "Status"))


def _rules(host: Host) -> t.Iterator[FirewallRule]:
    return (rule for rule in host.inside.rules if host.active or not rule.policy)


def _keys(rule: FirewallRule) -> dict[str, Value]:
    """Its key in full is CreationClassName; the other three are empty."""
    return {"CreationClassName": f"MSFT|FW|FirewallRule|{rule.id}", "PolicyRuleName": "", "SystemCreationClassName": "", "SystemName": ""}


def rules(host: Host) -> t.Iterator[Row]:
    """MSFT_NetFirewallRule: everything but ports, addresses and program, which filters tell. All rules of the model are inbound."""
    for rule in _rules(host):
        yield {
            **_keys(rule), "Action": ACTIONS[rule.action], "Caption": None, "CommonName": None, "ConditionListType": 3, "Description": "", "Direction": 1,
            "DisplayGroup": "Windows Remote Management" if "WINRM" in rule.id.upper() else None, "DisplayName": rule.name or rule.id, "EdgeTraversalPolicy": 0,
            "ElementName": rule.name or rule.id, "Enabled": 1 if rule.enabled else NO, "EnforcementStatus": None, "ExecutionStrategy": 2, "InstanceID": rule.id,
            "LocalOnlyMapping": False, "LooseSourceMapping": False, "Owner": None, "PolicyDecisionStrategy": 2,
            "PolicyStoreSource": "GroupPolicy" if rule.policy else "PersistentStore", "PolicyStoreSourceType": 2 if rule.policy else 1, "PrimaryStatus": 1,
            "Profiles": sum(PROFILES[profile] for profile in rule.profiles), "RuleGroup": None, "SequencedActions": 3,
            "Status": "The rule was parsed successfully from the store.", "StatusCode": 65536,
        }


def ports(host: Host) -> t.Iterator[Row]:
    """MSFT_NetProtocolPortFilter: its InstanceID is the rule's."""
    for rule in _rules(host):
        yield {
            **EMPTY, "CreationClassName": f"MSFT|FW|FirewallRule|{rule.id}", "DynamicTransport": 0, "IcmpType": ("Any",), "InstanceID": rule.id,
            "LocalPort": rule.ports or ("Any",), "Protocol": PROTOCOLS.get(rule.protocol, str(rule.protocol)), "RemotePort": ("Any",),
            "SystemCreationClassName": "", "SystemName": "",
        }


def addresses(host: Host) -> t.Iterator[Row]:
    """MSFT_NetAddressFilter."""
    for rule in _rules(host):
        yield {
            **EMPTY, "CreationClassName": f"MSFT|FW|FirewallRule|{rule.id}", "InstanceID": rule.id, "LocalAddress": ("Any",),
            "RemoteAddress": rule.remote or ("Any",), "SystemCreationClassName": "", "SystemName": "",
        }


def profiles(host: Host) -> t.Iterator[Row]:
    """MSFT_NetFirewallProfile: DefaultInboundAction 0 is not configured, 2 allow, 4 block; the active store has no "not configured"."""
    for name, profile in host.inside.profiles.items():
        on, allow, local = profile.on, profile.inbound_allow, None
        if host.active:
            on = profile.on if profile.policy_on is None else profile.policy_on
            allow = profile.inbound_allow if profile.policy_inbound_allow is None else profile.policy_inbound_allow
            local = True if profile.policy_local_rules is None else profile.policy_local_rules
        action = 2 if allow else 4 if host.active else 0
        yield {
            "AllowInboundRules": 0 if profile.no_exceptions else 1 if host.active else 2, "AllowLocalFirewallRules": 2 if local is None else int(local),
            "Caption": None, "DefaultInboundAction": action, "DefaultOutboundAction": 2 if host.active else 0, "Description": None,
            "DisabledInterfaceAliases": ("NotConfigured",), "ElementName": None, "EnableStealthModeForIPsec": 2, "Enabled": int(on),
            "InstanceID": f"MSFT|FW|FirewallProfile|{name}", "LogAllowed": 0,
            "LogBlocked": 0, "LogFileName": "%systemroot%\\system32\\LogFiles\\Firewall\\pfirewall.log", "Name": name,
        }


def networks(host: Host) -> t.Iterator[Row]:
    """MSFT_NetConnectionProfile: NetworkCategory 0 public, 1 private, 2 of a domain; connectivity 4 is the Internet."""
    for number, (interface, category) in enumerate(host.inside.networks):
        yield {
            "Caption": None, "Description": None, "ElementName": None, "IPv4Connectivity": 4, "IPv6Connectivity": 1,
            "InstanceID": f"{{{number + 1:08X}-0000-4000-8000-000000000000}}", "InterfaceAlias": interface, "InterfaceIndex": number + 5,
            "Name": host.inside.dns_domain if category == "Domain" else "Network",
            "NetworkCategory": {"Public": 0, "Private": 1, "Domain": 2}[category],
        }


RULE_KEYS = ("CreationClassName", "PolicyRuleName", "SystemCreationClassName", "SystemName")
KINDS = (
    Kind("MSFT_NetFirewallRule", RULE_KEYS, rules), Kind("MSFT_NetProtocolPortFilter", (*RULE_KEYS, "InstanceID"), ports),
    Kind("MSFT_NetAddressFilter", (*RULE_KEYS, "InstanceID"), addresses), Kind("MSFT_NetFirewallProfile", ("InstanceID",), profiles),
    Kind("MSFT_NetConnectionProfile", ("InstanceID",), networks),
)
