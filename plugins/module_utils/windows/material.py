# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be read from a host, and what came of it: the seam between asking over WS-Management and understanding what was said."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ..evidence.base import Known, Unknown
from ..wsman.objects import Object
from .registry import Registry

NOT_READ = Unknown("not read")


@dataclass(frozen=True)
class Key:
    """A registry key to read, `HKLM\\...`."""

    path: str
    deep: bool = True
    """With everything below it."""
    contains: tuple[str, ...] = ()
    """Only lines that contain one of these texts (findstr), where the key is large; upper and lower case are the same."""
    without: tuple[str, ...] = ()
    """Lines that match one of these expressions of findstr are left out, where `contains` cannot name what is wanted. No percent signs, see batch.py."""
    values: tuple[str, ...] = ()
    """What to ask for one by one where no command may be run: names right under `path`, or `Sub\\Key\\Name` below it."""


@dataclass(frozen=True)
class Command:
    """A command line of cmd.exe that changes nothing. It must not contain an exclamation mark, for it runs with delayed expansion."""

    id: str
    line: str
    slow: bool = False
    """True where it may wait for others (a domain controller): it then runs after all that does not."""

    @property
    def program(self) -> str:
        """The name of the first program that the line runs."""
        found = re.search(r"[A-Za-z][\w.-]*", self.line)
        return found[0] if found else "a command"


@dataclass(frozen=True)
class Query:
    """A WQL query; `id` is the name under which its answer is found."""

    id: str
    wql: str
    namespace: str = "root/cimv2"


@dataclass(frozen=True)
class Get:
    """One object by its keys, which the host looks up without listing others; `id` is the name under which it is found, as a query's only row."""

    id: str
    resource: str
    """What follows http://schemas.microsoft.com/wbem/wsman/1/, such as wmi/root/cimv2/Win32_SID."""
    selectors: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Said:
    """What a command said: its exit code, None where it did not end, and its output, standard error included."""

    code: int | None
    text: str


@dataclass(frozen=True)
class Needs:
    """What one subset wants to be read."""

    config: bool = False
    """winrm/config."""
    resources: tuple[str, ...] = ()
    """Enumerations below winrm: `config/listener`, `config/service/certmapping`, `shell`."""
    keys: tuple[Key, ...] = ()
    commands: tuple[Command, ...] = ()
    queries: tuple[Query, ...] = ()
    gets: tuple[Get, ...] = ()

    @property
    def questions(self) -> tuple[Query | Get, ...]:
        """What WMI is asked, one after the other."""
        return (*self.queries, *self.gets)


@dataclass(frozen=True)
class Material:
    """All that was read. What was not wanted, or could not be read, is Unknown with the reason."""

    config: Known[Object] = NOT_READ
    """The element Config."""
    resources: t.Mapping[str, Known[tuple[Object, ...]]] = field(default_factory=dict)
    queries: t.Mapping[str, Known[tuple[Object, ...]]] = field(default_factory=dict)
    """What queries and gets brought."""
    registry: Registry = field(default_factory=Registry)
    commands: t.Mapping[str, Known[Said]] = field(default_factory=dict)

    def resource(self, name: str) -> Known[tuple[Object, ...]]:
        """The items of an enumeration."""
        return self.resources.get(name, NOT_READ)

    def query(self, id: str) -> Known[tuple[Object, ...]]:
        """The rows of a query."""
        return self.queries.get(id, NOT_READ)

    def row(self, id: str) -> Object | None:
        """The only row of a query, where it came."""
        rows = self.query(id)
        return None if isinstance(rows, Unknown) else next(iter(rows), None)

    def said(self, id: str) -> Known[Said]:
        """What a command said."""
        return self.commands.get(id, NOT_READ)


@dataclass(frozen=True)
class Circumstances:
    """What is known besides, and what the reader is to compare with."""

    at: float
    """Seconds since 1970 on this control node."""
    host: str
    """The name or address by which clients call the host."""
    port: int
    """The port of the inventory's own way."""
    scheme: str
    user: str = ""
    """The user of the inventory, as it spells it: the one whose access is in question."""
    reader: str = ""
    """The account that reads, where it is known; "": the user."""
    connection: str = "psrp"
    came_from: str = ""
    """The address of this control node as the host sees it; "" where it is not known."""
    expiring_days: int = 30
    offset: float | None = None
    """Seconds that the host's clock is ahead of this control node's, where the endpoint showed it."""
    uncertainty: float = 0.0
    user_sids: tuple[str, ...] = ()
    """SIDs that the directory knows the user by, the user's own first; empty where it was not asked."""
    domain: str = ""
    """DNS name of the host's domain, where the NTLM challenge told it."""
    netbios_domain: str = ""
    netbios_computer: str = ""
    """The host's NetBIOS name, from the challenge too."""
    thorough: bool = True
    """False: leave out what costs much and seldom decides."""
    revocation: bool = False
    """Whether revocation is to be asked."""
    presented: tuple[bytes, ...] = ()
    """Where the host is a client of another: the certificates (DER, leaf first) which that one presents to it over TLS."""
