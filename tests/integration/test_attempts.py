# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No lockout: the attempts that the lab's hosts saw are counted, not those that the client believes to have made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from collections import Counter
from pathlib import Path

import pytest
from needs import NAMESPACE
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
PLAYBOOK = (REPOSITORY / "playbooks" / "diagnose-winrm.yml").read_text(encoding="utf-8")
QUICK = "-e troubleshoot_connect_timeout=2 -e troubleshoot_screen=summary"
WRONG = "-e ansible_password=surely-not-this"
FLEET = {
    "forks": f"-f 25 first.yml {WRONG}",
    "serial": f"-f 25 serial.yml {WRONG}",
    "free": f"-f 25 free.yml {WRONG}",
    "two_plays": f"-f 25 first.yml again.yml {WRONG}",
    "spellings": f"-f 25 first.yml {WRONG} -i spellings.yml",
    "local": f"-f 25 first.yml {WRONG} -e '{{\"ansible_user\": \"{{{{ inventory_hostname | upper }}}}\\\\operator\"}}'",
    "twice_allowed": f"-f 25 first.yml {WRONG} -e troubleshoot_attempts=2",
    "right": "-f 25 first.yml",
}
MIXED = {
    "refuser_last": "-f 1 first.yml",
    "refuser_first": "-f 1 reverse.yml",
    "refuser_first_twice": "-f 1 reverse.yml -e troubleshoot_attempts=2",
}
SPELLINGS = """
bench_winrm: {vars: {ansible_user: operator@lab.test, ansible_winrm_transport: ntlm}}
bench_psrp: {hosts: {psrp030: {ansible_user: operator}, psrp031: {ansible_user: LAB.TEST\\operator}, psrp032: {ansible_user: lab\\OPERATOR}}}
"""

pytestmark = NAMESPACE


class Seen(t.NamedTuple):
    """One run: what the hosts saw, and what the report says."""

    attempts: list[dict[str, str]]
    hosts: dict[str, dict[str, t.Any]]
    output: str
    witness: str = ""
    """What was printed after the run by a program that is not ours."""


