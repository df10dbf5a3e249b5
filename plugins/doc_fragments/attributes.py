# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of the modules, written once. Modules that change nothing add `winrm.doctor.attributes.info`."""

from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection supports."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  platform:
    description: The platform that the module runs on, which is the control node or the execution environment.
    support: full
    platforms: posix
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
    details:
      - Everything runs on the controller, within the process that Ansible starts for the host anyway.
      - The connection of the host is read but never opened.
  action_group:
    description: Use C(group/winrm.doctor.doctor) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - winrm.doctor.doctor
"""

    # For modules that only look.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing, so check mode makes no difference.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
"""
