# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module directory_info through Ansible, over the lab's domain; what it reads is compared with what ldbsearch sees, which knows nothing of it."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import decode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import DirectoryEvidence
from needs import DOMAIN, command
from steps import LAB, REPOSITORY, password
from surroundings import surroundings

pytestmark = [*DOMAIN, command("ldbsearch", "ldb-tools")]
USERS = tuple(f"user{number:02d}" for number in range(1, 13))
HOSTS = (
    "krb01", "krb04", "krb05", "krb06", "krb07", "krb08", "krb10", "web04", "spn01", "spn02", "spn04", "spn05", "spn06", "spn08", "mach01", "mach02", *USERS,
)
READER = {"domain_username": "reader@lab.test", "domain_password": password("reader")}
CA = "{{ lookup('env', 'WINRM_DOCTOR_LAB_CA') }}"
ALONE = {**READER, "domain": "lab.test"}
TLS = {**ALONE, "gather_subset": ["account"], "ldap_ca_path": CA}
WRONG = {"domain_username": "reader", "domain_password": "surely-not-this", "gather_subset": ["account"], "domain": "lab.test"}
Call = t.Tuple[str, t.Dict[str, t.Any]]
CALLS: dict[str, Call] = {
    "own": ("krb*:mach*:spn*:web04", {}),
    "read": ("user*", READER),
    "refused": ("user07:user01", {}),
    "forest": ("localhost", {**ALONE, "gather_subset": ["duplicates", "forecast", "trusts"], "spn_patterns": ["WSMAN/krb0*.lab.test", "*/spn04"]}),
    "ldaps": ("localhost", {**TLS, "ldap_transport": "ldaps"}),
    "start_tls": ("localhost", {**TLS, "ldap_transport": "start_tls", "ldap_auth": "simple"}),
    "untrusted": ("localhost", {**ALONE, "gather_subset": ["account"], "ldap_transport": "ldaps"}),
    "ntlm": ("localhost", {**ALONE, "gather_subset": ["account"], "ldap_auth": "ntlm"}),
    "by_address": ("localhost", {**READER, "domain_controllers": ["127.66.0.10"], "gather_subset": ["controllers", "account"]}),
    "nothing": ("localhost", {}),
    "subset": ("krb01", {"gather_subset": []}),
    "pattern": ("krb01", {"spn_patterns": ["web01"]}),
    "secret": ("krb01", {"domain_password": "no-name-for-it"}),
    "nonsense": ("localhost", {**READER, "domain": "Nonsense.example", "gather_subset": ["account"]}),
    "dead": ("localhost", {**ALONE, "domain_controllers": ["127.66.0.99"], "gather_subset": ["account"], "connect_timeout": 1}),
    "stranger": ("krb01", {**ALONE, "gather_subset": ["account"]}),
    "flat": ("krb01", {**ALONE, "gather_subset": ["account"]}),
    "other": ("krb01", {**ALONE, "gather_subset": ["account"]}),
    "wrong": ("krb*", WRONG),
}
SPELT = {"stranger": "operator@corp.example", "flat": "LAB\\operator", "other": "CORP\\operator"}
"""How the inventory's user is written in some of them."""
WITNESS = (
    "sAMAccountName", "userAccountControl", "lockoutTime", "pwdLastSet", "accountExpires", "badPwdCount", "userWorkstations", "dNSHostName",
    "msDS-SupportedEncryptionTypes", "servicePrincipalName", "objectSid",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every call in one lab; Ansible writes each host's result as JSON, and ldbsearch what the database holds afterwards."""
    where = tmp_path_factory.mktemp("directory_info")
    lines = ["cp $WINRM_DOCTOR_LAB_ACCOUNTS accounts.json"]
    for name, (hosts, arguments) in CALLS.items():
        (where / f"{name}.args").write_text(json.dumps(arguments) if arguments else "", encoding="utf-8")
        spelt = f"-e 'ansible_user={SPELT[name]}'" if name in SPELT else ""
        lines.append(f'ansible "{hosts}" {spelt} -f 4 -m winrm.doctor.directory_info -a "$(cat {name}.args)" -t {name} > {name}.out 2>&1')
    lines.append(f"ldbsearch -H $WINRM_DOCTOR_LAB_SAM -b DC=lab,DC=test '(objectClass=user)' {' '.join(WITNESS)} > witness 2>/dev/null")
    lines.append("ls -A $TMPDIR > left; klist > tickets 2>&1; :")
    (where / "run.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (where / "tmp").mkdir()
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_HOME=str(where / "home"), ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    command = [sys.executable, str(LAB), "--domain", "--only", ",".join(HOSTS), "run", "--", "env", f"TMPDIR={where / 'tmp'}", "sh", "run.sh"]
    subprocess.run(command, cwd=where, env=environment, check=True, timeout=420)
    return where


def result(folder: Path, call: str, host: str) -> dict[str, t.Any]:
    """What the call returned for the host."""
    found: dict[str, t.Any] = json.loads((folder / call / host).read_text(encoding="utf-8"))
    return found


def seen(folder: Path, call: str, host: str) -> dict[str, t.Any]:
    """The evidence in it; it can be read back."""
    evidence: dict[str, t.Any] = result(folder, call, host)["directory"]
    decode(DirectoryEvidence, evidence)
    return evidence


def witness(folder: Path, name: str) -> dict[str, list[str]]:
    """What ldbsearch says of an account."""
    for block in (folder / "witness").read_text(encoding="utf-8").split("\n\n"):
        found: dict[str, list[str]] = {}
        for attribute, value in re.findall(r"^([\w-]+): (.*)$", block, re.MULTILINE):
            found.setdefault(attribute, []).append(value)
        if found.get("sAMAccountName") == [name]:
            return found
    return {}


def moment(filetime: str) -> str | None:
    number = int(filetime)
    if number in (0, 0x7FFFFFFFFFFFFFFF):
        return None
    return (datetime.datetime(1601, 1, 1) + datetime.timedelta(microseconds=number // 10)).strftime("%Y-%m-%dT%H:%M:%SZ")


def steps(evidence: dict[str, t.Any], name: str) -> list[tuple[str, str, int | None]]:
    return [(step["asked_for"], step["outcome"], step.get("code")) for step in evidence["steps"] if step["name"] == name]


def own(evidence: dict[str, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = next(one for one in evidence["spns"] if one["own"])
    return found


def test_healthy_host_is_seen_from_end_to_end(folder: Path) -> None:
    evidence = seen(folder, "own", "krb01")
    assert (evidence["domain"], evidence["domain_from"], evidence["srv"], evidence["pdc"]) == ("lab.test", "user name", ["dc1.lab.test"], "dc1.lab.test")
    controller = evidence["controllers"][0]
    assert (controller["address"], controller["found_by"], {port["state"] for port in controller["ports"]}) == ("127.66.0.10", ["dns"], {"open"})
    assert {clock["source"] for clock in controller["clocks"]} == {"kdc", "ldap"}
    assert all(abs(clock["offset"]) < 60 for clock in controller["clocks"])
    assert steps(evidence, "probe") == [("operator@LAB.TEST", "granted", 25)]
    assert steps(evidence, "as") == [("operator@LAB.TEST", "granted", None)]
    assert next(step for step in evidence["steps"] if step["own"])["got"] == "WSMAN/krb01.lab.test@LAB.TEST"
    assert {name for name, outcome, _code in steps(evidence, "tgs") if outcome == "granted"} == {
        f"{service}/{host}" for service in ("HTTP", "WSMAN", "HOST") for host in ("krb01.lab.test", "krb01")
    }
    assert [(bind["port"], bind["method"], bind["transport"], bind["outcome"]) for bind in evidence["binds"]] == [
        (389, "kerberos", "sealed", "granted"), (3268, "kerberos", "sealed", "granted"),
    ]
    assert "gaps" not in evidence
    assert result(folder, "own", "krb01")["msg"] == "krb01: operator may log on; WSMAN/krb01.lab.test belongs to KRB01$."


@pytest.mark.parametrize("name", ["operator", *USERS])
def test_account_is_read_as_the_database_has_it(folder: Path, name: str) -> None:
    account = seen(folder, "own", "krb01")["account"] if name == "operator" else seen(folder, "read", name)["account"]
    truth = witness(folder, "nobody06" if name == "user06" else name)
    if name == "user06":
        assert (account, truth) == ({"unknown": "the directory has no such account"}, {})
        return
    control = int(truth["userAccountControl"][0])
    assert account["name"] == name
    assert account["sid"] == truth["objectSid"][0]
    assert account["enabled"] is not bool(control & 2)
    assert account["smartcard_required"] is bool(control & 0x40000)
    assert account.get("password_set") == moment(truth["pwdLastSet"][0])
    assert account.get("expires") == moment(truth["accountExpires"][0])
    assert account.get("locked_since") == moment(truth.get("lockoutTime", ["0"])[0])
    assert ",".join(account.get("workstations", ())) == truth.get("userWorkstations", [""])[0].replace(" ", "")
    assert account.get("encryption_types") == (int(truth["msDS-SupportedEncryptionTypes"][0]) if "msDS-SupportedEncryptionTypes" in truth else None)
    assert account["bad_passwords_at"] == "dc1.lab.test"
    if name not in ("user07", "user01"):
        # Those two fail once more after they were read.
        assert account["bad_passwords"] == int(truth.get("badPwdCount", ["0"])[0])


@pytest.mark.parametrize(
    ("host", "field", "value"),
    [
        ("user01", "enabled", False), ("user02", "locked", True), ("user03", "expired", True), ("user04", "password_expired", True),
        ("user05", "must_change", True), ("user08", "logon_hours", False), ("user10", "protected_user", True), ("user11", "smartcard_required", True),
    ],
)
def test_each_state_is_told_by_name(folder: Path, host: str, field: str, value: bool) -> None:
    account = seen(folder, "read", host)["account"]
    assert account[field] is value
    wrong = {name for name in ("locked", "expired", "password_expired", "must_change", "protected_user", "smartcard_required") if account[name] is True}
    wrong |= {name for name in ("enabled", "logon_hours") if account[name] is False}
    assert wrong == {field}


def test_groups_are_told_with_the_nested_ones(folder: Path) -> None:
    account = seen(folder, "own", "krb01")["account"]
    assert {"Web Operators", "Server Team", "Domain Users"} <= set(account["groups"])
    assert account["group_count"] == len(account["groups"]) == len(account["token_sids"])
    assert f"{account['sid'].rpartition('-')[0]}-513" in account["token_sids"], "Domain Users"
    assert account["policy"] == {
        "name": "Default Domain Policy", "lockout_threshold": 3, "lockout_minutes": 30.0, "observation_minutes": 30.0, "max_password_days": 42.0,
        # Samba shows everybody where the password settings objects stand.
        "sure": True,
    }


def test_no_namesake_is_read(folder: Path) -> None:
    """There is an operator, whose user principal name is another one."""
    assert seen(folder, "stranger", "krb01")["account"] == {
        "unknown": "no account of the forest of lab.test has the user principal name operator@corp.example",
    }
    assert seen(folder, "other", "krb01")["account"]["unknown"].startswith("CORP is no domain of the forest of lab.test, so CORP\\operator was looked for")
    account = seen(folder, "flat", "krb01")["account"]
    assert (account["name"], account["domain"], account["netbios_domain"]) == ("operator", "lab.test", "lab")


@pytest.mark.parametrize(
    ("host", "owners", "covered"),
    [
        ("krb01", ["KRB01$"], []), ("krb06", [], ["KRB06$"]), ("spn01", [], []), ("spn02", [], []), ("spn04", ["svc-web"], []),
        ("spn05", ["SPN05$", "svc-old"], []), ("spn06", [], []),
    ],
)
def test_owners_of_the_spn_that_is_asked_for(folder: Path, host: str, owners: list[str], covered: list[str]) -> None:
    evidence = seen(folder, "own", host)
    assert sorted(owner["name"] for owner in own(evidence).get("owners", ())) == sorted(owners)
    assert [owner["name"] for owner in own(evidence).get("covered_by", ())] == covered
    assert bool(evidence["duplicates"]) is (host == "spn05")
    for name in owners:
        assert own(evidence)["spn"].lower() in [spn.lower() for spn in witness(folder, name)["servicePrincipalName"]]


def test_computer_accounts(folder: Path) -> None:
    healthy, disabled = seen(folder, "own", "krb01")["computer"], seen(folder, "own", "mach01")["computer"]
    assert (healthy["name"], healthy["enabled"], healthy["found_by"]) == ("KRB01$", True, "dNSHostName")
    assert healthy["dns_host_name"] == witness(folder, "KRB01$")["dNSHostName"][0]
    assert disabled["enabled"] is False
    assert seen(folder, "own", "mach02")["computer"] == {"unknown": "the directory has no such account"}
    renamed = seen(folder, "own", "spn06")
    assert renamed["computer"] == {"unknown": "the directory has no such account"}
    assert renamed["other_computer"]["name"] == "NEWNAME06$"
    by_address = seen(folder, "own", "spn08")
    assert by_address["computer"]["name"] == "SPN08$"


def test_user_and_host_may_be_of_two_domains(folder: Path) -> None:
    user = seen(folder, "own", "krb07")
    assert (user["domain"], user["host_domain"], user["account"]["domain"], user["computer"]["name"]) == ("other.test", "lab.test", "other.test", "KRB07$")
    assert [step["got"] for step in user["steps"] if step["own"]] == ["WSMAN/krb07.lab.test@LAB.TEST"]
    assert [(trust["partner"], trust["direction"], trust["attributes"]) for trust in user["trusts"]] == [("lab.test", "both", ["forest_transitive"])]
    host = seen(folder, "own", "krb08")
    assert (host["domain"], host["host_domain"], host["account"]["domain"]) == ("lab.test", "other.test", "lab.test")
    assert host["computer"]["dn"].endswith("DC=other,DC=test")


def test_realm_in_lower_case_and_protected_users_and_addresses_with_a_name_are_no_trouble(folder: Path) -> None:
    for host in ("krb04", "krb05", "krb10"):
        assert [step["outcome"] for step in seen(folder, "own", host)["steps"] if step["own"]] == ["granted"], host
    assert seen(folder, "own", "krb10")["account"]["protected_user"] is True


def test_host_of_a_workgroup_and_its_own_account_are_left_alone(folder: Path) -> None:
    evidence = seen(folder, "own", "web04")
    assert "is an account of the host" in evidence["account"]["unknown"]
    assert steps(evidence, "as") == []


@pytest.mark.parametrize(("host", "code"), [("user01", 18), ("user07", 24)])
def test_refused_account_reads_nothing_and_the_rest_comes(folder: Path, host: str, code: int) -> None:
    evidence = seen(folder, "refused", host)
    assert [one[1:] for one in steps(evidence, "as")] == [("refused", code)]
    assert evidence["account"]["unknown"] == f"{host}@LAB.TEST is refused itself: set domain_username and domain_password to read with another account"
    assert evidence["controllers"][0]["root"]["dns_host_name"] == "dc1.lab.test"
    assert "binds" not in evidence
    other = seen(folder, "read", host)
    assert other["account"]["name"] == host
    assert [step["outcome"] for step in other["steps"] if step["own"]] == ["granted"], "asked with the reader's ticket"


def test_forest_is_searched_without_a_host(folder: Path) -> None:
    evidence = seen(folder, "forest", "localhost")
    assert {one["spn"] for one in evidence["duplicates"]} >= {"WSMAN/spn05.lab.test", "WSMAN/SPN05"}
    assert [one["spn"] for one in evidence["matches"]][:3] == ["HOST/SPN04", "HTTP/SPN04", "RestrictedKrbHost/SPN04"]
    assert {"WSMAN/krb01.lab.test", "WSMAN/krb05.lab.test"} <= {one["spn"] for one in evidence["matches"]}
    assert evidence["trusts"][0]["partner"] == "other.test"
    assert isinstance(evidence["forecast"], list)
    assert "target" not in result(folder, "forest", "localhost")


@pytest.mark.parametrize(
    ("call", "ways"),
    [
        ("ldaps", [("kerberos", "ldaps", "refused"), ("ntlm", "ldaps", "refused"), ("simple", "ldaps", "granted")]),
        ("start_tls", [("simple", "start_tls", "granted")]), ("ntlm", [("ntlm", "sealed", "granted")]), ("by_address", [("kerberos", "sealed", "granted")]),
        ("untrusted", []),
    ],
)
def test_ways_into_the_directory(folder: Path, call: str, ways: list[tuple[str, str, str]]) -> None:
    """Samba before 4.20 takes neither Kerberos nor NTLM inside TLS; Active Directory does, and then the first way is granted."""
    evidence = seen(folder, call, "localhost")
    tried = [(bind["method"], bind["transport"], bind["outcome"]) for bind in evidence.get("binds", ())]
    assert tried == ways or (call == "ldaps" and tried == [("kerberos", "ldaps", "granted")])
    if call == "untrusted":
        assert "No TLS with dc1.lab.test" in evidence["account"]["unknown"]
    else:
        assert evidence["account"]["name"] == "reader"


def test_controller_by_its_address_names_its_domain(folder: Path) -> None:
    evidence = seen(folder, "by_address", "localhost")
    assert (evidence["domain"], evidence["domain_from"]) == ("lab.test", "controller")
    assert evidence["controllers"][0]["found_by"] == ["option", "dns"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("nonsense", "Nonsense.example: no controller of Nonsense.example is known: DNS has no SRV records for them, and krb5.conf names no KDC; "
                     "reader of lab.test may log on."),
        ("dead", "lab.test: 127.66.0.99, which domain_controllers names, does not answer on port 389, so dc1.lab.test was asked; reader may log on."),
    ],
)
def test_what_the_options_name_in_vain_is_told_first(folder: Path, call: str, words: str) -> None:
    assert result(folder, call, "localhost")["msg"] == words


@pytest.mark.parametrize(
    ("call", "host", "words"),
    [
        ("nothing", "localhost", "Neither a host nor a domain is named. Expected: a Windows host of the inventory, or a domain."),
        ("subset", "krb01", "The option gather_subset is empty. Expected: at least one of controllers, kerberos"),
        ("pattern", "krb01", "The option spn_patterns has 'web01'. Expected: class/name with asterisks"),
        ("secret", "krb01", "The option domain_password is set, but domain_username is not. Expected: both or neither."),
    ],
)
def test_bad_option_is_named_with_what_was_expected(folder: Path, call: str, host: str, words: str) -> None:
    assert words in result(folder, call, host)["msg"]


def test_wrong_password_of_the_reader_is_used_once_for_all_hosts(folder: Path) -> None:
    outcomes = [steps(seen(folder, "wrong", path.name), "as")[-1] for path in (folder / "wrong").iterdir()]
    assert len(outcomes) == 7
    assert {outcome for _name, outcome, _code in outcomes} == {"refused"}
    assert {seen(folder, "wrong", path.name)["account"]["unknown"] for path in (folder / "wrong").iterdir()} == {
        "reader, which domain_username names, is refused itself, 24 (KDC_ERR_PREAUTH_FAILED): The password is wrong: correct domain_password",
    }
    assert witness(folder, "reader")["badPwdCount"] == ["1"]


def test_no_secret_and_no_ticket_and_no_file_is_left(folder: Path) -> None:
    realms: dict[str, dict[str, str]] = json.loads((folder / "accounts.json").read_text(encoding="utf-8"))
    secrets = {secret for accounts in realms.values() for secret in accounts.values()}
    assert len(secrets) > 5
    # Ansible itself quotes a task that failed as its author wrote it, with what stands in it in place of a template.
    written = {"surely-not-this", "no-name-for-it"}
    for path in (*folder.glob("*.out"), *(path for call in CALLS for path in (folder / call).glob("*"))):
        text = path.read_text(encoding="utf-8")
        assert [secret for secret in secrets | (set() if path.suffix == ".out" else written) if secret in text] == [], path
    assert (folder / "left").read_text(encoding="utf-8").split() == []
    assert "krbtgt" not in (folder / "tickets").read_text(encoding="utf-8")


def test_result_stays_small(folder: Path) -> None:
    assert max(path.stat().st_size for path in (folder / "own").iterdir()) < 40_000
    assert all(len(json.dumps(result(folder, "own", path.name))) < 20_000 for path in (folder / "own").iterdir())
