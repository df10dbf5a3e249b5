# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when the inventory's account logs on: method by method, rung by rung."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logon_info
short_description: Log on to WinRM method by method and tell what each answer means
version_added: 0.2.0
description:
  - Logs on with the account of the inventory, first in the inventory's own way, then with the other methods that the endpoint offers, and climbs a ladder on
    each logon. The rungs are an empty authenticated POST, WS-Management Identify, a Get of winrm/config, a cmd shell, and a PowerShell session. Shells are
    deleted at once; nothing on the host is changed.
  - Every request and reply is kept with its status, its headers, the decoded NTLM, SPNEGO, Kerberos or CredSSP content, and the fault. Passwords, hashes,
    keys and tickets never are.
  - The endpoint is looked at first, without credentials. Where something else than WinRM answers, or the certificate does not verify although the inventory
    wants that, no password is sent.
  - Basic over plain HTTP, which sends the password readable, and CredSSP, which hands it to the host, are tried only where the inventory or O(methods) names
    them.
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.probe
  - winrm.doctor.logon
  - winrm.doctor.attributes
  - winrm.doctor.attributes.info
options:
  methods:
    description:
      - The authentication methods to try, in order, and no others.
      - Where it is missing, those of the inventory, then those that the endpoint offers.
    type: list
    elements: str
    choices: [negotiate, kerberos, ntlm, basic, certificate, credssp]
  transports:
    description:
      - The transports to try. Where it is missing, the inventory's own. The other one uses its standard port.
    type: list
    elements: str
    choices: [http, https]
  rungs:
    description:
      - How far to climb.
    type: list
    elements: str
    choices: [authenticate, identify, config, cmd, powershell]
    default: [authenticate, identify, config, cmd, powershell]
  channel_bindings:
    description:
      - How to bind a logon over HTTPS to the TLS channel, one logon for each. V(sent) sends the right token, V(omitted) none, V(wrong) that of another
        certificate.
      - Where it is missing, as the inventory's connection would.
    type: list
    elements: str
    choices: [sent, omitted, wrong]
seealso:
  - module: winrm.doctor.diagnose
  - module: winrm.doctor.endpoint_info
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
# In a play over the Windows hosts, with gather_facts false: gathering facts would log on.
- name: See how far the inventory's account gets
  winrm.doctor.logon_info:
  register: seen

- name: Show each way and how it ended
  ansible.builtin.debug:
    msg: "{{ item.means }}"
  loop: "{{ seen.logon.attempts | default([]) }}"
  loop_control:
    label: "{{ item.method }} over {{ item.scheme }}"

- name: Find out whether the host insists on channel binding
  winrm.doctor.logon_info:
    methods: [ntlm]
    rungs: [authenticate]
    channel_bindings: [sent, omitted]
    attempts: 2

- name: Compare with a local administrator
  winrm.doctor.logon_info:
    alternate_logons:
      - name: break-glass account
        username: .\rescue
        password: "{{ rescue_password }}"
        auth: [ntlm]
"""

RETURN = r"""
msg:
  description: The inventory's own way in one line.
  returned: success
  type: str
  sample: "web01: The host accepted the logon with negotiate (ntlm)."
