# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's bond with its domain, as the inside shows it: member or not, secure channel, domain controllers that it finds."""

from __future__ import annotations

from .. import commands
from ..evidence.case import Case
from ..evidence.host import ChannelEvidence, MembershipEvidence
from ..evidence.logon import NOT_TRIED, REFUSED
from ..explain_code import fault_entry, named
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, inside, logons, outside

BLAMED = "domain_trust"
DOMAIN_CONTROLLER = (4, 5)
"""Win32_ComputerSystem.DomainRole."""
WRONG_KEY = (41, 44, 31, 35)
"""Windows answers 41 [from memory]; MIT's and Heimdal's acceptors 44, 31 or 35 (measured)."""
NO_CONTROLLER = (1311, 1355, 1722, 2453)
"""ERROR_NO_LOGON_SERVERS, ERROR_NO_SUCH_DOMAIN, RPC_S_SERVER_UNAVAILABLE, NERR_DCNotFound: nobody answers, which is another matter than a broken trust."""
QUERY = "nltest /sc_query:{domain}, every line with Status = (it only asks; /sc_verify sets the channel up anew, which may mend it)"
CHECK = f"On the host: {QUERY}; nltest /dsgetdc:{{domain}} /force."


def finding(case: Case) -> Finding | None:
    """What keeps the host from asking its domain; None where nothing does, where no domain account is concerned, or where the logon works all the same."""
    seen = inside.domain(case)
    if seen is None or not inside.ceiling(case) or not _concerns(case):
        return None
    if not seen.member:
        return _workgroup(case, seen)
    if seen.role in DOMAIN_CONTROLLER:
        # A controller has no channel to its own domain: 1355 is how it should be (facts, section 4).
        return None
    return (_no_controller(case, seen) or _broken_channel(case, seen)) if _asked_the_domain(case) else None


def sound(case: Case) -> tuple[Fact, ...]:
    """That the channel is well, quoted; () where it is not, or was not read."""
    seen = inside.domain(case)
    if seen is not None and seen.role in DOMAIN_CONTROLLER:
        return (inside.fact(case, "the host is a domain controller itself"),)
    channel = inside.known(seen.secure_channel) if seen and seen.member else None
    return (inside.fact(case, f"the secure channel to {channel.controller or 'the domain'} has the status 0"),) if channel and channel.code == 0 else ()


def status(seen: ChannelEvidence) -> str:
    """A status by number, symbol and meaning."""
    entry = fault_entry(seen.code)
    means = entry.meaning if entry and seen.means in ("", entry.symbol) else seen.means
    return f"{named(seen.code, entry)}{f': {means}' if means else ''}".rstrip(".")


def lacks_controller(seen: ChannelEvidence) -> bool:
    """Whether nobody answers, which is another matter than a broken trust."""
    return seen.code in NO_CONTROLLER


def reach(domain: str) -> Remedy:
    """What brings a host to its domain controllers."""
    return Remedy(
        "Let the host find and reach a domain controller: its DNS servers, and ports 53, 88, 135, 389 and 445 to them",
        f"nltest /dsgetdc:{domain} /force; Resolve-DnsName _ldap._tcp.dc._msdcs.{domain} -Type SRV", "low",
    )


def named_domain(seen: MembershipEvidence) -> str:
    """The domain as it may stand in a command."""
    return commands.word(seen.domain, "DOMAIN")


def repairs(seen: MembershipEvidence) -> tuple[Remedy, ...]:
    """What mends the secure channel; both run on the host and change the machine password there and in the domain at once."""
    domain, found = named_domain(seen), [inside.known(one) for one in (seen.controller, seen.secure_channel)]
    controller = commands.word(next((one.controller for one in found if one is not None), ""), "DOMAIN_CONTROLLER")
    return (
        Remedy(
            "Repair the secure channel, on the host as a local administrator",
            f"Test-ComputerSecureChannel -Repair -Credential {domain}\\admin", "high",
        ),
        Remedy("Or set the machine password anew, there too", f"netdom resetpwd /server:{controller} /userd:{domain}\\admin /passwordd:*", "high"),
    )


