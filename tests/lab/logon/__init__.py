# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in Windows behind the HTTP framing: authentication, message encryption, WS-Management, shells."""

from __future__ import annotations

from ..messages import Conversation, Windows
from .conversation import WindowsConversation
from .journal import Journal
from .shells import Shells

_SHELLS: dict[str, Shells] = {}


def converse(windows: Windows, *, certificate: bytes | None, client: bytes | None = None, journal: Journal | None = None) -> Conversation:
    """A fresh connection to this Windows; `certificate` is the DER of its TLS certificate, None on plain HTTP, `client` that of its caller's.

    Shells belong to the host and outlive a connection, as they do on Windows.
    """
    shells = _SHELLS.setdefault(windows.computer, Shells(windows))
    shells.windows = windows
    return WindowsConversation(windows, certificate, client, shells, journal or Journal(None))
