# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at the domain in one line."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import (
    NO_SUCH_ACCOUNT,
    NOT_ASKED_FOR,
    AccountEvidence,
    DirectoryEvidence,
    KerberosStep,
    OwnerEvidence,
    SpnEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.report.directory import sentence

SVC = AccountEvidence("svc", "CN=svc")
OWNER = OwnerEvidence("WEB01$", "CN=WEB01")
SPN = "WSMAN/web01.lab.test"
REFUSED = KerberosStep("as", "svc@LAB.TEST", "refused", "No ticket-granting ticket for svc@LAB.TEST: 24: The password is wrong.", code=24, used=True)
READER = KerberosStep("as", "reader@LAB.TEST", "granted", "The KDC of LAB.TEST accepts the password of reader@LAB.TEST.", used=True)
NO_TICKET = KerberosStep("tgs", SPN, "refused", f"No ticket for {SPN}: 7: Nobody has it.", code=7, own=True)


def seen(**changes: t.Any) -> DirectoryEvidence:
    return DirectoryEvidence(at="", vantage="", domain="lab.test", **{"account": NOT_ASKED_FOR, **changes})


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (seen(account=SVC, spns=(SpnEvidence(SPN, (OWNER,), own=True),)), f"svc may log on; {SPN} belongs to WEB01$."),
        (seen(account=SVC, spns=(SpnEvidence("HTTP/web01", (), (OWNER,), own=True),)), "svc may log on; HTTP/web01 is covered by HOST of WEB01$."),
        (seen(account=SVC, spns=(SpnEvidence(SPN, own=True),)), f"svc may log on; nobody carries {SPN}."),
        (seen(account=SVC, spns=(SpnEvidence(SPN, only_in="lab.test", own=True),)), f"svc may log on; nobody in lab.test carries {SPN}."),
        (seen(account=AccountEvidence("svc", "", enabled=False, locked=True)), "svc is disabled and is locked out."),
        (seen(account=AccountEvidence("svc", "", workstations=("PC1",))), "svc may log on, but only from PC1."),
        (seen(account=NO_SUCH_ACCOUNT), "lab.test has no such account."),
        (seen(account=Unknown("closed."), steps=(REFUSED,)), "No ticket-granting ticket for svc@LAB.TEST: 24: The password is wrong."),
        # Another account reads, and finds the own one in order; its password is refused all the same.
        (seen(account=SVC, steps=(REFUSED, READER)), "No ticket-granting ticket for svc@LAB.TEST: 24: The password is wrong."),
        (seen(account=AccountEvidence("svc", "", locked=True), steps=(REFUSED, READER)),
         "svc is locked out; No ticket-granting ticket for svc@LAB.TEST: 24: The password is wrong."),
        (seen(account=Unknown("closed."), steps=(NO_TICKET,)), f"No ticket for {SPN}: 7: Nobody has it."),
        (seen(steps=(NO_TICKET,), spns=(SpnEvidence(SPN, (OWNER,), own=True),)), f"{SPN} belongs to WEB01$; No ticket for {SPN}: 7: Nobody has it."),
        (seen(account=Unknown("no controller answers")), "no controller answers."),
        (seen(duplicates=(SpnEvidence(SPN),), forecast=()), "the domain lab.test was asked: 1 duplicate SPN, 0 accounts that need more than AES."),
        (seen(), "the domain lab.test was asked."),
        (seen(account=replace(SVC, domain="lab.test")), "svc may log on."),
        # Nobody must take the answers of one domain for those of the one that was named.
        (seen(account=replace(SVC, domain="other.test"), passed_over=("no controller of lab.test is known",)),
         "no controller of lab.test is known; svc of other.test may log on."),
        (seen(trusts=(), passed_over=("dc9, which domain_controllers names, does not answer",)),
         "dc9, which domain_controllers names, does not answer; the domain lab.test was asked: 0 trusts."),
        (seen(account=Unknown("no controller answers"), passed_over=("no controller answers",)), "no controller answers."),
    ],
)
def test_sentence(evidence: DirectoryEvidence, words: str) -> None:
    assert sentence("web01", evidence) == f"web01: {words}"


def test_sentence_about_a_domain_names_it_once() -> None:
    assert sentence("lab.test", seen(duplicates=(SpnEvidence(SPN),))) == "lab.test: the domain was asked: 1 duplicate SPN."
    assert sentence("LAB.test", seen()) == "LAB.test: the domain was asked."
