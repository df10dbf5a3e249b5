# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every Windows has and WinRM has nothing to do with: public roots (made up, the same for all hosts of a process), rules for outgoing traffic."""

from __future__ import annotations

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import blobs

NAMES = {
    "root": (
        "Invented Root Authority 2010", "Invented Root Authority 2011", "Invented Time Stamp Root", "Invented ECC Root 2018", "Invented TLS Root G2",
        "Invented Code Signing Root", "Invented Root CA R46", "Invented Global Root G3",
    ),
    "authroot": (
        "Imagined Trust Services", "Imagined Global Root CA", "Imagined Root X1", "Imagined Class 2 Root", "Imagined Root CA 3", "Imagined EV Root",
        "Imagined Secure Root 2009", "Imagined Trust Network", "Imagined National Root",
    ),
    "ca": ("Invented Intermediate PCA", "Invented Root Agency"),
    "disallowed": ("Mistrusted Root", "Mistrusted Intermediate"),
}

SVCHOST = "%SystemRoot%\\system32\\svchost.exe"
LSASS = "%SystemRoot%\\System32\\lsass.exe"
INBOUND: tuple[tuple[str, int, tuple[str, ...], str, str, bool], ...] = (
    ("RemoteDesktop-UserMode-In-TCP", 6, ("3389",), SVCHOST, "termservice", True),
    ("RemoteDesktop-UserMode-In-UDP", 17, ("3389",), SVCHOST, "termservice", True),
    ("RemoteDesktop-Shadow-In-TCP", 6, (), "%SystemRoot%\\system32\\RdpSa.exe", "", True),
    ("FPS-SMB-In-TCP", 6, ("445",), "System", "", True),
    ("FPS-NB_Session-In-TCP", 6, ("139",), "System", "", True),
    ("FPS-NB_Name-In-UDP", 17, ("137",), "System", "", True),
    ("FPS-NB_Datagram-In-UDP", 17, ("138",), "System", "", True),
    ("FPS-LLMNR-In-UDP", 17, ("5355",), SVCHOST, "dnscache", True),
    ("FPS-RPCSS-In-TCP", 6, ("RPC-EPMap",), SVCHOST, "Rpcss", False),
    ("FPS-SpoolSvc-In-TCP", 6, ("RPC",), "%SystemRoot%\\system32\\spoolsv.exe", "Spooler", False),
    ("NETDIS-LLMNR-In-UDP", 17, ("5355",), SVCHOST, "dnscache", False),
    ("NETDIS-SSDPSrv-In-UDP", 17, ("1900",), SVCHOST, "Ssdpsrv", False),
    ("NETDIS-UPnPHost-In-TCP", 6, ("2869",), "System", "", False),
    ("NETDIS-WSDEVNT-In-TCP", 6, ("5357",), "System", "", False),
    ("NETDIS-WSDEVNTS-In-TCP", 6, ("5358",), "System", "", False),
    ("NETDIS-FDPHOST-In-UDP", 17, ("3702",), SVCHOST, "fdphost", False),
    ("NETDIS-NB_Name-In-UDP", 17, ("137",), "System", "", False),
    ("NETDIS-NB_Datagram-In-UDP", 17, ("138",), "System", "", False),
    ("RemoteEventLogSvc-In-TCP", 6, ("RPC",), SVCHOST, "Eventlog", False),
    ("RemoteEventLogSvc-NP-In-TCP", 6, ("445",), "System", "", False),
    ("RemoteEventLogSvc-RPCSS-In-TCP", 6, ("RPC-EPMap",), SVCHOST, "RPCSS", False),
    ("RemoteSvcAdmin-In-TCP", 6, ("RPC",), "%SystemRoot%\\system32\\services.exe", "", False),
    ("RemoteSvcAdmin-NP-In-TCP", 6, ("445",), "System", "", False),
    ("RemoteTask-In-TCP", 6, ("RPC",), SVCHOST, "schedule", False),
    ("RemoteFwAdmin-In-TCP", 6, ("RPC",), SVCHOST, "policyagent", False),
    ("WMI-RPCSS-In-TCP", 6, ("135",), SVCHOST, "rpcss", False),
    ("WMI-WINMGMT-In-TCP", 6, (), SVCHOST, "winmgmt", False),
    ("WMI-ASYNC-In-TCP", 6, (), "%systemroot%\\system32\\wbem\\unsecapp.exe", "", False),
    ("CoreNet-DHCP-In", 17, ("68",), SVCHOST, "dhcp", True),
    ("CoreNet-DHCPV6-In", 17, ("546",), SVCHOST, "dhcp", True),
    ("CoreNet-Teredo-In", 17, ("Teredo",), SVCHOST, "iphlpsvc", True),
    ("CoreNet-IPHTTPS-In", 6, ("IPTLSIn", "IPHTTPSIn"), "System", "", True),
    ("CoreNet-IGMP-In", 2, (), "System", "", True),
    ("CoreNet-IPv6-In", 41, (), "System", "", True),
    ("EventForwarder-In-TCP", 6, ("RPC",), "%SystemRoot%\\system32\\NetEvtFwdr.exe", "", False),
    ("vm-monitoring-rpc", 6, ("RPC",), SVCHOST, "Schedule", False),
    ("PerfLogsAlerts-PLASrv-In-TCP", 6, (), "%systemroot%\\system32\\plasrv.exe", "", False),
    ("MSDTC-In-TCP", 6, (), "%SystemRoot%\\system32\\msdtc.exe", "", False),
    ("Netlogon-NamedPipe-In", 6, ("445",), "System", "", False),
    ("Netlogon-TCP-RPC-In", 6, (), LSASS, "", False),
    ("SNMPTRAP-In-UDP", 17, ("162",), "%SystemRoot%\\system32\\snmptrap.exe", "SNMPTRAP", False),
    ("MDNS-In-UDP", 17, ("5353",), SVCHOST, "dnscache", True),
    ("DeliveryOptimization-TCP-In", 6, ("7680",), SVCHOST, "dosvc", True),
    ("DeliveryOptimization-UDP-In", 17, ("7680",), SVCHOST, "dosvc", True),
)
"""Id, protocol, ports, program, service, enabled: some built-in inbound rules, as noise. Ids as exports show them."""
_OUT = "Action=Allow|Active={on}|Dir=Out|Protocol={protocol}|{ports}App={app}|{service}Name=@FirewallAPI.dll,-{number}|EmbedCtxt=@FirewallAPI.dll,-25000|"
OUTBOUND = {
    "CoreNet-DNS-Out-UDP": _OUT.format(on="TRUE", protocol=17, ports="RPort=53|", app=SVCHOST, service="Svc=dnscache|", number=25405),
    "CoreNet-DHCP-Out": _OUT.format(on="TRUE", protocol=17, ports="LPort=68|RPort=67|", app=SVCHOST, service="Svc=dhcp|", number=25302),
    "CoreNet-GP-NP-Out-TCP": _OUT.format(on="TRUE", protocol=6, ports="RPort=445|", app="System", service="", number=25401),
    "CoreNet-IPHTTPS-Out": _OUT.format(on="TRUE", protocol=6, ports="RPort2_10=IPTLSOut|RPort2_10=IPHTTPSOut|", app=SVCHOST, service="", number=25427),
    "NETDIS-LLMNR-Out-UDP": _OUT.format(on="FALSE", protocol=17, ports="RPort=5355|", app=SVCHOST, service="Svc=dnscache|", number=32805),
    "RRAS-PPTP-Out-TCP": _OUT.format(on="FALSE", protocol=6, ports="RPort=1723|", app="System", service="", number=33761),
}
"""Id to what stands behind the schema's version."""


@functools.cache
def roots() -> dict[str, tuple[tuple[bytes, bytes], ...]]:
    """Store to certificates (DER) and their blobs. Self-signed all of them: a CA store with two such is how Windows is delivered (its "Root Agency")."""
    return {store: tuple((der, blobs.stored(der, friendly_name=name)) for name in names for der in (_self_signed(name),)) for store, names in NAMES.items()}


def _self_signed(common: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.COMMON_NAME, common)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=4000))
        .not_valid_after(now + datetime.timedelta(days=4000))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)
