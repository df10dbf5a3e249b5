# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a host from the network, without credentials."""

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_info
short_description: Look at a WinRM endpoint from the network, without credentials
version_added: 0.1.0
description:
  - Resolves the name of the host, connects to its ports, and speaks TLS, HTTP, WS-Management Identify and the first half of NTLM with what is open.
  - No credential is needed and none is sent, so nothing can be locked out.
  - Everything has a deadline and a byte budget. A host that is dead, silent or hostile gives a result like any other.
  - The way to the host comes from the inventory, as described at the options. The probe goes to the host directly, even where the inventory sets a proxy.
  - Redirects are reported, never followed.
extends_documentation_fragment:
  - winrm.doctor.target
  - winrm.doctor.probe
  - winrm.doctor.attributes
  - winrm.doctor.attributes.info
options:
  thorough:
    description:
      - Whether to look at everything. Every address, the ports 80, 443, 445 and 3389, every TLS version, and the names of addresses (reverse DNS) come in.
      - If V(false), only the port from the inventory is spoken to, unless something is wrong there. That is the way M(winrm.doctor.diagnose) looks.
    type: bool
    default: true
seealso:
  - module: winrm.doctor.diagnose
  - module: winrm.doctor.controller_info
author:
  - the winrm.doctor contributors (@winrm-doctor)
"""

EXAMPLES = r"""
# In a play over the Windows hosts, with gather_facts false: gathering facts would log on.
- name: See each host's ports, certificate and clock, however broken its logon is
  winrm.doctor.endpoint_info:
  register: seen

- name: Show which authentication schemes each open port offers
  ansible.builtin.debug:
    msg: "{{ item.port }} offers {{ item.schemes | default(['nothing']) | join(', ') }}"
  loop: "{{ seen.endpoint.doors | default([]) }}"
  loop_control:
    label: "{{ item.address }}"

- name: Look from another machine, to tell a firewall from a stopped service
  winrm.doctor.endpoint_info:
  delegate_to: jump01

- name: Look at a host that is not in the inventory
  winrm.doctor.endpoint_info:
    host: web01.example.com
    port: 5986
    thorough: false
    timeout: 5
"""

RETURN = r"""
target:
  description: The way to the host that was looked at, as the inventory's connection would take it. Secrets are left out.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the host in the inventory.
      type: str
    host:
      description: Host name or address.
      type: str
    port:
      description: Port of the listener.
      type: int
    scheme:
      description: V(http) or V(https).
      type: str
    path:
      description: Path of the endpoint, without the first slash.
      type: str
    connection:
      description: V(winrm) or V(psrp).
      type: str
    auth:
      description: Methods that the connection would try, in order.
      type: list
      elements: str
    username:
      description: The account's name.
      type: str
    validate_certs:
      description: Whether the connection verifies certificates.
      type: bool
    proxy:
      description: Host name of the proxy that the inventory sets.
      type: str
    spn_hostname:
      description: The host part of the SPN, where the inventory sets one.
      type: str
  sample:
    name: web01
    host: web01.example.com
    port: 5986
    scheme: https
    path: wsman
    connection: psrp
    auth: [negotiate]
    username: admin
    validate_certs: true
