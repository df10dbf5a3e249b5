# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in hosts take tickets or refuse them as Windows does. No KDC: the tests issue the tickets, MIT's client library sends them, pyspnego around it."""

from __future__ import annotations

import base64
import datetime
import json
import os
import ssl
import struct
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
import spnego
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import TokenEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.wire import kerberos as wire
from ansible_collections.winrm.doctor.plugins.module_utils.wire import tokens
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from lab.domain.keytab import keytab
from lab.logon import converse, kerberos
from lab.logon.journal import Journal
from lab.logon.ntlm import account_of, bindings_of
from lab.messages import Account, Conversation, Request, Response, Windows
from pypsrp.encryption import WinRMEncryption
from spnego import _asn1 as asn1
from spnego._spnego import NegTokenInit
from spnego.channel_bindings import GssChannelBindings
from spnego.tls import generate_tls_certificate

needs_gssapi = pytest.mark.skipif(kerberos.gssapi is None, reason="the Python library gssapi is not installed")

AES128_SHA256 = 19
"""[RFC 8009]; in the library's own list of what it permits, and short to write down."""
TICKET_USAGE = 2
PASSWORD = "a-password-of-the-lab"
KRB5, NTLM, UNKNOWN = "1.2.840.113554.1.2.2", "1.3.6.1.4.1.311.2.2.10", "1.3.6.1.4.1.311.2.2.30"
IDENTIFY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    b"<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
)


def derive(key: bytes, constant: int) -> bytes:
    """KDF-HMAC-SHA2 with the usage of a ticket ([RFC 8009] 3)."""
    label = struct.pack(">IB", TICKET_USAGE, constant)
    return digest(key, b"\x00\x00\x00\x01" + label + b"\x00" + struct.pack(">I", 128))


def digest(key: bytes, data: bytes) -> bytes:
    code = hmac.HMAC(key, hashes.SHA256())
    code.update(data)
    return code.finalize()[:16]


def encrypt(key: bytes, plain: bytes) -> bytes:
    """AES in CBC with ciphertext stealing, then a hash ([RFC 8009] 5)."""
    data = os.urandom(16) + plain
    tail = len(data) % 16 or 16
    cipher = Cipher(algorithms.AES(derive(key, 0xAA)), modes.CBC(bytes(16))).encryptor()
    blocks = cipher.update(data + bytes(16 - tail)) + cipher.finalize()
    stolen = blocks[:-32] + blocks[-16:] + blocks[-32:-16][:tail]
    return stolen + digest(derive(key, 0x55), bytes(16) + stolen)


def tagged(**parts: bytes) -> bytes:
    """A SEQUENCE of context-tagged fields: a3=... is [3]."""
    return asn1.pack_asn1_sequence([asn1.pack_asn1(asn1.TagClass.context_specific, True, int(name[1:]), value) for name, value in parts.items()])


def principal_name(name: str) -> bytes:
    return tagged(a0=asn1.pack_asn1_integer(1), a1=asn1.pack_asn1_sequence([asn1.pack_asn1_general_string(part) for part in name.split("/")]))


def moment(seconds: float) -> bytes:
    when = datetime.datetime.fromtimestamp(time.time() + seconds, datetime.timezone.utc)
    return asn1.pack_asn1(asn1.TagClass.universal, False, asn1.TypeTagNumber.generalized_time, f"{when:%Y%m%d%H%M%SZ}".encode())


def ticket(key: bytes, session: bytes, client: str, service: str, realm: str) -> bytes:
    """A Ticket ([RFC 4120] 5.3) whose transit was checked by its KDC, good for an hour."""
    number, octets, string = asn1.pack_asn1_integer, asn1.pack_asn1_octet_string, asn1.pack_asn1_general_string
    user, _at, home = client.partition("@")
    secret = asn1.pack_asn1(asn1.TagClass.application, True, 3, tagged(
        a0=asn1.pack_asn1_bit_string(struct.pack(">I", 0x00080000)), a1=tagged(a0=number(AES128_SHA256), a1=octets(session)), a2=string(home),
        a3=principal_name(user), a4=tagged(a0=number(1), a1=octets(b"")), a5=moment(0), a6=moment(0), a7=moment(3600),
    ))
    sealed = tagged(a0=number(AES128_SHA256), a1=number(1), a2=octets(encrypt(key, secret)))
    return asn1.pack_asn1(asn1.TagClass.application, True, 1, tagged(a0=number(5), a1=string(realm), a2=principal_name(service), a3=sealed))


