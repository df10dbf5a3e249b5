# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The LDAP client against a real directory: every way to log on, what it reads, what it changes; ldbsearch, which knows nothing of it, is the witness."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import typing as t
from pathlib import Path

import pytest
from needs import DOMAIN, command

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"

pytestmark = [*DOMAIN, command("ldbsearch", "ldb-tools")]

# Runs inside the lab: prints everything that it saw as JSON.
GUEST = """
    import json, os, re, subprocess, sys
    from ansible_collections.winrm.doctor.plugins.module_utils.directory.ldap import Credentials, Ldap, LdapError, LdapUnreachable
    from ansible_collections.winrm.doctor.plugins.module_utils.directory.tickets import Tickets
    from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
    from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline

    DC, WHERE, CA = (os.environ[f"WINRM_DOCTOR_LAB_{name}"] for name in ("DC", "DC_ADDRESS", "CA"))
    SECRETS = json.load(open(os.environ["WINRM_DOCTOR_LAB_ACCOUNTS"]))
    BASE = "DC=lab,DC=test"
    PORTS = {"sealed": (389, 3268), "ldaps": (636, 3269), "start_tls": (389, 3268)}

    def open_ldap(transport="sealed", port=None, name=DC, domain="lab.test", **more):
        options = {"ca_path": CA, **more}
        return Ldap(WHERE, name, port=port or PORTS[transport][0], transport=transport, deadline=Deadline(30), domain=Domain(name=domain, **options))

    def who(user, method="auto", password=None, realm="LAB.TEST", cache=None):
        bare = re.split(r"[\\\\\\\\]", user)[-1].partition("@")[0]
        return Credentials(user, SECRETS[realm][bare] if password is None else password or None, method, cache)

    def logon(credentials, *, look="reader", base=BASE, **where):
        with open_ldap(**where) as ldap:
            try:
                ldap.connect()
                seen = ldap.bind(credentials)
                found = []
                if seen.outcome == "granted":
                    found = [one.text("sAMAccountName") for one in ldap.search(base, f"(sAMAccountName={look})", ["sAMAccountName"])]
            except LdapUnreachable as error:
                return {"why": error.why, "text": error.text}
            tried = [[one.method, one.outcome] for one in ldap.binds]
            return {"tried": tried, "code": seen.code, "data": seen.data, "means": seen.means, "account": seen.account, "found": found}

    def witness(filter, attribute):
        command = ["ldbsearch", "-H", os.environ["WINRM_DOCTOR_LAB_SAM"], "-b", BASE, filter, attribute]
        text = subprocess.run(command, capture_output=True, text=True).stdout.replace("\\n ", "")
        return sorted(line.partition(": ")[2] for line in text.splitlines() if line.startswith(attribute + ":"))

    def wrong_passwords(account):
        return witness(f"(sAMAccountName={account})", "badPwdCount")

    out = {}
    for method in ("auto", "kerberos", "ntlm"):
        for transport, ports in PORTS.items():
            for port in ports:
                out[f"{method} {transport} {port}"] = logon(who("reader", method), transport=transport, port=port, base="" if port > 3000 else BASE)
    for transport, ports in list(PORTS.items())[1:]:
        for port in ports:
            out[f"simple {transport} {port}"] = logon(who("reader", "simple"), transport=transport, port=port, base="" if port > 3000 else BASE)
    out["count after all that"] = wrong_passwords("reader")
    for spelling in ("reader", "LAB\\\\reader", "reader@lab.test", "reader@LAB.TEST", "lab.test\\\\reader"):
        out[f"spelled {spelling}"] = [logon(who(spelling, "kerberos")), logon(who(spelling, "ntlm")), logon(who(spelling, "simple"), transport="ldaps")]
    out["by address"] = logon(who("reader"), name="")
    out["by address inside tls"] = logon(who("reader"), name=WHERE, transport="ldaps")
    out["no domain known"] = logon(who("reader"), domain="")

    with Tickets() as tickets:
        tickets.acquire("reader@LAB.TEST", SECRETS["LAB.TEST"]["reader"])
        out["private cache"] = logon(who("", "kerberos", password="", cache=tickets.cache))
    out["no cache"] = logon(who("", "auto", password=""))
    subprocess.run(["kinit", "reader"], input=SECRETS["LAB.TEST"]["reader"], text=True, capture_output=True)
    out["default cache"] = logon(who("", "auto", password=""))
    out["caches left"] = subprocess.run(["klist", "-l"], capture_output=True, text=True).stdout

    for way, options in {"sealed": {}, "ldaps": {"transport": "ldaps"}, "ntlm": {}, "simple": {"transport": "ldaps"}}.items():
        account = {"sealed": "service", "ldaps": "spnwriter", "ntlm": "admin", "simple": "operator"}[way]
        method = way if way in ("ntlm", "simple") else "auto"
        out[f"wrong {way}"] = [logon(who(account, method, password="surely-not-this"), **options), wrong_passwords(account)]
    out["unknown user"] = logon(Credentials("nobody-here", "x"))
    out["untrusted"] = logon(who("reader"), transport="ldaps", ca_path=None)
    out["other name"] = logon(who("reader"), transport="start_tls", name="dc9.lab.test")
    out["unchecked"] = logon(who("reader", "simple"), transport="ldaps", ca_path=None, validate_certs=False, name="dc9.lab.test")
    out["kdc's port"] = logon(who("reader"), port=88)
    out["tls's port"] = logon(who("reader"), port=636)

    with open_ldap() as ldap:
        ldap.connect()
        root = ldap.root()
        out["root"] = [root.text("defaultNamingContext"), root.text("dnsHostName"), bool(root.moment("currentTime")), root.texts("supportedSASLMechanisms")]
        try:
            list(ldap.search(BASE, "(objectClass=user)", ["cn"]))
        except LdapError as error:
            out["unbound"] = [error.code, error.sentence]
        ldap.bind(who("reader"))
        everybody = [one.dn for one in ldap.search(BASE, "(objectClass=*)", ["cn"], page=10)]
        out["pages"] = [len(everybody), len(set(everybody)), sorted(everybody) == witness("(objectClass=*)", "dn")]
        users = ldap.search(BASE, "(objectClass=user)", ["cn"], page=2)
        out["nested"] = [len(list(ldap.search(one.dn, "(objectClass=*)", ["cn"], scope="base"))) for one in users]
        cut = ldap.gather(BASE, "(objectClass=*)", ["cn"], most=25)
        out["cut"] = [len(cut.entries), cut.gap.unknown]
        (user,) = ldap.search(BASE, "(sAMAccountName=reader)", ["objectSid", "objectGUID", "pwdLastSet", "accountExpires", "whenCreated"])
        out["user"] = [user.sid("objectSid")[:9], len(user.guid("objectGUID")), user.moment("accountExpires")]
        out["user"] += [user.moment(name)[:3] for name in ("pwdLastSet", "whenCreated")]
        (policy,) = ldap.search(BASE, "(objectClass=*)", ["lockoutThreshold", "lockoutDuration"], scope="base")
        out["policy"] = [policy.number("lockoutThreshold"), policy.number("lockoutDuration")]
        (operator,) = ldap.search(BASE, "(sAMAccountName=operator)", ["cn"])
        out["groups"] = sorted(one.text("cn") for one in ldap.search(BASE, f"(member:1.2.840.113556.1.4.1941:={operator.dn})", ["cn"]))
        (group,) = ldap.search(BASE, "(cn=Denied RODC Password Replication Group)", ["member"])
        (pieces,) = ldap.search(BASE, "(cn=Denied RODC Password Replication Group)", ["member;range=0-1"])
        out["range"] = [len(group.texts("member")), sorted(group.texts("member")) == sorted(pieces.texts("member")), pieces.partial]
        for question, base in (("no such object", "CN=nobody," + BASE), ("another forest", "DC=elsewhere,DC=example"), ("no dn", "nonsense")):
            try:
                out[question] = [one.dn for one in ldap.search(base, "(objectClass=*)", ["cn"])]
            except LdapError as error:
                out[question] = [error.code, error.name, error.data]

    def change(account, *changes, name="web01"):
        with open_ldap() as ldap:
            ldap.connect()
            ldap.bind(who(account))
            (computer,) = ldap.search(BASE, f"(sAMAccountName={name}$)", ["servicePrincipalName"])
            try:
                ldap.modify(computer.dn, changes)
                said = None
            except LdapError as error:
                said = [error.code, error.name, error.data, error.sentence]
            return [said, witness(f"(sAMAccountName={name}$)", "servicePrincipalName")]

    ours = ["HTTP/alias.lab.test", "HTTP/alias2.lab.test"]
    out["spns"] = witness("(sAMAccountName=web01$)", "servicePrincipalName")
    out["no right"] = change("reader", ("add", "servicePrincipalName", ours))
    out["add"] = change("spnwriter", ("add", "servicePrincipalName", ours))
    out["again"] = change("spnwriter", ("add", "servicePrincipalName", ours[:1]))
    out["taken"] = change("admin", ("add", "servicePrincipalName", ["WSMAN/web02.lab.test", "HTTP/third.lab.test"]))
    out["not there"] = change("spnwriter", ("delete", "servicePrincipalName", ["HTTP/never.lab.test"]))
    out["remove"] = change("spnwriter", ("delete", "servicePrincipalName", ours))
    out["no attribute"] = change("admin", ("add", "noSuchAttributeAtAll", ["x"]))
    print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def seen() -> dict[str, t.Any]:
    """What the guest saw."""
    command = [sys.executable, str(LAB), "--domain", "--only", "web01,web02", "run", "--", sys.executable, "-c", textwrap.dedent(GUEST)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / ".cache" / "collections"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return t.cast("dict[str, t.Any]", json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("port", [389, 3268])
@pytest.mark.parametrize("method", ["auto", "kerberos", "ntlm"])
def test_a_sealed_logon_reads(seen: dict[str, t.Any], method: str, port: int) -> None:
    got = seen[f"{method} sealed {port}"]
    assert got["tried"] == [["kerberos" if method == "auto" else method, "granted"]]
    assert got["found"] == ["reader"]
    assert got["account"] == ("reader" if method == "ntlm" else "reader@LAB.TEST")


@pytest.mark.parametrize("where", ["ldaps 636", "ldaps 3269", "start_tls 389", "start_tls 3268"])
def test_inside_tls_every_password_gets_in(seen: dict[str, t.Any], where: str) -> None:
    assert seen[f"simple {where}"]["found"] == ["reader"]
    assert seen[f"auto {where}"]["found"] == ["reader"]


@pytest.mark.parametrize("where", ["ldaps 636", "ldaps 3269", "start_tls 389", "start_tls 3268"])
def test_inside_tls_kerberos_is_taken_or_refused_for_its_kind_alone(seen: dict[str, t.Any], where: str) -> None:
    got = seen[f"kerberos {where}"]
    if got["tried"] == [["kerberos", "granted"]]:
        # Samba 4.20 and later take Kerberos without signing inside TLS, as Active Directory does.
        assert got["found"] == ["reader"]
    else:
        assert (got["tried"], got["code"]) == ([["kerberos", "refused"]], 8)
        assert "Set ldap_transport to sealed, or ldap_auth to simple." in got["means"]
    # Samba takes no NTLM without signing from pyspnego; Active Directory is thought to.
    assert seen[f"ntlm {where}"]["tried"] in ([["ntlm", "granted"]], [["ntlm", "refused"]])
    assert seen[f"ntlm {where}"]["data"] in (None, 0x57)


def test_no_right_password_was_ever_counted(seen: dict[str, t.Any]) -> None:
    assert seen["count after all that"] in (["0"], [])


@pytest.mark.parametrize("name", ["reader", "LAB\\reader", "reader@lab.test", "reader@LAB.TEST", "lab.test\\reader"])
def test_every_spelling_of_a_name_gets_in(seen: dict[str, t.Any], name: str) -> None:
    assert [got["found"] for got in seen[f"spelled {name}"]] == [["reader"]] * 3


def test_a_controller_known_by_its_address_is_asked_by_the_name_it_gives(seen: dict[str, t.Any]) -> None:
    assert seen["by address"]["tried"] == [["kerberos", "granted"]]
    assert seen["no domain known"]["tried"] == [["kerberos", "granted"]]
    assert seen["by address inside tls"]["found"] == ["reader"], "its certificate names the address too"


def test_tickets_come_from_the_cache_that_was_named_or_the_default_one(seen: dict[str, t.Any]) -> None:
    assert seen["private cache"]["found"] == seen["default cache"]["found"] == ["reader"]
    assert seen["private cache"]["account"] == seen["default cache"]["account"] == "reader@LAB.TEST"
    assert seen["no cache"]["tried"] == [["kerberos", "failed"]]
    assert "There is no usable Kerberos ticket" in seen["no cache"]["means"]
    assert "MEMORY" not in seen["caches left"]


@pytest.mark.parametrize(
    ("way", "method", "data"), [("sealed", "kerberos", None), ("ldaps", "kerberos", None), ("ntlm", "ntlm", 0x52E), ("simple", "simple", 0x52E)],
)
def test_a_wrong_password_counts_once(seen: dict[str, t.Any], way: str, method: str, data: int | None) -> None:
    got, counted = seen[f"wrong {way}"]
    assert got["tried"] == [[method, "refused"]]
    assert got["data"] == data
    assert counted == ["1"]


def test_refusals_before_any_logon(seen: dict[str, t.Any]) -> None:
    assert seen["unknown user"]["tried"] == [["kerberos", "refused"]]
    assert "KDC_ERR_C_PRINCIPAL_UNKNOWN" in seen["unknown user"]["means"]
    assert (seen["untrusted"]["why"], seen["other name"]["why"]) == ("tls", "tls")
    assert "Set ldap_ca_path" in seen["untrusted"]["text"]
    assert "Name the controller as its certificate does" in seen["other name"]["text"]
    assert seen["unchecked"]["found"] == ["reader"]
    assert seen["kdc's port"]["why"] in ("closed", "silent", "not_ldap")
    assert seen["tls's port"]["why"] in ("closed", "not_ldap")


def test_anybody_reads_the_root_and_nothing_else(seen: dict[str, t.Any]) -> None:
    context, host, clock, mechanisms = seen["root"]
    assert (context, host.lower(), clock) == ("DC=lab,DC=test", "dc1.lab.test", True)
    assert "GSS-SPNEGO" in mechanisms
    assert seen["unbound"][0] == 1


def test_pages_bring_everything_once(seen: dict[str, t.Any]) -> None:
    count, different, same = seen["pages"]
    assert count == different > 100
    assert same
    assert set(seen["nested"]) == {1}
    assert len(seen["nested"]) > 5


def test_a_search_that_is_cut_says_so(seen: dict[str, t.Any]) -> None:
    assert seen["cut"][0] == 25
    assert "25 entries were read, and there are more" in seen["cut"][1]


def test_values_mean_what_they_mean_in_a_real_directory(seen: dict[str, t.Any]) -> None:
    assert seen["user"] == ["S-1-5-21-", 36, None, "202", "202"]
    assert seen["policy"] == [3, -18_000_000_000]
    assert {"Web Operators", "Server Team"} <= set(seen["groups"]), "nested groups by the matching rule in chain"


def test_a_group_in_pieces_is_whole(seen: dict[str, t.Any]) -> None:
    count, same, partial = seen["range"]
    assert count > 2
    assert same
    assert partial == []


def test_a_base_that_is_not_there_is_a_refusal_with_a_name(seen: dict[str, t.Any]) -> None:
    assert seen["no such object"][:2] == [32, "noSuchObject"]
    assert seen["another forest"][0] in (10, 32)
    assert seen["no dn"][0] == 34


def test_an_spn_comes_and_goes_as_the_witness_sees_it(seen: dict[str, t.Any]) -> None:
    before = seen["spns"]
    assert seen["add"] == [None, sorted([*before, "HTTP/alias.lab.test", "HTTP/alias2.lab.test"])]
    assert seen["remove"] == [None, before]


def test_refused_changes_have_their_code_and_change_nothing(seen: dict[str, t.Any]) -> None:
    before = seen["spns"]
    said, after = seen["no right"]
    assert (said[0], said[1], after) == (50, "insufficientAccessRights", before)
    assert "The change of CN=acct-web01" in said[3]
    said, after = seen["taken"]
    assert said[:2] == [19, "constraintViolation"]
    assert not [spn for spn in after if "web02" in spn or "third" in spn]
    assert seen["again"][0][0] == 20
    assert seen["not there"][0][0] == 16
    assert seen["no attribute"][0][0] in (16, 17)
