# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's inside made by hand: a healthy member of a domain with both listeners, and single things changed about it."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    DENIED,
    POLICY,
    AccessEvidence,
    BindingEvidence,
    CertificatesEvidence,
    ChainEvidence,
    ChannelEvidence,
    ClientEvidence,
    ConfigEvidence,
    DescriptorEvidence,
    FirewallEvidence,
    GateEvidence,
    HostEvidence,
    LimitsEvidence,
    ListenerEvidence,
    ListenersEvidence,
    MappingEvidence,
    MembershipEvidence,
    NetworkEvidence,
    PassageEvidence,
    PolicyValueEvidence,
    ProblemEvidence,
    ProfileEvidence,
    RuleEvidence,
    ServiceEvidence,
    SettingEvidence,
    StoredCertificateEvidence,
    StoreEvidence,
    SystemEvidence,
    TimeEvidence,
)
from cases import ADDRESS, CERTIFICATE, attempt, case, logon, silent

AT = "2026-04-08T22:48:00Z"
LSA, MSV = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0"
SCHANNEL = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols"
DEFAULTS = {
    "Service/AllowUnencrypted": "false", "Service/AllowRemoteAccess": "true", "Service/IPv4Filter": "*", "Service/IPv6Filter": "*",
    "Service/Auth/Basic": "false", "Service/Auth/Kerberos": "true", "Service/Auth/Negotiate": "true", "Service/Auth/Certificate": "false",
    "Service/Auth/CredSSP": "false", "Service/Auth/CbtHardeningLevel": "Relaxed", "Winrs/AllowRemoteShellAccess": "true", "Winrs/MaxShellsPerUser": "30",
    "Client/Auth/Basic": "true", "Client/Auth/Kerberos": "true", "Client/Auth/Negotiate": "true", "Client/Auth/Certificate": "true",
    "Client/Auth/CredSSP": "false",
    "Client/AllowUnencrypted": "false", "Client/TrustedHosts": "",
}
HTTP = ListenerEvidence("*", "HTTP", 5985, listening_on=("127.0.0.1", ADDRESS, "::1"))
HTTPS = ListenerEvidence("*", "HTTPS", 5986, "web01.example.com", thumbprint=CERTIFICATE.thumbprint, listening_on=("127.0.0.1", ADDRESS, "::1"))
BINDING = BindingEvidence("0.0.0.0:5986", CERTIFICATE.thumbprint, "{afebb9ad-9b97-4a91-9ab5-daf4d59122f6}", "MY")
TRUSTED = ChainEvidence("trusted", "Its chain ends in a root of the store Root.", ("CN=web01.example.com", "CN=Example CA"), ("My", "Root"))
STORED = StoredCertificateEvidence("My", CERTIFICATE, key=True, used_by=("*+HTTPS",), chain=TRUSTED, days_left=268.0)
RULE = RuleEvidence("WINRM-HTTP-In-TCP", "@FirewallAPI.dll,-30253", profiles=("domain", "private"), ports=("5985",))
RULE_TLS = RuleEvidence("winrm-https", "WinRM HTTPS", profiles=("domain", "private"), ports=("5986",))
MEMBER = MembershipEvidence(
    True, 3, "lab.test", "WEB01", ChannelEvidence(0, "dc1.lab.test", means="NERR_Success"), ChannelEvidence(0, "dc1.lab.test", "192.0.2.1", "NERR_Success"),
)
WORKGROUP = MembershipEvidence(False, 2, "WORKGROUP", "WEB01")
GATES = {"network_logon": "Everyone has SeNetworkLogonRight.", "root": "RootSDDL allows LAB\\svc to read winrm/config (GR)."}
ROOT = "No entry of RootSDDL allows LAB\\svc to open a PowerShell session (GX)."
"""Where the plugin has no descriptor of its own."""


def config(source: str = "local", /, **changes: str) -> ConfigEvidence:
    """winrm/config as Windows has it by default but for what is given, with `__` in place of `/`."""
    given = {path.replace("__", "/"): value for path, value in changes.items()}
    values = {**DEFAULTS, **given}
    return ConfigEvidence(tuple(
        SettingEvidence(path, value, DEFAULTS.get(path), source if path in given else "default") for path, value in values.items()
    ))


def problem(kind: str, subject: str = "", means: str = "") -> ProblemEvidence:
    """Something that does not fit."""
    return ProblemEvidence(kind, means or f"{subject or 'It'}: {kind}.", subject)


def listeners(*listed: ListenerEvidence, **changes: t.Any) -> ListenersEvidence:
    """Both listeners by default."""
    good = ListenersEvidence(
        listed or (HTTP, HTTPS), (ADDRESS, "127.0.0.1"), "*", "*", (), (BINDING,), (),
    )
    return replace(good, **changes)


def passage(outcome: str = "open", port: int = 5986, profile: str = "domain", **changes: t.Any) -> PassageEvidence:
    """What the firewall does on one port in one profile."""
    return PassageEvidence(port, profile, outcome, changes.pop("why", f"It is {outcome}."), **changes)


def firewall(*passages: PassageEvidence, **changes: t.Any) -> FirewallEvidence:
    """On in every profile; a network of the domain; both ports open there by default."""
    usual = (passage("open", 5985, rules=(RULE.id,)), passage(rules=(RULE_TLS.id,)))
    good = FirewallEvidence(
        "running", tuple(ProfileEvidence(name) for name in ("domain", "private", "public")), (NetworkEvidence("Ethernet", "domain", "lab.test"),),
        (RULE, RULE_TLS), passages or usual,
    )
    return replace(good, **changes)


