# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a directory that somebody has logged on to: accounts, policies, trusts. Each brings its answer or the reason why there is none."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..directory import accounts, computers, forecast, partitions, policy, spns, trusts
from ..directory.entries import Entry, escape
from ..directory.ldap import Ldap
from ..directory.notation import EPOCH, TICKS, common_name, dns_of_dn, domain_of_sid, parent_dn, sid_bytes
from ..directory.refusal import NO_SUCH_OBJECT, LdapError, LdapUnreachable
from ..evidence.base import Known, Unknown, seconds
from ..evidence.directory import (
    NO_SUCH_ACCOUNT,
    AccountEvidence,
    ComputerEvidence,
    ForecastEvidence,
    OwnerEvidence,
    PolicyEvidence,
    SpnEvidence,
    TrustEvidence,
)

T = t.TypeVar("T")
MOST_ACCOUNTS, MOST_COMPUTERS, MOST_TRUSTS = 5, 10, 50
MOST_GROUPS = 60
"""Groups that are told by name; all are counted."""
GROUPS_AT_ONCE = 30
UNNAMED = Unknown("counted only: winrm.doctor.directory_info names them")
MOST_LISTED = 60
"""Duplicates, matches and accounts of the forecast that are told."""
MOST_SEARCHED = 20_000
HEAD = (*policy.DOMAIN_ATTRIBUTES, "fSMORoleOwner", "objectSid")


def asked(work: t.Callable[[], T]) -> Known[T]:
    """What `work` finds, or why the directory did not tell."""
    try:
        return work()
    except LdapUnreachable as error:
        return Unknown(error.text)
    except LdapError as error:
        return Unknown(error.sentence)


