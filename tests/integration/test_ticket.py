# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ticket against the lab's KDC; klist and kvno of MIT Kerberos tell what is really there."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from needs import DOMAIN, command
from steps import Seen, Step, password, run_steps

pytestmark = [*DOMAIN, command("klist", "krb5-user")]
OWN = "$TMPDIR/winrm.doctor-$(id -u)/krb5cc_operator@LAB.TEST"
KLIST = f"klist -e -f -c FILE:{OWN}; stat -c '%a %A' {OWN} $TMPDIR/winrm.doctor-$(id -u)"
LEFT = "ls -A $TMPDIR/winrm.doctor-* 2>&1; find $TMPDIR -maxdepth 1 -name '*krb5cc*' -o -maxdepth 1 -name '*keytab*'"
KVNO = f"KRB5CCNAME=FILE:{OWN} kvno -S WSMAN web01.lab.test"
KINIT = "python3 -c 'import json, os; print(json.load(open(os.environ[\"WINRM_DOCTOR_LAB_ACCOUNTS\"]))[\"LAB.TEST\"][\"{0}\"])' | kinit {0} >/dev/null"
BADLY = "ldbsearch -H $WINRM_DOCTOR_LAB_SAM -b DC=lab,DC=test '(sAMAccountName=reader)' badPwdCount 2>/dev/null | grep ^badPwdCount"
WRITER = {"state": "present", "username": "LAB\\spnwriter", "password": password("spnwriter")}
WRONG = {"state": "present", "username": "reader@lab.test", "password": "surely-not-this"}


def step(state: str = "present", witness: str = "", host: str = "web01", check: bool = False, **arguments: t.Any) -> Step:
    """A task of ticket, and what to run afterwards."""
    return Step("ticket", {"state": state, **arguments}, host, check, witness)


STEPS = {
    "nothing": step("listed"),
    "get_check": step(check=True, witness=LEFT),
    "get": step(host="web01,web02", witness=KLIST),
    "get_again": step(witness=KLIST),
    "services_check": step(spns=["wsman/web01.lab.test"], check=True, witness=KLIST),
    "services": step(spns=["wsman/web01.lab.test"], witness=KLIST),
    "services_again": step(spns=["WSMAN/web01.lab.test"], witness=KVNO),
    "unknown_service": step(spns=["WSMAN/nowhere.lab.test"], witness=KLIST),
    "longer": step(min_lifetime=999999, witness=KLIST),
    "listed_own": step("listed", cache="{{ r_get.cache }}"),
    "absent_check": step("absent", check=True, witness=KLIST),
    "absent": step("absent", witness=LEFT),
    "absent_again": step("absent", witness=LEFT),
    "refused": Step("ticket", WRONG, witness=BADLY),
    "refused_elsewhere": Step("ticket", WRONG, "web02", witness=f"{BADLY}; {LEFT}"),
    "another_password": Step("ticket", {**WRONG, "password": password("reader")}, witness=BADLY),
    "unknown_account": step(username="nobody@lab.test", password="surely-not-this", witness=LEFT),
    "other_realm": step(username="nobody@nowhere.example", password="surely-not-this"),
    "log_on": step("listed", witness=KINIT.format("admin") + "; klist"),
    "default_listed": step("listed", cache="default"),
    "default_of_another": Step("ticket", {**WRITER, "cache": "default"}, witness="klist"),
    "default_absent": step("absent", cache="default", witness="klist"),
    "default_forced": step("absent", cache="default", force=True, witness="klist; ls $KRB5CCNAME 2>&1"),
    "named": Step("ticket", {**WRITER, "cache": "FILE:{{ lookup('env', 'TMPDIR') }}/mine"}, witness="klist -c $TMPDIR/mine; stat -c %a $TMPDIR/mine"),
    "named_absent": step("absent", cache="{{ lookup('env', 'TMPDIR') }}/mine", witness="ls $TMPDIR/mine 2>&1"),
    "no_folder": Step("ticket", {**WRITER, "cache": "FILE:/nonexistent/folder/cc"}),
    "memory": Step("ticket", {**WRITER, "cache": "MEMORY:x"}),
    "strange_kind": step("listed", cache="NOSUCH:x"),
    "trap": step("listed", witness="mkdir -m 755 $TMPDIR/winrm.doctor-$(id -u)"),
    "trapped": Step("ticket", WRITER, witness="rmdir $TMPDIR/winrm.doctor-$(id -u) && echo still empty"),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Seen]]:
    """All of them, in one lab, and the folder where they could have left something."""
    folder = tmp_path_factory.mktemp("ticket")
    return folder, run_steps(folder, ["--only", "web01,web02"], STEPS)


