# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP result codes ([RFC 4511] 4.1.9 and appendix A) and the Win32 codes that Active Directory adds in its diagnostic message (winerror.h)."""

from __future__ import annotations

from .shape import Row

RESULTS: tuple[Row, ...] = (
    (1, "operationsError", "",
     "The server could not do this now; Active Directory says so of every request that needs a logon while there is none."),
    (2, "protocolError", "", "The server could not read the request."),
    (3, "timeLimitExceeded", "", "The search took longer than the server allows."),
    (4, "sizeLimitExceeded", "", "More entries match than may be returned."),
    (7, "authMethodNotSupported", "", "The server does not offer this way to log on."),
    (8, "strongerAuthRequired", "",
     "The server demands a logon with signing, or TLS around it: its policy refuses anything weaker."),
    (10, "referral", "", "What was asked for lies in another domain, whose controllers have to be asked."),
    (11, "adminLimitExceeded", "", "The request went beyond a limit that the server's administrator has set."),
    (12, "unavailableCriticalExtension", "", "The server does not support an extension that the request depends on."),
    (13, "confidentialityRequired", "", "The server demands encryption for this."),
    (14, "saslBindInProgress", "", "The logon is not finished."),
    (16, "noSuchAttribute", "", "The attribute, or the value that was to be removed, is not there."),
    (17, "undefinedAttributeType", "", "The schema knows no such attribute."),
    (18, "inappropriateMatching", "", "The attribute cannot be compared in this way."),
    (19, "constraintViolation", "", "The value breaks a rule of the directory."),
    (20, "attributeOrValueExists", "", "The value is there already."),
    (21, "invalidAttributeSyntax", "", "The value does not have the form that the attribute demands."),
    (32, "noSuchObject", "", "There is no such object, or the account may not see it."),
    (34, "invalidDNSyntax", "", "The distinguished name is malformed."),
    (48, "inappropriateAuthentication", "", "This kind of logon does not fit the account or the connection."),
    (49, "invalidCredentials", "credentials=medium", "The logon was refused."),
    (50, "insufficientAccessRights", "permissions=medium", "The account may not do this in the directory."),
    (51, "busy", "", "The server is too busy; it may answer later."),
    (52, "unavailable", "network=weak", "The server is shutting down, or a part of it that is needed does not run."),
    (53, "unwillingToPerform", "", "The server refuses to do this, whoever asks."),
    (64, "namingViolation", "", "The name breaks the rules for its place."),
    (65, "objectClassViolation", "", "The change breaks the rules of the object's class."),
    (68, "entryAlreadyExists", "", "An object of this name is there already."),
    (71, "affectsMultipleDSAs", "", "The change would touch several servers."),
    (80, "other", "", "An internal error of the server."),
)

DIRECTORY_CODES: tuple[Row, ...] = (
    (5, "ERROR_ACCESS_DENIED", "permissions=medium", "Access was denied."),
    (87, "ERROR_INVALID_PARAMETER", "", "The server cannot use what this client sent."),
    (1244, "ERROR_NOT_AUTHENTICATED", "", "The request needs a logon, and there was none on this connection."),
    (1307, "ERROR_INVALID_OWNER", "", "The owner of the object would not be valid."),
    (8202, "ERROR_DS_NO_ATTRIBUTE_OR_VALUE", "", "The attribute or value that was to be removed is not there."),
    (8203, "ERROR_DS_INVALID_ATTRIBUTE_SYNTAX", "", "The value does not have the form that the attribute demands."),
    (8205, "ERROR_DS_ATTRIBUTE_OR_VALUE_EXISTS", "", "The value is there already."),
    (8206, "ERROR_DS_BUSY", "", "The directory service is busy."),
    (8207, "ERROR_DS_UNAVAILABLE", "", "The directory service is not available."),
    (8224, "ERROR_DS_OPERATIONS_ERROR", "", "An operations error occurred."),
    (8232, "ERROR_DS_STRONG_AUTH_REQUIRED", "",
     "The domain controller demands signed or encrypted LDAP (the policy 'LDAP server signing requirements')."),
    (8235, "ERROR_DS_REFERRAL", "", "What was asked for lies in another domain."),
    (8240, "ERROR_DS_NO_SUCH_OBJECT", "", "There is no such object."),
    (8245, "ERROR_DS_UNWILLING_TO_PERFORM", "", "The server is not willing to process the request."),
    (8310, "ERROR_DS_NOT_SUPPORTED", "", "The domain controller does not support this request."),
    (8311, "ERROR_DS_ILLEGAL_MOD_OPERATION", "", "Active Directory does not allow this change of this attribute."),
    (8323, "ERROR_DS_ATT_VAL_ALREADY_EXISTS", "", "The value is there already."),
    (8333, "ERROR_DS_OBJ_NOT_FOUND", "", "There is no such object, or the account may not see it."),
    (8344, "ERROR_DS_INSUFF_ACCESS_RIGHTS", "permissions=medium", "The account lacks the right to do this."),
    (8373, "ERROR_DS_NAME_REFERENCE_INVALID", "",
     "A service principal name or DNS name does not fit the account: whoever may only write validated values may add names of the account's own host alone."),
    (8647, "ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST", "spn=strong",
     "Another account of the forest carries this service principal name already, itself or through its HOST name."),
    (8648, "ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST", "", "Another account of the forest has this user principal name already."),
)
