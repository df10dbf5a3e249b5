# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP on the wire: whole messages out of a stream that may be sealed, and the requests that sansldap does not know."""

from __future__ import annotations

import typing as t

from .. import deps
from .deadline import DeadlineSocket, WireClosed, WireError, WireTooLarge
from .http import printable
from .spnego import element, read_element

LONGEST = 8 * 1024 * 1024
"""Bytes of one message or sealed buffer. Active Directory reads 10 MB at most by itself (MaxReceiveBuffer); what is asked for here is far smaller."""
BUDGET = 64 * 1024 * 1024
"""Bytes one connection may bring: some ten thousand entries."""
MESSAGE, MODIFY_REQUEST, MODIFY_RESPONSE, EXTENDED_RESPONSE = 0x30, 6, 0x67, 0x78
"""SEQUENCE; [APPLICATION 6], [APPLICATION 7] and [APPLICATION 24] ([RFC 4511] 4)."""
OPERATIONS = {"add": 0, "delete": 1, "replace": 2}
Change = tuple[str, str, t.Sequence[str]]


class WireNotLdap(WireError):
    """What answers speaks another language."""

    kind = "not_ldap"


class Seal(t.Protocol):
    """A security context that encrypts."""

    def wrap(self, data: bytes) -> bytes:
        """Encrypt."""

    def unwrap(self, data: bytes) -> bytes:
        """Decrypt; raises ValueError for what was not sealed by the peer."""


class Header(t.NamedTuple):
    """What stands in front of every message."""

    message_id: int
    operation: int
    """The tag of protocolOp, such as 0x61 for a BindResponse."""


class Stream:
    """Messages over one connection. `seal` is set once a logon has agreed on encryption."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self.sock = sock
        self.seal: Seal | None = None
        self.received = 0
        self._sealed = bytearray()
        self._plain = bytearray()
        self._room = bytearray(65536)

    @property
    def idle(self) -> bool:
        """True when nothing is left over behind the last message."""
        return not self._plain and not self._sealed

    def send(self, data: bytes) -> None:
        """Send one message; raises WireError."""
        if self.seal is not None:
            # [RFC 4422] 3.7: four bytes of length in front of each protected buffer.
            wrapped = self.seal.wrap(data)
            data = len(wrapped).to_bytes(4, "big") + wrapped
        self.sock.sendall(data)

    def message(self) -> bytes:
        """The next whole message; raises WireError."""
        while True:
            size = message_size(self._plain)
            if size is not None and len(self._plain) >= size:
                data = bytes(self._plain[:size])
                del self._plain[:size]
                return data
            if not self._unsealed():
                self._read()

    def _read(self) -> None:
        count = self.sock.recv_into(self._room)
        if count == 0:
            raise WireClosed("closed in the middle of a message" if self._plain or self._sealed else "closed")
        self.received += count
        (self._plain if self.seal is None else self._sealed).extend(memoryview(self._room)[:count])

    def _unsealed(self) -> bool:
        """Open one sealed buffer, if there is a whole one."""
        if self.seal is None or len(self._sealed) < 4:
            return False
        size = int.from_bytes(self._sealed[:4], "big")
        if size > LONGEST:
            # A sealed buffer's length never starts like a message: that would be 800 MB.
            if self._sealed[0] == MESSAGE:
                raise WireNotLdap("a message without encryption came on an encrypted connection")
            raise WireTooLarge(f"a sealed message claims {size} bytes")
        if len(self._sealed) < 4 + size:
            return False
        try:
            self._plain.extend(self.seal.unwrap(bytes(self._sealed[4 : 4 + size])))
        except ValueError as error:
            raise WireNotLdap(str(error)) from error
        del self._sealed[: 4 + size]
        return True


def message_size(data: bytes | bytearray) -> int | None:
    """Bytes of the message that starts here; None while that cannot be told. Raises WireNotLdap and WireTooLarge without waiting for the rest."""
    if not data:
        return None
    if data[0] != MESSAGE:
        raise WireNotLdap(_other_language(bytes(data[:60])))
    if len(data) < 2:
        return None
    count = data[1] & 0x7F if data[1] & 0x80 else 0
    if data[1] == 0x80 or count > 4:
        # [RFC 4511] 5.1: only the definite form.
        raise WireNotLdap("a message with a malformed length")
    if len(data) < 2 + count:
        return None
    size = int.from_bytes(data[2 : 2 + count], "big") if count else data[1]
    if size > LONGEST:
        raise WireTooLarge(f"a message claims {size} bytes")
    return 2 + count + size


def _other_language(start: bytes) -> str:
    if start.startswith(b"HTTP/"):
        return f"a web server: {printable(start.decode('ascii', 'replace').splitlines()[0], 60)!r}"
    if start[0] in (0x15, 0x16):
        return "TLS"
    return f"bytes that are no LDAP: {start[:16].hex()}"


def read_header(message: bytes) -> Header:
    """Id and operation of a whole message; raises WireNotLdap."""
    try:
        body = read_element(message, 0).value
        number = read_element(body, 0)
        if number.tag != 0x02 or len(number.value) not in (1, 2, 3, 4):
            raise ValueError("a message without an id")
        return Header(int.from_bytes(number.value, "big", signed=True), read_element(body, number.end).tag)
    except ValueError as error:
        raise WireNotLdap(f"a malformed message: {error}") from error


def build_modify(message_id: int, dn: str, changes: t.Sequence[Change]) -> bytes:
    """A ModifyRequest ([RFC 4511] 4.6)."""
    asn1 = deps.sansldap.asn1
    writer = asn1.ASN1Writer()
    with writer.push_sequence() as message:
        message.write_integer(message_id)
        with message.push_sequence(asn1.ASN1Tag(asn1.TagClass.APPLICATION, MODIFY_REQUEST, True)) as request:
            request.write_octet_string(dn.encode())
            with request.push_sequence() as listed:
                for operation, attribute, values in changes:
                    with listed.push_sequence() as change:
                        change.write_enumerated(OPERATIONS[operation])
                        with change.push_sequence() as partial:
                            partial.write_octet_string(attribute.encode())
                            with partial.push_set() as content:
                                for value in values:
                                    content.write_octet_string(value.encode())
    return bytes(writer.get_data())


def build_unbind(message_id: int) -> bytes:
    """An UnbindRequest ([RFC 4511] 4.3): a NULL, so a primitive tag, which sansldap 0.1 gets wrong."""
    return element(MESSAGE, element(0x02, message_id.to_bytes(5, "big").lstrip(b"\0")) + element(0x42, b""))


def read_result(message: bytes) -> tuple[int, str]:
    """resultCode and diagnosticMessage of a message that is an LDAPResult ([RFC 4511] 4.1.9); raises WireNotLdap."""
    try:
        body = read_element(message, 0).value
        operation = read_element(body, read_element(body, 0).end).value
        code = read_element(operation, 0)
        matched = read_element(operation, code.end)
        text = read_element(operation, matched.end)
        if code.tag != 0x0A or not code.value or text.tag != 0x04:
            raise ValueError("no LDAPResult")
    except ValueError as error:
        raise WireNotLdap(f"a malformed answer: {error}") from error
    return int.from_bytes(code.value[:8], "big", signed=True), text.value.decode("utf-8", "replace")
