# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lockout and password policy that holds for one account."""

from __future__ import annotations

import typing as t

from ..evidence.directory import PolicyEvidence
from .entries import Entry
from .notation import DAY, common_name, duration

DOMAIN_ATTRIBUTES = ("lockoutThreshold", "lockoutDuration", "lockOutObservationWindow", "maxPwdAge")
PSO_ATTRIBUTES = ("msDS-LockoutThreshold", "msDS-LockoutDuration", "msDS-LockoutObservationWindow", "msDS-MaximumPasswordAge")
"""A password settings object's, in the same order ([MS-SAMR] 3.1.1.5)."""
SETTINGS = "CN=Password Settings Container,CN=System"
"""Where the password settings objects stand ([MS-ADTS] 6.1.1.4.11.1); made for Domain Admins and the system alone ([MS-ADSC] 2.144 and 2.145)."""
SETTINGS_LEVEL = 3
"""domainFunctionality from which they are in force: Windows Server 2008 ([MS-ADTS] 3.1.1.4.5.36)."""
DOMAIN_POLICY = "Default Domain Policy"


def of_domain(head: Entry) -> PolicyEvidence | None:
    """The domain's own policy, from the object at its head; None where it may not be read."""
    return _policy(head, DOMAIN_ATTRIBUTES, DOMAIN_POLICY)


def of_settings(settings: Entry) -> PolicyEvidence | None:
    """That of a password settings object; None where it may not be read, which for plain users is the rule rather than the exception."""
    return _policy(settings, PSO_ATTRIBUTES, common_name(settings.dn))


def _policy(entry: Entry, attributes: t.Sequence[str], name: str) -> PolicyEvidence | None:
    threshold, lasts, window, age = (entry.number(attribute) for attribute in attributes)
    if threshold is None:
        return None
    seconds, observed, oldest = duration(lasts), duration(window), duration(age)
    return PolicyEvidence(
        name=name, lockout_threshold=threshold, lockout_minutes=None if seconds is None else round(seconds / 60, 2),
        observation_minutes=round((observed or 0.0) / 60, 2), max_password_days=None if oldest is None else round(oldest / DAY, 2),
    )
