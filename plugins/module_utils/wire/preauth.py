# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password's proof to a KDC in exactly one message: an encrypted timestamp ([RFC 4120] 5.2.7.2) with AES ([RFC 3961], [RFC 3962]).

libkrb5 speaks UDP first, and sends what has no answer within a second to the next KDC too, then to both again (MIT krb5, src/lib/krb5/os/sendto_kdc.c:
k5_sendto); each copy counts where the password is wrong: a few slow controllers are enough to lock an account. This here goes to one KDC, over one
connection, once; and it keeps the NTSTATUS that libkrb5 drops.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import secrets
import time
import typing as t
from dataclasses import replace

from .. import deps
from ..evidence.directory import AS, FAILED, GRANTED, REFUSED, KerberosStep
from . import kdc
from .deadline import Deadline, WireError
from .http import printable
from .initial import encoded
from .kerberos import counts_for_nobody, fields, service_name, ticket_encryption
from .spnego import Element, read_element

KEY_BYTES = {18: 32, 17: 16}
"""AES256 and AES128, the keys that every account has whose password was set since the domain's functional level became 2008."""
BLOCK, MAC, USUAL_ROUNDS, MOST_ROUNDS = 16, 12, 4096, 1_000_000
TIMESTAMP_USAGE, REPLY_USAGE = 1, 3
"""Key usage numbers ([RFC 4120] 7.5.1)."""
TICKET, SEALED, NONCE = 5, 6, 2


def key_info(reply: kdc.Reply) -> kdc.KeyInfo | None:
    """The first key that can be made here, where the KDC takes an encrypted timestamp; else None."""
    if not reply.timestamp or is_cheap(reply) or not works():
        return None
    return next((key for key in reply.keys if key.kind in KEY_BYTES and key.salt and _rounds(key.params)), None)


def works() -> bool:
    """Whether a proof can be made here; Kerberos' own libraries are not needed."""
    return deps.ciphers is not None and not deps.missing("cryptography")


def is_cheap(reply: kdc.Reply) -> bool:
    """Whether a KDC asks for a proof that is cheap to guess the password from, which no real one does: then it gets none of any kind."""
    return any(key.kind in KEY_BYTES and len(key.params) == 4 and 0 < int.from_bytes(key.params, "big") < USUAL_ROUNDS for key in reply.keys)


def prove(
    address: str, realm: str, user: str, password: str, info: kdc.KeyInfo, deadline: Deadline, port: int = kdc.PORT, *, offset: float = 0.0,
    now: t.Callable[[], float] = time.time,
) -> KerberosStep:
    """Ask for a ticket-granting ticket with the password, and throw it away. `offset`: the KDC's clock minus ours. Never raises for anything a KDC does."""
    asked = user if "@" in user else f"{user}@{realm}"
    nonce = secrets.randbits(31)
    # The list chooses the session key too, which the krbtgt account has to support ([RFC 4120] 3.1.3): all that real clients offer.
    offered = (info.kind, *(kind for kind in kdc.ENCRYPTION_TYPES if kind != info.kind))
    try:
        key = string_to_key(info.kind, encoded(password), info.salt, _rounds(info.params))
        proof = _encrypted_data(info.kind, encrypt(key, TIMESTAMP_USAGE, _timestamp(now() + offset)))
    except (ValueError, *deps.certificate_errors) as error:
        # What FIPS mode forbids differs from build to build.
        means = f"No proof of the password of {asked} could be made: the cryptography of this machine refuses it ({printable(str(error), 200)})."
        return KerberosStep(AS, asked, FAILED, means, realm=realm)
    request = kdc.build_as_req(realm, user, nonce=nonce, etypes=offered, pac=None, proof=proof)
    used = False
    try:
        stream = kdc.dial(address, port, deadline)
        try:
            used = True
            data = kdc.converse(stream, request)
        finally:
            stream.close()
        reply = kdc.read_reply(data)
        if reply.granted:
            return replace(_granted(data, info.kind, key, nonce, asked, realm), controller=address)
    except (WireError, ValueError) as error:
        means = f"The KDC at {address} port {port} gave no usable answer to the password of {asked}: {printable(str(error), 200)}."
        return KerberosStep(AS, asked, FAILED, means, realm=realm, used=used, controller=address)
    means = f"No ticket-granting ticket for {asked}: {kdc.coded(reply.code, reply.status)}"
    return KerberosStep(
        AS, asked, REFUSED, means, realm=realm, code=reply.code, status=reply.status, used=not counts_for_nobody(reply.code), server_time=reply.server_time,
        controller=address,
    )


def _granted(data: bytes, kind: int, key: bytes, nonce: int, asked: str, realm: str) -> KerberosStep:
    """An AS-REP that only somebody who knows the password's key could make; ValueError otherwise."""
    parts = fields(read_element(read_element(data, 0).value, 0))
    if not {3, 4, TICKET, SEALED} <= set(parts):
        raise ValueError("its AS-REP lacks a part")
    sealed = fields(parts[SEALED])
    if 0 not in sealed or int.from_bytes(sealed[0].value, "big") != kind:
        raise ValueError("its ticket is sealed with another encryption type than that of the password's proof")
    opened = decrypt(key, REPLY_USAGE, sealed[2].value if 2 in sealed else b"")
    inner = fields(read_element(read_element(opened, 0).value, 0))
    if NONCE not in inner or int.from_bytes(inner[NONCE].value, "big") != nonce:
        raise ValueError("its AS-REP answers another request")
    client = service_name(parts[3], parts[4])
    sealing = ticket_encryption(_whole(parts[TICKET]))
    means = f"The KDC of {realm} accepts the password of {client}{f'; the ticket is encrypted with {sealing}' if sealing else ''}."
    return KerberosStep(AS, asked, GRANTED, means, realm=realm, got=client, ticket_encryption=sealing, used=True)


