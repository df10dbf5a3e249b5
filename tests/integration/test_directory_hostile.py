# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains that are silent, slow, lying or only half there: a look ends in time, says what it could not see and why, and hands nobody a password."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import typing as t
from pathlib import Path

import krb
import pytest
from ansible_collections.winrm.doctor.plugins.module_utils import deps
from ansible_collections.winrm.doctor.plugins.module_utils.account import account_of
from ansible_collections.winrm.doctor.plugins.module_utils.collect import connections, controllers, directory, reader
from ansible_collections.winrm.doctor.plugins.module_utils.collect.attempts import Book
from ansible_collections.winrm.doctor.plugins.module_utils.directory import locate
from ansible_collections.winrm.doctor.plugins.module_utils.domain import Domain
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown, decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import AS, PROBE, TGS, DirectoryEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline
from hostile import Hostile, Play, reset
from ldap_server import BIND_RESPONSE, Peer, Script, Server, done, entry, message, result

pytest.importorskip("sansldap", reason="the Python library sansldap is not installed")

ADDRESS, TIMEOUT, SLACK = "127.0.0.1", 2.0, 5.0
"""The last is what a loaded machine may add, in seconds."""
BIND, SEARCH = 0x60, 0x63
WRONG = "80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data 52e, v4563"
PASSWORD = "hunter2-correct-horse"
ROOT = {
    "defaultNamingContext": ["DC=lab,DC=test"], "rootDomainNamingContext": ["DC=lab,DC=test"],
    "configurationNamingContext": ["CN=Configuration,DC=lab,DC=test"], "dnsHostName": ["dc1.lab.test"],
    "currentTime": ["20260408224800.0Z"], "isGlobalCatalogReady": ["TRUE"], "domainFunctionality": ["7"],
}


