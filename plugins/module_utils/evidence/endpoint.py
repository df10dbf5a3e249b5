# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a host from the network, without credentials."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Known, Unknown

# A port's state. A silent port may be filtered, or simply unused: Windows Firewall's stealth mode
# swallows the reset of a port nobody listens on (KB2586744), so "filtered" only means "no answer".
OPEN, REFUSED, FILTERED, UNREACHABLE = "open", "refused", "filtered", "unreachable"


@dataclass(frozen=True)
class ReverseName:
    """PTR names of one address, by the system resolver (hosts file included)."""

    address: str
    names: Known[tuple[str, ...]] = ()
    dns: Known[tuple[str, ...]] | None = None
    """The same straight from the name servers, the hosts file left out; None where it was not asked."""


@dataclass(frozen=True)
class NameEvidence:
    """How the inventory's host name resolves, by both ways a client may take."""

    asked: str
    is_address: bool = False
    system: Known[tuple[str, ...]] = ()
    """Addresses from getaddrinfo, in its order: what every client of this machine connects to."""
    dns: Known[tuple[str, ...]] = ()
    """A and AAAA records straight from the name servers of resolv.conf."""
    canonical: str | None = None
    """End of the CNAME chain where it differs from `asked`."""
    reverse: tuple[ReverseName, ...] = ()
    no_such_name: bool = False
    """True when both ways said that the name does not exist (no time-out, no server failure)."""


@dataclass(frozen=True)
class PortEvidence:
    """One TCP connect."""

    address: str
    port: int
    state: str
    seconds: float
    detail: str = ""
    """The error's symbol, such as ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT."""


@dataclass(frozen=True)
class CertificateEvidence:
    """One X.509 certificate as presented."""

    subject: str
    issuer: str
    serial: str
    not_before: str
    not_after: str
    thumbprint: str
    """SHA-1 of the DER bytes, upper-case hex: the form Windows uses."""
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    upns: tuple[str, ...] = ()
    """User principal names among the alternative names: what certificate logon maps by."""
    common_name: str | None = None
    eku: tuple[str, ...] | None = None
    """Extended key usages as dotted OIDs; None where the extension is absent (any use is allowed)."""
    key: str = ""
    """Such as "RSA 2048" or "EC P-256"."""
    key_bits: int = 0
    signature: str = ""
    """Hash of the signature, such as "sha256"."""
    is_ca: bool = False
    self_signed: bool = False
    bytes: int = 0
    aia: tuple[str, ...] = ()
    """caIssuers URLs: where a missing intermediate could be had."""
    crl: tuple[str, ...] = ()
    ocsp: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerifyEvidence:
    """One verdict of OpenSSL: 0 is good, else the X509_V_ERR number (10 expired, 18/19/20 untrusted, 62/64 name)."""

    code: int
    text: str = ""
    store: str = ""
    """The trust store asked: a path, or "system"."""


@dataclass(frozen=True)
class RevocationEvidence:
    """An answer of OCSP or of a CRL: `good`, `revoked`, `unknown`."""

    status: str
    way: str
    url: str
    revoked_at: str | None = None


@dataclass(frozen=True)
class TlsEvidence:
    """A TLS service: either a finished handshake, or why there was none."""

    version: str | None = None
    cipher: str | None = None
    failure: str | None = None
    """None after a finished handshake, else one of `reset`, `closed`, `alert`, `not_tls`, `timeout`, `too_large`, `error`."""
    detail: str = ""
    """The alert or library reason, such as TLSV1_ALERT_PROTOCOL_VERSION."""
    legacy_versions: tuple[str, ...] = ()
    """Versions the server accepts only under a lowered security level, asked after a failure."""
    versions: tuple[str, ...] = ()
    """Every version that finished a handshake, where all were asked."""
    chain: Known[tuple[CertificateEvidence, ...]] = ()
    """As presented, leaf first."""
    chain_verify: Known[VerifyEvidence] | None = None
    """Chain and dates, against the store the inventory's connection would use; no name check."""
    name_verify: Known[VerifyEvidence] | None = None
    """The name alone, whatever the chain."""
    system_verify: Known[VerifyEvidence] | None = None
    """The chain against the system's own store, asked when `chain_verify` failed."""
    verified_name: str | None = None
    revocation: tuple[Known[RevocationEvidence], ...] = ()
    client_certificate_asked: bool | None = None


@dataclass(frozen=True)
class HttpEvidence:
    """One HTTP reply, or how it failed."""

    status: int | None = None
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """The headers that matter here, names as sent: Server, WWW-Authenticate, Proxy-Authenticate, Date, Via, Location, Allow, Content-Type, Connection."""
    body_start: str = ""
    """Up to 200 printable characters."""
    body_bytes: int = 0
    failure: str | None = None
    """`reset`, `closed`, `timeout`, `not_http`, `too_large`, `error`; None when a reply was read.

    `status` stands beside a failure where the reply broke off after its headers.
    """
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class IdentityEvidence:
    """A WS-Man IdentifyResponse (DSP0226 clause 11)."""

    vendor: str
    product_version: str
    protocol_version: str = ""
    security_profiles: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChallengeEvidence:
    """An NTLM CHALLENGE_MESSAGE ([MS-NLMP] 2.2.1.2) given to an anonymous caller."""

    target_name: str
    netbios_computer: str = ""
    netbios_domain: str = ""
    dns_computer: str = ""
    dns_domain: str = ""
    dns_forest: str = ""
    os_build: str = ""
    """Such as 10.0.20348; empty when the flag for it is not set."""
    timestamp: str | None = None
    wrapped: bool = False
    """True when it came inside SPNEGO, False when raw."""
    membership: str = ""
    """`domain`, `workgroup`, or empty where the names do not tell."""


@dataclass(frozen=True)
class ClockEvidence:
    """The host's clock against this machine's: host minus here, in seconds, plus or minus `uncertainty`."""

    source: str
    """`ntlm` (MsvAvTimestamp) or `http_date`; of a domain controller `kdc` (stime of a KRB-ERROR) or `ldap` (currentTime)."""
    offset: float
    uncertainty: float


@dataclass(frozen=True)
class DoorEvidence:
    """One open port, spoken to."""

    address: str
    port: int
    scheme: str
    """The protocol spoken last: `http` or `https`; differs from `expected` where the other one answered."""
    expected: str
    tls: Known[TlsEvidence] | None = None
    identify: Known[HttpEvidence] | None = None
    """Reply to an anonymous Identify."""
    identity: Known[IdentityEvidence] | None = None
    anonymous: Known[HttpEvidence] | None = None
    """Reply to an empty POST without Authorization: the 401 with its schemes."""
    schemes: tuple[str, ...] = ()
    """Schemes of the 401 in the server's order and spelling: Negotiate, Kerberos, Basic, CredSSP."""
    challenge: Known[ChallengeEvidence] | None = None
    clocks: tuple[ClockEvidence, ...] = ()


@dataclass(frozen=True)
class EndpointEvidence:
    """All that one visit without credentials brought home."""

    at: str
    vantage: str
    """Host name of the machine that looked."""
    names: Known[NameEvidence]
    ports: tuple[PortEvidence, ...] = ()
    doors: tuple[DoorEvidence, ...] = ()
    gaps: tuple[Unknown, ...] = ()
    """What the deadline or the chosen depth left out."""
    seconds: float = 0.0
