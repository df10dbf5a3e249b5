# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM service: not running, not listening, or configured otherwise than the inventory believes."""

from __future__ import annotations

from dataclasses import replace

from ..evidence import answers
from ..evidence.base import Unknown
from ..evidence.case import Case
from ..evidence.endpoint import FILTERED, OPEN, REFUSED, DoorEvidence, HttpEvidence, PortEvidence
from ..evidence.logon import BROKEN, AttemptEvidence
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, TROUBLE, Fact, Finding, Remedy
from . import coded, configured, listening, logons, outside, passages, suspicion
from .cause import Cause

START = Remedy("Start the service and create the listener", "Set-Service WinRM -StartupType Automatic; Start-Service WinRM; winrm quickconfig", "medium")
LISTENERS = "winrm enumerate winrm/config/listener; Get-Service WinRM"
SAID_BETTER = {"plugin_disabled": "remote_connection_not_allowed"}
"""Rules of the inside, and the name of the code that they explain."""
NORMAL = {200, 401, 405, 415}
"""What WinRM itself answers to our questions; 405 and 415 were recorded from a real host."""


def evaluate(case: Case, now: float) -> list[Finding]:
    """From the port inwards: what listens, in which protocol, what it answers, what it offers. What the inside shows goes before what the outside suspects."""
    state = outside.state(case)
    if state != OPEN and (inside_found := listening.findings(case)):
        return inside_found
    if state == REFUSED:
        found = _refused(case)
        if listening.listens(case):
            summary = f"TCP {case.target.port} refuses connections, although WinRM listens on it: another machine may answer at that address."
            return [replace(found, rule="refused_elsewhere", verdict=POSSIBLE, summary=summary, against=listening.facts(case), remedies=())]
        return [found]
    if state == FILTERED:
        return _filtered(case)
    opened = outside.door(case)
    if state != OPEN or opened is None:
        return []
    seen = _outside(case, opened)
    told = configured.findings(case, opened)
    better = {rule for one in told for rule in (one.rule, SAID_BETTER.get(one.rule, ""))}
    beside = [finding for finding in seen if finding.verdict in TROUBLE and finding.rule not in better]
    return [*told, *beside] or seen


def _filtered(case: Case) -> list[Finding]:
    """A silent port: whether anything listens there, as far as that is known."""
    if listening.listens(case):
        return [Finding(
            "service_config", "listens", RULED_OUT, f"WinRM runs and listens on TCP {case.target.port}, as the inside shows.", against=listening.facts(case),
        )]
    alive = outside.other_ports(case, OPEN, REFUSED)
    passage = passages.judged(case)
    if passage is not None and passage.lets is False:
        # The firewall alone explains the silence.
        return []
    got_in = tuple(logons.fact(case, way) for way in logons.by_others(case))
    if not alive and not got_in:
        return []
    found = _silent(case, alive)
    found = replace(found, because=(*found.because, *got_in))
    if passage is not None and passage.lets:
        # The host's own firewall is acquitted, so the service is what is left.
        return [replace(found, verdict=LIKELY, because=(*found.because, *passage.facts), tied_with=())]
    return [found]


def _outside(case: Case, opened: DoorEvidence) -> list[Finding]:
    """What is seen without the inside."""
    found = _wrong_protocol(case, opened) or _old_tls(case, opened) or _unanswered(case, opened) or _odd_status(case, opened) or _not_offered(case, opened)
    if found:
        return [found]
    if inside := coded.findings(case, "service_config", next_check="On the host: winrm get winrm/config.", weight=75) or _of_logon(case):
        return [configured.advised(one) for one in inside]
    if answers.is_winrm(opened) and opened.schemes:
        return [
            Finding(
                "service_config",
                "answers",
                RULED_OUT,
                "The WinRM service runs, listens on this port and offers a method the inventory uses.",
                against=(outside.offer_fact(case, opened),),
            )
        ]
    return []