def counted(data: bytes | str) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(raw)) + raw


def cached_name(principal: str) -> bytes:
    name, _at, realm = principal.partition("@")
    parts = name.split("/")
    return struct.pack(">II", 1, len(parts)) + counted(realm) + b"".join(map(counted, parts))


@dataclass(frozen=True)
class Issuer:
    """Stands for the KDC: it knows a service's key and fills ticket caches (MIT's documentation, "Credential cache file format", version 4)."""

    folder: Path
    key: bytes

    def give(self, client: str = "alice@LAB.TEST", service: str = "HTTP/web01.lab.test") -> None:
        session, now = os.urandom(16), int(time.time())
        whole = cached_name(client) + cached_name(f"{service}@LAB.TEST") + struct.pack(">H", AES128_SHA256) + counted(session)
        whole += struct.pack(">IIII", now, now, now + 3600, 0) + b"\x00" + struct.pack(">III", 0x00080000, 0, 0)
        whole += counted(ticket(self.key, session, client, service, "LAB.TEST")) + counted(b"")
        (self.folder / "cache").write_bytes(b"\x05\x04\x00\x00" + cached_name(client) + whole)

    def keys(self, right: bool = True) -> str:
        """The host's own keytab, or one with another key."""
        path = self.folder / f"keytab.{right}"
        path.write_bytes(keytab("WEB01$@LAB.TEST", 1, {AES128_SHA256: self.key if right else os.urandom(16)}))
        return str(path)


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    conf = tmp_path / "krb5.conf"
    conf.write_text("[libdefaults]\ndefault_realm = LAB.TEST\ndns_lookup_kdc = false\nrdns = false\ndns_canonicalize_hostname = false\n"
                    "permitted_enctypes = aes128-sha2\n[domain_realm]\n.lab.test = LAB.TEST\n")
    monkeypatch.setenv("KRB5_CONFIG", str(conf))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'cache'}")
    made = Issuer(tmp_path, os.urandom(16))
    made.give()
    return made


def windows(issuer: Issuer | None = None, right: bool = True, **settings: t.Any) -> Windows:
    names = {"computer": "WEB01", "domain": "LAB", "dns_domain": "lab.test"}
    accounts = {"alice": Account(PASSWORD), "carol@OTHER.TEST": Account(PASSWORD, groups="remote_management_users"), "local": Account(PASSWORD, local=True)}
    member = {"realm": "LAB.TEST", "keytab": issuer.keys(right)} if issuer else {}
    return Windows(**{**names, "accounts": accounts, **member, **settings})


def lines(response: Response) -> list[str]:
    return [value for name, value in response.headers if name == "WWW-Authenticate"]


def send(to: Conversation, scheme: str, token: bytes) -> tuple[Response, bytes]:
    """The response and the token that came with it."""
    response = to.answer(Request("POST", "/wsman", {"host": "web01", "authorization": f"{scheme} {base64.b64encode(token).decode()}"}))
    back = [line.partition(" ")[2] for line in lines(response)]
    return response, base64.b64decode(back[0]) if back and back[0] else b""


class Client:
    """A logon by pyspnego, which for Kerberos is MIT's library."""

    def __init__(self, kind: Windows, scheme: str = "Negotiate", protocol: str = "kerberos", bindings: GssChannelBindings | None = None, *,
                 certificate: bytes | None = None, user: t.Any = None) -> None:
        self.log = Path(kind.keytab or "/nonexistent").with_name("journal") if kind.keytab else None
        self.scheme, self.to = scheme, converse(kind, certificate=certificate, journal=Journal(self.log))
        self.context = spnego.client(
            user, PASSWORD if isinstance(user, str) else None, protocol=protocol, hostname="web01.lab.test", service="HTTP", channel_bindings=bindings,
            options=spnego.NegotiateOptions.none if protocol == "credssp" else spnego.NegotiateOptions.wrapping_winrm,
        )

    def log_on(self) -> Response:
        token = self.context.step()
        while True:
            response, back = send(self.to, self.scheme, token or b"")
            self.back = back
            token = self.context.step(back) if back else None
            if not token:
                return response

    def ask(self) -> str:
        sealing = {"Negotiate": WinRMEncryption.SPNEGO, "Kerberos": WinRMEncryption.KERBEROS}[self.scheme]
        cipher = WinRMEncryption(self.context, sealing)
        kind, body = cipher.wrap_message(IDENTIFY)
        response = self.to.answer(Request("POST", "/wsman", {"host": "web01", "content-type": f'{kind};protocol="{sealing}"'}, body))
        assert sealing in dict(response.headers)["Content-Type"]
        return cipher.unwrap_message(response.body, "Encrypted Boundary").decode()

    def seen(self) -> list[tuple[str, str, str]]:
        """What the journal has: user, method, end."""
        text = self.log.read_text() if self.log and self.log.exists() else ""
        return [(line["user"], line["method"], line["ended"]) for line in map(json.loads, text.splitlines())]


