# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealed messages: both ways with pypsrp's own code on the other side, in every form that hosts were seen to send."""

from __future__ import annotations

import struct
import typing as t

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.wire import seal
from pypsrp.encryption import WinRMEncryption


class Twisted:
    """A context that turns bytes round; its signature has sixteen bytes."""

    class Wrapped(t.NamedTuple):
        header: bytes
        data: bytes
        padding_length: int

    def wrap_winrm(self, data: bytes) -> Wrapped:
        return self.Wrapped(b"s" * 16, data[::-1], 0)

    def unwrap_winrm(self, header: bytes, data: bytes) -> bytes:
        if header != b"s" * 16:
            raise ValueError("signature")
        return data[::-1]


SCHEMES = {"negotiate": WinRMEncryption.SPNEGO, "kerberos": WinRMEncryption.KERBEROS, "credssp": WinRMEncryption.CREDSSP}
MESSAGES = [b"<s:Envelope/>", b"x" * 50_000, "<a>Grüße</a>".encode()]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("message", MESSAGES, ids=len)
def test_pypsrp_opens_what_we_seal(scheme: str, message: bytes) -> None:
    kind, body = seal.seal(Twisted(), message, scheme)
    assert f'protocol="{SCHEMES[scheme]}"' in kind
    assert kind.startswith("multipart/x-multi-encrypted" if scheme == "credssp" and len(message) > 16384 else "multipart/encrypted")
    assert WinRMEncryption(Twisted(), SCHEMES[scheme]).unwrap_message(body, "Encrypted Boundary") == message  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("message", MESSAGES, ids=len)
def test_we_open_what_pypsrp_seals(scheme: str, message: bytes) -> None:
    kind, body = WinRMEncryption(Twisted(), SCHEMES[scheme]).wrap_message(message)  # type: ignore[arg-type]
    assert seal.unseal(Twisted(), kind, body) == message


def sealed(message: bytes, **changes: t.Any) -> tuple[str, bytes]:
    """A reply in a form of its own."""
    form = {"tab": b"\t", "dashes": b"--", "boundary": b"Encrypted Boundary", "end": b"--\r\n", "before_end": b"", "length": len(message), **changes}
    line = form["dashes"] + form["boundary"]
    body = (
        line + b"\r\n" + form["tab"] + b"Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n" + form["tab"]
        + f"OriginalContent: type=application/soap+xml;charset=UTF-8;Length={form['length']}\r\n".encode() + line + b"\r\n" + form["tab"]
        + b"Content-Type: application/octet-stream\r\n" + struct.pack("<i", 16) + b"s" * 16 + message[::-1] + form["before_end"] + line + form["end"]
    )
    return f'multipart/encrypted;protocol="x";boundary="{form["boundary"].decode()}"', body


@pytest.mark.parametrize(
    "form",
    [{}, {"tab": b""}, {"dashes": b"-- "}, {"end": b"--"}, {"before_end": b"\r\n"}, {"boundary": b"Another Boundary"}, {"tab": b" "}, {"end": b"-- \r\n"}],
    ids=str,
)
def test_every_form_of_a_reply_is_opened(form: dict[str, bytes]) -> None:
    assert seal.unseal(Twisted(), *sealed(b"<s:Envelope/>", **form)) == b"<s:Envelope/>"


def test_message_that_ends_with_a_line_break_keeps_it() -> None:
    assert seal.unseal(Twisted(), *sealed(b"\n\rx")) == b"\n\rx"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b"--Encrypted Boundary\r\n", sealed(b"x")[1][:40], sealed(b"x")[1].replace(b"octet-stream", b"json"),
     sealed(b"x")[1].replace(struct.pack("<i", 16), struct.pack("<i", -5)), sealed(b"x")[1].replace(struct.pack("<i", 16), struct.pack("<I", 2**31 - 1)),
     sealed(b"x")[1].replace(b"s" * 16, b"t" * 16)],
    ids=range(8),
)
def test_what_is_not_sealed_for_us_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        seal.unseal(Twisted(), 'multipart/encrypted;boundary="Encrypted Boundary"', body)
