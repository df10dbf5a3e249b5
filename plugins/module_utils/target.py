# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and how to reach one host: the inventory's answer, as `winrm` or `psrp` would understand it."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from .errors import DoctorError
from .evidence.case import TargetEvidence

AUTH_METHODS = ("negotiate", "kerberos", "ntlm", "basic", "certificate", "credssp")


@dataclass(frozen=True)
class Target:
    """One way to one host. Paths are files on the control node; times are seconds."""

    name: str
    host: str
    port: int
    scheme: str
    path: str = "wsman"
    connection: str = "psrp"
    auth: tuple[str, ...] = ("negotiate",)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: str | None = field(default=None, repr=False)
    """A proxy URL that the inventory sets for this host (it may carry a password)."""
    ignore_proxy: bool = False
    """True when the connection disregards the proxy variables of the environment."""
    message_encryption: str = "auto"
    send_cbt: bool = True
    spn_service: str | None = None
    spn_hostname: str | None = None

    @property
    def netloc(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if is_ipv6(self.host) else f"{self.host}:{self.port}"

    @property
    def service(self) -> str:
        """The service class of the SPN that Kerberos asks for: what the inventory says, else the connection's own default."""
        return self.spn_service or ("HTTP" if self.connection == "winrm" else "WSMAN")

    def evidence(self) -> TargetEvidence:
        """The part of the target that may be shown."""
        proxy = urlsplit(self.proxy).hostname if self.proxy else None
        return TargetEvidence(
            name=self.name, host=self.host, port=self.port, scheme=self.scheme, path=self.path, connection=self.connection, auth=self.auth,
            username=self.username, validate_certs=self.validate_certs, proxy=proxy, spn_service=self.service,
            spn_hostname=self.spn_hostname, message_encryption=self.message_encryption, send_cbt=self.send_cbt,
        )


def same_account(one: Target, other: Target) -> bool:
    """Whether two ways use one account with the same secret."""
    return (one.username, one.password, one.client_cert, one.client_key) == (other.username, other.password, other.client_cert, other.client_key)


def is_ipv6(host: str) -> bool:
    """True for a literal IPv6 address, scope id allowed."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).version == 6
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """True for a literal address of either family, scope id allowed."""
    try:
        return bool(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return False


def alternate(target: Target, given: t.Mapping[str, t.Any], number: int) -> tuple[str, Target]:
    """Another way to the same host, and its name: what `given` (an item of `alternate_logons`) sets, and the rest as the inventory has it.

    The account is never mixed: where neither name, password nor certificate is set, it is the inventory's.
    """
    scheme, port = given.get("scheme") or target.scheme, given.get("port")
    if port is None:
        port = target.port if scheme == target.scheme else (5985 if scheme == "http" else 5986)
    if not 1 <= port <= 65535:
        raise DoctorError(f"The port of alternate_logons item {number} is {port}", expected="a number from 1 to 65535", value=port)
    cert = given.get("client_cert")
    auth = tuple(given.get("auth") or (("certificate",) if cert else target.auth))
    if all(given.get(name) is None for name in ("username", "password", "client_cert", "client_key")):
        way = replace(target, scheme=scheme, port=port, auth=auth)
        if way == target:
            expected = "another port, scheme or method, or an account"
            raise DoctorError(f"Item {number} of alternate_logons is the inventory's own way", expected=expected, do="Set what is to be different")
        return given.get("name") or f"{'/'.join(auth)} over {scheme} on port {port}", way
    if "certificate" not in auth and not given.get("username"):
        raise DoctorError(f"Item {number} of alternate_logons has no username", expected="a user name, or a client certificate", do="Set username")
    way = replace(
        target, scheme=scheme, port=port, auth=auth, username=given.get("username") or None, password=given.get("password"), client_cert=cert or None,
        client_key=given.get("client_key") or None,
    )
    return given.get("name") or f"{way.username or 'certificate'} over {'/'.join(auth)}", way


def from_params(params: t.Mapping[str, t.Any]) -> Target:
    """A Target from validated module parameters (the options of `argspec.target_options`).

    Where `port` or `scheme` is missing: 5985 means http, any other port https, no port at all the scheme's default
    (as the winrm and psrp connection plugins have it).
    """
    host = (params.get("host") or "").strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or any(char in host for char in "/ \t\r\n@"):
        raise DoctorError(f"The host to look at is {host!r}", expected="a host name or an IP address", do="Set ansible_host, or the option host", value=host)
    port, scheme = params.get("port"), params.get("scheme")
    if port is not None and not 1 <= port <= 65535:
        raise DoctorError(f"The port of {host} is {port}", expected="a number from 1 to 65535", do="Set ansible_port, or the option port", value=port)
    if scheme is None:
        scheme = "http" if port == 5985 else "https"
    if port is None:
        port = 5985 if scheme == "http" else 5986
    return Target(
        name=params.get("inventory_name") or host,
        host=host,
        port=port,
        scheme=scheme,
        path=(params.get("path") or "wsman").strip("/"),
        connection=params.get("connection") or "psrp",
        auth=tuple(params.get("auth") or ("negotiate",)),
        username=params.get("username") or None,
        password=params.get("password"),
        validate_certs=params.get("validate_certs", True) is not False,
        ca_path=params.get("ca_path") or None,
        client_cert=params.get("client_cert") or None,
        client_key=params.get("client_key") or None,
        proxy=params.get("proxy") or None,
        ignore_proxy=bool(params.get("ignore_proxy")),
        message_encryption=params.get("message_encryption") or "auto",
        send_cbt=params.get("send_cbt", True) is not False,
        spn_service=params.get("spn_service") or None,
        spn_hostname=params.get("spn_hostname") or None,
    )
