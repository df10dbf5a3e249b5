# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos in steps, by libkrb5: a ticket-granting ticket for a password, then a ticket for a service, each answer told by itself.

libkrb5 has no time-outs that could be set: whoever calls this runs it where it can be left behind (wire/background).
"""

from __future__ import annotations

import threading
import time
import typing as t
from types import TracebackType

from .. import deps
from ..evidence.directory import AS, FAILED, GRANTED, REFUSED, TGS, KerberosStep
from ..wire import initial, kerberos
from ..wire.http import printable
from ..wire.kdc import coded

NO_CACHE, NOT_FOUND, EXPIRED, UNREACHABLE = 195, 141, 32, 156
"""KRB5_FCC_NOFILE, KRB5_CC_NOTFOUND, KRB_AP_ERR_TKT_EXPIRED and KRB5_KDC_UNREACH."""
KINIT = "run kinit, or set a password to get one with"
TEXT_LIMIT = 300


class Tickets:
    """A private cache of tickets, gone when the context is left; the user's own is never changed."""

    def __init__(self) -> None:
        self._cache: initial.Cache | None = None
        self._turn = threading.Lock()
        self._left = False
        self.client = ""
        """The principal that the KDC made the ticket out to, such as alice@LAB.TEST."""

    def __enter__(self) -> Tickets:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def cache(self) -> str:
        """MEMORY:..., or "" while there is no ticket."""
        return self._cache.name if self._cache else ""

    def close(self) -> None:
        """Forget the tickets; a call that is still on its way in another thread, left behind, does so when it ends."""
        self._left = True
        if self._turn.acquire(blocking=False):
            try:
                self._forget()
            finally:
                self._turn.release()

    def acquire(self, principal: str, password: str) -> KerberosStep:
        """A ticket-granting ticket for a password; `principal` as `principal_of` makes it. Counts against the account where the password is wrong."""
        with self._turn:
            return self._settled(lambda: self._acquire(principal, password))

    def adopt(self, cache: str | None = None) -> KerberosStep:
        """The ticket-granting tickets of a cache that exists (None: the default one) instead of a password; its service tickets stay behind."""
        with self._turn:
            return self._settled(lambda: self._adopt(cache))

    def ticket(self, spn: str, *, as_client: bool = False) -> KerberosStep:
        """A ticket for a service such as HTTP/web01.lab.test, or HTTP/web01@LAB.TEST.

        `as_client`: its host name goes through what krb5.conf demands of every client (dns_canonicalize_hostname, rdns), so that another one may be asked for.
        """
        with self._turn:
            return self._settled(lambda: self._ticket(spn, as_client))

    def _settled(self, work: t.Callable[[], KerberosStep]) -> KerberosStep:
        try:
            return work()
        finally:
            if self._left:
                self._forget()

    def _forget(self) -> None:
        if self._cache:
            self._cache.destroy()
            self._cache = None

    def _keep(self, cache: initial.Cache, client: t.Any) -> None:
        self._forget()
        self._cache, self.client = cache, client.name.decode("utf-8", "replace")

    def _acquire(self, principal: str, password: str) -> KerberosStep:
        shown, realm = spelled(principal), principal.rpartition("@")[2]
        try:
            credential, cache = initial.initial_ticket(principal, password, enterprise=is_enterprise(principal))
        except deps.krb5.Krb5Error as error:
            code = kerberos.code_of(error)
            # libkrb5 says "unreachable" whether its first request got lost or the second, which depends on the password.
            return _failed(AS, shown, error, realm, used=code == UNREACHABLE or not kerberos.counts_for_nobody(code))
        self._keep(cache, credential.client)
        kind = kerberos.ticket_encryption(credential.ticket)
        means = f"The KDC of {realm} accepts the password of {self.client}{f'; the ticket is encrypted with {kind}' if kind else ''}."
        return KerberosStep(AS, shown, GRANTED, means, realm=realm, got=self.client, ticket_encryption=kind, used=True)

    def _adopt(self, name: str | None) -> KerberosStep:
        krb5 = deps.krb5
        shown = name or "the default ticket cache"
        try:
            context = krb5.init_context()
            shown = name or krb5.cc_default_name(context).decode("utf-8", "replace")
            source = krb5.cc_resolve(context, name.encode()) if name else krb5.cc_default(context)
            client = source.principal
            granting = [held for held in source if held.server.name.startswith(b"krbtgt/")] if client is not None else []
            if not granting:
                return KerberosStep(AS, shown, FAILED, f"{shown} holds no ticket-granting ticket: {KINIT}.", code=NO_CACHE)
            realm = client.realm.decode("utf-8", "replace")
            ends = max(held.times.endtime for held in granting)
            if ends < time.time():
                since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
                return KerberosStep(AS, shown, FAILED, f"The ticket-granting ticket in {shown} expired at {since}: {KINIT}.", realm=realm, code=EXPIRED)
            cache = initial.Cache(context, client)
            for held in granting:
                cache.store(held)
        except krb5.Krb5Error as error:
            if kerberos.code_of(error) in (NO_CACHE, NOT_FOUND):
                return KerberosStep(AS, shown, FAILED, f"There is no ticket cache {shown}: {KINIT}.", code=kerberos.code_of(error))
            return _failed(AS, shown, error, "")
        self._keep(cache, client)
        kind = kerberos.ticket_encryption(granting[0].ticket)
        means = f"{shown} holds a ticket-granting ticket of {self.client}."
        return KerberosStep(AS, shown, GRANTED, means, realm=realm, got=self.client, ticket_encryption=kind)

    def _ticket(self, spn: str, as_client: bool) -> KerberosStep:
        gssapi = deps.gssapi
        realm = self.client.rpartition("@")[2]
        if self._cache is None:
            return KerberosStep(TGS, spn, FAILED, "There is no ticket-granting ticket to ask with.", realm=realm, code=NO_CACHE)
        sent = ""
        try:
            service, slash, host = spn.partition("/")
            if as_client:
                name = gssapi.Name(f"{service}@{host}" if slash else spn, gssapi.NameType.hostbased_service)
                sent = str(name.canonicalize(gssapi.MechType.kerberos)).rstrip("@")
            else:
                # With an empty realm the client's own KDC is asked, and its referrals are followed; without one MIT would add the default realm.
                name = gssapi.Name(spn if "@" in spn else f"{spn}@", gssapi.NameType.kerberos_principal)
            held = gssapi.Credentials(usage="initiate", store={"ccache": self._cache.name})
            token = gssapi.SecurityContext(name=name, creds=held, usage="initiate", mech=gssapi.MechType.kerberos).step()
            seen = kerberos.describe(token)
        except (gssapi.exceptions.GSSError, ValueError) as error:
            return _failed(TGS, spn, error, realm, sent=sent)
        kind = kerberos.ticket_encryption(token)
        other = "" if seen.service.rpartition("@")[0] == spn.partition("@")[0] else f", which stands for {spn} here"
        means = f"The KDC gives a ticket for {seen.service}{other}{f'; it is encrypted with {kind}' if kind else ''}."
        return KerberosStep(TGS, spn, GRANTED, means, realm=realm, got=seen.service, ticket_encryption=kind, sent=sent)


