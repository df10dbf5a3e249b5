# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inside and outside of the lab's hosts agree; the words for usual faults; and the project's own readers understand all that the stand-in says."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.windows import batch, reg_query
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Key, Said
from lab import inventory, scenario
from lab.domain.forest import password
from lab.domain.realm import LAB, Realm
from lab.domain.settings import Settings
from lab.inside import blobs, cmd, derive, faults, profiles, registry
from lab.inside.model import Inside
from lab.messages import Account
from lab.scenario import Host, ScenarioError, parse_host
from lab.server import Lab

HOSTS = scenario.load()
ADMIN = Account("x")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(HOSTS, tmp_path_factory.mktemp("lab"), inventory.invented("LAB\\operator", HOSTS, password))


def named(name: str) -> Host:
    return next(host for host in HOSTS if host.name == name)


def inside(lab: Lab, name: str) -> Inside:
    found = lab.windows(named(name)).inside
    assert found is not None
    return found


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_inside_agrees_with_outside(lab: Lab, host: Host) -> None:
    windows, found = lab.windows(host), inside(lab, host.name)
    open_ports = {port for port, service in host.ports.items() if service == "wsman"}
    assert open_ports <= {one.port for one in found.listeners}
    assert {one.port for one in found.listeners if one.transport == "HTTPS"} <= set(host.secure)
    assert found.services["WinRM"].state == "Running" or not open_ports
    known = {blobs.thumbprint(one.der) for one in found.stores.get("My", ())}
    assert {one.thumbprint for one in found.listeners if one.transport == "HTTPS"} <= known or "certificate_missing" in host.inside["faults"]
    assert (found.config.get("Service/Auth/Basic") == "true") == ("Basic" in windows.schemes)
    assert found.computer == windows.computer
    assert (found.domain or None) == windows.domain
    for port in open_ports & {5985, 5986}:
        allowed = [rule for rule in found.rules if str(port) in rule.ports and rule.enabled and rule.profiles in ((), ("Domain", "Private"))]
        assert allowed or not found.profiles["Domain"].on
    for spelled, account in windows.accounts.items():
        group = derive.GROUP_OF.get(account.groups, "")
        members = {member.rpartition("\\")[2] for member, _sid in found.groups.get(group, ("", ()))[1]}
        assert not group or spelled.partition("@")[0] in members
    assert registry.tree(found)


def test_what_stands_in_the_way_is_there(lab: Lab) -> None:
    assert inside(lab, "app02").services["WinRM"].state == "Stopped"
    assert not inside(lab, "app01").profiles["Domain"].on
    assert not any(one.transport == "HTTPS" for one in inside(lab, "app01").listeners)
    assert [rule.enabled for rule in inside(lab, "app03").rules if "5985" in rule.ports] == [False, False]
    assert not any("5986" in rule.ports for rule in inside(lab, "app04").rules)
    assert [one.transport for one in inside(lab, "app04").listeners] == ["HTTP", "HTTPS"]
    assert inside(lab, "app09").listeners[0].url_prefix == "wsman-old"
    assert inside(lab, "sql10").bindings == {}
    assert inside(lab, "sql10").listeners[-1].thumbprint
    assert inside(lab, "sql05").stores["CA"] == ()
    assert len(inside(lab, "sql04").stores["Root"]) == 2
    assert inside(lab, "dc01").clock.offset == 1200.0
    assert not inside(lab, "dc01").clock.synchronised
    assert inside(lab, "cbt01").config["Service/Auth/CbtHardeningLevel"] == "Strict"
    assert inside(lab, "app15").config["Service/Auth/Negotiate"] == "false"
    assert inside(lab, "perm01").root_sddl == derive.NOBODY
    assert inside(lab, "quota01").config["Winrs/MaxShellsPerUser"] == str(len(inside(lab, "quota01").shells))
    assert inside(lab, "quota01").shells[0].owner == "LAB\\operator"
    assert not any(one.enabled for one in inside(lab, "conf02").plugins if "PowerShell" in one.name)
    assert inside(lab, "conf01").config["Service/AllowRemoteAccess"] == "false"
    assert inside(lab, "ntlm01").values[derive.MSV, "RestrictReceivingNTLMTraffic"] == ("REG_DWORD", 2)
    assert inside(lab, "token01").values[derive.HTTP_PARAMETERS, "MaxFieldLength"] == ("REG_DWORD", 300)
    assert inside(lab, "ins41").values[derive.MSV, "RestrictReceivingNTLMTraffic"] == ("REG_DWORD", 1)
    assert [(one.user, one.enabled) for name in ("ins24", "ins25", "ins26") for one in inside(lab, name).mappings] == [("deploy", True), ("deploy", False)]
    assert [(one.subject, one.user) for one in inside(lab, "cert07").mappings] == [("deploy@localhost", "gone")]
    assert {one.sddl for one in inside(lab, "ins33").plugins if "PowerShell" in one.name} == {derive.ADMINS_ONLY}
    assert {one.owner for one in inside(lab, "ins46").shells} == {"LAB\\ins46"}
    presented, spare = inside(lab, "ins22").stores["My"]
    assert inside(lab, "ins22").listeners[-1].thumbprint == blobs.thumbprint(spare.der)
    assert {thumbprint for thumbprint, _application in inside(lab, "ins22").bindings.values()} == {blobs.thumbprint(presented.der)}
    assert inside(lab, "ins10").listeners[0].address == f"IP:{named('ins10').address}"
    assert inside(lab, "mach02").netlogon.channel == 1787
    assert inside(lab, "web04").netlogon.located == 1355
    assert inside(lab, "cert01").mappings[0].user == "deploy"
    assert inside(lab, "krb08").domain == "OTHER"
    assert inside(lab, "krb08").netlogon.controller == "odc1.other.test"


