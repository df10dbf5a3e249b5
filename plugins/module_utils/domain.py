# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to ask a domain: which one, which controllers, as whom, over what."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .errors import DoctorError

LDAP_AUTH = ("auto", "kerberos", "ntlm", "simple")
LDAP_TRANSPORTS = ("sealed", "ldaps", "start_tls")


@dataclass(frozen=True)
class Domain:
    """What the options say of the domain; the rest is found out."""

    name: str = ""
    """DNS name in lower case; "" where it has to be found out."""
    spelt: str = field(default="", compare=False)
    """The same as the user wrote it."""
    controllers: tuple[str, ...] = ()
    """Names or addresses; () where DNS and krb5.conf are to name them."""
    username: str | None = None
    """An account to read with; None: the one that the inventory logs on with."""
    password: str | None = field(default=None, repr=False)
    auth: str = "auto"
    """One of LDAP_AUTH; `auto`: Kerberos, else NTLM; inside TLS simple too."""
    transport: str = "sealed"
    """One of LDAP_TRANSPORTS; `sealed` is port 389 with the messages encrypted by the logon itself."""
    validate_certs: bool = True
    ca_path: str | None = None


def domain_from_params(params: t.Mapping[str, t.Any]) -> Domain:
    """A Domain from validated options (`argspec.directory_options`); raises DoctorError."""
    spelt = (params.get("domain") or "").strip().strip(".")
    if any(char in spelt for char in "\\@/ \t"):
        raise DoctorError(f"The option domain is {spelt!r}", expected="the DNS name of a domain, such as example.com", do="Set domain", value=spelt)
    # Empty as a role's default is: not set.
    username, password = params.get("domain_username") or None, params.get("domain_password") or None
    if password is not None and not username:
        raise DoctorError("The option domain_password is set, but domain_username is not", expected="both or neither", do="Set domain_username")
    transport, auth = params.get("ldap_transport") or "sealed", params.get("ldap_auth") or "auto"
    if auth == "simple" and transport == "sealed":
        raise DoctorError(
            "ldap_auth is simple while ldap_transport is sealed, so the password would travel readable", expected="ldaps or start_tls",
            do="Set ldap_transport to ldaps", value=transport,
        )
    return Domain(
        name=spelt.lower(), spelt=spelt, controllers=tuple(str(one).strip() for one in params.get("domain_controllers") or () if str(one).strip()),
        username=username, password=password, auth=auth, transport=transport, validate_certs=params.get("ldap_validate_certs", True) is not False,
        ca_path=params.get("ldap_ca_path") or None,
    )
