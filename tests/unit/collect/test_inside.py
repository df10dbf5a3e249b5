# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the inside: each resource refused, slow or gone in turn, and what was read all the same."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.collect.host import deepened
from ansible_collections.winrm.doctor.plugins.module_utils.collect.inside import CMD, CONFIG, MOST_SINGLE, NOTHING_RAN, Reading, together
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import HttpEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import DENIED
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import FaultEvidence, LegEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import Node
from ansible_collections.winrm.doctor.plugins.module_utils.windows import access, batch
from ansible_collections.winrm.doctor.plugins.module_utils.windows.material import Circumstances, Command, Key, Needs, Query, Said
from ansible_collections.winrm.doctor.plugins.module_utils.windows.registry import Registry
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, WireError
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import Answer
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import Enumeration, Faulted, Lost
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.shell import Output

NO_RIGHT = Faulted(FaultEvidence(5, "AccessDenied", "Access is denied."))
BAD_QUERY = Faulted(FaultEvidence(2150858778, "CannotProcessFilter", "No."))
CUT = Lost("closed", "the host closed the connection")
WANTED = Needs(
    config=True, resources=("config/listener", "shell"), keys=(Key("HKLM\\SOFTWARE\\A", values=("x",)),), commands=(Command("one", "hostname"),),
    queries=(Query("services", "select * from Win32_Service"), Query("networks", "select * from MSFT_NetConnectionProfile", "root/StandardCimv2")),
)


class Host:
    """Answers as told: resource to answer or exception; everything else is granted."""

    def __init__(self, **answers: t.Any) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.received = 0
        self.deadline: Deadline | None = None

    def get(self, resource: str, selectors: t.Any = None) -> Object:
        return t.cast(Object, self._answer(resource, Object(Node("Config"))))

    def enumerate(self, resource: str, *, wql: str = "", selectors: t.Any = None, most: int = 5000) -> Enumeration:
        found = self._answer(resource.replace("/*", ""), (Object(Node("Item")),))
        return found if isinstance(found, Enumeration) else Enumeration(found, None)

    def _answer(self, name: str, usual: t.Any) -> t.Any:
        self.asked.append(name)
        answer = self.answers.get(name.replace("/", "_"), usual)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Cmd:
    """A shell that says `said` to every line, or raises when it is opened."""

    def __init__(self, refused: Exception | None = None, error: Exception | None = None, cut: int | None = None) -> None:
        self.refused, self.error, self.cut = refused, error, cut
        self.closed = False

    def __call__(self, _client: t.Any) -> Cmd:
        return self

    def __enter__(self) -> Cmd:
        if self.refused:
            raise self.refused
        return self

    def __exit__(self, *_arguments: object) -> None:
        self.closed = True

    def run(self, line: str, *, deadline: Deadline) -> Output:
        """The same output before the marker of every command."""
        text = ""
        for part in line.removeprefix(batch.START).removesuffix(batch.END).split("&"):
            if part.startswith("echo #"):
                text += ("WEB01\r\n" if "!" in part else "") + part.removeprefix("echo ").replace("!errorlevel!", "0") + "\r\n"
        return Output(None if self.error else 0, text[: self.cut], t.cast(t.Any, self.error), self.error is None)


class Provider:
    """Single registry values."""

    def __init__(self, refused: Exception | None = None) -> None:
        self.refused = refused

    def __call__(self, _client: t.Any) -> Provider:
        return self

    def values(self, key: str) -> tuple[tuple[str, int], ...]:
        return (("x", 4),)

    def value(self, key: str, name: str) -> tuple[str, int]:
        if self.refused:
            raise self.refused
        return "REG_DWORD", 7


def reading(host: Host, cmd: Cmd | None = None, provider: Provider | None = None, seconds: float = 20) -> Reading:
    return Reading(t.cast(t.Any, host), Deadline(seconds), shell=t.cast(t.Any, cmd or Cmd()), provider=t.cast(t.Any, provider or Provider()))


def test_everything_comes_where_everything_is_granted() -> None:
    cmd = Cmd()
    one = reading(Host(), cmd)
    material = one.read(WANTED)
    assert isinstance(material.config, Object)
    assert all(isinstance(material.resource(name), tuple) for name in WANTED.resources)
    assert all(isinstance(material.query(query.id), tuple) for query in WANTED.queries)
    assert material.said("one") == Said(0, "WEB01\r\n")
    assert cmd.closed
    assert (one.denied, one.gaps) == ([], [])


