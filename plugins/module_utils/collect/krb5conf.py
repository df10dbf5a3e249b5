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
    final: set[tuple[str, ...]] = field(default_factory=set)
    """Sections marked with "*" in the file being read."""
    closed: set[tuple[str, ...]] = field(default_factory=set)
    """Those of earlier files of KRB5_CONFIG, to which later files add nothing."""

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

    def add(self, path: tuple[str, ...], value: str) -> None:
        """One relation, unless an earlier file has closed its section."""
        if not any(path[:depth] in self.closed for depth in range(1, len(path))):
            self.relations.append((path, value))

    def fail(self, why: str) -> None:
        """Keep the first mistake: MIT stops there."""
        self.error = self.error or why


def read_profile(environ: t.Mapping[str, str] | None = None) -> Profile:
    """All files and folders of KRB5_CONFIG, or /etc/krb5.conf. A missing file is no error as long as another one is there. None: this process' environment."""
    profile = Profile()
    named = (os.environ if environ is None else environ).get("KRB5_CONFIG")
    wanted = [path for path in named.split(":") if path] if named else [DEFAULT_FILE]
    for path in wanted:
        if os.path.isdir(path):
            _read_folder(profile, path, path, 0)
        elif os.path.exists(path):
            _read(profile, path, 0)
        profile.closed |= profile.final
    if named and not any(os.path.exists(path) for path in wanted):
        profile.fail(f"KRB5_CONFIG names {named}, which does not exist")
    return profile


def _read(profile: Profile, path: str, depth: int) -> None:
    try:
        with open(path, encoding="utf-8", errors="replace", newline="\n") as source:
            lines = source.read(CACHE_LIMIT).split("\n")
    except OSError as error:
        profile.fail(f"{path}: {error.strerror or error}")
        return
    profile.files.append(path)
    _parse(profile, path, lines, depth)


def _read_folder(profile: Profile, folder: str, place: str, depth: int) -> None:
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError) as error:
        profile.fail(f"{place}: {getattr(error, 'strerror', None) or error}")
        return
    for name in names:
        # Only such names are read: editors' left-overs are not (krb5.conf(5), includedir).
        wanted = re.fullmatch(r"[A-Za-z0-9_-]+", name) or (name.endswith(".conf") and not name.startswith("."))
        if wanted and not os.path.isdir(os.path.join(folder, name)):
            _read(profile, os.path.join(folder, name), depth)


def _parse(profile: Profile, path: str, lines: list[str], depth: int) -> None:
    """Line by line as libkrb5's prof_parse.c: text before the first heading is ignored, and so is a missing brace at the end of the file."""
    section: tuple[str, ...] = ()
    brace_due = False
    for number, raw in enumerate(lines, 1):
        place = f"{path}, line {number}"
        # Directives stand at the beginning of a line; one that is indented is no directive.
        include = re.match(r"(include|includedir)\s+(.*)", raw)
        if include:
            _include(profile, include[1], include[2].strip(), place, depth)
            continue
        line = raw.strip()
        if brace_due:
            if raw == lines[-1] and number == len(lines):
                return
            if not line.startswith("{"):
                profile.fail(f"{place}: {section[-1]!r} has neither a value nor an opening brace on the next line")
                return
            brace_due = False
        elif line and line[0] not in "#;" and (section or raw.startswith("[")):
            step = _step(profile, section, line)
            if isinstance(step, str):
                profile.fail(f"{place}: {step}: {line[:60]!r}")
                return
            section, brace_due = step


def _step(profile: Profile, section: tuple[str, ...], line: str) -> tuple[tuple[str, ...], bool] | str:
    """The section after this line and whether a brace must follow, or what is wrong with the line."""
    if line[0] == "[":
        return _heading(profile, section, line)
    if line[0] == "}":
        if len(section) < 2:
            return "a closing brace without an opening one"
        if line[1:2] == "*":
            profile.final.add(section)
        return section[:-1], False
    tag, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not tag:
        return "no equals sign" if not equals else "no name before the equals sign"
    if len(tag.split()) > 1:
        return "a name with a space in it"
    inner = (*section, tag.partition("*")[0])
    if value and not re.fullmatch(r"\{\s*", value):
        profile.add(inner, _unquoted(value))
        return section, False
    if "*" in tag:
        profile.final.add(inner)
    return inner, not value


def _heading(profile: Profile, section: tuple[str, ...], line: str) -> tuple[tuple[str, ...], bool] | str:
    if len(section) > 1:
        return f"a new section while the brace of {section[-1]!r} is open"
    heading = re.fullmatch(r"\[([^\]]*)\](\*?)\s*", line)
    if not heading:
        return "not a section heading"
    if heading[2]:
        profile.final.add((heading[1],))
    return (heading[1],), False


def _include(profile: Profile, kind: str, what: str, place: str, depth: int) -> None:
    if depth > 5:
        return
    if kind == "includedir":
        _read_folder(profile, what, f"{place}: includedir {what}", depth + 1)
    elif os.path.exists(what):
        _read(profile, what, depth + 1)
    else:
        profile.fail(f"{place}: include of {what}, which does not exist")


def _unquoted(value: str) -> str:
    quoted = re.match(r'"((?:[^"\\]|\\.)*)"', value)
    if not quoted:
        return value
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
    except (OSError, ValueError) as error:
        return None, None, f"{path}: {getattr(error, 'strerror', None) or error}"
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
