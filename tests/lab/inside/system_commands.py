# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands about the host itself: netsh http, secedit, sc, net, whoami. Their forms: documentation, public logs; what is [inferred] says so."""

from __future__ import annotations

import re

from .calling import Call, Result, lines
from .languages import named, text
from .model import Inside, Service
from .profiles import ADMINISTRATORS, USERS, WECSVC_SID, WINRM_SID, hashed_sid

ACCOUNTS = {
    WINRM_SID: "NT SERVICE\\WinRM", WECSVC_SID: "NT SERVICE\\Wecsvc", "WD": "\\Everyone", "NS": "NT AUTHORITY\\NETWORK SERVICE", "SY": "NT AUTHORITY\\SYSTEM",
    "LS": "NT AUTHORITY\\LOCAL SERVICE", "BU": "BUILTIN\\Users", "BA": "BUILTIN\\Administrators",
}
STATES = {"Stopped": 1, "Start Pending": 2, "Stop Pending": 3, "Running": 4, "Paused": 7}
STARTS = {"Boot": (0, "BOOT_START"), "System": (1, "SYSTEM_START"), "Auto": (2, "AUTO_START"), "Manual": (3, "DEMAND_START"), "Disabled": (4, "DISABLED")}


def netsh(call: Call) -> Result:
    """`netsh http show iplisten | sslcert | urlacl | servicestate`."""
    words = [word.lower() for word in call.arguments]
    shown = {"iplisten": _listen, "sslcert": _bindings, "urlacl": _reservations, "servicestate": _state}
    if words[:2] != ["http", "show"] or len(words) < 3 or words[2] not in shown:
        return Result(1, text(call.inside, "netsh_unknown", call.raw.strip()))
    return Result(0, shown[words[2]](call.inside))


def _listen(inside: Inside) -> str:
    return text(inside, "iplisten") + lines(*(f"    {address}" for address in inside.listen_only), "")


def _bindings(inside: Inside) -> str:
    shown = [text(inside, "sslcert")]
    for endpoint, (thumbprint, application) in inside.bindings.items():
        kind = "hostport" if re.match(r"[A-Za-z]", endpoint) else "ipport"
        shown.append(text(inside, "binding", text(inside, kind), endpoint, thumbprint.lower(), application))
    return "".join(shown)


def _reservations(inside: Inside) -> str:
    shown = [text(inside, "urlacl")]
    for url, sddl in inside.reservations.items():
        shown.append(text(inside, "reserved", url))
        shown += [text(inside, "listens", ACCOUNTS.get(sid, sid)) for sid in re.findall(r";;;([^)]+)\)", sddl)]
        shown.append(text(inside, "sddl", sddl))
    return "".join(shown)


def _state(inside: Inside) -> str:
    """URLs in capitals, as HTTP.sys keeps them; 47001 for the machine itself. Of the whole snapshot only what is about the URLs."""
    winrm = inside.services.get("WinRM")
    urls = []
    if winrm and winrm.state == "Running":
        urls = [f"{one.transport}://+:{one.port}/{one.url_prefix.upper()}/" for one in inside.listeners if one.enabled]
        urls.append("HTTP://+:47001/WSMAN/")
    said = [f"                {url}" for url in urls]
    return text(inside, "servicestate") + lines(
        "", "Server session ID: FF00000020000001", "    Version: 2.0", "    State: Active", "    URL groups:", "    URL group ID: FE00000040000001",
        "        State: Active", "        Request queue name: Request queue is unnamed.", f"            Number of registered URLs: {len(urls)}",
        "            Registered URLs:", *said, "",
    )


def secedit(call: Call) -> Result:
    """`secedit /export /areas USER_RIGHTS /cfg FILE`: a file in UTF-16 with a byte order mark. Accounts of the host itself stand by name, others by SID."""
    if not call.has("export") or not call.option("cfg"):
        return Result(1, err=text(call.inside, "unsupported"))
    if not call.account.administrator:
        return Result(1, text(call.inside, "task_failed"))
    machine = hashed_sid(call.inside.computer)
    local = {sid: name.rpartition("\\")[2] for _name, members in call.inside.groups.values() for name, sid in members if sid.startswith(f"{machine}-")}
    rights = [
        f"{right} = {','.join(local.get(sid, sid if sid in local.values() else f'*{sid}') for sid in holders)}"
        for right, holders in call.inside.rights.items() if holders
    ]
    whole = lines("[Unicode]", "Unicode=yes", "[Privilege Rights]", *rights, "[Version]", 'signature="$CHICAGO$"', "Revision=1")
    call.files[call.path(call.option("cfg") or "")] = b"\xff\xfe" + whole.encode("utf-16-le")
    return Result(0, "" if call.has("quiet") else text(call.inside, "task_done"))


def sc(call: Call) -> Result:
    """`sc query NAME`, `sc qc NAME`, `sc queryex NAME`. Only its last words are translated."""
    if len(call.arguments) < 2:
        return Result(1639, err=text(call.inside, "unsupported"))
    verb, name = call.arguments[0].lower(), call.arguments[1]
    found = next(((known, one) for known, one in call.inside.services.items() if known.lower() == name.lower()), None)
    if found is None:
        return Result(1060, text(call.inside, "sc_missing", "" if verb == "qc" else "EnumQueryServicesStatus:"))
    if verb == "qc":
        return Result(0, text(call.inside, "sc_config") + _configured(name, found[1]))
    if verb in ("query", "queryex"):
        return Result(0, _running(name, found[1]))
    return Result(1639, err=text(call.inside, "unsupported"))


