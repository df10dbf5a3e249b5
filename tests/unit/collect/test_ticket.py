# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ticket says of a cache, and which account of the attempt book a name is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.account import Account
from ansible_collections.winrm.doctor.plugins.module_utils.collect import ticket
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.collect.ticket import ABSENT, LISTED, PRESENT, Outcome
from ansible_collections.winrm.doctor.plugins.module_utils.directory.caches import CacheEvidence, TicketEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import AS, GRANTED, KerberosStep
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline

STEP = KerberosStep(AS, "x", GRANTED, "Yes.")
NAME, WHO = "FILE:/tmp/cc", "svc@LAB.TEST"
GRANTING = TicketEvidence("krbtgt/LAB.TEST@LAB.TEST", "2026-04-08T22:48:00Z", "2026-04-09T08:48:00Z")
SERVICE = TicketEvidence("HTTP/web01", "2026-04-08T22:48:00Z", "2026-04-09T08:48:00Z")
HELD = CacheEvidence(NAME, WHO, (GRANTING, SERVICE))
OLD = CacheEvidence(NAME, WHO, (TicketEvidence(GRANTING.service, GRANTING.starts, GRANTING.ends, expired=True),))
FIRST = ("krbtgt/LAB.TEST", "HTTP/web01")


@pytest.mark.parametrize(
    ("outcome", "state", "check", "said"),
    [
        (Outcome(NAME, HELD, HELD, WHO), LISTED, False, f"{WHO}: {NAME} is good until 2026-04-09T08:48:00Z."),
        (Outcome(NAME, OLD, OLD, WHO), LISTED, False, f"{WHO}: {NAME} ended at 2026-04-09T08:48:00Z."),
        (Outcome(NAME, None, None), LISTED, False, f"There is no ticket cache {NAME}."),
        (Outcome(NAME, None, CacheEvidence(NAME, WHO, (SERVICE,)), WHO), LISTED, False, f"{WHO}: {NAME} has 1 ticket, but no ticket-granting ticket."),
        (Outcome(NAME, None, None, WHO, True, missing=FIRST), PRESENT, True, f"{WHO}: the KDC would be asked for krbtgt/LAB.TEST, HTTP/web01, for {NAME}."),
        (Outcome(NAME, None, HELD, WHO, True, missing=FIRST), PRESENT, False, f"{WHO}: {NAME} is good until 2026-04-09T08:48:00Z."),
        (Outcome(NAME, HELD, None, WHO, True), ABSENT, False, f"{NAME} was destroyed; it held tickets of {WHO}."),
        (Outcome(NAME, HELD, HELD, WHO, True), ABSENT, True, f"{NAME} would be destroyed; it held tickets of {WHO}."),
        (Outcome(NAME, None, None), ABSENT, False, f"{NAME} is not there."),
    ],
)
def test_sentence(outcome: Outcome, state: str, check: bool, said: str) -> None:
    assert ticket.sentence(outcome, state, check) == said


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (KerberosStep(AS, WHO, "refused", "No.", code=24), "Correct ansible_password in the inventory, or the option password"),
        (KerberosStep(AS, WHO, "refused", "No.", code=18), ticket.ASK_ABOUT_ACCOUNT),
        (KerberosStep(AS, WHO, "refused", "No."), ticket.ASK_ABOUT_ACCOUNT),
        (KerberosStep("tgs", "WSMAN/x", "refused", "No.", code=7), "winrm.doctor.directory_info with spn_patterns WSMAN/x tells who carries it, and"),
        (KerberosStep("tgs", "WSMAN/x", "refused", "No.", code=37), "Set the clock of this control node, or that of the KDC"),
        (KerberosStep(AS, WHO, "failed", "Nobody answers.", code=156), "Check krb5.conf, and that the KDC can be reached"),
        (KerberosStep(AS, WHO, "failed", "Too late."), "Check krb5.conf, and that the KDC can be reached"),
    ],
)
def test_every_ticket_that_is_not_granted_comes_with_what_to_do(step: KerberosStep, said: str) -> None:
    assert ticket.remedy(step).startswith(said)


