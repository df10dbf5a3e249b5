# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""winrm/config: defaults, hands on the host, policy, and what the registry shows of it instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.codes.config_defaults import DEFAULTS, OWNED, POLICIES, READ_ONLY, STORE, STORED, defaults_of
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Known, Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DEFAULT, DENIED, LOCAL, POLICY, ConfigEvidence, SettingEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.windows import config, system
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Material
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from host_material import element, here, registry

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")


def of(xml: str, **more: object) -> ConfigEvidence:
    found = config.evidence(Material(config=element(xml), **more), here())  # type: ignore[arg-type]
    assert isinstance(found, ConfigEvidence)
    return found


def from_registry(keys: dict[str, dict[str, object]], why: str = DENIED) -> Known[ConfigEvidence]:
    return config.evidence(Material(config=Unknown(why), registry=registry(keys)), here())  # type: ignore[arg-type]


@pytest.mark.parametrize(("leaf", "expected"), [
    ("<cfg:MaxConnections>300</cfg:MaxConnections>", SettingEvidence("Service/MaxConnections", "300", "300", DEFAULT)),
    ("<cfg:MaxConnections>25</cfg:MaxConnections>", SettingEvidence("Service/MaxConnections", "25", "300", LOCAL)),
    ('<cfg:IPv4Filter Source="GPO">*</cfg:IPv4Filter>', SettingEvidence("Service/IPv4Filter", "*", "*", POLICY)),
    ('<cfg:IPv6Filter Source="GPO"/>', SettingEvidence("Service/IPv6Filter", "", "*", POLICY)),
    ("<cfg:AllowUnencrypted>FALSE</cfg:AllowUnencrypted>", SettingEvidence("Service/AllowUnencrypted", "FALSE", "false", DEFAULT)),
    ("<cfg:CertificateThumbprint></cfg:CertificateThumbprint>", SettingEvidence("Service/CertificateThumbprint", "", "", DEFAULT)),
    ("<cfg:SomethingNew>7</cfg:SomethingNew>", SettingEvidence("Service/SomethingNew", "7", None, LOCAL)),
])
def test_a_setting_is_compared_with_its_default(leaf: str, expected: SettingEvidence) -> None:
    assert of(f"<cfg:Config><cfg:Service>{leaf}</cfg:Service></cfg:Config>").settings == (expected,)


def test_paths_are_found_in_upper_and_lower_case_whatever_the_namespace() -> None:
    found = of("<Config><service><auth><basic>true</basic></auth></service></Config>")
    assert found.value("Service/Auth/Basic") == "true"
    assert found.setting("SERVICE/AUTH/BASIC") == SettingEvidence("Service/Auth/Basic", "true", "false", LOCAL)


@pytest.mark.parametrize(("value", "build", "source", "default"), [
    ("2147483647", "", DEFAULT, "2147483647"), ("30", "10.0.20348", DEFAULT, "30"), ("5", "10.0.20348", LOCAL, "2147483647"), ("5", "6.1.7601", DEFAULT, "5"),
    ("30", "6.1.7601", LOCAL, "5"),
])
def test_defaults_that_differ_between_versions_are_all_defaults(value: str, build: str, source: str, default: str) -> None:
    major = {"CurrentVersion": build[:3], "CurrentBuildNumber": build[4:]}
    newer = {"CurrentMajorVersionNumber": 10, "CurrentMinorVersionNumber": 0, "CurrentBuildNumber": build[5:]}
    told = registry({system.VERSION: newer if build.startswith("10.0") else major} if build else {})  # type: ignore[dict-item]
    found = of(f"<Config><Winrs><MaxShellsPerUser>{value}</MaxShellsPerUser></Winrs></Config>", registry=told).settings[0]
    assert (found.source, found.default) == (source, default)


