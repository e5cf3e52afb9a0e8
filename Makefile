# Every target does its own set-up, from a fresh clone on, on Debian or Ubuntu with Python >= 3.11.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN := .venv/bin
# These look at the tree, at processes or into a browser, which are the same however bypeer runs.
TREE_TESTS := bench browser cli test_contracts.py test_mirror.py test_sizes.py
CASE := tests/captures/late-segment
KERNELS := 5.10 6.1 6.12 newest

# Compiled modules: every .py with a .pxd of C types beside it (setup.py).
TYPES := $(shell find src -name '*.pxd')
SOURCES := $(wildcard $(TYPES:.pxd=.py))

# need WHAT PACKAGE WHY: installs a Debian package if it may, else says so and goes on.
define NEED
need() {
    echo "make: $$1 is missing: $$3"
    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq --no-install-recommends "$$2" >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$$2" >/dev/null; } ||
            echo "make: $$2 could not be installed; going on without"
    else
        echo "make: to install it: sudo apt-get install $$2"
    fi
}
endef

help:
	@echo 'make demo       explain a real pair of captures'
	@echo 'make test       lint, types, contracts, all tests'
	@echo 'make lint       lint, types, contracts only'
	@echo 'make format     what lint can mend by itself'
	@echo 'make fuzz       mutated captures and printed texts by the thousand: N=100000'
	@echo 'make bench      what a run costs, beside other tools (QUICK=1: in a minute)'
	@echo 'make lab        every scenario of the lab, three times: ROUNDS=1; KERNEL=5.10: in QEMU'
	@echo 'make soak       disturbances made by chance, on this kernel: what is told against what is known: N=100'
	@echo 'make retaken    known cases taken otherwise, by chance, have the same verdict or an undetermined one: N=1000'
	@echo 'make agree-all  a million packets through the model and each of four kernels (QEMU, 400 MB)'
	@echo 'make clean      remove all that make made'

# Exit status 1 says that the NAT host killed the connection, and that is what this pair shows.
demo: .venv/compiled
	@status=0
	$(BIN)/bypeer explain $(CASE)/inside.pcap $(CASE)/outside.pcap || status=$$?
	if [ $$status != 1 ]; then
	    echo "make: bypeer explain ended with status $$status, not with 1 (the host killed it)" >&2
	    exit 1
	fi

# Twice: as compiled, without TREE_TESTS; then all of it on the sources, which is what
# coverage can see. The complete run comes last, and its summary is the last line.
test: lint .venv/compiled .venv/tools
	@if $(BIN)/python -c 'import bypeer, sys; sys.exit(not bypeer.compiled())'; then
	    $(BIN)/python -m pytest -q --compiled $(addprefix --ignore=tests/,$(TREE_TESTS))
	else
	    echo 'make: no C compiler: the compiled modules go untested'
	fi
	$(BIN)/python -m coverage run -m pytest

lint: .venv/compiled
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/compiled
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: .venv/compiled
	$(BIN)/python docs/make_causes.py

# N inputs, with KIND=text of printed text alone; SEED=... makes those of an earlier run again, ONLY=... one.
fuzz: .venv/compiled
	@$(BIN)/python -m tests.fuzz.run $(or $(N),100000) "$(SEED)" "$(ONLY)" "$(KIND)"

bench: .venv/compiled
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

# No part of `make test`, which plays a few of them.
lab: .venv/compiled
	@$(BIN)/bypeer lab run --all --rounds $(or $(ROUNDS),3) $(if $(KERNEL),--kernel $(KERNEL))

# No part of `make test`, which plays a few: SEED=... makes those of an earlier run again, ONLY=... one.
soak: .venv/compiled
	@$(BIN)/python -m tests.lab.soak $(or $(N),100) "$(SEED)" "$(ONLY)"

# No part of `make test`, which takes a few: as make soak; BYPEER_CASES names a folder of more cases.
retaken: .venv/compiled
	@$(BIN)/python -m tests.retaken.run $(or $(N),1000) "$(SEED)" "$(ONLY)"

# No part of `make test`: four virtual machines without KVM, a few minutes each.
agree-all: .venv/compiled
	@$(NEED)
	command -v qemu-system-x86_64 >/dev/null || need QEMU qemu-system-x86 'kernels run in it'
	$(BIN)/bypeer lab kernels fetch --missing $(KERNELS)
	$(BIN)/python bench/kernels.py $(KERNELS)

clean:
	rm -rf .venv build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf src/*.egg-info
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +
	find src -name '*.so' -delete

# The first of these that runs and is new enough. PYTHON=... chooses another.
.venv/python:
	@$(NEED)
	python=
	for one in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3); do
	    if "$$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$one; break; fi
	done
	if [ -z "$$python" ]; then
	    echo 'make: needs Python 3.11 or newer; PYTHON=/path/to/python3 says where it is' >&2
	    exit 1
	fi
	version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	"$$python" -c 'import ensurepip, venv' 2>/dev/null ||
	    need "venv of Python $$version" "python$$version-venv" 'nothing can be installed without it'
	command -v cc >/dev/null || command -v gcc >/dev/null ||
	    need 'a C compiler' gcc 'bypeer will run uncompiled, slower'
	"$$python" -c 'import os, sysconfig as s, sys; sys.exit(not os.path.exists(s.get_path("include") + "/Python.h"))' ||
	    need "Python.h of Python $$version" "python$$version-dev" 'bypeer will run uncompiled, slower'
	# gcc alone brings no C library to compile against.
	[ -e /usr/include/stdlib.h ] || need 'the C library for compiling' libc6-dev 'bypeer will run uncompiled, slower'
	rm -rf .venv
	"$$python" -m venv .venv
	touch $@

.venv/installed: .venv/python pyproject.toml setup.py
	@echo "make: installing bypeer and its tools into .venv"
	find src -name '*.so' -delete
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	touch $@

# Compiles what changed. What then is older than its C source did not compile, and what has no
# .pxd any more is no compiled module: bypeer shall run their .py, not the old machine code.
.venv/compiled: .venv/installed .venv/modules $(TYPES) $(SOURCES)
	@$(BIN)/python -m compileall -q src  # start-up counts, also where PYTHONDONTWRITEBYTECODE is set
	if [ .venv/installed -nt $@ ] && [ -z "$$(find $(TYPES) $(SOURCES) -newer .venv/installed)" ]; then
	    touch $@; exit 0  # pip has just compiled them
	fi
	echo "make: compiling"
	$(BIN)/python setup.py --quiet build_ext --inplace
	find src -name '*.so' | while read -r machine; do
	    module=$${machine%%.*}
	    [ -e "$$module.pxd" ] && [ "$$machine" -nt "build/cython/$$module.c" ] || rm "$$machine"
	done
	touch $@

# Changes when a module becomes compiled or ceases to be.
.venv/modules: .venv/python FORCE
	@[ "$$(cat $@ 2>/dev/null)" = '$(sort $(SOURCES))' ] || echo '$(sort $(SOURCES))' >$@

.venv/tools: .venv/python
	@$(NEED)
	command -v tshark >/dev/null || need tshark tshark 'tests that compare with it will be skipped'
	command -v ip >/dev/null || need ip iproute2 'tests on hosts of their own will be skipped'
	command -v nft >/dev/null || need nft nftables 'tests on hosts of their own will be skipped'
	command -v tcpdump >/dev/null || need tcpdump tcpdump 'tests that compare with it will be skipped'
	command -v chromium >/dev/null || need Chromium chromium 'tests of the page will be skipped'
	touch $@

FORCE:

.PHONY: FORCE help demo test lint format docs fuzz bench lab soak retaken agree-all clean
