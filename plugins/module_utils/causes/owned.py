# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who decides a setting of WinRM: Group Policy, whose settings are changed there and nowhere else, or somebody on the host."""

from __future__ import annotations

import typing as t

from ..evidence.base import Unknown
from ..evidence.host import POLICY, HostEvidence, PolicyValueEvidence, SettingEvidence
from ..finding import Remedy

SERVICE, CLIENT, SHELL = "WinRM\\Service", "WinRM\\Client", "WinRM\\Service\\WinRS"


class Owner(t.NamedTuple):
    """The registry value by which policy owns a setting, and the policy's name in the editor (WindowsRemoteManagement.admx, WindowsRemoteShell.admx)."""

    name: str
    key_end: str
    setting: str


OWNERS = {
    "service/auth/basic": Owner("AllowBasic", SERVICE, "Allow Basic authentication"),
    "service/auth/kerberos": Owner("AllowKerberos", SERVICE, "Disallow Kerberos authentication"),
    "service/auth/negotiate": Owner("AllowNegotiate", SERVICE, "Disallow Negotiate authentication"),
    "service/auth/credssp": Owner("AllowCredSSP", SERVICE, "Allow CredSSP authentication"),
    "service/auth/cbthardeninglevel": Owner("CbtHardeningLevel", SERVICE, "Specify channel binding token hardening level"),
    "service/allowunencrypted": Owner("AllowUnencryptedTraffic", SERVICE, "Allow unencrypted traffic"),
    "service/ipv4filter": Owner("IPv4Filter", SERVICE, "Allow remote server management through WinRM"),
    "service/ipv6filter": Owner("IPv6Filter", SERVICE, "Allow remote server management through WinRM"),
    "service/allowremoteaccess": Owner("AllowAutoConfig", SERVICE, "Allow remote server management through WinRM"),
    "winrs/allowremoteshellaccess": Owner("AllowRemoteShellAccess", SHELL, "Allow Remote Shell Access"),
    "winrs/idletimeout": Owner("IdleTimeout", SHELL, "Specify idle Timeout"),
    "winrs/maxconcurrentusers": Owner("MaxConcurrentUsers", SHELL, "MaxConcurrentUsers"),
    "winrs/maxshellruntime": Owner("ShellTimeOut", SHELL, "Specify Shell Timeout"),
    "winrs/maxprocessespershell": Owner("MaxProcessesPerShell", SHELL, "Specify maximum number of processes per Shell"),
    "winrs/maxmemorypershellmb": Owner("MaxMemoryPerShellMB", SHELL, "Specify maximum amount of memory in MB per Shell"),
    "winrs/maxshellsperuser": Owner("MaxShellsPerUser", SHELL, "Specify maximum number of remote shells per user"),
    "client/auth/basic": Owner("AllowBasic", CLIENT, "Allow Basic authentication"),
    "client/auth/digest": Owner("AllowDigest", CLIENT, "Disallow Digest authentication"),
    "client/auth/kerberos": Owner("AllowKerberos", CLIENT, "Disallow Kerberos authentication"),
    "client/auth/negotiate": Owner("AllowNegotiate", CLIENT, "Disallow Negotiate authentication"),
    "client/auth/credssp": Owner("AllowCredSSP", CLIENT, "Allow CredSSP authentication"),
    "client/allowunencrypted": Owner("AllowUnencryptedTraffic", CLIENT, "Allow unencrypted traffic"),
    "client/trustedhosts": Owner("TrustedHostsList", CLIENT, "Trusted Hosts"),
}
"""Every setting that a policy can own (facts, section h), by its path in lower case."""
VALUES = {"0": "false", "1": "true", "0x0": "false", "0x1": "true"}
WORDS = ("cbthardeninglevel", "filter", "trustedhosts")
"""Paths that end so hold words, not switches."""


def by_policy(seen: HostEvidence, path: str) -> SettingEvidence | None:
    """What policy makes of a setting, where winrm/config itself was not read."""
    found = value_of(seen, path)
    if found is None or found.value is None:
        return None
    told = found.value if path.lower().endswith(WORDS) else VALUES.get(found.value.strip().lower(), found.value)
    return SettingEvidence(path, told, source=POLICY)


def value_of(seen: HostEvidence, path: str) -> PolicyValueEvidence | None:
    """The registry value by which policy owns a setting, if it was read."""
    owner = OWNERS.get(path.lower())
    if owner is None or isinstance(seen.policy, Unknown):
        return None
    return next((one for one in seen.policy if one.name.lower() == owner.name.lower() and one.key.lower().endswith(owner.key_end.lower())), None)


def policy_name(seen: HostEvidence | None, found: SettingEvidence) -> str:
    """The name of the policy that owns a setting, "" where none does."""
    if found.source != POLICY:
        return ""
    told = value_of(seen, found.path) if seen else None
    owner = OWNERS.get(found.path.lower())
    return (told.setting if told else "") or (owner.setting if owner else "") or "a policy of WinRM"


def says(seen: HostEvidence | None, found: SettingEvidence) -> str:
    """Who decides a setting, to stand behind its value."""
    name = policy_name(seen, found)
    if name:
        return f', which the policy "{name}" decides'
    return f", where {found.default or '(empty)'} is the default" if found.default is not None and found.default != found.value else ""


def change(seen: HostEvidence | None, found: SettingEvidence, do: str, how: str, risk: str = "medium") -> Remedy:
    """What changes a setting: there where it is decided. Policy wins over every change on the host, and WinRM refuses it (0x8033808A)."""
    name = policy_name(seen, found)
    return in_policy(name, do, risk) if name else Remedy(do, how, risk)


def security_option(name: str, do: str, risk: str = "medium") -> Remedy:
    """The same for a security option, whose value in the registry does not tell whether Group Policy or somebody on the host has set it."""
    return Remedy(
        f'{do}: security option "{name}"',
        "gpresult /scope computer /h report.html names the Group Policy object that sets it; where none does: secpol.msc, Local Policies, Security Options",
        risk,
    )


def in_policy(name: str, do: str, risk: str = "medium") -> Remedy:
    """The same for whatever a policy decides."""
    return Remedy(
        f'{do}: in Group Policy, setting "{name}"; a change on the host itself is refused or undone',
        "gpresult /scope computer /h report.html names the Group Policy object; after the change: gpupdate /target:computer", risk,
    )
