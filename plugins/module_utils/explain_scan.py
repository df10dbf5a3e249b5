# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds codes, events and known sentences in a text. Pure, and bounded: 64 KiB are read, no pattern backtracks over more than a few words.

A mention's snippet comes from the tables or is a number, never free text of the input: error texts may hold names and secrets.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .explain_lookup import SENTENCES, SYMBOLS, Entry, by_number, by_small, by_symbol, by_value32

LIMIT = 64 * 1024
GAP = 80
"""How much text may stand in the place of `...` of a sentence."""

_ESCAPES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_FRAME = re.compile(r'^[ \t]*File "[^"\n]*", line \d+[^\n]*\n?(?:[ \t]+[^\n]*\n?)?', re.MULTILINE)
_NOISE = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")

_WHOLE_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,8}")
_WHOLE_BARE = re.compile(r"[89a-fA-F][0-9a-fA-F]{7}")
_WHOLE_DECIMAL = re.compile(r"[+-]?[0-9]{1,10}")

_HEX = re.compile(r"\b0[xX]([0-9a-fA-F]{1,8})\b")
_BARE = re.compile(r"(?<![\w-])([89a-fA-F][0-9a-fA-F]{7})(?![\w-])")
_SIGNED = re.compile(r"(?<![\w.-])-[0-9]{7,10}(?!\w)")
_UNSIGNED = re.compile(r"(?<![\w.-])[0-9]{10}(?!\w)")
_SYMBOL = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9]{0,39}(?:_[A-Z0-9]{1,40}){1,9}(?![A-Za-z0-9_])")
_KERBEROS_NEAR = re.compile(r"kerberos|krb|kdc|ticket|\b47(?:68|69|71)\b")

# Family ("" = any), pattern, base of the number. The texts are lower case by then.
_CONTEXTS: tuple[tuple[str, re.Pattern[str], int], ...] = tuple((family, re.compile(pattern), base) for family, pattern, base in (
    ("HTTP", r"\bhttp(?:/[0-9](?:\.[0-9])?)?(?: (?:error|status|code|response))* ?[:=]? ?([0-9]{3})\b(?!\.)", 10),
    ("HTTP", r"status[ _]?code['\"]?(?: of)? ?[:=]? ?['\"]?([0-9]{3})\b", 10),
    ("HTTP", r"bad http response returned from (?:the )?server\. code:? ([0-9]{3})\b", 10),
    ("HTTP", r"\b([0-9]{3}) (?:client error|server error|unauthorized|forbidden|not found|bad request|service unavailable|internal server error"
             r"|proxy authentication required|bad gateway|gateway time-?out|method not allowed)", 10),
    ("errno", r"errno ([0-9]{1,3})\b", 10),
    ("errno", r"(?:refused|reset|aborted|timeout|brokenpipe|os)error\(([0-9]{1,3}),", 10),
    ("getaddrinfo", r"(?:errno |gaierror\()(-[0-9]{1,2})\b", 10),
    ("Win32", r"winerror ([0-9]{1,5})\b", 10),
    ("Win32", r"system error ([0-9]{1,5})\b", 10),
    ("Win32", r"\bdata ([0-9a-f]{3}),", 16),
    ("X509", r"verify (?:error:num=|return code: ?|code[:=]? ?)([0-9]{1,2})\b", 10),
    ("TLS alert", r"alert number ([0-9]{1,3})\b", 10),
    ("Kerberos", r"\b(?:kdc|krb5?|kerberos)[ _](?:err(?:or)?(?:[ _]code)?) ?[:=]? ?([0-9]{1,2})\b", 10),
    ("Event", r"event ?id(?: qualifiers=['\"]?[0-9]{0,5}['\"]?)?[^0-9]{0,12}([0-9]{1,5})\b", 10),
    ("Event", r"\bevents? ([0-9]{1,5})\b", 10),
    ("Event", r"\b(?:winrm|id)[ :#-]{1,3}(3603)\b", 10),
    ("", r"(?<!exit )(?<!return )\b(?:(?:error|wsmanfault|fault|result|failure)[ _]?)?(?:code|error|status)['\"]? ?"
         r"[:=]? ?['\"]?([0-9]{1,5})\b(?![.\-][0-9])", 10),
))


@dataclass(frozen=True)
class Mention:
    """One thing found: its entry, the piece of text that says it, and where it begins."""

    entry: Entry
    snippet: str
    start: int
    other_reading: bool = False
    """True for what the same number could mean as well."""


def readings(value: int, shown: str) -> list[Mention]:
    """Every meaning of a number that stands alone, the likeliest first."""
    found: list[Entry] = []
    if -0x80000000 <= value <= 0xFFFFFFFF:
        if entry := by_value32(value):
            found.append(entry)
        found += by_small(value)
        # 80090322 is the code that people copy without its 0x; YAML reads it as a number.
        if _WHOLE_BARE.fullmatch(str(value)) and (entry := by_value32(int(str(value), 16))):
            found.append(entry)
        # Security events print Kerberos codes in hex, so a bare 18 may mean 0x18.
        if 10 <= value <= 99 and (entry := by_number("Kerberos", int(str(value), 16))):
            found.append(entry)
    return [Mention(entry, shown, 0, bool(place)) for place, entry in enumerate(dict.fromkeys(found))]


