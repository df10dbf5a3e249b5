# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows host says of itself over WinRM, once it lets somebody in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Read everything inside a host that WinRM depends on
version_added: 0.4.0
description:
  - Logs on once and reads what a WinRM logon depends on, without changing anything. Among it are winrm/config with the source of every value, listeners,
    services, Windows Firewall, certificates, policies, who may come in, the domain, the time, the client side, quotas and tickets.
  - Where the account of the inventory is refused, or may not read, the ways of O(alternate_logons) are tried; the result names the way it came by.
  - It needs an administrator. What the account may not read is C(unknown) with the reason C(access denied), and everything else still comes. What was read
    before a host turned slow or died is kept.
  - winrm/config, listeners and WMI are read over WS-Management. The registry and commands such as C(nltest) run in one remote cmd shell, which is deleted at
    once; PowerShell is not used. No output is understood by its words, so the language of the host does not matter.
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.probe
  - winrm.doctor.logon
  - winrm.doctor.attributes
  - winrm.doctor.attributes.info
options:
  gather_subset:
    description:
      - What to read. V(all) is everything. A name with an exclamation mark before it, such as V(!certificates), leaves that subset out.
      - The subsets are V(config), V(listeners), V(service), V(firewall), V(certificates), V(mappings), V(policy), V(access), V(domain), V(time), V(client),
        V(limits) and V(tickets).
    type: list
    elements: str
    default: [all]
  expiring_days:
    description:
      - A certificate that expires within so many days is told as a problem.
    type: int
    default: 30
seealso:
  - module: winrm.doctor.diagnose
  - module: winrm.doctor.logon_info
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
# In a play over the Windows hosts, with gather_facts false: gathering facts would log on by itself.
- name: Read the inside
  winrm.doctor.host_info:
  register: inside

- name: Show what Group Policy decides about WinRM
  ansible.builtin.debug:
    msg: "{{ inside.host.config.settings | selectattr('source', 'equalto', 'policy') | list }}"

- name: Which certificates expire within two months
  winrm.doctor.host_info:
    gather_subset: [listeners, certificates]
    expiring_days: 60

- name: Read the inside of a host that refuses the usual account
  winrm.doctor.host_info:
    alternate_logons:
      - name: break-glass account
        username: .\rescue
        password: "{{ rescue_password }}"
        auth: [ntlm]
"""

RETURN = r"""
msg:
  description: What was read, in one line.
  returned: success
  type: str
target:
  description: The way to the host, as in RV(winrm.doctor.endpoint_info#module:target).
  returned: success
  type: dict
host:
  description: The inside.
  returned: success
  type: dict
"""

import sys
import time
import typing as t

from ..module_utils.argspec import Spec, logon_options, probe_options, target_options
from ..module_utils.collect import endpoint, host, logon
from ..module_utils.entry import module_main
from ..module_utils.errors import DoctorError
from ..module_utils.evidence.base import Unknown, encode
from ..module_utils.evidence.fit import fit
from ..module_utils.evidence.host import SUBSETS, HostEvidence
from ..module_utils.evidence.logon import LogonEvidence
from ..module_utils.target import Target, from_params

ALL = "all"
LIMIT = 150_000
"""Bytes of JSON for one host."""


def argument_spec() -> Spec:
    """The options."""
    return {
        **target_options(),
        **probe_options(),
        **logon_options(),
        "gather_subset": {"type": "list", "elements": "str", "default": [ALL]},
        "expiring_days": {"type": "int", "default": 30},
    }


def prewarm() -> None:
    """What every look needs, done once before Ansible forks."""
    endpoint.warm_up()
    logon.warm_up()


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Log on, read, and tell."""
    endpoint.check_times(params["timeout"], params["connect_timeout"])
    if params["expiring_days"] < 0:
        raise DoctorError(f"The option expiring_days is {params['expiring_days']}", expected="a number of days from 0 on", value=params["expiring_days"])
    target, subsets = from_params(params), subsets_of(params["gather_subset"])
    seen = endpoint.observe(target, timeout=params["timeout"], connect_timeout=params["connect_timeout"], thorough=False, revocation=False)
    about = host.circumstances_of(target, seen, at=time.time(), expiring_days=params["expiring_days"], revocation=params["revocation"])
    guest = host.Look(about, subsets)
    plan = logon.Plan(rungs=("authenticate", "identify"), thorough=False, guest=guest, **logon.from_params(params, target))
    tried = logon.observe(target, seen, timeout=max(1.0, params["timeout"] - seen.seconds), plan=plan)
    found = guest.found
    inside = encode(found, brief=True) if isinstance(found, Unknown) else fit(encode(found, brief=True), LIMIT)
    return {"changed": False, "msg": _sentence(target, found, tried), "target": encode(target.evidence()), "host": inside}


def subsets_of(given: t.Sequence[str]) -> tuple[str, ...]:
    """The subsets that `gather_subset` names; raises DoctorError."""
    names = [name.strip() for name in given]
    wrong = [name for name in names if name.removeprefix("!") not in (ALL, *SUBSETS)]
    if wrong or not names:
        expected = f"{ALL}, or names out of {', '.join(SUBSETS)}, each with or without an exclamation mark"
        raise DoctorError(f"The option gather_subset holds {wrong[0]!r}" if wrong else "The option gather_subset is empty", expected=expected)
    wanted = {name for name in names if not name.startswith("!")} or {ALL}
    unwanted = {name[1:] for name in names if name.startswith("!")}
    chosen = tuple(name for name in SUBSETS if (name in wanted or ALL in wanted) and name not in unwanted and ALL not in unwanted)
    if not chosen:
        raise DoctorError(f"The option gather_subset leaves nothing to read: {', '.join(names)}", expected="at least one subset")
    return chosen


def _sentence(target: Target, found: HostEvidence | Unknown, tried: LogonEvidence) -> str:
    if isinstance(found, Unknown):
        first = tried.attempts[0].means if tried.attempts else (tried.gaps[0].unknown if tried.gaps else "nothing was tried.")
        return f"{target.name}: nothing was read, for {found.unknown}. {first}"
    by = f" by {found.way}" if found.way else ""
    if host.denied_everywhere(found):
        return f"{target.name}: the account {found.account}{by} may read nothing of the inside ({', '.join(found.denied)}). It takes an administrator."
    kept = f" Not allowed to read: {', '.join(found.denied)}." if found.denied else ""
    missing = [name for name in SUBSETS if isinstance(getattr(found, name), Unknown) and getattr(found, name).unknown != "not gathered"]
    unread = f" Unknown: {', '.join(missing)}." if missing else ""
    return f"{target.name}: read as {found.account or 'the certificate'}{by} in {found.requests} requests.{kept}{unread}"


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
