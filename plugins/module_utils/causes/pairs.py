# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows machine whose logon to this host fails, and the host: what one of them demands that the other does not give.

That machine's own attempts are not seen, only how both are set up, so nothing here is more than likely. The way is taken to be the inventory's: its name of
the host, its scheme, its methods.
"""

from __future__ import annotations

import fnmatch
import typing as t

from ..evidence.case import Case
from ..evidence.host import POLICY, HostEvidence, PolicyValueEvidence, SettingEvidence
from ..finding import LIKELY, POSSIBLE, Fact, Finding, Remedy
from ..target import is_address
from . import directories, inside, joined, ntlm_policy, outside, owned, spn_tasks, stores, time_skew

DENY_ALL = 2
SENDING, EXCEPTIONS, LEVEL = "RestrictSendingNTLMTraffic", "ClientAllowedNTLMServers", "LmCompatibilityLevel"
USUAL_LEVEL = 3
"""LmCompatibilityLevel where nobody has set it, since Windows Vista."""
OLD_NTLM, REFUSES_OLD = 2, 5
"""Up to 2 a client sends NTLMv1 alone; at 5 LM and NTLMv1 are refused (the policy's own explanation)."""
DELEGATION = "\\CredentialsDelegation"
PLAIN = ("basic",)
Rule = t.Callable[[Case, HostEvidence], "Finding | None"]


def findings(case: Case, cause: str) -> list[Finding]:
    """What is wrong between the two, as far as it belongs to this cause."""
    seen = None if is_itself(case) else inside.client(case)
    found = [rule(case, seen) for rule in RULES.get(cause, ())] if seen else []
    return [finding for finding in found if finding]


def name_of(case: Case) -> str:
    """The machine that is the client, by its name in the inventory."""
    return case.client_name or "the client"


def judged(case: Case) -> bool:
    """Whether it is another machine's logon that is asked about."""
    return bool(case.client_name) and not is_itself(case)


def is_itself(case: Case) -> bool:
    """Whether the machine that is named as the client is the host."""
    return case.client_name.lower() == case.target.name.lower()


def ntlm_alone(case: Case, seen: HostEvidence) -> tuple[str, Fact | None]:
    """Why the pair has no Kerberos, as the end of a sentence, and what says so; "" where it may have."""
    if is_address(case.target.host):
        return "Kerberos goes by name, never by address", Fact(f"the host is called by its address {case.target.host}", "inventory", "controller")
    member = inside.known(seen.domain)
    if member is not None and not member.member:
        return f"{name_of(case)} belongs to no domain", _fact(case, f"the computer belongs to the workgroup {member.domain or '(unnamed)'}")
    here, answers = inside.domain(case), directories.answering(case)
    if here is not None and not here.member:
        return "the host belongs to no domain", inside.fact(case, f"the computer belongs to the workgroup {here.domain or '(unnamed)'}")
    if here is None and answers is not None and answers.membership == "workgroup":
        said = f"the NTLM challenge names the computer {answers.netbios_computer} as its own domain, as hosts of a workgroup do"
        return "the host belongs to no domain", Fact(said, outside.where(case.target), "endpoint")
    return "", None


def trusts(patterns: t.Iterable[str], host: str) -> bool:
    """Whether TrustedHosts covers a name: patterns with *, and <local> for names without a dot."""
    asked = host.lower().strip("[]")
    for pattern in (one.strip().lower().strip("[]") for one in patterns):
        if pattern == "<local>" and "." not in asked and ":" not in asked:
            return True
        if pattern and fnmatch.fnmatchcase(asked, pattern.replace("[", "[[]")):
            return True
    return False


def _fact(case: Case, said: str) -> Fact:
    seen = inside.client(case)
    by = f", read by the alternate logon {seen.way}" if seen is not None and seen.way else ""
    return Fact(said.rstrip("."), f"inside {name_of(case)}{by}", "client")


def _setting_fact(case: Case, seen: HostEvidence, found: SettingEvidence) -> Fact:
    return _fact(case, f"winrm/config says {found.path} = {found.value or '(empty)'}{owned.says(seen, found)}")


def _policy_fact(case: Case, found: PolicyValueEvidence) -> Fact:
    return _fact(case, inside.policy_text(found))


def _setting(seen: HostEvidence, path: str) -> SettingEvidence | None:
    """A setting of the part Client, from wherever it was read."""
    side, config = inside.client_side(seen), inside.known(seen.config)
    listed = side.settings if side else ()
    found = next((one for one in listed if one.path.lower() == path.lower()), None)
    return found or (config.setting(path) if config else None) or owned.by_policy(seen, path)


def _finding(case: Case, cause: str, rule: str, summary: str, because: tuple[Fact, ...], *remedies: Remedy, verdict: str = LIKELY, check: str = "") -> Finding:
    return Finding(
        cause, rule, verdict, summary, because,
        next_check=check or f"On {name_of(case)}: Test-WSMan {case.target.host} -Authentication Negotiate; winrm get winrm/config/client.",
        remedies=remedies, weight=87,
    )


def _trusted_hosts(case: Case, seen: HostEvidence) -> Finding | None:
    """0x803380E4, 0x803380E5, 0x803381BB: over HTTP a Windows client sends NTLM only to hosts that it is told to trust."""
    why, fact = ntlm_alone(case, seen)
    side = inside.client_side(seen)
    listed = inside.known(side.trusted_hosts) if side else None
    if not why or fact is None or listed is None or trusts(listed, case.target.host):
        return None
    client, host = name_of(case), case.target.host
    found = _setting(seen, "Client/TrustedHosts")
    said = _setting_fact(case, seen, found) if found else _fact(case, f"TrustedHosts is {', '.join(listed) or '(empty)'}")
    add = f"Set-Item WSMan:\\localhost\\Client\\TrustedHosts -Value '{host}' -Concatenate (the name alone, never *)"
    do = f"Or add {host} to TrustedHosts on {client}: with it {client} no longer asks the host to prove who it is"
    trust = owned.change(seen, found, do, add, "medium") if found else Remedy(do, add, "medium")
    return _finding(
        case, "service_config", "client_trusted_hosts",
        f"On {client} TrustedHosts lacks {host}, which NTLM over HTTP needs there, and {why}.", (said, fact),
        Remedy("Connect over HTTPS, where the certificate proves who the host is", f"Test-WSMan {host} -UseSSL", "low"), trust,
        verdict=LIKELY if case.target.scheme == "http" else POSSIBLE,
    )


def _methods(case: Case, seen: HostEvidence) -> Finding | None:
    """0x803380DF to E3, 0x803381A2: the method is switched off in the client's own settings."""
    why, _fact_of_way = ntlm_alone(case, seen)
    wanted = {"basic": ("Basic",), "credssp": ("CredSSP",), "certificate": ("Certificate",)}.get(
        case.target.auth[0] if len(case.target.auth) == 1 else "", ("Negotiate",) if why else ("Negotiate", "Kerberos"),
    )
    found = [_setting(seen, f"Client/Auth/{leaf}") for leaf in wanted]
    off = [one for one in found if one is not None and inside.is_on(one) is False]
    if len(off) < len(wanted):
        return None
    client, leaf = name_of(case), off[0].path.rpartition("/")[2]
    how = f"Set-Item WSMan:\\localhost\\Client\\Auth\\{leaf} $true"
    remedy = owned.change(seen, off[0], f"Allow {leaf} on {client}", how, "high" if leaf == "Basic" else "medium")
    return _finding(
        case, "service_config", "client_method_off",
        f"On {client} the client may not use {' or '.join(wanted)}: its own settings forbid it before it sends anything.",
        tuple(_setting_fact(case, seen, one) for one in off), remedy,
    )


def _credssp(case: Case, seen: HostEvidence) -> Finding | None:
    """0x803381A3, 0x803381A4: the client may not delegate fresh credentials."""
    if case.target.auth != ("credssp",):
        return None
    why, _fact_of_way = ntlm_alone(case, seen)
    name = "AllowFreshCredentialsWhenNTLMOnly" if why else "AllowFreshCredentials"
    found = inside.policy(seen, name, DELEGATION)
    if found is None or inside.number(found.value):
        return None
    client = name_of(case)
    setting = found.setting or ("Allow delegating fresh credentials with NTLM-only server authentication" if why else "Allow delegating fresh credentials")
    return _finding(
        case, "service_config", "client_delegation", f"On {client} no policy allows to hand credentials on to {case.target.host}, which CredSSP does.",
        (_policy_fact(case, found),),
        owned.in_policy(setting, f"Allow it on {client} for wsman/{case.target.host}", "high"), Remedy("Or log on with Kerberos, which hands over no password"),
    )


def _unencrypted(case: Case, seen: HostEvidence) -> Finding | None:
    """0x803380DE: Basic over HTTP is readable, and the client refuses to send that."""
    if case.target.auth != PLAIN or case.target.scheme != "http":
        return None
    found = _setting(seen, "Client/AllowUnencrypted")
    if found is None or inside.is_on(found) is not False:
        return None
    client = name_of(case)
    return _finding(
        case, "message_encryption", "client_refuses_plain", f"On {client} the client refuses to send messages that are not encrypted, as Basic over HTTP does.",
        (_setting_fact(case, seen, found),), Remedy("Use HTTPS, or a method that encrypts its messages", f"Test-WSMan {case.target.host} -UseSSL", "low"),
    )


def _sending(case: Case, seen: HostEvidence) -> Finding | None:
    """[from memory: the number] The client's policy denies all NTLM that goes out, and nothing excepts this host."""
    why, fact = ntlm_alone(case, seen)
    found = inside.policy(seen, SENDING)
    if not why or fact is None or found is None or inside.number(found.value) != DENY_ALL:
        return None
    excepted = inside.policy(seen, EXCEPTIONS)
    if excepted is not None and excepted.value and trusts(excepted.value.replace(";", ",").split(","), case.target.host):
        return None
    client = name_of(case)
    facts = (_policy_fact(case, found), *((_policy_fact(case, excepted),) if excepted else ()), fact)
    exceptions = "Network security: Restrict NTLM: Add remote server exceptions for NTLM authentication"
    return _finding(
        case, "ntlm_blocked", "client_sending", f"On {client} policy refuses all NTLM that goes out, and {why}.", facts,
        Remedy("Let the pair use Kerberos: both in a domain, the host called by its name"),
        owned.in_policy(exceptions, f"Or add {case.target.host} to the exceptions of {client}", "high"),
    )


def _levels(case: Case, seen: HostEvidence) -> Finding | None:
    """A client that sends only what the host refuses."""
    why, _fact_of_way = ntlm_alone(case, seen)
    there, here = inside.policy(seen, LEVEL), inside.policy(inside.host(case), LEVEL)
    if not why or there is None or here is None:
        return None
    sends, takes = (USUAL_LEVEL if one.value is None else inside.number(one.value) for one in (there, here))
    if sends is None or takes is None or sends > OLD_NTLM or takes < REFUSES_OLD:
        return None
    client = name_of(case)
    do, name = f"Let {client} send NTLMv2: level 3 or higher", there.setting or ntlm_policy.POLICIES[LEVEL]
    return _finding(
        case, "ntlm_blocked", "client_level", f"On {client} the client sends only LM or NTLMv1 (level {sends}), which the host refuses (level {takes}).",
        (_policy_fact(case, there), inside.policy_fact(case, here)),
        owned.in_policy(name, do) if there.source == POLICY else Remedy(do, f"secpol.msc, Local Policies, Security Options: {name}", "medium"),
    )


def _receiving(case: Case, seen: HostEvidence) -> Finding | None:
    """The pair has only NTLM, and the host's policy refuses it."""
    why, fact = ntlm_alone(case, seen)
    found = inside.policy(inside.host(case), ntlm_policy.RECEIVING)
    if not why or fact is None or found is None or inside.number(found.value) not in (ntlm_policy.DENY_ALL, ntlm_policy.DENY_DOMAIN_ACCOUNTS):
        return None
    verdict = LIKELY if inside.number(found.value) == ntlm_policy.DENY_ALL else POSSIBLE
    return _finding(
        case, "ntlm_blocked", "client_has_ntlm_alone", f"Between {name_of(case)} and the host there is only NTLM, for {why}, and the host's policy refuses it.",
        (inside.policy_fact(case, found), fact), Remedy("Let the pair use Kerberos: both in a domain, the host called by its name"), verdict=verdict,
    )


def _authority(case: Case, seen: HostEvidence) -> Finding | None:
    """The client, with its own stores, does not come to trust what the host presents."""
    stored = inside.known(seen.certificates)
    chain = stored.presented if stored else None
    if case.target.scheme != "https" or stored is None or chain is None or chain.outcome in ("trusted", "undecided"):
        return None
    client, top = name_of(case), chain.subjects[-1] if chain.subjects else "its authority"
    # A root of Microsoft's list comes by itself where the machine may fetch it; an own authority never does.
    comes = inside.known(stored.automatic_roots) is True and chain.outcome == "untrusted_root" and len(chain.subjects) > 1
    missing = chain.outcome in ("untrusted_root", "incomplete")
    where = "Root" if chain.outcome == "untrusted_root" else "Root, or into CA where it is an intermediate"
    trust = Remedy(f"Put the certificate of {top} (or of its issuer) into {where} on {client}, best by Group Policy", "certutil -addstore Root FILE", "medium")
    give = "Or give" if missing else "Give"
    renew = Remedy(f"{give} the host's HTTPS listener a certificate that its clients trust", risk="medium")
    return _finding(
        case, "certificate", "client_distrusts", f"{client} does not trust the certificate that the host presents: {chain.why[:1].lower()}{chain.why[1:]}",
        (_fact(case, f"with its own stores it comes to: {' / '.join(chain.subjects[:5]) or 'no chain'} ({chain.outcome.replace('_', ' ')})"),),
        *((trust,) if missing else ()), renew, verdict=POSSIBLE if comes else LIKELY,
        check=f"On {client}: certutil -verify -urlfetch FILE, with the host's certificate. {stores.CHECK}",
    )


def _clocks(case: Case, seen: HostEvidence) -> Finding | None:
    """Two clocks that Kerberos compares, each against this control node's."""
    why, _fact_of_way = ntlm_alone(case, seen)
    there, here = inside.known(seen.time), _host_offset(case)
    offset = inside.known(there.offset) if there else None
    if why or there is None or offset is None or here is None:
        return None
    apart = offset - here[0]
    if abs(apart) - there.uncertainty - here[1] <= time_skew.TOLERANCE:
        return None
    client = name_of(case)
    facts = (_fact(case, f"its clock differs from this control node's by {offset:+.1f} s"), here[2])
    return _finding(
        case, "time_skew", "client_clock",
        f"The clock of {client} is {time_skew.duration(abs(apart))} {'ahead of' if apart > 0 else 'behind'} the host's; Kerberos tolerates 5 minutes.", facts,
        Remedy("Let the one that is wrong follow its domain's source of time", "w32tm /config /syncfromflags:domhier /update; w32tm /resync", "medium"),
        check=f"On {client} and on the host: w32tm /stripchart /computer:DC /samples:3 /dataonly.",
    )


def asked_name(case: Case) -> str:
    """Windows clients ask for the class HTTP (the names in three captured requests say so), and by the name that they are given."""
    return f"HTTP/{case.target.host}"


def spn(case: Case, seen: HostEvidence) -> Finding | None:
    """Nobody, two, or a stranger answers for the name that a Windows client asks Kerberos for, whatever class the inventory's connection asks for."""
    name = asked_name(case)
    owners, here = directories.carriers(case, name), directories.answering(case)
    if ntlm_alone(case, seen)[0] or owners is None or (directories.own_spn(case).lower() == name.lower() and directories.stake(case)):
        # What the inventory's own connection asks for too is judged for all who do.
        return None
    strangers = [one for one in owners if here is not None and not directories.is_computer(one, here.netbios_computer)]
    if len(owners) == 1 and not strangers:
        return None
    client, fact = name_of(case), directories.owner_fact(case, name, owners)
    asks = _fact(case, f"it is a Windows machine of a domain, and such a client asks for {name}")
    if len(owners) == 1:
        who = directories.called(strangers[0])
        said, rule, verdict = f"{name}, which {client} asks Kerberos for, belongs to {who}: the host cannot read tickets for it.", "client_spn_owner", LIKELY
        remedy = Remedy(f"Move it to the computer, once you know that nothing else needs it, {spn_tasks.BY_SOMEBODY}", spn_tasks.move(case, name), "high")
    elif owners:
        who = " and ".join(map(directories.called, owners))
        said = f"{who} carry {name}, which {client} asks Kerberos for: a KDC gives no ticket for a name that is double."
        rule, verdict = "client_spn_double", LIKELY
        double = strangers[0].name if strangers else "ACCOUNT"
        remedy = Remedy(f"Take it from the one that is not the host's, {spn_tasks.BY_SOMEBODY}", spn_tasks.take(case, double, name), "high")
    else:
        said, rule, verdict = f"Nobody carries {name}, nor HOST for it, which {client} asks Kerberos for.", "client_spn_missing", LIKELY
        remedy = Remedy(f"Register it on the host's computer account, {spn_tasks.BY_SOMEBODY}", spn_tasks.add(case, name))
    if not strangers and case.target.scheme == "https" and case.target.auth != ("kerberos",):
        # Without a ticket a client falls back to NTLM, which needs no TrustedHosts over HTTPS.
        verdict = POSSIBLE
    return _finding(case, "spn", rule, said, (fact, asks), remedy, verdict=verdict, check=f"On {client}: klist get {name}; setspn -Q {name}.")


def _host_offset(case: Case) -> tuple[float, float, Fact] | None:
    """The host's clock against this control node's."""
    seen = inside.clock(case)
    offset = inside.known(seen.offset) if seen else None
    if seen is not None and offset is not None:
        return offset, seen.uncertainty, inside.fact(case, f"its clock differs from this control node's by {offset:+.1f} s")
    opened = outside.door(case)
    if opened is None or not opened.clocks:
        return None
    best = min(opened.clocks, key=lambda clock: clock.uncertainty)
    return best.offset, best.uncertainty, Fact(time_skew.said(best), outside.where(case.target), "endpoint")


def _no_domain(case: Case, seen: HostEvidence) -> Finding | None:
    """0x8033810C: Kerberos is demanded, and one of the two has none."""
    why, fact = ntlm_alone(case, seen)
    if not why or fact is None or case.target.auth != ("kerberos",):
        return None
    return _finding(
        case, "domain_trust", "client_workgroup", f"The inventory demands Kerberos, and between {name_of(case)} and the host there is none: {why}.", (fact,),
        Remedy("Log on with NTLM over HTTPS, or with a local account"),
        Remedy("Or join the one that is left out to the domain", "Add-Computer -DomainName DOMAIN -Restart", "high"),
    )


def _no_controller(case: Case, seen: HostEvidence) -> Finding | None:
    """A client that finds no domain controller gets no ticket."""
    why, _fact_of_way = ntlm_alone(case, seen)
    member = inside.known(seen.domain)
    found = inside.known(member.controller) if member else None
    if why or member is None or not member.member or found is None or found.code == 0:
        return None
    means = f", {found.means.rstrip('.')}" if found.means else ""
    client, domain = name_of(case), joined.named_domain(member)
    return _finding(
        case, "domain_trust", "client_no_controller", f"{client} finds no domain controller of {member.domain or 'its domain'}, so it gets no Kerberos ticket.",
        (_fact(case, f"nltest /dsgetdc says status {found.code}{means}"),),
        Remedy(f"Let {client} find and reach a domain controller: its DNS servers, and ports 53, 88 and 389 to them", f"nltest /dsgetdc:{domain} /force"),
        check=f"On {client}: nltest /dsgetdc:{domain} /force; klist get HTTP/{case.target.host}.",
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "spn": (spn,),
    "service_config": (_trusted_hosts, _methods, _credssp),
    "message_encryption": (_unencrypted,),
    "ntlm_blocked": (_sending, _levels, _receiving),
    "certificate": (_authority,),
    "time_skew": (_clocks,),
    "domain_trust": (_no_domain, _no_controller),
}
OWN_RULES = (
    "client_trusted_hosts", "client_method_off", "client_delegation", "client_refuses_plain", "client_sending", "client_level", "client_has_ntlm_alone",
    "client_distrusts", "client_clock", "client_workgroup", "client_no_controller", "client_spn_owner", "client_spn_double", "client_spn_missing",
)
"""What these rules are called in findings: those about the pair."""
