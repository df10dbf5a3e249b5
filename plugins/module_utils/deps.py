# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party libraries, imported here alone and guarded: a missing one is None, and `missing` says so in a sentence."""

from __future__ import annotations

import importlib
import importlib.metadata
import typing as t

__all__ = [
    "arc4", "certifi", "certificate_errors", "channel_bindings", "ciphers", "client_context", "dns_exception", "dns_resolver", "dns_reversename",
    "ec", "gssapi", "hashes", "invalid_signature", "krb5", "missing", "ocsp", "padding", "pypsrp_errors", "rc4_works", "requests_utils", "rsa",
    "runspace_pool", "sansldap", "serialization", "speaks_kerberos", "spnego", "try_import", "unsupported_algorithm", "wsman_client", "x509",
]

_ERRORS: dict[str, str] = {}
_TOO_OLD: dict[str, str] = {}

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
certificate_errors: t.Any = ()
"""What reading a certificate raises beside ValueError."""
certifi: t.Any = None
ciphers: t.Any = None
arc4: t.Any = None
requests_utils: t.Any = None
client_context: t.Any = None
"""Makes the TLS context that requests, and with it pypsrp and pywinrm, would use."""

spnego: t.Any = None
channel_bindings: t.Any = None
"""pyspnego's GssChannelBindings."""
wsman_client: t.Any = None
"""pypsrp's WSMan."""
runspace_pool: t.Any = None
"""pypsrp's RunspacePool."""
pypsrp_errors: t.Any = None
gssapi: t.Any = None
krb5: t.Any = None
sansldap: t.Any = None

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

    certificate_errors = (
        unsupported_algorithm, x509.DuplicateExtension, x509.ExtensionNotFound, x509.InvalidVersion, x509.UnsupportedGeneralNameType,
    )
    if not hasattr(x509.Certificate, "not_valid_after_utc"):
        _TOO_OLD["cryptography"] = "42.0.0"
except ImportError as error:
    _ERRORS["cryptography"] = str(error)

try:
    from cryptography.hazmat.primitives import ciphers

    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4 as arc4
    except ImportError:
        # Before cryptography 43.
        from cryptography.hazmat.primitives.ciphers.algorithms import ARC4 as arc4
except ImportError as error:
    _ERRORS.setdefault("cryptography", str(error))

try:
    from requests import utils as requests_utils
except ImportError as error:
    _ERRORS["requests"] = str(error)

try:
    from urllib3.util.ssl_ import create_urllib3_context as client_context
except ImportError as error:
    _ERRORS["urllib3"] = str(error)

try:
    import certifi
except ImportError as error:
    _ERRORS["certifi"] = str(error)

try:
    import spnego
    from spnego.channel_bindings import GssChannelBindings as channel_bindings
except ImportError as error:
    _ERRORS["pyspnego"] = str(error)

try:
    # What pyspnego speaks Kerberos with; without them its negotiate offers NTLM alone, and says nothing.
    gssapi, krb5 = importlib.import_module("gssapi"), importlib.import_module("krb5")
except ImportError:
    gssapi = None

try:
    import sansldap
except ImportError as error:
    _ERRORS["sansldap"] = str(error)

try:
    from pypsrp import exceptions as pypsrp_errors
    from pypsrp.powershell import RunspacePool as runspace_pool
    from pypsrp.wsman import WSMan as wsman_client
except ImportError as error:
    _ERRORS["pypsrp"] = str(error)


def missing(name: str) -> str | None:
    """Why a library cannot be used, as a sentence, or None where it can. `name` is the distribution's: dnspython, cryptography, pyspnego."""
    if name in _ERRORS:
        return f"The Python library {name} cannot be imported: {_ERRORS[name]}"
    if name in _TOO_OLD:
        version, path, _error = try_import(name, name)
        return f"The Python library {name} is too old: version {_TOO_OLD[name]} or newer is needed, {version} was found in {path}"
    return None


def try_import(name: str, module: str) -> tuple[str | None, str | None, str | None]:
    """Version and path of a distribution, and why its module cannot be imported; each None where it does not apply."""
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        version = None
    try:
        loaded = importlib.import_module(module)
    except Exception as error:
        # A broken native library raises whatever it likes; that it does is what is to be seen.
        return version, None, f"{type(error).__name__}: {error}"[:300]
    return version or getattr(loaded, "__version__", None), next(iter(getattr(loaded, "__path__", None) or [getattr(loaded, "__file__", None)])), None


def speaks_kerberos() -> bool:
    """Whether pyspnego can speak Kerberos here."""
    return None not in (spnego, gssapi, krb5)


def rc4_works() -> bool:
    """Whether RC4, which NTLM's message encryption needs, still works here."""
    if arc4 is None:
        return False
    try:
        ciphers.Cipher(arc4(b"0123456789abcdef"), mode=None).encryptor().update(b"x")
    except (ValueError, unsupported_algorithm):
        return False
    return True
