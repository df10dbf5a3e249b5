# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look at a domain, with directory and KDC in memory: who logs on as whom and how often, and what is told of what is missing."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.account import Account, account_of
from ansible_collections.winrm.doctor.plugins.module_utils.collect import connections, controllers, directory, reader, sites
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.collect.controllers import Listing, Seen
from ansible_collections.winrm.doctor.plugins.module_utils.collect.kdc import Found, Realm, settle
from ansible_collections.winrm.doctor.plugins.module_utils.collect.krb5conf import Profile
from ansible_collections.winrm.doctor.plugins.module_utils.collect.occasion import not_worth_asking
from ansible_collections.winrm.doctor.plugins.module_utils.directory import accounts, locate
from ansible_collections.winrm.doctor.plugins.module_utils.directory.entries import Entry
from ansible_collections.winrm.doctor.plugins.module_utils.directory.ldap import Found as Gathered
from ansible_collections.winrm.doctor.plugins.module_utils.directory.notation import dn_of_dns, dns_of_dn
from ansible_collections.winrm.doctor.plugins.module_utils.directory.refusal import LdapUnreachable
from ansible_collections.winrm.doctor.plugins.module_utils.directory.tickets import principal_of
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain, domain_from_params
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import (
    AS,
    FAILED,
    GRANTED,
    NO_SUCH_ACCOUNT,
    REFUSED,
    TGS,
    AccountEvidence,
    BindEvidence,
    ComputerEvidence,
    DirectoryEvidence,
    DomainControllerEvidence,
    KerberosStep,
    PolicyEvidence,
    RootEvidence,
)
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ClockEvidence, EndpointEvidence, PortEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import AttemptEvidence, LocalFailure, LogonEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.report.directory import sentence
from ansible_collections.winrm.doctor.plugins.module_utils.target import Target, from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from cases import ADDRESS, CHALLENGE, attempt, door, logon
from directories import BASE, Folder, Object, computer, user

PASSWORD = "hunter2-correct-horse"
WRONG = KerberosStep(AS, "svc@LAB.TEST", REFUSED, "No: 24.", realm="LAB.TEST", code=24, used=True)
NO_KDC = KerberosStep(AS, "svc@LAB.TEST", FAILED, "No KDC.", realm="LAB.TEST", code=154)
YES = KerberosStep(AS, "svc@LAB.TEST", GRANTED, "Yes.", realm="LAB.TEST", used=True)
SERVER = f"CN=DC1,CN=Servers,CN=Configuration,{BASE}"


class Kdc:
    """Tickets in memory: what `answer` says, and whom it was asked for."""

    def __init__(self, answer: KerberosStep = YES) -> None:
        self.answer, self.cache, self.client = answer, "", ""
        self.asked: list[str] = []

    def acquire(self, principal: str, password: str) -> KerberosStep:
        self.asked.append(principal)
        self.cache = "MEMORY:x" if self.answer.outcome == GRANTED else ""
        return self.answer

    def adopt(self, cache: str | None = None) -> KerberosStep:
        self.asked.append("cache")
        return KerberosStep(AS, "the default ticket cache", FAILED, "There is none.", code=195)

    def ticket(self, spn: str, *, as_client: bool = False) -> KerberosStep:
        return KerberosStep(TGS, spn, GRANTED, "Here.", got=f"{spn}@LAB.TEST", sent=f"{spn}@LAB.TEST" if as_client else "")

    def __enter__(self) -> Kdc:
        return self

    def __exit__(self, *_error: object) -> None:
        self.cache = ""


class Server(Folder):
    """A controller: it refuses the methods that it is told to, and notes every logon."""

    binds: t.ClassVar[list[tuple[int, str, str]]]
    refused: t.ClassVar[dict[str, tuple[int, int | None]]]
    closed: t.ClassVar[set[int]]
    objects_of: t.ClassVar[tuple[Object, ...]]
    level: t.ClassVar[str] = "2"

    def __init__(self, address: str, name: str, *, port: int, transport: str, deadline: Deadline, domain: Domain) -> None:
        super().__init__(*self.objects_of, port=port)
        self.address, self.name, self.transport, self.deadline = address, name, transport, deadline

    def connect(self) -> None:
        if self.port in self.closed or self.address == "127.0.0.9":
            raise LdapUnreachable("refused", f"{self.name} refused the connection.")

    @property
    def domain(self) -> str:
        return self.name.partition(".")[2]

    def root(self) -> Entry:
        own = {"defaultnamingcontext": (dn_of_dns(self.domain).encode(),), "domainfunctionality": (self.level.encode(),)}
        return replace(super().root(), attributes={**super().root().attributes, **own})

    def search(self, base: str, filter: str, attributes: t.Sequence[str], *, scope: str = "sub", most: int = 5000, page: int = 500) -> t.Iterator[Entry]:
        """A controller has its own domain and what the forest has in common; the catalogue has everything."""
        for found in super().search(base, filter, attributes, scope=scope, most=most):
            if self.port == 3268 and "spnmappings" in found.attributes:
                yield Entry(found.dn)
            elif self.port == 3268 or dns_of_dn(found.dn) == self.domain or found.dn.endswith(self.configuration):
                yield found

    def bind(self, credentials: t.Any) -> BindEvidence:
        self.binds.append((self.port, credentials.method, credentials.username))
        if credentials.method in self.refused:
            code, data = self.refused[credentials.method]
            return BindEvidence(self.name, self.port, credentials.method, self.transport, REFUSED, "Refused.", credentials.username, code, data)
        return BindEvidence(self.name, self.port, credentials.method, self.transport, GRANTED, "In.", credentials.username)

    def gather(self, base: str, filter: str, attributes: t.Sequence[str], *, scope: str = "sub", most: int = 5000) -> Gathered:
        return Gathered(tuple(self.search(base, filter, attributes, scope=scope, most=most)))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def head(pdc: str = "dc1.lab.test") -> tuple[Object, ...]:
    policy = {"lockoutThreshold": ["3"], "lockoutDuration": ["-18000000000"], "lockOutObservationWindow": ["-18000000000"], "maxPwdAge": ["0"]}
    return (BASE, {"objectClass": ["domain"], "fSMORoleOwner": [f"CN=NTDS Settings,{SERVER}"], **policy}), (SERVER, {"dNSHostName": [pdc]})


