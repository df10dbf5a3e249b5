# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos tickets that the host holds: of the session that reads, and of the host's own account.

klist's labels are translated; the order of its lines, the `#0>` that begins a ticket, and the numbers of failures are not.
"""

from __future__ import annotations

import re
import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.host import HostTicketEvidence, HostTicketsEvidence
from .material import Circumstances, Command, Material, Needs, Said

OWN, MACHINE = Command("klist:own", "klist"), Command("klist:machine", "klist -li 0x3e7")
"""0x3e7 is the logon session of SYSTEM, whose tickets are those of the host's account."""
LOGONS = (("own", OWN), ("machine", MACHINE))
MOST, LONGEST = 500, 300
_BEGIN = re.compile(r"^\s*#\d{1,6}>\s*")
_CODE = re.compile(r"(?<![:0-9A-Fa-fx])0x[0-9A-Fa-f]{8}(?![0-9A-Fa-f])")
_NUMBER = re.compile(r"(?<![\w:./-])1312(?![\w./-])")


def needs(circumstances: Circumstances) -> Needs:
    """Two commands."""
    return Needs(commands=(OWN, MACHINE))


def evidence(material: Material, circumstances: Circumstances) -> Known[HostTicketsEvidence]:
    """Every ticket, and the numbers of failures."""
    said = [(logon, material.said(command.id)) for logon, command in LOGONS]
    heard = [(logon, one) for logon, one in said if isinstance(one, Said)]
    if not heard:
        return next(one for _logon, one in said if isinstance(one, Unknown))
    tickets = tuple(ticket for logon, one in heard for ticket in _tickets(one.text, logon))[:MOST]
    return HostTicketsEvidence(tickets, tuple(dict.fromkeys(code for _logon, one in heard for code in _codes(one))))


def _tickets(text: str, logon: str) -> t.Iterator[HostTicketEvidence]:
    """Of each block the first three lines: client, server, encryption type."""
    block: list[str] = []
    for line in (*text.splitlines(), "#0>"):
        if _BEGIN.match(line):
            if ticket := _ticket(block, logon):
                yield ticket
            block = [_BEGIN.sub("", line)]
        elif block and line.strip():
            block.append(line)


def _ticket(block: t.Sequence[str], logon: str) -> HostTicketEvidence | None:
    principals = [(number, _after_label(line)) for number, line in enumerate(block[:4]) if "@" in line]
    if len(principals) < 2:
        return None
    rest = block[principals[1][0] + 1 : principals[1][0] + 2]
    encryption = _after_label(rest[0]) if rest else ""
    return HostTicketEvidence(_joined(principals[0][1]), _joined(principals[1][1]), encryption, logon)


def _after_label(line: str) -> str:
    return line.partition(":")[2].strip()[:LONGEST]


def _joined(principal: str) -> str:
    """klist puts blanks around the @."""
    name, sign, realm = principal.rpartition("@")
    return f"{name.strip()}{sign}{realm.strip()}"


def _codes(said: Said) -> tuple[str, ...]:
    """Numbers of failures, which stand outside the tickets."""
    outside = said.text.partition("#0>")[0]
    found = [code.lower() for code in _CODE.findall(outside)]
    if _NUMBER.search(outside):
        found.append("1312")
    if not found and said.code not in (0, None):
        found.append(str(said.code))
    return tuple(found)
