# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ticket caches that outlive a task: their names, their folder, what is told of them."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory import caches
from ansible_collections.winrm.doctor.plugins.module_utils.directory.caches import CacheEvidence, TicketEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError

START, END, LATER = "2026-04-08T22:48:00Z", "2026-04-09T08:48:00Z", "2026-04-09T09:48:00Z"


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        ("svc@LAB.TEST", "svc@LAB.TEST"),
        ("a b/c@LAB.TEST", "a%20b%2fc@LAB.TEST"),
        ("../../etc/x@LAB.TEST", "..%2f..%2fetc%2fx@LAB.TEST"),
        ("j\u00fcrgen@LAB.TEST", "j%c3%bcrgen@LAB.TEST"),
        ("a%20b@LAB.TEST", "a%2520b@LAB.TEST"),
    ],
)
def test_file_name_is_harmless_and_belongs_to_one_principal(principal: str, name: str) -> None:
    assert caches.file_name(principal) == name


def test_long_principals_get_names_of_their_own() -> None:
    one, other = caches.file_name("a" * 300 + "@LAB.TEST"), caches.file_name("a" * 301 + "@LAB.TEST")
    assert one != other
    assert len(one) == len(other) <= 120


def test_private_name_is_the_same_in_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert caches.private_name("svc@LAB.TEST") == f"FILE:{tmp_path}/winrm.doctor-{os.geteuid()}/krb5cc_svc@LAB.TEST"


def test_folder_is_made_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made = Path(caches.make_folder())
    assert made.stat().st_mode & 0o777 == 0o700
    assert caches.make_folder() == str(made)


def readable(path: Path) -> None:
    path.mkdir(mode=0o755)
    path.chmod(0o755)


def link(path: Path) -> None:
    path.with_name("elsewhere").mkdir(mode=0o700)
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("trap", [readable, link, Path.touch], ids=["readable", "link", "file"])
def test_folder_that_others_prepared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: t.Callable[[Path], None]) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    trap(Path(caches.folder_path()))
    with pytest.raises(DoctorError, match="is not a folder of this user alone, so no ticket is put there"):
        caches.make_folder()


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0, ()), (0x40000000, ("forwardable",)), (0x00E10000, ("renewable", "initial", "pre_authent", "enc_pa_rep")), (0x00008000, ("anonymous",)),
        (0x00020000, ()),
    ],
)
def test_flags_by_name(bits: int, names: tuple[str, ...]) -> None:
    assert caches.flags_of(bits) == names


@pytest.mark.parametrize(("seconds", "text"), [(0, "1970-01-01T00:00:00Z"), (1_775_688_480, START), (-1, "2106-02-07T06:28:15Z")])
def test_moments_beyond_2038(seconds: int, text: str) -> None:
    assert caches.moment(seconds) == text


def test_granting_ticket_is_the_longest_of_the_own_realm() -> None:
    tickets = (
        TicketEvidence("krbtgt/OTHER.TEST@LAB.TEST", START, LATER), TicketEvidence("krbtgt/LAB.TEST@LAB.TEST", START, START),
        TicketEvidence("krbtgt/LAB.TEST@LAB.TEST", START, END), TicketEvidence("HTTP/web01.lab.test", START, LATER),
    )
    assert CacheEvidence("FILE:x", "svc@LAB.TEST", tickets).granting() == tickets[2]
    assert CacheEvidence("FILE:x", "svc@LAB.TEST").granting() is None
