# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's certificates: which of them WinRM uses, and what does not fit."""

from __future__ import annotations

import random
import time
import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import RevocationEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import CertificatesEvidence, StoredCertificateEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import Node
from ansible_collections.winrm.doctor.plugins.module_utils.windows import cert_blobs, certificates, reg_fallback
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Key, Material
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from cert_stores import CLIENT, NOW, RULED, SERVER, SHARED, STORES, Made, blob, entry, make, registry, signed_with_sha1
from cryptography import x509

HERE = Circumstances(NOW.timestamp(), "web01.example.com", 5986, "https")
TOP = make("Company Root", ca=True)
SUB = make("Company Issuing CA", TOP, ca=True)
WEB = make("web01", SUB, names=["web01.example.com", "192.0.2.10"], uses=[SERVER])
RSA_TOP = make("RSA Root", ca=True, bits=2048)
Held = t.Mapping[str, t.Sequence[t.Union[Made, bytes]]]


def item(name: str, **texts: str) -> Object:
    return Object(Node(name, children=[Node(key, text=text) for key, text in texts.items()]))


def listener(thumbprint: str, transport: str = "HTTPS", address: str = "*", **more: str) -> Object:
    return item("Listener", Address=address, Transport=transport, Port="5986", CertificateThumbprint=thumbprint, **more)


def material(held: Held, *listeners: Object, service: str = "", mappings: t.Sequence[Object] = (), **more: t.Any) -> Material:
    found = Object(Node("Config", children=[Node("Service", children=[Node("CertificateThumbprint", text=service)])]))
    resources = {"config/listener": listeners, "config/service/certmapping": tuple(mappings)}
    return Material(config=found, resources=resources, registry=registry(held, **more))


def stores(*own: Made | bytes, root: t.Sequence[Made] = (TOP,), ca: t.Sequence[Made] = (SUB,), **more: t.Sequence[Made | bytes]) -> Held:
    return {f"{STORES}\\MY": own, f"{STORES}\\ROOT": root, f"{STORES}\\CA": ca, **more}


def told(made: Material, here: Circumstances = HERE) -> CertificatesEvidence:
    seen = certificates.evidence(made, here)
    assert isinstance(seen, CertificatesEvidence)
    assert decode(CertificatesEvidence, encode(seen, brief=True)) == seen
    return seen


def used(made: Made, here: Circumstances = HERE, hostname: str = "", **more: t.Any) -> CertificatesEvidence:
    """What is told of a certificate that the HTTPS listener names."""
    return told(material(stores(made, **more), listener(made.thumbprint, Hostname=hostname)), here)


def kinds(seen: CertificatesEvidence) -> list[str]:
    return [one.kind for one in seen.problems]


def only(seen: CertificatesEvidence, kind: str) -> str:
    """The sentence of the only problem."""
    assert kinds(seen) == [kind], seen.problems
    return seen.problems[0].means


def test_good_certificate_has_no_problem_and_its_chain_is_shown() -> None:
    seen = used(WEB)
    assert not seen.problems
    own = seen.of(WEB.thumbprint)
    assert isinstance(own, StoredCertificateEvidence)
    assert (own.key, own.used_by, own.source, own.days_left) == (True, ("*+HTTPS",), "local", 300)
    assert own.chain
    assert own.chain.outcome == "trusted"
    assert [(one.store, one.certificate.thumbprint) for one in seen.certificates] == [("My", WEB.thumbprint), ("CA", SUB.thumbprint), ("Root", TOP.thumbprint)]
    assert [(one.name, one.source, one.count, one.unreadable) for one in seen.stores] == [
        ("My", "local", 1, 0), ("Root", "local", 1, 0), ("CA", "local", 1, 0), ("Disallowed", "local", 0, 0), ("AuthRoot", "local", 0, 0),
        ("TrustedPeople", "local", 0, 0),
    ]
    assert seen.automatic_roots is True


