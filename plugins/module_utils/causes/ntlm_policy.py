# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host's policies say of NTLM that comes in.

The numbers of RestrictReceivingNTLMTraffic: [several independent public hardening scripts and audit tools, which agree: 2 is "Incoming NTLM traffic: deny
all accounts", 1 "deny all domain accounts"; Microsoft's page on the policy names the three choices in this order]. No specification has them, so the value
alone is likely at most; beside a refusal of NTLM on the wire it is confirmed. Those of RestrictNTLMInDomain are [from memory], and stay likely.
"""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.host import PolicyValueEvidence
from ..evidence.logon import REFUSED
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, inside, logons, owned

RECEIVING, IN_DOMAIN = "RestrictReceivingNTLMTraffic", "RestrictNTLMInDomain"
DENY_DOMAIN_ACCOUNTS, DENY_ALL = 1, 2
POLICIES = {
    RECEIVING: "Network security: Restrict NTLM: Incoming NTLM traffic",
    IN_DOMAIN: "Network security: Restrict NTLM: NTLM authentication in this domain",
    "RestrictSendingNTLMTraffic": "Network security: Restrict NTLM: Outgoing NTLM traffic to remote servers",
    "LmCompatibilityLevel": "Network security: LAN Manager authentication level",
}
"""Security options by their names in the editor."""
CONTROLLER = (4, 5)
DOMAIN_ACCOUNTS = {1: "domain accounts to servers of the domain", 3: "domain accounts", 5: "servers of the domain", 7: "all"}
"""RestrictNTLMInDomain, which a domain controller heeds."""


def blocks(case: Case) -> PolicyValueEvidence | None:
    """The value that keeps the own account from NTLM here; None where none does, or where it was not read."""
    seen, attempt = inside.host(case), logons.own(case)
    receiving = inside.value(seen, RECEIVING)
    local = attempt is not None and attempt.kind == "local"
    if any(way.mechanism == "ntlm" and (receiving == DENY_ALL or way.kind == "domain") for way in (*logons.accepted(case), *logons.by_others(case))):
        # Somebody came in against it: what was read is not in force.
        return None
    if receiving == DENY_ALL or (receiving == DENY_DOMAIN_ACCOUNTS and not local):
        return inside.policy(seen, RECEIVING)
    member = inside.domain(case)
    if member is not None and member.role in CONTROLLER and inside.value(seen, IN_DOMAIN) in DOMAIN_ACCOUNTS:
        return inside.policy(seen, IN_DOMAIN)
    return None


def clear(case: Case) -> tuple[Fact, ...]:
    """That no policy of the host stands against it, quoted; a domain account may still be kept from NTLM by its domain controllers."""
    seen, attempt = inside.host(case), logons.own(case)
    found = inside.policy(seen, RECEIVING)
    if found is None or blocks(case) is not None or attempt is None or attempt.kind != "local":
        return ()
    return (inside.policy_fact(case, found),)


def finding(case: Case, remedies: tuple[Remedy, ...], unanswered: tuple[Fact, ...] = ()) -> Finding | None:
    """NTLM is refused, and a policy says that it is to be; None where the logon works, or took another way. `unanswered`: no challenge came."""
    found, limit = blocks(case), inside.ceiling(case)
    attempt = logons.own(case)
    if found is None or not limit:
        return None
    heard = unanswered or (logons.tries(case) if attempt is not None and attempt.outcome == REFUSED else ())
    sure = heard and found.name == RECEIVING
    who = "all accounts" if inside.number(found.value) in (DENY_ALL, 7) else "domain accounts"
    name = found.setting or POLICIES[found.name if found.name in POLICIES else RECEIVING]
    return Finding(
        "ntlm_blocked", "policy", directories.at_most(CONFIRMED if sure else LIKELY, limit),
        f"The host's policy refuses NTLM to {who} ({found.name} is {found.value}).", (inside.policy_fact(case, found), *heard),
        next_check="On the host: the log Microsoft-Windows-NTLM/Operational, ids 4001 to 4003; each names who was blocked.",
        remedies=(*remedies, owned.security_option(name, "Or allow NTLM for this host", "high")), weight=75,
    )
