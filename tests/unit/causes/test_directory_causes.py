# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What KDC and directory tell: each fault first by its own rule, what looks alike told apart, and nothing said of what works."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all, leading
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import NOT_ASKED, Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import NO_SUCH_ACCOUNT, BindEvidence, TrustEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ClockEvidence, NameEvidence, PortEvidence, ReverseName
from ansible_collections.winrm.doctor.plugins.module_utils.finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, TROUBLE, Finding
from cases import ADDRESS, NOW
from domain_cases import (
    ACCOUNT,
    COMPUTER,
    DC,
    GRANTED,
    HOST,
    OTHER,
    SERVICE,
    SPN,
    STRANGER,
    USER,
    control,
    domain,
    host,
    kerberos,
    ntlm,
    refused_ticket,
    refused_user,
    spn,
    step,
)

NTLM = {"auth": ("ntlm",), "username": "LAB\\svc"}
NEGOTIATE = {"auth": ("negotiate",)}


def troubles(seen: Case) -> list[Finding]:
    return [finding for finding in evaluate_all(seen, NOW) if finding.verdict in TROUBLE]


def of(seen: Case, cause: str) -> Finding:
    return next(finding for finding in evaluate_all(seen, NOW) if finding.cause == cause)


def user(**changes: t.Any) -> t.Any:
    return domain(account=replace(ACCOUNT, **changes), steps=(step("probe"),))


def states(seen: Case) -> list[tuple[str, str]]:
    return [(finding.rule, finding.verdict) for finding in troubles(seen) if finding.cause == "credentials"]


# --- the states of an account: what the KDC said, what the directory has, the finding ---
DISABLED, LOCKED, EXPIRED, HOURS = {"enabled": False}, {"locked": True, "locked_since": "2026-04-08T22:40:00Z"}, {"expired": True}, {"logon_hours": False}
STATES: dict[str, tuple[tuple[t.Any, ...], dict[str, t.Any] | None, str, str]] = {
    "wrong password": (refused_user(24), {}, "wrong_password", CONFIRMED),
    "wrong password, nothing read": (refused_user(24), None, "wrong_password", CONFIRMED),
    "unknown user": ((step("probe", "refused", 6),), None, "no_such_user", CONFIRMED),
    "18 alone": (refused_user(18), None, "revoked", CONFIRMED),
    "18 and disabled": (refused_user(18), DISABLED, "account_disabled", CONFIRMED),
    "18 and locked": (refused_user(18), LOCKED, "account_locked_out", CONFIRMED),
    "18 and expired": (refused_user(18), EXPIRED, "account_expired", CONFIRMED),
    "18 and hours": (refused_user(18), HOURS, "logon_hours", CONFIRMED),
    "18 with NTSTATUS disabled": (refused_user(18, status=0xC0000072), None, "account_disabled", CONFIRMED),
    "18 with NTSTATUS locked": (refused_user(18, status=0xC0000234), None, "account_locked_out", CONFIRMED),
    "18 with NTSTATUS expired": (refused_user(18, status=0xC0000193), None, "account_expired", CONFIRMED),
    "18 with NTSTATUS hours": (refused_user(18, status=0xC000006F), None, "logon_hours", CONFIRMED),
    "23 alone": (refused_user(23), None, "password_expired", CONFIRMED),
    "23 and must change": (refused_user(23), {"must_change": True}, "password_must_change", CONFIRMED),
    "23 and expired password": (refused_user(23), {"password_expired": True}, "password_expired", CONFIRMED),
    "12 with NTSTATUS workstations": (refused_user(12, status=0xC0000070), None, "workstations", CONFIRMED),
    "12 with NTSTATUS smart card": (refused_user(12, status=0xC00002FA), None, "smartcard_required", CONFIRMED),
    "24 and smart card": (refused_user(24), {"smartcard_required": True}, "smartcard_required", CONFIRMED),
    "the directory alone: disabled": ((step("probe"),), DISABLED, "account_disabled", CONFIRMED),
    "the directory alone: locked": ((step("probe"),), LOCKED, "account_locked_out", CONFIRMED),
    "the directory alone: expired": ((step("probe"),), EXPIRED, "account_expired", CONFIRMED),
    "the directory alone: smart card": ((step("probe"),), {"smartcard_required": True}, "smartcard_required", LIKELY),
    "1 of an MIT KDC": (refused_user(1), None, "account_expired", CONFIRMED),
}


@pytest.mark.parametrize("name", STATES)
def test_state_of_the_account_is_named(name: str) -> None:
    steps, changes, rule, verdict = STATES[name]
    account = Unknown("nobody may read") if changes is None else replace(ACCOUNT, **changes)
    seen = host(directory=domain(steps=steps, account=account, spns=()))
    found = troubles(seen)
    assert [(finding.cause, finding.rule, finding.verdict) for finding in found] == [("credentials", rule, verdict)]
    assert found[0].because
    assert found[0].remedies


@pytest.mark.parametrize("name", STATES)
def test_answer_of_the_kdc_before_any_host_counts_at_every_host(name: str) -> None:
    steps, changes, rule, verdict = STATES[name]
    if changes is not None:
        return
    skipped = kerberos("not_tried", reason="refused_by_kdc", means="Not tried: the KDC refused the account.")
    assert states(host(skipped, kdc=steps)) == [(rule, verdict)]
    told = of(host(skipped, kdc=steps), "credentials")
    assert all("asked before any host" in fact.where for fact in told.because)


def test_second_realm_that_knows_the_account_is_enough() -> None:
    elsewhere = step("probe", "refused", 6, "svc@CORP.EXAMPLE", realm="CORP.EXAMPLE")
    assert troubles(host(kerberos(), directory=domain(steps=(elsewhere, *GRANTED)))) == []
    assert states(host(kdc=(elsewhere, *refused_user(24)))) == [("wrong_password", CONFIRMED)]


def test_two_states_at_once_are_both_told_and_the_code_is_quoted_once() -> None:
    seen = host(directory=domain(steps=refused_user(18), account=replace(ACCOUNT, **DISABLED, **LOCKED), spns=()))
    assert states(seen) == [("account_disabled", CONFIRMED), ("account_locked_out", CONFIRMED)]
    quoted = [fact for finding in troubles(seen) for fact in finding.because if "refused, 18" in fact.seen]
    assert len(quoted) == 1


