# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No lockout with a domain: the KDC is asked once for all hosts. What was counted is read by ldbsearch, what hosts saw from their own journal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from collections import Counter
from pathlib import Path

import pytest
from needs import DOMAIN, command
from surroundings import surroundings
from test_attempts import LAB, REPOSITORY, WRONG, Seen, runs_in

pytestmark = [*DOMAIN, command("ldbsearch", "ldb-tools"), command("kinit", "krb5-user")]

PASSWORD = "python3 -c \"import json, os; print(json.load(open(os.environ['WINRM_DOCTOR_LAB_ACCOUNTS']))['LAB.TEST']['operator'])\""
# A good logon sets the counter back, so that each run starts at 0 and none locks the account for the next.
READ = "ldbsearch -H $WINRM_DOCTOR_LAB_SAM '(sAMAccountName=operator)' badPwdCount lockoutTime | grep -i '^[bl]'"
COUNTER = f"{READ}; {PASSWORD} | kinit -c MEMORY:reset operator"
FLEET = {
    "wrong": f"-f 25 first.yml {WRONG}",
    "right": "-f 25 first.yml",
    "spellings": f"-f 10 first.yml {WRONG} -i spellings.yml -l 'winrm00*,psrp050,psrp051,psrp052'",
    "twice_allowed": f"-f 10 first.yml {WRONG} -e troubleshoot_attempts=2 -l 'winrm00*'",
    "silent": f"-f 10 first.yml {WRONG} -l 'winrm00*'",
}
SPELLINGS = """
bench_winrm: {vars: {ansible_user: operator@lab.test}}
bench_psrp: {hosts: {psrp050: {ansible_user: lab\\OPERATOR}, psrp051: {ansible_user: LAB.TEST\\operator}, psrp052: {ansible_user: Operator@LAB.TEST}}}
"""
ONCE = ("wrong", "spellings", "twice_allowed")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    folder = tmp_path_factory.mktemp("kdc")
    # The lab's firewall answers nobody at ports that are closed.
    (folder / "silent.conf").write_text("[libdefaults]\n default_realm = LAB.TEST\n[realms]\n LAB.TEST = {\n  kdc = 127.66.1.1\n }\n", encoding="utf-8")
    silent = {"silent": "KRB5_CONFIG=$PWD/silent.conf"}
    return runs_in(folder, ["--domain", "--bench", "50"], FLEET, after=COUNTER, settings=silent, spellings=SPELLINGS)


def counted(seen: Seen) -> int:
    """badPwdCount, after making sure that nobody is locked out."""
    assert "lockoutTime" not in seen.witness or "lockoutTime: 0" in seen.witness, seen.witness
    found = re.search(r"^badPwdCount: (\d+)$", seen.witness, re.MULTILINE)
    assert found, seen.witness
    return int(found[1])


@pytest.mark.parametrize("name", ONCE)
def test_wrong_password_is_counted_once_and_no_host_sees_it(fleet: dict[str, Seen], name: str) -> None:
    seen = fleet[name]
    assert len(seen.hosts) == (100 if name == "wrong" else 13 if name == "spellings" else 10)
    assert counted(seen) == 1
    assert seen.attempts == []


@pytest.mark.parametrize("name", ONCE)
def test_every_host_names_the_password(fleet: dict[str, Seen], name: str) -> None:
    for host in fleet[name].hosts.values():
        first = host["findings"][0]
        assert (host["status"], first["cause"], first["verdict"]) == ("trouble", "credentials", "confirmed")
        assert "password" in first["summary"]
        assert not first.get("tied_with")


def test_screen_says_it_once_for_all(fleet: dict[str, Seen]) -> None:
    assert "100 hosts alike" in fleet["wrong"].output
    assert fleet["wrong"].output.count("CONFIRMED") == 1


def test_right_password_works_everywhere(fleet: dict[str, Seen]) -> None:
    seen = fleet["right"]
    assert counted(seen) == 0
    assert Counter(host["status"] for host in seen.hosts.values()) == {"clear": 100}
    assert {attempt["ended"] for attempt in seen.attempts} == {"accepted"}


def test_without_a_kdc_one_host_serves_as_canary(fleet: dict[str, Seen]) -> None:
    seen = fleet["silent"]
    assert counted(seen) == 0
    assert len(seen.attempts) == 1
    assert Counter(host["status"] for host in seen.hosts.values())["trouble"] >= 1
    refuser = seen.attempts[0]["host"].lower()
    others = [host["msg"] for host_name, host in seen.hosts.items() if host_name != refuser]
    assert len(others) == 9
    assert all(f"refused on {refuser}" in message for message in others)


