# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains out of a host's stores. OpenSSL's command line is asked the same questions."""

from __future__ import annotations

import shutil
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ChainEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows.cert_blobs import AUTH_ROOT, CA, DISALLOWED, FILLED, MY, ROOT, read
from ansible_collections.winrm.doctor.plugins.module_utils.windows.cert_chain import MOST_SIGNATURES, Pool
from cert_stores import CLIENT, RULED, SERVER, SHARED, STORES, Made, blob, entry, make, registry, signed_with_sha1
from cryptography import x509
from cryptography.hazmat.primitives import hashes

TOP = make("Company Root", ca=True)
SUB = make("Company Issuing CA", TOP, ca=True)
WEB = make("web01", SUB, names=["web01.example.com"], uses=[SERVER])
OTHER_TOP = make("Somebody Else", ca=True)
Stores = t.Dict[str, t.Sequence[t.Union[Made, bytes]]]


def pool(stores: Stores, **more: t.Any) -> Pool:
    told = read(registry(stores), (MY, ROOT, CA, AUTH_ROOT, DISALLOWED, *FILLED))
    return Pool(told.stored, more.pop("now", time.time()), told.named("Disallowed"), **more)


def chain_of(made: Made, stores: Stores, **more: t.Any) -> ChainEvidence:
    built = pool({f"{STORES}\\MY": [made], **stores}, **more)
    return built.chain(next(one for one in built.stored if one.store == "My"))[1]


def stores(*, root: t.Sequence[Made] = (), ca: t.Sequence[Made] = (), disallowed: t.Sequence[Made] = ()) -> Stores:
    return {f"{STORES}\\ROOT": root, f"{STORES}\\CA": ca, f"{STORES}\\Disallowed": disallowed}


def damaged(made: Made) -> Made:
    """The same certificate with a signature that is none of its issuer's."""
    der = bytearray(made.der)
    der[-3] ^= 0x55
    return Made(x509.load_der_x509_certificate(bytes(der)), made.key)


OLD_SUB = make("Company Issuing CA", TOP, ca=True, key="Company Issuing CA", days=(-900, -40))
LATE_SUB = make("Company Issuing CA", TOP, ca=True, key="Company Issuing CA", days=(20, 900))
NO_CA = make("Company Issuing CA", TOP, ca=False, key="Company Issuing CA")
PLAIN = make("Company Issuing CA", TOP, key="Company Issuing CA")
NO_SIGNER = make("Company Issuing CA", TOP, ca=True, key="Company Issuing CA", may_sign=False)
NARROW_TOP = make("Narrow Root", ca=True, path_length=0)
NARROW_SUB = make("Narrow CA", NARROW_TOP, ca=True)
NARROW_WEB = make("web01", NARROW_SUB)
NAMESAKE = make("Company Issuing CA", TOP, ca=True, key="another key")
ALONE = make("web01", names=["web01"], uses=[SERVER])
UNMARKED_SUB = make("Unmarked CA", TOP, ca=True, ids=False)
UNMARKED_WEB = make("web01", UNMARKED_SUB, ids=False)
RIVAL = make("Unmarked CA", TOP, ca=True, ids=False, key="rival")
CROSS = make("Company Root", OTHER_TOP, ca=True, key="Company Root")
RSA_TOP = make("RSA Root", ca=True, bits=2048)
RSA_WEB = make("web01", RSA_TOP, digest=hashes.SHA384())
OLD_WEB = signed_with_sha1(make("web01", RSA_TOP), RSA_TOP)

