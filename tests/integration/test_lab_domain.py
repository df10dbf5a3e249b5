# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's domain as tools see it that nobody here wrote: kinit, kvno, ldbsearch, samba-tool. And what is left when it is stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from lab.scenario import load, worlds
from needs import DOMAIN, command

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = REPOSITORY / "tests" / "lab" / "lab"

pytestmark = [*DOMAIN, command("kinit", "krb5-user"), command("ldbsearch", "ldb-tools")]

# Runs inside: for each host of the inventory what kinit says of its user, and kvno of the ticket that psrp would ask for.
GUEST = r"""
import json, os, subprocess, sys
inventory, seen = json.load(open(sys.argv[1])), {}
for name, own in inventory["hosts"].items():
    known = {**inventory["vars"], **own}
    here = dict(os.environ, KRB5CCNAME=f"FILE:{os.environ['WINRM_DOCTOR_LAB_DIR']}/cc-{name}")
    user = known["ansible_user"]
    user = user if "@" in user else user.partition("\\")[2] + "@" + os.environ["WINRM_DOCTOR_LAB_REALM"]
    asked = subprocess.run(["kinit", user], input=known["ansible_password"] + "\n", capture_output=True, text=True, env=here)
    seen[name] = {"kinit": "granted" if asked.returncode == 0 else asked.stderr.strip().splitlines()[-1], "kvno": ""}
    if asked.returncode == 0:
        service = known.get("ansible_psrp_negotiate_service", "WSMAN")
        host = known.get("ansible_psrp_negotiate_hostname_override", known["ansible_host"])
        ticket = subprocess.run(["kvno", "-S", service, host], capture_output=True, text=True, env=here)
        seen[name]["kvno"] = (ticket.stdout or ticket.stderr).strip()
print(json.dumps(seen))
"""
PLAIN = "import json, os, sys, yaml; print(json.dumps(yaml.safe_load(open(os.environ['WINRM_DOCTOR_LAB_INVENTORY']))['all']))"
GRANTED, REVOKED, EXPIRED, WRONG = "granted", "Client's credentials have been revoked", "Cannot read password", "Password incorrect"
UNKNOWN_SERVER, NO_TYPE = "Server not found in Kerberos database", "KDC has no support for encryption type"
UNREACHABLE, UNFOUND = "Cannot contact any KDC for realm 'LAB.TEST'", 'Cannot find KDC for realm "LAB.TEST"'
# Host to what kinit and kvno say. An expired password makes kinit ask for a new one, which nobody types here.
SEEN = {
    **{name: (GRANTED, f"WSMAN/{name}.lab.test@LAB.TEST: kvno = 1") for name in ("krb01", "krb02", "krb05", "krb07", "krb09", "krb10", "krb13")},
    "krb06": (GRANTED, "HTTP/krb06.lab.test@LAB.TEST: kvno = 1"),
    "krb08": (GRANTED, "WSMAN/krb08.other.test@OTHER.TEST: kvno = 1"),
    **dict.fromkeys(("spn01", "spn02", "spn03", "spn05", "spn06", "spn07", "spn08", "mach02"), (GRANTED, UNKNOWN_SERVER)),
    "spn04": (GRANTED, "WSMAN/spn04.lab.test@LAB.TEST: kvno = 1"),
    "mach03": (GRANTED, "WSMAN/mach03.lab.test@LAB.TEST: kvno = 2"),
    "enc01": (GRANTED, NO_TYPE),
    "enc02": (NO_TYPE, ""),
    **dict.fromkeys(("user01", "user02", "user03", "user08", "user12", "auth03", "auth04", "auth05"), (REVOKED, "")),
    **dict.fromkeys(("user04", "user05"), (EXPIRED, "")),
    "user06": ("Client 'nobody06@LAB.TEST' not found in Kerberos database", ""),
    # Samba gives an account that needs a smart card no key; Active Directory answers KDC_ERR_POLICY.
    **dict.fromkeys(("user07", "user11", "auth01", "auth06"), (WRONG, "")),
    "user10": (GRANTED, "WSMAN/user10.lab.test@LAB.TEST: kvno = 1"),
}
WORLDS = {
    "kdc_down": {"down01": (UNREACHABLE, "")},
    "ldap_silent": {"reader01": (GRANTED, "kvno = 1"), "reader02": (GRANTED, UNKNOWN_SERVER)},
    "ldap_untrusted": {"untrusted01": (GRANTED, "kvno = 1")},
    "kdc_ahead": {"ahead01": (GRANTED, "kvno = 1")},
    "no_srv": {"nosrv01": (UNFOUND, "")},
    "wrong_srv": {"wrongsrv01": (UNREACHABLE, "")},
    "wrong_kdc": {"wrongkdc01": (UNREACHABLE, "")},
    "no_realm": {"norealm01": (GRANTED, "kvno = 1")},
    "reverse_dns": {"reverse01": (GRANTED, UNKNOWN_SERVER), "reverse02": (GRANTED, "kvno = 1"), "reverse03": (GRANTED, "kvno = 1")},
    "trust_missing": {"trust01": (GRANTED, UNKNOWN_SERVER)},
    "trust_one_way": {"trust01": (GRANTED, UNKNOWN_SERVER), "trust02": (GRANTED, "WSMAN/trust02.other.test@OTHER.TEST: kvno = 1")},
    "trust_broken": {"trust01": (GRANTED, "Decrypt integrity check failed")},
}


