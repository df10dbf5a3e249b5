# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Channel binding between TLS and logon (CbtHardeningLevel, [RFC 5929])."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.logon import ACCEPTED, AttemptEvidence
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import binding, coded, logons, outside, suspicion
from .cause import Cause

BY_HAND = "On the host: winrm get winrm/config/service/auth, CbtHardeningLevel. Does a device between unpack TLS?"
UNPACK = Remedy("Take the device that unpacks TLS out of the way, or let it pass TLS through")


def evaluate(case: Case, now: float) -> list[Finding]:
    """Two logons that differ in the token alone decide it; one refusal only makes suspect."""
    attempt = logons.own(case)
    named = coded.findings(case, "channel_binding", next_check=BY_HAND, remedies=(_send(case), UNPACK), weight=74)
    if named:
        return named
    if case.target.scheme != "https" or not {"negotiate", "kerberos", "ntlm"}.intersection(case.target.auth):
        if attempt is None:
            return []
        fact = Fact(f"the inventory logs on with {', '.join(case.target.auth)} over {case.target.scheme}", "inventory", "controller")
        return [Finding("channel_binding", "not_used", RULED_OUT, "No channel binding takes part in this logon.", against=(fact,))]
    if attempt is None:
        return []
    if attempt.outcome == ACCEPTED:
        return [Finding("channel_binding", "accepted", RULED_OUT, "The logon over TLS was accepted as it is bound.", against=(logons.fact(case, attempt),))]
    if "channel_binding" not in suspicion.suspects(case):
        return []
    return [binding.finding(case, _send(case), UNPACK) or _split(case, attempt) or _suspect(case, attempt)]


def _split(case: Case, attempt: AttemptEvidence) -> Finding | None:
    """The same account, accepted with one thing changed."""
    other = next((way for way in logons.accepted(case) if way is not attempt and way.method == attempt.method), None)
    if other is None:
        return None
    facts = (logons.fact(case, attempt), logons.fact(case, other))
    if attempt.binding == "omitted" and other.binding == "sent":
        summary = "The host insists on a channel binding token (CbtHardeningLevel Strict), and the inventory tells the connection to send none."
        return Finding("channel_binding", "strict", CONFIRMED, summary, facts, next_check=BY_HAND, remedies=(_send(case),), weight=74)
    # [documented for Relaxed, inferred for what stands between] A token for another certificate is refused; who presents that one is not seen from here.
    summary = "The host refuses the token for the certificate seen from here, and accepts the account otherwise: TLS seems to end before the host."
    return Finding("channel_binding", "intercepted", LIKELY, summary, facts, next_check=_compare(case), remedies=(UNPACK,), weight=74)


def _suspect(case: Case, attempt: AttemptEvidence) -> Finding:
    if attempt.binding == "sent":
        summary = "TLS may end before the host, at a device whose certificate the token names; the host would refuse that with the same 401."
        check, remedy = _compare(case), UNPACK
    else:
        summary = "The inventory tells the connection to send no channel binding token; a host with CbtHardeningLevel Strict refuses that with the same 401."
        check, remedy = BY_HAND, _send(case)
    return Finding(
        "channel_binding", "suspected", POSSIBLE, summary, logons.tries(case), next_check=check, remedies=(remedy,),
        tied_with=suspicion.tied(case, "channel_binding"), weight=57 if attempt.binding == "sent" else 61,
    )


def _compare(case: Case) -> str:
    seen = outside.tls(case)
    thumbprint = seen.chain[0].thumbprint if seen and isinstance(seen.chain, tuple) and seen.chain else "unknown"
    return f"On the host: winrm enumerate winrm/config/listener. Its CertificateThumbprint should be {thumbprint}, the one seen from here."


def _send(case: Case) -> Remedy:
    how = outside.setting(case.target, psrp="ansible_psrp_negotiate_send_cbt: true", winrm="ansible_winrm_send_cbt: true")
    return Remedy("Let the connection send the token", how)


CAUSE = Cause("channel_binding", "The host insists on channel binding tokens", 2, ("logon", "host"), BY_HAND, evaluate)
