# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service principal names of an account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: spn
short_description: Register or remove service principal names of an account in Active Directory
version_added: 0.3.0
description:
  - Sees to it that an account carries service principal names (SPNs), or does not, over LDAP to a domain controller. The Windows host itself is never touched,
    so this works while nothing can log on to it.
  - Kerberos clients ask for a ticket for an SPN, and the domain controller encrypts it for the account that carries it. WinRM needs it on the computer's
    account. The C(winrm) connection and Windows' own clients ask for C(HTTP), which C(HOST) stands for in every forest; the C(psrp) connection asks for
    C(WSMAN), which C(HOST) does not stand for, so that it must be registered itself.
  - An SPN that another account of the forest carries is refused, with its owner and what taking it would break. With O(force_move=true) the owner loses it
    first, and gets it back where registering it here fails.
  - An SPN that C(HOST) of another computer stands for is refused likewise, whatever the domain controller itself would allow.
  - What was written is read again, and a ticket is asked for, as a proof. A ticket that is not to be had afterwards is told and undoes nothing.
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.directory
  - winrm.doctor.attributes
options:
  account:
    description:
      - The account, by its C(sAMAccountName), its user principal name or its distinguished name.
      - Where it is missing, the computer account of O(host).
    type: str
  spns:
    description:
      - The SPNs, such as V(WSMAN/web01.example.com). Upper and lower case make no difference.
      - With O(state=absent), values that have not the form of an SPN are removed as well, for a directory takes any text.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) registers O(spns), V(absent) removes them, and both leave every other SPN alone.
      - V(exact) registers them and removes the other SPNs of their service classes, or of O(service_classes).
    type: str
    choices: [present, absent, exact]
    default: present
  service_classes:
    description:
      - The service classes of which nothing but O(spns) may stay if O(state=exact). Where it is missing, those of O(spns).
      - Classes that Windows registers for itself, such as C(HOST), C(RestrictedKrbHost), C(TERMSRV) and those of domain controllers and clusters, are cleared
        only where they are named here.
    type: list
    elements: str
  force_move:
    description:
      - Take an SPN from the account that carries it, in the same domain. What runs as that account can then no longer read tickets for it.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that everything may take. Ten more where a change that broke off has to be looked at or undone.
    type: float
    default: 30.0
  connect_timeout:
    description:
      - Seconds that one TCP connect may take.
    type: float
    default: 3.0
attributes:
  check_mode:
    support: full
    details:
      - The directory is read as in a real run, so that a refusal for another owner is told too. Missing rights show only when something is written.
  diff_mode:
    support: full
    details:
      - The diff of a real run comes from reading again.
notes:
  - Moving an SPN takes effect on each domain controller when it has been replicated there, and for a client when its old ticket ends.
  - In a forest of several domains the owner is looked for in a global catalogue; where none can be asked, nothing is registered.
seealso:
  - module: winrm.doctor.directory_info
  - module: winrm.doctor.ticket
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
# In a play over the Windows hosts, with gather_facts false: gathering facts would log on.
- name: Let psrp log on with Kerberos by the host's name in the inventory
  winrm.doctor.spn:
    spns:
      - "WSMAN/{{ inventory_hostname }}"
    domain_username: spn-admin@example.com
    domain_password: "{{ spn_admin_password }}"

- name: Register an alias that DNS has for the web service that runs as svc-shop
  winrm.doctor.spn:
    account: svc-shop
    spns:
      - HTTP/shop.example.com
      - HTTP/shop
    state: exact
  run_once: true

- name: Take HTTP back from a service account, so that WinRM works again
  winrm.doctor.spn:
    spns:
      - HTTP/web01.example.com
    force_move: true

- name: Remove every MSSQLSvc SPN of a retired account
  winrm.doctor.spn:
    account: CN=svc-sql,OU=Services,DC=example,DC=com
    state: exact
    service_classes: [MSSQLSvc]
    ldap_transport: ldaps
  run_once: true
"""

RETURN = r"""
msg:
  description: What was done, or would be, in one line.
  returned: success
  type: str
  sample: "WEB01$: added WSMAN/web01.example.com. Reading again shows it, and the KDC gives tickets."
account:
  description: The account.
  returned: success
  type: dict
  contains:
    name:
      description: Its C(sAMAccountName).
      type: str
    dn:
      description: Its distinguished name.
      type: str
    kind:
      description: V(computer), V(user) or V(service) (a managed service account).
      type: str
    enabled:
      description: Whether it is enabled.
      type: bool
    domain:
      description: The DNS name of its domain.
      type: str
  sample:
    name: WEB01$
    dn: CN=WEB01,CN=Computers,DC=example,DC=com
    kind: computer
    enabled: true
    domain: example.com
