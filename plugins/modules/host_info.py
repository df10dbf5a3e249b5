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
  - Where the inventory's way does not work, other methods that the host offers and the other of HTTP and HTTPS are tried with the same account, then the ways
    of O(alternate_logons). The result names the way it came by.
  - A host that is dead, or refuses everybody, does not fail the task; M(winrm.doctor.diagnose) says why nobody gets in.
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
ways:
  description: Every logon that was tried or left out, in order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the alternate logon; empty for the inventory's own account.
      type: str
    account:
      description: The account as it was named.
      type: str
    method:
      description: The authentication method, with scheme and port.
      type: str
    outcome:
      description: V(accepted), V(refused), V(broken) or V(not_tried).
      type: str
    means:
      description: How it ended, in one sentence.
      type: str
problems:
  description:
    - What does not fit, whether it stops a logon or not. Which of it explains a failing logon is what M(winrm.doctor.diagnose) says.
  returned: success
  type: list
  elements: dict
  contains:
    subset:
      description: The subset that shows it.
      type: str
    kind:
      description: A word for it, for filters.
      type: str
      sample: expired
    means:
      description: The problem in one sentence.
      type: str
    subject:
      description: What it is about, such as a listener, a thumbprint, a port.
      type: str
host:
  description:
    - The inside. A subset that was not asked for is not there. Anywhere in it, an object with the single key C(unknown) stands for something that could not be
      read, and says why. Texts that are empty and V(false) are left out where they are the rule.
    - Where nobody got in, it is such an object itself, and RV(msg) says why. The task does not fail for that.
  returned: success
  type: dict
  contains:
    at:
      description: When it began, in UTC.
      type: str
    vantage:
      description: The machine that looked.
      type: str
    way:
      description: >-
        The name of the alternate logon that it came by; empty: the inventory's own way.
      type: str
    account:
      description: The account that read, as it was named.
      type: str
    method:
      description: The authentication method.
      type: str
    scheme:
      description: V(http) or V(https).
      type: str
    port:
      description: The port.
      type: int
    system:
      description: Which Windows it is.
      type: dict
      contains:
        name:
          description: Computer name.
          type: str
        product:
          description: Such as Windows Server 2022 Standard, as the host spells it.
          type: str
        build:
          description: Such as 10.0.20348.
          type: str
        server:
          description: Whether it is a server.
          type: bool
    config:
      description: winrm/config as a whole ([MS-WSMV] 2.2.5.3).
      type: dict
      contains:
        settings:
          description: One value of winrm/config.
          type: list
          elements: dict
          contains: &setting
            path:
              description: >-
                C(Service/Auth/Basic): element names as Windows spells them, without the root Config.
              type: str
            value:
              description: >-
                As Windows writes it: C(true), C(5985), C(*).
              type: str
            default:
              description: The value of a host that nobody has configured; absent where it is not known.
              type: str
            source:
              description: C(policy) where the element says so (attribute Source="GPO"), C(default) where it is the default, else C(local).
              type: str
    listeners:
      description: Listeners, and what decides where they listen.
      type: dict
      contains:
        listeners:
          description: One listener ([MS-WSMV] 2.2.4.19), beside what it needs.
          type: list
          elements: dict
          contains:
            address:
              description: C(*), C(IP:192.0.2.10) or C(MAC:00-15-5D-00-00-01).
              type: str
            transport:
              description: C(HTTP) or C(HTTPS).
              type: str
            port:
              description: The port.
              type: int
            hostname:
              description: The host name it is made for.
              type: str
            enabled:
              description: Whether it is switched on.
              type: bool
            url_prefix:
              description: The path of its URL.
              type: str
            thumbprint:
              description: Upper-case hex without blanks; empty for HTTP.
              type: str
            listening_on:
              description: The addresses that it is bound to now.
              type: list
              elements: str
            source:
              description: C(policy), C(compatibility) (ports 80 and 443) or C(local).
              type: str
        addresses:
          description: The host's own addresses.
          type: list
          elements: str
        ipv4_filter:
          description: The IPv4 addresses that listeners may be bound to.
          type: str
        ipv6_filter:
          description: The same for IPv6.
          type: str
        listen_only:
          description: >-
            HTTP.sys' list of addresses to listen on (C(netsh http show iplisten)); empty: all.
          type: list
          elements: str
        bindings:
          description: A certificate that HTTP.sys presents on an address and port.
          type: list
          elements: dict
          contains:
            endpoint:
              description: C(0.0.0.0:5986), C([::]:5986) or C(name:5986).
              type: str
            thumbprint:
              description: The certificate's thumbprint.
              type: str
            application:
              description: GUID of the owner in lower case, in braces.
              type: str
            store:
              description: The store that the certificate is looked for in.
              type: str
        reservations:
          description: Those whose path is wsman.
          type: list
          elements: dict
          contains:
            url:
              description: The URL.
              type: str
            sddl:
              description: Who may use it.
              type: str
        problems:
          description: >-
            Kinds: C(no_listener), C(none_for_port) (subject: the port asked for), C(disabled), C(deaf) (bound to no address), C(address_left_out)
            (by filter or list), C(not_bound) (HTTPS without a binding), C(binding_differs) (HTTP.sys presents another certificate than the listener
            names), C(foreign_binding) (owned by another application), C(no_thumbprint), C(bad_filter), C(reservation_missing),
            C(reservation_wrong).
          type: list
          elements: dict
          contains: &problem
            kind:
              description: A word for the problem.
              type: str
            means:
              description: The problem in one sentence.
              type: str
            subject:
              description: >-
                What it is about: a listener C(*+HTTPS), a thumbprint, an address, a setting.
              type: str
    service:
      description: WinRM first, then what it depends on and what logons need.
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          type: str
        state:
          description: >-
            C(running), C(stopped), C(paused), C(start_pending), C(stop_pending); C(missing) where there is no such service; empty where only its
            registry could be read.
          type: str
        start_mode:
          description: C(auto), C(manual), C(disabled), C(boot), C(system).
          type: str
        delayed:
          description: Whether it starts some minutes after the others.
          type: bool
        exit_code:
          description: The code that it ended with.
          type: int
        account:
          description: The account that it runs as.
          type: str
        depends_on:
          description: The services that it needs.
          type: list
          elements: str
    firewall:
      description: Windows Firewall, as far as it decides about WinRM.
      type: dict
      contains:
        service:
          description: State of the service mpssvc; empty where it is not known.
          type: str
        profiles:
          description: One profile of Windows Firewall, policy and local settings together.
          type: list
          elements: dict
          contains:
            name:
              description: Its name.
              type: str
            "on":
              description: Whether the firewall is on there.
              type: bool
            inbound:
              description: >-
                What happens where no rule speaks: C(block) or C(allow).
              type: str
            no_exceptions:
              description: >-
                True: every rule that allows is disregarded ("block all incoming connections").
              type: bool
            local_rules:
              description: >-
                False: policy disregards the rules made on the host.
              type: bool
            source:
              description: >-
                Who says whether it is on: C(policy), C(local).
              type: str
        networks:
          description: A network that the host is connected to.
          type: list
          elements: dict
          contains:
            interface:
              description: The interface.
              type: str
            category:
              description: >-
                C(domain), C(private) or C(public): the profile in force there.
              type: str
            name:
              description: Its name.
              type: str
        rules:
          description: One inbound rule of Windows Firewall that bears on WinRM's ports.
          type: list
          elements: dict
          contains:
            id:
              description: The rule's identifier.
              type: str
            name:
              description: Its name as stored, which may be a reference such as @FirewallAPI.dll,-30253.
              type: str
            enabled:
              description: Whether it is switched on.
              type: bool
            action:
              description: C(allow), C(block) or C(bypass) (allow if secure, whatever the block rules say).
              type: str
            profiles:
              description: The profiles that it holds in.
              type: list
              elements: str
            ports:
              description: >-
                Local ports: C(5985), C(5000-6000), or a word such as C(RPC); empty: any.
              type: list
              elements: str
            remote:
              description: >-
                Remote addresses: C(192.0.2.0/24), C(192.0.2.1-192.0.2.9), C(LocalSubnet); empty: any.
              type: list
              elements: str
            local:
              description: >-
                Local addresses; empty: any.
              type: list
              elements: str
            program:
              description: The program that it is for.
              type: str
            source:
              description: C(local) or C(policy).
              type: str
            narrowed_by:
              description: >-
                What else narrows it: C(users), C(computers), C(interfaces), C(security), C(service).
              type: list
              elements: str
        passages:
          description: What the firewall makes of a connection to one port in one profile.
          type: list
          elements: dict
          contains:
            port:
              description: The port.
              type: int
            profile:
              description: The firewall profile.
              type: str
            outcome:
              description: C(open), C(narrowed) or C(blocked).
              type: str
            why:
              description: One sentence that names the rule or setting.
              type: str
            active:
              description: Whether a network of the host has this profile now.
              type: bool
            remote:
              description: >-
                C(narrowed): the addresses that may come.
              type: list
              elements: str
            admits:
              description: >-
                C(narrowed): whether the control node is among them; absent where it is not narrowed.
              type: bool
            rules:
              description: Ids of the rules that decide.
              type: list
              elements: str
        came_from:
          description: >-
            The address that this control node has towards the host, by which C(admits) was judged; behind address translation the host sees another
            one.
          type: str
    certificates:
      description: >-
        The machine's certificates: all of My; of the others those that belong to a chain or to a problem.
      type: dict
      contains:
        stores:
          description: One store as a whole.
          type: list
          elements: dict
          contains:
            name:
              description: Its name.
              type: str
            source:
              description: Where it comes from.
              type: str
            count:
              description: How many certificates it holds.
              type: int
            unreadable:
              description: Entries that could not be decoded.
              type: int
            lists:
              description: Revocation and trust lists beside them, as far as they came along; they are not looked at.
              type: int
        certificates:
          description: A certificate in a store of the local machine.
          type: list
          elements: dict
          contains:
            store:
              description: C(My), C(Root), C(CA), C(AuthRoot), C(Disallowed), C(TrustedPeople) or another name.
              type: str
            certificate:
              description: One X.509 certificate as presented.
              type: dict
            source:
              description: C(local), C(policy) or C(enterprise).
              type: str
            key:
              description: Whether a private key is referenced; that the key is there and usable is not looked at.
              type: bool
            friendly_name:
              description: Its friendly name.
              type: str
            used_by:
              description: >-
                Listeners that name it: C(*+HTTPS); C(service) where winrm/config/service does (CredSSP, compatibility).
              type: list
              elements: str
            chain:
              description: A certificate's chain, built from the host's own stores without any network.
              type: dict
              contains: &chain
                outcome:
                  description: >-
                    C(trusted), C(incomplete) (an issuer is in no store), C(untrusted_root) (its end is self-signed and in no Root store),
                    C(expired), C(not_yet_valid) (one above the leaf), C(disallowed), C(bad_signature), C(not_a_ca); C(undecided) where a
                    store that could complete it was not read.
                  type: str
                why:
                  description: The outcome in words.
                  type: str
                subjects:
                  description: Leaf first.
                  type: list
                  elements: str
                stores:
                  description: >-
                    Where each was found: C(My), C(CA), C(Root) with its source.
                  type: list
                  elements: str
            days_left:
              description: >-
                Until it expires; negative: since.
              type: float
            revocation:
              description: >-
                An answer of OCSP or of a CRL: C(good), C(revoked), C(unknown).
              type: list
              elements: dict
              contains:
                status:
                  description: V(good), V(revoked) or V(unknown).
                  type: str
                way:
                  description: OCSP or CRL.
                  type: str
                url:
                  description: Who was asked.
                  type: str
                revoked_at:
                  description: Since when.
                  type: str
        automatic_roots:
          description: Whether Windows fetches a missing root by itself from Microsoft's list; then an absent root may still come.
          type: bool
        problems:
          description: >-
            Subject: the thumbprint. Kinds: C(listener_certificate_missing), C(no_key), C(expired), C(not_yet_valid), C(expiring),
            C(no_server_auth), C(name_mismatch), C(chain) (it does not end in a trusted root), C(disallowed), C(root_misplaced) (Root holds what is
            not self-signed: with it Schannel fails client certificates), C(intermediate_misplaced) (CA holds a self-signed one that a chain ends
            in), C(weak_key), C(weak_signature), C(too_large) (above 16 KiB), C(revoked), C(mapping_issuer_missing) (the authority of a certificate
            mapping is in no Root or CA store). What is about a certificate of My is told only where a listener or the service uses it; dates and
            weakness also of the authorities above it.
          type: list
          elements: dict
          contains: *problem
        gaps:
          description: Stores that were not read, or only in part.
          type: list
          elements: dict
          contains: &unknown
            unknown:
              description: The reason.
              type: str
        presented:
          description: >-
            Of a host that is the client: what it would make of the certificate that the other host presents, dates of the leaf and its name left
            out.
          type: dict
          contains: *chain
    mappings:
      description: A client certificate's way to a local account ([MS-WSMV] 2.2.4.4).
      type: list
      elements: dict
      contains:
        uri:
          description: The resource that it holds for.
          type: str
        subject:
          description: Pattern of the user principal name.
          type: str
        issuer:
          description: Thumbprint of the authority.
          type: str
        user:
          description: The local account.
          type: str
        enabled:
          description: Whether it is switched on.
          type: bool
    policy:
      description: A registry value that bears on WinRM logons, set or not.
      type: list
      elements: dict
      contains: &policyvalue
        key:
          description: Such as C(HKLM\SOFTWARE\Policies\Microsoft\Windows\WinRM\Service).
          type: str
        name:
          description: Its name.
          type: str
        value:
          description: As text, several strings separated by commas; absent where it is not set.
          type: str
        means:
          description: What that does, in one sentence.
          type: str
        area:
          description: C(winrm_service), C(winrm_client), C(winrs), C(ntlm), C(lsa), C(kerberos), C(schannel), C(uac), C(delegation), C(http).
          type: str
        source:
          description: C(policy) for keys that only Group Policy writes, C(default) where it is not set.
          type: str
        setting:
          description: The policy's name in the editor, in English; empty where there is none.
          type: str
    access:
      description: Who may come in, and whether the user of the inventory may.
      type: dict
      contains:
        user:
          description: The user of the inventory.
          type: str
        sid:
          description: The user's SID.
          type: str
        local:
          description: Whether the account is one of the host's own.
          type: bool
        filtered:
          description: Whether UAC takes the administrator's rights from the user's token over the network.
          type: bool
        sids:
          description: SIDs that the user's network token would carry, as far as they are known.
          type: list
          elements: str
        groups:
          description: >-
            A local group, known by its SID: names are localised.
          type: list
          elements: dict
          contains:
            sid:
              description: The group's SID.
              type: str
            name:
              description: Its name.
              type: str
            members:
              description: A member of a local group.
              type: list
              elements: dict
              contains:
                name:
                  description: C(LAB\svc).
                  type: str
                sid:
                  description: The member's SID.
                  type: str
                kind:
                  description: C(user), C(group) or empty where it is not known.
                  type: str
        rights:
          description: A logon right and who has it.
          type: list
          elements: dict
          contains:
            name:
              description: C(SeNetworkLogonRight) or C(SeDenyNetworkLogonRight).
              type: str
            holders:
              description: SIDs, or names where the host tells no SID.
              type: list
              elements: str
            source:
              description: Where it comes from.
              type: str
        descriptors:
          description: A security descriptor on the way in.
          type: list
          elements: dict
          contains:
            where:
              description: C(RootSDDL), or a plugin's name such as C(microsoft.powershell).
              type: str
            sddl:
              description: The descriptor in SDDL.
              type: str
            enabled:
              description: A plugin may be switched off.
              type: bool
            resource:
              description: URI that the plugin's descriptor guards.
              type: str
        gates:
          description: One gate on the way in, and what it says to the user as a network logon.
          type: list
          elements: dict
          contains:
            gate:
              description: >-
                C(network_logon), C(root) (reading winrm/config), C(powershell), C(cmd), C(wmi), and C(connection): what the inventory's
                connection needs of them.
              type: str
            outcome:
              description: C(allowed) or C(refused).
              type: str
            why:
              description: One sentence that names the entry or group that decides.
              type: str
    domain:
      description: The host and its domain.
      type: dict
      contains:
        member:
          description: Whether it belongs to a domain.
          type: bool
        role:
          description: >-
            Win32_ComputerSystem.DomainRole: 0 standalone workstation, 1 member workstation, 2 standalone server, 3 member server, 4 and 5 domain
            controller.
          type: int
        domain:
          description: DNS or NetBIOS name of the domain, or the workgroup's name.
          type: str
        computer:
          description: The computer's name.
          type: str
        secure_channel:
          description: C(nltest /sc_query).
          type: dict
          contains: &channel
            code:
              description: The Win32 code.
              type: int
            controller:
              description: The domain controller.
              type: str
            address:
              description: The controller's address.
              type: str
            means:
              description: The code in words.
              type: str
        controller:
          description: >-
            C(nltest /dsgetdc): whether the host finds a domain controller.
          type: dict
          contains: *channel
    time:
      description: >-
        The host's clock and where it has its time from. Offsets are seconds; positive: the host is ahead.
      type: dict
      contains:
        type:
          description: C(NT5DS) (the domain), C(NTP), C(NoSync), C(AllSync).
          type: str
        servers:
          description: Time servers that it is told to ask.
          type: list
          elements: str
        service:
          description: State of the service w32time.
          type: str
        source:
          description: Where it has its time from now.
          type: str
        last_sync:
          description: When it last had its time from there, in the host's own words.
          type: str
        synchronised:
          description: Whether it is synchronised.
          type: bool
        offset:
          description: To this control node.
          type: float
        uncertainty:
          description: By how much the offset may be wrong.
          type: float
        controller:
          description: The domain controller, which is the KDC, that it was compared with.
          type: str
        controller_offset:
          description: To that controller, as the host itself measures it.
          type: float
    client:
      description: The host as a client of others.
      type: dict
      contains:
        settings:
          description: The part Client of winrm/config; paths as there.
          type: list
          elements: dict
          contains: *setting
        trusted_hosts:
          description: The hosts that the client may send NTLM credentials to without proof who they are.
          type: list
          elements: str
        policy:
          description: A registry value that bears on WinRM logons, set or not.
          type: list
          elements: dict
          contains: *policyvalue
    limits:
      description: What bounds requests. Sizes are bytes.
      type: dict
      contains:
        max_field_length:
          description: The longest header that HTTP.sys takes, in bytes.
          type: int
        max_request_bytes:
          description: The most that HTTP.sys takes of request line and headers, in bytes.
          type: int
        quotas:
          description: One value of winrm/config.
          type: list
          elements: dict
          contains: *setting
        shells:
          description: A shell that is open ([MS-WSMV] 2.2.4.36).
          type: list
          elements: dict
          contains:
            owner:
              description: The user that opened it.
              type: str
            resource:
              description: The kind of shell.
              type: str
            client:
              description: The address that it was opened from.
              type: str
            run_time:
              description: How long it has been open.
              type: str
            idle:
              description: How long nobody has used it.
              type: str
            own:
              description: True for the one that this look itself opened.
              type: bool
        own_shells:
          description: Shells of the user who reads, the own one left out.
          type: int
        problems:
          description: >-
            Kinds: C(shells_used_up), C(small_token) (MaxFieldLength below the default), C(small_quota) (a quota below the default; subject: the
            setting).
          type: list
          elements: dict
          contains: *problem
    tickets:
      description: C(klist) on the host.
      type: dict
      contains:
        tickets:
          description: A Kerberos ticket that the host holds.
          type: list
          elements: dict
          contains:
            client:
              description: Whose ticket it is.
              type: str
            server:
              description: The service that it is for.
              type: str
            encryption:
              description: Its encryption type.
              type: str
            logon:
              description: C(own) (the session that reads) or C(machine) (the host's own account).
              type: str
        codes:
          description: Failures by number; 0xc000005f in a session of WinRM is how it should be.
          type: list
          elements: str
    denied:
      description: >-
        Resources that the account may not read: C(winrm/config), C(WMI root/cimv2), C(cmd), C(registry HKLM\...).
      type: list
      elements: str
    gaps:
      description: What is missing, and why.
      type: list
      elements: dict
      contains: *unknown
    requests:
      description: HTTP requests sent after the logon.
      type: int
    sent:
      description: Bytes of messages sent, before encryption.
      type: int
    received:
      description: Bytes of messages, before encryption and after decryption.
      type: int
    seconds:
      description: How long reading took.
      type: float
"""

import dataclasses
import sys
import time
import typing as t

from ..module_utils.argspec import Spec, logon_options, probe_options, target_options
from ..module_utils.collect import endpoint, host, logon
from ..module_utils.entry import module_main
from ..module_utils.errors import DoctorError
from ..module_utils.evidence.base import Unknown, encode
from ..module_utils.evidence.fit import fit
from ..module_utils.evidence.host import NOT_GATHERED, SUBSETS, HostEvidence
from ..module_utils.evidence.logon import LogonEvidence
from ..module_utils.report.inside_problems import problems
from ..module_utils.report.ways import kept_out, ways
from ..module_utils.target import Target, from_params

ALL = "all"
PARTS = {"listeners": ("bindings", "listen_only"), "firewall": ("networks",), "domain": ("secure_channel", "controller"), "time": ("source", "synchronised")}
"""Parts of subsets whose absence is told by name."""
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
    wrong = [] if isinstance(found, Unknown) else problems(found, target.port)
    inside = encode(found, brief=True) if isinstance(found, Unknown) else fit(encode(found, brief=True), LIMIT)
    if not isinstance(found, Unknown):
        # What was not asked for is not there.
        inside = {name: value for name, value in inside.items() if value != encode(NOT_GATHERED)}
    msg = f"{_sentence(target, found, tried)}{_count(wrong)}"
    return {"changed": False, "msg": msg, "target": encode(target.evidence()), "problems": wrong, "ways": ways(tried), "host": inside}


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


def _count(wrong: list[dict[str, str]]) -> str:
    """How many problems there are, and the first."""
    if not wrong:
        return ""
    return f" {len(wrong)} problem{'s' if len(wrong) > 1 else ''}{', the first' if len(wrong) > 1 else ''}: {wrong[0]['means']}"


def _unread(found: HostEvidence) -> list[str]:
    """Names of what is unknown, subsets as a whole or a part of them that matters."""
    names = []
    for name in SUBSETS:
        seen = getattr(found, name)
        if seen == NOT_GATHERED:
            continue
        if isinstance(seen, Unknown):
            names.append(name)
        elif dataclasses.is_dataclass(seen):
            parts = [field.name for field in dataclasses.fields(seen) if isinstance(getattr(seen, field.name), Unknown)]
            names += [f"{name}.{part}" for part in parts if getattr(seen, part) != NOT_GATHERED and name in PARTS and part in PARTS[name]]
    return names


def _sentence(target: Target, found: HostEvidence | Unknown, tried: LogonEvidence) -> str:
    if isinstance(found, Unknown):
        first = tried.attempts[0].means if tried.attempts else (tried.gaps[0].unknown if tried.gaps else "nothing was tried.")
        return f"{target.name}: nothing was read, for {found.unknown}. {first}{_others(tried)}"
    by = f" by {found.way}" if found.way else ""
    if not found.way and (found.scheme, found.port) != (target.scheme, target.port):
        # Another door than the inventory's is worth a word.
        by = f" over {found.scheme} on port {found.port}"
    others = _others(tried) if found.denied else ""
    if host.denied_everywhere(found):
        closed = ", ".join(found.denied)
        return f"{target.name}: the account {found.account}{by} may read nothing of the inside ({closed}). It takes an administrator.{others}"
    kept = f" Not allowed to read: {', '.join(found.denied)}." if found.denied else ""
    missing = _unread(found)
    unread = f" Unknown: {', '.join(missing)}." if missing else ""
    return f"{target.name}: read as {found.account or 'the certificate'}{by} in {found.requests} requests.{kept}{unread}{others}"


def _others(tried: LogonEvidence) -> str:
    """Why the alternate logons did not help."""
    return "".join(f" {clause}." for clause in kept_out(tried))


def main() -> None:
    """The ordinary module."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
