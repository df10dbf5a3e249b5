# Copyright (c) 2026 the winrm.doctor contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With CI=true a test that would be skipped fails: what is skipped there is tested nowhere. And the matrix of faults, printed before the closing line."""

from __future__ import annotations

import os
import typing as t

import pytest

ALLOWED = {
    "no recorded messages at hand": "recordings of real hosts are not published",
    "no captured messages here": "the same",
    "the facts do not lie beside the repository": "the collected facts are not published",
    "no real Windows host is named in the environment": "whoever has one runs the same tests against it (tests/replay/README.md)",
    "no IPv6 here": "the kernel of the machine decides it",
}
"""Reasons for skipping that hold in CI too, and why they may."""

MATRIX: pytest.StashKey[list[tuple[str, ...]]] = pytest.StashKey()
COLUMNS = ("host", "what is wrong", "true cause", "first cause", "verdict")

Report = t.TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def must_run(reason: str) -> bool:
    """Whether a test with this reason for skipping must not be skipped here."""
    return os.environ.get("CI") == "true" and reason.removeprefix("Skipped: ") not in ALLOWED


def without_skip(report: Report) -> Report:
    """The report, failed where its skip is not allowed."""
    if report.skipped and isinstance(report.longrepr, tuple) and must_run(report.longrepr[2]):
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr[0]}:{report.longrepr[1]}: may not be skipped with CI=true: {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> t.Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test."""
    return without_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> t.Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A skipped file."""
    return without_skip((yield))


@pytest.fixture(scope="session")
def matrix(pytestconfig: pytest.Config) -> list[tuple[str, ...]]:
    """Rows of COLUMNS, printed when all is done: which fault got which cause."""
    return pytestconfig.stash.setdefault(MATRIX, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The matrix as a table."""
    rows = config.stash.get(MATRIX, [])
    if not rows:
        return
    widths = [min(60, max(len(row[at]) for row in (COLUMNS, *rows))) for at in range(len(COLUMNS))]
    terminalreporter.section("faults and what comes first")
    for row in (COLUMNS, *rows):
        terminalreporter.write_line("  ".join(text[:width].ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
