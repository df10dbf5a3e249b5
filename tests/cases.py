# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence made by hand, for the tests of pure rules: a healthy host, and single things changed about it."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import NOT_ASKED, Case, TargetEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.controller import ControllerEvidence, LibraryEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import DirectoryEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import (
    CertificateEvidence,
    ChallengeEvidence,
    ClockEvidence,
    DoorEvidence,
    EndpointEvidence,
    HttpEvidence,
    IdentityEvidence,
    NameEvidence,
    PortEvidence,
    TlsEvidence,
    VerifyEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import (
    AttemptEvidence,
    FaultEvidence,
    LegEvidence,
    LogonEvidence,
    RungEvidence,
    TokenEvidence,
)

NOW = 1_775_688_480.0
"""2026-04-08T22:48:00Z."""
ADDRESS = "192.0.2.10"
HTTP_SYS = ("Server", "Microsoft-HTTPAPI/2.0")
CERTIFICATE = CertificateEvidence(
    subject="CN=web01.example.com",
    issuer="CN=Example CA",
    serial="01",
    not_before="2026-01-01T00:00:00Z",
    not_after="2027-01-01T00:00:00Z",
    thumbprint="AB" * 20,
    dns_names=("web01.example.com",),
    common_name="web01.example.com",
    eku=("1.3.6.1.5.5.7.3.1",),
    key="EC P-256",
    key_bits=256,
    signature="sha256",
)
GOOD = VerifyEvidence(0, "ok", "/bundle.pem")
TLS = TlsEvidence(
    version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", chain=(CERTIFICATE,), chain_verify=GOOD, name_verify=GOOD, verified_name="web01.example.com"
)
CHALLENGE = ChallengeEvidence(
    target_name="LAB",
    netbios_computer="WEB01",
    netbios_domain="LAB",
    dns_computer="web01.lab.test",
    dns_domain="lab.test",
    os_build="10.0.20348",
    membership="domain",
)
ANONYMOUS = HttpEvidence(status=401, headers=(HTTP_SYS, ("WWW-Authenticate", "Negotiate")))
IDENTITY = IdentityEvidence("Microsoft Corporation", "OS: 0.0.0 SP: 0.0 Stack: 3.0")
LIBRARIES = (LibraryEvidence("pypsrp", "0.9.1"), LibraryEvidence("pywinrm", "0.5.0"), LibraryEvidence("requests-ntlm", "1.3.0"))


def leg(status: int | None = 200, sent: str = "an empty POST", **more: t.Any) -> LegEvidence:
    """One request and its reply; a `failure` word stands for no reply."""
    reply = HttpEvidence(status=status, failure=more.pop("failure", None), headers=(HTTP_SYS,), body_start=more.pop("body", ""))
    return LegEvidence(sent, replace(reply, body_bytes=len(reply.body_start)), **more)


def rung(name: str, status: str = "passed", *legs: LegEvidence, code: int | None = None, shape: str = "wsman") -> RungEvidence:
    """One rung; `code` makes it a denial by that fault."""
    if code is not None:
        status, legs = "denied", (leg(500, fault=FaultEvidence(code, "AccessDenied", "Access is denied.", "web01", shape=shape)),)
    return RungEvidence(name, status, f"{name}: {status}.", legs or (leg(),))


def attempt(outcome: str = "accepted", *rungs: RungEvidence, **changes: t.Any) -> AttemptEvidence:
    """The inventory's own way, by NTLM over HTTPS; accepted means that every rung was passed."""
    usual = {"accepted": ("passed", 200), "refused": ("denied", 401), "broken": ("failed", None)}.get(outcome)
    first = (rung("authenticate", usual[0], leg(usual[1], token=TokenEvidence("ntlm_authenticate", 500))),) if usual else ()
    if outcome == "accepted" and not rungs:
        rungs = (rung("identify"), rung("powershell"))
    good = AttemptEvidence(
        "ntlm", "https", 5986, outcome, f"It was {outcome}.", own=True, account="LAB\\svc", kind="domain", mechanism="ntlm", binding="sent",
        used=outcome in ("accepted", "refused"), rungs=(*first, *rungs),
    )
    return replace(good, **changes)


def logon(*attempts: AttemptEvidence, certificate: CertificateEvidence | None = None) -> LogonEvidence:
    """One visit's logons."""
    return LogonEvidence("2026-04-08T22:48:00Z", "control01", attempts, certificate)


def door(expected: str = "https", /, **changes: t.Any) -> DoorEvidence:
    """A door where WinRM answers as it should."""
    good = DoorEvidence(
        ADDRESS,
        5986 if expected == "https" else 5985,
        expected,
        expected,
        tls=TLS if expected == "https" else None,
        identify=HttpEvidence(status=200, headers=(HTTP_SYS,)),
        identity=IDENTITY,
        anonymous=ANONYMOUS,
        schemes=("Negotiate", "Kerberos"),
        challenge=CHALLENGE,
        clocks=(ClockEvidence("ntlm", 0.2, 0.01),),
    )
    return replace(good, **changes)


def foreign(status: int = 200, *headers: tuple[str, str], scheme: str = "http", **changes: t.Any) -> DoorEvidence:
    """A door where something else answers with `status`."""
    reply = HttpEvidence(status=status, headers=headers)
    return door(scheme, **{"identify": reply, "anonymous": reply, "identity": None, "schemes": (), "challenge": None, "clocks": (), **changes})


def broken(failure: str, detail: str = "", scheme: str = "http", **changes: t.Any) -> DoorEvidence:
    """A door where no reply came."""
    reply = HttpEvidence(failure=failure, detail=detail)
    return door(scheme, **{"identify": reply, "anonymous": reply, "identity": None, "schemes": (), "challenge": None, "clocks": (), **changes})


def case(
    scheme: str = "https",
    *,
    ports: t.Mapping[int, str] | None = None,
    doors: tuple[DoorEvidence, ...] | None = None,
    names: NameEvidence | None = None,
    controller: t.Any = None,
    logon: LogonEvidence | Unknown = NOT_ASKED,
    directory: DirectoryEvidence | Unknown = NOT_ASKED,
    **target: t.Any,
) -> Case:
    """A healthy host but for what is given; `ports` maps numbers to states, the inventory's first."""
    number = 5986 if scheme == "https" else 5985
    way = TargetEvidence(name="web01", host="web01.example.com", port=number, scheme=scheme, path="wsman", connection="psrp", auth=("negotiate",))
    seen = EndpointEvidence(
        at="2026-04-08T22:48:00Z",
        vantage="control01",
        names=names or NameEvidence("web01.example.com", system=(ADDRESS,), dns=(ADDRESS,)),
        ports=tuple(PortEvidence(ADDRESS, port, state, 0.1) for port, state in (ports or {number: "open"}).items()),
        doors=(door(scheme),) if doors is None else doors,
    )
    here = ControllerEvidence(at="2026-04-08T22:48:00Z", host="control01", python="3.12.1", platform="Linux", libraries=LIBRARIES)
    return Case(replace(way, **target), controller=controller or here, endpoint=seen, logon=logon, directory=directory)


def silent(state: str = "filtered", *, scheme: str = "https", **others: t.Any) -> Case:
    """A host whose WinRM port does not open; other keywords as for `case`."""
    number = 5986 if scheme == "https" else 5985
    return case(scheme, ports={number: state, **others.pop("also", {})}, doors=others.pop("doors", ()), **others)
