# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the user gets in: groups, rights, what UAC takes, what each descriptor says, in every form in which a host may tell it."""

from __future__ import annotations

import os
import random
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Known, Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ALLOWED, DENIED, REFUSED, AccessEvidence, MemberEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.windows import access, groups, network_token, reg_query, rights, system
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Get, Material, Needs, Query, Said
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry, Value
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
DOMAIN_SID, HOST_SID = "S-1-5-21-11-22-33", "S-1-5-21-44-55-66"
SVC, OPERATORS, DOMAIN_ADMINS = f"{DOMAIN_SID}-1104", f"{DOMAIN_SID}-1200", f"{DOMAIN_SID}-512"
HERE = Circumstances(
    1_775_688_480.0, "web01.lab.test", 5985, "http", user="LAB\\svc", domain="lab.test", netbios_domain="LAB", netbios_computer="WEB01",
    user_sids=(SVC, f"{DOMAIN_SID}-513", OPERATORS),
)
WORKGROUP = replace(HERE, user="svc", domain="", netbios_domain="", user_sids=())
POWERSHELL_SDDL = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;IU)(A;;GA;;;RM)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
PLUGIN = (
    '<PlugInConfiguration xmlns="http://schemas.microsoft.com/wbem/wsman/1/config/PluginConfiguration" Name="{name}" Filename="x.dll" SDKVersion="2"'
    ' XmlRenderingType="text" Enabled="{enabled}"><Resources><Resource ResourceUri="{uri}" SupportsOptions="true" ExactMatch="true">'
    '<Security Uri="{uri}" ExactMatch="true" Sddl="{sddl}"/><Capability Type="Shell"/></Resource></Resources></PlugInConfiguration>'
)
RIGHTS = (
    "\ufeff[Unicode]\r\nUnicode=yes\r\n[Privilege Rights]\r\nSeNetworkLogonRight = *S-1-1-0,*S-1-5-32-544,*S-1-5-32-545,*S-1-5-32-551\r\n"
    "SeBatchLogonRight = *S-1-5-32-544\r\n{more}[Version]\r\nsignature=\"$CHICAGO$\"\r\nRevision=1\r\n"
)
GROUP_NAMES = {"S-1-5-32-544": "Administratoren", "S-1-5-32-580": "Remoteverwaltungsbenutzer", "S-1-5-32-573": "Ereignisprotokollleser"}
Members = t.Mapping[str, t.Sequence[tuple[str, str, str]]]
"""SID to class, domain and name of each member."""


def row(kind: str, **properties: str) -> Object:
    inner = "".join(f"<p:{name}>{value}</p:{name}>" for name, value in properties.items())
    return Object(parse(f'<p:{kind} xmlns:p="urn:x">{inner}</p:{kind}>'.encode(), 1 << 20))


def as_endpoint(kind: str, domain: str, name: str) -> str:
    uri = f"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/{kind}"
    return (
        f'<a:Address xmlns:a="urn:a">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address><a:ReferenceParameters xmlns:a="urn:a">'
        f'<w:ResourceURI xmlns:w="urn:w">{uri}</w:ResourceURI><w:SelectorSet xmlns:w="urn:w"><w:Selector Name="Domain">{domain}</w:Selector>'
        f'<w:Selector Name="Name">{name}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
    )


def as_inner_endpoint(kind: str, domain: str, name: str) -> str:
    return f'<a:EndpointReference xmlns:a="urn:a">{as_endpoint(kind, domain, name)}</a:EndpointReference>'


def as_path(kind: str, domain: str, name: str) -> str:
    return f'\\\\WEB01\\root\\cimv2:{kind}.Domain="{domain}",Name="{name}"'


def as_single(kind: str, domain: str, name: str) -> str:
    return f"{kind}.Domain='{domain}',Name='{name}'"


FORMS: dict[str, t.Callable[[str, str, str], str]] = {"endpoint": as_endpoint, "inner": as_inner_endpoint, "path": as_path, "single": as_single}


def registry(plugins: t.Mapping[str, str] | None = None, root: str = "", **uac: int) -> Registry:
    """What `reg query` tells."""
    keys: dict[str, tuple[Value, ...]] = {
        access.SERVICE: (Value("rootSDDL", "REG_SZ", root),) if root else (),
        network_token.SYSTEM_POLICIES: tuple(Value(name, "REG_DWORD", value) for name, value in uac.items()),
        access.PLUGINS: (),
    }
    for name, text in (plugins if plugins is not None else usual_plugins()).items():
        keys[f"{access.PLUGINS}\\{name}"] = (Value("ConfigXML", "REG_SZ", text),)
    return Registry({key.lower(): values for key, values in keys.items()}, {key.lower(): key for key in keys})