@pytest.mark.parametrize(
    ("days", "kind", "words"),
    [
        ((-400, -20), "expired", "The certificate of the listener *+HTTPS expired on "),
        ((5, 300), "not_yet_valid", "is valid only from "),
        ((-300, 12.1), "expiring", ", in 12 days."),
        ((-300, 1.1), "expiring", ", in 1 day."),
        ((-300, 31), "", ""),
    ],
)
def test_dates(days: tuple[float, float], kind: str, words: str) -> None:
    seen = used(make("web01", SUB, names=["web01.example.com"], uses=[SERVER], days=days))
    if kind:
        assert words in only(seen, kind)
    else:
        assert not seen.problems


def test_dates_of_an_authority_in_use_are_told_too() -> None:
    sub = make("Company Issuing CA", TOP, ca=True, days=(-900, 8.1))
    seen = used(WEB, ca=[sub])
    assert only(seen, "expiring").startswith("The authority's certificate CN=Company Issuing CA expires on ")
    assert seen.problems[0].subject == sub.thumbprint


def test_other_number_of_days_may_be_asked_for() -> None:
    assert kinds(used(WEB, replace(HERE, expiring_days=301))) == ["expiring", "expiring", "expiring"]
    assert not used(WEB, replace(HERE, expiring_days=0)).problems


@pytest.mark.parametrize(
    ("offset", "kind", "words"),
    [
        (400 * 86400.0, "expired", "by the host's own clock, which is 34560000 s ahead, though not by this control node's clock."),
        (-30 * 86400.0, "not_yet_valid", "by the host's own clock, which is 2592000 s behind, though not by this control node's clock."),
        (0.5, "", ""),
    ],
)
def test_clock_of_the_host_judges_otherwise(offset: float, kind: str, words: str) -> None:
    seen = used(WEB, replace(HERE, offset=offset, uncertainty=0.6))
    assert [one.means for one in seen.problems if one.subject == WEB.thumbprint and one.kind == kind and words in one.means] or not kind
    assert kind or not seen.problems


def test_expired_here_and_good_by_the_hosts_clock_says_both() -> None:
    seen = used(make("web01", SUB, names=["web01.example.com"], days=(-100, -5)), replace(HERE, offset=-9 * 86400.0))
    assert "by this control node's clock; by the host's own clock, which is 777600 s behind, it expires on " in only(seen, "expired")


@pytest.mark.parametrize(
    ("uses", "kind"), [([CLIENT], "no_server_auth"), ([SERVER, CLIENT], ""), (None, ""), ([x509.ObjectIdentifier("2.5.29.37.0")], "")],
)
def test_server_authentication(uses: list[x509.ObjectIdentifier] | None, kind: str) -> None:
    assert kinds(used(make("web01", SUB, names=["web01.example.com"], uses=uses))) == ([kind] if kind else [])


def test_use_that_was_taken_away_in_the_store_counts() -> None:
    usage = x509.ExtendedKeyUsage([CLIENT]).public_bytes()
    seen = told(material(stores(blob(WEB, key=True, more=entry(9, usage))), listener(WEB.thumbprint)))
    assert only(seen, "no_server_auth").startswith("In the store somebody has taken Server Authentication")


def test_certificate_without_key() -> None:
    seen = told(material(stores(blob(WEB, friendly_name="WinRM")), listener(WEB.thumbprint)))
    assert only(seen, "no_key").startswith("No private key belongs to the certificate of the listener *+HTTPS")
    assert seen.certificates[0].key is False
    assert seen.certificates[0].friendly_name == "WinRM"


