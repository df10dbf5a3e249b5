# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Service Principal Name that Kerberos asks the KDC for."""

from __future__ import annotations

from .. import commands
from ..evidence import answers
from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.directory import GRANTED, ComputerEvidence, OwnerEvidence
from ..evidence.endpoint import ChallengeEvidence, NameEvidence
from ..finding import CONFIRMED, LIKELY, RULED_OUT, UNKNOWN, Fact, Finding, Remedy
from ..target import is_address
from . import accounts, canonical, coded, directories, keys, membership, outside, spn_tasks, trusts
from .cause import Cause

UNKNOWN_TO_THE_KDC = (7, 8)
"""[RFC 4120] 7.5.9. Samba answers 7 for a duplicate too (measured); whether each Windows says 8 there is not known."""


def evaluate(case: Case, now: float) -> list[Finding]:
    """The KDC's word and the directory's owners together, else what a logon's codes name, else what is seen from outside."""
    if not {"kerberos", "negotiate", "credssp"}.intersection(case.target.auth):
        return _outside(case)
    if trusts.findings(case) or membership.findings(case):
        elsewhere = directories.of(trusts.findings(case), "spn")
        return elsewhere or [Finding("spn", "not_reached", UNKNOWN, "Whose the name is does not matter while the host's domain does not vouch for it.")]
    if canonical.findings(case):
        return _acquitted(case) or [Finding("spn", "not_reached", UNKNOWN, "Kerberos' library asks for another name than the inventory's.")]
    named = _named(case)
    judged = directories.of(keys.findings(case), "spn") + ([named] if named else [])
    if judged:
        return judged
    spoken_for = keys.WRONG_KEY if keys.findings(case) else ()
    return _unread(case, spoken_for) or _acquitted(case) or _outside(case)


def _unread(case: Case, spoken_for: tuple[int, ...]) -> list[Finding]:
    """What a code means where nobody could look who carries the name: one command tells, and each answer has its remedy."""
    name = directories.own_spn(case)
    check = f"setspn -Q {commands.spn(name)} on a domain member: exactly one owner, the host's own account. {accounts.READS}"
    if coded.said(case, *UNKNOWN_TO_THE_KDC) is not None:
        take = spn_tasks.take(case, "ACCOUNT", name)
        remedies: tuple[Remedy, ...] = (
            Remedy(f"Where nobody carries {name}, register it, {spn_tasks.BY_SOMEBODY}", spn_tasks.add(case, name)),
            Remedy(f"Where two accounts carry it, take it from the one that is not the host's, {spn_tasks.BY_SOMEBODY}", take, "high"),
        )
    else:
        remedies = (Remedy(f"Where another account carries {name}, move it to the computer, {spn_tasks.BY_SOMEBODY}", spn_tasks.move(case, name), "high"),)
    return coded.findings(case, "spn", besides=spoken_for, next_check=check, remedies=remedies)


def _named(case: Case) -> Finding | None:
    """The name itself: nobody's, two accounts', or another one than the host's."""
    name = directories.own_spn(case)
    known = directories.spn(case, name)
    said = coded.said(case, *UNKNOWN_TO_THE_KDC)
    if known is None or isinstance(known.owners, Unknown) or not directories.stake(case):
        return _address(case, said) if said is not None and is_address(_host(case)) else None
    owners = known.owners or known.covered_by
    if len(owners) > 1:
        return _duplicate(case, said, owners)
    if owners or (said is None and any(asked.step.outcome == GRANTED for asked in directories.own_tickets(case))):
        return None
    if is_address(_host(case)):
        return _address(case, said)
    return _missing(case, said)


def _host(case: Case) -> str:
    return case.target.spn_hostname or case.target.host


