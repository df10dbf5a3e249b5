# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter around the explanation."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.winrm.doctor.plugins.filter.explain import FilterModule
from jinja2 import Environment, StrictUndefined


@pytest.fixture
def render():
    environment = Environment(undefined=StrictUndefined)
    environment.filters["explain"] = FilterModule().filters()["explain"]
    return lambda template, **variables: environment.from_string(template).render(**variables)


def test_it_works_in_a_template(render):
    assert render("{{ (code | explain).code.symbol }}", code="0x80090322") == "SEC_E_WRONG_PRINCIPAL"


def test_an_undefined_value_stays_undefined(render):
    assert render("{{ (nothing | explain) | default('none') }}") == "none"


def test_a_wrong_type_is_a_filter_error_with_advice(render):
    with pytest.raises(AnsibleFilterError, match=r"winrm\.doctor\.explain: explain was given a dictionary\. Expected: .*such as result\.msg"):
        render("{{ value | explain }}", value={"msg": "x"})
