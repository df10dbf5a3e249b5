# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for an account's SPNs: what is added, removed, moved, refused, and what is said about it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory.spn_plan import ABSENT, EXACT, PRESENT, Holder, Plan, make_plan, wish
from ansible_collections.winrm.doctor.plugins.module_utils.directory.spns import parse_mappings
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import OwnerEvidence, SpnEvidence

WEB01 = OwnerEvidence("WEB01$", "CN=WEB01,DC=lab,DC=test", domain="lab.test")
WEB02 = OwnerEvidence("WEB02$", "CN=WEB02,DC=lab,DC=test", domain="lab.test")
SVC = OwnerEvidence("svc", "CN=svc,DC=lab,DC=test", "user", domain="lab.test")
RETIRED = OwnerEvidence("old", "CN=old,DC=lab,DC=test", "user", enabled=False, domain="lab.test")
AWAY = OwnerEvidence("far", "CN=far,DC=child,DC=lab,DC=test", "user", domain="child.lab.test")
USUAL = ("HOST/WEB01", "HOST/web01.lab.test", "RestrictedKrbHost/WEB01", "TERMSRV/WEB01", "wsman/WEB01", "WSMAN/web01.lab.test")
COMPUTER = Holder(WEB01, USUAL, "web01.lab.test")


def plan(*spns: str, holder: Holder = COMPUTER, state: str = PRESENT, classes: list[str] | None = None, force: bool = False,
         seen: t.Mapping[str, tuple[tuple[OwnerEvidence, ...], tuple[OwnerEvidence, ...]]] | None = None) -> Plan:
    """`seen`: SPN -> owners, and who covers it."""
    found = [SpnEvidence(spn, owners, covered_by=covering) for spn, (owners, covering) in (seen or {}).items()]
    return make_plan(holder, wish(spns, state, classes, force), found)


@pytest.mark.parametrize(
    ("spns", "options", "added", "removed"),
    [
        (["WSMAN/alias"], {}, ("WSMAN/alias",), ()),
        (["WSMAN/web01"], {}, (), ()),
        (["wsman/alias", "WSMAN/ALIAS"], {}, ("WSMAN/ALIAS",), ()),
        (["WSMAN/nobody"], {"state": ABSENT}, (), ()),
        (["WSMAN/web01", "http/web01"], {"state": ABSENT}, (), ("wsman/WEB01",)),
        (["WSMAN/alias"], {"state": EXACT}, ("WSMAN/alias",), ("wsman/WEB01", "WSMAN/web01.lab.test")),
        (["WSMAN/web01", "WSMAN/web01.lab.test"], {"state": EXACT}, (), ()),
        (["HTTP/web01"], {"state": EXACT}, ("HTTP/web01",), ()),
        ([], {"state": EXACT, "classes": ["WSMAN"]}, (), ("wsman/WEB01", "WSMAN/web01.lab.test")),
        (["HTTP/web01"], {"state": EXACT, "classes": ["http", "TERMSRV"]}, ("HTTP/web01",), ("TERMSRV/WEB01",)),
        (["HOST/WEB01"], {"state": EXACT, "classes": ["HOST"]}, (), ("HOST/web01.lab.test",)),
    ],
)
def test_changes(spns: list[str], options: dict[str, t.Any], added: tuple[str, ...], removed: tuple[str, ...]) -> None:
    made = plan(*spns, **options)
    assert (made.add, made.remove, made.moves) == (added, removed, ())
    assert made.changed is bool(added or removed)
    assert made.before == USUAL
    assert made.after == tuple(spn for spn in USUAL if spn not in removed) + added
    # What comes of it needs no further change.
    assert not plan(*spns, holder=Holder(WEB01, made.after, "web01.lab.test"), **options).changed


@pytest.mark.parametrize(("text", "held"), [("SMTP SVC/x", "smtp svc/X"), ("HTTP/www/", "HTTP/www/"), ("web01", "web01")])
def test_what_is_no_spn_can_be_removed_as_it_stands(text: str, held: str) -> None:
    made = plan(text, "WSMAN/web01", state=ABSENT, holder=Holder(WEB01, (*USUAL, held)))
    assert made.remove == ("wsman/WEB01", held)
    assert held not in made.after
    again = plan(text, state=ABSENT)
    assert not again.changed
    assert again.notes == (f"{text!r} has not the form of an SPN, and is not there: is it spelt as it was meant?",)


