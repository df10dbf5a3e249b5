# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small synchronous LDAP client for Active Directory: everything under one deadline and one byte budget."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..domain import Domain
from ..evidence.base import Unknown
from ..evidence.directory import BindEvidence
from ..wire.deadline import Deadline
from ..wire.ldap import Change
from . import refusal
from .bind import Logon
from .binding import Credentials
from .conversation import Conversation, Page
from .entries import Entry, Ranged, escape
from .refusal import LdapError, LdapUnreachable

__all__ = ["Credentials", "Entry", "Found", "Ldap", "LdapError", "LdapUnreachable", "escape"]

MOST_VALUES = 20_000
"""Values of one attribute that are fetched piece by piece; the entry says where there are more."""


@dataclass(frozen=True)
class Found:
    """What a search brought, and why there may be more."""

    entries: tuple[Entry, ...] = ()
    gap: Unknown | None = None


class Ldap:
    """One connection to one directory server. `name` is its DNS name: Kerberos asks for a ticket for it, and its certificate must carry it.

    `transport` is sealed, ldaps, start_tls, or plain, which is for the anonymous rootDSE alone.
    """

    def __init__(self, address: str, name: str, *, port: int, transport: str, deadline: Deadline, domain: Domain) -> None:
        self.address, self.name, self.port, self.transport, self.domain = address, name or address, port, transport, domain
        self.binds: tuple[BindEvidence, ...] = ()
        """Every logon that was tried, in order."""
        self._talk = Conversation(address, self.name, port, transport, deadline, domain)
        self._root: Entry | None = None

    def __enter__(self) -> Ldap:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def deadline(self) -> Deadline:
        """Until when everything must be done; may be exchanged between two questions."""
        return self._talk.deadline

    @deadline.setter
    def deadline(self, deadline: Deadline) -> None:
        self._talk.deadline = deadline

    def connect(self) -> None:
        """Connect, and begin TLS where the transport says so; raises LdapUnreachable."""
        self._talk.open()

    def close(self) -> None:
        """Say good-bye and hang up."""
        self._talk.close()

    def root(self) -> Entry:
        """rootDSE, which anybody may read; asked for once. Raises LdapError and LdapUnreachable."""
        if self._root is None:
            page = self._talk.search("", "(objectClass=*)", ("*", "+"), "base", 0, b"", 1)
            if page.result is not None:
                raise page.result
            self._root = page.entries[0][0] if page.entries else Entry("")
        return self._root

    def bind(self, credentials: Credentials) -> BindEvidence:
        """Log on. A refusal is told in the evidence; raises LdapUnreachable where there is no conversation."""
        logon = Logon(self._talk, credentials, self.root)
        try:
            return logon.run()
        finally:
            self.binds += logon.tried

    def search(
        self, base: str, filter: str, attributes: t.Sequence[str], *, scope: str = "sub", most: int = 5000, page: int = 500,
    ) -> t.Iterator[Entry]:
        """Entries, page by page; other questions may be asked in between. Raises LdapUnreachable, and LdapError: sizeLimitExceeded after `most` entries."""
        cookie, left = b"", most
        while True:
            # One more than is wanted tells whether there are more.
            some = self._talk.search(base, filter, attributes, scope, 0 if scope == "base" else min(page, left + 1), cookie, left + 1)
            for entry, ranged in some.entries[:left]:
                yield self._whole(entry, ranged)
            if len(some.entries) > left:
                raise LdapError(refusal.SIZE_LIMIT, f"{most} entries were read, and there are more", doing=f"The search for {filter}")
            left -= len(some.entries)
            if some.result is not None:
                raise LdapError(some.result.code, some.result.text, doing=f"The search for {filter} in {base or 'the whole forest'}")
            if not some.cookie:
                return
            cookie = some.cookie

    def gather(self, base: str, filter: str, attributes: t.Sequence[str], *, scope: str = "sub", most: int = 5000) -> Found:
        """All entries at once; where a limit cut the search short, what came, and a gap that says so. Raises LdapUnreachable and LdapError otherwise."""
        entries: list[Entry] = []
        try:
            for entry in self.search(base, filter, attributes, scope=scope, most=most):
                entries.append(entry)
        except LdapError as error:
            if error.code not in (refusal.TIME_LIMIT, refusal.SIZE_LIMIT, refusal.ADMIN_LIMIT):
                raise
            return Found(tuple(entries), Unknown(error.sentence))
        return Found(tuple(entries))

    def modify(self, dn: str, changes: t.Sequence[Change]) -> None:
        """Change one object: (add, delete or replace; attribute; values) each. All of it happens or nothing; raises LdapError and LdapUnreachable."""
        refused = self._talk.modify(dn, changes)
        if refused is not None:
            raise refused

    def _whole(self, entry: Entry, ranged: tuple[Ranged, ...]) -> Entry:
        """The entry with the rest of the attributes that the server hands out in pieces; what is still missing then is named in `partial`."""
        for attribute in ranged:
            entry = self._rest(entry, attribute)
        return entry

    def _rest(self, entry: Entry, attribute: Ranged) -> Entry:
        name, following = attribute.name, attribute.following
        values = list(entry.attributes.get(name, ()))
        while following is not None and len(values) < MOST_VALUES:
            page = self._piece(entry.dn, f"{name};range={following}-*")
            part, ranged = page.entries[0] if page.result is None and page.entries else (Entry(""), ())
            piece = next((one for one in ranged if (one.name, one.first) == (name, following)), None)
            if piece is None or (piece.following is not None and piece.following <= following):
                break
            values.extend(part.attributes.get(name, ()))
            following = piece.following
        return replace(entry, attributes={**entry.attributes, name: tuple(values)}, partial=entry.partial if following is None else (*entry.partial, name))

    def _piece(self, dn: str, attribute: str) -> Page:
        return self._talk.search(dn, "(objectClass=*)", (attribute,), "base", 0, b"", 1)
