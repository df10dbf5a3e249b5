# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's cmd.exe: its grammar with the traps of the real one, and the forms of what its commands print."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

import pytest
from lab.inside import cmd, profiles
from lab.inside.languages import TEXTS
from lab.inside.model import Clock, Inside, Netlogon
from lab.messages import Account

WINRM = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinRM"
ADMIN, USER = Account("x"), Account("x", groups="remote_management_users")
MEMBER = profiles.fresh(domain="LAB", dns_domain="lab.test")


def said(line: str, inside: Inside = MEMBER, account: Account = ADMIN, **more: t.Any) -> tuple[int, str]:
    code, output = cmd.run(line, inside, account, "LAB\\operator", **more)
    return code, output.decode()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("echo one& echo two", "one\r\ntwo\r\n"),
        ("echo one & echo two", "one \r\ntwo\r\n"),
        ("hostname && echo yes || echo no", "WEB01\r\nyes \r\n"),
        ("nothere && echo yes || echo no", "no\r\n"),
        ("nothere 2>nul || echo no", "no\r\n"),
        ("(echo a& echo b) | findstr b", "b\r\n"),
        ("echo a^&b", "a&b\r\n"),
        ('echo "a&b"', '"a&b"\r\n'),
        ('echo "a^b"', '"a^b"\r\n'),
        ("echo %computername% %nosuch%", "WEB01 %nosuch%\r\n"),
        ("echo !computername!", "!computername!\r\n"),
        ('cmd /v:on /c "echo !computername!"', "WEB01\r\n"),
        ('cmd /v:on /c "echo !nosuch!."', ".\r\n"),
        ('cmd /c "echo a & echo b"', "a \r\nb\r\n"),
        ('cmd /v:on /c "set x=1& echo !x!& echo %x%"', "1\r\n%x%\r\n"),
        ('cmd /c "set x=1" & echo %x%', "%x%\r\n"),
        ("echo a>%TEMP%\\f& type %TEMP%\\f", "a\r\n"),
        ("echo a 2>&1>nul", ""),
        ("echo a>%TEMP%\\f& echo b>>%TEMP%\\f& findstr /v a %TEMP%\\f", "b\r\n"),
        ("rem x & echo never", "never\r\n"),
        ("echo a & exit /b 3 & echo b", "a \r\n"),
        ("%SystemRoot%\\System32\\hostname.exe", "WEB01\r\n"),
        ('"C:\\Windows\\System32\\hostname.exe"', "WEB01\r\n"),
        ("", ""),
    ],
)
def test_line_is_read_as_cmd_reads_it(line: str, shown: str) -> None:
    code, text = said(line)
    # Standard error of what is not there comes first; it is looked at elsewhere.
    assert text.replace(TEXTS["not_recognized"][0].format("nothere"), "") == shown
    assert code in (0, 3, 9009, 255)


def test_exit_code_is_read_when_its_turn_comes_and_not_inside_a_pipe() -> None:
    commands = {"A": "reg query HKLM\\NO", "B": "hostname", "C": "hostname | findstr x"}
    told = " & ".join(f"{command} & echo {name}:!errorlevel!" for name, command in commands.items())
    text = said(f'cmd /v:on /c "{told}"')[1]
    assert re.findall(r"[ABC]:\d+", text) == ["A:1", "B:0", "C:1"]
    assert said('cmd /v:on /c "echo !errorlevel! | findstr e"')[1] == "!errorlevel! \r\n"
    assert said('cmd /v:on /c "hostname& echo %errorlevel%"') == (0, "WEB01\r\n0\r\n")


def test_quotes_inside_quotes_switch_quoting_off_for_the_outer_cmd() -> None:
    key = '"HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"'
    code, text = said(f'cmd /v:on /c "echo a & reg query {key} /v UBR & echo !errorlevel!"')
    assert code == 0
    assert text.startswith("a \r\n\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n    UBR    REG_DWORD    0xaca\r\n\r\n0\r\n")
    # The ampersand between the inner quotes is the outer cmd's: the line is torn there.
    assert said('cmd /v:on /c "echo "a&echo b" "')[1].count("\r\n") >= 1
    assert "b" in said('cmd /c "findstr "a&echo b""')[1]


NONSENSE = [
    "echo a &", "& echo a", "echo a | | echo b", "(echo a", "echo a && ", "echo a >", "a)b(", ")", '"', "^", "cmd /c", "!" * 50, "(" * 500, "echo a&" * 1000,
]


