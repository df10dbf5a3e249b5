# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands about domain, time and tickets: nltest, w32tm, klist. Their forms: vendors' documentation and public logs; what is [inferred] says so."""

from __future__ import annotations

import datetime
import ipaddress
import re

from ..domain.realm import REALMS
from .calling import Call, Result, lines
from .languages import text

WIN32 = {
    0: "NERR_Success", 5: "ERROR_ACCESS_DENIED", 1311: "ERROR_NO_LOGON_SERVERS", 1355: "ERROR_NO_SUCH_DOMAIN", 1717: "RPC_S_UNKNOWN_IF",
    1722: "RPC_S_SERVER_UNAVAILABLE", 1786: "ERROR_NO_TRUST_LSA_SECRET", 1787: "ERROR_NO_TRUST_SAM_ACCOUNT", 1788: "ERROR_TRUSTED_DOMAIN_FAILURE",
    1789: "ERROR_TRUSTED_RELATIONSHIP_FAILURE", 1790: "ERROR_TRUST_FAILURE", 1792: "ERROR_NETLOGON_NOT_STARTED", 1908: "ERROR_DOMAIN_CONTROLLER_NOT_FOUND",
}
CALL_FAILED = (1717, 1722, 1792)
"""Codes of the call itself, not of the channel."""
NOT_STARTED = 0x80070426 - 2**32


def status(code: int) -> str:
    """`Status = 1722 0x6ba RPC_S_SERVER_UNAVAILABLE`."""
    return f"Status = {code} 0x{code:x} {WIN32.get(code, 'ERROR')}"


def nltest(call: Call) -> Result:
    """/sc_query, /sc_verify, /dsgetdc, /query. It speaks English everywhere."""
    for word in call.arguments:
        option, _colon, value = word.lower().partition(":")
        if option in ("/sc_query", "/sc_verify"):
            return _channel(call, option == "/sc_verify")
        if option == "/dsgetdc":
            return _located(call, value)
        if option == "/query":
            code = call.inside.netlogon.channel if call.inside.domain else 1717
            return Result(0, lines("Flags: 0", f"Connection {status(code)}", "The command completed successfully"))
    return Result(1, "Usage: nltest [/OPTIONS]\r\n")


def _channel(call: Call, verify: bool) -> Result:
    """[inferred] Where Netlogon does not run, as in a workgroup, the call itself fails with 1717; a user who is no administrator is refused with 5."""
    netlogon, service = call.inside.netlogon, call.inside.services.get("Netlogon")
    running = service is not None and service.state == "Running" and bool(call.inside.domain)
    refused = not call.account.administrator
    code = 5 if refused else netlogon.channel if running else 1717
    if refused or code in CALL_FAILED:
        return Result(code, lines(f"I_NetLogonControl failed: {status(code)}"))
    controller = f"\\\\{netlogon.controller}" if not code else ""
    flags = ("b0" if verify else "30") if not code else "80" if verify else "0"
    said = [f"Flags: {flags} {'HAS_IP  HAS_TIMESERV ' if not code else ''}", f"Trusted DC Name {controller} ", f"Trusted DC Connection Status {status(code)} "]
    said += [f"Trust Verification {status(code)} "] if verify else []
    return Result(0, lines(*said, "The command completed successfully"))


def _located(call: Call, name: str) -> Result:
    inside = call.inside
    known = (inside.domain.lower(), inside.dns_domain.lower(), "")
    code = inside.netlogon.located if inside.domain and name in known else 1355
    if code:
        return Result(code, lines(f"Getting DC name failed: {status(code)}"))
    domain = inside.dns_domain
    return Result(0, lines(
        f"           DC: \\\\{inside.netlogon.controller}", f"      Address: \\\\{address_of(inside.netlogon.controller)}",
        "     Dom Guid: 4f1b1e9c-8f4c-4f3c-9b1a-2f3f0c7c1d11", f"     Dom Name: {domain}", f"  Forest Name: {domain}",
        " Dc Site Name: Default-First-Site-Name", "Our Site Name: Default-First-Site-Name",
        "        Flags: PDC GC DS LDAP KDC TIMESERV WRITABLE DNS_DC DNS_DOMAIN DNS_FOREST CLOSE_SITE FULL_SECRET WS DS_8 DS_9 DS_10 KEYLIST",
        "The command completed successfully",
    ))


def address_of(controller: str) -> str:
    """The lab's controllers, by their names or their domain's; another one has an address for documentation."""
    known = {name: realm.address for realm in REALMS.values() for name in (realm.fqdn, realm.controller, realm.dns)}
    return known.get(controller.lower().partition(",")[0], "192.0.2.10")


