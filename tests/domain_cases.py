# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's evidence made by hand: a healthy one, in which web01.lab.test logs svc on with Kerberos, and single things changed about it."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import NOT_ASKED, Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.controller import ControllerEvidence, KerberosEvidence, RealmEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import (
    AccountEvidence,
    BindEvidence,
    ComputerEvidence,
    DirectoryEvidence,
    DomainControllerEvidence,
    KerberosStep,
    OwnerEvidence,
    PolicyEvidence,
    SpnEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ClockEvidence, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import AttemptEvidence, LocalFailure, LogonEvidence, TokenEvidence
from cases import CHALLENGE, LIBRARIES, attempt, case, door, leg, rung

AT, HERE, REALM, USER = "2026-04-08T22:48:00Z", "control01", "LAB.TEST", "svc@LAB.TEST"
SPN = "WSMAN/web01.lab.test"
POLICY = PolicyEvidence("Default Domain Policy", 3, 30.0, 30.0, 42.0)
ACCOUNT = AccountEvidence("svc", "CN=svc,DC=lab,DC=test", "lab.test", "svc@lab.test", policy=POLICY, bad_passwords_at="dc1.lab.test")
COMPUTER = ComputerEvidence(
    "WEB01$", "CN=acct-web01,DC=lab,DC=test", dns_host_name="web01.lab.test", password_days=12.0, found_by="dNSHostName",
    spns=("HOST/web01.lab.test", "HOST/WEB01", "WSMAN/web01.lab.test", "WSMAN/WEB01"),
)
OTHER = ComputerEvidence("WEB02$", "CN=acct-web02,DC=lab,DC=test", dns_host_name="web02.lab.test", found_by="dNSHostName")
HOST = OwnerEvidence("WEB01$", COMPUTER.dn, domain="lab.test")
SERVICE = OwnerEvidence("svc-web", "CN=svc-web,DC=lab,DC=test", "user", domain="lab.test")
STRANGER = OwnerEvidence("WEB02$", OTHER.dn, domain="lab.test")
OPEN_PORTS = tuple(PortEvidence("192.0.2.1", number, "open", 0.01) for number in (88, 389))
DC = DomainControllerEvidence("dc1.lab.test", "192.0.2.1", ("dns",), OPEN_PORTS, (ClockEvidence("kdc", 0.3, 0.02),), domain="lab.test")


def step(name: str, outcome: str = "granted", code: int | None = None, asked_for: str = "", **changes: t.Any) -> KerberosStep:
    """One answer of the lab's KDC; by default to the inventory's account, or about the inventory's own SPN."""
    asked = asked_for or (SPN if name == "tgs" else USER)
    usual = {"own": name == "tgs" and not asked_for, "used": name == "as", "realm": REALM, "means": f"{name} for {asked}: {outcome}, {code}."}
    return KerberosStep(name, asked, outcome, **{"code": code, **usual, **changes})


GRANTED = (step("probe"), step("as"), step("tgs"))
"""All three steps, as they should be."""


def refused_ticket(code: int = 7, **changes: t.Any) -> tuple[KerberosStep, ...]:
    """The account is well, the ticket is not made."""
    return (step("probe"), step("as"), step("tgs", "refused", code, **changes))


def refused_user(code: int, **changes: t.Any) -> tuple[KerberosStep, ...]:
    """The account is refused with its password."""
    return (step("probe"), step("as", "refused", code, **changes))


def spn(*owners: OwnerEvidence, name: str = SPN, covered: tuple[OwnerEvidence, ...] = ()) -> SpnEvidence:
    """Who carries a name; by default the inventory's own."""
    return SpnEvidence(name, owners, covered, own=name == SPN)


def domain(**changes: t.Any) -> DirectoryEvidence:
    """A domain in which all is well."""
    good = DirectoryEvidence(
        AT, HERE, "lab.test", "user name", srv=("dc1.lab.test",), controllers=(DC,), steps=GRANTED, account=ACCOUNT, computer=COMPUTER, spns=(spn(HOST),),
        trusts=(), binds=(BindEvidence("dc1.lab.test", 389, "kerberos", "sealed", "granted", "The bind was accepted.", account=USER),),
    )
    return replace(good, **changes)


def control(**settings: str) -> ControllerEvidence:
    """The control node, its krb5.conf with these [libdefaults]."""
    kerberos = KerberosEvidence(("/etc/krb5.conf",), default_realm=REALM, realms=(RealmEvidence(REALM, ("dc1.lab.test",)),), settings=tuple(settings.items()))
    return ControllerEvidence(at=AT, host=HERE, python="3.12.1", platform="Linux", libraries=LIBRARIES, kerberos=kerberos)


def kerberos(outcome: str = "accepted", code: int | None = None, **changes: t.Any) -> AttemptEvidence:
    """The own way, by Kerberos over HTTP. With a code: `refused` by the host, whose 401 carries it; `broken` by the KDC."""
    way: dict[str, t.Any] = {
        "method": "kerberos", "mechanism": "kerberos", "scheme": "http", "port": 5985, "binding": "", "sealed": True, "account": USER, "kind": "domain",
    }
    if outcome == "refused" and code is not None:
        way["rungs"] = (rung("authenticate", "denied", leg(401, token=TokenEvidence("kerberos_ap_req"), answer=TokenEvidence("kerberos_error", code=code))),)
    if outcome == "broken":
        way |= {"used": False, "failure": LocalFailure("kdc", f"Kerberos error {code}", code), "mechanism": ""}
    return attempt(outcome, **{**way, **changes})


def ntlm(outcome: str = "refused", **changes: t.Any) -> AttemptEvidence:
    """The own way, by NTLM over HTTP."""
    return attempt(outcome, **{"scheme": "http", "port": 5985, "binding": "", "sealed": True, "account": "LAB\\svc", **changes})


def host(
    *attempts: AttemptEvidence, directory: DirectoryEvidence | Unknown | None = NOT_ASKED, kdc: tuple[KerberosStep, ...] = (), answers: str = "WEB01",
    clock: float = 0.2, **target: t.Any,
) -> Case:
    """A host of the lab's domain whose inventory demands Kerberos; `answers`: the computer that is really there, "" where it does not say."""
    challenge = replace(CHALLENGE, netbios_computer=answers, dns_computer=f"{answers.lower()}.lab.test") if answers else None
    doors = (door("http", challenge=challenge, clocks=(ClockEvidence("ntlm", clock, 0.05),)),)
    logon = LogonEvidence(AT, HERE, attempts, kdc=kdc) if attempts or kdc else NOT_ASKED
    way = {"host": "web01.lab.test", "auth": ("kerberos",), "username": USER, "spn_service": "WSMAN", **target}
    return case("http", doors=way.pop("doors", doors), logon=logon, directory=domain() if directory is None else directory, **way)
