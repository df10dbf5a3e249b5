# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the inventory's user gets in over the network, gate by gate, and which rule says so.

The right to log on comes first. Then each resource has one descriptor: its plugin's where that has one, else RootSDDL ([MS-WSMV] 3.1.4.1.28; Microsoft's
pages on plugin configuration say the same). WinRM's own configuration has none; neither has the cmd shell, so that members of Remote Management Users
may open PowerShell but not cmd (known from clients: diyan/pywinrm issues 275, 336, 338).
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..evidence.base import Known, Unknown
from ..evidence.host import ALLOWED, DENIED, NOT_GATHERED, REFUSED, AccessEvidence, DescriptorEvidence, GateEvidence, GroupEvidence, RightEvidence
from ..safe_xml import Node, XmlError
from ..safe_xml import parse as parse_xml
from ..wsman.objects import Object
from . import groups, network_token, rights, sddl, system
from .material import Circumstances, Get, Key, Material, Needs, Query
from .network_token import Identity
from .sddl import EXECUTE, READ, Descriptor, Token, Verdict
from .sids import ADMINISTRATORS, EVERYONE, INTERACTIVE, domain_of, is_sid, name_of

WSMAN = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN"
SERVICE, PLUGINS = f"{WSMAN}\\Service", f"{WSMAN}\\Plugin"
ROOT = "RootSDDL"
DEFAULT_ROOT = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
"""Since Windows 8.1 and Server 2012 R2, of a host whose RootSDDL nobody has set."""
BASE = "http://schemas.microsoft.com/wbem/wsman/1/"
POWERSHELL, CMD, WMI = "http://schemas.microsoft.com/powershell/microsoft.powershell", f"{BASE}windows/shell/cmd", f"{BASE}wmi"
NETWORK_LOGON, CONNECTION = "network_logon", "connection"
RESOURCES = (("root", "", READ), ("powershell", POWERSHELL, EXECUTE), ("cmd", CMD, EXECUTE), ("wmi", WMI, READ))
"""Gate, the resource behind it, and the right that it takes: GX for shells, GR for Get and Enumerate ([MS-WSMV] 3.1.4.1.28)."""
WORDS = {
    "root": "to read winrm/config (GR)", "powershell": "to open a PowerShell session (GX)", "cmd": "to open a command shell (GX)", "wmi": "to read WMI (GR)",
}
SHELL_OF = {"psrp": "powershell", "winrm": "cmd"}
"""What a connection of Ansible cannot do without."""
SHELLS_OFF = GateEvidence("cmd", REFUSED, "Winrs/AllowRemoteShellAccess is false: the host opens a command shell for nobody.")
"""Whether it keeps PowerShell out too is not documented."""
LONGEST_XML = 1 << 20
MOST_PLUGINS = 200


def needs(circumstances: Circumstances) -> Needs:
    """Groups and the user by WMI; descriptors and UAC's values by the registry; rights and the reader's own token by commands."""
    user = network_token.user_query(circumstances)
    return Needs(
        config=True,
        keys=(
            network_token.key(), Key(SERVICE, deep=False, values=("rootSDDL",)),
            Key(PLUGINS, values=("microsoft.powershell\\ConfigXML", "WMI Provider\\ConfigXML")),
        ),
        commands=(rights.command(circumstances), *groups.commands()),
        queries=(user,) if user else (),
    )


def more(material: Material, circumstances: Circumstances) -> Needs:
    """What the first round has shown to be of interest; called again, what the second has."""
    second: list[Query | None] = []
    gets: list[Get] = []
    computer = system.name_of(material, circumstances)
    if not system.controller_of(material):
        # All groups of a domain are a controller's own, which net localgroup tells there without a host's name before them.
        gets += groups.names_wanted(material, thorough=circumstances.thorough)
        second += groups.members_queries(material, computer, thorough=circumstances.thorough)
    if groups.ACCOUNTS not in material.queries:
        own = network_token.bare(circumstances.user).casefold()
        second.append(groups.accounts_query((one for one in rights.nameless(material) if one.casefold() != own), circumstances.netbios_computer))
    if rights.RECORD not in material.queries and isinstance(rights.exported_rights(material), Unknown):
        second.append(rights.record_query())
    identity = network_token.identify(material, circumstances)
    if identity.local is not True and "" not in identity.complete:
        gets += groups.sids_wanted(material, "" if system.controller_of(material) else computer, circumstances.netbios_domain)
    return Needs(queries=tuple(query for query in second if query is not None), gets=tuple(gets))


