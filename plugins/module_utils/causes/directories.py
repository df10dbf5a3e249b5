# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the KDC's and the directory's evidence: the questions several causes ask of it."""

from __future__ import annotations

import typing as t

from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.controller import ControllerEvidence, KerberosEvidence
from ..evidence.directory import (
    AS,
    GRANTED,
    NO_SUCH_ACCOUNT,
    PROBE,
    TGS,
    AccountEvidence,
    ComputerEvidence,
    DirectoryEvidence,
    KerberosStep,
    OwnerEvidence,
    SpnEvidence,
    TrustEvidence,
)
from ..evidence.endpoint import ChallengeEvidence
from ..evidence.logon import ACCEPTED, NOT_TRIED
from ..finding import CONFIRMED, POSSIBLE, VERDICTS, Fact, Finding
from ..target import is_address
from . import logons, outside

KERBEROS = ("kerberos", "negotiate")
"""Methods that ask for a ticket."""


class Asked(t.NamedTuple):
    """One question to a KDC, and the vantage point that asked it."""

    step: KerberosStep
    vantage: str


def directory(case: Case) -> DirectoryEvidence | None:
    """The directory's evidence, if this vantage point was asked."""
    return None if isinstance(case.directory, Unknown) else case.directory


def steps(case: Case, *names: str) -> tuple[Asked, ...]:
    """What KDCs were asked, by the logon before any host and by the directory's own look; `names` keeps some steps alone."""
    seen, logon = directory(case), logons.logon(case)
    found = [Asked(step, "logon") for step in (logon.kdc if logon else ())] + [Asked(step, "directory") for step in (seen.steps if seen else ())]
    return tuple(asked for asked in found if not names or asked.step.name in names)


def user_of(name: str) -> str:
    """A user name without its domain, in lower case."""
    return name.rpartition("\\")[2].partition("@")[0].lower()


def mine(case: Case) -> tuple[Asked, ...]:
    """The questions about the inventory's account, which need not be the only one that asked."""
    wanted = {user_of(case.target.username or "")}
    seen = directory(case)
    if seen is not None and isinstance(seen.account, AccountEvidence):
        wanted |= {seen.account.name.lower(), user_of(seen.account.upn)}
    return tuple(asked for asked in steps(case, PROBE, AS) if wanted == {""} or user_of(asked.step.asked_for) in wanted - {""})


def proof(case: Case) -> Asked | None:
    """The KDC's yes to the inventory's password."""
    return next((asked for asked in mine(case) if asked.step.name == AS and asked.step.outcome == GRANTED and asked.step.used), None)


def own_spn(case: Case) -> str:
    """The SPN that the inventory's connection asks a ticket for."""
    target = case.target
    service = target.spn_service or ("HTTP" if target.connection == "winrm" else "WSMAN")
    return f"{service}/{target.spn_hostname or target.host}"


def own_tickets(case: Case) -> tuple[Asked, ...]:
    """The requests for a ticket of that name."""
    return tuple(asked for asked in steps(case, TGS) if asked.step.own or asked.step.asked_for.lower() == own_spn(case).lower())


def spn(case: Case, name: str) -> SpnEvidence | None:
    """What the forest knows of an SPN, if it was looked up."""
    seen = directory(case)
    return next((one for one in (seen.spns if seen else ()) if one.spn.lower() == name.lower()), None)


def carriers(case: Case, name: str) -> tuple[OwnerEvidence, ...] | None:
    """Who answers for an SPN: who carries it, else who carries the HOST/ that stands for it; None where nobody looked or could see."""
    known = spn(case, name)
    if known is None or isinstance(known.owners, Unknown):
        return None
    return known.owners or known.covered_by


def account(case: Case) -> AccountEvidence | None:
    """The directory's account of the one that logs on; None where that one is the host's own, or was not read."""
    seen, attempt = directory(case), logons.own(case)
    if seen is None or not isinstance(seen.account, AccountEvidence) or (attempt is not None and attempt.kind == "local"):
        return None
    return None if case.target.auth == ("certificate",) or _is_namesake(case, seen.account) else seen.account


