# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inside says about the causes that end in the same 401: which one it convicts, which ones it acquits."""

from __future__ import annotations

from ..evidence.case import Case
from ..finding import Fact, Remedy
from . import binding, gates, inside, joined, ntlm_policy

NOTHING = Remedy("")
"""What is to be done is no matter here."""


def convicted(case: Case) -> tuple[str, ...]:
    """Causes that the inside names as this host's trouble."""
    if inside.host(case) is None:
        return ()
    found = (gates.finding(case), joined.finding(case), ntlm_policy.finding(case, ()), binding.finding(case, NOTHING, NOTHING))
    return tuple(finding.cause for finding in found if finding)


def acquitted(case: Case) -> dict[str, tuple[Fact, ...]]:
    """Causes that the inside speaks against, with what it says."""
    if inside.host(case) is None:
        return {}
    found = {
        "permissions": gates.allows(case), "domain_trust": joined.sound(case), "ntlm_blocked": ntlm_policy.clear(case), "channel_binding": binding.clear(case),
    }
    return {cause: facts for cause, facts in found.items() if facts}
