# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry values that bear on WinRM logons: where they stand, what each number does, what their absence means, and the policy's name in the editor.

Keys, names and the editor's words of WinRM come from WindowsRemoteManagement.admx, WindowsRemoteShell.admx and CredSsp.admx, those of security options from
the security baselines and the collection scripts of Microsoft's support; numbers of the Restrict NTLM options as published by several audit tools.
"""

from __future__ import annotations

import typing as t

WINRM = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM"
DELEGATION = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\CredentialsDelegation"
SYSTEM = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
LSA = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa"
NETLOGON = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Netlogon\\Parameters"
SCHANNEL = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL"
CIPHERS = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Cryptography\\Configuration\\SSL\\00010002"
HTTP = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters"
SERVICE, CLIENT, SHELL = f"{WINRM}\\Service", f"{WINRM}\\Client", f"{WINRM}\\Service\\WinRS"
MSV, KERBEROS, ETYPES = f"{LSA}\\MSV1_0", f"{LSA}\\Kerberos\\Parameters", f"{SYSTEM}\\Kerberos\\Parameters"
CREDSSP = f"{SYSTEM}\\CredSSP\\Parameters"
POLICY_KEYS = (WINRM, DELEGATION, CIPHERS)
"""What only Group Policy writes; security options are written into the same place as by hand."""


class PolicyRow(t.NamedTuple):
    """One value."""

    area: str
    key: str
    name: str
    setting: str
    """The policy's English name in the editor; "" where there is none."""
    means: t.Mapping[str, str]
    """Value, as text, to what it does."""
    other: str = "It is set to {value}."
    """What every other value does."""
    absent: str = ""
    """What its absence means, where that matters."""


def _switch(area: str, key: str, name: str, setting: str, on: str, off: str, absent: str = "") -> PolicyRow:
    return PolicyRow(area, key, name, setting, {"1": on, "0": off}, absent=absent)


_NTLM_OPTION = "Network security: Restrict NTLM: "
_SESSION = {
    "0": "NTLM needs no session security.", "524288": "NTLM without NTLMv2 session security is refused.",
    "536870912": "NTLM without 128-bit encryption is refused.", "537395200": "NTLM without NTLMv2 session security and 128-bit encryption is refused.",
}

SERVICE_ROWS = (
    PolicyRow(
        "winrm_service", SERVICE, "AllowAutoConfig", "Allow remote server management through WinRM", {
            "1": "Policy makes the service listen for HTTP, on the addresses of the policy's filters.",
            "0": "Policy lets the service accept no remote requests, whatever listeners there are.",
        },
    ),
    PolicyRow(
        "winrm_service", SERVICE, "IPv4Filter", "Allow remote server management through WinRM",
        {"*": "The service listens on all IPv4 addresses.", "": "The service listens on no IPv4 address."}, "The service listens on IPv4 addresses of {value}.",
    ),
    PolicyRow(
        "winrm_service", SERVICE, "IPv6Filter", "Allow remote server management through WinRM",
        {"*": "The service listens on all IPv6 addresses.", "": "The service listens on no IPv6 address."}, "The service listens on IPv6 addresses of {value}.",
    ),
    _switch("winrm_service", SERVICE, "AllowBasic", "Allow Basic authentication", "The service accepts Basic.", "The service refuses Basic."),
    _switch(
        "winrm_service", SERVICE, "AllowUnencryptedTraffic", "Allow unencrypted traffic", "The service accepts messages in clear.",
        "The service refuses messages in clear over HTTP.",
    ),
    _switch("winrm_service", SERVICE, "AllowCredSSP", "Allow CredSSP authentication", "The service accepts CredSSP.", "The service refuses CredSSP."),
    # Policies named "Disallow" write 0 where they are enabled.
    _switch(
        "winrm_service", SERVICE, "AllowNegotiate", "Disallow Negotiate authentication", "The service accepts Negotiate.",
        "The service refuses Negotiate: no NTLM, and Kerberos only by its own name. The policy \"Disallow\" is enabled.",
    ),
    _switch(
        "winrm_service", SERVICE, "AllowKerberos", "Disallow Kerberos authentication", "The service accepts Kerberos.",
        "The service refuses Kerberos. The policy \"Disallow\" is enabled.",
    ),
    _switch(
        "winrm_service", SERVICE, "HttpCompatibilityListener", "Turn On Compatibility HTTP Listener", "The service listens on port 80 too.",
        "The service does not listen on port 80.",
    ),
    _switch(
        "winrm_service", SERVICE, "HttpsCompatibilityListener", "Turn On Compatibility HTTPS Listener", "The service listens on port 443 too.",
        "The service does not listen on port 443.",
    ),
    _switch(
        "winrm_service", SERVICE, "DisableRunAs", "Disallow WinRM from storing RunAs credentials", "Plugins cannot be given an account to run as.",
        "Plugins may be given an account to run as.",
    ),
    _switch(
        "winrm_service", SERVICE, "CBTHardeningLevelStatus", "Specify channel binding token hardening level",
        "Policy decides how channel binding tokens are checked.", "Policy does not decide how channel binding tokens are checked.",
    ),
    PolicyRow(
        "winrm_service", SERVICE, "CbtHardeningLevel", "Specify channel binding token hardening level", {
            "None": "Channel binding tokens are ignored.", "Relaxed": "A wrong channel binding token is refused, a missing one accepted.",
            "Strict": "Without the right channel binding token nobody gets in over HTTPS: a proxy that opens TLS makes every logon fail.",
        },
    ),
)

