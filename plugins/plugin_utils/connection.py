# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A winrm or psrp connection's options as the options of `argspec.target_options()`. Nothing is opened."""

from __future__ import annotations

import importlib.util
import typing as t

from ansible.release import __version__ as core_version
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError

from .plain import plain

WINRM_VARIABLES = {
    "host": ("ansible_host", "ansible_winrm_host"),
    "port": ("ansible_port", "ansible_winrm_port"),
    "scheme": ("ansible_winrm_scheme",),
    "path": ("ansible_winrm_path",),
    "connection": ("ansible_connection",),
    "auth": ("ansible_winrm_transport",),
    "username": ("ansible_user", "ansible_winrm_user"),
    "password": ("ansible_password", "ansible_winrm_pass", "ansible_winrm_password"),
    "validate_certs": ("ansible_winrm_server_cert_validation",),
    "ca_path": ("ansible_winrm_ca_trust_path",),
    "client_cert": ("ansible_winrm_cert_pem",),
    "client_key": ("ansible_winrm_cert_key_pem",),
    "proxy": ("ansible_winrm_proxy",),
    "ignore_proxy": ("ansible_winrm_proxy",),
    "message_encryption": ("ansible_winrm_message_encryption",),
    "send_cbt": ("ansible_winrm_send_cbt",),
    "spn_service": ("ansible_winrm_service",),
    "spn_hostname": ("ansible_winrm_kerberos_hostname_override",),
}
PSRP_VARIABLES = {
    "host": ("ansible_host", "ansible_psrp_host"),
    "port": ("ansible_port", "ansible_psrp_port"),
    "scheme": ("ansible_psrp_protocol",),
    "path": ("ansible_psrp_path",),
    "connection": ("ansible_connection",),
    "auth": ("ansible_psrp_auth",),
    "username": ("ansible_user", "ansible_psrp_user"),
    "password": ("ansible_password", "ansible_winrm_pass", "ansible_winrm_password"),
    "validate_certs": ("ansible_psrp_cert_validation",),
    "ca_path": ("ansible_psrp_ca_cert", "ansible_psrp_cert_trust_path"),
    "client_cert": ("ansible_psrp_certificate_pem",),
    "client_key": ("ansible_psrp_certificate_key_pem",),
    "proxy": ("ansible_psrp_proxy",),
    "ignore_proxy": ("ansible_psrp_ignore_proxy",),
    "message_encryption": ("ansible_psrp_message_encryption",),
    "send_cbt": ("ansible_psrp_negotiate_send_cbt",),
    "spn_service": ("ansible_psrp_negotiate_service",),
    "spn_hostname": ("ansible_psrp_negotiate_hostname_override",),
}
VARIABLES = {"winrm": WINRM_VARIABLES, "psrp": PSRP_VARIABLES}
"""Which inventory variables feed each option, by connection."""

MISREAD = {
    "winrm": {"host": ("ansible_psrp_host",), "port": ("ansible_psrp_port",), "username": ("ansible_psrp_user",),
              "password": ("ansible_psrp_password", "ansible_psrp_pass")},
    "psrp": {"host": ("ansible_winrm_host",), "port": ("ansible_winrm_port",), "username": ("ansible_winrm_user",),
             "password": ("ansible_psrp_password", "ansible_psrp_pass")},
}
"""Variables that users set in the belief that the connection reads them."""

PYWINRM_TRANSPORTS = {"plaintext": "basic"}
UPN_FALLS_BACK_BEFORE = (2, 19)


def kind_of(connection: t.Any) -> str | None:
    """`winrm` or `psrp`, whatever way the inventory spells it; None for any other connection."""
    kind = str(connection.transport).rpartition(".")[2]
    return kind if kind in VARIABLES else None


def read_target(connection: t.Any) -> dict[str, t.Any]:
    """What the inventory says of the way to the host; an option is missing where the connection has no value."""
    kind = kind_of(connection)
    found = _winrm(connection) if kind == "winrm" else _psrp(connection)
    found["connection"] = kind
    return {name: plain(value) for name, value in found.items() if value is not None}


def misreadable(kind: str, variables: t.Mapping[str, t.Any]) -> bool:
    """True if there is a variable that users set in the belief that this connection reads it."""
    return any(name in variables for names in MISREAD[kind].values() for name in names)


