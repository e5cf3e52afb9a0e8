"""Who reset this connection, which packet triggered it, and why.

This is the library's door. Every name behind it is imported when it is first asked for, so
that `import bypeer` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bypeer.api import explain, pictures
    from bypeer.errors import BypeerError, CaptureError, HostError

__all__ = ["BypeerError", "CaptureError", "HostError", "__version__", "compiled", "explain", "pictures"]
__version__ = "0.1.0"

# name: the module it lives in
_DOOR = {
    "explain": "bypeer.api",
    "pictures": "bypeer.api",
    "BypeerError": "bypeer.errors",
    "CaptureError": "bypeer.errors",
    "HostError": "bypeer.errors",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562), once."""
    if name not in _DOOR:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_DOOR[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_DOOR})


def compiled() -> bool:
    """Whether every module that can be compiled is: those with a .pxd of C types beside them.

    Uncompiled, bypeer answers the same, but slower.
    """
    from importlib.machinery import EXTENSION_SUFFIXES
    from importlib.util import find_spec
    from pathlib import Path

    root = Path(__file__).parent
    types = [
        path
        for path in root.rglob("*.pxd")
        # A .pxd with the functions themselves is all that compiled modules need of its module.
        if path.with_suffix(".py").exists()
        and ".py for compiled modules:" not in path.read_text(encoding="utf-8")
    ]
    names = [".".join(path.relative_to(root.parent).with_suffix("").parts) for path in types]
    origins = [spec.origin or "" for spec in map(find_spec, names) if spec]
    return bool(origins) and all(origin.endswith(tuple(EXTENSION_SUFFIXES)) for origin in origins)