CLIENT_ROWS = (
    _switch("winrm_client", CLIENT, "AllowBasic", "Allow Basic authentication", "The client uses Basic.", "The client refuses to use Basic."),
    _switch(
        "winrm_client", CLIENT, "AllowUnencryptedTraffic", "Allow unencrypted traffic", "The client sends messages in clear.",
        "The client refuses to send messages in clear.",
    ),
    _switch(
        "winrm_client", CLIENT, "AllowDigest", "Disallow Digest authentication", "The client uses Digest.",
        "The client refuses to use Digest. The policy \"Disallow\" is enabled.",
    ),
    _switch(
        "winrm_client", CLIENT, "AllowNegotiate", "Disallow Negotiate authentication", "The client uses Negotiate.",
        "The client refuses to use Negotiate. The policy \"Disallow\" is enabled.",
    ),
    _switch(
        "winrm_client", CLIENT, "AllowKerberos", "Disallow Kerberos authentication", "The client uses Kerberos.",
        "The client refuses to use Kerberos. The policy \"Disallow\" is enabled.",
    ),
    _switch("winrm_client", CLIENT, "AllowCredSSP", "Allow CredSSP authentication", "The client uses CredSSP.", "The client refuses to use CredSSP."),
    _switch("winrm_client", CLIENT, "TrustedHosts", "Trusted Hosts", "Policy decides which hosts the client trusts.", "Policy has the client trust no host."),
    PolicyRow(
        "winrm_client", CLIENT, "TrustedHostsList", "Trusted Hosts", {
            "": "The client trusts no host without proof.", "*": "The client sends NTLM to any host, whoever that is.",
        }, "The client trusts these hosts without proof: {value}.",
    ),
)

SHELL_ROWS = (
    _switch("winrs", SHELL, "AllowRemoteShellAccess", "Allow Remote Shell Access", "Remote shells are allowed.", "Nobody gets a remote shell."),
    PolicyRow("winrs", SHELL, "IdleTimeout", "Specify idle Timeout", {}, "A remote shell that is idle for {value} ms is closed."),
    PolicyRow("winrs", SHELL, "MaxConcurrentUsers", "MaxConcurrentUsers", {}, "At most {value} users may have remote shells at a time."),
    PolicyRow(
        "winrs", SHELL, "MaxMemoryPerShellMB", "Specify maximum amount of memory in MB per Shell", {"0": "A remote shell may take any amount of memory."},
        "A remote shell may take at most {value} MB.",
    ),
    PolicyRow(
        "winrs", SHELL, "MaxProcessesPerShell", "Specify maximum number of processes per Shell", {"0": "A remote shell may start any number of processes."},
        "A remote shell may start at most {value} processes.",
    ),
    PolicyRow(
        "winrs", SHELL, "MaxShellsPerUser", "Specify maximum number of remote shells per user", {"0": "A user may open any number of remote shells."},
        "A user may have at most {value} remote shells.",
    ),
    PolicyRow("winrs", SHELL, "ShellTimeOut", "Specify Shell Timeout", {}, "A remote shell is closed after {value} ms, whatever runs in it [inferred]."),
)

