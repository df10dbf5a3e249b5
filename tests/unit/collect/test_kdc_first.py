# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KDC is asked first, once: what it says is written into the book, and holds for every host."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

import krb
import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.account import Account, account_of, in_domain
from ansible_collections.winrm.doctor.plugins.module_utils.collect import kdc
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempt import kdc_failure, not_told
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book, Permit
from ansible_collections.winrm.doctor.plugins.module_utils.collect.krb5conf import read_profile
from ansible_collections.winrm.doctor.plugins.module_utils.directory import locate, tickets
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import AS, FAILED, GRANTED, REFUSED, KerberosStep
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.endpoint import ChallengeEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import Target, from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import preauth
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ansible_collections.winrm.doctor.plugins.module_utils.wire.kerberos import fields
from ansible_collections.winrm.doctor.plugins.module_utils.wire.spnego import read_element
from cases import CHALLENGE
from hostile import Hostile, Play

PREAUTH = krb.error(25, e_data=krb.method_data(krb.etype_info2((18, "LAB.TESTsvc"))))
ADDRESS = "127.77.9.1"


@pytest.fixture
def book() -> Book:
    return Book(os.getppid())


class Domain:
    """A KDC for the first question, and what libkrb5 would bring home for the second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.used: list[tuple[str, str]] = []
        self.answer: t.Callable[[str], KerberosStep] = lambda principal: KerberosStep(AS, principal, GRANTED, "yes", realm="LAB.TEST", got=principal, used=True)
        self.folder = folder
        monkeypatch.setattr(deps, "speaks_kerberos", lambda: True)
        monkeypatch.setattr(tickets.Tickets, "acquire", lambda kept, principal, password: self._acquire(principal, password))

    def _acquire(self, principal: str, password: str) -> KerberosStep:
        self.used.append((principal, password))
        return self.answer(principal)

    def refuses(self, code: int | None, *, outcome: str = REFUSED, used: bool = True) -> None:
        self.answer = lambda principal: KerberosStep(AS, principal, outcome, "no", realm="LAB.TEST", code=code, used=used)

    def environ(self, *kdcs: str, default: str = "LAB.TEST") -> dict[str, str]:
        lines = ["[libdefaults]", "dns_lookup_kdc = false", *([f"default_realm = {default}"] if default else []), "[realms]", "LAB.TEST = {"]
        (self.folder / "krb5.conf").write_text("\n".join([*lines, *(f"kdc = {one}" for one in kdcs), "}", ""]), encoding="utf-8")
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf")}


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Domain:
    return Domain(monkeypatch, tmp_path)


def target(username: str = "LAB\\svc", password: str | None = "secret", **way: t.Any) -> Target:
    return from_params({"host": "web01", "inventory_name": "web01", "username": username, "password": password, **way})


def ask(book: Book, environ: dict[str, str], *, seconds: float = 6, challenge: ChallengeEvidence | None = CHALLENGE, **way: t.Any) -> tuple[KerberosStep, ...]:
    asked = target(**way)
    account = account_of(asked.username or "", "web01", challenge)
    return kdc.ask_first(asked, account, challenge, book, Deadline(seconds), environ=environ)


def permit(book: Book, account: Account | None = None, password: str = "secret", limit: int = 1) -> Permit:
    """What the book says to the next host."""
    with book.permit(account or account_of("LAB\\svc", "web02", CHALLENGE), password, where="web02", limit=limit, deadline=Deadline(1)) as given:
        if given.granted:
            given.withdrawn()
        return given


def told(given: Permit) -> tuple[bool, bool, str, str]:
    return given.granted, given.proven, given.reason, given.where


def served(act: Play, domain: Domain, book: Book, **more: t.Any) -> tuple[KerberosStep, ...]:
    with Hostile(act) as server:
        return ask(book, domain.environ(f"{ADDRESS}:{server.port}"), **more)


def test_accepted_password_is_proven_for_every_host(book: Book, domain: Domain) -> None:
    steps = served(krb.answering(PREAUTH), domain, book)
    assert [(step.name, step.outcome) for step in steps] == [("probe", "granted"), ("as", "granted")]
    assert domain.used == [("svc@LAB.TEST", "secret")]
    assert told(permit(book)) == (True, True, "", "the KDC of LAB.TEST")
    assert told(permit(book, account_of("svc@lab.test", "web03", CHALLENGE))) == (True, True, "", "the KDC of LAB.TEST")
    assert not permit(book, password="another").proven


@pytest.mark.parametrize("code", [24, 23, 18, 6])
def test_refusal_holds_for_every_host_and_is_asked_for_once(book: Book, domain: Domain, code: int) -> None:
    domain.refuses(code)
    served(krb.answering(PREAUTH), domain, book)
    for limit in (1, 2, 5):
        given = permit(book, limit=limit)
        assert told(given) == (False, False, "refused_by_kdc", "the KDC of LAB.TEST"), "more attempts would end no better"
        failure = kdc_failure(given)
        assert failure is not None
        assert (failure.step, failure.code) == ("kdc", code)
    assert [step.code for step in ask(book, domain.environ(f"{ADDRESS}:1"))] == [code], "the book knows it"
    assert len(domain.used) == 1


@pytest.mark.parametrize(("code", "status"), [(6, None), (18, 0xC0000234), (23, 0xC0000224), (1, None)])
def test_refusal_without_a_password_costs_nothing(book: Book, domain: Domain, code: int, status: int | None) -> None:
    message = krb.error(code, e_data=krb.extended(status) if status else b"")
    steps = served(krb.answering(message), domain, book)
    assert [(step.name, step.code, step.status) for step in steps] == [("probe", code, status)]
    assert domain.used == []
    given = permit(book)
    assert told(given) == (False, False, "refused_by_kdc", "the KDC of LAB.TEST")
    assert not_told(given).startswith(f"Not tried: the KDC of LAB.TEST at {ADDRESS} refuses svc@LAB.TEST, which holds for every host: {code} (KDC_ERR_")
    assert not_told(given).endswith(f" If {ADDRESS} is no domain controller of yours, correct krb5.conf or DNS and run again.")
    assert permit(book, account_of("svc", "web02", CHALLENGE)).granted, "nothing was counted against anybody who may be somebody else"


@pytest.mark.parametrize(("second", "granted"), [(PREAUTH, True), (krb.error(6), False), (krb.error(29), False)], ids=["knows it", "agrees", "is sick"])
def test_refusal_that_a_second_kdc_does_not_share_stops_nobody(book: Book, domain: Domain, second: bytes, granted: bool) -> None:
    """An error of a KDC is authenticated by nobody; and controllers replicate."""
    with Hostile(krb.answering(krb.error(6))) as one, Hostile(krb.answering(second), address="127.77.9.2") as other:
        steps = ask(book, domain.environ(f"{ADDRESS}:{one.port}", f"127.77.9.2:{other.port}"))
    assert [(step.code, step.controller) for step in steps] == [(6, ADDRESS), *([(25, "127.77.9.2")] if granted else [])]
    assert (domain.used, permit(book).granted) == ([], granted)


AES = krb.error(25, stime="20200101000000Z", e_data=krb.method_data(krb.padata(2, b""), krb.etype_info2((18, "LAB.TESTsvc"))))


@pytest.mark.parametrize(
    ("outcome", "code", "used", "expected"),
    [
        (GRANTED, None, True, (True, True, "", "the KDC of LAB.TEST")),
        (REFUSED, 24, True, (False, False, "refused_by_kdc", "the KDC of LAB.TEST")),
        (REFUSED, 25, True, (True, False, "", "")),
        (FAILED, None, True, (False, False, "in_doubt", "the KDC of LAB.TEST")),
        (FAILED, None, False, (True, False, "", "")),
    ],
    ids=["right", "wrong", "another proof is wanted", "no usable answer", "not sent"],
)
def test_password_with_an_aes_key_needs_no_library(
    book: Book, domain: Domain, monkeypatch: pytest.MonkeyPatch, outcome: str, code: int | None, used: bool, expected: tuple[t.Any, ...],
) -> None:
    seen: list[tuple[t.Any, ...]] = []

    def prove(address: str, realm: str, user: str, password: str, info: t.Any, *_more: t.Any, offset: float) -> KerberosStep:
        seen.append((address, realm, user, password, info.kind, info.salt, offset < -1000))
        return KerberosStep(AS, user, outcome, "said", realm=realm, code=code, used=used)

    monkeypatch.setattr(preauth, "prove", prove)
    steps = served(krb.answering(AES), domain, book)
    assert [step.name for step in steps] == ["probe", "as"]
    assert seen == [(ADDRESS, "LAB.TEST", "svc", "secret", 18, b"LAB.TESTsvc", True)], "by the KDC's clock"
    assert domain.used == [], "libkrb5 was not asked"
    assert told(permit(book)) == expected


def test_kdc_that_wants_a_cheap_proof_gets_none(book: Book, domain: Domain) -> None:
    """What asks for it is not authenticated: whoever answers on port 88 could guess the password from such a proof."""
    cheap = krb.error(25, e_data=krb.method_data(krb.padata(2, b""), krb.etype_info2((18, "X"), (23, ""), params=b"\0\0\0\1")))
    seen: list[bytes] = []
    steps = served(krb.answering(cheap, seen=seen), domain, book)
    assert [(step.name, step.outcome, step.used) for step in steps] == [("probe", "granted", False), ("as", "not_tried", False)]
    assert (len(seen), domain.used) == (1, [])
    assert permit(book).granted


@pytest.mark.parametrize(
    ("more", "asked"), [((), False), ((krb.padata(138, b""),), False), ((krb.padata(2, b""),), True)], ids=["alone", "challenge", "timestamp"],
)
def test_domain_that_demands_armouring_leaves_the_hosts_to_try(book: Book, domain: Domain, more: tuple[bytes, ...], asked: bool) -> None:
    """[MS-KILE] 3.3.5.1: PA-FX-FAST is all that is offered then; nothing was sent that depends on the password."""
    domain.refuses(210, outcome=FAILED)
    steps = served(krb.answering(krb.error(25, e_data=krb.method_data(krb.padata(136, b""), *more))), domain, book)
    assert (bool(domain.used), permit(book).granted) == (asked, not asked)
    if not asked:
        assert (steps[-1].outcome, steps[-1].used) == ("not_tried", False)
        assert steps[-1].means == (
            "Not tried: the KDC of LAB.TEST demands Kerberos armouring (FAST), which takes a ticket of a computer that this control node does not have."
        )


def test_wrong_password_of_an_account_without_pre_authentication_is_known_and_was_not_counted(book: Book, domain: Domain) -> None:
    domain.refuses(31)
    steps = served(krb.answering(krb.reply()), domain, book)
    assert [(step.name, step.outcome, step.code, step.used) for step in steps] == [("probe", "granted", None, False), ("as", "refused", 24, False)]
    assert told(permit(book)) == (False, False, "refused_by_kdc", "the KDC of LAB.TEST")
    assert permit(book, password="another").granted


def test_another_password_is_another_question(book: Book, domain: Domain) -> None:
    domain.refuses(24)
    served(krb.answering(PREAUTH), domain, book)
    assert told(permit(book, password="another")) == (False, False, "refused_before", "the KDC of LAB.TEST"), "the counter counts both"
    assert permit(book, password="another", limit=2).granted


def test_account_that_is_revoked_is_so_with_every_password(book: Book, domain: Domain) -> None:
    domain.refuses(18)
    served(krb.answering(PREAUTH), domain, book)
    assert permit(book, password="another", limit=2).reason == "refused_by_kdc"


FULL = "Not tried: badPwdCount of svc is 2."


def without_room(book: Book, domain: Domain, said: str = FULL, act: bytes = PREAUTH, password: str = "secret") -> tuple[tuple[KerberosStep, ...], list[float]]:
    """The KDC asked with a look at the counter before, and the seconds that each look had."""
    looks: list[float] = []

    def look(deadline: Deadline) -> str:
        looks.append(deadline.left())
        return said

    with Hostile(krb.answering(act)) as server:
        asked = target(password=password)
        account = account_of("LAB\\svc", "web01", CHALLENGE)
        steps = kdc.ask_first(asked, account, CHALLENGE, book, Deadline(6), environ=domain.environ(f"{ADDRESS}:{server.port}"), room=look)
    return steps, looks


def test_account_without_room_for_a_failure_is_tried_nowhere(book: Book, domain: Domain) -> None:
    steps, looks = without_room(book, domain)
    assert [(step.name, step.outcome, step.used) for step in steps] == [("probe", "granted", False), ("as", "not_tried", False)]
    assert (steps[-1].means, steps[-1].asked_for, steps[-1].realm, len(looks)) == (FULL, "svc@LAB.TEST", "LAB.TEST", 1)
    assert domain.used == []
    for username, password in (("LAB\\svc", "secret"), ("svc@lab.test", "secret"), ("LAB\\svc", "another"), ("svc", "secret")):
        given = permit(book, account_of(username, "web02", CHALLENGE), password)
        assert (told(given), not_told(given), kdc_failure(given)) == ((False, False, "no_room", "the KDC of LAB.TEST"), FULL, None)
    assert permit(book, account_of("WEB02\\svc", "web02", CHALLENGE)).granted, "a host's own account has a counter of its own"
    assert permit(book, limit=2).granted, "whoever allows two failures has looked"
    for password in ("secret", "another"):
        again, looks = without_room(book, domain, password=password)
        assert (again, looks) == (steps[-1:], []), "nobody reads again"


def test_room_leaves_all_as_it_is(book: Book, domain: Domain) -> None:
    steps, looks = without_room(book, domain, "")
    assert [(step.name, step.outcome) for step in steps] == [("probe", "granted"), ("as", "granted")]
    assert (len(looks), permit(book).proven) == (1, True)
    assert without_room(book, domain)[1] == [], "a proven password needs no room"


@pytest.mark.parametrize("message", [krb.error(6), krb.error(18), krb.error(52)])
def test_nobody_looks_where_the_password_would_not_be_used(book: Book, domain: Domain, message: bytes) -> None:
    assert without_room(book, domain, act=message)[1] == []


def test_no_room_is_said_where_a_ticket_is_wanted(book: Book, domain: Domain) -> None:
    without_room(book, domain)
    profile = read_profile(domain.environ(f"{ADDRESS}:1"))
    account = account_of("LAB\\svc", "web01", CHALLENGE)
    step, given = kdc.fill(tickets.Tickets(), "LAB\\svc", "svc@LAB.TEST", "secret", account, book, Deadline(2), limit=1, profile=profile)
    assert step is not None
    assert (step.name, step.outcome, step.means, given.reason) == ("as", "not_tried", FULL, "no_room")


@pytest.mark.parametrize("code", [14, 37, 12, 7, 29, 154, 195])
def test_answer_that_judges_no_password_leaves_the_hosts_to_try(book: Book, domain: Domain, code: int) -> None:
    domain.refuses(code)
    served(krb.answering(PREAUTH), domain, book)
    assert permit(book).granted


@pytest.mark.parametrize("code", [156, 60, 210, None])
def test_password_without_a_usable_answer_stays_in_doubt(book: Book, domain: Domain, code: int | None) -> None:
    domain.refuses(code, outcome=FAILED)
    served(krb.answering(PREAUTH), domain, book)
    given = permit(book)
    assert told(given) == (False, False, "in_doubt", "the KDC of LAB.TEST")
    assert not_told(given) == (
        "Not tried: the same account's password was sent to the KDC of LAB.TEST and no usable answer came, so it counts as a refusal."
    )


def test_library_that_hangs_is_left_behind_in_doubt(book: Book, domain: Domain) -> None:
    def late(principal: str) -> KerberosStep:
        time.sleep(5)
        return KerberosStep(AS, principal, GRANTED, "late", realm="LAB.TEST", used=True)

    domain.answer = late
    steps = served(krb.answering(PREAUTH), domain, book, seconds=1)
    assert (steps[-1].outcome, steps[-1].used) == ("failed", True)
    assert permit(book).reason == "in_doubt"


def silent(sock: t.Any) -> None:
    time.sleep(8)


@pytest.mark.parametrize(
    "act",
    [silent, lambda sock: sock.close(), krb.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), krb.raw(krb.framed(b"\xde\xad\xbe\xef")), krb.answering(krb.error(52))],
    ids=["silent", "closes", "HTTP", "noise", "an error that fits nothing"],
)
def test_kdc_without_a_usable_answer_is_no_answer(book: Book, domain: Domain, act: Play) -> None:
    steps = served(act, domain, book)
    assert [step.name for step in steps] == ["probe"]
    assert domain.used == [], "no password goes where nobody is"
    assert permit(book).granted, "one host serves as canary"
    assert ask(book, domain.environ(f"{ADDRESS}:1")) == steps[-1:], "and nobody waits for it again"


def test_next_kdc_is_asked_where_one_is_down(book: Book, domain: Domain) -> None:
    with Hostile(krb.answering(PREAUTH)) as server:
        steps = ask(book, domain.environ("127.77.9.2:9", f"{ADDRESS}:{server.port}"))
    assert [(step.name, step.outcome) for step in steps] == [("probe", "granted"), ("as", "granted")]


@pytest.mark.parametrize("code", [29, 52])
def test_next_kdc_is_asked_where_one_cannot_judge(book: Book, domain: Domain, code: int) -> None:
    """A read-only controller without its writable partner, or one that is starting."""
    with Hostile(krb.answering(krb.error(code))) as sick, Hostile(krb.answering(PREAUTH)) as well:
        steps = ask(book, domain.environ(f"{ADDRESS}:{sick.port}", f"{ADDRESS}:{well.port}"))
    assert [(step.name, step.code, step.outcome) for step in steps] == [("probe", 25, "granted"), ("as", None, "granted")]


@pytest.mark.parametrize("code", [68, 6])
def test_another_realm_is_asked_where_the_kdc_names_it(book: Book, domain: Domain, code: int) -> None:
    steps = served(krb.answering(krb.error(code, crealm="OTHER.TEST")), domain, book)
    assert [(step.code, step.realm) for step in steps] == [(code, "LAB.TEST"), (154, "OTHER.TEST")]
    assert steps[0].means == "The KDC of LAB.TEST says that svc@LAB.TEST belongs to the realm OTHER.TEST."
    assert permit(book).granted, "the realm that judges it was not reached"


def test_kdc_that_answers_is_found_behind_many_that_do_not(book: Book, domain: Domain) -> None:
    """Most sites of a forest may be out of reach of the control node."""
    with Hostile(krb.answering(PREAUTH)) as server:
        steps = ask(book, domain.environ(*(f"127.77.9.{number}:9" for number in range(2, 12)), f"{ADDRESS}:{server.port}"))
    assert [(step.name, step.outcome) for step in steps] == [("probe", "granted"), ("as", "granted")]


def test_silence_of_all_kdcs_is_told_of_the_last_of_a_few(book: Book, domain: Domain) -> None:
    steps = ask(book, domain.environ(*(f"127.77.9.{number}:9" for number in range(2, 12))))
    assert [(step.name, step.outcome, step.controller) for step in steps] == [("probe", "failed", "127.77.9.4")]
    assert permit(book).granted


def test_realm_without_a_kdc_is_told(book: Book, domain: Domain) -> None:
    steps = ask(book, domain.environ())
    assert [(step.outcome, step.code, step.means) for step in steps] == [
        ("failed", 154, "No KDC of the realm LAB.TEST is known here: krb5.conf names none, and its dns_lookup_kdc forbids to ask DNS."),
    ]
    assert permit(book).granted


def test_proxy_for_kerberos_is_left_to_the_library(book: Book, domain: Domain) -> None:
    steps = ask(book, domain.environ("https://proxy.lab.test/KdcProxy"))
    assert [(step.name, step.outcome) for step in steps] == [("as", "granted")]


def test_unreachable_proxy_costs_nothing_but_is_in_doubt(book: Book, domain: Domain) -> None:
    domain.refuses(156, outcome=FAILED, used=False)
    ask(book, domain.environ("https://proxy.lab.test/KdcProxy"))
    assert permit(book).granted


def test_upn_is_looked_for_as_one(book: Book, domain: Domain) -> None:
    """Its part before the "@" need not be the sAMAccountName."""
    seen: list[bytes] = []
    steps = served(krb.answering(krb.error(6), PREAUTH, seen=seen), domain, book, username="first.last@lab.test")
    assert [(step.name, step.code) for step in steps] == [("probe", 6), ("probe", 25), ("as", None)]
    assert b"first.last@lab.test" not in seen[0]
    assert b"first.last@lab.test" in seen[1]
    assert domain.used == [("first.last@lab.test@LAB.TEST", "secret")]


def test_foreign_suffix_unknown_to_the_hosts_domain_proves_nothing(book: Book, domain: Domain) -> None:
    served(krb.answering(krb.error(6)), domain, book, username="svc@corp.example")
    assert domain.used == []
    assert permit(book, account_of("svc@corp.example", "web02", CHALLENGE)).granted


def two_realms(domain: Domain, foreign: int, own: int) -> dict[str, str]:
    """krb5.conf with a realm that bears a suffix' name, and with the host's."""
    path = domain.folder / "krb5.conf"
    kdcs = f"[realms]\nCORP.EXAMPLE = {{\nkdc = {ADDRESS}:{foreign}\n}}\nLAB.TEST = {{\nkdc = {ADDRESS}:{own}\n}}\n"
    path.write_text(f"[libdefaults]\ndns_lookup_kdc = false\n{kdcs}", encoding="utf-8")
    return {"KRB5_CONFIG": str(path)}


@pytest.mark.parametrize(
    "foreign", [krb.error(6), krb.error(18), krb.error(68, crealm="THIRD.TEST"), PREAUTH], ids=["unknown", "revoked", "refers", "knows one"],
)
def test_realm_that_bears_a_suffix_by_chance_gets_no_password_and_stops_nobody(book: Book, domain: Domain, foreign: bytes) -> None:
    """The company's DNS name is the usual suffix, and often the realm of something else, with namesakes."""
    with Hostile(krb.answering(foreign)) as other, Hostile(krb.answering(krb.error(6))) as own:
        steps = ask(book, two_realms(domain, other.port, own.port), username="svc@corp.example")
    assert (steps[0].realm, other.connections) == ("LAB.TEST", 1 + (foreign == krb.error(6)))
    assert not any(step.outcome == REFUSED for step in steps[1:] if step.realm == "CORP.EXAMPLE")
    assert (domain.used, any(step.used for step in steps)) == ([], False)
    assert permit(book, account_of("svc@corp.example", "web02", CHALLENGE)).granted


