# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's account: every state that keeps it from logging on, read as the directory stores it."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.directory import accounts
from ansible_collections.winrm.doctor.plugins.module_utils.directory.entries import Entry
from ansible_collections.winrm.doctor.plugins.module_utils.directory.notation import EPOCH, NEVER, TICKS, sid_bytes
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.directory import AccountEvidence, PolicyEvidence

NOW = 1_775_688_480.0
"""2026-04-08T22:48:00Z, a Wednesday."""
DOMAIN_SID = "S-1-5-21-1-2-3"
POLICY = PolicyEvidence("Default Domain Policy", 3, lockout_minutes=30.0, observation_minutes=30.0, max_password_days=42.0)
DAY = 86400.0


def filetime(seconds: float) -> str:
    return str(int((seconds + EPOCH) * TICKS))


def entry(**attributes: t.Any) -> Entry:
    """An enabled account of the domain lab.test, and what is given of it; underscores stand for hyphens."""
    usual = {"sAMAccountName": "svc", "userAccountControl": 512, "pwdLastSet": filetime(NOW - 10 * DAY), "objectSid": sid_bytes(f"{DOMAIN_SID}-1104")}
    values = {**usual, **{name.replace("_", "-"): value for name, value in attributes.items()}}
    raw = {name.lower(): (value if isinstance(value, bytes) else str(value).encode(),) for name, value in values.items() if value is not None}
    return Entry("CN=svc,OU=People,DC=lab,DC=test", raw)


def account(policy: PolicyEvidence | Unknown = POLICY, counters: Entry | Unknown | None = None, **attributes: t.Any) -> AccountEvidence:
    return accounts.read_account(
        entry(**attributes), now=NOW, policy=policy, counters=Entry("") if counters is None else counters, counted_at="dc1.lab.test", groups=(), group_sids=(),
        protected=False,
    )


def test_healthy_account() -> None:
    seen = account(accountExpires=NEVER, lockoutTime=0, msDS_User_Account_Control_Computed=0)
    assert (seen.name, seen.domain, seen.enabled, seen.locked, seen.expired) == ("svc", "lab.test", True, False, False)
    assert (seen.must_change, seen.password_expired, seen.logon_hours, seen.workstations) == (False, False, True, ())
    assert (seen.password_set, seen.password_expires, seen.expires) == ("2026-03-29T22:48:00Z", "2026-05-10T22:48:00Z", None)
    assert (seen.bad_passwords, seen.bad_passwords_at) == (0, "dc1.lab.test")
    assert (seen.sid, seen.token_sids) == (f"{DOMAIN_SID}-1104", ())


@pytest.mark.parametrize(
    ("attributes", "field", "value"),
    [
        pytest.param({"userAccountControl": 514}, "enabled", False, id="disabled"),
        pytest.param({"accountExpires": filetime(NOW - 1)}, "expired", True, id="expired"),
        pytest.param({"accountExpires": filetime(NOW + 1)}, "expired", False, id="expires in a second"),
        pytest.param({"accountExpires": 0}, "expires", None, id="never expires, as 0"),
        pytest.param({"pwdLastSet": 0}, "must_change", True, id="must change"),
        pytest.param({"pwdLastSet": 0, "userAccountControl": 66048}, "must_change", False, id="never has to change"),
        pytest.param({"pwdLastSet": filetime(NOW - 43 * DAY)}, "password_expired", True, id="old password"),
        pytest.param({"pwdLastSet": filetime(NOW - 43 * DAY), "userAccountControl": 66048}, "password_expired", False, id="password that never expires"),
        pytest.param({"msDS_User_Account_Control_Computed": 0x800000}, "password_expired", True, id="computed by the controller"),
        pytest.param({"pwdLastSet": 0, "msDS_User_Account_Control_Computed": 0x800000}, "password_expired", False, id="must change is told as that alone"),
        pytest.param({"msDS_UserPasswordExpiryTimeComputed": NEVER}, "password_expires", None, id="the controller says never"),
        pytest.param({"userAccountControl": 0x40200}, "smartcard_required", True, id="smart card"),
        pytest.param({"userAccountControl": 0x100200}, "no_delegation", True, id="sensitive"),
        pytest.param({"userAccountControl": 0x400200}, "no_preauth", True, id="no pre-authentication"),
        pytest.param({"userAccountControl": 0x200200}, "des_only", True, id="DES only"),
        pytest.param({"userWorkstations": "PC1, pc2,,"}, "workstations", ("PC1", "pc2"), id="workstations"),
        pytest.param({"msDS_SupportedEncryptionTypes": 4}, "encryption_types", 4, id="RC4 only"),
        pytest.param({"logonHours": b"\x00" * 21}, "logon_hours", False, id="never"),
        pytest.param({"logonHours": b"\x00" * 20}, "logon_hours", Unknown("logonHours has 20 bytes instead of 21"), id="hours that cannot be read"),
    ],
)
def test_state(attributes: dict[str, t.Any], field: str, value: t.Any) -> None:
    assert getattr(account(**attributes), field) == value


def test_sids_of_the_token_are_those_of_tokengroups() -> None:
    held = Entry("CN=svc", {"tokengroups": (sid_bytes(f"{DOMAIN_SID}-513"), sid_bytes("S-1-5-32-545"), b"no SID")})
    groups = accounts.sids(held)
    seen = accounts.read_account(
        entry(), now=NOW, policy=POLICY, counters=Entry(""), counted_at="", groups=(), group_sids=groups, protected=False,
    )
    assert (seen.token_sids, seen.group_count) == ((f"{DOMAIN_SID}-513", "S-1-5-32-545"), 2)