def _doubles(case: Case, owner: OwnerEvidence) -> list[str]:
    """All names of this host that this account carries beside another one, the connection's own first: the next one that is asked for would fail next."""
    own, seen = directories.own_spn(case), directories.directory(case)
    known = [*(seen.spns if seen else ()), *(seen.duplicates if seen and not isinstance(seen.duplicates, Unknown) else ())]
    double = [one.spn for one in known if not isinstance(one.owners, Unknown) and len(one.owners) > 1 and owner.dn in {each.dn for each in one.owners}]
    return [own, *(spn for spn in dict.fromkeys(double) if spn.lower() != own.lower())]


def _duplicate(case: Case, said: coded.Coded | None, owners: tuple[OwnerEvidence, ...]) -> Finding:
    name, here = directories.own_spn(case), directories.answering(case)
    strangers = [owner for owner in owners if here is None or not directories.is_computer(owner, here.netbios_computer)]
    removals = tuple(
        Remedy(
            f"Take what is double from {directories.called(owner)}, once you know that nothing needs it there, {spn_tasks.BY_SOMEBODY}",
            spn_tasks.take(case, owner.name, *_doubles(case, owner)), "high",
        )
        for owner in strangers
    )
    return Finding(
        "spn",
        "duplicate",
        coded.strength(case, said),
        f"{len(owners)} accounts carry {name}: {' and '.join(directories.called(owner) for owner in owners)}. A KDC gives no ticket for a name that is double.",
        (*coded.heard(said), directories.owner_fact(case, name, owners)),
        next_check=f"setspn -X -F lists all duplicates of the forest; setspn -Q {name}.",
        remedies=removals,
        weight=82,
    )


def _missing(case: Case, said: coded.Coded | None) -> Finding:
    """Nobody carries the name. Which other name the host does have tells what to do."""
    name, host = directories.own_spn(case), _host(case)
    facts = (*coded.heard(said), directories.owner_fact(case, name, ()))
    known = directories.spn(case, name)
    only_in = known.only_in if known else ""
    # Where one domain of several was asked, somebody in another one may carry it.
    verdict = directories.at_most(coded.strength(case, said), LIKELY) if only_in else coded.strength(case, said)
    service = name.partition("/")[0]
    other = next((finding for finding in (_alias(case, facts, verdict), _length(case, facts, verdict), _other_name(case, facts, verdict)) if finding), None)
    if other is not None:
        return other
    computer = directories.computer(case)
    if service.upper() != "HTTP" and _has_host(case, host):
        how = outside.setting(case.target, psrp="ansible_psrp_negotiate_service: HTTP", winrm="ansible_winrm_service: HTTP")
        return _finding(
            case, "only_host", verdict,
            f"Nobody carries {name}. The computer carries HOST/{host}, which stands for HTTP but not for {service}.",
            (*facts, directories.read_fact(case, f"HOST/{host} is there", computer.dn if computer else "", of_host=True)),
            (
                Remedy(f"Register {name}, {spn_tasks.BY_SOMEBODY}", spn_tasks.add(case, name)),
                Remedy("Or let the connection ask for HTTP, for which HOST stands", how),
                Remedy("The WinRM service registers it by itself where it may (System event 10154 says why not)", "Restart-Service WinRM", "medium"),
            ),
        )
    lacks = f"No account of {only_in}, where alone it was looked for, carries {name}" if only_in else f"No account of the forest carries {name}"
    return _finding(case, "missing", verdict, f"{lacks}, so no KDC can make a ticket for it{' unless another domain has it' if only_in else ''}.", facts, (
        Remedy(f"Register {name} on the host's computer account, {spn_tasks.BY_SOMEBODY}", spn_tasks.add(case, name)),
        Remedy("Or connect by the name that the host's account does carry"),
    ))


def _finding(case: Case, rule: str, verdict: str, summary: str, facts: tuple[Fact, ...], remedies: tuple[Remedy, ...]) -> Finding:
    name = directories.own_spn(case)
    check = f"setspn -Q {name} on a domain member; kvno {name} after kinit on the control node."
    return Finding("spn", rule, verdict, summary, facts, next_check=check, remedies=remedies, weight=80)


