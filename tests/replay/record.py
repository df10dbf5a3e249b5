# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record one logon to a real host: `python tests/replay/record.py FILE`, the host in the environment. README.md says how."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / ".cache" / "collections")]

from replay.recorder import record, target_of  # noqa: E402


def main() -> int:
    """0 when the logon was accepted and written down."""
    found = target_of(os.environ)
    if found is None or len(sys.argv) != 2:
        print("usage: WINRM_DOCTOR_LIVE_HOST=... WINRM_DOCTOR_LIVE_USER=... WINRM_DOCTOR_LIVE_PASSWORD=... python tests/replay/record.py FILE", file=sys.stderr)
        return 2
    target, method = found
    address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)[0][4][0]
    recording = record(target, str(address), method)
    Path(sys.argv[1]).write_text(json.dumps(recording, indent=1) + "\n", encoding="utf-8")
    print(f"{recording['outcome']}; {', '.join(f'{name} {status}' for name, status in recording['rungs'].items())}: {sys.argv[1]}")
    return 0 if recording["outcome"] == "accepted" else 1


if __name__ == "__main__":
    sys.exit(main())
