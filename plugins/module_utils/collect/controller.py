# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of the control node or execution environment itself. Nothing here fails: a missing piece is an observation."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import socket
import ssl
import time
import typing as t
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from .. import deps
from ..evidence.base import Known, Unknown
from ..evidence.controller import ControllerEvidence, CryptoEvidence, KerberosEvidence, LibraryEvidence, ProxyEvidence, TrustStoreEvidence
from ..target import Target
from ..trust import TrustStore, count, store_for, system_store
from .krb5conf import kerberos_evidence

BOTH = ("psrp", "winrm")
LIBRARIES = (
    ("ansible-core", "ansible", BOTH, "everything"),
    ("pypsrp", "pypsrp", ("psrp",), "the connection psrp"),
    ("pywinrm", "winrm", ("winrm",), "the connection winrm"),
    ("pyspnego", "spnego", BOTH, "NTLM and Kerberos with psrp; NTLM with winrm"),
    ("requests", "requests", BOTH, "both connections"),
    ("urllib3", "urllib3", (), "both connections"),
    ("certifi", "certifi", (), "the trust store of both connections"),
    ("cryptography", "cryptography", BOTH, "NTLM, reading certificates"),
    ("dnspython", "dns", (), "comparing DNS with the system's resolver"),
    ("requests-ntlm", "requests_ntlm", ("winrm",), "NTLM with winrm"),
    ("requests-credssp", "requests_credssp", BOTH, "CredSSP"),
    ("gssapi", "gssapi", ("psrp",), "Kerberos with psrp"),
    ("krb5", "krb5", ("psrp",), "Kerberos with psrp"),
    ("pykerberos", "kerberos", ("winrm",), "Kerberos with winrm"),
    ("xmltodict", "xmltodict", ("winrm",), "the connection winrm"),
)
"""Distribution, module, connections whose diagnosis wants to know, and what stops working without it."""
KERBEROS_VARIABLES = ("KRB5_CONFIG", "KRB5CCNAME")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CONTAINER_MARKS = ("/run/.containerenv", "/.dockerenv", "/runner/env")
"""Podman, Docker, and the folder that ansible-runner hands to an execution environment."""
CONTAINER_VARIABLES = ("KUBERNETES_SERVICE_HOST", "AWX_HOST", "container")
"""What Kubernetes, AWX and systemd-nspawn or Podman set."""
NO_KERBEROS = Unknown("the connection uses no Kerberos")
NOT_COUNTED = Unknown("not counted, for loading a trust store takes time")
TIME_ERROR = 5
"""What adjtimex(2) answers while the clock is not synchronised."""


def observe(target: Target | None, *, environ: t.Mapping[str, str], thorough: bool) -> ControllerEvidence:
    """This machine, as a logon to `target` would use it. Without `thorough` only what that one logon needs, in a few milliseconds."""
    now = time.time()
    libraries = _libraries() if thorough or target is None else tuple(replace(seen, path=None, needed_for="") for seen in _libraries(target.connection))
    asks_kerberos = thorough or target is None or bool({"kerberos", "negotiate"}.intersection(target.auth))
    return ControllerEvidence(
        at=_moment(now),
        host=socket.gethostname(),
        python=platform.python_version(),
        platform=_platform(),
        execution_environment=any(os.path.exists(mark) for mark in CONTAINER_MARKS) or any(environ.get(name) for name in CONTAINER_VARIABLES),
        libraries=libraries,
        crypto=_crypto(),
        kerberos=_kerberos(tuple((name, environ[name]) for name in KERBEROS_VARIABLES if name in environ)) if asks_kerberos else NO_KERBEROS,
        proxy=_proxy(target, environ) if target else Unknown("no host was given"),
        trust_store=_trust_store(target, environ, thorough) if target else Unknown("no host was given"),
        clock_synchronised=_synchronised(),
        clock=_moment(now),
    )


def warm_up() -> None:
    """Look once before Ansible forks; what does not depend on the host is then known to every fork."""
    for connection in ("psrp", "winrm"):
        observe(Target("", "localhost", 5985, "http", connection=connection), environ=os.environ, thorough=False)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@lru_cache(maxsize=1)
def _platform() -> str:
    return platform.platform()


