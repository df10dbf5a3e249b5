# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module is given for a host, on every ansible-core: the inventory's own way to it, and nothing secret back."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import typing as t

import pytest
from cores.build import WANTED, Core, core_environments, why_missing
from cores.stage import Run, run_playbook, stage_collection

UMLAUT = "Grün%s'\"§ß"
BRACES = "x{{ nothing }}y{% if %}%z"
SECRETS = {
    "plain": "Tr0ub4dor-zebra", "spelt": "spelt-q77xz", "winrm": "wr-kx81pq", "vault": "vault-held-9q2", "template": "tmpl-8812qx", "braces": BRACES,
    "umlaut": UMLAUT, "number": "90417715", "cli": "cli-zz81-pw", "prompt": "prompt-77aa-pw", "jump": "jump-host-pw-19", "unread": "unread-31qq-pw",
    "proxy": "pr0xy-c7qd", "key": "keypass-55xq",
}
VAULT_PASSWORD = "only-for-this-test"


def inventory() -> dict[str, dict[str, t.Any]]:
    """Host variables by host; every spelling that the two connections know."""
    both = {"ansible_user": "alice", "ansible_password": SECRETS["plain"]}
    return {
        "psrp_plain": {"ansible_connection": "psrp", "ansible_host": "127.0.0.9", **both},
        "psrp_http": {"ansible_connection": "ansible.builtin.psrp", "ansible_psrp_protocol": "http", **both},
        "psrp_port": {"ansible_connection": "ansible.legacy.psrp", "ansible_port": 5985, **both},
        "psrp_spelt": {
            "ansible_connection": "psrp", "ansible_psrp_host": "fe80::1%eth0", "ansible_psrp_port": "55986", "ansible_psrp_user": "LAB\\bob",
            "ansible_winrm_password": SECRETS["spelt"], "ansible_psrp_protocol": "https", "ansible_psrp_path": "other", "ansible_psrp_auth": "kerberos",
            "ansible_psrp_cert_validation": "ignore", "ansible_psrp_cert_trust_path": "/etc/ca.pem", "ansible_psrp_certificate_pem": "/etc/me.pem",
            "ansible_psrp_certificate_key_pem": "/etc/me.key", "ansible_psrp_proxy": f"http://eve:{SECRETS['proxy']}@proxy:3128",
            "ansible_psrp_ignore_proxy": "yes", "ansible_psrp_message_encryption": "always", "ansible_psrp_negotiate_send_cbt": "no",
            "ansible_psrp_negotiate_service": "HOST", "ansible_psrp_negotiate_hostname_override": "web01.lab.test",
            "ansible_psrp_certificate_key_password": SECRETS["key"],
        },
        "psrp_misread": {"ansible_connection": "psrp", "ansible_psrp_password": SECRETS["unread"], "ansible_winrm_port": 5985, "ansible_winrm_user": "carol"},
        "winrm_plain": {"ansible_connection": "ansible.builtin.winrm", **both},
        "winrm_http": {"ansible_connection": "ansible.legacy.winrm", "ansible_port": "5985", **both},
        "winrm_scheme": {"ansible_connection": "winrm", "ansible_winrm_scheme": "http", **both},
        "winrm_upn": {"ansible_connection": "winrm", "ansible_user": "dave@LAB.TEST", "ansible_password": SECRETS["winrm"]},
        "winrm_certificate": {
            "ansible_connection": "winrm", "ansible_winrm_transport": "ssl", "ansible_winrm_cert_pem": "/etc/me.pem",
            "ansible_winrm_cert_key_pem": "/etc/me.key",
        },
        "winrm_spelt": {
            "ansible_connection": "winrm", "ansible_winrm_host": "2001:db8::7", "ansible_winrm_port": 8443, "ansible_winrm_user": "erin",
            "ansible_winrm_pass": SECRETS["winrm"], "ansible_winrm_scheme": "https", "ansible_winrm_path": "/other",
            "ansible_winrm_transport": "ntlm, plaintext", "ansible_winrm_server_cert_validation": "ignore", "ansible_winrm_ca_trust_path": "/etc/ca.pem",
            "ansible_winrm_message_encryption": "never",
            "ansible_winrm_service": "HOST", "ansible_winrm_kerberos_hostname_override": "web02.lab.test", "ansible_winrm_send_cbt": False,
            "ansible_winrm_proxy": "{{ 'http://proxy' ~ ':3128' }}",
        },
        "winrm_list": {"ansible_connection": "winrm", "ansible_winrm_transport": ["credssp", "ntlm"], "ansible_winrm_proxy": None, **both},
        "templates": {
            "ansible_connection": "{{ 'ps' ~ 'rp' }}", "ansible_host": "{{ inventory_hostname }}.lab.test", "ansible_port": "{{ 5980 + 5 }}",
            "ansible_user": "{{ box.user }}", "ansible_password": "{{ box.password }}", "box": {"user": "frank", "password": SECRETS["template"]},
        },
        "vaulted": {"ansible_connection": "winrm", "ansible_user": "grace", "ansible_password": "VAULT"},
        "braces": {"ansible_connection": "psrp", "ansible_user": "heidi", "ansible_password": f"UNSAFE{BRACES}"},
        "umlaut": {"ansible_connection": "winrm", "ansible_user": "jürgen", "ansible_password": UMLAUT},
        "number": {"ansible_connection": "psrp", "ansible_user": "ivan", "ansible_password": int(SECRETS["number"])},
        "word_port": {"ansible_connection": "psrp", "ansible_port": 5985, "ansible_user": "judy", "ansible_password": 5985},
        "word_open": {"ansible_connection": "psrp", "ansible_user": "judy", "ansible_password": "open"},
        "word_user": {"ansible_connection": "winrm", "ansible_user": "vagrant", "ansible_password": "vagrant"},
        "bare": {"ansible_connection": "psrp"},
        "bare_winrm": {"ansible_connection": "winrm"},
        "silent": both,
        "unix": {"ansible_connection": "ssh", "ansible_host": "10.0.0.1"},
        "jump": {
            "ansible_connection": "local", "ansible_host": "10.9.9.9", "ansible_port": 2222, "ansible_user": "deploy", "ansible_password": SECRETS["jump"],
        },
        "far": {"ansible_connection": "elsewhere", "ansible_host": "10.9.9.8", "ansible_user": "deploy", "ansible_password": SECRETS["jump"]},
    }