class Directory:
    """One domain, read over one connection. `now`: the controller's time, seconds since 1970."""

    def __init__(self, ldap: Ldap, now: float) -> None:
        self.ldap, self.now = ldap, now
        self.gaps: list[str] = []
        """What a limit cut short."""
        self.base = ldap.root().text("defaultNamingContext")
        self.domain = dns_of_dn(self.base)
        self._head: Known[Entry | None] | None = None
        self._domains: partitions.Domains | None = None
        self._settings: bool | None = None

    def one(self, dn: str, attributes: t.Sequence[str]) -> Entry | None:
        """An object by its name; None where there is none, or none that this account may see."""
        try:
            return self._first(dn, "(objectClass=*)", attributes, scope="base")
        except LdapError as error:
            if error.code == NO_SUCH_OBJECT:
                return None
            raise

    def _first(self, base: str, text: str, attributes: t.Sequence[str], scope: str = "sub") -> Entry | None:
        return next(iter(self.ldap.gather(base, text, attributes, scope=scope, most=1).entries), None)

    def _all(self, base: str, text: str, attributes: t.Sequence[str], *, most: int, scope: str = "sub") -> tuple[Entry, ...]:
        found = self.ldap.gather(base, text, attributes, scope=scope, most=most)
        if found.gap:
            self.gaps.append(found.gap.unknown)
        return found.entries

    def head(self) -> Known[Entry | None]:
        """The object at the domain's head, read once."""
        if self._head is None:
            self._head = asked(lambda: self.one(self.base, HEAD))
        return self._head

    def pdc(self) -> Known[str]:
        """DNS name of the PDC emulator: the server above the NTDS settings object that owns the role ([MS-ADTS] 6.1.5.4)."""
        head = self.head()
        if isinstance(head, Unknown):
            return head
        owner = head.text("fSMORoleOwner") if head else ""
        if not owner:
            return Unknown("the domain's head does not say which controller is the PDC emulator")
        server = asked(lambda: self.one(parent_dn(owner), ("dNSHostName",)))
        if isinstance(server, Unknown):
            return server
        return (server.text("dNSHostName").lower() if server else "") or Unknown(f"{parent_dn(owner)}, the PDC emulator's object, does not say its DNS name")

    def domains(self) -> partitions.Domains:
        """The domains of the forest, read once; empty where the list cannot be read."""
        if self._domains is None:
            found = asked(lambda: partitions.domains(self.ldap))
            self._domains = {} if isinstance(found, Unknown) else found
        return self._domains

    def find_account(self, username: str, *, implicit: bool = True) -> Known[Entry]:
        """The account's object with all its attributes, or NO_SUCH_ACCOUNT. `implicit`: what stands behind the "@" is this domain's name."""
        def find() -> Known[Entry]:
            found = self._all(self.base, accounts.finder(username, implicit=implicit), ("sAMAccountName", "userPrincipalName"), most=MOST_ACCOUNTS)
            chosen = accounts.choose(found, username)
            return NO_SUCH_ACCOUNT if chosen is None else self._account_at(chosen.dn) or NO_SUCH_ACCOUNT

        return asked(find)

    def account_at(self, dn: str) -> Known[Entry]:
        """The account of this name with all its attributes, or NO_SUCH_ACCOUNT."""
        found = asked(lambda: self._account_at(dn))
        return NO_SUCH_ACCOUNT if found is None else found

    def _account_at(self, dn: str) -> Entry | None:
        # tokenGroups is computed, and only for a search of one object ([MS-ADTS] 3.1.1.4.5.19).
        return self.one(dn, (*accounts.ATTRIBUTES, "tokenGroups"))

    def account(self, entry: Entry, counters: Known[Entry], counted_at: str, *, thorough: bool = True) -> AccountEvidence:
        """Everything about an account; `counters` are the PDC emulator's. `thorough`: its groups by name, which takes another search."""
        held = accounts.sids(entry)
        sids: Known[tuple[str, ...]] = held or Unknown("the controller does not tell the account's groups: it needs a global catalogue for that")
        protected = self._protected(entry, held)
        found = accounts.read_account(
            entry, now=self.now, policy=self._policy(entry), counters=counters, counted_at=counted_at,
            groups=(self._names(held) if thorough else UNNAMED) if held else sids, group_sids=sids, protected=protected,
        )
        return replace(found, netbios_domain=self.domains().get(found.domain, ""))

    def counters(self, dn: str) -> Known[Entry]:
        """Failed logons as this controller has counted them."""
        found = asked(lambda: self.one(dn, accounts.COUNTERS))
        return Unknown("this controller does not show the account") if found is None else found

    def _policy(self, entry: Entry) -> Known[PolicyEvidence]:
        """The account's own policy: a password settings object's where one is in force, else the domain's."""
        own = entry.text("msDS-ResultantPSO")
        if own:
            settings = asked(lambda: self.one(own, policy.PSO_ATTRIBUTES))
            found = policy.of_settings(settings) if isinstance(settings, Entry) else None
            why = settings.unknown if isinstance(settings, Unknown) else "this account may not read it"
            return found or Unknown(f"the password settings object {common_name(own)} is in force, and {why}")
        head = self.head()
        if isinstance(head, Unknown):
            return head
        found = policy.of_domain(head) if head else None
        return Unknown("the domain's head does not show its lockout policy") if found is None else replace(found, sure=self._shows_settings())

    def _shows_settings(self) -> bool:
        """Whether a password settings object that is in force would be seen: an attribute that may not be read looks like one that is not set."""
        if (self.ldap.root().number("domainFunctionality") or 0) < policy.SETTINGS_LEVEL:
            return True
        if self._settings is None:
            found = asked(lambda: self.one(f"{policy.SETTINGS},{self.base}", ("objectClass",)))
            self._settings = isinstance(found, Entry)
        return self._settings

    def _names(self, sids: t.Sequence[str]) -> Known[tuple[str, ...]]:
        """Names of groups, those of other domains left out."""
        def find() -> tuple[str, ...]:
            names: list[str] = []
            for start in range(0, min(len(sids), MOST_GROUPS), GROUPS_AT_ONCE):
                terms = "".join(f"(objectSid={escape(sid_bytes(sid))})" for sid in sids[start : start + GROUPS_AT_ONCE])
                names += [group.text("sAMAccountName") for group in self._all(self.base, f"(|{terms})", ("sAMAccountName",), most=GROUPS_AT_ONCE)]
            return tuple(sorted(filter(None, names), key=str.lower)[:MOST_GROUPS])

        return asked(find)

    def _protected(self, entry: Entry, held: t.Sequence[str]) -> Known[bool]:
        own = entry.sid("objectSid")
        if held or not own:
            return accounts.in_protected_users(held, own) if own else Unknown("the account's SID cannot be read")
        group = escape(sid_bytes(f"{domain_of_sid(own)}-{accounts.PROTECTED_USERS}"))
        text = f"(&(objectSid={group})(member:{accounts.IN_CHAIN}:={escape(entry.dn)}))"
        return asked(lambda: self._first(self.base, text, ("objectSid",)) is not None)

    def computer(self, names: t.Sequence[str], netbios: str = "") -> Known[ComputerEvidence]:
        """A host's account, or NO_SUCH_ACCOUNT."""
        def find() -> Known[ComputerEvidence]:
            text = computers.finder(names, netbios)
            if not text:
                return Unknown("the host is known by its address only")
            found = computers.choose(self._all(self.base, text, computers.ATTRIBUTES, most=MOST_COMPUTERS), names, netbios)
            return computers.read_computer(found[0], now=self.now, found_by=found[1]) if found else NO_SUCH_ACCOUNT

        return asked(find)

    def mappings(self) -> spns.Mappings:
        """The forest's sPNMappings, the usual ones where they cannot be read."""
        found = asked(lambda: spns.mappings(self.ldap))
        return spns.parse_mappings(spns.DEFAULT_MAPPINGS) if isinstance(found, Unknown) else found

    def trusts(self) -> Known[tuple[TrustEvidence, ...]]:
        """The domain's trusts, by partner."""
        def find() -> tuple[TrustEvidence, ...]:
            found = self._all(f"CN=System,{self.base}", trusts.FILTER, trusts.ATTRIBUTES, scope="one", most=MOST_TRUSTS)
            return tuple(sorted((trusts.read_trust(entry) for entry in found), key=lambda trust: trust.partner))

        return asked(find)

    def forecast(self) -> Known[tuple[ForecastEvidence, ...]]:
        """Accounts that stop working once only AES is accepted."""
        def find() -> tuple[ForecastEvidence, ...]:
            since = self._aes_since()
            texts = [forecast.declared(), forecast.old_systems(), *([forecast.old_passwords(since)] if since else [])]
            entries = (entry for text in texts for entry in self._all(self.base, text, forecast.ATTRIBUTES, most=MOST_SEARCHED))
            return forecast.without_repeats(forecast.read(entry, since) for entry in entries)

        return asked(find)

    def _aes_since(self) -> int | None:
        """FILETIME from which the domain made AES keys, by the age of a group that came with them; None where it is not known."""
        head = self.head()
        own = head.sid("objectSid") if isinstance(head, Entry) else ""
        if not own:
            return None
        group = escape(sid_bytes(f"{own}-{forecast.READ_ONLY_CONTROLLERS}"))
        found = self._first(self.base, f"(objectSid={group})", ("whenCreated",))
        made = found.moment("whenCreated") if found else None
        return int((seconds(made) + EPOCH) * TICKS) if made else None


