# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What LDAP's bytes mean: values, refusals, messages. No socket."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.codes.ldap import DIRECTORY_CODES, RESULTS
from ansible_collections.winrm.doctor.plugins.module_utils.directory.entries import Entry, Ranged, escape, generalized, sort_attributes
from ansible_collections.winrm.doctor.plugins.module_utils.directory.refusal import LdapError, data_of
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import WireError, WireTooLarge
from ansible_collections.winrm.doctor.plugins.module_utils.wire.ldap import LONGEST, WireNotLdap, build_modify, message_size, read_header, read_result
from ansible_collections.winrm.doctor.plugins.module_utils.wire.spnego import build_init, element, read_init
from ldap_server import MODIFY_RESPONSE, integer, message, result, text

ENTRY = Entry("CN=alice,DC=lab,DC=test", {
    "samaccountname": (b"alice",), "memberof": (b"CN=a", b"CN=b"), "empty": (), "logoncount": (b"12",), "text": (b"twelve",), "bytes": (b"\xff\xfe",),
    "enabled": (b"TRUE",), "disabled": (b"false",),
    "objectsid": (bytes.fromhex("010500000000000515000000e9670f57f4e3a6ac6a3b2d3f50040000"),),
    "objectguid": (bytes.fromhex("33221100554477668899aabbccddeeff"),),
    "never": (b"9223372036854775807",), "zero": (b"0",), "filetime": (b"134201620800000000",), "beyond": (b"9000000000000000000",),
    "whencreated": (b"20260408224800.0Z",), "usec": (b"20260408224800.123456Z",), "zone": (b"20260409004800+0200",), "wrong": (b"20261308224800.0Z",),
})


def test_an_entry_gives_values_by_name_in_any_case() -> None:
    assert ENTRY.text("sAMAccountName") == "alice"
    assert ENTRY.texts("memberOf") == ("CN=a", "CN=b")
    assert ENTRY.data("BYTES") == b"\xff\xfe"
    assert ENTRY.text("bytes") == "\ufffd\ufffd"


def test_what_is_not_there_is_empty_and_never_an_error() -> None:
    for name in ("missing", "empty"):
        assert (ENTRY.text(name), ENTRY.texts(name), ENTRY.data(name)) == ("", (), b"")
        assert (ENTRY.number(name), ENTRY.moment(name), ENTRY.flag(name), ENTRY.sid(name), ENTRY.guid(name)) == (None, None, None, "", "")


def test_numbers_booleans_and_identifiers() -> None:
    assert (ENTRY.number("logonCount"), ENTRY.number("text"), ENTRY.number("bytes")) == (12, None, None)
    assert (ENTRY.flag("enabled"), ENTRY.flag("disabled"), ENTRY.flag("text")) == (True, False, None)
    assert ENTRY.sid("objectSid") == "S-1-5-21-1460627433-2896618484-1059928938-1104"
    assert ENTRY.sid("text") == ""
    assert ENTRY.guid("objectGUID") == "00112233-4455-6677-8899-aabbccddeeff"
    assert ENTRY.guid("text") == ""


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("filetime", "2026-04-08T22:48:00Z"), ("whenCreated", "2026-04-08T22:48:00Z"), ("usec", "2026-04-08T22:48:00Z"), ("zone", "2026-04-08T22:48:00Z"),
        ("never", None), ("zero", None), ("beyond", None), ("wrong", None), ("text", None),
    ],
)
def test_moments_come_from_both_notations_and_never_is_none(name: str, moment: str | None) -> None:
    assert ENTRY.moment(name) == moment


@pytest.mark.parametrize("value", ["", "20260408", "20260408224800", "2026-04-08T22:48:00Z", "20260408224800.0X"])
def test_what_is_no_generalized_time_is_none(value: str) -> None:
    assert generalized(value) is None


def test_ranges_are_joined_under_the_plain_name() -> None:
    found, more = sort_attributes([("member", []), ("member;range=0-1", [b"a", b"b"]), ("cn;lang-de", [b"x"]), ("Last;range=4-*", [b"z"])])
    assert found == {"member": (b"a", b"b"), "cn": (b"x",), "last": (b"z",)}
    assert more == (Ranged("member", 0, 2), Ranged("last", 4, None))


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("alice", "alice"), ("a*b", r"a\2ab"), ("(x)", r"\28x\29"), ("a\\b", r"a\5cb"), ("a\0", r"a\00"), ("Müller", "Müller"), (b"\x01\xff", r"\01\ff"),
        ("*)(uid=*", r"\2a\29\28uid=\2a"),
    ],
)
def test_what_stands_in_a_filter_is_escaped(value: str | bytes, escaped: str) -> None:
    assert escape(value) == escaped