def silent(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            continue


def answers(root: dict[str, t.Any] | None = None, code: int = 0, words: str = "") -> Script:
    """Tells its rootDSE to everybody, and refuses everything else."""

    def script(peer: Peer) -> None:
        while True:
            request = peer.read()
            if request.operation == SEARCH and not code:
                peer.send(entry(request.number, "", **(ROOT if root is None else root)), done(request.number))
            elif request.operation == BIND and not code:
                peer.send(message(request.number, BIND_RESPONSE, result(49, WRONG)))
            else:
                peer.send(done(request.number, code or 1, words))

    return script


def says(data: bytes, *, then: t.Callable[[Peer], None] | None = None) -> Script:
    def script(peer: Peer) -> None:
        peer.read()
        peer.sock.sendall(data)
        if then:
            then(peer)

    return script


def resets(peer: Peer) -> None:
    peer.read()
    reset(peer.sock)


def floods(peer: Peer) -> None:
    request = peer.read()
    while True:
        peer.send(entry(request.number, "", x=["y" * 60_000]))


LDAP_ACTS: dict[str, Script] = {
    "silent": lambda peer: peer.wait(), "closes": lambda peer: None, "resets": resets, "HTTP": says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "garbage": says(bytes(range(256)) * 20), "cut short": says(entry(2, "", **ROOT)[:40]), "floods": floods, "busy": answers(code=51, words="too busy"),
    "half an answer": says(entry(2, "", **ROOT), then=lambda peer: peer.wait()),
    "drips": lambda peer: peer.drip(entry(peer.read().number, "", x=["y" * 9_000])),
    "no root": answers({}),
    "root of megabytes": answers({**ROOT, "supportedSASLMechanisms": ["x" * 1000] * 200}),
    "strange root": answers({**ROOT, "currentTime": ["yesterday"], "domainFunctionality": ["seven"], "dnsHostName": ["\x1b[31m"]}),
}
KDC_ACTS: dict[str, Play] = {
    "silent": silent, "closes": lambda sock: None, "resets": reset, "HTTP": krb.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "endless": krb.raw(b"\x7f\xff\xff\xff"),
    "garbage": krb.answering(bytes(range(256))), "half": krb.raw(krb.framed(krb.error(25))[:30], then=silent), "empty": krb.answering(b""),
    "unknown account": krb.answering(krb.error(6)), "refuses": krb.answering(krb.error(18, e_data=krb.method_data(krb.extended(0xC0000072)))),
    "no fault it knows": krb.answering(krb.error(99)), "asks for the password, then is silent": krb.answering(krb.error(25)),
    "strange time": krb.answering(krb.error(25, stime="20269999999999Z")), "ticket that nobody can open": krb.answering(krb.reply()),
}


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> t.Callable[..., tuple[DirectoryEvidence, Book, float]]:
    """A look at a domain whose only controller is this machine, with its ports where the servers are; a port of None refuses."""
    monkeypatch.setattr(locate, "srv", lambda name, lifetime: ())
    monkeypatch.setattr(connections, "srv", lambda name, lifetime: ())
    with socket.create_server((ADDRESS, 0)) as unused:
        nobody = unused.getsockname()[1]

    def visit(
        ldap: int | None = None, kdc: int | None = None, *, domain: dict[str, t.Any] | None = None, **target: t.Any,
    ) -> tuple[DirectoryEvidence, Book, float]:
        lines = ["[libdefaults]", " default_realm = LAB.TEST", " dns_lookup_kdc = false", " udp_preference_limit = 1", "[realms]", " LAB.TEST = {"]
        (tmp_path / "krb5.conf").write_text("\n".join([*lines, f"  kdc = {ADDRESS}:{kdc or nobody}", " }", ""]), encoding="utf-8")
        monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
        monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'none'}")
        ports = {"KERBEROS": kdc or nobody, "LDAP": ldap or nobody, "LDAPS": nobody + 1, "CATALOGUE": nobody + 2, "PASSWORD": nobody + 3}
        for name, port in ports.items():
            monkeypatch.setattr(controllers, name, port)
        monkeypatch.setattr(controllers, "PORTS", tuple(ports.values()))
        monkeypatch.setattr(reader, "PORTS", {"sealed": ports["LDAP"], "ldaps": ports["LDAP"]})
        monkeypatch.setattr(connections, "PORTS", {"sealed": ports["LDAP"], "ldaps": ports["LDAP"]})
        monkeypatch.setattr(connections, "CATALOGUE_PORTS", {"sealed": ports["CATALOGUE"], "ldaps": ports["CATALOGUE"]})
        given = {"host": "web01.lab.test", "port": 5985, "auth": ["kerberos"], "username": "svc@LAB.TEST", "password": PASSWORD, **target}
        book = Book(os.getppid())
        began = time.monotonic()
        found = directory.observe(
            from_params(given), Domain(name="lab.test", controllers=(ADDRESS,), **(domain or {})), timeout=TIMEOUT, plan=directory.Plan(connect_timeout=1.0),
            book=book,
        )
        return found, book, time.monotonic() - began

    return visit


def unknowns(value: t.Any) -> t.Iterator[str]:
    """Every reason in the evidence."""
    if isinstance(value, dict):
        if set(value) == {"unknown"}:
            yield value["unknown"]
        for item in value.values():
            yield from unknowns(item)
    elif isinstance(value, list):
        for item in value:
            yield from unknowns(item)


def check(found: DirectoryEvidence, seconds: float) -> None:
    """What holds whatever a domain does."""
    assert seconds < TIMEOUT + SLACK
    plain = json.loads(json.dumps(encode(found)))
    assert decode(DirectoryEvidence, plain) == found
    assert PASSWORD not in json.dumps(plain)
    assert "\\u001b" not in json.dumps(plain), "nothing that a server sent may steer a terminal"
    assert [why for why in unknowns(plain) if "the probe failed" in why] == [], "a fault of ours"
    assert len(json.dumps(plain)) < 30_000
    for part in (found.account, found.computer, found.trusts):
        assert isinstance(part, Unknown)
        assert part.unknown


@pytest.mark.parametrize("name", LDAP_ACTS)
def test_ldap_server_that_misbehaves(look: t.Callable[..., t.Any], name: str) -> None:
    server = Server(LDAP_ACTS[name])
    found, _book, seconds = look(ldap=server.port)
    server.close()
    assert not server.errors
    check(found, seconds)
    seen = found.controllers[0]
    assert [port.state for port in seen.ports[:2]] == ["refused", "open"]
    assert isinstance(seen.root, Unknown) is (name not in ("no root", "root of megabytes", "strange root"))
    assert [step.outcome for step in found.steps if step.name == TGS] == ["not_tried"]


