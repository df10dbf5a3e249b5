# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This control node itself: a missing library, a proxy in the way, the wrong trust store, a broken krb5.conf."""

from __future__ import annotations

from ..evidence.base import Unknown
from ..evidence.case import Case, TargetEvidence
from ..evidence.controller import ControllerEvidence, CryptoEvidence, KerberosEvidence, LibraryEvidence, ProxyEvidence, TrustStoreEvidence
from ..evidence.endpoint import VerifyEvidence
from ..evidence.logon import ACCEPTED
from ..finding import CONFIRMED, LIKELY, POSSIBLE, RULED_OUT, Fact, Finding, Remedy
from . import canonical, coded, directories, etypes, kdcs, logons, outside, ticket_cache
from .cause import Cause

PACKAGES = {"psrp": ("pypsrp",), "winrm": ("pywinrm",)}
FOR_METHOD = {
    ("psrp", "kerberos"): ("gssapi", "krb5"),
    ("psrp", "credssp"): ("requests-credssp",),
    ("winrm", "kerberos"): ("pykerberos",),
    ("winrm", "credssp"): ("requests-credssp",),
    ("winrm", "ntlm"): ("requests-ntlm",),
}
"""Distributions a connection imports for a method; negotiate needs none, it falls back to NTLM without gssapi."""


def evaluate(case: Case, now: float) -> list[Finding]:
    """What would stop any logon from here, whatever the host does."""
    seen = case.controller
    if isinstance(seen, Unknown):
        return []
    rules = (_library, _proxy, _trust_store, _kerberos, _crypto, _enctypes)
    found = [finding for finding in (rule(case, seen) for rule in rules) if finding]
    kdc = kdcs.findings(case)
    found += [*canonical.findings(case), *directories.of(kdc, "control_node")]
    found += coded.findings(case, "control_node", besides=(*kdcs.spoken_for(case), *ticket_cache.spoken_for(case)), next_check=CAUSE.by_hand, weight=70)
    if found:
        return found
    wanted = needed(case.target)
    checked = [library for library in seen.libraries if library.name in wanted and not library.error]
    facts = tuple(Fact(f"{library.name} {library.version or ''}".strip() + " imports", seen.host, "controller") for library in checked)
    return [Finding("control_node", "able", RULED_OUT, "This control node has what the connection needs.", against=facts)] if facts else []


def needed(target: TargetEvidence) -> tuple[str, ...]:
    """Distributions that this connection cannot do without: the plugin's own, and the method's where there is no other method."""
    names = list(PACKAGES.get(target.connection, ()))
    if len(target.auth) == 1:
        names += FOR_METHOD.get((target.connection, target.auth[0]), ())
    return tuple(names)


def _library(case: Case, seen: ControllerEvidence) -> Finding | None:
    wanted = needed(case.target)
    broken = [library for library in seen.libraries if library.name in wanted and library.error]
    if not broken:
        return None
    names = ", ".join(library.name for library in broken)
    facts = tuple(Fact(_import_error(library), f"{seen.host}, Python {seen.python}", "controller") for library in broken)
    what = "library" if len(broken) == 1 else "libraries"
    place = "this execution environment" if seen.execution_environment else "this control node"
    how = f"python -m pip install {names.replace(',', '')}"
    if seen.execution_environment:
        how = "Add it to the execution environment's requirements and build it anew"
    return Finding(
        "control_node",
        "missing_library",
        CONFIRMED,
        f"The Python {what} {names}, which the connection {case.target.connection} needs for {', '.join(case.target.auth)}, cannot be imported on {place}.",
        facts,
        remedies=(Remedy(f"Install {names} for the Python that runs Ansible", how),),
        weight=97,
    )


def _import_error(library: LibraryEvidence) -> str:
    return f"import of {library.name} fails: {library.error}"


def _proxy(case: Case, seen: ControllerEvidence) -> Finding | None:
    proxy = seen.proxy
    if not isinstance(proxy, ProxyEvidence) or not proxy.captures or case.target.proxy:
        return None
    facts = (Fact(f"{proxy.why or 'the proxy variables of the environment'} would send the connection to {proxy.proxy}", seen.host, "controller"),)
    setting = outside.setting(case.target, psrp="ansible_psrp_ignore_proxy: true", winrm="ansible_winrm_proxy: ''")
    return Finding(
        "control_node",
        "proxy",
        LIKELY,
        f"A proxy variable sends the connection to {proxy.proxy} instead of to the host.",
        facts,
        next_check=f"Run once without it: env -u HTTPS_PROXY -u HTTP_PROXY -u https_proxy -u http_proxy ansible-playbook ... --limit {case.target.name}",
        remedies=(Remedy(f"Except the host from the proxy: add {case.target.host} to no_proxy", f"export no_proxy={case.target.host}; or {setting}"),),
        weight=86,
    )