def evidence(material: Material, circumstances: Circumstances) -> Known[AccessEvidence]:
    """Groups, rights, descriptors, the user's token, and what each gate says to it."""
    told, entitled, described = groups.read(material), rights.read(material), descriptors(material)
    identity = network_token.identify(material, circumstances)
    if _is_denied(told, entitled, described):
        return Unknown(DENIED)
    administrators = next((group for group in told if group.sid == ADMINISTRATORS), None)
    administrator = network_token.is_member(administrators, identity) if administrators else None
    filtered = network_token.filtered(identity, administrator, material.registry) if identity.name else NOT_GATHERED
    token = network_token.token(identity, told, filtered)
    token = replace(token, absent=token.absent | (groups.other_users(material) - token.sids - token.deny_only))
    known: tuple[DescriptorEvidence, ...] = () if isinstance(described, Unknown) else described
    seen = AccessEvidence(circumstances.user, identity.sid, identity.local, filtered, _sids(identity, token), told, entitled, known)
    return replace(seen, gates=_gates(seen, material, described, identity, token, circumstances))


def descriptors(material: Material) -> Known[tuple[DescriptorEvidence, ...]]:
    """RootSDDL first, then those of the plugins; Unknown where nothing of it could be read."""
    root, plugins = root_sddl(material), _plugins(material)
    if isinstance(root, Unknown) and isinstance(plugins, Unknown):
        return root
    found = () if isinstance(root, Unknown) else (DescriptorEvidence(ROOT, root),)
    return found if isinstance(plugins, Unknown) else (*found, *plugins)


def root_sddl(material: Material) -> Known[str]:
    """As the service tells it, else as the registry has it, else the default where the registry says that it is not set."""
    service = material.config.one("Service") if isinstance(material.config, Object) else None
    told = service.get("RootSDDL") if service else ""
    if told:
        return told
    stored = material.registry.text(SERVICE, "rootSDDL")
    if stored:
        return stored
    if material.registry.why(SERVICE) is None and (material.registry.has(SERVICE) or material.registry.has(PLUGINS)):
        return DEFAULT_ROOT
    return Unknown(material.registry.why(SERVICE) or (material.config.unknown if isinstance(material.config, Unknown) else "the host does not tell it"))


def _plugins(material: Material) -> Known[tuple[DescriptorEvidence, ...]]:
    registry = material.registry
    why = registry.why(PLUGINS)
    found: list[DescriptorEvidence] = []
    for name in registry.subkeys(PLUGINS)[:MOST_PLUGINS]:
        text = registry.text(f"{PLUGINS}\\{name}", "ConfigXML")
        if text:
            found += plugin(name, text)
    if found or registry.has(PLUGINS):
        return tuple(found)
    return Unknown(why or "the registry has no plugins")


def plugin(name: str, text: str) -> tuple[DescriptorEvidence, ...]:
    """The resources of a plugin with their descriptors; a resource without one falls under RootSDDL, and so does a plugin that cannot be read."""
    try:
        root = parse_xml(text.encode("utf-8", "replace"), LONGEST_XML)
    except XmlError:
        return ()
    enabled = _attribute(root, "Enabled").lower() not in ("false", "0")
    found: list[DescriptorEvidence] = []
    for resource in (node for node in root.walk() if node.name.lower() == "resource"):
        guarded = [node for node in resource.walk() if node.name.lower() == "security"]
        uri = _attribute(resource, "ResourceUri")
        found += [DescriptorEvidence(name, _attribute(one, "Sddl"), enabled, _attribute(one, "Uri") or uri) for one in guarded]
        if not guarded:
            found.append(DescriptorEvidence(name, "", enabled, uri))
    return tuple(found)


def _attribute(node: Node, name: str) -> str:
    return next((value.strip() for key, value in node.attributes.items() if key.lower() == name.lower()), "")


def _is_denied(told: tuple[GroupEvidence, ...], entitled: tuple[RightEvidence, ...], described: Known[t.Any]) -> bool:
    """Whether the account that reads was refused everything that this needs."""
    reasons = [one.members for one in told] + [one.holders for one in entitled] + [described]
    return all(isinstance(one, Unknown) for one in reasons) and isinstance(described, Unknown) and described.unknown == DENIED


