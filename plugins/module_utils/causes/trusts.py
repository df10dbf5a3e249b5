# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the user's domain to the host's: a ticket for a host of another domain needs a trust in the right direction, a common key, and KDCs on both sides."""

from __future__ import annotations

import typing as t

from ..evidence.case import Case
from ..evidence.directory import FAILED, GRANTED, REFUSED, TrustEvidence
from ..evidence.logon import ACCEPTED
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, logons

FIREWALLED = 0xC0000413
"""STATUS_AUTHENTICATION_FIREWALL_FAILED: selective authentication ([MS-KILE] 3.3.5.7)."""
POLICY, BAD_KEY = 12, 31
NO_KDC = (154, 156, 220)
"""MIT's own: no KDC known for the realm, none answered, its name does not resolve."""
ACROSS = (7, 12, 31, 35, 60, 68, *NO_KDC)
"""What a TGS exchange across realms ends in where the way is broken (measured with Samba and MIT: 31, 35, 7, and no KDC)."""
DIRECTIONS = {"both": "in both directions", "": "of unknown direction"}
"""How a direction reads in a sentence, where not as it stands."""
CHECK = "On a domain controller of each side: nltest /trusted_domains; netdom trust HOST_DOMAIN /domain:USER_DOMAIN /verify."


class Crossing(t.NamedTuple):
    """A ticket that had to cross from one domain to another, and did not."""

    user: str
    host: str
    code: int | None
    status: int | None
    facts: tuple[Fact, ...]


def findings(case: Case) -> list[Finding]:
    """What stops a ticket on its way between two domains; [] where there is one domain, or where it arrives."""
    way = crossing(case)
    if way is None:
        return []
    trust, facts = _trust(case, way), way.facts
    if trust is not None:
        facts += (directories.read_fact(case, f"the trust with {trust.partner} is {DIRECTIONS.get(trust.direction, trust.direction)}{_marks(trust)}"),)
    if way.status == FIREWALLED or (way.code == POLICY and trust is not None and "cross_organization" in trust.attributes):
        return [_selective(case, way, facts)]
    if way.code in NO_KDC:
        return _unreached(case, way, facts)
    if trust is not None and trust.direction == "disabled":
        return [_finding(case, way, "trust_disabled", f"The trust between {way.user} and {way.host} is switched off.", facts)]
    if trust is not None and not _carries(case, way, trust):
        return [_finding(case, way, "one_way", f"The trust with {trust.partner} goes the other way: {way.host} does not trust {way.user}.", facts)]
    if way.code == BAD_KEY:
        summary = f"The two sides of the trust between {way.user} and {way.host} hold different keys: its password was changed on one side alone."
        return [_finding(case, way, "trust_key", summary, facts)]
    known = directories.trusts(case)
    farther = any({"within_forest", "forest_transitive"}.intersection(one.attributes) for one in known or ())
    if known is not None and trust is None and not farther and directories.user_domain_is_sure(case):
        facts += (directories.read_fact(case, f"trusts: {', '.join(one.partner for one in known) or 'none at all'}"),)
        return [_finding(case, way, "no_trust", f"There is no trust between {way.user}, the account's domain, and {way.host}, the host's.", facts)]
    return _undecided(case, way, facts)


def crossing(case: Case) -> Crossing | None:
    """The failed step, where user and host belong to different domains and the user's own KDC accepted the user."""
    user, host = directories.user_domain(case), directories.host_domain(case)
    attempt = logons.own(case)
    if not user or not host or user == host or "." not in user or (attempt is not None and attempt.outcome == ACCEPTED) or not directories.stake(case):
        return None
    tickets = directories.own_tickets(case)
    if any(asked.step.outcome == GRANTED for asked in tickets):
        return None
    failed = [asked for asked in tickets if asked.step.outcome in (REFUSED, FAILED) and asked.step.code in ACROSS]
    facts = tuple(directories.step_fact(asked) for asked in failed)
    code, status = (failed[0].step.code, failed[0].step.status) if failed else (None, None)
    # A host that refuses a ticket has got one, so that the way was open.
    made = next((one for one in logons.attempts(case) if one.own and one.failure and one.failure.step == "kdc" and logons.code_of(one) in ACROSS), None)
    if made is not None:
        facts, code = (logons.fact(case, made), *facts), logons.code_of(made) if code is None else code
    if code is None or (code in NO_KDC and not _known_to_its_own(case)):
        return None
    return Crossing(user, host, code, status, directories.merged(*facts, _both(case, user, host)))


def _known_to_its_own(case: Case) -> bool:
    """Whether the user's realm answered, so that a missing KDC is one of the other side."""
    return any(asked.step.outcome == GRANTED for asked in directories.mine(case))


def _both(case: Case, user: str, host: str) -> Fact:
    return Fact(f"the account belongs to {user}, the host to {host}", "user name and NTLM challenge", "endpoint")


def _trust(case: Case, way: Crossing) -> TrustEvidence | None:
    """The trust between the two, seen from whichever was asked."""
    return next((trust for trust in directories.trusts(case) or () if trust.partner.lower() in (way.host, way.user)), None)


