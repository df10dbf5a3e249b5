# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module spn against the lab's domain; what it did is read by ldbsearch, which knows nothing of it."""

from __future__ import annotations

import typing as t

import pytest
from needs import DOMAIN, command
from steps import Seen, Step, password, run_steps

WORDS = {"web01": "web01$", "web02": "web02$", "service": "service", "old": "svc-old", "spn05": "spn05$", "new": "newname06$"}
pytestmark = [*DOMAIN, command("ldbsearch", "ldb-tools")]


def reader(*accounts: str) -> str:
    """Prints `account SPN` for every SPN of the accounts, sorted, as they stand in the database of the running server."""
    terms = "".join(f"(sAMAccountName={WORDS[name]})" for name in accounts)
    return (
        f"ldbsearch -H $WINRM_DOCTOR_LAB_SAM -b DC=lab,DC=test '(|{terms})' sAMAccountName servicePrincipalName 2>/dev/null"
        " | awk '/^dn:/ {n++} /^sAMAccountName:/ {name[n] = tolower($2)} /^servicePrincipalName:/ {who[++k] = n; spn[k] = $2}"
        " END {for (i = 1; i <= k; i++) print name[who[i]], spn[i]}' | sort"
    )


def step(*accounts: str, by: str = "admin", host: str = "web01", check: bool = False, **arguments: t.Any) -> Step:
    """A task of spn that the domain's account `by` carries out, and the SPNs of `accounts` afterwards."""
    return Step(
        "spn", {"domain_username": f"{by}@LAB.TEST", "domain_password": password(by), **arguments}, host, check, reader(*(accounts or (host,))),
    )


def count(account: str) -> str:
    """Prints how often the account's password was wrong."""
    return f"ldbsearch -H $WINRM_DOCTOR_LAB_SAM -b DC=lab,DC=test '(sAMAccountName={account})' badPwdCount 2>/dev/null | grep ^badPwdCount"


