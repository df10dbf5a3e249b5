# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Channel binding as the inside shows it: how strict the host is, and whether the certificate seen from here is its own."""

from __future__ import annotations

from ..evidence.case import Case
from ..evidence.logon import REFUSED
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, inside, logons, outside, owned

LEVEL = "Service/Auth/CbtHardeningLevel"


def finding(case: Case, send: Remedy, unpack: Remedy) -> Finding | None:
    """Strict, and the connection sends no token; or a token for a certificate that is not the host's."""
    attempt, level = logons.own(case), inside.setting(case, LEVEL)
    limit = inside.ceiling(case)
    if attempt is None or attempt.outcome != REFUSED or level is None or not limit:
        return None
    fact = inside.setting_fact(case, level)
    if attempt.binding == "omitted" and level.value.lower() == "strict":
        soften = owned.change(
            inside.host(case), level, "Or let the host accept logons without it", 'winrm set winrm/config/service/auth @{CbtHardeningLevel="Relaxed"}', "high",
        )
        summary = "The host insists on a channel binding token (CbtHardeningLevel Strict), and the inventory tells the connection to send none."
        return Finding(
            "channel_binding", "strict", directories.at_most(limit, CONFIRMED), summary, (fact, logons.fact(case, attempt)), remedies=(send, soften), weight=74,
        )
    presented, named = presented_and_own(case)
    if attempt.binding == "sent" and level.value.lower() != "none" and presented and named and presented not in named:
        facts = (fact, *_compared(case, presented, named), logons.fact(case, attempt))
        summary = "The certificate seen from here is not the host's own: TLS ends before the host, which refuses the token for the other certificate."
        return Finding(
            "channel_binding", "intercepted", directories.at_most(limit, LIKELY), summary, facts,
            next_check="Who answers on the way? Compare the path to the host with one that works.", remedies=(unpack,), weight=74,
        )
    return None


def clear(case: Case) -> tuple[Fact, ...]:
    """That channel binding cannot be it, quoted: the host does not ask, or token and certificate are as they should be."""
    attempt, level = logons.own(case), inside.setting(case, LEVEL)
    if attempt is None or level is None or not attempt.binding:
        return ()
    fact = inside.setting_fact(case, level)
    if level.value.lower() == "none" or (attempt.binding == "omitted" and level.value.lower() == "relaxed"):
        return (fact,)
    presented, named = presented_and_own(case)
    return (fact, *_compared(case, presented, named)) if attempt.binding == "sent" and presented in named else ()


def presented_and_own(case: Case) -> tuple[str, tuple[str, ...]]:
    """Thumbprint of the certificate that the endpoint showed, and those that the host may present on that port: by HTTP.sys, else by its listeners."""
    tls, seen = outside.tls(case), inside.listeners(case)
    shown = tls.chain[0].thumbprint.upper() if tls and isinstance(tls.chain, tuple) and tls.chain else ""
    if seen is None:
        return shown, ()
    bound = [one.thumbprint for one in inside.known(seen.bindings) or () if one.endpoint.rpartition(":")[2] == str(case.target.port)]
    listed = [one.thumbprint for one in seen.listeners if one.enabled and one.port == case.target.port and one.transport == "HTTPS"]
    return shown, tuple(dict.fromkeys(one.upper() for one in bound or listed if one))


def _compared(case: Case, presented: str, named: tuple[str, ...]) -> tuple[Fact, ...]:
    return (
        Fact(f"the certificate presented has the thumbprint {presented}", outside.where(case.target), "endpoint"),
        inside.fact(case, f"the host's own certificate on that port is {' or '.join(named)}"),
    )