@pytest.mark.parametrize(
    ("names", "host", "hostname", "found"),
    [
        (["web01.example.com"], "web01.example.com", "", 0),
        (["*.example.com"], "web01.example.com", "web01.example.com", 0),
        (["*.example.com"], "web01.sub.example.com", "", 1),
        (["192.0.2.10"], "192.0.2.10", "", 0),
        (["web01.example.com"], "192.0.2.10", "", 1),
        (["web01.example.com"], "web01", "", 1),
        (["web01.example.com"], "web01.example.com", "other.example.com", 1),
        (["web01.example.com"], "web01.example.com", "web01", 0),
        ([], "web01", "web01", 1),
    ],
)
def test_name(names: list[str], host: str, hostname: str, found: int) -> None:
    seen = used(make("web01", SUB, names=names, uses=[SERVER]), replace(HERE, host=host), hostname)
    assert kinds(seen) == ["name_mismatch"] * found


def test_name_that_is_only_a_common_name_is_explained() -> None:
    seen = used(make("web01", SUB, uses=[SERVER]), replace(HERE, host="web01"))
    assert only(seen, "name_mismatch").endswith("but has no subject alternative name, and clients no longer read the common name (web01; [RFC 9525]).")


def test_inventory_that_comes_by_http_has_no_name_to_compare() -> None:
    assert not used(WEB, replace(HERE, host="elsewhere", scheme="http", port=5985)).problems


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (make("web01", SUB, names=["web01.example.com"], bits=1024), "weak_key"),
        (signed_with_sha1(make("web01", RSA_TOP, names=["web01.example.com"]), RSA_TOP), "weak_signature"),
        (make("web01", SUB, names=["web01.example.com"], padding=17000), "too_large"),
    ],
)
def test_weak_or_large(made: Made, kind: str) -> None:
    assert kinds(used(made, root=[TOP, RSA_TOP])) == [kind]


def test_signature_of_a_self_signed_one_is_nobodys_business() -> None:
    alone = make("web01", names=["web01.example.com"], key="rsa", bits=2048)
    alone = signed_with_sha1(alone, alone)
    assert not used(alone, root=[alone]).problems


@pytest.mark.parametrize(
    ("root", "ca", "words"),
    [
        ([TOP], [], "CN=Company Issuing CA, which issued CN=web01, is in no store of the host."),
        ([], [SUB], "CN=Company Root, which issued CN=Company Issuing CA, is in no store of the host."),
    ],
)
def test_chain_that_does_not_end_in_a_root(root: list[Made], ca: list[Made], words: str) -> None:
    assert words in only(used(WEB, root=root, ca=ca), "chain").replace("cN=", "CN=")


def test_self_signed_listener_certificate_is_not_trusted_by_the_host() -> None:
    alone = make("web01", names=["web01.example.com"], uses=[SERVER])
    means = only(used(alone), "chain")
    assert means.startswith("The host itself does not trust the certificate of the listener *+HTTPS: it signs itself and is in no Root store")


def test_disallowed() -> None:
    seen = told(material({**stores(WEB), f"{STORES}\\Disallowed": [SUB]}, listener(WEB.thumbprint)))
    assert kinds(seen) == ["disallowed"]


def test_certificate_that_a_listener_names_and_nobody_has() -> None:
    seen = told(material(stores(WEB), listener("AB" * 20), listener(TOP.thumbprint, address="IP:192.0.2.10"), listener("CD" * 20, Enabled="false")))
    assert [(one.kind, one.subject) for one in seen.problems] == [("listener_certificate_missing", "AB" * 20), ("listener_certificate_missing", TOP.thumbprint)]
    assert seen.problems[1].means == (
        f"The certificate {TOP.thumbprint}, which the listener IP:192.0.2.10+HTTPS names, is not in the store My, only in Root."
    )


def test_thumbprint_as_people_paste_it_is_found() -> None:
    pasted = "\u200e" + " ".join(WEB.thumbprint.lower()[number : number + 2] for number in range(0, 40, 2))
    assert not told(material(stores(WEB), listener(pasted))).problems


