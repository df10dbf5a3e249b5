from ansible_collections.winrm.doctor.plugins.modules import diagnose
from ansible_collections.winrm.doctor.plugins.plugin_utils.controller_action import ControllerAction


class ActionModule(ControllerAction):
    module = diagnose

    def complete(self, params, task_vars, hidden):
        """The way to the client whose logon fails, from the inventory."""
        if params.get("client_host"):
            params["client"] = self.target_of(params["client_host"], task_vars, hidden)
