# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies and other registry values that bear on WinRM logons, each with what it does: for those that are set, and for those whose absence matters."""

from __future__ import annotations

from ..codes import policies
from ..codes.policies import PolicyRow
from ..evidence.base import Known, Unknown
from ..evidence.host import DEFAULT, DENIED, LOCAL, POLICY, PolicyValueEvidence
from .material import NOT_READ, Circumstances, Key, Material, Needs
from .registry import Registry

LISTS = ("AllowFreshCredentials", "AllowFreshCredentialsWhenNTLMOnly")
"""Policies of delegation whose servers stand in a key of the same name."""
LONGEST = 1000
AES, RC4 = 0x18, 0x4
_DEEP = (policies.WINRM, policies.DELEGATION, policies.SYSTEM, policies.SCHANNEL)
_SHALLOW = (policies.LSA, policies.MSV, policies.KERBEROS, f"{policies.LSA}\\FipsAlgorithmPolicy", policies.NETLOGON, policies.CIPHERS, policies.HTTP)
ONE_BY_ONE: dict[str, tuple[str, ...]] = {
    policies.WINRM: tuple(f"{row.key[len(policies.WINRM) + 1 :]}\\{row.name}" for row in (*policies.SERVICE_ROWS, *policies.CLIENT_ROWS, *policies.SHELL_ROWS)),
    policies.SYSTEM: (
        "LocalAccountTokenFilterPolicy", "FilterAdministratorToken", "EnableLUA", "Kerberos\\Parameters\\SupportedEncryptionTypes",
    ),
    policies.LSA: ("LmCompatibilityLevel", "ForceGuest", "CrashOnAuditFail"), policies.MSV: ("RestrictReceivingNTLMTraffic",),
    policies.NETLOGON: ("RestrictNTLMInDomain",), policies.HTTP: ("MaxFieldLength", "MaxRequestBytes", "ListenOnlyList"),
    policies.SCHANNEL: ("Protocols\\TLS 1.2\\Server\\Enabled", "Protocols\\TLS 1.3\\Server\\Enabled"),
}
"""What is asked value by value, where no command may be run: what decides most logons, and all whose absence matters."""


def needs(circumstances: Circumstances) -> Needs:
    """A dozen keys."""
    return Needs(keys=tuple(Key(path, path in _DEEP, values=ONE_BY_ONE.get(path, ())) for path in (*_DEEP, *_SHALLOW)))


def evidence(material: Material, circumstances: Circumstances) -> Known[tuple[PolicyValueEvidence, ...]]:
    """What is set, and what matters by not being set; Unknown where no key could be read."""
    registry = material.registry
    if not registry.keys and not registry.unknown:
        # Nobody asked for anything: then nothing is absent.
        return NOT_READ
    found = [one for row in policies.ROWS if (one := _value(registry, row)) is not None]
    reasons = [why for row in policies.ROWS if (why := registry.why(row.key))]
    # Much tells something by not being set: of a host that tells nothing, nothing was read but, at best, that WinRM has no policy.
    if found or not reasons or not registry.why(policies.SERVICE):
        return tuple(found)
    return Unknown(DENIED if DENIED in reasons else reasons[0])


def kerberos_types(mask: int) -> tuple[str, ...]:
    """Names of the encryption types of a SupportedEncryptionTypes."""
    return tuple(name for bit, name in policies.ETYPE_BITS if mask & bit)


def _value(registry: Registry, row: PolicyRow) -> PolicyValueEvidence | None:
    """One row; None where it is not set and that means nothing, or is not known."""
    source = POLICY if any(row.key.startswith(key) for key in policies.POLICY_KEYS) else LOCAL
    value = registry.value(row.key, row.name)
    if value is None:
        if not row.absent or registry.why(row.key):
            return None
        return PolicyValueEvidence(row.key, row.name, None, row.absent, row.area, DEFAULT, row.setting)
    text = value.data.hex() if isinstance(value.data, bytes) else registry.text(row.key, row.name) or ""
    return PolicyValueEvidence(row.key, row.name, text[:LONGEST], _means(registry, row, text), row.area, source, row.setting)


def _means(registry: Registry, row: PolicyRow, text: str) -> str:
    means = {key.lower(): sentence for key, sentence in row.means.items()}.get(text.strip().lower())
    if means is None:
        means = row.other.format(value=text[:LONGEST])
    if row.name == "AllowAutoConfig" and text == "1":
        return _listening(registry, row, means)
    if row.name in LISTS and text == "1":
        return _delegated(registry, row, means)
    return _types(text) if row.name == "SupportedEncryptionTypes" else means


def _listening(registry: Registry, row: PolicyRow, means: str) -> str:
    """AllowAutoConfig is only as good as its filters: with both empty the service listens on nothing (text of the policy's help)."""
    filters = [(registry.text(row.key, name) or "").strip() for name in ("IPv4Filter", "IPv6Filter")]
    if any(filters):
        return means
    return "Policy makes the service listen for HTTP, but the policy's filters are both empty, so that it listens on no address."


def _delegated(registry: Registry, row: PolicyRow, means: str) -> str:
    servers = [str(value.data) for value in registry.values(f"{row.key}\\{row.name}") if isinstance(value.data, str)]
    if servers:
        return f"{means} These are: {', '.join(servers)[:LONGEST]}."
    return f"{means} The list is empty." if registry.why(f"{row.key}\\{row.name}") is None else means


def _types(text: str) -> str:
    """Encryption types by name, with what their lack means."""
    try:
        mask = int(text)
    except ValueError:
        return f"It is set to {text[:80]}, which names no encryption types."
    names = kerberos_types(mask)
    if not names:
        return "It allows no encryption type that is known."
    means = f"The host allows {', '.join(names)} for Kerberos."
    if not mask & AES:
        return f"{means} Without AES, accounts that have or want AES only cannot log on by Kerberos."
    return means if mask & RC4 else f"{means} Tickets with RC4 are refused."
