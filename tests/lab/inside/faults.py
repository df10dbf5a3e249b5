# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usual faults of a host's inside, each under one word; and the fields that a scenario may set by itself. SCENARIOS.md lists the words."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .blobs import thumbprint
from .model import Certificate, FirewallProfile, FirewallRule, Inside, Listener, Netlogon, RegistryValue, Shell
from .profiles import ADMINISTRATORS

POLICY_SYSTEM = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
LSA = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa"
SCHANNEL = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL"
NETLOGON = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Netlogon\\Parameters"
HTTP = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters"
OTHER_ADDRESS = "192.0.2.99"
IIS_APPLICATION = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
Fault = t.Callable[[Inside, str], Inside]
"""`user`: the account of the inventory as the host spells it."""


class WordError(ValueError):
    """A word or a field that is not known."""


def apply(word: str, inside: Inside, user: str) -> Inside:
    """The host with one more fault; raises WordError."""
    if word not in FAULTS:
        raise WordError(f"faults holds {word!r}; expected one of {', '.join(FAULTS)}")
    return FAULTS[word](inside, user)


def _service(**changes: t.Any) -> Fault:
    return lambda inside, _user: replace(inside, services={**inside.services, "WinRM": replace(inside.services["WinRM"], **changes)})


def _value(key: str, name: str, data: t.Any, kind: str = "REG_DWORD") -> Fault:
    return lambda inside, _user: replace(inside, values={**inside.values, (key, name): (kind, data)})


def _setting(path: str, value: str, policy: bool = False) -> Fault:
    if policy:
        return lambda inside, _user: replace(inside, policy_config={**inside.policy_config, path: value})
    return lambda inside, _user: replace(inside, config={**inside.config, path: value})


def _profile(**changes: t.Any) -> Fault:
    return lambda inside, _user: replace(inside, profiles={name: replace(one, **changes) for name, one in inside.profiles.items()})


def _rules(changed: t.Callable[[FirewallRule], FirewallRule | None]) -> Fault:
    return lambda inside, _user: replace(inside, rules=tuple(
        new for rule in inside.rules for new in [changed(rule) if {"5985", "5986"} & set(rule.ports) else rule] if new is not None
    ))


def _rule(rule: FirewallRule) -> Fault:
    return lambda inside, _user: replace(inside, rules=(*inside.rules, rule))


def _listeners(changed: t.Callable[[Listener], Listener | None], transport: str = "") -> Fault:
    return lambda inside, _user: replace(inside, listeners=tuple(
        new for one in inside.listeners for new in [changed(one) if transport in ("", one.transport) else one] if new is not None
    ))


def _managed(inside: Inside, ipv4: str, ipv6: str) -> Inside:
    """The policy "Allow remote server management through WinRM" always writes both filters (WindowsRemoteManagement.admx)."""
    owned = {"Service/AllowRemoteAccess": "true", "Service/IPv4Filter": ipv4, "Service/IPv6Filter": ipv6}
    return replace(inside, policy_config={**inside.policy_config, **owned})


def _filtered(family: str) -> Fault:
    """The listeners hear nothing on addresses of this family any more."""
    def change(inside: Inside, user: str) -> Inside:
        kept = tuple(replace(one, listening_on=tuple(at for at in one.listening_on if (":" in at) == (family == "IPv4"))) for one in inside.listeners)
        filters = (f"{OTHER_ADDRESS}-{OTHER_ADDRESS}", "*") if family == "IPv4" else ("*", "2001:db8::1-2001:db8::2")
        return _managed(replace(inside, listeners=kept), *filters)

    return change


def _bound(thumbprint: str = "", application: str = "") -> Fault:
    return lambda inside, _user: replace(
        inside, bindings={at: (thumbprint or was[0], application or was[1]) for at, was in inside.bindings.items()},
    )


def _store(store: str, changed: t.Callable[[Inside, tuple[Certificate, ...]], tuple[Certificate, ...]]) -> Fault:
    return lambda inside, _user: replace(inside, stores={**inside.stores, store: changed(inside, inside.stores.get(store, ()))})


