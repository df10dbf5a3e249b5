# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that the stand-in knows: those of cmd itself, findstr, and those that look into the host. Whatever changes something is not among them."""

from __future__ import annotations

import re
import typing as t

from .calling import Call, Result, lines
from .domain_commands import klist, nltest, w32tm
from .languages import text
from .profiles import PRODUCTS
from .reg_command import reg
from .system_commands import net, netsh, sc, secedit, whoami

Program = t.Callable[[Call], Result]


def find(name: str) -> Program | None:
    """The command of this name (lower case, without .exe)."""
    return PROGRAMS.get(name)


def echo(call: Call) -> Result:
    """What follows one character after the word, to the last blank."""
    said = call.raw[1:] if call.raw[:1] else ""
    if said.strip().lower() in ("on", "off"):
        return Result(keeps=True)
    return Result(0, lines(said), keeps=True) if said else Result(0, lines("ECHO is off."), keeps=True)


def remark(call: Call) -> Result:
    """`rem`, and what else does nothing."""
    return Result(keeps=True)


def type_(call: Call) -> Result:
    """A file of %TEMP%. One that begins with a byte order mark of UTF-16 is shown as text (Microsoft's page on type)."""
    shown: list[str] = []
    for name in call.arguments:
        data = call.files.get(call.path(name))
        if data is None:
            return Result(1, "".join(shown), text(call.inside, "no_file"))
        shown.append(data[2:].decode("utf-16-le", "replace") if data.startswith(b"\xff\xfe") else data.decode("utf-8", "replace"))
    return Result(0, "".join(shown)) if call.arguments else Result(1, err=text(call.inside, "unsupported"))


def delete(call: Call) -> Result:
    """Files of %TEMP%; one that is not there is told, and ERRORLEVEL stays."""
    said = ""
    for name in call.arguments:
        if name.startswith("/"):
            continue
        if call.files.pop(call.path(name), None) is None:
            said += text(call.inside, "no_file_to_delete", name)
    return Result(0, err=said, keeps=True)


def set_(call: Call) -> Result:
    """`set NAME=VALUE`, `set "NAME=VALUE"`."""
    name, equals, value = call.raw.strip().strip('"').partition("=")
    if equals and name.lower() != "/a":
        call.changed[name.strip().lower()] = value
        return Result(keeps=True)
    return Result(0, lines(*(f"{key.upper()}={one}" for key, one in sorted(call.variables.items()))))


def chcp(call: Call) -> Result:
    """The code page that a shell of WinRM has been given; it is not changed."""
    return Result(0, text(call.inside, "code_page"))


def version(call: Call) -> Result:
    """`ver`."""
    product = PRODUCTS[call.inside.profile]
    return Result(0, f"\r\nMicrosoft Windows [Version 10.0.{product.build}.{product.revision}]\r\n")


def hostname(call: Call) -> Result:
    """`hostname`."""
    return Result(0, lines(call.inside.computer))


def findstr(call: Call) -> Result:
    """Lines with one of the texts: /i, /v, /x, /b, /e, /l, /r, several /c: and words separated by blanks. Regular expressions as far as findstr has them."""
    flags, literal, plain, files = set(), [], "", []
    for word in call.arguments:
        low = word.lower()
        if low.startswith(("/c:", "/g:")):
            literal.append(word[3:])
        elif low.startswith("/"):
            flags |= set(low[1:])
        elif not plain and not literal:
            plain = word
        else:
            files.append(word)
    patterns = [re.escape(one) if "r" not in flags else _expression(one) for one in literal]
    patterns += [re.escape(one) if "l" in flags else _expression(one) for one in plain.split()]
    if not patterns:
        return Result(2, err="FINDSTR: Bad command line\r\n")
    shape = "|".join(f"(?:{one})" for one in patterns)
    shape = f"^(?:{shape})$" if "x" in flags else f"^(?:{shape})" if "b" in flags else f"(?:{shape})$" if "e" in flags else shape
    wanted = re.compile(shape, re.IGNORECASE if "i" in flags else 0)
    given = call.given
    for name in files:
        data = call.files.get(call.path(name))
        if data is None:
            return Result(1, err=f"FINDSTR: Cannot open {name}\r\n")
        given += data.decode("utf-8", "replace")
    kept = [line for line in given.split("\r\n")[: -1 if given.endswith("\r\n") else None] if bool(wanted.search(line)) != ("v" in flags)]
    return Result(0, lines(*kept)) if kept else Result(1)


def _expression(pattern: str) -> str:
    """findstr knows . * [class] ^ $ \\< \\> and the backslash; everything else is itself."""
    def one(found: re.Match[str]) -> str:
        return r"\b" if found[1] in ("<", ">") else re.escape(found[1] or found[2])

    return re.sub(r"\\(.)|([+?(){}|])", one, pattern)


def sort(call: Call) -> Result:
    """`sort`: lines by name."""
    return Result(0, lines(*sorted(call.given.splitlines(), key=str.lower)))


def more(call: Call) -> Result:
    """`more`: passes on."""
    return Result(0, call.given)


def wevtutil(call: Call) -> Result:
    """`wevtutil qe`: no event is there, which is no error."""
    return Result(0) if call.arguments[:1] in (("qe",), ("query-events",)) else Result(87, err=text(call.inside, "unsupported"))


PROGRAMS: dict[str, Program] = {
    "echo": echo, "rem": remark, "cd": remark, "setlocal": remark, "endlocal": remark, "type": type_, "del": delete, "erase": delete, "set": set_, "chcp": chcp,
    "ver": version, "hostname": hostname, "findstr": findstr, "sort": sort, "more": more, "wevtutil": wevtutil, "reg": reg, "nltest": nltest, "w32tm": w32tm,
    "klist": klist, "netsh": netsh, "secedit": secedit, "sc": sc, "net": net, "net1": net, "whoami": whoami,
}
