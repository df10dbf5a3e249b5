# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's domain as far as it is pure: what the scenario file may say of it, what the directory is asked to hold, keytabs, krb5.conf, DNS."""

from __future__ import annotations

import typing as t
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from lab import cli, names
from lab.domain import forest, template
from lab.domain.keytab import keytab
from lab.domain.realm import LAB, OTHER
from lab.domain.settings import Krb5, Settings, read
from lab.domain.wishes import ROLES, Passwords, secrets_file, spns, wishes
from lab.scenario import Host, ScenarioError, load, parse_host, world, worlds

KNOWN = Passwords(dict.fromkeys(("Administrator", *ROLES), "role"), {("lab", "x"): "own", ("other", "carol"): "hers"}, lambda: "spare")
ALL_SPNS = [f"{kind}/{name}" for kind in ("HOST", "WSMAN", "RestrictedKrbHost", "TERMSRV") for name in ("WEB01", "web01.lab.test")]


def host(**given: t.Any) -> Host:
    """A host of the scenario file with these keys."""
    return parse_host("web01", {"wrong": "x", **given}, 0)


def asked(*hosts: Host, realm: t.Any = LAB) -> dict[str, t.Any]:
    """What the realm's directory is asked to hold."""
    return wishes(realm, hosts, ("operator", "shared"), KNOWN)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"directory": {"spn": "missing"}}, "web01: directory holds 'spn'; expected one of spns, "),
        ({"directory": {"spns": "few"}}, "web01: directory spns holds 'few'; expected one of good, missing, only_host, short_only"),
        ({"directory": {"computer": "old"}}, "web01: directory computer holds 'old'; expected one of good, disabled, missing, stale"),
        ({"directory": {"wrong_owner": 5}}, "web01: directory wrong_owner holds 5; expected a name"),
        ({"directory": {"password_days": "many"}}, "web01: directory password_days holds 'many'; expected a number of days"),
        ({"directory": ["spns"]}, "web01: directory holds ['spns']; expected a mapping of what is wrong in the directory"),
        ({"realm": "third"}, "web01: realm holds 'third'; expected one of lab, other"),
        ({"account": {"name": "x", "realm": "third"}}, "web01: account realm holds 'third'; expected one of lab, other"),
        ({"account": {"name": "x", "encryption": "des"}}, "web01: account encryption holds 'des'; expected one of rc4"),
        ({"account": {"name": "x", "state": "tired"}}, "web01: account state holds 'tired'; expected one of ok, "),
    ],
)
def test_mistake_in_a_host(given: dict[str, t.Any], error: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        host(**given)
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (5, "domain holds 5; expected a mapping of what is wrong with the domain"),
        ({"dns": "x"}, "domain holds 'dns'; expected one of kdc, ldap, certificate, clock, srv, trust, krb5"),
        ({"kdc": "slow"}, "domain kdc holds 'slow'; expected one of up, refused, silent"),
        ({"trust": "deep"}, "domain trust holds 'deep'; expected one of two_way, one_way, broken, missing"),
        ({"clock": "late"}, "domain clock holds 'late'; expected a number of seconds"),
        ({"krb5": []}, "domain krb5 holds []; expected a mapping of settings of krb5.conf"),
        ({"krb5": {"rdns": "yes"}}, "domain krb5 rdns holds 'yes'; expected true or false"),
        ({"krb5": {"kdc": "near"}}, "domain krb5 kdc holds 'near'; expected one of dns, explicit, wrong"),
        ({"krb5": {"realm": True}}, "domain krb5 holds 'realm'; expected one of default_realm, kdc, rdns, canonicalize, rc4"),
    ],
)
def test_mistake_in_a_domain(given: t.Any, error: str) -> None:
    with pytest.raises(ValueError, match="domain") as caught:
        read(given)
    assert str(caught.value) == error


def test_mistakes_of_a_world_name_it(tmp_path: Path) -> None:
    file = tmp_path / "worlds.yml"
    file.write_text("worlds: {dark: {domain: {kdc: off}, hosts: {a: {wrong: x}}}}", encoding="utf-8")
    with pytest.raises(ScenarioError, match="world dark: domain kdc holds False; expected one of up, refused, silent"):
        worlds(file)
    file.write_text("hosts: {a: {wrong: x, account: {name: u}}, b: {wrong: x, account: {name: u, state: locked}}}", encoding="utf-8")
    with pytest.raises(ScenarioError, match="b: its account 'u' is described otherwise at a; expected the same"):
        world(file)
    with pytest.raises(ScenarioError, match="there is no world 'nowhere'; there are kdc_down, "):
        cli.named("nowhere")


