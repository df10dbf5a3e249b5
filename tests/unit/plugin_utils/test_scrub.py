# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets leave no result, and their absence does not give them away."""

from __future__ import annotations

import base64
import json
import typing as t
from urllib.parse import quote

import pytest
from ansible_collections.winrm.doctor.plugins.plugin_utils.scrub import MASK, Hidden, secret_variables


@pytest.fixture(autouse=True)
def no_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def hidden(password: str, username: str = "alice", **public: t.Any) -> Hidden:
    secrets = Hidden()
    secrets.add(password)
    secrets.add_login(username, password)
    secrets.show({"username": username, **public})
    return secrets


@pytest.mark.parametrize("password", ["Tr0ub4dor-zebra", "a{{ b }}%c", "quo'te\"d", "grün§ßx", "back\\slash9", "<xml>&x7", "with space q7", "x" * 300])
def test_a_password_is_taken_out_in_every_form(password: str) -> None:
    login = f"alice:{password}"
    forms = [
        password, repr(password), json.dumps(password), json.dumps(password, ensure_ascii=False), quote(password), quote(password, safe=""),
        base64.b64encode(login.encode()).decode(), base64.b64encode(login.encode("latin-1", "replace")).decode(),
        base64.b64encode(password.encode("utf-16-le")).decode(), f"http://alice:{quote(password, safe='')}@proxy:3128",
    ]
    for form in forms:
        cleaned = hidden(password).scrub({"a": [f"before {form} after", {"b": form}]})
        assert form.strip("'\"") not in json.dumps(cleaned, ensure_ascii=False)
        assert cleaned["a"][0].startswith("before ")
        assert cleaned["a"][0].endswith(" after")


def test_a_long_password_is_taken_out_inside_a_word_too() -> None:
    assert hidden("zq7-kx81pw").scrub("tokenzq7-kx81pwtail") == f"token{MASK}tail"


def test_a_short_password_is_taken_out_as_a_word_only() -> None:
    assert hidden("q7z").scrub(["login q7z failed", "fingerprint aq7zb"]) == [f"login {MASK} failed", "fingerprint aq7zb"]


@pytest.mark.parametrize("password", ["5985", "open", "refused", "the", "filtered", "https", "negotiate"])
def test_a_password_that_is_a_published_word_changes_nothing(password: str) -> None:
    result = {"port": 5985, "state": "open", "text": "Port 5985 is open, the other is refused or filtered. https negotiate", "schemes": ["negotiate"]}
    assert hidden(password).scrub(result) == result


def test_a_password_that_is_a_published_word_is_still_taken_out_beside_the_user_name() -> None:
    token = base64.b64encode(b"alice:open").decode()
    assert hidden("open").scrub(f"open http://alice:open@proxy Basic {token}") == f"open http://{MASK}@proxy Basic {MASK}"


@pytest.mark.parametrize(("password", "public"), [
    ("vagrant", {"username": "vagrant"}), ("web01", {"host": "web01.lab.test"}), ("lab.test", {"host": "web01.lab.test"}), ("8443", {"port": 8443}),
])
def test_a_password_that_equals_a_shown_value_changes_nothing(password: str, public: dict[str, t.Any]) -> None:
    result = {"seen": [*public.values(), f"about {password}."]}
    assert hidden(password, **public).scrub(result) == result


def test_a_password_inside_a_shown_value_is_taken_out_as_a_word_only() -> None:
    assert hidden("webserver", host="webserver01").scrub(["webserver01", "said webserver"]) == ["webserver01", f"said {MASK}"]


def test_numbers_booleans_and_keys_stay() -> None:
    result = {"zz4711zz": 4711, "number": 4711.5, "none": None, "true": True}
    secrets = Hidden()
    secrets.add("4711", "zz4711zz", "4711.5", "True", "None")
    assert secrets.scrub(result) == result


def test_a_longer_secret_is_not_left_in_halves() -> None:
    secrets = Hidden()
    secrets.add("zebra-x9", "zebra-x9-and-more")
    assert secrets.scrub("zebra-x9-and-more") == MASK


def test_punctuation_is_no_secret_worth_a_result() -> None:
    assert hidden("-").scrub("2026-11-23 - x") == "2026-11-23 - x"


def test_of_a_proxy_only_the_credentials_are_secret() -> None:
    secrets = Hidden()
    secrets.add_url("http://eve:p%40ss-77x@proxy.lab.test:3128/")
    assert secrets.scrub("http://eve:p%40ss-77x@proxy.lab.test:3128/ p@ss-77x") == f"http://{MASK}@proxy.lab.test:3128/ {MASK}"
    plain = Hidden()
    plain.add_url("http://proxy.lab.test:3128")
    assert plain.scrub("via http://proxy.lab.test:3128") == "via http://proxy.lab.test:3128"


def test_the_environment_s_proxy_password_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://eve:env-pw-91x@proxy:3128")
    assert Hidden().scrub({"variables": {"HTTPS_PROXY": "http://eve:env-pw-91x@proxy:3128"}}) == {"variables": {"HTTPS_PROXY": f"http://{MASK}@proxy:3128"}}


def test_secret_looking_variables_are_found_whoever_reads_them() -> None:
    secret = ["ansible_password", "ansible_psrp_password", "ansible_winrm_pass", "ansible_become_pass", "ansible_psrp_certificate_key_password",
              "ansible_winrm_proxy", "ansible_key_passphrase", "ansible_api_token"]
    assert secret_variables([*secret, "ansible_user", "ansible_host", "ansible_psrp_ignore_proxy_x", "password_policy"]) == secret
