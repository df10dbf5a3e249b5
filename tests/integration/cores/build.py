# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one virtual environment per ansible-core that the collection promises to work with.

`python tests/integration/cores/build.py` builds what is missing under `.cache/cores/` and says in one sentence what cannot be had here.
A second run only looks for the marks of the first.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3] / ".cache" / "cores"
LIBRARIES = ("pypsrp", "pyspnego", "cryptography", "dnspython", "pywinrm")
RETRY_AFTER_SECONDS = 3600


@dataclass(frozen=True)
class Wanted:
    """One ansible-core, and the Python versions it supports on the control node, best first."""

    spec: str
    requirement: str
    pythons: tuple[str, ...]


WANTED = (
    Wanted("2.16", "ansible-core~=2.16.0", ("3.12", "3.11", "3.10")),
    Wanted("2.19", "ansible-core~=2.19.0", ("3.11", "3.12", "3.13")),
    Wanted("newest", "ansible-core", ("3.14", "3.13", "3.12", "3.11", "3.10")),
)


@dataclass(frozen=True)
class Core:
    """One environment that was built: `version` of ansible-core, its Python, the folder of its commands."""

    spec: str
    version: str
    python: Path
    bin: Path


def core_environments() -> list[Core]:
    """The environments that exist now, in the order of `WANTED`."""
    found = []
    for wanted in WANTED:
        mark = _mark(wanted)
        if mark:
            folder = ROOT / wanted.spec / "bin"
            found.append(Core(wanted.spec, mark["version"], folder / "python", folder))
    return found


def why_missing(spec: str) -> str:
    """The sentence of the last try to build `spec`."""
    try:
        return (ROOT / f"{spec}.unavailable").read_text(encoding="utf-8")
    except FileNotFoundError:
        return f"ansible-core {spec} has not been built here: run {Path(__file__).name}."


def _mark(wanted: Wanted) -> dict[str, t.Any] | None:
    try:
        mark = json.loads((ROOT / wanted.spec / "built.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    same = mark.get("for") == [wanted.requirement, *LIBRARIES] and (ROOT / wanted.spec / "bin" / "python").exists()
    return mark if same else None


def _pythons() -> dict[str, Path]:
    """Real interpreters by `3.x`; the shims of pyenv are passed over because they answer for versions that are not chosen."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder and Path(folder).name != "shims"]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True)
    found: dict[str, Path] = {}
    for version in sorted({python for wanted in WANTED for python in wanted.pythons}):
        for folder in folders:
            python = folder / f"python{version}"
            # A virtual environment's own Python would go away with it.
            if python.exists() and not (folder.parent / "pyvenv.cfg").exists():
                found.setdefault(version, python)
    return found


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, timeout=600)


def _install(wanted: Wanted, python: Path) -> str:
    """Make the environment and return the ansible-core version in it."""
    folder = ROOT / wanted.spec
    shutil.rmtree(folder, ignore_errors=True)
    requirements = [wanted.requirement, *LIBRARIES]
    inside = folder / "bin" / "python"
    try:
        _run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", python, folder)
        _run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", inside, *requirements)
    except subprocess.CalledProcessError:
        # Without uv, or where only pip knows the machine's mirror and certificates.
        _run(python, "-m", "venv", "--clear", folder)
        _run(inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
    say = "from ansible.release import __version__; print(__version__)"
    version = subprocess.run([str(folder / "bin" / "python"), "-c", say], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    (folder / "built.json").write_text(json.dumps({"for": requirements, "version": version, "python": str(python)}), encoding="utf-8")
    return version


def _build(wanted: Wanted, pythons: dict[str, Path]) -> str:
    """One sentence: what was built, or why not."""
    usable = [pythons[version] for version in wanted.pythons if version in pythons]
    if not usable:
        return f"ansible-core {wanted.spec} cannot be had here: none of Python {', '.join(wanted.pythons)} is installed."
    reason = ""
    for python in usable:
        try:
            return f"ansible-core {_install(wanted, python)} built with {python}."
        except (subprocess.SubprocessError, OSError) as error:
            shutil.rmtree(ROOT / wanted.spec, ignore_errors=True)
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines() or [""]
            reason = f"{python} said: {said[-1].strip()[:200]}"
    return f"ansible-core {wanted.spec} cannot be had here: {reason.rstrip('.')}."


def _lately_failed(wanted: Wanted) -> bool:
    note = ROOT / f"{wanted.spec}.unavailable"
    return note.exists() and time.time() - note.stat().st_mtime < RETRY_AFTER_SECONDS


def main(arguments: list[str]) -> int:
    """Build what is missing. Never fails: the tests say what a missing core means for them."""
    missing = [wanted for wanted in WANTED if not _mark(wanted)]
    if not missing:
        return 0
    ROOT.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pythons = _pythons()
        for wanted in missing:
            note = ROOT / f"{wanted.spec}.unavailable"
            if _mark(wanted):
                continue
            if _lately_failed(wanted) and "--retry" not in arguments:
                print(why_missing(wanted.spec))
                continue
            sentence = _build(wanted, pythons)
            print(sentence)
            if _mark(wanted):
                note.unlink(missing_ok=True)
            else:
                note.write_text(sentence, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