def _has_host(case: Case, host: str) -> bool:
    computer, known = directories.computer(case), directories.spn(case, f"HOST/{host}")
    carried = {spn.lower() for spn in computer.spns} if computer else set()
    covered = directories.spn(case, f"HTTP/{host}")
    return f"host/{host}".lower() in carried or bool(known and known.owners and not isinstance(known.owners, Unknown)) or bool(covered and covered.covered_by)


def _carried(case: Case, spn: str) -> bool:
    """Whether somebody answers for another name of the same class."""
    service, _slash, host = spn.partition("/")
    if directories.carriers(case, spn):
        return True
    known = directories.directory(case)
    carried = {one.lower() for computer in (directories.computer(case), known.other_computer if known else None) if computer for one in computer.spns}
    return spn.lower() in carried or (service.upper() == "HTTP" and f"host/{host}".lower() in carried)


def _override(case: Case, host: str) -> str:
    psrp, winrm = "ansible_psrp_negotiate_hostname_override", "ansible_winrm_kerberos_hostname_override"
    return f"{outside.setting(case.target, psrp=psrp, winrm=winrm)}: {host}"


def _alias(case: Case, facts: tuple[Fact, ...], verdict: str) -> Finding | None:
    seen = outside.endpoint(case)
    names = seen.names if seen else None
    if not isinstance(names, NameEvidence) or not names.canonical or case.target.spn_hostname:
        return None
    name, real, here = directories.own_spn(case), names.canonical, directories.answering(case)
    # The module finds a computer by its own names, and the alias is none of them.
    account = f"{here.netbios_computer}$" if here is not None else ""
    return _finding(
        case, "alias", verdict, f"{names.asked} is an alias of {real}, and nobody carries {name}: Kerberos asks for the name as it is typed.",
        (*facts, Fact(f"DNS leads from {names.asked} to {real}", "DNS", "endpoint")), (
            Remedy("Connect by the host's own name", f"ansible_host: {real}"),
            Remedy("Or keep the alias and name the host for Kerberos", _override(case, real)),
            Remedy(f"Or register {name}, {spn_tasks.BY_SOMEBODY}", spn_tasks.add(case, name, account), "medium"),
        ),
    )


def _length(case: Case, facts: tuple[Fact, ...], verdict: str) -> Finding | None:
    """Only the short name is there where the full one is asked for, or the other way round."""
    name, host = directories.own_spn(case), _host(case)
    service, short = name.partition("/")[0], host.partition(".")[0]
    computer = directories.computer(case)
    full = computer.dns_host_name if computer and computer.dns_host_name else f"{host}.{directories.host_domain(case)}"
    wanted = short if "." in host else full
    if wanted.lower() == host.lower() or not _carried(case, f"{service}/{wanted}"):
        return None
    rule, kind = ("short_name_only", "short") if "." in host else ("full_name_only", "full")
    return _finding(
        case, rule, verdict, f"The host's account carries {service}/{wanted}, the {kind} name alone; the connection asks for {name}.",
        (*facts, directories.read_fact(case, f"{service}/{wanted} is there", computer.dn if computer else "", of_host=True)),
        (
            Remedy(f"Register {name}, {spn_tasks.BY_SOMEBODY}", spn_tasks.add(case, name)),
            Remedy("Or name the host for Kerberos as its account has it", _override(case, wanted)),
        ),
    )


def _other_name(case: Case, facts: tuple[Fact, ...], verdict: str) -> Finding | None:
    """The host was renamed, or is known by another name: it calls itself so, and the directory knows that name."""
    here, seen = directories.answering(case), directories.directory(case)
    real = here.dns_computer if here else ""
    host = _host(case)
    known = (seen.other_computer or directories.computer(case)) if seen else None
    if here is None or not real or real.lower() == host.lower() or known is None or not directories.is_computer(known, here.netbios_computer):
        return None
    if host.lower() == here.netbios_computer.lower():
        return None
    name = directories.own_spn(case)
    return _finding(
        case, "other_name", verdict, f"The host calls itself {real}, and its account carries no name {host}: it was renamed, or {host} is another name for it.",
        (*facts, directories.answering_fact(case, here), _called(case, known, real)), (
            Remedy("Correct the inventory", f"ansible_host: {real}"),
            Remedy("Or keep the name and name the host for Kerberos", _override(case, real)),
            Remedy(f"Or register {name}, {spn_tasks.BY_SOMEBODY}", spn_tasks.add(case, name, known.name), "medium"),
        ),
    )


