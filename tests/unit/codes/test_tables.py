# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every code table promises."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.codes.advice import CAUSE_ADVICE, REFUSED_WHYS, SPECIFIC_ADVICE
from ansible_collections.winrm.doctor.plugins.module_utils.codes.events import EVENTS
from ansible_collections.winrm.doctor.plugins.module_utils.codes.http import HTTP, REFUSED
from ansible_collections.winrm.doctor.plugins.module_utils.codes.kerberos import KERBEROS, MIT_KRB5
from ansible_collections.winrm.doctor.plugins.module_utils.codes.ntstatus import NTSTATUS
from ansible_collections.winrm.doctor.plugins.module_utils.codes.posix import ERRNO, GETADDRINFO
from ansible_collections.winrm.doctor.plugins.module_utils.codes.sspi import SSPI
from ansible_collections.winrm.doctor.plugins.module_utils.codes.tls import TLS_ALERTS, X509_VERIFY
from ansible_collections.winrm.doctor.plugins.module_utils.codes.win32 import WIN32
from ansible_collections.winrm.doctor.plugins.module_utils.codes.winhttp import WINHTTP
from ansible_collections.winrm.doctor.plugins.module_utils.codes.wsman import WSMAN
from ansible_collections.winrm.doctor.plugins.module_utils.codes.wsman_symbols import WSMAN_SYMBOLS
from ansible_collections.winrm.doctor.plugins.module_utils.explain_lookup import FAMILIES, SENTENCES, parse_causes

TABLES = {
    "ntstatus": NTSTATUS, "sspi": SSPI, "win32": WIN32, "winhttp": WINHTTP, "kerberos": KERBEROS, "mit": MIT_KRB5, "wsman": WSMAN,
    "http": HTTP, "errno": ERRNO, "getaddrinfo": GETADDRINFO, "tls": TLS_ALERTS, "x509": X509_VERIFY,
    "events": tuple((number, f"{log} {number}", causes, meaning) for number, log, _side, causes, meaning in EVENTS),
}
CAUSES = set(CAUSE_ADVICE)


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_a_unique_number_a_known_cause_and_a_sentence(name):
    rows = TABLES[name]
    assert len({row[0] for row in rows}) == len(rows)
    for number, symbol, causes, meaning in rows:
        assert symbol, number
        assert meaning.endswith((".", ".)")), symbol
        assert len(meaning) > 15, symbol
        for cause, strength in parse_causes(causes):
            assert cause in CAUSES, symbol
            assert strength in ("strong", "medium", "weak"), symbol


@pytest.mark.parametrize("name", TABLES)
def test_causes_stand_strongest_first(name):
    order = ("strong", "medium", "weak")
    for _number, symbol, causes, _meaning in TABLES[name]:
        strengths = [order.index(strength) for _cause, strength in parse_causes(causes)]
        assert strengths == sorted(strengths), symbol


def test_wsman_names_512_codes_without_a_hole():
    assert list(WSMAN_SYMBOLS) == list(range(0x80338000, 0x80338200))
    assert all(WSMAN_SYMBOLS[number] == symbol for number, symbol, _causes, _meaning in WSMAN)


def test_tls_alerts_agree_with_python():
    for number, name, _causes, _meaning in TLS_ALERTS:
        if number != 116:  # certificate_required is newer than Python's list
            assert ssl.AlertDescription(number).name == f"ALERT_DESCRIPTION_{name.upper()}"


def test_socket_errors_agree_with_python():
    assert {number: symbol for number, symbol, _c, _m in ERRNO} == {number: errno.errorcode[number] for number, _s, _c, _m in ERRNO}
    for number, symbol, _causes, _meaning in GETADDRINFO:
        assert getattr(socket, symbol) == number


def test_a_refused_logon_has_a_dozen_causes_each_with_its_own_reason():
    causes = [cause for cause, _strength in parse_causes(REFUSED)]
    assert len(causes) == 12
    assert set(causes) == set(REFUSED_WHYS)
    assert "strong" not in REFUSED


def test_advice_points_to_things_that_exist_and_says_each_once():
    names = [name for symbols, _check, _fix in SPECIFIC_ADVICE for name in symbols]
    assert len(names) == len(set(names))
    known = {entry.symbol for entries in FAMILIES.values() for entry in entries.values()} | {entry.symbol for _text, entry in SENTENCES}
    known |= {f"HTTP {number}" for number in FAMILIES["HTTP"]}
    assert set(names) <= known


def test_sentences_are_lower_case_single_spaced_and_not_doubled():
    texts = [text for text, _entry in SENTENCES]
    assert len(texts) == len(set(texts))
    for text, entry in SENTENCES:
        assert text == " ".join(text.lower().split())
        assert text.count("...") == text.count(" ... ") <= 1
        assert entry.meaning
        assert {cause for cause, _strength in entry.causes} <= CAUSES
