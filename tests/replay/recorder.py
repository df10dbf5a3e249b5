# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges with a live host, written down without anything that names it, and played back to the client."""

from __future__ import annotations

import contextlib
import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.winrm.doctor.plugins.module_utils.collect.ladder import Ladder
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import decode, encode
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.logon import ACCEPTED, LegEvidence, RungEvidence
from ansible_collections.winrm.doctor.plugins.module_utils.target import Target, from_params
from ansible_collections.winrm.doctor.plugins.module_utils.wire import methods
from ansible_collections.winrm.doctor.plugins.module_utils.wire.channel import Channel
from ansible_collections.winrm.doctor.plugins.module_utils.wire.deadline import Deadline, WireError
from ansible_collections.winrm.doctor.plugins.module_utils.wire.session import Answer, Session

FORMAT = 1
PLAYING = 60.0
RUNGS = ("identify", "config", "cmd")
"""PowerShell's own messages are binary and carry the session's identity through and through, so they are not recorded."""
GUID = re.compile(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")
SID = re.compile(r"\bS-1-5-21(?:-\d+){3,}\b")
THUMBPRINT = re.compile(r"\b[0-9A-F]{40}\b")


@dataclass
class Sanitiser:
    """Takes out of a text what names a host or a person; the same thing gets the same alias."""

    names: dict[str, str]
    """Name, in any case, to alias."""
    _known: dict[str, str] = field(default_factory=dict)

    def __call__(self, value: t.Any) -> t.Any:
        """The value, of JSON types, without the names."""
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for name, alias in sorted(self.names.items(), key=lambda pair: -len(pair[0])):
            if name:
                text = re.sub(re.escape(name), alias, text, flags=re.IGNORECASE)
        text = GUID.sub(lambda found: self._numbered(found[0].upper(), "00000000-0000-0000-0000-{:012d}"), text)
        text = SID.sub(lambda found: self._numbered(found[0], "S-1-5-21-1-2-3-{}"), text)
        text = THUMBPRINT.sub(lambda found: self._numbered(found[0], "{:040d}"), text)
        return ADDRESS.sub(lambda found: self._numbered(found[0], "192.0.2.{}"), text)

    def _numbered(self, found: str, form: str) -> str:
        if found in self._known.values():
            return found
        kinds = sum(1 for alias in self._known.values() if len(alias) == len(form.format(1)) and alias[:4] == form.format(1)[:4])
        return self._known.setdefault(found, form.format(kinds + 1))


class RecordingSession(Session):
    """A session that remembers each question with its answer, unsealed."""

    exchanges: list[dict[str, t.Any]]

    def ask(self, message: bytes, what: str) -> Answer:
        """Ask, and remember."""
        answer = super().ask(message, what)
        self.exchanges.append({"what": what, "message": message.decode(), "answer": answer.message.decode("utf-8", "replace"), "leg": encode(answer.leg)})
        return answer


class Player:
    """A session that plays a recording: the ladder asks it as it would ask a host."""

    requests = 0

    def __init__(self, recording: t.Mapping[str, t.Any]) -> None:
        self.waiting = list(recording["exchanges"])
        self.channel = t.cast(Channel, _Nowhere())
        self.sealed = bool(recording["sealed"])

    def ask(self, message: bytes, what: str) -> Answer:
        """The recorded answer to this question."""
        if not self.waiting or self.waiting[0]["what"] != what:
            raise WireError(f"the recording has no answer to {what} here")
        found = self.waiting.pop(0)
        return Answer(decode(LegEvidence, found["leg"]), found["answer"].encode())

    def again(self) -> None:
        """A recording knows no second logon."""
        raise WireError("the recording ends here")


class _Nowhere:
    def __init__(self) -> None:
        self.url, self.open, self.deadline = "http://host/wsman", True, Deadline(PLAYING)

    @contextlib.contextmanager
    def until(self, deadline: Deadline) -> t.Iterator[None]:
        """A recording answers at once."""
        yield


def names_of(target: Target, legs: t.Iterable[LegEvidence]) -> dict[str, str]:
    """What must not stay: names the target, its account, and what the host called itself."""
    user = target.username or ""
    domain, _slash, bare = user.rpartition("\\")
    bare, _at, realm = bare.partition("@")
    own = next((leg.answer.text for leg in legs if leg.answer and leg.answer.kind == "ntlm_challenge"), "")
    found = {target.host: "host.example", own: "host.example", bare: "user", domain: "DOMAIN", realm: "domain.example", target.name: "host"}
    for name in (target.host, own):
        if name and not ADDRESS.fullmatch(name):
            found[name.partition(".")[0]] = "host"
            found[name.partition(".")[2]] = "domain.example"
    return {name: alias for name, alias in found.items() if len(name) > 1}


def record(target: Target, address: str, method: str, *, seconds: float = 30.0) -> dict[str, t.Any]:
    """Log on, climb, and tell it all without names; the target's password never gets near the recording."""
    channel = Channel(target, address, target.port, target.scheme, Deadline(seconds), client_certificate=method == "certificate")
    sealed = target.scheme == "http" and method in methods.SEALING
    session = RecordingSession(channel, lambda der: methods.method_for(method, target, der, methods.SENT, ("Negotiate",)), name=method, sealed=sealed)
    session.exchanges = []
    outcome = session.log_on()
    legs = list(session.legs)
    rungs = [Ladder(session).rung(name) for name in RUNGS] if outcome == ACCEPTED else []
    session.close()
    whole = {
        "format": FORMAT, "method": method, "scheme": target.scheme, "sealed": sealed, "outcome": outcome, "handshake": [encode(leg) for leg in legs],
        "rungs": {rung.name: rung.status for rung in rungs}, "exchanges": session.exchanges,
    }
    return t.cast("dict[str, t.Any]", Sanitiser(names_of(target, legs))(whole))


def play(recording: t.Mapping[str, t.Any]) -> list[RungEvidence]:
    """Let the client climb on the recorded answers."""
    ladder = Ladder(t.cast(Session, Player(recording)))
    return [ladder.rung(name) for name in RUNGS]


def target_of(environ: t.Mapping[str, str]) -> tuple[Target, str] | None:
    """The live host that the environment names, and the method; None where it names none."""
    host = environ.get("WINRM_DOCTOR_LIVE_HOST")
    if not host:
        return None
    scheme = environ.get("WINRM_DOCTOR_LIVE_SCHEME", "https")
    method = environ.get("WINRM_DOCTOR_LIVE_AUTH", "ntlm")
    target = from_params({
        "host": host, "port": int(environ.get("WINRM_DOCTOR_LIVE_PORT") or (5985 if scheme == "http" else 5986)), "scheme": scheme, "auth": [method],
        "username": environ.get("WINRM_DOCTOR_LIVE_USER"), "password": environ.get("WINRM_DOCTOR_LIVE_PASSWORD"),
        "ca_path": environ.get("WINRM_DOCTOR_LIVE_CA"), "validate_certs": environ.get("WINRM_DOCTOR_LIVE_VALIDATE", "yes") != "no",
    })
    return replace(target, name="host"), method
