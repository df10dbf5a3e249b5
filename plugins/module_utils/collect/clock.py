# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's clock against ours, from times that protocols happen to carry."""

from __future__ import annotations

import datetime
from email.utils import parsedate_to_datetime

from ..evidence.base import seconds
from ..evidence.endpoint import ClockEvidence


def from_http_date(date: str, now: float, waited: float) -> ClockEvidence | None:
    """Offset by a Date header, which cuts the second's fraction off; `now` is when the reply came, `waited` its round trip."""
    try:
        moment = parsedate_to_datetime(date)
        # RFC 9110 5.6.7: always GMT; "-0000" parses as naive.
        there = moment.replace(tzinfo=moment.tzinfo or datetime.timezone.utc).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return ClockEvidence("http_date", _rounded(there + 0.5 - (now - waited / 2)), _rounded(0.5 + waited / 2))


def from_challenge(timestamp: str, now: float, waited: float) -> ClockEvidence | None:
    """Offset by an NTLM challenge's MsvAvTimestamp, in ISO 8601 with microseconds."""
    try:
        moment = datetime.datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None
    return ClockEvidence("ntlm", _rounded(moment.timestamp() - (now - waited / 2)), _rounded(waited / 2))


def from_root(current_time: str, now: float, waited: float) -> ClockEvidence | None:
    """Offset by currentTime of a rootDSE (ISO 8601), which has whole seconds only."""
    try:
        there = seconds(current_time)
    except ValueError:
        return None
    return ClockEvidence("ldap", _rounded(there + 0.5 - (now - waited / 2)), _rounded(0.5 + waited / 2))


def _rounded(seconds: float) -> float:
    return round(seconds, 4)
