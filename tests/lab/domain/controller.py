# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One domain controller as a child of the lab: its folder, its start, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from .realm import Realm
from .settings import smb_conf
from .template import PATH, DomainError, fresh, script
from .wishes import Json

READY_SECONDS, STOP_SECONDS = 30, 10
LONGEST = 60
"""Bytes that leave room for what Samba hangs below, such as run/winbindd/pipe and private/msg.sock/PID."""
KDC_PORT, LDAP_PORTS = 88, (389, 636, 3268, 3269)


@dataclass(frozen=True)
class Faults:
    """What is wrong with a controller itself."""

    kdc: str = "up"
    """`up`, `refused` or `silent`."""
    ldap: str = "up"
    clock: int = 0
    """Seconds its clock is ahead."""


class Controller:
    """Prepare it, populate it, start it, stop it."""

    def __init__(self, realm: Realm, folder: Path, faults: Faults = Faults()) -> None:
        self.realm, self.folder, self.faults = realm, folder, faults
        self._short: int | None = None
        self.process: asyncio.subprocess.Process | None = None
        self.keys: dict[str, Json] = {}
        self.sids: dict[str, str] = {}
        """By name in lower case."""

    def prepare(self, certificate: Path, authority: Path) -> str:
        """An empty directory in its folder, and its SID; raises DomainError."""
        fresh(self.realm, self.folder)
        (self.folder / "run").chmod(0o755)
        certificate.chmod(0o600)
        (self.folder / "smb.conf").write_text(smb_conf(self.realm, self._reach(), self.services, certificate, authority), encoding="utf-8")
        return self.sid

    @property
    def sid(self) -> str:
        """The domain's."""
        return str(json.loads((self.folder / "domain.json").read_text(encoding="utf-8"))["sid"])

    def _reach(self) -> Path:
        """The folder by a name short enough for sockets in it: a path to one holds 107 bytes (unix(7)), and TMPDIR may be long."""
        if len(str(self.folder)) <= LONGEST:
            return self.folder
        self._short = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        return Path(f"/proc/{os.getpid()}/fd/{self._short}")

    def populate(self, wishes: Json) -> None:
        """Fill it, and keep what keys the computers have, and which SIDs the accounts; raises DomainError."""
        told = json.loads(script(Path(__file__).with_name("populate.py"), str(self.folder), given=json.dumps(wishes)))
        self.keys, self.sids = told["keys"], told["sids"]

    @property
    def services(self) -> tuple[str, ...]:
        """What Samba is told to serve; what is missing here is refused, or left silent by others."""
        wanted = [name for name in ("ldap", "kdc") if getattr(self.faults, name) == "up"]
        return tuple(wanted) + (("cldap",) if "ldap" in wanted else ()) + ("rpc",) if wanted else ()

    async def start(self) -> None:
        """Until its ports answer; raises DomainError."""
        if not self.services:
            return
        environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", **(false_clock(self.faults.clock) if self.faults.clock else {})}
        command = [str(shutil.which("samba", path=PATH)), "-i", "-M", "single", "-s", str(self.folder / "smb.conf")]
        # Samba ends when its stdin does, so nothing is left even where the lab is killed; the session keeps the terminal's Ctrl-C for the lab.
        with open(self.folder / "samba.out", "wb") as out:
            self.process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=out, stderr=out, start_new_session=True, env=environment
            )
        ports = [port for name, port in (("kdc", KDC_PORT), ("ldap", LDAP_PORTS[0])) if name in self.services]
        until = asyncio.get_running_loop().time() + READY_SECONDS
        while not all(answers(self.realm.address, port) for port in ports):
            if self.process.returncode is not None:
                raise DomainError(f"Samba ended with {self.process.returncode} while it started: {self.last_words()}")
            if asyncio.get_running_loop().time() > until:
                raise DomainError(f"The domain controller of {self.realm.name} did not answer within {READY_SECONDS} seconds: {self.last_words()}")
            await asyncio.sleep(0.02)

    def last_words(self) -> str:
        """The end of what Samba wrote."""
        lines = [line for name in ("samba.out", "log.samba") if (path := self.folder / name).exists() for line in path.read_text(errors="replace").splitlines()]
        return " ".join(lines[-3:])

    async def stop(self) -> None:
        """SIGTERM to all of its session, then SIGKILL."""
        if self._short is not None:
            os.close(self._short)
            self._short = None
        if self.process is None or self.process.returncode is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
                return


def answers(address: str, port: int) -> bool:
    """Whether somebody listens; on loopback that is known at once."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((address, port)) == 0


def false_clock(seconds: int) -> dict[str, str]:
    """The environment in which a process believes in another time; raises DomainError where the library faketime is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise DomainError("The library faketime is not installed here (Debian: apt-get install faketime)")
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": f"{seconds:+d}s"}