endpoint:
  description:
    - What was seen. Anywhere in it, an object with the single key C(unknown) stands for something that could not be observed, and says why.
    - Empty lists are left out, and so is what was not asked.
  returned: success
  type: dict
  contains:
    at:
      description: When the visit began, in UTC.
      type: str
      sample: '2026-04-08T22:48:00Z'
    vantage:
      description: Name of the machine that looked.
      type: str
    seconds:
      description: How long the visit took.
      type: float
    gaps:
      description: What the deadline or the chosen depth left out, as sentences under the key C(unknown).
      type: list
      elements: dict
    names:
      description: How the name of the host resolves.
      type: dict
      contains:
        asked:
          description: The name, or the literal address.
          type: str
        is_address:
          description: Whether it is a literal address.
          type: bool
        system:
          description: Addresses from the system resolver, in its order.
          type: list
          elements: str
        dns:
          description: Addresses straight from the name servers, the hosts file left out.
          type: list
          elements: str
        canonical:
          description: The end of the CNAME chain, where it differs from the name.
          type: str
        no_such_name:
          description: Whether both ways said that the name does not exist.
          type: bool
        reverse:
          description: The names of each address, by the system and by the name servers.
          type: list
          elements: dict
          contains:
            address:
              description: The address.
              type: str
            names:
              description: Its names by the system resolver.
              type: list
              elements: str
            dns:
              description: Its PTR records.
              type: list
              elements: str
    ports:
      description: Each TCP connect, the port of the inventory first.
      type: list
      elements: dict
      contains:
        address:
          description: The address.
          type: str
        port:
          description: The port.
          type: int
        state:
          description:
            - V(open), V(refused), V(filtered) (no answer) or V(unreachable).
            - Windows Firewall hides the reset of a port nobody listens on, so V(filtered) is not always a filter.
          type: str
        seconds:
          description: When the answer came, or was given up.
          type: float
        detail:
          description: The error's symbol, or why it was not waited for longer.
          type: str
    doors:
      description: Each open port that was spoken to.
      type: list
      elements: dict
      contains:
        address:
          description: The address.
          type: str
        port:
          description: The port.
          type: int
        scheme:
          description: The protocol that was spoken last.
          type: str
        expected:
          description: The protocol that belongs to this port. Another RV(endpoint.doors[].scheme) means that the wrong one answers.
          type: str
        schemes:
          description: Authentication schemes of the 401, in the host's order and spelling.
          type: list
          elements: str
          sample: [Negotiate, Kerberos]
        tls:
          description: The TLS service, or why there is none.
          type: dict
          contains:
            version:
              description: The version that was agreed on.
              type: str
            cipher:
              description: The cipher suite that was agreed on.
              type: str
            failure:
              description: V(reset), V(closed), V(alert), V(not_tls), V(timeout), V(too_large) or V(error), where no handshake was finished.
              type: str
            detail:
              description: The alert or the library's reason.
              type: str
            versions:
              description: Every version that finished a handshake, where all were asked.
              type: list
              elements: str
            legacy_versions:
              description: Versions accepted only under a lowered security level.
              type: list
              elements: str
            chain:
              description: The certificates as presented, leaf first.
              type: list
              elements: dict
              contains:
                subject:
                  description: The subject.
                  type: str
                issuer:
                  description: The issuer.
                  type: str
                serial:
                  description: The serial number.
                  type: str
                not_before:
                  description: Start of the validity, in UTC.
                  type: str
                not_after:
                  description: End of the validity, in UTC.
                  type: str
                thumbprint:
                  description: SHA-1 of the certificate, as Windows shows it.
                  type: str
                dns_names:
                  description: DNS names of the subject alternative name.
                  type: list
                  elements: str
                addresses:
                  description: IP addresses of the subject alternative name.
                  type: list
                  elements: str
                common_name:
                  description: The common name of the subject.
                  type: str
                eku:
                  description: Extended key usages as OIDs. Absent means any use.
                  type: list
                  elements: str
                key:
                  description: Kind and size of the key.
                  type: str
                key_bits:
                  description: Size of the key.
                  type: int
                signature:
                  description: Hash of the signature.
                  type: str
                is_ca:
                  description: Whether it may sign others.
                  type: bool
                self_signed:
                  description: Whether it signed itself.
                  type: bool
                bytes:
                  description: Its size.
                  type: int
                aia:
                  description: Where its issuer's certificate can be had.
                  type: list
                  elements: str
                crl:
                  description: Where its revocation list can be had.
                  type: list
                  elements: str
                ocsp:
                  description: Where its status can be asked.
                  type: list
                  elements: str
            chain_verify:
              description: OpenSSL's verdict on chain and dates, against the trust store that the connection would use. The code V(0) is good.
              type: dict
              contains:
                code:
                  description: The X509_V_ERR number.
                  type: int
                text:
                  description: Its text.
                  type: str
                store:
                  description: The trust store asked.
                  type: str
            name_verify:
              description: The verdict on the name alone, in the same form.
              type: dict
            system_verify:
              description: The verdict against the system's own trust store, where the first one failed, in the same form.
              type: dict
            verified_name:
              description: The name that was verified.
              type: str
            revocation:
              description: Answers of the certificate authority, where they were asked for.
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
                  description: When it was revoked.
                  type: str
            client_certificate_asked:
              description: Whether the host asked for a client certificate.
              type: bool
        identify:
          description: The reply to an anonymous Identify.
          type: dict
          contains: &http
            status:
              description: The HTTP status.
              type: int
            reason:
              description: The reason phrase.
              type: str
            headers:
              description: The headers that matter, as pairs of name and value.
              type: list
              elements: list
            body_start:
              description: The start of the body.
              type: str
            body_bytes:
              description: Bytes of the body that were read.
              type: int
            failure:
              description: V(reset), V(closed), V(timeout), V(not_http), V(too_large) or V(error), where no whole reply was read.
              type: str
            detail:
              description: More about the failure.
              type: str
            seconds:
              description: How long the reply took.
              type: float
        anonymous:
          description: The reply to an empty POST without credentials.
          type: dict
          contains: *http
        identity:
          description: The WS-Management identity.
          type: dict
          contains:
            vendor:
              description: ProductVendor.
              type: str
              sample: Microsoft Corporation
            product_version:
              description: ProductVersion.
              type: str
              sample: 'OS: 0.0.0 SP: 0.0 Stack: 3.0'
            protocol_version:
              description: ProtocolVersion.
              type: str
            security_profiles:
              description: Security profiles, which Windows tells only to known callers.
              type: list
              elements: str
        challenge:
          description: What the host tells in its NTLM challenge.
          type: dict
          contains:
            target_name:
              description: The target name.
              type: str
            netbios_computer:
              description: NetBIOS name of the host.
              type: str
            netbios_domain:
              description: NetBIOS name of its domain, or its own.
              type: str
            dns_computer:
              description: DNS name of the host.
              type: str
            dns_domain:
              description: DNS name of its domain.
              type: str
            dns_forest:
              description: DNS name of its forest.
              type: str
            membership:
              description: V(domain) or V(workgroup), where the names tell.
              type: str
            os_build:
              description: Version and build of Windows.
              type: str
              sample: 10.0.20348
            timestamp:
              description: The host's time, in UTC.
              type: str
            wrapped:
              description: Whether it came inside SPNEGO.
              type: bool
        clocks:
          description: The host's clock against that of the machine that looked.
          type: list
          elements: dict
          contains:
            source:
              description: V(ntlm) or V(http_date).
              type: str
            offset:
              description: The host's time minus ours, in seconds.
              type: float
            uncertainty:
              description: How far off this may be, in seconds.
              type: float
  sample:
    at: '2026-04-08T22:48:00Z'
    vantage: control01
    seconds: 0.045
    names: {asked: web01.example.com, system: [192.0.2.10], dns: [192.0.2.10]}
    ports:
      - {address: 192.0.2.10, port: 5985, state: open, seconds: 0.001}
      - {address: 192.0.2.10, port: 5986, state: filtered, seconds: 0.05, detail: "given up after 0.05 s, as port 5985 answers"}
    doors:
      - address: 192.0.2.10
        port: 5985
        scheme: http
        expected: http
        schemes: [Negotiate, Kerberos]
        identity: {vendor: Microsoft Corporation, product_version: 'OS: 0.0.0 SP: 0.0 Stack: 3.0'}
        clocks:
          - {source: ntlm, offset: -0.012, uncertainty: 0.002}
"""

import sys
import typing as t

from ..module_utils.argspec import Spec, probe_options, target_options
from ..module_utils.collect.endpoint import check_times, observe, warm_up
from ..module_utils.entry import module_main
from ..module_utils.evidence.base import encode
from ..module_utils.evidence.fit import fit
from ..module_utils.target import from_params

DELEGABLE = True
prewarm = warm_up


def argument_spec() -> Spec:
    """The options."""
    return {**target_options(), **probe_options(), "thorough": {"type": "bool", "default": True}}


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look, and tell what was seen."""
    check_times(params["timeout"], params["connect_timeout"])
    target = from_params(params)
    seen = observe(
        target, timeout=params["timeout"], connect_timeout=params["connect_timeout"], thorough=params["thorough"], revocation=params["revocation"],
    )
    return {"changed": False, "target": encode(target.evidence()), "endpoint": fit(encode(seen))}


def main() -> None:
    """The ordinary module, where it was delegated to another machine."""
    module_main(t.cast(t.Any, sys.modules[__name__]))


if __name__ == "__main__":
    main()