NTLM_ROWS = (
    PolicyRow(
        "ntlm", LSA, "LmCompatibilityLevel", "Network security: LAN Manager authentication level", {
            "0": "The host sends LM and NTLM and accepts all.", "1": "The host sends LM and NTLM, NTLMv2 session security where both want it, and accepts all.",
            "2": "The host sends NTLM only and accepts all.", "3": "The host sends NTLMv2 only and accepts all.",
            "4": "The host sends NTLMv2 only and refuses LM.", "5": "The host sends NTLMv2 only and refuses LM and NTLMv1.",
        }, absent="Without it the level is 3: the host sends NTLMv2 only and accepts all.",
    ),
    PolicyRow(
        "ntlm", MSV, "RestrictReceivingNTLMTraffic", f"{_NTLM_OPTION}Incoming NTLM traffic", {
            "0": "The host accepts NTLM from everybody.", "1": "The host refuses NTLM for domain accounts; local accounts may come.",
            "2": "The host refuses NTLM for every account: local accounts cannot log on over the network by it.",
        }, absent="Without it the host accepts NTLM.",
    ),
    PolicyRow(
        "ntlm", MSV, "RestrictSendingNTLMTraffic", f"{_NTLM_OPTION}Outgoing NTLM traffic to remote servers", {
            "0": "The host sends NTLM to any server.", "1": "The host logs whom it sends NTLM to, and sends it.",
            "2": "The host sends NTLM to no server but those that are excepted.",
        },
    ),
    PolicyRow(
        "ntlm", MSV, "ClientAllowedNTLMServers", f"{_NTLM_OPTION}Add remote server exceptions for NTLM authentication",
        {"": "No server is excepted from what the host may send NTLM to."}, "The host may send NTLM to these servers: {value}.",
    ),
    PolicyRow(
        "ntlm", MSV, "AuditReceivingNTLMTraffic", f"{_NTLM_OPTION}Audit Incoming NTLM Traffic", {
            "0": "Incoming NTLM is not logged.", "1": "Incoming NTLM of domain accounts is logged.", "2": "Incoming NTLM of every account is logged.",
        },
    ),
    PolicyRow("ntlm", MSV, "NtlmMinClientSec", "Network security: Minimum session security for NTLM SSP based (including secure RPC) clients", _SESSION),
    PolicyRow("ntlm", MSV, "NtlmMinServerSec", "Network security: Minimum session security for NTLM SSP based (including secure RPC) servers", _SESSION),
    PolicyRow(
        "ntlm", NETLOGON, "RestrictNTLMInDomain", f"{_NTLM_OPTION}NTLM authentication in this domain", {
            "0": "As a domain controller the host vouches for NTLM.",
            "1": "As a domain controller the host refuses NTLM of domain accounts to servers of the domain.",
            "3": "As a domain controller the host refuses NTLM of domain accounts.",
            "5": "As a domain controller the host refuses NTLM to servers of the domain.",
            "7": "As a domain controller the host refuses all NTLM.",
        }, "It is set to {value}; it takes effect on domain controllers only.",
    ),
    PolicyRow(
        "ntlm", NETLOGON, "DCAllowedNTLMServers", f"{_NTLM_OPTION}Add server exceptions in this domain",
        {"": "No server is excepted from what the host refuses as a domain controller."},
        "As a domain controller the host vouches for NTLM to these servers: {value}.",
    ),
    PolicyRow(
        "ntlm", NETLOGON, "AuditNTLMInDomain", f"{_NTLM_OPTION}Audit NTLM authentication in this domain", {
            "0": "As a domain controller the host does not log NTLM.",
            "1": "As a domain controller the host logs NTLM of domain accounts to servers of the domain.",
            "3": "As a domain controller the host logs NTLM of domain accounts.", "5": "As a domain controller the host logs NTLM to servers of the domain.",
            "7": "As a domain controller the host logs all NTLM.",
        },
    ),
)

