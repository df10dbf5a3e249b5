# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who an account name may mean: one person has several spellings, and one spelling may mean several persons."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from .evidence.endpoint import ChallengeEvidence
from .target import is_address

LOCAL, DOMAIN, EITHER = "local", "domain", "either"
ANY_DOMAIN = "*"
KANA = ord("\u30a1") - ord("\u3041")
"""Between a katakana and its hiragana."""


@dataclass(frozen=True)
class Account:
    """A user name without its domain, and where it may live; everything in lower case."""

    user: str
    """As `folded` makes it."""
    kind: str
    """`local`, `domain`, or `either` where a bare name may mean both."""
    domains: frozenset[str] = frozenset()
    """Names of the one domain it belongs to; `*` where that may be any."""
    computer: str = ""
    """The computer whose local account it may be."""

    def __post_init__(self) -> None:
        """All spellings of one name are one."""
        object.__setattr__(self, "user", folded(self.user))

    @property
    def certain(self) -> bool:
        """True when the spelling means exactly one person."""
        return self.kind == LOCAL or (self.kind == DOMAIN and ANY_DOMAIN not in self.domains)

    def may_be(self, other: Account) -> bool:
        """True where a failed logon of one may count against the other."""
        if self.user != other.user:
            return False
        if self.computer and self.computer == other.computer:
            return True
        if not self.domains or not other.domains:
            return False
        return ANY_DOMAIN in self.domains | other.domains or bool(self.domains & other.domains)

    def is_surely(self, other: Account) -> bool:
        """True where both are the same person beyond doubt: what is proven for one holds for the other."""
        if self == other:
            return True
        if not (self.certain and other.certain) or self.kind != other.kind or self.user != other.user:
            return False
        return self.computer == other.computer if self.kind == LOCAL else bool(_full(self.domains) & _full(other.domains))


def account_of(username: str, host: str, challenge: ChallengeEvidence | None) -> Account:
    """The account that `username` means at a host; `challenge` is what the host said of itself, if anything.

    The domain's two names are taken for one where the host says so, or where the first label fits, because the price of an error is an attempt
    too few, not one too many. A UPN suffix that is not the host's domain may be anybody's ([MS-ADTS] 5.1.1.1.1: suffixes are free).
    """
    name = username.strip().lower()
    seen = challenge or ChallengeEvidence("")
    computer = _computer(host, seen)
    if "\\" in name:
        domain, _slash, user = name.partition("\\")
        if domain in ("", ".") or domain in _own_names(host, seen):
            return Account(user, LOCAL, computer=computer)
        return Account(user, DOMAIN, _domain(domain, seen))
    if "@" in name:
        user, _at, suffix = name.rpartition("@")
        known = suffix in (seen.dns_domain.lower(), seen.netbios_domain.lower()) and seen.membership != "workgroup"
        return Account(user, DOMAIN, _domain(suffix, seen) if known else frozenset((suffix, ANY_DOMAIN)))
    if seen.membership == "workgroup":
        return Account(name, LOCAL, computer=computer)
    return Account(name, EITHER, frozenset((ANY_DOMAIN,)), computer)


def folded(user: str) -> str:
    """A user name as Active Directory compares it: case, accents, width and kind of kana make no difference ([MS-KILE] 3.1.5.7, note 28)."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", user) if not unicodedata.combining(char))
    return "".join(chr(ord(char) - KANA) if "\u30a1" <= char <= "\u30f6" else char for char in plain).casefold()


def in_domain(account: Account, realm: str) -> Account:
    """A bare name as Kerberos takes it: an account of `realm`; the same account where no realm is known."""
    return Account(account.user, DOMAIN, _domain(realm.lower(), ChallengeEvidence(""))) if realm else account


def _computer(host: str, seen: ChallengeEvidence) -> str:
    return (seen.dns_computer or seen.netbios_computer or host).lower()


def _own_names(host: str, seen: ChallengeEvidence) -> set[str]:
    """How the host may be called in front of a backslash."""
    if seen.netbios_computer:
        return {seen.netbios_computer.lower(), seen.dns_computer.lower()}
    return {host.lower()} | (set() if is_address(host) else {host.lower().partition(".")[0][:15]})


def _domain(name: str, seen: ChallengeEvidence) -> frozenset[str]:
    own = {seen.netbios_domain.lower(), seen.dns_domain.lower()} - {""}
    names = {name} | (own if name in own and seen.membership != "workgroup" else set())
    # NetBIOS names have 15 characters at most ([MS-NBTE] 2.2.1), and nearly always are the first label.
    return frozenset(names | {known.partition(".")[0][:15] for known in names})


def _full(domains: frozenset[str]) -> frozenset[str]:
    """Without the guessed first labels, unless nothing else is known."""
    dotted = frozenset(name for name in domains if "." in name)
    return dotted or domains


def rid(sid: str) -> int | None:
    """The last number of a SID."""
    last = sid.rpartition("-")[2]
    return int(last) if last.isdigit() else None
