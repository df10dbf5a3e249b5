# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of the local machine: which of them WinRM uses, whether they fit, and whether the host trusts them itself."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, replace

from .. import deps
from ..evidence.base import Known, Unknown
from ..evidence.endpoint import CertificateEvidence, RevocationEvidence
from ..evidence.host import CertificatesEvidence, ChainEvidence, ListenerEvidence, ProblemEvidence, StoredCertificateEvidence, StoreEvidence
from . import cert_problems, config, listeners
from .cert_blobs import AUTH_ROOT, CA, DISALLOWED, FILLED, MY, ROOT, RULED, SHARED, TRUSTED_PEOPLE, Contents, Place, Stored, loose, read
from .cert_chain import Pool
from .cert_problems import Use
from .material import Circumstances, Key, Material, Needs

MOST_OWN = 100
"""Certificates of My that are told of; those in use first."""
AUTO_UPDATE = f"{RULED}\\AuthRoot"
NAMES_ONLY = ("HKEY_",)
"""What reg query prints of a key and not of its values."""
MAPPINGS = "config/service/certmapping"


def needs(circumstances: Circumstances) -> Needs:
    """My always. The other stores where a certificate takes part, or all is wanted: a certificate is 1-2 KB, twice as much as hex, and a host may have 300."""
    own = tuple(_wanted(place, circumstances) for place in _places(circumstances) if place not in FILLED)
    filled = (Key(RULED), Key(SHARED)) if _deep(circumstances) else ()
    update = Key(AUTO_UPDATE, deep=False, values=("DisableRootAutoUpdate",))
    return Needs(config=True, resources=(listeners.RESOURCE,), keys=(*own, *filled, update, listeners.KEY))


def _deep(circumstances: Circumstances) -> bool:
    """Whether chains are to be built."""
    return circumstances.thorough or circumstances.scheme == "https" or bool(circumstances.presented)


def _places(circumstances: Circumstances) -> tuple[Place, ...]:
    if not _deep(circumstances):
        return (MY,)
    return (MY, ROOT, CA, DISALLOWED, *((AUTH_ROOT,) if _public(circumstances) else ()), *((TRUSTED_PEOPLE,) if circumstances.thorough else ()), *FILLED)


def _public(circumstances: Circumstances) -> bool:
    """Whether AuthRoot is read, the largest store, which holds public authorities only: without it no chain of a stranger can be called untrusted."""
    return circumstances.thorough or bool(circumstances.presented)


def _bare(circumstances: Circumstances) -> tuple[Place, ...]:
    """Stores of which the thumbprints are enough."""
    return () if circumstances.thorough else (DISALLOWED,)


def _wanted(place: Place, circumstances: Circumstances) -> Key:
    return Key(f"{place.key}\\Certificates", contains=NAMES_ONLY if place in _bare(circumstances) else ())


def evidence(material: Material, circumstances: Circumstances) -> Known[CertificatesEvidence]:
    """What lies in the stores, whom it serves, and what does not fit."""
    if reason := deps.missing("cryptography"):
        return Unknown(reason)
    look = _look(material, circumstances)
    if not look.contents.stores:
        return Unknown(next(iter(look.contents.unread.values()), "no store was read"))
    shown = _Shown(look)
    for one in look.own[:MOST_OWN]:
        shown.own(one)
    problems = [*_absent(look), *shown.problems, *_mappings(material, look, shown)]
    for one, wrong in cert_problems.misplaced(look.contents, look.pool, {thumbprint for _store, _source, thumbprint in shown.certificates}):
        shown.show(one)
        problems.append(wrong)
    gaps = tuple(Unknown(f"the store {place} was not read whole: {reason}") for place, reason in look.contents.unread.items())
    stores = tuple(_counted(store, shown.unreadable) for store in look.contents.stores)
    certificates = tuple(sorted(shown.certificates.values(), key=lambda one: one.store != MY.name))
    return CertificatesEvidence(stores, certificates, look.pool.automatic_roots, tuple(dict.fromkeys(problems)), gaps, _presented(look))


def _presented(look: _Look) -> ChainEvidence | None:
    """What this host would say of a certificate that another one presents to it."""
    leaf = loose(look.here.presented[0]) if look.here.presented else None
    return look.pool.chain(leaf)[1] if leaf else None


@dataclass(frozen=True)
class _Look:
    contents: Contents
    pool: Pool
    uses: t.Mapping[str, Use]
    here: Circumstances
    own: tuple[Stored, ...]
    """Those of My, the ones in use first."""


def _look(material: Material, here: Circumstances) -> _Look:
    contents = read(material.registry, _places(here), _bare(here))
    unread = tuple(place for place in contents.unread if place.startswith(("Root", "CA", "AuthRoot")))
    left_out = () if _public(here) else (AUTH_ROOT.where,)
    sent = tuple(filter(None, map(loose, here.presented)))
    pool = Pool((*contents.stored, *sent), here.at + (here.offset or 0.0), contents.named("Disallowed"), (*unread, *left_out), _automatic(material))
    uses = _uses(material, here)
    own = tuple(sorted(contents.of("My"), key=lambda one: one.thumbprint not in uses))
    return _Look(contents, pool, uses, here, own)


def _automatic(material: Material) -> Known[bool]:
    """On, unless policy says otherwise."""
    switch, reason = material.registry.number(AUTO_UPDATE, "DisableRootAutoUpdate"), material.registry.why(AUTO_UPDATE)
    return Unknown(reason) if switch is None and reason is not None else switch != 1


