# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's Windows tells of its inside over WS-Management; shapes are held against recorded ones where the folder of recordings is there."""

from __future__ import annotations

import datetime
import os
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from lab.inside import config, enumeration, profiles, resources
from lab.inside.manners import MANNERS
from lab.inside.model import Inside, Listener, Mapping, Shell
from lab.logon import soap
from lab.messages import Account, Windows

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
recorded = pytest.mark.skipif(not CAPTURES.is_dir(), reason="the recorded messages are not here")
ADMIN, USER = Account("x"), Account("x", groups="remote_management_users")
N, W, CFG = soap.NS["n"], soap.NS["w"], f"{soap.MS}/config"
OPTIMISED = "<w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements>"


def host(**changed: t.Any) -> Windows:
    inside = replace(profiles.fresh(domain="LAB", dns_domain="lab.test"), addresses=("192.0.2.10", "2001:db8::10"), **changed)
    return Windows("WEB01", "LAB", "lab.test", accounts={"admin": ADMIN}, inside=inside)


def request(action: str, resource: str, body: str = "", selectors: t.Mapping[str, str] | None = None, more: str = "") -> soap.Message:
    names = "".join(f'<w:Selector Name="{name}">{value}</w:Selector>' for name, value in (selectors or {}).items())
    spaces = "".join(f' xmlns:{prefix}="{soap.NS[prefix]}"' for prefix in ("s", "a", "w", "n"))
    uri = resource if "://" in resource else f"{soap.MS}/{resource}"
    return soap.read(
        f"<s:Envelope{spaces}><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:1</a:MessageID><w:ResourceURI>{uri}</w:ResourceURI>"
        f"<w:SelectorSet>{names}</w:SelectorSet>{more}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()
    )


def ask(windows: Windows, message: soap.Message, account: Account = ADMIN) -> ET.Element:
    """The body's first element; raises the fault."""
    resources.check(message, windows, account)
    body = ET.fromstring(resources.answer(message, windows, account)).find(f"{{{soap.NS['s']}}}Body")
    assert body is not None
    return body[0]


def get(windows: Windows, resource: str, account: Account = ADMIN, **selectors: str) -> ET.Element:
    return ask(windows, request(f"{soap.NS['x']}/Get", resource, selectors=selectors), account)


def enumerate_(windows: Windows, resource: str, wql: str = "", head: str = OPTIMISED, more: str = "", account: Account = ADMIN) -> ET.Element:
    dialect = 'Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL"'
    filtered = f"<w:Filter {dialect}>{wql.replace('<', '&lt;').replace('>', '&gt;')}</w:Filter>" if wql else ""
    return ask(windows, request(f"{N}/Enumerate", resource, f"<n:Enumerate>{head}{filtered}</n:Enumerate>", more=more), account)


def pull(windows: Windows, resource: str, context: str, most: int = 32000) -> ET.Element:
    body = f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>{most}</n:MaxElements></n:Pull>"
    return ask(windows, request(f"{N}/Pull", resource, body))


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def texts(element: ET.Element) -> list[tuple[str, str]]:
    return [(local(child), (child.text or "") if not len(child) else "".join(child.itertext())) for child in element]


def context(page: ET.Element) -> str:
    return (page.findtext(f"{{{N}}}EnumerationContext") or "").strip()


def items(page: ET.Element) -> list[ET.Element]:
    return [item for name in (N, W) for found in page.findall(f"{{{name}}}Items") for item in found]


def whole(windows: Windows, resource: str, wql: str = "") -> list[ET.Element]:
    """All items, as a client reads them that knows all manners."""
    page = enumerate_(windows, resource, wql)
    found = items(page)
    while not any(local(child) == "EndOfSequence" for child in page) and context(page):
        page = pull(windows, resource, context(page))
        found += items(page)
    return found


def rows(windows: Windows, wql: str, namespace: str = "root/cimv2") -> list[dict[str, str]]:
    return [dict(texts(row)) for row in whole(windows, f"wmi/{namespace}/*", wql)]


def faulted(ask: t.Callable[[], t.Any]) -> soap.Fault:
    with pytest.raises(soap.Fault) as caught:
        ask()
    return caught.value


def shape(element: ET.Element) -> t.Any:
    return (element.tag, [shape(child) for child in element])


