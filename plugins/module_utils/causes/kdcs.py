# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from the control node to a KDC: which one krb5.conf and DNS name, and whether port 88 answers there.

Judged only where the inventory demands Kerberos: under `negotiate` a client without a KDC logs on with NTLM, which is a note.
"""

from __future__ import annotations

import typing as t

from ..evidence.case import Case
from ..evidence.directory import AS, FAILED, GRANTED, REFUSED, DomainControllerEvidence
from ..evidence.endpoint import FILTERED, OPEN, UNREACHABLE, PortEvidence
from ..evidence.endpoint import REFUSED as RESET
from ..evidence.logon import ACCEPTED
from ..finding import CONFIRMED, LIKELY, POSSIBLE, Fact, Finding, Remedy
from . import accounts, directories, logons

PORT, MOST_NAMED = 88, 4
REALM_UNKNOWN, UNREACHED, UNRESOLVED = 154, 156, 220
"""MIT's KRB5_REALM_UNKNOWN, KRB5_KDC_UNREACH and KRB5_REALM_CANT_RESOLVE, less their base."""
RUNNING = Remedy("See whether the domain controllers run, and whether these are they")
CODES = (REALM_UNKNOWN, UNREACHED, UNRESOLVED)


class Lost(t.NamedTuple):
    """That no KDC answered: for which realm, how the library called it, and who said so."""

    realm: str
    code: int | None
    facts: tuple[Fact, ...]
    answered: tuple[Fact, ...] = ()
    """The answers of KDCs that were asked straight, without krb5.conf: then they run, and the library looks elsewhere."""


def findings(case: Case) -> list[Finding]:
    """Why no KDC answered; [] where one did, or where only the library's word is known, which stays tied."""
    if not directories.demands_kerberos(case):
        return []
    lost = silence(case)
    if lost is None or any(finding.rule == "name_form" for finding in accounts.findings(case)):
        return []
    if lost.code == REALM_UNKNOWN or (lost.code is None and not _controllers(case, lost.realm)):
        return _no_kdc_named(case, lost)
    return [_other_kdc(case, lost)] if lost.answered else _ports(case, lost)


def spoken_for(case: Case) -> tuple[int, ...]:
    """The library's codes, where these rules or the name's form say what they mean."""
    return CODES if findings(case) or any(finding.rule == "name_form" for finding in accounts.findings(case)) else ()


def silence(case: Case) -> Lost | None:
    """That the library got no answer of the account's own realm, to a step or to the logon."""
    attempt = logons.own(case)
    if attempt is not None and attempt.outcome == ACCEPTED:
        return None
    asked = directories.mine(case)
    failed = [one for one in asked if one.step.outcome == FAILED and (one.step.code is None or one.step.code in CODES)]
    realm = (case.target.username or "").partition("@")[2] or next((one.step.realm for one in failed if one.step.realm), "")
    # Another realm's answer, asked in case the account is its own, is none of this one's.
    answers = [one for one in asked if one.step.outcome in (GRANTED, REFUSED) and (not realm or one.step.realm.lower() == realm.lower())]
    if any(one.step.name == AS for one in answers):
        return None
    facts = tuple(directories.step_fact(one) for one in failed)
    codes = [one.step.code for one in failed if one.step.code is not None]
    for made in logons.attempts(case):
        code = logons.code_of(made) if made.own else None
        if code in CODES and code is not None:
            facts, codes = (logons.fact(case, made), *facts), [*codes, code]
    if not facts or (answers and not codes):
        return None
    # The library's number says more than a step without one.
    return Lost(realm, next(iter(codes), None), facts, tuple(map(directories.step_fact, answers)))


def silence_of_steps(case: Case) -> str:
    """What was said where not one question to a KDC was answered; "" where one was, or where nobody asked."""
    asked = directories.mine(case)
    if not asked or any(one.step.outcome in (GRANTED, REFUSED) for one in asked):
        return ""
    return next((one.step.means for one in asked if one.step.outcome == FAILED), "")


def _controllers(case: Case, realm: str) -> list[DomainControllerEvidence]:
    seen = directories.directory(case)
    return [one for one in (seen.controllers if seen else ()) if not one.domain or not realm or one.domain.lower() == realm.lower()]


