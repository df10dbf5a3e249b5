# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing SPNs: accounts found, plans carried out in full or not at all, refusals explained."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory import partitions, spn_changes, spns
from ansible_collections.winrm.doctor.plugins.module_utils.directory.refusal import LdapError, LdapUnreachable
from ansible_collections.winrm.doctor.plugins.module_utils.directory.spn_changes import Writer
from ansible_collections.winrm.doctor.plugins.module_utils.directory.spn_plan import ABSENT, EXACT, PRESENT, Holder, Plan, make_plan, wish
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from directories import BASE, Folder, computer, user

WEB01, WEB02, SVC = f"CN=WEB01,CN=Computers,{BASE}", f"CN=WEB02,CN=Computers,{BASE}", f"CN=svc,CN=Users,{BASE}"
GONE = LdapUnreachable("closed", "dc1.lab.test ended the conversation.")
DENIED = LdapError(50, "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0")
NOT_UNIQUE = LdapError(19, "000021C7: AtrErr: DSID-03200BA6, #1: 0: 000021C7: DSID-03200BA6, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 90303")
SAMBA = LdapError(19, "Failed to re-index servicePrincipalName: another object has it")
INVALID = LdapError(19, "000020B5: AtrErr: DSID-03152392, #1: 0: 000020B5: DSID-03152392, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 90303")


def folder() -> Folder:
    return Folder(computer("WEB01", "HOST/web01.lab.test", "WSMAN/old"), computer("WEB02", "WSMAN/web02"), user("svc", "HTTP/web01.lab.test"))


def planned(there: Folder, dn: str, *names: str, state: str = PRESENT) -> tuple[Holder, Plan]:
    holder, wished = spn_changes.reread(there, dn), wish(names, state, force_move=True)
    return holder, make_plan(holder, wished, spns.seen_spns(there, names, {"http": "host"}))


def carried_out(there: Folder, dn: str, *names: str, state: str = PRESENT) -> Holder:
    return Writer(there, there.again, "spn-admin@lab.test").apply(*planned(there, dn, *names, state=state))


def failed(there: Folder, dn: str, *names: str, state: str = PRESENT) -> DoctorError:
    with pytest.raises(DoctorError) as error:
        carried_out(there, dn, *names, state=state)
    return error.value


@pytest.mark.parametrize("name", ["svc", "SVC", "svc@lab.test", "LAB\\svc", SVC, f"cn=SVC,CN=Users,{BASE}".replace("cn=SVC", "CN=svc")])
def test_account_is_found_by_any_of_its_names(name: str) -> None:
    assert spn_changes.find_account(folder(), name, "lab.test").owner.dn == SVC


def test_computer_is_found_without_its_dollar_sign() -> None:
    assert spn_changes.find_account(folder(), "web01", "lab.test").owner.dn == WEB01


def test_explicit_upn_goes_before_one_that_a_name_would_make() -> None:
    there = folder()
    there.add(f"CN=impostor,CN=Users,{BASE}", objectClass=["user"], sAMAccountName=["impostor"], userPrincipalName=["other@lab.test"])
    there.add(f"CN=other,CN=Users,{BASE}", objectClass=["user"], sAMAccountName=["other"])
    assert spn_changes.find_account(there, "other@lab.test", "lab.test").owner.name == "impostor"


@pytest.mark.parametrize("name", ["nobody", f"CN=nobody,{BASE}", "x@y.example"])
def test_account_that_is_not_there(name: str) -> None:
    with pytest.raises(DoctorError) as error:
        spn_changes.find_account(folder(), name, "lab.test")
    assert error.value.failed == f"There is no account {name!r} in lab.test, or it may not be read"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("svc@corp.example", "There is no account 'svc@corp.example' in lab.test, or it may not be read"),
        ("svc@child.lab.test", "There is no account 'svc@child.lab.test' in lab.test, or it may not be read"),
        ("OTHER\\svc", "'OTHER\\\\svc' is no account of lab.test: OTHER is another domain, or none of this forest"),
    ],
)
def test_a_namesake_in_this_domain_is_never_written_to(name: str, said: str) -> None:
    with pytest.raises(DoctorError) as error:
        spn_changes.find_account(folder(), name, "lab.test")
    assert error.value.failed == said


def test_several_accounts_are_named() -> None:
    there = folder()
    there.add(f"CN=two,CN=Users,{BASE}", objectClass=["user"], sAMAccountName=["svc"])
    with pytest.raises(DoctorError, match=r"2 accounts in lab\.test answer to 'svc': CN=svc,CN=Users,DC=lab,DC=test, CN=two,"):
        spn_changes.find_account(there, "svc", "lab.test")


@pytest.mark.parametrize(("host", "dn"), [("web01.lab.test", WEB01), ("WEB02", WEB02)])
def test_host_is_found_by_its_names(host: str, dn: str) -> None:
    assert spn_changes.find_host(folder(), host, "lab.test").owner.dn == dn


