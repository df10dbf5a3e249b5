# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control node (or execution environment) itself contributes to a logon."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Known, Unknown


@dataclass(frozen=True)
class LibraryEvidence:
    """One library of the chain; `needed_for` names what stops working without it."""

    name: str
    version: str | None = None
    path: str | None = None
    error: str | None = None
    """The import error's text where it cannot be imported."""
    needed_for: str = ""


@dataclass(frozen=True)
class CryptoEvidence:
    """What OpenSSL lets NTLM and old Kerberos do."""

    openssl: str
    fips: Known[bool] = False
    md5: Known[bool] = True
    md4: Known[bool] = True
    """MD4 in OpenSSL; pyspnego carries its own, so False alone stops nothing."""
    rc4: Known[bool] = True
    minimum_tls: str = ""
    security_level: int | None = None


@dataclass(frozen=True)
class RealmEvidence:
    """One [realms] entry."""

    name: str
    kdcs: tuple[str, ...] = ()


@dataclass(frozen=True)
class KerberosEvidence:
    """The krb5.conf in force and the ticket cache."""

    config_files: tuple[str, ...] = ()
    config_error: str | None = None
    default_realm: str | None = None
    realms: tuple[RealmEvidence, ...] = ()
    domain_realm: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    """The [libdefaults] that decide, with their effective values: rdns, dns_canonicalize_hostname, kdc_timesync, clockskew, enctypes and others."""
    cache_name: str | None = None
    cache_principal: str | None = None
    cache_expires: str | None = None
    cache_error: str | None = None


@dataclass(frozen=True)
class ProxyEvidence:
    """Proxy variables, passwords in them removed, and whether they would capture this target."""

    variables: tuple[tuple[str, str], ...] = ()
    captures: bool = False
    proxy: str | None = None
    why: str = ""


@dataclass(frozen=True)
class TrustStoreEvidence:
    """The CA bundle the inventory's connection would really use, beside the system's."""

    used: str
    chosen_by: str
    """Such as "ansible_winrm_ca_trust_path", "REQUESTS_CA_BUNDLE", "certifi", "system"."""
    certificates: Known[int] = 0
    system: str | None = None
    system_certificates: Known[int] = 0
    same: bool = False


@dataclass(frozen=True)
class ControllerEvidence:
    """The control node as one logon to one target would use it."""

    at: str
    host: str
    python: str
    platform: str
    execution_environment: bool = False
    libraries: tuple[LibraryEvidence, ...] = ()
    crypto: Known[CryptoEvidence] = Unknown("not asked")
    kerberos: Known[KerberosEvidence] = Unknown("not asked")
    proxy: Known[ProxyEvidence] = Unknown("not asked")
    trust_store: Known[TrustStoreEvidence] = Unknown("not asked")
    clock_synchronised: Known[bool] = Unknown("not asked")
    clock: str = ""
    """This machine's time, UTC."""