@pytest.mark.parametrize("line", NONSENSE)
def test_nonsense_ends(line: str) -> None:
    said(line)
    said(f'cmd /v:on /c "{line}"')


def test_line_that_is_too_long_does_not_run() -> None:
    assert said(f"hostname & rem {'x' * 8200}") == (1, "The command line is too long.\r\n")
    assert said(f"hostname & rem {'x' * 8000}") == (0, "WEB01\r\n")


def test_unknown_command_is_told_in_the_host_s_language() -> None:
    assert said("winrs2 -x") == (9009, "'winrs2' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n")
    code, text = said("winrs2", replace(MEMBER, language="de"))
    assert (code, text) == (9009, 'Der Befehl "winrs2" ist entweder falsch geschrieben oder\r\nkonnte nicht gefunden werden.\r\n')


def test_files_are_those_of_the_host_and_can_be_taken_away_again() -> None:
    files: dict[str, bytes] = {}
    said("echo x>%TEMP%\\a.txt", files=files)
    assert list(files) == ["c:\\users\\operator\\appdata\\local\\temp\\a.txt"]
    assert said('type "%TEMP%\\A.TXT" & del /q "%TEMP%\\a.txt"', files=files) == (0, "x\r\n")
    assert files == {}
    assert said("type %TEMP%\\a.txt", files=files)[0] == 1


def test_findstr_takes_several_texts() -> None:
    lines = "(echo LPort=5985& echo LPort=445& echo winrm)"
    assert said(f'{lines} | findstr /i /c:"WINRM" /c:5985')[1] == "LPort=5985\r\nwinrm\r\n"
    assert said(f"{lines} | findstr /v LPort")[1] == "winrm\r\n"
    assert said(f'{lines} | findstr "59.5 nothing"')[1] == "LPort=5985\r\n"
    assert said(f"{lines} | findstr x") == (1, "")


def test_registry_key_has_the_form_of_reg_query() -> None:
    code, text = said(f"reg query {WINRM}")
    assert code == 0
    assert text.startswith("\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\WinRM\r\n    DisplayName    REG_SZ    @")
    assert "    Start    REG_DWORD    0x2\r\n" in text
    assert "    DependOnService    REG_MULTI_SZ    RPCSS\\0HTTP\r\n" in text
    assert "    ImagePath    REG_EXPAND_SZ    %SystemRoot%\\" in text
    assert "    DelayedAutostart    REG_DWORD    0x1\r\n" in text


def test_subkeys_stand_behind_the_values_and_with_s_become_keys_of_their_own() -> None:
    key = "hklm\\software\\microsoft\\windows\\currentversion\\wsman"
    assert said(f"reg query {key}")[1].endswith("\\wsman\\Service\r\nHKEY_LOCAL_MACHINE\\software\\microsoft\\windows\\currentversion\\wsman\\WinRS\r\n")
    deep = said(f"reg query {key} /s")[1]
    assert "\r\n\r\nHKEY_LOCAL_MACHINE\\software\\microsoft\\windows\\currentversion\\wsman\\Listener\\*+HTTP\r\n    Port    REG_DWORD    0x1761\r\n" in deep
    assert "\\wsman\\CertMapping\r\n" not in deep
    assert "\\wsman\\CertMapping\r\n" in said(f"reg query {key} /s", replace(MEMBER, manner={"reg.empty": "shown"}))[1]


def test_default_value_has_a_translated_name() -> None:
    key = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName"
    assert "    (Default)    REG_SZ    mnmsrvc\r\n" in said(f"reg query {key}")[1]
    assert "    (Standard)    REG_SZ    mnmsrvc\r\n" in said(f"reg query {key} /ve", replace(MEMBER, language="de"))[1]


def test_absent_and_denied_keys_differ_in_the_text_alone() -> None:
    closed = replace(MEMBER, forbidden=("registry:HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinRM",))
    assert said("reg query HKLM\\SOFTWARE\\NoSuch") == (1, "ERROR: The system was unable to find the specified registry key or value.\r\n")
    assert said(f"reg query {WINRM} /v NoSuch") == (1, "ERROR: The system was unable to find the specified registry key or value.\r\n")
    assert said(f"reg query {WINRM}", closed) == (1, "ERROR: Access is denied.\r\n")
    assert said("reg query HKLM\\SECURITY") == (1, "ERROR: Access is denied.\r\n")
    assert said(f"reg query {WINRM}", replace(closed, language="de")) == (1, "FEHLER: Zugriff verweigert\r\n")
    code, text = said("reg query HKLM\\SYSTEM\\CurrentControlSet\\Services /s", closed)
    assert code == 0
    assert "\\Services\\WinRM\r\n" not in text
    assert "\\Services\\W32Time\r\n" in text
    assert text.endswith("ERROR: Access is denied.\r\n")


