# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enumerate, Pull and Release: pages of items, and the contexts between them (DSP0226 8; recorded from Server 2008 R2 to 2016)."""

from __future__ import annotations

import typing as t
import uuid
from collections import OrderedDict

from ..logon.soap import ENUMERATED, ENUMERATION_FAULT, NS, Fault, Message, reply
from .manners import manner
from .model import Inside

MOST_CONTEXTS = 4000
ENVELOPE = 512000
"""MaxEnvelopeSizekb's default; a client may ask for less."""
OVERHEAD = 2048
EXPIRED = "The supplied enumeration context is invalid or has expired."
Key = t.Tuple[str, str]
_OPEN: OrderedDict[Key, list[str]] = OrderedDict()
"""Host and context to the items that are left, the next one last. A client that never comes back makes room for others."""


def answer(request: Message, inside: Inside, items: t.Callable[[], t.Sequence[str]], *, one_first: bool) -> bytes:
    """An Enumerate, Pull or Release; `items` are built when an Enumerate asks for them. `one_first`: the first answer
    brings one item of several, as WMI's does."""
    if request.verb == "Pull":
        return _pull(request, inside)
    if request.verb == "Release":
        _OPEN.pop((inside.computer, _context(request)), None)
        return reply(request, f"{NS['n']}/ReleaseResponse", "", ENUMERATED)
    return _enumerate(request, inside, list(items()), one_first)


def _enumerate(request: Message, inside: Inside, items: list[str], one_first: bool) -> bytes:
    asked = request.find("n:Enumerate")
    optimised = asked is not None and asked.find("w:OptimizeEnumeration", NS) is not None and manner(inside, "optimised") == "yes"
    if not optimised:
        context = _keep(inside, items)
        return reply(request, f"{NS['n']}/EnumerateResponse", f"<n:EnumerateResponse>{_tag(context)}</n:EnumerateResponse>", ENUMERATED)
    most = 1 if one_first and manner(inside, "page") == "one" else _most(asked, 1)
    page, rest = _page(items, most, request)
    ended, context = _further(inside, rest)
    body = f"{_tag(context)}<w:Items>{''.join(page)}</w:Items>{'<w:EndOfSequence/>' if ended else ''}"
    return reply(request, f"{NS['n']}/EnumerateResponse", f"<n:EnumerateResponse>{body}</n:EnumerateResponse>", ENUMERATED)


def _pull(request: Message, inside: Inside) -> bytes:
    id = _context(request)
    left = _OPEN.pop((inside.computer, id), None)
    if left is None or manner(inside, "contexts") == "expired":
        raise Fault("s:Receiver", "n:InvalidEnumerationContext", EXPIRED, 2150858779, action=ENUMERATION_FAULT)
    page, rest = _page(left[::-1], _most(request.find("n:Pull"), 1), request)
    ended, context = _further(inside, rest, id if manner(inside, "contexts") == "same" else "")
    # The last answer was recorded without any context; with others the context comes first.
    head = _tag(context) if context else ""
    body = f"{head}<n:Items>{''.join(page)}</n:Items>{'<n:EndOfSequence/>' if ended else ''}"
    return reply(request, f"{NS['n']}/PullResponse", f"<n:PullResponse>{body}</n:PullResponse>", ENUMERATED)


def _further(inside: Inside, rest: list[str], id: str = "") -> tuple[bool, str]:
    """Whether this was the last page, and the context that goes with it."""
    if rest:
        return False, _keep(inside, rest, id)
    return True, f"uuid:{str(uuid.uuid4()).upper()}" if manner(inside, "end") == "with_context" else ""


def _keep(inside: Inside, items: list[str], id: str = "") -> str:
    id = id or f"uuid:{str(uuid.uuid4()).upper()}"
    _OPEN[inside.computer, id] = items[::-1]
    while len(_OPEN) > MOST_CONTEXTS:
        _OPEN.popitem(last=False)
    return id


def _page(items: list[str], most: int, request: Message) -> tuple[list[str], list[str]]:
    """As many as were asked for and fit into an envelope; one that does not fit alone is a fault, as Windows has it ([MS-WSMV] 3.1.4.1.5)."""
    room = (request.most_bytes or ENVELOPE) - OVERHEAD
    count = 0
    for item in items[:most]:
        room -= len(item.encode())
        if room < 0:
            break
        count += 1
    if items and not count:
        raise Fault("s:Sender", "w:EncodingLimit", "The maximum envelope size has been exceeded.", 2150858824)
    return items[:count], items[count:]


def _most(asked: t.Any, otherwise: int) -> int:
    text = "" if asked is None else (asked.findtext("w:MaxElements", "", NS) or asked.findtext("n:MaxElements", "", NS) or "").strip()
    return max(1, int(text)) if text.isdecimal() else otherwise


def _context(request: Message) -> str:
    return (request.body.findtext(".//n:EnumerationContext", "", NS) or "").strip()


def _tag(context: str) -> str:
    return f"<n:EnumerationContext>{context}</n:EnumerationContext>"