def test_every_fault_of_a_directory_has_a_host_and_ten_healthy_hosts_speak_with_it() -> None:
    hosts = load()
    told = {(key, value) for one in hosts for key, value in one.directory.items() if isinstance(value, str)}
    assert {("spns", word) for word in ("missing", "only_host", "short_only")} <= told
    assert {("computer", word) for word in ("disabled", "missing", "stale")} <= told
    assert {"wrong_owner", "duplicate", "renamed", "encryption"} <= {key for key, _value in told}
    states = {one.account.get("state") for one in hosts if one.needs_ad}
    assert {"disabled", "locked", "expired", "password_expired", "must_change", "unknown", "hours", "workstations", "protected"} <= states
    assert sum(one.healthy and one.needs_ad for one in hosts) >= 10
    causes = {cause for one in hosts if one.needs_ad for cause in one.causes}
    assert {"spn", "time_skew", "credentials", "domain_trust", "encryption_types", "ntlm_blocked"} <= causes


def test_worlds_hold_every_fault_of_a_domain() -> None:
    found = worlds()
    settings = [one.settings for one in found.values()]
    assert {one.kdc for one in settings} == {"up", "refused", "silent"}
    assert {one.trust for one in settings} == {"two_way", "one_way", "broken", "missing"}
    assert {one.srv for one in settings} == {"good", "missing", "wrong"}
    assert {one.clock for one in settings} >= {600, -600}
    assert any(one.krb5.rdns for one in settings)
    assert all(one.wrong and all(host.needs_ad for host in one.hosts) for one in found.values())


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ({}, ALL_SPNS),
        ({"spns": "missing"}, []),
        ({"spns": "only_host"}, [spn for spn in ALL_SPNS if not spn.startswith("WSMAN/")]),
        ({"spns": "short_only"}, [spn for spn in ALL_SPNS if spn.endswith("/WEB01")]),
        ({"spns": ["HTTP/x"]}, ["HTTP/x"]),
        ({"wrong_owner": "svc"}, [spn for spn in ALL_SPNS if not spn.startswith("WSMAN/")]),
        ({"duplicate": "svc"}, ALL_SPNS),
        ({"renamed": "web99"}, [spn.replace("WEB01", "WEB99").replace("web01", "web99") for spn in ALL_SPNS]),
    ],
)
def test_computer_carries_what_the_scenario_says(directory: dict[str, t.Any], expected: list[str]) -> None:
    given = host(directory=directory)
    assert spns(given) == expected
    assert asked(given)["computers"][0]["spns"] == expected


def test_second_owner_is_a_user_and_gets_the_names_past_the_rules() -> None:
    found = asked(host(directory={"duplicate": "svc"}))
    assert "svc" in {user["name"] for user in found["users"]}
    assert found["misplaced"] == [{"account": "svc", "spns": ["WSMAN/WEB01", "WSMAN/web01.lab.test", "HTTP/WEB01", "HTTP/web01.lab.test"]}]


@pytest.mark.parametrize(
    ("given", "there"),
    [({}, True), ({"directory": {"computer": "missing"}}, False), ({"windows": {"domain": None, "dns_domain": None}}, False), ({"realm": "other"}, False)],
)
def test_members_alone_have_a_computer_account(given: dict[str, t.Any], there: bool) -> None:
    assert bool(asked(host(**given))["computers"]) is there


