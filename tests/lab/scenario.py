# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario file: what is wrong with which host. SCENARIOS.md documents it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from .domain import settings as domain
from .domain.realm import LAB, REALMS, Realm
from .domain.settings import Settings
from .inside.faults import FAULTS
from .inside.faults import KEYS as INSIDE_KEYS
from .inside.faults import fields as fields_of_inside
from .inside.profiles import PRODUCTS, fresh
from .messages import STATES, Account, Windows

FILE = Path(__file__).with_name("scenarios.yml")
WORLDS = Path(__file__).with_name("worlds.yml")
DOMAIN = LAB.dns
HOSTS_WANTED = 20
"""Fewer would leave faults out."""
CAUSES = (
    "credentials", "spn", "certificate", "ntlm_blocked", "network", "time_skew", "firewall", "service_config", "domain_trust", "permissions",
    "encryption_types", "channel_binding", "message_encryption", "impostor", "token_size", "quota", "control_node",
)
SERVICES = (
    "wsman", "open", "refused", "silent", "mute", "reset", "ssh", "nginx", "iis", "redirect", "proxy", "openwsman", "http_sys_404", "http_sys_503",
)
CERTIFICATES = (
    "good", "expired", "expiring", "future", "self_signed", "unknown_root", "unsent_intermediate", "wrong_name", "no_san", "client_only", "weak_key",
)
CLIENT_CERTIFICATES = ("good", "unmapped", "mapping_off", "misplaced", "off", "stale", "expired", "server_only", "tls13")
"""What is wrong with the logon by client certificate."""
ACCOUNT_KEYS = ("name", "state", "groups", "local", "filtered", "realm", "encryption")
AD_STATES = ("hours", "workstations", "protected", "smartcard", "no_trust", "unknown")
"""States of an account that make no sense without a directory; `unknown`: it is not in the directory at all."""
DIRECTORY: dict[str, t.Collection[str] | None] = {
    "spns": ("good", "missing", "only_host", "short_only"), "wrong_owner": None, "duplicate": None, "http_owner": None,
    "computer": ("good", "disabled", "missing", "stale"), "encryption": ("rc4",), "renamed": None, "password_days": None,
}
"""Keys of `directory`, and the words that each may hold."""
DEFAULT_PORTS = {5985: "wsman", 5986: "wsman", 80: "silent", 443: "silent", 445: "open", 3389: "open"}
"""A Windows host with its firewall on: ports nobody listens on are silent."""
TLS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
SHAPES: dict[str, tuple[tuple[type, ...], str]] = {
    "wrong": ((str,), "a sentence that says what is wrong"),
    "causes": ((list,), "a list of causes"),
    "vars": ((dict,), "a mapping of Ansible variables"),
    "ports": ((dict,), "a mapping of port numbers to what lives there"),
    "secure": ((list,), "a list of port numbers"),
    "certificate": ((str, list), "one fault or a list of faults"),
    "tls": ((str,), "a TLS version"),
    "dns": ((list,), "a list of addresses"),
    "needs_dns": ((bool,), "true or false"),
    "windows": ((dict,), "a mapping of settings"),
    "account": ((dict,), "a mapping with the key name"),
    "wrong_password": ((bool,), "true or false"),
    "client_certificate": ((str,), "one of the faults, or good"),
    "realm": ((str,), "lab or other"),
    "directory": ((dict,), "a mapping of what is wrong in the directory"),
    "needs_domain": ((bool,), "true or false"),
    "alias": ((str,), "a name without its domain"),
    "reverse": ((str,), "the name that its address leads to"),
    "by_address": ((bool,), "true or false"),
    "spare": ((bool,), "true or false"),
    "inside": ((dict,), "a mapping of what is otherwise inside"),
    "alternate": ((list,), "a list of further ways in"),
}
ALTERNATE_KEYS = ("name", "port", "scheme", "auth", "account")
EXCLUDED = ("computer", "accounts", "build", "client_certificates", "realm", "keytab", "inside")
WINDOWS_KEYS = tuple(item.name for item in fields(Windows) if item.name not in EXCLUDED)


class ScenarioError(ValueError):
    """A mistake in the scenario file: which host, which key, what was expected."""