LSA_ROWS = (
    PolicyRow(
        "lsa", LSA, "ForceGuest", "Network access: Sharing and security model for local accounts", {
            "0": "Local accounts come in over the network as themselves.", "1": "Local accounts come in over the network as Guest, whatever their rights.",
        },
    ),
    _switch(
        "lsa", LSA, "LimitBlankPasswordUse", "Accounts: Limit local account use of blank passwords to console logon only",
        "Local accounts without a password cannot log on over the network.", "Local accounts without a password may log on over the network.",
    ),
    PolicyRow(
        "lsa", LSA, "CrashOnAuditFail", "Audit: Shut down system immediately if unable to log security audits", {
            "0": "A full Security log stops nobody.", "1": "The host stops when it cannot write to the Security log.",
            "2": "The Security log was full: only administrators may log on until it is set back.",
        },
    ),
    _switch(
        "lsa", LSA, "SuppressExtendedProtection", "", "The host as a client sends no channel binding tokens [from memory].",
        "The host as a client sends channel binding tokens.",
    ),
    PolicyRow(
        "lsa", LSA, "LsaCfgFlags", "Turn On Virtualization Based Security", {
            "0": "Credential Guard is off.",
            "1": "Credential Guard is on, locked in the firmware: CredSSP and NTLM cannot hand on the credentials of the session.",
            "2": "Credential Guard is on: CredSSP and NTLM cannot hand on the credentials of the session.",
        },
    ),
    _switch(
        "lsa", NETLOGON, "DisablePasswordChange", "Domain member: Disable machine account password changes", "The host never changes its machine password.",
        "The host changes its machine password from time to time.",
    ),
    _switch(
        "lsa", f"{LSA}\\FipsAlgorithmPolicy", "Enabled", "System cryptography: Use FIPS compliant algorithms for encryption, hashing, and signing",
        "Only FIPS-approved algorithms are used: TLS offers fewer ciphers, and RC4 for Kerberos is gone.", "Algorithms are not restricted to FIPS.",
    ),
)

KERBEROS_ROWS = (
    PolicyRow(
        "kerberos", ETYPES, "SupportedEncryptionTypes", "Network security: Configure encryption types allowed for Kerberos", {},
        absent="Without it the host uses what its version of Windows does: AES, and RC4 unless a later version has dropped it.",
    ),
    PolicyRow(
        "kerberos", KERBEROS, "MaxTokenSize", "Set maximum Kerberos SSPI context token buffer size", {}, "Kerberos tokens of up to {value} bytes are accepted.",
    ),
    PolicyRow("kerberos", KERBEROS, "SkewTime", "", {}, "Clocks may differ by {value} minutes."),
    _switch(
        "kerberos", ETYPES, "RequireFast", "Fail authentication requests when Kerberos armoring is not available",
        "Without armoring by the domain controller no Kerberos logon works.", "Kerberos logons work without armoring.",
    ),
)

UAC_ROWS = (
    _switch(
        "uac", SYSTEM, "LocalAccountTokenFilterPolicy", "Apply UAC restrictions to local accounts on network logons",
        "Local administrators keep their rights over the network.", "Local administrators but the built-in one lose their rights over the network.",
        "Without it local administrators but the built-in one lose their rights over the network.",
    ),
    _switch(
        "uac", SYSTEM, "FilterAdministratorToken", "User Account Control: Admin Approval Mode for the Built-in Administrator account",
        "The built-in Administrator loses its rights over the network like other local administrators.",
        "The built-in Administrator keeps its rights over the network.", "Without it the built-in Administrator keeps its rights over the network.",
    ),
    _switch(
        "uac", SYSTEM, "EnableLUA", "User Account Control: Run all administrators in Admin Approval Mode", "User Account Control is on.",
        "User Account Control is off: nobody's rights are taken away.",
    ),
)