@pytest.mark.parametrize(
    ("answers", "cmd", "denied", "lost"),
    [
        ({"config": NO_RIGHT}, None, [CONFIG], {"config", "config/listener"}),
        ({"config_listener": NO_RIGHT}, None, [f"{CONFIG}/listener"], {"config/listener"}),
        ({"windows_shell": NO_RIGHT}, None, ["winrm/shell"], {"shell"}),
        ({"wmi_root_cimv2": NO_RIGHT}, None, ["WMI root/cimv2"], {"services"}),
        ({"wmi_root_StandardCimv2": NO_RIGHT}, None, ["WMI root/StandardCimv2"], {"networks"}),
        ({}, Cmd(NO_RIGHT), [CMD], {"one"}),
    ],
)
def test_a_resource_that_is_refused_is_told_once_and_costs_nothing_else(answers: dict[str, t.Any], cmd: Cmd | None, denied: list[str], lost: set[str]) -> None:
    one = reading(Host(**answers), cmd)
    material = one.read(WANTED)
    got = {"config": material.config, **material.resources, **material.queries, **material.commands}
    assert {name for name, value in got.items() if value == Unknown(DENIED)} - {"control"} == lost | {name for name in got if lost == {"one"} and name not in (
        "config", *WANTED.resources, "services", "networks")}
    assert one.denied == denied


def test_without_a_shell_the_registry_is_read_value_by_value() -> None:
    material = reading(Host(), Cmd(NO_RIGHT)).read(WANTED)
    assert material.registry.number("HKLM\\SOFTWARE\\A", "x") == 7


class Slow(Cmd):
    """A shell in which one command takes its time: its line goes on once before it ends, unless that is `never`."""

    def __init__(self, marker: str, never: bool = False) -> None:
        super().__init__()
        self.marker, self.never = marker, never
        self.asked: list[str] = []
        self.whole = ""

    def run(self, line: str, *, deadline: Deadline) -> Output:
        self.whole = super().run(line, deadline=deadline).text
        self.asked.append("run")
        return self._late()

    def go_on(self, *, deadline: Deadline) -> Output:
        self.asked.append("go_on")
        return self._late() if self.never else Output(0, self.whole, None, True)

    def _late(self) -> Output:
        text = self.whole[: self.whole.index(self.marker)].rpartition("WEB01")[0]
        return Output(None, text, t.cast(t.Any, Faulted(FaultEvidence(2150858793, "TimedOut", "No."))), goes_on=True, silent=7.8)


TWO = (Command("one", "hostname"), Command("two", "nltest /sc_query:lab"), Command("three", "klist"))


def test_a_slow_command_is_waited_for_after_the_queries_as_long_as_there_is_time() -> None:
    cmd, host = Slow("#1#0"), Host()
    material = reading(host, cmd).read(replace(WANTED, keys=(), commands=TWO))
    assert [material.said(one.id) for one in TWO] == [Said(0, "WEB01\r\n")] * 3
    assert cmd.asked == ["run", "go_on"]
    assert cmd.closed


def test_a_command_that_does_not_end_is_named_with_what_waits_behind_it() -> None:
    cmd = Slow("#1#0", never=True)
    material = reading(Host(), cmd).read(replace(WANTED, keys=(), commands=TWO))
    late = "nltest had not answered after 8 s"
    assert [material.said(one.id) for one in TWO] == [Said(0, "WEB01\r\n"), Unknown(late), Unknown(f"the host did not get to it: {late}")]
    assert isinstance(material.query("services"), tuple)
    assert cmd.closed


class Speaking(Cmd):
    """A shell in which cmd prints a sentence and ends."""

    def run(self, line: str, *, deadline: Deadline) -> Output:
        return Output(1, "The command prompt has been disabled by your administrator.\r\n", None, True)


def test_where_cmd_is_forbidden_to_run_anything_the_registry_is_read_value_by_value() -> None:
    material = reading(Host(), Speaking()).read(WANTED)
    assert material.said("one") == NOTHING_RAN
    assert material.registry.number("HKLM\\SOFTWARE\\A", "x") == 7


