# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection of the play's host while the task is delegated: core hands an action the connection of the delegate."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.plugins.loader import connection_loader
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError


def is_delegated(task: t.Any, inventory_name: str) -> bool:
    """True if the connection of the action is not that of the play's host."""
    return bool(task.delegate_to) and task.delegate_to != inventory_name


def leads_away(task: t.Any, connection: t.Any) -> bool:
    """True if the delegate is another machine than this one."""
    # Play variables may give the implicit localhost a Windows connection; it is still this machine.
    return task.delegate_to not in C.LOCALHOST and str(connection.transport).rpartition(".")[2] != "local"


def variables_of_host(task: t.Any, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """The merged variables without what core filled in from the delegate.

    Core only fills connection variables that were missing (ConnectionBase.update_vars), so each of them that neither the host's own variables
    nor those of the play, role and task know came from the delegate. `hostvars` alone would not do: it lacks play variables and prompts.
    """
    host = task_vars["hostvars"].raw_get(task_vars["inventory_hostname"])
    rest = task.get_variable_manager().get_vars(play=task.get_play(), task=task, include_hostvars=False)
    foreign = {name for name in C.COMMON_CONNECTION_VARS if name not in host and name not in rest}
    return {name: value for name, value in task_vars.items() if name not in foreign}


def variables_of_other(task: t.Any, task_vars: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    """The merged variables of another host of the inventory, with those of the play; raises DoctorError."""
    # hostvars alone would not do: it lacks play variables and prompts. It is the one public holder of the inventory in a worker.
    host = task_vars["hostvars"]._inventory.get_host(name)
    if host is None:
        raise DoctorError(f"There is no host {name} in the inventory", expected="the inventory's name of a Windows host", do="Correct the name", value=name)
    return t.cast("dict[str, t.Any]", task.get_variable_manager().get_vars(play=task.get_play(), host=host, task=task))


def connection_of_host(task: t.Any, play_context: t.Any, delegate_s: t.Any, templar: t.Any, variables: dict[str, t.Any]) -> t.Any:
    """The connection plugin that core would have made for the play's host, with its options set and nothing opened.

    `delegate_s` is the connection that core made for the delegate.
    """
    templar = templar.copy_with_new_env(available_variables=variables)
    name = templar.template(variables.get("ansible_connection") or _keyword(task, delegate_s))
    connection = connection_loader.get(name, play_context, new_stdin=None)
    if connection is None:
        raise DoctorError(f"There is no connection plugin {name}", expected="ansible.builtin.winrm or ansible.builtin.psrp", do="Set ansible_connection")
    keys = dict(task.dump_attrs())
    keys.pop("retries", None)
    keys["timeout"] = play_context.timeout
    delegate = variables.get("ansible_delegated_vars", {}).get(task.delegate_to, {})
    # The play context carries -k, unless the delegate has a password of its own: that one must never go to the play's host.
    if play_context.password and not any(variable in delegate for variable in C.MAGIC_VARIABLE_MAPPING["password"]):
        keys["password"] = play_context.password
    connection.set_options(task_keys=keys, var_options=_resolved(connection, variables, templar))
    return connection


def _keyword(task: t.Any, delegate_s: t.Any) -> t.Any:
    """The keyword `connection` of task, block or play."""
    if task.connection != delegate_s.ansible_name:
        return task.connection
    # Since ansible-core 2.21 the task carries the name of the delegate's connection by now (TaskExecutor._update_task_connection).
    part = task
    while part is not None:
        written = part.get_ds()
        if isinstance(written, dict) and "connection" in written:
            return written["connection"]
        part = getattr(part, "_parent", None)
    return task.get_play().connection


def _resolved(connection: t.Any, variables: dict[str, t.Any], templar: t.Any) -> dict[str, t.Any]:
    resolve = getattr(connection, "_resolve_option_variables", None)
    if resolve:
        return t.cast("dict[str, t.Any]", resolve(variables, templar))
    # Before it became a method of the connection this was the inside of TaskExecutor._set_connection_options (ansible-core 2.16).
    names = C.config.get_plugin_vars("connection", connection._load_name)
    options: dict[str, t.Any] = {name: templar.template(variables[name]) for name in names if name in variables}
    prefix = f"ansible_{connection.extras_prefix}_"
    extras = [name for name in variables if connection.allow_extras and name.startswith(prefix) and name not in options]
    options["_extras"] = {name: templar.template(variables[name]) for name in extras}
    return options
