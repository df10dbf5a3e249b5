# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a logon tells: codes name, experiments decide, and what one attempt cannot separate stays tied."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all, leading
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.controller import CryptoEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import AttemptEvidence, LocalFailure, TokenEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, TROUBLE, Finding
from cases import CERTIFICATE, LIBRARIES, NOW, attempt, case, door, leg, logon, rung

NTLM = ("ntlm",)
PLAIN = {"scheme": "http", "port": 5985, "binding": "", "sealed": True}
UNUSED = {"used": False}


def findings(seen: Case) -> dict[str, Finding]:
    return {finding.cause: finding for finding in evaluate_all(seen, NOW)}


def first(seen: Case) -> Finding | None:
    return next(iter(leading(evaluate_all(seen, NOW))), None)


def troubles(seen: Case) -> list[str]:
    return [finding.cause for finding in evaluate_all(seen, NOW) if finding.verdict in TROUBLE]


def coded(kind: str, code: int, outcome: str = "refused", **changes: t.Any) -> AttemptEvidence:
    """An attempt whose last answer carries a code."""
    told = rung("authenticate", "denied", leg(401, token=TokenEvidence("credssp_tls"), answer=TokenEvidence(kind, code=code)))
    return replace(attempt(outcome), rungs=(told,), **changes)


def test_working_logon_rules_out_what_it_disproves() -> None:
    known = findings(case(auth=NTLM, logon=logon(attempt())))
    for cause in ("credentials", "permissions", "channel_binding", "message_encryption", "ntlm_blocked", "quota", "token_size", "certificate", "network"):
        assert known[cause].verdict == RULED_OUT, cause
    assert troubles(case(auth=NTLM, logon=logon(attempt()))) == []


@pytest.mark.parametrize(
    ("given", "suspects"),
    [
        (attempt("refused"), {"credentials", "permissions", "channel_binding", "ntlm_blocked", "domain_trust"}),
        (attempt("refused", **PLAIN), {"credentials", "permissions", "ntlm_blocked", "domain_trust"}),
        (attempt("refused", kind="local", **PLAIN), {"credentials", "permissions", "ntlm_blocked"}),
        (attempt("refused", proven=True, proven_by="web02"), {"permissions", "channel_binding", "ntlm_blocked", "domain_trust"}),
        (attempt("refused", method="basic", mechanism="", binding="", kind="local"), {"credentials", "permissions"}),
        (attempt("refused", method="basic", mechanism="", binding="", kind="domain"), {"credentials", "permissions", "domain_trust", "service_config"}),
        (attempt("refused", method="kerberos", mechanism="kerberos"), {"credentials", "permissions", "channel_binding"}),
    ],
)
def test_bare_401_ties_all_that_ends_in_one(given: AttemptEvidence, suspects: set[str]) -> None:
    everything = (door(given.scheme, schemes=("Negotiate", "Kerberos", "Basic")),)
    seen = case(given.scheme, auth=(given.method,), doors=everything, logon=logon(given))
    known = findings(seen)
    assert set(troubles(seen)) == suspects
    for cause in suspects:
        assert known[cause].verdict in (POSSIBLE, LIKELY)
        assert set(known[cause].tied_with) == suspects - {cause}
        assert known[cause].next_check


def test_wrong_password_is_never_said_without_proof() -> None:
    for given in (attempt("refused"), attempt("refused", **PLAIN), attempt("refused", method="basic", mechanism="", binding="")):
        known = findings(case("http" if given.scheme == "http" else "https", auth=(given.method,), logon=logon(given)))["credentials"]
        assert known.verdict == POSSIBLE
        assert "wrong" not in known.summary


