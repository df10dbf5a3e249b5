# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service principal names: how they are spelt and compared, which ones HOST stands for, and who in a forest carries them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import DoctorError
from ..evidence.directory import OwnerEvidence, SpnEvidence
from ..target import is_address
from .accounts import DISABLED
from .entries import Entry, escape
from .ldap import Ldap
from .notation import dns_of_dn
from .refusal import LdapError

HOST = "host"
WINRM_CLASSES = ("HTTP", "WSMAN", "HOST")
"""What clients of WinRM ask for: pywinrm and Windows HTTP, psrp WSMAN or, since ansible-core 2.21, HOST."""
USUAL_SPELLING = {name.lower(): name for name in ("HTTP", "WSMAN", "HOST", "TERMSRV", "RestrictedKrbHost", "cifs", "ldap", "GC", "DNS", "MSSQLSvc")}
DEFAULT_MAPPINGS = (
    "host=alerter,appmgmt,cisvc,clipsrv,browser,dhcp,dnscache,replicator,eventlog,eventsystem,policyagent,oakley,dmserver,dns,mcsvc,fax,msiserver,ias,"
    "messenger,netlogon,netman,netdde,netddedsm,nmagent,plugplay,protectedstorage,rasman,rpclocator,rpc,rpcss,remoteaccess,rsvp,samss,scardsvr,scesrv,"
    "seclogon,scm,dcom,cifs,spooler,snmp,schedule,tapisrv,trksvr,trkwks,ups,time,wins,www,http,w3svc,iisadmin,msdtc",
)
"""sPNMappings as every forest is made ([MS-ADA3] 2.276; the values are those of Samba's provision_configuration.ldif, which took them from Windows)."""
MAPPINGS_DN = "CN=Directory Service,CN=Windows NT,CN=Services,"
GLOBAL_CATALOG_PORTS = (3268, 3269)
OWNER_ATTRIBUTES = ("objectClass", "sAMAccountName", "userAccountControl", "servicePrincipalName")
"""All of them are in the global catalogue's partial attribute set ([MS-ADA1], [MS-ADA3]: isMemberOfPartialAttributeSet)."""
SERVICE_CLASSES = frozenset(("msds-managedserviceaccount", "msds-groupmanagedserviceaccount", "msds-delegatedmanagedserviceaccount"))
STRANGE = "@*\\\"<>"
"""Characters that no SPN has, and that show a realm, a pattern or a user name where an SPN was meant."""
OF_EVERY_DOMAIN = frozenset(("kadmin/changepw",))
"""The krbtgt of every domain carries it, and clients ask for it in their own realm only: no duplicate."""
FILTER_SIZE = 40
"""SPNs asked for in one search."""
MOST = 100_000

Mappings = t.Mapping[str, str]
"""Service class -> the class that stands for it, both in lower case."""


@dataclass(frozen=True)
class Spn:
    """`service/host[:port][/name]` ([MS-ADTS] 2.2.21); the port may also be an instance's name."""

    service: str
    host: str
    port: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """As it is written into the directory."""
        return f"{self.service}/{self.host}{f':{self.port}' if self.port else ''}{f'/{self.name}' if self.name else ''}"

    @property
    def key(self) -> str:
        """What two spellings of one SPN have in common: Active Directory compares without regard to case."""
        return self.text.lower()

    def of(self, service: str) -> Spn:
        """The same with another service class."""
        return Spn(service, self.host, self.port, self.name)


def parse(text: str) -> Spn:
    """An SPN; raises DoctorError. Well-known classes get their usual spelling, which MIT's KDC insists on."""
    spn = read(text.strip())
    if spn is None:
        raise DoctorError(
            f"The SPN {text!r} is malformed", expected="class/host, class/host:port or class/host/name without spaces, such as WSMAN/web01.example.com",
            value=text,
        )
    return spn