def account_missing(case: Case) -> bool:
    """True where the directory of the account's own domain was read and has no such account."""
    seen = directory(case)
    return seen is not None and seen.account == NO_SUCH_ACCOUNT and _belongs_to(case, seen.domain)


def _is_namesake(case: Case, found: AccountEvidence) -> bool:
    """Whether the account that was found is another one of that name: an implicit UPN ends in the domain's own name ([MS-ADTS] 5.1.1.1.1)."""
    return found.upn.lower() != (case.target.username or "").strip().lower() and not _belongs_to(case, found.domain, found.netbios_domain)


def _belongs_to(case: Case, domain: str, netbios: str = "") -> bool:
    """Whether a user name, as it is written, can only mean an account of this domain; a bare name is taken for one of the domain that was asked."""
    name = (case.target.username or "").strip().lower()
    front, slash, _user = name.partition("\\")
    said = front if slash else name.partition("@")[2]
    if not said or not domain:
        return True
    # A NetBIOS name nearly always is the first label, unless the forest says otherwise.
    own = {domain.lower(), netbios.lower() or domain.lower().partition(".")[0][:15]}
    here = answering(case)
    if here is not None and here.membership != "workgroup" and here.dns_domain.lower() == domain.lower():
        own.add(here.netbios_domain.lower())
    return said in own or (slash != "" and "." not in said and here is None)


def computer(case: Case) -> ComputerEvidence | None:
    """The account of the computer that the inventory names."""
    seen = directory(case)
    found = seen.computer if seen is not None and isinstance(seen.computer, ComputerEvidence) else None
    return None if found is None or seen is None or _is_twin(case, found, (seen.host_domain or seen.domain).lower()) else found


def _is_twin(case: Case, found: ComputerEvidence, domain: str) -> bool:
    """Whether only the first label fits: web01.dmz.example is no WEB01$ of this domain, unless the host that answers says so itself."""
    asked, own, here = case.target.host.rstrip(".").lower(), found.dns_host_name.lower(), answering(case)
    if found.found_by != "sAMAccountName" or not own or asked in (own, own.partition(".")[0]) or is_address(asked):
        # A longer name than NetBIOS has room for shares its account's name with others.
        return False
    return here is None or not is_computer(found, here.netbios_computer) or here.dns_domain.lower() not in ("", domain)


def computer_missing(case: Case) -> bool:
    """True where the directory was read and has no such computer, neither by the inventory's name nor by the one the host gives itself."""
    seen = directory(case)
    return seen is not None and seen.computer == NO_SUCH_ACCOUNT and seen.other_computer is None


def answering(case: Case) -> ChallengeEvidence | None:
    """What the host that answers says of itself, where it said anything."""
    opened = outside.door(case)
    seen = opened.challenge if opened else None
    return seen if isinstance(seen, ChallengeEvidence) and seen.netbios_computer else None


def answering_fact(case: Case, seen: ChallengeEvidence) -> Fact:
    """That, quoted."""
    name = seen.dns_computer or seen.netbios_computer
    return Fact(f"the computer that answers calls itself {name}", outside.where(case.target), "endpoint")


def is_computer(owner: OwnerEvidence | ComputerEvidence, netbios: str) -> bool:
    """Whether an account is the computer of this NetBIOS name ([MS-ADTS] 3.1.1.8.1: its sAMAccountName is that name and a dollar sign)."""
    return owner.name.lower() == f"{netbios.lower()}$"


def host_domain(case: Case) -> str:
    """DNS name of the host's domain in lower case, or ""."""
    seen, here = directory(case), answering(case)
    if here is not None and here.membership != "workgroup" and here.dns_domain:
        return here.dns_domain.lower()
    return (seen.host_domain or "").lower() if seen else ""


def user_domain(case: Case) -> str:
    """DNS name of the account's domain in lower case, or "": what the KDC that knows it calls itself, else what the name or the directory says."""
    known = account(case)
    realm = next((asked.step.realm for asked in mine(case) if asked.step.realm and asked.step.outcome == GRANTED), "")
    suffix = (case.target.username or "").partition("@")[2]
    return (realm or (known.domain if known and "." in known.domain else "") or suffix).lower()


