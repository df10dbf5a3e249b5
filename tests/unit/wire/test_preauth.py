# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password's proof to a KDC: the RFCs' own numbers, another implementation's, and KDCs that misbehave."""

from __future__ import annotations

import re
import socket
import time
import typing as t

import krb
import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import KerberosStep
from ansible_collections.winrm.doctor.plugins.module_utils.wire import kdc, preauth
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ansible_collections.winrm.doctor.plugins.module_utils.wire.kerberos import fields
from ansible_collections.winrm.doctor.plugins.module_utils.wire.spnego import read_element
from hostile import Hostile, Play

ADDRESS = "127.77.9.1"
INFO = kdc.KeyInfo(18, b"LAB.TESTsvc", (4096).to_bytes(4, "big"))
KEY = preauth.string_to_key(18, b"secret", b"LAB.TESTsvc")
LOCKED = 0xC0000234


@pytest.mark.parametrize(
    ("text", "size", "folded"),
    [
        (b"012345", 8, "be072631276b1955"), (b"password", 7, "78a07b6caf85fa"), (b"Rough Consensus, and Running Code", 8, "bb6ed30870b7f0e0"),
        (b"password", 21, "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"),
        (b"MASSACHVSETTS INSTITVTE OF TECHNOLOGY", 24, "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b"),
        (b"Q", 21, "518a54a2 15a8452a 518a54a2 15a8452a 518a54a2 15"), (b"kerberos", 16, "6b65726265726f737b9b5b2b93132b93"),
    ],
)
def test_folding_is_that_of_rfc_3961(text: bytes, size: int, folded: str) -> None:
    """[RFC 3961] A.1."""
    assert preauth.nfold(text, size) == bytes.fromhex(folded)


@pytest.mark.parametrize(
    ("kind", "rounds", "password", "salt", "key"),
    [
        (17, 1, b"password", b"ATHENA.MIT.EDUraeburn", "42263c6e89f4fc28b8df68ee09799f15"),
        (18, 1, b"password", b"ATHENA.MIT.EDUraeburn", "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161"),
        (17, 1200, b"password", b"ATHENA.MIT.EDUraeburn", "4c01cd46d632d01e6dbe230a01ed642a"),
        (18, 1200, b"password", b"ATHENA.MIT.EDUraeburn", "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a"),
        (17, 50, "\U0001d11e".encode(), b"EXAMPLE.COMpianist", "f149c1f2e154a73452d43e7fe62a56e5"),
        (18, 50, "\U0001d11e".encode(), b"EXAMPLE.COMpianist", "4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e"),
    ],
)
def test_keys_are_those_of_rfc_3962(kind: int, rounds: int, password: bytes, salt: bytes, key: str) -> None:
    """[RFC 3962] appendix B."""
    assert preauth.string_to_key(kind, password, salt, rounds) == bytes.fromhex(key)


@pytest.mark.parametrize("kind", [17, 18])
def test_keys_are_those_of_libkrb5(kind: int) -> None:
    krb5 = pytest.importorskip("krb5", reason="the Python library krb5 is not installed")
    for password, salt in (("pass wörd", b"LAB.TESTsvc"), ("x" * 100, b"LAB.TESThostweb01.lab.test")):
        made = krb5.c_string_to_key(krb5.init_context(), kind, password.encode(), salt, None)
        assert preauth.string_to_key(kind, password.encode(), salt) == made.data


@pytest.mark.parametrize("key", [KEY, KEY[:16]], ids=["AES256", "AES128"])
def test_what_is_sealed_is_opened_by_the_same_key_alone(key: bytes) -> None:
    for size in (1, 15, 16, 17, 28, 31, 32, 33, 100, 4096):
        sealed = preauth.encrypt(key, 1, b"x" * size)
        assert len(sealed) == 16 + size + 12
        assert preauth.decrypt(key, 1, sealed) == b"x" * size
        for other, usage in ((bytes(len(key)), 1), (key, 3)):
            with pytest.raises(ValueError, match="not sealed with the key"):
                preauth.decrypt(other, usage, sealed)