def holders_of(ldap: Ldap, upn: str) -> Known[tuple[str, ...]]:
    """The distinguished names of the accounts with this userPrincipalName, in the forest where `ldap` is a global catalogue."""
    text = accounts.finder(upn, implicit=False)
    return asked(lambda: tuple(entry.dn for entry in ldap.gather(spns.base_of(ldap), text, ("userPrincipalName",), most=MOST_ACCOUNTS).entries))


def owners_of(ldap: Ldap, names: t.Sequence[str], own: str, mapped: spns.Mappings) -> Known[tuple[SpnEvidence, ...]]:
    """Each SPN with its owners, in the forest where `ldap` is a global catalogue. `mapped`: sPNMappings, which no catalogue has."""
    return asked(lambda: spns.seen_spns(ldap, names, mapped, own))


def duplicates_in(ldap: Ldap) -> Known[tuple[SpnEvidence, ...]]:
    """Every SPN that more than one account carries."""
    return asked(lambda: spns.duplicates(ldap, most=MOST_SEARCHED))


def matching(ldap: Ldap, pattern: str) -> Known[dict[str, tuple[OwnerEvidence, ...]]]:
    """SPNs that fit a pattern, with their owners."""
    return asked(lambda: spns.matching(ldap, pattern, most=MOST_SEARCHED))
