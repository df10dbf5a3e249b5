# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What deserves a word although it stops no logon today."""

from __future__ import annotations

import typing as t

from ..causes import certificate, logons, outside
from ..causes.time_skew import TOLERANCE, domain_clock
from ..evidence import answers
from ..evidence.base import seconds
from ..evidence.case import Case
from ..evidence.controller import ControllerEvidence
from ..evidence.endpoint import FILTERED, OPEN, ChallengeEvidence, NameEvidence, TlsEvidence, VerifyEvidence
from . import domain_notes, inside_notes
from .fleet import NOTEWORTHY

SOON = 30 * 86400
"""Seconds; a certificate that ends sooner gets a note."""


def notes(case: Case, now: float) -> list[str]:
    """Sentences, in the order of the way to the host; `now` in seconds since 1970."""
    rules = (_inventory, _names, _addresses, _between, _certificate, _clock, _account, *domain_notes.RULES, *inside_notes.RULES)
    return [sentence for rule in rules for sentence in rule(case, now)]


def _inventory(case: Case, now: float) -> t.Iterator[str]:
    target = case.target
    if target.proxy:
        yield f"The inventory sends the connection through the proxy {target.proxy}; the probe went to the host directly."
    if target.scheme == "http" and target.auth == ("basic",):
        seen = "" if logons.own(case) else ", and works only where the host sets AllowUnencrypted, which is not visible from outside"
        yield f"Basic over plain HTTP sends the password readable{seen}."


def _names(case: Case, now: float) -> t.Iterator[str]:
    seen = outside.endpoint(case)
    names = seen.names if seen else None
    if not isinstance(names, NameEvidence):
        return
    if not names.is_address and isinstance(names.system, tuple) and isinstance(names.dns, tuple) and names.dns and set(names.system) != set(names.dns):
        here, there = ", ".join(names.system) or "nothing", ", ".join(names.dns)
        yield f"For {names.asked} this control node's resolver says {here}, the name servers say {there}: a hosts file, or a stale record?"
    if not {"kerberos", "negotiate"}.intersection(case.target.auth):
        return
    if names.canonical:
        yield f"{names.asked} is an alias of {names.canonical}; Kerberos needs an SPN for the name that the client asks for."
    for back in names.reverse:
        known = back.names if isinstance(back.names, tuple) else ()
        if known and not names.is_address and not {name.lower().partition(".")[0] for name in known} & {names.asked.lower().partition(".")[0]}:
            yield f"The reverse name of {back.address} is {', '.join(known)}, not {names.asked}; a client with rdns = true asks Kerberos for that name."


def _addresses(case: Case, now: float) -> t.Iterator[str]:
    if outside.state(case) == OPEN:
        # An address that cannot be reached at all costs nobody time: the kernel says so at once.
        dead = [port.address for port in outside.ports(case) if port.state == FILTERED]
        if dead:
            yield f"{case.target.host} has addresses that do not answer: {', '.join(dead)}. Clients that try them first wait."


def _between(case: Case, now: float) -> t.Iterator[str]:
    opened = outside.door(case)
    if opened is None or not answers.is_winrm(opened):
        return
    seen = [answers.header(reply, name) for reply in answers.replies(opened) for name in ("Via", "Server")]
    strangers = list(dict.fromkeys(name for name in seen if name and answers.HTTP_SYS not in name.lower()))
    if strangers:
        yield f"WinRM answers, but through {', '.join(strangers)}: something stands in between, and over HTTPS that breaks channel binding."


def _certificate(case: Case, now: float) -> t.Iterator[str]:
    seen = outside.tls(case)
    own = certificate.leaf(seen) if seen else None
    if seen is None or own is None or case.target.scheme != "https":
        return
    left = seconds(own.not_after) - now
    if 0 < left < SOON:
        yield f"The host's certificate ends on {own.not_after[:10]}, in {int(left // 86400)} days."
    if not case.target.validate_certs and (wrong := _ignored(seen)):
        yield f"The inventory ignores what is wrong with the certificate: {wrong}."


def _ignored(seen: TlsEvidence) -> str:
    verdicts = (seen.chain_verify, seen.name_verify)
    return "; ".join(verdict.text or f"error {verdict.code}" for verdict in verdicts if isinstance(verdict, VerifyEvidence) and verdict.code)


def _clock(case: Case, now: float) -> t.Iterator[str]:
    opened = outside.door(case)
    if opened is None or not opened.clocks:
        return
    best = min(opened.clocks, key=lambda clock: clock.uncertainty)
    apart = abs(best.offset) - best.uncertainty > NOTEWORTHY
    if apart and domain_clock(case) is None and isinstance(case.controller, ControllerEvidence) and case.controller.clock_synchronised is False:
        yield "This control node's own clock is not synchronised, so the difference between the clocks may be its fault."
    if NOTEWORTHY < abs(best.offset) - best.uncertainty <= TOLERANCE:
        yield f"The host's clock is {abs(best.offset):.0f} s {'ahead of' if best.offset > 0 else 'behind'} this control node's; Kerberos gives up at 300 s."


def _account(case: Case, now: float) -> t.Iterator[str]:
    opened = outside.door(case)
    seen = opened.challenge if opened else None
    name = case.target.username or ""
    domain = name.partition("\\")[0] if "\\" in name else name.partition("@")[2]
    if not isinstance(seen, ChallengeEvidence) or seen.membership != "workgroup" or domain.upper() in ("", ".", seen.netbios_computer.upper()):
        return
    yield f"The account {name} belongs to a domain, but the host {seen.netbios_computer} seems to be in a workgroup, where only its local accounts exist."
