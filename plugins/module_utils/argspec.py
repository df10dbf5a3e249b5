# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module options that several modules share; `doc_fragments` says the same in words and a test compares them."""

from __future__ import annotations

import typing as t

from .domain import LDAP_AUTH, LDAP_TRANSPORTS
from .target import AUTH_METHODS

Spec = t.Dict[str, t.Dict[str, t.Any]]
ALTERNATE = ("port", "scheme", "auth", "username", "password", "client_cert", "client_key")
"""What another way in may have otherwise than the inventory's."""


def target_options() -> Spec:
    """Which host, and how its inventory connection would reach it. The action plugin fills all of it from the inventory."""
    return {
        "inventory_name": {"type": "str"},
        "host": {"type": "str"},
        "port": {"type": "int"},
        "scheme": {"type": "str", "choices": ["http", "https"]},
        "path": {"type": "str", "default": "wsman"},
        "connection": {"type": "str", "choices": ["winrm", "psrp"], "default": "psrp"},
        "auth": {"type": "list", "elements": "str", "choices": list(AUTH_METHODS), "default": ["negotiate"]},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "proxy": {"type": "str", "no_log": True},
        "ignore_proxy": {"type": "bool", "default": False},
        "message_encryption": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
        "send_cbt": {"type": "bool", "default": True},
        "spn_service": {"type": "str"},
        "spn_hostname": {"type": "str"},
    }


def logon_options() -> Spec:
    """How often a password may fail, and further ways in."""
    way = {name: what for name, what in target_options().items() if name in ALTERNATE}
    auth = {key: value for key, value in way["auth"].items() if key != "default"}
    return {
        "attempts": {"type": "int", "default": 1},
        "alternate_logons": {"type": "list", "elements": "dict", "options": {"name": {"type": "str"}, **way, "auth": auth}},
    }


def probe_options() -> Spec:
    """How long and how deep to look from outside. Times are seconds."""
    return {
        "timeout": {"type": "float", "default": 20.0},
        "connect_timeout": {"type": "float", "default": 3.0},
        "revocation": {"type": "bool", "default": False},
    }


def directory_options() -> Spec:
    """Which domain to ask, and as whom."""
    return {
        "domain": {"type": "str"},
        "domain_controllers": {"type": "list", "elements": "str"},
        "domain_username": {"type": "str"},
        "domain_password": {"type": "str", "no_log": True},
        "ldap_auth": {"type": "str", "choices": list(LDAP_AUTH), "default": "auto"},
        "ldap_transport": {"type": "str", "choices": list(LDAP_TRANSPORTS), "default": "sealed"},
        "ldap_validate_certs": {"type": "bool", "default": True},
        "ldap_ca_path": {"type": "path"},
    }
