# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of commands, in English and in German.

English ones are as vendors' documentation and public logs show them. Of the German ones those of cmd, reg, net, whoami and klist are as public logs show
them; the others are [inferred] from Microsoft's terminology. Clients must not read words anyway.
"""

from __future__ import annotations

from .model import Inside

TEXTS: dict[str, tuple[str, str]] = {
    "not_recognized": (
        "'{}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
        'Der Befehl "{}" ist entweder falsch geschrieben oder\r\nkonnte nicht gefunden werden.\r\n',
    ),
    "unexpected": ("{} was unexpected at this time.\r\n", '"{}" kann syntaktisch an dieser Stelle nicht verarbeitet werden.\r\n'),
    "too_long": ("The command line is too long.\r\n", "Die Befehlszeile ist zu lang.\r\n"),
    "no_file": ("The system cannot find the file specified.\r\n", "Das System kann die angegebene Datei nicht finden.\r\n"),
    "no_file_to_delete": ("Could Not Find {}\r\n", "{} konnte nicht gefunden werden\r\n"),
    "access_denied_plain": ("Access is denied.\r\n", "Zugriff verweigert\r\n"),
    "code_page": ("Active code page: 65001\r\n", "Aktive Codepage: 65001.\r\n"),
    # reg.exe
    "reg_missing": (
        "ERROR: The system was unable to find the specified registry key or value.\r\n",
        "FEHLER: Der angegebene Registrierungsschlüssel bzw. Wert wurde nicht gefunden.\r\n",
    ),
    "reg_denied": ("ERROR: Access is denied.\r\n", "FEHLER: Zugriff verweigert\r\n"),
    "reg_syntax": ('ERROR: Invalid syntax.\r\nType "REG QUERY /?" for usage.\r\n', 'FEHLER: Ungültige Syntax.\r\nGeben Sie "REG QUERY /?" ein.\r\n'),
    "reg_bad_key": ("ERROR: Invalid key name.\r\n", "FEHLER: Ungültiger Schlüsselname.\r\n"),
    "reg_default": ("(Default)", "(Standard)"),
    "reg_unset": ("(value not set)", "(Wert nicht festgelegt)"),
    "reg_end": ("End of search: {} match(es) found.\r\n", "Ende der Suche: {} Übereinstimmung(en) gefunden.\r\n"),
    # nltest speaks English everywhere (Microsoft's localised pages show it so).
    # w32tm
    "time_error": ("The following error occurred: {}", "Folgender Fehler ist aufgetreten: {}"),
    "time_stopped": ("The service has not been started. (0x80070426)\r\n", "Der Dienst wurde nicht gestartet. (0x80070426)\r\n"),
    "time_denied": ("Access is denied. (0x80070005)\r\n", "Zugriff verweigert (0x80070005)\r\n"),
    "leap_good": ("Leap Indicator: 0(no warning)\r\n", "Sprungindikator: 0(keine Warnung)\r\n"),
    "leap_bad": ("Leap Indicator: 3(not synchronized)\r\n", "Sprungindikator: 3(nicht synchronisiert)\r\n"),
    "stratum_good": ("Stratum: 4 (secondary reference - syncd by (S)NTP)\r\n", "Stratum: 4 (Sekundärreferenz - synchr. über (S)NTP)\r\n"),
    "stratum_local": ("Stratum: 1 (primary reference - syncd by radio clock)\r\n", "Stratum: 1 (Primärreferenz - synchr. über Funkuhr)\r\n"),
    "stratum_bad": ("Stratum: 0 (unspecified)\r\n", "Stratum: 0 (nicht angegeben)\r\n"),
    "time_rest": (
        "Precision: -23 (119.209ns per tick)\r\nRoot Delay: {0}s\r\nRoot Dispersion: {1}s\r\nReferenceId: {2}\r\n"
        "Last Successful Sync Time: {3}\r\nSource: {4} \r\n"
        "Poll Interval: 10 (1024s)\r\n",
        "Präzision: -23 (119.209ns pro Tick)\r\nStammverzögerung: {0}s\r\nStammabweichung: {1}s\r\nReferenz-ID: {2}\r\n"
        "Letzte erfolgr. Synchronisierungszeit: {3}\r\nQuelle: {4} \r\nAbrufintervall: 10 (1024s)\r\n",
    ),
    "time_verbose": (
        "\r\nPhase Offset: 0.0003457s\r\nClockRate: 0.0156250s\r\nState Machine: {0}\r\nTime Source Flags: 0 (None)\r\nServer Role: 0 (None)\r\n"
        "Last Sync Error: 0 (The command completed successfully.)\r\nTime since Last Good Sync Time: {1}s\r\n",
        "\r\nPhasenversatz: 0.0003457s\r\nTaktrate: 0.0156250s\r\nStatuscomputer: {0}\r\nZeitquellenkennzeichen: 0 (Keine)\r\nServerrolle: 0 (Keine)\r\n"
        "Letzter Synchronisierungsfehler: 0 (Der Befehl wurde erfolgreich ausgeführt.)\r\nZeit seit der letzten fehlerfreien Synchronisierungszeit: {1}s\r\n",
    ),
    "reference": ("0x{} (source IP:  {})", "0x{} (Quell-IP:  {})"),
    "reference_local": ('0x4C4F434C (source name:  "LOCL")', '0x4C4F434C (Quellname:  "LOCL")'),
    "reference_none": ("0x00000000 (unspecified)", "0x00000000 (nicht angegeben)"),
    "never": ("unspecified", "nicht angegeben"),
    "tracking": (
        "Tracking {} [{}:123].\r\nCollecting {} samples.\r\nThe current time is {}.\r\n",
        "{} wird verfolgt [{}:123].\r\n{} Beispiele werden gesammelt.\r\nEs ist {}.\r\n",
    ),
    "peers": (
        "#Peers: 1\r\n\r\nPeer: {}\r\nState: Active\r\nTime Remaining: 512.2712307s\r\nMode: 3 (Client)\r\n"
        "Stratum: 3 (secondary reference - syncd by (S)NTP)\r\n"
        "PeerPoll Interval: 10 (1024s)\r\nHostPoll Interval: 10 (1024s)\r\n\r\n",
        "#Peers: 1\r\n\r\nPeer: {}\r\nStatus: Aktiv\r\nVerbleibende Zeit: 512.2712307s\r\nModus: 3 (Client)\r\n"
        "Stratum: 3 (Sekundärreferenz - synchr. über (S)NTP)\r\n"
        "PeerAbrufintervall: 10 (1024s)\r\nHostAbrufintervall: 10 (1024s)\r\n\r\n",
    ),
    # klist
    "logon_id": ("\r\nCurrent LogonId is 0:0x1ae296c\r\n", "\r\nAktuelle Anmelde-ID ist 0:0x1ae296c\r\n"),
    "target_id": ("Targeted LogonId is 0:{}\r\n", "Ziel-Anmelde-ID ist 0:{}\r\n"),
    "no_logon": (
        "Error calling API LsaCallAuthenticationPackage (ShowTickets substatus): 1312\r\n\r\n"
        "klist failed with 0xc000005f/-1073741729: A specified logon session does not exist. It may already have been terminated.\r\n\r\n\r\n",
        "Fehler beim Aufrufen der API LsaCallAuthenticationPackage (ShowTickets-Teilstatus): 1312\r\n\r\n"
        "klist ist fehlgeschlagen mit 0xc000005f/-1073741729: Eine angegebene Anmeldesitzung ist nicht vorhanden. Sie wurde gegebenenfalls bereits beendet."
        "\r\n\r\n\r\n",
    ),
    "no_right": (
        "Error calling API LsaCallAuthenticationPackage (ShowTickets substatus): 1314\r\n\r\n"
        "klist failed with 0xc0000061/-1073741727: A required privilege is not held by the client.\r\n\r\n\r\n",
        "Fehler beim Aufrufen der API LsaCallAuthenticationPackage (ShowTickets-Teilstatus): 1314\r\n\r\n"
        "klist ist fehlgeschlagen mit 0xc0000061/-1073741727: Dem Client fehlt ein erforderliches Recht.\r\n\r\n\r\n",
    ),
    "cached": ("\r\nCached Tickets: ({})\r\n", "\r\nZwischengespeicherte Tickets: ({})\r\n"),
    "ticket": (
        "\r\n#{0}>\tClient: {1}\r\n\tServer: {2}\r\n\tKerbTicket Encryption Type: {3}\r\n"
        "\tTicket Flags 0x40e10000 -> forwardable renewable initial pre_authent name_canonicalize \r\n"
        "\tStart Time: {4} (local)\r\n\tEnd Time:   {5} (local)\r\n"
        "\tRenew Time: {6} (local)\r\n\tSession Key Type: {3}\r\n\tCache Flags: 0x1 -> PRIMARY \r\n\tKdc Called: {7}\r\n",
        "\r\n#{0}>\tClient: {1}\r\n\tServer: {2}\r\n\tKerbTicket (Verschlüsselungstyp): {3}\r\n"
        "\tTicketkennzeichen 0x40e10000 -> forwardable renewable initial pre_authent name_canonicalize \r\n"
        "\tStartzeit: {4} (lokal)\r\n\tEndzeit:   {5} (lokal)\r\n"
        "\tErneuerungszeit: {6} (lokal)\r\n\tSitzungsschlüsseltyp: {3}\r\n\tCachekennzeichen: 0x1 -> PRIMARY \r\n\tKDC aufgerufen: {7}\r\n",
    ),
    # netsh
    "iplisten": (
        "\r\nIP addresses present in the IP listen list:\r\n-------------------------------------------\r\n\r\n",
        "\r\nIP-Adressen in der IP-Abhörliste:\r\n---------------------------------\r\n\r\n",
    ),
    "sslcert": ("\r\nSSL Certificate bindings: \r\n-------------------------\r\n\r\n", "\r\nSSL-Zertifikatbindungen: \r\n-------------------------\r\n\r\n"),
    "binding": (
        "    {0:28} : {1}\r\n    Certificate Hash             : {2}\r\n    Application ID               : {3} \r\n    Certificate Store Name       : MY\r\n"
        "    Verify Client Certificate Revocation : Enabled\r\n    Verify Revocation Using Cached Client Certificate Only : Disabled\r\n"
        "    Usage Check                  : Enabled\r\n    Revocation Freshness Time    : 0 \r\n    URL Retrieval Timeout        : 0 \r\n"
        "    Ctl Identifier               : (null) \r\n    Ctl Store Name               : (null) \r\n    DS Mapper Usage              : Disabled\r\n"
        "    Negotiate Client Certificate : Disabled\r\n\r\n",
        "    {0:28} : {1}\r\n    Zertifikathash               : {2}\r\n    Anwendungs-ID                : {3} \r\n    Zertifikatspeichername       : MY\r\n"
        "    Clientzertifikatsperre überprüfen : Aktiviert\r\n    Sperre mithilfe von zwischengespeichertem Clientzertifikat überprüfen : Deaktiviert\r\n"
        "    Syntaxüberprüfung            : Aktiviert\r\n    Sperraktualisierungszeit     : 0 \r\n    URL-Abruftimeout             : 0 \r\n"
        "    Steuerelement-ID             : (null) \r\n    Steuerelementspeichername    : (null) \r\n    DS-Mapper-Verwendung         : Deaktiviert\r\n"
        "    Clientzertifikat aushandeln  : Deaktiviert\r\n\r\n",
    ),
    "ipport": ("IP:port", "IP:Port"),
    "hostport": ("Hostname:port", "Hostname:Port"),
    "urlacl": ("\r\nURL Reservations: \r\n----------------- \r\n\r\n", "\r\nURL-Reservierungen: \r\n------------------- \r\n\r\n"),
    "reserved": ("    Reserved URL            : {} \r\n", "    Reservierte URL         : {} \r\n"),
    "listens": (
        "        User: {}\r\n            Listen: Yes\r\n            Delegate: No\r\n", "        Benutzer: {}\r\n"
        "            Abhören: Yes\r\n            Delegieren: No\r\n",
    ),
    "sddl": ("            SDDL: {} \r\n\r\n", "            SDDL: {} \r\n\r\n"),
    "servicestate": (
        "\r\nSnapshot of HTTP service state: \r\n-------------------------------------------------\r\n",
        "\r\nSnapshot des HTTP-Dienststatus: \r\n-------------------------------------------------\r\n",
    ),
    "netsh_unknown": ("The following command was not found: {}.\r\n", "Der folgende Befehl wurde nicht gefunden: {}.\r\n"),
    # secedit
    "task_done": (
        "\r\nThe task has completed successfully.\r\nSee log %windir%\\security\\logs\\scesrv.log for detail info.\r\n",
        "\r\nDer Vorgang wurde erfolgreich abgeschlossen.\r\nEinzelheiten finden Sie in der Protokolldatei %windir%\\security\\logs\\scesrv.log.\r\n",
    ),
    "task_failed": (
        "\r\nAccess is denied.\r\n\r\nThe task has completed with an error.\r\nSee log %windir%\\security\\logs\\scesrv.log for detail info.\r\n",
        "\r\nZugriff verweigert\r\n\r\nDer Vorgang wurde mit einem Fehler abgeschlossen.\r\n"
        "Einzelheiten finden Sie in der Protokolldatei %windir%\\security\\logs\\scesrv.log.\r\n",
    ),
    # sc
    "sc_missing": (
        "[SC] {}OpenService FAILED 1060:\r\n\r\nThe specified service does not exist as an installed service.\r\n\r\n",
        "[SC] {}OpenService FEHLER 1060:\r\n\r\nDer angegebene Dienst ist kein installierter Dienst.\r\n\r\n",
    ),
    "sc_config": ("[SC] QueryServiceConfig SUCCESS\r\n\r\n", "[SC] QueryServiceConfig ERFOLG\r\n\r\n"),
    # net
    "net_done": ("The command completed successfully.\r\n\r\n", "Der Befehl wurde erfolgreich ausgeführt.\r\n\r\n"),
    "net_group": ("Alias name     {}\r\nComment        \r\n\r\nMembers\r\n\r\n{}\r\n", "Aliasname     {}\r\nBeschreibung  \r\n\r\nMitglieder\r\n\r\n{}\r\n"),
    "net_groups": ("\r\nAliases for \\\\{}\r\n\r\n{}\r\n", "\r\nAliase für \\\\{}\r\n\r\n{}\r\n"),
    "net_missing": (
        "System error 1376 has occurred.\r\n\r\nThe specified local group does not exist.\r\n\r\n",
        "Systemfehler 1376 aufgetreten.\r\n\r\nDie angegebene lokale Gruppe ist nicht vorhanden.\r\n\r\n",
    ),
    # whoami
    "user_head": ('"User Name","SID"\r\n', '"Benutzername","SID"\r\n'),
    "group_head": ('"Group Name","Type","SID","Attributes"\r\n', '"Gruppenname","Typ","SID","Attribute"\r\n'),
    "well_known": ("Well-known group", "Bekannte Gruppe"),
    "label": ("Label", "Bezeichnung"),
    "group_kind": ("Group", "Gruppe"),
    "attributes": ("Mandatory group, Enabled by default, Enabled group", "Verbindliche Gruppe, Standardmäßig aktiviert, Aktivierte Gruppe"),
    "owner_too": (", Group owner", ", Gruppenbesitzer"),
    "deny_only": ("Group used for deny only", "Gruppe wird nur zum Verweigern verwendet"),
    "unsupported": ("ERROR: Invalid argument/option.\r\n", "FEHLER: Ungültiges Argument/Ungültige Option.\r\n"),
}
NAMES = {
    "everyone": ("Everyone", "Jeder"), "network": ("NT AUTHORITY\\NETWORK", "NT-AUTORITÄT\\NETZWERK"),
    "authenticated": ("NT AUTHORITY\\Authenticated Users", "NT-AUTORITÄT\\Authentifizierte Benutzer"),
    "this_organization": ("NT AUTHORITY\\This Organization", "NT-AUTORITÄT\\Diese Organisation"),
    "ntlm": ("NT AUTHORITY\\NTLM Authentication", "NT-AUTORITÄT\\NTLM-Authentifizierung"), "builtin": ("BUILTIN", "VORDEFINIERT"),
    "local_account": ("NT AUTHORITY\\Local account", "NT-AUTORITÄT\\Lokales Konto"),
    "local_administrator": (
        "NT AUTHORITY\\Local account and member of Administrators group", "NT-AUTORITÄT\\Lokales Konto und Mitglied der Gruppe \"Administratoren\"",
    ),
    "high": ("Mandatory Label\\High Mandatory Level", "Verbindliche Beschriftung\\Hohe Verbindlichkeitsstufe"),
    "medium": ("Mandatory Label\\Medium Plus Mandatory Level", "Verbindliche Beschriftung\\Mittlere Plus-Verbindlichkeitsstufe"),
}
"""Names of well-known SIDs; German ones as Windows displays them, those of the labels (?)."""


def text(inside: Inside, key: str, *given: object) -> str:
    """A text in the host's language."""
    return TEXTS[key][inside.language == "de"].format(*given) if given else TEXTS[key][inside.language == "de"]


def named(inside: Inside, key: str) -> str:
    """The name of a well-known SID in the host's language."""
    return NAMES[key][inside.language == "de"]
