# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How WinRM is configured behind a port that answers, as the inside shows it: methods, URL prefix, reservations, TLS versions, plugins."""

from __future__ import annotations

from dataclasses import replace

from ..evidence import answers
from ..evidence.case import Case
from ..evidence.endpoint import DoorEvidence
from ..evidence.host import PolicyValueEvidence
from ..evidence.logon import ACCEPTED, DENIED, OWN_SHELL
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import directories, inside, listening, logons, outside, owned

LEAVES = {"negotiate": "Negotiate", "ntlm": "Negotiate", "kerberos": "Negotiate", "basic": "Basic", "credssp": "CredSSP"}
"""Setting below Service/Auth by method; pywinrm's Kerberos travels under Negotiate, and so does NTLM ([MS-WSMV] 3.1.4.1.30 knows no scheme NTLM)."""
REMOTE_NOT_ALLOWED = 0x803381E3
PLUGIN = "microsoft.powershell"
"""The plugin behind a PowerShell session; cmd has none in winrm/config."""
PROTOCOLS = "\\schannel\\protocols\\"
TODAY = ("tls 1.2", "tls 1.3")


ADVICE = {
    "service_remote_access_disabled": (
        owned.in_policy(
            "Allow remote server management through WinRM",
            'Enable it for the control node\'s address, where policy decides (Source="GPO" in winrm get winrm/config/service)',
        ),
        Remedy("Else set WinRM up for remote access, at the host itself", "Enable-PSRemoting -Force (or, in cmd: winrm quickconfig)", "medium"),
    ),
    "remote_connection_not_allowed": (
        Remedy(
            "Let the session configuration take remote users, at the host itself",
            "Enable-PSSessionConfiguration -Name Microsoft.PowerShell -Force; Set-PSSessionConfiguration -Name Microsoft.PowerShell -AccessMode Remote -Force",
            "medium",
        ),
    ),
}
"""What to do by the rule that a fault's code makes (0x803381DD, 0x803381E3): the host says all that it says to anybody."""
AT_THE_HOST = "At the host itself, or by Remote Desktop, for WinRM takes no requests from elsewhere: winrm get winrm/config/service (AllowRemoteAccess)."


def advised(found: Finding) -> Finding:
    """The same with what to do, where a code names a switch."""
    if found.rule not in ADVICE:
        return found
    check = AT_THE_HOST if found.rule == "service_remote_access_disabled" else found.next_check
    return replace(found, remedies=ADVICE[found.rule], next_check=check)


def findings(case: Case, opened: DoorEvidence) -> list[Finding]:
    """What the inside says about how it is answered there; the names of rules are those under which the outside suspects the same."""
    if not inside.ceiling(case) or inside.host(case) is None:
        return []
    found = (_methods(case), _prefix(case, opened), _reservation(case, opened), _tls(case), _plugin(case))
    return [finding for finding in found if finding]


def _finding(case: Case, rule: str, summary: str, because: tuple[Fact, ...], *remedies: Remedy, ceiling: str = CONFIRMED, weight: int = 84) -> Finding:
    verdict = directories.at_most(inside.ceiling(case), ceiling)
    return Finding("service_config", rule, verdict, summary, because, next_check="On the host: winrm get winrm/config.", remedies=remedies, weight=weight)


def leaves(case: Case, method: str) -> tuple[str, ...]:
    """The settings of which one must be on for a method of the inventory; () for a certificate, which another cause judges."""
    if method == "kerberos" and case.target.connection == "psrp":
        return ("Kerberos", "Negotiate")
    if method == "negotiate":
        return ("Negotiate", "Kerberos")
    return (LEAVES[method],) if method in LEAVES else ()


def _methods(case: Case) -> Finding | None:
    """Every method of the inventory is switched off on the host."""
    attempt, opened = logons.own(case), outside.door(case)
    offers = opened is not None and bool(opened.schemes) and not outside.missing_schemes(case, opened)
    if offers or (attempt is not None and attempt.outcome == ACCEPTED):
        # The host itself says otherwise, whatever stood in its settings when they were read.
        return None
    off = []
    for method in case.target.auth:
        found = [inside.setting(case, f"Service/Auth/{leaf}") for leaf in leaves(case, method)]
        if not found or any(inside.is_on(one) is not False for one in found):
            return None
        off += [one for one in found if one is not None]
    if not off:
        return None
    off = list(dict.fromkeys(off))
    first = off[0]
    leaf = first.path.rpartition("/")[2]
    because = [inside.setting_fact(case, one) for one in off]
    if opened is not None and answers.is_winrm(opened):
        because.append(outside.offer_fact(case, opened))
    risk = "high" if leaf == "Basic" else "medium"
    how = f"Set-Item WSMan:\\localhost\\Service\\Auth\\{leaf} $true"
    name = owned.policy_name(inside.host(case), first)
    by = f' by the policy "{name}"' if name else ""
    offered = use_offered(case, opened) if opened is not None and opened.schemes else ()
    return _finding(
        case, "scheme_not_offered", f"The inventory logs on with {', '.join(case.target.auth)}, which is switched off on this host{by}.", tuple(because),
        *offered, owned.change(inside.host(case), first, f"{'Or enable' if offered else 'Enable'} {leaf} on the host", how, risk), weight=85,
    )