def _sids(identity: Identity, token: Token) -> Known[tuple[str, ...]]:
    """The user first, then the groups."""
    if not identity.name:
        return Unknown("no user is named")
    rest = sorted((token.sids | token.deny_only) - {identity.sid}, key=lambda sid: (sid != EVERYONE, len(sid), sid))
    return ((identity.sid,) if identity.sid else ()) + tuple(rest)


def _gates(
    seen: AccessEvidence, material: Material, described: Known[t.Any], identity: Identity, token: Token, circumstances: Circumstances,
) -> tuple[GateEvidence, ...]:
    if not identity.name:
        return ()
    who = circumstances.user
    domain = domain_of(identity.sid)
    home, machine = ("", domain) if identity.local is True else (domain if _is_home(circumstances, identity) else "", "")
    gates = [_logon(seen.rights, identity, token, who)]
    for gate, resource, wanted in RESOURCES:
        shut = gate == "cmd" and _shells_off(material)
        gates.append(SHELLS_OFF if shut else _resource(gate, resource, wanted, _Asked(described, token, who, home, machine)))
    gates.append(_connection(gates, circumstances.connection))
    return tuple(gates)


def _shells_off(material: Material) -> bool:
    """Whether the host opens no shells at all, whoever asks."""
    shells = material.config.one("Winrs") if isinstance(material.config, Object) else None
    return shells is not None and shells.flag("AllowRemoteShellAccess") is False


class _Asked(t.NamedTuple):
    """What every resource is asked with."""

    described: Known[tuple[DescriptorEvidence, ...]]
    token: Token
    who: str
    domain: str
    machine: str


def _is_home(circumstances: Circumstances, identity: Identity) -> bool:
    """Whether the user's domain is the host's."""
    return bool({circumstances.netbios_domain.lower(), circumstances.domain.lower()} - {""} & identity.domains)


def _logon(entitled: t.Sequence[RightEvidence], identity: Identity, token: Token, who: str) -> GateEvidence:
    """The rights to log on over the network: who is denied it has lost, whatever else is allowed ([MS-LSAD] 3.1.1.2.1)."""
    by_name = {one.name: one.holders for one in entitled}
    denied, allowed = by_name.get(rights.DENY_NETWORK_LOGON, NOT_GATHERED), by_name.get(rights.NETWORK_LOGON, NOT_GATHERED)
    no, yes = _holds(denied, identity, token), _holds(allowed, identity, token)
    if isinstance(no, str):
        return GateEvidence(NETWORK_LOGON, REFUSED, f"{no} has the right {rights.DENY_NETWORK_LOGON}, which keeps {who} from logging on over the network.")
    if isinstance(yes, Unknown) or isinstance(no, Unknown):
        why = yes if isinstance(yes, Unknown) else t.cast(Unknown, no)
        return GateEvidence(NETWORK_LOGON, why, f"Whether {who} may log on over the network is not known: {why.unknown}.")
    if yes is None:
        return GateEvidence(NETWORK_LOGON, REFUSED, f"Neither {who} nor one of its groups has the right {rights.NETWORK_LOGON}.")
    return GateEvidence(NETWORK_LOGON, ALLOWED, f"{yes} has the right {rights.NETWORK_LOGON}, and nobody denies it.")


def _holds(holders: Known[tuple[str, ...]], identity: Identity, token: Token) -> Known[str] | None:
    """The holder through whom the user has a right; None where it has not."""
    if isinstance(holders, Unknown):
        return holders
    doubt: Unknown | None = None
    for holder in holders:
        has = token.has(holder, denies=True) if is_sid(holder) else _is_named(holder, identity)
        if has:
            return name_of(holder)
        if has is None:
            doubt = doubt or Unknown(f"it hangs on whether it belongs to {name_of(holder)}")
    return doubt


def _is_named(holder: str, identity: Identity) -> bool | None:
    """Whether a name without a SID, as secedit writes accounts of the host, is the user's."""
    domain, slash, name = holder.rpartition("\\")
    if groups.folded("", name) != groups.folded("", identity.name):
        # It may be a group. Those of the reader's own session all have their SIDs.
        return False if "" in identity.complete else None
    if slash:
        return domain.lower() in identity.domains if identity.domains else None
    return identity.local if isinstance(identity.local, bool) else None


