# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a provisioned directory whose server is not running: `populate.py FOLDER`, the wishes as one JSON object on stdin.

Run by the system's Python. The wishes are what `wishes.py` makes of a scenario. Prints the keys of all computers, and the SIDs of all accounts, as JSON.
Secrets go through these pipes alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
import typing as t

import ldb
import samba
from samba import dsdb, string_to_byte_array
from samba.auth import system_session
from samba.credentials import Credentials
from samba.dcerpc import drsblobs, lsa, security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

Json = dict[str, t.Any]
DISABLED, NORMAL, WORKSTATION, SMARTCARD = 0x2, 0x200, 0x1000, 0x40000
"""userAccountControl ([MS-ADTS] 2.2.16)."""
DES_CRC, DES_MD5, AES128, AES256, RC4 = 1, 3, 17, 18, 23
"""[RFC 3961] 8, [RFC 3962] 7, [RFC 4757] 5."""
ITERATIONS = 4096
AS_IT_IS = [f"local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0"]
"""Samba takes keys as they are given."""
SECOND = 10_000_000
DAY = 86400 * SECOND
INTERVAL = 60 * SECOND
"""100 nanoseconds, the unit of all times here ([MS-DTYP] 2.3.3)."""
RC4_ALONE = 4
"""msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7)."""
SERVERS = "OU=Servers"
WRITE_SPN = "f3a64788-5306-11d1-a9c5-0000f80367c1"
"""schemaIDGUID of servicePrincipalName, and the validated write of the same GUID ([MS-ADTS] 5.1.3.2.1)."""


def main() -> None:
    """Everything that goes through Samba's own rules in one transaction, then what only a raw write can make."""
    folder, wishes = sys.argv[1], json.load(sys.stdin)
    directory = opened(folder)
    base = str(directory.get_default_basedn())
    directory.transaction_start()
    try:
        name_the_controller(directory, wishes["controller"])
        set_policy(directory, base, wishes["policy"])
        directory.add({"dn": f"{SERVERS},{base}", "objectClass": "organizationalUnit"})
        for group in wishes["groups"]:
            directory.newgroup(group["name"])
        for group in wishes["groups"]:
            for outer in group["groups"]:
                directory.add_remove_group_members(outer, [group["name"]])
        for user in wishes["users"]:
            add_user(directory, base, user)
        keys = {computer["name"]: add_computer(directory, base, computer) for computer in wishes["computers"]}
        for policy in wishes["settings"]:
            add_settings(directory, base, policy)
        if wishes["delegated"]:
            delegate(directory, base, wishes["delegated"])
        for trust in wishes["trusts"]:
            add_trust(directory, base, trust)
        directory.setpassword("(sAMAccountName=Administrator)", wishes["administrator"], username="Administrator")
    except BaseException:
        directory.transaction_cancel()
        raise
    directory.transaction_commit()
    overwrite(folder, base, wishes)
    json.dump({"keys": keys, "sids": sids_of(directory, base)}, sys.stdout)


def opened(folder: str) -> SamDB:
    """The directory as its own server sees it; nothing is synced, for it does not outlive the lab."""
    settings = LoadParm()
    settings.load(os.path.join(folder, "smb.conf"))
    credentials = Credentials()
    credentials.guess(settings)
    url = os.path.join(folder, "private", "sam.ldb")
    return SamDB(url=url, session_info=system_session(), credentials=credentials, lp=settings, flags=ldb.FLG_NOSYNC)


def sids_of(directory: SamDB, base: str) -> dict[str, str]:
    """The SID of each account by its name in lower case."""
    found = directory.search(base, ldb.SCOPE_SUBTREE, "(&(sAMAccountName=*)(objectSid=*))", ["sAMAccountName", "objectSid"])
    return {str(one["sAMAccountName"][0]).lower(): str(ndr_unpack(security.dom_sid, one["objectSid"][0])) for one in found}


def now() -> int:
    """This moment as a FILETIME."""
    return int(samba.unix2nttime(int(time.time())))


def change(directory: ldb.Ldb, dn: str, controls: list[str] | None = None, /, **attributes: object) -> None:
    """Replace attributes; None deletes one."""
    message = ldb.Message(ldb.Dn(directory, dn))
    for name, value in attributes.items():
        values = [] if value is None else value if isinstance(value, list) else [value if isinstance(value, bytes) else str(value)]
        message[name] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, name)
    directory.modify(message, controls or [])