def runs_in(
    folder: Path, lab: list[str], runs: dict[str, str], *, after: str = "true", settings: t.Mapping[str, str] | None = None, spellings: str = SPELLINGS,
) -> dict[str, Seen]:
    """Run each command line of ansible-playbook in one lab, the journal emptied in between, and `after` after each; `settings`: variables before a command."""
    for name, line in {"first": "", "again": "", "serial": "  serial: 7\n", "free": "  strategy: free\n", "reverse": "  order: reverse_inventory\n"}.items():
        (folder / f"{name}.yml").write_text(PLAYBOOK.replace("  gather_facts: false\n", f"  gather_facts: false\n{line}"), encoding="utf-8")
    (folder / "spellings.yml").write_text(spellings, encoding="utf-8")
    lines = ["J=$WINRM_DOCTOR_LAB_DIR/attempts.jsonl"]
    for name, arguments in runs.items():
        variables = (settings or {}).get(name, "")
        command = f"{variables} ansible-playbook -i $WINRM_DOCTOR_LAB_INVENTORY {arguments} {QUICK} -e troubleshoot_report_path={name}.report"
        lines += ["rm -f $J; touch $J", f"{command} > {name}.out 2>&1", f"cp $J {name}.jsonl", f"({after}) > {name}.witness 2>&1"]
    (folder / "run.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_HOME=str(folder / "home"), ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    subprocess.run([sys.executable, str(LAB), *lab, "run", "--", "sh", "run.sh"], cwd=folder, env=environment, check=True, timeout=420)
    seen = {}
    for name in runs:
        attempts = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        output = (folder / f"{name}.out").read_text(encoding="utf-8")
        assert (folder / f"{name}.report").exists(), output[-3000:]
        report = json.loads((folder / f"{name}.report").read_text(encoding="utf-8"))
        seen[name] = Seen(attempts, report["hosts"], output, (folder / f"{name}.witness").read_text(encoding="utf-8"))
    return seen


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    return runs_in(tmp_path_factory.mktemp("fleet"), ["--bench", "25"], FLEET)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    return runs_in(tmp_path_factory.mktemp("mixed"), ["--only", "web01,web02,web03,cbt01,cbt03"], MIXED)


@pytest.mark.parametrize("name", ["forks", "serial", "free", "two_plays", "spellings"])
def test_one_wrong_password_of_a_domain_account_is_used_once(fleet: dict[str, Seen], name: str) -> None:
    seen = fleet[name]
    assert len(seen.hosts) == 50
    assert len(seen.attempts) == 1, seen.attempts
    assert Counter(host["status"] for host in seen.hosts.values()) == {"trouble": 1, "unproven": 49}


def test_hosts_that_did_not_try_say_where_it_was_refused(fleet: dict[str, Seen]) -> None:
    seen = fleet["forks"]
    refuser = next(name for name, host in seen.hosts.items() if host["status"] == "trouble")
    assert seen.attempts[0]["host"] == refuser.upper()
    for name, host in seen.hosts.items():
        assert name == refuser or f"the same account was refused on {refuser}" in host["msg"]
    assert " ".join(seen.output.split()).count("a second refusal may lock it") == 1, "the screen says it once for all"


def test_local_accounts_count_for_each_host(fleet: dict[str, Seen]) -> None:
    assert Counter(attempt["host"] for attempt in fleet["local"].attempts) == {name.upper(): 1 for name in fleet["local"].hosts}


def test_user_who_knows_the_threshold_may_allow_more(fleet: dict[str, Seen]) -> None:
    assert len(fleet["twice_allowed"].attempts) == 2


def test_right_password_is_used_freely(fleet: dict[str, Seen]) -> None:
    seen = fleet["right"]
    assert {attempt["ended"] for attempt in seen.attempts} == {"accepted"}
    assert {host["status"] for host in seen.hosts.values()} == {"clear"}
    assert all(host["logon_works"] for host in seen.hosts.values())


def test_host_that_refuses_for_another_reason_does_not_stop_the_others(mixed: dict[str, Seen]) -> None:
    hosts = mixed["refuser_last"].hosts
    assert {name: host["status"] for name, host in hosts.items() if name != "cbt03"} == dict.fromkeys(("web01", "web02", "web03", "cbt01"), "clear")
    found = hosts["cbt03"]["findings"][0]
    assert (found["cause"], found["verdict"]) == ("channel_binding", "likely")


def test_refuser_that_comes_first_costs_one_attempt_and_blames_nobody_else(mixed: dict[str, Seen]) -> None:
    seen = mixed["refuser_first"]
    assert len(seen.attempts) == 1
    assert {name: host["status"] for name, host in seen.hosts.items() if name != "cbt03"} == dict.fromkeys(("web01", "web02", "web03", "cbt01"), "unproven")
    assert "channel_binding" in seen.hosts["cbt03"]["findings"][0]["tied_with"]


def test_refuser_that_comes_first_is_overruled_where_a_second_attempt_is_allowed(mixed: dict[str, Seen]) -> None:
    seen = mixed["refuser_first_twice"]
    assert [attempt["ended"] for attempt in seen.attempts if attempt["ended"] != "accepted"].count("refused 0xc000035b") in (1, 2)
    assert {host["status"] for name, host in seen.hosts.items() if name != "cbt03"} == {"clear"}
    assert re.search(r"The account LAB\\operator is refused by cbt03 but accepted by 4 other host", seen.output, re.IGNORECASE)


KILLED = """
import json, os, signal, sys, yaml
from ansible_collections.winrm.doctor.plugins.module_utils.collect import attempts, endpoint, logon
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire.channel import Channel
known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]["vars"]

def visit(name, kill):
    post = Channel.post
    def deadly(self, headers, body=b""):
        if kill and len(dict(headers).get("Authorization", "")) > 200:
            if kill == "after":
                post(self, headers, body)
            os.kill(os.getpid(), signal.SIGKILL)
        return post(self, headers, body)
    Channel.post = deadly
    way = dict(inventory_name=name, host=f"{name}.lab.test", port=5985, auth=["ntlm"])
    target = from_params(dict(way, username=known["ansible_user"], password=known["ansible_password"]))
    seen = endpoint.observe(target, timeout=10, connect_timeout=2, thorough=False, revocation=False)
    found = logon.observe(target, seen, timeout=10, plan=logon.Plan(thorough=False))
    print(found.attempts[0].outcome, found.attempts[0].reason, flush=True)

for name, kill in (("web01", sys.argv[1]), ("web02", "")):
    child = os.fork()
    if not child:
        visit(name, kill)
        os._exit(0)
    os.waitpid(child, 0)
path = os.environ["WINRM_DOCTOR_LAB_DIR"] + "/attempts.jsonl"
print(len(open(path).readlines()) if os.path.exists(path) else 0)
"""


@pytest.mark.parametrize(("moment", "arrived"), [("before", "0"), ("after", "1")])
def test_worker_killed_between_writing_and_answer_counts_as_used(moment: str, arrived: str) -> None:
    environment = surroundings(PYTHONPATH=str(REPOSITORY / ".cache" / "collections"))
    command = [sys.executable, str(LAB), "--only", "web01,web02", "run", "--", sys.executable, "-c", KILLED, moment]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["not_tried in_doubt", arrived], done.stderr
