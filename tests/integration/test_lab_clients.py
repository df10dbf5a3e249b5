# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that nobody here wrote log on to the lab's healthy hosts and run commands there; with a wrong password none of them does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from needs import NAMESPACE
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"

pytestmark = NAMESPACE

PYPSRP = """
import os, sys, yaml
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import Process, WinRS
from pypsrp.wsman import WSMan
known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]["vars"]
password = sys.argv[2] if len(sys.argv) > 2 else known["ansible_password"]
ways = {
    "http": dict(server="web01.lab.test", port=5985, ssl=False, auth="negotiate"),
    "ntlm": dict(server="web01.lab.test", port=5985, ssl=False, auth="ntlm"),
    "https": dict(server="web02.lab.test", port=5986, ssl=True, auth="ntlm", cert_validation=os.environ["WINRM_DOCTOR_LAB_CA"]),
    "basic": dict(server="web04.lab.test", port=5986, ssl=True, auth="basic", cert_validation=os.environ["WINRM_DOCTOR_LAB_CA"]),
}
with WSMan(username=known["ansible_user"], password=password, **ways[sys.argv[1]]) as wsman:
    with WinRS(wsman) as shell:
        process = Process(shell, "whoami")
        process.invoke()
        print("winrs:", process.stdout.decode().strip(), process.rc)
    with RunspacePool(wsman) as pool:
        power = PowerShell(pool)
        power.add_script("hostname")
        print("psrp:", power.invoke()[0])
"""
PYWINRM = """
import os, sys, yaml
import winrm
known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]["vars"]
password = sys.argv[2] if len(sys.argv) > 2 else known["ansible_password"]
ways = {
    "ntlm": ("http://web01.lab.test:5985/wsman", "ntlm"),
    "https": ("https://web03.lab.test:5986/wsman", "ntlm"),
    "basic": ("https://web04.lab.test:5986/wsman", "basic"),
}
address, transport = ways[sys.argv[1]]
session = winrm.Session(address, auth=(known["ansible_user"], password), transport=transport, ca_trust_path=os.environ["WINRM_DOCTOR_LAB_CA"])
print("cmd:", session.run_cmd("hostname").std_out.decode().strip())
print("powershell:", session.run_ps("whoami").std_out.decode().strip())
"""


def inside(*command: str, hosts: str = "web01,web02,web03,web04") -> subprocess.CompletedProcess[str]:
    """Run a command inside the lab."""
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    whole = [sys.executable, str(LAB), "--only", hosts, "run", "--", *command]
    return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("way", ["http", "ntlm", "https", "basic"])
def test_pypsrp(way: str) -> None:
    done = inside(sys.executable, "-c", PYPSRP, way)
    host = {"http": "WEB01", "ntlm": "WEB01", "https": "WEB02", "basic": "WEB04"}[way]
    # A host without a domain knows the account as one of its own.
    user = "web04\\operator" if way == "basic" else "lab\\operator"
    assert done.stdout.splitlines() == [f"winrs: {user} 0", f"psrp: {host}"], done.stderr


@pytest.mark.parametrize("way", ["ntlm", "https", "basic"])
def test_pywinrm(way: str) -> None:
    done = inside(sys.executable, "-c", PYWINRM, way)
    host = {"ntlm": "WEB01", "https": "WEB03", "basic": "WEB04"}[way]
    assert done.stdout.splitlines() == [f"cmd: {host}", "powershell: lab\\operator"], done.stderr


@pytest.mark.parametrize(("client", "way", "error"), [(PYPSRP, "http", "AuthenticationError"), (PYPSRP, "https", "AuthenticationError"),
                                                      (PYPSRP, "basic", "AuthenticationError"), (PYWINRM, "ntlm", "InvalidCredentialsError"),
                                                      (PYWINRM, "https", "InvalidCredentialsError"), (PYWINRM, "basic", "InvalidCredentialsError")])
def test_wrong_password_is_refused(client: str, way: str, error: str) -> None:
    done = inside(sys.executable, "-c", client, way, "wrong")
    assert done.returncode == 1
    assert error in done.stderr


@pytest.mark.parametrize(("module", "answer"), [(("ansible.builtin.raw", "-a", "hostname"), "WEB0{}"), (("ansible.windows.win_ping",), '"ping": "pong"')])
def test_ansible(module: tuple[str, ...], answer: str) -> None:
    done = inside("ansible", "all", "-m", *module)
    for number in range(1, 5):
        assert f"web0{number} | " in done.stdout
    assert done.returncode == 0, done.stdout
    assert all(answer.format(number) in done.stdout for number in range(1, 5))