def dn_of(directory: ldb.Ldb, base: str, account: str) -> str:
    """Where the account with this sAMAccountName stands."""
    found = directory.search(base, ldb.SCOPE_SUBTREE, f"(sAMAccountName={ldb.binary_encode(account)})", ["dn"])
    if len(found) != 1:
        raise SystemExit(f"populate: {len(found)} accounts have the name {account}")
    return str(found[0].dn)


def name_the_controller(directory: SamDB, controller: dict[str, str]) -> None:
    """The SPNs that samba_spnupdate would add; without ldap/ and GC/ nobody gets a ticket for LDAP."""
    short, full, domain, flat = (controller[key] for key in ("name", "fqdn", "domain", "flat"))
    wanted = [
        f"ldap/{short}", f"ldap/{full}", f"ldap/{full}/{domain}", f"ldap/{full}/{flat}", f"ldap/{short}/{flat}", f"GC/{full}/{domain}", f"HOST/{full}/{domain}",
        f"HOST/{full}/{flat}", f"HOST/{short}/{flat}", f"RestrictedKrbHost/{short}", f"RestrictedKrbHost/{full}",
    ]
    found = directory.search(str(directory.get_default_basedn()), ldb.SCOPE_SUBTREE, f"(sAMAccountName={short}$)", ["servicePrincipalName"])[0]
    known = {str(spn).lower() for spn in found.get("servicePrincipalName", [])}
    message = ldb.Message(found.dn)
    missing = [spn for spn in wanted if spn.lower() not in known]
    message["servicePrincipalName"] = ldb.MessageElement(missing, ldb.FLAG_MOD_ADD, "servicePrincipalName")
    directory.modify(message)


def set_policy(directory: SamDB, base: str, policy: dict[str, int]) -> None:
    """The domain's own lockout policy."""
    minutes = str(-policy["minutes"] * INTERVAL)
    change(directory, base, lockoutThreshold=policy["threshold"], lockoutDuration=minutes, lockOutObservationWindow=minutes)


def add_user(directory: SamDB, base: str, user: Json) -> None:
    """One user in CN=Users, with what its state asks for as far as Samba's rules let it be set."""
    dn, state = f"CN={user['name']},CN=Users,{base}", user["state"]
    control = NORMAL | (DISABLED if state == "disabled" else 0)
    entry = {
        "dn": dn, "objectClass": "user", "sAMAccountName": user["name"], "userPrincipalName": user["upn"], "userAccountControl": str(control),
        "unicodePwd": quoted(user["password"]),
    }
    if user["encryption"]:
        entry["msDS-SupportedEncryptionTypes"] = str(user["encryption"])
    if state == "expired":
        entry["accountExpires"] = str(now() - 3 * DAY)
    if state == "hours":
        entry["logonHours"] = bytes(21)
    if state == "workstations":
        entry["userWorkstations"] = "OFFICE01,OFFICE02"
    directory.add(entry)
    if state == "must_change":
        change(directory, dn, pwdLastSet="0")
    for group in user["groups"]:
        directory.add_remove_group_members(group, [user["name"]])


def add_computer(directory: SamDB, base: str, computer: Json) -> Json:
    """One computer, and the keys it has, under another CN than its name: where a name has no SPN, Samba's KDC takes the account with that CN, AD does not."""
    dn = f"CN=acct-{computer['name'].lower()},{SERVERS},{base}"
    had = new_keys()
    entry = {
        "dn": dn, "objectClass": "computer", "sAMAccountName": f"{computer['name']}$", "dNSHostName": computer["fqdn"],
        "userAccountControl": str(WORKSTATION | (0 if computer["enabled"] else DISABLED)), "msDS-SupportedEncryptionTypes": str(computer["encryption"]),
        "operatingSystem": "Windows Server 2022 Standard", "operatingSystemVersion": "10.0 (20348)", **stored(had, computer),
    }
    if computer["spns"]:
        entry["servicePrincipalName"] = computer["spns"]
    directory.add(entry, AS_IT_IS)
    version = int(str(directory.search(dn, ldb.SCOPE_BASE, attrs=["msDS-KeyVersionNumber"])[0]["msDS-KeyVersionNumber"]))
    if computer["stale"]:
        # The host goes on with the keys of before, as one that was set back to an old snapshot does.
        change(directory, dn, AS_IT_IS, **stored(new_keys(), computer))
    return {"version": version, "keys": {kind: key.hex() for kind, key in had.items()}}


