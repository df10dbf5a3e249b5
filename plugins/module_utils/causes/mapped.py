# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logon by certificate as the inside shows it: switched on or not, what is mapped, whether the host can trust the certificate at all."""

from __future__ import annotations

import fnmatch

from ..evidence.case import Case
from ..evidence.endpoint import CertificateEvidence
from ..evidence.host import MappingEvidence
from ..evidence.logon import AttemptEvidence
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, inside, logons, owned

SWITCH = "Service/Auth/Certificate"
CHECK = (
    "On the host: winrm get winrm/config/service/auth (Certificate); Get-ChildItem WSMan:\\localhost\\ClientCertificate; "
    "Get-ChildItem Cert:\\LocalMachine\\Root."
)
MAP = "New-Item WSMan:\\localhost\\ClientCertificate -Subject UPN -Issuer ROOT_THUMBPRINT -URI * -Credential LOCAL_ACCOUNT"


def finding(case: Case, attempt: AttemptEvidence, own: CertificateEvidence | None) -> Finding | None:
    """What the inside names as the reason; None where it was not read, or shows none."""
    if inside.host(case) is None:
        return None
    return _off(case, attempt) or _unmapped(case, attempt, own) or _issuer(case, attempt) or _misplaced(case, attempt)


def good(case: Case, own: CertificateEvidence | None) -> tuple[Fact, ...]:
    """That logon by certificate is on and that a mapping fits, quoted; () where that is not so, or not known."""
    switch, fits = inside.setting(case, SWITCH), _fitting(case, own)
    if not inside.is_on(switch) or switch is None or not fits:
        return ()
    return (inside.setting_fact(case, switch), inside.fact(case, f"{fits[0].subject} is mapped to the account {fits[0].user}"))


def _finding(case: Case, attempt: AttemptEvidence, rule: str, summary: str, *because: Fact, remedy: Remedy, ceiling: str = CONFIRMED) -> Finding:
    verdict = directories.at_most(inside.ceiling(case) or LIKELY, ceiling)
    return Finding(
        "certificate", rule, verdict, summary, (logons.fact(case, attempt), *because), next_check=CHECK, remedies=(remedy,), weight=81,
    )


def _off(case: Case, attempt: AttemptEvidence) -> Finding | None:
    switch = inside.setting(case, SWITCH)
    if switch is None or inside.is_on(switch) is not False:
        return None
    # No policy can own this one (WindowsRemoteManagement.admx).
    remedy = owned.change(inside.host(case), switch, "Allow logon by certificate", "Set-Item WSMan:\\localhost\\Service\\Auth\\Certificate $true")
    summary = "Logon by certificate is switched off on the host, as it is by default."
    return _finding(case, attempt, "client_auth_off", summary, inside.setting_fact(case, switch), remedy=remedy)


def _mappings(case: Case) -> tuple[MappingEvidence, ...] | None:
    seen = inside.host(case)
    return inside.known(seen.mappings) if seen else None


def _fitting(case: Case, own: CertificateEvidence | None) -> list[MappingEvidence]:
    """Mappings by the name that the certificate carries; without the file, all of them."""
    names = [name.lower() for name in own.upns] if own else []
    listed = [one for one in _mappings(case) or () if one.enabled]
    return [one for one in listed if not names or any(_matches(one.subject.lower(), name) for name in names)]


def _matches(subject: str, name: str) -> bool:
    """A mapping names a user principal name, which may begin with a wildcard ([MS-WSMV] 2.2.4.4)."""
    return subject == name or ("*" in subject and fnmatch.fnmatchcase(name, subject.replace("[", "[[]")))


def _unmapped(case: Case, attempt: AttemptEvidence, own: CertificateEvidence | None) -> Finding | None:
    listed = _mappings(case)
    if listed is None or _fitting(case, own):
        return None
    names = ", ".join(own.upns) if own and own.upns else "the certificate"
    off = [one for one in listed if not one.enabled and own is not None and any(_matches(one.subject.lower(), name.lower()) for name in own.upns)]
    if off:
        fact = inside.fact(case, f"the mapping of {off[0].subject} to {off[0].user} is switched off")
        how = "Set-Item WSMan:\\localhost\\ClientCertificate\\MAPPING\\Enabled $true"
        remedy = Remedy("Switch the mapping on", how, "medium")
        return _finding(case, attempt, "client_mapping_off", f"The mapping of {names} is switched off.", fact, remedy=remedy)
    there = ", ".join(one.subject for one in listed[:4]) or "none"
    fact = inside.fact(case, f"the host maps {there}")
    return _finding(
        case, attempt, "client_unmapped", f"Nothing on the host maps {names} to an account.", fact,
        remedy=Remedy("Map the certificate to a local account of the host", MAP.replace("UPN", own.upns[0]) if own and own.upns else MAP, "medium"),
    )


def _issuer(case: Case, attempt: AttemptEvidence) -> Finding | None:
    stored = inside.certificates(case)
    missing = inside.of_kind(stored.problems, "mapping_issuer_missing") if stored else ()
    if not missing:
        return None
    return _finding(
        case, attempt, "client_issuer_missing", "The authority of the client certificate is in no Root or CA store of the host, so the host trusts none of its "
        "certificates.", *inside.problem_facts(case, missing),
        remedy=Remedy("Put the authority's certificate into Root (or CA, where it is an intermediate)", "certutil -addstore Root FILE", "medium"),
    )


def _misplaced(case: Case, attempt: AttemptEvidence) -> Finding | None:
    """[documented: KB2795828; that it hits this logon is inferred] A certificate in Root that is no root lets Schannel refuse client certificates."""
    stored = inside.certificates(case)
    wrong = inside.of_kind(stored.problems, "root_misplaced") if stored else ()
    if not wrong:
        return None
    return _finding(
        case, attempt, "root_misplaced", "The host's Root store holds a certificate that is no root; with it there Schannel refuses client certificates.",
        *inside.problem_facts(case, wrong[:4]), ceiling=LIKELY,
        remedy=Remedy(
            "Move it to CA",
            "Get-ChildItem Cert:\\LocalMachine\\Root | Where-Object { $_.Subject -ne $_.Issuer } | Move-Item -Destination Cert:\\LocalMachine\\CA", "medium",
        ),
    )