def test_ansible_with_a_wrong_password() -> None:
    done = inside("ansible", "all", "-m", "ansible.builtin.raw", "-a", "hostname", "-e", "ansible_password=wrong")
    assert done.returncode == 4
    assert done.stdout.count("UNREACHABLE") == 4


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--data", "", "http://web01.lab.test:5985/wsman"), "401"),
        (("-H", "WSMANIDENTIFY: unauthenticated", "--data", "<x/>", "http://web01.lab.test:5985/wsman"), "200"),
        (("http://web01.lab.test:5985/wsman",), "405"),
        (("--data", "", "http://web01.lab.test:5985/other"), "404"),
    ],
)
def test_curl(arguments: tuple[str, ...], status: str) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    done = inside("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *arguments)
    assert done.stdout == status


WELL = ("credssp01", "cert01", "rmu01", "cbt01", "plain01")
REFUSING = {
    "auth01": "Failed to authenticate the user", "auth03": "NTStatus", "auth04": "NTStatus", "perm01": "Failed to authenticate the user",
    "perm02": "401|Access is denied|code: 500", "perm05": "Access is denied", "perm07": "not to allow remote shells",
    "quota01": "maximum number of concurrent shells", "cbt02": "Failed to authenticate the user", "ntlm01": "Failed to authenticate the user",
    "msg03": "Cannot use message encryption", "cert02": "Failed to authenticate|401|certificate", "conf01": "remote requests",
}
"""Hosts whose logon fails, and what Ansible says of each: words of pypsrp, of pywinrm, or of the fault."""


def test_ansible_logs_on_to_every_healthy_host() -> None:
    done = inside("ansible", "all", "-m", "ansible.builtin.raw", "-a", "hostname", hosts=",".join(WELL))
    assert done.returncode == 0, done.stdout
    assert all(name.upper() in done.stdout for name in WELL)


def test_ansible_fails_at_the_others_as_it_does_at_real_hosts() -> None:
    done = inside("ansible", "all", "-m", "ansible.builtin.raw", "-a", "hostname", hosts=",".join(REFUSING))
    for name, words in REFUSING.items():
        about = re.search(rf"^{name} \| .*?(?=^\S+ \| |\Z)", done.stdout, re.MULTILINE | re.DOTALL)
        assert about, (name, done.stdout)
        assert "rc=0" not in about[0], name
        assert re.search(words, about[0]), about[0]


NEGOTIATE = """
umask 077; file=$(mktemp)
python - "$file" <<END
import os, sys, yaml
known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]["vars"]
open(sys.argv[1], "w").write("LAB:operator:%s\\n" % (known["ansible_password"] if not os.environ.get("WRONG") else "wrong"))
END
NTLM_USER_FILE=$file curl -s --negotiate -u : -o /dev/null -w "%{http_code}\\n" --data "" http://web01.lab.test:5985/wsman
cat $WINRM_DOCTOR_LAB_DIR/attempts.jsonl; rm -f $file
"""
MECHANISMS = (Path("/etc/gss/mech.d"), Path("/usr/etc/gss/mech.d"))


@pytest.mark.parametrize(("wrong", "status", "ended"), [("", "200", "accepted"), ("1", "401", "refused 0xc000006a")])
def test_curl_negotiates_by_another_ntlm(wrong: str, status: str, ended: str) -> None:
    """gss-ntlmssp is an implementation of NTLM that shares no code with pyspnego; it checks the host's side of the handshake too."""
    if not shutil.which("curl") or not any("ntlmssp" in path.name for folder in MECHANISMS if folder.is_dir() for path in folder.iterdir()):
        pytest.skip("curl or the GSS mechanism gss-ntlmssp is not installed")
    done = inside("env", f"WRONG={wrong}", "sh", "-c", NEGOTIATE, hosts="web01")
    code, *seen = done.stdout.splitlines()
    assert code == status, done.stderr
    assert [json.loads(line)["ended"] for line in seen] == [ended]


def test_exit_code_is_that_of_the_command() -> None:
    assert inside("sh", "-c", "exit 7", hosts="web01").returncode == 7
    missing = inside("no-such-command", hosts="web01")
    assert (missing.returncode, missing.stderr) == (127, "lab: no-such-command: No such file or directory\n")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    environment: dict[str, t.Any] = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, str(LAB), "--only", "web01", "run", "--", "true"], env=environment, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