def test_single_values_are_not_asked_for_where_configuration_and_wmi_are_refused() -> None:
    def provider(_client: t.Any) -> t.NoReturn:
        raise AssertionError("it is asked")

    one = reading(Host(config=NO_RIGHT, wmi_root_cimv2=NO_RIGHT), Cmd(NO_RIGHT), t.cast(t.Any, provider))
    assert one.read(WANTED).registry.why("HKLM\\SOFTWARE\\A") == DENIED
    assert one.denied == [CONFIG, CMD, "WMI root/cimv2"]


def test_a_diagnosis_asks_for_few_single_values() -> None:
    asked: list[str] = []

    class Counting(Provider):
        def values(self, key: str) -> tuple[tuple[str, int], ...]:
            asked.append(key)
            return super().values(key)

    keys = tuple(Key(f"HKLM\\SOFTWARE\\A{number}", values=("y",)) for number in range(40))
    for thrifty, count in ((True, MOST_SINGLE), (False, 40)):
        asked.clear()
        one = reading(Host(), Cmd(NO_RIGHT), Counting())
        one.thrifty = thrifty
        one.read(Needs(keys=keys))
        assert len(asked) == count


def test_without_shell_and_provider_the_registry_is_refused() -> None:
    material = reading(Host(), Cmd(NO_RIGHT), Provider(NO_RIGHT)).read(WANTED)
    assert material.registry.why("HKLM\\SOFTWARE\\A") == DENIED


def test_a_query_that_is_not_understood_says_so_and_costs_nothing_else() -> None:
    material = reading(Host(wmi_root_cimv2=BAD_QUERY)).read(WANTED)
    assert isinstance(material.query("services"), Unknown)
    assert material.query("services") != Unknown(DENIED)
    assert isinstance(material.query("networks"), tuple)


def test_rows_before_a_failure_are_kept() -> None:
    one = reading(Host(wmi_root_cimv2=Enumeration((Object(Node("Win32_Service")),), CUT)))
    material = one.read(WANTED)
    assert isinstance(material.query("services"), tuple)
    assert "read in part" in one.gaps[0]


def test_after_two_lost_answers_a_host_is_asked_no_more() -> None:
    host = Host(config=CUT, config_listener=WireError("it refused the connection"))
    one = reading(host)
    material = one.read(WANTED)
    assert host.asked == ["config", "config/listener"]
    assert isinstance(material.said("one"), Unknown)
    assert one.gone.startswith("the host stopped answering")


LATE = Faulted(FaultEvidence(2150858793, "TimedOut", "Too late."))


@pytest.mark.parametrize("late", [LATE, Lost("timeout", "no answer in time")])
def test_a_namespace_that_hangs_is_asked_once_and_after_the_commands(late: Exception) -> None:
    more = Query("groups", "select Name from Win32_Group")
    one = reading(host := Host(wmi_root_cimv2=late))
    material = one.read(together((WANTED, Needs(queries=(more,)))))
    assert host.asked.count("wmi/root/cimv2") == 1
    assert isinstance(material.said("one"), Said)
    assert isinstance(material.query("networks"), tuple)
    assert material.query("groups") == material.query("services") != Unknown(DENIED)


def test_where_a_quota_or_setting_keeps_shells_closed_the_registry_is_read_value_by_value() -> None:
    for code in (2150859173, 2150859180):
        one = reading(Host(), Cmd(Faulted(FaultEvidence(code, "QuotaLimit", "No."))))
        material = one.read(WANTED)
        assert material.registry.number("HKLM\\SOFTWARE\\A", "x") == 7
        assert one.denied == []


def test_a_lost_answer_alone_costs_nothing_else() -> None:
    host = Host(config=CUT)
    material = reading(host).read(WANTED)
    assert isinstance(material.resource("config/listener"), tuple)
    assert isinstance(material.query("services"), tuple)


def test_what_a_shell_said_before_it_broke_is_kept() -> None:
    slow = Needs(commands=(Command("one", "hostname"), Command("two", "nltest", slow=True)))
    cmd = Cmd(error=CUT, cut=35)
    material = reading(Host(), cmd).read(slow)
    assert isinstance(material.said("one"), Said)
    assert material.said("two") != Said(0, "WEB01\r\n")
    assert cmd.closed


