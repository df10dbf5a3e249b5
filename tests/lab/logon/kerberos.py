# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kerberos acceptor: MIT's, with the keys that one host really has, and with the answers of a Windows in place of MIT's."""

from __future__ import annotations

import datetime
import functools
import struct
import typing as t

import spnego
from spnego import _asn1 as asn1
from spnego._context import GSSMech
from spnego._gss import GSSAPIProxy
from spnego._kerberos import KrbApReq
from spnego._spnego import unpack_token

from ..messages import BAD_BINDINGS, STATES, Account, Windows
from .journal import Journal

try:
    import gssapi
except ImportError:
    # Then no host takes tickets, as without a domain.
    gssapi = None

MAX_SKEW = 300
"""Seconds ([RFC 4120] 8.2; MaxClockSkew of a domain's policy, [MS-KILE] 3.3.1)."""
SKEW, MODIFIED = 37, 41
"""KRB_AP_ERR_SKEW, KRB_AP_ERR_MODIFIED ([RFC 4120] 7.5.9)."""
UNOPENED = (31, 35, 44, 45)
"""What MIT's acceptor says of a ticket that none of its keys opens: integrity, wrong principal, key version, no key."""
MIT_BASE = 0x96C73A00
"""What MIT's libraries add to a protocol's code, unsigned as in gssapi's min_code."""
SKEW_RECOVERY = bytes.fromhex("3005a103020102")
"""KERB-ERROR-DATA with KERB_AP_ERR_TYPE_SKEW_RECOVERY ([MS-KILE] 2.2.2)."""
KRB_ERROR = b"\x03\x00"
"""TOK_ID ([RFC 4121] 4.1)."""
CHANNEL_BOUND = 0x800
"""GSS_C_CHANNEL_BOUND_FLAG: both sides named the same channel. MIT sets it from 1.19 on; with an older one a strict host takes nobody over TLS."""


class Acceptor(GSSAPIProxy):
    """Kerberos as one host of the lab speaks it. A ticket refused is answered by a KRB-ERROR, which step() returns like any token; then it is not complete."""

    user = ""
    account: Account | None = None

    def __init__(self, windows: Windows, bindings: spnego.channel_bindings.GssChannelBindings | None, journal: Journal, method: str = "kerberos") -> None:
        super().__init__(channel_bindings=bindings, usage="accept", _gssapi_credential=_credential(windows.keytab))
        self.windows, self.journal, self.method = windows, journal, method

    @property
    def complete(self) -> bool:
        """True once somebody is logged on."""
        return self.account is not None

    def step(self, in_token: bytes | None = None, *, channel_bindings: t.Any = None) -> bytes | None:
        """An AP-REQ in, an AP-REP or a KRB-ERROR out; raises where the host says nothing."""
        try:
            return self._accept(in_token or b"")
        except gssapi.raw.BadChannelBindingsError as error:
            raise self._refused("(unknown)", BAD_BINDINGS) from error
        except gssapi.raw.GSSError as error:
            if not is_request(in_token or b""):
                # "a zero-length message whenever it receives a message that is either not well-formed or not supported" ([MS-KILE] 3.4.5)
                raise spnego.exceptions.InvalidTokenError(context_msg="not an AP-REQ") from error
            return self._tell("(unknown)", self._judged(code_of(error)))

    def _accept(self, token: bytes) -> bytes | None:
        bindings = None
        if self.channel_bindings and self.windows.cbt != "none":
            bindings = gssapi.raw.ChannelBindings(0, b"", 0, b"", self.channel_bindings.application_data)
        # Not the high-level context: it keeps an error back when a token comes with it, and the lab has its own token to send.
        done = gssapi.raw.accept_sec_context(token, acceptor_creds=self._credential, channel_bindings=bindings)
        principal = gssapi.raw.display_name(done.initiator_name, name_type=False).name.decode().rstrip("\x00")
        if code := self._judged(0):
            return self._tell(principal, code)
        if bindings and self.windows.cbt == "strict" and not int(done.flags) & CHANNEL_BOUND:
            raise self._refused(principal, BAD_BINDINGS)
        account = account_of(self.windows, principal)
        if account.state == "no_network_logon":
            # The other states were the KDC's business: a ticket once issued is good until it expires.
            raise self._refused(principal, STATES[account.state])
        self.journal.note(self.windows.computer, principal, self.method, "accepted")
        self._context = gssapi.SecurityContext(base=done.context)
        self.user, self.account = logon_name(self.windows, principal), account
        return t.cast("bytes | None", done.token)

    def _judged(self, code: int) -> int:
        """The code, seen by this host's clock, which is read after the ticket was opened ([RFC 4120] 3.2.3)."""
        offset = self.windows.clock_offset
        if code == MODIFIED or abs(offset) <= MAX_SKEW:
            return code
        return SKEW if offset > 0 else self.windows.skew_behind_as

    def _tell(self, principal: str, code: int) -> bytes:
        self.journal.note(self.windows.computer, principal, self.method, f"refused {code}")
        if self.windows.kerberos_error == "bare":
            raise spnego.exceptions.InvalidCredentialError(context_msg=f"Kerberos error {code}")
        return krb_error(self.windows, code)

    def _refused(self, principal: str, status: int) -> spnego.exceptions.SpnegoError:
        """[inferred] What is no error of Kerberos' own has no message in it: the 401 comes without a token."""
        self.journal.note(self.windows.computer, principal, self.method, f"refused {status:#010x}")
        return spnego.exceptions.InvalidCredentialError(context_msg=f"NTSTATUS {status:#010x}")


