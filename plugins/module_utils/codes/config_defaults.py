# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""winrm/config as Windows delivers it ([MS-WSMV] 2.2.4 and recorded answers), and where the registry keeps what differs from that."""

from __future__ import annotations

import typing as t

NO_LIMIT = "2147483647"
DEFAULTS: t.Mapping[str, tuple[str, ...]] = {
    "MaxEnvelopeSizekb": ("500",),
    "MaxTimeoutms": ("60000",),
    "MaxBatchItems": ("32000",),
    "MaxProviderRequests": ("4294967295",),
    "Client/NetworkDelayms": ("5000",),
    "Client/URLPrefix": ("wsman",),
    "Client/AllowUnencrypted": ("false",),
    "Client/Auth/Basic": ("true",),
    "Client/Auth/Digest": ("true",),
    "Client/Auth/Kerberos": ("true",),
    "Client/Auth/Negotiate": ("true",),
    "Client/Auth/Certificate": ("true",),
    "Client/Auth/CredSSP": ("false",),
    "Client/DefaultPorts/HTTP": ("5985",),
    "Client/DefaultPorts/HTTPS": ("5986",),
    "Client/TrustedHosts": ("",),
    # The read right of INTERACTIVE came with Windows 8; the two spellings of the audit entry mean the same.
    "Service/RootSDDL": (
        "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)",
        "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GWGX;;;WD)",
    ),
    "Service/MaxConcurrentOperations": ("4294967295",),
    "Service/MaxConcurrentOperationsPerUser": ("1500",),
    "Service/EnumerationTimeoutms": ("240000",),
    "Service/MaxConnections": ("300",),
    "Service/MaxPacketRetrievalTimeSeconds": ("120",),
    "Service/AllowUnencrypted": ("false",),
    "Service/Auth/Basic": ("false",),
    "Service/Auth/Kerberos": ("true",),
    "Service/Auth/Negotiate": ("true",),
    "Service/Auth/Certificate": ("false",),
    "Service/Auth/CredSSP": ("false",),
    "Service/Auth/CbtHardeningLevel": ("Relaxed",),
    "Service/DefaultPorts/HTTP": ("5985",),
    "Service/DefaultPorts/HTTPS": ("5986",),
    "Service/IPv4Filter": ("*",),
    "Service/IPv6Filter": ("*",),
    "Service/EnableCompatibilityHttpListener": ("false",),
    "Service/EnableCompatibilityHttpsListener": ("false",),
    "Service/CertificateThumbprint": ("",),
    "Service/AllowRemoteAccess": ("true",),
    "Winrs/AllowRemoteShellAccess": ("true",),
    "Winrs/IdleTimeout": ("7200000",),
    "Winrs/MaxConcurrentUsers": (NO_LIMIT, "10"),
    "Winrs/MaxShellRunTime": (NO_LIMIT,),
    "Winrs/MaxProcessesPerShell": (NO_LIMIT, "25"),
    "Winrs/MaxMemoryPerShellMB": (NO_LIMIT, "1024"),
    "Winrs/MaxShellsPerUser": (NO_LIMIT, "30"),
}
"""Path to the default; where versions since Windows 8 and Server 2012 differ, the newest first."""

DEFAULTS_BEFORE_6_2: t.Mapping[str, tuple[str, ...]] = {
    "MaxEnvelopeSizekb": ("150",),
    "MaxBatchItems": ("32000", "20"),
    "MaxProviderRequests": ("4294967295", "25"),
    "Service/RootSDDL": (
        "O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)(AU;SA;GWGX;;;WD)", "O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)",
        "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;ER)S:P(AU;FA;GA;;;WD)(AU;SA;GWGX;;;WD)",
    ),
    "Service/MaxConcurrentOperations": ("4294967295", "100"),
    "Service/MaxConcurrentOperationsPerUser": ("15", "1500"),
    "Service/EnumerationTimeoutms": ("60000",),
    "Service/MaxConnections": ("25", "5"),
    "Winrs/IdleTimeout": ("180000", "900000"),
    "Winrs/MaxConcurrentUsers": ("5",),
    "Winrs/MaxShellRunTime": (NO_LIMIT, "28800000"),
    "Winrs/MaxProcessesPerShell": ("15", "5"),
    "Winrs/MaxMemoryPerShellMB": ("150",),
    "Winrs/MaxShellsPerUser": ("5", "2"),
}
"""The same for WinRM 2 and older (Windows 7, Server 2008 R2), where it differs ([MS-WSMV] appendix; partly from memory)."""

DEPRECATED = frozenset(("MaxProviderRequests", "Service/MaxConcurrentOperations"))
"""They do nothing since Windows 7, and changing them is refused (0x803381AE)."""
READ_ONLY = frozenset((*DEPRECATED, "Service/AllowRemoteAccess", "Winrs/MaxShellRunTime"))
"""Windows computes them, or keeps them for old clients; changing them is refused (0x8033813F)."""

