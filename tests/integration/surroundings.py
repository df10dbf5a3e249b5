# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test's own ansible gets of the environment around it: nothing that the developer's shell says of Ansible or of proxies."""

from __future__ import annotations

import os


def surroundings(**settings: str) -> dict[str, str]:
    """The environment without ANSIBLE_* and proxy variables, in plain English without colours, and with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") and not name.lower().endswith("_proxy")}
    return {**kept, "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8", **settings}
