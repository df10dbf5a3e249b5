# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management Identify: the one question WinRM answers to strangers (DSP0226 clause 11)."""

from __future__ import annotations

from ..evidence.base import Known, Unknown
from ..evidence.endpoint import IdentityEvidence
from ..safe_xml import Node, XmlError, parse
from .http import printable

NAMESPACE = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
BODY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:wsmid="' + NAMESPACE + '">'
    "<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
).encode()
HEADERS = (("Content-Type", "application/soap+xml;charset=UTF-8"), ("WSMANIDENTIFY", "unauthenticated"))

SIZE_LIMIT, TEXT_LIMIT, PROFILE_LIMIT = 64 * 1024, 200, 16


def parse_identify(body: bytes) -> Known[IdentityEvidence]:
    """The identity in a reply's body, or why there is none."""
    if len(body) <= SIZE_LIMIT and not body.strip():
        return Unknown("the answer is empty")
    try:
        return identity_of(parse(body, SIZE_LIMIT))
    except XmlError as error:
        return Unknown(f"the answer is not to be read: {printable(str(error), 140)}")


def identity_of(root: Node) -> Known[IdentityEvidence]:
    """The identity in an envelope, whatever its namespaces (stacks disagree about them)."""
    answer = root.find("IdentifyResponse")
    if answer is None:
        what = "a SOAP fault" if root.find("Fault") else f"XML with the root element {printable(root.name, 60)}"
        return Unknown(f"the answer is {what}, not an IdentifyResponse")
    texts = {name: printable(answer.first_text(name), TEXT_LIMIT) for name in ("ProductVendor", "ProductVersion", "ProtocolVersion")}
    profiles = tuple(printable(node.text, TEXT_LIMIT) for node in answer.all("SecurityProfileName")[:PROFILE_LIMIT])
    return IdentityEvidence(texts["ProductVendor"], texts["ProductVersion"], texts["ProtocolVersion"], profiles)