@recorded
def test_config_has_the_elements_of_a_recorded_one_in_their_order_and_its_values_but_for_two() -> None:
    real = ET.fromstring((CAPTURES / "config-get-00-response-GetResponse.xml").read_bytes()).find(".//{*}Config")
    assert real is not None
    ours = get(host(), "config")
    assert shape(ours) == shape(real)
    differ = [(name, value, other) for (name, value), (_name, other) in zip(leaves(ours), leaves(real), strict=True) if value != other]
    # Basic and CredSSP were turned on there.
    assert differ == [("Basic", "false", "true"), ("CredSSP", "false", "true")]


def leaves(element: ET.Element) -> list[tuple[str, str]]:
    return [(local(child), child.text or "") for child in element.iter() if not len(child)]


def test_config_shows_what_is_set_what_policy_owns_and_how_the_stand_in_behaves() -> None:
    windows = replace(
        host(config={"Service/MaxConnections": "25", "Service/IPv4Filter": "lost"}, policy_config={"Service/IPv4Filter": "", "Client/TrustedHosts": "*"}),
        schemes=("Negotiate", "Kerberos", "Basic"), cbt="strict", allow_unencrypted=True,
    )
    found = get(windows, "config")
    values = {local(child): child for child in found.iter()}
    assert [values[name].text for name in ("MaxConnections", "IPv4Filter", "TrustedHosts", "CbtHardeningLevel")] == ["25", None, "*", "Strict"]
    assert [name for name, element in values.items() if element.get("Source") == "GPO"] == ["TrustedHosts", "IPv4Filter", "AllowRemoteAccess"]
    service = found.find(f"{{{CFG}}}Service")
    assert service is not None
    assert dict(leaves(service))["Basic"] == "true"


@pytest.mark.parametrize(
    ("part", "root", "leaf"),
    [("service/auth", "Auth", "CredSSP"), ("service", "Service", "RootSDDL"), ("client/defaultports", "DefaultPorts", "HTTPS"),
     ("WinRS", "Winrs", "IdleTimeout")],
)
def test_parts_of_config_are_in_the_namespace_of_their_own_uri(part: str, root: str, leaf: str) -> None:
    found = get(host(), f"config/{part}")
    assert found.tag == f"{{{CFG}/{part.lower()}}}{root}"
    assert leaf in dict(leaves(found))


@pytest.mark.parametrize("profile", ["server2012r2", "server2008r2"])
def test_older_versions_have_their_own_defaults(profile: str) -> None:
    values = config.values(replace(profiles.fresh(), profile=profile), host())
    assert (values["Winrs/MaxShellsPerUser"], "Service/AllowRemoteAccess" in values) == {"server2012r2": ("30", True), "server2008r2": ("2", False)}[profile]


@pytest.mark.parametrize(
    ("case", "prefix", "tag"), [("lower", "cfg", "cfg:maxenvelopesizekb"), ("upper", "p", "p:MAXENVELOPESIZEKB"), ("as_named", "none", "MaxEnvelopeSizekb")],
)
def test_config_in_other_manners(case: str, prefix: str, tag: str) -> None:
    windows = host(manner={"config_case": case, "config_prefix": prefix})
    assert f"<{tag}>500</{tag}>" in resources.answer(request(f"{soap.NS['x']}/Get", "config"), windows, ADMIN).decode()


LISTENERS = (
    Listener(listening_on=("192.0.2.10", "::1"), source="GPO"), Listener("HTTPS", "IP:192.0.2.10", 5986, "web01.lab.test", thumbprint="AB" * 20),
)


def test_listeners_come_all_at_once_each_with_its_addresses_and_its_source() -> None:
    page = enumerate_(host(listeners=LISTENERS), "config/listener")
    assert [local(child) for child in page] == ["EnumerationContext", "Items", "EndOfSequence"]
    first, second = items(page)
    assert first.tag == f"{{{CFG}/listener}}Listener"
    names = ["Address", "Transport", "Port", "Hostname", "Enabled", "URLPrefix", "CertificateThumbprint", *["ListeningOn"] * 2]
    assert [name for name, _text in texts(first)] == names
    assert (first.get("Source"), second.get("Source")) == ("GPO", None)
    assert dict(texts(second))["CertificateThumbprint"] == "AB" * 20