CASES: dict[str, tuple[str, Made, dict[str, t.Sequence[Made]]]] = {
    "whole": ("trusted", WEB, {"root": [TOP], "ca": [SUB]}),
    "rsa": ("trusted", RSA_WEB, {"root": [RSA_TOP]}),
    "sha-1": ("trusted", OLD_WEB, {"root": [RSA_TOP]}),
    "damaged sha-1": ("bad_signature", damaged(OLD_WEB), {"root": [RSA_TOP]}),
    "without key identifiers": ("trusted", UNMARKED_WEB, {"root": [TOP], "ca": [UNMARKED_SUB]}),
    "namesake without key identifiers first": ("trusted", UNMARKED_WEB, {"root": [TOP], "ca": [RIVAL, UNMARKED_SUB]}),
    "namesake with another key beside": ("trusted", WEB, {"root": [TOP], "ca": [NAMESAKE, SUB]}),
    "expired one beside a good one": ("trusted", WEB, {"root": [TOP], "ca": [OLD_SUB, SUB]}),
    "self-signed and trusted": ("trusted", ALONE, {"root": [ALONE]}),
    "cross-signed, the other root trusted": ("trusted", WEB, {"root": [OTHER_TOP], "ca": [SUB, CROSS, TOP]}),
    "no issuer": ("incomplete", WEB, {"root": [TOP]}),
    "namesake only": ("incomplete", WEB, {"root": [TOP], "ca": [NAMESAKE]}),
    "no root": ("incomplete", WEB, {"ca": [SUB]}),
    "root in the wrong store": ("untrusted_root", WEB, {"ca": [SUB, TOP]}),
    "self-signed": ("untrusted_root", ALONE, {"root": [TOP]}),
    "expired authority": ("expired", WEB, {"root": [TOP], "ca": [OLD_SUB]}),
    "authority of the future": ("not_yet_valid", WEB, {"root": [TOP], "ca": [LATE_SUB]}),
    "not an authority": ("not_a_ca", WEB, {"root": [TOP], "ca": [NO_CA]}),
    "not marked as an authority": ("not_a_ca", WEB, {"root": [TOP], "ca": [PLAIN]}),
    "authority that may not sign": ("not_a_ca", WEB, {"root": [TOP], "ca": [NO_SIGNER]}),
    "too many authorities": ("not_a_ca", NARROW_WEB, {"root": [NARROW_TOP], "ca": [NARROW_SUB]}),
    "damaged": ("bad_signature", damaged(WEB), {"root": [TOP], "ca": [SUB]}),
    "damaged authority": ("bad_signature", WEB, {"root": [TOP], "ca": [damaged(SUB)]}),
    "other key without identifiers": ("bad_signature", UNMARKED_WEB, {"root": [TOP], "ca": [RIVAL]}),
    "disallowed": ("disallowed", WEB, {"root": [TOP], "ca": [SUB], "disallowed": [WEB]}),
    "disallowed authority": ("disallowed", WEB, {"root": [TOP], "ca": [SUB], "disallowed": [SUB]}),
    "intermediate as a root": ("incomplete", WEB, {"root": [SUB]}),
}


@pytest.mark.parametrize("case", CASES)
def test_outcome(case: str) -> None:
    outcome, leaf, held = CASES[case]
    seen = chain_of(leaf, stores(**held))
    assert seen.outcome == outcome, seen.why
    assert seen.why.endswith(".")
    assert len(seen.subjects) == len(seen.stores) >= 1


OPENSSL = shutil.which("openssl")
CODES = {
    "trusted": {0}, "incomplete": {2, 20, 21}, "untrusted_root": {18, 19}, "expired": {10}, "not_yet_valid": {9}, "not_a_ca": {24, 25, 32, 79},
    "bad_signature": {7},
}
"""X509_V_ERR numbers (x509_vfy.h)."""
# Of several issuers of one name without key identifiers OpenSSL tries the first alone; here, and [INF] in Windows, the signature decides.
ALIKE = [case for case in CASES if CASES[case][0] in CODES and case != "namesake without key identifiers first"]


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize("case", ALIKE)
def test_openssl_says_the_same(case: str, tmp_path: Path) -> None:
    outcome, leaf, held = CASES[case]
    # OpenSSL trusts what it is given; only self-signed certificates end a chain for it, as for Windows.
    for name, those in (("root", held.get("root", ())), ("ca", held.get("ca", ())), ("leaf", [leaf])):
        (tmp_path / name).write_bytes(b"".join(one.pem for one in those))
    roots = ["-CAfile", str(tmp_path / "root")] if held.get("root") else ["-no-CAfile"]
    others = ["-untrusted", str(tmp_path / "ca")] if held.get("ca") else []
    command = [str(OPENSSL), "verify", "-no-CApath", "-no-CAstore", *roots, *others, str(tmp_path / "leaf")]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    codes = {int(line.split()[1]) for line in (told.stderr + told.stdout).splitlines() if line.startswith("error ") and line.split()[1].isdigit()}
    assert (codes or {0 if told.returncode == 0 else -1}) & CODES[outcome], told.stderr + told.stdout


def test_places_and_subjects_are_told_leaf_first() -> None:
    seen = chain_of(WEB, {f"{RULED}\\Root": [TOP], f"{SHARED}\\CA": [SUB]})
    assert seen == ChainEvidence(
        "trusted", "It ends in CN=Company Root, which is in Root (policy).", ("CN=web01", "CN=Company Issuing CA", "CN=Company Root"),
        ("My", "CA (enterprise)", "Root (policy)"),
    )


@pytest.mark.parametrize("place", [f"{STORES}\\ROOT", f"{STORES}\\AuthRoot", f"{SHARED}\\Root", f"{RULED}\\Root"])
def test_every_root_store_makes_trusted(place: str) -> None:
    assert chain_of(WEB, {f"{STORES}\\CA": [SUB], place: [TOP]}).outcome == "trusted"


