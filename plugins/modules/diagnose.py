# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why WinRM logon fails: looks from every chosen vantage point, then ranks the causes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnose
short_description: Say why WinRM logon to a host fails
version_added: 0.1.0
description:
  - Looks at the control node and at the host's endpoint, logs on once, asks the domain where that does not work, and ranks the causes of a failing WinRM
    logon, each with the evidence for and against it.
  - Users know these failures as Event ID 3603. Seventeen causes are judged, among them credentials, SPN, certificate, blocked NTLM, network, clocks,
    firewall, service configuration, domain trust and permissions.
  - A cause that only the inside of the host can decide is reported as V(unknown), together with the vantage point that would tell and a way to decide it by
    hand. What one attempt cannot tell apart is reported as tied, with the check that would decide.
  - Whatever the host does, a diagnosis comes back; a host in trouble does not fail the task, unless O(fail_on) says so.
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.probe
  - winrm.doctor.logon
  - winrm.doctor.directory
  - winrm.doctor.attributes
  - winrm.doctor.attributes.info
options:
  vantage_points:
    description:
      - Where to look from. V(controller) is this control node or execution environment, V(endpoint) is the host as the network shows it,
        V(logon) is a logon with the account of the inventory, which looks at the endpoint first in any case, V(directory) is the host's domain, V(host) is
        the host's inside, which takes a logon that works.
      - The inside is read by the inventory's way, else by the first of O(alternate_logons) that gets in and may read. Nothing there is changed.
      - The domain is asked where it may say something. Where the logon works and Kerberos with it, where the account is one of the host's own, where the host
        is in a workgroup or does not answer at all, it is left alone.
      - Causes that need a vantage point left out stay V(unknown).
    type: list
    elements: str
    choices: [controller, endpoint, logon, directory, host]
    default: [controller, endpoint, logon, directory, host]
  client_host:
    description:
      - The inventory's name of a Windows machine, where it is that machine whose logon to the host fails, and not this control node's. PowerShell remoting,
        Windows Admin Center and SCOM are such clients.
      - Its client side is read with its own connection variables, and the causes are judged for the pair. RV(msg) then names both. What is this control node's
        alone comes last and says so.
    type: str
  fail_on:
    description:
      - The weakest verdict that lets the task fail. With V(never) a diagnosis that finds trouble is still C(ok).
    type: str
    choices: [never, confirmed, likely]
    default: never
seealso:
  - module: winrm.doctor.endpoint_info
  - module: winrm.doctor.controller_info
  - module: winrm.doctor.directory_info
  - module: winrm.doctor.report
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
# In a play over the Windows hosts, with gather_facts false: gathering facts would log on.
- name: Say why the logon fails
  winrm.doctor.diagnose:
  register: diagnosis

- name: Show the best explanation
  ansible.builtin.debug:
    msg: "{{ diagnosis.msg }}"

- name: Stop the rollout where the way to WinRM is certainly broken
  winrm.doctor.diagnose:
    fail_on: confirmed

- name: Read the directory with an account of its own where the inventory's account is refused
  winrm.doctor.diagnose:
    domain_username: reader@example.com
    domain_password: "{{ reader_password }}"

- name: Say why Windows Admin Center on gateway01 cannot manage the host
  winrm.doctor.diagnose:
    client_host: gateway01

- name: Diagnose a host that is not in the inventory
  winrm.doctor.diagnose:
    host: web01.example.com
    port: 5986
    vantage_points: [endpoint]
"""

RETURN = r"""
msg:
  description: The diagnosis in one line.
  returned: always
  type: str
  sample: "web01: certificate (confirmed): The host's certificate expired on 2026-02-01."
