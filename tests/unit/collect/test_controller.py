# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the control node, with pieces missing or broken; proxies as requests itself would choose them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.collect import controller
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.controller import (
    ControllerEvidence,
    CryptoEvidence,
    KerberosEvidence,
    ProxyEvidence,
    TrustStoreEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.target import Target, from_params

PROXIES = [f(name) for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for f in (str.upper, str.lower)]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "KRB5_CONFIG", "KRB5CCNAME", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for cached in (controller._libraries, controller._kerberos):
        cached.cache_clear()


def target(**more: object) -> Target:
    return from_params({"host": "web01.example.com", "port": 5986, **more})


def test_everything_is_told_and_comes_back_from_json() -> None:
    seen = controller.observe(target(), environ=os.environ, thorough=True)
    assert decode(ControllerEvidence, encode(seen)) == seen
    assert {"ansible-core", "pypsrp", "pywinrm", "pyspnego", "cryptography", "dnspython", "gssapi"} <= {library.name for library in seen.libraries}
    assert all(bool(library.version) != bool(library.error) or library.error for library in seen.libraries)
    assert isinstance(seen.crypto, CryptoEvidence)
    assert seen.crypto.openssl.startswith("OpenSSL")
    assert isinstance(seen.kerberos, KerberosEvidence)
    assert isinstance(seen.trust_store, TrustStoreEvidence)
    assert isinstance(seen.trust_store.certificates, int)
    assert seen.trust_store.certificates > 50


def test_without_a_host_there_is_no_proxy_and_no_trust_store() -> None:
    seen = controller.observe(None, environ={}, thorough=True)
    assert seen.proxy == seen.trust_store == Unknown("no host was given")


@pytest.mark.parametrize(("connection", "other"), [("psrp", "pywinrm"), ("winrm", "pypsrp")])
def test_diagnosis_wants_to_know_of_its_own_connection(connection: str, other: str) -> None:
    seen = controller.observe(target(connection=connection), environ={}, thorough=False)
    assert other not in {library.name for library in seen.libraries}
    assert all(library.path is None for library in seen.libraries)


def test_broken_library_is_an_observation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brokenlib.py").write_text("raise OSError('libkrb5.so.3: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    version, path, error = deps.try_import("brokenlib", "brokenlib")
    assert (version, path, error) == (None, None, "OSError: libkrb5.so.3: cannot open shared object file")
    assert "brokenlib" not in sys.modules


@pytest.mark.parametrize(
    ("variables", "more", "captures"),
    [
        ({}, {}, False),
        ({"HTTPS_PROXY": "http://proxy:3128"}, {}, True),
        ({"https_proxy": "http://proxy:3128"}, {}, True),
        ({"HTTP_PROXY": "http://proxy:3128"}, {}, False),
        ({"http_proxy": "http://proxy:3128"}, {"port": 5985}, True),
        ({"ALL_PROXY": "http://proxy:3128"}, {}, True),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "example.com"}, {}, False),
        ({"https_proxy": "http://proxy:3128", "NO_PROXY": ".example.com:5986"}, {}, False),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "other.com"}, {}, True),
        ({"https_proxy": "http://proxy:3128"}, {"ignore_proxy": True}, False),
        ({"https_proxy": "http://proxy:3128"}, {"proxy": "http://mine:8080"}, False),
    ],
)
def test_proxy(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], more: dict[str, object], captures: bool) -> None:
    requests = pytest.importorskip("requests")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen = controller.observe(target(**more), environ=os.environ, thorough=False).proxy
    assert isinstance(seen, ProxyEvidence)
    assert seen.captures is captures
    if not more.keys() & {"proxy", "ignore_proxy"}:
        url = f"{target(**more).scheme}://{target(**more).netloc}/wsman"
        chosen = requests.Session().merge_environment_settings(url, {}, None, None, None)["proxies"]
        assert bool(requests.utils.select_proxy(url, chosen)) is captures


def test_password_of_a_proxy_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:geheim@proxy:3128")
    seen = controller.observe(target(), environ=os.environ, thorough=True)
    assert "geheim" not in repr(seen)
    assert isinstance(seen.proxy, ProxyEvidence)
    assert seen.proxy.proxy == "http://***@proxy:3128"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("user:secret@proxy:3128", "(unreadable)"),
        ("http://a:b@[::1]:1/x", "http://***@[::1]:1/x"),
        ("http://user:p@ss/w@proxy:3128", "(unreadable)"),
        ("http://user:a@b#c@proxy:1", "(unreadable)"),
        ("http://user:a@b?c@proxy:1", "(unreadable)"),
    ],
)
def test_url_without_password(url: str, shown: str) -> None:
    assert controller.without_password(url) == shown
