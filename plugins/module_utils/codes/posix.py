# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Socket and resolver errors of the control node (Linux errno, getaddrinfo): number, symbol, causes, meaning."""

from __future__ import annotations

from .shape import Row

ERRNO: tuple[Row, ...] = (
    (32, "EPIPE", "network=weak impostor=weak", "The other side had closed the connection while data was still being sent."),
    (101, "ENETUNREACH", "network=strong", "The control node has no route to that network."),
    (104, "ECONNRESET", "service_config=weak certificate=weak firewall=weak impostor=weak", "The other side, or a device between, reset the connection."),
    (110, "ETIMEDOUT", "firewall=medium network=medium service_config=medium",
     "The connection attempt got no answer: a firewall, a dead host, or a port nobody listens on, which Windows Firewall leaves silent."),
    (111, "ECONNREFUSED", "service_config=strong firewall=weak",
     "Nothing listens on that port: service stopped or no listener. Windows Firewall itself stays silent, so only a network device could refuse in its place."),
    (113, "EHOSTUNREACH", "network=strong firewall=weak", "The host cannot be reached: no route, no neighbour answers, or a router said so."),
)

GETADDRINFO: tuple[Row, ...] = (
    (-2, "EAI_NONAME", "network=strong", "The host name does not resolve on the control node."),
    (-3, "EAI_AGAIN", "network=strong", "The name servers did not answer; the name may be right."),
    (-5, "EAI_NODATA", "network=strong", "The name exists but has no address."),
)
