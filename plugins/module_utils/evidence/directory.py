# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domain says: its controllers, Kerberos step by step, accounts, service principal names, trusts."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Known, Unknown
from .endpoint import ClockEvidence, PortEvidence

GRANTED, REFUSED, FAILED, NOT_TRIED = "granted", "refused", "failed", "not_tried"
"""How a step ended: as wished; the KDC or the server said no; no usable answer; nothing was sent."""
PROBE, AS, TGS = "probe", "as", "tgs"
"""Kerberos in steps: a request without a password, which counts against nobody; the ticket-granting ticket; a ticket for a service."""
NOT_READ = Unknown("the directory was not read")
NOT_ASKED_FOR = Unknown("not asked for")
NO_SUCH_ACCOUNT = Unknown("the directory has no such account")
"""Read and found missing, which is knowledge: stands in `account` and `computer`."""


@dataclass(frozen=True)
class KerberosStep:
    """One question to a KDC."""

    name: str
    """`probe`, `as` or `tgs`."""
    asked_for: str
    """The client's principal, or for `tgs` the SPN as it was asked for, such as HTTP/web01.lab.test."""
    outcome: str
    means: str
    """One sentence: what this answer means."""
    realm: str = ""
    """The realm that was asked."""
    code: int | None = None
    """The protocol's error code ([RFC 4120] 7.5.9), or MIT's own from 128 on (minor code minus its base)."""
    status: int | None = None
    """The NTSTATUS that Active Directory adds to an error ([MS-KILE] 2.2.2, KERB-EXT-ERROR)."""
    got: str = ""
    """`tgs`: service and realm in the ticket, such as HTTP/web01.lab.test@LAB.TEST. Another name than `asked_for` is a canonicalisation or a referral."""
    ticket_encryption: str = ""
    """Encryption of the service's or TGT's ticket, such as AES256 or RC4; `probe`: what the account may use, in order, separated by commas."""
    own: bool = False
    """`tgs`: True for the SPN that the inventory's connection asks for."""
    used: bool = False
    """True when something was sent that depends on the password."""
    server_time: str | None = None
    controller: str = ""
    """The address that answered; "" where libkrb5 chose whom to ask. An error of a KDC is authenticated by nobody ([RFC 4120] 5.9.1)."""
    sent: str = ""
    """`tgs`, asked as a client does: the principal after krb5.conf's dns_canonicalize_hostname and rdns; "" where the SPN was asked for as it stands."""


@dataclass(frozen=True)
class RootEvidence:
    """rootDSE ([MS-ADTS] 3.1.1.3.2), which anybody may read."""

    dns_host_name: str = ""
    default_context: str = ""
    configuration_context: str = ""
    root_domain_context: str = ""
    domain_level: int | None = None
    """domainFunctionality: 7 is Windows Server 2016."""
    global_catalog: bool | None = None
    sasl: tuple[str, ...] = ()


@dataclass(frozen=True)
class DomainControllerEvidence:
    """One domain controller."""

    name: str
    address: str = ""
    found_by: tuple[str, ...] = ()
    """`option`, `dns` (SRV record), `krb5.conf`."""
    ports: tuple[PortEvidence, ...] = ()
    """88, 389, 636, 3268, 464."""
    clocks: tuple[ClockEvidence, ...] = ()
    """Its clock against this machine's; source `kdc` (stime of a KRB-ERROR) or `ldap` (currentTime of rootDSE)."""
    root: Known[RootEvidence] | None = None
    domain: str = ""
    """The domain whose controller it is thought to be."""


@dataclass(frozen=True)
class BindEvidence:
    """One logon to LDAP, or an anonymous look."""

    controller: str
    port: int
    method: str
    """`kerberos`, `ntlm`, `simple` or `anonymous`."""
    transport: str
    """`sealed`, `ldaps` or `start_tls`."""
    outcome: str
    means: str
    account: str = ""
    code: int | None = None
    """LDAP's resultCode ([RFC 4511] 4.1.9)."""
    data: int | None = None
    """The Win32 code in Active Directory's diagnostic message, such as 0x52e."""


@dataclass(frozen=True)
class PolicyEvidence:
    """The lockout and password policy that holds for one account: the domain's, or a password settings object's ([MS-ADTS] 3.1.1.4.5.36)."""

    name: str
    """`Default Domain Policy`, or the name of the password settings object."""
    lockout_threshold: int
    """0: accounts are never locked."""
    lockout_minutes: float | None = None
    """None: until somebody unlocks it."""
    observation_minutes: float = 0.0
    """After so long without another failure the counter starts anew."""
    max_password_days: float | None = None
    """None: passwords never expire."""
    sure: bool = True
    """False where a password settings object may be in force in its place, which the account that reads may not see."""


