# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's clock: where it has its time from, and how far it is from this control node and from a domain controller.

w32tm's labels and dates are translated, their order is not (English, German, French and Japanese outputs agree).
"""

from __future__ import annotations

import re
import time
import typing as t

from ..evidence.base import Known, Unknown
from ..evidence.host import DENIED, NOT_GATHERED, TimeEvidence
from . import domain, services
from .material import Circumstances, Command, Key, Material, Needs, Said

PARAMETERS = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\W32Time\\Parameters"
KEY = Key(PARAMETERS, deep=False, values=("Type", "NtpServer"))
STATUS = Command("w32tm:status", "w32tm /query /status /verbose")
SOURCE = Command("w32tm:source", "w32tm /query /source")
CHART = "w32tm:chart"
NOT_TOLD = Unknown("the host did not tell its time service")
NEVER = Unknown("never, as far as the host knows")
STOPPED = "80070426"
"""ERROR_SERVICE_NOT_ACTIVE."""
TIMED_OUT = "800705b4"
LOCAL_CLOCK = "4c4f434c"
"""The reference LOCL: a clock that follows nobody."""
NO_DOMAIN = Unknown("the host is in no domain, or did not show which")
MOST_STRATUM = 15
LONGEST = 200
SINCE = 15
"""Line of a verbose status that counts the seconds since the last good time came."""
_FIELD = re.compile(r"^[^:\n]{1,120}:[ \t]*(.{0,200}?)[ \t]*$")
_NUMBER = re.compile(r"-?\d{1,9}")
_HEX = re.compile(r"0x([0-9A-Fa-f]{8})(?![0-9A-Fa-f])")
_SECONDS = re.compile(r"(\d{1,12})(?:[.,](\d{1,9}))?s")
# "10:37:19, +01.0620337s"; without /dataonly "... o:-00.6800000s  [...".
_SAMPLE = re.compile(r"^[ \t]*\d{1,2}\D\d\d\D\d\d.*?(?:,|o:)\s*([+-]\d{1,10})[.,](\d{1,9})s", re.MULTILINE)
_TRACKED = re.compile(r"\[\[?([0-9A-Fa-f.:%]{2,60})\]?:\d{1,5}\]")


def needs(circumstances: Circumstances) -> Needs:
    """Registry and w32tm; a domain's name leads to one of its controllers, which is a KDC."""
    name = domain.safe_name(circumstances.domain)
    chart = (Command(CHART, f"w32tm /stripchart /computer:{name} /samples:1 /dataonly", slow=True),) if name else ()
    return Needs(keys=(KEY, services.key_of("W32Time")), commands=(services.command_of("W32Time"), STATUS, SOURCE, *chart))


def evidence(material: Material, circumstances: Circumstances) -> Known[TimeEvidence]:
    """Type, source, last time, and the offsets that are known."""
    registry, status, source = material.registry, material.said(STATUS.id), material.said(SOURCE.id)
    state = services.state_of(material, "W32Time")
    if not registry.has(PARAMETERS) and isinstance(status, Unknown) and isinstance(source, Unknown) and not state:
        return Unknown(DENIED) if DENIED in (status.unknown, registry.why(PARAMETERS)) else NOT_TOLD if status.unknown == "not read" else status
    lines = _lines(status)
    kind = registry.text(PARAMETERS, "Type") or ""
    # Windows leaves time.windows.com there, which a member of a domain does not ask.
    servers = "" if kind.upper() in ("NT5DS", "NOSYNC") else registry.text(PARAMETERS, "NtpServer") or ""
    compared, offset = _chart(material.said(CHART)) if domain.safe_name(circumstances.domain) else ("", NO_DOMAIN)
    return TimeEvidence(
        type=kind, servers=tuple(one.partition(",")[0] for one in servers.split()), service=state,
        source=_source(lines, status, source), last_sync=_last(lines, circumstances), synchronised=_synchronised(lines),
        offset=Unknown("the endpoint did not show the host's clock") if circumstances.offset is None else circumstances.offset,
        uncertainty=circumstances.uncertainty, controller=compared, controller_offset=offset,
    )


def _lines(said: Known[Said]) -> Known[tuple[str, ...]]:
    """What stands behind the labels of `w32tm /query /status`, in order."""
    if isinstance(said, Unknown):
        return said
    found = tuple(field[1] for line in said.text.splitlines() if (field := _FIELD.match(line.strip())))
    if said.code in (0, None) and len(found) >= 2 and _NUMBER.match(found[0]):
        return found
    return _failure(said)


def _failure(said: Said) -> Unknown:
    code = _HEX.search(said.text)
    number = code[1].lower() if code else ""
    if number == "80070005":
        return Unknown(DENIED)
    if number == STOPPED:
        return Unknown("the time service does not run")
    return Unknown(f"w32tm failed with 0x{number.upper()}" if number else f"w32tm ended with exit code {said.code}")


def _source(lines: Known[tuple[str, ...]], status: Known[Said], source: Known[Said]) -> Known[str]:
    if not isinstance(lines, Unknown) and len(lines) > 7 and lines[7]:
        return lines[7]
    if isinstance(source, Said) and source.code == 0 and (text := source.text.strip()) and "\n" not in text:
        return text[:LONGEST]
    return lines if isinstance(lines, Unknown) else NOT_GATHERED


def _synchronised(lines: Known[tuple[str, ...]]) -> Known[bool]:
    """Leap indicator 3 means not synchronised; stratum 0 says the same, and a clock that follows itself is its own authority only."""
    if isinstance(lines, Unknown):
        return False if lines.unknown == "the time service does not run" else lines
    leap, stratum = (_NUMBER.match(one) for one in lines[:2])
    if not leap or not stratum:
        return NOT_GATHERED
    reference = _HEX.search(lines[5]) if len(lines) > 5 else None
    follows = reference is None or reference[1].lower() != LOCAL_CLOCK
    return 0 <= int(leap[0]) < 3 and 1 <= int(stratum[0]) <= MOST_STRATUM and follows


def _last(lines: Known[tuple[str, ...]], circumstances: Circumstances) -> Known[str]:
    """From the seconds since then, where the host counts them; else as the host writes dates."""
    if isinstance(lines, Unknown):
        return lines
    told = lines[6] if len(lines) > 6 else ""
    if not any(letter.isdigit() for letter in told):
        return NEVER
    since = _SECONDS.fullmatch(lines[SINCE]) if len(lines) > SINCE else None
    if since is None or len(since[1]) > 9:
        return told
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(0.0, circumstances.at - float(since[1]))))


def _chart(said: Known[Said]) -> tuple[str, Known[float]]:
    """The controller, and how far the host is ahead of it. [MEM] w32tm counts as NTP does: positive where the other side is ahead."""
    if isinstance(said, Unknown):
        return "", said
    # The domain was asked for; which of its controllers answered, only the address tells.
    tracked = _TRACKED.search(said.text)
    compared = tracked[1] if tracked else ""
    samples = _SAMPLE.findall(said.text)
    if not samples:
        return compared, _no_sample(said)
    whole, part = samples[-1]
    return compared, round(-float(f"{whole}.{part}"), 7) + 0.0


def _no_sample(said: Said) -> Unknown:
    codes: t.Sequence[str] = [code.lower() for code in _HEX.findall(said.text)]
    if TIMED_OUT in codes:
        return Unknown("the domain controller did not answer the host's question for the time")
    return Unknown(f"w32tm failed with 0x{codes[0].upper()}" if codes else f"w32tm ended with exit code {said.code} and told no offset")
