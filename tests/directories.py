# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory in memory that answers as an Ldap does: as much of filters and changes as the code for SPNs asks for."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.winrm.doctor.plugins.module_utils.directory.entries import Entry
from ansible_collections.winrm.doctor.plugins.module_utils.directory.refusal import LdapError, LdapUnreachable

Attributes = t.Dict[str, t.List[str]]
Object = t.Tuple[str, Attributes]
BASE = "DC=lab,DC=test"
FOREST_DOMAINS = "(&(objectClass=crossRef)(systemFlags:1.2.840.113556.1.4.803:=2))"


def computer(name: str, *spns: str, **more: list[str]) -> Object:
    """An enabled member of lab.test."""
    attributes = {"objectClass": ["top", "user", "computer"], "sAMAccountName": [f"{name}$"], "dNSHostName": [f"{name.lower()}.lab.test"]}
    return f"CN={name},CN=Computers,{BASE}", {**attributes, "servicePrincipalName": list(spns), **more}


def user(name: str, *spns: str, **more: list[str]) -> Object:
    """An enabled user of lab.test."""
    attributes = {"objectClass": ["top", "user"], "sAMAccountName": [name], "userPrincipalName": [f"{name}@lab.test"]}
    return f"CN={name},CN=Users,{BASE}", {**attributes, "servicePrincipalName": list(spns), **more}


class Folder:
    """`refuse` maps a DN to what its next changes end with; an LdapUnreachable breaks the connection, `done` telling whether the change was made before."""

    configuration = f"CN=Configuration,{BASE}"

    def __init__(self, *objects: Object, port: int = 389, domains: t.Sequence[str] = ("lab.test",)) -> None:
        self.port, self.name = port, "dc1.lab.test"
        self.objects: dict[str, Attributes] = {}
        self.searches: list[tuple[str, str]] = []
        self.changes: list[tuple[str, t.Any]] = []
        self.refuse: dict[str, list[Exception | None]] = {}
        self.done = False
        self.broken = False
        for dn, attributes in objects:
            self.add(dn, **attributes)
        for domain in domains:
            self.add(f"CN={domain},CN=Partitions,{self.configuration}", objectClass=["crossRef"], dnsRoot=[domain])

    def add(self, dn: str, **attributes: list[str]) -> None:
        """One more object."""
        self.objects[dn] = {name.lower(): values for name, values in attributes.items()}

    def spns(self, dn: str) -> list[str]:
        """The SPNs of an object."""
        return self.objects[dn].get("serviceprincipalname", [])

    def root(self) -> Entry:
        """rootDSE."""
        return entry("", {"defaultnamingcontext": [BASE], "configurationnamingcontext": [self.configuration], "rootdomainnamingcontext": [BASE]})

    def search(self, base: str, filter: str, attributes: t.Sequence[str], *, scope: str = "sub", most: int = 5000, page: int = 500) -> t.Iterator[Entry]:
        """What fits: every (objectClass=...) and one of the other terms."""
        self._alive()
        self.searches.append((base, filter))
        if scope == "base" and base not in self.objects:
            raise LdapError(32)
        for dn, values in list(self.objects.items()):
            inside = dn == base if scope == "base" else dn.lower().endswith(base.lower())
            if inside and fits(values, filter):
                yield entry(dn, values)

    def modify(self, dn: str, changes: t.Sequence[tuple[str, str, t.Sequence[str]]]) -> None:
        """All of it or nothing."""
        self._alive()
        self.changes.append((dn, changes))
        planned = self.refuse.get(dn) or [None]
        error = planned.pop(0)
        if isinstance(error, LdapUnreachable):
            self.broken = True
        if error is None or (isinstance(error, LdapUnreachable) and self.done):
            self._change(dn, changes)
        if error is not None:
            raise error

    def _change(self, dn: str, changes: t.Sequence[tuple[str, str, t.Sequence[str]]]) -> None:
        held = list(self.spns(dn))
        for how, _attribute, values in changes:
            keys = {value.lower() for value in held}
            if how == "replace":
                held = []
            if how == "delete" and not all(value.lower() in keys for value in values):
                raise LdapError(16)
            if how == "add" and any(value.lower() in keys for value in values):
                raise LdapError(20)
            gone = {value.lower() for value in values}
            held = [value for value in held if value.lower() not in gone] + ([] if how == "delete" else list(values))
        self.objects[dn]["serviceprincipalname"] = held

    def _alive(self) -> None:
        if self.broken:
            raise LdapUnreachable("closed", "dc1.lab.test ended the conversation.")

    def again(self) -> Folder:
        """A new connection."""
        self.broken = False
        return self

    def close(self) -> None:
        """Nothing to close."""


def entry(dn: str, values: t.Mapping[str, t.Sequence[str]]) -> Entry:
    """As a search brings it."""
    return Entry(dn, {name: tuple(value.encode() for value in some) for name, some in values.items() if some})


def fits(values: t.Mapping[str, t.Sequence[str]], text: str) -> bool:
    """Whether an object fits a filter of one level of alternatives."""
    if text == FOREST_DOMAINS:
        return "crossRef" in values.get("objectclass", ())
    terms = [(name.lower(), value) for name, value in re.findall(r"\(([\w-]+)=([^()]*)\)", text)]
    classes = [matches(values.get(name, ()), value) for name, value in terms if name == "objectclass" and value != "*"]
    rest = [matches(values.get(name, ()), value) for name, value in terms if name != "objectclass"]
    return all(classes) and (any(rest) or not rest)


def matches(held: t.Sequence[str], asked: str) -> bool:
    """One term; an asterisk stands for anything."""
    parts = [re.sub(r"\\([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), part) for part in asked.split("*")]
    pattern = ".*".join(re.escape(part) for part in parts)
    return any(re.fullmatch(pattern, value, re.IGNORECASE) for value in held)
