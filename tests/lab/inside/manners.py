# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stand-in tells things where sources disagree, versions differ, or nobody knows: the choices, the first being the usual one, and why there are any."""

from __future__ import annotations

import typing as t

from .model import Inside


class Manner(t.NamedTuple):
    """The choices, and what is known of them."""

    choices: tuple[str, ...]
    source: str


MANNERS: t.Mapping[str, Manner] = {
    "namespace": Manner(("as_named", "lower"), "Recorded: root/cimv2/Win32_Service as it is named. NetworkOptix reports lower case from Windows 10."),
    "rows": Manner(("fragment", "typed"), "Recorded: a list of columns comes as w:XmlFragment. [inferred] that some version answers it with typed objects."),
    "null": Manner(("nil", "absent"), "Recorded: xsi:nil. [inferred] absent."),
    "page": Manner(("one", "all"), "Recorded: WMI's first answer brings one item of several, the rest comes by Pull; shells came all at once."),
    "optimised": Manner(("yes", "no"), "Recorded: yes. DSP0226 8.2.3 allows a service to ignore w:OptimizeEnumeration, so no items come at first."),
    "end": Manner(("clean", "with_context"), "Recorded: no context, or an empty one, with EndOfSequence. DSP0226 8.4: EndOfSequence wins."),
    "contexts": Manner(("new", "same", "expired"), "Recorded: a new one with each Pull. DSP0226 allows the same. expired: every Pull meets fault 2150858779."),
    "return_value": Manner(("last", "first"), "Recorded: last (openwsman). [inferred] first."),
    "dates": Manner(("fraction", "whole"), "Recorded: LocalDateTime with milliseconds, InstallDate without (txwinrm)."),
    "config_case": Manner(("as_named", "lower", "upper"), "Recorded: as named. [inferred] others: Windows takes config's names in any case."),
    "config_prefix": Manner(("cfg", "p", "none"), "Recorded: cfg. [inferred] others; a reader must not depend on it."),
    "denied": Manner(("code5", "hresult", "wmi"), "Recorded: code 5 in w:AccessDenied; 2147942405 in w:InternalError. [inferred] MSFT_WmiError, CIM status 2."),
    "wmi_denied": Manner(("service", "provider", "connect", "code5"), "wsmerror.h 0x80338104-06: which of them a missing namespace right gives is unknown."),
    "delayed": Manner(("present", "absent"), "Win32_Service.DelayedAutoStart came with Windows Server 2016 (Microsoft's documentation)."),
    "references": Manner(("endpoint", "path"), "Recorded: a reference is an endpoint reference. [inferred] an object path as text, which WQL itself uses."),
    "account_list": Manner(("names", "sids"), "[inferred] RSOP_UserPrivilegeRight.AccountList: names, as gpresult prints them, or *SID as in GptTmpl.inf."),
    "output": Manner(
        ("as_it_comes", "at_once", "slow"), "Recorded: Receive brings what there is while commands run (winrs-optimeout-02). [inferred] 2 or 20 ms each.",
    ),
    "idle": Manner(("taken", "refused"), "pypsrp and WinRb ask for an IdleTimeOut, which hosts take. [inferred] ERROR_WINRS_IDLETIMEOUT_OUTOFBOUNDS."),
    "registry_class": Manner(("default", "cimv2", "both"), "Recorded: root/default has StdRegProv. jWSMV and Microsoft: root/cimv2 has it too since Vista."),
}
"""Names of `Inside.manner`."""


def manner(inside: Inside, name: str) -> str:
    """The choice of this host; raises ValueError for one that does not exist."""
    chosen = inside.manner.get(name, MANNERS[name].choices[0])
    if chosen not in MANNERS[name].choices:
        raise ValueError(f"{name} knows {', '.join(MANNERS[name].choices)}, not {chosen}")
    return chosen
