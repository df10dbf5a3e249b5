# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options are checked against the spec, and what is wrong with them is said in one sentence."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.plugin_utils.options import check_options, public_options
from ansible_collections.winrm.doctor.plugins.plugin_utils.plain import plain

SPEC: dict[str, dict[str, t.Any]] = {
    "port": {"type": "int", "aliases": ["listen_port"]},
    "timeout": {"type": "float", "default": 20.0},
    "scheme": {"type": "str", "choices": ["http", "https"]},
    "auth": {"type": "list", "elements": "str", "choices": ["ntlm", "basic"]},
    "ports": {"type": "list", "elements": "int"},
    "check": {"type": "bool", "default": True},
    "password": {"type": "str", "no_log": True},
    "pin": {"type": "int", "no_log": True},
    "logons": {"type": "list", "elements": "dict", "options": {
        "password": {"type": "str", "no_log": True}, "port": {"type": "int"}, "pin": {"type": "int", "no_log": True},
        "auth": {"type": "list", "elements": "str", "choices": ["ntlm", "basic"]},
    }},
}


def test_values_are_converted_and_secrets_are_collected() -> None:
    params, secrets = check_options(SPEC, {"port": "5985", "auth": "ntlm,basic", "check": "no", "password": "a", "logons": [{"password": "b"}]}, {})
    assert params["port"] == 5985
    assert params["auth"] == ["ntlm", "basic"]
    assert params["check"] is False
    assert params["timeout"] == 20.0
    assert secrets == {"a", "b"}


@pytest.mark.parametrize(("params", "sentence"), [
    ({"port": "five"}, "The option port is 'five'. Expected: a whole number."),
    ({"listen_port": "five"}, "The option listen_port is 'five'. Expected: a whole number."),
    ({"timeout": "soon"}, "The option timeout is 'soon' (from the inventory). Expected: a number."),
    ({"scheme": "ftp"}, "The option scheme is 'ftp'. Expected: one of http, https."),
    ({"auth": ["magic"]}, "The option auth is ['magic']. Expected: a list out of ntlm, basic."),
    ({"ports": ["x"]}, "The option ports is ['x']. Expected: a list, each item a whole number."),
    ({"check": "perhaps"}, "The option check is 'perhaps'. Expected: true or false."),
    ({"pin": "s3cret"}, "The option pin is a value that is not shown. Expected: a whole number."),
    ({"logons": [{"password": "s3cret", "port": "x"}]}, "The port of logons item 1 is 'x'. Expected: a whole number."),
    ({"logons": [{"port": 1}, {"user": "x", "password": "s3cret"}]}, "Item 2 of logons has no key user; there are auth, password, pin, port."),
    ({"logons": [{"user": "x", "paswd": "s3cret"}]}, "Item 1 of logons has no keys paswd, user; there are auth, password, pin, port."),
    ({"logons": "user=x"}, "Item 1 of logons has no key user; there are auth, password, pin, port."),
    ({"logons": [{"auth": ["ntlm", "magic"]}]}, "The auth of logons item 1 is ['ntlm', 'magic']. Expected: a list out of ntlm, basic."),
    ({"logons": [{"pin": "s3cret"}]}, "The pin of logons item 1 is a value that is not shown. Expected: a whole number."),
    ({"logons": [{}, "s3cret"]}, "Item 2 of logons is no dictionary. Expected: a dictionary with keys out of auth, password, pin, port."),
    ({"logons": [5]}, "Item 1 of logons is no dictionary. Expected: a dictionary with keys out of auth, password, pin, port."),
    ({"logons": {"port": 1}}, "The option logons is a dictionary or list of dictionaries. Expected: a list, each item a dictionary."),
    ({"prot": 1, "port": "five"}, "There is no option prot. Expected: one of auth, check, logons, password, pin, port, ports, scheme, timeout."),
])
def test_an_error_names_option_value_and_expectation(params: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(DoctorError) as caught:
        check_options(SPEC, params, {"timeout": "the inventory"})
    assert caught.value.sentence == sentence


def test_public_options_are_set_and_not_secret() -> None:
    assert public_options(SPEC, {"port": 1, "scheme": None, "password": "a"}) == {"port": 1}


def test_plain_makes_builtin_json_types() -> None:
    class Text(str):
        pass

    class Number(int):
        pass

    value = plain({Text("k"): (Text("v"), Number(3), True, None, 1.5, {"b", "a"}, b"x", datetime.date(2020, 1, 2))})
    assert value == {"k": ["v", 3, True, None, 1.5, ["a", "b"], "x", "2020-01-02"]}
    assert [type(item) for item in value["k"]] == [str, int, bool, type(None), float, list, str, str]
    assert [type(key) for key in value] == [str]