def usual_plugins(sddl: str = POWERSHELL_SDDL, enabled: str = "true") -> dict[str, str]:
    return {
        "microsoft.powershell": PLUGIN.format(
            name="microsoft.powershell", enabled=enabled, uri="http://schemas.microsoft.com/powershell/microsoft.powershell", sddl=sddl,
        ),
        "WMI Provider": PLUGIN.format(name="WMI Provider", enabled="true", uri="http://schemas.microsoft.com/wbem/wsman/1/wmi", sddl=POWERSHELL_SDDL),
    }


def material(
    members: Members | None = None, *, form: str = "endpoint", more: str = "", user: str | None = None, whoami: str = "", reg: Registry | None = None,
    resolved: t.Mapping[str, str] | None = None,
) -> Material:
    """A host. `more`: lines of the export of rights; `user`: SID of the local account of the user's name; `resolved`: names in LAB to SIDs."""
    rows = {
        sid: [
            row("Win32_GroupUser", GroupComponent=FORMS[form]("Win32_Group", "WEB01", name), PartComponent=FORMS[form](*member))
            for member in (members or {}).get(sid, ())
        ]
        for sid, name in GROUP_NAMES.items()
    }
    queries: dict[str, Known[tuple[Object, ...]]] = {
        **named(), **{f"{groups.MEMBERS}{sid}": tuple(those) for sid, those in rows.items()},
        network_token.USER: (row("Win32_UserAccount", Domain="WEB01", Name="svc", SID=user),) if user else (),
        groups.ACCOUNTS: (row("Win32_UserAccount", Domain="WEB01", Name="Gast", SID=f"{HOST_SID}-501"),),
    }
    if resolved:
        queries |= {f"{groups.RESOLVED}lab\\{name}": (row("Win32_Group", Domain="LAB", Name=name, SID=sid),) for name, sid in resolved.items()}
    commands: dict[str, Known[Said]] = {rights.EXPORT: Said(0, RIGHTS.format(more=more))}
    if whoami:
        commands[groups.WHOAMI] = Said(0, whoami)
    return Material(queries=queries, registry=registry() if reg is None else reg, commands=commands)


def named(names: t.Mapping[str, str] | None = None) -> dict[str, Known[tuple[Object, ...]]]:
    """What the groups are called."""
    known = (names or GROUP_NAMES).items()
    return {f"{groups.NAMED}{sid}": (row("Win32_SID", ReferencedDomainName="VORDEFINIERT", AccountName=name, SID=sid),) for sid, name in known}


def look(given: Material, here: Circumstances = HERE) -> AccessEvidence:
    seen = access.evidence(given, here)
    assert isinstance(seen, AccessEvidence)
    assert decode(AccessEvidence, encode(seen)) == seen
    return seen


def gates(seen: AccessEvidence) -> dict[str, str | None]:
    return {one.gate: None if isinstance(one.outcome, Unknown) else one.outcome for one in seen.gates}


def why(seen: AccessEvidence, gate: str) -> str:
    found = seen.gate(gate)
    assert found is not None
    return found.why


ADMINISTRATOR: Members = {"S-1-5-32-544": [("Win32_UserAccount", "WEB01", "Administrator"), ("Win32_UserAccount", "LAB", "svc")]}
NOBODY: Members = {"S-1-5-32-544": [("Win32_UserAccount", "WEB01", "Administrator")]}
MANAGED: Members = {**NOBODY, "S-1-5-32-580": [("Win32_UserAccount", "LAB", "svc")]}


@pytest.mark.parametrize("form", FORMS)
def test_administrator_of_the_domain(form: str) -> None:
    seen = look(material(ADMINISTRATOR, form=form))
    assert gates(seen) == dict.fromkeys(("network_logon", "root", "powershell", "cmd", "wmi", "connection"), ALLOWED)
    assert (seen.user, seen.sid, seen.local, seen.filtered) == ("LAB\\svc", SVC, False, False)
    assert [(group.sid, group.name) for group in seen.groups] == list(GROUP_NAMES.items())
    assert seen.groups[0].members == (MemberEvidence("WEB01\\Administrator", kind="user"), MemberEvidence("LAB\\svc", kind="user"))
    assert why(seen, "root") == "RootSDDL allows LAB\\svc to read winrm/config (GR): (A;;GA;;;BA), which gives BUILTIN\\Administrators everything."
    assert why(seen, "network_logon") == "Everyone has the right SeNetworkLogonRight, and nobody denies it."


@pytest.mark.parametrize("form", FORMS)
def test_remote_management_user_opens_powershell_but_neither_cmd_nor_configuration(form: str) -> None:
    seen = look(material(MANAGED, form=form))
    assert gates(seen) == {
        "network_logon": ALLOWED, "root": REFUSED, "powershell": ALLOWED, "cmd": REFUSED, "wmi": ALLOWED, "connection": ALLOWED,
    }
    assert why(seen, "cmd") == "No entry of RootSDDL allows LAB\\svc to open a command shell (GX)."
    assert why(seen, "root") == (
        "No entry of RootSDDL allows LAB\\svc to read winrm/config (GR). The entry for INTERACTIVE does not count over the network."
    )
    assert why(seen, "wmi").endswith(
        "(A;;GA;;;RM), which gives BUILTIN\\Remote Management Users everything. Each namespace has a descriptor of its own besides.",
    )
    by_winrm = look(material(MANAGED, form=form), replace(HERE, connection="winrm"))
    assert gates(by_winrm)["connection"] == REFUSED
    assert why(by_winrm, "connection") == f"The connection winrm: {why(by_winrm, 'cmd')}"


