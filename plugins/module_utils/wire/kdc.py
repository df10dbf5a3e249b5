# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to a KDC without a password: an AS-REQ without pre-authentication ([RFC 4120] 3.1 and 5.4.1) over TCP.

Its answer tells whether the realm is served there, whether the account exists and may log on, what encryption it may use and what time it is. No
password is involved, so nothing is counted against anybody, and no library is needed.
"""

from __future__ import annotations

import calendar
import secrets
import time
import typing as t
from dataclasses import dataclass

from ..evidence.directory import FAILED, GRANTED, PROBE, REFUSED, KerberosStep
from ..evidence.endpoint import ClockEvidence
from ..explain_code import kerberos_entry, named, status_entry
from .deadline import Deadline, DeadlineSocket, WireClosed, WireError, WireTimeout, WireTooLarge, translate
from .http import printable
from .initial import encoded
from .kerberos import ENCRYPTION, KRB_ERROR, fields
from .spnego import OCTET_STRING, SEQUENCE, Element, read_element
from .tcp import connect

PORT = 88
BUDGET = 128 * 1024
"""Bytes of one reply: an AS-REP for a member of very many groups stays under 64 KB."""
ENCRYPTION_TYPES = (18, 17, 20, 19, 23)
"""What the request offers: AES256, AES128, AES with SHA-2 ([RFC 8009]), RC4."""
AS_REQ, AS_REP = 0x6A, 0x6B
"""[APPLICATION 10] and [11]."""
UNKNOWN_USER, PREAUTH_REQUIRED, WRONG_REALM = 6, 25, 68
PRINCIPAL, SERVICE_INSTANCE, ENTERPRISE = 1, 2, 10
"""Name types ([RFC 4120] 6.2, [RFC 6806] 5)."""
CANONICALIZE = b"\x00\x00\x01\x00\x00"
"""kdc-options as a BIT STRING's content: bit 15 alone ([RFC 6806] 3)."""
FAR_AWAY = b"20370913024805Z"
"""till: "as late as your policy allows", in the spelling that every client uses ([RFC 4120] 5.4.1)."""
ENC_TIMESTAMP, ETYPE_INFO, ETYPE_INFO2, EXTENDED, PAC_REQUEST, FAST = 2, 11, 19, 3, 128, 136
"""Types of padata ([RFC 4120] 7.5.2, [RFC 6113] 7.1); 3 is the data-type KERB_ERR_TYPE_EXTENDED of KERB-ERROR-DATA, which has the same shape
([MS-KILE] 2.2.2)."""


@dataclass(frozen=True)
class KeyInfo:
    """One way to make a key from the password ([RFC 4120] 5.2.7.5)."""

    kind: int
    """Encryption type."""
    salt: bytes = b""
    params: bytes = b""
    """s2kparams."""


@dataclass(frozen=True)
class Reply:
    """What a KDC answered, as far as it stands in the clear."""

    granted: bool = False
    """True for an AS-REP: the KDC asks for no pre-authentication."""
    code: int | None = None
    """error-code of a KRB-ERROR."""
    status: int | None = None
    """NTSTATUS of a KERB-EXT-ERROR ([MS-KILE] 2.2.1)."""
    realm: str = ""
    """The realm that answers."""
    client_realm: str = ""
    """crealm: beside code 68, with some KDCs 6, the realm that the account belongs to ([RFC 6806] 7)."""
    encryption: tuple[str, ...] = ()
    """By name, in the KDC's order."""
    salt: str = ""
    """Active Directory's is realm and sAMAccountName in one ([MS-KILE] 3.1.1.2)."""
    keys: tuple[KeyInfo, ...] = ()
    timestamp: bool = False
    """True where an encrypted timestamp is among the ways of pre-authentication."""
    armoured: bool = False
    """True where Kerberos armouring (FAST, [RFC 6113]) is offered, and no way for the password without it."""
    text: str = ""
    server_time: str | None = None
    moment: float | None = None
    """The same as seconds since 1970, with microseconds where they are told."""


@dataclass(frozen=True)
class Look:
    """One question and what came of it."""

    step: KerberosStep
    reply: Reply | None = None
    clock: ClockEvidence | None = None
    why: str = ""
    """Why there is no reply: `refused`, `silent`, `unreachable`, `closed`, `too_large` or `not_kerberos`; "" where there is one."""
    seconds: float = 0.0