class World:
    """One domain in memory, and a look at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = type("Controller", (Server,), {"binds": [], "refused": {}, "closed": set(), "objects_of": (*head(), *OBJECTS)})
        self.kdcs: list[Kdc] = []
        self.answers = [YES]
        self.book = Book(os.getppid())
        self.records: dict[str, t.Any] = {"_ldap._tcp.dc._msdcs.lab.test": (locate.Place("dc1.lab.test", 389),)}
        self.open = {88, 389, 636, 3268, 464}
        self.dead: set[str] = set()
        for place in (reader, controllers, connections):
            monkeypatch.setattr(place, "Ldap", self.server)
        monkeypatch.setattr(deps, "speaks_kerberos", lambda: True)
        monkeypatch.setattr(directory, "Tickets", self._tickets)
        self.proved: list[str] = []
        monkeypatch.setattr(directory.kdcs, "ask", self._ask)
        monkeypatch.setattr(directory.kdcs, "find", lambda realm, profile, deadline: Found(((ADDRESS, 88),)))
        monkeypatch.setattr(locate, "srv", lambda name, lifetime: self.records.get(name, ()))
        monkeypatch.setattr(connections, "srv", lambda name, lifetime: self.records.get(name, ()))
        monkeypatch.setattr(sites, "look_at", self._look_at)

    def _tickets(self) -> Kdc:
        self.kdcs.append(Kdc(self.answers[min(len(self.kdcs), len(self.answers) - 1)]))
        return self.kdcs[-1]

    def _ask(
        self, username: str, password: str, account: Account, realms: t.Sequence[Realm], book: Book, deadline: Deadline, *, limit: int, profile: Profile,
    ) -> tuple[KerberosStep, ...]:
        with book.permit(account, password, where=f"the KDC of {realms[0].name}", limit=limit, deadline=deadline, kdc=True) as permit:
            if permit.granted and not permit.proven:
                answer = self.answers[min(len(self.proved), len(self.answers) - 1)]
                self.proved.append(principal_of(username, realms[0].name))
                settle(permit, answer)
        return ()

    def _look_at(self, listing: Listing, *_rest: t.Any) -> list[Seen]:
        root = RootEvidence(f"dc1.{listing.domain}", dn_of_dns(listing.domain))

        def ports(name: str) -> tuple[PortEvidence, ...]:
            opened = set() if name in self.dead else self.open
            return tuple(PortEvidence(ADDRESS, port, "open" if port in opened else "refused", 0.0) for port in controllers.PORTS)

        clocks = (ClockEvidence("ldap", 0.0, 0.5),)
        named = [DomainControllerEvidence(one.name, ADDRESS, one.by, ports(one.name), clocks, root, listing.domain) for one in listing.found]
        return [Seen(one) for one in named]

    def look(self, domain: Domain | None = None, subsets: t.Iterable[str] = directory.USUAL, challenge: t.Any = None, **target: t.Any) -> DirectoryEvidence:
        given = {"host": "web01.lab.test", "port": 5985, "auth": ["kerberos"], "username": "svc@lab.test", "password": PASSWORD, **target}
        seen = EndpointEvidence("", "", Unknown("x"), doors=(door("http", challenge=challenge),)) if challenge else None
        plan = directory.Plan(frozenset(subsets), connect_timeout=0.2)
        return directory.observe(from_params(given), domain or Domain(), seen, timeout=10, plan=plan, book=self.book, environ={"KRB5_CONFIG": os.devnull})

    @property
    def methods(self) -> list[str]:
        return [method for _port, method, _user in self.server.binds]

    def permit(self, username: str = "svc@lab.test", password: str = PASSWORD) -> tuple[bool, str]:
        """What the book says to the next host."""
        account = account_of(username, "web02.lab.test", None)
        with self.book.permit(account, password, where="web02", limit=1, deadline=Deadline(1)) as permit:
            return permit.proven, permit.reason


OBJECTS = (
    user("svc", userAccountControl=["512"], badPwdCount=["2"], pwdLastSet=["133000000000000000"]),
    user("reader", userAccountControl=["512"]),
    computer("WEB01", "HOST/web01", "HOST/web01.lab.test", "WSMAN/web01.lab.test"),
    computer("WEB02", "HOST/web02.lab.test"),
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_account_computer_and_owners_are_read_with_the_ticket(world: World) -> None:
    found = world.look()
    assert (found.domain, found.domain_from, found.srv, found.pdc) == ("lab.test", "user name", ("dc1.lab.test",), "dc1.lab.test")
    assert isinstance(found.account, AccountEvidence)
    assert (found.account.name, found.account.bad_passwords, found.account.bad_passwords_at) == ("svc", 2, "dc1.lab.test")
    assert isinstance(found.computer, ComputerEvidence)
    assert (found.computer.name, found.computer.found_by, found.other_computer) == ("WEB01$", "dNSHostName", None)
    told = [one for one in found.spns if one.own or "HTTP" in one.spn]
    assert [(one.spn, [owner.name for owner in one.owners], [owner.name for owner in one.covered_by]) for one in told] == [
        ("WSMAN/web01.lab.test", ["WEB01$"], []), ("HTTP/web01.lab.test", [], ["WEB01$"]), ("HTTP/web01", [], ["WEB01$"]),
    ]
    assert (found.duplicates, found.trusts, found.forecast) == ((), (), Unknown("not asked for"))
    assert world.server.binds == [(389, "kerberos", "svc@lab.test"), (3268, "kerberos", "svc@lab.test")]
    assert world.permit() == (True, "")


def test_own_spn_is_asked_for_first_and_as_a_client_would(world: World) -> None:
    tickets = [step for step in world.look(spn_service="HTTP", spn_hostname="alias.lab.test").steps if step.name == TGS]
    assert [(step.asked_for, step.own, bool(step.sent)) for step in tickets][:2] == [("HTTP/alias.lab.test", True, True), ("HTTP/alias", False, False)]
    assert sum(step.own for step in tickets) == 1
    assert {step.asked_for.partition("/")[0] for step in tickets} == {"HTTP", "WSMAN", "HOST"}


@pytest.mark.parametrize(
    ("sent", "outcome", "asked"),
    [
        ("WSMAN/web01.lab.test@LAB.TEST", GRANTED, 1), ("WSMAN/WEB01.lab.test", REFUSED, 1), ("WSMAN/web01.lab.test@LAB.TEST", REFUSED, 1),
        ("WSMAN/other.lab.test@LAB.TEST", GRANTED, 2), ("WSMAN/other.lab.test@LAB.TEST", REFUSED, 2), ("WSMAN/web01.lab.test@WRONG.TEST", REFUSED, 2),
        ("WSMAN/web01.lab.test@WRONG.TEST", GRANTED, 1), ("", FAILED, 2),
    ],
)
def test_own_spn_is_asked_for_as_it_stands_too_where_a_client_asks_for_another(
    world: World, monkeypatch: pytest.MonkeyPatch, sent: str, outcome: str, asked: int,
) -> None:
    def ticket(_kdc: Kdc, spn: str, *, as_client: bool = False) -> KerberosStep:
        return KerberosStep(TGS, spn, outcome, "x", realm="LAB.TEST", sent=sent) if as_client else KerberosStep(TGS, spn, GRANTED, "y", realm="LAB.TEST")

    monkeypatch.setattr(Kdc, "ticket", ticket)
    steps = [step for step in world.look(subsets=["kerberos"]).steps if step.name == TGS and step.asked_for == "WSMAN/web01.lab.test"]
    assert [(step.own, step.means) for step in steps] == [(True, "x"), (False, "y")][:asked]


def test_a_diagnosis_asks_for_near_siblings_and_counts_groups(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "sids", lambda _entry: ("S-1-5-21-1-2-3-513", "S-1-5-32-545"))
    given = {"host": "web01.lab.test", "port": 5985, "auth": ["kerberos"], "username": "svc@lab.test", "password": PASSWORD}
    plan = directory.Plan(thorough=False, connect_timeout=0.2)
    found = directory.observe(from_params(given), Domain(), None, timeout=10, plan=plan, book=world.book, environ={"KRB5_CONFIG": os.devnull})
    assert {one.spn for one in found.spns} == {"WSMAN/web01.lab.test", "WSMAN/web01", "HTTP/web01.lab.test", "HOST/web01.lab.test"}
    assert isinstance(found.account, AccountEvidence)
    assert (found.account.group_count, found.account.groups) == (2, Unknown("counted only: winrm.doctor.directory_info names them"))


def test_siblings_are_left_out_where_the_own_name_is_well_and_time_counts(world: World) -> None:
    plan = directory.Plan(frozenset(["kerberos"]), thorough=False)
    target = from_params({"host": "web01.lab.test", "port": 5985, "auth": ["kerberos"], "username": "svc@lab.test", "password": PASSWORD})
    found = directory.observe(target, Domain(), None, timeout=10, plan=plan, book=world.book, environ={"KRB5_CONFIG": os.devnull})
    assert [step.asked_for for step in found.steps if step.name == TGS] == ["WSMAN/web01.lab.test"]
    assert found.gaps == ()


def test_wrong_password_is_used_once_and_nowhere_else(world: World) -> None:
    world.answers = [WRONG]
    found = world.look()
    assert (world.proved, world.kdcs[0].asked) == (["svc@LAB.TEST"], []), "libkrb5 might show it to a second KDC"
    assert world.server.binds == []
    assert found.account == Unknown("svc@lab.test is refused itself: set domain_username and domain_password to read with another account")
    assert world.permit() == (False, "refused_by_kdc")
    assert world.look().steps[0].code == 24, "told again without being asked again"
    assert (len(world.proved), world.kdcs[1].asked) == (1, [])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (24, "24 (KDC_ERR_PREAUTH_FAILED): The password is wrong: correct domain_password"),
        (6, "6 (KDC_ERR_C_PRINCIPAL_UNKNOWN): The KDC does not know the user: correct domain_username"),
        (23, "23 (KDC_ERR_KEY_EXPIRED): The password has expired or must be changed: name another account in domain_username and domain_password"),
    ],
)
def test_who_names_an_account_to_read_with_is_told_what_is_wrong_with_it(world: World, code: int, said: str) -> None:
    world.answers = [YES, replace(WRONG, asked_for="reader@LAB.TEST", code=code)]
    found = world.look(Domain(username="reader@lab.test", password="reads-a-lot"))
    assert found.account == Unknown(f"reader@lab.test, which domain_username names, is refused itself, {said}")


SILENT = "no controller of {} is known: DNS has no SRV records for them, and krb5.conf names no KDC"


@pytest.mark.parametrize(
    ("option", "said"),
    [("nonsense.example", SILENT.format("nonsense.example")), ("NONSENSE", f"{SILENT.format('NONSENSE')}; NONSENSE may not be its whole DNS name")],
)
def test_a_domain_that_nobody_answers_for_is_not_taken_for_the_one_that_was_read(world: World, option: str, said: str) -> None:
    found = world.look(domain_from_params({"domain": option}))
    assert (found.domain, found.passed_over) == (option.lower(), (said,))
    assert sentence(option, found).startswith(f"{option}: {said}; svc of lab.test may log on")


def test_a_domain_whose_directory_is_silent_is_still_the_one_that_was_asked(world: World) -> None:
    world.open = {88}
    found = world.look(Domain(name="lab.test"))
    assert (found.passed_over, found.account) == ((), Unknown("no controller of lab.test answers on port 389: dc1.lab.test"))


@pytest.mark.parametrize(
    ("dead", "said"),
    [
        (("dc9",), ("dc9, which domain_controllers names, does not answer on port 389, so dc1.lab.test was asked",)),
        (("dc8", "dc9"), ("dc8, dc9, which domain_controllers names, do not answer on port 389, so dc1.lab.test was asked",)),
        ((), ()),
    ],
)
def test_controllers_that_do_not_answer_are_told_where_another_was_asked(world: World, dead: tuple[str, ...], said: tuple[str, ...]) -> None:
    world.dead = {"dc8", "dc9"}
    named = dead or ("dc9", "dc2.lab.test")
    found = world.look(Domain(name="lab.test", controllers=named))
    assert found.passed_over == said
    assert "svc may log on" in sentence("web01", found)


def test_what_the_kdc_said_of_one_password_is_not_told_of_another(world: World) -> None:
    world.answers = [WRONG]
    world.look()
    step = world.look(password="another").steps[0]
    assert (step.outcome, step.code) == ("not_tried", None)
    assert step.means == "Not tried: the KDC of LAB.TEST refused another password of the same account, and a second refusal may lock it."


def test_another_account_reads_where_the_own_one_is_refused(world: World) -> None:
    world.answers = [WRONG, replace(YES, asked_for="reader@LAB.TEST")]
    found = world.look(Domain(username="reader@lab.test", password="reads-a-lot"))
    assert isinstance(found.account, AccountEvidence)
    assert found.account.name == "svc"
    assert world.proved == ["svc@LAB.TEST", "reader@LAB.TEST"]
    assert [kdc.asked for kdc in world.kdcs] == [[], ["reader@LAB.TEST"]]
    own = next(step for step in found.steps if step.own)
    assert (own.outcome, own.means) == ("granted", "Here. Asked with a ticket of reader@lab.test.")
    assert world.permit("reader@lab.test", "reads-a-lot") == (True, "")


def test_ntlm_reads_where_no_kdc_is_known(world: World) -> None:
    world.answers = [NO_KDC]
    found = world.look()
    assert world.methods == ["ntlm", "ntlm"]
    assert isinstance(found.account, AccountEvidence)
    assert world.permit() == (True, "")


@pytest.mark.parametrize(
    ("refused", "domain", "methods", "book"),
    [
        pytest.param({"ntlm": (49, 0x52E)}, {}, ["ntlm"], (False, "refused_before"), id="wrong password"),
        pytest.param({"ntlm": (8, None)}, {}, ["ntlm", "ntlm"], (False, ""), id="a way that is refused counts against nobody, for the catalogue either"),
        pytest.param({"ntlm": (8, None)}, {"transport": "ldaps"}, ["ntlm", "simple", "ntlm", "simple"], (True, ""), id="simple inside TLS"),
        pytest.param({"ntlm": (8, None)}, {"transport": "ldaps", "validate_certs": False}, ["ntlm", "ntlm"], (False, ""), id="not to a stranger"),
        pytest.param({}, {"auth": "kerberos"}, [], (False, ""), id="Kerberos was demanded"),
        pytest.param({}, {"auth": "simple", "transport": "start_tls"}, ["simple", "simple"], (True, ""), id="simple was demanded"),
    ],
)
def test_ways_without_a_ticket(world: World, refused: dict[str, t.Any], domain: dict[str, t.Any], methods: list[str], book: tuple[bool, str]) -> None:
    world.answers = [NO_KDC]
    world.server.refused = refused
    world.look(Domain(**domain))
    assert world.methods == methods
    assert world.permit() == book


def test_password_that_is_known_to_be_right_may_try_every_way(world: World) -> None:
    """A refusal with 49 then means something else: Samba says so to NTLM inside TLS."""
    world.server.refused = {"kerberos": (8, None), "ntlm": (49, 0x57)}
    found = world.look(Domain(transport="ldaps"))
    assert world.methods[:3] == ["kerberos", "ntlm", "simple"]
    assert isinstance(found.account, AccountEvidence)


@pytest.mark.parametrize(
    ("username", "auth", "challenge", "asked"),
    [
        ("web01\\svc", ["kerberos"], None, []), (".\\svc", ["ntlm"], None, []), ("svc", ["ntlm"], CHALLENGE, []),
        ("svc", ["negotiate"], CHALLENGE, []), ("svc", ["kerberos", "ntlm"], CHALLENGE, []),
        ("LAB\\svc", ["ntlm"], CHALLENGE, ["svc@LAB.TEST"]), ("svc", ["ntlm"], replace(CHALLENGE, membership="workgroup"), []),
        ("svc@elsewhere.test", ["ntlm"], None, ["svc@elsewhere.test@LAB.TEST"]),
    ],
)
def test_whose_password_a_kdc_may_see(world: World, username: str, auth: list[str], challenge: t.Any, asked: list[str]) -> None:
    world.look(challenge=challenge, username=username, auth=auth)
    assert world.kdcs[0].asked == asked


@pytest.mark.parametrize("auth", [["negotiate"], ["ntlm"], ["kerberos", "ntlm"], ["credssp"]])
def test_local_passwords_of_many_hosts_are_never_judged_for_the_domains_namesake(world: World, auth: list[str]) -> None:
    """A bare name that a member let in may be its own Administrator, with another password on each host."""
    world.answers, world.server.refused = [WRONG], {"ntlm": (49, 0x52E), "simple": (49, 0x52E)}
    for number in range(1, 8):
        host = f"web{number}.lab.test"
        challenge = replace(CHALLENGE, dns_computer=host, netbios_computer=f"WEB{number}")
        with world.book.permit(account_of("administrator", host, challenge), f"local-{number}", where=host, limit=1, deadline=Deadline(1)) as permit:
            permit.accepted()
        found = world.look(challenge=challenge, host=host, username="administrator", password=f"local-{number}", auth=auth)
        why = "administrator may be the host's own account: write it as DOMAIN\\administrator, or set domain_username and domain_password"
        assert found.account == Unknown(why)
    assert (world.proved, [kdc.asked for kdc in world.kdcs], world.server.binds) == ([], [[]] * 7, [])


@pytest.mark.parametrize("answer", [WRONG, YES], ids=["refused there", "accepted there"])
def test_domain_that_bears_a_suffix_by_chance_gets_no_password_that_a_host_accepted(world: World, answer: KerberosStep) -> None:
    """svc@lab.test of a host in ad.corp.example: its namesake in LAB.TEST would be locked, with one failure for each host."""
    challenge, book = replace(CHALLENGE, dns_domain="ad.corp.example", netbios_domain="AD", dns_computer="web01.ad.corp.example"), world.book
    world.answers = [answer]
    with book.permit(account_of("svc@lab.test", "web01", challenge), PASSWORD, where="web01", limit=1, deadline=Deadline(1)) as permit:
        permit.accepted()
    found = world.look(challenge=challenge, auth=["negotiate"])
    assert found.domain == "lab.test"
    assert (world.proved, world.kdcs[0].asked, world.server.binds) == ([], [], [])
    assert found.account == Unknown("svc@lab.test may be another account in lab.test: set domain_username and domain_password")


@pytest.mark.parametrize(("default", "proved"), [("LAB.TEST", ["svc@LAB.TEST"]), ("", [])])
def test_bare_name_is_the_default_realms_where_kerberos_is_the_only_way(world: World, tmp_path: Path, default: str, proved: list[str]) -> None:
    conf = tmp_path / "krb5.conf"
    conf.write_text(f"[libdefaults]\ndefault_realm = {default}\n" if default else "", encoding="utf-8")
    target = from_params({"host": "web01.lab.test", "auth": ["kerberos"], "username": "svc", "password": PASSWORD})
    seen = EndpointEvidence("", "", Unknown("x"), doors=(door("http", challenge=CHALLENGE),))
    directory.observe(target, Domain(), seen, timeout=10, plan=directory.Plan(connect_timeout=0.2), book=world.book, environ={"KRB5_CONFIG": str(conf)})
    assert world.proved == proved
    assert not world.permit("svc")[0], "no proof for the account of a host"
    assert world.permit("lab.test\\svc")[0] is bool(proved)


def test_without_a_password_the_ticket_cache_is_taken(world: World) -> None:
    found = world.look(password=None)
    assert world.kdcs[0].asked == ["cache"]
    assert found.account == Unknown("There is none.")


def test_pdc_emulator_elsewhere_is_asked_for_the_counter(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.server.objects_of = (*head("dc2.lab.test"), *OBJECTS)
    monkeypatch.setattr(connections, "Names", lambda name, patience, compare: type("Asked", (), {"addresses": lambda self, seconds: ("127.0.0.2",)})())
    found = world.look(subsets=["account"])
    assert isinstance(found.account, AccountEvidence)
    assert (found.account.bad_passwords, found.account.bad_passwords_at, found.pdc) == (2, "dc2.lab.test", "dc2.lab.test")
    assert len(world.server.binds) == 2


@pytest.mark.parametrize(
    ("address", "why"), [("127.0.0.9", "dc2.lab.test refused the connection."), ("", "the name dc2.lab.test does not resolve")], ids=["silent", "nameless"],
)
def test_pdc_emulator_that_cannot_be_asked_leaves_the_rest(world: World, monkeypatch: pytest.MonkeyPatch, address: str, why: str) -> None:
    world.server.objects_of = (*head("dc2.lab.test"), *OBJECTS)
    found_at = (address,) if address else ()
    monkeypatch.setattr(connections, "Names", lambda name, patience, compare: type("Asked", (), {"addresses": lambda self, seconds: found_at})())
    found = world.look(subsets=["account"])
    assert isinstance(found.account, AccountEvidence)
    assert found.account.bad_passwords == Unknown(f"the PDC emulator dc2.lab.test, which keeps the counter, cannot be asked: {why}")
    assert found.account.enabled is True


def test_what_host_stands_for_is_read_where_the_forest_has_it(world: World) -> None:
    """A global catalogue does not have sPNMappings; here the administrators took HTTP out of them."""
    place = f"CN=Directory Service,CN=Windows NT,CN=Services,{Folder.configuration}"
    world.server.objects_of = (*world.server.objects_of, (place, {"objectClass": ["nTDSService"], "sPNMappings": ["host=cifs,wsman"]}))
    told = {one.spn: one.covered_by for one in world.look(subsets=["spns"]).spns}
    assert [owner.name for owner in told["WSMAN/web01"]] == ["WEB01$"]
    assert told["HTTP/web01.lab.test"] == ()


def test_missing_global_catalogue_is_told_and_the_domain_asked(world: World) -> None:
    forest(world)
    world.open.remove(3268)
    found = world.look(subsets=["spns"])
    assert [owner.name for owner in found.spns[0].owners] == ["WEB01$"]
    assert {one.only_in for one in found.spns} == {"lab.test"}
    assert [gap.unknown for gap in found.gaps] == [
        "Owners of SPNs were looked for in lab.test alone, not in the whole forest: no controller of lab.test answers on port 3268: dc1.lab.test."
    ]
    world.open.add(3268)
    assert {one.only_in for one in world.look(subsets=["spns"]).spns} == {""}


def test_a_forest_of_one_domain_needs_no_global_catalogue(world: World) -> None:
    world.open.remove(3268)
    found = world.look(subsets=["spns"])
    assert ({one.only_in for one in found.spns}, found.gaps) == ({""}, ())


def test_computer_that_answers_under_another_name_is_told_besides(world: World) -> None:
    other = replace(CHALLENGE, dns_computer="web02.lab.test", netbios_computer="WEB02")
    found = world.look(challenge=other)
    assert isinstance(found.computer, ComputerEvidence)
    assert (found.computer.name, found.other_computer and found.other_computer.name) == ("WEB01$", "WEB02$")
    assert {"WSMAN/web02.lab.test", "HTTP/web02"} <= {one.spn for one in found.spns}
    alias = world.look(challenge=other, host="portal.lab.test")
    assert (alias.computer, alias.other_computer and alias.other_computer.name) == (NO_SUCH_ACCOUNT, "WEB02$")
    by_address = world.look(challenge=other, host="192.0.2.7")
    assert isinstance(by_address.computer, ComputerEvidence)
    assert (by_address.computer.name, by_address.other_computer) == ("WEB02$", None)


def test_account_that_is_not_there_is_no_unknown(world: World) -> None:
    assert world.look(username="ghost@lab.test").account == NO_SUCH_ACCOUNT


SETTINGS = f"CN=Password Settings Container,CN=System,{BASE}"


@pytest.mark.parametrize(
    ("level", "objects", "sure"), [("2", (), True), ("7", (), False), ("7", ((SETTINGS, {"objectClass": ["msDS-PasswordSettingsContainer"]}),), True)],
)
def test_policy_of_the_domain_is_sure_where_no_other_could_be_hidden(world: World, level: str, objects: tuple[Object, ...], sure: bool) -> None:
    world.server.level = level
    world.server.objects_of = (*world.server.objects_of, *objects)
    account = world.look().account
    assert isinstance(account, AccountEvidence)
    assert isinstance(account.policy, PolicyEvidence)
    assert (account.policy.name, account.policy.sure) == ("Default Domain Policy", sure)


CHILD = "child.lab.test"
FAR = (f"CN=far,CN=Users,{dn_of_dns(CHILD)}", {"objectClass": ["user"], "sAMAccountName": ["far"], "userPrincipalName": ["svc@corp.example"]})
NEPHEW = (f"CN=svc,CN=Users,{dn_of_dns(CHILD)}", {"objectClass": ["user"], "sAMAccountName": ["svc"]})


def forest(world: World, *more: Object) -> None:
    """A second domain, CHILD."""
    crossed = [
        (f"CN={name},CN=Partitions,{Folder.configuration}", {"objectClass": ["crossRef"], "dnsRoot": [dns], "nETBIOSName": [name]})
        for name, dns in (("LAB", "lab.test"), ("KID", CHILD))
    ]
    world.server.objects_of = (*world.server.objects_of, *crossed, *more)
    world.records[f"_ldap._tcp.dc._msdcs.{CHILD}"] = (locate.Place(f"dc1.{CHILD}", 389),)


READER = Domain(name="lab.test", username="reader@lab.test", password="reads-a-lot")


@pytest.mark.parametrize(
    ("username", "found"),
    [
        ("svc@lab.test", "CN=svc,CN=Users,DC=lab,DC=test"), ("LAB\\svc", "CN=svc,CN=Users,DC=lab,DC=test"), ("svc@corp.example", FAR[0]),
        ("KID\\svc", NEPHEW[0]), ("svc@kid", NEPHEW[0]), (f"svc@{CHILD}", NEPHEW[0]),
    ],
)
def test_an_account_is_read_in_the_domain_where_it_lives(world: World, username: str, found: str) -> None:
    forest(world, FAR, NEPHEW)
    account = world.look(READER, subsets=["account"], username=username, auth=["ntlm"]).account
    assert isinstance(account, AccountEvidence)
    assert account.dn == found


@pytest.mark.parametrize(
    ("username", "closed", "why"),
    [
        ("svc@corp.example", set(), "no account of the forest of lab.test has the user principal name svc@corp.example"),
        (
            "svc@corp.example", {3268}, "no account of lab.test has the user principal name svc@corp.example, and whether another domain of the forest has it "
            "is not known: dc1.lab.test refused the connection.",
        ),
        ("OTHER\\svc", set(), "OTHER is no domain of the forest of lab.test, so OTHER\\svc was looked for nowhere: set domain to its domain"),
    ],
)
def test_a_namesake_is_not_taken_for_the_account(world: World, username: str, closed: set[int], why: str) -> None:
    forest(world)
    world.server.closed = closed
    found = world.look(READER, subsets=["account"], username=username, auth=["ntlm"])
    assert found.account == Unknown(why)
    assert "may log on" not in sentence("web01", found)


def test_a_domain_of_the_forest_that_cannot_be_asked_is_named(world: World) -> None:
    forest(world)
    del world.records[f"_ldap._tcp.dc._msdcs.{CHILD}"]
    account = world.look(READER, subsets=["account"], username="KID\\svc", auth=["ntlm"]).account
    assert isinstance(account, Unknown)
    assert account.unknown.startswith("the account is one of child.lab.test, which cannot be asked: no controller of child.lab.test is known")


def test_no_controller_is_a_reason(world: World) -> None:
    world.records = {}
    world.answers = [NO_KDC]
    found = world.look()
    why = "no controller of lab.test is known: DNS has no SRV records for them, and krb5.conf names no KDC"
    assert (found.account, found.computer, found.trusts, found.srv) == (Unknown(why), Unknown(why), Unknown(why), ())
    assert f"N{why[1:]}." in [gap.unknown for gap in found.gaps]


def test_name_servers_that_do_not_answer_are_not_taken_for_missing_records(world: World) -> None:
    world.records = {"_ldap._tcp.dc._msdcs.lab.test": Unknown("LifetimeTimeout")}
    found = world.look()
    assert found.srv == Unknown("LifetimeTimeout")
    assert isinstance(found.account, Unknown)
    assert "DNS could not be asked for them (LifetimeTimeout)" in found.account.unknown


def test_upn_suffix_that_is_no_domain_leads_to_the_next_candidate(world: World) -> None:
    found = world.look(username="svc@free.text.test", challenge=CHALLENGE)
    assert (found.domain, found.domain_from) == ("lab.test", "NTLM challenge")


def test_what_was_not_asked_for_costs_no_logon(world: World) -> None:
    found = world.look(subsets=["controllers"])
    assert world.server.binds == []
    assert (found.account, found.computer, found.spns) == (Unknown("not asked for"), Unknown("not asked for"), ())
    assert found.controllers[0].name == "dc1.lab.test"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"gather_subset": []}, "The option gather_subset is empty"), ({"attempts": 0}, "The option attempts is 0"),
        ({"spn_patterns": ["web01"]}, "The option spn_patterns has 'web01'"),
    ],
)
def test_bad_plan(params: dict[str, t.Any], words: str) -> None:
    with pytest.raises(DoctorError, match=words):
        directory.plan_from_params({"attempts": 1, "connect_timeout": 3.0, **params})


def test_empty_options_of_a_role_are_no_options() -> None:
    empty = {"domain": "", "domain_controllers": [], "domain_username": "", "domain_password": ""}
    assert domain_from_params(empty) == Domain()


def test_domain_of_one_label_is_taken_as_it_is_given() -> None:
    assert domain_from_params({"domain": "CORP"}) == Domain(name="corp")
    with pytest.raises(DoctorError, match="The option domain is"):
        domain_from_params({"domain": "CORP\\svc"})


def test_netbios_name_in_place_of_the_domain_is_suspected(world: World) -> None:
    assert any(gap.unknown.endswith("lab may not be its whole DNS name.") for gap in world.look(Domain(name="lab")).gaps)


def kerberos(code: int | None, outcome: str = "broken") -> AttemptEvidence:
    return attempt(outcome, method="kerberos", failure=LocalFailure("kdc", "x", code), own=False)


def seen(offset: float = 0.2, state: str = "open", membership: str = "domain") -> EndpointEvidence:
    opened = door("http", clocks=(ClockEvidence("ntlm", offset, 0.01),), challenge=replace(CHALLENGE, membership=membership))
    return EndpointEvidence("", "", Unknown("x"), ports=(PortEvidence(ADDRESS, 5985, state, 0.1),), doors=(opened,) if state == "open" else ())


WORKS, FAILS = logon(attempt()), logon(attempt("refused"))


@pytest.mark.parametrize(
    ("target", "endpoint", "tried", "why"),
    [
        pytest.param({}, seen(), WORKS, "not asked: the logon works", id="healthy"),
        pytest.param({}, seen(), FAILS, None, id="the logon fails"),
        pytest.param({}, seen(), None, None, id="no logon was asked for"),
        pytest.param({}, seen(400.0), WORKS, None, id="the clocks differ"),
        pytest.param({}, seen(), logon(kerberos(7), attempt()), None, id="Kerberos fails, NTLM works"),
        pytest.param({}, seen(), logon(kerberos(154), attempt()), "not asked: the logon works", id="this control node knows no KDC"),
        pytest.param({}, seen(), logon(kerberos(6), attempt()), "not asked: the logon works", id="only the spelling is strange to Kerberos"),
        pytest.param({}, seen(), replace(WORKS, kdc=(WRONG,)), None, id="the KDC refuses what a host accepts"),
        pytest.param({}, seen(state="filtered"), FAILS, "not asked: no port of the host answers, and the domain cannot say why", id="silent host"),
        pytest.param({"username": ".\\admin"}, seen(), FAILS, "not asked: the account is one of the host's own", id="local account"),
        pytest.param({"username": "admin"}, seen(membership="workgroup"), FAILS, "not asked: the host says that it belongs to no domain", id="workgroup"),
        pytest.param({"auth": ["certificate"]}, seen(), FAILS, "not asked: the inventory logs on with a client certificate", id="certificate"),
    ],
)
def test_when_the_domain_is_asked(target: dict[str, t.Any], endpoint: EndpointEvidence, tried: LogonEvidence | None, why: str | None) -> None:
    given: Target = from_params({"host": "web01.lab.test", "port": 5985, "auth": ["negotiate"], "username": "LAB\\svc", **target})
    assert not_worth_asking(given, Domain(), endpoint, tried) == (Unknown(why) if why else None)


def test_texts_of_a_directory_are_fit_to_be_shown() -> None:
    evil = ComputerEvidence("WEB\x1b[31m$", "CN=a\nb", spns=("HTTP/\x07",))
    assert directory.shown(evil) == ComputerEvidence("WEB.[31m$", "CN=a b", spns=("HTTP/.",))