def _right(name: str, holders: t.Callable[[tuple[str, ...]], tuple[str, ...]]) -> Fault:
    return lambda inside, _user: replace(inside, rights={**inside.rights, name: holders(inside.rights.get(name, ()))})


def _netlogon(**changes: t.Any) -> Fault:
    return lambda inside, _user: replace(inside, netlogon=replace(inside.netlogon, **changes))


def _clock(**changes: t.Any) -> Fault:
    return lambda inside, _user: replace(inside, clock=replace(inside.clock, **changes))


def _shells(inside: Inside, user: str) -> Inside:
    return replace(_setting("Winrs/MaxShellsPerUser", "5")(inside, user), shells=tuple(Shell(user) for _turn in range(5)))


def _newest(inside: Inside) -> str:
    """The certificate besides the one that is presented; where the host has no other, one that it has no more."""
    mine = inside.stores.get("My", ())
    return thumbprint(mine[-1].der) if len(mine) > 1 else "CD" * 20


def _no_member(inside: Inside, user: str) -> Inside:
    groups = {sid: (name, tuple(one for one in members if one[0].lower() != user.lower())) for sid, (name, members) in inside.groups.items()}
    return replace(inside, groups=groups)


def _stopped(name: str) -> Fault:
    return lambda inside, _user: replace(inside, services={**inside.services, name: replace(inside.services[name], state="Stopped", start_mode="Manual")})


