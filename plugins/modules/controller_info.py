# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this control node or execution environment contributes to a logon."""

from __future__ import annotations

DOCUMENTATION = r"""
module: controller_info
short_description: Look at the control node as a WinRM logon would use it
version_added: 0.1.0
description:
  - Tells which libraries of the chain can be imported, what OpenSSL still allows, which krb5.conf is in force and what it decides, which ticket cache and
    proxy variables there are, which trust store the connection would really use, and whether the clock is synchronised.
  - Runs in the same process as the connection would, so inside an execution environment it describes that environment.
  - Never fails for what it finds. A missing piece is an observation.
  - For a host with a winrm or psrp connection it also tells whether the proxy variables would capture the connection, and the trust store.
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.attributes
  - winrm.doctor.attributes.info
seealso:
  - module: winrm.doctor.diagnose
  - module: winrm.doctor.endpoint_info
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
- name: Look at the control node
  winrm.doctor.controller_info:
  register: here
  delegate_to: localhost
  run_once: true

- name: Show what cannot be imported
  ansible.builtin.debug:
    msg: "{{ here.controller.libraries | selectattr('error', 'defined') | map(attribute='name') | list }}"

- name: See which trust store and proxy the connection to each Windows host would use
  winrm.doctor.controller_info:
"""

RETURN = r"""
target:
  description: The way to the host as it was understood, without secrets; absent where no host was given.
  returned: when there is a host
  type: dict
controller:
  description:
    - What was seen. Anywhere in it, an object with the single key C(unknown) stands for something that could not be observed, and says why.
  returned: success
  type: dict
  contains:
    at:
      description: When it was looked at, in UTC.
      type: str
    host:
      description: Name of this machine.
      type: str
    python:
      description: Version of the Python that runs Ansible.
      type: str
    platform:
      description: The operating system.
      type: str
    execution_environment:
      description: Whether this is a container.
      type: bool
    libraries:
      description: Each library of the chain, with its version or the error of its import.
      type: list
      elements: dict
      contains:
        name:
          description: The distribution.
          type: str
        version:
          description: Its version.
          type: str
        path:
          description: Where it was imported from.
          type: str
        error:
          description: Why it cannot be imported.
          type: str
        needed_for:
          description: What stops working without it.
          type: str
    crypto:
      description: OpenSSL, and what it lets NTLM and old Kerberos do.
      type: dict
      contains:
        openssl:
          description: Its version.
          type: str
        fips:
          description: Whether the kernel is in FIPS mode.
          type: bool
        md4:
          description: Whether MD4 works. The library pyspnego carries its own, so V(false) alone stops nothing.
          type: bool
        md5:
          description: Whether MD5 works.
          type: bool
        rc4:
          description: Whether RC4 works. NTLM's message encryption needs it.
          type: bool
        minimum_tls:
          description: The lowest TLS version of a default context.
          type: str
        security_level:
          description: OpenSSL's security level.
          type: int
    kerberos:
      description: The krb5.conf in force and the ticket cache.
      type: dict
      contains:
        config_files:
          description: The files that were read.
          type: list
          elements: str
        config_error:
          description: Why a file cannot be read as written, with its line.
          type: str
        default_realm:
          description: The default realm.
          type: str
        realms:
          description: Realms, each with its KDCs.
          type: list
          elements: dict
        domain_realm:
          description: Pairs of domain and realm.
          type: list
          elements: list
        settings:
          description: Pairs of name and effective value of the settings that decide, such as C(rdns), C(dns_canonicalize_hostname) and C(kdc_timesync).
          type: list
          elements: list
        cache_name:
          description: The ticket cache.
          type: str
        cache_principal:
          description: Whose tickets it holds.
          type: str
        cache_expires:
          description: When its ticket-granting ticket ends, in UTC.
          type: str
        cache_error:
          description: Why it holds no ticket, or cannot be read.
          type: str
    proxy:
      description: Proxy variables without passwords, and whether they would capture the connection.
      type: dict
      contains:
        variables:
          description: Pairs of name and value.
          type: list
          elements: list
        captures:
          description: Whether the connection would go through a proxy of the environment.
          type: bool
        proxy:
          description: That proxy, or the inventory's.
          type: str
        why:
          description: What chose it, or why none is used.
          type: str
    trust_store:
      description: The CA bundle that the connection would use, beside the system's.
      type: dict
      contains:
        used:
          description: Its path.
          type: str
        chosen_by:
          description: The option, variable or library that chose it.
          type: str
        certificates:
          description: How many certificates it holds.
          type: int
        system:
          description: Path of the system's bundle.
          type: str
        system_certificates:
          description: How many certificates that one holds.
          type: int
        same:
          description: Whether both are one.
          type: bool
    clock_synchronised:
      description: Whether the kernel holds this machine's clock to be synchronised.
      type: bool
    clock:
      description: This machine's time, in UTC.
      type: str
  sample:
    at: '2026-04-08T22:48:00Z'
    host: control01
    python: 3.12.1
    libraries:
      - {name: pypsrp, version: 0.9.1, needed_for: the connection psrp}
      - {name: gssapi, error: "ModuleNotFoundError: No module named 'gssapi'", needed_for: Kerberos with psrp}
    clock_synchronised: true
"""

import os
import sys
import typing as t

from ..module_utils.argspec import Spec, target_options
from ..module_utils.collect.controller import observe, warm_up
from ..module_utils.entry import module_main
from ..module_utils.evidence.base import encode
from ..module_utils.evidence.fit import fit
from ..module_utils.target import from_params

TARGET_OPTIONAL = True
prewarm = warm_up


def argument_spec() -> Spec:
    """The options."""
    return target_options()


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look, and tell what was seen."""
    target = from_params(params) if params.get("host") else None
    seen = fit(encode(observe(target, environ=os.environ, thorough=True)))
    about = {"target": encode(target.evidence())} if target else {}
    return {"changed": False, **about, "controller": seen}


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
