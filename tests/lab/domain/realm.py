# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The realms of the lab: their names, and where their controllers live."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Realm:
    """One Active Directory domain, which is its own forest, with one controller."""

    name: str
    """Kerberos' name, such as LAB.TEST."""
    flat: str
    """NetBIOS name."""
    controller: str
    """Short name of its domain controller."""
    address: str

    @property
    def dns(self) -> str:
        """Such as lab.test."""
        return self.name.lower()

    @property
    def base(self) -> str:
        """Its naming context."""
        return ",".join(f"DC={label}" for label in self.dns.split("."))

    @property
    def fqdn(self) -> str:
        """Its controller's DNS name."""
        return f"{self.controller}.{self.dns}"


LAB = Realm("LAB.TEST", "LAB", "dc1", "127.66.0.10")
OTHER = Realm("OTHER.TEST", "OTHER", "odc1", "127.66.0.20")
REALMS = {"lab": LAB, "other": OTHER}
"""Names in the scenario file."""
