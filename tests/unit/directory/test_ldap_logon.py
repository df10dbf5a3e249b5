# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logons: sealed by NTLM for real, and every order of methods; a password that was judged is sent to nobody else."""

from __future__ import annotations

import ssl
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.directory import bind
from ansible_collections.winrm.doctor.plugins.module_utils.directory.binding import LogonError
from ansible_collections.winrm.doctor.plugins.module_utils.directory.ldap import Credentials, Ldap, LdapUnreachable
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import AS, FAILED, GRANTED, NOT_TRIED, REFUSED, BindEvidence, KerberosStep
from ansible_collections.winrm.doctor.plugins.module_utils.wire.background import Late
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ansible_collections.winrm.doctor.plugins.module_utils.wire.spnego import read_element
from lab.pki import Pki
from lab.scenario import Host
from ldap_server import BIND, BIND_RESPONSE, EXTENDED_RESPONSE, SEARCH_DONE, Peer, Request, Script, Server, done, entry, message, result, text

pytest.importorskip("sansldap", reason="the Python library sansldap is not installed")
spnego = pytest.importorskip("spnego", reason="the Python library pyspnego is not installed")

NAME, PASSWORD = "dc1.lab.test", "Passw0rd!alice"
ALICE = Credentials("LAB\\alice", PASSWORD)
SAMBA_WRONG = "8009030C: LdapErr: DSID-0C0904DC, comment: AcceptSecurityContext error, data 52e, v1db1"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Users for the NTLM acceptor, and no Kerberos unless a test brings one."""
    users = tmp_path / "users"
    users.write_text(f"LAB:alice:{PASSWORD}\n", encoding="utf-8")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    monkeypatch.setattr(deps, "gssapi", None)


def token_of(request: Request) -> tuple[str, bytes]:
    """Mechanism and token of a SASL bind, or "" and name and password of a simple one."""
    at = read_element(request.body, 0).end
    name = read_element(request.body, at)
    choice = read_element(request.body, name.end)
    if choice.tag == 0x80:
        return "", name.value + b":" + choice.value
    mechanism = read_element(choice.value, 0)
    return mechanism.value.decode(), read_element(choice.value, mechanism.end).value


def bound(number: int, code: int = 0, words: str = "", token: bytes | None = None) -> bytes:
    return message(number, BIND_RESPONSE, result(code, words), b"" if token is None else text(token, 0x87))


def ntlm(then: Script) -> Script:
    """Accepts NTLM as a controller does, and goes on sealed."""

    def script(peer: Peer) -> None:
        context = spnego.server(protocol="ntlm")
        while True:
            request = peer.read()
            mechanism, token = token_of(request)
            assert mechanism == "GSS-SPNEGO"
            try:
                out = context.step(token)
            except spnego.exceptions.SpnegoError:
                peer.send(bound(request.number, 49, SAMBA_WRONG))
                continue
            if context.complete:
                break
            peer.send(bound(request.number, 14, token=out))
        peer.send(bound(request.number))
        peer.seal = context
        then(peer)

    return script


def refusing(*refusals: tuple[int, str]) -> tuple[Script, list[tuple[str, bytes]]]:
    """Refuses one bind after the other, on whatever connection, and notes them; after the last one says yes."""
    left, seen = list(refusals), []

    def script(peer: Peer) -> None:
        while True:
            request = peer.read()
            if request.operation == BIND:
                seen.append(token_of(request))
                peer.send(bound(request.number, *left.pop(0)) if left else bound(request.number))
            else:
                peer.send(entry(request.number, "", defaultNamingContext=["DC=lab,DC=test"], dnsHostName=[NAME]) + done(request.number))

    return script, seen


def tls(pki: Pki, script: Script) -> Script:
    path, _leaf = pki.issue(Host("dc1", "127.0.0.1", "x", certificate=("good",)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)

    def secured(peer: Peer) -> None:
        peer.secure(context)
        script(peer)

    return secured


def logon(script: Script, credentials: Credentials = ALICE, *, transport: str = "sealed", name: str = NAME, **domain: t.Any) -> Ldap:
    """A client that has logged on, or tried to; its `binds` tell."""
    server = Server(script)
    ldap = Ldap("127.0.0.1", name, port=server.port, transport=transport, deadline=Deadline(10), domain=Domain(name="lab.test", **domain))
    ldap.connect()
    ldap.bind(credentials)
    assert not server.errors
    return ldap


def outcomes(ldap: Ldap) -> list[tuple[str, str]]:
    return [(one.method, one.outcome) for one in ldap.binds]


class Ticket:
    """A Kerberos that needs no KDC: what its steps say is the test's."""

    account, complete, encrypts = "alice@LAB.TEST", False, True

    def __init__(self, *_arguments: t.Any, **_options: t.Any) -> None:
        self.steps = 0

    def step(self, answer: bytes | None) -> bytes | None:
        self.steps += 1
        self.complete = answer == b"proof"
        return None if self.complete else b"ticket"

    def wrap(self, data: bytes) -> bytes:
        return data[::-1]

    def unwrap(self, data: bytes) -> bytes:
        return data[::-1]