target:
  description: The way to the host as it was understood, without secrets. The same as RV(winrm.doctor.endpoint_info#module:target).
  returned: success
  type: dict
trouble:
  description: Whether anything speaks for a cause. V(false) means that nothing wrong was seen; it does not mean that a logon works.
  returned: success
  type: bool
logon_works:
  description:
    - Whether the account of the inventory got as far as its connection needs. V(false) also where it was not tried.
  returned: where O(vantage_points) has V(logon)
  type: bool
findings:
  description: The causes that something speaks for, the best explanation first.
  returned: success
  type: list
  elements: dict
  contains:
    cause:
      description: The cause.
      type: str
      sample: certificate
    title:
      description: The cause in words.
      type: str
    method:
      description: The number of the method that treats it, 1 to 5.
      type: int
    docs:
      description: The page about the cause.
      type: str
    rule:
      description: Which rule of the cause spoke. Stable, for filters.
      type: str
      sample: expired
    verdict:
      description: V(confirmed), V(likely) or V(possible).
      type: str
    summary:
      description: What is wrong, in one sentence.
      type: str
    because:
      description: What was observed that speaks for it.
      type: list
      elements: dict
      contains: &fact
        seen:
          description: What was seen.
          type: str
        where:
          description: Where it was seen.
          type: str
        vantage:
          description: From which vantage point.
          type: str
    against:
      description: What was observed that speaks against it.
      type: list
      elements: dict
      contains: *fact
    next_check:
      description: What would decide it, or split it from the causes it is tied with.
      type: str
    remedies:
      description: What to do.
      type: list
      elements: dict
      contains:
        do:
          description: The step.
          type: str
        how:
          description: The command or setting.
          type: str
        risk:
          description: V(low), V(medium) or V(high).
          type: str
    tied_with:
      description: Causes that the evidence cannot tell from this one.
      type: list
      elements: str
ruled_out:
  description: Causes that the evidence speaks against.
  returned: success
  type: list
  elements: dict
  contains:
    cause:
      description: The cause.
      type: str
    title:
      description: The cause in words.
      type: str
    summary:
      description: Why it is ruled out.
      type: str
    against:
      description: What was observed that speaks against it.
      type: list
      elements: dict
      contains: *fact
unknown:
  description: Causes that could not be decided.
  returned: success
  type: list
  elements: dict
  contains:
    cause:
      description: The cause.
      type: str
    title:
      description: The cause in words.
      type: str
    summary:
      description: Why it is not decided.
      type: str
    against:
      description: What was observed that speaks against it.
      type: list
      elements: dict
      contains: *fact
    vantage:
      description: The vantage points that can decide it and were not asked, cheapest first. One that was left out on purpose is none of them.
      type: list
      elements: str
    by_hand:
      description: What an administrator can do today to decide it.
      type: str
notes:
  description: What deserves a word although it stops no logon today.
  returned: success
  type: list
  elements: str
client_host:
  description: The Windows machine whose logon was judged in place of this control node's.
  returned: where O(client_host) is given
  type: dict
  contains:
    name:
      description: Its name in the inventory.
      type: str
    read:
      description: Whether its client side was read. V(false) means that its logon was not judged.
      type: bool
    note:
      description: By whom it was read, or why it was not and what to do.
      type: str
fail_on_reached:
  description: Whether a verdict as strong as O(fail_on) was found.
  returned: success
  type: bool
evidence:
  description:
    - What was seen, by vantage point.
    - What decides nothing is left out, and so are empty texts and V(false) where they are the rule; the module of each vantage point tells all of it.
  returned: success
  type: dict
  contains:
    controller:
      description: The same as RV(winrm.doctor.controller_info#module:controller), with the libraries that the connection needs.
      type: dict
    endpoint:
      description: The same as RV(winrm.doctor.endpoint_info#module:endpoint).
      type: dict
    logon:
      description: The same as RV(winrm.doctor.logon_info#module:logon), as far as it was needed.
      type: dict
    directory:
      description: The same as RV(winrm.doctor.directory_info#module:directory), as far as it was needed.
      type: dict
    host:
      description: The same as RV(winrm.doctor.host_info#module:host), as far as it decides anything.
      type: dict
    client:
      description: The same of the machine that O(client_host) names.
      type: dict
"""

import os
import sys
import time
import typing as t
from dataclasses import replace

from ..module_utils.argspec import Spec, directory_options, logon_options, probe_options, target_options
from ..module_utils.collect import controller, directory, endpoint, host, logon
from ..module_utils.collect.occasion import not_worth_asking
from ..module_utils.domain import Domain, domain_from_params
from ..module_utils.entry import module_main
from ..module_utils.errors import DoctorError
from ..module_utils.evidence.base import Unknown
from ..module_utils.evidence.case import Case
from ..module_utils.evidence.endpoint import OPEN, EndpointEvidence
from ..module_utils.evidence.logon import NOT_TRIED, OWN_SHELL, RUNGS, LogonEvidence
from ..module_utils.report.result import result_of
from ..module_utils.target import Target, from_params

VANTAGE_POINTS = ("controller", "endpoint", "logon", "directory", "host")
LEAST = 3.0
MOST = 12.0
"""Seconds that the domain gets at least, whatever the host has used up, and at most, whatever is left: it answers at once or not at all."""


def argument_spec() -> Spec:
    """The options."""
    return {
        **target_options(),
        **probe_options(),
        **logon_options(),
        **directory_options(),
        "vantage_points": {"type": "list", "elements": "str", "choices": list(VANTAGE_POINTS), "default": list(VANTAGE_POINTS)},
        "client_host": {"type": "str"},
        "fail_on": {"type": "str", "choices": ["never", "confirmed", "likely"], "default": "never"},
    }


def prewarm() -> None:
    """What every host's diagnosis needs, done once before Ansible forks."""
    endpoint.warm_up()
    controller.warm_up()
    logon.warm_up()
    directory.warm_up()


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look from the chosen vantage points, then judge."""
    if not params["vantage_points"]:
        raise DoctorError("The option vantage_points is empty", expected=f"at least one of {', '.join(VANTAGE_POINTS)}")
    endpoint.check_times(params["timeout"], params["connect_timeout"])
    target, domain = from_params(params), domain_from_params(params)
    return result_of(_observe(target, domain, params, logon.from_params(params, target)), time.time(), params["fail_on"])


def _observe(target: Target, domain: Domain, params: dict[str, t.Any], limits: dict[str, t.Any]) -> Case:
    seen: dict[str, t.Any] = {}
    points = set(params["vantage_points"])
    if "controller" in points:
        seen["controller"] = controller.observe(target, environ=os.environ, thorough=False)
    if {"endpoint", "logon", "directory", "host"} & points:
        seen["endpoint"] = _endpoint(target, params)
    guest = None
    if {"logon", "host"} & points:
        subsets = host.FOR_CERTIFICATES if "certificate" in target.auth else host.DECIDING
        guest = _guest(target, seen["endpoint"], params, subsets) if "host" in points else None
        own = ("authenticate", "identify", OWN_SHELL[target.connection])
        plan = logon.Plan(rungs=own, further=RUNGS, thorough=False, domain=domain, guest=guest, **limits)
        # A silent host may have used the time up; whether the account gets in is worth a little more of it.
        seen["logon"] = logon.observe(target, seen["endpoint"], timeout=max(1.0, params["timeout"] - seen["endpoint"].seconds), plan=plan)
    if params.get("client") and params["client_host"].lower() != target.name.lower():
        seen["client"] = _client(params, host.presented_by(target, seen["endpoint"], params["connect_timeout"]) if "endpoint" in seen else ())
    if "directory" in points:
        seen["directory"] = _ask_domain(target, domain, params, seen)
    if guest:
        guest.knows_user_by(_sids(seen.get("directory")))
        seen["host"] = guest.found
    return Case(target.evidence(), client_name=params.get("client_host") or "", **seen)


def _endpoint(target: Target, params: dict[str, t.Any]) -> EndpointEvidence:
    return endpoint.observe(
        target, timeout=params["timeout"], connect_timeout=params["connect_timeout"], thorough=False, revocation=params["revocation"],
    )


def _guest(target: Target, seen: EndpointEvidence, params: dict[str, t.Any], subsets: tuple[str, ...], **more: t.Any) -> host.Look:
    about = host.circumstances_of(target, seen, at=time.time(), thorough=False, revocation=params["revocation"], **more)
    return host.Look(about, subsets)


def _sids(seen: t.Any) -> tuple[str, ...]:
    """What the directory knows the user by."""
    account = getattr(seen, "account", None)
    sids = getattr(account, "token_sids", ())
    return (account.sid, *sids) if getattr(account, "sid", "") and isinstance(sids, tuple) else ()


def _client(params: dict[str, t.Any], presented: tuple[bytes, ...]) -> t.Any:
    """The inside of the Windows machine that is the client, and what it makes of the certificates that the host presents."""
    target = from_params(params["client"])
    seen = _endpoint(target, params)
    guest = _guest(target, seen, params, host.OF_A_CLIENT, presented=presented)
    plan = logon.Plan(rungs=("authenticate", "identify"), thorough=False, guest=guest, limit=params["attempts"])
    tried = logon.observe(target, seen, timeout=max(1.0, params["timeout"] - seen.seconds), plan=plan)
    return guest.found if guest.found != host.NOBODY_GOT_IN else _why_not_in(target, seen, tried)


def _why_not_in(target: Target, seen: EndpointEvidence, tried: LogonEvidence) -> Unknown:
    """What kept this control node out of the client."""
    if not any(port.state == OPEN for port in seen.ports):
        return Unknown(f"{target.host} does not answer on TCP {target.port}")
    made = [attempt for attempt in tried.attempts if attempt.outcome != NOT_TRIED] or list(tried.attempts)
    return Unknown(f"nobody could log on to it ({made[-1].account}: {made[-1].means})" if made else "nobody could log on to it")


def _may_use_kerberos(client: t.Any) -> bool:
    """Whether the client that was looked into is in a domain."""
    return bool(getattr(getattr(client, "domain", None), "member", False))


def _ask_domain(target: Target, domain: Domain, params: dict[str, t.Any], seen: dict[str, t.Any]) -> t.Any:
    """What the domain says, or why it was left alone."""
    if why := not_worth_asking(target, domain, seen["endpoint"], seen.get("logon"), pair=_may_use_kerberos(seen.get("client"))):
        return why
    used = seen["endpoint"].seconds + (seen["logon"].seconds if "logon" in seen else 0.0)
    timeout = min(MOST, max(LEAST, params["timeout"] - used))
    plan = replace(directory.plan_from_params(params), thorough=False)
    return directory.observe(target, domain, seen["endpoint"], timeout=timeout, plan=plan)


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
