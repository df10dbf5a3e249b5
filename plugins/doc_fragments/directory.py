# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `argspec.directory_options()` in words."""

from __future__ import annotations


class ModuleDocFragment:
    """Which domain to ask, and as whom."""

    DOCUMENTATION = r"""
options:
  domain:
    description:
      - DNS name of the domain to ask.
      - Where it is missing, the domain of the account's user name, else the one that the host names in its NTLM challenge, else that of the host's DNS name,
        else the default realm of C(krb5.conf).
    type: str
  domain_controllers:
    description:
      - Names or addresses of domain controllers to ask, in order. Kerberos' own libraries go on to find their KDC as C(krb5.conf) and DNS say.
      - Those that the SRV records of the domain and C(krb5.conf) name are asked after them, except by M(winrm.doctor.spn), which writes to no other.
    type: list
    elements: str
  domain_username:
    description:
      - Account to read the directory with, or to change it with. Any account of the domain may read what a diagnosis needs.
      - Where it is missing, the account of the inventory.
    type: str
  domain_password:
    description:
      - The password of O(domain_username). Without it the ticket cache is used.
    type: str
  ldap_auth:
    description:
      - How to log on to LDAP. V(auto) is Kerberos, else NTLM, else V(simple) if O(ldap_transport) is TLS and the certificate verifies.
      - V(simple) hands the password over and is possible only inside TLS.
    type: str
    choices: [auto, kerberos, ntlm, simple]
    default: auto
  ldap_transport:
    description:
      - V(sealed) is port 389 with every message encrypted by the logon itself, V(ldaps) is TLS on port 636, V(start_tls) is TLS begun on port 389.
      - Inside TLS the logon is bound to the controller's certificate (channel binding).
    type: str
    choices: [sealed, ldaps, start_tls]
    default: sealed
  ldap_validate_certs:
    description:
      - Whether the certificate of the domain controller must verify, inside TLS.
    type: bool
    default: true
  ldap_ca_path:
    description:
      - File or directory with the certificates to trust for LDAP, on the control node. Where it is missing, the system's own.
    type: path
"""