@needs_gssapi
@pytest.mark.parametrize("scheme", ["Negotiate", "Kerberos"])
@pytest.mark.parametrize("protocol", ["kerberos", "negotiate"])
def test_ticket_is_taken_bare_or_in_spnego_and_messages_are_sealed(issuer: Issuer, scheme: str, protocol: str) -> None:
    client = Client(windows(issuer, schemes=(scheme,)), scheme, protocol)
    assert client.log_on().status == 200
    assert (client.context.complete, client.context.negotiated_protocol) == (True, "kerberos")
    assert tokens.describe(scheme, client.back).kind == "kerberos_ap_rep"
    assert "OS: 10.0.20348" in client.ask()
    assert client.seen() == [("alice@LAB.TEST", "kerberos", "accepted")]


@needs_gssapi
@pytest.mark.parametrize("scheme", ["Negotiate", "Kerberos"])
@pytest.mark.parametrize("protocol", ["kerberos", "negotiate"])
@pytest.mark.parametrize(
    ("right", "settings", "code", "words", "user"),
    [
        (True, {"clock_offset": 900.0}, 37, "Clock skew too great", "alice@LAB.TEST"),
        (True, {"clock_offset": -900.0}, 37, "Clock skew too great", "alice@LAB.TEST"),
        (True, {"clock_offset": -900.0, "skew_behind_as": 33}, 33, "Ticket not yet valid", "alice@LAB.TEST"),
        (False, {}, 41, "Message stream modified", "(unknown)"),
        (False, {"clock_offset": 900.0}, 41, "Message stream modified", "(unknown)"),
    ],
)
def test_refusal_names_the_error_the_hosts_account_and_clock(
    issuer: Issuer, scheme: str, protocol: str, right: bool, settings: dict[str, t.Any], code: int, words: str, user: str,
) -> None:
    client = Client(windows(issuer, right, **settings), scheme, protocol)
    with pytest.raises(spnego.exceptions.SpnegoError, match=words):
        client.log_on()
    seen = tokens.describe(scheme, client.back)
    assert (seen.kind, seen.code, seen.service) == ("kerberos_error", code, "WEB01$@LAB.TEST")
    assert seen.state == ("accept-incomplete" if protocol == "negotiate" else "")
    offset = datetime.datetime.fromisoformat(str(seen.server_time).replace("Z", "+00:00")).timestamp() - time.time()
    assert abs(offset - settings.get("clock_offset", 0)) < 60
    assert client.seen() == [(user, "kerberos", f"refused {code}")]


@needs_gssapi
def test_refusal_stands_alone_and_leaves_the_connection_open(issuer: Issuer) -> None:
    client = Client(windows(issuer, right=False))
    response, _back = send(client.to, "Negotiate", client.context.step() or b"")
    assert (response.status, len(lines(response)), response.close) == (401, 1, False)
    again = Client(windows(issuer, right=False))
    assert send(client.to, "Negotiate", again.context.step() or b"")[0].status == 401


@needs_gssapi
@pytest.mark.parametrize("settings", [{"clock_offset": 900.0}, {"clock_offset": -900.0}])
def test_refusal_may_be_bare(issuer: Issuer, settings: dict[str, t.Any]) -> None:
    response = Client(windows(issuer, kerberos_error="bare", **settings)).log_on()
    assert (response.status, lines(response), response.close) == (401, ["Negotiate", "Kerberos"], True)


@needs_gssapi
def test_clock_within_five_minutes_is_good(issuer: Issuer) -> None:
    assert Client(windows(issuer, clock_offset=-290.0)).log_on().status == 200


