# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of every action: a module's `run()` inside Ansible's worker, with the inventory's own way to the host."""

from __future__ import annotations

import contextlib
import traceback
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.winrm.doctor.plugins.module_utils.argspec import target_options
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError

from .connection import VARIABLES, kind_of, misread_variables, misreadable, read_target
from .delegation import connection_of_host, is_delegated, leads_away, variables_of_host, variables_of_other
from .options import check_options, public_options
from .plain import plain
from .scrub import URL_NAME, Hidden, published_words, secret_variables, texts_in

FILES_OF_THE_CONTROL_NODE = ("ca_path", "client_cert", "client_key")


class ControllerAction(ActionBase):
    """Runs `module.run(params, check_mode)` on the controller, without the connection of the play's host.

    A module may declare, as module attributes:
    `NEEDS_TARGET = False`: it looks at no host, and runs whatever the connection is;
    `TARGET_OPTIONAL = True`: it runs without `host` where the connection is not a Windows one;
    `DELEGABLE = True`: it needs no secret, so that `delegate_to` may send it to another machine;
    `prewarm()`: called once, in Ansible's parent process, so that every fork inherits imports and TLS contexts.
    """

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False
    module: t.Any = None

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
        super().__init_subclass__(**kwargs)
        published_words()
        prewarm = getattr(cls.module, "prewarm", None)
        if prewarm:
            # What it could not prepare is what run() reports.
            with contextlib.suppress(DoctorError):
                prewarm()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The module's result, or the failure as one sentence; without secrets, in plain JSON types."""
        result = super().run(tmp, task_vars)
        hidden = Hidden()
        try:
            result.update(plain(self.answer(task_vars or {}, hidden)))
        except DoctorError as error:
            result.update(failed=True, msg=error.sentence)
        except AnsibleError:
            raise
        except Exception as error:
            # Anything else is a fault of this collection. Its text may quote a secret, so core must not print it.
            msg = f"{self._task.action} failed for a reason it should have foreseen: {type(error).__name__}: {error}"
            result.update(failed=True, msg=msg, exception=traceback.format_exc())
        return t.cast("dict[str, t.Any]", hidden.scrub(result))

    def answer(self, task_vars: dict[str, t.Any], hidden: Hidden) -> dict[str, t.Any]:
        """Collect the options, check them, run. `hidden` learns the secrets on the way."""
        self._hide(hidden, task_vars)
        away = is_delegated(self._task, task_vars["inventory_hostname"]) and leads_away(self._task, self._connection)
        if away:
            self._check_delegate()
        spec = self.module.argument_spec()
        given = {name: value for name, value in plain(self._task.args).items() if value is not None}
        found, warnings = self.target(task_vars, given, hidden) if getattr(self.module, "NEEDS_TARGET", True) else ({}, [])
        found = {name: value for name, value in found.items() if name in spec}
        variables = VARIABLES.get(found.get("connection", ""), {})
        origins = {name: " or ".join(variables.get(name, ())) or "the inventory" for name in found if name not in given}
        params, secrets = check_options(spec, {**found, **given}, origins)
        hidden.add(*(secrets - {params.get("proxy")}))
        hidden.add_url(params.get("proxy"))
        hidden.add_login(params.get("username"), params.get("password"))
        hidden.show(public_options(spec, params))
        self.complete(params, task_vars, hidden)
        result: dict[str, t.Any]
        if away:
            public = {name: value for name, value in public_options(spec, params).items() if name in given or name not in FILES_OF_THE_CONTROL_NODE}
            result = self._execute_module(module_name=self._task.resolved_action or self._task.action, module_args=public, task_vars=task_vars)
        else:
            result = self.module.run(params, bool(self._task.check_mode))
        if warnings:
            result = {**result, "warnings": [*result.get("warnings", ()), *warnings]}
        return result

    def target(self, task_vars: dict[str, t.Any], given: dict[str, t.Any], hidden: Hidden) -> tuple[dict[str, t.Any], list[str]]:
        """What the connection of the play's host says of the way to it, and warnings about what it does not say."""
        name = str(task_vars["inventory_hostname"])
        connection, variables = self._connection, task_vars
        if is_delegated(self._task, name):
            variables = variables_of_host(self._task, task_vars)
            connection = connection_of_host(self._task, self._play_context, self._connection, self._templar, variables)
        kind = kind_of(connection)
        if kind is None:
            if "host" in given:
                return {}, []
            if getattr(self.module, "TARGET_OPTIONAL", False):
                return {"inventory_name": name}, []
            spelt = variables.get("ansible_connection") or connection.transport
            raise DoctorError(
                f"{name} uses the connection {self._templar.template(spelt)}, which is neither winrm nor psrp",
                expected="a host that Ansible reaches over WinRM",
                do="Set ansible_connection to winrm or psrp in the inventory, or name the host with the option host",
            )
        found = {"inventory_name": name, **read_target(connection)}
        hidden.add(found.get("password"))
        hidden.add_url(found.get("proxy"))
        if "scheme" in given and "port" not in given and found.get("port") in (5985, 5986):
            # The inventory's standard port belongs to the inventory's scheme; the new scheme brings its own.
            del found["port"]
        if not misreadable(kind, variables):
            return found, []
        return found, misread_variables(kind, variables_of_host(self._task, task_vars), found, name)

    def complete(self, params: dict[str, t.Any], task_vars: dict[str, t.Any], hidden: Hidden) -> None:
        """Add what a module needs besides its options and only the inventory can tell; none by default."""

    def target_of(self, name: str, task_vars: dict[str, t.Any], hidden: Hidden) -> dict[str, t.Any]:
        """The way to another Windows host of the inventory, as validated options of `argspec.target_options`; raises DoctorError."""
        variables = variables_of_other(self._task, task_vars, name)
        connection = connection_of_host(self._task, self._play_context, self._connection, self._templar, variables)
        if kind_of(connection) is None:
            raise DoctorError(
                f"{name} uses the connection {connection.transport}, which is neither winrm nor psrp", expected="a host that Ansible reaches over WinRM",
                do="Set ansible_connection of that host to winrm or psrp",
            )
        found = {"inventory_name": name, **read_target(connection)}
        hidden.add(found.get("password"))
        hidden.add_url(found.get("proxy"))
        params, secrets = check_options(target_options(), found, dict.fromkeys(found, "the inventory"))
        hidden.add(*(secrets - {params.get("proxy")}))
        hidden.add_login(params.get("username"), params.get("password"))
        return params

    def _hide(self, hidden: Hidden, task_vars: dict[str, t.Any]) -> None:
        """Learn every secret that is within reach of this task, used or not."""
        hidden.add(self._play_context.password, self._play_context.become_pass)
        for name in secret_variables(task_vars):
            # A variable that cannot be resolved has no value that could show up anywhere.
            with contextlib.suppress(AnsibleError):
                learn = hidden.add_url if URL_NAME.match(name) else hidden.add
                for value in texts_in(plain(self._templar.template(task_vars[name]))):
                    learn(value)

    def _check_delegate(self) -> None:
        """Refuse to run on another machine what may need a secret, or a machine without Python."""
        module, delegate = self._task.action, self._task.delegate_to
        if not getattr(self.module, "DELEGABLE", False):
            raise DoctorError(
                f"{module} was delegated to {delegate}, but it may need the credentials of the host, and those never leave the control node",
                expected="no delegate_to, or one that names the control node",
                do="To look from another machine use winrm.doctor.endpoint_info, which needs no credentials",
            )
        if kind_of(self._connection):
            raise DoctorError(
                f"{module} was delegated to {delegate}, which is a Windows host",
                expected="a delegate that runs Python: Linux, macOS or another POSIX system",
            )
