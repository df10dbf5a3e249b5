# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attempt book: every use of a password that nobody has accepted yet is written here before it is sent, so that no account gets locked.

The KDC of an account's realm is asked before any host, once, and what it says is written here too: it holds for every host of the domain.

One nameless file and one key, made where this module is first imported: in Ansible's parent process. All its workers inherit both; the file
vanishes with the last of them, and holds a keyed digest in place of each password.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import tempfile
import time
import typing as t
import weakref

from ..account import EITHER, LOCAL, Account
from ..evidence.base import decode, encode
from ..evidence.directory import KerberosStep
from ..wire.deadline import Deadline

IN_DOUBT, ACCEPTED, REFUSED, WITHDRAWN, NO_ROOM = "in_doubt", "accepted", "refused", "withdrawn", "no_room"
TICK = 0.02
"""Seconds between two looks at a lock that somebody else holds."""
WRITE_LOCK = 2**62
ACCOUNT_STATES = (1, 6, 18)
"""Kerberos errors that no other password would change: expired, unknown, revoked."""
Entry = t.Dict[str, t.Any]


class Permit:
    """Leave to use a password, or the reason why not. What becomes of the use is told with `accepted`, `refused` or `withdrawn`; else it stays in doubt."""

    def __init__(
        self, granted: bool, *, reason: str = "", where: str = "", proven: bool = False, step: KerberosStep | None = None,
        write: t.Callable[[str, KerberosStep | None], None] | None = None,
    ) -> None:
        self.granted, self.reason, self.where, self.proven = granted, reason, where, proven
        self.step = step
        """What the KDC said of this account before."""
        self._write = write
        self.counts = write is not None
        """Whether the use counts against the account as things stand."""

    def accepted(self, step: KerberosStep | None = None) -> None:
        """The host or the KDC let the account in: from now on the password is used freely."""
        self._say(ACCEPTED, step)

    def refused(self, step: KerberosStep | None = None) -> None:
        """The host said no; or the KDC, which holds for every host."""
        self._say(REFUSED, step)

    def withdrawn(self, step: KerberosStep | None = None) -> None:
        """Nothing that depends on the password was sent, or nobody judged it."""
        self._say(WITHDRAWN, step)

    def doubted(self, step: KerberosStep) -> None:
        """The KDC was sent the password's proof, and what it made of it is not known."""
        self._say(IN_DOUBT, step)

    def full(self, step: KerberosStep) -> None:
        """Nothing was sent, for one more failure would lock the account, whoever tries and with whatever password."""
        self._say(NO_ROOM, step)

    def _say(self, state: str, step: KerberosStep | None) -> None:
        if self._write:
            self.counts = state in (IN_DOUBT, REFUSED)
            self._write(state, step)


