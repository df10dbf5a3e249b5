# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a user's own ticket cache that is of no use; libkrb5 is played."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.codes.kerberos import MIT_BASE
from ansible_collections.winrm.doctor.plugins.module_utils.directory.tickets import Tickets

CACHE = "FILE:/tmp/krb5cc_1000"


class Krb5Error(Exception):
    """As python-krb5 raises it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"No credentials cache found {code}")
        self.err_code = MIT_BASE + code


class Held(t.List[t.Any]):
    """A cache with these tickets."""

    principal = types.SimpleNamespace(name=b"svc@LAB.TEST", realm=b"LAB.TEST")


def play(monkeypatch: pytest.MonkeyPatch, held: Held | Exception) -> None:
    def resolve(_context: object, _name: bytes) -> Held:
        if isinstance(held, Exception):
            raise held
        return held

    monkeypatch.setattr(deps, "krb5", types.SimpleNamespace(Krb5Error=Krb5Error, init_context=lambda: None, cc_resolve=resolve))


def ticket(service: bytes, ends: int) -> t.Any:
    return types.SimpleNamespace(server=types.SimpleNamespace(name=service), times=types.SimpleNamespace(endtime=ends))


@pytest.mark.parametrize(
    ("held", "code", "said"),
    [
        (Krb5Error(195), 195, f"There is no ticket cache {CACHE}"),
        (Krb5Error(141), 141, f"There is no ticket cache {CACHE}"),
        (Held([ticket(b"HTTP/web01@LAB.TEST", 4_000_000_000)]), 195, f"{CACHE} holds no ticket-granting ticket"),
        (Held([ticket(b"krbtgt/LAB.TEST@LAB.TEST", 1_000_000_000)]), 32, f"The ticket-granting ticket in {CACHE} expired at 2001-09-09T01:46:40Z"),
    ],
)
def test_a_cache_of_no_use_comes_with_what_to_do(monkeypatch: pytest.MonkeyPatch, held: Held | Exception, code: int, said: str) -> None:
    play(monkeypatch, held)
    step = Tickets().adopt(CACHE)
    assert (step.outcome, step.code) == ("failed", code)
    assert step.means == f"{said}: run kinit, or set a password to get one with."


def test_any_other_failure_is_told_as_libkrb5_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, Krb5Error(156))
    assert Tickets().adopt(CACHE).means.startswith(f"No ticket-granting ticket for {CACHE}: 156 (")
