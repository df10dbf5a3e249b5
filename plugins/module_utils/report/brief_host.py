# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's inside as a diagnosis tells it: what decides about this connection. `host_info` tells all of it."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..causes import binding as channel
from ..causes import configured, encryption_types, fitting_certificates, gates, message_encryption, ntlm_policy, pairs, passages, permissions, quota
from ..causes import listening as hearing
from ..evidence.base import Known, Unknown
from ..evidence.case import TargetEvidence
from ..evidence.host import (
    ALLOWED,
    DEFAULT,
    NOT_GATHERED,
    OPEN,
    AccessEvidence,
    CertificatesEvidence,
    ClientEvidence,
    ConfigEvidence,
    FirewallEvidence,
    HostEvidence,
    LimitsEvidence,
    ListenersEvidence,
    PolicyValueEvidence,
    ServiceEvidence,
    SettingEvidence,
    StoredCertificateEvidence,
)
from ..evidence.logon import OWN_SHELL

DECIDING = tuple(path.lower() for path in (
    message_encryption.ALLOW, "Service/AllowRemoteAccess", *hearing.FILTERS, channel.LEVEL, permissions.SHELL_ACCESS, *quota.QUOTAS,
))
"""Settings that causes read; those below Service/Auth and Client/Auth come besides."""
OF_CLIENTS = ("client/auth/", "client/allowunencrypted", "client/trustedhosts")
NAMES = {name.lower() for name in (ntlm_policy.RECEIVING, ntlm_policy.IN_DOMAIN, pairs.LEVEL, encryption_types.SUPPORTED)}
CLIENT_NAMES = {name.lower() for name in (pairs.SENDING, pairs.EXCEPTIONS, pairs.LEVEL, "AllowFreshCredentials", "AllowFreshCredentialsWhenNTLMOnly")}
WINRM = "\\windows\\winrm\\"
MOST_RULES, MOST_PROBLEMS, MOST_CERTIFICATES = 8, 12, 4


def of_host(seen: Known[HostEvidence], target: TargetEvidence) -> Known[HostEvidence]:
    """The host that is diagnosed."""
    if isinstance(seen, Unknown):
        return seen
    by_certificate = target.auth == ("certificate",)
    return replace(
        seen,
        config=_config(seen.config, _decides(target)),
        listeners=seen.listeners if isinstance(seen.listeners, Unknown) else _listeners(seen.listeners, target),
        service=seen.service if isinstance(seen.service, Unknown) else tuple(map(_service, filter(_is_winrm, seen.service))),
        firewall=seen.firewall if isinstance(seen.firewall, Unknown) else _firewall(seen.firewall, target),
        certificates=seen.certificates if isinstance(seen.certificates, Unknown) else _certificates(seen.certificates, target),
        mappings=seen.mappings if by_certificate or isinstance(seen.mappings, Unknown) else NOT_GATHERED,
        policy=_policy(seen.policy, _of_host(target)),
        access=seen.access if isinstance(seen.access, Unknown) else _access(seen.access, target),
        limits=seen.limits if isinstance(seen.limits, Unknown) else _limits(seen.limits),
        client=NOT_GATHERED, tickets=NOT_GATHERED,
    )


def of_client(seen: Known[HostEvidence]) -> Known[HostEvidence]:
    """The machine that is the client: its part Client, and what it thinks of the host."""
    if isinstance(seen, Unknown):
        return seen
    return replace(
        seen,
        config=_config(seen.config, _of_client),
        client=seen.client if isinstance(seen.client, Unknown) else _client(seen.client),
        certificates=seen.certificates if isinstance(seen.certificates, Unknown) else _presented(seen.certificates),
        policy=_policy(seen.policy, _on_client),
        listeners=NOT_GATHERED, service=NOT_GATHERED, firewall=NOT_GATHERED, mappings=NOT_GATHERED, access=NOT_GATHERED, limits=NOT_GATHERED,
        tickets=NOT_GATHERED,
    )


def _config(seen: Known[ConfigEvidence], wanted: t.Callable[[SettingEvidence], bool]) -> Known[ConfigEvidence]:
    return seen if isinstance(seen, Unknown) else ConfigEvidence(tuple(map(_setting, filter(wanted, seen.settings))))


def _setting(seen: SettingEvidence) -> SettingEvidence:
    """A default that holds need not be told twice."""
    return replace(seen, default=None) if seen.default == seen.value else seen


def _policy(seen: Known[tuple[PolicyValueEvidence, ...]], wanted: t.Callable[[PolicyValueEvidence], bool]) -> Known[tuple[PolicyValueEvidence, ...]]:
    return seen if isinstance(seen, Unknown) else tuple(replace(one, means="") if one.value is None else one for one in seen if wanted(one))


def _client(seen: ClientEvidence) -> ClientEvidence:
    return ClientEvidence(tuple(map(_setting, filter(_of_client, seen.settings))), seen.trusted_hosts)


def _presented(seen: CertificatesEvidence) -> CertificatesEvidence:
    return CertificatesEvidence(automatic_roots=seen.automatic_roots, gaps=seen.gaps, presented=seen.presented)


def _on_client(one: PolicyValueEvidence) -> bool:
    return one.name.lower() in CLIENT_NAMES or _winrm(one)


