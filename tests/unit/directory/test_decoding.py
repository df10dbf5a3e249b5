# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computers, policies, trusts, notations and the forecast, each from entries as a controller sends them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory import computers, forecast, notation, policy, trusts
from ansible_collections.winrm.doctor.plugins.module_utils.directory.entries import Entry
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import ComputerEvidence, ForecastEvidence, PolicyEvidence, TrustEvidence

NOW = 1_775_688_480.0
AES_SINCE = int((NOW - 1000 * 86400 + notation.EPOCH) * notation.TICKS)
MINUTE = 60 * notation.TICKS


def entry(dn: str = "CN=x,DC=lab,DC=test", **attributes: t.Any) -> Entry:
    """Underscores stand for hyphens, tuples for several values."""
    raw = {}
    for name, value in attributes.items():
        raw[name.replace("_", "-").lower()] = tuple(str(item).encode() for item in (value if isinstance(value, tuple) else (value,)))
    return Entry(dn, raw)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"lockoutThreshold": 3, "lockoutDuration": -30 * MINUTE, "lockOutObservationWindow": -30 * MINUTE, "maxPwdAge": -42 * 1440 * MINUTE},
         PolicyEvidence("Default Domain Policy", 3, 30.0, 30.0, 42.0)),
        ({"lockoutThreshold": 0, "lockoutDuration": -notation.NEVER - 1, "maxPwdAge": -notation.NEVER - 1},
         PolicyEvidence("Default Domain Policy", 0, None, 0.0, None)),
        ({"lockoutThreshold": 5, "lockoutDuration": 0, "maxPwdAge": 0}, PolicyEvidence("Default Domain Policy", 5, None, 0.0, None)),
        ({}, None),
    ],
    ids=["usual", "never", "until unlocked", "not readable"],
)
def test_policy_of_the_domain(attributes: dict[str, t.Any], expected: PolicyEvidence | None) -> None:
    assert policy.of_domain(entry(**attributes)) == expected


def test_policy_of_a_password_settings_object() -> None:
    settings = entry("CN=Long\\, passwords,CN=Password Settings Container,DC=x", msDS_LockoutThreshold=10, msDS_LockoutDuration=-15 * MINUTE)
    assert policy.of_settings(settings) == PolicyEvidence("Long, passwords", 10, 15.0, 0.0, None)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"trustPartner": "Other.Test", "flatName": "OTHER", "trustDirection": 3, "trustType": 2, "trustAttributes": 8, "msDS_SupportedEncryptionTypes": 24},
         TrustEvidence("other.test", "OTHER", "both", "active_directory", ("forest_transitive",), 24)),
        ({"trustPartner": "old", "trustDirection": 1, "trustType": 1, "trustAttributes": 0x15},
         TrustEvidence("old", "", "inbound", "downlevel", ("non_transitive", "quarantined", "cross_organization"))),
        ({"trustPartner": "unix.test", "trustDirection": 2, "trustType": 3, "trustAttributes": -0x80000000 + 0x80},
         TrustEvidence("unix.test", "", "outbound", "mit", ("uses_rc4", "0x80000000"))),
        ({"trustPartner": "off.test", "trustDirection": 0}, TrustEvidence("off.test", "", "disabled")),
        ({}, TrustEvidence("")),
    ],
    ids=["forest", "selective and quarantined", "MIT with a bit nobody knows", "disabled", "empty"],
)
def test_trust(attributes: dict[str, t.Any], expected: TrustEvidence) -> None:
    assert trusts.read_trust(entry(**attributes)) == expected


def test_computer_is_found_by_name_then_by_spn_then_by_account_then_by_the_name_that_its_winrm_was_given() -> None:
    by_hand = entry("CN=d", servicePrincipalName="wsman/WEB01.lab.test")
    by_spn = entry("CN=b", servicePrincipalName=("HOST/web01.lab.test", "WSMAN/x"), dNSHostName="new.lab.test")
    by_name = entry("CN=a", dNSHostName="WEB01.lab.test")
    by_account = entry("CN=c", sAMAccountName="WEB01$")
    names = ("web01.lab.test.",)
    assert computers.choose([by_account, by_spn, by_name], names) == (by_name, "dNSHostName")
    assert computers.choose([by_account, by_spn], names) == (by_spn, "servicePrincipalName")
    assert computers.choose([by_hand, by_account], names) == (by_account, "sAMAccountName")
    assert computers.choose([by_hand], names) == (by_hand, "servicePrincipalName")
    assert computers.choose([entry(sAMAccountName="OTHER$")], names) is None


