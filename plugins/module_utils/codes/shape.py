# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the code tables."""

from __future__ import annotations

Row = tuple[int, str, str, str]
"""Number, symbol, causes, meaning in one sentence. Causes are `cause=strength` pairs, best first; strengths are strong, medium, weak."""