def takes_tickets(windows: Windows) -> bool:
    """Whether this host has keys, and this machine the library."""
    return bool(gssapi and windows.realm and windows.keytab)


@functools.cache
def _credential(keytab: str) -> t.Any:
    """All keys of a file; kept, for hosts share none but connections do. The file itself is read again for each ticket, so that keys may change.

    No replay cache: MIT's would be one file of the user's for all hosts, and clients of the lab log on to many in the same microsecond.
    """
    store = {"keytab": keytab, "rcache": "none:"}
    return gssapi.Credentials(usage="accept", mechs=[gssapi.OID.from_int_seq(GSSMech.kerberos.value)], store=store)


def is_request(token: bytes) -> bool:
    """Whether a token holds an AP-REQ to the last field outside its encrypted parts; MIT's acceptor does not tell nonsense from a lack of keys."""
    try:
        return isinstance(unpack_token(token, unwrap=True).token, KrbApReq)
    except (ValueError, KeyError, IndexError, struct.error):
        return False


def code_of(error: t.Any) -> int:
    """The protocol's code for an error of MIT's acceptor; whatever stands for a ticket that no key opens is MODIFIED, as Windows calls it ([MS-KILE] 3.4.5)."""
    number = (error.min_code & 0xFFFFFFFF) - MIT_BASE
    return MODIFIED if number in UNOPENED or not 0 < number < 128 else number


def account_of(windows: Windows, principal: str) -> Account:
    """The account behind a principal: of the own realm by its bare name, of any realm by name@REALM. Whoever had a ticket and is not known has no rights."""
    name, _at, realm = principal.rpartition("@")
    known = {key.lower(): account for key, account in windows.accounts.items() if not account.local}
    own = known.get(name.lower()) if realm.upper() == windows.realm.upper() else None
    return own or known.get(principal.lower()) or Account("", groups="none")


def logon_name(windows: Windows, principal: str) -> str:
    """A principal as Windows names its owner: DOMAIN\\user. The first label of another realm serves as its NetBIOS name."""
    name, _at, realm = principal.rpartition("@")
    domain = windows.domain if windows.domain and realm.upper() == windows.realm.upper() else realm.partition(".")[0].upper()
    return f"{domain}\\{name}"


def krb_error(windows: Windows, code: int) -> bytes:
    """A KRB-ERROR in its GSS token ([RFC 4120] 5.9.1, [RFC 4121] 4.1), by the host's clock.

    Realm and name are those of the account the service runs as, of the type NT-PRINCIPAL, not the SPN that the client asked for: so an IIS 10 on Windows
    answered a ticket that it could not open (recorded). With SKEW comes the invitation to try again with the host's time ([MS-KILE] 3.4.5).
    """
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=windows.clock_offset)
    moment = asn1.pack_asn1(asn1.TagClass.universal, False, asn1.TypeTagNumber.generalized_time, f"{now:%Y%m%d%H%M%SZ}".encode())
    name = _sequence({0: asn1.pack_asn1_integer(1), 1: asn1.pack_asn1_sequence([asn1.pack_asn1_general_string(f"{windows.computer}$")])})
    numbers = {0: 5, 1: 30, 5: now.microsecond, 6: code}
    parts = {4: moment, 9: asn1.pack_asn1_general_string(windows.realm), 10: name, **{part: asn1.pack_asn1_integer(value) for part, value in numbers.items()}}
    if code == SKEW:
        parts[12] = asn1.pack_asn1_octet_string(SKEW_RECOVERY)
    message = asn1.pack_asn1(asn1.TagClass.application, True, 30, _sequence(parts))
    mechanism = asn1.pack_asn1_object_identifier(GSSMech.kerberos.value)
    return asn1.pack_asn1(asn1.TagClass.application, True, 0, mechanism + KRB_ERROR + message)


def _sequence(parts: t.Mapping[int, bytes]) -> bytes:
    return asn1.pack_asn1_sequence([asn1.pack_asn1(asn1.TagClass.context_specific, True, number, parts[number]) for number in sorted(parts)])
