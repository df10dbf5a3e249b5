# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ticket caches that outlive a task: what they hold, without a key, and how they are written in one step and destroyed.

libkrb5 may ask a daemon (KCM, SSSD) and has no time-outs: whoever calls this runs it where it can be left behind (wire/background).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
import time
import typing as t
from dataclasses import dataclass

from .. import deps
from ..errors import DoctorError
from ..wire import kerberos

FLAGS = (
    "reserved", "forwardable", "forwarded", "proxiable", "proxy", "may_postdate", "postdated", "invalid", "renewable", "initial", "pre_authent", "hw_authent",
    "transited_policy_checked", "ok_as_delegate", "", "enc_pa_rep", "anonymous",
)
"""The ticket's flags by their bit, the first being the highest ([RFC 4120] 5.3, [RFC 6806] 11, [RFC 8062] 6)."""
NO_FILE, NOT_FOUND = 195, 141
"""KRB5_FCC_NOFILE and KRB5_CC_NOTFOUND."""
SETTINGS_REALM = b"X-CACHECONF:"
"""The realm of entries that are no tickets but notes of libkrb5 (MIT krb5, src/include/k5-int.h, KRB5_CONF_...)."""
LONGEST_NAME = 120


@dataclass(frozen=True)
class TicketEvidence:
    """One ticket, without its key. Times are UTC."""

    service: str
    """As it was asked for; without a realm where that was left to the KDC."""
    starts: str
    ends: str
    renew_until: str | None = None
    encryption: str = ""
    """Of the ticket itself, which the service must be able to read."""
    flags: tuple[str, ...] = ()
    expired: bool = False

    @property
    def granting(self) -> bool:
        """True for a ticket-granting ticket of the client's own realm."""
        name, _at, realm = self.service.partition("@")
        return name == f"krbtgt/{realm}"


@dataclass(frozen=True)
class CacheEvidence:
    """What a cache holds."""

    cache: str
    """Its name, as KRB5CCNAME takes it."""
    principal: str
    tickets: tuple[TicketEvidence, ...] = ()

    def granting(self) -> TicketEvidence | None:
        """The ticket-granting ticket that lives longest."""
        return max((ticket for ticket in self.tickets if ticket.granting), key=lambda ticket: ticket.ends, default=None)


def name_of(handle: t.Any) -> str:
    """TYPE:residual."""
    return f"{handle.cache_type.decode()}:{handle.name.decode('utf-8', 'replace')}"


def resolved(name: str | None) -> str:
    """A cache's full name; None is the user's default one."""
    try:
        context = deps.krb5.init_context()
        return name_of(deps.krb5.cc_resolve(context, name.encode()) if name else deps.krb5.cc_default(context))
    except deps.krb5.Krb5Error as error:
        raise _failed(f"The ticket cache {name or 'that is the default one'} cannot be opened", error, name) from error


def read(name: str, now: float) -> CacheEvidence | None:
    """What a cache holds; None where it is not there."""
    try:
        context = deps.krb5.init_context()
        handle = deps.krb5.cc_resolve(context, name.encode())
        principal = deps.krb5.cc_get_principal(context, handle)
        tickets = tuple(_ticket(held, now) for held in handle if held.server.realm != SETTINGS_REALM)
    except deps.krb5.Krb5Error as error:
        if kerberos.code_of(error) in (NO_FILE, NOT_FOUND):
            return None
        raise _failed(f"The ticket cache {name} cannot be read", error, name) from error
    return CacheEvidence(name_of(handle), principal.name.decode("utf-8", "replace"), tickets)


def collection(name: str, now: float) -> tuple[CacheEvidence, ...]:
    """The caches beside this one that libkrb5 finds by itself."""
    try:
        found = [name_of(handle) for handle in deps.krb5.cccol_iter(deps.krb5.init_context())]
    except deps.krb5.Krb5Error:
        # A collection that cannot be walked (a KCM daemon that is not there) has no caches to tell of.
        return ()
    seen = [read(other, now) for other in dict.fromkeys(found) if other != name and not other.startswith("MEMORY:")]
    return tuple(cache for cache in seen if cache is not None)


def _ticket(held: t.Any, now: float) -> TicketEvidence:
    times = held.times
    return TicketEvidence(
        # An empty realm is what a client asks with that leaves it to the KDC ([RFC 6806] 8): libkrb5 keeps the ticket under that name.
        service=held.server.name.decode("utf-8", "replace").removesuffix("@"), starts=moment(times.starttime or times.authtime), ends=moment(times.endtime),
        renew_until=moment(times.renew_till) if times.renew_till else None, encryption=kerberos.ticket_encryption(held.ticket),
        flags=flags_of(held.ticket_flags_raw), expired=times.endtime <= now,
    )


