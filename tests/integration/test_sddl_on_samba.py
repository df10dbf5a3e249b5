# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samba as a witness who knows nothing of this collection: its parser of SDDL and its access check, over a table and over what a generator makes up."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import textwrap
import typing as t
from functools import cache
from pathlib import Path

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.evidence.host import ALLOWED
from ansible_collections.winrm.doctor.plugins.module_utils.windows import sddl, sids
from ansible_collections.winrm.doctor.plugins.module_utils.windows.sddl import Ace, Descriptor, Token

PYTHON = "/usr/bin/python3"
DOMAIN = "S-1-5-21-11-22-33"
# Prints as JSON what Samba makes of each descriptor: its parts, and for each token and request whether access is given.
WITNESS = """
    import json, sys
    from samba import NTSTATUSError
    from samba.dcerpc import security
    from samba.security import access_check

    ALL, THREE = 0x10000000, 0xE0000000
    domain = security.dom_sid(sys.argv[1])

    def allows(descriptor, held, wanted):
        token = security.token()
        token.sids = [security.dom_sid(sid) for sid in held]
        token.num_sids = len(held)
        try:
            access_check(descriptor, token, wanted)
            return True
        except NTSTATUSError:
            return False

    def seen(case):
        try:
            descriptor = security.descriptor.from_sddl(case["sddl"], domain)
        except Exception as error:
            return {"error": str(error)}
        entries = [] if descriptor.dacl is None else descriptor.dacl.aces
        told = [[int(one.type), int(one.flags), int(one.access_mask), str(one.trustee)] for one in entries]
        dacl = descriptor.dacl
        if dacl is not None and case["mapped"]:
            for one in entries:
                one.access_mask |= THREE if one.access_mask & ALL else 0
            dacl.aces = entries
            descriptor.dacl = dacl
        return {
            "owner": str(descriptor.owner_sid or ""), "group": str(descriptor.group_sid or ""), "dacl": None if dacl is None else told,
            "answers": [allows(descriptor, held, wanted) for held in case["tokens"] for wanted in case["wanted"]],
        }

    print(json.dumps([seen(case) for case in json.load(sys.stdin)]))
"""
TABLE = (
    "O:NSG:BAD:P(A;;GA;;;BA)(A;;GR;;;IU)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)",
    "O:NSG:BAD:P(A;;GA;;;BA)(A;;GA;;;IU)(A;;GA;;;RM)S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)",
    "O:NSG:BAD:P(D;;GA;;;NU)(A;;GA;;;BA)(A;;GA;;;RM)",
    "O:NSG:BAD:P(A;;GA;;;BA)(D;;GA;;;NU)(A;;GA;;;RM)",
    "O:NSG:BAD:P(A;;GXGR;;;S-1-5-21-11-22-33-1104)(A;;GA;;;DA)(A;;GR;;;ER)",
    "D:(A;CIIO;GA;;;WD)(A;;GR;;;WD)",
    "D:AI(A;ID;0x20000000;;;AU)(A;;0xe0000000;;;BA)(D;;GW;;;DU)",
    "O:BAG:SYD:(A;;GR;;;WD)(A;;RC;;;OW)",
    "O:S-1-5-21-11-22-33-1104G:DUD:",
    "O:BAG:BAD:PAR",
    "O:LAG:LGD:(A;;GR;;;LA)(A;;SDRCWDWO;;;SY)(A;;CCDCLCSWRPWPDTLOCR;;;LS)(A;;0x1f01ff;;;NS)(A;;CR;;;RD)",
    "D:(A;;GX;;;AN)(A;;GX;;;ED)(A;;GX;;;PS)(A;;GX;;;SU)(A;;GX;;;RC)(A;;GX;;;BG)(A;;GX;;;BO)(A;;GX;;;NO)(A;;GX;;;MU)(A;;GX;;;LU)(A;;GX;;;CO)(A;;GX;;;CG)",
)
NONSENSE = ("", "x", "D:(A;;GA;;;BA", "D:(A;;GA;;BA)", "D:(A;;QQ;;;BA)", "D:(A;;GA;;;QQ)", "D:(Q;;GA;;;BA)", "O:BAO:BA", "D:(A;;GA;;;BA))", "D:(A;QQ;GA;;;BA)")
TOKENS = (
    (sids.EVERYONE,),
    (f"{DOMAIN}-1104", f"{DOMAIN}-513", sids.EVERYONE, sids.NETWORK, sids.AUTHENTICATED),
    (f"{DOMAIN}-1104", f"{DOMAIN}-513", sids.EVERYONE, sids.NETWORK, sids.AUTHENTICATED, sids.REMOTE_MANAGEMENT),
    (f"{DOMAIN}-500", f"{DOMAIN}-512", sids.EVERYONE, sids.NETWORK, sids.AUTHENTICATED, sids.ADMINISTRATORS),
    (f"{DOMAIN}-1105", sids.EVERYONE, sids.INTERACTIVE, sids.AUTHENTICATED),
)
WANTED = (sddl.READ, sddl.EXECUTE, sddl.WRITE, sddl.READ | sddl.EXECUTE, sddl.READ_CONTROL, sddl.WRITE_DAC | sddl.READ, 0x10000)
TRUSTEES = (
    "BA", "RM", "ER", "IU", "NU", "WD", "AU", "SY", "LS", "NS", "RD", "BU", "DA", "DU", "LA", "OW", f"{DOMAIN}-1104", f"{DOMAIN}-1105", "S-1-5-32-580",
    "S-1-5-114",
)
TYPES = {"A": 0, "D": 1}
BITS = {"OI": 1, "CI": 2, "NP": 4, "IO": 8, "ID": 16}


