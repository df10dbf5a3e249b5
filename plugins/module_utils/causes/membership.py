# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's account in its domain: disabled, or gone. Then it has no NTLM logon checked by its domain, and once it is gone no ticket is made for it."""

from __future__ import annotations

from .. import commands
from ..evidence.case import Case
from ..evidence.directory import REFUSED as KDC_REFUSED
from ..evidence.logon import ACCEPTED, NOT_TRIED
from ..evidence.logon import REFUSED as HOST_REFUSED
from ..finding import CONFIRMED, LIKELY, POSSIBLE, Fact, Finding, Remedy
from . import directories, logons

CHECK = "Get-ADComputer NAME -Properties Enabled,PasswordLastSet; on the host: nltest /sc_query:DOMAIN, every line with Status =."


MISSING = "computer_missing"
NO_SERVICE = (7, 19)
"""KDC_ERR_S_PRINCIPAL_UNKNOWN and KDC_ERR_SERVICE_REVOKED: what a KDC may say of a host whose account is gone or disabled."""


def findings(case: Case) -> list[Finding]:
    """At most one; [] where the account is well, was not read, or the logon works all the same."""
    attempt = logons.own(case)
    if (attempt is not None and (attempt.outcome == ACCEPTED or attempt.kind == "local")) or not _matters(case):
        return []
    named, seen = directories.computer(case), directories.directory(case)
    here = directories.answering(case)
    if here is not None and seen is not None and seen.other_computer is not None and directories.is_computer(seen.other_computer, here.netbios_computer):
        named = seen.other_computer
    if named is not None and not named.enabled:
        fact = directories.read_fact(case, f"userAccountControl says that the computer {named.name} is disabled", named.dn, of_host=True)
        # Samba makes tickets for a disabled computer all the same (measured), so of those only what a KDC itself has said is told.
        also = ", and the KDC makes no ticket for it" if _no_ticket(case) else ""
        summary = f"The host's computer account {named.name} is disabled: it can have no NTLM logon checked by its domain{also}."
        return [_finding(
            case, "computer_disabled", named.name, summary, fact,
            (Remedy("Enable the computer account, once you know why it was disabled", f"Enable-ADAccount '{commands.word(named.name)}'", "medium"),),
        )]
    if not directories.computer_missing(case) or here is None or here.membership == "workgroup" or seen is None:
        return []
    if here.dns_domain and here.dns_domain.lower() != (seen.host_domain or seen.domain).lower():
        # Looked for in another domain than the host's: that proves nothing.
        return []
    fact = directories.read_fact(case, f"there is no computer {here.netbios_computer}$, nor one with the name {case.target.host}", of_host=True)
    summary = f"The host believes to belong to {here.dns_domain or here.netbios_domain}, but has no computer account there."
    return [_finding(
        case, MISSING, here.netbios_computer, summary, fact,
        (
            Remedy(
                "Restore the deleted account from the recycle bin",
                f"Get-ADObject -Filter 'sAMAccountName -eq \"{commands.word(here.netbios_computer)}$\"' -IncludeDeletedObjects | Restore-ADObject", "medium",
            ),
            Remedy(
                "Or join the host anew, with a local administrator at hand",
                f"Remove-Computer -Restart, then Add-Computer -DomainName {commands.word(here.dns_domain or 'DOMAIN')} -Restart", "high",
            ),
        ),
        directories.answering_fact(case, here),
    )]


def _matters(case: Case) -> bool:
    """Local accounts and certificates ask no domain."""
    attempt = logons.own(case)
    if directories.stake(case):
        return True
    return attempt is not None and attempt.outcome != NOT_TRIED and attempt.kind == "domain" and attempt.method != "certificate"


def _no_ticket(case: Case) -> list[directories.Asked]:
    """The KDC's refusals of a ticket for the host."""
    return [asked for asked in directories.own_tickets(case) if asked.step.outcome == KDC_REFUSED and asked.step.code in NO_SERVICE]


def _finding(case: Case, rule: str, name: str, summary: str, fact: Fact, remedies: tuple[Remedy, ...], *more: Fact) -> Finding:
    refused = [directories.step_fact(asked) for asked in _no_ticket(case)]
    attempt = logons.own(case)
    by_ticket = attempt is not None and attempt.outcome == HOST_REFUSED and attempt.mechanism == "kerberos"
    kdc = attempt.failure.code if attempt is not None and attempt.failure is not None and attempt.failure.step == "kdc" else None
    # A conversation that merely broke off says nothing of the domain, and a KDC that refuses the user nothing of the host.
    by_host = attempt is not None and attempt.outcome == HOST_REFUSED
    if attempt is not None and (by_host or kdc in NO_SERVICE):
        refused.append(logons.fact(case, attempt))
    # A host reads tickets by itself, without its domain: where it refused one, it may have had another reason.
    # And what is missing may only be hidden from whoever reads, so a bare 401 beside it proves nothing.
    proven = bool(refused) and not by_ticket and not (by_host and rule == MISSING)
    verdict = CONFIRMED if proven else directories.at_most(LIKELY, directories.stake(case) or (LIKELY if by_host else POSSIBLE))
    check = CHECK.replace("NAME", name.rstrip("$"))
    return Finding("domain_trust", rule, verdict, summary, (fact, *more, *refused), next_check=check, remedies=remedies, weight=83)