def _called(case: Case, computer: ComputerEvidence, real: str) -> Fact:
    return directories.read_fact(case, f"{computer.name} is {computer.dns_host_name or real}", computer.dn, of_host=True)


def _acquitted(case: Case) -> list[Finding]:
    """A ticket for the own name, and one owner, which is the host's computer."""
    name = directories.own_spn(case)
    granted = next((asked for asked in directories.own_tickets(case) if asked.step.outcome == GRANTED), None)
    owners = directories.carriers(case, name) or ()
    here, named = directories.answering(case), directories.computer(case)
    ours = len(owners) == 1 and (
        directories.is_computer(owners[0], here.netbios_computer) if here else named is not None and named.name.lower() == owners[0].name.lower()
    )
    if granted is None or not ours:
        return []
    against = (directories.step_fact(granted), directories.owner_fact(case, name, owners))
    return [Finding("spn", "owned", RULED_OUT, f"{name} belongs to the host's computer account and to nobody else.", against=against)]


def _address(case: Case, said: coded.Coded | None) -> Finding | None:
    """An address has no SPN unless somebody registered one."""
    target, opened = case.target, outside.door(case)
    if said is None and (opened is None or not answers.is_winrm(opened)):
        return None
    own_name = opened.challenge.dns_computer if opened and isinstance(opened.challenge, ChallengeEvidence) else ""
    known = own_name or "NAME.DOMAIN"
    name = directories.own_spn(case)
    facts: tuple[Fact, ...] = (
        Fact(f"the inventory connects to {target.host} with {', '.join(target.auth)}, so the ticket is asked for {name}", "inventory", "controller"),
    )
    if own_name and opened:
        facts += (Fact(f"the host calls itself {known}", outside.where(target, opened.address), "endpoint"),)
    return Finding(
        "spn",
        "address",
        directories.at_most(CONFIRMED if said is not None else LIKELY, directories.stake(case) or LIKELY),
        "Kerberos asks for a service named by IP address, and Active Directory knows no such SPN.",
        (*coded.heard(said), *facts),
        next_check=f"kvno {name.partition('/')[0]}/{known} after kinit: a ticket for the name proves that only the address is in the way.",
        remedies=(
            Remedy("Connect by the host's DNS name", f"ansible_host: {known}"),
            Remedy("Or keep the address and name the host for Kerberos", _override(case, known)),
        ),
        weight=80 if said is not None else 65,
    )


def _outside(case: Case) -> list[Finding]:
    """From outside only this much: an address never has an SPN, and other methods need none."""
    target = case.target
    if not {"kerberos", "negotiate", "credssp"}.intersection(target.auth):
        methods = ", ".join(target.auth)
        fact = Fact(f"the inventory logs on with {methods}", "inventory", "controller")
        return [Finding("spn", "no_kerberos", RULED_OUT, f"No SPN takes part: {methods} does not use Kerberos.", against=(fact,))]
    if target.auth != ("kerberos",) or target.spn_hostname or not is_address(target.host) or not directories.stake(case):
        return []
    return [finding] if (finding := _address(case, None)) else []


CAUSE = Cause(
    "spn",
    "The Service Principal Name is missing, double or another's",
    3,
    ("logon", "directory",),
    "setspn -Q HTTP/HOST and setspn -Q WSMAN/HOST on a domain member: exactly one owner, the host's own account.",
    evaluate,
)