def test_user_without_any_group() -> None:
    seen = look(material(NOBODY))
    assert gates(seen) == {
        "network_logon": ALLOWED, "root": REFUSED, "powershell": REFUSED, "cmd": REFUSED, "wmi": REFUSED, "connection": REFUSED,
    }
    assert why(seen, "powershell") == (
        "No entry of microsoft.powershell allows LAB\\svc to open a PowerShell session (GX). The entry for INTERACTIVE does not count over the network."
    )


def test_membership_by_a_group_of_the_domain() -> None:
    members: Members = {"S-1-5-32-544": [("Win32_Group", "LAB", "Operators"), ("Win32_Group", "LAB", "Domänen-Admins")]}
    assert gates(look(material(members)))["root"] is None
    assert "whether the user is in BUILTIN\\Administrators is not known" in why(look(material(members)), "root")
    assert gates(look(material(members, resolved={"operators": OPERATORS, "Domänen-Admins": DOMAIN_ADMINS})))["root"] == ALLOWED
    assert gates(look(material({"S-1-5-32-544": members["S-1-5-32-544"][1:]}, resolved={"Domänen-Admins": DOMAIN_ADMINS})))["root"] == REFUSED
    # Whoever reads may belong to the same group, and so knows its SID.
    reader = f'"lab\\reader","{DOMAIN_SID}-1300"\r\n"LAB\\Operators","Gruppe","{OPERATORS}","Verbindliche Gruppe"\r\n'
    assert gates(look(material({"S-1-5-32-544": members["S-1-5-32-544"][:1]}, whoami=reader)))["root"] == ALLOWED


def test_user_whose_groups_no_directory_told() -> None:
    unasked = replace(HERE, user_sids=())
    assert gates(look(material(ADMINISTRATOR), unasked))["root"] == ALLOWED
    assert gates(look(material(NOBODY), unasked))["root"] == REFUSED
    assert gates(look(material({"S-1-5-32-544": [("Win32_Group", "LAB", "Operators")]}), unasked))["root"] is None


@pytest.mark.parametrize(
    ("uac", "sid", "filtered", "root"),
    [
        pytest.param({}, f"{HOST_SID}-1001", True, REFUSED, id="no value set"),
        pytest.param({"LocalAccountTokenFilterPolicy": 0}, f"{HOST_SID}-1001", True, REFUSED, id="set to 0"),
        pytest.param({"LocalAccountTokenFilterPolicy": 1}, f"{HOST_SID}-1001", False, ALLOWED, id="full token for all"),
        pytest.param({"EnableLUA": 0}, f"{HOST_SID}-1001", False, ALLOWED, id="UAC off"),
        pytest.param({}, f"{HOST_SID}-500", False, ALLOWED, id="built-in Administrator"),
        pytest.param({"FilterAdministratorToken": 1}, f"{HOST_SID}-500", True, REFUSED, id="built-in Administrator, filtered"),
        pytest.param({"FilterAdministratorToken": 1, "LocalAccountTokenFilterPolicy": 1}, f"{HOST_SID}-500", False, ALLOWED, id="both"),
    ],
)
def test_local_administrator(uac: dict[str, int], sid: str, filtered: bool, root: str) -> None:
    members: Members = {"S-1-5-32-544": [("Win32_UserAccount", "WEB01", "svc")]}
    seen = look(material(members, user=sid, reg=registry(**uac)), WORKGROUP)
    assert (seen.local, seen.sid, seen.filtered, gates(seen)["root"], gates(seen)["powershell"]) == (True, sid, filtered, root, root)
    assert not isinstance(seen.sids, Unknown)
    assert {"S-1-5-113", "S-1-5-114", "S-1-5-2", "S-1-5-64-10", "S-1-5-32-544", sid} <= set(seen.sids)
    assert gates(look(material(user=sid, reg=registry(usual_plugins("D:(A;;GA;;;DA)"))), WORKGROUP))["powershell"] == REFUSED
    if filtered:
        assert why(seen, "cmd").endswith("The entry for Administrators does not count, for UAC takes that group from accounts of the host over the network.")


def test_local_administrator_where_the_values_cannot_be_read() -> None:
    members: Members = {"S-1-5-32-544": [("Win32_UserAccount", "WEB01", "svc")]}
    known = registry()
    blind = replace(known, unknown={network_token.SYSTEM_POLICIES.lower(): DENIED})
    seen = look(material(members, user=f"{HOST_SID}-1001", reg=blind), WORKGROUP)
    assert seen.filtered == Unknown("the values LocalAccountTokenFilterPolicy and FilterAdministratorToken could not be read: access denied")
    assert (gates(seen)["network_logon"], gates(seen)["root"]) == (ALLOWED, None)


