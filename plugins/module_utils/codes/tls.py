# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS alerts (RFC 8446 section 6) and OpenSSL's certificate verification codes (x509_vfy.h)."""

from __future__ import annotations

from .shape import Row

TLS_ALERTS: tuple[Row, ...] = (
    (40, "handshake_failure", "certificate=medium service_config=medium", "No common cipher or parameters: the handshake was refused."),
    (42, "bad_certificate", "certificate=strong", "The other side could not use the certificate it was shown."),
    (43, "unsupported_certificate", "certificate=strong", "The other side does not support this kind of certificate."),
    (44, "certificate_revoked", "certificate=strong", "The other side found the certificate revoked."),
    (45, "certificate_expired", "certificate=strong time_skew=weak", "The other side found the certificate expired or not yet valid, by its own clock."),
    (46, "certificate_unknown", "certificate=strong", "The other side refused the certificate for a reason it does not name."),
    (48, "unknown_ca", "certificate=strong", "The other side does not trust the authority of the certificate it was shown."),
    (49, "access_denied", "certificate=medium permissions=weak", "The other side accepted the certificate and still refuses access."),
    (70, "protocol_version", "service_config=medium certificate=weak control_node=weak",
     "Client and server have no TLS version in common: one side is too old, or too strict."),
    (71, "insufficient_security", "service_config=medium certificate=weak", "The server wants stronger ciphers than the client offers."),
    (80, "internal_error", "certificate=medium service_config=medium",
     "The server failed inside the handshake, as when the bound certificate has no usable key."),
    (112, "unrecognized_name", "impostor=medium", "The server knows no site of that name: a shared or proxying TLS server answered."),
    (116, "certificate_required", "certificate=medium", "The server wants a client certificate and got none."),
)

X509_VERIFY: tuple[Row, ...] = (
    (2, "UNABLE_TO_GET_ISSUER_CERT", "certificate=strong", "The issuer of a certificate in the chain was not found."),
    (3, "UNABLE_TO_GET_CRL", "certificate=medium", "The revocation list could not be had."),
    (7, "CERT_SIGNATURE_FAILURE", "certificate=strong", "A signature in the chain is wrong."),
    (9, "CERT_NOT_YET_VALID", "certificate=strong time_skew=medium", "The certificate is not yet valid by the control node's clock."),
    (10, "CERT_HAS_EXPIRED", "certificate=strong time_skew=weak", "The certificate has expired by the control node's clock."),
    (18, "DEPTH_ZERO_SELF_SIGNED_CERT", "certificate=strong", "The certificate is self-signed and not in the trust store."),
    (19, "SELF_SIGNED_CERT_IN_CHAIN", "certificate=strong", "The root of the chain was presented and is not in the trust store."),
    (20, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "certificate=strong",
     "The issuer is not in the trust store: an unknown authority, or an intermediate that the host does not send. Only the presented chain tells which."),
    (21, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate=strong", "Only the host's own certificate was presented and its issuer is not known."),
    (23, "CERT_REVOKED", "certificate=strong", "The certificate has been revoked."),
    (26, "INVALID_PURPOSE", "certificate=strong", "The certificate is not meant for a server: Server Authentication is missing from its extended key usage."),
    (62, "HOSTNAME_MISMATCH", "certificate=strong", "The certificate is for other names than the one connected to; a certificate without SAN ends here too."),
    (64, "IP_ADDRESS_MISMATCH", "certificate=strong", "The connection went to an IP address that the certificate does not name."),
    (66, "EE_KEY_TOO_SMALL", "certificate=strong control_node=weak", "The key of the certificate is too weak for the control node's security level."),
    (67, "CA_KEY_TOO_SMALL", "certificate=strong control_node=weak", "The key of an authority in the chain is too weak for the control node's security level."),
    (68, "CA_MD_TOO_WEAK", "certificate=strong control_node=weak", "A signature in the chain uses a hash too weak for the control node's security level."),
)
