# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a plan for SPNs so that nothing is left half done, and saying why a domain controller refuses it."""

from __future__ import annotations

import typing as t
from functools import partial

from .. import commands
from ..errors import DoctorError
from ..evidence.directory import OwnerEvidence
from ..target import is_address
from ..wire.ldap import Change
from . import partitions
from .accounts import finder
from .computers import choose
from .computers import finder as finder_of_hosts
from .entries import Entry
from .ldap import Ldap
from .refusal import CONSTRAINT, NO_RIGHTS, NO_SUCH_OBJECT, REFERRAL, LdapError, LdapUnreachable
from .spn_plan import Holder, Plan, described
from .spns import OWNER_ATTRIBUTES, owner_of

ATTRIBUTE = "servicePrincipalName"
OTHER_NAMES = ("msDS-AdditionalDnsHostName", "msDS-AdditionalSamAccountName")
ATTRIBUTES = (*OWNER_ATTRIBUTES, "dNSHostName", "userPrincipalName", *OTHER_NAMES)
NO_SUCH_ATTRIBUTE, VALUE_EXISTS, INVALID_DN = 16, 20, 34
"""resultCode ([RFC 4511] 4.1.9)."""
NOT_UNIQUE, INVALID_REFERENCE = 0x21C7, 0x20B5
"""ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST and ERROR_DS_NAME_REFERENCE_INVALID ([MS-ERREF] 2.2), as they lead the diagnostic message."""


def is_dn(name: str) -> bool:
    """Whether an account is named by its distinguished name."""
    return "=" in name and "," in name


def find_account(ldap: Ldap, name: str, domain: str) -> Holder:
    """The account of this DN, UPN or sAMAccountName; raises DoctorError where there is none, or more than one, or it is another domain's."""
    if is_dn(name):
        return _only(_entries(ldap, name, "(objectClass=*)", "base"), name, domain, "distinguished name")
    base, is_upn = ldap.root().text("defaultNamingContext"), "@" in name and "\\" not in name
    ours = partitions.is_of(name, domain, partitions.domains(ldap) if partitions.said_in(name) else {})
    if not ours and not is_upn:
        raise DoctorError(
            f"{name!r} is no account of {domain}: {name.partition(chr(92))[0]} is another domain, or none of this forest", expected=f"an account of {domain}",
            do="Set domain to the account's domain, or leave out what stands before the backslash", value=name,
        )
    found = _entries(ldap, base, finder(name, implicit=ours), "sub")
    if not found and "\\" not in name and "@" not in name and not name.endswith("$"):
        # A computer is SRV1$ to the directory and SRV1 to everybody else.
        found = _entries(ldap, base, finder(f"{name}$"), "sub")
    # An explicit UPN goes before a sAMAccountName that would make the same one ([MS-ADTS] 5.1.1.1.1).
    found = [entry for entry in found if entry.text("userPrincipalName").lower() == name.strip().lower()] or found
    return _only(found, name, domain, "sAMAccountName or user principal name")


def find_host(ldap: Ldap, host: str, domain: str) -> Holder:
    """The computer account of a host, by its dNSHostName, its SPNs or its sAMAccountName; raises DoctorError."""
    if is_address(host):
        raise DoctorError(
            f"The host {host} is an address, and computer accounts are found by name", expected="a host name, or an account",
            do="Set account to the computer's account, such as WEB01$", value=host,
        )
    found = _entries(ldap, ldap.root().text("defaultNamingContext"), finder_of_hosts((host,)), "sub")
    if chosen := choose(found, (host,)):
        return holder_of(chosen[0])
    raise DoctorError(
        f"No computer account in {domain} belongs to the host {host}: none has it as dNSHostName, in a HOST or WSMAN SPN, or as sAMAccountName",
        expected="a host that is a member of this domain", do="Set account to the account that the service runs as, or domain to the host's domain", value=host,
    )


def _entries(ldap: Ldap, base: str, term: str, scope: str) -> list[Entry]:
    try:
        return list(ldap.search(base, term, ATTRIBUTES, scope=t.cast(t.Any, scope), most=10))
    except LdapError as error:
        if error.code in (NO_SUCH_OBJECT, INVALID_DN):
            return []
        raise


def _only(found: list[Entry], name: str, domain: str, kind: str) -> Holder:
    if not found:
        raise DoctorError(
            f"There is no account {name!r} in {domain}, or it may not be read", expected=f"the {kind} of an account of this domain",
            do="Check the name, and the option domain", value=name,
        )
    if len(found) > 1:
        raise DoctorError(
            f"{len(found)} accounts in {domain} answer to {name!r}: {', '.join(entry.dn for entry in found)}", expected="one account",
            do="Name it by its distinguished name", value=name,
        )
    return holder_of(found[0])


