# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One person has several spellings, and one spelling may mean several persons: never one attempt too many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.account import Account, account_of
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ChallengeEvidence
from cases import CHALLENGE

OTHER = replace(CHALLENGE, netbios_computer="SQL01", dns_computer="sql01.lab.test")
RENAMED = replace(CHALLENGE, netbios_domain="CORP")
WORKGROUP = ChallengeEvidence("WEB01", "WEB01", "WEB01", "web01", "web01", membership="workgroup")


def at(name: str, challenge: ChallengeEvidence | None = CHALLENGE, host: str = "web01.lab.test") -> Account:
    return account_of(name, host, challenge)


@pytest.mark.parametrize(
    ("name", "challenge", "kind"),
    [
        ("LAB\\svc", CHALLENGE, "domain"), ("svc@lab.test", CHALLENGE, "domain"), ("svc@LAB.TEST", CHALLENGE, "domain"), ("svc", CHALLENGE, "either"),
        (".\\svc", CHALLENGE, "local"), ("WEB01\\svc", CHALLENGE, "local"), ("web01.lab.test\\svc", CHALLENGE, "local"), ("svc", WORKGROUP, "local"),
        ("WEB01\\svc", None, "local"), ("web01.lab.test\\svc", None, "local"), ("LAB\\svc", None, "domain"), ("svc", None, "either"),
        ("svc@x.test", None, "domain"),
    ],
)
def test_kind_of_an_account(name: str, challenge: ChallengeEvidence | None, kind: str) -> None:
    assert at(name, challenge).kind == kind


SAME = [
    (at("LAB\\svc"), at("svc@lab.test")), (at("LAB\\svc"), at("lab\\SVC", OTHER)), (at("LAB\\svc"), at("LAB\\svc", None)), (at("LAB\\svc"), at("svc")),
    (at("svc@lab.test"), at("svc", OTHER)), (at("svc@lab.test", None), at("LAB\\svc", None)), (at("CORP\\svc", RENAMED), at("svc@lab.test", RENAMED)),
    (at("svc"), at("svc", OTHER)), (at("svc"), at(".\\svc")), (at("svc@corp.example"), at("LAB\\svc")), (at("WEB01\\svc"), at(".\\svc")),
]
SAME += [
    (at("LAB\\M\u00fcller"), at("LAB\\MULLER")), (at("LAB\\mu\u0308ller"), at("m\u00fcller@lab.test")), (at("LAB\\\uff53\uff56\uff43"), at("LAB\\svc")),
    (at("LAB\\\u30c6\u30b9\u30c8"), at("LAB\\\u3066\u3059\u3068")), (at("LAB\\stra\u00dfe"), at("LAB\\STRASSE")), (at("LAB\\sv\udcfc"), at("LAB\\SV\udcfc")),
]
"""Accents, width and kana ([MS-KILE] 3.1.5.7); a name that is no text at all is none of their business."""
DIFFERENT = [
    (at("LAB\\svc"), at("LAB\\other")), (at("LAB\\svc"), at("ELSE\\svc")), (at(".\\svc"), at(".\\svc", OTHER)), (at("LAB\\svc"), at(".\\svc")),
    (at("svc@lab.test"), at("svc@else.test", replace(CHALLENGE, dns_domain="else.test", netbios_domain="ELSE"))), (at("svc", WORKGROUP), at("LAB\\svc")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_failure_of_one_may_count_against_the_other(one: Account, other: Account) -> None:
    assert one.may_be(other)
    assert other.may_be(one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_persons_do_not_share_their_failures(one: Account, other: Account) -> None:
    assert not one.may_be(other)
    assert not other.may_be(one)
    assert not one.is_surely(other)


@pytest.mark.parametrize(
    ("one", "other", "sure"),
    [
        (at("LAB\\svc"), at("svc@lab.test", OTHER), True), (at("LAB\\svc"), at("LAB\\svc", OTHER), True), (at(".\\svc"), at("WEB01\\svc"), True),
        (at("svc"), at("svc"), True), (at("svc"), at("svc", OTHER), False), (at("svc"), at("LAB\\svc"), False), (at("svc@corp.example"), at("LAB\\svc"), False),
        (at("LAB\\svc", None), at("svc@lab.test"), False), (at("CORP\\svc", RENAMED), at("svc@lab.test", RENAMED), True),
        (at("lab\\svc", None), at("svc@lab.else"), False),
    ],
)
def test_proof_holds_only_for_the_same_person_beyond_doubt(one: Account, other: Account, sure: bool) -> None:
    assert one.is_surely(other) is sure
    assert other.is_surely(one) is sure
