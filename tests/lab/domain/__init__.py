# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's domain: a real Samba domain controller, or two with a trust, populated from the scenario file.

`provision.py` and `populate.py` run in the system's own Python, which has Samba's bindings; everything else in the project's.
"""
