# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doc fragments say in words what the spec says in code."""

from __future__ import annotations

import importlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.winrm.doctor.plugins.module_utils.argspec import directory_options, probe_options, target_options
from ansible_collections.winrm.doctor.plugins.plugin_utils.connection import VARIABLES

FRAGMENTS = {"target": target_options, "probe": probe_options, "directory": directory_options}


def documented(name: str) -> dict[str, t.Any]:
    fragment = importlib.import_module(f"ansible_collections.winrm.doctor.plugins.doc_fragments.{name}").ModuleDocFragment
    return t.cast("dict[str, t.Any]", yaml.safe_load(fragment.DOCUMENTATION))


@pytest.mark.parametrize("name", sorted(FRAGMENTS))
def test_fragment_and_spec_agree(name: str) -> None:
    options = documented(name)["options"]
    compared = ("type", "default", "choices", "elements", "required", "aliases")
    said = {option: {key: what[key] for key in compared if key in what} for option, what in options.items()}
    assert said == {option: {key: what[key] for key in compared if key in what} for option, what in FRAGMENTS[name]().items()}
    for option, what in options.items():
        assert what["description"], option


def test_the_fragment_names_every_variable_that_feeds_an_option() -> None:
    options = documented("target")["options"]
    for variables in VARIABLES.values():
        for option, names in variables.items():
            text = " ".join(options[option]["description"])
            for name in names:
                assert re.search(rf"C\({name}\)", text), (option, name)


def test_every_option_of_the_target_is_filled_by_both_connections() -> None:
    for kind, variables in VARIABLES.items():
        assert set(variables) == set(target_options()) - {"inventory_name"}, kind