controller:
  description: The domain controller that was asked, and written to.
  returned: success
  type: str
  sample: dc1.example.com
before:
  description: All SPNs of the account before.
  returned: success
  type: list
  elements: str
after:
  description: All SPNs of the account afterwards, read again; in check mode those that it would have.
  returned: success
  type: list
  elements: str
added:
  description: The SPNs that the account got.
  returned: success
  type: list
  elements: str
  sample: [WSMAN/web01.example.com]
removed:
  description: The SPNs that the account lost.
  returned: success
  type: list
  elements: str
  sample: []
moved:
  description: The SPNs that other accounts lost to it, each with RV(ignore:spn) and its former owner under RV(ignore:from).
  returned: success
  type: list
  elements: dict
  sample: []
owners:
  description:
    - For each of O(spns) who in the forest carried it beforehand (RV(ignore:owners)), and whose C(HOST) SPN stood for it (RV(ignore:covered_by)).
  returned: success
  type: list
  elements: dict
checked:
  description: V(forest) where all of the forest was looked through for other owners, else why not.
  returned: success
  type: str
  sample: forest
verified:
  description: Whether reading again shows what was written, and the KDC gives a ticket for every SPN that was added.
  returned: when something was changed
  type: bool
proofs:
  description: What the KDC answered, as in RV(winrm.doctor.directory_info#module:directory.steps).
  returned: when something was added
  type: list
  elements: dict
notes:
  description: What is worth knowing about these SPNs, in sentences.
  returned: success
  type: list
  elements: str
  sample: ["HOST does not stand for WSMAN/web01.example.com: sPNMappings has HTTP, but not WSMAN."]
"""

import sys
import typing as t

from ..module_utils.argspec import Spec, directory_options, target_options
from ..module_utils.collect import spn
from ..module_utils.collect.endpoint import check_times
from ..module_utils.directory.spn_plan import ABSENT, EXACT, PRESENT, wish
from ..module_utils.domain import domain_from_params
from ..module_utils.entry import module_main
from ..module_utils.evidence.base import Unknown, encode
from ..module_utils.target import from_params

TARGET_OPTIONAL = True


def argument_spec() -> Spec:
    """The options."""
    return {
        **target_options(),
        **directory_options(),
        "account": {"type": "str"},
        "spns": {"type": "list", "elements": "str", "default": []},
        "state": {"type": "str", "choices": [PRESENT, ABSENT, EXACT], "default": PRESENT},
        "service_classes": {"type": "list", "elements": "str"},
        "force_move": {"type": "bool", "default": False},
        "timeout": {"type": "float", "default": 30.0},
        "connect_timeout": {"type": "float", "default": 3.0},
    }


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look, plan, write, look again."""
    check_times(params["timeout"], params["connect_timeout"])
    request = spn.Request(
        wished=wish(params["spns"], params["state"], params["service_classes"], params["force_move"]), domain=domain_from_params(params),
        target=from_params(params) if params["host"] else None, account=(params["account"] or "").strip(),
    )
    outcome = spn.manage(request, timeout=params["timeout"], connect_timeout=params["connect_timeout"], check_mode=check_mode)
    plan, change = outcome.plan, outcome.changes[0]
    result: dict[str, t.Any] = {
        "changed": plan.changed, "msg": spn.sentence(outcome, params["state"], check_mode), "account": encode(change.before.owner),
        "controller": outcome.controller, "before": list(change.before.spns), "after": list(change.after.spns), "added": list(plan.add),
        "removed": list(plan.remove), "moved": [{"spn": move.spn, "from": encode(move.owner)} for move in plan.moves], "owners": encode(outcome.seen),
        "checked": outcome.checked.unknown if isinstance(outcome.checked, Unknown) else outcome.checked, "notes": list(outcome.notes),
        "diff": [_diff(one) for one in outcome.changes],
    }
    if outcome.verified is not None:
        result["verified"] = outcome.verified
    if outcome.proofs:
        result["proofs"] = encode(outcome.proofs)
    return result


def _diff(change: spn.Change) -> dict[str, str]:
    sides = {side: "".join(f"{one}\n" for one in sorted(holder.spns, key=str.lower)) for side, holder in vars(change).items()}
    return {**sides, "before_header": change.before.owner.dn, "after_header": change.before.owner.dn}


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
