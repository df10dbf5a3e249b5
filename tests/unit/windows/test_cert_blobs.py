# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blobs of certificate stores: what is in them, whatever comes before it, and what is none."""

from __future__ import annotations

import random
import time

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ENTERPRISE, LOCAL, POLICY, StoreEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import cert_blobs
from ansible_collections.winrm.doctor.plugins.module_utils.windows.cert_blobs import FILLED, MY, ROOT, element, oids, outline, properties, read
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value
from cert_stores import CLIENT, RULED, SERVER, SHARED, STORES, blob, entry, make, registry
from cryptography import x509

WEB = make("web01", names=["web01.example.com"], uses=[SERVER, CLIENT])


def test_blob_tells_key_and_friendly_name() -> None:
    seen = element(blob(WEB, key=True, friendly_name="WinRM über TLS"))
    assert seen is not None
    assert (seen.der, seen.key, seen.friendly_name, seen.uses) == (WEB.der, True, "WinRM über TLS", None)


@pytest.mark.parametrize(
    "data",
    [
        entry(32, WEB.der),
        entry(32, WEB.der) + entry(11, "after\0".encode("utf-16-le")),
        entry(32, WEB.der, reserved=0),
        entry(0x7FFF, bytes(300)) + entry(32, WEB.der),
        entry(2, b"") + entry(32, WEB.der),
        entry(32, WEB.der) + b"\0" * 40,
        entry(32, WEB.der) + b"\x01\x02",
        entry(32, WEB.der) + entry(9, b"junk")[:-1],
        entry(11, b"\x00") + entry(32, WEB.der),
    ],
)
def test_certificate_is_found_whatever_is_beside_it(data: bytes) -> None:
    seen = element(data)
    assert seen is not None
    assert seen.der == WEB.der
    assert not seen.key


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 12, entry(32, b""), entry(33, b"\x30\x03\x02\x01\x01"), entry(34, b"\x30"), entry(3, bytes(20)), entry(32, WEB.der)[:-1], WEB.der,
        b"\x20\0\0\0\x01\0\0\0\xff\xff\xff\xff" + WEB.der, entry(0, b"x") + entry(32, WEB.der),
    ],
)
def test_what_holds_no_certificate_is_none(data: bytes) -> None:
    assert element(data) is None


def test_uses_narrowed_in_the_store_are_told() -> None:
    usage = x509.ExtendedKeyUsage([CLIENT, x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.4"), x509.ObjectIdentifier("2.999.3")]).public_bytes()
    seen = element(blob(WEB, more=entry(9, usage)))
    assert seen is not None
    assert seen.uses == ("1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.10.3.4", "2.999.3")


@pytest.mark.parametrize(("der", "found"), [(b"\x30\x00", ()), (b"\x30\x02\x06\x00", None), (b"\x31\x00", None), (b"", None), (b"\x30\x05\x06", None)])
def test_uses_that_make_no_sense_are_none(der: bytes, found: tuple[str, ...] | None) -> None:
    assert oids(der) == found


def test_outline_is_what_the_library_reads() -> None:
    root = make("Root", ca=True, ids=False)
    for made in (WEB, root, make("leaf", root, bits=2048, padding=5000)):
        seen = outline(made.der)
        assert seen is not None
        assert seen.issuer == made.certificate.issuer.public_bytes()
        assert seen.subject == made.certificate.subject.public_bytes()
        assert int.from_bytes(seen.serial, "big") == made.certificate.serial_number
        assert seen.self_issued is (made.certificate.issuer == made.certificate.subject)


def test_outline_of_damaged_bytes_never_raises() -> None:
    chance = random.Random(5)
    for _round in range(3000):
        data = bytearray(WEB.der)
        for _change in range(chance.randint(1, 4)):
            data[chance.randrange(60) if chance.random() < 0.7 else chance.randrange(len(data))] = chance.randrange(256)
        outline(bytes(data[: chance.choice((len(data), chance.randrange(len(data))))]))


def test_stores_are_counted_and_named() -> None:
    root, shared, ruled = make("Root", ca=True), make("Company", ca=True), make("Policy", ca=True)
    told = read(
        registry({
            f"{STORES}\\MY": [WEB, b"junk"], f"{STORES}\\root": [root], f"{SHARED}\\Root": [shared], f"{RULED}\\Root": [ruled], f"{SHARED}\\NTAuth": [shared],
        }, {
            f"{SHARED}\\Root\\CRLs\\AA": (Value("Blob", "REG_BINARY", b"x"),), f"{SHARED}\\Root\\CTLs\\BB": (), f"{SHARED}\\Root\\CTLs\\CC": (),
        }),
        (MY, ROOT, cert_blobs.CA, *FILLED),
    )
    assert told.stores == (
        StoreEvidence("My", LOCAL, 2, 1), StoreEvidence("Root", LOCAL, 1), StoreEvidence("CA", LOCAL, 0), StoreEvidence("Root", POLICY, 1),
        StoreEvidence("Root", ENTERPRISE, 1, 0, 3), StoreEvidence("NTAuth", ENTERPRISE, 1),
    )
    assert [one.where for one in told.of("Root")] == ["Root", "Root (policy)", "Root (enterprise)"]
    assert told.named("Root") == {root.thumbprint, shared.thumbprint, ruled.thumbprint}
    assert not told.unread


def test_thumbprint_is_that_of_the_certificate_not_of_the_key() -> None:
    told = read(registry({f"{STORES}\\MY": [blob(WEB)]}), (MY,))
    assert told.stored[0].thumbprint == WEB.thumbprint
    assert WEB.thumbprint in told.names["My"]


def test_blob_that_was_not_read_as_bytes_is_unreadable() -> None:
    values = {f"{STORES}\\MY\\Certificates\\AA": (Value("Blob", "REG_SZ", "text"),), f"{STORES}\\MY\\Certificates\\BB": ()}
    assert read(registry({}, values), (MY,)).stores == (StoreEvidence("My", LOCAL, 2, 2),)


def test_store_that_may_not_be_read_is_unknown_and_a_part_of_one_is_kept() -> None:
    told = read(
        registry({f"{STORES}\\MY": [WEB]}, unknown={f"{STORES}\\root".lower(): "access denied", f"{STORES}\\my\\certificates".lower(): "cut off"}),
        (MY, ROOT),
    )
    assert told.unread == {"My": "cut off", "Root": "access denied"}
    assert told.stores == (StoreEvidence("My", LOCAL, 1),)


def test_of_a_bare_store_only_names_are_known() -> None:
    keys = {f"{STORES}\\Disallowed\\Certificates\\{'ab' * 20}": ()}
    told = read(registry({}, keys), (cert_blobs.DISALLOWED,), (cert_blobs.DISALLOWED,))
    assert told.named("Disallowed") == {"AB" * 20}
    assert told.stores == (StoreEvidence("Disallowed", LOCAL, 1, 0),)


def test_three_hundred_certificates_cost_little() -> None:
    root = make("Root", ca=True)
    held = registry({f"{STORES}\\AuthRoot": [make(f"Public {number}", root, key="one", ca=True) for number in range(300)]})
    start = time.process_time()
    told = read(held, (cert_blobs.AUTH_ROOT,))
    assert len(told.stored) == 300
    assert time.process_time() - start < 0.5


def test_registry_that_was_not_read_at_all_has_empty_stores() -> None:
    assert read(Registry(), (MY, *FILLED)).stores == (StoreEvidence("My"),)


def test_properties_are_told_by_number() -> None:
    assert properties(blob(WEB, key=True, friendly_name="x")).keys() == {2, 3, 11, 32}