def flags_of(bits: int) -> tuple[str, ...]:
    """The names of a ticket's flags, out of 32 bits with the first one highest."""
    return tuple(name for number, name in enumerate(FLAGS) if name and bits & 0x80000000 >> number)


def moment(seconds: int) -> str:
    """Seconds since 1970 as 2026-04-08T22:48:00Z; libkrb5 keeps them in 32 bits, unsigned since 1.16."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds & 0xFFFFFFFF))


def write(sources: t.Sequence[str], name: str) -> None:
    """Put the tickets of some caches into another, in place of what that holds; the last of several for one service counts.

    The principal is that of the last source. A file is replaced in one step, and is its owner's alone.
    """
    kind, _colon, path = name.partition(":")
    try:
        if kind != "FILE":
            _copy(sources, name)
            return
        descriptor, draft = tempfile.mkstemp(prefix=".krb5cc_", dir=os.path.dirname(path) or ".")
        os.close(descriptor)
        try:
            _copy(sources, f"FILE:{draft}")
            os.replace(draft, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
    except deps.krb5.Krb5Error as error:
        raise _failed(f"The ticket cache {name} cannot be written", error, name) from error
    except OSError as error:
        raise DoctorError(
            f"The ticket cache {name} cannot be written: {error.strerror}", expected="a folder that exists and that this user may write to", value=name,
        ) from error


def _copy(sources: t.Sequence[str], name: str) -> None:
    krb5 = deps.krb5
    context = krb5.init_context()
    held: dict[bytes, t.Any] = {}
    for source in sources:
        cache = krb5.cc_resolve(context, source.encode())
        client = krb5.cc_get_principal(context, cache)
        held.update({credential.server.name: credential for credential in cache if credential.server.realm != SETTINGS_REALM})
    target = krb5.cc_resolve(context, name.encode())
    krb5.cc_initialize(context, target, client)
    for credential in held.values():
        krb5.cc_store_cred(context, target, credential)


def destroy(name: str) -> bool:
    """Destroy a cache; False where there was none. A folder of ours goes with its last cache."""
    try:
        context = deps.krb5.init_context()
        handle = deps.krb5.cc_resolve(context, name.encode())
        deps.krb5.cc_destroy(context, handle)
    except deps.krb5.Krb5Error as error:
        if kerberos.code_of(error) in (NO_FILE, NOT_FOUND):
            return False
        raise _failed(f"The ticket cache {name} cannot be destroyed", error, name) from error
    folder = os.path.dirname(name.partition(":")[2])
    if name.startswith("FILE:") and folder == folder_path():
        # Another cache may have come to lie there in the meantime.
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return True


def folder_path() -> str:
    """Where caches of ours lie: in the session's folder, which vanishes with it, else beside all other temporary files; a folder for each user."""
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    base = session if session and os.path.isdir(session) and os.access(session, os.W_OK) else tempfile.gettempdir()
    return os.path.join(base, f"winrm.doctor-{os.geteuid()}")


def private_name(principal: str) -> str:
    """The cache that belongs to a principal and this user, always the same one."""
    return f"FILE:{os.path.join(folder_path(), 'krb5cc_' + file_name(principal))}"


def file_name(principal: str) -> str:
    """A principal as part of a file's name: what is not harmless there becomes its code, so that no two principals share one."""
    text = re.sub(r"[^A-Za-z0-9@._-]", lambda found: "".join(f"%{byte:02x}" for byte in found[0].encode("utf-8", "surrogatepass")), principal)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME - 17]}-{hash_of(principal)}"


def hash_of(text: str) -> str:
    """A short digest, for names that would be too long."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def make_folder() -> str:
    """The folder of ours, made if need be; raises DoctorError where somebody else could read or exchange what lies in it."""
    path = folder_path()
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        seen = os.lstat(path)
    except OSError as error:
        raise DoctorError(f"The folder {path} cannot be made: {error.strerror}", expected="a folder that can be written to", do="Set cache") from error
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
        raise DoctorError(
            f"{path} is not a folder of this user alone, so no ticket is put there", expected="a folder with mode 0700 that belongs to this user",
            do="Remove it, or set cache", value=path,
        )
    return path


def _failed(what: str, error: Exception, name: str | None) -> DoctorError:
    message = getattr(error, "message", None) or getattr(error, "args", [""])[0]
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
    # python-krb5 appends libkrb5's number to its sentence.
    said = re.sub(r" -?[0-9]+$", "", text)[:200]
    return DoctorError(f"{what}: {said}", expected="a ticket cache such as FILE:/tmp/krb5cc_1000, DIR:, KEYRING: or KCM:", value=name)
