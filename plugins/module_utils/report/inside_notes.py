# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host's inside deserves a word although it stops no logon today."""

from __future__ import annotations

import typing as t

from ..causes import certificate, encryption_types, etypes, host_clock, inside, joined, logons, outside, whose
from ..causes.time_skew import TOLERANCE
from ..evidence.base import Unknown
from ..evidence.case import LEFT_OUT, NOT_ASKED, Case
from ..evidence.host import NARROWED
from .ways import kept_out

COMING = ("expiring",)
ASIDE = ("weak_key", "weak_signature", "too_large", "intermediate_misplaced", "mapping_issuer_missing")
"""Kinds of problems with certificates that stop no logon, or another one than this."""
OUTLIVED = ("expired", "not_yet_valid", "disallowed", "revoked", "no_key")
BESIDE = ("address_left_out", "bad_filter", "binding_differs", "foreign_binding", "reservation_wrong")
"""Kinds of problems with listeners that this connection does without."""
BY_HAND = {"manual": "starts by hand only", "disabled": "is disabled"}
MOST = 3
"""Sentences of one sort."""


def _unread(case: Case, now: float) -> t.Iterator[str]:
    """One sentence for all that may not be read, by whatever way."""
    seen = inside.host(case)
    got_in = bool(logons.accepted(case) or logons.by_others(case))
    # Where nobody got in, what stays undecided says so itself.
    if isinstance(case.host, Unknown) and got_in and case.host != NOT_ASKED and not case.host.unknown.startswith(LEFT_OUT):
        yield f"The host's inside was not read: {case.host.unknown.rstrip('.')}."
    if seen is None:
        return
    if (why := inside.nothing_read(seen)) and not seen.denied:
        yield f"The host's inside was not read, although a logon got in: {why.rstrip('.')}."
        return
    if seen.way:
        yield f"The host's inside was read by the alternate logon {seen.way} ({seen.account or 'its account'}, {seen.method} over {seen.scheme})."
    if seen.denied:
        who = seen.account or "the account"
        if inside.read_something(seen):
            yield f"{who} may not read a part of the inside ({', '.join(seen.denied)}); the rest was read, and what that part would tell is unknown."
        else:
            by = "" if _kept_out(case) else ", as one of alternate_logons for instance"
            yield f"{who} may not read the inside ({', '.join(seen.denied)}): an administrator of the host may{by}."


def _kept_out(case: Case) -> tuple[str, ...]:
    tried = logons.logon(case)
    return kept_out(tried) if tried else ()


def _alternates(case: Case, now: float) -> t.Iterator[str]:
    """Those that did not get in."""
    yield from (f"Of alternate_logons, {_sentence(one)}" for one in _kept_out(case)[:MOST])


def _client(case: Case, now: float) -> t.Iterator[str]:
    """What the judgement of the machine that is the client rests on."""
    if told := whose.story(case):
        yield told
    if well := whose.well(case):
        yield f"{whose.arrow(case)}: {'; '.join(well)}."


def _certificates(case: Case, now: float) -> t.Iterator[str]:
    """What ends soon, by its date, and what lies in a wrong store."""
    seen = inside.certificates(case)
    if seen is None:
        return
    tls = outside.tls(case)
    own = certificate.leaf(tls) if tls else None
    told = own.thumbprint if own and case.target.scheme == "https" else ""
    kinds = (*COMING, *ASIDE, *(OUTLIVED if logons.works(case) else ()))
    found = [one for one in inside.of_kind(seen.problems, *kinds) if not (one.kind in COMING and one.subject == told)]
    yield from (_sentence(one.means) for one in found[:MOST])
    misplaced = inside.of_kind(seen.problems, "root_misplaced")
    if misplaced and case.target.auth != ("certificate",):
        more = f" ({len(misplaced)} of them)" if len(misplaced) > 1 else ""
        yield f"{_sentence(misplaced[0].means).rstrip('.')}{more}."


def _service(case: Case, now: float) -> t.Iterator[str]:
    """A service that runs today and not after the next restart."""
    running = inside.service(inside.host(case))
    if running is not None and running.state == "running" and running.start_mode in BY_HAND:
        how = "Set-Service WinRM -StartupType Automatic"
        yield f"The WinRM service runs, but {BY_HAND[running.start_mode]}: after a restart of the host nobody may answer. {how}."


