# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's certificates as the inside shows them: what HTTP.sys presents, what the listener names, which other one would fit."""

from __future__ import annotations

from ..evidence.base import seconds
from ..evidence.case import Case
from ..evidence.endpoint import TlsEvidence
from ..evidence.host import ProblemEvidence, StoredCertificateEvidence
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, fitting_certificates, inside, listening, outside

NO_HANDSHAKE = {
    "not_bound": "HTTP.sys has no certificate for the port",
    "no_thumbprint": "The HTTPS listener names no certificate",
    "listener_certificate_missing": "The certificate that the HTTPS listener names is not in the host's store",
    "no_key": "The certificate of the HTTPS listener has no private key",
}
"""What leaves TLS without a certificate, by kind of problem; most telling last, for it names the root."""
CHECK = "On the host: winrm enumerate winrm/config/listener; netsh http show sslcert; Get-ChildItem Cert:\\LocalMachine\\My."


def handshake(case: Case, seen: TlsEvidence, now: float) -> Finding | None:
    """TLS comes to nothing, and the inside says what the host lacks."""
    found = _problems(case, *NO_HANDSHAKE)
    limit = inside.ceiling(case)
    if not found or not limit or seen.failure in (None, "timeout", "not_tls"):
        return None
    worst = max(found, key=lambda one: list(NO_HANDSHAKE).index(one.kind))
    failed = Fact(f"the TLS handshake fails ({seen.detail or seen.failure})", outside.where(case.target), "endpoint")
    return Finding(
        "certificate", worst.kind, directories.at_most(limit, CONFIRMED), f"{NO_HANDSHAKE[worst.kind]}, so no TLS connection comes about.",
        (failed, *inside.problem_facts(case, found)), next_check=CHECK, remedies=(replace_with(case, now),), weight=80,
    )


def lacks_certificate(case: Case) -> bool:
    """Whether the inside shows that TLS cannot come about on the inventory's port."""
    return bool(_problems(case, *NO_HANDSHAKE))


def differing(case: Case, presented: str) -> Finding | None:
    """HTTP.sys presents another certificate than the listener names, and the client refuses that one."""
    seen = inside.listeners(case)
    found = inside.of_kind(seen.problems, "binding_differs", "foreign_binding") if seen else ()
    mine = [one for one in (seen.listeners if seen else ()) if one.enabled and one.port == case.target.port and one.transport == "HTTPS"]
    limit = inside.ceiling(case)
    labels = {one.key for one in mine}
    found = tuple(one for one in found if one.subject in labels)
    if seen is None or not found or not limit:
        return None
    bound = [one for one in inside.known(seen.bindings) or () if one.endpoint.rpartition(":")[2] == str(case.target.port)]
    shown = any(one.thumbprint.upper() == presented.upper() for one in bound)
    kind = next((one.kind for one in found if one.kind == "foreign_binding"), "binding_differs")
    named = mine[0].thumbprint
    how = listening.set_on(mine[0], "CertificateThumbprint", named)
    whose = "another application's" if kind == "foreign_binding" else "another one"
    return Finding(
        "certificate", kind, directories.at_most(limit, CONFIRMED if shown else LIKELY),
        f"The certificate that clients get on TCP {case.target.port} is not the listener's: HTTP.sys has bound {whose}.",
        (
            Fact(f"the host presents the certificate {presented}", outside.where(case.target), "endpoint"),
            *inside.problem_facts(case, found),
        ),
        next_check=CHECK, remedies=(Remedy("Let WinRM bind the listener's certificate anew; what else uses the port loses its own", how, "medium"),), weight=79,
    )


def fitting(case: Case, now: float) -> StoredCertificateEvidence | None:
    """A certificate of the store that would do for the listener and that it does not use; the one that lasts longest."""
    seen = inside.certificates(case)
    able = [one for one in (seen.certificates if seen else ()) if one.store == "My" and not one.used_by and _fits(one, case.target.host, now)]
    return max(able, key=lambda one: seconds(one.certificate.not_after), default=None)


def replace_with(case: Case, now: float) -> Remedy:
    """What gives the listener a fitting certificate: the very one, where the host has it already."""
    better = fitting(case, now)
    thumbprint = better.certificate.thumbprint if better else "THUMBPRINT"
    listed = inside.listeners(case)
    mine = next((one for one in (listed.listeners if listed else ()) if one.port == case.target.port and one.transport == "HTTPS"), None)
    how = f"Set-Item WSMan:\\localhost\\Listener\\LISTENER\\CertificateThumbprint {thumbprint}"
    if mine is not None:
        how = listening.set_on(mine, "CertificateThumbprint", thumbprint)
    if better is None:
        return Remedy("Give the HTTPS listener a fitting certificate from your own authority", how, "medium")
    own = better.certificate
    return Remedy(f"Give the HTTPS listener the certificate that the host has already: {own.subject}, until {own.not_after[:10]}", how, "medium")


def _fits(one: StoredCertificateEvidence, host: str, now: float) -> bool:
    own = one.certificate
    return fitting_certificates.may_serve(one, host) and seconds(own.not_before) <= now <= seconds(own.not_after)


def _problems(case: Case, *kinds: str) -> tuple[ProblemEvidence, ...]:
    """Of listeners and certificates, those about the inventory's port."""
    listed, stored = inside.listeners(case), inside.certificates(case)
    mine = [one for one in (listed.listeners if listed else ()) if one.enabled and one.port == case.target.port and one.transport == "HTTPS"]
    subjects = {one.key for one in mine} | {one.thumbprint.upper() for one in mine if one.thumbprint}
    found = (*(listed.problems if listed else ()), *(stored.problems if stored else ()))
    return tuple(one for one in inside.of_kind(found, *kinds) if one.subject in subjects or one.subject.upper() in subjects)
