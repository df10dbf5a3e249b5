# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ticket that the host cannot read: another account's SPN, another host's address, or an old machine password.

The wire shows the same error for all three. Who carries the SPN and which computer answers tells them apart (facts: confusable pairs).
"""

from __future__ import annotations

import typing as t

from .. import commands
from ..evidence.case import Case
from ..evidence.directory import GRANTED, ComputerEvidence, OwnerEvidence
from ..evidence.endpoint import ChallengeEvidence
from ..evidence.host import MembershipEvidence
from ..evidence.logon import NOT_TRIED, REFUSED
from ..finding import CONFIRMED, LIKELY, POSSIBLE, Fact, Finding, Remedy
from . import coded, directories, inside, joined, logons, outside, spn_tasks

WRONG_KEY = joined.WRONG_KEY

BY_NAME = ("dNSHostName", "sAMAccountName")
"""How a computer is found that bears the inventory's name itself; an SPN may be anybody's."""
CLUSTER_CLASSES = ("msclustervirtualserver", "msservercluster", "msserverclustermgmtapi")
STALE_DAYS = 60.0


class Told(t.NamedTuple):
    """That the host could not read the ticket: what was seen, and how strongly it says so."""

    facts: tuple[Fact, ...]
    verdict: str


def findings(case: Case) -> list[Finding]:
    """What one owner and one answering computer lead to; [] where the directory does not tell, and the code has to stay tied."""
    told = _told(case)
    owners = directories.carriers(case, directories.own_spn(case))
    if told is None or owners is None or len(owners) != 1:
        return []
    owner, here, named = owners[0], directories.answering(case), directories.computer(case)
    if owner.kind != "computer":
        return [_wrong_owner(case, told, owner)]
    if here is not None and here.membership != "workgroup":
        return _by_answer(case, told, owner, here, named)
    if named is None or (named.found_by not in BY_NAME and owner.name.lower() == named.name.lower()):
        return []
    if owner.name.lower() != named.name.lower():
        return [_wrong_owner(case, told, owner)]
    return [_stale(case, told, owner, ("network",)), _elsewhere(case, told, owner, None, ("domain_trust",))] if told.verdict != POSSIBLE and told.facts else []


def _told(case: Case) -> Told | None:
    """The host's error, or its refusal of a ticket; before any logon the ticket that a KDC hands out for that owner."""
    said = coded.said(case, *WRONG_KEY)
    if said is not None and any(fact.vantage == "logon" for fact in said.facts):
        return Told(said.facts, CONFIRMED)
    attempt = logons.own(case)
    if attempt is not None and attempt.outcome == REFUSED and "kerberos" in (attempt.method, attempt.mechanism) and logons.code_of(attempt) is None:
        return Told((logons.fact(case, attempt),), LIKELY)
    ceiling = directories.stake(case)
    if not ceiling or (attempt is not None and attempt.outcome != NOT_TRIED):
        return None
    granted = next((asked for asked in directories.own_tickets(case) if asked.step.outcome == GRANTED), None)
    return Told((directories.step_fact(granted),) if granted else (), directories.at_most(LIKELY, ceiling))


def _by_answer(case: Case, told: Told, owner: OwnerEvidence, here: ChallengeEvidence, named: ComputerEvidence | None) -> list[Finding]:
    if directories.is_computer(owner, here.netbios_computer):
        said = coded.said(case, *WRONG_KEY)
        # Owner and computer agree: without the host's own error nothing speaks for an old password.
        return [_stale(case, told, owner, ())] if said is not None else []
    bears_the_name = named is not None and named.found_by in BY_NAME
    if named is not None and bears_the_name and directories.is_computer(named, here.netbios_computer):
        return [_wrong_owner(case, told, owner, here)]
    if named is not None and bears_the_name and named.name.lower() == owner.name.lower():
        if _is_cluster(named):
            # Whichever node owns a cluster's name answers under its own, and has the cluster's key: alone that is no fault.
            return [_elsewhere(case, told, owner, here, ())] if told.verdict == CONFIRMED else []
        return [_elsewhere(case, told, owner, here, ())]
    weaker = Told(told.facts, directories.at_most(told.verdict, LIKELY))
    return [_wrong_owner(case, weaker, owner, here, ("network",)), _elsewhere(case, weaker, owner, here, ("spn",))]


