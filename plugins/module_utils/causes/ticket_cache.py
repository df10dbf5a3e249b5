# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A logon without a password lives on a ticket in the cache: there is none, it has expired, or it is somebody else's."""

from __future__ import annotations

from .. import commands
from ..evidence.base import seconds
from ..evidence.case import Case
from ..evidence.controller import ControllerEvidence, KerberosEvidence
from ..evidence.logon import BROKEN, AttemptEvidence
from ..finding import CONFIRMED, LIKELY, Fact, Finding, Remedy
from . import accounts, directories, logons

NOT_FOUND, NO_FILE, EXPIRED = 141, 195, 32
"""MIT's KRB5_CC_NOTFOUND and KRB5_FCC_NOFILE, less their base, and KRB_AP_ERR_TKT_EXPIRED ([RFC 4120] 7.5.9)."""
SAYS_EXPIRED = ("Major (720896)", "CredentialsExpired")
"""GSS_S_CREDENTIALS_EXPIRED ([RFC 2744] 3.9.1, 11 << 16) comes without a number of Kerberos' own (measured: MIT 1.20, pyspnego)."""
SAYS_NONE = ("Major (458752)", "No username or password was specified", "NoCredentialError")
"""GSS_S_NO_CRED (7 << 16), and what pyspnego says where neither NTLM nor Kerberos has anything to log on with."""
GIVE = Remedy("Or give the inventory a password", "ansible_user and ansible_password, -u and -k, or a vault")


def findings(case: Case, now: float) -> list[Finding]:
    """At most one; `now` in seconds since 1970."""
    attempt = without_credentials(case)
    if attempt is None:
        return []
    known = directories.krb5(case)
    who = _principal(case, known)
    name = f"the ticket cache {known.cache_name}" if known and known.cache_name else "the ticket cache"
    held = known is not None and bool(known.cache_expires)
    ended = bool(held and known and known.cache_expires and seconds(known.cache_expires) < now)
    if ended or _says(attempt, EXPIRED, SAYS_EXPIRED):
        when = f" on {accounts.moment(known.cache_expires)}" if ended and known else ""
        whose = f" of {known.cache_principal}" if known and known.cache_principal else ""
        return [_finding(case, attempt, "ticket_expired", CONFIRMED, f"The ticket{whose} in {name} expired{when}, and the inventory has no password.", who)]
    if held and known is not None and known.cache_principal and who and known.cache_principal.lower() != who.lower():
        summary = f"The inventory has no password for {who}, and {name} has a ticket of {known.cache_principal} instead."
        return [_finding(case, attempt, "ticket_of_another", LIKELY, summary, who)]
    return [_finding(case, attempt, "no_ticket", LIKELY if held else CONFIRMED, f"The inventory has no password, and {name} has no ticket.", who)]


def without_credentials(case: Case) -> AttemptEvidence | None:
    """The own way, where it ended on this side because there was nothing to log on with; with a password the library asks a KDC or computes an answer."""
    attempt = logons.own(case)
    if attempt is None or attempt.outcome != BROKEN or attempt.failure is None or attempt.failure.step not in ("credential", "token"):
        return None
    if attempt.proven or any(asked.step.used for asked in directories.mine(case)):
        # A password was there to be sent.
        return None
    return attempt if any(_says(attempt, code, (*SAYS_EXPIRED, *SAYS_NONE)) for code in (NOT_FOUND, NO_FILE, EXPIRED)) else None


def spoken_for(case: Case) -> tuple[int, ...]:
    """The library's codes, where the rule here says what they mean."""
    return (NOT_FOUND, NO_FILE, EXPIRED) if without_credentials(case) is not None else ()


def _says(attempt: AttemptEvidence, code: int, words: tuple[str, ...]) -> bool:
    failure = attempt.failure
    return failure is not None and (failure.code == code or any(word in failure.text for word in words))


def _principal(case: Case, known: KerberosEvidence | None) -> str:
    """Whose ticket it has to be; "" where the inventory leaves that to the cache, or writes the name in a way that Kerberos reads otherwise."""
    name = case.target.username or ""
    if "@" in name or not name or "\\" in name:
        return name if "@" in name else ""
    return f"{name}@{known.default_realm}" if known and known.default_realm else ""


def _finding(case: Case, attempt: AttemptEvidence, rule: str, verdict: str, summary: str, who: str) -> Finding:
    known = directories.krb5(case)
    facts: tuple[Fact, ...] = (logons.fact(case, attempt),)
    if known is not None and isinstance(case.controller, ControllerEvidence):
        holds = f"a ticket-granting ticket of {known.cache_principal} until {accounts.moment(known.cache_expires)}" if known.cache_expires else "no ticket"
        why = f" ({known.cache_error})" if known.cache_error else ""
        facts += (Fact(f"{known.cache_name or 'the ticket cache'} holds {holds}{why}", case.controller.host, "controller"),)
    principal = who or (known.cache_principal if known and rule == "ticket_expired" else "") or "USER@REALM"
    return Finding(
        "credentials", rule, verdict, summary, facts, next_check="klist on the control node, as the user that runs Ansible and with its KRB5CCNAME.",
        remedies=(Remedy("Get a ticket on the control node, before Ansible runs", f"kinit {commands.word(principal, 'USER@REALM')}"), GIVE), weight=85,
    )
