# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos tickets on the control node: list, get, purge."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ticket
short_description: List, get and purge Kerberos tickets on the control node
version_added: 0.3.0
description:
  - Shows what a ticket cache of the user who runs Ansible holds, gets a ticket-granting ticket and tickets for services, or destroys a cache.
  - A ticket-granting ticket is put into a private cache, a file that only this user can read, in a folder that only this user can open. Its name depends on
    the principal and the user alone, so that a second run finds it again. The user's default cache is never touched unless it is named.
  - The password of the account is used once, however many hosts the play has, and never stored. Keys never appear in results.
  - Nothing is asked of the Windows host, so one host of the play is enough (C(run_once)).
  - The connections C(winrm) and C(psrp) take their tickets from the cache that C(KRB5CCNAME) named when Ansible was started, so a cache of this module serves
    later runs and other programs, to which RV(cache) is given as C(KRB5CCNAME).
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.attributes
options:
  state:
    description:
      - V(listed) shows what a cache holds.
      - V(present) sees to it that a cache holds a ticket-granting ticket for O(username) that is good for O(min_lifetime), and tickets for O(spns).
      - V(absent) destroys a cache.
    type: str
    choices: [listed, present, absent]
    default: listed
  cache:
    description:
      - The ticket cache, such as V(FILE:/tmp/krb5cc_1000), V(KCM:1000) or V(DIR:/run/user/1000/krb5cc). V(default) is the default cache of the user who runs
        Ansible.
      - Where it is missing, the private cache of O(username), or the default cache if O(state=listed).
    type: str
  domain:
    description:
      - DNS name of the domain whose KDC knows the account, which in capitals is the realm.
      - Where it is missing, what O(username) names, else the domain of the host's DNS name, else what C(krb5.conf) has.
    type: str
  spns:
    description:
      - Services to get tickets for besides, such as V(WSMAN/web01.example.com), exactly as they are named.
      - Used only if O(state=present).
    type: list
    elements: str
    default: []
  min_lifetime:
    description:
      - Seconds that a ticket-granting ticket must still be good for. One that ends sooner is replaced.
    type: int
    default: 600
  force:
    description:
      - Destroy the default cache, which takes the tickets from every other program of this user, or replace tickets of another principal.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that the KDC may take in all.
    type: float
    default: 20.0
attributes:
  check_mode:
    support: full
    details:
      - No ticket is asked for, so whether the KDC would grant it is not known in check mode.
  diff_mode:
    support: full
seealso:
  - module: winrm.doctor.spn
  - module: winrm.doctor.directory_info
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
- name: Show what the default ticket cache holds
  winrm.doctor.ticket:
  run_once: true
  register: tickets

- name: Get a ticket for the account of the inventory, and one for the host's WinRM
  winrm.doctor.ticket:
    state: present
    spns:
      - "WSMAN/{{ inventory_hostname }}"
  register: ticket

- name: Ask the KDC as another program would
  ansible.builtin.command:
    argv: [kvno, "HTTP/{{ inventory_hostname }}"]
  environment:
    KRB5CCNAME: "{{ ticket.cache }}"
  delegate_to: localhost
  changed_when: false

- name: Purge the private cache
  winrm.doctor.ticket:
    state: absent

- name: Purge the default cache of the user who runs Ansible
  winrm.doctor.ticket:
    state: absent
    cache: default
    force: true
  run_once: true
"""

RETURN = r"""
msg:
  description: What the cache holds, or what was done, in one line.
  returned: success
  type: str
  sample: "svc@EXAMPLE.COM: FILE:/run/user/1000/winrm.doctor-1000/krb5cc_svc@EXAMPLE.COM is good until 2026-04-09T08:48:00Z."
cache:
  description: The name of the cache, as C(KRB5CCNAME) takes it.
  returned: success
  type: str
  sample: FILE:/run/user/1000/winrm.doctor-1000/krb5cc_svc@EXAMPLE.COM
principal:
  description: Whose tickets the cache holds, or would hold; empty for a cache that is not there.
  returned: success
  type: str
  sample: svc@EXAMPLE.COM
