# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that say anything at all: whatever comes, each subset gives evidence that can be written down, or says why it has none."""

from __future__ import annotations

import json
import random
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, encode
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import Node
from ansible_collections.winrm.doctor.plugins.module_utils.windows import (
    client,
    config,
    domain,
    limits,
    listeners,
    mappings,
    services,
    system,
    tickets,
    times,
)
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Material, Said
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Data, Registry, Value
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from host_material import here

SUBSETS: tuple[t.Any, ...] = (client, config, domain, limits, listeners, mappings, services, system, tickets, times)
TEXTS = (
    "", " ", "0", "1", "-1", "²", "9" * 5000, "true", "*", "GPO", "\x00", "ü" * 300, "[", "::", "1.2.3.4", "1-", "-", "a-b", "1.2.3.4-1.2.3.1", ";;;", "({[",
    "D:(", "D:(A;;GX;;;WD)", "HTTPS", "IP:", "IP:x", "IP:1.2.3.4", "\r\n" * 50, "Running", "0x1", "LAB\\x@y", "+HTTP", "Status = ", "1.2.3.4%x", "fe80::1%eth0",
)
LINES = (
    "a: 1", "#0>\tClient: a @ B", "\tServer: c @ D", "Status = 99 0x63 X", "\\\\dc1", "10:00:00, +1.5s", "10:00:00, error: 0x800705B4",
    "    IP:port : 0.0.0.0:5986",
    "    x : {afebb9ad-9b97-4a91-9ab5-daf4d59122f6}", "    y : " + "a" * 40,
    "    URL : http://+:5985/wsman/", "SDDL: D:(A;;GX;;;WD)", "0x80070005", "1312", "    ::1",
)
NAMES = (
    "Address", "Transport", "Port", "Enabled", "ListeningOn", "CertificateThumbprint", "Service", "Winrs", "Client", "TrustedHosts", "IPv4Filter", "IPv6Filter",
    "MaxShellsPerUser", "Owner", "Name", "State", "StartMode", "ExitCode", "Domain", "DomainRole", "PartOfDomain", "Version", "Caption", "ProductType", "URI",
)


class Host:
    """One host made of chance."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def data(self) -> Data:
        return self.dice.choice((
            self.dice.choice(TEXTS), self.dice.choice((0, 1, 2, 4, 5985, 2**32 - 1, 2**64)), self.dice.randbytes(self.dice.randrange(60)),
            tuple(self.dice.choices(TEXTS, k=self.dice.randrange(4))),
        ))

    def node(self, name: str, depth: int = 0) -> Node:
        inner = [] if depth > 4 else [self.node(self.dice.choice(NAMES), depth + 1) for _turn in range(self.dice.randrange(7 - depth))]
        marks = {"Source": self.dice.choice(TEXTS)} if self.dice.random() < 0.2 else {}
        return Node(name, "", marks, inner, self.dice.choice(TEXTS))

    def rows(self) -> t.Any:
        if self.dice.random() < 0.3:
            return Unknown(self.dice.choice(("access denied", "lost")))
        return tuple(Object(self.node("X")) for _turn in range(self.dice.randrange(4)))

    def said(self) -> t.Any:
        if self.dice.random() < 0.2:
            return Unknown("access denied")
        lines = self.dice.choices((*LINES, *TEXTS), k=self.dice.randrange(25))
        return Said(self.dice.choice((0, 0, 1, 5, 1060, None, -2147023834)), self.dice.choice(("\n", "\r\n")).join(lines))

    def material(self, subset: t.Any, circumstances: Circumstances) -> Material:
        needs = subset.needs(circumstances)
        values: dict[str, tuple[Value, ...]] = {}
        for key in needs.keys:
            if self.dice.random() < 0.8:
                names = [*self.dice.sample(key.values, min(len(key.values), 6)), self.dice.choice(TEXTS)]
                for name in names:
                    folder, _slash, last = name.rpartition("\\")
                    path = f"{key.path}\\{folder}".rstrip("\\").lower()
                    values[path] = (*values.get(path, ()), Value(last, "REG_SZ", self.data()))
        unknown = {self.dice.choice(needs.keys).path.lower(): "access denied"} if needs.keys and self.dice.random() < 0.3 else {}
        return Material(
            Object(self.node(self.dice.choice(("Config", "Config", "X")))) if self.dice.random() < 0.8 else Unknown("access denied"),
            {name: self.rows() for name in needs.resources}, {query.id: self.rows() for query in needs.queries},
            Registry(values, {}, unknown), {command.id: self.said() for command in needs.commands},
        )


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda one: one.__name__.rpartition(".")[2])
def test_chance_breaks_nothing(subset: t.Any) -> None:
    circumstances = here(domain="lab.test", netbios_domain="LAB", user="u@lab.test")
    for seed in range(300):
        found = subset.evidence(Host(seed).material(subset, circumstances), circumstances)
        assert json.dumps(encode(found)), f"seed {seed}"


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda one: one.__name__.rpartition(".")[2])
def test_nothing_read_gives_no_evidence(subset: t.Any) -> None:
    assert isinstance(subset.evidence(Material(), here()), Unknown) or subset is client