@pytest.mark.parametrize(
    ("user", "found", "local"),
    [
        ("LAB\\svc", None, False), ("svc@lab.test", None, False), (".\\svc", f"{HOST_SID}-1001", True), ("WEB01\\svc", f"{HOST_SID}-1001", True),
        ("svc", f"{HOST_SID}-1001", True), ("svc", None, False),
    ],
)
def test_whose_account_it_is(user: str, found: str | None, local: bool) -> None:
    assert look(material(user=found), replace(HERE, user=user)).local is local


def test_bare_name_where_the_accounts_of_the_host_could_not_be_read() -> None:
    given = material(NOBODY)
    blind = replace(given, queries={**given.queries, network_token.USER: Unknown(DENIED)})
    assert look(blind, replace(HERE, user="svc")).local == Unknown("svc may be an account of the host or of its domain")


def test_free_suffix_leaves_open_who_is_meant() -> None:
    here = replace(HERE, user="sam.vimes@example.com", user_sids=())
    assert gates(look(material(ADMINISTRATOR), here))["root"] is None
    silent = replace(HERE, user="svc@lab.test", user_sids=(), domain="", netbios_domain="", netbios_computer="")
    assert gates(look(material(ADMINISTRATOR), silent))["root"] == ALLOWED
    assert gates(look(material(ADMINISTRATOR), replace(silent, user="svc@corp.example")))["root"] is None


@pytest.mark.parametrize(
    ("more", "outcome", "says"),
    [
        ("SeDenyNetworkLogonRight = *S-1-5-114\r\n", ALLOWED, "Everyone has"),
        (f"SeDenyNetworkLogonRight = *S-1-5-32-546,*{OPERATORS}\r\n", REFUSED, f"{OPERATORS} has the right SeDenyNetworkLogonRight, which keeps LAB\\svc from"),
        (f"SeDenyNetworkLogonRight = *{SVC.lower()}\r\n", REFUSED, f"{SVC} has the right SeDenyNetworkLogonRight"),
        ("SeDenyNetworkLogonRight = Gast\r\n", ALLOWED, "Everyone has"),
        ("SeDenyNetworkLogonRight = Kiosk Users\r\n", None, "it hangs on whether it belongs to Kiosk Users"),
        ("SeDenyNetworkLogonRight = *S-1-5-32-568\r\n", None, "it hangs on whether it belongs to S-1-5-32-568"),
    ],
)
def test_right_to_log_on(more: str, outcome: str | None, says: str) -> None:
    seen = look(material(ADMINISTRATOR, more=more))
    assert gates(seen)["network_logon"] == outcome
    assert gates(seen)["connection"] == outcome
    assert says in why(seen, "network_logon")


def test_local_account_is_denied_by_name_or_as_a_local_administrator() -> None:
    members: Members = {"S-1-5-32-544": [("Win32_UserAccount", "WEB01", "svc")]}
    for holder in ("svc", "*S-1-5-113", "*S-1-5-114", "WEB01\\svc"):
        seen = look(material(members, user=f"{HOST_SID}-1001", more=f"SeDenyNetworkLogonRight = {holder}\r\n"), WORKGROUP)
        assert gates(seen)["network_logon"] == REFUSED, holder


def test_nobody_has_the_right() -> None:
    text = RIGHTS.format(more="").replace("*S-1-1-0,", "").replace("*S-1-5-32-545,", "").replace(",*S-1-5-32-551", "")
    given = replace(material(NOBODY), commands={rights.EXPORT: Said(0, text)})
    assert why(look(given), "network_logon") == "Neither LAB\\svc nor one of its groups has the right SeNetworkLogonRight."


def test_session_of_the_same_user_leaves_nothing_to_guess() -> None:
    lines = [f'"lab\\svc","{SVC}"', '"Jeder","Bekannte Gruppe","S-1-1-0","x, y"', '"NT-AUTORITÄT\\NETZWERK","Bekannte Gruppe","S-1-5-2","x"']
    lines += [f'"LAB\\Operators","Gruppe","{OPERATORS}","x"', '"VORDEFINIERT\\Remoteverwaltungsbenutzer","Alias","S-1-5-32-580","x"']
    lines += ['"Verbindliche Beschriftung\\Mittlere","Bezeichnung","S-1-16-8448",""']
    given = replace(material(whoami="\r\n".join(lines)), queries={})
    seen = look(given, replace(HERE, user_sids=()))
    assert (seen.sid, gates(seen)["powershell"], gates(seen)["cmd"], seen.filtered) == (SVC, ALLOWED, REFUSED, False)
    local = [line.replace("lab\\svc", "web01\\svc") for line in lines] + ['"VORDEFINIERT\\Administratoren","Alias","S-1-5-32-544","nur verweigern"']
    seen = look(replace(material(whoami="\r\n".join(local)), queries={}), WORKGROUP)
    assert (seen.filtered, gates(seen)["root"], gates(seen)["powershell"]) == (True, REFUSED, ALLOWED)
    # A session that is interactive shows what the network does not bring.
    odd = [line.replace("S-1-5-2\"", "S-1-5-4\"") for line in lines]
    assert gates(look(replace(material(whoami="\r\n".join(odd)), queries={}), replace(HERE, user_sids=())))["cmd"] is None


