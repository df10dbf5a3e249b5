# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that nobody here wrote log on to the lab's hosts with tickets of its domain, and say what is the matter with a host of a wrong clock or key."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import typing as t
from importlib.util import find_spec
from pathlib import Path

import pytest
from needs import DOMAIN, command
from surroundings import surroundings

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"

pytestmark = [*DOMAIN, command("curl", "curl"), command("kinit", "krb5-user")]

SCENARIOS = """
hosts:
  plain: {wrong: Nothing., vars: &http {ansible_connection: psrp, ansible_psrp_auth: kerberos, ansible_port: 5985}}
  secure: {wrong: Nothing., vars: &https {ansible_connection: psrp, ansible_psrp_auth: kerberos, ansible_port: 5986}}
  strict: {wrong: "Nothing, but it insists on channel bindings.", windows: {cbt: strict}, vars: *https}
  alone: {wrong: "Nothing, but it offers the scheme Kerberos alone.", windows: {schemes: [Kerberos]}, vars: *http}
  guarded: {wrong: "Nothing for Kerberos; NTLM is blocked.", windows: {ntlm: deny}, vars: *http}
  trusted: {wrong: "Nothing; its user comes from a domain that its own trusts.", account: {name: carol, realm: other}, vars: *http}
  other: {wrong: "Nothing, and pywinrm comes.", vars: &winrm {ansible_connection: winrm, ansible_winrm_transport: kerberos, ansible_port: 5985}}
  pool: {wrong: A user carries HTTP., causes: [spn], directory: {http_owner: svcpool}, vars: *winrm}
  group: {wrong: "It is in no domain.", causes: [credentials], needs_domain: true, windows: {domain: null, dns_domain: null}, vars: *http}
  ahead: {wrong: Its clock is 15 minutes ahead., causes: [time_skew], windows: {clock_offset: 900.0}, vars: *http}
  behind: {wrong: Its clock is 15 minutes behind., causes: [time_skew], windows: {clock_offset: -900.0}, vars: *http}
  early: {wrong: "Its clock is behind, and it says so in another way.", causes: [time_skew], windows: {clock_offset: -900.0, skew_behind_as: 33}, vars: *http}
  stale: {wrong: The domain has another password of it., causes: [domain_trust], directory: {computer: stale}, vars: *http}
  owner: {wrong: A user carries its SPNs., causes: [spn], directory: {wrong_owner: svcweb}, vars: *http}
  curt: {wrong: Stale too and does not say so., causes: [domain_trust], directory: {computer: stale}, windows: {kerberos_error: bare}, vars: *http}
"""
HEALTHY = ("plain", "secure", "strict", "alone", "guarded")
REFUSING = {
    "ahead": "Clock skew too great", "behind": "Clock skew too great", "early": "Ticket not yet valid", "stale": "Message stream modified",
    "owner": "Message stream modified", "curt": "Failed to authenticate the user",
}
"""Hosts that take no ticket, and what pypsrp and Ansible say of each: MIT's words for the code in the KRB-ERROR."""
SEEN = {"ahead": "refused 37", "behind": "refused 37", "early": "refused 33", "stale": "refused 41", "owner": "refused 41", "curt": "refused 41"}