def misread_variables(kind: str, variables: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any], inventory_name: str) -> list[str]:
    """Sentences about variables that do not feed the option they seem to feed. `variables` are the host's own, without what core fills in."""
    # What the connection says where nobody set anything.
    unset = {"host": (inventory_name,), "port": (None, 5986 if kind == "winrm" else None), "username": (None, ""), "password": (None, "")}
    sentences = []
    for option, names in MISREAD[kind].items():
        if found.get(option) not in unset[option] or any(name in variables for name in VARIABLES[kind][option]):
            continue
        use = VARIABLES[kind][option][0]
        sentences += [f"{inventory_name}: {name} is set, but the connection {kind} does not read it. Set {use}." for name in names if name in variables]
    return sentences


def _shared(connection: t.Any) -> dict[str, t.Any]:
    names = {"host": "remote_addr", "port": "port", "path": "path", "username": "remote_user", "password": "remote_password"}
    return {ours: connection.get_option(theirs) for ours, theirs in names.items()}


def _winrm(connection: t.Any) -> dict[str, t.Any]:
    # pywinrm's settings are no options of the connection: core hands them through, templated, as they stand.
    extras = {str(name).removeprefix("ansible_winrm_"): plain(value) for name, value in (connection.get_option("_extras") or {}).items()}
    found = _shared(connection)
    found["scheme"] = connection.get_option("scheme")
    found["client_cert"], found["client_key"] = extras.get("cert_pem"), extras.get("cert_key_pem")
    found["auth"] = _winrm_auth(connection.get_option("transport"), found)
    found["validate_certs"] = _winrm_validation(extras.get("server_cert_validation", "validate"))
    # `legacy_requests` is pywinrm's word for "whatever the environment says"; an empty proxy switches the environment's off.
    proxy = extras.get("proxy", "legacy_requests")
    found["proxy"] = proxy if proxy != "legacy_requests" and proxy else None
    found["ignore_proxy"] = not proxy
    ca_path = extras.get("ca_trust_path")
    found["ca_path"] = None if ca_path == "legacy_requests" else ca_path
    found["message_encryption"] = extras.get("message_encryption")
    found["send_cbt"] = extras.get("send_cbt")
    found["spn_service"] = extras.get("service") or "HTTP"
    found["spn_hostname"] = extras.get("kerberos_hostname_override")
    return found


def _winrm_validation(mode: t.Any) -> bool:
    if mode not in ("validate", "ignore", None):
        raise DoctorError(f"ansible_winrm_server_cert_validation is {mode!r}", expected="validate or ignore")
    return bool(mode == "validate")


def _winrm_auth(transports: t.Any, found: t.Mapping[str, t.Any]) -> list[str]:
    """pywinrm's transports by the names of what goes over the wire, in order, each once."""
    transports = [transport for transport in plain(transports or []) if transport]
    secure = found["scheme"] == "https" or (found["scheme"] is None and found["port"] != 5985)
    if not transports:
        transports = _winrm_guess(str(found["username"] or ""), secure)
    ssl = "certificate" if found["client_cert"] or found["client_key"] else "basic"
    names = [ssl if transport == "ssl" else PYWINRM_TRANSPORTS.get(transport, transport) for transport in transports]
    return list(dict.fromkeys(names))


def _winrm_guess(username: str, secure: bool) -> list[str]:
    selector = ["ssl" if secure else "plaintext"]
    if "@" not in username:
        return selector
    if tuple(int(part) for part in core_version.split(".")[:2]) >= UPN_FALLS_BACK_BEFORE:
        return ["kerberos"]
    return ["kerberos", *selector] if importlib.util.find_spec("kerberos") else selector


def _psrp(connection: t.Any) -> dict[str, t.Any]:
    found = _shared(connection)
    names = {
        "scheme": "protocol", "ca_path": "ca_cert", "client_cert": "certificate_pem", "client_key": "certificate_key_pem", "proxy": "proxy",
        "ignore_proxy": "ignore_proxy", "message_encryption": "message_encryption", "send_cbt": "negotiate_send_cbt", "spn_service": "negotiate_service",
        "spn_hostname": "negotiate_hostname_override",
    }
    found.update({ours: connection.get_option(theirs) for ours, theirs in names.items()})
    found["auth"] = [connection.get_option("auth")]
    found["validate_certs"] = connection.get_option("cert_validation") != "ignore"
    return found
