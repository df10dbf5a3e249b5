# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners against the host's addresses, filters, HTTP.sys and certificates."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.codes.config_defaults import POLICIES, STORE
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED, LOCAL, POLICY, ListenerEvidence, ListenersEvidence, ProblemEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.windows import addresses, httpsys, listeners
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Material
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from host_material import element, here, registry, row, said

THUMB, OTHER = "0123456789ABCDEF0123456789ABCDEF01234567", "F" * 40
ADDRESS, SECOND, SIX = "192.0.2.10", "198.51.100.7", "2001:db8::10"
BOUND = (ADDRESS, SECOND, SIX, "127.0.0.1", "::1", "fe80::1%12")
WINRM_GUID = bytes.fromhex("adb9ebaf979b914a9ab5daf4d59122f6")


def item(transport: str = "HTTP", bound: t.Sequence[str] = BOUND, **more: t.Any) -> Object:
    values = {"Address": "*", "Transport": transport, "Port": 5985 if transport == "HTTP" else 5986, "Hostname": "", "Enabled": "true", "URLPrefix": "wsman"}
    thumb = THUMB if transport == "HTTPS" else ""
    return row("Listener", **{**values, "CertificateThumbprint": thumb, **more, "ListeningOn": list(bound)})


def material(
    *items: Object, filters: tuple[str, str] = ("*", "*"), own: t.Sequence[str] = BOUND, only: tuple[str, ...] = (),
    bindings: t.Mapping[str, tuple[str, bytes]] | None = None, marks: str = "",
) -> Material:
    parameters: dict[str, dict[str, t.Any]] = {httpsys.PARAMETERS: {"ListenOnlyList": only} if only else {}}
    for endpoint, (thumb, application) in (bindings or {}).items():
        parameters[f"{httpsys.PARAMETERS}\\SslBindingInfo\\{endpoint}"] = {"SslCertHash": bytes.fromhex(thumb), "AppId": application}
    service = "".join(f"<IPv{version}Filter{marks}>{text}</IPv{version}Filter>" for version, text in zip((4, 6), filters, strict=True))
    return Material(
        config=element(f"<Config><Service>{service}</Service></Config>"), resources={"config/listener": items},
        queries={addresses.QUERY.id: (row(IPAddress=list(own)),)}, registry=registry(parameters),
    )


def of(seen: Material, **more: t.Any) -> ListenersEvidence:
    found = listeners.evidence(seen, here(**more))
    assert isinstance(found, ListenersEvidence)
    return found


def kinds(seen: Material, **more: t.Any) -> list[tuple[str, str]]:
    return [(one.kind, one.subject) for one in of(seen, **more).problems]


GOOD = {"0.0.0.0:5986": (THUMB, WINRM_GUID), "[::]:5986": (THUMB, WINRM_GUID)}


def test_a_host_as_it_should_be_has_no_problem() -> None:
    found = of(material(item(), item("HTTPS"), bindings=GOOD))
    assert found.problems == ()
    assert found.listeners[1] == ListenerEvidence("*", "HTTPS", 5986, "", True, "wsman", THUMB, BOUND, LOCAL)
    assert (found.ipv4_filter, found.ipv6_filter, found.listen_only) == ("*", "*", ())
    assert found.addresses == ("127.0.0.1", ADDRESS, SECOND, "::1", SIX, "fe80::1")


@pytest.mark.parametrize(("seen", "more", "expected"), [
    (material(), {}, [("no_listener", "")]),
    (material(item()), {"port": 5986, "scheme": "https"}, [("none_for_port", "5986")]),
    (material(item(Port=8443)), {}, [("none_for_port", "5985")]),
    (material(item(), item("HTTPS", Port=5985)), {"scheme": "https", "port": 5985}, [("not_bound", "*+HTTPS")]),
    (material(item(), item("HTTP", Address="IP:192.0.2.10", Port=5986)), {"scheme": "https", "port": 5986}, [("none_for_port", "5986")]),
    (material(item(Enabled="false", bound=())), {}, [("none_for_port", "5985"), ("disabled", "*+HTTP")]),
    (material(item(bound=())), {}, [("deaf", "*+HTTP")]),
    (material(item("HTTPS", CertificateThumbprint=""), item(), bindings=GOOD), {}, [("no_thumbprint", "*+HTTPS")]),
    (material(item("HTTPS"), item()), {}, [("not_bound", "*+HTTPS")]),
    (material(item("HTTPS"), item(), bindings={"0.0.0.0:5986": (OTHER, WINRM_GUID)}), {}, [("binding_differs", "*+HTTPS")]),
    (material(item("HTTPS"), item(), bindings={"0.0.0.0:5986": (THUMB, bytes(16))}), {}, [("foreign_binding", "*+HTTPS")]),
    (material(item("HTTPS"), item(), bindings={**GOOD, f"{ADDRESS}:5986": (OTHER, WINRM_GUID)}), {}, [("binding_differs", "*+HTTPS")]),
    (material(item("HTTPS"), item(), bindings={**GOOD, "203.0.113.9:5986": (OTHER, WINRM_GUID)}), {}, []),
    (material(item("HTTPS"), item(), bindings={**GOOD, "0.0.0.0:443": (OTHER, bytes(16))}), {}, []),
    (material(item("HTTPS", Address=f"IP:{ADDRESS}"), item(), bindings={f"{ADDRESS}:5986": (THUMB, WINRM_GUID)}), {}, []),
])
def test_what_does_not_fit_is_named(seen: Material, more: dict[str, t.Any], expected: list[tuple[str, str]]) -> None:
    assert kinds(seen, **more) == expected


