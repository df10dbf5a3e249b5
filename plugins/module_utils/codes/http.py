# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP statuses, with what WinRM means by them (RFC 9110 numbers; what Windows sends is marked in the documentation)."""

from __future__ import annotations

from .shape import Row

REFUSED = (
    "credentials=medium permissions=medium service_config=medium ntlm_blocked=medium domain_trust=medium spn=medium "
    "message_encryption=weak channel_binding=weak time_skew=weak encryption_types=weak network=weak impostor=weak"
)
"""All that ends in the same 401 once credentials were sent. A 401 without credentials is the normal first answer."""

HTTP: tuple[Row, ...] = (
    (200, "OK", "", "The request was answered; a WMI method may still report a failure in its ReturnValue."),
    (301, "Moved Permanently", "impostor=strong", "A redirect, which WinRM never sends: a proxy, a load balancer or another web server answered."),
    (302, "Found", "impostor=strong", "A redirect, which WinRM never sends: a proxy, a load balancer or another web server answered."),
    (307, "Temporary Redirect", "impostor=strong", "A redirect, which WinRM never sends: a proxy, a load balancer or another web server answered."),
    (308, "Permanent Redirect", "impostor=strong", "A redirect, which WinRM never sends: a proxy, a load balancer or another web server answered."),
    (400, "Bad Request", "token_size=medium message_encryption=medium service_config=weak",
     "The request header was too large (a big Kerberos ticket), or an encrypted message met a connection that carries no logon."),
    (401, "Unauthorized", REFUSED,
     "The server wants authentication, or refused the one it got. It never proves a bad password: a dozen causes end in the same 401."),
    (403, "Forbidden", "impostor=medium certificate=weak",
     "WinRM itself is not known to answer so (it says 500 with code 5): think of a proxy, or of a refused client certificate."),
    (404, "Not Found", "service_config=medium impostor=medium",
     "Something answers HTTP at that port, but not at /wsman: another URL prefix, an address no listener covers, or another web server."),
    (405, "Method Not Allowed", "", "WinRM answers so to GET (with Allow: POST): a healthy sign, not a fault."),
    (407, "Proxy Authentication Required", "impostor=strong control_node=strong",
     "A proxy between wants its own credentials: the request never reached the host."),
    (411, "Length Required", "impostor=weak", "The server wants a Content-Length."),
    (413, "Content Too Large", "quota=medium", "The request is larger than MaxEnvelopeSizekb or a device between allows."),
    (415, "Unsupported Media Type", "", "The request had a content type that WinRM does not take; the logon had worked."),
    (500, "Internal Server Error", "permissions=medium message_encryption=medium quota=weak service_config=weak",
     "With a SOAP body it carries a WSManFault whose code says what is wrong; with an empty body the server may have refused an unencrypted message."),
    (502, "Bad Gateway", "impostor=strong", "A gateway or proxy answered and could not reach the host."),
    (503, "Service Unavailable", "service_config=strong impostor=weak", "The HTTP driver of Windows answers, the WinRM service behind it does not."),
    (504, "Gateway Timeout", "impostor=strong network=medium", "A gateway or proxy answered and got no reply from the host in time."),
)
