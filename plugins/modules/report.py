# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report about all hosts: a screen to read and a file to keep."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Show and keep what the diagnoses of all hosts say
version_added: 0.1.0
description:
  - Gathers what M(winrm.doctor.diagnose) registered for every host of the play, prints one readable screen, and writes a JSON file.
  - Run it once for the play, with C(run_once). In a play with C(serial) it runs once for each batch, and the file grows. With the strategy C(free) it waits
    until no host of the batch is missing any more.
  - The file keeps hosts of earlier runs that were not asked this time. It is written in one step, so that an interrupted run leaves the old one whole, and
    it is readable by its owner alone.
  - A host without a diagnosis this time, because it was skipped or had left the play, keeps in the file what was known of it.
  - The task is V(changed) only if the diagnosis of a host differs from the one in the file; times alone change nothing. C(seen_at) of a host is
    therefore the time since when its diagnosis has been the same.
extends_documentation_fragment:
  - winrm.doctor.attributes
options:
  variable:
    description:
      - Name of the variable that the task with M(winrm.doctor.diagnose) registered.
    type: str
    default: troubleshoot_diagnosis
  path:
    description:
      - The file on the control node. Without it none is written. Its folder must exist.
    type: path
  screen:
    description:
      - How much to print. V(full) adds to each host how its trouble is known and what to do.
    type: str
    choices: [full, summary, none]
    default: full
  results:
    description:
      - What was registered for each host, by its name. Filled in from O(variable).
    type: dict
attributes:
  check_mode:
    support: full
    description: The file is not written, and the result is the one that a real run would give.
  diff_mode:
    support: full
seealso:
  - module: winrm.doctor.diagnose
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
- name: Diagnose
  winrm.doctor.diagnose:
  register: diagnosis

- name: Report on all hosts
  winrm.doctor.report:
    variable: diagnosis
    path: winrm-report.json
  run_once: true
"""

RETURN = r"""
msg:
  description: The counts in one line.
  returned: always
  type: str
summary:
  description: How many hosts are in which state, and how many have which cause, in this play.
  returned: when no host is missing any more
  type: dict
  sample:
    hosts: {trouble: 2, clear: 1, failed: 0, missing: 0}
    causes: {certificate: 1, firewall: 1}
path:
  description: The file.
  returned: when O(path) is given
  type: str
"""

import sys
import time
import typing as t

from ..module_utils.argspec import Spec
from ..module_utils.entry import module_main
from ..module_utils.report import fleet
from ..module_utils.report.store import keep

NEEDS_TARGET = False


def argument_spec() -> Spec:
    """The options."""
    return {
        "variable": {"type": "str", "default": "troubleshoot_diagnosis"},
        "path": {"type": "path"},
        "screen": {"type": "str", "choices": ["full", "summary", "none"], "default": "full"},
        "results": {"type": "dict"},
    }


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Judge what is new, and keep it."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    hosts = {name: fleet.entry(result, now) for name, result in sorted((params["results"] or {}).items())}
    told = fleet.summary(hosts)
    counts = ", ".join(f"{number} {status}" for status, number in told["hosts"].items() if number)
    result = {"changed": False, "msg": f"{len(hosts)} host{'' if len(hosts) == 1 else 's'}: {counts or 'none'}", "summary": told}
    if params["path"]:
        result.update(keep(params["path"], hosts, now, check_mode), path=params["path"])
    return result


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
