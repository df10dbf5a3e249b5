# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""winrm/config and what lies below it: the whole tree, listeners, certificate mappings ([MS-WSMV] 2.2.5)."""

from __future__ import annotations

import typing as t
from xml.sax.saxutils import escape, quoteattr

from ..logon.soap import MS
from ..messages import Windows
from .manners import manner
from .model import Inside, Listener, Mapping

ROOT_SDDL = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
DEFAULTS: t.Mapping[str, str] = {
    "MaxEnvelopeSizekb": "500", "MaxTimeoutms": "60000", "MaxBatchItems": "32000", "MaxProviderRequests": "4294967295",
    "Client/NetworkDelayms": "5000", "Client/URLPrefix": "wsman", "Client/AllowUnencrypted": "false",
    "Client/Auth/Basic": "true", "Client/Auth/Digest": "true", "Client/Auth/Kerberos": "true", "Client/Auth/Negotiate": "true",
    "Client/Auth/Certificate": "true", "Client/Auth/CredSSP": "false",
    "Client/DefaultPorts/HTTP": "5985", "Client/DefaultPorts/HTTPS": "5986", "Client/TrustedHosts": "",
    "Service/RootSDDL": ROOT_SDDL, "Service/MaxConcurrentOperations": "4294967295", "Service/MaxConcurrentOperationsPerUser": "1500",
    "Service/EnumerationTimeoutms": "240000", "Service/MaxConnections": "300", "Service/MaxPacketRetrievalTimeSeconds": "120",
    "Service/AllowUnencrypted": "false", "Service/Auth/Basic": "false", "Service/Auth/Kerberos": "true", "Service/Auth/Negotiate": "true",
    "Service/Auth/Certificate": "false", "Service/Auth/CredSSP": "false", "Service/Auth/CbtHardeningLevel": "Relaxed",
    "Service/DefaultPorts/HTTP": "5985", "Service/DefaultPorts/HTTPS": "5986", "Service/IPv4Filter": "*", "Service/IPv6Filter": "*",
    "Service/EnableCompatibilityHttpListener": "false", "Service/EnableCompatibilityHttpsListener": "false", "Service/CertificateThumbprint": "",
    "Service/AllowRemoteAccess": "true",
    "Winrs/AllowRemoteShellAccess": "true", "Winrs/IdleTimeout": "7200000", "Winrs/MaxConcurrentUsers": "2147483647",
    "Winrs/MaxShellRunTime": "2147483647", "Winrs/MaxProcessesPerShell": "2147483647", "Winrs/MaxMemoryPerShellMB": "2147483647",
    "Winrs/MaxShellsPerUser": "2147483647",
}
"""Path to value in the order of a recorded answer; Basic and CredSSP, which were on there, as a pristine registry has them."""
OLDER: t.Mapping[str, t.Mapping[str, str]] = {
    "server2012r2": {
        "Winrs/MaxConcurrentUsers": "10", "Winrs/MaxProcessesPerShell": "25", "Winrs/MaxMemoryPerShellMB": "1024", "Winrs/MaxShellsPerUser": "30",
    },
    "server2008r2": {
        "MaxEnvelopeSizekb": "150", "MaxProviderRequests": "25", "Service/RootSDDL": "O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)(AU;SA;GWGX;;;WD)",
        "Service/MaxConcurrentOperations": "100", "Service/MaxConcurrentOperationsPerUser": "15", "Service/EnumerationTimeoutms": "60000",
        "Service/MaxConnections": "25", "Winrs/IdleTimeout": "900000", "Winrs/MaxConcurrentUsers": "5", "Winrs/MaxShellRunTime": "28800000",
        "Winrs/MaxProcessesPerShell": "5", "Winrs/MaxMemoryPerShellMB": "150", "Winrs/MaxShellsPerUser": "2",
    },
}
"""Where older versions differ ([MS-WSMV] 2.2.4 and its product notes; Microsoft's documentation of WinRM 2.0)."""
ABSENT: t.Mapping[str, tuple[str, ...]] = {"server2008r2": ("Service/AllowRemoteAccess",)}
PARTS = ("", "client", "client/auth", "client/defaultports", "service", "service/auth", "service/defaultports", "winrs")
"""What can be read by Get on its own, below config ([MS-WSMV] 3.1.4.2)."""
Tree = dict[str, t.Union[str, "Tree"]]


def values(inside: Inside, windows: Windows) -> dict[str, str]:
    """Path to value, in element order: what policy says wins over what was set, that over what the rest of the stand-in does, that over defaults."""
    defaults = {**DEFAULTS, **OLDER.get(inside.profile, {}), **_as_it_behaves(windows)}
    if inside.root_sddl:
        defaults["Service/RootSDDL"] = inside.root_sddl
    found = {**defaults, **inside.config, **inside.policy_config}
    return {path: value for path, value in found.items() if path not in ABSENT.get(inside.profile, ())}