@pytest.fixture(scope="module")
def seen(ran: tuple[Path, dict[str, Seen]]) -> dict[str, Seen]:
    """All of them."""
    return ran[1]


def services(seen: Seen) -> list[str]:
    """What the module says that the cache holds."""
    return [ticket["service"] for ticket in seen.result["tickets"]]


def test_nothing_is_there_at_first(seen: dict[str, Seen]) -> None:
    result = seen["nothing"].result
    assert (result["changed"], result["tickets"], result["principal"]) == (False, [], "")
    assert result["msg"] == f"There is no ticket cache {result['cache']}."


def test_check_mode_gets_nothing_and_foresees_the_diff(seen: dict[str, Seen]) -> None:
    foreseen, (done,) = seen["get_check"].result, [one for one in (seen["get"].result, *seen["get"].others) if one["changed"]]
    assert (foreseen["changed"], foreseen["asked_for"], foreseen["tickets"]) == (True, ["krbtgt/LAB.TEST"], [])
    assert foreseen["diff"] == done["diff"]
    assert "No such file or directory" in seen["get_check"].witness
    foreseen, done = seen["services_check"].result, seen["services"].result
    assert foreseen["diff"] == done["diff"]
    assert foreseen["asked_for"] == done["asked_for"] == ["WSMAN/web01.lab.test"]
    assert "WSMAN" not in seen["services_check"].witness


def test_a_private_cache_is_filled_once_for_all_hosts_and_klist_reads_it(seen: dict[str, Seen]) -> None:
    one, other = seen["get"].result, seen["get"].others[0]
    assert sorted((one["changed"], other["changed"])) == [False, True]
    assert one["cache"] == other["cache"]
    assert one["cache"].endswith("/krb5cc_operator@LAB.TEST")
    said = seen["get"].witness
    assert f"Ticket cache: {one['cache']}" in said
    assert "Default principal: operator@LAB.TEST" in said
    assert "krbtgt/LAB.TEST@LAB.TEST" in said
    assert said.endswith("600 -rw-------\n700 drwx------")


def test_what_is_told_of_a_ticket_is_what_klist_tells(seen: dict[str, Seen]) -> None:
    (granting,) = seen["get_again"].result["tickets"]
    assert (granting["service"], granting["encryption"], granting["expired"]) == ("krbtgt/LAB.TEST@LAB.TEST", "AES256", False)
    # RIA of klist.
    assert {"renewable", "initial", "pre_authent"} <= set(granting["flags"])
    assert {"service", "starts", "ends", "renew_until", "encryption", "flags", "expired"} == set(granting)
    assert seen["get_again"].result["expires"] == granting["ends"]


@pytest.mark.parametrize("again", ["get_again", "services_again", "absent_again"])
def test_a_second_run_changes_nothing(seen: dict[str, Seen], again: str) -> None:
    result = seen[again].result
    assert result["changed"] is False
    assert result["diff"]["before"] == result["diff"]["after"]
    assert "steps" not in result


def test_a_service_ticket_joins_the_others_and_kvno_can_use_the_cache(seen: dict[str, Seen]) -> None:
    assert services(seen["services"]) == ["krbtgt/LAB.TEST@LAB.TEST", "WSMAN/web01.lab.test"]
    assert "Ticket server: WSMAN/web01.lab.test@LAB.TEST" in seen["services"].witness
    assert "WSMAN/web01.lab.test@LAB.TEST: kvno = " in seen["services_again"].witness


def test_a_service_that_is_refused_leaves_the_cache_as_it_was(seen: dict[str, Seen]) -> None:
    result = seen["unknown_service"].result
    assert result["failed"] is True
    assert result["msg"].startswith("No ticket for WSMAN/nowhere.lab.test: 7 (KDC_ERR_S_PRINCIPAL_UNKNOWN)")
    assert "was left as it was" in result["msg"]
    assert result["msg"].endswith("with spn_patterns WSMAN/nowhere.lab.test tells who carries it, and winrm.doctor.spn registers it.")
    assert "nowhere" not in seen["unknown_service"].witness
    assert "WSMAN/web01.lab.test@" in seen["unknown_service"].witness


