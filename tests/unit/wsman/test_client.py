# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get, Enumerate and Invoke against scripted and recorded answers, well-formed and not."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, WireClosed, WireError
from ansible_collections.winrm.doctor.plugins.module_utils.wsman import client as module
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.client import Faulted, Lost, WsmanError
from scripted import TIMED_OUT, client, envelope, fault, first_page, output, page

CAPTURES = Path(os.environ.get("WINRM_DOCTOR_CAPTURES") or Path(__file__).parents[4] / "shared" / "captures")
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captured messages here")
MS = "http://schemas.microsoft.com/wbem/wsman/1"
CONFIG = envelope('<cfg:Config xmlns:cfg="c"><cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms></cfg:Config>')
ONE, TWO, THREE = (f"<q:Thing xmlns:q='q'><q:Name>{name}</q:Name></q:Thing>" for name in ("one", "two", "three"))


def capture(name: str) -> bytes:
    return (CAPTURES / name).read_bytes()


def names(items: t.Iterable[t.Any]) -> list[str]:
    return [item.get("Name") for item in items]


def test_question_whose_time_was_up_says_so() -> None:
    talk, _session = client(fault(TIMED_OUT, "w:TimedOut"))
    with pytest.raises(Faulted) as caught:
        talk.get("config")
    assert caught.value.sentence == "Get winrm/config: the host had no answer within the time that it was given"


def test_get_returns_the_object_and_counts_what_it_cost() -> None:
    talk, session = client(CONFIG)
    assert talk.get("config").number("maxTIMEOUTms") == 60000
    assert (talk.requests, talk.sent, talk.received) == (1, len(session.messages[0]), len(CONFIG))
    assert session.asked[0].first_text("ResourceURI") == f"{MS}/config"
    assert [leg.sent for leg in talk.legs] == ["Get winrm/config"]


def test_selectors_and_whole_uris_reach_the_host() -> None:
    talk, session = client(CONFIG)
    talk.get("http://example/resource", {"Address": "*", "Transport": "HTTP"})
    assert session.asked[0].first_text("ResourceURI") == "http://example/resource"
    assert {node.attributes["Name"]: node.text for node in session.asked[0].all("Selector")} == {"Address": "*", "Transport": "HTTP"}


@needs_captures
def test_recorded_config_is_read() -> None:
    talk, _session = client(capture("config-get-00-response-GetResponse.xml"))
    seen = talk.get("config")
    assert seen.name == "Config"
    assert [child.name for child in seen][-3:] == ["Client", "Service", "Winrs"]


FAULTS = {
    "pypsrp-fault-0.xml": None, "pypsrp-fault-2.xml": 87, "pypsrp-fault-3.xml": 2150858817, "pywinrm-fault-0.xml": None, "pywinrm-fault-1.xml": None,
    "pywinrm-fault-2.xml": 2150858793, "pywinrm-fault-3.xml": 2150858817, "winrb-soap_fault_v1.xml": 2150858778, "winrb-soap_fault_v2.xml": 2150858778,
    "winrb-wmi_error_v2.xml": 2150859173, "psrp-fault-header-03-response-fault.xml": 2150858767, "winrs-optimeout-04-response-fault.xml": 2150858793,
}


@needs_captures
@pytest.mark.parametrize("name", sorted(path.name for path in CAPTURES.glob("*") if re.search(r"(fault|wmi_error)", path.name) and "request" not in path.name))
@pytest.mark.parametrize("status", [200, 500])
def test_recorded_fault_is_raised_with_its_code(name: str, status: int) -> None:
    talk, _session = client((status, capture(name)))
    with pytest.raises(Faulted) as caught:
        talk.get("config")
    assert caught.value.fault.code == FAULTS.get(name, caught.value.fault.code)
    assert caught.value.sentence.startswith("Get winrm/config: ")
    assert not caught.value.denied
    assert caught.value.answer is not None


@pytest.mark.parametrize("code", [5, 2147942405, -2147024891, "0x80338104", 2150859013, 2150859014, 2147749891])
def test_denial_is_told_by_its_code(code: int | str) -> None:
    talk, _session = client(fault(code))
    with pytest.raises(Faulted) as caught:
        talk.get("config")
    assert caught.value.denied
    assert "not allowed" in caught.value.sentence


