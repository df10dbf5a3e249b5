# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies and other registry values do, and what it does that some are not set."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.codes import policies
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED, PolicyValueEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import batch, policy, reg_query
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import NOT_READ, Circumstances, Material
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Data, Registry, Value

HERE = Circumstances(at=0, host="web01", port=5985, scheme="http")
AREAS = {"winrm_service", "winrm_client", "winrs", "ntlm", "lsa", "kerberos", "schannel", "uac", "delegation", "http"}
SERVER_TLS12 = f"{policies.SCHANNEL}\\Protocols\\TLS 1.2\\Server"


def read(*values: tuple[str, str, Data], unknown: t.Mapping[str, str] | None = None) -> dict[str, PolicyValueEvidence]:
    keys: dict[str, tuple[Value, ...]] = {"hklm\\software": ()}
    for key, name, data in values:
        kind = {int: "REG_DWORD", str: "REG_SZ", tuple: "REG_MULTI_SZ", bytes: "REG_BINARY"}[type(data)]
        keys[key.lower()] = (*keys.get(key.lower(), ()), Value(name, kind, data))
    found = policy.evidence(Material(registry=Registry(keys, {}, dict(unknown or {}))), HERE)
    assert not isinstance(found, Unknown)
    return {one.name if one.area != "schannel" else f"{one.key.rpartition(chr(92))[2]} {one.name}": one for one in found}


