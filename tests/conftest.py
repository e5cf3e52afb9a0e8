"""What every test run needs: the choice of world, and the cover of core/ in the summary."""

from __future__ import annotations

import io
import sys

import pytest
from coverage import Coverage

from tests import pure


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--compiled", action="store_true", help="test the compiled modules, not their sources")


def pytest_configure(config: pytest.Config) -> None:
    # Before the first test module is imported.
    pure.enter("compiled" if config.getoption("--compiled") else "source")
    if config.getoption("--compiled"):
        import bypeer

        if not bypeer.compiled():
            raise pytest.UsageError("--compiled: not all of bypeer is compiled (a C compiler is needed)")


def pytest_report_header(config: pytest.Config) -> str:
    return f"bypeer: {pure.here()} modules"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The branch cover of core/, when `coverage run` started us, above pytest's own last line."""
    cover = Coverage.current()
    if cover is None or not any(name.startswith("bypeer.core.") for name in sys.modules):
        return
    table = io.StringIO()
    cover.report(include="*/bypeer/core/*", file=table, show_missing=True, skip_covered=True)
    terminalreporter.section("branch cover of core/")
    terminalreporter.write(table.getvalue())
