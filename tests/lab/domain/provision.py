# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty Active Directory in a folder: `provision.py FOLDER REALM FLAT NAME ADDRESS`, run by the system's Python.

The password of Administrator is a random one that nobody knows: `populate.py` sets another for each run.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys

from samba.auth import system_session
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.provision import provision


def main() -> None:
    """Provision, and say the domain's SID in domain.json."""
    folder, realm, flat, name, address = sys.argv[1:6]
    for part in ("private", "state/sysvol", "cache", "run"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    quiet = logging.getLogger("provision")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    # skip_sysvolacl: in a user namespace Samba cannot write the ACLs of SYSVOL, which nothing here reads.
    made = provision(
        quiet, system_session(), smbconf=os.path.join(folder, "smb.conf"), realm=realm, domain=flat, hostname=name, hostip=address,
        adminpass=f"Aa1-{secrets.token_urlsafe(24)}", serverrole="active directory domain controller", dns_backend="NONE", skip_sysvolacl=True,
        dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2,
    )
    with open(os.path.join(folder, "domain.json"), "w", encoding="utf-8") as file:
        json.dump({"sid": str(made.domainsid)}, file)


main()
