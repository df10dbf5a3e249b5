# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the client certificate: what WinRM's mapping will look at."""

from __future__ import annotations

import re
import ssl

from ..evidence.base import Known, Unknown
from ..evidence.endpoint import CertificateEvidence
from ..target import Target
from ..wire.certificate import parse_certificate

SIZE_LIMIT = 1024 * 1024
FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read(target: Target) -> Known[CertificateEvidence]:
    """The first certificate of the inventory's file, or why it cannot be read."""
    if not target.client_cert:
        return Unknown("the inventory names no client certificate")
    try:
        with open(target.client_cert, encoding="latin-1") as source:
            text = source.read(SIZE_LIMIT)
    except OSError as error:
        return Unknown(f"{target.client_cert} cannot be read: {error.strerror}")
    found = FIRST.search(text)
    if not found:
        return Unknown(f"{target.client_cert} holds no certificate in PEM form")
    try:
        return parse_certificate(ssl.PEM_cert_to_DER_cert(found[0]))
    except ValueError as error:
        return Unknown(f"{target.client_cert} holds a malformed certificate: {error}")