def test_stale_machine_is_asked_for() -> None:
    assert asked(host(directory={"computer": "stale"}))["computers"][0]["stale"] is True
    assert asked(host())["computers"][0]["stale"] is False


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ({"name": "x", "state": "locked"}, {"state": "locked", "password": "own", "upn": "x@lab.test", "groups": []}),
        ({"name": "x", "state": "protected"}, {"state": "ok", "groups": ["Protected Users"]}),
        ({"name": "x", "state": "no_trust"}, {"state": "ok"}),
        ({"name": "x", "encryption": "rc4"}, {"encryption": 4}),
        ({"name": "x", "state": "unknown"}, None),
        ({"name": "x", "local": True}, None),
        ({"name": "carol", "realm": "other"}, None),
    ],
)
def test_user_stands_in_the_directory_as_the_scenario_has_it(account: dict[str, t.Any], expected: dict[str, t.Any] | None) -> None:
    found = [user for user in asked(host(account=account))["users"] if user["name"] == account["name"]]
    assert bool(found) is (expected is not None)
    for key, value in (expected or {}).items():
        assert found[0][key] == value


def test_user_of_the_other_realm_stands_there_and_the_host_knows_its_principal() -> None:
    given = host(account={"name": "carol", "realm": "other"}, vars={"ansible_psrp_auth": "kerberos"})
    assert [user["upn"] for user in asked(given, realm=OTHER)["users"] if user["name"] == "carol"] == ["carol@other.test"]
    assert list(given.own_account("hers")) == ["carol@OTHER.TEST"]
    assert given.user == "carol@OTHER.TEST"
    assert host(account={"name": "carol", "realm": "other"}).user == "OTHER\\carol"


def test_accounts_are_told_by_realm_and_no_role_is_left_out() -> None:
    told = secrets_file({"lab": LAB, "other": OTHER}, ("operator", "shared"), KNOWN)
    assert set(told["LAB.TEST"]) == {"Administrator", *ROLES, "operator", "x"}
    assert set(told["OTHER.TEST"]) == {"Administrator", *ROLES, "carol"}


def test_no_password_shows_in_a_repr() -> None:
    assert "hers" not in repr(KNOWN)
    assert "role" not in repr(KNOWN)


def test_keytab_is_what_mit_documents() -> None:
    data = keytab("WEB01$@LAB.TEST", 2, {18: b"k" * 32})
    size = int.from_bytes(data[2:6], "big")
    assert data[:2] == b"\x05\x02"
    assert size == len(data) - 6
    body = data[6:]
    assert body[:2] == b"\x00\x01"
    assert body[2:12] == b"\x00\x08LAB.TEST"
    assert body[12:20] == b"\x00\x06WEB01$"
    assert body[20:24] == b"\x00\x00\x00\x01"
    assert body[28:] == b"\x02" + b"\x00\x12" + b"\x00\x20" + b"k" * 32 + b"\x00\x00\x00\x02"


@pytest.mark.parametrize(
    ("given", "there", "absent"),
    [
        (Krb5(), ("default_realm = LAB.TEST", "dns_lookup_kdc = true", "rdns = false", ".other.test = OTHER.TEST"), ("[realms]", "rc4")),
        (Krb5(kdc="explicit"), ("dns_lookup_kdc = false", "kdc = dc1.lab.test"), ()),
        (Krb5(kdc="wrong"), ("kdc = 127.66.0.99",), ("dc1",)),
        (Krb5(default_realm=False, rdns=True, canonicalize=True), ("rdns = true", "dns_canonicalize_hostname = true"), ("default_realm",)),
        (Krb5(rc4=True), ("rc4-hmac",), ()),
    ],
)
def test_krb5_conf(given: Krb5, there: tuple[str, ...], absent: tuple[str, ...]) -> None:
    text = given.text([LAB, OTHER])
    assert [line for line in there if line not in text] == []
    assert [line for line in absent if line in text] == []


@pytest.mark.parametrize(
    ("kind", "directions"), [("two_way", (3, 3)), ("one_way", (1, 2)), ("broken", (3, 3)), ("missing", None)],
)
def test_trust(kind: str, directions: tuple[int, int] | None) -> None:
    ours, theirs = forest.trusts(kind)
    assert (ours is None, theirs is None) == (directions is None,) * 2
    if ours and theirs and directions:
        assert (ours["direction"], theirs["direction"]) == directions
        assert (ours["outgoing"] == theirs["incoming"] and ours["incoming"] == theirs["outgoing"]) is (kind != "broken")