def test_lockout_tells_since_when_why_and_until_when() -> None:
    summary = of(host(directory=user(**LOCKED, bad_passwords=3)), "credentials").summary
    for said in ("2026-04-08 22:40 UTC", "until 2026-04-08 23:10 UTC", "badPwdCount is 3 at dc1.lab.test", 'the policy "Default Domain Policy"', "locks at 3"):
        assert said in summary, summary


def test_policy_that_may_be_another_one_foretells_nothing() -> None:
    hidden = replace(ACCOUNT.policy, sure=False)
    summary = of(host(directory=user(**LOCKED, bad_passwords=3, policy=hidden, last_bad_password="2026-04-08T22:39:00Z")), "credentials").summary
    assert "until" not in summary
    assert "badPwdCount is 3 at dc1.lab.test (last at 2026-04-08 22:39 UTC)" in summary
    assert "locks at 3 within 30 minutes, unless a password settings object that may not be read says otherwise" in summary


def test_wrong_password_tells_how_near_the_lockout_is() -> None:
    seen = host(directory=domain(steps=refused_user(24), account=replace(ACCOUNT, bad_passwords=2), spns=()))
    assert "is wrong; badPwdCount is 2 at dc1.lab.test" in of(seen, "credentials").summary


def test_wrong_password_of_an_account_that_nobody_read_may_be_a_smart_card_s() -> None:
    unread = domain(steps=refused_user(24), account=Unknown("not read"), spns=())
    told = of(host(directory=unread), "credentials")
    assert (told.rule, told.verdict) == ("wrong_password", CONFIRMED)
    assert told.summary == "The password of svc@LAB.TEST is wrong. On some controllers an account that needs a smart card ends so too."
    assert "smart card" not in of(host(directory=replace(unread, account=ACCOUNT)), "credentials").summary


@pytest.mark.parametrize(
    ("data", "rule"),
    [(0x525, "no_such_user"), (0x52E, "wrong_password"), (0x530, "logon_hours"), (0x531, "workstations"), (0x532, "password_expired"),
     (0x533, "account_disabled"), (0x701, "account_expired"), (0x773, "password_must_change"), (0x775, "account_locked_out")],
)
def test_refused_bind_alone_is_likely_and_with_the_kdc_confirmed(data: int, rule: str) -> None:
    bind = BindEvidence("dc1.lab.test", 389, "ntlm", "sealed", "refused", "The bind was refused.", account="LAB\\svc", code=49, data=data)
    unread = domain(steps=(step("probe"),), account=Unknown("the bind was refused"), binds=(bind,), spns=())
    assert states(host(directory=unread)) == [(rule, LIKELY)]
    if rule in ("account_disabled", "account_locked_out", "account_expired", "logon_hours"):
        assert states(host(directory=replace(unread, steps=refused_user(18)))) == [(rule, CONFIRMED)]


def test_bind_of_another_account_says_nothing() -> None:
    bind = BindEvidence("dc1.lab.test", 389, "ntlm", "sealed", "refused", "The bind was refused.", account="LAB\\reader", code=49, data=0x775)
    assert troubles(host(directory=domain(binds=(bind,)))) == []


@pytest.mark.parametrize("changes", [DISABLED, LOCKED, EXPIRED, HOURS, {"smartcard_required": True}])
def test_directory_against_the_kdc_s_yes_is_only_possible(changes: dict[str, t.Any]) -> None:
    found = [finding for finding in troubles(host(directory=domain(account=replace(ACCOUNT, **changes)))) if finding.cause == "credentials"]
    assert found
    assert all(finding.verdict in (POSSIBLE, LIKELY) for finding in found)


@pytest.mark.parametrize("changes", [DISABLED, LOCKED, EXPIRED, HOURS, {"must_change": True}, {"workstations": ("A",)}, {"protected_user": True}])
def test_account_that_logs_on_is_left_alone(changes: dict[str, t.Any]) -> None:
    assert troubles(host(kerberos(), directory=domain(account=replace(ACCOUNT, **changes)))) == []


@pytest.mark.parametrize(
    ("changes", "steps", "rule", "verdict"),
    [
        ({"protected_user": True}, GRANTED, "protected_user", CONFIRMED),
        ({"workstations": ("WS01", "WS02")}, GRANTED, "workstations", LIKELY),
        (DISABLED, (step("probe"),), "account_disabled", CONFIRMED),
        (LOCKED, (step("probe"),), "account_locked_out", CONFIRMED),
    ],
)
def test_refusal_by_ntlm_is_explained_by_the_directory(changes: dict[str, t.Any], steps: t.Any, rule: str, verdict: str) -> None:
    found = troubles(host(ntlm(), directory=domain(account=replace(ACCOUNT, **changes), steps=steps), **NTLM))
    assert [(finding.cause, finding.rule, finding.verdict, finding.tied_with) for finding in found] == [("credentials", rule, verdict, ())]


def test_workstations_that_name_this_control_node_stop_nobody() -> None:
    seen = host(ntlm(), directory=domain(account=replace(ACCOUNT, workstations=("CONTROL01",))), **NTLM)
    assert "workstations" not in {finding.rule for finding in troubles(seen)}


def test_local_account_is_none_of_the_directory_s_business() -> None:
    given = domain(account=replace(ACCOUNT, **DISABLED), steps=())
    seen = host(ntlm(kind="local", account="WEB01\\svc"), directory=given, auth=("ntlm",), username="WEB01\\svc")
    assert "account_disabled" not in {finding.rule for finding in troubles(seen)}


def test_ntlm_refused_with_a_password_that_the_kdc_accepts_is_no_wrong_password() -> None:
    seen = host(ntlm(), directory=domain(), **NTLM)
    assert of(seen, "credentials").verdict == RULED_OUT
    assert {finding.cause for finding in troubles(seen)} == {"permissions", "ntlm_blocked", "domain_trust"}
    assert "KDC of LAB.TEST" in of(seen, "permissions").summary


