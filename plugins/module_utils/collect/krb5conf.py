# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""krb5.conf as MIT's profile library reads it (krb5.conf(5)), and the ticket cache."""

from __future__ import annotations

import os
import re
import struct
import time
import typing as t
from dataclasses import dataclass, field

from ..evidence.controller import KerberosEvidence, RealmEvidence

DEFAULT_FILE = "/etc/krb5.conf"
# The [libdefaults] that decide a logon, with MIT's defaults (krb5.conf(5)); "" where there is none.
SETTINGS = {
    "rdns": "true", "dns_canonicalize_hostname": "true", "kdc_timesync": "1", "clockskew": "300", "dns_lookup_kdc": "true", "dns_lookup_realm": "false",
    "ignore_acceptor_hostname": "false", "permitted_enctypes": "", "default_tkt_enctypes": "", "default_tgs_enctypes": "", "allow_weak_crypto": "false",
    "udp_preference_limit": "", "forwardable": "false",
}
MOST = 20
"""Realms and mappings that are told."""
CACHE_LIMIT = 1024 * 1024


@dataclass
class Profile:
    """Relations in the order of reading: (path of names, value). For one name the first value counts."""

    relations: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    error: str | None = None

    def first(self, *path: str) -> str | None:
        """The value in force."""
        return next((value for where, value in self.relations if where == path), None)

    def all(self, *path: str) -> tuple[str, ...]:
        """Every value of a repeatable relation."""
        return tuple(value for where, value in self.relations if where == path)

    def names(self, *path: str) -> tuple[str, ...]:
        """Names directly below a section."""
        depth = len(path)
        return tuple(dict.fromkeys(where[depth] for where, _value in self.relations if len(where) > depth and where[:depth] == path))


def read_profile(environ: t.Mapping[str, str]) -> Profile:
    """All files of KRB5_CONFIG, or /etc/krb5.conf. A missing file is no error as long as another one is there."""
    profile = Profile()
    named = environ.get("KRB5_CONFIG")
    wanted = [path for path in named.split(":") if path] if named else [DEFAULT_FILE]
    for path in wanted:
        if os.path.exists(path):
            _read(profile, path, 0)
    if named and not profile.files and profile.error is None:
        profile.error = f"KRB5_CONFIG names {named}, which does not exist"
    return profile


def _read(profile: Profile, path: str, depth: int) -> None:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            lines = source.read(CACHE_LIMIT).splitlines()
    except OSError as error:
        profile.error = profile.error or f"{path}: {error.strerror or error}"
        return
    profile.files.append(path)
    _parse(profile, path, lines, depth)


def _parse(profile: Profile, path: str, lines: list[str], depth: int) -> None:
    section: tuple[str, ...] = ()
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        include = re.match(r"(include|includedir|module)\s+(\S.*)$", line)
        if include and not line.partition(" ")[2].lstrip().startswith("="):
            _include(profile, include[1], include[2].strip(), f"{path}, line {number}", depth)
        elif heading := re.fullmatch(r"\[([^\]]+)\]\*?", line):
            section = (heading[1].strip(),)
        elif line.rstrip("*") == "}":
            if len(section) < 2:
                profile.error = profile.error or f"{path}, line {number}: a closing brace without an opening one"
                return
            section = section[:-1]
        elif "=" in line and section:
            name, _equals, value = (part.strip() for part in line.partition("="))
            if value.rstrip("*").strip() == "{":
                section = (*section, name.rstrip("*").strip())
            else:
                profile.relations.append(((*section, name.rstrip("*").strip()), _unquoted(value)))
        else:
            what = "no equals sign" if section else "text before the first [section]"
            profile.error = profile.error or f"{path}, line {number}: {what}: {line[:60]!r}"
            return
    if len(section) > 1:
        profile.error = profile.error or f"{path}: the braces of {section[-1]!r} are never closed"


def _include(profile: Profile, kind: str, what: str, place: str, depth: int) -> None:
    if kind == "module" or depth > 5:
        return
    if kind == "include":
        if not os.path.exists(what):
            profile.error = profile.error or f"{place}: include of {what}, which does not exist"
            return
        _read(profile, what, depth + 1)
        return
    try:
        names = sorted(os.listdir(what))
    except OSError as error:
        profile.error = profile.error or f"{place}: includedir {what}: {error.strerror}"
        return
    for name in names:
        # Only such names are read: editors' left-overs are not (krb5.conf(5), includedir).
        if re.fullmatch(r"[A-Za-z0-9_-]+", name) or (name.endswith(".conf") and not name.startswith(".")):
            _read(profile, os.path.join(what, name), depth + 1)


