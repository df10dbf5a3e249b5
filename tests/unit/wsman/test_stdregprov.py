# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry by StdRegProv: every type of value, what is absent, what is denied, and answers that make no sense."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import Faulted, Lost, WsmanError
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.stdregprov import StdRegProv
from scripted import Reply, client, envelope, fault, output

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
KEY = r"HKLM\SOFTWARE\Policies"


def listing(**types: int) -> bytes:
    names = "".join(f"<q:sNames>{name}</q:sNames>" for name in types)
    return output("EnumValues", names + "".join(f"<q:Types>{number}</q:Types>" for number in types.values()))


@pytest.mark.parametrize(
    ("number", "method", "inner", "expected"),
    [
        (1, "GetStringValue", "<q:sValue> a b </q:sValue>", ("REG_SZ", " a b ")),
        (1, "GetStringValue", '<q:sValue xsi:nil="true"/>', ("REG_SZ", "")),
        (2, "GetExpandedStringValue", "<q:sValue>C:\\Windows</q:sValue>", ("REG_EXPAND_SZ", "C:\\Windows")),
        (3, "GetBinaryValue", "<q:uValue>0</q:uValue><q:uValue>255</q:uValue>", ("REG_BINARY", b"\x00\xff")),
        (3, "GetBinaryValue", "<q:uValue>7</q:uValue>", ("REG_BINARY", b"\x07")),
        (3, "GetBinaryValue", "", ("REG_BINARY", b"")),
        (4, "GetDWORDValue", "<q:uValue>4294967295</q:uValue>", ("REG_DWORD", 4294967295)),
        (7, "GetMultiStringValue", "<q:sValue>one</q:sValue><q:sValue></q:sValue><q:sValue>two</q:sValue>", ("REG_MULTI_SZ", ("one", "", "two"))),
        (7, "GetMultiStringValue", "<q:sValue>one</q:sValue>", ("REG_MULTI_SZ", ("one",))),
        (7, "GetMultiStringValue", '<q:sValue xsi:nil="true"/>', ("REG_MULTI_SZ", ())),
        (11, "GetQWORDValue", "<q:uValue>18446744073709551615</q:uValue>", ("REG_QWORD", 2**64 - 1)),
        (0, "GetBinaryValue", "<q:uValue>1</q:uValue>", ("REG_NONE", b"\x01")),
        (8, "GetBinaryValue", "<q:uValue>1</q:uValue>", ("REG_BINARY", b"\x01")),
    ],
)
def test_types_of_values(number: int, method: str, inner: str, expected: tuple[str, t.Any]) -> None:
    talk, session = client(listing(Name=number), output(method, inner))
    assert StdRegProv(talk).value(KEY, "NAME") == expected
    assert session.actions == ["EnumValues", method]
    asked = session.asked[1]
    assert (asked.first_text("hDefKey"), asked.first_text("sSubKeyName"), asked.first_text("sValueName")) == ("2147483650", r"SOFTWARE\Policies", "NAME")


def test_returnvalue_may_stand_anywhere() -> None:
    talk, _session = client(envelope("<q:EnumKey_OUTPUT xmlns:q='q'><q:ReturnValue>0</q:ReturnValue><q:sNames>a</q:sNames></q:EnumKey_OUTPUT>"))
    assert StdRegProv(talk).subkeys(KEY) == ("a",)


def test_default_value_has_no_name_and_types_are_asked_once() -> None:
    talk, session = client(output("EnumValues", "<q:sNames></q:sNames><q:sNames>b</q:sNames><q:Types>1</q:Types><q:Types>4</q:Types>"))
    registry = StdRegProv(talk)
    assert registry.values(KEY) == (("", 1), ("b", 4))
    assert registry.value(KEY.lower(), "c") is None
    assert session.requests == 1


@pytest.mark.parametrize("inner", ["", '<q:sNames xsi:nil="true"/><q:Types xsi:nil="true"/>'])
def test_key_without_anything(inner: str) -> None:
    talk, _session = client(output("EnumValues", inner), output("EnumKey", inner))
    registry = StdRegProv(talk)
    assert registry.values(KEY) == ()
    assert registry.subkeys(KEY) == ()


@pytest.mark.parametrize("code", [2, -2147024894, 2147749890])
def test_absent_is_none(code: int) -> None:
    talk, _session = client(output("EnumKey", code=code), output("EnumValues", code=code), listing(N=1), output("GetStringValue", code=code))
    registry = StdRegProv(talk)
    assert registry.subkeys(KEY) is None
    assert registry.value(KEY, "N") is None
    assert registry.value("HKLM\\Other", "N") is None


@pytest.mark.parametrize(("code", "denied"), [(5, True), (2147749891, True), (1, False), (87, False), (2147749893, False)])
def test_other_return_values_are_faults_under_http_200(code: int, denied: bool) -> None:
    talk, _session = client(output("EnumKey", code=code))
    with pytest.raises(Faulted) as caught:
        StdRegProv(talk).subkeys(KEY)
    assert caught.value.denied is denied
    assert caught.value.sentence.startswith(rf"EnumKey of {KEY}: Fault ")


@pytest.mark.parametrize("missing", [fault(2150858752, "a:DestinationUnreachable"), fault(0x80041010), fault(0x8004100E), fault(2150858778, "w:X")])
def test_class_that_is_elsewhere_is_found_there_and_stays(missing: Reply) -> None:
    talk, session = client(missing, output("EnumKey"), output("EnumKey"))
    registry = StdRegProv(talk)
    assert registry.subkeys(KEY) == registry.subkeys(KEY) == ()
    assert [node.first_text("ResourceURI").rpartition("/wmi/")[2] for node in session.asked] == ["root/default/StdRegProv", *["root/cimv2/StdRegProv"] * 2]


@pytest.mark.parametrize("reply", [fault(5), fault(2150859012), fault(2150859174), "timeout"])
def test_refusal_is_not_asked_for_elsewhere(reply: Reply) -> None:
    talk, session = client(reply)
    with pytest.raises(WsmanError):
        StdRegProv(talk).subkeys(KEY)
    assert session.requests == 1


@pytest.mark.parametrize(
    "script",
    [
        (output("EnumValues", "<q:sNames>a</q:sNames>"),), (output("EnumValues", "<q:sNames>a</q:sNames><q:Types>one</q:Types>"),),
        (output("EnumValues", code="no"),), (listing(N=4), output("GetDWORDValue", "<q:uValue>many</q:uValue>")),
        (listing(N=4), output("GetDWORDValue")), (listing(N=3), output("GetBinaryValue", "<q:uValue>256</q:uValue>")),
        (listing(N=3), output("GetBinaryValue", "<q:uValue>-1</q:uValue>")), (listing(N=11), output("GetDWORDValue", "<q:uValue>1</q:uValue>")),
    ],
    ids=range(8),
)
def test_answers_without_sense(script: tuple[Reply, ...]) -> None:
    talk, _session = client(*script)
    with pytest.raises(Lost) as caught:
        StdRegProv(talk).value(KEY, "N")
    assert caught.value.why == "malformed"


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
def test_recorded_keys() -> None:
    talk, _session = client((CAPTURES / "openwsman-StdRegProv-EnumKeyResponse.xml").read_bytes())
    found = StdRegProv(talk).subkeys("HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall")
    assert found is not None
    assert len(found) == 26
    assert {"AddressBook", "Windows Server 2003 Service Pack"} <= set(found)
