# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates read, and the names they cover."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import CertificateEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.wire.certificate import covers, parse_certificate
from cases import CERTIFICATE
from lab.pki import Pki
from lab.scenario import Host


@pytest.mark.parametrize(
    ("names", "asked", "covered"),
    [
        (("web01.example.com",), "web01.example.com", True),
        (("web01.example.com",), "WEB01.Example.Com.", True),
        (("web01.example.com",), "web01", False),
        (("*.example.com",), "web01.example.com", True),
        (("*.example.com",), "a.b.example.com", False),
        (("*.example.com",), "example.com", False),
        (("*.com",), "example.com", False),
        (("w*.example.com",), "web01.example.com", False),
        ((), "web01.example.com", False),
        (("192.0.2.10",), "192.0.2.10", False),
    ],
)
def test_name(names: tuple[str, ...], asked: str, covered: bool) -> None:
    assert covers(replace(CERTIFICATE, dns_names=names), asked) is covered


def test_address_needs_an_address() -> None:
    certificate = replace(CERTIFICATE, addresses=("192.0.2.10", "2001:db8::7"))
    assert covers(certificate, "192.0.2.10")
    assert covers(certificate, "2001:DB8:0::7")
    assert not covers(certificate, "192.0.2.11")


def test_fields_of_a_real_certificate(tmp_path: Path) -> None:
    _path, der = Pki(tmp_path).issue(Host("web01", "127.0.0.7", "x"))
    seen = parse_certificate(der)
    assert isinstance(seen, CertificateEvidence)
    assert (seen.subject, seen.issuer, seen.common_name) == ("CN=web01.lab.test", "CN=Lab Issuing CA", "web01.lab.test")
    assert (seen.dns_names, seen.addresses, seen.eku) == (("web01.lab.test",), ("127.0.0.7",), ("1.3.6.1.5.5.7.3.1",))
    assert (seen.key, seen.key_bits, seen.signature) == ("EC secp256r1", 256, "sha256")
    assert (seen.is_ca, seen.self_signed, seen.bytes) == (False, False, len(der))
    assert len(seen.thumbprint) == 40
    assert seen.thumbprint == seen.thumbprint.upper()


def test_self_signed_certificate_is_recognised(tmp_path: Path) -> None:
    _path, der = Pki(tmp_path).issue(Host("web01", "127.0.0.7", "x", certificate=("self_signed",)))
    seen = parse_certificate(der)
    assert isinstance(seen, CertificateEvidence)
    assert seen.self_signed


@pytest.mark.parametrize("der", [b"", b"\x30\x03\x02\x01\x01", b"\x00" * 4000])
def test_garbage_is_unknown_with_a_reason(der: bytes) -> None:
    seen = parse_certificate(der)
    assert isinstance(seen, Unknown)
    assert seen.unknown.startswith("the certificate is malformed")
