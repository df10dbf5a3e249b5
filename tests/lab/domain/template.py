# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Samba is here, and an empty directory of a realm: provisioned once, then copied."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import typing as t
from pathlib import Path

from .realm import Realm
from .settings import smb_conf

PYTHON = "/usr/bin/python3"
"""The system's Python is the one that Samba's bindings are built for."""
CACHE = Path(__file__).resolve().parents[3] / ".cache" / "lab-domain"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class DomainError(Exception):
    """The domain cannot be had: one sentence for the user."""


@functools.cache
def version() -> str:
    """Samba's version; "" where Samba, its provisioning or its bindings are not installed."""
    if not shutil.which("samba", path=PATH) or not Path(PYTHON).exists():
        return ""
    code = "import os, samba.samdb; from samba.provision import setup_path; os.stat(setup_path('provision.ldif')); print(samba.version)"
    done = subprocess.run([PYTHON, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def lacking() -> str:
    """What is missing here for a domain whose hosts take tickets, with the Debian packages or the pip names of it; "" where all is there."""
    if not version():
        return "Samba (samba-ad-dc, samba-ad-provision)"
    missing = [name for name in ("gssapi", "krb5") if importlib.util.find_spec(name) is None]
    return f"the Python library {missing[0]}" if missing else ""


def fresh(realm: Realm, folder: Path) -> None:
    """Make `folder` an empty directory of this realm, quickly where one was made before; raises DomainError."""
    with contextlib.suppress(OSError):
        CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(realm, fcntl.LOCK_SH):
            if _copy(realm, folder):
                return
        with _locked(realm, fcntl.LOCK_EX):
            if not _kept(realm).exists():
                _keep(realm)
        with _locked(realm, fcntl.LOCK_SH):
            if _copy(realm, folder):
                return
    # No cache can be written or read here.
    provision(realm, folder)


def provision(realm: Realm, folder: Path) -> None:
    """Samba's own provisioning, some four seconds; raises DomainError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "smb.conf").write_text(smb_conf(realm, folder), encoding="utf-8")
    script(Path(__file__).with_name("provision.py"), str(folder), realm.name, realm.flat, realm.controller.upper(), realm.address)


def script(path: Path, *arguments: str, given: str = "") -> str:
    """What a script prints under the system's Python, apart from the user's own settings; raises DomainError with its last line of complaint."""
    command = [PYTHON, "-I", str(path), *arguments]
    # A session of its own: Ctrl-C is for the lab, which waits for the script and then clears up.
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env={"PATH": PATH, "LC_ALL": "C.UTF-8"}, start_new_session=True)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise DomainError(f"{path.name} of the lab's domain ended with {done.returncode}: {why[0]}")
    return done.stdout


def _kept(realm: Realm) -> Path:
    made_by = Path(__file__).with_name("provision.py").read_text(encoding="utf-8")
    parts = (version(), repr(realm), made_by)
    return CACHE / f"{realm.flat.lower()}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def _copy(realm: Realm, folder: Path) -> bool:
    kept = _kept(realm)
    if not kept.exists():
        return False
    # Not the owner: root's lab may find what a user's lab kept, and Samba wants its folders to be its own.
    subprocess.run(["cp", "-R", "--preserve=mode,timestamps", "--reflink=auto", str(kept), str(folder)], check=True, start_new_session=True)
    return True


def _keep(realm: Realm) -> None:
    """Provision beside, then rename; what older versions or a lab that was killed left is removed."""
    kept = _kept(realm)
    for stale in (*CACHE.glob(f"{realm.flat.lower()}-*"), *CACHE.glob(f"new-{realm.flat.lower()}-*")):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"new-{realm.flat.lower()}-") as beside:
        provision(realm, Path(beside) / "made")
        (Path(beside) / "made").rename(kept)


@contextlib.contextmanager
def _locked(realm: Realm, how: int) -> t.Iterator[None]:
    """Labs copy side by side; only one provisions."""
    with open(CACHE / f"{realm.flat.lower()}.lock", "a", encoding="ascii") as file:
        fcntl.flock(file, how)
        yield
