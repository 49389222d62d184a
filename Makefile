# Everything from a fresh clone: Python 3.11 or 3.12 with its venv module, and make. The rest comes from the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
.DEFAULT_GOAL := help
.PHONY: help install demo airflow test test-quick test-slow attack browser mutation lint bench screenshots picture clean

help:  ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
	  { echo "Ardoise needs Python 3.11 or 3.12; $(PYTHON) is $$($(PYTHON) --version). Name one: make PYTHON=python3.12 …" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --frozen --inexact --quiet --python $(BIN)/python
	@touch $@

install: $(VENV)/.installed  ## Create .venv from the lock file

demo: install  ## The main job, end to end, on four real stores of an invented company
	$(BIN)/ardoise demo

airflow: install  ## Airflow's scheduler and UI, with the demonstration's stores connected
	$(BIN)/python -m dags.standalone

test: install  ## Lint, types, layers and the quick tests (under five minutes)
	@$(MAKE) --no-print-directory --jobs=2 lint test-quick

# What these tests write is 700 MB in all, much of it to commit after commit: in memory, where it has two gigabytes to spare.
MEMORY := $(shell df --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 2000000 { print "TMPDIR=/dev/shm" }')
test-quick: install
	$(MEMORY) $(BIN)/pytest -m "not slow" -o tmp_path_retention_policy=failed -n 2 --dist loadfile --no-loadscope-reorder

test-slow: install browser  ## Real servers under stress, chaos, Airflow and browser suites
	$(BIN)/pytest -m "slow and not attack" -n 3 --dist loadfile --no-loadscope-reorder

attack: install  ## Attack what a run has made of a public table of persons (installs anonymeter apart; long)
	$(BIN)/pytest -m attack

browser:
	@if command -v npm >/dev/null && ! test -d tests/browser/node_modules; then \
	  npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent; fi

mutation: install  ## Change the reference in every way that mutmut knows: some test must notice (ten minutes)
	$(BIN)/uv sync --frozen --inexact --quiet --group mutation
	$(BIN)/python tests/mutation.py

lint: install  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install  ## Benchmarks: ratios to a floor measured in the same run, and peak memory (long)
	$(BIN)/python -m benchmarks.planning --twice
	$(BIN)/python -m benchmarks.expectations
	$(BIN)/uv sync --frozen --inexact --quiet --python $(BIN)/python --group bench
	$(BIN)/python -m benchmarks.classification_columns $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.scanning
	$(BIN)/python -m benchmarks.attack
	$(BIN)/python -m benchmarks.anonymisation
	$(BIN)/python -m benchmarks.anonymity
	$(if $(DATA),$(BIN)/python -m benchmarks.classification_spans --data $(DATA))

screenshots: install  ## Remake the pictures of Airflow's UI and of the demonstration's report (needs Debian's chromium)
	$(BIN)/python tests/screenshots.py
	$(MAKE) --no-print-directory picture

picture: install  ## Remake the picture of the report alone, from the demonstration (run first where it has left none)
	@ls demo/estate/.ardoise/reports/*.html >/dev/null 2>&1 || $(BIN)/ardoise demo
	$(BIN)/python tests/screenshots.py "$$(ls -t demo/estate/.ardoise/reports/*.html | grep -vE '\.(fr|en)\.html$$|-incomplete' | head -n 1)"

clean:  ## Remove the environment and what the demonstration left
	rm -rf $(VENV) .venv-attack demo airflow_home