def test_search_for_a_value_counts() -> None:
    code, text = said("reg query HKLM\\SYSTEM\\CurrentControlSet\\Services /s /v DelayedAutostart")
    assert code == 0
    assert text.endswith("\r\nEnd of search: 1 match(es) found.\r\n")


def test_streams_are_apart() -> None:
    chunks = list(cmd.start("hostname & nothere", MEMBER, ADMIN, "x"))
    assert [chunk.stream for chunk in chunks] == ["stdout", "stderr"]
    assert {chunk.delay for chunk in chunks} == {0.0}


def test_slow_command_says_how_long_and_a_dead_one_never_ends() -> None:
    slow = cmd.start("hostname & nltest /sc_query:LAB & hostname", replace(MEMBER, slow={"command:nltest": 2.5}), ADMIN, "x")
    assert [chunk.delay for chunk in slow] == [0.0, 2.5, 0.0, 0.0]
    dead = list(cmd.start("hostname & nltest /sc_query:LAB & hostname", replace(MEMBER, slow={"command:nltest": -1}), ADMIN, "x"))
    assert [chunk.delay for chunk in dead] == [0.0, -1.0]


def test_forbidden_command_is_told_in_cmd_s_words() -> None:
    assert said("nltest /sc_query:LAB", replace(MEMBER, forbidden=("command:nltest",))) == (5, "Access is denied.\r\n")


def test_secure_channel_has_a_status_on_its_lines() -> None:
    assert re.findall(r"Status = (\d+)", said("nltest /sc_query:LAB")[1]) == ["0"]
    assert re.findall(r"Status = (\d+)", said("nltest /sc_verify:LAB")[1]) == ["0", "0"]
    broken = replace(MEMBER, netlogon=Netlogon(1787, 0, "dc1.lab.test"))
    assert "Trusted DC Connection Status Status = 1787 0x6fb ERROR_NO_TRUST_SAM_ACCOUNT" in said("nltest /sc_query:LAB", broken)[1]
    gone = replace(MEMBER, netlogon=Netlogon(1722, 1355, ""))
    assert said("nltest /sc_query:LAB", gone) == (1722, "I_NetLogonControl failed: Status = 1722 0x6ba RPC_S_SERVER_UNAVAILABLE\r\n")
    assert said("nltest /dsgetdc:LAB", gone) == (1355, "Getting DC name failed: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN\r\n")
    assert "DC: \\\\dc1.lab.test\r\n      Address: \\\\127.66.0.10\r\n" in said("nltest /dsgetdc:lab.test")[1]
    assert "Status = 5 0x5" in said("nltest /sc_query:LAB", account=USER)[1]


def test_time_is_told_in_both_languages_with_the_same_numbers() -> None:
    ahead = replace(MEMBER, clock=Clock("NT5DS", (), "", False, 900.0))
    for language in ("en", "de"):
        status = said("w32tm /query /status", replace(ahead, language=language))[1]
        assert re.match(r"[^:]+: 3\(", status)
        assert "Local CMOS Clock" in status
        chart = said("w32tm /stripchart /computer:dc1.lab.test /samples:2 /dataonly", replace(ahead, language=language))[1]
        assert re.findall(r"\d\d:\d\d:\d\d, ([+-][\d.]+)s", chart) == ["-900.0000000"] * 2
    assert re.match(r"[^:]+: 0\(", said("w32tm /query /status", replace(MEMBER, clock=Clock(source="dc1.lab.test")))[1])
    unreachable = replace(MEMBER, netlogon=Netlogon(0, 1355, ""))
    assert "error: 0x800705B4" in said("w32tm /stripchart /computer:dc1 /samples:1 /dataonly", unreachable)[1]
    workgroup = profiles.fresh()
    assert said("w32tm /query /status", workgroup)[0] == 0x80070426 - 2**32
    assert "(0x80070426)" in said("w32tm /query /status", workgroup)[1]