def _unquoted(value: str) -> str:
    quoted = re.match(r'"((?:[^"\\]|\\.)*)"', value)
    if not quoted:
        return value.rstrip("*").strip()
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), quoted[1])


def kerberos_evidence(environ: t.Mapping[str, str]) -> KerberosEvidence:
    """The configuration in force and the default ticket cache."""
    profile = read_profile(environ)
    in_force = ((name, profile.first("libdefaults", name) or default) for name, default in SETTINGS.items())
    settings = tuple((name, value) for name, value in in_force if value)
    realms = tuple(RealmEvidence(name, profile.all("realms", name, "kdc")[:8]) for name in profile.names("realms")[:MOST])
    mapped = tuple((name, profile.first("domain_realm", name) or "") for name in profile.names("domain_realm")[:MOST])
    cache = environ.get("KRB5CCNAME") or _expanded(profile.first("libdefaults", "default_ccache_name") or "FILE:/tmp/krb5cc_%{uid}")
    principal, expires, error = read_cache(cache)
    return KerberosEvidence(
        tuple(profile.files), profile.error, profile.first("libdefaults", "default_realm"), realms, mapped, settings, cache, principal, expires, error,
    )


def _expanded(name: str) -> str:
    """The tokens of krb5.conf(5), PARAMETER EXPANSION, that name a user."""
    uid = str(os.geteuid())
    return name.replace("%{uid}", uid).replace("%{euid}", uid).replace("%{TEMP}", "/tmp").replace("%{null}", "")


def read_cache(name: str) -> tuple[str | None, str | None, str | None]:
    """Principal, expiry (UTC) of the ticket-granting ticket, and why there is none. Only FILE caches are read."""
    kind, colon, path = name.partition(":")
    if not colon or len(kind) == 1:
        kind, path = "FILE", name
    if kind.upper() != "FILE":
        return None, None, f"a ticket cache of type {kind} is not read here; klist shows it"
    try:
        with open(path, "rb") as source:
            data = source.read(CACHE_LIMIT)
    except OSError as error:
        return None, None, f"{path}: {error.strerror or error}"
    try:
        principal, ends = _Cache(data).read()
    except (ValueError, struct.error) as error:
        return None, None, f"{path} is not a ticket cache: {error}"
    if ends is None:
        return principal, None, "the cache holds no ticket-granting ticket"
    return principal, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)), None


class _Cache:
    """The file format of MIT's credential cache, versions 3 and 4 (krb5 documentation, "Credential cache file format")."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def read(self) -> tuple[str, int | None]:
        version = self._number(2)
        if version not in (0x0503, 0x0504):
            raise ValueError(f"version {version:#06x}")
        self.old = version == 0x0503
        if not self.old:
            length = self._number(2)
            self.at += length
        client = self._principal()
        while self.at < len(self.data):
            server, ends = self._credential()
            if server.startswith("krbtgt/"):
                return client, ends
        return client, None

    def _credential(self) -> tuple[str, int]:
        self._principal()
        server = self._principal()
        self.at += 4 if self.old else 2
        self._counted()
        times = [self._number(4) for _turn in range(4)]
        self.at += 5
        for _list in ("addresses", "authorization data"):
            for _item in range(self._number(4)):
                self.at += 2
                self._counted()
        self._counted()
        self._counted()
        return server, times[2]

    def _principal(self) -> str:
        self.at += 4
        parts = self._number(4)
        if parts > 64:
            raise ValueError("a principal of more than 64 parts")
        realm = self._counted()
        names = [self._counted() for _turn in range(parts)]
        return f"{b'/'.join(names).decode('utf-8', 'replace')}@{realm.decode('utf-8', 'replace')}"

    def _number(self, size: int) -> int:
        if self.at + size > len(self.data):
            raise ValueError("it ends too early")
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def _counted(self) -> bytes:
        size = self._number(4)
        if self.at + size > len(self.data):
            raise ValueError("it ends too early")
        self.at += size
        return self.data[self.at - size : self.at]
