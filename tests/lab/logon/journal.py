# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab saw: one line for every use of a password, a ticket or a client certificate."""

from __future__ import annotations

import json
from pathlib import Path


class Journal:
    """Appends to a file of JSON lines; None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def note(self, host: str, user: str, method: str, ended: str) -> None:
        """One attempt: `user` as it was sent, `ended` accepted or refused with the reason."""
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"host": host, "user": user, "method": method, "ended": ended}) + "\n")
