# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the host's own certificates would do for a listener of a name."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.host import StoredCertificateEvidence
from ..target import is_address
from . import inside

SERVER_AUTH = ("1.3.6.1.5.5.7.3.1", "2.5.29.37.0")
"""id-kp-serverAuth and anyExtendedKeyUsage ([RFC 5280] 4.2.1.12)."""
TRUSTED = "trusted"


def thumbprint(case: Case) -> str:
    """That of the one that lasts longest, or a word in its place."""
    seen = inside.certificates(case)
    able = [one for one in (seen.certificates if seen else ()) if one.store == "My" and may_serve(one, case.target.host) and (one.days_left or 0.0) > 0.0]
    best = max(able, key=lambda one: one.days_left or 0.0, default=None)
    return best.certificate.thumbprint if best else "THUMBPRINT"


def may_serve(one: StoredCertificateEvidence, host: str) -> bool:
    """Whether a certificate has key, usage, chain and name for a listener, whatever its dates."""
    own = one.certificate
    usable = own.eku is None or bool(set(SERVER_AUTH).intersection(own.eku))
    trusted = one.chain is None or one.chain.outcome == TRUSTED
    return one.key is True and usable and trusted and _covers(own.dns_names, own.addresses, host)


def _covers(names: tuple[str, ...], addresses: tuple[str, ...], host: str) -> bool:
    if is_address(host):
        return host in addresses
    asked = host.lower().rstrip(".")
    return any(name == asked or (name.startswith("*.") and asked.partition(".")[2] == name[2:]) for name in (one.lower() for one in names))