def _failed(step: str, asked: str, error: BaseException, realm: str, **more: t.Any) -> KerberosStep:
    code = kerberos.code_of(error)
    outcome = REFUSED if code is not None and code < kerberos.LIBRARY else FAILED
    what = {AS: f"No ticket-granting ticket for {asked}", TGS: f"No ticket for {asked}"}[step]
    if (sent := more.get("sent", "")) and sent.partition("@")[0] != asked.partition("@")[0]:
        what += f", asked for as {sent}"
    why = coded(code) if code is not None else f"{type(error).__name__}: {printable(str(error), TEXT_LIMIT)}."
    return KerberosStep(step, asked, outcome, f"{what}: {why}", realm=realm, code=code, **more)


def principal_of(username: str, realm: str) -> str:
    """The principal that a Windows user name means, as text for libkrb5; "" where the realm that is needed is not known.

    `LAB\\alice` and `alice` are alice@REALM. `alice@suffix` is the same where the suffix is the realm in any case, else an enterprise name that the
    KDC of `realm` looks up ([RFC 6806] 5): alice@suffix@REALM. Without a `realm` the suffix is taken for it.
    """
    name = username.strip()
    realm = realm.upper()
    if "\\" in name:
        domain, _slash, user = name.partition("\\")
        realm = realm or (domain.upper() if "." in domain else "")
    elif "@" in name:
        user, _at, suffix = name.rpartition("@")
        if realm and suffix.upper() != realm:
            user = name
        realm = realm or suffix.upper()
    else:
        user = name
    return f"{escaped(user)}@{realm}" if user and realm else ""


def is_enterprise(principal: str) -> bool:
    """True for the text of an enterprise name: the realm comes after a second "@"."""
    return principal.count("@") > 1


def enterprise_of(username: str, realm: str) -> str:
    """The enterprise name of a UPN, also where its suffix is the realm's name."""
    return f"{escaped(username.strip())}@{realm.upper()}"


def spelled(principal: str) -> str:
    """A principal as a person writes it: no escapes, an enterprise name without its realm."""
    name, _at, realm = principal.rpartition("@")
    plain = unescaped(name)
    return plain if "@" in plain else f"{plain}@{realm}"


def unescaped(name: str) -> str:
    """The inverse of `escaped`."""
    return name.replace("\\/", "/").replace("\\\\", "\\")


def escaped(user: str) -> str:
    """A name of one component for krb5_parse_name, which splits at a slash and takes a backslash for an escape."""
    return user.replace("\\", "\\\\").replace("/", "\\/")


def realms_of(username: str, *, dns_domain: str = "", netbios_domain: str = "", default_realm: str = "", realms: t.Sequence[str] = ()) -> tuple[str, ...]:
    """Realms that may hold an account, likeliest first and in capitals.

    `dns_domain`, `netbios_domain`: what a host says of its domain; `default_realm`, `realms`: what krb5.conf knows. A UPN's suffix may be a realm or a
    free text ([MS-ADTS] 5.1.1.1.1), so the host's own domain comes after it.
    """
    known = [name.upper() for name in (dns_domain, *realms, default_realm) if name]
    domain, slash, _user = username.strip().partition("\\")
    if slash:
        domain = domain.upper()
        if "." in domain:
            return (domain,)
        if dns_domain and domain == netbios_domain.upper():
            return (dns_domain.upper(),)
        return tuple(dict.fromkeys(name for name in known if name.partition(".")[0] == domain))
    suffix = username.strip().rpartition("@")[2].upper() if "@" in username else ""
    return tuple(dict.fromkeys(name for name in (suffix if "." in suffix or suffix in known else "", *known) if name))


def realm_of(username: str, **known: t.Any) -> str:
    """The likeliest of `realms_of`, or ""."""
    return next(iter(realms_of(username, **known)), "")