def _whole(part: Element) -> bytes:
    return kdc.element(part.tag, part.value)


def _timestamp(moment: float) -> bytes:
    """PA-ENC-TS-ENC ([RFC 4120] 5.2.7.2)."""
    whole = int(moment)
    stamp = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(whole)).encode()
    return kdc.sequence(kdc.tagged(0, kdc.element(0x18, stamp)), kdc.tagged(1, kdc.integer(int((moment - whole) * 1_000_000))))


def _encrypted_data(kind: int, cipher: bytes) -> bytes:
    return kdc.sequence(kdc.tagged(0, kdc.integer(kind)), kdc.tagged(2, kdc.element(0x04, cipher)))


def _rounds(params: bytes) -> int:
    """The iteration count of s2kparams ([RFC 3962] 4); 0 where it is none that can be worked with.

    Fewer rounds than usual, which anybody who answers on port 88 may ask for, would make the proof cheap to guess from; libkrb5 takes no less either
    (MIT krb5, src/lib/crypto/krb/s2k_pbkdf2.c: pbkdf2_string_to_key).
    """
    rounds = int.from_bytes(params, "big") if params else USUAL_ROUNDS
    return rounds if len(params) in (0, 4) and USUAL_ROUNDS <= rounds <= MOST_ROUNDS else 0


def string_to_key(kind: int, password: bytes, salt: bytes, rounds: int = USUAL_ROUNDS) -> bytes:
    """The key of a password ([RFC 3962] 4)."""
    return derive(hashlib.pbkdf2_hmac("sha1", password, salt, rounds, KEY_BYTES[kind]), b"kerberos")


def derive(key: bytes, constant: bytes) -> bytes:
    """DK ([RFC 3961] 5.1) of AES, whose random-to-key changes nothing."""
    block, made = nfold(constant, BLOCK), b""
    while len(made) < len(key):
        block = _cipher(key, encrypt=True)(block)
        made += block
    return made[: len(key)]


def nfold(data: bytes, size: int) -> bytes:
    """[RFC 3961] 5.1: copies, each rotated 13 bits further to the right, added up in ones' complement."""
    bits, mask = len(data) * 8, (1 << size * 8) - 1
    number, long = int.from_bytes(data, "big"), b""
    for copy in range(math.lcm(len(data), size) // len(data)):
        turn = 13 * copy % bits
        long += ((number >> turn | number << (bits - turn)) & ((1 << bits) - 1)).to_bytes(len(data), "big")
    total = sum(int.from_bytes(long[at : at + size], "big") for at in range(0, len(long), size))
    while total > mask:
        total = (total & mask) + (total >> size * 8)
    return total.to_bytes(size, "big")


def encrypt(key: bytes, usage: int, plain: bytes, confounder: bytes | None = None) -> bytes:
    """Confounder and text in CBC with ciphertext stealing, and an HMAC-SHA1-96 behind it ([RFC 3962] 5 and 6)."""
    whole = (os.urandom(BLOCK) if confounder is None else confounder) + plain
    blocks = _cipher(derive(key, _constant(usage, 0xAA)), encrypt=True)(whole + bytes(-len(whole) % BLOCK))
    stolen = blocks if len(whole) == BLOCK else blocks[: -2 * BLOCK] + blocks[-BLOCK:] + blocks[-2 * BLOCK : -BLOCK]
    return stolen[: len(whole)] + _mac(key, usage, whole)


def decrypt(key: bytes, usage: int, sealed: bytes) -> bytes:
    """The inverse; ValueError where it was sealed with another key."""
    cipher, mac = sealed[:-MAC], sealed[-MAC:]
    if len(cipher) <= BLOCK:
        raise ValueError("its sealed part is too short")
    cut = (len(cipher) - 1) // BLOCK * BLOCK
    inner, last, tail = cipher[: cut - BLOCK], cipher[cut - BLOCK : cut], cipher[cut:]
    unchained = derive(key, _constant(usage, 0xAA))
    # The block before the last lost its end to the last one, which therefore holds it.
    stolen = _cipher(unchained, encrypt=False)(last)
    whole = _cipher(unchained, encrypt=False)(inner + tail + stolen[len(tail) :] + last)[: len(cipher)]
    if not hmac.compare_digest(mac, _mac(key, usage, whole)):
        raise ValueError("its ticket is not sealed with the key of this password")
    return whole[BLOCK:]


def _mac(key: bytes, usage: int, whole: bytes) -> bytes:
    return hmac.new(derive(key, _constant(usage, 0x55)), whole, "sha1").digest()[:MAC]


def _constant(usage: int, what: int) -> bytes:
    """The well-known constant of a key usage ([RFC 3961] 5.3)."""
    return usage.to_bytes(4, "big") + bytes([what])


def _cipher(key: bytes, *, encrypt: bool) -> t.Callable[[bytes], bytes]:
    """AES in CBC from an initial vector of zeros."""
    cipher = deps.ciphers.Cipher(deps.ciphers.algorithms.AES(key), deps.ciphers.modes.CBC(bytes(BLOCK)))
    made = cipher.encryptor() if encrypt else cipher.decryptor()
    return t.cast("t.Callable[[bytes], bytes]", made.update)
