# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security descriptors: what their text means, and what they answer where not all is known. Samba judges the rest (tests/integration/test_sddl_on_samba.py)."""

from __future__ import annotations

import itertools
import random

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.base import Unknown
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ALLOWED, REFUSED
from ansible_collections.winrm.doctor.plugins.module_utils.windows import sddl, sids
from ansible_collections.winrm.doctor.plugins.module_utils.windows.sddl import ALL, EXECUTE, READ, READ_CONTROL, SddlError, Token

ROOT = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
POWERSHELL = "O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;IU)(A;;GA;;;RM)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)"
USER = "S-1-5-21-1-2-3-1104"
MANAGED = Token(frozenset((USER, sids.EVERYONE, sids.NETWORK, sids.REMOTE_MANAGEMENT)), complete=("",))


def outcome(text: str, token: Token, wanted: int) -> str | None:
    said = sddl.check(sddl.for_winrm(sddl.parse(text)), token, wanted).outcome
    return None if isinstance(said, Unknown) else said


def test_default_root() -> None:
    seen = sddl.parse(ROOT)
    assert (seen.owner, seen.group, seen.flags) == ("S-1-5-20", "S-1-5-32-544", ("P",))
    assert [(ace.kind, ace.mask, ace.trustee, ace.text) for ace in seen.dacl or ()] == [
        ("A", ALL, "S-1-5-32-544", "(A;;GA;;;BA)"), ("A", READ, "S-1-5-4", "(A;;GR;;;IU)"),
    ]
    assert [(ace.kind, ace.flags) for ace in seen.sacl] == [("AU", ("FA",)), ("AU", ("SA",))]


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("0x10000000", ALL), ("GXGR", EXECUTE | READ), ("gxgr", EXECUTE | READ), ("268435456", ALL), ("", 0), ("017", 15), ("KR", 0x20019),
        ("0xffffffff", 0xFFFFFFFF),
    ],
)
def test_rights(text: str, mask: int) -> None:
    dacl = sddl.parse(f"D:(A;;{text};;;BA)").dacl
    assert dacl is not None
    assert dacl[0].mask == mask


@pytest.mark.parametrize(
    ("word", "sid"),
    [
        ("RM", "S-1-5-32-580"), ("ER", "S-1-5-32-573"), ("rm", "S-1-5-32-580"), ("s-1-5-32-580", "S-1-5-32-580"), ("S-1-0x5-32-580", "S-1-5-32-580"),
        ("DA", "*-512"), ("LA", "*-500"), ("NS", "S-1-5-20"), ("WD", "S-1-1-0"), ("AN", "S-1-5-7"),
    ],
)
def test_trustees(word: str, sid: str) -> None:
    dacl = sddl.parse(f"D:(A;;GA;;;{word})").dacl
    assert dacl is not None
    assert dacl[0].trustee == sid


def test_words_for_a_known_domain() -> None:
    dacl = sddl.parse("D:(A;;GA;;;DA)(A;;GA;;;LA)", "S-1-5-21-1-2-3", "S-1-5-21-4-5-6").dacl
    assert [ace.trustee for ace in dacl or ()] == ["S-1-5-21-1-2-3-512", "S-1-5-21-4-5-6-500"]


@pytest.mark.parametrize(
    "text",
    [
        "", "nothing", "D:(A;;GA;;;BA", "D:(A;;GA;;BA)", "D:(A;;G;;;BA)", "D:(A;;ZZ;;;BA)", "D:(A;;GA;;;ZZ)", "D:(Z;;GA;;;BA)", "O:BAO:BA", "D:(A;ZZ;GA;;;BA)",
        "D:x(A;;GA;;;BA)", "D:(XA;;GA;;;BA)", "O:", "D:" + "(A;;GA;;;BA)" * 1001, "D:" + " " * 70000,
        "D:(A;;0x1ffffffff;;;BA)", "D:(A;;GA;;;S-1-5-" + "1-" * 20 + "1)",
    ],
)
def test_what_is_no_descriptor(text: str) -> None:
    with pytest.raises(SddlError):
        sddl.parse(text)


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        pytest.param(ROOT, READ, REFUSED, id="RootSDDL lets INTERACTIVE read, which the network is not"),
        pytest.param(POWERSHELL, EXECUTE, ALLOWED, id="Remote Management Users"),
        pytest.param("O:NSG:BAD:P(D;;GA;;;NU)(A;;GA;;;RM)", EXECUTE, REFUSED, id="Disable-PSRemoting denies the network first"),
        pytest.param("O:NSG:BAD:P(A;;GA;;;RM)(D;;GA;;;NU)", EXECUTE, ALLOWED, id="a denial that comes late"),
        pytest.param(f"D:(A;;GR;;;{USER})(A;;GX;;;WD)", READ | EXECUTE, ALLOWED, id="two entries together"),
        pytest.param(f"D:(A;;GR;;;{USER})", READ | EXECUTE, REFUSED, id="half of it"),
        pytest.param("D:(A;IO;GA;;;WD)", READ, REFUSED, id="for children alone"),
        pytest.param("D:", READ, REFUSED, id="empty list"),
        pytest.param("O:BAG:BA", READ, ALLOWED, id="no list at all"),
        pytest.param("D:NO_ACCESS_CONTROL", READ, ALLOWED, id="no list, in words"),
        pytest.param('D:(XA;;GA;;;WD;(@User.Title=="PM" && (Member_of {SID(BA)})))', READ, None, id="condition"),
        pytest.param('D:(XA;;GA;;;BA;(Exists x))(A;;GR;;;WD)', READ, ALLOWED, id="condition that does not matter"),
        pytest.param('D:(XD;;GA;;;WD;(Exists x))(A;;GR;;;WD)', READ, None, id="condition of a denial"),
        pytest.param("D:(OA;;GA;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)", READ, None, id="for one kind of objects"),
        pytest.param("D:(OA;;GA;;;WD)", READ, ALLOWED, id="for all objects"),
        pytest.param("D:(A;;FA;;;WD)", READ, None, id="rights of files, which mean nothing here"),
        pytest.param("D:(A;;RC;;;WD)", READ, REFUSED, id="reading the descriptor is not reading"),
    ],
)
def test_answers(text: str, wanted: int, said: str | None) -> None:
    assert outcome(text, MANAGED, wanted) == said


