# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggested command lines: names out of a directory are what their owners like, and administrators paste them."""

from __future__ import annotations

import re

PLAIN = re.compile(r"[\w.@-]+\$?")
"""One word for every shell, for Ansible's key=value and within quotation marks. A dollar sign begins a variable unless it is the last character."""
PLAIN_SPN = re.compile(r"[\w.-]+/[\w.:/-]+")


def word(name: str, stand_in: str = "NAME") -> str:
    """A name as it may stand in a command line; what could be read as more than a name is left to the reader to fill in."""
    return name if PLAIN.fullmatch(name) and not name.startswith("-") else stand_in


def spn(text: str) -> str:
    """The same for an SPN."""
    return text if PLAIN_SPN.fullmatch(text) and not text.startswith("-") else "CLASS/HOST"