def probe(address: str, realm: str, user: str, deadline: Deadline, port: int = PORT) -> KerberosStep:
    """Ask the KDC at a literal address for `user` of `realm`; a user with an "@" in it is an enterprise name. Never raises for anything a KDC does."""
    return look(address, realm, user, deadline, port).step


def look(address: str, realm: str, user: str, deadline: Deadline, port: int = PORT, *, now: t.Callable[[], float] = time.time) -> Look:
    """`probe`, with the reply and the KDC's clock."""
    asked = user if "@" in user else f"{user}@{realm}"
    request = build_as_req(realm, user, nonce=secrets.randbits(31))
    began = time.monotonic()
    try:
        data = exchange(address, port, request, deadline)
        waited, arrived = time.monotonic() - began, now()
        reply = read_reply(data)
    except (WireError, ValueError) as error:
        why = _why(error)
        means = f"The KDC at {address} port {port} gave no usable answer: {printable(str(error), 200)}."
        return Look(KerberosStep(PROBE, asked, FAILED, means, realm=realm, controller=address), why=why, seconds=round(time.monotonic() - began, 4))
    outcome = GRANTED if reply.granted or reply.code == PREAUTH_REQUIRED else REFUSED
    step = KerberosStep(
        PROBE, asked, outcome, means_of(reply, asked, realm), realm=realm, code=reply.code, status=reply.status, ticket_encryption=", ".join(reply.encryption),
        server_time=reply.server_time, controller=address,
    )
    return Look(step, reply, clock_of(reply, arrived, waited), seconds=round(waited, 4))


def means_of(reply: Reply, asked: str, realm: str) -> str:
    """A reply in one sentence."""
    if reply.granted:
        return f"The KDC of {realm} hands out a ticket for {asked} without pre-authentication: anybody may guess that password offline."
    if reply.code == PREAUTH_REQUIRED:
        how = f" (it offers {', '.join(reply.encryption)})" if reply.encryption else ""
        return f"The KDC of {realm} knows {asked} and asks for its password{how}."
    if reply.code in (WRONG_REALM, UNKNOWN_USER) and reply.client_realm and reply.client_realm.upper() != realm.upper():
        return f"The KDC of {realm} says that {asked} belongs to the realm {reply.client_realm}."
    return f"The KDC of {realm} refuses {asked}: {coded(reply.code, reply.status)}"


def coded(code: int | None, status: int | None = None) -> str:
    """A Kerberos error, and the NTSTATUS beside it, as a sentence."""
    entry, exact = kerberos_entry(code), status_entry(status)
    said = f"{named(code, entry)}{f': {entry.meaning}' if entry else '.'}" if code is not None else "without a code."
    if status is None:
        return said
    return f"{said} It adds {named(status, exact)}{f': {exact.meaning}' if exact else '.'}"


def clock_of(reply: Reply, arrived: float, waited: float) -> ClockEvidence | None:
    """The KDC's clock against ours: `arrived` is our time of the reply, `waited` its round trip."""
    if reply.moment is None:
        return None
    # susec is optional in spirit: a KDC that always says 0 has cut the fraction off.
    cut = 0.5 if reply.moment == int(reply.moment) else 0.0
    return ClockEvidence("kdc", round(reply.moment + cut - (arrived - waited / 2), 4), round(cut + waited / 2, 4))


def realm_in_salt(salt: str, user: str) -> str:
    """The realm that a salt of Active Directory starts with, or ""; `user` is the sAMAccountName."""
    return salt[: -len(user)] if user and len(salt) > len(user) and salt.lower().endswith(user.lower()) else ""


def exchange(address: str, port: int, request: bytes, deadline: Deadline) -> bytes:
    """One message to a KDC over TCP and its answer; WireError, or ValueError for another protocol."""
    stream = dial(address, port, deadline)
    try:
        return converse(stream, request)
    finally:
        stream.close()


def dial(address: str, port: int, deadline: Deadline) -> DeadlineSocket:
    """A connection to a KDC; WireError."""
    try:
        return DeadlineSocket(connect(address, port, deadline.left()), deadline, BUDGET + 4)
    except OSError as error:
        raise translate(error, deadline) from error


