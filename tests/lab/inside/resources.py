# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stand-in answers to Get and Enumerate from its inside: which resource is meant, who may have it, how long it takes."""

from __future__ import annotations

import typing as t
import uuid
from xml.sax.saxutils import escape

from ..logon.soap import ADDRESSING_FAULT, NS, Fault, Message, reply
from ..messages import Account, Windows
from . import config, enumeration, registry, wmi
from .manners import manner
from .model import Inside
from .model import Shell as Forgotten
from .wmi_cimv2 import Host

SHELLS = "windows/shell"
LISTS = ("Enumerate", "Pull", "Release")
WMI_DENIED = {
    "service": (2150859012, "The WMI service returned an 'access denied' error."),
    "provider": (2150859013, "The WMI provider returned an 'access denied' error."),
    "connect": (2150859014, "The WMI service refused the connection."),
}
"""wsmerror.h; that the first is what a missing right at the namespace gives is what administrators report."""
NOT_FOUND = "The WS-Management service cannot process the request. The resource URI was not found in the WS-Management catalog."
Live = t.Callable[[], t.Sequence[str]]


def inside_of(windows: Windows) -> Inside:
    """The inside of a host that has one."""
    if windows.inside is None:
        raise LookupError(f"{windows.computer} has no inside")
    return windows.inside


def answers(request: Message, windows: Windows) -> bool:
    """Whether this part answers a request; shells and whatever else is left to others."""
    if windows.inside is None:
        return False
    name = request.name.lower()
    known = name.split("/")[0] in ("config", "wmi") or (name == SHELLS and request.verb != "Create") or (_about_shells(name) and request.verb in LISTS)
    return known or not (_about_shells(name) or name.startswith("http://schemas.microsoft.com/powershell/"))


def answer(request: Message, windows: Windows, account: Account, live: Live = lambda: ()) -> bytes:
    """One request that `check` has let pass; raises a Fault. `live` gives the shells that are open and that the caller may see."""
    inside = inside_of(windows)
    name = request.name.lower()
    if name.startswith("wmi/"):
        active = request.options.get("PolicyStore", "").lower() in ("activestore", "rsop")
        return wmi.answer(request, Host(inside, windows, active))
    if _about_shells(name):
        return enumeration.answer(request, inside, lambda: (*(forgotten(*one) for one in enumerate(_visible(inside, account))), *live()), one_first=False)
    if name.split("/")[0] == "config":
        return _config(request, windows, inside, name)
    raise Fault("s:Sender", "a:DestinationUnreachable", NOT_FOUND, 2150858811, action=ADDRESSING_FAULT)


def check(request: Message, windows: Windows, account: Account) -> None:
    """Raise the Fault where a request is refused: RootSDDL lets nobody but administrators read the configuration over the network, WMI's namespaces and
    WinRS are closed to Remote Management Users, and `Inside.forbidden` closes a resource to everybody."""
    inside = inside_of(windows)
    name = resource(request)
    if any(covers(entry, name) for entry in inside.forbidden) or (not account.administrator and name.split("/")[0] in ("config", "wmi")):
        raise denied(inside, windows, name)


def covers(entry: str, name: str) -> bool:
    """Whether an entry of `forbidden` or `slow` means a resource: WMI's cover what is below them, others only themselves."""
    entry = entry.lower()
    return name == entry or (entry.split("/")[0] == "wmi" and name.startswith(f"{entry}/"))


def wait(request: Message, windows: Windows) -> float:
    """Seconds that the answer takes; negative: it never comes."""
    slow = windows.inside.slow if windows.inside else {}
    name = resource(request)
    return next((seconds for entry, seconds in slow.items() if covers(entry, name)), 0.0)


def resource(request: Message) -> str:
    """The resource in the words of `Inside.forbidden`: config/listener, wmi/root/cimv2/win32_service, shell, cmd, psrp."""
    name = request.name.lower()
    if name.startswith("wmi/"):
        namespace, kind = wmi.target(request)
        return f"wmi/{namespace}/{kind.lower()}"
    if _about_shells(name):
        return "shell" if name == SHELLS or request.verb in LISTS else "cmd"
    return "psrp" if name.startswith("http://schemas.microsoft.com/powershell/") else name


def denied(inside: Inside, windows: Windows, name: str) -> Fault:
    """Access denied in the manner of this host: of all resources alike, or WMI's own codes."""
    how = "hresult" if windows.access_denied == "hresult" and "denied" not in inside.manner else manner(inside, "denied")
    number = WMI_DENIED.get(manner(inside, "wmi_denied")) if name.startswith("wmi/") and "denied" not in inside.manner else None
    if number:
        return Fault("s:Receiver", "w:InternalError", f"The WS-Management service cannot process the request. {number[1]}", number[0])
    text = "Zugriff verweigert" if inside.language == "de" else "Access is denied."
    if how == "code5":
        return Fault("s:Sender", "w:AccessDenied", text, 5)
    return Fault("s:Receiver", "w:InternalError", text, 2147942405, "wmi" if how == "wmi" else "wsman")


