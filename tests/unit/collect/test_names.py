# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name resolution: the two ways side by side, and each of their refusals."""

from __future__ import annotations

import socket
import threading
import types
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.collect import names
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import NameEvidence, ReverseName
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline

dns_resolver = pytest.importorskip("dns.resolver")
import dns.exception  # noqa: E402
import dns.message  # noqa: E402
import dns.name  # noqa: E402
import dns.rdatatype  # noqa: E402
import dns.rrset  # noqa: E402


def rows(*addresses: str) -> list[t.Any]:
    return [(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 0, 0, 0) if ":" in a else (a, 0)) for a in addresses]


class Zone:
    """A resolver that answers from real dnspython answers, made from a table of records."""

    def __init__(self, records: dict[tuple[str, str], list[str]]) -> None:
        self.records = records

    def resolve(self, name: t.Any, kind: str, lifetime: float = 0, search: bool = False) -> t.Any:
        text = str(name).rstrip(".")
        chain = []
        while (text, "CNAME") in self.records and kind != "CNAME":
            end = self.records[text, "CNAME"][0]
            chain.append(dns.rrset.from_text(text + ".", 60, "IN", "CNAME", end + "."))
            text = end
        if not any(known == text for known, _kind in self.records):
            raise dns_resolver.NXDOMAIN
        if (text, kind) not in self.records:
            raise dns_resolver.NoAnswer(response=dns.message.make_response(dns.message.make_query(text, kind)))
        if self.records[text, kind] == ["SERVFAIL"]:
            raise dns_resolver.NoNameservers(request=dns.message.make_query(text, kind), errors=[])
        asked = str(name).rstrip(".") + "."
        response = dns.message.make_response(dns.message.make_query(asked, kind))
        response.answer = [*chain, dns.rrset.from_text(text + ".", 60, "IN", kind, *self.records[text, kind])]
        received = dns.message.from_wire(response.to_wire())
        return dns_resolver.Answer(dns.name.from_text(asked), dns.rdatatype.from_text(kind), 1, received)


def watch(monkeypatch: pytest.MonkeyPatch, system: t.Any, records: dict[tuple[str, str], list[str]]) -> None:
    def getaddrinfo(*_args: object, **_kwargs: object) -> t.Any:
        if isinstance(system, Exception):
            raise system
        return rows(*system)

    monkeypatch.setattr(names.socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(deps, "dns_resolver", types.SimpleNamespace(
        get_default_resolver=lambda: Zone(records), NoAnswer=dns_resolver.NoAnswer, NXDOMAIN=dns_resolver.NXDOMAIN,
    ))


def resolve(host: str) -> NameEvidence:
    return names.Names(host, 2.0).evidence(Deadline(5.0))


def test_both_ways_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, ["192.0.2.1", "2001:db8::1"], {("web01", "A"): ["192.0.2.1"], ("web01", "AAAA"): ["2001:db8::1"]})
    assert resolve("web01") == NameEvidence("web01", system=("192.0.2.1", "2001:db8::1"), dns=("192.0.2.1", "2001:db8::1"))


def test_alias_shows_its_canonical_name(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, ["192.0.2.1"], {("www.lab.test", "CNAME"): ["web01.lab.test"], ("web01.lab.test", "A"): ["192.0.2.1"]})
    assert resolve("www.lab.test").canonical == "web01.lab.test"


def test_name_denied_by_both_ways_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, socket.gaierror(socket.EAI_NONAME, "Name or service not known"), {})
    assert resolve("gone") == NameEvidence("gone", no_such_name=True)


