"""Tests of live/ need namespaces; where the machine lacks them they are skipped, and say why.

Imports stand inside, because pytest may read this file before it chose between the sources and
what is compiled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bypeer.live.namespace import Namespace
    from tests.live.nat import Net


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A network namespace of the test's own."""
    from bypeer.errors import HostError
    from bypeer.live.namespace import Namespace

    try:
        fresh = Namespace()
    except HostError as error:
        pytest.skip(str(error))
    with fresh:
        yield fresh


@pytest.fixture
def net() -> Iterator[Net]:
    """A NAT host between a client and a server."""
    from bypeer.errors import HostError
    from tests.live.nat import nat_host

    stack = ExitStack()
    try:
        made = stack.enter_context(nat_host())
    except HostError as error:
        pytest.skip(str(error))
    with stack:
        yield made
