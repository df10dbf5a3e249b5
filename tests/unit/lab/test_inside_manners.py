# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However the lab's Windows puts it, our reader understands the same: every manner in which a real one may differ, one after the other."""

from __future__ import annotations

import base64
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect.host import deepened
from ansible_collections.winrm.doctor.plugins.module_utils.collect.inside import Reading, together
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import HttpEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import LegEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import access, config, domain, firewall, limits, listeners, mappings, services, system
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Material
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import Answer, Session
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import Client, Faulted
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.faults import with_fault
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.stdregprov import StdRegProv
from lab.inside import profiles
from lab.inside.manners import MANNERS
from lab.inside.model import Inside, Mapping
from lab.logon import converse
from lab.messages import Account, Request, Windows
from scripted import Scripted

HERE = Circumstances(at=1_700_000_000.0, host="web01.lab.test", port=5985, scheme="http", user="LAB\\admin")
SUBSETS = (config, listeners, services, firewall, limits, access, domain, mappings, system)
LSA = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa"


class Living(Scripted):
    """A session whose other end is the stand-in itself."""

    def __init__(self, inside: Inside) -> None:
        super().__init__()
        accounts = {"admin": Account("secret", local=True)}
        windows = Windows(inside.computer, "LAB", "lab.test", schemes=("Basic",), accounts=accounts, allow_unencrypted=True, inside=inside)
        self.to = converse(windows, certificate=None)

    def ask(self, message: bytes, what: str) -> Answer:
        self.requests += 1
        headers = {"host": "web01", "content-type": "application/soap+xml", "authorization": "Basic " + base64.b64encode(b"admin:secret").decode()}
        reply = self.to.answer(Request("POST", "/wsman", headers, message))
        return with_fault(Answer(LegEvidence(what, HttpEvidence(status=reply.status, body_bytes=len(reply.body)), sealed=True), reply.body))


def inside(**changed: t.Any) -> Inside:
    state = profiles.fresh(domain="LAB", dns_domain="lab.test")
    return replace(state, mappings=(Mapping("*", "u@localhost", "AB" * 20, "u"),), policy_config={"Service/IPv4Filter": "*"}, **changed)


def read(state: Inside) -> tuple[Material, Reading]:
    reading = Reading(Client(t.cast(Session, Living(state))), Deadline(60))
    material = reading.read(together(subset.needs(HERE) for subset in SUBSETS))
    return deepened(reading, material, HERE), reading


EVERY = [(name, choice) for name, manner in MANNERS.items() for choice in manner.choices[1:] if choice != "expired"]


@pytest.mark.parametrize(("name", "choice"), EVERY)
def test_the_reader_understands_every_manner_alike(name: str, choice: str) -> None:
    usual, _reading = read(inside())
    found, reading = read(inside(manner={name: choice}))
    assert not reading.gaps
    for subset in SUBSETS:
        expected = subset.evidence(usual, HERE)
        assert not isinstance(expected, Unknown), subset
        assert subset.evidence(found, HERE) == expected, subset


REFUSING = [(name, choice) for name in ("denied", "wmi_denied") for choice in MANNERS[name].choices]


@pytest.mark.parametrize(("name", "choice"), REFUSING)
def test_every_manner_of_refusing_is_understood_as_one(name: str, choice: str) -> None:
    everything = ("config", "config/listener", "config/service/certmapping", "shell", "cmd", "wmi")
    material, reading = read(inside(manner={name: choice}, forbidden=everything))
    assert material.config == Unknown(DENIED)
    assert {one for one in (*material.resources.values(), *material.queries.values()) if isinstance(one, Unknown)} == {Unknown(DENIED)}
    assert not reading.gone


@pytest.mark.parametrize("manner", [{}, {"return_value": "first"}, {"null": "absent"}, {"registry_class": "cimv2"}])
def test_the_registry_value_by_value_in_every_manner(manner: dict[str, str]) -> None:
    provider = StdRegProv(Client(t.cast(Session, Living(inside(manner=manner, forbidden=("registry:HKLM\\SOFTWARE\\Closed",))))))
    assert provider.value(LSA, "LimitBlankPasswordUse") == ("REG_DWORD", 1)
    assert provider.value(LSA, "Authentication Packages") == ("REG_MULTI_SZ", ("msv1_0",))
    assert provider.value(LSA, "Nothing") is None
    assert provider.subkeys("HKLM\\SOFTWARE\\Nothing") is None
    with pytest.raises(Faulted) as caught:
        provider.subkeys("HKLM\\SOFTWARE\\Closed")
    assert caught.value.denied


def test_lost_contexts_leave_the_first_item() -> None:
    client = Client(t.cast(Session, Living(inside(manner={"contexts": "expired"}))))
    found = client.enumerate("wmi/root/cimv2/Win32_Service")
    assert [item.get("Name") for item in found.items] == ["WinRM"]
    assert isinstance(found.error, Faulted)
    assert found.error.fault.code == 2150858779
