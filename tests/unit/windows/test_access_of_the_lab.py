# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's hosts, built by somebody else, asked round by round: their WMI, registry and commands together must tell who gets in."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ALLOWED, REFUSED, AccessEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.windows import access, batch
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Get, Material, Query
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from lab.inside import cmd, profiles, registry, wmi, wql
from lab.inside.model import Inside
from lab.inside.wmi_cimv2 import Host
from lab.messages import Account, Windows

DOMAIN_SID = "S-1-5-21-7-8-9"
SVC = f"{DOMAIN_SID}-1104"
OWN = profiles.hashed_sid("WEB01")
ADMINISTRATORS, MANAGERS, READERS = "S-1-5-32-544", "S-1-5-32-580", "S-1-5-32-573"
READER = Account("secret")
UAC = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
HERE = Circumstances(
    1_775_688_480.0, "web01.lab.test", 5985, "http", user="LAB\\svc", domain="lab.test", netbios_domain="LAB", netbios_computer="WEB01",
    user_sids=(SVC, f"{DOMAIN_SID}-513"),
)
MANNERS = tuple(
    {"references": references, "rows": rows, "account_list": listed}
    for references, rows, listed in itertools.product(("endpoint", "path"), ("fragment", "typed"), ("names", "sids"))
)


def host(language: str = "en", *, profile: str = "server2022", manner: t.Mapping[str, str] | None = None, **members: tuple[str, str]) -> Inside:
    """A member of the domain; `members`: name and SID of one more member of `administrators` or `managers`."""
    inside = profiles.fresh(profile, language=language, domain="LAB", dns_domain="lab.test", domain_sid=DOMAIN_SID)
    groups = dict(inside.groups)
    for word, member in members.items():
        sid = {"administrators": ADMINISTRATORS, "managers": MANAGERS}[word]
        groups[sid] = (groups[sid][0], (*groups[sid][1], member))
    return replace(inside, groups=groups, manner=manner or {})


def asked(query: Query | Get, inside: Inside) -> tuple[Object, ...] | Unknown:
    """What the stand-in's WMI says."""
    if isinstance(query, Get):
        namespace, _slash, name = query.resource.removeprefix("wmi/").rpartition("/")
        where = " and ".join(f'{key}="{value}"' for key, value in query.selectors)
        return asked(Query(query.id, f"select * from {name} where {where}", namespace), inside) or Unknown("there is no such object")
    parsed = wql.parse(query.wql)
    kind = wmi.KINDS.get((query.namespace.lower(), parsed.kind.lower()))
    assert kind, query.wql
    seen = Host(inside, Windows("WEB01", accounts={"local": Account("x", local=True)}))
    rows = [row for row in kind.rows(seen) if parsed.wanted(wql.lowered(row))]
    return tuple(Object(parse(_declared(wmi.render(row, kind, query.namespace.lower(), seen, parsed.columns)), 1 << 20)) for row in rows)


def _declared(item: str) -> bytes:
    """The envelope declares the prefix of fragments."""
    return item.replace("<w:XmlFragment", '<w:XmlFragment xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"').encode()


def read(inside: Inside, here: Circumstances = HERE, *, reader: str = "LAB\\reader", account: Account = READER, without: str = "") -> AccessEvidence:
    """All rounds, as the reader asks them. `without`: a way that is closed."""
    needs = access.needs(here)
    tree = {key.replace("HKEY_LOCAL_MACHINE", "HKLM"): values for key, values in registry.tree(inside).items()}
    keys = {key.lower(): tuple(Value(name, kind, data) for name, (kind, data) in values.items()) for key, values in tree.items()}
    said = {}
    for line, group in batch.lines(needs.commands):
        _code, output = cmd.run(line, inside, account, reader)
        said.update(batch.split(output.decode(), group))
    closed = Unknown("closed")
    queries = {query.id: closed if without == "wmi" else asked(query, inside) for query in needs.queries}
    given = Material(queries=queries, registry=Registry(keys, {key.lower(): key for key in tree}), commands={} if without == "cmd" else said)
    for _round in range(3):
        found = {query.id: closed if without == "wmi" else asked(query, inside) for query in access.more(given, here).questions}
        given = replace(given, queries={**given.queries, **found})
    seen = access.evidence(given, here)
    assert isinstance(seen, AccessEvidence)
    return seen


