# Everything runs from .venv in this folder; `make install` makes it. Re-runs do only what changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CONSTRAINTS ?= constraints.txt
INSTALLED := $(VENV)/.installed
# Further arguments for the program that a target starts: make run ARGS="--port 5001"
ARGS ?=
# Test files that run side by side.
JOBS ?= 2

DISTRIBUTIONS := $(patsubst %/setup.cfg,%,$(wildcard providers/*/setup.cfg testkit/setup.cfg examples/*/setup.cfg))
METADATA := $(foreach folder,. $(DISTRIBUTIONS),$(folder)/setup.cfg $(folder)/pyproject.toml)
# One link for each import package; see tests/architecture/test_packages.py.
IMPORT_PACKAGES := $(notdir $(wildcard .typing/*))

.PHONY: help install run test check check-format check-lint check-types check-layers check-packages \
        check-duplicates format bench bench-growth faults screenshots clean
.DELETE_ON_ERROR:

help:
	@echo "make install   .venv with every distribution of this repository, editable"
	@echo "make run       Chatport with simulated WhatsApp services; one address, Ctrl-C stops all"
	@echo "make test      the whole test suite"
	@echo "make check     format, lint, types, layers, package lists, duplicate code"
	@echo "make format    let ruff format and repair what it can"
	@echo "make bench     the measurements of benchmarks/"
	@echo "make bench-growth   what a million messages make slower; ARGS=--full for five million"
	@echo "make screenshots   pictures of the main screens, into docs/screenshots/"
	@echo "make faults    processes killed, databases and services disturbed, for about an hour; writes docs/reliability.md"
	@echo "make clean     remove .venv and everything that tools left behind (never data/)"

install: $(INSTALLED)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Chatport needs Python 3.11 or newer; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@echo "making $(VENV) and installing into it; the first time takes a minute or two"
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(METADATA) $(CONSTRAINTS) | $(BIN)/python
	@PYTHONWARNINGS="ignore:Editable installation" $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint $(CONSTRAINTS) $(foreach folder,. $(DISTRIBUTIONS),--editable './$(folder)' --editable './$(folder)[dev]')
	@touch $@

run: install
	@$(BIN)/chatport up --demo $(ARGS)

test: install
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: check-format check-lint check-types check-layers check-packages check-duplicates

check-format: install
	$(BIN)/ruff format --check .

check-lint: install
	$(BIN)/ruff check .

check-types: install
	$(BIN)/mypy $(foreach package,$(IMPORT_PACKAGES),-p $(package))

check-layers: install
	$(BIN)/lint-imports --no-logo

check-packages: install
	$(BIN)/pytest -q tests/architecture

check-duplicates: install
	$(BIN)/pylint --disable=all --enable=duplicate-code --score=n \
	  $(foreach package,$(IMPORT_PACKAGES),$(realpath .typing/$(package)))

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-growth: install
	$(BIN)/python benchmarks/growth.py $(ARGS)

screenshots: install
	PYTHONPATH=tests $(BIN)/python -m browser.screenshots $(ARGS)

faults: install
	PYTHONPATH=tests $(BIN)/python -m faults.run_planted --json tests/faults/planted.json
	PYTHONPATH=tests $(BIN)/python -m faults.report --run 1 $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info providers/*/build providers/*/*.egg-info testkit/build \
	  testkit/*.egg-info examples/*/build examples/*/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
