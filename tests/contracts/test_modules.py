# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's spec, documentation, examples, action and action group say the same."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ansible_collections.winrm.doctor.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
COMPARED = ("type", "elements", "default", "choices", "required", "aliases")
SECRET_WORDS = ("password", "passphrase", "secret", "token")
TASK_KEYS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")

Options = dict[str, dict[str, t.Any]]


def module(name: str) -> t.Any:
    return importlib.import_module(f"{PACKAGE}.modules.{name}")


def fragment_options(name: str) -> Options:
    """The options of one `extends_documentation_fragment` entry of ours: winrm.doctor.target, winrm.doctor.attributes.info."""
    file, _dot, part = name.removeprefix("winrm.doctor.").partition(".")
    fragment = importlib.import_module(f"{PACKAGE}.doc_fragments.{file}").ModuleDocFragment
    options: Options = yaml.safe_load(getattr(fragment, part.upper() or "DOCUMENTATION")).get("options", {})
    return options


def documented(name: str) -> Options:
    """All documented options of a module, fragments included; the module's own words win, as in Ansible."""
    documentation = yaml.safe_load(module(name).DOCUMENTATION)
    options: Options = {}
    for fragment in documentation.get("extends_documentation_fragment", ()):
        options.update(fragment_options(fragment))
    for option, words in (documentation.get("options") or {}).items():
        options[option] = {**options.get(option, {}), **words}
    return options


def shape(options: Options) -> t.Any:
    """What documentation and spec must agree on, suboptions included."""
    said = {}
    for option, what in options.items():
        said[option] = {key: what[key] for key in COMPARED if what.get(key) not in (None, False, [])} | {"default": what.get("default")}
        said[option].setdefault("type", "str")
        inner = what.get("suboptions") or what.get("options")
        if inner:
            said[option]["options"] = shape(inner)
    return said


def tasks(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every task in a play, a block or a list of them."""
    for item in node or ():
        inner = [key for key in TASK_KEYS if key in item]
        for key in inner:
            yield from tasks(item[key])
        if not inner:
            yield item


def example_tasks(name: str) -> list[tuple[str, dict[str, t.Any]]]:
    """Module and arguments of every task in EXAMPLES that uses a module of ours."""
    found = []
    for task in tasks(yaml.safe_load(module(name).EXAMPLES)):
        for key, arguments in task.items():
            if str(key).startswith("winrm.doctor."):
                found.append((key.removeprefix("winrm.doctor."), arguments or {}))
    return found


def without_templates(spec: Options, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """The arguments that can be checked as they stand; a template may give anything, so only its option's name is checked."""
    unknown = set(arguments) - set(spec)
    assert not unknown, f"no such options: {unknown}"
    return {key: value for key, value in arguments.items() if "{{" not in str(value)}


@pytest.mark.parametrize("name", MODULES)
def test_spec_and_documentation_agree(name: str) -> None:
    assert shape(documented(name)) == shape(module(name).argument_spec())


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_described(name: str) -> None:
    assert [option for option, words in documented(name).items() if not words.get("description")] == []


@pytest.mark.parametrize("name", MODULES)
def test_options_that_sound_secret_are_hidden(name: str) -> None:
    spec = module(name).argument_spec()
    assert [option for option, what in spec.items() if any(word in option for word in SECRET_WORDS) and what.get("no_log") is not True] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_example_is_valid(name: str) -> None:
    examples = example_tasks(name)
    assert name in [used for used, _arguments in examples]
    for used, arguments in examples:
        spec = module(used).argument_spec()
        result = ArgumentSpecValidator(spec).validate(without_templates(spec, arguments))
        missing_only = any("{{" in str(value) for value in arguments.values())
        assert not [error for error in result.error_messages if not (missing_only and "missing required" in error)], arguments


@pytest.mark.parametrize("name", MODULES)
def test_returned_keys_are_documented_in_full(name: str) -> None:
    returned = yaml.safe_load(module(name).RETURN)
    assert returned
    assert [key for key, words in returned.items() if not {"description", "returned", "type"} <= set(words)] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_its_action(name: str) -> None:
    assert importlib.import_module(f"{PACKAGE}.action.{name}").ActionModule.module is module(name)


def test_there_is_no_action_without_a_module() -> None:
    assert sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py")) == MODULES


def test_the_action_group_has_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["doctor"]) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_the_documentation_is_that_of_this_module(name: str) -> None:
    documentation = yaml.safe_load(module(name).DOCUMENTATION)
    assert documentation["module"] == name
    assert "winrm.doctor.attributes" in documentation["extends_documentation_fragment"]
