# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens made by others are read; nothing a stranger sends raises, and no secret comes out."""

from __future__ import annotations

import base64
import random

import pytest
import spnego
from ansible_collections.winrm.doctor.plugins.module_utils.wire import credssp, tokens
from spnego._asn1 import unpack_asn1
from spnego._credssp import NegoData, TSRequest
from spnego._kerberos import KerberosV5Msg
from spnego._ntlm_raw.messages import Authenticate, AvId, Challenge, FileTime, Negotiate, NegotiateFlags, TargetInfo
from spnego._spnego import NegState, NegTokenInit, NegTokenResp
from spnego.channel_bindings import GssChannelBindings

FLAGS = NegotiateFlags.unicode | NegotiateFlags.ntlm | NegotiateFlags.target_info | NegotiateFlags.extended_session_security | NegotiateFlags.request_target
FLAGS |= NegotiateFlags.key_128 | NegotiateFlags.key_exch | NegotiateFlags.seal | NegotiateFlags.sign | NegotiateFlags.always_sign
BINDINGS = GssChannelBindings(application_data=b"tls-server-end-point:" + b"x" * 32)


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER element."""
    value = b"".join(parts)
    size = bytes([len(value)]) if len(value) < 128 else b"\x82" + len(value).to_bytes(2, "big")
    return bytes([tag]) + size + value


def number(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(max(1, (value.bit_length() + 8) // 8), "big", signed=True))


def text(value: str) -> bytes:
    return tlv(0x1B, value.encode())


def principal(*labels: str) -> bytes:
    return tlv(0x30, tlv(0xA0, number(2)), tlv(0xA1, tlv(0x30, *map(text, labels))))


# RFC 4120 5.9.1 and 5.5.1, and RFC 4121 4.1 around them.
KRB_ERROR = tlv(
    0x7E,
    tlv(0x30, tlv(0xA0, number(5)), tlv(0xA1, number(30)), tlv(0xA4, tlv(0x18, b"20260408224800Z")), tlv(0xA5, number(17)), tlv(0xA6, number(37)),
        tlv(0xA9, text("LAB.TEST")), tlv(0xAA, principal("HTTP", "web01.lab.test")), tlv(0xAB, text("Clock skew too great"))),
)
TICKET = tlv(0x61, tlv(0x30, tlv(0xA0, number(5)), tlv(0xA1, text("LAB.TEST")), tlv(0xA2, principal("HTTP", "web01.lab.test")),
                       tlv(0xA3, tlv(0x30, tlv(0xA0, number(18)), tlv(0xA2, tlv(0x04, b"sealed" * 40))))))
AP_REQ = tlv(0x6E, tlv(0x30, tlv(0xA0, number(5)), tlv(0xA1, number(14)), tlv(0xA2, tlv(0x03, b"\0\0\0\0\0")), tlv(0xA3, TICKET),
                       tlv(0xA4, tlv(0x30, tlv(0xA0, number(18)), tlv(0xA2, tlv(0x04, b"sealed" * 10))))))
KERBEROS = tlv(0x06, b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")


def gss(kind: bytes, message: bytes) -> bytes:
    return tlv(0x60, KERBEROS, kind, message)


def ntlm(bindings: GssChannelBindings | None = None, user: str = "LAB\\svc") -> tuple[bytes, bytes, bytes]:
    """Negotiate, challenge and authenticate messages, by pyspnego."""
    client = spnego.client(user, "hunter2-correct-horse", protocol="ntlm", hostname="web01", channel_bindings=bindings)
    first = client.step()
    info = TargetInfo()
    info[AvId.nb_computer_name], info[AvId.dns_computer_name], info[AvId.timestamp] = "WEB01", "web01.lab.test", FileTime.now()
    challenge = Challenge(FLAGS, b"12345678", target_name="LAB", target_info=info).pack()
    return first, challenge, client.step(challenge)


FIRST, CHALLENGE, LAST = ntlm()
INIT = NegTokenInit(["1.2.840.48018.1.2.2", "1.2.840.113554.1.2.2", "1.3.6.1.4.1.311.2.2.10", "1.2.3.4"], mech_token=FIRST).pack()
RESPONSE = NegTokenResp(neg_state=NegState.accept_incomplete, supported_mech="1.3.6.1.4.1.311.2.2.10", response_token=CHALLENGE).pack()
REJECT = NegTokenResp(neg_state=NegState.reject).pack()
TS_ERROR = TSRequest(6, error_code=0xC0000234).pack()
EVERYTHING = {
    "ntlm 1": FIRST, "ntlm 2": CHALLENGE, "ntlm 3": LAST, "init": INIT, "response": RESPONSE, "reject": REJECT, "krb error": KRB_ERROR, "ap-req": AP_REQ,
    "gss ap-req": gss(b"\x01\x00", AP_REQ), "ts": TS_ERROR,
}


def test_messages_of_ntlm() -> None:
    assert isinstance(Negotiate.unpack(FIRST), Negotiate)
    assert tokens.describe("NTLM", FIRST).kind == "ntlm_negotiate"
    seen = tokens.describe("Negotiate", CHALLENGE)
    assert (seen.kind, seen.text, seen.bytes) == ("ntlm_challenge", "web01.lab.test", len(CHALLENGE))
    assert seen.server_time is not None
    seen = tokens.describe("negotiate", LAST)
    assert isinstance(Authenticate.unpack(LAST), Authenticate)
    assert (seen.kind, seen.user, seen.text, seen.channel_binding) == ("ntlm_authenticate", "LAB\\svc", "NTLMv2", False)


def test_channel_binding_of_the_last_message_is_seen() -> None:
    assert tokens.describe("Negotiate", ntlm(BINDINGS)[2]).channel_binding is True


@pytest.mark.parametrize("user", ["svc@lab.test", "svc", "LAB\\svc"])
def test_user_is_told_as_it_was_sent(user: str) -> None:
    assert tokens.describe("Negotiate", ntlm(user=user)[2]).user == user


def test_spnego_tells_its_mechanisms_and_state_beside_the_message_inside() -> None:
    seen = tokens.describe("Negotiate", INIT)
    assert (seen.kind, seen.mechanisms) == ("ntlm_negotiate", ("kerberos", "ntlm", "1.2.3.4"))
    seen = tokens.describe("Negotiate", RESPONSE)
    assert (seen.kind, seen.mechanisms, seen.state) == ("ntlm_challenge", ("ntlm",), "accept-incomplete")
    seen = tokens.describe("Negotiate", REJECT)
    assert (seen.kind, seen.state) == ("spnego_response", "reject")


@pytest.mark.parametrize(
    "wrap",
    [lambda data: data, lambda data: gss(b"\x03\x00", data), lambda data: NegTokenResp(response_token=gss(b"\x03\x00", data)).pack()],
    ids=["bare", "gss", "spnego"],
)
def test_kerberos_error_is_read_bare_in_gss_and_in_spnego(wrap) -> None:
    assert KerberosV5Msg.unpack(unpack_asn1(KRB_ERROR[2:])[0]).error_code == 37
    seen = tokens.describe("Kerberos", wrap(KRB_ERROR))
    assert (seen.kind, seen.code, seen.text) == ("kerberos_error", 37, "Clock skew too great")
    assert (seen.service, seen.server_time) == ("HTTP/web01.lab.test@LAB.TEST", "2026-04-08T22:48:00Z")


def test_ticket_tells_its_service_and_encryption() -> None:
    for token in (AP_REQ, gss(b"\x01\x00", AP_REQ), NegTokenInit(["1.2.840.48018.1.2.2"], mech_token=gss(b"\x01\x00", AP_REQ)).pack()):
        seen = tokens.describe("Negotiate", token)
        assert (seen.kind, seen.service, seen.text) == ("kerberos_ap_req", "HTTP/web01.lab.test@LAB.TEST", "ticket encrypted with AES256 (18)")


def test_credssp_from_outside_and_inside() -> None:
    seen = tokens.describe("CredSSP", TS_ERROR)
    assert (seen.kind, seen.code) == ("credssp", 0xC0000234)
    whole = credssp.parse_ts_request(TSRequest(6, nego_tokens=NegoData(b"token"), auth_info=b"a", pub_key_auth=b"p", client_nonce=b"n" * 32).pack())
    assert whole == credssp.TsRequest(6, (b"token",), True, True, None, True)
    client = spnego.client("svc", "hunter2-correct-horse", protocol="credssp", hostname="web01")
    assert tokens.describe("CredSSP", client.step()).text == "handshake"
    assert tokens.describe("CredSSP", b"\x15\x03\x03\x00\x02\x02\x30").text == "alert 48"


def test_no_password_comes_out() -> None:
    basic = tokens.describe("Basic", b"LAB\\svc:hunter2-correct-horse")
    assert (basic.kind, basic.user, basic.text) == ("basic", "", "")
    for token in EVERYTHING.values():
        seen = repr(tokens.describe("Negotiate", token))
        assert "hunter2" not in seen
        assert base64.b64encode(token)[:20].decode() not in seen


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_truncation_and_many_flips_are_survived(name: str) -> None:
    token, chance = EVERYTHING[name], random.Random(20260408)
    for end in range(len(token)):
        tokens.describe("Negotiate", token[:end])
        tokens.describe("CredSSP", token[:end])
    for _turn in range(1500):
        changed = bytearray(token)
        for _flip in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        for scheme in ("Negotiate", "Kerberos", "CredSSP"):
            assert tokens.describe(scheme, bytes(changed)).bytes == len(changed)


@pytest.mark.parametrize(
    "token",
    [b"", b"\x00", b"\x60", b"\x60\x84\xff\xff\xff\xff", b"\xa1\x03\x30\x01\xa0", tlv(0xA1, *[b"\x30\x80"] * 9), b"\x7e\x02\x30\x00", b"\x6e\x00",
     b"NTLMSSP\0", b"NTLMSSP\0\x03\0\0\0" + b"\xff" * 80, b"NTLMSSP\0\x09\0\0\0" + b"\0" * 80, bytes(1_000_000), b"\x60" * 5000],
    ids=lambda token: f"{token[:6].hex()}, {len(token)} bytes",
)
def test_nonsense_is_unreadable_with_a_reason(token: bytes) -> None:
    seen = tokens.describe("Negotiate", token)
    assert (seen.kind, bool(seen.text)) == ("unreadable", True)
