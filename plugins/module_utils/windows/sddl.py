# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security descriptors as text ([MS-DTYP] 2.5.1), and whether they let somebody in ([MS-DTYP] 2.5.3.2)."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ..evidence.base import Known, Unknown
from ..evidence.host import ALLOWED, REFUSED
from .sids import ALIASES, OWNER_RIGHTS, RELATIVE, name_of

READ, WRITE, EXECUTE, ALL = 0x80000000, 0x40000000, 0x20000000, 0x10000000
READ_CONTROL, WRITE_DAC = 0x20000, 0x40000
RIGHTS = (
    ("GA", ALL), ("GR", READ), ("GW", WRITE), ("GX", EXECUTE), ("WO", 0x80000), ("WD", WRITE_DAC), ("RC", READ_CONTROL), ("SD", 0x10000),
    ("FA", 0x1F01FF), ("FX", 0x1200A0), ("FW", 0x120116), ("FR", 0x120089), ("KA", 0xF003F), ("KR", 0x20019), ("KX", 0x20019), ("KW", 0x20006),
    ("CR", 0x100), ("LO", 0x80), ("DT", 0x40), ("WP", 0x20), ("RP", 0x10), ("SW", 0x8), ("LC", 0x4), ("DC", 0x2), ("CC", 0x1),
    ("NR", 0x2), ("NW", 0x1), ("NX", 0x4),
)
"""Words of rights ([MS-DTYP] 2.5.1.1); NR, NW and NX are those of mandatory labels, which stand in the SACL."""
_RIGHT = dict(RIGHTS)
WORDS = ((ALL, "everything"), (READ, "reading"), (WRITE, "writing"), (EXECUTE, "executing"))
ALLOWING, DENYING, CONDITIONAL = frozenset(("A", "OA", "XA", "ZA")), frozenset(("D", "OD", "XD")), frozenset(("XA", "XD", "ZA", "XU"))
OTHERS = frozenset(("AU", "OU", "ML", "SP", "RA", "XU", "AL", "OL", "TL", "FL"))
"""Entries that decide about no access: audit, alarm, label, policy, attribute."""
FLAGS = frozenset(("CI", "OI", "NP", "IO", "ID", "SA", "FA", "TP", "CR"))
LONGEST, MOST_ACES = 65536, 1000
SPECIFIC = 0xFFFF
"""Rights whose meaning the resource itself decides."""
_SID = re.compile(r"S-1-(?:0x[0-9a-f]{1,12}|\d{1,15})(?:-\d{1,10}){0,15}", re.IGNORECASE)
_ACL_FLAGS = re.compile(r"(?:P|AR|AI|\s)*", re.IGNORECASE)
_NULL = "NO_ACCESS_CONTROL"


class SddlError(ValueError):
    """Text that is no security descriptor."""


@dataclass(frozen=True)
class Ace:
    """One entry of an access control list."""

    kind: str
    """`A`, `D`, `OA`, `XA` and so on."""
    flags: tuple[str, ...]
    mask: int
    trustee: str
    """A SID; `*-512` for one of a domain that is not known."""
    text: str
    """As it was written."""
    bound: str = ""
    """Why it may or may not count: a condition, or rights and objects whose meaning nobody tells here; "" where it is plain."""

    @property
    def allows(self) -> bool:
        """Whether it gives rights."""
        return self.kind in ALLOWING

    @property
    def inherit_only(self) -> bool:
        """Whether it is there for children alone."""
        return "IO" in self.flags

    def words(self) -> str:
        """The entry for people: `(A;;GA;;;BA), which gives BUILTIN\\Administrators everything`."""
        what = " and ".join(word for bit, word in WORDS if self.mask & bit) if not self.mask & ALL else "everything"
        verb = "gives" if self.allows else "forbids"
        return f"{self.text[:200]}, which {verb} {name_of(self.trustee)} {what or f'the rights {self.mask:#x}'}"


@dataclass(frozen=True)
class Descriptor:
    """A security descriptor."""

    owner: str = ""
    group: str = ""
    dacl: tuple[Ace, ...] | None = None
    """None: there is no list, and everybody may do everything; (): nobody may do anything."""
    flags: tuple[str, ...] = ()
    """`P`, `AR`, `AI` of the DACL."""
    sacl: tuple[Ace, ...] = ()


@dataclass(frozen=True)
class Token:
    """What somebody comes with."""

    sids: frozenset[str] = frozenset()
    """Held for certain."""
    deny_only: frozenset[str] = frozenset()
    """Held where they are denied something, and nowhere else: what UAC leaves of Administrators."""
    absent: frozenset[str] = frozenset()
    """Certainly not held."""
    complete: tuple[str, ...] = ()
    """Beginnings of SIDs, such as `S-1-5-21-1-2-3-`, of which all are known: what is not held there is absent. "" makes it so for all SIDs, `*-` for those
    of a domain that is not known."""

    def has(self, sid: str, *, denies: bool = False) -> bool | None:
        """Whether it holds a SID; None where that is not known. `denies`: deny-only ones count."""
        if sid.startswith("*-"):
            return self._relative(sid[1:], denies)
        if sid in self.sids:
            return True
        if sid in self.deny_only:
            return denies
        return False if sid in self.absent or any(sid.startswith(start) for start in self.complete) else None

    def _relative(self, end: str, denies: bool) -> bool | None:
        """A group of the host's domain, which may be another than the user's: known only where the user has none of that number."""
        held = any(sid.startswith("S-1-5-21-") and sid.endswith(end) for sid in self.sids | (self.deny_only if denies else frozenset()))
        told = any(start in ("", "*-") or start.startswith("S-1-5-21-") for start in self.complete)
        return False if told and not held else None