@needs_gssapi
@pytest.mark.parametrize(("cbt", "sent", "status"), [
    ("none", "absent", 200), ("none", "wrong", 200), ("relaxed", "absent", 200), ("relaxed", "wrong", 401), ("relaxed", "right", 200),
    ("strict", "absent", 401), ("strict", "wrong", 401), ("strict", "right", 200),
])
def test_channel_bindings(issuer: Issuer, cbt: str, sent: str, status: int) -> None:
    certificate = ssl.PEM_cert_to_DER_cert(generate_tls_certificate()[0].decode())
    bindings = None if sent == "absent" else bindings_of(certificate, terminated=sent == "wrong")
    client = Client(windows(issuer, cbt=cbt), bindings=bindings, certificate=certificate)
    response = client.log_on()
    assert response.status == status
    assert [ended for _user, _method, ended in client.seen()] == ["accepted" if status == 200 else "refused 0xc000035b"]
    if status == 401:
        assert lines(response) == ["Negotiate", "Kerberos"]


@needs_gssapi
@pytest.mark.parametrize(("client", "user", "groups"), [
    ("alice@LAB.TEST", "LAB\\alice", "administrators"), ("ALICE@LAB.TEST", "LAB\\ALICE", "administrators"),
    ("carol@OTHER.TEST", "OTHER\\carol", "remote_management_users"), ("alice@OTHER.TEST", "OTHER\\alice", "none"), ("local@LAB.TEST", "LAB\\local", "none"),
    ("dave@LAB.TEST", "LAB\\dave", "none"),
])
def test_account_is_that_of_the_principal(issuer: Issuer, client: str, user: str, groups: str) -> None:
    """Whoever has a ticket is logged on; what he may do is another question."""
    kind = windows(issuer)
    assert kerberos.logon_name(kind, client) == user
    assert kerberos.account_of(kind, client).groups == groups
    issuer.give(client)
    logon = Client(kind)
    assert logon.log_on().status == 200
    assert logon.seen() == [(client, "kerberos", "accepted")]


@pytest.mark.parametrize(("user", "groups"), [
    ("LAB\\alice", "administrators"), ("alice@lab.test", "administrators"), ("OTHER\\carol", "remote_management_users"),
    ("carol@other.test", "remote_management_users"), ("LAB\\carol", None), ("carol", None), ("WEB01\\local", "administrators"), ("LAB\\local", None),
])
def test_ntlm_finds_the_same_accounts_by_its_own_spelling(user: str, groups: str | None) -> None:
    account = account_of(windows(), user)
    assert (account.groups if account else None) == groups


@needs_gssapi
@pytest.mark.parametrize(("state", "status"), [("disabled", 200), ("no_network_logon", 401)])
def test_host_asks_for_the_right_to_log_on_and_leaves_the_rest_to_the_kdc(issuer: Issuer, state: str, status: int) -> None:
    assert Client(windows(issuer, accounts={"alice": Account(PASSWORD, state=state)})).log_on().status == status


@needs_gssapi
def test_name_of_the_service_does_not_matter_to_the_key(issuer: Issuer) -> None:
    """A computer's keys open tickets for each of its names, as on Windows."""
    issuer.give(service="WSMAN/alias.lab.test")
    context = spnego.client(protocol="kerberos", hostname="alias.lab.test", service="WSMAN")
    assert send(converse(windows(issuer), certificate=None), "Kerberos", context.step() or b"")[0].status == 200


@needs_gssapi
@pytest.mark.parametrize(("settings", "ended"), [({}, "accepted"), ({"ntlm": "deny"}, "accepted"), ({"clock_offset": 900.0}, "refused 37")])
def test_credssp_takes_a_ticket_inside(issuer: Issuer, settings: dict[str, t.Any], ended: str) -> None:
    both = [spnego.KerberosCCache(os.environ["KRB5CCNAME"]), spnego.Password("alice@LAB.TEST", PASSWORD)]
    client = Client(windows(issuer, schemes=("CredSSP",), **settings), "CredSSP", "credssp", user=both)
    if ended == "accepted":
        assert client.log_on().status == 200
    else:
        with pytest.raises(spnego.exceptions.SpnegoError, match="Clock skew too great"):
            client.log_on()
    assert client.seen() == [("alice@LAB.TEST", "credssp", ended)]


@needs_gssapi
@pytest.mark.parametrize("ntlm", ["deny", "deny_challenge"])
def test_host_that_blocks_ntlm_takes_tickets(issuer: Issuer, ntlm: str) -> None:
    assert Client(windows(issuer, ntlm=ntlm), protocol="negotiate").log_on().status == 200
    refused = Client(windows(issuer, ntlm=ntlm), protocol="ntlm", user="LAB\\alice").log_on()
    assert (refused.status, lines(refused)) == (401, ["Negotiate", "Kerberos"])


