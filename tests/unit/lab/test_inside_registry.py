# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's registry: what a fresh host has, what follows from each part of its state, and its binary values."""

from __future__ import annotations

import shutil
import struct
import subprocess
import typing as t
from dataclasses import fields, replace

import pytest
from cryptography import x509
from lab.inside import blobs, firewall_strings, noise, profiles, registry
from lab.inside.model import Certificate, Clock, FirewallProfile, FirewallRule, Inside, Listener, Mapping
from lab.inside.profiles import PRODUCTS

MEMBER = profiles.fresh(domain="LAB", dns_domain="lab.test")
RULES = f"{registry.FIREWALL}\\FirewallRules"


def value(inside: Inside, key: str, name: str) -> t.Any:
    found = registry.hive(inside).values(registry.full_key(key)).get(name)
    return found[1] if found else None


@pytest.mark.parametrize("profile", PRODUCTS)
def test_every_version_has_a_registry(profile: str) -> None:
    for domain in ("", "LAB"):
        whole = registry.tree(profiles.fresh(profile, domain=domain, dns_domain="lab.test" if domain else ""))
        assert all(key.startswith("HKEY_LOCAL_MACHINE\\") for key in whole)
        assert {kind for values in whole.values() for kind, _data in values.values()} == {
            "REG_SZ", "REG_DWORD", "REG_BINARY", "REG_EXPAND_SZ", "REG_MULTI_SZ",
        }
        assert len(whole[RULES]) >= 60


def test_store_of_a_fresh_host_holds_no_settings() -> None:
    store = registry.hive(MEMBER)
    assert store.values(f"{registry.WSMAN}\\Service") == {}
    assert store.values(f"{registry.WSMAN}\\Client") == {}
    assert store.subkeys(f"{registry.WSMAN}\\Listener") == ("*+HTTP",)
    assert store.subkeys(registry.WSMAN.lower()) == ("CertMapping", "Client", "Listener", "Plugin", "SafeClientList", "Service", "WinRS")
    assert registry.hive(profiles.fresh("windows11")).subkeys(f"{registry.WSMAN}\\Listener") == ()


def test_settings_and_policies_stand_where_windows_keeps_them() -> None:
    inside = replace(
        MEMBER,
        config={"Service/Auth/Basic": "true", "Client/TrustedHosts": "*", "Service/MaxConnections": "25", "Winrs/MaxShellsPerUser": "5"},
        policy_config={"Service/Auth/Kerberos": "false", "Service/IPv4Filter": "10.0.0.1-10.0.0.9", "Service/Auth/CbtHardeningLevel": "Strict",
                       "Client/TrustedHosts": "*.lab.test", "Winrs/MaxShellRunTime": "60000", "Service/AllowUnencrypted": "false"},
    )
    assert value(inside, f"{registry.WSMAN}\\Service", "auth_basic") == 1
    assert value(inside, f"{registry.WSMAN}\\Service", "maxconnections") == 25
    assert value(inside, f"{registry.WSMAN}\\Client", "trusted_hosts") == "*"
    assert value(inside, f"{registry.WSMAN}\\WinRS", "MaxShellsPerUser") == 5
    policy = f"{registry.WINRM_POLICY}\\Service"
    assert {name: data for name, (_kind, data) in registry.hive(inside).values(policy).items()} == {
        "AllowKerberos": 0, "AllowAutoConfig": 1, "IPv4Filter": "10.0.0.1-10.0.0.9", "CBTHardeningLevelStatus": 1, "CbtHardeningLevel": "Strict",
        "AllowUnencryptedTraffic": 0,
    }
    assert value(inside, f"{registry.WINRM_POLICY}\\Client", "TrustedHostsList") == "*.lab.test"
    assert value(inside, f"{policy}\\WinRS", "ShellTimeOut") == 60000


def test_listener_s_key_is_its_address_and_transport() -> None:
    secure = Listener("HTTPS", "*", 5986, "web01.lab.test", thumbprint="AB" * 20)
    inside = replace(MEMBER, listeners=(secure, Listener(source="GPO"), Listener("HTTP", "IP:192.0.2.1", 8080, enabled=False, url_prefix="other")))
    assert registry.hive(inside).subkeys(f"{registry.WSMAN}\\Listener") == ("*+HTTPS", "IP:192.0.2.1+HTTP")
    assert registry.tree(inside)[f"{registry.WSMAN}\\Listener\\*+HTTPS"] == {
        "Port": ("REG_DWORD", 5986), "hostname": ("REG_SZ", "web01.lab.test"), "certThumbprint": ("REG_SZ", "AB" * 20),
    }
    assert value(inside, f"{registry.WSMAN}\\Listener\\IP:192.0.2.1+HTTP", "enabled") == 0


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (FirewallRule("a"), "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=System|Name=a|"),
        (
            FirewallRule("WINRM-HTTP-In-TCP", "@FirewallAPI.dll,-30253", False, ports=("5985",), profiles=("Public",), remote=("LocalSubnet",),
                         more=("Desc=@FirewallAPI.dll,-30256", "EmbedCtxt=@FirewallAPI.dll,-30267")),
            "v2.31|Action=Allow|Active=FALSE|Dir=In|Protocol=6|Profile=Public|LPort=5985|RA4=LocalSubnet|RA6=LocalSubnet|App=System|"
            "Name=@FirewallAPI.dll,-30253|Desc=@FirewallAPI.dll,-30256|EmbedCtxt=@FirewallAPI.dll,-30267|",
        ),
        (
            FirewallRule(
                "b", action="Block", ports=("80", "5000-6000", "IPHTTPSIn"), remote=("192.0.2.0/24", "2001:db8::/32", "192.0.2.1-192.0.2.9"), program="",
            ),
            "v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=80|LPort2_10=5000-6000|LPort2_10=IPHTTPSIn|RA4=192.0.2.0/255.255.255.0|RA6=2001:db8::/32|"
            "RA4=192.0.2.1-192.0.2.9|Name=b|",
        ),
        (FirewallRule("c", protocol=256, remote=("Intranet",)), "v2.31|Action=Allow|Active=TRUE|Dir=In|RA42=Intranet|RA62=Intranet|App=System|Name=c|"),
    ],
)
def test_rule_is_one_string(rule: FirewallRule, text: str) -> None:
    assert firewall_strings.rule_text(rule, "v2.31") == text


