# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, quotas and shells; certificate mappings; the host as a client."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.codes.config_defaults import STORE
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import (
    DENIED,
    ClientEvidence,
    LimitsEvidence,
    MappingEvidence,
    PolicyValueEvidence,
    ShellEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.windows import client, httpsys, limits, mappings, policy
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Material
from host_material import element, here, registry, row


def winrs(**values: object) -> object:
    return element("<Config><Winrs>" + "".join(f"<{name}>{value}</{name}>" for name, value in values.items()) + "</Winrs></Config>")


def shell(owner: str) -> object:
    return row("Shell", Owner=owner, ResourceUri="urn:shell", ClientIP="192.0.2.1", ShellRunTime="P0DT0H1M", ShellInactivity="PT5S")


def of(circumstances: dict[str, t.Any] | None = None, **more: t.Any) -> LimitsEvidence:
    found = limits.evidence(Material(**{"registry": registry({httpsys.PARAMETERS: {}}), **more}), here(**(circumstances or {})))
    assert isinstance(found, LimitsEvidence)
    return found


def test_sizes_have_the_defaults_of_http_sys_unless_set() -> None:
    assert (of().max_field_length, of().max_request_bytes, of().problems) == (16384, 16384, ())
    found = of(registry=registry({httpsys.PARAMETERS: {"MaxFieldLength": 4096, "maxrequestbytes": 65534}}))
    assert (found.max_field_length, found.max_request_bytes) == (4096, 65534)
    assert [(one.kind, one.subject) for one in found.problems] == [("small_token", "MaxFieldLength")]


def test_sizes_that_may_not_be_read_are_unknown() -> None:
    found = of(registry=registry({}, {httpsys.PARAMETERS: DENIED}), resources={"shell": ()})
    assert (found.max_field_length, found.shells) == (Unknown(DENIED), ())


@pytest.mark.parametrize(("values", "expected"), [
    ({"MaxShellsPerUser": 30, "MaxMemoryPerShellMB": 1024, "MaxProcessesPerShell": 25, "MaxConcurrentUsers": 10}, []),
    ({"MaxShellsPerUser": 5, "MaxMemoryPerShellMB": 150}, ["Winrs/MaxShellsPerUser", "Winrs/MaxMemoryPerShellMB"]),
    ({"IdleTimeout": 1000, "MaxShellRunTime": 1}, []), ({"MaxShellsPerUser": "9" * 5000}, []), ({"MaxShellsPerUser": "²"}, []),
])
def test_quotas_below_every_default_are_small(values: dict[str, object], expected: list[str]) -> None:
    found = of(config=winrs(**values))
    assert [one.subject for one in found.problems] == expected
    assert isinstance(found.quotas, tuple)
    assert {one.path for one in found.quotas} == {f"Winrs/{name}" for name in values}


@pytest.mark.parametrize(("owners", "quotas", "expected"), [
    (["LAB\\a", "LAB\\a", "b"], {"MaxShellsPerUser": 2}, ["LAB\\a"]), (["a"], {"MaxShellsPerUser": 2}, []), (["a"], {}, []),
    (["", "", "LAB\\", "LAB\\"], {"MaxShellsPerUser": 2, "MaxConcurrentUsers": 1}, []), (["LAB\\a", "lab\\A"], {"MaxShellsPerUser": 2}, ["LAB\\a"]),
    (["a", "b"], {"MaxConcurrentUsers": 2}, ["Winrs/MaxConcurrentUsers"]), ([], {"MaxShellsPerUser": 0}, []),
])
def test_shells_are_counted_against_the_quotas(owners: list[str], quotas: dict[str, int], expected: list[str]) -> None:
    found = of(config=winrs(**quotas), resources={"shell": tuple(shell(owner) for owner in owners)})
    assert [one.subject for one in found.problems if one.kind == "shells_used_up"] == expected


@pytest.mark.parametrize(("circumstances", "own"), [
    ({"user": "svc@LAB.TEST"}, 2), ({"user": "LAB\\SVC"}, 2), ({"user": "svc", "reader": "Administrator"}, 1), ({}, 0),
])
def test_shells_of_the_reader_are_counted(circumstances: dict[str, str], own: int) -> None:
    found = of(circumstances, resources={"shell": (shell("LAB\\svc"), shell("svc"), shell("WEB01\\Administrator"))})
    assert found.own_shells == own
    assert isinstance(found.shells, tuple)
    assert found.shells[0] == ShellEvidence("LAB\\svc", "urn:shell", "192.0.2.1", "P0DT0H1M", "PT5S")


def test_quotas_and_policies_that_may_not_be_read_are_unknown_beside_what_is_known() -> None:
    refused = of(config=Unknown(DENIED), registry=registry({}, {"HKLM": DENIED}), resources={"shell": (shell("a"),)})
    assert (refused.quotas, refused.problems) == (Unknown(DENIED), ())
    told = element("<Config><Client><TrustedHosts>a</TrustedHosts></Client></Config>")
    found = client.evidence(Material(config=told, registry=registry({}, {"HKLM": DENIED})), here())
    assert isinstance(found, ClientEvidence)
    assert (found.trusted_hosts, found.policy) == (("a",), Unknown(DENIED))


def test_nothing_read_is_unknown_and_denied_wins() -> None:
    assert limits.evidence(Material(), here()) == Unknown("not read")
    assert limits.evidence(Material(resources={"shell": Unknown(DENIED)}), here()) == Unknown(DENIED)


def test_mappings_are_listed_without_their_passwords() -> None:
    one = row(URI="*", Subject="svc@lab.test", Issuer="ab " * 20, UserName="svc", Enabled="true", Password="hidden")
    off = row(URI="urn:x", Subject="*", Issuer="", UserName="WEB01\\x", Enabled="False")
    found = mappings.evidence(Material(resources={mappings.RESOURCE: (one, off)}), here())
    assert found == (MappingEvidence("*", "svc@lab.test", "AB" * 20, "svc"), MappingEvidence("urn:x", "*", "", "WEB01\\x", False))
    assert "hidden" not in repr(found)
    assert mappings.evidence(Material(resources={mappings.RESOURCE: Unknown(DENIED)}), here()) == Unknown(DENIED)
    assert mappings.evidence(Material(resources={mappings.RESOURCE: ()}), here()) == ()


@pytest.mark.parametrize(("text", "expected"), [
    ("", ()), ("*", ("*",)), ("web01, *.lab.test ,<local>", ("web01", "*.lab.test", "<local>")), (" a,,a ", ("a",)), ("a;b", ("a", "b")),
])
def test_trusted_hosts_are_split(text: str, expected: tuple[str, ...]) -> None:
    assert client.hosts_of(text) == expected


def test_the_client_part_is_told_with_its_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    values = tuple(PolicyValueEvidence("HKLM\\X", name, "1", "", area) for name, area in (("A", "winrm_client"), ("B", "ntlm"), ("C", "delegation")))
    monkeypatch.setattr(policy, "evidence", lambda material, circumstances: values)
    config = element("<Config><Client><TrustedHosts>a,b</TrustedHosts></Client><Service><IPv4Filter>*</IPv4Filter></Service></Config>")
    found = client.evidence(Material(config=config), here())
    assert isinstance(found, ClientEvidence)
    assert isinstance(found.policy, tuple)
    assert (found.trusted_hosts, [one.name for one in found.policy]) == (("a", "b"), ["A", "C"])
    assert [one.path for one in found.settings] == ["Client/TrustedHosts"]
    denied = client.evidence(Material(config=Unknown(DENIED)), here())
    assert isinstance(denied, ClientEvidence)
    assert (denied.settings, denied.trusted_hosts) == ((), Unknown(DENIED))


def test_the_client_part_comes_from_the_registry_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "evidence", lambda material, circumstances: Unknown(DENIED))
    found = client.evidence(Material(config=Unknown(DENIED), registry=registry({f"{STORE}\\Client": {"trusted_hosts": "*"}})), here())
    assert isinstance(found, ClientEvidence)
    assert (found.trusted_hosts, found.value("client/auth/basic")) == (("*",), "true")
    assert client.evidence(Material(config=Unknown(DENIED)), here()) == Unknown(DENIED)
