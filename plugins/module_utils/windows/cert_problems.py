# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not fit about a certificate that a listener, or the service, uses; and about stores."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..evidence.base import Known, Unknown, seconds
from ..evidence.endpoint import CertificateEvidence
from ..evidence.host import ChainEvidence, ListenerEvidence, ProblemEvidence
from ..wire.certificate import covers
from .cert_blobs import Contents, Stored
from .cert_chain import DISALLOWED, EXPIRED, NOT_YET_VALID, ROOTS, SERVER_AUTH, TRUSTED, UNDECIDED, Pool
from .material import Circumstances

Told = t.Union[t.Tuple[str, str], None]
"""Kind and sentence of a problem."""
DAY = 86400.0
SERVICE = "service"
LARGEST = 16 * 1024
"""Bytes of a certificate that WinRM takes over HTTPS (Microsoft's pages on WinRM; facts, section h)."""
LEAST_RSA, LEAST_EC = 2048, 224
WEAK_HASHES = {
    "md2": "MD2", "md4": "MD4", "md5": "MD5", "sha1": "SHA-1", "1.2.840.113549.1.1.2": "MD2", "1.2.840.113549.1.1.3": "MD4", "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1", "1.3.14.3.2.29": "SHA-1", "1.2.840.10045.4.1": "SHA-1", "1.2.840.10040.4.3": "SHA-1",
}
"""By name, and by the number of the signature's algorithm where the library knows no name for it any more."""
MOST_MISPLACED = 20


@dataclass(frozen=True)
class Use:
    """Who names a certificate."""

    thumbprint: str
    listeners: tuple[ListenerEvidence, ...] = ()
    service: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """`*+HTTPS`, `service`."""
        return (*(one.key for one in self.listeners), *((SERVICE,) if self.service else ()))

    @property
    def active(self) -> bool:
        """Whether it is more than a listener that is switched off."""
        return self.service or any(one.enabled for one in self.listeners)

    @property
    def who(self) -> str:
        """For sentences."""
        listeners = f"the listener {' and '.join(one.key for one in self.listeners)}" if self.listeners else ""
        return " and ".join(one for one in (listeners, "the service (winrm/config/service)" if self.service else "") if one)


def missing(use: Use, contents: Contents) -> ProblemEvidence:
    """A certificate that is named and not there."""
    elsewhere = [place for place, names in contents.names.items() if use.thumbprint in names]
    there = f", only in {', '.join(elsewhere)}" if elsewhere else ""
    means = f"The certificate {use.thumbprint}, which {use.who} names, is not in the store My{there}."
    return ProblemEvidence("listener_certificate_missing", means, use.thumbprint)


def of_certificate(one: Stored, seen: CertificateEvidence, use: Use, chain: ChainEvidence, here: Circumstances) -> list[ProblemEvidence]:
    """Everything that does not fit about a certificate in use."""
    found = [
        _key_missing(one, use), dates(seen, here, f"The certificate of {use.who}"), _uses(one, seen, use), *_names(seen, use, here), _chain(seen, use, chain),
        _weak_key(seen), _weak_signature(seen), _large(seen),
    ]
    return [ProblemEvidence(*told, seen.thumbprint) for told in found if told]


def _key_missing(one: Stored, use: Use) -> Told:
    if one.key:
        return None
    return "no_key", f"No private key belongs to the certificate of {use.who}: it was imported without its key, so no TLS connection comes about."


def dates(seen: CertificateEvidence, here: Circumstances, whose: str) -> Told:
    """Expired, not valid yet, or expiring soon: by this control node's clock, and by the host's own where that judges otherwise."""
    kind, means = _judged(seen, here.at, here.expiring_days)
    if here.offset is None or abs(here.offset) <= max(here.uncertainty, 1.0):
        return (kind, f"{whose} {means}.") if kind else None
    other, by_host = _judged(seen, here.at + here.offset, here.expiring_days)
    if other == kind:
        return (kind, f"{whose} {means}.") if kind else None
    apart = f"the host's own clock, which is {abs(here.offset):.0f} s {'ahead' if here.offset > 0 else 'behind'}"
    if not kind:
        return other, f"{whose} {by_host} by {apart}, though not by this control node's clock."
    return kind, f"{whose} {means} by this control node's clock; by {apart}, it {by_host or 'is valid'}."


def _judged(seen: CertificateEvidence, now: float, days: int) -> tuple[str, str]:
    since, until = seconds(seen.not_before), seconds(seen.not_after)
    if until < now:
        return EXPIRED, f"expired on {seen.not_after[:10]}"
    if since > now:
        return NOT_YET_VALID, f"is valid only from {seen.not_before[:10]} on"
    left = (until - now) / DAY
    return ("expiring", f"expires on {seen.not_after[:10]}, in {left:.0f} day{'' if round(left) == 1 else 's'}") if left <= days else ("", "")


def days_left(seen: CertificateEvidence, here: Circumstances) -> float:
    """Until it expires, by this control node's clock."""
    return round((seconds(seen.not_after) - here.at) / DAY, 2)