def use_offered(case: Case, opened: DoorEvidence) -> tuple[Remedy, ...]:
    """An offered method that the inventory could use; never Basic over plain HTTP, which sends the password readable."""
    offered = {scheme.lower() for scheme in opened.schemes}
    methods = [known for known in ("negotiate", "kerberos", "credssp", "basic") if known in offered and (known != "basic" or opened.scheme == "https")]
    if not methods and offered:
        return ()
    method = methods[0] if methods else "certificate"
    transport = "ntlm" if method == "negotiate" else method
    how = outside.setting(case.target, psrp=f"ansible_psrp_auth: {method}", winrm=f"ansible_winrm_transport: {transport}")
    return (Remedy("Let the inventory use a method that is offered", how),)


def _prefix(case: Case, opened: DoorEvidence) -> Finding | None:
    seen = inside.listeners(case)
    mine = [one for one in (seen.listeners if seen else ()) if one.enabled and one.port == case.target.port]
    wanted = case.target.path.strip("/").lower()
    if not mine or any(one.url_prefix.strip("/").lower() == wanted for one in mine) or answers.is_winrm(opened):
        return None
    one = mine[0]
    fact = inside.fact(case, f"the listener {one.key} has the URLPrefix {one.url_prefix}")
    how = listening.set_on(one, "URLPrefix", case.target.path)
    return _finding(
        case, "url_prefix", f"The listener answers under /{one.url_prefix}, and the inventory asks for /{case.target.path}.", (fact,),
        Remedy(f"Set the listener's URLPrefix to {case.target.path}", how, "medium"),
        Remedy("Or name the host's prefix in the inventory", f"ansible_psrp_path or ansible_winrm_path: {one.url_prefix}"),
    )


def _reservation(case: Case, opened: DoorEvidence) -> Finding | None:
    """[inferred] What a reservation that is missing or another account's leads to was not seen; WinRM cannot attach to its URL then (System 10128, 10104)."""
    seen = inside.listeners(case)
    wrong = inside.of_kind(seen.problems, "reservation_missing", "reservation_wrong") if seen else ()
    wrong = tuple(one for one in wrong if f":{case.target.port}/" in one.subject)
    if not wrong or answers.is_winrm(opened) or not answers.statuses(opened) & {404, 503}:
        return None
    url = f"{case.target.scheme}://+:{case.target.port}/wsman/"
    how = f"netsh http add urlacl url={url} sddl=\"D:(A;;GX;;;S-1-5-80-569256582-2953403351-2909559716-1301513147-412116970)\"; Restart-Service WinRM"
    summary = "WinRM cannot attach to its URL: HTTP.sys keeps no reservation of it for the service."
    return _finding(
        case, "not_attached", summary, inside.problem_facts(case, wrong), Remedy("Restore the reservation for NT SERVICE\\WinRM", how, "medium"),
        ceiling=LIKELY,
    )


def _tls(case: Case) -> Finding | None:
    """Schannel of the host has none of today's versions left, and the handshake fails."""
    tls = outside.tls(case)
    seen = inside.host(case)
    if tls is None or not tls.failure or seen is None:
        return None
    off = _switched_off(inside.known(seen.policy) or (), "server")
    if "tls 1.2" not in off:
        return None
    because = tuple(inside.policy_fact(case, one) for one in off.values())
    failed = Fact(f"the handshake with today's TLS versions fails: {tls.detail or tls.failure}", outside.where(case.target), "endpoint")
    # TLS 1.3 is on by default from Server 2022 on; where it is not named, the handshake that failed says that it is not there.
    return _finding(
        case, "tls_version", "TLS 1.2 is switched off for servers in this host's Schannel, and the host finds no version in common with the client.",
        (failed, *because),
        Remedy("Enable TLS 1.2 for Schannel on the host, restart it", "SCHANNEL\\Protocols\\TLS 1.2\\Server: Enabled=1, DisabledByDefault=0", "medium"),
        weight=87,
    )


def _switched_off(values: tuple[PolicyValueEvidence, ...], side: str) -> dict[str, PolicyValueEvidence]:
    """Versions of today that Schannel has switched off for one side, by name in lower case, with the value that says so."""
    off: dict[str, PolicyValueEvidence] = {}
    for one in values:
        version, _slash, end = one.key.lower().partition(PROTOCOLS)[2].partition("\\")
        number = inside.number(one.value)
        if version in TODAY and end == side and ((one.name.lower() == "enabled" and number == 0) or (one.name.lower() == "disabledbydefault" and number)):
            off.setdefault(version, one)
    return off


def _plugin(case: Case) -> Finding | None:
    """The plugin of the shell that the connection needs is switched off."""
    attempt, access = logons.own(case), inside.access(case)
    if attempt is None or access is None or OWN_SHELL.get(case.target.connection) != "powershell":
        return None
    rung = attempt.rung("powershell")
    off = next((one for one in access.descriptors if one.where.lower() == PLUGIN and not one.enabled), None)
    if off is None or rung is None or rung.status != DENIED:
        return None
    fault = logons.fault(rung)
    named = fault is not None and fault.code == REMOTE_NOT_ALLOWED
    because = (inside.fact(case, f"the plugin {off.where} is switched off"), logons.rung_fact(case, attempt, rung))
    return _finding(
        case, "plugin_disabled", "The host's plugin for PowerShell sessions is switched off, so nobody opens one.", because,
        Remedy("Switch the session configuration on", "Enable-PSSessionConfiguration -Name Microsoft.PowerShell; Restart-Service WinRM", "medium"),
        Remedy("Or use the connection that works in cmd", "ansible_connection: winrm"), ceiling=CONFIRMED if named else LIKELY, weight=77,
    )
