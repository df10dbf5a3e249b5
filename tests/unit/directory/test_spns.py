# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SPNs: spelling, what HOST stands for, and who in a forest carries them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory import spns
from ansible_collections.winrm.doctor.plugins.module_utils.directory.spns import Spn
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from directories import Folder, computer, user

MAPPED = spns.parse_mappings(spns.DEFAULT_MAPPINGS)


@pytest.mark.parametrize(
    ("text", "spn", "written"),
    [
        ("http/web01.lab.test", Spn("HTTP", "web01.lab.test"), "HTTP/web01.lab.test"),
        (" wsman/WEB01 ", Spn("WSMAN", "WEB01"), "WSMAN/WEB01"),
        ("restrictedkrbhost/x", Spn("RestrictedKrbHost", "x"), "RestrictedKrbHost/x"),
        ("MSSQLSvc/db.lab.test:1433", Spn("MSSQLSvc", "db.lab.test", "1433"), "MSSQLSvc/db.lab.test:1433"),
        ("MSSQLSvc/db.lab.test:INST", Spn("MSSQLSvc", "db.lab.test", "INST"), "MSSQLSvc/db.lab.test:INST"),
        ("ldap/dc1.lab.test/lab.test", Spn("ldap", "dc1.lab.test", name="lab.test"), "ldap/dc1.lab.test/lab.test"),
        ("ldap/dc1.lab.test:389/DC=lab,DC=test/x", Spn("ldap", "dc1.lab.test", "389", "DC=lab,DC=test/x"), "ldap/dc1.lab.test:389/DC=lab,DC=test/x"),
        ("Own-Class/x", Spn("Own-Class", "x"), "Own-Class/x"),
        ("HTTP/2001:db8::1", Spn("HTTP", "2001:db8::1"), "HTTP/2001:db8::1"),
    ],
)
def test_spn_is_read_and_written(text: str, spn: Spn, written: str) -> None:
    assert spns.parse(text) == spn
    assert spns.parse(text).text == written


@pytest.mark.parametrize(
    "text",
    ["", "HTTP", "HTTP/", "/web01", "http://web01", "http://web01/wsman", "HTTP/web 01", "HTTP/web01:", "HTTP/:80", "HTTP/web01:80:90", "HTTP/web01/",
     "HTTP/web01//x", "HTTP/web01@LAB.TEST", "HTTP/*", "LAB\\web01/x", "HTTP/web\x0001", "HTTP/web01\u2028x"],
)
def test_malformed_spn_is_named_with_what_was_expected(text: str) -> None:
    with pytest.raises(DoctorError) as error:
        spns.parse(text)
    assert error.value.sentence.startswith(f"The SPN {text!r} is malformed. Expected: class/host,")


def test_spellings_are_compared_as_active_directory_does() -> None:
    assert spns.same("http/WEB01", "HTTP/web01")
    assert spns.parse("wsman/Web01").key == spns.parse("WSMAN/wEB01").key


@pytest.mark.parametrize(("service", "covered"), [("HTTP", True), ("http", True), ("cifs", True), ("WSMAN", False), ("TERMSRV", False), ("HOST", False)])
def test_host_stands_for_http_and_not_for_wsman(service: str, covered: bool) -> None:
    alias = spns.alias_of(Spn(service, "web01"), MAPPED)
    assert (alias.text if alias else None) == ("HOST/web01" if covered else None)


def test_mappings_of_a_forest_that_was_extended_count() -> None:
    mapped = spns.parse_mappings(["host=http, WSMAN", "ldap=ldap,otherldap", "nothing", "=x", "empty="])
    assert mapped == {"http": "host", "wsman": "host", "ldap": "ldap", "otherldap": "ldap"}
    assert spns.alias_of(spns.parse("WSMAN/web01"), mapped) == Spn("HOST", "web01")
    assert spns.alias_of(spns.parse("ldap/dc1"), mapped) is None


def test_mappings_are_read_from_the_configuration_or_taken_as_windows_makes_them() -> None:
    folder = Folder()
    assert spns.mappings(folder) == MAPPED
    folder.add(f"{spns.MAPPINGS_DN}{folder.configuration}", objectClass=["nTDSService"], sPNMappings=["host=wsman"])
    assert spns.mappings(folder) == {"wsman": "host"}


@pytest.mark.parametrize(
    ("host", "domain", "expected"),
    [
        ("web01.lab.test", "", ("HTTP/web01.lab.test", "HTTP/web01")),
        ("WEB01", "lab.test", ("HTTP/web01.lab.test", "HTTP/web01")),
        ("WEB01", "", ("HTTP/web01",)),
        ("web01.lab.test.", "other.test", ("HTTP/web01.lab.test", "HTTP/web01")),
        ("192.0.2.1", "lab.test", ()),
        ("fe80::1%eth0", "", ()),
        ("", "lab.test", ()),
    ],
)
def test_siblings_of_a_host(host: str, domain: str, expected: tuple[str, ...]) -> None:
    assert spns.siblings(host, domain, ("HTTP",)) == expected


