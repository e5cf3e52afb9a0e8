"""Builds the compiled modules; everything else about the package is in pyproject.toml.

A compiled module is a plain .py with a .pxd of C types beside it. Adding the .pxd is all it
takes. Every one is optional: without Cython or a C compiler the .py itself runs, slower.
BYPEER_NO_COMPILE=1 asks for that on purpose.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

TRANSLATED = Path("build/cython")
# How a .pxd begins that has the whole of its module, for those that import it: the .py is not compiled.
INLINE = ".py for compiled modules:"
DIRECTIVES = {
    "language_level": 3,
    # Annotations are for the type checker: `int` there means Python's, C types are in the .pxd.
    "annotation_typing": False,
    # Both stay as Python has them, so that a module answers the same compiled or not, and no
    # write can leave its buffer.
    "boundscheck": True,
    "wraparound": True,
}


def modules() -> list[Extension]:
    """An optional extension for each module with a .pxd beside it."""
    if os.environ.get("BYPEER_NO_COMPILE") == "1":
        return []
    types = (
        pxd for pxd in sorted(Path("src").rglob("*.pxd")) if INLINE not in pxd.read_text(encoding="utf-8")
    )
    sources = [pxd.with_suffix(".py") for pxd in types]
    # -g0: the debugger's tables would be most of a module, and name C that nobody wrote.
    return [
        Extension(
            ".".join(source.with_suffix("").parts[1:]),
            [str(source)],
            optional=True,
            extra_compile_args=["-g0", "-O3"],
        )
        for source in sources
        if source.exists()
    ]


class BuildExt(build_ext):
    """Turns the modules into C when they are built, and not each time that setup.py is asked."""

    def run(self) -> None:
        """Translate, then compile."""
        try:
            from Cython.Build import cythonize
        except ImportError:
            self.extensions = []
            return
        # cythonize makes extensions of its own, which are no longer optional: only their C files
        # are taken. A module that does not translate is a fault of ours and fails the build.
        # force: Cython sees by itself that a source has changed, but not that DIRECTIVES have.
        translated = cythonize(
            [Extension(one.name, one.sources) for one in self.extensions],
            compiler_directives=DIRECTIVES,
            build_dir=str(TRANSLATED),
            force=any(c.stat().st_mtime < Path("setup.py").stat().st_mtime for c in TRANSLATED.rglob("*.c")),
            quiet=True,
        )
        sources = {one.name: one.sources for one in translated}
        for extension in self.extensions:
            extension.sources = sources[extension.name]
        super().run()


setup(
    ext_modules=modules(),
    cmdclass={"build_ext": BuildExt},
    options={"build_ext": {"parallel": True}},
)