def test_a_lifetime_that_the_kdc_never_grants_is_told(seen: dict[str, Seen]) -> None:
    result = seen["longer"].result
    assert (result["changed"], services(seen["longer"])) == (True, ["krbtgt/LAB.TEST@LAB.TEST"])
    assert "sooner than min_lifetime asks for, so every run gets a new one." in result["warnings"][0]


def test_purging_leaves_nothing_behind(seen: dict[str, Seen]) -> None:
    assert "krbtgt/LAB.TEST" in seen["absent_check"].witness
    assert (seen["absent_check"].result["changed"], seen["absent"].result["changed"]) == (True, True)
    assert seen["absent_check"].result["diff"] == seen["absent"].result["diff"]
    assert len(seen["absent"].lines()) == 1
    assert "winrm.doctor-*': No such file or directory" in seen["absent"].witness


def test_a_wrong_password_is_used_once_and_leaves_nothing_behind(seen: dict[str, Seen]) -> None:
    for name in ("refused", "refused_elsewhere"):
        assert seen[name].result["msg"].startswith("No ticket-granting ticket for reader@LAB.TEST: 24 (KDC_ERR_PREAUTH_FAILED): The password is wrong.")
        assert seen[name].lines()[0] == "badPwdCount: 1"
    assert "No such file or directory" in seen["refused_elsewhere"].witness
    # Another password is another risk for the same account.
    assert seen["another_password"].result["failed"] is True
    assert "a second refusal may lock it" in seen["another_password"].result["msg"]
    assert seen["another_password"].witness == "badPwdCount: 1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unknown_account", "The KDC of LAB.TEST refuses nobody@lab.test: 6 (KDC_ERR_C_PRINCIPAL_UNKNOWN): The KDC does not know the user."),
        ("other_realm", "No KDC of the realm NOWHERE.EXAMPLE is known here: krb5.conf names none, and DNS has no _kerberos._tcp.nowhere.example."),
        ("no_folder", "The ticket cache FILE:/nonexistent/folder/cc cannot be written: No such file or directory."),
        ("memory", "The cache MEMORY:x would vanish with this task."),
        ("strange_kind", "The ticket cache NOSUCH:x cannot be opened: Unknown credential cache type."),
        ("trapped", "is not a folder of this user alone, so no ticket is put there. Expected: a folder with mode 0700 that belongs to this user."),
    ],
)
def test_what_cannot_be_done_is_told(seen: dict[str, Seen], name: str, said: str) -> None:
    assert seen[name].result["failed"] is True
    assert said in seen[name].result["msg"]


def test_a_folder_that_others_can_read_gets_no_ticket(seen: dict[str, Seen]) -> None:
    assert seen["trapped"].witness == "still empty"


def test_the_default_cache_is_read_and_destroyed_only_when_forced(seen: dict[str, Seen]) -> None:
    assert (seen["default_listed"].result["principal"], services(seen["default_listed"])) == ("admin@LAB.TEST", ["krbtgt/LAB.TEST@LAB.TEST"])
    assert "holds tickets of admin@LAB.TEST, which spnwriter@LAB.TEST would replace" in seen["default_of_another"].result["msg"]
    assert "takes the tickets from every other program of this user" in seen["default_absent"].result["msg"]
    for name in ("default_of_another", "default_absent"):
        assert seen[name].result["failed"] is True
        assert "Default principal: admin@LAB.TEST" in seen[name].witness
    forced = seen["default_forced"].result
    assert forced["changed"] is True
    assert "every other program that uses it" in forced["warnings"][0]
    assert "No such file or directory" in seen["default_forced"].witness


def test_a_cache_of_ones_own_choice(seen: dict[str, Seen]) -> None:
    assert "Default principal: spnwriter@LAB.TEST" in seen["named"].witness
    assert seen["named"].lines()[-1] == "600"
    assert seen["named_absent"].result["changed"] is True
    assert "No such file or directory" in seen["named_absent"].witness


def test_no_key_and_no_password_gets_out(ran: tuple[Path, dict[str, Seen]]) -> None:
    folder, seen = ran
    told = str([one.result for one in seen.values()])
    assert "surely-not-this" not in told
    assert "keyblock" not in told
    assert [path.name for path in folder.rglob("*") if path.is_file() and ("krb5cc" in path.name or "keytab" in path.name)] == []