@pytest.mark.parametrize(
    ("selectors", "code"),
    [({"Address": "*", "Transport": "HTTP"}, 0), ({"address": "*", "transport": "http"}, 0), ({"Address": "*"}, 2150858842), ({}, 2150858842),
     ({"Address": "*", "Transport": "HTTP", "Port": "1"}, 2150858843), ({"Address": "*", "Transport": "HTTPS"}, 2150858752)],
)
def test_one_listener_by_its_selectors(selectors: dict[str, str], code: int) -> None:
    windows = host(listeners=LISTENERS)
    if code:
        assert faulted(lambda: get(windows, "config/listener", **selectors)).number == code
    else:
        assert dict(texts(get(windows, "config/listener", **selectors)))["Port"] == "5985"


def test_mappings_plugins_and_shells() -> None:
    windows = host(mappings=(Mapping("*", "user@localhost", "CD" * 20, "user"),), shells=(Shell("LAB\\left"), Shell("LAB\\left")))
    (mapping,) = whole(windows, "config/service/certmapping")
    assert texts(mapping) == [("URI", "*"), ("Subject", "user@localhost"), ("Issuer", "CD" * 20), ("UserName", "user"), ("Enabled", "true")]
    assert [one.get("Name") for one in whole(windows, "config/plugin")][-1] == "WMI Provider"
    shells = [dict(texts(one)) for one in whole(windows, "windows/shell")]
    assert len({one["ShellId"] for one in shells}) == 2
    assert shells[0]["Owner"] == "LAB\\left"
    # Others see only their own.
    assert items(enumerate_(windows, "windows/shell", account=USER)) == []


@recorded
def test_a_service_has_the_shape_of_a_recorded_one() -> None:
    real = ET.fromstring((CAPTURES / "txwinrm-data-server_2012-Win32_Service_star_000.xml").read_bytes()).find(".//{*}Win32_Service")
    assert real is not None
    (ours,) = whole(host(manner={"delayed": "absent"}), "wmi/root/cimv2/*", "select * from Win32_Service where Name='WinRM'")
    assert shape(ours) == shape(real)
    assert ours.get(f"{{{soap.XSI}}}type") == real.get(f"{{{soap.XSI}}}type")


def test_wmi_gives_one_item_first_then_pages_with_a_new_context_each() -> None:
    windows = host()
    page = enumerate_(windows, "wmi/root/cimv2/Win32_Service")
    seen, names = [context(page)], items(page)
    assert (len(names), [local(child) for child in page]) == (1, ["EnumerationContext", "Items"])
    while context(page):
        page = pull(windows, "wmi/root/cimv2/Win32_Service", context(page), 7)
        seen.append(context(page))
        names += items(page)
    assert [local(child) for child in page] == ["Items", "EndOfSequence"]
    assert len(set(seen)) == len(seen)
    assert len(names) == len(profiles.fresh(domain="LAB").services) - 1  # HTTP is a driver
    assert faulted(lambda: pull(windows, "wmi/root/cimv2/Win32_Service", seen[0])).number == 2150858779


def test_pages_keep_to_the_envelope_that_the_client_takes() -> None:
    page = enumerate_(host(manner={"page": "all"}), "wmi/root/cimv2/Win32_Service", more="<w:MaxEnvelopeSize>9000</w:MaxEnvelopeSize>")
    assert 1 <= len(items(page)) < 9
    assert context(page)
    tiny = "<w:MaxEnvelopeSize>2100</w:MaxEnvelopeSize>"
    assert faulted(lambda: enumerate_(host(), "wmi/root/cimv2/Win32_Service", more=tiny)).number == 2150858824


def test_a_released_enumeration_is_gone() -> None:
    windows = host()
    id = context(enumerate_(windows, "wmi/root/cimv2/Win32_Service"))
    body = f"<n:Release><n:EnumerationContext>{id}</n:EnumerationContext></n:Release>"
    resources.answer(request(f"{N}/Release", "wmi/root/cimv2/Win32_Service", body), windows, ADMIN)
    assert faulted(lambda: pull(windows, "wmi/root/cimv2/Win32_Service", id)).number == 2150858779


