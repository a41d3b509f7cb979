# `make repro` from a fresh clone to scores; `make test` for the tests; `make help` for the rest.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
BIN := .venv/bin
# Stages run under `python` and `dvc` of the environment, whoever calls them.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true

.PHONY: help repro test test-slow lint format verify results bench trials tune lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another one with make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

repro: .venv/installed  ## install what is needed and run the pipeline, on the profile in params.yaml
	python -m scenes.schema
	dvc repro
	@python benchmarks/results.py --show

test: .venv/installed-dev lint  ## the tests, but those that take minutes
	python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: .venv/installed-dev  ## the tests that take minutes
	python -m pytest -m slow

lint: .venv/installed-dev  ## ruff: mistakes and format
	ruff check .
	ruff format --check .

format: .venv/installed-dev  ## let ruff mend and format
	ruff check --fix .
	ruff format .

verify: .venv/installed  ## run the pipeline in two fresh clones and compare every hash
	python -m tests.clones

results: .venv/installed  ## write the table of results in README.md from the metrics
	python benchmarks/results.py

bench: .venv/installed  ## speed of reading and training, as ratios to what plain Keras does
	python benchmarks/reading.py
	python benchmarks/training.py

trials: .venv/installed  ## run the write-ups' trials as experiments, e.g. ARGS="frozen -S profile=intel"
	python -m experiments.trials $(ARGS)

tune: .venv/installed-dev  ## search for better settings, e.g. ARGS="baseline --trials 20"
	python -m experiments.tune $(ARGS)

lock: .venv/installed-dev  ## lock the dependencies in pyproject.toml, with hashes
	for extra in "" dev gpu remotes; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $${extra:+--extra $$extra} \
			pyproject.toml -o requirements$${extra:+-$$extra}.txt; \
	done

clean:  ## remove the environment, caches and everything the pipeline wrote, but metrics
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .partial .resume .dvc/cache .dvc/tmp data models plots dvc_plots reports/report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