def inside(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command `lab`; its guests' output is the result's."""
    return subprocess.run([sys.executable, str(LAB), *arguments], capture_output=True, text=True, timeout=180, check=False, env=env)


def search(expression: str, *attributes: str) -> str:
    """A shell command for ldbsearch, which reads the directory's own files."""
    return f"ldbsearch -H $WINRM_DOCTOR_LAB_SAM '{expression}' {' '.join(attributes)}"


def guests(*lines: str) -> tuple[str, ...]:
    """Shell lines to run inside, one after the other, each with a heading of its own."""
    text = "\n".join(f"echo '== {number}'; {line} 2>&1" for number, line in enumerate(lines))
    return ("run", "--", "sh", "-c", text)


def tickets(*arguments: str) -> dict[str, tuple[str, str]]:
    """What kinit and kvno say for all hosts of a lab."""
    code = f'{sys.executable} -c "{PLAIN}" > $WINRM_DOCTOR_LAB_DIR/plain.json && {sys.executable} -c "$0" $WINRM_DOCTOR_LAB_DIR/plain.json'
    done = inside(*arguments, "run", "--", "sh", "-c", code, GUEST)
    assert done.returncode == 0, done.stderr
    return {name: (one["kinit"], one["kvno"]) for name, one in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def seen() -> dict[str, tuple[str, str]]:
    """One lab for all hosts."""
    return tickets("--only", ",".join(SEEN))


@pytest.mark.parametrize("host", SEEN)
def test_kdc_says_what_the_scenario_says(seen: dict[str, tuple[str, str]], host: str) -> None:
    for said, expected in zip(seen[host], SEEN[host], strict=True):
        assert expected in said if expected else not said


@pytest.mark.parametrize("world", WORLDS)
def test_world_is_as_it_says(world: str) -> None:
    found = tickets("--world", world, "--only", ",".join(WORLDS[world]))
    for host, expected in WORLDS[world].items():
        assert expected[0] in found[host][0], found
        assert expected[1] in found[host][1], found


def test_every_world_is_tried_or_too_slow_for_kinit() -> None:
    # MIT waits some 18 seconds for a silent KDC; a clock behind is a clock ahead but for the sign.
    assert set(worlds()) - set(WORLDS) == {"kdc_silent", "kdc_behind"}


def test_silent_kdc_is_silent_over_tcp_and_udp_while_ldap_answers() -> None:
    code = """
import os, socket
where = os.environ["WINRM_DOCTOR_LAB_DC_ADDRESS"]
for kind, port in ((socket.SOCK_STREAM, 88), (socket.SOCK_DGRAM, 88), (socket.SOCK_STREAM, 389)):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(0.5)
        try:
            sock.connect((where, port))
            if kind == socket.SOCK_DGRAM:
                sock.send(b"x")
                sock.recv(9)
            print("answers")
        except OSError as error:
            print(type(error).__name__)
"""
    assert inside("--world", "kdc_silent", "run", "--", sys.executable, "-c", code).stdout.split() == ["TimeoutError", "TimeoutError", "answers"]


def test_directory_holds_each_account_in_its_state() -> None:
    names = {one.account["name"]: one.account.get("state", "ok") for one in load() if one.name.startswith("user")}
    asked = guests(search("(|" + "".join(f"(sAMAccountName={name})" for name in names) + ")"))
    found = {
        re.search(r"sAMAccountName: (.*)", entry)[1]: entry  # type: ignore[index]
        for entry in inside("--only", ",".join(one.name for one in load() if one.name.startswith("user")), *asked).stdout.split("# record")
        if "sAMAccountName: " in entry
    }
    marks = {
        "disabled": "userAccountControl: 514", "locked": "badPwdCount: 3", "expired": "accountExpires: 1", "must_change": "pwdLastSet: 0",
        "hours": "logonHours:: AAAA", "workstations": "userWorkstations: OFFICE01,OFFICE02", "protected": "memberOf: CN=Protected Users",
        "smartcard": "userAccountControl: 262656",
    }
    assert {name for name, state in names.items() if state == "unknown"} & set(found) == set()
    for name, state in names.items():
        if state in marks:
            assert marks[state] in found[name], found[name]


def test_names_have_the_owners_that_the_scenario_gives_them() -> None:
    spns = ("WSMAN/spn04.lab.test", "WSMAN/spn05.lab.test", "HTTP/spn05.lab.test", "WSMAN/spn02.lab.test", "HOST/spn02.lab.test", "WSMAN/newname06.lab.test")
    done = inside("--only", "spn02,spn04,spn05,spn06", *guests(*(search(f"(servicePrincipalName={spn})", "sAMAccountName") for spn in spns)))
    owners = [sorted(re.findall(r"sAMAccountName: (.*)", part)) for part in re.split(r"== \d\n", done.stdout)[1:]]
    assert owners == [["svc-web"], ["SPN05$", "svc-old"], ["svc-old"], [], ["SPN02$"], ["NEWNAME06$"]]


def test_policy_groups_rights_and_trust_are_there() -> None:
    lines = (
        search("(objectClass=domainDNS)", "lockoutThreshold"),
        search("(sAMAccountName=service)", "msDS-ResultantPSO"),
        search("(member:1.2.840.113556.1.4.1941:=CN=operator,CN=Users,DC=lab,DC=test)", "sAMAccountName"),
        search("(objectClass=trustedDomain)", "trustPartner", "trustDirection", "trustAttributes"),
        "samba-tool dsacl get -s $WINRM_DOCTOR_LAB_SMB_CONF -H $WINRM_DOCTOR_LAB_SAM --objectdn=OU=Servers,DC=lab,DC=test",
    )
    parts = re.split(r"== \d\n", inside("--only", "krb07", *guests(*lines)).stdout)[1:]
    assert "lockoutThreshold: 3" in parts[0]
    assert "CN=Services,CN=Password Settings Container" in parts[1]
    assert sorted(re.findall(r"sAMAccountName: (.*)", parts[2])) == ["Server Team", "Web Operators"]
    assert {"trustPartner: other.test", "trustDirection: 3", "trustAttributes: 8"} <= set(parts[3].splitlines())
    assert "f3a64788-5306-11d1-a9c5-0000f80367c1" in parts[4]


LOOK = """
import os, socket, ssl
name, where = os.environ["WINRM_DOCTOR_LAB_DC"], os.environ["WINRM_DOCTOR_LAB_DC_ADDRESS"]
with socket.create_connection((name, 636), 5) as sock:
    assert sock.getpeername()[0] == where
    try:
        ssl.create_default_context(cafile=os.environ["WINRM_DOCTOR_LAB_CA"]).wrap_socket(sock, server_hostname=name)
        print("good")
    except ssl.SSLCertVerificationError as error:
        print(error.verify_message)
"""


@pytest.mark.parametrize(
    ("lab", "expected"), [(("--domain", "--only", "web01"), "good"), (("--world", "ldap_untrusted"), "self-signed certificate in certificate chain")],
)
def test_ldaps_shows_the_certificate_that_the_scenario_says(lab: tuple[str, ...], expected: str) -> None:
    assert inside(*lab, "run", "--", sys.executable, "-c", LOOK).stdout == f"{expected}\n"


def test_environment_has_no_secret_and_files_are_private() -> None:
    private = "stat -c '%a %n' $WINRM_DOCTOR_LAB_DIR $WINRM_DOCTOR_LAB_DIR/*.keytab $WINRM_DOCTOR_LAB_ACCOUNTS"
    lines = ("env", private, "cat $WINRM_DOCTOR_LAB_ACCOUNTS", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    shown, modes, accounts, processes = re.split(r"== \d\n", inside("--only", "krb01,user07", *guests(*lines)).stdout)[1:]
    passwords = [word for realm in json.loads(accounts).values() for word in realm.values()]
    assert len(passwords) == len(set(passwords)) >= 7
    assert [word for word in passwords if word in shown or word in processes] == []
    assert {line.split()[0] for line in modes.splitlines()} == {"600", "700"}
    assert "KRB5_CONFIG=" in shown
    assert "KRB5CCNAME=FILE:" in shown


def test_two_labs_stand_side_by_side() -> None:
    line = "sleep 2; ldbsearch -H $WINRM_DOCTOR_LAB_SAM '(sAMAccountName=KRB01$)' dn"
    whole = [sys.executable, str(LAB), "--only", "krb01", "run", "--", "sh", "-c", line]
    both = [subprocess.Popen(whole, stdout=subprocess.PIPE, text=True) for _turn in range(2)]
    assert all("dn: CN=acct-krb01,OU=Servers" in one.communicate(timeout=120)[0] for one in both)


def test_without_a_cache_it_is_provisioned_anew(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from lab.domain import template; from lab.domain.realm import LAB; "
        "template.CACHE = pathlib.Path('/proc/nowhere'); template.fresh(LAB, pathlib.Path(sys.argv[2])); print('made')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(REPOSITORY / "tests"), str(tmp_path / "dc")], capture_output=True, text=True, timeout=120, check=False,
    )
    assert done.stdout == "made\n", done.stderr
    assert (tmp_path / "dc" / "private" / "sam.ldb").exists()


def test_it_needs_no_root(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    line = "kinit -k -t $WINRM_DOCTOR_LAB_DIR/krb01.keytab 'KRB01$' && klist"
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    whole = [*nobody, sys.executable, str(LAB), "--only", "krb01", "run", "--", "sh", "-c", line]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=180, check=False, env=environment, cwd="/")
    assert "Default principal: KRB01$@LAB.TEST" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def children(of: int) -> list[int]:
    """All processes below one."""
    found = [int(pid) for pid in Path(f"/proc/{of}/task/{of}/children").read_text().split()]
    return found + [below for one in found for below in children(one)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_and_no_file_is_left(tmp_path: Path, number: signal.Signals) -> None:
    whole = [sys.executable, str(LAB), "--only", "krb07", "up"]
    process = subprocess.Popen(whole, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert "KRB5_CONFIG=" in process.stdout.readline()
    below = children(process.pid)
    assert len(below) >= 2
    process.send_signal(number)
    assert process.wait(30) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    until = time.monotonic() + 10
    while (left := [pid for pid in below if alive(pid)]) and time.monotonic() < until:
        time.sleep(0.05)
    assert left == []
    # Nobody can clear up after SIGKILL, but the controllers end by themselves.
    assert number == signal.SIGKILL or list(tmp_path.iterdir()) == []


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_sigterm_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, str(LAB), "--only", "krb07", "up"], env={**os.environ, "TMPDIR": str(tmp_path)})
    until = time.monotonic() + 30
    while not list(tmp_path.glob("winrm-doctor-lab-*/lab")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []


def test_failure_of_samba_is_told_in_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    script = tmp_path / "lab.py"
    script.write_text(
        f"import sys; sys.argv[0] = __file__; sys.path.insert(0, {str(REPOSITORY / 'tests')!r})\n"
        "from lab import cli\nfrom lab.domain import controller\n"
        "controller.smb_conf, real = lambda *given: real(*given).replace('server services = ', 'server services = nonsense, '), controller.smb_conf\n"
        "sys.exit(cli.main())\n",
        encoding="utf-8",
    )
    folder = tmp_path / "tmp"
    folder.mkdir()
    whole = [sys.executable, str(script), "--only", "krb01", "run", "--", "true"]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "TMPDIR": str(folder)})
    assert done.returncode == 1
    assert re.match(r"lab: Samba ended with \d+ while it started: .*\. --no-domain starts the lab without Active Directory\.\n$", done.stderr), done.stderr
    assert list(folder.iterdir()) == []


def test_hosts_that_need_no_domain_start_none() -> None:
    done: t.Any = inside("--only", "web01,sql01", *guests("env"))
    assert "WINRM_DOCTOR_LAB_REALM" not in done.stdout
    assert "KRB5_CONFIG" not in done.stdout