def test_domain_that_is_ill_is_ill_from_inside_too(tmp_path: Path) -> None:
    known = inventory.invented("LAB\\operator", HOSTS, password)
    ahead, deaf = (Lab([named("web01")], tmp_path, known, settings=settings) for settings in (Settings(clock=600), Settings(ldap="silent")))
    clock = inside(ahead, "web01").clock
    assert (clock.offset, clock.controller, clock.source) == (-600.0, 600.0, "")
    assert "+600.0000000s" in cmd.run("w32tm /stripchart /computer:dc1.lab.test /samples:1 /dataonly", inside(ahead, "web01"), ADMIN, "x")[1].decode()
    assert inside(deaf, "web01").netlogon.located == 1355


def test_scenarios_page_knows_every_word_and_key() -> None:
    page = Path(scenario.__file__).with_name("SCENARIOS.md").read_text(encoding="utf-8")
    assert [word for word in (*faults.FAULTS, *faults.KEYS) if f"`{word}`" not in page] == []


def test_local_administrators_are_filtered_where_the_scenario_says_so(lab: Lab) -> None:
    policy = derive.UAC, "LocalAccountTokenFilterPolicy"
    assert inside(lab, "cert01").values[policy] == ("REG_DWORD", 1)
    assert policy not in inside(lab, "perm03").values
    assert policy not in inside(lab, "web01").values
    (sid,) = (sid for name, sid in inside(lab, "perm08").accounts.items() if name == "LAB\\perm08")
    assert inside(lab, "perm08").rights["SeDenyNetworkLogonRight"] == (sid,)


def test_sids_are_those_of_the_directory(tmp_path: Path) -> None:
    def sid(realm: Realm, name: str) -> str:
        return f"S-1-5-21-1-2-3{'-1107' if name else ''}" if realm == LAB else "S-1-5-21-9-9-9"

    hosts = [named("web01")]
    found = Lab(hosts, tmp_path, inventory.invented("LAB\\operator", hosts, password), sids=sid).windows(hosts[0]).inside
    assert found is not None
    members = dict(found.groups[profiles.ADMINISTRATORS][1])
    assert members["LAB\\operator"] == "S-1-5-21-1-2-3-1107"
    assert members["LAB\\Domain Admins"] == "S-1-5-21-1-2-3-512"
    assert '"lab\\operator","S-1-5-21-1-2-3-1107"' in cmd.run("whoami /user /fo csv", found, ADMIN, "operator@LAB.TEST")[1].decode()


@pytest.mark.parametrize("word", faults.FAULTS)
def test_every_word_changes_something_and_leaves_a_registry(lab: Lab, word: str) -> None:
    before = inside(lab, "web02")
    after = faults.apply(word, before, "LAB\\operator")
    assert after != before
    assert registry.tree(after)


