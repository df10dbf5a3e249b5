# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust store that the inventory's connection would really use, and the system's own."""

from __future__ import annotations

import os
import ssl
import typing as t
from dataclasses import dataclass
from functools import lru_cache

from . import deps
from .target import Target

# Where distributions keep their bundle, for Pythons whose OpenSSL was built with another prefix (pyenv, conda).
SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")


@dataclass(frozen=True)
class TrustStore:
    """A CA bundle (file or folder), and what chose it."""

    path: str | None
    chosen_by: str
    is_dir: bool = False


def store_for(target: Target, environ: t.Mapping[str, str]) -> TrustStore:
    """What pywinrm and pypsrp hand to requests: the inventory's path, else the environment's, else certifi.

    Read from pywinrm 0.5 `transport.py`, pypsrp 0.9 `wsman.py` and requests' `merge_environment_settings`.
    """
    if target.ca_path:
        option = "ansible_psrp_ca_cert" if target.connection == "psrp" else "ansible_winrm_ca_trust_path"
        return _store(target.ca_path, option)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environ.get(name):
            return _store(environ[name], name)
    if deps.certifi:
        return _store(deps.certifi.where(), "certifi")
    return _store(system_store(), "system")


def _store(path: str | None, chosen_by: str) -> TrustStore:
    return TrustStore(path, chosen_by, bool(path) and os.path.isdir(str(path)))


@lru_cache(maxsize=1)
def system_store() -> str | None:
    """The system's own bundle, as OpenSSL or the distribution names it; None where there is none."""
    usual = ssl.get_default_verify_paths()
    candidates = (usual.openssl_cafile, *SYSTEM_BUNDLES, usual.openssl_capath)
    return next((path for path in candidates if path and (os.path.isfile(path) or _has_files(path))), None)


def _has_files(path: str) -> bool:
    try:
        return bool(os.listdir(path))
    except OSError:
        return False


def load(store: TrustStore) -> ssl.SSLContext:
    """A context that trusts this store as today's clients do; raises OSError where it cannot be read."""
    context = ssl.create_default_context(cafile=None if store.is_dir else store.path, capath=store.path if store.is_dir else None)
    # urllib3 2 no longer reads the common name either ([RFC 9525] 2).
    context.hostname_checks_common_name = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if deps.client_context:
        # From Python 3.13 on ssl is strict ([RFC 5280]) by default, urllib3 only since 2.4.
        context.verify_flags = deps.client_context().verify_flags
    return context


@lru_cache(maxsize=16)
def context_for(store: TrustStore, check_hostname: bool) -> ssl.SSLContext:
    """The same, kept: loading a bundle costs some 24 ms, so Ansible's forks inherit what the parent loaded."""
    context = load(store)
    context.check_hostname = check_hostname
    return context


def blind() -> ssl.SSLContext:
    """A context as today's clients have it that checks no certificate, for inventories that say so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@lru_cache(maxsize=1)
def blind_context() -> ssl.SSLContext:
    """The same, kept."""
    return blind()


@lru_cache(maxsize=16)
def count(store: TrustStore) -> int:
    """Certificates in a store; a folder counts those OpenSSL would look up by hash. Raises OSError."""
    if store.is_dir and store.path:
        return sum(1 for name in os.listdir(store.path) if name.rpartition(".")[2].isdigit())
    return int(context_for(store, True).cert_store_stats()["x509"])


def warm_up() -> None:
    """Load what most inventories use."""
    usual = store_for(Target("", "localhost", 5986, "https"), os.environ)
    if usual.path and os.path.exists(usual.path):
        context_for(usual, True)