KINIT = "python3 -c 'import json, os; print(json.load(open(os.environ[\"WINRM_DOCTOR_LAB_ACCOUNTS\"]))[\"LAB.TEST\"][\"admin\"])' | kinit admin"
SECOND_DOMAIN = """ldbadd -H $WINRM_DOCTOR_LAB_SAM --relax <<'END'
dn: CN=CHILD,CN=Partitions,CN=Configuration,DC=lab,DC=test
objectClass: crossRef
nCName: DC=child,DC=lab,DC=test
dnsRoot: child.lab.test
nETBIOSName: CHILD
systemFlags: 3
END"""
"""A domain of which no controller is there: for its forest the global catalogue has to be asked."""
ALIAS = ["WSMAN/alias.lab.test"]
THEIRS, MINE = ["WSMAN/web02.lab.test"], ["HTTP/web02.lab.test"]
WEB02 = "the computer WEB02$ (CN=acct-web02,OU=Servers,DC=lab,DC=test)"
WRONG = {"domain_password": "surely-not-this", "spns": ALIAS}
DC = "{{ lookup('env', 'WINRM_DOCTOR_LAB_DC') }}"
STEPS = {
    "before": step("web01", "web02", "service", spns=["WSMAN/web01.lab.test"]),
    "add_check": step(spns=ALIAS, check=True),
    "add": step(spns=ALIAS),
    "add_again": step(spns=["wsman/ALIAS.lab.test"]),
    "duplicate": step("service", "web02", account="service", spns=THEIRS),
    "duplicate_check": step("service", account="service", spns=THEIRS, check=True),
    "covered": step("service", account="service", spns=MINE),
    "covered_forced": step("service", "web02", account="service", spns=MINE, force_move=True),
    "of_a_user": step("service", "web02", host="web02", spns=MINE),
    "no_right_there": step("service", "web02", host="web02", by="spnwriter", spns=MINE, force_move=True),
    "move_check": step("service", "web02", host="web02", spns=MINE, force_move=True, check=True),
    "move": step("service", "web02", host="web02", spns=MINE, force_move=True),
    "move_again": step("service", "web02", host="web02", spns=MINE, force_move=True),
    "given_back": step("service", "web02", account="service", by="spnwriter", spns=THEIRS, force_move=True),
    "no_right": step(by="reader", spns=["HTTP/web01.lab.test"]),
    "no_right_foreign": step(by="reader", spns=["HTTP/elsewhere.lab.test"]),
    "no_right_user": step("service", by="reader", account="service", spns=["HTTP/elsewhere.lab.test"]),
    "inventory_account": Step("spn", {"spns": ["HTTP/web01.lab.test"]}, witness=reader("web01")),
    "delegated": step(by="spnwriter", spns=["HTTP/web01.lab.test"]),
    "exact_check": step(spns=["WSMAN/web01.lab.test"], state="exact", check=True),
    "exact": step(spns=["WSMAN/web01.lab.test"], state="exact"),
    "exact_again": step(spns=["WSMAN/web01.lab.test"], state="exact"),
    "exact_host": step(spns=["HOST/web01.lab.test"], state="exact"),
    "shop": step("service", account="service@lab.test", spns=["HTTP/shop.lab.test", "HTTP/shop"]),
    "exact_class": step("service", account="LAB\\service", spns=[], state="exact", service_classes=["http"]),
    "absent_check": step(spns=["HTTP/web01.lab.test"], state="absent", check=True),
    "absent": step(spns=["http/web01.lab.test"], state="absent"),
    "absent_again": step(spns=["HTTP/web01.lab.test"], state="absent"),
    "ldaps": step(
        account="CN=acct-web01,OU=Servers,DC=lab,DC=test", spns=["HTTP/tls.lab.test"], ldap_transport="ldaps", ldap_auth="simple",
        ldap_ca_path="{{ lookup('env', 'WINRM_DOCTOR_LAB_CA') }}",
    ),
    "ntlm": step(account="WEB01", spns=["HTTP/tls.lab.test"], state="absent", ldap_auth="ntlm"),
    "unknown": step(account="nobody-here", spns=ALIAS),
    "unknown_dn": step(account="CN=nobody,DC=lab,DC=test", spns=ALIAS),
    "malformed": step(spns=["http://web01.lab.test/"]),
    "empty": step(spns=[]),
    "gone": step(spns=["WSMAN/gone.lab.test"], domain_controllers=["127.66.0.99"], connect_timeout=1),
    "wrong_domain": step(spns=["WSMAN/gone.lab.test"], domain="other.example", domain_controllers=[DC]),
    "wrong_password": Step("spn", {"domain_username": "reader@LAB.TEST", **WRONG}, witness=count("reader")),
    "wrong_password_elsewhere": Step("spn", {"domain_username": "LAB\\reader", **WRONG}, "web02", witness=count("reader")),
    "double_of_two": step("old", "spn05", host="spn05", account="svc-old", spns=["WSMAN/spn05.lab.test"], state="absent"),
    "double": step("old", "spn05", host="spn05", account="svc-old", spns=["WSMAN/spn05.lab.test", "WSMAN/spn05"], state="absent"),
    "renamed": step("new", host="spn06", account="NEWNAME06$", spns=["WSMAN/spn06.lab.test"]),
    "renamed_again": step("new", host="spn06", spns=["WSMAN/spn06.lab.test"]),
    "log_on": Step("ticket", {"state": "listed"}, witness=KINIT),
    "by_ticket": Step("spn", {"domain_username": "admin@LAB.TEST", "spns": ["WSMAN/ticket.lab.test"]}, witness=reader("web01")),
    "log_off": Step("ticket", {"state": "listed"}, witness=f"kdestroy; {SECOND_DOMAIN}"),
    "catalogue": step(spns=["WSMAN/catalogue.lab.test"]),
    "catalogue_duplicate": step(spns=THEIRS),
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """All of them, in one lab."""
    return run_steps(tmp_path_factory.mktemp("spn"), ["--only", "web01,web02,spn05,spn06"], STEPS)


def spns_of(seen: Seen, account: str) -> set[str]:
    """What the independent reader saw, in lower case."""
    return {spn.lower() for name, spn in (line.split() for line in seen.lines()) if name == WORDS[account]}


def test_check_mode_tells_what_a_run_does_and_writes_nothing(seen: dict[str, Seen]) -> None:
    foreseen, done = seen["add_check"].result, seen["add"].result
    assert foreseen["changed"] is done["changed"] is True
    assert [foreseen[key] for key in ("before", "after", "added", "removed", "diff")] == [done[key] for key in ("before", "after", "added", "removed", "diff")]
    assert spns_of(seen["add_check"], "web01") == spns_of(seen["before"], "web01")
    assert foreseen["msg"] == "WEB01$: WSMAN/alias.lab.test would be added."
    assert "verified" not in foreseen


def test_an_spn_is_registered_and_proven_by_a_ticket(seen: dict[str, Seen]) -> None:
    done = seen["add"].result
    assert spns_of(seen["add"], "web01") - spns_of(seen["before"], "web01") == {"wsman/alias.lab.test"}
    assert done["msg"] == "WEB01$: added WSMAN/alias.lab.test. Reading again shows it, and the KDC gives tickets."
    assert done["verified"] is True
    assert [proof["got"] for proof in done["proofs"]] == ["WSMAN/alias.lab.test@LAB.TEST"]
    assert done["account"] == {"name": "WEB01$", "dn": "CN=acct-web01,OU=Servers,DC=lab,DC=test", "kind": "computer", "enabled": True, "domain": "lab.test"}
    assert [note for note in done["notes"] if note.startswith("HOST does not stand for WSMAN/alias.lab.test")]


@pytest.mark.parametrize("again", ["before", "add_again", "move_again", "exact_again", "absent_again"])
def test_a_second_run_changes_nothing(seen: dict[str, Seen], again: str) -> None:
    result = seen[again].result
    assert (result["changed"], result["added"], result["removed"], result["moved"]) == (False, [], [], [])
    assert result["before"] == result["after"]
    assert all(side["before"] == side["after"] for side in result["diff"])


@pytest.mark.parametrize("name", ["duplicate", "duplicate_check"])
def test_an_spn_of_somebody_else_is_refused_with_its_owner(seen: dict[str, Seen], name: str) -> None:
    assert seen[name].result["failed"] is True
    assert seen[name].result["msg"] == (
        f"WSMAN/web02.lab.test is not added to service: {WEB02} carries it. Expected: an SPN that no other account of the forest carries. "
        "If the service runs as service, set force_move to true. That takes it from WEB02$: tickets under this name are asked for by Ansible's psrp "
        "connection, and what runs as WEB02$ could read them no more."
    )
    assert spns_of(seen[name], "service") == set()


def test_an_spn_that_host_of_another_computer_stands_for_is_refused_though_samba_would_take_it(seen: dict[str, Seen]) -> None:
    assert seen["covered"].result["msg"].startswith(
        f"HTTP/web02.lab.test is not added to service: {WEB02} carries HOST/web02.lab.test, which stands for it."
    )
    assert spns_of(seen["covered"], "service") == set()


def test_a_forced_one_leaves_the_other_computers_host_alone_and_warns(seen: dict[str, Seen]) -> None:
    forced = seen["covered_forced"]
    assert (forced.result["added"], forced.result["moved"], forced.result["verified"]) == (["HTTP/web02.lab.test"], [], True)
    # Samba rewrites the other account's HOST/ as host/ on the way; Active Directory is not known to.
    assert spns_of(forced, "web02") == spns_of(seen["before"], "web02")
    assert [note for note in forced.result["notes"] if "WinRM under that name can no longer be reached with Kerberos" in note]


def test_a_move_takes_from_the_owner_and_gives_to_the_account(seen: dict[str, Seen]) -> None:
    assert "the user service (CN=service,CN=Users,DC=lab,DC=test) carries it" in seen["of_a_user"].result["msg"]
    foreseen, done = seen["move_check"], seen["move"]
    assert spns_of(foreseen, "service") == {"http/web02.lab.test"}
    assert spns_of(done, "service") == set()
    assert spns_of(done, "web02") == spns_of(seen["before"], "web02") | {"http/web02.lab.test"}
    assert foreseen.result["diff"] == done.result["diff"]
    assert [side["before_header"] for side in done.result["diff"]] == ["CN=acct-web02,OU=Servers,DC=lab,DC=test", "CN=service,CN=Users,DC=lab,DC=test"]
    assert done.result["msg"] == "WEB02$: moved here HTTP/web02.lab.test from service. Reading again shows it, and the KDC gives tickets."


def test_what_was_taken_is_given_back_where_adding_it_fails(seen: dict[str, Seen]) -> None:
    result = seen["given_back"].result
    assert result["failed"] is True
    assert "insufficientAccessRights (50)" in result["msg"]
    assert "What had been taken from its owner was given back, so nothing is changed." in result["msg"]
    assert spns_of(seen["given_back"], "web02") == spns_of(seen["move_again"], "web02")
    assert spns_of(seen["given_back"], "service") == set()


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("no_right", "Grant 'Validated write to service principal name' on it, which covers the computer's own names, or 'Write servicePrincipalName'"),
        ("inventory_account", "operator may not do that; it answered insufficientAccessRights (50)"),
        ("no_right_foreign", "(HTTP/elsewhere.lab.test is not of the computer's own names, which the validated write is thought to be limited to)"),
        ("no_right_user", "Grant 'Write servicePrincipalName' on it, as with dsacls \"CN=service,CN=Users,DC=lab,DC=test\""),
        ("no_right_there", "expected: the right to write servicePrincipalName of CN=service,CN=Users,DC=lab,DC=test"),
    ],
)
def test_a_missing_right_is_named(seen: dict[str, Seen], name: str, right: str) -> None:
    result = seen[name].result
    assert result["failed"] is True
    assert "Nothing was changed." in result["msg"]
    assert right.lower() in result["msg"].lower()


