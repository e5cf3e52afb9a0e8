"""Kernel modules that a question would load: to ask it would change the host.

Source: lsmod(8), modules.builtin in kbuild's documentation; the kernel loads nfnetlink's subsystems
when they are first spoken to.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

LOADED = Path("/proc/modules")  # absent where the kernel has no modules: everything is built in
BUILT_IN = Path(f"/lib/modules/{os.uname().release}/modules.builtin")


def would_load(name: str) -> bool:
    """Whether using that module may load it. Where nothing tells, it may."""
    try:
        loaded = LOADED.read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    if re.search(rf"^{name} ", loaded, re.MULTILINE):
        return False
    try:
        built_in = BUILT_IN.read_text(encoding="utf-8")
    except OSError:
        return not Path(f"/sys/module/{name}").exists()
    pattern = name.replace("_", "[-_]")
    return re.search(rf"/{pattern}\.ko$", built_in, re.MULTILINE) is None
