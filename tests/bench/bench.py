# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: measure.py inside labs of 50 and of 200 hosts for each connection."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def main() -> int:
    """The exit code of the first measurement that fails, else 0."""
    for hosts in ("50", "200"):
        command = [sys.executable, str(TESTS / "lab" / "lab"), "--bench", hosts, "run", "--", sys.executable, str(TESTS / "bench" / "measure.py")]
        code = subprocess.run([*command, "--hosts", hosts, *sys.argv[1:]], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