def test_a_delegate_may_do_what_it_was_given_the_right_for(seen: dict[str, Seen]) -> None:
    result = seen["delegated"].result
    assert (result["changed"], result["verified"]) == (True, True)
    assert result["notes"] == ["HTTP/web01.lab.test is not needed: WEB01$ carries HOST/web01.lab.test, which stands for it by the forest's sPNMappings."]


def test_exact_clears_its_own_class_and_nothing_else(seen: dict[str, Seen]) -> None:
    gone = {"wsman/web01", "wsman/alias.lab.test"}
    assert spns_of(seen["exact_check"], "web01") == spns_of(seen["delegated"], "web01")
    assert spns_of(seen["exact"], "web01") == spns_of(seen["delegated"], "web01") - gone
    assert seen["exact_check"].result["after"] == seen["exact"].result["after"]
    assert seen["exact_host"].result["msg"].startswith("With state exact, HOST/web01.lab.test would cost the account every other SPN of a class that Windows")
    assert spns_of(seen["exact_host"], "web01") == spns_of(seen["exact"], "web01")
    assert spns_of(seen["shop"], "service") == {"http/shop.lab.test", "http/shop"}
    assert spns_of(seen["exact_class"], "service") == set()


def test_absent_removes_in_any_spelling(seen: dict[str, Seen]) -> None:
    assert "http/web01.lab.test" in spns_of(seen["absent_check"], "web01")
    assert "http/web01.lab.test" not in spns_of(seen["absent"], "web01")
    assert seen["absent"].result["removed"] == ["HTTP/web01.lab.test"]
    assert seen["absent"].result["notes"] == [
        "Tickets for HTTP/web01.lab.test can still be had: WEB01$ carries HOST/web01.lab.test, which stands for it."
    ]