def test_service_certificate_is_used_and_has_no_name_to_fit() -> None:
    other = make("credssp", SUB, uses=[SERVER])
    seen = told(material(stores(WEB, other), listener(WEB.thumbprint), service=other.thumbprint))
    assert not seen.problems
    assert {one.certificate.thumbprint: one.used_by for one in seen.certificates[:2]} == {WEB.thumbprint: ("*+HTTPS",), other.thumbprint: ("service",)}
    assert "the service (winrm/config/service)" in only(told(material(stores(), service=other.thumbprint)), "listener_certificate_missing")


def test_listeners_come_from_the_registry_where_winrm_does_not_tell() -> None:
    key = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Listener"
    more = {key: (), f"{key}\\*+HTTPS": (Value("certThumbprint", "REG_SZ", WEB.thumbprint), Value("Port", "REG_DWORD", 5986))}
    seen = told(Material(registry=registry(stores(WEB), more)))
    assert seen.certificates[0].used_by == ("*+HTTPS",)


def test_certificate_that_nobody_uses_has_no_problems_but_a_chain() -> None:
    old = make("old", SUB, days=(-400, -20), uses=[CLIENT])
    seen = told(material(stores(WEB, old), listener(WEB.thumbprint)))
    assert not seen.problems
    own = seen.of(old.thumbprint.lower())
    assert own
    assert own.chain
    assert (own.chain.outcome, own.days_left, own.used_by) == ("trusted", -20, ())


def test_misplaced_certificates_are_told_and_shown() -> None:
    stray, agency = make("Stray Root", ca=True), make("Root Agency", ca=True)
    held = {**stores(WEB, make("old", stray), root=[TOP, SUB, WEB], ca=[SUB, TOP, agency]), f"{RULED}\\CA": [stray, b"junk"]}
    seen = told(material(held, listener(WEB.thumbprint)))
    by = {one.means.partition(",")[0]: one for one in seen.problems}
    assert {start: one.kind for start, one in by.items()} == {
        "The store Root holds CN=Company Issuing CA": "root_misplaced", "The store Root holds CN=web01": "root_misplaced",
        "The store CA (policy) holds CN=Stray Root": "intermediate_misplaced",
    }
    assert "KB2795828" in by["The store Root holds CN=web01"].means
    assert "belongs into Root" in by["The store CA (policy) holds CN=Stray Root"].means
    assert ("CA", "CN=Stray Root") in [(one.store, one.certificate.subject) for one in seen.certificates]


@pytest.mark.parametrize(("value", "automatic"), [(None, True), (0, True), (1, False)])
def test_automatic_root_update(value: int | None, automatic: bool) -> None:
    more = {} if value is None else {f"{RULED}\\AuthRoot": (Value("DisableRootAutoUpdate", "REG_DWORD", value),)}
    assert told(material(stores(WEB), more=more)).automatic_roots is automatic


def test_mapping_whose_authority_is_in_no_store() -> None:
    mappings = [item("CertMapping", Issuer=TOP.thumbprint), item("CertMapping", Issuer="EF" * 20), item("CertMapping", Issuer="AA" * 20, Enabled="false")]
    seen = told(material(stores(), mappings=mappings))
    assert [(one.kind, one.subject) for one in seen.problems] == [("mapping_issuer_missing", "EF" * 20)]
    assert [one.certificate.thumbprint for one in seen.certificates] == [TOP.thumbprint]


def test_what_may_not_be_read_is_unknown_and_the_rest_is_told() -> None:
    seen = told(material(stores(WEB), listener(WEB.thumbprint), unknown={f"{STORES}\\ca".lower(): "access denied"}))
    assert Unknown("the store CA was not read whole: access denied") not in seen.gaps
    held = {f"{STORES}\\MY": [WEB], f"{STORES}\\ROOT": [TOP]}
    seen = told(material(held, listener(WEB.thumbprint), unknown={f"{STORES}\\ca".lower(): "access denied", f"{RULED}".lower(): "access denied"}))
    assert Unknown("the store CA was not read whole: access denied") in seen.gaps
    assert seen.automatic_roots == Unknown("access denied")
    assert seen.certificates[0].chain
    assert seen.certificates[0].chain.outcome == "undecided"
    assert not seen.problems
    assert certificates.evidence(Material(registry=Registry(unknown={"hklm": "access denied"})), HERE) == Unknown("access denied")