@pytest.mark.parametrize(
    ("classes", "control", "kind", "enabled"),
    [
        (["top", "person", "user"], 512, "user", True),
        (["top", "person", "user", "computer"], 4096, "computer", True),
        (["top", "user", "computer", "msDS-GroupManagedServiceAccount"], 4096, "service", True),
        (["top", "user", "computer", "msDS-ManagedServiceAccount"], 4098, "service", False),
        (["top", "user"], None, "user", True),
    ],
)
def test_owner_is_told_by_kind_and_state(classes: list[str], control: int | None, kind: str, enabled: bool) -> None:
    folder = Folder()
    folder.add("CN=X\\,Y,OU=A,DC=Lab,DC=test", objectClass=classes, sAMAccountName=["x$"], servicePrincipalName=["HTTP/x"],
               **({"userAccountControl": [str(control)]} if control is not None else {}))
    (owner,) = spns.owners(folder, "http/X")
    assert (owner.name, owner.dn, owner.kind, owner.enabled, owner.domain) == ("x$", "CN=X\\,Y,OU=A,DC=Lab,DC=test", kind, enabled, "lab.test")


def test_owners_and_coverage_come_together() -> None:
    folder = Folder(computer("WEB01", "HOST/web01.lab.test", "WSMAN/web01.lab.test"), user("svc", "HTTP/WEB01.lab.test"), user("other", "HTTP/web01.lab.test"))
    http, wsman, nothing = spns.seen_spns(folder, ["HTTP/web01.lab.test", "WSMAN/web01.lab.test", "WSMAN/web01"], MAPPED, own="wsman/WEB01.lab.test")
    assert [owner.name for owner in t.cast(t.Any, http.owners)] == ["other", "svc"]
    assert ([owner.name for owner in http.covered_by], http.own) == (["WEB01$"], False)
    assert [owner.name for owner in t.cast(t.Any, wsman.owners)] == ["WEB01$"]
    assert (wsman.covered_by, wsman.own) == ((), True)
    assert (nothing.owners, nothing.covered_by) == ((), ())
    assert len(folder.searches) == 1


def test_many_spns_are_asked_for_in_a_few_searches() -> None:
    folder = Folder(*(computer(f"W{number}", f"HTTP/w{number}") for number in range(100)))
    assert len(spns.carriers(folder, [f"HTTP/w{number}" for number in range(100)])) == 100
    assert len(folder.searches) == 3


def test_a_global_catalogue_is_searched_from_its_root() -> None:
    folder = Folder(port=3268)
    spns.owners(folder, "HTTP/x")
    assert folder.searches[-1][0] == ""
    folder = Folder(port=636)
    spns.owners(folder, "HTTP/x(*)")
    assert folder.searches[-1][:2] == ("DC=lab,DC=test", "(|(servicePrincipalName=http/x\\28\\2a\\29))")


def test_duplicates_are_found_whatever_their_case_and_kadmin_is_none() -> None:
    folder = Folder(
        computer("A", "HTTP/one", "HTTP/ONE", "WSMAN/two"), user("b", "wsman/TWO"), user("krbtgt", "kadmin/changepw"),
        ("CN=krbtgt,CN=Users,DC=child,DC=lab,DC=test", {"servicePrincipalName": ["kadmin/changepw"]}),
    )
    (found,) = spns.duplicates(folder)
    assert (found.spn, [owner.name for owner in t.cast(t.Any, found.owners)]) == ("WSMAN/two", ["A$", "b"])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("HTTP/*", ["HTTP/web01", "HTTP/web01.lab.test"]),
        ("*/web01*", ["HTTP/web01", "HTTP/web01.lab.test", "WSMAN/WEB01"]),
        ("*/WEB01", ["HTTP/web01", "WSMAN/WEB01"]),
        ("wsman/web01", ["WSMAN/WEB01"]),
        ("*", ["HTTP/web01", "HTTP/web01.lab.test", "MSSQLSvc/(x)", "WSMAN/WEB01"]),
        ("http/*01*test", ["HTTP/web01.lab.test"]),
        ("http/web01*web01", []),
        ("*(x*", ["MSSQLSvc/(x)"]),
    ],
)
def test_patterns_as_setspn_has_them(pattern: str, expected: list[str]) -> None:
    folder = Folder(computer("WEB01", "HTTP/web01", "HTTP/web01.lab.test", "WSMAN/WEB01"), user("sql", "MSSQLSvc/(x)"))
    assert list(spns.matching(folder, pattern)) == expected
