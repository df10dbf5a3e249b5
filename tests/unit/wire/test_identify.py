# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identify: the request as recorded, and answers of friends and strangers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import IdentityEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.wire import http, identify

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")

ANSWER = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xml:lang="en-US"><s:Header/><s:Body>'
    '<i:IdentifyResponse xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<i:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</i:ProtocolVersion><i:ProductVendor>Microsoft Corporation</i:ProductVendor>"
    "<i:ProductVersion>OS: 0.0.0 SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse></s:Body></s:Envelope>"
)


@needs_captures
def test_request_is_the_recorded_one() -> None:
    recorded = (CAPTURES / "identify-request.http.txt").read_text()
    head, _separator, body = recorded.partition("\n\n")
    request = http.build_request("POST", "HOST:5985", "/wsman", identify.HEADERS, identify.BODY).decode()
    ours_head, _separator, ours_body = request.partition("\r\n\r\n")
    assert ours_body == body.strip()
    for line in head.splitlines():
        if not line.startswith("Content-Length"):
            assert line in ours_head.split("\r\n")


def test_anonymous_answer_of_windows() -> None:
    expected = IdentityEvidence("Microsoft Corporation", "OS: 0.0.0 SP: 0.0 Stack: 3.0", "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd")
    assert identify.parse_identify(ANSWER.encode()) == expected
    assert identify.parse_identify(ANSWER.encode("utf-16")) == expected


def test_another_namespace_and_security_profiles_are_read() -> None:
    profiles = "<i:SecurityProfiles>" + "".join(f"<i:SecurityProfileName>p{n}</i:SecurityProfileName>" for n in range(40)) + "</i:SecurityProfiles>"
    text = ANSWER.replace("/identity/1/", "/identify/1/").replace("</i:IdentifyResponse>", profiles + "</i:IdentifyResponse>")
    seen = identify.parse_identify(text.encode())
    assert isinstance(seen, IdentityEvidence)
    assert seen.security_profiles == tuple(f"p{n}" for n in range(identify.PROFILE_LIMIT))


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the answer is empty"),
        (b"<html><body>It works</body></html>", "XML with the root element html, not an IdentifyResponse"),
        (b"<html><br></html>", "it is not XML: mismatched tag"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "it is not XML"),
        ((LAUGHS + ANSWER).encode(), "document type or entity declaration"),
        ((LAUGHS + ANSWER).encode("utf-16-be"), "document type or entity declaration|not XML"),
        ((LAUGHS + ANSWER).encode("utf-16"), "document type or entity declaration"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type or entity declaration"),
        (b"<?xml version='1.0' encoding='klingon'?><x/>", "it is not XML"),
        (b"<a>" * 40, "nested deeper than 32"),
        (b"<a>" + b" " * 70_000, "longer than 65536 bytes"),
        (b'<s:Envelope xmlns:s="x"><s:Body><s:Fault/></s:Body></s:Envelope>', "a SOAP fault, not an IdentifyResponse"),
    ],
)
def test_everything_else_is_unknown_with_its_reason(body: bytes, reason: str) -> None:
    import re

    seen = identify.parse_identify(body)
    assert isinstance(seen, Unknown)
    assert re.search(reason, seen.unknown)


def test_overlong_text_is_cut_and_control_characters_are_folded() -> None:
    seen = identify.parse_identify(ANSWER.replace("Microsoft Corporation", "M\t\n" + "x" * 5000).encode())
    assert isinstance(seen, IdentityEvidence)
    assert seen.vendor == "M " + "x" * 198
