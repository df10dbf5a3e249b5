# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM messages, against pyspnego's independent implementation of [MS-NLMP]."""

from __future__ import annotations

import struct

import pytest
import spnego
from ansible_collections.winrm.doctor.plugins.module_utils.wire import ntlm
from ansible_collections.winrm.doctor.plugins.module_utils.wire import spnego as ours
from spnego._ntlm_raw.messages import AvId, Challenge, FileTime, NegotiateFlags, NTLMMessage, TargetInfo, Version
from spnego._spnego import NegState, NegTokenInit, NegTokenResp

FLAGS = 0xE2898235


def challenge(names: dict[int, str], flags: int = FLAGS, target: str = "LAB", ticks: int | None = None) -> bytes:
    info = TargetInfo()
    for kind, name in names.items():
        info[AvId(kind)] = name
    if ticks is not None:
        info[AvId.timestamp] = FileTime.unpack(struct.pack("<Q", ticks))
    return Challenge(flags=flags, server_challenge=b"12345678", target_name=target, target_info=info, version=Version(10, 0, 20348)).pack()


MEMBER = {1: "WEB01", 2: "LAB", 3: "web01.lab.test", 4: "lab.test", 5: "lab.test"}
TICKS = 133_500_000_001_234_560
MEMBER_CHALLENGE = challenge(MEMBER, ticks=TICKS)


def test_negotiate_message_is_read_by_pyspnego() -> None:
    message = NTLMMessage.unpack(ntlm.negotiate_message())
    assert message.MESSAGE_TYPE == 1
    for flag in (NegotiateFlags.unicode, NegotiateFlags.request_target, NegotiateFlags.target_info, NegotiateFlags.version, NegotiateFlags.ntlm):
        assert message.flags & flag
    assert message.domain_name is None
    assert message.workstation is None