@needs_gssapi
def test_scheme_kerberos_takes_no_ntlm(issuer: Issuer) -> None:
    assert Client(windows(issuer), "Kerberos", "ntlm", user="LAB\\alice").log_on().status == 401


@needs_gssapi
def test_host_without_keys_falls_back_to_ntlm_where_that_is_offered_too(issuer: Issuer) -> None:
    workgroup = windows(domain=None)
    both = [spnego.KerberosCCache(os.environ["KRB5CCNAME"]), spnego.Password("alice@LAB.TEST", PASSWORD)]
    client = Client(workgroup, protocol="negotiate", user=both)
    assert client.log_on().status == 200
    assert client.context.negotiated_protocol == "ntlm"
    assert "OS: 10.0.20348" in client.ask()
    alone = Client(workgroup).log_on()
    assert (alone.status, lines(alone)) == (401, ["Negotiate", "Kerberos"])
    assert Client(workgroup, "Kerberos").log_on().status == 401


def test_without_the_library_tickets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kerberos, "gssapi", None)
    kind = windows(realm="LAB.TEST", keytab="/nonexistent")
    token = NegTokenInit([KRB5], mech_token=b"\x60\x00").pack()
    assert send(converse(kind, certificate=None), "Negotiate", token)[0].status == 401
    assert send(converse(kind, certificate=None), "Kerberos", b"\x60\x00")[0].status == 401
    assert Client(windows(), protocol="ntlm", user="LAB\\alice").log_on().status == 200


@pytest.mark.parametrize(("offered", "with_keys", "chosen", "state"), [
    ([NTLM], False, "ntlm", "accept-incomplete"), ([KRB5, NTLM], False, "ntlm", "request-mic"), ([UNKNOWN, NTLM], False, "ntlm", "request-mic"),
    pytest.param([NTLM, KRB5], True, "ntlm", "accept-incomplete", marks=needs_gssapi),
    pytest.param([UNKNOWN, KRB5], True, "kerberos", "request-mic", marks=needs_gssapi),
])
def test_choice_of_the_mechanism_is_the_clients_first_that_is_known(issuer: Issuer, offered: list[str], with_keys: bool, chosen: str, state: str) -> None:
    """[RFC 4178] 4.2.2: a MIC is asked for where the client's first choice was not taken, and the token of that choice is dropped."""
    first = b"of a mechanism that the host does not know"
    if offered[0] == NTLM:
        first = spnego.client("LAB\\alice", PASSWORD, protocol="ntlm").step() or b""
    response, back = send(converse(windows(issuer if with_keys else None), certificate=None), "Negotiate", NegTokenInit(offered, mech_token=first).pack())
    assert response.status == 401
    seen = tokens.describe("Negotiate", back)
    assert (seen.mechanisms, seen.state) == ((chosen,), state)


@pytest.mark.parametrize("token", [b"", b"\x60", b"\x60\x03abc", b"\x6e\x02\x30\x00", NegTokenInit([UNKNOWN]).pack(), b"NTLMSSP\x00"])
@pytest.mark.parametrize("scheme", ["Negotiate", "Kerberos"])
def test_nonsense_is_refused(issuer: Issuer, scheme: str, token: bytes) -> None:
    response, back = send(converse(windows(issuer), certificate=None), scheme, token)
    assert (response.status, back) == (401, b"")


@needs_gssapi
def test_broken_ticket_request_is_answered_by_nothing(issuer: Issuer) -> None:
    """[MS-KILE] 3.4.5: a message that is not well-formed gets a zero-length message."""
    token = bytearray(Client(windows(issuer)).context.step() or b"")
    token[20:40] = bytes(20)
    response, back = send(converse(windows(issuer), certificate=None), "Kerberos", bytes(token))
    assert (response.status, back) == (401, b"")


@pytest.mark.parametrize(("code", "invited"), [(37, True), (33, False), (41, False)])
def test_krb_error_is_read_by_our_own_decoder(code: int, invited: bool) -> None:
    token = kerberos.krb_error(windows(realm="LAB.TEST", clock_offset=-3600.0), code)
    assert wire.is_kerberos(token)
    seen = wire.describe(token)
    assert isinstance(seen, TokenEvidence)
    assert (seen.kind, seen.code, seen.service, seen.text) == ("kerberos_error", code, "WEB01$@LAB.TEST", "")
    assert (kerberos.SKEW_RECOVERY in token) is invited