@pytest.mark.parametrize(
    ("typed", "code", "given", "verdict"),
    [
        ("LAB\\svc", 6, domain(), CONFIRMED),
        ("LAB\\svc", 6, domain(account=Unknown("not read"), steps=()), LIKELY),
        ("svc@LAB", 154, domain(account=Unknown("not read"), steps=()), LIKELY),
        ("svc@LAB", 154, domain(account=Unknown("not read"), steps=(step("as", asked_for="svc@LAB", got="svc@LAB.TEST"),)), CONFIRMED),
        ("svc@corp.example", 154, domain(account=replace(ACCOUNT, upn="svc@corp.example"), steps=()), CONFIRMED),
    ],
)
def test_name_that_kerberos_reads_otherwise(typed: str, code: int, given: t.Any, verdict: str) -> None:
    seen = host(kerberos("broken", code, account=typed), directory=given, username=typed)
    found = troubles(seen)
    assert [(finding.cause, finding.rule, finding.verdict) for finding in found] == [("credentials", "name_form", verdict)]
    assert found[0].remedies[0].how.startswith("ansible_user: svc@")


def test_name_in_the_right_form_that_nobody_knows_is_no_matter_of_form() -> None:
    unknown = domain(account=NO_SUCH_ACCOUNT, steps=(step("probe", "refused", 6),), spns=())
    assert states(host(kerberos("broken", 6, account="LAB\\svc"), directory=unknown, username="LAB\\svc")) == [("no_such_user", CONFIRMED)]


def test_other_realm_s_answer_does_not_hide_that_the_typed_one_has_no_kdc() -> None:
    asked = (step("probe", "failed", 154, "svc@WRONG.TEST", realm="WRONG.TEST"), step("probe", "refused", 6, "svc@WRONG.TEST"))
    seen = host(kerberos("broken", 154), kdc=asked, username="svc@WRONG.TEST")
    assert [(finding.cause, finding.rule) for finding in troubles(seen)] == [("credentials", "no_such_user"), ("control_node", "no_kdc")]