@pytest.mark.parametrize(
    ("names", "netbios", "text"),
    [
        (("web01.lab.test",), "", "(dNSHostName=web01.lab.test)(servicePrincipalName=HOST/web01.lab.test)(sAMAccountName=web01$)"
         "(servicePrincipalName=WSMAN/web01.lab.test)"),
        (("web01",), "", "(servicePrincipalName=HOST/web01)(sAMAccountName=web01$)(servicePrincipalName=WSMAN/web01)"),
        (("a-very-long-host-name.lab.test",), "A-VERY-LONG-HOS",
         "(dNSHostName=a-very-long-host-name.lab.test)(servicePrincipalName=HOST/a-very-long-host-name.lab.test)"
         "(sAMAccountName=a-very-long-hos$)(sAMAccountName=a-very-long-hos$)(servicePrincipalName=WSMAN/a-very-long-host-name.lab.test)"),
    ],
)
def test_computer_filter(names: tuple[str, ...], netbios: str, text: str) -> None:
    assert computers.finder(names, netbios) == f"(&(objectClass=computer)(|{text}))"


def test_address_is_no_name_of_a_computer() -> None:
    assert computers.finder(("192.0.2.7",)) == ""


@pytest.mark.parametrize(
    ("computer", "name", "expected"),
    [
        (ComputerEvidence("WEB01$", "", dns_host_name="web01.lab.test"), "WEB01.lab.test", True),
        (ComputerEvidence("WEB01$", "", dns_host_name="web01.lab.test"), "web01", True),
        (ComputerEvidence("WEB01$", "", dns_host_name="web01.lab.test"), "web01.other.test", False),
        (ComputerEvidence("WEB01$", ""), "web01.lab.test", True),
        (ComputerEvidence("WEB02$", "", dns_host_name="web02.lab.test"), "web01.lab.test", False),
    ],
)
def test_whose_account_it_is(computer: ComputerEvidence, name: str, expected: bool) -> None:
    assert computers.is_name_of(computer, name) is expected


def test_computer_evidence() -> None:
    password = int((NOW - 45.5 * 86400 + notation.EPOCH) * notation.TICKS)
    seen = computers.read_computer(
        entry(sAMAccountName="WEB01$", userAccountControl=4098, pwdLastSet=password, operatingSystem="Windows Server 2022", operatingSystemVersion="10.0"),
        now=NOW, found_by="dNSHostName",
    )
    assert (seen.name, seen.enabled, seen.password_days, seen.operating_system) == ("WEB01$", False, 45.5, "Windows Server 2022 10.0")


@pytest.mark.parametrize(
    ("attributes", "why", "sure"),
    [
        pytest.param({"msDS_SupportedEncryptionTypes": 7}, "msDS-SupportedEncryptionTypes is 7: DES and RC4, no AES.", True, id="RC4"),
        pytest.param({"msDS_SupportedEncryptionTypes": 0x80024}, "msDS-SupportedEncryptionTypes is 524324: RC4, no AES.", True, id="RC4 and features"),
        pytest.param({"msDS_SupportedEncryptionTypes": 0x80000}, None, True, id="features alone"),
        pytest.param({"msDS_SupportedEncryptionTypes": 0x20}, None, True, id="session keys alone"),
        pytest.param({"msDS_SupportedEncryptionTypes": 0x80}, None, True, id="AES with SHA-2"),
        pytest.param({"userAccountControl": 0x200200, "msDS_SupportedEncryptionTypes": 24}, "userAccountControl limits it to DES.", True, id="DES"),
        pytest.param({"operatingSystem": "Windows Server 2003 R2"}, "It runs Windows Server 2003 R2, which knows no AES.", True, id="old system"),
        pytest.param(
            {"pwdLastSet": AES_SINCE - 86400 * notation.TICKS},
            "Its password was set on 2023-07-12, before the domain could make AES keys (from 2023-07-13 on): it may have none until the password is set again.",
            False, id="old password",
        ),
        pytest.param({"pwdLastSet": AES_SINCE - 1, "whenCreated": "20240101000000.0Z"}, None, True, id="younger than its own password"),
        pytest.param({"pwdLastSet": AES_SINCE + 1}, None, True, id="new password"),
        pytest.param({"msDS_SupportedEncryptionTypes": 28}, None, True, id="AES"),
        pytest.param({"msDS_SupportedEncryptionTypes": 0}, None, True, id="left to the domain's default"),
    ],
)
def test_forecast(attributes: dict[str, t.Any], why: str | None, sure: bool) -> None:
    found = forecast.read(entry(sAMAccountName="svc", objectClass=("top", "user"), **attributes), AES_SINCE)
    assert found == (ForecastEvidence("svc", "user", why, sure) if why else None)


