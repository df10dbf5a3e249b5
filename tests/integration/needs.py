# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests need of the machine, as marks: where it is missing they are skipped with the reason, in CI they fail."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from lab.domain import template
from lab.namespace import prefix

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HAS_NAMESPACE, HAS_SAMBA, HAS_KERBEROS = bool(prefix()), bool(template.version()), deps.speaks_kerberos()

NAMESPACE = pytest.mark.skipif(not HAS_NAMESPACE, reason="the lab's own DNS needs a network namespace (unshare), which this machine does not allow")
SAMBA = pytest.mark.skipif(not HAS_SAMBA, reason="the lab's domain needs Samba (Debian: samba-ad-dc, samba-ad-provision), which is not installed here")
KERBEROS = pytest.mark.skipif(not HAS_KERBEROS, reason="Kerberos needs the Python libraries gssapi and krb5, which are not installed here")
DOMAIN = [NAMESPACE, SAMBA, KERBEROS]
"""All that a test of the lab's domain needs."""


def command(name: str, package: str) -> pytest.MarkDecorator:
    """A program that nobody here wrote, as a witness."""
    return pytest.mark.skipif(shutil.which(name, path=SYSTEM_PATH) is None, reason=f"{name} ({package}) is not installed here")