def _as_it_behaves(windows: Windows) -> dict[str, str]:
    """The stand-in's own conduct, in words of its configuration."""

    def flag(value: bool) -> str:
        return "true" if value else "false"

    # Kerberos is not offered in a workgroup, however it is set [inferred, docs/known-unknowns.md].
    return {
        "Service/Auth/Basic": flag("Basic" in windows.schemes), "Service/Auth/Negotiate": flag("Negotiate" in windows.schemes),
        "Service/Auth/Kerberos": flag("Kerberos" in windows.schemes or windows.domain is None), "Service/Auth/CredSSP": flag("CredSSP" in windows.schemes),
        "Service/Auth/Certificate": flag(windows.certificate_auth), "Service/Auth/CbtHardeningLevel": windows.cbt.capitalize(),
        "Service/AllowUnencrypted": flag(windows.allow_unencrypted), "Service/AllowRemoteAccess": flag(windows.remote_access),
        "Winrs/AllowRemoteShellAccess": flag(windows.remote_shell_access),
    }


class Writer:
    """Elements of one resource, in the manner of its host."""

    def __init__(self, inside: Inside, space: str) -> None:
        self.case, self.prefix = manner(inside, "config_case"), manner(inside, "config_prefix")
        declared = f'xmlns:{self.prefix}="{space}"' if self.prefix != "none" else f'xmlns="{space}"'
        # The recorded root declares nothing else.
        self.root = f" {declared}"

    def name(self, name: str) -> str:
        """An element's name with its prefix."""
        local = {"lower": name.lower(), "upper": name.upper()}.get(self.case, name)
        return local if self.prefix == "none" else f"{self.prefix}:{local}"

    def leaf(self, name: str, value: str, owned: bool = False) -> str:
        """One value; `Source`, in no namespace, says that policy owns it (recorded as text of winrm.cmd; PowerShell's ConfigProvider.cs)."""
        whole = self.name(name)
        return f"<{whole}{' Source=' + quoteattr('GPO') if owned else ''}>{escape(value)}</{whole}>"

    def element(self, name: str, inner: str, more: str = "", root: bool = True) -> str:
        """An element with children."""
        whole = self.name(name)
        return f"<{whole}{self.root if root else ''}{more}>{inner}</{whole}>"


def element(inside: Inside, windows: Windows, part: str) -> str | None:
    """winrm/config, or a part of it by its path such as `service/auth`; None where there is no such part.

    A part's root is in the namespace of its own URI (PowerShell's CredSSP.cs); that its children are too follows from the XPaths there.
    """
    if part.lower() not in PARTS:
        return None
    tree: Tree = {}
    for path, value in values(inside, windows).items():
        *folders, leaf = path.split("/")
        here = tree
        for folder in folders:
            here = t.cast(Tree, here.setdefault(folder, {}))
        here[leaf] = value
    name, at, here = "Config", "", tree
    for wanted in filter(None, part.lower().split("/")):
        name = next(key for key in here if key.lower() == wanted)
        at, here = f"{at}{name}/", t.cast(Tree, here[name])
    writer = Writer(inside, f"{MS}/config/{part.lower()}".rstrip("/"))
    return writer.element(name, _children(writer, here, at, owned(inside)))


def owned(inside: Inside) -> frozenset[str]:
    """What policy owns: with the filters of its listener AllowRemoteAccess too, which follows from the same policy (recorded as text of winrm.cmd)."""
    more = ("Service/AllowRemoteAccess",) if {"Service/IPv4Filter", "Service/IPv6Filter"}.intersection(inside.policy_config) else ()
    return frozenset((*inside.policy_config, *more))


def _children(writer: Writer, tree: Tree, at: str, policy: frozenset[str]) -> str:
    return "".join(
        writer.leaf(name, value, f"{at}{name}" in policy) if isinstance(value, str)
        else writer.element(name, _children(writer, value, f"{at}{name}/", policy), root=False)
        for name, value in tree.items()
    )


def listener(inside: Inside, one: Listener) -> str:
    """Order of [MS-WSMV] 2.2.5.15's schema; ListeningOn once for each address; where it comes from stands at the root (WSManDsc reads it there)."""
    writer = Writer(inside, f"{MS}/config/listener")
    fields = (
        ("Address", one.address), ("Transport", one.transport), ("Port", str(one.port)), ("Hostname", one.hostname),
        ("Enabled", "true" if one.enabled else "false"), ("URLPrefix", one.url_prefix), ("CertificateThumbprint", one.thumbprint),
        *(("ListeningOn", address) for address in one.listening_on),
    )
    more = f" Source={quoteattr(one.source)}" if one.source else ""
    return writer.element("Listener", "".join(writer.leaf(name, value) for name, value in fields), more)


def mapping(inside: Inside, one: Mapping) -> str:
    """[MS-WSMV] 2.2.5.3: a certificate mapping; its password is written and never read."""
    writer = Writer(inside, f"{MS}/config/service/certmapping")
    fields = (("URI", one.uri), ("Subject", one.subject), ("Issuer", one.issuer), ("UserName", one.user), ("Enabled", "true" if one.enabled else "false"))
    return writer.element("CertMapping", "".join(writer.leaf(name, value) for name, value in fields))