def test_forecast_of_a_trust_names_the_partner() -> None:
    assert forecast.read(entry(trustPartner="Other.test", msDS_SupportedEncryptionTypes=4)) == ForecastEvidence(
        "other.test", "trust", "msDS-SupportedEncryptionTypes is 4: RC4, no AES."
    )


@pytest.mark.parametrize(("types", "kind", "told"), [(None, 2, True), (0, 2, True), (0x80000, 3, True), (None, 1, False), (0x18, 2, False), (0x80, 2, False)])
def test_trust_without_encryption_types_may_stop_working(types: int | None, kind: int, told: bool) -> None:
    found = forecast.read(entry(trustPartner="Other.test", trustType=kind, **({} if types is None else {"msDS_SupportedEncryptionTypes": types})))
    assert found == (ForecastEvidence(
        "other.test", "trust", "msDS-SupportedEncryptionTypes names no encryption type, so its tickets are encrypted with RC4, unless both sides' "
        "controllers take such a trust for one with AES.", sure=False,
    ) if told else None)


def test_forecast_asks_for_no_account_that_has_features_alone() -> None:
    assert "(msDS-SupportedEncryptionTypes:1.2.840.113556.1.4.804:=223)(!(msDS-SupportedEncryptionTypes:1.2.840.113556.1.4.804:=216))" in forecast.declared()


def test_forecast_tells_each_account_once_and_for_its_surest_reason() -> None:
    likely, sure = ForecastEvidence("svc", "user", "maybe", sure=False), ForecastEvidence("SVC", "user", "surely")
    assert forecast.without_repeats([likely, None, sure, ForecastEvidence("a", "user", "x", sure=False)]) == (
        sure, ForecastEvidence("a", "user", "x", sure=False),
    )


@pytest.mark.parametrize("text", ["S-1-5-21-1004336348-1177238915-682003330-512", "S-1-5-32-544", "S-1-1-0"])
def test_sid_there_and_back(text: str) -> None:
    assert notation.sid_text(notation.sid_bytes(text)) == text


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x02" + bytes(10), b"\x02\x01" + bytes(10), b"\x01\xff" + bytes(6)])
def test_what_is_no_sid(data: bytes) -> None:
    assert notation.sid_text(data) == ""


@pytest.mark.parametrize(
    ("value", "moment"),
    [(133_000_000_000_000_000, "2022-06-18T04:26:40Z"), (0, None), (-1, None), (None, None), (notation.NEVER, None), (notation.NEVER - 1, None)],
)
def test_filetime(value: int | None, moment: str | None) -> None:
    assert notation.moment_of(notation.seconds_of(value)) == moment


@pytest.mark.parametrize(
    ("dn", "domain", "name"),
    [
        ("CN=svc,OU=A,DC=lab,DC=test", "lab.test", "svc"), ("DC=Lab, DC=Test", "lab.test", "Lab"), ("CN=a\\,DC\\=x,DC=lab,DC=test", "lab.test", "a,DC=x"),
        ("CN=only", "", "only"), ("", "", ""),
    ],
)
def test_distinguished_names(dn: str, domain: str, name: str) -> None:
    assert (notation.dns_of_dn(dn), notation.common_name(dn)) == (domain, name)


def test_parent_of_a_distinguished_name() -> None:
    assert notation.parent_dn("CN=NTDS Settings,CN=DC1\\,x,CN=Servers") == "CN=DC1\\,x,CN=Servers"
    assert notation.parent_dn("DC=test") == ""
