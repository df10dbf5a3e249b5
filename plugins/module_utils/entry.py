# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module as an ordinary Ansible module: the way it runs when it is sent to another machine."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .argspec import Spec
from .errors import DoctorError


class DoctorModule(t.Protocol):
    """What a module file offers; the action plugin calls the same two functions in Ansible's worker."""

    def argument_spec(self) -> Spec:
        """The options, as AnsibleModule takes them."""

    def run(self, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
        """The result in plain JSON types; raises DoctorError."""


def module_main(module: DoctorModule) -> None:
    """Read the options, run, print the result and exit."""
    ansible = AnsibleModule(argument_spec=module.argument_spec(), supports_check_mode=True)
    try:
        result = module.run(ansible.params, ansible.check_mode)
    except DoctorError as error:
        ansible.fail_json(msg=error.sentence)
    ansible.exit_json(**result)
