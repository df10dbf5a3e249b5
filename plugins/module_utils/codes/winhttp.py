# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WinHTTP error numbers (winhttp.h), which Windows clients meet: number, symbol, causes, meaning."""

from __future__ import annotations

from .shape import Row

WINHTTP: tuple[Row, ...] = (
    (12002, "ERROR_WINHTTP_TIMEOUT", "firewall=medium network=medium",
     "The HTTP request got no answer in time."),
    (12007, "ERROR_WINHTTP_NAME_NOT_RESOLVED", "network=strong",
     "The host name could not be resolved."),
    (12015, "ERROR_WINHTTP_LOGIN_FAILURE", "credentials=medium",
     "The HTTP logon failed."),
    (12029, "ERROR_WINHTTP_CANNOT_CONNECT", "service_config=medium firewall=medium network=medium",
     "No connection to the server could be made."),
    (12030, "ERROR_WINHTTP_CONNECTION_ERROR", "certificate=weak service_config=weak network=weak",
     "The connection was closed or reset before a whole answer had come."),
    (12037, "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID", "certificate=strong time_skew=weak",
     "The certificate is expired or not yet valid by the client's clock."),
    (12038, "ERROR_WINHTTP_SECURE_CERT_CN_INVALID", "certificate=strong",
     "The certificate's name is not the name that was asked for."),
    (12045, "ERROR_WINHTTP_SECURE_INVALID_CA", "certificate=strong",
     "The certificate comes from an authority that the client does not trust."),
    (12057, "ERROR_WINHTTP_SECURE_CERT_REV_FAILED", "certificate=medium",
     "Revocation of the certificate could not be checked."),
    (12152, "ERROR_WINHTTP_INVALID_SERVER_RESPONSE", "service_config=weak network=weak",
     "The answer is not valid HTTP."),
    (12157, "ERROR_WINHTTP_SECURE_CHANNEL_ERROR", "certificate=medium",
     "The TLS handshake failed."),
    (12169, "ERROR_WINHTTP_SECURE_INVALID_CERT", "certificate=strong",
     "The certificate is invalid."),
    (12170, "ERROR_WINHTTP_SECURE_CERT_REVOKED", "certificate=strong",
     "The certificate has been revoked."),
    (12175, "ERROR_WINHTTP_SECURE_FAILURE", "certificate=strong",
     "One or more errors were found in the server's certificate."),
    (12179, "ERROR_WINHTTP_SECURE_CERT_WRONG_USAGE", "certificate=strong",
     "The certificate is not meant for server authentication."),
)
