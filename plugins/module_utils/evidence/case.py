# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is known about one host: the input of every cause."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Known, Unknown
from .controller import ControllerEvidence
from .directory import DirectoryEvidence
from .endpoint import EndpointEvidence
from .host import HostEvidence
from .logon import LogonEvidence

NOT_ASKED = Unknown("this vantage point was not asked")
LEFT_OUT = "not asked: "
"""How the reason begins where a vantage point was left out for being of no use to this host."""


@dataclass(frozen=True)
class TargetEvidence:
    """What the inventory says of the way to the host; never a secret."""

    name: str
    """The inventory's name of the host."""
    host: str
    port: int
    scheme: str
    path: str
    connection: str
    """`winrm` or `psrp`."""
    auth: tuple[str, ...]
    """Methods the connection would try, in order: negotiate, kerberos, ntlm, basic, certificate, credssp."""
    username: str | None = None
    validate_certs: bool = True
    proxy: str | None = None
    spn_service: str = ""
    """Service class of the SPN that its Kerberos asks for: HTTP, WSMAN or host."""
    spn_hostname: str | None = None
    """A name the inventory sets for the SPN in place of `host`."""
    message_encryption: str = "auto"
    """auto, always or never."""
    send_cbt: bool = True


@dataclass(frozen=True)
class Case:
    """One host, seen from the vantage points that were asked."""

    target: TargetEvidence
    controller: Known[ControllerEvidence] = NOT_ASKED
    endpoint: Known[EndpointEvidence] = NOT_ASKED
    logon: Known[LogonEvidence] = NOT_ASKED
    directory: Known[DirectoryEvidence] = NOT_ASKED
    host: Known[HostEvidence] = NOT_ASKED
    client: Known[HostEvidence] = NOT_ASKED
    """The Windows machine whose logon fails, seen from inside, where that is not this control node."""
    client_name: str = ""

    def missing(self, vantage: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of these vantage points the names of those that were not asked, and of those that were left out for a reason with that reason."""
        seen = {name: getattr(self, name, NOT_ASKED) for name in vantage}
        unasked = {name: one.unknown for name, one in seen.items() if isinstance(one, Unknown)}
        left_out = tuple(f"the {name} was {why}" for name, why in unasked.items() if why.startswith(LEFT_OUT))
        return tuple(name for name, why in unasked.items() if not why.startswith(LEFT_OUT)), left_out