def test_fields_of_a_scenario_are_added(lab: Lab) -> None:
    given: dict[str, t.Any] = {
        "profile": "windows11", "language": "de", "faults": ["rule_missing", "channel_broken"], "config": {"MaxTimeoutms": "1000"},
        "policy_config": {"Service/Auth/Basic": "true"}, "values": {"HKLM\\SOFTWARE\\X\\one": 1, "HKLM\\SOFTWARE\\X\\two": ["a", "b"]},
        "rules": [{"id": "x", "ports": ["5985"], "profiles": ["Public"]}], "services": {"W32Time": {"state": "Stopped"}}, "networks": {"Ethernet": "Public"},
        "listen_only": ["192.0.2.1"], "forbidden": ["config"], "rights": {"SeDenyNetworkLogonRight": ["S-1-5-113"]}, "clock": {"offset": 3.0},
        "profiles": {"Public": {"policy_on": True}}, "slow": {"command:nltest": 3}, "root_sddl": "O:NSG:BAD:P(A;;GA;;;BA)", "manner": {"null": "absent"},
    }
    host = replace(named("web01"), inside=given)
    found = derive.inside_of(host, lab.kinds["web01"])
    assert (found.profile, found.language, found.netlogon.channel, found.listen_only) == ("windows11", "de", 1787, ("192.0.2.1",))
    assert [rule.id for rule in found.rules if "5985" in rule.ports] == ["x"]
    assert registry.tree(found)["HKEY_LOCAL_MACHINE\\SOFTWARE\\X"] == {"one": ("REG_DWORD", 1), "two": ("REG_MULTI_SZ", ("a", "b"))}
    assert found.groups[profiles.ADMINISTRATORS][0] == "Administratoren"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"inside": {"colour": 1}}, "web01: inside holds 'colour'; expected one of profile, language, faults, "),
        ({"inside": {"faults": ["weather"]}}, "web01: inside faults holds 'weather'; expected one of service_stopped, "),
        ({"inside": {"profile": "xp"}}, "web01: inside profile holds 'xp'; expected one of windows10, "),
        ({"inside": []}, "web01: inside holds []; expected a mapping of what is otherwise inside"),
        ({"inside": {"listeners": [{"colour": 1}]}}, "web01: inside: "),
        ({"inside": {"services": {"Nosuch": {}}}}, "web01: inside: "),
        ({"alternate": [{"port": 1}]}, "web01: alternate holds {'port': 1}; expected a mapping with the key name"),
        ({"alternate": [{"name": "x", "colour": 1}]}, "web01: alternate holds 'colour'; expected one of name, port, scheme, auth, account"),
        ({"alternate": [{"name": "x", "account": 7}]}, "web01: alternate account holds 7; expected shared, or a mapping with the key name"),
        ({"alternate": [{"name": "x", "account": {"name": "y", "local": True}}]}, "web01: alternate account holds 'local'; expected one of name, groups, "),
    ],
)
def test_mistakes_of_a_scenario_are_told(given: dict[str, t.Any], error: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_host("web01", {"wrong": "x", **given}, 0)
    assert str(caught.value).startswith(error)


def test_further_ways_stand_in_the_inventory_and_their_accounts_on_the_host(tmp_path: Path) -> None:
    ways: list[dict[str, t.Any]] = [
        {"name": "http", "port": 5985, "scheme": "http"}, {"name": "operator", "account": "shared", "auth": ["ntlm"]},
        {"name": "rescue", "account": {"name": "rescue", "filtered": True}},
    ]
    host = parse_host("web01", {"wrong": "x", "vars": {"ansible_connection": "psrp"}, "account": {"name": "svc"}, "alternate": ways}, 0)
    known = inventory.invented("LAB\\operator", [host], password)
    found = inventory.inventory([host], known, tmp_path / "ca.pem", True)["all"]["hosts"]["web01"]["troubleshoot_alternate_logons"]
    own = {"username": "LAB\\svc", "password": known.own["web01"]}
    assert found[0] == {"name": "http", "port": 5985, "scheme": "http", **own}
    assert found[1] == {"name": "operator", "auth": ["ntlm"], "username": "LAB\\operator", "password": known.password}
    assert found[2]["username"] == "WEB01\\rescue"
    windows = Lab([host], tmp_path, known).windows(host)
    rescue = windows.accounts["rescue"]
    assert (rescue.password, rescue.local, rescue.filtered) == (found[2]["password"], True, True)
    assert windows.inside is not None
    assert "WEB01\\rescue" in windows.inside.accounts


@pytest.mark.parametrize("empty", ["hidden", "shown"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_project_s_own_readers_understand_every_answer(lab: Lab, language: str, empty: str) -> None:
    """All values that the tree has come back through reg query, the batch, and the reader of both."""
    found = replace(inside(lab, "web02"), language=language, manner={"reg.empty": empty})
    keys = [Key(f"HKLM\\{key}") for key in ("SOFTWARE\\Microsoft", "SOFTWARE\\Policies", "SYSTEM\\CurrentControlSet", "SECURITY", "SOFTWARE\\No")]
    commands = reg_query.commands(keys)
    told: dict[str, t.Any] = {}
    for line, group in batch.lines(commands):
        _code, output = cmd.run(line, found, ADMIN, "LAB\\operator")
        told.update(batch.split(output.decode(), group))
    assert all(isinstance(one, Said) and one.code is not None for one in told.values())
    read = reg_query.registry(keys, told)
    assert read.why("HKLM\\SECURITY") == "access denied"
    assert read.why("HKLM\\SOFTWARE\\No") is None
    assert not read.has("HKLM\\SOFTWARE\\No")
    for key, values in registry.tree(found).items():
        short = key.replace("HKEY_LOCAL_MACHINE", "HKLM")
        for name, (kind, data) in values.items():
            back = read.value(short, name)
            assert back is not None, (short, name)
            assert back.kind == kind
            if data != ("",):
                # A text of several lines comes back with whatever ends lines here.
                assert back.data == (data.replace("\r\n", "\n") if isinstance(data, str) else data), (short, name)


def test_deriving_is_quick(lab: Lab) -> None:
    since = time.process_time()
    for host in HOSTS:
        registry.tree(derive.inside_of(host, lab.kinds[host.name]))
    assert time.process_time() - since < 5
    assert not isinstance(inside(lab, "web01"), Unknown)