@pytest.mark.parametrize(
    ("reply", "why", "text"),
    [
        ("timeout", "timeout", "Get winrm/config: No answer: timeout"),
        ("too_large", "too_large", "Get winrm/config: No answer: too_large"),
        ("not_http", "malformed", "Get winrm/config: No answer: not_http"),
        ("unsealed: ValueError", "undecryptable", "Get winrm/config: the answer could not be decrypted: unsealed: ValueError"),
        (WireClosed("bye"), "closed", "Get winrm/config: the connection was gone: bye"),
        (WireError("no second logon"), "closed", "Get winrm/config: the connection was gone: no second logon"),
        ((404, b""), "status", "Get winrm/config: HTTP 404, which is not an answer of WS-Management"),
        ((400, b""), "status", "Get winrm/config: HTTP 400: the connection has lost its logon, or the request is not understood"),
        ((500, b"<html>"), "status", "Get winrm/config: HTTP 500, which is not an answer of WS-Management"),
        (b"", "malformed", "Get winrm/config: the answer is not to be read: it is not XML: no element found: line 1, column 0"),
        (CONFIG[:-40], "malformed", "Get winrm/config: the answer is not to be read: it is not XML: "),
        (b"\xff\xfe" + CONFIG, "malformed", "Get winrm/config: the answer is not to be read: it is not XML: "),
        (CONFIG.replace(b"60000", b"\xe4\xf6"), "malformed", "Get winrm/config: the answer is not to be read: it is not XML: "),
        (b'<?xml version="1.0" encoding="klingon"?>' + CONFIG, "malformed", "Get winrm/config: the answer is not to be read: it is not XML: "),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + CONFIG, "malformed", "it has a document type or entity declaration, which SOAP forbids"),
        (b"<html><body/></html>", "malformed", "Get winrm/config: the answer is XML with the root element html, not an envelope with a body"),
        (envelope(""), "malformed", "Get winrm/config: the answer's body is empty"),
        (envelope("<a>" * 40 + "</a>" * 40), "malformed", "nested deeper than 32"),
        (envelope("<a>" + "<b/>" * 70_000 + "</a>"), "malformed", "it has more than 60000 elements"),
        (b" " * (module.REPLY + 1), "malformed", f"it is longer than {module.REPLY} bytes"),
    ],
    ids=range(20),
)
def test_answers_that_cannot_be_used(reply: t.Any, why: str, text: str) -> None:
    talk, _session = client(reply)
    with pytest.raises(Lost) as caught:
        talk.get("config")
    assert caught.value.why == why
    assert text in caught.value.sentence
    assert len(caught.value.sentence) < 300
    assert not caught.value.denied


@pytest.mark.parametrize(("sealed", "url", "denied"), [(True, "http://h/wsman", True), (False, "https://h/wsman", True), (False, "http://h/wsman", False)])
def test_401_in_the_middle_is_a_denial_unless_the_host_may_want_encryption(sealed: bool, url: str, denied: bool) -> None:
    talk, _session = client((401, b""), sealed=sealed, url=url)
    with pytest.raises(Lost) as caught:
        talk.get("config")
    assert (caught.value.why, caught.value.denied) == ("status", denied)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings_that_xml_knows(encoding: str) -> None:
    text = CONFIG.decode().replace("60000", "ä")
    talk, _session = client(f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding))
    assert talk.get("config").get("MaxTimeoutms") == "ä"


@pytest.mark.parametrize("failure", ["closed", "reset"])
def test_question_is_repeated_once_on_a_connection_that_was_closed(failure: str) -> None:
    talk, session = client(failure, CONFIG)
    assert talk.get("config").name == "Config"
    assert (session.logons, session.requests) == (1, 2)
    talk, session = client(failure, failure)
    with pytest.raises(Lost):
        talk.get("config")
    assert (session.logons, session.requests) == (1, 2)


def test_what_may_change_something_is_never_repeated() -> None:
    for ask in (lambda talk: talk.invoke("wmi/root/cimv2/X", "Do", {}), lambda talk: talk.ask(b"<x/>", "something")):
        talk, session = client("closed")
        with pytest.raises(Lost, match="closed"):
            ask(talk)
        assert (session.logons, session.requests) == (0, 1)


def test_sooner_deadline_holds_and_goes_again() -> None:
    talk, session = client(CONFIG, CONFIG, seconds=30)
    before = session.channel.deadline
    talk.deadline = Deadline(5)
    talk.get("config")
    assert session.channel.held == [talk.deadline]
    assert session.channel.deadline is before
    assert session.asked[0].first_text("OperationTimeout") in ("PT4S", "PT3S")
    talk.deadline = Deadline(300)
    talk.get("config")
    assert len(session.channel.held) == 1


def test_nothing_is_sent_when_there_is_no_time_left() -> None:
    talk, session = client()
    talk.deadline = Deadline(0)
    with pytest.raises(Lost) as caught:
        talk.get("config")
    assert caught.value.why == "timeout"
    assert session.requests == 0


