# Everything a person or CI does here, by name. `make help` lists it.
#
# PYTHON=python3.12 make test    uses that Python (3.11 or newer) for .venv
# make test ARGS="-k ledger"     passes ARGS on to the command

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet --quiet --no-input
ARGS ?=
PYTHON ?=

# Images of containers often forbid it, but the tests start interpreters by the hundred, and each would compile anew.
export PYTHONDONTWRITEBYTECODE :=

# Empty files that say what .venv holds. They are newer than pyproject.toml when it is up to date.
MADE := $(VENV)/.made
RUNS := $(VENV)/.runs
DEVELOPS := $(VENV)/.develops

# Tests wait for programs that they start, so that two cores have work for three.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(RUNS) ## Start the fake on http://127.0.0.1:4010, with a first picture
	@exec $(BIN)/getimg-mock serve --watch --first-picture $(ARGS)

.PHONY: test
test: $(DEVELOPS) ## Run all tests
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

# One core checks types while others run the tests.
.PHONY: check
check: lint ## Lint, types, architecture, tests: what CI runs
	@$(MAKE) --jobs=2 types architecture test

.PHONY: lint
lint: $(DEVELOPS) ## Judge the style, change nothing
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

.PHONY: format
format: $(DEVELOPS) ## Repair the style where a machine can
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .

.PHONY: types
types: $(DEVELOPS) ## Check the types
	@$(BIN)/mypy

.PHONY: architecture
architecture: $(DEVELOPS) ## Check that imports run one way
	@$(BIN)/lint-imports --no-logo

.PHONY: contract
contract: $(DEVELOPS) ## Run the contract tests against the fake
	@$(BIN)/pytest contract_tests $(ARGS)

.PHONY: scorecard
scorecard: $(DEVELOPS) ## Show how many faulty providers and clients the contracts find
	@$(BIN)/python -m tests.contract.provider.scorecard --schemathesis $(ARGS)
	@$(BIN)/python -m tests.contract.provider.seeds --seeds 100
	@$(BIN)/python -m tests.contract.clients.scorecard

.PHONY: docs
docs: $(DEVELOPS) ## Write the generated parts of the documentation anew
	@$(BIN)/python -m tests.docs.generated_blocks

.PHONY: soak
soak: $(DEVELOPS) ## Send random requests for MINUTES=10
	@$(BIN)/python -m benchmarks.soak $(or $(MINUTES),10)

.PHONY: bench
bench: $(DEVELOPS) ## Measure, and compare with the targets
	@missed=0; for what in startup serving downloads workers replaying recording \
	        memory media plugin contract page programs proxied_bytes; do \
	    $(BIN)/python -m benchmarks.$$what $(ARGS) || missed=1; \
	done; exit $$missed

.PHONY: minima
minima: ## Run the fake's tests with the oldest versions that the package declares (needs uv)
	@uv venv --quiet --clear --python 3.11 .minima
	@uv pip install --quiet --python .minima/bin/python --resolution lowest-direct \
	    --group test '.[all]'
	@.minima/bin/python -m pytest tests/api tests/control tests/media tests/store tests/world \
	    tests/reports tests/contract/budget -m "not slow" $(ARGS)

# The theme announces its successor at each build, in colours.
.PHONY: site
site: | $(MADE) ## Build the documentation as a site, into site/
	@$(PIP) install --group docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.PHONY: release-check
release-check: $(DEVELOPS) ## Build what a release publishes, and try it in clean environments
	@$(BIN)/python -m tests.repository.release_check $(ARGS)

.PHONY: wheel
wheel: $(DEVELOPS) ## Build dist/*.tar.gz and dist/*.whl
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	@ls dist/*

.PHONY: clean
clean: ## Remove .venv and everything that was made
	@rm -rf $(VENV) .minima dist build site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A Python is tried by running it: a version manager's stand-in may be on PATH and fail.
$(MADE):
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	    "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	        >/dev/null 2>&1 || { [[ -z "$(PYTHON)" ]] && continue || break; }; \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV); \
	    $(PIP) install --upgrade 'pip>=25.1'; \
	    touch $@; \
	    exit 0; \
	done; \
	echo "No usable Python 3.11 or newer (with venv) was found." \
	     "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	exit 1

# --no-compile: the interpreter compiles what is imported, and most of what is installed never is.
$(RUNS): pyproject.toml | $(MADE)
	@echo "Installing getimg-mock into $(VENV)"
	@$(PIP) install --no-compile --editable '.[watch,video]'
	@touch $@

# dependency groups need pip 25.1, which $(MADE) sees to
$(DEVELOPS): pyproject.toml | $(MADE)
	@echo "Installing getimg-mock and the tools of its development into $(VENV)"
	@$(PIP) install --no-compile --editable . --group dev
	@touch $(RUNS) $@