class Book:
    """Shared by all workers of the process that made it."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self._key = os.urandom(32)
        self._file = _nameless()
        # Not at the end of the process: there it goes by itself, and workers that end must not take it from one another.
        weakref.finalize(self, os.close, self._file).atexit = False

    @property
    def shared(self) -> bool:
        """True in a worker forked by the process that made the book: elsewhere nobody else would see what is written."""
        return os.getppid() == self.parent

    @contextlib.contextmanager
    def permit(self, account: Account, password: str, *, where: str, limit: int, deadline: Deadline, kdc: bool = False) -> t.Iterator[Permit]:
        """Leave to use `password` once, or a refusal. `where` names the host; `limit`: failed or unanswered uses an account may have in one run.

        While the first use is on its way, others of the same account wait here for its outcome, until `deadline`. `kdc`: the use is at the KDC, which is
        asked once in a run.
        """
        if not self.shared:
            yield Permit(False, reason="no_book")
            return
        if kdc and account.kind == EITHER:
            # What a host accepted may be its own account's password; the KDC would judge it for the domain's namesake, and lock that.
            yield Permit(False, reason="ambiguous")
            return
        if known := self._known(account, password, kdc, limit):
            yield known
            return
        with contextlib.ExitStack() as held:
            if not all(self._lock(held, name, deadline) for name in _locks(account)):
                yield Permit(False, reason="busy")
                return
            yield self._known(account, password, kdc, limit) or self._decide(account, password, where, limit, kdc, held)

    def _decide(self, account: Account, password: str, where: str, limit: int, kdc: bool, held: contextlib.ExitStack) -> Permit:
        failed = [entry for entry in self._entries(account) if _counts(entry) and account.may_be(_account(entry))]
        if len(failed) >= limit:
            last = failed[-1]
            return Permit(False, reason="refused_before" if last["state"] == REFUSED else "in_doubt", where=last["where"], step=_step(last))
        number = self._append({**_plain(account), "password": self._digest(password), "where": where, "state": IN_DOUBT, "kdc": kdc})

        def settle(state: str, step: KerberosStep | None) -> None:
            told = {"where": kdc_of(step.realm), "step": encode(step)} if step else {}
            self._append({"user": account.user, "state": state, **told}, number)
            # Those who wait need not wait for what the account does next.
            held.close()

        return Permit(True, write=settle)

    def _known(self, account: Account, password: str, kdc: bool, limit: int) -> Permit | None:
        """What needs no decision: the password is proven, the KDC has refused it, the account has no room, or it is the KDC's turn and it was asked before."""
        digest, entries = self._digest(password), self._entries(account)
        surely = [entry for entry in entries if account.is_surely(_account(entry))]
        for entry in surely:
            if entry["state"] == ACCEPTED and entry["password"] == digest:
                return Permit(True, where=entry["where"], proven=True, step=_step(entry))
        for entry in surely:
            step = _step(entry)
            if step is None or (entry["password"] != digest and entry["state"] != WITHDRAWN and step.code not in ACCOUNT_STATES):
                continue
            if entry["state"] == REFUSED:
                return Permit(False, reason="refused_by_kdc", where=entry["where"], step=step)
            if kdc and entry["state"] != NO_ROOM:
                return Permit(False, reason="asked", where=entry["where"], step=step)
        full = next((entry for entry in entries if entry["state"] == NO_ROOM and account.may_be(_account(entry))), None) if limit <= 1 else None
        return Permit(False, reason="no_room", where=full["where"], step=_step(full)) if full else None

    def _entries(self, account: Account) -> list[Entry]:
        """The entries of this user name in order, each in its last state."""
        # What is being written at this moment may be there in part: only whole lines count.
        text = os.pread(self._file, os.fstat(self._file).st_size, 0).rpartition(b"\n")[0].decode()
        mark = f'"user": {json.dumps(account.user)}'
        known: dict[int, Entry] = {}
        for line in text.splitlines():
            # A writer that died in the middle of its line had sent nothing yet.
            if mark in line and line.endswith("}"):
                entry = json.loads(line)
                known[entry["number"]] = {**known.get(entry["number"], {}), **entry}
        return list(known.values())

    def _append(self, entry: Entry, number: int | None = None) -> int:
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, WRITE_LOCK)
        try:
            end = os.fstat(self._file).st_size
            entry = {"number": end if number is None else number, **entry}
            whole = not end or os.pread(self._file, 1, end - 1) == b"\n"
            os.pwrite(self._file, f"{'' if whole else chr(10)}{json.dumps(entry)}\n".encode(), end)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, WRITE_LOCK)
        return int(entry["number"])

    def _lock(self, held: contextlib.ExitStack, name: str, deadline: Deadline) -> bool:
        """Take one lock and leave it to `held`; False when it cannot be had in time. A record lock dies with its process."""
        place = 2**61 + int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:6], "big")
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError:
                if deadline.passed:
                    return False
                time.sleep(TICK)
            else:
                held.callback(fcntl.lockf, self._file, fcntl.LOCK_UN, 1, place)
                return True

    def _digest(self, password: str) -> str:
        return hmac.new(self._key, password.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _nameless() -> int:
    """A file without a name, which no other program can open by one."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("winrm-doctor-attempts")
    descriptor, path = tempfile.mkstemp(prefix="winrm-doctor-")
    os.unlink(path)
    return descriptor


def _locks(account: Account) -> list[str]:
    """Every lock an attempt must hold, in an order that all workers share."""
    domain = [] if account.kind == LOCAL else [f"domain {account.user}"]
    return [*domain, *([f"local {account.computer} {account.user}"] if account.computer else [])]


def _plain(account: Account) -> Entry:
    return {"user": account.user, "kind": account.kind, "domains": sorted(account.domains), "computer": account.computer}


def _account(entry: Entry) -> Account:
    return Account(entry["user"], entry["kind"], frozenset(entry["domains"]), entry["computer"])


def _step(entry: Entry) -> KerberosStep | None:
    """What the KDC said, where it was the KDC."""
    return t.cast(KerberosStep, decode(KerberosStep, entry["step"])) if "step" in entry else None


def _counts(entry: Entry) -> bool:
    """Whether an entry may have raised the account's counter: not where the KDC refused the name before any password was sent."""
    step = entry.get("step")
    return entry["state"] in (IN_DOUBT, REFUSED) and not (step is not None and entry["state"] == REFUSED and not step["used"])


def kdc_of(realm: str) -> str:
    """How a KDC is called where a host's name would stand."""
    return f"the KDC of {realm}"


BOOK = Book(os.getpid())
"""The book of this run, if this is imported in Ansible's parent process; `shared` tells."""