def test_host_that_runs_no_command_tells_nothing_of_stores() -> None:
    class Absent:
        def values(self, key: str) -> None:
            return None

        def value(self, key: str, name: str) -> None:
            return None

    found = reg_fallback.read(Absent(), certificates.needs(HERE).keys)
    seen = certificates.evidence(Material(registry=found), HERE)
    assert isinstance(seen, Unknown)
    assert seen.unknown == reg_fallback.TOO_MUCH


def test_missing_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(deps._TOO_OLD, "cryptography", "999")
    seen = certificates.evidence(material(stores(WEB)), HERE)
    assert isinstance(seen, Unknown)
    assert seen.unknown.startswith("The Python library cryptography is too old")
    assert certificates.to_ask(material(stores(WEB)), replace(HERE, revocation=True)) == ()


def test_certificate_that_the_library_cannot_read_is_counted() -> None:
    broken = WEB.der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)
    seen = told(material(stores(blob(broken), b"junk", WEB)))
    assert (seen.stores[0].count, seen.stores[0].unreadable) == (3, 2)
    assert [one.certificate.thumbprint for one in seen.certificates if one.store == "My"] == [WEB.thumbprint]


def key_paths(here: Circumstances) -> dict[str, Key]:
    return {key.path.rpartition("Microsoft\\")[2]: key for key in certificates.needs(here).keys}


def test_less_is_read_where_little_depends_on_it() -> None:
    whole, plain, quick = HERE, replace(HERE, scheme="http", thorough=False), replace(HERE, thorough=False)
    assert {f"SystemCertificates\\{name}\\Certificates" for name in ("MY", "ROOT", "CA", "AuthRoot", "TrustedPeople")} <= key_paths(whole).keys()
    assert {"EnterpriseCertificates", "SystemCertificates"} <= key_paths(whole).keys()
    assert not key_paths(whole)["SystemCertificates\\Disallowed\\Certificates"].contains
    assert [path for path in key_paths(plain) if "Certificates" in path] == ["SystemCertificates\\MY\\Certificates", "SystemCertificates\\AuthRoot"]
    assert "SystemCertificates\\AuthRoot\\Certificates" not in key_paths(quick)
    assert key_paths(quick)["SystemCertificates\\Disallowed\\Certificates"].contains == ("HKEY_",)


def test_quick_look_over_http_tells_of_my_alone() -> None:
    seen = told(material({f"{STORES}\\MY": [WEB]}, listener(WEB.thumbprint)), replace(HERE, scheme="http", thorough=False))
    assert [one.name for one in seen.stores] == ["My"]
    assert seen.certificates[0].chain is None
    assert not seen.problems


def test_quick_look_over_https_still_knows_what_is_disallowed() -> None:
    names = {f"{STORES}\\Disallowed\\Certificates\\{SUB.thumbprint}": ()}
    seen = told(material(stores(WEB), listener(WEB.thumbprint), more=names), replace(HERE, thorough=False))
    assert kinds(seen) == ["disallowed"]


def test_revocation_is_asked_for_what_is_used_and_answers_are_kept() -> None:
    made, here = material(stores(WEB, make("other", SUB)), listener(WEB.thumbprint)), replace(HERE, revocation=True)
    asked = certificates.to_ask(made, here)
    assert asked == (
        certificates.Question(WEB.thumbprint, (WEB.der, SUB.der)), certificates.Question(SUB.thumbprint, (SUB.der, TOP.der)),
    )
    assert certificates.to_ask(made, HERE) == ()
    gone = RevocationEvidence("revoked", "OCSP", "http://ocsp.example.com/", "2026-01-02T03:04:05Z")
    seen = certificates.answered(told(made), {WEB.thumbprint: (Unknown("no answer"), gone), SUB.thumbprint: (RevocationEvidence("good", "CRL", "http://x/"),)})
    assert isinstance(seen, CertificatesEvidence)
    assert only(seen, "revoked") == "CN=web01 is revoked since 2026-01-02T03:04:05Z: OCSP at http://ocsp.example.com/ says so."
    assert seen.certificates[0].revocation == (Unknown("no answer"), gone)
    assert certificates.answered(Unknown("access denied"), {}) == Unknown("access denied")