def test_own_tickets_are_not_there_and_the_machine_s_are() -> None:
    assert "klist failed with 0xc000005f/-1073741729" in said("klist")[1]
    shown = said("klist -li 0x3e7")[1]
    assert "Cached Tickets: (4)" in shown
    assert "#0>\tClient: web01$ @ LAB.TEST\r\n\tServer: krbtgt/LAB.TEST @ LAB.TEST\r\n\tKerbTicket Encryption Type: AES-256-CTS-HMAC-SHA1-96\r\n" in shown
    assert "0xc0000061" in said("klist -li 0x3e7", account=USER)[1]


def test_rights_come_in_a_file_of_utf_16() -> None:
    files: dict[str, bytes] = {}
    client = profiles.fresh("windows10", computer="PC1")
    assert said('secedit /export /areas USER_RIGHTS /cfg "%TEMP%\\r.inf" /quiet', client, files=files) == (0, "")
    data = next(iter(files.values()))
    assert data.startswith(b"\xff\xfe[\0U\0")
    text = said("type %TEMP%\\r.inf", client, files=files)[1]
    assert "\r\nSeNetworkLogonRight = *S-1-1-0,*S-1-5-32-544,*S-1-5-32-545,*S-1-5-32-551\r\n" in text
    assert "\r\nSeDenyNetworkLogonRight = Guest\r\n" in text
    assert "Access is denied" in said("secedit /export /areas USER_RIGHTS /cfg x.inf", account=USER)[1]


def test_token_of_a_filtered_administrator_has_the_group_for_denying() -> None:
    machine = profiles.hashed_sid("WEB01")
    known, members = MEMBER.groups[profiles.ADMINISTRATORS]
    inside = replace(MEMBER, groups={**MEMBER.groups, profiles.ADMINISTRATORS: (known, (*members, ("WEB01\\rescue", f"{machine}-1001")))})
    account = Account("x", local=True, filtered=True)
    code, output = cmd.run("whoami /user /groups /fo csv /nh", inside, account, "WEB01\\rescue")
    assert code == 0
    text = output.decode()
    assert text.startswith(f'"web01\\rescue","{machine}-1001"\r\n')
    assert '"BUILTIN\\Administrators","Alias","S-1-5-32-544","Group used for deny only"\r\n' in text
    assert '"S-1-5-114"' in text
    assert '"S-1-16-8448",""' in text


def test_group_is_found_by_the_host_s_own_word() -> None:
    german = profiles.fresh(language="de", domain="LAB", dns_domain="lab.test")
    code, text = said("net localgroup Administratoren", german)
    assert code == 0
    assert text.endswith("-------\r\nAdministrator\r\nLAB\\Domänen-Admins\r\nDer Befehl wurde erfolgreich ausgeführt.\r\n\r\n")
    assert said("net localgroup Administrators", german)[0] == 2


def test_service_is_told_by_numbers() -> None:
    assert "        STATE              : 4  RUNNING \r\n" in said("sc query WinRM")[1]
    assert "        START_TYPE         : 2   AUTO_START  (DELAYED)\r\n" in said("sc qc WinRM")[1]
    assert said("sc query nosuch")[0] == 1060
    assert said("sc query nosuch")[1].startswith("[SC] EnumQueryServicesStatus:OpenService FAILED 1060:")


def test_http_driver_is_told_by_netsh() -> None:
    inside = replace(MEMBER, listen_only=("192.0.2.1",), bindings={"0.0.0.0:5986": ("AB" * 20, profiles.WINRM_APPLICATION)})
    assert said("netsh http show iplisten", inside)[1].endswith("\r\n\r\n    192.0.2.1\r\n\r\n")
    shown = said("netsh http show sslcert", replace(inside, language="de"))[1]
    assert f" : 0.0.0.0:5986\r\n    Zertifikathash               : {'ab' * 20}\r\n" in shown
    assert f"SDDL: {profiles.WSMAN_ACL}" in said("netsh http show urlacl", inside)[1]
    assert "HTTP://+:5985/WSMAN/" in said("netsh http show servicestate", inside)[1]


@pytest.mark.parametrize("key", TEXTS)
def test_texts_of_both_languages_take_the_same(key: str) -> None:
    english, german = TEXTS[key]
    assert set(re.findall(r"\{(\d?)", english)) == set(re.findall(r"\{(\d?)", german))
    assert "\n" not in re.sub("\r\n", "", english + german)