@pytest.mark.parametrize("xml", ["<Listener><Port>5985</Port></Listener>", "<Config/>", "<Config>text</Config>"])
def test_what_is_no_config_is_unknown(xml: str) -> None:
    assert config.evidence(Material(config=element(xml)), here()) == config.NOT_CONFIG


def test_a_huge_or_deep_answer_is_cut() -> None:
    assert len(of("<Config>" + "".join(f"<A{number}>1</A{number}>" for number in range(3000)) + "</Config>").settings) == config.MOST_SETTINGS
    deep = "<Config>" + "<A>" * 20 + "1" + "</A>" * 20 + "<B>1</B></Config>"
    assert [one.path for one in of(deep).settings] == ["B"]


def test_denied_stays_denied_where_the_registry_says_nothing() -> None:
    assert from_registry({}) == Unknown(DENIED)


def test_the_registry_shows_what_is_set_by_hand_and_by_policy_and_the_rest_is_default() -> None:
    found = from_registry({
        f"{STORE}\\Service": {"auth_basic": 1, "IPv4Filter": "192.0.2.1-192.0.2.9"}, f"{STORE}\\Client": {},
        f"{POLICIES}\\Service": {"AllowUnencryptedTraffic": 1, "AllowNegotiate": 0}, f"{POLICIES}\\Service\\WinRS": {"MaxShellsPerUser": 3},
    })
    assert isinstance(found, ConfigEvidence)
    told = {one.path: (one.value, one.source) for one in found.settings}
    assert told["Service/Auth/Basic"] == ("true", LOCAL)
    assert told["Service/IPv4Filter"] == ("192.0.2.1-192.0.2.9", LOCAL)
    assert told["Service/AllowUnencrypted"] == ("true", POLICY)
    assert told["Service/Auth/Negotiate"] == ("false", POLICY)
    assert told["Winrs/MaxShellsPerUser"] == ("3", POLICY)
    assert told["Service/Auth/Kerberos"] == ("true", DEFAULT)
    assert told["Client/TrustedHosts"] == ("", DEFAULT)
    assert "Winrs/IdleTimeout" not in told, "where it is stored is not known"


@pytest.mark.parametrize(("policy", "expected"), [
    ({"AllowAutoConfig": 1, "IPv4Filter": "*"}, {"Service/IPv4Filter": "*", "Service/IPv6Filter": "", "Service/AllowRemoteAccess": "true"}),
    ({"AllowAutoConfig": 0, "IPv4Filter": "*"}, {"Service/AllowRemoteAccess": "false"}),
])
def test_the_policy_of_automatic_listeners_owns_both_filters(policy: dict[str, object], expected: dict[str, str]) -> None:
    found = from_registry({f"{STORE}\\Service": {}, f"{POLICIES}\\Service": policy})
    assert isinstance(found, ConfigEvidence)
    assert {one.path: one.value for one in found.settings if one.source == POLICY} == expected


def test_a_value_of_an_unreadable_kind_is_no_default() -> None:
    found = from_registry({f"{STORE}\\Service": {"auth_basic": b"\x01"}})
    assert isinstance(found, ConfigEvidence)
    assert found.setting("Service/Auth/Basic") is None


def test_tables_name_only_known_settings() -> None:
    assert set(STORED) | set(OWNED) | set(READ_ONLY) <= set(DEFAULTS)
    assert defaults_of("service/auth/BASIC") == ("false",)
    assert defaults_of("Service/Nothing") == ()


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
def test_a_recorded_host_differs_from_the_defaults_only_where_somebody_set_it() -> None:
    node = parse((CAPTURES / "config-get-00-response-GetResponse.xml").read_bytes(), 10**6).find("Config")
    assert node
    found = config.evidence(Material(config=Object(node)), here())
    assert isinstance(found, ConfigEvidence)
    assert {one.path: one.value for one in found.settings if one.source != DEFAULT} == {"Service/Auth/Basic": "true", "Service/Auth/CredSSP": "true"}
    assert {one.path for one in found.settings} == set(DEFAULTS)
