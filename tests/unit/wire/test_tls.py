# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts on real handshakes: what OpenSSL says to a plain client, and what it hides behind its first error."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import typing as t
import warnings
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import trust
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import TlsEvidence, VerifyEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import tls
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lab.pki import Pki
from lab.scenario import Host

NAME = "host.lab.test"


class Server:
    """Handshakes with everybody, and counts them."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context, self.handshakes = context, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, 5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _address = self.listener.accept()
                self.handshakes += 1
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), self.context.wrap_socket(raw, server_side=True) as sock:
            sock.recv(1)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def serve(pki: Pki, *faults: str, highest: ssl.TLSVersion | None = None) -> Server:
    path, _leaf = pki.issue(Host("host", "127.0.0.1", "x", certificate=faults or ("good",)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    if highest:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, highest
    context.load_cert_chain(path)
    return Server(context)


def look(server: Server, pki: Pki, name: str = NAME, **more: t.Any) -> tuple[TlsEvidence, ssl.SSLSocket | None]:
    target = from_params({"host": name, "port": 5986, "scheme": "https", "ca_path": str(pki.bundle)})
    options = {"thorough": False, "revocation": False, **more}
    return tls.look(server.connect, name, target=target, deadline=Deadline(10), **options)


def codes(seen: TlsEvidence) -> tuple[int | None, int | None]:
    verdicts = (seen.chain_verify, seen.name_verify)
    return t.cast("tuple[int | None, int | None]", tuple(v.code if isinstance(v, VerifyEvidence) else None for v in verdicts))


def plain_client(server: Server, pki: Pki, name: str = NAME) -> int:
    """The code that a plain verifying client is stopped by; 0 where it is let in."""
    context = ssl.create_default_context(cafile=str(pki.bundle))
    context.hostname_checks_common_name = False
    try:
        context.wrap_socket(server.connect(), server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return 0


@pytest.mark.parametrize(
    ("faults", "chain", "name"),
    [
        ((), 0, 0),
        (("expired",), 10, 0),
        (("future",), 9, 0),
        (("wrong_name",), 0, 62),
        (("no_san",), 0, 62),
        (("self_signed",), 18, 0),
        (("unknown_root",), 19, 0),
        (("unsent_intermediate",), 20, 0),
        (("client_only",), 26, 0),
        (("weak_key",), 66, 0),
        (("expired", "wrong_name"), 10, 62),
        (("unknown_root", "wrong_name"), 19, 62),
        (("client_only", "wrong_name"), 26, 62),
    ],
    ids=lambda value: "+".join(value) or "good" if isinstance(value, tuple) else "",
)
def test_chain_and_name_are_judged_apart(pki: Pki, faults: tuple[str, ...], chain: int, name: int) -> None:
    server = serve(pki, *faults)
    seen, stream = look(server, pki)
    assert codes(seen) == (chain, name)
    assert stream is not None, "a refused certificate does not stop the look"
    stream.close()
    # The first thing that stops a real client is one of our two verdicts.
    assert plain_client(server, pki) in {chain, name}


def test_good_certificate_takes_one_handshake(pki: Pki) -> None:
    server = serve(pki)
    _seen, stream = look(server, pki)
    assert stream is not None
    stream.close()
    assert server.handshakes == 1


def test_presented_chain_is_read_leaf_first(pki: Pki) -> None:
    seen, stream = look(serve(pki), pki)
    assert stream is not None
    stream.close()
    assert not isinstance(seen.chain, Unknown)
    assert seen.chain[0].subject == "CN=host.lab.test"
    if len(seen.chain) == 1:
        pytest.skip("this Python shows the leaf alone")
    assert [certificate.subject for certificate in seen.chain] == ["CN=host.lab.test", "CN=Lab Issuing CA"]


def test_address_is_verified_as_an_address(pki: Pki) -> None:
    server = serve(pki)
    assert codes(look(server, pki, "127.0.0.1")[0]) == (0, 0)
    assert codes(look(server, pki, "127.0.0.9")[0]) == (0, 64)


def test_absolute_name_is_the_name_without_its_final_dot(pki: Pki) -> None:
    seen, stream = look(serve(pki), pki, NAME + ".")
    assert stream is not None
    stream.close()
    assert (codes(seen), seen.verified_name) == ((0, 0), NAME)


def own(folder: Path, names: list[x509.GeneralName], *extensions: x509.ExtensionType) -> Server:
    """A server with a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "own.pem").write_bytes(secret + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return Server(context)


def test_name_behind_the_twenty_that_are_shown_still_counts(pki: Pki, tmp_path: Path) -> None:
    seen, stream = look(own(tmp_path, [x509.DNSName(f"a{number}.lab.test") for number in range(25)] + [x509.DNSName(NAME)]), pki)
    assert stream is not None
    stream.close()
    assert codes(seen) == (18, 0)


def test_certificate_that_cannot_be_read_does_not_stop_the_look(pki: Pki, tmp_path: Path) -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x04\xa3\x02\x05\x00")
    seen, stream = look(own(tmp_path, [], odd), pki)
    assert stream is not None
    stream.close()
    assert isinstance(seen.chain, Unknown)
    assert isinstance(seen.name_verify, Unknown)
    assert codes(seen)[0] == 18


def test_issuer_that_the_host_leaves_out_is_taken_from_the_trust_store(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[bytes]] = []
    monkeypatch.setattr(tls, "revocation_of", lambda ders, _deadline: asked.append(ders) or ())
    server = serve(pki, "unsent_intermediate")
    _seen, stream = look(serve(pki), pki)
    assert stream is not None
    intermediate = tls.presented(stream)[1]
    stream.close()
    both = tmp_path / "both.pem"
    both.write_text(pki.bundle.read_text() + ssl.DER_cert_to_PEM_cert(intermediate))
    target = from_params({"host": NAME, "port": 5986, "ca_path": str(both)})
    seen, stream = tls.look(server.connect, NAME, target=target, deadline=Deadline(10), thorough=False, revocation=True)
    assert stream is not None
    stream.close()
    assert codes(seen) == (0, 0)
    assert not isinstance(seen.chain, Unknown)
    assert len(seen.chain) == 1
    assert asked[0][1] == intermediate


def test_old_server_is_told_apart_from_a_dead_one(pki: Pki) -> None:
    server = serve(pki, highest=ssl.TLSVersion.TLSv1)
    seen, stream = look(server, pki)
    assert stream is None
    assert seen.failure in ("alert", "closed", "reset", "error")
    assert seen.legacy_versions == ("TLSv1",)


@pytest.mark.parametrize(("names", "read"), [(400, True), (6000, False)], ids=["16 KB", "over the library's limit"])
def test_huge_certificate(tmp_path: Path, names: int, read: bool) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    alternatives = [x509.DNSName(f"{number:05}.{'x' * 30}.lab.test") for number in range(names)]
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False).sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "huge.pem").write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "huge.pem")
    seen, stream = look(Server(context), Pki(tmp_path))
    if not read:
        assert (seen.failure, stream) == ("too_large", None)
        return
    assert stream is not None
    stream.close()
    assert not isinstance(seen.chain, Unknown)
    assert seen.chain[0].bytes > 16 * 1024
    assert len(seen.chain[0].dns_names) == 20, "the result keeps the first names only"


