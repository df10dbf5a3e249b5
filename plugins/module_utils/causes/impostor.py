# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Something else than WinRM answers: a proxy, another web server, another service."""

from __future__ import annotations

from ..evidence import answers
from ..evidence.case import Case
from ..evidence.endpoint import DoorEvidence, HttpEvidence, TlsEvidence
from ..evidence.logon import BROKEN, REFUSED
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import logons, outside
from .cause import Cause

WHO = "On the host: netstat -abno | findstr :PORT names the process; from here: curl -v http://HOST:PORT/wsman."
FIX = Remedy("Find out who answers at this address and port: compare DNS, load balancer, port forwarding and proxy settings with the host's own address")


def evaluate(case: Case, now: float) -> list[Finding]:
    """Compare what answers with what WinRM is known to send."""
    opened = outside.door(case)
    if opened is None:
        return []
    vendor = answers.vendor(opened)
    replies = answers.replies(opened)
    if vendor is not None and "microsoft" not in vendor.lower():
        return [_other_vendor(case, opened, vendor)]
    if not replies:
        return _not_http(case, opened)
    if answers.is_winrm(opened) or answers.by_http_sys(opened):
        if not answers.is_winrm(opened):
            return []
        if odd := _odd_in_logon(case):
            return [odd]
        facts = tuple(outside.reply_fact(case, opened, reply, "a request without credentials") for reply in replies[:1])
        return [Finding("impostor", "is_winrm", RULED_OUT, "WinRM itself answers.", against=facts)]
    return [_other_server(case, opened, replies)]


def _odd_in_logon(case: Case) -> Finding | None:
    """WinRM answers strangers, but a logon gets an answer that WinRM does not give."""
    attempt = logons.own(case)
    last = next((rung.legs[-1] for rung in attempt.rungs[:1] if rung.legs), None) if attempt and attempt.outcome in (BROKEN, REFUSED) else None
    if attempt is None or last is None or last.reply.status in (None, 200, 400, 401, 413, 415, 431, 500) or attempt.method == "certificate":
        return None
    server = answers.header(last.reply, "Server")
    return Finding(
        "impostor",
        "odd_in_logon",
        POSSIBLE,
        f"The logon is answered with HTTP {last.reply.status}, which WinRM does not do; a device in between may have its own opinion about credentials.",
        (logons.fact(case, attempt), *((Fact(f'that reply is signed "{server}"', outside.where(case.target), "logon"),) if server else ())),
        next_check=_who(case),
        remedies=(FIX,),
        weight=71,
    )


def _other_vendor(case: Case, opened: DoorEvidence, vendor: str) -> Finding:
    where = outside.where(case.target, opened.address)
    facts: tuple[Fact, ...] = (Fact(f'the anonymous Identify names the vendor "{vendor}"', where, "endpoint"),)
    by_other = bool(answers.replies(opened)) and not answers.by_http_sys(opened)
    if by_other:
        facts += (outside.reply_fact(case, opened, answers.replies(opened)[0], "the same request"),)
    return Finding(
        "impostor",
        "other_vendor",
        CONFIRMED if by_other else LIKELY,
        f'A WS-Management service of "{vendor}" answers, not Windows.',
        facts,
        next_check=f"Is {case.target.host} a Windows host, and is {opened.address} its address?",
        remedies=(FIX,),
        weight=87,
    )


def _other_server(case: Case, opened: DoorEvidence, replies: tuple[HttpEvidence, ...]) -> Finding:
    statuses = answers.statuses(opened)
    facts = outside.reply_facts(case, opened)
    for name in ("Via", "Location", "Proxy-Authenticate"):
        value = next((answers.header(reply, name) for reply in replies if answers.header(reply, name)), "")
        if value:
            facts += (Fact(f'the reply carries {name}: "{value}"', outside.where(case.target, opened.address), "endpoint"),)
    server = next((answers.header(reply, "Server") for reply in replies if answers.header(reply, "Server")), "")
    who = f'"{server}"' if server else "a server without a name"
    if 407 in statuses:
        rule, verdict, summary = "proxy", LIKELY, f"An HTTP proxy answers ({who}) and wants a logon of its own."
    elif any(300 <= status < 400 for status in statuses):
        rule, verdict, summary = "redirect", LIKELY, f"{who} redirects the request; WinRM never does."
    elif 401 in statuses and {scheme.lower() for scheme in opened.schemes} & {"negotiate", "kerberos"}:
        rule, verdict, summary = "odd_server", POSSIBLE, f"The reply looks like WinRM's but is signed by {who}: a reverse proxy may stand in front."
    else:
        seen = ", ".join(map(str, sorted(statuses)))
        rule, verdict, summary = "other_server", LIKELY, f"Another web server answers: {who}, HTTP {seen}."
    tied: tuple[str, ...] = ()
    if answers.unsigned(opened) and statuses & {404, 503}:
        # Windows' own driver may be told to keep its name to itself; then these two could be its answers.
        verdict, tied = POSSIBLE, ("service_config",)
    return Finding("impostor", rule, verdict, summary, facts, next_check=_who(case), remedies=(FIX,), tied_with=tied, weight=81 if tied else 87)


def _not_http(case: Case, opened: DoorEvidence) -> list[Finding]:
    """Neither HTTP nor TLS: another protocol lives on this port."""
    strange = [r for r in (opened.identify, opened.anonymous) if isinstance(r, HttpEvidence) and r.failure == "not_http"]
    tls = opened.tls if isinstance(opened.tls, TlsEvidence) else None
    if tls is not None and not tls.failure:
        spoken = f" inside TLS ({strange[0].detail})" if strange else ""
        if not strange:
            return []
    elif strange or (tls is not None and tls.failure == "not_tls"):
        said = strange[0].detail if strange else tls.detail if tls else ""
        spoken = f" ({said})" if said else ""
    else:
        return []
    what = "neither HTTP nor a TLS handshake" if tls is None or tls.failure else "not HTTP"
    fact = Fact(f"what comes back is {what}{spoken}", outside.where(case.target, opened.address), "endpoint")
    return [
        Finding(
            "impostor",
            "not_http",
            LIKELY,
            f"Another service lives on TCP {case.target.port}: it does not speak HTTP.",
            (fact,),
            next_check=_who(case),
            remedies=(FIX,),
            weight=87,
        )
    ]


def _who(case: Case) -> str:
    return WHO.replace("PORT", str(case.target.port)).replace("HOST", case.target.host).replace("http:", f"{case.target.scheme}:")


CAUSE = Cause("impostor", "Something else than WinRM answers", 1, ("endpoint", "controller"), WHO, evaluate)
