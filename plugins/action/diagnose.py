# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from ansible_collections.winrm.doctor.plugins.modules import diagnose
from ansible_collections.winrm.doctor.plugins.plugin_utils.controller_action import ControllerAction


class ActionModule(ControllerAction):
    module = diagnose

    def complete(self, params, task_vars, hidden):
        """The way to the client whose logon fails, from the inventory."""
        if params.get("client_host"):
            params["client"] = self.target_of(params["client_host"], task_vars, hidden)
