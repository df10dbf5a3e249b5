# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped playbook over the whole lab: every fault is found, no healthy host is accused, and every way of running it agrees."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
from judged import complaint, confirmed, leading, row, told
from lab.scenario import Host, load
from needs import HAS_KERBEROS, HAS_SAMBA, NAMESPACE
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
PLAYBOOK = (REPOSITORY / "playbooks" / "diagnose-winrm.yml").read_text(encoding="utf-8")
HAS_DOMAIN = HAS_SAMBA and HAS_KERBEROS
EVERYBODY = load()
HOSTS = [host for host in EVERYBODY if HAS_DOMAIN or not host.needs_ad]
INSIDE = "ins"
"""How the hosts are called whose cause only the inside decides; they take the longest."""
ALONE = [host for host in EVERYBODY if not host.needs_ad and not host.name.startswith(INSIDE)]
"""Those whose truth is the same without a domain controller, but for the inside's."""
SOME = [host for host in HOSTS if not host.name.startswith(INSIDE)][::3]
"""Enough to see how a play runs otherwise."""
AMONG_SOME = f"-l '{','.join(host.name for host in SOME)}'"
LIMITED = "web01,sql01,app14"
BATCH = 17
# Without a reader: after two runs it would see what they have counted, and spare the accounts with a wrong password.
QUICK = "-e troubleshoot_connect_timeout=1 -e troubleshoot_report_path= -e troubleshoot_domain_username= -e troubleshoot_domain_password="
# Each run: name, and how ansible-playbook is called; they share one lab, so that they may be compared.
RUNS = {
    "first": "ansible-playbook -f 10 first.yml",
    "again": f"ansible-playbook -f 10 first.yml --diff {AMONG_SOME}",
    "check": f"ansible-playbook -f 10 first.yml --check --diff -l {LIMITED} -e troubleshoot_report_path=unwritten.json",
    "limit": f"ansible-playbook first.yml -l {LIMITED} --diff",
    "serial": f"ansible-playbook -f 10 serial.yml {QUICK} {AMONG_SOME}",
    "free": f"ansible-playbook -f 10 free.yml {QUICK} {AMONG_SOME}",
    "loud": f"ansible-playbook -f 10 first.yml -vvvv {QUICK} -l {LIMITED},app06,edge01,wrong01",
    "fail": "ansible-playbook first.yml -l web01,sql01,app03 -e troubleshoot_fail_on=confirmed -e troubleshoot_report_path=",
}

pytestmark = NAMESPACE


