# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CI=true takes no excuses but the documented ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
CASES = {
    "missing": "import pytest\npytest.importorskip('no_such_library')\ndef test_nothing(): pass\n",
    "excuse": "import pytest\ndef test_nothing(): pytest.skip('no time')\n",
    "allowed": "import pytest\n@pytest.mark.skipif(True, reason='no IPv6 here')\ndef test_nothing(): pass\n",
    "known": "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_nothing(): assert 0\n",
}


@pytest.mark.parametrize(
    ("ci", "case", "code"),
    [("true", "missing", 2), ("true", "excuse", 1), ("true", "allowed", 0), ("true", "known", 0), ("", "missing", 5), ("", "excuse", 0)],
)
def test_a_skip_counts_as_failure_in_ci_alone(tmp_path: Path, ci: str, case: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (tmp_path / f"test_{case}.py").write_text(CASES[case], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:pytest-ansible", str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "CI": ci}, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout
