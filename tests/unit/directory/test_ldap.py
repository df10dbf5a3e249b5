# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions and answers over real sockets: searches, pages, ranges, changes."""

from __future__ import annotations

import threading
import typing as t
from itertools import islice

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory.ldap import Ldap, LdapError, LdapUnreachable
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from ldap_server import MODIFY, MODIFY_RESPONSE, SEARCH, SEARCH_REFERENCE, UNBIND, Peer, Script, Server, done, entry, integer, message, result, text

pytest.importorskip("sansldap", reason="the Python library sansldap is not installed")

Client = t.Callable[[Script], Ldap]


@pytest.fixture
def client() -> t.Iterator[Client]:
    """Connects to a script; whatever went wrong in a script fails the test."""
    servers: list[Server] = []
    clients: list[Ldap] = []

    def start(script: Script) -> Ldap:
        server = Server(script)
        ldap = Ldap("127.0.0.1", "dc1.lab.test", port=server.port, transport="sealed", deadline=Deadline(10), domain=Domain())
        ldap.connect()
        servers.append(server)
        clients.append(ldap)
        return ldap

    yield start
    for ldap in clients:
        ldap.close()
    for server in servers:
        server.close()
        assert not server.errors


def answers(*replies: t.Callable[[int], bytes]) -> Script:
    """One reply after the other, whatever is asked."""

    def script(peer: Peer) -> None:
        for reply in replies:
            peer.send(reply(peer.read().number))
        peer.wait()

    return script


def people(number: int, *names: str, **more: t.Any) -> bytes:
    return b"".join(entry(number, f"CN={name}", cn=[name]) for name in names) + done(number, **more)


def names(entries: t.Iterable[t.Any]) -> list[str]:
    return [one.text("cn") for one in entries]


def test_the_root_is_asked_for_once(client: Client) -> None:
    ldap = client(answers(lambda n: entry(n, "", dnsHostName=["dc1.lab.test"]) + done(n)))
    assert ldap.root().text("dnshostname") == "dc1.lab.test"
    assert ldap.root().text("dnshostname") == "dc1.lab.test"


def test_pages_are_read_until_the_cookie_is_empty(client: Client) -> None:
    ldap = client(answers(lambda n: people(n, "a", "b", cookie=b"more"), lambda n: people(n, "c", cookie=b"")))
    assert names(ldap.search("DC=x", "(cn=*)", ["cn"])) == ["a", "b", "c"]


def test_another_question_may_be_asked_between_two_entries(client: Client) -> None:
    ldap = client(answers(
        lambda n: people(n, "a", "b", cookie=b"more"), lambda n: people(n, "inner-a"), lambda n: people(n, "inner-b"),
        lambda n: people(n, "c", cookie=b""), lambda n: people(n, "inner-c"),
    ))
    seen = [(one.text("cn"), names(ldap.search("DC=x", "(cn=*)", ["cn"]))) for one in ldap.search("DC=x", "(cn=*)", ["cn"])]
    assert seen == [("a", ["inner-a"]), ("b", ["inner-b"]), ("c", ["inner-c"])]


