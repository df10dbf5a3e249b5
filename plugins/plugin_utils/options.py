# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's options: checked against its own spec, with an error that names option, value and expectation."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict
from ansible_collections.winrm.doctor.plugins.module_utils.argspec import Spec
from ansible_collections.winrm.doctor.plugins.module_utils.errors import DoctorError

WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "path": "a path", "str": "text", "dict": "a dictionary"}


def check_options(spec: Spec, params: dict[str, t.Any], origins: t.Mapping[str, str]) -> tuple[dict[str, t.Any], set[str]]:
    """The converted options with all defaults, and the values of those that are secret.

    `origins` says for options that nobody typed where the value comes from.
    """
    checked = ArgumentSpecValidator(spec).validate(params)
    if checked.error_messages:
        raise _explain(spec, params, origins, checked.error_messages)
    # There is no public way to the values; core's own action plugins read the same attribute.
    return checked.validated_parameters, set(checked._no_log_values)


def public_options(spec: Spec, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options that are set and not secret, those inside other options included."""
    return {
        name: _public(spec.get(name, {}).get("options"), value) for name, value in params.items() if value is not None and not spec.get(name, {}).get("no_log")
    }


def _public(inner: Spec | None, value: t.Any) -> t.Any:
    if not inner:
        return value
    return [_public(inner, item) for item in value] if isinstance(value, list) else public_options(inner, value)


def _explain(spec: Spec, params: dict[str, t.Any], origins: t.Mapping[str, str], messages: list[str]) -> DoctorError:
    options = {alias: option for name, option in spec.items() for alias in (name, *option.get("aliases", ()))}
    unknown = sorted(set(params) - set(options))
    if unknown:
        return DoctorError(f"There is no option {', '.join(unknown)}", expected=f"one of {', '.join(sorted(spec))}")
    for name, value in params.items():
        option = options[name]
        if _is_wrong(name, option, value):
            if inside := _explain_items(name, option, value):
                return inside
            origin = f" (from {origins[name]})" if name in origins else ""
            return DoctorError(f"The option {name} is {_shown(option, value)}{origin}", expected=_expected(option), value=None)
    return DoctorError("; ".join(messages))


def _is_wrong(name: str, option: dict[str, t.Any], value: t.Any) -> bool:
    return bool(ArgumentSpecValidator({name: {key: what for key, what in option.items() if key != "aliases"}}).validate({name: value}).error_messages)


def _explain_items(name: str, option: dict[str, t.Any], value: t.Any) -> DoctorError | None:
    """What is wrong inside an option that is a list of dictionaries; None where it is neither a list nor one item."""
    keys: Spec = option.get("options") or {}
    if not keys or option.get("type") != "list" or not isinstance(value, (list, tuple, str)):
        return None
    for number, item in enumerate([value] if isinstance(value, str) else value, 1):
        try:
            # As Ansible takes it: a text may be JSON or key=value.
            given = check_type_dict(item)
        except TypeError:
            return DoctorError(f"Item {number} of {name} is no dictionary", expected=f"a dictionary with keys out of {', '.join(sorted(keys))}")
        if unknown := sorted(str(key) for key in given if key not in keys):
            word = "key" if len(unknown) == 1 else "keys"
            return DoctorError(f"Item {number} of {name} has no {word} {', '.join(unknown)}; there are {', '.join(sorted(keys))}")
        for key, inner in given.items():
            if inner is not None and _is_wrong(key, keys[key], inner):
                return DoctorError(f"The {key} of {name} item {number} is {_shown(keys[key], inner)}", expected=_expected(keys[key]))
    return None


def _shown(option: dict[str, t.Any], value: t.Any) -> str:
    if option.get("no_log"):
        return "a value that is not shown"
    return "a dictionary or list of dictionaries" if option.get("options") else repr(value)


def _expected(option: dict[str, t.Any]) -> str:
    kind = option.get("type", "str")
    if "choices" in option:
        choices = ", ".join(str(choice) for choice in option["choices"])
        return f"a list out of {choices}" if kind == "list" else f"one of {choices}"
    if kind == "list":
        return f"a list, each item {WORDS.get(option.get('elements', 'str'), 'valid')}"
    return WORDS.get(str(kind), str(kind))