class Verdict(t.NamedTuple):
    """What a descriptor says to a token."""

    outcome: Known[str]
    """`allowed` or `refused`."""
    ace: Ace | None
    """The entry that decides: the last that was needed, the one that denies, or the one that is not known to count."""


def parse(text: str, domain: str = "", machine: str = "") -> Descriptor:
    """A descriptor; raises SddlError. `domain`, `machine`: the SIDs that words such as DA and LA stand for in part."""
    if len(text) > LONGEST:
        raise SddlError(f"it is longer than {LONGEST} characters")
    parts = _sections(text.strip())
    dacl, flags = _acl(parts["D"], domain, machine) if "D" in parts else (None, ())
    sacl, _flags = _acl(parts["S"], domain, machine) if "S" in parts else ((), ())
    owner, group = (_trustee(parts[key], domain, machine) if key in parts else "" for key in "OG")
    return Descriptor(owner, group, dacl, flags, sacl or ())


def for_winrm(descriptor: Descriptor) -> Descriptor:
    """The same with WS-Management's reading of rights: GA holds the other three ([MS-WSMV] 3.1.4.1.28 knows GR, GW and GX alone).

    To which rights of its own the service maps the generic ones is not known, so that an entry which has only such may or may not count [INF].
    """
    if descriptor.dacl is None:
        return descriptor
    return replace(descriptor, dacl=tuple(_mapped(ace) for ace in descriptor.dacl))


def check(descriptor: Descriptor, token: Token, wanted: int) -> Verdict:
    """The answer to a request for these rights. Where it hangs on what is not known of the token or an entry, it is Unknown.

    Both extremes are tried: every doubtful entry against the token, and every one for it. Where they agree the doubts do not matter.
    """
    worst, best = _walk(descriptor, token, wanted, doubts=False), _walk(descriptor, token, wanted, doubts=True)
    if worst.outcome == best.outcome:
        return worst
    doubtful = next((ace for ace in descriptor.dacl or () if not ace.inherit_only and _counts(ace, descriptor, token) is None), None)
    why = "an entry that may or may not count decides"
    if doubtful:
        why = f"whether the user is in {name_of(doubtful.trustee)} is not known" if not doubtful.bound else doubtful.bound
    return Verdict(Unknown(why), doubtful)


def _walk(descriptor: Descriptor, token: Token, wanted: int, *, doubts: bool) -> Verdict:
    """[MS-DTYP] 2.5.3.2, `doubts`: whether doubtful entries speak for the token, or against it."""
    if descriptor.dacl is None:
        return Verdict(ALLOWED, None)
    left = wanted & ~_of_owner(descriptor, token, doubts)
    last: Ace | None = None
    for ace in descriptor.dacl:
        if ace.inherit_only or not ace.mask & left or ace.kind not in ALLOWING | DENYING:
            continue
        counts = _counts(ace, descriptor, token)
        if not (counts if counts is not None else ace.allows == doubts):
            continue
        if not ace.allows:
            return Verdict(REFUSED, ace)
        left, last = left & ~ace.mask, ace
        if not left:
            break
    return Verdict(ALLOWED, last) if not left else Verdict(REFUSED, None)


def _of_owner(descriptor: Descriptor, token: Token, doubts: bool) -> int:
    """What the owner may do without any entry: read and write the list itself, unless an entry speaks of owners."""
    entries = descriptor.dacl or ()
    if not descriptor.owner or any(ace.trustee == OWNER_RIGHTS and not ace.inherit_only for ace in entries):
        return 0
    held = token.has(descriptor.owner)
    return READ_CONTROL | WRITE_DAC if (doubts if held is None else held) else 0


def _counts(ace: Ace, descriptor: Descriptor, token: Token) -> bool | None:
    """Whether the token holds the entry's trustee and its condition; None where that is not known."""
    sid = descriptor.owner if ace.trustee == OWNER_RIGHTS else ace.trustee
    held = token.has(sid, denies=not ace.allows and ace.trustee != OWNER_RIGHTS) if sid else False
    return held if held is False or not ace.bound else None


def _mapped(ace: Ace) -> Ace:
    mask = ace.mask | READ | WRITE | EXECUTE if ace.mask & ALL else ace.mask
    if not mask & (READ | WRITE | EXECUTE) and mask & SPECIFIC and not ace.bound:
        return replace(ace, mask=mask | READ | WRITE | EXECUTE, bound="what the rights of this entry mean to WinRM is not documented")
    return replace(ace, mask=mask)