@pytest.mark.parametrize("name", KDC_ACTS)
def test_kdc_that_misbehaves(look: t.Callable[..., t.Any], name: str) -> None:
    server = Server(answers())
    with Hostile(KDC_ACTS[name], ADDRESS) as kdc:
        found, book, seconds = look(ldap=server.port, kdc=kdc.port)
    server.close()
    check(found, seconds)
    probe = next(step for step in found.steps if step.name == PROBE)
    expected = {"unknown account": ("refused", 6), "refuses": ("refused", 18), "no fault it knows": ("refused", 99)}
    asks = ("asks for the password, then is silent", "strange time")
    assert (probe.outcome, probe.code) == expected.get(name, ("granted", 25) if name in asks else ("granted", None) if "ticket" in name else ("failed", None))
    assert found.controllers[0].root.dns_host_name == "dc1.lab.test"
    assert any(clock.source == "ldap" for clock in found.controllers[0].clocks)
    asked = [step for step in found.steps if step.name == AS]
    assert [step.outcome for step in asked if step.outcome == "granted"] == []
    account = account_of("svc@LAB.TEST", "web01.lab.test", None)
    with book.permit(account, PASSWORD, where="other", limit=1, deadline=Deadline(1)) as permit:
        assert (permit.proven, permit.granted) == (False, name == "unknown account"), "else refused by the KDC or by LDAP"
    judged = sum(step.used and step.code != 25 for step in asked) + len(found.binds)
    assert judged <= 1, "once, wherever that is; who asks for another proof has judged nothing"
    assert not (judged and permit.granted)


def test_closed_port_of_the_kdc_leaves_the_password_for_ldap(look: t.Callable[..., t.Any]) -> None:
    server = Server(answers())
    found, book, seconds = look(ldap=server.port)
    server.close()
    check(found, seconds)
    asked = next(step for step in found.steps if step.name == AS)
    if deps.speaks_kerberos():
        assert (asked.outcome, asked.code, asked.used) == ("failed", 156, False)
        assert asked.means.startswith(f"No KDC of the realm LAB.TEST answers: {ADDRESS} port ")
    assert [(bind.method, bind.outcome, bind.data) for bind in found.binds] == [("ntlm", "refused", 0x52E)]
    with book.permit(account_of("svc@LAB.TEST", "web01.lab.test", None), PASSWORD, where="other", limit=1, deadline=Deadline(1)) as permit:
        assert (permit.granted, permit.reason) == (False, "refused_before")


def test_lying_root_is_noticed(look: t.Callable[..., t.Any]) -> None:
    server = Server(answers({**ROOT, "defaultNamingContext": ["DC=elsewhere,DC=test"]}))
    found, _book, seconds = look(ldap=server.port)
    server.close()
    check(found, seconds)
    assert "127.0.0.1 was taken for a controller of lab.test, but says that it serves elsewhere.test." in [gap.unknown for gap in found.gaps]
    assert found.controllers[0].domain == "elsewhere.test"


def test_nobody_there(look: t.Callable[..., t.Any]) -> None:
    found, _book, seconds = look()
    check(found, seconds)
    assert {port.state for port in found.controllers[0].ports} == {"refused"}
    assert isinstance(found.account, Unknown)
    assert found.account.unknown.startswith("no controller of lab.test answers on port ")


def test_local_account_is_shown_to_no_kdc_and_no_directory(look: t.Callable[..., t.Any]) -> None:
    server = Server(answers())
    with Hostile(KDC_ACTS["unknown account"], ADDRESS) as kdc:
        found, _book, seconds = look(ldap=server.port, kdc=kdc.port, username="web01\\svc")
    server.close()
    check(found, seconds)
    assert [step.name for step in found.steps] == [TGS]
    assert found.binds == ()


def test_certificate_that_does_not_verify_gets_no_password(look: t.Callable[..., t.Any]) -> None:
    server = Server(says(b"\x15\x03\x03\x00\x02\x02\x28"))
    found, book, seconds = look(ldap=server.port, domain={"transport": "ldaps", "auth": "simple"})
    server.close()
    check(found, seconds)
    assert found.binds == ()
    with book.permit(account_of("svc@LAB.TEST", "web01.lab.test", None), PASSWORD, where="other", limit=1, deadline=Deadline(1)) as permit:
        assert permit.granted
