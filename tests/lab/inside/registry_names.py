# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a setting of winrm/config stands in the registry: the service's own store, and the policy that owns it."""

from __future__ import annotations

DWORD, SZ = "REG_DWORD", "REG_SZ"
METHODS = ("Basic", "Digest", "Kerberos", "Negotiate", "Certificate", "CredSSP")
LIMITS = (
    "AllowRemoteShellAccess", "IdleTimeout", "MaxConcurrentUsers", "MaxShellRunTime", "MaxProcessesPerShell", "MaxMemoryPerShellMB", "MaxShellsPerUser",
)
STORE_NAMES: dict[str, tuple[str, str, str]] = {
    "MaxEnvelopeSizekb": ("", "maxEnvelopeSize", DWORD), "MaxTimeoutms": ("", "maxTimeout", DWORD), "MaxBatchItems": ("", "maxBatchItems", DWORD),
    "Service/AllowRemoteAccess": ("Service", "allow_remote_requests", DWORD), "Service/AllowUnencrypted": ("Service", "allow_unencrypted", DWORD),
    "Service/Auth/CbtHardeningLevel": ("Service", "cbt_hardening_level", SZ), "Service/IPv4Filter": ("Service", "IPv4Filter", SZ),
    "Service/IPv6Filter": ("Service", "IPv6Filter", SZ), "Service/RootSDDL": ("Service", "rootSDDL", SZ),
    "Service/EnableCompatibilityHttpListener": ("Service", "http_compat_listener", DWORD),
    "Service/EnableCompatibilityHttpsListener": ("Service", "https_compat_listener", DWORD),
    "Service/MaxConcurrentOperationsPerUser": ("Service", "maxConcurrentOperationsPerUser", DWORD),
    "Service/MaxConnections": ("Service", "maxconnections", DWORD), "Service/EnumerationTimeoutms": ("Service", "enumTimeout", DWORD),
    "Service/MaxPacketRetrievalTimeSeconds": ("Service", "maxPacketRetrievalTime", DWORD),
    "Service/CertificateThumbprint": ("Service", "certThumbprint", SZ), "Service/DefaultPorts/HTTP": ("Service", "defaultports_http", DWORD),
    "Service/DefaultPorts/HTTPS": ("Service", "defaultports_https", DWORD), "Client/AllowUnencrypted": ("Client", "allow_unencrypted", DWORD),
    "Client/NetworkDelayms": ("Client", "network_delay", DWORD), "Client/URLPrefix": ("Client", "url_prefix", SZ),
    "Client/TrustedHosts": ("Client", "trusted_hosts", SZ), "Client/DefaultPorts/HTTP": ("Client", "defaultports_http", DWORD),
    "Client/DefaultPorts/HTTPS": ("Client", "defaultports_https", DWORD),
    **{f"{part}/Auth/{method}": (part, f"auth_{method.lower()}", DWORD) for part in ("Service", "Client") for method in METHODS},
    # [inferred] The key WinRS is known, the names of its values are taken to be those of the elements.
    **{f"Winrs/{limit}": ("WinRS", limit, DWORD) for limit in LIMITS},
}
"""Path in winrm/config to key below WSMAN, name and kind; the names that no source shows (of the root, of enumTimeout) are [inferred]."""
POLICY_NAMES: dict[str, tuple[str, str]] = {
    "Service/AllowUnencrypted": ("Service", "AllowUnencryptedTraffic"), "Service/EnableCompatibilityHttpListener": ("Service", "HttpCompatibilityListener"),
    "Service/EnableCompatibilityHttpsListener": ("Service", "HttpsCompatibilityListener"), "Service/AllowRemoteAccess": ("Service", "AllowAutoConfig"),
    "Client/AllowUnencrypted": ("Client", "AllowUnencryptedTraffic"), "Winrs/MaxShellRunTime": ("Service\\WinRS", "ShellTimeOut"),
    **{f"{part}/Auth/{method}": (part, f"Allow{method}") for part in ("Service", "Client") for method in METHODS if method != "Certificate"},
    **{f"Winrs/{limit}": ("Service\\WinRS", limit) for limit in LIMITS if limit != "MaxShellRunTime"},
}
"""Path in winrm/config to the policy's key below WinRM and its DWORD (WindowsRemoteManagement.admx, WindowsRemoteShell.admx)."""
TEXT_POLICIES = {
    "Service/IPv4Filter": ("Service", "AllowAutoConfig", "IPv4Filter"), "Service/IPv6Filter": ("Service", "AllowAutoConfig", "IPv6Filter"),
    "Service/Auth/CbtHardeningLevel": ("Service", "CBTHardeningLevelStatus", "CbtHardeningLevel"),
    "Client/TrustedHosts": ("Client", "TrustedHosts", "TrustedHostsList"),
}
"""Those with a text: key, the DWORD that switches the policy on, the text."""
