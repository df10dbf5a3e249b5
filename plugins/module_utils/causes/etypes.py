# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which side leaves no encryption type in common: krb5.conf, the account, or the computer."""

from __future__ import annotations

import typing as t

from .. import commands
from ..evidence.case import Case
from ..evidence.logon import NOT_TRIED
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import coded, directories, logons

NO_COMMON_TYPE = 14
"""KDC_ERR_ETYPE_NOSUPP."""
DES, RC4, AES = 0x03, 0x04, 0x18 | 0xC0
"""Bits of msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7); AES with SHA-1 and with SHA-2."""
CLIENT_SETTINGS = ("permitted_enctypes", "default_tkt_enctypes", "default_tgs_enctypes")
BY_HAND = "Compare msDS-SupportedEncryptionTypes of account and host with krb5.conf's permitted_enctypes; on the controller Security 4768 and 4769, code 0xE."


def findings(case: Case) -> list[Finding]:
    """The side that has too little; [] where that is not known, and the code stands for itself."""
    said = coded.said(case, NO_COMMON_TYPE)
    attempt = logons.own(case)
    if not directories.stake(case) or (said is None and attempt is not None and attempt.outcome != NOT_TRIED):
        return []
    narrow = _client(case)
    if narrow is not None and "aes" not in narrow[1]:
        return _narrow_client(case, said, narrow[0])
    allows = narrow[1] if narrow else frozenset()
    insists = "krb5.conf of this control node accepts AES alone" if narrow and "rc4" not in allows else "this control node or the KDC insists on AES"
    for side in _sides(case):
        bits = side.bits or 0
        if side.des_only or (bits & DES and not bits & (RC4 | AES)):
            return [_account(case, said, side, "des_only", "DES alone, which nobody speaks any more")]
        if bits & RC4 and not bits & AES and (said is not None or (allows and "rc4" not in allows)):
            return [_account(case, said, side, "rc4_only", f"RC4 alone, and {insists}")]
    return []


def _client(case: Case) -> tuple[str, frozenset[str]] | None:
    """The setting of krb5.conf that limits the types, and their families; None where nothing is set, and MIT's own list holds, which has AES."""
    for name in CLIENT_SETTINGS:
        value = directories.setting(case, name)
        if value:
            return f"{name} = {value}", families(value)
    return None


def families(text: str) -> frozenset[str]:
    """`aes256-cts arcfour-hmac` as families (krb5.conf(5), encryption types)."""
    found = set()
    for word in text.lower().replace(",", " ").split():
        off, name = word.startswith("-"), word.lstrip("+-")
        family = "aes" if name.startswith("aes") else "rc4" if name.startswith(("rc4", "arcfour")) else "des" if name.startswith("des") else ""
        if name.startswith("default"):
            found |= {"aes", "rc4"}
        elif family and not off:
            found.add(family)
        elif family and name in ("aes", "rc4", "des"):
            found.discard(family)
    return frozenset(found)


class Side(t.NamedTuple):
    """An account whose keys are needed."""

    kind: str
    """`account` or `computer`."""
    name: str
    dn: str
    bits: int | None
    des_only: bool = False


def _sides(case: Case) -> list[Side]:
    known, computer = directories.account(case), directories.computer(case)
    found = [Side("account", known.name, known.dn, known.encryption_types, known.des_only)] if known else []
    return found + ([Side("computer", computer.name, computer.dn, computer.encryption_types)] if computer else [])


def _narrow_client(case: Case, said: coded.Coded | None, setting: str) -> list[Finding]:
    known = directories.krb5(case)
    fact = Fact(f"krb5.conf sets {setting}", ", ".join(known.config_files) if known else "krb5.conf", "controller")
    verdict = directories.at_most(coded.strength(case, said), LIKELY if said is None else CONFIRMED)
    remedy = Remedy("Delete the setting, or add AES to it", "[libdefaults] permitted_enctypes = aes256-cts aes128-cts")
    return [
        Finding(cause, "client_enctypes", directories.at_most(verdict, LIKELY), "krb5.conf of this control node permits no AES, which the domain insists on.",
                (*coded.heard(said), fact), next_check=BY_HAND, remedies=(remedy,), tied_with=(other,), weight=weight)
        for cause, other, weight in (("encryption_types", "control_node", 78), ("control_node", "encryption_types", 77))
    ]


def _account(case: Case, said: coded.Coded | None, side: Side, rule: str, what: str) -> Finding:
    narrow = _client(case)
    known = directories.krb5(case)
    stands = f"msDS-SupportedEncryptionTypes of {side.name} is {side.bits}" if side.bits is not None else f"userAccountControl of {side.name} says DES only"
    facts = (*coded.heard(said), directories.read_fact(case, stands, side.dn, of_host=side.kind == "computer"))
    user = side.kind == "account"
    name = commands.word(side.name)
    how = f"Set-ADUser {name}" if user else f"Set-ADComputer {name.rstrip('$')}"
    renew = f"; Set-ADAccountPassword {name} -Reset" if user else "; on the host: nltest /sc_change_pwd:DOMAIN"
    if narrow is not None:
        facts += (Fact(f"krb5.conf sets {narrow[0]}", ", ".join(known.config_files) if known else "krb5.conf", "controller"),)
    return Finding(
        "encryption_types",
        f"{side.kind}_{rule}",
        coded.strength(case, said),
        f"The {side.kind} {side.name} may use {what}.",
        facts,
        next_check=BY_HAND,
        remedies=(
            Remedy("Allow AES for it and change its password once: AES keys are made only then", f"{how} -KerberosEncryptionType AES128,AES256{renew}"),
            Remedy("Allow RC4 on the control node", "[libdefaults] permitted_enctypes = ... rc4; allow_rc4 = true", "high"),
        ),
        weight=78,
    )
