# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging on to a directory: a ticket first, then the bind, every use of a password under the attempt book."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import deps
from ..account import ANY_DOMAIN, EITHER, LOCAL, Account
from ..directory.ldap import Credentials, Ldap
from ..directory.refusal import LdapError, LdapUnreachable
from ..directory.tickets import Tickets, principal_of, spelled
from ..domain import Domain
from ..evidence.base import Known, Unknown
from ..evidence.directory import AS, FAILED, GRANTED, NOT_TRIED, REFUSED, BindEvidence, KerberosStep
from ..target import is_address
from ..wire import kerberos
from ..wire.background import Background
from ..wire.deadline import Deadline
from ..wire.kdc import coded
from .attempt import not_told
from .attempts import Book
from .controllers import Seen
from .kdc import UNREACHABLE, fill
from .krb5conf import Profile

NO_LIBRARY = "The Python libraries gssapi and krb5, which Kerberos needs, are not installed here."
INVALID_CREDENTIALS = 49
PORTS = {"sealed": 389, "start_tls": 389, "ldaps": 636}
CATALOGUE_PORTS = {"sealed": 3268, "start_tls": 3268, "ldaps": 3269}
GRACE = 0.3
ANOTHER = "set domain_username and domain_password"
CORRECTED = {6: "correct domain_username", 24: "correct domain_password"}
"""KDC_ERR_C_PRINCIPAL_UNKNOWN and KDC_ERR_PREAUTH_FAILED: what is wrong with an account that was named for the directory."""


