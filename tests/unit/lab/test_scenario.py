# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario file: its mistakes, to the word, and its promises."""

from __future__ import annotations

import typing as t

import pytest
from lab import cli
from lab.scenario import HOSTS_WANTED, ScenarioError, bench, load, parse_host


def test_lab_holds_what_it_promises() -> None:
    hosts = load()
    assert len(hosts) >= HOSTS_WANTED
    assert sum(host.healthy for host in hosts) >= 3
    assert sum(host.wrong.startswith("Two faults at once.") for host in hosts) >= 2
    assert len({host.address for host in hosts}) == len(hosts)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"wrong": "x", "colour": "red"}, "web01: unknown key 'colour'; known are "),
        ({}, "web01: the key 'wrong' is missing; expected a sentence that says what is wrong"),
        ({"wrong": "x", "causes": ["weather"]}, "web01: causes holds 'weather'; expected one of credentials, "),
        ({"wrong": "x", "ports": {5985: "loud"}}, "web01: ports holds 'loud'; expected one of wsman, "),
        ({"wrong": "x", "ports": {"http": "open"}}, "web01: the port 'http' is not a number from 1 to 65535"),
        (5, "web01: expected a mapping with the key 'wrong', not 5"),
        ({"wrong": "x", "causes": "firewall"}, "web01: causes holds 'firewall'; expected a list of causes"),
        ({"wrong": "x", "ports": [5985]}, "web01: ports holds [5985]; expected a mapping of port numbers to what lives there"),
        ({"wrong": "x", "secure": [1]}, "web01: secure holds 1; expected one of 5985, 5986, 80, 443, 445, 3389"),
        ({"wrong": "x", "tls": "TLS9"}, "web01: tls holds 'TLS9'; expected one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"),
        ({"wrong": "x", "certificate": "nice"}, "web01: certificate holds 'nice'; expected one of good, "),
        ({"wrong": "x", "windows": {"computer": "X"}}, "web01: windows holds 'computer'; expected one of domain, "),
    ],
)
def test_mistake(given: t.Any, error: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_host("web01", given, 0)
    assert str(caught.value).startswith(error)


def test_bench_gives_each_connection_its_hosts() -> None:
    hosts = bench(200)
    assert len(hosts) == len({host.address for host in hosts}) == 400
    assert {host.vars["ansible_connection"] for host in hosts} == {"winrm", "psrp"}


def test_without_root_the_ports_of_root_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    host = load()[0]
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0)
    assert cli.unprivileged(host) == host
    monkeypatch.setattr(cli.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(cli.Path, "read_text", lambda *_arguments, **_options: "1024\n")
    assert sorted(cli.unprivileged(host).ports) == [3389, 5985, 5986]
