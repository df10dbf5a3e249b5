# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the tarball that was built in FOLDER under FOLDER/installed, after a look at what is in it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

MOST_BYTES = 5_000_000
NEEDED = (
    "README.md", "CHANGELOG.md", "meta/runtime.yml", "plugins/modules/diagnose.py", "plugins/action/diagnose.py", "requirements.txt",
    "roles/troubleshoot/meta/argument_specs.yml",
)
TOP_FOLDERS = {"changelogs", "docs", "LICENSES", "meta", "playbooks", "plugins", "roles", "tests", "tools"}


def wrong_with(tarball: Path) -> list[str]:
    """What is in the tarball that does not belong there, and what is missing."""
    with tarfile.open(tarball) as archive:
        names = {member.name for member in archive if member.isfile()}
    stray = sorted(name for name in names if ("/" in name and name.split("/")[0] not in TOP_FOLDERS) or "__pycache__" in name)
    found = [f"{name} does not belong in the tarball" for name in stray]
    found += [f"{name} is missing from the tarball" for name in NEEDED if name not in names]
    if tarball.stat().st_size > MOST_BYTES:
        found.append(f"the tarball has {tarball.stat().st_size} bytes, more than {MOST_BYTES}")
    return found


def main(folder: Path) -> int:
    """Check, then install."""
    tarball = next(folder.glob("*.tar.gz"))
    wrong = wrong_with(tarball)
    print("\n".join(wrong))
    command = ["ansible-galaxy", "collection", "install", str(tarball), "-p", str(folder / "installed"), "--offline"]
    return subprocess.run(command, check=False).returncode or int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
