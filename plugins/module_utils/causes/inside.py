# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the host's inside: the questions several causes ask of it."""

from __future__ import annotations

import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.case import LEFT_OUT, Case
from ..evidence.endpoint import OPEN
from ..evidence.host import (
    AccessEvidence,
    CertificatesEvidence,
    ClientEvidence,
    FirewallEvidence,
    HostEvidence,
    LimitsEvidence,
    ListenersEvidence,
    MembershipEvidence,
    PolicyValueEvidence,
    ProblemEvidence,
    ServiceEvidence,
    SettingEvidence,
    TimeEvidence,
)
from ..evidence.logon import NOT_TRIED
from ..finding import CONFIRMED, LIKELY, Fact
from . import logons, outside, owned

SHUT = ("not_reached", "not_offered")
"""Reasons for not trying a logon that no password would change."""
T = t.TypeVar("T")


def known(value: Known[T]) -> T | None:
    """The value, or None where it could not be observed."""
    return None if isinstance(value, Unknown) else value


def host(case: Case) -> HostEvidence | None:
    """The look from inside, if there was one."""
    return known(case.host)


def client(case: Case) -> HostEvidence | None:
    """The inside of the Windows machine whose logon fails."""
    return known(case.client)


def ceiling(case: Case) -> str:
    """How far what the inside shows may be called this host's trouble: "" where the logon works all the same.

    Before a logon was tried nobody knows whether it stops one, unless the way to it is known to be shut.
    """
    attempt = logons.own(case)
    if attempt is None:
        return LIKELY if outside.state(case) in (OPEN, None) else CONFIRMED
    if attempt.outcome == NOT_TRIED:
        return CONFIRMED if attempt.reason in SHUT else LIKELY
    return "" if logons.works(case) else CONFIRMED


def listeners(case: Case) -> ListenersEvidence | None:
    """Its listeners."""
    seen = host(case)
    return known(seen.listeners) if seen else None


def firewall(case: Case) -> FirewallEvidence | None:
    """Its firewall."""
    seen = host(case)
    return known(seen.firewall) if seen else None


def certificates(case: Case) -> CertificatesEvidence | None:
    """Its certificates."""
    seen = host(case)
    return known(seen.certificates) if seen else None


def access(case: Case) -> AccessEvidence | None:
    """Whether the inventory's user may come in."""
    seen = host(case)
    return known(seen.access) if seen else None


def domain(case: Case) -> MembershipEvidence | None:
    """The host and its domain."""
    seen = host(case)
    return known(seen.domain) if seen else None


def clock(case: Case) -> TimeEvidence | None:
    """Its clock."""
    seen = host(case)
    return known(seen.time) if seen else None


def limits(case: Case) -> LimitsEvidence | None:
    """What bounds requests."""
    seen = host(case)
    return known(seen.limits) if seen else None


def client_side(seen: HostEvidence) -> ClientEvidence | None:
    """A machine as a client of others."""
    return known(seen.client)


def service(seen: HostEvidence | None, name: str = "WinRM") -> ServiceEvidence | None:
    """One Windows service by name."""
    listed = known(seen.service) if seen else None
    return next((one for one in listed or () if one.name.lower() == name.lower()), None)


def setting(case: Case, path: str) -> SettingEvidence | None:
    """A setting of winrm/config; where that was not read, what policy says in its place."""
    seen = host(case)
    if seen is None:
        return None
    config = known(seen.config)
    found = config.setting(path) if config else None
    return found or owned.by_policy(seen, path)


def is_on(value: SettingEvidence | None) -> bool | None:
    """A boolean setting; None where it is not known."""
    return None if value is None else {"true": True, "1": True, "false": False, "0": False}.get(value.value.strip().lower())


def policy(seen: HostEvidence | None, name: str, key_end: str = "") -> PolicyValueEvidence | None:
    """A registry value that was read, set or not; None where it was not read."""
    return seen.policy_value(name, key_end) if seen else None


def number(text: str | None) -> int | None:
    """A number as it stands in a setting, decimal or 0x form."""
    try:
        return None if text is None else int(text.strip(), 0)
    except ValueError:
        return None


def value(seen: HostEvidence | None, name: str, key_end: str = "") -> int | None:
    """A registry value as a number; 0 where it was read and is not set, None where nobody knows."""
    found = policy(seen, name, key_end)
    return None if found is None else 0 if found.value is None else number(found.value)


def of_kind(problems: t.Iterable[ProblemEvidence], *kinds: str) -> tuple[ProblemEvidence, ...]:
    """Problems of these kinds."""
    return tuple(one for one in problems if one.kind in kinds)


def where(case: Case) -> str:
    """`inside web01`, with the way by which somebody got in."""
    seen = host(case)
    by = f", read by the alternate logon {seen.way}" if seen is not None and seen.way else ""
    return f"inside {case.target.name}{by}"


def fact(case: Case, said: str) -> Fact:
    """One thing seen inside, quoted."""
    return Fact(said.rstrip("."), where(case), "host")


def shut(case: Case) -> tuple[str, ...]:
    """Why the inside does not tell, where somebody wanted to look: nobody got in, or what the account may not read."""
    if isinstance(case.host, Unknown):
        return () if case.host.unknown.startswith(LEFT_OUT) else (f"the host's inside was not read: {case.host.unknown}",)
    denied = case.host.denied
    part = "a part of " if read_something(case.host) else ""
    return (f"the account may not read {part}the inside ({', '.join(denied)})",) if denied else ()


def nothing_read(seen: HostEvidence) -> str:
    """Why nothing of the inside was read that not everybody is told; "" where something was."""
    return "" if read_something(seen) else next((one.unknown for one in (seen.config, seen.policy, seen.service) if isinstance(one, Unknown)), "")


def read_something(seen: HostEvidence) -> bool:
    """Whether more was read than everybody may: which Windows it is, the own shells, and what the challenge tells of the domain."""
    return any(not isinstance(one, Unknown) for one in (seen.config, seen.service, seen.policy, seen.firewall))


def setting_fact(case: Case, found: SettingEvidence) -> Fact:
    """A setting, quoted with who decides it."""
    return fact(case, f"winrm/config says {found.path} = {found.value or '(empty)'}{owned.says(host(case), found)}")


def policy_fact(case: Case, found: PolicyValueEvidence) -> Fact:
    """A registry value, quoted."""
    return fact(case, policy_text(found))


def policy_text(found: PolicyValueEvidence) -> str:
    """A registry value in words: what it does is told where it is set."""
    if found.value is None:
        return f"{found.key}\\{found.name} is not set"
    by = f' (policy "{found.setting}")' if found.setting else ""
    means = f": {found.means.rstrip('.')}" if found.means else ""
    return f"{found.key}\\{found.name} = {found.value}{by}{means}"


def problem_facts(case: Case, problems: t.Iterable[ProblemEvidence]) -> tuple[Fact, ...]:
    """What was compared and does not fit, quoted."""
    return tuple(fact(case, one.means) for one in problems)
