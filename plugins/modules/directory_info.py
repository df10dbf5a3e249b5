# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domain says of a host and of the account that logs on: controllers, Kerberos, accounts, SPNs, trusts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: directory_info
short_description: Ask the domain of a host about Kerberos, accounts, SPNs and trusts
version_added: 0.3.0
description:
  - Looks for the domain's controllers, their ports and their clocks. Then it goes through Kerberos step by step. It asks whether the KDC knows the account,
    without a password, then for a ticket-granting ticket, then for a ticket for exactly the SPN that the connection of the inventory asks for, and for its
    siblings.
  - Reads the directory over LDAP. It finds the state of the account and its lockout counter at the PDC emulator, against the policy that holds for that
    account. It finds the host's computer account, every owner of each of its SPNs in the forest, and the domain's trusts.
  - Nothing is changed. Whatever is silent, refuses or may not be read stands in the result as an object with the key C(unknown) and the reason, and the rest
    comes all the same.
  - Without a host, as on C(localhost), it asks the domain alone. Name it with O(domain), and an account with O(domain_username).
  - On a control node without C(gssapi) and C(krb5) the Kerberos steps are left out, and the directory is read with NTLM.
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.probe
  - winrm.doctor.directory
  - winrm.doctor.attributes
  - winrm.doctor.attributes.info
notes:
  - B(No lockout.) Every first use of a password, of the inventory's account as well as of O(domain_username), goes through the attempt book that
    M(winrm.doctor.logon_info) describes. The KDC is asked once for all hosts of a run.
  - An account of another, trusted domain is looked up there, if controllers of that domain are found; the host is looked up in its own domain.
options:
  attempts:
    description:
      - How many failed or unanswered uses of its password an account may have in one run.
      - Raise it only where you know that the account's lockout threshold leaves room for more.
    type: int
    default: 1
  gather_subset:
    description:
      - What to look for. V(controllers) are found in any case, and told where they stand here.
      - V(duplicates) reads every SPN of the forest, as C(setspn -X -F) does. Without it, duplicates among the host's own SPNs are told.
      - V(forecast) says which accounts, computers and trusts stop working once only AES is accepted, as far as the directory tells.
    type: list
    elements: str
    choices: [controllers, kerberos, account, computer, spns, duplicates, trusts, forecast]
    default: [controllers, kerberos, account, computer, spns, trusts]
  spn_patterns:
    description:
      - SPNs to search for in the forest, with asterisks, as C(setspn -Q) takes them.
    type: list
    elements: str
seealso:
  - module: winrm.doctor.diagnose
  - module: winrm.doctor.logon_info
  - module: winrm.doctor.spn
  - module: winrm.doctor.ticket
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
# In a play over the Windows hosts, with gather_facts false: gathering facts would log on.
- name: Ask the domain about every host and its account
  winrm.doctor.directory_info:
  register: seen

- name: Say whether the account may log on
  ansible.builtin.debug:
    msg: "{{ seen.msg }}"

- name: Read with another account than the one that logs on
  winrm.doctor.directory_info:
    domain: example.com
    domain_controllers: [dc01.example.com]
    domain_username: reader@example.com
    domain_password: "{{ reader_password }}"
    ldap_transport: ldaps

