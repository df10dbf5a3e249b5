# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change so that an account carries the SPNs that are wished for, and what speaks against it. Nothing is read or written in here."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import DoctorError
from ..evidence.directory import OwnerEvidence, SpnEvidence
from .spns import DEFAULT_MAPPINGS, HOST, Mappings, Spn, alias_of, parse, parse_mappings, read, same, service_of

STANDARD = parse_mappings(DEFAULT_MAPPINGS)
PRESENT, ABSENT, EXACT = "present", "absent", "exact"
OF_WINDOWS = frozenset((
    "host", "restrictedkrbhost", "termsrv", "gc", "ldap", "dns", "rpc", "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "ntfrs-88f5d2bd-b646-11d2-a6d3-00c04fc9b232",
    "dfsr-12f9a27c-bf97-4787-9364-d31b6c55eb04", "kadmin", "msserverclustermgmtapi", "msservercluster", "msclustervirtualserver",
))
"""Classes, in lower case, that Windows, a domain controller or a cluster registers for itself, and needs: the GUIDs are those of directory and SYSVOL
replication ([MS-DRSR] 2.2.3.2, [MS-FRS1], [MS-FRS2])."""
ASKED_BY = {
    "http": "Ansible's winrm connection, Windows' own PowerShell remoting, browsers and other web clients",
    "wsman": "Ansible's psrp connection",
    "host": "every client of the host itself, file shares, remote management and Ansible's psrp connection from ansible-core 2.21 on among them",
    "termsrv": "Remote Desktop",
}
"""Service class -> who asks for tickets of it."""


@dataclass(frozen=True)
class Holder:
    """The account whose SPNs are looked after."""

    owner: OwnerEvidence
    spns: tuple[str, ...] = ()
    dns_host_name: str = ""
    other_names: tuple[str, ...] = ()
    """The computer's alternative names (`netdom computername /add`): DNS names, and short ones with a dollar sign."""

    def spelling(self, spn: str) -> str | None:
        """The SPN as this account carries it, None where it does not."""
        return next((one for one in self.spns if same(one, spn)), None)

    def has_name_of(self, spn: str) -> bool:
        """Whether an SPN is of one of the computer's own names, DNS or short, which the validated write covers ([MS-ADTS] 3.1.1.5.3.1.1.4)."""
        parsed = read(spn)
        names = {name.lower().rstrip("$") for name in (self.dns_host_name, self.owner.name, *self.other_names)} - {""}
        return parsed is not None and parsed.host.lower() in names and not parsed.name


@dataclass(frozen=True)
class Wish:
    """What is asked for, checked; see `wish`."""

    state: str
    spns: tuple[Spn, ...]
    classes: frozenset[str] = frozenset()
    """`exact`: the service classes, in lower case, of which nothing but `spns` may stay."""
    force_move: bool = False
    texts: tuple[str, ...] = ()
    """`absent`: values that have not the form of an SPN, which the directory takes all the same."""


@dataclass(frozen=True)
class Move:
    """An SPN that another account loses first, in that account's spelling."""

    spn: str
    owner: OwnerEvidence


