# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KDC is asked before any host, once for an account in a run: its answer holds for every host of the domain.

First without the password, which counts against nobody and finds out whether anybody is there; then with it, under the attempt book.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from .. import deps
from ..account import ANY_DOMAIN, DOMAIN, Account
from ..directory import locate, tickets
from ..evidence.base import Unknown
from ..evidence.directory import AS, FAILED, GRANTED, NOT_TRIED, PROBE, REFUSED, KerberosStep
from ..evidence.endpoint import OPEN, ChallengeEvidence
from ..target import Target
from ..wire import kdc, preauth
from ..wire.background import Background
from ..wire.deadline import Deadline
from ..wire.kerberos import counts_for_nobody, names_credentials
from ..wire.tcp import any_open, sweep
from .attempts import Book, Permit, kdc_of
from .krb5conf import Profile, read_profile
from .names import Names, of_both_families

SRV = "_kerberos._tcp.{}"
"""What libkrb5 asks DNS for ([RFC 4120] 7.2.3.2), and every controller registers."""
PATIENCE, ANSWER = 2.0, 5.0
"""Seconds for DNS and connections, and for the answer of a KDC that took the connection: that takes milliseconds, unless it is busy."""
MOST_KDCS, MOST_REALMS = 3, 3
SHARE = 0.7
"""Of the time that there is, what waiting for another worker's answer may take."""
UNKNOWN_USER, NO_REALM, UNREACHABLE = 6, 154, 156
WRONG_PASSWORD, WRONG_KEY = 24, 31
"""KDC_ERR_PREAUTH_FAILED, and KRB_AP_ERR_BAD_INTEGRITY, which libkrb5 says of an answer that does not open with the password."""
UNAVAILABLE, REFERRALS = (29, 52), (68, 6)
"""KDC_ERR_SVC_UNAVAILABLE and KRB_ERR_RESPONSE_TOO_BIG: the next KDC is asked (MIT krb5, src/lib/krb5/os/sendto_kdc.c: check_for_svc_unavailable). And the
errors that name another realm: Windows Server 2003 and others say "unknown" with it (src/lib/krb5/krb/get_in_tkt.c: is_referral)."""
NOT_JUDGED = (12, 25, 29)
"""KDC_ERR_POLICY, KDC_ERR_PREAUTH_REQUIRED and KDC_ERR_SVC_UNAVAILABLE."""
UNREALM = re.compile(r"[\s/@\\:]")
Room = t.Callable[[Deadline], str]
"""Asked before a password is used that nobody has proven yet: why it may not be, in a sentence, or ""."""


@dataclass(frozen=True)
class Realm:
    """A realm that may hold the account."""

    name: str
    """In capitals."""
    sure: bool
    """True where the account is this realm's beyond doubt, so that "unknown" is an answer."""
    foreign: bool = False
    """True where it bears the name of a UPN's suffix, and the host belongs to another one: suffixes are free text ([MS-ADTS] 5.1.1.1.1), and many a company
    has another realm by that name, with namesakes in it. It is asked without the password alone."""


@dataclass(frozen=True)
class Found:
    """Where a realm's KDCs are."""

    places: tuple[tuple[str, int], ...] = ()
    proxied: bool = False
    """True where krb5.conf names a proxy for Kerberos ([MS-KKDCP]), which only libkrb5 speaks to."""
    why: str = ""
    """Without a place: what krb5.conf and DNS have instead."""


def ask_first(
    target: Target, account: Account, challenge: ChallengeEvidence | None, book: Book, deadline: Deadline, *, limit: int = 1,
    environ: t.Mapping[str, str] | None = None, room: Room | None = None,
) -> tuple[KerberosStep, ...]:
    """What the KDC says of the target's account, asked now or before in this run; () where there is nobody to ask. The book knows the answer afterwards.

    `room` is asked once before the password is used, and may forbid it.
    """
    password = target.password
    if account.kind != DOMAIN or not target.username or password is None or not (deps.speaks_kerberos() or preauth.works()):
        return ()
    profile = read_profile(environ)
    realms = realms_for(target.username, challenge, profile, alone=target.auth == ("kerberos",))
    return ask(target.username, password, account, realms, book, deadline, limit=limit, profile=profile, room=room) if realms else ()


