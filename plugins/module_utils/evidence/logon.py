# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened when somebody logged on: every leg of the handshake, then rung by rung what the account may do."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Known, Unknown
from .directory import KerberosStep
from .endpoint import CertificateEvidence, HttpEvidence

ACCEPTED, REFUSED, BROKEN, NOT_TRIED = "accepted", "refused", "broken", "not_tried"
"""How an attempt ended: the host let the account in; it said 401; the conversation failed for another reason; nothing was sent."""
PASSED, DENIED, FAILED, SKIPPED = "passed", "denied", "failed", "skipped"
"""How a rung ended: as wished; by a fault or status of the host; by a broken conversation; not asked."""
RUNGS = ("authenticate", "identify", "config", "cmd", "powershell")
"""The ladder, lowest first."""
OWN_SHELL = {"winrm": "cmd", "psrp": "powershell"}
"""The shell that each connection of Ansible works in: pywinrm runs commands in WinRS, pypsrp in a runspace."""


@dataclass(frozen=True)
class TokenEvidence:
    """A token of a handshake, decoded as far as it is no secret."""

    kind: str
    """`spnego_init`, `spnego_response`, `ntlm_negotiate`, `ntlm_challenge`, `ntlm_authenticate`, `kerberos_ap_req`, `kerberos_ap_rep`, `kerberos_error`,
    `credssp`, `credssp_tls`, `basic`, `certificate`, `unreadable`."""
    bytes: int = 0
    mechanisms: tuple[str, ...] = ()
    """SPNEGO's mechanisms, in order and by name: kerberos, ntlm, negoex or a dotted OID."""
    state: str = ""
    """SPNEGO's negState: accept-completed, accept-incomplete, reject, request-mic."""
    code: int | None = None
    """KRB-ERROR's error-code ([RFC 4120] 7.5.9), or CredSSP's errorCode, an NTSTATUS ([MS-CSSP] 2.2.1)."""
    text: str = ""
    """What else is worth telling, in words."""
    user: str = ""
    """DOMAIN\\user as NTLM's last message spells it."""
    service: str = ""
    """Kerberos: the SPN and realm of the ticket."""
    channel_binding: bool | None = None
    """NTLM's last message: whether it carries MsvAvChannelBindings."""
    server_time: str | None = None


@dataclass(frozen=True)
class FaultEvidence:
    """A SOAP fault ([MS-WSMV] 2.2.4.43), of either shape, or one without Microsoft's detail."""

    code: int | None = None
    """The WSMan, Win32 or HRESULT code, unsigned; None where the fault carries none."""
    subcode: str = ""
    """Local name of the SOAP subcode, such as AccessDenied."""
    text: str = ""
    machine: str = ""
    provider: str = ""
    shape: str = "none"
    """`wsman` (WSManFault), `wmi` (MSFT_WmiError) or `none`."""


@dataclass(frozen=True)
class LegEvidence:
    """One request and its reply."""

    sent: str
    reply: HttpEvidence
    token: TokenEvidence | None = None
    """What the Authorization header carried."""
    answer: TokenEvidence | None = None
    """What the WWW-Authenticate header brought back."""
    fault: FaultEvidence | None = None
    sealed: bool = False
    """True when the request's body was encrypted."""


@dataclass(frozen=True)
class RungEvidence:
    """One rung of the ladder."""

    name: str
    status: str
    means: str
    """One sentence: what this answer means."""
    legs: tuple[LegEvidence, ...] = ()


@dataclass(frozen=True)
class LocalFailure:
    """A step that could not be done, before or between the host's answers."""

    step: str
    """`library`, `credential`, `kdc`, `token`, `certificate_file`, `connect`, `tls`, `keep_alive`."""
    text: str
    code: int | None = None
    """Kerberos: the protocol's error code (MIT's minor code minus its base); None elsewhere."""


@dataclass(frozen=True)
class AttemptEvidence:
    """One way to log on, tried or not."""

    method: str
    """basic, ntlm, negotiate, kerberos, credssp or certificate."""
    scheme: str
    port: int
    outcome: str
    means: str
    """One sentence: how it ended, and what that means."""
    own: bool = False
    """True for the inventory's own way."""
    way: str = ""
    """The name of the alternate logon this way belongs to; empty for the inventory's own ways."""
    same_account: bool = False
    """True for an alternate logon with the inventory's account, by another port, scheme or method."""
    account: str = ""
    """The account as it was named."""
    kind: str = ""
    """`local`, `domain`, or `either` for a bare name at a host of a domain."""
    mechanism: str = ""
    """What negotiate came to: kerberos or ntlm."""
    binding: str = ""
    """Channel binding: `sent`, `omitted`, `wrong`; empty where there is no TLS or no token to carry it."""
    sealed: bool = False
    """True when messages are encrypted by the logon itself."""
    used: bool = False
    """True when something was sent that depends on the password: a refusal may count against the account."""
    proven: bool = False
    """True when this password was known to be right before: accepted by a host of this run."""
    proven_by: str = ""
    """The host that accepted it."""
    failure: LocalFailure | None = None
    reason: str = ""
    """Why it was not tried: `refused_before`, `refused_by_kdc`, `no_room` (one more wrong password would lock the account), `in_doubt`, `no_book`,
    `no_password`, `unsafe`, `not_offered`, `no_library`, `not_reached`, `busy`."""
    rungs: tuple[RungEvidence, ...] = ()

    def rung(self, name: str) -> RungEvidence | None:
        """The rung of this name, if it was climbed."""
        return next((rung for rung in self.rungs if rung.name == name), None)

    def enough_for(self, connection: str) -> bool:
        """True when the host let the account in and every rung that was climbed and that the connection needs was passed."""
        needed = ("authenticate", "identify", OWN_SHELL.get(connection, "powershell"))
        return self.outcome == ACCEPTED and all(rung.status == PASSED for rung in self.rungs if rung.name in needed)


@dataclass(frozen=True)
class LogonEvidence:
    """All logons of one visit."""

    at: str
    vantage: str
    attempts: tuple[AttemptEvidence, ...] = ()
    client_certificate: Known[CertificateEvidence] | None = None
    """What the inventory's file for certificate logon holds."""
    gaps: tuple[Unknown, ...] = ()
    requests: int = 0
    """HTTP requests sent."""
    kdc: tuple[KerberosStep, ...] = ()
    """What the KDC said of the accounts, asked before any host."""
    seconds: float = 0.0
