# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module logon_info through Ansible, over the lab: methods, transports, rungs, bindings, other accounts; and pypsrp on a logon of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from needs import NAMESPACE
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
HOSTS = "web01,web02,web04,credssp01,cert01,rmu01,cbt01,cbt02,auth01,perm01,perm05,ntlm01,plain01,notab01,token01"
RESCUE = '{"alternate_logons": [{"name": "rescue", "username": "LAB\\\\operator", "password": "PASSWORD", "auth": ["ntlm"]}]}'
CALLS: dict[str, tuple[str, str]] = {
    "default": ("web02", ""),
    "methods": ("web04", '{"methods": ["ntlm", "basic"], "rungs": ["authenticate"]}'),
    "transports": ("web02", '{"methods": ["ntlm"], "transports": ["http", "https"], "rungs": ["authenticate", "identify"]}'),
    "bindings": ("web02", '{"methods": ["ntlm"], "channel_bindings": ["sent", "omitted", "wrong"], "rungs": ["authenticate"]}'),
    "strict": ("cbt01", '{"methods": ["ntlm"], "channel_bindings": ["sent", "omitted"], "rungs": ["authenticate"], "attempts": 2}'),
    "credssp": ("credssp01", ""),
    "certificate": ("cert01", ""),
    "rmu": ("rmu01", ""),
    "plain": ("plain01", ""),
    "notab": ("notab01", ""),
    "rescue": ("perm01", RESCUE),
    "rescue_wrong": ("auth01", RESCUE),
    "empty": ("web01", '{"rungs": []}'),
    "attempts": ("web01", '{"attempts": 0}'),
    "nameless": ("web01", '{"alternate_logons": [{"password": "x"}]}'),
    "unknown": ("web01", '{"methods": ["digest"]}'),
    "kerberos": ("web01", '{"methods": ["kerberos"]}'),
}
RIDE = """
import os, socket, yaml
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import methods
from ansible_collections.winrm.doctor.plugins.module_utils.wire.channel import Channel
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import Session
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.transport import psrp_client
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import Process, WinRS
known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]
for host, scheme, method in (("web01", "http", "negotiate"), ("web02", "https", "ntlm"), ("credssp01", "https", "credssp"), ("credssp01", "http", "credssp")):
    address = known["hosts"][host]["ansible_host"]
    way = dict(host=address, port=5985 if scheme == "http" else 5986, scheme=scheme, ca_path=os.environ["WINRM_DOCTOR_LAB_CA"])
    target = from_params(dict(way, username=known["vars"]["ansible_user"], password=known["vars"]["ansible_password"]))
    channel = Channel(target, socket.gethostbyname(address), way["port"], scheme, Deadline(20))
    made = lambda der: methods.method_for(method, target, der, "sent", ("Negotiate", "CredSSP"), once=True)
    session = Session(channel, made, name=method, sealed=scheme == "http")
    print(session.log_on(), end=" ")
    wsman = psrp_client(session, address, 10)
    with WinRS(wsman) as shell:
        process = Process(shell, "whoami")
        process.invoke()
        print(process.stdout.decode().strip(), end=" ")
    with RunspacePool(wsman) as pool:
        power = PowerShell(pool)
        power.add_script("hostname")
        print(power.invoke()[0], session.channel.open, flush=True)
"""