def _listeners(case: Case, now: float) -> t.Iterator[str]:
    seen = inside.listeners(case)
    if seen is not None and logons.works(case):
        yield from (_sentence(one.means) for one in inside.of_kind(seen.problems, *BESIDE)[:MOST])
    found = inside.setting(case, "Service/AllowUnencrypted")
    if inside.is_on(found):
        yield "The host takes messages that are not encrypted (AllowUnencrypted is true): over HTTP everybody on the way may read them."


def _firewall(case: Case, now: float) -> t.Iterator[str]:
    """From where one gets in, and where nothing is kept out."""
    seen = inside.firewall(case)
    if seen is None:
        return
    narrowed = next((one for one in seen.passage(case.target.port) if one.outcome == NARROWED and one.admits is True), None)
    if narrowed is not None:
        yield f"The host's firewall lets TCP {case.target.port} in on the {narrowed.profile} profile from {', '.join(narrowed.remote[:4]) or 'some'} alone."
    if off := [one.name for one in seen.profiles if not one.on]:
        yield f"The host's firewall is switched off in the {listed(off)} profile{'s' if len(off) > 1 else ''}."


def _limits(case: Case, now: float) -> t.Iterator[str]:
    seen = inside.limits(case)
    if seen is not None:
        used_up = ("shells_used_up",) if logons.works(case) else ()
        yield from (_sentence(one.means) for one in inside.of_kind(seen.problems, "small_token", "small_quota", *used_up)[:MOST])


def _domain(case: Case, now: float) -> t.Iterator[str]:
    """A bond that is broken, and a logon that works without it."""
    seen = inside.domain(case)
    if seen is None or not seen.member or seen.role in joined.DOMAIN_CONTROLLER or not logons.works(case):
        return
    channel, controller = inside.known(seen.secure_channel), inside.known(seen.controller)
    domain = joined.named_domain(seen)
    if channel is not None and channel.code:
        first, *others = (joined.reach(domain),) if joined.lacks_controller(channel) else joined.repairs(seen)
        ways = " Or: ".join((f"{first.do}: {first.how}", *(one.how for one in others)))
        yield (
            f"The host's secure channel to {seen.domain or 'its domain'} has the status {joined.status(channel)}. This logon works all the same, those that "
            f"the host has checked by its domain do not. See first: {joined.QUERY.format(domain=domain)}. {ways}."
        )
    elif controller is not None and controller.code:
        how = joined.reach(domain)
        yield (
            f"The host finds no domain controller of {seen.domain or 'its domain'}: status {joined.status(controller)}. Logons that need one will fail. "
            f"{how.do}: {how.how}."
        )


def _time(case: Case, now: float) -> t.Iterator[str]:
    seen = inside.clock(case)
    if seen is None:
        return
    offset = inside.known(seen.controller_offset)
    off = offset is not None and abs(offset) > TOLERANCE
    member = inside.domain(case)
    # In a workgroup Windows leaves the time service stopped until something wants it, and no Kerberos compares clocks.
    if member is not None and member.member and (told := host_clock.faults(seen)) and (not off or logons.works(case)):
        # Else the finding about the clock quotes them.
        yield f"The host's clock may drift: {', '.join(told)}."
    if offset is not None and off and logons.works(case):
        yield f"The host measures {offset:+.0f} s to its domain controller: Kerberos fails between the two, though this logon works."


def _encryption(case: Case, now: float) -> t.Iterator[str]:
    found = inside.policy(inside.host(case), encryption_types.SUPPORTED)
    bits = inside.number(found.value) if found is not None else None
    if found is not None and bits and not bits & etypes.AES:
        yield f"The host's policy allows Kerberos no AES ({found.name} is {found.value}), which stops working where RC4 is switched off."


def listed(names: t.Sequence[str]) -> str:
    """Several names as English lists them."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


RULES = (_unread, _alternates, _client, _certificates, _service, _listeners, _firewall, _limits, _domain, _time, _encryption)
"""In the order in which they are told. What was denied is one note, not one for each thing that could not be read."""
