# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `argspec.logon_options()` in words."""

from __future__ import annotations


class ModuleDocFragment:
    """How often a password may fail, and further ways in."""

    DOCUMENTATION = r"""
notes:
  - B(No lockout.) A password that no host of the run has accepted yet is used once for each account, however many hosts, plays and forks there are. Every use
    is written into a book before it is sent; the book lives in the memory of C(ansible-playbook) and holds no password. After a refusal, or after a lost
    answer, the other hosts say that they did not try. C(DOMAIN\user), C(user@domain) and a bare name count as one account; a local account counts once for
    each host. Once a host has accepted the password, it is used freely.
  - Slices of an AWX job share nothing, so the promise holds for each slice.
options:
  attempts:
    description:
      - How many failed or unanswered uses of its password an account may have in one run.
      - Raise it only where you know that the account's lockout threshold leaves room for more.
      - With V(1), M(winrm.doctor.diagnose) does not use a password at all where the account that reads the directory sees that one more failure would lock
        its account.
    type: int
    default: 1
  alternate_logons:
    description:
      - Further ways into the same host, with other accounts, ports or methods, tried where the inventory's way does not work. Evidence
        names the way it came by.
      - What an item does not set is taken from the inventory, except name, password and certificate, which never mix. Where an item sets none of these, it
        is the inventory's own account by another port, scheme or method.
    type: list
    elements: dict
    suboptions:
      name:
        description: What to call this way in results.
        type: str
      port:
        description: Port of the listener. Where it is missing, the inventory's, or the standard port of another O(alternate_logons[].scheme).
        type: int
      scheme:
        description: Whether the listener speaks HTTP or HTTPS.
        type: str
        choices: [http, https]
      auth:
        description: The methods to try, in order. Where it is missing, V(certificate) if there is one, else the inventory's.
        type: list
        elements: str
        choices: [negotiate, kerberos, ntlm, basic, certificate, credssp]
      username:
        description: The account to log on with. Where it is missing, and there is no password and no certificate, the inventory's.
        type: str
      password:
        description: The password of O(alternate_logons[].username).
        type: str
      client_cert:
        description: File with the client certificate, in PEM form.
        type: path
      client_key:
        description: File with the key of O(alternate_logons[].client_cert), in PEM form.
        type: path
"""