# The confusable pairs: what each of the two looks like, and which one is then said.
SENT, OMITTED = attempt("refused"), attempt("refused", binding="omitted")
PAIRS: dict[str, tuple[AttemptEvidence | tuple[AttemptEvidence, ...], str, str]] = {
    "password named by CredSSP": (coded("credssp", 0xC000006A, method="credssp", binding=""), "credentials", CONFIRMED),
    "lockout named by CredSSP": (coded("credssp", 0xC0000234, method="credssp", binding=""), "credentials", CONFIRMED),
    "disabled named by CredSSP": (coded("credssp", 0xC0000072, method="credssp", binding=""), "credentials", CONFIRMED),
    "password named by the KDC": (
        replace(attempt("broken"), method="kerberos", failure=LocalFailure("kdc", "Preauthentication failed", 24), **UNUSED), "credentials", CONFIRMED,
    ),
    "no SPN named by the KDC": (
        replace(attempt("broken"), method="kerberos", failure=LocalFailure("kdc", "Server not found", 7), **UNUSED), "spn", CONFIRMED,
    ),
    "skew named by the host": (coded("kerberos_error", 37, method="kerberos", mechanism="kerberos"), "time_skew", CONFIRMED),
    "wrong key named by the host": (coded("kerberos_error", 41, method="kerberos", mechanism="kerberos"), "spn", LIKELY),
    "no common encryption type": (
        replace(attempt("broken"), method="kerberos", failure=LocalFailure("kdc", "no such encryption type", 14), **UNUSED), "encryption_types", CONFIRMED,
    ),
    "trust named by CredSSP": (coded("credssp", 0xC000018D, method="credssp", binding=""), "domain_trust", CONFIRMED),
    "NTLM blocked named by CredSSP": (coded("credssp", 0xC0000418, method="credssp", binding=""), "ntlm_blocked", CONFIRMED),
    "logon right named by CredSSP": (coded("credssp", 0xC000015B, method="credssp", binding=""), "permissions", CONFIRMED),
    "NTLM refused, Basic accepted": (
        (attempt("refused", kind="local"), attempt(method="basic", mechanism="", binding="", own=False)), "ntlm_blocked", LIKELY,
    ),
    "NTLM refused, Kerberos accepted": (
        (attempt("refused", kind="local"), attempt(method="kerberos", mechanism="kerberos", own=False)), "ntlm_blocked", LIKELY,
    ),
    "refused bound, accepted unbound": ((SENT, attempt(binding="omitted", own=False)), "channel_binding", LIKELY),
    "refused unbound, accepted bound": ((OMITTED, attempt(binding="sent", own=False)), "channel_binding", CONFIRMED),
    "refused over https, accepted over http": ((SENT, attempt(own=False, **PLAIN)), "channel_binding", LIKELY),
    "right password, refused here, another account accepted": (
        (attempt("refused", proven=True, kind="local"), attempt(way="rescue", own=False, account="rescue")), "permissions", LIKELY,
    ),
    "cmd refused, PowerShell allowed": (
        attempt("accepted", rung("identify"), rung("cmd", code=5), rung("powershell")), "permissions", CONFIRMED,
    ),
    "nothing allowed": (attempt("accepted", rung("identify"), rung("cmd", code=0x80070005), rung("config", code=5)), "permissions", CONFIRMED),
    "Identify forbidden": (attempt("accepted", rung("identify", code=5)), "permissions", CONFIRMED),
    "remote shells off": (attempt("accepted", rung("identify"), rung("cmd", code=0x803381AC)), "permissions", CONFIRMED),
    "shell quota": (attempt("accepted", rung("identify"), rung("cmd", code=0x803381A5)), "quota", CONFIRMED),
    "shell quota in the other shape": (attempt("accepted", rung("identify"), rung("cmd", code=0x803381A5, shape="wmi")), "quota", CONFIRMED),
    "remote access off": (attempt("accepted", rung("identify"), rung("cmd", code=0x803381DD)), "service_config", CONFIRMED),
    "challenge on a closed connection": (replace(attempt("broken"), failure=LocalFailure("keep_alive", "closed"), **UNUSED), "network", LIKELY),
    "unknown fault": (attempt("accepted", rung("identify"), rung("cmd", code=12345)), "service_config", POSSIBLE),
}


@pytest.mark.parametrize("name", PAIRS)
def test_confusable_pair_is_told_apart(name: str) -> None:
    given, cause, verdict = PAIRS[name]
    attempts = given if isinstance(given, tuple) else (given,)
    seen = case(auth=(attempts[0].method,), connection="winrm", logon=logon(*attempts))
    found = first(seen)
    assert found is not None
    assert (found.cause, found.verdict) == (cause, verdict)


@pytest.mark.parametrize("status", [401, 500])
@pytest.mark.parametrize("tried", [True, False], ids=["with the encrypted way beside it", "alone"])
def test_both_answers_to_a_plain_message_mean_the_same(status: int, tried: bool) -> None:
    plain = {**PLAIN, "sealed": False}
    refused = attempt("accepted", rung("identify", "denied", leg(status)), **plain)
    ways = (refused, attempt(own=False, **PLAIN)) if tried else (refused,)
    found = first(case("http", auth=NTLM, message_encryption="never", logon=logon(*ways)))
    assert found is not None
    assert (found.cause, found.rule, found.verdict) == ("message_encryption", "plain_refused", CONFIRMED if tried else LIKELY)


@pytest.mark.parametrize(
    ("target", "impossible"),
    [
        ({"auth": ("basic",)}, True),
        ({"auth": ("basic",), "message_encryption": "never"}, False),
        ({"auth": ("basic",), "connection": "winrm"}, False),
        ({"auth": NTLM}, False),
    ],
)
def test_connection_that_gives_up_by_itself_is_known_without_a_logon(target: dict[str, t.Any], impossible: bool) -> None:
    found = findings(case("http", doors=(door("http", schemes=("Negotiate", "Basic")),), **target))["message_encryption"]
    assert (found.rule == "impossible") is impossible