def test_hosts_domain_is_asked_first_for_a_suffix(book: Book, domain: Domain) -> None:
    with Hostile(krb.answering(krb.error(24))) as other, Hostile(krb.answering(PREAUTH)) as own:
        ask(book, two_realms(domain, other.port, own.port), username="svc@corp.example")
        assert other.connections == 0
    assert domain.used == [("svc@corp.example@LAB.TEST", "secret")]
    assert permit(book, account_of("svc@corp.example", "web02", CHALLENGE)).proven


def test_suffix_is_the_realm_where_kerberos_is_the_only_method(book: Book, domain: Domain) -> None:
    """Its client asks that realm too, so that the refusal holds for every host."""
    with Hostile(krb.answering(krb.error(6))) as other, Hostile(krb.answering(PREAUTH)) as own:
        ask(book, two_realms(domain, other.port, own.port), username="svc@corp.example", auth=["kerberos"])
    assert domain.used == []
    assert permit(book, account_of("svc@corp.example", "web02", CHALLENGE)).reason == "refused_by_kdc"


@pytest.mark.parametrize(
    ("username", "account", "granted"),
    [
        ("CORP\\svc", account_of("CORP\\svc", "web01", None), True), ("LAB\\svc", account_of("LAB\\svc", "web01", CHALLENGE), False),
        ("svc@lab.test", account_of("svc@lab.test", "web01", CHALLENGE), False), ("svc@lab.test", account_of("svc@lab.test", "web01", None), True),
    ],
    ids=["a guessed realm", "the host's", "its suffix", "a suffix that may be anybody's"],
)
def test_unknown_in_a_realm_that_was_guessed_is_no_refusal(book: Book, domain: Domain, username: str, account: Account, granted: bool) -> None:
    with Hostile(krb.answering(krb.error(6))) as server, tickets.Tickets() as kept:
        profile = read_profile(domain.environ(f"{ADDRESS}:{server.port}"))
        step, _permit = kdc.fill(kept, username, "svc@LAB.TEST", "secret", account, book, Deadline(5), limit=1, profile=profile)
    assert step is not None
    assert (step.code, permit(book, account).granted) == (6, granted)


