# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alternate logons that did not get in are told with their reason."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import AttemptEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.report.notes import notes
from ansible_collections.winrm.doctor.plugins.module_utils.report.ways import kept_out, ways
from cases import NOW, attempt, logon
from host_cases import denied, rescued, seen

KDC = "Not tried: the KDC of LAB.TEST refuses admin@LAB.TEST, which holds for every host: KDC_ERR_PREAUTH_FAILED: wrong password."
REFUSED = "The host refused the logon with ntlm: HTTP 401, without a reason."


def way(outcome: str = "not_tried", means: str = KDC, name: str = "boss", **changes: t.Any) -> AttemptEvidence:
    return attempt(outcome, means=means, way=name, own=False, account="LAB\\admin", **changes)


@pytest.mark.parametrize(
    ("attempts", "told"),
    [
        ((attempt(),), ()),
        ((attempt(), way("accepted")), ()),
        ((attempt("refused"), way()), (f"boss (LAB\\admin): not tried, {KDC[len('Not tried: ') : -1]}",)),
        ((way("refused", REFUSED),), (f"boss (LAB\\admin): the h{REFUSED[5:-1]}",)),
        ((way("refused", REFUSED, method="kerberos"), way("accepted", method="ntlm")), ()),
        ((way(method="kerberos"), way("refused", REFUSED)), (f"boss (LAB\\admin): the h{REFUSED[5:-1]}",)),
        ((way("refused", REFUSED), way(name="spare")), (f"boss (LAB\\admin): the h{REFUSED[5:-1]}", f"spare (LAB\\admin): not tried, {KDC[11:-1]}")),
    ],
)
def test_each_alternate_logon_that_did_not_get_in_says_why(attempts: tuple[AttemptEvidence, ...], told: tuple[str, ...]) -> None:
    assert kept_out(logon(*attempts)) == told


def test_every_attempt_is_a_row() -> None:
    assert ways(logon(attempt("refused"), way())) == [
        {"name": "", "account": "LAB\\svc", "method": "ntlm over https", "outcome": "refused", "means": "It was refused."},
        {"name": "boss", "account": "LAB\\admin", "method": "ntlm over https", "outcome": "not_tried", "means": KDC},
    ]


def test_who_may_not_read_is_told_which_other_account_was_tried_in_vain() -> None:
    said = notes(seen(denied(), attempt(), more=(way(),)), NOW)
    assert any("may not read the inside" in one and one.endswith("an administrator of the host may.") for one in said)
    assert f"Of alternate_logons, boss (LAB\\admin): not tried, {KDC[len('Not tried: ') :]}" in said


def test_an_alternate_logon_that_failed_before_another_got_in_is_told() -> None:
    said = notes(seen(rescued(), attempt("refused"), more=(way(), way("accepted", name="rescue"))), NOW)
    assert [one for one in said if one.startswith("Of alternate_logons, boss")]
    assert not [one for one in said if one.startswith("Of alternate_logons, rescue")]
