# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter `winrm.doctor.explain`; its documentation stands in explain.yml."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from jinja2 import Undefined

from ..module_utils.errors import DoctorError
from ..module_utils.explain import explain


def explain_filter(value: object) -> t.Any:
    """The explanation as a dictionary; an undefined value stays undefined, so that `default()` after it works."""
    if isinstance(value, Undefined):
        return value
    try:
        return explain(value)
    except DoctorError as error:
        raise AnsibleFilterError(f"winrm.doctor.explain: {error.sentence}") from error


class FilterModule:
    """The collection's filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names as templates use them."""
        return {"explain": explain_filter}
