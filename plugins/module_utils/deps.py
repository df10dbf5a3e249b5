# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party libraries, imported here alone and guarded: a missing one is None, and `missing` says so in a sentence."""

from __future__ import annotations

import typing as t

__all__ = ["dns_exception", "dns_resolver", "dns_reversename", "missing", "x509"]

_ERRORS: dict[str, str] = {}

dns_resolver: t.Any = None
dns_exception: t.Any = None
dns_reversename: t.Any = None
x509: t.Any = None

try:
    import dns.exception as dns_exception
    import dns.resolver as dns_resolver
    import dns.reversename as dns_reversename
except ImportError as error:
    _ERRORS["dnspython"] = str(error)

try:
    from cryptography import x509
except ImportError as error:
    _ERRORS["cryptography"] = str(error)


def missing(name: str) -> str | None:
    """Why a library cannot be used, as a sentence, or None where it can. `name` is the distribution's: dnspython, cryptography."""
    return f"The Python library {name} cannot be imported: {_ERRORS[name]}" if name in _ERRORS else None
