# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""winrm/config as a Get returns it ([MS-WSMV] 2.2.5.3): the part that clients of the lab look at."""

from __future__ import annotations

from ..messages import Windows

URI = "http://schemas.microsoft.com/wbem/wsman/1/config"


def config(windows: Windows) -> str:
    """The Config element; every method's flag follows from the schemes of the 401."""

    def flag(value: bool) -> str:
        return "true" if value else "false"

    methods = "".join(f"<cfg:{name}>{flag(name in windows.schemes)}</cfg:{name}>" for name in ("Basic", "Kerberos", "Negotiate"))
    return (
        f'<cfg:Config xmlns:cfg="{URI}" xml:lang="en-US"><cfg:MaxEnvelopeSizekb>500</cfg:MaxEnvelopeSizekb><cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms>'
        f"<cfg:MaxBatchItems>32000</cfg:MaxBatchItems><cfg:Service><cfg:AllowUnencrypted>{flag(windows.allow_unencrypted)}</cfg:AllowUnencrypted>"
        f"<cfg:Auth>{methods}<cfg:Certificate>{flag(windows.certificate_auth)}</cfg:Certificate>"
        f"<cfg:CredSSP>{flag('CredSSP' in windows.schemes)}</cfg:CredSSP>"
        f"<cfg:CbtHardeningLevel>{windows.cbt.capitalize()}</cfg:CbtHardeningLevel></cfg:Auth>"
        "<cfg:DefaultPorts><cfg:HTTP>5985</cfg:HTTP><cfg:HTTPS>5986</cfg:HTTPS>"
        "</cfg:DefaultPorts><cfg:IPv4Filter>*</cfg:IPv4Filter><cfg:IPv6Filter>*</cfg:IPv6Filter></cfg:Service></cfg:Config>"
    )