def _of_logon(case: Case) -> list[Finding]:
    """What a logon that fails tells of the configuration."""
    attempt = logons.own(case)
    if attempt is None:
        return []
    if "service_config" in suspicion.suspects(case):
        return [_basic_for_domain(case, attempt)]
    last = next((rung.legs[-1] for rung in attempt.rungs[:1] if rung.legs), None)
    if attempt.outcome != BROKEN or last is None or last.reply.failure not in ("closed", "reset", "timeout"):
        return []
    return [
        Finding(
            "service_config",
            "breaks_off",
            POSSIBLE,
            "The service answers questions, but breaks off in the middle of a logon: it may be failing.",
            (logons.fact(case, attempt),),
            next_check="On the host: Test-WSMan localhost -Authentication Default, and the logs Application and WinRM/Operational at that time.",
            remedies=(Remedy("Restart the WinRM service", "Restart-Service WinRM", "medium"),),
            tied_with=("network",),
            weight=69,
        )
    ]


def _basic_for_domain(case: Case, attempt: AttemptEvidence) -> Finding:
    how = outside.setting(case.target, psrp="ansible_psrp_auth: negotiate", winrm="ansible_winrm_transport: ntlm")
    return Finding(
        "service_config",
        "basic_for_domain_user",
        LIKELY,
        f"Basic works for local accounts of the host alone, and {attempt.account} is a domain account.",
        (logons.fact(case, attempt),),
        next_check="Log on once with a local account over Basic, or with this account over Negotiate.",
        remedies=(
            Remedy("Use a method for domain accounts", how),
            Remedy("Or log on with a local account of the host", "ansible_user: .\\NAME"),
        ),
        tied_with=suspicion.tied(case, "service_config"),
        weight=66,
    )


def _refused(case: Case) -> Finding:
    facts = tuple(outside.port_fact(case, port) for port in outside.ports(case) if port.state == REFUSED)
    other = next((port for port in outside.other_ports(case, OPEN) if port.port in outside.WINRM_PORTS), None)
    if other:
        return _other_listener(case, facts, other, LIKELY, ())
    return Finding(
        "service_config",
        "refused",
        LIKELY,
        f"Nothing listens on TCP {case.target.port}: the WinRM service is stopped, or it has no listener there.",
        facts,
        next_check=f"On the host: {LISTENERS}.",
        remedies=(START,),
        weight=90,
    )


def _other_listener(case: Case, facts: tuple[Fact, ...], other: PortEvidence, verdict: str, tied: tuple[str, ...]) -> Finding:
    scheme = "http" if other.port == 5985 else "https"
    return Finding(
        "service_config",
        "no_listener",
        verdict,
        f"Nothing answers on TCP {case.target.port}, but TCP {other.port} is open: WinRM probably has a listener for {scheme} only.",
        (*facts, outside.port_fact(case, other)),
        next_check="On the host: winrm enumerate winrm/config/listener.",
        remedies=(
            Remedy(f"Create the listener for {case.target.scheme} on the host", _create_listener(case.target.scheme), "medium"),
            Remedy(f"Or let the inventory use the port that is open: ansible_port: {other.port}"),
        ),
        tied_with=tied,
        weight=90,
    )


def _create_listener(scheme: str) -> str:
    if scheme == "http":
        return "winrm quickconfig"
    return "New-Item WSMan:\\localhost\\Listener -Transport HTTPS -Address * -CertificateThumbPrint THUMBPRINT -Force"


def _silent(case: Case, alive: tuple[PortEvidence, ...]) -> Finding:
    facts = tuple(outside.port_fact(case, port) for port in (*outside.ports(case), *alive))
    other = next((port for port in alive if port.port in outside.WINRM_PORTS and port.state == OPEN), None)
    if other:
        return _other_listener(case, facts[: len(outside.ports(case))], other, POSSIBLE, ("firewall",))
    return Finding(
        "service_config",
        "silent",
        POSSIBLE,
        f"TCP {case.target.port} is silent on a host that is alive: the WinRM service may be stopped, or lack a listener there.",
        facts,
        next_check=f"On the host: {LISTENERS}.",
        remedies=(START,),
        tied_with=("firewall",),
        weight=84,
    )


