# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The explanation of codes and texts, in every notation people paste."""

from __future__ import annotations

import json
import socket
import ssl
import time
import traceback

import pytest
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError
from ansible_collections.winrm.doctor.plugins.module_utils.explain import explain
from ansible_collections.winrm.doctor.plugins.module_utils.explain_lookup import FAMILIES, SENTENCES, WIDE

KEYS = {"input", "recognised", "code", "meaning", "causes", "next_check", "fix", "docs", "also"}


def said(value: object) -> tuple[str | None, str | None]:
    code = explain(value)["code"]
    return code["family"], code["symbol"]


def causes(value: object) -> list[str]:
    return [item["cause"] for item in explain(value)["causes"]]


@pytest.mark.parametrize("value", [
    "0x80338012", "0X80338012", "80338012", " 0x80338012\n", "-2144108526", -2144108526, "2150858770", 2150858770,
    "ERROR_WSMAN_DESTINATION_UNREACHABLE", "error_wsman_destination_unreachable", "DESTINATION_UNREACHABLE",
    "errorCode=2150858770", 'Code="2150858770"', "HRESULT 0x80338012.", "failed with error code -2144108526.",
])
def test_one_code_in_every_notation(value):
    result = explain(value)
    assert result["code"] == {"family": "WSMan", "symbol": "ERROR_WSMAN_DESTINATION_UNREACHABLE", "hex": "0x80338012",
                              "unsigned": 2150858770, "signed": -2144108526}
    assert [item["cause"] for item in result["causes"]] == ["service_config", "firewall", "network"]


@pytest.mark.parametrize("value", [
    37, "37", "0x25", -1765328347, "-1765328347", 2529638949, "KRB_AP_ERR_SKEW", "krb5krb_ap_err_skew", "SKEW", "Clock skew too great",
    "kinit: Clock skew too great while getting initial credentials", "KDC error 37", "Failure Code: 0x25 in event 4769",
])
def test_one_kerberos_error_in_every_notation(value):
    result = explain(value)
    assert (result["code"]["symbol"], result["code"]["mit_minor"]) == ("KRB_AP_ERR_SKEW", -1765328347)
    assert result["causes"][0]["cause"] == "time_skew"


