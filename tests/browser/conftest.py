"""A Chromium of the system's, without a screen or a network of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.driver import CHROMIUM, FLAGS, Window


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for one in items:
        if Path(__file__).parent in one.path.parents:
            one.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Window]]:
    """Opens a page; afterwards it must have asked for nothing and complained of nothing."""
    windows: list[Window] = []

    def opened(html: str, before: str = "", **how: Any) -> Window:
        """`before`: a script that runs before the page's own."""
        path = tmp_path / f"page{len(windows)}.html"
        path.write_text(html, encoding="utf-8")
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 1000}, **how})
        if before:
            context.add_init_script(before)
        windows.append(Window(context, path))
        return windows[-1]

    yield opened
    for one in windows:
        one.context.close()
        assert one.complaints == []
        assert one.requests == [one.url]