def _decides(target: TargetEvidence) -> t.Callable[[SettingEvidence], bool]:
    """What causes read, where it is otherwise than by default, or is about the methods and the transport of the inventory."""
    methods = [configured.LEAVES.get(method, method) for method in target.auth]
    about = {f"service/auth/{leaf.lower()}" for leaf in (*methods, *(("Negotiate", "Kerberos") if {"negotiate", "kerberos"} & set(target.auth) else ()))}
    about.add(channel.LEVEL.lower() if target.scheme == "https" else message_encryption.ALLOW.lower())

    def decides(one: SettingEvidence) -> bool:
        path = one.path.lower()
        return path in about or (one.source != DEFAULT and (path in DECIDING or path.startswith("service/auth/")))

    return decides


def _of_client(one: SettingEvidence) -> bool:
    return one.path.lower().startswith(OF_CLIENTS)


def _winrm(one: PolicyValueEvidence) -> bool:
    """What policy has set of WinRM itself."""
    return one.value is not None and WINRM in one.key.lower()


def _of_host(target: TargetEvidence) -> t.Callable[[PolicyValueEvidence], bool]:
    """What is set; what is not, of the one value that says by its absence that NTLM may come in."""
    by_ntlm = bool({"ntlm", "negotiate", "credssp"} & set(target.auth))

    def decides(one: PolicyValueEvidence) -> bool:
        if one.value is None:
            return by_ntlm and one.name.lower() == ntlm_policy.RECEIVING.lower()
        version = one.key.lower().partition(configured.PROTOCOLS)[2]
        return one.name.lower() in NAMES or _winrm(one) or (version.startswith(configured.TODAY) and version.endswith("server"))

    return decides


def _listeners(seen: ListenersEvidence, target: TargetEvidence) -> ListenersEvidence:
    """The listener of the port with its binding, all where it has none; reservations where something is wrong with them stand among the problems."""
    bindings = seen.bindings
    if not isinstance(bindings, Unknown):
        bindings = tuple(one for one in bindings if one.endpoint.rpartition(":")[2] == str(target.port))
    mine = tuple(one for one in seen.listeners if one.port == target.port and one.enabled and one.listening_on)
    addresses = seen.addresses if seen.problems or not mine else ()
    return replace(
        seen, listeners=mine or seen.listeners, addresses=addresses, bindings=bindings, reservations=NOT_GATHERED, problems=seen.problems[:MOST_PROBLEMS],
    )


def _is_winrm(seen: ServiceEvidence) -> bool:
    return seen.name.lower() == "winrm"


def _service(seen: ServiceEvidence) -> ServiceEvidence:
    return replace(seen, account="", depends_on=())


def _firewall(seen: FirewallEvidence, target: TargetEvidence) -> FirewallEvidence:
    """The ways to the port, and where one that may be in force is not open, what decides about it."""
    ways = seen.passage(target.port)
    if ways and all(way.outcome == OPEN for way in ways if way.active is not False):
        return FirewallEvidence(seen.service, tuple(one for one in seen.profiles if not one.on), passages=tuple(way for way in ways if way.active is not False))
    deciding = {name for way in ways for name in way.rules}
    shut = any(way.outcome != OPEN for way in ways)
    rules = [rule for rule in seen.rules if rule.id in deciding or (shut and rule.ports and passages.concerns(rule, target.port))]
    profiles = tuple(one for one in seen.profiles if not one.on or any(one.name == way.profile for way in ways))
    return replace(seen, profiles=profiles, rules=tuple(rules[:MOST_RULES]), passages=ways)


def _certificates(seen: CertificatesEvidence, target: TargetEvidence) -> CertificatesEvidence:
    """What the listener uses, and what would do in its place, where something is wrong."""
    if not seen.problems or target.scheme != "https":
        return replace(seen, stores=(), certificates=(), problems=seen.problems[:MOST_PROBLEMS])
    mine = [one for one in seen.certificates if one.store == "My" and (one.used_by or fitting_certificates.may_serve(one, target.host))]
    short = tuple(map(_certificate, mine[:MOST_CERTIFICATES]))
    wrong = tuple(one for one in seen.stores if one.unreadable)
    return replace(seen, stores=wrong, certificates=short, problems=seen.problems[:MOST_PROBLEMS])


def _certificate(seen: StoredCertificateEvidence) -> StoredCertificateEvidence:
    chain = replace(seen.chain, stores=()) if seen.chain else None
    return replace(seen, certificate=replace(seen.certificate, aia=(), crl=(), ocsp=()), chain=chain)


def _access(seen: AccessEvidence, target: TargetEvidence) -> AccessEvidence:
    """The gates on the way; rights where one of them is in question, plugins where one is switched off."""
    wanted = (gates.NETWORK_LOGON, OWN_SHELL.get(target.connection, "powershell"))
    kept = tuple(replace(one, why="") if one.outcome == ALLOWED else one for one in seen.gates if one.gate in wanted)
    denied = any(one.gate == gates.NETWORK_LOGON and one.outcome != "allowed" for one in kept)
    off = tuple(replace(one, sddl="") for one in seen.descriptors if not one.enabled)
    return replace(seen, sids=NOT_GATHERED, groups=(), rights=seen.rights if denied else (), descriptors=off, gates=kept)


def _limits(seen: LimitsEvidence) -> LimitsEvidence:
    return replace(seen, quotas=(), shells=NOT_GATHERED)
