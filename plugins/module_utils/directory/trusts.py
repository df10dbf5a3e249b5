# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trusts of a domain, decoded ([MS-ADTS] 6.1.6.7)."""

from __future__ import annotations

from ..evidence.directory import TrustEvidence
from .entries import Entry

FILTER = "(objectClass=trustedDomain)"
ATTRIBUTES = ("trustPartner", "flatName", "trustDirection", "trustType", "trustAttributes", "msDS-SupportedEncryptionTypes")
DIRECTIONS = {0: "disabled", 1: "inbound", 2: "outbound", 3: "both"}
"""6.1.6.7.12."""
KINDS = {1: "downlevel", 2: "active_directory", 3: "mit", 4: "dce", 5: "azure_ad"}
"""6.1.6.7.15."""
FLAGS = (
    (0x1, "non_transitive"), (0x2, "uplevel_only"), (0x4, "quarantined"), (0x8, "forest_transitive"), (0x10, "cross_organization"), (0x20, "within_forest"),
    (0x40, "treat_as_external"), (0x80, "uses_rc4"), (0x100, "uses_aes"), (0x200, "no_tgt_delegation"), (0x400, "pim_trust"), (0x800, "enable_tgt_delegation"),
    (0x1000, "no_target_validation"),
)
"""6.1.6.7.9, without the prefix TRUST_ATTRIBUTE_."""


def read_trust(entry: Entry) -> TrustEvidence:
    """A trustedDomain object that was found with ATTRIBUTES."""
    direction, kind = entry.number("trustDirection"), entry.number("trustType")
    return TrustEvidence(
        partner=entry.text("trustPartner").lower(), flat_name=entry.text("flatName"),
        direction="" if direction is None else DIRECTIONS.get(direction & 3, ""), kind=KINDS.get(kind or 0, "" if kind is None else str(kind)),
        attributes=flags(entry.number("trustAttributes") or 0), encryption_types=entry.number("msDS-SupportedEncryptionTypes"),
    )


def flags(value: int) -> tuple[str, ...]:
    """trustAttributes in words; bits without a name as a hexadecimal number."""
    unsigned = value & 0xFFFFFFFF
    rest = unsigned & ~sum(bit for bit, _name in FLAGS)
    return (*(name for bit, name in FLAGS if unsigned & bit), *([f"{rest:#x}"] if rest else []))