def holder_of(entry: Entry) -> Holder:
    """An account that was read with ATTRIBUTES."""
    return Holder(owner_of(entry), entry.texts(ATTRIBUTE), entry.text("dNSHostName"), tuple(name for kind in OTHER_NAMES for name in entry.texts(kind)))


def reread(ldap: Ldap, dn: str) -> Holder:
    """The account as it is now; raises DoctorError where it is gone."""
    return _only(_entries(ldap, dn, "(objectClass=*)", "base"), dn, "the domain", "distinguished name")


class Writer:
    """Carries out plans. `connect` gives a new connection to the same domain where the old one broke."""

    def __init__(self, ldap: Ldap, connect: t.Callable[[], Ldap], who: str) -> None:
        self.ldap, self.connect, self.who = ldap, connect, who

    def apply(self, holder: Holder, plan: Plan) -> Holder:
        """The account as it is afterwards; raises DoctorError with everything as it was, or with what is not."""
        taken: list[tuple[OwnerEvidence, str]] = []
        try:
            for move in plan.moves:
                self._modify(move.owner, (("delete", ATTRIBUTE, (move.spn,)),), partial(_lacks, move.spn))
                taken.append((move.owner, move.spn))
            changes = [(how, ATTRIBUTE, spns) for how, spns in (("delete", plan.remove), ("add", plan.add)) if spns]
            if changes:
                # One request, so that the server does all of it or nothing ([RFC 4511] 4.6).
                self._modify(holder.owner, changes, partial(_is_done, plan))
        except _Refused as refused:
            raise self._undone(holder, plan, taken, refused) from refused.error
        return self.read(holder.owner.dn)

    def read(self, dn: str) -> Holder:
        """An account, over a new connection if need be."""
        try:
            return reread(self.ldap, dn)
        except LdapUnreachable:
            return self._read_anew(dn)

    def _read_anew(self, dn: str) -> Holder:
        self.ldap = self.connect()
        return reread(self.ldap, dn)

    def _modify(self, owner: OwnerEvidence, changes: t.Sequence[Change], done: t.Callable[[Holder], bool]) -> None:
        try:
            self._change(owner.dn, changes)
        except (LdapError, LdapUnreachable) as error:
            # Without an answer nobody knows whether it was done; and somebody else may have done it just before. Looking tells.
            if isinstance(error, LdapError) and error.code not in (NO_SUCH_ATTRIBUTE, VALUE_EXISTS):
                raise _Refused(owner, error, known=True) from error
            look = self.read if isinstance(error, LdapError) else self._read_anew
            try:
                if done(look(owner.dn)):
                    return
            except (LdapError, LdapUnreachable, DoctorError):
                raise _Refused(owner, error, known=False) from error
            raise _Refused(owner, error, known=True) from error

    def _change(self, dn: str, changes: t.Sequence[Change]) -> None:
        """Samba also holds what is taken away against its other owner (samldb_spn_uniqueness_check), and so keeps every duplicate; all values at once pass."""
        try:
            self.ldap.modify(dn, changes)
        except LdapError as error:
            # Active Directory's refusals have a number, and mean what they say: nobody's change is put at risk there.
            if error.code != CONSTRAINT or error.data is not None or not any(how == "delete" for how, _attribute, _spns in changes):
                raise
            try:
                # Read again just before, so that what others wrote meanwhile stays.
                self.ldap.modify(dn, (("replace", ATTRIBUTE, _applied(reread(self.ldap, dn).spns, changes)),))
            except (LdapError, DoctorError):
                raise error from None

    def _undone(self, holder: Holder, plan: Plan, taken: list[tuple[OwnerEvidence, str]], refused: _Refused) -> DoctorError:
        """Give back what was taken from others, and say how things stand."""
        lost = [(owner, spn) for owner, spn in reversed(taken) if not self._given_back(owner, spn)]
        error = explain(refused, holder, plan, self.who)
        if lost:
            what = "; ".join(f"{spn} of {described(owner)}" for owner, spn in lost)
            by_hand = "; ".join(f"setspn -S {commands.spn(spn)} {commands.word(owner.name).rstrip('$')}" for owner, spn in lost)
            return DoctorError(
                f"{error.failed}. It had been taken from its owner before, and could not be given back: {what}", expected=error.expected,
                do=f"Give it back with {by_hand}. {error.do}", value=error.value,
            )
        if not refused.known:
            return DoctorError(
                f"{error.failed}. Whether the last change was made is not known, because the controller could not be asked again", expected=error.expected,
                do=f"Run the task again: it looks first. {error.do}", value=error.value,
            )
        state = "What had been taken from its owner was given back, so nothing is changed" if taken else "Nothing was changed"
        return DoctorError(f"{error.failed}. {state}", expected=error.expected, do=error.do, value=error.value)

    def _given_back(self, owner: OwnerEvidence, spn: str) -> bool:
        try:
            self._modify(owner, (("add", ATTRIBUTE, (spn,)),), lambda now: not _lacks(spn, now))
        except _Refused:
            return False
        return True