@pytest.mark.parametrize(
    ("name", "added", "removed"),
    [("ldaps", ["HTTP/tls.lab.test"], []), ("ntlm", [], ["HTTP/tls.lab.test"]), ("by_ticket", ["WSMAN/ticket.lab.test"], [])],
)
def test_every_way_to_log_on_and_to_name_the_account_works(seen: dict[str, Seen], name: str, added: list[str], removed: list[str]) -> None:
    result = seen[name].result
    assert (result["added"], result["removed"], result["verified"], result["account"]["name"]) == (added, removed, True, "WEB01$")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unknown", "There is no account 'nobody-here' in lab.test, or it may not be read."),
        ("unknown_dn", "There is no account 'CN=nobody,DC=lab,DC=test' in lab.test, or it may not be read."),
        ("malformed", "The SPN 'http://web01.lab.test/' is malformed. Expected: class/host, class/host:port or class/host/name without spaces"),
        ("empty", "The option spns is empty. Expected: at least one SPN, such as WSMAN/web01.example.com."),
        ("gone", "The directory cannot be asked: no controller of lab.test answers on port 389: 127.66.0.99."),
        ("wrong_domain", "dc1.lab.test was taken for a controller of other.example, but says that it serves lab.test."),
    ],
)
def test_what_cannot_be_done_is_told(seen: dict[str, Seen], name: str, said: str) -> None:
    result = seen[name].result
    assert result["failed"] is True
    assert said in result["msg"]
    assert spns_of(seen[name], "web01") == spns_of(seen["ntlm"], "web01")


