# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory without a password: what the ticket cache lacks is said, and nothing else is blamed."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.controller import CryptoEvidence, KerberosEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import LocalFailure
from ansible_collections.winrm.doctor.plugins.module_utils.finding import CONFIRMED, LIKELY, TROUBLE, Finding
from cases import NOW
from domain_cases import USER, control, domain, host, kerberos, step

EXPIRED = LocalFailure("credential", "CredentialsExpiredError: SpnegoError (11): Major (720896): The referenced credential has expired, Minor (100001)")
NOBODY = LocalFailure(
    "token", "BadMechanismError: SpnegoError (1): SpnegoError (16): Operation not supported or available, Context: No username or password was specified",
)
NOT_FOUND, NO_FILE = (LocalFailure("credential", "No credentials were supplied", code) for code in (141, 195))
NONE = {"cache_error": "/tmp/krb5cc_1000: No such file or directory"}
OLD = {"cache_principal": USER, "cache_expires": "2026-04-08T12:00:00Z"}
FRESH = {"cache_principal": USER, "cache_expires": "2026-04-09T12:00:00Z"}
OTHERS = {**FRESH, "cache_principal": "admin@LAB.TEST"}
ABLE = CryptoEvidence("OpenSSL 3.0", md5=True, rc4=True)


def without_password(failure: LocalFailure, cache: dict[str, t.Any], *, crypto: t.Any = ABLE, **way: t.Any) -> Case:
    here = control()
    known = t.cast(KerberosEvidence, here.kerberos)
    seen = replace(here, crypto=crypto, kerberos=replace(known, cache_name="FILE:/tmp/krb5cc_1000", **cache))
    attempt = kerberos("broken", failure=failure, used=way.pop("used", False), method=way.get("auth", ("kerberos",))[0])
    unread = domain(steps=(), account=Unknown("not read"), computer=Unknown("not read"), spns=(), binds=())
    return host(attempt, controller=seen, directory=way.pop("directory", unread), **way)


def troubles(seen: Case) -> list[Finding]:
    return [finding for finding in evaluate_all(seen, NOW) if finding.verdict in TROUBLE]


@pytest.mark.parametrize(
    ("seen", "rule", "verdict", "kinit"),
    [
        (without_password(EXPIRED, OLD), "ticket_expired", CONFIRMED, "kinit svc@LAB.TEST"),
        (without_password(EXPIRED, OLD, used=True), "ticket_expired", CONFIRMED, "kinit svc@LAB.TEST"),
        (without_password(EXPIRED, {"cache_error": "a ticket cache of type KCM is not read here"}), "ticket_expired", CONFIRMED, "kinit svc@LAB.TEST"),
        (without_password(NOBODY, OLD, auth=("negotiate",), username=None), "ticket_expired", CONFIRMED, "kinit svc@LAB.TEST"),
        (without_password(NOT_FOUND, NONE), "no_ticket", CONFIRMED, "kinit svc@LAB.TEST"),
        (without_password(NO_FILE, NONE, username=None), "no_ticket", CONFIRMED, "kinit USER@REALM"),
        (without_password(NOBODY, NONE, auth=("negotiate",), username="LAB\\svc"), "no_ticket", CONFIRMED, "kinit USER@REALM"),
        (without_password(NOBODY, NONE, auth=("negotiate",), username="svc"), "no_ticket", CONFIRMED, "kinit svc@LAB.TEST"),
        (without_password(NOT_FOUND, OTHERS), "ticket_of_another", LIKELY, "kinit svc@LAB.TEST"),
        (without_password(NOT_FOUND, FRESH), "no_ticket", LIKELY, "kinit svc@LAB.TEST"),
    ],
)
def test_what_the_cache_lacks_is_the_one_thing_that_is_told(seen: Case, rule: str, verdict: str, kinit: str) -> None:
    found = troubles(seen)
    assert [(finding.cause, finding.rule, finding.verdict, finding.tied_with) for finding in found] == [("credentials", rule, verdict, ())]
    assert [remedy.how for remedy in found[0].remedies] == [kinit, "ansible_user and ansible_password, -u and -k, or a vault"]
    assert "Correct name or password" not in str(found[0].remedies)
    assert len(found[0].because) == 2


def test_when_a_ticket_expired_and_whose_it_was_is_told() -> None:
    said = troubles(without_password(EXPIRED, OLD))[0].summary
    assert said == "The ticket of svc@LAB.TEST in the ticket cache FILE:/tmp/krb5cc_1000 expired on 2026-04-08 12:00 UTC, and the inventory has no password."


def test_password_that_was_sent_is_not_missing() -> None:
    sent = domain(steps=(step("as", "refused", 24),), account=Unknown("not read"), spns=())
    assert [finding.rule for finding in troubles(without_password(NOBODY, NONE, directory=sent))] == ["wrong_password"]


def test_step_that_fails_for_another_reason_is_not_blamed_on_cryptography() -> None:
    """Only where OpenSSL refuses something, or where nobody knows what it refuses."""
    odd = LocalFailure("token", "ValueError: something else")
    assert [finding.rule for finding in troubles(without_password(odd, NONE, auth=("negotiate",)))] == ["unexplained"]
    assert [finding.rule for finding in troubles(without_password(odd, NONE, auth=("negotiate",), crypto=Unknown("not asked")))] == ["ntlm_crypto"]