def _uses(one: Stored, seen: CertificateEvidence, use: Use) -> Told:
    kind = "no_server_auth"
    if seen.eku is not None and not set(SERVER_AUTH).intersection(seen.eku):
        return kind, f"The certificate of {use.who} is not meant for servers: its extended key usage lacks Server Authentication ({SERVER_AUTH[0]})."
    if one.uses is not None and not set(SERVER_AUTH).intersection(one.uses):
        return kind, f"In the store somebody has taken Server Authentication from the certificate of {use.who}: by its properties there, not by itself."
    return None


def _names(seen: CertificateEvidence, use: Use, here: Circumstances) -> t.Iterator[Told]:
    """The name of the listener, which WinRM itself compares (0x803380E9), and the one by which the inventory calls the host."""
    kind = "name_mismatch"
    for listener in use.listeners:
        if listener.hostname and not _fits(seen, listener.hostname):
            yield kind, f"The certificate of the listener {listener.key} does not carry the listener's Hostname {listener.hostname}, but {_carried(seen)}."
    if use.listeners and here.scheme == "https" and not covers(seen, here.host):
        yield kind, f"The certificate of {use.who} does not cover {here.host}, the name by which the inventory calls the host, but {_carried(seen)}."


def _fits(seen: CertificateEvidence, name: str) -> bool:
    """WinRM takes the common name too ([MS-WSMV]; facts, section b: CN/SAN), which clients no longer read."""
    return covers(seen, name) or (seen.common_name or "").lower() == name.lower().rstrip(".")


def _carried(seen: CertificateEvidence) -> str:
    names = (*seen.dns_names, *seen.addresses)
    if not names:
        return f"has no subject alternative name, and clients no longer read the common name ({seen.common_name or 'none'}; [RFC 9525])"
    return f"{', '.join(names[:8])}{' and others' if len(names) > 8 else ''}"


def _chain(seen: CertificateEvidence, use: Use, chain: ChainEvidence) -> Told:
    if chain.outcome in (TRUSTED, UNDECIDED):
        return None
    kind = "disallowed" if chain.outcome == DISALLOWED else "chain"
    # A word begins the sentence, or a name such as CN=..., which stays as it is.
    why = f"{chain.why[:1].lower()}{chain.why[1:]}" if chain.why[1:2].islower() else chain.why
    return kind, f"The host itself does not trust the certificate of {use.who}: {why.rstrip('.')}."


def _weak_key(seen: CertificateEvidence) -> Told:
    least = LEAST_EC if seen.key.startswith("EC ") else LEAST_RSA if seen.key.startswith(("RSA", "DSA")) else 0
    if not 0 < seen.key_bits < least:
        return None
    return "weak_key", f"The key of {seen.subject} is too short: {seen.key}, where {least} bits are the least that clients take."


def _weak_signature(seen: CertificateEvidence) -> Told:
    # Whoever trusts a self-signed certificate does not look at its signature ([RFC 5280] 6.1: the trust anchor is not part of the path).
    weak = WEAK_HASHES.get(seen.signature.lower())
    if seen.self_signed or not weak:
        return None
    return "weak_signature", f"{seen.subject} is signed with {weak}, which clients refuse."


def _large(seen: CertificateEvidence) -> Told:
    if seen.bytes <= LARGEST:
        return None
    return "too_large", f"The certificate {seen.subject} has {seen.bytes} bytes; WinRM takes certificates up to {LARGEST}."


def of_authority(seen: CertificateEvidence, here: Circumstances) -> list[ProblemEvidence]:
    """What does not fit about an authority above a certificate in use."""
    found = [dates(seen, here, f"The authority's certificate {seen.subject}"), _weak_key(seen), _weak_signature(seen)]
    return [ProblemEvidence(*told, seen.thumbprint) for told in found if told]


def misplaced(contents: Contents, pool: Pool, shown: t.AbstractSet[str]) -> list[tuple[Stored, ProblemEvidence]]:
    """Certificates in a store for another kind. Names are compared before anything is decoded: stores have hundreds.

    A self-signed one in CA matters where a chain ends in it for want of one in Root: every Windows has one there (Root Agency), which harms nothing.
    """
    found: list[tuple[Stored, ProblemEvidence]] = []
    seen: set[str] = set()
    for one in contents.stored:
        matters = one.store in ROOTS or (one.thumbprint in shown and one.thumbprint not in pool.trusted)
        wrong = _misplaced(one, pool) if matters and one.thumbprint not in seen else None
        if wrong and len(found) < MOST_MISPLACED:
            seen.add(one.thumbprint)
            found.append((one, ProblemEvidence(*wrong, one.thumbprint)))
    return found


def _misplaced(one: Stored, pool: Pool) -> Told:
    roots = one.store in ROOTS
    if not (roots or one.store == "CA") or one.outline.self_issued is roots:
        return None
    seen: Known[CertificateEvidence] = pool.told(one)
    if isinstance(seen, Unknown) or seen.self_signed is roots:
        return None
    if roots:
        return "root_misplaced", (
            f"The store {one.where} holds {seen.subject}, which is not self-signed but issued by {seen.issuer}: with such a one there Schannel refuses client "
            "certificates (KB2795828). It belongs into CA."
        )
    means = f"The store {one.where} holds {seen.subject}, which is self-signed: there it makes nothing trusted. It belongs into Root, if it is to be trusted."
    return "intermediate_misplaced", means