def test_clients_that_never_come_back_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enumeration, "MOST_CONTEXTS", 3)
    windows = host()
    ids = [context(enumerate_(windows, "wmi/root/cimv2/Win32_Service")) for _turn in range(5)]
    assert faulted(lambda: pull(windows, "wmi/root/cimv2/Win32_Service", ids[0])).number == 2150858779
    assert items(pull(windows, "wmi/root/cimv2/Win32_Service", ids[4]))


@pytest.mark.parametrize(
    "manner",
    [{}, {"optimised": "no"}, {"page": "all"}, {"end": "with_context"}, {"contexts": "same"}, {"namespace": "lower"}, {"rows": "typed"}, {"null": "absent"}],
)
def test_every_manner_of_paging_gives_the_same_items(manner: dict[str, str]) -> None:
    query = "select Name from Win32_Service where Name like '%rm' or Name = 'BFE' or Name like 'W%'"
    assert [one["Name"] for one in rows(host(manner=manner), query)] == ["WinRM", "BFE", "W32Time", "Winmgmt", "Wecsvc"]


def test_contexts_can_be_lost() -> None:
    windows = host(manner={"contexts": "expired"})
    id = context(enumerate_(windows, "wmi/root/cimv2/Win32_Service"))
    error = faulted(lambda: pull(windows, "wmi/root/cimv2/Win32_Service", id))
    assert (error.number, error.subcode, error.action) == (2150858779, "n:InvalidEnumerationContext", f"{N}/fault")


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("Name='winrm'", ["WinRM"]), ('NAME = "WinRM"', ["WinRM"]), ("Name='WinRM' or Name='BFE' and State='Stopped'", ["WinRM"]),
        ("(Name='WinRM' or Name='BFE') and State='Running'", ["WinRM", "BFE"]), ("Name like 'w_nrm'", ["WinRM"]), ("Name like '[bm]%'", ["BFE", "mpssvc"]),
        ("not State='Running' and Name like 'W%'", ["Wecsvc"]), ("ExitCode <> 0", ["Wecsvc"]), ("ExitCode > 1000 and StartMode='Manual'", ["Wecsvc"]),
        ("DelayedAutoStart = TRUE", ["WinRM"]), ("InstallDate is not null", []),
        ("InstallDate is null and Name='BFE'", ["BFE"]), ("InstallDate = NULL and Name='BFE'", ["BFE"]),
    ],
)
def test_queries(where: str, names: list[str]) -> None:
    assert [row["Name"] for row in rows(host(), f"select Name from Win32_Service where {where}")] == names


@pytest.mark.parametrize(
    "query",
    ["select * from Win32_Nothing", "select * from", "selekt * from Win32_Service", "select * from Win32_Service where",
     "select * from Win32_Service where Name =", "select * from Win32_Service where Nothing = 1", "select Nothing from Win32_Service",
     "associators of {Win32_Service.Name='WinRM'}", "select * from Win32_Service where (Name='WinRM'",
     "select * from Win32_Service; drop", "select * from Win32_Service where Name = \u201cx\u201d"],
)
def test_a_query_that_wmi_does_not_take_is_a_fault_with_the_providers_words(query: str) -> None:
    error = faulted(lambda: rows(host(), query))
    assert (error.number, error.code, error.subcode) == (2150858778, "s:Sender", "n:CannotProcessFilter")
    answer = ET.fromstring(soap.fault(request(f"{N}/Enumerate", "wmi/root/cimv2/*"), error, "web01"))
    inner = answer.find(".//{*}ProviderFault/{*}WSManFault")
    assert inner is not None
    assert (inner.get("Code"), inner.get("Machine")) == ("2150858778", "web01")


@recorded
def test_that_fault_has_the_shape_of_a_recorded_one() -> None:
    real = ET.fromstring((CAPTURES / "winrb-soap_fault_v2.xml").read_bytes())
    error = faulted(lambda: rows(host(), "select * from Win32_Nothing"))
    ours = ET.fromstring(soap.fault(request(f"{N}/Enumerate", "wmi/root/cimv2/*"), error, "localhost"))
    assert shape(ours) == shape(real)
    assert ours.findtext(".//{*}Action") == real.findtext(".//{*}Action")