@pytest.fixture
def kerberos(monkeypatch: pytest.MonkeyPatch) -> type[Ticket]:
    """Kerberos is there, and the KDC takes the password unless a test says otherwise."""

    class Held(Ticket):
        pass

    monkeypatch.setattr(deps, "speaks_kerberos", lambda: True)
    monkeypatch.setattr(bind, "KerberosExchange", Held)
    answering(monkeypatch, KerberosStep(AS, "alice@LAB.TEST", GRANTED, "granted", used=True))
    return Held


PRINCIPALS: list[str] = []
"""For whom tickets were asked for."""


def answering(monkeypatch: pytest.MonkeyPatch, step: KerberosStep) -> None:
    PRINCIPALS.clear()

    class Answered:
        cache = "MEMORY:x"

        def __enter__(self) -> t.Any:
            return self

        def __exit__(self, *_error: object) -> None:
            return

        def acquire(self, principal: str, _password: str) -> KerberosStep:
            PRINCIPALS.append(principal)
            return step

    monkeypatch.setattr(bind, "Tickets", Answered)


def test_ntlm_seals_what_follows_and_nothing_is_readable_on_the_wire() -> None:
    raw: list[bytes] = []

    def directory(peer: Peer) -> None:
        seal, peer.seal = peer.seal, None
        head = peer._exactly(4)
        sealed = peer._exactly(int.from_bytes(head, "big"))
        raw.append(sealed)
        asked = seal.unwrap(sealed).data
        assert b"sAMAccountName" in asked
        peer.seal = seal
        number = read_element(read_element(asked, 0).value, 0).value[-1]
        peer.send(entry(number, "CN=alice", cn=["alice"]), entry(number, "CN=bob", cn=["bob"]))
        peer.send(done(number))
        peer.wait()

    ldap = logon(ntlm(directory), replace(ALICE, method="ntlm"))
    assert ldap.binds == (
        BindEvidence(NAME, ldap.port, "ntlm", "sealed", GRANTED, "Logged on with NTLM. Every message is encrypted by the logon itself.", "LAB\\alice"),
    )
    assert [one.text("cn") for one in ldap.search("DC=x", "(sAMAccountName=*)", ["cn"])] == ["alice", "bob"]
    assert b"sAMAccountName" not in raw[0]


