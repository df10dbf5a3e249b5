# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with an answer of WS-Management, by chance but always the same for the same seed."""

from __future__ import annotations

import base64
import random
import re
import typing as t
from xml.sax.saxutils import escape

NUMBERS = (
    "", "-1", "0", "4294967295", "9223372036854775808", "-9223372036854775809", "1e9", "NaN", "0x10", "1,5", "1.5", "+5", " 7 ", "\u0661\u0662", "9" * 4000,
    "9" * 5000, "0x" + "F" * 5000,
)
TEXTS = (
    "", " ", "\n\n", "x" * 100_000, "\u202eevil", "\x7f\x85\u2028", "\ud7ff\ufffd\U0001f600", "\u009b[31m", "true", "TRUE", "nil", "%s%n{0}", "<b>", "]]>",
    "HKEY_LOCAL_MACHINE\\SOFTWARE", "    a    REG_SZ    b", "S-1-5-32-544", "D:(A;;GA;;;WD)" * 400, "O:" + "(" * 3000,
    "v2.30|Action=Allow|" + "LPort=5985|" * 3000, "Zugriff verweigert", "2026-02-30T25:61:61Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59Z", "*" * 70,
    "\\\\" * 200, "../../etc", "http://+:5985/wsman/",
)
LABELS = (
    ("Error", "Fehler"), ("The command", "La commande"), (":", "\uff1a"), (".", ","), ("Enabled", "\u5df2\u542f\u7528"), ("IP:port", "IP:Port   "),
    (" : ", " \uff1a"), ("REG_", "reg_"),
)
TAG = re.compile(rb"<(/?)([A-Za-z0-9]+:)?([A-Za-z0-9_]+)([^<>]*?)(/?)>")
LEAF = re.compile(rb">([^<>]*)</")
STREAM = re.compile(rb'(<rsp:Stream Name="std(?:out|err)"[^>]*>)([^<]+)(</rsp:Stream>)')
Mutation = t.Callable[[random.Random, bytes, t.Sequence[bytes]], bytes]