def test_one_answer_may_hold_everything() -> None:
    talk, session = client(first_page(ONE + TWO, end=True))
    assert names(talk.enumerate("config/listener").items) == ["one", "two"]
    assert session.actions == ["Enumerate"]
    asked = session.asked[0]
    assert asked.find("OptimizeEnumeration") is not None
    assert asked.first_text("MaxElements") == "32000"


def test_pages_follow_with_a_new_context_each() -> None:
    talk, session = client(first_page(ONE, "c1"), page(TWO, "c2"), page(THREE, end=True))
    seen = talk.enumerate("wmi/root/cimv2/*", wql="select Name from Thing where Name<>'x'")
    assert (names(seen.items), seen.error) == (["one", "two", "three"], None)
    assert session.actions == ["Enumerate", "Pull", "Pull"]
    assert [node.first_text("EnumerationContext") for node in session.asked[1:]] == ["c1", "c2"]
    filtered = session.asked[0].find("Filter")
    assert filtered is not None
    assert (filtered.text, filtered.attributes["Dialect"]) == ("select Name from Thing where Name<>'x'", f"{MS}/WQL")


@pytest.mark.parametrize(
    "script",
    [
        (first_page("", "c1"), page(ONE + TWO, end=True)),
        (first_page(ONE, "c1"), page(TWO, "left over", end=True)),
        (first_page(ONE + TWO, "left over", end=True),),
        (first_page(ONE, "c1"), page(TWO)),
        (first_page(ONE, "c1"), page("", "c2"), page(TWO, end=True)),
        (first_page(ONE, "c1"), page(TWO, "c1"), page("", end=True)),
        (first_page(f"<w:Item>{ONE}<a:EndpointReference/></w:Item><w:Item><a:EndpointReference/>{TWO}</w:Item>", end=True),),
        (first_page(ONE, "c1"), fault(TIMED_OUT, "w:TimedOut"), page(TWO, end=True)),
        (first_page(ONE + TWO).replace(b"<n:EnumerationContext></n:EnumerationContext>", b""),),
    ],
    ids=["not optimised", "context at the end", "context at the first end", "no end", "empty page", "same context", "with addresses", "time", "no context"],
)
def test_forms_of_an_enumeration(script: tuple[t.Any, ...]) -> None:
    talk, _session = client(*script)
    seen = talk.enumerate("config/listener")
    assert (names(seen.items), seen.error) == (["one", "two"], None)


def test_rows_of_a_query_and_addresses_alone_are_objects_too() -> None:
    row, address = "<w:XmlFragment><Name>a</Name></w:XmlFragment>", "<a:EndpointReference><a:Address>b</a:Address></a:EndpointReference>"
    talk, _session = client(first_page(row + row + address, end=True))
    assert [item.name for item in talk.enumerate("wmi/root/cimv2/*", wql="x").items] == ["XmlFragment", "XmlFragment", "EndpointReference"]


def test_keys_select_by_a_filter() -> None:
    talk, session = client(first_page(ONE, end=True))
    talk.enumerate("wmi/root/cimv2/Win32_Service", selectors={"Name": "WinRM"})
    found = session.asked[0].find("Filter")
    assert found is not None
    assert found.attributes["Dialect"].endswith("/SelectorFilter")
    assert found.first_text("Selector") == "WinRM"


@pytest.mark.parametrize(
    ("second", "kind", "denied"),
    [
        (fault(5, "w:AccessDenied"), Faulted, True), (fault(2150858779, "n:InvalidEnumerationContext"), Faulted, False),
        ("timeout", Lost, False), ("closed", Lost, False),
        (page(TWO)[:-30], Lost, False), (first_page(TWO, end=True), Lost, False), (envelope("<n:Other/>"), Lost, False), (envelope(""), Lost, False),
    ],
)
def test_what_was_read_before_a_failure_is_kept(second: t.Any, kind: type[WsmanError], denied: bool) -> None:
    talk, session = client(first_page(ONE, "c1"), second)
    seen = talk.enumerate("config/listener")
    assert names(seen.items) == ["one"]
    assert isinstance(seen.error, kind)
    assert seen.error.denied is denied
    assert (session.requests, session.logons) == (2, 0)


def test_first_failure_leaves_nothing_but_the_error() -> None:
    talk, _session = client(fault(2150858778, "n:CannotProcessFilter"))
    seen = talk.enumerate("wmi/root/cimv2/*", wql="select * from Nothing")
    assert seen.items == ()
    assert isinstance(seen.error, Faulted)


