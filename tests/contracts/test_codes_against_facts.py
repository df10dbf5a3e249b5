# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code of the tables against the collected facts, where those lie beside the repository."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.explain_lookup import FAMILIES, Entry

FACTS = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "facts"
pytestmark = pytest.mark.skipif(not FACTS.is_dir(), reason="the facts do not lie beside the repository")

NAMES = {"NTSTATUS": "NTSTATUS", "SSPI/HRESULT": "HRESULT", "Win32": "Win32", "WinHTTP": "WinHTTP", "WSMan": "WSMan", "Kerberos": "Kerberos",
         "MIT krb5 library": "MIT krb5"}
# Added from public headers and from observed messages; each is explained because users meet it.
BEYOND = {"KDC_ERR_NAME_EXP", "KDC_ERR_SERVICE_REVOKED", "KDC_ERR_TGT_REVOKED", "KRB5_KDCREP_MODIFIED", "STATUS_SMARTCARD_LOGON_REQUIRED",
          "ERROR_FILE_NOT_FOUND", "ERROR_INVALID_PARAMETER", "ERROR_SERVICE_NOT_ACTIVE", "ERROR_NO_SUCH_USER", "ERROR_EVT_CHANNEL_NOT_FOUND"}
# The narrower causes (channel binding, quota and so on) take the place of a broader one of the facts here; hours and workstations are states of the account.
NARROWED = {"STATUS_INVALID_LOGON_HOURS", "STATUS_INVALID_WORKSTATION", "ERROR_INVALID_LOGON_HOURS", "ERROR_INVALID_WORKSTATION",
            "STATUS_BAD_BINDINGS", "SEC_E_BAD_BINDINGS", "KRB5_CONFIG_NODEFREALM", "ERROR_WSMAN_QUOTA_MAX_SHELLS", "ERROR_WSMAN_QUOTA_MAX_OPERATIONS",
            "ERROR_WSMAN_QUOTA_MAX_SHELLUSERS"}


def facts() -> list[dict]:
    return json.loads((FACTS / "error_codes.json").read_text())


def entry_of(fact: dict) -> Entry | None:
    return FAMILIES[NAMES[fact["family"]]].get(fact["unsigned"])


def test_every_collected_code_is_explained_under_its_symbol():
    missing = [fact["symbol"] for fact in facts() if (entry := entry_of(fact)) is None or entry.symbol != fact["symbol"]]
    assert not missing


def test_causes_and_strengths_are_those_of_the_facts():
    wrong = []
    for fact in facts():
        entry = entry_of(fact)
        expected = {(item["cause"], item["strength"]) for item in fact["causes"]}
        if entry and fact["symbol"] not in NARROWED and not expected <= set(entry.causes):
            wrong.append((fact["symbol"], expected, entry.causes))
    assert not wrong


def test_no_code_is_invented():
    collected = {(NAMES[fact["family"]], fact["symbol"]) for fact in facts()}
    for line in (FACTS / "wsman_errors.tsv").read_text().splitlines():
        collected.add(("WSMan", line.split("\t")[2]))
    stray = [(family, entry.symbol) for family in NAMES.values() for entry in FAMILIES[family].values()
             if (family, entry.symbol) not in collected and entry.symbol not in BEYOND]
    assert not stray


def test_wsman_symbols_are_those_of_the_header():
    for line in (FACTS / "wsman_errors.tsv").read_text().splitlines():
        _hex, number, symbol = line.split("\t")
        assert FAMILIES["WSMan"][int(number)].symbol == symbol


def test_winrm_events_are_those_of_the_manifests():
    manifest: dict[int, str] = {}
    for row in json.loads((FACTS / "winrm_provider_events.json").read_text()):
        manifest[row["id"]] = manifest.get(row["id"]) or row["channel_win10"] or ""
    for number, entry in FAMILIES["Event"].items():
        log = entry.symbol.rpartition(" ")[0]
        if log.startswith("Microsoft-Windows-WinRM/"):
            assert number in manifest, entry
            assert manifest[number] in ("", log), entry
    assert 3603 not in manifest


def test_other_events_are_mentioned_in_the_facts():
    text = (FACTS / "events.md").read_text()
    for number, entry in FAMILIES["Event"].items():
        if not entry.symbol.startswith("Microsoft-Windows-WinRM/"):
            ranges = [(int(low), int(high)) for low, high in re.findall(r"\b(\d{4,5})-(\d{4,5})\b", text)]
            listed = re.search(rf"(?<!\d){number}(?!\d)", text) or any(low <= number <= high for low, high in ranges)
            assert listed, entry
