# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports point downward only, and third-party libraries are imported in `deps` alone."""

from __future__ import annotations

import ast
import sys
import typing as t
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
UTILS = PLUGINS / "module_utils"
OURS = "ansible_collections.winrm.doctor.plugins"
FILES = sorted(path for path in PLUGINS.rglob("*.py") if "__pycache__" not in path.parts)

# Folder of module_utils -> the folders that it may import from besides itself; "" stands for the files right in module_utils.
# That "" itself imports no folder but what is named here keeps the vocabulary at the bottom.
BELOW = {
    "": {"codes", "evidence"},
    "codes": {""},
    "evidence": {""},
    "wire": {"", "codes", "evidence"},
    "wsman": {"", "codes", "evidence", "wire"},
    "directory": {"", "codes", "evidence", "wire"},
    "windows": {"", "codes", "evidence", "wire", "wsman"},
    "collect": {"", "codes", "evidence", "wire", "wsman", "directory", "windows"},
    "causes": {"", "codes", "evidence"},
    "remedies": {"", "codes", "evidence", "causes"},
    "report": {"", "codes", "evidence", "causes", "remedies"},
}
PURE = {"codes", "evidence", "causes", "remedies", "report"}
"""Folders that reason: no network, no Ansible, no clock."""
EFFECTS = {"socket", "ssl", "http", "select", "selectors", "asyncio", "subprocess", "threading", "urllib.request", "ansible"}
CLOCKS = {"time.time", "time.monotonic", "time.sleep", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def imports(source: str, package: str) -> t.Iterator[str]:
    """Absolute dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            name = ".".join(filter(None, (base, node.module)))
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def clocks(source: str) -> list[str]:
    """Readings of a clock; turning a given time into text is none."""
    used = [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return sorted(name for name in {*used, *imports(source, "")} if name in CLOCKS or name.removeprefix("datetime.") in CLOCKS)


def package_of(path: Path) -> str:
    return ".".join((OURS, *path.relative_to(PLUGINS).parent.parts))


def folder_of(path: Path) -> str | None:
    """The folder of module_utils a file lies in; "" right in it; None elsewhere."""
    parts = path.relative_to(PLUGINS).parts
    return None if parts[0] != "module_utils" else parts[1] if len(parts) > 2 else ""


def target_folder(name: str) -> str | None:
    """The folder of module_utils that an imported name belongs to."""
    prefix = f"{OURS}.module_utils."
    if not name.startswith(prefix):
        return None
    first = name.removeprefix(prefix).split(".")[0]
    return first if (UTILS / first).is_dir() else ""


def wrong_imports(path: Path, source: str) -> list[str]:
    """Sentences about imports that point upward or bring in what does not belong."""
    own, found = folder_of(path), []
    package, names = package_of(path), sorted(set(imports(source, package_of(path))))
    if own in PURE:
        found += [f"{clock} reads the clock, and {own} only reasons" for clock in clocks(source)]
    if own is None:
        return [f"{name} is a third-party library" for name in names if is_foreign(name) and package.endswith(("modules", "module_utils"))]
    for name in names:
        target = target_folder(name)
        if target is not None and target != own and target not in BELOW[own]:
            found.append(f"{name} lies above {own or 'the vocabulary'}")
        if name.startswith(OURS) and target is None and name != f"{OURS}.module_utils":
            found.append(f"{name} is not part of module_utils")
        if own in PURE and any(name == effect or name.startswith(f"{effect}.") for effect in EFFECTS):
            found.append(f"{name} has effects, and {own} only reasons")
        if is_foreign(name) and path.name != "deps.py":
            found.append(f"{name} is a third-party library, which only deps.py imports")
    return found


def is_foreign(name: str) -> bool:
    top = name.split(".")[0]
    return top not in sys.stdlib_module_names and top not in ("ansible", "ansible_collections", "__future__")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_imports_point_downward(path: Path) -> None:
    assert not wrong_imports(path, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("causes", "import socket"),
        ("causes", "from ..collect import endpoint"),
        ("causes", "from time import time"),
        ("causes", "import datetime\nnow = datetime.datetime.now()"),
        ("report", "def show():\n    from ansible.utils.display import Display"),
        ("wire", "from ..collect.endpoint import observe"),
        ("wire", "from .. import causes"),
        ("wire", "import cryptography.x509"),
        ("evidence", "from ...plugin_utils.plain import plain"),
    ],
)
def test_a_wrong_import_is_noticed(folder: str, source: str) -> None:
    assert wrong_imports(UTILS / folder / "new.py", source)


@pytest.mark.parametrize("folder", sorted(path.name for path in UTILS.iterdir() if path.is_dir() and path.name != "__pycache__"))
def test_every_folder_has_its_place(folder: str) -> None:
    assert folder in BELOW


@pytest.mark.parametrize("path", sorted(UTILS.rglob("__init__.py")), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_packages_are_empty(path: Path) -> None:
    assert path.read_bytes() == b""