FAULTS: dict[str, Fault] = {
    "service_stopped": _service(state="Stopped", exit_code=0),
    "service_failed": _service(state="Stopped", exit_code=5),
    "service_disabled": _service(state="Stopped", start_mode="Disabled"),
    "service_manual": _service(start_mode="Manual", delayed=False),
    "no_listener": _listeners(lambda one: None),
    "no_https_listener": _listeners(lambda one: None, "HTTPS"),
    "listener_disabled": _listeners(lambda one: replace(one, enabled=False, listening_on=())),
    "listener_by_policy": _listeners(lambda one: replace(one, source="GPO"), "HTTP"),
    "listener_other_address": _listeners(lambda one: replace(one, address=f"IP:{OTHER_ADDRESS}", listening_on=())),
    "listener_other_prefix": _listeners(lambda one: replace(one, url_prefix="powershell")),
    "ipv4_filter": _filtered("IPv4"),
    "ipv6_filter": _filtered("IPv6"),
    "empty_filter": lambda inside, user: _listeners(lambda one: replace(one, listening_on=()))(_managed(inside, "", ""), user),
    "managed_by_policy": lambda inside, _user: _managed(inside, "*", "*"),
    "remote_access_off": _setting("Service/AllowRemoteAccess", "false", True),
    "listen_only": lambda inside, _user: replace(inside, listen_only=(OTHER_ADDRESS,)),
    "no_reservation": lambda inside, _user: replace(inside, reservations={url: sddl for url, sddl in inside.reservations.items() if "wsman" not in url}),
    "wrong_reservation": lambda inside, _user: replace(
        inside, reservations={url: "D:(A;;GX;;;NS)" if "wsman" in url else sddl for url, sddl in inside.reservations.items()},
    ),
    "rule_off": _rules(lambda rule: replace(rule, enabled=False)),
    "rule_missing": _rules(lambda rule: None),
    "https_rule_missing": _rules(lambda rule: None if "5986" in rule.ports else rule),
    "rule_local_subnet": _rules(lambda rule: replace(rule, remote=("LocalSubnet",))),
    "rule_other_network": _rules(lambda rule: replace(rule, remote=("192.0.2.0/24",))),
    "rule_domain_only": _rules(lambda rule: replace(rule, profiles=("Domain",))),
    "rule_block": _rule(FirewallRule("{0B1E5F0A-5C1D-4E0B-8A55-5A1B7A3C9F01}", "Block remote administration", action="Block", ports=("5985", "5986"))),
    "rule_by_policy": _rule(FirewallRule("WINRM-HTTP-In-TCP", "@FirewallAPI.dll,-30253", ports=("5985",), policy=True)),
    "network_public": lambda inside, _user: replace(inside, networks=(("Ethernet", "Public"),)),
    "firewall_off": _profile(on=False),
    "firewall_on_by_policy": _profile(policy_on=True),
    "no_exceptions": _profile(no_exceptions=True),
    "no_local_rules": _profile(policy_local_rules=False),
    "inbound_allow": _profile(inbound_allow=True),
    "listener_renewed": lambda inside, user: _listeners(lambda one: replace(one, thumbprint=_newest(inside)), "HTTPS")(inside, user),
    "binding_missing": lambda inside, _user: replace(inside, bindings={}),
    "binding_other": _bound("AB" * 20),
    "binding_foreign": _bound("", IIS_APPLICATION),
    "certificate_missing": _store("My", lambda _inside, old: old[1:]),
    "certificate_no_key": _store("My", lambda _inside, old: tuple(replace(one, key=False) for one in old)),
    "certificate_disallowed": _store("Disallowed", lambda inside, old: (*old, *(Certificate(one.der) for one in inside.stores.get("My", ())))),
    "intermediate_missing": _store("CA", lambda _inside, _old: ()),
    "root_missing": _store("Root", lambda _inside, _old: ()),
    "root_by_policy": lambda inside, user: _store("Root", lambda _inside, _old: ())(
        replace(inside, stores={**inside.stores, "policy/Root": inside.stores.get("Root", ())}), user),
    "root_by_enterprise": lambda inside, user: _store("Root", lambda _inside, _old: ())(
        replace(inside, stores={**inside.stores, "enterprise/Root": inside.stores.get("Root", ())}), user),
    "root_misplaced": _store("Root", lambda inside, old: (*old, *inside.stores.get("CA", ()))),
    "basic_off_by_policy": _setting("Service/Auth/Basic", "false", True),
    "negotiate_off_by_policy": _setting("Service/Auth/Negotiate", "false", True),
    "kerberos_off_by_policy": _setting("Service/Auth/Kerberos", "false", True),
    "unencrypted_off_by_policy": _setting("Service/AllowUnencrypted", "false", True),
    "cbt_strict_by_policy": _setting("Service/Auth/CbtHardeningLevel", "Strict", True),
    "shells_off_by_policy": _setting("Winrs/AllowRemoteShellAccess", "false", True),
    "trusted_hosts": _setting("Client/TrustedHosts", "*"),
    "trusted_hosts_by_policy": _setting("Client/TrustedHosts", "*.lab.test", True),
    "ntlm_in_denied": _value(f"{LSA}\\MSV1_0", "RestrictReceivingNTLMTraffic", 2),
    "ntlm_in_denied_domain": _value(f"{LSA}\\MSV1_0", "RestrictReceivingNTLMTraffic", 1),
    "ntlm_out_denied": _value(f"{LSA}\\MSV1_0", "RestrictSendingNTLMTraffic", 2),
    "ntlm_domain_denied": _value(NETLOGON, "RestrictNTLMInDomain", 7),
    "ntlm_v2_only": _value(LSA, "LmCompatibilityLevel", 5),
    "aes_only": _value(f"{POLICY_SYSTEM}\\Kerberos\\Parameters", "SupportedEncryptionTypes", 0x7FFFFFF8),
    "tls12_off": _value(f"{SCHANNEL}\\Protocols\\TLS 1.2\\Server", "Enabled", 0),
    "token_policy": _value(POLICY_SYSTEM, "LocalAccountTokenFilterPolicy", 1),
    "token_policy_off": _value(POLICY_SYSTEM, "LocalAccountTokenFilterPolicy", 0),
    "no_automatic_roots": _value("HKLM\\SOFTWARE\\Policies\\Microsoft\\SystemCertificates\\AuthRoot", "DisableRootAutoUpdate", 1),
    "small_token": _value(HTTP, "MaxFieldLength", 4096),
    "large_token": _value(HTTP, "MaxFieldLength", 65534),
    "deny_local_accounts": _right("SeDenyNetworkLogonRight", lambda old: (*old, "S-1-5-113")),
    "deny_local_administrators": _right("SeDenyNetworkLogonRight", lambda old: (*old, "S-1-5-114")),
    "no_network_right": _right("SeNetworkLogonRight", lambda _old: (ADMINISTRATORS,)),
    "no_member": _no_member,
    "channel_broken": _netlogon(channel=1787),
    "channel_denied": _netlogon(channel=5),
    "channel_no_server": _netlogon(channel=1311, located=1355),
    "controller_gone": _netlogon(channel=1722, located=1355),
    "clock_alone": _clock(source="", synchronised=False),
    "clock_nosync": _clock(type="NoSync", source="", synchronised=False),
    "clock_ahead": _clock(offset=900.0),
    "time_stopped": _stopped("W32Time"),
    "shells_used_up": _shells,
    "quota_small": _setting("Service/MaxConcurrentOperationsPerUser", "15"),
}
"""Word to what it does."""
PLAIN = ("config", "policy_config", "reservations", "manner", "slow")
LISTS = ("listen_only", "forbidden")


