# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rule of Windows Firewall: read from the string that the registry holds ([MS-GPFAS] 2.2.2.19), and whom it concerns.

Only rules that can decide about a TCP port of the kernel's HTTP listener are of interest. Names of rules decide nothing: they differ by version, language
and administrator.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.host import DOMAIN, PRIVATE, PUBLIC, RuleEvidence

TCP, ANY = "6", "256"
ACTIONS = {"allow": "allow", "block": "block", "bypass": "bypass"}
PROFILES = {"domain": DOMAIN, "private": PRIVATE, "public": PUBLIC}
LONGEST = 260
KERNEL = "system"
"""The program of HTTP.sys, which holds WinRM's ports: rules for a program's path or a service's host process do not concern it."""
LOCAL_SUBNET = "localsubnet"
NARROWING = {
    "ruauth": "users", "rmauth": "computers", "luauth": "users", "luauth2_24": "users", "luown": "users", "if": "interfaces", "iftype": "interfaces",
    "security": "security", "security2": "security", "security2_9": "security", "svc": "service", "apppkgid": "service", "rport": "remote ports",
    "rport2_10": "remote ports", "nnm": "networks", "ttk": "networks", "ttk2_22": "networks", "ttk2_27": "networks", "ttk2_28": "networks",
    "platform": "versions of Windows", "platform2": "versions of Windows",
}
"""Fields that narrow a rule beyond addresses, and the word for it ([MS-GPFAS] 2.2.2.19; versions of Windows 2.2.2.17 and 18)."""
NEEDS_IPSEC = Unknown("the rule lets in only what IPsec has authenticated")
ADDRESS_UNKNOWN = Unknown("the address of the control node, as the host sees it, is not known")
_VERSION = re.compile(r"^v\d{1,3}\.\d{1,3}$", re.IGNORECASE)
_Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Networks = t.Tuple[t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network], ...]


def parse_rule(id: str, text: str, source: str) -> RuleEvidence | None:
    """An inbound rule that may concern TCP; None for others, and for what is no rule."""
    version, _bar, rest = text.partition("|")
    if not _VERSION.match(version.strip()):
        return None
    fields: dict[str, list[str]] = {}
    for part in rest.split("|"):
        name, equals, value = part.partition("=")
        if equals:
            fields.setdefault(name.strip().lower(), []).append(value.strip())

    def one(name: str) -> str:
        return next(iter(fields.get(name, ())), "")

    action = ACTIONS.get(one("action").lower())
    if action is None or one("dir").lower() != "in" or one("protocol") not in (TCP, ANY, ""):
        return None
    narrowed = {NARROWING[name]: None for name in fields if name in NARROWING}
    return RuleEvidence(
        id=id[:LONGEST], name=one("name")[:LONGEST], enabled=one("active").lower() == "true", action=action, profiles=_profiles(fields.get("profile", ())),
        ports=tuple(_values(fields, "lport")), remote=_addresses(fields, "ra"), local=_addresses(fields, "la"), program=one("app")[:LONGEST], source=source,
        narrowed_by=tuple(narrowed),
    )


def parse_port_exception(id: str, text: str, profiles: t.Sequence[str], source: str) -> RuleEvidence | None:
    """`5985:TCP:192.0.2.0/24,LocalSubnet:enabled:name`: the older form of a policy, "Define inbound port exceptions" [MEM: it is still honoured]."""
    port, protocol, scope, state, name = (*text.split(":", 4), "", "", "", "", "")[:5]
    if not port.strip().isdigit() or protocol.strip().lower() != "tcp":
        return None
    remote = tuple(_tidy(one) for one in scope.split(",") if one.strip() and one.strip() != "*")
    return RuleEvidence(
        id=id[:LONGEST], name=name.strip()[:LONGEST], enabled=state.strip().lower() == "enabled", profiles=tuple(profiles), ports=(port.strip()[:LONGEST],),
        remote=remote, source=source,
    )


def label(rule: RuleEvidence) -> str:
    """The rule for people: its name, or its id where the name is a reference into a file of texts."""
    name = rule.id if not rule.name or rule.name.startswith("@") else rule.name
    return f'"{name:.80}"' + (" (policy)" if rule.source != "local" else "")


def has_port(rule: RuleEvidence, port: int) -> bool:
    """Whether the rule is about this local port; a rule without ports is about all."""
    return not rule.ports or names_port(rule, port)


def names_port(rule: RuleEvidence, port: int) -> bool:
    """Whether one of its ports or ranges is this one. Words such as RPC stand for ports that others listen on."""
    return any(low <= port <= high for low, high in map(_range, rule.ports))