def new_keys() -> dict[int, bytes]:
    """Keys by encryption type, of no password: nobody types a machine's, and deriving keys is three quarters of the time that an account takes."""
    return {AES256: os.urandom(32), AES128: os.urandom(16), RC4: os.urandom(16)}


def stored(keys: dict[int, bytes], computer: Json) -> dict[str, bytes]:
    """Keys as an account has them: the NT hash is RC4's, supplementalCredentials hold the others ([MS-SAMR] 3.1.1.8.11).

    Samba checks that nothing of the usual is missing, so DES has keys too, which no KDC uses any more.
    """
    domain = str(computer["fqdn"]).partition(".")[2]
    salt = f"{domain.upper()}host{str(computer['name']).lower()}.{domain}"
    des = {DES_MD5: os.urandom(8), DES_CRC: os.urandom(8)}
    packages = []
    for name, version, kind, rows in (
        ("Kerberos-Newer-Keys", 4, drsblobs.package_PrimaryKerberosKey4, {AES256: keys[AES256], AES128: keys[AES128], **des}),
        ("Kerberos", 3, drsblobs.package_PrimaryKerberosKey3, des),
    ):
        kerberos = drsblobs.package_PrimaryKerberosBlob()
        kerberos.version = version
        kerberos.ctr.keys, kerberos.ctr.num_keys, kerberos.ctr.salt.string = [key_row(kind(), *row) for row in rows.items()], len(rows), salt
        if version == 4:
            kerberos.ctr.default_iteration_count = ITERATIONS
        packages.append(package(f"Primary:{name}", ndr_pack(kerberos)))
    packages.insert(2, package("Packages", "Kerberos-Newer-Keys\0Kerberos".encode("utf-16-le")))
    blob = drsblobs.supplementalCredentialsBlob()
    blob.sub.prefix, blob.sub.signature = drsblobs.SUPPLEMENTAL_CREDENTIALS_PREFIX, drsblobs.SUPPLEMENTAL_CREDENTIALS_SIGNATURE
    blob.sub.packages, blob.sub.num_packages = packages, len(packages)
    return {"unicodePwd": keys[RC4], "supplementalCredentials": ndr_pack(blob)}


def key_row(row: t.Any, kind: int, key: bytes) -> t.Any:
    """One key; those of version 4 say how often they were iterated."""
    row.keytype, row.value, row.value_len = kind, key, len(key)
    if kind in (AES128, AES256):
        row.iteration_count = ITERATIONS
    return row


def package(name: str, data: bytes) -> drsblobs.supplementalCredentialsPackage:
    """One property of supplementalCredentials, in hexadecimal as it is stored ([MS-SAMR] 2.2.10.2)."""
    made = drsblobs.supplementalCredentialsPackage()
    text = data.hex().upper()
    made.name, made.name_len, made.data, made.data_len, made.reserved = name, len(name) * 2, text, len(text), 2 if name == "Packages" else 1
    return made


def quoted(password: object) -> bytes:
    """[MS-ADTS] 3.1.1.3.1.5.1: unicodePwd takes the password in quotation marks, in UTF-16."""
    return f'"{password}"'.encode("utf-16-le")


def add_settings(directory: SamDB, base: str, policy: Json) -> None:
    """A password settings object ([MS-ADTS] 3.1.1.4.5.36)."""
    minutes = str(-policy["minutes"] * INTERVAL)
    directory.add({
        "dn": f"CN={policy['name']},CN=Password Settings Container,CN=System,{base}", "objectClass": "msDS-PasswordSettings",
        "msDS-PasswordSettingsPrecedence": "10", "msDS-PasswordReversibleEncryptionEnabled": "FALSE", "msDS-PasswordHistoryLength": "24",
        "msDS-PasswordComplexityEnabled": "TRUE", "msDS-MinimumPasswordLength": "7", "msDS-MinimumPasswordAge": str(-DAY),
        "msDS-MaximumPasswordAge": str(-policy["days"] * DAY), "msDS-LockoutThreshold": str(policy["threshold"]),
        "msDS-LockoutObservationWindow": minutes, "msDS-LockoutDuration": minutes,
        "msDS-PSOAppliesTo": [dn_of(directory, base, account) for account in policy["accounts"]],
    })


