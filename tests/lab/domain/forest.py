# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All realms that a lab needs, as one: started together, stopped together, told to the guests."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import typing as t
from pathlib import Path

from ..inside.derive import invented_sid
from ..scenario import Host
from . import keytab
from .controller import KDC_PORT, LDAP_PORTS, Controller, Faults
from .realm import LAB, OTHER, Realm
from .settings import Settings
from .wishes import ROLES, Json, Passwords, secrets_file, wishes

if t.TYPE_CHECKING:
    from ..pki import Pki

T = t.TypeVar("T")
Records = dict[tuple[str, str], list[str]]
"""Name with its final dot, and type, to the records' text."""
FOREST_TRANSITIVE = 0x8
"""trustAttributes ([MS-ADTS] 6.1.6.7.9)."""
INBOUND, OUTBOUND, BOTH = 1, 2, 3
"""trustDirection ([MS-ADTS] 6.1.6.7.12)."""
SRV = {
    "_ldap._tcp": 389, "_ldap._tcp.dc._msdcs": 389, "_ldap._tcp.pdc._msdcs": 389, "_ldap._tcp.Default-First-Site-Name._sites": 389,
    "_ldap._tcp.Default-First-Site-Name._sites.dc._msdcs": 389, "_ldap._tcp.gc._msdcs": 3268, "_gc._tcp": 3268, "_gc._tcp.Default-First-Site-Name._sites": 3268,
    "_kerberos._tcp": 88, "_kerberos._udp": 88, "_kerberos._tcp.dc._msdcs": 88, "_kerberos._tcp.Default-First-Site-Name._sites": 88,
    "_kerberos._tcp.Default-First-Site-Name._sites.dc._msdcs": 88, "_kpasswd._tcp": 464, "_kpasswd._udp": 464,
}
"""What a domain controller registers ([MS-ADTS] 6.3.2.3)."""