def test_without_time_nothing_is_asked() -> None:
    host = Host()
    material = reading(host, seconds=0).read(WANTED)
    assert host.asked == []
    assert isinstance(material.config, Unknown)


def test_members_of_groups_with_names_in_another_language_get_their_sids() -> None:
    here = Circumstances(at=0, host="192.0.2.7", port=5985, scheme="http", user="LAB\\svc", domain="lab.test", netbios_domain="LAB", netbios_computer="WEB01")
    rows = {
        "S-1-5-32-544": ({"ReferencedDomainName": "VORDEFINIERT", "AccountName": "Administratoren", "SID": "S-1-5-32-544"},),
        "members": ({"GroupComponent": 'Win32_Group.Domain="WEB01",Name="Administratoren"', "PartComponent": 'Win32_Group.Domain="LAB",Name="Tier 1"'},),
        "LAB Tier 1": ({"Domain": "LAB", "Name": "Tier 1", "SID": "S-1-5-21-1-2-3-1106"},),
    }

    def found(kind: str) -> tuple[Object, ...]:
        return tuple(Object(Node("Row", children=[Node(name, text=text) for name, text in row.items()])) for row in rows.get(kind, ()))

    class Answering(Host):
        def get(self, resource: str, selectors: t.Any = None) -> Object:
            there = found(" ".join((selectors or {}).values()))
            if not there:
                raise BAD_QUERY
            return there[0]

        def enumerate(self, resource: str, *, wql: str = "", selectors: t.Any = None, most: int = 5000) -> Enumeration:
            return Enumeration(found("members" if "Win32_GroupUser" in wql else ""), None)

    one = reading(Answering())
    seen = access.evidence(deepened(one, one.read(access.needs(here)), here), here)
    assert not isinstance(seen, Unknown)
    assert [member.sid for group in seen.groups if not isinstance(group.members, Unknown) for member in group.members] == ["S-1-5-21-1-2-3-1106"]


def test_several_wishes_are_one() -> None:
    both = together((WANTED, Needs(config=False, resources=("shell",), queries=WANTED.queries[:1])))
    assert both.resources == WANTED.resources
    assert both.queries == WANTED.queries
    assert both.config


def test_two_lists_that_are_lost_end_the_questions_too() -> None:
    lost = Enumeration((), CUT)
    host = Host(config_listener=lost, windows_shell=lost)
    one = reading(host)
    one.read(WANTED)
    assert host.asked == ["config", "config/listener", "windows/shell"]
    assert one.gone


def test_a_host_that_answers_nonsense_is_still_there() -> None:
    nonsense = Lost("malformed", "Get config: the answer is not to be read")
    host = Host(config=nonsense, config_listener=Enumeration((), nonsense), windows_shell=nonsense)
    material = reading(host).read(WANTED)
    assert material.config == Unknown("Get config: the answer is not to be read")
    assert isinstance(material.query("services"), tuple)


def test_refused_keys_are_told_once_and_those_below_with_them() -> None:
    keys = dict.fromkeys(("hklm\\a\\b", "hklm\\a", "hklm\\c", "hklm\\ab"), DENIED)
    refused = Registry(unknown={**keys, "hklm\\d": "something else"}, spelled={"hklm\\a": "HKLM\\A"})
    one = reading(Host())
    one._noted(refused)
    assert one.denied == ["registry HKLM\\A", "registry hklm\\c", "registry hklm\\ab"]


def test_a_namespace_that_is_shut_is_asked_once_for_the_registry() -> None:
    shut = Faulted(FaultEvidence(5, "AccessDenied", "No."), "", Answer(LegEvidence("x", HttpEvidence(status=500))))
    asked: list[str] = []

    class Shut(Provider):
        def values(self, key: str) -> tuple[tuple[str, int], ...]:
            asked.append(key)
            raise shut

    one = reading(Host(), Cmd(NO_RIGHT), Shut())
    material = one.read(replace(WANTED, keys=(*WANTED.keys, Key("HKLM\\SOFTWARE\\B", values=("y",)))))
    assert len(asked) == 1
    assert (material.registry.why("HKLM\\SOFTWARE\\B"), one.denied) == (DENIED, [CMD, "WMI root/default"])
