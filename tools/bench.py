# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: measures in a lab of 50 healthy hosts for each connection, then in one of 200."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIZES = (50, 200)


def main() -> int:
    """The exit code of the first measurement that fails."""
    for hosts in SIZES:
        measure = [sys.executable, str(ROOT / "tests" / "bench" / "measure.py"), "--hosts", str(hosts)]
        done = subprocess.run([sys.executable, str(ROOT / "tests" / "lab" / "lab"), "--bench", str(hosts), "run", "--", *measure], check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
