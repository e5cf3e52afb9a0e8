"""Tests of the lab need a kernel that answers; where it does not they are skipped, and say why.

Imports stand inside, because pytest may read this file before it chose between the sources and
what is compiled.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bypeer.core.kernels import Kernel


@pytest.fixture(scope="session")
def running() -> Kernel:
    """The model's rules of the running kernel, if that can be asked."""
    from bypeer.core.kernels import named
    from bypeer.errors import HostError
    from bypeer.lab.oracle import Oracle
    from bypeer.lab.worlds import WORLDS

    kernel = named(os.uname().release)
    try:
        Oracle(WORLDS[0].sysctls, kernel=kernel, reasons=True).close()
    except HostError as error:
        pytest.skip(str(error))
    return kernel