def certificates(*stored: StoredCertificateEvidence, **changes: t.Any) -> CertificatesEvidence:
    """One certificate, which the listener uses, with a trusted chain."""
    return replace(CertificatesEvidence((StoreEvidence("My", count=1), StoreEvidence("Root", count=20)), stored or (STORED,), True), **changes)


def access(refused: str = "", why: str = "", **changes: t.Any) -> AccessEvidence:
    """Every gate lets the user in, but for `refused`."""
    usual = {**GATES, "powershell": "BUILTIN\\Administrators may do everything.", "cmd": "BUILTIN\\Administrators may do everything."}
    gates = tuple(
        GateEvidence(name, "refused", why or f"{name} refuses.") if name == refused else GateEvidence(name, "allowed", said)
        for name, said in usual.items()
    )
    plugin = DescriptorEvidence("microsoft.powershell", "O:NSG:BAD:P(A;;GA;;;BA)")
    return replace(AccessEvidence("LAB\\svc", "S-1-5-21-1-2-3-1104", False, False, gates=gates, descriptors=(plugin,)), **changes)


def policy(*set_values: tuple[str, str] | tuple[str, str, str], **more: str) -> tuple[PolicyValueEvidence, ...]:
    """The values that bear on logons; those given are set, as (name, value) or (key, name, value)."""
    names = {"RestrictReceivingNTLMTraffic": MSV, "RestrictSendingNTLMTraffic": MSV, "ClientAllowedNTLMServers": MSV, "LmCompatibilityLevel": LSA}
    given = {(one[0] if len(one) == 3 else names.get(one[0], "HKLM\\KEY"), one[-2]): one[-1] for one in set_values}
    values = {**{(key, name): None for name, key in names.items()}, **given}
    return tuple(PolicyValueEvidence(key, name, value, "", **more) for (key, name), value in values.items())


def winrm_policy(name: str, value: str, setting: str = "", side: str = "Service") -> PolicyValueEvidence:
    """A value that only Group Policy writes."""
    key = f"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM\\{side}"
    return PolicyValueEvidence(key, name, value, "", "winrm_service", POLICY, setting)


def inside(**changes: t.Any) -> HostEvidence:
    """A host where all is well, read by its own way."""
    good = HostEvidence(
        at=AT, vantage="control01", account="LAB\\svc", method="negotiate", scheme="https", port=5986,
        system=SystemEvidence("WEB01", "Windows Server 2022 Standard", "10.0.20348", True), config=config(), listeners=listeners(),
        service=(ServiceEvidence("WinRM", "running", "auto", True), ServiceEvidence("HTTP", "running"), ServiceEvidence("w32time", "running", "auto")),
        firewall=firewall(), certificates=certificates(), mappings=(), policy=policy(), access=access(), domain=MEMBER,
        time=TimeEvidence("NT5DS", ("dc1.lab.test",), "running", "dc1.lab.test", "2026-04-08T22:00:00Z", True, 0.2, 0.05, "dc1.lab.test", 0.1),
        client=ClientEvidence(tuple(one for one in config().settings if one.path.startswith("Client/")), ()),
        limits=LimitsEvidence(16384, 16384, (), (), 0), requests=9, sent=9000, received=60000, seconds=0.8,
    )
    return replace(good, **changes)


def denied(**changes: t.Any) -> HostEvidence:
    """What a plain Remote Management User gets to see."""
    names = ("config", "listeners", "service", "firewall", "certificates", "policy", "access", "domain", "time", "limits", "mappings", "client")
    shut = dict.fromkeys(names, Unknown(DENIED))
    return inside(**shut, denied=("winrm/config", "WMI root/cimv2", "cmd (WinRS)"), **changes)


def rescued(**changes: t.Any) -> HostEvidence:
    """The same, read by an alternate logon because the own way is the broken one."""
    return inside(way="rescue", account="rescue", method="ntlm", scheme="http", port=5985, **changes)


def seen(host: HostEvidence | Unknown | None = None, made: t.Any = None, scheme: str = "https", /, **others: t.Any) -> Case:
    """A host whose logon works, and its inside; `made` is the own attempt."""
    way = logon(made if made is not None else attempt(), *others.pop("more", ()), certificate=others.pop("certificate", None))
    return replace(case(scheme, logon=way, **others), host=host if host is not None else inside())


def shut(host: HostEvidence | None = None, state: str = "filtered", scheme: str = "https", **others: t.Any) -> Case:
    """A host whose WinRM port does not open; an alternate logon over the other port got in."""
    port, other = (5986, 5985) if scheme == "https" else (5985, 5986)
    own = attempt("not_tried", scheme=scheme, port=port, reason="not_reached", used=False, rungs=())
    rescue = attempt(way="rescue", own=False, account="rescue", kind="local", scheme="http" if other == 5985 else "https", port=other)
    base = silent(state, scheme=scheme, also=others.pop("also", {other: "open"}), logon=logon(own, rescue), **others)
    return replace(base, host=host if host is not None else rescued())


def pair(client: HostEvidence | Unknown | None = None, server: HostEvidence | None = None, /, scheme: str = "http", **others: t.Any) -> Case:
    """A host that lets this control node in, and the Windows machine that it does not."""
    made = attempt(scheme=scheme, port=5986 if scheme == "https" else 5985)
    base = seen(server if server is not None else inside(), made, scheme, **others)
    return replace(base, client=client if client is not None else inside(), client_name="admin01")


MAPPING = MappingEvidence("*", "svc@lab.test", "CD" * 20, "svc-local")