def _uses(material: Material, here: Circumstances) -> dict[str, Use]:
    """Thumbprint to who names it."""
    told, settings = listeners.evidence(material, here), config.evidence(material, here)
    by: dict[str, list[ListenerEvidence]] = {}
    for one in () if isinstance(told, Unknown) else told.listeners:
        if one.thumbprint and one.transport.upper() == "HTTPS":
            by.setdefault(one.thumbprint, []).append(one)
    service = None if isinstance(settings, Unknown) else settings.value("Service/CertificateThumbprint")
    own = listeners.thumbprint_of(service or "")
    return {name: Use(name, tuple(by.get(name, ())), name == own) for name in dict.fromkeys((*by, *((own,) if own else ())))}


class _Shown:
    """What is told of, each certificate of a store once."""

    def __init__(self, look: _Look) -> None:
        self.look = look
        self.certificates: dict[tuple[str, str, str], StoredCertificateEvidence] = {}
        self.problems: list[ProblemEvidence] = []
        self.unreadable: dict[tuple[str, str], int] = {}

    def own(self, one: Stored) -> None:
        """A certificate of My: with its chain, and what does not fit about it where it is used."""
        look, seen = self.look, self.look.pool.told(one)
        if isinstance(seen, Unknown):
            self.unreadable[(one.store, one.source)] = self.unreadable.get((one.store, one.source), 0) + 1
            return
        use = look.uses.get(one.thumbprint)
        path, chain = look.pool.chain(one)
        told = StoredCertificateEvidence(
            one.store, seen, one.source, one.key, one.friendly_name, use.names if use else (), chain if _deep(look.here) else None,
            cert_problems.days_left(seen, look.here),
        )
        self.certificates[(one.store, one.source, one.thumbprint)] = told
        above = [self.show(other) for other in path[1:]]
        if use and use.active:
            self.problems += cert_problems.of_certificate(one, seen, use, chain, look.here)
            for authority in filter(None, above):
                self.problems += cert_problems.of_authority(authority, look.here)

    def show(self, one: Stored) -> CertificateEvidence | None:
        """A certificate of any store, as it is."""
        seen, key = self.look.pool.told(one), (one.store, one.source, one.thumbprint)
        if isinstance(seen, Unknown):
            return None
        if key not in self.certificates:
            days = cert_problems.days_left(seen, self.look.here)
            self.certificates[key] = StoredCertificateEvidence(one.store, seen, one.source, True if one.key else None, one.friendly_name, days_left=days)
        return seen


def _counted(store: StoreEvidence, unreadable: t.Mapping[tuple[str, str], int]) -> StoreEvidence:
    """With those that have the form of a certificate, but could not be read after all."""
    return replace(store, unreadable=store.unreadable + unreadable.get((store.name, store.source), 0))


def _absent(look: _Look) -> list[ProblemEvidence]:
    """Certificates that listeners name and My does not have."""
    names = look.contents.names.get(MY.where)
    if names is None or MY.where in look.contents.unread:
        return []
    return [cert_problems.missing(use, look.contents) for thumbprint, use in look.uses.items() if use.active and thumbprint not in names]


def _mappings(material: Material, look: _Look, shown: _Shown) -> list[ProblemEvidence]:
    """Authorities of certificate mappings: WinRM wants each in Root or CA (0x80338162)."""
    told = material.resource(MAPPINGS)
    wanted = () if isinstance(told, Unknown) else dict.fromkeys(listeners.thumbprint_of(one.get("Issuer")) for one in told if one.flag("Enabled") is not False)
    found = []
    for thumbprint in filter(None, wanted):
        one = next((one for one in look.contents.of("Root", "AuthRoot", "CA") if one.thumbprint == thumbprint), None)
        if one:
            shown.show(one)
        elif not look.pool.unread:
            means = f"The certificate {thumbprint}, by which a certificate mapping knows its authority, is in no store Root or CA."
            found.append(ProblemEvidence("mapping_issuer_missing", means, thumbprint))
    return found


class Question(t.NamedTuple):
    """A certificate whose revocation is to be asked, and what `wire.revocation.revocation_of` wants for it."""

    thumbprint: str
    ders: tuple[bytes, bytes]
    """Its own, and its issuer's."""


def to_ask(material: Material, circumstances: Circumstances) -> tuple[Question, ...]:
    """What to ask of whom: every certificate in use, and the authorities between it and its root."""
    if deps.missing("cryptography") or not circumstances.revocation:
        return ()
    look = _look(material, circumstances)
    asked: dict[str, Question] = {}
    for one in look.own:
        if one.thumbprint in look.uses:
            for below, above in itertools.pairwise(look.pool.chain(one)[0]):
                asked.setdefault(below.thumbprint, Question(below.thumbprint, (below.der, above.der)))
    return tuple(asked.values())


def answered(told: Known[CertificatesEvidence], answers: t.Mapping[str, tuple[Known[RevocationEvidence], ...]]) -> Known[CertificatesEvidence]:
    """The same with what the authorities said, by thumbprint."""
    if isinstance(told, Unknown):
        return told
    certificates = tuple(replace(one, revocation=answers.get(one.certificate.thumbprint, one.revocation)) for one in told.certificates)
    revoked = {
        one.certificate.thumbprint: ProblemEvidence("revoked", _revoked(one.certificate, answer), one.certificate.thumbprint)
        for one in certificates for answer in one.revocation if isinstance(answer, RevocationEvidence) and answer.status == "revoked"
    }
    return replace(told, certificates=certificates, problems=(*told.problems, *revoked.values()))


def _revoked(seen: CertificateEvidence, answer: RevocationEvidence) -> str:
    since = f" since {answer.revoked_at}" if answer.revoked_at else ""
    return f"{seen.subject} is revoked{since}: {answer.way} at {answer.url} says so."
