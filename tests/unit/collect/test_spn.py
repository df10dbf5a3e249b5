# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeing to SPNs: forests of several domains, proofs that fail, directories that go away; the controllers are played."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.collect import spn
from ansible_collections.winrm.doctor.plugins.module_utils.directory.refusal import LdapUnreachable
from ansible_collections.winrm.doctor.plugins.module_utils.directory.spn_plan import ABSENT, PRESENT, wish
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import DomainControllerEvidence, KerberosStep
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import OPEN, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import Target
from directories import BASE, Folder, computer, user

ADDRESS = "192.0.2.1"
DC = DomainControllerEvidence("dc1.lab.test", ADDRESS, ("option",), (PortEvidence(ADDRESS, 389, OPEN, 0.1),), domain="lab.test")
TWO = ("child.lab.test", "lab.test")
WEB01 = f"CN=WEB01,CN=Computers,{BASE}"
Tickets = t.Mapping[str, KerberosStep]


def play(monkeypatch: pytest.MonkeyPatch, writable: Folder | Unknown, catalogue: Folder | Unknown, tickets: Tickets | None = None) -> None:
    """One controller in place of the network; `tickets`: what the KDC says to each SPN."""
    seen = types.SimpleNamespace(evidence=DC, opens=lambda port: True)
    site = types.SimpleNamespace(domain="lab.test", seen=[seen], why_silent=lambda port: "nobody answers")

    class Sites:
        chosen = types.SimpleNamespace(name="lab.test")
        of_host, gaps = "lab.test", ()

        def __init__(self, *arguments: t.Any, **more: t.Any) -> None:
            pass

        def __getitem__(self, name: str) -> t.Any:
            return site

    class Reader:
        refused, step = False, None

        def __init__(self, *arguments: t.Any) -> None:
            pass

        def get_ticket(self, realm: str, deadline: t.Any) -> None:
            pass

        def hindrance(self) -> str:
            return ""

        def open(self, seen: t.Any, home: str, deadline: t.Any, *, catalogue: bool = False) -> t.Any:
            return found if catalogue else writable

    class Held:
        cache = "MEMORY:x" if tickets is not None else ""

        def __enter__(self) -> t.Any:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def ticket(self, asked: str) -> KerberosStep:
            return (tickets or {})[asked]

    found = catalogue
    monkeypatch.setattr(spn, "Sites", Sites)
    monkeypatch.setattr(spn, "Reader", Reader)
    monkeypatch.setattr(spn, "Tickets", Held)


def manage(*names: str, state: str = PRESENT, check: bool = False, **more: t.Any) -> spn.Outcome:
    target = Target("web01", "web01.lab.test", 5985, "http", username="admin", password="x")
    request = spn.Request(wish(names, state, force_move=more.pop("force", False)), Domain(controllers=(ADDRESS,)), target, **more)
    return spn.manage(request, timeout=5, connect_timeout=1, check_mode=check, environ={"KRB5_CONFIG": "/dev/null"})


def forest(port: int = 389, domains: tuple[str, ...] = TWO) -> Folder:
    there = Folder(computer("WEB01", "HOST/web01.lab.test"), port=port, domains=domains)
    if port == 3268:
        there.add("CN=far,CN=Users,DC=child,DC=lab,DC=test", objectClass=["user"], sAMAccountName=["far"], servicePrincipalName=["WSMAN/taken"])
    return there


def granted(name: str) -> KerberosStep:
    return KerberosStep("tgs", name, "granted", f"The KDC gives a ticket for {name}.")


def test_an_owner_in_another_domain_is_found_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest()
    play(monkeypatch, domain, forest(3268))
    with pytest.raises(DoctorError, match=r"the user far \(CN=far,CN=Users,DC=child,DC=lab,DC=test\) carries it"):
        manage("WSMAN/taken")
    with pytest.raises(DoctorError, match=r"belongs to child\.lab\.test, another domain than lab\.test"):
        manage("WSMAN/taken", force=True)
    assert domain.changes == []


def test_without_a_catalogue_nothing_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest()
    play(monkeypatch, domain, Unknown("dc1.lab.test (192.0.2.1), port 3268, does not answer."))
    with pytest.raises(DoctorError) as error:
        manage("WSMAN/new")
    assert error.value.failed == (
        "WSMAN/new is not added to WEB01$: Whether another account of the forest carries these SPNs is not known: the forest has 2 domains (child.lab.test, "
        "lab.test), and no global catalogue could be asked: dc1.lab.test (192.0.2.1), port 3268, does not answer"
    )
    assert "Name a global catalogue in domain_controllers" in error.value.do
    assert domain.changes == []