@pytest.mark.parametrize(
    ("before", "missing"),
    [(None, FIRST), (OLD, FIRST), (CacheEvidence(NAME, WHO, (GRANTING,)), FIRST[1:])],
)
def test_check_mode_foresees_the_difference(before: CacheEvidence | None, missing: tuple[str, ...]) -> None:
    foreseen = ticket.difference(Outcome(NAME, before, before, WHO, True, missing=missing), PRESENT, True)
    assert foreseen == ticket.difference(Outcome(NAME, before, HELD, WHO, True, missing=missing), PRESENT, False)
    assert foreseen["after"] == f"{WHO}\nHTTP/web01\nkrbtgt/LAB.TEST@LAB.TEST\n"


@pytest.mark.parametrize("name", ["svc", "SVC", "LAB\\svc", "lab.test\\svc", "svc@lab.test", "svc@LAB.TEST"])
def test_every_spelling_of_an_account_is_one_person_to_the_book(name: str) -> None:
    account = ticket.account_in(name, "LAB.TEST")
    assert account.is_surely(ticket.account_in("svc", "lab.test"))


@pytest.mark.parametrize("name", ["svc@example.com", "CORP\\svc"])
def test_a_name_of_another_domain_may_be_anybody_and_proves_nothing(name: str) -> None:
    """A suffix is free text, and the NetBIOS name of a domain need not be its first label."""
    account, plain = ticket.account_in(name, "ad.example.com"), ticket.account_in("svc", "ad.example.com")
    assert account.may_be(plain)
    assert not account.is_surely(plain)
    assert not account.certain


@pytest.mark.parametrize(
    ("name", "domain", "realms", "certain"),
    [
        ("svc@example.com", "", "", False), ("svc@example.com", "example.com", "", True), ("svc@example.com", "", "EXAMPLE.COM = {\n kdc = kdc1\n}", True),
        ("EXAMPLE\\svc", "", "EXAMPLE.COM = {\n kdc = kdc1\n}", False), ("EXAMPLE\\svc", "example.com", "", True), ("example.com\\svc", "", "", True),
    ],
)
def test_whose_password_is_shown_to_a_kdc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, domain: str, realms: str, certain: bool,
) -> None:
    asked: list[Account] = []

    def fill(_kept: object, _username: str, _principal: str, _password: str, account: Account, *_rest: object, **_more: object) -> tuple[KerberosStep, None]:
        asked.append(account)
        return STEP, None

    monkeypatch.setattr(ticket, "fill", fill)
    (tmp_path / "krb5.conf").write_text(f"[realms]\n{realms}\n", encoding="utf-8")
    wanted = ticket.Wanted(PRESENT, username=name, password="x", domain=domain, cache="FILE:/nowhere")
    work = ticket._Work(wanted, Deadline(5), False, Book(os.getppid()), {"KRB5_CONFIG": str(tmp_path / "krb5.conf")}, time.time)
    assert work._first(None, work._principal()) == STEP
    assert asked[0].certain is certain


def test_another_domain_is_another_person() -> None:
    assert not ticket.account_in("svc@other.test", "OTHER.TEST").may_be(ticket.account_in("svc", "lab.test"))


@pytest.mark.parametrize(
    ("held", "asked", "same"),
    [
        ("svc@LAB.TEST", "svc@LAB.TEST", True),
        ("svc@LAB.TEST", "SVC@LAB.TEST", True),
        ("svc@LAB.TEST", "other@LAB.TEST", False),
        ("svc@LAB.TEST", "svc@corp.example@LAB.TEST", True),
        ("other@LAB.TEST", "svc@corp.example@LAB.TEST", False),
        ("svc@OTHER.TEST", "svc@corp.example@LAB.TEST", False),
    ],
)
def test_cache_of_another_principal_is_noticed(held: str, asked: str, same: bool) -> None:
    assert ticket.same_client(held, asked) is same


def test_missing_libraries_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "krb5", None)
    with pytest.raises(DoctorError, match="The Python libraries krb5 and gssapi, which ticket caches need, cannot be imported on this control node") as error:
        ticket.manage(ticket.Wanted(LISTED), timeout=1)
    assert "pip install krb5 gssapi" in error.value.do


def test_what_takes_too_long_is_left_behind() -> None:
    with pytest.raises(DoctorError, match="The ticket cache did not answer: no answer within"):
        ticket.in_time(lambda: time.sleep(30), 0.05, "The ticket cache")


def test_an_error_of_ours_comes_back_as_it_is() -> None:
    def fail() -> None:
        raise DoctorError("It failed", expected="success")

    with pytest.raises(DoctorError, match=r"^It failed\. Expected: success\.$"):
        ticket.in_time(fail, 5, "x")