@pytest.mark.parametrize("size", [0, 12, 16, 28])
def test_what_is_too_short_to_be_sealed_is_an_error(size: int) -> None:
    with pytest.raises(ValueError, match="too short"):
        preauth.decrypt(KEY, 3, bytes(size))


def prove(act: Play, *, password: str = "secret", seconds: float = 3, info: kdc.KeyInfo = INFO, **more: t.Any) -> KerberosStep:
    with Hostile(act) as server:
        return preauth.prove(ADDRESS, "LAB.TEST", "svc", password, info, Deadline(seconds), server.port, **more)


def read(asked: bytes) -> tuple[bytes, int]:
    """The proof's cipher and the nonce of an AS-REQ."""
    parts = fields(read_element(read_element(asked, 0).value, 0))
    first = fields(read_element(parts[3].value, 0))
    return fields(read_element(first[2].value, 0))[2].value, int.from_bytes(fields(parts[4])[7].value, "big")


def knowing(key: bytes, *, nonce: int | None = None, seen: list[str] | None = None, tag: int = 0x79, kind: int = 18) -> Play:
    """A KDC that knows a key: it opens the proof and seals its answer, for another nonce where one is given."""

    def act(sock: socket.socket) -> None:
        proof, number = read(krb.request(sock))
        try:
            stamp = preauth.decrypt(key, 1, proof)
        except ValueError:
            sock.sendall(krb.framed(krb.error(24)))
            return
        if seen is not None:
            seen.extend(re.findall(r"\d{14}Z", stamp.decode("latin-1")))
        part = krb.reply_part(number if nonce is None else nonce, tag)
        sock.sendall(krb.framed(krb.reply(kind, cipher=preauth.encrypt(key, 3, part))))

    return act


@pytest.mark.parametrize("tag", [0x79, 0x7A], ids=["EncASRepPart", "as some KDCs tag it"])
def test_right_password_is_accepted(tag: int) -> None:
    step = prove(knowing(KEY, tag=tag))
    assert (step.name, step.outcome, step.got, step.ticket_encryption, step.used) == ("as", "granted", "svc@LAB.TEST", "AES256", True)
    assert step.means == "The KDC of LAB.TEST accepts the password of svc@LAB.TEST; the ticket is encrypted with AES256."


def test_wrong_password_is_refused() -> None:
    step = prove(knowing(KEY), password="wrong")
    assert (step.outcome, step.code, step.used) == ("refused", 24, True)
    assert step.means == "No ticket-granting ticket for svc@LAB.TEST: 24 (KDC_ERR_PREAUTH_FAILED): The password is wrong."


def test_proof_goes_by_the_clock_of_the_kdc() -> None:
    seen: list[str] = []
    prove(knowing(KEY, seen=seen), now=lambda: 1_775_688_480.5, offset=-3600.0)
    assert seen == ["20260408214800Z"]


def test_state_of_the_account_is_told_by_its_ntstatus() -> None:
    step = prove(krb.answering(krb.error(18, e_data=krb.extended(LOCKED))))
    assert (step.outcome, step.code, step.status, step.used) == ("refused", 18, LOCKED, True)
    assert "STATUS_ACCOUNT_LOCKED_OUT" in step.means


@pytest.mark.parametrize(("code", "used"), [(37, False), (14, False), (68, False), (24, True), (60, True)])
def test_what_was_judged_is_told_from_what_was_not(code: int, used: bool) -> None:
    assert prove(krb.answering(krb.error(code))).used is used


def test_proof_comes_with_every_encryption_type_that_clients_offer() -> None:
    """The list chooses the session key too, which krbtgt may have an RC4 key for only."""
    seen: list[bytes] = []
    prove(krb.answering(krb.error(24), seen=seen), info=kdc.KeyInfo(17, b"LAB.TESTsvc"))
    body = fields(read_element(read_element(seen[0], 0).value, 0))[4]
    assert [part[0] for part in re.findall(rb"\x02\x01(.)", fields(body)[8].value, re.DOTALL)] == [17, 18, 20, 19, 23]