def _config(request: Message, windows: Windows, inside: Inside, name: str) -> bytes:
    lists: t.Mapping[str, t.Callable[[], list[tuple[dict[str, str], str]]]] = {
        "config/listener": lambda: [
            ({"address": one.address, "transport": one.transport}, config.listener(inside, one)) for one in inside.listeners
        ],
        "config/service/certmapping": lambda: [
            ({"issuer": one.issuer, "subject": one.subject, "uri": one.uri}, config.mapping(inside, one)) for one in inside.mappings
        ],
        # The text of ConfigXML; that an enumeration shows it as it is follows from PowerShell's ConfigProvider.cs.
        "config/plugin": lambda: [({"name": one.name}, registry.plugin_xml(one)) for one in inside.plugins],
    }
    if name in lists:
        if request.verb in LISTS:
            # Everything at once, as shells were recorded, which the service itself lists too [inferred for listeners].
            return enumeration.answer(request, inside, lambda: [item for _keys, item in lists[name]()], one_first=False)
        if request.verb == "Get":
            return _got(request, _selected(request, lists[name]()))
    elif request.verb == "Get":
        found = config.element(inside, windows, name.partition("/")[2])
        if found is None:
            raise Fault("s:Sender", "a:DestinationUnreachable", NOT_FOUND, 2150858811, action=ADDRESSING_FAULT)
        return _got(request, found)
    raise Fault("s:Sender", "a:ActionNotSupported", "The action is not supported by the service.", 2150858771, action=ADDRESSING_FAULT)


def _got(request: Message, element: str) -> bytes:
    return reply(request, f"{NS['x']}/GetResponse", element)


def _selected(request: Message, items: list[tuple[dict[str, str], str]]) -> str:
    """The item whose keys the selectors name: too few or wrong ones are faults, and so is one that is not there ([MS-WSMV] 3.1.4.2)."""
    given = {name.lower(): value.lower() for name, value in request.selectors.items()}
    keys = items[0][0].keys() if items else given.keys()
    if not given or keys - given.keys():
        text = "The WS-Management service cannot process the request because the request did not contain all required selectors."
        raise Fault("s:Sender", "w:InvalidSelectors", text, 2150858842)
    if given.keys() - keys:
        text = "The WS-Management service cannot process the request because the request contained invalid selectors for the resource."
        raise Fault("s:Sender", "w:InvalidSelectors", text, 2150858843)
    for known, item in items:
        if all(value.lower() == given[name] for name, value in known.items()):
            return item
    text = "The WS-Management service cannot process the request. The service cannot find the resource identified by the resource URI and selectors."
    raise Fault("s:Sender", "a:DestinationUnreachable", text, 2150858752, action=ADDRESSING_FAULT)


def _about_shells(name: str) -> bool:
    return name == SHELLS or name.startswith(f"{SHELLS}/")


def _visible(inside: Inside, account: Account) -> t.Sequence[Forgotten]:
    """Administrators see everybody's shells, others their own (Microsoft's "Remote Shell Infrastructure Improvements")."""
    return inside.shells if account.administrator else ()


def forgotten(number: int, one: Forgotten) -> str:
    """A shell that somebody left open, as `winrm enumerate shell` lists it ([MS-WSMV] 2.2.4.37); its id follows from whose it is."""
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{number} {one.owner} {one.resource} {one.client}")).upper()
    return shell_element(id, one.resource, one.owner, one.client, "P0DT3H12M7S", "P0DT3H11M55S")


def shell_element(id: str, uri: str, owner: str, client: str, age: str = "P0DT0H0M1S", quiet: str = "P0DT0H0M1S", idle: float = 7200.0) -> str:
    """A Shell: order of [MS-WSMV] 2.2.4.37's schema; those of PowerShell have a stream `pr` (recorded from several hosts)."""
    power = uri.startswith("http://schemas.microsoft.com/powershell/")
    fields = (
        ("ShellId", id), ("Name", "Session1" if power else None), ("ResourceUri", uri), ("Owner", owner), ("ClientIP", client),
        ("ProcessId", str(2000 + sum(map(ord, id)) % 6000)), ("IdleTimeOut", f"PT{idle:.3f}S"), ("InputStreams", "stdin pr" if power else "stdin"),
        ("OutputStreams", "stdout" if power else "stdout stderr"), ("MaxIdleTimeOut", "PT2147483.647S"), ("Locale", "en-US"), ("DataLocale", "en-US"),
        ("CompressionMode", "NoCompression"), ("ProfileLoaded", "Yes"), ("Encoding", "UTF8"), ("BufferMode", "Block"), ("State", "Connected"),
        ("ShellRunTime", age), ("ShellInactivity", quiet),
    )
    inner = "".join(f"<rsp:{name}>{escape(text)}</rsp:{name}>" for name, text in fields if text is not None)
    return f'<rsp:Shell xmlns:rsp="{NS["rsp"]}">{inner}</rsp:Shell>'
