# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose logon a finding is about where a Windows machine is named as the client: that machine's, everybody's, or this control node's alone."""

from __future__ import annotations

from dataclasses import replace

from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.host import HostEvidence
from ..finding import TROUBLE, Finding, Remedy
from . import directories, inside, pairs

OWN_TRUST = ("self_signed", "unknown_root", "incomplete_chain")
"""Rules of certificates that this control node's own trust decides; of the client its stores do, in pairs.py."""
ALONE = "Of this control node alone: "
NOT_FOR_CLIENT = "Of this control node's inventory, not of the client: "


def arrow(case: Case) -> str:
    """`web02 -> sql04`, or the host alone where no client is named."""
    return f"{case.client_name} -> {case.target.name}" if pairs.judged(case) else case.target.name


def story(case: Case) -> str:
    """What the judgement of the client rests on, in words that are the same for every host of a play; "" where no client is named."""
    client, seen = case.client_name, inside.client(case)
    if not client:
        return ""
    if pairs.is_itself(case):
        return f"{client} is the host itself, so there is no pair to judge: client_host is to name the machine from which somebody logs on."
    if seen is None or not _read(seen):
        denied = f"its account in the inventory may not read it ({', '.join(seen.denied)})" if seen is not None and seen.denied else ""
        why = denied or (case.client.unknown.rstrip(".") if isinstance(case.client, Unknown) else "nothing there could be read")
        do = "" if denied else f" See what keeps this control node out: ansible {client} -m winrm.doctor.diagnose."
        how = f"Let the inventory log on to {client} as one of its administrators."
        return f"The client side of {client} was not read: {why}. So its logon is not judged.{do} {how}"
    way = f"by the alternate logon {seen.way}, " if seen.way else ""
    part = f" Not read there, for which another account is needed: {', '.join(seen.denied)}." if seen.denied else ""
    return (
        f"The client side of {client} was read ({way}{seen.account or 'its account'}, {seen.method} over {seen.scheme}). Its logon is judged by how the two "
        f"are set up; it was not tried.{part}"
    )


def is_read(case: Case) -> bool:
    """Whether anything of the client's side is known."""
    seen = inside.client(case)
    return seen is not None and pairs.judged(case) and _read(seen)


def _read(seen: HostEvidence) -> bool:
    return any(not isinstance(one, Unknown) for one in (seen.client, seen.config, seen.policy, seen.certificates))


def well(case: Case) -> tuple[str, ...]:
    """What was compared and fits, as far as the control node's own logon does not show it: the name that Kerberos asks for, and the client's trust."""
    seen = inside.client(case)
    if seen is None or not is_read(case):
        return ()
    told = []
    name, owners = pairs.asked_name(case), directories.carriers(case, pairs.asked_name(case))
    able = not any(one.rule == "client_method_off" for one in pairs.findings(case, "service_config"))
    if able and not pairs.ntlm_alone(case, seen)[0] and owners and not pairs.spn(case, seen):
        told.append(f"as a Windows client it asks Kerberos for {name}, for which {directories.called(owners[0])} answers")
    stored = inside.known(seen.certificates)
    if case.target.scheme == "https" and stored is not None and stored.presented is not None:
        if stored.presented.outcome == "trusted":
            told.append("by its own stores it trusts the authority of the certificate that the host presents")
        elif stored.presented.outcome == "undecided":
            why = stored.presented.why.rstrip(".")
            told.append(f"whether it trusts the certificate that the host presents is not decided ({why})")
    return tuple(told)


def sorted_for_client(case: Case, findings: list[Finding]) -> list[Finding]:
    """Where a client is named: what is wrong between the two first, then what stops everybody, then what is this control node's alone, marked as such."""
    if not pairs.judged(case):
        return findings
    troubles = [_marked(case, finding) for finding in findings if finding.verdict in TROUBLE]
    return [*sorted(troubles, key=lambda finding: _order(case, finding)), *(finding for finding in findings if finding.verdict not in TROUBLE)]


def is_alone(case: Case, finding: Finding) -> bool:
    """Whether a finding says nothing about a Windows client: this control node's libraries, its trust, and the service class that its connection asks for."""
    if finding.cause == "control_node":
        return True
    if finding.cause == "certificate":
        return finding.rule in OWN_TRUST
    return finding.cause == "spn" and finding.rule not in pairs.OWN_RULES and not directories.own_spn(case).upper().startswith("HTTP/")


def _order(case: Case, finding: Finding) -> int:
    return 0 if finding.rule in pairs.OWN_RULES else 2 if is_alone(case, finding) else 1


def _marked(case: Case, finding: Finding) -> Finding:
    if finding.rule in pairs.OWN_RULES:
        return finding
    if is_alone(case, finding):
        return replace(finding, summary=f"{ALONE}{finding.summary}")
    # What changes the inventory changes nothing for the client.
    of_inventory = [one for one in finding.remedies if "ansible_" in f"{one.do} {one.how}"]
    others = [one for one in finding.remedies if one not in of_inventory]
    return replace(finding, remedies=(*others, *(_of_inventory(one) for one in of_inventory)))


def _of_inventory(one: Remedy) -> Remedy:
    return replace(one, do=f"{NOT_FOR_CLIENT}{one.do[:1].lower()}{one.do[1:]}")