def _sections(text: str) -> dict[str, str]:
    """O, G, D and S with their text. A letter before a colon begins a part only where no entry is open."""
    starts = [(place, text[place].upper()) for place in _outside(text) if text[place : place + 2].upper() in ("O:", "G:", "D:", "S:")]
    if not starts or text[: starts[0][0]].strip():
        raise SddlError("it does not begin with O:, G:, D: or S:")
    parts: dict[str, str] = {}
    for (start, key), end in zip(starts, [*(place for place, _key in starts[1:]), len(text)], strict=True):
        if key in parts:
            raise SddlError(f"it has two parts {key}:")
        parts[key] = text[start + 2 : end].strip()
    return parts


def _outside(text: str) -> t.Iterator[int]:
    """The places that belong to no entry."""
    depth, quoted = 0, False
    for place, char in enumerate(text):
        if depth == 0 and not quoted:
            yield place
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")


def _acl(text: str, domain: str, machine: str) -> tuple[tuple[Ace, ...] | None, tuple[str, ...]]:
    if text.upper().startswith(_NULL):
        return None, ()
    found = _ACL_FLAGS.match(text)
    head = found[0] if found else ""
    flags = tuple(re.findall(r"P|AR|AI", head.upper()))
    return tuple(_ace(one, domain, machine) for one in _entries(text[len(head) :])), flags


def _entries(text: str) -> t.Iterator[str]:
    """Each entry without its outer parentheses; conditions and attributes hold parentheses and quotes of their own."""
    depth = start = count = 0
    quoted = False
    for place, char in enumerate(text):
        if char == '"' and depth:
            quoted = not quoted
        elif quoted or (not depth and char.isspace()):
            continue
        elif char == "(":
            depth += 1
            start = place if depth == 1 else start
        elif char == ")" and depth:
            depth -= 1
            if not depth:
                count += 1
                if count > MOST_ACES:
                    raise SddlError(f"a list has more than {MOST_ACES} entries")
                yield text[start + 1 : place]
        elif not depth:
            raise SddlError(f"{text[place : place + 20]!r} stands where an entry should begin")
    if depth:
        raise SddlError("an entry does not end")


def _ace(text: str, domain: str, machine: str) -> Ace:
    parts = [part.strip() for part in text.split(";", 6)]
    if len(parts) < 6:
        raise SddlError(f"the entry ({text[:80]}) has {len(parts)} parts instead of 6")
    kind, flags, rights, guid, inherited, trustee = parts[:6]
    kind = kind.upper()
    if kind not in ALLOWING | DENYING | OTHERS:
        raise SddlError(f"the entry ({text[:80]}) is of the unknown kind {kind[:10]!r}")
    if kind in CONDITIONAL and len(parts) != 7:
        raise SddlError(f"the entry ({text[:80]}) lacks its condition")
    bound = ""
    if kind in CONDITIONAL:
        bound = "an entry with a condition decides, which is not evaluated here"
    elif guid and kind in ("OA", "OD"):
        bound = "an entry for one kind of objects decides"
    if kind in ("OA", "OD", "ZA") and inherited and not re.fullmatch(r"[0-9A-Fa-f-]{36}", inherited):
        raise SddlError(f"the entry ({text[:80]}) has no GUID where one should be")
    return Ace(kind, _flags(flags, text), _mask(rights, text), _trustee(trustee, domain, machine), f"({text})", bound)


def _flags(text: str, whole: str) -> tuple[str, ...]:
    found = tuple(text[place : place + 2].upper() for place in range(0, len(text), 2))
    if any(one not in FLAGS for one in found):
        raise SddlError(f"the entry ({whole[:80]}) has the unknown flags {text[:20]!r}")
    return found


def _mask(text: str, whole: str) -> int:
    """Rights as two-letter words, or as a number: hexadecimal, octal with a leading 0, or decimal."""
    if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,8}|\d{1,10}", text):
        octal = re.fullmatch(r"0[0-7]+", text)
        return (int(text, 8) if octal else int(text, 16 if text[:2].lower() == "0x" else 10)) & 0xFFFFFFFF
    mask = 0
    for place in range(0, len(text), 2):
        word = text[place : place + 2].upper()
        if word not in _RIGHT:
            raise SddlError(f"the entry ({whole[:80]}) has the unknown right {word!r}")
        mask |= _RIGHT[word]
    return mask


def _trustee(text: str, domain: str, machine: str) -> str:
    """A SID from its text or its two-letter word."""
    word = text.strip().upper()
    if _SID.fullmatch(word):
        authority = word.split("-")[2]
        return word if not authority.startswith("0X") else word.replace(authority, str(int(authority, 16)), 1)
    if word in ALIASES:
        return ALIASES[word]
    if word in RELATIVE:
        of_machine, rid = RELATIVE[word]
        return f"{(machine if of_machine else domain) or '*'}-{rid}"
    raise SddlError(f"{text[:40]!r} is neither a SID nor a word for one")