@pytest.mark.parametrize(
    ("words", "data"),
    [
        ("80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 52e, v3839\0", 0x52E),
        ("8009030C: LdapErr: DSID-0C0904DC, comment: AcceptSecurityContext error, data 775, v1db1", 0x775),
        ("80090346: LdapErr: DSID-0C090585, comment: AcceptSecurityContext error, data 80090346, v4563", 0x80090346),
        ("00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n", 0x2098),
        ("000021C7: AtrErr: DSID-03200E93, #1:\n\t0: 000021C7: DSID-03200E93, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 90303", 0x21C7),
        ("0000208D: NameErr: DSID-0310028B, problem 2001 (NO_OBJECT), data 0, best match of: 'DC=lab,DC=test'", 0x208D),
        ("00002028: LdapErr: DSID-0C090202, comment: The server requires binds to turn on integrity checking", 0x2028),
        ("SASL:[GSS-SPNEGO]: Sign or Seal are required.", None), ("", None), ("00000000: nothing", None), ("metadata 1234 of something", None),
    ],
)
def test_active_directorys_code_is_found_in_its_words(words: str, data: int | None) -> None:
    assert data_of(words) == data


@pytest.mark.parametrize(
    ("code", "words", "says"),
    [
        (49, "80090308: LdapErr: x, comment: AcceptSecurityContext error, data 52e, v1", "ERROR_LOGON_FAILURE (0x52e): User name or password are wrong."),
        (49, "x, data 525, v1", "ERROR_NO_SUCH_USER (0x525): No account of that name exists."),
        (49, "x, data 530, v1", "ERROR_INVALID_LOGON_HOURS (0x530)"),
        (49, "x, data 531, v1", "ERROR_INVALID_WORKSTATION (0x531)"),
        (49, "x, data 532, v1", "ERROR_PASSWORD_EXPIRED (0x532)"),
        (49, "x, data 533, v1", "ERROR_ACCOUNT_DISABLED (0x533)"),
        (49, "x, data 701, v1", "ERROR_ACCOUNT_EXPIRED (0x701)"),
        (49, "x, data 773, v1", "ERROR_PASSWORD_MUST_CHANGE (0x773)"),
        (49, "x, data 775, v1", "ERROR_ACCOUNT_LOCKED_OUT (0x775)"),
        (49, "x, data 80090346, v1", "SEC_E_BAD_BINDINGS (0x80090346)"),
        (8, "00002028: LdapErr: x", "strongerAuthRequired (8), ERROR_DS_STRONG_AUTH_REQUIRED (0x2028)"),
        (50, "00002098: SecErr: x", "insufficientAccessRights (50), ERROR_DS_INSUFF_ACCESS_RIGHTS (0x2098): The account lacks the right to do this."),
        (19, "000021C7: AtrErr: x", "constraintViolation (19), ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST (0x21c7)"),
        (19, "000021C8: AtrErr: x", "ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST (0x21c8)"),
        (21, "0000200B: AtrErr: x", "ERROR_DS_INVALID_ATTRIBUTE_SYNTAX (0x200b)"),
        (32, "", "noSuchObject (32): There is no such object, or the account may not see it."),
        (53, "0000FFFF: x", "unwillingToPerform (53) with the code 0xffff: The server refuses to do this, whoever asks."),
        (51, "", "busy (51)"), (52, "", "unavailable (52)"), (10, "", "referral (10)"), (3, "", "timeLimitExceeded (3)"), (4, "", "sizeLimitExceeded (4)"),
        (4711, "odd", "result 4711 (4711): The server refused for a reason that is not known here. The server says: odd"),
    ],
)
def test_a_refusal_is_a_sentence_with_name_and_number(code: int, words: str, says: str) -> None:
    assert says in LdapError(code, words).sentence


