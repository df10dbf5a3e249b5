# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate's chain out of a host's own stores, as Windows would build it without the network.

Issuers are found by name and, where both certificates tell it, by key identifier ([RFC 5280] 4.2.1.1); the signature decides. Name constraints and policies
are not looked at, nor Microsoft's lists (authroot.stl, disallowedcert.stl).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .. import deps
from ..evidence.base import Known, Unknown, seconds
from ..evidence.endpoint import CertificateEvidence
from ..evidence.host import ChainEvidence
from ..wire.certificate import parse_certificate
from .cert_blobs import PRESENTED, Stored

TRUSTED, EXPIRED, NOT_YET_VALID, NOT_A_CA, UNTRUSTED_ROOT = "trusted", "expired", "not_yet_valid", "not_a_ca", "untrusted_root"
DISALLOWED, INCOMPLETE, BAD_SIGNATURE, UNDECIDED = "disallowed", "incomplete", "bad_signature", "undecided"
BEST_FIRST = (TRUSTED, EXPIRED, NOT_YET_VALID, NOT_A_CA, UNTRUSTED_ROOT, DISALLOWED, INCOMPLETE, BAD_SIGNATURE)
"""Of several ways up, the best counts, as in Windows."""
SERVER_AUTH = ("1.3.6.1.5.5.7.3.1", "2.5.29.37.0")
"""id-kp-serverAuth and anyExtendedKeyUsage ([RFC 5280] 4.2.1.12)."""
LONGEST = 8
"""Certificates in a chain."""
MOST_SIGNATURES = 64
"""Verified for one chain: a hostile store must not cost more."""
ROOTS = ("Root", "AuthRoot")
"""Stores that make a root trusted; to Windows AuthRoot is a part of Root."""
OF_OLD = {"1.2.840.113549.1.1.5": "SHA1", "1.2.840.10045.4.1": "SHA1", "1.2.840.113549.1.1.4": "MD5"}
"""Algorithms of signatures by number ([RFC 3279] 2.2)."""
NOT_READ = "has an extension that cannot be read"
Path = t.Tuple[Stored, ...]


