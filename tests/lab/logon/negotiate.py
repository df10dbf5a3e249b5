# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SPNEGO acceptor: pyspnego's, with the choice that an acceptor has ([RFC 4178] 4.2.2)."""

from __future__ import annotations

import typing as t

from spnego._context import GSSMech
from spnego._negotiate import NegotiateProxy
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import BadMechanismError

from ..messages import Windows
from . import kerberos, ntlm
from .journal import Journal

Acceptor = kerberos.Acceptor | ntlm.Acceptor


class Negotiator(NegotiateProxy):
    """Takes the first mechanism of the client's list that the host has. Bare tokens of Kerberos and NTLM are taken as they are.

    pyspnego's own takes the first of the *acceptor's* list, and hands it the client's first token whatever that is of.
    """

    def __init__(self, acceptors: t.Mapping[GSSMech, Acceptor]) -> None:
        super().__init__(usage="accept", _negotiate_contexts=dict(acceptors))
        self._others_token = False

    @property
    def acceptor(self) -> Acceptor | None:
        """The mechanism that was agreed on."""
        return t.cast("Acceptor", self._context) if self._context_list else None

    def step(self, in_token: bytes | None = None, *, channel_bindings: GssChannelBindings | None = None) -> bytes | None:
        """One token in, one out."""
        self._others_token = False
        return super().step(in_token, channel_bindings=channel_bindings)

    def _rebuild_context_list(self, mech_types: list[str] | None = None, channel_bindings: GssChannelBindings | None = None) -> list[str]:
        offered, known = mech_types or [], self._available_contexts or {}
        chosen = next((mech for oid in offered for mech in known if self._is_same_mech(mech, oid)), None)
        if chosen is None:
            raise BadMechanismError(context_msg=f"none of {', '.join(offered)} is known here")
        self._context_list = {chosen: (known[chosen], None)}
        self._others_token = not self._is_same_mech(chosen, offered[0])
        return [chosen.value]

    def _preferred_mech_list(self) -> list[GSSMech]:
        """Decides whether the mechanism was the client's first choice, without which there must be a MIC over the list."""
        return list(self._context_list)

    def _step_spnego_token(self, in_token: bytes | None = None, *, channel_bindings: GssChannelBindings | None = None) -> bytes | None:
        # The token that came along is of the client's first choice ([RFC 4178] 4.2.1): it is ignored where that was not taken.
        return None if self._others_token else super()._step_spnego_token(in_token, channel_bindings=channel_bindings)


def negotiator(windows: Windows, bindings: GssChannelBindings | None, journal: Journal, scheme: str) -> Negotiator:
    """What a scheme of HTTP lets in: Kerberos where the host has keys, and NTLM unless the scheme is Kerberos. A workgroup's host has only NTLM."""
    acceptors: dict[GSSMech, Acceptor] = {}
    if kerberos.takes_tickets(windows):
        acceptors[GSSMech.kerberos] = kerberos.Acceptor(windows, bindings, journal, "credssp" if scheme == "credssp" else "kerberos")
    if scheme != "kerberos":
        acceptors[GSSMech.ntlm] = ntlm.acceptor_for(windows, bindings, journal, "credssp" if scheme == "credssp" else "ntlm")
    return Negotiator(acceptors)