@dataclass(frozen=True)
class AccountEvidence:
    """The account that logs on, as its domain has it ([MS-ADA1], [MS-ADA3]). Times are UTC."""

    name: str
    """sAMAccountName."""
    dn: str
    domain: str = ""
    netbios_domain: str = ""
    """The domain's other name, where the forest tells it."""
    upn: str = ""
    sid: str = ""
    token_sids: Known[tuple[str, ...]] = NOT_READ
    """tokenGroups: the SIDs of all groups that its domain puts into its token, nested ones included, without its own."""
    enabled: bool = True
    locked: Known[bool] = False
    locked_since: str | None = None
    bad_passwords: Known[int] = 0
    """badPwdCount; kept by each controller for itself, so it is read at the PDC emulator."""
    bad_passwords_at: str = ""
    """The controller that was asked for it."""
    last_bad_password: str | None = None
    policy: Known[PolicyEvidence] = NOT_READ
    password_set: str | None = None
    must_change: bool = False
    password_expired: bool = False
    password_expires: str | None = None
    expires: str | None = None
    expired: bool = False
    logon_hours: Known[bool] = True
    """Whether the account may log on at this hour."""
    workstations: tuple[str, ...] = ()
    """userWorkstations; empty: from everywhere."""
    protected_user: Known[bool] = False
    smartcard_required: bool = False
    no_delegation: bool = False
    no_preauth: bool = False
    des_only: bool = False
    groups: Known[tuple[str, ...]] = ()
    """sAMAccountNames of all groups, nested ones included, as far as they were resolved."""
    group_count: Known[int] = 0
    encryption_types: int | None = None
    """msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7); None where it is not set."""
    spns: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComputerEvidence:
    """The host's account in its domain."""

    name: str
    """sAMAccountName, with its dollar sign."""
    dn: str
    enabled: bool = True
    dns_host_name: str = ""
    password_set: str | None = None
    password_days: float | None = None
    """Age of the machine password; Windows changes it every 30 days unless told otherwise."""
    encryption_types: int | None = None
    operating_system: str = ""
    spns: tuple[str, ...] = ()
    found_by: str = ""
    """`dNSHostName`, `servicePrincipalName` or `sAMAccountName`: what led to it."""


@dataclass(frozen=True)
class OwnerEvidence:
    """An account that carries an SPN."""

    name: str
    dn: str
    kind: str = "computer"
    """`computer`, `user` or `service` (a managed service account)."""
    enabled: bool = True
    domain: str = ""


@dataclass(frozen=True)
class SpnEvidence:
    """One SPN, and who in the forest owns it."""

    spn: str
    owners: Known[tuple[OwnerEvidence, ...]] = ()
    """Who carries exactly this SPN."""
    covered_by: tuple[OwnerEvidence, ...] = ()
    """Who carries HOST/ of the same name, which stands for it where sPNMappings has its class ([MS-ADTS] 3.1.1.3 and 5.1.1.4): HTTP, never WSMAN."""
    only_in: str = ""
    """The one domain of several where owners were looked for; "": in the whole forest."""
    own: bool = False
    """True for the SPN that the inventory's connection asks for."""


@dataclass(frozen=True)
class TrustEvidence:
    """One trust, seen from the domain that was asked ([MS-ADTS] 6.1.6.7)."""

    partner: str
    flat_name: str = ""
    direction: str = ""
    """`inbound` (the partner trusts this domain), `outbound` (this domain trusts the partner), `both` or `disabled`."""
    kind: str = ""
    """`active_directory`, `mit` or `downlevel`."""
    attributes: tuple[str, ...] = ()
    """In lower case: forest_transitive, within_forest, cross_organization (selective authentication), quarantined, non_transitive, uses_rc4, ..."""
    encryption_types: int | None = None


@dataclass(frozen=True)
class ForecastEvidence:
    """One account that stops working once KDC and hosts accept AES alone."""

    name: str
    kind: str
    """`user`, `computer`, `service` or `trust`."""
    why: str
    sure: bool = True
    """False where the directory only makes it likely."""


@dataclass(frozen=True)
class DirectoryEvidence:
    """All that one look at the domain brought home."""

    at: str
    vantage: str
    domain: str
    """DNS name of the domain that was asked, or "" where none is known."""
    domain_from: str = ""
    """What named it: option, user name, NTLM challenge, host name, krb5.conf, controller."""
    host_domain: str = ""
    """DNS name of the host's domain, where it is another one: there its computer account and its SPNs were looked for."""
    passed_over: tuple[str, ...] = ()
    """What the options name and nobody could ask, in words, where something else was asked."""
    srv: Known[tuple[str, ...]] = NOT_READ
    """Controllers that the SRV records of the domain name; () where DNS says that there are none."""
    pdc: str = ""
    """The controller that is the PDC emulator of the account's domain."""
    controllers: tuple[DomainControllerEvidence, ...] = ()
    steps: tuple[KerberosStep, ...] = ()
    binds: tuple[BindEvidence, ...] = ()
    account: Known[AccountEvidence] = NOT_READ
    computer: Known[ComputerEvidence] = NOT_READ
    other_computer: ComputerEvidence | None = None
    """The account of the computer that answers at the host's address, where the NTLM challenge names another one."""
    spns: tuple[SpnEvidence, ...] = ()
    duplicates: Known[tuple[SpnEvidence, ...]] = NOT_READ
    """SPNs with more than one owner in the forest; looked for on request, or among those of this host."""
    matches: Known[tuple[SpnEvidence, ...]] = NOT_READ
    """SPNs that fit the patterns that were asked for."""
    trusts: Known[tuple[TrustEvidence, ...]] = NOT_READ
    forecast: Known[tuple[ForecastEvidence, ...]] = NOT_READ
    gaps: tuple[Unknown, ...] = ()
    seconds: float = 0.0