@dataclass(frozen=True)
class Host:
    """One host of the lab."""

    name: str
    address: str
    wrong: str
    causes: tuple[str, ...] = ()
    vars: dict[str, t.Any] = field(default_factory=dict)
    ports: dict[int, str] = field(default_factory=lambda: dict(DEFAULT_PORTS))
    secure: tuple[int, ...] = (5986, 443)
    certificate: tuple[str, ...] = ("good",)
    tls: str = ""
    """A TLS version above which the host knows nothing, such as TLSv1."""
    dns: tuple[str, ...] | None = None
    """Addresses its name resolves to; None: its own; () : none."""
    needs_dns: bool = False
    windows: dict[str, t.Any] = field(default_factory=dict)
    account: dict[str, t.Any] = field(default_factory=dict)
    """An account of its own, in place of the one that all hosts share."""
    wrong_password: bool = False
    """The inventory has another password than the account."""
    client_certificate: str = ""
    realm: str = "lab"
    """A key of REALMS."""
    directory: dict[str, t.Any] = field(default_factory=dict)
    """What is wrong with it in Active Directory."""
    needs_domain: bool = False
    """Leave it out where the lab has no Active Directory."""
    alias: str = ""
    """Another name of it in DNS (CNAME), by which the inventory calls it."""
    reverse: str = ""
    """The name that its address leads to, where that is not its own."""
    by_address: bool = False
    """The inventory calls it by its address."""
    spare: bool = False
    """It has a good certificate besides the one that it presents."""
    inside: dict[str, t.Any] = field(default_factory=dict)
    """What is otherwise inside than follows from the rest: words and fields of `inside/faults.py`."""
    alternate: tuple[dict[str, t.Any], ...] = ()
    """Further ways in, for the inventory; their accounts are of the host, or the one that all share."""

    @property
    def fqdn(self) -> str:
        """Its DNS name."""
        return f"{self.name}.{self.dns_suffix}"

    @property
    def dns_suffix(self) -> str:
        """The DNS name of its domain."""
        return REALMS[self.realm].dns

    @property
    def called(self) -> str:
        """What the inventory has as ansible_host."""
        return self.address if self.by_address else f"{self.alias}.{self.dns_suffix}" if self.alias else self.fqdn

    @property
    def computer(self) -> str:
        """Its NetBIOS name: another one than the inventory's where it was renamed."""
        return str(self.directory.get("renamed") or self.name).upper()

    @property
    def domain(self) -> Realm | None:
        """The domain it is a member of; None in a workgroup."""
        return None if "domain" in self.windows and not self.windows["domain"] else REALMS[self.realm]

    @property
    def account_domain(self) -> Realm | None:
        """The domain of the account of its own; None for one of the host's, or where it has none."""
        return None if not self.account or self.account.get("local") or self.domain is None else REALMS[self.account.get("realm", self.realm)]

    @property
    def account_key(self) -> tuple[str, str]:
        """Realm and name of its own account in a domain, ("", host and name) of one of the host's."""
        kind = self.account.get("realm", self.realm) if self.account_domain else ""
        return kind, self.account["name"] if kind else f"{self.name}/{self.account['name']}"

    @property
    def kerberos(self) -> bool:
        """True where the inventory asks for Kerberos by name."""
        return "kerberos" in (self.vars.get("ansible_psrp_auth"), self.vars.get("ansible_winrm_transport"))

    @property
    def needs_ad(self) -> bool:
        """True where it makes no sense without Active Directory."""
        return self.kerberos or self.needs_domain or bool(self.directory) or self.needs_other or self.account.get("state") in AD_STATES

    @property
    def needs_other(self) -> bool:
        """True where the second realm is needed."""
        return "other" in (self.realm, self.account.get("realm"))

    @property
    def healthy(self) -> bool:
        """True when nothing is wrong with it."""
        return not self.causes

    def kind(self, accounts: t.Mapping[str, Account], certificates: t.Mapping[str, str] | None = None, keytab: str = "") -> Windows:
        """The Windows that answers for it; with a keytab it takes tickets."""
        realm = REALMS[self.realm]
        settings = {"domain": realm.flat, "dns_domain": realm.dns, **self.windows}
        if "schemes" in settings:
            settings["schemes"] = tuple(settings["schemes"])
        if self.client_certificate:
            settings["certificate_auth"] = self.client_certificate != "off"
        if keytab:
            settings |= {"realm": realm.name, "keytab": keytab}
        return Windows(computer=self.computer, accounts=accounts, client_certificates=certificates or {}, **settings)

    def own_account(self, password: str) -> dict[str, Account]:
        """The account of its own by name, with its realm where that is not the host's; nothing where it has none, or where nobody knows it."""
        given = {key: value for key, value in self.account.items() if key not in ("name", "realm", "encryption")}
        if not self.account or given.get("state") == "unknown":
            return {}
        realm, name = self.account_domain, self.account["name"]
        name = name if realm is None or realm == self.domain else f"{name}@{realm.name}"
        return {name: Account(password, **given)}

    def rescuers(self, passwords: t.Mapping[str, str]) -> dict[str, Account]:
        """The accounts of its further ways in, by name."""
        given = [way["account"] for way in self.alternate if isinstance(way.get("account"), dict)]
        return {one["name"]: Account(passwords[one["name"]], local=True, **{key: value for key, value in one.items() if key != "name"}) for one in given}

    def spelled(self, name: str, realm: Realm = LAB) -> str:
        """How the inventory spells a domain account: Kerberos takes the principal alone."""
        return f"{name}@{realm.name}" if self.kerberos else f"{realm.flat}\\{name}"

    @property
    def user(self) -> str:
        """How the inventory spells the account of its own."""
        name = self.account.get("name", "")
        return self.spelled(name, self.account_domain) if self.account_domain else f"{self.computer}\\{name}"