def gates(seen: AccessEvidence) -> dict[str, str]:
    return {one.gate: "unknown" if isinstance(one.outcome, Unknown) else one.outcome for one in seen.gates}


@pytest.mark.parametrize("manner", MANNERS, ids=lambda one: "-".join(one.values()))
@pytest.mark.parametrize("language", ["en", "de"])
def test_administrator_manager_and_stranger(language: str, manner: dict[str, str]) -> None:
    everything = dict.fromkeys(("network_logon", "root", "powershell", "cmd", "wmi", "connection"), ALLOWED)
    assert gates(read(host(language, manner=manner, administrators=("LAB\\svc", SVC)))) == everything
    managed = {**everything, "root": REFUSED, "cmd": REFUSED}
    assert gates(read(host(language, manner=manner, managers=("LAB\\svc", SVC)))) == managed
    stranger = {**managed, "powershell": REFUSED, "wmi": REFUSED, "connection": REFUSED}
    assert gates(read(host(language, manner=manner))) == stranger


@pytest.mark.parametrize("language", ["en", "de"])
def test_administrator_by_a_group_of_the_domain(language: str) -> None:
    here = replace(HERE, user_sids=(SVC, f"{DOMAIN_SID}-513", f"{DOMAIN_SID}-1200"))
    assert gates(read(host(language, administrators=("LAB\\Operators", f"{DOMAIN_SID}-1200")), here))["cmd"] == ALLOWED
    assert gates(read(host(language, administrators=("LAB\\Operators", f"{DOMAIN_SID}-1201")), here))["cmd"] == REFUSED
    assert gates(read(host(language), replace(here, user_sids=(SVC, f"{DOMAIN_SID}-512"))))["cmd"] == ALLOWED


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("value", [None, 0, 1])
def test_local_administrator(language: str, value: int | None) -> None:
    inside = host(language, administrators=("WEB01\\boss", f"{OWN}-1007"))
    if value is not None:
        inside = replace(inside, values={**inside.values, (UAC, "LocalAccountTokenFilterPolicy"): ("REG_DWORD", value)})
    seen = read(inside, replace(HERE, user="WEB01\\boss", user_sids=()))
    assert (seen.local, seen.sid, seen.filtered) == (True, f"{OWN}-1007", value != 1)
    assert gates(seen)["connection"] == (ALLOWED if value == 1 else REFUSED)


@pytest.mark.parametrize("way", ["", "wmi", "cmd"])
def test_ways_that_are_closed(way: str) -> None:
    seen = gates(read(host(administrators=("LAB\\svc", SVC)), without=way))
    assert (seen["root"], seen["powershell"]) == (ALLOWED, ALLOWED)
    assert seen["network_logon"] == ("unknown" if way == "cmd" else ALLOWED)


@pytest.mark.parametrize("language", ["en", "de"])
def test_denied_the_right(language: str) -> None:
    for holder, outcome in ((SVC, REFUSED), (f"{DOMAIN_SID}-513", REFUSED), ("S-1-5-113", ALLOWED), (f"{OWN}-501", ALLOWED)):
        inside = host(language, administrators=("LAB\\svc", SVC))
        inside = replace(inside, rights={**inside.rights, "SeDenyNetworkLogonRight": (holder,)})
        assert gates(read(inside))["network_logon"] == outcome, holder
        assert gates(read(inside, without="cmd"))["network_logon"] in (outcome, "unknown"), holder


@pytest.mark.parametrize("profile", ["server2019", "server2022", "server2025", "windows10", "windows11"])
def test_every_profile(profile: str) -> None:
    seen = read(host(profile=profile, administrators=("LAB\\svc", SVC)))
    assert gates(seen)["connection"] == ALLOWED
    assert {group.sid for group in seen.groups} == {ADMINISTRATORS, MANAGERS, READERS}


def test_user_who_reads() -> None:
    inside = host(managers=("LAB\\svc", SVC))
    seen = read(inside, replace(HERE, user_sids=()), reader="LAB\\svc", account=Account("x", groups="remote_management_users"))
    assert (seen.sid, gates(seen)["powershell"], gates(seen)["cmd"], gates(seen)["network_logon"]) == (SVC, ALLOWED, REFUSED, "unknown")
