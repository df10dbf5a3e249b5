# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab saw: one line for every use of a password, a ticket or a client certificate, and one for every connection."""

from __future__ import annotations

import json
from pathlib import Path

from ..messages import Conversation, Request, Response


class Journal:
    """Appends to a file of JSON lines; None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def note(self, host: str, user: str, method: str, ended: str) -> None:
        """One attempt: `user` as it was sent, `ended` accepted or refused with the reason."""
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"host": host, "user": user, "method": method, "ended": ended}) + "\n")


class Tally:
    """How many requests each connection brought: a line `host<TAB>count` for every connection that is over."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def over(self, host: str, count: int) -> None:
        """A connection that ended, by either side; those without a request are none of HTTP."""
        if count:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{host}\t{count}\n")


class Counted:
    """A conversation that knows how many requests it has answered."""

    def __init__(self, inner: Conversation) -> None:
        self.inner, self.count = inner, 0

    def answer(self, request: Request) -> Response:
        """As the one within."""
        self.count += 1
        return self.inner.answer(request)