def converse(stream: DeadlineSocket, request: bytes) -> bytes:
    """One message and its answer, each behind four bytes of length ([RFC 4120] 7.2.2)."""
    stream.sendall(len(request).to_bytes(4, "big") + request)
    head = _read(stream, 4)
    size = int.from_bytes(head, "big")
    if head.isalpha() or size & 0x80000000:
        raise ValueError(f"its answer starts with {head!r}, which is no length of a Kerberos message")
    if size > BUDGET:
        raise WireTooLarge(f"it announces {size} bytes")
    return _read(stream, size)


def _read(stream: DeadlineSocket, size: int) -> bytes:
    data = bytearray(size)
    at = 0
    while at < size:
        count = stream.recv_into(memoryview(data)[at:])
        if not count:
            raise WireClosed(f"it closed the connection after {at} of {size} bytes")
        at += count
    return bytes(data)


def _why(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "not_kerberos"
    if isinstance(error, WireTimeout):
        return "silent"
    if isinstance(error, WireTooLarge):
        return "too_large"
    cause = error.__cause__
    if isinstance(cause, ConnectionRefusedError):
        return "refused"
    return "closed" if isinstance(error, WireClosed) or getattr(error, "kind", "") == "reset" else "unreachable"


def build_as_req(
    realm: str, user: str, *, nonce: int, etypes: t.Sequence[int] = ENCRYPTION_TYPES, pac: bool | None = False, proof: bytes = b"",
) -> bytes:
    """An AS-REQ for the ticket-granting ticket. `pac`: whether a ticket should carry the groups; None leaves the question out ([MS-KILE] 2.2.3).

    `proof`: an EncryptedData for PA-ENC-TIMESTAMP ([RFC 4120] 5.2.7.2).
    """
    kind = ENTERPRISE if "@" in user else PRINCIPAL
    body = sequence(
        tagged(0, element(0x03, CANONICALIZE)), tagged(1, _name(kind, user)), tagged(2, _general(realm)),
        tagged(3, _name(SERVICE_INSTANCE, "krbtgt", realm)), tagged(5, element(0x18, FAR_AWAY)), tagged(7, integer(nonce)),
        tagged(8, sequence(*(integer(number) for number in etypes))),
    )
    wanted = sequence(tagged(0, element(0x01, b"\xff" if pac else b"\x00")))
    given = [(ENC_TIMESTAMP, proof)] * bool(proof) + [(PAC_REQUEST, wanted)] * (pac is not None)
    padata = [sequence(tagged(1, integer(number)), tagged(2, element(OCTET_STRING, value))) for number, value in given]
    return element(AS_REQ, sequence(tagged(1, integer(5)), tagged(2, integer(10)), tagged(3, sequence(*padata)) if padata else b"", tagged(4, body)))


def read_reply(data: bytes) -> Reply:
    """A KRB-ERROR ([RFC 4120] 5.9.1) or an AS-REP (5.4.2); ValueError where it is neither."""
    outer = read_element(data, 0)
    if outer.tag not in (KRB_ERROR, AS_REP):
        raise ValueError(f"its answer starts with {data[:4].hex()}, which is neither KRB-ERROR nor AS-REP")
    parts = fields(read_element(outer.value, 0))
    if outer.tag == AS_REP:
        kind = fields(parts[6]).get(0) if 6 in parts else None
        return Reply(granted=True, client_realm=_text(parts.get(3)), encryption=(encryption_name(_number(kind)),) if kind else ())
    if 6 not in parts:
        raise ValueError("its KRB-ERROR has no error-code")
    keys, status, ways = _details(parts.get(12))
    shown, moment = _moment(parts.get(4), parts.get(5))
    salt = next((key.salt for key in keys if key.salt), b"")
    return Reply(
        code=_number(parts[6]), status=status, realm=_text(parts.get(9)), client_realm=_text(parts.get(7)), keys=keys, timestamp=ENC_TIMESTAMP in ways,
        armoured=FAST in ways and ENC_TIMESTAMP not in ways,
        encryption=tuple(dict.fromkeys(encryption_name(key.kind) for key in keys)), salt=printable(salt.decode("utf-8", "replace"), 255),
        text=_text(parts.get(11)), server_time=shown, moment=moment,
    )


def _details(data: Element | None) -> tuple[tuple[KeyInfo, ...], int | None, set[int]]:
    """e-data: keys, NTSTATUS, types of padata. It is METHOD-DATA, one PA-DATA or a KERB-ERROR-DATA, or anything else, which is left alone."""
    keys: tuple[KeyInfo, ...] = ()
    status, newer, ways = None, False, set()
    for kind, value in _typed(data.value if data else b""):
        ways.add(kind)
        if kind == EXTENDED and len(value) == 12 and value[4:8] == bytes(4) and value[3] & 0x80:
            # KERB-EXT-ERROR: status, reserved, flags, each of four bytes, least significant first. In METHOD-DATA 3 is a salt (PA-PW-SALT), of any length.
            status = int.from_bytes(value[:4], "little")
        elif kind == ETYPE_INFO2 or (kind == ETYPE_INFO and not newer):
            try:
                keys = _etype_info(value)
            except ValueError:
                continue
            newer = kind == ETYPE_INFO2
    return keys, status, ways


def _typed(data: bytes) -> t.Iterator[tuple[int, bytes]]:
    """The (type, value) pairs of one PA-DATA or of a SEQUENCE of them."""
    try:
        outer = read_element(data, 0)
        items = [outer] if outer.value[:1] == b"\xa1" else [item for item in _elements(outer.value) if item.tag == SEQUENCE]
        for item in items:
            parts = fields(item)
            if 1 in parts and 2 in parts:
                yield _number(parts[1]), parts[2].value
    except ValueError:
        # Extra information that cannot be read is no reason to lose the error it came with.
        return


def _etype_info(value: bytes) -> tuple[KeyInfo, ...]:
    """ETYPE-INFO2 and its forerunner ([RFC 4120] 5.2.7.4 and 5.2.7.5): etype [0], salt [1], s2kparams [2]."""
    found = []
    for item in _elements(read_element(value, 0).value):
        parts = fields(item)
        if 0 in parts:
            found.append(KeyInfo(_number(parts[0]), *(parts[at].value if at in parts else b"" for at in (1, 2))))
    return tuple(found)


def _elements(data: bytes) -> list[Element]:
    found: list[Element] = []
    at = 0
    while at < len(data) and len(found) < 32:
        found.append(read_element(data, at))
        at = found[-1].end
    return found


def _moment(stime: Element | None, susec: Element | None) -> tuple[str | None, float | None]:
    if stime is None:
        return None, None
    try:
        when = calendar.timegm(time.strptime(stime.value.decode("ascii"), "%Y%m%d%H%M%SZ"))
    except (ValueError, OverflowError):
        return None, None
    micro = _number(susec) if susec else 0
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when)), when + (micro if 0 <= micro < 1_000_000 else 0) / 1e6


def encryption_name(number: int) -> str:
    """`AES256`; `type 99` for one that is not known."""
    return ENCRYPTION.get(number, f"type {number}")


def _number(part: Element) -> int:
    return int.from_bytes(part.value[:8], "big", signed=True)


def _text(part: Element | None) -> str:
    return printable(part.value.decode("utf-8", "replace"), 255) if part else ""


def element(tag: int, value: bytes) -> bytes:
    """One DER element."""
    if len(value) < 0x80:
        return bytes((tag, len(value))) + value
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + value


def tagged(number: int, value: bytes) -> bytes:
    """A context-specific tag around an element."""
    return element(0xA0 | number, value)


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE."""
    return element(SEQUENCE, b"".join(parts))


def integer(number: int) -> bytes:
    """An INTEGER."""
    return element(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def _general(text: str) -> bytes:
    """A KerberosString; Active Directory takes and sends UTF-8 in it ([MS-KILE] 3.1.5.7)."""
    # A name from a source that is not UTF-8 has lone surrogates in it.
    return element(0x1B, encoded(text))


def _name(kind: int, *labels: str) -> bytes:
    return sequence(tagged(0, integer(kind)), tagged(1, sequence(*(_general(label) for label in labels))))
