# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One set of expectations for three kinds of host: recorded ones, the lab's, and a real one that the environment names."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from lab.namespace import prefix
from replay.recorder import RUNGS, Sanitiser, names_of, play, record, target_of
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
RECORDINGS = sorted((REPOSITORY / "tests" / "replay" / "recordings").glob("*.json"))
IN_THE_LAB = {
    "web01": ("http", "negotiate"), "web02": ("https", "ntlm"), "web04": ("https", "basic"), "perm05": ("http", "ntlm"), "credssp01": ("https", "credssp"),
}
Recording = dict[str, t.Any]


def expect_sense(recording: Recording) -> None:
    """What must hold for every Windows that lets an account in."""
    assert recording["outcome"] == "accepted"
    kinds = [(leg.get("token") or {}).get("kind") for leg in recording["handshake"]]
    assert kinds[-1] in ("ntlm_authenticate", "kerberos_ap_req", "basic", "credssp_tls", "certificate")
    assert recording["handshake"][-1]["reply"]["status"] == 200
    assert recording["rungs"]["identify"] == "passed"
    identity = next(item["answer"] for item in recording["exchanges"] if item["what"] == "Identify")
    assert "Microsoft Corporation" in identity
    assert "OS: 0.0.0" not in identity, "whoever has logged on is told the version"
    played = play(recording)
    assert {rung.name: rung.status for rung in played} == recording["rungs"]
    for rung in played:
        assert rung.means.endswith(".")
        assert rung.status != "denied" or rung.legs[-1].fault is not None


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recording(path: Path) -> None:
    expect_sense(json.loads(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of the lab's hosts, made by the script that records real ones."""
    if not prefix():
        pytest.skip("the lab's own DNS needs a network namespace (unshare), which this machine does not allow")
    folder = tmp_path_factory.mktemp("replay")
    script = ["import os, subprocess, sys, yaml", 'known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]', "passwords = []",
              f"for name, (scheme, method) in {IN_THE_LAB!r}.items():", '    host = {**known["vars"], **known["hosts"][name]}',
              '    live = {"HOST": host["ansible_host"], "SCHEME": scheme, "AUTH": method, "USER": host["ansible_user"], "PASSWORD": host["ansible_password"]}',
              '    live["CA"] = os.environ["WINRM_DOCTOR_LAB_CA"]', '    passwords.append(host["ansible_password"])',
              '    environment = {**os.environ, **{f"WINRM_DOCTOR_LIVE_{key}": value for key, value in live.items()}}',
              f'    subprocess.run([sys.executable, {str(REPOSITORY / "tests" / "replay" / "record.py")!r}, f"{{name}}.json"], env=environment, check=True)',
              'open("passwords", "w").write("\\n".join(passwords))']
    command = [sys.executable, str(LAB), "--only", ",".join(IN_THE_LAB), "run", "--", sys.executable, "-c", "\n".join(script)]
    done = subprocess.run(command, cwd=folder, env=surroundings(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", IN_THE_LAB)
def test_host_of_the_lab(lab: Path, name: str) -> None:
    recording = json.loads((lab / f"{name}.json").read_text(encoding="utf-8"))
    expect_sense(recording)
    denied = {"config": "denied", "cmd": "denied"} if name == "perm05" else {}
    assert recording["rungs"] == {**dict.fromkeys(RUNGS, "passed"), **denied}


@pytest.mark.parametrize("name", IN_THE_LAB)
def test_recording_names_nobody(lab: Path, name: str) -> None:
    text = (lab / f"{name}.json").read_text(encoding="utf-8").lower()
    for word in (name, "lab.test", "lab\\\\", "operator", *(lab / "passwords").read_text(encoding="utf-8").lower().split("\n")):
        assert word not in text, word


def test_real_host() -> None:
    found = target_of(os.environ)
    if found is None:
        pytest.skip("no real Windows host is named in the environment")
    target, method = found
    address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)[0][4][0]
    expect_sense(record(target, str(address), method))


def test_sanitiser_replaces_the_same_by_the_same() -> None:
    target = from_params({"host": "web01.corp.test", "inventory_name": "web01", "username": "CORP\\alice", "password": "x"})
    clean = Sanitiser(names_of(target, ()))
    guid = "6F9619FF-8B86-D011-B42D-00C04FC964FF"
    told = clean({"a": f"WEB01.corp.test {guid} S-1-5-21-11-22-33-1104 10.1.2.3 alice", "b": [f"uuid:{guid.lower()}", "10.1.2.4", "10.1.2.3", "AB" * 20]})
    assert told["a"] == "host.example 00000000-0000-0000-0000-000000000001 S-1-5-21-1-2-3-1 192.0.2.1 user"
    assert told["b"] == ["uuid:00000000-0000-0000-0000-000000000001", "192.0.2.2", "192.0.2.1", f"{1:040d}"]
