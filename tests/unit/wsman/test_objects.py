# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance, a row or an element of winrm/config says, whatever its prefixes and its spelling."""

from __future__ import annotations

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.safe_xml import parse
from ansible_collections.winrm.doctor.plugins.module_utils.wsman.objects import Object

THING = Object(parse(
    b"""<p:Thing xmlns:p="urn:P/Thing" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="c" xsi:type="p:Thing_Type" Source="GPO">
    <p:Name>web01</p:Name><p:Empty></p:Empty><p:Nothing xsi:nil="true"/><p:Small>7</p:Small><p:Wide>18446744073709551615</p:Wide><p:Less>-5</p:Less>
    <p:On>true</p:On><p:Off>False</p:Off><p:Maybe>2</p:Maybe><p:One>a</p:One><p:Many>a</p:Many><p:Many/><p:Many>b</p:Many>
    <p:When><cim:Datetime>2013-04-15T20:28:20.913Z</cim:Datetime></p:When><p:Row><Datetime>2013-04-15T20:28:20Z</Datetime></p:Row>
    <p:Plain>2013-04-15T20:28:20</p:Plain><p:Days><cim:Interval>P1DT0H</cim:Interval></p:Days></p:Thing>""", 10_000,
))


@pytest.mark.parametrize(
    ("name", "text"), [("Name", "web01"), ("NAME", "web01"), ("Empty", ""), ("Nothing", ""), ("none", ""), ("When", "2013-04-15T20:28:20.913Z"), ("Many", "a")],
)
def test_texts(name: str, text: str) -> None:
    assert THING.get(name) == text


@pytest.mark.parametrize(("name", "number"), [("Small", 7), ("wide", 2**64 - 1), ("Less", -5), ("Name", None), ("Empty", None), ("no", None)])
def test_numbers(name: str, number: int | None) -> None:
    assert THING.number(name) == number


@pytest.mark.parametrize(("name", "flag"), [("On", True), ("off", False), ("Maybe", None), ("Nothing", None), ("absent", None)])
def test_flags(name: str, flag: bool | None) -> None:
    assert THING.flag(name) is flag


@pytest.mark.parametrize(("name", "texts"), [("Many", ("a", "", "b")), ("One", ("a",)), ("Nothing", ()), ("Empty", ("",)), ("absent", ())])
def test_arrays(name: str, texts: tuple[str, ...]) -> None:
    assert THING.texts(name) == texts


@pytest.mark.parametrize("name", ["When", "Row", "Plain"])
def test_dates_are_told_in_utc(name: str) -> None:
    assert THING.moment(name) == "2013-04-15T20:28:20Z"


@pytest.mark.parametrize("name", ["Days", "Name", "Nothing", "absent"])
def test_what_is_no_date(name: str) -> None:
    assert THING.moment(name) is None


def test_element_itself() -> None:
    nothing = THING.one("nothing")
    assert (THING.name, THING.attribute("source"), THING.attribute("none"), THING.nil) == ("Thing", "GPO", "", False)
    assert nothing is not None
    assert nothing.nil
    assert [child.name for child in THING][:3] == ["Name", "Empty", "Nothing"]
