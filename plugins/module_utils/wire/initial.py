# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ticket-granting ticket for a password, by one exchange: libkrb5's usual call repeats a refused one at the primary KDC, and so counts twice.

krb5_get_init_creds_password asks the primary KDC after any refusal of another one (MIT krb5, src/lib/krb5/krb/gic_pwd.c and, from 1.22 on,
get_in_tkt.c: k5_get_init_creds); krb5_init_creds_get does not, in any version since 1.8.
"""

from __future__ import annotations

import contextlib
import typing as t

from .. import deps


class Cache:
    """A ticket cache in the memory of this process."""

    def __init__(self, context: t.Any, principal: t.Any) -> None:
        self.context = context
        self._handle = deps.krb5.cc_new_unique(context, b"MEMORY")
        deps.krb5.cc_initialize(context, self._handle, principal)

    @property
    def name(self) -> str:
        """As libraries take it: MEMORY:..."""
        return f"MEMORY:{self._handle.name.decode()}" if self._handle is not None else ""

    def store(self, credential: t.Any) -> None:
        """Add one ticket."""
        deps.krb5.cc_store_cred(self.context, self._handle, credential)

    def destroy(self) -> None:
        """Forget every ticket; a second time does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(deps.krb5.Krb5Error):
                deps.krb5.cc_destroy(self.context, handle)


def initial_ticket(principal: str, password: str, *, enterprise: bool = False) -> tuple[t.Any, Cache]:
    """krb5's Creds and a cache that holds them; raises Krb5Error. Blocks as long as libkrb5 likes, some 30 s where no KDC answers.

    `principal` is text as krb5_parse_name takes it, a backslash being its escape; the options are those that pyspnego sets.
    """
    krb5 = deps.krb5
    context = krb5.init_context()
    flags = krb5.PrincipalParseFlags.enterprise if enterprise else 0
    client = krb5.parse_name_flags(context, principal.encode("utf-8", "surrogatepass"), flags)
    options = krb5.get_init_creds_opt_alloc(context)
    krb5.get_init_creds_opt_set_canonicalize(options, True)
    krb5.get_init_creds_opt_set_forwardable(options, False)
    asked = krb5.init_creds_init(context, client, options)
    krb5.init_creds_set_password(context, asked, encoded(password))
    krb5.init_creds_get(context, asked)
    credential = krb5.init_creds_get_creds(context, asked)
    cache = Cache(context, credential.client)
    cache.store(credential)
    return credential, cache


def encoded(password: str) -> bytes:
    """A password as Kerberos hashes it, or a name: UTF-8, with U+FFFD for each lone surrogate of a machine-made one, as Windows does and pyspnego after it."""
    return b"".join(b"\xef\xbf\xbd" if "\ud800" <= char <= "\udfff" else char.encode() for char in password)
