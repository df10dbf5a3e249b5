# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The odd corners of the two connections' options; the ordinary ones are tested on real cores."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.plugin_utils import connection as tested


class Winrm:
    """A winrm connection's options."""

    transport = "winrm"

    def __init__(self, extras: dict[str, t.Any] | None = None, **options: t.Any) -> None:
        self.options = {"remote_addr": "web01", "port": 5986, "path": "/wsman", "remote_user": None, "remote_password": None, "scheme": None,
                        "transport": None, "_extras": {f"ansible_winrm_{name}": value for name, value in (extras or {}).items()}, **options}

    def get_option(self, name: str) -> t.Any:
        return self.options[name]


def read(extras: dict[str, t.Any] | None = None, **options: t.Any) -> dict[str, t.Any]:
    return tested.read_target(Winrm(extras, **options))


@pytest.mark.parametrize(("proxy", "url", "ignored"), [
    ("legacy_requests", None, False), (None, None, True), ("", None, True), ("http://proxy:3128", "http://proxy:3128", False),
])
def test_pywinrm_s_proxy_words(proxy: str | None, url: str | None, ignored: bool) -> None:
    found = read({"proxy": proxy})
    assert (found.get("proxy"), found["ignore_proxy"]) == (url, ignored)


@pytest.mark.parametrize(("mode", "validates"), [("validate", True), ("ignore", False), (None, False)])
def test_pywinrm_validates_only_when_told_so_by_its_own_word(mode: str | None, validates: bool) -> None:
    assert read({"server_cert_validation": mode})["validate_certs"] is validates


def test_another_validation_word_is_an_error() -> None:
    with pytest.raises(DoctorError, match=r"^ansible_winrm_server_cert_validation is 'no'\. Expected: validate or ignore\.$"):
        read({"server_cert_validation": "no"})


def test_the_environment_s_trust_store_is_no_path() -> None:
    assert "ca_path" not in read({"ca_trust_path": "legacy_requests"})
    assert read({"ca_trust_path": "/etc/ca.pem"})["ca_path"] == "/etc/ca.pem"


@pytest.mark.parametrize(("transports", "extras", "auth"), [
    (None, {}, ["basic"]), ([], {}, ["basic"]), ([None], {}, ["basic"]), (["ssl"], {}, ["basic"]), (["plaintext", "ssl", "basic"], {}, ["basic"]),
    (["ssl"], {"cert_pem": "a"}, ["certificate"]), (None, {"cert_key_pem": "b"}, ["certificate"]), (["plaintext"], {"cert_pem": "a"}, ["basic"]),
    (["credssp", "ntlm", "kerberos"], {}, ["credssp", "ntlm", "kerberos"]),
])
def test_transports_are_named_by_what_goes_over_the_wire(transports: list[str] | None, extras: dict[str, str], auth: list[str]) -> None:
    assert read(extras, transport=transports)["auth"] == auth


@pytest.mark.parametrize(("version", "library", "auth"), [
    ("2.16.3", False, ["basic"]), ("2.18.9", True, ["kerberos", "basic"]), ("2.19.0b1", False, ["kerberos"]), ("2.21.0.dev0", True, ["kerberos"]),
])
def test_a_upn_means_kerberos_as_the_core_at_hand_has_it(monkeypatch: pytest.MonkeyPatch, version: str, library: bool, auth: list[str]) -> None:
    monkeypatch.setattr(tested, "core_version", version)
    monkeypatch.setattr(tested.importlib.util, "find_spec", lambda name: object() if library and name == "kerberos" else None)
    assert read(remote_user="u@LAB.TEST")["auth"] == auth


@pytest.mark.parametrize(("transport", "kind"), [
    ("winrm", "winrm"), ("ansible.builtin.psrp", "psrp"), ("ssh", None), ("local", None), ("community.x.ssh", None),
])
def test_kinds(transport: str, kind: str | None) -> None:
    plugin = Winrm()
    plugin.transport = transport
    assert tested.kind_of(plugin) == kind


def test_variables_are_only_pointed_out_where_nothing_else_gave_a_value() -> None:
    variables = {"ansible_psrp_port": 5985, "ansible_psrp_user": "u", "ansible_psrp_host": "h"}
    sentence = "web01: {} is set, but the connection winrm does not read it. Set {}."
    found = {"host": "web01", "port": 5986, "username": "from-keyword"}
    assert tested.misread_variables("winrm", variables, found, "web01") == [
        sentence.format("ansible_psrp_host", "ansible_host"), sentence.format("ansible_psrp_port", "ansible_port"),
    ]
    assert tested.misread_variables("winrm", {**variables, "ansible_host": "web01", "ansible_port": 5986}, found, "web01") == []