def address_of(number: int) -> str:
    """The loopback address of the host with this number, from 0."""
    return f"127.66.{1 + number // 200}.{1 + number % 200}"


@dataclass(frozen=True)
class World:
    """Hosts, and what is wrong with the domain they share."""

    hosts: list[Host]
    settings: Settings = field(default_factory=Settings)
    wrong: str = ""


def load(path: Path = FILE) -> list[Host]:
    """All hosts of a scenario file; raises ScenarioError."""
    return world(path).hosts


def world(path: Path = FILE) -> World:
    """A scenario file; raises ScenarioError."""
    return _world(str(path), _yaml(path))


def worlds(path: Path = WORLDS) -> dict[str, World]:
    """The worlds of a file of worlds, in each of which something is wrong with the domain itself; raises ScenarioError."""
    data = _yaml(path)
    if not isinstance(data, dict) or not isinstance(data.get("worlds"), dict):
        raise ScenarioError(f"{path}: expected a mapping with the key worlds, which maps names to worlds")
    return {str(name): _world(f"world {name}", given) for name, given in data["worlds"].items()}


def _yaml(path: Path) -> t.Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: this is not YAML: {error}") from error


def _world(where: str, data: t.Any) -> World:
    if not isinstance(data, dict) or not isinstance(data.get("hosts"), dict) or not data["hosts"]:
        raise ScenarioError(f"{where}: expected a mapping with the key hosts, which maps names to hosts")
    if stray := sorted(set(data) - {"hosts", "domain", "wrong"}):
        raise ScenarioError(f"{where}: unknown key {stray[0]!r}; known are domain, hosts, wrong")
    hosts = [parse_host(str(name), {} if given is None else given, number) for number, (name, given) in enumerate(data["hosts"].items())]
    _one_account_each(hosts)
    try:
        return World(hosts, domain.read(data.get("domain", {})), str(data.get("wrong", "")))
    except ValueError as error:
        raise ScenarioError(f"{where}: {error}") from error


def _one_account_each(hosts: t.Iterable[Host]) -> None:
    """An account that several hosts have is one, in one state."""
    seen: dict[tuple[str, str], Host] = {}
    for host in hosts:
        first = seen.setdefault(host.account_key, host) if host.account else host
        if first.account != host.account and {**first.account, "realm": ""} != {**host.account, "realm": ""}:
            raise ScenarioError(f"{host.name}: its account {host.account['name']!r} is described otherwise at {first.name}; expected the same")


def parse_host(name: str, given: t.Any, number: int) -> Host:
    """One host; raises ScenarioError that names the host, the key and what was expected."""
    if not isinstance(given, dict):
        raise ScenarioError(f"{name}: expected a mapping with the key 'wrong', not {given!r}")
    known = {item.name for item in fields(Host)} - {"name", "address"}
    if stray := sorted(set(given) - known):
        raise ScenarioError(f"{name}: unknown key {stray[0]!r}; known are {', '.join(sorted(known))}")
    if not given.get("wrong"):
        raise ScenarioError(f"{name}: the key 'wrong' is missing; expected a sentence that says what is wrong")
    for key, (shapes, expected) in SHAPES.items():
        if key in given and not isinstance(given[key], shapes):
            raise ScenarioError(f"{name}: {key} holds {given[key]!r}; expected {expected}")
    ports = {**DEFAULT_PORTS, **given.get("ports", {})}
    _among(name, "causes", given.get("causes", ()), CAUSES)
    _among(name, "ports", ports.values(), SERVICES)
    _among(name, "account", given.get("account", ()), ACCOUNT_KEYS)
    if "account" in given and not given["account"].get("name"):
        raise ScenarioError(f"{name}: account has no name; expected the key 'name'")
    _among(name, "account state", [given.get("account", {}).get("state", "ok")], (*STATES, "unknown"))
    _among(name, "account realm", [given.get("account", {}).get("realm", "lab")], REALMS)
    _among(name, "account encryption", [given["account"]["encryption"]] if given.get("account", {}).get("encryption") else (), ("rc4",))
    _among(name, "realm", [given.get("realm", "lab")], REALMS)
    _directory(name, given.get("directory", {}))
    _among(name, "inside", given.get("inside", ()), INSIDE_KEYS)
    _inside(name, given.get("inside", {}))
    _alternate(name, given.get("alternate", []))
    _among(name, "client_certificate", [given["client_certificate"]] if given.get("client_certificate") else (), CLIENT_CERTIFICATES)
    _among(name, "windows", given.get("windows", {}), WINDOWS_KEYS)
    _among(name, "tls", [given["tls"]] if "tls" in given else (), TLS)
    _among(name, "secure", given.get("secure", ()), ports)
    certificate = given.get("certificate", "good")
    certificate = (certificate,) if isinstance(certificate, str) else tuple(certificate)
    _among(name, "certificate", certificate, CERTIFICATES)
    if stray := [port for port in ports if not isinstance(port, int) or not 0 < port < 65536]:
        raise ScenarioError(f"{name}: the port {stray[0]!r} is not a number from 1 to 65535")
    lists = {key: tuple(given[key]) for key in ("causes", "secure", "dns", "alternate") if given.get(key) is not None}
    plain = (
        "wrong", "tls", "needs_dns", "windows", "vars", "account", "wrong_password", "client_certificate", "realm", "directory", "needs_domain", "alias",
        "reverse", "by_address", "spare", "inside",
    )
    rest = {key: given[key] for key in plain if key in given}
    return Host(name=name, address=address_of(number), ports=ports, certificate=certificate, **lists, **rest)


