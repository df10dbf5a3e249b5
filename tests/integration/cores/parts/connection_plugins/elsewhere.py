# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another machine, as far as Ansible can tell."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: elsewhere
short_description: runs commands here and says it is not here
description: For tests.
version_added: "1.0"
options: {}
extends_documentation_fragment: [connection_pipelining]
"""


class Connection(Local):
    transport = "elsewhere"