class Forest:
    """The lab's domain. `folder` is the lab's own."""

    def __init__(self, hosts: t.Sequence[Host], folder: Path, settings: Settings, shared: tuple[str, str], users: t.Mapping[tuple[str, str], str]) -> None:
        self.hosts, self.folder, self.settings, self.shared = hosts, folder, settings, shared
        self.known = Passwords({name: password() for name in ("Administrator", *ROLES)}, users, password)
        self.realms: dict[str, Realm] = {"lab": LAB, **({"other": OTHER} if any(host.needs_other for host in hosts) else {})}
        faults = Faults(settings.kdc, settings.ldap, settings.clock)
        self.controllers = [Controller(realm, folder / realm.flat.lower(), faults if realm == LAB else Faults()) for realm in self.realms.values()]
        self._silenced: list[socket.socket] = []

    def keytab(self, host: Host) -> str:
        """Where the keytab of a host stands once the domain is up; "" for one that has none."""
        return str(self.folder / f"{host.name}.keytab") if host.domain and host.directory.get("computer") != "missing" else ""

    def sid(self, realm: Realm, name: str) -> str:
        """The SID of an account, of the domain itself where the name is empty; one made up for what the directory does not have."""
        one = next((one for one in self.controllers if one.realm == realm), None)
        known = one.sid if one and not name else one.sids.get(name.lower(), "") if one else ""
        return known or invented_sid(realm, name)

    async def start(self, pki: Pki) -> None:
        """Up and populated; raises DomainError or OSError, and then `stop` clears up."""
        shown = {LAB: (self.settings.certificate,)}
        machines = [
            Host(realm.controller, realm.address, "Nothing.", realm=kind, certificate=shown.get(realm, ("good",))) for kind, realm in self.realms.items()
        ]
        certificates = [pki.issue(machine)[0] for machine in machines]
        sids = await _together(
            *(asyncio.to_thread(one.prepare, certificate, pki.bundle) for one, certificate in zip(self.controllers, certificates, strict=True))
        )
        await _together(*(asyncio.to_thread(one.populate, wish) for one, wish in zip(self.controllers, self._wishes(sids), strict=True)))
        self._write()
        await _together(*(one.start() for one in self.controllers))
        self._silence()

    def _wishes(self, sids: t.Sequence[str]) -> list[Json]:
        """For each realm; trusts need the SID of the other side."""
        wanted = [wishes(one.realm, self.hosts, self.shared if one.realm == LAB else None, self.known) for one in self.controllers]
        if len(wanted) == 2:
            for wish, partner, sid, row in zip(wanted, (OTHER, LAB), reversed(sids), trusts(self.settings.trust), strict=True):
                wish["trusts"] = [{**row, "partner": partner.dns, "flat": partner.flat, "sid": sid}] if row else []
        return wanted

    async def stop(self) -> None:
        """Down; the folder is the lab's to remove."""
        for sock in self._silenced:
            sock.close()
        await asyncio.gather(*(one.stop() for one in self.controllers))

    def _write(self) -> None:
        """Keytabs, krb5.conf, and the private file with the accounts."""
        for host in self.hosts:
            one = next((one for one in self.controllers if one.realm == host.domain), None)
            stored: Json | None = one.keys.get(host.computer) if one else None
            if one and stored:
                keys = {int(kind): bytes.fromhex(key) for kind, key in stored["keys"].items()}
                keytab.write(self.folder / f"{host.name}.keytab", keytab.keytab(f"{host.computer}$@{one.realm.name}", stored["version"], keys))
        (self.folder / "krb5.conf").write_text(self.settings.krb5.text(list(self.realms.values())), encoding="utf-8")
        accounts = json.dumps(secrets_file(self.realms, self.shared, self.known), indent=1)
        keytab.write(self.folder / "accounts.json", accounts.encode())

    def _silence(self) -> None:
        """Ports that drop what comes."""
        from ..server import stuff

        for name, ports in (("kdc", (KDC_PORT,)), ("ldap", LDAP_PORTS)):
            if getattr(self.settings, name) == "silent":
                for port in ports:
                    self._silenced += stuff(LAB.address, port)
        if self.settings.kdc == "silent":
            # Bound and never read: no "port unreachable" comes back.
            deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            deaf.bind((LAB.address, KDC_PORT))
            self._silenced.append(deaf)

    @property
    def reader(self) -> tuple[str, str]:
        """Name and password of an account that may read the directory and nothing else."""
        return f"reader@{LAB.name}", self.known.roles["reader"]

    def environment(self) -> dict[str, str]:
        """What a guest's environment says of it: paths, names and addresses, no secret."""
        lab = self.controllers[0]
        return {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5CCNAME": f"FILE:{self.folder / 'krb5cc'}", "WINRM_DOCTOR_LAB_REALM": LAB.name,
            "WINRM_DOCTOR_LAB_DC": LAB.fqdn, "WINRM_DOCTOR_LAB_DC_ADDRESS": LAB.address, "WINRM_DOCTOR_LAB_ACCOUNTS": str(self.folder / "accounts.json"),
            "WINRM_DOCTOR_LAB_SAM": str(lab.folder / "private" / "sam.ldb"), "WINRM_DOCTOR_LAB_SMB_CONF": str(lab.folder / "smb.conf"),
        }

    def records(self) -> Records:
        """What the controllers register in DNS."""
        found: Records = {}
        for realm in self.realms.values():
            target = f"{realm.fqdn}."
            found[target, "A"] = [realm.address]
            found[f"{realm.dns}.", "A"] = found[f"gc._msdcs.{realm.dns}.", "A"] = [realm.address]
            found[".".join(reversed(realm.address.split("."))) + ".in-addr.arpa.", "PTR"] = [target]
            srv = self.settings.srv if realm == LAB else "good"
            for name, port in SRV.items() if srv != "missing" else ():
                found[f"{name.lower()}.{realm.dns}.", "SRV"] = [f"0 100 {port} {target if srv == 'good' else f'gone.{realm.dns}.'}"]
        return found


async def _together(*waits: t.Awaitable[T]) -> list[T]:
    """All at once, and to the end even where one fails: what still runs would write into a folder that is being removed."""
    done = await asyncio.gather(*waits, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return t.cast("list[T]", done)


def password() -> str:
    """One that every policy takes: four kinds of characters."""
    return f"Lab1-{secrets.token_urlsafe(12)}"


def trusts(kind: str) -> tuple[Json | None, Json | None]:
    """The trusted domain objects in LAB and in OTHER.

    `one_way`: OTHER trusts LAB, so its own users are strangers in LAB. `broken`: the two sides have different passwords.
    """
    if kind == "missing":
        return None, None
    ours, theirs = password(), password()
    directions = (INBOUND, OUTBOUND) if kind == "one_way" else (BOTH, BOTH)
    changed = password() if kind == "broken" else theirs
    return (
        {"direction": directions[0], "attributes": FOREST_TRANSITIVE, "incoming": ours, "outgoing": changed},
        {"direction": directions[1], "attributes": FOREST_TRANSITIVE, "incoming": theirs, "outgoing": password() if kind == "broken" else ours},
    )