@dataclass
class Pool:
    """Stores that chains are built from. Certificates are decoded when a chain needs them, and once."""

    stored: t.Sequence[Stored]
    now: float
    """Seconds since 1970, by the host's clock."""
    disallowed: t.AbstractSet[str] = frozenset()
    """Thumbprints in the stores Disallowed."""
    unread: tuple[str, ...] = ()
    """Stores that were not read, or only in part, and could complete a chain."""
    automatic_roots: Known[bool] = True
    _read: dict[str, t.Any] = field(default_factory=dict)
    _told: dict[str, Known[CertificateEvidence]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trusted = {one.thumbprint for one in self.stored if one.store in ROOTS}
        self._forbidden = {(one.outline.issuer, one.outline.serial) for one in self.stored if one.store == "Disallowed"}
        self._named: dict[bytes, dict[str, Stored]] = {}
        for one in sorted((one for one in self.stored if one.store in (*ROOTS, "CA", "My", PRESENTED)), key=lambda one: one.store not in ROOTS):
            self._named.setdefault(one.outline.subject, {}).setdefault(one.thumbprint, one)

    def told(self, one: Stored) -> Known[CertificateEvidence]:
        """The certificate as evidence."""
        if one.thumbprint not in self._told:
            self._told[one.thumbprint] = parse_certificate(one.der)
        return self._told[one.thumbprint]

    def is_disallowed(self, one: Stored) -> bool:
        """Whether it lies in Disallowed, itself or one with the same issuer and serial number."""
        return one.thumbprint in self.disallowed or (one.outline.issuer, one.outline.serial) in self._forbidden

    def chain(self, leaf: Stored) -> tuple[Path, ChainEvidence]:
        """The best way up from a certificate, and what is to be said of it."""
        ends = [(path, *self._judged(path, end)) for path, end in self._ends((leaf,), [MOST_SIGNATURES])]
        path, outcome, why = min(ends, key=lambda one: BEST_FIRST.index(one[1]))
        # AuthRoot holds authorities of Microsoft's list, nobody's own self-signed certificate.
        unread = [place for place in self.unread if place != "AuthRoot" or len(path) > 1 or outcome == INCOMPLETE]
        if unread and outcome in (UNTRUSTED_ROOT, INCOMPLETE):
            outcome, why = UNDECIDED, f"{why} Not all stores were read: {', '.join(unread)}."
        return path, ChainEvidence(outcome, why, tuple(self._subject(one) for one in path), tuple(self._where(one) for one in path))

    def _where(self, one: Stored) -> str:
        """The place that counts: one that makes it trusted before the others."""
        best = self._named.get(one.outline.subject, {}).get(one.thumbprint, one)
        return one.where if one.store == "My" and best.store not in ROOTS else best.where

    def _ends(self, path: Path, left: list[int]) -> t.Iterator[tuple[Path, str]]:
        """Every way up, with how it ends: TRUSTED (self-signed, whether trusted or not), INCOMPLETE or BAD_SIGNATURE."""
        last = path[-1]
        if last.outline.self_issued and self._signed(last, last, left):
            yield path, TRUSTED
            return
        found = failed = False
        if len(path) < LONGEST:
            for one in self._issuers(last):
                if any(one.thumbprint == known.thumbprint for known in path):
                    # It names itself, and is not signed by itself.
                    failed = failed or one.thumbprint == last.thumbprint
                    continue
                if not self._signed(last, one, left):
                    failed = True
                    continue
                found = True
                yield from self._ends((*path, one), left)
        if not found:
            yield path, BAD_SIGNATURE if failed else INCOMPLETE

    def _issuers(self, one: Stored) -> t.Iterator[Stored]:
        """Certificates that may have signed this one, by name and key identifier."""
        wanted = self._key_id(one, "AuthorityKeyIdentifier", "key_identifier")
        for other in self._named.get(one.outline.issuer, {}).values():
            own = self._key_id(other, "SubjectKeyIdentifier", "digest")
            if wanted is None or own is None or wanted == own:
                yield other

    def _key_id(self, one: Stored, extension: str, name: str) -> bytes | None:
        found = _extension(self._x509(one), extension)
        return t.cast("bytes | None", getattr(found, name)) if found not in (None, NOT_READ) else None

    def _signed(self, one: Stored, by: Stored, left: list[int]) -> bool:
        """Whether the signature is the issuer's; one of a kind that cannot be verified here counts as good, as names and key identifiers fit."""
        child, issuer = self._x509(one), self._x509(by)
        left[0] -= 1
        if child is None or issuer is None or left[0] < 0:
            return False
        try:
            child.verify_directly_issued_by(issuer)
        except deps.invalid_signature:
            return False
        except (ValueError, TypeError, *deps.certificate_errors):
            return _signed_of_old(child, issuer)
        return True

    def _x509(self, one: Stored) -> t.Any:
        """The library's certificate; None where it cannot read it."""
        if one.thumbprint not in self._read:
            try:
                self._read[one.thumbprint] = deps.x509.load_der_x509_certificate(one.der)
            except (ValueError, TypeError, OverflowError, *deps.certificate_errors):
                self._read[one.thumbprint] = None
        return self._read[one.thumbprint]

    def _subject(self, one: Stored) -> str:
        seen = self.told(one)
        return f"the certificate {one.thumbprint}" if isinstance(seen, Unknown) else seen.subject or f"the certificate {one.thumbprint} without a subject"

    def _judged(self, path: Path, end: str) -> tuple[str, str]:
        """Outcome and sentence of one way up, from what weighs most to what weighs least."""
        for one in path:
            if self.is_disallowed(one):
                return DISALLOWED, f"{self._subject(one)} is in the store Disallowed."
        last = path[-1]
        if end == BAD_SIGNATURE:
            return BAD_SIGNATURE, f"The signature of {self._subject(last)} is not that of {_name(self.told(last))}, as the host's stores have it."
        if end == INCOMPLETE:
            return INCOMPLETE, self._incomplete(path)
        if last.thumbprint not in self.trusted:
            return UNTRUSTED_ROOT, self._untrusted(path)
        place = self._where(last)
        trusted = self._named[last.outline.subject][last.thumbprint]
        if trusted.uses is not None and not set(SERVER_AUTH).intersection(trusted.uses):
            return UNTRUSTED_ROOT, f"{self._subject(last)} is in {place}, but is trusted there for other uses than Server Authentication."
        for number, one in enumerate(path[1:]):
            if why := self._unfit(one, path[1 : number + 1]):
                return NOT_A_CA, f"{self._subject(one)} {why}."
        for one in path[1:]:
            if late := self._late(one):
                return late
        itself = "It signs itself and is" if len(path) == 1 else f"It ends in {self._subject(last)}, which is"
        # A chain is one thing, the dates of what it begins with another: told beside it as a problem, they must not seem contradicted.
        dated = "; its own dates are another matter, and do not fit today" if self._late(path[0]) else ""
        return TRUSTED, f"{itself} in {place}{dated}."

    def _incomplete(self, path: Path) -> str:
        last = path[-1]
        seen = self.told(last)
        issuer = _name(seen)
        namesake = " (one of that name is there, but has another key)" if self._named.get(last.outline.issuer) else ""
        why = f"{issuer}, which issued {self._subject(last)}, is in no store of the host{namesake}."
        if isinstance(seen, CertificateEvidence) and seen.aia:
            why += f" Windows may fetch it from {seen.aia[0]}."
        return f"{why} {self._by_itself}"

    def _untrusted(self, path: Path) -> str:
        if len(path) == 1:
            return "It signs itself and is in no Root store: everybody who is to trust it has to trust this very certificate."
        last = path[-1]
        if last.store == PRESENTED:
            return f"It ends in {self._subject(last)}, which is sent along, but lies in no Root store. {self._by_itself}"
        return f"It ends in {self._subject(last)}, which lies in {self._where(last)}, but in no Root store. {self._by_itself}"

    @property
    def _by_itself(self) -> str:
        """What automatic root update can do about it (policy "Turn off Automatic Root Certificates Update")."""
        if self.automatic_roots is False:
            return "Nothing comes by itself: policy switches the automatic root update off."
        hope = "may fetch" if isinstance(self.automatic_roots, Unknown) else "fetches"
        return f"Windows {hope} the root of a public authority by itself when it needs it and reaches Microsoft's list, never that of a company."

    def _unfit(self, one: Stored, below: Path) -> str:
        """Why it may not issue certificates ([RFC 5280] 4.2.1.3, 4.2.1.9); "" where it may, or where that cannot be read."""
        read = self._x509(one)
        basic, usage = _extension(read, "BasicConstraints"), _extension(read, "KeyUsage")
        if NOT_READ in (basic, usage):
            return ""
        # [INF] That a root in Root needs no such extension: old ones (version 1) have none.
        if (basic is None and one.thumbprint not in self.trusted) or (basic is not None and not basic.ca):
            return "is not the certificate of an authority (basic constraints), yet others are issued by it"
        if usage is not None and not usage.key_cert_sign:
            return "may not sign certificates (key usage), yet others are issued by it"
        deep = sum(not other.outline.self_issued for other in below)
        if basic is not None and basic.path_length is not None and deep > basic.path_length:
            return f"allows {basic.path_length} authorities below it (basic constraints), yet there are {deep}"
        return ""

    def _late(self, one: Stored) -> tuple[str, str] | None:
        seen = self.told(one)
        if isinstance(seen, Unknown):
            return None
        if seconds(seen.not_after) < self.now:
            return EXPIRED, f"The authority's certificate {seen.subject} expired on {seen.not_after[:10]}."
        if seconds(seen.not_before) > self.now:
            return NOT_YET_VALID, f"The authority's certificate {seen.subject} is valid only from {seen.not_before[:10]} on."
        return None


def _signed_of_old(child: t.Any, issuer: t.Any) -> bool:
    """The same for algorithms that the library verifies in no certificate any more; True for those that it does not know at all."""
    name = OF_OLD.get(child.signature_algorithm_oid.dotted_string)
    if name is None:
        return True
    key, hashed = issuer.public_key(), getattr(deps.hashes, name)()
    try:
        if isinstance(key, deps.rsa.RSAPublicKey):
            key.verify(child.signature, child.tbs_certificate_bytes, deps.padding.PKCS1v15(), hashed)
        elif isinstance(key, deps.ec.EllipticCurvePublicKey):
            key.verify(child.signature, child.tbs_certificate_bytes, deps.ec.ECDSA(hashed))
    except deps.invalid_signature:
        return False
    except (ValueError, TypeError, *deps.certificate_errors):
        return True
    return True


def _name(seen: Known[CertificateEvidence]) -> str:
    """The issuer's name."""
    return "its issuer" if isinstance(seen, Unknown) else seen.issuer or "an issuer without a name"


def _extension(read: t.Any, name: str) -> t.Any:
    """An extension's value; None where it is absent, NOT_READ where it cannot be read."""
    if read is None:
        return NOT_READ
    try:
        return read.extensions.get_extension_for_class(getattr(deps.x509, name)).value
    except deps.x509.ExtensionNotFound:
        return None
    except (ValueError, TypeError, *deps.certificate_errors):
        return NOT_READ