@pytest.mark.parametrize(
    ("host", "said"),
    [("192.0.2.1", "The host 192.0.2.1 is an address, and computer accounts are found by name"), ("web99", "No computer account in lab.test belongs to")],
)
def test_host_without_an_account(host: str, said: str) -> None:
    with pytest.raises(DoctorError) as error:
        spn_changes.find_host(folder(), host, "lab.test")
    assert error.value.failed.startswith(said)


def test_everything_about_one_account_is_one_request() -> None:
    there = folder()
    after = carried_out(there, WEB01, "WSMAN/new", "WSMAN/web01", state=EXACT)
    assert after.spns == ("HOST/web01.lab.test", "WSMAN/new", "WSMAN/web01")
    assert there.changes == [(WEB01, [("delete", "servicePrincipalName", ("WSMAN/old",)), ("add", "servicePrincipalName", ("WSMAN/new", "WSMAN/web01"))])]


def test_a_move_takes_before_it_gives() -> None:
    there = folder()
    assert "HTTP/web01.lab.test" in carried_out(there, WEB01, "HTTP/web01.lab.test").spns
    assert there.spns(SVC) == []
    assert [dn for dn, _changes in there.changes] == [SVC, WEB01]


@pytest.mark.parametrize("error", [DENIED, NOT_UNIQUE, INVALID, LdapError(53, "unwilling"), LdapError(10, "a referral")])
def test_what_was_taken_is_given_back(error: LdapError) -> None:
    there = folder()
    there.refuse[WEB01] = [error]
    said = failed(there, WEB01, "HTTP/web01.lab.test")
    assert there.spns(SVC) == ["HTTP/web01.lab.test"]
    assert there.spns(WEB01) == ["HOST/web01.lab.test", "WSMAN/old"]
    assert said.failed.endswith("What had been taken from its owner was given back, so nothing is changed")


def test_what_cannot_be_given_back_is_told_with_the_command_for_it() -> None:
    there = folder()
    there.refuse = {WEB01: [DENIED], SVC: [None, DENIED]}
    said = failed(there, WEB01, "HTTP/web01.lab.test")
    assert "could not be given back: HTTP/web01.lab.test of the user svc (CN=svc,CN=Users,DC=lab,DC=test)" in said.failed
    assert "Give it back with setspn -S HTTP/web01.lab.test svc." in said.do


def test_several_moves_are_all_undone() -> None:
    there = folder()
    there.refuse[WEB01] = [DENIED]
    failed(there, WEB01, "HTTP/web01.lab.test", "WSMAN/web02")
    assert (there.spns(SVC), there.spns(WEB02)) == (["HTTP/web01.lab.test"], ["WSMAN/web02"])


def test_a_connection_that_breaks_after_the_change_was_made_is_no_failure() -> None:
    there = folder()
    there.refuse[WEB01], there.done = [GONE], True
    assert "WSMAN/new" in carried_out(there, WEB01, "WSMAN/new").spns


def test_a_connection_that_breaks_before_the_change_leaves_everything_as_it_was() -> None:
    there = folder()
    there.refuse[WEB01] = [GONE]
    said = failed(there, WEB01, "HTTP/web01.lab.test")
    assert "the domain controller was gone: closed" in said.failed
    assert said.failed.endswith("What had been taken from its owner was given back, so nothing is changed")
    assert there.spns(SVC) == ["HTTP/web01.lab.test"]


def never() -> Folder:
    raise DoctorError("The directory cannot be asked: nobody answers")


def test_a_controller_that_stays_away_leaves_the_outcome_open() -> None:
    there = folder()
    there.refuse[WEB01] = [GONE]
    with pytest.raises(DoctorError) as error:
        Writer(there, never, "spn-admin@lab.test").apply(*planned(there, WEB01, "WSMAN/new"))
    assert error.value.failed.endswith("Whether the last change was made is not known, because the controller could not be asked again")
    assert error.value.do.startswith("Run the task again: it looks first")


def test_what_was_taken_and_cannot_be_given_back_to_an_absent_controller_is_told() -> None:
    there = folder()
    there.refuse[WEB01] = [GONE]
    with pytest.raises(DoctorError, match=r"could not be given back: HTTP/web01\.lab\.test of the user svc"):
        Writer(there, never, "spn-admin@lab.test").apply(*planned(there, WEB01, "HTTP/web01.lab.test"))


def test_somebody_else_who_was_faster_is_no_failure() -> None:
    there = folder()
    holder, plan = planned(there, WEB01, "WSMAN/new")
    there.objects[WEB01]["serviceprincipalname"].append("wsman/NEW")
    assert "wsman/NEW" in Writer(there, there.again, "x").apply(holder, plan).spns