def raw(data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read()
        peer.sock.sendall(data)
        peer.wait()

    return script


def sealed(data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read()
        peer.send(data)
        peer.wait()

    return script


@pytest.mark.parametrize(
    ("then", "why", "says"),
    [
        (Peer.wait, "timeout", "answered and then fell silent"),
        (lambda peer: t.cast(None, peer.read()), "closed", "it closed the connection"),
        (raw(b"\x7f\xff\xff\xff"), "too_large", "a sealed message claims 2147483647 bytes"),
        (raw(b"\x00\x00\x00\x20" + b"x" * 32), "not_ldap", "a sealed message that does not open"),
        (raw(b"\x00\x00\x00\x00"), "not_ldap", "a sealed message that does not open"),
        (raw(done(2)), "not_ldap", "a message without encryption came on an encrypted connection"),
        (raw(b"\x30\x84\x00\x00\x00\x10" + b"x" * 16), "not_ldap", "a message without encryption"),
        (sealed(b"HTTP/1.1 200 OK\r\n"), "not_ldap", "a web server"),
        (sealed(message(0, EXTENDED_RESPONSE, result(52, "down"), text("1.3.6.1.4.1.1466.20036", 0x8A))), "closed", "notice of disconnection"),
        (sealed(message(77, SEARCH_DONE, result(0))), "not_ldap", "message 77"),
    ],
)
def test_after_a_sealed_logon_every_way_to_fail_has_its_word(then: Script, why: str, says: str) -> None:
    ldap = logon(ntlm(then), replace(ALICE, method="ntlm"))
    ldap.deadline = Deadline(0.7)
    with pytest.raises(LdapUnreachable) as caught:
        list(ldap.search("DC=x", "(cn=*)", ["cn"]))
    assert (caught.value.why, says in caught.value.text) == (why, True), caught.value.text


def test_what_comes_right_behind_a_sealed_logons_answer_is_not_believed() -> None:
    def script(peer: Peer) -> None:
        context = spnego.server(protocol="ntlm")
        request = peer.read()
        peer.send(bound(request.number, 14, token=context.step(token_of(request)[1])))
        request = peer.read()
        context.step(token_of(request)[1])
        peer.send(bound(request.number), done(request.number + 1))
        peer.wait()

    with pytest.raises(LdapUnreachable, match="something came behind the answer to the logon"):
        logon(script, replace(ALICE, method="ntlm"))


def test_a_wrong_password_is_told_with_its_code() -> None:
    (seen,) = logon(ntlm(Peer.wait), Credentials("LAB\\alice", "wrong", "ntlm")).binds
    assert (seen.outcome, seen.code, seen.data) == (REFUSED, 49, 0x52E)
    assert seen.means.startswith("dc1.lab.test (127.0.0.1) refused the logon with NTLM: invalidCredentials (49), ERROR_LOGON_FAILURE (0x52e): User name or")


@pytest.mark.parametrize("data", ["525", "52e", "530", "531", "532", "533", "701", "773", "775", "0", "80090346"])
def test_whatever_may_judge_the_account_ends_it(pki: Pki, data: str) -> None:
    script, seen = refusing((49, f"80090308: LdapErr: x, comment: AcceptSecurityContext error, data {data}, v1"))
    ldap = logon(tls(pki, script), transport="ldaps", ca_path=str(pki.bundle))
    assert outcomes(ldap) == [("kerberos", NOT_TRIED), ("ntlm", REFUSED)]
    assert len(seen) == 1, "the password was sent to nobody else"


def test_without_kerberos_ntlm_is_next_and_says_so() -> None:
    ldap = logon(ntlm(Peer.wait))
    assert outcomes(ldap) == [("kerberos", NOT_TRIED), ("ntlm", GRANTED)]
    assert "gssapi and krb5" in ldap.binds[0].means


@pytest.mark.parametrize(("code", "outcome"), [(24, REFUSED), (6, REFUSED), (18, REFUSED), (23, REFUSED), (None, FAILED)])
def test_a_kdc_that_judged_the_password_ends_it(
    monkeypatch: pytest.MonkeyPatch, kerberos: type[Ticket], code: int | None, outcome: str,
) -> None:
    answering(monkeypatch, KerberosStep(AS, "alice@LAB.TEST", outcome, "The password is wrong.", code=code, used=True))
    script, seen = refusing()
    ldap = logon(script)
    assert outcomes(ldap) == [("kerberos", outcome)]
    assert ldap.binds[0].means.startswith("The password is wrong.")
    assert ("Set ldap_auth to ntlm" in ldap.binds[0].means) == (outcome == FAILED), "what is in doubt is the user's choice"
    assert not seen


@pytest.mark.parametrize(
    ("username", "principal"),
    [
        ("alice", "alice@LAB.TEST"), ("LAB\\alice", "alice@LAB.TEST"), ("alice@Lab.Test", "alice@LAB.TEST"), ("lab.test\\alice", "alice@LAB.TEST"),
        ("alice@other.test", "alice@other.test@LAB.TEST"), ("other.test\\alice", "alice@OTHER.TEST"),
    ],
)
def test_the_kdc_is_asked_for_the_person_that_is_meant(kerberos: type[Ticket], username: str, principal: str) -> None:
    logon(accepting(0, b"proof"), Credentials(username, PASSWORD))
    assert principal == PRINCIPALS[0]


def test_the_same_name_in_another_domain_is_not_asked_for(kerberos: type[Ticket]) -> None:
    script, seen = refusing((49, SAMBA_WRONG), (49, SAMBA_WRONG))
    ldap = logon(script, Credentials("OTHER\\alice", PASSWORD))
    assert not PRINCIPALS
    assert "Write the user name as user@DOMAIN." in ldap.binds[0].means
    assert [mechanism for mechanism, _token in seen] == ["GSS-SPNEGO"], "NTLM carries the domain along"


def test_a_kdc_that_never_came_to_the_password_leaves_it_to_ntlm(monkeypatch: pytest.MonkeyPatch, kerberos: type[Ticket]) -> None:
    answering(monkeypatch, KerberosStep(AS, "alice@LAB.TEST", FAILED, "No KDC answers.", code=156))
    assert outcomes(logon(ntlm(Peer.wait))) == [("kerberos", FAILED), ("ntlm", GRANTED)]


def test_a_kdc_that_says_nothing_leaves_it_in_doubt(monkeypatch: pytest.MonkeyPatch, kerberos: type[Ticket]) -> None:
    class Never:
        def __init__(self, _work: t.Any) -> None:
            """Runs nothing."""

        def result(self, _seconds: float) -> t.Any:
            raise Late

    monkeypatch.setattr(bind, "Background", Never)
    script, seen = refusing()
    assert outcomes(logon(script)) == [("kerberos", FAILED)]
    assert not seen


def test_no_ticket_for_the_controller_leaves_it_to_ntlm(monkeypatch: pytest.MonkeyPatch, kerberos: type[Ticket]) -> None:
    def step(_self: Ticket, _answer: bytes | None) -> bytes | None:
        raise LogonError("Kerberos gave no ticket for ldap/dc1.lab.test: 7 (KDC_ERR_S_PRINCIPAL_UNKNOWN)")

    monkeypatch.setattr(kerberos, "step", step)
    ldap = logon(ntlm(Peer.wait))
    assert outcomes(ldap) == [("kerberos", FAILED), ("ntlm", GRANTED)]
    assert ldap.binds[0].means == "Kerberos gave no ticket for ldap/dc1.lab.test: 7 (KDC_ERR_S_PRINCIPAL_UNKNOWN)."


def accepting(code: int, token: bytes | None) -> Script:
    def script(peer: Peer) -> None:
        while True:
            peer.send(bound(peer.read().number, code, token=token))

    return script


def test_kerberos_is_granted_once_the_controller_has_proven_itself(kerberos: type[Ticket]) -> None:
    (seen,) = logon(accepting(0, b"proof")).binds
    assert (seen.method, seen.outcome, seen.account) == ("kerberos", GRANTED, "alice@LAB.TEST")


@pytest.mark.parametrize(
    ("code", "token", "says"),
    [
        (0, None, "accepted the logon without proving who it is"), (0, b"nonsense", "accepted the logon without proving who it is"),
        (14, b"again", "never came to an end with the Kerberos logon"),
    ],
)
def test_a_yes_without_a_proof_is_not_believed_and_nothing_else_tried(kerberos: type[Ticket], code: int, token: bytes | None, says: str) -> None:
    ldap = logon(accepting(code, token))
    assert outcomes(ldap) == [("kerberos", FAILED)]
    assert says in ldap.binds[0].means


def test_who_fails_to_prove_himself_by_kerberos_gets_no_ntlm_to_guess_from(monkeypatch: pytest.MonkeyPatch, kerberos: type[Ticket]) -> None:
    def step(_self: Ticket, answer: bytes | None) -> bytes | None:
        if answer is None:
            return b"ticket"
        raise LogonError("The controller did not prove by Kerberos who it is: 41 (KRB_AP_ERR_MODIFIED)")

    monkeypatch.setattr(kerberos, "step", step)
    for code in (0, 14):
        ldap = logon(accepting(code, b"forged"))
        assert outcomes(ldap) == [("kerberos", FAILED)]
        assert "did not prove by Kerberos who it is" in ldap.binds[0].means


def test_a_slow_ticket_cache_leaves_it_to_ntlm(monkeypatch: pytest.MonkeyPatch, kerberos: type[Ticket]) -> None:
    def never(*_arguments: t.Any, **_options: t.Any) -> t.Any:
        raise Late

    monkeypatch.setattr(bind, "KerberosExchange", never)
    ldap = logon(ntlm(Peer.wait))
    assert outcomes(ldap) == [("kerberos", FAILED), ("ntlm", GRANTED)]
    assert ldap.binds[0].means == "The ticket cache did not answer in time."


def test_a_server_that_hides_its_root_is_asked_all_the_same(kerberos: type[Ticket]) -> None:
    def script(peer: Peer) -> None:
        while True:
            request = peer.read()
            peer.send(bound(request.number, token=b"proof") if request.operation == BIND else done(request.number, 50))

    assert outcomes(logon(script, name="")) == [("kerberos", GRANTED)]


def test_a_logon_that_would_not_encrypt_is_not_used(monkeypatch: pytest.MonkeyPatch, kerberos: type[Ticket]) -> None:
    monkeypatch.setattr(kerberos, "encrypts", False)
    ldap = logon(accepting(0, b"proof"))
    assert outcomes(ldap) == [("kerberos", FAILED)]
    assert "would not encrypt" in ldap.binds[0].means


def test_where_tls_and_signing_do_not_go_together_the_password_goes_inside_tls(pki: Pki, kerberos: type[Ticket]) -> None:
    script, seen = refusing((8, "SASL:[GSS-SPNEGO]: Sign or Seal are required."))
    ldap = logon(tls(pki, script), transport="ldaps", ca_path=str(pki.bundle))
    assert outcomes(ldap) == [("kerberos", REFUSED), ("simple", GRANTED)]
    assert "Set ldap_transport to sealed, or ldap_auth to simple." in ldap.binds[0].means
    assert seen[1] == ("", b"LAB\\alice:" + PASSWORD.encode())


def test_a_server_that_wants_no_signing_inside_tls_says_what_to_do(pki: Pki, kerberos: type[Ticket]) -> None:
    script, _seen = refusing((53, "00002029: LdapErr: DSID-0C090593, comment: Cannot start kerberos signing/sealing when using TLS/SSL, data 0, v4f7c"))
    ldap = logon(tls(pki, script), replace(ALICE, method="kerberos"), transport="ldaps", ca_path=str(pki.bundle))
    assert (ldap.binds[0].code, ldap.binds[0].data) == (53, 0x2029)
    assert ldap.binds[0].means.endswith("This server does not take such a logon inside TLS. Set ldap_transport to sealed, or ldap_auth to simple.")


def test_kerberos_alone_is_not_followed_by_anything(pki: Pki, kerberos: type[Ticket]) -> None:
    script, seen = refusing((8, "SASL:[GSS-SPNEGO]: Sign or Seal are required."))
    assert outcomes(logon(tls(pki, script), replace(ALICE, method="kerberos"), transport="ldaps", ca_path=str(pki.bundle))) == [("kerberos", REFUSED)]
    assert len(seen) == 1


def test_a_server_that_nobody_proved_is_not_handed_the_password_unasked(pki: Pki, kerberos: type[Ticket]) -> None:
    script, seen = refusing((8, ""))
    assert outcomes(logon(tls(pki, script), transport="ldaps", validate_certs=False)) == [("kerberos", REFUSED)]
    assert len(seen) == 1
    script, seen = refusing()
    assert outcomes(logon(tls(pki, script), replace(ALICE, method="simple"), transport="ldaps", validate_certs=False)) == [("simple", GRANTED)]


def test_sambas_refusal_of_ntlm_inside_tls_judges_nobody(pki: Pki) -> None:
    script, seen = refusing((49, "8009030C: LdapErr: DSID-0C0904DC, comment: AcceptSecurityContext error, data 57, v1db1"))
    ldap = logon(tls(pki, script), transport="ldaps", ca_path=str(pki.bundle))
    assert outcomes(ldap) == [("kerberos", NOT_TRIED), ("ntlm", REFUSED), ("simple", GRANTED)]
    assert "Samba does not take NTLM inside TLS" in ldap.binds[1].means
    assert [mechanism for mechanism, _token in seen] == ["GSS-SPNEGO", ""]


@pytest.mark.parametrize(
    ("username", "sent"),
    [
        ("alice", b"alice@lab.test"), ("alice@other.test", b"alice@other.test"), ("CN=alice,DC=x", b"CN=alice,DC=x"), ("LAB\\alice", b"LAB\\alice"),
        ("lab.test\\alice", b"alice@lab.test"),
    ],
)
def test_a_simple_logon_brings_the_domain_along(pki: Pki, username: str, sent: bytes) -> None:
    script, seen = refusing()
    logon(tls(pki, script), Credentials(username, "x", "simple"), transport="ldaps", ca_path=str(pki.bundle))
    assert seen == [("", sent + b":x")]


@pytest.mark.parametrize(
    ("credentials", "transport", "says"),
    [
        (Credentials("alice", "x", "simple"), "sealed", "outside TLS the password would travel readable"),
        (Credentials("alice", "x", "auto"), "plain", "without encryption nobody logs on here"),
        (Credentials("alice", None, "ntlm"), "sealed", "NTLM needs a password"),
        (Credentials("alice", "", "ntlm"), "sealed", "NTLM needs a password"),
        (Credentials("alice", None, "auto"), "sealed", "gssapi and krb5, which Kerberos needs, cannot be imported"),
    ],
)
def test_what_cannot_be_tried_sends_nothing(credentials: Credentials, transport: str, says: str) -> None:
    script, seen = refusing()
    (tried,) = logon(script, credentials, transport=transport).binds
    assert tried.outcome == NOT_TRIED
    assert says in tried.means
    assert not seen


def test_a_name_without_a_password_is_not_taken_for_a_logon(pki: Pki) -> None:
    script, seen = refusing()
    (tried,) = logon(tls(pki, script), Credentials("alice", "", "simple"), transport="ldaps", ca_path=str(pki.bundle)).binds
    assert tried.outcome == NOT_TRIED
    assert not seen


def test_no_secret_shows_in_what_is_told() -> None:
    ldap = logon(ntlm(Peer.wait), Credentials("LAB\\alice", "wrong-S3cret", "ntlm"))
    assert "S3cret" not in repr(ldap.binds)