PYPSRP = """
    import os, sys, yaml
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.shell import Process, WinRS
    from pypsrp.wsman import WSMan
    host, auth, port, service = sys.argv[1:]
    known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]["vars"]
    way = {"ssl": True, "cert_validation": os.environ["WINRM_DOCTOR_LAB_CA"]} if port == "5986" else {"ssl": False}
    user = known["ansible_user"].rpartition("\\\\")[2] + "@LAB.TEST"
    made = WSMan(f"{host}.lab.test", port=int(port), auth=auth, username=user, password=known["ansible_password"], negotiate_service=service, **way)
    with made as wsman:
        with WinRS(wsman) as shell:
            process = Process(shell, "whoami")
            process.invoke()
            print("winrs:", process.stdout.decode().strip(), process.rc)
        with RunspacePool(wsman) as pool:
            power = PowerShell(pool)
            power.add_script("hostname")
            print("psrp:", power.invoke()[0])
"""
DRIVER = """
    import json, os, subprocess, sys, yaml
    known = yaml.safe_load(open(os.environ["WINRM_DOCTOR_LAB_INVENTORY"]))["all"]["vars"]
    user = known["ansible_user"].rpartition("\\\\")[2] + "@LAB.TEST"
    cache = {"KRB5CCNAME": "FILE:" + os.path.join(os.environ["WINRM_DOCTOR_LAB_DIR"], "ticket")}
    subprocess.run(["kinit", user], input=known["ansible_password"], text=True, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **cache})
    journal = os.path.join(os.environ["WINRM_DOCTOR_LAB_DIR"], "attempts.jsonl")
    found = {}
    for name, (command, ticket) in json.load(sys.stdin).items():
        open(journal, "w").close()
        command = [part.replace("{ca}", os.environ["WINRM_DOCTOR_LAB_CA"]) for part in command]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(cache if ticket else {})}, stdin=subprocess.DEVNULL)
        found[name] = {"code": done.returncode, "out": done.stdout, "error": done.stderr, "seen": [json.loads(line) for line in open(journal)]}
    print(json.dumps(found))
"""
CURL = ("curl", "-sv", "--negotiate", "-u", ":", "-o", "/dev/null", "-w", "%{http_code}", "--data", "")
PYPSRP_WAYS = [
    *((host, "kerberos", "5985", "WSMAN") for host in ("plain", "alone", "guarded", *REFUSING)), ("plain", "negotiate", "5985", "HTTP"),
    ("secure", "kerberos", "5986", "WSMAN"), ("secure", "negotiate", "5986", "WSMAN"), ("strict", "kerberos", "5986", "HTTP"),
    ("group", "negotiate", "5985", "WSMAN"), ("guarded", "ntlm", "5985", "WSMAN"),
]