def _directory(name: str, given: dict[str, t.Any]) -> None:
    _among(name, "directory", given, DIRECTORY)
    for key, words in DIRECTORY.items():
        if key == "spns" and isinstance(given.get(key), list):
            continue
        if words and key in given:
            _among(name, f"directory {key}", [given[key]], words)
    if not isinstance(given.get("password_days", 0), int):
        raise ScenarioError(f"{name}: directory password_days holds {given['password_days']!r}; expected a number of days")
    for key in ("wrong_owner", "duplicate", "http_owner", "renamed"):
        if not isinstance(given.get(key, "x"), str) or given.get(key, "x") == "":
            raise ScenarioError(f"{name}: directory {key} holds {given[key]!r}; expected a name")


def _inside(name: str, given: dict[str, t.Any]) -> None:
    _among(name, "inside faults", given.get("faults", ()), FAULTS)
    _among(name, "inside profile", [given["profile"]] if "profile" in given else (), PRODUCTS)
    _among(name, "inside language", [given["language"]] if "language" in given else (), ("en", "de"))
    try:
        fields_of_inside(fresh(), {key: value for key, value in given.items() if key not in ("profile", "language", "faults")})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ScenarioError(f"{name}: inside: {error}") from error


def _alternate(name: str, given: list[t.Any]) -> None:
    for way in given:
        if not isinstance(way, dict) or not way.get("name"):
            raise ScenarioError(f"{name}: alternate holds {way!r}; expected a mapping with the key name")
        _among(name, "alternate", way, ALTERNATE_KEYS)
        account = way.get("account", "shared")
        if account != "shared" and not (isinstance(account, dict) and account.get("name")):
            raise ScenarioError(f"{name}: alternate account holds {account!r}; expected shared, or a mapping with the key name")
        _among(name, "alternate account", account if isinstance(account, dict) else (), ("name", "groups", "filtered", "state"))


def _among(name: str, key: str, values: t.Iterable[t.Any], allowed: t.Collection[str]) -> None:
    for value in values:
        if value not in allowed:
            raise ScenarioError(f"{name}: {key} holds {value!r}; expected one of {', '.join(map(str, allowed))}")


BENCH_WAYS: dict[str, dict[str, t.Any]] = {
    "winrm": {"ansible_connection": "winrm", "ansible_winrm_transport": "ntlm"},
    "psrp": {"ansible_connection": "psrp", "ansible_psrp_auth": "ntlm"},
    "kerberos": {"ansible_connection": "psrp", "ansible_psrp_auth": "kerberos"},
}
"""Ways to log on that are measured; each is a group of the inventory, bench_winrm and so on."""


def bench(count: int, ways: t.Iterable[str] = ("winrm", "psrp")) -> list[Host]:
    """Healthy hosts that are all alike: for each way `count` names; raises ScenarioError."""
    hosts: list[Host] = []
    for way in ways:
        if way not in BENCH_WAYS:
            raise ScenarioError(f"there is no way {way!r}; there are {', '.join(BENCH_WAYS)}")
        for _turn in range(count):
            number = len(hosts)
            settings = {**BENCH_WAYS[way], "ansible_port": 5985}
            hosts.append(Host(f"{way}{number:03}", address_of(number), "Nothing.", vars=settings, ports={**DEFAULT_PORTS, 5986: "silent"}))
    return hosts
