# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host's own firewall does with the inventory's connection, as the inside shows it, and which rule or setting decides."""

from __future__ import annotations

import typing as t

from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.host import BLOCKED, NARROWED, OPEN, POLICY, PUBLIC, FirewallEvidence, PassageEvidence, ProfileEvidence, RuleEvidence
from ..finding import Fact, Remedy
from . import inside, owned

CHECK = "On the host: Get-NetConnectionProfile; Get-NetFirewallRule -PolicyStore ActiveStore -Direction Inbound; netsh advfirewall show allprofiles."
ALL_PROFILES = 3
CONTROL_NODE = "CONTROL_NODE"
RULES_OF_POLICY = "Windows Defender Firewall with Advanced Security, Inbound Rules"
NOT_MERGED = "Windows Defender Firewall: Apply local firewall rules"
NO_EXCEPTIONS = "Windows Defender Firewall: Do not allow exceptions"


class Passage(t.NamedTuple):
    """The judgement over the ways in."""

    lets: bool | None
    """Whether the connection gets in; None where the ways differ and nobody knows which one it takes."""
    sure: bool
    """Whether it is known which profiles are in force, and who may come."""
    rule: str
    summary: str
    facts: tuple[Fact, ...]
    remedies: tuple[Remedy, ...] = ()


def judged(case: Case) -> Passage | None:
    """What the firewall makes of the inventory's port; None where that was not read."""
    seen = inside.firewall(case)
    ways = seen.passage(case.target.port) if seen else ()
    if seen is None or not ways:
        return None
    in_force = [one for one in ways if one.active is True]
    sure = bool(in_force) or len({one.profile for one in ways}) == ALL_PROFILES
    considered = in_force or list(ways)
    verdicts = {_lets(one) for one in considered}
    facts = tuple(inside.fact(case, f"{one.profile} profile: {one.why}") for one in considered)
    if verdicts == {True}:
        return Passage(True, sure, "lets", f"The host's own firewall lets TCP {case.target.port} in.", facts)
    stops = [one for one in considered if _lets(one) is not True]
    rule, summary, remedies = _why(case, seen, stops[0])
    if verdicts == {False}:
        return Passage(False, sure, rule, summary, facts, remedies)
    # Some ways are open, or nobody knows whether this control node is among those who may come.
    return Passage(None, False, rule, summary, facts, remedies)


def _lets(way: PassageEvidence) -> bool | None:
    if way.outcome == NARROWED:
        return None if way.admits is None or isinstance(way.admits, Unknown) else way.admits
    return way.outcome == OPEN


def concerns(rule: RuleEvidence, port: int) -> bool:
    """Whether a rule is about this port; words such as RPC never are."""
    if not rule.ports:
        return True
    for text in rule.ports:
        low, _dash, high = text.partition("-")
        if low.strip().isdecimal() and int(low) <= port <= int(high if high.strip().isdecimal() else low):
            return True
    return False


def _why(case: Case, seen: FirewallEvidence, way: PassageEvidence) -> tuple[str, str, tuple[Remedy, ...]]:
    """The rule or setting that decides against the connection: a word, a sentence, what to do."""
    port = case.target.port
    profile = next((one for one in seen.profiles if one.name == way.profile), None)
    mine = [one for one in seen.rules if concerns(one, port)]
    if profile is not None and not profile.local_rules:
        # Rules that are made on the host count for nothing there, so none of them is to be switched on, widened or created.
        local, mine = [one for one in mine if one.source != POLICY], [one for one in mine if one.source == POLICY]
        decided = profile.no_exceptions or any(one.ports or one.id in way.rules for one in mine)
        if way.outcome == BLOCKED and not decided:
            useless = any(one.enabled and one.action != "block" and one.ports and way.profile in one.profiles for one in local)
            return _not_merged(case, way, useless=useless)
    if profile is not None and profile.no_exceptions:
        return _no_exceptions(profile)
    blocking = [one for one in mine if one.enabled and one.action == "block" and one.id in way.rules]
    if blocking and way.outcome == BLOCKED:
        return _blocked(blocking[0], port)
    if way.outcome == NARROWED:
        return _narrowed(case, mine, way)
    allowing = [one for one in mine if one.action != "block" and one.ports]
    on = [one for one in allowing if one.enabled]
    elsewhere = [one for one in on if way.profile not in one.profiles]
    if elsewhere:
        return _other_profile(seen, elsewhere[0], way, port)
    if off := [one for one in allowing if not one.enabled]:
        return _switched_off(off[0], port)
    builtin = " Windows has no built-in rule for 5986." if port == 5986 else ""
    return "no_rule", f"The host's firewall has no rule that lets TCP {port} in on the {way.profile} profile.{builtin}", (allow(case, way.profile),)


def allow(case: Case, profile: str = "") -> Remedy:
    """The rule that is missing."""
    port, where = case.target.port, f" -Profile {profile.capitalize()}" if profile else ""
    return Remedy(
        f"Allow TCP {port} inbound for the control node's address, on the network profile in use",
        f"New-NetFirewallRule -DisplayName 'WinRM {port}' -Direction Inbound -Protocol TCP -LocalPort {port} -RemoteAddress {_peer(case)}{where} -Action Allow",
        "medium",
    )