@recorded
def test_an_error_of_a_cim_provider_has_the_shape_of_a_recorded_one() -> None:
    real = ET.fromstring((CAPTURES / "winrb-wmi_error_v2.xml").read_bytes()).find(".//{*}MSFT_WmiError")
    assert real is not None
    error = soap.Fault("s:Sender", "w:QuotaLimit", "x", 2150859173, "wmi")
    ours = ET.fromstring(soap.fault(request("x", "config"), error, "localhost")).find(".//{*}MSFT_WmiError")
    assert ours is not None
    assert shape(ours) == shape(real)


def test_columns_come_as_a_fragment_without_namespace_or_as_an_object() -> None:
    (fragment,) = whole(host(), "wmi/root/cimv2/*", "select State, name from Win32_Service where Name='WinRM'")
    assert (fragment.tag, [child.tag for child in fragment]) == (f"{{{W}}}XmlFragment", ["Name", "State"])
    (typed,) = whole(host(manner={"rows": "typed"}), "wmi/root/cimv2/*", "select State, Name from Win32_Service where Name='WinRM'")
    assert [child.tag for child in typed] == [f"{{{soap.MS}/wmi/root/cimv2/Win32_Service}}{name}" for name in ("Name", "State")]


def test_null_arrays_and_dates() -> None:
    adapter = whole(host(), "wmi/root/cimv2/*", "select IPAddress, MACAddress from Win32_NetworkAdapterConfiguration where IPEnabled=TRUE")[0]
    assert texts(adapter) == [("IPAddress", "192.0.2.10"), ("IPAddress", "2001:db8::10"), ("MACAddress", "00:15:5D:00:01:01")]
    bare = whole(host(), "wmi/root/cimv2/*", "select IPAddress from Win32_NetworkAdapterConfiguration where IPEnabled=FALSE")[0]
    assert bare[0].get(f"{{{soap.XSI}}}nil") == "true"
    left_out = host(manner={"null": "absent"})
    assert not len(whole(left_out, "wmi/root/cimv2/*", "select IPAddress from Win32_NetworkAdapterConfiguration where IPEnabled=FALSE")[0])
    (system,) = whole(host(), "wmi/root/cimv2/Win32_OperatingSystem")
    date = system.find("{*}LocalDateTime/{*}Datetime")
    assert date is not None
    assert date.tag == f"{{{soap.CIM}}}Datetime"
    assert datetime.datetime.fromisoformat((date.text or "").replace("Z", "+00:00")).tzinfo is datetime.timezone.utc
    whole_seconds = whole(host(manner={"dates": "whole"}), "wmi/root/cimv2/*", "select LocalDateTime from Win32_OperatingSystem")[0]
    assert "." not in "".join(whole_seconds.itertext())


def test_what_kind_of_machine_it_is() -> None:
    fields = ("Domain", "DomainRole", "Name", "PartOfDomain", "Workgroup")
    query = f"select {','.join(fields)} from Win32_ComputerSystem"
    assert [rows(host(), query)[0][name] for name in fields] == ["lab.test", "3", "WEB01", "true", ""]
    alone = Windows("WEB01", inside=profiles.fresh("windows11"))
    assert [rows(alone, query)[0][name] for name in fields] == ["WORKGROUP", "0", "WEB01", "false", "WORKGROUP"]
    (system,) = rows(alone, "select Caption, ProductType, Version from Win32_OperatingSystem")
    assert system == {"Caption": "Microsoft Windows 11 Pro", "ProductType": "1", "Version": "10.0.26100"}


def test_drivers_are_no_services() -> None:
    assert rows(host(), "select Name from Win32_Service where Name='HTTP'") == []
    assert rows(host(), "select Name, State from Win32_SystemDriver where Name='HTTP'") == [{"Name": "HTTP", "State": "Running"}]