def test_a_refusal_carries_bounded_printable_words_and_what_was_tried() -> None:
    error = LdapError(50, "a\x1b[31m" + "x" * 5000 + "\0", doing="The change of CN=x")
    assert error.text.startswith("a.[31m")
    assert len(error.text) == 300
    assert str(error).startswith("The change of CN=x failed. insufficientAccessRights (50)")


@pytest.mark.parametrize("rows", [RESULTS, DIRECTORY_CODES])
def test_every_code_has_a_name_and_a_sentence(rows: tuple[tuple[int, str, str, str], ...]) -> None:
    assert len({row[0] for row in rows}) == len(rows)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    for _number, symbol, _causes, meaning in rows:
        assert symbol
        assert meaning.endswith(".")


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", None), (b"\x30", None), (b"\x30\x05", 7), (b"\x30\x81", None), (b"\x30\x81\x80", 131), (b"\x30\x84\x00\x00", None),
        (b"\x30\x84\x00\x00\x01\x00", 262),
    ],
)
def test_the_size_of_a_message_is_told_as_soon_as_it_can_be(data: bytes, size: int | None) -> None:
    assert message_size(data) == size


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", WireNotLdap, "a web server: 'HTTP/1.1 400 Bad Request'"),
        (b"\x15\x03\x01\x00\x02", WireNotLdap, "TLS"),
        (b"SSH-2.0-x", WireNotLdap, "bytes that are no LDAP: 5353482d322e302d78"),
        (b"\x30\x80\x02\x01", WireNotLdap, "a message with a malformed length"),
        (b"\x30\x85\x00\x00\x00\x00\x01", WireNotLdap, "a message with a malformed length"),
        (b"\x30\x84\x7f\xff\xff\xff", WireTooLarge, "a message claims 2147483647 bytes"),
        (b"\x30\x84" + (LONGEST + 1).to_bytes(4, "big"), WireTooLarge, "a message claims"),
    ],
)
def test_what_is_no_message_is_refused_by_its_first_bytes(data: bytes, error: type[WireError], says: str) -> None:
    with pytest.raises(error, match=says.replace("(", r"\(")):
        message_size(data)


@pytest.mark.parametrize("body", [b"", b"\x02\x01", b"\x04\x01\x01\x65\x00", b"\x02\x00\x65\x00", b"\x02\x09" + b"\1" * 9 + b"\x65\x00", b"\x02\x01\x05"])
def test_a_message_without_id_or_operation_is_no_message(body: bytes) -> None:
    with pytest.raises(WireNotLdap):
        read_header(element(0x30, body))


def test_a_change_is_encoded_as_the_rfc_has_it() -> None:
    sent = build_modify(5, "CN=a", [("add", "servicePrincipalName", ["HTTP/x", "HTTP/y"]), ("delete", "b", []), ("replace", "c", ["ü"])])
    change = element(0x30, integer(0, 0x0A) + element(0x30, text("servicePrincipalName") + element(0x31, text("HTTP/x") + text("HTTP/y"))))
    change += element(0x30, integer(1, 0x0A) + element(0x30, text("b") + element(0x31, b"")))
    change += element(0x30, integer(2, 0x0A) + element(0x30, text("c") + element(0x31, text("ü"))))
    assert sent == message(5, 0x66, text("CN=a"), element(0x30, change))


def test_a_result_is_read_and_an_unknown_code_is_no_success() -> None:
    assert read_result(message(5, MODIFY_RESPONSE, result(0))) == (0, "")
    assert read_result(message(5, MODIFY_RESPONSE, result(50, "no"))) == (50, "no")
    assert read_result(message(5, MODIFY_RESPONSE, result(4711))) == (4711, "")


@pytest.mark.parametrize("parts", [b"", integer(0, 0x0A), element(0x0A, b"") + text("") + text(""), integer(0) + text("") + text(""), result(0)[:-1]])
def test_a_malformed_result_is_no_success(parts: bytes) -> None:
    with pytest.raises(WireNotLdap):
        read_result(message(5, MODIFY_RESPONSE, parts))


@pytest.mark.parametrize("size", [10, 200, 70000])
def test_a_token_comes_out_of_spnego_as_it_went_in(size: int) -> None:
    start = read_init(build_init("1.2.840.113554.1.2.2", b"k" * size))
    assert start.mechanisms == ("kerberos",)
    assert start.token == b"k" * size