def _wrong_protocol(case: Case, opened: DoorEvidence) -> Finding | None:
    """HTTP where the inventory says https, or the reverse."""
    if opened.scheme == opened.expected:
        return None
    tls = outside.tls(case)
    if opened.scheme == "https" and (tls is None or tls.failure):
        return None
    if opened.scheme == "http" and not answers.speaks_http(opened):
        return None
    facts = tuple(outside.reply_fact(case, opened, reply, f"a request in {opened.scheme}") for reply in answers.replies(opened)[:1])
    if opened.scheme == "https" and tls:
        facts = (Fact(f"a TLS handshake ends well there ({tls.version})", outside.where(case.target, opened.address), "endpoint"), *facts)
    elif tls and tls.failure:
        facts += (Fact(f"a TLS handshake fails there ({tls.failure})", outside.where(case.target, opened.address), "endpoint"),)
    standard = 5985 if opened.scheme == "http" else 5986
    moved = "" if case.target.port == standard else f" (usually on port {standard})"
    return Finding(
        "service_config",
        "wrong_protocol",
        CONFIRMED if answers.is_winrm(opened) and len(facts) > 1 else LIKELY,
        f"The inventory says {opened.expected} for port {case.target.port}, but the host speaks {opened.scheme} there.",
        facts,
        next_check="On the host: winrm enumerate winrm/config/listener shows Transport and Port of each listener.",
        remedies=(
            Remedy(
                f"Let the inventory say {opened.scheme}{moved}",
                outside.setting(case.target, psrp=f"ansible_psrp_protocol: {opened.scheme}", winrm=f"ansible_winrm_scheme: {opened.scheme}"),
            ),
            Remedy(f"Or give the host a listener for {opened.expected} on this port", _create_listener(opened.expected), "medium"),
        ),
        weight=88,
    )


def _old_tls(case: Case, opened: DoorEvidence) -> Finding | None:
    tls = outside.tls(case)
    if tls is None or not tls.failure or opened.expected != "https":
        return None
    place = outside.where(case.target, opened.address)
    by_version = "PROTOCOL_VERSION" in tls.detail or "UNSUPPORTED_PROTOCOL" in tls.detail
    if not tls.legacy_versions and tls.failure != "alert" and not by_version:
        return None
    facts: tuple[Fact, ...] = (Fact(f"the handshake with today's TLS versions fails: {tls.detail or tls.failure}", place, "endpoint"),)
    if tls.legacy_versions:
        facts += (Fact(f"with lowered security it succeeds, with {', '.join(tls.legacy_versions)}", place, "endpoint"),)
    old = bool(tls.legacy_versions) and not any(version in ("TLSv1.2", "TLSv1.3") for version in tls.legacy_versions)
    sentence = "The host speaks only TLS versions that today's clients refuse." if old or by_version else "Host and client find no TLS settings in common."
    return Finding(
        "service_config",
        "tls_version",
        CONFIRMED if old else LIKELY if by_version else POSSIBLE,
        sentence,
        facts,
        next_check="On the host: Get-TlsCipherSuite; HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols.",
        remedies=(
            Remedy("Enable TLS 1.2 for Schannel on the host, restart it", "SCHANNEL\\Protocols\\TLS 1.2\\Server: Enabled=1, DisabledByDefault=0", "medium"),
        ),
        tied_with=() if old or by_version else ("certificate",),
        weight=86,
    )


def _unanswered(case: Case, opened: DoorEvidence) -> Finding | None:
    """The port is open, yet no reply came: silence, or a cut."""
    if answers.speaks_http(opened):
        return None
    asked = [reply for reply in (opened.identify, opened.anonymous) if isinstance(reply, HttpEvidence)]
    failures = {reply.failure for reply in asked if reply.failure}
    if opened.tls is not None and not isinstance(opened.tls, Unknown) and opened.tls.failure:
        if opened.tls.failure != "timeout":
            return None
        failures.add("timeout")
    if not failures or failures - {"timeout", "reset", "closed"}:
        return None
    how = "then says nothing" if failures == {"timeout"} else "then cuts it without an answer"
    return Finding(
        "service_config",
        "mute",
        POSSIBLE,
        f"TCP {case.target.port} accepts the connection, {how}: the WinRM service may hang.",
        (Fact(f"no HTTP reply: {', '.join(sorted(failures))}", outside.where(case.target, opened.address), "endpoint"),),
        next_check="On the host: Test-WSMan localhost; answered there, look at what stands between; not answered, restart the service.",
        remedies=(Remedy("Restart the WinRM service", "Restart-Service WinRM", "medium"),),
        tied_with=("network",),
        weight=79,
    )