@pytest.mark.parametrize("language", ["en", "de"])
def test_groups_and_who_is_in_them(language: str) -> None:
    inside = replace(profiles.fresh(language=language, domain="LAB", dns_domain="lab.test"), accounts={"WEB01\\own": "S-1-5-21-1-2-3-1001"})
    windows = Windows("WEB01", "LAB", "lab.test", inside=inside)
    (group,) = rows(windows, 'select Domain, Name, SID from Win32_Group where LocalAccount=TRUE and (SID="S-1-5-32-544")')
    assert group == {"Domain": "WEB01", "Name": {"en": "Administrators", "de": "Administratoren"}[language], "SID": "S-1-5-32-544"}
    path = f"Win32_Group.Domain=\\\"WEB01\\\",Name=\\\"{group['Name']}\\\""
    found = whole(windows, "wmi/root/cimv2/*", f'select * from Win32_GroupUser where GroupComponent="{path}"')
    parts = [part for one in found for part in one if local(part) == "PartComponent"]
    assert [[(item.get("Name"), item.text) for item in part.iter(f"{{{W}}}Selector")][1][1] for part in parts] == [
        "Administrator", {"en": "Domain Admins", "de": "Domänen-Admins"}[language],
    ]
    assert "Win32_Group" in (parts[1].findtext(f".//{{{W}}}ResourceURI") or "")
    assert rows(windows, "select SID from Win32_UserAccount where LocalAccount=TRUE and Name='own'")[0]["SID"] == "S-1-5-21-1-2-3-1001"


def test_members_as_paths() -> None:
    (found, *_rest) = whole(host(manner={"references": "path"}), "wmi/root/cimv2/Win32_GroupUser")
    assert dict(texts(found))["PartComponent"] == '//WEB01/root/cimv2:Win32_UserAccount.Domain="WEB01",Name="Administrator"'


def test_the_firewall_and_its_networks() -> None:
    windows = host()
    (rule,) = rows(windows, "select Action, Direction, Enabled, Profiles from MSFT_NetFirewallRule where InstanceID='WINRM-HTTP-In-TCP'", "root/StandardCimv2")
    assert rule == {"Action": "2", "Direction": "1", "Enabled": "1", "Profiles": "3"}
    (port,) = rows(windows, "select LocalPort, Protocol from MSFT_NetProtocolPortFilter where InstanceID='WINRM-HTTP-In-TCP'", "root/standardcimv2")
    assert port == {"LocalPort": "5985", "Protocol": "TCP"}
    (address,) = rows(windows, "select RemoteAddress from MSFT_NetAddressFilter where InstanceID='WINRM-HTTP-In-TCP-PUBLIC'", "root/StandardCimv2")
    assert address == {"RemoteAddress": "LocalSubnet"}
    assert rows(windows, "SELECT Name,NetworkCategory FROM MSFT_NetConnectionProfile", "root/StandardCimv2") == [{"Name": "lab.test", "NetworkCategory": "2"}]
    on = rows(windows, "select Name from MSFT_NetFirewallProfile where Enabled=1", "root/StandardCimv2")
    assert [row["Name"] for row in on] == ["Domain", "Private", "Public"]


def test_the_active_store_of_the_firewall_has_what_policy_adds() -> None:
    rule = replace(profiles.fresh().rules[0], id="{GPO}", policy=True)
    windows = host(rules=(rule,), profiles={"Domain": profiles.FirewallProfile(policy_on=False)})
    assert whole(windows, "wmi/root/StandardCimv2/MSFT_NetFirewallRule") == []
    active = '<w:OptionSet><w:Option Name="PolicyStore">ActiveStore</w:Option></w:OptionSet>'
    (found,) = items(enumerate_(windows, "wmi/root/StandardCimv2/MSFT_NetFirewallRule", more=active))
    assert dict(texts(found))["PolicyStoreSourceType"] == "2"
    (profile,) = items(enumerate_(windows, "wmi/root/StandardCimv2/MSFT_NetFirewallProfile", more=active))
    assert dict(texts(profile))["Enabled"] == "0"


@pytest.mark.parametrize(
    ("resource", "selectors", "code"),
    [("wmi/root/cimv2/Win32_Service", {"Name": "winrm"}, 0), ("wmi/root/cimv2/Win32_UTCTime", {}, 0), ("wmi/root/cimv2/Win32_Service", {}, 2150859002),
     ("wmi/root/cimv2/Win32_Service", {"Name": "none"}, 2150858752), ("wmi/root/cimv2/Win32_Service", {"Caption": "x"}, 2150858843),
     ("wmi/root/cimv2/Win32_Nothing", {"Name": "x"}, 2150858752), ("nothing", {}, 2150858811), ("config/nothing", {}, 2150858811)],
)
def test_get_by_keys(resource: str, selectors: dict[str, str], code: int) -> None:
    if code:
        assert faulted(lambda: get(host(), resource, **selectors)).number == code
    else:
        assert local(get(host(), resource, **selectors)) == resource.rpartition("/")[2]


