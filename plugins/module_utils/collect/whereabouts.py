# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a forest an account lives that a user name means. A namesake in another domain is not it, and nothing may be said of it."""

from __future__ import annotations

import typing as t

from ..directory import partitions
from ..directory.entries import Entry
from ..directory.notation import dns_of_dn
from ..evidence.base import Known, Unknown
from ..evidence.directory import NO_SUCH_ACCOUNT
from .connections import Connections
from .reading import Directory, holders_of
from .sites import Site, Sites


def find_account(username: str, site: Site, sites: Sites, connections: Connections) -> tuple[Site, Known[Entry]]:
    """The account with its domain: the one of `site`, unless the name leads to another domain of the forest."""
    directory = connections.directory(site)
    if isinstance(directory, Unknown):
        return site, directory
    if partitions.is_of(username, directory.domain, directory.domains()):
        return site, directory.find_account(username)
    is_upn = "\\" not in username
    if is_upn and (entry := directory.find_account(username, implicit=False)) != NO_SUCH_ACCOUNT:
        return site, entry
    home = partitions.called(partitions.said_in(username), directory.domains())
    if home:
        there = sites[home]
        # The UPN may be an explicit one of a third domain of the forest, so it is looked for by the catalogue before the account is called missing.
        entry = _in(there, connections, lambda found: found.find_account(username))
        if not (is_upn and entry == NO_SUCH_ACCOUNT):
            return there, entry
    if not is_upn:
        said = username.strip().partition("\\")[0]
        return site, Unknown(f"{said} is no domain of the forest of {directory.domain}, so {username} was looked for nowhere: set domain to its domain")
    return _by_catalogue(username, site, sites, connections)


def _in(site: Site, connections: Connections, look: t.Callable[[Directory], Known[Entry]]) -> Known[Entry]:
    """What another domain of the forest says."""
    directory = connections.directory(site)
    return Unknown(f"the account is one of {site.domain}, which cannot be asked: {directory.unknown}") if isinstance(directory, Unknown) else look(directory)


def _by_catalogue(upn: str, site: Site, sites: Sites, connections: Connections) -> tuple[Site, Known[Entry]]:
    """The account whose userPrincipalName this is, wherever in the forest ([MS-ADA3], User-Principal-Name: the global catalogue has the attribute)."""
    missing = f"no account of {site.domain} has the user principal name {upn}"
    catalogue = connections.catalogue(site)
    if isinstance(catalogue, Unknown):
        return site, Unknown(f"{missing}, and whether another domain of the forest has it is not known: {catalogue.unknown}")
    found = holders_of(catalogue, upn)
    if isinstance(found, Unknown):
        return site, Unknown(f"{missing}, and whether another domain of the forest has it is not known: {found.unknown}")
    if not found:
        return site, Unknown(f"no account of the forest of {site.domain} has the user principal name {upn}")
    if len(found) > 1:
        return site, Unknown(f"{len(found)} accounts have the user principal name {upn}: {'; '.join(found)}")
    there = sites[dns_of_dn(found[0])]
    return there, _in(there, connections, lambda directory: directory.account_at(found[0]))