def test_referrals_are_passed_over(client: Client) -> None:
    ldap = client(answers(lambda n: message(n, SEARCH_REFERENCE, text("ldap://other.test/DC=other")) + people(n, "a")))
    assert names(ldap.search("DC=x", "(cn=*)", ["cn"])) == ["a"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_entries_arrive_whole_however_they_are_cut(client: Client, size: int) -> None:
    def script(peer: Peer) -> None:
        data = people(peer.read().number, "a", "b" * 300)
        for at in range(0, len(data), size):
            peer.sock.sendall(data[at : at + size])
        peer.wait()

    assert names(client(script).search("DC=x", "(cn=*)", ["cn"])) == ["a", "b" * 300]


def test_more_entries_than_wanted_end_in_a_size_limit_after_those(client: Client) -> None:
    ldap = client(answers(lambda n: people(n, "a", "b", cookie=b"more"), lambda n: people(n, "c", "d", cookie=b"more")))
    found = ldap.search("DC=x", "(cn=*)", ["cn"], most=3, page=2)
    assert names(islice(found, 3)) == ["a", "b", "c"]
    with pytest.raises(LdapError) as caught:
        next(found)
    assert caught.value.code == 4
    assert "3 entries were read, and there are more" in caught.value.sentence


def test_exactly_as_many_entries_as_wanted_are_no_limit(client: Client) -> None:
    ldap = client(answers(lambda n: people(n, "a", "b", cookie=b"more"), lambda n: people(n, cookie=b"")))
    assert names(ldap.search("DC=x", "(cn=*)", ["cn"], most=2)) == ["a", "b"]


def test_a_server_that_ignores_pages_cannot_make_more_entries_of_it(client: Client) -> None:
    ldap = client(answers(lambda n: people(n, *"abcdefghij")))
    with pytest.raises(LdapError):
        list(ldap.search("DC=x", "(cn=*)", ["cn"], most=3))


def test_gathered_entries_carry_the_limit_as_a_gap(client: Client) -> None:
    ldap = client(answers(lambda n: people(n, "a", "b", code=4), lambda n: people(n, "c")))
    found = ldap.gather("DC=x", "(cn=*)", ["cn"])
    assert names(found.entries) == ["a", "b"]
    assert isinstance(found.gap, Unknown)
    assert "The search for (cn=*) in DC=x failed. sizeLimitExceeded (4)" in found.gap.unknown
    assert ldap.gather("DC=x", "(cn=*)", ["cn"]).gap is None


@pytest.mark.parametrize(("code", "words"), [(32, "0000208D: NameErr: x"), (10, "0000202B: RefErr: x"), (50, ""), (51, ""), (4711, "")])
def test_a_refused_search_raises_after_what_came(client: Client, code: int, words: str) -> None:
    found = client(answers(lambda n: people(n, "a", code=code, words=words))).search("DC=x", "(cn=*)", ["cn"])
    assert next(found).text("cn") == "a"
    with pytest.raises(LdapError) as caught:
        next(found)
    assert caught.value.code == code
    with pytest.raises(LdapError):
        client(answers(lambda n: people(n, "a", code=code))).gather("DC=x", "(cn=*)", ["cn"])


def test_a_result_code_that_sansldap_does_not_know_is_no_success(client: Client) -> None:
    sansldap = pytest.importorskip("sansldap")
    assert int(sansldap.LDAPResultCode(4711)) == 0, "the reason for this test: the library makes a zero of it"
    with pytest.raises(LdapError, match="result 4711"):
        list(client(answers(lambda n: done(n, code=4711))).search("DC=x", "(cn=*)", []))


def test_an_attribute_in_pieces_is_put_together(client: Client) -> None:
    ldap = client(answers(
        lambda n: entry(n, "CN=g", **{"member": [], "member;range=0-1": ["a", "b"]}) + done(n),
        lambda n: entry(n, "CN=g", **{"member;range=2-3": ["c", "d"]}) + done(n),
        lambda n: entry(n, "CN=g", **{"member;range=4-*": ["e"]}) + done(n),
    ))
    (group,) = ldap.search("DC=x", "(cn=g)", ["member"])
    assert group.texts("member") == ("a", "b", "c", "d", "e")
    assert group.partial == ()


@pytest.mark.parametrize(
    "second", [lambda n: done(n, code=50), done, lambda n: entry(n, "CN=g", **{"member;range=0-1": ["a", "b"]}) + done(n)],
    ids=["refused", "gone", "the same again"],
)
def test_an_attribute_of_which_the_rest_is_not_to_be_had_says_so(client: Client, second: t.Callable[[int], bytes]) -> None:
    ldap = client(answers(lambda n: entry(n, "CN=g", **{"member;range=0-1": ["a", "b"]}) + done(n), second))
    (group,) = ldap.search("DC=x", "(cn=g)", ["member"])
    assert group.texts("member")[:2] == ("a", "b")
    assert group.partial == ("member",)


def test_a_malformed_filter_is_a_fault_of_the_caller(client: Client) -> None:
    with pytest.raises(ValueError, match="Unbalanced"):
        list(client(answers()).search("DC=x", "(cn=a", []))


def test_a_change_is_sent_and_its_result_read(client: Client) -> None:
    def script(peer: Peer) -> None:
        request = peer.read()
        assert request.operation == MODIFY
        assert b"servicePrincipalName" in request.body
        peer.send(message(request.number, MODIFY_RESPONSE, result(0)))
        request = peer.read()
        assert request.operation == SEARCH
        peer.send(people(request.number, "a"))
        peer.wait()

    ldap = client(script)
    ldap.modify("CN=a,DC=x", [("add", "servicePrincipalName", ["HTTP/a"])])
    assert names(ldap.search("DC=x", "(cn=*)", ["cn"])) == ["a"]


@pytest.mark.parametrize(
    ("code", "words", "data"),
    [(19, "000021C7: AtrErr: x", 0x21C7), (50, "00002098: SecErr: x", 0x2098), (53, "", None), (4711, "", None), (-1, "", None)],
)
def test_a_refused_change_raises_with_code_and_data(client: Client, code: int, words: str, data: int | None) -> None:
    ldap = client(answers(lambda n: message(n, MODIFY_RESPONSE, result(code, words))))
    with pytest.raises(LdapError) as caught:
        ldap.modify("CN=a,DC=x", [("add", "servicePrincipalName", ["HTTP/a"])])
    assert (caught.value.code, caught.value.data) == (code, data)
    assert caught.value.sentence.startswith("The change of CN=a,DC=x failed.")


@pytest.mark.parametrize(
    "reply",
    [
        lambda n: message(n + 1, MODIFY_RESPONSE, result(0)), done, lambda n: message(n, MODIFY_RESPONSE),
        lambda n: message(n, MODIFY_RESPONSE, integer(0)),
    ],
    ids=["another id", "another operation", "empty", "an integer"],
)
def test_an_answer_that_is_not_the_changes_result_is_no_success(client: Client, reply: t.Callable[[int], bytes]) -> None:
    with pytest.raises(LdapUnreachable) as caught:
        client(answers(reply)).modify("CN=a,DC=x", [("add", "servicePrincipalName", ["HTTP/a"])])
    assert caught.value.why == "not_ldap"


def test_the_deadline_may_be_exchanged_between_two_questions(client: Client) -> None:
    ldap = client(answers(lambda n: people(n, "a")))
    assert names(ldap.search("DC=x", "(cn=*)", ["cn"])) == ["a"]
    ldap.deadline = Deadline(0.2)
    with pytest.raises(LdapUnreachable) as caught:
        list(ldap.search("DC=x", "(cn=*)", ["cn"]))
    assert caught.value.why == "timeout"


def test_after_a_broken_conversation_every_question_says_that_it_is_closed(client: Client) -> None:
    ldap = client(lambda peer: None)
    for _again in range(2):
        with pytest.raises(LdapUnreachable) as caught:
            list(ldap.search("DC=x", "(cn=*)", ["cn"]))
        assert caught.value.why == "closed"


def test_closing_says_good_bye_once(client: Client) -> None:
    seen: list[int] = []
    gone = threading.Event()

    def script(peer: Peer) -> None:
        try:
            while True:
                seen.append(peer.read().operation)
        finally:
            gone.set()

    ldap = client(script)
    ldap.close()
    ldap.close()
    assert gone.wait(10)
    assert seen == [UNBIND]