STORE = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN"
"""Keeps what differs from the defaults (recorded)."""
POLICIES = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM"
STORED: t.Mapping[str, tuple[str, str]] = {
    "Client/NetworkDelayms": ("Client", "network_delay"),
    "Client/URLPrefix": ("Client", "url_prefix"),
    "Client/AllowUnencrypted": ("Client", "allow_unencrypted"),
    "Client/Auth/Basic": ("Client", "auth_basic"),
    "Client/Auth/Digest": ("Client", "auth_digest"),
    "Client/Auth/Kerberos": ("Client", "auth_kerberos"),
    "Client/Auth/Negotiate": ("Client", "auth_negotiate"),
    "Client/Auth/Certificate": ("Client", "auth_certificate"),
    "Client/Auth/CredSSP": ("Client", "auth_credssp"),
    "Client/DefaultPorts/HTTP": ("Client", "defaultports_http"),
    "Client/DefaultPorts/HTTPS": ("Client", "defaultports_https"),
    "Client/TrustedHosts": ("Client", "trusted_hosts"),
    "Service/RootSDDL": ("Service", "rootSDDL"),
    "Service/MaxConcurrentOperationsPerUser": ("Service", "maxConcurrentOperationsPerUser"),
    "Service/MaxConnections": ("Service", "maxconnections"),
    "Service/MaxPacketRetrievalTimeSeconds": ("Service", "maxPacketRetrievalTime"),
    "Service/AllowUnencrypted": ("Service", "allow_unencrypted"),
    "Service/Auth/Basic": ("Service", "auth_basic"),
    "Service/Auth/Kerberos": ("Service", "auth_kerberos"),
    "Service/Auth/Negotiate": ("Service", "auth_negotiate"),
    "Service/Auth/Certificate": ("Service", "auth_certificate"),
    "Service/Auth/CredSSP": ("Service", "auth_credssp"),
    "Service/Auth/CbtHardeningLevel": ("Service", "cbt_hardening_level"),
    "Service/IPv4Filter": ("Service", "IPv4Filter"),
    "Service/IPv6Filter": ("Service", "IPv6Filter"),
    "Service/EnableCompatibilityHttpListener": ("Service", "http_compat_listener"),
    "Service/EnableCompatibilityHttpsListener": ("Service", "https_compat_listener"),
    "Service/AllowRemoteAccess": ("Service", "allow_remote_requests"),
}
"""Path to the subkey of `STORE` and the value's name. Names of the other settings are not known; they are then left out."""
OWNED: t.Mapping[str, tuple[str, str]] = {
    "Client/AllowUnencrypted": ("Client", "AllowUnencryptedTraffic"),
    "Client/Auth/Basic": ("Client", "AllowBasic"),
    "Client/Auth/Digest": ("Client", "AllowDigest"),
    "Client/Auth/Kerberos": ("Client", "AllowKerberos"),
    "Client/Auth/Negotiate": ("Client", "AllowNegotiate"),
    "Client/Auth/CredSSP": ("Client", "AllowCredSSP"),
    "Client/TrustedHosts": ("Client", "TrustedHostsList"),
    "Service/AllowUnencrypted": ("Service", "AllowUnencryptedTraffic"),
    "Service/Auth/Basic": ("Service", "AllowBasic"),
    "Service/Auth/Kerberos": ("Service", "AllowKerberos"),
    "Service/Auth/Negotiate": ("Service", "AllowNegotiate"),
    "Service/Auth/CredSSP": ("Service", "AllowCredSSP"),
    "Service/Auth/CbtHardeningLevel": ("Service", "CbtHardeningLevel"),
    "Service/IPv4Filter": ("Service", "IPv4Filter"),
    "Service/IPv6Filter": ("Service", "IPv6Filter"),
    "Service/EnableCompatibilityHttpListener": ("Service", "HttpCompatibilityListener"),
    "Service/EnableCompatibilityHttpsListener": ("Service", "HttpsCompatibilityListener"),
    "Service/AllowRemoteAccess": ("Service", "AllowAutoConfig"),
    "Winrs/AllowRemoteShellAccess": ("Service\\WinRS", "AllowRemoteShellAccess"),
    "Winrs/IdleTimeout": ("Service\\WinRS", "IdleTimeout"),
    "Winrs/MaxConcurrentUsers": ("Service\\WinRS", "MaxConcurrentUsers"),
    "Winrs/MaxShellRunTime": ("Service\\WinRS", "ShellTimeOut"),
    "Winrs/MaxProcessesPerShell": ("Service\\WinRS", "MaxProcessesPerShell"),
    "Winrs/MaxMemoryPerShellMB": ("Service\\WinRS", "MaxMemoryPerShellMB"),
    "Winrs/MaxShellsPerUser": ("Service\\WinRS", "MaxShellsPerUser"),
}
"""Path to the subkey of `POLICIES` and the value's name, of every setting that Group Policy can own."""


def defaults_of(path: str, build: str = "") -> tuple[str, ...]:
    """What an untouched host of this build (`10.0.20348`; "" where it is not known) may show; none for settings nobody has written down."""
    known = _KNOWN.get(path.lower())
    if known is None:
        return ()
    old = DEFAULTS_BEFORE_6_2.get(known) if build.startswith(("5.", "6.0", "6.1")) else None
    return old or DEFAULTS[known]


def spelled(path: str) -> str:
    """A setting's path as Windows writes it, whatever the case it came in."""
    return _KNOWN.get(path.lower(), path)


_KNOWN = {path.lower(): path for path in DEFAULTS}