def test_root_descriptor_of_the_service_comes_before_the_registry() -> None:
    text = f"<c:Config xmlns:c='urn:c'><c:Service><c:RootSDDL>O:NSG:BAD:P(A;;GX;;;{SVC})</c:RootSDDL></c:Service></c:Config>"
    config = Object(parse(text.encode(), 9999))
    given = replace(material(NOBODY, reg=registry(root="O:NSG:BAD:P(A;;GA;;;BA)")), config=config)
    seen = look(given)
    assert (gates(seen)["cmd"], gates(seen)["root"]) == (ALLOWED, REFUSED)
    assert seen.descriptors[0].sddl == f"O:NSG:BAD:P(A;;GX;;;{SVC})"
    assert look(replace(given, config=Unknown(DENIED))).descriptors[0].sddl == "O:NSG:BAD:P(A;;GA;;;BA)"
    assert look(material()).descriptors[0].sddl == access.DEFAULT_ROOT


def test_shells_are_off_for_everybody() -> None:
    text = "<c:Config xmlns:c='urn:c'><c:Winrs><c:AllowRemoteShellAccess>false</c:AllowRemoteShellAccess></c:Winrs></c:Config>"
    seen = look(replace(material(ADMINISTRATOR), config=Object(parse(text.encode(), 9999))), replace(HERE, connection="winrm"))
    assert (gates(seen)["cmd"], gates(seen)["powershell"], gates(seen)["connection"]) == (REFUSED, ALLOWED, REFUSED)


def test_group_with_more_members_than_are_read() -> None:
    crowd: Members = {"S-1-5-32-544": [("Win32_UserAccount", "LAB", f"u{number}") for number in range(600)]}
    seen = look(material(crowd))
    assert gates(seen)["root"] is None
    assert not isinstance(seen.groups[0].members, Unknown)
    assert len(seen.groups[0].members) == groups.MOST_MEMBERS


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
def test_root_descriptor_of_a_recorded_host() -> None:
    node = parse((CAPTURES / "config-get-00-response-GetResponse.xml").read_bytes(), 1 << 20)
    config = node.find("Config")
    assert config is not None
    given = Material(config=Object(config))
    assert access.root_sddl(given) == access.DEFAULT_ROOT
    assert gates(look(replace(material(MANAGED), config=given.config)))["cmd"] == REFUSED


@pytest.mark.parametrize(
    ("plugins", "outcome", "says"),
    [
        (
            usual_plugins("O:NSG:BAD:P(D;;GA;;;NU)(A;;GA;;;BA)"), REFUSED,
            "forbids LAB\\svc to open a PowerShell session (GX): (D;;GA;;;NU), which forbids NETWORK everything.",
        ),
        (usual_plugins(enabled="false"), REFUSED, "The plugin microsoft.powershell is switched off"),
        (usual_plugins("rubbish"), None, "the descriptor of microsoft.powershell cannot be read"),
        ({"microsoft.powershell": "<PlugInConfiguration"}, None, "no plugin for it was read"),
        ({"microsoft.powershell": "<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"}, None, "no plugin for it was read"),
        (usual_plugins(""), ALLOWED, "RootSDDL allows LAB\\svc to open a PowerShell session (GX)"),
        (usual_plugins("O:NSG:BAD:P(A;;GA;;;DA)"), REFUSED, "No entry of microsoft.powershell allows LAB\\svc"),
    ],
    ids=["network denied", "switched off", "no descriptor", "no XML", "hostile XML", "falls under RootSDDL", "of the user's own domain"],
)
def test_plugin(plugins: dict[str, str], outcome: str | None, says: str) -> None:
    seen = look(material(ADMINISTRATOR, reg=registry(plugins)))
    assert gates(seen)["powershell"] == outcome
    assert says in why(seen, "powershell")


def test_registry_as_it_is_printed() -> None:
    text = f"\r\nHKEY_LOCAL_MACHINE\\{access.PLUGINS[5:]}\\microsoft.powershell\r\n    ConfigXML    REG_SZ    {usual_plugins()['microsoft.powershell']}\r\n\r\n"
    values = reg_query.parse(text).keys
    given = material(MANAGED, reg=Registry({key.lower(): value for key, value in values.items()}, {key.lower(): key for key in values}))
    assert gates(look(given))["powershell"] == ALLOWED