pytestmark = NAMESPACE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every call in one lab; Ansible writes each host's result as JSON."""
    where = tmp_path_factory.mktemp("logon_info")
    lines = ["P=$(sed -n 's/^    ansible_password: //p' $WINRM_DOCTOR_LAB_INVENTORY | head -1)", 'printf %s "$P" > password']
    for name, (host, arguments) in CALLS.items():
        (where / f"{name}.args").write_text(arguments, encoding="utf-8")

        lines += [f'sed -i "s/PASSWORD/$P/" {name}.args', f'ansible {host} -m winrm.doctor.logon_info -a "$(cat {name}.args)" -t {name} > {name}.out 2>&1']
    (where / "run.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_HOME=str(where / "home"), ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    subprocess.run([sys.executable, str(LAB), "--only", HOSTS, "run", "--", "sh", "run.sh"], cwd=where, env=environment, check=True, timeout=300)
    return where


def result(folder: Path, name: str) -> dict[str, t.Any]:
    """What the call registered."""
    found: dict[str, t.Any] = json.loads((folder / name / CALLS[name][0]).read_text(encoding="utf-8"))
    return found


def ways(folder: Path, name: str) -> list[tuple[str, ...]]:
    """Method, scheme, binding and outcome of each attempt."""
    return [(way["method"], way["scheme"], way["binding"], way["outcome"]) for way in result(folder, name)["logon"]["attempts"]]


def rungs(folder: Path, name: str) -> dict[str, str]:
    return {rung["name"]: rung["status"] for rung in result(folder, name)["logon"]["attempts"][0]["rungs"]}


ALL = dict.fromkeys(("authenticate", "identify", "config", "cmd", "powershell"), "passed")


@pytest.mark.parametrize("name", ["default", "credssp", "certificate", "plain", "notab"])
def test_whole_ladder_is_climbed(folder: Path, name: str) -> None:
    assert rungs(folder, name) == ALL
    legs = [leg for rung in result(folder, name)["logon"]["attempts"][0]["rungs"] for leg in rung["legs"]]
    assert all(leg["reply"]["status"] in (200, 401) for leg in legs)


def test_member_of_remote_management_users_gets_as_far_as_that_goes(folder: Path) -> None:
    assert rungs(folder, "rmu") == {**ALL, "config": "denied", "cmd": "denied"}
    denied = result(folder, "rmu")["logon"]["attempts"][0]["rungs"][3]
    assert denied["legs"][-1]["fault"]["code"] == 5
    assert denied["means"] == "Fault 5 (ERROR_ACCESS_DENIED): logged on, but not allowed to do this."


def test_chosen_methods_and_transports_and_bindings_alone_are_tried(folder: Path) -> None:
    assert ways(folder, "methods") == [("ntlm", "https", "sent", "accepted"), ("basic", "https", "", "accepted")]
    assert ways(folder, "transports") == [("ntlm", "http", "", "accepted"), ("ntlm", "https", "sent", "accepted")]
    assert ways(folder, "bindings") == [("ntlm", "https", "sent", "accepted"), ("ntlm", "https", "omitted", "accepted"), ("ntlm", "https", "wrong", "refused")]
    assert ways(folder, "strict") == [("ntlm", "https", "sent", "accepted"), ("ntlm", "https", "omitted", "refused")]


def test_decoded_tokens_stand_beside_their_replies(folder: Path) -> None:
    first, last = result(folder, "default")["logon"]["attempts"][0]["rungs"][0]["legs"]
    assert (first["token"]["kind"], first["answer"]["kind"], first["answer"]["text"]) == ("ntlm_negotiate", "ntlm_challenge", "web02.lab.test")
    assert (last["token"]["kind"], last["token"]["user"], last["token"]["channel_binding"]) == ("ntlm_authenticate", "LAB\\operator", True)


@pytest.mark.parametrize("name", ["rescue", "rescue_wrong"])
def test_other_account_is_tried_and_named(folder: Path, name: str) -> None:
    attempts = result(folder, name)["logon"]["attempts"]
    assert attempts[0]["outcome"] == "refused"
    expected = "refused" if name == "rescue" else "accepted"
    assert [(way["way"], way["account"], way["outcome"]) for way in attempts if way["way"]] == [("rescue", "LAB\\operator", expected)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("empty", "The option rungs is empty. Expected: at least one item"), ("attempts", "The option attempts is 0. Expected: a whole number from 1 on."),
        ("nameless", "Item 1 of alternate_logons has no username"),
        ("unknown", "The option methods is ['digest']. Expected: a list out of negotiate, kerberos"),
    ],
)
def test_bad_option_is_named_with_what_was_expected(folder: Path, name: str, words: str) -> None:
    assert words in result(folder, name)["msg"]
    assert "FAILED!" in (folder / f"{name}.out").read_text(encoding="utf-8")


def test_method_without_its_libraries_is_not_tried_and_says_so(folder: Path) -> None:
    way = result(folder, "kerberos")["logon"]["attempts"][0]
    assert way["outcome"] in ("not_tried", "broken")
    assert way["outcome"] == "broken" or way["reason"] in ("no_library", "not_offered")


def test_no_secret_comes_out(folder: Path) -> None:
    secret = (folder / "password").read_text(encoding="utf-8")
    assert len(secret) > 10
    for path in (*folder.glob("*.out"), *(path for name in CALLS for path in (folder / name).glob("*"))):
        text = path.read_text(encoding="utf-8")
        assert secret not in text, path
        assert "BEGIN PRIVATE KEY" not in text, path


def test_pypsrp_rides_on_a_logon_of_ours() -> None:
    environment = surroundings(PYTHONPATH=str(REPOSITORY / ".cache" / "collections"))
    command = [sys.executable, str(LAB), "--only", "web01,web02,credssp01", "run", "--", sys.executable, "-c", RIDE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    hosts = ["WEB01", "WEB02", "CREDSSP01", "CREDSSP01"]
    assert done.stdout.splitlines() == [f"accepted lab\\operator {host} True" for host in hosts], done.stderr
