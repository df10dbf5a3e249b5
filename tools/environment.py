# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All set-up of the repository: the virtual environment, the collections, system packages where they may be installed.

Run by `tools/run` with the Python that the environment shall be made of, before every command. Each step leaves a mark that names
what it was done for, so that a second run only compares marks.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import typing as t
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
COLLECTIONS = CACHE / "collections" / "ansible_collections"
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt")
UV = "uv==0.13.9"
PYTHON_HEADER = os.path.join(sysconfig.get_path("include"), "Python.h")
# Galaxy is not needed: the ansible package on PyPI carries the one collection that tests and bench run beside ours.
BUNDLE = "ansible==12.3.0"
NEIGHBOUR = "ansible_collections/ansible/windows/"
KERBEROS = ROOT / "tests" / "requirements-kerberos.txt"
PACKAGES = {
    "the lab's own network, and witnesses of the tests": {"unshare": "util-linux", "mount": "mount", "curl": "curl", "libkrb5.so.3": "libkrb5-3"},
    "the lab's domain": {"samba": "samba-ad-dc", "samba-tool": "samba-ad-provision", "ldbsearch": "ldb-tools", "kvno": "krb5-user"},
    "Kerberos for Python, which is compiled": {"krb5-config": "libkrb5-dev", "cc": "gcc", PYTHON_HEADER: "python3-dev"},
}
"""What needs them, to commands, libraries and files, and their Debian packages."""


class SetUpError(Exception):
    """Set-up cannot go on; the text says what to do."""


def run(*command: str | Path) -> None:
    """Run a command quietly; what it said is shown only if it fails."""
    words = [str(part) for part in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)
    if done.returncode:
        raise SetUpError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout.strip()[-3000:]}")


def step(mark: Path, wanted: str, words: str, work: t.Callable[[], None]) -> None:
    """Do the work unless its mark says that it was done for the same."""
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return
    print(f"Set-up: {words}", file=sys.stderr, flush=True)
    mark.unlink(missing_ok=True)
    work()
    mark.write_text(wanted, encoding="utf-8")


def become_root() -> list[str] | None:
    """The words before a command that make it run as root, or None where that takes a password."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def install_packages(*packages: str) -> None:
    """Install Debian packages, or say which command would."""
    root = become_root()
    if root is None or not shutil.which("apt-get"):
        raise SetUpError(f"they may not be installed from here; as root: apt install {' '.join(packages)}")
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    run(*apt, "update")
    run(*apt, "install", "-y", "--no-install-recommends", *packages)


def make_venv() -> None:
    """Make .venv with pip and uv in it."""
    shutil.rmtree(VENV, ignore_errors=True)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        run(sys.executable, "-m", "venv", VENV)
    except SetUpError as no_venv:
        # Debian and Ubuntu leave ensurepip out of python3.
        shutil.rmtree(VENV, ignore_errors=True)
        try:
            install_packages(f"python{version}-venv")
            run(sys.executable, "-m", "venv", VENV)
        except SetUpError as no_package:
            shutil.rmtree(VENV, ignore_errors=True)
            try:
                run(sys.executable, "-m", "virtualenv", VENV)
            except SetUpError:
                advice = f"As root: apt install python{version}-venv; or: {sys.executable} -m pip install --user virtualenv"
                raise SetUpError(f"No virtual environment can be made with {sys.executable}. {advice}\n{no_venv}\n{no_package}") from None
    run(VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV)


def install_requirements() -> None:
    """Install what the two files of requirements name; by pip where uv cannot, for only pip reads the machine's pip.conf."""
    files = [part for path in REQUIREMENTS for part in ("-r", path)]
    python = VENV / "bin" / "python"
    try:
        run(python, "-m", "uv", "pip", "install", "--quiet", "--python", python, *files)
    except SetUpError:
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *files)


def fetch_neighbour() -> None:
    """Take ansible.windows out of the ansible package, which any Python may open."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        run(VENV / "bin" / "python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir",
            "--only-binary=:all:", "--python-version", "3.11", "--dest", folder, BUNDLE)
        with zipfile.ZipFile(next(Path(folder).glob("ansible-*.whl"))) as wheel:
            wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(NEIGHBOUR)])
        shutil.rmtree(COLLECTIONS / "ansible" / "windows", ignore_errors=True)
        (COLLECTIONS / "ansible").mkdir(parents=True, exist_ok=True)
        (Path(folder) / NEIGHBOUR).rename(COLLECTIONS / "ansible" / "windows")


def link_collection() -> None:
    """Let the repository stand where Ansible looks for winrm.doctor."""
    link = COLLECTIONS / "winrm" / "doctor"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.resolve() != ROOT:
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../../.."))


def available(name: str) -> bool:
    """Whether a command, a shared library or a file is here."""
    if name.startswith("/"):
        return Path(name).exists()
    if ".so" not in name:
        return bool(shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"))
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def add_packages() -> None:
    """Install missing system packages where that is allowed, else say in one sentence what is left out."""
    for purpose, wanted in PACKAGES.items():
        missing = sorted(package for name, package in wanted.items() if not available(name))
        if missing:
            unless_left_out(" and ".join(missing), purpose, lambda packages=missing: install_packages(*packages))


def install_kerberos() -> None:
    """Compile what Kerberos needs, without the optimisation that takes half of the time; left out where it cannot be compiled."""
    command = [VENV / "bin" / "python", "-m", "uv", "pip", "install", "--quiet", "--python", VENV / "bin" / "python", "-r", KERBEROS]
    command_of_pip = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", KERBEROS]

    def install() -> None:
        if not available("krb5-config"):
            raise SetUpError("krb5-config is not here")
        os.environ.setdefault("CFLAGS", "-O0 -g0")
        try:
            run(*command)
        except SetUpError:
            run(*command_of_pip)

    unless_left_out("what pip should compile", "Kerberos", install)


def unless_left_out(what: str, purpose: str, work: t.Callable[[], None]) -> None:
    """Do optional work; in CI nothing is optional."""
    try:
        work()
    except SetUpError as error:
        if os.environ.get("CI") == "true":
            raise
        reason = str(error).splitlines()[0]
        print(f"Set-up: left out {what}, for {purpose} ({reason}). Tests that need it are skipped; the lab does without it.", file=sys.stderr)


def digest(*paths: Path) -> str:
    """What files hold, in short."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def main() -> None:
    """Bring everything up to date; one at a time, for two makes may start together."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "set-up.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = f"{os.path.realpath(sys.executable)} {sys.version} {VENV}"
        step(VENV / "made", f"{python} {UV}", f"a virtual environment with {sys.executable}", make_venv)
        step(VENV / "installed", digest(*REQUIREMENTS), "the Python packages of requirements.txt and tests/requirements.txt", install_requirements)
        link_collection()
        step(CACHE / "neighbour", f"{BUNDLE} {NEIGHBOUR}", "the collection ansible.windows, out of the ansible package", fetch_neighbour)
        wanted = " ".join(package for packages in PACKAGES.values() for package in packages.values())
        step(CACHE / "packages", wanted, "the system packages of the lab and of the tests", add_packages)
        step(VENV / "kerberos", digest(KERBEROS), "the Python packages of tests/requirements-kerberos.txt, which are compiled", install_kerberos)


if __name__ == "__main__":
    try:
        main()
    except SetUpError as error:
        sys.exit(f"Set-up failed: {error}")