NO_PROOFS: list[tuple[str, Play]] = [
    ("another password's key", krb.answering(krb.reply(cipher=preauth.encrypt(bytes(32), 3, krb.reply_part(1))))),
    ("a ticket for another request", knowing(KEY, nonce=1)),
    ("a ticket that claims another encryption type", knowing(KEY, kind=23)),
    ("noise where the sealed part should be", krb.answering(krb.reply())),
    ("nothing sealed", krb.answering(krb.reply(cipher=b""))),
    ("sealed noise", krb.answering(krb.reply(cipher=preauth.encrypt(KEY, 3, b"\xff" * 40)))),
    ("an AS-REP without parts", krb.answering(krb.der(0x6B, krb.der(0x30)))),
    ("silence", lambda sock: time.sleep(5)),
    ("hanging up", lambda sock: sock.close()),
    ("HTTP", krb.raw(b"HTTP/1.1 200 OK\r\n\r\n")),
]


@pytest.mark.parametrize("act", [row[1] for row in NO_PROOFS], ids=[row[0] for row in NO_PROOFS])
def test_only_who_knows_the_key_can_accept_and_everything_else_is_in_doubt(act: Play) -> None:
    step = prove(act, seconds=0.5)
    assert (step.outcome, step.code, step.used, step.got) == ("failed", None, True, "")


def test_password_that_could_not_be_sent_was_not_used() -> None:
    with socket.create_server((ADDRESS, 0)) as listener:
        port = listener.getsockname()[1]
    step = preauth.prove(ADDRESS, "LAB.TEST", "svc", "secret", INFO, Deadline(1), port)
    assert (step.outcome, step.used) == ("failed", False)


def test_cryptography_that_refuses_is_told_and_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIPS mode does so in some builds."""

    def refuse(*_asked: object) -> bytes:
        raise ValueError("disabled for FIPS")

    monkeypatch.setattr(preauth.hashlib, "pbkdf2_hmac", refuse)
    with Hostile(krb.answering(krb.error(24))) as server:
        step = preauth.prove(ADDRESS, "LAB.TEST", "svc", "secret", INFO, Deadline(1), server.port)
        assert server.connections == 0
    assert (step.outcome, step.used) == ("failed", False)
    assert "disabled for FIPS" in step.means


def test_one_message_goes_to_one_kdc() -> None:
    seen: list[bytes] = []
    prove(krb.answering(krb.error(24), seen=seen))
    assert len(seen) == 1
    assert b"secret" not in seen[0]


TIMESTAMP = krb.padata(2, b"")


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ((TIMESTAMP, krb.etype_info2((18, "S"), (17, "S"))), 18),
        ((TIMESTAMP, krb.etype_info2((23, ""), (17, "S"))), 17),
        ((TIMESTAMP, krb.etype_info2((23, ""))), None),
        ((krb.padata(138, b""), krb.etype_info2((18, "S"))), None),
        ((TIMESTAMP, krb.etype_info2((18, ""))), None),
    ],
    ids=["AES256", "AES128", "RC4 alone", "no timestamp", "no salt"],
)
def test_key_is_one_that_can_be_made_here(items: tuple[bytes, ...], kind: int | None) -> None:
    found = preauth.key_info(kdc.read_reply(krb.error(25, e_data=krb.method_data(*items))))
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize(
    ("params", "usable"),
    [
        ("", True), ("00001000", True), ("00002000", True), ("00000000", False), ("ffffffff", False), ("1000", False), ("00000001", False), ("00000fff", False),
    ],
)
def test_iteration_counts_are_those_that_libkrb5_would_take_too(params: str, usable: bool) -> None:
    """More would cost minutes, and fewer would make the proof cheap to guess the password from."""
    reply = kdc.Reply(code=25, timestamp=True, keys=(kdc.KeyInfo(18, b"S", bytes.fromhex(params)),))
    assert (preauth.key_info(reply) is not None) is usable


def test_kdc_that_wants_one_cheap_key_gets_no_other_proof_either() -> None:
    usual, cheap = kdc.KeyInfo(18, b"S"), kdc.KeyInfo(17, b"S", b"\0\0\0\1")
    assert preauth.key_info(kdc.Reply(code=25, timestamp=True, keys=(usual, cheap))) is None
