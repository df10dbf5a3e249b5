# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One error type: what failed, with what value, what was expected, what to do."""

from __future__ import annotations


class DoctorError(Exception):
    """A problem a user can act on; raised anywhere, turned into a failure at the edge only.

    `failed` and `do` are sentences without the final stop; `value` must never be a secret.
    """

    def __init__(self, failed: str, *, expected: str = "", do: str = "", value: object = None) -> None:
        self.failed = failed
        self.expected = expected
        self.do = do
        self.value = value
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """All of it as text for `fail_json(msg=...)`."""
        parts = [self.failed, f"Expected: {self.expected}" if self.expected else "", self.do]
        return " ".join(part.rstrip(".") + "." for part in parts if part)
