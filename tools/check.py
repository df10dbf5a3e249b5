# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks: the static ones two at a time, then, with `--tests`, pytest, whose closing line is the last one printed.

Names of stages as arguments run only those: `tools/run python tools/check.py ruff mypy`.
"""

from __future__ import annotations

import argparse
import inspect
import os
import resource
import shutil
import subprocess
import sys
import time
import typing as t
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
HOME = CACHE / "home"
"""ansible-test and ansible-lint keep caches and copies of collections in the home folder: not in the user's."""
COPY = CACHE / "copy" / "ansible_collections" / "winrm" / "doctor"
PYTHON_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
COLLECTION = "ansible_collections.winrm.doctor"
GET_PIP = "https://ci-files.testing.ansible.com/ansible-test/"
SANITY = ("ansible-test", "sanity", "--local", "--color", "no", "--python", PYTHON_VERSION)
PARALLEL = 2
STAGE_SECONDS = 900


@dataclass(frozen=True)
class Stage:
    """One check: its commands in order, and where they run. `prepare` runs first."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    folder: Path = ROOT
    collections: Path = CACHE / "collections"
    prepare: t.Callable[[], None] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a stage went."""

    stage: str
    passed: bool
    seconds: float
    output: str


def copy_collection() -> None:
    """A real copy of the working tree under its collection's name: ansible-test resolves links, and writes into the tree."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    # The owner of a checkout need not be who runs the tests.
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        source, copy = ROOT / name, COPY / name
        # A file may have been deleted, but not in git yet.
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    # Else ansible-test asks the repository around the copy for its files, and there they are ignored.
    subprocess.run(["git", "init", "--quiet"], cwd=COPY, check=True, capture_output=True, text=True)


def provide_pip() -> None:
    """Where ansible-test's download host is out of reach, put our get-pip and the pip it wants where it looks first."""
    from ansible_test._internal import python_requirements

    version = next(line.split("'")[1] for line in inspect.getsource(python_requirements).splitlines() if line.strip().startswith("pip='"))
    folder = HOME / ".ansible" / "test" / "cache"
    script = folder / f"get_pip_{version.replace('.', '_')}.py"
    if script.exists():
        return
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{GET_PIP}get-pip-{version}.py", method="HEAD"), timeout=5):
            return
    except OSError:
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder), f"pip=={version}"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        shutil.copy(ROOT / "tools" / "get_pip.py", script)


def prepare_sanity() -> None:
    """All that ansible-test needs."""
    copy_collection()
    provide_pip()


def clear_build() -> None:
    """Nothing of the last build may help the next."""
    shutil.rmtree(CACHE / "build", ignore_errors=True)
    (CACHE / "build").mkdir(parents=True)


def plugins(kind: str) -> tuple[str, ...]:
    """Full names of the plugins of a kind."""
    return tuple(f"winrm.doctor.{path.stem}" for path in sorted((ROOT / "plugins" / kind).glob("*.py")))


def stages() -> list[Stage]:
    """The static checks, the longest first."""
    built, installed = CACHE / "build", CACHE / "build" / "installed"
    return [
        Stage("ansible-test sanity", (SANITY,), COPY, COPY.parents[2], prepare_sanity),
        Stage("ansible-lint", (("ansible-lint", "--nocolor", "-q"),)),
        Stage("antsibull-docs", (("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."),)),
        Stage("build and install", (
            ("ansible-galaxy", "collection", "build", "--output-path", str(built), str(ROOT)),
            (sys.executable, str(ROOT / "tools" / "tarball.py"), str(built)),
            ("ansible-doc", "-t", "module", "--json", *plugins("modules")),
            ("ansible-doc", "-t", "filter", "--json", *plugins("filter")),
        ), built, installed, clear_build),
        Stage("antsibull-changelog", (("antsibull-changelog", "lint"),)),
        Stage("mypy", tuple(
            ("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(CACHE / "mypy"), "-p", f"{COLLECTION}.plugins.{part}")
            for part in ("module_utils", "plugin_utils")
        ), CACHE / "collections"),
        Stage("yamllint", (("yamllint", "--strict", "."),)),
        Stage("ruff", (("ruff", "check", "."),)),
    ]


def run_stage(stage: Stage) -> Outcome:
    """Run the commands of a stage until one fails."""
    began, said = time.monotonic(), []
    passed = True
    environment = {**os.environ, "HOME": str(HOME), "ANSIBLE_COLLECTIONS_PATH": str(stage.collections), "ANSIBLE_NOCOLOR": "1"}
    try:
        if stage.prepare:
            stage.prepare()
        for command in stage.commands:
            done = subprocess.run(
                command, cwd=stage.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False, timeout=STAGE_SECONDS,
            )
            if done.returncode:
                passed = False
                said.append(f"$ {' '.join(command)}\n{done.stdout}")
                break
    except (OSError, StopIteration, subprocess.SubprocessError) as error:
        passed = False
        said.append(f"{type(error).__name__}: {error}\n{getattr(error, 'stderr', '') or ''}")
    return Outcome(stage.name, passed, time.monotonic() - began, "\n".join(said))


def show(outcome: Outcome) -> Outcome:
    """One line for a stage, and what a failed one said."""
    print(f"{'ok    ' if outcome.passed else 'FAILED'} {outcome.seconds:6.1f} s  {outcome.stage}", flush=True)
    if not outcome.passed:
        print(outcome.output.rstrip(), flush=True)
    return outcome


def run_static(names: list[str]) -> list[str]:
    """The names of the stages that failed."""
    HOME.mkdir(parents=True, exist_ok=True)
    chosen = [stage for stage in stages() if not names or stage.name in names]
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [outcome.stage for outcome in pool.map(lambda stage: show(run_stage(stage)), chosen) if not outcome.passed]


def run_tests(failed: list[str]) -> int:
    """Run pytest last, so that its closing line closes the output."""
    print(f"Static checks that failed: {', '.join(failed)}." if failed else "All static checks passed.", flush=True)
    return subprocess.run([sys.executable, "-m", "pytest", "--durations=5"], cwd=ROOT, check=False).returncode


def main() -> int:
    """Everything that was asked for; 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", action="store_true", help="run pytest after the static checks")
    parser.add_argument("stages", nargs="*", help="only these static checks")
    options = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    builder = subprocess.Popen([sys.executable, str(ROOT / "tests" / "integration" / "cores" / "build.py")]) if options.tests else None
    failed = run_static(options.stages)
    if builder is None:
        if failed:
            print(f"Static checks that failed: {', '.join(failed)}.")
        return int(bool(failed))
    builder.wait()
    # ansible-test, which provide_pip() reads, lowers the limit of open files for this process and its children.
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
    return run_tests(failed) or int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
