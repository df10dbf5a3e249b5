# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be wrong with a whole domain, and the two files that say it: smb.conf of a controller, krb5.conf of the control node."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields
from pathlib import Path

from .realm import Realm

AES = "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96"


@dataclass(frozen=True)
class Krb5:
    """What the control node's krb5.conf says. Defaults are what distributions ship or advise for Active Directory; RC4 is off, as it is in Red Hat's."""

    default_realm: bool = True
    kdc: str = "dns"
    """`dns`: found by SRV records; `explicit`: named in [realms]; `wrong`: named, but nobody lives there."""
    rdns: bool = False
    canonicalize: bool = False
    """dns_canonicalize_hostname."""
    rc4: bool = False

    def text(self, realms: t.Sequence[Realm]) -> str:
        """The whole file."""
        lines = ["[libdefaults]", *([f"    default_realm = {realms[0].name}"] if self.default_realm else []), "    dns_lookup_realm = false"]
        lines += [f"    dns_lookup_kdc = {_flag(self.kdc == 'dns')}", f"    rdns = {_flag(self.rdns)}"]
        lines += [f"    dns_canonicalize_hostname = {_flag(self.canonicalize)}", f"    permitted_enctypes = {AES}{' rc4-hmac' if self.rc4 else ''}"]
        if self.kdc != "dns":
            lines.append("[realms]")
            for realm in realms:
                lines += [f"    {realm.name} = {{", f"        kdc = {'127.66.0.99' if self.kdc == 'wrong' else realm.fqdn}", "    }"]
        lines.append("[domain_realm]")
        for realm in realms:
            lines += [f"    .{realm.dns} = {realm.name}", f"    {realm.dns} = {realm.name}"]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Settings:
    """What is wrong with the whole domain; the defaults are a healthy one."""

    kdc: str = "up"
    """`up`; `refused`: the port is closed; `silent`: a firewall drops what comes."""
    ldap: str = "up"
    """The same for 389, 636, 3268 and 3269."""
    certificate: str = "good"
    """Of LDAPS and StartTLS: `good`, `unknown_root`, `expired`, `wrong_name`."""
    clock: int = 0
    """Seconds the controller's clock is ahead."""
    srv: str = "good"
    """`good`; `missing`: no SRV records; `wrong`: they name a machine that is gone."""
    trust: str = "two_way"
    """Between LAB.TEST and OTHER.TEST: `two_way`; `one_way`: OTHER trusts LAB, not the other way round; `broken`: their passwords differ; `missing`."""
    krb5: Krb5 = field(default_factory=Krb5)


WORDS: dict[str, tuple[str, ...]] = {
    "kdc": ("up", "refused", "silent"), "ldap": ("up", "refused", "silent"), "certificate": ("good", "unknown_root", "expired", "wrong_name"),
    "srv": ("good", "missing", "wrong"), "trust": ("two_way", "one_way", "broken", "missing"),
}
KRB5_WORDS = ("dns", "explicit", "wrong")


def read(given: t.Any) -> Settings:
    """Settings from the scenario file; raises ValueError with a sentence that names the key and what was expected."""
    if not isinstance(given, dict):
        raise ValueError(f"domain holds {given!r}; expected a mapping of what is wrong with the domain")
    _known("domain", given, Settings)
    for key, words in WORDS.items():
        if given.get(key, words[0]) not in words:
            raise ValueError(f"domain {key} holds {given[key]!r}; expected one of {', '.join(words)}")
    if not isinstance(given.get("clock", 0), int):
        raise ValueError(f"domain clock holds {given['clock']!r}; expected a number of seconds")
    krb5 = given.get("krb5", {})
    if not isinstance(krb5, dict):
        raise ValueError(f"domain krb5 holds {krb5!r}; expected a mapping of settings of krb5.conf")
    _known("domain krb5", krb5, Krb5)
    for key, value in krb5.items():
        if key == "kdc" and value not in KRB5_WORDS:
            raise ValueError(f"domain krb5 kdc holds {value!r}; expected one of {', '.join(KRB5_WORDS)}")
        if key != "kdc" and not isinstance(value, bool):
            raise ValueError(f"domain krb5 {key} holds {value!r}; expected true or false")
    return Settings(**{**given, "krb5": Krb5(**krb5)})


def _known(where: str, given: dict[str, t.Any], kind: type) -> None:
    names = tuple(item.name for item in fields(kind))
    if stray := sorted(set(given) - set(names)):
        raise ValueError(f"{where} holds {stray[0]!r}; expected one of {', '.join(names)}")


def _flag(value: bool) -> str:
    return "true" if value else "false"


def smb_conf(realm: Realm, folder: Path, services: t.Sequence[str] = (), certificate: Path | None = None, authority: Path | None = None) -> str:
    """A controller that lives on its own address, and keeps everything in its own folder."""
    tls = [f"tls enabled = {'yes' if certificate else 'no'}"]
    if certificate:
        # One PEM file holds key and chain.
        tls += [f"tls keyfile = {certificate}", f"tls certfile = {certificate}", f"tls cafile = {authority}"]
    lines = [
        f"netbios name = {realm.controller.upper()}", f"realm = {realm.name}", f"workgroup = {realm.flat}", "server role = active directory domain controller",
        # With /32 Samba finds no interface: address and broadcast are the same.
        f"interfaces = {realm.address}/8", "bind interfaces only = yes", "disable netbios = yes", "load printers = no",
        f"server services = {', '.join(services) or 'ldap'}", "ldap server require strong auth = yes",
        f"private dir = {folder}/private", f"state directory = {folder}/state", f"cache directory = {folder}/cache", f"lock directory = {folder}/run",
        f"pid directory = {folder}/run", f"ncalrpc dir = {folder}/run/ncalrpc", f"winbindd socket directory = {folder}/run/winbindd",
        f"ntp signd socket directory = {folder}/run/ntp", f"binddns dir = {folder}/bind-dns",
        "logging = file", f"log file = {folder}/log.samba", "log level = 1",
        *tls,
    ]
    shares = f"[sysvol]\npath = {folder}/state/sysvol\nread only = no\n[netlogon]\npath = {folder}/state/sysvol/{realm.dns}/scripts\nread only = no\n"
    return "[global]\n" + "\n".join(lines) + "\n" + shares