@pytest.mark.parametrize(
    ("status", "size", "body", "verdict"),
    [
        (400, 14_000, "Bad Request - Request Too Long", CONFIRMED), (400, 14_000, "", LIKELY), (400, 200, "Bad Request - Request Too Long", LIKELY),
        (431, 4_000, "", POSSIBLE), (400, 200, "", None), (401, 14_000, "", None),
    ],
)
def test_token_size_by_status_size_and_words(status: int, size: int, body: str, verdict: str | None) -> None:
    told = rung("authenticate", "failed", leg(status, token=TokenEvidence("kerberos_ap_req", size), body=body))
    found = findings(case(auth=("kerberos",), logon=logon(replace(attempt("broken"), rungs=(told,), method="kerberos"))))["token_size"]
    assert (found.verdict if found.verdict in TROUBLE else None) == verdict


EXPIRED = replace(CERTIFICATE, not_after="2026-01-05T00:00:00Z", eku=("1.3.6.1.5.5.7.3.2",), upns=("svc@localhost",))
CLIENT = replace(CERTIFICATE, eku=("1.3.6.1.5.5.7.3.2",), upns=("svc@localhost",))


@pytest.mark.parametrize(
    ("given", "file", "rule"),
    [
        (attempt("refused"), EXPIRED, "client_expired"),
        (attempt("refused"), replace(CLIENT, not_before="2026-12-01T00:00:00Z"), "client_not_yet_valid"),
        (attempt("refused"), replace(CLIENT, eku=("1.3.6.1.5.5.7.3.1",)), "client_usage"),
        (attempt("refused"), replace(CLIENT, upns=()), "client_no_upn"),
        (attempt("refused"), CLIENT, "client_refused"),
        (replace(attempt("broken"), failure=LocalFailure("certificate_file", "key.pem cannot be read"), **UNUSED), None, "client_certificate_file"),
        (replace(attempt("broken"), failure=LocalFailure("tls", "TLSV1_ALERT_UNKNOWN_CA"), **UNUSED), CLIENT, "client_refused"),
    ],
)
def test_client_certificate(given: AttemptEvidence, file: t.Any, rule: str) -> None:
    seen = case(auth=("certificate",), logon=logon(replace(given, method="certificate", mechanism="", binding=""), certificate=file))
    found = first(seen)
    assert found is not None
    assert (found.cause, found.rule) == ("certificate", rule)
    assert not {"credentials", "permissions"}.intersection(troubles(seen))


def test_account_without_a_password_is_told() -> None:
    given = attempt("not_tried", reason="no_password", means="Not tried: the inventory has no password for this account.")
    found = first(case(auth=NTLM, logon=logon(given)))
    assert found is not None
    assert (found.cause, found.rule, found.verdict) == ("credentials", "missing", CONFIRMED)


@pytest.mark.parametrize("reason", ["refused_before", "in_doubt"])
def test_host_where_it_was_not_tried_is_neither_well_nor_ill(reason: str) -> None:
    given = attempt("not_tried", reason=reason, means="Not tried: the same account was refused on web07.")
    seen = case(auth=NTLM, logon=logon(given))
    assert troubles(seen) == []
    assert findings(seen)["credentials"].summary.endswith("refused on web07.")


def test_account_without_room_for_a_failure_is_told_with_the_way_out() -> None:
    given = attempt("not_tried", reason="no_room", means="Not tried: badPwdCount of user07 is 2. Wait until 12:21 UTC.")
    seen = case(auth=NTLM, logon=logon(given))
    assert troubles(seen) == []
    found = findings(seen)["credentials"]
    assert (found.rule, found.verdict, found.summary) == ("no_room", "unknown", given.means)
    assert "kinit" in found.next_check


def test_cryptography_that_refuses_ntlm_is_this_machine_s_fault() -> None:
    here = replace(case().controller, crypto=CryptoEvidence("OpenSSL 3.0", fips=True, md5=False, rc4=False), libraries=LIBRARIES)  # type: ignore[type-var]
    given = replace(attempt("broken"), failure=LocalFailure("token", "ValueError: unsupported hash type md5"), **UNUSED)
    found = first(case(auth=NTLM, controller=here, logon=logon(given)))
    assert found is not None
    assert (found.cause, found.rule, found.verdict) == ("control_node", "ntlm_crypto", LIKELY)


def test_logon_that_was_not_asked_leaves_its_causes_unknown() -> None:
    assert findings(case(logon=Unknown("not asked")))["credentials"].verdict == "unknown"
