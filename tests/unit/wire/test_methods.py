# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of a logon: how often a password is shown under one permit."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import methods


@pytest.mark.parametrize(
    ("method", "once", "kerberos", "made"),
    [
        ("credssp", True, True, ["ntlm", "credssp with ntlm inside"]), ("credssp", False, True, ["credssp"]), ("credssp", True, False, ["credssp"]),
        ("negotiate", True, True, ["ntlm"]), ("negotiate", False, True, ["ntlm"]), ("negotiate", True, False, ["negotiate"]), ("ntlm", True, True, ["ntlm"]),
    ],
)
def test_unproven_password_is_shown_to_the_host_alone(monkeypatch: pytest.MonkeyPatch, method: str, once: bool, kerberos: bool, made: list[str]) -> None:
    """negotiate, which CredSSP has inside, asks the KDC first and says nothing of its refusal: then NTLM would be the second failure."""
    asked: list[str] = []
    client = deps.spnego.client

    def counted(*who: t.Any, protocol: str, credssp_negotiate_context: t.Any = None, **more: t.Any) -> t.Any:
        asked.append(f"{protocol} with {credssp_negotiate_context.negotiated_protocol} inside" if credssp_negotiate_context else protocol)
        inside = {"credssp_negotiate_context": credssp_negotiate_context} if credssp_negotiate_context else {}
        return client(*who, protocol="ntlm" if protocol == "negotiate" else protocol, **inside, **more)

    monkeypatch.setattr(deps, "speaks_kerberos", lambda: kerberos)
    monkeypatch.setattr(deps.spnego, "client", counted)
    target = from_params({"host": "web01", "username": "administrator", "password": "secret", "auth": [method]})
    methods.method_for(method, target, None, "", ("Negotiate", "CredSSP"), once=once)
    assert asked == made