def sid_of(sid: str) -> Get:
    return Get(f"access:group:{sid}", "wmi/root/cimv2/Win32_SID", (("SID", sid),))


def members_of(sid: str, name: str) -> Query:
    wql = f"select * from Win32_GroupUser where GroupComponent=\"Win32_Group.Domain='WEB01',Name='{name}'\""
    return Query(f"access:members:{sid}", wql)


def group_of(name: str) -> Get:
    return Get(f"access:sid:lab\\{name}".casefold(), "wmi/root/cimv2/Win32_Group", (("Domain", "LAB"), ("Name", name)))


@pytest.mark.parametrize("form", FORMS)
def test_well_known_members_have_the_computer_as_their_domain(form: str) -> None:
    """Microsoft's documentation of Win32_SystemAccount; their SIDs follow from their names, which the reader's session tells in other languages."""
    members: Members = {"S-1-5-32-580": [("Win32_SystemAccount", "WEB01", "Authenticated Users"), ("Win32_SystemAccount", "WEB01", "INTERAKTIV")]}
    assert (gates(look(material(members, form=form)))["powershell"], gates(look(material(members, form=form)))["cmd"]) == (ALLOWED, REFUSED)
    (managers,) = [group for group in look(material(members, form=form)).groups if group.sid == "S-1-5-32-580"]
    assert managers.members == (MemberEvidence("WEB01\\Authenticated Users", "S-1-5-11", "group"), MemberEvidence("WEB01\\INTERAKTIV", "", "group"))
    german: Members = {"S-1-5-32-580": [("Win32_SystemAccount", "WEB01", "Authentifizierte Benutzer")]}
    assert gates(look(material(german, form=form)))["powershell"] is None
    session = '"lab\\x","S-1-5-21-1-2-3-4"\r\n"NT-AUTORITÄT\\Authentifizierte Benutzer","Bekannte Gruppe","S-1-5-11","x"\r\n'
    assert gates(look(material(german, form=form, whoami=session)))["powershell"] == ALLOWED
    kept_out: Members = {"S-1-5-32-580": [("Win32_SystemAccount", "WEB01", "INTERACTIVE")]}
    assert gates(look(material(kept_out, form=form)))["powershell"] == REFUSED


def test_what_is_asked_for() -> None:
    wanted = access.needs(HERE)
    assert wanted.queries == ()
    exported = {rights.EXPORT: Said(0, RIGHTS.format(more=""))}
    assert access.more(Material(commands=exported), HERE) == Needs(gets=tuple(sid_of(sid) for sid in GROUP_NAMES))
    assert access.more(Material(commands=exported), replace(HERE, thorough=False)).gets == (sid_of("S-1-5-32-544"), sid_of("S-1-5-32-580"))
    session = {**exported, groups.WHOAMI: Said(0, '"lab\\x","S-1-5-21-1-2-3-4"\r\n"VORDEFINIERT\\Administratoren","Alias","S-1-5-32-544","x"\r\n')}
    wanted = access.more(Material(commands=session), replace(HERE, thorough=False))
    assert wanted == Needs(queries=(members_of("S-1-5-32-544", "Administratoren"),), gets=(sid_of("S-1-5-32-580"),))
    wanted = access.needs(HERE)
    assert access.needs(replace(HERE, user="svc")).queries[0].wql == 'select Domain, Name, SID from Win32_UserAccount where Domain="WEB01" and Name="svc"'
    nameless = access.needs(replace(WORKGROUP, user="svc", netbios_computer="")).queries
    assert nameless[0].wql == 'select Domain, Name, SID from Win32_UserAccount where LocalAccount=TRUE and Name="svc"'
    assert all("!" not in one.line and "\n" not in one.line and one.line.count('"') % 2 == 0 for one in wanted.commands)
    first = Material(queries=named(), commands=exported)
    assert access.more(first, HERE) == Needs(queries=tuple(members_of(sid, name) for sid, name in GROUP_NAMES.items()))
    assert access.more(first, HERE).queries[0].wql == (
        "select * from Win32_GroupUser where GroupComponent=\"Win32_Group.Domain='WEB01',Name='Administratoren'\""
    )
    assert not access.more(first, replace(HERE, netbios_computer="")).queries
    members: Members = {"S-1-5-32-544": [("Win32_Group", "LAB", "Operators"), ("Win32_Group", "LAB", "Domänen-Admins"), ("Win32_UserAccount", "LAB", "x")]}
    assert access.more(material(members), HERE) == Needs(gets=(group_of("Operators"), group_of("Domänen-Admins")))
    asked = replace(material(members), queries={**material(members).queries, group_of("Operators").id: Unknown("not there")})
    assert access.more(asked, HERE) == Needs(gets=(group_of("Domänen-Admins"),))
    assert access.more(material(members, user=f"{HOST_SID}-1001"), WORKGROUP) == Needs()
    many: Members = {"S-1-5-32-544": [("Win32_Group", "LAB" if number % 2 else "OTHER", f"G{number}") for number in range(100)]}
    assert [get.id for get in access.more(material(many), HERE).gets] == [group_of(f"G{number}").id for number in (1, 3, 5, 7, 9, 11)]
    listed = "-" * 79 + "\r\nAdministrator\r\nLAB\\Operators\r\nNT AUTHORITY\\SYSTEM\r\nThe command completed successfully.\r\n\r\n"
    early = replace(first, commands={**first.commands, f"{groups.NET}S-1-5-32-544": Said(0, listed)})
    assert access.more(early, HERE).gets == ()
    for failed in ("access:members:S-1-5-32-544", "access:group:S-1-5-32-544"):
        late = replace(early, queries={**early.queries, failed: Unknown("too late")})
        assert access.more(late, HERE).gets == (group_of("Operators"),)
    assert [query.id for query in access.more(replace(material(), commands={}), HERE).queries] == [rights.RECORD]
    denying = RIGHTS.format(more="SeDenyNetworkLogonRight = Gast,*S-1-5-113,svc,LAB\\x,Everyone\r\n")
    assert [query.wql for query in access.more(Material(commands={rights.EXPORT: Said(0, denying)}), HERE).queries] == [
        'select Domain, Name, SID from Win32_UserAccount where Domain="WEB01" and (Name="Gast")',
    ]