def _peer(case: Case) -> str:
    """This control node's address where the look inside came from it, else a word in its place."""
    seen = inside.firewall(case)
    return (seen.came_from if seen else "") or CONTROL_NODE


def _called(rule: RuleEvidence) -> str:
    """A rule by its name where that is no reference to a text in a library, and by its id."""
    return f'"{rule.name}" ({rule.id})' if rule.name and not rule.name.startswith("@") else rule.id


def _change(rule: RuleEvidence, do: str, how: str, risk: str = "medium") -> Remedy:
    return owned.in_policy(RULES_OF_POLICY, do, risk) if rule.source == POLICY else Remedy(do, how, risk)


def _no_exceptions(profile: ProfileEvidence) -> tuple[str, str, tuple[Remedy, ...]]:
    summary = f"The {profile.name} profile of the host's firewall blocks all incoming connections, whatever rules allow (DoNotAllowExceptions)."
    do = "Let the profile heed the rules that allow"
    how = f"Set-NetFirewallProfile -Profile {profile.name.capitalize()} -AllowInboundRules True"
    return "no_exceptions", summary, (owned.in_policy(NO_EXCEPTIONS, do) if profile.source == POLICY else Remedy(do, how, "medium"),)


def _blocked(rule: RuleEvidence, port: int) -> tuple[str, str, tuple[Remedy, ...]]:
    remedy = _change(rule, "Take the rule away, or narrow it, once you know why it is there", f"Disable-NetFirewallRule -Name '{rule.id}'")
    return "block_rule", f"The rule {_called(rule)} of the host's firewall blocks TCP {port}; a rule that blocks wins over every one that allows.", (remedy,)


def _narrowed(case: Case, mine: t.Sequence[RuleEvidence], way: PassageEvidence) -> tuple[str, str, tuple[Remedy, ...]]:
    port = case.target.port
    deciding = next((one for one in mine if one.id in way.rules), None)
    who = ", ".join(way.remote[:6]) or "some"
    summary = f"The host's firewall lets TCP {port} in on the {way.profile} profile from {who} alone, and this control node is not among them."
    if way.admits is None or isinstance(way.admits, Unknown):
        summary = f"The host's firewall lets TCP {port} in on the {way.profile} profile from {who} alone; whether this control node is among them is not known."
    if deciding is None:
        return "narrowed", summary, (allow(case, way.profile),)
    how = f"Set-NetFirewallRule -Name '{deciding.id}' -RemoteAddress {','.join((*deciding.remote, _peer(case)))}"
    return "narrowed", summary, (_change(deciding, f"Add this control node's address to the rule {_called(deciding)}", how),)


def _not_merged(case: Case, way: PassageEvidence, *, useless: bool) -> tuple[str, str, tuple[Remedy, ...]]:
    """`useless`: the host has a rule of its own that would let the connection in."""
    port, peer = case.target.port, _peer(case)
    whose = f"and the rule for TCP {port} is such a one" if useless else f"and no policy has a rule that lets TCP {port} in"
    summary = f"Policy tells the {way.profile} profile of the host's firewall to disregard rules made on the host (AllowLocalPolicyMerge is 0), {whose}."
    create = owned.in_policy(RULES_OF_POLICY, f"Create the inbound rule for TCP {port} from {peer} in the Group Policy object, not on the host")
    return "not_merged", summary, (create, owned.in_policy(NOT_MERGED, "Or let the profile heed rules made on the host"))


def _other_profile(seen: FirewallEvidence, rule: RuleEvidence, way: PassageEvidence, port: int) -> tuple[str, str, tuple[Remedy, ...]]:
    networks = inside.known(seen.networks) or ()
    here = next((one for one in networks if one.category == way.profile), None)
    network = f"The network {here.name or here.interface} is {way.profile}" if here else f"The {way.profile} profile is in force"
    summary = f"{network}, and the rule {_called(rule)} lets TCP {port} in on {' and '.join(rule.profiles)} alone."
    widen = _change(rule, f"Let the rule apply to the {way.profile} profile too", f"Set-NetFirewallRule -Name '{rule.id}' -Profile Any")
    if way.profile != PUBLIC or here is None:
        return "wrong_profile", summary, (widen,)
    private = Remedy(
        "Set the network to Private, if it is one of yours; a member of a domain that finds its controllers comes to Domain by itself",
        f"Set-NetConnectionProfile -InterfaceAlias '{here.interface}' -NetworkCategory Private", "medium",
    )
    return "wrong_profile", summary, (private, widen)


def _switched_off(rule: RuleEvidence, port: int) -> tuple[str, str, tuple[Remedy, ...]]:
    remedy = _change(rule, "Switch the rule on", f"Enable-NetFirewallRule -Name '{rule.id}'", "low")
    return "rule_disabled", f"The rule {_called(rule)} for TCP {port} is there, but switched off.", (remedy,)