def concerns_kernel(rule: RuleEvidence) -> bool:
    """Whether the rule holds for what HTTP.sys listens on."""
    return rule.program.lower() in ("", KERNEL, "any") and "service" not in rule.narrowed_by


def is_plain(rule: RuleEvidence) -> bool:
    """Whether it holds for every peer on every interface."""
    return not rule.remote and not rule.local and not rule.narrowed_by and rule.action != "bypass"


def admits(rule: RuleEvidence, peer: str, host: str, subnets: Networks) -> Known[bool]:
    """Whether the rule holds for a connection of `peer` to `host`, both as text; False only where that is certain."""
    verdicts = [_within(rule.remote, peer, subnets)]
    if rule.local:
        verdicts.append(_within(rule.local, host, ()))
    if rule.action == "bypass" or {"security", "computers", "users"} & set(rule.narrowed_by):
        verdicts.append(NEEDS_IPSEC)
    if others := [word for word in rule.narrowed_by if word not in ("security", "computers", "users")]:
        verdicts.append(Unknown(f"the rule is narrowed by {', '.join(others)}"))
    if False in verdicts:
        return False
    return next((one for one in verdicts if isinstance(one, Unknown)), True)


def either(verdicts: t.Iterable[Known[bool]]) -> Known[bool]:
    """True where one is; False where all are; else the first doubt."""
    seen = list(verdicts)
    if any(one is True for one in seen):
        return True
    return next((one for one in seen if isinstance(one, Unknown)), False)


def network(address: str, mask: str) -> Networks:
    """One network of an address and its mask or prefix length; none where they make no sense."""
    try:
        found = ipaddress.ip_network(f"{address.strip()}/{mask.strip()}", strict=False)
    except ValueError:
        return ()
    # An adapter without an address has 0.0.0.0.
    return () if found.network_address.is_unspecified else (found,)


def _profiles(named: t.Iterable[str]) -> tuple[str, ...]:
    """Without any, all; a profile of a word that is not known is none of ours."""
    words = [word.lower() for word in named]
    if not words or "all" in words:
        return tuple(PROFILES.values())
    return tuple(dict.fromkeys(PROFILES[word] for word in words if word in PROFILES))


def _values(fields: t.Mapping[str, list[str]], start: str) -> t.Iterator[str]:
    """Values of a field and of its later spellings, such as LPort, LPort2_10, LPort2_20."""
    for name, values in fields.items():
        if re.fullmatch(rf"{start}(?:2_\d+)?", name):
            yield from (value[:LONGEST] for value in values if value and value != "*")


def _addresses(fields: t.Mapping[str, list[str]], start: str) -> tuple[str, ...]:
    values = (value for name in (f"{start}4", f"{start}6", f"{start}42", f"{start}62") for value in fields.get(name, ()))
    return tuple(dict.fromkeys(_tidy(value) for value in values if value and value not in ("*", "Any")))


def _tidy(address: str) -> str:
    """Networks with a prefix length, whatever form they are stored in; words and what is not understood as they stand."""
    address = address.strip()[:LONGEST]
    if "/" not in address:
        return address
    try:
        return str(ipaddress.ip_network(address, strict=False))
    except ValueError:
        return address


def _range(port: str) -> tuple[int, int]:
    low, _dash, high = port.partition("-")
    try:
        return int(low), int(high or low)
    except ValueError:
        return 1, 0


def _within(addresses: t.Sequence[str], peer: str, subnets: Networks) -> Known[bool]:
    """Whether an address is among those of a rule; none means all."""
    if not addresses:
        return True
    address = _address(peer)
    if address is None:
        return ADDRESS_UNKNOWN
    return either(_is_one(address, one, subnets) for one in addresses)


def _is_one(address: _Address, wanted: str, subnets: Networks) -> Known[bool]:
    low, dash, high = wanted.partition("-")
    try:
        if dash:
            first, last = ipaddress.ip_address(low.strip()), ipaddress.ip_address(high.strip())
            return first.version == address.version and int(first) <= int(address) <= int(last)
        return address in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        pass
    if wanted.lower() == LOCAL_SUBNET:
        return _in_subnet(address, subnets)
    return Unknown(f"who belongs to {wanted:.40} is not known")


def _in_subnet(address: _Address, subnets: Networks) -> Known[bool]:
    if address.is_link_local or any(address in one for one in subnets):
        return True
    if any(one.version == address.version for one in subnets):
        return False
    return Unknown("the host's subnets are not known")


def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
