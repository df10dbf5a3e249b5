# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""krb5.conf as MIT reads it (krb5.conf(5)), and ticket caches in MIT's file format."""

from __future__ import annotations

import ctypes
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect.krb5conf import kerberos_evidence, read_cache, read_profile

CONF = """
# a comment
[libdefaults]
    default_realm = LAB.TEST
    rdns = false      ; not a comment, but part of the value
    dns_canonicalize_hostname = fallback
    permitted_enctypes = "aes256-cts aes128-cts"
[realms]
    LAB.TEST = {
        kdc = dc1.lab.test
        kdc = dc2.lab.test:88
        auth_to_local_names = {
            a = b
        }
    }
    OTHER.TEST = {
        kdc = dc.other.test
    }*
[domain_realm]
    .lab.test = LAB.TEST
    lab.test = LAB.TEST
[libdefaults]
    default_realm = LATER.TEST
"""


def conf(folder: Path, text: str, name: str = "krb5.conf") -> dict[str, str]:
    (folder / name).write_text(text, encoding="utf-8")
    return {"KRB5_CONFIG": str(folder / name), "KRB5CCNAME": f"FILE:{folder}/nothing"}


def test_what_decides_is_read(tmp_path: Path) -> None:
    seen = kerberos_evidence(conf(tmp_path, CONF))
    assert (seen.config_error, seen.default_realm) == (None, "LAB.TEST")
    assert [(realm.name, realm.kdcs) for realm in seen.realms] == [("LAB.TEST", ("dc1.lab.test", "dc2.lab.test:88")), ("OTHER.TEST", ("dc.other.test",))]
    assert seen.domain_realm == ((".lab.test", "LAB.TEST"), ("lab.test", "LAB.TEST"))
    settings = dict(seen.settings)
    assert settings["dns_canonicalize_hostname"] == "fallback"
    assert settings["permitted_enctypes"] == "aes256-cts aes128-cts"
    assert (settings["kdc_timesync"], settings["clockskew"]) == ("1", "300"), "MIT's defaults where the file says nothing"


def test_first_file_and_first_value_count(tmp_path: Path) -> None:
    first = conf(tmp_path, "[libdefaults]\n rdns = false\n rdns = true\n", "a")["KRB5_CONFIG"]
    second = conf(tmp_path, "[libdefaults]\n rdns = maybe\n clockskew = 60\n", "b")["KRB5_CONFIG"]
    settings = dict(kerberos_evidence({"KRB5_CONFIG": f"{first}:{tmp_path}/missing:{second}"}).settings)
    assert (settings["rdns"], settings["clockskew"]) == ("false", "60")


def test_includes_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "krb5.conf.d"
    folder.mkdir()
    (folder / "realm").write_text("[libdefaults]\n default_realm = INCLUDED\n")
    (folder / "realm.conf").write_text("[libdefaults]\n clockskew = 99\n")
    (folder / "realm.bak~").write_text("[libdefaults]\n clockskew = 1\n")
    seen = kerberos_evidence(conf(tmp_path, f"includedir {folder}\n"))
    assert (seen.default_realm, dict(seen.settings)["clockskew"]) == ("INCLUDED", "99")
    assert len(seen.config_files) == 3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[libdefaults]\n default_realm\n", "line 2: no equals sign: 'default_realm'"),
        ("[realms]\n A = {\n kdc = b\n[libdefaults]\n", "line 4: a new section while the brace of 'A' is open: '[libdefaults]'"),
        ("[libdefaults]\n default_realm =\n rdns = false\n", "line 3: 'default_realm' has neither a value nor an opening brace on the next line"),
        ("[libdefaults]\n default realm = X\n", "line 2: a name with a space in it: 'default realm = X'"),
        ("[libdefaults]\n = X\n", "line 2: no name before the equals sign: '= X'"),
        ("[libdefaults] x\n", "line 1: not a section heading: '[libdefaults] x'"),
        ("[libdefaults]\n include /etc/hosts\n", "line 2: no equals sign: 'include /etc/hosts'"),
        ("[realms]\n }\n", "line 2: a closing brace without an opening one: '}'"),
        ("include /nowhere\n", "line 1: include of /nowhere, which does not exist"),
    ],
)
def test_mistake_is_told_with_its_line(tmp_path: Path, text: str, error: str) -> None:
    said = kerberos_evidence(conf(tmp_path, text)).config_error
    assert said is not None
    assert said.endswith(error)


def test_missing_file_that_was_asked_for_is_a_mistake(tmp_path: Path) -> None:
    assert read_profile({"KRB5_CONFIG": f"{tmp_path}/x"}).error == f"KRB5_CONFIG names {tmp_path}/x, which does not exist"