@dataclass(frozen=True)
class Plan:
    """The way from `before` to `after`."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """True when something has to be written."""
        return bool(self.add or self.remove or self.moves)


def wish(spns: t.Sequence[str], state: str, service_classes: t.Sequence[str] | None = None, force_move: bool = False) -> Wish:
    """What the options ask for; raises DoctorError where they contradict each other."""
    texts = tuple(text for text in spns if state == ABSENT and text.strip() and read(text.strip()) is None)
    parsed = {spn.key: spn for spn in map(parse, (text for text in spns if text not in texts))}
    named = {_class(name) for name in service_classes or ()}
    if state != EXACT and named:
        raise DoctorError(f"service_classes is set while state is {state}", expected="service_classes only with state exact", do="Leave it out")
    if not parsed and not named and not texts:
        raise DoctorError("The option spns is empty", expected="at least one SPN, such as WSMAN/web01.example.com", do="Name the SPNs")
    classes = named or {spn.service.lower() for spn in parsed.values()}
    if state == EXACT and named and (stray := [spn.text for spn in parsed.values() if spn.service.lower() not in named]):
        raise DoctorError(
            f"{', '.join(stray)} is of no class that service_classes names", expected="SPNs of these classes only", do="Name its class too", value=stray,
        )
    if state == EXACT and not named and (owned := sorted(spn.text for spn in parsed.values() if spn.service.lower() in OF_WINDOWS)):
        raise DoctorError(
            f"With state exact, {', '.join(owned)} would cost the account every other SPN of a class that Windows registers for itself",
            expected="a class of your own, such as HTTP or WSMAN", do="Use state present, or name the class in service_classes if that is what you want",
            value=owned,
        )
    return Wish(state, tuple(parsed.values()), frozenset(classes) if state == EXACT else frozenset(), force_move, texts)


def make_plan(holder: Holder, wished: Wish, seen: t.Sequence[SpnEvidence] = (), mapped: Mappings | None = None) -> Plan:
    """The changes, or a DoctorError that says why they are not made. `seen`: who carries the wished SPNs, and who covers them; `mapped`: sPNMappings."""
    mapped = STANDARD if mapped is None else mapped
    if wished.state == ABSENT:
        asked = (*(spn.text for spn in wished.spns), *wished.texts)
        gone = [spelling for text in asked if (spelling := holder.spelling(text)) is not None]
        strange = [f"{text!r} has not the form of an SPN, and is not there: is it spelt as it was meant?" for text in wished.texts if not holder.spelling(text)]
        return Plan(holder.spns, _without(holder.spns, gone), remove=tuple(gone), notes=(*strange, *_notes_of_removal(holder, gone, mapped)))
    known = {item.spn.lower(): item for item in seen}
    add = [spn for spn in wished.spns if holder.spelling(spn.text) is None]
    wanted = {spn.key for spn in wished.spns}
    remove = [one for one in holder.spns if service_of(one) in wished.classes and one.lower() not in wanted]
    moves: list[Move] = []
    notes: list[str] = []
    for spn in wished.spns:
        evidence = known.get(spn.key, SpnEvidence(spn.text))
        alias = alias_of(spn, mapped)
        moves += _moves(holder, wished, evidence, alias)
        notes += _notes(holder, wished, evidence, alias)
    added = tuple(spn.text for spn in add)
    return Plan(
        holder.spns, _without(holder.spns, remove) + added, add=added, remove=tuple(remove), moves=tuple(moves),
        notes=tuple(dict.fromkeys([*notes, *_notes_of_removal(holder, remove, mapped)])),
    )


def others(holder: Holder, owners: t.Iterable[OwnerEvidence]) -> list[OwnerEvidence]:
    """The owners besides the account itself."""
    return [owner for owner in owners if not same(owner.dn, holder.owner.dn)]


def described(owner: OwnerEvidence) -> str:
    """An account in words: the computer WEB01$ (CN=WEB01,...)."""
    kind = {"service": "managed service account"}.get(owner.kind, owner.kind)
    return f"the {'' if owner.enabled else 'disabled '}{kind} {owner.name} ({owner.dn})"


def cost(spn: str, owner: OwnerEvidence) -> str:
    """What its owner loses with an SPN, in a sentence without the final stop."""
    who = ASKED_BY.get(service_of(spn), f"clients of the service {spn.partition('/')[0]}")
    return f"tickets under this name are asked for by {who}, and what runs as {owner.name} could read them no more"


def _moves(holder: Holder, wished: Wish, evidence: SpnEvidence, alias: Spn | None) -> t.Iterator[Move]:
    """The owners to take an SPN from; raises DoctorError where there are some and they may not be touched."""
    spn, owners, covering = evidence.spn, others(holder, _known(evidence)), others(holder, evidence.covered_by)
    if owners and not wished.force_move:
        raise _refusal(holder, spn, owners)
    if covering and alias and holder.spelling(spn) is None and not wished.force_move:
        raise _alias_refusal(holder, spn, alias.text, covering[0])
    for owner in owners:
        if owner.domain != holder.owner.domain:
            raise DoctorError(
                f"{spn} is not moved to {holder.owner.name}: {described(owner)} belongs to {owner.domain}, another domain than {holder.owner.domain}, and what "
                "is taken there could not be given back if adding it here failed",
                expected="an owner in the same domain", do=f"Remove it there first, with state absent and domain {owner.domain}", value=spn,
            )
        yield Move(spn, owner)


def _refusal(holder: Holder, spn: str, owners: list[OwnerEvidence]) -> DoctorError:
    me, mine = holder.owner.name, holder.spelling(spn) is not None
    whom, names = " and ".join(described(owner) for owner in owners), " and ".join(owner.name for owner in owners)
    effect = "With more than one owner no KDC gives a ticket for it. " if mine or len(owners) > 1 else ""
    return DoctorError(
        f"{spn} is on {me}, but not there alone: {whom} carries it too" if mine else f"{spn} is not added to {me}: {whom} carries it",
        expected="an SPN that no other account of the forest carries",
        do=f"{effect}If the service runs as {me}, set force_move to true. That takes it from {names}: {cost(spn, owners[0])}", value=spn,
    )


def _alias_refusal(holder: Holder, spn: str, alias: str, other: OwnerEvidence) -> DoctorError:
    """[MS-ADTS] 3.1.1.5.1.3, alias uniqueness: HOST/x stands for HTTP/x. Domain controllers differ in whom they refuse this (KB5008382), so it is done here."""
    return DoctorError(
        f"{spn} is not added to {holder.owner.name}: {described(other)} carries {alias}, which stands for it",
        expected="an SPN that no other account of the forest carries or covers",
        do=f"If the service runs as {holder.owner.name} and not as {other.name}, set force_move to true. {alias} stays where it is, but no longer counts for "
        f"{spn}: {cost(spn, other)}",
        value=spn,
    )


def _notes(holder: Holder, wished: Wish, evidence: SpnEvidence, alias: Spn | None) -> t.Iterator[str]:
    """What is worth knowing about a wished SPN."""
    me, spn, service = holder.owner, evidence.spn, service_of(evidence.spn)
    covering = others(holder, evidence.covered_by)
    if alias and len(covering) < len(evidence.covered_by):
        yield f"{spn} is not needed: {me.name} carries {alias.text}, which stands for it by the forest's sPNMappings."
    elif alias and covering:
        yield f"{spn} on {me.name} goes before {alias.text} of {covering[0].name}: {cost(spn, covering[0])}."
    if service == "http" and me.kind != "computer" and any(one.kind == "computer" for one in (*covering, *others(holder, _known(evidence)))):
        yield (
            f"With {spn} on {me.name}, which is no computer, WinRM under that name can no longer be reached with Kerberos by Ansible's winrm connection and by "
            "Windows' own clients, because both ask for HTTP. The psrp connection asks for WSMAN."
        )
    if service == "wsman" and alias is None and holder.spelling(spn) is None:
        yield (
            f"HOST does not stand for {spn}: sPNMappings has HTTP, but not WSMAN. The WinRM service registers WSMAN for the computer's own names when it "
            "starts, where it may."
        )
    if service == HOST and me.kind != "computer":
        yield f"{spn} stands for many classes at once, HTTP and cifs among them, so {me.name} is asked for all of them."
    if wished.force_move:
        yield from (f"{spn} is taken from {described(owner)}: {cost(spn, owner)}." for owner in others(holder, _known(evidence)))


def _notes_of_removal(holder: Holder, gone: t.Sequence[str], mapped: Mappings) -> t.Iterator[str]:
    for spn in gone:
        service, parsed = service_of(spn), read(spn)
        alias = alias_of(parsed, mapped) if parsed else None
        if alias and holder.spelling(alias.text) is not None:
            yield f"Tickets for {spn} can still be had: {holder.owner.name} carries {alias.text}, which stands for it."
        elif service == "wsman" and holder.owner.kind == "computer" and holder.has_name_of(spn):
            yield f"The WinRM service of the computer registers {spn} again when it starts, where it may."
        elif service in OF_WINDOWS:
            yield f"Windows registers {spn} for itself; without it there are no tickets under that name for {ASKED_BY.get(service, 'what needs it')}."


def _known(evidence: SpnEvidence) -> tuple[OwnerEvidence, ...]:
    return evidence.owners if isinstance(evidence.owners, tuple) else ()


def _without(spns: t.Iterable[str], gone: t.Iterable[str]) -> tuple[str, ...]:
    keys = {spn.lower() for spn in gone}
    return tuple(spn for spn in spns if spn.lower() not in keys)


def _class(name: str) -> str:
    text = name.strip()
    if not text or read(f"{text}/host") is None or "/" in text:
        raise DoctorError(
            f"service_classes has {name!r}", expected="service classes without slash and host, such as HTTP or WSMAN", do="Name the class alone", value=name,
        )
    return text.lower()