@pytest.mark.parametrize(
    ("dn", "spn", "error", "said"),
    [
        (WEB01, "WSMAN/web01", LdapError(10, "0000202B: RefErr: DSID-0310084C"), "Name a writable controller of lab.test in domain_controllers"),
        (WEB01, "WSMAN/web01", DENIED, "Grant 'Validated write to service principal name' on it, which covers the computer's own names"),
        (WEB01, "WSMAN/alias", DENIED, "Grant 'Write servicePrincipalName' on it (WSMAN/alias is not of the computer's own names"),
        (SVC, "HTTP/shop", DENIED, f"Grant 'Write servicePrincipalName' on it, as with dsacls \"{SVC}\" /G \"spn-admin@lab.test:RPWP;servicePrincipalName\""),
        (WEB01, "WSMAN/alias", NOT_UNIQUE, "another object of the forest carries or covers one of them"),
        (WEB01, "WSMAN/alias", LdapError(19, "Failed to modify SPNs: SPN WSMAN/alias would cause a conflict"), "another object of the forest carries or"),
        (WEB01, "WSMAN/alias", INVALID, "the directory does not take the host name in it"),
        (WEB01, "WSMAN/alias", LdapError(53, "0000202B: RefErr"), "it answered unwillingToPerform (53), 0000202B: RefErr"),
    ],
)
def test_a_refusal_is_explained(dn: str, spn: str, error: LdapError, said: str) -> None:
    there = folder()
    there.refuse[dn] = [error]
    text = failed(there, dn, spn).sentence
    assert said in text
    assert spn in text
    assert dn in text
    assert "Nothing was changed." in text


@pytest.mark.parametrize(("spn", "own"), [("WSMAN/portal", True), ("WSMAN/portal.lab.test", True), ("WSMAN/portal.lab.test/x", False), ("WSMAN/other", False)])
def test_alternative_names_of_a_computer_are_its_own(spn: str, own: bool) -> None:
    there = Folder(computer("WEB01", **{"msDS-AdditionalDnsHostName": ["portal.lab.test"], "msDS-AdditionalSamAccountName": ["PORTAL$"]}))
    there.refuse[WEB01] = [DENIED]
    assert ("Grant 'Validated write" in failed(there, WEB01, spn).sentence) is own


def test_a_duplicate_that_samba_keeps_is_removed_with_all_values_at_once() -> None:
    there = Folder(computer("WEB01", "HOST/web01", "WSMAN/web01", "wsman/web01.lab.test"), user("svc", "WSMAN/web01", "WSMAN/web01.lab.test", "HTTP/x"))
    there.refuse[SVC] = [SAMBA]
    assert carried_out(there, SVC, "WSMAN/web01", "WSMAN/web01.lab.test", state=ABSENT).spns == ("HTTP/x",)
    assert there.changes[-1] == (SVC, (("replace", "servicePrincipalName", ("HTTP/x",)),))


def test_what_others_wrote_meanwhile_stays_when_all_values_are_written() -> None:
    there = folder()
    there.refuse[SVC] = [SAMBA]
    holder, plan = planned(there, SVC, "HTTP/web01.lab.test", state=ABSENT)
    there.objects[SVC]["serviceprincipalname"].append("HTTP/just-now")
    assert Writer(there, there.again, "x").apply(holder, plan).spns == ("HTTP/just-now",)


def test_a_move_of_a_duplicate_that_samba_keeps_is_made() -> None:
    there = Folder(computer("WEB01", "WSMAN/web01"), user("svc", "WSMAN/WEB01"))
    there.refuse[SVC] = [SAMBA]
    carried_out(there, WEB01, "WSMAN/web01")
    assert (there.spns(SVC), there.spns(WEB01)) == ([], ["WSMAN/web01"])


@pytest.mark.parametrize("error", [NOT_UNIQUE, LdapError(50, "no number"), LdapError(53, "unwilling")])
def test_a_refusal_that_means_what_it_says_is_no_reason_to_write_all_values(error: LdapError) -> None:
    there = folder()
    there.refuse[SVC] = [error]
    failed(there, SVC, "HTTP/web01.lab.test", state=ABSENT)
    assert (len(there.changes), there.spns(SVC)) == (1, ["HTTP/web01.lab.test"])


def test_a_second_duplicate_that_would_stay_is_told() -> None:
    there = folder()
    there.refuse[SVC] = [SAMBA, SAMBA]
    said = failed(there, SVC, "HTTP/web01.lab.test", state=ABSENT)
    assert "what would stay there is not accepted either; it answered constraintViolation (19)" in said.failed
    assert said.failed.endswith("Nothing was changed")
    assert said.do.endswith("name all of them in one task")


def test_host_is_found_by_the_name_that_its_winrm_was_given() -> None:
    there = folder()
    there.add(f"CN=NEW,CN=Computers,{BASE}", objectClass=["computer"], sAMAccountName=["NEW$"], servicePrincipalName=["wsman/old.lab.test", "HTTP/shop"])
    assert spn_changes.find_host(there, "old.lab.test", "lab.test").owner.name == "NEW$"
    with pytest.raises(DoctorError, match=r"No computer account in lab\.test belongs to the host shop"):
        spn_changes.find_host(there, "shop", "lab.test")


@pytest.mark.parametrize("domains", [("lab.test",), ("child.lab.test", "lab.test")])
def test_domains_of_the_forest(domains: tuple[str, ...]) -> None:
    assert tuple(sorted(partitions.domains(Folder(domains=domains)))) == domains