WINDOWS = [name for name in inventory() if name not in ("silent", "unix", "jump", "far")]

WITHOUT_PASSWORD = ("bare", "bare_winrm", "psrp_misread", "winrm_certificate")

EXPECTED: dict[str, dict[str, t.Any]] = {
    "psrp_plain": {"inventory_name": "psrp_plain", "host": "127.0.0.9", "port": None, "scheme": None, "path": "wsman", "connection": "psrp",
                   "auth": ["negotiate"], "username": "alice", "validate_certs": True, "ca_path": None, "message_encryption": "auto", "send_cbt": True},
    "psrp_http": {"host": "psrp_http", "port": None, "scheme": "http", "connection": "psrp"},
    "psrp_port": {"host": "psrp_port", "port": 5985, "scheme": None, "connection": "psrp"},
    "psrp_spelt": {
        "host": "fe80::1%eth0", "port": 55986, "scheme": "https", "path": "other", "auth": ["kerberos"], "username": "LAB\\bob", "validate_certs": False,
        "ca_path": "/etc/ca.pem", "client_cert": "/etc/me.pem", "client_key": "/etc/me.key", "ignore_proxy": True, "message_encryption": "always",
        "send_cbt": False, "spn_service": "HOST", "spn_hostname": "web01.lab.test",
    },
    "psrp_misread": {"port": None, "username": "from-cli"},
    "winrm_plain": {"host": "winrm_plain", "port": 5986, "scheme": None, "path": "/wsman", "connection": "winrm", "auth": ["basic"], "username": "alice",
                    "validate_certs": True, "ignore_proxy": False, "spn_service": "HTTP", "spn_hostname": None, "send_cbt": True},
    "winrm_http": {"port": 5985, "scheme": None, "auth": ["basic"]},
    "winrm_scheme": {"port": 5986, "scheme": "http", "auth": ["basic"]},
    "winrm_certificate": {"auth": ["certificate"], "client_cert": "/etc/me.pem", "client_key": "/etc/me.key"},
    "winrm_spelt": {
        "host": "2001:db8::7", "port": 8443, "scheme": "https", "path": "/other", "auth": ["ntlm", "basic"], "username": "erin", "validate_certs": False,
        "ca_path": "/etc/ca.pem", "message_encryption": "never", "spn_service": "HOST", "spn_hostname": "web02.lab.test", "send_cbt": False,
        "ignore_proxy": False,
    },
    "winrm_list": {"auth": ["credssp", "ntlm"], "ignore_proxy": True},
    "templates": {"host": "templates.lab.test", "port": 5985, "username": "frank", "connection": "psrp"},
    "vaulted": {"username": "grace"},
    "umlaut": {"username": "jürgen"},
    "word_port": {"port": 5985},
    "bare": {"host": "bare", "port": None, "username": "from-cli"},
    "bare_winrm": {"host": "bare_winrm", "port": 5986, "username": "from-cli"},
}
PASSWORDS = {
    "psrp_plain": SECRETS["plain"], "psrp_spelt": SECRETS["spelt"], "psrp_misread": SECRETS["cli"], "winrm_upn": SECRETS["winrm"],
    "winrm_spelt": SECRETS["winrm"], "templates": SECRETS["template"], "vaulted": SECRETS["vault"], "braces": BRACES, "umlaut": UMLAUT,
    "number": SECRETS["number"], "word_port": "5985", "word_open": "open", "word_user": "vagrant", "bare": SECRETS["cli"], "bare_winrm": SECRETS["cli"],
}