@pytest.mark.parametrize("user", ["", "LAB\\", "sv\"c", "a;b", "x" * 300, "svc\r\n", "a*b"])
def test_no_query_for_what_is_no_name(user: str) -> None:
    asked = [query for query in access.needs(replace(WORKGROUP, user=user)).queries if query.id == network_token.USER]
    assert asked == ([] if user != "svc\r\n" else asked)
    assert all("\n" not in query.wql for query in asked)


def test_names_with_an_apostrophe_are_asked_for_with_other_quotes() -> None:
    odd = named({"S-1-5-32-573": "Lecteurs d'événements", "S-1-5-32-544": 'x" or 1'})
    (query,) = groups.members_queries(Material(queries=odd), "WEB01")
    assert query.wql.endswith('where GroupComponent="Win32_Group.Domain=\\"WEB01\\",Name=\\"Lecteurs d\'événements\\""')


def test_member_whose_sid_finds_no_name() -> None:
    text = "-" * 79 + f"\r\nAdministrator\r\n{OPERATORS}\r\nThe command completed successfully.\r\n\r\n"
    given = material(NOBODY)
    seen = look(replace(given, commands={**given.commands, f"{groups.NET}S-1-5-32-544": Said(0, text)}))
    assert seen.groups[0].members == (MemberEvidence("WEB01\\Administrator", kind="user"), MemberEvidence(OPERATORS, OPERATORS))
    assert gates(seen)["cmd"] == ALLOWED


def test_members_by_net_localgroup_where_wmi_is_closed() -> None:
    head = "Aliasname     Administrators\r\nBeschreibung\r\n\r\nMitglieder\r\n\r\n"
    text = head + "-" * 79 + "\r\nAdministrator\r\nLAB\\svc\r\nDer Befehl wurde ausgeführt.\r\n\r\n"
    assert groups.parse_net(text) == ("Administrator", "LAB\\svc")
    given = material()
    nets = {f"{groups.NET}S-1-5-32-544": Said(0, text), f"{groups.NET}S-1-5-32-580": Said(2, "error 1376")}
    closed = replace(given, queries={}, commands={**given.commands, **nets})
    seen = look(closed)
    assert seen.groups[0].members == (MemberEvidence("Administrator"), MemberEvidence("LAB\\svc"))
    assert (seen.groups[1].members, gates(seen)["root"]) == (Unknown("not read"), ALLOWED)
    assert gates(look(closed, replace(HERE, user="LAB\\other", user_sids=())))["cmd"] is None


@pytest.mark.parametrize("text", ["", "-" * 79, "no dashes\r\n", "x\r\n" * 3 + "-" * 30 + "\r\nlast\r\n"])
def test_net_without_members(text: str) -> None:
    assert groups.parse_net(text) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None), ("Access is denied.", None), ("[Privilege Rights]\n", {}),
        ("[Privilege Rights]\nSeNetworkLogonRight =\n", {"SeNetworkLogonRight": ()}),
        ("[privilege rights]\nsenetworklogonright=*s-1-1-0, svc ,,\n[Version]\nSeDenyNetworkLogonRight = x", {"SeNetworkLogonRight": ("S-1-1-0", "svc")}),
        ("\ufeff[Privilege Rights]\0\r\0\n\0S\0e\0N\0e\0t\0w\0o\0r\0k\0L\0o\0g\0o\0n\0R\0i\0g\0h\0t\0 = *S-1-1-0", {"SeNetworkLogonRight": ("S-1-1-0",)}),
    ],
)
def test_export_of_rights(text: str, expected: dict[str, tuple[str, ...]] | None) -> None:
    assert rights.parse(text) == expected