def _resource(gate: str, resource: str, wanted: int, asked: _Asked) -> GateEvidence:
    """What the descriptor of a resource says."""
    if isinstance(asked.described, Unknown):
        return GateEvidence(gate, asked.described, f"Whether {asked.who} is allowed {WORDS[gate]} is not known: {asked.described.unknown}.")
    guard = guard_of(resource, asked.described)
    if isinstance(guard, Unknown):
        return GateEvidence(gate, guard, f"Whether {asked.who} is allowed {WORDS[gate]} is not known: {guard.unknown}.")
    if not guard.enabled:
        return GateEvidence(gate, REFUSED, f"The plugin {guard.where} is switched off, so that nobody is allowed {WORDS[gate]}.")
    try:
        descriptor = sddl.for_winrm(sddl.parse(guard.sddl, asked.domain, asked.machine))
    except sddl.SddlError as error:
        why = f"the descriptor of {guard.where} cannot be read: {error}"
        return GateEvidence(gate, Unknown(why), f"Whether {asked.who} is allowed {WORDS[gate]} is not known: {why}.")
    verdict = sddl.check(descriptor, asked.token, wanted)
    return GateEvidence(gate, verdict.outcome, _sentence(gate, guard.where, verdict, _missed(descriptor, asked.token, wanted), asked.who))


def guard_of(resource: str, described: t.Sequence[DescriptorEvidence]) -> Known[DescriptorEvidence]:
    """The descriptor that guards a resource: the plugin's whose resource is this one, or the longest beginning of it; else RootSDDL."""
    low = resource.lower()
    fits = [one for one in described if one.resource and (low == one.resource.lower() or low.startswith(f"{one.resource.lower().rstrip('/')}/"))] if low else []
    own = max(fits, key=lambda one: len(one.resource), default=None)
    root = next((one for one in described if one.where == ROOT), None)
    if own is not None and (own.sddl or not own.enabled):
        return own
    if own is None and low in (POWERSHELL, WMI):
        # Both are plugins: where theirs was not read, RootSDDL says nothing of them.
        return Unknown("no plugin for it was read")
    return root or Unknown(f"{ROOT} could not be read")


def _missed(descriptor: Descriptor, token: Token, wanted: int) -> str:
    """Why an entry that seems to fit does not: the two that surprise people."""
    entries = [ace for ace in descriptor.dacl or () if ace.allows and not ace.inherit_only and ace.mask & wanted]
    if any(ace.trustee in token.deny_only for ace in entries):
        return " The entry for Administrators does not count, for UAC takes that group from accounts of the host over the network."
    if any(ace.trustee == INTERACTIVE for ace in entries):
        return " The entry for INTERACTIVE does not count over the network."
    return ""


def _sentence(gate: str, where: str, verdict: Verdict, missed: str, who: str) -> str:
    what = WORDS[gate]
    if isinstance(verdict.outcome, Unknown):
        entry = f" at {verdict.ace.words()}" if verdict.ace else ""
        return f"{where} leaves open whether {who} is allowed {what}{entry}: {verdict.outcome.unknown}."
    if verdict.outcome == ALLOWED:
        besides = " Each namespace has a descriptor of its own besides." if gate == "wmi" else ""
        return f"{where} allows {who} {what}: {verdict.ace.words()}.{besides}" if verdict.ace else f"{where} has no list and allows everybody {what}.{besides}"
    if verdict.ace:
        return f"{where} forbids {who} {what}: {verdict.ace.words()}."
    return f"No entry of {where} allows {who} {what}.{missed}"


def _connection(gates: t.Sequence[GateEvidence], connection: str) -> GateEvidence:
    """The inventory's connection: the logon, then the shell it cannot do without."""
    by_name = {one.gate: one for one in gates}
    steps = [by_name[NETWORK_LOGON], by_name[SHELL_OF.get(connection, "powershell")]]
    refused = next((one for one in steps if one.outcome == REFUSED), None)
    doubtful = next((one for one in steps if isinstance(one.outcome, Unknown)), None)
    decides = refused or doubtful or steps[-1]
    return GateEvidence(CONNECTION, decides.outcome, f"The connection {connection}: {decides.why}")