def test_three_hundred_roots_cost_little() -> None:
    crowd = [make(f"Public {number}", ca=True, key="one") for number in range(300)]
    made = material({**stores(WEB), f"{STORES}\\AuthRoot": crowd, f"{SHARED}\\Root": crowd}, listener(WEB.thumbprint))
    start = time.process_time()
    assert not told(made).problems
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("sent", "root", "ca", "outcome"),
    [
        ([WEB, SUB], [TOP], [], "trusted"), ([WEB], [TOP], [SUB], "trusted"), ([WEB], [TOP], [], "incomplete"), ([WEB, SUB], [], [], "incomplete"),
        ([WEB, SUB, TOP], [], [], "untrusted_root"), ([WEB, SUB, TOP], [TOP], [], "trusted"),
    ],
)
def test_client_judges_what_another_host_presents(sent: list[Made], root: list[Made], ca: list[Made], outcome: str) -> None:
    here = replace(HERE, presented=tuple(made.der for made in sent), scheme="http", thorough=True)
    seen = told(material(stores(root=root, ca=ca)), here)
    assert seen.presented
    assert seen.presented.outcome == outcome
    assert seen.presented.stores[0] == "presented"
    assert not seen.certificates
    assert told(material(stores(WEB))).presented is None
    assert told(material(stores()), replace(HERE, presented=(b"junk",))).presented is None


def test_diagnosis_of_a_client_reads_public_roots_too() -> None:
    here = replace(HERE, presented=(WEB.der,), scheme="http", thorough=False)
    assert any(key.path.endswith("AuthRoot\\Certificates") for key in certificates.needs(here).keys)
    assert not any(key.path.endswith("AuthRoot\\Certificates") for key in certificates.needs(replace(here, presented=(), scheme="https")).keys)
    seen = told(material(stores(root=[RSA_TOP])), here)
    assert seen.presented
    assert seen.presented.outcome != "undecided"
    sent = told(material(stores(root=[RSA_TOP], ca=[])), replace(here, presented=(WEB.der, SUB.der, TOP.der)))
    assert sent.presented
    assert "which is sent along, but lies in no Root store" in sent.presented.why


@pytest.mark.parametrize(
    ("days", "words"), [((-400, -20), "which is in Root; its own dates are another matter, and do not fit today."), ((-9, 300), "which is in Root.")],
)
def test_chain_of_an_expired_certificate_does_not_sound_as_if_its_dates_were_well(days: tuple[float, float], words: str) -> None:
    late = make("web01", SUB, names=["web01.example.com"], uses=[SERVER], days=days)
    own = used(late).of(late.thumbprint)
    assert own
    assert own.chain
    assert own.chain.outcome == "trusted"
    assert own.chain.why.endswith(words)


def test_damaged_blobs_never_raise() -> None:
    chance = random.Random(7)
    for _round in range(150):
        damaged = []
        for made in (WEB, SUB, TOP):
            data = bytearray(blob(made, key=True, friendly_name="name"))
            for _change in range(chance.randint(0, 3)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            damaged.append(bytes(data))
        held = {f"{STORES}\\MY": damaged, f"{STORES}\\ROOT": damaged, f"{STORES}\\CA": damaged, f"{STORES}\\Disallowed": damaged[:1]}
        found = registry(held)
        first = cert_blobs.read(found, (cert_blobs.MY,)).stored[:1]
        resources = {"config/listener": tuple(listener(one.thumbprint) for one in first)}
        told(Material(resources=resources, registry=found))