@lru_cache(maxsize=4)
def _libraries(connection: str = "") -> tuple[LibraryEvidence, ...]:
    """All libraries, or those that one connection may need."""
    found = []
    for name, module, connections, needed_for in LIBRARIES:
        if connection and connection not in connections:
            continue
        version, path, error = deps.try_import(name, module)
        found.append(LibraryEvidence(name, version, path, error, needed_for))
    return tuple(found)


@lru_cache(maxsize=1)
def _crypto() -> Known[CryptoEvidence]:
    context = ssl.create_default_context()
    return CryptoEvidence(
        openssl=ssl.OPENSSL_VERSION, fips=_fips(), md5=_works(lambda: hashlib.md5(b"")), md4=_works(lambda: hashlib.new("md4", b"")),
        rc4=deps.rc4_works(), minimum_tls=context.minimum_version.name, security_level=getattr(context, "security_level", None),
    )


def _works(operation: t.Callable[[], object]) -> bool:
    try:
        operation()
    except ValueError:
        return False
    return True


def _fips() -> Known[bool]:
    try:
        with open("/proc/sys/crypto/fips_enabled", encoding="ascii") as source:
            return source.read().strip() == "1"
    except FileNotFoundError:
        return False
    except OSError as error:
        return Unknown(f"/proc/sys/crypto/fips_enabled: {error.strerror}")


@lru_cache(maxsize=4)
def _kerberos(variables: tuple[tuple[str, str], ...]) -> KerberosEvidence:
    return kerberos_evidence(dict(variables))


def _proxy(target: Target, environ: t.Mapping[str, str]) -> Known[ProxyEvidence]:
    """What requests, on which both connections ride, would make of the environment."""
    variables = tuple((name, without_password(environ[name])) for upper in PROXY_VARIABLES for name in (upper, upper.lower()) if environ.get(name))
    if target.proxy:
        return ProxyEvidence(variables, False, without_password(target.proxy), "the inventory sets a proxy")
    if target.ignore_proxy:
        return ProxyEvidence(variables, False, None, "the inventory tells the connection to ignore proxy variables")
    if not variables:
        return ProxyEvidence()
    if deps.requests_utils is None:
        return Unknown(deps.missing("requests") or "requests cannot be imported")
    url = f"{target.scheme}://{target.netloc}/{target.path}"
    chosen = deps.requests_utils.select_proxy(url, deps.requests_utils.get_environ_proxies(url))
    if not chosen:
        return ProxyEvidence(variables, False, None, "no_proxy, or the scheme, leaves this host out")
    names = [name for name, _value in variables if environ[name] == chosen]
    return ProxyEvidence(variables, True, without_password(str(chosen)), f"the variable {names[0]}" if names else "the environment")


def without_password(url: str) -> str:
    """A URL whose user and password are hidden."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(unreadable)"
    # A password with an unescaped "/", "?" or "#" cuts the netloc short: what follows may be the rest of it.
    if "@" in parts.path + parts.query + parts.fragment:
        return "(unreadable)"
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]))


def _trust_store(target: Target, environ: t.Mapping[str, str], thorough: bool) -> Known[TrustStoreEvidence]:
    if target.scheme != "https" and not thorough:
        return Unknown("a connection over plain HTTP uses none")
    store, system = store_for(target, environ), system_store()
    known: Known[int] = _counted(store) if thorough else NOT_COUNTED
    if system is None:
        return TrustStoreEvidence(store.path or "none", store.chosen_by, known)
    same = bool(store.path) and os.path.realpath(str(store.path)) == os.path.realpath(system)
    return TrustStoreEvidence(store.path or "none", store.chosen_by, known, system, known if same or not thorough else _system_count(system), same)


def _counted(store: TrustStore) -> Known[int]:
    try:
        return count(store)
    except OSError as error:
        return Unknown(f"{store.path} cannot be read: {error.strerror or error}")


@lru_cache(maxsize=1)
def _system_count(path: str) -> Known[int]:
    return _counted(TrustStore(path, "system", os.path.isdir(path)))


def _synchronised() -> Known[bool]:
    """Whether the kernel holds its clock to be synchronised; adjtimex(2) with modes=0 only reads."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return Unknown("this system has no adjtimex")
    return Unknown("adjtimex may not be read here") if state < 0 else state != TIME_ERROR
