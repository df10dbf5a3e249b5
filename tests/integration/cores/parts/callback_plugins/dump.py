# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every result as one line of JSON into the file that DUMP_RESULTS names."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: dump
type: notification
short_description: dumps results
description: For tests.
version_added: "1.0"
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "dump"
    CALLBACK_NEEDS_ENABLED = True

    def dump(self, result, status):
        content = result.result if hasattr(type(result), "result") else result._result
        task = result.task if hasattr(type(result), "task") else result._task
        host = result.host if hasattr(type(result), "host") else result._host
        line = {"task": task.get_name(), "host": host.get_name(), "status": status, "result": content}
        with open(os.environ["DUMP_RESULTS"], "a", encoding="utf-8") as file:
            # The default encoder refuses whatever is not plain JSON.
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result):
        self.dump(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.dump(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self.dump(result, "unreachable")

    def v2_runner_on_skipped(self, result):
        self.dump(result, "skipped")
