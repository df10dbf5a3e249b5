# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that tells what it was given. Copied under several names: what a name may do is decided below."""

from __future__ import annotations

import hashlib
import os
import sys
import typing as t
from pathlib import Path

from ansible_collections.winrm.doctor.plugins.module_utils.argspec import probe_options, target_options
from ansible_collections.winrm.doctor.plugins.module_utils.entry import module_main
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError

NAME = Path(__file__).stem
NEEDS_TARGET = NAME != "echo_report"
TARGET_OPTIONAL = NAME == "echo_control"
DELEGABLE = NAME == "echo_probe"
WARM: list[int] = []


def prewarm() -> None:
    WARM.append(os.getpid())


def argument_spec() -> dict[str, dict[str, t.Any]]:
    own = {"leak": {"type": "bool", "default": False}, "fault": {"type": "str", "choices": ["foreseen", "unforeseen"]}}
    return {**target_options(), **probe_options(), **own}


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    password, proxy = params["password"], params["proxy"]
    if params["fault"] == "foreseen":
        raise DoctorError(f"The logon with {password} failed", expected="a better one", do="Try again")
    if params["fault"] == "unforeseen":
        raise ValueError(f"bad {password}")
    result = {
        "given": {name: value for name, value in params.items() if name not in ("password", "proxy")},
        "types": {name: type(value).__name__ for name, value in params.items()},
        "password_sha": hashlib.sha256(password.encode()).hexdigest() if password is not None else None,
        "proxy_sha": hashlib.sha256(proxy.encode()).hexdigest() if proxy is not None else None,
        "check_mode": check_mode,
        "warm_before_fork": bool(WARM) and os.getpid() not in WARM,
        "runs_in_worker": "ansible.executor.task_executor" in sys.modules,
        "port": 5985,
        "state": "open",
        "sentence": "Port 5985 is open.",
    }
    if params["leak"]:
        result["leak"] = {"alone": password, "text": f"said {password!r} <{password}>", "nested": [{"proxy": proxy}], "tuple": (password,)}
    return result


def main() -> None:
    module_main(sys.modules[__name__])


if __name__ == "__main__":
    main()