def _concerns(case: Case) -> bool:
    """Local accounts and certificates ask no domain."""
    attempt = logons.own(case)
    if attempt is None:
        return directories.demands_kerberos(case)
    return attempt.kind == "domain" and attempt.method != "certificate"


def _asked_the_domain(case: Case) -> bool:
    """Whether the host's bond with its domain may have decided: not where the logon ended before the host, or with a code that names something else."""
    attempt = logons.own(case)
    if attempt is None or attempt.outcome == NOT_TRIED:
        return True
    code = logons.code_of(attempt)
    return attempt.outcome == REFUSED and (code is None or code in WRONG_KEY or code > 255)


def _limit(case: Case, *, by_ticket: bool) -> str:
    """A host reads tickets by itself; what concerns its channel stops NTLM and Basic, or a ticket that it could not read."""
    attempt, limit = logons.own(case), inside.ceiling(case)
    if attempt is None or attempt.mechanism != "kerberos" or (by_ticket and logons.code_of(attempt) in WRONG_KEY):
        return limit
    return directories.at_most(limit, LIKELY)


def _workgroup(case: Case, seen: MembershipEvidence) -> Finding:
    name = seen.domain or "a workgroup"
    facts = (inside.fact(case, f"the computer belongs to the workgroup {name}, to no domain"), *_own(case))
    ntlm = outside.setting(case.target, psrp="ansible_psrp_auth: ntlm", winrm="ansible_winrm_transport: ntlm")
    kerberos = directories.demands_kerberos(case)
    what = "the inventory demands Kerberos" if kerberos else f"{case.target.username or 'the account'} is a domain account"
    return Finding(
        "domain_trust", "workgroup", inside.ceiling(case), f"The host belongs to no domain, and {what}.", facts,
        next_check="On the host: (Get-CimInstance Win32_ComputerSystem).PartOfDomain.",
        remedies=(
            Remedy("Log on with a local account of the host over NTLM", ntlm),
            Remedy("Or join the host to its domain", "Add-Computer -DomainName DOMAIN -Restart", "high"),
        ),
        weight=84,
    )


def _no_controller(case: Case, seen: MembershipEvidence) -> Finding | None:
    found = inside.known(seen.controller)
    channel = inside.known(seen.secure_channel)
    lost = next((one for one in (found, channel) if one is not None and one.code in NO_CONTROLLER), None)
    if lost is None or (found is not None and found.code == 0):
        return None
    facts = (_quoted(case, "nltest /dsgetdc" if lost is found else "nltest /sc_query", lost), *_own(case))
    return Finding(
        "domain_trust", "no_controller", directories.at_most(_limit(case, by_ticket=False), LIKELY),
        f"The host finds no domain controller of {seen.domain or 'its domain'}, so it can have no NTLM logon of a domain account checked.", facts,
        next_check=CHECK.format(domain=named_domain(seen)), remedies=(reach(named_domain(seen)),), weight=83,
    )


def _broken_channel(case: Case, seen: MembershipEvidence) -> Finding | None:
    channel = inside.known(seen.secure_channel)
    if channel is None or channel.code == 0:
        return None
    facts = (_quoted(case, "nltest /sc_query", channel), *_own(case))
    return Finding(
        "domain_trust", "secure_channel", directories.at_most(_limit(case, by_ticket=True), CONFIRMED),
        f"The host's secure channel to {seen.domain or 'its domain'} is broken: its domain does not know the host by its password.", facts,
        next_check=CHECK.format(domain=named_domain(seen)), remedies=repairs(seen), weight=84,
    )


def _quoted(case: Case, command: str, seen: ChannelEvidence) -> Fact:
    by = f" (asked: {seen.controller})" if seen.controller else ""
    return inside.fact(case, f"{command} says status {status(seen)}{by}")


def _own(case: Case) -> tuple[Fact, ...]:
    attempt = logons.own(case)
    return (logons.fact(case, attempt),) if attempt is not None and attempt.outcome != NOT_TRIED else ()
