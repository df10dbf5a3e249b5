# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which domain to ask, and which controllers it has."""

from __future__ import annotations

import os
import random
import re
import typing as t
from dataclasses import dataclass

from .. import deps
from ..evidence.base import Known, Unknown
from ..evidence.endpoint import ChallengeEvidence
from ..target import is_address
from ..wire.http import printable

OPTION, USER, CHALLENGE, HOST_NAME, KRB5 = "option", "user name", "NTLM challenge", "host name", "krb5.conf"
"""What may name a domain, the surest first."""
BY_OPTION, BY_DNS, BY_KRB5 = "option", "dns", "krb5.conf"
"""What may name a controller."""
CONTROLLERS, PDC, CATALOGUES = "_ldap._tcp.dc._msdcs.{}", "_ldap._tcp.pdc._msdcs.{}", "_gc._tcp.{}"
"""SRV records that every controller registers ([MS-ADTS] 6.3.2.3)."""
MOST_RECORDS = 16
RUN = os.urandom(8)
"""Made where this module is first imported, in Ansible's parent process: all workers of a run try the same controllers, and another run others."""


@dataclass(frozen=True)
class Named:
    """A domain's DNS name in lower case, and what named it."""

    name: str
    by: str


@dataclass(frozen=True)
class Place:
    """One SRV record."""

    name: str
    port: int
    priority: int = 0
    weight: int = 0


@dataclass(frozen=True)
class Found:
    """A controller by name or address, and everything that named it."""

    name: str
    by: tuple[str, ...]


def domains(
    *, option: str, username: str, challenge: ChallengeEvidence | None, host: str, default_realm: str, realms: t.Iterable[str] = (),
) -> tuple[Named, ...]:
    """The domains that may be the account's, the surest first. `realms` are those that krb5.conf knows."""
    known = [realm.lower() for realm in realms]
    named = [
        Named(option, OPTION), Named(of_user(username, challenge, host, known), USER), Named(of_challenge(challenge), CHALLENGE),
        Named(suffix(host), HOST_NAME), Named(default_realm, KRB5),
    ]
    best: dict[str, Named] = {}
    for one in named:
        name = one.name.strip(".").lower()
        # A domain may have a single label; what follows a host's name is taken for one only where it has more, for it nearly always is something else.
        if name not in best and re.fullmatch(r"[^\s\\/@]+", name) and ("." in name or one.by != HOST_NAME):
            best[name] = Named(name, one.by)
    return tuple(best.values())


def of_user(username: str, challenge: ChallengeEvidence | None, host: str, realms: t.Iterable[str]) -> str:
    """The domain in a user name: a UPN's suffix, or the DNS name that belongs to the NetBIOS name before the backslash; "" where there is none."""
    name = username.strip()
    domain = name.partition("\\")[0] if "\\" in name else name.rpartition("@")[2] if "@" in name else ""
    domain = domain.lower()
    if not domain or domain == "." or "." in domain:
        return domain.strip(".")
    if challenge and challenge.netbios_domain.lower() == domain and challenge.membership != "workgroup":
        return challenge.dns_domain.lower()
    # A NetBIOS name nearly always is the first label of the DNS name, cut at 15 characters.
    guesses = [*realms, of_challenge(challenge), suffix(host)]
    return next((guess for guess in guesses if guess.partition(".")[0][:15] == domain), "")


def of_challenge(challenge: ChallengeEvidence | None) -> str:
    """The domain that the host says it is a member of."""
    return challenge.dns_domain.lower() if challenge and challenge.membership != "workgroup" else ""


def suffix(host: str) -> str:
    """What follows the first label of a host's name."""
    return "" if is_address(host) else host.strip(".").lower().partition(".")[2]


def srv(name: str, lifetime: float) -> Known[tuple[Place, ...]]:
    """The SRV records of a name, in the order in which they are to be tried, which stays the same for the whole run; () where DNS says that there are none."""
    if absent := deps.missing("dnspython"):
        return Unknown(absent)
    try:
        answer = deps.dns_resolver.get_default_resolver().resolve(f"{name}.", "SRV", lifetime=lifetime)
    except (deps.dns_resolver.NXDOMAIN, deps.dns_resolver.NoAnswer):
        return ()
    except (deps.dns_exception.DNSException, OSError, ValueError) as error:
        return Unknown(f"{type(error).__name__}: {printable(str(error), 160)}")
    places = [Place(printable(row.target.to_text(omit_final_dot=True), 255).lower(), row.port, row.priority, row.weight) for row in answer]
    return ordered([place for place in places if place.name], random.Random(RUN + name.encode()))[:MOST_RECORDS]


def ordered(places: t.Iterable[Place], chance: random.Random) -> tuple[Place, ...]:
    """The records as [RFC 2782] has clients take them: by priority, and among equals by chance in proportion to their weights."""
    left = sorted(places, key=lambda place: (place.priority, place.weight, place.name))
    found: list[Place] = []
    while left:
        equals = [place for place in left if place.priority == left[0].priority]
        mark = chance.randint(0, sum(place.weight for place in equals))
        chosen = next(place for at, place in enumerate(equals) if sum(before.weight for before in equals[: at + 1]) >= mark)
        found.append(chosen)
        left.remove(chosen)
    return tuple(found)


def merge(options: t.Iterable[str], records: t.Iterable[Place], kdcs: t.Iterable[str]) -> tuple[Found, ...]:
    """All controllers that somebody named, each once: those of the option first, then those of DNS, then those of krb5.conf."""
    found: dict[str, tuple[str, ...]] = {}
    named = [(name, BY_OPTION) for name in options] + [(place.name, BY_DNS) for place in records] + [(kdc_host(kdc), BY_KRB5) for kdc in kdcs]
    for name, by in named:
        key = name.strip().strip(".").lower()
        if key:
            found[key] = (*found.get(key, ()), *([] if by in found.get(key, ()) else [by]))
    return tuple(Found(name, by) for name, by in found.items())


def kdc_host(kdc: str) -> str:
    """The host in a `kdc` of krb5.conf, which may have a protocol before it and a port behind it (krb5.conf(5), realms)."""
    if kdc.lower().startswith("https://"):
        # A proxy for Kerberos ([MS-KKDCP]), no controller.
        return ""
    text = re.sub(r"^(?:udp|tcp)/", "", kdc.strip())
    if text.startswith("["):
        return text[1:].partition("]")[0]
    # A bare IPv6 address has more than one colon, and no port.
    return text.partition(":")[0] if text.count(":") == 1 else text