def ask(
    username: str, password: str, account: Account, realms: t.Sequence[Realm], book: Book, deadline: Deadline, *, limit: int, profile: Profile,
    room: Room | None = None,
) -> tuple[KerberosStep, ...]:
    """The same for a user name whose realm is known: the password is proven or refused in one message, which libkrb5 does not promise."""
    patience = deadline.sooner(deadline.left() * SHARE)
    with book.permit(account, password, where=kdc_of(realms[0].name), limit=limit, deadline=patience, kdc=True) as permit:
        if permit.proven or not permit.granted:
            return (permit.step,) if permit.step else ()
        asking = _Asking(username, password, realms, profile, deadline, room)
        answer = asking.run()
        if answer and asking.full:
            permit.full(answer)
        elif answer:
            settle(permit, answer)
        else:
            permit.withdrawn(asking.steps[-1] if asking.steps else None)
        return tuple(asking.steps)


def fill(
    kept: tickets.Tickets, username: str, principal: str, password: str, account: Account, book: Book, deadline: Deadline, *, limit: int, profile: Profile,
    home: str = "",
) -> tuple[KerberosStep | None, Permit]:
    """A ticket-granting ticket for `kept`, by libkrb5, once the password is proven: until then libkrb5 may show it to several KDCs (wire/preauth).

    What came of it, or what the KDC said of this password before; None where the permit says why nobody is asked. `home`: the realm of the
    host, where the wanted one may bear the name of the account's suffix by chance (`Realm.foreign`): then only a KDC's yes will do, not a host's.
    """
    realm, shown = principal.rpartition("@")[2], tickets.spelled(principal)
    asked = (*([Realm(home, False)] if home else []), Realm(realm, _is_of(realm, username, account), foreign=bool(home)))
    ask(username, password, account, asked, book, deadline, limit=limit, profile=profile)
    with book.permit(account, password, where=kdc_of(realm), limit=limit, deadline=deadline.sooner(deadline.left() * SHARE), kdc=True) as permit:
        if not permit.granted:
            known = permit.step if permit.reason in ("refused_by_kdc", "no_room", "asked") else None
            # Whoever is refused before the password is asked for gets no ticket all the same.
            return (replace(known, name=AS) if known and known.outcome != GRANTED else None), permit
        if home and not (permit.step and permit.step.name == AS and permit.step.outcome == GRANTED):
            permit.withdrawn()
            means = f"Not tried: {username} may be another account in {realm}, which is not the realm of the host."
            return KerberosStep(AS, shown, NOT_TRIED, means, realm=realm), permit
        if not permit.proven:
            permit.withdrawn()
            return KerberosStep(AS, shown, NOT_TRIED, f"The KDC of {realm} was not asked for {shown}: the time was used up.", realm=realm), permit
        return _acquired(kept, _as_known(principal, permit.step), password, deadline), permit


def _is_of(realm: str, username: str, account: Account) -> bool:
    """Whether the account is this realm's beyond doubt: not where a NetBIOS name was guessed to be its first label, nor by a suffix that anybody may have."""
    if "\\" not in username and "@" not in username:
        return True
    return realm.lower() in account.domains and ("\\" in username or ANY_DOMAIN not in account.domains)


def _as_known(principal: str, step: KerberosStep | None) -> str:
    """The principal in the form that the KDC has just accepted: a UPN need not be sAMAccountName and realm."""
    if step is None or step.name != AS or step.outcome != GRANTED or not step.got or "@" not in step.got:
        return principal
    user, _at, realm = step.got.rpartition("@")
    return principal if step.got.lower() == tickets.spelled(principal).lower() else f"{tickets.escaped(user)}@{realm}"


def _acquired(kept: tickets.Tickets, principal: str, password: str, deadline: Deadline) -> KerberosStep:
    answer = Background(lambda: kept.acquire(principal, password)).wait(deadline.left())
    if not isinstance(answer, Unknown):
        return answer
    shown, realm = tickets.spelled(principal), principal.rpartition("@")[2]
    return KerberosStep(AS, shown, FAILED, f"The KDC of {realm} did not answer the password of {shown} in time.", realm=realm, used=True)


