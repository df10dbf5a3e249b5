# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen, to the word."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ClientEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.report import fleet
from ansible_collections.winrm.doctor.plugins.module_utils.report.console import screen
from ansible_collections.winrm.doctor.plugins.module_utils.report.result import result_of
from cases import ADDRESS, NOW, case, silent
from host_cases import inside, pair


def hosts(**results: t.Any) -> fleet.Hosts:
    return {name: fleet.entry(result, "") for name, result in sorted(results.items())}


def test_one_host_in_trouble() -> None:
    seen = hosts(web01=result_of(silent("refused", also={5985: "open"}), NOW, "never"))
    assert screen(seen, [], [], width=100) == """\
WINRM DOCTOR: 1 host, 1 in trouble, 0 with nothing wrong seen
=============================================================

web01  (https://web01.example.com:5986, psrp, negotiate)
  LIKELY  service_config: Nothing answers on TCP 5986, but TCP 5985 is open: WinRM probably has a
      listener for http only.
  How it is known
    - TCP 5986 refuses connections (RST) (web01.example.com [192.0.2.10]:5986)
    - TCP 5985 accepts connections (web01.example.com [192.0.2.10]:5985)
  What to do
    - Create the listener for https on the host (risk: medium)
        New-Item WSMan:\\localhost\\Listener -Transport HTTPS -Address * -CertificateThumbPrint THUMBPRINT -Force
    - Or let the inventory use the port that is open: ansible_port: 5985
  What would decide it
    On the host: winrm enumerate winrm/config/listener.
  More: docs/causes/service_config.md"""


def test_tied_causes_stand_side_by_side() -> None:
    told = screen(hosts(web01=result_of(silent(also={445: "open"}), NOW, "never")), [], [], full=False)
    assert "  POSSIBLE  firewall: TCP 5986 is silent although the host is alive" in told
    assert "  OR        service_config: TCP 5986 is silent on a host that is alive" in told


def test_hosts_without_trouble_or_diagnosis() -> None:
    seen = hosts(a=result_of(case(), NOW, "never"), b=None, c={"failed": True, "msg": "The option port is 99999."})
    told = screen(seen, [], ["3 of 3 hosts differ."])
    assert told.startswith("WINRM DOCTOR: 3 hosts, 0 in trouble, 1 with nothing wrong seen, 2 not diagnosed\n")
    assert "Nothing wrong seen from outside; no logon was tried: a" in told
    assert "Could not be diagnosed:\n  c: The option port is 99999." in told
    assert "Without a diagnosis:\n  b: No diagnosis was made" in told
    assert "Note: 3 of 3 hosts differ." in told


def test_many_hosts_with_one_explanation_are_told_together() -> None:
    result = result_of(silent("refused"), NOW, "never")
    told = screen(hosts(**{f"web{number:02}": result for number in range(12)}), [], [])
    assert "12 hosts alike: web00, web01, web02" in told
    assert told.count("How it is known") == 1


def test_second_finding_of_one_of_many_is_not_left_out() -> None:
    result = result_of(silent("refused"), NOW, "never")
    more = {**result, "findings": [*result["findings"], {"cause": "quota", "rule": "full", "verdict": "possible", "summary": "No shell is left."}]}
    told = screen(hosts(**{f"web{number:02}": result for number in range(12)}, web99=more), [], [])
    assert "12 hosts alike: web00" in told
    assert "also possible  quota: No shell is left." in told


def test_sparse_result_is_shown_as_far_as_it_goes() -> None:
    sparse = {"target": {"scheme": "http", "host": "a", "port": 5985}, "findings": [{"cause": "network", "rule": "x", "verdict": "likely", "summary": "It."}]}
    told = screen(hosts(a=sparse), [], [])
    assert "a  (http://a:5985)\n  LIKELY  network: It.\n" in told


def test_undecided_causes_are_told_once() -> None:
    result = result_of(case(), NOW, "never")
    told = screen(hosts(a=result), result["unknown"], [])
    assert "Not decided from here, for any host:\n" in told
    assert "  - credentials (logon or directory would tell). By hand: One attempt, never a loop" in told
    assert "credentials" not in screen(hosts(a=result), result["unknown"], [], full=False)


def test_host_cannot_steer_the_terminal() -> None:
    result = result_of(silent("refused"), NOW, "never")
    result["findings"][0]["summary"] = "before\x1b[2Jafter\r\x07"
    told = screen(hosts(a=result), [], [])
    assert "\x1b" not in told
    assert "before?[2Jafter??" in told


def test_pair_is_named_and_what_is_known_of_its_client_is_told_once() -> None:
    fine, wrong = result_of(pair(), NOW, "never"), result_of(pair(inside(client=ClientEvidence((), ())), host=ADDRESS), NOW, "never")
    assert fine["msg"] == (
        "admin01 -> web01: as the two are set up, nothing speaks against the logon from admin01, which was not tried. This control node's own logon works."
    )
    assert wrong["msg"].startswith("admin01 -> web01: service_config (likely): On admin01 TrustedHosts lacks ")
    told = screen(hosts(db01=fine, db02=fine, web01=wrong), [], [], width=200)
    assert told.count("The client side of admin01 was read") == 1
    assert "Client: The client side of admin01 was read (LAB\\svc, negotiate over https)." in told
    assert "\nadmin01 -> web01  (http" in told
    works = "Nothing speaks against the logon as both are set up, which was not tried; this control node's own logon works:"
    assert f"{works} admin01 -> db01, admin01 -> db02" in told


def test_client_that_was_not_read_is_told_once_and_judges_nothing() -> None:
    dead = result_of(pair(Unknown("admin01.lab.test does not answer on TCP 5986")), NOW, "never")
    assert dead["client_host"]["read"] is False
    assert dead["msg"].startswith("admin01 -> web01: the logon from admin01 is not judged, for its side was not read. This control node's own logon works.")
    told = screen(hosts(db01=dead, db02=dead), [], [], width=120)
    assert told.count("does not answer") == 1
    assert "The logon of the client was not judged; this control node's own logon works:" in told
    itself = result_of(replace(pair(), client_name="web01"), NOW, "never")
    assert itself["msg"].startswith("web01: the logon works.")
    assert "The logon works: web01" in screen(hosts(web01=itself), [], [])
