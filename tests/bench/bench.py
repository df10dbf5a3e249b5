# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: measure.py inside labs of 50 and of 200 hosts for each way to log on; Kerberos needs the lab's domain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lab.domain import template  # noqa: E402


def main() -> int:
    """The exit code of the first measurement that fails, else 0."""
    lacking = template.lacking()
    ways, domain = ("winrm,psrp", []) if lacking else ("winrm,psrp,kerberos", ["--domain"])
    if lacking:
        print(f"Kerberos is left out: {lacking} is missing here.", flush=True)
    for hosts in ("50", "200"):
        lab = [sys.executable, str(TESTS / "lab" / "lab"), "--bench", hosts, "--ways", ways, *domain, "run", "--"]
        measuring = [sys.executable, str(TESTS / "bench" / "measure.py"), "--hosts", hosts, "--ways", ways, *sys.argv[1:]]
        code = subprocess.run([*lab, *measuring], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