def find(text: str) -> list[Mention]:
    """Everything known that the text mentions, in no particular order, each thing once."""
    # Of a huge text its two ends: a traceback begins with the root cause and ends with the last word.
    whole = (text if len(text) <= LIMIT else f"{text[: LIMIT // 2]}\n{text[-LIMIT // 2 :]}").strip()
    if _WHOLE_DECIMAL.fullmatch(whole):
        return readings(int(whole), whole)
    if _WHOLE_HEX.fullmatch(whole) or (_WHOLE_BARE.fullmatch(whole) and by_value32(int(whole, 16))):
        return _hex_readings(int(whole, 16), whole, "Kerberos")
    if len(whole) <= 80 and (entries := by_symbol(whole)):
        return [Mention(entry, entry.symbol, 0, bool(place)) for place, entry in enumerate(entries)]
    plain = _plain(whole)
    lower = plain.translate(_LOWER)
    mentions = [*_sentences(lower), *_wide_numbers(plain), *_small_numbers(lower), *_small_hex(lower), *_symbols(plain)]
    return _once(mentions)


def _plain(text: str) -> str:
    """The text without stack frames and GUIDs, escapes undone, white space squeezed."""
    text = text.translate(_ESCAPES).replace("\\r", "").replace("\\n", "\n").replace('\\"', '"').replace("\\'", "'").replace("&quot;", '"')
    return " ".join(_NOISE.sub(" ", _FRAME.sub("", text)).split())


def _hex_readings(value: int, shown: str, prefer: str) -> list[Mention]:
    wide = by_value32(value)
    entries = ([wide] if wide else []) + by_small(value, prefer if value < 0x80 else "")
    return [Mention(entry, shown, 0, bool(place)) for place, entry in enumerate(dict.fromkeys(entries))]


def _sentences(lower: str) -> list[Mention]:
    spans: list[tuple[int, int, bool, str, Entry]] = []
    for sentence, entry in SENTENCES:
        first, gap, last = sentence.partition(" ... ")
        span = _gapped(lower, first, last) if gap else _literal(lower, first)
        if span:
            spans.append((*span, bool(gap), sentence, entry))
    return [Mention(entry, sentence, start) for start, end, wild, sentence, entry in spans if not _shadowed(start, end, wild, spans)]


def _shadowed(start: int, end: int, wild: bool, spans: t.Sequence[tuple[int, int, bool, str, Entry]]) -> bool:
    """True where another sentence says the same more exactly: a longer one around it, or, for one with a gap, a shorter gap within it."""
    for other_start, other_end, other_wild, _sentence, _entry in spans:
        if (other_start, other_end) == (start, end):
            continue
        if wild and other_wild:
            if start <= other_start and other_end <= end:
                return True
        elif not wild and other_start <= start and end <= other_end:
            return True
    return False


def _literal(lower: str, sentence: str) -> tuple[int, int] | None:
    start = lower.find(sentence)
    return None if start < 0 else (start, start + len(sentence))


def _gapped(lower: str, first: str, last: str) -> tuple[int, int] | None:
    """The first place where `last` follows `first` within the gap; searched from the rare end."""
    end = -1
    for _turn in range(20):
        end = lower.find(last, end + 1)
        if end < 0:
            return None
        start = lower.rfind(first, max(0, end - GAP - len(first)), end)
        if start >= 0:
            return start, end + len(last)
    return None


def _wide_numbers(plain: str) -> t.Iterator[Mention]:
    for pattern, base in ((_HEX, 16), (_BARE, 16), (_SIGNED, 10), (_UNSIGNED, 10)):
        for match in pattern.finditer(plain):
            value = int(match[match.lastindex or 0], base)
            if -0x80000000 <= value <= 0xFFFFFFFF and (entry := by_value32(value)):
                yield Mention(entry, match[0], match.start())


def _small_numbers(lower: str) -> t.Iterator[Mention]:
    taken: set[int] = set()
    for family, pattern, base in _CONTEXTS:
        for match in pattern.finditer(lower):
            if match.start(1) in taken:
                continue
            value = int(match[1], base)
            entries = [entry] if family and (entry := by_number(family, value)) else []
            if family == "Win32" and not entries and (winhttp := by_number("WinHTTP", value)):
                entries = [winhttp]
            if not family:
                entries = by_small(value, _preferred(lower, match.start()))
            if entries:
                taken.add(match.start(1))
            for place, found in enumerate(entries):
                yield Mention(found, f"{family} {match[1]}".strip(), match.start(1), bool(place))


def _preferred(lower: str, place: int) -> str:
    """What a small number after "code" or "status" most likely is, by the words before it."""
    before = lower[max(0, place - 60):place]
    if "http" in before and "wsmanfault" not in before:
        return "HTTP"
    return "Kerberos" if _KERBEROS_NEAR.search(before) else "Win32"


def _small_hex(lower: str) -> t.Iterator[Mention]:
    for match in _HEX.finditer(lower):
        value = int(match[1], 16)
        before = lower[max(0, match.start() - 60):match.start()]
        if value > 0xFFFF or not re.search(r"code|status|error|result|failed", before):
            continue
        prefer = "Kerberos" if _KERBEROS_NEAR.search(lower) and value < 0x80 else "Win32"
        for place, entry in enumerate(e for e in by_small(value, prefer) if e.family in ("Kerberos", "Win32", "WinHTTP")):
            yield Mention(entry, match[0], match.start(), bool(place))


def _symbols(plain: str) -> t.Iterator[Mention]:
    for match in _SYMBOL.finditer(plain):
        for place, entry in enumerate(by_symbol(match[0]) if match[0] in SYMBOLS else ()):
            yield Mention(entry, match[0], match.start(), bool(place))


def _once(mentions: t.Iterable[Mention]) -> list[Mention]:
    """Each entry once: as something said rather than as another reading, and by its longest snippet's place."""
    best: dict[tuple[str, str], Mention] = {}
    for mention in mentions:
        known = best.get(mention.entry.key)
        if known is None or (known.other_reading and not mention.other_reading):
            best[mention.entry.key] = mention
    return list(best.values())