@pytest.mark.parametrize(("value", "family", "symbol"), [
    ("0x80090322", "HRESULT", "SEC_E_WRONG_PRINCIPAL"),
    (80090322, "HRESULT", "SEC_E_WRONG_PRINCIPAL"),
    ("WRONG_PRINCIPAL", "HRESULT", "SEC_E_WRONG_PRINCIPAL"),
    ("C000006A", "NTSTATUS", "STATUS_WRONG_PASSWORD"),
    ("KDC_ERR_S_PRINCIPAL_UNKNOWN", "Kerberos", "KDC_ERR_S_PRINCIPAL_UNKNOWN"),
    (-1765328377, "Kerberos", "KDC_ERR_S_PRINCIPAL_UNKNOWN"),
    (2529638919, "Kerberos", "KDC_ERR_S_PRINCIPAL_UNKNOWN"),
    (-1765328228, "MIT krb5", "KRB5_KDC_UNREACH"),
    ("0x8007052E", "HRESULT", "ERROR_LOGON_FAILURE"),
    (2147942405, "HRESULT", "E_ACCESSDENIED"),
    (5, "Win32", "ERROR_ACCESS_DENIED"),
    (1326, "Win32", "ERROR_LOGON_FAILURE"),
    (12029, "WinHTTP", "ERROR_WINHTTP_CANNOT_CONNECT"),
    ("WinError 10061", "Win32", "WSAECONNREFUSED"),
    ("System error 1722 has occurred.", "Win32", "RPC_S_SERVER_UNAVAILABLE"),
    ("401", "HTTP", "HTTP 401 Unauthorized"),
    ("HTTP/1.1 503 Service Unavailable", "HTTP", "HTTP 503 Service Unavailable"),
    ("401 Client Error: for url: http://web01:5985/wsman", "HTTP", "HTTP 401 Unauthorized"),
    ("received an HTTP status code of 404 from the remote WS-Management service", "HTTP", "HTTP 404 Not Found"),
    ("event 192", "Event", "Microsoft-Windows-WinRM/Operational 192"),
    ("<EventID Qualifiers='0'>10154</EventID>", "Event", "System (WinRM) 10154"),
    ("verify error:num=20:unable to get local issuer certificate", "X509", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
    ("tlsv1 alert unknown ca (SSL alert number 48)", "TLS alert", "unknown_ca"),
    ("80090308: LdapErr: DSID-0C09, comment: AcceptSecurityContext error, data 775, v4563", "Win32", "ERROR_ACCOUNT_LOCKED_OUT"),
    ("I_NetLogonControl failed: Status = 1355 0x54b ERROR_NO_SUCH_DOMAIN", "Win32", "ERROR_NO_SUCH_DOMAIN"),
    ("0x803381A5", "WSMan", "ERROR_WSMAN_QUOTA_MAX_SHELLS"),
    ("0x80338090", "WSMan", "ERROR_WSMAN_FRAGMENT_DIALECT_REQUESTED_UNAVAILABLE"),
])
def test_codes_of_every_family(value, family, symbol):
    assert explain(value)["recognised"]
    assert said(value) == (family, symbol)


def test_every_code_of_the_tables_explains_itself():
    for family, entries in FAMILIES.items():
        for number, entry in entries.items():
            if family in WIDE:
                assert said(number) == (family, entry.symbol)
                assert said(f"0x{number:08x}") == (family, entry.symbol)
            if family != "Event" and family != "HTTP":
                readings = explain(entry.symbol)
                found = [readings["code"], *[item["code"] for item in readings["also"]]]
                assert any(code["symbol"] == entry.symbol for code in found), entry


@pytest.mark.parametrize(("text", "symbol"), [
    ("ntlm: the specified credentials were rejected by the server", "HTTP 401 Unauthorized"),
    ("failed to authenticate with the server: Failed to authenticate the user LAB\\bob with negotiate", "HTTP 401 Unauthorized"),
    ("ssl: auth method ssl requires a password", "PASSWORD_MISSING"),
    ("For basic auth, the username must be specified", "USERNAME_MISSING"),
    ("kerberos: the python kerberos library is not installed", "KERBEROS_LIBRARY_MISSING"),
    ("WinRM Kerberos authentication requested but the python kerberos library is not installed. Please install the pykerberos library",
     "KERBEROS_LIBRARY_MISSING"),
    ("pypsrp or dependencies are not installed: No module named 'pypsrp'", "PYPSRP_MISSING"),
    ("winrm or requests is not installed: No module named 'winrm'", "PYWINRM_MISSING"),
    ("The server did not response with one of the following authentication methods Negotiate, Kerberos, NTLM - actual: 'Basic realm=\"WSMAN\"'",
     "SCHEME_NOT_OFFERED"),
    ("Access denied: Server did not respond with NTLM challenge token", "NTLM_NO_CHALLENGE"),
    ("basic: Bad HTTP response returned from server. Code 500", "HTTP 500 Internal Server Error"),
    ("Bad HTTP response returned from the server. Code: 400, Content: ''", "HTTP 400 Bad Request"),
    ("Kerberos auth failure for principal bob@LAB.TEST: kinit: Preauthentication failed while getting initial credentials", "KDC_ERR_PREAUTH_FAILED"),
    ("Kerberos auth failure for principal bob@LAB.TEST: kinit: Client 'bob@LAB.TEST' not found in Kerberos database while getting initial credentials",
     "KDC_ERR_C_PRINCIPAL_UNKNOWN"),
    ("on server web01: kinit: Client 'bob@LAB.TEST' not found in Kerberos database", "KDC_ERR_C_PRINCIPAL_UNKNOWN"),
    ("Server HTTP/web01.lab.test@LAB.TEST not found in Kerberos database", "KDC_ERR_S_PRINCIPAL_UNKNOWN"),
    ("kinit: Cannot find KDC for realm \"LAB.TEST\" while getting initial credentials", "KRB5_REALM_UNKNOWN"),
    ("kinit: Cannot contact any KDC for realm 'LAB.TEST' while getting initial credentials", "KRB5_KDC_UNREACH"),
    ("kinit: Client\u2019s credentials have been revoked while getting initial credentials", "KDC_ERR_CLIENT_REVOKED"),
    ("kinit: KDC reply did not match expectations while getting initial credentials", "REALM_SPELLING"),
    ("Kerberos auth failure when calling kinit cmd 'kinit': [Errno 2] No such file or directory", "KINIT_MISSING"),
    ("kerberos: authGSSClientStep() failed: (('Unspecified GSS failure.  Minor code may provide more information', 851968), "
     "('Server not found in Kerberos database', -1765328377))", "KDC_ERR_S_PRINCIPAL_UNKNOWN"),
    ("HTTPSConnectionPool(host='web01', port=5986): Max retries exceeded with url: /wsman (Caused by SSLError(SSLCertVerificationError(1, "
     "'[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)')))", "DEPTH_ZERO_SELF_SIGNED_CERT"),
    ("certificate verify failed: self signed certificate in certificate chain (_ssl.c:1129)", "SELF_SIGNED_CERT_IN_CHAIN"),
    ("certificate verify failed: Hostname mismatch, certificate is not valid for 'web01'.", "HOSTNAME_MISMATCH"),
    ("certificate verify failed: IP address mismatch, certificate is not valid for '10.0.0.5'.", "IP_ADDRESS_MISMATCH"),
    ("HTTPConnectionPool(host='web01', port=5985): Max retries exceeded with url: /wsman (Caused by NewConnectionError('<urllib3.connection."
     "HTTPConnection object at 0x7f3c5c0d>: Failed to establish a new connection: [Errno 111] Connection refused'))", "ECONNREFUSED"),
    ("(Caused by NameResolutionError(\"HTTPConnection(host='web01', port=5985): Failed to resolve 'web01' ([Errno -2] Name or service not known)\"))",
     "EAI_NONAME"),
    ("Connection to web01 timed out. (connect timeout=30)", "CONNECT_TIMEOUT"),
    ("the connection attempt timed out", "ANSIBLE_TIMEOUT"),
    ("('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))", "REMOTE_CLOSED"),
    ("('Connection aborted.', BadStatusLine('SSH-2.0-x'))", "NOT_HTTP"),
    ("no element found: line 1, column 0", "EMPTY_ANSWER"),
    ("GSSAPIProxy requires the Python gssapi library: No module named 'gssapi'", "GSSAPI_MISSING"),
    ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "TLS_TO_PLAIN_PORT"),
    ("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version", "protocol_version"),
    ("Failed to connect to the host via ssh: ssh: connect to host web01 port 22: Network is unreachable", "ENETUNREACH"),
    ("Received a WSManFault message. (Code: 5, Machine: web01, Reason: Accesso negato. )", "ERROR_ACCESS_DENIED"),
    ("The shell failed (extended fault data: {'transport_message': 'Bad HTTP response returned from server. Code 500', 'http_status_code': 500, "
     "'wsmanfault_code': 2150858843})", "ERROR_WSMAN_UNEXPECTED_SELECTORS"),
    ("An account failed to log on. EventID 4625 Status: 0xC000006D Sub Status: 0xC0000064", "STATUS_NO_SUCH_USER"),
])
def test_the_sentences_that_people_really_see(text, symbol):
    assert explain(text)["code"]["symbol"] == symbol