- name: Look for SPNs that more than one account carries
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Read every SPN of the forest
      winrm.doctor.directory_info:
        domain: example.com
        domain_username: reader@example.com
        domain_password: "{{ reader_password }}"
        gather_subset: [duplicates]
        spn_patterns: [HTTP/*, "*/web01*"]

    - name: Say what stops working once only AES is accepted
      winrm.doctor.directory_info:
        domain: example.com
        domain_username: reader@example.com
        domain_password: "{{ reader_password }}"
        gather_subset: [forecast]
"""

RETURN = r"""
msg:
  description: The answer in one line.
  returned: success
  type: str
  sample: "web01: svc may log on; WSMAN/web01.lab.test belongs to WEB01$."
target:
  description: The way to the host, as in RV(winrm.doctor.endpoint_info#module:target).
  returned: where there is a host
  type: dict
directory:
  description:
    - What the domain says. Anywhere in it, an object with the single key C(unknown) stands for something that could not be observed, and says why.
    - Fields without a value are left out, and so are empty lists, except where leaving them out would be taken for C(unknown).
  returned: success
  type: dict
  contains:
    at:
      description: When it began, in UTC.
      type: str
    vantage:
      description: The machine that asked.
      type: str
    seconds:
      description: How long it took.
      type: float
    gaps:
      description: What was left out, each with its reason under C(unknown).
      type: list
      elements: dict
    passed_over:
      description: What the options name and nobody could ask, each with the reason, while something else was asked.
      type: list
      elements: str
    domain:
      description: DNS name of the domain that was asked, empty where none is known.
      type: str
    domain_from:
      description: What named it. V(option), V(user name), V(NTLM challenge), V(host name), V(krb5.conf) or V(controller).
      type: str
    host_domain:
      description: DNS name of the host's domain, where it is another one.
      type: str
    srv:
      description: Controllers that the domain's SRV records name; empty where DNS says that there are none.
      type: list
      elements: str
    pdc:
      description: The PDC emulator, which keeps the counters of failed logons.
      type: str
    controllers:
      description: Each controller that the options, DNS or C(krb5.conf) name. The first four are looked at.
      type: list
      elements: dict
      contains:
        name:
          description: Its name, or its address where nothing names it.
          type: str
        domain:
          description: The domain that it serves.
          type: str
        address:
          description: The address that was asked.
          type: str
        found_by:
          description: What named it, V(option), V(dns) or V(krb5.conf).
          type: list
          elements: str
        ports:
          description: TCP ports 88, 389, 636, 3268 and 464, as in RV(winrm.doctor.endpoint_info#module:endpoint.ports).
          type: list
          elements: dict
        clocks:
          description: Its clock against this machine's, in seconds, with RV(ignore:source) V(kdc) or V(ldap), RV(ignore:offset) and RV(ignore:uncertainty).
          type: list
          elements: dict
        root:
          description: Its rootDSE, which anybody may read.
          type: dict
          contains:
            dns_host_name:
              description: Its own name.
              type: str
            default_context:
              description: Distinguished name of its domain.
              type: str
            configuration_context:
              description: Distinguished name of the forest's configuration.
              type: str
            root_domain_context:
              description: Distinguished name of the forest's root domain.
              type: str
            domain_level:
              description: Functional level of the domain; 7 is Windows Server 2016.
              type: int
            global_catalog:
              description: Whether it holds the global catalogue.
              type: bool
            sasl:
              description: How one may log on.
              type: list
              elements: str
    steps:
      description: Kerberos, question by question.
      type: list
      elements: dict
      contains:
        name:
          description: V(probe) (without a password, counts against nobody), V(as) (the ticket-granting ticket) or V(tgs) (a ticket for a service).
          type: str
        asked_for:
          description: The principal, or for V(tgs) the SPN.
          type: str
        sent:
          description: For V(tgs), the name that really went to the KDC, where C(krb5.conf) lets names be rewritten.
          type: str
        realm:
          description: The realm that was asked.
          type: str
        outcome:
          description: V(granted), V(refused), V(failed) (no usable answer) or V(not_tried).
          type: str
        means:
          description: What the answer means.
          type: str
        code:
          description: Number of the Kerberos error; from 128 on one of MIT's library.
          type: int
        status:
          description: The NTSTATUS that Active Directory adds.
          type: int
        got:
          description: Name and realm in the ticket.
          type: str
        ticket_encryption:
          description: How the ticket is encrypted. For V(probe), what the KDC offers for the account.
          type: str
        own:
          description: Whether this is the SPN that the connection of the inventory asks for.
          type: bool
        used:
          description: Whether something was sent that depends on the password.
          type: bool
        server_time:
          description: The KDC's time, in UTC.
          type: str
        controller:
          description: The address of the KDC that answered; missing where Kerberos' library chose it.
          type: str
    binds:
      description: Each logon to LDAP, with controller, port, method, transport, outcome, and what it means.
      type: list
      elements: dict
      contains:
        controller:
          description: The controller.
          type: str
        port:
          description: Its port. 3268 and 3269 are the global catalogue.
          type: int
        method:
          description: V(kerberos), V(ntlm) or V(simple).
          type: str
        transport:
          description: V(sealed), V(ldaps) or V(start_tls).
          type: str
        outcome:
          description: V(granted), V(refused), V(failed) or V(not_tried).
          type: str
        means:
          description: What the answer means.
          type: str
        account:
          description: Who logged on.
          type: str
        code:
          description: LDAP's result code.
          type: int
        data:
          description: The Windows code in the controller's message.
          type: int
    account:
      description: The account of the inventory, or O(domain_username) where there is no host. All times are UTC.
      type: dict
      contains:
        name:
          description: Its sAMAccountName.
          type: str
        dn:
          description: Its distinguished name.
          type: str
        domain:
          description: Its domain.
          type: str
        netbios_domain:
          description: The NetBIOS name of its domain.
          type: str
        upn:
          description: Its user principal name.
          type: str
        sid:
          description: Its security identifier.
          type: str
        token_sids:
          description: Security identifiers of all groups that its domain puts into its token, nested ones included, without its own.
          type: list
          elements: str
        enabled:
          description: Whether it is enabled.
          type: bool
        locked:
          description: Whether it is locked now.
          type: bool
        locked_since:
          description: Since when it is locked.
          type: str
        bad_passwords:
          description: The counter of failed logons.
          type: int
        bad_passwords_at:
          description: The controller that keeps RV(directory.account.bad_passwords), the PDC emulator.
          type: str
        last_bad_password:
          description: When a wrong password was last used.
          type: str
        policy:
          description:
            - The policy that holds for this account, with name, lockout_threshold, lockout_minutes, observation_minutes, max_password_days and sure.
            - V(sure) is false for the domain's policy where a password settings object may be in force that the account that reads may not see.
          type: dict
        password_set:
          description: When the password was set.
          type: str
        must_change:
          description: Whether the password must be changed at the next logon.
          type: bool
        password_expired:
          description: Whether the password has expired.
          type: bool
        password_expires:
          description: When the password expires; missing where it never does.
          type: str
        expires:
          description: When the account expires; missing where it never does.
          type: str
        expired:
          description: Whether the account has expired.
          type: bool
        logon_hours:
          description: Whether its logon hours allow a logon now.
          type: bool
        workstations:
          description: Computers that it is limited to.
          type: list
          elements: str
        protected_user:
          description: Whether it is a member of Protected Users, who cannot use NTLM.
          type: bool
        smartcard_required:
          description: Whether it needs a smart card.
          type: bool
        no_delegation:
          description: Whether it is sensitive and cannot be delegated.
          type: bool
        no_preauth:
          description: Whether Kerberos needs no pre-authentication for it.
          type: bool
        des_only:
          description: Whether it is limited to DES.
          type: bool
        groups:
          description: Names of its groups, nested ones included; at most 60.
          type: list
          elements: str
        group_count:
          description: How many groups there are.
          type: int
        encryption_types:
          description: The attribute msDS-SupportedEncryptionTypes.
          type: int
        spns:
          description: SPNs that it carries.
          type: list
          elements: str
    computer:
      description: The host's account, as the inventory calls the host.
      type: dict
      contains: &computer
        name:
          description: Its sAMAccountName, with the dollar sign.
          type: str
        dn:
          description: Its distinguished name.
          type: str
        enabled:
          description: Whether it is enabled.
          type: bool
        dns_host_name:
          description: The name it has given itself.
          type: str
        password_set:
          description: When its password was set.
          type: str
        password_days:
          description: How many days ago its password was set.
          type: float
        encryption_types:
          description: The attribute msDS-SupportedEncryptionTypes.
          type: int
        operating_system:
          description: Its operating system and version.
          type: str
        spns:
          description: SPNs that it carries.
          type: list
          elements: str
        found_by:
          description: The attribute that led to it, V(dNSHostName), V(servicePrincipalName) or V(sAMAccountName).
          type: str
    other_computer:
      description: The account of the host that really answers, where it names itself otherwise.
      type: dict
      contains: *computer
    spns:
      description: The SPN that the connection of the inventory asks for, and its siblings.
      type: list
      elements: dict
      contains: &spn
        spn:
          description: The SPN.
          type: str
        own:
          description: Whether the connection of the inventory asks for it.
          type: bool
        owners:
          description: Accounts that carry it, each with name, dn, kind, enabled and domain.
          type: list
          elements: dict
        covered_by:
          description: Accounts whose C(HOST/) of the same name stands for it, which holds for C(HTTP) but never for C(WSMAN).
          type: list
          elements: dict
        only_in:
          description: The one domain of several where owners were looked for; empty where it was the whole forest.
          type: str
    duplicates:
      description: SPNs that more than one account carries.
      type: list
      elements: dict
      contains: *spn
    matches:
      description: SPNs that fit O(spn_patterns), as the directory spells them.
      type: list
      elements: dict
      contains: *spn
    trusts:
      description: The domain's trusts.
      type: list
      elements: dict
      contains:
        partner:
          description: DNS name of the other domain.
          type: str
        flat_name:
          description: Its NetBIOS name.
          type: str
        direction:
          description: V(inbound) (the partner trusts this domain), V(outbound) (this domain trusts the partner), V(both) or V(disabled).
          type: str
        kind:
          description: V(active_directory), V(mit) or V(downlevel).
          type: str
        attributes:
          description: Such as V(forest_transitive), V(within_forest), V(cross_organization) (selective authentication) or V(quarantined).
          type: list
          elements: str
        encryption_types:
          description: The attribute msDS-SupportedEncryptionTypes.
          type: int
    forecast:
      description: Accounts that stop working once only AES is accepted.
      type: list
      elements: dict
      contains:
        name:
          description: The account, or the trust's partner.
          type: str
        kind:
          description: V(user), V(computer), V(service) or V(trust).
          type: str
        why:
          description: The reason.
          type: str
        sure:
          description: V(false) where the directory only makes it likely.
          type: bool
  sample:
    at: '2026-04-08T22:48:00Z'
    vantage: control01
    domain: lab.test
    domain_from: user name
    pdc: dc1.lab.test
    steps:
      - name: as
        asked_for: svc@LAB.TEST
        outcome: granted
        means: The KDC of LAB.TEST accepts the password of svc@LAB.TEST; the ticket is encrypted with AES256.
        used: true
      - name: tgs
        asked_for: WSMAN/web01.lab.test
        outcome: refused
        code: 7
        own: true
        means: >-
          No ticket for WSMAN/web01.lab.test: 7 (KDC_ERR_S_PRINCIPAL_UNKNOWN): The KDC knows no account with the service principal name that was asked for,
          or more than one.
    account:
      name: svc
      dn: CN=svc,CN=Users,DC=lab,DC=test
      enabled: true
      locked: false
      bad_passwords: 0
    spns:
      - spn: WSMAN/web01.lab.test
        owners: []
        own: true
    trusts: []
"""

import sys
import typing as t

from ..module_utils.argspec import Spec, directory_options, logon_options, probe_options, target_options
from ..module_utils.collect import directory, endpoint
from ..module_utils.domain import domain_from_params
from ..module_utils.entry import module_main
from ..module_utils.errors import DoctorError
from ..module_utils.evidence.base import encode
from ..module_utils.evidence.fit import fit
from ..module_utils.report.directory import sentence
from ..module_utils.target import Target, from_params

TARGET_OPTIONAL = True


def argument_spec() -> Spec:
    """The options."""
    return {
        **target_options(),
        **probe_options(),
        **directory_options(),
        "attempts": logon_options()["attempts"],
        "gather_subset": {"type": "list", "elements": "str", "choices": list(directory.SUBSETS), "default": list(directory.USUAL)},
        "spn_patterns": {"type": "list", "elements": "str"},
    }


def prewarm() -> None:
    """What every look at a domain needs, done once before Ansible forks."""
    endpoint.warm_up()
    directory.warm_up()


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look at the endpoint for the names it gives itself, then ask the domain."""
    endpoint.check_times(params["timeout"], params["connect_timeout"])
    domain = domain_from_params(params)
    target = from_params(params) if params.get("host") else None
    if target is None and not (domain.name or domain.controllers or domain.username):
        raise DoctorError("Neither a host nor a domain is named", expected="a Windows host of the inventory, or a domain", do="Set domain and domain_username")
    plan = directory.plan_from_params(params)
    found = directory.look(target, domain, plan, timeout=params["timeout"])
    result = {"changed": False, "msg": sentence(_name(target, params), found), "directory": fit(encode(found))}
    return {**result, "target": encode(target.evidence())} if target else result


def _name(target: Target | None, params: dict[str, t.Any]) -> str:
    return target.name if target else params.get("domain") or params.get("inventory_name") or "domain"


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
