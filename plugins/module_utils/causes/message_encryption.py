# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption of messages over HTTP."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.logon import ACCEPTED, FAILED, PASSED, AttemptEvidence
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import inside, logons, outside, owned
from .cause import Cause

BY_HAND = "On the host: winrm get winrm/config/service, AllowUnencrypted. Basic over HTTP works only with true."
SEALING = {"negotiate", "kerberos", "ntlm", "credssp"}
EMPTY = (401, 500)
ALLOW = "Service/AllowUnencrypted"
HTTPS = Remedy("Use HTTPS, where TLS encrypts", "ansible_port: 5986, and an HTTPS listener on the host", "medium")


def evaluate(case: Case, now: float) -> list[Finding]:
    """An empty request passes, a message in the clear does not: that is AllowUnencrypted=false."""
    if impossible := _cannot(case):
        return [impossible]
    attempt = logons.own(case)
    if attempt is None or attempt.outcome != ACCEPTED:
        return []
    rung = attempt.rung("identify")
    if rung is None:
        return []
    if rung.status == PASSED:
        how = "inside TLS" if attempt.scheme == "https" else "encrypted by the logon" if attempt.sealed else "in the clear, which the host allows"
        return [Finding("message_encryption", "answered", RULED_OUT, f"Messages go {how}.", against=(logons.rung_fact(case, attempt, rung),))]
    last = rung.legs[-1] if rung.legs else None
    if last is not None and not attempt.sealed and attempt.scheme == "http" and last.reply.status in EMPTY and last.fault is None:
        return [_refused(case, attempt)]
    if attempt.sealed and rung.status == FAILED and rung.legs and rung.legs[-1].reply.status == 200:
        facts = (logons.fact(case, attempt), logons.rung_fact(case, attempt, rung))
        summary = "The host accepted the logon, but its encrypted answer cannot be read: something between may change the messages."
        return [Finding("message_encryption", "unreadable", POSSIBLE, summary, facts, next_check=BY_HAND, remedies=(HTTPS,), tied_with=("network",), weight=64)]
    return []


def _refused(case: Case, attempt: AttemptEvidence) -> Finding:
    sealed = next((way for way in logons.attempts(case) if way.sealed and way.outcome == ACCEPTED and _identified(way)), None)
    rung = attempt.rung("identify")
    facts = (logons.fact(case, attempt), *((logons.rung_fact(case, attempt, rung),) if rung else ()))
    if sealed is not None:
        facts += (logons.fact(case, sealed),)
    found = inside.setting(case, ALLOW)
    if found is not None:
        facts += (inside.setting_fact(case, found),)
    forbidden = inside.is_on(found) is False
    by = f' The policy "{name}" decides that.' if (name := owned.policy_name(inside.host(case), found) if found else "") else ""
    remedies: tuple[Remedy, ...] = (HTTPS,)
    if attempt.method in SEALING:
        how = outside.setting(case.target, psrp="ansible_psrp_message_encryption: auto", winrm="ansible_winrm_message_encryption: auto")
        remedies = (Remedy("Let the connection encrypt its messages", how), HTTPS)
    else:
        how = outside.setting(case.target, psrp="ansible_psrp_auth: negotiate", winrm="ansible_winrm_transport: ntlm")
        remedies = (HTTPS, Remedy("Or log on with a method that encrypts", how))
    return Finding(
        "message_encryption",
        "plain_refused",
        CONFIRMED if sealed or forbidden else LIKELY,
        f"The host accepts the logon with {attempt.method}, but refuses messages that are not encrypted (AllowUnencrypted is false).{by}",
        facts,
        next_check=BY_HAND,
        remedies=remedies,
        weight=76,
    )


def _identified(attempt: AttemptEvidence) -> bool:
    rung = attempt.rung("identify")
    return rung is not None and rung.status == PASSED


def _cannot(case: Case) -> Finding | None:
    """Settings under which pypsrp gives up before it sends anything (pypsrp 0.9 wsman.py, _TransportHTTP)."""
    target = case.target
    if target.connection != "psrp" or set(target.auth) & SEALING or (target.auth == ("certificate",) and target.scheme == "http"):
        return None
    always = target.message_encryption == "always"
    if not always and (target.scheme == "https" or target.message_encryption == "never"):
        return None
    said = f"ansible_psrp_message_encryption is {target.message_encryption}, the method {', '.join(target.auth)}, the scheme {target.scheme}"
    return Finding(
        "message_encryption",
        "impossible",
        CONFIRMED,
        f"The connection psrp wants to encrypt messages, which {', '.join(target.auth)} cannot do, so it gives up before it sends anything.",
        (Fact(said, "inventory", "controller"),),
        remedies=(HTTPS, Remedy("Or log on with a method that encrypts", "ansible_psrp_auth: negotiate")),
        weight=83,
    )


CAUSE = Cause("message_encryption", "The host insists on message encryption", 2, ("logon", "host"), BY_HAND, evaluate)