def realms_for(username: str, challenge: ChallengeEvidence | None, profile: Profile, *, alone: bool = False) -> tuple[Realm, ...]:
    """The realms to ask, likeliest first. `alone`: Kerberos is the inventory's only method, and its client takes a UPN's suffix for the realm."""
    seen = challenge if challenge and challenge.membership != "workgroup" else ChallengeEvidence("")
    default = profile.first("libdefaults", "default_realm") or ""
    if "\\" not in username and "@" not in username:
        # A bare name is the default realm's to Kerberos, whatever the host thinks of it.
        return (Realm(default.upper(), True),) if default and not UNREALM.search(default) else ()
    # A UPN may be anybody's: beside its suffix only the host's own domain is asked, which knows the suffixes of its forest.
    known = profile.names("realms") if "\\" in username else ()
    found = tickets.realms_of(
        username, dns_domain=seen.dns_domain, netbios_domain=seen.netbios_domain, default_realm="" if seen.dns_domain else default, realms=known,
    )
    named = [name for name in found if not UNREALM.search(name)][:MOST_REALMS]
    suffix = username.strip().rpartition("@")[2].upper() if "\\" not in username else ""
    if seen.dns_domain and suffix and not alone:
        # The host's domain looks suffixes up in its forest, and refers to the domain that has the account ([MS-KILE] 3.3.5.6.1, NT-ENTERPRISE).
        named.sort(key=lambda name: name != seen.dns_domain.upper())
        return tuple(Realm(name, _is_sure(name, username, seen), foreign=name != seen.dns_domain.upper()) for name in named)
    return tuple(Realm(name, _is_sure(name, username, seen, alone=alone)) for name in named)


def default_realm(environ: t.Mapping[str, str] | None = None) -> str:
    """krb5.conf's, which Kerberos takes a bare name for; "" where there is none."""
    return read_profile(environ).first("libdefaults", "default_realm") or ""


def _is_sure(realm: str, username: str, seen: ChallengeEvidence, *, alone: bool = False) -> bool:
    """A name with a dot before the backslash is the realm's own name, one after the "@" where the host has no other; a NetBIOS name where it explains it."""
    domain, own = username.partition("\\")[0].upper() if "\\" in username else username.rpartition("@")[2].upper(), seen.dns_domain.upper()
    if realm == domain:
        return "\\" in username or alone or own in ("", realm)
    return realm == own and domain == seen.netbios_domain.upper()