CASES = {
    "brace on the next line": ("[realms]\n A =\n {\n  kdc = k1\n }\n",),
    "comment after a brace": ("[realms]\n A = {\n  kdc = k1\n } # end\n[libdefaults]\n default_realm = X\n",),
    "missing brace at the end": ("[realms]\n A = {\n  kdc = k1\n",),
    "no value at the end": ("[libdefaults]\n rdns = false\n default_realm =\n",),
    "new section inside a brace": ("[realms]\n A = {\n  kdc = k1\n[libdefaults]\n default_realm = X\n",),
    "name without a value": ("[libdefaults]\n default_realm =\n rdns = false\n",),
    "space in a name": ("[libdefaults]\n default realm = X\n",),
    "star after a value": ("[libdefaults]\n default_realm = X*\n",),
    "final section": ("[libdefaults]*\n default_realm = X\n", "[libdefaults]\n rdns = false\n"),
    "final realm": ("[realms]\n A* = {\n  kdc = k1\n }\n", "[realms]\n A = {\n  kdc = k2\n }\n"),
    "final by its closing brace": ("[realms]\n A = {\n  kdc = k1\n }*\n", "[realms]\n A = {\n  kdc = k2\n }\n"),
    "list over two files": ("[realms]\n A = {\n  kdc = k1\n }\n", "[realms]\n A = {\n  kdc = k2\n }\n"),
    "text before the first section": ("hello\n[libdefaults]\n default_realm = X\n",),
    "indented heading": ("  [libdefaults]\n default_realm = X\n",),
    "indented include": ("[libdefaults]\n include /etc/hosts\n rdns = false\n",),
    "form feed": ("[libdefaults]\n default_realm = X\x0cY\n rdns = false\n",),
    "carriage returns": ("[libdefaults]\r\n default_realm = X\r\n[realms]\r\n A = {\r\n  kdc = k1\r\n }\r\n",),
    "quotes": ('[libdefaults]\n default_realm = "X Y" z\n',),
    "broken second file": ("[libdefaults]\n default_realm = X\n", "[libdefaults\n"),
}
ASK_MIT = """
import ctypes, json
krb5, context, profile, text = ctypes.CDLL("libkrb5.so.3"), ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_char_p()
if krb5.krb5_init_context(ctypes.byref(context)):
    raise SystemExit(print("null"))
krb5.krb5_get_profile(context, ctypes.byref(profile))
def values(*names):
    wanted, found = (ctypes.c_char_p * (len(names) + 1))(*names, None), ctypes.POINTER(ctypes.c_char_p)()
    if krb5.profile_get_values(profile, wanted, ctypes.byref(found)):
        return []
    told = []
    while found[len(told)]:
        told.append(found[len(told)].decode())
    return told
print(json.dumps([values(b"libdefaults", b"default_realm")[:1], values(b"libdefaults", b"rdns")[:1], values(b"realms", b"A", b"kdc")]))
"""


def ask_mit(config: str) -> object:
    """What MIT's own library makes of it, in a process of its own; None where it refuses the files."""
    try:
        ctypes.CDLL("libkrb5.so.3")
    except OSError:
        pytest.skip("MIT's libkrb5 is not installed")
    done = subprocess.run([sys.executable, "-c", ASK_MIT], env={**os.environ, "KRB5_CONFIG": config}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("texts", CASES.values(), ids=CASES.keys())
def test_read_as_mit_reads_it(tmp_path: Path, texts: tuple[str, ...]) -> None:
    config = ":".join(conf(tmp_path, text, f"part{number}")["KRB5_CONFIG"] for number, text in enumerate(texts))
    profile = read_profile({"KRB5_CONFIG": config})
    seen = [[*profile.all("libdefaults", name)[:1]] for name in ("default_realm", "rdns")] + [[*profile.all("realms", "A", "kdc")]]
    assert (None if profile.error else seen) == ask_mit(config)


def test_folder_of_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "one").write_text("[libdefaults]\n default_realm = X\n")
    (tmp_path / "two.conf").write_text("[libdefaults]\n rdns = false\n")
    (tmp_path / "one~").write_text("[libdefaults\n")
    profile = read_profile({"KRB5_CONFIG": str(tmp_path)})
    assert (profile.error, profile.first("libdefaults", "default_realm"), profile.first("libdefaults", "rdns")) == (None, "X", "false")
    assert ask_mit(str(tmp_path)) == [["X"], ["false"], []]


def counted(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def principal(realm: bytes, *names: bytes) -> bytes:
    return struct.pack(">II", 1, len(names)) + counted(realm, *names)


def credential(client: bytes, server: bytes, ends: int) -> bytes:
    key = struct.pack(">H", 18) + counted(b"k" * 32)
    times = struct.pack(">IIII", 1, 1, ends, ends)
    return client + server + key + times + b"\x00" + b"\x00" * 4 + struct.pack(">II", 0, 0) + counted(b"ticket", b"")


def test_ticket_cache_tells_whose_and_how_long(tmp_path: Path) -> None:
    user = principal(b"LAB.TEST", b"alice")
    file = tmp_path / "cc"
    header = b"\x05\x04" + struct.pack(">HHH", 4 + 8, 1, 8) + b"\x00" * 8
    service = credential(user, principal(b"LAB.TEST", b"HTTP", b"web01"), 5)
    file.write_bytes(header + user + service + credential(user, principal(b"LAB.TEST", b"krbtgt", b"LAB.TEST"), 1_775_688_480))
    assert read_cache(f"FILE:{file}") == ("alice@LAB.TEST", "2026-04-08T22:48:00Z", None)
    file.write_bytes(header + user)
    assert read_cache(str(file)) == ("alice@LAB.TEST", None, "the cache holds no ticket-granting ticket")


@pytest.mark.parametrize("data", [b"", b"\x05\x04", b"hello world", b"\x05\x04\x00\x00" + b"\xff" * 40])
def test_broken_cache_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cc").write_bytes(data)
    _principal, _expires, error = read_cache(f"FILE:{tmp_path}/cc")
    assert error is not None
    assert error.startswith(f"{tmp_path}/cc is not a ticket cache: ")


def test_other_kinds_of_cache_are_named() -> None:
    assert read_cache("KCM:0")[2] == "a ticket cache of type KCM is not read here; klist shows it"


def test_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    seen = kerberos_evidence({"KRB5_CONFIG": conf(tmp_path, "[libdefaults]\n default_ccache_name = FILE:a\0b\n")["KRB5_CONFIG"]})
    assert seen.cache_error == "a\0b: embedded null byte"
    assert kerberos_evidence(conf(tmp_path, "includedir /a\0b\n")).config_error == f"{tmp_path}/krb5.conf, line 1: includedir /a\0b: embedded null byte"
