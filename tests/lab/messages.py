# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam between the lab's network side and its stand-in Windows: HTTP messages, and what kind of Windows answers."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .inside.model import Inside


@dataclass(frozen=True)
class Request:
    """One HTTP request, read whole; header names in lower case."""

    method: str
    path: str
    headers: t.Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """One HTTP response. The network side adds Content-Length; `Server` and `Date` stand in `headers` like any other."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str = ""
    close: bool = False
    """Close the connection after this response."""
    delay: float = 0.0
    """Seconds that it takes to come; negative: it never does, and the connection ends."""


@dataclass(frozen=True)
class Account:
    """One account, of the domain or of the host alone."""

    password: str = field(repr=False)
    state: str = "ok"
    """A key of STATES."""
    groups: str = "administrators"
    """`administrators`, `remote_management_users` or `none`."""
    local: bool = False
    filtered: bool = False
    """A local administrator whose network token UAC filters: then it is no administrator's ([MS documentation] LocalAccountTokenFilterPolicy)."""

    @property
    def administrator(self) -> bool:
        """With an administrator's rights over the network."""
        return self.groups == "administrators" and not self.filtered


STATES = {
    "ok": 0, "disabled": 0xC0000072, "locked": 0xC0000234, "expired": 0xC0000193, "password_expired": 0xC0000071, "must_change": 0xC0000224,
    "no_network_logon": 0xC000015B, "hours": 0xC000006F, "workstations": 0xC0000070, "protected": 0xC000006E, "smartcard": 0xC00002FA,
    "no_trust": 0xC000018D,
}
"""State of an account to the NTSTATUS of its logon ([MS-ERREF] 2.3.1). `no_trust`: the host cannot ask its domain about the account."""
NO_SUCH_USER, WRONG_PASSWORD, BAD_BINDINGS, NTLM_BLOCKED = 0xC0000064, 0xC000006A, 0xC000035B, 0xC0000418


@dataclass(frozen=True)
class Windows:
    """What kind of Windows answers: its names, its clock, its accounts, how its WinRM service is configured."""

    computer: str
    """NetBIOS name, such as WEB01."""
    domain: str | None = None
    """NetBIOS name of its domain; None in a workgroup."""
    dns_domain: str | None = None
    build: tuple[int, int, int] = (10, 0, 20348)
    clock_offset: float = 0.0
    """Seconds its clock is ahead of this machine's."""
    schemes: tuple[str, ...] = ("Negotiate", "Kerberos")
    """The WWW-Authenticate lines of its 401, in its order."""
    accounts: t.Mapping[str, Account] = field(default_factory=dict)
    """User name to account."""
    allow_unencrypted: bool = False
    plain_refused_as: int = 500
    """Status of the empty answer to an unencrypted message: 500 (reports of client projects) or 401 (recorded from a real 2012 R2)."""
    cbt: str = "relaxed"
    """CbtHardeningLevel: none, relaxed or strict ([MS-WSMV] 2.2.4.7)."""
    tls_terminated: bool = False
    """A device in front unpacks TLS, so that tokens name another certificate than WinRM's."""
    ntlm: str = "allow"
    """allow; deny: refused at the last message, as is thought; deny_challenge: already at the first. Which of the two Windows does is inferred.

    deny_domain: as deny, but accounts of the host itself come in.
    """
    root_sddl: str = "default"
    """Who may use WinRM at all: default (administrators and Remote Management Users), admins_only, nobody."""
    denied_as: str = "fault"
    """How a want of rights is told: `fault` (HTTP 500, code 5) or `401`. Both are reported."""
    access_denied: str = "code5"
    """`code5` (w:AccessDenied) or `hresult` (2147942405 in w:InternalError); both were recorded, for different requests."""
    cmd_for: str = "administrators"
    """Who may open a cmd shell: administrators, or users (everybody who may use WinRM)."""
    powershell_for: str = "users"
    """Who may open a PowerShell session: users (administrators and Remote Management Users, as it is by default), or administrators."""
    remote_shell_access: bool = True
    remote_access: bool = True
    plugin_enabled: bool = True
    quota: str = ""
    """A key of shells.QUOTAS: the quota that is used up."""
    faults: str = "wsman"
    """`wsman` (WSManFault) or `wmi` (MSFT_WmiError), the shape of quota faults."""
    max_token: int = 16384
    """Bytes of a header line above which HTTP.sys answers 400 (MaxFieldLength, KB820129)."""
    reason: str = ""
    """Reason phrase of every status line."""
    tabs: bool = True
    """A tab before the part headers of sealed messages."""
    closes_after: int = 0
    """Close the connection after so many answers; 0: never."""
    challenge_closes: bool = False
    """Close it with the challenge, as a device that knows no keep-alive does."""
    certificate_auth: bool = False
    client_certificates: t.Mapping[str, str] = field(default_factory=dict)
    """SHA-1 thumbprint of a client certificate to the account it is mapped to."""
    realm: str = ""
    """The realm whose tickets it takes, in capitals; "" where it has no domain to ask."""
    keytab: str = ""
    """File with the keys it really has; "" where it has none."""
    kerberos_error: str = "told"
    """How a ticket that it cannot take is refused: `told`, with a KRB-ERROR in the 401, or `bare`, with nothing. An IIS on Windows was
    recorded with `told`; of WinRM there is no recording."""
    skew_behind_as: int = 37
    """What a host whose clock is behind says: 37, as [RFC 4120] 3.2.3 has it, or 33 (the ticket is not yet valid), as MIT's acceptor does."""
    url_prefix: str = "wsman"
    server: str = "Microsoft-HTTPAPI/2.0"
    inside: Inside | None = field(default=None, repr=False)
    """What it tells of itself from inside; None: only winrm/config, in part."""


class Conversation(t.Protocol):
    """The answers on one TCP connection, whose authentication is bound to it."""

    def answer(self, request: Request) -> Response:
        """Answer one request; quick, or run in a thread by the caller."""
