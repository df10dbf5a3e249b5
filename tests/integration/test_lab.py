# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a guest without any WinRM library sees it: sockets, TLS, names. And what is left when it is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from needs import NAMESPACE

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"
POST = r"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

pytestmark = NAMESPACE

# Runs inside: for each "host port plain|tls" one line, the error's name and text or the first line received.
GUEST = f"""
import os, socket, ssl, sys
for line in sys.argv[1:]:
    host, port, way = line.split()
    name = host + ".lab.test"
    try:
        with socket.create_connection((name, int(port)), 1) as sock:
            if way == "tls":
                sock = ssl.create_default_context(cafile=os.environ["WINRM_DOCTOR_LAB_CA"]).wrap_socket(sock, server_hostname=name)
            sock.sendall(b"{POST}")
            print(line, "|", sock.recv(4096).split(b"\\r\\n")[0].decode().strip())
    except OSError as error:
        print(line, "|", type(error).__name__, error)
"""
SEEN = {
    "web01 5985 plain": "HTTP/1.1 401",
    "web02 5986 tls": "HTTP/1.1 401",
    "app01 5986 plain": "ConnectionRefusedError",
    "app03 5985 plain": "TimeoutError",
    "app05 445 plain": "TimeoutError",
    "app06 5985 plain": "gaierror",
    "app07 5985 plain": "Network is unreachable",
    "app08 5985 plain": "TimeoutError",
    "app09 5985 plain": "HTTP/1.1 404 Not Found",
    "app10 5985 plain": "HTTP/1.1 503 Service Unavailable",
    "app11 5986 tls": "SSLError",
    "sql01 5986 tls": "certificate has expired",
    "sql02 5986 tls": "certificate is not yet valid",
    "sql03 5986 tls": "self-signed certificate",
    "sql05 5986 tls": "unable to get local issuer certificate",
    "sql06 5986 tls": "Hostname mismatch",
    "sql08 5986 tls": "unsuitable certificate purpose",
    "sql10 5986 tls": "ConnectionResetError",
    "edge04 5985 plain": "HTTP/1.1 407 Proxy Authentication Required",
    "edge05 5985 plain": "SSH-2.0-",
}


def inside(hosts: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command inside the lab."""
    whole = [sys.executable, str(LAB), "--only", hosts, "run", "--", *command]
    return subprocess.run(whole, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def guest() -> dict[str, str]:
    """What the guest saw, by question; one lab for all of them."""
    done = inside(",".join(dict.fromkeys(line.split()[0] for line in SEEN)), sys.executable, "-c", GUEST, *SEEN)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" | ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("question", SEEN)
def test_fault_is_real(guest: dict[str, str], question: str) -> None:
    assert SEEN[question] in guest[question]


def test_names_lead_both_ways() -> None:
    code = "import socket; print(socket.gethostbyname('web01.lab.test'), socket.gethostbyaddr('127.66.1.1')[0])"
    assert inside("web01", sys.executable, "-c", code).stdout == "127.66.1.1 web01.lab.test\n"


@pytest.mark.parametrize("action", [("up",), ("run", "--", "sleep", "60")], ids=["up", "run"])
def test_sigterm_while_it_starts_leaves_nothing(tmp_path: Path, action: tuple[str, ...]) -> None:
    process = started(tmp_path, "--bench", "100", *action)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == (0 if action == ("up",) else 128 + signal.SIGTERM)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_it_is_up_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, "--only", "web01", "up")
    assert process.stdout
    assert process.stdout.readline().startswith("WINRM_DOCTOR_LAB_CA=")
    process.send_signal(number)
    assert process.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


def test_names_come_from_the_lab_where_the_system_asks_elsewhere(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    assert unshare
    switch = "sed 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf > $0 && mount --bind $0 /etc/nsswitch.conf && exec \"$@\""
    options = ["-m"] if os.geteuid() == 0 else ["-Urm"]
    code = "import socket; print(socket.gethostbyname('web01.lab.test'))"
    guest = [sys.executable, str(LAB), "--only", "web01", "run", "--", sys.executable, "-c", code]
    done = subprocess.run([unshare, *options, "sh", "-c", switch, str(tmp_path / "switch"), *guest], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "127.66.1.1\n", done.stderr


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A lab that has just made its own folder in this one, and whose signals are those of a program started by hand."""
    code = "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, sys.executable, str(LAB), *arguments]
    process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)}, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not any(folder.glob("winrm-doctor-lab-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    return process