def _carries(case: Case, way: Crossing, trust: TrustEvidence) -> bool:
    """Whether users of one side may reach hosts of the other: the host's domain has to trust the user's ([MS-ADTS] 6.1.6.7.12)."""
    seen_from_the_user = trust.partner.lower() == way.host
    return trust.direction in ("both", "", "inbound" if seen_from_the_user else "outbound")


def _marks(trust: TrustEvidence) -> str:
    return f" ({', '.join(trust.attributes)})" if trust.attributes else ""


def _finding(case: Case, way: Crossing, rule: str, summary: str, facts: tuple[Fact, ...]) -> Finding:
    verdict = directories.at_most(CONFIRMED, directories.stake(case))
    return Finding("domain_trust", rule, verdict, summary, facts, next_check=_check(way), remedies=_remedies(way, rule), weight=82)


def _remedies(way: Crossing, rule: str) -> tuple[Remedy, ...]:
    """`netdom trust TRUSTING /domain:TRUSTED`: the host's domain has to trust the account's. /verify, which the check names, repairs nothing."""
    trust = f"netdom trust {way.host} /domain:{way.user}"
    unsure = ("Or repair the trust, with the administrators of both domains, once the check says what is wrong", f"{trust} /add or /reset")
    do, how = {
        "no_trust": ("Or build the trust, with the administrators of both domains", f"{trust} /add"),
        "one_way": (f"Or build the direction that is missing, in which {way.host} trusts {way.user}, with the administrators of both domains", f"{trust} /add"),
        "trust_disabled": ("Or build the trust anew, with the administrators of both domains", f"{trust} /remove, then {trust} /add"),
        "trust_key": ("Or give the trust a new password on both sides, with the administrators of both domains", f"{trust} /reset"),
    }.get(rule, unsure)
    return (Remedy("Use an account of the host's own domain", f"ansible_user: NAME@{way.host.upper()}"), Remedy(do, how, "high"))


def _selective(case: Case, way: Crossing, facts: tuple[Fact, ...]) -> Finding:
    verdict = CONFIRMED if way.status == FIREWALLED else LIKELY
    return Finding(
        "domain_trust",
        "selective_authentication",
        directories.at_most(verdict, directories.stake(case)),
        f"{way.host} trusts {way.user} with selective authentication, and the account was not let to this host.",
        facts,
        next_check="On the computer object, Security: does the account have Allowed to Authenticate?",
        remedies=(
            Remedy("Use an account of the host's own domain", f"ansible_user: NAME@{way.host.upper()}"),
            Remedy("Or grant the account Allowed to Authenticate on the computer object: it was closed on purpose", risk="high"),
        ),
        weight=82,
    )


def _unreached(case: Case, way: Crossing, facts: tuple[Fact, ...]) -> list[Finding]:
    summary = f"The KDC of {way.user} sends on to {way.host}, the host's domain, but no KDC of {way.host} can be asked from here."
    remedies = (
        Remedy(f"Open the way from the control node to the domain controllers of {way.host}, port 88", f"dig SRV _kerberos._tcp.{way.host}"),
        Remedy("Or use an account of the host's own domain, if that one's controllers are in reach", f"ansible_user: NAME@{way.host.upper()}"),
    )
    check = f"dig SRV _kerberos._tcp.{way.host}; nc -vz CONTROLLER 88; is the realm {way.host.upper()} in krb5.conf?"
    return [
        Finding(cause, "partner_unreachable", directories.at_most(LIKELY, directories.stake(case)), summary, facts, next_check=check, remedies=remedies,
                tied_with=(other,), weight=weight)
        for cause, other, weight in (("domain_trust", "network", 80), ("network", "domain_trust", 79))
    ]


def _undecided(case: Case, way: Crossing, facts: tuple[Fact, ...]) -> list[Finding]:
    """The trust looks as it should, or was not read: then the name may as well be missing on the other side."""
    name = directories.own_spn(case)
    owners = directories.carriers(case, name)
    verdict = directories.at_most(LIKELY, directories.stake(case))
    summary = f"The ticket for {name} has to cross from {way.user} to {way.host}, and does not arrive."
    if owners:
        facts += (directories.owner_fact(case, name, owners),)
        return [Finding("domain_trust", "other_realm", verdict, summary, facts, next_check=_check(way), remedies=_remedies(way, "other_realm"), weight=80)]
    if owners == ():
        # Looked for in the host's forest and not there: the name is missing, whatever the trust does.
        return []
    remedies = _remedies(way, "other_realm")
    return [
        Finding(cause, "other_realm", verdict, summary, facts, next_check=_check(way), remedies=remedies, tied_with=(other,), weight=weight)
        for cause, other, weight in (("domain_trust", "spn", 80), ("spn", "domain_trust", 79))
    ]


def _check(way: Crossing) -> str:
    return CHECK.replace("HOST_DOMAIN", way.host).replace("USER_DOMAIN", way.user)