ZONE = {
    **names.records([host(alias="front"), parse_host("web02", {"wrong": "x", "reverse": "gone.lab.test", "directory": {"renamed": "web99"}}, 1)]),
    ("_ldap._tcp.dc._msdcs.lab.test.", "SRV"): ["0 100 389 dc1.lab.test."], ("dc1.lab.test.", "A"): ["127.66.0.10"],
}


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("web01.lab.test", "A", ["127.66.1.1"]),
        ("WEB01.Lab.Test", "A", ["127.66.1.1"]),
        ("web01.lab.test", "AAAA", []),
        ("front.lab.test", "A", ["web01.lab.test.", "127.66.1.1"]),
        ("front.lab.test", "CNAME", ["web01.lab.test."]),
        ("web99.lab.test", "A", ["127.66.1.2"]),
        ("1.1.66.127.in-addr.arpa", "PTR", ["web01.lab.test."]),
        ("2.1.66.127.in-addr.arpa", "PTR", ["gone.lab.test."]),
        ("_LDAP._tcp.DC._msdcs.lab.test", "SRV", ["0 100 389 dc1.lab.test."]),
        ("_msdcs.lab.test", "A", []),
        ("lab.test", "A", []),
        ("nobody.lab.test", "A", None),
        ("example.com", "A", None),
    ],
)
def test_name_server_answers(name: str, kind: str, expected: list[str] | None) -> None:
    reply = names.NameServer(ZONE).answer(dns.message.make_query(name, kind))
    assert reply.rcode() == (dns.rcode.NXDOMAIN if expected is None else dns.rcode.NOERROR)
    assert [str(item) for rrset in reply.answer for item in rrset] == (expected or [])


def test_records_of_a_controller_follow_the_settings(tmp_path: Path) -> None:
    def records(**given: t.Any) -> forest.Records:
        return forest.Forest([host(realm="other")], tmp_path, Settings(**given), ("operator", "x"), {}).records()

    assert records()["_kerberos._udp.lab.test.", "SRV"] == ["0 100 88 dc1.lab.test."]
    assert records()["10.0.66.127.in-addr.arpa.", "PTR"] == ["dc1.lab.test."]
    assert records(srv="wrong")["_kerberos._tcp.lab.test.", "SRV"] == ["0 100 88 gone.lab.test."]
    assert [name for name, kind in records(srv="missing") if kind == "SRV" and name.endswith(".lab.test.")] == []
    assert records(srv="missing")["_gc._tcp.other.test.", "SRV"] == ["0 100 3268 odc1.other.test."]


@pytest.mark.parametrize(
    ("arguments", "by_name", "lacking", "expected"),
    [
        (["hosts"], True, "", True),
        (["hosts"], True, "Samba", False),
        (["hosts"], False, "", False),
        (["--no-domain", "hosts"], True, "", False),
        (["--only", "web01", "hosts"], True, "", False),
        (["--domain", "--only", "web01", "hosts"], True, "", True),
        (["--bench", "5", "hosts"], True, "", False),
    ],
)
def test_domain_is_started_where_somebody_needs_it(arguments: list[str], by_name: bool, lacking: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "lacking", lambda: lacking)
    options = cli.parser().parse_args(arguments)
    assert cli.wants_domain(cli.chosen(options).hosts, options, by_name) is expected


def test_domain_without_the_libraries_that_take_tickets_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "version", lambda: "4.17")
    monkeypatch.setattr(template.importlib.util, "find_spec", lambda name: None if name == "gssapi" else object())
    assert template.lacking() == "the Python library gssapi"


@pytest.mark.parametrize(
    ("arguments", "by_name", "why"),
    [
        (["--no-domain", "up"], True, "as --no-domain asks"),
        (["up"], True, "for Samba (samba-ad-dc, samba-ad-provision) is not installed here"),
        (["up"], False, "for there is no network namespace to run it in"),
    ],
)
def test_one_sentence_says_what_is_left_out(
    arguments: list[str], by_name: bool, why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(template, "version", lambda: "")
    options = cli.parser().parse_args(arguments)
    hosts = load()
    kept = cli.without_domain(hosts, options, by_name)
    gone = len(hosts) - len(kept)
    assert not any(one.needs_ad for one in kept)
    assert capsys.readouterr().err == (
        f"lab: without the lab's domain, {why}, {gone} hosts are left out and the causes domain_trust, encryption_types, spn.\n"
    )