def all_commands() -> dict[str, tuple[list[str], bool]]:
    """All that runs inside the lab: name to command, and whether it gets the ticket of kinit."""
    found = {" ".join(("pypsrp", *way)): ([sys.executable, "-c", textwrap.dedent(PYPSRP), *way], False) for way in PYPSRP_WAYS}
    for host in (*HEALTHY, *REFUSING):
        scheme, port = ("https", 5986) if host in ("secure", "strict") else ("http", 5985)
        trusted = ("--cacert", "{ca}") if scheme == "https" else ()
        found[f"curl {host}"] = ([*CURL, *trusted, f"{scheme}://{host}.lab.test:{port}/wsman"], True)
    limit = ["--limit", ",".join(HEALTHY)]
    found["ansible raw"] = (["ansible", "all", "-m", "ansible.builtin.raw", "-a", "hostname", *limit], False)
    found["ansible win_ping"] = (["ansible", "all", "-m", "ansible.windows.win_ping", *limit], False)
    for task, arguments in {"win_ping": [], "raw": ["-a", "hostname"]}.items():
        module = {"win_ping": "ansible.windows.win_ping", "raw": "ansible.builtin.raw"}[task]
        found[f"winrm {task}"] = (["ansible", "other,pool", "-m", module, *arguments], False)
    found["ansible refused"] = (["ansible", "all", "-m", "ansible.builtin.raw", "-a", "hostname", "--limit", ",".join(REFUSING)], False)
    found["ansible whoami"] = (["ansible", "trusted", "-m", "ansible.builtin.raw", "-a", "whoami"], False)
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """One lab for all clients."""
    file = tmp_path_factory.mktemp("lab") / "scenarios.yml"
    file.write_text(SCENARIOS)
    environment = surroundings(
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", ANSIBLE_COLLECTIONS_PATH=str(REPOSITORY / ".cache" / "collections"),
        ANSIBLE_DEPRECATION_WARNINGS="0",
    )
    whole = [sys.executable, str(LAB), "--file", str(file), "run", "--", sys.executable, "-c", textwrap.dedent(DRIVER)]
    done = subprocess.run(whole, env=environment, input=json.dumps(all_commands()), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return t.cast("dict[str, dict[str, t.Any]]", json.loads(done.stdout))


def ended(result: dict[str, t.Any]) -> set[tuple[str, str]]:
    """Methods and ends that the journal has."""
    return {(line["method"], line["ended"]) for line in result["seen"]}


@pytest.mark.parametrize("way", [way for way in PYPSRP_WAYS if way[0] in HEALTHY and way[1] != "ntlm"], ids=" ".join)
def test_pypsrp_logs_on_with_a_ticket(ran: dict[str, dict[str, t.Any]], way: tuple[str, ...]) -> None:
    done = ran[" ".join(("pypsrp", *way))]
    assert done["out"].splitlines() == ["winrs: lab\\operator 0", f"psrp: {way[0].upper()}"], done["error"]
    assert ended(done) == {("kerberos", "accepted")}
    assert {line["user"] for line in done["seen"]} == {"operator@LAB.TEST"}


@pytest.mark.parametrize(("host", "words"), REFUSING.items())
def test_pypsrp_is_told_why_its_ticket_is_refused(ran: dict[str, dict[str, t.Any]], host: str, words: str) -> None:
    done = ran[f"pypsrp {host} kerberos 5985 WSMAN"]
    assert done["code"] == 1
    assert words in done["error"].splitlines()[-1]
    assert ended(done) == {("kerberos", SEEN[host])}


def test_pypsrp_falls_back_to_ntlm_at_a_host_of_a_workgroup(ran: dict[str, dict[str, t.Any]]) -> None:
    done = ran["pypsrp group negotiate 5985 WSMAN"]
    assert ended(done) == {("ntlm", "accepted")}, done["error"]


def test_pypsrp_with_ntlm_is_refused_where_that_is_blocked(ran: dict[str, dict[str, t.Any]]) -> None:
    done = ran["pypsrp guarded ntlm 5985 WSMAN"]
    assert ("ntlm", "refused 0xc0000418") in ended(done)
    assert "Failed to authenticate the user" in done["error"]


@pytest.mark.parametrize("host", HEALTHY)
def test_curl_logs_on_with_a_ticket(ran: dict[str, dict[str, t.Any]], host: str) -> None:
    """curl speaks SPNEGO by MIT's library, knows no scheme Kerberos, and sends channel bindings only since 2024."""
    done = ran[f"curl {host}"]
    accepted, unbound, nothing = ("200", {("kerberos", "accepted")}), ("401", {("kerberos", "refused 0xc000035b")}), ("401", set())
    expected = {"strict": (accepted, unbound), "alone": (nothing,)}.get(host, (accepted,))
    assert (done["out"], ended(done)) in expected, done["error"]


@pytest.mark.parametrize("host", REFUSING)
def test_curl_is_refused(ran: dict[str, dict[str, t.Any]], host: str) -> None:
    done = ran[f"curl {host}"]
    assert done["out"] == "401"
    assert host == "curt" or f"gss_init_sec_context() failed: {REFUSING[host]}" in done["error"]
    assert ended(done) == {("kerberos", SEEN[host])}


@pytest.mark.parametrize(("task", "answer"), [("raw", "{}"), ("win_ping", '"ping": "pong"')])
def test_ansible_logs_on_with_a_ticket(ran: dict[str, dict[str, t.Any]], task: str, answer: str) -> None:
    done = ran[f"ansible {task}"]
    assert done["code"] == 0, done["out"]
    for host in HEALTHY:
        assert answer.format(host.upper()) in about(host, done["out"])
    assert ended(done) == {("kerberos", "accepted")}


def test_ansible_logs_on_as_a_user_of_a_trusted_domain(ran: dict[str, dict[str, t.Any]]) -> None:
    done = ran["ansible whoami"]
    assert about("trusted", done["out"]).splitlines()[-1] == "other\\carol"
    assert [(line["user"], line["method"], line["ended"]) for line in done["seen"]] == [("carol@OTHER.TEST", "kerberos", "accepted")]


@pytest.mark.parametrize(("host", "words"), REFUSING.items())
def test_ansible_is_told_why_its_ticket_is_refused(ran: dict[str, dict[str, t.Any]], host: str, words: str) -> None:
    assert words in about(host, ran["ansible refused"]["out"])


@pytest.mark.skipif(find_spec("kerberos") is None, reason="the connection winrm needs the Python library pykerberos, which is not installed here")
@pytest.mark.parametrize(("task", "answer"), [("raw", "OTHER"), ("win_ping", '"ping": "pong"')])
def test_the_connection_winrm_logs_on_with_a_ticket_for_http(ran: dict[str, dict[str, t.Any]], task: str, answer: str) -> None:
    done = ran[f"winrm {task}"]
    assert answer in about("other", done["out"])
    assert "the specified credentials were rejected by the server" in about("pool", done["out"]), "HTTP is another account's, whose key the host has not"
    assert ended(done) == {("kerberos", "accepted"), ("kerberos", "refused 41")}


def about(host: str, output: str) -> str:
    """What ansible says of one host."""
    found = re.search(rf"^{host} \| .*?(?=^\S+ \| |\Z)", output, re.MULTILINE | re.DOTALL)
    assert found, output
    return found[0]