def test_every_sentence_is_found_in_upper_case_and_broken_over_lines():
    for sentence, entry in SENTENCES:
        text = sentence.replace(" ... ", " SOMETHING ").upper().replace(" ", "\n   ")
        found = explain(f"prefix: {text}: suffix")
        symbols = [found["code"]["symbol"], *[item["code"]["symbol"] for item in found["also"]]]
        assert any(entry.symbol in (symbol or "") for symbol in symbols), sentence


def test_a_401_never_proves_a_bad_password():
    result = explain("credssp: the specified credentials were rejected by the server")
    assert len(result["causes"]) == 12
    assert all(item["strength"] != "strong" for item in result["causes"])
    assert {"credentials", "permissions", "ntlm_blocked", "message_encryption", "channel_binding", "domain_trust"} <= set(causes("401"))
    assert "lockout" in result["next_check"]


@pytest.mark.parametrize("value", [3603, "3603", "Event ID 3603", "WinRM 3603", "event 3603 Microsoft-Windows-WinRM/Operational", "<EventID>3603</EventID>"])
def test_3603_is_called_a_label(value):
    result = explain(value)
    assert result["docs"] == "docs/event-3603.md"
    assert "label" in result["meaning"]
    assert "manifest" in result["meaning"]
    assert result["causes"] == []
    assert "4625" in result["next_check"]