expires:
  description: When the ticket-granting ticket ends, in UTC.
  returned: when there is one
  type: str
  sample: '2026-04-09T08:48:00Z'
tickets:
  description: What the cache holds now, without keys.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The service as it was asked for, with its realm unless that was left to the KDC; C(krbtgt) is the ticket-granting ticket.
      type: str
    starts:
      description: From when it is good, in UTC.
      type: str
    ends:
      description: Until when it is good, in UTC.
      type: str
    renew_until:
      description: Until when it can be renewed, in UTC.
      type: str
    encryption:
      description: The encryption of the ticket, which the service must be able to read.
      type: str
    flags:
      description: The flags of the ticket by name, such as V(renewable).
      type: list
      elements: str
    expired:
      description: Whether it has ended.
      type: bool
  sample:
    - service: krbtgt/EXAMPLE.COM@EXAMPLE.COM
      starts: '2026-04-08T22:48:00Z'
      ends: '2026-04-09T08:48:00Z'
      encryption: AES256
      flags: [renewable, initial, pre_authent]
      expired: false
asked_for:
  description: What the KDC was asked for, or would be asked for in check mode.
  returned: if O(state=present)
  type: list
  elements: str
  sample: [krbtgt/EXAMPLE.COM, WSMAN/web01.example.com]
steps:
  description: What the KDC answered, step by step, as in RV(winrm.doctor.directory_info#module:directory.steps).
  returned: if it was asked
  type: list
  elements: dict
others:
  description: Other caches of the same user that Kerberos' library knows of, each with RV(ignore:cache) and RV(ignore:principal).
  returned: if O(state=listed)
  type: list
  elements: dict
"""

import sys
import typing as t

from ..module_utils.argspec import Spec, target_options
from ..module_utils.collect import ticket
from ..module_utils.collect.endpoint import check_times
from ..module_utils.directory.caches import CacheEvidence
from ..module_utils.entry import module_main
from ..module_utils.errors import DoctorError
from ..module_utils.evidence.base import encode

TARGET_OPTIONAL = True


def argument_spec() -> Spec:
    """The options."""
    return {
        **target_options(),
        "state": {"type": "str", "choices": [ticket.LISTED, ticket.PRESENT, ticket.ABSENT], "default": ticket.LISTED},
        "cache": {"type": "str"},
        "domain": {"type": "str"},
        "spns": {"type": "list", "elements": "str", "default": []},
        "min_lifetime": {"type": "int", "default": 600},
        "force": {"type": "bool", "default": False},
        "timeout": {"type": "float", "default": 20.0},
    }


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look into the cache, and change it if need be."""
    check_times(params["timeout"], params["timeout"])
    if params["min_lifetime"] < 0:
        raise DoctorError(f"The option min_lifetime is {params['min_lifetime']}", expected="seconds, 0 or more", value=params["min_lifetime"])
    wanted = ticket.Wanted(
        state=params["state"], cache=params["cache"] or None, username=params["username"] or "", password=params["password"], domain=params["domain"] or "",
        host=params["host"] or "", spns=tuple(params["spns"]), min_lifetime=params["min_lifetime"], force=params["force"],
    )
    outcome = ticket.manage(wanted, timeout=params["timeout"], check_mode=check_mode)
    held = outcome.after
    result = {
        "changed": outcome.changed, "msg": ticket.sentence(outcome, wanted.state, check_mode), "cache": outcome.cache, "principal": outcome.principal,
        "tickets": encode(held.tickets if held else ()), "diff": ticket.difference(outcome, wanted.state, check_mode),
    }
    if granting := held.granting() if held else None:
        result["expires"] = granting.ends
    if wanted.state == ticket.LISTED:
        result["others"] = [_brief(other) for other in outcome.others]
    if wanted.state == ticket.PRESENT:
        result["asked_for"] = list(outcome.missing)
    if outcome.steps:
        result["steps"] = encode(outcome.steps)
    return {**result, **({"warnings": list(outcome.warnings)} if outcome.warnings else {})}


def _brief(cache: CacheEvidence) -> dict[str, str]:
    return {"cache": cache.cache, "principal": cache.principal}


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
