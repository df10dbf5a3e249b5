# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to a KDC: what is sent, what is read, and KDCs that misbehave."""

from __future__ import annotations

import contextlib
import socket
import time
import typing as t

import krb
import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import FAILED, GRANTED, REFUSED
from ansible_collections.winrm.doctor.plugins.module_utils.wire import kdc
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from hostile import Hostile, Play, reset

AES, AES128, RC4 = 18, 17, 23
ADDRESS = "127.77.9.1"
DISABLED = 0xC0000072


def look(act: Play, *, user: str = "svc", seconds: float = 3, now: t.Callable[[], float] = time.time) -> kdc.Look:
    with Hostile(act) as server:
        return kdc.look(ADDRESS, "LAB.TEST", user, Deadline(seconds), server.port, now=now)


@pytest.mark.parametrize(("user", "kind"), [("svc", 1), ("svc@corp.example", 10), ("jürgen", 1)])
def test_request_is_what_another_decoder_reads(user: str, kind: int) -> None:
    spnego = pytest.importorskip("spnego._kerberos", reason="pyspnego is not installed")
    asn1 = pytest.importorskip("spnego._asn1", reason="pyspnego is not installed")
    data = kdc.build_as_req("LAB.TEST", user, nonce=0x7FFFFFFF)
    read = spnego.KerberosV5Msg.unpack(asn1.unpack_asn1(asn1.unpack_asn1(data)[0].b_data)[0])
    body = read.req_body
    assert type(read).__name__ == "KrbAsReq"
    assert [(int(item.data_type), item.b_value) for item in read.padata] == [(128, bytes.fromhex("3005a003010100"))]
    assert (int(body.cname.name_type), body.cname.value) == (kind, [user.encode()])
    assert (int(body.sname.name_type), body.sname.value) == (2, [b"krbtgt", b"LAB.TEST"])
    assert (body.realm, body.nonce, [int(number) for number in body.etype]) == (b"LAB.TEST", 0x7FFFFFFF, [18, 17, 20, 19, 23])
    assert body.kdc_options == 0x00010000, "canonicalize alone"