def test_nothing_is_changed_over_it() -> None:
    for action in ("Put", "Create", "Delete"):
        error = faulted(lambda action=action: ask(host(), request(f"{soap.NS['x']}/{action}", "config/listener")))  # type: ignore[misc]
        assert error.number == 2150858771


HIVE, WSMAN = "2147483650", "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN"
LSA = "SYSTEM\\CurrentControlSet\\Control\\Lsa"


def registry(windows: Windows, method: str, key: str, name: str | None = None, namespace: str = "root/default") -> ET.Element:
    value = "" if name is None else f"<p:sValueName>{name}</p:sValueName>"
    uri = f"{soap.MS}/wmi/{namespace}/StdRegProv"
    body = f'<p:{method}_INPUT xmlns:p="{uri}"><p:hDefKey>{HIVE}</p:hDefKey><p:sSubKeyName>{key}</p:sSubKeyName>{value}</p:{method}_INPUT>'
    return ask(windows, request(f"{uri}/{method}", uri, body))


@recorded
def test_keys_come_as_recorded() -> None:
    real = ET.fromstring((CAPTURES / "openwsman-StdRegProv-EnumKeyResponse.xml").read_bytes()).find(".//{*}EnumKey_OUTPUT")
    assert real is not None
    ours = registry(host(), "EnumKey", WSMAN)
    assert ours.tag == real.tag
    assert {child.tag for child in ours} == {child.tag for child in real}
    assert (ours[-1].tag, ours[-1].text) == (real[-1].tag, real[-1].text)


@pytest.mark.parametrize(
    ("method", "key", "name", "expected"),
    [
        ("EnumKey", WSMAN, None, {"sNames": ["CertMapping", "Client", "Listener", "Plugin", "SafeClientList", "Service", "WinRS"], "ReturnValue": ["0"]}),
        ("GetDWORDValue", LSA, "LimitBlankPasswordUse", {"uValue": ["1"], "ReturnValue": ["0"]}),
        ("GetStringValue", WSMAN, "stackversion", {"sValue": ["2.0"], "ReturnValue": ["0"]}),
        ("GetMultiStringValue", LSA, "Authentication Packages", {"sValue": ["msv1_0"], "ReturnValue": ["0"]}),
        ("GetDWORDValue", LSA, "Nothing", {"uValue": [""], "ReturnValue": ["2"]}), ("EnumKey", "SOFTWARE\\Nothing", None, {"ReturnValue": ["2"]}),
        ("GetDWORDValue", WSMAN, "StackVersion", {"uValue": [""], "ReturnValue": ["2147749893"]}),
        ("EnumValues", WSMAN, None, {"sNames": ["StackVersion", "ServiceStackVersion", "UpdatedConfig"], "Types": ["1", "1", "1"], "ReturnValue": ["0"]}),
    ],
)
def test_the_registry(method: str, key: str, name: str | None, expected: dict[str, list[str]]) -> None:
    found: dict[str, list[str]] = {}
    for parameter, text in texts(registry(host(), method, key, name)):
        found.setdefault(parameter, []).append(text)
    assert found == expected


def test_binary_values_have_one_element_for_each_byte() -> None:
    windows = host(values={("HKLM\\SOFTWARE\\Test", "Bytes"): ("REG_BINARY", b"\x00\xff")})
    assert texts(registry(windows, "GetBinaryValue", "SOFTWARE\\Test", "Bytes")) == [("uValue", "0"), ("uValue", "255"), ("ReturnValue", "0")]


def test_a_closed_key_is_refused_under_http_200() -> None:
    windows = host(forbidden=("registry:HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa",))
    assert texts(registry(windows, "EnumValues", f"{LSA}\\MSV1_0")) == [("ReturnValue", "5")]
    assert texts(registry(windows, "EnumKey", WSMAN))[-1] == ("ReturnValue", "0")


