# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of the lab's own: a private namespace with nothing but loopback, and the lab's name server in resolv.conf."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from .names import ADDRESS

MARK = "WINRM_DOCTOR_LAB_INSIDE"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8913, 0x8914, 0x1, 0x40
"""linux/sockios.h, linux/if.h."""


def inside() -> bool:
    """True within the lab's namespace."""
    return os.environ.get(MARK) == "1"


def prefix() -> list[str]:
    """The command that opens a namespace here, as root or not; [] where none can be had."""
    unshare = shutil.which("unshare")
    if not unshare:
        return []
    for options in (["-n", "-m"], ["-Urnm"]):
        probe = [unshare, *options, "sh", "-c", "mount --bind /etc/resolv.conf \"$(readlink -f /etc/resolv.conf)\""]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return [unshare, *options]
    return []


def enter(arguments: list[str], opener: list[str]) -> None:
    """Replace this process by the same one inside a namespace."""
    environment = {**os.environ, MARK: "1"}
    os.execve(opener[0], [*opener, sys.executable, *arguments], environment)


def settle() -> None:
    """Inside: bring loopback up, and let every resolver ask the lab."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP | IFF_RUNNING))
    _overlay("/etc/resolv.conf", f"nameserver {ADDRESS}\noptions timeout:1 attempts:1\n")
    switch = Path("/etc/nsswitch.conf")
    if switch.exists() and (text := names_by_dns(known := switch.read_text(encoding="utf-8"))) != known:
        _overlay(str(switch), text)


def names_by_dns(switch: str) -> str:
    """nsswitch.conf with names from files and DNS alone: nss-resolve and mdns would ask daemons outside, by sockets that no namespace cuts off."""
    return re.sub(r"(?m)^[ \t]*hosts:.*$", "hosts: files dns", switch)


def _overlay(path: str, text: str) -> None:
    """Another content for a file, in this mount namespace alone; the file that holds it needs no name afterwards."""
    with tempfile.NamedTemporaryFile("w", prefix="lab-", delete=False, encoding="utf-8") as file:
        file.write(text)
    try:
        os.chmod(file.name, 0o644)
        subprocess.run(["mount", "--bind", file.name, os.path.realpath(path)], check=True)
    finally:
        Path(file.name).unlink()