READER = """
troubleshoot_domain_username: reader@lab.test
troubleshoot_domain_password: "{{ (lookup('file', lookup('env', 'WINRM_DOCTOR_LAB_ACCOUNTS')) | from_json)['LAB.TEST'].reader }}"
"""
IN_A_ROW = {
    "first": f"-f 10 first.yml {WRONG} -e @reader.yml",
    "second": f"-f 10 first.yml {WRONG} -e @reader.yml",
    "third": f"-f 10 first.yml {WRONG} -e @reader.yml",
    "two_plays": f"-f 10 first.yml again.yml {WRONG} -e @reader.yml",
    "right": "-f 10 first.yml -e @reader.yml",
    "right_allowed": "-f 10 first.yml -e @reader.yml -e troubleshoot_attempts=2",
}
FULL = r'Not tried: badPwdCount of operator is 2 at dc1\.lab\.test, and the policy "Default Domain Policy" locks at 3 within 30 minutes'


@pytest.fixture(scope="module")
def in_a_row(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """Runs whose failures add up: nobody sets the counter back in between."""
    folder = tmp_path_factory.mktemp("row")
    (folder / "reader.yml").write_text(READER, encoding="utf-8")
    return runs_in(folder, ["--domain", "--bench", "5"], IN_A_ROW, after=READ)


@pytest.mark.parametrize(("name", "count"), [("first", 1), ("second", 2), ("third", 2), ("two_plays", 2), ("right", 2), ("right_allowed", 0)])
def test_wrong_password_in_a_schedule_stops_one_short_of_the_lock(in_a_row: dict[str, Seen], name: str, count: int) -> None:
    assert counted(in_a_row[name]) == count
    assert name == "right_allowed" or in_a_row[name].attempts == []


@pytest.mark.parametrize("name", ["third", "two_plays", "right"])
def test_every_host_says_why_the_password_was_not_used_and_what_to_do(in_a_row: dict[str, Seen], name: str) -> None:
    seen = in_a_row[name]
    assert len(seen.hosts) == 10
    for host in seen.hosts.values():
        assert host["status"] == "unproven"
        assert re.search(FULL, host["msg"]), host["msg"]
        assert re.search(r"Wait until .*\d\d:\d\d UTC, prove the password elsewhere, or set attempts to 2\.", host["msg"])
    plays = 2 if name == "two_plays" else 1
    assert " ".join(seen.output.split()).count("one more wrong password would lock the account") == plays, "the screen says it once for all"


def test_who_allows_two_failures_has_the_password_tried(in_a_row: dict[str, Seen]) -> None:
    assert Counter(host["status"] for host in in_a_row["right_allowed"].hosts.values()) == {"clear": 10}
    assert Counter(host["status"] for host in in_a_row["first"].hosts.values()) == {"trouble": 10}


ONE_BY_ONE = """
import json, os, subprocess, sys
from ansible_collections.winrm.doctor.plugins.module_utils.collect import attempts, endpoint, logon
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import encode
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
lines = subprocess.run(["ansible-inventory", "-i", os.environ["WINRM_DOCTOR_LAB_INVENTORY"], "--list"], capture_output=True, text=True, check=True).stdout
book = attempts.Book(os.getppid())
for name in sys.argv[1:]:
    name, _colon, given = name.partition(":")
    known = json.loads(lines)["_meta"]["hostvars"][name]
    auth = given or known.get("ansible_psrp_auth") or known.get("ansible_winrm_transport") or "negotiate"
    way = dict(inventory_name=name, host=known["ansible_host"], port=5985, scheme="http", auth=[auth])
    target = from_params(dict(way, username=known["ansible_user"], password=known["ansible_password"]))
    seen = endpoint.observe(target, timeout=10, connect_timeout=2, thorough=False, revocation=False)
    found = logon.observe(target, seen, timeout=10, plan=logon.Plan(thorough=False), book=book)
    print(json.dumps({"name": name, "logon": encode(found)}), flush=True)
path = os.environ["WINRM_DOCTOR_LAB_DIR"] + "/attempts.jsonl"
print(json.dumps({"attempts": open(path).read().splitlines() if os.path.exists(path) else []}))
"""
# Host to the code that the KDC names the account's state by, and the NTSTATUS that tells it from others of that code. Samba adds none for a locked account.
DISABLED, EXPIRED, PASSWORD_EXPIRED, MUST_CHANGE, HOURS = 0xC0000072, 0xC0000193, 0xC0000071, 0xC0000224, 0xC000006F
STATES = {
    "user01": (18, DISABLED), "user02": (18, None), "user03": (18, EXPIRED), "user04": (23, PASSWORD_EXPIRED), "user05": (23, MUST_CHANGE), "user06": (6, None),
    "user07": (24, None), "user08": (18, HOURS), "user12": (18, DISABLED),
}
WELL = ("krb01", "krb03", "krb04", "krb07", "krb10", "krb12", "user10", "time01")


@pytest.fixture(scope="module")
def states() -> tuple[dict[str, dict[str, t.Any]], list[dict[str, str]]]:
    names = [*STATES, *WELL]
    ways = ["time01:negotiate" if name == "time01" else name for name in names]
    environment = surroundings(PYTHONPATH=str(REPOSITORY / ".cache" / "collections"), PATH=f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin")
    command = [sys.executable, str(LAB), "--only", ",".join(names), "run", "--", sys.executable, "-c", ONE_BY_ONE, *ways]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    *seen, last = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["name"]: one["logon"] for one in seen}, [json.loads(line) for line in last["attempts"]]


@pytest.mark.parametrize("name", STATES)
def test_state_of_an_account_is_named_without_trying_the_host(states: tuple[dict[str, t.Any], list[dict[str, str]]], name: str) -> None:
    logons, attempts = states
    own = logons[name]["attempts"][0]
    code, status = STATES[name]
    assert (own["outcome"], own["reason"], own["failure"]["step"], own["failure"]["code"]) == ("not_tried", "refused_by_kdc", "kdc", code)
    assert (logons[name]["kdc"][-1]["code"], logons[name]["kdc"][-1].get("status")) == (code, status)
    assert name.upper() not in {attempt["host"] for attempt in attempts}


def test_unknown_user_costs_no_password(states: tuple[dict[str, t.Any], list[dict[str, str]]]) -> None:
    assert {(step["name"], step["used"]) for step in states[0]["user06"]["kdc"]} == {("probe", False)}


@pytest.mark.parametrize("name", ["krb01", "krb03", "krb04", "krb07", "krb10", "krb12"])
def test_ticket_is_what_the_host_accepts(states: tuple[dict[str, t.Any], list[dict[str, str]]], name: str) -> None:
    seen = states[0][name]
    own = seen["attempts"][0]
    realm = "OTHER.TEST" if name == "krb07" else "LAB.TEST"
    assert (own["outcome"], own["proven"], own["proven_by"]) == ("accepted", True, f"the KDC of {realm}")
    assert own["mechanism"] == ("ntlm" if name == "krb12" else "kerberos")
    assert (seen["kdc"][-1]["name"], seen["kdc"][-1]["outcome"], seen["kdc"][-1]["ticket_encryption"]) == ("as", "granted", "AES256")


def test_kerberos_is_shown_to_work_where_the_inventory_spells_the_user_for_ntlm(states: tuple[dict[str, t.Any], list[dict[str, str]]]) -> None:
    """DOMAIN\\user is a principal's name to libkrb5, and nobody's; the other way is tried as user@REALM."""
    refused, other = states[0]["user10"]["attempts"]
    assert (refused["method"], refused["outcome"], refused["account"]) == ("ntlm", "refused", "LAB\\user10")
    assert (other["method"], other["outcome"], other["account"], other["own"]) == ("kerberos", "accepted", "user10@LAB.TEST", False)


def test_no_fallback_hides_a_ticket_that_the_host_refused(states: tuple[dict[str, t.Any], list[dict[str, str]]]) -> None:
    """A client's negotiate falls back to NTLM where it gets no ticket, not where the host refuses it."""
    own, other = states[0]["time01"]["attempts"]
    assert (own["method"], own["outcome"], own["own"]) == ("kerberos", "refused", True)
    assert (other["method"], other["outcome"], other["own"]) == ("ntlm", "accepted", False)


TWO_KDCS = """
import json, os, socket, subprocess, sys, threading, time
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.account import account_of
from ansible_collections.winrm.doctor.plugins.module_utils.collect import attempts, directory, kdc, ticket
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ChallengeEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import initial
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline

def forward(address, delay):
    listener = socket.create_server((address, 0))
    def pump(source, drain, wait):
        try:
            while data := source.recv(65536):
                time.sleep(wait)
                drain.sendall(data)
        except OSError:
            pass
        for one in (source, drain):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    def accept():
        while True:
            near, _peer = listener.accept()
            far = socket.create_connection((os.environ["WINRM_DOCTOR_LAB_DC_ADDRESS"], 88))
            threading.Thread(target=pump, args=(near, far, 0), daemon=True).start()
            threading.Thread(target=pump, args=(far, near, delay), daemon=True).start()
    def relay(data, client):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.sendto(data, (os.environ["WINRM_DOCTOR_LAB_DC_ADDRESS"], 88))
            answer = far.recv(65536)
        time.sleep(delay)
        datagrams.sendto(answer, client)
    def receive():
        while True:
            threading.Thread(target=relay, args=datagrams.recvfrom(65536), daemon=True).start()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(listener.getsockname())
    threading.Thread(target=accept, daemon=True).start()
    threading.Thread(target=receive, daemon=True).start()
    return f"{address}:{listener.getsockname()[1]}"

def counted():
    command = ["ldbsearch", "-H", os.environ["WINRM_DOCTOR_LAB_SAM"], f"(sAMAccountName={user})", "badPwdCount"]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return int(next(line for line in lines if line.startswith("badPwdCount")).split()[1])

def configure(*lines):
    with open("two.conf", "w") as target:
        target.write("[libdefaults]\\n default_realm = LAB.TEST\\n[realms]\\n LAB.TEST = {\\n" + "\\n".join(lines) + "\\n }\\n")
    os.environ["KRB5_CONFIG"] = os.path.abspath("two.conf")

def ask(name):
    challenge = ChallengeEvidence("LAB", netbios_domain="LAB", dns_domain="lab.test", membership="domain")
    target = from_params(dict(host="web01", inventory_name="web01", username=f"LAB\\\\{name}", password=WRONG))
    return kdc.ask_first(target, account_of(target.username, "web01", challenge), challenge, book, Deadline(20))[-1].code

def read(name):
    target = from_params(dict(host="web01.lab.test", port=5985, auth=["kerberos"], username=f"{name}@lab.test", password=WRONG))
    steps = directory.observe(target, Domain(name="lab.test"), timeout=30, plan=directory.Plan(frozenset(["kerberos", "account"])), book=book).steps
    return next(step.code for step in reversed(steps) if step.name == "as")

def get(name):
    wanted = ticket.Wanted("present", "FILE:" + os.path.abspath("cc"), f"{name}@LAB.TEST", WRONG)
    try:
        ticket.manage(wanted, timeout=20, book=book)
    except DoctorError as error:
        return int(str(error).partition(": ")[2].split()[0])

def library(name):
    try:
        initial.initial_ticket(name, WRONG)
    except deps.krb5.Krb5Error as error:
        return error.err_code + 1765328384

WRONG = "surely-not-this"
ROUNDS = (
    ("first", "operator", 0, ask), ("slow", "reader", 1.3, ask), ("directory", "spnwriter", 1.3, read), ("ticket", "service", 1.3, get),
    ("host", "admin", 0, library), ("library", "user10", 1.3, library),
)
seen, book = {}, attempts.Book(os.getppid())
for name, user, delay, work in ROUNDS:
    one, other = forward("127.66.0.71", delay), forward("127.66.0.72", delay)
    configure(f"kdc = {one}", f"kdc = {other}", f"primary_kdc = {other}", f"master_kdc = {other}")
    seen[name] = [work(user), counted()]
print(json.dumps(seen))
"""


def test_second_kdc_sees_no_wrong_password(tmp_path: Path) -> None:
    """libkrb5 asks the primary KDC again after a refusal, and the next one where an answer over UDP takes more than a second: two counts for one password."""
    environment = surroundings(PYTHONPATH=str(REPOSITORY / ".cache" / "collections"), PATH=f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin")
    command = [sys.executable, str(LAB), "--domain", "--only", "web01,user10", "run", "--", sys.executable, "-c", TWO_KDCS]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    _code, count = seen.pop("library")
    assert count > 1, "libkrb5 by itself, which is what this is about"
    assert seen == {name: [24, 1] for name in ("first", "slow", "directory", "ticket", "host")}
