# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A visit over real TLS: the second connection resumes the first one's session, and the wrong protocol is found out."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect import endpoint
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import DoorEvidence, HttpEvidence, IdentityEvidence, TlsEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params

x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402

ADDRESS = "127.77.2.1"
IDENTITY = (
    b'<Envelope><Body><IdentifyResponse><ProductVendor>Microsoft Corporation</ProductVendor>'
    b"<ProductVersion>OS: 0.0.0 SP: 0.0 Stack: 3.0</ProductVersion></IdentifyResponse></Body></Envelope>"
)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for ADDRESS, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web01")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), False).sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "web01.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class TlsHost:
    """A workgroup host over TLS: Identify is answered, the first 401 closes the connection."""

    def __init__(self, pem: Path, offer: bytes = b"Negotiate") -> None:
        self.offer = offer
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)
        self.listener = socket.create_server((ADDRESS, 0))
        self.port = self.listener.getsockname()[1]
        self.resumed: list[bool] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> TlsHost:
        return self

    def __exit__(self, *_error: object) -> None:
        # close() alone leaves the thread waiting in accept(), and with it the socket.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                raw, _peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        try:
            with self.context.wrap_socket(raw, server_side=True) as sock:
                first = True
                while head := sock.recv(8192):
                    if first:
                        self.resumed.append(bool(sock.session_reused))
                    first = False
                    if b"WSMANIDENTIFY" in head:
                        sock.sendall(b"HTTP/1.1 200 \r\nContent-Length: %d\r\n\r\n" % len(IDENTITY) + IDENTITY)
                        continue
                    close = b"" if b"Authorization" in head else b"Connection: close\r\n"
                    sock.sendall(b"HTTP/1.1 401 \r\nWWW-Authenticate: " + self.offer + b"\r\n" + close + b"Content-Length: 0\r\n\r\n")
                    if close:
                        return
        except OSError:
            raw.close()  # The probe hung up, or did not speak TLS.


def door(port: int, scheme: str, **more: t.Any) -> DoorEvidence:
    target = from_params({"host": ADDRESS, "port": port, "scheme": scheme, **more})
    seen = endpoint.observe(target, timeout=10, connect_timeout=1, thorough=False, revocation=False)
    return next(one for one in seen.doors if one.port == port)


def test_questions_travel_over_tls_and_the_second_connection_resumes_the_session(pem: Path) -> None:
    with TlsHost(pem) as host:
        seen = door(host.port, "https", ca_path=str(pem))
    assert isinstance(seen.tls, TlsEvidence)
    assert seen.tls.failure is None
    assert isinstance(seen.identity, IdentityEvidence)
    assert (seen.scheme, seen.schemes) == ("https", ("Negotiate",))
    assert seen.challenge is not None
    assert host.resumed[-1] is True


def test_tls_behind_a_plain_inventory_is_found_out(pem: Path) -> None:
    with TlsHost(pem, b"Basic realm=\"WSMAN\"") as host:
        seen = door(host.port, "http")
    assert (seen.scheme, seen.expected) == ("https", "http")
    assert isinstance(seen.tls, TlsEvidence)
    assert seen.tls.failure is None
    assert seen.schemes == ("Basic",)
    assert isinstance(seen.identify, HttpEvidence)
    assert seen.identify.status == 200