def test_what_cannot_be_computed_without_the_policy_is_no_expiry() -> None:
    assert account(Unknown("not readable"), pwdLastSet=filetime(NOW - 400 * DAY)).password_expires is None


@pytest.mark.parametrize(
    ("hour", "moment", "allowed"),
    [
        (0, "Sunday 00:30", True), (1, "Sunday 00:30", False), (23, "Sunday 23:59", True), (24, "Monday 00:00", True), (167, "Saturday 23:00", True),
        (4 * 24, "Wednesday 23:59", False), (3 * 24 + 23, "Wednesday 23:59", True),
    ],
)
def test_hours_begin_on_sunday_at_midnight_utc_and_with_the_lowest_bit(hour: int, moment: str, allowed: bool) -> None:
    days = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    name, clock = moment.split()
    # 2026-04-05 was a Sunday.
    seconds = 1_775_347_200.0 + days.index(name) * DAY + int(clock[:2]) * 3600 + int(clock[3:]) * 60
    assert accounts.hours_allow((1 << hour).to_bytes(21, "little"), seconds) is allowed


@pytest.mark.parametrize(
    ("counters", "computed", "policy", "locked"),
    [
        pytest.param(0, 0, POLICY, False, id="never locked"),
        pytest.param(NOW - 60, 0, POLICY, True, id="locked at the PDC emulator, not here yet"),
        pytest.param(NOW - 31 * 60, 0x10, POLICY, False, id="the lock has run out"),
        pytest.param(NOW - 400 * DAY, 0, PolicyEvidence("x", 3), True, id="until somebody unlocks it"),
        pytest.param(NOW - 60, 0x10, Unknown("no"), True, id="the controller computes it"),
        pytest.param(NOW - 60, None, Unknown("no"), Unknown("lockoutTime is set, but how long a lock lasts is not known: no"), id="not to be told"),
        pytest.param(NOW - 60, 0x10, replace(POLICY, sure=False), True, id="a policy that may be another one decides nothing"),
        pytest.param(
            NOW - 60, None, replace(POLICY, sure=False),
            Unknown("lockoutTime is set, but how long a lock lasts is not known: this account may not read whether a policy of its own is in force"),
            id="not to be told for want of rights",
        ),
    ],
)
def test_lock(counters: float, computed: int | None, policy: PolicyEvidence | Unknown, locked: bool | Unknown) -> None:
    at_pdc = Entry("", {"lockouttime": ((filetime(counters) if counters else "0").encode(),), "badpwdcount": (b"3",)})
    seen = account(policy, at_pdc, msDS_User_Account_Control_Computed=computed)
    assert seen.locked == locked
    assert (seen.locked_since is not None) is (locked is True)
    assert seen.bad_passwords == 3


@pytest.mark.parametrize(("age", "computed", "locked"), [(400 * DAY, 0x10, True), (60, 0, False)])
def test_the_pdc_emulator_itself_knows_how_long_a_lock_lasts(age: float, computed: int, locked: bool) -> None:
    """A settings object that may not be read locks until somebody unlocks, or for a minute; the domain's policy says 30 minutes."""
    at_pdc = Entry("", {"lockouttime": (filetime(NOW - age).encode(),), "msds-user-account-control-computed": (str(computed).encode(),)})
    assert account(counters=at_pdc).locked is locked


def test_lock_as_the_asked_controller_has_it_where_the_pdc_emulator_is_silent() -> None:
    seen = account(counters=Unknown("silent"), lockoutTime=filetime(NOW - 60), msDS_User_Account_Control_Computed=0x10)
    assert (seen.locked, seen.bad_passwords, seen.last_bad_password) == (True, Unknown("silent"), None)


@pytest.mark.parametrize(
    ("username", "text"),
    [
        ("svc", "(&(objectClass=user)(sAMAccountName=svc))"),
        ("LAB\\svc", "(&(objectClass=user)(sAMAccountName=svc))"),
        ("svc@lab.test", "(&(objectClass=user)(|(userPrincipalName=svc@lab.test)(sAMAccountName=svc)))"),
        ("a*)(b", "(&(objectClass=user)(sAMAccountName=a\\2a\\29\\28b))"),
    ],
)
def test_filter_finds_the_account_in_every_spelling(username: str, text: str) -> None:
    assert accounts.finder(username) == text


def test_filter_takes_no_namesake_for_the_owner_of_a_upn_of_another_suffix() -> None:
    assert accounts.finder("svc@corp.example", implicit=False) == "(&(objectClass=user)(userPrincipalName=svc@corp.example))"


def test_explicit_upn_comes_before_an_implicit_one() -> None:
    implicit, explicit = Entry("CN=a", {"samaccountname": (b"svc",)}), Entry("CN=b", {"userprincipalname": (b"Svc@lab.test",)})
    assert accounts.choose([implicit, explicit], "svc@LAB.test") == explicit
    assert accounts.choose([], "svc") is None


def test_protected_users_is_the_group_of_the_own_domain() -> None:
    own = f"{DOMAIN_SID}-1104"
    held = accounts.sids(Entry("", {"tokengroups": (sid_bytes(f"{DOMAIN_SID}-525"), sid_bytes("S-1-5-32-545"), b"rubbish")}))
    assert held == (f"{DOMAIN_SID}-525", "S-1-5-32-545")
    assert accounts.in_protected_users(held, own)
    assert not accounts.in_protected_users(["S-1-5-21-9-9-9-525", f"{DOMAIN_SID}-513"], own)