def _no_kdc_named(case: Case, lost: Lost) -> list[Finding]:
    """Neither krb5.conf nor DNS names a KDC."""
    known, seen = directories.krb5(case), directories.directory(case)
    realm = lost.realm or (known.default_realm if known and known.default_realm else "") or "the realm"
    facts = list(lost.facts)
    named = next((one for one in known.realms if one.name.lower() == realm.lower()), None) if known else None
    lookup = directories.setting(case, "dns_lookup_kdc")
    if known is not None:
        files = ", ".join(known.config_files) or "krb5.conf"
        listed = ", ".join(one.name for one in known.realms) or "no realm"
        facts.append(Fact(f"[realms] has {listed}; dns_lookup_kdc is {lookup or 'not set'}", files, "controller"))
    no_records = seen is not None and seen.srv == () and seen.domain.lower() == realm.lower()
    if no_records:
        facts.append(Fact(f"DNS has no SRV records of domain controllers for {realm.lower()}", "DNS", "directory"))
    lost_names = [one.name for one in _controllers(case, realm) if one.name and not one.address]
    if lost_names:
        facts.append(Fact(f"DNS names the controllers {', '.join(lost_names)}, whose names do not resolve", "DNS", "directory"))
    if named is not None and named.name != realm:
        user = directories.user_of(case.target.username or "NAME")
        return [_finding(
            "control_node", "realm_case", CONFIRMED, f"The realm is written {realm}, krb5.conf knows it as {named.name}; MIT takes them for two.", facts,
            Remedy("Write the realm in upper case", f"ansible_user: {user}@{named.name}"),
        )]
    off = lookup.lower() in ("false", "no", "0", "off")
    sure = known is not None and (named is None or not named.kdcs) and (off or no_records or bool(lost_names))
    kdc = next((one.name for one in _controllers(case, lost.realm) if one.name and one.address), f"DC.{realm.lower()}")
    dns = ", and it may not ask DNS." if off else ", nor does DNS." if no_records else "."
    if lost_names and not off:
        dns = f", and DNS names {', '.join(lost_names)}, which has no address."
    summary = f"This control node knows no KDC for {realm}: krb5.conf names none{dns}"
    name = Remedy("Name the KDC in krb5.conf", f"[realms] {realm} = {{ kdc = {kdc} }}")
    return [_finding("control_node", "no_kdc", CONFIRMED if sure else LIKELY, summary, facts, name, *_by_dns(realm.lower(), off, lost_names))]


def _by_dns(domain: str, off: bool, lost_names: t.Sequence[str]) -> tuple[Remedy, ...]:
    """What to repair where DNS is to name the KDC; MIT asks it unless krb5.conf forbids that."""
    record = f"_kerberos._tcp.{domain}"
    if off:
        return (Remedy("Or let the control node find it in DNS", f"[libdefaults] dns_lookup_kdc = true; dig SRV {record} lists the controllers"),)
    if lost_names:
        names = ", ".join(lost_names[:MOST_NAMED])
        do, how = f"Or correct the SRV record that names {names}, or give that name its address", f"nltest /dsregdns on the controllers; dig SRV {record}"
    else:
        do, how = "Or have the domain controllers register their SRV records anew", f"nltest /dsregdns on each of them; dig SRV {record}"
    resolver = Remedy("And see whether this control node asks the domain's name servers", f"cat /etc/resolv.conf; dig SRV {record} @CONTROLLER")
    return (Remedy(do, how, "medium"), resolver)


def _other_kdc(case: Case, lost: Lost) -> Finding:
    """A KDC answers when it is asked straight, but not the one that the library asks."""
    known = directories.krb5(case)
    named = next((one.kdcs for one in known.realms if one.name == lost.realm), ()) if known else ()
    facts = [*lost.facts, *lost.answered]
    if known is not None:
        facts.append(Fact(f"[realms] names for {lost.realm}: {', '.join(named) or 'nobody'}", ", ".join(known.config_files) or "krb5.conf", "controller"))
    return _finding(
        "control_node", "wrong_kdc", LIKELY, f"A KDC of {lost.realm} answers, but not the one that Kerberos' library asks on this control node.", facts,
        Remedy("Correct the KDC in krb5.conf, or delete it there and let DNS name it", f"[realms] {lost.realm} = {{ kdc = CONTROLLER }}"),
    )