DELEGATION_ROWS = (
    _switch(
        "delegation", DELEGATION, "AllowFreshCredentials", "Allow delegating fresh credentials",
        "The client may hand fresh credentials to the servers of the policy's list.", "The client hands fresh credentials to no server: CredSSP fails.",
    ),
    _switch(
        "delegation", DELEGATION, "AllowFreshCredentialsWhenNTLMOnly", "Allow delegating fresh credentials with NTLM-only server authentication",
        "The client may hand fresh credentials to the servers of the policy's list where only NTLM proves the server.",
        "The client hands fresh credentials to no server that only NTLM proves.",
    ),
    _switch(
        "delegation", DELEGATION, "RestrictedRemoteAdministration", "Restrict delegation of credentials to remote servers",
        "The client hands no credentials to servers, or only in a form they cannot use elsewhere.", "The client is not restricted in handing on credentials.",
    ),
    _switch(
        "delegation", DELEGATION, "AllowProtectedCreds", "Remote host allows delegation of non-exportable credentials",
        "The host accepts credentials that it cannot hand on.", "The host accepts only credentials that it can hand on.",
    ),
    PolicyRow(
        "delegation", CREDSSP, "AllowEncryptionOracle", "Encryption Oracle Remediation", {
            "0": "CredSSP talks to updated peers only, in both directions (CVE-2018-0886).",
            "1": "As a client the host talks CredSSP to updated servers only; as a server it takes all.", "2": "CredSSP talks to all, updated or not.",
        },
    ),
)

SCHANNEL_ROWS = (
    PolicyRow(
        "schannel", SCHANNEL, "ClientAuthTrustMode", "", {
            "0": "Client certificates must end in any trusted root.", "1": "Client certificates must end in a root of the list for this endpoint.",
            "2": "Client certificates must be issued by an authority of the list for this endpoint.",
        },
    ),
    _switch(
        "schannel", SCHANNEL, "SendTrustedIssuerList", "", "Schannel tells clients which authorities it trusts.",
        "Schannel does not tell clients which authorities it trusts.",
    ),
    PolicyRow("schannel", CIPHERS, "Functions", "SSL Cipher Suite Order", {}, "Only these cipher suites are used, in this order: {value}."),
)
PROTOCOLS = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3")
SIDES = {"Server": "HTTPS listeners", "Client": "the host as a client"}
PROTOCOL_ROWS = tuple(
    row
    for protocol in PROTOCOLS for side, who in SIDES.items()
    for row in (
        PolicyRow(
            "schannel", f"{SCHANNEL}\\Protocols\\{protocol}\\{side}", "Enabled", "", {"0": f"{protocol} is off for {who}."}, f"{protocol} is on for {who}.",
        ),
        PolicyRow(
            "schannel", f"{SCHANNEL}\\Protocols\\{protocol}\\{side}", "DisabledByDefault", "",
            {"0": f"{protocol} is used by {who} without being asked for."}, f"{protocol} is used by {who} only where a program asks for it.",
        ),
    )
)

HTTP_ROWS = (
    PolicyRow(
        "http", HTTP, "MaxFieldLength", "", {}, "A header, and with it a Kerberos token in Base64, may have {value} bytes.",
        "Without it a header, and with it a Kerberos token in Base64, may have 16384 bytes.",
    ),
    PolicyRow(
        "http", HTTP, "MaxRequestBytes", "", {}, "All headers of a request together may have {value} bytes.",
        "Without it all headers of a request together may have 16384 bytes.",
    ),
    PolicyRow(
        "http", HTTP, "ListenOnlyList", "", {"": "The list of addresses to listen on is empty: HTTP.sys listens on all."},
        "HTTP.sys listens on these addresses only: {value}.",
    ),
    PolicyRow(
        "http", HTTP, "DisableServerHeader", "", {"0": "HTTP.sys names itself in answers."},
        "HTTP.sys leaves out the header Server, at least in some answers [from memory].",
    ),
)

ROWS: tuple[PolicyRow, ...] = (
    *SERVICE_ROWS, *CLIENT_ROWS, *SHELL_ROWS, *NTLM_ROWS, *LSA_ROWS, *KERBEROS_ROWS, *UAC_ROWS, *DELEGATION_ROWS, *SCHANNEL_ROWS, *PROTOCOL_ROWS, *HTTP_ROWS,
)
ETYPE_BITS: tuple[tuple[int, str], ...] = (
    (0x1, "DES-CBC-CRC"), (0x2, "DES-CBC-MD5"), (0x4, "RC4"), (0x8, "AES128"), (0x10, "AES256"), (0x7FFFFFE0, "future types"),
)
"""[MS-KILE] 2.2.7; the editor's "Future encryption types" are all bits above AES256."""