def test_negotiate_message_makes_a_real_acceptor_answer(tmp_path, monkeypatch) -> None:
    users = tmp_path / "users"
    users.write_text("LAB:u:p\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    acceptor = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    answer = acceptor.step(ntlm.negotiate_message())
    assert answer
    unwrapped = ours.unwrap(answer)
    assert not unwrapped.wrapped
    seen = ntlm.parse_challenge(unwrapped.token)
    assert seen.netbios_computer
    assert seen.timestamp


def test_challenge_of_a_domain_member_tells_names_build_and_time() -> None:
    seen = ntlm.parse_challenge(MEMBER_CHALLENGE)
    assert (seen.target_name, seen.netbios_computer, seen.netbios_domain) == ("LAB", "WEB01", "LAB")
    assert (seen.dns_computer, seen.dns_domain, seen.dns_forest) == ("web01.lab.test", "lab.test", "lab.test")
    assert seen.os_build == "10.0.20348"
    assert seen.timestamp == "2024-01-17T21:20:00.123456Z"
    assert seen.membership == "domain"
    assert not seen.wrapped


@pytest.mark.parametrize(
    ("names", "flags", "membership"),
    [
        pytest.param({1: "PC7", 2: "PC7", 3: "pc7", 4: "pc7"}, FLAGS & ~0x10000 | 0x20000, "workgroup", id="a workgroup host is its own domain"),
        pytest.param({1: "PC7", 2: "LAB"}, FLAGS & ~0x10000, "domain", id="another NetBIOS domain"),
        pytest.param({}, FLAGS | 0x10000, "domain", id="the target type says domain"),
        pytest.param({}, FLAGS & ~0x10000, "", id="no names at all"),
    ],
)
def test_membership_follows_from_the_names(names: dict[int, str], flags: int, membership: str) -> None:
    assert ntlm.parse_challenge(challenge(names, flags)).membership == membership


def test_build_is_empty_without_the_version_flag() -> None:
    flags = struct.unpack_from("<I", MEMBER_CHALLENGE, 20)[0]
    message = MEMBER_CHALLENGE[:20] + struct.pack("<I", flags & ~ntlm.VERSION) + MEMBER_CHALLENGE[24:]
    assert ntlm.parse_challenge(message).os_build == ""


def test_list_without_its_end_marker_is_taken_as_it_is() -> None:
    pairs = struct.pack("<HH", 1, 4) + "PC".encode("utf-16-le")
    message = ntlm.SIGNATURE + struct.pack("<IHHIIQQHHI", 2, 0, 0, 48, FLAGS & ~ntlm.VERSION, 0, 0, len(pairs), len(pairs), 48) + pairs
    assert ntlm.parse_challenge(message).netbios_computer == "PC"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (b"", "CHALLENGE_MESSAGE ends at offset 0, before the server challenge at 24 is complete"),
        (b"NTLMSSX\0" + MEMBER_CHALLENGE[8:], "not a CHALLENGE_MESSAGE: signature or type is wrong at offset 0"),
        (MEMBER_CHALLENGE[:8] + b"\1" + MEMBER_CHALLENGE[9:], "not a CHALLENGE_MESSAGE: signature or type is wrong at offset 0"),
        (MEMBER_CHALLENGE[:44] + b"\xff\xff\xff\x7f" + MEMBER_CHALLENGE[48:], "TargetInfo lies at offset 2147483647"),
        (MEMBER_CHALLENGE[:12] + b"\xff\xff" + MEMBER_CHALLENGE[14:], "TargetName lies at offset 56 to 65591"),
        (MEMBER_CHALLENGE[:-2], "TargetInfo lies at offset 62"),
        (MEMBER_CHALLENGE.replace(struct.pack("<HH", 7, 8), struct.pack("<HH", 7, 6)), "MsvAvTimestamp at offset"),
        (MEMBER_CHALLENGE.replace(struct.pack("<HH", 1, 10), struct.pack("<HH", 1, 9999)), "the AV pair 1 at offset 62 claims 9999 bytes"),
        (MEMBER_CHALLENGE.replace(struct.pack("<Q", TICKS), b"\xff" * 7 + b"\x7f"), "is after the year 9999"),
    ],
)
def test_malformed_challenge_names_the_place(message: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        ntlm.parse_challenge(message)


def test_no_damage_of_one_byte_or_cut_escapes_as_another_error() -> None:
    refused = 0
    damaged = [MEMBER_CHALLENGE[:end] for end in range(len(MEMBER_CHALLENGE))]
    damaged += [MEMBER_CHALLENGE[:at] + bytes([value]) + MEMBER_CHALLENGE[at + 1 :] for at in range(len(MEMBER_CHALLENGE)) for value in (0, 0x7F, 0xD8, 0xFF)]
    for message in damaged:
        try:
            ntlm.parse_challenge(message)
        except ValueError:
            refused += 1
    assert refused > len(MEMBER_CHALLENGE)


def wrapped(token: bytes | None, state: NegState = NegState.accept_incomplete) -> bytes:
    return NegTokenResp(neg_state=state, supported_mech="1.3.6.1.4.1.311.2.2.10", response_token=token).pack()


def test_challenge_inside_spnego_is_found() -> None:
    answer = ours.unwrap(wrapped(MEMBER_CHALLENGE))
    assert answer == ours.Answer(MEMBER_CHALLENGE, "accept-incomplete", ours.NTLM_MECH, True)


def test_refusal_without_a_token_keeps_its_state() -> None:
    assert ours.unwrap(wrapped(None, NegState.reject)).state == "reject"


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (b"", "cut off at offset 0"),
        (b"hello", "neither SPNEGO nor NTLM: the token starts with 68|claims"),
        (NegTokenInit(["1.3.6.1.4.1.311.2.2.10"]).pack(), "a NegTokenInit of its own"),
        (b"\xa1\x84\xff\xff\xff\xff", "claims 4294967295 bytes"),
        (b"\xa1\x80\0\0", "length malformed at offset 1"),
        (b"\xa1\x02\x04\0", "instead of a SEQUENCE"),
    ],
)
def test_strange_tokens_are_refused_with_a_reason(token: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        ours.unwrap(token)


def test_no_cut_of_a_token_escapes_as_another_error() -> None:
    whole = wrapped(MEMBER_CHALLENGE)
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="offset"):
            ours.unwrap(whole[:end])


def test_object_identifier_is_written_in_dots() -> None:
    assert ours.dotted(bytes.fromhex("2a864886f712010202")) == "1.2.840.113554.1.2.2"
    with pytest.raises(ValueError, match="OBJECT IDENTIFIER"):
        ours.dotted(b"\x2a\x86")
