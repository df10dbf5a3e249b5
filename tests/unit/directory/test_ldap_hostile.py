# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are silent, slow, lying or none at all: each ends in one word, in a sentence, and in time."""

from __future__ import annotations

import socket
import ssl
import time
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.directory.ldap import Credentials, Ldap, LdapUnreachable
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from lab.pki import Pki
from lab.scenario import Host
from ldap_server import BIND_RESPONSE, EXTENDED_RESPONSE, Peer, Script, Server, done, element, entry, integer, message, result, text

pytest.importorskip("sansldap", reason="the Python library sansldap is not installed")

NAME = "dc1.lab.test"
SOON = 2.0
IN_TIME = 4.0
"""Deadlines after which a test fails: slow machines need more than one."""
NOTICE = message(0, EXTENDED_RESPONSE, result(52, "00000000: LdapErr: DSID-0C0D0FE8, comment: shutting down"), text("1.3.6.1.4.1.1466.20036", 0x8A))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def ldap_of(port: int, transport: str = "sealed", seconds: float = SOON, **domain: t.Any) -> Ldap:
    return Ldap("127.0.0.1", NAME, port=port, transport=transport, deadline=Deadline(seconds), domain=Domain(name="lab.test", **domain))


def ask(ldap: Ldap) -> None:
    with ldap:
        ldap.connect()
        ldap.root()


def failure(script: Script, transport: str = "sealed", seconds: float = SOON, **domain: t.Any) -> tuple[LdapUnreachable, float]:
    """What asking for rootDSE ends in, and after how many deadlines."""
    server = Server(script)
    began = time.monotonic()
    with pytest.raises(LdapUnreachable) as caught:
        ask(ldap_of(server.port, transport, seconds, **domain))
    server.close()
    assert not server.errors
    assert caught.value.text.endswith("."), "a whole sentence"
    assert NAME in caught.value.text
    return caught.value, (time.monotonic() - began) / seconds