def test_without_a_catalogue_what_is_there_stays_and_what_is_not_wanted_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest()
    play(monkeypatch, domain, Unknown("nobody answers"))
    kept = manage("HOST/web01.lab.test")
    assert (kept.plan.changed, isinstance(kept.checked, Unknown)) == (False, True)
    assert kept.notes[-1].startswith("Whether another account of the forest carries these SPNs is not known: the forest has 2 domains")
    assert manage("HOST/web01.lab.test", state=ABSENT).verified is True
    assert domain.spns(WEB01) == []


def test_one_domain_is_the_whole_forest(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest(domains=("lab.test",))
    play(monkeypatch, domain, Unknown("must not be asked"), {"WSMAN/new": granted("WSMAN/new")})
    done = manage("WSMAN/new")
    assert (done.checked, done.verified, domain.spns(WEB01)) == ("forest", True, ["HOST/web01.lab.test", "WSMAN/new"])


def test_a_proof_that_fails_undoes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest(domains=("lab.test",))
    refused = KerberosStep("tgs", "WSMAN/new", "refused", "No ticket for WSMAN/new: 7.", code=7)
    play(monkeypatch, domain, domain, {"WSMAN/new": refused})
    done = manage("WSMAN/new")
    assert (done.plan.changed, done.verified, done.proofs) == (True, False, (refused,))
    assert "WSMAN/new" in domain.spns(WEB01)
    said = "Not verified: No ticket for WSMAN/new: 7. The KDC that was asked may not have it yet."
    assert spn.sentence(done, PRESENT, False) == f"WEB01$: added WSMAN/new. {said}"


def test_without_a_ticket_to_ask_with_it_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest(domains=("lab.test",))
    play(monkeypatch, domain, domain)
    done = manage("WSMAN/new")
    assert done.verified is False
    assert spn.sentence(done, PRESENT, False).endswith("Not verified: No ticket was asked for WSMAN/new. There is no ticket-granting ticket to ask with.")


def test_check_mode_foresees_what_the_loser_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = Folder(computer("WEB01", "HOST/web01.lab.test"), user("svc", "HTTP/a", "http/WEB01.lab.test"))
    play(monkeypatch, domain, domain, {"HTTP/web01.lab.test": granted("HTTP/web01.lab.test")})
    foreseen = manage("HTTP/web01.lab.test", force=True, check=True)
    assert domain.changes == []
    done = manage("HTTP/web01.lab.test", force=True)
    assert [(one.before, one.after) for one in foreseen.changes] == [(one.before, one.after) for one in done.changes]
    assert [one.after.spns for one in done.changes] == [("HOST/web01.lab.test", "HTTP/web01.lab.test"), ("HTTP/a",)]


def test_a_directory_that_goes_away_while_it_is_read_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest(domains=("lab.test",))
    play(monkeypatch, domain, domain)
    domain.broken = True
    with pytest.raises(DoctorError, match=r"The directory could not be read to the end: dc1\.lab\.test ended the conversation"):
        manage("WSMAN/new")


def test_a_directory_that_goes_away_while_it_is_written_is_asked_how_things_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = forest(domains=("lab.test",))

    class Again(Folder):
        """The same objects over a new connection."""

        def __init__(self) -> None:
            super().__init__()
            self.objects = domain.objects

    play(monkeypatch, domain, domain)
    domain.refuse[WEB01], domain.done = [LdapUnreachable("closed", "It ended the conversation.")], True
    opened: list[t.Any] = [domain, Again()]
    monkeypatch.setattr(spn.Reader, "open", lambda self, seen, home, deadline, catalogue=False: opened.pop(0))
    assert manage("WSMAN/new").plan.changed
    assert opened == []
    assert "WSMAN/new" in domain.spns(WEB01)


def test_a_missing_library_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, forest(), Unknown(""))
    monkeypatch.setattr(deps, "_ERRORS", {"sansldap": "ModuleNotFoundError: No module named 'sansldap'"})
    with pytest.raises(DoctorError) as error:
        manage("WSMAN/new")
    assert error.value.sentence == (
        "The Python library sansldap cannot be imported: ModuleNotFoundError: No module named 'sansldap'. A directory cannot be asked without it. "
        "Expected: sansldap on this control node. Install it with pip install sansldap."
    )


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, Unknown("dc1.lab.test refused the logon."), Unknown(""))
    with pytest.raises(DoctorError) as error:
        manage("WSMAN/new")
    assert error.value.failed == "No logon to the directory of lab.test as admin: dc1.lab.test refused the logon."