def _ports(case: Case, lost: Lost) -> list[Finding]:
    """What port 88 of the controllers did."""
    places = [(one, port) for one in _controllers(case, lost.realm) for port in one.ports if port.port == PORT]
    states = {port.state for _one, port in places}
    facts = (*lost.facts, *(_port_fact(one, port) for one, port in places[:MOST_NAMED]))
    if OPEN in states:
        return []
    if not places:
        return _unseen(lost)
    who = _some(list(dict.fromkeys(one.name or port.address for one, port in places)), len(_controllers(case, lost.realm)))
    opened = [(one, port) for one, _port in places for port in one.ports if port.state in (OPEN, RESET)]
    if states == {RESET}:
        return [_finding("network", "kdc_refused", LIKELY, f"Nobody listens on port 88 of {who}: no KDC runs there.", facts,
                         Remedy("Start the KDC, or correct which machine is named as domain controller", "Get-Service kdc on the domain controller", "medium"))]
    if FILTERED in states and opened:
        alive = tuple(dict.fromkeys(_port_fact(one, port) for one, port in opened))[:2]
        return [_finding("firewall", "kdc_dropped", LIKELY, f"Port 88 of {who} is silent although the machine is alive: a firewall seems to drop Kerberos.",
                         (*facts, *alive), _allow(who))]
    if states == {UNREACHABLE}:
        return [_finding("network", "kdc_no_route", LIKELY, f"This control node has no route to the domain controllers {who}.", facts,
                         Remedy("Repair the route from the control node to the domain controllers", "ip route get ADDRESS"))]
    summary = f"No domain controller answers on any port ({who}): switched off, elsewhere, or behind a firewall."
    return [
        _finding("network", "kdc_silent", POSSIBLE, summary, facts, RUNNING, tied=("firewall",)),
        _finding("firewall", "kdc_silent", POSSIBLE, summary, facts, _allow(who), tied=("network",)),
    ]


def _some(names: list[str], known: int) -> str:
    """The first few by name; how many there are, and how many of them were not tried."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more + (f", of the {known} controllers that are known," if known > len(names) else "")


def _unseen(lost: Lost) -> list[Finding]:
    """Only the library's word is known."""
    realm = lost.realm or "its realm"
    if lost.code == UNRESOLVED:
        fix = Remedy("Correct the name of the KDC in krb5.conf, or its record in DNS", "grep -A3 realms /etc/krb5.conf; getent hosts KDC")
        return [_finding("network", "kdc_unresolved", CONFIRMED, f"The name of the KDC of {realm} does not resolve to an address.", lost.facts, fix)]
    summary = f"No KDC of {realm} answered this control node: none runs, or nothing gets there."
    return [
        _finding("network", "kdc_unreached", LIKELY, summary, lost.facts, RUNNING, tied=("firewall",)),
        _finding("firewall", "kdc_unreached", LIKELY, summary, lost.facts, _allow(f"the KDC of {realm}"), tied=("network",)),
    ]


def _allow(who: str) -> Remedy:
    return Remedy(f"Allow TCP and UDP 88 from the control node to {who}", "A rule on what stands between, for the control node's address only", "medium")


def _port_fact(controller: DomainControllerEvidence, port: PortEvidence) -> Fact:
    how = {OPEN: "accepts connections", RESET: "refuses connections (RST)", FILTERED: f"gives no answer within {port.seconds:.1f} s"}
    said = how.get(port.state, f"cannot be reached ({port.detail or 'no route'})")
    return Fact(f"TCP {port.port} {said}", f"domain controller {controller.name or port.address} [{port.address}]:{port.port}", "directory")


def _finding(
    cause: str, rule: str, verdict: str, summary: str, facts: t.Sequence[Fact], *remedies: Remedy, tied: tuple[str, ...] = (),
) -> Finding:
    """The network before the firewall, where they cannot be told apart."""
    check = "KRB5_TRACE=/dev/stderr kinit USER@REALM names every KDC that is tried; nc -vz CONTROLLER 88 from the control node."
    return Finding(cause, rule, verdict, summary, tuple(facts), next_check=check, remedies=remedies, tied_with=tied, weight=83 if cause == "firewall" else 84)
