# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Service Principal Name that Kerberos asks the KDC for."""

from __future__ import annotations

from ..evidence import answers
from ..evidence.case import Case
from ..evidence.endpoint import ChallengeEvidence
from ..finding import LIKELY, RULED_OUT, Fact, Finding, Remedy
from ..target import is_address
from . import coded, outside
from .cause import Cause


def evaluate(case: Case, now: float) -> list[Finding]:
    """What a logon's codes name, else what is seen from outside."""
    return coded.findings(case, "spn", next_check=CAUSE.by_hand) or _outside(case, now)


def _outside(case: Case, now: float) -> list[Finding]:
    """From outside only this much: an address never has an SPN, and other methods need none."""
    target = case.target
    opened = outside.door(case)
    if not {"kerberos", "negotiate", "credssp"}.intersection(target.auth):
        methods = ", ".join(target.auth)
        fact = Fact(f"the inventory logs on with {methods}", "inventory", "controller")
        return [Finding("spn", "no_kerberos", RULED_OUT, f"No SPN takes part: {methods} does not use Kerberos.", against=(fact,))]
    if target.auth != ("kerberos",) or target.spn_hostname or not is_address(target.host) or opened is None or not answers.is_winrm(opened):
        return []
    override = outside.setting(target, psrp="ansible_psrp_negotiate_hostname_override", winrm="ansible_winrm_kerberos_hostname_override")
    own_name = opened.challenge.dns_computer if isinstance(opened.challenge, ChallengeEvidence) else ""
    known = own_name or "NAME.DOMAIN"
    facts: tuple[Fact, ...] = (
        Fact(f"the inventory connects to {target.host} with kerberos alone, so the ticket is asked for HTTP/{target.host}", "inventory", "controller"),
    )
    if own_name:
        facts += (Fact(f"the host calls itself {known}", outside.where(target, opened.address), "endpoint"),)
    return [
        Finding(
            "spn",
            "address",
            LIKELY,
            "Kerberos asks for a service named by IP address, and Active Directory knows no such SPN.",
            facts,
            next_check=f"kvno HTTP/{known} after kinit: a ticket for the name proves that only the address is in the way.",
            remedies=(
                Remedy("Connect by the host's DNS name", f"ansible_host: {known}"),
                Remedy("Or keep the address and name the host for Kerberos", f"{override}: {known}"),
            ),
            weight=65,
        )
    ]


CAUSE = Cause(
    "spn",
    "The Service Principal Name is missing, double or another's",
    3,
    ("logon", "directory",),
    "setspn -Q HTTP/HOST and setspn -Q WSMAN/HOST on a domain member: exactly one owner, the host's own account.",
    evaluate,
)