def test_rights_by_the_record_of_policies() -> None:
    given = replace(material(ADMINISTRATOR), commands={rights.EXPORT: Said(1, "denied")})
    rows = (
        row("RSOP_UserPrivilegeRight", UserRight="SeDenyNetworkLogonRight", AccountList=f"*{SVC}", Precedence="1"),
        row("RSOP_UserPrivilegeRight", UserRight="SeDenyNetworkLogonRight", AccountList="*S-1-5-32-546", Precedence="2"),
    )
    seen = look(replace(given, queries={**given.queries, rights.RECORD: rows}))
    assert gates(seen)["network_logon"] == REFUSED
    assert [(one.source, one.holders) for one in seen.rights] == [
        ("local", Unknown("no policy sets it; what the host itself sets could not be read")), ("policy", (SVC,)),
    ]
    by_name = (row("RSOP_UserPrivilegeRight", UserRight="SeDenyNetworkLogonRight", AccountList="NT AUTHORITY\\Local account", precedence="1"),)
    seen = look(replace(given, queries={**given.queries, rights.RECORD: by_name}))
    assert seen.rights[1].holders == ("S-1-5-113",)
    assert [one.holders for one in look(given).rights] == [Unknown("secedit exported nothing (exit code 1)")] * 2


def test_a_domain_controller_is_not_asked_for_its_groups_by_wmi() -> None:
    listed = "-" * 79 + "\r\nAdministrator\r\nDomain Admins\r\nThe command completed successfully.\r\n\r\n"
    options = system.OPTIONS.lower(), (Value("ProductType", "REG_SZ", "LanmanNT"),)
    given = material(reg=Registry({options[0]: options[1]}))
    given = replace(given, queries={}, commands={**given.commands, f"{groups.NET}S-1-5-32-544": Said(0, listed)})
    assert access.more(given, HERE) == Needs()
    assert [one.name for one in t.cast("tuple[MemberEvidence, ...]", groups.read(given)[0].members)] == ["Administrator", "Domain Admins"]


def test_groups_without_a_name_are_all_in_the_token() -> None:
    said = '"lab\\\\svc","S-1-5-21-9-9-9-1"\r\n\r\n" ","Unknown SID type","S-1-5-21-7-7-7-1","x"\r\n" ","Unknown SID type","S-1-5-21-7-7-7-2","x"\r\n'
    _first, found = groups.who_am_i(Material(commands={groups.WHOAMI: Said(0, said)}))
    assert {"S-1-5-21-7-7-7-1", "S-1-5-21-7-7-7-2"} <= set(found.values())


def test_nothing_could_be_read() -> None:
    denied = Unknown(DENIED)
    blind = Registry(unknown={"hklm": DENIED})
    queries: dict[str, Known[tuple[Object, ...]]] = {**dict.fromkeys(named(), denied), network_token.USER: denied}
    given = Material(denied, queries=queries, registry=blind, commands={rights.EXPORT: denied, groups.WHOAMI: denied})
    assert access.evidence(given, HERE) == denied
    assert access.more(given, HERE).queries == (rights.record_query(),)
    partly = look(replace(given, commands={rights.EXPORT: Said(0, RIGHTS.format(more=""))}))
    assert (gates(partly)["network_logon"], gates(partly)["root"], gates(partly)["connection"]) == (ALLOWED, None, None)
    assert why(partly, "root") == "Whether LAB\\svc is allowed to read winrm/config (GR) is not known: access denied."
    nothing = access.evidence(Material(), HERE)
    assert isinstance(nothing, AccessEvidence)
    assert set(gates(nothing).values()) == {None}


def test_no_user_is_named() -> None:
    seen = look(material(ADMINISTRATOR), replace(HERE, user="", user_sids=()))
    assert (seen.user, seen.gates, seen.sids) == ("", (), Unknown("no user is named"))
    assert len(seen.groups) == 3


def test_hostile_answers_end_in_evidence() -> None:
    chance = random.Random(1104)
    texts = ["", "\\", "x" * 5000, "<", 'a.Name="', "Domain='", "\0", "\\\\\\:", 'Win32_Group.Name="\\']
    for _turn in range(300):
        form = chance.choice(list(FORMS))
        whoami, more = "".join(chance.sample('"\\,S-1-5\r\n' * 5, 30)), "".join(chance.sample("Se=*,S-1\r\n[]" * 3, 20))
        given = material(ADMINISTRATOR, form=form, whoami=whoami, more=more)
        node = given.queries[f"{groups.MEMBERS}S-1-5-32-544"]
        assert not isinstance(node, Unknown)
        for one in node:
            for inner in one.node.walk():
                if chance.random() < 0.2:
                    inner.text = chance.choice(texts)
                if chance.random() < 0.1:
                    inner.children = []
                if chance.random() < 0.1:
                    inner.attributes = {}
        look(given)
        access.more(given, HERE)