def test_thorough_look_names_every_version(pki: Pki) -> None:
    seen, stream = look(serve(pki, highest=ssl.TLSVersion.TLSv1_2), pki, thorough=True)
    assert stream is not None
    stream.close()
    assert seen.versions == ("TLSv1.2", "TLSv1.1", "TLSv1")


def test_unreadable_trust_store_is_said_and_the_name_still_judged(pki: Pki) -> None:
    target = from_params({"host": NAME, "port": 5986, "ca_path": "/nowhere/ca.pem"})
    seen, stream = tls.look(serve(pki).connect, NAME, target=target, deadline=Deadline(10), thorough=False, revocation=False)
    assert stream is not None
    stream.close()
    assert isinstance(seen.chain_verify, Unknown)
    assert seen.chain_verify.unknown.startswith("the trust store /nowhere/ca.pem (chosen by ansible_psrp_ca_cert) cannot be read")
    assert codes(seen)[1] == 0


def test_wrong_bundle_is_told_apart_from_an_unknown_authority(pki: Pki, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = Pki(tmp_path)
    monkeypatch.setattr(tls, "system_store", lambda: str(pki.bundle))
    seen, stream = look(serve(pki), other)
    assert stream is not None
    stream.close()
    assert isinstance(seen.system_verify, VerifyEvidence)
    assert (codes(seen)[0] in (19, 20), seen.system_verify.code) == (True, 0)


def test_silent_server_ends_by_the_deadline(pki: Pki) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    target = from_params({"host": NAME, "port": 5986, "ca_path": str(pki.bundle)})
    with listener:
        seen, stream = tls.look(
            lambda: socket.create_connection(listener.getsockname(), 5), NAME, target=target, deadline=Deadline(0.5), thorough=True, revocation=True,
        )
    assert (seen.failure, stream) == ("timeout", None)


@pytest.mark.parametrize(
    ("variables", "path", "by"),
    [
        ({"ca_path": "/inventory.pem", "connection": "winrm"}, "/inventory.pem", "ansible_winrm_ca_trust_path"),
        ({"ca_path": "/inventory.pem"}, "/inventory.pem", "ansible_psrp_ca_cert"),
        ({"REQUESTS_CA_BUNDLE": "/requests.pem", "CURL_CA_BUNDLE": "/curl.pem"}, "/requests.pem", "REQUESTS_CA_BUNDLE"),
        ({"CURL_CA_BUNDLE": "/curl.pem"}, "/curl.pem", "CURL_CA_BUNDLE"),
    ],
)
def test_trust_store_is_the_one_requests_would_take(variables: dict[str, str], path: str, by: str) -> None:
    environ = {name: value for name, value in variables.items() if name.isupper()}
    target = from_params({"host": NAME, **{name: value for name, value in variables.items() if name.islower()}})
    assert trust.store_for(target, environ) == trust.TrustStore(path, by)


def test_without_a_choice_it_is_certifi() -> None:
    certifi = pytest.importorskip("certifi")
    assert trust.store_for(from_params({"host": NAME}), {}) == trust.TrustStore(certifi.where(), "certifi")