def read(text: str) -> Spn | None:
    """An SPN, or None where it has not the form of one: the directory accepts any text ([MS-ADA3] 2.253)."""
    parts = text.split("/", 2)
    if len(parts) < 2 or not all(parts) or any(char.isspace() or not char.isprintable() or char in STRANGE for char in text):
        return None
    # An IPv6 address is all colons; Windows asks for it where TryIPSPN is set.
    host, colon, port = (parts[1], "", "") if is_address(parts[1]) else parts[1].partition(":")
    if not host or (colon and not port) or ":" in port or ":" in parts[0] or (len(parts) == 3 and parts[2].startswith("/")):
        return None
    return Spn(USUAL_SPELLING.get(parts[0].lower(), parts[0]), host, port, parts[2] if len(parts) == 3 else "")


def same(one: str, other: str) -> bool:
    """Whether two texts are one SPN to Active Directory."""
    return one.lower() == other.lower()


def is_near(one: str, other: str) -> bool:
    """Whether two texts have their name or their class in common."""
    return any(mine == others for mine, others in zip(one.lower().split("/", 1), other.lower().split("/", 1), strict=False))


def service_of(text: str) -> str:
    """The service class in lower case, of any value that may stand in the directory."""
    return text.partition("/")[0].lower()


def parse_mappings(values: t.Iterable[str]) -> dict[str, str]:
    """sPNMappings, `alias=class1,class2` ([MS-DRSR] 4.1.4.2.19, MapSPN)."""
    found: dict[str, str] = {}
    for value in values:
        alias, equals, classes = value.partition("=")
        if equals and alias.strip():
            found.update({one.strip().lower(): alias.strip().lower() for one in classes.split(",") if one.strip()})
    return found


def mappings(ldap: Ldap) -> dict[str, str]:
    """The forest's sPNMappings, or the default ones where they cannot be read or are not there.

    They never are at a global catalogue's port: the attribute is not in its partial set ([MS-ADA3] 2.276, [MS-ADTS] 3.1.1.1.8).
    """
    base = MAPPINGS_DN + ldap.root().text("configurationNamingContext")
    try:
        values = [value for entry in ldap.search(base, "(objectClass=*)", ("sPNMappings",), scope="base") for value in entry.texts("sPNMappings")]
    except LdapError:
        values = []
    return parse_mappings(values or DEFAULT_MAPPINGS)


def alias_of(spn: Spn, mapped: Mappings) -> Spn | None:
    """The SPN that stands for this one as well: HOST/web01 for HTTP/web01. None where there is none."""
    alias = mapped.get(spn.service.lower())
    return spn.of(USUAL_SPELLING.get(alias, alias)) if alias and alias != spn.service.lower() else None


def siblings(host: str, domain: str = "", services: t.Sequence[str] = WINRM_CLASSES) -> tuple[str, ...]:
    """The SPNs that a host should have: each class with its full and with its short name. None for an address, which no host registers by itself."""
    name = host.strip().rstrip(".").lower()
    if not name or is_address(name):
        return ()
    full = name if "." in name or not domain else f"{name}.{domain.lower()}"
    return tuple(f"{service}/{one}" for service in services for one in dict.fromkeys((full, name.partition(".")[0])))


def base_of(ldap: Ldap) -> str:
    """Where a search sees most: the whole forest at a global catalogue, else the domain."""
    return "" if ldap.port in GLOBAL_CATALOG_PORTS else ldap.root().text("defaultNamingContext")


def owner_of(entry: Entry) -> OwnerEvidence:
    """An account that was found with OWNER_ATTRIBUTES."""
    classes = {name.lower() for name in entry.texts("objectClass")}
    # Managed service accounts are computers by inheritance ([MS-ADSC] 2.140 and 2.142), so they come first.
    kind = "service" if classes & SERVICE_CLASSES else "computer" if "computer" in classes else "user"
    enabled = not (entry.number("userAccountControl") or 0) & DISABLED
    return OwnerEvidence(entry.text("sAMAccountName"), entry.dn, kind, enabled, dns_of_dn(entry.dn))


def owners(ldap: Ldap, spn: str) -> tuple[OwnerEvidence, ...]:
    """Who carries exactly this SPN: in the forest where `ldap` is connected to a global catalogue, else in the domain."""
    return carriers(ldap, (spn,)).get(spn.lower(), ())