@cache
def has_samba() -> bool:
    """Whether Samba's Python bindings are there."""
    if not Path(PYTHON).exists():
        return False
    program = "from samba.dcerpc import security; from samba.security import access_check"
    return subprocess.run([PYTHON, "-c", program], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not has_samba(), reason="Samba's Python bindings (Debian: python3-samba) are not installed here")


def witness(texts: t.Iterable[str], *, mapped: bool = True) -> list[dict[str, t.Any]]:
    """What Samba says of these descriptors."""
    cases = [{"sddl": text, "tokens": TOKENS, "wanted": WANTED, "mapped": mapped} for text in texts]
    run = subprocess.run([PYTHON, "-c", textwrap.dedent(WITNESS), DOMAIN], input=json.dumps(cases), capture_output=True, text=True, check=True)
    return t.cast("list[dict[str, t.Any]]", json.loads(run.stdout))


def as_told(descriptor: Descriptor) -> list[list[t.Any]] | None:
    """The list in the witness' words."""
    def told(ace: Ace) -> list[t.Any]:
        return [TYPES[ace.kind], sum(BITS[flag] for flag in ace.flags), ace.mask, ace.trustee]

    return None if descriptor.dacl is None else [told(ace) for ace in descriptor.dacl]


def answers(descriptor: Descriptor) -> list[bool]:
    """The check's own answers, in the witness' order."""
    tokens = (Token(sids=frozenset(held), complete=("",)) for held in TOKENS)
    return [sddl.check(descriptor, token, wanted).outcome == ALLOWED for token, wanted in itertools.product(tokens, WANTED)]


def compare(texts: t.Sequence[str]) -> None:
    """Parser and check against the witness."""
    for text, seen in zip(texts, witness(texts), strict=True):
        assert "error" not in seen, (text, seen)
        mine = sddl.parse(text, DOMAIN, DOMAIN)
        assert (mine.owner, mine.group, as_told(mine)) == (seen["owner"], seen["group"], seen["dacl"]), text
        assert answers(sddl.for_winrm(mine)) == seen["answers"], text


def test_table() -> None:
    compare(TABLE)


def test_what_is_none_is_none_to_both() -> None:
    told = witness(NONSENSE)
    for text, seen in zip(NONSENSE, told, strict=True):
        if text:
            assert "error" in seen, text
        with pytest.raises(sddl.SddlError):
            sddl.parse(text)


def test_what_a_generator_makes_up() -> None:
    chance = random.Random(580)
    compare([_made_up(chance) for _turn in range(400)])


def _made_up(chance: random.Random) -> str:
    def entry() -> str:
        flags = "".join(chance.sample(("OI", "CI", "NP", "IO", "ID"), chance.choice((0, 0, 0, 1, 2))))
        rights = "".join(chance.sample(("GA", "GR", "GW", "GX", "RC", "WD", "WO", "SD"), chance.randint(1, 3)))
        if chance.random() < 0.2:
            rights = hex(chance.choice((sddl.ALL, sddl.READ, sddl.EXECUTE, sddl.READ | sddl.EXECUTE, 0xF0000000, 0x20000)))
        return f"({chance.choice('AAAD')};{flags};{rights};;;{chance.choice(TRUSTEES)})"

    owner = f"O:{chance.choice(TRUSTEES[:-4])}" if chance.random() < 0.8 else ""
    group = f"G:{chance.choice(TRUSTEES[:-4])}" if chance.random() < 0.5 else ""
    flags = chance.choice(("", "P", "AI", "PAI"))
    entries = "".join(entry() for _turn in range(chance.randint(0, 6)))
    # Samba cannot read a SACL right behind an empty DACL.
    sacl = "S:P(AU;FA;GA;;;WD)(AU;SA;GXGW;;;WD)" if entries and chance.random() < 0.3 else ""
    return f"{owner}{group}D:{flags}{entries}{sacl}"
