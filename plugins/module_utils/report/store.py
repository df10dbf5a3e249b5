# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's file: read, merged, written in one step."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import typing as t

from ..errors import DoctorError
from .fleet import Hosts, document, essence, merge, parse


def keep(path: str, hosts: Hosts, now: str, check_mode: bool) -> dict[str, t.Any]:
    """Merge `hosts` into the file; `changed` and `diff` as a task returns them. Raises DoctorError, and leaves the file alone then."""
    old = _read(path)
    new = merge(old or {}, hosts)
    changed = old is None or {name: essence(host) for name, host in old.items()} != {name: essence(host) for name, host in new.items()}
    if changed and not check_mode:
        _write(path, json.dumps(document(new, now), indent=1) + "\n")
    return {"changed": changed, "diff": {"before_header": path, "after_header": path, "before": _lines(old or {}), "after": _lines(new)}}


def _read(path: str) -> Hosts | None:
    try:
        with open(path, encoding="utf-8") as source:
            return parse(source.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DoctorError(f"The report {path} cannot be read: {error.strerror}", do="Name another file, or set its permissions") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DoctorError(
            f"The file {path} exists, but {error}", expected="a report written by this module, or no file", do="Move it away, or name another file", value=path,
        ) from error


def _write(path: str, text: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, name = tempfile.mkstemp(prefix=".winrm-doctor-", suffix=".json", dir=folder)
    except OSError as error:
        raise DoctorError(
            f"The report {path} cannot be written: {error.strerror}",
            expected="a folder that exists and may be written to",
            do=f"Create {folder}, or name another file",
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            target.write(text)
        os.replace(name, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise DoctorError(f"The report {path} cannot be written: {error.strerror}", do="Free some space, or name another file") from error


def _lines(hosts: Hosts) -> str:
    """One line for each finding, as the diff shows them."""
    lines = []
    for name, host in sorted(hosts.items()):
        found = [f"{item['cause']}/{item['rule']} {item['verdict']}" for item in host.get("findings", ())]
        lines.append(f"{name}: {'; '.join(found) or host['status']}\n")
    return "".join(lines)
