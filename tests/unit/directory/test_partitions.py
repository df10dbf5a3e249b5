# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which domain of a forest a user name means."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory import partitions
from directories import BASE, Folder

FOREST = {"ad.example.com": "corp", "child.ad.example.com": "child", "ad.other.example": "ad"}


@pytest.mark.parametrize(
    ("username", "known", "ours"),
    [
        ("bob", FOREST, True), ("bob@ad.example.com", FOREST, True), ("bob@AD.Example.com", {}, True), ("ad.example.com\\bob", {}, True),
        ("CORP\\bob", FOREST, True), ("bob@corp", FOREST, True), ("AD\\bob", FOREST, False), ("CHILD\\bob", FOREST, False),
        ("bob@example.com", FOREST, False), ("bob@example.com", {}, False), ("bob@child.ad.example.com", FOREST, False),
        ("AD\\bob", {}, True), ("AD\\bob", {"ad.example.com": ""}, True), ("CORP\\bob", {}, False),
    ],
)
def test_whose_account_a_name_means(username: str, known: dict[str, str], ours: bool) -> None:
    assert partitions.is_of(username, "ad.example.com", known) is ours


def test_both_names_of_the_domains_are_read() -> None:
    there = Folder(domains=())
    there.add(f"CN=LAB,CN=Partitions,CN=Configuration,{BASE}", objectClass=["crossRef"], dnsRoot=["Lab.test"], nETBIOSName=["LABOR"])
    known = partitions.domains(there)
    assert known == {"lab.test": "labor"}
    assert (partitions.called("labor", known), partitions.called("lab.test", known), partitions.called("", known)) == ("lab.test", "lab.test", "")