def _trust_store(case: Case, seen: ControllerEvidence) -> Finding | None:
    """The system knows the authority, the bundle that Python's requests reads does not."""
    tls = outside.tls(case)
    if tls is not None and case.target.validate_certs and isinstance(tls.chain_verify, Unknown) and "cannot be read" in tls.chain_verify.unknown:
        return Finding(
            "control_node",
            "trust_store_unreadable",
            LIKELY,
            "The trust store that the connection would use cannot be read, so no certificate can be verified.",
            (Fact(tls.chain_verify.unknown, seen.host, "controller"),),
            remedies=(Remedy("Correct the path, or the permissions of the file"),),
            weight=79,
        )
    if tls is None or not case.target.validate_certs or not isinstance(tls.chain_verify, VerifyEvidence) or not isinstance(tls.system_verify, VerifyEvidence):
        return None
    if tls.chain_verify.code == 0 or tls.system_verify.code != 0:
        return None
    store = seen.trust_store if isinstance(seen.trust_store, TrustStoreEvidence) else None
    used = store.used if store else tls.chain_verify.store
    chosen = f", chosen by {store.chosen_by}" if store else ""
    facts = (
        Fact(f"the chain fails against {used}{chosen}: error {tls.chain_verify.code}", outside.where(case.target), "endpoint"),
        Fact(f"the same chain verifies against the system's store {tls.system_verify.store}", outside.where(case.target), "endpoint"),
    )
    bundle = store.system if store and store.system else "/etc/ssl/certs/ca-certificates.crt"
    option = outside.setting(case.target, psrp="ansible_psrp_ca_cert", winrm="ansible_winrm_ca_trust_path")
    return Finding(
        "control_node",
        "trust_store",
        CONFIRMED,
        "The host's certificate is good, but the connection looks into a trust store that does not know its authority.",
        facts,
        remedies=(Remedy("Let the connection use the system's trust store", f"{option}: {bundle}; or export REQUESTS_CA_BUNDLE={bundle}"),),
        weight=79,
    )


def _crypto(case: Case, seen: ControllerEvidence) -> Finding | None:
    """NTLM is made of MD4, MD5 and RC4, which a strict OpenSSL (FIPS) does not do; pyspnego brings its own MD4 alone."""
    attempt, crypto = logons.own(case), seen.crypto
    if attempt is None or not {"ntlm", "negotiate", "credssp"}.intersection(case.target.auth) or attempt.outcome == ACCEPTED:
        return None
    if ticket_cache.without_credentials(case) is not None:
        return None
    failed = attempt.failure is not None and attempt.failure.step == "token" and not attempt.used
    lacking = [name for name, there in (("MD5", crypto.md5), ("RC4", crypto.rc4)) if there is False] if isinstance(crypto, CryptoEvidence) else []
    known = isinstance(crypto, CryptoEvidence) and not isinstance(crypto.md5, Unknown) and not isinstance(crypto.rc4, Unknown)
    if not lacking and (not failed or known):
        # A step that fails although nothing is refused fails for another reason.
        return None
    facts: tuple[Fact, ...] = (logons.fact(case, attempt),)
    if lacking and isinstance(crypto, CryptoEvidence):
        facts = (Fact(f"{crypto.openssl} refuses {' and '.join(lacking)}{' (FIPS mode)' if crypto.fips is True else ''}", seen.host, "controller"), *facts)
    return Finding(
        "control_node",
        "ntlm_crypto",
        LIKELY if failed and lacking else POSSIBLE,
        "This control node cannot compute NTLM's answer: its cryptography refuses what NTLM is made of.",
        facts,
        next_check="python -c 'import hashlib; hashlib.md5()' on the control node; openssl list -providers.",
        remedies=(Remedy("Log on with Kerberos, which needs none of it", "ansible_psrp_auth: kerberos / ansible_winrm_transport: kerberos"),),
        weight=78,
    )


def _kerberos(case: Case, seen: ControllerEvidence) -> Finding | None:
    kerberos = seen.kerberos
    if "kerberos" not in case.target.auth or not isinstance(kerberos, KerberosEvidence) or not kerberos.config_error:
        return None
    return Finding(
        "control_node",
        "krb5_conf",
        LIKELY,
        "The Kerberos configuration of this control node cannot be read as it should.",
        (Fact(kerberos.config_error, ", ".join(kerberos.config_files) or "krb5.conf", "controller"),),
        next_check="KRB5_TRACE=/dev/stderr kinit USER@REALM shows what the library reads.",
        remedies=(Remedy("Correct the file, or point KRB5_CONFIG at the right one"),),
        weight=72,
    )


def _enctypes(case: Case, seen: ControllerEvidence) -> Finding | None:
    """permitted_enctypes without AES: what modern domains grant is refused on this side."""
    return next(iter(directories.of(etypes.findings(case), "control_node")), None)


CAUSE = Cause(
    "control_node",
    "The control node itself",
    2,
    ("controller", "directory"),
    "ansible HOST -m winrm.doctor.controller_info; env | grep -i proxy.",
    evaluate,
)
