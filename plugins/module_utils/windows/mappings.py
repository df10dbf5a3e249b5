# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client certificates and the local accounts that they open ([MS-WSMV] 2.2.4.4)."""

from __future__ import annotations

from ..evidence.base import Known, Unknown
from ..evidence.host import MappingEvidence
from .listeners import thumbprint_of
from .material import Circumstances, Material, Needs

RESOURCE = "config/service/certmapping"
MOST = 1000


def needs(circumstances: Circumstances) -> Needs:
    """The mappings; their form in the registry is not known, so there is no second source."""
    return Needs(resources=(RESOURCE,))


def evidence(material: Material, circumstances: Circumstances) -> Known[tuple[MappingEvidence, ...]]:
    """Every mapping, without its password, which the host does not tell."""
    items = material.resource(RESOURCE)
    if isinstance(items, Unknown):
        return items
    return tuple(
        MappingEvidence(one.get("URI"), one.get("Subject"), thumbprint_of(one.get("Issuer")), one.get("UserName"), one.flag("Enabled") is not False)
        for one in items[:MOST]
    )
