# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's membership in a domain, its secure channel, and whether it finds a domain controller. Nothing is verified anew: that may change the channel."""

from __future__ import annotations

import re
from dataclasses import replace

from ..evidence.base import Known, Unknown
from ..evidence.host import DENIED, ChannelEvidence, MembershipEvidence
from ..explain_code import fault_entry
from ..target import is_address
from ..wsman.objects import Object
from . import system
from .material import Circumstances, Command, Key, Material, Needs, Query, Said

TCPIP = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
KEY = Key(TCPIP, deep=False, values=("Domain", "NV Domain", "Hostname", "NV Hostname"))
QUERY = Query("membership", "select Name, Domain, PartOfDomain, DomainRole, Workgroup from Win32_ComputerSystem")
CHANNEL, LOCATOR = "nltest:channel", "nltest:controller"
NO_MEMBER = Unknown("the host is in no domain")
OWN_DOMAIN = Unknown("a domain controller has no secure channel with its own domain")
NO_DOMAIN = 1355
ACCESS_DENIED = 5
STALE = "The domain controller refuses the host: as a rule it has another machine password in its directory."
MEMBERS, CONTROLLERS = frozenset((1, 3, 4, 5)), frozenset((4, 5))
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?")
# "Trusted DC Connection Status Status = 1311 0x51f ERROR_NO_LOGON_SERVERS": nltest speaks English everywhere; should it not, number and hex number stay.
_STATUS = re.compile(r"(?:\bStatus\s*=\s*(\d{1,10})(?!\d))|(?:=\s*(\d{1,10})\s+0x[0-9A-Fa-f]+\s+[A-Z])")
_SERVER = re.compile(r"\\\\([A-Za-z0-9._:-]{1,255})")


def safe_name(name: str) -> str:
    """The name of a domain as it may stand in a command line, "" where it may not."""
    return name if _NAME.fullmatch(name) else ""


def needs(circumstances: Circumstances) -> Needs:
    """WMI for the membership, nltest for the rest; the domain's name comes from the NTLM challenge."""
    return Needs(keys=(KEY, *system.KEYS), commands=_commands(circumstances), queries=(QUERY,))


def evidence(material: Material, circumstances: Circumstances) -> Known[MembershipEvidence]:
    """Member or not, and how it stands with its domain."""
    row = material.row(QUERY.id)
    role = row.number("DomainRole") if row is not None else None
    if role is None or not 0 <= role <= 5:
        role = None
    member = role in MEMBERS if role is not None else _member(material, circumstances, row)
    if member is None:
        return _why(material)
    if role is None:
        role = _role(material, member)
    known = MembershipEvidence(member, role, _domain(material, circumstances, row), _computer(material, circumstances, row))
    if not member:
        return replace(known, secure_channel=NO_MEMBER, controller=NO_MEMBER)
    channel = channel_of(material.said(CHANNEL))
    if role in CONTROLLERS and not isinstance(channel, Unknown) and channel.code == NO_DOMAIN:
        channel = OWN_DOMAIN
    return replace(known, secure_channel=channel, controller=channel_of(material.said(LOCATOR)))


def channel_of(said: Known[Said]) -> Known[ChannelEvidence]:
    """An answer of nltest: the worst of its codes, for its last line says that the command did well even where the channel does not."""
    if isinstance(said, Unknown):
        return said
    codes = [int(one or other) for one, other in _STATUS.findall(said.text)]
    names = _SERVER.findall(said.text)
    code = next((one for one in codes if one), 0)
    if code == ACCESS_DENIED and _lines(said) == 1:
        # Nothing but the failure of the question itself: the reader lacks rights. Below other lines the same number is the channel's own state, as a
        # machine password that the domain does not know makes it ([MEM] of public posts).
        return Unknown(DENIED)
    if not codes and not names:
        return Unknown("nltest did not end in time" if said.code is None else f"nltest ended with exit code {said.code} and told no status")
    server = next((name for name in names if not is_address(name)), "")
    entry = fault_entry(code) if code else None
    means = STALE if code == ACCESS_DENIED else entry.meaning if entry else ""
    return ChannelEvidence(code, server, next((name for name in names if is_address(name)), ""), means)


def _lines(said: Said) -> int:
    return sum(bool(line.strip()) for line in said.text.splitlines())


def _commands(circumstances: Circumstances) -> tuple[Command, ...]:
    name = safe_name(circumstances.domain) or safe_name(circumstances.netbios_domain)
    if name:
        return Command(CHANNEL, f"nltest /sc_query:{name}"), Command(LOCATOR, f"nltest /dsgetdc:{name}", slow=True)
    # The challenge named the host and no domain: a workgroup.
    if circumstances.netbios_computer or circumstances.domain or circumstances.netbios_domain:
        return ()
    # Without a name nltest takes the host's own domain ([MEM] for /dsgetdc).
    return Command(CHANNEL, "nltest /query"), Command(LOCATOR, "nltest /dsgetdc:", slow=True)


def _member(material: Material, circumstances: Circumstances, row: Object | None) -> bool | None:
    told = row.flag("PartOfDomain") if row is not None else None
    return True if system.controller_of(material) else _guessed(material, circumstances) if told is None else told


def _role(material: Material, member: bool) -> int | None:
    """The role by product and membership; which controller holds the emulator's role (5) is not told there."""
    if system.controller_of(material):
        return 4
    server = system.server_of(material)
    return None if server is None else (2 if server else 0) + member


def _guessed(material: Material, circumstances: Circumstances) -> bool | None:
    """From what else tells: the challenge, a secure channel, [INF] the suffix that joining a domain sets."""
    if circumstances.domain or circumstances.netbios_domain:
        return True
    if circumstances.netbios_computer:
        return False
    channel = channel_of(material.said(CHANNEL))
    if isinstance(channel, ChannelEvidence) and channel.controller:
        return True
    return bool(material.registry.text(TCPIP, "Domain")) if material.registry.has(TCPIP) else None


def _domain(material: Material, circumstances: Circumstances, row: Object | None) -> str:
    told = (row.get("Domain") or row.get("Workgroup")) if row else ""
    return told or circumstances.domain or circumstances.netbios_domain or material.registry.text(TCPIP, "Domain") or ""


def _computer(material: Material, circumstances: Circumstances, row: Object | None) -> str:
    names = (row.get("Name") if row else "", material.registry.text(system.NAME, "ComputerName"), circumstances.netbios_computer)
    return next((name for name in names if name), material.registry.text(TCPIP, "Hostname") or "")


def _why(material: Material) -> Unknown:
    rows = material.query(QUERY.id)
    return rows if isinstance(rows, Unknown) else Unknown("the host did not tell whether it is in a domain")
