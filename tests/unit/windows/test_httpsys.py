# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP.sys: its registry, and what netsh says in English and German."""

from __future__ import annotations

import hashlib
import struct

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED, BindingEvidence, ReservationEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import httpsys
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Material
from host_material import registry, said

THUMB = "0123456789ABCDEF0123456789ABCDEF01234567"
WINRM_GUID = bytes.fromhex("adb9ebaf979b914a9ab5daf4d59122f6")
GRANTED = f"D:(A;;GX;;;{httpsys.WINRM_SID})"
ENGLISH = f"""
SSL Certificate bindings:
-------------------------

    IP:port                      : 0.0.0.0:5986
    Certificate Hash             : {THUMB.lower()}
    Application ID               : {{AFEBB9AD-9b97-4a91-9ab5-daf4d59122f6}}
    Certificate Store Name       : MY
    Revocation Freshness Time    : 0
    Ctl Identifier               : (null)

    Hostname:port                : web01.lab.test:443
    Certificate Hash             : {"a" * 40}
    Application ID               : {{4dc3e181-e14b-4a21-b022-59fc669b0914}}
"""
GERMAN = ENGLISH.replace("IP:port", "IP:Port").replace("Certificate Hash", "Zertifikathash").replace("Application ID", "Anwendungs-ID")
URLS_ENGLISH = f"""
URL Reservations:
-----------------

    Reserved URL            : http://+:5985/wsman/
        User: NT SERVICE\\WinRM
            Listen: Yes
            Delegate: No
            SDDL: {GRANTED}

    Reserved URL            : http://*:5357/
            SDDL: D:(A;;GX;;;BU)(A;;GX;;;LS)
"""
URLS_GERMAN = URLS_ENGLISH.replace("Reserved URL", "Reservierte URL").replace("Listen: Yes", "Abhören: Ja").replace("User", "Benutzer")


def sid_bytes(text: str) -> bytes:
    parts = [int(part) for part in text.split("-")[2:]]
    return struct.pack("<BB", 1, len(parts) - 1) + parts[0].to_bytes(6, "big") + struct.pack(f"<{len(parts) - 1}I", *parts[1:])


def descriptor(*entries: tuple[int, int, str]) -> bytes:
    """A self-relative descriptor with a DACL of these kinds, masks and SIDs."""
    aces = b"".join(struct.pack("<BBHI", kind, 0, 8 + len(sid_bytes(sid)), mask) + sid_bytes(sid) for kind, mask, sid in entries)
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + struct.pack("<BBHHH", 2, 0, 8 + len(aces), len(entries), 0) + aces


def test_the_sid_of_winrm_is_the_hash_of_its_name() -> None:
    parts = struct.unpack("<5I", hashlib.sha1("WINRM".encode("utf-16-le"), usedforsecurity=False).digest())
    assert "-".join(("S-1-5-80", *map(str, parts))) == httpsys.WINRM_SID


def test_a_stored_descriptor_becomes_sddl() -> None:
    data = descriptor((0, 0x20000000, httpsys.WINRM_SID), (1, 0x60000000, "S-1-1-0"), (0, 0x1F01FF, "S-1-5-18"))
    assert httpsys.dacl(data) == f"D:(A;;GX;;;{httpsys.WINRM_SID})(D;;GXGW;;;S-1-1-0)(A;;0x1f01ff;;;S-1-5-18)"


@pytest.mark.parametrize("data", [b"", b"\x01", bytes(20), descriptor((0, 1, "S-1-1-0"))[:-3], b"\xff" * 40, struct.pack("<BBHIIII", 1, 0, 0, 0, 0, 0, 999999)])
def test_a_damaged_descriptor_is_nothing(data: bytes) -> None:
    assert httpsys.dacl(data) == ""


@pytest.mark.parametrize(("sddl", "expected"), [
    (GRANTED, True), ("D:(A;;GX;;;WD)", True), ("D:(A;;GA;;;NS)", True), ("D:(A;;GX;;;S-1-5-20)", True), ("D:(D;;GX;;;WD)", False), ("D:(A;;GW;;;WD)", False),
    ("D:(A;;GX;;;SY)", False), ("", False), ("D:(A;;GX)", False), ("D:(A;;0x20000000;;;WD)", True),
])
def test_a_reservation_admits_winrm_by_one_of_its_sids(sddl: str, expected: bool) -> None:
    assert httpsys.admits(sddl) is expected


def test_the_registry_tells_bindings_reservations_and_addresses() -> None:
    material = Material(registry=registry({
        httpsys.PARAMETERS: {"ListenOnlyList": ("192.0.2.1", "::1")},
        f"{httpsys.PARAMETERS}\\SslBindingInfo\\0.0.0.0:5986": {"SslCertHash": bytes.fromhex(THUMB), "AppId": WINRM_GUID, "SslCertStoreName": "MY"},
        f"{httpsys.PARAMETERS}\\SslSniBindingInfo\\web01.lab.test:5986": {"SslCertHash": b"\x01", "AppId": b"\x01"},
        httpsys.URLS: {"http://+:5985/wsman/": descriptor((0, 0x20000000, httpsys.WINRM_SID)), "": "x", "http://+:1/": "text"},
    }))
    assert httpsys.listen_only(material) == ("192.0.2.1", "::1")
    assert httpsys.bindings(material) == (BindingEvidence("0.0.0.0:5986", THUMB, httpsys.WINRM, "MY"), BindingEvidence("web01.lab.test:5986", "01"))
    assert httpsys.reservations(material) == (ReservationEvidence("http://+:5985/wsman/", GRANTED), ReservationEvidence("http://+:1/"))


@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
def test_netsh_tells_bindings_in_every_language(text: str) -> None:
    assert httpsys.bindings(Material(commands={"netsh:sslcert": said(text)})) == (
        BindingEvidence("0.0.0.0:5986", THUMB, httpsys.WINRM), BindingEvidence("web01.lab.test:443", "A" * 40, "{4dc3e181-e14b-4a21-b022-59fc669b0914}"),
    )


@pytest.mark.parametrize("text", [URLS_ENGLISH, URLS_GERMAN])
def test_netsh_tells_reservations_in_every_language(text: str) -> None:
    assert httpsys.reservations(Material(commands={"netsh:urlacl": said(text)})) == (
        ReservationEvidence("http://+:5985/wsman/", GRANTED), ReservationEvidence("http://*:5357/", "D:(A;;GX;;;BU)(A;;GX;;;LS)"),
    )


def test_netsh_tells_the_listen_list() -> None:
    text = "\nIP-Adressen in der IP-Abhörliste:\n---------------------------------\n\n    192.0.2.1\n    ::1\n\n"
    assert httpsys.listen_only(Material(commands={"netsh:iplisten": said(text)})) == ("192.0.2.1", "::1")


def test_what_could_not_be_read_is_unknown_with_its_reason() -> None:
    refused = Material(registry=registry({}, {"HKLM\\SYSTEM": DENIED}), commands={"netsh:sslcert": said("Zugriff verweigert", 1)})
    assert httpsys.bindings(refused) == Unknown(DENIED)
    assert httpsys.reservations(Material()) == Unknown("not read")
    assert httpsys.bindings(Material(commands={"netsh:sslcert": said("", 1)})) == Unknown("netsh ended with exit code 1")