ONE = (ADDRESS, "127.0.0.1", "::1")


@pytest.mark.parametrize(("filters", "bound", "expected"), [
    (("192.0.2.0-192.0.2.255", ""), ONE, [("address_left_out", SECOND), ("address_left_out", SIX)]),
    (("192.0.2.10", "*"), (ADDRESS, SIX), [("address_left_out", SECOND)]),
    (("10.0.0.1-10.0.0.9, 192.0.2.1-192.0.2.99,198.51.100.0-198.51.100.255", "*"), BOUND, []),
    (("10.0.0.1-10.0.0.9,*", "*"), BOUND, []),
    (("192.0.2.0/24", "*"), (), [("deaf", "*+HTTP"), ("bad_filter", "IPv4Filter")]),
    (("192.0.2.99-192.0.2.1", "*"), BOUND, [("bad_filter", "IPv4Filter")]),
    (("*", "192.0.2.1-192.0.2.9"), BOUND, [("bad_filter", "IPv6Filter")]),
    (("x" * 4000, "*"), BOUND, [("bad_filter", "IPv4Filter")]),
    (("*", "2001:db8::-2001:db8::ff"), BOUND, []),
    (("*", "2001:db8:1::-2001:db8:1::ff"), ONE, [("address_left_out", SIX)]),
])
def test_filters_leave_out_addresses(filters: tuple[str, str], bound: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert kinds(material(item(bound=bound), filters=filters)) == expected


def test_a_filter_of_policy_is_called_so() -> None:
    found = of(material(item(bound=ONE), filters=("", "*"), own=(SECOND,), marks=' Source="GPO"'))
    assert found.problems == (ProblemEvidence(
        "address_left_out", f"Group Policy's IPv4Filter is empty and leaves out {SECOND}: WinRM does not listen there.", SECOND,
    ),)


@pytest.mark.parametrize(("only", "expected"), [
    ((ADDRESS, SECOND, SIX), []), (("0.0.0.0", "::"), []), ((ADDRESS, "0.0.0.0"), [("address_left_out", SIX)]), (("127.0.0.1", "::"), [
        ("address_left_out", ADDRESS), ("address_left_out", SECOND)]),
])
def test_the_list_of_http_sys_leaves_out_addresses_even_where_the_listener_claims_them(only: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert kinds(material(item(), only=only)) == expected


def test_listeners_on_single_addresses_leave_out_the_one_that_is_called() -> None:
    seen = material(item(Address=f"IP:{ADDRESS}", bound=(ADDRESS,)))
    assert kinds(seen) == []
    assert kinds(seen, host=SECOND) == [("address_left_out", SECOND)]


@pytest.mark.parametrize(("url", "sddl", "expected"), [
    ("http://+:5985/wsman/", "D:(A;;GX;;;WD)", []), ("http://*:5985/WSMAN/", "D:(A;;GX;;;NS)", []), ("HTTP://+:5985/", "D:(A;;GX;;;WD)", []),
    ("http://+:5985/wsman/", "D:(A;;GX;;;SY)", [("reservation_wrong", "http://+:5985/wsman/")]),
    ("http://+:47001/wsman/", "D:(A;;GX;;;WD)", [("reservation_missing", "http://+:5985/wsman/")]),
    ("https://+:5985/wsman/", "D:(A;;GX;;;WD)", [("reservation_missing", "http://+:5985/wsman/")]),
    ("http://+:5985/wsman/", "", []),
])
def test_reservations_are_compared_with_listeners(url: str, sddl: str, expected: list[tuple[str, str]]) -> None:
    text = f"    Reserved URL : {url}\n" + (f"        SDDL: {sddl}\n" if sddl else "")
    seen = replace(material(item()), commands={"netsh:urlacl": said(text)})
    assert kinds(seen) == expected


def test_a_listener_elsewhere_needs_no_reservation_that_is_known_of() -> None:
    seen = replace(material(item(Port=8080)), commands={"netsh:urlacl": said("    Reserved URL : http://+:5985/wsman/\n")})
    assert kinds(seen, port=8080) == []


@pytest.mark.parametrize(("xml", "source"), [
    ('<Listener Source="GPO"><Address>*</Address><Transport>HTTP</Transport></Listener>', POLICY),
    ("<Listener><Address Source='Compatibility'>*</Address><Transport>http</Transport><Port>80</Port></Listener>", "compatibility"), ("<listener/>", LOCAL),
])
def test_who_made_a_listener_stands_in_an_attribute_and_gaps_are_filled(xml: str, source: str) -> None:
    found = of(material(element(xml))).listeners[0]
    assert (found.address, found.transport, found.source) == ("*", "HTTP", source)


def test_thumbprints_lose_blanks_and_invisible_marks() -> None:
    pasted = "\u200e" + " ".join(THUMB[place : place + 2].lower() for place in range(0, 40, 2))
    assert of(material(item("HTTPS", CertificateThumbprint=pasted), bindings=GOOD)).listeners[0].thumbprint == THUMB


def test_stored_listeners_stand_in_where_they_may_not_be_enumerated() -> None:
    seen = Material(config=Unknown(DENIED), resources={"config/listener": Unknown(DENIED)}, registry=registry({
        f"{STORE}\\Listener": {}, f"{STORE}\\Listener\\*+HTTPS": {"Port": 5986, "certThumbprint": THUMB.lower(), "hostname": "web01", "uriprefix": "wsman"},
        f"{STORE}\\Listener\\IP:{ADDRESS}+HTTP": {"Port": 8080, "enabled": 0}, f"{STORE}\\Service": {}, f"{POLICIES}\\Service": {"AllowAutoConfig": 1},
    }))
    found = of(seen)
    assert [(one.address, one.transport, one.port, one.enabled, one.source) for one in found.listeners] == [
        ("*", "HTTPS", 5986, True, LOCAL), (f"IP:{ADDRESS}", "HTTP", 8080, False, LOCAL), ("*", "HTTP", 5985, True, POLICY),
    ]
    assert [one.kind for one in found.problems] == ["disabled"], "what they are bound to is not known"


def test_value_by_value_only_the_usual_bindings_and_listeners_are_known() -> None:
    refused = {"sc:winrm": Unknown(DENIED)}
    seen = replace(material(item("HTTPS", Port=8443), item()), commands=refused)
    assert kinds(replace(seen, registry=registry({httpsys.PARAMETERS: {}}))) == []
    assert kinds(replace(seen, registry=registry({f"{httpsys.BINDINGS[0]}\\0.0.0.0:5986": {}}))) == []
    stored = Material(resources={"config/listener": Unknown(DENIED)}, registry=registry({f"{STORE}\\Service": {}}))
    assert [one.kind for one in of(stored).problems] == ["no_listener"]
    assert listeners.evidence(replace(stored, commands=refused), here()) == Unknown(DENIED)


def test_denied_stays_denied_where_nothing_else_tells() -> None:
    assert listeners.evidence(Material(resources={"config/listener": Unknown(DENIED)}), here()) == Unknown(DENIED)


def test_addresses_come_from_the_registry_and_the_listeners_where_wmi_says_nothing() -> None:
    root = addresses.INTERFACES
    seen = Material(resources={"config/listener": (item(bound=("127.0.0.1", SIX)),)}, registry=registry({
        f"{root}\\{{a}}": {"EnableDHCP": 1, "DhcpIPAddress": ADDRESS, "IPAddress": ("10.9.9.9",)},
        f"{root}\\{{b}}": {"EnableDHCP": 0, "IPAddress": (SECOND, "")},
        f"{root}\\{{c}}": {"EnableDHCP": 1, "DhcpIPAddress": "0.0.0.0"}, f"{root}\\{{d}}": {"IPAddress": ("not an address",)},
    }))
    assert of(seen).addresses == ("127.0.0.1", ADDRESS, SECOND, SIX)


def test_nothing_known_of_addresses_is_unknown() -> None:
    assert of(Material(resources={"config/listener": (item(bound=()),)})).addresses == addresses.NOT_TOLD
    denied = Material(resources={"config/listener": (item(bound=()),)}, queries={addresses.QUERY.id: Unknown(DENIED)})
    assert of(denied).addresses == Unknown(DENIED)