def after_a_question(*data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read()
        peer.send(*data)
        peer.wait()

    return script


def then_close(*data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read()
        peer.send(*data)

    return script


def dripping(peer: Peer) -> None:
    peer.read()
    peer.drip(entry(2, "", x=["y" * 10_000]))


def resetting(peer: Peer) -> None:
    peer.read()
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def flooding(peer: Peer) -> None:
    number = peer.read().number
    while True:
        peer.send(message(number, 0x73, text("ldap://other.test")) * 1000)


@pytest.mark.parametrize(
    ("script", "why", "says"),
    [
        (Peer.wait, "silent", "takes the connection and says nothing: no answer within 2.0 s"),
        (dripping, "timeout", "answered and then fell silent"),
        (then_close(), "closed", "ended the conversation: it closed the connection"),
        (then_close(b"\x30\x84\x00"), "closed", "closed in the middle of a message"),
        (then_close(entry(1, "CN=a")), "closed", "it closed the connection"),
        (resetting, "closed", "reset by the peer"),
        (after_a_question(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"), "not_ldap", "a web server: 'HTTP/1.1 400 Bad Request'"),
        (after_a_question(b"\x15\x03\x03\x00\x02\x02\x0a"), "not_ldap", "does not speak LDAP as expected: TLS"),
        (after_a_question(bytes(range(100, 180))), "not_ldap", "bytes that are no LDAP: 6465666768696a6b6c6d6e6f70717273"),
        (after_a_question(b"\x30\x80"), "not_ldap", "a malformed length"),
        (after_a_question(b"\x30\x84\xff\xff\xff\xff"), "too_large", "a message claims 4294967295 bytes"),
        (after_a_question(b"\x30\x05hello"), "not_ldap", "a malformed message: DER element"),
        (after_a_question(element(0x30, text("x") + text("y"))), "not_ldap", "a message without an id"),
        (after_a_question(done(7)), "not_ldap", "message 7, where an answer to message 1 was due"),
        (after_a_question(done(0)), "not_ldap", "message 0, where an answer to message 1 was due"),
        (after_a_question(message(1, 0x66, text("CN=a"))), "not_ldap", "Unknown LDAPMessage.protocolOp choice 6"),
        (after_a_question(message(1, BIND_RESPONSE, result(0))), "not_ldap", "BindResponse in answer to a search"),
        (after_a_question(message(1, 0x65, integer(0, 0x0A))), "not_ldap", "a message whose parts are longer than itself"),
        (after_a_question(message(1, 0x64, text("CN=a"), b"\x30\x50\x30")), "not_ldap", "a message whose parts are longer than itself"),
        (after_a_question(message(1, 0x64, text(b"\xff\xfe"), element(0x30, b""))), "not_ldap", "does not speak LDAP as expected"),
        (after_a_question(NOTICE), "closed", "it gave notice of disconnection. unavailable (52)"),
        (flooding, "too_large", "sent more than was asked for"),
    ],
)
def test_every_way_to_fail_has_its_word_and_ends_in_time(monkeypatch: pytest.MonkeyPatch, script: Script, why: str, says: str) -> None:
    monkeypatch.setattr("ansible_collections.winrm.doctor.plugins.module_utils.wire.ldap.BUDGET", 200_000)
    error, deadlines = failure(script)
    assert (error.why, says in error.text) == (why, True), error.text
    assert deadlines < IN_TIME


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LdapUnreachable, match=r"dc1.lab.test \(127.0.0.1\), port \d+, refused the connection") as caught:
        ldap_of(port).connect()
    assert caught.value.why == "refused"


def test_a_port_that_swallows_connections_is_silent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _one in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        with pytest.raises(LdapUnreachable, match="does not answer") as caught:
            ldap_of(listener.getsockname()[1]).connect()
        for sock in waiting:
            sock.close()
    assert caught.value.why == "silent"


def test_what_is_no_address_is_unreachable() -> None:
    with pytest.raises(LdapUnreachable) as caught:
        Ldap("not an address", "", port=389, transport="sealed", deadline=Deadline(SOON), domain=Domain()).connect()
    assert caught.value.why == "unreachable"


def test_a_huge_length_is_not_waited_for() -> None:
    _error, deadlines = failure(after_a_question(b"\x30\x84\x7f\xff\xff\xff"), seconds=20.0)
    assert deadlines < 0.9


def tls(pki: Pki, *faults: str, first: Script | None = None) -> Script:
    """Shakes hands with a certificate that has these faults, then says nothing."""
    path, _leaf = pki.issue(Host("dc1", "127.0.0.1", "x", certificate=faults or ("good",)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(path)

    def script(peer: Peer) -> None:
        if first:
            first(peer)
        peer.secure(context)
        peer.wait()

    return script


def yes_to_start_tls(peer: Peer) -> None:
    request = peer.read()
    assert request.body.startswith(text("1.3.6.1.4.1.1466.20037", 0x80))
    peer.send(message(request.number, EXTENDED_RESPONSE, result(0)))


@pytest.mark.parametrize("transport", ["ldaps", "start_tls"])
@pytest.mark.parametrize(
    ("faults", "says"),
    [
        (("expired",), "its certificate does not verify: certificate has expired (10)."),
        (("wrong_name",), "Name the controller as its certificate does, in domain_controllers"),
        (("no_san",), "(62). Name the controller as its certificate does"),
        (("self_signed",), "(18). Set ldap_ca_path to the certificates of the domain's authority"),
        (("unknown_root",), "(19). Set ldap_ca_path to the certificates of the domain's authority"),
        (("client_only",), "(26)."),
    ],
    ids=str,
)
def test_a_certificate_that_does_not_verify_ends_it(pki: Pki, transport: str, faults: tuple[str, ...], says: str) -> None:
    first = yes_to_start_tls if transport == "start_tls" else None
    error, _deadlines = failure(tls(pki, *faults, first=first), transport, ca_path=str(pki.bundle))
    assert error.why == "tls"
    assert says in error.text


@pytest.mark.parametrize("transport", ["ldaps", "start_tls"])
def test_inside_tls_silence_is_an_answer_too_few(pki: Pki, transport: str) -> None:
    first = yes_to_start_tls if transport == "start_tls" else None
    error, _deadlines = failure(tls(pki, first=first), transport, ca_path=str(pki.bundle))
    assert error.why == "timeout"
    blind, _deadlines = failure(tls(pki, "expired", "unknown_root", first=first), transport, validate_certs=False)
    assert blind.why == "timeout"


@pytest.mark.parametrize(
    ("script", "transport", "says"),
    [
        (Peer.wait, "ldaps", "the handshake was not finished within 2.0 s"),
        (lambda peer: None, "ldaps", "the server ended the handshake. A domain controller without a certificate does that"),
        (lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "ldaps", "the handshake failed: WRONG_VERSION_NUMBER"),
        (
            lambda peer: peer.send(message(peer.read().number, EXTENDED_RESPONSE, result(52, "00000000: LdapErr: DSID-0C090F78, comment: no certificate"))),
            "start_tls", "the server refused StartTLS. unavailable (52)",
        ),
        (lambda peer: peer.send(message(peer.read().number, EXTENDED_RESPONSE, result(4711))), "start_tls", "the server refused StartTLS. result 4711"),
    ],
)
def test_no_tls_says_why(script: Script, transport: str, says: str) -> None:
    error, deadlines = failure(script, transport, validate_certs=False)
    assert (error.why, says in error.text) == ("tls", True), error.text
    assert deadlines < IN_TIME


def test_a_dripped_handshake_ends_in_time(pki: Pki) -> None:
    error, deadlines = failure(lambda peer: peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 400), "ldaps", validate_certs=False)
    assert error.why == "tls"
    assert deadlines < IN_TIME


def test_what_is_slipped_in_before_tls_is_not_believed(pki: Pki) -> None:
    def slipped(peer: Peer) -> None:
        peer.send(message(peer.read().number, EXTENDED_RESPONSE, result(0)), message(2, BIND_RESPONSE, result(0)))

    error, _deadlines = failure(tls(pki, first=slipped), "start_tls", ca_path=str(pki.bundle))
    assert error.why == "not_ldap"
    assert "something came behind the answer to StartTLS" in error.text


def test_a_trust_store_that_is_not_there_is_named(pki: Pki) -> None:
    error, _deadlines = failure(tls(pki), "ldaps", ca_path="/does/not/exist.pem")
    assert error.why == "tls"
    assert "the trust store /does/not/exist.pem cannot be read: No such file or directory" in error.text


@pytest.mark.parametrize("library", ["sansldap", "pyspnego"])
def test_a_missing_library_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(deps._ERRORS, library, f"No module named '{library}'")
    with pytest.raises(LdapUnreachable, match=f"The Python library {library} cannot be imported: No module named") as caught:
        ldap_of(1).connect()
    assert caught.value.why == "library"


def test_no_secret_shows_in_credentials() -> None:
    assert "S3cret" not in repr(Credentials("alice", "S3cret!"))