def test_referral_is_followed_and_proves_nothing_itself(book: Book, domain: Domain) -> None:
    steps = served(krb.answering(krb.error(68, crealm="OTHER.TEST")), domain, book, username="svc@corp.example")
    assert [(step.code, step.realm) for step in steps] == [(68, "LAB.TEST"), (154, "OTHER.TEST")]
    assert domain.used == []
    assert permit(book, account_of("svc@corp.example", "web02", CHALLENGE)).granted


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ({"username": "svc"}, "a bare name may be local"), ({"username": ".\\svc"}, "a local account"), ({"username": "WEB01\\svc"}, "a local account"),
        ({"password": None}, "no password"), ({"username": "STRANGE\\svc"}, "no realm is known"),
    ],
)
def test_nobody_is_asked(book: Book, domain: Domain, way: dict[str, t.Any], why: str) -> None:
    with Hostile(krb.answering(PREAUTH)) as server:
        assert ask(book, domain.environ(f"{ADDRESS}:{server.port}"), **way) == (), why
        assert server.connections == 0
    assert domain.used == []


def knowing(password: str) -> Play:
    """A KDC that knows a password: it asks for its proof, and judges it."""
    key = preauth.string_to_key(18, password.encode(), b"LAB.TESTsvc")

    def act(sock: t.Any) -> None:
        parts = fields(read_element(read_element(krb.request(sock), 0).value, 0))
        given = fields(read_element(parts[3].value, 0))
        answer = AES
        if given[1].value == b"\x02":
            try:
                preauth.decrypt(key, 1, fields(read_element(given[2].value, 0))[2].value)
                nonce = int.from_bytes(fields(parts[4])[7].value, "big")
                answer = krb.reply(cipher=preauth.encrypt(key, 3, krb.reply_part(nonce)))
            except ValueError:
                answer = krb.error(24)
        sock.sendall(krb.framed(answer))

    return act


