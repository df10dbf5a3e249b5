# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further ways into a host: what an item sets, and what it takes from the inventory."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.target import alternate, from_params, same_account

OWN = from_params({
    "host": "web01", "port": 5986, "username": "LAB\\svc", "password": "p", "auth": ["kerberos"], "client_cert": "/c.pem", "client_key": "/k.pem",
})


@pytest.mark.parametrize(
    ("given", "way", "name"),
    [
        ({"scheme": "http"}, ("http", 5985, ("kerberos",)), "kerberos over http on port 5985"),
        ({"port": 15986}, ("https", 15986, ("kerberos",)), "kerberos over https on port 15986"),
        ({"auth": ["ntlm", "basic"], "name": "plan B", "username": None, "password": None}, ("https", 5986, ("ntlm", "basic")), "plan B"),
    ],
)
def test_an_item_without_an_account_is_the_inventorys_by_another_way(given: dict[str, t.Any], way: tuple[t.Any, ...], name: str) -> None:
    told, target = alternate(OWN, given, 1)
    assert (target.scheme, target.port, target.auth) == way
    assert (target.username, target.password, target.client_cert, target.client_key) == ("LAB\\svc", "p", "/c.pem", "/k.pem")
    assert told == name
    assert same_account(target, OWN)


def test_name_password_and_certificate_never_mix() -> None:
    _name, target = alternate(OWN, {"username": "boss"}, 1)
    assert (target.username, target.password, target.client_cert, target.client_key) == ("boss", None, None, None)
    _name, target = alternate(OWN, {"client_cert": "/other.pem"}, 1)
    assert (target.username, target.password, target.client_cert, target.client_key) == (None, None, "/other.pem", None)
    assert not same_account(target, OWN)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"password": "x"}, "Item 2 of alternate_logons has no username"), ({"username": "", "auth": ["ntlm"]}, "Item 2 of alternate_logons has no username"),
        ({}, "Item 2 of alternate_logons is the inventory's own way. Expected: another port, scheme or method, or an account"),
        ({"name": "same", "port": 5986}, "Item 2 of alternate_logons is the inventory's own way"),
        ({"username": "boss", "port": 0}, "The port of alternate_logons item 2 is 0"),
    ],
)
def test_an_item_that_is_no_other_way_is_an_error(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(DoctorError) as caught:
        alternate(OWN, given, 2)
    assert words in caught.value.sentence