# --- who owns the name ---
ELSEWHERE = domain(other_computer=OTHER)
SHORT = spn(HOST, name="WSMAN/web01")
NAMES: dict[str, tuple[Case, str, str, str, tuple[str, ...]]] = {
    "missing": (host(directory=domain(steps=refused_ticket(), spns=(spn(),), computer=replace(COMPUTER, spns=()))), "spn", "missing", CONFIRMED, ()),
    "missing, by the logon": (
        host(kerberos("broken", 7), directory=domain(steps=(), spns=(spn(),), computer=replace(COMPUTER, spns=()))), "spn", "missing", CONFIRMED, (),
    ),
    "missing, no KDC asked": (host(directory=domain(steps=(), spns=(spn(),), computer=replace(COMPUTER, spns=()))), "spn", "missing", LIKELY, ()),
    "7 and nobody looked": (host(directory=domain(steps=refused_ticket(), spns=())), "spn", "s_principal_unknown", CONFIRMED, ()),
    "duplicate": (host(directory=domain(steps=refused_ticket(), spns=(spn(HOST, SERVICE),))), "spn", "duplicate", CONFIRMED, ()),
    "duplicate told as 8": (host(directory=domain(steps=refused_ticket(8), spns=(spn(HOST, SERVICE),))), "spn", "duplicate", CONFIRMED, ()),
    "duplicate, no KDC asked": (host(directory=domain(steps=(), spns=(spn(HOST, SERVICE),))), "spn", "duplicate", LIKELY, ()),
    "duplicate HOST": (
        host(directory=domain(steps=(step("as"), step("tgs", "refused", 7, "HTTP/web01.lab.test", own=True)),
                              spns=(spn(name="HTTP/web01.lab.test", covered=(HOST, STRANGER)),)), spn_service="HTTP", connection="winrm"),
        "spn", "duplicate", CONFIRMED, (),
    ),
    "only HOST": (
        host(directory=domain(steps=refused_ticket(), spns=(spn(),), computer=replace(COMPUTER, spns=("HOST/web01.lab.test", "HOST/WEB01")))),
        "spn", "only_host", CONFIRMED, (),
    ),
    "short name alone": (
        host(directory=domain(steps=refused_ticket(), spns=(spn(), SHORT), computer=replace(COMPUTER, spns=("WSMAN/WEB01",)))),
        "spn", "short_name_only", CONFIRMED, (),
    ),
    "full name alone": (
        host(directory=domain(steps=(step("as"), step("tgs", "refused", 7, "WSMAN/web01", own=True)),
                              spns=(spn(name="WSMAN/web01"), spn(HOST))), host="web01"),
        "spn", "full_name_only", CONFIRMED, (),
    ),
    "address": (
        host(directory=domain(steps=(step("as"), step("tgs", "refused", 7, f"WSMAN/{ADDRESS}", own=True)), spns=(spn(name=f"WSMAN/{ADDRESS}"),)), host=ADDRESS),
        "spn", "address", CONFIRMED, (),
    ),
    "alias": (
        host(directory=domain(steps=(step("as"), step("tgs", "refused", 7, "WSMAN/portal.lab.test", own=True)), spns=(spn(name="WSMAN/portal.lab.test"),)),
             host="portal.lab.test", names=NameEvidence("portal.lab.test", system=(ADDRESS,), dns=(ADDRESS,), canonical="web01.lab.test")),
        "spn", "alias", CONFIRMED, (),
    ),
    "renamed": (
        host(directory=domain(steps=(step("as"), step("tgs", "refused", 7, "WSMAN/old.lab.test", own=True)), spns=(spn(name="WSMAN/old.lab.test"),),
                              computer=NO_SUCH_ACCOUNT, other_computer=COMPUTER), host="old.lab.test"),
        "spn", "other_name", CONFIRMED, (),
    ),
    # All three end in 41.
    "wrong owner": (host(kerberos("refused", 41), directory=domain(spns=(spn(SERVICE),))), "spn", "wrong_owner", CONFIRMED, ()),
    "wrong owner, a computer": (host(kerberos("refused", 41), directory=domain(spns=(spn(STRANGER),))), "spn", "wrong_owner", CONFIRMED, ()),
    "wrong owner, told by MIT": (host(kerberos("refused", 44), directory=domain(spns=(spn(SERVICE),))), "spn", "wrong_owner", CONFIRMED, ()),
    "wrong owner, no logon tried": (host(directory=domain(spns=(spn(SERVICE),))), "spn", "wrong_owner", LIKELY, ()),
    "wrong owner, nobody says who answers": (
        host(kerberos("refused", 41), directory=domain(spns=(spn(STRANGER),)), answers=""), "spn", "wrong_owner", CONFIRMED, (),
    ),
    "stale password": (host(kerberos("refused", 41), directory=domain()), "domain_trust", "stale_password", LIKELY, ()),
    "stale password, old": (
        host(kerberos("refused", 41), directory=domain(computer=replace(COMPUTER, password_days=400.0))), "domain_trust", "stale_password", LIKELY, (),
    ),
    "another host answers": (host(kerberos("refused", 41), directory=ELSEWHERE, answers="WEB02"), "network", "other_host", CONFIRMED, ()),
    "another host answers, no logon tried": (host(directory=ELSEWHERE, answers="WEB02"), "network", "other_host", LIKELY, ()),
    "nobody says who answers": (
        host(kerberos("refused", 41), directory=domain(), answers=""), "domain_trust", "stale_password", LIKELY, ("network",),
    ),
    "41 and nobody looked": (host(kerberos("refused", 41), directory=domain(spns=())), "spn", "modified", LIKELY, ("domain_trust",)),
    "SPN of another, or DNS": (
        host(kerberos("refused", 41), directory=domain(computer=replace(COMPUTER, found_by="servicePrincipalName"), other_computer=OTHER), answers="WEB02"),
        "spn", "wrong_owner", LIKELY, ("network",),
    ),
    "computer disabled": (
        host(ntlm(), directory=domain(computer=replace(COMPUTER, enabled=False)), **NTLM), "domain_trust", "computer_disabled", CONFIRMED, (),
    ),
    "computer disabled, no logon": (host(directory=domain(computer=replace(COMPUTER, enabled=False))), "domain_trust", "computer_disabled", LIKELY, ()),
    "computer missing": (
        host(kerberos("broken", 7), directory=domain(steps=refused_ticket(), spns=(spn(),), computer=NO_SUCH_ACCOUNT)),
        "domain_trust", "computer_missing", CONFIRMED, (),
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_owner_of_the_name_decides(name: str) -> None:
    seen, cause, rule, verdict, tied = NAMES[name]
    found = troubles(seen)
    assert (found[0].cause, found[0].rule, found[0].verdict, found[0].tied_with) == (cause, rule, verdict, tied)
    assert found[0].because
    assert found[0].remedies or found[0].next_check
    known = {finding.cause: finding for finding in found}
    for other in tied:
        assert cause in known[other].tied_with


@pytest.mark.parametrize("name", [name for name in NAMES if "nobody" not in name])
def test_what_the_directory_decides_is_said_once(name: str) -> None:
    seen, cause, rule, _verdict, tied = NAMES[name]
    assert {finding.cause for finding in troubles(seen)} == {cause, *tied}, rule


def test_owner_who_is_the_computer_acquits_the_name() -> None:
    assert (of(host(directory=domain()), "spn").rule, of(host(directory=domain()), "spn").verdict) == ("owned", RULED_OUT)
    assert of(host(kerberos("refused", 41), directory=domain()), "spn").verdict == RULED_OUT


def test_missing_name_is_registered_by_a_task_and_only_host_may_be_asked_otherwise() -> None:
    found = of(NAMES["only HOST"][0], "spn")
    assert found.remedies[0].how == f'ansible web01 -m winrm.doctor.spn -a "spns={SPN} state=present"'
    assert "domain_username and domain_password of somebody who may" in found.remedies[0].do
    assert found.remedies[1].how == "ansible_psrp_negotiate_service: HTTP"


def test_alias_is_registered_on_the_computer_that_answers() -> None:
    how = of(NAMES["alias"][0], "spn").remedies[-1].how
    assert how == 'ansible web01 -m winrm.doctor.spn -a "account=WEB01$ spns=WSMAN/portal.lab.test state=present"'


def test_owner_whose_name_would_be_read_as_options_is_not_put_into_a_command() -> None:
    evil = replace(SERVICE, name="x state=absent spns=HOST/dc1")
    found = of(host(directory=domain(steps=refused_ticket(), spns=(spn(HOST, evil),))), "spn")
    assert found.rule == "duplicate"
    assert evil.name in found.summary
    assert [remedy.how for remedy in found.remedies if "HOST/dc1" in remedy.how] == []


def test_spn_that_one_domain_of_several_lacks_may_be_another_ones() -> None:
    seen = host(directory=domain(steps=refused_ticket(), spns=(replace(spn(), only_in="lab.test"),), computer=replace(COMPUTER, spns=())))
    found = of(seen, "spn")
    assert (found.rule, found.verdict) == ("missing", LIKELY)
    assert found.summary == (
        f"No account of lab.test, where alone it was looked for, carries {SPN}, so no KDC can make a ticket for it unless another domain has it."
    )


@pytest.mark.parametrize("name", ["missing", "duplicate", "only HOST", "wrong owner, no logon tried"])
def test_negotiate_falls_back_so_the_name_is_only_possible_before_a_logon(name: str) -> None:
    seen, cause, rule, _verdict, _tied = NAMES[name]
    found = troubles(replace(seen, target=replace(seen.target, auth=("negotiate",))))
    assert [(finding.cause, finding.rule, finding.verdict) for finding in found] == [(cause, rule, POSSIBLE)]


def test_negotiate_that_works_by_ntlm_makes_no_finding_of_a_missing_name() -> None:
    steps = refused_ticket()
    seen = host(kerberos("broken", 7), ntlm("accepted", method="negotiate"), directory=domain(steps=steps, spns=(spn(),)), **NEGOTIATE)
    assert troubles(seen) == []


def test_name_and_ntlm_both_at_fault_are_both_told() -> None:
    blocked = replace(NAMES["only HOST"][0], logon=host(kerberos("broken", 7), ntlm(method="negotiate", account=USER)).logon)
    found = troubles(replace(blocked, target=replace(blocked.target, auth=("negotiate",))))
    assert (found[0].cause, found[0].rule) == ("spn", "only_host")
    assert "ntlm_blocked" in {finding.cause for finding in found}


def test_ticket_refused_by_a_host_with_a_disabled_account_may_have_another_reason() -> None:
    found = troubles(host(kerberos("refused"), directory=domain(computer=replace(COMPUTER, enabled=False))))
    assert (found[0].cause, found[0].rule, found[0].verdict) == ("domain_trust", "computer_disabled", LIKELY)
    assert "permissions" in {finding.cause for finding in found}


def test_remedy_that_the_directory_knows_to_be_none_is_not_proposed() -> None:
    both = domain(spns=(spn(SERVICE), spn(SERVICE, name="HTTP/web01.lab.test")))
    assert [remedy.risk for remedy in of(host(kerberos("refused", 41), directory=both), "spn").remedies] == ["high"]


@pytest.mark.parametrize("code", [7, 8])
def test_code_without_a_directory_names_the_own_spn_and_what_to_do(code: int) -> None:
    found = of(host(directory=domain(steps=refused_ticket(code), spns=(), account=Unknown("closed"), computer=Unknown("closed"))), "spn")
    assert found.next_check.startswith(f"setspn -Q {SPN} on a domain member")
    assert "troubleshoot_domain_username" in found.next_check
    assert [remedy.how for remedy in found.remedies] == [
        f'ansible web01 -m winrm.doctor.spn -a "spns={SPN} state=present"',
        f'ansible web01 -m winrm.doctor.spn -a "account=ACCOUNT spns={SPN} state=absent"',
    ]


def test_ticket_of_another_key_without_a_directory_is_moved_where_the_owner_is_wrong() -> None:
    found = of(host(kerberos("refused", 41), directory=domain(spns=())), "spn")
    assert [remedy.how for remedy in found.remedies] == [f'ansible web01 -m winrm.doctor.spn -a "spns={SPN} state=present force_move=true"']


def test_all_names_that_are_double_are_taken_at_once() -> None:
    both = (spn(HOST, SERVICE), spn(HOST, SERVICE, name="WSMAN/web01"), spn(HOST, STRANGER, name="HTTP/web01"), spn(SERVICE, name="HTTP/app"))
    found = of(host(directory=domain(steps=refused_ticket(), spns=both)), "spn")
    assert [remedy.how for remedy in found.remedies] == [f'ansible web01 -m winrm.doctor.spn -a "account=svc-web spns={SPN},WSMAN/web01 state=absent"']


def test_account_that_is_gone_is_restored_or_the_host_joined_anew() -> None:
    remedies = of(NAMES["computer missing"][0], "domain_trust").remedies
    assert remedies[0].how == "Get-ADObject -Filter 'sAMAccountName -eq \"WEB01$\"' -IncludeDeletedObjects | Restore-ADObject"
    assert remedies[1].how == "Remove-Computer -Restart, then Add-Computer -DomainName lab.test -Restart"


def test_disabled_computer_is_said_to_get_no_ticket_only_where_a_kdc_says_so() -> None:
    """Samba makes tickets for a disabled computer."""
    off = replace(COMPUTER, enabled=False)
    assert "ticket" not in of(host(ntlm(), directory=domain(computer=off), **NTLM), "domain_trust").summary
    assert "the KDC makes no ticket" in of(host(kerberos("broken", 7), directory=domain(computer=off, steps=refused_ticket())), "domain_trust").summary


# --- NTLM alone is refused ---
UNREAD: dict[str, t.Any] = {"account": Unknown("closed"), "computer": Unknown("closed"), "spns": ()}
BY_TICKET = kerberos("accepted", own=False)


def test_ntlm_refused_and_kerberos_accepted_is_tied_with_the_account_until_the_directory_is_read() -> None:
    found = troubles(host(ntlm(), BY_TICKET, directory=domain(**UNREAD), **NTLM))
    assert [(finding.cause, finding.rule, finding.verdict) for finding in found] == [
        ("ntlm_blocked", "other_method_works", POSSIBLE), ("credentials", "restricted", POSSIBLE), ("domain_trust", "suspected", POSSIBLE),
    ]
    assert found[0].tied_with == ("credentials", "domain_trust")
    assert "troubleshoot_domain_username" in found[0].next_check
    read = troubles(host(ntlm(), BY_TICKET, directory=domain(), **NTLM))
    assert [(finding.cause, finding.verdict, finding.tied_with) for finding in read] == [("ntlm_blocked", LIKELY, ())]


def test_host_that_refuses_ticket_and_ntlm_alike_does_not_block_ntlm() -> None:
    seen = host(ntlm(), kerberos("refused", own=False), directory=domain(), **NTLM)
    assert {finding.cause for finding in troubles(seen)} == {"permissions", "domain_trust"}
    assert not any("Kerberos instead" in remedy.do for finding in troubles(seen) for remedy in finding.remedies)


def test_list_of_workstations_is_mended_before_another_way_is_proposed() -> None:
    seen = host(ntlm(), directory=domain(account=replace(ACCOUNT, workstations=("WS01", "WS02"))), **NTLM)
    remedies = of(seen, "credentials").remedies
    assert remedies[0].how == "Set-ADUser svc -LogonWorkstations 'WS01,WS02,CONTROL01'"
    assert [remedy.do.split()[1] for remedy in remedies[1:]] == ["use", "try"]


# --- clocks ---
def clocked(offset: float, **changes: t.Any) -> t.Any:
    return domain(controllers=(replace(DC, clocks=(ClockEvidence("kdc", offset, 0.02),)),), **changes)


@pytest.mark.parametrize(
    ("seen", "rule", "verdict"),
    [
        (host(kerberos("refused", 37), directory=domain(), clock=600.0), "host_clock", CONFIRMED),
        (host(kerberos("refused", 33), directory=domain(), clock=-600.0), "host_clock", CONFIRMED),
        (host(directory=domain(), clock=600.0), "host_clock", LIKELY),
        (host(directory=domain(), clock=600.0, **NTLM), "host_clock", POSSIBLE),
        (host(kerberos("refused", 37), directory=clocked(-600.0)), "domain_clock", CONFIRMED),
        (host(directory=clocked(600.0)), "domain_clock", LIKELY),
        (host(directory=clocked(600.0), clock=-600.0), "clocks_apart", LIKELY),
        (host(directory=clocked(600.0), clock=600.0), "agrees", RULED_OUT),
        (host(directory=clocked(600.0), clock=600.0, controller=control(kdc_timesync="0")), "control_node_clock", LIKELY),
        (host(directory=domain()), "agrees", RULED_OUT),
        (host(kerberos("refused", 37), directory=domain()), "skew", LIKELY),
        (host(clock=600.0), "offset", LIKELY),
        (host(), "agrees", "unknown"),
    ],
)
def test_who_stands_alone_of_three_clocks_is_wrong(seen: Case, rule: str, verdict: str) -> None:
    found = of(seen, "time_skew")
    assert (found.rule, found.verdict) == (rule, verdict)


# --- trusts ---
CAROL = {"username": "carol@OTHER.TEST"}


def across(code: int, *trusts: TrustEvidence, unread: bool = False, **changes: t.Any) -> Case:
    """carol of OTHER.TEST at a host of lab.test; OTHER.TEST was asked."""
    steps = (step("as", asked_for="carol@OTHER.TEST", realm="OTHER.TEST"),
             step("tgs", "failed" if code > 127 else "refused", code, SPN, own=True, realm="OTHER.TEST", **changes))
    known = Unknown("not read") if unread else trusts
    account = replace(ACCOUNT, name="carol", upn="carol@other.test", domain="other.test")
    unread_host = {"spns": (), "computer": Unknown("not read")}
    return host(directory=domain(domain="other.test", host_domain="lab.test", steps=steps, account=account, trusts=known, **unread_host), **CAROL)


BOTH = TrustEvidence("lab.test", "LAB", "both", "active_directory", ("forest_transitive",))
TRUSTS: dict[str, tuple[Case, str, str, tuple[str, ...]]] = {
    "no trust": (across(7), "no_trust", CONFIRMED, ()),
    "the wrong way": (across(7, replace(BOTH, direction="outbound")), "one_way", CONFIRMED, ()),
    "switched off": (across(7, replace(BOTH, direction="disabled")), "trust_disabled", CONFIRMED, ()),
    "other keys": (across(31, BOTH), "trust_key", CONFIRMED, ()),
    "selective, by its status": (across(12, BOTH, status=0xC0000413), "selective_authentication", CONFIRMED, ()),
    "selective, by its attribute": (across(12, replace(BOTH, attributes=("cross_organization",))), "selective_authentication", LIKELY, ()),
    "no KDC of the other side": (across(156, BOTH), "partner_unreachable", LIKELY, ("network",)),
    "trusts not read": (across(7, unread=True), "other_realm", LIKELY, ("spn",)),
}


@pytest.mark.parametrize("name", TRUSTS)
def test_way_between_two_domains(name: str) -> None:
    seen, rule, verdict, tied = TRUSTS[name]
    found = troubles(seen)
    assert (found[0].cause, found[0].rule, found[0].verdict, found[0].tied_with) == ("domain_trust", rule, verdict, tied)
    assert {finding.cause for finding in found} == {"domain_trust", *tied}


@pytest.mark.parametrize(
    ("name", "how"), [("no trust", "/add"), ("the wrong way", "/add"), ("other keys", "/reset"), ("trusts not read", "/add or /reset")],
)
def test_remedy_of_a_trust_repairs_and_does_not_only_verify(name: str, how: str) -> None:
    found = of(TRUSTS[name][0], "domain_trust")
    assert found.remedies[-1].how == f"netdom trust lab.test /domain:other.test {how}"
    assert "/verify" in found.next_check


def test_answer_that_was_got_twice_on_the_way_is_quoted_once() -> None:
    seen = across(7, unread=True)
    given = t.cast("t.Any", seen.directory)
    quoted = [fact.seen for fact in of(replace(seen, directory=replace(given, steps=(*given.steps, given.steps[-1]))), "domain_trust").because]
    assert len(quoted) == len(set(quoted))


def test_trust_seen_from_the_host_s_side() -> None:
    seen = across(7)
    given = t.cast("t.Any", seen.directory)
    partner = TrustEvidence("other.test", "OTHER", "inbound")
    assert troubles(replace(seen, directory=replace(given, domain="lab.test", trusts=(partner,))))[0].rule == "one_way"


def test_host_that_refuses_a_ticket_has_got_one_so_no_trust_is_to_blame() -> None:
    for code in (7, 31, 35, 60):
        found = troubles(host(kerberos("refused", code, account="carol@other.test"), username="carol@other.test", directory=NOT_ASKED))
        assert not {finding.rule for finding in found}.intersection(("trust_key", "no_trust", "other_realm")), code


def test_suffix_alone_is_no_domain_without_a_trust() -> None:
    """A user principal name may end in any text, so it takes a KDC or the directory to say where the account lives."""
    seen = host(kerberos("broken", 7), directory=domain(steps=(), spns=(), trusts=(), account=Unknown("not read")), username="svc@corp.example")
    assert [(finding.rule, finding.verdict) for finding in troubles(seen)] == [("other_realm", LIKELY), ("other_realm", LIKELY)]


# --- namesakes ---
ALICE = {"username": "svc@corp.example", "auth": ("ntlm",)}


def test_account_of_that_name_in_another_domain_is_another_person() -> None:
    stranger = replace(ACCOUNT, upn="svc@lab.test", **DISABLED)
    refused = ntlm("refused", account="svc@corp.example")
    assert states(host(refused, directory=domain(steps=(), account=stranger), **ALICE)) == [("refused", POSSIBLE)]
    known = replace(stranger, upn="SVC@corp.example")
    assert states(host(refused, directory=domain(steps=(), account=known), **ALICE)) == [("account_disabled", CONFIRMED)]


def test_account_is_known_by_the_netbios_name_that_the_forest_has_for_its_domain() -> None:
    way, refused = {"username": "CORP\\svc", "auth": ("ntlm",)}, ntlm("refused", account="CORP\\svc")
    off = replace(ACCOUNT, netbios_domain="corp", **DISABLED)
    assert states(host(refused, directory=domain(steps=(), account=off), **way)) == [("account_disabled", CONFIRMED)]
    other = replace(off, netbios_domain="kingdom")
    assert states(host(refused, directory=domain(steps=(), account=other), **way)) == [("refused", POSSIBLE)]


@pytest.mark.parametrize("username", ["svc@corp.example", "CORP\\svc", "other.test\\svc"])
def test_account_that_this_domain_lacks_may_live_in_another(username: str) -> None:
    way = {"username": username, "auth": ("ntlm",)}
    assert states(host(ntlm("refused", account=username), directory=domain(steps=(), account=NO_SUCH_ACCOUNT), **way)) == [("refused", POSSIBLE)]


def test_account_that_a_kdc_knows_is_there_whatever_one_domain_says() -> None:
    known = (step("probe", realm="CHILD.LAB.TEST"), step("as", realm="CHILD.LAB.TEST"))
    assert "no_such_user" not in {rule for rule, _verdict in states(host(ntlm(), directory=domain(steps=known, account=NO_SUCH_ACCOUNT), **NTLM))}


def test_computer_that_shares_the_first_label_alone_is_another_one() -> None:
    twin = replace(COMPUTER, enabled=False, dns_host_name="web01.old.test", found_by="sAMAccountName")
    for seen in (
        host(kerberos("broken", 7), directory=domain(computer=twin, steps=refused_ticket()), answers="", host="web01.dmz.example"),
        host(ntlm(), directory=domain(computer=twin), answers="WEB02", **{**NTLM, "host": "web01.dmz.example"}),
    ):
        assert "computer_disabled" not in {finding.rule for finding in troubles(seen)}
    assert troubles(host(ntlm(), directory=domain(computer=twin), **{**NTLM, "host": "web01.dmz.example"}))[0].rule == "computer_disabled", "it says so itself"


def test_conversation_that_breaks_off_does_not_convict_a_disabled_computer() -> None:
    seen = host(ntlm("broken", used=False), directory=domain(computer=replace(COMPUTER, enabled=False)), **NTLM)
    assert next(finding.verdict for finding in troubles(seen) if finding.rule == "computer_disabled") == POSSIBLE


def test_wrong_password_does_not_convict_a_disabled_computer() -> None:
    seen = host(kerberos("broken", 24), directory=domain(steps=refused_user(24), computer=replace(COMPUTER, enabled=False), spns=()))
    assert {finding.rule: finding.verdict for finding in troubles(seen)} == {"wrong_password": CONFIRMED, "computer_disabled": LIKELY}


def test_computer_that_may_only_be_hidden_is_likely_to_be_missing() -> None:
    seen = host(ntlm(), directory=domain(computer=NO_SUCH_ACCOUNT), **NTLM)
    assert next(finding.verdict for finding in troubles(seen) if finding.rule == "computer_missing") == LIKELY


def test_name_that_netbios_cut_off_is_not_anybody_else_s() -> None:
    twin = replace(COMPUTER, name="WEBSERVER-PROD-$", dns_host_name="webserver-prod-01.lab.test", found_by="sAMAccountName", enabled=False)
    for name in ("webserver-prod-02", "webserver-prod-02.lab.test"):
        assert "computer_disabled" not in {finding.rule for finding in troubles(host(ntlm(), directory=domain(computer=twin), **{**NTLM, "host": name}))}


def test_node_that_answers_under_its_cluster_s_name_is_no_other_host() -> None:
    """Whichever node owns the name has its key, and calls itself by its own name."""
    cluster = replace(COMPUTER, spns=("MSClusterVirtualServer/web01.lab.test", *COMPUTER.spns))
    seen = domain(computer=cluster, other_computer=OTHER)
    assert troubles(host(directory=seen, answers="WEB02")) == []
    assert troubles(host(kerberos("refused", 41), directory=seen, answers="WEB02"))[0].rule == "other_host"


# --- encryption types ---
@pytest.mark.parametrize(
    ("seen", "rule", "verdict", "tied"),
    [
        (host(directory=domain(steps=refused_ticket(14), computer=replace(COMPUTER, encryption_types=4))), "computer_rc4_only", CONFIRMED, ()),
        (host(directory=domain(steps=refused_user(14), account=replace(ACCOUNT, encryption_types=4))), "account_rc4_only", CONFIRMED, ()),
        (host(directory=domain(steps=refused_user(14), account=replace(ACCOUNT, des_only=True))), "account_des_only", CONFIRMED, ()),
        (host(directory=domain(steps=refused_user(14)), controller=control(permitted_enctypes="arcfour-hmac")), "client_enctypes", LIKELY, ("control_node",)),
        (host(directory=domain(steps=refused_ticket(14))), "etype_nosupp", CONFIRMED, ()),
        (host(directory=domain(steps=refused_ticket(14), computer=replace(COMPUTER, encryption_types=0x84))), "etype_nosupp", CONFIRMED, ()),
        (host(directory=domain(steps=(), account=replace(ACCOUNT, encryption_types=4)), controller=control(permitted_enctypes="aes256-cts")),
         "account_rc4_only", LIKELY, ()),
        (host(directory=domain(account=replace(ACCOUNT, encryption_types=4))), "agreed", RULED_OUT, ()),
    ],
)
def test_side_that_has_too_few_types(seen: Case, rule: str, verdict: str, tied: tuple[str, ...]) -> None:
    found = of(seen, "encryption_types")
    assert (found.rule, found.verdict, found.tied_with) == (rule, verdict, tied)


# --- the way to a KDC ---
def unreached(code: int | None, *ports: PortEvidence, outcome: str = "failed", **changes: t.Any) -> t.Any:
    controllers = (replace(DC, ports=ports, clocks=()),) if ports else ()
    nothing = {"account": Unknown("no controller answers"), "computer": Unknown("no controller answers"), "spns": ()}
    return domain(**{"steps": (step("probe", outcome, code),), "controllers": controllers, **nothing, **changes})


def port(number: int, state: str) -> PortEvidence:
    return PortEvidence("192.0.2.1", number, state, 3.0)


@pytest.mark.parametrize(
    ("seen", "cause", "rule", "verdict", "tied"),
    [
        (host(directory=unreached(154, srv=()), controller=replace(control(), kerberos=replace(control().kerberos, realms=()))),  # type: ignore[type-var]
         "control_node", "no_kdc", CONFIRMED, ()),
        (host(directory=unreached(154, srv=Unknown("time-out")), controller=replace(control(), kerberos=Unknown("not asked"))),
         "control_node", "no_kdc", LIKELY, ()),
        (host(kerberos("broken", 156), directory=unreached(156, port(88, "filtered"), port(389, "open"))), "firewall", "kdc_dropped", LIKELY, ()),
        (host(directory=unreached(None, port(88, "refused"), port(389, "refused"))), "network", "kdc_refused", LIKELY, ()),
        (host(directory=unreached(156, port(88, "unreachable"))), "network", "kdc_no_route", LIKELY, ()),
        (host(directory=unreached(156, port(88, "filtered"), port(389, "filtered"))), "network", "kdc_silent", POSSIBLE, ("firewall",)),
        (host(kerberos("broken", 156)), "network", "kdc_unreached", LIKELY, ("firewall",)),
        (host(kerberos("broken", 220)), "network", "kdc_unresolved", CONFIRMED, ()),
        (host(kerberos("broken", 156), directory=domain(steps=(step("probe"), step("as", "failed", 156))), controller=control()),
         "control_node", "wrong_kdc", LIKELY, ()),
    ],
)
def test_kdc_that_does_not_answer(seen: Case, cause: str, rule: str, verdict: str, tied: tuple[str, ...]) -> None:
    found = troubles(seen)
    assert (found[0].cause, found[0].rule, found[0].verdict) == (cause, rule, verdict)
    assert {finding.cause for finding in leading(evaluate_all(seen, NOW))} == {cause, *tied}


NOWHERE = replace(control(), kerberos=replace(control(dns_lookup_kdc="true").kerberos, realms=()))  # type: ignore[type-var]
FORBIDDEN = replace(control(), kerberos=replace(control(dns_lookup_kdc="false").kerberos, realms=()))  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("seen", "do", "how"),
    [
        (host(directory=unreached(154, srv=()), controller=NOWHERE), "Or have the domain controllers register their SRV records anew", "nltest /dsregdns"),
        (host(directory=unreached(154, srv=()), controller=FORBIDDEN), "Or let the control node find it in DNS", "dns_lookup_kdc = true"),
        (host(directory=replace(unreached(154), controllers=(replace(DC, name="gone.lab.test", address="", ports=(), clocks=()),)), controller=NOWHERE),
         "Or correct the SRV record that names gone.lab.test, or give that name its address", "nltest /dsregdns"),
    ],
)
def test_dns_that_is_asked_already_is_what_has_to_be_repaired(seen: Case, do: str, how: str) -> None:
    found = of(seen, "control_node")
    assert found.rule == "no_kdc"
    assert found.remedies[1].do == do
    assert how in found.remedies[1].how
    assert ("dns_lookup_kdc = true" in " ".join(remedy.how for remedy in found.remedies)) == (how == "dns_lookup_kdc = true")


def test_silence_of_a_few_controllers_is_not_said_of_all() -> None:
    ports = (port(88, "filtered"), port(389, "open"))
    tried = [replace(DC, name=f"dc{number}.lab.test", ports=ports, clocks=()) for number in range(6)]
    named = [replace(DC, name=f"dc{number}.lab.test", address="", ports=(), clocks=()) for number in range(6, 20)]
    found = of(host(kerberos("broken", 156), directory=unreached(156, *ports, controllers=(*tried, *named))), "firewall")
    assert found.summary == (
        "Port 88 of dc0.lab.test, dc1.lab.test, dc2.lab.test, dc3.lab.test and 2 more, of the 20 controllers that are known, is silent although the machine "
        "is alive: a firewall seems to drop Kerberos."
    )


def test_kdc_that_does_not_answer_stops_nobody_who_has_ntlm() -> None:
    assert troubles(host(directory=unreached(156, port(88, "filtered"), port(389, "open")), **NTLM)) == []
    assert troubles(host(ntlm("accepted", method="negotiate"), directory=unreached(154, srv=()), **NEGOTIATE)) == []


def test_reverse_dns_that_changes_the_name_is_this_machine_s_fault() -> None:
    steps = (step("as"), step("tgs", "refused", 7, SPN, own=True, sent="WSMAN/gone.lab.test"))
    names = NameEvidence("web01.lab.test", system=(ADDRESS,), dns=(ADDRESS,), reverse=(ReverseName(ADDRESS, ("gone.lab.test",)),))
    found = troubles(host(directory=domain(steps=steps), names=names, controller=control(rdns="true")))
    assert [(finding.cause, finding.rule, finding.verdict) for finding in found] == [("control_node", "reverse_dns", CONFIRMED)]


# --- health ---
@pytest.mark.parametrize("connection", ["psrp", "winrm"])
@pytest.mark.parametrize("auth", [("kerberos",), ("negotiate",), ("ntlm",)])
def test_healthy_domain_makes_no_finding(connection: str, auth: tuple[str, ...]) -> None:
    way = {"connection": connection, "auth": auth}
    if connection == "winrm":
        steps = (step("probe"), step("as"), step("tgs", asked_for="HTTP/web01.lab.test", own=True))
        given = domain(steps=steps, spns=(spn(name="HTTP/web01.lab.test", covered=(HOST,)),))
        assert troubles(host(directory=given, spn_service="HTTP", **way)) == []
    assert troubles(host(directory=domain(), **way)) == []


def test_directory_that_could_not_be_read_is_no_finding() -> None:
    assert troubles(host(directory=Unknown("no controller answers"))) == []
    nothing = {name: Unknown("the bind was refused") for name in ("account", "computer", "trusts")}
    assert troubles(host(kerberos(), directory=domain(spns=(), **nothing))) == []


def test_undecided_cause_says_that_the_directory_would_tell() -> None:
    summary = of(host(kerberos("refused")), "encryption_types").summary
    assert summary == "Not decided; the vantage point directory would tell."


def test_undecided_cause_says_why_the_directory_was_left_out() -> None:
    left_out = host(kerberos(), directory=Unknown("not asked: the logon works"))
    assert of(left_out, "spn").summary == "Not decided; the directory was not asked: the logon works."
    both = of(replace(left_out, logon=NOT_ASKED), "spn").summary
    assert both == "Not decided; the vantage point logon would tell, and the directory was not asked: the logon works."