@pytest.mark.parametrize(("key", "name", "data", "words"), [
    (policies.SERVICE, "AllowNegotiate", 0, "refuses Negotiate"), (policies.SERVICE, "AllowNegotiate", 1, "accepts Negotiate"),
    (policies.SERVICE, "AllowKerberos", 0, '"Disallow" is enabled'), (policies.CLIENT, "AllowDigest", 0, "refuses to use Digest"),
    (policies.SERVICE, "AllowAutoConfig", 0, "no remote requests"), (policies.SERVICE, "AllowAutoConfig", 1, "listens on no address"),
    (policies.SERVICE, "IPv4Filter", "*", "all IPv4"), (policies.SERVICE, "IPv4Filter", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
    (policies.SERVICE, "CbtHardeningLevel", "strict", "right channel binding token"), (policies.SHELL, "MaxShellsPerUser", 5, "at most 5 remote shells"),
    (policies.SHELL, "AllowRemoteShellAccess", 0, "Nobody gets"), (policies.CLIENT, "TrustedHostsList", "a,b", "a,b"),
    (policies.LSA, "LmCompatibilityLevel", 5, "refuses LM and NTLMv1"), (policies.MSV, "RestrictReceivingNTLMTraffic", 1, "for domain accounts"),
    (policies.MSV, "RestrictReceivingNTLMTraffic", 2, "for every account"), (policies.MSV, "ClientAllowedNTLMServers", ("a", "b"), "a,b"),
    (policies.NETLOGON, "RestrictNTLMInDomain", 7, "refuses all NTLM"), (policies.MSV, "NtlmMinServerSec", 537395200, "128-bit"),
    (policies.SYSTEM, "LocalAccountTokenFilterPolicy", 1, "keep their rights"), (policies.SYSTEM, "LocalAccountTokenFilterPolicy", 0, "lose their rights"),
    (policies.SYSTEM, "FilterAdministratorToken", 1, "loses its rights"), (policies.LSA, "ForceGuest", 1, "as Guest"),
    (policies.ETYPES, "SupportedEncryptionTypes", 24, "AES128, AES256 for Kerberos. Tickets with RC4 are refused"),
    (policies.ETYPES, "SupportedEncryptionTypes", 4, "RC4 for Kerberos. Without AES"), (policies.ETYPES, "SupportedEncryptionTypes", 0, "no encryption type"),
    (policies.ETYPES, "SupportedEncryptionTypes", 2147483644, "RC4, AES128, AES256, future types"),
    (policies.ETYPES, "SupportedEncryptionTypes", "x", "names no encryption types"), (policies.LSA, "LmCompatibilityLevel", 9, "It is set to 9"),
    (policies.DELEGATION, "AllowFreshCredentials", 1, "The list is empty"), (policies.HTTP, "MaxFieldLength", 65534, "65534 bytes"),
    (policies.HTTP, "ListenOnlyList", ("127.0.0.1",), "127.0.0.1"), (policies.HTTP, "ListenOnlyList", (), "listens on all"),
    (policies.SERVICE, "AllowBasic", b"\x01", "It is set to 01"),
])
def test_a_value_is_told_with_what_it_does(key: str, name: str, data: Data, words: str) -> None:
    assert words in read((key, name, data))[name].means


def test_a_filter_of_policy_makes_its_listener_listen() -> None:
    found = read((policies.SERVICE, "AllowAutoConfig", 1), (policies.SERVICE, "IPv4Filter", ""), (policies.SERVICE, "IPv6Filter", "*"))
    assert "no address" not in found["AllowAutoConfig"].means
    assert found["IPv4Filter"].value == ""


def test_a_protocol_that_is_off_for_the_server_side_says_so() -> None:
    found = read((SERVER_TLS12, "Enabled", 0), (SERVER_TLS12, "DisabledByDefault", 1))
    assert found["Server Enabled"].means == "TLS 1.2 is off for HTTPS listeners."
    assert "only where a program asks" in found["Server DisabledByDefault"].means
    assert "on for HTTPS" in read((SERVER_TLS12, "Enabled", 0xFFFFFFFF))["Server Enabled"].means


def test_servers_that_fresh_credentials_may_go_to_are_named() -> None:
    listed = (f"{policies.DELEGATION}\\AllowFreshCredentials", "1", "WSMAN/*.lab.test")
    assert "WSMAN/*.lab.test" in read((policies.DELEGATION, "AllowFreshCredentials", 1), listed)["AllowFreshCredentials"].means


def test_what_only_policy_writes_is_called_policy() -> None:
    found = read((policies.SERVICE, "AllowBasic", 0), (policies.SYSTEM, "EnableLUA", 0))
    assert (found["AllowBasic"].source, found["AllowBasic"].setting) == ("policy", "Allow Basic authentication")
    assert found["EnableLUA"].source == "local"


def test_absence_is_told_where_it_matters_and_nowhere_else() -> None:
    found = read()
    assert set(found) == {row.name for row in policies.ROWS if row.absent}
    assert all(one.value is None for one in found.values())


def test_absence_is_not_claimed_of_what_could_not_be_read() -> None:
    found = read(unknown={policies.MSV.lower(): DENIED})
    assert "RestrictReceivingNTLMTraffic" not in found
    assert "LmCompatibilityLevel" in found


def test_nothing_that_could_be_read_is_unknown() -> None:
    assert policy.evidence(Material(registry=Registry(unknown={"hklm": DENIED})), HERE) == Unknown(DENIED)


ASKED = {f"{path}\\{value}".rpartition("\\")[0].lower(): DENIED for path, values in policy.ONE_BY_ONE.items() for value in values}


def test_a_registry_of_which_every_value_that_was_asked_is_denied_is_unknown() -> None:
    """Value by value: the keys themselves, and what was not asked below them, have no answer of their own."""
    assert policy.evidence(Material(registry=Registry(unknown=ASKED)), HERE) == Unknown(DENIED)


def test_that_winrm_has_no_policy_is_known_though_all_else_is_denied() -> None:
    unknown = {path: why for path, why in ASKED.items() if path != policies.SERVICE.lower()}
    assert policy.evidence(Material(registry=Registry(unknown=unknown)), HERE) == ()


def test_nothing_is_absent_where_nobody_asked() -> None:
    assert policy.evidence(Material(), HERE) == NOT_READ


def test_the_table_is_sound() -> None:
    names = [(row.key.lower(), row.name.lower()) for row in policies.ROWS]
    assert len(set(names)) == len(names)
    assert {row.area for row in policies.ROWS} == AREAS
    for row in policies.ROWS:
        assert all(sentence.endswith(".") for sentence in (*row.means.values(), row.other.format(value="x"), row.absent or "."))
        assert all(sentence.count(".") < 5 for sentence in row.means.values())


def test_all_whose_absence_matters_is_asked_value_by_value_too() -> None:
    asked = {f"{key}\\{name}".lower() for key, names in policy.ONE_BY_ONE.items() for name in names}
    assert {f"{row.key}\\{row.name}".lower() for row in policies.ROWS if row.absent} <= asked


def test_every_row_stands_below_a_key_that_is_read() -> None:
    keys = policy.needs(HERE).keys
    for row in policies.ROWS:
        assert any(row.key == key.path or (key.deep and row.key.startswith(f"{key.path}\\")) for key in keys), row
    assert all(batch.is_fit(command) for command in reg_query.commands(keys))
