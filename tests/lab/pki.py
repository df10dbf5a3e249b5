# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the lab: one authority that clients trust, one they do not, and a leaf for every fault."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .scenario import Host

Key = t.Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]
DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """A certificate and the key that signs with it."""

    certificate: x509.Certificate
    key: Key


@dataclass(frozen=True)
class ClientPair:
    """Files of a client certificate and its key; the thumbprint in the form that Windows uses."""

    certificate: Path
    key: Path
    thumbprint: str


@dataclass
class Pki:
    """Makes each host's chain in a folder. Keys are shared where that harms nothing, for making them is slow."""

    folder: Path
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.root = self._authority("Lab Root CA")
        self.intermediate = self._authority("Lab Issuing CA", self.root)
        self.stranger = self._authority("Somebody Else's Root CA")
        self.bundle.write_bytes(pem(self.root.certificate))

    @property
    def bundle(self) -> Path:
        """What clients of the lab trust."""
        return self.folder / "ca.pem"

    def issue(self, host: Host) -> tuple[Path, bytes]:
        """A PEM file with key and chain as the host presents it, and the leaf's DER."""
        faults = set(host.certificate)
        key: Key = rsa.generate_private_key(65537, 1024) if "weak_key" in faults else self.key
        leaf = self._leaf(host, faults, key)
        chain = [leaf]
        if "unknown_root" in faults:
            chain.append(self.stranger.certificate)
        elif not faults & {"self_signed", "unsent_intermediate"}:
            chain.append(self.intermediate.certificate)
        path = self.folder / f"{host.name}.pem"
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(secret + b"".join(pem(certificate) for certificate in chain))
        return path, leaf.public_bytes(serialization.Encoding.DER)

    def spare(self, host: Host) -> bytes:
        """A good certificate of the host that it presents nowhere, DER."""
        return self._leaf(host, set(), self.key).public_bytes(serialization.Encoding.DER)

    def issue_client(self, host: Host) -> ClientPair:
        """A client certificate with the account's user principal name, as certificate logon maps by, and its key."""
        now = datetime.datetime.now(datetime.timezone.utc)
        since, until = (now - 400 * DAY, now - 35 * DAY) if host.client_certificate == "expired" else (now - 30 * DAY, now + 300 * DAY)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if host.client_certificate == "server_only" else ExtendedKeyUsageOID.CLIENT_AUTH
        upn = f"{host.account['name']}@localhost".encode()
        name = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c" + bytes([len(upn)]) + upn)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(host.account["name"]))
            .issuer_name(self.root.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root.key.public_key()), critical=False)
            .sign(self.root.key, hashes.SHA256())
        )
        where, secret = self.folder / f"{host.name}-client.pem", self.folder / f"{host.name}-client.key"
        where.write_bytes(pem(certificate))
        secret.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        secret.chmod(0o600)
        return ClientPair(where, secret, certificate.fingerprint(hashes.SHA1()).hex().upper())

    def _leaf(self, host: Host, faults: set[str], key: Key) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        since, until = now - 30 * DAY, now + 300 * DAY
        if "expired" in faults:
            since, until = now - 400 * DAY, now - 35 * DAY
        elif "expiring" in faults:
            until = now + 10 * DAY
        elif "future" in faults:
            since, until = now + 20 * DAY, now + 300 * DAY
        name = "old-name.lab.test" if "wrong_name" in faults else host.fqdn
        subject = _name(name)
        issuer = self.stranger if "unknown_root" in faults else self.intermediate
        by_itself = "self_signed" in faults
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if "client_only" in faults else ExtendedKeyUsageOID.SERVER_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if by_itself else issuer.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key((key if by_itself else issuer.key).public_key()), critical=False)
        )
        if "no_san" not in faults:
            names: list[x509.GeneralName] = [x509.DNSName(name)]
            if "wrong_name" not in faults:
                names.append(x509.IPAddress(ipaddress.ip_address(host.address)))
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(key if by_itself else issuer.key, hashes.SHA256())

    def _authority(self, name: str, issuer: Authority | None = None) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        signer = issuer.key if issuer else key
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(issuer.certificate.subject if issuer else _name(name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 500 * DAY)
            .not_valid_after(now + 500 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        return Authority(certificate, key)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