def test_more_than_enough_is_cut_off_and_given_back() -> None:
    talk, session = client(first_page(ONE, "c1"), page(TWO + THREE, "c2"), envelope(""))
    seen = talk.enumerate("x/y", most=2)
    assert names(seen.items) == ["one", "two"]
    assert isinstance(seen.error, Lost)
    assert seen.error.why == "too_large"
    assert session.actions == ["Enumerate", "Pull", "Release"]
    assert session.asked[-1].first_text("EnumerationContext") == "c2"


@pytest.mark.parametrize("endless", [page(ONE, "c1"), page("", "c1"), fault(TIMED_OUT, "w:TimedOut")], ids=["items", "empty pages", "no time"])
def test_endless_enumeration_ends(endless: t.Any) -> None:
    talk, session = client(first_page("", "c1"), endless, forever=True)
    seen = talk.enumerate("x/y", most=100)
    assert isinstance(seen.error, Lost)
    assert len(seen.items) <= 100
    assert session.requests <= 104
    assert session.actions[-1] == "Release"


def test_endless_pages_of_one_item_end() -> None:
    talk, session = client(first_page("", "c1"), page(ONE, "c1"), forever=True)
    seen = talk.enumerate("x/y")
    assert isinstance(seen.error, Lost)
    assert len(seen.items) == module.MOST_PAGES == session.requests - 2


def test_too_many_bytes_end_an_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2000)
    talk, session = client(first_page("", "c1"), page(ONE, "c1"), forever=True)
    assert isinstance(talk.enumerate("x/y").error, Lost)
    assert session.requests < 6


def test_some_hundred_firewall_rules_fit() -> None:
    inner = "".join(f"<q:Property{number}>some value</q:Property{number}>" for number in range(35))
    rule = f"<q:MSFT_NetFirewallRule xmlns:q='q'>{inner}</q:MSFT_NetFirewallRule>"
    talk, session = client(first_page(rule, "c0"), *(page(rule * 300, f"c{number}") for number in range(1, 3)), page(rule * 20, end=True))
    seen = talk.enumerate("wmi/root/StandardCimv2/MSFT_NetFirewallRule")
    assert (len(seen.items), seen.error, session.requests) == (621, None, 4)


@needs_captures
def test_recorded_enumeration_of_services() -> None:
    first, last = (capture(f"txwinrm-data-server_2012-Win32_Service_star_{number}.xml") for number in ("000", "003"))
    talk, session = client(first, last)
    seen = talk.enumerate("wmi/root/cimv2/*", wql="select * from Win32_Service")
    assert seen.error is None
    assert session.actions == ["Enumerate", "Pull"]
    assert session.asked[1].first_text("EnumerationContext").encode() in first
    assert len(seen.items) == 1 + last.count(b"</p:Win32_Service>")
    found = next(item for item in seen.items if item.get("name") == "UI0Detect")
    assert (found.get("StartMode"), found.flag("started"), found.number("ExitCode"), found.get("InstallDate"), found.moment("InstallDate")) == (
        "Manual", False, 1077, "", None,
    )


def test_method_is_invoked_with_its_input() -> None:
    talk, session = client(output("EnumKey", "<q:sNames>a</q:sNames>"))
    seen = talk.invoke("wmi/root/default/StdRegProv", "EnumKey", {"hDefKey": "2147483650", "sNames": ["x", "y"], "sSubKeyName": "A<B"})
    assert (seen.name, seen.number("returnvalue")) == ("EnumKey_OUTPUT", 0)
    asked = session.asked[0]
    assert asked.first_text("Action") == f"{MS}/wmi/root/default/StdRegProv/EnumKey"
    given = asked.find("EnumKey_INPUT")
    assert given is not None
    assert given.namespace == f"{MS}/wmi/root/default/StdRegProv"
    assert [(child.name, child.text) for child in given.children] == [("hDefKey", "2147483650"), ("sNames", "x"), ("sNames", "y"), ("sSubKeyName", "A<B")]


@pytest.mark.parametrize("reply", [output("Other"), envelope("<x/>"), envelope("")])
def test_answer_of_another_method_is_no_answer(reply: bytes) -> None:
    talk, _session = client(reply)
    with pytest.raises(Lost):
        talk.invoke("wmi/root/default/StdRegProv", "EnumKey")


def test_identity() -> None:
    named = '<i:IdentifyResponse xmlns:i="i"><i:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse>'
    talk, session = client(envelope(named), envelope("<x/>"))
    assert talk.identify().product_version.startswith("OS: 10")
    assert session.what == ["Identify"]
    with pytest.raises(Lost):
        talk.identify()