def _odd_status(case: Case, opened: DoorEvidence) -> Finding | None:
    """Answers of HTTP.sys that do not come from WinRM."""
    statuses = answers.statuses(opened)
    nameless = answers.unsigned(opened)
    if not (answers.by_http_sys(opened) or nameless) or answers.is_winrm(opened) or not statuses or statuses & {401}:
        return None
    facts = outside.reply_facts(case, opened)
    if nameless and not statuses & {404, 503}:
        return None
    verdict, tied = (POSSIBLE, ("impostor",)) if nameless else (LIKELY, ())
    if 404 in statuses:
        return Finding(
            "service_config",
            "url_prefix",
            verdict,
            f"Windows' HTTP driver answers, but has nothing under /{case.target.path}: another URL prefix, or a listener for another address.",
            facts,
            next_check="On the host: winrm enumerate winrm/config/listener (URLPrefix, Address); netsh http show servicestate.",
            remedies=(
                Remedy("Set the listener's URLPrefix to wsman", 'winrm set winrm/config/listener?Address=*+Transport=HTTP @{URLPrefix="wsman"}', "medium"),
                Remedy("Or name the host's prefix in the inventory", "ansible_psrp_path / ansible_winrm_path"),
            ),
            tied_with=tied,
            weight=82,
        )
    if 503 in statuses:
        return Finding(
            "service_config",
            "not_attached",
            verdict,
            "Windows' HTTP driver knows the URL, but no service stands behind it: WinRM is stopped, starting or crashed.",
            facts,
            next_check="On the host: Get-Service WinRM, and the System log for the Service Control Manager.",
            remedies=(Remedy("Start the WinRM service", "Start-Service WinRM", "medium"),),
            tied_with=tied,
            weight=82,
        )
    if statuses <= NORMAL:
        return None
    return Finding(
        "service_config",
        "unexpected_status",
        POSSIBLE,
        f"Windows' HTTP driver answers with HTTP {', '.join(map(str, sorted(statuses)))}, which WinRM does not do.",
        facts,
        next_check=f"On the host: {LISTENERS}; netsh http show servicestate.",
        tied_with=("impostor",),
        weight=70,
    )


def _not_offered(case: Case, opened: DoorEvidence) -> Finding | None:
    missing = outside.missing_schemes(case, opened)
    if not missing or 401 not in answers.statuses(opened) or not (answers.by_http_sys(opened) or answers.is_winrm(opened)):
        return None
    wanted = ", ".join(missing)
    offered = ", ".join(opened.schemes)
    does = f"it offers {offered}" if offered else "it offers none (only certificate logon works without one)"
    return Finding(
        "service_config",
        "scheme_not_offered",
        LIKELY,
        f"The inventory logs on with {wanted}, which this host does not offer: {does}.",
        (outside.offer_fact(case, opened),),
        next_check='On the host: winrm get winrm/config/service/auth. Source="GPO" there means that Group Policy decides.',
        remedies=(*configured.use_offered(case, opened), *_enable(case, missing)),
        weight=75,
    )


def _enable(case: Case, missing: tuple[str, ...]) -> tuple[Remedy, ...]:
    """How the host comes to offer what the inventory wants."""
    # pywinrm's Kerberos travels under Negotiate, and so does NTLM ([MS-WSMV] 3.1.4.1.30 knows no scheme NTLM).
    scheme = {"credssp": "CredSSP", "basic": "Basic"}.get(missing[0], "Negotiate")
    if missing[0] == "kerberos" and case.target.connection == "psrp":
        scheme = "Kerberos"
    risk = "high" if scheme == "Basic" else "medium"
    return (Remedy(f"Enable {scheme} on the host", f"Set-Item WSMan:\\localhost\\Service\\Auth\\{scheme} $true", risk),)


CAUSE = Cause(
    "service_config",
    "The WinRM service is not set up as the inventory expects",
    1,
    ("endpoint", "host"),
    f"On the host: {LISTENERS}; winrm get winrm/config.",
    evaluate,
)