class _Refused(Exception):
    """A change that was not made, or not surely; `known`: it is certain that it was not."""

    def __init__(self, owner: OwnerEvidence, error: LdapError | LdapUnreachable, *, known: bool) -> None:
        super().__init__(type(error).__name__)
        self.owner, self.error, self.known = owner, error, known


def _applied(spns: tuple[str, ...], changes: t.Sequence[Change]) -> tuple[str, ...]:
    """All values as they are after the changes."""
    for how, _attribute, some in changes:
        keys = {spn.lower() for spn in some}
        spns = (*(spn for spn in spns if spn.lower() not in keys), *(some if how == "add" else ()))
    return spns


def _lacks(spn: str, now: Holder) -> bool:
    return now.spelling(spn) is None


def _is_done(plan: Plan, now: Holder) -> bool:
    return not any(_lacks(spn, now) for spn in plan.add) and all(_lacks(spn, now) for spn in plan.remove)


def explain(refused: _Refused, holder: Holder, plan: Plan, who: str) -> DoctorError:
    """Why a controller did not do it, and what would help."""
    owner, error = refused.owner, refused.error
    spns = ", ".join((*plan.remove, *plan.add)) if owner == holder.owner else ", ".join(move.spn for move in plan.moves if move.owner == owner)
    what = f"The SPNs of {described(owner)} could not be changed ({spns})"
    if isinstance(error, LdapUnreachable):
        return DoctorError(f"{what}: the domain controller was gone: {error.why}{f', {error.text}' if error.text else ''}", do="Try again", value=spns)
    said = f"it answered {error.name} ({error.code}){f', {error.text}' if error.text else ''}"
    if error.code == NO_RIGHTS:
        return DoctorError(
            f"{what}: {who} may not do that; {said}", expected=f"the right to write servicePrincipalName of {owner.dn}",
            do=rights(owner, holder, plan, who), value=spns,
        )
    if error.code == REFERRAL:
        # A read-only controller changes nothing itself, and names one that does ([MS-ADTS] 3.1.1.5.1.10).
        return DoctorError(
            f"{what}: the controller refers to another one, so it is read-only or does not have this domain; {said}",
            expected="a controller that can be written to", do=f"Name a writable controller of {owner.domain} in domain_controllers", value=spns,
        )
    if error.code == CONSTRAINT:
        return _constraint(what, said, error.data, owner, holder, plan)
    return DoctorError(f"{what}: {said}", expected="success (0)", value=spns)


def rights(owner: OwnerEvidence, holder: Holder, plan: Plan, who: str) -> str:
    """Which right is missing, and how to grant it."""
    # A distinguished name escapes a quotation mark with a backslash ([RFC 4514] 2.4), which no shell understands.
    dn = "DN" if set(owner.dn) & set("\"`$%\n") else owner.dn
    grant = f'as with dsacls "{dn}" /G "{who}:RPWP;servicePrincipalName", or use another domain_username'
    foreign = next((spn for spn in plan.add if not holder.has_name_of(spn)), "") if owner == holder.owner else ""
    if owner.kind == "user" or owner != holder.owner:
        return f"Grant 'Write servicePrincipalName' on it, {grant}"
    if foreign:
        why = f"{foreign} is not of the computer's own names, which the validated write is thought to be limited to"
        return f"Grant 'Write servicePrincipalName' on it ({why}), {grant}"
    return f"Grant 'Validated write to service principal name' on it, which covers the computer's own names, or 'Write servicePrincipalName', {grant}"


def _constraint(what: str, said: str, data: int | None, owner: OwnerEvidence, holder: Holder, plan: Plan) -> DoctorError:
    added = ", ".join(plan.add)
    if data == INVALID_REFERENCE:
        return DoctorError(
            f"{what}: the directory does not take the host name in it; {said}", expected=f"the computer's own names ({holder.dns_host_name or owner.name})",
            do=f"Grant 'Write servicePrincipalName' on {owner.dn}: the validated right allows the computer's own names only", value=added,
        )
    if data == NOT_UNIQUE or (data is None and plan.add):
        # Samba refuses duplicates with the same resultCode, and without a number before its text.
        return DoctorError(
            f"{what}: another object of the forest carries or covers one of them; {said}", expected="an SPN that nobody else in the forest carries",
            do="Look for its owner in every domain of the forest, deleted accounts included, as with setspn -F -Q, and remove it there", value=added,
        )
    if data is None and owner == holder.owner:
        return DoctorError(
            f"{what}: what would stay there is not accepted either; {said}", expected="SPNs that nobody else in the forest carries",
            do="Another SPN of the account has a second owner as well, and Samba takes no change that leaves it: name all of them in one task",
            value=", ".join(plan.remove),
        )
    return DoctorError(f"{what}: a constraint of the directory forbids it; {said}", expected="SPNs that the directory accepts", value=added)
