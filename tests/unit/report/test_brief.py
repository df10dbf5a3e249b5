# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis tells of its evidence: less than was seen, and enough to come to the same findings again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.causes.catalogue import evaluate_all
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.case import Case
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import DirectoryEvidence, RootEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ClockEvidence, EndpointEvidence, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.fit import fit, size
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import LogonEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.report.brief import brief
from ansible_collections.winrm.doctor.plugins.module_utils.report.result import LIMIT, result_of
from cases import NOW, attempt, case, leg, logon, rung
from domain_cases import ACCOUNT, COMPUTER, DC, HOST, STRANGER, domain, host, kerberos, ntlm, refused_ticket, refused_user, spn, step

SIBLINGS = tuple(spn(HOST, name=name) for name in ("HOST/web01.lab.test", "HOST/web01", "WSMAN/web01", "HTTP/web01.lab.test", "HTTP/web01"))
ROOT = RootEvidence("dc1.lab.test", "DC=lab,DC=test", "CN=Configuration,DC=lab,DC=test", "DC=lab,DC=test", 7, True, ("GSS-SPNEGO",))
CLOCKS = (ClockEvidence("ldap", 600.4, 0.5), ClockEvidence("kdc", 600.0, 0.02))


def controllers(state: str = "open", clocks: tuple[ClockEvidence, ...] = DC.clocks) -> DirectoryEvidence:
    ports = (PortEvidence("192.0.2.1", 88, state, 3.0), *(PortEvidence("192.0.2.1", number, "open", 0.01) for number in (389, 636, 3268, 464)))
    both = tuple(replace(DC, name=f"dc{number}.lab.test", ports=ports, clocks=clocks, root=ROOT) for number in (1, 2))
    return domain(controllers=both, steps=refused_user(24) if state == "open" else (step("probe", "failed", 156), step("as", "failed", 156)))


CASES = {
    "healthy": host(kerberos(), directory=domain(spns=(spn(HOST), *SIBLINGS))),
    "nobody carries the SPN": host(kerberos("broken", 7), directory=domain(steps=refused_ticket(), spns=(spn(), *SIBLINGS))),
    "double": host(kerberos("broken", 7), directory=domain(steps=refused_ticket(), spns=(spn(HOST, STRANGER), *SIBLINGS))),
    "another's": host(kerberos("refused", 41), directory=domain(spns=(spn(STRANGER), *SIBLINGS))),
    "old key": host(kerberos("refused", 41), ntlm("accepted"), directory=domain(spns=(spn(HOST), *SIBLINGS))),
    "wrong password": host(kerberos("broken", 24), directory=controllers()),
    "silent KDC": host(kerberos("broken", 156), directory=controllers("filtered")),
    "clocks": host(kerberos("refused", 37), directory=controllers(clocks=CLOCKS)),
    "denied shell": case(logon=logon(attempt("accepted", rung("identify"), rung("powershell", code=5)))),
}


@pytest.mark.parametrize("name", CASES)
def test_findings_are_the_same(name: str) -> None:
    seen = CASES[name]
    told = brief(seen)
    back = replace(told, **{
        part: decode(kind, json.loads(json.dumps(encode(getattr(told, part), brief=True))))
        for part, kind in (("endpoint", EndpointEvidence), ("logon", LogonEvidence), ("directory", DirectoryEvidence))
        if not isinstance(getattr(told, part), Unknown)
    })
    assert back == told, "what is left out comes back"
    assert evaluate_all(back, NOW) == evaluate_all(seen, NOW)


def directory(seen: Case) -> DirectoryEvidence:
    assert isinstance(seen.directory, DirectoryEvidence)
    return seen.directory


def test_controller_is_told_without_what_says_nothing() -> None:
    first, other = directory(brief(host(directory=controllers(clocks=CLOCKS)))).controllers
    assert [[port.port for port in one.ports] for one in (first, other)] == [[88, 389], [88]]
    assert first.clocks == CLOCKS[1:]
    assert first.root == RootEvidence("dc1.lab.test", "DC=lab,DC=test", domain_level=7, global_catalog=True)
    silent = directory(brief(host(directory=controllers("filtered")))).controllers[0]
    assert [port.port for port in silent.ports] == [88, 389, 636, 3268, 464], "that the machine is alive"


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (spn(HOST), {"WSMAN/web01.lab.test", "HTTP/web01.lab.test", "HOST/db.lab.test"}),
        (spn(), {"WSMAN/web01.lab.test", "HOST/db.lab.test", *(one.spn for one in SIBLINGS)}),
    ],
)
def test_siblings_are_told_where_the_own_name_is_missing(own: object, told: set[str]) -> None:
    seen = domain(spns=(own, *SIBLINGS, spn(HOST, STRANGER, name="HOST/db.lab.test")))
    assert {one.spn for one in directory(brief(host(directory=seen))).spns} == told


def test_legs_are_told_of_the_logon_and_of_what_failed() -> None:
    failed = rung("cmd", code=5)
    told = brief(case(logon=logon(attempt("accepted", rung("identify"), failed, rung("config", "failed", leg(None, failure="timeout"))))))
    assert isinstance(told.logon, LogonEvidence)
    rungs = told.logon.attempts[0].rungs
    assert [len(one.legs) for one in rungs] == [1, 0, 1, 1]
    assert (rungs[0].legs[0].reply.headers, rungs[2].legs[0].reply.headers, rungs[2].legs[0].fault) == ((), (), failed.legs[0].fault)
    assert (rungs[3].legs[0].reply.failure, bool(rungs[3].legs[0].reply.headers)) == ("timeout", True)


def test_large_domain_fits_without_a_cut() -> None:
    many = tuple(replace(directory(CASES["clocks"]).controllers[0], name=f"dc{number}.lab.test") for number in range(4))
    seen = replace(directory(CASES["nobody carries the SPN"]), controllers=many, account=replace(ACCOUNT, groups=Unknown("counted only"), group_count=300))
    result = result_of(replace(CASES["nobody carries the SPN"], directory=seen), NOW, "never")
    assert size(result) <= LIMIT
    assert "cut short" not in json.dumps(result)


def test_long_lists_are_cut_before_texts() -> None:
    names = tuple(f"MSSQLSvc/db{number}.lab.test" for number in range(200))
    shown = encode(domain(computer=replace(COMPUTER, spns=names), steps=(step("tgs", means="x" * 600),)))
    cut = fit({"directory": shown}, size(shown) - 3000)
    assert (len(cut["directory"]["computer"]["spns"]), len(cut["directory"]["steps"][0]["means"])) == (32, 600)
    assert cut["gaps"] == [{"unknown": "What was seen is too long for a result; texts and lists in here are cut short."}]
