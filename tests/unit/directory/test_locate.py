# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which domain is asked, and which controllers are known, by whatever names them."""

from __future__ import annotations

import random
import types
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.directory import locate
from ansible_collections.winrm.doctor.plugins.module_utils.directory.locate import Found, Named, Place
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ChallengeEvidence

CHALLENGE = ChallengeEvidence("LAB", netbios_domain="LAB", dns_domain="lab.example", dns_computer="web01.lab.example", membership="domain")
WORKGROUP = ChallengeEvidence("WEB01", netbios_domain="WEB01", dns_domain="web01", membership="workgroup")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"option": "corp.test"}, [("corp.test", "option"), ("lab.example", "NTLM challenge"), ("hosts.test", "host name"), ("default.test", "krb5.conf")]),
        ({"username": "svc@Users.Test"}, [("users.test", "user name"), ("lab.example", "NTLM challenge"), ("hosts.test", "host name"),
                                          ("default.test", "krb5.conf")]),
        ({"username": "LAB\\svc"}, [("lab.example", "user name"), ("hosts.test", "host name"), ("default.test", "krb5.conf")]),
        ({"username": "DEFAULT\\svc"}, [("default.test", "user name"), ("lab.example", "NTLM challenge"), ("hosts.test", "host name")]),
        ({"username": "NOBODY\\svc"}, [("lab.example", "NTLM challenge"), ("hosts.test", "host name"), ("default.test", "krb5.conf")]),
        ({"username": "svc", "challenge": None, "host": "192.0.2.7"}, [("default.test", "krb5.conf")]),
        ({"username": ".\\svc", "challenge": WORKGROUP, "host": "web01", "default_realm": ""}, []),
        ({"username": "svc", "challenge": None, "host": "web01.LAB.example.", "default_realm": ""}, [("lab.example", "host name")]),
        ({"option": "corp", "challenge": None, "host": "web01.localdomain", "default_realm": "CORP"}, [("corp", "option")]),
        ({"username": "CORP\\svc", "challenge": replace(CHALLENGE, netbios_domain="CORP", dns_domain="corp"), "host": "web01", "default_realm": ""},
         [("corp", "user name")]),
    ],
    ids=["option", "UPN", "NetBIOS name of the host", "NetBIOS name of a realm", "NetBIOS name nobody knows", "address", "nothing", "host name alone",
         "domain of one label", "host of such a domain"],
)
def test_domains_in_order(given: dict[str, t.Any], expected: list[tuple[str, str]]) -> None:
    known = {"option": "", "username": "", "challenge": CHALLENGE, "host": "web01.hosts.test", "default_realm": "DEFAULT.TEST", **given}
    assert locate.domains(**known, realms=("DEFAULT.TEST",)) == tuple(Named(name, by) for name, by in expected)


def test_controllers_are_merged_in_order() -> None:
    records = (Place("dc1.lab.test", 389), Place("dc2.lab.test", 389))
    assert locate.merge(["DC2.lab.test."], records, ["dc1.lab.test:88", "tcp/dc3.lab.test", "https://proxy/KdcProxy"]) == (
        Found("dc2.lab.test", ("option", "dns")), Found("dc1.lab.test", ("dns", "krb5.conf")), Found("dc3.lab.test", ("krb5.conf",)),
    )


@pytest.mark.parametrize(
    ("kdc", "host"),
    [("dc1", "dc1"), ("dc1:88", "dc1"), ("udp/dc1:88", "dc1"), ("[2001:db8::1]:88", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"), ("https://kkdcp/", "")],
)
def test_kdc_of_krb5_conf(kdc: str, host: str) -> None:
    assert locate.kdc_host(kdc) == host


class Resolver:
    """Answers one question, or raises."""

    def __init__(self, answer: t.Any) -> None:
        self.answer = answer

    def resolve(self, name: str, kind: str, lifetime: float) -> t.Any:
        assert (name, kind) == ("_ldap._tcp.dc._msdcs.lab.test.", "SRV")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def record(name: str, priority: int, weight: int) -> t.Any:
    return types.SimpleNamespace(target=types.SimpleNamespace(to_text=lambda omit_final_dot: name), port=389, priority=priority, weight=weight)


def test_srv_records_come_best_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dns.resolver")
    answer = [record("DC3.lab.test", 10, 100), record("dc2.lab.test", 5, 0), record("dc1.lab.test", 0, 10), record("", 0, 0)]
    monkeypatch.setattr(deps.dns_resolver, "get_default_resolver", lambda: Resolver(answer))
    places = locate.srv(locate.CONTROLLERS.format("lab.test"), 1.0)
    assert not isinstance(places, Unknown)
    assert [place.name for place in places] == ["dc1.lab.test", "dc2.lab.test", "dc3.lab.test"]


def test_equal_controllers_are_tried_in_an_order_that_holds_for_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """[RFC 2782]: by the alphabet everybody would ask the same few, which may all stand at a site that is out of reach."""
    pytest.importorskip("dns.resolver")
    answer = [record(f"dc{number:02}.lab.test", 0, 100) for number in range(40)]
    monkeypatch.setattr(deps.dns_resolver, "get_default_resolver", lambda: Resolver(answer))
    orders = []
    for run in (b"a", b"a", b"b", b"c"):
        monkeypatch.setattr(locate, "RUN", run)
        orders.append(locate.srv(locate.CONTROLLERS.format("lab.test"), 1.0))
        answer.reverse()
    assert orders[0] == orders[1]
    assert len(set(orders)) == 3
    assert all(not isinstance(order, Unknown) and len(order) == locate.MOST_RECORDS for order in orders)


def test_weights_decide_how_often_a_controller_comes_first() -> None:
    places = [locate.Place("heavy", 389, 0, 300), locate.Place("light", 389, 0, 100), locate.Place("none", 389, 0, 0), locate.Place("later", 389, 1, 1000)]
    firsts = [locate.ordered(places, random.Random(seed))[0].name for seed in range(400)]
    assert 250 < firsts.count("heavy") < 350
    assert 50 < firsts.count("light") < 150
    assert firsts.count("none") < 10
    assert "later" not in firsts


@pytest.mark.parametrize("name", ["NXDOMAIN", "NoNameservers", "LifetimeTimeout"])
def test_missing_records_are_not_taken_for_silent_servers(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    resolver = pytest.importorskip("dns.resolver")
    error = getattr(resolver, name)(timeout=1.0, errors=[]) if name == "LifetimeTimeout" else getattr(resolver, name)()
    monkeypatch.setattr(deps.dns_resolver, "get_default_resolver", lambda: Resolver(error))
    found = locate.srv(locate.CONTROLLERS.format("lab.test"), 1.0)
    assert (found == ()) is (name == "NXDOMAIN")
    assert isinstance(found, Unknown) is (name != "NXDOMAIN")
