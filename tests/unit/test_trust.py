# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust store of the inventory's connection: held to what requests, pywinrm and pypsrp do with the same settings."""

from __future__ import annotations

import itertools
import ssl
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import trust
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from lab.pki import Pki

requests = pytest.importorskip("requests")

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.mark.parametrize("connection", ["winrm", "psrp"])
@pytest.mark.parametrize("ca_path", [None, "/inventory.pem"])
@pytest.mark.parametrize("values", list(itertools.product((None, "", "/set.pem"), repeat=2)))
def test_store_is_the_one_the_client_asks(
    connection: str, ca_path: str | None, values: tuple[str | None, ...], monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {name: value for name, value in zip(VARIABLES, values, strict=True) if value is not None}
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    if connection == "winrm":
        transport = pytest.importorskip("winrm.transport").Transport
        more = {"ca_trust_path": ca_path} if ca_path else {}
        session = transport(endpoint="https://web01:5986/wsman", username="x", password="x", auth_method="basic", **more).build_session()
    else:
        wsman = pytest.importorskip("pypsrp.wsman")
        session = wsman.WSMan("web01", username="x", password="x", auth="basic", cert_validation=ca_path or True).transport._build_session()
    store = trust.store_for(from_params({"host": "web01", "connection": connection, "ca_path": ca_path}), environ)
    # True means requests' own default, which is certifi's bundle.
    assert store.path == (requests.certs.where() if session.verify is True else session.verify)


def test_folder_is_known_as_one(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "1a2b3c4d.0").write_bytes(pki.bundle.read_bytes())
    (tmp_path / "readme.txt").write_text("not looked up")
    store = trust.store_for(from_params({"host": "web01", "ca_path": str(tmp_path)}), {})
    assert (store.is_dir, trust.count(store)) == (True, 1)


def test_bundle_is_counted(pki: Pki) -> None:
    assert trust.count(trust.store_for(from_params({"host": "web01", "ca_path": str(pki.bundle)}), {})) == 1


def test_context_is_as_strict_as_the_clients(pki: Pki) -> None:
    client = pytest.importorskip("urllib3.util.ssl_").create_urllib3_context()
    ours = trust.load(trust.TrustStore(str(pki.bundle), "test"))
    assert (ours.verify_flags, ours.verify_mode, ours.minimum_version) == (client.verify_flags, ssl.CERT_REQUIRED, client.minimum_version)
    assert (ours.check_hostname, ours.hostname_checks_common_name) == (client.check_hostname, client.hostname_checks_common_name)


def test_context_is_made_once(pki: Pki) -> None:
    store = trust.TrustStore(str(pki.bundle), "test")
    assert trust.context_for(store, True) is trust.context_for(store, True)
    assert trust.context_for(store, False) is not trust.context_for(store, True)