def test_names_of_winrm_s_rules_differ_by_version_and_their_meaning_with_them() -> None:
    old, new = (registry.tree(profiles.fresh(profile))[RULES] for profile in ("server2019", "windows11"))
    assert "Profile=Domain|Profile=Private|LPort=5985|App" in old["WINRM-HTTP-In-TCP"][1]
    assert "Profile=Public|LPort=5985|RA4=LocalSubnet" in old["WINRM-HTTP-In-TCP-PUBLIC"][1]
    assert "Profile=Public|LPort=5985|RA4=LocalSubnet" in new["WINRM-HTTP-In-TCP"][1]
    assert "Active=FALSE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=5985|App" in new["WINRM-HTTP-In-TCP-NoScope"][1]
    assert not any("LPort=5986" in text for rules in (old, new) for _kind, text in rules.values())


def test_profiles_of_the_firewall_have_other_names_below_policies() -> None:
    inside = replace(MEMBER, profiles={"Private": FirewallProfile(False, True, True, True, False, False)})
    local, policy = (registry.hive(inside).values(key) for key in (f"{registry.FIREWALL}\\StandardProfile", f"{registry.FIREWALL_POLICY}\\PrivateProfile"))
    assert {name: data for name, (_kind, data) in local.items()} == {
        "EnableFirewall": 0, "DisableNotifications": 0, "DefaultInboundAction": 0, "DoNotAllowExceptions": 1,
    }
    assert {name: data for name, (_kind, data) in policy.items()} == {"EnableFirewall": 1, "DefaultInboundAction": 1, "AllowLocalPolicyMerge": 0}


def properties(blob: bytes) -> dict[int, bytes]:
    """Read by the form that [MS-GPEF] 2.2.1.1.1 gives."""
    found, at = {}, 0
    while at < len(blob):
        id, one, size = struct.unpack_from("<III", blob, at)
        assert one == 1
        found[id] = blob[at + 12 : at + 12 + size]
        at += 12 + size
    return found


def test_stored_certificate_carries_itself_its_hash_and_its_key() -> None:
    der = noise.roots()["root"][0][0]
    found = properties(blobs.stored(der, True, "My name"))
    assert list(found) == [3, 2, 11, 32]
    assert found[32] == der
    assert found[3].hex().upper() == blobs.thumbprint(der)
    assert found[11].decode("utf-16-le") == "My name\0"
    container, provider = (found[2][struct.unpack_from("<I", found[2], at)[0] :].decode("utf-16-le").partition("\0")[0] for at in (0, 4))
    assert container.startswith("te-")
    assert provider == "Microsoft Software Key Storage Provider"
    assert 2 not in properties(blobs.stored(der))


def test_stores_of_policy_and_enterprise_have_roots_of_their_own() -> None:
    der = noise.roots()["root"][0][0]
    inside = replace(MEMBER, stores={name: (Certificate(der),) for name in ("My", "Root", "policy/Root", "enterprise/CA")})
    for key in ("SOFTWARE\\Microsoft\\SystemCertificates\\MY", "SOFTWARE\\Microsoft\\SystemCertificates\\ROOT",
                "SOFTWARE\\Policies\\Microsoft\\SystemCertificates\\Root", "SOFTWARE\\Microsoft\\EnterpriseCertificates\\CA"):
        assert value(inside, f"HKLM\\{key}\\Certificates\\{blobs.thumbprint(der)}", "Blob") is not None
    assert registry.hive(MEMBER).has("HKEY_LOCAL_MACHINE\\software\\microsoft\\systemcertificates\\my\\certificates")


def test_made_up_roots_are_self_signed_and_the_same_for_all_hosts() -> None:
    assert sum(map(len, noise.roots().values())) >= 20
    for ders in noise.roots().values():
        for der, _blob in ders:
            certificate = x509.load_der_x509_certificate(der)
            certificate.verify_directly_issued_by(certificate)
    assert noise.roots() is noise.roots()