def test_a_wrong_password_is_used_once_for_all_hosts(seen: dict[str, Seen]) -> None:
    for name in ("wrong_password", "wrong_password_elsewhere"):
        assert "The password is wrong." in seen[name].result["msg"]
        assert "surely-not-this" not in str(seen[name].result)
        assert seen[name].witness == "badPwdCount: 1"


def test_a_forest_of_several_domains_is_looked_through_in_the_global_catalogue(seen: dict[str, Seen]) -> None:
    assert "Added 1 records successfully" in seen["log_off"].witness
    assert (seen["catalogue"].result["added"], seen["catalogue"].result["checked"]) == (["WSMAN/catalogue.lab.test"], "forest")
    # Samba's KDC gives no ticket while the forest has a domain without a controller, which undoes nothing.
    assert "verified" in seen["catalogue"].result
    assert "wsman/catalogue.lab.test" in spns_of(seen["catalogue"], "web01")
    assert f"{WEB02} carries it" in seen["catalogue_duplicate"].result["msg"]


def test_a_second_owner_loses_what_samba_lets_nobody_take_one_by_one(seen: dict[str, Seen]) -> None:
    """Active Directory takes the first one as well, for it asks nobody else when something is removed."""
    both = {"wsman/spn05.lab.test", "wsman/spn05"}
    one = seen["double_of_two"].result
    if one.get("failed"):
        assert one["msg"].endswith("Samba takes no change that leaves it: name all of them in one task.")
        assert spns_of(seen["double_of_two"], "old") >= both
    done = seen["double"].result
    assert (done["changed"], done["verified"]) == (True, True)
    assert spns_of(seen["double"], "old") == spns_of(seen["double_of_two"], "old") - both
    assert spns_of(seen["double"], "spn05") == spns_of(seen["double_of_two"], "spn05") >= both


def test_a_renamed_host_is_found_by_the_name_that_was_registered_for_it(seen: dict[str, Seen]) -> None:
    assert seen["renamed"].result["added"] == ["WSMAN/spn06.lab.test"]
    again = seen["renamed_again"].result
    assert (again["changed"], again["account"]["name"]) == (False, "NEWNAME06$")
