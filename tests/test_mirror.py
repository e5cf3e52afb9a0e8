"""Each module of core/ has its tests where one would look for them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = ROOT / "src/bypeer/core"

# module: why it has no test file of its own
UNTESTED = {"lines.py": "records and memory: what connections.py makes of them is tested in both worlds"}

# test file: what it tests beyond one module
ACROSS: dict[str, str] = {
    "test_testimony_entries.py": "entries that came and went, for testimony.py",
    "test_doubts.py": "verdicts that are left open, by whichever step sees that the captures lack something",
    "test_scripts.py": "the packet scripts of tests/scripts: what the tracker answers, and what they reach",
    "test_labels.py": "the tracker's answers, held against recorded ones of real kernels",
    "test_reasons.py": "why an endpoint sent a RST by its kernel's word: testimony, causes and verdict",
    "test_printed.py": "what holds of printed text, in every step of the pipeline",
}


def test_every_module_of_core_has_its_test_file() -> None:
    modules = [path.relative_to(CORE) for path in CORE.rglob("*.py") if path.name != "__init__.py"]
    assert modules
    missing = [
        f"tests/core/{module.with_name(f'test_{module.name}')}"
        for module in sorted(modules)
        if str(module) not in UNTESTED
        and not (ROOT / "tests/core" / module.with_name(f"test_{module.name}")).exists()
    ]
    assert not missing


def test_every_test_file_of_core_has_its_module() -> None:
    tests = sorted((ROOT / "tests/core").rglob("test_*.py"))
    names = [path.relative_to(ROOT / "tests/core") for path in tests]
    strays = [name for name in names if not (CORE / name.with_name(name.name.removeprefix("test_"))).exists()]
    assert {str(name) for name in strays} == set(ACROSS)


def test_the_exceptions_are_still_needed() -> None:
    for module in UNTESTED:
        path = Path(module)
        assert (CORE / path).exists(), f"{module} is gone"
        assert not (ROOT / "tests/core" / path.with_name(f"test_{path.name}")).exists(), f"{module} has tests"