def _is_cluster(computer: ComputerEvidence) -> bool:
    """Whether an account is a failover cluster's, or a name that it serves, by the SPNs that clusters register."""
    return any(spn.partition("/")[0].lower() in CLUSTER_CLASSES for spn in computer.spns)


def _facts(case: Case, told: Told, owner: OwnerEvidence, here: ChallengeEvidence | None) -> tuple[Fact, ...]:
    answer = (directories.answering_fact(case, here),) if here else ()
    return (*told.facts, directories.owner_fact(case, directories.own_spn(case), (owner,)), *answer)


def _wrong_owner(case: Case, told: Told, owner: OwnerEvidence, here: ChallengeEvidence | None = None, tied: tuple[str, ...] = ()) -> Finding:
    spn = directories.own_spn(case)
    here = here or directories.answering(case)
    who = f"not the computer {here.netbios_computer}$ that answers" if here else "not the host's computer account"
    other = "HTTP" if spn.upper().startswith("WSMAN/") else "WSMAN"
    carried = directories.carriers(case, f"{other}/{spn.partition('/')[2]}")
    # Another class helps only where it is the computer's; where nobody looked, it may be.
    helps = carried is None or (len(carried) == 1 and carried[0].name.lower() != owner.name.lower() and carried[0].kind == "computer")
    how = outside.setting(case.target, psrp=f"ansible_psrp_negotiate_service: {other}", winrm=f"ansible_winrm_service: {other}")
    return Finding(
        "spn",
        "wrong_owner",
        told.verdict,
        f"{spn} belongs to {directories.called(owner)}, {who}: the host cannot read tickets for it.",
        _facts(case, told, owner, here),
        next_check=f"setspn -Q {spn}; ask whoever runs {owner.name} what uses that name.",
        remedies=(
            *((Remedy("Ask for the other service class, if the computer carries it", how),) if helps else ()),
            Remedy(
                f"Move the SPN to the computer, once you know that nothing else needs it, {spn_tasks.BY_SOMEBODY}", spn_tasks.move(case, spn), "high",
            ),
        ),
        tied_with=tied,
        weight=82,
    )


def _elsewhere(case: Case, told: Told, owner: OwnerEvidence, here: ChallengeEvidence | None, tied: tuple[str, ...]) -> Finding:
    name = case.target.host
    answers = f"the computer that answers is {here.dns_computer or here.netbios_computer}" if here else "another computer may answer at that address"
    verdict = told.verdict if here else POSSIBLE
    return Finding(
        "network",
        "other_host",
        verdict,
        f"{name} is the name of {owner.name}, but {answers}: the name leads to another host, which cannot read the ticket.",
        _facts(case, told, owner, here),
        next_check=f"Compare the host's own ipconfig with: getent ahosts {name}; dig {name}.",
        remedies=(Remedy("Correct the DNS record, the hosts file, or ansible_host", f"getent ahosts {name}; dig {name}"),),
        tied_with=tied,
        weight=81,
    )


def _stale(case: Case, told: Told, owner: OwnerEvidence, tied: tuple[str, ...]) -> Finding:
    """[inferred] By elimination: the name is right and the computer is right, so it is the key."""
    here, named = directories.answering(case), directories.computer(case)
    facts, domain = _facts(case, told, owner, here), commands.word(directories.host_domain(case), "DOMAIN")
    if named is not None and named.password_days is not None and named.name.lower() == owner.name.lower():
        old = "; Windows changes it every 30 days, so the host seems to have lost touch before" if named.password_days > STALE_DAYS else ""
        age = f"the directory's machine password of {named.name} is {named.password_days:.0f} days old{old}"
        facts += (directories.read_fact(case, age, named.dn, of_host=True),)
    return Finding(
        "domain_trust",
        "stale_password",
        directories.at_most(told.verdict, LIKELY),
        f"The host cannot read a ticket made for its own account {owner.name}: its machine password is not the one in the directory.",
        facts,
        next_check=f"On the host: {joined.QUERY.format(domain=domain)}. Was it restored from a snapshot?",
        remedies=joined.repairs(inside.domain(case) or MembershipEvidence(True, domain=domain)),
        tied_with=tied,
        weight=82,
    )
