# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of Authorization and WWW-Authenticate headers, decoded as far as they are no secret."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..evidence.logon import TokenEvidence
from . import credssp, kerberos, ntlm, spnego

LIMIT = 256 * 1024
"""Bytes; a Kerberos token of HTTP.sys' largest header has 48 KB."""
INNER: tuple[tuple[t.Callable[[bytes], bool], t.Callable[[bytes], TokenEvidence]], ...] = (
    (lambda token: token.startswith(ntlm.SIGNATURE), ntlm.describe),
    (kerberos.is_kerberos, kerberos.describe),
)


def describe(scheme: str, token: bytes) -> TokenEvidence:
    """A token of a scheme (in any case); what cannot be read is of the kind `unreadable`, with the reason. Never raises, never tells a secret."""
    name = scheme.lower()
    if name == "basic":
        return TokenEvidence("basic", len(token))
    try:
        if len(token) > LIMIT:
            raise ValueError(f"it is longer than {LIMIT} bytes")
        seen = credssp.describe(token) if name == "credssp" else _security(token)
    except (ValueError, IndexError, RecursionError) as error:
        seen = TokenEvidence("unreadable", text=str(error)[:200])
    return replace(seen, bytes=len(token))


def _security(token: bytes) -> TokenEvidence:
    if not token:
        raise ValueError("it is empty")
    if seen := _inner(token):
        return seen
    if token[:1] == b"\x60":
        start = spnego.read_init(token)
        return _within(start.token, replace(TokenEvidence("spnego_init"), mechanisms=start.mechanisms))
    answer = spnego.unwrap(token)
    chosen = (spnego.mechanism(answer.mech),) if answer.mech else ()
    return _within(answer.token, TokenEvidence("spnego_response", mechanisms=chosen, state=answer.state))


def _within(token: bytes, around: TokenEvidence) -> TokenEvidence:
    """What SPNEGO carries, told together with SPNEGO's own part."""
    if not token:
        return around
    try:
        inner = _inner(token)
    except ValueError as error:
        return replace(around, text=f"the token inside cannot be read: {error}"[:200])
    if inner is None:
        return replace(around, text=f"the token inside starts with {token[:4].hex()}")
    return replace(inner, mechanisms=around.mechanisms, state=around.state)


def _inner(token: bytes) -> TokenEvidence | None:
    return next((read(token) for fits, read in INNER if fits(token)), None)