def truncated(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    return message[: chance.randrange(len(message) + 1)]


def flipped(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """Bytes that are others: mostly no UTF-8, no XML."""
    data = bytearray(message)
    for _turn in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def swapped(chance: random.Random, _message: bytes, others: t.Sequence[bytes]) -> bytes:
    """The answer to another question."""
    return chance.choice(others)


def renamed(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """One name of an element is another, everywhere."""
    names = [found[3] for found in TAG.finditer(message)]
    name, other = chance.choice(names), chance.choice((b"Wrong", b"x", b"Fault", b"Item", b"Body", b"Items", chance.choice(names)))
    return re.sub(rb"(</?(?:[A-Za-z0-9]+:)?)" + name + rb"(?=[\s>/])", lambda found: found[1] + other, message)


def elsewhere(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """Another namespace behind a prefix."""
    return re.sub(rb'xmlns:(\w+)="[^"]*"', lambda found: b'xmlns:%s="urn:%d"' % (found[1], chance.randrange(2)) if chance.random() < 0.5 else found[0], message)


def without_values(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """nil here, everywhere, or in the wrong place."""
    share = chance.choice((0.1, 0.5, 1.0))
    nil = b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"></'
    return LEAF.sub(lambda found: nil if chance.random() < share else found[0], message)


def other_values(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """Texts and numbers that do not belong there."""
    share, words = chance.choice((0.05, 0.3, 1.0)), chance.choice((NUMBERS, TEXTS, (chance.choice(TEXTS),), (chance.choice(NUMBERS),)))
    budget = [400_000]

    def other(found: re.Match[bytes]) -> bytes:
        word = escape(chance.choice(words)).encode("utf-8", "surrogatepass")
        if chance.random() >= share or len(word) > budget[0]:
            return found[0]
        budget[0] -= len(word)
        return b">" + word + b"</"

    return LEAF.sub(other, message)


def repeated(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """An element that comes again and again."""
    starts = [found for found in TAG.finditer(message) if not found[1] and not found[5]]
    start = chance.choice(starts)
    name = (start[2] or b"") + start[3]
    end = message.find(b"</" + name + b">", start.end())
    if end < 0:
        return message
    end += len(name) + 3
    piece = message[start.start() : end]
    return message[:end] + piece * min(chance.choice((1, 2, 50, 3000)), 400_000 // len(piece)) + message[end:]


def removed(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """An element that is not there."""
    start = chance.choice([found for found in TAG.finditer(message) if not found[1]])
    end = message.find(b"</" + (start[2] or b"") + start[3] + b">", start.end())
    return message if end < 0 else message[: start.start()] + message[end + len((start[2] or b"") + start[3]) + 3 :]


def endless(_chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """No end of a list, a context that stays."""
    without = re.sub(rb"<\w+:EndOfSequence\s*/>|<(\w+):EndOfSequence>\s*</\1:EndOfSequence>", b"", message)
    context = b"<n:EnumerationContext>on</n:EnumerationContext>"
    return re.sub(rb"<n:EnumerationContext\s*/>|<n:EnumerationContext>[^<]*</n:EnumerationContext>", context, without)


def other_encoding(chance: random.Random, message: bytes, _others: t.Sequence[bytes]) -> bytes:
    """UTF-16 with and without its mark, Latin 1, a declaration that lies, a document type."""
    text = message.decode("utf-8", "replace")
    return chance.choice((
        text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-16")[:-1], text.encode("latin-1", "replace"),
        b'<?xml version="1.0" encoding="UTF-16"?>' + message, b'<?xml version="1.0" encoding="no-such"?>' + message,
        b'<!DOCTYPE s [<!ENTITY a "aaaa">]>' + message, b"\xef\xbb\xbf" + message, b"\0" + message,
    ))


def nothing(chance: random.Random, _message: bytes, _others: t.Sequence[bytes]) -> bytes:
    return chance.choice((b"", b" ", b"<a/>", b"<html><body>Proxy</body></html>", b"\0" * 1000, b"<a>" * 10_000, b"{}"))


def said_otherwise(chance: random.Random, message: bytes, others: t.Sequence[bytes]) -> bytes:
    """Of an answer that carries output of commands: another output. Of others: other values."""
    data = said(message)
    return saying(message, chance.choice(OUTPUTS)(chance, data)) if data else other_values(chance, message, others)


def said(message: bytes) -> bytes:
    """The output that an answer carries."""
    return b"".join(base64.b64decode(found[2]) for found in STREAM.finditer(message))


def saying(message: bytes, output: bytes) -> bytes:
    """The same answer with another output."""
    pieces = list(STREAM.finditer(message))
    return message[: pieces[0].start()] + pieces[0][1] + base64.b64encode(output) + pieces[0][3] + message[pieces[-1].end() :]


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _lines_lost(chance: random.Random, data: bytes) -> bytes:
    share = chance.choice((0.01, 0.1, 0.5))
    return b"".join(line for line in data.splitlines(keepends=True) if chance.random() >= share)


def _lines_cut(chance: random.Random, data: bytes) -> bytes:
    share = chance.choice((0.01, 0.1, 0.5))
    return b"\r\n".join(line[: chance.randrange(len(line) + 1)] if chance.random() < share else line for line in data.split(b"\r\n"))


def _lines_swapped(chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    for _turn in range(chance.randrange(1, 200)):
        one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _lines_longer(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    for _turn in range(chance.randrange(1, 20)):
        lines[chance.randrange(len(lines))] += chance.choice(TEXTS).encode("utf-8", "surrogatepass")[:20_000] or b"\x1b]0;owned\x07\x1b[2J"
    return b"\r\n".join(lines)


def _bytes_flipped(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _turn in range(len(data) // 200):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _numbers(chance: random.Random, data: bytes) -> bytes:
    share, word = chance.choice((0.02, 0.3)), chance.choice(NUMBERS).encode()
    return re.sub(rb"(?<![#\w])\d+(?![#\w])|0x[0-9a-f]+", lambda found: word if chance.random() < share else found[0], data)


def _hex(chance: random.Random, data: bytes) -> bytes:
    """Binary values that are none, cut, or hold something else."""
    filler = chance.choice((b"", b"0", b"zz", b"FF" * 9000, b"30820400", b"00" * 50, b"30843FFFFFFF"))

    def other(found: re.Match[bytes]) -> bytes:
        return found[1] + (filler if chance.random() < 0.3 else found[2][: chance.randrange(len(found[2]) + 1)])

    return re.sub(rb"(REG_BINARY    )([0-9A-F]*)", other, data)


def _blob_bytes(chance: random.Random, data: bytes) -> bytes:
    """Binary values with other bytes in them."""
    def other(found: re.Match[bytes]) -> bytes:
        value = bytearray(found[2])
        for _turn in range(chance.randrange(0, 8)):
            if value:
                value[chance.randrange(len(value))] = chance.choice(b"0123456789ABCDEF")
        return found[1] + bytes(value)

    return re.sub(rb"(REG_BINARY    )([0-9A-F]*)", other, data)


def _translated(chance: random.Random, data: bytes) -> bytes:
    for word, other in chance.sample(LABELS, 3):
        data = data.replace(word.encode(), other.encode())
    return data


def _recoded(chance: random.Random, data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode(chance.choice(("utf-16-le", "utf-16", "cp437", "cp1252", "gbk")), "replace")


def _types(chance: random.Random, data: bytes) -> bytes:
    kinds = (b"REG_SZ", b"REG_DWORD", b"REG_BINARY", b"REG_MULTI_SZ", b"REG_QWORD", b"REG_NONE", b"REG_WHAT", b"0x99")
    share = chance.choice((0.05, 1.0))
    return re.sub(rb"REG_[A-Z_]+", lambda found: chance.choice(kinds) if chance.random() < share else found[0], data)


def _doubled(chance: random.Random, data: bytes) -> bytes:
    share = chance.choice((0.05, 1.0))
    return b"".join(line * 2 if chance.random() < share else line for line in data.splitlines(keepends=True))


OUTPUTS = (
    _cut, _lines_lost, _lines_cut, _lines_swapped, _lines_longer, _bytes_flipped, _numbers, _hex, _blob_bytes, _translated, _recoded, _types, _doubled,
)
MUTATIONS: tuple[Mutation, ...] = (
    truncated, flipped, swapped, renamed, elsewhere, without_values, other_values, repeated, removed, endless, other_encoding, nothing, said_otherwise,
)