def test_http_driver_keeps_bindings_and_reservations() -> None:
    inside = replace(MEMBER, bindings={"0.0.0.0:5986": ("AB" * 20, profiles.WINRM_APPLICATION)}, listen_only=("192.0.2.1", "::1"))
    binding = registry.tree(inside)[f"{registry.HTTP}\\SslBindingInfo\\0.0.0.0:5986"]
    assert binding["SslCertHash"] == ("REG_BINARY", bytes.fromhex("AB" * 20))
    # Microsoft's GUID structure: the first three parts are numbers, little-endian.
    assert binding["AppId"][1].hex() == "adb9ebaf979b914a9ab5daf4d59122f6"  # type: ignore[union-attr]
    assert binding["SslCertStoreName"] == ("REG_SZ", "MY")
    assert value(inside, registry.HTTP, "ListenOnlyList") == ("192.0.2.1", "::1")
    assert value(MEMBER, registry.HTTP, "ListenOnlyList") is None
    assert value(inside, f"{registry.HTTP}\\UrlAclInfo", "http://+:80/Temporary_Listen_Addresses/").hex() == (
        "0100048000000000000000000000000014000000" "02001c000100000000001400" "00000020" "010100000000000100000000"
    )


def test_descriptor_is_what_samba_makes_of_it() -> None:
    python = shutil.which("python3", path="/usr/bin")
    script = (
        "import sys\nfrom samba.dcerpc import security\nfrom samba.ndr import ndr_pack\n"
        "print(ndr_pack(security.descriptor.from_sddl(sys.argv[1], security.dom_sid())).hex())"
    )
    for sddl in (profiles.WSMAN_ACL, "O:NSG:BAD:P(A;;GA;;;BA)(D;;GX;;;S-1-5-21-1-2-3-1000)"):
        made = subprocess.run([str(python), "-c", script, sddl], capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip("Samba's Python bindings (python3-samba) are not installed here")
        ours = blobs.descriptor(sddl)
        assert sorted(_aces(ours)) == sorted(_aces(bytes.fromhex(made.stdout)))


def _aces(data: bytes) -> list[bytes]:
    at = struct.unpack_from("<I", data, 16)[0]
    _revision, _zero, _size, count, _more = struct.unpack_from("<BBHHH", data, at)
    found, at = [], at + 8
    for _turn in range(count):
        size = struct.unpack_from("<H", data, at + 2)[0]
        found.append(data[at : at + size])
        at += size
    return found


def test_descriptor_that_is_not_understood_is_told() -> None:
    with pytest.raises(ValueError, match="not understood"):
        blobs.descriptor("what")


def test_further_values_take_the_place_of_others_whatever_their_case() -> None:
    key = "hklm\\system\\currentcontrolset\\control\\lsa"
    more = {(key, "forceGUEST"): ("REG_DWORD", 1), (key, "NoLmHash"): ("", ""), ("HKLM\\SOFTWARE\\New", "x"): ("REG_QWORD", 2**40)}
    inside = replace(MEMBER, values=more)
    found = registry.hive(inside).values(registry.full_key("HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa"))
    assert found["forceGUEST"] == ("REG_DWORD", 1)
    assert not {"forceguest", "NoLmHash"} & set(found)
    assert value(inside, "HKLM\\SOFTWARE\\New", "x") == 2**40


def test_clock_network_and_mappings_are_there() -> None:
    mapping = Mapping("*", "x@localhost", "AB" * 20, "x")
    inside = replace(MEMBER, clock=Clock("NTP", ("a,0x8", "b,0x8")), networks=(("Ethernet", "Public"),), mappings=(mapping,))
    assert value(inside, f"{registry.SERVICES}\\W32Time\\Parameters", "NtpServer") == "a,0x8 b,0x8"
    assert value(inside, f"{registry.SERVICES}\\W32Time\\Parameters", "Type") == "NTP"
    (network,) = registry.hive(inside).subkeys(f"{registry.CURRENT_VERSION}\\NetworkList\\Profiles")
    assert value(inside, f"{registry.CURRENT_VERSION}\\NetworkList\\Profiles\\{network}", "Category") == 0
    assert value(inside, f"{registry.WSMAN}\\CertMapping\\1", "UserName") == "x"


def test_tree_is_made_once_for_each_state() -> None:
    assert registry.tree(MEMBER) is registry.tree(MEMBER)
    assert registry.tree(MEMBER) is not registry.tree(replace(MEMBER, computer="OTHER"))


def test_plugin_names_its_descriptor_in_xml() -> None:
    text = value(replace(MEMBER, plugins=(replace(MEMBER.plugins[1], enabled=False),)), f"{registry.WSMAN}\\Plugin\\Microsoft.PowerShell", "ConfigXML")
    assert 'Enabled="false"' in text
    assert f'Sddl="{profiles.PLUGIN_SDDL}"' in text


def test_every_field_of_a_rule_is_told() -> None:
    assert {item.name for item in fields(FirewallRule)} == {
        "id", "name", "enabled", "action", "protocol", "ports", "profiles", "remote", "program", "policy", "more",
    }