def test_an_ambiguous_number_names_all_its_families():
    result = explain(18)
    assert result["code"]["symbol"] == "KDC_ERR_CLIENT_REVOKED"
    assert [item["code"]["symbol"] for item in result["also"]] == ["DEPTH_ZERO_SELF_SIGNED_CERT", "KDC_ERR_PREAUTH_FAILED"]
    assert {item["relation"] for item in result["also"]} == {"another reading of the number"}


def test_the_most_specific_of_several_codes_answers():
    result = explain("HTTP 500: WSManFault Code=\"2150859173\"; kinit: Clock skew too great; max retries exceeded")
    assert result["code"]["symbol"] in ("ERROR_WSMAN_QUOTA_MAX_SHELLS", "KRB_AP_ERR_SKEW")
    assert {item["code"]["symbol"] for item in result["also"]} >= {"HTTP 500 Internal Server Error", "MAX_RETRIES"}


def fault(detail: str) -> str:
    return (f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Detail>{detail}</s:Detail></s:Fault></s:Body></s:Envelope>')


def test_faults_of_both_shapes_are_read_by_their_number():
    first = fault('<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="5" Machine="web01">'
                  '<f:Message>Zugriff verweigert </f:Message></f:WSManFault>')
    second = fault('<p:MSFT_WmiError><p:error_Code>2150859174</p:error_Code><p:MessageID>HRESULT 0x803381a6</p:MessageID></p:MSFT_WmiError>')
    assert said(first) == ("Win32", "ERROR_ACCESS_DENIED")
    assert said(second) == ("WSMan", "ERROR_WSMAN_QUOTA_MAX_OPERATIONS")


def test_stack_frames_are_not_taken_for_codes():
    text = 'Traceback (most recent call last):\n  File "/usr/lib/x.py", line 401, in send\n    raise Event(192)  # HTTP 503\nValueError: nothing known\n'
    assert not explain(text)["recognised"]
    assert not explain(json.dumps(text))["recognised"]


def test_a_real_traceback_is_read_down_to_its_root():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    text = ""
    try:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError as error:
            raise RuntimeError("psrp connection failure during runspace open") from error
    except RuntimeError:
        text = traceback.format_exc()
    result = explain(text)
    assert result["code"]["symbol"] == "ECONNREFUSED"
    assert "PSRP_OPEN" in [item["code"]["symbol"] for item in result["also"]]


def test_pythons_own_certificate_error_is_understood():
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006)")
    assert said(str(error)) == ("X509", "CERT_HAS_EXPIRED")