@dataclass(frozen=True)
class Runs:
    """What every run printed, its exit code, and the folder it ran in."""

    folder: Path

    def output(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text(encoding="utf-8")

    def code(self, name: str) -> int:
        return int((self.folder / f"{name}.code").read_text())

    def report(self, name: str = "first") -> dict[str, t.Any]:
        found: dict[str, t.Any] = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        return found

    def screen(self, name: str) -> str:
        """What the report printed, from its headline to the task's own line."""
        found = re.search(r"WINRM DOCTOR:.*?(?=\n(?:ok|changed): \[)", self.output(name), re.DOTALL)
        assert found, self.output(name)[-3000:]
        return found[0]


def run_in_lab(folder: Path, options: list[str], runs: t.Mapping[str, str]) -> Runs:
    """Run each command line of ansible-playbook in one lab; its output, exit code and report are kept by its name."""
    (folder / "first.yml").write_text(PLAYBOOK, encoding="utf-8")
    for name, line in {"serial": f"serial: {BATCH}", "free": "strategy: free"}.items():
        (folder / f"{name}.yml").write_text(PLAYBOOK.replace("  gather_facts: false", f"  gather_facts: false\n  {line}"), encoding="utf-8")
    lines = ["cp $WINRM_DOCTOR_LAB_INVENTORY inventory.yml"]
    for name, command in runs.items():
        lines += [f"{command} > {name}.out 2>&1; echo $? > {name}.code", f"[ -f winrm-doctor-report.json ] && cp winrm-doctor-report.json {name}.json"]
    (folder / "run.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", COLUMNS="120", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_HOME=str(folder / "home"), ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    command = [sys.executable, str(LAB), *options, "run", "--", "sh", "run.sh"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert (folder / f"{list(runs)[-1]}.code").exists(), f"{shlex.join(command)} stopped early:\n{done.stdout}\n{done.stderr}"
    return Runs(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return run_in_lab(tmp_path_factory.mktemp("scenarios"), [] if HAS_DOMAIN else ["--no-domain"], RUNS)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return run_in_lab(tmp_path_factory.mktemp("alone"), ["--no-domain"], {"first": f"{RUNS['first']} -l 'all:!{INSIDE}*'"})


def test_matrix_of_faults_and_first_causes(runs: Runs, matrix: list[tuple[str, ...]]) -> None:
    seen = runs.report()["hosts"]
    matrix += [row(host, seen[host.name]) for host in HOSTS]
    assert len(HOSTS) == len(seen)
    if HAS_DOMAIN:
        assert sum(host.healthy and host.needs_ad for host in HOSTS) >= 10


@pytest.mark.parametrize("host", ALONE, ids=lambda host: host.name)
def test_without_a_domain_controller_the_diagnosis_is_as_true(alone: Runs, host: Host) -> None:
    assert complaint(host, alone.report()["hosts"][host.name]) == ""


@pytest.mark.parametrize("host", [host for host in HOSTS if not host.healthy], ids=lambda host: host.name)
def test_true_cause_stands_among_the_first(runs: Runs, host: Host) -> None:
    seen = runs.report()["hosts"][host.name]
    assert seen["status"] == "trouble", seen["msg"]
    assert leading(seen) & set(host.causes), f"{host.wrong} But first: {seen['msg']}"
    assert set(host.causes) <= told(seen), f"{host.wrong} Not told: {set(host.causes) - told(seen)}"


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_nothing_confirmed_is_wrong(runs: Runs, host: Host) -> None:
    assert confirmed(runs.report()["hosts"][host.name]) <= set(host.causes)


@pytest.mark.parametrize("host", [host for host in HOSTS if host.healthy], ids=lambda host: host.name)
def test_healthy_host_gets_no_finding(runs: Runs, host: Host) -> None:
    seen = runs.report()["hosts"][host.name]
    assert seen["status"] == "clear", seen["msg"]


def test_two_faults_of_one_certificate_are_both_told(runs: Runs) -> None:
    rules = [finding["rule"] for finding in runs.report()["hosts"]["sql11"]["findings"]]
    assert rules == ["expired", "name_mismatch"]


def test_play_ends_well_whatever_the_hosts_do(runs: Runs) -> None:
    assert {name: runs.code(name) for name in RUNS if name != "fail"} == {name: 0 for name in RUNS if name != "fail"}
    recap = runs.output("first").partition("PLAY RECAP")[2]
    assert len(re.findall(r"unreachable=0 +failed=0 ", recap)) == len(HOSTS)


def test_second_run_changes_nothing(runs: Runs) -> None:
    assert "changed: [" in runs.output("first")
    assert "changed: [" not in runs.output("again")
    assert runs.report("again") == runs.report("first")


def test_check_mode_tells_what_would_change_and_writes_nothing(runs: Runs) -> None:
    assert "changed: [" in runs.output("check")
    assert "+sql01: certificate/expired confirmed" in runs.output("check")
    assert not (runs.folder / "unwritten.json").exists()


def test_limited_run_keeps_the_other_hosts(runs: Runs) -> None:
    assert runs.screen("limit").startswith("WINRM DOCTOR: 3 hosts, 2 in trouble, 1 with nothing wrong seen")
    assert runs.report("limit") == runs.report("first")


def test_serial_run_reports_batch_by_batch(runs: Runs) -> None:
    headlines = re.findall(r"WINRM DOCTOR: (\d+) hosts", runs.output("serial"))
    assert [int(number) for number in headlines] == [len(SOME[at : at + BATCH]) for at in range(0, len(SOME), BATCH)]


def test_free_strategy_reports_once_and_the_same(runs: Runs) -> None:
    assert runs.output("free").count("WINRM DOCTOR:") == 1
    well = sum(host.healthy for host in SOME)
    assert f"WINRM DOCTOR: {len(SOME)} hosts, {len(SOME) - well} in trouble, {well} with nothing wrong seen" in runs.output("free")


def test_fail_on_lets_the_right_host_fail_after_the_report(runs: Runs) -> None:
    assert runs.code("fail") == 2
    recap = runs.output("fail").partition("PLAY RECAP")[2]
    assert re.search(r"sql01 .*failed=1", recap)
    assert re.search(r"web01 .*failed=0", recap)
    assert re.search(r"app03 .*failed=0", recap)
    assert "WINRM DOCTOR: 3 hosts" in runs.output("fail")


def test_no_secret_shows_up_anywhere(runs: Runs) -> None:
    passwords = set(re.findall(r"password: (\S+)", (runs.folder / "inventory.yml").read_text(encoding="utf-8")))
    assert len(passwords) > 10
    for file in (*runs.folder.glob("*.out"), *runs.folder.glob("*.json")):
        text = file.read_text(encoding="utf-8")
        assert [password for password in passwords if password in text] == [], file.name


def test_screen_says_what_is_wrong_how_it_is_known_and_what_to_do(runs: Runs) -> None:
    screen = runs.screen("first")
    well = [host.name for host in HOSTS if host.healthy]
    assert screen.startswith(f"WINRM DOCTOR: {len(HOSTS)} hosts, {len(HOSTS) - len(well)} in trouble, {len(well)} with nothing wrong seen\n====")
    about = screen[screen.index("sql01  (https://sql01.lab.test:5986, psrp, ntlm)") :]
    about = about[: about.index("\n\n")]
    assert "  CONFIRMED  certificate: The host's certificate expired on " in about
    for heading in ("  How it is known", "  What to do", "  More: docs/causes/certificate.md"):
        assert heading in about
    works = re.search(r"The logon works: ([\w\s,]+)\n", screen)
    assert works
    assert sorted(re.findall(r"\w+", works[1])) == sorted(well)
    assert max(len(line) for line in screen.splitlines() if not line.startswith(" " * 8)) <= 120, "only commands may be longer"
