# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error text or code of a WinRM logon means: meaning, causes with strength, next check, fix. Pure."""

from __future__ import annotations

import typing as t

from .codes.advice import CAUSE_ADVICE, REFUSED_CHECK, REFUSED_FIX, REFUSED_WHYS, SPECIFIC_ADVICE
from .codes.kerberos import MIT_BASE
from .errors import DoctorError
from .explain_lookup import EVENT_3603, MASK, WIDE, Entry, guess_family
from .explain_scan import Mention, find, readings

Explanation = dict[str, t.Any]
ALSO_LIMIT = 8
ACCEPTED = (
    "a code in hex, signed or unsigned decimal (0x80090322, -2144108526, 2150858770), a symbol (KRB_AP_ERR_SKEW), an HTTP status, a Windows event id, "
    "a WSManFault, or the error text that Ansible or Python printed"
)
_SPECIFIC: dict[str, tuple[str, str]] = {name: (check, fix) for names, check, fix in SPECIFIC_ADVICE for name in names}
_SCORES = {"strong": 80, "medium": 55, "weak": 35}


def explain(value: object) -> Explanation:
    """The explanation of one text or code as plain JSON types; raises DoctorError for anything but text and whole numbers.

    Of the input only the recognised piece is repeated: error texts may hold names and secrets.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise DoctorError(f"explain was given {_kind(value)}", expected=ACCEPTED, do=_hint(value), value=type(value).__name__)
    if isinstance(value, int):
        in_range = -(2**31) <= value < 2**32
        mentions = readings(int(value), str(int(value))) if in_range else []
        number = int(value) if in_range else None
    else:
        text = str(value)
        mentions = find(text)
        number = _lone_number(text)
    if not mentions:
        return _unrecognised(number)
    ranked = sorted(mentions, key=_order)
    return {**_full(ranked[0]), "also": [_brief(mention) for mention in ranked[1:1 + ALSO_LIMIT]]}


def _kind(value: object) -> str:
    """The input in words, without its content (a dictionary may hold a password)."""
    if value is None:
        return "nothing (None)"
    if isinstance(value, (bool, float)):
        return f"the value {value}"
    # Newer cores hand in subclasses of their own, whose names tell the user nothing.
    for kind, name in ((dict, "a dictionary"), ((list, tuple), "a list"), (bytes, "bytes")):
        if isinstance(value, kind):
            return name
    return f"a value of type {type(value).__name__}"


def _hint(value: object) -> str:
    if isinstance(value, dict):
        return "Give it the text inside, such as result.msg"
    if isinstance(value, (list, tuple)):
        return "Apply it to every item: map('winrm.doctor.explain')"
    return "Check the variable; `default('')` gives an empty text where there is none"


def _order(mention: Mention) -> tuple[bool, int, int]:
    return (mention.other_reading, -_specificity(mention.entry), mention.start)


def _specificity(entry: Entry) -> int:
    """How much an entry narrows things down: a strong single cause most, a wrapper or a long list of candidates least."""
    if entry == EVENT_3603:
        return 50
    if entry.family == "HTTP" and entry.number == 500:
        return 18  # it carries the fault, whose own code is what counts
    best = max((_SCORES[strength] for _cause, strength in entry.causes), default=15)
    return best - 4 * max(0, len(entry.causes) - 1) + (5 if entry.number is not None and entry.family != "Event" else 0)


def _full(mention: Mention) -> Explanation:
    entry = mention.entry
    next_check, fix = _advice(entry)
    return {
        "input": mention.snippet[:120],
        "recognised": True,
        "code": _code(entry),
        "meaning": entry.meaning,
        "causes": [{"cause": cause, "strength": strength, "why": _why(entry, cause)} for cause, strength in entry.causes],
        "next_check": next_check,
        "fix": fix,
        "docs": _docs(entry),
    }


def _brief(mention: Mention) -> Explanation:
    entry = mention.entry
    return {
        "relation": "another reading of the number" if mention.other_reading else "also in the text",
        "code": _code(entry),
        "meaning": entry.meaning,
        "causes": [cause for cause, _strength in entry.causes],
        "docs": _docs(entry),
    }


def _code(entry: Entry) -> Explanation:
    symbol = f"HTTP {entry.number} {entry.symbol}" if entry.family == "HTTP" else entry.symbol
    code: Explanation = {"family": entry.family, "symbol": symbol, "hex": None, "unsigned": None, "signed": None}
    if entry.number is None:
        return code
    wide = entry.family in WIDE
    code["signed"] = entry.number - 2**32 if wide and entry.number >= 2**31 else entry.number
    code["unsigned"] = entry.number if entry.number >= 0 else None
    if entry.number >= 0 and entry.family not in ("HTTP", "Event"):
        code["hex"] = f"0x{entry.number:08X}" if wide else f"0x{entry.number:X}"
    if entry.family == "Kerberos":
        code["mit_minor"] = MIT_BASE + entry.number
    return code


def _is_refusal(entry: Entry) -> bool:
    return entry.family == "HTTP" and entry.number == 401


def _why(entry: Entry, cause: str) -> str:
    return REFUSED_WHYS[cause] if _is_refusal(entry) else CAUSE_ADVICE[cause][0]


def _advice(entry: Entry) -> tuple[str, str]:
    if _is_refusal(entry):
        return REFUSED_CHECK, REFUSED_FIX
    if entry == EVENT_3603:
        return (
            "Read what Windows does write: Security 4625 (SubStatus) and 4624, Microsoft-Windows-WinRM/Operational 192 (its level is Information), "
            "System 10101-10159 of WinRM; if a log really holds a 3603, look at its provider",
            "None for the label itself: find the real code or text and explain that",
        )
    name = f"HTTP {entry.number}" if entry.family == "HTTP" else entry.symbol
    if name in _SPECIFIC:
        return _SPECIFIC[name]
    if not entry.causes:
        return ("Look for another code or text beside it: this one alone points to no cause", "None")
    return CAUSE_ADVICE[entry.causes[0][0]][1:]


def _docs(entry: Entry) -> str:
    if entry == EVENT_3603:
        return "docs/event-3603.md"
    return f"docs/causes/{entry.causes[0][0]}.md" if entry.causes else "docs/README.md"


def _lone_number(text: str) -> int | None:
    """The 32-bit number a text consists of, if it does."""
    text = text.strip()[:20]
    try:
        value = int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        return None
    return value if -(2**31) <= value < 2**32 else None


def _unrecognised(number: int | None) -> Explanation:
    code: Explanation = {"family": None, "symbol": None, "hex": None, "unsigned": None, "signed": None}
    meaning = "Nothing in it is known here: no code, no event, no sentence."
    if number is not None:
        unsigned = number & MASK
        code |= {"hex": f"0x{unsigned:08X}", "unsigned": unsigned, "signed": unsigned - 2**32 if unsigned >= 2**31 else unsigned}
        if family := guess_family(number):
            code["family"] = family
            meaning = f"By its form a code of the family {family}, but the tables here do not have it."
    return {
        "input": "", "recognised": False, "code": code, "meaning": meaning, "causes": [],
        "next_check": f"Give it {ACCEPTED}", "fix": "", "docs": "docs/README.md", "also": [],
    }