@pytest.mark.parametrize("name", ["HOST", "RestrictedKrbHost", "termsrv", "GC", "ldap", "DNS", "E3514235-4B06-11D1-AB04-00C04FC2DCD2"])
def test_exact_clears_no_class_of_windows_by_accident(name: str) -> None:
    with pytest.raises(DoctorError, match="would cost the account every other SPN of a class that Windows registers for itself"):
        plan(f"{name}/web01", state=EXACT)


@pytest.mark.parametrize(
    ("spns", "options", "said"),
    [
        ([], {}, "The option spns is empty"),
        ([], {"state": EXACT}, "The option spns is empty"),
        (["HTTP/x"], {"classes": ["HTTP"]}, "service_classes is set while state is present"),
        (["HTTP/x"], {"state": EXACT, "classes": ["WSMAN"]}, "HTTP/x is of no class that service_classes names"),
        (["HTTP/x"], {"state": EXACT, "classes": ["HTTP/x"]}, "service_classes has 'HTTP/x'"),
        (["HTTP/x"], {"state": EXACT, "classes": [" "]}, "service_classes has ' '"),
        (["web01"], {}, "The SPN 'web01' is malformed"),
        (["web01"], {"state": EXACT}, "The SPN 'web01' is malformed"),
        ([" "], {"state": ABSENT}, "The SPN ' ' is malformed"),
    ],
)
def test_options_that_contradict_each_other(spns: list[str], options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(DoctorError) as error:
        plan(*spns, **options)
    assert error.value.failed.startswith(said)
    assert error.value.expected


@pytest.mark.parametrize(
    ("holder", "spn", "owners", "covering", "said"),
    [
        (COMPUTER, "WSMAN/x", (WEB02,), (), "WSMAN/x is not added to WEB01$: the computer WEB02$ (CN=WEB02,DC=lab,DC=test) carries it"),
        (COMPUTER, "WSMAN/x", (RETIRED,), (), "WSMAN/x is not added to WEB01$: the disabled user old (CN=old,DC=lab,DC=test) carries it"),
        (COMPUTER, "WSMAN/x", (SVC, AWAY), (), "WSMAN/x is not added to WEB01$: the user svc (CN=svc,DC=lab,DC=test) and the user far (CN=far,"),
        (COMPUTER, "WSMAN/web01", (WEB01, SVC), (), "WSMAN/web01 is on WEB01$, but not there alone: the user svc (CN=svc,DC=lab,DC=test) carries it too"),
        (Holder(SVC), "HTTP/web01", (), (WEB01,), "HTTP/web01 is not added to svc: the computer WEB01$ (CN=WEB01,DC=lab,DC=test) carries HOST/web01, which"),
    ],
)
def test_what_somebody_else_has_is_refused(
    holder: Holder, spn: str, owners: tuple[OwnerEvidence, ...], covering: tuple[OwnerEvidence, ...], said: str,
) -> None:
    with pytest.raises(DoctorError) as error:
        plan(spn, holder=holder, seen={spn: (owners, covering)})
    assert error.value.failed.startswith(said)
    assert "set force_move to true" in error.value.do


def test_a_duplicate_is_told_to_get_no_tickets() -> None:
    with pytest.raises(DoctorError, match="With more than one owner no KDC gives a ticket for it"):
        plan("WSMAN/web01", seen={"WSMAN/web01": ((WEB01, SVC), ())})


def test_a_forced_move_takes_it_from_every_owner_even_where_the_account_has_it_already() -> None:
    made = plan("WSMAN/x", force=True, seen={"WSMAN/x": ((SVC, WEB02), ())})
    assert ([move.owner.name for move in made.moves], made.add, made.changed) == (["svc", "WEB02$"], ("WSMAN/x",), True)
    made = plan("WSMAN/web01", force=True, seen={"WSMAN/web01": ((WEB01, SVC), ())})
    assert ([move.owner.name for move in made.moves], made.add, made.changed) == (["svc"], (), True)
    assert made.notes == (
        "WSMAN/web01 is taken from the user svc (CN=svc,DC=lab,DC=test): tickets under this name are asked for by Ansible's psrp connection, and what runs as "
        "svc could read them no more.",
    )


def test_nothing_is_moved_out_of_another_domain() -> None:
    with pytest.raises(DoctorError, match=r"belongs to child\.lab\.test, another domain than lab\.test") as error:
        plan("WSMAN/x", force=True, seen={"WSMAN/x": ((AWAY,), ())})
    assert error.value.do == "Remove it there first, with state absent and domain child.lab.test"


def test_a_forced_alias_takes_nothing_away_and_says_what_it_costs() -> None:
    made = plan("HTTP/web01", holder=Holder(SVC), force=True, seen={"HTTP/web01": ((), (WEB01,))})
    assert (made.moves, made.add) == ((), ("HTTP/web01",))
    assert made.notes[0].startswith("HTTP/web01 on svc goes before HOST/web01 of WEB01$: tickets under this name are asked for by Ansible's winrm connection,")
    assert "can no longer be reached with Kerberos by Ansible's winrm connection" in made.notes[1]


def test_an_alias_that_is_there_already_is_left_alone() -> None:
    holder = Holder(SVC, ("HTTP/web01",))
    assert not plan("HTTP/web01", holder=holder, seen={"HTTP/web01": ((SVC,), (WEB01,))}).changed


@pytest.mark.parametrize(
    ("spn", "options", "note"),
    [
        ("HTTP/web01", {"seen": {"HTTP/web01": ((), (WEB01,))}}, "HTTP/web01 is not needed: WEB01$ carries HOST/web01, which stands for it"),
        ("WSMAN/alias", {}, "HOST does not stand for WSMAN/alias: sPNMappings has HTTP, but not WSMAN"),
        ("WSMAN/web01", {"state": ABSENT}, "The WinRM service of the computer registers wsman/WEB01 again when it starts"),
        ("TERMSRV/web01", {"state": ABSENT}, "Windows registers TERMSRV/WEB01 for itself; without it there are no tickets under that name for Remote Desktop"),
        ("HOST/x", {"holder": Holder(SVC)}, "HOST/x stands for many classes at once"),
    ],
)
def test_what_is_worth_knowing_is_said(spn: str, options: dict[str, t.Any], note: str) -> None:
    assert [said for said in plan(spn, **options).notes if said.startswith(note)]


@pytest.mark.parametrize("spn", ["WSMAN/web01", "WSMAN/web01.lab.test"])
def test_nothing_is_said_where_nothing_is_special(spn: str) -> None:
    assert plan(spn, seen={spn: ((WEB01,), ())}).notes == ()


def test_a_forest_that_maps_wsman_needs_no_registration() -> None:
    seen = [SpnEvidence("WSMAN/new", (), covered_by=(WEB01,))]
    made = make_plan(COMPUTER, wish(["WSMAN/new"], PRESENT), seen, parse_mappings(["host=http,wsman"]))
    assert made.notes == ("WSMAN/new is not needed: WEB01$ carries HOST/new, which stands for it by the forest's sPNMappings.",)


def test_an_alias_alone_removed_is_still_served_by_host() -> None:
    made = plan("HTTP/web01", holder=Holder(WEB01, (*USUAL, "HTTP/web01")), state=ABSENT)
    assert made.notes == ("Tickets for HTTP/web01 can still be had: WEB01$ carries HOST/web01, which stands for it.",)


@pytest.mark.parametrize(
    ("spn", "own"),
    [("HTTP/web01", True), ("HTTP/WEB01.lab.test", True), ("HTTP/web01:8080", True), ("HTTP/alias", False), ("ldap/web01/lab.test", False), ("rubbish", False)],
)
def test_own_names_of_a_computer(spn: str, own: bool) -> None:
    assert COMPUTER.has_name_of(spn) is own