class _Asking:
    """One account at its realm, or at the next one that may be it."""

    def __init__(
        self, username: str, password: str, realms: t.Sequence[Realm], profile: Profile, deadline: Deadline, room: Room | None = None,
    ) -> None:
        self.username, self.password, self.realms, self.profile, self.deadline = username, password, list(realms), profile, deadline
        self.room, self.full = room, False
        """`full`: one more failure would lock the account, so the password was not used."""
        self.steps: list[KerberosStep] = []
        self._principal = ""
        self._seen: kdc.Look | None = None
        self._place = ("", 0)

    def run(self) -> KerberosStep | None:
        """The step that settles it; None where nobody could say anything that holds."""
        for _turn in range(MOST_REALMS):
            if not self.realms or self.deadline.passed:
                break
            realm = self.realms.pop(0)
            step = self._at(realm)
            if step is not None:
                return step
        return None

    def _at(self, realm: Realm) -> KerberosStep | None:
        principal, self._principal, self._seen = tickets.principal_of(self.username, realm.name), "", None
        found = find(realm.name, self.profile, self.deadline.sooner(PATIENCE))
        if not found.places and not found.proxied:
            self.steps.append(nowhere(tickets.spelled(principal), realm.name, found.why))
            return None
        places = self._answering(found.places)
        if places and not self._probed(principal, realm, places):
            last = self.steps[-1]
            if realm.foreign:
                # What it refuses may be somebody else, and is no evidence of this account.
                self.steps = [step for step in self.steps if step.realm != realm.name]
            return last if names_credentials(last.code) and not self._passes(last, realm) and not self._disputed(realm, places) else None
        if realm.foreign:
            self._not_asked(realm.name, f"is not that of the host's domain, so {self.username} may be another account there")
            return None
        reply = (self._seen.reply if self._seen else None) or kdc.Reply()
        if preauth.is_cheap(reply):
            self._not_asked(realm.name, "asks for a proof that is cheap to guess the password from, which no domain controller does")
            return None
        if reply.armoured:
            # libkrb5 would end with KRB5_PREAUTH_FAILED before it sent anything that depends on the password (src/lib/krb5/krb/preauth2.c: k5_preauth).
            self._not_asked(realm.name, "demands Kerberos armouring (FAST), which takes a ticket of a computer that this control node does not have")
            return None
        info = preauth.key_info(reply) if self._seen else None
        if (info or deps.speaks_kerberos()) and self.room and (why := self.room(self.deadline)):
            self.full = True
            self.steps.append(KerberosStep(AS, tickets.spelled(self._principal or principal), NOT_TRIED, why, realm=realm.name))
            return self.steps[-1]
        if self._seen and info:
            return self._proved(self._seen, realm.name, info)
        if not deps.speaks_kerberos():
            wanted = "is behind a proxy" if found.proxied and not places else "offers no proof with AES"
            self._principal = self._principal or principal
            self._not_asked(realm.name, f"{wanted}, and the Python libraries gssapi and krb5, which know other ways, are not installed here")
            return None
        return self._by_library(self._principal or principal, probed=bool(found.places), given=reply.granted)

    def _answering(self, places: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        """The first few that accept connections, in their order; the first few of all where nobody does, for then their silence is what is told.

        A forest has controllers at many sites, most of which no control node may reach; libkrb5 tries one after the other.
        """
        if len(places) < 2:
            return places
        opened = {(port.address, port.port) for port in sweep(places, self.deadline.sooner(PATIENCE).left(), any_open) if port.state == OPEN}
        return tuple(place for place in places if place in opened)[:MOST_KDCS] or places[:MOST_KDCS]

    def _probed(self, principal: str, realm: Realm, places: t.Sequence[tuple[str, int]]) -> bool:
        """Ask without the password; True where the KDC knows the account and waits for its password."""
        seen = self._look(realm.name, principal, places)
        if seen.step.code == UNKNOWN_USER and not self._referred(seen, realm) and "@" in self.username and not tickets.is_enterprise(principal):
            # A UPN need not be sAMAccountName and domain, and some KDCs look for it only where the name says that it is one ([RFC 6806] 5).
            seen = self._look(realm.name, tickets.enterprise_of(self.username, realm.name), places)
        other = self._referred(seen, realm)
        if other and not realm.foreign:
            self.realms = [Realm(other, True)]
        return seen.step.outcome == GRANTED

    def _referred(self, seen: kdc.Look, realm: Realm) -> str:
        """The realm that a KDC names in place of its own, or ""."""
        other = seen.reply.client_realm.upper() if seen.reply and seen.reply.code in REFERRALS else ""
        return other if other != realm.name.upper() and not UNREALM.search(other) else ""

    def _look(self, realm: str, principal: str, places: t.Sequence[tuple[str, int]]) -> kdc.Look:
        for self._place in places:
            address, port = self._place
            seen = kdc.look(address, realm, _user(principal), self.deadline.sooner(ANSWER), port)
            if self.deadline.passed or (seen.reply is not None and seen.reply.code not in UNAVAILABLE):
                break
        self._principal, self._seen = principal, seen
        self.steps.append(seen.step)
        return seen

    def _disputed(self, realm: Realm, places: t.Sequence[tuple[str, int]]) -> bool:
        """Whether a second KDC knows the account that the first one refuses: it may not be one of the realm's, or not have heard of a change yet."""
        other = next((place for place in places if place[0] != self._place[0]), None)
        if other is None or self.deadline.passed:
            return False
        seen = kdc.look(other[0], realm.name, _user(self._principal), self.deadline.sooner(ANSWER), other[1])
        self.steps += [seen.step] if seen.step.outcome == GRANTED else []
        return seen.step.outcome == GRANTED

    def _passes(self, step: KerberosStep, realm: Realm) -> bool:
        """Whether a refusal proves nothing: another realm may know the account."""
        referred = self._seen is not None and bool(self._referred(self._seen, realm))
        return realm.foreign or counts_for_nobody(step.code) or referred or (step.code == UNKNOWN_USER and not realm.sure)

    def _proved(self, seen: kdc.Look, realm: str, info: kdc.KeyInfo) -> KerberosStep:
        """One message with the password's proof, to the KDC that has just answered, by its own clock."""
        address, port = self._place
        offset = seen.clock.offset if seen.clock else 0.0
        step = preauth.prove(address, realm, _user(self._principal), self.password, info, self.deadline, port, offset=offset)
        self.steps.append(step)
        return step

    def _not_asked(self, realm: str, why: str) -> None:
        """The KDC gets no proof of the password."""
        shown = tickets.spelled(self._principal)
        self.steps.append(KerberosStep(AS, shown, NOT_TRIED, f"Not tried: {kdc_of(realm)} {why}.", realm=realm))

    def _by_library(self, principal: str, *, probed: bool, given: bool) -> KerberosStep:
        """What is no matter of an AES key: libkrb5 knows the other ways. `given`: the KDC wants no proof, so its ticket only opens with the right password."""
        kept = tickets.Tickets()
        try:
            answer = _acquired(kept, principal, self.password, self.deadline)
        finally:
            kept.close()
        if answer.code == UNREACHABLE and probed:
            # It had answered a moment ago, so this time it may have seen the password.
            answer = replace(answer, used=True)
        if given and answer.code == WRONG_KEY:
            shown, realm = tickets.spelled(principal), principal.rpartition("@")[2]
            means = f"The password of {shown} is wrong: it does not open the ticket that {kdc_of(realm)} gives without pre-authentication."
            # The library's own word: to the KDC it was no failure, so nothing was counted.
            answer = replace(answer, code=WRONG_PASSWORD, means=means, used=False)
        self.steps.append(answer)
        return answer


def _user(principal: str) -> str:
    return tickets.unescaped(principal.rpartition("@")[0])


def settle(permit: Permit, step: KerberosStep) -> None:
    """Tell the book what the KDC said."""
    if step.name == AS and step.outcome == GRANTED:
        permit.accepted(step)
    elif step.outcome == REFUSED and names_credentials(step.code) and not counts_for_nobody(step.code):
        permit.refused(step)
    elif not step.used or step.code in NOT_JUDGED or (counts_for_nobody(step.code) and step.code != UNREACHABLE):
        # A policy of Kerberos' own, and the wish for another proof, say nothing of the password; what cannot be asked says nothing at all.
        permit.withdrawn(step)
    else:
        permit.doubted(step)


def nowhere(asked: str, realm: str, why: str) -> KerberosStep:
    """What is told of a realm without a KDC."""
    return KerberosStep(PROBE, asked, FAILED, f"No KDC of the realm {realm} is known here: {why}.", realm=realm, code=NO_REALM)


def find(realm: str, profile: Profile, deadline: Deadline) -> Found:
    """The KDCs of a realm as libkrb5 finds them: krb5.conf's, else those of DNS; by address."""
    named = profile.all("realms", realm, "kdc")
    hosts = [place for place in map(_place, named) if place]
    if named and not hosts:
        return Found(proxied=any(text.lower().startswith("https://") for text in named), why="what krb5.conf names for it is no host with a port")
    who, why = "krb5.conf names", ""
    if not named:
        hosts, why = _recorded(realm, profile, deadline)
        who = f"krb5.conf names none, and DNS names by {SRV.format(realm.lower())}"
    asked = [(Names(host, deadline.left(), compare=False), port) for host, port in hosts[: locate.MOST_RECORDS]]
    places = tuple(dict.fromkeys((address, port) for names, port in asked for address in of_both_families(names.addresses(deadline.left()))))
    if hosts and not places:
        lost = list(dict.fromkeys(names.host for names, _port in asked))
        why = f"{who} {', '.join(lost)}, which {'do' if len(lost) > 1 else 'does'} not resolve to an address"
    return Found(places, why="" if places else why)


def _recorded(realm: str, profile: Profile, deadline: Deadline) -> tuple[list[tuple[str, int]], str]:
    """The KDCs of a realm by their SRV records; or why there are none."""
    if (profile.first("libdefaults", "dns_lookup_kdc") or "true").lower() in ("false", "no", "0", "off", "f", "n", "nil"):
        return [], "krb5.conf names none, and its dns_lookup_kdc forbids to ask DNS"
    name = SRV.format(realm.lower())
    records = locate.srv(name, deadline.left())
    if isinstance(records, Unknown):
        return [], f"krb5.conf names none, and DNS gives no answer about {name} ({records.unknown.rstrip('.')})"
    return [(place.name, place.port) for place in records], f"krb5.conf names none, and DNS has no {name}"


def _place(text: str) -> tuple[str, int] | None:
    """Host and port of a `kdc` in krb5.conf; None for a proxy, a socket or what cannot be read."""
    host = locate.kdc_host(text)
    if not host or host.startswith("/") or text.lower().startswith(("unix:", "https://")):
        return None
    port = re.search(r"(?:\]|^[^:]*):(\d{1,5})$", text.strip())
    number = int(port[1]) if port else kdc.PORT
    return (host, number) if 0 < number < 65536 else None