@pytest.mark.parametrize(
    ("system", "records", "expected"),
    [
        pytest.param(
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), {},
            NameEvidence("web01", system=Unknown("EAI_AGAIN: Temporary failure in name resolution")), id="a server failure denies nothing",
        ),
        pytest.param(["192.0.2.9"], {}, NameEvidence("web01", system=("192.0.2.9",)), id="only in the hosts file"),
        pytest.param(
            socket.gaierror(socket.EAI_NONAME, "unknown"), {("web01", "TXT"): ["x"]}, NameEvidence("web01"), id="the name exists, without an address",
        ),
        pytest.param(
            UnicodeError("label too long"), {}, NameEvidence("web01", system=Unknown("not a name that can be asked for: label too long")), id="no name at all",
        ),
    ],
)
def test_one_way_alone_proves_no_absence(
    monkeypatch: pytest.MonkeyPatch, system: t.Any, records: dict[tuple[str, str], list[str]], expected: NameEvidence,
) -> None:
    watch(monkeypatch, system, records)
    assert resolve("web01") == expected


def test_failing_name_servers_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, ["192.0.2.1"], {("web01", "A"): ["SERVFAIL"]})
    seen = resolve("web01").dns
    assert isinstance(seen, Unknown)
    assert seen.unknown.startswith("NoNameservers: ")


def test_ipv4_alone_is_kept_when_the_question_for_ipv6_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, ["192.0.2.1"], {("web01", "A"): ["192.0.2.1"], ("web01", "AAAA"): ["SERVFAIL"]})
    assert resolve("web01").dns == ("192.0.2.1",)


def test_missing_dnspython_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, ["192.0.2.1"], {})
    monkeypatch.setattr(deps, "missing", lambda name: f"The Python library {name} cannot be imported: no")
    seen = resolve("web01")
    assert seen.dns == Unknown("The Python library dnspython cannot be imported: no")
    assert seen.system == ("192.0.2.1",)
    assert not seen.no_such_name


def test_resolver_that_never_returns_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, [], {("web01", "A"): ["192.0.2.1"]})
    forever = threading.Event()
    monkeypatch.setattr(names.socket, "getaddrinfo", lambda *a, **k: forever.wait())
    asked = names.Names("web01", 2.0)
    assert asked.addresses(0.2) == ("192.0.2.1",)
    assert asked.only_in_dns
    system = asked.evidence(Deadline(0.1)).system
    forever.set()
    assert isinstance(system, Unknown)
    assert system.unknown.startswith("no answer within 0.")


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"])
def test_literal_address_asks_nobody(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(names, "ask_system", lambda _host: pytest.fail("asked"))
    asked = names.Names(host, 1.0)
    assert asked.addresses(1.0) == (host,)
    assert asked.evidence(Deadline(1.0)) == NameEvidence(host, is_address=True, system=(host,))


def test_reverse_names_come_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, [], {("1.2.0.192.in-addr.arpa", "PTR"): ["web01.lab.test."]})
    monkeypatch.setattr(names.socket, "gethostbyaddr", lambda address: ("web01", ["alias"], [address]))
    asked = names.Names("192.0.2.1", 1.0)
    asked.ask_reverse(["192.0.2.1"])
    assert asked.evidence(Deadline(5.0)).reverse == (ReverseName("192.0.2.1", ("web01", "alias"), ("web01.lab.test",)),)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.herror(1, "Unknown host"), ()),
        (socket.herror(2, "Host name lookup failure"), Unknown("Host name lookup failure")),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), ()),
    ],
)
def test_reverse_refusals(monkeypatch: pytest.MonkeyPatch, error: Exception, expected: object) -> None:
    def refuse(_address: str) -> t.NoReturn:
        raise error

    monkeypatch.setattr(names.socket, "gethostbyaddr", refuse)
    assert names.reverse_system("192.0.2.1") == expected


def test_scope_of_a_link_local_address_is_kept() -> None:
    assert names._with_scope(("fe80::1", 0, 0, 3)) == "fe80::1%3"
    assert names._with_scope(("fe80::1%eth0", 0, 0, 3)) == "fe80::1%eth0"
    assert names._with_scope(("2001:db8::1", 0, 0, 0)) == "2001:db8::1"