def test_pypsrp_and_pywinrm_exceptions_are_understood():
    pypsrp = pytest.importorskip("pypsrp.exceptions")
    winrm = pytest.importorskip("winrm.exceptions")
    assert said(str(pypsrp.WSManFaultError(5, "web01", "Access is denied. ", None, None, None))) == ("Win32", "ERROR_ACCESS_DENIED")
    assert said(str(pypsrp.WinRMTransportError("http", 503, ""))) == ("HTTP", "HTTP 503 Service Unavailable")
    assert said(str(winrm.WinRMTransportError("http", 404, ""))) == ("HTTP", "HTTP 404 Not Found")
    pywinrm = winrm.WSManFaultError(500, "Bad HTTP response returned from server. Code 500", "", "quota", wsman_fault_code=0x803381A5)
    assert said(str(pywinrm)) == ("WSMan", "ERROR_WSMAN_QUOTA_MAX_SHELLS")


@pytest.mark.parametrize("value", ["", "   ", "hello world", "7f3c", "99999", 99999, "9" * 5000, 2**70, -(2**70), "0x123456789", "line 401",
                                   "exit code 5", "return code 1326", "12345678-1234-1234-1234-8009030cabcd",
                                   "8009030c-1234-1234-1234-1234567890ab", "\x00\ud800", "it took 401 seconds on 2150858.770"])
def test_the_unknown_is_said_to_be_unknown(value):
    result = explain(value)
    assert set(result) == KEYS
    assert not result["recognised"]
    assert result["input"] == ""
    assert result["causes"] == []
    assert "0x80090322" in result["next_check"]


def test_an_unknown_code_of_a_known_form_is_still_converted():
    assert explain("0xC0001234")["code"] == {"family": "NTSTATUS", "symbol": None, "hex": "0xC0001234", "unsigned": 3221230132, "signed": -1073737164}


@pytest.mark.parametrize(("value", "words"), [
    (None, "nothing (None)"), (True, "the value True"), (1.5, "the value 1.5"), ({"msg": "secret"}, "a dictionary"), (["0x5"], "a list"), (b"5", "bytes"),
])
def test_other_types_are_refused_with_a_sentence(value, words):
    with pytest.raises(DoctorError) as caught:
        explain(value)
    assert f"explain was given {words}. Expected: a code in hex" in caught.value.sentence
    assert "secret" not in caught.value.sentence
    assert caught.value.do


def test_a_dictionary_is_told_where_the_text_is():
    with pytest.raises(DoctorError, match=r"Give it the text inside, such as result\.msg\."):
        explain({})


def test_results_are_plain_json_with_the_documented_keys():
    for value in (5, "401", 3603, "kinit: Password incorrect", "nothing"):
        result = explain(value)
        assert set(result) == KEYS
        assert json.loads(json.dumps(result)) == result
        assert set(result["code"]) - {"mit_minor"} == {"family", "symbol", "hex", "unsigned", "signed"}


def test_nothing_but_the_recognised_piece_is_repeated():
    secret = "Sup3r-S3cret!"
    text = (f"Failed to authenticate the user {secret} with ntlm; event id {secret} 4625; password={secret} Code: 5 {secret}; "
            f"Server {secret} not found in Kerberos database; auth method {secret} requires a password; HTTP {secret} 401 Unauthorized")
    result = explain(text)
    assert result["recognised"]
    assert len(result["also"]) >= 3
    assert secret.lower() not in json.dumps(result).lower()


@pytest.mark.parametrize("piece", [
    "a", " ", "\n", "0x", "A_", "A_B", "server ", "http error ", "-1", "2150858770 ", "code: 5 ", "event ", '  File "x", line 1\n', "\\n",
    "failed to authenticate the user ",
    " not found in kerberos database", "\u0130", "8009030c-", "auth method ",
])
def test_huge_hostile_texts_end_quickly(piece):
    text = piece * (2_000_000 // len(piece))
    started = time.monotonic()
    result = explain(text)
    assert time.monotonic() - started < 10
    assert len(json.dumps(result)) < 20_000


def test_the_end_of_a_huge_text_counts():
    assert said("x " * 100_000 + "\nkinit: Preauthentication failed") == ("Kerberos", "KDC_ERR_PREAUTH_FAILED")