def _running(name: str, service: Service) -> str:
    number = STATES.get(service.state, 4)
    kind = "1  KERNEL_DRIVER" if not service.account else "20  WIN32_SHARE_PROCESS"
    state = service.state.upper().replace(" ", "_")
    said = ["", f"SERVICE_NAME: {name} ", f"        TYPE               : {kind}  ", f"        STATE              : {number}  {state} "]
    if number == 4:
        said.append("                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)")
    said += [
        f"        WIN32_EXIT_CODE    : {service.exit_code}  (0x{service.exit_code:x})", "        SERVICE_EXIT_CODE  : 0  (0x0)",
        "        CHECKPOINT         : 0x0", "        WAIT_HINT          : 0x0",
    ]
    return lines(*said)


def _configured(name: str, service: Service) -> str:
    number, word = STARTS[service.start_mode]
    needs = list(service.depends_on) or [""]
    return lines(
        f"SERVICE_NAME: {name}", "        TYPE               : 20  WIN32_SHARE_PROCESS ",
        f"        START_TYPE         : {number}   {word}{'  (DELAYED)' if service.delayed else ''}", "        ERROR_CONTROL      : 1   NORMAL",
        "        BINARY_PATH_NAME   : C:\\Windows\\System32\\svchost.exe -k NetworkService -p", "        LOAD_ORDER_GROUP   : ",
        "        TAG                : 0",
        f"        DISPLAY_NAME       : {name}", f"        DEPENDENCIES       : {needs[0]}", *(f"                           : {one}" for one in needs[1:]),
        f"        SERVICE_START_NAME : {service.account}",
    )


def net(call: Call) -> Result:
    """`net localgroup [NAME]`: members of the host without its name, others with their domain's."""
    words = call.arguments
    if not words or words[0].lower() != "localgroup":
        return Result(1, err=text(call.inside, "unsupported"))
    rule, inside = "-" * 79, call.inside
    if len(words) == 1:
        names = sorted(name for name, _members in inside.groups.values())
        return Result(0, text(inside, "net_groups", inside.computer, rule) + lines(*(f"*{name}" for name in names)) + text(inside, "net_done"))
    found = next(((name, members) for name, members in inside.groups.values() if name.lower() == words[1].lower()), None)
    if found is None:
        return Result(2, err=text(inside, "net_missing"))
    members = [name.rpartition("\\")[2] if name.lower().startswith(f"{inside.computer.lower()}\\") else name for name, _sid in found[1]]
    return Result(0, text(inside, "net_group", found[0], rule) + lines(*members) + text(inside, "net_done"))


def whoami(call: Call) -> Result:
    """`whoami`, `whoami /user /fo csv`, `whoami /groups /fo csv`, each with /nh."""
    name = account_name(call)
    if not call.arguments:
        return Result(0, lines(name.lower()))
    if (call.option("fo") or "").lower() != "csv":
        # Tables break long names at any column: nobody reads them.
        return Result(1, err=text(call.inside, "unsupported"))
    shown = ""
    if call.has("user"):
        shown += ("" if call.has("nh") else text(call.inside, "user_head")) + f'"{name.lower()}","{user_sid(call)}"\r\n'
    if call.has("groups"):
        shown += "" if call.has("nh") else text(call.inside, "group_head")
        shown += "".join(f'"{group}","{kind}","{sid}","{how}"\r\n' for group, kind, sid, how in token(call))
    return Result(0, shown) if shown else Result(1, err=text(call.inside, "unsupported"))


def account_name(call: Call) -> str:
    """The caller as the host names it: `LAB\\operator`, `WEB04\\operator`."""
    return f"{call.inside.computer if call.account.local or not call.inside.domain else call.inside.domain}\\{call.name}"


def user_sid(call: Call) -> str:
    """The caller's SID: of the accounts that are known, else of the member of a group by this name, else one made of the name."""
    name = account_name(call).lower()
    members = [*call.inside.accounts.items(), *(member for _name, members in call.inside.groups.values() for member in members)]
    known = next((sid for member, sid in members if member.lower() == name), "")
    return known or f"{hashed_sid(name.partition(chr(92))[0])}-{1000 + sum(map(ord, name)) % 9000}"


def token(call: Call) -> list[tuple[str, str, str, str]]:
    """The groups of a token from the network, with kind, SID and attributes. A filtered administrator has the group for denying alone."""
    inside, account = call.inside, call.account
    alias, known, usual = "Alias", text(inside, "well_known"), text(inside, "attributes")
    found = [(named(inside, "everyone"), known, "S-1-1-0", usual)]
    for sid, (name, members) in inside.groups.items():
        if sid != USERS and not any(member.lower() == account_name(call).lower() for member, _sid in members):
            continue
        filtered = sid == ADMINISTRATORS and account.filtered
        how = text(inside, "deny_only") if filtered else usual + (text(inside, "owner_too") if sid == ADMINISTRATORS else "")
        found.append((f"{named(inside, 'builtin')}\\{name}", alias, sid, how))
    more = (("network", "S-1-5-2"), ("authenticated", "S-1-5-11"), ("this_organization", "S-1-5-15"))
    found += [(named(inside, word), known, sid, usual) for word, sid in more]
    if account.local:
        found.append((named(inside, "local_account"), known, "S-1-5-113", usual))
        if account.groups == "administrators":
            found.append((named(inside, "local_administrator"), known, "S-1-5-114", text(inside, "deny_only") if account.filtered else usual))
    found.append((named(inside, "ntlm"), known, "S-1-5-64-10", usual))
    level = ("high", "S-1-16-12288") if account.administrator else ("medium", "S-1-16-8448")
    found.append((named(inside, level[0]), text(inside, "label"), level[1], ""))
    return found
