# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's stores, written by somebody else after the same specification, read here."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import CertificatesEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import cert_blobs, certificates
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Material
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value
from cert_stores import NOW, SERVER, blob, make
from lab.inside import blobs, registry
from lab.inside.model import Certificate, Inside, Listener

TOP = make("Company Root", ca=True)
SUB = make("Company Issuing CA", TOP, ca=True)
WEB = make("web01", SUB, names=["web01.example.com"], uses=[SERVER])
HERE = Circumstances(NOW.timestamp(), "web01.example.com", 5986, "https")


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("name", ["", "WinRM über TLS"])
def test_both_hands_write_the_same(key: bool, name: str) -> None:
    theirs, ours = (cert_blobs.element(data) for data in (blobs.stored(WEB.der, key, name), blob(WEB, key=key, friendly_name=name)))
    assert theirs == ours
    assert theirs is not None
    assert (theirs.key, theirs.friendly_name) == (key, name)


def test_host_of_the_lab_is_read_through_its_registry() -> None:
    inside = Inside(
        listeners=(Listener("HTTPS", port=5986, hostname="web01.example.com", thumbprint=WEB.thumbprint),),
        stores={
            "My": (Certificate(WEB.der, key=True, friendly_name="WinRM"),), "enterprise/CA": (Certificate(SUB.der),), "policy/Root": (Certificate(TOP.der),),
        },
    )
    tree = {key.replace("HKEY_LOCAL_MACHINE", "HKLM"): values for key, values in registry.tree(inside).items()}
    keys = {key.lower(): tuple(Value(name, kind, data) for name, (kind, data) in values.items()) for key, values in tree.items()}
    seen = certificates.evidence(Material(registry=Registry(keys, {key.lower(): key for key in tree})), HERE)
    assert isinstance(seen, CertificatesEvidence)
    assert not seen.problems
    own = seen.of(WEB.thumbprint)
    assert own
    assert own.chain
    assert (own.key, own.friendly_name, own.used_by, own.chain.outcome) == (True, "WinRM", ("*+HTTPS",), "trusted")
    assert own.chain.stores == ("My", "CA (enterprise)", "Root (policy)")
    assert not any(store.unreadable for store in seen.stores)
