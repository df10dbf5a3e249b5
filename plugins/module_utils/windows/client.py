# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as a client of others: for Windows machines that fail to reach the host in question."""

from __future__ import annotations

import re

from ..evidence.base import Known, Unknown
from ..evidence.host import ClientEvidence, PolicyValueEvidence
from . import config, policy
from .material import Circumstances, Material, Needs

AREAS = frozenset(("winrm_client", "delegation"))
"""Parts of the policies that speak to clients."""


def needs(circumstances: Circumstances) -> Needs:
    """What the settings and the policies need."""
    settings, policies = config.needs(circumstances), policy.needs(circumstances)
    return Needs(
        True, (*settings.resources, *policies.resources), (*settings.keys, *policies.keys), (*settings.commands, *policies.commands),
        (*settings.queries, *policies.queries),
    )


def evidence(material: Material, circumstances: Circumstances) -> Known[ClientEvidence]:
    """The part Client of winrm/config, the hosts it trusts without proof, and the client's policies."""
    settings = config.evidence(material, circumstances)
    policies = _policies(material, circumstances)
    if isinstance(settings, Unknown):
        # Policies alone would leave out what the client does without any.
        return settings if isinstance(policies, Unknown) or not policies else ClientEvidence((), settings, policies)
    own = tuple(one for one in settings.settings if one.path.lower().startswith("client/"))
    trusted = settings.value("Client/TrustedHosts")
    return ClientEvidence(own, Unknown("the host did not tell TrustedHosts") if trusted is None else hosts_of(trusted), policies)


def hosts_of(value: str) -> tuple[str, ...]:
    """TrustedHosts: names, addresses and patterns with `*`, separated by commas; `<local>` stands for names without a dot."""
    return tuple(dict.fromkeys(part for part in re.split(r"[,;\s]+", value) if part))


def _policies(material: Material, circumstances: Circumstances) -> Known[tuple[PolicyValueEvidence, ...]]:
    values = policy.evidence(material, circumstances)
    return values if isinstance(values, Unknown) else tuple(one for one in values if one.area in AREAS)