def test_what_is_not_known_of_a_token_leaves_the_answer_open_only_where_it_matters() -> None:
    token = Token(frozenset((USER, sids.NETWORK)), absent=frozenset((sids.INTERACTIVE,)))
    assert outcome(ROOT, token, READ) is None
    assert outcome(f"D:(A;;GR;;;BA)(A;;GR;;;{USER})", token, READ) == ALLOWED
    assert outcome(f"D:(D;;GR;;;BG)(A;;GR;;;{USER})", token, READ) is None
    assert outcome("D:(A;;GR;;;IU)", token, READ) == REFUSED
    verdict = sddl.check(sddl.for_winrm(sddl.parse(ROOT)), token, READ)
    assert verdict.outcome == Unknown("whether the user is in BUILTIN\\Administrators is not known")
    assert verdict.ace is not None
    assert verdict.ace.words() == "(A;;GA;;;BA), which gives BUILTIN\\Administrators everything"


def test_groups_of_an_unknown_domain() -> None:
    token = Token(frozenset((USER, "S-1-5-21-1-2-3-512")), complete=("S-1-5-21-1-2-3-",))
    assert outcome("D:(A;;GA;;;DA)", token, READ) is None
    assert outcome("D:(A;;GA;;;EA)", token, READ) == REFUSED
    assert outcome("D:(A;;GA;;;EA)", Token(frozenset((USER,)), complete=("S-1-5-80-",)), READ) is None


def test_groups_for_denying_alone_deny_and_allow_nothing() -> None:
    token = Token(frozenset((USER,)), deny_only=frozenset((sids.ADMINISTRATORS,)), complete=("",))
    assert outcome(ROOT, token, READ) == REFUSED
    assert outcome(f"D:(D;;GA;;;BA)(A;;GA;;;{USER})", token, READ) == REFUSED
    assert outcome("O:BAD:", token, READ_CONTROL) == REFUSED


def test_owner_reads_the_list_unless_an_entry_speaks_of_owners() -> None:
    owner = Token(frozenset((USER,)), complete=("",))
    assert outcome(f"O:{USER}D:", owner, READ_CONTROL) == ALLOWED
    assert outcome(f"O:{USER}D:(A;;GR;;;OW)", owner, READ_CONTROL) == REFUSED
    assert outcome(f"O:{USER}D:(A;;GR;;;OW)", owner, READ) == ALLOWED
    assert outcome("O:BAD:(A;;GR;;;OW)", owner, READ) == REFUSED


def test_a_certain_answer_is_right_whatever_the_unknown_groups_turn_out_to_be() -> None:
    chance, doubtful = random.Random(32), ("BA", "RM", "ER")
    certain = 0
    for _turn in range(400):
        rights = [chance.choice(("GA", "GR", "GX", "GRGX")) for _turn in range(chance.randint(0, 5))]
        entries = [f"({chance.choice('AAD')};;{right};;;{chance.choice((*doubtful, 'WD', 'IU', 'NU'))})" for right in rights]
        text = f"O:{chance.choice(('NS', 'BA'))}D:{''.join(entries)}"
        held = frozenset((USER, sids.EVERYONE, sids.NETWORK))
        said = outcome(text, Token(held, absent=frozenset((sids.INTERACTIVE, "S-1-5-20"))), READ | EXECUTE)
        worlds = [
            Token(held | {sids.ALIASES[word] for word in chosen}, complete=("",))
            for count in range(4) for chosen in itertools.combinations(doubtful, count)
        ]
        answers = {outcome(text, world, READ | EXECUTE) for world in worlds}
        assert said is None or answers == {said}, text
        certain += said is not None
    assert certain > 100


def test_damaged_text_never_ends_otherwise_than_as_no_descriptor() -> None:
    chance = random.Random(544)
    for _turn in range(3000):
        text = list(chance.choice((ROOT, POWERSHELL, 'D:(XA;;GA;;;WD;(@User.Title=="PM"))')))
        for _turn in range(chance.randint(1, 4)):
            text[chance.randrange(len(text))] = chance.choice("();:ODGSAXB\"\0é-0")
        try:
            sddl.check(sddl.for_winrm(sddl.parse("".join(text))), MANAGED, READ)
        except SddlError:
            continue


@pytest.mark.parametrize("text", ["D:" * 30000, "(" * 60000, "S-1" * 20000, '"' * 60000], ids=["parts", "parentheses", "SIDs", "quotes"])
def test_long_nonsense(text: str) -> None:
    with pytest.raises(SddlError):
        sddl.parse(text)
