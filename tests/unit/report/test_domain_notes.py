# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is odd about a domain and stops nobody: a note, never a finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import KerberosStep, PolicyEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ClockEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.finding import TROUBLE
from ansible_collections.winrm.doctor.plugins.module_utils.report.notes import notes
from cases import NOW
from domain_cases import ACCOUNT, COMPUTER, DC, GRANTED, HOST, SERVICE, control, domain, host, kerberos, ntlm, spn, step

NEGOTIATED = ntlm("accepted", method="negotiate", account="svc@LAB.TEST")
NEGOTIATE = {"auth": ("negotiate",)}
SECOND = replace(DC, name="dc2.lab.test", clocks=(ClockEvidence("ldap", 200.0, 0.5),))
NOTES: dict[str, tuple[Case, str]] = {
    "password ends": (host(kerberos(), directory=domain(account=replace(ACCOUNT, password_expires="2026-04-13T22:48:00Z"))), "2026-04-13, in 5 days"),
    "password ends tomorrow": (host(kerberos(), directory=domain(account=replace(ACCOUNT, password_expires="2026-04-10T06:48:00Z"))), "in 1 day."),
    "password ends tonight": (host(kerberos(), directory=domain(account=replace(ACCOUNT, password_expires="2026-04-09T06:48:00Z"))), "in less than a day."),
    "account ends": (host(kerberos(), directory=domain(account=replace(ACCOUNT, expires="2026-04-28T22:48:00Z"))), "expires on 2026-04-28, in 20 days"),
    "nearly locked": (host(kerberos(), directory=domain(account=replace(ACCOUNT, bad_passwords=2))), "one failed logon from being locked: badPwdCount is 2"),
    "nearly locked just now": (
        host(kerberos(), directory=domain(account=replace(ACCOUNT, bad_passwords=2, last_bad_password="2026-04-08T22:20:00Z"))),
        "is one failed logon from being locked: badPwdCount is 2 at dc1.lab.test (last at 2026-04-08 22:20 UTC)",
    ),
    "perhaps nearly locked": (
        host(kerberos(), directory=domain(account=replace(ACCOUNT, bad_passwords=2, policy=PolicyEvidence("x", 3, sure=False)))),
        "may be one failed logon from being locked",
    ),
    "no pre-authentication": (host(kerberos(), directory=domain(account=replace(ACCOUNT, no_preauth=True))), "needs no Kerberos pre-authentication"),
    "many groups": (host(kerberos(), directory=domain(account=replace(ACCOUNT, group_count=300))), "300 groups; its Kerberos token may take 13200 bytes,"),
    "old machine password": (host(kerberos(), directory=domain(computer=replace(COMPUTER, password_days=90.0))), "machine password of WEB01$ is 90 days old"),
    "disabled computer": (host(kerberos(), directory=domain(computer=replace(COMPUTER, enabled=False))), "account WEB01$ is disabled, and the logon works"),
    "disabled account": (host(kerberos(), directory=domain(account=replace(ACCOUNT, enabled=False))), "svc as disabled, yet the host accepts it"),
    "RC4": (
        host(kerberos(), directory=domain(steps=(*GRANTED[:2], step("tgs", ticket_encryption="RC4")))), "ticket for WSMAN/web01.lab.test is encrypted with RC4",
    ),
    "duplicate that is not used": (
        host(kerberos(), directory=domain(spns=(spn(HOST), spn(HOST, SERVICE, name="HTTP/web01.lab.test")))),
        "HTTP/web01.lab.test has 2 owners, WEB01$ and svc-web",
    ),
    "name that negotiate does without": (host(NEGOTIATED, directory=domain(spns=(spn(),)), **NEGOTIATE), "negotiate falls back to NTLM here"),
    "no KDC": (host(NEGOTIATED, directory=domain(steps=(step("probe", "failed", 154),)), **NEGOTIATE), "No KDC answers this control node"),
    "controllers apart": (host(kerberos(), directory=domain(controllers=(DC, SECOND))), "dc1.lab.test and dc2.lab.test are 200 s apart"),
    "lower case": (host(kerberos(), connection="winrm", username="svc@lab.test"), "kinit, which the connection winrm runs, may refuse that"),
    "no AES": (host(kerberos(), directory=domain(), controller=control(permitted_enctypes="arcfour-hmac")), "arcfour-hmac, which leaves out AES"),
}
UNREAD = {"spns": (), "account": Unknown("closed."), "computer": Unknown("closed.")}
READER = step("as", "refused", 24, "reader@LAB.TEST", means="No ticket-granting ticket for reader@LAB.TEST: 24: The password is wrong.")


PLAYBOOK = " (the playbook: troubleshoot_domain_username, troubleshoot_domain_password)"
CORRECT = "Correct domain_username or domain_password"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            (*GRANTED[:2], READER),
            [f"The directory was not read, for the account that was named to read with is refused: {READER.means} {CORRECT}{PLAYBOOK}."],
        ),
        (GRANTED, ["The directory was not read: closed."]),
        # The finding says it, with what to do.
        ((step("as", "refused", 24),), []),
    ],
)
def test_directory_that_was_not_read_is_told(steps: tuple[KerberosStep, ...], said: list[str]) -> None:
    assert notes(host(kerberos(), directory=domain(steps=steps, **UNREAD)), NOW) == said


def test_options_that_would_help_are_named_as_the_playbook_has_them_too() -> None:
    unread = {**UNREAD, "computer": Unknown("there is no account to read with: set domain_username and domain_password")}
    said = "The directory was not read: there is no account to read with: set domain_username and domain_password"
    assert notes(host(kerberos(), directory=domain(**unread)), NOW) == [f"{said}{PLAYBOOK}."]


@pytest.mark.parametrize("name", NOTES)
def test_oddity_is_a_note_and_no_finding(name: str) -> None:
    seen, said = NOTES[name]
    assert [sentence for sentence in notes(seen, NOW) if said in sentence], notes(seen, NOW)
    assert [finding for finding in evaluate_all(seen, NOW) if finding.verdict in TROUBLE] == []


def test_failures_of_last_month_bring_no_account_near_its_lock() -> None:
    stale = replace(ACCOUNT, bad_passwords=2, last_bad_password="2026-03-08T22:48:00Z")
    assert notes(host(kerberos(), directory=domain(account=stale)), NOW) == []


def test_healthy_domain_leaves_nothing_to_say() -> None:
    assert notes(host(kerberos(), directory=domain()), NOW) == []
