# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's certificate, where the inventory logs on with one: the part of the cause `certificate` that looks at it."""

from __future__ import annotations

from dataclasses import replace

from .. import commands
from ..evidence.base import seconds
from ..evidence.case import Case
from ..evidence.endpoint import CertificateEvidence
from ..evidence.logon import ACCEPTED, BROKEN, REFUSED, AttemptEvidence
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import logons, mapped, outside

CLIENT_AUTH = ("1.3.6.1.5.5.7.3.2", "2.5.29.37.0")
"""id-kp-clientAuth and anyExtendedKeyUsage ([RFC 5280] 4.2.1.12)."""
ISSUE = Remedy("Issue a client certificate with Client Authentication and the account's user principal name, and map it on the host")
MAP = Remedy(
    "Allow certificate logon and map the certificate to a local account of the host",
    "Set-Item WSMan:\\localhost\\Service\\Auth\\Certificate $true; New-Item WSMan:\\localhost\\ClientCertificate -Subject UPN -Issuer ROOT_THUMBPRINT "
    "-URI * -Credential LOCAL_ACCOUNT",
    "medium",
)
CHECK = (
    "On the host: winrm get winrm/config/service/auth (Certificate), Get-ChildItem WSMan:\\localhost\\ClientCertificate (Subject is the UPN, Issuer the "
    "thumbprint of an authority in Root or CA), and whether the mapped account's password has changed since."
)


def evaluate(case: Case, now: float) -> list[Finding]:
    """File, dates and usage are read here; what the host thinks of it is only seen by the refusal."""
    attempt = logons.own(case)
    seen = logons.logon(case)
    if attempt is None or seen is None or attempt.method != "certificate" or attempt.outcome == ACCEPTED:
        return []
    if attempt.failure is not None and attempt.failure.step == "certificate_file":
        fact = Fact(attempt.failure.text, "the control node", "logon")
        how = outside.setting(
            case.target, psrp="ansible_psrp_certificate_pem, ansible_psrp_certificate_key_pem", winrm="ansible_winrm_cert_pem, ansible_winrm_cert_key_pem",
        )
        fix = Remedy("Name readable files of a certificate and its own key", how)
        summary = "The client certificate of the inventory cannot be used."
        return [Finding("certificate", "client_certificate_file", CONFIRMED, summary, (fact,), remedies=(fix,), weight=84)]
    own = seen.client_certificate if isinstance(seen.client_certificate, CertificateEvidence) else None
    found = [] if own is None else _of_itself(own, now)
    if found:
        return found
    by_tls = attempt.outcome == BROKEN and attempt.failure is not None and attempt.failure.step in ("tls", "connect") and "verif" not in attempt.failure.text
    if not (attempt.outcome == REFUSED or by_tls or _cut(attempt)):
        return []
    return [mapped.finding(case, attempt, own) or _left(case, _refused(case, attempt, own), own)]


def _left(case: Case, found: Finding, own: CertificateEvidence | None) -> Finding:
    """What is left when the inside has shown that logon by certificate is on and that something is mapped: the mapped account, or TLS."""
    good = mapped.good(case, own)
    if not good:
        return found
    tls = outside.tls(case)
    late = tls is not None and tls.version == "TLSv1.3"
    why = f"{'TLS 1.3 may keep WinRM from asking for it, or ' if late else ''}the mapped account's password may have changed"
    summary = f"The host refuses the client certificate, although it is mapped and certificate logon is on: {why}."
    renew = Remedy(
        "Write the mapping anew, with the account's password of today",
        "Remove-Item WSMan:\\localhost\\ClientCertificate\\MAPPING; New-Item WSMan:\\localhost\\ClientCertificate -Subject UPN -Issuer ROOT_THUMBPRINT -URI * "
        "-Credential LOCAL_ACCOUNT", "medium",
    )
    return replace(found, rule="client_mapped_account", summary=summary, because=(*found.because, *good), remedies=(renew, *found.remedies[1:]), tied_with=())


def _cut(attempt: AttemptEvidence) -> bool:
    """Cut when the host came to look at the certificate, which TLS 1.3 does after the handshake."""
    legs = attempt.rungs[0].legs if attempt.rungs else ()
    return attempt.outcome == BROKEN and bool(legs) and legs[-1].reply.failure in ("closed", "reset", "error")


def _of_itself(own: CertificateEvidence, now: float) -> list[Finding]:
    said = f"{own.subject or '(no subject)'}, thumbprint {own.thumbprint}, valid from {own.not_before} to {own.not_after}"
    place = Fact(said, "the inventory's file", "logon")
    if seconds(own.not_after) < now:
        return [_fault("client_expired", f"The client certificate expired on {own.not_after[:10]}.", place)]
    if seconds(own.not_before) > now:
        return [_fault("client_not_yet_valid", f"The client certificate is valid only from {own.not_before[:10]} on.", place)]
    if own.eku is not None and not set(CLIENT_AUTH).intersection(own.eku):
        uses = Fact(f"extended key usage: {', '.join(own.eku) or 'empty'} (1.3.6.1.5.5.7.3.2 is wanted)", "the inventory's file", "logon")
        return [_fault("client_usage", "The client certificate is not meant for clients: its extended key usage lacks Client Authentication.", place, uses)]
    return []


def _fault(rule: str, summary: str, *facts: Fact) -> Finding:
    return Finding("certificate", rule, CONFIRMED, summary, facts, next_check=CHECK, remedies=(ISSUE,), weight=79)


def _refused(case: Case, attempt: AttemptEvidence, own: CertificateEvidence | None) -> Finding:
    facts = [logons.fact(case, attempt)]
    if own is not None:
        names = ", ".join(own.upns) or "no user principal name"
        facts.append(Fact(f"the certificate {own.subject or '(no subject)'} names {names}, issued by {own.issuer}", "the inventory's file", "logon"))
    opened = outside.door(case)
    tls = outside.tls(case)
    remedies: tuple[Remedy, ...] = (MAP if own is None or not own.upns else replace(MAP, how=MAP.how.replace("UPN", commands.word(own.upns[0], "UPN"))),)
    rule = "client_refused"
    summary = "The host refuses the client certificate: certificate logon is off, nothing is mapped to it, or the mapping is out of date."
    if tls is not None and tls.version == "TLSv1.3" and opened is not None:
        # [from memory] WinRM on Server 2022 and later cannot ask for a certificate in TLS 1.3, where that comes after the handshake.
        said = "the host speaks TLS 1.3, in which WinRM may be unable to ask for the certificate"
        facts.append(Fact(said, outside.where(case.target, opened.address), "endpoint"))
        off = "SCHANNEL\\Protocols\\TLS 1.3\\Server: Enabled=0"
        remedies += (Remedy("If the mapping is right: switch TLS 1.3 off for servers in Schannel", off, "medium"),)
    if own is not None and not own.upns:
        rule, summary = "client_no_upn", "The host refuses the client certificate, which has no user principal name for WinRM to map by."
        remedies = (ISSUE, *remedies)
    return Finding("certificate", rule, LIKELY, summary, tuple(facts), next_check=CHECK, remedies=remedies, tied_with=("service_config",), weight=77)