@pytest.mark.parametrize(("nonce", "encoded"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (255, "020200ff"), (2**31 - 1, "02047fffffff")])
def test_nonce_is_a_positive_number(nonce: int, encoded: str) -> None:
    assert b"\xa7" + bytes([len(encoded) // 2]) + bytes.fromhex(encoded) in kdc.build_as_req("R.TEST", "u", nonce=nonce, pac=None)


OLDER = krb.padata(11, krb.der(0x30, krb.der(0x30, krb.der(0xA0, krb.integer(RC4)))))
"""ETYPE-INFO."""
PREAUTH = krb.error(25, e_data=krb.method_data(krb.etype_info2((AES, "S"))))
READ = [
    ("preauth", krb.error(25, e_data=krb.method_data(krb.etype_info2((AES, "LAB.TESTsvc"), (RC4, "")))), (25, None, ("AES256", "RC4"), "LAB.TESTsvc")),
    ("aes128 only", krb.error(25, e_data=krb.method_data(krb.padata(2, b""), krb.etype_info2((AES128, "S")))), (25, None, ("AES128",), "S")),
    ("older form", krb.error(25, e_data=krb.method_data(OLDER)), (25, None, ("RC4",), "")),
    ("unknown type", krb.error(25, e_data=krb.method_data(krb.etype_info2((99, "")))), (25, None, ("type 99",), "")),
    ("unknown user", krb.error(6), (6, None, (), "")),
    ("disabled, as one PA-DATA", krb.error(18, e_data=krb.extended(DISABLED)), (18, DISABLED, (), "")),
    ("disabled, in METHOD-DATA", krb.error(18, e_data=krb.method_data(krb.extended(DISABLED))), (18, DISABLED, (), "")),
    ("a salt of twelve bytes is no status", krb.error(24, e_data=krb.method_data(krb.padata(3, b"LAB.TESTroot"))), (24, None, (), "")),
    ("nor one whose bytes would do", krb.error(24, e_data=krb.method_data(krb.padata(3, b"LAB\xc4.TESTxyz"[:12]))), (24, None, (), "")),
    ("status 0 is none", krb.error(18, e_data=krb.extended(0)), (18, None, (), "")),
    ("e-data is noise", krb.error(18, e_data=b"\x30\x82\xff\xff"), (18, None, (), "")),
    ("e-data is text", krb.error(60, e_data=b"policy says no"), (60, None, (), "")),
    ("broken types beside a status", krb.error(18, e_data=krb.method_data(krb.padata(19, b"\x30\x05"), krb.extended(DISABLED))), (18, DISABLED, (), "")),
]


@pytest.mark.parametrize(("data", "expected"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_errors_are_read(data: bytes, expected: tuple[t.Any, ...]) -> None:
    seen = kdc.read_reply(data)
    assert (seen.code, seen.status, seen.encryption, seen.salt) == expected
    assert (seen.realm, seen.server_time, seen.moment) == ("LAB.TEST", "2026-04-08T22:48:00Z", 1_775_688_480.25)


def test_reply_without_pre_authentication_is_read() -> None:
    seen = kdc.read_reply(krb.reply())
    assert (seen.granted, seen.code, seen.client_realm, seen.encryption) == (True, None, "LAB.TEST", ("AES256",))


@pytest.mark.parametrize("data", [PREAUTH, krb.reply(), krb.error(18, e_data=krb.extended(DISABLED))])
def test_no_cut_or_flipped_message_is_more_than_a_value_error(data: bytes) -> None:
    for cut in range(len(data)):
        _read_or_value_error(data[:cut])
    for at in range(len(data)):
        for value in (0x00, 0x30, 0x7F, 0x80, 0x84, 0xFF):
            _read_or_value_error(data[:at] + bytes([value]) + data[at + 1 :])


def _read_or_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        kdc.read_reply(data)


ANSWERS = [
    ("exists", PREAUTH, GRANTED, 25,
     "The KDC of LAB.TEST knows svc@LAB.TEST and asks for its password (it offers AES256)."),
    ("no pre-authentication", krb.reply(), GRANTED, None,
     "The KDC of LAB.TEST hands out a ticket for svc@LAB.TEST without pre-authentication: anybody may guess that password offline."),
    ("unknown", krb.error(6), REFUSED, 6, "The KDC of LAB.TEST refuses svc@LAB.TEST: 6 (KDC_ERR_C_PRINCIPAL_UNKNOWN): The KDC does not know the user."),
    ("wrong password", krb.error(24, e_data=krb.extended(0xC000006A)), REFUSED, 24,
     "The KDC of LAB.TEST refuses svc@LAB.TEST: 24 (KDC_ERR_PREAUTH_FAILED): The password is wrong. It adds 0xC000006A (STATUS_WRONG_PASSWORD): The account "
     "exists and the password is wrong."),
    ("referral", krb.error(68, crealm="OTHER.TEST"), REFUSED, 68, "The KDC of LAB.TEST says that svc@LAB.TEST belongs to the realm OTHER.TEST."),
    ("a code of no table", krb.error(99), REFUSED, 99, "The KDC of LAB.TEST refuses svc@LAB.TEST: 99."),
]


@pytest.mark.parametrize(("message", "outcome", "code", "means"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answer_is_told(message: bytes, outcome: str, code: int | None, means: str) -> None:
    step = look(krb.answering(message)).step
    assert (step.name, step.outcome, step.code, step.means, step.used) == ("probe", outcome, code, means, False)


def test_clock_is_measured() -> None:
    seen = look(krb.answering(krb.error(25)), now=lambda: 1_775_688_480.0)
    assert seen.clock is not None
    assert seen.clock.source == "kdc"
    assert abs(seen.clock.offset - 0.25) <= seen.clock.uncertainty + 0.0001, "both are rounded"
    assert seen.clock.uncertainty < 3


def test_clock_without_fractions_is_less_certain() -> None:
    seen = look(krb.answering(krb.error(25, susec=0)), now=lambda: 1_775_688_480.0)
    assert seen.clock is not None
    assert seen.clock.uncertainty >= 0.5


def dripping(sock: t.Any) -> None:
    krb.request(sock)
    for byte in krb.framed(krb.error(25)):
        sock.sendall(bytes([byte]))
        time.sleep(0.1)


def silent(sock: t.Any) -> None:
    time.sleep(5)


NO_ANSWERS: list[tuple[str, Play, str]] = [
    ("silent", silent, "silent"),
    ("dripping", dripping, "silent"),
    ("hangs up", lambda sock: sock.close(), "closed"),
    ("resets", reset, "closed"),
    ("hangs up in the middle", krb.raw(krb.framed(krb.error(25))[:20]), "closed"),
    ("HTTP", krb.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not_kerberos"),
    ("TLS alert", krb.raw(b"\x15\x03\x01\x00\x02\x02\x46"), "too_large"),
    ("noise", krb.raw(krb.framed(b"\xde\xad\xbe\xef")), "not_kerberos"),
    ("empty", krb.raw(krb.framed(b"")), "not_kerberos"),
    ("another message", krb.raw(krb.framed(krb.der(0x6F, krb.der(0x30)))), "not_kerberos"),
    ("error without a code", krb.raw(krb.framed(krb.der(0x7E, krb.der(0x30)))), "not_kerberos"),
    ("reserved bit", krb.raw(b"\x80\x00\x00\x10" + bytes(16)), "not_kerberos"),
    ("huge", krb.raw((2**30).to_bytes(4, "big") + bytes(100)), "too_large"),
]


@pytest.mark.parametrize(("act", "why"), [row[1:] for row in NO_ANSWERS], ids=[row[0] for row in NO_ANSWERS])
def test_kdc_that_misbehaves_is_borne(act: Play, why: str) -> None:
    began = time.monotonic()
    seen = look(act, seconds=0.5)
    assert time.monotonic() - began < 3
    assert (seen.why, seen.reply, seen.clock, seen.step.outcome, seen.step.code) == (why, None, None, FAILED, None)
    assert seen.step.means.startswith(f"The KDC at {ADDRESS} port ")


def test_closed_port_is_told() -> None:
    with socket.create_server((ADDRESS, 0)) as listener:
        port = listener.getsockname()[1]
    assert kdc.look(ADDRESS, "LAB.TEST", "svc", Deadline(1), port).why == "refused"


@pytest.mark.parametrize(
    ("salt", "user", "realm"), [("LAB.TESTsvc", "SVC", "LAB.TEST"), ("LAB.TESThostweb01.lab.test", "WEB01$", ""), ("", "svc", ""), ("svc", "svc", "")],
)
def test_realm_in_a_salt(salt: str, user: str, realm: str) -> None:
    assert kdc.realm_in_salt(salt, user) == realm