@pytest.mark.parametrize("place", [f"{STORES}\\Disallowed", f"{SHARED}\\Disallowed", f"{RULED}\\Disallowed"])
def test_every_disallowed_store_counts_and_a_broken_blob_still_names_its_certificate(place: str) -> None:
    keys: Stores = {f"{STORES}\\CA": [SUB], f"{STORES}\\ROOT": [TOP]}
    assert chain_of(WEB, {**keys, place: [TOP]}).outcome == "disallowed"
    assert chain_of(WEB, keys, now=time.time()).outcome == "trusted"
    built = pool({**keys, f"{STORES}\\MY": [WEB]})
    built.disallowed = frozenset((SUB.thumbprint,))
    assert built.chain(next(one for one in built.stored if one.store == "My"))[1].outcome == "disallowed"


def test_certificate_renewed_under_the_same_serial_is_disallowed_with_the_first() -> None:
    der = bytearray(WEB.der)
    der[-1] ^= 1
    twin = Made(x509.load_der_x509_certificate(bytes(der)), WEB.key)
    assert twin.thumbprint != WEB.thumbprint
    assert chain_of(WEB, stores(root=[TOP], ca=[SUB], disallowed=[twin])).outcome == "disallowed"


def test_root_trusted_for_other_uses_only_is_no_root_for_servers() -> None:
    usage = x509.ExtendedKeyUsage([CLIENT]).public_bytes()
    seen = chain_of(WEB, {f"{STORES}\\CA": [SUB], f"{STORES}\\ROOT": [blob(TOP, more=entry(9, usage))]})
    assert seen.outcome == "untrusted_root"
    assert "other uses than Server Authentication" in seen.why


def test_dates_are_judged_by_the_clock_that_is_given() -> None:
    assert chain_of(WEB, stores(root=[TOP], ca=[SUB]), now=time.time() + 400 * 86400).outcome == "expired"
    assert chain_of(WEB, stores(root=[TOP], ca=[SUB]), now=time.time() - 400 * 86400).outcome == "not_yet_valid"


@pytest.mark.parametrize(
    ("automatic", "words"),
    [(True, "Windows fetches the root of a public authority by itself"), (False, "policy switches the automatic root update off")],
)
def test_root_that_may_come_by_itself_is_told_of(automatic: bool, words: str) -> None:
    assert words in chain_of(WEB, stores(), automatic_roots=automatic).why
    assert words in chain_of(WEB, stores(ca=[SUB, TOP]), automatic_roots=automatic).why
    assert "never that of a company" in chain_of(WEB, stores()).why
    assert "by itself" not in chain_of(ALONE, stores()).why


def test_issuer_that_windows_may_fetch_is_told_of() -> None:
    leaf = make("web01", SUB, aia="http://pki.example.com/sub.crt")
    assert "Windows may fetch it from http://pki.example.com/sub.crt." in chain_of(leaf, stores(root=[TOP])).why


def test_chain_that_a_store_not_read_could_complete_is_undecided() -> None:
    assert chain_of(WEB, stores(), unread=("AuthRoot",)).outcome == "undecided"
    assert chain_of(WEB, stores(ca=[SUB, TOP]), unread=("AuthRoot",)).outcome == "undecided"
    assert chain_of(WEB, stores(root=[TOP], ca=[SUB]), unread=("AuthRoot",)).outcome == "trusted"
    assert chain_of(ALONE, stores(), unread=("AuthRoot",)).outcome == "untrusted_root"
    assert chain_of(ALONE, stores(), unread=("Root",)).outcome == "undecided"


def test_authorities_that_sign_each_other_end() -> None:
    one = make("One", make("Two", ca=True), ca=True)
    two = make("Two", make("One", ca=True), ca=True)
    leaf = make("web01", make("One", ca=True))
    assert chain_of(leaf, stores(ca=[one, two])).outcome == "incomplete"


def test_hostile_store_costs_a_bounded_number_of_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [make(f"Level {number % 6}", make(f"Level {(number + 1) % 6}", ca=True), ca=True) for number in range(60)]
    built = pool({f"{STORES}\\MY": [make("web01", make("Level 0", ca=True))], f"{STORES}\\CA": crowd})
    asked = 0
    read_once = built._x509

    def counted(one: t.Any) -> t.Any:
        nonlocal asked
        asked += 1
        return read_once(one)

    monkeypatch.setattr(built, "_x509", counted)
    start = time.process_time()
    built.chain(next(one for one in built.stored if one.store == "My"))
    assert time.process_time() - start < 2
    assert asked < MOST_SIGNATURES * 200


def test_one_chain_among_hundreds_decodes_only_its_own() -> None:
    crowd = [make(f"Public {number}", ca=True, key="one") for number in range(300)]
    built = pool({f"{STORES}\\MY": [WEB], f"{STORES}\\CA": [SUB], f"{STORES}\\ROOT": [*crowd, TOP]})
    built.chain(built.stored[0])
    assert len(built._read) == 3
