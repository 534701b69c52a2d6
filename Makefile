# `make demo` and `make test` do all set-up themselves; they need Python 3.11 or later, and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MODEL := smollm2-135m
ENCODER := minilm-l6

.PHONY: demo test check format clean help

help:  ## Say what there is.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(VENV)/.base  ## Compress a real 2,000-token prompt and show what was kept.
	@$(BIN)/tersely models pull $(MODEL) --quiet
	@$(BIN)/tersely models pull $(ENCODER) --quiet
	@$(BIN)/python examples/demo.py

test: $(VENV)/.dev  ## Set up everything, then lint, check types and run all tests.
	@$(BIN)/tersely models pull $(MODEL) --quiet
	@$(BIN)/tersely models pull $(ENCODER) --quiet
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(PYTEST)

format: $(VENV)/.dev  ## Rewrite the code in the project's format.
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

clean:  ## Remove the environment and what tools left behind.
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or later is needed"'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable .
	touch $@

# torch first and by exact version: the plain name brings gigabytes of GPU packages.
$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[dev,torch]'
	touch $@ $(VENV)/.base
