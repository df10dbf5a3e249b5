# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `argspec.target_options()` in words: which inventory variables feed each."""

from __future__ import annotations


class ModuleDocFragment:
    """Which host, and how its inventory connection would reach it."""

    DOCUMENTATION = r"""
notes:
  - The options that describe the host are filled from the inventory, exactly as the connection plugin P(ansible.builtin.winrm#connection) or
    P(ansible.builtin.psrp#connection) of the host would read them, with templates, vault, play variables, C(vars_prompt), and the command line's C(-u)
    and C(-k). Nobody types credentials twice. Options that are set in the task win.
  - Values of secret options never appear in results.
  - With C(delegate_to) set to the control node, the module still looks at the host of the play, not at the control node. Only a password from C(-k) is out of
    reach then if the inventory gives the delegate C(ansible_password) of its own.
options:
  inventory_name:
    description:
      - The name of the host in the inventory, which results and reports use.
      - Comes from C(inventory_hostname). Where there is none, O(host) is the name.
    type: str
  host:
    description:
      - Host name or IP address to connect to.
      - Comes from C(ansible_host), C(ansible_winrm_host) (winrm) or C(ansible_psrp_host) (psrp), else from C(inventory_hostname).
    type: str
  port:
    description:
      - Port of the WinRM listener.
      - Comes from C(ansible_port), C(ansible_winrm_port) (winrm) or C(ansible_psrp_port) (psrp), or the keyword C(port).
      - Where it is missing everywhere, V(5986), or V(5985) if O(scheme=http). For a host of the winrm connection it is V(5986) in both cases, because that is
        what the connection takes.
    type: int
  scheme:
    description:
      - Whether the listener speaks HTTP or HTTPS.
      - Comes from C(ansible_winrm_scheme) (winrm) or C(ansible_psrp_protocol) (psrp).
      - Where it is missing, V(http) if O(port=5985), else V(https).
    type: str
    choices: [http, https]
  path:
    description:
      - Path of the WS-Management endpoint.
      - Comes from C(ansible_winrm_path) or C(ansible_psrp_path).
    type: str
    default: wsman
  connection:
    description:
      - The connection plugin whose behaviour counts.
      - Comes from C(ansible_connection), in its short or its full form, or the keyword C(connection).
    type: str
    choices: [winrm, psrp]
    default: psrp
  auth:
    description:
      - The authentication methods that the connection would try, in order.
      - Comes from C(ansible_psrp_auth), or from C(ansible_winrm_transport), where V(basic) stands for C(plaintext) and C(ssl), and V(certificate) for C(ssl)
        with a client certificate.
      - Without C(ansible_winrm_transport), the winrm connection uses Kerberos for a user name of the form C(user@DOMAIN), else Basic. Before ansible-core 2.19
        it adds Basic after Kerberos, and leaves Kerberos out where the Python library C(kerberos) is missing.
    type: list
    elements: str
    choices: [negotiate, kerberos, ntlm, basic, certificate, credssp]
    default: [negotiate]
  username:
    description:
      - The account to log on with.
      - Comes from C(ansible_user), C(ansible_winrm_user) (winrm) or C(ansible_psrp_user) (psrp), the keyword C(remote_user), or C(-u).
    type: str
  password:
    description:
      - The password of O(username).
      - Comes from C(ansible_password), C(ansible_winrm_pass) or C(ansible_winrm_password) (winrm and psrp alike), or C(-k). The psrp connection has no
        C(ansible_psrp_password).
    type: str
  validate_certs:
    description:
      - Whether the connection verifies the certificate of the host.
      - Comes from C(ansible_winrm_server_cert_validation) or C(ansible_psrp_cert_validation), where V(false) stands for C(ignore).
    type: bool
    default: true
  ca_path:
    description:
      - File or directory with the certificates to trust, on the control node.
      - Comes from C(ansible_winrm_ca_trust_path), C(ansible_psrp_ca_cert) or C(ansible_psrp_cert_trust_path).
    type: path
  client_cert:
    description:
      - File with the client certificate for O(auth=certificate), in PEM form.
      - Comes from C(ansible_winrm_cert_pem) or C(ansible_psrp_certificate_pem).
    type: path
  client_key:
    description:
      - File with the key of O(client_cert), in PEM form.
      - Comes from C(ansible_winrm_cert_key_pem) or C(ansible_psrp_certificate_key_pem).
    type: path
  proxy:
    description:
      - URL of the HTTP proxy that the inventory sets for this host.
      - Comes from C(ansible_winrm_proxy) or C(ansible_psrp_proxy). Proxy variables of the environment count without it, unless O(ignore_proxy=true).
    type: str
  ignore_proxy:
    description:
      - Whether the connection disregards the proxy variables of the environment.
      - Comes from C(ansible_psrp_ignore_proxy). For winrm it is true if C(ansible_winrm_proxy) is set to an empty value.
    type: bool
    default: false
  message_encryption:
    description:
      - Whether messages are encrypted by the authentication method, below any TLS.
      - Comes from C(ansible_winrm_message_encryption) or C(ansible_psrp_message_encryption).
    type: str
    choices: [auto, always, never]
    default: auto
  send_cbt:
    description:
      - Whether the logon is bound to the TLS channel (channel binding token).
      - Comes from C(ansible_winrm_send_cbt) or C(ansible_psrp_negotiate_send_cbt).
    type: bool
    default: true
  spn_service:
    description:
      - The service part of the SPN that Kerberos asks for.
      - Comes from C(ansible_winrm_service), else V(HTTP), or from C(ansible_psrp_negotiate_service), else V(WSMAN) before ansible-core 2.21 and V(host) since.
    type: str
  spn_hostname:
    description:
      - The host part of the SPN that Kerberos asks for, where it is not O(host).
      - Comes from C(ansible_winrm_kerberos_hostname_override) or C(ansible_psrp_negotiate_hostname_override).
    type: str
"""