def fields(inside: Inside, given: t.Mapping[str, t.Any]) -> Inside:
    """Fields of Inside as a scenario writes them: mappings are added to what is there, the rest takes its place; raises WordError."""
    changes: dict[str, t.Any] = {}
    for name, value in given.items():
        if name in PLAIN:
            changes[name] = {**getattr(inside, name), **value}
        elif name in LISTS:
            changes[name] = tuple(value)
        elif name in BUILT:
            changes[name] = BUILT[name](inside, value)
        else:
            raise WordError(f"inside holds {name!r}; expected one of {', '.join(KEYS)}")
    return replace(inside, **changes)


def _registry(value: t.Any) -> RegistryValue:
    if isinstance(value, int):
        return "REG_DWORD", int(value)
    if isinstance(value, list):
        return "REG_MULTI_SZ", tuple(map(str, value))
    return ("", "") if value is None else ("REG_SZ", str(value))


def _tuples(given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def _listener(inside: Inside, given: t.Mapping[str, t.Any]) -> Listener:
    """`self` stands for the host's own address; a listener for HTTPS without a thumbprint of its own names the host's first certificate."""
    own = inside.addresses[0] if inside.addresses else "127.0.0.1"
    told = {**given, "address": str(given.get("address", "*")).replace("self", own)}
    told["listening_on"] = [own if at == "self" else at for at in given.get("listening_on", ())]
    mine = inside.stores.get("My", ())
    if told.get("transport") == "HTTPS" and mine:
        told.setdefault("thumbprint", thumbprint(mine[0].der))
    return Listener(**_tuples(told))


BUILT: dict[str, t.Callable[[Inside, t.Any], t.Any]] = {
    "values": lambda inside, given: {
        **inside.values, **{(path.rpartition("\\")[0], path.rpartition("\\")[2]): _registry(value) for path, value in given.items()},
    },
    "rules": lambda inside, given: (*inside.rules, *(FirewallRule(**_tuples(one)) for one in given)),
    "listeners": lambda inside, given: tuple(_listener(inside, one) for one in given),
    "profiles": lambda inside, given: {**inside.profiles, **{name: FirewallProfile(**one) for name, one in given.items()}},
    "services": lambda inside, given: {**inside.services, **{name: replace(inside.services[name], **one) for name, one in given.items()}},
    "networks": lambda _inside, given: tuple((str(name), str(category)) for name, category in given.items()),
    "rights": lambda inside, given: {**inside.rights, **{name: tuple(holders) for name, holders in given.items()}},
    "netlogon": lambda inside, given: Netlogon(**{"controller": inside.netlogon.controller, **given}),
    "clock": lambda inside, given: replace(inside.clock, **_tuples(given)),
    "root_sddl": lambda _inside, given: str(given),
}
KEYS = ("profile", "language", "faults", *PLAIN, *LISTS, *BUILT)
"""All keys of `inside`."""
