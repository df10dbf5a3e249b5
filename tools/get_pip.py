# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for get-pip.py where ansible-test cannot reach its download host: runs pip from the wheel beside this file.

`tools/check.py` puts both into ansible-test's cache.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    wheel = next(Path(__file__).resolve().parent.glob("pip-*.whl"))
    sys.path.insert(0, str(wheel))
    from pip._internal.cli.main import main

    # The real get-pip.py knows two options that pip does not.
    arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
    sys.exit(main(["install", "--quiet", *arguments]))