PLAYBOOK = """
- hosts: all:!jump:!far:!silent
  gather_facts: false
  module_defaults:
    group/winrm.doctor.doctor: {timeout: 7}
  tasks:
    - {name: direct, winrm.doctor.echo: {}, ignore_errors: true}
    - {name: local, winrm.doctor.echo: {}, delegate_to: localhost, ignore_errors: true}
    - {name: jump, winrm.doctor.echo: {}, delegate_to: "{{ item }}", loop: [jump, localhost], ignore_errors: true}
    - {name: leak, winrm.doctor.echo: {leak: true}, ignore_errors: true}

- hosts: psrp_plain
  gather_facts: false
  vars: {ansible_host: 10.1.1.1, ansible_user: from-play}
  tasks:
    - name: explicit
      winrm.doctor.echo: {host: 10.2.2.2, port: "55", scheme: http, username: zoe, password: zoe-pw-11xx, auth: ntlm, validate_certs: "no", timeout: 1.5}
    - {name: play vars, winrm.doctor.echo: {}, check_mode: true}
    - {name: task vars, winrm.doctor.echo: {}, vars: {ansible_host: 10.3.3.3}}
    - {name: task vars delegated, winrm.doctor.echo: {}, vars: {ansible_host: 10.3.3.3}, delegate_to: jump}
    - {name: null options, winrm.doctor.echo: {host: null, port: "{{ omit }}"}}
    - {name: bad port, winrm.doctor.echo: {port: five}, ignore_errors: true}
    - {name: bad auth, winrm.doctor.echo: {auth: [ntlm, magic]}, ignore_errors: true}
    - {name: bad option, winrm.doctor.echo: {hots: x}, ignore_errors: true}
    - {name: foreseen, winrm.doctor.echo: {fault: foreseen}, ignore_errors: true}
    - {name: unforeseen, winrm.doctor.echo: {fault: unforeseen}, ignore_errors: true}
    - {name: far secret, winrm.doctor.echo: {}, delegate_to: far, ignore_errors: true}
    - {name: far windows, winrm.doctor.echo_probe: {}, delegate_to: winrm_plain, ignore_errors: true}
    - {name: far foreseen, winrm.doctor.echo_probe: {fault: foreseen}, delegate_to: far, ignore_errors: true}
    - {name: far probe, winrm.doctor.echo_probe: {}, delegate_to: far}
    - {name: itself, winrm.doctor.echo: {}, delegate_to: "{{ inventory_hostname }}"}

- hosts: winrm_spelt
  gather_facts: false
  tasks:
    - {name: far files, winrm.doctor.echo_probe: {client_cert: /far/me.pem}, delegate_to: far}
    - {name: new scheme, winrm.doctor.echo: {scheme: http}}
    - {name: bad transport, winrm.doctor.echo: {}, vars: {ansible_winrm_transport: magic}, ignore_errors: true}
    - {name: bad validation, winrm.doctor.echo: {}, vars: {ansible_winrm_server_cert_validation: "off"}, ignore_errors: true}

- hosts: winrm_plain
  gather_facts: false
  tasks:
    - {name: new scheme, winrm.doctor.echo: {scheme: http}}

- hosts: bare, bare_winrm
  gather_facts: false
  remote_user: from-keyword
  port: 5985
  vars_prompt:
    - {name: asked, prompt: Password, private: true, default: @PROMPT@}
  vars: {ansible_password: "{{ asked }}"}
  tasks:
    - {name: prompt, winrm.doctor.echo: {}}
    - {name: prompt delegated, winrm.doctor.echo: {}, delegate_to: jump}
    - {name: prompt looped, winrm.doctor.echo: {}, delegate_to: "{{ item }}", loop: [jump, localhost]}

- hosts: bare
  gather_facts: false
  vars: {ansible_user: deploy}
  tasks:
    - {name: same as delegate, winrm.doctor.echo: {}, delegate_to: jump}

- hosts: silent
  gather_facts: false
  connection: ansible.builtin.psrp
  tasks:
    - {name: keyword, winrm.doctor.echo: {}}
    - {name: keyword delegated, winrm.doctor.echo: {}, delegate_to: "{{ item }}", loop: [jump, localhost]}

- hosts: silent
  gather_facts: false
  tasks:
    - block:
        - {name: keyword of the block, winrm.doctor.echo: {}, delegate_to: jump}
      connection: winrm
    - {name: keyword of the task, winrm.doctor.echo: {}, delegate_to: jump, connection: winrm}

- hosts: unix, localhost
  gather_facts: false
  tasks:
    - {name: no windows, winrm.doctor.echo: {}, ignore_errors: true}
    - {name: named host, winrm.doctor.echo: {host: web01.lab.test, port: 5985}}
    - {name: control, winrm.doctor.echo_control: {}}
    - {name: report, winrm.doctor.echo_report: {}}
"""


class Inventory:
    """The host variables as YAML text. JSON is YAML, but for the two tags."""

    @staticmethod
    def text() -> str:
        from ansible.parsing.vault import VaultLib, VaultSecret

        vaulted = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(SECRETS["vault"]).decode()
        lines = ["all:", "  hosts:"]
        for host, variables in inventory().items():
            lines.append(f"    {host}:")
            for name, value in variables.items():
                if value == "VAULT":
                    lines += [f"      {name}: !vault |", *(f"        {line}" for line in vaulted.splitlines())]
                elif str(value).startswith("UNSAFE"):
                    lines.append(f"      {name}: !unsafe {json.dumps(value[6:])}")
                else:
                    lines.append(f"      {name}: {json.dumps(value)}")
        lines.append("  vars: {ansible_python_interpreter: '{{ ansible_playbook_python }}'}")
        return "\n".join(lines) + "\n"


def _core(spec: str) -> Core:
    found = [core for core in core_environments() if core.spec == spec]
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why_missing(spec))
    return found[0]


@pytest.fixture(scope="module", params=[wanted.spec for wanted in WANTED])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Core, Run]:
    core = _core(request.param)
    folder = stage_collection(tmp_path_factory.mktemp(f"core-{core.spec}"))
    (folder / "vault").write_text(VAULT_PASSWORD, encoding="utf-8")
    (folder / "login").write_text(SECRETS["cli"], encoding="utf-8")
    arguments = ["-vvvv", "-u", "from-cli", "--connection-password-file", "login", "--vault-password-file", "vault"]
    playbook = PLAYBOOK.replace("@PROMPT@", SECRETS["prompt"])
    # Since 2.19 core shows no traceback unless it is told to; what it could show must be clean too.
    return core, run_playbook(core, folder, Inventory.text(), playbook, *arguments, environment={"ANSIBLE_DISPLAY_TRACEBACK": "error"})


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _loop(run: Run, task: str, host: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", run.result(task, host)["results"])


def _given(result: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: result[key] for key in ("given", "password_sha", "proxy_sha")}


def test_the_inventory_says_how_to_reach_the_host(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    for host, expected in EXPECTED.items():
        given = run.result("direct", host)["given"]
        assert {name: given[name] for name in expected} == expected, host
    for host, password in PASSWORDS.items():
        assert run.result("direct", host)["password_sha"] == _sha(password), host


def test_defaults_that_depend_on_the_core_are_those_of_its_connection(ran: tuple[Core, Run]) -> None:
    core, run = ran
    version = tuple(int(part) for part in core.version.split(".")[:2])
    assert run.result("direct", "psrp_plain")["given"]["spn_service"] == ("host" if version >= (2, 21) else "WSMAN")
    # pykerberos is not in the environment, and the older plugin then goes on with Basic.
    assert run.result("direct", "winrm_upn")["given"]["auth"] == (["kerberos"] if version >= (2, 19) else ["basic"])


def test_proxies_arrive_with_their_credentials(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    assert run.result("direct", "psrp_spelt")["proxy_sha"] == _sha(f"http://eve:{SECRETS['proxy']}@proxy:3128")
    assert run.result("direct", "winrm_spelt")["proxy_sha"] == _sha("http://proxy:3128")
    assert run.result("direct", "winrm_list")["proxy_sha"] is None


def test_delegation_to_this_machine_looks_at_the_same_host_in_the_same_way(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    for host in WINDOWS:
        direct = _given(run.result("direct", host))
        delegated = [run.result("local", host), *_loop(run, "jump", host)]
        for number, result in enumerate(delegated):
            expected = direct
            if number == 1 and host in WITHOUT_PASSWORD:
                # -k is out of reach behind a delegate with a password of its own; that one must not be used instead.
                expected = {**direct, "password_sha": None}
            assert _given(result) == expected, (host, number)
            assert result["runs_in_worker"]


def test_play_variables_prompts_and_keywords_count_with_and_without_delegation(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    for host in ("bare", "bare_winrm"):
        for result in (run.result("prompt", host), run.result("prompt delegated", host), *_loop(run, "prompt looped", host)):
            assert (result["given"]["host"], result["given"]["username"], result["given"]["port"]) == (host, "from-keyword", 5985)
            assert result["password_sha"] == _sha(SECRETS["prompt"])
    for result in (run.result("keyword", "silent"), *_loop(run, "keyword delegated", "silent")):
        assert (result["given"]["connection"], result["given"]["username"]) == ("psrp", "alice")
    for task in ("keyword of the block", "keyword of the task"):
        assert run.result(task, "silent")["given"]["connection"] == "winrm"
    assert run.result("same as delegate", "bare")["given"]["username"] == "deploy"
    assert run.result("play vars", "psrp_plain")["given"]["host"] == "10.1.1.1"
    assert run.result("play vars", "psrp_plain")["given"]["username"] == "from-play"
    for task in ("task vars", "task vars delegated"):
        assert run.result(task, "psrp_plain")["given"]["host"] == "10.3.3.3"
    assert run.result("itself", "psrp_plain")["given"] == {**run.result("play vars", "psrp_plain")["given"]}


def test_options_of_the_task_win(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    result = run.result("explicit", "psrp_plain")
    expected = {"host": "10.2.2.2", "port": 55, "scheme": "http", "username": "zoe", "auth": ["ntlm"], "validate_certs": False, "timeout": 1.5}
    assert {name: result["given"][name] for name in expected} == expected
    assert result["password_sha"] == _sha("zoe-pw-11xx")
    assert run.result("null options", "psrp_plain")["given"]["host"] == "10.1.1.1"
    assert run.result("new scheme", "winrm_plain")["given"]["port"] is None
    assert run.result("new scheme", "winrm_spelt")["given"]["port"] == 8443


def test_module_defaults_reach_the_action_group(ran: tuple[Core, Run]) -> None:
    assert ran[1].result("direct", "psrp_plain")["given"]["timeout"] == 7.0


def test_check_mode_arrives(ran: tuple[Core, Run]) -> None:
    assert ran[1].result("play vars", "psrp_plain")["check_mode"] is True
    assert ran[1].result("direct", "psrp_plain")["check_mode"] is False


def test_the_module_gets_builtin_types_and_runs_warm_in_the_worker(ran: tuple[Core, Run]) -> None:
    result = ran[1].result("direct", "templates")
    assert set(result["types"].values()) <= {"str", "int", "float", "bool", "list", "NoneType"}
    assert result["runs_in_worker"]
    assert result["warm_before_fork"]


@pytest.mark.parametrize(("task", "host", "message"), [
    ("no windows", "unix",
     "unix uses the connection ssh, which is neither winrm nor psrp. Expected: a host that Ansible reaches over WinRM. "
     "Set ansible_connection to winrm or psrp in the inventory, or name the host with the option host."),
    ("direct", "unix",
     "unix uses the connection ssh, which is neither winrm nor psrp. Expected: a host that Ansible reaches over WinRM. "
     "Set ansible_connection to winrm or psrp in the inventory, or name the host with the option host."),
    ("local", "unix",
     "unix uses the connection ssh, which is neither winrm nor psrp. Expected: a host that Ansible reaches over WinRM. "
     "Set ansible_connection to winrm or psrp in the inventory, or name the host with the option host."),
    ("bad port", "psrp_plain", "The option port is 'five'. Expected: a whole number."),
    ("bad auth", "psrp_plain",
     "The option auth is ['ntlm', 'magic']. Expected: a list out of negotiate, kerberos, ntlm, basic, certificate, credssp."),
    ("bad transport", "winrm_spelt",
     "The option auth is ['magic'] (from ansible_winrm_transport). Expected: a list out of negotiate, kerberos, ntlm, basic, certificate, credssp."),
    ("bad validation", "winrm_spelt", "ansible_winrm_server_cert_validation is 'off'. Expected: validate or ignore."),
    ("foreseen", "psrp_plain", "The logon with ******** failed. Expected: a better one. Try again."),
    ("far foreseen", "psrp_plain", "The logon with None failed. Expected: a better one. Try again."),
    ("unforeseen", "psrp_plain", "winrm.doctor.echo failed for a reason it should have foreseen: ValueError: bad ********"),
    ("far secret", "psrp_plain",
     "winrm.doctor.echo was delegated to far, but it may need the credentials of the host, and those never leave the control node. "
     "Expected: no delegate_to, or one that names the control node. To look from another machine use winrm.doctor.endpoint_info, which needs no credentials."),
    ("far windows", "psrp_plain",
     "winrm.doctor.echo_probe was delegated to winrm_plain, which is a Windows host. "
     "Expected: a delegate that runs Python: Linux, macOS or another POSIX system."),
])
def test_failures_are_one_sentence(ran: tuple[Core, Run], task: str, host: str, message: str) -> None:
    _core, run = ran
    assert run.status(task, host) == "failed"
    assert run.result(task, host)["msg"] == message


def test_an_unknown_option_is_named_with_those_that_exist(ran: tuple[Core, Run]) -> None:
    message = ran[1].result("bad option", "psrp_plain")["msg"]
    assert message.startswith("There is no option hots. Expected: one of auth, ca_path, client_cert,")


def test_only_an_unforeseen_failure_shows_a_traceback_and_that_without_secrets(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    assert "ValueError: bad ********" in run.result("unforeseen", "psrp_plain")["exception"]
    # Core may add its own call stack; the exception itself stays inside.
    assert "DoctorError" not in json.dumps(run.result("foreseen", "psrp_plain"))


def test_a_delegable_module_runs_elsewhere_as_an_ordinary_module_without_secrets(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    result = run.result("far probe", "psrp_plain")
    assert not result["runs_in_worker"]
    assert result["password_sha"] is None
    assert (result["given"]["inventory_name"], result["given"]["host"], result["given"]["username"]) == ("psrp_plain", "10.1.1.1", "from-play")
    files = run.result("far files", "winrm_spelt")
    assert files["proxy_sha"] is None
    # Files that the inventory names lie on the control node.
    assert (files["given"]["ca_path"], files["given"]["client_cert"]) == (None, "/far/me.pem")


def test_a_host_without_windows_connection_serves_where_the_module_allows_it(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    for host in ("unix", "localhost"):
        named = run.result("named host", host)["given"]
        assert (named["inventory_name"], named["host"], named["port"], named["username"]) == (None, "web01.lab.test", 5985, None)
        control = run.result("control", host)["given"]
        assert (control["inventory_name"], control["host"]) == (host, None)
        assert run.result("report", host)["given"]["inventory_name"] is None


def test_variables_that_the_connection_does_not_read_are_pointed_out(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    reads = "is set, but the connection psrp does not read it."
    for warnings in (run.result("direct", "psrp_misread")["warnings"], run.result("local", "psrp_misread")["warnings"]):
        # The user name and the password come from the command line, so those two variables are missed by nobody.
        assert warnings == [f"psrp_misread: ansible_winrm_port {reads} Set ansible_port."]
    # Behind a delegate with a password of its own -k does not count. Core takes the warnings out of a loop's results and only prints them.
    assert f"psrp_misread: ansible_psrp_password {reads} Set ansible_password." in " ".join(run.output.split())
    assert "warnings" not in run.result("direct", "psrp_spelt")


def test_passwords_that_are_a_port_or_a_word_leave_the_result_usable(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    for host in ("word_port", "word_open", "word_user"):
        result = run.result("direct", host)
        assert (result["port"], result["state"], result["sentence"]) == (5985, "open", "Port 5985 is open.")
        assert "*" not in json.dumps(result)
    assert run.result("direct", "word_user")["given"]["username"] == "vagrant"


def test_no_secret_comes_out(ran: tuple[Core, Run]) -> None:
    core, run = ran
    everything = run.output + json.dumps(run.results, ensure_ascii=False)
    assert "********" in json.dumps(run.result("leak", "psrp_plain")["leak"])
    logins = [f"{user}:{password}" for user in ("alice", "from-cli", "grace", "judy") for password in (*SECRETS.values(), "5985", "open")]
    for secret in (*SECRETS.values(), *logins, "zoe-pw-11xx", "vagrant:vagrant"):
        for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], base64.b64encode(secret.encode()).decode()):
            # The default of the prompt stands in the playbook text itself, which core does not print.
            assert form not in everything, (core.version, form)


def test_no_connection_is_opened_and_no_host_unreachable(ran: tuple[Core, Run]) -> None:
    _core, run = ran
    assert {line["status"] for line in run.results} == {"ok", "failed"}
    assert "ESTABLISH PSRP" not in run.output
    assert "ESTABLISH WINRM" not in run.output
    assert run.code == 0, run.output[-3000:]