target:
  description: The way to the host, as in RV(winrm.doctor.endpoint_info#module:target).
  returned: success
  type: dict
logon:
  description: What happened. Fields without a value are left out.
  returned: success
  type: dict
  contains:
    at:
      description: When it began, in UTC.
      type: str
    vantage:
      description: The machine that logged on.
      type: str
    seconds:
      description: How long it took.
      type: float
    requests:
      description: The number of HTTP requests sent.
      type: int
    gaps:
      description: What was left out, each with its reason under RV(ignore:unknown).
      type: list
      elements: dict
    client_certificate:
      description: The client certificate of the inventory, as this control node reads it.
      type: dict
    kdc:
      description:
        - What the KDC said of the accounts before any host saw a password, now or earlier in this run. Only of accounts of a domain.
      type: list
      elements: dict
      contains:
        name:
          description: V(probe), a question without the password, which counts against nobody, or V(as), the question with it.
          type: str
        asked_for:
          description: The user's principal.
          type: str
        realm:
          description: The realm that was asked.
          type: str
        outcome:
          description: V(granted), V(refused), or V(failed) where no usable answer came.
          type: str
        means:
          description: What the answer means, in a sentence.
          type: str
        code:
          description: The error code of Kerberos, from 128 on that of MIT's library.
          type: int
        status:
          description: The NTSTATUS that Active Directory adds to it, which tells a disabled account from a locked one.
          type: int
        got:
          description: The principal that the KDC made the ticket out to.
          type: str
        ticket_encryption:
          description: The encryption of the ticket; for V(probe) what the account may use.
          type: str
        used:
          description: Whether something was sent that depends on the password.
          type: bool
        server_time:
          description: The KDC's clock.
          type: str
        controller:
          description: The address of the KDC that answered; missing where Kerberos' library chose it.
          type: str
    attempts:
      description: The ways to log on, in the order in which they were tried.
      type: list
      elements: dict
      contains:
        method:
          description: V(negotiate), V(kerberos), V(ntlm), V(basic), V(certificate) or V(credssp).
          type: str
        scheme:
          description: V(http) or V(https).
          type: str
        port:
          description: The port.
          type: int
        outcome:
          description: V(accepted), V(refused) (the host said 401 or 403), V(broken) (the conversation failed otherwise) or V(not_tried).
          type: str
        means:
          description: How it ended and what that means, in a sentence.
          type: str
        own:
          description: Whether this is the inventory's own way.
          type: bool
        way:
          description: The name of the alternate logon, empty for the inventory's own ways.
          type: str
        same_account:
          description: Whether an alternate logon uses the inventory's account.
          type: bool
        account:
          description: The account as it was named.
          type: str
        kind:
          description: V(local), V(domain), or V(either) for a bare name at a host of a domain.
          type: str
        mechanism:
          description: What V(negotiate) came to, V(kerberos) or V(ntlm).
          type: str
        binding:
          description: The channel binding token, V(sent), V(omitted) or V(wrong); empty where there is none to send.
          type: str
        sealed:
          description: Whether the logon itself encrypted the messages.
          type: bool
        proven:
          description: Whether the password was known to be right before, because the KDC or a host of this run had accepted it.
          type: bool
        proven_by:
          description: The host that accepted it, or the KDC.
          type: str
        reason:
          description:
            - Why it was not tried. V(refused_by_kdc), V(refused_before), V(in_doubt), V(no_book), V(busy), V(no_password), V(unsafe), V(not_offered),
              V(no_library) or V(not_reached).
            - V(no_room) where one more wrong password would lock the account, which M(winrm.doctor.diagnose) reads with O(ignore:domain_username).
          type: str
        failure:
          description: The step that failed on this side, with RV(ignore:step), RV(ignore:text) and RV(ignore:code).
          type: dict
        rungs:
          description: The rungs that were climbed.
          type: list
          elements: dict
          contains:
            name:
              description: V(authenticate), V(identify), V(config), V(cmd) or V(powershell).
              type: str
            status:
              description: V(passed), V(denied), V(failed) or V(skipped).
              type: str
            means:
              description: What the answer means.
              type: str
            legs:
              description:
                - Each request and its reply, with what was sent, the decoded token that went (RV(ignore:token)) and that came back (RV(ignore:answer)), the
                  status and headers (RV(ignore:reply)) and the SOAP fault (RV(ignore:fault)).
              type: list
              elements: dict
  sample:
    at: '2026-04-08T22:48:00Z'
    vantage: control01
    requests: 3
    seconds: 0.03
    attempts:
      - method: ntlm
        scheme: http
        port: 5985
        outcome: accepted
        means: The host accepted the logon with ntlm.
        own: true
        sealed: true
"""

import sys
import typing as t

from ..module_utils.argspec import Spec, logon_options, probe_options, target_options
from ..module_utils.collect import endpoint, logon
from ..module_utils.entry import module_main
from ..module_utils.errors import DoctorError
from ..module_utils.evidence.base import encode
from ..module_utils.evidence.fit import fit
from ..module_utils.evidence.logon import RUNGS, LogonEvidence
from ..module_utils.target import AUTH_METHODS, Target, from_params


def argument_spec() -> Spec:
    """The options."""
    return {
        **target_options(),
        **probe_options(),
        **logon_options(),
        "methods": {"type": "list", "elements": "str", "choices": list(AUTH_METHODS)},
        "transports": {"type": "list", "elements": "str", "choices": ["http", "https"]},
        "rungs": {"type": "list", "elements": "str", "choices": list(RUNGS), "default": list(RUNGS)},
        "channel_bindings": {"type": "list", "elements": "str", "choices": ["sent", "omitted", "wrong"]},
    }


def prewarm() -> None:
    """What every logon needs, done once before Ansible forks."""
    endpoint.warm_up()
    logon.warm_up()


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look at the endpoint, log on, and tell what happened."""
    endpoint.check_times(params["timeout"], params["connect_timeout"])
    for name in ("methods", "transports", "rungs", "channel_bindings"):
        if params.get(name) == []:
            raise DoctorError(f"The option {name} is empty", expected="at least one item, or no such option")
    target = from_params(params)
    plan = logon.Plan(
        methods=_given(params, "methods"), transports=_given(params, "transports"), rungs=tuple(rung for rung in RUNGS if rung in params["rungs"]),
        bindings=_given(params, "channel_bindings"), **logon.from_params(params, target),
    )
    seen = endpoint.observe(target, timeout=params["timeout"], connect_timeout=params["connect_timeout"], thorough=False, revocation=False)
    found = logon.observe(target, seen, timeout=max(1.0, params["timeout"] - seen.seconds), plan=plan)
    return {"changed": False, "msg": _sentence(target, found), "target": encode(target.evidence()), "logon": fit(encode(found))}


def _given(params: dict[str, t.Any], name: str) -> tuple[str, ...] | None:
    return tuple(dict.fromkeys(params[name])) if params.get(name) else None


def _sentence(target: Target, found: LogonEvidence) -> str:
    if not found.attempts:
        return f"{target.name}: {found.gaps[0].unknown if found.gaps else 'nothing was tried.'}"
    first = found.attempts[0]
    stopped = next((rung for rung in first.rungs[1:] if rung.status != "passed"), None)
    return f"{target.name}: {first.means}{f' But {stopped.name}: {stopped.means}' if stopped else ''}"


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
