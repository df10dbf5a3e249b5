# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party libraries, imported here alone and guarded: a missing one is None, and `missing` says so in a sentence."""

from __future__ import annotations

import typing as t

__all__ = [
    "certifi", "dns_exception", "dns_resolver", "dns_reversename", "ec", "hashes", "invalid_signature", "missing", "ocsp", "padding", "rsa", "serialization",
    "unsupported_algorithm", "x509",
]

_ERRORS: dict[str, str] = {}

dns_resolver: t.Any = None
dns_exception: t.Any = None
dns_reversename: t.Any = None
x509: t.Any = None
ocsp: t.Any = None
ec: t.Any = None
hashes: t.Any = None
padding: t.Any = None
rsa: t.Any = None
serialization: t.Any = None
invalid_signature: t.Any = ()
unsupported_algorithm: t.Any = ()
certifi: t.Any = None

try:
    import dns.exception as dns_exception
    import dns.resolver as dns_resolver
    import dns.reversename as dns_reversename
except ImportError as error:
    _ERRORS["dnspython"] = str(error)

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature as invalid_signature
    from cryptography.exceptions import UnsupportedAlgorithm as unsupported_algorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.x509 import ocsp
except ImportError as error:
    _ERRORS["cryptography"] = str(error)

try:
    import certifi
except ImportError as error:
    _ERRORS["certifi"] = str(error)


def missing(name: str) -> str | None:
    """Why a library cannot be used, as a sentence, or None where it can. `name` is the distribution's: dnspython, cryptography, certifi."""
    return f"The Python library {name} cannot be imported: {_ERRORS[name]}" if name in _ERRORS else None
