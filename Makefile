# Every target sets itself up: a virtual environment in .venv, filled from the lock file, once per change of the lock.

VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
KERNEL_STAMP := $(VENV)/.kernels
KERNEL_SOURCES := $(shell find dlmm operators -name '*.py')
PROJECT := pyproject.toml $(wildcard */__init__.py)
PIP := $(BIN)/python -m pip --disable-pip-version-check
SUPPORTED := import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))

.PHONY: help live record replay sandbox test lint bench format lock clean

help:
	@echo "make live    follow a live market and trade on it; without settings, the embedded sandbox's"
	@echo "make record  record it without trading"
	@echo "make replay  replay the recording that the settings name"
	@echo "make sandbox run a sandbox cluster alone"
	@echo "make test    run the tests"
	@echo "make lint    check style and types"
	@echo "make bench   measure replay, quotes and the live path (benchmarks.faults, half an hour, by itself)"
	@echo "make format  rewrite the sources in the project's format"
	@echo "make lock    resolve the lock files anew"

live record replay: $(KERNEL_STAMP)
	@$(BIN)/python -m flows.foreground $(BIN)/python -m bytewax.run flows.$@

sandbox: $(KERNEL_STAMP)
	@$(BIN)/python -m flows.foreground $(BIN)/python -m sandbox --port 8899 --ws-port 8900

# Many tests wait for a process or a slot, so there is room for more of them than there are cores; loadfile keeps a
# file's tests in one process, so that a kernel is loaded once for all of them.
test: $(DEV_STAMP) $(KERNEL_STAMP)
	$(BIN)/python -m pytest -n 3 --dist loadfile

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(RUN_STAMP)
	$(BIN)/python -m benchmarks.replay
	$(BIN)/python -m benchmarks.quotes
	$(BIN)/python -m benchmarks.live

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: export CUSTOM_COMPILE_COMMAND = make lock
lock: COMPILE := $(BIN)/pip-compile --quiet --no-annotate --strip-extras --allow-unsafe --generate-hashes \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock: $(DEV_STAMP)
	$(COMPILE) --extra dev --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock --extra build --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

$(BIN)/python:
	@for candidate in $(PYTHON) python3.12 python3.11 python3 python; do \
		if "$$candidate" -c '$(SUPPORTED)' >/dev/null 2>&1; then \
			echo "$$candidate -m venv $(VENV)"; exec "$$candidate" -m venv $(VENV); \
		fi; \
	done; \
	echo "error: Python 3.11 or 3.12 is needed and none was found; name one with make PYTHON=/path/to/python3.12" >&2; \
	exit 1

$(RUN_STAMP): requirements.lock $(PROJECT) | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Compiled here, kernels cost the first run nothing.
$(KERNEL_STAMP): $(RUN_STAMP) $(KERNEL_SOURCES)
	@echo "compiling kernels (up to two minutes, once a version) .."
	@$(BIN)/python -m flows.warm
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(PROJECT) | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