@pytest.mark.parametrize(("password", "code", "expected"), [("secret", None, (True, True, "")), ("wrong", 24, (False, False, "refused_by_kdc"))])
def test_without_kerberos_libraries_an_aes_key_is_enough(
    book: Book, domain: Domain, monkeypatch: pytest.MonkeyPatch, password: str, code: int | None, expected: tuple[t.Any, ...],
) -> None:
    """Most control nodes have none: they are promised as much."""
    monkeypatch.setattr(deps, "speaks_kerberos", lambda: False)
    with Hostile(knowing("secret")) as server:
        steps = ask(book, domain.environ(f"{ADDRESS}:{server.port}"), password=password)
    assert [(step.name, step.code) for step in steps] == [("probe", 25), ("as", code)]
    assert (domain.used, told(permit(book, password=password))[:3]) == ([], expected)


@pytest.mark.parametrize("entry", ["", "https://proxy.lab.test/KdcProxy"], ids=["RC4 alone", "a proxy"])
def test_without_kerberos_libraries_what_takes_them_is_left_to_a_host(book: Book, domain: Domain, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setattr(deps, "speaks_kerberos", lambda: False)
    with Hostile(krb.answering(krb.error(25, e_data=krb.method_data(krb.padata(2, b""), krb.etype_info2((23, "")))))) as server:
        steps = ask(book, domain.environ(entry or f"{ADDRESS}:{server.port}"))
    assert (steps[-1].outcome, steps[-1].used, domain.used) == ("not_tried", False, [])
    assert "gssapi and krb5" in steps[-1].means
    assert permit(book).granted, "one host serves as canary"


def test_without_any_cryptography_nobody_is_asked(book: Book, domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deps, "speaks_kerberos", lambda: False)
    monkeypatch.setattr(deps, "ciphers", None)
    assert served(krb.answering(AES), domain, book) == ()


def test_book_that_is_not_shared_asks_nobody(domain: Domain) -> None:
    assert served(krb.answering(PREAUTH), domain, Book(os.getpid())) == ()
    assert domain.used == []


def test_spent_account_is_not_asked_about(book: Book, domain: Domain) -> None:
    with book.permit(account_of("LAB\\svc", "web02", CHALLENGE), "secret", where="web02", limit=1, deadline=Deadline(1)) as given:
        given.refused()
    assert served(krb.answering(PREAUTH), domain, book) == ()
    assert domain.used == []


def test_bare_name_with_kerberos_is_the_default_realms() -> None:
    account = account_of("svc", "web01", CHALLENGE)
    assert in_domain(account, "") is account
    assert in_domain(account, "LAB.TEST").is_surely(account_of("LAB.TEST\\svc", "web02", CHALLENGE))


def test_name_that_is_no_text_is_asked_for_all_the_same(book: Book, domain: Domain) -> None:
    steps = served(krb.answering(krb.error(6)), domain, book, username="LAB\\sv\udcfcc")
    assert [step.code for step in steps] == [6]


def test_many_workers_ask_once(domain: Domain) -> None:
    book = Book(os.getpid())
    domain.refuses(24)
    seen: list[bytes] = []
    reading, writing = os.pipe()
    with Hostile(krb.answering(PREAUTH, seen=seen)) as server:
        environ = domain.environ(f"{ADDRESS}:{server.port}")
        children = []
        for _number in range(12):
            pid = os.fork()
            if not pid:
                steps = ask(book, environ, seconds=20)
                os.write(writing, bytes([65 + len(domain.used), 48 + (steps[-1].code or 0)]))
                os._exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        answers = os.read(reading, 100).decode()
    assert sorted(answers[::2]) == ["A"] * 11 + ["B"]
    assert set(answers[1::2]) == {chr(48 + 24)}
    assert len(seen) == 1


def test_no_password_stands_in_the_book(book: Book, domain: Domain) -> None:
    served(krb.answering(PREAUTH), domain, book, password="hunter2-correct-horse")
    assert b"hunter2" not in os.pread(book._file, 10_000, 0)


@pytest.mark.parametrize(
    ("entries", "places", "proxied"),
    [
        (("127.0.0.1",), (("127.0.0.1", 88),), False),
        (("127.0.0.1:750", "tcp/127.0.0.2:751", "udp/127.0.0.3"), (("127.0.0.1", 750), ("127.0.0.2", 751), ("127.0.0.3", 88)), False),
        (("[::1]:750", "::1"), (("::1", 750), ("::1", 88)), False),
        (("https://proxy/KdcProxy",), (), True),
        (("https://proxy/KdcProxy", "127.0.0.1"), (("127.0.0.1", 88),), False),
        (("127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1"), (("127.0.0.1", 88),), False),
        ((), (), False),
    ],
)
def test_kdcs_are_found(domain: Domain, entries: tuple[str, ...], places: tuple[tuple[str, int], ...], proxied: bool) -> None:
    profile = read_profile(domain.environ(*entries))
    found = kdc.find("LAB.TEST", profile, Deadline(2))
    assert (found.places, found.proxied, bool(found.why)) == (places, proxied, not places)


def test_a_kdc_with_two_kinds_of_addresses_is_tried_at_both(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    """As libkrb5 does; otherwise a broken IPv6 would make every KDC look silent."""
    monkeypatch.setattr(kdc.Names, "addresses", lambda _names, _seconds: ("::1", "::2", "127.0.0.1", "127.0.0.2"))
    assert kdc.find("LAB.TEST", read_profile(domain.environ("dc1.lab.test")), Deadline(2)).places == (("::1", 88), ("127.0.0.1", 88))


RECORD = "_kerberos._tcp.lab.test"


@pytest.mark.parametrize(
    ("entries", "records", "why"),
    [
        ((), (), f"krb5.conf names none, and DNS has no {RECORD}"),
        ((), (locate.Place("dc9.invalid", 88),), f"krb5.conf names none, and DNS names by {RECORD} dc9.invalid, which does not resolve to an address"),
        ((), Unknown("LifetimeTimeout: no answer."), f"krb5.conf names none, and DNS gives no answer about {RECORD} (LifetimeTimeout: no answer)"),
        (("dc8.invalid", "dc9.invalid:88"), (), "krb5.conf names dc8.invalid, dc9.invalid, which do not resolve to an address"),
        (("unix:/run/kdc",), (), "what krb5.conf names for it is no host with a port"),
    ],
    ids=["no record", "target without an address", "silent DNS", "krb5.conf's without an address", "a socket"],
)
def test_why_no_kdc_is_known(domain: Domain, monkeypatch: pytest.MonkeyPatch, entries: tuple[str, ...], records: t.Any, why: str) -> None:
    monkeypatch.setattr(locate, "srv", lambda name, lifetime: records)
    environ = domain.environ(*entries)
    environ_file = Path(environ["KRB5_CONFIG"])
    environ_file.write_text(environ_file.read_text(encoding="utf-8").replace("dns_lookup_kdc = false", ""), encoding="utf-8")
    found = kdc.find("LAB.TEST", read_profile(environ), Deadline(2))
    assert (found.places, found.why) == ((), why)
    assert kdc.nowhere("svc@LAB.TEST", "LAB.TEST", found.why).means == f"No KDC of the realm LAB.TEST is known here: {why}."


def fill(book: Book, environ: dict[str, str], *, username: str = "LAB\\svc", password: str = "secret") -> tuple[KerberosStep | None, Permit]:
    account = account_of(username, "web01", CHALLENGE)
    principal = tickets.principal_of(username, "LAB.TEST")
    with tickets.Tickets() as kept:
        return kdc.fill(kept, username, principal, password, account, book, Deadline(10), limit=1, profile=read_profile(environ))


def test_wrong_password_is_shown_to_one_of_two_slow_kdcs_before_a_ticket_is_asked_for(book: Book, domain: Domain) -> None:
    seen: tuple[list[bytes], list[bytes]] = ([], [])

    def slow(asked: list[bytes]) -> Play:
        answer = krb.answering(AES, krb.error(24), seen=asked)

        def act(sock: t.Any) -> None:
            # libkrb5 turns to the next KDC after a second.
            time.sleep(1.1)
            answer(sock)

        return act

    with Hostile(slow(seen[0])) as one, Hostile(slow(seen[1])) as other:
        environ = domain.environ(f"{ADDRESS}:{one.port}", f"{ADDRESS}:{other.port}")
        step, _permit = fill(book, environ)
        again, _permit = fill(book, environ)
        none, refusal = fill(book, environ, password="another")
    assert step is not None
    assert (step.name, step.outcome, step.code, again) == ("as", "refused", 24, step)
    assert [len(asked) for asked in seen] == [2, 0], "a question without the password, and one with it"
    assert domain.used == [], "libkrb5 was not asked"
    assert (none, refusal.reason) == (None, "refused_before"), "what the KDC said of one password does not hold for another"
    assert "refused another password of the same account" in not_told(refusal)


@pytest.mark.parametrize(
    ("username", "got", "principal"),
    [
        ("LAB\\svc", "svc@LAB.TEST", "svc@LAB.TEST"), ("svc@lab.test", "SVC@LAB.TEST", "svc@LAB.TEST"),
        ("first.last@lab.test", "svc@LAB.TEST", "svc@LAB.TEST"), ("LAB\\svc", "", "svc@LAB.TEST"),
    ],
)
def test_ticket_is_asked_for_once_the_password_is_proven(
    book: Book, domain: Domain, monkeypatch: pytest.MonkeyPatch, username: str, got: str, principal: str,
) -> None:
    monkeypatch.setattr(preauth, "prove", lambda *_asked, **_more: KerberosStep(AS, "x", GRANTED, "yes", realm="LAB.TEST", got=got, used=True))
    with Hostile(krb.answering(AES)) as server:
        step, given = fill(book, domain.environ(f"{ADDRESS}:{server.port}"), username=username)
    assert (given.proven, domain.used) == (True, [(principal, "secret")])
    assert step is not None
    assert step.outcome == GRANTED


def test_ticket_is_refused_with_the_account_before_the_password_is_asked_for(book: Book, domain: Domain) -> None:
    with Hostile(krb.answering(krb.error(18, e_data=krb.extended(0xC0000072)))) as server:
        step, _permit = fill(book, domain.environ(f"{ADDRESS}:{server.port}"))
    assert step is not None
    assert (step.name, step.outcome, step.code, step.status, step.used, domain.used) == ("as", "refused", 18, 0xC0000072, False, [])


def test_ticket_is_left_alone_where_no_kdc_answers(book: Book, domain: Domain) -> None:
    step, given = fill(book, domain.environ())
    assert step is not None
    assert (step.code, given.reason, domain.used) == (154, "asked", [])
    assert not_told(given) == step.means


def test_ticket_is_not_asked_for_by_a_book_that_is_not_shared(domain: Domain) -> None:
    step, given = fill(Book(os.getpid()), domain.environ(f"{ADDRESS}:1"))
    assert (step, given.reason, domain.used) == (None, "no_book", [])


@pytest.mark.parametrize(
    ("username", "realms"),
    [
        ("LAB\\svc", [("LAB.TEST", True)]), ("lab.test\\svc", [("LAB.TEST", True)]), ("svc@lab.test", [("LAB.TEST", True)]),
        ("svc@corp.example", [("LAB.TEST", False), ("CORP.EXAMPLE", False)]), ("svc@LAB", [("LAB.TEST", True)]),
        ("svc", [("LAB.TEST", True)]), ("svc@a b.test", [("LAB.TEST", False)]),
    ],
)
def test_realms_to_ask(domain: Domain, username: str, realms: list[tuple[str, bool]]) -> None:
    found = kdc.realms_for(username, CHALLENGE, read_profile(domain.environ()))
    assert [(realm.name, realm.sure) for realm in found] == realms


def test_guessed_realm_is_not_sure(domain: Domain) -> None:
    found = kdc.realms_for("LAB\\svc", None, read_profile(domain.environ()))
    assert found == (kdc.Realm("LAB.TEST", False),)