def carriers(ldap: Ldap, spns: t.Iterable[str]) -> dict[str, tuple[OwnerEvidence, ...]]:
    """SPN in lower case -> who carries it; SPNs that nobody carries are left out."""
    wanted, base = sorted({spn.lower() for spn in spns}), base_of(ldap)
    found: dict[str, dict[str, OwnerEvidence]] = {}
    for start in range(0, len(wanted), FILTER_SIZE):
        some = wanted[start : start + FILTER_SIZE]
        terms = "".join(f"(servicePrincipalName={escape(spn)})" for spn in some)
        _collect(found, ldap.search(base, f"(|{terms})", OWNER_ATTRIBUTES), set(some))
    return _sorted(found)


def seen_spns(ldap: Ldap, spns: t.Sequence[str], mapped: Mappings, own: str = "") -> tuple[SpnEvidence, ...]:
    """Each SPN with its owners and those whose HOST/ of the same name stands for it. `own` is the one the inventory's connection asks for."""
    aliases = {spn: alias.text for spn in spns if (one := read(spn)) and (alias := alias_of(one, mapped))}
    found = carriers(ldap, (*spns, *aliases.values()))
    return tuple(
        SpnEvidence(spn, found.get(spn.lower(), ()), covered_by=found.get(aliases.get(spn, "").lower(), ()), own=same(spn, own)) for spn in dict.fromkeys(spns)
    )


def matching(ldap: Ldap, pattern: str, *, most: int = MOST) -> dict[str, tuple[OwnerEvidence, ...]]:
    """SPNs that fit a pattern such as HTTP/* or */web01*, as `setspn -Q` has it -> owners. Each is spelt as the first of them carries it."""
    text = "*".join(escape(part) for part in pattern.split("*"))
    parts = [part.lower() for part in pattern.split("*")]
    found: dict[str, dict[str, OwnerEvidence]] = {}
    spelt = _collect(found, ldap.search(base_of(ldap), f"(servicePrincipalName={text})", OWNER_ATTRIBUTES, most=most), lambda spn: fits(spn, parts))
    return {spelt[spn]: who for spn, who in _sorted(found).items()}


def fits(spn: str, parts: t.Sequence[str]) -> bool:
    """Whether a text in lower case fits a pattern that was split at its asterisks."""
    if len(parts) == 1:
        return spn == parts[0]
    if not spn.startswith(parts[0]) or not spn[len(parts[0]) :].endswith(parts[-1]):
        return False
    at, end = len(parts[0]), len(spn) - len(parts[-1])
    for part in parts[1:-1]:
        place = spn.find(part, at, end)
        if place < 0:
            return False
        at = place + len(part)
    return at <= end


def duplicates(ldap: Ldap, pattern: str = "*", *, most: int = MOST) -> tuple[SpnEvidence, ...]:
    """SPNs that more than one account carries, as `setspn -X` looks for them; `-F` as well where `ldap` is connected to a global catalogue."""
    found = matching(ldap, pattern, most=most)
    return tuple(SpnEvidence(spn, who) for spn, who in found.items() if len(who) > 1 and spn.lower() not in OF_EVERY_DOMAIN)


def _collect(found: dict[str, dict[str, OwnerEvidence]], entries: t.Iterable[Entry], wanted: set[str] | t.Callable[[str], bool]) -> dict[str, str]:
    """Add who carries which of the wanted SPNs; the last entry of a DN counts. Returns how each of them is spelt by its owner with the first DN."""
    fits_one = wanted if callable(wanted) else wanted.__contains__
    spelt: dict[str, tuple[str, str]] = {}
    for entry in entries:
        owner = owner_of(entry)
        for value in entry.texts("servicePrincipalName"):
            spn = value.lower()
            if fits_one(spn):
                found.setdefault(spn, {})[entry.dn.lower()] = owner
                spelt[spn] = min(spelt.get(spn, (entry.dn.lower(), value)), (entry.dn.lower(), value))
    return {spn: spelling for spn, (_dn, spelling) in spelt.items()}


def _sorted(found: t.Mapping[str, t.Mapping[str, OwnerEvidence]]) -> dict[str, tuple[OwnerEvidence, ...]]:
    return {spn: tuple(who[dn] for dn in sorted(who)) for spn, who in sorted(found.items())}
