# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account may do once it is logged on: RootSDDL, the plugins' descriptors, quotas, switches."""

from __future__ import annotations

from ..inside import resources
from ..messages import Account, Windows
from .soap import Fault, Message

CMD, POWERSHELL = "/windows/shell/cmd", "http://schemas.microsoft.com/powershell/"
QUOTAS = {
    "shells": (2150859173, "The maximum number of concurrent shells for this user has been exceeded."),
    "operations": (2150859174, "The maximum number of concurrent operations for this user has been exceeded."),
    "user": (2150859175, "This user has exceeded the quota of requests."),
    "system": (2150859176, "The system has exceeded its quota of requests."),
    "users": (2150859179, "The maximum number of concurrent users executing shell operations has been exceeded."),
    "plugin_shells": (2150859236, "The maximum number of concurrent shells for this plugin has been exceeded."),
}
"""Quota to fault code and words of our own (the texts of Windows are localised)."""


def may_enter(windows: Windows, account: Account) -> bool:
    """RootSDDL, evaluated for a network logon."""
    if windows.root_sddl == "nobody":
        return False
    if windows.root_sddl == "admins_only":
        return account.administrator
    return account.administrator or account.groups == "remote_management_users"


def check(windows: Windows, account: Account, request: Message) -> None:
    """Raise the Fault that stands in the way of a request, if any does."""
    if not windows.remote_access:
        raise Fault("s:Receiver", "w:InternalError", "The service does not accept remote requests.", 2150859229)
    if not may_enter(windows, account):
        raise denied(windows)
    if windows.inside is not None:
        resources.check(request, windows, account)
    elif request.resource.endswith("/config") and not account.administrator:
        raise denied(windows)
    if request.action.endswith("/Create"):
        _check_shell(windows, account, request)


def _check_shell(windows: Windows, account: Account, request: Message) -> None:
    if not windows.remote_shell_access:
        raise Fault("s:Receiver", "w:InternalError", "The service is configured not to allow remote shells.", 2150859180)
    powershell = request.resource.startswith(POWERSHELL)
    if powershell and not windows.plugin_enabled:
        raise Fault("s:Receiver", "w:InternalError", "The plugin does not accept remote connections.", 2150859235)
    if powershell and windows.powershell_for == "administrators" and not account.administrator:
        raise denied(windows)
    if request.resource.endswith(CMD) and windows.cmd_for == "administrators" and not account.administrator:
        # A member of Remote Management Users was refused WinRS and accepted by PSRP (diyan/pywinrm#336).
        raise denied(windows)
    if windows.quota and _concerns(windows, account):
        code, text = QUOTAS[windows.quota]
        raise Fault("s:Receiver", "w:QuotaLimit", text, code, windows.faults)


def _concerns(windows: Windows, account: Account) -> bool:
    """MaxShellsPerUser is each account's own: whoever left no shell open may open one."""
    if windows.quota != "shells" or windows.inside is None:
        return True
    name = next((name for name, known in windows.accounts.items() if known is account), "").partition("@")[0]
    return any(shell.owner.rpartition("\\")[2].lower() == name.lower() for shell in windows.inside.shells)


def denied(windows: Windows) -> Fault:
    """Access denied in the shape this host uses."""
    if windows.access_denied == "hresult":
        return Fault("s:Receiver", "w:InternalError", "Access is denied.", 2147942405)
    return Fault("s:Sender", "w:AccessDenied", "Access is denied.", 5)