def user_domain_is_sure(case: Case) -> bool:
    """Whether a KDC or the directory says so too: what stands behind the "@" may be any text ([MS-ADTS] 5.1.1.1.1)."""
    known = account(case)
    return any(asked.step.realm and asked.step.outcome == GRANTED for asked in mine(case)) or bool(known and "." in known.domain)


def trusts(case: Case) -> tuple[TrustEvidence, ...] | None:
    """The trusts of the domain that was asked; None where they were not read."""
    seen = directory(case)
    return seen.trusts if seen is not None and not isinstance(seen.trusts, Unknown) else None


def krb5(case: Case) -> KerberosEvidence | None:
    """krb5.conf and ticket cache, if the control node was asked and uses Kerberos."""
    seen = case.controller
    return seen.kerberos if isinstance(seen, ControllerEvidence) and isinstance(seen.kerberos, KerberosEvidence) else None


def setting(case: Case, name: str) -> str:
    """A [libdefaults] of krb5.conf as it is in force, or ""."""
    known = krb5(case)
    return dict(known.settings).get(name, "") if known else ""


def demands_kerberos(case: Case) -> bool:
    """True where the inventory leaves no other way than Kerberos."""
    return case.target.auth == ("kerberos",)


def stake(case: Case) -> str:
    """How far what stops Kerberos alone may be called this host's trouble: a verdict, or "" where it stops nobody.

    Under `negotiate` a client falls back to NTLM without a word, so before a logon was tried it is no more than possible.
    """
    attempt = logons.own(case)
    if attempt is not None and attempt.outcome == ACCEPTED:
        return ""
    if demands_kerberos(case):
        return CONFIRMED
    if not set(KERBEROS).intersection(case.target.auth):
        return ""
    return POSSIBLE if attempt is None or attempt.outcome == NOT_TRIED else CONFIRMED


def at_most(verdict: str, ceiling: str) -> str:
    """The weaker of two verdicts."""
    return max(verdict, ceiling, key=VERDICTS.index)


def of(findings: t.Iterable[Finding], cause: str) -> list[Finding]:
    """Those of one cause."""
    return [finding for finding in findings if finding.cause == cause]


def step_fact(asked: Asked) -> Fact:
    """One answer of a KDC, quoted."""
    realm = f" of {asked.step.realm}" if asked.step.realm else ""
    place = f" at {asked.step.controller}" if asked.step.controller else ""
    when = ", asked before any host" if asked.vantage == "logon" else ""
    return Fact(asked.step.means, f"KDC{realm}{place}{when}", asked.vantage)


def read_fact(case: Case, seen: str, dn: str = "", *, of_host: bool = False) -> Fact:
    """Something that stands in the directory, quoted; computers and SPNs stand in the one of the host's domain."""
    known = directory(case)
    domain = ((known.host_domain if of_host else "") or known.domain) if known else ""
    return Fact(seen, f"directory of {domain}: {dn}" if dn else f"directory of {domain}", "directory")


def owner_fact(case: Case, name: str, owners: t.Sequence[OwnerEvidence]) -> Fact:
    """Who carries an SPN, quoted."""
    if not owners:
        return read_fact(case, f"no account carries {name}", of_host=True)
    known = spn(case, name)
    carried = "HOST/ for it" if known is not None and known.owners == () else name
    who = " and by ".join(called(owner) for owner in owners)
    return read_fact(case, f"{carried} is carried by {who}", "; ".join(owner.dn for owner in owners), of_host=True)


def merged(*facts: Fact) -> tuple[Fact, ...]:
    """Each observation once: two vantage points may have got the same answer."""
    return tuple({fact.seen: fact for fact in reversed(facts)}.values())[::-1]


def called(owner: OwnerEvidence) -> str:
    """`the computer WEB01$`, `the user svc_iis`, with its domain where that is known."""
    kinds = {"computer": "the computer", "user": "the user", "service": "the managed service account"}
    off = " (disabled)" if not owner.enabled else ""
    return f"{kinds.get(owner.kind, 'the account')} {owner.name}{off}"