def test_return_value_first_and_the_class_in_the_other_namespace() -> None:
    windows = host(manner={"return_value": "first", "registry_class": "cimv2", "null": "absent"})
    assert texts(registry(windows, "GetDWORDValue", LSA, "Nothing", "root/cimv2")) == [("ReturnValue", "2")]
    assert faulted(lambda: registry(windows, "EnumKey", WSMAN)).number == 2150858752


EVERYTHING = ("config", "config/service/auth", "config/listener", "config/service/certmapping", "wmi/root/cimv2/Win32_Service", "wmi/root/default/StdRegProv")


@pytest.mark.parametrize("resource", EVERYTHING)
def test_a_remote_management_user_is_refused(resource: str) -> None:
    error = faulted(lambda: get(host(), resource, USER))
    assert error.number == (2150859012 if resource.startswith("wmi") else 5)


@pytest.mark.parametrize(
    ("forbidden", "closed"),
    [
        ("config", {"config"}), ("config/listener", {"config/listener"}), ("wmi", {"wmi/root/cimv2/Win32_Service", "wmi/root/default/StdRegProv"}),
        ("wmi/root/cimv2", {"wmi/root/cimv2/Win32_Service"}), ("wmi/root/default", {"wmi/root/default/StdRegProv"}), ("shell", {"windows/shell"}),
        ("wmi/root/cimv2/Win32_Service", {"wmi/root/cimv2/Win32_Service"}),
    ],
)
def test_what_is_closed_to_everybody(forbidden: str, closed: set[str]) -> None:
    windows = host(forbidden=(forbidden,))

    def refused(resource: str) -> bool:
        message = request(f"{N}/Enumerate", resource)
        try:
            resources.check(message, windows, ADMIN)
        except soap.Fault:
            return True
        return False

    assert {resource for resource in (*EVERYTHING, "windows/shell") if refused(resource)} == closed


def test_a_query_is_judged_by_its_class() -> None:
    windows = host(forbidden=("wmi/root/cimv2/Win32_Group",))
    assert faulted(lambda: rows(windows, "select * from Win32_Group")).number == 2150859012
    assert rows(windows, "select Name from Win32_Service where Name='WinRM'")


@pytest.mark.parametrize(
    ("manner", "number", "form"),
    [({}, 5, "wsman"), ({"denied": "hresult"}, 2147942405, "wsman"), ({"denied": "wmi"}, 2147942405, "wmi")],
)
def test_access_denied_in_its_manners(manner: dict[str, str], number: int, form: str) -> None:
    error = faulted(lambda: get(host(forbidden=("config",), manner=manner), "config"))
    assert (error.number, error.shape) == (number, form)


@pytest.mark.parametrize(("manner", "number"), [("service", 2150859012), ("provider", 2150859013), ("connect", 2150859014), ("code5", 5)])
def test_wmi_denies_with_its_own_codes(manner: str, number: int) -> None:
    assert faulted(lambda: get(host(forbidden=("wmi",), manner={"wmi_denied": manner}), "wmi/root/cimv2/Win32_UTCTime")).number == number


def test_slow_answers_and_such_that_never_come() -> None:
    windows = host(slow={"config": 3.0, "wmi/root/cimv2": -1.0, "shell": 2.0})
    asked = ("config", "config/listener", "wmi/root/cimv2/Win32_Service", "windows/shell")
    waits = {name: resources.wait(request(f"{N}/Enumerate", name), windows) for name in asked}
    assert waits == {"config": 3.0, "config/listener": 0.0, "wmi/root/cimv2/Win32_Service": -1.0, "windows/shell": 2.0}


def test_a_manner_that_does_not_exist_is_a_mistake_of_the_scenario() -> None:
    with pytest.raises(ValueError, match="page knows one, all, not some"):
        enumerate_(host(manner={"page": "some"}), "wmi/root/cimv2/Win32_Service")
    assert all(len(one.choices) > 1 and one.source for one in MANNERS.values())


def test_without_an_inside_only_the_old_answers_are_given() -> None:
    bare = Windows("WEB01")
    assert not resources.answers(request(f"{soap.NS['x']}/Get", "config"), bare)
    assert resources.wait(request(f"{soap.NS['x']}/Get", "config"), bare) == 0.0
    assert isinstance(resources.inside_of(host()), Inside)