def delegate(directory: SamDB, base: str, account: str) -> None:
    """Let an account write the SPNs of computers in OU=Servers, and nothing else."""
    ou = f"{SERVERS},{base}"
    sid = ndr_unpack(security.dom_sid, directory.search(dn_of(directory, base, account), ldb.SCOPE_BASE, attrs=["objectSid"])[0]["objectSid"][0])
    found = directory.search(ou, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"])[0]["nTSecurityDescriptor"][0]
    text = ndr_unpack(security.descriptor, found).as_sddl(security.dom_sid(directory.get_domain_sid()))
    start = text.index("(", text.index("D:"))
    text = f"{text[:start]}(OA;CIIO;RPWP;{WRITE_SPN};bf967a86-0de6-11d0-a285-00aa003049e2;{sid}){text[start:]}"
    descriptor = security.descriptor.from_sddl(text, security.dom_sid(directory.get_domain_sid()))
    change(directory, ou, nTSecurityDescriptor=ndr_pack(descriptor))


def add_trust(directory: SamDB, base: str, trust: Json) -> None:
    """A trusted domain object ([MS-ADTS] 6.1.6.7). The account of the trust is not needed for Kerberos."""
    directory.add({
        "dn": f"CN={trust['partner']},CN=System,{base}", "objectClass": "trustedDomain", "trustPartner": trust["partner"], "flatName": trust["flat"],
        "securityIdentifier": ndr_pack(security.dom_sid(trust["sid"])), "trustType": "2", "trustDirection": str(trust["direction"]),
        "trustAttributes": str(trust["attributes"]), "trustAuthIncoming": sealed(trust["incoming"]), "trustAuthOutgoing": sealed(trust["outgoing"]),
        "msDS-SupportedEncryptionTypes": "24",
    })


def sealed(password: object) -> bytes:
    """trustAuthIncoming and trustAuthOutgoing ([MS-ADTS] 6.1.6.9.1) with one password in clear."""
    secret = string_to_byte_array(str(password).encode("utf-16-le"))
    clear = drsblobs.AuthInfoClear()
    clear.size, clear.password = len(secret), secret
    one = drsblobs.AuthenticationInformation()
    one.LastUpdateTime, one.AuthType, one.AuthInfo = now(), lsa.TRUST_AUTH_TYPE_CLEAR, clear
    row = drsblobs.AuthenticationInformationArray()
    row.count, row.array = 1, [one]
    blob = drsblobs.trustAuthInOutBlob()
    blob.count, blob.current = 1, row
    return bytes(ndr_pack(blob))


def overwrite(folder: str, base: str, wishes: Json) -> None:
    """What a directory refuses to be told, written past its rules into the file of its domain partition."""
    raw = ldb.Ldb(os.path.join(folder, "private", "sam.ldb.d", f"{base.upper()}.ldb"), flags=ldb.FLG_NOSYNC)
    raw.transaction_start()
    for user in wishes["users"]:
        dn = f"CN={user['name']},CN=Users,{base}"
        if user["state"] == "locked":
            change(raw, dn, lockoutTime=now(), badPwdCount=wishes["policy"]["threshold"], badPasswordTime=now())
        if user["state"] == "password_expired":
            change(raw, dn, pwdLastSet=now() - 400 * DAY)
        if user["state"] == "smartcard":
            # Told to set it, Samba would set a random password besides, as AD does only where somebody sets the flag anew.
            change(raw, dn, userAccountControl=NORMAL | SMARTCARD)
        if user["encryption"] == RC4_ALONE:
            # Only the NT hash is left, as of an account whose password was set before its domain knew AES.
            change(raw, dn, supplementalCredentials=None)
    for computer in wishes["computers"]:
        if computer["password_days"]:
            change(raw, dn_of(raw, base, f"{computer['name']}$"), pwdLastSet=now() - computer["password_days"] * DAY)
    for one in wishes["misplaced"]:
        # Samba refuses an SPN that another account has, itself or by HOST, as Active Directory has done since 2021.
        message = ldb.Message(ldb.Dn(raw, dn_of(raw, base, one["account"])))
        message["servicePrincipalName"] = ldb.MessageElement(one["spns"], ldb.FLAG_MOD_ADD, "servicePrincipalName")
        raw.modify(message)
    raw.transaction_commit()


main()
