# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall rule as the one string in which the registry has it ([MS-GPFAS] 2.2.2.19)."""

from __future__ import annotations

import typing as t

from .model import FirewallRule

BOTH_FAMILIES = ("LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway")
"""Words for addresses of either family ([MS-GPFAS] 2.2.2.17 has them for RA4 and RA6)."""
NEWER = ("Internet", "Intranet", "RmtIntranet", "Ply2Renders", "LocalSubnet6")
TEN = ("IPTLSIn", "IPHTTPSIn")
"""Words for ports that came with schema 2.10."""


def rule_text(rule: FirewallRule, version: str) -> str:
    """The string: Active comes second, ports before addresses, as exports of real hosts have it."""
    parts = [f"Action={rule.action}", f"Active={'TRUE' if rule.enabled else 'FALSE'}", "Dir=In"]
    parts += [f"Protocol={rule.protocol}"] if rule.protocol != 256 else []
    parts += [f"Profile={profile}" for profile in rule.profiles]
    parts += [_port(port) for port in rule.ports]
    parts += [part for address in rule.remote for part in _remote(address)]
    parts += [f"App={rule.program}"] if rule.program else []
    more = list(rule.more)
    parts += [part for part in more if not part.startswith(("Desc=", "EmbedCtxt="))]
    parts += [f"Name={rule.name or rule.id}"]
    parts += [part for part in more if part.startswith(("Desc=", "EmbedCtxt="))]
    return "|".join((version, *parts, ""))


def _port(port: str) -> str:
    return f"LPort2_10={port}" if port in TEN or (port[:1].isdigit() and "-" in port) else f"LPort={port}"


def _remote(address: str) -> t.Iterator[str]:
    """RA4 or RA6 by family; a prefix length is written as a mask for IPv4, as Windows does."""
    if address in BOTH_FAMILIES:
        yield from (f"RA4={address}", f"RA6={address}")
    elif address in NEWER:
        yield from (f"RA42={address}", f"RA62={address}")
    elif ":" in address:
        yield f"RA6={address}"
    else:
        net, slash, length = address.partition("/")
        yield f"RA4={net}/{_mask(int(length))}" if slash and length.isdigit() else f"RA4={address}"


def _mask(length: int) -> str:
    bits = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))
