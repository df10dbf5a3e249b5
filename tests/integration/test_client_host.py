# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis of the logon of a Windows machine that the inventory names, through Ansible: whose logon it is, what is judged by that machine's own side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from needs import DOMAIN
from steps import LAB, REPOSITORY
from surroundings import surroundings

pytestmark = DOMAIN
HERE = Path(__file__).parent
CALLS = {"cl01": "ch0*", "cl02": "ch01", "cl03": "ch01", "cl04": "ch01", "cl05": "ch01,ch06", "cl06": "ch01,ch06", "ch01": "ch01"}
"""Client to the hosts that are diagnosed."""
SCREENS = ("cl01", "cl05")
READ = "as the two are set up, nothing speaks against the logon from cl01, which was not tried."
PLAY = """
- hosts: "{hosts}"
  gather_facts: false
  tasks:
    - winrm.doctor.diagnose: {{client_host: {client}, connect_timeout: 1}}
      register: troubleshoot_diagnosis
    - winrm.doctor.report: {{}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every call in one lab; Ansible writes each host's result as JSON."""
    where = tmp_path_factory.mktemp("client_host")
    lines = []
    for client, hosts in CALLS.items():
        arguments = json.dumps({"client_host": client, "connect_timeout": 1})
        lines.append(f"ansible '{hosts}' -f 4 -m winrm.doctor.diagnose -a '{arguments}' -t {client} > {client}.out 2>&1")
    for client in SCREENS:
        (where / f"{client}.yml").write_text(PLAY.format(hosts=CALLS[client], client=client), encoding="utf-8")
        lines.append(f"COLUMNS=120 ansible-playbook {client}.yml -f 4 > {client}.screen 2>&1")
    (where / "run.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_HOME=str(where / "home"), ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    lab = [sys.executable, str(LAB), "--file", str(HERE / "client_host.yml"), "--domain", "run", "--", "sh", "run.sh"]
    subprocess.run(lab, cwd=where, env=environment, check=True, timeout=300)
    return where


def result(folder: Path, client: str, host: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads((folder / client / host).read_text(encoding="utf-8"))
    return found


def rules(found: dict[str, t.Any]) -> list[tuple[str, str]]:
    return [(one["cause"], one["rule"]) for one in found["findings"]]


def screen(folder: Path, client: str) -> str:
    return " ".join((folder / f"{client}.screen").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("client", "host", "expected"),
    [
        pytest.param("cl01", "ch01", [], id="healthy pair"),
        pytest.param("cl01", "ch02", [("service_config", "client_trusted_hosts")], id="TrustedHosts lacks the address"),
        pytest.param("cl01", "ch03", [("certificate", "client_distrusts"), ("certificate", "unknown_root")], id="authority that neither of the two knows"),
        pytest.param("cl01", "ch04", [("spn", "only_host")], id="WSMAN is nobody's"),
        pytest.param("cl01", "ch05", [("spn", "client_spn_owner")], id="HTTP is another's"),
        pytest.param("cl01", "ch06", [], id="healthy pair over HTTPS"),
        pytest.param("cl02", "ch01", [("service_config", "client_method_off")], id="methods forbidden by policy"),
        pytest.param("cl03", "ch01", [("domain_trust", "client_workgroup"), ("service_config", "client_trusted_hosts")], id="client in a workgroup"),
        pytest.param("cl04", "ch01", [("time_skew", "client_clock")], id="clock of the client"),
        pytest.param("cl05", "ch01", [], id="client that is switched off"),
        pytest.param("cl06", "ch01", [], id="client that may not be read"),
        pytest.param("ch01", "ch01", [], id="the host itself"),
    ],
)
def test_pair(folder: Path, client: str, host: str, expected: list[tuple[str, str]]) -> None:
    found = result(folder, client, host)
    assert rules(found) == expected
    assert found["msg"].startswith(f"{client} -> {host}: " if client != host else f"{host}: the logon works.")
    assert found["client_host"]["name"] == client


def test_healthy_pair_says_by_what_it_was_judged(folder: Path) -> None:
    found = result(folder, "cl01", "ch06")
    assert found["msg"] == f"cl01 -> ch06: {READ} This control node's own logon works."
    assert found["client_host"]["read"] is True
    assert found["notes"][:2] == [
        "The client side of cl01 was read (LAB\\operator, ntlm over https). Its logon is judged by how the two are set up; it was not tried.",
        "cl01 -> ch06: as a Windows client it asks Kerberos for HTTP/ch06.lab.test, for which the computer CH06$ answers; by its own stores it trusts the "
        "authority of the certificate that the host presents.",
    ]
    assert found["evidence"]["client"]["certificates"]["presented"]["outcome"] == "trusted"


def test_clients_stores_judge_the_certificate(folder: Path) -> None:
    found = result(folder, "cl01", "ch03")
    assert found["evidence"]["client"]["certificates"]["presented"]["outcome"] == "untrusted_root"
    first, second = found["findings"]
    assert "cl01 does not trust the certificate that the host presents: it ends in CN=Somebody Else's Root CA" in first["summary"]
    assert not [one for one in first["remedies"] if "ansible_" in one.get("how", "")]
    assert second["summary"].startswith("Of this control node alone: ")


def test_what_is_this_control_nodes_alone_does_not_lead(folder: Path) -> None:
    assert result(folder, "cl01", "ch04")["msg"].startswith(f"cl01 -> ch04: {READ} spn (confirmed): Of this control node alone: Nobody carries WSMAN/ch04.")


@pytest.mark.parametrize(
    ("client", "words"),
    [("cl05", "cl05.lab.test does not answer on TCP 5986."), ("cl06", "its account in the inventory may not read it (winrm/config, cmd (WinRS), WMI ")],
)
def test_client_that_was_not_read_says_why_and_what_to_do(folder: Path, client: str, words: str) -> None:
    told = result(folder, client, "ch01")
    assert told["client_host"]["read"] is False
    assert told["client_host"]["note"].startswith(f"The client side of {client} was not read: {words}")
    assert told["client_host"]["note"].endswith(f"Let the inventory log on to {client} as one of its administrators.")


def test_screen_names_the_pair_and_tells_of_the_client_once(folder: Path) -> None:
    told = screen(folder, "cl01")
    assert told.count("The client side of cl01 was read") == 1
    assert "cl01 -> ch02 (http" in told
    assert "cl01 -> ch01, cl01 -> ch06" in told
    dead = screen(folder, "cl05")
    assert dead.count("cl05.lab.test does not answer") == 1
    assert "The logon of the client was not judged; this control node's own logon works: cl05 -> ch01, cl05 -> ch06" in dead