@dataclass
class Reader:
    """One account that reads; its tickets and how each of its logons ended."""

    username: str
    password: str | None = field(repr=False)
    account: Account
    domain: Domain
    book: Book
    limit: int
    profile: Profile
    """krb5.conf, which may name the KDCs."""
    tickets: Tickets
    host_domain: str = ""
    """The domain that the host says it belongs to, where the account is the inventory's."""
    steps: list[KerberosStep] = field(default_factory=list)
    binds: list[BindEvidence] = field(default_factory=list)
    step: KerberosStep | None = None
    """How asking for the ticket-granting ticket ended."""

    @property
    def refused(self) -> bool:
        """Whether the KDC refused the account itself: then the same password is used nowhere else."""
        return self.step is not None and self.step.outcome == REFUSED and kerberos.names_credentials(self.step.code)

    @property
    def ambiguous(self) -> bool:
        """Whether the password may be that of the host's own account: then a controller would count it against the domain's namesake."""
        return self.account.kind == EITHER and self.password is not None

    @property
    def _is_named(self) -> bool:
        """Whether domain_username names it, so that this option is what to correct."""
        return bool(self.domain.username) and self.username == self.domain.username

    @property
    def _another(self) -> str:
        return "name another account in domain_username and domain_password" if self._is_named else ANOTHER

    def _both(self) -> str:
        return f"{self.username} may be the host's own account: write it as DOMAIN\\{self.username}, or {ANOTHER}"

    def _strange(self, domain: str) -> bool:
        """Whether this domain may know another account by the name: it is not the host's, and a suffix is free text ([MS-ADTS] 5.1.1.1.1)."""
        free = "@" in self.username and ANY_DOMAIN in self.account.domains and self.password is not None
        return free and bool(self.host_domain and domain) and domain.lower() != self.host_domain.lower()

    def get_ticket(self, realm: str, deadline: Deadline, silence: str = "") -> KerberosStep:
        """Ask for the ticket-granting ticket, or take the user's own where there is no password. `silence` says that no KDC would answer."""
        self.step = self._get_ticket(realm, deadline, silence)
        self.steps.append(self.step)
        return self.step

    def _get_ticket(self, realm: str, deadline: Deadline, silence: str) -> KerberosStep:
        principal = principal_of(self.username, realm)
        shown = spelled(principal) if principal else self.username
        if not deps.speaks_kerberos():
            return KerberosStep(AS, shown, NOT_TRIED, NO_LIBRARY, realm=realm)
        if self.password is None:
            return self._adopted(shown, realm, deadline)
        if self.ambiguous:
            return KerberosStep(AS, shown, NOT_TRIED, f"Not tried: {self._both()}.", realm=realm)
        if not principal or self.account.kind == LOCAL:
            return KerberosStep(AS, shown, NOT_TRIED, f"No KDC knows {self.username}: it is no account of a known domain.", realm=realm)
        if silence:
            # libkrb5 would try for many seconds, and nobody could tell afterwards whether a KDC had seen the password.
            return KerberosStep(AS, shown, FAILED, silence, realm=realm, code=UNREACHABLE)
        step, permit = fill(
            self.tickets, self.username, principal, self.password, self.account, self.book, deadline, limit=self.limit, profile=self.profile,
            home=self.host_domain.upper() if self._strange(realm) else "",
        )
        return step or KerberosStep(AS, shown, NOT_TRIED, not_told(permit), realm=realm)

    def _adopted(self, shown: str, realm: str, deadline: Deadline) -> KerberosStep:
        answer = Background(self.tickets.adopt).wait(deadline.left() + GRACE)
        if isinstance(answer, Unknown):
            return KerberosStep(AS, shown, FAILED, f"Kerberos' library gave no answer about {shown}: {answer.unknown}.", realm=realm)
        return answer

    @property
    def _is_known(self) -> bool:
        return self.step is not None and self.step.outcome == GRANTED

    def hindrance(self) -> str:
        """Why it cannot log on to LDAP at all, or ""."""
        if self.tickets.cache and self.domain.auth in ("auto", "kerberos"):
            return ""
        if self.refused and self.step:
            if not self._is_named:
                return f"{self.username} is refused itself: {ANOTHER} to read with another account"
            said = coded(self.step.code, self.step.status).rstrip(".")
            return f"{self.username}, which domain_username names, is refused itself, {said}: {CORRECTED.get(self.step.code or 0, self._another)}"
        if self.account.kind == LOCAL:
            return f"{self.username} is an account of the host, which the directory does not know: {self._another}"
        if self.ambiguous:
            return self._both()
        if self.password is None or self.domain.auth == "kerberos":
            return self.step.means if self.step else f"There is no password for {self.username or 'an account'}."
        return ""

    def open(self, seen: Seen, home: str, deadline: Deadline, *, catalogue: bool = False) -> Known[Ldap]:
        """A connection to one controller, logged on; or why there is none."""
        if why := self.hindrance():
            return Unknown(why)
        if self._strange(seen.evidence.domain) and not self._is_known:
            return Unknown(f"{self.username} may be another account in {seen.evidence.domain}: {self._another}")
        port = (CATALOGUE_PORTS if catalogue else PORTS)[self.domain.transport]
        why = "no method to log on with"
        for method in self._methods():
            ldap = Ldap(seen.evidence.address, name_of(seen, home), port=port, transport=self.domain.transport, deadline=deadline, domain=self.domain)
            try:
                ldap.connect()
                bind, proven = self._bind(ldap, method, seen, deadline)
            except LdapUnreachable as error:
                # The next method would find the same.
                ldap.close()
                return Unknown(error.text)
            except LdapError as error:
                ldap.close()
                return Unknown(error.sentence)
            self.binds.append(bind)
            if bind.outcome == GRANTED:
                return ldap
            ldap.close()
            why = bind.means
            if bind.outcome == NOT_TRIED or (bind.code == INVALID_CREDENTIALS and method != "kerberos" and not proven):
                break
        return Unknown(why)

    def _methods(self) -> tuple[str, ...]:
        auth = self.domain.auth
        ways = []
        if self.tickets.cache and auth in ("auto", "kerberos"):
            ways.append("kerberos")
        if self.password is not None and not self.refused and not self.ambiguous and self.account.kind != LOCAL:
            ways += ["ntlm"] if auth in ("auto", "ntlm") else []
            # Whoever the certificate does not prove must not be handed the password unasked.
            inside = self.domain.transport != "sealed" and self.domain.validate_certs
            ways += ["simple"] if auth == "simple" or (auth == "auto" and inside) else []
        return tuple(ways)

    def _bind(self, ldap: Ldap, method: str, seen: Seen, deadline: Deadline) -> tuple[BindEvidence, bool]:
        """How it ended, and whether the password was known to be right: then a refusal means something else, and another method may be tried."""
        if method == "kerberos":
            return ldap.bind(Credentials(self.username, None, method, self.tickets.cache)), False
        password = self.password or ""
        with self.book.permit(self.account, password, where=f"LDAP at {seen.evidence.name}", limit=self.limit, deadline=deadline) as permit:
            if not permit.granted:
                refusal = BindEvidence(seen.evidence.name, ldap.port, method, self.domain.transport, NOT_TRIED, not_told(permit), account=self.username)
                return refusal, False
            bind = ldap.bind(Credentials(self._named(), password, method, None))
            if bind.outcome == GRANTED:
                permit.accepted()
            elif bind.code == INVALID_CREDENTIALS:
                permit.refused()
            elif bind.outcome in (REFUSED, NOT_TRIED):
                # The server refused for another reason than the password: the method, the transport, its own state.
                permit.withdrawn()
            return bind, permit.proven

    def _named(self) -> str:
        """The user name for NTLM and simple: a bare one gets the domain it is looked for in."""
        bare = "\\" not in self.username and "@" not in self.username
        return f"{self.username}@{self.step.realm.lower()}" if bare and self.step and self.step.realm else self.username


def name_of(seen: Seen, home: str) -> str:
    """The name of a controller for its SPN and its certificate: as it was named, but for an address what its rootDSE says, within its own domain."""
    root = seen.evidence.root
    said = root.dns_host_name if root is not None and not isinstance(root, Unknown) else ""
    if said and (is_address(seen.evidence.name) or "." not in seen.evidence.name) and (not home or said.endswith(f".{home}")):
        return said
    return seen.evidence.name