def _moment(call: Call, ahead: float = 0.0) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=call.inside.clock.offset + call.inside.clock.controller + ahead)


def _date(call: Call, ahead: float = 0.0) -> str:
    when = _moment(call, ahead)
    if call.inside.language == "de":
        return f"{when:%d.%m.%Y %H:%M:%S}"
    return f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M:%S} {when:%p}"


def w32tm(call: Call) -> Result:
    """/query /status, /source, /peers; /stripchart /computer:NAME [/samples:N] [/dataonly]."""
    if call.has("stripchart"):
        return _stripchart(call)
    if not call.has("query"):
        return Result(1, err=text(call.inside, "unsupported"))
    inside = call.inside
    service = inside.services.get("W32Time")
    if service is None or service.state != "Running":
        return Result(NOT_STARTED, text(inside, "time_error", text(inside, "time_stopped")))
    if not call.account.administrator:
        # [inferred] Whoever is no administrator is refused over the network.
        return Result(0x80070005 - 2**32, text(inside, "time_error", text(inside, "time_denied")))
    source = inside.clock.source or "Local CMOS Clock"
    if call.has("source"):
        return Result(0, lines(f"{source} "))
    if call.has("peers"):
        return Result(0, text(inside, "peers", source) if inside.clock.source else "#Peers: 0\r\n\r\n")
    return Result(0, _time_status(call, source) + (_verbose(call) if call.has("verbose") else "") + "\r\n")


def _time_status(call: Call, source: str) -> str:
    inside, good = call.inside, call.inside.clock.synchronised
    if not good:
        rest = text(inside, "time_rest", "0.0000000", "0.0000000", text(inside, "reference_none"), text(inside, "never"), source)
        return text(inside, "leap_bad") + text(inside, "stratum_bad") + rest
    if not inside.clock.source:
        rest = text(inside, "time_rest", "0.0000000", "10.0000000", text(inside, "reference_local"), _date(call, -600), source)
        return text(inside, "leap_good") + text(inside, "stratum_local") + rest
    address = address_of(inside.clock.source)
    reference = text(inside, "reference", f"{int(ipaddress.IPv4Address(address)):08X}", address)
    rest = text(inside, "time_rest", "0.0312500", "0.0498722", reference, _date(call, -600), source)
    return text(inside, "leap_good") + text(inside, "stratum_good") + rest


def _verbose(call: Call) -> str:
    """What /verbose adds."""
    good = call.inside.clock.synchronised
    return text(call.inside, "time_verbose", "2 (Sync)" if good else "0 (Unset)", "1234.5678901" if good else "999999.0000000")


def _stripchart(call: Call) -> Result:
    """A sample is how far the other clock is ahead of this one, as NTP's offset is ([RFC 5905] 8): a host that is ahead sees a negative one."""
    computer = call.option("computer") or ""
    samples = int(call.option("samples") or 3)
    reachable = computer and not call.inside.netlogon.located
    head = text(call.inside, "tracking", computer, address_of(computer), samples, _date(call))
    shown = []
    for number in range(min(samples, 100)):
        clock = f"{_moment(call, number * 2):%H:%M:%S}"
        offset = 0.0 - call.inside.clock.offset
        if not reachable:
            shown.append(f"{clock}, error: 0x800705B4")
        elif call.has("dataonly"):
            shown.append(f"{clock}, {offset:+011.7f}s")
        else:
            shown.append(f"{clock} d:+00.0009765s o:{offset:+011.7f}s  [{' ' * 27}*{' ' * 28}]")
    return Result(0, head + lines(*shown))


def klist(call: Call) -> Result:
    """`klist`: a session of WinRM is no logon session that it knows, 0xc000005f; `klist -li 0x3e7`: the host's own, for administrators."""
    wanted = re.search(r"-li\s+(?:0:)?(0x[0-9a-f]+)", call.raw, re.IGNORECASE)
    head = text(call.inside, "logon_id")
    if wanted is None:
        return Result(1, head + text(call.inside, "no_logon"))
    head += text(call.inside, "target_id", wanted[1].lower())
    if not call.account.administrator:
        return Result(1, head + text(call.inside, "no_right"))
    tickets = call.inside.tickets if wanted[1].lower() == "0x3e7" else ()
    times = [f"{when.month}/{when.day}/{when:%Y %H:%M:%S}" for when in (_moment(call, ahead) for ahead in (-3600, 32400, 600000))]
    kdc = call.inside.netlogon.controller
    shown = "".join(text(call.inside, "ticket", number, one.client, one.server, one.encryption, *times, kdc) for number, one in enumerate(tickets))
    return Result(0, head + text(call.inside, "cached", len(tickets)) + shown)
