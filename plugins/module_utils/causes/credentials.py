# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account name, password, state of the account: said to be at fault only where the host or the KDC names it."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.logon import AttemptEvidence
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, UNKNOWN, Fact, Finding, Remedy
from . import accounts, coded, decided, directories, inside, kdcs, logons, membership, suspicion, ticket_cache, trusts
from .cause import Cause

BY_HAND = "One attempt, never a loop: kinit USER@REALM names the reason; on the host read Security 4625, SubStatus first."
CHECK = (
    "One attempt cannot tell. On the host: Security 4625 means that name or password were refused (SubStatus says which), 4624 followed by WinRM 192 that "
    "a right is missing. For a domain account kinit USER@REALM names the reason."
)
NO_ROOM = (
    "Ask whoever owns the account whether the password is right. Only then prove it once by hand with kinit USER@REALM, which sets the counter back, but locks "
    "the account where it is wrong. Security 4771 and 4776 on the domain controllers tell which machine sent the wrong ones."
)
CORRECT = Remedy("Correct name or password in the inventory or the vault, once you know that they are wrong")


def evaluate(case: Case, now: float) -> list[Finding]:
    """A code or a state of the account convicts; a bare 401 only makes suspect; a logon, or the KDC's yes, acquits."""
    attempt = logons.own(case)
    named = [*accounts.findings(case), *ticket_cache.findings(case, now)]
    beside = () if membership.findings(case) or trusts.findings(case) else coded.findings(
        case, "credentials", besides=(*accounts.SPOKEN_FOR, *kdcs.spoken_for(case), *ticket_cache.spoken_for(case)), next_check=BY_HAND,
        remedies=(CORRECT,), weight=80,
    )
    if named or beside:
        return [*named, *beside]
    suspected = "credentials" in suspicion.suspects(case)
    if attempt is not None and suspected and suspicion.may_lack_ntlm(case):
        return [_restricted(case, attempt)]
    if proof := suspicion.proven(case):
        return [Finding("credentials", "accepted", RULED_OUT, f"Name and password are right: accepted by {proof}.", against=_proof(case, attempt))]
    if attempt is not None and suspected:
        return [_suspect(case, attempt)]
    if attempt is not None and logons.not_tried(case):
        return _untried(case, attempt)
    return []


def _proof(case: Case, attempt: AttemptEvidence | None) -> tuple[Fact, ...]:
    """Who said yes, quoted."""
    accepted, kdc = next(iter(logons.accepted(case)), None), directories.proof(case)
    if accepted is None and kdc is not None:
        return (directories.step_fact(kdc),)
    way = accepted or attempt
    return (logons.fact(case, way),) if way else ()


def _suspect(case: Case, attempt: AttemptEvidence) -> Finding:
    if inside.host(case) is not None and suspicion.suspects(case) == ("credentials",):
        return _left(case, attempt)
    return Finding(
        "credentials",
        "refused",
        POSSIBLE,
        f"The host refused the logon of {attempt.account} and gave no reason; name, password or state of the account may be why.",
        logons.tries(case),
        next_check=CHECK,
        remedies=(CORRECT,),
        tied_with=suspicion.tied(case, "credentials"),
        weight=62,
    )


def _left(case: Case, attempt: AttemptEvidence) -> Finding:
    """The inside speaks against everything else that ends so."""
    facts = tuple(fact for said in decided.acquitted(case).values() for fact in said)
    return Finding(
        "credentials", "refused", LIKELY,
        f"The host refused the logon of {attempt.account} without a reason, and nothing inside it stands in the way: look at name, password and state of the "
        "account.",
        (*logons.tries(case), *facts), next_check=CHECK, remedies=(CORRECT,), weight=62,
    )


def _restricted(case: Case, attempt: AttemptEvidence) -> Finding:
    """The password is right, but what the directory may say of the account was not read."""
    return Finding(
        "credentials",
        "restricted",
        POSSIBLE,
        f"{attempt.account} may be kept from NTLM by its own account: userWorkstations, or the group Protected Users. The directory was not read.",
        logons.tries(case),
        next_check=accounts.DECIDES,
        tied_with=suspicion.tied(case, "credentials"),
        weight=61,
    )


def _untried(case: Case, attempt: AttemptEvidence) -> list[Finding]:
    if attempt.reason == "no_password":
        fact = Fact(f"user name {attempt.account or '(none)'}, no usable password", "inventory", "controller")
        summary = f"The inventory has no complete credentials for {attempt.method}: {attempt.means.removeprefix('Not tried: ')}"
        how = "ansible_user and ansible_password, -u and -k, or a vault"
        return [Finding("credentials", "missing", CONFIRMED, summary, (fact,), remedies=(Remedy("Give user name and password", how),), weight=85)]
    if attempt.reason == "no_room":
        return [Finding("credentials", "no_room", UNKNOWN, attempt.means, next_check=NO_ROOM)]
    if attempt.reason in ("refused_before", "in_doubt", "refused_by_kdc"):
        return [Finding("credentials", attempt.reason, UNKNOWN, attempt.means, against=(), next_check=CHECK)]
    return []


CAUSE = Cause("credentials", "Name, password or state of the account is refused", 2, ("logon", "directory"), BY_HAND, evaluate)
